package exchangetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Run runs the suite. Every check gets a harness of its own.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	t.Helper()
	for _, row := range capabilities() {
		t.Run(row.name, func(t *testing.T) {
			for _, check := range [2]check{row.does, row.refuses} {
				t.Run(check.says, func(t *testing.T) {
					c := newClient(t, newHarness(t))
					if why := check.blind(c.h.Sight); why != "" {
						t.Skip(why)
					}
					c.quote(10, 10)
					check.test(c)
					if !t.Failed() && !c.closed {
						c.cleanUp()
					}
				})
			}
		})
	}
}

// cleanUp ends everything and requires that everything has ended once.
func (c *client) cleanUp() {
	c.t.Helper()
	c.settle()
	require.NoError(c.t, c.h.Exchange.CancelAll(c.t.Context(), exchange.CancelFilter{AllSymbol: true}))
	c.settle()
	for id := range c.orders {
		require.True(c.t, c.orders[id].Status.Final(), "%s is still %s", id, c.orders[id].Status)
	}
	require.NoError(c.t, c.h.Exchange.Close())
}

func marketFills(c *client) {
	id := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(3), Type: exchange.Market})
	o := c.ends(id, exchange.Filled)
	require.Equal(c.t, c.lots(3), o.Filled)
	require.Equal(c.t, []exchange.ExecType{exchange.ExecNew, exchange.ExecTrade}, c.execs(id))
	fills := c.fills(id)
	require.Len(c.t, fills, 1)
	require.Equal(c.t, c.ticks(1), fills[0].Price)
	require.Equal(c.t, exchange.RemovedLiquidity, fills[0].Liquidity)
	require.Equal(c.t, o.OrderID, fills[0].OrderID)
}

func limitRests(c *client) {
	id := c.limit(exchange.Buy, 2, -3, 0)
	o := c.is(id, exchange.New)
	require.True(c.t, o.Working)
	require.Equal(c.t, exchange.GoodTillCancel, o.TimeInForce)
	require.Equal(c.t, exchange.Limit, o.Type)
	require.Zero(c.t, o.Filled)
	c.quoteAt(-5, 10, 1, 10)
	c.trade(exchange.Sell, -4, 1)
	o = c.is(id, exchange.PartiallyFilled)
	require.Equal(c.t, c.lots(1), o.Leaves)
	require.True(c.t, o.Working)
	c.trade(exchange.Sell, -4, 5)
	c.ends(id, exchange.Filled)
	for _, f := range c.fills(id) {
		require.Equal(c.t, c.ticks(-3), f.Price)
		require.Equal(c.t, exchange.AddedLiquidity, f.Liquidity)
	}
}

func limitHolds(c *client) {
	id := c.limit(exchange.Buy, 15, 1, 0)
	c.until("the best ask is taken", func() bool { return c.filled[id] == c.lots(10) })
	c.settle()
	require.Equal(c.t, exchange.PartiallyFilled, c.orders[id].Status)
	require.Equal(c.t, c.lots(5), c.orders[id].Leaves)
}

func cancelAfterPart(c *client) {
	id := c.limit(exchange.Buy, 15, 1, 0)
	c.is(id, exchange.PartiallyFilled)
	c.cancel(id)
	o := c.ends(id, exchange.Canceled)
	require.Equal(c.t, c.lots(10), o.Filled)
	require.Equal(c.t, c.lots(15), o.Qty)
	require.NotZero(c.t, o.AvgPrice)
	execs := c.execs(id)
	require.Equal(c.t, exchange.ExecCanceled, execs[len(execs)-1])
}

func amends(c *client) {
	id := c.limit(exchange.Buy, 2, -3, 0)
	c.is(id, exchange.New)
	price, qty := c.ticks(-2), c.lots(5)
	c.amend(exchange.AmendOrder{OrigClientID: id, Price: &price, Qty: &qty})
	price, qty = 0, 0 // the exchange must not look at them later
	c.until("the amendment", func() bool { return c.orders[id].Qty == c.lots(5) })
	require.Equal(c.t, c.ticks(-2), c.orders[id].Price)
	require.Equal(c.t, exchange.New, c.orders[id].Status)
	require.Equal(c.t, []exchange.ExecType{exchange.ExecNew, exchange.ExecReplaced}, c.execs(id))
	leaves := c.lots(1)
	c.amend(exchange.AmendOrder{OrderID: c.orders[id].OrderID, Leaves: &leaves})
	c.until("the amendment", func() bool { return c.orders[id].Leaves == c.lots(1) })
}

func amendTakes(c *client) {
	id := c.limit(exchange.Buy, 2, -3, 0)
	c.is(id, exchange.New)
	price := c.ticks(1)
	c.amend(exchange.AmendOrder{OrigClientID: id, Price: &price})
	c.ends(id, exchange.Filled)
	require.Equal(c.t, exchange.RemovedLiquidity, c.fills(id)[0].Liquidity)
}

func amendFinished(c *client) {
	id := c.market(exchange.Buy, 1)
	qty := c.lots(5)
	c.amend(exchange.AmendOrder{OrigClientID: id, Qty: &qty})
	c.until("a refusal", func() bool { return len(c.rejects(id)) == 1 })
	require.Equal(c.t, "amend", c.rejects(id)[0].Command)
}

func idsAssigned(c *client) {
	a, b := c.limit(exchange.Buy, 1, -3, 0), c.limit(exchange.Buy, 1, -4, 0)
	require.NotEqual(c.t, a, b)
	require.LessOrEqual(c.t, len(a), exchange.MaxClientID)
	c.is(a, exchange.New)
	c.is(b, exchange.New)
	require.NotEqual(c.t, c.orders[a].OrderID, c.orders[b].OrderID)
}

func duplicates(c *client) {
	o := exchange.NewOrder{Symbol: c.h.Instrument.ID, Side: exchange.Buy, Qty: c.lots(1), Price: c.ticks(-3), ClientID: "mine"}
	c.submit(o)
	c.is("mine", exchange.New)
	first := c.orders["mine"].OrderID
	o.Price = c.ticks(-4)
	_, err := c.h.Exchange.Submit(c.t.Context(), o)
	if err != nil {
		require.ErrorIs(c.t, err, exchange.ErrDuplicateID)
	} else {
		c.until("a refusal", func() bool { return len(c.rejects("mine")) == 1 })
	}
	c.settle()
	require.Equal(c.t, first, c.orders["mine"].OrderID)
	require.Equal(c.t, exchange.New, c.orders["mine"].Status)
	require.Equal(c.t, c.ticks(-3), c.orders["mine"].Price)
}

func idsAgain(c *client) {
	o := exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Price: c.ticks(-3), ClientID: "mine"}
	c.submit(o)
	c.is("mine", exchange.New)
	c.cancel("mine")
	c.ends("mine", exchange.Canceled)
	c.submit(o)
	c.is("mine", exchange.New)
}

func validation(c *client) {
	terms := c.h.Instrument.At(c.h.Now())
	for _, v := range []struct {
		field string
		order exchange.NewOrder
	}{
		{"orderQty", exchange.NewOrder{Side: exchange.Buy, Price: c.ticks(0)}},
		{"orderQty", exchange.NewOrder{Side: exchange.Buy, Qty: terms.MaxQty + terms.LotSize, Price: c.ticks(0)}},
		{"price", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Price: c.ticks(0) + 1}},
		{"price", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.Limit}},
		{"price", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Price: -c.ticks(0)}},
		{"stopPx", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), StopPrice: c.ticks(0) + 1}},
		{"execInst", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.Market, ExecInst: exchange.PostOnly}},
		{"clOrdID", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Price: c.ticks(0), ClientID: "an id that is longer than thirty-six bytes"}},
	} {
		v.order.Symbol = c.h.Instrument.ID
		_, err := c.h.Exchange.Submit(c.t.Context(), v.order)
		var wrong *exchange.ValidationError
		require.ErrorAs(c.t, err, &wrong, "%+v", v.order)
		require.Equal(c.t, v.field, wrong.Field)
		require.NotEmpty(c.t, wrong.Reason)
	}
	var wrong *exchange.ValidationError
	require.ErrorAs(c.t, c.h.Exchange.Amend(c.t.Context(), exchange.AmendOrder{Symbol: c.h.Instrument.ID}), &wrong)
	require.ErrorAs(c.t, c.h.Exchange.Cancel(c.t.Context(), exchange.CancelOrder{Symbol: c.h.Instrument.ID}), &wrong)
	c.settle()
	require.Empty(c.t, c.orders, "a wrong order was sent")
}

func unknownSymbol(c *client) {
	_, err := c.h.Exchange.Submit(c.t.Context(), exchange.NewOrder{Symbol: 65535, Side: exchange.Buy, Qty: 1})
	require.ErrorIs(c.t, err, exchange.ErrUnknownSymbol)
	_, err = c.h.Exchange.ClosePosition(c.t.Context(), 65535)
	require.ErrorIs(c.t, err, exchange.ErrUnknownSymbol)
}

func postOnly(c *client) {
	id := c.limit(exchange.Buy, 1, 1, exchange.PostOnly)
	o := c.ends(id, exchange.Canceled)
	require.Empty(c.t, c.fills(id))
	require.Contains(c.t, o.Text, "ParticipateDoNotInitiate")
	rests := c.limit(exchange.Buy, 1, 0, exchange.PostOnly)
	c.is(rests, exchange.New)
	price := c.ticks(2)
	c.amend(exchange.AmendOrder{OrigClientID: rests, Price: &price})
	c.ends(rests, exchange.Canceled)
	require.Empty(c.t, c.fills(rests))
}

func immediateOrCancel(c *client) {
	ioc := exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(15), Price: c.ticks(1), TimeInForce: exchange.ImmediateOrCancel}
	id := c.submit(ioc)
	o := c.ends(id, exchange.Canceled)
	require.Equal(c.t, c.lots(10), o.Filled)
	ioc.Price = c.ticks(0)
	id = c.submit(ioc)
	o = c.ends(id, exchange.Canceled)
	require.Zero(c.t, o.Filled)
}

func fillOrKill(c *client) {
	fok := exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(15), Price: c.ticks(1), TimeInForce: exchange.FillOrKill}
	id := c.submit(fok)
	c.ends(id, exchange.Canceled)
	require.Empty(c.t, c.fills(id))
	fok.Qty = c.lots(10)
	id = c.submit(fok)
	o := c.ends(id, exchange.Filled)
	require.Equal(c.t, c.lots(10), o.Filled)
}

func reduceOnly(c *client) {
	id := c.limit(exchange.Sell, 1, 2, exchange.ReduceOnly)
	c.ends(id, exchange.Canceled) // there is nothing to reduce
	c.market(exchange.Buy, 3)
	grows := c.limit(exchange.Buy, 1, 1, exchange.ReduceOnly)
	c.ends(grows, exchange.Canceled)
	require.Empty(c.t, c.fills(grows))
	flips := c.submit(exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(8), Type: exchange.Market, ExecInst: exchange.ReduceOnly})
	c.until("the order ends", func() bool { return c.orders[flips].Status.Final() })
	c.settle()
	require.Equal(c.t, c.lots(3), c.filled[flips])
	require.Zero(c.t, c.pos)
}

func reduceOnlyShrinks(c *client) {
	c.market(exchange.Buy, 4)
	id := c.limit(exchange.Sell, 4, 5, exchange.ReduceOnly)
	c.is(id, exchange.New)
	c.market(exchange.Sell, 3)
	c.until("the order is cut", func() bool { return c.orders[id].Leaves == c.lots(1) })
	c.market(exchange.Sell, 1)
	c.ends(id, exchange.Canceled)
	require.Empty(c.t, c.fills(id))
}

func stop(c *client) {
	id := c.submit(exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(2), StopPrice: c.ticks(-6), ExecInst: exchange.LastPrice})
	o := c.is(id, exchange.New)
	require.Equal(c.t, exchange.Stop, o.Type)
	require.False(c.t, o.Working)
	c.trade(exchange.Sell, -5, 1)
	require.Equal(c.t, exchange.New, c.orders[id].Status)
	c.trade(exchange.Sell, -6, 2)
	o = c.ends(id, exchange.Filled)
	require.Equal(c.t, exchange.StopOrderTriggered, o.Triggered)
	require.Equal(c.t, []exchange.ExecType{exchange.ExecNew, exchange.ExecTriggered, exchange.ExecTrade}, c.execs(id))
	require.Equal(c.t, exchange.RemovedLiquidity, c.fills(id)[0].Liquidity)
}

func stopLimit(c *client) {
	id := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(2), StopPrice: c.ticks(6), Price: c.ticks(-3), ExecInst: exchange.LastPrice})
	require.Equal(c.t, exchange.StopLimit, c.is(id, exchange.New).Type)
	require.False(c.t, c.orders[id].Working)
	c.trade(exchange.Buy, 6, 1)
	c.until("it works", func() bool { return c.orders[id].Triggered == exchange.StopOrderTriggered && c.orders[id].Working })
	c.settle()
	require.False(c.t, c.orders[id].Status.Final())
	c.cancel(id)
	c.ends(id, exchange.Canceled)
}

func cancelFinished(c *client) {
	id := c.market(exchange.Buy, 1)
	c.cancel(id)
	c.until("a refusal", func() bool { return len(c.rejects(id)) == 1 })
	require.Equal(c.t, "cancel", c.rejects(id)[0].Command)
	require.Equal(c.t, exchange.Filled, c.orders[id].Status)
}

func cancelUnknown(c *client) {
	err := c.h.Exchange.Cancel(c.t.Context(), exchange.CancelOrder{Symbol: c.h.Instrument.ID, ClientID: "nobody"})
	if err != nil {
		require.ErrorIs(c.t, err, exchange.ErrUnknownOrder)
		return
	}
	c.until("a refusal", func() bool { return len(c.rejects("nobody")) == 1 })
}

func cancelAll(c *client) {
	buy, sell := c.limit(exchange.Buy, 1, -3, 0), c.limit(exchange.Sell, 1, 3, 0)
	waits := c.submit(exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(1), StopPrice: c.ticks(-20), ExecInst: exchange.LastPrice})
	for _, id := range []exchange.ClientID{buy, sell, waits} {
		c.is(id, exchange.New)
	}
	all := func(f exchange.CancelFilter) {
		require.NoError(c.t, c.h.Exchange.CancelAll(c.t.Context(), f))
	}
	var refused *exchange.ValidationError
	none := exchange.CancelFilter{Symbol: c.h.Instrument.ID, Side: 3}
	require.ErrorAs(c.t, c.h.Exchange.CancelAll(c.t.Context(), none), &refused, "there is no such side")
	require.Equal(c.t, "side", refused.Field)
	all(exchange.CancelFilter{Symbol: c.h.Instrument.ID, Side: exchange.Buy})
	c.ends(buy, exchange.Canceled)
	c.settle()
	require.Equal(c.t, exchange.New, c.orders[sell].Status)
	require.Equal(c.t, exchange.New, c.orders[waits].Status)
	all(exchange.CancelFilter{Symbol: c.h.Instrument.ID})
	c.ends(sell, exchange.Canceled)
	c.ends(waits, exchange.Canceled)
}

func cancelAllAfter(c *client) {
	arm := func(d time.Duration) {
		require.NoError(c.t, c.h.Exchange.CancelAllAfter(c.t.Context(), d))
	}
	id := c.limit(exchange.Buy, 1, -3, 0)
	c.is(id, exchange.New)
	arm(10 * time.Second)
	c.settle()
	arm(0)
	c.h.Wait(20 * time.Second)
	c.settle()
	require.Equal(c.t, exchange.New, c.orders[id].Status, "it was disarmed")
	arm(10 * time.Second)
	c.settle()
	require.Equal(c.t, exchange.New, c.orders[id].Status)
	c.h.Wait(20 * time.Second)
	c.ends(id, exchange.Canceled)
	require.Error(c.t, c.h.Exchange.CancelAllAfter(c.t.Context(), -time.Second))
}

func closePosition(c *client) {
	for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
		c.quote(10, 10)
		c.market(side, 5)
		require.NotZero(c.t, c.pos)
		c.quote(11, 11)
		id, err := c.h.Exchange.ClosePosition(c.t.Context(), c.h.Instrument.ID)
		require.NoError(c.t, err)
		c.ends(id, exchange.Filled)
		c.settle()
		require.Zero(c.t, c.pos)
	}
	id, err := c.h.Exchange.ClosePosition(c.t.Context(), c.h.Instrument.ID)
	if err == nil {
		c.until("it ends without a fill", func() bool { return c.orders[id].Status.Final() })
		require.Empty(c.t, c.fills(id))
	}
}

// addsUp trades back and forth; what must add up is checked with every report.
func addsUp(c *client) {
	for i := range 4 {
		c.quoteAt(-1-i, 10, 1+i, 10)
		c.market(exchange.Buy, 7)
		c.market(exchange.Sell, 3)
		c.quoteAt(-1+i, 10, 1+i, 10)
		c.market(exchange.Sell, 6)
	}
	c.settle()
	require.Equal(c.t, c.lots(-8), c.pos)
	var positions, margins int
	for i := range c.reports {
		switch c.reports[i].Kind {
		case exchange.ReportPosition:
			positions++
		case exchange.ReportMargin:
			margins++
		}
	}
	require.NotZero(c.t, positions, "positions are not reported")
	require.NotZero(c.t, margins, "margin is not reported")
}

func leverage(c *client) {
	id := c.h.Instrument.ID
	c.market(exchange.Buy, 1)
	said := func() (positions, rejects int) {
		for i := range c.reports {
			switch r := &c.reports[i]; {
			case r.Kind == exchange.ReportPosition && r.Position.Leverage == 2*exchange.RatioUnit:
				positions++
			case r.Kind == exchange.ReportReject && r.Reject.Command == "leverage":
				rejects++
			}
		}
		return positions, rejects
	}
	require.NoError(c.t, c.h.Exchange.SetLeverage(c.t.Context(), id, 2*exchange.RatioUnit))
	c.until("an answer", func() bool { p, r := said(); return p+r > 0 })
	_, before := said()
	if err := c.h.Exchange.SetLeverage(c.t.Context(), id, 1_000_000*exchange.RatioUnit); err == nil {
		c.until("a refusal", func() bool { _, r := said(); return r > before })
	} else {
		var wrong *exchange.ValidationError
		require.ErrorAs(c.t, err, &wrong)
	}
	require.Error(c.t, c.h.Exchange.SetLeverage(c.t.Context(), id, -exchange.RatioUnit))
}

// refusals counts the refused commands of a name.
func (c *client) refusals(command string) (n int) {
	for i := range c.reports {
		if r := &c.reports[i]; r.Kind == exchange.ReportReject && r.Reject.Command == command {
			n++
		}
	}
	return n
}

// position returns the position as last reported.
func (c *client) position() (p exchange.Position) {
	for i := range c.reports {
		if r := &c.reports[i]; r.Kind == exchange.ReportPosition {
			p = r.Position
		}
	}
	return p
}

// marginControl returns the controls of an exchange that has them, or skips the rule.
func (c *client) marginControl() exchange.MarginControl {
	x, ok := c.h.Exchange.(exchange.MarginControl)
	if !ok {
		c.t.Skip("the exchange has no margin control")
	}
	return x
}

// turnedDown gives a command and waits for its refusal.
func (c *client) turnedDown(command string, send func() error) {
	c.t.Helper()
	before := c.refusals(command)
	require.NoError(c.t, send())
	c.until("a refusal", func() bool { return c.refusals(command) > before })
}

// isolate isolates the margin of the position.
func (c *client) isolate() {
	c.t.Helper()
	require.NoError(c.t, c.h.Exchange.SetLeverage(c.t.Context(), c.h.Instrument.ID, 2*exchange.RatioUnit))
	c.until("the position is isolated", func() bool { return c.position().Leverage == 2*exchange.RatioUnit })
	c.settle()
}

func transferMargin(c *client) {
	x, ctx, id := c.marginControl(), c.t.Context(), c.h.Instrument.ID
	c.market(exchange.Buy, 1)
	c.isolate()
	before := c.position()
	amount := before.Cost.Abs() / 10
	require.NoError(c.t, x.TransferMargin(ctx, id, amount))
	c.until("the margin is there", func() bool { return c.position().MaintMargin == before.MaintMargin+amount })
	require.Less(c.t, c.position().LiquidationPrice, before.LiquidationPrice)
	require.NoError(c.t, x.TransferMargin(ctx, id, 1-amount)) // what the fee was rounded up by stays
	c.until("the margin has gone back", func() bool { return c.position().MaintMargin <= before.MaintMargin+2 })
	require.Equal(c.t, before.LiquidationPrice, c.position().LiquidationPrice)
}

func transferRefused(c *client) {
	x, ctx, id := c.marginControl(), c.t.Context(), c.h.Instrument.ID
	c.market(exchange.Buy, 1)
	c.turnedDown("transferMargin", func() error { return x.TransferMargin(ctx, id, 1) })
	c.isolate()
	amount := c.position().Cost.Abs() / 10
	c.turnedDown("transferMargin", func() error { return x.TransferMargin(ctx, id, -amount) })
	var wrong *exchange.ValidationError
	require.ErrorAs(c.t, x.TransferMargin(ctx, id, 0), &wrong)
	require.Equal(c.t, "amount", wrong.Field)
	require.ErrorIs(c.t, x.TransferMargin(ctx, 65535, 1), exchange.ErrUnknownSymbol)
}

// riskLimited returns the terms of an instrument that has risk limits, or skips the rule,
// and an order that is worth more than the first.
func (c *client) riskLimited() (*exchange.Terms, exchange.NewOrder) {
	c.t.Helper()
	terms := c.h.Instrument.At(c.h.Now())
	o := exchange.NewOrder{Side: exchange.Buy, Price: c.ticks(-3)}
	o.Qty = exchange.Qty(terms.RiskLimit/terms.LotValue(o.Price)+1) * terms.LotSize
	if terms.RiskLimit == 0 || o.Qty > terms.MaxQty {
		c.t.Skip("the instrument has no risk limit that an order can reach")
	}
	return terms, o
}

func riskLimit(c *client) {
	x, ctx, id := c.marginControl(), c.t.Context(), c.h.Instrument.ID
	terms, large := c.riskLimited()
	c.market(exchange.Buy, 1)
	c.settle()
	before := c.position()
	require.NoError(c.t, x.SetRiskLimit(ctx, id, terms.RiskLimit+1))
	c.until("the limit is raised by a step", func() bool { return c.position().RiskLimit == terms.RiskLimit+terms.RiskStep })
	require.Greater(c.t, c.position().MaintMargin, before.MaintMargin)
	order := c.submit(large)
	c.is(order, exchange.New)
	c.cancel(order)
	c.ends(order, exchange.Canceled)
	require.NoError(c.t, x.SetRiskLimit(ctx, id, terms.RiskLimit))
	c.until("it is back at the base", func() bool { return c.position().RiskLimit == 0 })
	require.Equal(c.t, before.MaintMargin, c.position().MaintMargin)
}

func riskLimitRefused(c *client) {
	x, ctx, id := c.marginControl(), c.t.Context(), c.h.Instrument.ID
	_, large := c.riskLimited()
	o := c.ends(c.submit(large), exchange.Rejected)
	require.Equal(c.t, "Value of position and orders exceeds position Risk Limit", o.RejectReason)
	c.turnedDown("riskLimit", func() error { return x.SetRiskLimit(ctx, id, 1<<61) }) // more than 100 % margin
	var wrong *exchange.ValidationError
	require.ErrorAs(c.t, x.SetRiskLimit(ctx, id, 0), &wrong)
	require.Equal(c.t, "riskLimit", wrong.Field)
	require.ErrorIs(c.t, x.SetRiskLimit(ctx, 65535, 1), exchange.ErrUnknownSymbol)
}

func closed(c *client) {
	c.closed = true
	require.NoError(c.t, c.h.Exchange.Close())
	_, err := c.h.Exchange.Submit(c.t.Context(), exchange.NewOrder{Symbol: c.h.Instrument.ID, Side: exchange.Buy, Qty: c.lots(1), Price: c.ticks(0)})
	require.ErrorIs(c.t, err, exchange.ErrClosed)
	require.ErrorIs(c.t, c.h.Exchange.CancelAll(c.t.Context(), exchange.CancelFilter{AllSymbol: true}), exchange.ErrClosed)
	require.NotErrorIs(c.t, c.h.Exchange.Close(), exchange.ErrUnknownOrder, "closing twice is harmless")
}

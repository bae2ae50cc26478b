package exchangetest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// wrong requires that an order is refused before it is sent, and what is said of it.
func (c *client) wrong(field string, o exchange.NewOrder) {
	c.t.Helper()
	o.Symbol = c.h.Instrument.ID
	_, err := c.h.Exchange.Submit(c.t.Context(), o)
	var wrong *exchange.ValidationError
	require.ErrorAs(c.t, err, &wrong, "%+v", o)
	require.Equal(c.t, field, wrong.Field)
}

// refused waits for a command on an order to be refused, by an error or a report.
func (c *client) refused(err error, id exchange.ClientID, command string) {
	c.t.Helper()
	if err != nil {
		return
	}
	c.until("a refusal", func() bool {
		r := c.rejects(id)
		return len(r) > 0 && r[len(r)-1].Command == command
	})
}

// mark tells the exchange the mark and the index price in ticks.
func (c *client) mark(mark, index int) {
	c.t.Helper()
	if c.h.Mark == nil {
		c.t.Skip("the harness cannot move the mark price")
	}
	c.settle()
	c.h.Mark(exchange.Mark{Mark: c.ticks(mark), Index: c.ticks(index)})
	c.settle()
}

// quoteAgain shows the market of the suite anew, so that nothing of it is taken.
func (c *client) quoteAgain() {
	c.t.Helper()
	c.shown++
	c.h.Quote(exchange.Level{Price: c.ticks(-1), Qty: c.lots(10 + c.shown%2)}, exchange.Level{Price: c.ticks(1), Qty: c.lots(10 + c.shown%2)})
	c.settleShortly()
}

// settleShortly waits for what a request leads to, where that is one thing.
func (c *client) settleShortly() {
	c.t.Helper()
	for silent := 0; silent < quiet/5; silent++ {
		if c.poll() > 0 {
			silent = 0
		}
	}
}

func marketHasNoPrice(c *client) {
	c.wrong("price", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.Market, Price: c.ticks(0)})
}

func stopHolds(c *client) {
	id := c.submit(exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(2), StopPrice: c.ticks(-6), ExecInst: exchange.LastPrice})
	c.is(id, exchange.New)
	c.trade(exchange.Sell, -5, 1)
	c.quoteAt(-9, 10, -7, 10)
	require.Equal(c.t, exchange.New, c.orders[id].Status, "nothing has traded there")
	require.False(c.t, c.orders[id].Working)
	c.wrong("stopPx", exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(2), Type: exchange.Stop})
}

func stopLimitNeedsPrice(c *client) {
	c.wrong("price", exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(1), Type: exchange.StopLimit, StopPrice: c.ticks(-6)})
}

func ifTouchedNeedsStop(c *client) {
	c.wrong("stopPx", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.MarketIfTouched})
	c.wrong("price", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.MarketIfTouched, StopPrice: c.ticks(-3), Price: c.ticks(-3)})
}

func ifTouchedNeedsPrice(c *client) {
	c.wrong("price", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.LimitIfTouched, StopPrice: c.ticks(-3)})
}

func pegNeedsFixed(c *client) {
	c.wrong("execInst", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.Pegged, PegType: exchange.PrimaryPeg})
}

func pegIsPegged(c *client) {
	c.wrong("pegPriceType", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.Limit, Price: c.ticks(-3), PegType: exchange.MarketPeg})
	c.wrong("pegOffsetValue", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.Limit, Price: c.ticks(-3), PegOffset: c.ticks(1) - c.ticks(0)})
}

func peggedElse(c *client) {
	c.trade(exchange.Buy, 1, 1)
	for peg, at := range map[exchange.PegPriceType]int{exchange.MidPricePeg: -4, exchange.LastPeg: -3} {
		id := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.Pegged, PegType: peg, PegOffset: c.ticks(0) - c.ticks(4),
			ExecInst: exchange.Fixed})
		require.Equal(c.t, c.ticks(at), c.is(id, exchange.New).Price, "%s", peg)
	}
}

func pegDoesNotTrail(c *client) {
	c.wrong("pegPriceType", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.Pegged, PegType: exchange.TrailingStopPeg,
		PegOffset: c.ticks(4) - c.ticks(0), ExecInst: exchange.Fixed})
	c.wrong("pegPriceType", exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(1), Type: exchange.Stop, PegType: exchange.LastPeg, StopPrice: c.ticks(-6)})
}

func trailingFollows(c *client) {
	c.trade(exchange.Buy, 1, 1)
	id := c.submit(exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(1), Type: exchange.Stop, PegType: exchange.TrailingStopPeg,
		PegOffset: c.ticks(0) - c.ticks(200), ExecInst: exchange.LastPrice})
	require.Equal(c.t, c.ticks(-199), c.is(id, exchange.New).StopPrice)
	up := int(c.h.Price / 300 / (c.ticks(1) - c.ticks(0))) // a third of a percent
	c.h.Wait(5 * time.Second)
	c.quoteAt(up-1, 10, up+1, 10)
	c.trade(exchange.Buy, up+1, 1)
	// Whether the trade or the middle of the market before it, a tick lower.
	c.until("the stop follows", func() bool { return c.orders[id].StopPrice >= c.ticks(up-200) })
	stop := c.orders[id].StopPrice
	require.LessOrEqual(c.t, stop, c.ticks(up+1-200))
	require.Contains(c.t, c.execs(id), exchange.ExecRestated)
	c.h.Wait(5 * time.Second)
	c.trade(exchange.Sell, up-1-up/2, 1)
	require.Equal(c.t, stop, c.orders[id].StopPrice, "it does not come back")
}

// late lets a day pass.
func (c *client) late() {
	c.t.Helper()
	c.settle()
	now := c.h.Now()
	c.h.Wait(now.Date().Add(24 * time.Hour).Sub(now))
	c.settle()
}

func gtcStays(c *client) {
	id := c.limit(exchange.Buy, 1, -3, 0)
	c.is(id, exchange.New)
	c.late()
	require.Equal(c.t, exchange.New, c.orders[id].Status)
}

func day(c *client) exchange.ClientID {
	id := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Price: c.ticks(-3), TimeInForce: exchange.Day})
	o := c.is(id, exchange.New)
	require.True(c.t, o.Working)
	require.Equal(c.t, exchange.Day, o.TimeInForce)
	return id
}

func dayRests(c *client) {
	id := day(c)
	c.quoteAt(-5, 10, 1, 10)
	c.trade(exchange.Sell, -4, 5)
	c.ends(id, exchange.Filled)
}

func dayEnds(c *client) {
	id := day(c)
	c.late()
	c.ends(id, exchange.Canceled)
}

func iocTakes(c *client) {
	id := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(5), Price: c.ticks(1), TimeInForce: exchange.ImmediateOrCancel})
	require.Equal(c.t, c.lots(5), c.ends(id, exchange.Filled).Filled)
}

func fokTakes(c *client) {
	id := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(10), Price: c.ticks(1), TimeInForce: exchange.FillOrKill})
	require.Equal(c.t, c.lots(10), c.ends(id, exchange.Filled).Filled)
}

func postOnlyRests(c *client) {
	id := c.limit(exchange.Buy, 2, -3, exchange.PostOnly)
	require.True(c.t, c.is(id, exchange.New).Working)
	c.quoteAt(-5, 10, 1, 10)
	c.trade(exchange.Sell, -4, 5)
	c.ends(id, exchange.Filled)
	require.Equal(c.t, exchange.AddedLiquidity, c.fills(id)[0].Liquidity)
}

func reduceOnlyCloses(c *client) {
	c.market(exchange.Buy, 3)
	id := c.submit(exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(2), Type: exchange.Market, ExecInst: exchange.ReduceOnly})
	c.ends(id, exchange.Filled)
	require.Equal(c.t, c.lots(1), c.pos)
}

func reduceOnlyEnds(c *client) {
	c.market(exchange.Buy, 4)
	id := c.limit(exchange.Sell, 4, 5, exchange.ReduceOnly)
	c.is(id, exchange.New)
	c.market(exchange.Sell, 4)
	c.ends(id, exchange.Canceled)
	require.Empty(c.t, c.fills(id))
}

func closeMakesRoom(c *client) {
	c.market(exchange.Buy, 3)
	other := c.limit(exchange.Sell, 2, 6, 0)
	c.is(other, exchange.New)
	id := c.submit(exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(3), Type: exchange.Limit, Price: c.ticks(5), ExecInst: exchange.Close})
	c.is(id, exchange.New)
	c.ends(other, exchange.Canceled)
	grows := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.Limit, Price: c.ticks(-3), ExecInst: exchange.Close})
	c.ends(grows, exchange.Canceled)
}

// triggered places a stop that follows a price, ten ticks below it, moves one price
// there, and returns whether the stop went off.
func (c *client) triggered(inst exchange.ExecInst, move string) bool {
	c.t.Helper()
	c.mark(0, 0)
	c.trade(exchange.Buy, 1, 1)
	id := c.submit(exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(1), StopPrice: c.ticks(-10), ExecInst: inst})
	require.Equal(c.t, exchange.NoTrigger, c.is(id, exchange.New).Triggered)
	switch move {
	case "last":
		c.trade(exchange.Sell, -10, 1)
	case "mark":
		c.mark(-10, 0)
	case "index":
		c.mark(0, -10)
	}
	return c.orders[id].Triggered == exchange.StopOrderTriggered
}

func lastTriggers(c *client)  { require.True(c.t, c.triggered(exchange.LastPrice, "last")) }
func markTriggers(c *client)  { require.True(c.t, c.triggered(exchange.MarkPrice, "mark")) }
func indexTriggers(c *client) { require.True(c.t, c.triggered(exchange.IndexPrice, "index")) }

func lastOnly(c *client) {
	require.False(c.t, c.triggered(exchange.LastPrice, "mark"))
	require.False(c.t, c.triggered(exchange.LastPrice, "index"))
}

func markOnly(c *client) {
	require.False(c.t, c.triggered(exchange.MarkPrice, "last"))
	require.False(c.t, c.triggered(exchange.MarkPrice, "index"))
}

func indexOnly(c *client) {
	require.False(c.t, c.triggered(exchange.IndexPrice, "last"))
	require.False(c.t, c.triggered(exchange.IndexPrice, "mark"))
}

func withinTriggers(c *client) {
	require.True(c.t, c.triggered(exchange.LastPrice|exchange.LastWithinMark, "last"))
}

func withinHolds(c *client) {
	c.mark(0, 0)
	c.trade(exchange.Buy, 1, 1)
	id := c.submit(exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(1), StopPrice: c.ticks(-10), ExecInst: exchange.LastPrice | exchange.LastWithinMark})
	c.is(id, exchange.New)
	far := int(c.h.Price / 16 / (c.ticks(1) - c.ticks(0))) // 6.25 %
	c.trade(exchange.Sell, -far, 1)
	require.Equal(c.t, exchange.NoTrigger, c.orders[id].Triggered)
}

func hiddenIsBehind(c *client) {
	hidden := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(2), Type: exchange.Limit, Price: c.ticks(-3), DisplayQty: exchange.Hidden})
	c.is(hidden, exchange.New)
	shown := c.limit(exchange.Buy, 2, -3, 0)
	c.is(shown, exchange.New)
	c.quoteAt(-5, 10, 1, 10)
	c.trade(exchange.Sell, -4, 2)
	c.ends(shown, exchange.Filled)
	require.Empty(c.t, c.fills(hidden))
}

func icebergTooLarge(c *client) {
	c.wrong("displayQty", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(2), Price: c.ticks(-3), DisplayQty: c.lots(3)})
}

func otherGroupStays(c *client) {
	place := func(side exchange.Side, ticks int, group exchange.ClientID) exchange.ClientID {
		id := c.submit(exchange.NewOrder{Side: side, Qty: c.lots(1), Type: exchange.Limit, Price: c.ticks(ticks), LinkID: group,
			Contingency: exchange.OneCancelsTheOther})
		c.is(id, exchange.New)
		return id
	}
	buy, other := place(exchange.Buy, -3, "one"), place(exchange.Sell, 3, "two")
	c.quoteAt(-5, 10, 1, 10)
	c.trade(exchange.Sell, -4, 1)
	c.ends(buy, exchange.Filled)
	c.settle()
	require.Equal(c.t, exchange.New, c.orders[other].Status)
}

func amendRefused(c *client) {
	id := c.limit(exchange.Buy, 2, -3, 0)
	before := c.is(id, exchange.New)
	off := c.ticks(-2) + 1
	require.Error(c.t, c.h.Exchange.Amend(c.t.Context(), exchange.AmendOrder{Symbol: c.h.Instrument.ID, OrigClientID: id, Price: &off}))
	qty, leaves := c.lots(1), c.lots(1)
	require.Error(c.t, c.h.Exchange.Amend(c.t.Context(), exchange.AmendOrder{Symbol: c.h.Instrument.ID, OrigClientID: id, Qty: &qty, Leaves: &leaves}))
	c.settle()
	require.Equal(c.t, before, c.orders[id])
}

// places puts two orders at a price, changes the quantity of the first, and returns
// which of them a trade reaches first.
func places(c *client, qty exchange.Qty) exchange.ClientID {
	first, second := c.limit(exchange.Buy, 4, -3, 0), c.limit(exchange.Buy, 4, -3, 0)
	c.is(first, exchange.New)
	c.is(second, exchange.New)
	q := c.lots(qty)
	c.amend(exchange.AmendOrder{OrigClientID: first, Qty: &q})
	c.until("the amendment", func() bool { return c.orders[first].Qty == c.lots(qty) })
	c.quoteAt(-5, 10, 1, 10)
	c.trade(exchange.Sell, -4, 1)
	if c.filled[first] > 0 {
		require.Zero(c.t, c.filled[second])
		return first
	}
	require.NotZero(c.t, c.filled[second])
	return second
}

func keepsPlace(c *client) {
	id := places(c, 3)
	require.Equal(c.t, c.lots(3), c.orders[id].Qty)
}

func losesPlace(c *client) {
	id := places(c, 5)
	require.Equal(c.t, c.lots(4), c.orders[id].Qty)
}

func revives(c *client) {
	id := c.limit(exchange.Buy, 2, 1, 0)
	c.ends(id, exchange.Filled)
	leaves, price := c.lots(3), c.ticks(-3)
	c.amend(exchange.AmendOrder{OrigClientID: id, Leaves: &leaves, Price: &price})
	c.until("it lives", func() bool { return !c.orders[id].Status.Final() })
	o := c.orders[id]
	require.Equal(c.t, []exchange.Qty{c.lots(5), c.lots(2), c.lots(3)}, []exchange.Qty{o.Qty, o.Filled, o.Leaves})
	require.True(c.t, o.Working)
	c.cancel(id)
	require.Equal(c.t, c.lots(2), c.ends(id, exchange.Canceled).Filled)
}

func revivesNothing(c *client) {
	id := c.limit(exchange.Buy, 2, -3, 0)
	c.is(id, exchange.New)
	c.cancel(id)
	c.ends(id, exchange.Canceled)
	leaves := c.lots(3)
	a := exchange.AmendOrder{Symbol: c.h.Instrument.ID, OrigClientID: id, Leaves: &leaves}
	c.refused(c.h.Exchange.Amend(c.t.Context(), a), id, "amend")
	require.Equal(c.t, exchange.Canceled, c.orders[id].Status)
}

func amendTriggers(c *client) {
	stop := c.submit(exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(1), StopPrice: c.ticks(-20), ExecInst: exchange.LastPrice})
	peg := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.Pegged, PegType: exchange.PrimaryPeg,
		PegOffset: c.ticks(0) - c.ticks(1), ExecInst: exchange.Fixed})
	c.is(stop, exchange.New)
	moved := c.is(peg, exchange.New).Price + c.ticks(0) - c.ticks(2)
	price, offset := c.ticks(-10), c.ticks(0)-c.ticks(3)
	c.amend(exchange.AmendOrder{OrigClientID: stop, StopPrice: &price})
	c.amend(exchange.AmendOrder{OrigClientID: peg, PegOffset: &offset})
	c.until("both move", func() bool { return c.orders[stop].StopPrice == c.ticks(-10) && c.orders[peg].Price == moved })
	c.trade(exchange.Sell, -10, 1)
	c.until("the trigger", func() bool { return c.orders[stop].Triggered == exchange.StopOrderTriggered })
}

func amendNoTrigger(c *client) {
	id := c.limit(exchange.Buy, 2, -3, 0)
	before := c.is(id, exchange.New)
	price, offset := c.ticks(-10), c.ticks(0)-c.ticks(3)
	for _, a := range []exchange.AmendOrder{{StopPrice: &price}, {PegOffset: &offset}} {
		n := len(c.rejects(id))
		a.Symbol, a.OrigClientID = c.h.Instrument.ID, id
		if err := c.h.Exchange.Amend(c.t.Context(), a); err == nil {
			c.until("a refusal", func() bool { return len(c.rejects(id)) > n })
		}
	}
	require.Equal(c.t, before, c.orders[id])
}

func amendRenames(c *client) {
	id := c.limit(exchange.Buy, 2, -3, 0)
	c.is(id, exchange.New)
	c.amend(exchange.AmendOrder{OrigClientID: id, ClientID: "renamed"})
	c.until("the new name", func() bool { return c.orders["renamed"].Status == exchange.New })
	delete(c.orders, id)
	c.cancel("renamed")
	c.ends("renamed", exchange.Canceled)
}

func amendDuplicate(c *client) {
	id, other := c.limit(exchange.Buy, 2, -3, 0), c.limit(exchange.Buy, 2, -4, 0)
	c.is(id, exchange.New)
	c.is(other, exchange.New)
	err := c.h.Exchange.Amend(c.t.Context(), exchange.AmendOrder{Symbol: c.h.Instrument.ID, OrigClientID: id, ClientID: other})
	c.refused(err, id, "amend")
	c.cancel(id)
	c.ends(id, exchange.Canceled)
	require.Equal(c.t, exchange.New, c.orders[other].Status)
}

func cancelEnds(c *client) {
	id := c.limit(exchange.Buy, 1, -3, 0)
	c.is(id, exchange.New)
	require.NoError(c.t, c.h.Exchange.Cancel(c.t.Context(), exchange.CancelOrder{Symbol: c.h.Instrument.ID, ClientID: id, Text: "because"}))
	o := c.ends(id, exchange.Canceled)
	require.Zero(c.t, o.AvgPrice)
	require.Contains(c.t, o.Text, "Canceled")
}

func cancelByID(c *client) {
	a, b := c.limit(exchange.Buy, 1, -3, 0), c.limit(exchange.Buy, 1, -3, 0)
	c.is(b, exchange.New)
	require.NoError(c.t, c.h.Exchange.Cancel(c.t.Context(), exchange.CancelOrder{Symbol: c.h.Instrument.ID, OrderID: c.is(a, exchange.New).OrderID}))
	c.ends(a, exchange.Canceled)
	require.Equal(c.t, exchange.New, c.orders[b].Status)
	c.cancel(b)
	c.ends(b, exchange.Canceled)
}

func cancelAllOthers(c *client) {
	buy, sell := c.limit(exchange.Buy, 1, -3, 0), c.limit(exchange.Sell, 1, 3, 0)
	c.is(buy, exchange.New)
	c.is(sell, exchange.New)
	require.NoError(c.t, c.h.Exchange.CancelAll(c.t.Context(), exchange.CancelFilter{Symbol: c.h.Instrument.ID, Side: exchange.Sell}))
	c.ends(sell, exchange.Canceled)
	c.settle()
	require.Equal(c.t, exchange.New, c.orders[buy].Status)
}

func cancelAllAfterDisarmed(c *client) {
	id := c.limit(exchange.Buy, 1, -3, 0)
	c.is(id, exchange.New)
	require.NoError(c.t, c.h.Exchange.CancelAllAfter(c.t.Context(), 10*time.Second))
	c.settle()
	require.NoError(c.t, c.h.Exchange.CancelAllAfter(c.t.Context(), 0))
	c.settle()
	c.h.Wait(time.Minute)
	c.settle()
	require.Equal(c.t, exchange.New, c.orders[id].Status)
}

func idTooLong(c *client) {
	c.wrong("clOrdID", exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Price: c.ticks(0), ClientID: "an id that is longer than thirty-six bytes"})
}

func exactFields(c *client) {
	terms := c.h.Instrument.At(c.h.Now())
	id := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: terms.LotSize, Price: c.ticks(-3)})
	c.is(id, exchange.New)
	if terms.LotSize > 1 {
		c.wrong("orderQty", exchange.NewOrder{Side: exchange.Buy, Qty: terms.LotSize + 1, Price: c.ticks(-3)})
	}
}

func leverageNegative(c *client) {
	require.Error(c.t, c.h.Exchange.SetLeverage(c.t.Context(), c.h.Instrument.ID, -exchange.RatioUnit))
}

func closedTwice(c *client) {
	c.closed = true
	require.NoError(c.t, c.h.Exchange.Close())
	require.NotErrorIs(c.t, c.h.Exchange.Close(), exchange.ErrUnknownOrder)
}

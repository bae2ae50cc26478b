package exchangetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Harness is an exchange with an account that has no orders and no positions,
// and a hand on its market.
type Harness struct {
	Exchange   exchange.Exchange
	Instrument *exchange.Instrument // what is traded
	// Price is a price on the tick around which the suite may place the market.
	Price exchange.Price
	// Qty is a small quantity in whole lots: the account can pay for a hundred
	// times as much without leverage.
	Qty exchange.Qty

	// Now is the exchange's clock.
	Now func() exchange.Time
	// Sight is what the exchange sees of its market. Where that is trades or bars,
	// Quote trades in the middle, and rules that need more are skipped.
	Sight Sight
	// Quote makes these the best bid and ask, with nothing between them.
	Quote func(bid, ask exchange.Level)
	// Trade makes others trade.
	Trade func(exchange.Trade)
	// Mark moves the mark and the index price; nil if the harness cannot, and what
	// needs it is skipped.
	Mark func(exchange.Mark)
	// Wait lets time pass. The suite calls Advance after it.
	Wait func(time.Duration)
}

// Sight is what an exchange sees of a market.
type Sight uint8

// Sights.
const (
	Quotes Sight = iota // the best bid and ask with their quantities, or more
	Trades              // trades alone
	Bars                // bars alone
)

var sightNames = [...]string{"quotes", "trades", "bars"}

// String names what is seen.
func (s Sight) String() string { return sightNames[s] }

// client gives commands and keeps what is reported. It checks what must hold of
// every report as it comes.
type client struct {
	t *testing.T
	h Harness

	reports []exchange.Report
	orders  map[exchange.ClientID]exchange.Order // as last reported
	filled  map[exchange.ClientID]exchange.Qty
	pos     exchange.Qty
	now     exchange.Time
	arrived exchange.Time
	start   *exchange.Margin // the first that was reported
	shown   exchange.Qty     // how often the market was shown anew
	closed  bool             // by the check
	paid    exchange.Money   // realised less fees since the start, where start is set
}

func newClient(t *testing.T, h Harness) *client {
	t.Helper()
	return &client{t: t, h: h, orders: map[exchange.ClientID]exchange.Order{}, filled: map[exchange.ClientID]exchange.Qty{}}
}

// ticks returns the base price and some ticks.
func (c *client) ticks(n int) exchange.Price {
	return c.h.Price + exchange.Price(n)*c.h.Instrument.At(c.h.Now()).TickSize
}

func (c *client) lots(n exchange.Qty) exchange.Qty { return n * c.h.Qty }

// quote shows a market of these quantities one tick below and above the base
// price.
func (c *client) quote(bid, ask exchange.Qty) { c.quoteAt(-1, bid, 1, ask) }

func (c *client) quoteAt(bidTicks int, bid exchange.Qty, askTicks int, ask exchange.Qty) {
	c.t.Helper()
	c.settle()
	c.h.Quote(exchange.Level{Price: c.ticks(bidTicks), Qty: c.lots(bid)}, exchange.Level{Price: c.ticks(askTicks), Qty: c.lots(ask)})
	c.settle()
}

func (c *client) trade(side exchange.Side, ticks int, qty exchange.Qty) {
	c.t.Helper()
	c.settle()
	c.h.Trade(exchange.Trade{Side: side, Price: c.ticks(ticks), Qty: c.lots(qty)})
	c.settle()
}

func (c *client) submit(o exchange.NewOrder) exchange.ClientID {
	c.t.Helper()
	o.Symbol = c.h.Instrument.ID
	id, err := c.h.Exchange.Submit(c.t.Context(), o)
	require.NoError(c.t, err)
	require.NotEmpty(c.t, id)
	if o.ClientID != "" {
		require.Equal(c.t, o.ClientID, id)
	}
	return id
}

// limit places a limit order that rests or takes.
func (c *client) limit(side exchange.Side, qty exchange.Qty, ticks int, inst exchange.ExecInst) exchange.ClientID {
	c.t.Helper()
	return c.submit(exchange.NewOrder{Side: side, Qty: c.lots(qty), Price: c.ticks(ticks), ExecInst: inst})
}

// market places a market order and waits for its end.
func (c *client) market(side exchange.Side, qty exchange.Qty) exchange.ClientID {
	c.t.Helper()
	id := c.submit(exchange.NewOrder{Side: side, Qty: c.lots(qty), Type: exchange.Market})
	c.ends(id, exchange.Filled)
	return id
}

func (c *client) cancel(id exchange.ClientID) {
	c.t.Helper()
	require.NoError(c.t, c.h.Exchange.Cancel(c.t.Context(), exchange.CancelOrder{Symbol: c.h.Instrument.ID, ClientID: id}))
}

func (c *client) amend(a exchange.AmendOrder) {
	c.t.Helper()
	a.Symbol = c.h.Instrument.ID
	require.NoError(c.t, c.h.Exchange.Amend(c.t.Context(), a))
}

const (
	tick     = 20 * time.Millisecond
	patience = 500 // ticks until what was expected has not come
	quiet    = 25  // ticks of silence after which nothing more is expected
)

// poll lets a tick pass and takes in what is reported.
func (c *client) poll() (n int) {
	c.t.Helper()
	n = c.advance()
	c.h.Wait(tick)
	return n + c.advance()
}

func (c *client) advance() (n int) {
	c.t.Helper()
	now := c.h.Now()
	require.GreaterOrEqual(c.t, now, c.now, "the harness' clock went back")
	c.now = now
	for {
		reports, err := c.h.Exchange.Advance(c.t.Context(), now, nil)
		require.NoError(c.t, err)
		for i := range reports {
			c.take(&reports[i])
		}
		n += len(reports)
		if c.h.Exchange.Next() > now {
			return n
		}
		require.NotEmpty(
			c.t,
			reports,
			"Next must be later than what Advance has dealt with, unless answers are to arrive first",
		)
	}
}

// until waits for a condition.
func (c *client) until(what string, ok func() bool) {
	c.t.Helper()
	for range patience {
		if ok() {
			return
		}
		c.poll()
	}
	require.Fail(c.t, "it did not come to this: "+what)
}

// settle waits until nothing more is reported.
func (c *client) settle() {
	c.t.Helper()
	for silent := 0; silent < quiet; silent++ {
		if c.poll() > 0 {
			silent = 0
		}
	}
}

// is waits for an order to get to a status.
func (c *client) is(id exchange.ClientID, status exchange.OrderStatus) exchange.Order {
	c.t.Helper()
	c.until(string(id)+" is "+status.String(), func() bool { return c.orders[id].Status == status })
	return c.orders[id]
}

// ends waits for an order to end, and requires how.
func (c *client) ends(id exchange.ClientID, status exchange.OrderStatus) exchange.Order {
	c.t.Helper()
	c.until(string(id)+" ends", func() bool { return c.orders[id].Status.Final() })
	o := c.orders[id]
	require.Equal(c.t, status, o.Status, "%s: %s %s", id, o.Text, o.RejectReason)
	return o
}

// fills returns the fills of an order.
func (c *client) fills(id exchange.ClientID) (fills []exchange.Fill) {
	for i := range c.reports {
		if r := &c.reports[i]; r.Kind == exchange.ReportFill && r.Fill.ClientID == id {
			fills = append(fills, r.Fill)
		}
	}
	return fills
}

// rejects returns the refused commands that name an order.
func (c *client) rejects(id exchange.ClientID) (rejects []exchange.Reject) {
	for i := range c.reports {
		if r := &c.reports[i]; r.Kind == exchange.ReportReject && r.Reject.ClientID == id {
			rejects = append(rejects, r.Reject)
		}
	}
	return rejects
}

// execs returns what happened to an order, in order.
func (c *client) execs(id exchange.ClientID) (execs []exchange.ExecType) {
	for i := range c.reports {
		r := &c.reports[i]
		if (r.Kind == exchange.ReportOrder || r.Kind == exchange.ReportFill) && r.Order.ClientID == id {
			execs = append(execs, r.ExecType)
		}
	}
	return execs
}

// take checks what must hold of every report.
func (c *client) take(r *exchange.Report) {
	c.t.Helper()
	require.LessOrEqual(c.t, r.Time, r.Arrival, "a report arrives before it was made")
	require.LessOrEqual(c.t, r.Arrival, c.now, "a report is delivered before it arrives")
	require.GreaterOrEqual(c.t, r.Arrival, c.arrived, "a report overtook another")
	c.arrived = r.Arrival
	require.Equal(c.t, OfKind(r), *r, "a report has parts that its kind does not name")
	c.reports = append(c.reports, *r)
	switch r.Kind {
	case exchange.ReportOrder:
		c.takeOrder(r)
	case exchange.ReportFill:
		c.takeFill(r)
	case exchange.ReportPosition:
		require.Equal(c.t, c.pos, r.Position.Qty, "the position is not the sum of the fills")
	case exchange.ReportMargin:
		c.takeMargin(&r.Margin)
	case exchange.ReportReject:
		require.NotEmpty(c.t, r.Reject.Command)
		require.NotEmpty(c.t, r.Reject.Reason)
	}
}

// OfKind returns a report with nothing but the parts that its kind names.
func OfKind(r *exchange.Report) exchange.Report {
	only := exchange.Report{Kind: r.Kind, ExecType: r.ExecType, Symbol: r.Symbol, Time: r.Time, Arrival: r.Arrival, ExecID: r.ExecID}
	switch r.Kind {
	case exchange.ReportOrder:
		only.Order = r.Order
	case exchange.ReportFill:
		only.Fill, only.Order = r.Fill, r.Order
	case exchange.ReportPosition:
		only.Position = r.Position
	case exchange.ReportMargin:
		only.Margin = r.Margin
	case exchange.ReportFunding:
		only.Funding = r.Funding
	case exchange.ReportReject:
		only.Reject = r.Reject
	}
	return only
}

func (c *client) takeOrder(r *exchange.Report) {
	c.t.Helper()
	o := &r.Order
	require.NotEmpty(c.t, o.OrderID)
	require.NotEmpty(c.t, o.ClientID)
	before, known := c.orders[o.ClientID]
	if known && before.Status == exchange.Filled && r.ExecType == exchange.ExecReplaced {
		known = false // it lives again
	}
	if known && before.Status.Final() {
		// An id may be used again once its order has ended.
		require.NotEqual(c.t, before.OrderID, o.OrderID, "%s changed after its end", o.ClientID)
		delete(c.filled, o.ClientID)
	}
	if known && !before.Status.Final() {
		require.LessOrEqual(c.t, before.Time, o.Time, "%s went back in time", o.ClientID)
	}
	c.orders[o.ClientID] = *o
	require.Equal(c.t, c.filled[o.ClientID], o.Filled, "%s: cumQty is not the sum of the fills", o.ClientID)
	if o.Status.Final() {
		require.Zero(c.t, o.Leaves)
		require.False(c.t, o.Working)
	} else {
		require.Equal(c.t, o.Qty, o.Filled+o.Leaves)
	}
}

func (c *client) takeFill(r *exchange.Report) {
	c.t.Helper()
	f := &r.Fill
	require.NotEmpty(c.t, f.ExecID)
	require.Positive(c.t, f.Qty)
	require.Positive(c.t, f.Price)
	require.Positive(c.t, f.Value)
	for i := range c.reports[:len(c.reports)-1] {
		require.NotEqual(c.t, f.ExecID, c.reports[i].Fill.ExecID, "an execution was reported twice")
	}
	c.pos += f.Side.Signed(f.Qty)
	require.Equal(c.t, c.pos, f.Position)
	c.paid += f.Realised - f.Fee
	if f.ClientID == "" {
		return
	}
	c.filled[f.ClientID] += f.Qty
	o := &r.Order
	if o.Price != 0 {
		worse := f.Side == exchange.Buy && f.Price > o.Price || f.Side == exchange.Sell && f.Price < o.Price
		require.False(c.t, worse, "%s: filled at %s, limit %s", f.ClientID, f.Price, o.Price)
	}
	require.Equal(c.t, f.Leaves, o.Leaves)
	c.takeOrder(r)
}

func (c *client) takeMargin(m *exchange.Margin) {
	c.t.Helper()
	require.Equal(c.t, m.Wallet+m.Unrealised, m.Balance)
	if c.start == nil {
		c.start, c.paid = m, 0
		return
	}
	require.Equal(c.t, c.start.Wallet+c.paid, m.Wallet, "the wallet is not what was realised and paid")
}

package session

import (
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
)

// books are what a live session knows of its account: what the reports that it heard,
// and the commands that it gave, come to. They are the same whenever the session is
// played again, and are what a new connection is told.
type books struct {
	instruments *exchange.Instruments
	orders      map[exchange.ClientID]*tracked // sent, and not known to have ended
	sequence    []exchange.ClientID            // of orders, as they were sent or heard of
	positions   map[exchange.SymbolID]*position
	margin      exchange.Margin
	opening     exchange.Margin
	totals      Totals
	newest      exchange.Time // execution
	executions  []string      // the newest, a ring
	at          int
}

// Totals are sums over a live session.
type Totals struct {
	Realised  exchange.Money
	Fees      exchange.Money
	Funding   exchange.Money
	Insurance exchange.Money
	Turnover  exchange.Money
}

// keptExecutions is how many executions are known by their ids: far more than there are
// in the seconds that a new connection asks for again.
const keptExecutions = 5000

// tracked is an order that may be open.
type tracked struct {
	sent   *exchange.NewOrder // nil: somebody else's
	order  exchange.Order     // as reported; zero: nothing was
	cancel bool               // it was asked for, and nothing was heard since
	amend  *exchange.AmendOrder
}

type position struct {
	exchange.Position
	basis  exchange.Basis
	filled exchange.Time // when the newest fill was
}

func newBooks(c *LiveConfig) *books {
	b := &books{instruments: c.Instruments, orders: map[exchange.ClientID]*tracked{}, positions: map[exchange.SymbolID]*position{}}
	for _, id := range c.Symbols {
		b.positions[id] = &position{Position: exchange.Position{Symbol: id}}
	}
	return b
}

func (b *books) track(id exchange.ClientID) *tracked {
	t := b.orders[id]
	if t == nil {
		t = new(tracked)
		b.orders[id] = t
		b.sequence = append(b.sequence, id)
	}
	return t
}

func (b *books) forget(id exchange.ClientID) {
	delete(b.orders, id)
	if n := slices.Index(b.sequence, id); n >= 0 {
		b.sequence = slices.Delete(b.sequence, n, n+1)
	}
}

// command notes what was asked for.
func (b *books) command(c *Command) {
	switch c.Kind {
	case commandSubmit:
		b.track(c.New.ClientID).sent = c.New
	case commandAmend:
		if t := b.named(c.Amend.OrderID, c.Amend.OrigClientID); t != nil {
			t.amend = c.Amend
		}
	case commandCancel:
		if t := b.named(c.Cancel.OrderID, c.Cancel.ClientID); t != nil {
			t.cancel = true
		}
	case commandCancelAll:
		for _, t := range b.orders {
			symbol, side := t.order.Symbol, t.order.Side
			if t.sent != nil {
				symbol, side = t.sent.Symbol, t.sent.Side
			}
			if (c.Filter.AllSymbol || symbol == c.Filter.Symbol) && (c.Filter.Side == exchange.NoSide || c.Filter.Side == side) {
				t.cancel = true
			}
		}
	}
}

// inDoubt are the open orders of which something was asked that was not answered.
func (b *books) inDoubt() (ids []exchange.ClientID) {
	for _, id := range b.sequence {
		if t := b.orders[id]; t.order.OrderID != "" && (t.cancel || t.amend != nil) {
			ids = append(ids, id)
		}
	}
	return ids
}

// named finds an order by either id.
func (b *books) named(id exchange.OrderID, client exchange.ClientID) *tracked {
	if t := b.orders[client]; t != nil || id == "" {
		return t
	}
	for _, client := range b.sequence {
		if t := b.orders[client]; t.order.OrderID == id {
			return t
		}
	}
	return nil
}

// report takes in what was heard.
func (b *books) report(r *exchange.Report) {
	if r.ExecID != "" {
		b.execution(r)
	}
	switch r.Kind {
	case exchange.ReportOrder:
		b.order(&r.Order)
	case exchange.ReportFill:
		b.fill(&r.Fill)
		if r.Order.ClientID != "" {
			b.order(&r.Order)
		}
	case exchange.ReportFunding:
		b.totals.Funding += r.Funding.Amount
	case exchange.ReportPosition:
		b.position(&r.Position)
	case exchange.ReportMargin:
		if b.opening == (exchange.Margin{}) {
			b.opening = r.Margin
		}
		b.margin = r.Margin
	case exchange.ReportReject:
		if t := b.named(r.Reject.OrderID, r.Reject.ClientID); t != nil {
			t.cancel, t.amend = false, nil
		}
	}
}

func (b *books) execution(r *exchange.Report) {
	b.newest = max(b.newest, r.Time)
	if len(b.executions) < keptExecutions {
		b.executions = append(b.executions, r.ExecID)
		return
	}
	b.executions[b.at] = r.ExecID
	b.at = (b.at + 1) % keptExecutions
}

func (b *books) order(o *exchange.Order) {
	if o.Status.Final() {
		b.forget(o.ClientID)
		return
	}
	if b.orders[o.ClientID] == nil { // a new name, or somebody else's
		for _, id := range b.sequence {
			if b.orders[id].order.OrderID == o.OrderID && o.OrderID != "" {
				b.forget(id)
				break
			}
		}
	}
	t := b.track(o.ClientID)
	if a := t.amend; a != nil && amended(o, a) {
		t.amend = nil
	}
	t.order = *o
}

// amended reports whether an order is what an amendment asked for.
func amended(o *exchange.Order, a *exchange.AmendOrder) bool {
	same := func(have exchange.Price, want *exchange.Price) bool { return want == nil || have == *want }
	return (a.Qty == nil || o.Qty == *a.Qty) && (a.Leaves == nil || o.Leaves == *a.Leaves) && same(o.Price, a.Price) &&
		same(o.StopPrice, a.StopPrice) && same(o.PegOffset, a.PegOffset)
}

func (b *books) fill(f *exchange.Fill) {
	b.totals.Realised += f.Realised
	b.totals.Fees += f.Fee
	b.totals.Turnover += f.Value
	p := b.positions[f.Symbol]
	signed := f.Side.Signed(f.Qty)
	cost := f.Value
	if b.instruments.Get(f.Symbol).At(f.Time).Cost(signed, f.Price) < 0 {
		cost = -cost
	}
	if before := f.Position - signed; p.basis.Qty != before { // the venue's word was taken meanwhile
		p.basis = exchange.BasisOf(before, p.Cost)
	}
	p.basis.Apply(signed, cost)
	p.Qty, p.Cost, p.filled = p.basis.Qty, p.basis.Cost, f.Time
	if p.Qty == 0 {
		// The row that the venue sent before the fill values a position that has gone.
		p.MarkValue, p.Unrealised = 0, 0
	}
}

func (b *books) position(q *exchange.Position) {
	p := b.positions[q.Symbol]
	p.Position = *q
	if q.Qty != p.basis.Qty && q.Time > p.filled {
		p.basis = exchange.BasisOf(q.Qty, q.Cost)
	}
}

// known is what a new connection is told.
func (b *books) known(v *VenueState) *live.Known {
	k := &live.Known{Before: v.Before, Since: b.newest, Executions: slices.Concat(v.Executions, b.executions), Positions: map[exchange.SymbolID]exchange.Basis{}}
	for _, id := range b.sequence {
		switch t := b.orders[id]; {
		case t.order.OrderID != "":
			k.Open = append(k.Open, t.order)
		case t.sent != nil:
			k.Unanswered = append(k.Unanswered, *t.sent)
		}
	}
	for id, p := range b.positions {
		k.Positions[id] = p.basis
	}
	return k
}

package sim

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// An amendment of leavesQty makes a Filled order live again, if it is received within
// 60 seconds of the fill (order endpoint, amend). Others of its fields may change with
// it. The order keeps its ids and what it has filled, and takes a new place in the
// queue. Only the newest orders are remembered.

const (
	reviveWithin   = time.Minute
	rememberFilled = 64
)

// filledOrders remembers the orders that filled last.
type filledOrders struct {
	ring [rememberFilled]filledOrder
	n    int
}

type filledOrder struct {
	o  *order
	at exchange.Time
}

// add remembers an order, and returns the one that is forgotten for it.
func (f *filledOrders) add(o *order, at exchange.Time) (forgotten *order) {
	e := &f.ring[f.n%rememberFilled]
	forgotten = e.o
	*e = filledOrder{o, at}
	f.n++
	return forgotten
}

// find returns the newest order of an id that may live again.
func (f *filledOrders) find(s *symbol, id exchange.OrderID, client exchange.ClientID, at exchange.Time) *order {
	for i := f.n - 1; i >= max(f.n-rememberFilled, 0); i-- {
		e := &f.ring[i%rememberFilled]
		if at.Sub(e.at) > reviveWithin {
			return nil
		}
		if o := e.o; o != nil && o.s == s && (id != "" && o.OrderID == id || id == "" && o.ClientID == client) {
			return o
		}
	}
	return nil
}

// drop forgets an order that lives again.
func (f *filledOrders) drop(o *order) {
	for i := range f.ring {
		if f.ring[i].o == o {
			f.ring[i].o = nil
		}
	}
}

// revive makes an order that an amendment names live again, and reports whether it
// dealt with the amendment.
func (x *Exchange) revive(s *symbol, a *amendment) bool {
	if !a.has(newLeaves) || a.leaves <= 0 {
		return false
	}
	o := x.filled.find(s, a.order, a.orig, x.at)
	if o == nil || o.takes() || s.expired {
		return false
	}
	client := o.ClientID
	if a.client != "" {
		client = a.client
	}
	was := *o
	o.Leaves, o.Qty = a.leaves, o.Filled+a.leaves
	o.Price = x.amendedPrice(o, a)
	reason := x.refusesPrices(&was, a)
	switch {
	case reason != "":
	case x.names.order(client) != nil:
		reason = "Duplicate clOrdID"
	case o.Qty > s.terms.MaxQty:
		reason = "Invalid orderQty"
	case x.liquidating(s):
		reason = inLiquidation
	default:
		if reason = x.crowded(o); reason == "" {
			reason = x.refuses(o)
		}
	}
	if reason != "" {
		*o = was
		x.refuseAmend(s, a, reason)
		return true
	}
	x.filled.drop(o)
	o.ClientID, o.Status, o.state = client, exchange.PartiallyFilled, arriving
	o.Working = true
	x.texts.amended(o, a)
	o.TransactTime = x.at
	if o.name = a.name; o.name == nil {
		o.name = x.names.again(client)
	}
	o.name.order = o
	x.byNumber.put(o.number, o)
	x.seq++
	o.seq = x.seq
	x.startDay(o)
	x.reportOrder(o, exchange.ExecReplaced)
	x.work(o)
	return true
}

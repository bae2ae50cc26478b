package sim

import (
	"math"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
)

// order is an order at the exchange. With a thousand of them memory is what is waited
// for, so what is looked at together stands together, and an order fills lines of
// the cache: the first is all that its neighbours look at.
type order struct {
	links
	seq   uint64 // time priority; a change that loses the place gives a new one
	queue place

	s      *symbol
	number uint64      // that its OrderID says
	open   ledger.Open // what it counts for in the totals of open orders
	valued valuation

	exchange.Order
	state     orderState
	daily     bool           // counted among the orders for the day
	ambiguous bool           // the order of its fill and of other events inside the bar is unknown
	uncertain bool           // it became active inside the bar that is under way, or is about to end there
	changing  bool           // a cancel or an amendment waits for the end of the bar
	said      amended        // the fields that its text says were amended
	shown     exchange.Qty   // of an iceberg: what is left of the part that it shows
	value     exchange.Money // of its fills
	name      *clientName    // its ClientID
	trail     trail
	_         [16]byte // to the end of a line
}

// orderState is where an order is kept.
type orderState uint8

const (
	arriving orderState = iota // being matched on arrival
	resting                    // in the symbol's bids or asks
	waiting                    // for its trigger, in the symbol's stops
	dormant                    // until the order that it is linked to has filled, in the symbol's stops
	firing                     // triggered, and its turn in this instant has not come
	held                       // until the price of the market is known, in the symbol's stops
	gone
)

// place is where an order stands in the queue of its price level.
type place struct {
	front   int64        // ahead of us, in QueueUnits; at a price never less than of an order before
	joined  uint64       // where every order is known: those ahead have this place or a lower one
	traded  exchange.Qty // at the level since it last changed
	credit  int64        // of trades that came past those ahead, what did not make a lot yet, in QueueUnits
	unknown bool         // the level has not been seen yet
	undo    undo
}

// add counts units of a trade that came past those ahead, and returns how many contracts
// the order may have of it and of what earlier trades left over.
func (q *place) add(units int64) exchange.Qty {
	q.credit = min(q.credit, math.MaxInt64/2) + units // units are at most those of maxQueue
	return exchange.Qty(q.credit / QueueUnit)
}

// keepCredit takes a fill of a trade at the order's price off the credit and returns what
// of that trade is not for orders behind: the fill, and the contracts that wait until they
// make a lot. before is the credit before the trade.
func (o *order) keepCredit(filled exchange.Qty, before int64) exchange.Qty {
	q := &o.queue
	q.credit -= int64(filled) * QueueUnit
	if filled == o.Leaves || o.iceberg() && filled >= o.shown {
		q.credit = 0 // the order ends, or goes to the back
	}
	return max(filled+exchange.Qty(q.credit/QueueUnit-before/QueueUnit), 0)
}

// undo is what a place was before a fall of the level that no trade explained.
// If the trade is reported after the fall, the fall is worked out again.
type undo struct {
	at            exchange.Time
	front         int64
	before, after exchange.Qty
	traded        exchange.Qty // explained so far
	open          exchange.Qty // not explained; 0: nothing to undo
}

// takes reports whether the order never rests.
func (o *order) takes() bool {
	return !o.limited() || o.TimeInForce == exchange.ImmediateOrCancel || o.TimeInForce == exchange.FillOrKill
}

func (o *order) reduces() bool { return o.ExecInst&(exchange.ReduceOnly|exchange.Close) != 0 }

// limited reports whether the order has a limit price when it works.
func (o *order) limited() bool {
	switch o.Type {
	case exchange.Limit, exchange.StopLimit, exchange.LimitIfTouched, exchange.Pegged:
		return true
	default:
		return false
	}
}

// better reports whether price p is better than q for an order of a side that
// rests, which is to say more aggressive.
func better(side exchange.Side, p, q exchange.Price) bool {
	if side == exchange.Buy {
		p, q = q, p // less of a branch than two comparisons
	}
	return p < q
}

// side returns the resting orders of a side.
func (s *symbol) side(side exchange.Side) *ladder {
	if side == exchange.Buy {
		return &s.bids
	}
	return &s.asks
}

func remove(list *[]*order, o *order) {
	if i := slices.Index(*list, o); i >= 0 {
		*list = slices.Delete(*list, i, i+1)
	}
}

// detach takes an order out of whatever list it is in.
func (x *Exchange) detach(o *order) {
	switch o.state {
	case resting:
		o.s.side(o.Side).remove(o)
		if o.reduces() {
			o.s.reducing--
		}
	case waiting, firing, dormant, held:
		remove(&o.s.stops, o)
		switch o.state {
		case firing:
			remove(&x.fired, o)
		case held:
			o.s.held--
		default:
		}
	case arriving, gone:
	}
	if o.state != arriving && o.state != gone {
		o.s.busy--
	}
	if o.uncertain {
		o.uncertain, o.changing = false, false
		o.s.uncertain--
	}
	o.state = arriving
}

// rest puts an order on the book.
func (x *Exchange) rest(o *order) {
	s := o.s
	o.state = resting
	o.Working = true
	if o.seq == 0 {
		x.seq++
		o.seq = x.seq
	}
	o.display()
	s.becomeActive(o, x.at)
	s.side(o.Side).insert(o)
	s.busy++
	s.join(o, x.cfg.Queue)
	x.reopen(o)
	if o.reduces() {
		s.reducing++
		x.trimReducing(s)
	}
	s.touch(x.at)
}

// await keeps a stop until its trigger.
func (x *Exchange) await(o *order) {
	o.state = waiting
	o.Working = false
	o.s.becomeActive(o, x.at)
	o.s.stops = append(o.s.stops, o)
	o.s.busy++
	o.s.touch(x.at)
}

// reopen brings the totals of open orders up to date with an order.
func (x *Exchange) reopen(o *order) {
	var now ledger.Open
	if o.state == resting && !o.reduces() && o.Leaves > 0 {
		now = o.worth(o.Leaves, o.Price)
	}
	if now == o.open {
		return
	}
	t := &o.s.open[o.Side-exchange.Buy]
	t.Qty += now.Qty - o.open.Qty
	t.Cost += now.Cost - o.open.Cost
	o.open = now
	x.account.SetOpen(o.s.id, o.Side, t.Qty, t.Cost)
}

// valuation is what contracts of an order come to at a price. It is kept since it is
// asked for twice: when the account is asked about an order, and when the order rests.
type valuation struct {
	terms exchange.Time // by when they began
	price exchange.Price
	open  ledger.Open
}

// worth values contracts of an order at a price.
func (o *order) worth(qty exchange.Qty, price exchange.Price) ledger.Open {
	v, terms := &o.valued, o.s.terms
	if v.open.Qty != qty || v.price != price || v.terms != terms.From {
		*v = valuation{terms.From, price, ledger.Open{Qty: qty, Cost: terms.Value(qty, price)}}
	}
	return v.open
}

// finish gives an order its final status and forgets it.
func (x *Exchange) finish(o *order, status exchange.OrderStatus) {
	x.detach(o)
	o.state = gone
	o.Status = status
	o.Working = false
	o.Leaves = 0
	x.reopen(o)
	x.byNumber.remove(o.number)
	if o.name.order == o {
		x.names.ends(o.name)
	}
	x.finished.add(o)
	x.unlink(o)
	if o.daily {
		o.daily = false
		if x.daily--; x.daily == 0 {
			x.clocks.set(&x.clocks.midnight, exchange.Never)
		}
	}
	x.recycle(o)
}

// recycle lets an order that has ended be used again, at the latest when it cannot
// live again.
func (x *Exchange) recycle(o *order) {
	if o.Status == exchange.Filled && o.limited() {
		o = x.filled.add(o, x.at)
	}
	if o != nil {
		x.orders.put(o)
	}
}

// cancel ends an order with a text, which goes before the text that it has.
func (x *Exchange) cancel(o *order, text string) {
	x.finish(o, exchange.Canceled)
	o.Text = x.texts.join(text, o.Text)
	x.stats.Canceled++
	x.reportOrder(o, exchange.ExecCanceled)
	x.orphan(o)
}

// reject ends an order that was never accepted, or whose trigger came too late
// for the account.
func (x *Exchange) reject(o *order, reason string) {
	x.finish(o, exchange.Rejected)
	o.RejectReason = reason
	x.stats.Rejected++
	x.reportOrder(o, exchange.ExecRejected)
	x.orphan(o)
}

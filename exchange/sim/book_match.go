package sim

import (
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// taken is what our orders took of one side of the market since its levels were
// last updated: history does not know that it is gone.
type taken struct {
	levels []exchange.Level // of a book, in the order in which they were first taken
	ladder exchange.Qty     // of a quote and the modelled levels behind it
}

func (t *taken) at(p exchange.Price) exchange.Qty {
	for i := range t.levels {
		if t.levels[i].Price == p {
			return t.levels[i].Qty
		}
	}
	return 0
}

func (t *taken) add(p exchange.Price, q exchange.Qty) {
	for i := range t.levels {
		if t.levels[i].Price == p {
			t.levels[i].Qty += q
			return
		}
	}
	t.levels = append(t.levels, exchange.Level{Price: p, Qty: q})
}

// updated forgets what was taken at a level whose quantity is known anew.
func (t *taken) updated(p exchange.Price) {
	for i := range t.levels {
		if t.levels[i].Price == p {
			t.levels = slices.Delete(t.levels, i, i+1)
			return
		}
	}
}

func (s *symbol) takenOf(side exchange.Side) *taken { return &s.taken[side-exchange.Buy] }

// snapshot is a full book that is being received.
type snapshot struct {
	open  bool
	shown []shown // at the prices of our orders, before
	worst [2]exchange.Price
}

type shown struct {
	o      *order
	number uint64 // by which it can be told whether it is still the same
	qty    exchange.Qty
}

func (x *Exchange) bookEvent(s *symbol, ev *exchange.Event) {
	if s.fidelity < fromBook {
		x.raise(s, fromBook)
	}
	if ev.Flags&exchange.FlagClear != 0 {
		x.beginSnapshot(s)
	}
	l := ev.Level()
	before := s.book.Set(ev.Side, l.Price, l.Qty)
	s.shown = x.at
	if t := &s.taken[ev.Side-exchange.Buy]; len(t.levels) > 0 {
		t.updated(l.Price)
	}
	if l.Qty > 0 {
		s.crossing.level(ev.Side, l.Price)
	}
	if ev.Flags&exchange.FlagLast != 0 && s.crossing.mayBe() {
		x.bookShown(s)
	}
	if s.busy == 0 && s.pos == 0 && !s.snapshot.open {
		return
	}
	if s.snapshot.open {
		s.snapshot.see(ev.Side, l)
	} else {
		x.levelChanged(s, ev.Side, l.Price, before, max(l.Qty, 0))
	}
	if ev.Flags&exchange.FlagLast != 0 {
		x.messageEnded(s)
	}
}

// messageEnded is called when the book is whole: only then may it be compared
// with our orders.
func (x *Exchange) messageEnded(s *symbol) {
	if s.snapshot.open {
		x.endSnapshot(s)
	}
	if s.bids.n > 0 {
		x.cross(s, exchange.Buy)
	}
	if s.asks.n > 0 {
		x.cross(s, exchange.Sell)
	}
	if s.last == 0 && !s.crossing.now {
		x.moved(s)
	}
	if s.held > 0 || len(s.changes) > 0 {
		x.releaseDeferred(s)
	}
	x.reschedule()
}

// cross fills resting orders of a side that the best opposite price has
// reached.
func (x *Exchange) cross(s *symbol, side exchange.Side) {
	best, ok := s.book.Best(side.Opposite())
	list := s.side(side)
	if !ok || better(side, best.Price, list.first.Price) {
		return
	}
	for list.n > 0 {
		o := list.first
		q, ok := x.offered(s, o)
		if !ok {
			return
		}
		x.fill(o, o.Price, q, o.liquidity(q), exchange.BookCrossed)
	}
}

// offered takes from the opposite side what a resting order may have of it.
func (x *Exchange) offered(s *symbol, o *order) (exchange.Qty, bool) {
	c := x.offers(s, o.Side, o.Price)
	for {
		p, q, ok := c.next()
		if !ok {
			return 0, false
		}
		if x.cfg.NoConsumption {
			return o.Leaves, true
		}
		if q = s.lots(min(q, o.Leaves), o.Leaves); q > 0 {
			s.take(o.Side.Opposite(), p, q)
			return q, true
		}
	}
}

// lots rounds a quantity down to what can trade: whole lots, or all that is
// left of an order.
func (s *symbol) lots(q, leaves exchange.Qty) exchange.Qty {
	if q >= leaves {
		return leaves
	}
	return q - q%s.terms.LotSize
}

// levelChanged moves our orders at a level that changed.
func (x *Exchange) levelChanged(s *symbol, side exchange.Side, p exchange.Price, before, after exchange.Qty) {
	for o := s.side(side).at(p); o != nil && o.Price == p; o = o.next {
		x.queueChanged(o, before, after)
		o.keepPlace()
	}
}

// keepPlace keeps an order that is shown from overtaking the one of ours that came before
// it at its price, and reports whether it had.
func (o *order) keepPlace() bool {
	p := o.prev
	if o.dark || p == nil || p.limit != o.limit || o.queue.front >= p.queue.front {
		return false
	}
	o.queue.front, o.queue.credit = p.queue.front, 0
	return true
}

func (x *Exchange) queueChanged(o *order, before, after exchange.Qty) {
	q := &o.queue
	if o.hidden() {
		*q = place{front: int64(min(after, maxQueue)) * QueueUnit, credit: q.credit}
		return
	}
	if q.unknown {
		q.unknown = false
		q.front = x.cfg.Queue.Join(min(after, maxQueue))
		q.traded = 0
		return
	}
	c := LevelChange{Front: q.front, Before: before, After: after, Traded: q.traded}
	q.undo = undo{at: x.at, front: q.front, before: before, after: after, traded: q.traded, open: c.Cancelled()}
	q.front = change(x.cfg.Queue, c)
	q.traded = 0
}

// tradeAt takes a trade at its price off the quantity ahead of an order and returns
// how many contracts are left for the order, with those that earlier trades left and that
// did not make a lot: half a lot and half a lot are a lot.
func (x *Exchange) tradeAt(o *order, displayed exchange.Qty) exchange.Qty {
	q := &o.queue
	if displayed <= 0 {
		return 0 // orders of ours before this one took all
	}
	units := int64(min(displayed, maxQueue)) * QueueUnit
	if o.hidden() {
		return q.pass(units)
	}
	explained := exchange.Qty(0)
	if u := &q.undo; u.open > 0 && x.at.Sub(u.at) <= x.cfg.ExplainWithin {
		explained = min(u.open, displayed)
		q.front = u.front
	}
	over := q.pass(units)
	if explained > 0 {
		u := &q.undo
		u.front, u.traded, u.open = q.front, u.traded+explained, u.open-explained
		q.front = change(x.cfg.Queue, LevelChange{Front: u.front, Before: u.before, After: u.after, Traded: u.traded})
	}
	q.traded += displayed - explained
	return over
}

// pass takes units of a trade off the front and returns what they leave for the order, in
// contracts.
func (q *place) pass(units int64) exchange.Qty {
	if units <= q.front {
		q.front -= units
		return 0
	}
	units -= q.front
	q.front = 0
	return q.add(units)
}

// matchTrade fills resting orders that a public trade reaches. The trade's
// quantity is given out once: best price first, then oldest first.
func (x *Exchange) matchTrade(s *symbol, t exchange.Trade) {
	switch {
	case s.fidelity == fromTrades:
		// Without a book the side does not matter: the market was there.
		t.Qty -= x.matchTradeOn(s, exchange.Buy, t)
		x.matchTradeOn(s, exchange.Sell, t)
	case t.Side != exchange.NoSide:
		x.matchTradeOn(s, t.Side.Opposite(), t)
	default:
		if bid, ask := s.best(exchange.Buy), s.best(exchange.Sell); bid != 0 && t.Price <= bid {
			x.matchTradeOn(s, exchange.Buy, t)
		} else if ask != 0 && t.Price >= ask {
			x.matchTradeOn(s, exchange.Sell, t)
		}
	}
}

// best returns the best price of a side, 0 if there is none.
func (s *symbol) best(side exchange.Side) exchange.Price {
	if s.fidelity == fromBook {
		l, _ := s.book.Best(side)
		return l.Price
	}
	if side == exchange.Buy {
		return s.quote.BidPrice
	}
	return s.quote.AskPrice
}

// matchTradeOn returns how much of the trade our orders of a side got.
func (x *Exchange) matchTradeOn(s *symbol, side exchange.Side, t exchange.Trade) (ours exchange.Qty) {
	list := s.side(side)
	for list.n > 0 && better(side, list.first.Price, t.Price) {
		o := list.first
		q := o.Leaves
		if !x.cfg.NoConsumption {
			if q = s.lots(min(q, t.Qty-ours), o.Leaves); q <= 0 {
				return ours
			}
			ours += q
		}
		x.fill(o, o.Price, q, o.liquidity(q), exchange.TradedPast)
	}
	if s.fidelity > fromTrades {
		return x.matchTradeAt(s, side, t, ours)
	}
	return x.matchTouch(s, side, t, ours)
}

// matchTradeAt shares what is left of a trade among our orders at its price:
// what is ahead of the first, the first, what is between, the second, ...
func (x *Exchange) matchTradeAt(s *symbol, side exchange.Side, t exchange.Trade, ours exchange.Qty) exchange.Qty {
	list := s.side(side)
	for o := list.at(t.Price); o != nil && o.Price == t.Price; {
		front, credit := o.queue.front, o.queue.credit
		over := x.reachedBy(o, t.Qty-ours)
		if o.keepPlace() {
			over = 0 // it took the trade for news that one before it has heard
		}
		q := s.lots(s.share(o, t.Qty-ours, over), o.Leaves)
		if over > 0 {
			ours += o.keepCredit(q, credit)
		}
		if q <= 0 {
			o = o.next
			continue
		}
		was := order{links: o.links, Order: o.Order, number: o.number, seq: o.seq} // it may end, or move to the back
		x.fill(o, o.Price, q, o.liquidity(q), exchange.TradedAt)
		if o.number == was.number && o.seq != was.seq {
			o.queue.front = max(o.queue.front, front) // what was ahead has had its part of the trade
		}
		o = list.behind(&was)
	}
	return ours
}

// reachedBy returns what the queue ahead of an order leaves of a trade at its price.
func (x *Exchange) reachedBy(o *order, trade exchange.Qty) exchange.Qty {
	if o.s.orders != nil {
		return x.tradeAtOrders(o, trade)
	}
	return x.tradeAt(o, trade)
}

// beginSnapshot empties the book. Our orders keep their places until the new
// book is complete: a book that is sent again does not move anybody forward.
func (x *Exchange) beginSnapshot(s *symbol) {
	n := &s.snapshot
	n.shown = n.shown[:0]
	for _, list := range [2]*ladder{&s.bids, &s.asks} {
		for o := range list.all() {
			n.shown = append(n.shown, shown{o, o.number, s.book.Qty(o.Side, o.Price)})
		}
	}
	n.open = true
	n.worst = [2]exchange.Price{}
	s.book.Clear()
	for i := range s.taken {
		s.taken[i].levels = s.taken[i].levels[:0]
	}
}

func (n *snapshot) see(side exchange.Side, l exchange.Level) {
	w := &n.worst[side-exchange.Buy]
	if l.Qty > 0 && (*w == 0 || better(side, *w, l.Price)) {
		*w = l.Price
	}
}

func (x *Exchange) endSnapshot(s *symbol) {
	n := &s.snapshot
	n.open = false
	for _, e := range n.shown {
		o := e.o
		if o.number != e.number || o.state != resting {
			continue
		}
		worst := n.worst[o.Side-exchange.Buy]
		if worst == 0 || better(o.Side, worst, o.Price) {
			continue // beyond what the snapshot shows
		}
		x.queueChanged(o, e.qty, s.book.Qty(o.Side, o.Price))
		o.keepPlace()
	}
	n.shown = n.shown[:0]
}

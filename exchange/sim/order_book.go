package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// Where the data has every order of the book (L3), our order stands in the real queue:
// behind the orders that were at its price when it came, and before those that came
// later. It moves when one of those ahead trades or is cancelled, by what that one had
// open, and no model estimates anything. Takers walk the levels that the orders add up
// to, as with a book of levels.
//
// A trade and the shrinking of the orders that it filled are one thing. Whichever is
// told first moves our order, and the other one does not again.

// orderEvent is a change of one order of the book.
func (x *Exchange) orderEvent(s *symbol, ev *exchange.Event) {
	if s.orders == nil {
		s.orders = exchange.NewOrderBook(s.terms.TickSize)
		x.raise(s, fromBook)
		s.book = s.orders.Book()
	}
	if ev.Flags&exchange.FlagClear != 0 {
		s.recount = true
		for i := range s.taken {
			s.taken[i].levels = s.taken[i].levels[:0]
		}
	}
	was, now := s.orders.Apply(ev)
	s.shown = x.at
	if now.Qty > 0 {
		s.crossing.level(now.Side, now.Price)
	}
	if ev.Flags&exchange.FlagLast != 0 && s.crossing.mayBe() {
		x.bookShown(s)
	}
	if was.Qty > 0 {
		s.takenOf(was.Side).updated(was.Price)
	}
	if now.Qty > 0 {
		s.takenOf(now.Side).updated(now.Price)
	}
	if s.busy == 0 && s.pos == 0 && !s.recount {
		return
	}
	if !s.recount {
		x.orderChanged(s, &was, &now)
	}
	if ev.Flags&exchange.FlagLast == 0 {
		return
	}
	if s.recount {
		s.recount = false
		s.recountQueues()
	}
	x.messageEnded(s)
}

// orderChanged moves our orders at the price of an order that has changed.
func (x *Exchange) orderChanged(s *symbol, was, now *exchange.Queued) {
	if was.Qty > 0 {
		gone := was.Qty
		if now.Seq == was.Seq {
			gone -= now.Qty
		}
		for o := s.side(was.Side).at(was.Price); o != nil && o.Price == was.Price; o = o.next {
			switch {
			case o.queue.unknown:
				s.joinOrders(o)
			case o.hidden():
				o.queue.front = s.queued(o)
			case was.Seq <= o.queue.joined:
				// An order that goes to the back, or to another price, was not filled.
				x.aheadGone(o, gone, now.Qty == 0 || now.Seq == was.Seq)
			}
		}
	}
	if now.Qty == 0 || now.Seq == was.Seq {
		return
	}
	for o := s.side(now.Side).at(now.Price); o != nil && o.Price == now.Price; o = o.next {
		switch {
		case o.queue.unknown:
			s.joinOrders(o)
		case o.hidden():
			o.queue.front = s.queued(o)
		}
	}
}

// aheadGone takes what an order ahead of ours has lost off the queue, unless a trade
// has done so.
func (x *Exchange) aheadGone(o *order, gone exchange.Qty, mayHaveTraded bool) {
	q := &o.queue
	if !mayHaveTraded {
		q.front = max(q.front-int64(min(gone, maxQueue))*QueueUnit, 0)
		return
	}
	explained := min(gone, q.traded)
	q.traded -= explained
	gone -= explained
	q.front = max(q.front-int64(min(gone, maxQueue))*QueueUnit, 0)
	if u := &q.undo; x.at.Sub(u.at) > x.cfg.ExplainWithin {
		*u = undo{at: x.at, open: gone}
	} else {
		u.open += gone
	}
}

// tradeAtOrders takes a trade at its price off the orders ahead of ours and returns
// what of the trade is left for ours.
func (x *Exchange) tradeAtOrders(o *order, trade exchange.Qty) exchange.Qty {
	q := &o.queue
	if u := &q.undo; u.open > 0 && x.at.Sub(u.at) <= x.cfg.ExplainWithin {
		explained := min(u.open, trade)
		u.open -= explained
		trade -= explained
	}
	if trade <= 0 {
		return 0
	}
	q.traded += min(exchange.Qty(q.front/QueueUnit), trade)
	return q.pass(int64(min(trade, maxQueue)) * QueueUnit)
}

// joinOrders puts an order of ours behind the orders at its price.
func (s *symbol) joinOrders(o *order) {
	o.queue = place{joined: s.orders.Seq()}
	o.queue.front = s.queued(o)
}

// queued is everything at the price of an order of ours.
func (s *symbol) queued(o *order) int64 {
	return int64(min(s.book.Qty(o.Side, o.Price), maxQueue)) * QueueUnit
}

// recountQueues finds our places in a book that was sent anew.
func (s *symbol) recountQueues() {
	for _, list := range [2]*ladder{&s.bids, &s.asks} {
		for o := list.first; o != nil; o = o.next {
			switch {
			case o.queue.unknown:
				s.joinOrders(o)
			case o.hidden():
				o.queue.front = s.queued(o)
			default:
				o.queue = place{joined: o.queue.joined, credit: o.queue.credit,
					front: int64(min(s.orders.Ahead(o.Side, o.Price, o.queue.joined), maxQueue)) * QueueUnit}
			}
		}
	}
}

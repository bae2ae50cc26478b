package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// DepthModel is what is assumed behind the best bid and ask of data that shows
// nothing else.
type DepthModel struct {
	// Size is the quantity of each level behind the best, as a multiple of the
	// best's. 0: 1.
	Size exchange.Ratio
	// Ticks is the distance between levels. 0: 1.
	Ticks int
	// Levels is how many levels a taker may reach behind the best. 0: no limit.
	Levels int
}

func (d DepthModel) orDefault() DepthModel {
	if d.Size == 0 {
		d.Size = exchange.RatioUnit
	}
	if d.Ticks == 0 {
		d.Ticks = 1
	}
	return d
}

// behind returns the quantity of a level behind a best level.
func (d DepthModel) behind(best exchange.Qty) exchange.Qty {
	return exchange.Qty(exchange.MulDiv(int64(best), int64(d.Size), int64(exchange.RatioUnit), exchange.Floor))
}

func (x *Exchange) quoteEvent(s *symbol, ev *exchange.Event) {
	if s.fidelity > fromQuotes {
		return // the book is known
	}
	if s.fidelity < fromQuotes {
		x.raise(s, fromQuotes)
	}
	old := s.quote
	s.quote = ev.Quote()
	s.shown = x.at
	is := s.quote.BidPrice >= s.quote.AskPrice && s.quote.BidPrice != 0 && s.quote.AskPrice != 0
	if is || s.crossing.now {
		x.quoteCrossed(s, is)
	}
	// What we took is there again once the venue shows a side anew.
	if old.BidPrice != s.quote.BidPrice || old.BidQty != s.quote.BidQty {
		s.taken[0].ladder = 0
	}
	if old.AskPrice != s.quote.AskPrice || old.AskQty != s.quote.AskQty {
		s.taken[1].ladder = 0
	}
	if s.busy == 0 && s.pos == 0 {
		return
	}
	if s.bids.n > 0 {
		x.bestMoved(s, exchange.Buy, old.BidPrice, old.BidQty, s.quote.BidPrice, s.quote.BidQty)
		x.crossQuote(s, exchange.Buy, s.quote.AskPrice)
	}
	if s.asks.n > 0 {
		x.bestMoved(s, exchange.Sell, old.AskPrice, old.AskQty, s.quote.AskPrice, s.quote.AskQty)
		x.crossQuote(s, exchange.Sell, s.quote.BidPrice)
	}
	if s.last == 0 && !is {
		x.moved(s)
	}
	if s.held > 0 || len(s.changes) > 0 {
		x.releaseDeferred(s)
	}
	x.reschedule()
}

// bestMoved moves our orders of a side after its best price or quantity
// changed.
func (x *Exchange) bestMoved(s *symbol, side exchange.Side, oldPrice exchange.Price, oldQty exchange.Qty,
	price exchange.Price, qty exchange.Qty) {
	for o := s.side(side).first; o != nil; o = o.next {
		switch {
		case price == 0 || better(side, o.Price, price):
			// Nobody is left at our price: we are the best.
			o.queue.front, o.queue.traded, o.queue.unknown = 0, 0, false
			continue
		case o.Price != price:
			return // behind the best, where nothing can be seen
		case oldPrice == price:
			x.queueChanged(o, oldQty, qty)
		default:
			// The market came to our level, which shows itself for the first time.
			if o.queue.unknown || o.hidden() {
				x.queueChanged(o, 0, qty)
			}
			o.queue.front = min(o.queue.front, int64(min(qty, maxQueue))*QueueUnit)
			o.queue.traded = 0
		}
		o.keepPlace()
	}
}

// crossQuote fills resting orders of a side that the best opposite price has
// reached, unless the quote is crossed.
func (x *Exchange) crossQuote(s *symbol, side exchange.Side, opposite exchange.Price) {
	if s.crossing.now {
		return
	}
	list := s.side(side)
	for list.n > 0 && opposite != 0 && !better(side, opposite, list.first.Price) {
		o := list.first
		q := o.Leaves
		if !x.cfg.NoConsumption {
			shown := s.quote.AskQty
			if side == exchange.Sell {
				shown = s.quote.BidQty
			}
			// Only what is shown: levels behind it are a guess.
			left := shown - s.takenOf(side.Opposite()).ladder
			if q = s.lots(min(q, left), o.Leaves); q <= 0 {
				return
			}
			s.take(side.Opposite(), opposite, q)
		}
		x.fill(o, o.Price, q, o.liquidity(q), exchange.BookCrossed)
	}
}

// nextStep offers the shown quantity of a quote, then modelled levels behind it.
func (c *offers) nextStep() (exchange.Price, exchange.Qty, bool) {
	q := &c.s.quote
	price, shown := q.AskPrice, q.AskQty
	if c.taker == exchange.Sell {
		price, shown = q.BidPrice, q.BidQty
	}
	if price <= 0 || shown <= 0 {
		return 0, 0, false
	}
	depth := &c.x.cfg.Depth
	behind := depth.behind(shown)
	step, left := ladderAt(c.base+c.seen, shown, behind)
	if step > 0 && behind == 0 || depth.Levels > 0 && step > int64(depth.Levels) {
		return 0, 0, false
	}
	price += exchange.Price(c.taker.Sign()) * exchange.Price(step) * exchange.Price(depth.Ticks) * c.s.terms.TickSize
	if price <= 0 || price > c.s.terms.MaxPrice {
		return 0, 0, false
	}
	c.seen += left
	return price, left, true
}

// ladderAt returns the step of a ladder of levels at which a taker stands that
// took a quantity, and what is left of that step.
func ladderAt(took, first, behind exchange.Qty) (step int64, left exchange.Qty) {
	if took < first {
		return 0, first - took
	}
	if behind == 0 {
		return 1, 0
	}
	took -= first
	return 1 + int64(took/behind), behind - took%behind
}

// join gives an order that begins to rest its place in the queue of its price.
func (s *symbol) join(o *order, m QueueModel) {
	if s.orders != nil {
		s.joinOrders(o)
		return
	}
	q := &o.queue
	*q = place{}
	switch s.fidelity {
	case fromBook:
		q.front = m.Join(min(s.book.Qty(o.Side, o.Price), maxQueue))
	case fromQuotes:
		best, shown := s.quote.BidPrice, s.quote.BidQty
		if o.Side == exchange.Sell {
			best, shown = s.quote.AskPrice, s.quote.AskQty
		}
		switch {
		case o.Price == best:
			q.front = m.Join(min(shown, maxQueue))
		case best != 0 && better(o.Side, best, o.Price):
			q.front = m.Join(min(s.cfg.Depth.behind(shown), maxQueue))
		}
	case fromTrades, fromBars, fromNothing:
		// Nobody knows the queue: only a trade beyond the price fills.
	}
	p := o.prev
	for p != nil && p.dark && p.limit == o.limit {
		p = p.prev
	}
	if p != nil && p.limit == o.limit {
		q.front = max(q.front, p.queue.front)
	}
}

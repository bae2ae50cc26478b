package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// offers walks what a taker can have, best price first, whatever the data: the
// levels of a book, a quote and the modelled levels behind it, the last trade
// or the path of a bar with slippage.
type offers struct {
	x     *Exchange
	s     *symbol
	taker exchange.Side
	limit exchange.Price // 0: none
	price exchange.Price // of the level before
	steps int            // levels seen
	base  exchange.Qty   // of a quote's ladder, what was taken before
	seen  exchange.Qty   // and what this walk was offered

	forced bool // the venue closes a position: on bars at the mark price where no price is known
}

// offers starts a walk for a taker of a side.
func (x *Exchange) offers(s *symbol, taker exchange.Side, limit exchange.Price) offers {
	return offers{x: x, s: s, taker: taker, limit: limit, base: s.takenOf(taker.Opposite()).ladder}
}

// next returns the next price at which a quantity is left. Nothing is taken by
// looking.
func (c *offers) next() (p exchange.Price, q exchange.Qty, ok bool) {
	switch c.s.fidelity {
	case fromBook:
		p, q, ok = c.nextLevel()
	case fromQuotes:
		p, q, ok = c.nextStep()
	case fromTrades, fromBars:
		p, q, ok = c.slipped()
	default:
		return 0, 0, false
	}
	if !ok || c.limit != 0 && better(c.taker, p, c.limit) {
		return 0, 0, false
	}
	return p, q, true
}

func (c *offers) nextLevel() (exchange.Price, exchange.Qty, bool) {
	side := c.taker.Opposite()
	for {
		var l exchange.Level
		var ok bool
		if c.steps == 0 {
			l, ok = c.s.book.Best(side)
		} else {
			l, ok = c.s.book.Next(side, c.price)
		}
		if !ok {
			return 0, 0, false
		}
		c.steps++
		c.price = l.Price
		if left := l.Qty - c.s.takenOf(side).at(l.Price); left > 0 && (!c.s.crossing.now || !c.s.inCross(side, l.Price)) {
			return l.Price, left, true
		}
	}
}

// cause of fills that take.
func (s *symbol) takeCause() exchange.Cause {
	switch {
	case s.fidelity == fromBook:
		return exchange.TookBook
	case s.fidelity == fromBars && s.bar.atOpen():
		return exchange.BarOpened
	case s.fidelity == fromBars:
		return exchange.BarPassed
	default:
		return exchange.TookTouch
	}
}

// take notes that an order of ours took a quantity of a side of the market.
func (s *symbol) take(side exchange.Side, p exchange.Price, q exchange.Qty) {
	if q <= 0 {
		return
	}
	switch s.fidelity {
	case fromBook:
		s.takenOf(side).add(p, q)
	case fromQuotes:
		s.takenOf(side).ladder += q
	case fromBars:
		s.bar.budget -= q
	case fromTrades, fromNothing:
	}
}

// give undoes every take, for a market that does not remember.
func (s *symbol) give() {
	for i := range s.taken {
		s.taken[i].levels = s.taken[i].levels[:0]
		s.taken[i].ladder = 0
	}
}

// takeAll fills an order with what the market offers up to its limit, or not at
// all if it must be filled whole and cannot.
func (x *Exchange) takeAll(o *order) {
	s := o.s
	limit := o.Price
	if !o.limited() {
		limit = x.worst(s, o.Side)
	}
	if x.apart(o, limit) || o.TimeInForce == exchange.FillOrKill && !x.fillable(o, limit) {
		return
	}
	c, push := x.offers(s, o.Side, limit), x.push(s)
	x.warnOfImpact(s, push)
	for o.Leaves > 0 {
		p, q, ok := c.next()
		if !x.meetOwn(o, limit, p, ok) || !ok {
			break
		}
		if q = s.lots(min(q, o.Leaves), o.Leaves); q <= 0 {
			continue
		}
		s.take(o.Side.Opposite(), p, q)
		x.fill(o, push.price(o.Side, p, q, limit, s.terms.TickSize), q, exchange.RemovedLiquidity, s.takeCause())
	}
	if x.cfg.NoConsumption {
		s.give()
	}
}

// apart reports whether an order certainly takes nothing: the usual case of one that
// is going to rest on the book.
func (x *Exchange) apart(o *order, limit exchange.Price) bool {
	s := o.s
	if s.fidelity != fromBook || limit == 0 || x.cfg.SelfTrade != SelfTradePass || s.meter != nil {
		return false
	}
	best, ok := s.book.Best(o.Side.Opposite())
	return !ok || better(o.Side, best.Price, limit)
}

// fillable reports whether everything that is left of an order is on offer.
func (x *Exchange) fillable(o *order, limit exchange.Price) bool {
	c := x.offers(o.s, o.Side, limit)
	c.forced = o.name == nil // the venue's own order
	for need := o.Leaves - x.ownOffers(o, limit); ; {
		if need <= 0 {
			return true
		}
		p, q, ok := c.next()
		if !ok || x.cfg.SelfTrade >= SelfTradeCancelTaking && x.own(o, limit, p, ok) != nil {
			return false
		}
		if need -= o.s.lots(min(q, need), need); need <= 0 {
			return true
		}
	}
}

// wouldTake reports whether an order would trade on arrival.
func (x *Exchange) wouldTake(o *order) bool {
	c := x.offers(o.s, o.Side, o.Price)
	_, _, ok := c.next()
	return ok || x.ownOffers(o, o.Price) > 0
}

// fill executes a part of an order.
func (x *Exchange) fill(o *order, p exchange.Price, q exchange.Qty, l exchange.Liquidity, cause exchange.Cause) {
	s := o.s
	m := s.markPrice()
	if m <= 0 {
		m = p
	}
	x.account.SetMark(s.id, m, x.at)
	if s.swapped {
		if err := x.account.CanPay(s.id, o.Side, q, p); err != nil {
			x.cancel(o, "Canceled: "+err.Error())
			return
		}
	}
	f := exchange.Fill{
		ExecID: x.execID(), OrderID: o.OrderID, ClientID: o.ClientID, Symbol: s.id, Side: o.Side, Qty: q, Price: p,
		Type: exchange.ExecTrade, Liquidity: l, Cause: cause, Time: x.at,
		Ambiguous: o.ambiguous,
	}
	x.account.Fill(&f)
	o.Filled += q
	o.Leaves -= q
	o.value += f.Value
	o.AvgPrice = s.terms.PriceOfCost(o.Filled, o.value)
	f.Leaves = o.Leaves
	if f.Ambiguous {
		x.stats.ambiguous(s)
	}
	x.stats.Fills[cause]++
	if o.Leaves == 0 {
		x.finish(o, exchange.Filled)
	} else {
		o.Status = exchange.PartiallyFilled
		x.reopen(o)
		x.showNext(o, q)
	}
	x.reportFill(o, &f)
	x.setPosition(s, f.Position)
	if s.pos != 0 && s.markPrice() <= 0 {
		x.markAt(s, m) // the market shows no price: the fill's own is the mark price
	}
	x.cancelOthers(o)
	if o.Status == exchange.Filled {
		x.wakeChildren(o)
	}
}

// setPosition follows a change of the position.
func (x *Exchange) setPosition(s *symbol, pos exchange.Qty) {
	if (s.pos == 0) != (pos == 0) {
		s.pos = pos
		x.sharePositions()
	}
	s.pos = pos
	x.reportAccount(s)
	x.remark(s)
	if s.reducing > 0 {
		x.trimReducing(s)
	}
	s.touch(x.at)
}

// sharePositions notes whether there is more than one position: then, with cross
// margin, the market of one moves the liquidation price of another.
func (x *Exchange) sharePositions() {
	n := 0
	for _, s := range x.symbols {
		if s.pos != 0 {
			n++
		}
	}
	for _, s := range x.symbols {
		if s.shared != (n > 1) {
			s.shared = n > 1
			x.catchUp(s, x.at)
			s.touch(x.at)
		}
	}
}

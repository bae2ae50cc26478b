package sim

import (
	"math"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// rises reports whether an order that waits is triggered by a price that rises
// to its trigger price, rather than falls to it.
func (o *order) rises() bool {
	touched := o.Type == exchange.MarketIfTouched || o.Type == exchange.LimitIfTouched
	return (o.Side == exchange.Buy) != touched
}

// followsPath reports whether an order's trigger is moved by the path of a bar:
// when it follows the last price, or a price that the data does not have.
func (s *symbol) followsPath(o *order) bool {
	switch {
	case o.ExecInst.Has(exchange.LastPrice):
		return true
	case o.ExecInst.Has(exchange.IndexPrice) && s.index != 0:
		return false
	default:
		return !s.marked
	}
}

// source returns the price that an order's trigger follows: the one that it
// names, else the mark price. What the data does not have is replaced, index by
// mark and mark by last price, and noted.
func (x *Exchange) source(o *order) exchange.Price {
	s := o.s
	switch {
	case o.ExecInst.Has(exchange.LastPrice):
		return s.lastPrice()
	case o.ExecInst.Has(exchange.IndexPrice):
		if s.index != 0 {
			return s.index
		}
		x.stats.warn(WarnNoIndex)
	case o.ExecInst.Has(exchange.MarkPrice) && !s.marked:
		x.stats.warn(WarnNoMark)
	}
	return s.markPrice()
}

// triggering returns the prices that trigger an order; lo is above hi if none does.
func (s *symbol) triggering(o *order) (lo, hi exchange.Price) {
	if o.StopPrice <= 0 {
		return 1, 0
	}
	lo, hi = 1, math.MaxInt64
	if o.rises() {
		lo = o.StopPrice
	} else {
		hi = o.StopPrice
	}
	if o.ExecInst.Has(exchange.LastWithinMark) && s.marked {
		// The venue ignores a last price that is more than 5 % beyond the mark.
		if o.Side == exchange.Sell {
			lo = (s.mark - s.mark/20).CeilTick(s.terms.TickSize)
		} else {
			hi = (s.mark + s.mark/20).FloorTick(s.terms.TickSize)
		}
	}
	return lo, hi
}

// triggers reports whether a price triggers an order.
func (s *symbol) triggers(o *order, p exchange.Price) bool {
	lo, hi := s.triggering(o)
	return lo <= p && p <= hi
}

// triggersOn returns the first price on the way from one to another that triggers an
// order, if there is one.
func (s *symbol) triggersOn(o *order, from, to exchange.Price) (exchange.Price, bool) {
	lo, hi := s.triggering(o)
	first := min(max(from, lo), hi)
	return first, lo <= hi && min(from, to) <= first && first <= max(from, to)
}

// checkTriggers queues the orders whose trigger the market has reached. They
// are executed in the next Advance, after the orders that arrive at the same
// instant.
func (x *Exchange) checkTriggers(s *symbol) {
	for _, o := range s.stops {
		if o.state != waiting {
			continue
		}
		switch p := x.source(o); {
		case s.triggers(o, p):
			x.fire(o)
		case o.trails():
			x.follow(o, p)
		}
	}
}

// fire queues an order whose time has come.
func (x *Exchange) fire(o *order) {
	o.state = firing
	x.fired = append(x.fired, o)
	x.next = min(x.next, x.at)
}

func (x *Exchange) fireTriggers() {
	for len(x.fired) > 0 {
		o := x.fired[0]
		x.fired = slices.Delete(x.fired, 0, 1)
		o.state = waiting
		x.catchUp(o.s, x.at)
		if o.Triggered == exchange.NotTriggered {
			x.wake(o)
			continue
		}
		x.trigger(o)
	}
}

// trigger activates a waiting order, which then does what an order does that
// arrives now.
func (x *Exchange) trigger(o *order) {
	x.detach(o)
	o.Triggered = exchange.StopOrderTriggered
	x.seq++
	o.seq = x.seq
	o.Working = !o.takes()
	x.reportOrder(o, exchange.ExecTriggered)
	x.cancelOthers(o)
	x.start(o)
}

// startAgain starts an order that has waited for a price. One that waits still is not
// counted twice.
func (x *Exchange) startAgain(o *order) {
	was := x.stats
	x.start(o)
	if o.state == held {
		x.stats.Held, x.stats.Outdated = was.Held, was.Outdated
	}
}

// start lets an order that has waited do what an order does that arrives now, if the
// account allows it.
func (x *Exchange) start(o *order) {
	if o.ExecInst.Has(exchange.Close) && o.Qty == 0 {
		o.Qty = o.s.pos.Abs()
		o.Leaves = o.Qty
	}
	if x.outdated(o) {
		x.hold(o) // the margin is asked for when there is data to trade at
		return
	}
	if reason := x.refuses(o); reason != "" {
		x.reject(o, reason)
		return
	}
	x.work(o)
}

package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// A bar has the prices of its open, extremes and close, but not the times of its
// extremes. An order becomes active inside a bar if it answers a fill, belongs to a
// bracket, comes from a timer or arrives with latency. These rules decide it:
//
//   - An order that takes waits for the next open, unless it arrives at a known price:
//     the level of an order that has just filled.
//   - A limit or if-touched order executes only if the close lies beyond its price. The
//     market then crossed that price after the order became active.
//   - A stop is triggered if it lies within the range of the bar. Its fill is certain if
//     the close lies beyond it, and otherwise worse than the close.
//   - A cancel or an amendment takes effect at the end of the bar. It is unknown whether
//     the order filled before: a limit or if-touched order executes only if the close
//     lies beyond it, a stop only if the close does not.
//
// All of it is reported when the bar ends, so that no report shows a strategy the rest
// of a bar. docs/fill-models.md has the rules with examples.

// deferred is a cancel or an amendment that arrived inside a bar and waits for its end.
type deferred struct {
	cmd  command
	text string // of a cancel that the exchange made itself; "": it was asked for
}

// deferChange keeps a command that cancels or amends orders of a symbol until the end
// of the bar, if one is under way.
func (x *Exchange) deferChange(c *command) bool {
	s := c.symbol
	if s.bar.replaying || !s.inside(x.at) {
		return false
	}
	id, client := c.cancel.OrderID, c.cancel.ClientID
	if c.kind == cmdAmend {
		id, client = c.amend.order, c.amend.orig
	}
	if o, _ := x.find(s, id, client); o != nil {
		x.defers(o, c, "")
		return true
	}
	for i := range s.changes {
		if a := &s.changes[i].cmd; id == "" && a.kind == cmdAmend && a.amend.client == client {
			s.changes = append(s.changes, deferred{cmd: *c}) // of an order that will have this name
			return true
		}
	}
	return false
}

func (x *Exchange) defers(o *order, c *command, text string) {
	s := o.s
	if o.changing = true; !o.uncertain {
		o.uncertain = true
		s.uncertain++
	}
	s.changes = append(s.changes, deferred{cmd: *c, text: text})
	s.touch(x.at)
}

// cancelFor cancels an order because of a command or of a clock: now, or at the end of
// the bar that is under way.
func (x *Exchange) cancelFor(o *order, text string) {
	if s := o.s; s.bar.replaying || !s.inside(x.at) {
		o.TransactTime = x.at
		x.cancel(o, text)
		return
	}
	for i := range o.s.changes { // a request that is repeated until it is confirmed
		if c := &o.s.changes[i]; c.text != "" && c.cmd.cancel.OrderID == o.OrderID {
			return
		}
	}
	x.defers(
		o,
		&command{kind: cmdCancel, symbol: o.s, cancel: exchange.CancelOrder{Symbol: o.s.id, OrderID: o.OrderID}},
		text,
	)
}

// makeChanges carries out the commands that waited for the end of a bar. It reports false if
// there are none.
func (x *Exchange) makeChanges(s *symbol) bool {
	if len(s.changes) == 0 {
		return false
	}
	for i := range s.changes {
		c := &s.changes[i]
		o, _ := x.find(s, c.cmd.cancel.OrderID, c.cmd.cancel.ClientID)
		switch {
		case c.cmd.kind == cmdAmend:
			if o, _ = x.find(s, c.cmd.amend.order, c.cmd.amend.orig); o != nil {
				o.changing = false
			}
			x.amendOrder(&c.cmd)
		case c.text == "":
			x.cancelOrder(s, &c.cmd.cancel)
		case o != nil:
			o.TransactTime = x.at
			x.cancel(o, c.text)
		}
	}
	clear(s.changes)
	s.changes = s.changes[:0]
	return true
}

// hold keeps an order that would take until the price of the market is known again.
func (x *Exchange) hold(o *order) {
	o.state = held
	o.Working = false
	o.s.stops = append(o.s.stops, o)
	o.s.busy++
	o.s.held++
	x.reopen(o)
	x.stats.Held++
	if x.stale(o.s) {
		x.stats.Outdated++
	}
}

// releaseHeld lets the orders that waited for a price take their turn, in the order in
// which they arrived, unless what came last is no price.
func (x *Exchange) releaseHeld(s *symbol) {
	if x.stale(s) {
		return
	}
	due := x.released[:0]
	for _, o := range s.stops {
		if o.state == held {
			due = append(due, o)
		}
	}
	for _, o := range due {
		if o.state == held {
			x.detach(o)
			x.start(o)
		}
	}
	clear(due)
	x.released = due
}

// releaseDeferred carries out what still waits for the end of a bar or for a price, once the
// next bar or better data has brought one.
func (x *Exchange) releaseDeferred(s *symbol) {
	x.makeChanges(s)
	x.releaseHeld(s)
}

// becomeActive notes that an order became active inside a bar, if it did.
func (s *symbol) becomeActive(o *order, at exchange.Time) {
	if s.fidelity == fromBars && !o.uncertain && s.inside(at) {
		o.uncertain = true
		s.uncertain++
	}
}

// makeCertain ends the uncertainty of all orders: the bar in which they became active
// has ended, and the next one has not begun.
func (s *symbol) makeCertain() {
	for _, list := range [2]*ladder{&s.bids, &s.asks} {
		for o := list.first; o != nil; o = o.next {
			o.uncertain, o.changing = false, false
		}
	}
	for _, o := range s.stops {
		o.uncertain, o.changing = false, false
	}
	s.uncertain = 0
}

// triggerUncertain triggers a stop that became active inside the bar and that the price may
// have reached since, and reports whether there was one. A stop that may only reduce
// waits until there is a position for it.
func (x *Exchange) triggerUncertain(s *symbol) bool {
	if s.uncertain == 0 {
		return false
	}
	b := &s.bar
	for _, o := range s.stops {
		if o.state != waiting || !o.uncertain || !s.followsPath(o) || o.ifTouched() {
			continue
		}
		if o.reduces() && exchange.Qty(o.Side.Sign())*s.pos >= 0 {
			continue
		}
		from, to := b.high, b.low
		if o.rises() {
			from, to = b.low, b.high
		}
		p, reaches := s.triggersOn(o, from, to)
		proven := s.triggers(o, b.close)
		if !reaches || o.changing && proven {
			continue
		}
		if p != o.StopPrice {
			p = 0 // beyond it before the stop arrived: it takes at a price that is not known
		}
		x.triggerAt(o, p, !proven)
		return true
	}
	return false
}

// ifTouched tells if-touched orders from stops.
func (o *order) ifTouched() bool {
	return o.Type == exchange.MarketIfTouched || o.Type == exchange.LimitIfTouched
}

// triggerAt triggers an order at a price inside the bar. When the market had the price is
// unknown, so answers to the fill do not arrive at a known price. 0: the price is
// unknown too.
func (x *Exchange) triggerAt(o *order, p exchange.Price, ambiguous bool) {
	b := &o.s.bar
	if b.step < pathProof {
		b.known = false
	}
	known := b.known
	b.known, b.base, b.filled = false, p, true
	o.ambiguous = ambiguous
	x.trigger(o)
	o.ambiguous = false
	b.base, b.known = 0, known
}

// fillProven executes an order that became active inside the bar and that the close proves,
// and reports whether there was one.
func (x *Exchange) fillProven(s *symbol) bool {
	if s.uncertain == 0 {
		return false
	}
	b := &s.bar
	for _, o := range s.stops {
		if o.state != waiting || !o.uncertain || !s.followsPath(o) || !o.ifTouched() || !s.triggers(o, b.close) {
			continue
		}
		p := o.StopPrice
		if p < b.low || p > b.high {
			p = 0 // touched before it arrived: it takes at a price that is not known
		}
		x.triggerAt(o, p, false)
		return true
	}
	for _, side := range [2]exchange.Side{exchange.Buy, exchange.Sell} {
		for o := s.side(side).first; o != nil && reached(side, o.Price, b.close, s.cfg.Bars.Touch); o = o.next {
			if o.uncertain && x.fillProvenLimit(o) {
				return true
			}
		}
	}
	return false
}

// fillProvenLimit executes a limit order that the close lies beyond. One that is beyond the
// whole bar would have taken when it arrived, at a price that is not known.
func (x *Exchange) fillProvenLimit(o *order) bool {
	s, b := o.s, &o.s.bar
	far := b.high
	if o.Side == exchange.Sell {
		far = b.low
	}
	if better(o.Side, o.Price, far) && !o.changing {
		x.detach(o)
		x.hold(o)
		return true
	}
	q := s.lots(min(o.Leaves, b.budget), o.Leaves)
	if q <= 0 {
		return false
	}
	b.budget -= q
	x.fill(o, o.Price, q, o.liquidity(q), exchange.BarPassed)
	return true
}

// liquidatedInside liquidates a position that an order opened or enlarged inside the bar,
// if the extreme against it lies beyond its liquidation price: the price may have got
// there later.
func (x *Exchange) liquidatedInside(s *symbol) bool {
	b := &s.bar
	if !b.filled || s.pos == 0 || s.marked {
		return false
	}
	b.filled = false
	worst := b.low
	if s.pos < 0 {
		worst = b.high
	}
	if x.account.SetMark(s.id, worst, x.at) {
		x.doomed = true
		x.liquidateDoomed(x.at)
		x.remark(s)
		return true
	}
	x.remark(s)
	return false
}

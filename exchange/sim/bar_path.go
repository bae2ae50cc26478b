package sim

import (
	"math"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// BarModel says how the price moved within a bar.
type BarModel struct {
	Path BarPath
	// Touch fills a resting limit order when the price touches it, and at the
	// open if the bar opens beyond it. Otherwise the price must go through, and
	// the order fills at its limit.
	Touch bool
	// VolumeShare limits what our orders get of a bar to a share of its volume.
	// 0: no limit.
	VolumeShare exchange.Ratio
}

// BarPath is the order in which a bar visits its extremes.
type BarPath uint8

// Paths of bars. All begin at the open and end at the close.
const (
	// Adaptive visits the extreme nearer to the open first, the low if both are
	// equally near.
	Adaptive BarPath = iota
	HighFirst
	LowFirst
	// Pessimistic visits the extreme first that hurts the position: the low if
	// we are long, the high if we are short. Without a position it is Adaptive.
	Pessimistic
)

var barPathNames = []string{"adaptive", "high-first", "low-first", "pessimistic"}

// String returns the name that ParseBarPath reads.
func (p BarPath) String() string {
	if int(p) < len(barPathNames) {
		return barPathNames[p]
	}
	return "invalid"
}

// ParseBarPath reads adaptive, high-first, low-first or pessimistic.
func ParseBarPath(s string) (BarPath, error) {
	for i, n := range barPathNames {
		if n == s {
			return BarPath(i), nil
		}
	}
	return 0, bad("bars.path", s, "want adaptive, high-first, low-first or pessimistic")
}

// A bar is four points in time: its open at the start, an extreme after a third
// and after two thirds, its close at the end.
const (
	pathOpen = iota
	pathFirst
	pathSecond
	pathClose
	pathDone
)

const unlimited exchange.Qty = math.MaxInt64 / 4

// path is a bar while it lasts.
type path struct {
	start     exchange.Time
	interval  time.Duration
	open      exchange.Price // within low and high
	high      exchange.Price
	low       exchange.Price
	close     exchange.Price
	budget    exchange.Qty // what our orders may still get
	step      int8         // the next point
	decided   bool         // highFirst is known
	highFirst bool
	jump      bool // the price moves to the open, not along the path
	ambiguous bool // the bar was counted as ambiguous
}

func (p *path) time(step int8) exchange.Time {
	if step == pathClose {
		return p.start.Add(p.interval)
	}
	return p.start.Add(p.interval / 3 * time.Duration(step))
}

// atOpen reports whether the bar's price is still its open.
func (p *path) atOpen() bool { return p.step == pathFirst }

// barEvent begins a bar. A bar that nothing of ours can notice costs no more
// than to be remembered.
func (x *Exchange) barEvent(s *symbol, ev *exchange.Event) {
	if s.fidelity > fromBars {
		return
	}
	interval := ev.BarInterval()
	b := &s.bar
	if interval > b.interval && b.interval != 0 {
		return // a coarser view of what a finer series shows
	}
	s.fidelity, x.onBars = fromBars, true
	if b.step < pathDone {
		// What was left of the bar before could not touch anything, or wake would
		// have been set.
		b.step = pathDone
		s.last = b.close
	}
	bar := ev.Bar()
	if bar.Quiet {
		x.quietBar(s, &bar)
		return
	}
	open := min(max(bar.Open, bar.Low), bar.High)
	if open != bar.Open {
		x.stats.ClampedOpens++
	}
	b.start, b.interval = bar.Start, interval
	b.open, b.high, b.low, b.close = open, bar.High, bar.Low, bar.Close
	b.step, b.decided, b.ambiguous = pathFirst, false, false
	b.budget = unlimited
	if x.cfg.Bars.VolumeShare != 0 {
		b.budget = x.barBudget(s, bar.Volume)
	}
	if s.busy == 0 && s.pos == 0 {
		s.last, s.wake = open, exchange.Never
		return
	}
	x.move(s, open, true)
	s.touch(x.at)
	x.reschedule()
}

// quietBar begins a bar in which nothing traded: no price moves.
func (x *Exchange) quietBar(s *symbol, bar *exchange.Bar) {
	if s.last == 0 {
		s.last = bar.Close
	}
	s.bar = path{start: bar.Start, interval: bar.End.Sub(bar.Start), open: s.last, high: s.last, low: s.last, close: s.last,
		budget: x.barBudget(s, bar.Volume), step: pathDone}
	s.wake = exchange.Never
}

func (x *Exchange) barBudget(s *symbol, volume exchange.Qty) exchange.Qty {
	share := x.cfg.Bars.VolumeShare
	if share == 0 {
		return unlimited
	}
	q := exchange.Qty(exchange.MulDiv(int64(volume), int64(share), int64(exchange.RatioUnit), exchange.Floor))
	return q - q%s.terms.LotSize
}

// walk lets the points of a bar's path up to t happen.
func (x *Exchange) walk(s *symbol, t exchange.Time) {
	b := &s.bar
	for b.step < pathDone && b.time(b.step) <= t {
		to := x.point(s)
		at := b.time(b.step)
		b.step++
		x.at = max(x.at, at)
		x.move(s, to, false)
	}
	s.touch(t)
	x.reschedule()
}

// point returns the price of the next point.
func (x *Exchange) point(s *symbol) exchange.Price {
	b := &s.bar
	if b.step == pathClose {
		return b.close
	}
	if !b.decided {
		b.decided, b.highFirst = true, x.highFirst(s)
	}
	if (b.step == pathFirst) == b.highFirst {
		return b.high
	}
	return b.low
}

func (x *Exchange) highFirst(s *symbol) bool {
	b := &s.bar
	switch x.cfg.Bars.Path {
	case HighFirst:
		return true
	case LowFirst:
		return false
	case Pessimistic:
		if s.pos != 0 {
			return s.pos < 0
		}
	case Adaptive:
	}
	return b.high-b.open < b.open-b.low
}

// catchUp moves the price of a bar that touched nothing so far to where it is
// at t.
func (x *Exchange) catchUp(s *symbol, t exchange.Time) {
	b := &s.bar
	if s.fidelity != fromBars || s.wake != exchange.Never {
		return
	}
	for b.step < pathDone && b.time(b.step) <= t {
		s.last = x.point(s)
		b.step++
	}
}

// touch decides whether what is left of a bar's path matters, and if so when
// its next point is.
func (s *symbol) touch(at exchange.Time) {
	if s.fidelity == fromBars {
		s.touchBar(at)
	}
}

func (s *symbol) touchBar(at exchange.Time) {
	b := &s.bar
	s.wake = exchange.Never
	if b.step < pathDone && s.touchable() {
		s.wake = max(b.time(b.step), at)
	}
}

func (s *symbol) touchable() bool {
	b := &s.bar
	if s.bids.n > 0 && b.low <= s.bids.first.Price || s.asks.n > 0 && b.high >= s.asks.first.Price {
		return true
	}
	for _, o := range s.stops {
		if o.state == waiting && o.trails() {
			return true
		}
		if o.state == dormant {
			continue
		}
		if p, rising := o.StopPrice, o.rises(); rising && b.high >= p || !rising && b.low <= p {
			return true
		}
	}
	return s.pos != 0 && !s.marked && s.nearLiquidation()
}

// nearLiquidation reports whether the bar may reach the liquidation price. It
// errs on the side of yes: 1 % around the price, and always when there is no
// telling, since with cross margin other positions move the price.
func (s *symbol) nearLiquidation() bool {
	b := &s.bar
	p := s.liquidation
	if p <= 0 || s.shared {
		return s.shared
	}
	if s.pos > 0 {
		return b.low <= p+p/100
	}
	return b.high >= p-p/100
}

// move takes the price of a bar's path to a point. On the way, orders are met
// in the order of their prices; a jump, from one bar's close to the next one's
// open, meets them all at its end.
func (x *Exchange) move(s *symbol, to exchange.Price, jump bool) {
	from := s.last
	if jump {
		s.last = to
	}
	s.bar.jump = jump
	for {
		o, level := s.met(from, to)
		if o == nil {
			break
		}
		if !jump {
			if x.ruined(s, from, level) {
				from = s.last
				continue
			}
			s.last, from = level, level
		}
		x.meet(o)
	}
	s.last = to
	x.trailPath(s)
	if s.pos != 0 && !s.marked {
		x.remark(s)
		x.liquidateDoomed(x.at)
	}
}

// met returns the first order that a move from a price to another reaches, and
// the price at which it does.
func (s *symbol) met(from, to exchange.Price) (first *order, level exchange.Price) {
	var least exchange.Price
	consider := func(o *order, at exchange.Price) {
		// An order that was reached before, and had to wait, is met at once.
		if to > from {
			at = max(at, from)
		} else {
			at = min(at, from)
		}
		if d := max(at-from, from-at); first == nil || d < least || d == least && firstOf(o, first) == o {
			first, level, least = o, at, d
		}
	}
	if s.bar.budget > 0 {
		for _, side := range [2]exchange.Side{exchange.Buy, exchange.Sell} {
			if o := s.side(side).first; o != nil && reached(side, o.Price, to, s.cfg.Bars.Touch) {
				consider(o, o.Price)
			}
		}
	}
	for _, o := range s.stops {
		if o.state != waiting || !s.followsPath(o) {
			continue
		}
		if s.bar.jump {
			if s.triggers(o, to) {
				consider(o, o.StopPrice)
			}
		} else if at, ok := s.triggersOn(o, from, to); ok {
			consider(o, at)
		}
	}
	return first, level
}

// firstOf returns which of two orders that are met at the same price is served
// first: a stop, which needs the price only to be touched, then the older one.
func firstOf(a, b *order) *order {
	stopA, stopB := a.state == waiting, b.state == waiting
	if stopA != stopB {
		if stopA {
			return a
		}
		return b
	}
	if a.seq < b.seq {
		return a
	}
	return b
}

// meet executes an order that the path has reached.
func (x *Exchange) meet(o *order) {
	s := o.s
	// Before anything follows from the fill, such as the end of the other order.
	o.ambiguous = s.ambiguous(o)
	defer func() { o.ambiguous = false }()
	if o.state == waiting {
		x.trigger(o)
		return
	}
	price, cause := o.Price, exchange.BarPassed
	if s.bar.jump {
		cause = exchange.BarOpened
		if s.cfg.Bars.Touch && better(o.Side, o.Price, s.last) {
			price = s.last
		}
	}
	q := s.lots(min(o.Leaves, s.bar.budget), o.Leaves)
	if q <= 0 {
		s.bar.budget = 0 // less than a lot is left
		return
	}
	s.bar.budget -= q
	x.fill(o, price, q, o.liquidity(q), cause)
}

// ruined liquidates the position if the path gets to its liquidation price
// before it gets to a level.
func (x *Exchange) ruined(s *symbol, from, level exchange.Price) bool {
	if s.pos == 0 || s.marked || (s.pos > 0) == (level > from) {
		return false
	}
	p := level - exchange.Price(s.pos.Sign())*-1*s.terms.TickSize
	if (level > from) != (p > from) || p == from || !x.account.SetMark(s.id, p, x.at) {
		return false
	}
	s.last = p
	x.doomed = true
	x.liquidateDoomed(x.at)
	return s.pos == 0
}

// ambiguous reports whether a fill of an order within a bar hides that another
// order could as well have been filled first: a stop and a limit order that
// both close the position, and a bar that reaches both.
func (s *symbol) ambiguous(o *order) bool {
	if s.fidelity != fromBars || s.bar.jump || s.pos == 0 || (s.pos > 0) == (o.Side == exchange.Buy) {
		return false
	}
	stop, other := o.isStop()
	if !stop && !other {
		return false
	}
	b := &s.bar
	for _, p := range s.stops {
		if p != o && p.state != dormant && p.Side == o.Side && (p.Type == exchange.Stop || p.Type == exchange.StopLimit) != stop &&
			b.low <= p.StopPrice && p.StopPrice <= b.high {
			return true
		}
	}
	if !stop {
		return false
	}
	far := b.high // where the limit orders of the position's closing side are
	if o.Side == exchange.Buy {
		far = b.low
	}
	best := s.side(o.Side).first
	return best != nil && best != o && reached(o.Side, best.Price, far, s.cfg.Bars.Touch)
}

// isStop tells orders that limit a loss from orders that take a profit.
func (o *order) isStop() (stop, target bool) {
	switch o.Type {
	case exchange.Stop, exchange.StopLimit:
		return true, false
	case exchange.Limit, exchange.Pegged, exchange.MarketIfTouched, exchange.LimitIfTouched:
		return false, true
	default:
		return false, false
	}
}

package sim

import (
	"cmp"
	"math"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// BarModel says how orders are matched on bars.
type BarModel struct {
	// Path is the order in which the price visits a bar's extremes. It decides for
	// orders that were at the exchange when the bar began.
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
	// Pessimistic takes of HighFirst and LowFirst the one that leaves the account
	// with less at the bar's close, as far as the orders at the exchange decide.
	// If both leave the same it visits the extreme first that hurts the position.
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

// The steps of the replay of a bar's path. A bar is told when it begins, and its
// open is known then. What happened inside it is known when it ends: the path is
// replayed at the bar's last nanosecond, from the open over the two extremes to
// the close. Between the open and that instant nothing of the bar is used.
const (
	pathFirst   = iota + 1 // towards the first extreme
	pathSecond             // towards the second extreme
	pathClose              // towards the close
	pathProof              // orders that became active inside the bar and that the close proves
	pathChanges            // cancels and amendments that arrived inside the bar
	pathLast               // orders that those amendments changed
	pathDone
)

// closeAge is how long after the end of a bar its close counts as the price of the
// market if no other bar follows.
const closeAge = time.Second

// openAge is how long a bar's open counts as the price of the market: as long as a client
// on the same machine needs to answer what happened at the open.
const openAge = time.Microsecond

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
	step      int8
	decided   bool           // highFirst is known
	highFirst bool           // the path visits the high before the low
	jump      bool           // the price moves to the open, not along the path
	ambiguous bool           // the bar was counted as ambiguous
	replaying bool           // the path is being replayed
	known     bool           // while it is: the last price is certainly the market's at this point
	filled    bool           // an order filled in the replay
	side      int8           // on which side of the open the path filled orders: 1 above, -1 below, 0 none yet
	base      exchange.Price // the price at which an order that is triggered inside the bar takes; 0: the last price
}

// end is the instant at which the path is replayed: the last one of the bar, so that
// answers to its fills arrive before the next bar opens.
func (p *path) end() exchange.Time { return p.start.Add(p.interval) - 1 }

// atOpen reports whether the bar's price is still its open.
func (p *path) atOpen() bool { return p.step == pathFirst && !p.replaying }

// barEvent begins a bar. A bar that cannot touch anything of ours costs no more
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
		// The bar before touched nothing of ours, or this one begins before its end and
		// takes its place.
		b.step = pathDone
		s.last = b.close
		if s.uncertain > 0 {
			s.makeCertain()
		}
	}
	bar := ev.Bar()
	if bar.Quiet {
		x.quietBar(s, &bar)
	} else {
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
		x.moveToOpen(s)
	}
	if s.held > 0 || len(s.changes) > 0 {
		x.releaseDeferred(s)
	}
	s.touch(x.at)
	x.reschedule()
}

// quietBar begins a bar in which nothing traded: no price moves.
func (x *Exchange) quietBar(s *symbol, bar *exchange.Bar) {
	if s.last == 0 {
		s.last = bar.Open
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

// priced reports whether the price of the market is known at an instant. On bars it is
// at the open of a bar, at its close, and in the replay of its path at the level of an
// order that has just filled. A taker has to wait for the next open otherwise.
func (s *symbol) priced(at exchange.Time) bool {
	return s.fidelity != fromBars || s.pricedOnBars(at)
}

func (s *symbol) pricedOnBars(at exchange.Time) bool {
	b := &s.bar
	switch {
	case b.replaying:
		return b.known || b.base != 0
	case at <= b.start.Add(openAge):
		return true
	default:
		return b.step == pathDone && at >= b.end() && at.Sub(b.end()) <= closeAge
	}
}

// inside reports whether an order that becomes active now does so inside a bar, after
// its open and before its close.
func (s *symbol) inside(at exchange.Time) bool {
	b := &s.bar
	if s.fidelity != fromBars || b.step >= pathDone {
		return false
	}
	if b.replaying {
		return b.step < pathProof || b.step == pathChanges
	}
	return at > b.start.Add(openAge)
}

// point returns the price to which a step of the path leads.
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
		if first, decides := x.worsePath(s); decides {
			return first
		}
		if s.pos != 0 {
			return s.pos < 0
		}
	case Adaptive:
	}
	return b.high-b.open < b.open-b.low
}

// catchUp moves the price of a bar that touched nothing to its close, once it has
// ended.
func (x *Exchange) catchUp(s *symbol, t exchange.Time) {
	b := &s.bar
	if s.fidelity == fromBars && s.wake == exchange.Never && b.step < pathDone && t >= b.end() {
		s.last = b.close
		b.step = pathDone
	}
}

// touch decides whether a bar's path has to be replayed, and if so sets when.
func (s *symbol) touch(at exchange.Time) {
	if s.fidelity == fromBars {
		s.touchBar(at)
	}
}

func (s *symbol) touchBar(at exchange.Time) {
	b := &s.bar
	s.wake = exchange.Never
	if b.replaying || b.step < pathDone && (s.uncertain > 0 || len(s.changes) > 0 || s.touchable()) {
		s.wake = max(b.end(), at)
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
		if o.state == dormant || o.state == held {
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

// moveToOpen takes the price to the open of a bar. Every resting order that the open
// lies beyond fills, every stop that it lies beyond is triggered.
func (x *Exchange) moveToOpen(s *symbol) {
	from, to := s.last, s.bar.open
	s.last = to
	s.bar.jump = true
	for {
		o, _ := s.met(from, to)
		if o == nil {
			break
		}
		x.meet(o, false)
	}
	s.bar.jump = false
	x.arrive(s)
}

// arrive is called when the price has got to a point of a bar. It reports whether
// that liquidated a position.
func (x *Exchange) arrive(s *symbol) (liquidated bool) {
	x.trailPath(s)
	if s.pos != 0 && !s.marked {
		was := s.pos
		x.remark(s)
		x.liquidateDoomed(x.at)
		return s.pos != was
	}
	return false
}

// replay goes on with the path of a bar that has ended until something of ours happens
// or the path ends. The caller lets the answers arrive before it goes on: an answer to
// a fill without latency reaches the exchange while the price is at the level of the
// fill.
func (x *Exchange) replay(s *symbol) {
	b := &s.bar
	if !b.replaying {
		b.replaying, b.known, b.filled, b.side = true, true, false, 0
		x.replayed = s
	}
	for b.step < pathDone {
		if x.triggerUncertain(s) || x.replayStep(s) {
			s.touch(x.at)
			x.reschedule()
			return
		}
		b.step++
	}
	x.endReplay(s)
}

// replayUntil replays a bar that has ended by t, for an owner who tells of the market
// before he has let it be replayed.
func (x *Exchange) replayUntil(s *symbol, t exchange.Time) {
	for s.wake <= t {
		x.at = max(x.at, s.wake)
		x.instant(x.at)
	}
}

// replayStep does one thing of a step of the replay. It reports false when nothing is
// left to do in the step.
func (x *Exchange) replayStep(s *symbol) bool {
	b := &s.bar
	switch b.step {
	case pathFirst, pathSecond, pathClose:
		return x.approach(s, x.point(s))
	case pathProof:
		b.known = true // the close
		return x.liquidatedInside(s) || x.fillProven(s)
	case pathChanges:
		b.known = false // when they arrived is inside the bar
		return x.makeChanges(s)
	default:
		b.known = true
		return x.fillProven(s)
	}
}

// endReplay ends a bar: what is active now was active before the next bar began.
func (x *Exchange) endReplay(s *symbol) {
	b := &s.bar
	b.replaying = false
	x.replayed = nil
	if s.uncertain > 0 {
		s.makeCertain()
		x.trailPath(s)
	}
	s.touch(x.at)
	x.reschedule()
}

// approach takes the price of a path towards a point. It stops where an order is met, in
// the order of their prices, or the position is liquidated, and reports whether it
// did.
func (x *Exchange) approach(s *symbol, to exchange.Price) bool {
	b := &s.bar
	o, level := s.met(s.last, to)
	if o == nil {
		s.last = to
		if !x.arrive(s) {
			return false
		}
		b.known, b.filled = false, true
		return true
	}
	if x.ruined(s, s.last, level) {
		b.known, b.filled = false, true
		return true
	}
	known := true
	if side := int8(cmp.Compare(level, b.open)); side != 0 {
		if b.side == 0 {
			b.side = side
		}
		known = side == b.side
	}
	s.last = level
	b.known, b.filled = true, true
	x.meet(o, !known)
	b.known = known
	return true
}

// met returns the first order that a move from a price to another reaches, and
// the price at which it does.
func (s *symbol) met(from, to exchange.Price) (first *order, level exchange.Price) {
	var least exchange.Price
	consider := func(o *order, at exchange.Price) {
		// An order already crossed but not yet executed fills immediately.
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
			o := s.side(side).first
			if s.uncertain > 0 {
				for o != nil && o.uncertain {
					o = o.next
				}
			}
			if o != nil && reached(side, o.Price, to, s.cfg.Bars.Touch) {
				consider(o, o.Price)
			}
		}
	}
	for _, o := range s.stops {
		if o.state != waiting || o.uncertain || !s.followsPath(o) {
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

// meet executes an order that the price of a bar has reached. An order is uncertain when
// orders on the other side of the open have filled before.
func (x *Exchange) meet(o *order, uncertain bool) {
	s := o.s
	// Before anything follows from the fill, such as the end of the other order.
	o.ambiguous = uncertain || s.ambiguous(o) || x.siblingReachable(o)
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

// siblingReachable reports whether a bar reaches another order of a group of which only one may
// fill.
func (x *Exchange) siblingReachable(o *order) bool {
	s := o.s
	if o.Contingency != exchange.OneCancelsTheOther || o.LinkID == "" || s.bar.jump {
		return false
	}
	b := &s.bar
	for _, other := range x.groups[o.LinkID] {
		switch {
		case other == o || other.s != s || other.Contingency != exchange.OneCancelsTheOther:
		case other.state == waiting && s.followsPath(other):
			if _, reaches := s.triggersOn(other, b.low, b.high); reaches {
				return true
			}
			if _, reaches := s.triggersOn(other, b.high, b.low); reaches {
				return true
			}
		case other.state == resting && (reached(other.Side, other.Price, b.low, s.cfg.Bars.Touch) ||
			reached(other.Side, other.Price, b.high, s.cfg.Bars.Touch)):
			return true
		}
	}
	return false
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
	return true
}

// ambiguous reports whether a fill of an order within a bar hides that another
// order could as well have been filled first: a stop and a limit order that
// both close the position, and a bar that reaches both.
func (s *symbol) ambiguous(o *order) bool {
	b := &s.bar
	if s.fidelity != fromBars || b.jump || s.pos == 0 || (s.pos > 0) == (o.Side == exchange.Buy) {
		return false
	}
	stop, other := o.isStop()
	if !stop && !other {
		return false
	}
	for _, p := range s.stops {
		if p != o && p.state != dormant && p.state != held && p.Side == o.Side &&
			(p.Type == exchange.Stop || p.Type == exchange.StopLimit) != stop && b.low <= p.StopPrice && p.StopPrice <= b.high {
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

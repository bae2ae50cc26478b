package sim

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// price gives an order that is pegged to the market its price: once, when it arrives,
// since the venue has it Fixed. A trailing stop gets its first trigger price.
func (x *Exchange) price(o *order) {
	switch {
	case o.Type == exchange.Pegged:
		o.Price = x.pegged(o, o.PegOffset)
	case o.trails() && o.StopPrice == 0:
		x.catchUp(o.s, x.at)
		x.startTrail(o)
	}
}

// pegged returns the price that an order pegged to the market would have now, rounded
// to a tick away from the market; 0 if the market has no price to peg to. Data without
// a best bid and ask stand in with the last price.
func (x *Exchange) pegged(o *order, offset exchange.Price) exchange.Price {
	s := o.s
	x.catchUp(s, x.at)
	var p exchange.Price
	switch {
	case s.fidelity < fromQuotes || o.PegType == exchange.LastPeg:
		p = s.lastPrice()
	case o.PegType == exchange.PrimaryPeg:
		p = s.best(o.Side)
	case o.PegType == exchange.MarketPeg:
		p = s.best(o.Side.Opposite())
	case o.PegType == exchange.MidPricePeg:
		p = s.mid()
	}
	if p <= 0 {
		return 0
	}
	p += offset
	if o.Side == exchange.Buy {
		p = p.FloorTick(s.terms.TickSize)
	} else {
		p = p.CeilTick(s.terms.TickSize)
	}
	if p > s.terms.MaxPrice {
		return 0
	}
	return max(p, 0)
}

// trail is when and at what price a trailing stop last looked at the market.
type trail struct {
	source exchange.Price
	at     exchange.Time
}

// The venue looks at a trailing stop at most once a second, and moves it only once
// the price has moved by more than 0.1 % (help page on order types).
const (
	trailEvery = time.Second
	trailShare = 1000
)

func (o *order) trails() bool { return o.PegType == exchange.TrailingStopPeg }

// mayTrail reports whether an offset is on the side of the market on which the order
// waits.
func (o *order) mayTrail(offset exchange.Price) bool { return offset != 0 && o.rises() == (offset > 0) }

// startTrail sets the trigger price from the market, if it has a price yet.
func (x *Exchange) startTrail(o *order) {
	if p := x.source(o); p > 0 {
		o.trail = trail{source: p, at: x.at}
		o.StopPrice = o.trailed(p)
	}
}

// trailed returns the trigger price of a trailing stop for a price of the market.
func (o *order) trailed(p exchange.Price) exchange.Price {
	tick := o.s.terms.TickSize
	return max((p + o.PegOffset).RoundTick(tick), tick)
}

// follow moves the trigger price of a trailing stop after the market, if that moves
// away from it, and leaves it where it is if the market comes nearer.
func (x *Exchange) follow(o *order, p exchange.Price) {
	t := &o.trail
	if p <= 0 || o.StopPrice > 0 && (x.at.Sub(t.at) < trailEvery || max(p-t.source, t.source-p) <= t.source/trailShare) {
		return
	}
	stop := o.trailed(p)
	if o.StopPrice > 0 && (o.rises() && stop >= o.StopPrice || !o.rises() && stop <= o.StopPrice) {
		return
	}
	*t = trail{source: p, at: x.at}
	o.StopPrice = stop
	x.reportOrder(o, exchange.ExecRestated)
}

// trailPath lets trailing stops look at the price of a bar's path.
func (x *Exchange) trailPath(s *symbol) {
	for _, o := range s.stops {
		if o.state == waiting && !o.uncertain && o.trails() && s.followsPath(o) {
			x.follow(o, s.last)
		}
	}
}

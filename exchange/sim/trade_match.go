package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// slipped offers a market without a book: any quantity at the last price, less
// the slippage. On bars it offers nothing while the price is unknown. A limit order
// that the price has passed takes at its limit or better, and the volume share bounds
// the quantity.
func (c *offers) slipped() (exchange.Price, exchange.Qty, bool) {
	s := c.s
	if c.steps > 0 || s.last <= 0 {
		return 0, 0, false
	}
	price := s.last
	if s.fidelity == fromBars {
		switch {
		case s.bar.base != 0:
			price = s.bar.base
		case c.forced:
			price = s.markPrice()
		case !s.priced(c.x.at):
			return 0, 0, false
		}
	}
	c.steps++
	slip := exchange.Price(c.taker.Sign()) * exchange.Price(c.x.cfg.SlippageTicks) * s.terms.TickSize
	p := max(price+slip, s.terms.TickSize)
	if s.fidelity == fromTrades {
		return p, maxQueue, true
	}
	if c.limit != 0 {
		if !reached(c.taker, c.limit, price, c.x.cfg.Bars.Touch) {
			return 0, 0, false
		}
		if better(c.taker, p, c.limit) {
			p = c.limit
		}
	}
	return p, s.bar.budget, s.bar.budget > 0
}

// reached reports whether a price has reached a resting order's limit: has gone
// beyond it, or with touch at least to it.
func reached(side exchange.Side, limit, price exchange.Price, touch bool) bool {
	return better(side, limit, price) || touch && limit == price
}

// matchTouch draws whether a trade at our price fills our orders there. Without a
// book nobody knows the queue, so it is chance: once for a trade, and then in the
// order of their places.
func (x *Exchange) matchTouch(s *symbol, side exchange.Side, t exchange.Trade, ours exchange.Qty) exchange.Qty {
	list := s.side(side)
	if list.n == 0 || list.first.Price != t.Price || !x.trouble.happens(x.cfg.TouchProbability) {
		return ours
	}
	for list.n > 0 && list.first.Price == t.Price {
		o := list.first
		q := s.lots(min(o.Leaves, t.Qty-ours), o.Leaves)
		if q <= 0 {
			break
		}
		ours += q
		x.fill(o, o.Price, q, o.liquidity(q), exchange.TradedAt)
	}
	return ours
}

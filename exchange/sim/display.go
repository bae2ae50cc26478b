package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// A hidden order shows nothing, an iceberg a part of what is open. What is hidden
// stands behind everything that is shown at its price, whenever that came. A hidden
// order pays the taker's fee; an iceberg's shown part fills as a maker, and as a
// taker together with hidden quantity in one transaction (help page on hidden
// orders). A part that has filled is followed by the next one, at the back of the
// queue.

func (o *order) hidden() bool { return o.DisplayQty == exchange.Hidden }

func (o *order) iceberg() bool { return o.DisplayQty > 0 }

// before reports whether an order comes before another one of its ladder.
func (o *order) before(p *order) bool {
	switch {
	case o.rung != p.rung:
		return o.rung > p.rung
	case o.limit != p.limit:
		return better(o.Side, o.limit, p.limit)
	case o.dark != p.dark:
		return p.dark
	}
	return o.seq < p.seq
}

// display begins the next part of an iceberg.
func (o *order) display() {
	if o.iceberg() {
		o.shown = min(o.DisplayQty, o.Leaves)
	}
}

// liquidity is how a resting order's fill of a quantity counts for its fee.
func (o *order) liquidity(q exchange.Qty) exchange.Liquidity {
	if o.hidden() || o.iceberg() && q > o.shown {
		return exchange.RemovedLiquidity
	}
	return exchange.AddedLiquidity
}

// share returns what a resting order gets of a trade at its price: over is what the
// queue ahead leaves of it, and trade what reaches the level. An iceberg's hidden
// part gets what is left after everything that is shown.
func (s *symbol) share(o *order, trade, over exchange.Qty) exchange.Qty {
	if !o.iceberg() {
		return min(over, o.Leaves)
	}
	if beyond := trade - s.displayed(o.Side, o.Price) - o.shown; beyond > 0 && over > o.shown {
		return min(o.shown+beyond, over, o.Leaves)
	}
	return min(over, o.shown)
}

// displayed is what the market shows at a price of a side.
func (s *symbol) displayed(side exchange.Side, p exchange.Price) exchange.Qty {
	switch {
	case s.fidelity == fromBook:
		return s.book.Qty(side, p)
	case s.fidelity == fromQuotes && p == s.quote.BidPrice && side == exchange.Buy:
		return s.quote.BidQty
	case s.fidelity == fromQuotes && p == s.quote.AskPrice && side == exchange.Sell:
		return s.quote.AskQty
	}
	return 0
}

// showNext takes a fill off the part that an iceberg shows and, when that is gone,
// shows the next one from the back of the queue.
func (x *Exchange) showNext(o *order, q exchange.Qty) {
	if !o.iceberg() || o.state != resting {
		return
	}
	if o.shown -= q; o.shown > 0 {
		return
	}
	list := o.s.side(o.Side)
	list.remove(o)
	x.seq++
	o.seq = x.seq
	o.display()
	list.insert(o)
	o.s.join(o, x.cfg.Queue)
}

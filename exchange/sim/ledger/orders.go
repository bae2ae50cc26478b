package ledger

import (
	"math/bits"

	"github.com/dunamis-engine/dunamis/exchange"
)

// SetOpen replaces the totals of the open orders of one symbol and side: the
// contracts that rest and what they cost at their own prices. Orders that wait
// for a trigger do not count.
func (a *Account) SetOpen(s exchange.SymbolID, side exchange.Side, qty exchange.Qty, cost exchange.Money) {
	p := &a.positions[s]
	if p.foreign {
		return
	}
	o := p.side(side)
	o.qty, o.cost = qty, cost.Abs()
	a.touch(p)
	// Orders take margin but do not liquidate, so thresholds hold.
	p.dirty, a.dirty = true, true
}

func (p *position) side(s exchange.Side) *open {
	if s == exchange.Sell {
		return &p.sells
	}
	return &p.buys
}

// CheckOrder tells whether an order may be placed: whether the margin that open
// orders need with it is available, and the risk limit not passed. Orders that
// only reduce the position always may. For an order without a price the caller
// passes the one that it expects.
//
// Errors are [*InsufficientError], [*RiskLimitError],
// [*ImmediateLiquidationError], [*ShortError], [*CurrencyError] and, for a price that is not positive,
// [*exchange.ValidationError].
func (a *Account) CheckOrder(s exchange.SymbolID, side exchange.Side, qty exchange.Qty, price exchange.Price, at exchange.Time) error {
	p, err := a.of(s)
	if err != nil {
		return err
	}
	if price <= 0 {
		return &exchange.ValidationError{Field: "price", Value: price.String(), Reason: "must be positive"}
	}
	a.advance(at)
	a.refresh()
	buys, sells := p.buys, p.sells
	mine := &buys
	if side == exchange.Sell {
		mine = &sells
	}
	opensBefore := opening(p.qty, side, mine.qty)
	mine.qty += qty
	mine.cost += p.terms.Value(qty, price)
	if p.spot() && sells.qty > p.qty && side == exchange.Sell {
		return &ShortError{Symbol: p.instrument.Symbol, Qty: sells.qty, Held: p.qty}
	}
	gross := p.grossOf(&buys, &sells)
	if limit, value := p.riskLimit(), p.riskValue(gross); limit != 0 && value > limit && gross > p.gross {
		return &RiskLimitError{Value: value, Limit: limit}
	}
	premium := p.premium(side, opening(p.qty, side, mine.qty)-opensBefore, price)
	if premium > 0 && p.isolated() && p.dueAfter(side.Signed(qty), price) {
		return &ImmediateLiquidationError{Price: price, Mark: p.mark}
	}
	need := p.orderMarginOf(gross) - p.orderMargin + premium
	if free := a.available(); need > 0 && need > free {
		return &InsufficientError{Required: need, Available: free, Currency: a.currency.Code}
	}
	return nil
}

// CheckPrice refuses an order that reduces the position of a symbol at a price
// beyond its liquidation price. The error is a [*LiquidationPriceError].
func (a *Account) CheckPrice(s exchange.SymbolID, side exchange.Side, price exchange.Price) error {
	p, err := a.of(s)
	if err != nil || p.qty == 0 || p.spot() || side.Sign() == int64(p.qty.Sign()) {
		return err
	}
	a.refresh()
	long := p.qty > 0
	liquidation, _ := a.liquidationPrices(p)
	if long && price < liquidation || !long && price > liquidation {
		return &LiquidationPriceError{Price: price, Liquidation: liquidation, Long: long}
	}
	return nil
}

// premium is what an order that opens through the mark loses to it at once and
// must bring along.
func (p *position) premium(side exchange.Side, opens exchange.Qty, price exchange.Price) exchange.Money {
	through := side == exchange.Buy && price > p.mark || side == exchange.Sell && price < p.mark
	if opens == 0 || p.mark == 0 || p.spot() || !through {
		return 0
	}
	return (p.terms.Value(opens, price) - p.terms.Value(opens, p.mark)).Abs()
}

// dueAfter reports whether an isolated position would have to be liquidated if
// it traded at a price: its margin follows from its cost and does not bear what
// is lost to the mark.
func (p *position) dueAfter(qty exchange.Qty, price exchange.Price) bool {
	then := *p
	then.apply(qty, p.terms.Cost(qty, price))
	then.margin = then.margins()
	then.value()
	return then.margin.total+then.unrealised <= then.margin.maint
}

// opening returns how many contracts of the orders of a side would do more than
// reduce the position.
func opening(held exchange.Qty, side exchange.Side, qty exchange.Qty) exchange.Qty {
	return max(0, qty-max(0, -side.Signed(held)))
}

func (p *position) grossOf(buys, sells *open) exchange.Money {
	if p.spot() {
		return buys.cost // sells offer what is held
	}
	return grossOpenCost(p.qty, buys, sells)
}

// grossOpenCost is the cost of the open orders that could enlarge the position.
// Where buys and sells face each other only one of them can, and the dearer
// counts.
func grossOpenCost(held exchange.Qty, buys, sells *open) exchange.Money {
	b := opening(held, exchange.Buy, buys.qty)
	s := opening(held, exchange.Sell, sells.qty)
	if dearer(buys, sells) {
		return partial(buys, b) + partial(sells, max(0, s-b))
	}
	return partial(sells, s) + partial(buys, max(0, b-s))
}

// dearer reports whether the average cost of x is at least that of y.
func dearer(x, y *open) bool {
	xHi, xLo := bits.Mul64(uint64(x.cost), uint64(y.qty))
	yHi, yLo := bits.Mul64(uint64(y.cost), uint64(x.qty))
	return xHi > yHi || xHi == yHi && xLo >= yLo
}

// partial returns the cost of qty contracts of o at its average.
func partial(o *open, qty exchange.Qty) exchange.Money {
	switch qty {
	case 0:
		return 0
	case o.qty:
		return o.cost
	}
	return part(o.cost, qty, o.qty, exchange.Ceil)
}

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
	if p.wallet == nil {
		return
	}
	o := p.side(side)
	if p.coin != nil && side == exchange.Sell {
		p.coin.sums.orders += p.coinsOf(qty) - p.coinsOf(o.Qty)
	}
	o.Qty, o.Cost = qty, cost.Abs()
	p.touch()
	// Orders take margin but do not liquidate, so thresholds hold.
	w := p.wallet
	if w.opened != p {
		w.settle()
		w.opened = p
	}
}

func (p *position) side(s exchange.Side) *Open {
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
	if price <= 0 {
		return &exchange.ValidationError{Field: "price", Value: price.String(), Reason: "must be positive"}
	}
	p, err := a.of(s)
	if err != nil {
		return err
	}
	a.advance(at)
	return a.CheckChange(s, side, Open{}, Open{qty, p.terms.Value(qty, price)}, price, at)
}

// Open is an open order or several of one side: contracts that rest and what they cost
// at their prices, in the smallest unit of the settlement currency, not negative.
type Open struct {
	Qty  exchange.Qty
	Cost exchange.Money
}

// CheckChange is CheckOrder for an order that takes the place of one that is among
// the open ones, as it was and as it is to be at a price that is positive.
func (a *Account) CheckChange(s exchange.SymbolID, side exchange.Side, was, now Open, price exchange.Price, at exchange.Time) error {
	p := a.find(s)
	if p == nil {
		return a.without(s)
	}
	a.advance(at)
	if p.coin != nil {
		return a.checkPair(p, side, was, now)
	}
	if p.wallet.dirty || p.wallet.opened != p {
		a.refresh(p.wallet)
	}
	if p.plenty(side, was, now, price) {
		return nil
	}
	others := *p.side(side)
	others.Qty -= was.Qty
	others.Cost -= was.Cost
	c := newChange{position: p, side: side, qty: now.Qty, price: price, others: others,
		mine: Open{others.Qty + now.Qty, others.Cost + now.Cost}}
	if err := c.check(); err != nil || p.wallet.riskLimit == 0 {
		return err
	}
	return a.checkAccountRisk(&c)
}

// plenty reports whether a change is certainly borne, since the open orders of both sides
// would be with it if none were set off against another. That is the usual case, and is
// seen without most of the arithmetic.
func (p *position) plenty(side exchange.Side, was, now Open, price exchange.Price) bool {
	if p.spot() || p.wallet.riskLimit != 0 || p.mark == 0 || through(side, price, p.mark) {
		return false
	}
	all := p.buys.Cost + p.sells.Cost - was.Cost + now.Cost
	if limit := p.riskLimit(); limit != 0 && p.riskValue(all) > limit {
		return false
	}
	return covers(p.wallet.available()+p.orderMargin, all, p.rate)
}

// newChange is a change of the open orders of a symbol that is asked for.
type newChange struct {
	*position
	side   exchange.Side
	qty    exchange.Qty
	price  exchange.Price
	others Open // of its side, without the order
	mine   Open // and with it
}

func (c *newChange) check() error {
	p := c.position
	if p.spot() && c.side == exchange.Sell && c.mine.Qty > p.held.Qty {
		return &ShortError{Symbol: p.instrument.Symbol, Qty: c.mine.Qty, Held: p.held.Qty}
	}
	gross := p.grossWith(c.side, &c.mine)
	if limit, value := p.riskLimit(), p.riskValue(gross); limit != 0 && value > limit && gross > p.grossWith(c.side, &c.others) {
		return &RiskLimitError{Value: value, Limit: limit}
	}
	opens := opening(p.held.Qty, c.side, c.mine.Qty) - opening(p.held.Qty, c.side, c.others.Qty)
	premium := p.premium(c.side, opens, c.price)
	if premium > 0 && p.isolated() && p.dueAfter(c.side.Signed(c.qty), c.price) {
		return &ImmediateLiquidationError{Price: c.price, Mark: p.mark}
	}
	// What the position's orders need is part of what is available no more, whether
	// or not it is of the newest of them.
	if covers(p.wallet.available()+p.orderMargin-premium, gross, p.rate) {
		return nil
	}
	return c.checkMargin(p.orderMarginOf(gross) + premium)
}

// covers reports whether an amount is at least gross × rate rounded up, without a
// division.
func covers(amount, gross exchange.Money, rate exchange.Ratio) bool {
	if amount < 0 || gross < 0 || rate < 0 {
		return false // to be looked at closely
	}
	hasHi, hasLo := bits.Mul64(uint64(amount), uint64(exchange.RatioUnit))
	needHi, needLo := bits.Mul64(uint64(gross), uint64(rate))
	return hasHi > needHi || hasHi == needHi && hasLo >= needLo
}

func (c *newChange) checkMargin(margin exchange.Money) error {
	w := c.wallet
	w.settle()
	others := c.orderMarginOf(c.grossWith(c.side, &c.others))
	need, free := margin-others, w.available()+c.orderMargin-others
	if need > 0 && need > free {
		return &InsufficientError{Required: need, Available: free, Currency: w.currency.Code}
	}
	return nil
}

// grossWith is the gross open cost if the orders of one side are others.
func (p *position) grossWith(side exchange.Side, orders *Open) exchange.Money {
	if side == exchange.Sell {
		return p.grossOf(&p.buys, orders)
	}
	return p.grossOf(orders, &p.sells)
}

// CheckPrice refuses an order that reduces the position of a symbol at a price
// beyond its liquidation price. The error is a [*LiquidationPriceError].
func (a *Account) CheckPrice(s exchange.SymbolID, side exchange.Side, price exchange.Price) error {
	p := a.find(s)
	if p == nil {
		return a.without(s)
	}
	if p.held.Qty == 0 || p.spot() {
		return nil
	}
	if p.wallet.dirty { // open orders are nothing to it
		a.refresh(p.wallet)
	}
	long := p.held.Qty > 0
	liquidation, _ := a.liquidationPrices(p)
	beyond := long && price < liquidation || !long && price > liquidation
	if !beyond || long == (side == exchange.Buy) {
		return nil
	}
	return &LiquidationPriceError{Price: price, Liquidation: liquidation, Long: long}
}

// through reports whether a price is beyond the mark, on the side that loses by it.
func through(side exchange.Side, price, mark exchange.Price) bool {
	return exchange.Price(side.Sign())*(price-mark) > 0
}

// premium is what an order that opens through the mark loses to it at once and
// must bring along.
func (p *position) premium(side exchange.Side, opens exchange.Qty, price exchange.Price) exchange.Money {
	if opens == 0 || p.mark == 0 || p.spot() || !through(side, price, p.mark) {
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

func (p *position) grossOf(buys, sells *Open) exchange.Money {
	if p.spot() {
		return buys.Cost // sells offer what is held
	}
	return grossOpenCost(p.held.Qty, buys, sells)
}

// grossOpenCost is the cost of the open orders that could enlarge the position.
// Where buys and sells face each other only one of them can, and the dearer
// counts.
func grossOpenCost(held exchange.Qty, buys, sells *Open) exchange.Money {
	b := opening(held, exchange.Buy, buys.Qty)
	s := opening(held, exchange.Sell, sells.Qty)
	if dearer(buys, sells) {
		return partial(buys, b) + partial(sells, max(0, s-b))
	}
	return partial(sells, s) + partial(buys, max(0, b-s))
}

// dearer reports whether the average cost of x is at least that of y.
func dearer(x, y *Open) bool {
	xHi, xLo := bits.Mul64(uint64(x.Cost), uint64(y.Qty))
	yHi, yLo := bits.Mul64(uint64(y.Cost), uint64(x.Qty))
	return xHi > yHi || xHi == yHi && xLo >= yLo
}

// partial returns the cost of qty contracts of o at its average.
func partial(o *Open, qty exchange.Qty) exchange.Money {
	switch qty {
	case 0:
		return 0
	case o.Qty:
		return o.Cost
	}
	return part(o.Cost, qty, o.Qty, exchange.Ceil)
}

package ledger

import (
	"math"
	"math/bits"

	"github.com/dunamis-engine/dunamis/exchange"
)

// SetMark moves the mark price of a symbol and reports whether its position must
// be liquidated now. Nearly all marks lie where that is impossible, which two
// comparisons tell; the rest are tested exactly.
func (a *Account) SetMark(s exchange.SymbolID, mark exchange.Price, at exchange.Time) (liquidate bool) {
	p := &a.positions[s]
	p.time = at
	if mark != p.mark && mark > 0 {
		p.mark = mark
		p.stale, a.dirty = true, true
	}
	if p.lo <= mark && mark <= p.hi && at < a.nextTerms {
		return false
	}
	return a.testMark(p, at)
}

func (a *Account) testMark(p *position, at exchange.Time) bool {
	a.advance(at)
	a.refresh()
	if !a.mustLiquidate(p) {
		a.arm(p)
		return false
	}
	// The other cross positions are due as well, wherever their marks are.
	for _, s := range a.touched {
		a.positions[s].disarm()
	}
	return true
}

// MustLiquidate returns the symbols whose positions must be liquidated now,
// ascending: isolated ones, and either all cross positions or none. The slice is
// valid until the next call.
func (a *Account) MustLiquidate(at exchange.Time) []exchange.SymbolID {
	a.advance(at)
	a.refresh()
	a.forced = a.forced[:0]
	for _, s := range a.touched {
		if a.mustLiquidate(&a.positions[s]) {
			a.forced = append(a.forced, s)
		}
	}
	return a.forced
}

// mustLiquidate is the exact test, on refreshed state.
func (a *Account) mustLiquidate(p *position) bool {
	switch {
	case p.qty == 0 || p.spot():
		return false
	case p.isolated():
		return p.margin.total+p.unrealised <= p.margin.maint
	}
	return a.crossEquity() <= a.sums.crossMaint
}

// arm computes the marks between which a position that is safe now stays safe.
//
// Cross positions are armed together, since each stands for the others. Each may
// use up an equal part of what the account has above its maintenance, so as long
// as none leaves its range their losses together are less than that.
func (a *Account) arm(p *position) {
	switch {
	case p.qty == 0 || p.spot():
		p.free()
		return
	case p.isolated():
		p.lo, p.hi = p.safeMarks(p.margin.maint - p.margin.total)
		return
	}
	spare := (a.crossEquity() - a.sums.crossMaint - 1) / exchange.Money(a.sums.crossCount)
	for _, s := range a.touched {
		if c := &a.positions[s]; c.qty != 0 && !c.isolated() {
			c.lo, c.hi = c.safeMarks(c.unrealised - spare - 1)
		}
	}
}

// safeMarks returns a range of marks at which the unrealised PnL is certainly
// above a floor. It may be narrower than it could be by the rounding of a lot,
// and empty.
func (p *position) safeMarks(floor exchange.Money) (lo, hi exchange.Price) {
	lo, hi = math.MinInt64, math.MaxInt64
	inverse := p.terms.Kind == exchange.Inverse
	edge := p.cost + floor // safe while the signed value is above
	if (p.qty > 0) != inverse {
		// The value is positive: safe while it is at least edge+1. One unit more
		// than that covers the rounding of odd contracts.
		if edge < 0 {
			return lo, hi
		}
		u := p.perLot(edge+1, exchange.Ceil)
		if inverse {
			hi = p.lotPrice(u, exchange.Floor)
		} else {
			lo = p.lotPrice(u, exchange.Ceil)
		}
		return lo, hi
	}
	// The value counts against the position: safe while it is at most -edge-1.
	if edge >= 0 {
		return math.MaxInt64, math.MinInt64
	}
	u := p.perLot(-edge-1, exchange.Floor)
	if inverse {
		lo = p.lotPrice(u, exchange.Ceil)
	} else {
		hi = p.lotPrice(u, exchange.Floor)
	}
	return lo, hi
}

// perLot returns the value of one lot of a position that is worth v >= 0. It ends
// where lotPrice would overflow, which is far beyond the value at any price that
// occurs: a small position in a rich account gets there.
func (p *position) perLot(v exchange.Money, r exchange.Rounding) exchange.Money {
	most := uint64(math.MaxInt64 / p.terms.Divisor)
	hi, lo := bits.Mul64(uint64(v), uint64(p.terms.LotSize))
	qty := uint64(p.qty.Abs())
	if hi >= qty {
		return exchange.Money(most)
	}
	q, rem := bits.Div64(hi, lo, qty)
	if r == exchange.Ceil && rem > 0 {
		q++
	}
	return exchange.Money(min(q, most))
}

// lotPrice returns the price at which a lot is worth u, the greatest one if that
// is too high to represent.
func (p *position) lotPrice(u exchange.Money, r exchange.Rounding) exchange.Price {
	lot := uint64(p.terms.Multiplier) * uint64(p.terms.LotSize)
	num, den := uint64(u)*uint64(p.terms.Divisor), lot
	if p.terms.Kind == exchange.Inverse {
		num, den = den, num
	}
	hi, lo := bits.Mul64(num, uint64(exchange.PriceUnit))
	if hi >= den {
		return math.MaxInt64
	}
	q, rem := bits.Div64(hi, lo, den)
	if r == exchange.Ceil && rem > 0 {
		q++
	}
	return exchange.Price(min(q, math.MaxInt64))
}

// liquidationPrices returns the marks at which the position is liquidated and at
// which all that stands behind it is lost, other marks staying as they are. Both
// are rounded to the tick towards the entry price.
func (a *Account) liquidationPrices(p *position) (liquidation, bankrupt exchange.Price) {
	m := &p.margin
	if p.isolated() {
		return p.priceAt(m.total - m.maint), p.priceAt(m.total - m.comm)
	}
	behind := a.crossEquity() - p.unrealised
	most := p.terms.MaxPrice
	return min(p.priceAt(behind-a.sums.crossMaint), most), min(p.priceAt(behind), most)
}

// priceAt returns the price at which the position has lost an amount: that many
// lots for that much value, the value of a lot rounded in the owner's favour and
// then the price. A price that does not exist becomes the greatest or, where the
// value would be negative, a tick.
func (p *position) priceAt(loss exchange.Money) exchange.Price {
	inverse, long := p.terms.Kind == exchange.Inverse, p.qty > 0
	value := p.cost - loss
	if long == inverse {
		value = -value
	}
	if value <= 0 {
		if inverse {
			return p.terms.MaxPrice
		}
		return p.terms.TickSize
	}
	perLot, round := exchange.Floor, exchange.Floor
	if long != inverse {
		perLot = exchange.Ceil
	}
	if long {
		round = exchange.Ceil
	}
	price := p.lotPrice(p.perLot(value, perLot), round)
	if price > exchange.MaxPrice || !inverse && price > p.terms.MaxPrice {
		return p.terms.MaxPrice
	}
	if long {
		price = price.CeilTick(p.terms.TickSize)
	} else {
		price = price.FloorTick(p.terms.TickSize)
	}
	return max(price, p.terms.TickSize)
}

// Liquidate closes the position of a symbol as the venue does: it is taken over
// at its bankruptcy price with the taker fee. What the account then lacks is
// added by the insurance fund. ok is false when there is nothing to liquidate.
func (a *Account) Liquidate(s exchange.SymbolID, at exchange.Time) (f exchange.Fill, ok bool) {
	a.advance(at)
	a.refresh()
	p := &a.positions[s]
	if p.qty == 0 || p.spot() {
		return f, false
	}
	isolated, held := p.isolated(), p.margin.total
	f = exchange.Fill{
		Symbol: s, Side: exchange.SideOf(-p.qty), Qty: p.qty.Abs(), Price: a.takeoverPrice(p),
		Type: exchange.ExecLiquidation, Liquidity: exchange.RemovedLiquidity, Cause: exchange.ForcedClose, Time: at,
	}
	a.book(p, &f)
	a.refresh()
	missing := -a.crossEquity()
	if isolated {
		missing = f.Fee - f.Realised - held
	}
	if missing > 0 {
		a.wallet += missing
		a.totals.Insurance += missing
		a.changed(p)
	}
	return f, true
}

// takeoverPrice is the bankruptcy price. Cross positions go bankrupt together,
// each with a part of the account in proportion to its maintenance margin.
func (a *Account) takeoverPrice(p *position) exchange.Price {
	if p.isolated() {
		return p.priceAt(p.margin.total - p.margin.comm)
	}
	left := a.crossEquity()
	mine := left / exchange.Money(a.sums.crossCount)
	if a.sums.crossMaint > 0 {
		mine = exchange.Money(exchange.MulDiv(int64(left), int64(p.margin.maint), int64(a.sums.crossMaint), exchange.Floor))
	}
	return p.priceAt(mine - p.unrealised)
}

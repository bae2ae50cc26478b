package exchange

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
)

// Contract maths rounds as the instrument's venue does ([MoneyRounding]). BitMEX rounds the
// value of one lot to the nearest smallest unit, halves up, and multiplies by the number
// of lots, so that a fill's value does not depend on how it was split. The rule was checked
// against real grossValue and openValue fields of the venue. Other venues round the value
// of a fill once.
//
// Prices are positive. For prices and quantities within the limits of valid
// terms nothing here can overflow ([Instrument.Validate]); beyond them it
// panics and never wraps.

// LotValue returns the settlement value of one lot at price p > 0.
func (t *Terms) LotValue(p Price) Money {
	// The lot is folded in before the division, so that rounding is per lot.
	by, over := t.valueFraction(p)
	v, ok := mulDivAbs(uint64(t.lotMultiplier()), by, over, t.Rounding.Value)
	if !ok {
		panic(fmt.Sprintf("exchange: the value of a lot at price %s overflows", p))
	}
	if t.Rounding.Unit > 1 {
		return t.Rounding.Unit.times(int64(v))
	}
	return Money(v)
}

// valueFraction returns what the multiplier times a quantity is multiplied with and
// divided by to be a value at a price, in units of the rounding.
func (t *Terms) valueFraction(p Price) (by, over uint64) {
	unit := t.Rounding.unit()
	if t.Kind == Inverse {
		return fixedUnit, uint64(p) * uint64(t.Divisor) * unit
	}
	return uint64(p), uint64(fixedUnit*t.Divisor) * unit
}

// lotMultiplier is the value of a lot at price 1, times the divisor.
func (t *Terms) lotMultiplier() int64 { return t.Multiplier * int64(t.LotSize) }

// Value returns the unsigned settlement value of |q| contracts at price p > 0. Rounded per
// lot, contracts beyond a whole number of lots, which exist only after a lot size has
// changed under a position, are valued pro rata.
func (t *Terms) Value(q Qty, p Price) Money {
	q = q.Abs()
	if t.Rounding.PerFill {
		v, ok := t.valueOnce(q, p)
		if !ok {
			panic(fmt.Sprintf("exchange: the value of %d contracts at price %s overflows", q, p))
		}
		return v
	}
	lot := t.LotValue(p)
	v := lot.times(int64(q / t.LotSize))
	if odd := q % t.LotSize; odd != 0 {
		v += t.oddValue(lot, odd)
	}
	return v
}

// oddValue is the value of less than a lot.
func (t *Terms) oddValue(lot Money, odd Qty) Money {
	unit := int64(t.Rounding.unit())
	return Money(unit * MulDiv(int64(lot)/unit, int64(odd), int64(t.LotSize), t.Rounding.Value))
}

// valueOnce is the value of q >= 0 contracts, rounded once; ok is false if it overflows.
func (t *Terms) valueOnce(q Qty, p Price) (value Money, ok bool) {
	by, over := t.valueFraction(p)
	hi, contracts := bits.Mul64(uint64(t.Multiplier), uint64(q))
	var v uint64
	if hi == 0 {
		v, ok = mulDivAbs(contracts, by, over, t.Rounding.Value)
	} else {
		v, ok = mulDivWide(hi, contracts, by, over, t.Rounding.Value)
	}
	if unit := t.Rounding.unit(); unit > 1 {
		ok = ok && v <= math.MaxInt64/unit
		v *= unit
	}
	return Money(v), ok
}

// mulDivWide is mulDivAbs for a first factor of 128 bits.
func mulDivWide(hi, lo, b, c uint64, r Rounding) (v uint64, ok bool) {
	carry, low := bits.Mul64(lo, b)
	over, mid := bits.Mul64(hi, b)
	mid, more := bits.Add64(mid, carry, 0)
	if over+more != 0 || mid >= c { // also if c is zero
		return 0, false
	}
	q, rem := bits.Div64(mid, low, c)
	return rounded(q, rem, c, r)
}

// times returns m·n for m, n >= 0 and panics rather than wraps.
func (m Money) times(n int64) Money {
	hi, lo := bits.Mul64(uint64(m), uint64(n))
	if hi != 0 || lo > math.MaxInt64 {
		panic(fmt.Sprintf("exchange: %d·%d overflows", m, n))
	}
	return Money(lo)
}

// Cost returns the signed value of a signed quantity in the venue's convention,
// in which unrealised PnL = Cost(position, mark) - cost of the position, for
// every kind: a long inverse position costs less than nothing, since its value
// falls as the price rises.
func (t *Terms) Cost(q Qty, p Price) Money {
	v := t.Value(q, p)
	if (q < 0) != (t.Kind == Inverse) {
		return -v
	}
	return v
}

// Fee returns the fee on a value at a rate as the venue rounds it: positive when paid,
// negative for a rebate. Funding is rounded like a fee.
func (t *Terms) Fee(value Money, rate Ratio) Money {
	if r := &t.Rounding; r.Fee != Nearest || r.Unit > 1 {
		unit := r.unit()
		return Money(int64(unit) * MulDiv(int64(value.Abs()), int64(rate), int64(fixedUnit*unit), r.Fee))
	}
	return Fee(value, rate)
}

// Fee returns the fee on a value at a rate: positive when paid, negative for a
// rebate, rounded to the nearest smallest unit, halves away from zero.
func Fee(value Money, rate Ratio) Money {
	return Money(MulDiv(int64(value.Abs()), int64(rate), fixedUnit, Nearest))
}

// PriceOfCost returns the price at which |q| contracts cost |cost|: the average
// entry price of a position or the average price of an order. It returns 0 when
// either is 0, and MaxPrice when the true price is beyond it.
//
// BitMEX rounds twice. The cost per lot becomes an integer. If it was one, so
// that all fills may have had one price, the price that follows is rounded to
// the tick; it can still differ from the price of those fills. Otherwise it is
// shown with four decimals, here with more where the tick is fine. These prices
// are for display: money is always computed from costs.
//
// Where values are rounded per fill, the price is on the tick if that many contracts cost
// as much there, and has four decimals otherwise.
func (t *Terms) PriceOfCost(q Qty, cost Money) Price {
	q, cost = q.Abs(), cost.Abs()
	if q == 0 || cost == 0 {
		return 0
	}
	if t.Rounding.PerFill {
		return t.averagePrice(q, cost)
	}
	perLot, ok := mulDivOK(int64(cost), int64(t.LotSize), int64(q), Nearest)
	if !ok {
		perLot = math.MaxInt64
	}
	p := t.priceOfLot(perLot)
	if hi, lo := bits.Mul64(uint64(cost), uint64(t.LotSize)); bits.Rem64(hi, lo, uint64(q)) == 0 {
		return roundAverage(p, t.TickSize)
	}
	return p.RoundTick(averagePlace(t.TickSize))
}

// averagePrice is PriceOfCost where values are rounded per fill.
func (t *Terms) averagePrice(q Qty, cost Money) Price {
	p := t.PriceWorth(q, cost, Nearest)
	on := min(max(p.RoundTick(t.TickSize), t.lowestPrice()), t.MaxPrice.FloorTick(t.TickSize))
	if v, ok := t.valueOnce(q, on); ok && v == cost {
		return on
	}
	return p.RoundTick(averagePlace(t.TickSize))
}

// BreakEven returns the price from which on a position is a profit: at it, what the
// position is worth beyond its cost makes up for gained, all that was realised with it so
// far less fees. It is on the tick, rounded in the owner's disfavour; 0 if there is none.
func (t *Terms) BreakEven(q Qty, cost, gained Money) Price {
	value := cost - gained
	if q == 0 || value == 0 || (value < 0) != (cost < 0) {
		return 0
	}
	// The value counts for a long position, and for a short inverse one.
	perLot, long := Ceil, q > 0
	if long == (t.Kind == Inverse) {
		perLot = Floor
	}
	var p Price
	if t.Rounding.PerFill {
		toward := Floor
		if long {
			toward = Ceil
		}
		p = t.PriceWorth(q, value, toward)
	} else {
		lot, ok := mulDivOK(int64(value.Abs()), int64(t.LotSize), int64(q.Abs()), perLot)
		if !ok {
			return 0
		}
		p = t.priceOfLot(lot)
	}
	if long {
		return p.CeilTick(t.TickSize)
	}
	return p.FloorTick(t.TickSize)
}

// PriceWorth returns the price at which |q| contracts have the value |value| before it is
// rounded, itself rounded as r says. It returns 0 when either is 0, and MaxPrice when the
// price is beyond it.
func (t *Terms) PriceWorth(q Qty, value Money, r Rounding) Price {
	if q == 0 || value == 0 {
		return 0
	}
	overflow, contracts := bits.Mul64(uint64(t.Multiplier), uint64(q.Abs()))
	more, worth := bits.Mul64(uint64(value.Abs()), uint64(t.Divisor))
	num, den := worth, contracts
	if t.Kind == Inverse {
		num, den = contracts, worth
	}
	if overflow|more != 0 {
		return t.priceWorthBig(q, value, r)
	}
	p, ok := mulDivAbs(num, fixedUnit, den, r)
	if !ok {
		return MaxPrice
	}
	return min(Price(p), MaxPrice)
}

// priceWorthBig is PriceWorth for products beyond 64 bits, which contracts of no venue
// reach in practice.
func (t *Terms) priceWorthBig(q Qty, value Money, r Rounding) Price {
	num := new(big.Int).Mul(big.NewInt(int64(value.Abs())), big.NewInt(t.Divisor))
	den := new(big.Int).Mul(big.NewInt(int64(q.Abs())), big.NewInt(t.Multiplier))
	if t.Kind == Inverse {
		num, den = den, num
	}
	p, rem := new(big.Int).QuoRem(num.Mul(num, big.NewInt(fixedUnit)), den, new(big.Int))
	if r == Ceil && rem.Sign() > 0 || r == Nearest && rem.Lsh(rem, 1).Cmp(den) >= 0 {
		p.Add(p, big.NewInt(1))
	}
	if !p.IsInt64() {
		return MaxPrice
	}
	return min(Price(p.Int64()), MaxPrice)
}

// priceOfLot returns the price at which one lot has a value.
func (t *Terms) priceOfLot(value int64) Price {
	var p int64
	var ok bool
	switch {
	case t.Kind != Inverse:
		p, ok = mulDivOK(value, fixedUnit*t.Divisor, t.lotMultiplier(), Nearest)
	case value > math.MaxInt64/t.Divisor:
		return 0
	case value > 0:
		p, ok = mulDivOK(t.lotMultiplier(), fixedUnit, value*t.Divisor, Nearest)
	}
	if !ok {
		return MaxPrice
	}
	return min(Price(p), MaxPrice)
}

// roundAverage rounds an average price to the tick as the venue does: first to
// a place below the tick's, then to the nearest tick with halves down. It
// matters just above a half: with tick 0.1, BitMEX showed 75554.951 as 75554.9.
func roundAverage(p, tick Price) Price {
	p = p.RoundTick(max(leadingPlace(tick)/10, 1))
	return -(-p).RoundTick(tick)
}

// averagePlace is the place to which averages off the tick are shown: four
// decimals, or three more than the tick's if that is finer.
func averagePlace(tick Price) Price {
	const fourDecimals = PriceUnit / 10_000
	if tick >= 10*fourDecimals {
		return fourDecimals
	}
	return max(leadingPlace(tick)/1000, 1)
}

var powersOfTen = [...]Price{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}

// leadingPlace returns the greatest power of ten that is not above p > 0, else 1.
func leadingPlace(p Price) Price {
	n := bits.Len64(uint64(max(p, 0))) * 1233 >> 12 // bits·log10(2) digits, or one less
	if n > 0 && p < powersOfTen[n] {
		n--
	}
	return powersOfTen[n]
}

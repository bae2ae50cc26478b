package exchange

// Contract maths follows BitMEX: the value of one lot is rounded to the nearest
// smallest unit, halves up, and then multiplied by the number of lots, so that
// a fill's value does not depend on how it was split. The rule was checked
// against real grossValue and openValue fields of the venue.

// LotValue returns the settlement value of one lot at price p > 0.
func (t *Terms) LotValue(p Price) Money {
	switch t.Kind {
	case Inverse:
		// mult·lot/(p·1e-10): the lot is folded in first so that rounding is per lot.
		return Money(MulDiv(t.Multiplier*int64(t.LotSize), fixedUnit, int64(p)*t.Divisor, Nearest))
	default:
		return Money(MulDiv(t.Multiplier*int64(t.LotSize), int64(p), fixedUnit*t.Divisor, Nearest))
	}
}

// Value returns the unsigned settlement value of |q| contracts at price p > 0.
// Contracts beyond a whole number of lots, which exist only after a lot size
// has changed under a position, are valued pro rata.
func (t *Terms) Value(q Qty, p Price) Money {
	q = q.Abs()
	lot := t.LotValue(p)
	v := lot * Money(q/t.LotSize)
	if odd := q % t.LotSize; odd != 0 {
		v += Money(MulDiv(int64(lot), int64(odd), int64(t.LotSize), Nearest))
	}
	return v
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

// Fee returns the fee on a value at a rate: positive when paid, negative for a
// rebate, rounded to the nearest smallest unit, halves away from zero.
func Fee(value Money, rate Ratio) Money {
	return Money(MulDiv(int64(value.Abs()), int64(rate), fixedUnit, Nearest))
}

// PriceOfCost returns the price at which |q| contracts cost |cost|: the average
// entry price of a position or the average price of an order. It returns 0 for
// no contracts.
//
// BitMEX rounds twice: the cost per lot becomes an integer, and the price that
// follows is shown on the tick when the cost divides exactly into lots, and
// with four decimals when it does not. Display only: money is always computed
// from costs.
func (t *Terms) PriceOfCost(q Qty, cost Money) Price {
	q, cost = q.Abs(), cost.Abs()
	if q == 0 || cost == 0 {
		return 0
	}
	const fourDecimals Price = PriceUnit / 10000
	perLot := MulDiv(int64(cost), int64(t.LotSize), int64(q), Nearest)
	exact := MulDiv(int64(cost), int64(t.LotSize), int64(q), Floor)*int64(q) == int64(cost)*int64(t.LotSize)
	if perLot == 0 {
		return 0
	}
	var p Price
	if t.Kind == Inverse {
		p = Price(MulDiv(t.Multiplier*int64(t.LotSize), fixedUnit, perLot*t.Divisor, Nearest))
	} else {
		p = Price(MulDiv(perLot*t.Divisor, fixedUnit, t.Multiplier*int64(t.LotSize), Nearest))
	}
	if exact {
		return p.RoundTick(t.TickSize)
	}
	return p.RoundTick(fourDecimals)
}

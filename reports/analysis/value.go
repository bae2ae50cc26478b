package analysis

import (
	"math"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
)

// valuer values a position in a contract exactly as the account does: the value of one
// lot is rounded, with the terms in force. Another formula, or a unit that was derived
// from the rounded value of a fill, is off by up to half a unit for each lot.
type valuer struct{ terms []exchange.Terms } // ascending by From; the first holds before it too

func newValuer(c *reports.Contract) valuer {
	var v valuer
	for i := range c.Terms {
		t := &c.Terms[i]
		v.terms = append(v.terms, exchange.Terms{From: t.From, TickSize: t.TickSize, LotSize: t.LotSize, Kind: c.Kind,
			Multiplier: c.Multiplier, Divisor: c.Divisor})
	}
	return v
}

// at returns the terms in force.
func (v *valuer) at(t int64) *exchange.Terms {
	n := len(v.terms) - 1
	for n > 0 && v.terms[n].From > exchange.Time(t) {
		n--
	}
	return &v.terms[n]
}

// cost is the value of a signed position at a price, signed so that unrealised PnL is the
// difference of two of them. It is not ok for numbers out of range, which a file from
// another user may hold.
func (v *valuer) cost(at, position int64, price exchange.Price) (int64, bool) {
	if len(v.terms) == 0 || price <= 0 {
		return 0, false
	}
	t := v.at(at)
	if t.Multiplier <= 0 || t.Divisor <= 0 || t.LotSize <= 0 || position == math.MinInt64 {
		return 0, false
	}
	// Everything that the exact formula multiplies must fit, with room to spare.
	const most = 1 << 61
	unit, p := float64(t.Multiplier)/float64(t.Divisor), price.Float64()
	worth := unit * p
	if t.Kind == exchange.Inverse {
		worth = unit / p
	}
	lot, units := float64(t.LotSize), float64(exchange.RatioUnit)
	if float64(t.Multiplier)*lot > most || units*float64(t.Divisor) > most || worth*lot > most ||
		(math.Abs(float64(position))+lot)*(worth+1/lot) > most {
		return 0, false
	}
	return int64(t.Cost(exchange.Qty(position), price)), true
}

package reports

import (
	"math"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// totalReturn is end equity / start balance - 1.
func totalReturn(b *Balance) *float64 {
	if b.StartBalance <= 0 {
		return nil
	}
	return number(float64(b.EndEquity)/float64(b.StartBalance) - 1)
}

// cagr is the yearly rate that compounds to the total return over the run's
// seconds, with years of 365 days. Less than a day says nothing about a year,
// and an account that ends with nothing has no rate.
func cagr(b *Balance, length time.Duration) *float64 {
	if b.StartBalance <= 0 || b.EndEquity <= 0 || length < day {
		return nil
	}
	years := length.Seconds() / (daysPerYear * day.Seconds())
	return number(math.Pow(float64(b.EndEquity)/float64(b.StartBalance), 1/years) - 1)
}

// turnover is the value of all fills / start balance.
func turnover(b *Balance) *float64 {
	if b.StartBalance <= 0 {
		return nil
	}
	return number(float64(b.Turnover) / float64(b.StartBalance))
}

// benchmark is the price of the primary symbol: what buying it at the start
// would have brought, before fees and funding, counted in the quote currency.
type benchmark struct{ first, last exchange.Price }

func (b *benchmark) add(mark exchange.Price) {
	if mark <= 0 {
		return // not known yet
	}
	if b.first == 0 {
		b.first = mark
	}
	b.last = mark
}

func (b *benchmark) total() *float64 {
	if b.first == 0 {
		return nil
	}
	return number(b.last.Float64()/b.first.Float64() - 1)
}

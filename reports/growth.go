package reports

import (
	"fmt"
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
// seconds, with years of 365 days, and why it is not defined. Less than
// [MinYearly] says nothing about a year, and an account that ends with nothing has
// no rate.
func cagr(b *Balance, length time.Duration) (*float64, string) {
	if why := NoYearlyRate(length, float64(b.StartBalance), float64(b.EndEquity)); why != "" {
		return nil, why
	}
	years := length.Seconds() / (daysPerYear * day.Seconds())
	return number(math.Pow(float64(b.EndEquity)/float64(b.StartBalance), 1/years) - 1), ""
}

// NoYearlyRate says why a run of a length has no yearly rate, and nothing if it has
// one. start and end are its equity in any unit.
func NoYearlyRate(length time.Duration, start, end float64) string {
	switch {
	case length < MinYearly:
		return fmt.Sprintf("the run covers %s, and it takes %d days", LengthText(length), MinYearly/day)
	case start <= 0 || end <= 0:
		return "the account ended with nothing"
	}
	return ""
}

// turnover is the value of all fills / start balance.
func turnover(b *Balance) *float64 {
	if b.StartBalance <= 0 {
		return nil
	}
	return number(float64(b.Turnover) / float64(b.StartBalance))
}

// benchmark is the price of the primary symbol: what buying it at the start
// would have brought, before fees and funding, counted in the quote currency. The
// first price does not depend on the samples: [Recorder.Priced] sees it.
type benchmark struct {
	first, last exchange.Price
	at          exchange.Time // of the first price
}

func (b *benchmark) add(at exchange.Time, mark exchange.Price) {
	if mark <= 0 {
		return // not known yet
	}
	if b.first == 0 {
		b.first, b.at = mark, at
	}
	b.last = mark
}

func (b *benchmark) total() (*float64, string) {
	if b.first == 0 {
		return nil, "no price was known"
	}
	return number(b.last.Float64()/b.first.Float64() - 1), ""
}

// describe is what the result says of the price; nil if none was known.
func (b *benchmark) describe(i *exchange.Instrument) *Benchmark {
	if b.first == 0 {
		return nil
	}
	return &Benchmark{Symbol: i.Symbol, Currency: i.Quote, Start: b.at, StartPrice: b.first, EndPrice: b.last}
}

// quoteReturn is the return in the currency that the benchmark is in, and why it is
// not defined.
func quoteReturn(r *Result) (*float64, string) {
	c := ConversionOf(r)
	switch total := totalReturn(&r.Account); {
	case !c.OK:
		return nil, "the account is in neither currency of the primary symbol"
	case !c.Inverse:
		return total, ""
	case r.Benchmark == nil:
		return nil, "no price was known"
	default:
		// An equity of e coins is worth e·price.
		change := r.Benchmark.EndPrice.Float64() / r.Benchmark.StartPrice.Float64()
		return number((1+*total)*change - 1), ""
	}
}

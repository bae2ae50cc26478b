package reports

import (
	"math"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

const (
	day         = 24 * time.Hour
	daysPerYear = 365
)

// daily takes equity samples and keeps the moments of daily simple returns, not
// the returns.
//
// The series begins with the start balance at the first sample and goes on with
// the equity at each 00:00 UTC, which is that of the last sample up to then, and
// ends with the last sample. So the first and the last day may be shorter than a
// day, each day of the run has one return, and the returns compound to the total
// return. A return on an equity of zero or less has no meaning, and nor have the
// moments of a series with one.
type daily struct {
	begun     bool
	since     exchange.Time // of the open day
	until     exchange.Time // midnight
	base      exchange.Money
	last      exchange.Money
	open      bool // sampled since the last close
	undefined bool

	n    int
	mean float64
	m2   float64 // sum of squared distances from the mean
	down float64 // sum of squared negative returns
}

func (d *daily) add(at exchange.Time, equity, start exchange.Money) {
	if !d.begun {
		d.begun, d.base, d.last = true, start, start
		d.since, d.until = at, at.Date().Add(day)
	}
	for at > d.until {
		d.close()
	}
	d.last = equity
	d.open = at > d.since
	if at == d.until {
		d.close()
	}
}

// close ends the open day with the newest sample.
func (d *daily) close() {
	switch {
	case d.base <= 0:
		d.undefined = true
	default:
		r := float64(d.last)/float64(d.base) - 1
		d.n++
		delta := r - d.mean
		d.mean += delta / float64(d.n)
		d.m2 += delta * (r - d.mean)
		if r < 0 {
			d.down += r * r
		}
	}
	d.since, d.until = d.until, d.until.Add(day)
	d.base, d.open = d.last, false
}

// finish closes a day that has begun.
func (d *daily) finish() {
	if d.open {
		d.close()
	}
}

// deviation is the sample standard deviation, with n-1.
func (d *daily) deviation() (float64, bool) {
	if d.undefined || d.n < 2 {
		return 0, false
	}
	return math.Sqrt(d.m2 / float64(d.n-1)), true
}

// sharpe is mean / deviation · √365, with a risk-free rate of 0.
func (d *daily) sharpe() *float64 {
	sd, ok := d.deviation()
	if !ok || sd == 0 {
		return nil
	}
	return number(d.mean / sd * math.Sqrt(daysPerYear))
}

// sortino is mean / downside deviation · √365. The downside deviation is over
// all returns, with a target of 0.
func (d *daily) sortino() *float64 {
	if d.undefined || d.n < 2 || d.down == 0 {
		return nil
	}
	return number(d.mean / math.Sqrt(d.down/float64(d.n)) * math.Sqrt(daysPerYear))
}

// volatility is deviation · √365.
func (d *daily) volatility() *float64 {
	sd, ok := d.deviation()
	if !ok {
		return nil
	}
	return number(sd * math.Sqrt(daysPerYear))
}

// number returns a value that JSON can carry, or nil.
func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

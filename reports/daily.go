package reports

import (
	"fmt"
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
// ends with the last sample. The returns compound to the total return. The first and
// the last of them may be of a part of a day; the moments are over whole days alone. A
// return on an equity of zero or less has no meaning, and nor have the moments of a
// series with one.
type daily struct {
	begun     bool
	start     exchange.Time // the first sample
	end       exchange.Time // the last one
	since     exchange.Time // of the open day
	until     exchange.Time // midnight
	base      exchange.Money
	last      exchange.Money
	open      bool // sampled since the last close
	undefined bool
	whole     int // days that are whole
	falls     drawdown

	n    int
	mean float64
	m2   float64 // sum of squared distances from the mean
	down float64 // sum of squared negative returns
}

func (d *daily) add(at exchange.Time, equity, start exchange.Money) {
	if !d.begun {
		d.begun, d.start, d.base, d.last = true, at, start, start
		d.since, d.until = at, at.Date().Add(day)
	}
	d.end = at
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
	if Whole(d.start, d.end, d.until.Add(-day), d.until) {
		d.whole++
		d.count()
	}
	d.falls.add(min(d.until, d.end), d.last, d.base)
	d.since, d.until = d.until, d.until.Add(day)
	d.base, d.open = d.last, false
}

// count takes the return of a whole day.
func (d *daily) count() {
	if d.base <= 0 {
		d.undefined = true
		return
	}
	r := float64(d.last)/float64(d.base) - 1
	d.n++
	delta := r - d.mean
	d.mean += delta / float64(d.n)
	d.m2 += delta * (r - d.mean)
	if r < 0 {
		d.down += r * r
	}
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

// noRatio says why the series has no ratio of its returns to their spread, if so.
func (d *daily) noRatio() string {
	switch {
	case d.whole < MinRatioDays:
		return TooFewDays(d.whole, MinRatioDays)
	case d.undefined:
		return noEquity
	}
	return ""
}

const noEquity = "a day began without equity"

// TooFewDays words that a figure takes more whole days than a run has.
func TooFewDays(have, want int) string {
	return fmt.Sprintf("the run has %s, and it takes %d", count(int64(have), "whole day"), want)
}

// sharpe is mean / deviation · √365, with a risk-free rate of 0, and why it is not
// defined.
func (d *daily) sharpe() (*float64, string) {
	if why := d.noRatio(); why != "" {
		return nil, why
	}
	sd, _ := d.deviation()
	if sd == 0 {
		return nil, "all daily returns are equal"
	}
	return number(d.mean / sd * math.Sqrt(daysPerYear)), ""
}

// sortino is mean / downside deviation · √365. The downside deviation is over
// all returns, with a target of 0.
func (d *daily) sortino() (*float64, string) {
	if why := d.noRatio(); why != "" {
		return nil, why
	}
	if d.down == 0 {
		return nil, "no day lost"
	}
	return number(d.mean / math.Sqrt(d.down/float64(d.n)) * math.Sqrt(daysPerYear)), ""
}

// volatility is deviation · √365.
func (d *daily) volatility() (*float64, string) {
	sd, ok := d.deviation()
	switch {
	case ok:
		return number(sd * math.Sqrt(daysPerYear)), ""
	case d.undefined:
		return nil, noEquity
	}
	return nil, TooFewDays(d.whole, 2)
}

// number returns a value that JSON can carry, or nil.
func number(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

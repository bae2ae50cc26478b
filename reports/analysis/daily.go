package analysis

import (
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports/stats"
)

// Daily keeps the equity at the end of each day of a run, which is all that many
// runs are compared by. Feed it the samples in order of time, then call Finish.
type Daily struct {
	s     series
	start exchange.Money
}

// Day is the equity at the end of a day, or of the run.
type Day struct {
	At     exchange.Time  `json:"at"`
	Equity exchange.Money `json:"equity"`
}

// NewDaily begins with the start balance of an account.
func NewDaily(start exchange.Money) *Daily { return &Daily{start: start} }

// DailyOf is what Days returned.
func DailyOf(start exchange.Money, since exchange.Time, days []Day) *Daily {
	d := NewDaily(start)
	d.s.begun, d.s.since, d.s.start = true, since, float64(start)
	for _, x := range days {
		d.s.days, d.s.lastAt = append(d.s.days, midnight{x.At, float64(x.Equity)}), x.At
	}
	return d
}

// Add takes the equity at a sample.
func (d *Daily) Add(at exchange.Time, equity exchange.Money) {
	d.s.end(at, float64(equity), float64(d.start))
}

// Finish ends a day that has begun.
func (d *Daily) Finish() { d.s.finish() }

// Days returns the end of each day; an equity is the account's, exactly, as long
// as it has no more than 53 bits.
func (d *Daily) Days() []Day {
	out := make([]Day, len(d.s.days))
	for i, x := range d.s.days {
		out[i] = Day{x.at, exchange.Money(x.value)}
	}
	return out
}

// Returns are the returns of the whole days, with 0 for those after everything was lost:
// a run that failed is a trial like any other.
func (d *Daily) Returns() []float64 { return d.s.survived() }

// trial is the run as one of several trials: its daily returns, and the index of the day on
// which it lost everything. A loss in a partial day counts for the whole day beside it.
func (d *Daily) trial() stats.Trial {
	t := stats.Trial{Returns: d.Returns(), Ruin: d.Ruin()}
	if t.Ruin < 0 {
		return t
	}
	before := 0
	for i := range t.Ruin {
		if d.s.whole(i) {
			before++
		}
	}
	t.Ruin = max(0, min(before, len(t.Returns)-1))
	return t
}

// ruin is the share of the start balance at or below which an account has lost
// everything: what is left is dust that liquidations and fees did not take, and no
// strategy comes back from it.
const ruin = 0.01

// Ruin is the place of the first day that ends with at most 1 % of the start balance,
// or -1: the run went bankrupt.
func (d *Daily) Ruin() int {
	for i, x := range d.s.days {
		if x.value <= ruin*float64(d.start) {
			return i
		}
	}
	return -1
}

// Until ends the last day where another run's ends, with the equity as it was: a
// run that its strategy ended early keeps what it had.
func (d *Daily) Until(at exchange.Time) {
	if len(d.s.days) == 0 || d.s.days[len(d.s.days)-1].at >= at {
		return
	}
	last := &d.s.days[len(d.s.days)-1]
	equity := last.value
	last.at = min(last.at.Add(-1).Date().Add(day), at)
	for end := last.at; end < at; {
		end = min(end.Add(day), at)
		d.s.days = append(d.s.days, midnight{end, equity})
	}
	d.s.lastAt = at
}

package analysis

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// mostDrawdowns is how many are listed.
const mostDrawdowns = 10

// falls keeps the deepest falls of a series from a peak until the peak is reached
// again, and the time spent in all of them. The first peak is the start.
type falls struct {
	begun   bool
	peak    float64
	peakAt  exchange.Time
	falling bool
	open    Drawdown
	kept    []Drawdown
	below   time.Duration // in falls that are over
	lastAt  exchange.Time
}

func (f *falls) add(at exchange.Time, equity, start float64) {
	if !f.begun {
		f.begun, f.peak, f.peakAt = true, start, at
	}
	f.lastAt = at
	if equity >= f.peak {
		if f.falling {
			back := at // at itself would be an allocation for every sample
			f.open.Recovered = &back
			f.below += at.Sub(f.open.Peak)
			f.keep(f.open)
		}
		f.peak, f.peakAt, f.falling = equity, at, false
		return
	}
	// Taken from the difference, as the metrics have it.
	depth := (f.peak - equity) / f.peak
	switch {
	case !f.falling:
		f.falling, f.open = true, Drawdown{Peak: f.peakAt, Trough: at, Depth: depth}
	case depth > f.open.Depth:
		f.open.Trough, f.open.Depth = at, depth
	}
}

func (f *falls) keep(x Drawdown) {
	i, _ := slices.BinarySearchFunc(f.kept, x, func(a, b Drawdown) int {
		if a.Depth == b.Depth {
			return -1 // the earlier one comes first
		}
		return -cmp.Compare(a.Depth, b.Depth)
	})
	if i == mostDrawdowns {
		return
	}
	f.kept = slices.Insert(f.kept, i, x)
	f.kept = f.kept[:min(len(f.kept), mostDrawdowns)]
}

// list returns the deepest falls, the one that is still open included.
func (f *falls) list() []Drawdown {
	all := falls{kept: append([]Drawdown{}, f.kept...)}
	if f.falling {
		all.keep(f.open)
	}
	return all.kept
}

func (f *falls) deepest() float64 {
	if list := f.list(); len(list) > 0 {
		return list[0].Depth
	}
	if !f.begun {
		return math.NaN()
	}
	return 0
}

// share is the part of the time that was spent below a peak.
func (f *falls) share(length time.Duration) float64 {
	if length <= 0 {
		return math.NaN()
	}
	below := f.below
	if f.falling {
		below += f.lastAt.Sub(f.open.Peak)
	}
	return below.Seconds() / length.Seconds()
}

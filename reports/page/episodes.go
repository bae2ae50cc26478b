package page

import (
	"cmp"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// mostEpisodes is how many drawdowns the page lists.
const mostEpisodes = 10

// episode is a fall of the equity from a peak until the peak is reached again.
type episode struct {
	peak, trough exchange.Time
	recovered    exchange.Time // 0: not yet
	depth        float64       // a positive fraction of the peak
}

// episodes keeps the deepest falls of a series. The first peak is the start
// balance.
type episodes struct {
	peak    float64
	at      exchange.Time // of the peak
	falling bool
	open    episode
	deepest []episode
}

func (e *episodes) add(at exchange.Time, equity, start float64) {
	if e.peak == 0 {
		e.peak, e.at = start, at
	}
	if equity >= e.peak {
		if e.falling {
			e.open.recovered = at
			e.keep(e.open)
		}
		e.peak, e.at, e.falling = equity, at, false
		return
	}
	depth := 1 - equity/e.peak
	switch {
	case !e.falling:
		e.falling, e.open = true, episode{peak: e.at, trough: at, depth: depth}
	case depth > e.open.depth:
		e.open.trough, e.open.depth = at, depth
	}
}

func (e *episodes) keep(x episode) {
	i, _ := slices.BinarySearchFunc(e.deepest, x, func(a, b episode) int { return -cmp.Compare(a.depth, b.depth) })
	if i == mostEpisodes {
		return
	}
	e.deepest = slices.Insert(e.deepest, i, x)
	e.deepest = e.deepest[:min(len(e.deepest), mostEpisodes)]
}

// list returns the deepest falls, the one that is still open included.
func (e *episodes) list() []episode {
	all := episodes{deepest: slices.Clone(e.deepest)}
	if e.falling {
		all.keep(e.open)
	}
	return all.deepest
}

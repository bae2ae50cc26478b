package page

import "github.com/dunamis-engine/dunamis/exchange"

// point is a value at a time.
type point struct {
	at exchange.Time
	v  float64
}

// thinner keeps what of a long series shows on a screen: of each of a fixed number
// of spans of time the first and last value and both extremes, at their times.
type thinner struct {
	start exchange.Time
	width int64 // of a span, in nanoseconds
	spans []span
}

type span struct {
	n                      int
	first, low, high, last point
}

func newThinner(start, end exchange.Time, spans int) *thinner {
	return &thinner{start: start, width: max(int64(end-start)/int64(spans)+1, 1), spans: make([]span, spans)}
}

func (t *thinner) add(at exchange.Time, v float64) {
	i := min(max(int64(at-t.start)/t.width, 0), int64(len(t.spans)-1))
	s, p := &t.spans[i], point{at, v}
	if s.n == 0 {
		*s = span{first: p, low: p, high: p}
	}
	s.n++
	if v < s.low.v {
		s.low = p
	}
	if v > s.high.v {
		s.high = p
	}
	s.last = p
}

// points returns what was kept, each time once, ascending.
func (t *thinner) points() []point {
	var out []point
	for i := range t.spans {
		s := &t.spans[i]
		if s.n == 0 {
			continue
		}
		a, b := s.low, s.high
		if b.at < a.at {
			a, b = b, a
		}
		for _, p := range [4]point{s.first, a, b, s.last} {
			if n := len(out); n == 0 || out[n-1].at < p.at {
				out = append(out, p)
			}
		}
	}
	return out
}

// candle is the way of a price over a span of time.
type candle struct {
	at                     exchange.Time // its start
	open, high, low, close float64
}

// candles builds candles of a fixed width from prices in order of time.
type candles struct {
	width int64
	list  []candle
}

// widths that people read on a clock or a calendar.
var candleWidths = []int64{1, 5, 15, 30, 60, 300, 900, 1800, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 7 * 24 * 3600}

// newCandles chooses the least width that makes at most a number of candles.
func newCandles(start, end exchange.Time, most int64) *candles {
	c := &candles{}
	for _, w := range candleWidths {
		if c.width = w * 1e9; int64(end-start)/c.width < most {
			break
		}
	}
	return c
}

func (c *candles) add(at exchange.Time, p float64) {
	start := at - at%exchange.Time(c.width)
	n := len(c.list)
	if n == 0 || c.list[n-1].at != start {
		c.list = append(c.list, candle{at: start, open: p, high: p, low: p, close: p})
		return
	}
	k := &c.list[n-1]
	k.high, k.low, k.close = max(k.high, p), min(k.low, p), p
}

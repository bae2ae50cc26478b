// Package thin keeps of a long series what shows when it is drawn, so that a chart
// of ten million samples is as small as one of ten thousand, and loses no extreme.
package thin

import "github.com/dunamis-engine/dunamis/exchange"

// Point is a value at a time.
type Point struct {
	At exchange.Time
	V  float64
}

// Series keeps what of a long series shows on a screen: of each of a fixed number
// of spans of time the first and last value and both extremes, at their times.
type Series struct {
	start exchange.Time
	width int64 // of a span, in nanoseconds
	spans []span
}

type span struct {
	n                      int
	first, low, high, last Point
}

// New makes a series from a start to an end, thinned to so many spans of time.
func New(start, end exchange.Time, spans int) *Series {
	return &Series{start: start, width: max(int64(end-start)/int64(spans)+1, 1), spans: make([]span, spans)}
}

// Add takes the next value. Times outside the range count to its first or last span.
func (t *Series) Add(at exchange.Time, v float64) {
	i := min(max(int64(at-t.start)/t.width, 0), int64(len(t.spans)-1))
	s, p := &t.spans[i], Point{at, v}
	if s.n == 0 {
		*s = span{first: p, low: p, high: p}
	}
	s.n++
	if v < s.low.V {
		s.low = p
	}
	if v > s.high.V {
		s.high = p
	}
	s.last = p
}

// Points returns what was kept, each time once, ascending.
func (t *Series) Points() []Point {
	var out []Point
	for i := range t.spans {
		s := &t.spans[i]
		if s.n == 0 {
			continue
		}
		a, b := s.low, s.high
		if b.At < a.At {
			a, b = b, a
		}
		for _, p := range [4]Point{s.first, a, b, s.last} {
			if n := len(out); n == 0 || out[n-1].At < p.At {
				out = append(out, p)
			}
		}
	}
	return out
}

package analysis

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// steps of a curve: what fits on a line of a terminal.
const steps = 60

// curve keeps the last sample of each step of the run.
type curve struct {
	from   exchange.Time
	length time.Duration // 0: nothing is kept
	at     int           // the newest step
	last   float64
	kept   []float64
}

func newCurve(start, end exchange.Time) curve { return curve{from: start, length: end.Sub(start)} }

func (c *curve) add(at exchange.Time, equity, start float64) {
	if c.length <= 0 {
		return
	}
	if c.kept == nil {
		c.kept, c.last = make([]float64, steps), start
	}
	step := min(int(float64(at.Sub(c.from))/float64(c.length)*steps), steps-1)
	for ; c.at < step; c.at++ {
		c.kept[c.at] = c.last
	}
	c.last = equity
}

// values returns the curve in the unit people say.
func (c *curve) values(scale float64) []float64 {
	out := make([]float64, len(c.kept))
	for i := range out {
		out[i] = c.kept[i] * scale
		if i >= c.at {
			out[i] = c.last * scale
		}
	}
	return out
}

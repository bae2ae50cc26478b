package synth

import (
	"time"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// grid is what prices and quantities are multiples of, until a time.
type grid struct {
	tick  exchange.Price
	lot   exchange.Qty
	until exchange.Time // not included
}

// gridAt returns the grid at a time. Terms change at an instant, but a bar is one row
// of everything that traded in it: within the bars that a change falls into, or that
// it ends, the grid is the coarsest that fits the terms on both sides, so that every
// row is on tick and in whole lots whichever of them it is checked against.
func (c *Config) gridAt(at exchange.Time) grid {
	length := c.longestBar()
	start, end := at, at
	if length > 0 {
		start = at.Truncate(length)
		end = start.Add(length)
	}
	t := c.Instrument.At(start)
	g := grid{tick: t.TickSize, lot: t.LotSize}
	change := c.Instrument.NextChange(start)
	switch {
	case change <= end:
		g.until = end
	case length > 0 && change != exchange.Never:
		g.until = (change - 1).Truncate(length)
	default:
		g.until = change
	}
	for ; change <= end; change = c.Instrument.NextChange(change) {
		t := c.Instrument.At(change)
		g.tick = exchange.Price(lcm(int64(g.tick), int64(t.TickSize)))
		g.lot = exchange.Qty(lcm(int64(g.lot), int64(t.LotSize)))
	}
	return g
}

// longestBar is a length of time that whole bars of every interval fill, 0 without bars.
func (c *Config) longestBar() time.Duration {
	var length int64
	for _, kind := range c.Kinds {
		if interval, ok := data.ParseBarKind(kind); ok {
			length = lcm(max(length, 1), int64(interval))
		}
	}
	return time.Duration(length)
}

// lcm is the least common multiple of two positive numbers.
func lcm(a, b int64) int64 { return a / int64(gcd(time.Duration(a), time.Duration(b))) * b }

// coarsest is the largest tick of the whole range.
func (c *Config) coarsest() exchange.Price {
	var tick exchange.Price
	for at := c.From; at < c.To; {
		g := c.gridAt(at)
		tick, at = max(tick, g.tick), g.until
	}
	return tick
}

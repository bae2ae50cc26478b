package data

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// DefaultMaxGap is the longest silence of ticks that is no gap.
const DefaultMaxGap = time.Hour

// gapRule says between which events of a stream data is missing: bars follow each other
// at their interval, rates of funding at theirs, and other events at most so far apart.
type gapRule struct {
	interval exchange.Time // of bars; 0: of other events
	most     exchange.Time // without a gap; 0: silence is normal
}

// newGapRule returns the rule of a stream. The instrument may be nil.
func newGapRule(kind string, i *exchange.Instrument, most time.Duration) gapRule {
	if most <= 0 {
		most = DefaultMaxGap
	}
	interval, _ := ParseBarKind(kind)
	switch {
	case interval > 0:
		most = interval
	case kind == KindLiquidation:
		most = 0
	case kind == KindFunding && i != nil && i.FundingInterval > 0:
		most = i.FundingInterval
	case kind == KindFunding:
		most = max(most, day)
	}
	return gapRule{exchange.Time(interval), exchange.Time(most)}
}

// missing returns what is missing between two events: bars, or one silence. 0: nothing.
func (g gapRule) missing(step exchange.Time) int64 {
	switch {
	case g.most == 0 || step <= g.most:
		return 0
	case g.interval > 0:
		return int64((step - 1) / g.interval)
	}
	return 1
}

// Gaps are the holes of a stream, as far as a feed has read it. What is a hole is what
// Verify calls a gap.
type Gaps struct {
	Key
	// Holes is how many there are, and Missing how many intervals of bars are missing in
	// them; of other streams each hole is one.
	Holes, Missing int64
	// Longest is the longest time from an event to the next, and After the event before.
	Longest time.Duration
	After   exchange.Time
	// Most is the longest silence that is no hole; 0: any silence is normal.
	Most time.Duration
	Last exchange.Time // of the newest event
}

// gapCounter counts the holes of a stream while it is read.
type gapCounter struct {
	rule gapRule
	Gaps
	begun bool
}

// see takes the times of the next rows, in order.
func (c *gapCounter) see(times []int64) {
	if len(times) == 0 {
		return
	}
	if !c.begun {
		c.begun, c.Last = true, exchange.Time(times[0])
	}
	last, most := int64(c.Last), int64(c.rule.most)
	c.Last = exchange.Time(times[len(times)-1])
	if most == 0 {
		return
	}
	for _, t := range times {
		if t-last > most {
			c.hole(exchange.Time(last), exchange.Time(t))
		}
		last = t
	}
}

func (c *gapCounter) hole(from, to exchange.Time) {
	c.Holes++
	c.Missing += c.rule.missing(to - from)
	if d := to.Sub(from); d > c.Longest {
		c.Longest, c.After = d, from
	}
}

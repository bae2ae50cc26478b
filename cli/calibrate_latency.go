package cli

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// legs are the latencies of one direction, in seconds, by when they began.
type legs struct {
	at   []exchange.Time
	took []float64
}

func (l *legs) add(from, to exchange.Time) {
	l.at, l.took = append(l.at, from), append(l.took, to.Sub(from).Seconds())
}

// fitLatency names the models that the trips come to.
func (c *calibration) fitLatency(trips []sim.RoundTrip, f *calibrateFlags) error {
	if f.recorded {
		c.Latency = "recorded:" + tripsFile(f.out)
		if strings.ContainsAny(c.Latency, "*?[\\") {
			return usage(fmt.Errorf("--out %s: the name of the file with the trips must not look like a pattern", f.out))
		}
		return nil
	}
	var there, back legs
	for _, t := range trips {
		there.add(t.Request, t.Exchange)
		back.add(t.Exchange, t.Response)
	}
	c.Latency, c.Reports = there.logNormal(), back.logNormal()
	return nil
}

// logNormal fits a log-normal distribution by its median and by the spread of the middle
// two thirds, which a few orders that waited do not change, and its memory.
func (l *legs) logNormal() string {
	const least = 1e-6 // a way that took no time by our clocks
	sorted := slices.Sorted(slices.Values(l.took))
	at := func(p float64) float64 { return max(sorted[int(p*float64(len(sorted)-1)+0.5)], least) }
	sigma := math.Log(at(0.8413)/at(0.1587)) / 2
	median := time.Duration(at(0.5) * float64(time.Second)).Round(time.Microsecond)
	text := "lognormal:" + median.String() + ":" + strconv.FormatFloat(math.Round(sigma*1000)/1000, 'g', -1, 64)
	if memory := l.memory(); memory > 0 && sigma > 0 {
		text += ":" + memory.String()
	}
	return text
}

const (
	leastMemory = time.Millisecond
	mostMemory  = time.Hour
	// leastGain is by how much a memory must make what was seen more likely, as a
	// logarithm: more than one more number does by chance.
	leastGain = 3
	// mostAlike bounds the correlation of two ways that began together: each has something
	// of its own, and be it the milliseconds of a clock.
	mostAlike = 0.9
)

// memory returns the time over which the ways forget what they were like: the likeliest
// of a series in which each is twice the one before, 0 if none is likely enough. Ranks
// stand in for latencies, so that a few large ones do not decide.
func (l *legs) memory() (best time.Duration) {
	z := normalScores(l.took)
	most := float64(leastGain)
	for memory := leastMemory; memory <= mostMemory; memory *= 2 {
		if gain := l.likelihood(z, memory); gain > most {
			best, most = memory, gain
		}
	}
	return best
}

// likelihood is the logarithm of how much likelier normal scores are with a memory than
// without.
func (l *legs) likelihood(z []float64, memory time.Duration) (sum float64) {
	for i := 1; i < len(z); i++ {
		gap := max(l.at[i].Sub(l.at[i-1]), 0)
		alike := min(math.Exp(-gap.Seconds()/memory.Seconds()), mostAlike)
		free := 1 - alike*alike
		surprise := z[i] - alike*z[i-1]
		sum += (z[i]*z[i] - surprise*surprise/free - math.Log(free)) / 2
	}
	return sum
}

// normalScores replaces values by the normal quantiles of their ranks; equal ones share
// theirs.
func normalScores(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	scores := make([]float64, len(values))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && values[order[to]] == values[order[from]] {
			to++
		}
		middle := float64(from+to) / 2 / float64(len(order))
		for _, i := range order[from:to] {
			scores[i] = math.Sqrt2 * math.Erfinv(2*middle-1)
		}
		from = to
	}
	return scores
}

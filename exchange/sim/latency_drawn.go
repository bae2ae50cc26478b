package sim

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// LogNormalLatency draws each way from a log-normal distribution with a seeded
// generator: half of the messages take longer than the median, and one in six
// takes longer than the median times e^Sigma.
//
// Slow times last: with a Memory, the logarithms of two latencies that are so far apart
// correlate by 1/e, those of nearer ones by more (an Ornstein-Uhlenbeck process, the
// first-order autoregression for messages that are not equally spaced). Without one
// every message is drawn for itself.
type LogNormalLatency struct {
	Median time.Duration
	Sigma  float64
	Memory time.Duration
}

// Entry implements [Latency] with the median; an exchange draws.
func (l LogNormalLatency) Entry(exchange.Time) time.Duration { return l.Median }

// Response implements [Latency] with the median; an exchange draws.
func (l LogNormalLatency) Response(exchange.Time) time.Duration { return l.Median }

// Typical returns the median.
func (l LogNormalLatency) Typical() time.Duration { return l.Median }

// String returns the name that ParseLatency reads.
func (l LogNormalLatency) String() string {
	s := "lognormal:" + l.Median.String() + ":" + strconv.FormatFloat(l.Sigma, 'g', -1, 64)
	if l.Memory != 0 {
		s += ":" + l.Memory.String()
	}
	return s
}

// Each way has a generator of its own, so that one more command does not change the
// times of the reports.
const (
	entryDraws    = 0x656e747279
	responseDraws = 0x7265706c79
)

func (l LogNormalLatency) start(seed uint64) Latency {
	if l.Memory != 0 {
		return &weather{LogNormalLatency: l, entry: newSpell(seed, entryDraws, l.Memory), response: newSpell(seed, responseDraws, l.Memory)}
	}
	return &logNormal{LogNormalLatency: l, entry: rand.New(rand.NewPCG(seed, entryDraws)), response: rand.New(rand.NewPCG(seed, responseDraws))}
}

type logNormal struct {
	LogNormalLatency
	entry, response *rand.Rand
}

func (l *logNormal) Entry(exchange.Time) time.Duration { return l.at(l.entry.NormFloat64()) }

func (l *logNormal) Response(exchange.Time) time.Duration { return l.at(l.response.NormFloat64()) }

// at returns the latency of a standard normal draw.
func (l LogNormalLatency) at(z float64) time.Duration {
	// Whole microseconds, so that the last bit of exp does not matter.
	us := float64(l.Median) / float64(time.Microsecond) * exp(float64(l.Sigma*z))
	const longest = float64(time.Hour / time.Microsecond)
	return time.Duration(min(us, longest)) * time.Microsecond
}

// weather is a log-normal latency with a memory.
type weather struct {
	LogNormalLatency
	entry, response spell
	begun           bool
	began           exchange.Time // with the first message, so that another day is the same
}

func (l *weather) Entry(now exchange.Time) time.Duration {
	return l.LogNormalLatency.at(l.entry.at(l.since(now)))
}

func (l *weather) Response(now exchange.Time) time.Duration {
	return l.LogNormalLatency.at(l.response.at(l.since(now)))
}

func (l *weather) since(now exchange.Time) time.Duration {
	if !l.begun {
		l.begun, l.began = true, now
	}
	return max(now.Sub(l.began), 0)
}

// spell is a normal process with a memory. Its value is a function of the time and of
// the seed alone, whoever asks and how often: it is interpolated between knots, and each
// knot is the discounted sum of the draws of the last knots.
type spell struct {
	seed, stream uint64
	source       *rand.PCG
	draw         *rand.Rand
	step         int64   // between knots, in nanoseconds
	knot         int64   // number of the newest that was asked for; -2: none
	a, b         float64 // its value and that of the next
}

const (
	knotsOfMemory = 8
	drawsOfKnot   = 8 * knotsOfMemory // e^-8 of the oldest is left
)

// decay is e^(-1/knotsOfMemory), what a step leaves of a value.
var decay = exp(-1.0 / knotsOfMemory)

func newSpell(seed, stream uint64, memory time.Duration) spell {
	source := new(rand.PCG)
	return spell{seed: seed, stream: stream, source: source, draw: rand.New(source), step: max(int64(memory)/knotsOfMemory, 1), knot: -2}
}

func (p *spell) at(since time.Duration) float64 {
	t := int64(since)
	switch n := t / p.step; n {
	case p.knot:
	case p.knot + 1:
		p.knot, p.a, p.b = n, p.b, p.value(n+1)
	default:
		p.knot, p.a, p.b = n, p.value(n), p.value(n+1)
	}
	w := float64(t%p.step) / float64(p.step)
	// Between two knots a weighted mean varies less than they do.
	spread := math.Sqrt(float64(w*w) + float64((1-w)*(1-w)) + float64(2*w*float64((1-w)*decay)))
	return (float64(w*p.b) + float64((1-w)*p.a)) / spread
}

// value is the process at a knot.
func (p *spell) value(n int64) float64 {
	var sum, squares float64
	weight := 1.0
	for i := range int64(drawsOfKnot) {
		p.source.Seed(p.seed^scatter(uint64(n-i)), p.stream)
		sum += float64(weight * p.draw.NormFloat64())
		squares += float64(weight * weight)
		weight = float64(weight * decay)
	}
	return sum / math.Sqrt(squares)
}

// scatter makes neighbours differ in about half of their bits (the finaliser of
// SplitMix64).
func scatter(n uint64) uint64 {
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

func parseLogNormal(s, rest string) (Latency, error) {
	median, more, _ := strings.Cut(rest, ":")
	sigma, memory, remembers := strings.Cut(more, ":")
	var l LogNormalLatency
	var err error
	if l.Median, err = parseDelay(s, median); err != nil {
		return nil, err
	}
	if l.Sigma, err = strconv.ParseFloat(sigma, 64); err != nil || !(l.Sigma >= 0 && l.Sigma <= 5) {
		return nil, badLatency(s, "sigma must be a number from 0 to 5")
	}
	if !remembers {
		return l, nil
	}
	if l.Memory, err = parseDelay(s, memory); err != nil {
		return nil, err
	}
	if l.Memory < time.Millisecond {
		return nil, badLatency(s, "the memory must be a millisecond or more")
	}
	return l, nil
}

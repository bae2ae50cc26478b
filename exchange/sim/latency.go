package sim

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Latency says how long messages travel. Orders sent later never arrive
// earlier: the exchange holds back what would overtake.
type Latency interface {
	// Entry is the time from the strategy to the exchange of a command sent now.
	Entry(now exchange.Time) time.Duration
	// Response is the time from the exchange to the strategy of a report made now.
	Response(now exchange.Time) time.Duration
}

// A latency model with state is started once for every symbol of an exchange,
// so that a configuration can be shared, and one symbol's draws do not depend
// on another's.
type starter interface {
	start(seed uint64) Latency
}

// An observer learns when market data happened, and its latency.
type observer interface {
	observe(at exchange.Time, lag time.Duration)
}

// A rejecter knows requests that are rejected on their way.
type rejecter interface {
	// rejects reports whether a request sent now never arrives, and after how long
	// its sender hears of that.
	rejects(now exchange.Time) (after time.Duration, rejected bool)
}

// ZeroLatency delivers at once.
type ZeroLatency struct{}

// Entry implements [Latency].
func (ZeroLatency) Entry(exchange.Time) time.Duration { return 0 }

// Response implements [Latency].
func (ZeroLatency) Response(exchange.Time) time.Duration { return 0 }

// String returns the name that ParseLatency reads.
func (ZeroLatency) String() string { return "0" }

// ConstantLatency always takes the same time.
type ConstantLatency struct{ ToExchange, ToStrategy time.Duration }

// Entry implements [Latency].
func (c ConstantLatency) Entry(exchange.Time) time.Duration { return c.ToExchange }

// Response implements [Latency].
func (c ConstantLatency) Response(exchange.Time) time.Duration { return c.ToStrategy }

// Typical returns the way back.
func (c ConstantLatency) Typical() time.Duration { return c.ToStrategy }

// String returns the name that ParseLatency reads.
func (c ConstantLatency) String() string {
	if c.ToExchange == c.ToStrategy {
		return c.ToExchange.String()
	}
	return c.ToExchange.String() + "/" + c.ToStrategy.String()
}

// FeedLatency follows the market data: both ways take as long as the newest
// event of the symbol took from the exchange, times Multiplier, plus Offset.
// Data whose clock is skewed counts as without latency.
type FeedLatency struct {
	Multiplier float64
	Offset     time.Duration
}

// Entry implements [Latency]; without data there is only the offset.
func (f FeedLatency) Entry(exchange.Time) time.Duration { return f.Offset }

// Response implements [Latency]; without data there is only the offset.
func (f FeedLatency) Response(exchange.Time) time.Duration { return f.Offset }

// String returns the name that ParseLatency reads.
func (f FeedLatency) String() string {
	s := "feed"
	if f.Multiplier != 1 {
		s += ":" + strconv.FormatFloat(f.Multiplier, 'g', -1, 64)
	}
	if f.Offset != 0 {
		if f.Multiplier == 1 {
			s += ":1"
		}
		s += "+" + f.Offset.String()
	}
	return s
}

func (f FeedLatency) start(uint64) Latency { return &feedLatency{FeedLatency: f, last: f.Offset} }

type feedLatency struct {
	FeedLatency
	last time.Duration
}

func (f *feedLatency) observe(_ exchange.Time, d time.Duration) {
	f.last = time.Duration(float64(max(d, 0))*f.Multiplier) + f.Offset
}

func (f *feedLatency) Entry(exchange.Time) time.Duration    { return f.last }
func (f *feedLatency) Response(exchange.Time) time.Duration { return f.last }

// startLatency returns a model's own state for a symbol.
func startLatency(l Latency, seed uint64, symbol string) Latency {
	h := fnv.New64a()
	_, _ = h.Write([]byte(symbol)) // never fails
	return begin(l, seed^h.Sum64())
}

func begin(l Latency, seed uint64) Latency {
	if s, ok := l.(starter); ok {
		return s.start(seed)
	}
	return l
}

// describe is the name of a model for a manifest.
func describe(l Latency) string { return fmt.Sprint(l) }

// ParseLatency reads a latency model:
//
//	0                 none
//	5ms               five milliseconds each way
//	5ms/8ms           to the exchange, and back
//	feed              as the market data: its arrival less its exchange time
//	feed:2+1ms        twice that and a millisecond
//	lognormal:5ms:0.4 drawn around 5 ms
//	lognormal:5ms:0.4:2s the same, autocorrelated, correlation time 2 s
//	load:5ms+20us     and 20 µs for each event of the last 100 ms
//	load:5ms+20us/1s  ... of the last second
//
// A recording is read by [ReadRoundTrips], two models are joined in a [SplitLatency].
func ParseLatency(s string) (Latency, error) {
	kind, rest, _ := strings.Cut(s, ":")
	switch kind {
	case "", "0", "0s", "zero":
		return ZeroLatency{}, nil
	case "feed":
		return parseFeed(s, rest)
	case "lognormal":
		return parseLogNormal(s, rest)
	case "load":
		return parseLoad(s, rest)
	}
	to, back, both := strings.Cut(s, "/")
	if !both {
		back = to
	}
	var l ConstantLatency
	var err error
	if l.ToExchange, err = parseDelay(s, to); err != nil {
		return nil, err
	}
	if l.ToStrategy, err = parseDelay(s, back); err != nil {
		return nil, err
	}
	return l, nil
}

func parseFeed(s, rest string) (Latency, error) {
	l := FeedLatency{Multiplier: 1}
	factor, offset, plus := strings.Cut(rest, "+")
	var err error
	if factor != "" {
		if l.Multiplier, err = strconv.ParseFloat(factor, 64); err != nil || !(l.Multiplier >= 0 && l.Multiplier <= 1000) {
			return nil, badLatency(s, "the multiplier must be a number from 0 to 1000")
		}
	}
	if plus {
		if l.Offset, err = parseDelay(s, offset); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func parseDelay(s, part string) (time.Duration, error) {
	d, err := time.ParseDuration(part)
	if err != nil || d < 0 || d > time.Hour {
		return 0, badLatency(s, fmt.Sprintf("%q is not a duration from 0 to 1h", part))
	}
	return d, nil
}

func badLatency(s, why string) error {
	return bad("latency", s, why+"; want 0, 5ms, 5ms/8ms, feed, feed:2+1ms, lognormal:5ms:0.4, lognormal:5ms:0.4:2s or load:5ms+20us")
}

package sim

import (
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// LoadLatency grows with what the venue has to do: Base, and PerEvent for every market
// event of the symbol within the last Window. It holds for both ways.
type LoadLatency struct {
	Base     time.Duration
	PerEvent time.Duration
	Window   time.Duration // 0: 100 ms
}

// loadWindow is the window if none is named.
const loadWindow = 100 * time.Millisecond

// Entry implements [Latency] with the base; an exchange counts.
func (l LoadLatency) Entry(exchange.Time) time.Duration { return l.Base }

// Response implements [Latency] with the base; an exchange counts.
func (l LoadLatency) Response(exchange.Time) time.Duration { return l.Base }

// Typical returns the base.
func (l LoadLatency) Typical() time.Duration { return l.Base }

// String returns the name that ParseLatency reads.
func (l LoadLatency) String() string {
	s := "load:" + l.Base.String() + "+" + l.PerEvent.String()
	if l.Window != 0 && l.Window != loadWindow {
		s += "/" + l.Window.String()
	}
	return s
}

func (l LoadLatency) start(uint64) Latency {
	if l.Window == 0 {
		l.Window = loadWindow
	}
	return &loaded{LoadLatency: l}
}

// loaded counts events in slices of the window.
type loaded struct {
	LoadLatency
	slices [loadSlices]int
	newest int64 // number of the newest slice since 1970
	sum    int
}

const loadSlices = 16

func (l *loaded) observe(at exchange.Time, _ time.Duration) {
	l.forget(at)
	l.slices[l.newest%loadSlices]++
	l.sum++
}

// forget empties the slices that have left the window.
func (l *loaded) forget(at exchange.Time) {
	n := max(int64(max(at, 0))/max(int64(l.Window)/loadSlices, 1), l.newest)
	for ; l.newest < n; l.newest++ {
		if l.sum == 0 {
			l.newest = n
			return
		}
		i := (l.newest + 1) % loadSlices
		l.sum -= l.slices[i]
		l.slices[i] = 0
	}
}

func (l *loaded) Entry(now exchange.Time) time.Duration {
	l.forget(now)
	return min(l.Base+time.Duration(l.sum)*l.PerEvent, time.Hour)
}

func (l *loaded) Response(now exchange.Time) time.Duration { return l.Entry(now) }

func parseLoad(s, rest string) (Latency, error) {
	base, more, ok := strings.Cut(rest, "+")
	if !ok {
		return nil, badLatency(s, "want a time for every event, such as load:5ms+20us")
	}
	each, window, windowed := strings.Cut(more, "/")
	var l LoadLatency
	var err error
	if l.Base, err = parseDelay(s, base); err != nil {
		return nil, err
	}
	if l.PerEvent, err = parseDelay(s, each); err != nil {
		return nil, err
	}
	if windowed {
		if l.Window, err = parseDelay(s, window); err != nil {
			return nil, err
		}
		if l.Window < time.Millisecond {
			return nil, badLatency(s, "the window must be a millisecond or more")
		}
	}
	return l, nil
}

// SplitLatency takes each way from a model of its own.
type SplitLatency struct{ ToExchange, ToStrategy Latency }

// Entry implements [Latency].
func (l SplitLatency) Entry(now exchange.Time) time.Duration { return l.ToExchange.Entry(now) }

// Response implements [Latency].
func (l SplitLatency) Response(now exchange.Time) time.Duration { return l.ToStrategy.Response(now) }

// Typical returns that of the way back.
func (l SplitLatency) Typical() time.Duration { return Typical(l.ToStrategy) }

// String names both models.
func (l SplitLatency) String() string {
	return "to the exchange " + describe(l.ToExchange) + ", back " + describe(l.ToStrategy)
}

func (l SplitLatency) start(seed uint64) Latency {
	s := &split{SplitLatency{begin(l.ToExchange, seed), begin(l.ToStrategy, seed)}}
	if _, ok := s.ToExchange.(observer); ok {
		return watching{s}
	}
	if _, ok := s.ToStrategy.(observer); ok {
		return watching{s}
	}
	return s
}

type split struct{ SplitLatency }

func (s *split) rejects(now exchange.Time) (time.Duration, bool) {
	if r, ok := s.ToExchange.(rejecter); ok {
		return r.rejects(now)
	}
	return 0, false
}

// watching is a split latency of which a way follows the data.
type watching struct{ *split }

func (s watching) observe(at exchange.Time, lag time.Duration) {
	for _, l := range [2]Latency{s.ToExchange, s.ToStrategy} {
		if o, ok := l.(observer); ok {
			o.observe(at, lag)
		}
	}
}

// Typical returns how long a message back usually takes, 0 for a model that does not
// say.
func Typical(l Latency) time.Duration {
	if t, ok := l.(interface{ Typical() time.Duration }); ok {
		return t.Typical()
	}
	return 0
}

package session_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/session"
)

// messages gives a feed message by message.
type messages struct {
	events []exchange.Event
	pace   time.Duration
}

func (m *messages) Next(_ context.Context, events []exchange.Event) (int, error) {
	if len(m.events) == 0 {
		return 0, io.EOF
	}
	time.Sleep(m.pace)
	n := 1
	for m.events[n-1].Flags&exchange.FlagLast == 0 {
		n++
	}
	n = copy(events, m.events[:n])
	m.events = m.events[n:]
	return n, nil
}

func (m *messages) Close() error { return nil }

func all(b *testing.B, feed exchange.Feed) (list []exchange.Event) {
	b.Helper()
	buf := make([]exchange.Event, 4096)
	for {
		n, err := feed.Next(b.Context(), buf)
		list = append(list, buf[:n]...)
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(b, err)
	}
}

// BenchmarkLive is a session of a market maker that hears a market live: busy, with a
// message every millisecond, and as fast as it can, when what comes together is one
// transaction. It reports the time of a turn of the loop, from handing over what was
// heard until it is committed with what came of it.
func BenchmarkLive(b *testing.B) {
	events := all(b, generated(b, 2*time.Minute))
	for name, pace := range map[string]time.Duration{"busy": time.Millisecond, "flood": 0} {
		b.Run(name, func(b *testing.B) {
			var turns, steps []time.Duration
			for b.Loop() {
				u := setup{dir: b.TempDir(), live: true, source: &messages{events, pace}, latency: "0"}
				u.after = func(c *session.Commit) { turns, steps = append(turns, c.Step+c.Write), append(steps, c.Step) }
				_, err := u.run(b)
				require.NoError(b, err)
			}
			slices.Sort(turns)
			slices.Sort(steps)
			b.ReportMetric(float64(len(events))*float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(turns[len(turns)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(turns[len(turns)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(float64(turns[len(turns)-1].Microseconds()), "max-µs")
			b.ReportMetric(float64(steps[len(steps)*99/100].Microseconds()), "p99-step-µs")
			b.ReportMetric(float64(len(turns))/float64(b.N), "transactions")
		})
	}
}

// BenchmarkRecovery plays ten minutes again, and compares every report.
func BenchmarkRecovery(b *testing.B) {
	dir := b.TempDir()
	_, err := setup{dir: dir}.run(b)
	require.NoError(b, err)
	events := stateOf(b, dir).Events
	for b.Loop() {
		_, err := setup{dir: dir, none: true}.run(b)
		require.NoError(b, err)
	}
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

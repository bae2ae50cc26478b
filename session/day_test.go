package session_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/data/importer"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/session"
)

// BenchmarkHours is a session that hears a market live for an hour an iteration, by a
// clock that leaps to the next message as soon as the one before is committed: a day is
// -benchtime 24x. It logs the memory of the process at each hour, and reports the time of
// turns, from handing over a message until it is committed with what came of it.
func BenchmarkHours(b *testing.B) {
	set, xbt := instruments(b)
	for name, open := range map[string]func(b *testing.B) (*exchange.Instrument, exchange.Feed, map[string]string){
		"generated": func(b *testing.B) (*exchange.Instrument, exchange.Feed, map[string]string) {
			return set.Get(xbt), generated(b, time.Duration(b.N)*time.Hour), nil
		},
		"recorded": func(b *testing.B) (*exchange.Instrument, exchange.Feed, map[string]string) {
			perp, err := set.Lookup("binance", "BTCUSD_PERP")
			require.NoError(b, err)
			return perp, &looped{events: recorded(b, set, perp), until: start.Add(time.Duration(b.N) * time.Hour)}, map[string]string{"qty": "10", "limit": "100"}
		},
	} {
		b.Run(name, func(b *testing.B) {
			inst, feed, params := open(b)
			clock := &leaping{began: time.Now(), base: start.Std()}
			source := &leaps{feed: feed, clock: clock, free: make(chan struct{}, 1)}
			source.free <- struct{}{}
			m := &hours{b: b, next: start}
			u := setup{dir: b.TempDir(), live: true, now: clock.Now, source: source, latency: "5ms", inst: inst, params: params, after: func(c *session.Commit) {
				m.commit(c)
				if len(c.Events) > 0 {
					source.free <- struct{}{}
				}
			}}
			b.ResetTimer()
			_, err := u.run(b)
			require.NoError(b, err)
			b.StopTimer()
			m.report(clock.Now())
			info, err := os.Stat(filepath.Join(u.dir, "session.db"))
			require.NoError(b, err)
			b.ReportMetric(float64(info.Size())/1e6, "MB-on-disk")
		})
	}
}

// leaping is a clock that goes with the wall's and can be put forward.
type leaping struct {
	began time.Time
	mu    sync.Mutex
	base  time.Time
}

func (c *leaping) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Add(time.Since(c.began))
}

func (c *leaping) to(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base = c.base.Add(max(0, t.Sub(c.base.Add(time.Since(c.began)))))
}

// leaps gives a feed message by message, each when the one before is committed.
type leaps struct {
	feed  exchange.Feed
	clock *leaping
	free  chan struct{}
	head  []exchange.Event
	buf   [1024]exchange.Event
}

// Next implements exchange.Feed.
func (l *leaps) Next(ctx context.Context, events []exchange.Event) (n int, err error) {
	select {
	case <-l.free:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	for n == 0 || events[n-1].Flags&exchange.FlagLast == 0 {
		if n == len(events) {
			l.free <- struct{}{} // the session waits for the rest
			return n, nil
		}
		if len(l.head) == 0 {
			k, err := l.feed.Next(ctx, l.buf[:])
			if err != nil {
				return n, err
			}
			l.head = l.buf[:k]
		}
		events[n] = l.head[0]
		l.head = l.head[1:]
		n++
	}
	l.clock.to(events[n-1].Time.Std())
	return n, nil
}

func (l *leaps) Close() error { return l.feed.Close() }

// looped is a recording that begins again when it is over.
type looped struct {
	events []exchange.Event
	until  exchange.Time
	at     int
	laps   int
}

// Next implements exchange.Feed.
func (l *looped) Next(_ context.Context, events []exchange.Event) (int, error) {
	first := l.events[0].Time
	lap := l.events[len(l.events)-1].Time.Sub(first) + time.Second
	for n := range events {
		e := l.events[l.at]
		e.Time = start.Add(e.Time.Sub(first) + time.Duration(l.laps)*lap)
		e.Arrival = e.Time
		if e.Time >= l.until {
			if n == 0 {
				return 0, io.EOF
			}
			return n, nil
		}
		events[n] = e
		if l.at++; l.at == len(l.events) {
			l.at, l.laps = 0, l.laps+1
		}
	}
	return len(events), nil
}

func (l *looped) Close() error { return nil }

// recorded is eleven minutes of the book and the trades of a real market.
func recorded(b *testing.B, set *exchange.Instruments, perp *exchange.Instrument) (events []exchange.Event) {
	b.Helper()
	dir := os.Getenv("DUNAMIS_SHARED")
	if dir == "" {
		b.Skip("set DUNAMIS_SHARED to a folder with data/tardis/ to hear a real recording")
	}
	cat, err := data.Create(b.TempDir())
	require.NoError(b, err)
	for _, kind := range []string{"incremental_book_L2", "trades"} {
		_, err := importer.Import(b.Context(), cat, filepath.Join(dir, "data", "tardis", "binance-delivery_"+kind+"_2024-08-08_BTCUSD_PERP.csv.gz"),
			importer.Options{Instruments: set, ClockOffset: "2s"})
		require.NoError(b, err)
	}
	feed, err := cat.Feed(b.Context(), data.Query{Instruments: set, Streams: []data.Key{
		{Venue: perp.Venue, Kind: "book", Symbol: perp.Symbol}, {Venue: perp.Venue, Kind: "trade", Symbol: perp.Symbol}}})
	require.NoError(b, err)
	events = all(b, feed)
	require.NoError(b, feed.Close())
	return events
}

// longest is the longest turn that is told from longer ones, in microseconds.
const longest = 1_000_000

// hours is what a session's turns take, and the memory of the process.
type hours struct {
	b      *testing.B
	next   exchange.Time
	turns  [longest]int32
	count  int64
	events int64
	most   time.Duration
	slow   int64 // turns of more than a millisecond
}

func (h *hours) commit(c *session.Commit) {
	turn := c.Step + c.Write
	h.turns[min(turn.Microseconds(), longest-1)]++
	h.count++
	h.events += int64(len(c.Events))
	h.most = max(h.most, turn)
	if turn > time.Millisecond {
		h.slow++
	}
	if c.State.Now < h.next {
		return
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h.b.Logf("%2.0f h: %s resident, %d MB of it in use by Go, %d turns, 99 %% within %d µs, the longest %s", c.State.Now.Sub(start).Hours(), resident(), m.HeapInuse>>20,
		h.count, h.quantile(0.99), h.most.Round(10*time.Microsecond))
	h.next = h.next.Add(time.Hour)
}

func (h *hours) quantile(share float64) (us int) {
	left := int64(share * float64(h.count))
	for us = range h.turns {
		if left -= int64(h.turns[us]); left < 0 {
			break
		}
	}
	return us
}

func (h *hours) report(now time.Time) {
	h.b.Logf("%s until %s", resident(), now.UTC().Format(time.DateTime))
	h.b.ReportMetric(float64(h.events)/h.b.Elapsed().Seconds(), "events/s")
	h.b.ReportMetric(float64(h.count), "turns")
	h.b.ReportMetric(float64(h.quantile(0.5)), "p50-µs")
	h.b.ReportMetric(float64(h.quantile(0.99)), "p99-µs")
	h.b.ReportMetric(float64(h.quantile(0.999)), "p99.9-µs")
	h.b.ReportMetric(float64(h.most.Microseconds()), "max-µs")
	h.b.ReportMetric(1e6*float64(h.slow)/float64(h.count), "slow-per-million")
}

// resident is the memory of the process, as the system counts it.
func resident() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "?"
	}
	for line := range bytes.Lines(status) {
		var kb int
		if _, err := fmt.Sscanf(string(line), "VmRSS: %d kB", &kb); err == nil {
			return fmt.Sprintf("%d MB", kb>>10)
		}
	}
	return "?"
}

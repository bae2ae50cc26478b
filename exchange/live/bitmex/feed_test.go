package bitmex

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
)

// replays sends frames to whoever subscribes, and then nothing.
func replays(t *testing.T, frames []string) (url string) {
	t.Helper()
	return replaysEach(t, func() []string { return frames })
}

// replaysEach asks for the frames of each connection.
func replaysEach(t *testing.T, framesOf func() []string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		if _, _, err := conn.Read(r.Context()); err != nil {
			return
		}
		for _, f := range framesOf() {
			if conn.Write(r.Context(), websocket.MessageText, []byte(f)) != nil {
				return
			}
		}
		for { // until the client goes
			if _, _, err := conn.Read(r.Context()); err != nil {
				return
			}
			if conn.Write(r.Context(), websocket.MessageText, []byte("pong")) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// The recording over a real socket gives the books that it gives read from the file.
func TestRecordingOverASocket(t *testing.T) {
	frames := recording(t)
	set, list := instruments(t, recordedSymbols...)
	tabs := newTables(list)
	total := 0
	for n, f := range frames {
		events, err := tabs.take([]byte(f), exchange.Time(1_626_993_400_000_000_000+n))
		require.NoError(t, err)
		total += len(events)
	}
	url := replays(t, frames)
	c := FeedConfig{Config: Config{URL: url, StreamURL: "ws" + strings.TrimPrefix(url, "http")}, Instruments: set}
	books := map[exchange.SymbolID]*exchange.Book{}
	for _, i := range list {
		c.Symbols = append(c.Symbols, i.ID)
		books[i.ID] = exchange.NewBook(finestTick(i))
	}
	feed, err := NewFeed(t.Context(), c)
	require.NoError(t, err)
	defer func() { require.NoError(t, feed.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	events := make([]exchange.Event, 512)
	for got := 0; got < total; {
		n, err := feed.Next(ctx, events)
		require.NoError(t, err)
		for k := range events[:n] {
			require.LessOrEqual(t, events[k].Time, events[k].Arrival)
			if events[k].Kind == exchange.KindBook {
				books[events[k].Symbol].Apply(&events[k])
			}
		}
		got += n
	}
	for _, s := range tabs.symbols {
		for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
			n := s.book.Len(side)
			require.Equal(t, s.book.AppendLevels(nil, side, n), books[s.inst.ID].AppendLevels(nil, side, n), s.inst.Symbol)
		}
	}
}

// A refusal ends the feed: asking again would not help.
func TestRefusedSubscription(t *testing.T) {
	set, list := instruments(t, "XBTUSD")
	url := replays(t, []string{`{"status":400,"error":"Unknown table: x","meta":{},"request":{"op":"subscribe","args":["x"]}}`})
	feed, err := NewFeed(t.Context(), FeedConfig{Config: Config{URL: url, StreamURL: "ws" + strings.TrimPrefix(url, "http")}, Instruments: set,
		Symbols: []exchange.SymbolID{list[0].ID}})
	require.NoError(t, err)
	defer func() { require.NoError(t, feed.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = feed.Next(ctx, make([]exchange.Event, 1))
	require.ErrorContains(t, err, "Unknown table: x")
}

func TestConfigs(t *testing.T) {
	for url, want := range map[string]string{"": "URL is needed", "venue": "want http:// or https:// and a host", "ftp://venue": "want http://"} {
		_, err := NewClient(Config{URL: url})
		require.ErrorContains(t, err, want)
	}
	_, err := NewClient(Config{URL: "http://venue", Key: "k"})
	require.ErrorContains(t, err, "a key needs its secret")
}

// kindsOf reads events one at a time and returns their kinds.
func kindsOf(t *testing.T, feed exchange.Feed, n int) (kinds []exchange.EventKind) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	events := make([]exchange.Event, 1)
	for len(kinds) < n {
		got, err := feed.Next(ctx, events)
		require.NoError(t, err)
		for k := range got {
			kinds = append(kinds, events[k].Kind)
		}
	}
	return kinds
}

// A book that has not changed for too long is asked for again, with a gap.
func TestStaleBook(t *testing.T) {
	set, list := instruments(t, "XBTUSD")
	url := replays(t, []string{partial})
	c := FeedConfig{Config: Config{URL: url, StreamURL: "ws" + strings.TrimPrefix(url, "http"), Policy: live.DefaultPolicy()}, Instruments: set,
		Symbols: []exchange.SymbolID{list[0].ID}, Stale: 30 * time.Millisecond}
	c.Policy.Ping, c.Policy.Pong, c.Policy.Reconnect = 20*time.Millisecond, 10*time.Second, time.Millisecond
	c.Metrics = live.NewMetrics(nil, "test")
	feed, err := NewFeed(t.Context(), c)
	require.NoError(t, err)
	defer func() { require.NoError(t, feed.Close()) }()
	kinds := kindsOf(t, feed, 5)
	require.Equal(t, []exchange.EventKind{exchange.KindBook, exchange.KindBook, exchange.KindGap, exchange.KindBook, exchange.KindBook}, kinds)
	require.Positive(t, testutil.ToFloat64(c.Metrics.Gaps))
}

// A row out of bounds is refused, counted and logged. The feed reconnects, delivers a gap and
// goes on; it delivers nothing of the row.
func TestFeedRefusesRows(t *testing.T) {
	set, list := instruments(t, "XBTUSD")
	var connected atomic.Int64
	bad := `{"table":"instrument","action":"partial","data":[{"symbol":"XBTUSD","markPrice":1e-8}]}`
	good := `{"table":"instrument","action":"partial","data":[{"symbol":"XBTUSD","markPrice":30000}]}`
	url := replaysEach(t, func() []string {
		if connected.Add(1) == 1 {
			return []string{partial, bad}
		}
		return []string{partial, good}
	})
	var said lockedBuffer
	c := FeedConfig{Config: Config{URL: url, StreamURL: "ws" + strings.TrimPrefix(url, "http"),
		Policy: live.DefaultPolicy(),
		Log:    slog.New(slog.NewJSONHandler(&said, nil))}, Instruments: set, Symbols: []exchange.SymbolID{list[0].ID}}
	c.Policy.Reconnect = time.Millisecond
	c.Metrics = live.NewMetrics(nil, "test")
	feed, err := NewFeed(t.Context(), c)
	require.NoError(t, err)
	defer func() { require.NoError(t, feed.Close()) }()
	kinds := kindsOf(t, feed, 6)
	book := exchange.KindBook
	require.Equal(t, []exchange.EventKind{book, book, exchange.KindGap, book, book, exchange.KindMark}, kinds)
	require.InDelta(t, 1, testutil.ToFloat64(c.Metrics.Refused.WithLabelValues("market")), 0)
	require.Contains(t, said.String(),
		`"symbol":"bitmex:XBTUSD","field":"markPrice","value":"0.00000001","reason":"want a price from `)
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// String implements fmt.Stringer.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// Market data that has waited on the way is not handed over: the stream begins anew, and
// what was missed is a gap. Where all of it is old a new connection would be no better.
func TestStreamThatFallsBehind(t *testing.T) {
	set, list := instruments(t, "XBTUSD")
	trade := func(age time.Duration, id int) string {
		return fmt.Sprintf(`{"table":"trade","action":"insert","data":[{"timestamp":%q,"symbol":"XBTUSD","side":"Buy",`+
			`"size":1,"price":%d,`+
			`"trdMatchID":"00000000-0000-0000-0000-%012d"}]}`, time.Now().Add(-age).UTC().Format("2006-01-02T15:04:05.000Z"),
			id, id)
	}
	const begin = `{"table":"trade","action":"partial","keys":[],"types":{},"filter":{"symbol":"XBTUSD"},"data":[]}`
	for name, c := range map[string]struct {
		ages [2][]time.Duration // of the trades of both connections
		date time.Duration      // of the venue's clock; ours is this much ahead
		most time.Duration
		want []string
	}{
		"a backlog": {ages: [2][]time.Duration{{0, time.Minute}, {0, 0}}, most: 5 * time.Second,
			want: []string{"1", "gap", "11", "12"}},
		"still late": {ages: [2][]time.Duration{{0, time.Minute}, {time.Minute, time.Minute}},
			most: 5 * time.Second, want: []string{"1", "gap", "11", "12"}},
		"a replayed market": {ages: [2][]time.Duration{{time.Hour, 2 * time.Hour}}, most: 5 * time.Second,
			want: []string{"1", "2"}},
		"another clock": {ages: [2][]time.Duration{{time.Minute, time.Minute}}, date: -time.Minute,
			most: 5 * time.Second, want: []string{"1", "2"}},
		"late by their clock": {ages: [2][]time.Duration{{time.Minute, 2 * time.Minute}, {time.Minute}}, date: -time.Minute,
			most: 5 * time.Second, want: []string{"1", "gap", "11"}},
		"their clock ahead": {ages: [2][]time.Duration{{-time.Minute, 0}, {-time.Minute}}, date: time.Minute,
			most: 5 * time.Second, want: []string{"1", "gap", "11"}},
		"never": {ages: [2][]time.Duration{{0, time.Minute}}, want: []string{"1", "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			var connections atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Date", time.Now().Add(c.date).UTC().Format(http.TimeFormat))
				conn, err := websocket.Accept(w, r, nil)
				if err != nil {
					return
				}
				defer func() { _ = conn.CloseNow() }()
				_, _, _ = conn.Read(r.Context())
				n := int(min(connections.Add(1), 2)) - 1
				_ = conn.Write(r.Context(), websocket.MessageText, []byte(begin))
				for i, age := range c.ages[n] {
					_ = conn.Write(r.Context(), websocket.MessageText, []byte(trade(age, 10*n+i+1)))
				}
				_, _, _ = conn.Read(r.Context())
			}))
			defer server.Close()
			f := FeedConfig{Config: Config{URL: server.URL, Policy: live.DefaultPolicy()}, Instruments: set,
				Symbols: []exchange.SymbolID{list[0].ID}, Tables: []string{"trade"}}
			f.Policy.Behind, f.Policy.Reconnect = c.most, time.Millisecond
			feed, err := NewFeed(t.Context(), f)
			require.NoError(t, err)
			defer func() { require.NoError(t, feed.Close()) }()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			var got []string
			events := make([]exchange.Event, 1)
			for len(got) < len(c.want) {
				_, err := feed.Next(ctx, events)
				require.NoError(t, err, "got %v", got)
				if events[0].Kind == exchange.KindGap {
					got = append(got, "gap")
					continue
				}
				require.LessOrEqual(t, events[0].Time, events[0].Arrival)
				got = append(got, events[0].Trade().Price.String())
			}
			require.Equal(t, c.want, got)
		})
	}
}

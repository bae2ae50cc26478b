package live_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange/live"
)

// A venue that sends the upgrade of a stream elsewhere is not followed: no signature
// leaves for another host, and no price comes from it.
func TestStreamIsNotRedirected(t *testing.T) {
	var reached atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer other.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{other.URL + "/hidden?hidden", strings.Replace(other.URL, "http", "ws", 1), "//" + strings.TrimPrefix(other.URL, "http://")} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", to)
				w.WriteHeader(code)
			}))
			log := new(strings.Builder)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			p := live.DefaultPolicy()
			p.Reconnect, p.MaxReconnect = time.Millisecond, time.Millisecond
			opened := 0
			tries := 0
			s := &live.Socket{
				Name:    "account",
				URL:     server.URL,
				Policy:  p,
				Log:     slog.New(slog.NewTextHandler(log, nil)),
				Metrics: live.NewMetrics(nil, "v"),
				Opened:  func(context.Context) error { opened++; return nil },
				Frame:   func([]byte) error { return nil },
				Closed:  func(error) {},
				Answered: func(http.Header, time.Time, time.Time) {
					if tries++; tries == 2 {
						cancel()
					}
				}}
			require.ErrorIs(t, s.Run(ctx), context.Canceled)
			cancel()
			server.Close()
			require.Zero(t, reached.Load(), "%d %s", code, to)
			require.Zero(t, opened)
			require.Contains(t, log.String(), strings.TrimPrefix(other.URL, "http://")+", and redirects are not followed")
			require.NotContains(t, log.String(), "hidden")
		}
	}
}

// The clock of a venue is followed as far as a clock can be off; what is more is said, and
// not believed.
func TestClockThatIsNotBelieved(t *testing.T) {
	for _, c := range []struct {
		ahead    time.Duration
		follows  bool
		mentions string
	}{
		{time.Second, true, ""},
		{30 * time.Second, true, "differs"},
		{-14 * time.Minute, true, "differs"},
		{time.Hour, false, "not believed"},
		{-time.Hour, false, "not believed"},
		{75 * 365 * 24 * time.Hour, false, "not believed"},
	} {
		log := new(strings.Builder)
		p := live.DefaultPolicy()
		h := live.NewHTTP(nil, http.DefaultTransport, p, slog.New(slog.NewTextHandler(log, nil)), live.NewMetrics(nil, "v"))
		now := time.Now()
		for range 3 {
			h.Observe(http.Header{"Date": {now.Add(c.ahead).UTC().Format(http.TimeFormat)}}, now, now)
		}
		off := time.Until(h.Now())
		if c.follows {
			require.InDelta(t, c.ahead.Seconds(), off.Seconds(), 3)
		} else {
			require.InDelta(t, 0, off.Seconds(), 1)
		}
		if c.mentions == "" {
			require.Empty(t, log.String())
			continue
		}
		require.Equal(t, 1, strings.Count(log.String(), c.mentions), log.String())
	}
}

// A socket that waits for its next try makes it at once when requests pass again, and no
// sooner than half a second after the last.
func TestSocketIsHurried(t *testing.T) {
	var tries atomic.Int64
	var failing atomic.Bool
	failing.Store(true)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/realtime" {
			tries.Add(1)
		}
		if failing.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	p := live.DefaultPolicy()
	p.Reconnect, p.MaxReconnect, p.Attempts = 1000*time.Hour, 1000*time.Hour, 1
	base, err := url.Parse(server.URL)
	require.NoError(t, err)
	h := live.NewHTTP(base, nil, p, slog.New(slog.DiscardHandler), live.NewMetrics(nil, "v"))
	s := &live.Socket{Name: "account", URL: strings.Replace(server.URL, "http", "ws", 1) + "/realtime", Policy: p, Log: slog.New(slog.DiscardHandler),
		Metrics: live.NewMetrics(nil, "v"), Opened: func(context.Context) error { return nil }, Frame: func([]byte) error { return nil },
		Closed: func(error) {}}
	h.Recovered = s.Hurry
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	done := make(chan error)
	began := time.Now()
	go func() { done <- s.Run(ctx) }()
	require.Eventually(t, func() bool { return tries.Load() == 1 }, 10*time.Second, time.Millisecond)
	ask := func() {
		_, err := h.Do(ctx, &live.Call{Verb: http.MethodGet, Name: "/x", Path: "/x"})
		require.NoError(t, err)
	}
	ask()
	failing.Store(false)
	ask()
	for tries.Load() == 1 && ctx.Err() == nil { // the wait may not have begun at the first success
		failing.Store(true)
		ask()
		failing.Store(false)
		ask()
	}
	n := tries.Load()
	require.Greater(t, n, int64(1), "it would have waited for days")
	require.GreaterOrEqual(t, time.Since(began), time.Duration(n-1)*500*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

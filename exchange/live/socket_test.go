package live_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
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
			require.Contains(
				t,
				log.String(),
				strings.TrimPrefix(other.URL, "http://")+", and redirects are not followed",
			)
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
		h := live.NewHTTP(
			nil,
			http.DefaultTransport,
			p,
			slog.New(slog.NewTextHandler(log, nil)),
			live.NewMetrics(nil, "v"),
		)
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

// A date that cannot be read tells nothing, and a difference that may be rounding is none.
func TestDatesThatTellNothing(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	half := now.Add(time.Second / 2) // the middle of the second that a date names
	for name, c := range map[string]struct {
		date           string
		sent, received time.Time
		want           time.Duration
	}{
		"none":          {"", half, half, 0},
		"nonsense":      {"soon", half, half, 0},
		"two seconds":   {now.Add(2 * time.Second).UTC().Format(http.TimeFormat), half, half, 0},
		"three seconds": {now.Add(3 * time.Second).UTC().Format(http.TimeFormat), half, half, 3 * time.Second},
		"three of a slow answer": {now.Add(3 * time.Second).UTC().Format(http.TimeFormat), half.Add(-time.Second),
			half.Add(time.Second), 0},
		"two seconds behind": {now.Add(-2 * time.Second).UTC().Format(http.TimeFormat), half, half, 0},
		"ten seconds":        {now.Add(10 * time.Second).UTC().Format(http.TimeFormat), half, half, 10 * time.Second},
		"fifteen minutes":    {now.Add(15 * time.Minute).UTC().Format(http.TimeFormat), half, half, 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(strings.Builder)
			h := live.NewHTTP(
				nil,
				http.DefaultTransport,
				live.DefaultPolicy(),
				slog.New(slog.NewTextHandler(log, nil)),
				live.NewMetrics(nil, "v"),
			)
			header := http.Header{}
			if c.date != "" {
				header.Set("Date", c.date)
			}
			h.Observe(header, c.sent, c.received)
			before := time.Now()
			ahead := h.Now().Sub(before)
			require.GreaterOrEqual(t, ahead, c.want)
			require.Less(t, ahead, c.want+time.Since(before)+time.Millisecond)
			if c.want <= 10*time.Second {
				require.Empty(t, log.String())
			} else {
				require.Contains(t, log.String(), "differs")
			}
		})
	}
}

// streams is a socket to a server that does what a test wants with each connection.
func streams(t *testing.T, change func(*live.Socket), serve func(ctx context.Context, c *websocket.Conn)) *live.Socket {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		serve(r.Context(), conn)
	}))
	t.Cleanup(server.Close)
	p := live.DefaultPolicy()
	p.Reconnect, p.MaxReconnect, p.Ping, p.Pong = time.Millisecond, 2*time.Millisecond, 20*time.Millisecond,
		20*time.Millisecond
	s := &live.Socket{
		Name:   "test",
		URL:    "ws" + strings.TrimPrefix(server.URL, "http"),
		Policy: p,
		Log:    slog.New(slog.DiscardHandler),
		Metrics: live.NewMetrics(
			nil,
			"test",
		),
		Opened: func(context.Context) error { return nil },
		Frame:  func([]byte) error { return nil },
		Closed: func(error) {},
	}
	change(s)
	return s
}

// A stream that says nothing is pinged, and given up when it does not answer; one that
// answers is not.
func TestSilentStreamIsGivenUp(t *testing.T) {
	for name, answers := range map[string]bool{"silence": false, "pong": true} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var pings atomic.Int64
			var why []error
			opened := 0
			s := streams(t, func(s *live.Socket) {
				s.Opened = func(context.Context) error { opened++; return nil }
				s.Closed = func(err error) {
					if why = append(why, err); len(why) == 2 {
						cancel()
					}
				}
				if answers {
					s.Policy.Pong = 10 * time.Second
				}
			}, func(ctx context.Context, c *websocket.Conn) {
				for {
					_, frame, err := c.Read(ctx)
					if err != nil {
						return
					}
					if string(frame) == "ping" && pings.Add(1) == 5 && answers {
						cancel()
					}
					if answers && c.Write(ctx, websocket.MessageText, []byte("pong")) != nil {
						return
					}
				}
			})
			require.ErrorIs(t, s.Run(ctx), context.Canceled)
			if answers {
				require.Equal(t, 1, opened)
				require.EqualValues(t, 5, pings.Load())
				return
			}
			require.Equal(t, 2, opened, "it is connected again")
			require.EqualError(t, why[0], "no frame and no pong")
		})
	}
}

// A venue that refuses is asked again at longer and longer intervals, and at the shortest
// one after a connection that has lasted.
func TestReconnectionBacksOff(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
	defer cancel()
	tries := 0
	s := streams(t, func(s *live.Socket) {
		s.Policy.MaxReconnect = 100 * time.Millisecond
		s.Answered = func(http.Header, time.Time, time.Time) { tries++ }
		s.Opened = func(context.Context) error { return errors.New("no") }
	}, func(context.Context, *websocket.Conn) {})
	require.ErrorIs(t, s.Run(ctx), context.DeadlineExceeded)
	require.Greater(t, tries, 2)
	require.Less(t, tries, 60, "without doubling there are some hundred")
}

// What a handler refuses ends the connection, and says why; what is sent without one fails.
func TestFramesThatAreRefused(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var frames []string
	var why error
	var s *live.Socket
	refused := errors.New("not this one")
	s = streams(t, func(s *live.Socket) {
		s.Frame = func(f []byte) error {
			if frames = append(frames, string(f)); len(frames) == 3 {
				return refused
			}
			return nil
		}
		s.Closed = func(err error) { why = err; cancel() }
	}, func(ctx context.Context, c *websocket.Conn) {
		for _, f := range []string{"a", "b", "c", "d"} {
			if c.Write(ctx, websocket.MessageText, []byte(f)) != nil {
				return
			}
		}
		_, _, _ = c.Read(ctx)
	})
	require.ErrorIs(t, s.Send(ctx, []byte("x")), live.ErrNotConnected)
	s.Break() // without a connection it does nothing
	require.ErrorIs(t, s.Run(ctx), context.Canceled)
	require.Equal(t, []string{"a", "b", "c"}, frames)
	require.ErrorIs(t, why, refused)
	require.ErrorIs(t, s.Send(t.Context(), []byte("x")), live.ErrNotConnected)
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
	s := &live.Socket{Name: "account", URL: strings.Replace(server.URL, "http", "ws", 1) + "/realtime", Policy: p,
		Log:     slog.New(slog.DiscardHandler),
		Metrics: live.NewMetrics(nil, "v"), Opened: func(context.Context) error { return nil },
		Frame:  func([]byte) error { return nil },
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

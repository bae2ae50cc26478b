package live_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange/live"
)

// metric is the value of a counter or a gauge of a registry.
func metric(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// A connection that is broken off is made again at once; what is sent goes to the new one.
// Frames and connections are counted.
func TestSocketIsBroken(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	registry := prometheus.NewRegistry()
	heard := make(chan string, 10)
	opened := make(chan struct{}, 10)
	s := streams(t, func(s *live.Socket) {
		s.Policy.Ping, s.Policy.Pong = time.Minute, time.Minute
		s.Metrics = live.NewMetrics(registry, "test")
		s.Opened = func(context.Context) error { opened <- struct{}{}; return nil }
		s.Frame = func(f []byte) error { heard <- string(f); return nil }
	}, func(ctx context.Context, c *websocket.Conn) {
		for {
			_, frame, err := c.Read(ctx)
			if err != nil || c.Write(ctx, websocket.MessageText, append([]byte("echo "), frame...)) != nil {
				return
			}
		}
	})
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	next := func(from <-chan string) string {
		select {
		case text := <-from:
			return text
		case <-ctx.Done():
			require.Fail(t, "nothing was heard")
			return ""
		}
	}
	begun := float64(time.Now().Unix())
	for n := range 3 {
		select {
		case <-opened:
		case <-ctx.Done():
			require.Fail(t, "no new connection")
		}
		require.NoError(t, s.Send(ctx, []byte("one")))
		require.NoError(t, s.Send(ctx, []byte("two")))
		require.Equal(t, []string{"echo one", "echo two"}, []string{next(heard), next(heard)})
		require.InDelta(t, float64(2*(n+1)), metric(t, registry, "dunamis_stream_frames_total"), 0)
		require.InDelta(t, float64(n), metric(t, registry, "dunamis_stream_reconnects_total"), 0)
		require.GreaterOrEqual(t, metric(t, registry, "dunamis_stream_last_frame_timestamp_seconds"), begun)
		s.Break()
	}
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

// A request without a body says nothing of the type of one, and asks for JSON.
func TestRequestWithoutBody(t *testing.T) {
	var got http.Header
	v := &venue{script: []func(http.ResponseWriter, *http.Request){func(_ http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		got.Set("Length", strconv.FormatInt(r.ContentLength, 10))
	}}}
	h, _ := client(t, v, nil)
	defer h.Close()
	_, err := h.Do(t.Context(), &read)
	require.NoError(t, err)
	require.NotContains(t, got, "Content-Type")
	require.Equal(t, "application/json", got.Get("Accept"))
	require.Equal(t, "0", got.Get("Length"))
}

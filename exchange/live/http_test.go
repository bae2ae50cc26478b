package live_test

import (
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange/live"
)

// venue answers by a script; after it, with 200.
type venue struct {
	script []func(w http.ResponseWriter, r *http.Request)
	asked  atomic.Int64
}

func (v *venue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(v.asked.Add(1)) - 1
	if n < len(v.script) {
		v.script[n](w, r)
	}
}

func status(code int, retryAfter string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(code)
	}
}

// hang answers later than anyone waits.
func hang(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(400 * time.Millisecond): // a body that nobody reads hides that the client has gone
	}
}

func reset(w http.ResponseWriter, _ *http.Request) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			_ = conn.Close()
		}
	}
}

func client(t *testing.T, v *venue, change func(*live.Policy)) (*live.HTTP, *prometheus.Registry) {
	t.Helper()
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	p := live.DefaultPolicy()
	p.Timeout, p.Backoff, p.MaxBackoff = 100*time.Millisecond, time.Millisecond, 4*time.Millisecond
	p.RequestsPerMinute, p.OrdersPerSecond = 0, 0
	if change != nil {
		change(&p)
	}
	require.NoError(t, p.Validate())
	r := prometheus.NewRegistry()
	base, err := url.Parse(server.URL)
	require.NoError(t, err)
	return live.NewHTTP(base, nil, p, slog.New(slog.DiscardHandler), live.NewMetrics(r, "test")), r
}

var (
	read   = live.Call{Verb: "GET", Name: "/x", Path: "/x?y=1", Repeat: true}
	write  = live.Call{Verb: "POST", Name: "/x", Path: "/x", Body: []byte("{}"), Type: "application/json", Order: true}
	cancel = live.Call{Verb: "DELETE", Name: "/x", Path: "/x", Repeat: true, Order: true, Cancels: true}
)

// What is sent again, and what is not.
func TestRepeats(t *testing.T) {
	type script = []func(http.ResponseWriter, *http.Request)
	for name, c := range map[string]struct {
		call   live.Call
		script script
		asked  int
		status int
		err    error
	}{
		"a read after a reset":              {read, script{reset, reset}, 3, 200, nil},
		"a read after silence":              {read, script{hang}, 2, 200, nil},
		"a read after 502 and 503":          {read, script{status(502, ""), status(503, "")}, 3, 200, nil},
		"a read after 429":                  {read, script{status(429, "0.01")}, 2, 200, nil},
		"a read, but not for ever":          {read, script{status(500, ""), status(500, ""), status(500, ""), status(500, "")}, 4, 500, nil},
		"a read is not repeated for a 400":  {read, script{status(400, "")}, 1, 400, nil},
		"a write is not, after a reset":     {write, script{reset}, 1, 0, live.ErrUnknownOutcome},
		"a write is not, after silence":     {write, script{hang}, 1, 0, live.ErrUnknownOutcome},
		"a write is not, after 502":         {write, script{status(502, "")}, 1, 502, nil},
		"a write is not, after 503":         {write, script{status(503, "")}, 1, 503, nil},
		"a write is, refused for its rate":  {write, script{status(429, "0.01"), status(429, "0.01")}, 3, 200, nil},
		"a write, first 429 and then reset": {write, script{status(429, "0.01"), reset}, 2, 0, live.ErrUnknownOutcome},
		"a cancel after a reset":            {cancel, script{reset}, 2, 200, nil},
	} {
		t.Run(name, func(t *testing.T) {
			v := &venue{script: c.script}
			h, _ := client(t, v, nil)
			defer h.Close()
			a, err := h.Do(t.Context(), &c.call)
			require.ErrorIs(t, err, c.err)
			if c.status != 0 {
				require.Equal(t, c.status, a.Status)
			}
			require.EqualValues(t, c.asked, v.asked.Load())
		})
	}
}

// An answer that is longer than the limit is an error that names the limit, however it is
// sent; it is not asked for again. One of exactly the limit is read whole.
func TestAnswerTooLarge(t *testing.T) {
	const limit = 64 << 20
	send := func(w io.Writer, bytes int) {
		for chunk := make([]byte, 1<<20); bytes > 0; bytes -= len(chunk) {
			if _, err := w.Write(chunk[:min(bytes, len(chunk))]); err != nil {
				return // the client has gone
			}
		}
	}
	streamed := func(bytes int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush() // so that no length is told
			send(w, bytes)
		}
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		call   live.Call
		large  bool
	}{
		"at the limit":           {streamed(limit), read, false},
		"beyond it":              {streamed(limit + 1), read, true},
		"far beyond it":          {streamed(3 * limit), read, true},
		"beyond it, of an order": {streamed(limit + 1), write, true},
		"beyond it, of a cancel": {streamed(limit + 1), cancel, true},
		"beyond it, length is told": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(limit+1))
			send(w, limit+1)
		}, read, true},
		"at the limit, length is told": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(limit))
			send(w, limit)
		}, read, false},
		"beyond it, compressed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			send(z, limit+1)
			_ = z.Close()
		}, read, true},
		"beyond it, of a failure": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			send(w, limit+1)
		}, read, true},
	} {
		t.Run(name, func(t *testing.T) {
			v := &venue{script: []func(http.ResponseWriter, *http.Request){c.answer}}
			h, _ := client(t, v, func(p *live.Policy) { p.Timeout = time.Minute })
			defer h.Close()
			a, err := h.Do(t.Context(), &c.call)
			if !c.large {
				require.NoError(t, err)
				require.Len(t, a.Body, limit)
				return
			}
			require.ErrorIs(t, err, live.ErrAnswerTooLarge)
			require.ErrorIs(t, err, live.ErrUnknownOutcome, "a command may have been carried out")
			require.ErrorContains(t, err, c.call.Verb+" /x: ")
			require.ErrorContains(t, err, "longer than 67108864 bytes")
			require.EqualValues(t, 1, v.asked.Load(), "it is not asked again")
		})
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	v := &venue{script: []func(http.ResponseWriter, *http.Request){status(429, "0.2")}}
	h, r := client(t, v, nil)
	defer h.Close()
	began := time.Now()
	_, err := h.Do(t.Context(), &write)
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), 200*time.Millisecond)
	n, err := testutil.GatherAndCount(r, "dunamis_request_repeats_total")
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

// After failures in a row nothing is sent but cancels; then one is tried.
func TestBreaker(t *testing.T) {
	v := &venue{}
	for range 3 {
		v.script = append(v.script, status(500, ""))
	}
	h, _ := client(
		t,
		v,
		func(p *live.Policy) { p.Attempts, p.BreakerFailures, p.BreakerDelay = 1, 3, 100*time.Millisecond },
	)
	defer h.Close()
	for range 3 {
		a, err := h.Do(t.Context(), &read)
		require.NoError(t, err)
		require.Equal(t, 500, a.Status)
	}
	_, err := h.Do(t.Context(), &read)
	require.ErrorIs(t, err, live.ErrBreakerOpen)
	_, err = h.Do(t.Context(), &write)
	require.ErrorIs(t, err, live.ErrBreakerOpen)
	require.NotErrorIs(t, err, live.ErrUnknownOutcome, "it was certainly not sent")
	require.EqualValues(t, 3, v.asked.Load())
	a, err := h.Do(t.Context(), &cancel)
	require.NoError(t, err)
	require.Equal(t, 200, a.Status, "cancels pass")
	require.Eventually(t, func() bool {
		_, err := h.Do(t.Context(), &read)
		return err == nil
	}, 2*time.Second, 10*time.Millisecond)
}

// Requests are held back to the rate, cancels are not, and a context ends the wait.
func TestRates(t *testing.T) {
	v := &venue{}
	h, _ := client(t, v, func(p *live.Policy) { p.OrdersPerSecond = 20 })
	defer h.Close()
	began := time.Now()
	for range 24 {
		_, err := h.Do(t.Context(), &write)
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, time.Since(began), 150*time.Millisecond)
	began = time.Now()
	for range 20 {
		_, err := h.Do(t.Context(), &cancel)
		require.NoError(t, err)
	}
	require.Less(t, time.Since(began), 500*time.Millisecond)
	ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	asked := v.asked.Load()
	var err error
	for err == nil {
		_, err = h.Do(ctx, &write)
	}
	require.LessOrEqual(t, v.asked.Load(), asked+2)
}

// A request that would be too old when the limit lets it go is not sent, and is told of
// at once; nor is it repeated after the time that the venue asks for.
func TestRatesAndAge(t *testing.T) {
	v := &venue{}
	h, _ := client(t, v, func(p *live.Policy) { p.OrdersPerSecond = 1 })
	defer h.Close()
	order := write
	order.By = time.Now().Add(-time.Second)
	_, err := h.Do(t.Context(), &order)
	require.NoError(t, err, "nothing holds it back")
	began := time.Now()
	order.By = began.Add(100 * time.Millisecond)
	_, err = h.Do(t.Context(), &order)
	require.ErrorIs(t, err, live.ErrRateLimited)
	require.Less(t, time.Since(began), 90*time.Millisecond)
	require.EqualValues(t, 1, v.asked.Load())
	order.By = began.Add(time.Minute)
	_, err = h.Do(t.Context(), &order)
	require.NoError(t, err, "it waits")

	v = &venue{script: []func(http.ResponseWriter, *http.Request){status(http.StatusTooManyRequests, "2")}}
	h, _ = client(t, v, nil)
	defer h.Close()
	order.By = time.Now().Add(time.Second)
	a, err := h.Do(t.Context(), &order)
	require.NoError(t, err)
	require.Equal(t, http.StatusTooManyRequests, a.Status)
	_, err = h.Do(t.Context(), &order)
	require.ErrorIs(t, err, live.ErrRateLimited, "the venue asked for two seconds")
	require.EqualValues(t, 1, v.asked.Load())
}

func TestWhatIsSent(t *testing.T) {
	var got *http.Request
	var body []byte
	v := &venue{script: []func(http.ResponseWriter, *http.Request){func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("X-Ratelimit-Remaining", "7")
		_, _ = io.WriteString(w, "answer")
	}}}
	h, r := client(t, v, nil)
	defer h.Close()
	c := write
	c.Sign = func(h http.Header) { h.Set("api-key", "k") }
	a, err := h.Do(t.Context(), &c)
	require.NoError(t, err)
	require.Equal(t, "answer", string(a.Body))
	require.Equal(
		t,
		"POST /x k application/json {}",
		got.Method+" "+got.RequestURI+" "+got.Header.Get("api-key")+" "+got.Header.Get("Content-Type")+" "+string(body),
	)
	n, err := testutil.GatherAndCount(r)
	require.NoError(t, err)
	require.GreaterOrEqual(t, n, 6)
}

func TestPolicies(t *testing.T) {
	for _, edge := range []func(*live.Policy){
		func(p *live.Policy) { p.MaxBackoff = p.Backoff }, func(p *live.Policy) { p.MaxReconnect = p.Reconnect },
		func(p *live.Policy) { p.Attempts, p.Lookups, p.BreakerFailures, p.IdleConnections = 1, 1, 1, 1 },
		func(p *live.Policy) { p.RequestsPerMinute, p.OrdersPerSecond, p.OrderPatience = 0, 0, 0 },
		func(p *live.Policy) { p.Timeout, p.BreakerDelay, p.IdleTimeout, p.Ping, p.Pong = 1, 1, 1, 1, 1 },
		func(p *live.Policy) { p.Backoff, p.Reconnect = 1, 1 },
	} {
		p := live.DefaultPolicy()
		edge(&p)
		require.NoError(t, p.Validate())
	}
	for _, spoil := range []func(*live.Policy){
		func(p *live.Policy) { p.Backoff = 0 }, func(p *live.Policy) { p.BreakerDelay = 0 },
		func(p *live.Policy) { p.IdleTimeout = 0 },
		func(p *live.Policy) { p.Pong = 0 }, func(p *live.Policy) { p.Reconnect = 0 },
		func(p *live.Policy) { p.RequestsPerMinute = -1 },
		func(p *live.Policy) { p.OrderPatience = -1 }, func(p *live.Policy) { p.MaxBackoff = p.Backoff - 1 },
		func(p *live.Policy) { p.MaxReconnect = p.Reconnect - 1 },
		func(p *live.Policy) { p.Timeout = 0 }, func(p *live.Policy) { p.MaxBackoff = 0 }, func(p *live.Policy) { p.Attempts = 0 },
		func(p *live.Policy) { p.BreakerFailures = 0 }, func(p *live.Policy) { p.OrdersPerSecond = -1 }, func(p *live.Policy) { p.Ping = 0 },
		func(p *live.Policy) { p.MaxReconnect = 0 }, func(p *live.Policy) { p.IdleConnections = 0 }, func(p *live.Policy) { p.Lookups = 0 },
	} {
		p := live.DefaultPolicy()
		require.NoError(t, p.Validate())
		spoil(&p)
		require.Error(t, p.Validate())
	}
	require.NotErrorIs(t, live.ErrBreakerOpen, live.ErrUnknownOutcome)
}

// headers answers with headers, and a status.
func headers(code int, pairs ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for n := 0; n < len(pairs); n += 2 {
			w.Header().Set(pairs[n], pairs[n+1])
		}
		w.WriteHeader(code)
	}
}

// What the venue says is left of its limit holds requests back, also when our own
// count has more: another program may use the key.
func TestRatesFollowTheVenue(t *testing.T) {
	v := &venue{script: []func(http.ResponseWriter, *http.Request){
		headers(200, "x-ratelimit-limit", "600", "x-ratelimit-remaining", "1"),
		headers(200, "x-ratelimit-limit", "600", "x-ratelimit-remaining", "0"),
	}}
	h, r := client(t, v, func(p *live.Policy) { p.RequestsPerMinute = 1200 })
	defer h.Close()
	began := time.Now()
	for range 2 {
		_, err := h.Do(t.Context(), &read)
		require.NoError(t, err)
	}
	require.Less(t, time.Since(began), 60*time.Millisecond, "there was one left")
	_, err := h.Do(t.Context(), &read)
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), 80*time.Millisecond, "the venue grants ten a second")
	families, err := r.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "dunamis_rate_limit_remaining" {
			require.Zero(t, f.GetMetric()[0].GetGauge().GetValue())
			return
		}
	}
	require.Fail(t, "the headroom is not told")
}

// Other answers that say when to come again hold no other request back.
func TestOtherAnswersHoldNothingBack(t *testing.T) {
	for _, code := range []int{200, 403, 500, 503} {
		v := &venue{script: []func(http.ResponseWriter, *http.Request){headers(code, "Retry-After", "5")}}
		h, _ := client(t, v, func(p *live.Policy) { p.Attempts = 1 })
		t.Cleanup(h.Close)
		began := time.Now()
		a, err := h.Do(t.Context(), &read)
		require.NoError(t, err)
		require.Equal(t, code, a.Status)
		_, err = h.Do(t.Context(), &write)
		require.NoError(t, err)
		require.Less(t, time.Since(began), 4*time.Second, code)
	}
}

// A refusal for the rate holds every request back, not only the one that was refused;
// cancels pass.
func TestRefusalHoldsAllBack(t *testing.T) {
	v := &venue{script: []func(http.ResponseWriter, *http.Request){headers(429, "Retry-After", "0.3")}}
	h, _ := client(t, v, func(p *live.Policy) { p.Attempts = 1 })
	defer h.Close()
	began := time.Now()
	_, err := h.Do(t.Context(), &read)
	require.NoError(t, err)
	_, err = h.Do(t.Context(), &cancel)
	require.NoError(t, err)
	require.Less(t, time.Since(began), 200*time.Millisecond)
	_, err = h.Do(t.Context(), &write)
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), 300*time.Millisecond)
}

func TestRetryAfter(t *testing.T) {
	date := func(t time.Time) string { return t.UTC().Format(http.TimeFormat) }
	now := time.Now().Truncate(time.Second)
	for name, c := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"none":    {http.Header{}, 0},
		"seconds": {http.Header{"Retry-After": {"1.5"}}, 1500 * time.Millisecond},
		"an instant": {http.Header{"Retry-After": {date(now.Add(7 * time.Second))}, "Date": {date(now)}},
			7 * time.Second},
		"a reset": {http.Header{"X-Ratelimit-Reset": {strconv.FormatInt(now.Unix()+9, 10)},
			"Date": {date(now)}}, 9 * time.Second},
		"the past":               {http.Header{"Retry-After": {"-1"}}, 0},
		"for ever":               {http.Header{"Retry-After": {"1e9"}}, 0},
		"an hour":                {http.Header{"Retry-After": {"3600"}}, time.Hour},
		"longer":                 {http.Header{"Retry-After": {"3601"}}, 0},
		"the past of an instant": {http.Header{"Retry-After": {date(now)}, "Date": {date(now.Add(time.Second))}}, 0},
		"nonsense":               {http.Header{"Retry-After": {"soon"}}, 0},
		"no number":              {http.Header{"Retry-After": {"NaN"}}, 0},
	} {
		a := live.Answer{Status: http.StatusTooManyRequests, Header: c.header}
		require.Equal(t, c.want, a.RetryAfter(), name)
	}
	reset := http.Header{"X-Ratelimit-Reset": {strconv.FormatInt(now.Unix()+9, 10)}, "Date": {date(now)}}
	refused := live.Answer{Status: http.StatusOK, Header: reset}
	require.Zero(t, refused.RetryAfter(), "every answer tells when the limit begins anew")
}

// A body without a length is read to its end; one that ends before its length is no answer.
func TestBodies(t *testing.T) {
	v := &venue{script: []func(http.ResponseWriter, *http.Request){
		func(w http.ResponseWriter, _ *http.Request) {
			for _, part := range []string{"in ", "parts"} {
				_, _ = io.WriteString(w, part)
				_ = http.NewResponseController(w).Flush()
			}
		},
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "short")
		},
		func(http.ResponseWriter, *http.Request) {},
	}}
	h, _ := client(t, v, func(p *live.Policy) { p.Attempts = 1 })
	defer h.Close()
	a, err := h.Do(t.Context(), &read)
	require.NoError(t, err)
	require.Equal(t, "in parts", string(a.Body))
	_, err = h.Do(t.Context(), &read)
	require.ErrorIs(t, err, live.ErrUnknownOutcome)
	require.ErrorContains(t, err, "GET /x: ")
	require.ErrorContains(t, err, "read the answer")
	a, err = h.Do(t.Context(), &read)
	require.NoError(t, err)
	require.Empty(t, a.Body)
}

// A body of another type says so.
func TestTypes(t *testing.T) {
	var got []string
	note := func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Content-Type")+", "+r.Header.Get("Accept"))
	}
	h, _ := client(t, &venue{script: []func(http.ResponseWriter, *http.Request){note, note, note}}, nil)
	defer h.Close()
	form := write
	form.Type = "application/x-www-form-urlencoded"
	for _, c := range []*live.Call{&write, &form, &read} {
		_, err := h.Do(t.Context(), c)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"application/json, application/json", "application/x-www-form-urlencoded, application/json",
		", application/json"}, got)
}

// The limits and heartbeats of the venue, as its documentation has them.
func TestDefaultPolicy(t *testing.T) {
	require.Equal(t, live.Policy{
		Timeout:           7 * time.Second,
		Attempts:          4,
		Backoff:           time.Second / 4,
		MaxBackoff:        8 * time.Second,
		IdleConnections:   16,
		IdleTimeout:       75 * time.Second,
		Lookups:           3,
		BreakerFailures:   8,
		BreakerDelay:      5 * time.Second,
		RequestsPerMinute: 120,
		OrdersPerSecond:   10,
		OrderPatience:     time.Second,
		Ping:              5 * time.Second,
		Pong:              5 * time.Second,
		Reconnect:         time.Second / 2,
		MaxReconnect:      30 * time.Second,
		Behind:            5 * time.Second,
	}, live.DefaultPolicy())
}

// A histogram of times begins at half a millisecond, below any venue's answer, and each
// bucket is twice the one before.
func TestHistograms(t *testing.T) {
	r := prometheus.NewRegistry()
	m := live.NewMetrics(r, "test")
	m.Commands.WithLabelValues("place").Observe(0.001)
	families, err := r.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "dunamis_command_seconds" {
			buckets := f.GetMetric()[0].GetHistogram().GetBucket()
			require.Len(t, buckets, 18)
			for n, b := range buckets {
				require.InDelta(t, 0.0005*float64(int(1)<<n), b.GetUpperBound(), 1e-9)
			}
			return
		}
	}
	require.Fail(t, "the histogram is missing")
}

// The venue's clock is learnt from its answers; what may be rounding is taken for none.
func TestClock(t *testing.T) {
	for _, c := range []struct{ ahead, want time.Duration }{{0, 0}, {time.Second, 0}, {-90 * time.Second, -90 * time.Second}, {10 * time.Minute, 10 * time.Minute}} {
		v := &venue{
			script: []func(http.ResponseWriter, *http.Request){
				headers(200, "Date", time.Now().Add(c.ahead).UTC().Format(http.TimeFormat)),
			},
		}
		h, _ := client(t, v, nil)
		_, err := h.Do(t.Context(), &read)
		require.NoError(t, err)
		require.InDelta(t, c.want.Seconds(), time.Until(h.Now()).Seconds(), 1.1, "%s", c.ahead)
		h.Close()
	}
}

// An open breaker lets one request through after its delay, also when the one before
// gave up waiting for its turn.
func TestBreakerSurvivesAnAbandonedTurn(t *testing.T) {
	v := &venue{script: []func(http.ResponseWriter, *http.Request){status(500, "")}}
	h, _ := client(t, v, func(p *live.Policy) {
		p.Attempts, p.BreakerFailures, p.BreakerDelay, p.RequestsPerMinute = 1, 1, 10*time.Millisecond, 600
	})
	defer h.Close()
	_, err := h.Do(t.Context(), &read)
	require.NoError(t, err)
	time.Sleep(20 * time.Millisecond)
	gone, stop := context.WithCancel(t.Context())
	stop()
	_, err = h.Do(gone, &read)
	require.ErrorIs(t, err, context.Canceled)
	_, err = h.Do(t.Context(), &read)
	require.NoError(t, err)
}

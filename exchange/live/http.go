package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

// Call is a request to a venue.
type Call struct {
	Verb string
	Name string // of the path, for logs and metrics: without its query
	Path string // with its query, as it is signed and sent
	Body []byte
	Type string // of the body
	// Sign sets the headers that authenticate an attempt. May be nil.
	Sign func(h http.Header)

	Repeat  bool // may be sent again when its outcome is not known
	Order   bool // counts for the rate of orders
	Cancels bool // passes an open breaker, and waits for no rate limit
	// By is until when it may wait for a rate limit; zero: as long as it takes.
	By time.Time
	// Leaves, if set, is called when an attempt is sent, after every wait of ours.
	Leaves func(now time.Time)
}

// Answer is what the venue said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Errors of requests.
var (
	// ErrUnknownOutcome means that a request may or may not have reached the venue.
	ErrUnknownOutcome = errors.New("the outcome is not known")
	// ErrBreakerOpen means that it was not sent: too many before it have failed.
	ErrBreakerOpen = errors.New("not sent: the circuit breaker is open")
	// ErrRateLimited means that it was not sent: it would have waited too long for a
	// rate limit.
	ErrRateLimited = errors.New("not sent: it would wait too long for the rate limit")
	// ErrAnswerTooLarge means that the answer is longer than the client reads. The request has
	// reached the venue; it is not sent again, since its next answer would be as long.
	ErrAnswerTooLarge = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
)

// HTTP sends requests to one venue. Its methods may be called from any goroutine.
type HTTP struct {
	base    *url.URL
	via     http.RoundTripper
	policy  Policy
	log     *slog.Logger
	metrics *Metrics
	breaker circuitbreaker.CircuitBreaker[*Answer]
	repeats retrypolicy.RetryPolicy[*Answer]
	minute  *bucket
	second  *bucket
	hold    hold
	clock   *Clock
	failing atomic.Bool // the newest answered or failed request failed
	// Recovered, if set before the first request, is called when a request succeeds after one
	// that failed, from the goroutine of that request.
	Recovered func()
}

// maxAnswer is the greatest length of an answer, in bytes, after its compression is undone.
const maxAnswer = 64 << 20

// NewHTTP returns a client of the venue at a base URL. The round tripper may be nil; one
// that is given must heed the contexts of requests.
func NewHTTP(base *url.URL, rt http.RoundTripper, p Policy, log *slog.Logger, m *Metrics) *HTTP {
	if rt == nil {
		t := http.DefaultTransport.(*http.Transport).Clone() //nolint:errcheck,forcetypeassert // it is one
		t.MaxIdleConnsPerHost, t.IdleConnTimeout = p.IdleConnections, p.IdleTimeout
		rt = t
	}
	h := &HTTP{base: base, via: rt, policy: p, log: log, metrics: m,
		minute: newBucket("1m", "x-ratelimit-limit", "x-ratelimit-remaining", time.Minute, p.RequestsPerMinute),
		second: newBucket("1s", "", "x-ratelimit-remaining-1s", time.Second, p.OrdersPerSecond), clock: NewClock(log, m)}
	h.breaker = circuitbreaker.NewBuilder[*Answer]().WithFailureThreshold(p.BreakerFailures).WithDelay(p.BreakerDelay).
		OnStateChanged(func(e circuitbreaker.StateChangedEvent) {
			open := 0.0
			if e.NewState == circuitbreaker.OpenState {
				open = 1
			}
			m.breaker.Set(open)
			log.Warn("circuit breaker", "from", e.OldState.String(), "to", e.NewState.String())
		}).Build()
	h.repeats = retrypolicy.NewBuilder[*Answer]().WithMaxAttempts(p.Attempts).HandleIf(again).WithDelayFunc(h.delay).
		OnRetry(func(failsafe.ExecutionEvent[*Answer]) { m.repeats.Inc() }).ReturnLastFailure().Build()
	return h
}

// Now is the venue's clock, as far as its answers tell.
func (h *HTTP) Now() time.Time { return h.clock.now() }

// Observe learns the venue's clock from an answer that came another way, such as the
// upgrade of a socket.
func (h *HTTP) Observe(header http.Header, sent, received time.Time) {
	h.clock.Observe(header, sent, received)
}

// again reports whether a request that may be repeated should be.
func again(a *Answer, err error) bool {
	if err != nil {
		return errors.Is(err, ErrUnknownOutcome) && !errors.Is(err, ErrAnswerTooLarge)
	}
	return a.Status == http.StatusTooManyRequests || a.Status >= 500
}

// delay is what the venue asks for, else a backoff with full jitter.
func (h *HTTP) delay(exec failsafe.ExecutionAttempt[*Answer]) time.Duration {
	if a := exec.LastResult(); a != nil {
		if wait := a.RetryAfter(); wait > 0 {
			return wait
		}
	}
	most := min(h.policy.MaxBackoff, h.policy.Backoff<<min(20, max(0, exec.Attempts()-1)))
	return time.Duration(rand.Int64N(int64(most))) + 1
}

// RetryAfter is how long the venue asks to wait; 0: it does not say. Where it gives an
// instant, the Date header is its now.
func (a *Answer) RetryAfter() time.Duration {
	text := a.Header.Get("Retry-After")
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		return sane(time.Duration(s * float64(time.Second)))
	}
	now, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	if at, err := http.ParseTime(text); err == nil {
		return sane(at.Sub(now))
	}
	if at, err := strconv.ParseInt(a.Header.Get("x-ratelimit-reset"), 10, 64); err == nil && a.Status == http.StatusTooManyRequests {
		return sane(time.Unix(at, 0).Sub(now))
	}
	return 0
}

// sane drops a wait that cannot be meant.
func sane(d time.Duration) time.Duration {
	if d <= 0 || d > time.Hour {
		return 0
	}
	return d
}

// Do sends a request and returns the venue's answer, whatever its status. A request
// that may not be repeated is sent again only after the venue has refused it for its
// rate, and did nothing. Errors wrap [ErrUnknownOutcome], [ErrBreakerOpen],
// [ErrRateLimited] or the context's.
func (h *HTTP) Do(ctx context.Context, c *Call) (*Answer, error) {
	first, err := h.attempt(ctx, c)
	if !c.repeats(first, err) {
		return first, err
	}
	firstErr, took := err, false
	once := func(exec failsafe.Execution[*Answer]) (*Answer, error) { //nolint:contextcheck // it is the one of the execution
		if !took {
			took = true
			return first, firstErr
		}
		a, err := h.attempt(exec.Context(), c)
		if again(a, err) && !c.repeats(a, err) {
			return nil, &final{a, err}
		}
		return a, err
	}
	a, err := failsafe.With[*Answer](h.repeats).WithContext(ctx).GetWithExecution(once)
	var f *final
	if errors.As(err, &f) {
		return f.answer, f.err
	}
	return a, err
}

// repeats reports whether a call may be sent again after an outcome.
func (c *Call) repeats(a *Answer, err error) bool {
	if !again(a, err) {
		return false
	}
	if err == nil && a.Status == http.StatusTooManyRequests {
		return c.By.IsZero() || time.Now().Add(a.RetryAfter()).Before(c.By)
	}
	return c.Repeat
}

// final carries an outcome past the repeats.
type final struct {
	answer *Answer
	err    error
}

func (f *final) Error() string { return "final" }

func (h *HTTP) attempt(ctx context.Context, c *Call) (*Answer, error) {
	if !c.Cancels {
		if err := h.wait(ctx, c); err != nil {
			return nil, fmt.Errorf("%s %s: %w", c.Verb, c.Name, err)
		}
		if !h.breaker.TryAcquirePermit() {
			return nil, fmt.Errorf("%s %s: %w", c.Verb, c.Name, ErrBreakerOpen)
		}
	}
	began := time.Now()
	if c.Leaves != nil {
		c.Leaves(began)
	}
	a, err := h.send(ctx, c)
	took := time.Since(began)
	status := 0
	if a != nil {
		status = a.Status
		h.heed(a, began, began.Add(took))
	}
	h.metrics.answered(c, strconv.Itoa(status), took)
	if err != nil || status >= 500 {
		h.failing.Store(true)
		h.breaker.RecordFailure()
		h.log.Warn("request failed", "verb", c.Verb, "path", c.Name, "status", status, "latency", took, "error", err)
	} else {
		h.breaker.RecordSuccess()
		if h.failing.Load() && h.failing.Swap(false) && h.Recovered != nil {
			h.Recovered()
		}
		if !h.log.Enabled(ctx, slog.LevelDebug) {
			return a, nil
		}
		h.log.Debug("request", "verb", c.Verb, "path", c.Name, "status", status, "latency", took)
	}
	return a, err
}

// heed takes in what an answer says besides its body.
func (h *HTTP) heed(a *Answer, sent, received time.Time) {
	h.clock.Observe(a.Header, sent, received)
	h.minute.heed(a.Header, h.metrics, received)
	h.second.heed(a.Header, h.metrics, received)
	if a.Status != http.StatusTooManyRequests {
		return
	}
	if wait := a.RetryAfter(); wait > 0 {
		h.hold.extend(received.Add(wait))
	}
}

// wait holds a request back until the venue will take it.
func (h *HTTP) wait(ctx context.Context, c *Call) error {
	if err := h.hold.wait(ctx, c.By); err != nil {
		return err
	}
	if c.Order {
		if err := h.second.wait(ctx, c.By); err != nil {
			return err
		}
	}
	return h.minute.wait(ctx, c.By)
}

// What every request says; nobody changes these.
var (
	accepts = []string{"application/json"}
	types   = map[string][]string{"application/json": accepts}
)

// request makes a request whose target is the bytes that are signed.
func (h *HTTP) request(ctx context.Context, c *Call) *http.Request {
	path, query, _ := strings.Cut(c.Path, "?")
	target := *h.base
	target.Path, target.RawQuery = h.base.Path+path, query
	r := (&http.Request{Method: c.Verb, URL: &target, Host: target.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header, 6), ContentLength: int64(len(c.Body))}).WithContext(ctx)
	r.Header["Accept"] = accepts
	if len(c.Body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(c.Body))
		// A kept connection that the venue had closed: nothing was sent, so it may be again.
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c.Body)), nil }
		if r.Header["Content-Type"] = types[c.Type]; r.Header["Content-Type"] == nil {
			r.Header.Set("Content-Type", c.Type)
		}
	}
	if c.Sign != nil {
		c.Sign(r.Header)
	}
	return r
}

func (h *HTTP) send(ctx context.Context, c *Call) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, h.policy.Timeout)
	defer cancel()
	resp, err := h.via.RoundTrip(h.request(ctx, c))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %w", c.Verb, c.Name, ErrUnknownOutcome, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	body, err := readBody(resp)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: read the answer: %w", c.Verb, c.Name, ErrUnknownOutcome, err)
	}
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// readBody reads a body, whose length most answers tell.
func readBody(resp *http.Response) ([]byte, error) {
	n := resp.ContentLength
	if n > maxAnswer {
		return nil, ErrAnswerTooLarge
	}
	if n > 0 {
		body := make([]byte, n)
		_, err := io.ReadFull(resp.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		return nil, ErrAnswerTooLarge
	}
	return body, err
}

// Close lets go of idle connections.
func (h *HTTP) Close() {
	if t, ok := h.via.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

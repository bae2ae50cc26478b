package live

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// bucket is a token bucket ahead of one of the venue's. What the venue says of its own
// is believed when it is less: another program may use the same key, and a proxy in
// between may lower the limit.
type bucket struct {
	window string // in metrics
	limit  string // header that says how much the venue grants, if one does
	left   string // header that says how much of it is left
	per    time.Duration
	most   int
	tokens *rate.Limiter
}

func newBucket(window, limit, left string, per time.Duration, n int) *bucket {
	b := &bucket{window: window, limit: http.CanonicalHeaderKey(limit), left: http.CanonicalHeaderKey(left), per: per, most: n, tokens: rate.NewLimiter(rate.Inf, 0)}
	if n > 0 {
		b.tokens = rate.NewLimiter(rate.Limit(float64(n)/per.Seconds()), n)
	}
	return b
}

// heed takes in what an answer says of the venue's bucket.
func (b *bucket) heed(h http.Header, m *Metrics, now time.Time) {
	text := h.Get(b.left)
	if text == "" {
		return
	}
	left, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return
	}
	m.headroom.WithLabelValues(b.window).Set(left)
	if b.most == 0 {
		return
	}
	if grants, err := strconv.Atoi(h.Get(b.limit)); err == nil && grants > 0 {
		if n := min(grants, b.most); n != b.tokens.Burst() {
			b.tokens.SetBurstAt(now, n)
			b.tokens.SetLimitAt(now, rate.Limit(float64(n)/b.per.Seconds()))
		}
	}
	if extra := int(b.tokens.TokensAt(now) - max(0, left)); extra > 0 {
		b.tokens.AllowN(now, min(extra, b.tokens.Burst()))
	}
}

// wait takes a token, and fails at once if there is none in time.
func (b *bucket) wait(ctx context.Context, by time.Time) error {
	if by.IsZero() {
		return b.tokens.Wait(ctx)
	}
	now := time.Now()
	r := b.tokens.ReserveN(now, 1)
	delay := r.DelayFrom(now)
	if delay == 0 {
		return nil
	}
	if now.Add(delay).After(by) {
		r.CancelAt(now)
		return ErrRateLimited
	}
	select {
	case <-time.After(delay):
		return nil
	case <-ctx.Done():
		r.Cancel()
		return ctx.Err()
	}
}

// hold keeps requests back until the venue takes some again.
type hold struct {
	mu    sync.Mutex
	until time.Time
}

func (d *hold) extend(until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if until.After(d.until) {
		d.until = until
	}
}

func (d *hold) wait(ctx context.Context, by time.Time) error {
	for {
		d.mu.Lock()
		until := d.until
		d.mu.Unlock()
		left := time.Until(until)
		switch {
		case left <= 0:
			return nil
		case !by.IsZero() && until.After(by):
			return ErrRateLimited
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

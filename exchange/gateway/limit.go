package gateway

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiters hold the venue's token buckets: requests by account or, without a key, by
// address, and a second one for orders.
type limiters struct {
	perMinute int
	perSecond int
	mu        *sync.Mutex
	buckets   map[string]*rate.Limiter
}

func newLimiters(perMinute, perSecond int) limiters {
	return limiters{perMinute: perMinute, perSecond: perSecond, mu: new(sync.Mutex), buckets: map[string]*rate.Limiter{}}
}

func (l *limiters) bucket(name string, per time.Duration, n int) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[name]
	if b == nil {
		if len(l.buckets) > 10_000 {
			clear(l.buckets) // strangers' addresses must not fill the memory
		}
		b = rate.NewLimiter(rate.Limit(float64(n)/per.Seconds()), n)
		l.buckets[name] = b
	}
	return b
}

// take takes a token for a request, sets the venue's headers and returns how long to
// wait if there is none. A cancellation is counted and never refused.
func (l *limiters) take(h http.Header, who string, known, order, cancels bool, now time.Time) (wait time.Duration) {
	if l.perMinute > 0 {
		n := l.perMinute
		if !known {
			n = max(1, n/4)
		}
		b := l.bucket(who, time.Minute, n)
		wait = takeToken(b, now, cancels)
		left := max(0, int(b.TokensAt(now)))
		h.Set("x-ratelimit-limit", strconv.Itoa(n))
		h.Set("x-ratelimit-remaining", strconv.Itoa(left))
		h.Set("x-ratelimit-reset", strconv.FormatInt(now.Unix()+int64(math.Ceil(float64(n-left)/float64(n)*60)), 10))
	}
	if l.perSecond > 0 && order {
		b := l.bucket("1s "+who, time.Second, l.perSecond)
		wait = max(wait, takeToken(b, now, cancels))
		h.Set("x-ratelimit-remaining-1s", strconv.Itoa(max(0, int(b.TokensAt(now)))))
	}
	return wait
}

func takeToken(b *rate.Limiter, now time.Time, force bool) time.Duration {
	if b.AllowN(now, 1) || force {
		return 0
	}
	return time.Duration((1 - b.TokensAt(now)) / float64(b.Limit()) * float64(time.Second))
}

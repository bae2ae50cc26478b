package gateway

import (
	"maps"
	"math"
	"net/http"
	"strconv"
	"strings"
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

// topicsPerRequest is how many subscriptions a request of the rate limit is worth: a
// client subscribes to several topics of each symbol, and again after each interruption.
const topicsPerRequest = 10

// maxBuckets is how many buckets are kept; those that are full are dropped first.
const maxBuckets = 10_000

func accountPayer(account int64) string { return "key " + strconv.FormatInt(account, 10) }
func addressPayer(origin string) string { return "address " + origin }
func (l *limiters) of(known bool) int {
	if known {
		return l.perMinute
	}
	return max(1, l.perMinute/4)
}

func (l *limiters) bucket(name string, per time.Duration, n int, now time.Time) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[name]
	if b == nil {
		if len(l.buckets) >= maxBuckets {
			l.forget(now)
		}
		b = rate.NewLimiter(rate.Limit(float64(n)/per.Seconds()), n)
		l.buckets[name] = b
	}
	return b
}

// forget drops the buckets that are full, which are like new ones, and those of addresses
// if there are still too many: strangers must not fill the memory.
func (l *limiters) forget(now time.Time) {
	maps.DeleteFunc(l.buckets, func(_ string, b *rate.Limiter) bool { return b.TokensAt(now) >= float64(b.Burst()) })
	if len(l.buckets) >= maxBuckets {
		maps.DeleteFunc(l.buckets, func(name string, _ *rate.Limiter) bool { return strings.Contains(name, "address ") })
	}
}

// take takes a token for a request, sets the venue's headers and returns how long to
// wait if there is none. A cancellation is counted and never refused.
func (l *limiters) take(h http.Header, who string, known, order, cancels bool, now time.Time) (wait time.Duration) {
	if l.perMinute > 0 {
		wait = takeToken(l.bucket(who, time.Minute, l.of(known), now), now, cancels)
	}
	if l.perSecond > 0 && order {
		wait = max(wait, takeToken(l.bucket("1s "+who, time.Second, l.perSecond, now), now, cancels))
	}
	l.show(h, who, known, order, now)
	return wait
}

// charge takes the tokens of n more orders that came in a request which was let in. They
// may be more than there are: who has a debt waits until it is paid.
func (l *limiters) charge(h http.Header, who string, n int, now time.Time) {
	if l.perMinute > 0 {
		owe(l.bucket(who, time.Minute, l.perMinute, now), n, now)
	}
	if l.perSecond > 0 {
		owe(l.bucket("1s "+who, time.Second, l.perSecond, now), n, now)
	}
	l.show(h, who, true, true, now)
}

// owe takes tokens that may not be there yet.
func owe(b *rate.Limiter, n int, now time.Time) {
	for n > 0 {
		part := min(n, b.Burst())
		b.ReserveN(now, part)
		n -= part
	}
}

// show sets the venue's headers.
func (l *limiters) show(h http.Header, who string, known, order bool, now time.Time) {
	if l.perMinute > 0 {
		n := l.of(known)
		left := int(math.Floor(l.bucket(who, time.Minute, n, now).TokensAt(now)))
		h.Set("x-ratelimit-limit", strconv.Itoa(n))
		h.Set("x-ratelimit-remaining", strconv.Itoa(max(0, left)))
		h.Set("x-ratelimit-reset", strconv.FormatInt(now.Unix()+int64(math.Ceil(float64(n-left)/float64(n)*60)), 10))
	}
	if l.perSecond > 0 && order {
		left := int(math.Floor(l.bucket("1s "+who, time.Second, l.perSecond, now).TokensAt(now)))
		h.Set("x-ratelimit-remaining-1s", strconv.Itoa(max(0, left)))
	}
}

// subscribe takes the token of a subscription and returns how long to wait if there is none.
func (l *limiters) subscribe(who string, known bool, now time.Time) (wait time.Duration) {
	if l.perMinute == 0 {
		return 0
	}
	return takeToken(l.topics(who, known, now), now, false)
}

// subscriptions is how many may be made at once.
func (l *limiters) subscriptions(who string, known bool, now time.Time) int {
	if l.perMinute == 0 {
		return 40 // as the venue says
	}
	return max(0, int(l.topics(who, known, now).TokensAt(now)))
}

func (l *limiters) topics(who string, known bool, now time.Time) *rate.Limiter {
	return l.bucket("topics "+who, time.Minute, topicsPerRequest*l.of(known), now)
}

func takeToken(b *rate.Limiter, now time.Time, force bool) time.Duration {
	if b.AllowN(now, 1) || force {
		return 0
	}
	return time.Duration((1 - b.TokensAt(now)) / float64(b.Limit()) * float64(time.Second))
}

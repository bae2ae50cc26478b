package gateway

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A limit lets as many requests through as it has tokens, says when the next one may come,
// and is filled again by the clock: a little after a little while, all after a minute.
func TestLimitsAreFilledAgain(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for name, c := range map[string]struct {
		perMinute int
		known     bool
		burst     int
		next      time.Duration // until the next token
	}{
		"a key":                     {60, true, 60, time.Second},
		"a stranger":                {60, false, 15, 4 * time.Second},
		"a stranger, and few":       {3, false, 1, time.Minute},
		"a key, one a minute":       {1, true, 1, time.Minute},
		"a key, two a second":       {120, true, 120, time.Second / 2},
		"a stranger, half a second": {480, false, 120, time.Second / 2},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLimiters(c.perMinute, 0)
			h := http.Header{}
			at := now
			for n := range c.burst {
				require.Zero(t, l.take(h, "who", c.known, true, false, at), n)
				require.Equal(t, fmt.Sprint(c.burst-n-1), h.Get("x-ratelimit-remaining"))
			}
			require.Equal(t, fmt.Sprint(c.burst), h.Get("x-ratelimit-limit"))
			require.Equal(t, fmt.Sprint(at.Unix()+60), h.Get("x-ratelimit-reset"), "all of it is there in a minute")
			require.Empty(t, h.Get("x-ratelimit-remaining-1s"), "there is no such limit")
			require.InDelta(t, c.next, l.take(h, "who", c.known, false, false, at), float64(time.Millisecond))
			require.Zero(t, l.take(h, "else", c.known, false, false, at), "another has a limit of its own")
			at = at.Add(c.next / 2)
			require.InDelta(t, c.next/2, l.take(h, "who", c.known, false, false, at), float64(time.Millisecond))
			at = at.Add(c.next/2 + time.Millisecond)
			require.Zero(t, l.take(h, "who", c.known, false, false, at))
			require.NotZero(t, l.take(h, "who", c.known, false, false, at))
			at = at.Add(time.Minute)
			for n := range c.burst {
				require.Zero(t, l.take(h, "who", c.known, false, false, at), n)
			}
			require.NotZero(t, l.take(h, "who", c.known, false, false, at))
		})
	}
}

// Orders have a limit a second beside it; cancellations are counted, and never refused.
func TestLimitOfOrders(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	l := newLimiters(600, 10)
	h := http.Header{}
	for n := range 10 {
		require.Zero(t, l.take(h, "who", true, true, false, now))
		require.Equal(t, fmt.Sprint(9-n), h.Get("x-ratelimit-remaining-1s"))
	}
	require.Equal(t, 100*time.Millisecond, l.take(h, "who", true, true, false, now).Round(time.Millisecond))
	h = http.Header{}
	require.Zero(t, l.take(h, "who", true, false, false, now), "what is no order passes")
	require.Empty(t, h.Get("x-ratelimit-remaining-1s"))
	require.Zero(t, l.take(h, "who", true, true, true, now), "a cancellation passes")
	require.Equal(t, "0", h.Get("x-ratelimit-remaining-1s"))
	require.Equal(t, "587", h.Get("x-ratelimit-remaining"), "and is counted, as is what was refused")

	// More orders in one request are a debt, which is paid in time.
	at := now.Add(time.Hour)
	require.Zero(t, l.take(h, "who", true, true, false, at))
	l.charge(h, "who", 24, at)
	require.Equal(t, "0", h.Get("x-ratelimit-remaining-1s"))
	require.Equal(t, "575", h.Get("x-ratelimit-remaining"))
	require.Equal(t, 1600*time.Millisecond, l.take(h, "who", true, true, false, at).Round(time.Millisecond))
	require.NotZero(t, l.take(h, "who", true, true, false, at.Add(1500*time.Millisecond)))
	require.Zero(t, l.take(h, "who", true, true, false, at.Add(1700*time.Millisecond)))

	none := newLimiters(0, 0)
	h = http.Header{}
	for range 1000 {
		require.Zero(t, none.take(h, "who", true, true, false, now))
		require.Zero(t, none.subscribe("who", true, now))
		none.charge(h, "who", 5, now)
	}
	require.Empty(t, h)
	require.Equal(t, 40, none.subscriptions("who", true, now))
}

// A subscription costs a tenth of a request.
func TestLimitOfSubscriptions(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	l := newLimiters(12, 0)
	for n := range 120 {
		require.Equal(t, 120-n, l.subscriptions("who", true, now))
		require.Zero(t, l.subscribe("who", true, now))
	}
	require.Zero(t, l.subscriptions("who", true, now))
	require.Equal(t, 500*time.Millisecond, l.subscribe("who", true, now).Round(time.Millisecond))
	require.Equal(t, 1, l.subscriptions("who", true, now.Add(600*time.Millisecond)))
	require.Equal(t, 30, l.subscriptions("stranger", false, now))
	require.Zero(t, l.take(http.Header{}, "who", true, false, false, now), "requests have a limit of their own")
}

// Strangers do not fill the memory, and do not make the limits of keys forgotten.
func TestLimitsAreForgotten(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	l := newLimiters(60, 0)
	h := http.Header{}
	key := accountPayer(7)
	for range 60 {
		require.Zero(t, l.take(h, key, true, false, false, now))
	}
	for n := range maxBuckets - 1 {
		l.take(h, addressPayer(fmt.Sprint("10.0.", n)), false, false, false, now)
	}
	require.Len(t, l.buckets, maxBuckets)
	l.take(h, addressPayer("10.0.0"), false, false, false, now)
	require.Len(t, l.buckets, maxBuckets, "a known address evicts no other")
	l.take(h, addressPayer("another"), false, false, false, now)
	require.Len(t, l.buckets, 2, "without a full bucket the oldest are evicted")
	require.NotZero(t, l.take(h, key, true, false, false, now), "a key is not")
	for n := range maxBuckets - 2 {
		l.take(h, addressPayer(fmt.Sprint("10.1.", n)), false, false, false, now)
	}
	later := now.Add(30 * time.Second)
	l.take(h, addressPayer("one more"), false, false, false, later)
	require.Len(t, l.buckets, 2, "a full bucket equals a new one and is evicted")
	require.Contains(t, l.buckets, key)
}

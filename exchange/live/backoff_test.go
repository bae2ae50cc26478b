package live

import (
	"log/slog"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/stretchr/testify/require"
)

// attempted is a request that was sent so many times.
type attempted struct {
	failsafe.ExecutionAttempt[*Answer]
	times  int
	answer *Answer
}

func (a *attempted) Attempts() int       { return a.times }
func (a *attempted) LastResult() *Answer { return a.answer }

// A backoff is drawn from a range that doubles up to the longest, is never zero, and is what
// the venue asks for if it does.
func TestBackoff(t *testing.T) {
	const first, most = 100 * time.Millisecond, 3 * time.Second
	h := &HTTP{policy: Policy{Backoff: first, MaxBackoff: most}, log: slog.New(slog.DiscardHandler)}
	for times, want := range map[int]time.Duration{0: first,
		1: first, 2: 2 * first, 3: 4 * first, 5: 16 * first, 6: most, 7: most, 1000: most} {
		longest, shortest := time.Duration(0), time.Duration(math.MaxInt64)
		for range 400 {
			d := h.delay(&attempted{times: times})
			longest, shortest = max(longest, d), min(shortest, d)
		}
		require.LessOrEqual(t, longest, want, "%d", times)
		require.Greater(t, longest, want*9/10, "%d", times)
		require.Positive(t, shortest)
		require.Less(t, shortest, want/10, "full jitter")
	}
	asked := &Answer{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"7"}}}
	require.Equal(t, 7*time.Second, h.delay(&attempted{times: 1, answer: asked}))
	require.LessOrEqual(t, h.delay(&attempted{times: 1, answer: &Answer{Header: http.Header{}}}), first)
}

// What the venue says of its bucket is believed when it is less than ours has, and not when
// it is nonsense.
func TestBucketFollowsHeaders(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for name, c := range map[string]struct {
		limit, left string
		burst       int
		tokens      float64
	}{
		"nothing":            {"", "", 60, 60},
		"no number":          {"600", "many", 60, 60},
		"less left":          {"60", "10", 60, 10},
		"none left":          {"60", "0", 60, 0},
		"less than none":     {"60", "-3", 60, 0},
		"as much":            {"60", "60", 60, 60},
		"more than we take":  {"600", "500", 60, 60},
		"a lower limit":      {"30", "20", 30, 20},
		"a limit of nothing": {"0", "50", 60, 50},
		"a limit below it":   {"-5", "50", 60, 50},
		"no limit":           {"", "50", 60, 50},
		"half a token":       {"60", "59.5", 60, 60},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBucket("1m", "x-limit", "x-left", time.Minute, 60)
			header := http.Header{}
			if c.limit != "" {
				header.Set("x-limit", c.limit)
			}
			if c.left != "" {
				header.Set("x-left", c.left)
			}
			b.tokens.AllowN(now, 0)
			b.heed(header, NewMetrics(nil, "test"), now)
			require.Equal(t, c.burst, b.tokens.Burst())
			require.InDelta(t, c.tokens, b.tokens.TokensAt(now), 1e-6)
			require.InDelta(t, float64(c.burst)/60, float64(b.tokens.Limit()), 1e-9, "a second")
		})
	}
	free := newBucket("1m", "x-limit", "x-left", time.Minute, 0)
	free.heed(http.Header{"X-Left": {"0"}, "X-Limit": {"1"}}, NewMetrics(nil, "test"), now)
	for range 1000 {
		require.NoError(t, free.wait(t.Context(), now), "without a limit of ours nothing waits")
	}
}

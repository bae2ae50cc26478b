package cli

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/session"
)

// A memory is found where there is one, to a factor of two, and not where there is none.
func TestFitOfMemory(t *testing.T) {
	for _, want := range []time.Duration{0, 50 * time.Millisecond, 2 * time.Second, time.Minute} {
		for seed := range uint64(5) {
			random := rand.New(rand.NewPCG(seed, 1))
			var l legs
			z, at := 0.0, exchange.Time(1e18)
			for range 400 {
				gap := time.Duration(random.ExpFloat64() * float64(want+time.Millisecond) / 2)
				at = at.Add(gap)
				alike := 0.0
				if want > 0 {
					alike = math.Exp(-gap.Seconds() / want.Seconds())
				}
				z = alike*z + math.Sqrt(1-alike*alike)*random.NormFloat64()
				l.add(at, at.Add(time.Duration(5e6*math.Exp(0.4*z))))
			}
			got := l.memory()
			if want == 0 {
				require.Zero(t, got, "seed %d", seed)
				require.Regexp(t, `^lognormal:[0-9.]+ms:0\.[0-9]+$`, l.logNormal())
				continue
			}
			require.GreaterOrEqual(t, got, want/2, "seed %d", seed)
			require.LessOrEqual(t, got, want*2, "seed %d", seed)
			m, err := sim.ParseLatency(l.logNormal())
			require.NoError(t, err)
			fitted, ok := m.(sim.LogNormalLatency)
			require.True(t, ok)
			require.Equal(t, got, fitted.Memory)
		}
	}
}

// Orders that are sent together are not quite alike.
func TestFitOfMemoryBearsNoise(t *testing.T) {
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 2))
		var l legs
		weather, at := 0.0, exchange.Time(1e18)
		for range 200 {
			gap := random.ExpFloat64()
			at = at.Add(time.Duration(gap * 1e9))
			alike := math.Exp(-gap / 10)
			weather = alike*weather + math.Sqrt(1-alike*alike)*random.NormFloat64()
			for range 2 {
				z := math.Sqrt(0.8)*weather + math.Sqrt(0.2)*random.NormFloat64()
				l.add(at, at.Add(time.Duration(5e6*math.Exp(0.4*z))))
			}
		}
		got := l.memory()
		require.Positive(t, got, "seed %d", seed)
		require.Less(t, got, 20*time.Second)
	}
}

func TestNormalScores(t *testing.T) {
	z := normalScores([]float64{5, 1, 3, 3})
	require.InDelta(t, 1.1503, z[0], 1e-4, "the quantile of 7/8")
	require.InDelta(t, -1.1503, z[1], 1e-4)
	require.InDelta(t, 0, z[2], 1e-9, "the second and the third share theirs")
	require.InDelta(t, z[2], z[3], 0)
	require.Zero(t, (&legs{}).memory())
	require.Equal(t, "lognormal:2ms:0", (&legs{at: []exchange.Time{1, 2, 3}, took: []float64{0.002, 0.002, 0.002}}).logNormal())
}

// The search finds a curve that is on its way, and tries none twice.
func TestFitOfCancels(t *testing.T) {
	for _, want := range [][]float64{{0.25, 0.5, 0.75}, {0, 0.1875, 0.5}, {0.5, 1, 1}, {0.0625, 0.0625, 0.9375}} {
		seen := map[string]bool{}
		try := func(q sim.QueueModel) (queueScore, error) {
			m, ok := q.(sim.MeasuredCancels)
			require.True(t, ok)
			require.True(t, slices.IsSorted(m.Ahead))
			require.False(t, seen[q.String()], "%s again", q)
			seen[q.String()] = true
			s := queueScore{Queue: q.String()}
			for i := range want {
				s.Miss += math.Abs(m.Ahead[i] - want[i])
			}
			return s, nil
		}
		flat, err := try(curveModel(flatCurve))
		require.NoError(t, err)
		best, err := curveOf(flat, try)
		require.NoError(t, err)
		require.Equal(t, sim.MeasuredCancels{Ahead: want}.String(), best.Queue)
		require.Zero(t, best.Miss)
		require.Less(t, len(seen), 100)
		_, err = sim.ParseQueue(best.Queue)
		require.NoError(t, err)
	}
}

// Too few orders would be learned by heart, and the many simulations are spared.
func TestFitOfCancelsWantsOrders(t *testing.T) {
	c := &calibration{}
	tries := 0
	try := func(q sim.QueueModel) (queueScore, error) {
		tries++
		c.Resting = 99
		return queueScore{Queue: q.String()}, nil
	}
	_, err := new(App).scoreQueue(c, "cancels", try)
	require.ErrorContains(t, err, "--queue cancels: 99 orders rested, want at least 100")
	require.Equal(t, 1, tries)
	s, err := new(App).scoreQueue(c, "front", try)
	require.NoError(t, err)
	require.Equal(t, "front", s.Queue)
	_, err = new(App).scoreQueue(c, "fifo", try)
	require.ErrorContains(t, err, "--queue: ")
}

// The wait of the client for its own rate limit is no latency of the way to the venue.
func TestLatencyWithoutOurOwnWait(t *testing.T) {
	var list []session.Fate
	for n := range 100 {
		sent := exchange.Time(1e18).Add(time.Duration(n) * time.Second)
		left := sent
		if n%2 == 1 {
			left = sent.Add(900 * time.Millisecond)
		}
		list = append(list, session.Fate{Sent: sent, Left: left,
			Venue: session.Outcome{Status: "New", Told: left.Add(3 * time.Millisecond), Heard: left.Add(6 * time.Millisecond)}})
	}
	slices.Reverse(list) // newest first
	c := new(calibration)
	trips, err := c.trips(list, func(f *session.Fate) exchange.Time { return cmp.Or(f.Left, f.Sent) })
	require.NoError(t, err)
	require.NoError(t, c.fitLatency(trips, new(calibrateFlags)))
	require.Equal(t, "lognormal:3ms:0", c.Latency)
	require.Equal(t, "lognormal:3ms:0", c.Reports)
	require.InDelta(t, 0.003, c.There.P99, 1e-9)
	require.True(t, slices.IsSortedFunc(trips, func(a, b sim.RoundTrip) int { return cmp.Compare(a.Request, b.Request) }))
}

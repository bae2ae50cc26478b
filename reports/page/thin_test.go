package page

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Whatever the series, what is drawn begins and ends where it does, reaches its
// extremes, and goes forward in time.
func TestThinnerKeepsExtremes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 500).Draw(rt, "samples")
		var all []point
		at := exchange.Time(1e18)
		for range n {
			all = append(all, point{at, float64(rapid.IntRange(-1000, 1000).Draw(rt, "value"))})
			at += exchange.Time(rapid.Int64Range(1, 1e12).Draw(rt, "wait"))
		}
		spans := rapid.IntRange(1, 40).Draw(rt, "spans")
		th := newThinner(all[0].at, all[n-1].at, spans)
		low, high := all[0], all[0]
		known := make(map[point]bool)
		for _, p := range all {
			th.add(p.at, p.v)
			known[p] = true
			if p.v < low.v {
				low = p
			}
			if p.v > high.v {
				high = p
			}
		}
		out := th.points()
		require.LessOrEqual(rt, len(out), 4*spans)
		require.Equal(rt, all[0], out[0])
		require.Equal(rt, all[n-1], out[len(out)-1])
		require.Contains(rt, out, low)
		require.Contains(rt, out, high)
		for i, p := range out {
			require.True(rt, known[p])
			if i > 0 {
				require.Less(rt, out[i-1].at, p.at)
			}
		}
	})
}

func TestCandles(t *testing.T) {
	minute := exchange.Time(60e9)
	c := newCandles(0, 100*minute, 25)
	require.Equal(t, int64(300e9), c.width, "5 minutes are the least of which 25 suffice")
	for i, p := range []float64{5, 7, 3, 6, 4, 9, 8} {
		c.add(exchange.Time(i)*minute, p)
	}
	require.Equal(t, []candle{{0, 5, 7, 3, 4}, {5 * minute, 9, 9, 8, 8}}, c.list)
	require.Equal(t, int64(7*24*3600e9), newCandles(0, 1<<62, 10).width, "weeks are the most")
}

func TestEpisodes(t *testing.T) {
	var e episodes
	for i, v := range []float64{100, 90, 95, 100, 120, 60, 120, 119, 130, 118} {
		e.add(exchange.Time(i), v, 100)
	}
	deepest := e.list()
	require.Len(t, deepest, 4)
	require.Equal(t, episode{peak: 4, trough: 5, recovered: 6, depth: 0.5}, deepest[0])
	require.Equal(t, exchange.Time(3), deepest[1].recovered)
	require.InDelta(t, 0.1, deepest[1].depth, 1e-12)
	require.Zero(t, deepest[2].recovered, "not yet")
	require.InDelta(t, 1-118.0/130, deepest[2].depth, 1e-12)
	require.Equal(t, exchange.Time(8), deepest[3].recovered)
	require.Len(t, e.list(), 4, "asking changes nothing")

	var many episodes
	for i := range 100 {
		many.add(exchange.Time(3*i), 100, 100)
		many.add(exchange.Time(3*i+1), 99-float64(i%50), 100)
	}
	require.Len(t, many.list(), mostEpisodes)
	require.InDelta(t, 0.5, many.list()[0].depth, 1e-12)
	require.InDelta(t, 0.46, many.list()[mostEpisodes-1].depth, 1e-12)
}

func TestHistogram(t *testing.T) {
	bins := histogram([]float64{-0.021, -0.009, 0.001, 0.004, 0.011, 0.019, 0.02}, 4)
	total := 0
	for i, b := range bins {
		total += b.n
		require.InDelta(t, 0.02, b.to-b.from, 1e-12)
		if i > 0 {
			require.InDelta(t, bins[i-1].to, b.from, 1e-12)
		}
	}
	require.Equal(t, 7, total)
	require.Equal(t, []int{1, 1, 4, 1}, []int{bins[0].n, bins[1].n, bins[2].n, bins[3].n})
	require.InDelta(t, 0, bins[1].to, 1e-12, "zero is between two bins")
	require.Empty(t, histogram(nil, 10))
	require.Empty(t, histogram([]float64{1, 1}, 10))
	require.Empty(t, histogramSVG(nil, "x"))
}

func TestNice(t *testing.T) {
	for v, want := range map[float64]float64{0.0011: 0.002, 3: 5, 7: 10, 10: 10, 0.05: 0.05} {
		require.InDelta(t, want, nice(v), want*1e-9)
	}
}

func TestConversion(t *testing.T) {
	inverse := conversion{own: "XBT", other: "USD", inverse: true, ok: true}
	require.InDelta(t, 20_000, inverse.convert(2, 10_000), 0)
	linear := conversion{own: "USDT", other: "XBT", ok: true}
	require.InDelta(t, 2, linear.convert(20_000, 10_000), 0)
	require.True(t, sameCoin("XBT", "BTC"))
	require.False(t, sameCoin("ETH", "BTC"))
}

func TestNumbersThatAreNone(t *testing.T) {
	for v, want := range map[float64]string{0.1 + 0.2: "0.3", math.Inf(1): "null", 1234567890: "1.2345679e+09"} {
		b, err := number(v).MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, want, string(b))
	}
}

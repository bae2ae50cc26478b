package thin

import (
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
		var all []Point
		at := exchange.Time(1e18)
		for range n {
			all = append(all, Point{at, float64(rapid.IntRange(-1000, 1000).Draw(rt, "value"))})
			at += exchange.Time(rapid.Int64Range(1, 1e12).Draw(rt, "wait"))
		}
		spans := rapid.IntRange(1, 40).Draw(rt, "spans")
		th := New(all[0].At, all[n-1].At, spans)
		low, high := all[0], all[0]
		known := make(map[Point]bool)
		for _, p := range all {
			th.Add(p.At, p.V)
			known[p] = true
			if p.V < low.V {
				low = p
			}
			if p.V > high.V {
				high = p
			}
		}
		out := th.Points()
		require.LessOrEqual(rt, len(out), 4*spans)
		require.Equal(rt, all[0], out[0])
		require.Equal(rt, all[n-1], out[len(out)-1])
		require.Contains(rt, out, low)
		require.Contains(rt, out, high)
		for i, p := range out {
			require.True(rt, known[p])
			if i > 0 {
				require.Less(rt, out[i-1].At, p.At)
			}
		}
	})
}

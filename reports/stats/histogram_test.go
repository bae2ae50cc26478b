package stats

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHistogram(t *testing.T) {
	bins := Histogram([]float64{-0.021, -0.009, 0.001, 0.004, 0.011, 0.019, 0.02}, 4)
	total := 0
	for i, b := range bins {
		total += b.Count
		require.InDelta(t, 0.02, b.To-b.From, 1e-12)
		if i > 0 {
			require.InDelta(t, bins[i-1].To, b.From, 1e-12)
		}
	}
	require.Equal(t, 7, total)
	require.Equal(t, []int{1, 1, 4, 1}, []int{bins[0].Count, bins[1].Count, bins[2].Count, bins[3].Count})
	require.InDelta(t, 0, bins[1].To, 1e-12, "zero is between two bins")
	require.Empty(t, Histogram(nil, 10))
	require.Empty(t, Histogram([]float64{1, 1}, 10))
}

func TestNice(t *testing.T) {
	for v, want := range map[float64]float64{0.0011: 0.002, 3: 5, 7: 10, 10: 10, 0.05: 0.05} {
		require.InDelta(t, want, nice(v), want*1e-9)
	}
}

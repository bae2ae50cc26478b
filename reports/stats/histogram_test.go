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
	require.Len(t, bins, 4)
	require.Equal(t, []int{1, 1, 4, 1}, []int{bins[0].Count, bins[1].Count, bins[2].Count, bins[3].Count})
	require.InDelta(t, 0, bins[1].To, 1e-12, "zero is between two bins")
	require.Empty(t, Histogram(nil, 10))
	require.Empty(t, Histogram([]float64{1, 1}, 10))
}

// Values are in the bin that begins at or before them and ends after them, of which the
// first holds the least value and the last the greatest.
func TestBins(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		most   int
		want   []Bin
	}{
		{[]float64{0, 1}, 1, []Bin{{0, 1, 1}, {1, 2, 1}}},
		{[]float64{-1, 0}, 1, []Bin{{-1, 0, 1}, {0, 1, 1}}},
		{[]float64{-3, 3, 3.5}, 4, []Bin{{-4, -2, 1}, {-2, 0, 0}, {0, 2, 0}, {2, 4, 2}}},
		{[]float64{1, 1.9, 2, 2.5}, 2, []Bin{{1, 2, 2}, {2, 3, 2}}},
		{[]float64{10, 30}, 2, []Bin{{10, 20, 1}, {20, 30, 0}, {30, 40, 1}}},
	} {
		require.Equal(t, tt.want, Histogram(tt.values, tt.most), "%v", tt.values)
	}
	require.Empty(t, Histogram([]float64{3}, 10))
}

func TestNice(t *testing.T) {
	for v, want := range map[float64]float64{
		0.0011: 0.002, 3: 5, 7: 10, 10: 10, 0.05: 0.05, 0.07: 0.1, 0.7: 1, 70: 100, 700: 1000, 1: 1, 1.5: 2, 2: 2, 5: 5,
		200: 200, 51: 100,
	} {
		require.InDelta(t, want, nice(v), want*1e-9)
	}
}

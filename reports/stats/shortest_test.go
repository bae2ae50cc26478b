package stats_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/reports/stats"
)

// Each statistic has a value for the shortest series that its definition allows, and
// none for a shorter one. The values are computed by hand.
func TestShortestSeries(t *testing.T) {
	for _, tt := range []struct {
		name     string
		of       func([]float64) float64
		shortest []float64
		want     float64
	}{
		{"mean", stats.Mean, []float64{3}, 3},
		{"deviation", stats.Deviation, []float64{1, 2}, math.Sqrt2 / 2},
		{"volatility", func(r []float64) float64 { return stats.Volatility(r, 4) }, []float64{1, 2}, math.Sqrt2},
		{"Sharpe", func(r []float64) float64 { return stats.Sharpe(r, 4) }, []float64{1, 2}, 6 / math.Sqrt2},
		{"downside deviation", stats.DownsideDeviation, []float64{-3}, 3},
		{"Sortino", func(r []float64) float64 { return stats.Sortino(r, 4) }, []float64{3, -1}, 2 * math.Sqrt2},
		{"skew", stats.Skew, []float64{0, 0, 1}, math.Sqrt(3)},
		{"kurtosis", stats.Kurtosis, []float64{0, 0, 0, 1}, 4},
		{"quantile", func(r []float64) float64 { return stats.Quantile(r, 0.3) }, []float64{7}, 7},
		{"CVaR", func(r []float64) float64 { return stats.CVaR(r, 0.05) }, []float64{-2}, -2},
		{"share", stats.Share, []float64{1}, 1},
		{"CAGR", func(r []float64) float64 { return stats.CAGR(r, 2) }, []float64{0.5}, 1.25},
		{"ulcer", stats.Ulcer, []float64{-0.5}, 0.5},
		{"under water", stats.UnderWater, []float64{-0.5}, 1},
		{"beta", func(r []float64) float64 { return stats.Beta(r, []float64{1, 3}[:len(r)]) }, []float64{1, 2}, 0.5},
		{"alpha", func(r []float64) float64 { return stats.Alpha(r, []float64{1, 3}[:len(r)], 4) }, []float64{1, 2}, 2},
		{"correlation", func(r []float64) float64 { return stats.Correlation(r, []float64{3, 1}[:len(r)]) },
			[]float64{1, 2}, -1},
		{"information", func(r []float64) float64 { return stats.Information(r, []float64{1, 1}[:len(r)], 4) },
			[]float64{1, 2}, math.Sqrt2},
		{"error of Sharpe", func(r []float64) float64 { return stats.SharpeError(r, 4) }, []float64{1, 2},
			math.Sqrt(2 * (1 + 2.25))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.InDelta(t, tt.want, tt.of(tt.shortest), 1e-12)
			shorter := tt.of(tt.shortest[:len(tt.shortest)-1])
			require.True(t, math.IsNaN(shorter), "%v of a series that is too short", shorter)
		})
	}
	interval := stats.SharpeInterval([]float64{1, 2}, 4, 0.9, 50, 1)
	require.InDelta(t, 6/math.Sqrt2, interval.Low, 1e-12, "all draws that have a Sharpe ratio are of both returns")
	require.InDelta(t, 6/math.Sqrt2, interval.High, 1e-12)
}

// Equal returns have no deviation, to the last bit, and nothing that is divided by it,
// however their mean is rounded.
func TestEqualReturns(t *testing.T) {
	for _, v := range []float64{0, 0.1, -0.3, 1e-3, 0.7, 1e-9, 3, -1.1} {
		for n := 2; n <= 40; n++ {
			flat, varied := make([]float64, n), make([]float64, n)
			for i := range flat {
				flat[i], varied[i] = v, float64(i%3)/100
			}
			require.Equal(t, 0.0, stats.Deviation(flat)) //nolint:testifylint // exactly 0
			interval := stats.SharpeInterval(flat, 365, 0.95, 5, 1)
			for name, got := range map[string]float64{
				"Sharpe": stats.Sharpe(flat, 365), "skew": stats.Skew(flat), "kurtosis": stats.Kurtosis(flat),
				"correlation": stats.Correlation(flat, varied), "correlation with it": stats.Correlation(varied, flat),
				"beta": stats.Beta(varied, flat), "low": interval.Low, "high": interval.High,
			} {
				require.True(t, math.IsNaN(got), "%s of %d times %v is %v", name, n, v, got)
			}
		}
	}
}

// What grows beyond all bounds is not defined, in either direction.
func TestNoInfinity(t *testing.T) {
	for _, sign := range []float64{1, -1} {
		got := stats.Beta([]float64{1e200 * sign, -1e200 * sign}, []float64{1e-160, -1e-160})
		require.True(t, math.IsNaN(got), "%v", got)
	}
}

// A trade that ends at exactly 0 is neither won nor lost, and ends both streaks.
func TestTradesThatEndAtZero(t *testing.T) {
	for _, tt := range []struct {
		profits                          []float64
		won, lost, winStreak, lossStreak int
	}{
		{[]float64{0}, 0, 0, 0, 0},
		{[]float64{1}, 1, 0, 1, 0},
		{[]float64{-1}, 0, 1, 0, 1},
		{[]float64{1, 1, -1}, 2, 1, 2, 1},
		{[]float64{1, 0, 1}, 2, 0, 1, 0},
		{[]float64{-1, 0, -1}, 0, 2, 0, 1},
		{[]float64{0, 1, 1, -1, 0}, 2, 1, 2, 1},
		{[]float64{0, -1, -1, 1, 0}, 1, 2, 1, 2},
		{[]float64{0.5, -0.5, -0.25, 0.5, 0.5, 0.5, -0.5}, 4, 3, 3, 2},
	} {
		got := stats.OfTrades(tt.profits)
		require.Equal(t, []int{len(tt.profits), tt.won, tt.lost, tt.winStreak, tt.lossStreak},
			[]int{got.Count, got.Won, got.Lost, got.WinStreak, got.LossStreak}, "%v", tt.profits)
	}
	got := stats.OfTrades([]float64{0, 3, -1})
	require.InDelta(t, 1.0/3, got.WinRate, 1e-12)
	require.InDelta(t, -1, got.AverageLoss, 1e-12)
	require.InDelta(t, 1.0/3-2.0/3/3, got.Kelly, 1e-12)
}

// A return that is not a number leaves no interval, though most draws would miss it.
func TestNoIntervalOfUnknownReturns(t *testing.T) {
	r := []float64{0.01, 0.02, -0.01, 0.03, math.NaN(), 0.01, 0.02, -0.02, 0.01, 0.03, 0.04, 0.01}
	interval := stats.SharpeInterval(r, 365, 0.95, 200, 1)
	require.True(t, math.IsNaN(interval.Low), "%v", interval)
	require.True(t, math.IsNaN(interval.High), "%v", interval)
}

func TestQuantiles(t *testing.T) {
	r := []float64{40, 10, 30, 20}
	for p, want := range map[float64]float64{0: 10, 0.25: 17.5, 0.5: 25, 0.9: 37, 1: 40} {
		require.InDelta(t, want, stats.Quantile(r, p), 1e-12, "%v", p)
	}
	require.Equal(t, []float64{40, 10, 30, 20}, r, "the series is left as it is")
	require.InDelta(t, 10, stats.VaR(r, 0), 0)
	require.InDelta(t, 15, stats.CVaR(r, 1.0/3), 1e-12, "what equals the quantile counts")
	require.InDelta(t, 38.5/11.5, stats.TailRatio(r), 1e-12)
	require.InDelta(t, 38.5/11.5, stats.TailRatio([]float64{-40, -10, -30, -20})*38.5/11.5*38.5/11.5, 1e-12,
		"of magnitudes")
}

// A window is of any length from 1 to that of the series.
func TestWindows(t *testing.T) {
	r := []float64{1, 2, 3, 4}
	for n, want := range map[int][]float64{
		-1: nil, 0: nil, 1: {1, 2, 3, 4}, 2: {1.5, 2.5, 3.5}, 3: {2, 3}, 4: {2.5}, 5: nil, 6: nil,
	} {
		got := stats.Rolling(r, n, stats.Mean)
		require.Equal(t, want, got, "%d", n)
		require.Len(t, got, cap(got), "no memory to spare")
	}
}

// The inference of a Sharpe ratio at the edges of what its formulas are defined for.
func TestShapes(t *testing.T) {
	normal := stats.Shape{Sharpe: 1, N: 2}
	require.InDelta(t, 0.792892, normal.Probabilistic(0), 1e-6, "Φ(1/√1.5)")
	require.InDelta(t, 0.5, normal.Probabilistic(1), 1e-12)
	require.InDelta(t, 1+1.5*1.6448536269514722*1.6448536269514722, normal.MinTrackRecord(0, 0.95), 1e-9)
	for name, v := range map[string]float64{
		"one return":                 stats.Shape{Sharpe: 1, N: 1}.Probabilistic(0),
		"no spread":                  stats.Shape{Sharpe: 1, Skew: 1.5, N: 100}.Probabilistic(0),
		"less than no spread":        stats.Shape{Sharpe: 1, Skew: 5, N: 100}.Probabilistic(0),
		"record without a spread":    stats.Shape{Sharpe: 1, Skew: 1.5, N: 100}.MinTrackRecord(0, 0.95),
		"record with less":           stats.Shape{Sharpe: 1, Skew: 5, N: 100}.MinTrackRecord(0, 0.95),
		"record of an unknown skew":  stats.Shape{Sharpe: 1, Skew: math.NaN(), N: 100}.MinTrackRecord(0, 0.95),
		"record of an unknown ratio": stats.Shape{Sharpe: math.NaN(), N: 100}.MinTrackRecord(0, 0.95),
		"record at the target":       stats.Shape{Sharpe: 1, N: 100}.MinTrackRecord(1, 0.95),
		"record below the target":    stats.Shape{Sharpe: 1, N: 100}.MinTrackRecord(2, 0.95),
	} {
		require.True(t, math.IsNaN(v), "%s: %v", name, v)
	}

	require.InDelta(t, 0, stats.ExpectedMaxSharpe(4, 0), 0)
	require.InDelta(t, 0, stats.ExpectedMaxSharpe(4, 1), 0)
	require.InDelta(t, 2*0.57721566490153286*0.9004526, stats.ExpectedMaxSharpe(4, 2), 1e-6,
		"Φ⁻¹(1/2) is 0, Φ⁻¹(1 - 1/2e) the rest")
	s := stats.Shape{Sharpe: 0.5, Skew: 0.1, Kurtosis: 0.3, N: 50}
	require.InDelta(t, s.Probabilistic(0), s.Deflated([]float64{0.5}), 0, "one trial has nothing to choose from")
	require.InDelta(t, s.Probabilistic(stats.ExpectedMaxSharpe(0.02, 2)), s.Deflated([]float64{0.5, 0.3}), 1e-12)
}

// The number of blocks is even, from 2 to 20, with two returns or more in each.
func TestBlocks(t *testing.T) {
	trials := func(n int) [][]float64 {
		a, b := make([]float64, n), make([]float64, n)
		for i := range n {
			a[i], b[i] = float64(i%2), float64(i%2)+1 // b is better in each block
		}
		return [][]float64{a, b}
	}
	for _, tt := range []struct {
		returns, blocks int
		defined         bool
	}{
		{8, -2, false},
		{8, 0, false},
		{8, 1, false},
		{3, 2, false},
		{4, 2, true},
		{5, 2, true},
		{9, 3, false},
		{7, 4, false},
		{8, 4, true},
		{39, 20, false},
		{40, 20, true},
		{44, 22, false},
	} {
		got := stats.Overfitting(trials(tt.returns), tt.blocks)
		if !tt.defined {
			require.True(t, math.IsNaN(got), "%d returns in %d blocks: %v", tt.returns, tt.blocks, got)
			continue
		}
		require.InDelta(t, 0, got, 0, "%d returns in %d blocks", tt.returns, tt.blocks)
	}
	// The better one of the first half is the worse one of the second.
	require.InDelta(t, 1, stats.Overfitting([][]float64{{3, 1, -3, -1}, {-3, -1, 3, 1}}, 2), 0)
	// What does not fill the last block is left out.
	require.InDelta(t, 0, stats.Overfitting([][]float64{{0, 1, 0, 1, 900}, {1, 2, 1, 2, -900}}, 2), 0)
}

// What lost everything in its first return is worse than any other, in each half.
func TestRuinInTheFirstReturn(t *testing.T) {
	ruined := stats.Trial{Returns: []float64{-1, 0, 0, 0}, Ruin: 0}
	poor := stats.Trial{Returns: []float64{-0.2, -0.1, -0.2, -0.1}, Ruin: -1}
	idle := stats.Trial{Returns: []float64{0, 0, 0, 0}, Ruin: -1}
	require.InDelta(t, 0, stats.OverfittingOf([]stats.Trial{ruined, poor}, 2), 0,
		"the poor one is the best of both halves")
	require.InDelta(t, 0, stats.OverfittingOf([]stats.Trial{ruined, poor, idle}, 2), 0)
}

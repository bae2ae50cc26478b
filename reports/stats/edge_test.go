package stats_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/reports/stats"
)

// all are the statistics of one series.
func all(r []float64) map[string]float64 {
	t := stats.OfTrades(r)
	i := stats.SharpeInterval(r, year, 0.95, 20, 1)
	return map[string]float64{
		"total": stats.Total(r), "cagr": stats.CAGR(r, year), "mean": stats.Mean(r), "volatility": stats.Volatility(r, year),
		"sharpe": stats.Sharpe(r, year), "error": stats.SharpeError(r, year), "low": i.Low, "high": i.High,
		"sortino": stats.Sortino(r, year), "omega": stats.Omega(r), "skew": stats.Skew(r), "kurtosis": stats.Kurtosis(r),
		"tail": stats.TailRatio(r), "var": stats.VaR(r, 0.05), "cvar": stats.CVaR(r, 0.05), "share": stats.Share(r),
		"drawdown": stats.MaxDrawdown(r), "ulcer": stats.Ulcer(r), "water": stats.UnderWater(r), "calmar": stats.Calmar(r, year),
		"probabilistic": stats.ShapeOf(r).Probabilistic(0), "track": stats.ShapeOf(r).MinTrackRecord(0, 0.95),
		"beta": stats.Beta(r, r), "alpha": stats.Alpha(r, r, year), "correlation": stats.Correlation(r, r),
		"information": stats.Information(r, r, year),
		"win rate":    t.WinRate, "payoff": t.Payoff, "profit factor": t.ProfitFactor, "expectancy": t.Expectancy, "sqn": t.SQN,
		"kelly": t.Kelly, "best": t.Best, "worst": t.Worst,
	}
}

// What is defined is named with its value; everything else is NaN.
func TestSeriesWithLittleInThem(t *testing.T) {
	nothing := map[string]float64{"total": 0, "drawdown": 0}
	for _, tt := range []struct {
		name   string
		series []float64
		want   map[string]float64
	}{
		{"nil", nil, nothing},
		{"empty", []float64{}, nothing},
		{"one gain", []float64{0.1}, map[string]float64{"total": 0.1, "cagr": math.Pow(1.1, year) - 1, "mean": 0.1, "tail": 1, "var": 0.1,
			"cvar": 0.1, "share": 1, "drawdown": 0, "ulcer": 0, "water": 0, "win rate": 1, "expectancy": 0.1, "best": 0.1, "worst": 0.1}},
		{"one loss", []float64{-0.1}, map[string]float64{"total": -0.1, "cagr": math.Pow(0.9, year) - 1, "mean": -0.1, "tail": 1, "var": -0.1,
			"cvar": -0.1, "share": 0, "drawdown": 0.1, "ulcer": 0.1, "water": 1, "omega": 0, "calmar": (math.Pow(0.9, year) - 1) / 0.1,
			"win rate": 0, "profit factor": 0, "expectancy": -0.1, "best": -0.1, "worst": -0.1}},
		{"all zero", []float64{0, 0, 0, 0, 0}, map[string]float64{"total": 0, "cagr": 0, "mean": 0, "volatility": 0, "var": 0, "cvar": 0,
			"share": 0, "drawdown": 0, "ulcer": 0, "water": 0, "win rate": 0, "expectancy": 0, "best": 0, "worst": 0}},
		{"everything lost", []float64{-1}, map[string]float64{"total": -1, "mean": -1, "tail": 1, "var": -1, "cvar": -1, "share": 0,
			"drawdown": 1, "ulcer": 1, "water": 1, "omega": 0, "win rate": 0, "profit factor": 0, "expectancy": -1, "best": -1, "worst": -1}},
		{"through zero and back", []float64{-1.5, -2}, map[string]float64{"total": -0.5, "mean": -1.75}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := all(tt.series)
			for name, want := range tt.want {
				require.InDelta(t, want, got[name], 1e-9*max(1, math.Abs(want)), name)
			}
			if tt.name == "through zero and back" {
				return // what can be said of it can be computed, and is not listed
			}
			for name, v := range got {
				if _, defined := tt.want[name]; !defined {
					require.True(t, math.IsNaN(v), "%s is %v", name, v)
				}
			}
		})
	}
}

func TestNothingIsInfinite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.SliceOfN(rapid.Float64Range(-1.2, 3), 0, 40).Draw(t, "returns")
		for name, v := range all(r) {
			if math.IsInf(v, 0) {
				t.Fatalf("%s is %v", name, v)
			}
		}
	})
}

// What must hold whatever the series.
func TestIdentities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rapid.SliceOfN(rapid.Float64Range(-0.5, 0.5), 5, 60).Draw(t, "returns")
		scaled := make([]float64, len(r))
		for i := range r {
			scaled[i] = 3 * r[i]
		}
		if s := stats.Sharpe(r, year); !math.IsNaN(s) {
			require.InDelta(t, s, stats.Sharpe(scaled, year), 1e-6*max(1, math.Abs(s)), "leverage does not change a Sharpe ratio")
		}
		require.LessOrEqual(t, stats.CVaR(r, 0.05), stats.VaR(r, 0.05))
		require.LessOrEqual(t, stats.Ulcer(r), stats.MaxDrawdown(r)+1e-12)
		trades := stats.OfTrades(r)
		require.Equal(t, len(r), trades.Count)
		require.LessOrEqual(t, trades.Won+trades.Lost, trades.Count)
		require.LessOrEqual(t, trades.Worst, trades.Best)
		if p := stats.ShapeOf(r).Probabilistic(0); !math.IsNaN(p) {
			if s := stats.Sharpe(r, 1); math.Abs(s) > 1e-9 { // less is rounded away
				require.Equal(t, s > 0, p > 0.5)
			}
			need := stats.ShapeOf(r).MinTrackRecord(0, 0.95)
			if !math.IsNaN(need) && math.Abs(need-float64(len(r))) > 1e-6 {
				require.Equal(t, need < float64(len(r)), p > 0.95, "a track record is long enough when it is sure")
			}
		}
	})
}

func TestBootstrap(t *testing.T) {
	r := readGolden(t).Returns[0].Returns
	i := stats.SharpeInterval(r, year, 0.95, 1000, 7)
	require.Equal(t, i, stats.SharpeInterval(r, year, 0.95, 1000, 7), "the same seed, the same interval")
	require.NotEqual(t, i, stats.SharpeInterval(r, year, 0.95, 1000, 8))
	s, e := stats.Sharpe(r, year), stats.SharpeError(r, year)
	// For returns that hardly depend on each other it is about the normal interval.
	require.InDelta(t, s-1.96*e, i.Low, e)
	require.InDelta(t, s+1.96*e, i.High, e)
	wide := stats.SharpeInterval(r, year, 0.99, 1000, 7)
	require.Less(t, wide.Low, i.Low)
	require.Greater(t, wide.High, i.High)
}

func TestOverfitting(t *testing.T) {
	require.True(t, math.IsNaN(stats.Overfitting([][]float64{{1, 2, 3, 4}}, 2)), "one trial")
	require.True(t, math.IsNaN(stats.Overfitting([][]float64{{1, 2, 3}, {1, 2, 3}}, 2)), "too short")
	require.True(t, math.IsNaN(stats.Overfitting([][]float64{{1, 2, 3, 4}, {1, 2, 3, 4}}, 3)), "an odd number of blocks")
	require.True(t, math.IsNaN(stats.Overfitting([][]float64{{1, 2, 3, 4}, {1, 2, 3, 4}}, 2)), "a trial and its copy")
	better := [][]float64{{-1, 1, -1, 1, -1, 1, -1, 1}, {3, 1, 3, 1, 3, 1, 3, 1}}
	require.Zero(t, stats.Overfitting(better, 4), "the best is the best everywhere")
	require.InDelta(t, 0, stats.ExpectedMaxSharpe(2, 1), 0)
}

func TestDistinct(t *testing.T) {
	a, b, zero, negative := []float64{1, 2}, []float64{2, 1}, []float64{0, 1}, []float64{math.Copysign(0, -1), 1}
	require.Equal(t, []int{0, 2, 4}, stats.Distinct([][]float64{a, {1, 2}, b, a, zero, negative}))
	require.Empty(t, stats.Distinct(nil))
}

func ExampleSharpe() {
	daily := []float64{0.01, -0.005, 0.002, 0.004, -0.001}
	fmt.Printf("Sharpe %.2f, a total of %.2f %%\n", stats.Sharpe(daily, 365), 100*stats.Total(daily))
	// Output: Sharpe 6.81, a total of 1.00 %
}

func ExampleOfTrades() {
	t := stats.OfTrades([]float64{120, -60, 80, -40, 100})
	fmt.Printf("%d trades, %.0f %% won, profit factor %.1f\n", t.Count, 100*t.WinRate, t.ProfitFactor)
	// Output: 5 trades, 60 % won, profit factor 3.0
}

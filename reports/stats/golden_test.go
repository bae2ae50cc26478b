package stats_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/reports/stats"
)

// golden is what testdata/golden.py wrote.
type golden struct {
	Returns []struct {
		Name               string
		Returns, Benchmark []float64
		Want               map[string]json.RawMessage
	}
	Trades []struct {
		Name    string
		Profits []float64
		Want    map[string]float64
	}
	Trials []struct {
		Name                  string
		Trials                [][]float64
		Blocks, Best          int
		Overfitting, Expected float64
		Deflated              float64
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(b, &g))
	return g
}

// near is within 1e-9, relative to what is large.
func near(t *testing.T, name string, want, got float64) {
	t.Helper()
	require.InDelta(t, want, got, 1e-9*max(1, math.Abs(want)), name)
}

const year = 365

func TestReturnsAgreeWithOtherPackages(t *testing.T) {
	for _, c := range readGolden(t).Returns {
		t.Run(c.Name, func(t *testing.T) {
			r, b := c.Returns, c.Benchmark
			interval := stats.SharpeInterval(r, year, 0.95, 200, 1)
			got := map[string]float64{
				"total": stats.Total(r), "cagr": stats.CAGR(r, year), "mean": stats.Mean(r), "volatility": stats.Volatility(r, year),
				"sharpe": stats.Sharpe(r, year), "sharpe_error": stats.SharpeError(r, year), "sortino": stats.Sortino(r, year),
				"downside": stats.DownsideDeviation(r), "omega": stats.Omega(r), "skew": stats.Skew(r), "kurtosis": stats.Kurtosis(r),
				"quantile_30": stats.Quantile(r, 0.3), "tail_ratio": stats.TailRatio(r), "var": stats.VaR(r, 0.05),
				"cvar": stats.CVaR(r, 0.05), "share": stats.Share(r), "max_drawdown": stats.MaxDrawdown(r), "ulcer": stats.Ulcer(r),
				"under_water": stats.UnderWater(r), "calmar": stats.Calmar(r, year), "beta": stats.Beta(r, b),
				"alpha": stats.Alpha(r, b, year), "correlation": stats.Correlation(r, b),
				"information": stats.Information(r, b, year), "probabilistic": stats.ShapeOf(r).Probabilistic(0),
				"sharpe_low": interval.Low, "sharpe_high": interval.High, "track_record": stats.ShapeOf(r).MinTrackRecord(0, 0.95),
			}
			require.Len(t, c.Want, len(got)+1, "every golden value is compared")
			for name, raw := range c.Want {
				if name == "rolling_30" {
					continue
				}
				var want *float64
				require.NoError(t, json.Unmarshal(raw, &want), name)
				if want == nil {
					require.True(t, math.IsNaN(got[name]), "%s is %v", name, got[name])
					continue
				}
				near(t, name, *want, got[name])
			}
			var rolling []*float64
			require.NoError(t, json.Unmarshal(c.Want["rolling_30"], &rolling))
			have := stats.Rolling(r, 30, func(w []float64) float64 { return stats.Sharpe(w, year) })
			require.Len(t, have, len(rolling))
			for i := range rolling {
				if rolling[i] == nil {
					require.True(t, math.IsNaN(have[i]))
					continue
				}
				near(t, "rolling Sharpe", *rolling[i], have[i])
			}
		})
	}
}

func TestTradesAgreeWithOtherPackages(t *testing.T) {
	for _, c := range readGolden(t).Trades {
		t.Run(c.Name, func(t *testing.T) {
			s := stats.OfTrades(c.Profits)
			got := map[string]float64{"win_rate": s.WinRate, "average_win": s.AverageWin, "average_loss": s.AverageLoss,
				"payoff": s.Payoff, "profit_factor": s.ProfitFactor, "expectancy": s.Expectancy, "deviation": s.Deviation,
				"sqn": s.SQN, "kelly": s.Kelly, "best": s.Best, "worst": s.Worst, "win_streak": float64(s.WinStreak),
				"loss_streak": float64(s.LossStreak)}
			require.Len(t, c.Want, len(got))
			for name, want := range c.Want {
				near(t, name, want, got[name])
			}
		})
	}
}

func TestTrialsAgreeWithOtherPackages(t *testing.T) {
	for _, c := range readGolden(t).Trials {
		t.Run(c.Name, func(t *testing.T) {
			sharpes, best := []float64{}, 0
			for i, r := range c.Trials {
				sharpes = append(sharpes, stats.Sharpe(r, 1))
				if sharpes[i] > sharpes[best] {
					best = i
				}
			}
			require.Equal(t, c.Best, best)
			d := stats.Deviation(sharpes)
			near(t, "expected", c.Expected, stats.ExpectedMaxSharpe(d*d, len(sharpes)))
			near(t, "deflated", c.Deflated, stats.ShapeOf(c.Trials[best]).Deflated(sharpes))
			near(t, "overfitting", c.Overfitting, stats.Overfitting(c.Trials, c.Blocks))
		})
	}
}

// The values of testdata/overfitting.py, which computes in fractions: trials that are
// idle for a while or for ever, copies, and trials that lose everything.
func TestOverfittingAgreesWithItsDefinition(t *testing.T) {
	b, err := os.ReadFile("testdata/overfitting.json")
	require.NoError(t, err)
	var cases []struct {
		Name        string
		Trials      [][]float64
		Ruins       []int
		Blocks      int
		Overfitting *float64
	}
	require.NoError(t, json.Unmarshal(b, &cases))
	require.Len(t, cases, 21)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			list := make([]stats.Trial, len(c.Trials))
			for i := range list {
				list[i] = stats.Trial{Returns: c.Trials[i], Ruin: c.Ruins[i]}
			}
			for range 2 {
				got := stats.OverfittingOf(list, c.Blocks)
				if c.Overfitting == nil {
					require.True(t, math.IsNaN(got), "%v", got)
				} else {
					near(t, "overfitting", *c.Overfitting, got)
				}
				slices.Reverse(list) // the order of the trials says nothing
			}
		})
	}
}

// The examples of the publications themselves.
func TestPublishedExamples(t *testing.T) {
	// Bailey and López de Prado 2014, "The Deflated Sharpe Ratio": a yearly Sharpe
	// ratio of 2.5 over 1250 days of 250 a year, skew -3, kurtosis 10, the best of
	// 100 trials whose yearly Sharpe ratios have a variance of 1/2.
	s := stats.Shape{Sharpe: 2.5 / math.Sqrt(250), Skew: -3, Kurtosis: 10 - 3, N: 1250}
	expected := stats.ExpectedMaxSharpe(0.5/250, 100)
	require.InDelta(t, 0.1132, expected, 5e-5)
	require.InDelta(t, 0.9004, s.Probabilistic(expected), 5e-5)

	// Bailey and López de Prado 2012, "The Sharpe Ratio Efficient Frontier": it
	// takes 2.73 years of normal daily returns to be 95 % sure that a Sharpe ratio
	// of 2 is above 1.
	daily := stats.Shape{Sharpe: 2 / math.Sqrt(250), N: 250}
	require.InDelta(t, 2.73, daily.MinTrackRecord(1/math.Sqrt(250), 0.95)/250, 5e-3)
}

package analysis_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports/analysis"
)

// Series with little in them have what can be said, worked out by hand, and nothing
// else: never a 0 that stands for "not known".
func TestStatisticsOfLittle(t *testing.T) {
	for name, c := range map[string]struct {
		changes []exchange.Money // of the equity, a day each
		want    map[string]float64
		empty   []string // lists
	}{
		"empty": {nil, map[string]float64{"start": 10, "end": 10, "days": 0, "total": 0, "max_drawdown": 0,
			"max_drawdown_daily": 0}, []string{"months", "years", "drawdowns", "distribution", "rolling"}},
		"one gain": {[]exchange.Money{balance / 4}, map[string]float64{"start": 10, "end": 12.5, "days": 1,
			"total": 0.25, "max_drawdown": 0, "max_drawdown_daily": 0, "under_water": 0,
			"best_day": 0.25, "worst_day": 0.25, "positive_days": 1, "var": 0.25, "cvar": 0.25, "tail_ratio": 1,
			"ulcer": 0}, []string{"drawdowns", "distribution", "rolling"}},
		"one loss": {[]exchange.Money{-balance / 4}, map[string]float64{"start": 10, "end": 7.5, "days": 1,
			"total": -0.25, "max_drawdown": 0.25, "max_drawdown_daily": 0.25, "under_water": 1,
			"best_day": -0.25, "worst_day": -0.25, "positive_days": 0, "var": -0.25, "cvar": -0.25, "tail_ratio": 1,
			"ulcer": 0.25, "omega": 0}, []string{"distribution", "rolling"}},
		"flat": {make([]exchange.Money, 40), map[string]float64{"start": 10, "end": 10, "days": 40, "total": 0,
			"cagr": 0, "volatility": 0, "max_drawdown": 0, "max_drawdown_daily": 0,
			"under_water": 0, "best_day": 0, "worst_day": 0, "best_month": 0, "worst_month": 0, "positive_days": 0, "var": 0, "cvar": 0, "ulcer": 0},
			[]string{"drawdowns", "distribution"}},
		"everything lost and more": {[]exchange.Money{-2 * balance}, map[string]float64{"start": 10, "end": -10,
			"days": 1, "total": -2, "max_drawdown": 2, "max_drawdown_daily": 2,
			"under_water": 1, "best_day": -2, "worst_day": -2, "positive_days": 0, "var": -2, "cvar": -2,
			"tail_ratio": 1,
			"ulcer":      2, "omega": 0}, []string{"distribution", "rolling"}},
		// A day that begins with nothing has no return, nor has any statistic of days.
		"through zero and back": {[]exchange.Money{-2 * balance, 3 * balance}, map[string]float64{"start": 10,
			"end": 20, "days": 2, "total": 1,
			"max_drawdown": 2, "max_drawdown_daily": 2}, []string{"distribution", "rolling"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			r := record(t, dir)
			r.at = r.at.Date() // days are whole, and January and March are not
			r.sample()
			for _, change := range c.changes {
				r.at = r.at.Date().Add(24 * time.Hour)
				r.funding(r.symbols[0], change)
				r.sample()
			}
			r.finish()
			s, err := analysis.Write(dir)
			require.NoError(t, err)
			requireSchema(t, dir)
			text, err := json.Marshal(s.Returns[0])
			require.NoError(t, err)
			var fields map[string]any
			require.NoError(t, json.Unmarshal(text, &fields))
			if name == "through zero and back" {
				delete(fields, "cagr") // of the whole, which is positive
				delete(fields, "calmar")
				delete(fields, "under_water")
			}
			if name == "flat" {
				require.Len(t, fields["rolling"], 11)
			}
			for field, v := range fields {
				switch v := v.(type) {
				case float64:
					want, ok := c.want[field]
					require.True(t, ok, "%s is %v", field, v)
					require.InDelta(t, want, v, 1e-12, field)
				case nil:
					require.NotContains(t, c.want, field)
				}
			}
			for _, list := range c.empty {
				require.Empty(t, fields[list], list)
				require.NotNil(t, fields[list], list)
			}
			for i := range s.Trades {
				require.Zero(t, s.Trades[i].Count)
				require.Nil(t, s.Trades[i].WinRate)
				require.Nil(t, s.Trades[i].SQN)
			}
			require.Nil(t, s.Execution.FillRatio)
			require.Nil(t, s.Execution.SlippageBps)
		})
	}
}

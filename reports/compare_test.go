package reports

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCompare(t *testing.T) {
	root := t.TempDir()
	play := func(name, price string) string {
		dir := filepath.Join(root, name)
		m := newModel(t, dir, 1_000_000_000)
		m.sample()
		m.fill(0, 100, "7000")
		m.wait(48 * time.Hour)
		m.sample()
		m.fill(0, -100, price)
		m.wait(time.Hour)
		m.finish()
		return dir
	}
	a, b, same := play("a", "7100"), play("b", "7200"), play("same", "7100")
	c, err := Compare([]string{a, b, same})
	require.NoError(t, err)
	require.Empty(t, c.Settings, "they were asked for alike")
	require.Empty(t, c.Warnings)
	require.Equal(t, c.Runs[0].Digest, c.Runs[2].Digest)
	for _, f := range c.Figures {
		require.Equal(t, f.Values[0], f.Values[2], f.Name)
		if f.Differences[1] != nil {
			require.InDelta(t, *f.Values[1]-*f.Values[0], *f.Differences[1], 1e-12, f.Name)
			require.Zero(t, *f.Differences[0])
		}
		if f.Name == "account.realised_pnl" {
			// 100 contracts from 7000 to 7100 and 7200, each worth a rounded share of a coin.
			require.InDelta(t, 20_100, *f.Values[0], 100)
			require.Greater(t, *f.Values[1], *f.Values[0])
		}
	}
	text := c.Text()
	require.Contains(t, text, "realised pnl")
	require.Contains(t, text, "(+")
	for _, line := range strings.Split(text, "\n") {
		require.Equal(t, strings.TrimRight(line, " "), line)
	}
	_, err = Compare([]string{a, root})
	require.ErrorContains(t, err, root)
}

func TestCompareSaysWhatDiffers(t *testing.T) {
	a, b := new(Result), new(Result)
	a.Run.Params = map[string]string{"fast": "10", "qty": "5"}
	b.Run.Params = map[string]string{"fast": "20", "qty": "5"}
	a.Models, b.Models = []Model{{"queue", "front"}}, []Model{{"queue", "risk-averse"}}
	b.Account.Currency, b.Run.End, b.Data = "USDt", 5, []DataPart{{Path: "x"}}
	c := &Comparison{Runs: []ComparedRun{{Dir: "a", Result: a}, {Dir: "b", Result: b}}}
	c.compareSettings()
	c.warn()
	var names []string
	for _, s := range c.Settings {
		names = append(names, s.Name)
	}
	require.Equal(t, []string{"model queue", "param fast", "start balance", "to"}, names)
	require.Equal(t, []string{"10", "20"}, c.Settings[1].Values)
	require.Equal(
		t,
		[]string{"b is in USDt, not : amounts cannot be compared", "b covers another time", "b rests on other data"},
		c.Warnings,
	)
}

// Satoshis are not subtracted from millionths of a dollar, nor one unit from another of
// the same name; rates and counts are subtracted whatever the currency is.
func TestCompareSubtractsAmountsOfOneUnit(t *testing.T) {
	result := func(currency string, scale int) *Result {
		return &Result{Run: Run{SampleSeconds: 60}, Account: Balance{Currency: currency, CurrencyMajor: "X",
			CurrencyScale: scale, Fees: 7},
			Counts: Counts{Fills: 3}, Metrics: Metrics{TotalReturn: new(0.25)}}
	}
	figures := []struct {
		name string
		of   func(*Result) *float64
	}{
		{"account.fees", func(r *Result) *float64 { return new(float64(r.Account.Fees)) }},
		{"counts.fills", func(r *Result) *float64 { return new(float64(r.Counts.Fills)) }},
		{"metrics.total_return", func(r *Result) *float64 { return r.Metrics.TotalReturn }},
	}
	for name, tt := range map[string]struct {
		other   *Result
		amounts bool
		warning string
	}{
		"the same unit":    {result("XBt", 8), true, ""},
		"another currency": {result("USDt", 6), false, "b is in USDt, not XBt: amounts cannot be compared"},
		"another scale": {result("XBt", 6), false,
			"b is in XBt of 1e-6 X, not XBt of 1e-8 X: amounts cannot be compared"},
	} {
		t.Run(name, func(t *testing.T) {
			c := Comparison{Runs: []ComparedRun{{Dir: "a", Result: result("XBt", 8)}, {Dir: "b", Result: tt.other}}}
			for _, f := range figures {
				c.addFigure(f.name, f.of)
			}
			c.warn()
			require.Equal(t, tt.amounts, c.Figures[0].Differences[1] != nil)
			require.Equal(t, new(0.0), c.Figures[1].Differences[1])
			require.Equal(t, new(0.0), c.Figures[2].Differences[1])
			require.Equal(t, tt.warning, strings.Join(c.Warnings, "\n"))
		})
	}
	c := Comparison{Runs: []ComparedRun{{Dir: "a", Result: result("XBt", 8)}, {Dir: "b", Result: result("XBt", 8)}}}
	c.Runs[1].Result.Run.SampleSeconds = 86400
	c.warn()
	require.Equal(t, []string{"b is sampled every 24h, not every 1m: drawdowns by samples cannot be compared"},
		c.Warnings)
}

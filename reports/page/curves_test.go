package page

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports/analysis"
	"github.com/dunamis-engine/dunamis/reports/thin"
)

// last is what a curve shows in the end.
func last(t *testing.T, c *thin.Series) float64 {
	t.Helper()
	p := c.Points()
	require.NotEmpty(t, p)
	return p[len(p)-1].V
}

// One coin at 10000, and the price doubles: who held the coin has twice the dollars,
// who held the dollars half the coin.
func TestCurvesInBothCurrencies(t *testing.T) {
	for _, c := range []struct {
		name                                            string
		inverse                                         bool
		equity, start                                   float64
		ownCoin, ownQuote, equity2, coinHeld, quoteHeld float64
	}{
		{"inverse", true, 1.5, 1, 1, 0.5, 30_000, 20_000, 10_000},
		{"linear", false, 15_000, 10_000, 20_000, 10_000, 0.75, 1, 0.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &run{other: analysis.Conversion{Inverse: c.inverse, OK: true}, own: newCurves(0, 100), second: newCurves(0, 100)}
			r.addOther(50, c.equity, c.start, 10_000, 20_000)
			require.InDelta(t, c.ownCoin, last(t, r.own.coin), 1e-12)
			require.InDelta(t, c.ownQuote, last(t, r.own.quote), 1e-12)
			require.InDelta(t, c.equity2, last(t, r.second.equity), 1e-12)
			require.InDelta(t, c.coinHeld, last(t, r.second.coin), 1e-12)
			require.InDelta(t, c.quoteHeld, last(t, r.second.quote), 1e-12)
		})
	}
}

func TestDrawdownCurve(t *testing.T) {
	c := newCurves(0, 100)
	for at, equity := range []float64{100, 120, 90, 110} {
		c.add(exchange.Time(at*25), equity, 100)
	}
	require.InDelta(t, -0.25, c.worst, 1e-12)
	require.InDelta(t, 110.0/120-1, last(t, c.drawdown), 1e-12)
}

func TestYears(t *testing.T) {
	month := func(y, m int, r float64) analysis.Period { return analysis.Period{Year: y, Month: m, Return: &r} }
	r := &run{stats: &analysis.Statistics{Returns: []analysis.Returns{{
		Months: []analysis.Period{month(2020, 11, 0.21), month(2020, 12, 0), month(2021, 1, -0.1), {Year: 2021, Month: 2}},
		Years:  []analysis.Period{month(2020, 0, 0.21), month(2021, 0, -0.1)},
	}}}}
	years := years(&r.stats.Returns[0])
	require.Len(t, years, 2)
	require.Equal(t, []int{2020, 2021}, []int{years[0].Year, years[1].Year})
	require.Equal(t, heat{Text: "21.0", Class: "gain", Weight: 20}, years[0].Months[10])
	require.Equal(t, "0.0", years[0].Months[11].Text)
	require.Equal(t, "21.0", years[0].Total.Text)
	require.Equal(t, heat{Text: "-10.0", Class: "loss", Weight: 10}, years[1].Months[0])
	require.Equal(t, unknown, years[1].Months[1].Text)
	require.Empty(t, years[1].Months[5].Text)
}

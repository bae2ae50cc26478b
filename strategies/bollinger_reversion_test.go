package strategies_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The window is four closes and the band one deviation. Of 100, 100, 100 and x the
// mean is 100 + d/4 and the deviation √3·|d|/4 with d = x - 100: x is √3 deviations
// away, whatever d is.
func TestBollingerReversion(t *testing.T) {
	for name, c := range map[string]struct {
		closes []float64
		hold   string
		k      string
		window string
		want   []string
	}{
		"below the band buys":                       {closes: []float64{100, 100, 100, 96}, want: []string{"4m0s Buy 10"}},
		"above the band sells":                      {closes: []float64{100, 100, 100, 104}, want: []string{"4m0s Sell 10"}},
		"within the band waits":                     {closes: []float64{100, 100, 100, 96}, k: "1.8", want: []string{}},
		"before the window is full nothing happens": {closes: []float64{100, 100, 96}, want: []string{}},
		// 98 is still below the mean of 100, 100, 96, 98, and 99 above that of 100, 96, 98, 99.
		"a long leaves at the mean":  {closes: []float64{100, 100, 100, 96, 98, 99}, want: []string{"4m0s Buy 10", "6m0s Sell 10"}},
		"a short leaves at the mean": {closes: []float64{100, 100, 100, 104, 102, 101}, want: []string{"4m0s Sell 10", "6m0s Buy 10"}},
		"the mean itself is enough":  {closes: []float64{100, 100, 100, 97, 99}, want: []string{"4m0s Buy 10", "5m0s Sell 10"}},
		// Of two closes the second is one deviation from their mean, which is the band.
		"the band itself is not enough": {closes: []float64{100, 98, 104, 90}, window: "2", want: []string{}},
		// Closes that fall on stay below their mean.
		"a long leaves after hold bars": {closes: []float64{100, 100, 100, 96, 95.5, 95}, hold: "2",
			want: []string{"4m0s Buy 10", "6m0s Sell 10"}},
		"a short leaves after hold bars": {closes: []float64{100, 100, 100, 104, 104.5, 105}, hold: "2",
			want: []string{"4m0s Sell 10", "6m0s Buy 10"}},
		"hold counts from the entry": {closes: []float64{100, 100, 100, 100, 100, 100, 96, 95.5, 95}, hold: "2",
			want: []string{"7m0s Buy 10", "9m0s Sell 10"}},
		"it leaves before it turns": {closes: []float64{100, 100, 100, 96, 110, 130}, want: []string{"4m0s Buy 10", "5m0s Sell 10", "6m0s Sell 10"}},
		"a flat market":             {closes: []float64{40000.5, 40000.5, 40000.5, 40000.5, 40000.5, 40000.5, 40000.5, 40000.5, 40000.5}, want: []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			params := with("window", "4", "k", "1", "hold", "100", "qty", "10", "bars", "")
			if c.hold != "" {
				params["hold"] = c.hold
			}
			if c.window != "" {
				params["window"] = c.window
			}
			if c.k != "" {
				params["k"] = c.k
			}
			d := play(t, &script{strategy: "bollinger_reversion", params: params, events: closes(c.closes...)})
			require.Equal(t, c.want, d.asked())
			require.Empty(t, d.logged.lines)
		})
	}
}

// A price that falls silent after it moved leaves the rounding of a float in the
// window; that is no excursion.
func TestBollingerIgnoresRounding(t *testing.T) {
	prices := []float64{40000.5, 41234.5, 39876, 40321.5}
	for range 40 {
		prices = append(prices, 40100.5)
	}
	for _, window := range []string{"3", "4", "7"} {
		d := play(
			t,
			&script{
				strategy: "bollinger_reversion",
				params:   with("window", window, "k", "0.1", "hold", "1", "qty", "10", "bars", ""),
				events:   closes(prices...),
			},
		)
		last := d.commands[len(d.commands)-1].at.Sub(epoch)
		require.LessOrEqual(t, last, 14*minute, "window %s", window)
	}
}

package strategies_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

func TestSMACross(t *testing.T) {
	params := with("fast", "1", "slow", "3", "qty", "10", "bars", "")
	for name, c := range map[string]struct {
		closes []float64
		want   []string
	}{
		"nothing before slow closes": {[]float64{100, 110}, []string{}},
		"the slow close decides":     {[]float64{100, 100, 110}, []string{"3m0s Buy 10"}},
		"below":                      {[]float64{100, 100, 90}, []string{"3m0s Sell 10"}},
		"a flat market":              {[]float64{100, 100, 100, 100}, []string{}},
		"above stays above":          {[]float64{100, 110, 120, 130, 140}, []string{"3m0s Buy 10"}},
		// 90 is below the mean of 100, 110 and 90, and 150 above that of 110, 90, 150.
		"a flip is one order of both": {[]float64{100, 100, 110, 90, 150, 160}, []string{"3m0s Buy 10", "4m0s Sell 20", "5m0s Buy 20"}},
		// After 110 the last close equals the mean of 120, 100 and 110.
		"equal keeps the position": {[]float64{90, 100, 120, 100, 110, 80}, []string{"3m0s Buy 10", "4m0s Sell 20"}},
		"equal keeps a long":       {[]float64{90, 90, 120, 105, 105, 105, 105}, []string{"3m0s Buy 10", "5m0s Sell 20"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := play(t, &script{strategy: "sma_cross", params: params, events: closes(c.closes...)})
			require.Equal(t, c.want, d.asked())
			require.Empty(t, d.logged.lines)
			for _, c := range d.commands {
				require.Equal(t, exchange.Market, c.submit.Type)
			}
		})
	}
}

// An order that needs longer than a bar is not sent a second time, and what it
// will do counts when the signal turns in the meantime.
func TestSMACrossWaitsForItsOrders(t *testing.T) {
	s := &script{
		strategy: "sma_cross",
		params:   with("fast", "1", "slow", "3", "qty", "10", "bars", ""),
		latency:  90 * time.Second,
		events:   closes(100, 100, 110, 120, 130, 140, 150, 160),
	}
	d := play(t, s)
	require.Equal(t, []string{"3m0s Buy 10"}, d.asked())
	require.Equal(t, []string{"5m0s Buy 10 at 140 → 10"}, d.fills())

	s.events = closes(100, 100, 110, 90, 80, 70, 60, 50)
	d = play(t, s)
	require.Equal(t, []string{"3m0s Buy 10", "4m0s Sell 20"}, d.asked())
	require.Equal(t, exchange.Qty(-10), d.position())
}

// A rejected order leaves the exposure, so that the next decision asks again.
func TestSMACrossAsksAgainAfterARejection(t *testing.T) {
	d := play(
		t,
		&script{strategy: "sma_cross", params: with("fast", "1", "slow", "3", "qty", "10", "bars", ""), balance: 1,
			events: closes(100, 100, 110, 120, 130)},
	)
	require.Equal(t, []string{"3m0s Buy 10", "4m0s Buy 10", "5m0s Buy 10"}, d.asked())
	require.Equal(t, 3, d.count(exchange.ExecRejected))
	require.Empty(t, d.fills())
}

// The lot in force rounds towards nothing.
func TestQuantitiesAreWholeLots(t *testing.T) {
	set := market(t)
	set.Get(0).Terms[0].LotSize = 100
	for qty, want := range map[string][]string{
		"99":  {},
		"250": {"3m0s Buy 200", "4m0s Sell 400"},
	} {
		d := play(
			t,
			&script{strategy: "sma_cross", params: with("fast", "1", "slow", "3", "qty", qty, "bars", ""), instruments: set,
				events: closes(100, 100, 110, 90)},
		)
		require.Equal(t, want, d.asked())
		require.Empty(t, d.logged.lines)
	}
}

// Bars of the strategy's own choice are built from those of the data.
func TestSMACrossOnLongerBars(t *testing.T) {
	d := play(t, &script{strategy: "sma_cross", params: with("fast", "1", "slow", "3", "qty", "10", "bars", "2m"),
		events: closes(100, 100, 100, 100, 100, 110, 120, 130)})
	require.Equal(t, []string{"6m0s Buy 10"}, d.asked())
}

func TestSMACrossNeedsFastBelowSlow(t *testing.T) {
	for _, fast := range []string{"3", "4"} {
		_, err := build(t, "sma_cross", with("fast", fast, "slow", "3"))
		requireParamError(t, err, "sma_cross", "fast")
		require.EqualError(t, err, "strategy sma_cross: parameter fast="+fast+": must be below slow=3")
	}
	_, err := build(t, "sma_cross", with("fast", "2", "slow", "3"))
	require.NoError(t, err)
}

package gap_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/session"
	"github.com/dunamis-engine/dunamis/session/gap"
)

// at is a time in milliseconds.
func at(ms int) exchange.Time {
	return exchange.TimeOf(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).Add(time.Duration(ms) * time.Millisecond)
}

func TestMeasure(t *testing.T) {
	price := exchange.MustPrice
	filled := func(heard, first int, p string, maker bool) session.Outcome {
		return session.Outcome{Status: "Filled", Heard: at(heard), First: at(first), Filled: 100, Price: price(p), Maker: maker}
	}
	nothing := func(heard int) session.Outcome { return session.Outcome{Status: "Canceled", Heard: at(heard)} }
	r := gap.Measure([]session.Fate{
		{Side: exchange.Buy, Sent: at(0), Venue: filled(10, 2000, "10010", true), Sim: filled(5, 1000, "10000", true), Joined: 500, Ahead: -1},
		{Side: exchange.Sell, Sent: at(0), Venue: filled(20, 3000, "9990", true), Sim: filled(5, 5000, "10000", true), Joined: 500, Ahead: 250},
		{Side: exchange.Buy, Sent: at(0), Venue: filled(30, 30, "10000", false), Sim: filled(5, 5, "10000", false), Joined: -1, Ahead: -1},
		{Side: exchange.Buy, Sent: at(0), Venue: filled(10, 900, "10000", true), Sim: nothing(5), Joined: 500, Ahead: 0},
		{Side: exchange.Buy, Sent: at(0), Venue: nothing(40), Sim: filled(5, 100, "10000", true), Joined: 0, Ahead: -1},
		{Side: exchange.Buy, Sent: at(0), Venue: nothing(10), Sim: nothing(5), Joined: 10, Ahead: -1},
		{Side: exchange.Buy, Sent: at(0), Venue: session.Outcome{Status: "New", Heard: at(10)}, Sim: nothing(5), Joined: 10, Ahead: -1},
	})
	require.Equal(t, []int{7, 3, 1, 1, 1, 1}, []int{r.Orders, r.Both, r.Venue, r.Sim, r.Neither, r.Open})
	require.True(t, r.Shadowed)
	require.InDelta(t, 4.0/6, r.Agreement, 1e-9)
	require.Equal(t, gap.Quantiles{Count: 3, Mean: 20.0 / 3, P50: 10, P90: 10, P99: 10}, r.Price)
	require.Equal(t, 3, r.Later.Count)
	require.InDelta(t, 0.025, r.Later.P50, 1e-9)
	require.InDelta(t, -0.325, r.Later.Mean, 1e-3)
	require.Equal(t, 7, r.Seen.Count)
	require.InDelta(t, 0.010, r.Seen.P50, 1e-9)
	require.InDelta(t, 0.040, r.Seen.P99, 1e-9)
	require.InDelta(t, 0.005, r.Modelled.P99, 1e-9)
	require.Equal(t, gap.Quantiles{Count: 2, Mean: 0.25, P50: 0, P90: 0.5, P99: 0.5}, r.Queue)
	require.Equal(t, 1, r.Early)

	require.Equal(t, &gap.Report{}, gap.Measure(nil))
	alone := gap.Measure([]session.Fate{{Sent: at(0), Venue: filled(10, 20, "1", false), Joined: -1, Ahead: -1}})
	require.False(t, alone.Shadowed)
	require.Equal(t, 1, alone.Seen.Count)
	require.Zero(t, alone.Venue, "there is nothing to compare with")
}

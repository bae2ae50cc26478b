package strategies_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Three bars between 98 and 102 that close at 100: the channels are 98 to 102 and
// the average true range is 4.
func ranging() []exchange.Event {
	return []exchange.Event{bar(0, 100, 102, 98, 100), bar(1, 100, 102, 98, 100), bar(2, 100, 102, 98, 100)}
}

func donchianParams(stop string) map[string]string {
	return with("entry", "3", "exit", "2", "atr", "3", "stop", stop, "qty", "10", "bars", "")
}

// The bar that breaks out is part of neither channel when it is judged, and is part
// of the average range when the order fills: a range from 100 to 103 weighs a third,
// (4 + 4 + 3)/3 = 3⅔ of Wilder's average, two of which are 7⅓.
func TestDonchianBreakout(t *testing.T) {
	for name, c := range map[string]struct {
		last  []exchange.Event
		asked []string
	}{
		"up": {[]exchange.Event{bar(3, 100, 103, 100, 102.5), bar(4, 103, 103, 103, 103)},
			// 103 - 7⅓ = 95⅔, rounded away from the market.
			[]string{"4m0s Buy 10", "4m0s Sell 10 stop 95.5"}},
		"down": {[]exchange.Event{bar(3, 100, 100, 97, 97.5), bar(4, 97, 97, 97, 97)},
			[]string{"4m0s Sell 10", "4m0s Buy 10 stop 104.5"}},
		"a close at the high is none":          {[]exchange.Event{bar(3, 100, 103, 100, 102), bar(4, 102, 102, 102, 102)}, []string{}},
		"a close at the low is none":           {[]exchange.Event{bar(3, 100, 100, 97, 98), bar(4, 98, 98, 98, 98)}, []string{}},
		"the exit channel alone opens nothing": {[]exchange.Event{bar(3, 100, 101, 99, 100), bar(4, 100, 101, 99, 100), bar(5, 100, 101.5, 100, 101.5)}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			d := play(t, &script{strategy: "donchian", params: donchianParams("2"), events: append(ranging(), c.last...)})
			require.Equal(t, c.asked, d.asked())
			require.Empty(t, d.logged.lines)
			if len(d.commands) == 0 {
				return
			}
			require.Equal(t, exchange.Market, d.commands[0].submit.Type)
			stop := d.commands[1].submit
			require.Equal(t, exchange.Stop, stop.Type)
			require.Equal(t, exchange.ReduceOnly|exchange.LastPrice, stop.ExecInst)
			require.Len(t, d.open(), 1, "the stop")
		})
	}
}

func TestDonchianWithoutStop(t *testing.T) {
	d := play(t, &script{strategy: "donchian", params: donchianParams("0"),
		events: append(ranging(), bar(3, 100, 103, 100, 102.5), bar(4, 103, 103, 103, 103), bar(5, 90, 90, 90, 90), bar(6, 90, 90, 90, 90))})
	require.Equal(t, []string{"4m0s Buy 10", "6m0s Sell 20"}, d.asked())
	require.Empty(t, d.open())
}

// Bars of one price make the last steps plain: the close is the high and the low.
func TestDonchianFlip(t *testing.T) {
	d := play(t, &script{strategy: "donchian", params: donchianParams("20"),
		events: append(ranging(), bar(3, 100, 103, 100, 102.5), bar(4, 103, 103, 103, 103), bar(5, 95, 95, 95, 95), bar(6, 95, 95, 95, 95))})
	asked := d.asked()
	require.Len(t, asked, 5)
	require.Equal(t, []string{"4m0s Buy 10", "4m0s Sell 10 stop 29.5", "6m0s Sell 20"}, asked[:3])
	require.Equal(t, "6m0s cancel "+string(d.commands[1].id), asked[3], "the stop of the long position")
	require.Regexp(t, `^6m0s Buy 10 stop `, asked[4], "is replaced by that of the short one")
	require.Equal(t, exchange.Qty(-10), d.position())
	require.Len(t, d.open(), 1)
	require.Contains(t, d.open(), d.commands[4].id)
}

// A close beyond the two bars of the exit channel, within the three of the other.
func TestDonchianExit(t *testing.T) {
	for name, c := range map[string]struct {
		last []exchange.Event
		want []string
	}{
		"long": {[]exchange.Event{bar(3, 100, 103, 100, 102.5), bar(4, 103, 104, 103, 104), bar(5, 104, 105, 104, 105), bar(6, 103, 103, 102, 102), bar(7, 102, 102, 102, 102)},
			[]string{"4m0s Buy 10", "7m0s Sell 10"}},
		"short": {[]exchange.Event{bar(3, 100, 100, 97, 97.5), bar(4, 97, 97, 96, 96), bar(5, 96, 96, 95, 95), bar(6, 97, 98, 97, 98), bar(7, 98, 98, 98, 98)},
			[]string{"4m0s Sell 10", "7m0s Buy 10"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := play(t, &script{strategy: "donchian", params: donchianParams("20"), events: append(ranging(), c.last...)})
			require.Len(t, d.commands, 4)
			require.Equal(t, c.want, []string{d.commands[0].String(), d.commands[2].String()})
			require.Equal(t, d.commands[1].id, d.commands[3].cancel)
			require.Zero(t, d.position())
			require.Empty(t, d.open())
			require.Equal(t, 1, d.count(exchange.ExecCanceled))
		})
	}
}

// A close at the channel has not broken it: the two bars before have a low of 103.
func TestDonchianStaysAtTheExitChannel(t *testing.T) {
	d := play(t, &script{strategy: "donchian", params: donchianParams("20"), events: append(ranging(),
		bar(3, 100, 103, 100, 102.5), bar(4, 103, 104, 103, 104), bar(5, 104, 105, 104, 105), bar(6, 104, 104, 103, 103))})
	require.Len(t, d.commands, 2)
	require.Equal(t, exchange.Qty(10), d.position())
}

// The stop closes the position at the exchange, within a bar, and leaves nothing
// behind: no order, and no second fill at the next close. With latency the entry waits for
// the next open, whose stop is nearer, and the close comes before the report of the stop's
// fill: the order that leaves then may only reduce, and finds nothing to reduce.
func TestDonchianStopsOut(t *testing.T) {
	for latency, want := range map[time.Duration]struct {
		fill     string
		commands int
	}{
		0:                    {` Sell 10 at 95\.5 → 0$`, 2},
		5 * time.Millisecond: {` Sell 10 at 97\.5 → 0$`, 3},
	} {
		d := play(t, &script{strategy: "donchian", params: donchianParams("2"), latency: latency,
			events: append(ranging(), bar(3, 100, 103, 100, 102.5), bar(4, 103, 103, 103, 103), bar(5, 103, 103, 94, 99),
				bar(6, 99, 100, 99, 100), bar(7, 100, 100, 100, 100))})
		require.Len(t, d.fills(), 2, latency)
		require.Regexp(t, want.fill, d.fills()[1])
		require.Len(t, d.commands, want.commands, latency)
		require.Zero(t, d.position())
		require.Empty(t, d.open())
	}
}

// The price gaps through the stop while the order that leaves is on its way: the
// position is closed once.
func TestDonchianStopAndExitMeet(t *testing.T) {
	d := play(t, &script{strategy: "donchian", params: donchianParams("2"), latency: 5 * time.Millisecond,
		events: append(ranging(), bar(3, 100, 103, 100, 102.5), bar(4, 103, 104, 103, 104), bar(5, 104, 105, 104, 105),
			bar(6, 103, 103, 102, 102), bar(7, 94, 103, 94, 103), bar(8, 103, 103, 103, 103), bar(9, 103, 103, 103, 103))})
	require.Equal(t, "7m0s Sell 10", d.commands[2].String())
	require.Len(t, d.fills(), 2)
	require.Regexp(t, `^7m0s Sell 10 at 94 → 0$`, d.fills()[1])
	require.Zero(t, d.position())
	require.Empty(t, d.open())
}

// The same while a flip is on its way, which then sells more than the position: what
// is too much is bought back at the next bar.
func TestDonchianStopAndFlipMeet(t *testing.T) {
	d := play(t, &script{strategy: "donchian", params: donchianParams("5"), latency: 5 * time.Millisecond,
		events: append(ranging(), bar(3, 100, 103, 100, 102.5), bar(4, 103, 103, 103, 103), bar(5, 103, 103, 97, 97),
			bar(6, 84, 98, 84, 98), bar(7, 98, 98, 98, 98), bar(8, 98, 98, 98, 98))})
	require.Equal(t, "6m0s Sell 20", d.commands[2].String())
	require.Equal(t, exchange.Qty(-10), d.position(), d.fills())
	require.Len(t, d.open(), 1, "the stop of what is left")
	for _, o := range d.open() {
		require.Equal(t, exchange.Qty(10), o.Leaves)
	}
}

// A stop takes what a thin book has, and its rest is cancelled by the venue. The next
// bar protects what is left.
func TestDonchianStopThatFillsInPart(t *testing.T) {
	top := func(at time.Duration, bid, ask float64, bids exchange.Qty) []exchange.Event {
		return []exchange.Event{
			exchange.LevelEvent(epoch.Add(at), epoch.Add(at), 0, exchange.Buy, exchange.Level{Price: price(bid), Qty: bids}, exchange.FlagClear|exchange.FlagSnapshot),
			exchange.LevelEvent(epoch.Add(at), epoch.Add(at), 0, exchange.Sell, exchange.Level{Price: price(ask), Qty: 100}, exchange.FlagSnapshot|exchange.FlagLast),
		}
	}
	var feed []exchange.Event
	tick := func(at time.Duration, p float64, bids exchange.Qty) {
		feed = append(append(feed, top(at, p, p+0.5, bids)...), trade(at, exchange.Buy, p, 1))
	}
	for n := range 3 {
		for i, p := range []float64{100, 102, 98, 100} {
			tick(time.Duration(n)*minute+time.Duration(i)*time.Second, p, 100)
		}
	}
	tick(3*minute, 103, 100)
	tick(4*minute, 103, 100)
	tick(4*minute+time.Second, 90, 4) // four bids for a stop of ten
	tick(4*minute+2*time.Second, 103, 100)
	tick(5*minute, 103, 100)
	tick(5*minute+time.Second, 103, 100)
	d := play(t, &script{strategy: "donchian", params: donchianParams("2"), events: feed})
	require.Equal(t, []string{"4m0s Buy 10", "4m0s Sell 10 stop 96", "5m0s Sell 6 stop 96"}, d.asked())
	require.Equal(t, exchange.Qty(6), d.position())
	require.Equal(t, []string{"Sell 6 at 96"}, d.resting())
}

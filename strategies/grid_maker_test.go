package strategies_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Two rungs a side, two prices apart (4 ticks of 0.5), a shift of two prices (4
// ticks) at a full inventory of 40.
func gridParams() map[string]string {
	return with("levels", "2", "spacing", "4", "skew", "4", "qty", "10", "limit", "40")
}

// The middle is 100.25: half a spacing away, outwards to multiples of 2, are 98 and
// 102.
func TestGridLadder(t *testing.T) {
	want := []string{"0s Buy 10 at 96", "0s Buy 10 at 98", "0s Sell 10 at 102", "0s Sell 10 at 104"}
	for name, feed := range map[string][]exchange.Event{
		"quotes": {quote(0, 100, 100.5)},
		"book": {exchange.LevelEvent(epoch, epoch, 0, exchange.Buy, exchange.Level{Price: price(100), Qty: 10}, exchange.FlagClear),
			exchange.LevelEvent(epoch, epoch, 0, exchange.Sell, exchange.Level{Price: price(100.5), Qty: 10}, exchange.FlagLast)},
		"trades": {trade(0, exchange.Buy, 100.5, 10)},
	} {
		t.Run(name, func(t *testing.T) {
			d := play(t, &script{strategy: "grid_maker", params: gridParams(), events: feed})
			require.Equal(t, want, d.between(0, 0))
			require.Empty(t, d.logged.lines)
			for i := range d.commands {
				require.Equal(t, exchange.PostOnly, d.commands[i].submit.ExecInst)
				require.Equal(t, exchange.Limit, d.commands[i].submit.Type)
			}
		})
	}
	d := play(t, &script{strategy: "grid_maker", params: gridParams(), events: closes(100.5)})
	require.Equal(t, []string{"Buy 10 at 96", "Buy 10 at 98", "Sell 10 at 102", "Sell 10 at 104"}, d.resting(), "bars")
}

// With 20 of 40 bought the middle shifts down by one price: from 100.25 to 99.25.
// Half a spacing away, outwards, are 98 and 102 again; from 99.75 they are 96 and
// 100, but nothing may be sold at the bid.
func TestGridSkewAtHalfInventory(t *testing.T) {
	for _, c := range []struct {
		bid, ask float64
		want     []string
	}{
		{100, 100.5, []string{"Buy 10 at 96", "Buy 10 at 98", "Sell 10 at 102", "Sell 10 at 104"}},
		{99.5, 100, []string{"Buy 10 at 94", "Buy 10 at 96", "Sell 10 at 100", "Sell 10 at 102"}},
		{98.5, 100.5, []string{"Buy 10 at 94", "Buy 10 at 96", "Sell 10 at 100", "Sell 10 at 102"}},
		// 101 - 1 is 100 and a spacing around it 98 (99 down) and 102 (101 up).
		{100.5, 101.5, []string{"Buy 10 at 98", "Buy 10 at 96", "Sell 10 at 102", "Sell 10 at 104"}},
	} {
		// Two trades beyond the bids at 98 and 96 buy 20.
		d := play(t, &script{strategy: "grid_maker", params: gridParams(), events: []exchange.Event{
			quote(0, 100, 100.5), trade(time.Second, exchange.Sell, 95, 1000), quote(2*time.Second, c.bid, c.ask),
			quote(3*time.Second, c.bid, c.ask),
		}})
		require.Equal(t, exchange.Qty(20), d.position())
		require.ElementsMatch(t, c.want, d.resting(), "%v %v", c.bid, c.ask)
	}
}

// Whatever the skew, no rung reaches the other side of the market: a post-only
// order there would be refused again and again.
func TestGridStaysOffTheOtherSide(t *testing.T) {
	params := gridParams()
	params["skew"] = "100"
	d := play(t, &script{strategy: "grid_maker", params: params, events: []exchange.Event{
		quote(0, 100, 100.5), trade(time.Second, exchange.Sell, 95, 1000), quote(2*time.Second, 100, 101), quote(3*time.Second, 100, 101),
	}})
	// Half the inventory shifts by 25: the asks would stand at 78.
	require.ElementsMatch(t, []string{"Buy 10 at 74", "Buy 10 at 72", "Sell 10 at 102", "Sell 10 at 104"}, d.resting())
	require.Zero(t, d.count(exchange.ExecCanceled))
}

// At the limit a side has no orders left, and one short of it has one.
func TestGridLimitWithdrawsASide(t *testing.T) {
	for _, c := range []struct {
		side       exchange.Side
		through    float64
		limit      string
		bids, asks int
		held       exchange.Qty
	}{
		{exchange.Sell, 95, "40", 2, 2, 20},
		{exchange.Sell, 95, "30", 1, 2, 20},
		{exchange.Sell, 95, "29", 0, 2, 20},
		{exchange.Sell, 95, "20", 0, 2, 20},
		{exchange.Buy, 105, "30", 2, 1, -20},
		{exchange.Buy, 105, "20", 2, 0, -20},
		{exchange.Buy, 103, "20", 2, 1, -10},
		{exchange.Sell, 97, "10", 0, 2, 10},
	} {
		params := gridParams()
		params["limit"], params["skew"] = c.limit, "0"
		d := play(t, &script{strategy: "grid_maker", params: params, events: []exchange.Event{
			quote(0, 100, 100.5), trade(time.Second, c.side, c.through, 1000), quote(2*time.Second, 100, 101), quote(3*time.Second, 100, 101.5),
		}})
		require.Equal(t, c.held, d.position())
		all := strings.Join(d.resting(), "\n")
		require.Equal(t, []int{c.bids, c.asks}, []int{strings.Count(all, "Buy"), strings.Count(all, "Sell")}, "%+v\n%s", c, all)
	}
}

// The lattice is fixed: while the middle stays between the same rungs nothing is
// sent, and when it passes one only the ends of the ladder move.
func TestGridMovesByRungs(t *testing.T) {
	d := play(t, &script{strategy: "grid_maker", params: gridParams(), events: []exchange.Event{
		quote(0, 100, 100.5), quote(time.Second, 100, 101), quote(2*time.Second, 99.5, 100.5), quote(3*time.Second, 100, 100.5),
		quote(4*time.Second, 101, 101.5),
	}})
	require.Len(t, d.between(0, 0), 4)
	// 99.5 and 100.5 have 100 for their middle: 99 down is 98, but 101 up is 102.
	require.Empty(t, d.between(time.Second, 3*time.Second))
	// 101.25: 100.25 down is 100, 102.25 up is 104. 98 and 104 are there already.
	require.Equal(t, []string{"4s Buy 10 at 100", "4s Sell 10 at 106", "4s cancel " + d.idAt(96), "4s cancel " + d.idAt(102)},
		d.between(4*time.Second, time.Hour))
}

// idAt returns the client id of the first order at a price.
func (d *desk) idAt(p float64) string {
	for i := range d.commands {
		if c := &d.commands[i]; c.submit != nil && c.submit.Price == price(p) {
			return string(c.id)
		}
	}
	return ""
}

// A quote that moves before the orders arrive: they would take, and are cancelled.
// The next quote finds the ladder incomplete and completes it.
func TestGridNeverTakes(t *testing.T) {
	d := play(t, &script{strategy: "grid_maker", params: gridParams(), latency: 10 * time.Millisecond, events: []exchange.Event{
		quote(0, 100, 100.5), quote(5*time.Millisecond, 90, 90.5), quote(time.Second, 90, 90.5), quote(2*time.Second, 90, 91),
		quote(3*time.Second, 90, 90.5),
	}})
	require.Empty(t, d.fills())
	require.GreaterOrEqual(t, d.count(exchange.ExecCanceled), 2, "both bids were above the offer")
	require.Equal(t, []string{"Buy 10 at 86", "Buy 10 at 88", "Sell 10 at 92", "Sell 10 at 94"}, d.resting())
}

// A filled rung is missing and is placed again at the next price.
func TestGridCompletesTheLadderAfterFills(t *testing.T) {
	params := gridParams()
	params["skew"] = "0"
	d := play(t, &script{strategy: "grid_maker", params: params, events: []exchange.Event{
		quote(0, 100, 100.5), trade(time.Second, exchange.Sell, 97, 1000), quote(2*time.Second, 100, 100.5),
	}})
	require.Equal(t, []string{"1s Buy 10 at 98 → 10"}, d.fills())
	require.Equal(t, []string{"2s Buy 10 at 98"}, d.between(time.Second, time.Hour))
	require.Equal(t, []string{"Buy 10 at 96", "Buy 10 at 98", "Sell 10 at 102", "Sell 10 at 104"}, d.resting())
}

// A rung that filled in part keeps its place; what the new inventory asks for
// follows at the next price, even if that is the same as before.
func TestGridAfterAPartialFill(t *testing.T) {
	params := gridParams()
	params["limit"], params["skew"] = "20", "40" // 20 prices at the limit: 4 bought shift by 4
	d := play(t, &script{strategy: "grid_maker", params: params, events: []exchange.Event{
		quote(0, 100, 100.5), trade(time.Second, exchange.Sell, 97.5, 4), quote(2*time.Second, 100, 100.5),
	}})
	require.Equal(t, []string{"1s Buy 4 at 98 → 4"}, d.fills())
	// 100.25 - 4 is 96.25: a spacing around it are 94 and 98, and above the bid 102. One
	// bid is left, since two would exceed the limit.
	require.Equal(t, []string{"Buy 10 at 94", "Sell 10 at 102", "Sell 10 at 104"}, d.resting())
}

// While commands travel, further quotes do not send them again: at any time there
// is one order at a price of a side.
func TestGridWithLatencyHasNoDuplicates(t *testing.T) {
	var feed []exchange.Event
	for i := range 400 {
		// A walk of whole prices up and down by 6, faster than any answer.
		up := float64(i % 24)
		if up > 12 {
			up = 24 - up
		}
		at := time.Duration(i) * 10 * time.Millisecond
		feed = append(feed, quote(at, 100+up/2, 100.5+up/2))
		if i%7 == 0 {
			feed = append(feed, trade(at, exchange.Sell, 100+up/2, 3), trade(at, exchange.Buy, 100.5+up/2, 3))
		}
	}
	d := play(t, &script{strategy: "grid_maker", params: gridParams(), latency: 35 * time.Millisecond, events: feed})
	require.NotEmpty(t, d.fills())
	require.Empty(t, d.logged.lines)
	requireNoDuplicates(t, d)
	cancelled := map[exchange.ClientID]bool{}
	for i := range d.commands {
		if id := d.commands[i].cancel; id != "" {
			require.False(t, cancelled[id], "%s is cancelled twice", id)
			cancelled[id] = true
		}
	}
}

// A rung that is wanted again while its cancellation travels is placed anew at once.
func TestGridComesBackToALeavingRung(t *testing.T) {
	d := play(t, &script{strategy: "grid_maker", params: gridParams(), latency: 100 * time.Millisecond, events: []exchange.Event{
		quote(0, 100, 100.5), quote(time.Second, 101, 101.5), quote(time.Second+50*time.Millisecond, 100, 100.5),
		trade(2*time.Second, exchange.Buy, 100.5, 1),
	}})
	require.Equal(t, []string{"Buy 10 at 96", "Buy 10 at 98", "Sell 10 at 102", "Sell 10 at 104"}, d.resting())
	require.Len(t, d.commands, 4+4+4)
	requireNoDuplicates(t, d)
}

// requireNoDuplicates replays the reports: there is never more than one order that
// rests at a price of a side.
func requireNoDuplicates(t testing.TB, d *desk) {
	t.Helper()
	open := map[string]exchange.ClientID{}
	for i := range d.reports {
		r := &d.reports[i]
		if r.Kind != exchange.ReportOrder && r.Kind != exchange.ReportFill {
			continue
		}
		if r.Order.Status == exchange.PendingNew {
			continue // it was still travelling when the data ended
		}
		at := fmt.Sprint(r.Order.Side, r.Order.Price)
		if r.Order.Status.Final() {
			if open[at] == r.Order.ClientID {
				delete(open, at)
			}
			continue
		}
		if other, ok := open[at]; ok {
			require.Equal(t, other, r.Order.ClientID, "two orders at %s", at)
		}
		open[at] = r.Order.ClientID
	}
}

func TestGridRefusesItsParameters(t *testing.T) {
	_, err := build(t, "grid_maker", with("qty", "50", "limit", "40"))
	requireParamError(t, err, "grid_maker", "qty")
	_, err = build(t, "grid_maker", with("qty", "40", "limit", "40"))
	require.NoError(t, err)
}

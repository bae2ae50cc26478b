package strategies_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

const second = time.Second

// mids quotes a market one price wide around each middle, one a second.
func mids(prices ...float64) []exchange.Event {
	out := make([]exchange.Event, 0, len(prices))
	for i, p := range prices {
		out = append(out, quote(time.Duration(i)*second, p-0.5, p+0.5))
	}
	return out
}

// calm makes the model a plain one: without risk aversion half the spread is 1/κ
// whatever the volatility, here a little less than 2 prices, and inventory does not matter. It quotes
// from the second price on.
func calm(pairs ...string) map[string]string {
	p := with("gamma", "1e-9", "kappa", "0.51", "horizon", "10s", "half_life", "4s", "qty", "10", "limit", "100", "requote", "4")
	for k, v := range with(pairs...) {
		p[k] = v
	}
	return p
}

// A middle that moves by d each second, up or down, has a volatility of d per
// √second, whatever the forgetting. The formulas are those of the paper, written
// down a second time.
func TestAvellanedaStoikovQuotesItsModel(t *testing.T) {
	for _, c := range []struct {
		gamma, kappa, horizon, d float64
		held                     int // orders bought (sold, if negative) before the quote looked at
	}{
		{gamma: 0.1, kappa: 0.5, horizon: 10, d: 1},
		{gamma: 0.1, kappa: 0.5, horizon: 10, d: 2},
		{gamma: 0.01, kappa: 1.5, horizon: 60, d: 1},
		{gamma: 0.5, kappa: 0.3, horizon: 3, d: 1},
		{gamma: 0.1, kappa: 0.5, horizon: 10, d: 1, held: 1},
		{gamma: 0.1, kappa: 0.5, horizon: 10, d: 1, held: -1},
		{gamma: 0.1, kappa: 0.5, horizon: 10, d: 1, held: 2},
		{gamma: 0.1, kappa: 5, horizon: 20, d: 1, held: 1}, // wants to sell at the bid
	} {
		name := fmt.Sprintf("%+v", c)
		feed := mids(1000, 1000+c.d, 1000, 1000+c.d)
		middle := 1000 + c.d
		if c.held != 0 {
			// A trade beyond everything fills the order of a side; the quote of the
			// next second places the next one.
			feed = feed[:2]
			for n := range max(c.held, -c.held) {
				at := time.Duration(n+1)*second + second/2
				if c.held > 0 {
					feed = append(feed, trade(at, exchange.Sell, 900, 1_000_000))
				} else {
					feed = append(feed, trade(at, exchange.Buy, 1100, 1_000_000))
				}
				middle = 2000 + c.d - middle
				at = time.Duration(n+2) * second
				feed = append(feed, quote(at, middle-0.5, middle+0.5))
			}
		}
		number := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
		d := play(t, &script{strategy: "avellaneda_stoikov", events: feed, params: with("gamma", number(c.gamma), "kappa", number(c.kappa),
			"horizon", number(c.horizon)+"s", "half_life", "4s", "qty", "10", "limit", "100", "requote", "1")})
		require.Equal(t, exchange.Qty(10*c.held), d.position(), name)

		sigma2 := c.d * c.d
		r := middle - float64(c.held)*c.gamma*sigma2*c.horizon
		half := (c.gamma*sigma2*c.horizon + 2/c.gamma*math.Log(1+c.gamma/c.kappa)) / 2
		bid := min(math.Floor(2*(r-half))/2, middle) // the offer is half a price above the middle
		ask := max(math.Ceil(2*(r+half))/2, middle)
		require.Equal(t, []string{fmt.Sprintf("Buy 10 at %g", bid), fmt.Sprintf("Sell 10 at %g", ask)}, d.resting(), name)
		require.Empty(t, d.logged.lines)
		for i := range d.commands {
			if o := d.commands[i].submit; o != nil {
				require.Equal(t, exchange.PostOnly, o.ExecInst)
				require.Equal(t, exchange.Limit, o.Type)
			}
		}
	}
}

// Without quotes the last price stands for the middle.
func TestAvellanedaStoikovHearsTradesAndBars(t *testing.T) {
	feed := []exchange.Event{trade(0, exchange.Buy, 100, 1), trade(second, exchange.Buy, 100, 1)}
	d := play(t, &script{strategy: "avellaneda_stoikov", params: calm(), events: feed})
	require.Equal(t, []string{"1s Buy 10 at 98", "1s Sell 10 at 102"}, d.asked())
	d = play(t, &script{strategy: "avellaneda_stoikov", params: calm(), events: closes(100, 100)})
	require.Equal(t, []string{"2m0s Buy 10 at 98", "2m0s Sell 10 at 102"}, d.asked())
}

// It says nothing before a quarter of the half-life has been seen: of five seconds,
// the last weighs 1 and the first 2^(-4/16), which makes 4.6.
func TestAvellanedaStoikovWaitsForTheVolatility(t *testing.T) {
	d := play(t, &script{strategy: "avellaneda_stoikov", params: calm("half_life", "16s"), events: mids(100, 100, 100, 100, 100, 100, 100)})
	require.Equal(t, []string{"5s Buy 10 at 98", "5s Sell 10 at 102"}, d.asked())
}

// A quote is moved once it is off by the threshold, and not before.
func TestAvellanedaStoikovRequotes(t *testing.T) {
	d := play(t, &script{strategy: "avellaneda_stoikov", params: calm(), events: mids(100, 100, 101.5, 98.5, 100, 102, 102, 100)})
	bid, ask := d.commands[0].id, d.commands[1].id
	require.Equal(t, []string{
		"1s Buy 10 at 98", "1s Sell 10 at 102",
		fmt.Sprintf("5s amend %s to 100", bid), fmt.Sprintf("5s amend %s to 104", ask),
		fmt.Sprintf("7s amend %s to 98", bid), fmt.Sprintf("7s amend %s to 102", ask),
	}, d.asked())
	require.Equal(t, []string{"Buy 10 at 98", "Sell 10 at 102"}, d.resting())
}

// While an order, a change or a cancellation travels, it is not asked for again.
func TestAvellanedaStoikovDoesNotRepeatItself(t *testing.T) {
	feed := mids(100, 100, 100, 100, 102, 102, 102, 102, 102, 102, 102, 102, 102)
	d := play(t, &script{strategy: "avellaneda_stoikov", params: calm(), latency: 2500 * time.Millisecond, events: feed})
	require.Len(t, d.between(0, 3*second), 2)
	require.Len(t, d.between(4*second, 4*second), 2)
	require.Len(t, d.commands, 4)
	require.Equal(t, []string{"Buy 10 at 100", "Sell 10 at 104"}, d.resting())

	// The bid fills in part; the rest is withdrawn, with one command.
	feed = mids(100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100)
	feed = slices.Insert(feed, 5, trade(4100*time.Millisecond, exchange.Sell, 97.5, 4))
	d = play(t, &script{strategy: "avellaneda_stoikov", params: calm("limit", "10"), latency: 1500 * time.Millisecond, events: feed})
	require.Equal(t, []string{"4.1s Buy 4 at 98 → 4"}, d.fills())
	require.Equal(t, []string{"6s cancel " + string(d.commands[0].id)}, d.between(2*second, time.Hour))
}

// What would exceed the limit is withdrawn, and comes back once there is room.
func TestAvellanedaStoikovLimit(t *testing.T) {
	feed := mids(100, 100, 100, 100, 100)
	feed = slices.Insert(feed, 2, trade(1500*time.Millisecond, exchange.Sell, 97.5, 4))
	feed = slices.Insert(feed, 4, trade(2500*time.Millisecond, exchange.Buy, 102.5, 4))
	d := play(t, &script{strategy: "avellaneda_stoikov", params: calm("limit", "10"), events: feed})
	require.Equal(t, []string{"1.5s Buy 4 at 98 → 4", "2.5s Sell 4 at 102 → 0"}, d.fills())
	require.Equal(t, []string{"2s cancel " + string(d.commands[0].id)}, d.between(1500*time.Millisecond, 2500*time.Millisecond))
	require.Equal(t, []string{"3s Buy 10 at 98"}, d.between(3*second, time.Hour))
	require.Equal(t, []string{"Buy 10 at 98", "Sell 6 at 102"}, d.resting())

	// The same on the other side, with whole orders: two of them reach the limit.
	feed = mids(100, 100, 100, 100, 100)
	feed = slices.Insert(feed, 2, trade(1500*time.Millisecond, exchange.Buy, 103, 100))
	feed = slices.Insert(feed, 4, trade(2500*time.Millisecond, exchange.Buy, 103, 100))
	d = play(t, &script{strategy: "avellaneda_stoikov", params: calm("limit", "20"), events: feed})
	require.Equal(t, exchange.Qty(-20), d.position())
	require.Equal(t, []string{"Buy 10 at 98"}, d.resting())
}

// A market that comes towards an order on its way has it cancelled, for it may not
// take; the next price places it anew.
func TestAvellanedaStoikovRecoversFromPostOnly(t *testing.T) {
	d := play(t, &script{strategy: "avellaneda_stoikov", params: calm(), latency: 600 * time.Millisecond,
		events: append(mids(100, 100), quote(1500*time.Millisecond, 89.5, 90.5), quote(3*second, 89.5, 90.5), quote(5*second, 89.5, 90.5))})
	require.Empty(t, d.fills())
	require.Equal(t, 1, d.count(exchange.ExecCanceled))
	require.Equal(t, []string{"Buy 10 at 88", "Sell 10 at 92"}, d.resting())
}

// Rejected orders are asked for again at each price.
func TestAvellanedaStoikovRecoversFromRejections(t *testing.T) {
	d := play(t, &script{strategy: "avellaneda_stoikov", params: calm(), balance: 1, events: mids(100, 100, 100, 100)})
	require.Equal(t, 6, d.count(exchange.ExecRejected))
	require.Len(t, d.commands, 6)
}

// A change that the account cannot afford leaves the order where it is, and is
// asked for at each price: 10 at 102 need a margin of 10200, at 104 of 10400.
func TestAvellanedaStoikovRepeatsRejectedChanges(t *testing.T) {
	d := play(t, &script{strategy: "avellaneda_stoikov", params: calm(), balance: 10_250, events: mids(100, 100, 101.5, 102, 102, 102)})
	change := fmt.Sprintf(" amend %s to 104", d.commands[1].id)
	for _, at := range []string{"3s", "4s", "5s"} {
		require.Contains(t, d.asked(), at+change)
	}
	require.Contains(t, d.resting(), "Sell 10 at 102")
}

// A change that arrives after the order has filled is rejected, and so is a
// cancellation; neither stops the side.
func TestAvellanedaStoikovLosesARace(t *testing.T) {
	for name, c := range map[string]struct {
		limit string
		feed  []exchange.Event
		want  exchange.Qty
	}{
		// The bid at 98 fills at 3.1 s, while its move to 100 is on its way.
		"amend": {"100", slices.Insert(mids(100, 100, 100, 102, 102, 102, 102), 4, trade(3100*time.Millisecond, exchange.Sell, 97, 1000)), 10},
		// 4 fill; the cancellation of the rest, sent at 4 s, meets a fill of the rest.
		"cancel": {"10", slices.Insert(slices.Insert(mids(100, 100, 100, 100, 100, 100, 100, 100), 3, trade(2100*time.Millisecond, exchange.Sell, 97.5, 4)),
			5, trade(3100*time.Millisecond, exchange.Sell, 97, 1000)), 10},
	} {
		t.Run(name, func(t *testing.T) {
			d := play(t, &script{strategy: "avellaneda_stoikov", params: calm("limit", c.limit), latency: 300 * time.Millisecond, events: c.feed})
			rejects := 0
			for i := range d.reports {
				if d.reports[i].Kind == exchange.ReportReject {
					rejects++
				}
			}
			require.Equal(t, 1, rejects)
			require.Equal(t, c.want, d.position())
			if c.limit == "100" {
				require.Equal(t, []string{"Buy 10 at 100", "Sell 10 at 104"}, d.resting())
			} else {
				require.Equal(t, []string{"Sell 10 at 102"}, d.resting(), "the limit is reached")
			}
		})
	}
}

// A change that is refused before it is sent leaves the order where it was, and is
// asked for again: the venue's highest price is 108, and half the spread is 4.76.
func TestAvellanedaStoikovRemembersWhereItsOrdersAre(t *testing.T) {
	set := market(t)
	set.Get(0).Terms[0].MaxPrice = price(108)
	d := play(t, &script{strategy: "avellaneda_stoikov", params: calm("kappa", "0.21"), instruments: set, events: mids(100, 100, 103.5, 103)})
	require.Equal(t, []string{"quote refused"}, d.logged.lines, "108.5 is too high")
	// 108 is less than the threshold from the refused 108.5, and more from the ask's 105.
	require.Equal(t, []string{"Buy 10 at 98.5", "Sell 10 at 108"}, d.resting())
}

func TestAvellanedaStoikovRefusesItsParameters(t *testing.T) {
	_, err := build(t, "avellaneda_stoikov", with("qty", "50", "limit", "40"))
	requireParamError(t, err, "avellaneda_stoikov", "qty")
	_, err = build(t, "avellaneda_stoikov", with("qty", "40", "limit", "40"))
	require.NoError(t, err)
}

// Quantities of a maker must be whole lots: there is nobody to round them.
func TestMakersCheckTheLot(t *testing.T) {
	for _, name := range []string{"grid_maker", "avellaneda_stoikov"} {
		set := market(t)
		set.Get(0).Terms[0].LotSize = 100
		e := wire(t, &script{strategy: name, params: with("qty", "150", "limit", "1000"), instruments: set, events: mids(100)}, new(desk))
		_, err := e.Run(t.Context())
		require.ErrorContains(t, err, name+": qty 150 is no multiple of the lot of 100")
	}
}

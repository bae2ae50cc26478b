package strategies_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/strategies"
)

// The contract is linear: q contracts are worth q·1000·price of a wallet of 10_000_000. Half of
// it buys 50 contracts at 100 and 25 at 200.
const tenThousand exchange.Money = 10_000_000

// A position of half the equity is sized where the averages cross, and kept whatever the price
// does until they cross again.
func TestSizeIsDecidedWhenAPositionTurns(t *testing.T) {
	d := play(t, &script{strategy: "sma_cross", params: with("fast", "1", "slow", "2", "bars", ""), balance: tenThousand,
		events: closes(100, 101, 150, 200, 190, 190, 190)})
	// Long at 101: 5000000/101000 = 49.5. The flip at 190: 49 contracts have gained 49·(190-150)
	// thousand, so half of 11960000 at 190000 a contract is 31.4.
	require.Equal(t, []string{"2m0s Buy 49", "5m0s Sell 80"}, d.asked())
	require.Equal(t, exchange.Qty(-31), d.position())
}

func TestSizeOfDonchian(t *testing.T) {
	params := donchianParams("0")
	delete(params, "qty")
	params["size"], params["bars"] = "25%", ""
	d := play(t, &script{strategy: "donchian", params: params, balance: tenThousand,
		events: append(ranging(), bar(4, 102, 106, 102, 106), bar(5, 106, 110, 106, 110), bar(6, 110, 112, 110, 112))})
	// 2500000/106000 = 23.6, also at the breakouts that follow.
	require.Equal(t, exchange.Qty(23), d.position())
	require.Len(t, d.asked(), 1)
}

func TestSizeOfBuyAndHold(t *testing.T) {
	d := play(
		t,
		&script{strategy: "buy_and_hold", params: with("size", "2"), balance: tenThousand, events: closes(100, 100, 150)},
	)
	require.Equal(t, []string{"1m0s Buy 200"}, d.asked())
}

// Contracts win over a share.
func TestQtyReplacesSize(t *testing.T) {
	d := play(
		t,
		&script{
			strategy: "buy_and_hold",
			params:   with("size", "2", "qty", "7"),
			balance:  tenThousand,
			events:   closes(100, 100),
		},
	)
	require.Equal(t, []string{"1m0s Buy 7"}, d.asked())
}

// A size below a lot opens nothing, and the log says so once.
func TestSizeBelowALot(t *testing.T) {
	for _, name := range []string{"buy_and_hold", "sma_cross", "bollinger_reversion"} {
		params := with("size", "0.00001")
		switch name {
		case "sma_cross":
			params = with("size", "0.00001", "fast", "1", "slow", "2", "bars", "")
		case "bollinger_reversion":
			params = with("size", "0.00001", "window", "4", "k", "1", "bars", "")
		}
		d := play(t, &script{strategy: name, params: params, balance: tenThousand,
			events: closes(100, 100, 100, 100, 101, 120, 130, 90, 80, 100)})
		require.Empty(t, d.asked(), name)
		require.Equal(t, []string{"the size is worth less than one lot"}, d.logged.lines, name)
	}
}

// A market maker's order is a twentieth of the equity and its inventory at most half of it, both
// decided at the first price of a day.
func TestMakersQuoteSharesOfTheEquity(t *testing.T) {
	for name, params := range map[string]map[string]string{
		"grid_maker":         with("levels", "2", "spacing", "2"),
		"avellaneda_stoikov": with("half_life", "1s"),
	} {
		next := 24 * time.Hour
		d := play(t, &script{strategy: name, params: params, balance: tenThousand, events: []exchange.Event{
			quote(
				0, 99.5, 100.5,
			),
			quote(10*time.Second, 99.5, 100.5),
			quote(20*time.Second, 99, 101),
			quote(next-time.Second, 199.5, 200.5),
			quote(next+time.Second, 209.5, 210.5),
			quote(next+10*time.Second, 219.5, 220.5),
		}})
		var day, after []exchange.Qty
		for i := range d.commands {
			c := &d.commands[i]
			switch {
			case c.submit == nil:
			case c.at < epoch.Add(next):
				day = append(day, c.submit.Qty)
			default:
				after = append(after, c.submit.Qty)
			}
		}
		slices.Sort(day)
		require.NotEmpty(t, day, name)
		require.Equal(t, exchange.Qty(5), day[0], "%s: 500000/100000", name)
		require.Equal(t, exchange.Qty(5), day[len(day)-1], name)
		if name == "grid_maker" {
			require.NotEmpty(t, after)
			require.Less(t, after[0], exchange.Qty(5), "at 210 it is fewer contracts")
		}
	}
}

// At the inventory limit only the other side is quoted: half of the equity at 100 is 50
// contracts, and a position of 50 leaves room for sells alone.
func TestMakersHoldTheInventoryShare(t *testing.T) {
	params := with("levels", "1", "spacing", "2", "qty", "50", "inventory", "50%")
	d := play(t, &script{strategy: "grid_maker", params: params, balance: tenThousand, events: []exchange.Event{
		quote(0, 99.5, 100.5), trade(time.Second, exchange.Sell, 90, 1000), quote(2*time.Second, 99.5, 100.5),
		quote(3*time.Second, 98.5, 99.5)}})
	require.Equal(t, exchange.Qty(50), d.position())
	for id, o := range d.open() {
		require.Equal(t, exchange.Sell, o.Side, id)
	}
}

// Without a spacing of its own a grid is wide enough to pay its maker fees: at 100 with a fee of
// 0.1 % a round trip costs 0.2, and 0.02 % of the price comes on top, so the orders are 5 ticks
// (ten at least) apart; at 10000 it is 22, 44 ticks of 0.5.
func TestGridPaysItsFees(t *testing.T) {
	for _, c := range []struct {
		price float64
		fee   string
		apart float64
	}{{100, "0.001", 5}, {10_000, "0.001", 22}, {10_000, "-0.001", 5}, {100_000, "0", 20}} {
		set := market(t)
		set.Get(0).Terms[0].MakerFee = exchange.MustRatio(c.fee)
		d := play(t, &script{strategy: "grid_maker", params: with("qty", "1", "limit", "10", "levels", "2"), instruments: set,
			events: []exchange.Event{quote(0, c.price-0.5, c.price+0.5)}})
		var buys []exchange.Price
		for i := range d.commands {
			if o := d.commands[i].submit; o.Side == exchange.Buy {
				buys = append(buys, o.Price)
			}
		}
		require.Len(t, buys, 2)
		require.Equal(t, price(c.apart), buys[0]-buys[1], "at %g with a fee of %s", c.price, c.fee)
	}
}

// What a strategy does when nothing is said: hours, and a share of the equity.
func TestDefaults(t *testing.T) {
	for _, d := range strategies.All() {
		v, err := d.Values(nil)
		require.NoError(t, err)
		require.Equal(t, exchange.Qty(0), v.Qty("qty"), d.Name)
		share, err := strconv.ParseFloat(v.Share("size").String(), 64)
		require.NoError(t, err)
		require.LessOrEqual(t, share, 0.5, d.Name)
		if _, hasBars := v.Text()["bars"]; hasBars {
			require.Equal(t, 4*time.Hour, v.Bars("bars").Interval, d.Name)
		}
	}
}

// Orders that are far apart wait for the market: one that comes nearer tick by tick meets the
// order that was there from the start, and the other side is then quoted a whole spacing away.
func TestAWideGridWaitsForTheMarket(t *testing.T) {
	var feed []exchange.Event
	for i := range 14 { // 99.5/100.5 down to 93/94
		p := 100 - float64(i)/2
		feed = append(feed, quote(time.Duration(i)*time.Second, p-0.5, p+0.5))
	}
	d := play(
		t,
		&script{strategy: "grid_maker", params: with("qty", "1", "limit", "10", "levels", "1", "skew", "0"), events: feed},
	)
	require.Equal(t, []string{"0s Buy 1 at 95", "0s Sell 1 at 105"}, d.between(0, 9*time.Second))
	require.Len(t, d.fills(), 1)
	require.Regexp(t, `^1[01]s Buy 1 at 95 → 1$`, d.fills()[0])
	require.Equal(t, []string{"Buy 1 at 90", "Sell 1 at 100"}, d.resting())
}

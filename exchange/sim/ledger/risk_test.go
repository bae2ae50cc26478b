package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// The account's limit counts positions at their marks and orders at their cost, of all
// symbols that settle in the currency; what reduces a position always passes.
func TestAccountRiskLimit(t *testing.T) {
	first, second := xbtusd(100, "0.5", "0.005", "0"), xbtusd(100, "0.5", "0.005", "0")
	second.symbol = "XBTEUR"
	a := openAccount(t, 1e12, "0", first, second)
	a.LimitRisk("USDt", 1) // there is no such wallet
	a.LimitRisk("XBt", 10_000_000_000)
	setMark(a, 0, "50000")
	setMark(a, 1, "50000")
	trade(a, 0, 2_000_000, "50000") // worth 40 XBT
	a.SetOpen(1, exchange.Buy, 2_000_000, 4_000_000_000)
	price := exchange.MustPrice("50000")
	ask := func(s exchange.SymbolID, side exchange.Side, qty exchange.Qty) error {
		return a.CheckOrder(s, side, qty, price, 0)
	}
	refused := &RiskLimitError{Value: 10_000_200_000, Limit: 10_000_000_000, Account: true}
	for s := range exchange.SymbolID(2) {
		require.NoError(t, ask(s, exchange.Buy, 1_000_000))
		require.Equal(t, refused, ask(s, exchange.Buy, 1_000_100))
	}
	require.EqualError(t, refused, "Value of positions and orders exceeds account Risk Limit")
	require.NoError(t, ask(0, exchange.Sell, 2_000_000), "it reduces")
	require.NoError(t, ask(0, exchange.Sell, 3_000_000))
	require.Error(t, ask(0, exchange.Sell, 3_000_100), "40 of these open a short position, beside the long one that they close")

	// Positions count at their marks.
	setMark(a, 0, "60000") // worth 33.333
	require.NoError(t, ask(1, exchange.Buy, 1_333_300))
	require.Error(t, ask(1, exchange.Buy, 1_333_400))
	a.LimitRisk("XBt", 1)
	require.Error(t, ask(0, exchange.Buy, 100))
	require.NoError(t, ask(0, exchange.Sell, 2_000_000), "it reduces, however low the limit is")
	a.LimitRisk("XBt", 0)
	require.NoError(t, ask(1, exchange.Buy, 20_000_000))
	requireBooks(t, a)
}

// Pairs of two currencies are exchanged and have no position: their orders do not count.
func TestAccountRiskLimitLeavesSpotOut(t *testing.T) {
	a := twoWallets(t, 0, 1_000_000_000_000)
	a.LimitRisk("USDt", 10_000_000_000)
	price := exchange.MustPrice("50000")
	require.NoError(t, a.CheckOrder(1, exchange.Buy, 200_000, price, 0), "10 000 USDT")
	a.SetOpen(2, exchange.Buy, 100_000_000, 50_000_000_000)
	require.NoError(t, a.CheckOrder(1, exchange.Buy, 200_000, price, 0))
	require.Equal(
		t,
		&RiskLimitError{Value: 10_005_000_000, Limit: 10_000_000_000, Account: true},
		a.CheckOrder(1, exchange.Buy, 200_100, price, 0),
	)
	require.NoError(t, a.CheckOrder(2, exchange.Buy, 100_000_000, price, 0))
	requireBooks(t, a)
}

// The highest risk limit is the last one with margins of not more than the whole value.
func TestHighestRiskLimit(t *testing.T) {
	c := stepped() // initial margin 1 %, maintenance 0.5 %: 198 steps are 100 %
	a := openAccount(t, 1e12, "0", c)
	most := c.limit + 198*c.step
	require.NoError(t, a.SetRiskLimit(0, most, 0))
	require.Equal(t, exchange.RatioUnit, a.positions[0].initRate())
	require.EqualError(t, a.SetRiskLimit(0, most+1, 0), "Invalid riskLimit")
	require.Equal(t, most, a.positions[0].riskLimit())
}

// The open orders of each symbol count, whichever were set last.
func TestOpenOrdersOfSeveralSymbols(t *testing.T) {
	list := make([]contract, 3)
	for n, symbol := range []string{"XBTUSD", "XBTEUR", "XBTJPY"} {
		list[n] = xbtusd(100, "0.5", "0.005", "0")
		list[n].symbol = symbol
	}
	a := openAccount(t, 1e12, "0", list...)
	for _, order := range [][]exchange.SymbolID{{0, 1, 2}, {2, 1, 0}, {1, 1, 2}, {0, 2, 0}} {
		for s := range exchange.SymbolID(3) {
			a.SetOpen(s, exchange.Buy, 0, 0)
			a.SetOpen(s, exchange.Sell, 0, 0)
		}
		require.Zero(t, a.Margin(0).InitMargin)
		set := map[exchange.SymbolID]bool{}
		for _, s := range order {
			side := exchange.Buy + exchange.Side(s%2)
			a.SetOpen(s, side, 2_000_000, 4_000_000_000)
			set[s] = true
		}
		require.Equal(t, exchange.Money(len(set))*40_000_000, a.Margin(0).InitMargin, "%v", order)
		requireBooks(t, a)
	}
}

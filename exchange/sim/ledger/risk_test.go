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
	a.LimitRisk("XBt", 0)
	require.NoError(t, ask(1, exchange.Buy, 20_000_000))
	requireBooks(t, a)
}

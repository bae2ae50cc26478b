package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// A wallet that has less than its margins take can still be relieved: a change that
// frees margin passes, and one that takes more does not.
func TestLeverageOfAWalletThatIsShort(t *testing.T) {
	other := xbtusd(100, "0.5", "0.005", "0")
	other.symbol = "XBTEUR"
	a := openAccount(t, 9_000_000, "0", xbtusd(100, "0.5", "0.005", "0"), other)
	setMark(a, 0, "50000")
	setMark(a, 1, "50000")
	require.NoError(t, a.SetLeverage(1, 10*exchange.RatioUnit, 0))
	trade(a, 0, 300_000, "50000") // worth 600 000 000: 6 000 000 initial margin, 3 000 000 maintenance
	trade(a, 1, 10_000, "50000")  // worth 20 000 000: a margin of 2 000 000
	a.SetOpen(0, exchange.Buy, 150_000, 300_000_000)
	require.False(t, setMark(a, 0, "49750"), "3 000 000 are lost")
	require.Negative(t, a.positions[0].wallet.available())

	require.NoError(t, a.SetLeverage(1, 20*exchange.RatioUnit, 0))
	require.Equal(t, exchange.Money(1_000_000), a.Requirements(1).Margin)
	require.Negative(t, a.positions[0].wallet.available(), "still short")
	var short *InsufficientError
	require.ErrorAs(t, a.SetLeverage(1, 15*exchange.RatioUnit, 0), &short)
	require.Equal(t, exchange.Money(1_000_000), a.Requirements(1).Margin, "as before")
	requireBooks(t, a)
}

// A cross position holds its maintenance margin, an isolated one its initial margin,
// down to a single contract of either side.
func TestMarginOfOneContract(t *testing.T) {
	for _, qty := range []exchange.Qty{1, -1, 2, -2} {
		a := openAccount(t, 1e9, "0", xbtusd(1, "0.5", "0.005", "0"))
		setMark(a, 0, "500")
		trade(a, 0, qty, "500") // 200 000 a contract
		r := a.Requirements(0)
		require.Equal(t, exchange.Money(qty.Abs())*1000, r.Maint)
		require.Equal(t, r.Maint, r.Margin, "cross")
		require.NoError(t, a.SetLeverage(0, 10*exchange.RatioUnit, 0))
		require.Equal(t, exchange.Money(qty.Abs())*20_000, a.Requirements(0).Margin, "isolated")
	}
}

// Cross positions without a maintenance margin share what is left in equal parts.
func TestTakeoverWithoutMaintenanceMargin(t *testing.T) {
	other := xbtusd(100, "0.5", "0", "0")
	other.symbol = "XBTEUR"
	a := openAccount(t, 9_000_000, "0", xbtusd(100, "0.5", "0", "0"), other)
	for s := range exchange.SymbolID(2) {
		setMark(a, s, "50000")
		trade(a, s, 100_000, "50000")
	}
	setMark(a, 0, "45000")
	due := a.MustLiquidate(0)
	require.Equal(t, []exchange.SymbolID{0, 1}, due)
	for _, s := range []exchange.SymbolID{0, 1} {
		f, ok := liquidate(a, s, 0)
		require.True(t, ok)
		require.Equal(t, exchange.Qty(100_000), f.Qty)
		require.Positive(t, f.Price)
	}
	require.GreaterOrEqual(t, a.Wallet(), exchange.Money(0))
	requireBooks(t, a)
}

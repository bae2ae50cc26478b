package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Each execution that the venue forces has an order of its own, which is final and is
// not mistaken for an order of the account: two liquidations are two orders.
func TestForcedFillsHaveOrdersOfTheirOwn(t *testing.T) {
	w := newWalletWorld(t, 100_000_000, 10_000_000)
	seen := map[exchange.OrderID]bool{}
	for range 2 {
		w.quote("ABC", "100", "100.5")
		w.mark("ABC", "100")
		w.order(exchange.NewOrder{Side: exchange.Buy, Qty: 100, Type: exchange.Market}, "ABC")
		w.order(exchange.NewOrder{Side: exchange.Buy, Qty: 300, Type: exchange.Market}, "ABC")
		w.mark("ABC", "100.25")
		w.quote("INV", "50000", "50000.5")
		w.mark("INV", "50000")
		require.NoError(t, w.x.SetLeverage(t.Context(), w.id("ABC"), 50*exchange.RatioUnit))
		w.advance()
		w.mark("ABC", "90")
		f := w.fills[len(w.fills)-1]
		require.Equal(t, exchange.ExecLiquidation, f.Type)
		require.Equal(t, exchange.ForcedClose, f.Cause)
		require.NotEmpty(t, f.OrderID)
		require.Empty(t, f.ClientID)
		require.Zero(t, numberOf(f.OrderID), "%s is no order of the account", f.OrderID)
		require.False(t, seen[f.OrderID], "%s is used twice", f.OrderID)
		seen[f.OrderID] = true
		require.NoError(t, w.x.SetLeverage(t.Context(), w.id("ABC"), 0))
		w.advance()
	}
	ids := map[exchange.OrderID]int{}
	for _, f := range w.fills {
		if f.Cause != exchange.ForcedClose {
			ids[f.OrderID]++
		}
	}
	require.Len(t, ids, 4, "the account's own orders are counted as before")
	require.Contains(t, ids, exchange.OrderID("sim-000004"))
}

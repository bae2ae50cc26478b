package page

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMarksSayWhatAFillDid(t *testing.T) {
	r := &run{stops: map[string]bool{"stop": true}}
	for name, c := range map[string]struct {
		row  fillRow
		want markKind
	}{
		"opens":           {fillRow{Side: "Buy", Qty: 10, Position: 10, ExecType: "Trade"}, opened},
		"adds":            {fillRow{Side: "Sell", Qty: 10, Position: -30, ExecType: "Trade"}, opened},
		"turns":           {fillRow{Side: "Sell", Qty: 20, Position: -10, ExecType: "Trade"}, opened},
		"reduces":         {fillRow{Side: "Sell", Qty: 10, Position: 5, ExecType: "Trade"}, closed},
		"closes":          {fillRow{Side: "Buy", Qty: 10, Position: 0, ExecType: "Trade"}, closed},
		"stops":           {fillRow{Side: "Buy", Qty: 10, Position: 0, ExecType: "Trade", OrderID: "stop"}, stopped},
		"opens by a stop": {fillRow{Side: "Buy", Qty: 10, Position: 10, ExecType: "Trade", OrderID: "stop"}, opened},
		"liquidated":      {fillRow{Side: "Buy", Qty: 10, Position: 0, ExecType: "Liquidation"}, forced},
	} {
		require.Equal(t, c.want, r.markOf(&c.row).kind, name)
	}
}

// A run with too many fills to draw has those of a kind and side in a candle drawn
// as one, at their average price.
func TestManyFillsAreMerged(t *testing.T) {
	var m marks
	for i := range mostMarks {
		m.add(mark{at: 1, qty: 1, price: float64(100 + i%2*10), fills: 1}, 1000)
	}
	require.Len(t, m.list(), mostMarks)
	m.add(mark{at: 999, qty: -5, price: 50, fills: 1}, 1000)
	m.add(mark{at: 1000, qty: 2, price: 60, fills: 1}, 1000)
	merged := m.list()
	require.Len(t, merged, 3)
	require.EqualValues(t, mostMarks, merged[0].qty)
	require.InDelta(t, 105, merged[0].price, 1e-9)
	require.Equal(t, mostMarks, merged[0].fills)
	require.Equal(t, mark{at: 999, qty: -5, price: 50, fills: 1}, merged[1])
	require.Equal(t, mark{at: 1000, qty: 2, price: 60, fills: 1}, merged[2])
}

package exchange_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// A position of 899 that cost -7843060 is turned around by a sale of 1299 for 11389191:
// what is left, and what it realised, are those of an account of BitMEX in 2019.
func TestBasisTurnsAround(t *testing.T) {
	b := exchange.BasisOf(899, -7_843_060)
	require.Equal(t, exchange.Money(-39_067), b.Apply(-1299, 11_389_191))
	require.Equal(t, exchange.Qty(-400), b.Qty)
	require.Equal(t, exchange.Money(3_507_064), b.Cost)
}

// Nothing is lost to rounding: costs and what was realised add up to the position's.
func TestBasisAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b exchange.Basis
		var qty exchange.Qty
		var costs, realised exchange.Money
		for range rapid.IntRange(1, 30).Draw(t, "fills") {
			q := exchange.Qty(rapid.IntRange(-50, 50).Filter(func(n int) bool { return n != 0 }).Draw(t, "qty"))
			cost := exchange.Money(-int64(q) * rapid.Int64Range(1, 10_000).Draw(t, "each"))
			realised += b.Apply(q, cost)
			qty += q
			costs += cost
			require.Equal(t, qty, b.Qty)
			require.Equal(t, b.Cost, costs+realised)
			if qty == 0 {
				require.Zero(t, b.Cost)
			}
		}
	})
}

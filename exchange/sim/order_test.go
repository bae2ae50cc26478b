package sim

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
)

// The value of an order is remembered, and worked out anew when anything that it depends
// on has changed: an inverse contract is rounded by the lot, so by the terms of its day.
func TestWorthIsOfTheTermsInForce(t *testing.T) {
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	one, hundred := *i.At(0), *i.At(0)
	one.LotSize, hundred.LotSize = 1, 100
	hundred.From = one.From + 1
	price := exchange.MustPrice("7001")
	o := &order{s: &symbol{terms: &one}}
	require.Equal(t, ledger.Open{Qty: 300, Cost: one.Value(300, price)}, o.worth(300, price))
	require.Equal(t, ledger.Open{Qty: 200, Cost: one.Value(200, price)}, o.worth(200, price))
	require.Equal(t, ledger.Open{Qty: 200, Cost: one.Value(200, 2*price)}, o.worth(200, 2*price))
	o.s.terms = &hundred
	require.NotEqual(t, one.Value(200, 2*price), hundred.Value(200, 2*price))
	require.Equal(t, ledger.Open{Qty: 200, Cost: hundred.Value(200, 2*price)}, o.worth(200, 2*price))
}

// What neighbours look at is in the first line of the cache, and no order shares one with
// another.
func TestOrdersFillLinesOfTheCache(t *testing.T) {
	const line = 64
	var o order
	require.Zero(t, unsafe.Sizeof(o)%line)
	require.LessOrEqual(t, unsafe.Offsetof(o.queue)+unsafe.Sizeof(o.queue.front), uintptr(line))
}

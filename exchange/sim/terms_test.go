package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// At every change of the lot of a built-in instrument, orders and positions are cut to
// whole lots, whether or not the tick changes with it. A smaller lot changes nothing.
func TestBuiltinLotChanges(t *testing.T) {
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	changes := 0
	for _, i := range set.All() {
		for n := range i.Terms[1:] {
			before, after := &i.Terms[n], &i.Terms[n+1]
			if before.LotSize == after.LotSize {
				continue
			}
			changes++
			t.Run(i.Symbol+" "+after.From.String(), func(t *testing.T) { requireRelot(t, set, i, before, after) })
		}
	}
	require.Positive(t, changes)
}

// requireRelot holds a position and orders of one and a half new lots over a change of
// terms, or of one old lot where that is more.
func requireRelot(t *testing.T, set *exchange.Instruments, i *exchange.Instrument, before, after *exchange.Terms) {
	t.Helper()
	x, err := New(Config{Instruments: set, Symbols: []exchange.SymbolID{i.ID}, Currency: i.Settle, Balance: 1e12})
	require.NoError(t, err)
	var reports []exchange.Report
	advance := func(at exchange.Time) {
		q := exchange.Quote{
			BidPrice: 50_000 * exchange.PriceUnit,
			BidQty:   1e9,
			AskPrice: 50_001 * exchange.PriceUnit,
			AskQty:   1e9,
		}
		ev := exchange.QuoteEvent(at, at, i.ID, q)
		x.Market(&ev)
		got, err := x.Advance(t.Context(), at, nil)
		require.NoError(t, err)
		reports = append(reports, got...)
	}
	submit := func(id exchange.ClientID, qty exchange.Qty, typ exchange.OrderType, p exchange.Price) {
		_, err := x.Submit(
			t.Context(),
			exchange.NewOrder{Symbol: i.ID, ClientID: id, Side: exchange.Buy, Qty: qty, Type: typ, Price: p},
		)
		require.NoError(t, err)
	}
	lot := after.LotSize
	odd, small := lot+lot/2, lot/2
	want := map[exchange.ClientID]exchange.Qty{"rest": lot, "small": 0}
	if lot < before.LotSize {
		odd, small = before.LotSize, before.LotSize
		want = map[exchange.ClientID]exchange.Qty{}
	}
	advance(after.From.Add(-time.Minute))
	submit("taken", odd, exchange.Market, 0)
	submit("rest", odd, exchange.Limit, 40_000*exchange.PriceUnit)
	submit("small", small, exchange.Limit, 40_000*exchange.PriceUnit)
	advance(after.From - 1)
	require.Equal(t, odd, x.Account().Position(i.ID).Qty, "not before the change")
	reports = reports[:0]
	advance(after.From)
	require.Equal(t, odd-odd%lot, x.Account().Position(i.ID).Qty)
	left := map[exchange.ClientID]exchange.Qty{}
	for k := range reports {
		if r := &reports[k]; r.Kind == exchange.ReportOrder {
			left[r.Order.ClientID] = r.Order.Leaves
		}
	}
	require.Equal(t, want, left)
}

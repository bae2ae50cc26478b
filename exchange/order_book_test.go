package exchange

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A book of orders adds up to the book of levels, keeps places as a venue does, and a
// snapshot of what it holds changes nothing.
func TestOrderBook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewOrderBook(PriceUnit)
		type placed struct {
			BookOrder
			side Side
		}
		known := map[uint64]placed{}
		for range rapid.IntRange(1, 80).Draw(t, "events") {
			side := Side(rapid.IntRange(1, 2).Draw(t, "side"))
			o := BookOrder{ID: rapid.Uint64Range(1, 12).Draw(t, "id"), Price: Price(rapid.IntRange(95, 105).Draw(t, "price")) * PriceUnit,
				Qty: Qty(rapid.IntRange(0, 9).Draw(t, "qty"))}
			e := BookOrderEvent(1, 1, 0, side, o, FlagLast)
			require.Equal(t, o, e.BookOrder())
			seq, before := b.Seq(), known[o.ID]
			was, now := b.Apply(&e)
			require.Equal(t, before.Qty, was.Qty)
			switch {
			case o.Qty == 0:
				delete(known, o.ID)
				require.Zero(t, now.Qty)
			case before.side == side && before.Price == o.Price && o.Qty <= before.Qty:
				require.Equal(t, was.Seq, now.Seq, "it keeps its place")
				known[o.ID] = placed{o, side}
			default:
				require.Equal(t, seq+1, now.Seq)
				known[o.ID] = placed{o, side}
			}
			sums := map[Side]map[Price]Qty{Buy: {}, Sell: {}}
			for _, k := range known {
				sums[k.side][k.Price] += k.Qty
			}
			for side, levels := range sums {
				require.Equal(t, len(levels), b.Book().Len(side))
				for p, q := range levels {
					require.Equal(t, q, b.Book().Qty(side, p))
					require.Equal(t, q, b.Ahead(side, p, b.Seq()))
				}
			}
			require.Equal(t, len(known), b.Len())
		}
		places := map[uint64]Queued{}
		var events []Event
		listed := b.AppendOrders(nil)
		for n, q := range listed {
			require.True(t, n == 0 || listed[n-1].Seq < q.Seq)
			places[q.ID] = q
			events = append(events, BookOrderEvent(1, 1, 0, q.Side, q.BookOrder, FlagSnapshot))
		}
		if len(events) == 0 {
			return
		}
		events[0].Flags |= FlagClear
		events[len(events)-1].Flags |= FlagLast
		b.Retick(PriceUnit / 2)
		for i := range events {
			b.Apply(&events[i])
		}
		require.Equal(t, len(places), b.Len())
		for id, want := range places {
			got, ok := b.Order(id)
			require.True(t, ok)
			require.Equal(t, want, got)
		}
	})
}

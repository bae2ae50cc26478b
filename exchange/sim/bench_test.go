package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

const half = exchange.PriceUnit / 2

// walkEvents makes a stream of one kind of event around a price that wanders.
func walkEvents(kind exchange.EventKind, n int) []exchange.Event {
	r := rand.New(rand.NewPCG(1, 2))
	events := make([]exchange.Event, 0, n)
	mid := 20_000 * half
	at := epoch
	for len(events) < n {
		at = at.Add(time.Millisecond)
		if r.IntN(4) == 0 {
			mid += exchange.Price(r.IntN(3)-1) * half
		}
		mid = max(mid, 19_900*half)
		mid = min(mid, 20_100*half)
		q := exchange.Qty(1 + r.IntN(1000))
		switch kind {
		case exchange.KindTrade:
			side := exchange.Side(1 + r.IntN(2))
			events = append(events, exchange.TradeEvent(at, at, 0, exchange.Trade{Side: side, Price: mid, Qty: q}))
		case exchange.KindQuote:
			events = append(events, exchange.QuoteEvent(at, at, 0, exchange.Quote{BidPrice: mid - half, BidQty: q, AskPrice: mid + half, AskQty: q}))
		case exchange.KindBook:
			side := exchange.Side(1 + r.IntN(2))
			// Around a fixed middle: levels that a moving one left behind would cross the book.
			p := 20_000*half - exchange.Price(side.Sign())*half*exchange.Price(1+r.IntN(20))
			f := exchange.FlagLast
			if r.IntN(5) == 0 {
				q = 0
			}
			events = append(events, exchange.LevelEvent(at, at, 0, side, exchange.Level{Price: p, Qty: q}, f))
		case exchange.KindBar:
			events = append(events, exchange.BarEvent(exchange.Bar{Start: epoch.Add(time.Duration(len(events)) * time.Minute),
				End: epoch.Add(time.Duration(len(events)+1) * time.Minute), Open: mid, High: mid + 4*half, Low: mid - 4*half, Close: mid + half, Volume: q}))
		}
	}
	return events
}

// feed gives events to an exchange as the engine does.
func feed(tb testing.TB, x *Exchange, events []exchange.Event, reports []exchange.Report) []exchange.Report {
	for i := range events {
		ev := &events[i]
		for x.Next() < ev.Time {
			reports, _ = x.Advance(context.Background(), x.Next(), reports[:0])
		}
		x.Market(ev)
		if x.Next() <= ev.Time {
			reports, _ = x.Advance(context.Background(), ev.Time, reports[:0])
		}
	}
	return reports
}

func BenchmarkMarket(b *testing.B) {
	kinds := map[string]exchange.EventKind{"trades": exchange.KindTrade, "quotes": exchange.KindQuote, "book": exchange.KindBook, "bars": exchange.KindBar}
	for _, name := range []string{"bars", "trades", "quotes", "book"} {
		for _, orders := range []int{0, 4} {
			b.Run(fmt.Sprintf("%s/orders=%d", name, orders), func(b *testing.B) {
				events := walkEvents(kinds[name], 1<<12)
				x, err := New(testConfig(b))
				require.NoError(b, err)
				reports := make([]exchange.Report, 0, 64)
				reports = feed(b, x, events[:1000], reports)
				for i := range orders {
					o := exchange.NewOrder{Symbol: 0, Side: exchange.Buy, Qty: 1, Price: exchange.Price(19_800-i) * half}
					if i%2 == 1 {
						o.Side, o.Price = exchange.Sell, exchange.Price(20_200+i)*half
					}
					_, err := x.Submit(context.Background(), o)
					require.NoError(b, err)
				}
				_, err = x.Advance(context.Background(), x.now, reports[:0])
				require.NoError(b, err)
				require.Equal(b, orders, x.symbols[0].busy)
				b.ReportAllocs()
				b.ResetTimer()
				for i := range b.N {
					ev := &events[i&(1<<12-1)]
					x.Market(ev)
				}
				b.StopTimer()
				require.Equal(b, orders, x.symbols[0].busy)
			})
		}
	}
}

package data

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// benchRows is the size of the larger streams of the benchmarks.
const benchRows = 4_000_000

// history makes streams with the shape of BitMEX's: times in clusters, prices
// that walk on a tick of 0.5, sizes in hundreds with a heavy tail.
type history struct {
	rng   *rand.Rand
	now   exchange.Time
	price exchange.Price
}

func newHistory() *history {
	return &history{rng: rand.New(rand.NewPCG(1, 2)), now: testDay, price: price("40000")}
}

func (h *history) tick(step time.Duration) (at, arrival exchange.Time) {
	if h.rng.IntN(3) == 0 {
		h.now += exchange.Time(h.rng.Int64N(int64(step)) * 6 / 1000 * 1000)
		h.price += exchange.Price(h.rng.IntN(3)-1) * exchange.PriceUnit / 2
	}
	return h.now, h.now + exchange.Time(2*time.Millisecond) + exchange.Time(h.rng.IntN(1_000_000))
}

func (h *history) qty() exchange.Qty {
	n := exchange.Qty(100)
	for h.rng.IntN(3) == 0 && n < 10_000_000 {
		n *= 1 + exchange.Qty(h.rng.IntN(5))
	}
	return n
}

func (h *history) side() exchange.Side { return exchange.Buy + exchange.Side(h.rng.IntN(2)) }

func (h *history) trades(n int, step time.Duration) []exchange.Event {
	out := make([]exchange.Event, n)
	for i := range out {
		at, arrival := h.tick(step)
		out[i] = exchange.TradeEvent(at, arrival, 0, exchange.Trade{Side: h.side(), Price: h.price, Qty: h.qty()})
	}
	return out
}

func (h *history) quotes(n int, step time.Duration) []exchange.Event {
	out := make([]exchange.Event, n)
	for i := range out {
		at, arrival := h.tick(step)
		out[i] = exchange.QuoteEvent(at, arrival, 0, exchange.Quote{
			BidPrice: h.price, BidQty: h.qty(), AskPrice: h.price + exchange.PriceUnit/2, AskQty: h.qty(),
		})
	}
	return out
}

func (h *history) book(n int, step time.Duration) []exchange.Event {
	out := make([]exchange.Event, n)
	for i := range out {
		at, arrival := h.tick(step)
		s := h.side()
		away := exchange.Price(h.rng.IntN(50)) * exchange.PriceUnit / 2
		l := exchange.Level{Price: h.price - away, Qty: h.qty()}
		if s == exchange.Sell {
			l.Price = h.price + exchange.PriceUnit/2 + away
		}
		out[i] = exchange.LevelEvent(at, arrival, 0, s, l, exchange.Flags(h.rng.IntN(2)))
	}
	return out
}

func (h *history) bars(n int, interval time.Duration) []exchange.Event {
	out := make([]exchange.Event, n)
	for i := range out {
		open := h.price
		h.price += exchange.Price(h.rng.IntN(41)-20) * exchange.PriceUnit / 2
		wick := exchange.Price(h.rng.IntN(20)) * exchange.PriceUnit / 2
		v := h.qty() * 100
		out[i] = exchange.BarEvent(exchange.Bar{
			Start: h.now, End: h.now.Add(interval), Open: open, High: max(open, h.price) + wick, Low: min(open, h.price) - wick,
			Close: h.price, Volume: v, Turnover: exchange.Money(int64(v) * 2500), Trades: h.rng.Int64N(400),
		})
		h.now = h.now.Add(interval)
	}
	return out
}

// benchCatalog is written once for all benchmarks of a run.
var benchCatalog = sync.OnceValues(func() (*Catalog, error) {
	dir, err := benchDir()
	if err != nil {
		return nil, err
	}
	c, err := Create(dir)
	if err != nil {
		return nil, err
	}
	for _, s := range []struct {
		kind string
		make func() []exchange.Event
	}{
		{KindTrade, func() []exchange.Event { return newHistory().trades(benchRows, 60*time.Millisecond) }},
		{KindQuote, func() []exchange.Event { return newHistory().quotes(benchRows, 60*time.Millisecond) }},
		{KindBook, func() []exchange.Event { return newHistory().book(benchRows, 60*time.Millisecond) }},
		{"bar-1m", func() []exchange.Event { return newHistory().bars(benchRows, time.Minute) }},
	} {
		if _, err := tryLoad(c, s.kind, key(s.kind), s.make()); err != nil {
			return nil, err
		}
	}
	return c, nil
})

func benchFeed(b *testing.B, kinds ...string) {
	b.Helper()
	c, err := benchCatalog()
	require.NoError(b, err)
	var keys []Key
	for _, k := range kinds {
		keys = append(keys, key(k))
	}
	q := Query{Instruments: instruments(b), Streams: keys}
	events := make([]exchange.Event, 1024)
	var sum int64
	touch := func(e *exchange.Event) { sum += int64(e.Time) + int64(e.Side) } // a callback the compiler cannot see through
	b.ReportAllocs()
	b.ResetTimer()
	var total, bytes int64
	for range b.N {
		total += scan(b, c, q, events, touch)
	}
	b.StopTimer()
	infos, err := c.Info(context.Background())
	require.NoError(b, err)
	for _, info := range infos {
		for _, k := range keys {
			if k == info.Key {
				bytes += info.Bytes
			}
		}
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds()/1e6, "Mevents/s")
	b.ReportMetric(float64(bytes)*float64(b.N)/float64(total), "B/event")
	b.ReportMetric(float64(sum&1), "x")
}

func scan(b *testing.B, c *Catalog, q Query, events []exchange.Event, each func(*exchange.Event)) (total int64) {
	b.Helper()
	f, err := c.Feed(context.Background(), q)
	require.NoError(b, err)
	for {
		n, err := f.Next(context.Background(), events)
		for i := range events[:n] {
			each(&events[i])
		}
		total += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(b, err)
	}
	require.NoError(b, f.Close())
	return total
}

func BenchmarkFeedTrades(b *testing.B)       { benchFeed(b, KindTrade) }
func BenchmarkFeedQuotes(b *testing.B)       { benchFeed(b, KindQuote) }
func BenchmarkFeedTradesQuotes(b *testing.B) { benchFeed(b, KindTrade, KindQuote) }
func BenchmarkFeedBook(b *testing.B)         { benchFeed(b, KindBook) }
func BenchmarkFeedBars(b *testing.B)         { benchFeed(b, "bar-1m") }

// BenchmarkOpenYear is what a run pays before its first bar.
func BenchmarkOpenYear(b *testing.B) {
	c := newCatalog(b)
	h := newHistory()
	h.now = at("2020-01-01")
	load(b, c, "bars", key("bar-1m"), h.bars(366*24*60, time.Minute))
	q := Query{Instruments: instruments(b), Streams: []Key{key("bar-1m")}}
	events := make([]exchange.Event, 1024)
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			f, err := c.Feed(context.Background(), q)
			require.NoError(b, err)
			_, err = f.Next(context.Background(), events)
			require.NoError(b, err)
			require.NoError(b, f.Close())
		}
	})
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			scan(b, c, q, events, func(*exchange.Event) {})
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	const rows = 1_000_000
	for _, s := range []struct {
		kind   string
		events []exchange.Event
	}{
		{KindTrade, newHistory().trades(rows, 20*time.Millisecond)},
		{KindQuote, newHistory().quotes(rows, 20*time.Millisecond)},
		{KindBook, newHistory().book(rows, 20*time.Millisecond)},
		{"bar-1m", newHistory().bars(rows, time.Minute)},
	} {
		b.Run(s.kind, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				b.StopTimer()
				c := newCatalog(b)
				b.StartTimer()
				load(b, c, "in", key(s.kind), s.events)
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
		})
	}
}

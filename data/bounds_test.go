package data

import (
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// drain reads a feed to its end and returns what ended it.
func drain(t testing.TB, c *Catalog, q Query) error {
	t.Helper()
	q.Instruments = instruments(t)
	f, err := c.Feed(t.Context(), q)
	if err != nil {
		return err
	}
	defer func() { require.NoError(t, f.Close()) }()
	buf := make([]exchange.Event, 1000)
	for {
		if _, err := f.Next(t.Context(), buf); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// sound returns events of a kind with numbers that XBTUSD has.
func sound(kind string, n int) []exchange.Event {
	events := make([]exchange.Event, n)
	p, q := price("40000.5"), exchange.Qty(1000)
	for i := range events {
		at := testDay.Add(time.Duration(i) * time.Minute)
		e := &events[i]
		switch kind {
		case KindTrade:
			*e = exchange.TradeEvent(at, at+5, 0, exchange.Trade{Side: exchange.Buy, Price: p, Qty: q})
		case KindLiquidation:
			*e = exchange.LiquidationEvent(at, at+5, 0, exchange.Trade{Side: exchange.Sell, Price: p, Qty: q})
		case KindQuote:
			*e = exchange.QuoteEvent(
				at,
				at+5,
				0,
				exchange.Quote{BidPrice: p, BidQty: q, AskPrice: p + exchange.PriceUnit, AskQty: q},
			)
		case KindBook:
			*e = exchange.LevelEvent(at, at+5, 0, exchange.Buy, exchange.Level{Price: p, Qty: q}, exchange.FlagLast)
		case KindOrder:
			*e = exchange.BookOrderEvent(
				at,
				at+5,
				0,
				exchange.Buy,
				exchange.BookOrder{ID: uint64(i), Price: p, Qty: q},
				exchange.FlagLast,
			)
		case KindMark:
			*e = exchange.MarkEvent(at, at+5, 0, exchange.Mark{Mark: p, Index: p})
		case KindFunding:
			*e = exchange.FundingEvent(at, at+5, 0, exchange.Funding{Rate: exchange.MustRatio("0.0001"), Due: at})
		default:
			*e = exchange.BarEvent(
				exchange.Bar{
					Start:    at,
					End:      at.Add(time.Minute),
					Open:     p,
					High:     p,
					Low:      p,
					Close:    p,
					Volume:   q,
					Turnover: 5,
					Trades:   1,
				},
			)
		}
	}
	return events
}

func TestFeedRefusesWhatIsOutOfBounds(t *testing.T) {
	tiny, huge := price("0.0000001"), exchange.MaxPrice
	bar := func(change func(*exchange.Bar)) func(*exchange.Event) {
		return func(e *exchange.Event) {
			b := e.Bar()
			change(&b)
			*e = exchange.BarEvent(b)
		}
	}
	tests := []struct {
		name, kind, column string
		spoil              func(*exchange.Event)
	}{
		{"tiny trade price", KindTrade, "price", func(e *exchange.Event) {
			e.SetTrade(e.Time, e.Arrival, 0, exchange.Trade{Side: 1, Price: tiny, Qty: 1})
		}},
		{
			"no trade price",
			KindTrade,
			"price",
			func(e *exchange.Event) { e.SetTrade(e.Time, e.Arrival, 0, exchange.Trade{Side: 1, Qty: 1}) },
		},
		{"endless trade", KindTrade, "qty", func(e *exchange.Event) {
			e.SetTrade(e.Time, e.Arrival, 0, exchange.Trade{Side: 1, Price: price("40000"), Qty: math.MaxInt64})
		}},
		{"empty trade", KindTrade, "qty", func(e *exchange.Event) {
			e.SetTrade(e.Time, e.Arrival, 0, exchange.Trade{Side: 1, Price: price("40000")})
		}},
		{"trade that never arrives", KindTrade, "arrival", func(e *exchange.Event) { e.Arrival = exchange.Never }},
		{"trade that arrives before 1970", KindTrade, "time", func(e *exchange.Event) { e.Arrival = math.MinInt64 }},
		{"huge liquidation", KindLiquidation, "price", func(e *exchange.Event) {
			*e = exchange.LiquidationEvent(e.Time, e.Arrival, 0, exchange.Trade{Side: 1, Price: huge, Qty: 1})
		}},
		{"negative bid", KindQuote, "bid_price", func(e *exchange.Event) {
			e.SetQuote(e.Time, e.Arrival, 0, exchange.Quote{BidPrice: -1, AskPrice: price("1")})
		}},
		{"negative ask size", KindQuote, "ask_qty", func(e *exchange.Event) {
			e.SetQuote(e.Time, e.Arrival, 0, exchange.Quote{BidPrice: price("1"), AskPrice: price("2"), AskQty: -1})
		}},
		{
			"tiny level",
			KindBook,
			"price",
			func(e *exchange.Event) { e.SetLevel(e.Time, e.Arrival, 0, 1, exchange.Level{Price: tiny, Qty: 1}, 0) },
		},
		{"negative level", KindBook, "qty", func(e *exchange.Event) {
			e.SetLevel(e.Time, e.Arrival, 0, 1, exchange.Level{Price: price("40000"), Qty: math.MinInt64}, 0)
		}},
		{"endless order", KindOrder, "qty", func(e *exchange.Event) {
			e.SetBookOrder(e.Time, e.Arrival, 0, 1, exchange.BookOrder{Price: price("40000"), Qty: math.MaxInt64}, 0)
		}},
		{
			"tiny mark",
			KindMark,
			"mark",
			func(e *exchange.Event) { *e = exchange.MarkEvent(e.Time, e.Arrival, 0, exchange.Mark{Mark: tiny}) },
		},
		{
			"huge index",
			KindMark,
			"index",
			func(e *exchange.Event) { *e = exchange.MarkEvent(e.Time, e.Arrival, 0, exchange.Mark{Index: huge}) },
		},
		{"huge rate", KindFunding, "rate", func(e *exchange.Event) {
			*e = exchange.FundingEvent(e.Time, e.Arrival, 0, exchange.Funding{Rate: exchange.RatioUnit, Due: e.Time})
		}},
		{
			"rate due in 1970",
			KindFunding,
			"due",
			func(e *exchange.Event) { *e = exchange.FundingEvent(e.Time, e.Arrival, 0, exchange.Funding{Due: 1}) },
		},
		{"tiny open", "bar-1m", "open", bar(func(b *exchange.Bar) { b.Open = tiny })},
		{"tiny high", "bar-1m", "high", bar(func(b *exchange.Bar) { b.High = 1 })},
		{"tiny low", "bar-1m", "low", bar(func(b *exchange.Bar) { b.Low = 1 })},
		{"huge close", "bar-1m", "close", bar(func(b *exchange.Bar) { b.Close = huge })},
		{"endless volume", "bar-1m", "volume", bar(func(b *exchange.Bar) { b.Volume = math.MaxInt64 })},
		{"negative turnover", "bar-1m", "turnover", bar(func(b *exchange.Bar) { b.Turnover = -1 })},
		{"endless trades", "bar-1m", "trades", bar(func(b *exchange.Bar) { b.Trades = math.MaxInt64 })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCatalog(t)
			events := sound(tt.kind, 10)
			tt.spoil(&events[7])
			load(t, c, "a", key(tt.kind), events)
			err := drain(t, c, Query{Streams: []Key{key(tt.kind)}})
			var bad *ValueError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, tt.column, bad.Column)
			require.EqualValues(t, 7, bad.Row)
			require.Zero(t, bad.RowGroup)
			require.Contains(t, bad.Path, "kind="+tt.kind+"/symbol=XBTUSD/")
			require.Contains(t, err.Error(), "row 7")
			require.NoError(
				t,
				drain(t, c, Query{Streams: []Key{key(tt.kind)}, To: events[7].Time}),
				"what is outside the range is not looked at",
			)
			require.NoError(t, drain(t, c, Query{Streams: []Key{key(tt.kind)}, Unbounded: true}))

			report, err := c.Verify(t.Context(), VerifyOptions{Instruments: instruments(t)})
			require.NoError(t, err)
			require.Positive(t, report.Problems, "data verify tells of it too")
		})
	}
}

// A quantity beyond what has a value at every price is no error where it has one.
func TestFeedTakesWhatHasAValue(t *testing.T) {
	c := newCatalog(t)
	events := sound("bar-1d", 3)
	for i := range events {
		start := testDay.Add(time.Duration(i) * 24 * time.Hour)
		p := price("10000")
		events[i] = exchange.BarEvent(
			exchange.Bar{
				Start:  start,
				End:    start.Add(24 * time.Hour),
				Open:   p,
				High:   p,
				Low:    p,
				Close:  p,
				Volume: 20_000_000_000,
			},
		)
	}
	load(t, c, "a", key("bar-1d"), events)
	require.NoError(t, drain(t, c, Query{Streams: []Key{key("bar-1d")}}))
}

// What is taken for usual by columns is within bounds by rows.
func TestUsualIsWithinBounds(t *testing.T) {
	i, err := instruments(t).Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	bounds := i.Bounds()
	edges := []int64{
		math.MinInt64,
		-1,
		0,
		1,
		int64(bounds.Low) - 1,
		int64(bounds.Low),
		int64(bounds.High),
		int64(bounds.High) + 1,
		int64(
			bounds.Plenty,
		),
		int64(bounds.Plenty) + 1,
		int64(exchange.MaxEventQty),
		math.MaxInt64,
		int64(testDay),
		int64(testDay) + int64(exchange.MaxTravel) + 1,
	}
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(allKinds).Draw(t, "kind")
		l := layoutOf(kind)
		b := newBlock(l, 4)
		b.n = rapid.IntRange(1, 4).Draw(t, "rows")
		value := rapid.OneOf(rapid.SampledFrom(edges), rapid.Int64(), rapid.Int64Range(int64(bounds.Low), int64(bounds.High)))
		for row := range b.n {
			for c := range b.ints {
				b.ints[c][row] = value.Draw(t, "value")
			}
			b.ints[0][row] = rapid.Int64Range(0, int64(exchange.Never)/2).Draw(t, "time")
			if row > 0 {
				b.ints[0][row] = max(b.ints[0][row], b.ints[0][row-1])
			}
			if rapid.Bool().Draw(t, "arrives") {
				b.ints[1][row] = b.ints[0][row] + int64(time.Minute)
			}
		}
		usually := usual(l.event, b, &bounds)
		h := &head{kind: l.event}
		h.set(b)
		events := make([]exchange.Event, b.n)
		h.fill(events)
		for i := range events {
			if usually {
				require.NoError(t, errors.Join(bounds.Check(&events[i]), bounds.CheckArrival(&events[i])), events[i].String())
			}
		}
	})
}

func BenchmarkUsual(b *testing.B) {
	i, err := instruments(b).Lookup("bitmex", "XBTUSD")
	require.NoError(b, err)
	bounds := i.Bounds()
	events := newHistory().trades(blockRows, time.Second)
	blk := newBlock(&tradeLayout, blockRows)
	blk.n = blockRows
	for n := range events {
		t := events[n].Trade()
		blk.ints[0][n], blk.ints[1][n], blk.ints[2][n], blk.ints[3][n] = int64(
			events[n].Time,
		), int64(
			events[n].Arrival,
		), int64(
			t.Price,
		), int64(
			t.Qty,
		)
	}
	for b.Loop() {
		if !usual(exchange.KindTrade, blk, &bounds) {
			b.Fatal("unusual")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/blockRows, "ns/row")
}

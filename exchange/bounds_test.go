package exchange_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

var boundsAt = exchange.TimeOf(time.Date(2020, 6, 1, 0, 0, 0, 0, time.UTC))

func boundsOf(t testing.TB, symbol string) (exchange.Bounds, *exchange.Instrument) {
	t.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", symbol)
	require.NoError(t, err)
	bounds := i.Bounds()
	return bounds, i
}

func px(s string) exchange.Price { return exchange.MustPrice(s) }

func TestBoundsOfMarketEvents(t *testing.T) {
	trade := func(side exchange.Side, p string, q exchange.Qty) exchange.Event {
		return exchange.TradeEvent(boundsAt, boundsAt, 0, exchange.Trade{Side: side, Price: px(p), Qty: q})
	}
	level := func(side exchange.Side, p string, q exchange.Qty) exchange.Event {
		return exchange.LevelEvent(boundsAt, boundsAt, 0, side, exchange.Level{Price: px(p), Qty: q}, 0)
	}
	order := func(p string, q exchange.Qty) exchange.Event {
		return exchange.BookOrderEvent(
			boundsAt,
			boundsAt,
			0,
			exchange.Buy,
			exchange.BookOrder{ID: 1, Price: px(p), Qty: q},
			0,
		)
	}
	quote := func(bid string, bidQty exchange.Qty, ask string, askQty exchange.Qty) exchange.Event {
		return exchange.QuoteEvent(
			boundsAt,
			boundsAt,
			0,
			exchange.Quote{BidPrice: px(bid), BidQty: bidQty, AskPrice: px(ask), AskQty: askQty},
		)
	}
	mark := func(m, i string) exchange.Event {
		return exchange.MarkEvent(boundsAt, boundsAt, 0, exchange.Mark{Mark: px(m), Index: px(i)})
	}
	funding := func(rate string, due exchange.Time) exchange.Event {
		return exchange.FundingEvent(boundsAt, boundsAt, 0, exchange.Funding{Rate: exchange.MustRatio(rate), Due: due})
	}
	bar := func(change func(*exchange.Bar)) exchange.Event {
		b := exchange.Bar{
			Start:    boundsAt,
			End:      boundsAt.Add(time.Minute),
			Open:     px("9000"),
			High:     px("9010"),
			Low:      px("8990"),
			Close:    px("9005"),
			Volume:   1_000_000,
			Turnover: 11_111_111_111,
			Trades:   42,
		}
		change(&b)
		return exchange.BarEvent(b)
	}
	tests := []struct {
		name  string
		event exchange.Event
		field string // empty: it is within the bounds
		live  string // the field that is wrong of a live event; "" the same as field
	}{
		{"trade", trade(exchange.Buy, "9000.5", 100), "", ""},
		{"trade off every tick", trade(exchange.Buy, "9000.005", 100), "", "price"},
		{"trade without a side", trade(exchange.NoSide, "9000", 100), "side", ""},
		{"trade of side 7", trade(7, "9000", 100), "side", ""},
		{"trade at 0", trade(exchange.Sell, "0", 100), "price", ""},
		{"trade at -5", trade(exchange.Sell, "-5", 100), "price", ""},
		{"trade below a tick", trade(exchange.Sell, "0.0000001", 100), "price", ""},
		{"trade above the greatest price", trade(exchange.Sell, "99999999", 100), "price", ""},
		{"trade of 0", trade(exchange.Sell, "9000", 0), "size", ""},
		{"trade of -1", trade(exchange.Sell, "9000", -1), "size", ""},
		{"trade of every contract", trade(exchange.Sell, "9000", math.MaxInt64), "size", ""},
		{"trade of a fifth of them", trade(exchange.Sell, "9000", math.MaxInt64/5), "size", ""},
		{"trade of what has a value at its price only", trade(exchange.Sell, "9000", 100_000_000_000), "", ""},
		{"trade of that at a price where it has none", trade(exchange.Sell, "1", 100_000_000_000), "size", ""},
		{"level", level(exchange.Buy, "9000", 5), "", ""},
		{"level removed", level(exchange.Buy, "9000", 0), "", ""},
		{"level without a side", level(exchange.NoSide, "9000", 5), "side", ""},
		{"level at 1e-8", level(exchange.Sell, "0.00000001", 0), "price", ""},
		{"level of less than nothing", level(exchange.Sell, "9000", math.MinInt64), "size", ""},
		{"order", order("9000", 5), "", ""},
		{"order at -1", order("-1", 5), "price", ""},
		{"order of 2^62", order("9000", 1<<62), "size", ""},
		{"quote", quote("9000", 5, "9000.5", 5), "", ""},
		{"quote without an ask", quote("9000", 5, "0", 0), "", ""},
		{"crossed quote", quote("9001", 5, "9000.5", 5), "", "bidPrice"},
		{"locked quote", quote("9000.5", 5, "9000.5", 5), "", "bidPrice"},
		{"quote with a negative bid", quote("-9000", 5, "9000.5", 5), "bidPrice", ""},
		{"quote with a negative ask", quote("9000", 5, "-9000.5", 5), "askPrice", ""},
		{"quote with a negative size", quote("9000", -5, "9000.5", 5), "bidSize", ""},
		{"quote with an endless size", quote("9000", 5, "9000.5", math.MaxInt64), "askSize", ""},
		{"quote without a bid but with a size", quote("0", math.MaxInt64, "9000.5", 5), "bidSize", ""},
		{"mark", mark("9000.123", "9000.4567"), "", ""},
		{"mark alone", mark("9000.123", "0"), "", ""},
		{"mark of 1e-8", mark("0.00000001", "0"), "markPrice", ""},
		{"mark of 1e-10", mark("0.0000000001", "0"), "markPrice", ""},
		{"mark of -5", mark("-5", "0"), "markPrice", ""},
		{"index of -5", mark("9000", "-5"), "indexPrice", ""},
		{"index beyond", mark("9000", "9000000"), "indexPrice", ""},
		{"funding", funding("0.0001", boundsAt.Add(8*time.Hour)), "", ""},
		{"funding of minus a tenth", funding("-0.1", boundsAt), "", ""},
		{"funding of 500 %", funding("5", boundsAt), "fundingRate", ""},
		{"funding of -11 %", funding("-0.11", boundsAt), "fundingRate", ""},
		{"funding due in 1970", funding("0.0001", 0), "fundingTimestamp", ""},
		{"funding due before 1970", funding("0.0001", math.MinInt64), "fundingTimestamp", ""},
		{"funding never due", funding("0.0001", exchange.Never), "fundingTimestamp", ""},
		{"funding due in a week", funding("0.0001", boundsAt.Add(7*24*time.Hour)), "", "fundingTimestamp"},
		{"bar", bar(func(*exchange.Bar) {}), "", ""},
		{"bar with a tiny open", bar(func(b *exchange.Bar) { b.Open = px("0.0000001") }), "open", ""},
		{"bar with a tiny low", bar(func(b *exchange.Bar) { b.Low = 1 }), "low", ""},
		{"bar with a huge high", bar(func(b *exchange.Bar) { b.High = exchange.MaxPrice }), "high", ""},
		{"bar without a close", bar(func(b *exchange.Bar) { b.Close = 0 }), "close", ""},
		{"bar of a day's whole volume", bar(func(b *exchange.Bar) { b.Volume = 20_000_000_000 }), "", ""},
		{"bar of an endless volume", bar(func(b *exchange.Bar) { b.Volume = math.MaxInt64 }), "volume", ""},
		{"bar of less than nothing", bar(func(b *exchange.Bar) { b.Volume = -1 }), "volume", ""},
		{"bar with an endless turnover", bar(func(b *exchange.Bar) { b.Turnover = math.MaxInt64 }), "turnover", ""},
		{"bar with endless trades", bar(func(b *exchange.Bar) { b.Trades = math.MaxInt64 }), "trades", ""},
		{"bar that ends before it begins", bar(func(b *exchange.Bar) { b.End = b.Start - 1 }), "timestamp", ""},
		{"bar of a century", bar(func(b *exchange.Bar) { b.End = b.Start.Add(100 * 366 * 24 * time.Hour) }), "timestamp", ""},
		{"gap", exchange.GapEvent(boundsAt, boundsAt, 0, boundsAt-1, boundsAt), "", ""},
		{"gap that ends before it begins", exchange.GapEvent(boundsAt, boundsAt, 0, boundsAt, boundsAt-1), "gap", ""},
		{"operation", exchange.OperatorEvent(boundsAt, 0, exchange.OperationKill), "", ""},
		{"unknown operation", exchange.OperatorEvent(boundsAt, 0, 200), "operation", ""},
		{"no kind", exchange.Event{Time: boundsAt, Arrival: boundsAt}, "kind", ""},
		{
			"before 1970",
			exchange.TradeEvent(-1, boundsAt, 0, exchange.Trade{Side: exchange.Buy, Price: px("9000"), Qty: 1}),
			"timestamp",
			"",
		},
		{"of 1700", exchange.TradeEvent(exchange.TimeOf(time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC)), boundsAt, 0,
			exchange.Trade{Side: exchange.Buy, Price: px("9000"), Qty: 1}), "timestamp", ""},
		{"of two days ago", exchange.TradeEvent(boundsAt.Add(-48*time.Hour), boundsAt, 0,
			exchange.Trade{Side: exchange.Buy, Price: px("9000"), Qty: 1}), "", "timestamp"},
		{"of the day after tomorrow", exchange.TradeEvent(boundsAt.Add(48*time.Hour), boundsAt, 0,
			exchange.Trade{Side: exchange.Buy, Price: px("9000"), Qty: 1}), "", "timestamp"},
	}
	b, _ := boundsOf(t, "XBTUSD")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assertField(t, tt.field, b.Check(&tt.event))
			live := tt.live
			if live == "" {
				live = tt.field
			}
			assertField(t, live, b.CheckLive(&tt.event, boundsAt))
		})
	}
}

func assertField(t *testing.T, field string, err error) {
	t.Helper()
	if field == "" {
		require.NoError(t, err)
		return
	}
	var v *exchange.ValidationError
	require.ErrorAs(t, err, &v)
	assert.Equal(t, field, v.Field)
	assert.Equal(t, "bitmex:XBTUSD", v.Symbol)
	assert.NotEmpty(t, v.Reason)
	if field != "side" { // which is empty
		assert.NotEmpty(t, v.Value)
	}
}

func TestBoundsOfReports(t *testing.T) {
	const much = math.MaxInt64 - 1
	order := func(change func(*exchange.Order)) exchange.Report {
		o := exchange.Order{OrderID: "o", Qty: 100, Leaves: 60, Filled: 40, Price: px("9000"), Side: exchange.Buy}
		change(&o)
		return exchange.Report{Kind: exchange.ReportOrder, Order: o}
	}
	fill := func(change func(*exchange.Fill)) exchange.Report {
		f := exchange.Fill{
			Side:     exchange.Sell,
			Qty:      100,
			Price:    px("9000"),
			Value:    1_111_100,
			Fee:      833,
			Position: -100,
			FeeRate:  exchange.MustRatio("0.00075"),
		}
		change(&f)
		return exchange.Report{Kind: exchange.ReportFill, Fill: f}
	}
	position := func(change func(*exchange.Position)) exchange.Report {
		p := exchange.Position{Qty: -100, Cost: 1_111_100, EntryPrice: px("9000"), MarkPrice: px("9001")}
		change(&p)
		return exchange.Report{Kind: exchange.ReportPosition, Position: p}
	}
	margin := func(change func(*exchange.Margin)) exchange.Report {
		m := exchange.Margin{Wallet: 100_000_000, Balance: 100_000_000}
		change(&m)
		return exchange.Report{Kind: exchange.ReportMargin, Margin: m}
	}
	tests := []struct {
		name   string
		report exchange.Report
		field  string
	}{
		{"order", order(func(*exchange.Order) {}), ""},
		{"order of which nothing is shown", order(func(o *exchange.Order) { o.DisplayQty = exchange.Hidden }), ""},
		{"order of 9e18", order(func(o *exchange.Order) { o.Qty = 9e18 }), "orderQty"},
		{"order with -1 left", order(func(o *exchange.Order) { o.Leaves = -1 }), "leavesQty"},
		{"order with 9e18 filled", order(func(o *exchange.Order) { o.Filled = 9e18 }), "cumQty"},
		{"order at -1", order(func(o *exchange.Order) { o.Price = -1 }), "price"},
		{"fill", fill(func(*exchange.Fill) {}), ""},
		{"fill of 9e18", fill(func(f *exchange.Fill) { f.Qty = 9e18 }), "lastQty"},
		{"fill of the least number", fill(func(f *exchange.Fill) { f.Qty = math.MinInt64 }), "lastQty"},
		{"fill without a side", fill(func(f *exchange.Fill) { f.Side = exchange.NoSide }), "side"},
		{"fill at 0", fill(func(f *exchange.Fill) { f.Price = 0 }), "lastPx"},
		{"fill at 1e-8", fill(func(f *exchange.Fill) { f.Price = px("0.00000001") }), "lastPx"},
		{"fill of an endless value", fill(func(f *exchange.Fill) { f.Value = much }), "execCost"},
		{"fill of an endless fee", fill(func(f *exchange.Fill) { f.Fee = -much }), "execComm"},
		{"fill that leaves 9e18", fill(func(f *exchange.Fill) { f.Position = 9e18 }), "currentQty"},
		{"position", position(func(*exchange.Position) {}), ""},
		{"position of 9e18", position(func(p *exchange.Position) { p.Qty = 9e18 }), "currentQty"},
		{"position of -9e18", position(func(p *exchange.Position) { p.Qty = -9e18 }), "currentQty"},
		{"position of the least number", position(func(p *exchange.Position) { p.Qty = math.MinInt64 }), "currentQty"},
		{"position of an endless loss", position(func(p *exchange.Position) { p.Unrealised = -much }), "unrealisedPnl"},
		{"position with a negative mark", position(func(p *exchange.Position) { p.MarkPrice = -1 }), "markPrice"},
		{"margin", margin(func(*exchange.Margin) {}), ""},
		{"margin in debt", margin(func(m *exchange.Margin) { m.Balance = -5 }), ""},
		{"margin of 9e18", margin(func(m *exchange.Margin) { m.Balance = 9e18 }), "marginBalance"},
		{"margin of -9e18", margin(func(m *exchange.Margin) { m.Wallet = -9e18 }), "walletBalance"},
		{
			"funding on 9e18",
			exchange.Report{Kind: exchange.ReportFunding, Funding: exchange.FundingPayment{Qty: 9e18}},
			"qty",
		},
		{
			"funding of 9e18",
			exchange.Report{Kind: exchange.ReportFunding, Funding: exchange.FundingPayment{Amount: 9e18}},
			"execComm",
		},
		{"of the last nanosecond", exchange.Report{Kind: exchange.ReportReject, Time: exchange.Never}, "timestamp"},
	}
	b, _ := boundsOf(t, "XBTUSD")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := b.CheckReport(&tt.report)
			if tt.field == "" {
				require.NoError(t, err)
				return
			}
			var v *exchange.ValidationError
			require.ErrorAs(t, err, &v)
			assert.Equal(t, tt.field, v.Field)
		})
	}
}

// What passes the bounds has a value under all terms, and so has a position that does.
func TestNothingWithinBoundsOverflows(t *testing.T) {
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		i := set.All()[rapid.IntRange(0, set.Len()-1).Draw(t, "instrument")]
		b := i.Bounds()
		price := func(label string) exchange.Price {
			return exchange.Price(rapid.Int64Range(int64(b.Low), int64(b.High)).Draw(t, label))
		}
		e := exchange.TradeEvent(boundsAt, boundsAt, 0, exchange.Trade{Side: exchange.Buy, Price: price("price"),
			Qty: exchange.Qty(rapid.Int64Range(1, math.MaxInt64).Draw(t, "qty"))})
		held := exchange.Qty(rapid.Int64Range(-int64(b.Plenty), int64(b.Plenty)).Draw(t, "held"))
		at := price("mark")
		for n := range i.Terms {
			terms := &i.Terms[n]
			require.NotPanics(t, func() { terms.Cost(held, at) }, "%d of %s at %s", held, i.Name(), at)
			if b.Check(&e) == nil {
				require.NotPanics(t, func() { terms.Value(e.Trade().Qty, e.Trade().Price) }, "%s of %s", e.String(), i.Name())
			}
			require.LessOrEqual(t, terms.MaxQty, b.Plenty, i.Name())
		}
	})
}

func TestBoundsDoNotAllocate(t *testing.T) {
	b, _ := boundsOf(t, "XBTUSD")
	e := exchange.TradeEvent(
		boundsAt,
		boundsAt,
		0,
		exchange.Trade{Side: exchange.Buy, Price: px("9000"), Qty: 20_000_000_000},
	)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if err := errors.Join(b.Check(&e), b.CheckLive(&e, boundsAt)); err != nil {
			t.Error(err)
		}
	}))
}

func BenchmarkBoundsCheck(b *testing.B) {
	bounds, _ := boundsOf(b, "XBTUSD")
	e := exchange.LevelEvent(boundsAt, boundsAt, 0, exchange.Buy, exchange.Level{Price: px("9000"), Qty: 20}, 0)
	b.ReportAllocs()
	for b.Loop() {
		if err := bounds.Check(&e); err != nil {
			b.Fatal(err)
		}
	}
}

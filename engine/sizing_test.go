package engine_test

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

func terms(t testing.TB, venue, symbol, day string) *exchange.Terms {
	t.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup(venue, symbol)
	require.NoError(t, err)
	at, err := exchange.ParseTime(day)
	require.NoError(t, err)
	return i.At(at)
}

// Each row is worked out by hand from the contract's value and the venue's rounding.
func TestQtyWorth(t *testing.T) {
	inverse, lots := terms(t, "bitmex", "XBTUSD", "2020-01-01"), terms(t, "bitmex", "XBTUSD", "2022-01-01")
	quanto, linear := terms(t, "bitmex", "ETHUSD", "2020-01-01"), terms(t, "bitmex", "XBTUSDT", "2022-01-01")
	perFill := terms(t, "binance", "BTCUSD_PERP", "2024-01-01")
	for _, c := range []struct {
		name   string
		terms  *exchange.Terms
		amount exchange.Money
		price  string
		want   exchange.Qty
	}{
		{"inverse: 12500 satoshi a contract", inverse, 50_000_000, "8000", 4000},
		{"a satoshi short of the last contract", inverse, 49_999_999, "8000", 3999},
		{"rounded a contract: 14285.7 is 14286, not 3500 but", inverse, 50_000_000, "7000", 3499},
		{"rounded a lot: 1428571.4 is 1428571", lots, 50_000_000, "7000", 3500},
		{"a satoshi short of the last lot", lots, 35*1_428_571 - 1, "7000", 3400},
		{"less than a lot", lots, 1_428_570, "7000", 0},
		{"exactly a lot", lots, 1_428_571, "7000", 100},
		{"quanto: 100 satoshi a dollar, 25000 a contract", quanto, 100_000_000, "250", 4000},
		{"linear: 20000 millionths a contract, 20 USDT a lot", linear, 1_000_000_000, "20000", 50_000},
		{"a millionth short of the last lot", linear, 999_999_999, "20000", 49_000},
		{"rounded once: 300 at 166666.67 are 50000000", perFill, 50_000_000, "60000", 300},
		{"a satoshi short", perFill, 49_999_999, "60000", 299},
		{"no more than the largest order", inverse, math.MaxInt64, "8000", 10_000_000},
		{"nothing to spend", inverse, 0, "8000", 0},
		{"a debt", inverse, -1, "8000", 0},
		{"no price", inverse, 50_000_000, "0", 0},
	} {
		require.Equal(t, c.want, engine.QtyWorth(c.terms, c.amount, exchange.MustPrice(c.price)), c.name)
	}
}

// Whatever the contract, the result is worth no more than the amount, and a lot more would be
// worth more or exceed the largest order.
func TestQtyWorthIsTheLargest(t *testing.T) {
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.SampledFrom(set.All()).Draw(t, "instrument")
		terms := &i.Terms[rapid.IntRange(0, len(i.Terms)-1).Draw(t, "terms")]
		bounds := i.Bounds()
		p := exchange.Price(rapid.Int64Range(int64(bounds.Low), int64(bounds.High)).Draw(t, "price"))
		amount := exchange.Money(rapid.Int64Range(0, int64(exchange.MaxAmount)).Draw(t, "amount"))
		q := engine.QtyWorth(terms, amount, p)
		require.GreaterOrEqual(t, q, exchange.Qty(0))
		require.Zero(t, q%terms.LotSize)
		if q > 0 {
			require.LessOrEqual(t, terms.Value(q, p), amount)
		}
		if more := q + terms.LotSize; more <= terms.MaxQty {
			require.Greater(t, terms.ValueAtMost(more, p), amount)
		}
	})
}

// sizer notes what its context says of sizes at each bar.
type sizer struct {
	note func(ctx *engine.Context, s exchange.SymbolID)
}

func (z *sizer) Init(*engine.Context) error { return nil }

func (z *sizer) OnBar(ctx *engine.Context, b *engine.Bar) { z.note(ctx, b.Symbol) }

// sizes runs bars of a minute that close at the prices and calls note at each.
func sizes(
	t *testing.T,
	symbol string,
	balance exchange.Money,
	note func(ctx *engine.Context, s exchange.SymbolID),
	closes ...string,
) {
	t.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", symbol)
	require.NoError(t, err)
	x, err := sim.New(
		sim.Config{Instruments: set, Symbols: []exchange.SymbolID{i.ID}, Currency: i.Settle, Balance: balance},
	)
	require.NoError(t, err)
	start := exchange.TimeOf(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	var feed []exchange.Event
	for n, text := range closes {
		p, from := exchange.MustPrice(text), start.Add(time.Duration(n)*time.Minute)
		feed = append(
			feed,
			exchange.BarEvent(exchange.Bar{Symbol: i.ID, Start: from, End: from.Add(time.Minute), Open: p, High: p,
				Low: p, Close: p, Volume: 100_000}),
		)
	}
	e, err := engine.New(
		engine.Config{Instruments: set, Symbols: []exchange.SymbolID{i.ID}, Feed: &list{events: feed}, Exchange: x,
			Sources:  []engine.Source{{Symbol: i.ID, Kind: exchange.KindBar, Interval: time.Minute}},
			Strategy: &sizer{note}, Margin: x.Account().Margin()},
	)
	require.NoError(t, err)
	_, err = e.Run(context.Background())
	require.NoError(t, err)
}

func TestQtyOfEquity(t *testing.T) {
	half, all, twice := exchange.RatioUnit/2, exchange.RatioUnit, 2*exchange.RatioUnit
	var got [][]exchange.Qty
	sizes(t, "XBTUSD", 100_000_000, func(ctx *engine.Context, s exchange.SymbolID) {
		got = append(got, []exchange.Qty{ctx.QtyOfEquity(s, half), ctx.QtyOfEquity(s, all), ctx.QtyOfEquity(s, twice),
			ctx.QtyOfEquity(s, 0), ctx.Sized(s, engine.Size{Share: half}), ctx.Sized(s, engine.Size{Qty: 7, Share: half})})
	}, "8000", "10000")
	require.Equal(t, [][]exchange.Qty{{4000, 8000, 16000, 0, 4000, 7}, {5000, 10000, 20000, 0, 5000, 7}}, got)
}

// The equity is the wallet with the gain of the position at the newest price: 4000 contracts
// that were bought at 8000 have gained 4000·(12500 - 10000) satoshi at 10000, less the fee of
// 0.075 % on 4000·12500, which are 9962500. Half of 109962500 at 10000 satoshi a contract is
// 5498 contracts.
func TestEquityHasUnrealisedProfit(t *testing.T) {
	var equity []exchange.Money
	var q exchange.Qty
	sizes(t, "XBTUSD", 100_000_000, func(ctx *engine.Context, s exchange.SymbolID) {
		if len(equity) == 0 {
			_, err := ctx.Market(s, ctx.QtyOfEquity(s, exchange.RatioUnit/2))
			require.NoError(t, err)
		}
		equity, q = append(equity, ctx.Equity(s)), ctx.QtyOfEquity(s, exchange.RatioUnit/2)
	}, "8000", "8000", "10000")
	require.Equal(t, []exchange.Money{100_000_000, 99_962_500, 109_962_500}, equity)
	require.Equal(t, exchange.Qty(5498), q)
}

// What is lost is no equity: nothing can be bought with it.
func TestNoEquityIsNoSize(t *testing.T) {
	var got []exchange.Qty
	sizes(t, "XBTUSDT", 1, func(ctx *engine.Context, s exchange.SymbolID) {
		got = append(got, ctx.QtyOfEquity(s, engine.MaxShare))
	}, "20000")
	require.Equal(t, []exchange.Qty{0}, got)
}

func TestSizeParams(t *testing.T) {
	d := engine.Definition{Name: "demo", Params: engine.SizeParams(exchange.RatioUnit/2, "position")}
	for _, c := range []struct {
		given map[string]string
		want  engine.Size
	}{
		{nil, engine.Size{Share: exchange.RatioUnit / 2}},
		{map[string]string{"size": "0.25"}, engine.Size{Share: exchange.RatioUnit / 4}},
		{map[string]string{"size": "25%"}, engine.Size{Share: exchange.RatioUnit / 4}},
		{map[string]string{"size": "12.5 %"}, engine.Size{Share: exchange.RatioUnit / 8}},
		{map[string]string{"size": "0.00000001%"}, engine.Size{Share: 1}},
		{map[string]string{"size": "100"}, engine.Size{Share: engine.MaxShare}},
		{map[string]string{"qty": "300"}, engine.Size{Qty: 300, Share: exchange.RatioUnit / 2}},
	} {
		v, err := d.Values(c.given)
		require.NoError(t, err, c.given)
		require.Equal(t, c.want, v.Size(), c.given)
	}
	for _, bad := range []string{"", "0", "-1", "100.1", "10001%", "half", "%", "5e1%", "0.00000000001", "0.000000001%",
		"NaN"} {
		_, err := d.Values(map[string]string{"size": bad})
		require.ErrorContains(t, err, "want a share above 0 and up to 100, such as 0.5 or 50%", bad)
	}
	_, err := d.Values(map[string]string{"qty": "-1"})
	require.ErrorContains(t, err, "want a whole number of contracts from 0")
	require.Equal(t, []string{"qty", "size"}, names(d.Params))
}

func names(list []engine.Param) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].Name
	}
	slices.Sort(out)
	return out
}

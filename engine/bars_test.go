package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

func spec(t testing.TB, s string) engine.BarSpec {
	t.Helper()
	b, err := engine.ParseBarSpec(s)
	require.NoError(t, err)
	return b
}

// barsOf runs a strategy that subscribes to one series and returns what it heard.
func barsOf(t *testing.T, series string, events ...exchange.Event) []string {
	t.Helper()
	r := newRun(t, events...)
	r.listener.init = func(ctx *engine.Context) error { return ctx.Bars(xbt, spec(t, series)) }
	return r.heard(t, "bar")
}

func TestTimeBarsFromTrades(t *testing.T) {
	require.Equal(t, []string{
		"1m0s bar 1m from 0s: 100 103 99 101, 10 in 4",
		"2m0s bar 1m from 1m0s: 101 101 101 101, 0 in 0", // quiet
		"3m0s bar 1m from 2m0s: 105 105 105 105, 5 in 1", // the trade at 3m0s belongs to the next
	}, barsOf(t, "1m", trade(10*time.Second, 100, 1), trade(11*time.Second, 103, 2), trade(12*time.Second, 99, 3),
		trade(59*time.Second, 101, 4), trade(2*time.Minute, 105, 5), trade(3*time.Minute, 106, 6)))
}

// A bar that has not ended when the data ends is not handed over.
func TestUnfinishedBarsAreNotBars(t *testing.T) {
	require.Empty(t, barsOf(t, "1m", trade(10*time.Second, 100, 1), trade(50*time.Second, 103, 2)))
	require.Empty(t, barsOf(t, "3t", trade(10*time.Second, 100, 1), trade(50*time.Second, 103, 2)))
	require.Empty(t, barsOf(t, "5m", bar(0, time.Minute, 1), bar(time.Minute, time.Minute, 2)))
}

func TestTickAndVolumeBars(t *testing.T) {
	trades := []exchange.Event{trade(1*time.Second, 100, 4), trade(2*time.Second, 98, 3), trade(3*time.Second, 101, 9),
		trade(4*time.Second, 99, 20), trade(5*time.Second, 100, 1)}
	require.Equal(t, []string{"2s bar 2t from 1s: 100 100 98 98, 7 in 2", "4s bar 2t from 3s: 101 101 99 99, 29 in 2"},
		barsOf(t, "2t", trades...))
	require.Equal(t, []string{
		"3s bar 10v from 1s: 100 101 98 101, 16 in 3", // trades are not split
		"4s bar 10v from 4s: 99 99 99 99, 20 in 1",
	}, barsOf(t, "10v", trades...))
}

func TestBarsFromSmallerBars(t *testing.T) {
	quiet := exchange.BarEvent(exchange.Bar{Symbol: xbt, Start: at(3 * time.Minute), End: at(4 * time.Minute), Open: price(4),
		High: price(4), Low: price(4), Close: price(4), Quiet: true})
	small := []exchange.Event{bar(0, time.Minute, 5), bar(time.Minute, time.Minute, 7), bar(2*time.Minute, time.Minute, 4), quiet,
		bar(5*time.Minute, time.Minute, 6), // one is missing
		bar(6*time.Minute, time.Minute, 8), bar(7*time.Minute, time.Minute, 9), bar(8*time.Minute, time.Minute, 1)}
	require.Equal(t, []string{
		"3m0s bar 3m from 0s: 5 7 4 4, 300 in 9",
		"6m0s bar 3m from 3m0s: 6 6 6 6, 100 in 3", // what was quiet gives no price
		"9m0s bar 3m from 6m0s: 8 9 1 1, 300 in 9",
	}, barsOf(t, "3m", small...))
	require.Equal(t, []string{
		"2m0s bar 6t from 0s: 5 7 5 7, 200 in 6",
		"6m0s bar 6t from 2m0s: 4 6 4 6, 200 in 6",
		"8m0s bar 6t from 6m0s: 8 9 8 9, 200 in 6",
	}, barsOf(t, "6t", small...))
	require.Equal(t, []string{"3m0s bar 250v from 0s: 5 7 4 4, 300 in 9", "8m0s bar 250v from 3m0s: 6 9 6 9, 300 in 9"},
		barsOf(t, "250v", small...))
}

// A bar whose last small bars are missing is handed over with the next one.
func TestBarsFromBarsWithAHole(t *testing.T) {
	require.Equal(t, []string{"4m0s bar 3m from 0s: 5 5 5 5, 100 in 3", "6m0s bar 3m from 3m0s: 6 6 6 6, 300 in 9"},
		barsOf(t, "3m", bar(0, time.Minute, 5), bar(3*time.Minute, time.Minute, 6), bar(4*time.Minute, time.Minute, 6),
			bar(5*time.Minute, time.Minute, 6)))
}

func TestBarsOfTheData(t *testing.T) {
	minutes := []exchange.Event{bar(0, time.Minute, 5), onStream(bar(0, 5*time.Minute, 9), 1), bar(time.Minute, time.Minute, 6)}
	require.Equal(t, []string{"1m0s bar 1m from 0s: 5 5 5 5, 100 in 3", "2m0s bar 1m from 1m0s: 6 6 6 6, 100 in 3"},
		barsOf(t, "", minutes...), "the finest of the data is the default")
	require.Equal(t, []string{"5m0s bar 5m from 0s: 9 9 9 9, 100 in 3"}, barsOf(t, "5m", minutes...))

	r := newRun(t, minutes...)
	require.Equal(t, []string{"1m0s bar 1m from 0s: 5 5 5 5, 100 in 3", "2m0s bar 1m from 1m0s: 6 6 6 6, 100 in 3"}, r.heard(t, "bar"),
		"without a subscription too")

	r = newRun(t, minutes...)
	r.config.DefaultBars = spec(t, "2m")
	require.Equal(t, []string{"2m0s bar 2m from 0s: 5 6 5 6, 200 in 6"}, r.heard(t, "bar"))
}

// barListener hears of bars alone.
type barListener struct {
	n    int
	from engine.BarSpec
}

func (*barListener) Init(*engine.Context) error { return nil }

func (l *barListener) OnBar(_ *engine.Context, b *engine.Bar) { l.n++; l.from = b.Spec }

// A strategy of bars alone gets minutes from trades; one that hears of ticks too
// does not, unless it asks.
func TestDefaultBarsOfTicks(t *testing.T) {
	ticks := []exchange.Event{trade(0, 5, 1), trade(time.Minute, 6, 1), trade(2*time.Minute, 7, 1)}
	r := newRun(t, ticks...)
	bars := new(barListener)
	r.config.Strategy = bars
	require.NoError(t, r.run(t))
	require.Equal(t, barListener{n: 2, from: engine.BarSpec{Interval: time.Minute}}, *bars)

	require.Empty(t, newRun(t, ticks...).heard(t, "bar"))

	r = newRun(t, quote(0, 1, 2))
	r.config.Strategy = bars
	require.EqualError(t, r.run(t), "strategy cannot start: bitmex:XBTUSD: bars of 1m need bars or trades in the data")
}

func TestSubscriptionsThatCanNotBe(t *testing.T) {
	for _, c := range []struct {
		events []exchange.Event
		symbol exchange.SymbolID
		spec   string
		want   string
	}{
		{[]exchange.Event{quote(0, 1, 2)}, xbt, "1m",
			"strategy cannot start: bitmex:XBTUSD: bars of 1m need bars or trades in the data"},
		{[]exchange.Event{bar(0, time.Minute, 1)}, xbt, "90s",
			"strategy cannot start: bitmex:XBTUSD: bars of 1m30s cannot be built from bars of 1m"},
		{[]exchange.Event{bar(0, time.Hour, 1)}, xbt, "1m",
			"strategy cannot start: bitmex:XBTUSD: bars of 1m cannot be built from bars of 1h"},
		{[]exchange.Event{trade(0, 1, 2)}, eth, "1m", "strategy cannot start: bars of symbol 1: unknown symbol in this run"},
	} {
		r := newRun(t, c.events...)
		r.listener.init = func(ctx *engine.Context) error { return ctx.Bars(c.symbol, spec(t, c.spec)) }
		require.EqualError(t, r.run(t), c.want)
	}
	r := newRun(t, trade(0, 1, 2))
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		require.EqualError(t, ctx.Bars(xbt, engine.BarSpec{Interval: time.Minute}), "bars can be subscribed to in Init only")
	}
	require.NoError(t, r.run(t))
}

// Two series of the same symbol do not disturb each other.
func TestSeveralSeries(t *testing.T) {
	r := newRun(t, trade(0, 5, 1), trade(time.Minute, 6, 1), trade(2*time.Minute, 7, 1))
	r.listener.init = func(ctx *engine.Context) error {
		for _, s := range []string{"2m", "1m", "2t"} {
			if err := ctx.Bars(xbt, spec(t, s)); err != nil {
				return err
			}
		}
		return nil
	}
	require.Equal(t, []string{
		"1m0s bar 1m from 0s: 5 5 5 5, 1 in 1",
		"1m0s bar 2t from 0s: 5 6 5 6, 2 in 2",
		"2m0s bar 2m from 0s: 5 6 5 6, 2 in 2",
		"2m0s bar 1m from 1m0s: 6 6 6 6, 1 in 1",
	}, r.heard(t, "bar"))
}

// A trade that is late for its bar is waited for during the grace, unless an event
// of the next interval has arrived; later it goes into the bar that is open.
func TestLateTrades(t *testing.T) {
	events := []exchange.Event{
		onStream(trade(0, 5, 1), 0),
		onStream(arrives(trade(59*time.Second, 7, 1), 61*time.Second), 0),
		onStream(trade(3*time.Minute, 6, 1), 0),
	}
	late := func(grace time.Duration) *run {
		r := newRun(t, events...)
		r.config.Delay.FromData = true
		r.config.BarGrace = grace
		r.listener.init = func(ctx *engine.Context) error { return ctx.Bars(xbt, engine.BarSpec{Interval: time.Minute}) }
		return r
	}
	r := late(2 * time.Second)
	require.Equal(t, []string{
		"1m2s bar 1m from 0s: 5 7 5 7, 2 in 2",
		"2m2s bar 1m from 1m0s: 7 7 7 7, 0 in 0",
		"3m0s bar 1m from 2m0s: 7 7 7 7, 0 in 0",
	}, r.heard(t, "bar"))
	require.Zero(t, r.summary.Late)

	r = late(0)
	require.Equal(t, []string{
		"1m0s bar 1m from 0s: 5 5 5 5, 1 in 1",
		"2m0s bar 1m from 1m0s: 7 7 7 7, 1 in 1",
		"3m0s bar 1m from 2m0s: 7 7 7 7, 0 in 0",
	}, r.heard(t, "bar"))
	require.EqualValues(t, 1, r.summary.Late, "a late trade is counted")
}

// Whatever the trades, the bars hold each of them once, follow each other without
// a hole and have the extremes of their trades.
func TestBarsHoldEveryTrade(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var events []exchange.Event
		d := time.Duration(0)
		for range rapid.IntRange(1, 60).Draw(rt, "trades") {
			d += time.Duration(rapid.IntRange(0, 90).Draw(rt, "wait")) * time.Second
			events = append(events, trade(d, float64(rapid.IntRange(1, 200).Draw(rt, "price"))/2, exchange.Qty(rapid.IntRange(1, 9).Draw(rt, "qty"))))
		}
		interval := time.Duration(rapid.IntRange(1, 4).Draw(rt, "minutes")) * time.Minute
		events = append(events, trade(at(d).Truncate(interval).Add(interval).Sub(t0), 1, 1)) // closes the last bar
		r := newRun(t, events...)
		r.listener.init = func(ctx *engine.Context) error { return ctx.Bars(xbt, engine.BarSpec{Interval: interval}) }
		var bars []engine.Bar
		r.listener.bar = func(ctx *engine.Context, b *engine.Bar) {
			require.Equal(rt, b.End, ctx.Now())
			bars = append(bars, *b)
		}
		require.NoError(t, r.run(t))
		last := exchange.Price(0)
		next := 0
		for i, b := range bars {
			if i > 0 {
				require.Equal(rt, bars[i-1].End, b.Start)
			}
			want := exchange.Bar{Symbol: xbt, Start: b.Start, End: b.Start.Add(interval), Open: last, High: last, Low: last, Close: last, Quiet: true}
			for ; events[next].Time < b.End; next++ {
				tr := events[next].Trade()
				if want.Quiet {
					want.Quiet, want.Open, want.High, want.Low = false, tr.Price, tr.Price, tr.Price
				}
				want.High, want.Low, want.Close = max(want.High, tr.Price), min(want.Low, tr.Price), tr.Price
				want.Volume += tr.Qty
				want.Trades++
				// An inverse contract of one dollar, in satoshi, rounded per contract.
				want.Turnover += exchange.Money(tr.Qty) * exchange.Money((1e8*1e10+int64(tr.Price)/2)/int64(tr.Price))
			}
			last = want.Close
			require.Equal(rt, want, b.Bar)
		}
		require.Equal(rt, len(events)-1, next)
	})
}

func TestParseBarSpec(t *testing.T) {
	for text, want := range map[string]engine.BarSpec{
		"":         {},
		"1m":       {Interval: time.Minute},
		"90s":      {Interval: 90 * time.Second},
		"4h":       {Interval: 4 * time.Hour},
		"1d":       {Interval: 24 * time.Hour},
		"366d":     {Interval: 366 * 24 * time.Hour},
		"1ns":      {Interval: 1},
		"1t":       {Kind: engine.TickBars, Count: 1},
		"1v":       {Kind: engine.VolumeBars, Count: 1},
		"24h":      {Interval: 24 * time.Hour},
		"500ms":    {Interval: 500 * time.Millisecond},
		"500t":     {Kind: engine.TickBars, Count: 500},
		"1000000v": {Kind: engine.VolumeBars, Count: 1_000_000},
	} {
		got, err := engine.ParseBarSpec(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		if text != "24h" {
			require.Equal(t, text, strings.Replace(got.String(), "1m30s", "90s", 1))
		}
	}
	for _, text := range []string{"367d", "0d", "0v", "-1v", "x", "1", "0m", "-1m", "0t", "-5t", "t", "v", "1.5t", "d",
		"-1d", "400d", "1w", " 1m", "99999999999999999999t"} {
		_, err := engine.ParseBarSpec(text)
		require.ErrorContains(t, err, "want a time such as 1m", text)
		require.ErrorContains(t, err, text)
	}
}

func FuzzParseBarSpec(f *testing.F) {
	for _, s := range []string{"", "1m", "4h", "1d", "1m30s", "500t", "1000000v", "-1d", "1e3s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		spec, err := engine.ParseBarSpec(s)
		if err != nil {
			return
		}
		again, err := engine.ParseBarSpec(spec.String())
		require.NoError(t, err, spec.String())
		require.Equal(t, spec, again)
	})
}

package sim

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

func TestParseLatency(t *testing.T) {
	for text, want := range map[string]Latency{
		"0":                    ZeroLatency{},
		"":                     ZeroLatency{},
		"5ms":                  ConstantLatency{5 * time.Millisecond, 5 * time.Millisecond},
		"5ms/8ms":              ConstantLatency{5 * time.Millisecond, 8 * time.Millisecond},
		"feed":                 FeedLatency{Multiplier: 1},
		"feed:2":               FeedLatency{Multiplier: 2},
		"feed:1+3ms":           FeedLatency{Multiplier: 1, Offset: 3 * time.Millisecond},
		"feed:2+1ms":           FeedLatency{Multiplier: 2, Offset: time.Millisecond},
		"lognormal:5ms:0.4":    LogNormalLatency{Median: 5 * time.Millisecond, Sigma: 0.4},
		"lognormal:1.5s:1.25":  LogNormalLatency{Median: 1500 * time.Millisecond, Sigma: 1.25},
		"lognormal:5ms:0.4:2s": LogNormalLatency{Median: 5 * time.Millisecond, Sigma: 0.4, Memory: 2 * time.Second},
	} {
		got, err := ParseLatency(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		if text != "" {
			require.Equal(t, text, fmt.Sprint(got))
		}
	}
	for _, text := range []string{"5", "-5ms", "2h", "5ms/", "feed:x", "feed:-1", "feed:1+x", "lognormal", "lognormal:5ms", "lognormal:5ms:x", "lognormal:x:1", "lognormal:5ms:NaN",
		"lognormal:5ms:0.4:", "lognormal:5ms:0.4:x", "lognormal:5ms:0.4:0s", "lognormal:5ms:0.4:-1s", "lognormal:5ms:0.4:1us", "lognormal:5ms:0.4:1s:1"} {
		_, err := ParseLatency(text)
		var v *exchange.ValidationError
		require.ErrorAs(t, err, &v, text)
		require.Equal(t, "latency", v.Field)
	}
}

// Feed latency is that of the newest event of the symbol; skewed clocks count as
// no latency.
func TestFeedLatency(t *testing.T) {
	c := testConfig(t)
	c.Latency = FeedLatency{Multiplier: 2, Offset: time.Millisecond}
	x, err := New(c)
	require.NoError(t, err)
	arrival := func(s exchange.SymbolID) time.Duration {
		_, err := x.Submit(t.Context(), exchange.NewOrder{Symbol: s, Side: exchange.Buy, Qty: 100})
		require.NoError(t, err)
		return x.commands.buf[len(x.commands.buf)-1].arrival.Sub(x.now)
	}
	see := func(at exchange.Time, s exchange.SymbolID, lag time.Duration) {
		ev := exchange.TradeEvent(at, at.Add(lag), s, exchange.Trade{Side: exchange.Buy, Price: 100 * exchange.PriceUnit, Qty: 1})
		x.Market(&ev)
	}
	see(epoch, 0, 10*time.Millisecond)
	require.Equal(t, 21*time.Millisecond, arrival(0))
	require.Equal(t, 21*time.Millisecond, arrival(1), "commands do not overtake each other")
	see(epoch.Add(time.Second), 0, -10*time.Millisecond)
	require.Equal(t, time.Millisecond, arrival(0))
	require.Equal(t, time.Millisecond, arrival(1))
	see(epoch.Add(2*time.Second), 0, 10*time.Millisecond)
	gap := exchange.GapEvent(epoch.Add(3*time.Second), epoch.Add(3*time.Second), 0, epoch, epoch.Add(3*time.Second))
	x.Market(&gap)
	require.Equal(t, 21*time.Millisecond, arrival(0), "what says that nothing came has not travelled")
}

func TestLogNormalLatencyIsSeeded(t *testing.T) {
	draw := func(seed uint64, symbol string) (out []time.Duration) {
		l := startLatency(LogNormalLatency{Median: 5 * time.Millisecond, Sigma: 0.5}, seed, symbol)
		for range 1000 {
			out = append(out, l.Entry(0))
		}
		return out
	}
	again := draw(1, "a")
	require.Equal(t, draw(1, "a"), again)
	require.NotEqual(t, draw(1, "a"), draw(2, "a"))
	require.NotEqual(t, draw(1, "a"), draw(1, "b"))
	above := 0
	for _, d := range draw(1, "a") {
		require.Positive(t, d)
		if d > 5*time.Millisecond {
			above++
		}
	}
	require.InDelta(t, 500, above, 60)
	fixed := LogNormalLatency{Median: time.Second}
	require.Equal(t, time.Second, startLatency(fixed, 1, "").Response(0))
	require.Equal(t, time.Second, fixed.Entry(0))
}

// settledIn returns an instrument that settles in a currency.
func settledIn(t *testing.T, c *Config, code string) exchange.SymbolID {
	t.Helper()
	for _, i := range c.Instruments.All() {
		if i.Settle.Code == code {
			return i.ID
		}
	}
	require.Fail(t, "no instrument settles in "+code)
	return 0
}

func TestNewErrors(t *testing.T) {
	for field, spoil := range map[string]func(*Config){
		"instruments":      func(c *Config) { c.Instruments = nil },
		"symbols":          func(c *Config) { c.Symbols = []exchange.SymbolID{settledIn(t, c, "XBt")} },
		"balance":          func(c *Config) { c.Balance = -1 },
		"leverage":         func(c *Config) { c.Leverage = -1 },
		"slippageTicks":    func(c *Config) { c.SlippageTicks = -1 },
		"explainWithin":    func(c *Config) { c.ExplainWithin = -1 },
		"bars.path":        func(c *Config) { c.Bars.Path = 9 },
		"bars.volumeShare": func(c *Config) { c.Bars.VolumeShare = 2 * exchange.RatioUnit },
		"depth":            func(c *Config) { c.Depth.Levels = -1 },
	} {
		c := testConfig(t)
		spoil(&c)
		_, err := New(c)
		var v *exchange.ValidationError
		require.ErrorAs(t, err, &v, field)
		require.Equal(t, field, v.Field)
	}
	c := testConfig(t)
	c.Symbols = nil
	_, err := New(c)
	require.Error(t, err)
	c.Symbols = []exchange.SymbolID{99}
	_, err = New(c)
	require.ErrorIs(t, err, exchange.ErrUnknownSymbol)
	_, err = ParseBarPath("zigzag")
	require.ErrorContains(t, err, "adaptive, high-first, low-first or pessimistic")
	for p := Adaptive; p <= Pessimistic; p++ {
		got, err := ParseBarPath(p.String())
		require.NoError(t, err)
		require.Equal(t, p, got)
	}
}

func TestUnknownSymbolsAndClosed(t *testing.T) {
	c := testConfig(t)
	c.Symbols = []exchange.SymbolID{0}
	x, err := New(c)
	require.NoError(t, err)
	ctx := t.Context()
	for _, id := range []exchange.SymbolID{1, 99} {
		_, err = x.Submit(ctx, exchange.NewOrder{Symbol: id, Qty: 1})
		require.ErrorIs(t, err, exchange.ErrUnknownSymbol)
		require.ErrorIs(t, x.Cancel(ctx, exchange.CancelOrder{Symbol: id, ClientID: "a"}), exchange.ErrUnknownSymbol)
		require.ErrorIs(t, x.Amend(ctx, exchange.AmendOrder{Symbol: id}), exchange.ErrUnknownSymbol)
		require.ErrorIs(t, x.CancelAll(ctx, exchange.CancelFilter{Symbol: id}), exchange.ErrUnknownSymbol)
		require.ErrorIs(t, x.SetLeverage(ctx, id, 0), exchange.ErrUnknownSymbol)
		_, err = x.ClosePosition(ctx, id)
		require.ErrorIs(t, err, exchange.ErrUnknownSymbol)
		ev := exchange.TradeEvent(epoch, epoch, id, exchange.Trade{Side: exchange.Buy, Price: exchange.PriceUnit, Qty: 1})
		x.Market(&ev)
		require.Zero(t, x.Account().Open(id))
	}
	require.NoError(t, x.Close())
	require.NoError(t, x.Close())
	_, err = x.Submit(ctx, exchange.NewOrder{Qty: 1})
	require.ErrorIs(t, err, exchange.ErrClosed)
	require.ErrorIs(t, x.CancelAll(ctx, exchange.CancelFilter{AllSymbol: true}), exchange.ErrClosed)
	require.ErrorIs(t, x.CancelAllAfter(ctx, time.Second), exchange.ErrClosed)
	_, err = x.Advance(ctx, epoch, nil)
	require.ErrorIs(t, err, exchange.ErrClosed)
	require.Equal(t, exchange.Never, x.Next())
}

// Orders that would have to be simulated otherwise than asked for are refused,
// and the error says why.
func TestRefusedCommands(t *testing.T) {
	x, err := New(testConfig(t))
	require.NoError(t, err)
	require.Error(t, x.Amend(t.Context(), exchange.AmendOrder{}))
	require.Error(t, x.Cancel(t.Context(), exchange.CancelOrder{}))
	require.Error(t, x.SetLeverage(t.Context(), 0, -1))
	require.Error(t, x.CancelAllAfter(t.Context(), -1))
	require.Equal(t, exchange.Never, x.Next(), "nothing is on its way")
}

// The caller may use the variables of an amendment again.
func TestAmendCopiesItsValues(t *testing.T) {
	s := newScript(t)
	_, err := s.run("trade buy 100 1")
	require.NoError(t, err)
	_, err = s.run("submit a buy 5 limit 90")
	require.NoError(t, err)
	price, qty := 91*exchange.PriceUnit, exchange.Qty(3)
	require.NoError(t, s.x.Amend(t.Context(), exchange.AmendOrder{OrigClientID: "a", Price: &price, Qty: &qty}))
	price, qty = 0, 0
	require.Equal(t, []string{"+0s a: Replaced Buy 3 @ 91 working, Amended orderQty price: Amended via API."}, s.until(s.now))
}

func TestModelsAndStats(t *testing.T) {
	c := testConfig(t)
	c.Latency, c.UseFundingRate, c.FundingRate = FeedLatency{Multiplier: 2}, true, exchange.RatioUnit/10_000
	c.Bars.Touch, c.NoConsumption = true, true
	x, err := New(c)
	require.NoError(t, err)
	choices := map[string]string{}
	for _, m := range x.Models() {
		require.NotEmpty(t, m.Bias)
		choices[m.Name] = m.Choice
	}
	require.Equal(t, "feed:2", choices["latency"])
	require.Equal(t, "prob-power:3", choices["queue"])
	require.Equal(t, "touch", choices["bars.limit"])
	require.Equal(t, "off", choices["consumption"])
	require.Equal(t, "data, else 0.0001", choices["funding"])
	require.Zero(t, x.Stats())
	require.Equal(t, "no funding was settled: there is no rate for the funding time", WarnNoFunding.String())
	require.Equal(t, "warning 9", Warning(9).String())
}

// Market events and idle calls of Advance do not allocate, with orders resting
// and with a position.
func TestMarketDoesNotAllocate(t *testing.T) {
	for name, kind := range map[string]exchange.EventKind{"bars": exchange.KindBar, "trades": exchange.KindTrade,
		"quotes": exchange.KindQuote, "book": exchange.KindBook} {
		t.Run(name, func(t *testing.T) {
			c := testConfig(t)
			x, err := New(c)
			require.NoError(t, err)
			events := walkEvents(kind, 4000)
			reports := feed(t, x, events[:1000], make([]exchange.Report, 0, 64))
			for i := range 4 {
				o := exchange.NewOrder{Side: exchange.Buy, Qty: 1, Price: exchange.Price(19_800-i) * half}
				if i%2 == 1 {
					o.Side, o.Price = exchange.Sell, exchange.Price(20_200+i)*half
				}
				_, err := x.Submit(t.Context(), o)
				require.NoError(t, err)
			}
			_, err = x.Submit(t.Context(), exchange.NewOrder{Side: exchange.Buy, Qty: 3})
			require.NoError(t, err)
			_, err = x.Submit(t.Context(), exchange.NewOrder{Side: exchange.Sell, Qty: 3, StopPrice: 19_700 * half})
			require.NoError(t, err)
			_, err = x.Advance(t.Context(), x.now, reports[:0])
			require.NoError(t, err)
			require.Equal(t, 5, x.Account().Open(0))
			require.NotZero(t, x.Account().Position(0).Qty)
			i := 1000
			ctx := context.Background()
			require.Zero(t, testing.AllocsPerRun(2000, func() {
				x.Market(&events[i])
				if x.Next() <= events[i].Time {
					reports, _ = x.Advance(ctx, events[i].Time, reports[:0])
				}
				x.Account().Equity()
				i++
			}))
			require.Equal(t, 5, x.Account().Open(0))
		})
	}
}

// The answers to late commands are remembered for a bounded number of orders.
func TestFinishedOrdersAreBounded(t *testing.T) {
	s := newScript(t)
	_, err := s.run("trade buy 100 1")
	require.NoError(t, err)
	for range 2*rememberFinished + 10 {
		_, err := s.x.Submit(t.Context(), exchange.NewOrder{Side: exchange.Buy, Qty: 1, Price: half, TimeInForce: exchange.ImmediateOrCancel})
		require.NoError(t, err)
		s.until(s.now)
	}
	got, err := s.run("cancel dun-000001")
	require.NoError(t, err)
	require.Equal(t, []string{"+0s dun-000001: cancel refused, Not Found"}, got)
	got, err = s.run("cancel dun-002000")
	require.NoError(t, err)
	require.Equal(t, []string{"+0s dun-002000: cancel refused, Unable to cancel order due to existing state: Canceled"}, got)
	require.Zero(t, s.x.byNumber.n)
	require.Zero(t, s.x.names.inUse())
}

// An id that looks like ours does not collide with ours.
func TestAssignedIDsAreFree(t *testing.T) {
	s := newScript(t)
	_, err := s.run("trade buy 100 1")
	require.NoError(t, err)
	_, err = s.run("submit dun-000001 buy 5 limit 90")
	require.NoError(t, err)
	id, err := s.x.Submit(t.Context(), exchange.NewOrder{Side: exchange.Buy, Qty: 1, Price: half})
	require.NoError(t, err)
	require.Equal(t, exchange.ClientID("dun-000002"), id)
	require.Equal(t, "x-1234567", string(appendNumbered(nil, "x-", 1234567)))
	require.Equal(t, "x-000012", string(appendNumbered(nil, "x-", 12)))
}

func TestParseImpactAndSelfTrade(t *testing.T) {
	for _, text := range []string{"none", "sqrt:0.7", "sqrt:0.7:0.03:500000000"} {
		m, err := ParseImpact(text)
		require.NoError(t, err)
		require.Equal(t, text, m.String())
		require.NoError(t, m.check())
	}
	for _, text := range []string{"sqrt", "sqrt:", "sqrt:0", "sqrt:-1", "sqrt:NaN", "sqrt:1:2", "sqrt:1:0:5", "sqrt:1:1:0", "sqrt:1:1:1.5", "linear:1"} {
		_, err := ParseImpact(text)
		var v *exchange.ValidationError
		require.ErrorAs(t, err, &v, text)
	}
	require.Error(t, Impact{K: 1, Sigma: 1}.check())
	for s := SelfTradePass; s <= SelfTradeCancelBoth; s++ {
		got, err := ParseSelfTrade(s.String())
		require.NoError(t, err)
		require.Equal(t, s, got)
	}
	_, err := ParseSelfTrade("invalid")
	require.Error(t, err)
	require.Equal(t, "invalid", SelfTrade(9).String())
}

// What measures the market does not look at a bar before its end, forgets what is
// older than a day, and counts minutes in which nothing traded.
func TestMeterOfTheMarket(t *testing.T) {
	m := new(meter)
	bar := func(at time.Duration, p exchange.Price, v exchange.Qty) {
		ev := exchange.BarEvent(exchange.Bar{Start: epoch.Add(at), End: epoch.Add(at + time.Minute), Close: p * exchange.PriceUnit, Volume: v})
		m.see(&ev)
	}
	for i := range 20 {
		bar(time.Duration(i)*time.Minute, exchange.Price(100+i%2), 10)
	}
	sigma, volume, ok := m.day(epoch.Add(20*time.Minute - 1))
	require.True(t, ok)
	require.InDelta(t, 10*24*60, volume, 10*24*60/19+1, "the last bar is not over")
	require.InDelta(t, 0.00995*37.9, sigma, 0.03)
	_, later, _ := m.day(epoch.Add(40 * time.Minute))
	require.InDelta(t, volume/2, later, 800, "twice the time")
	_, _, ok = m.day(epoch.Add(48 * time.Hour))
	require.False(t, ok, "a day without trades has no volume")
	require.Empty(t, m.squares[5])
}

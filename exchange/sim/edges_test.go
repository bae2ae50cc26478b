package sim

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// An event counts for the load until the sixteenth of the window in which it came has left
// the window, and for as long whatever came meanwhile.
func TestLoadForgetsBySixteenths(t *testing.T) {
	const window, slice = 16 * time.Second, time.Second
	rapid.Check(t, func(t *rapid.T) {
		l := startLatency(LoadLatency{PerEvent: time.Millisecond, Window: window}, 1, "a")
		watch, ok := l.(observer)
		require.True(t, ok)
		now := epoch
		var events []exchange.Time
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*slice)).Draw(t, "wait")))
			if rapid.Bool().Draw(t, "event") {
				watch.observe(now, 0)
				events = append(events, now)
			}
			var load time.Duration
			for _, at := range events {
				if now < at.Truncate(slice).Add(window) {
					load += time.Millisecond
				}
			}
			require.Equal(t, load, l.Entry(now))
			require.Equal(t, load, l.Response(now))
		}
		require.Zero(t, l.Entry(now.Add(window)))
	})
	// The load is bounded by an hour.
	l := startLatency(LoadLatency{Base: time.Minute, PerEvent: time.Hour, Window: window}, 1, "a")
	watch, ok := l.(observer)
	require.True(t, ok)
	require.Equal(t, time.Minute, l.Entry(epoch))
	watch.observe(epoch, 0)
	require.Equal(t, time.Hour, l.Entry(epoch))
}

// What a model is called is what is read, and settings beyond what makes sense are refused.
func TestNamesOfModels(t *testing.T) {
	for text, good := range map[string]bool{
		"sqrt:0.0001": true, "sqrt:100": true, "sqrt:100.1": false, "sqrt:0": false, "sqrt:1:10:1": true,
		"sqrt:1:10.1:1":  false,
		"sqrt:1:0.001:1": true, "sqrt:1:0:1": false, "sqrt:1:1:0": false, "sqrt:1:1:-1": false, "sqrt:x": false,
		"sqrt:1:x:1": false,
		"sqrt:1:1:x": false, "sqrt:1:1": false, "sqrt:1:1:1:1": false, "none": true, "cube:1": false,
	} {
		m, err := ParseImpact(text)
		require.Equal(t, good, err == nil, text)
		if good {
			require.Equal(t, text, m.String())
		} else {
			require.Zero(t, m)
		}
	}
	for text, good := range map[string]bool{
		"prob-power:3": true, "prob-power:100": true, "prob-power:100.5": false, "prob-power:0": false,
		"prob-power:-1": false,
		"prob-power:x":  false, "prob-power2:1": true, "prob-power3:0.5": true, "prob-log": true, "prob-log:1": false,
		"prob-log2": true, "prob-log2:1": false, "prob-sqrt": false, "": false, "front,compat": false, "front:1": false,
		"risk-averse:1": false, "prob-log,compat": true, "prob-log,other": false, "prob-power:2,compat": true,
	} {
		m, err := ParseQueue(text)
		require.Equal(t, good, err == nil, text)
		if good {
			require.Equal(t, text, m.String())
		}
	}
	without, err := ParseQueue("prob-power2")
	require.NoError(t, err)
	require.Equal(t, "prob-power2:3", without.String(), "by default")
	for text, want := range map[string]string{
		"load:5ms+1ms": "load:5ms+1ms", "load:5ms+1ms/100ms": "load:5ms+1ms", "load:5ms+1ms/1ms": "load:5ms+1ms/1ms",
		"load:0s+1us/1s": "load:0s+1µs/1s",
	} {
		l, err := ParseLatency(text)
		require.NoError(t, err, text)
		require.Equal(t, want, describe(l))
	}
	_, err = ParseLatency("load:5ms+1ms/999us")
	require.ErrorContains(t, err, "a millisecond or more")
}

// The constants of an impact have limits of their own, where it was not read from text.
func TestConstantsOfAnImpact(t *testing.T) {
	nan := math.NaN()
	for m, good := range map[Impact]bool{
		{}: true, {K: 100}: true, {K: 100.1}: false, {K: -0.1}: false, {K: nan}: false,
		{K: 1, Sigma: 10, Volume: 1}: true, {K: 1, Sigma: 10.1, Volume: 1}: false, {K: 1, Sigma: -1, Volume: 1}: false,
		{K: 1, Sigma: nan, Volume: 1}: false, {K: 1, Sigma: 1}: false, {K: 1, Volume: 1}: false,
		{K: 1, Sigma: 1, Volume: -1}: false,
		{Volume: -1}:                 false,
	} {
		require.Equal(t, good, m.check() == nil, "%v", m)
	}
}

// Numbers of ids have six digits, or as many as they need.
func TestNumbersInIds(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "000000", 1: "000001", 9: "000009", 10: "000010", 99_999: "099999", 100_000: "100000", 100_001: "100001",
		999_999: "999999", 1_000_000: "1000000", 123_456_789_012_345_678: "123456789012345678",
	} {
		id := string(appendNumbered(nil, orderPrefix, n))
		require.Equal(t, orderPrefix+want, id)
		require.Equal(t, n, numberOf(exchange.OrderID(id)))
		require.Equal(t, n, numberOfClient(exchange.ClientID(clientPrefix+want)))
	}
	for _, digits := range []string{
		"", "1", "12345", "0000001", "0123456", "12345x", "12345/", "12345:", "-12345", "1234567890123456789",
	} {
		require.Zero(t, numberOf(exchange.OrderID(orderPrefix+digits)), digits)
	}
	for _, id := range []exchange.OrderID{"", "x", exchange.OrderID(orderPrefix[1:] + "000001")} {
		require.Zero(t, numberOf(id), string(id))
	}
}

// A trade without a price is no trade.
func TestTradesWithoutAPrice(t *testing.T) {
	s := newScript(t)
	require.Empty(t, s.said("trade buy 100 1"))
	s.said("submit a buy 5 limit 99", "submit b sell 5 stop 50")
	for _, p := range []exchange.Price{0, -1} {
		e := exchange.TradeEvent(epoch, epoch, 0, exchange.Trade{Side: exchange.Sell, Price: p, Qty: 5})
		s.x.Market(&e)
		require.Empty(t, s.said("at 1s"))
	}
	require.Equal(t, []string{"+1s a: Buy 5 @ 99 trade-past maker, 0 left, position 5"}, s.said("trade sell 98 5"))
}

// The functions give the same bits wherever they run: places in queues depend on them.
func TestElementaryFunctionsAreExact(t *testing.T) {
	h := fnv.New64a()
	see := func(v float64) {
		_, err := h.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)))
		require.NoError(t, err)
	}
	x := uint64(1)
	for range 20_000 {
		x = x*6364136223846793005 + 1442695040888963407
		f := float64(x>>11) / (1 << 53) // from 0 to 1
		see(ln(f + 1e-9))
		see(ln(1e6 * (f + 1e-9)))
		see(exp(float64(1400*f) - 700))
		see(exp(2*f - 1)) // 2*f is exact
		see(pow(f, 0.1+float64(20*f)))
	}
	require.Equal(t, uint64(0xc3e52b97c9588cb5), h.Sum64())
}

// The whole powers up to 16 are products, and the others are not.
func TestPowers(t *testing.T) {
	for _, x := range []float64{0.1, 0.7, 1, 3} {
		product := 1.0
		for k := range 17 {
			require.InDelta(t, product, pow(x, float64(k)), 0)
			product = float64(product * x)
		}
	}
	require.InEpsilon(t, math.Pow(0.7, 17), pow(0.7, 17), 1e-14)
	require.InDelta(t, exp(17*ln(0.7)), pow(0.7, 17), 0)
	require.InDelta(t, exp(2.5*ln(0.7)), pow(0.7, 2.5), 0)
	require.Zero(t, exp(-700.5))
	require.NotZero(t, exp(-700))
	require.False(t, math.IsInf(exp(700), 1))
	require.True(t, math.IsInf(exp(700.5), 1))
}

// barOf is a bar of a symbol of the scripts.
func barOf(s exchange.SymbolID, from, to time.Duration, open, high, low, closes string) exchange.Event {
	e := exchange.BarEvent(exchange.Bar{
		Symbol: s, Start: epoch.Add(from), End: epoch.Add(to), Open: exchange.MustPrice(open), High: exchange.MustPrice(high),
		Low: exchange.MustPrice(low), Close: exchange.MustPrice(closes), Volume: 1000,
	})
	e.Symbol = s
	return e
}

// twoMarkets are the bars of two symbols of one account with cross margin.
type twoMarkets struct {
	*script
	t *testing.T
}

func (m *twoMarkets) at(at time.Duration, events ...exchange.Event) {
	_, err := m.x.Advance(m.t.Context(), epoch.Add(at), nil)
	require.NoError(m.t, err)
	for i := range events {
		m.x.Market(&events[i])
	}
	_, err = m.x.Advance(m.t.Context(), epoch.Add(at), nil)
	require.NoError(m.t, err)
}

func (m *twoMarkets) buy(s exchange.SymbolID, qty exchange.Qty) {
	o := exchange.NewOrder{Symbol: s, Side: exchange.Buy, Qty: qty, Type: exchange.Market}
	_, err := m.x.Submit(m.t.Context(), o)
	require.NoError(m.t, err)
}

func (m *twoMarkets) require(s exchange.SymbolID, want exchange.Qty) {
	require.Equal(m.t, want, m.x.Account().Position(s).Qty)
}

const minute = time.Minute

// With cross margin a second position makes the bar of the first one count, also one that
// has begun: the price may have gone where both together cannot be kept.
func TestASecondPositionInsideABarOfTheFirst(t *testing.T) {
	const abc, def = 0, 1
	for _, second := range []bool{false, true} {
		m := &twoMarkets{newScript(t), t}
		m.said("config balance=2")
		m.at(0, barOf(abc, 0, 5*minute, "100", "100", "100", "100"))
		m.buy(abc, 100)
		m.at(5*minute, barOf(abc, 5*minute, 10*minute, "100", "100", "90", "100"),
			barOf(def, 5*minute, 6*minute, "100", "100", "100", "100"))
		m.require(abc, 100)
		if second {
			m.buy(def, 100)
		}
		m.at(6*minute, barOf(def, 6*minute, 7*minute, "100", "100", "90.5", "90.5"))
		m.at(7 * minute)
		m.at(10 * minute)
		if second {
			m.require(abc, 0)
		} else {
			m.require(abc, 100)
		}
	}
}

// A bar that was over before there was a second position does not count for it.
func TestASecondPositionBehindABarOfTheFirst(t *testing.T) {
	const abc, def = 0, 1
	m := &twoMarkets{newScript(t), t}
	m.said("config balance=1.1")
	m.at(0, barOf(abc, 0, 5*minute, "100", "100", "100", "100"))
	m.buy(abc, 100)
	m.at(5*minute, barOf(abc, 5*minute, 10*minute, "100", "100", "91.5", "100"))
	m.at(9*minute, barOf(def, 9*minute, 10*minute, "100", "100", "100", "100"))
	m.at(9*minute + minute/2)
	m.buy(def, 800) // at the next open
	m.at(10*minute, barOf(def, 10*minute, 11*minute, "100", "100", "100", "100"))
	m.at(11 * minute)
	m.require(def, 800)
	m.require(abc, 100)
}

// Whatever is asked of the account first is valued at the newest prices.
func TestAccountAtTheNewestPrices(t *testing.T) {
	for name, ask := range map[string]func(a Account) any{
		"equity":    func(a Account) any { return a.Equity() },
		"margin":    func(a Account) any { return a.Margin() },
		"margin in": func(a Account) any { m, _ := a.MarginIn("USDt"); return m },
		"margins":   func(a Account) any { return a.Margins() },
		"position":  func(a Account) any { return a.Position(0) },
		"needs":     func(a Account) any { return a.Requirements(0) },
		"portfolio": func(a Account) any {
			return a.Portfolio(exchange.Currency{Code: "USDt", Major: "USDT", Scale: 6}).Unrealised
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			s.said("config", "bar 1m 100 100 100 100", "submit a buy 100 market", "at 1m", "bar 1m 100 104 99 103")
			a := s.x.Account()
			before := ask(a)
			_, err := s.x.Advance(t.Context(), epoch.Add(2*time.Minute), nil)
			require.NoError(t, err)
			first := ask(a)
			a.Equity()
			require.Equal(t, ask(a), first)
			if name != "needs" {
				require.NotEqual(t, before, first)
			}
		})
	}
}

package analysis

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
)

func TestFalls(t *testing.T) {
	var f falls
	for i, v := range []float64{100, 90, 95, 100, 120, 60, 120, 119, 130, 118} {
		f.add(exchange.Time(i), v, 100)
	}
	deepest := f.list()
	require.Len(t, deepest, 4)
	back := exchange.Time(6)
	require.Equal(t, Drawdown{Peak: 4, Trough: 5, Recovered: &back, Depth: 0.5}, deepest[0])
	require.Equal(t, exchange.Time(3), *deepest[1].Recovered)
	require.InDelta(t, 0.1, deepest[1].Depth, 1e-12)
	require.Nil(t, deepest[2].Recovered, "not yet")
	require.InDelta(t, 1-118.0/130, deepest[2].Depth, 1e-12)
	require.Equal(t, exchange.Time(8), *deepest[3].Recovered)
	require.Len(t, f.list(), 4, "asking changes nothing")
	require.InDelta(t, 8.0/9, f.share(9), 1e-12, "0 to 3, 4 to 6, 6 to 8 and 8 to 9")

	var many falls
	for i := range 100 {
		many.add(exchange.Time(3*i), 100, 100)
		many.add(exchange.Time(3*i+1), 99-float64(i%50), 100)
	}
	require.Len(t, many.list(), mostDrawdowns)
	require.InDelta(t, 0.5, many.list()[0].Depth, 1e-12)
	require.Equal(t, exchange.Time(3*49), many.list()[0].Peak, "of equal ones the earlier comes first")
	require.InDelta(t, 0.46, many.list()[mostDrawdowns-1].Depth, 1e-12)

	var none falls
	require.True(t, math.IsNaN(none.deepest()))
	require.True(t, math.IsNaN(none.share(0)))
	none.add(1, 5, 5)
	require.Zero(t, none.deepest())
}

func TestConversion(t *testing.T) {
	inverse := Conversion{Own: "XBT", Other: "USD", Inverse: true, OK: true}
	require.InDelta(t, 20_000, inverse.Convert(2, 10_000), 0)
	linear := Conversion{Own: "USDT", Other: "XBT", OK: true}
	require.InDelta(t, 2, linear.Convert(20_000, 10_000), 0)
	for _, tt := range []struct {
		kind                     exchange.Kind
		underlying, quote, major string
		ok                       bool
	}{
		{exchange.Inverse, "XBT", "USD", "XBT", true}, {exchange.Inverse, "BTC", "USD", "XBT", true},
		{exchange.Inverse, "ETH", "USD", "XBT", false}, {exchange.Linear, "XBT", "USDT", "USDT", true},
		{exchange.Linear, "XBT", "USD", "USDT", false}, {exchange.Quanto, "ETH", "USD", "XBT", false},
	} {
		r := &reports.Result{Account: reports.Balance{CurrencyMajor: tt.major},
			Instruments: []reports.Contract{{Kind: tt.kind, Underlying: tt.underlying, Quote: tt.quote}}}
		require.Equal(t, tt.ok, ConversionOf(r).OK, "%+v", tt)
	}
	require.False(t, new(Conversion).OK)
}

func TestDays(t *testing.T) {
	at := func(text string) exchange.Time {
		x, err := time.Parse("2006-01-02 15:04", text)
		require.NoError(t, err)
		return exchange.Time(x.UnixNano())
	}
	s := series{currency: "XBT"}
	for _, x := range []struct {
		at     string
		equity float64
	}{
		{"2020-01-30 12:00", 100}, {"2020-01-30 23:59", 110}, {"2020-01-31 00:01", 1}, {"2020-02-01 00:00", 99},
		{"2020-02-03 06:00", 49.5},
	} {
		s.add(at(x.at), x.equity, 100)
	}
	s.finish()
	r, ends, ok := s.daily()
	require.True(t, ok)
	require.InDeltaSlice(t, []float64{-0.1, 0, 0}, r, 1e-12, "the first and the last are parts of days")
	require.Equal(t, []exchange.Time{at("2020-02-01 00:00"), at("2020-02-02 00:00"), at("2020-02-03 00:00")}, ends)
	out := s.describe(at("2020-02-03 06:00").Sub(at("2020-01-30 12:00")), 1)
	require.Equal(t, 3, out.Days)
	require.Len(t, out.Months, 2)
	require.InDelta(t, -0.01, *out.Months[0].Return, 1e-12)
	require.InDelta(t, -0.5, *out.Months[1].Return, 1e-12)
	require.True(t, out.Months[0].Partial)
	require.True(t, out.Months[1].Partial)
	require.Nil(t, out.BestMonth, "there is no whole month")
	require.InDelta(t, -0.505, *out.Years[0].Return, 1e-12)
	require.True(t, out.Years[0].Partial)
	require.InDelta(t, 1-1/110.0, *out.MaxDrawdown, 1e-12, "of samples, not of days")
	require.InDelta(t, 1-49.5/110, *out.MaxDaily, 1e-12, "of the ends of days, the last part included")

	var sunk series
	sunk.add(at("2020-02-03 12:00"), 100, 100)
	sunk.add(at("2020-02-04 00:00"), -5, 100)
	sunk.add(at("2020-02-05 00:00"), 5, 100)
	sunk.finish()
	broke := sunk.describe(time.Hour, 1)
	require.Nil(t, broke.Sharpe, "a day began without equity")
	require.Equal(t, 1, broke.Days, "the days are there all the same")
	require.Equal(t, "a day began without equity", broke.Reasons["var"])
	require.Len(t, broke.Months, 1)
	require.NotNil(t, broke.Total)
	require.Nil(t, broke.CAGR, "an hour says nothing about a year")
}

// fills of one symbol from 10 000: a long trip, a flip, and a short one.
func TestTripsAndExcursions(t *testing.T) {
	kinds := map[string]exchange.Kind{"XBTUSD": exchange.Inverse, "XBTUSDT": exchange.Linear}
	value := func(qty int64, price float64) int64 { return int64(math.Round(float64(qty) * 1e8 / price)) }
	x := newTrips("XBTUSD", kinds)
	x.valuer = newValuer(&reports.Contract{Kind: exchange.Inverse, Multiplier: 1e8, Divisor: 1,
		Terms: []reports.ContractTerms{{LotSize: 100}}})
	x.queue(fill{at: 10, symbol: "XBTUSD", side: 1, qty: 1000, price: 10_000, tick: 10_000 * exchange.PriceUnit,
		value: value(1000, 10_000), fee: 100, position: 1000})
	sold := value(1000, 12_500)
	x.queue(fill{at: 50, symbol: "XBTUSD", side: -1, qty: 1500, price: 12_500, tick: 12_500 * exchange.PriceUnit,
		value: value(1500, 12_500), fee: 90,
		realised: value(1000, 10_000) - sold, position: -500})
	x.queue(fill{at: 90, symbol: "XBTUSD", side: 1, qty: 500, price: 10_000, tick: 10_000 * exchange.PriceUnit,
		value: value(500, 10_000), fee: -50,
		realised: value(500, 10_000) - value(500, 12_500), position: 0})
	x.sort()
	x.sample(5, 10_000*exchange.PriceUnit)
	x.sample(20, 8_000*exchange.PriceUnit)
	x.sample(40, 20_000*exchange.PriceUnit)
	x.sample(60, 12_500*exchange.PriceUnit)
	x.sample(70, 20_000*exchange.PriceUnit)
	x.finish(0)

	require.Len(t, x.done, 2)
	first, second := &x.done[0], &x.done[1]
	require.True(t, first.long)
	require.False(t, second.long)
	require.Equal(t, int64(10_000_000-8_000_000-100-60), first.profit)
	require.Equal(t, int64(5_000_000-4_000_000+50-30), second.profit)
	require.Equal(t, int64(40), first.closed-first.opened)
	require.InDelta(t, 10_000_000-12_500_000-100, first.mae, 1e-6, "at 8000")
	require.InDelta(t, 10_000_000-5_000_000-100, first.mfe, 1e-6, "at 20000")
	require.InDelta(t, -4_000_000+2_500_000-30, second.mae, 1e-6, "at 20000")
	require.InDelta(t, 1_000_000+20, second.mfe, 1e-6, "at the end, with a rebate")

	all := x.describe()
	require.Equal(t, []string{"all", "long", "short"}, []string{all[0].Side, all[1].Side, all[2].Side})
	require.Equal(t, []int{2, 1, 1}, []int{all[0].Count, all[1].Count, all[2].Count})
	require.InDelta(t, float64(first.profit+second.profit)/(first.mfe+second.mfe), *all[0].Captured, 1e-12)
	require.Nil(t, all[0].ProfitFactor, "none lost")
	require.InDelta(t, 40e-9, *all[0].MedianSeconds, 1e-15)
}

// The value of a lot is rounded, and a position is many lots: what a trip was worth on
// the way follows from the value of its lots, not from a fill's value per contract.
func TestExcursionsAreExact(t *testing.T) {
	const lots = 30_000 // of one contract: half a unit each is 15 000
	terms := exchange.Terms{Kind: exchange.Inverse, Multiplier: 1e8, Divisor: 1, LotSize: 1}
	x := newTrips("XBTUSD", map[string]exchange.Kind{"XBTUSD": exchange.Inverse})
	x.valuer = newValuer(&reports.Contract{Kind: exchange.Inverse, Multiplier: 1e8, Divisor: 1,
		Terms: []reports.ContractTerms{{LotSize: 1}}})
	var position, cost, fees int64
	trade := func(at, qty int64, price string, realised int64) {
		p := exchange.MustPrice(price)
		position += qty
		f := fill{at: at, symbol: "XBTUSD", side: 1, qty: max(qty, -qty), price: p.Float64(), tick: p,
			value: int64(terms.Value(exchange.Qty(qty), p)),
			fee:   1000, realised: realised, position: position}
		if qty < 0 {
			f.side = -1
		}
		cost += int64(terms.Cost(exchange.Qty(qty), p))
		fees += f.fee
		x.queue(f)
	}
	trade(1, lots, "9471.5", 0)
	trade(2, 1, "9533", 0)
	x.sort()
	mark := exchange.MustPrice("9612.5")
	best := float64(int64(terms.Cost(exchange.Qty(position), mark)) - cost - fees)
	sold := int64(terms.Value(exchange.Qty(position), exchange.MustPrice("9400")))
	trade(4, -position, "9400", -cost-sold)
	x.sort()
	x.sample(3, mark)
	x.finish(0)
	require.Len(t, x.done, 1)
	require.InDelta(t, best, x.done[0].mfe, 0)
	require.InDelta(t, float64(x.done[0].profit), x.done[0].mae, 0, "it ended at its worst")
}

// Tables may be anybody's: a contract or a price that nothing can be worth at leaves
// excursions out, and ends nothing.
func TestExcursionsOfNonsense(t *testing.T) {
	price := exchange.MustPrice("9000")
	good := reports.Contract{Kind: exchange.Inverse, Multiplier: 1e8, Divisor: 1,
		Terms: []reports.ContractTerms{{LotSize: 100}}}
	v := newValuer(&good)
	have, ok := v.cost(0, 1000, price)
	require.True(t, ok)
	require.Equal(t, int64(-11_111_110), have)
	for name, spoil := range map[string]func(c *reports.Contract) (qty int64, price exchange.Price){
		"no terms": func(c *reports.Contract) (int64, exchange.Price) { c.Terms = nil; return 1, price },
		"no lot": func(c *reports.Contract) (int64, exchange.Price) {
			c.Terms[0].LotSize = 0
			return 1,
				price
		},
		"no multiplier": func(c *reports.Contract) (int64, exchange.Price) { c.Multiplier = 0; return 1, price },
		"no divisor":    func(c *reports.Contract) (int64, exchange.Price) { c.Divisor = 0; return 1, price },
		"huge multiplier": func(c *reports.Contract) (int64, exchange.Price) {
			c.Multiplier = math.MaxInt64
			return 1,
				price
		},
		"huge divisor": func(c *reports.Contract) (int64, exchange.Price) {
			c.Divisor = math.MaxInt64
			return 1,
				price
		},
		"huge lot": func(c *reports.Contract) (int64,
			exchange.Price) {
			c.Terms[0].LotSize = math.MaxInt64
			return 1, price
		},
		"huge position":  func(*reports.Contract) (int64, exchange.Price) { return math.MaxInt64, price },
		"least position": func(*reports.Contract) (int64, exchange.Price) { return math.MinInt64, price },
		"no price":       func(*reports.Contract) (int64, exchange.Price) { return 1, 0 },
		"tiny price":     func(*reports.Contract) (int64, exchange.Price) { return 1_000_000, 1 },
		"huge price": func(c *reports.Contract) (int64, exchange.Price) {
			c.Kind = exchange.Linear
			return 1_000_000, math.MaxInt64
		},
	} {
		c := good
		c.Terms = []reports.ContractTerms{{LotSize: 100}}
		qty, price := spoil(&c)
		v := newValuer(&c)
		_, ok := v.cost(0, qty, price)
		require.False(t, ok, name)
	}
}

// Whatever the fills are, the two parts of each are the whole.
func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := fill{side: rapid.SampledFrom([]int64{1, -1}).Draw(t, "side"), qty: rapid.Int64Range(1, 1e6).Draw(t, "qty"),
			value: rapid.Int64Range(0, 1e12).Draw(t, "value"), fee: rapid.Int64Range(-1e6, 1e6).Draw(t, "fee"),
			realised: rapid.Int64Range(-1e9, 1e9).Draw(t, "realised")}
		before := rapid.Int64Range(-1e6, 1e6).Draw(t, "before")
		f.position = before + f.side*f.qty
		if before == 0 || before > 0 == (f.side > 0) {
			f.realised = 0
		}
		closing, opening := f.split()
		require.Equal(t, f.qty, closing.qty+opening.qty)
		require.Equal(t, f.value, closing.value+opening.value)
		require.Equal(t, f.fee, closing.fee+opening.fee)
		require.Equal(t, f.realised, closing.realised+opening.realised)
		require.Equal(t, f.position, before+f.side*(closing.qty+opening.qty))
		if before == 0 {
			require.Zero(t, closing.qty)
		} else if before > 0 != (f.side > 0) {
			require.Equal(t, min(f.qty, max(before, -before)), closing.qty)
		}
	})
}

func TestArrivalsAndMarkouts(t *testing.T) {
	second := int64(time.Second)
	o := newOrders()
	require.NoError(t, o.add([]orderRow{
		{OrderID: "late", Time: 70 * second, Qty: 10, Filled: 10, Status: "Filled", Mid: int64(exchange.MustPrice("112.5"))},
		{OrderID: "early", Time: 30 * second, Qty: 10, Filled: 5, Status: "Canceled"},
		{ClientID: "never", Time: 30 * second, Qty: 20, Status: "Canceled"},
		{OrderID: "no", Time: 30 * second, Qty: 99, Status: "Rejected"},
		{ClientID: "mine", Time: 60 * second, Qty: 10, Filled: 10, Status: "Filled"},
	}))
	q := newQuality(false)
	for _, x := range []struct {
		row  fillRow
		fill fill
	}{
		{fillRow{OrderID: "early"}, fill{at: 40 * second, side: 1, qty: 1, position: 1, price: 101, value: 100, maker: true}},
		{fillRow{ClientID: "mine"}, fill{at: 60 * second, side: -1, qty: 2, position: -1, price: 110, value: 300}},
		{fillRow{OrderID: "late"}, fill{at: 75 * second, side: -1, qty: 1, position: -2, price: 110, value: 100, maker: true}},
		{fillRow{}, fill{at: 75 * second, side: -1, qty: 1, position: -2, price: 110, value: 500}}, // by the venue
	} {
		x.fill.order = o.find(&x.row)
		q.count(&x.fill, o.at(x.fill.order), true)
	}
	o.sort()
	q.sort()
	var s samples
	for _, x := range []struct {
		at   int64
		mark float64
	}{{1, 100}, {60, 111}, {120, 121}, {180, 99}, {183, 50}} {
		s.add(x.at * second)
		o.sample(x.at*second, x.mark)
		q.sample(x.at*second, x.mark)
	}
	require.Equal(t, time.Minute, s.interval(), "the first and the last are not full")

	require.InDelta(t, 100, o.arrivals[1].price, 0, "the sample before it")
	require.InDelta(t, 111, o.arrivals[2].price, 0, "that of its instant")
	require.InDelta(t, 112.5, o.arrivals[0].price, 0, "the middle of the market")

	var e Execution
	o.describe(&e, 4)
	q.describe(&e, &o, s.interval())
	require.Equal(t, int64(4), e.Orders)
	require.InDelta(t, 0.5, *e.FillRatio, 1e-12)
	require.InDelta(t, 0.5, *e.CancelsPerFill, 1e-12)
	require.InDelta(t, 0.2, *e.MakerShare, 1e-12)
	require.InDelta(t, 7.5, *e.MeanQueueSeconds, 1e-12)
	bps := -(100*(101.0/100-1) - 300*(110.0/111-1) - 100*(110.0/112.5-1)) / 500 * 1e4
	require.InDelta(t, bps, *e.SlippageBps, 1e-9)
	require.Equal(t, exchange.Money(math.Round(-100*(1-100.0/101)+300*(1-111.0/110))+math.Round(100*(1-112.5/110))), *e.Slippage)

	require.Equal(t, q.slipped.total, q.slipped.long+q.slipped.short)
	require.Equal(t, exchange.Money(-1-2), q.slipped.long, "what was bought, and half of what turned the position, -1.5 rounded away from 0")
	require.Equal(t, exchange.Money(-1-2), q.slipped.short)
	require.Nil(t, e.Markouts[2].Maker, "30 seconds are less than the samples are apart")
	minute := e.Markouts[3]
	require.Equal(t, 60, minute.Seconds)
	require.Equal(t, 3, minute.Fills)
	require.InDelta(t, (100*(121.0/101-1)-100*(99.0/110-1))/200*1e4, *minute.Maker, 1e-9)
	require.InDelta(t, -(121.0/110-1)*1e4, *minute.Taker, 1e-9)
	require.Zero(t, e.Markouts[4].Fills, "the run ended before")
}

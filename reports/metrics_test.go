package reports

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// point is a sample: hours after the start and the equity.
type point struct {
	hours  float64
	equity exchange.Money
}

func dailyOf(start exchange.Money, from exchange.Time, points ...point) *daily {
	var d daily
	for _, p := range points {
		d.add(from.Add(time.Duration(p.hours*float64(time.Hour))), p.equity, start)
	}
	d.finish()
	return &d
}

// moments are what a run of many days would make its ratios of.
func moments(d *daily) (sharpe, sortino float64) {
	sd, _ := d.deviation()
	return d.mean / sd * math.Sqrt(365), d.mean / math.Sqrt(d.down/float64(d.n)) * math.Sqrt(365)
}

func TestDailyReturnsByHand(t *testing.T) {
	// 100 → 110 → 99 → 99: returns 0.1, -0.1, 0. Mean 0, deviation 0.1.
	d := dailyOf(100, testStart, point{0, 100}, point{24, 110}, point{48, 99}, point{72, 99})
	require.Equal(t, 3, d.n)
	sharpe, _ := moments(d)
	require.InDelta(t, 0, sharpe, 1e-12)
	v, _ := d.volatility()
	require.InDelta(t, 0.1*math.Sqrt(365), *v, 1e-12)
	require.InDelta(t, 11.0/110, *d.falls.max(), 1e-12)

	// 100 → 102 → 101: returns 0.02 and 101/102-1.
	d = dailyOf(100, testStart, point{0, 100}, point{24, 102}, point{48, 101})
	a, b := 0.02, 101.0/102-1
	mean, sd := (a+b)/2, math.Abs(a-b)/math.Sqrt2
	sharpe, sortino := moments(d)
	require.InDelta(t, mean/sd*math.Sqrt(365), sharpe, 1e-9)
	require.InDelta(t, mean/math.Sqrt(b*b/2)*math.Sqrt(365), sortino, 1e-9)
	v, _ = d.volatility()
	require.InDelta(t, sd*math.Sqrt(365), *v, 1e-12)
}

// Only whole days have a return of a day, but for a minute at either end of the run.
func TestDailyReturnsAreOfWholeDays(t *testing.T) {
	const minute = 1.0 / 60
	for _, tt := range []struct {
		name   string
		from   exchange.Time
		points []point
		want   []float64
	}{
		{"starts at midnight, ends at midnight", testStart, []point{{0, 100}, {12, 300}, {24, 110}}, []float64{0.1}},
		{"a last part of a day", testStart, []point{{0, 100}, {24, 110}, {25, 121}}, []float64{0.1}},
		{"a last day but for a minute", testStart, []point{{0, 100}, {24, 110}, {48 - minute, 121}}, []float64{0.1,
			0.1}},
		{"a last day but for two minutes", testStart, []point{{0, 100}, {24, 110}, {48 - 2*minute, 121}},
			[]float64{0.1}},
		{"a first part of a day", testStart.Add(23 * time.Hour), []point{{0, 100}, {1, 110}, {25, 121}},
			[]float64{0.1}},
		{"the last minute of a day", testStart.Add(day - time.Minute), []point{{0, 100}, {minute, 50}, {24 + minute,
			55}}, []float64{0.1}},
		{"a first day but for a minute", testStart.Add(time.Minute), []point{{0, 100}, {24 - minute, 110}},
			[]float64{0.1}},
		{"a first day but for two minutes", testStart.Add(2 * time.Minute), []point{{0, 100}, {24 - 2*minute, 110}},
			nil},
		{"within one day", testStart.Add(time.Hour), []point{{0, 100}, {1, 105}, {2, 110}}, nil},
		{"parts of two days", testStart.Add(23 * time.Hour), []point{{0, 100}, {1, 105}, {2, 110}}, nil},
		{"no sample at midnight: the one before it stands", testStart, []point{{0, 100}, {23, 110}, {25, 500}, {48,
			121}}, []float64{0.1, 0.1}},
		{"days without samples have no return", testStart, []point{{0, 100}, {23, 110}, {73, 110}}, []float64{0.1, 0,
			0}},
		{"one sample", testStart, []point{{0, 100}}, nil},
		{"the same instant twice", testStart, []point{{0, 100}, {0, 120}}, nil},
		{"none", testStart, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := dailyOf(100, tt.from, tt.points...)
			require.Equal(t, len(tt.want), d.n)
			require.Equal(t, len(tt.want), d.whole)
			require.False(t, d.undefined)
			if len(tt.want) > 0 {
				require.InDelta(t, stat.Mean(tt.want, nil), d.mean, 1e-12)
			}
			if v, why := d.volatility(); len(tt.want) < 2 {
				require.Nil(t, v)
				require.Contains(t, why, "and it takes 2")
			}
		})
	}
}

// daysOf is a series of so many whole days, which win and lose in turn.
func daysOf(n int) *daily {
	points := []point{{0, 1000}}
	equity := exchange.Money(1000)
	for i := range n {
		equity += exchange.Money(10 - 15*(i%2))
		points = append(points, point{24 * float64(i+1), equity})
	}
	return dailyOf(1000, testStart, points...)
}

// A ratio takes twenty days, and says so where there are fewer.
func TestRatiosTakeTwentyDays(t *testing.T) {
	d := daysOf(MinRatioDays - 1)
	for _, of := range []func() (*float64, string){d.sharpe, d.sortino} {
		v, why := of()
		require.Nil(t, v)
		require.Equal(t, "the run has 19 whole days, and it takes 20", why)
	}
	v, why := d.volatility()
	require.NotNil(t, v)
	require.Empty(t, why)

	d = daysOf(MinRatioDays)
	sharpe, sortino := moments(d)
	v, why = d.sharpe()
	require.InDelta(t, sharpe, *v, 1e-12)
	require.Empty(t, why)
	v, why = d.sortino()
	require.InDelta(t, sortino, *v, 1e-12)
	require.Empty(t, why)
}

func TestDailyReturnsThatAreNotDefined(t *testing.T) {
	for name, points := range map[string][]point{
		"through zero":   {{0, 100}, {24, 0}, {48, 50}},
		"below zero":     {{0, 100}, {24, -10}, {48, -20}, {72, -5}},
		"there and back": {{0, 100}, {24, -10}, {48, 100}, {72, 110}},
		"a day at zero":  {{0, 100}, {24, 0}, {48, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			for range MinRatioDays {
				last := points[len(points)-1]
				points = append(points, point{last.hours + 24, last.equity})
			}
			d := dailyOf(100, testStart, points...)
			require.Equal(t, len(points)-1, d.whole, "the days are counted all the same")
			for _, of := range []func() (*float64, string){d.sharpe, d.sortino, d.volatility} {
				v, why := of()
				require.Nil(t, v)
				require.Equal(t, "a day began without equity", why)
			}
		})
	}
	// Losing everything on the last day is a return of -100 %, and defined.
	d := dailyOf(100, testStart, point{0, 100}, point{24, 110}, point{48, 0})
	v, _ := d.volatility()
	require.NotNil(t, v)
	require.InDelta(t, -0.45, d.mean, 1e-12)
	// Equal returns have no deviation, and no losses mean no downside.
	points := []point{{0, 1}}
	for i := range MinRatioDays {
		points = append(points, point{24 * float64(i+1), points[i].equity * 2})
	}
	d = dailyOf(1, testStart, points...)
	v, why := d.sharpe()
	require.Nil(t, v)
	require.Equal(t, "all daily returns are equal", why)
	v, why = d.sortino()
	require.Nil(t, v)
	require.Equal(t, "no day lost", why)
	v, _ = d.volatility()
	require.Zero(t, *v)
}

func TestDailyMomentsMatchThoseOfTheWholeSeries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		equity := rapid.SliceOfN(rapid.Int64Range(1, 1e12), MinRatioDays+1, 400).Draw(t, "equity")
		start := exchange.Money(equity[0])
		var d daily
		var returns []float64
		downside := 0.0
		for i, e := range equity {
			d.add(testStart.Add(time.Duration(i)*day), exchange.Money(e), start)
			if i > 0 {
				x := float64(e)/float64(equity[i-1]) - 1
				returns = append(returns, x)
				downside += min(x, 0) * min(x, 0)
			}
		}
		d.finish()
		mean, sd := stat.MeanStdDev(returns, nil)
		near := func(want float64, got *float64, why string) {
			if got == nil {
				t.Fatalf("not defined (%s), want %g", why, want)
			}
			if diff := math.Abs(*got - want); diff > 1e-9*max(1, math.Abs(want)) {
				t.Fatalf("got %g, want %g", *got, want)
			}
		}
		check := func(want float64, of func() (*float64, string)) {
			got, why := of()
			near(want, got, why)
		}
		if sd > 0 {
			check(mean/sd*math.Sqrt(365), d.sharpe)
		}
		check(sd*math.Sqrt(365), d.volatility)
		if downside > 0 {
			check(mean/math.Sqrt(downside/float64(len(returns)))*math.Sqrt(365), d.sortino)
		}
	})
}

func TestDrawdown(t *testing.T) {
	at := func(i int) exchange.Time { return testStart.Add(time.Duration(i) * time.Hour) }
	for _, tt := range []struct {
		name       string
		equity     []exchange.Money
		want       float64
		start, end int
	}{
		{"never down", []exchange.Money{100, 110, 110, 120}, 0, -1, -1},
		{"by hand", []exchange.Money{100, 200, 150, 180, 120, 300, 200}, 0.4, 1, 4},
		{"the later of two peaks of one height", []exchange.Money{100, 200, 180, 200, 100}, 0.5, 3, 4},
		{"the first of two equal falls", []exchange.Money{100, 50, 100, 50}, 0.5, 0, 1},
		{"below the start balance at once", []exchange.Money{80}, 0.2, 0, 0},
		{"through zero", []exchange.Money{100, -50, 20}, 1.5, 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d drawdown
			for i, e := range tt.equity {
				d.add(at(i), e, 100)
			}
			require.InDelta(t, tt.want, *d.max(), 1e-12)
			start, end := d.span()
			if tt.start < 0 {
				require.Nil(t, start)
				require.Nil(t, end)
				return
			}
			require.Equal(t, at(tt.start), *start)
			require.Equal(t, at(tt.end), *end)
		})
	}
	var none drawdown
	require.Nil(t, none.max())
}

func TestGrowth(t *testing.T) {
	b := &Balance{StartBalance: 100, EndEquity: 121, Turnover: 250}
	require.InDelta(t, 0.21, *totalReturn(b), 1e-12)
	require.InDelta(t, 2.5, *turnover(b), 1e-12)
	rate := func(b *Balance, length time.Duration) float64 {
		v, why := cagr(b, length)
		require.NotNil(t, v)
		require.Empty(t, why)
		return *v
	}
	require.InDelta(t, 0.21, rate(b, 365*day), 1e-12)
	require.InDelta(t, 0.1, rate(b, 730*day), 1e-12)
	require.InDelta(t, math.Pow(1.21, 365.0/30)-1, rate(b, MinYearly), 1e-9)
	none := func(b *Balance, length time.Duration) string {
		v, why := cagr(b, length)
		require.Nil(t, v)
		return why
	}
	require.Equal(t, "the run covers 25h0m0s, and it takes 30 days", none(b, 25*time.Hour))
	require.Equal(t, "the run covers 29.9 days, and it takes 30 days", none(b, MinYearly-2*time.Hour))
	require.Greater(t, rate(&Balance{StartBalance: 1, EndEquity: math.MaxInt64}, MinYearly), 1e200,
		"the greatest that there is")

	lost := &Balance{StartBalance: 100, EndEquity: -20}
	require.InDelta(t, -1.2, *totalReturn(lost), 1e-12)
	require.Equal(t, "the account ended with nothing", none(lost, 365*day))
	require.Equal(t, "the account ended with nothing", none(&Balance{StartBalance: 100}, 365*day))
	require.Nil(t, totalReturn(&Balance{}))
	require.Nil(t, turnover(&Balance{}))
}

func TestBenchmark(t *testing.T) {
	var b benchmark
	v, why := b.total()
	require.Nil(t, v)
	require.Equal(t, "no price was known", why)
	for i, p := range []string{"0", "8000", "6000", "0", "9000"} {
		b.add(testStart.Add(time.Duration(i)*time.Second), exchange.MustPrice(p))
	}
	v, _ = b.total()
	require.InDelta(t, 0.125, *v, 1e-12)
	require.Equal(t, &Benchmark{Symbol: "XBTUSD", Currency: "USD", Start: testStart.Add(time.Second),
		StartPrice: exchange.MustPrice("8000"),
		EndPrice:   exchange.MustPrice("9000")}, b.describe(&exchange.Instrument{Symbol: "XBTUSD", Quote: "USD"}))
	require.Nil(t, new(benchmark).describe(&exchange.Instrument{}))
}

// The return in the currency of the price: a coin that stays one coin gains what the
// price gains.
func TestQuoteReturn(t *testing.T) {
	price := &Benchmark{StartPrice: exchange.MustPrice("8000"), EndPrice: exchange.MustPrice("10000")}
	for name, tt := range map[string]struct {
		kind              exchange.Kind
		underlying, quote string
		major             string
		price             *Benchmark
		want              float64 // NaN: none
	}{
		"inverse":            {exchange.Inverse, "XBT", "USD", "XBT", price, 1.1*1.25 - 1},
		"inverse, no price":  {exchange.Inverse, "XBT", "USD", "XBT", nil, math.NaN()},
		"linear":             {exchange.Linear, "XBT", "USDT", "USDT", price, 0.1},
		"linear, no price":   {exchange.Linear, "XBT", "USDT", "USDT", nil, 0.1},
		"quanto: in neither": {exchange.Quanto, "ETH", "USD", "XBT", price, math.NaN()},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Result{Account: Balance{CurrencyMajor: tt.major, StartBalance: 100, EndEquity: 110},
				Benchmark:   tt.price,
				Instruments: []Contract{{Kind: tt.kind, Underlying: tt.underlying, Quote: tt.quote}}}
			v, why := quoteReturn(r)
			if math.IsNaN(tt.want) {
				require.Nil(t, v)
				require.NotEmpty(t, why)
				return
			}
			require.InDelta(t, tt.want, *v, 1e-12)
			require.Empty(t, why)
		})
	}
}

// aFill is a fill for trips: signed quantity, position after, realised, fee.
func aFill(s exchange.SymbolID, qty, after exchange.Qty, realised, fee exchange.Money) *exchange.Fill {
	return &exchange.Fill{Symbol: s, Side: exchange.SideOf(qty), Qty: qty.Abs(), Position: after, Realised: realised, Fee: fee}
}

func TestRoundTrips(t *testing.T) {
	tr := newTrips(2)
	require.Nil(t, tr.winRate())
	require.Nil(t, tr.profitFactor())
	require.Nil(t, tr.fillWinRate())

	tr.add(aFill(0, 10, 10, 0, 5))
	tr.add(aFill(0, 10, 20, 0, 5))
	tr.add(aFill(1, -3, -3, 0, 1)) // another symbol is another trip
	tr.add(aFill(0, -5, 15, 30, 2))
	require.Zero(t, tr.closed)
	require.Nil(t, tr.winRate())
	tr.add(aFill(0, -15, 0, 20, 8)) // 30 + 20 - 20 = 30
	require.Equal(t, exchange.Money(30), tr.gain)
	require.InDelta(t, 1, *tr.winRate(), 0)
	require.Nil(t, tr.profitFactor(), "nothing was lost")

	// A flip from -3 to 7: fees of 10 are split 3 to 7.
	tr.add(aFill(1, 10, 7, -4, 10))
	require.Equal(t, exchange.Money(8), tr.loss) // -1 - 4 - 3
	tr.add(aFill(1, -7, 0, 9, 2))                // -7 + 9 - 2 = 0: neither won nor lost
	require.Equal(t, []int64{3, 1, 1}, []int64{tr.closed, tr.won, tr.lost})
	require.InDelta(t, 1.0/3, *tr.winRate(), 1e-12)
	require.InDelta(t, 30.0/8, *tr.profitFactor(), 1e-12)
	// Closing fills: 30-2, 20-8, -4-3 and 9-2.
	require.Equal(t, []int64{4, 3, 1}, []int64{tr.closings, tr.closingsWon, tr.closingsLost})
	require.InDelta(t, 0.75, *tr.fillWinRate(), 1e-12)

	// A rebate is a negative fee and splits the same way.
	tr = newTrips(1)
	tr.add(aFill(0, 3, 3, 0, -3))
	tr.add(aFill(0, -9, -6, 1, -9))
	require.Equal(t, exchange.Money(3+1+3), tr.gain)
	require.Equal(t, exchange.Money(6), tr.open[0].profit)
}

func TestTripsAccountForEveryCent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := newTrips(1)
		var position exchange.Qty
		var sum, closed exchange.Money
		for range rapid.IntRange(1, 60).Draw(t, "fills") {
			qty := exchange.Qty(rapid.Int64Range(-9, 9).Filter(func(q int64) bool { return q != 0 }).Draw(t, "qty"))
			before := position
			position += qty
			var realised exchange.Money
			if before != 0 && before.Sign() != qty.Sign() {
				realised = exchange.Money(rapid.Int64Range(-1000, 1000).Draw(t, "realised"))
			}
			fee := exchange.Money(rapid.Int64Range(-50, 200).Draw(t, "fee"))
			tr.add(aFill(0, qty, position, realised, fee))
			sum += realised - fee
		}
		closed = tr.gain - tr.loss
		if closed+tr.open[0].profit != sum {
			t.Fatalf("closed %d and open %d are not %d", closed, tr.open[0].profit, sum)
		}
		if position == 0 && tr.open[0].profit != 0 {
			t.Fatalf("flat, and %d is open", tr.open[0].profit)
		}
	})
}

func TestExposure(t *testing.T) {
	at := func(h int) exchange.Time { return testStart.Add(time.Duration(h) * time.Hour) }
	e := newExposure(2)
	require.Nil(t, e.fraction(at(0), at(0)))

	e = newExposure(2)
	e.set(at(2), 0, 5)  // 2 to 6
	e.set(at(4), 1, -3) // 4 to 8
	e.set(at(6), 0, 0)
	e.set(at(5), 0, 7) // reported late: time does not go back
	e.set(at(6), 0, 0)
	e.set(at(8), 1, 0)
	e.set(at(9), 0, 1) // 9 to the end
	require.InDelta(t, 0.7, *e.fraction(at(0), at(10)), 1e-12)

	e = newExposure(1)
	require.InDelta(t, 0, *e.fraction(at(0), at(10)), 0)
}

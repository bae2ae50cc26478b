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

func TestDailyReturnsByHand(t *testing.T) {
	// 100 → 110 → 99 → 99: returns 0.1, -0.1, 0. Mean 0, deviation 0.1.
	d := dailyOf(100, testStart, point{0, 100}, point{24, 110}, point{48, 99}, point{72, 99})
	require.Equal(t, 3, d.n)
	require.InDelta(t, 0, *d.sharpe(), 1e-12)
	require.InDelta(t, 0.1*math.Sqrt(365), *d.volatility(), 1e-12)

	// 100 → 102 → 101: returns 0.02 and 101/102-1.
	d = dailyOf(100, testStart, point{0, 100}, point{24, 102}, point{48, 101})
	a, b := 0.02, 101.0/102-1
	mean, sd := (a+b)/2, math.Abs(a-b)/math.Sqrt2
	require.InDelta(t, mean/sd*math.Sqrt(365), *d.sharpe(), 1e-9)
	require.InDelta(t, mean/math.Sqrt(b*b/2)*math.Sqrt(365), *d.sortino(), 1e-9)
	require.InDelta(t, sd*math.Sqrt(365), *d.volatility(), 1e-12)
}

func TestDailyReturnsOfPartialDays(t *testing.T) {
	for _, tt := range []struct {
		name   string
		from   exchange.Time
		points []point
		want   []float64
	}{
		{"starts at midnight, ends at midnight", testStart, []point{{0, 100}, {12, 300}, {24, 110}}, []float64{0.1}},
		{"a last part of a day counts", testStart, []point{{0, 100}, {24, 110}, {25, 121}}, []float64{0.1, 0.1}},
		{"a first part of a day counts", testStart.Add(23 * time.Hour), []point{{0, 100}, {1, 110}, {25, 121}}, []float64{0.1, 0.1}},
		{"within one day", testStart.Add(time.Hour), []point{{0, 100}, {1, 105}, {2, 110}}, []float64{0.1}},
		{"no sample at midnight: the one before it stands", testStart, []point{{0, 100}, {23, 110}, {25, 500}, {47, 121}}, []float64{0.1, 0.1}},
		{"days without samples have no return", testStart, []point{{0, 100}, {23, 110}, {73, 110}}, []float64{0.1, 0, 0, 0}},
		{"one sample", testStart, []point{{0, 100}}, nil},
		{"the same instant twice", testStart, []point{{0, 100}, {0, 120}}, nil},
		{"none", testStart, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := dailyOf(100, tt.from, tt.points...)
			require.Equal(t, len(tt.want), d.n)
			require.False(t, d.undefined)
			if len(tt.want) > 0 {
				require.InDelta(t, stat.Mean(tt.want, nil), d.mean, 1e-12)
			}
			if len(tt.want) < 2 {
				require.Nil(t, d.sharpe())
				require.Nil(t, d.sortino())
				require.Nil(t, d.volatility())
			}
		})
	}
}

func TestDailyReturnsThatAreNotDefined(t *testing.T) {
	for name, points := range map[string][]point{
		"through zero":      {{0, 100}, {24, 0}, {48, 50}},
		"below zero":        {{0, 100}, {24, -10}, {48, -20}, {72, -5}},
		"there and back":    {{0, 100}, {24, -10}, {48, 100}, {72, 110}},
		"a day at zero":     {{0, 100}, {24, 0}, {48, 0}},
		"last partial at 0": {{0, 100}, {24, 0}, {25, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			d := dailyOf(100, testStart, points...)
			require.Nil(t, d.sharpe())
			require.Nil(t, d.sortino())
			require.Nil(t, d.volatility())
		})
	}
	// Losing everything on the last day is a return of -100 %, and defined.
	d := dailyOf(100, testStart, point{0, 100}, point{24, 110}, point{48, 0})
	require.NotNil(t, d.sharpe())
	require.InDelta(t, -0.45, d.mean, 1e-12)
	// Equal returns have no deviation, and no losses mean no downside.
	d = dailyOf(100, testStart, point{0, 100}, point{24, 200}, point{48, 400})
	require.Nil(t, d.sharpe())
	require.Nil(t, d.sortino())
	require.Zero(t, *d.volatility())
}

func TestDailyMomentsMatchThoseOfTheWholeSeries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		equity := rapid.SliceOfN(rapid.Int64Range(1, 1e12), 3, 400).Draw(t, "equity")
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
		near := func(want float64, got *float64) {
			if got == nil {
				t.Fatalf("not defined, want %g", want)
			}
			if diff := math.Abs(*got - want); diff > 1e-9*max(1, math.Abs(want)) {
				t.Fatalf("got %g, want %g", *got, want)
			}
		}
		if sd > 0 {
			near(mean/sd*math.Sqrt(365), d.sharpe())
		}
		near(sd*math.Sqrt(365), d.volatility())
		if downside > 0 {
			near(mean/math.Sqrt(downside/float64(len(returns)))*math.Sqrt(365), d.sortino())
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
	require.InDelta(t, 0.21, *cagr(b, 365*day), 1e-12)
	require.InDelta(t, 0.1, *cagr(b, 730*day), 1e-12)
	require.Nil(t, cagr(b, day-1))
	require.NotNil(t, cagr(b, day))
	require.Nil(t, cagr(&Balance{StartBalance: 1, EndEquity: math.MaxInt64}, day), "too large for a number")

	lost := &Balance{StartBalance: 100, EndEquity: -20}
	require.InDelta(t, -1.2, *totalReturn(lost), 1e-12)
	require.Nil(t, cagr(lost, 365*day))
	require.Nil(t, cagr(&Balance{StartBalance: 100}, 365*day))
	require.Nil(t, totalReturn(&Balance{}))
	require.Nil(t, turnover(&Balance{}))
}

func TestBenchmark(t *testing.T) {
	var b benchmark
	require.Nil(t, b.total())
	for _, p := range []string{"0", "8000", "6000", "0", "9000"} {
		b.add(exchange.MustPrice(p))
	}
	require.InDelta(t, 0.125, *b.total(), 1e-12)
}

// aFill is a fill for trips: signed quantity, position after, realised, fee.
func aFill(s exchange.SymbolID, qty, after exchange.Qty, realised, fee exchange.Money) *exchange.Fill {
	return &exchange.Fill{Symbol: s, Side: exchange.SideOf(qty), Qty: qty.Abs(), Position: after, Realised: realised, Fee: fee}
}

func TestRoundTrips(t *testing.T) {
	tr := newTrips(2)
	require.Nil(t, tr.winRate())
	require.Nil(t, tr.profitFactor())

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

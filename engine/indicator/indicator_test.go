package indicator_test

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/engine/indicator"
	"github.com/dunamis-engine/dunamis/exchange"
)

// TestSMACompareIsExact compares with fractions, at prices up to the greatest.
func TestSMACompareIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.IntRange(1, 9).Draw(t, "n"), rapid.IntRange(1, 9).Draw(t, "m")
		a, b := indicator.NewSMA(n), indicator.NewSMA(m)
		price := rapid.OneOf(rapid.Int64Range(1, 30), rapid.Int64Range(1, int64(exchange.MaxPrice)))
		var all []int64
		for range rapid.IntRange(max(n, m), 40).Draw(t, "len") {
			p := price.Draw(t, "p")
			all = append(all, p)
			a.Add(exchange.Price(p))
			b.Add(exchange.Price(p))
		}
		require.True(t, a.Ready() && b.Ready())
		require.Equal(t, mean(all, n).Cmp(mean(all, m)), a.Compare(b))
		want, _ := mean(all, n).Float64()
		require.InEpsilon(t, want/float64(exchange.PriceUnit), a.Value(), 1e-12)
	})
}

func mean(all []int64, n int) *big.Rat {
	sum := new(big.Int)
	for _, v := range all[len(all)-n:] {
		sum.Add(sum, big.NewInt(v))
	}
	return new(big.Rat).SetFrac(sum, big.NewInt(int64(n)))
}

func TestSMAAtTheLimits(t *testing.T) {
	a, b := indicator.NewSMA(indicator.MaxSMA), indicator.NewSMA(indicator.MaxSMA-1)
	for range indicator.MaxSMA {
		a.Add(exchange.MaxPrice - 1)
		b.Add(exchange.MaxPrice - 1)
	}
	require.Zero(t, a.Compare(b))
	b.Add(exchange.MaxPrice)
	require.Equal(t, -1, a.Compare(b))
	require.Panics(t, func() { indicator.NewSMA(0) })
	require.Panics(t, func() { indicator.NewSMA(indicator.MaxSMA + 1) })
}

func TestWindowEqualsRecomputation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "n")
		w := indicator.NewWindow(n)
		base := rapid.Float64Range(0, 1e6).Draw(t, "base")
		var all []float64
		for i := range rapid.IntRange(1, 80).Draw(t, "len") {
			v := base + rapid.Float64Range(-100, 100).Draw(t, "v")
			all = append(all, v)
			w.Add(v)
			held := all[max(0, i+1-n):]
			m, s := moments(held)
			require.InDelta(t, m, w.Mean(), 1e-6)
			require.InDelta(t, s*s, w.StdDev()*w.StdDev(), 1e-4)
			require.Equal(t, i+1 >= n, w.Ready())
		}
	})
}

func moments(v []float64) (mean, sd float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		sd += (x - mean) * (x - mean) / float64(len(v))
	}
	return mean, math.Sqrt(sd)
}

func TestChannelEqualsSearch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		c := indicator.NewChannel(n)
		var highs, lows []exchange.Price
		for i := range rapid.IntRange(1, 60).Draw(t, "len") {
			low := exchange.Price(rapid.Int64Range(1, 40).Draw(t, "low"))
			high := low + exchange.Price(rapid.Int64Range(0, 10).Draw(t, "range"))
			highs, lows = append(highs, high), append(lows, low)
			c.Add(high, low)
			from := max(0, i+1-n)
			require.Equal(t, slices.Max(highs[from:]), c.High())
			require.Equal(t, slices.Min(lows[from:]), c.Low())
			require.Equal(t, i+1 >= n, c.Ready())
		}
	})
}

func TestATRByHand(t *testing.T) {
	a := indicator.NewATR(2)
	a.Add(12, 10, 11) // 2
	require.False(t, a.Ready())
	a.Add(15, 13, 14) // from the close of 11: 4; mean 3
	require.True(t, a.Ready())
	require.InDelta(t, 3, a.Value(), 1e-12)
	a.Add(14, 9, 10) // 5; (3+5)/2
	require.InDelta(t, 4, a.Value(), 1e-12)
}

func TestEMAByHand(t *testing.T) {
	e := indicator.NewEMA(3) // α = 1/2
	for _, v := range []float64{10, 20, 30} {
		e.Add(v)
	}
	require.True(t, e.Ready())
	require.InDelta(t, 22.5, e.Value(), 1e-12)
}

func TestRSIByHand(t *testing.T) {
	r := indicator.NewRSI(2)
	require.InDelta(t, 50, r.Value(), 0)
	for _, v := range []float64{10, 12, 11} { // up 2, down 1: means 1 and 0.5
		r.Add(v)
	}
	require.True(t, r.Ready())
	require.InDelta(t, 100*1/1.5, r.Value(), 1e-9)
}

func TestVolatilityOfEqualSteps(t *testing.T) {
	v := indicator.NewVolatility(10)
	price := 100.0
	for i := range 1000 {
		price += []float64{3, -3}[i%2]
		v.Add(price, 0.25) // a variance of 9 in a quarter of a second: 36 a second
	}
	require.True(t, v.Ready())
	require.InDelta(t, 6, v.Value(), 0.2)
	before := v.Value()
	v.Add(price+1000, 0) // at the same instant: not a change over time yet
	require.InDelta(t, before, v.Value(), 0)
}

func TestUpdatesAllocateNothing(t *testing.T) {
	sma, w, c, atr, ema := indicator.NewSMA(20), indicator.NewWindow(20), indicator.NewChannel(20), indicator.NewATR(14),
		indicator.NewEMA(10)
	p := exchange.Price(0)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		p += 7
		sma.Add(p)
		w.Add(p.Float64())
		c.Add(p, p-3)
		atr.Add(p.Float64(), p.Float64()-1, p.Float64())
		ema.Add(p.Float64())
	}))
}

func BenchmarkSMA(b *testing.B) {
	s := indicator.NewSMA(20)
	for i := range b.N {
		s.Add(exchange.Price(i))
	}
}

func BenchmarkChannel(b *testing.B) {
	c := indicator.NewChannel(55)
	for i := range b.N {
		p := exchange.Price(i * 7919 % 1009)
		c.Add(p+5, p)
	}
}

func ExampleSMA_Compare() {
	fast, slow := indicator.NewSMA(2), indicator.NewSMA(3)
	for _, p := range []string{"100.5", "101", "102.5"} {
		fast.Add(exchange.MustPrice(p))
		slow.Add(exchange.MustPrice(p))
	}
	fmt.Println(fast.Value(), fast.Compare(slow))
	// Output: 101.75 1
}

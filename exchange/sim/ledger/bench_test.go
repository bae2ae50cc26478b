package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

var sink int64

// benchAccount holds an inverse and a quanto position on cross margin.
func benchAccount(tb testing.TB) *Account {
	tb.Helper()
	a := openAccount(tb, 1e9, "0", markets...)
	trade(a, 0, 10_000, "50000")
	trade(a, 1, -100, "3000")
	setMark(a, 0, "50000")
	setMark(a, 1, "3000")
	return a
}

// near is a market that moves by a tick back and forth.
func near(i int) exchange.Price {
	return 50_000*exchange.PriceUnit + exchange.Price(i&15)*exchange.PriceUnit/2
}

func BenchmarkFill(b *testing.B) {
	a := benchAccount(b)
	f := exchange.Fill{Side: exchange.Buy, Qty: 100, Liquidity: exchange.AddedLiquidity}
	b.ReportAllocs()
	for i := range b.N {
		f.Price = near(i)
		a.Fill(&f)
		f.Side = f.Side.Opposite()
	}
}

// BenchmarkFillAndMark adds the margins and thresholds that the first mark after
// a fill computes.
func BenchmarkFillAndMark(b *testing.B) {
	a := benchAccount(b)
	f := exchange.Fill{Side: exchange.Buy, Qty: 100, Liquidity: exchange.AddedLiquidity}
	b.ReportAllocs()
	for i := range b.N {
		f.Price = near(i)
		a.Fill(&f)
		f.Side = f.Side.Opposite()
		a.SetMark(0, near(i+1), 0)
	}
}

func BenchmarkSetMark(b *testing.B) {
	b.Run("same", func(b *testing.B) {
		a := benchAccount(b)
		b.ReportAllocs()
		for range b.N {
			a.SetMark(0, near(0), 0)
		}
	})
	b.Run("moves", func(b *testing.B) {
		a := benchAccount(b)
		b.ReportAllocs()
		for i := range b.N {
			a.SetMark(0, near(i), 0)
		}
	})
	b.Run("flat", func(b *testing.B) {
		a := benchAccount(b)
		b.ReportAllocs()
		for i := range b.N {
			a.SetMark(3, near(i), 0)
		}
	})
}

func BenchmarkEquity(b *testing.B) {
	b.Run("same", func(b *testing.B) {
		a := benchAccount(b)
		b.ReportAllocs()
		for range b.N {
			sink += int64(a.Equity())
		}
	})
	b.Run("moves", func(b *testing.B) {
		a := benchAccount(b)
		b.ReportAllocs()
		for i := range b.N {
			a.SetMark(0, near(i), 0)
			sink += int64(a.Equity())
		}
	})
}

func BenchmarkCheckOrder(b *testing.B) {
	a := benchAccount(b)
	b.ReportAllocs()
	for i := range b.N {
		if a.CheckOrder(0, exchange.Buy, 100, near(i), 0) != nil {
			b.Fatal("refused")
		}
		a.SetOpen(0, exchange.Buy, 100, 200_000)
	}
}

func BenchmarkReport(b *testing.B) {
	a := benchAccount(b)
	b.ReportAllocs()
	for i := range b.N {
		a.SetMark(0, near(i), 0)
		sink += int64(a.Position(0).LiquidationPrice) + int64(a.Margin(0).Available)
	}
}

func TestNothingAllocates(t *testing.T) {
	a := benchAccount(t)
	f := exchange.Fill{Side: exchange.Buy, Qty: 100, Price: near(0)}
	i := 0
	require.Zero(t, testing.AllocsPerRun(100, func() {
		i++
		a.Fill(&f)
		f.Side = f.Side.Opposite()
		a.SetMark(0, near(i), 0)
		a.SetOpen(0, exchange.Sell, 100, 200_000)
		if a.CheckOrder(0, exchange.Buy, 100, near(i), 0) != nil {
			t.Fatal("refused")
		}
		a.Fund(0, 1, 0)
		sink += int64(a.Equity()) + int64(a.Position(0).Cost) + int64(a.Margin(0).Available) + int64(len(a.MustLiquidate(0)))
	}))
}

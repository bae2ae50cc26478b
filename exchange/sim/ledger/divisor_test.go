package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// The value of a contract is Multiplier / Divisor. How it is written changes nothing.
func TestDivisor(t *testing.T) {
	linear, inverse := ethusdt("0.05", "0.1", "0.05", "0.001"), xbtusd(100, "0.5", "0.005", "0.0005")
	linear.limit, linear.step = 2_000_000_000, 1_000_000_000
	inverse.limit, inverse.step = 20_000_000_000, 10_000_000_000
	for _, c := range []contract{linear, inverse} {
		t.Run(c.kind.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { requireDivisor(t, c, rapid.SampledFrom([]int64{2, 3, 100}).Draw(t, "divisor")) })
		})
	}
}

func requireDivisor(t *rapid.T, c contract, divisor int64) {
	other := c
	other.multiplier, other.divisor = c.multiplier*divisor, divisor
	leverage := rapid.SampledFrom([]string{"0", "2", "10"}).Draw(t, "leverage")
	a, b := openAccount(t, 1e9, leverage, c), openAccount(t, 1e9, leverage, other)
	middle := int64(50_000)
	if c.kind == exchange.Linear {
		middle = 2000
	}
	draw := func(what string, percent int64) exchange.Price {
		off := middle * percent / 100
		return exchange.Price(rapid.Int64Range(middle-off, middle+off).Draw(t, what)) * exchange.PriceUnit
	}
	for range rapid.IntRange(1, 8).Draw(t, "steps") {
		qty := exchange.Qty(rapid.Int64Range(1, 2000).Draw(t, "lots")) * c.lot
		side := exchange.Buy + exchange.Side(rapid.IntRange(0, 1).Draw(t, "side"))
		switch price := draw("price", 30); rapid.IntRange(0, 3).Draw(t, "what") {
		case 0:
			f := exchange.Fill{Side: side, Qty: qty, Price: price, Type: exchange.ExecTrade}
			g := f
			a.Fill(&f)
			b.Fill(&g)
			require.Equal(t, f, g)
		case 1:
			require.Equal(t, a.SetMark(0, price, 0), b.SetMark(0, price, 0))
			require.Equal(t, a.positions[0].lo, b.positions[0].lo)
			require.Equal(t, a.positions[0].hi, b.positions[0].hi)
		case 2:
			require.Equal(t, a.CheckOrder(0, side, qty, price, 0), b.CheckOrder(0, side, qty, price, 0))
			a.SetOpen(0, side, qty, a.positions[0].terms.Value(qty, price))
			b.SetOpen(0, side, qty, b.positions[0].terms.Value(qty, price))
		case 3:
			p, ok := a.Fund(0, exchange.MustRatio("0.0003"), 0)
			q, same := b.Fund(0, exchange.MustRatio("0.0003"), 0)
			require.Equal(t, ok, same)
			require.Equal(t, p, q)
		}
		require.Equal(t, a.MustLiquidate(0), b.MustLiquidate(0))
		require.Equal(t, a.Position(0), b.Position(0))
		require.Equal(t, a.Requirements(0), b.Requirements(0))
		require.Equal(t, a.Margin(0), b.Margin(0))
		if len(a.MustLiquidate(0)) == 0 {
			continue
		}
		require.Equal(t, a.LowerRiskLimit(0, 0), b.LowerRiskLimit(0, 0))
		qty, limit := a.Excess(0, 0)
		other, same := b.Excess(0, 0)
		require.Equal(t, qty, other)
		require.Equal(t, limit, same)
		f, ok := liquidate(a, 0, 0)
		g, taken := liquidate(b, 0, 0)
		require.Equal(t, ok, taken)
		require.Equal(t, f, g)
	}
}

// The liquidation price of a linear contract with a divisor, by hand: 1000
// contracts of 10 µUSDT bought at 2000 cost 20 USDT; of 3 USDT 1 is left as maintenance.
func TestLiquidationPriceWithDivisor(t *testing.T) {
	c := ethusdt("0.05", "0.1", "0.05", "0")
	c.multiplier, c.divisor = 1000, 100
	a := openAccount(t, 3_000_000, "0", c)
	trade(a, 0, 1000, "2000")
	require.False(t, setMark(a, 0, "2000"))
	p := a.Position(0)
	require.Equal(t, exchange.MustPrice("1800"), p.LiquidationPrice)
	require.Equal(t, exchange.MustPrice("1700"), p.BankruptPrice)
	require.False(t, setMark(a, 0, "1800.05"))
	require.True(t, setMark(a, 0, "1800"))
}

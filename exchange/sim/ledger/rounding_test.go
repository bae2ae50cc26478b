package ledger

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// byFractions is an account in one inverse contract that is kept in fractions, rounded where
// the venue rounds and nowhere else.
type byFractions struct {
	c        contract
	qty      int64
	cost     *big.Rat // signed as the ledger's
	realised exchange.Money
	fees     exchange.Money
}

// rounded rounds the magnitude of a fraction to the unit.
func (b *byFractions) rounded(v *big.Rat, r exchange.Rounding) exchange.Money {
	unit := max(int64(b.c.rounding.Unit), 1)
	units := new(big.Rat).Quo(new(big.Rat).Abs(v), big.NewRat(unit, 1))
	q, rem := new(big.Int).QuoRem(units.Num(), units.Denom(), new(big.Int))
	if r == exchange.Ceil && rem.Sign() > 0 || r == exchange.Nearest && rem.Lsh(rem, 1).Cmp(units.Denom()) >= 0 {
		q.Add(q, big.NewInt(1))
	}
	return exchange.Money(q.Int64() * unit * int64(v.Sign()))
}

// worth is the signed value of signed contracts.
func (b *byFractions) worth(qty int64, p exchange.Price) exchange.Money {
	lot := int64(b.c.lot)
	of := func(n int64) *big.Rat {
		v := big.NewRat(-n*b.c.multiplier, 1)
		return v.Quo(v, big.NewRat(int64(p), int64(exchange.PriceUnit)))
	}
	if b.c.rounding.PerFill {
		return b.rounded(of(qty), b.c.rounding.Value)
	}
	return b.rounded(of(lot), b.c.rounding.Value) * exchange.Money(qty/lot)
}

// fill opens or closes, and does not turn around.
func (b *byFractions) fill(qty int64, p exchange.Price, fee exchange.Ratio) {
	cost := b.worth(qty, p)
	paid := new(big.Rat).Mul(big.NewRat(int64(cost), 1), big.NewRat(int64(fee), int64(exchange.RatioUnit)))
	b.fees += b.rounded(paid.Abs(paid), b.c.rounding.Fee)
	if b.qty == 0 || (b.qty < 0) == (qty < 0) {
		b.cost.Add(b.cost, big.NewRat(int64(cost), 1))
	} else { // all of it
		b.realised -= cost + exchange.Money(b.cost.Num().Int64())
		b.cost.SetInt64(0)
	}
	b.qty += qty
}

// Fills, fees, realised and unrealised profit, funding, margin and what is left in the wallet
// are, with every rounding, what fractions say.
func TestAccountsByFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := contract{symbol: "COIN", kind: exchange.Inverse, settle: xbt, multiplier: 1e9, tick: "0.1",
			lot: rapid.SampledFrom([]exchange.Qty{1, 10}).
				Draw(t, "lot"),
			im: "0.01", mm: "0.005", maker: "0.0005", taker: "0.0005",
			rounding: rapid.SampledFrom(roundings).Draw(t, "rounding")}
		const balance = 1e12
		a, b := openAccount(t, balance, "0", c), &byFractions{c: c, cost: new(big.Rat)}
		fee := exchange.MustRatio("0.0005")
		price := func(name string) exchange.Price {
			return exchange.Price(rapid.Int64Range(200_000, 900_000).Draw(t, name)) * exchange.PriceUnit / 10
		}
		sign := rapid.SampledFrom([]int64{1, -1}).Draw(t, "side")
		var funding exchange.Money
		for range rapid.IntRange(1, 10).Draw(t, "steps") {
			qty, p := sign*rapid.Int64Range(1, 1000).Draw(t, "lots")*int64(c.lot), price("price")
			if b.qty != 0 && rapid.IntRange(0, 3).Draw(t, "closes") == 0 {
				qty = -b.qty
			}
			b.fill(qty, p, fee)
			f := exchange.Fill{
				Side:  exchange.SideOf(exchange.Qty(qty)),
				Qty:   exchange.Qty(qty).Abs(),
				Price: p,
				Type:  exchange.ExecTrade,
			}
			a.Fill(&f)
			require.Equal(t, b.worth(qty, p), -exchange.Money(f.Side.Sign())*f.Value)

			mark := price("mark")
			a.SetMark(0, mark, 0)
			got := a.Position(0)
			require.Equal(t, exchange.Qty(b.qty), got.Qty)
			require.Equal(t, []exchange.Money{b.realised, b.fees}, []exchange.Money{got.Realised, got.Fees})
			var unrealised, maint exchange.Money
			if b.qty != 0 {
				unrealised = b.worth(b.qty, mark) - exchange.Money(b.cost.Num().Int64())
				share := new(big.Rat).Mul(new(big.Rat).Abs(b.cost), big.NewRat(5, 1000))
				maint = ceil(share)
			}
			require.Equal(t, unrealised, got.Unrealised)
			require.Equal(t, maint, got.MaintMargin)

			if payment, ok := a.Fund(0, exchange.MustRatio("0.0001"), 0); ok {
				paid := new(big.Rat).Mul(big.NewRat(int64(b.worth(b.qty, mark).Abs()), 1), big.NewRat(1, 10_000))
				want := exchange.Money(-sign) * b.rounded(paid, c.rounding.Fee)
				require.Equal(t, want, payment.Amount)
				funding += want
			}
			require.Equal(t, balance+b.realised-b.fees+funding, a.Wallet())
		}
	})
}

// The liquidation price is, with every rounding, the mark at which the exact value of the
// position leaves what must be left, to within a tick and the rounding. A mark that is further
// beyond liquidates the position, one that is further away does not.
func TestLiquidationPricesByFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := contract{
			symbol:     "COIN",
			kind:       exchange.Inverse,
			settle:     xbt,
			multiplier: 1e9,
			tick:       "0.1",
			lot:        1,
			im:         "0.01",
			mm:         "0.005",
			rounding:   rapid.SampledFrom(roundings).Draw(t, "rounding"),
		}
		qty := rapid.Int64Range(100, 100_000).Draw(t, "contracts")
		long := rapid.Bool().Draw(t, "long")
		if !long {
			qty = -qty
		}
		entry := exchange.Price(rapid.Int64Range(200_000, 900_000).Draw(t, "entry")) * exchange.PriceUnit / 10
		// A fifth of what the position is worth, so that both prices exist.
		balance := exchange.Money(1e9 / 5 * float64(max(qty, -qty)) / entry.Float64())
		a, b := openAccount(t, balance, "0", c), &byFractions{c: c, cost: new(big.Rat)}
		b.fill(qty, entry, 0)
		f := exchange.Fill{
			Side:  exchange.SideOf(exchange.Qty(qty)),
			Qty:   exchange.Qty(qty).Abs(),
			Price: entry,
			Type:  exchange.ExecTrade,
		}
		a.Fill(&f)
		a.SetMark(0, entry, 0)

		cost := exchange.Money(b.cost.Num().Int64())
		maint := ceil(new(big.Rat).Mul(new(big.Rat).Abs(b.cost), big.NewRat(5, 1000)))
		got := a.Position(0)
		// How far the rounding of the value moves a price: a unit, of the position or of each lot.
		rounding := float64(max(c.rounding.Unit, 1))
		if !c.rounding.PerFill {
			rounding *= float64(max(qty, -qty))
		}
		for _, want := range []struct {
			left  exchange.Money
			price exchange.Price
		}{{maint, got.LiquidationPrice}, {0, got.BankruptPrice}} {
			value := cost - balance + want.left // balance + value - cost = left
			exact := new(big.Rat).Quo(big.NewRat(-qty*c.multiplier, 1), big.NewRat(int64(value), 1))
			at, _ := exact.Float64()
			require.InDelta(t, at, want.price.Float64(), 0.1+rounding*at/float64(value.Abs()))
		}
		at := got.LiquidationPrice.Float64()
		ticks := 3 + int64(2*rounding/float64(f.Value)*at/0.1)
		away := exchange.Price(ticks) * exchange.PriceUnit / 10
		if long {
			away = -away
		}
		require.False(t, a.SetMark(0, got.LiquidationPrice-away, 0), "before it")
		require.True(t, a.SetMark(0, got.LiquidationPrice+away, 0), "beyond it")
	})
}

// What is above the next lower risk limit is what fractions say: one lot more would not fit.
func TestExcessByFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := contract{
			symbol:     "COIN",
			kind:       exchange.Inverse,
			settle:     xbt,
			multiplier: 1e9,
			tick:       "0.1",
			lot:        10,
			im:         "0.01",
			mm:         "0.005",
			limit:      1e9,
			step:       5e8,
			rounding:   rapid.SampledFrom(roundings).Draw(t, "rounding"),
		}
		a, b := openAccount(t, 1e12, "0", c), &byFractions{c: c}
		mark := exchange.Price(rapid.Int64Range(200_000, 900_000).Draw(t, "mark")) * exchange.PriceUnit / 10
		require.NoError(t, a.SetRiskLimit(0, 3e9, 0))
		lots := int64(mark.Float64() * 2.8e9 / 1e10)
		trade(a, 0, exchange.Qty(lots)*10, mark.String())
		a.SetMark(0, mark, 0)
		excess, _ := a.Excess(0, 0)
		require.Positive(t, excess)
		fits := lots*10 - int64(excess)
		require.LessOrEqual(t, b.worth(fits, mark).Abs(), exchange.Money(2.5e9))
		require.Greater(t, b.worth(fits+10, mark).Abs(), exchange.Money(2.5e9))
	})
}

package exchange

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// roundRat rounds a fraction that is not negative to a multiple of a unit.
func roundRat(v *big.Rat, r Rounding, unit Money) Money {
	units := new(big.Rat).Quo(v, big.NewRat(max(int64(unit), 1), 1))
	q, rem := new(big.Int).QuoRem(units.Num(), units.Denom(), new(big.Int))
	if r == Ceil && rem.Sign() > 0 || r == Nearest && rem.Lsh(rem, 1).Cmp(units.Denom()) >= 0 {
		q.Add(q, big.NewInt(1))
	}
	return Money(q.Int64()) * max(unit, 1)
}

// exactValue is the value of contracts at a price before it is rounded.
func exactValue(t *Terms, q Qty, p Price) *big.Rat {
	v := new(big.Rat).Mul(big.NewRat(t.Multiplier, t.Divisor), big.NewRat(int64(q.Abs()), 1))
	at := big.NewRat(int64(p), int64(PriceUnit))
	if t.Kind == Inverse {
		return v.Quo(v, at)
	}
	return v.Mul(v, at)
}

// valueByHand is what a venue with a rounding says contracts are worth.
func valueByHand(t *Terms, q Qty, p Price) Money {
	r := t.Rounding
	if r.PerFill {
		return roundRat(exactValue(t, q, p), r.Value, r.Unit)
	}
	q = q.Abs()
	lot := roundRat(exactValue(t, t.LotSize, p), r.Value, r.Unit)
	odd := new(big.Rat).Mul(big.NewRat(int64(lot), 1), big.NewRat(int64(q%t.LotSize), int64(t.LotSize)))
	return lot*Money(q/t.LotSize) + roundRat(odd, r.Value, r.Unit)
}

// drawRounded draws terms of a contract of any kind and a price and a quantity for it, within
// what instruments may have: divisor × unit × price fits 64 bits.
func drawRounded(t *rapid.T) (terms *Terms, p Price, q Qty) {
	terms = &Terms{
		Kind:       rapid.SampledFrom([]Kind{Inverse, Quanto, Linear}).Draw(t, "kind"),
		Multiplier: rapid.SampledFrom([]int64{1, 7, 100, 1e8, 1e10}).Draw(t, "multiplier"),
		Divisor:    rapid.SampledFrom([]int64{1, 3, 100}).Draw(t, "divisor"),
		TickSize:   PriceUnit / 10,
		LotSize:    rapid.SampledFrom([]Qty{1, 7, 100}).Draw(t, "lot"),
		MaxPrice:   100_000 * PriceUnit,
		Rounding: MoneyRounding{
			PerFill: rapid.Bool().Draw(t, "per fill"),
			Value:   rapid.SampledFrom([]Rounding{Nearest, Floor, Ceil}).Draw(t, "value"),
			Fee:     rapid.SampledFrom([]Rounding{Nearest, Floor, Ceil}).Draw(t, "fee"),
			Unit:    rapid.SampledFrom([]Money{0, 1, 10, 50}).Draw(t, "unit"),
		},
	}
	if terms.Kind != Inverse {
		terms.Multiplier = min(terms.Multiplier, 1e8)
	}
	p = Price(rapid.Int64Range(100, 1_000_000).Draw(t, "ticks")) * terms.TickSize
	q = Qty(rapid.Int64Range(1, 10_000).Draw(t, "contracts"))
	return terms, p, q
}

// Values and fees are what fractions say, for every rounding.
func TestRoundingIsThatOfFractions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms, p, q := drawRounded(t)
		want := valueByHand(terms, q, p)
		require.Equal(t, want, terms.Value(q, p))
		require.Equal(t, want, terms.Value(-q, p))
		long := want
		if terms.Kind == Inverse {
			long = -want
		}
		require.Equal(t, long, terms.Cost(q, p))
		require.Equal(t, -long, terms.Cost(-q, p))
		require.Equal(
			t,
			roundRat(exactValue(terms, terms.LotSize, p), terms.Rounding.Value, terms.Rounding.Unit),
			terms.LotValue(p),
		)

		rate := Ratio(rapid.Int64Range(-int64(RatioUnit)/10, int64(RatioUnit)/10).Draw(t, "rate"))
		fee := new(big.Rat).Mul(big.NewRat(int64(want), 1), big.NewRat(int64(absRatio(rate)), int64(RatioUnit)))
		wantFee := roundRat(fee, terms.Rounding.Fee, terms.Rounding.Unit)
		if rate < 0 {
			wantFee = -wantFee
		}
		require.Equal(t, wantFee, terms.Fee(want, rate))
	})
}

// Rounded per fill, the parts of a fill come to what the whole comes to within half a unit
// for each, and rounded per lot to exactly that if they are whole lots.
func TestParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms, p, _ := drawRounded(t)
		terms.Rounding.Value = Nearest
		lots := rapid.SliceOfN(rapid.Int64Range(1, 100), 1, 10).Draw(t, "parts")
		var sum Money
		var all Qty
		for _, n := range lots {
			sum += terms.Value(Qty(n)*terms.LotSize, p)
			all += Qty(n) * terms.LotSize
		}
		off := new(big.Rat).Sub(big.NewRat(int64(sum), 1), exactValue(terms, all, p))
		most := big.NewRat(int64(len(lots))*max(int64(terms.Rounding.Unit), 1), 2)
		if terms.Rounding.PerFill {
			require.LessOrEqual(t, off.Abs(off).Cmp(most), 0)
			return
		}
		require.Equal(t, terms.Value(all, p), sum)
	})
}

// PriceWorth turns the value around: at the price rounded down and up the exact value is on
// either side of it.
func TestPriceWorth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms, p, q := drawRounded(t)
		if rapid.Bool().Draw(t, "huge") { // beyond products of 64 bits
			terms.Multiplier, q = 1e12, q*1_000_000_000
			if terms.Kind != Inverse {
				p = 100 * PriceUnit / 1000
			}
		}
		value := Money(new(big.Int).Quo(exactValue(terms, q, p).Num(), exactValue(terms, q, p).Denom()).Int64())
		if value <= 0 {
			return
		}
		down, up, near := terms.PriceWorth(
			q,
			value,
			Floor,
		), terms.PriceWorth(
			-q,
			-value,
			Ceil,
		), terms.PriceWorth(
			q,
			value,
			Nearest,
		)
		require.LessOrEqual(t, down, near)
		require.LessOrEqual(t, near, up)
		require.LessOrEqual(t, up-down, Price(1))
		if up == MaxPrice {
			return
		}
		is := big.NewRat(int64(value), 1)
		atDown, atUp := exactValue(terms, q, down).Cmp(is), exactValue(terms, q, up).Cmp(is)
		if terms.Kind == Inverse {
			atDown, atUp = -atDown, -atUp
		}
		require.LessOrEqual(t, atDown, 0)
		require.GreaterOrEqual(t, atUp, 0)
	})
	require.Zero(t, new(Terms).PriceWorth(0, 1, Ceil))
	require.Zero(t, new(Terms).PriceWorth(1, 0, Ceil))
	linear := &Terms{Kind: Linear, Multiplier: 1, Divisor: 1}
	require.Equal(t, MaxPrice, linear.PriceWorth(1, 1<<62, Nearest))
}

// Where values are rounded per fill, the average price of one fill is on the tick and has
// the fill's value.
func TestAveragePriceOfOneFill(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms, p, q := drawRounded(t)
		terms.Rounding = MoneyRounding{PerFill: true}
		cost := terms.Value(q, p)
		if cost == 0 {
			require.Zero(t, terms.PriceOfCost(q, cost))
			return
		}
		got := terms.PriceOfCost(q, cost)
		require.True(t, got.OnTick(terms.TickSize), "%s of %d at %s", got, q, p)
		require.Equal(t, cost, terms.Value(q, got))
	})
}

// By hand: Binance's contract of 100 USD, and what BitMEX would make of it.
func TestRoundingOfVenues(t *testing.T) {
	i, err := builtin(t).Lookup("binance", "BTCUSD_PERP")
	require.NoError(t, err)
	binance := *i.At(0)
	require.Equal(t, MoneyRounding{PerFill: true, Fee: Floor}, binance.Rounding)
	perLot := binance
	perLot.Rounding = MoneyRounding{}
	for _, c := range []struct {
		qty           Qty
		price         string
		value, perLot Money
	}{
		{1, "8800", 1_136_364, 1_136_364}, // 1136363.64; the venue's documentation has baseQty 0.01136364
		{3, "8800", 3_409_091, 3_409_092}, // 3409090.91
		{1000, "8800", 1_136_363_636, 1_136_364_000},
		{7, "60000", 1_166_667, 1_166_669},
		{2, "60000", 333_333, 333_334},
	} {
		require.Equal(t, c.value, binance.Value(c.qty, MustPrice(c.price)), "%d at %s", c.qty, c.price)
		require.Equal(t, c.perLot, perLot.Value(c.qty, MustPrice(c.price)), "%d at %s", c.qty, c.price)
	}
	// The same example has a fee of 0.0000045454…, of which the venue takes 0.00000454.
	require.Equal(t, Money(454), binance.Fee(1_136_364, MustRatio("0.0004")))
	require.Equal(t, Money(455), perLot.Fee(1_136_364, MustRatio("0.0004")))
	require.Equal(t, Money(-454), binance.Fee(1_136_364, MustRatio("-0.0004")), "a rebate is cut too")

	// Two fills of one contract at 8800 cost 2·1136364, three quarters of a satoshi more
	// than two contracts: the average price shows it.
	require.Equal(t, MustPrice("8799.9972"), binance.PriceOfCost(2, 2*1_136_364))
	require.Equal(t, MustPrice("8800"), binance.PriceOfCost(2, 2_272_727))
	require.Equal(t, MustPrice("8800"), perLot.PriceOfCost(1000, 1_136_364_000))
	// A long position of 1000 contracts from 8800 that has realised -1000 breaks even where
	// it is worth 1136362636: at 8800.00774….
	require.Equal(t, MustPrice("8800.1"), binance.BreakEven(1000, -1_136_363_636, -1000))
	require.Equal(t, MustPrice("8799.9"), binance.BreakEven(-1000, 1_136_363_636, -1000))

	for _, other := range builtin(t).All() {
		want := MoneyRounding{}
		if other.Venue == "binance-delivery" {
			want = MoneyRounding{PerFill: true, Fee: Floor}
		}
		require.Equal(t, want, other.Rounding, other.Name())
		require.Equal(t, want, other.Terms[len(other.Terms)-1].Rounding, other.Name())
	}
}

// A position that is far larger than any order is valued without wrapping.
func TestValueBeyond64Bits(t *testing.T) {
	terms := &Terms{Kind: Inverse, Multiplier: 1e10, Divisor: 1, LotSize: 1, Rounding: MoneyRounding{PerFill: true}}
	require.Equal(t, Money(1e17), terms.Value(1e10, 1000*PriceUnit)) // 1e20 before the division
	require.Panics(t, func() { terms.Value(1e13, 1000*PriceUnit) }, "rather than wrap")
	require.Panics(t, func() { terms.Value(1<<62, PriceUnit) })
	terms.Rounding.Unit = 1000
	require.Equal(t, Money(1e17), terms.Value(1e10, 1000*PriceUnit))
}

func TestRoundingOfInstrumentFiles(t *testing.T) {
	for text, want := range map[string]MoneyRounding{
		"":                                       {}, // as files have been before
		`{}`:                                     {},
		`{"per": "lot"}`:                         {},
		`{"per": "fill"}`:                        {PerFill: true},
		`{"value": "nearest", "fee": "nearest"}`: {},
		`{"per": "fill", "value": "down", "fee": "up", "unit": 9}`: {
			PerFill: true, Value: Floor, Fee: Ceil, Unit: 9,
		},
		`{"unit": 1}`:         {Unit: 1},
		`{"unit": 100000000}`: {Unit: 100_000_000}, // 1 XBT
	} {
		change := map[string]string{"rounding": text}
		if strings.Contains(text, "100000000") {
			change["terms.maxQty"], change["terms.maxPrice"] = "1000", "5" // so that nothing overflows
			change["later"] = `{"from": "2020-01-01"}`
		}
		set := new(Instruments)
		require.NoError(t, set.Load(strings.NewReader("["+document(change)+"]")), text)
		i := set.Get(0)
		require.Equal(t, want, i.Rounding, text)
		require.Equal(t, want, i.Terms[1].Rounding, text)

		out, err := json.Marshal(set.All())
		require.NoError(t, err)
		back := new(Instruments)
		require.NoError(t, back.Load(bytes.NewReader(out)))
		require.Equal(t, set.All(), back.All(), text)
		require.Equal(
			t,
			want != MoneyRounding{},
			strings.Contains(string(out), "rounding"),
			"what is BitMEX's is not printed",
		)
	}
}

func TestRoundingThatIsWrong(t *testing.T) {
	for _, c := range []struct{ text, field, reason string }{
		{`"fill"`, "rounding", "want an object"},
		{`{"per": "trade"}`, "rounding.per", "want lot or fill"},
		{`{"per": 1}`, "rounding.per", "want a string"},
		{`{"value": "half"}`, "rounding.value", "want one of nearest, down, up"},
		{`{"fee": ""}`, "rounding.fee", "want one of nearest, down, up"},
		{`{"unit": 0}`, "rounding.unit", "must be positive"},
		{`{"unit": -1}`, "rounding.unit", "must be positive"},
		{`{"unit": 0.5}`, "rounding.unit", "want a whole number"},
		{`{"unit": 100000001}`, "rounding.unit", "want 1 to 100000000"},
		{`{"unit": 100000}`, "rounding.unit", "overflows times divisor and maxPrice"},
		{`{"scale": 8}`, "rounding.scale", "unknown field"},
	} {
		t.Run(c.text, func(t *testing.T) {
			err := new(Instruments).Load(strings.NewReader("[" + document(map[string]string{"rounding": c.text}) + "]"))
			requireField(t, c.field, err)
			require.ErrorContains(t, err, c.reason)
			require.ErrorContains(t, err, "bitmex:XBTUSD: ")
		})
	}
	linear := map[string]string{
		"kind":       `"linear"`,
		"multiplier": "1",
		"divisor":    "1000",
		"rounding":   `{"unit": 1000000}`,
	}
	err := new(Instruments).Load(strings.NewReader("[" + document(linear) + "]"))
	requireField(t, "rounding.unit", err)
	require.ErrorContains(t, err, "overflows times divisor")

	many := map[string]string{
		"kind":         `"linear"`,
		"multiplier":   "1",
		"rounding":     `{"unit": 100000000}`,
		"terms.maxQty": "30000000000",
	}
	err = new(Instruments).Load(strings.NewReader("[" + document(many) + "]"))
	requireField(t, "terms[0].maxQty", err)
	require.ErrorContains(t, err, "rounded to 100000000, may overflow")

	i := *builtin(t).Get(0)
	i.Rounding = MoneyRounding{Value: 3}
	requireField(t, "rounding.value", i.Validate())
	i.Rounding = MoneyRounding{Fee: 3}
	requireField(t, "rounding.fee", i.Validate())
	i.Rounding = MoneyRounding{Unit: -1}
	requireField(t, "rounding.unit", i.Validate())
}

// Whatever the bounds of an instrument let in has a value.
func TestBoundsKnowTheUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{"1", "1000", "1000000"}).Draw(t, "unit")
		per := rapid.SampledFrom([]string{"lot", "fill"}).Draw(t, "per")
		rounding := rapid.SampledFrom([]string{"nearest", "down", "up"}).Draw(t, "rounding")
		set := new(Instruments)
		require.NoError(t, set.Load(strings.NewReader("["+document(map[string]string{
			"kind": `"linear"`, "multiplier": "1", "terms.maxPrice": "10000",
			"rounding": fmt.Sprintf(`{"per": %q, "value": %q, "unit": %s}`, per, rounding, unit),
		})+"]")))
		i := set.Get(0)
		b := i.Bounds()
		q := Qty(rapid.Int64Range(1, int64(MaxEventQty)).Draw(t, "qty"))
		p := Price(rapid.Int64Range(int64(b.Low), int64(b.High)).Draw(t, "price"))
		if b.Valued(q, p) {
			require.NotPanics(t, func() { i.At(0).Value(q, p) })
		}
	})
}

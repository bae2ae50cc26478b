package exchange

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParsePrice(t *testing.T) {
	for _, c := range []struct {
		text string
		want Price
		err  error
	}{
		{"0", 0, nil},
		{"-0", 0, nil},
		{"0e99999999999999999999", 0, nil},
		{"1", PriceUnit, nil},
		{"+1", PriceUnit, nil},
		{"1.", PriceUnit, nil},
		{".5", PriceUnit / 2, nil},
		{"-.5", -PriceUnit / 2, nil},
		{"007", 7 * PriceUnit, nil},
		{"8820.5", 88205 * PriceUnit / 10, nil},
		{"-0.00000001", -100, nil},
		{"0.0000000001", 1, nil},
		{"0.00000000010000", 1, nil},
		{"0.00000000010000000000000000000000", 1, nil},
		{"1e-10", 1, nil},
		{"1E-10", 1, nil},
		{"10e-11", 1, nil},
		{"2.5e3", 2500 * PriceUnit, nil},
		{"2.5e+3", 2500 * PriceUnit, nil},
		{"100000000000000000000e-20", PriceUnit, nil},
		{"0.000000000000000000001e21", PriceUnit, nil},
		{"99999999", MaxPrice, nil},
		{"99999999.0000000001", 0, ErrRange},
		{"-99999999", -MaxPrice, nil},
		{"-99999999.0000000001", 0, ErrRange},
		{"100000000", 0, ErrRange},
		{"1e30", 0, ErrRange},
		{"18014398509481984", 0, ErrRange}, // 2^54: times 10^10 it is 0 in 64 bits
		{"1e99999999999999999999", 0, ErrRange},
		{"123456789012345678901234567890", 0, ErrRange},
		{"0.00000000001", 0, ErrInexact},
		{"1e-11", 0, ErrInexact},
		{"1e-99999999999999999999", 0, ErrInexact},
		{"1.00000000000000000000000000000000001", 0, ErrInexact},
		{"1.000000000000000000000001000", 0, ErrInexact},
		{"79139.90000000001", 0, ErrInexact},
		{"", 0, ErrSyntax},
		{"-", 0, ErrSyntax},
		{"+", 0, ErrSyntax},
		{".", 0, ErrSyntax},
		{"-.", 0, ErrSyntax},
		{"--1", 0, ErrSyntax},
		{"+-1", 0, ErrSyntax},
		{" 1", 0, ErrSyntax},
		{"1 ", 0, ErrSyntax},
		{"1.2.3", 0, ErrSyntax},
		{"1,5", 0, ErrSyntax},
		{"1_000", 0, ErrSyntax},
		{"e5", 0, ErrSyntax},
		{"1e", 0, ErrSyntax},
		{"1e+", 0, ErrSyntax},
		{"1e5.0", 0, ErrSyntax},
		{"1e1_0", 0, ErrSyntax},
		{"NaN", 0, ErrSyntax},
		{"Inf", 0, ErrSyntax},
		{"0x10", 0, ErrSyntax},
		{"null", 0, ErrSyntax},
	} {
		t.Run(c.text, func(t *testing.T) {
			got, err := ParsePrice(c.text)
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, got)
			fromBytes, err := ParsePrice([]byte(c.text))
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, fromBytes)
			if c.err != nil {
				require.ErrorContains(t, err, fmt.Sprintf("price %q", c.text))
				require.Panics(t, func() { MustPrice(c.text) })
			} else {
				require.Equal(t, c.want, MustPrice(c.text))
			}
		})
	}
}

func TestRoundPrice(t *testing.T) {
	for _, c := range []struct {
		text string
		want Price
	}{
		{"79139.90000000001", MustPrice("79139.9")},
		{"0.029509999999999998", MustPrice("0.02951")},
		{"0.09197999999999999", MustPrice("0.09198")},
		{"0.00000000005", 1},
		{"0.00000000004999999999", 0},
		{"0.00000000004999999999999999999999999999", 0},
		{"0.00000000005000000000000000000000000001", 1},
		{"-0.00000000005", -1},
		{"-0.00000000004999999999", 0},
		{"0.00000000015", 2},
		{"0.000000000049", 0},
		{"5e-11", 1},
		{"4.9e-11", 0},
		{"9e-12", 0},
		{"9e-30", 0},
		{"1e-60", 0},
		{"99999998.99999999995", MaxPrice},
	} {
		got, err := RoundPrice(c.text)
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, got, c.text)
	}
	_, err := RoundPrice("99999999.00000000005")
	require.ErrorIs(t, err, ErrRange)
	_, err = RoundPrice("about 7")
	require.ErrorIs(t, err, ErrSyntax)
}

func TestParseQtyRatioMoney(t *testing.T) {
	for _, c := range []struct {
		text string
		want Qty
		err  error
	}{
		{"100", 100, nil}, {"100.0", 100, nil}, {"1e4", 10_000, nil}, {"-5", -5, nil},
		{"9223372036854775807", math.MaxInt64, nil}, {"-9223372036854775807", -math.MaxInt64, nil},
		{"9223372036854775808", 0, ErrRange}, {"1.5", 0, ErrInexact}, {"0.1", 0, ErrInexact}, {"x", 0, ErrSyntax},
	} {
		got, err := ParseQty(c.text)
		require.ErrorIs(t, err, c.err, c.text)
		require.Equal(t, c.want, got, c.text)
	}

	rate, err := ParseRatio("-0.00025")
	require.NoError(t, err)
	require.Equal(t, Ratio(-2_500_000), rate)
	require.Equal(t, rate, MustRatio("-0.00025"))
	require.Panics(t, func() { MustRatio("a quarter") })
	_, err = ParseRatio("0.00000000001")
	require.ErrorIs(t, err, ErrInexact)
	rate, err = RoundRatio("0.00000000005")
	require.NoError(t, err)
	require.Equal(t, Ratio(1), rate)
	// The last digit that an int64 holds is rounded like any other.
	rate, err = RoundRatio("184467440.73709551615")
	require.NoError(t, err)
	require.Equal(t, Ratio(1844674407370955162), rate)
	_, err = RoundRatio("1e20")
	require.ErrorIs(t, err, ErrRange)
	require.ErrorContains(t, err, `ratio "1e20"`)

	m, err := ParseMoney("1.5", 8)
	require.NoError(t, err)
	require.Equal(t, Money(150_000_000), m)
	_, err = ParseMoney("0.0000001", 6)
	require.ErrorIs(t, err, ErrInexact)
	require.ErrorContains(t, err, `amount "0.0000001"`)
	require.Equal(t, "1.5", Money(150_000_000).Decimal(8).String())
}

func TestNumberHelpers(t *testing.T) {
	require.Equal(t, Qty(5), Qty(-5).Abs())
	require.Equal(t, Qty(5), Qty(5).Abs())
	require.Equal(t, Money(5), Money(-5).Abs())
	require.Equal(t, Money(5), Money(5).Abs())
	require.Equal(t, []int{-1, 0, 1}, []int{Qty(-9).Sign(), Qty(0).Sign(), Qty(9).Sign()})
	require.InDelta(t, 8820.5, MustPrice("8820.5").Float64(), 0)
	require.InDelta(t, -0.00025, MustRatio("-0.00025").Float64(), 0)
	require.Equal(t, "-0.00025", MustRatio("-0.00025").String())
	require.Equal(t, "-0.00025", MustRatio("-0.00025").Decimal().String())
	require.Equal(t, "8820.5", MustPrice("8820.50").String())
	require.Equal(t, "-922337203.6854775808", Price(math.MinInt64).String())
}

func TestPriceOf(t *testing.T) {
	for _, text := range []string{"0", "8820.5", "-1e-10", "1.00000000000000000000000000000", "9.9e7"} {
		d, err := decimal.NewFromString(text)
		require.NoError(t, err)
		p, err := PriceOf(d)
		require.NoError(t, err, text)
		require.True(t, d.Equal(p.Decimal()), text)
	}
	for exp, want := range map[int32]error{-11: ErrInexact, 1_000_000_000: ErrRange, -1_000_000_000: ErrInexact} {
		_, err := PriceOf(decimal.New(1, exp))
		require.ErrorIs(t, err, want)
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		price, tick, floor, ceil, round Price
		on                              bool
	}{
		{0, 5, 0, 0, 0, true},
		{10, 5, 10, 10, 10, true},
		{11, 5, 10, 15, 10, false},
		{12, 5, 10, 15, 10, false},
		{13, 5, 10, 15, 15, false},
		{3, 2, 2, 4, 4, false}, // halves go up
		{-3, 2, -4, -2, -2, false},
		{-11, 5, -15, -10, -10, false},
		{-13, 5, -15, -10, -15, false},
		{7, 1, 7, 7, 7, true},
		{MaxPrice, PriceUnit, MaxPrice, MaxPrice, MaxPrice, true},
	} {
		name := fmt.Sprintf("%d on %d", c.price, c.tick)
		require.Equal(t, c.floor, c.price.FloorTick(c.tick), name)
		require.Equal(t, c.ceil, c.price.CeilTick(c.tick), name)
		require.Equal(t, c.round, c.price.RoundTick(c.tick), name)
		require.Equal(t, c.on, c.price.OnTick(c.tick), name)
	}
	require.False(t, Price(10).OnTick(0))
}

func TestPriceText(t *testing.T) {
	type row struct {
		Price Price  `json:"price"`
		Ratio Ratio  `json:"ratio"`
		Maybe *Price `json:"maybe"`
	}
	var got row
	require.NoError(t, json.Unmarshal([]byte(`{"price": "8820.5", "ratio": 1e-4, "maybe": null}`), &got))
	require.Equal(t, row{Price: MustPrice("8820.5"), Ratio: MustRatio("0.0001")}, got)
	require.NoError(t, json.Unmarshal([]byte(`{"price": null, "ratio": null}`), &got), "null leaves what is there")
	require.Equal(t, row{Price: MustPrice("8820.5"), Ratio: MustRatio("0.0001")}, got)
	text, err := json.Marshal(got)
	require.NoError(t, err)
	require.JSONEq(t, `{"price": 8820.5, "ratio": 0.0001, "maybe": null}`, string(text))
	for _, bad := range []string{`{"price": true}`, `{"price": ""}`, `{"price": [1]}`, `{"price": "1`, `{"ratio": "x"}`} {
		require.Error(t, json.Unmarshal([]byte(bad), &got), bad)
	}
	keys := map[Price]int{MustPrice("0.5"): 1}
	text, err = json.Marshal(keys)
	require.NoError(t, err)
	require.JSONEq(t, `{"0.5": 1}`, string(text))
	require.Error(t, json.Unmarshal([]byte(`{"half": 1}`), &keys))
	var back map[Price]int
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, keys, back)
	var r Ratio
	require.NoError(t, r.UnmarshalText([]byte("0.5")))
	require.Equal(t, RatioUnit/2, r)
	out, err := r.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "0.5", string(out))
}

func TestNumbersRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Price(rapid.Int64Range(int64(-MaxPrice), int64(MaxPrice)).Draw(t, "price"))
		got, err := ParsePrice(p.String())
		require.NoError(t, err)
		require.Equal(t, p, got)
		got, err = PriceOf(p.Decimal())
		require.NoError(t, err)
		require.Equal(t, p, got)
		require.Equal(t, p.Decimal().String(), p.String())

		r := Ratio(rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "ratio"))
		back, err := ParseRatio(r.String())
		require.NoError(t, err)
		require.Equal(t, r, back)

		scale := rapid.IntRange(0, 12).Draw(t, "scale")
		m := Money(rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "money"))
		money, err := ParseMoney(m.Decimal(scale).String(), scale)
		require.NoError(t, err)
		require.Equal(t, m, money)
	})
}

var numberSyntax = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

func FuzzParsePrice(f *testing.F) {
	for _, seed := range []string{
		"0", "-0", "1", "8820.5", "79139.90000000001", "1e-10", "1.5E+7", "99999999", "100000000", ".5", "5.", "-.5e1",
		"0.00000000005", "-0.000000000049999999999999999999", "100000000000000000000e-20", "184467440.73709551615",
		"000000000000000000000000000000001", "1e99999999999999999999", "", ".", "+-1", "1e",
	} {
		f.Add(seed)
	}
	unit := decimal.New(1, -FixedDigits)
	limit := MaxPrice.Decimal()
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParsePrice(text)
		rounded, errRound := RoundPrice(text)
		if !numberSyntax.MatchString(text) {
			require.ErrorIs(t, err, ErrSyntax)
			require.ErrorIs(t, errRound, ErrSyntax)
			return
		}
		want, errDecimal := decimal.NewFromString(text)
		// A decimal with a great exponent is as great itself: too great to compare.
		if errDecimal != nil || want.Exponent() > 1000 || want.Exponent() < -1000 {
			return
		}
		wantRounded := want.Round(FixedDigits)
		if wantRounded.Abs().GreaterThan(limit) {
			require.ErrorIs(t, err, ErrRange)
			require.ErrorIs(t, errRound, ErrRange)
			return
		}
		require.NoError(t, errRound)
		require.True(t, wantRounded.Equal(rounded.Decimal()), "%s: %s, want %s", text, rounded, wantRounded)
		if !want.Mod(unit).IsZero() {
			require.ErrorIs(t, err, ErrInexact)
			return
		}
		require.NoError(t, err)
		require.True(t, want.Equal(got.Decimal()), "%s: %s", text, got)
	})
}

// mulDiv is MulDiv in big integers; ok is false where MulDiv must panic.
func mulDiv(a, b, c int64, r Rounding) (v int64, ok bool) {
	if c == 0 {
		return 0, false
	}
	num := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
	den := big.NewInt(c)
	negative := num.Sign()*den.Sign() < 0
	q, rem := new(big.Int).QuoRem(num.Abs(num), den.Abs(den), new(big.Int))
	up := r == Ceil && rem.Sign() > 0 || r == Nearest && rem.Lsh(rem, 1).Cmp(den) >= 0
	if up {
		q.Add(q, big.NewInt(1))
	}
	if !q.IsInt64() {
		return 0, false
	}
	if negative {
		return -q.Int64(), true
	}
	return q.Int64(), true
}

func TestMulDivAgreesWithBig(t *testing.T) {
	edges := rapid.SampledFrom([]int64{
		0, 1, -1, 2, 3, 10, fixedUnit, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1, 1 << 62, 1<<62 + 1,
	})
	value := rapid.OneOf(rapid.Int64(), edges, rapid.Int64Range(-1000, 1000))
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := value.Draw(t, "a"), value.Draw(t, "b"), value.Draw(t, "c")
		r := rapid.SampledFrom([]Rounding{Floor, Ceil, Nearest}).Draw(t, "rounding")
		want, ok := mulDiv(a, b, c, r)
		if !ok {
			require.PanicsWithValue(t, fmt.Sprintf("exchange: %d·%d/%d overflows", a, b, c), func() { MulDiv(a, b, c, r) })
			return
		}
		require.Equal(t, want, MulDiv(a, b, c, r))
	})
}

func TestMulDivRounds(t *testing.T) {
	for _, c := range []struct {
		a, b, c              int64
		floor, ceil, nearest int64
	}{
		{10, 1, 5, 2, 2, 2},
		{7, 1, 5, 1, 2, 1},
		{8, 1, 5, 1, 2, 2},
		{5, 1, 2, 2, 3, 3},
		{-5, 1, 2, -2, -3, -3},
		{5, -1, 2, -2, -3, -3},
		{5, 1, -2, -2, -3, -3},
		{-5, -1, 2, 2, 3, 3},
		{1, 1, 3, 0, 1, 0},
		{math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64},
	} {
		require.Equal(t, []int64{c.floor, c.ceil, c.nearest}, []int64{
			MulDiv(c.a, c.b, c.c, Floor), MulDiv(c.a, c.b, c.c, Ceil), MulDiv(c.a, c.b, c.c, Nearest),
		}, "%d·%d/%d", c.a, c.b, c.c)
	}
	require.Panics(t, func() { MulDiv(1, 1, 0, Floor) })
	require.Panics(t, func() { MulDiv(math.MinInt64, 1, 1, Floor) }, "the magnitude does not fit")
	require.Panics(t, func() { MulDiv(math.MaxInt64, 3, 2, Floor) })
	const overflows = "exchange: %d·%d/%d overflows"
	// A quotient of exactly 2^64, and one of 2^64-1 that would be rounded up.
	require.PanicsWithValue(t, fmt.Sprintf(overflows, 1<<62, 4, 1), func() { MulDiv(1<<62, 4, 1, Floor) })
	require.PanicsWithValue(t, fmt.Sprintf(overflows, 311, 177942868878227186, 3), func() { MulDiv(311, 177942868878227186, 3, Ceil) })
}

func TestParseAllocatesNothing(t *testing.T) {
	text := []byte("41234.5")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := ParsePrice(text); err != nil {
			t.Fatal(err)
		}
	}))
}

func BenchmarkParsePrice(b *testing.B) {
	for _, text := range []string{"41234.5", "79139.90000000001", "1.5e-7"} {
		b.Run(text, func(b *testing.B) {
			s := []byte(text)
			b.ReportAllocs()
			for range b.N {
				p, err := RoundPrice(s)
				if err != nil {
					b.Fatal(err)
				}
				benchSink += p
			}
		})
	}
}

func TestFormatHasNoExponent(t *testing.T) {
	for p := Price(1); p < MaxPrice && p > 0; p *= 10 {
		require.False(t, strings.ContainsAny(p.String(), "eE"), p.String())
	}
}

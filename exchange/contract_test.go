package exchange

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func builtin(tb testing.TB) *Instruments {
	tb.Helper()
	set, err := BuiltinInstruments()
	require.NoError(tb, err)
	return set
}

// termsAt returns the built-in terms of a BitMEX symbol on a date.
func termsAt(tb testing.TB, symbol, date string) *Terms {
	tb.Helper()
	i, err := builtin(tb).Lookup("bitmex", symbol)
	require.NoError(tb, err)
	at, err := ParseTime(date)
	require.NoError(tb, err)
	return i.At(at)
}

// Values that the venue published, and examples worked from its rules.
func TestValue(t *testing.T) {
	for _, c := range []struct {
		symbol, date string
		qty          Qty
		price        string
		want         Money
	}{
		{"XBTUSD", "2024-12-01", 100, "98570.9", 101_450}, // a real grossValue
		{"XBTUSD", "2021-07-22", 900, "32180.5", 2_796_723},
		{"XBTUSD", "2025-01-01", 30_000, "70000", 42_857_100},
		{"XBTUSD", "2025-01-01", 30_000, "71000", 42_253_500},
		{"XBTUSD", "2020-05-01", 40, "8335", 479_920}, // lot 1: rounded per contract
		{"XBTUSD", "2020-05-01", 169, "9268.18", 1_823_510},
		{"ETHUSD", "2025-01-01", 1000, "2302.30", 230_230_000},
		{"ETHUSD", "2019-01-01", 100, "258.3", 2_583_000},
		{"XBTUSDT", "2025-01-01", 10_000, "78140.7", 781_407_000},
		{"XBTUSDT", "2025-01-01", 10_000, "79000", 790_000_000},
		{"ETHUSDT", "2022-06-01", 2000, "1963", 39_260_000},
		{"XBT_USDT", "2025-01-01", 10_000, "78189", 7_818_900},
		// Halves go up: 100 million / 32 is 3125000, / 64 is 1562500, / 3.2e7 is 3.125.
		{"XBTUSD", "2020-05-01", 1, "80000000", 1},
		{"XBTUSD", "2020-05-01", 1, "40000000", 3},
		// What is left of an odd position after the lot grew is valued pro rata.
		{"XBTUSD", "2025-01-01", 150, "70000", 142_857 + 71_429},
		{"XBTUSD", "2025-01-01", 1, "70000", 1429},
	} {
		t.Run(fmt.Sprintf("%s %d @ %s", c.symbol, c.qty, c.price), func(t *testing.T) {
			terms := termsAt(t, c.symbol, c.date)
			p := MustPrice(c.price)
			require.Equal(t, c.want, terms.Value(c.qty, p))
			require.Equal(t, c.want, terms.Value(-c.qty, p), "the value has no sign")
			long, short := c.want, -c.want
			if terms.Kind == Inverse {
				long, short = short, long
			}
			require.Equal(t, long, terms.Cost(c.qty, p))
			require.Equal(t, short, terms.Cost(-c.qty, p))
		})
	}
}

func TestFee(t *testing.T) {
	for _, c := range []struct {
		value Money
		rate  string
		want  Money
	}{
		{172_306_000, "-0.00025", -43_077}, // -43076.5: halves away from zero
		{1_823_510, "-0.0001", -182},
		{88_155, "0.00075", 66},
		{2000 * 9531, "0.00375", 71_483}, // funding: 71482.5
		{42_857_100, "0.0005", 21_429},
		{42_253_500, "0.0005", 21_127},
		{-42_253_500, "0.0005", 21_127}, // of the magnitude
		{0, "0.0005", 0},
		{1, "0.0005", 0},
	} {
		require.Equal(t, c.want, Fee(c.value, MustRatio(c.rate)), "%d at %s", c.value, c.rate)
	}
}

func TestProfit(t *testing.T) {
	for _, c := range []struct {
		symbol, date string
		qty          Qty
		entry, exit  string
		want         Money
	}{
		{"XBTUSD", "2025-01-01", 30_000, "70000", "71000", 603_600},
		{"XBTUSD", "2025-01-01", -30_000, "70000", "71000", -603_600},
		{"ETHUSD", "2025-01-01", 1000, "2302.30", "2350", 4_770_000},
		{"XBTUSDT", "2025-01-01", 10_000, "78140.7", "79000", 8_593_000},
	} {
		terms := termsAt(t, c.symbol, c.date)
		got := terms.Cost(c.qty, MustPrice(c.exit)) - terms.Cost(c.qty, MustPrice(c.entry))
		require.Equal(t, c.want, got, "%s %d", c.symbol, c.qty)
	}
	// Net of both fees.
	terms := termsAt(t, "XBTUSD", "2025-01-01")
	rate := terms.TakerFee
	buy, sell := terms.Value(30_000, MustPrice("70000")), terms.Value(30_000, MustPrice("71000"))
	require.Equal(t, Money(561_044), buy-sell-Fee(buy, rate)-Fee(sell, rate))
	// The cost of a real position, long 30, whose markValue was -300720 when its
	// unrealisedPnl was -1740.
	lot1 := termsAt(t, "XBTUSD", "2019-07-01")
	require.Equal(t, Money(-298_980), lot1.Cost(30, MustPrice("10034")))
}

// Average prices that the venue showed.
func TestPriceOfCost(t *testing.T) {
	for _, c := range []struct {
		symbol, date string
		qty          Qty
		cost         Money
		want         string
	}{
		// One price for all lots: on the tick, and often not the order's price.
		{"XBTUSD", "2020-05-01", 1, 11337, "8820.5"}, // bought at 8821
		{"XBTUSD", "2020-05-01", 9666, 9666 * 11337, "8820.5"},
		{"XBTUSD", "2020-05-01", 1, 11317, "8836.5"},      // 8836
		{"XBTUSD", "2026-01-01", 100, 139_781, "71540.5"}, // 71540.6
		{"XBTUSD", "2026-01-01", 100, 132_354, "75554.9"}, // 75554.951: just above a half, down
		{"XBTUSD", "2026-01-01", 2500, 25 * 132_354, "75554.9"},
		{"XBTUSD", "2026-01-01", 100, 130_436, "76665.9"}, // 76665.951
		{"XBTUSD", "2026-01-01", 100, 154_113, "64887.4"}, // 64887.453
		// Several prices: four decimals of the rounded cost of a lot.
		{"XBTUSD", "2026-03-24", 30_000, 300*142_216 - 100, "70315.5763"},
		{"XBTUSD", "2026-01-01", 30_000, 300*152_308 + 100, "65656.433"},
		{"XBTUSD", "2026-05-03", -1_438_000, 1_951_105_699, "73701.7438"},
		{"XBTUSD", "2019-07-01", -400, 3_507_064, "11405.1095"},
		// The same for the other kinds.
		{"ETHUSD", "2025-01-01", 1000, 230_230_000, "2302.3"},
		{"ETHUSD", "2025-01-01", 3, 690_692, "2302.31"}, // 230230.67 to 230231
		{"ETHUSDT", "2022-06-01", 2000, 39_260_000, "1963"},
		{"XBTUSDT", "2025-01-01", -10_000, -781_407_000, "78140.7"},
		{"XBT_USDT", "2025-01-01", 10_000, 7_818_900, "78189"},
		// Four decimals would show nothing of a price of a few satoshi.
		{"ADAU21", "2021-07-22", 3, 3*3702 + 1, "0.00003702"},
		{"TRXU21", "2021-07-22", 300, 3*17_703 + 1, "0.0000017703"},
		{"LINKUSDT", "2021-07-22", 3, 3*162_343 + 1, "16.2343"},
		// Nothing, and costs that no price explains.
		{"XBTUSD", "2025-01-01", 0, 5, "0"},
		{"XBTUSD", "2025-01-01", 5, 0, "0"},
		{"XBTUSD", "2025-01-01", 1_000_000_000, 1, "99999999"},
		{"XBTUSD", "2025-01-01", 1, math.MaxInt64, "0"},
		{"XBTUSDT", "2025-01-01", 1, math.MaxInt64, "99999999"},
	} {
		t.Run(fmt.Sprintf("%s %d for %d", c.symbol, c.qty, c.cost), func(t *testing.T) {
			terms := termsAt(t, c.symbol, c.date)
			require.Equal(t, c.want, terms.PriceOfCost(c.qty, c.cost).String())
			require.Equal(t, c.want, terms.PriceOfCost(-c.qty, -c.cost).String(), "signs do not matter")
		})
	}
}

// Break-even prices that the venue showed, with what the positions had paid and received.
func TestBreakEven(t *testing.T) {
	for _, c := range []struct {
		symbol, date string
		qty          Qty
		cost, gained Money
		want         string
	}{
		{"XBTUSD", "2019-07-01", -10, 91_340, -69, "10939.5"},          // the taker fee
		{"XBTUSD", "2019-07-01", -400, 3_507_064, -58_024, "11219.5"},  // realised before it turned, and fees
		{"XBTUSD", "2020-01-01", -2000, 18_668_000, 57_482, "10745.5"}, // funding received less the fee
		{"XBTUSD", "2019-07-01", 30, -298_980, 75, "10032.5"},          // the maker's rebate
		{"XBTUSD", "2018-07-01", 1, -15_681, -10, "6381.5"},
		{"XBTUSD", "2026-05-03", -1_438_000, 1_951_105_699, 15_678_981, "74298.6"},
		// The other way round for the other kinds.
		{"ETHUSDT", "2022-06-01", 2000, 39_260_000, -29_445, "1964.5"}, // 1964.47 a contract
		{"ETHUSDT", "2022-06-01", -2000, -39_260_000, -29_445, "1961.5"},
		{"XBTUSD", "2025-01-01", 0, 0, 5, "0"},
		{"XBTUSD", "2025-01-01", 100, -142_857, -142_857, "0"}, // no price makes up for so much
		{"XBTUSD", "2025-01-01", 100, -142_857, -200_000, "0"},
	} {
		terms := termsAt(t, c.symbol, c.date)
		require.Equal(t, c.want, terms.BreakEven(c.qty, c.cost, c.gained).String(), "%s %d", c.symbol, c.qty)
	}
}

// A flip splits the cost of a fill pro rata: a real row of 2019.
func TestCostSplitsProRata(t *testing.T) {
	require.Equal(t, int64(3_507_064), MulDiv(11_389_191, 400, 1299, Floor))
}

// drawTerms draws terms of a built-in instrument.
func drawTerms(t *rapid.T, set *Instruments) *Terms {
	i := set.Get(SymbolID(rapid.IntRange(0, set.Len()-1).Draw(t, "instrument")))
	return &i.Terms[rapid.IntRange(0, len(i.Terms)-1).Draw(t, "terms")]
}

func drawPrice(t *rapid.T, terms *Terms) Price {
	low, high := int64(terms.lowestPrice()/terms.TickSize), int64(terms.MaxPrice/terms.TickSize)
	return Price(rapid.Int64Range(low, high).Draw(t, "price")) * terms.TickSize
}

// Rounded per lot, fills can be split and joined at lots without gaining or losing a satoshi.
func TestValueIsAdditive(t *testing.T) {
	set := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		terms := drawTerms(t, set)
		if terms.Rounding.PerFill {
			perLot := *terms
			perLot.Rounding = MoneyRounding{}
			terms = &perLot
		}
		p := drawPrice(t, terms)
		lots := rapid.Int64Range(0, int64(terms.MaxQty/terms.LotSize))
		a, b := Qty(lots.Draw(t, "a"))*terms.LotSize, Qty(lots.Draw(t, "b"))*terms.LotSize
		require.Equal(t, terms.Value(a, p)+terms.Value(b, p), terms.Value(a+b, p))
		require.Equal(t, terms.Cost(a, p)-terms.Cost(b, p), terms.Cost(a-b, p))
	})
}

// The average price of fills at one price is that price to within the rounding
// of a lot's value and the tick.
func TestPriceOfCostInvertsValue(t *testing.T) {
	set := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		terms := drawTerms(t, set)
		p := drawPrice(t, terms)
		q := Qty(rapid.Int64Range(1, int64(terms.MaxQty/terms.LotSize)).Draw(t, "lots")) * terms.LotSize
		lot := terms.LotValue(p)
		if lot < 2 {
			t.Skip("the value of a lot has no digits left")
		}
		got := terms.PriceOfCost(q, terms.Value(q, p))
		slack := p.Float64()/float64(lot) + terms.TickSize.Float64()
		require.InDelta(t, p.Float64(), got.Float64(), slack, "%d at %s", q, p)
		require.True(t, got.OnTick(terms.TickSize))
	})
}

// At the limits of every built-in instrument nothing overflows.
func TestContractMathsAtTheLimits(t *testing.T) {
	set := builtin(t)
	for _, i := range set.All() {
		for n := range i.Terms {
			terms := &i.Terms[n]
			for _, p := range []Price{terms.lowestPrice(), terms.MaxPrice} {
				require.NotPanics(t, func() {
					v := terms.Value(terms.MaxQty, p)
					require.GreaterOrEqual(t, v, Money(0))
					require.Less(t, v, Money(math.MaxInt64/4+math.MaxInt64/100), "room for sums")
					Fee(v, terms.TakerFee)
					Fee(v, RatioUnit/10)
					terms.PriceOfCost(terms.MaxQty, v)
					terms.PriceOfCost(terms.LotSize, v)
					terms.PriceOfCost(terms.MaxQty, terms.LotValue(p))
				}, "%s terms %d at %s", i.Name(), n, p)
			}
		}
	}
}

func TestPriceOfCostNeverPanics(t *testing.T) {
	set := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		terms := drawTerms(t, set)
		q := Qty(rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "qty"))
		cost := Money(rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "cost"))
		p := terms.PriceOfCost(q, cost)
		require.GreaterOrEqual(t, p, Price(0))
		require.LessOrEqual(t, p, MaxPrice)
	})
}

func TestContractMathsPanicsBeyondTheLimits(t *testing.T) {
	terms := termsAt(t, "XBTUSD", "2025-01-01")
	require.Panics(t, func() { terms.Value(math.MaxInt64, PriceUnit) }, "rather than wrap")
	require.Panics(t, func() { terms.LotValue(1) })
	require.Panics(t, func() { Money(1 << 62).times(2) }, "2^63 is one too many")
	require.Equal(t, Money(1<<62), Money(1<<61).times(2))
	// A divisor of an inverse contract must not wrap a large cost into a price.
	halves := &Terms{Kind: Inverse, Multiplier: 100_000_000, Divisor: 2, TickSize: PriceUnit, LotSize: 1}
	require.Equal(t, 50*PriceUnit, halves.PriceOfCost(1, 1_000_000))
	require.Zero(t, halves.PriceOfCost(1, math.MaxInt64))
	require.Panics(t, func() { terms.LotValue(0) })
}

func BenchmarkContract(b *testing.B) {
	terms := termsAt(b, "XBTUSD", "2021-07-22")
	p := MustPrice("32180.5")
	b.Run("value", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			benchSink += Price(terms.Value(Qty(i&1023)*100, p))
		}
	})
	b.Run("price-of-cost", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			benchSink += terms.PriceOfCost(1000, Money(3_000_000+i&1023))
		}
	})
}

// The greatest power of ten that is not above a number is what dividing by ten finds.
func TestLeadingPlace(t *testing.T) {
	slow := func(p Price) Price {
		place := Price(1)
		for place <= p/10 {
			place *= 10
		}
		return place
	}
	for place := Price(1); ; place *= 10 {
		for _, p := range []Price{place - 1, place, place + 1, place * 2, place * 5, place*9 + place/2, -place} {
			require.Equal(t, slow(p), leadingPlace(p), "%d", p)
		}
		if place == 1e18 {
			break
		}
	}
	require.Equal(t, Price(1e18), leadingPlace(math.MaxInt64))
	require.Equal(t, Price(1), leadingPlace(0))
}

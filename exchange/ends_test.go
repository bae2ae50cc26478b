package exchange

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// An event other than a bar may arrive up to MaxTravel after its time, and at any time
// before it. A bar arrives at its end, which Check bounds.
func TestArrivals(t *testing.T) {
	i, err := builtin(t).Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	b := i.Bounds()
	const at = Time(1_600_000_000e9)
	events := map[string]func(arrival Time) Event{
		"trade": func(arrival Time) Event {
			return TradeEvent(at, arrival, i.ID, Trade{Side: Buy, Price: 9000 * PriceUnit, Qty: 1})
		},
		"mark": func(arrival Time) Event { return MarkEvent(at, arrival, i.ID, Mark{Mark: 9000 * PriceUnit}) },
	}
	for name, event := range events {
		for travel, good := range map[time.Duration]bool{
			-MaxTravel - 1: true, -1: true, 0: true, MaxTravel: true, MaxTravel + 1: false,
		} {
			e := event(at.Add(travel))
			require.NoError(t, b.Check(&e), "%s after %s", name, travel)
			err := b.CheckArrival(&e)
			if good {
				require.NoError(t, err, "%s after %s", name, travel)
				continue
			}
			requireField(t, "arrival", err)
			require.ErrorContains(t, err, "want a time within 366 days of "+at.String())
		}
	}
	bar := BarEvent(Bar{Start: at, End: at.Add(MaxTravel + 1)})
	require.NoError(t, b.CheckArrival(&bar))
}

// Every number of an event may be what it says at least and at most, and nothing beyond.
func TestNumbersOfEvents(t *testing.T) {
	i, err := builtin(t).Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	b := i.Bounds()
	const (
		at    = Time(1_600_000_000e9)
		price = 10_000 * PriceUnit
		// Ten thousand satoshis a contract at this price, and none of it is rounded.
		most = math.MaxInt64 / 4 / 10_000
		day  = int64(24 * time.Hour)
	)
	low, high, counted := int64(b.Low), int64(b.High), int64(MaxEventQty)
	trade := TradeEvent(at, at, i.ID, Trade{Side: Buy, Price: price, Qty: 1})
	level := LevelEvent(at, at, i.ID, Sell, Level{Price: price, Qty: 1}, 0)
	order := BookOrderEvent(at, at, i.ID, Sell, BookOrder{ID: 1, Price: price, Qty: 1}, 0)
	quote := QuoteEvent(at, at, i.ID, Quote{BidPrice: price, BidQty: 1, AskPrice: price + PriceUnit, AskQty: 1})
	mark := MarkEvent(at, at, i.ID, Mark{Mark: price, Index: price})
	funding := FundingEvent(at, at, i.ID, Funding{Rate: 1, Due: at})
	bar := BarEvent(Bar{Symbol: i.ID, Start: at, End: at + 1, Open: price, High: price, Low: price, Close: price})
	for _, tt := range []struct {
		field       string
		event       Event
		least, most int64
		set         func(e *Event, v int64)
	}{
		{"timestamp", trade, 0, math.MaxInt64, func(e *Event, v int64) { e.Time = Time(v) }},
		{"timestamp", trade, 0, math.MaxInt64, func(e *Event, v int64) { e.Arrival = Time(v) }},
		{"side", trade, int64(Buy), int64(Sell), func(e *Event, v int64) { e.Side = Side(v) }},
		{"price", trade, low, high, func(e *Event, v int64) { e.v[0] = v }},
		{"size", trade, 1, most, func(e *Event, v int64) { e.v[1] = v }},
		{"side", level, int64(Buy), int64(Sell), func(e *Event, v int64) { e.Side = Side(v) }},
		{"price", level, low, high, func(e *Event, v int64) { e.v[0] = v }},
		{"size", level, 0, most, func(e *Event, v int64) { e.v[1] = v }},
		{"side", order, int64(Buy), int64(Sell), func(e *Event, v int64) { e.Side = Side(v) }},
		{"price", order, low, high, func(e *Event, v int64) { e.v[0] = v }},
		{"size", order, 0, most, func(e *Event, v int64) { e.v[1] = v }},
		{"bidPrice", quote, low, high, func(e *Event, v int64) { e.v[0] = v }},
		{"bidSize", quote, 0, most, func(e *Event, v int64) { e.v[1] = v }},
		{"askPrice", quote, low, high, func(e *Event, v int64) { e.v[2] = v }},
		{"askSize", quote, 0, most, func(e *Event, v int64) { e.v[2], e.v[3] = int64(price), v }},
		{"bidSize", quote, 0, counted, func(e *Event, v int64) { e.v[0], e.v[1] = 0, v }},
		{"askSize", quote, 0, counted, func(e *Event, v int64) { e.v[2], e.v[3] = 0, v }},
		{"markPrice", mark, low, high, func(e *Event, v int64) { e.v[0] = v }},
		{"indexPrice", mark, low, high, func(e *Event, v int64) { e.v[1] = v }},
		{"fundingRate", funding, -int64(MaxFundingRate), int64(MaxFundingRate),
			func(e *Event, v int64) { e.v[0] = v }},
		{"fundingTimestamp", funding, int64(at) - 32*day, int64(at) + 32*day,
			func(e *Event, v int64) { e.v[1] = v }},
		{"fundingTimestamp", funding, 0, 32 * day, func(e *Event, v int64) { e.Time, e.v[1] = 0, v }},
		{"open", bar, low, high, func(e *Event, v int64) { e.v[0] = v }},
		{"high", bar, low, high, func(e *Event, v int64) { e.v[1] = v }},
		{"low", bar, low, high, func(e *Event, v int64) { e.v[2] = v }},
		{"close", bar, low, high, func(e *Event, v int64) { e.v[3] = v }},
		{"volume", bar, 0, most, func(e *Event, v int64) { e.v[4] = v }},
		{"turnover", bar, 0, int64(MaxAmount), func(e *Event, v int64) { e.v[5] = v }},
		{"trades", bar, 0, counted, func(e *Event, v int64) { e.v[6] = v }},
		{"timestamp", bar, 1, int64(MaxBarInterval), func(e *Event, v int64) { e.v[7] = v }},
		{"timestamp", bar, 0, int64(Never) - int64(MaxBarInterval), func(e *Event, v int64) { e.Time = Time(v) }},
		{"gap", GapEvent(at, at, i.ID, at, at), math.MinInt64, int64(at), func(e *Event, v int64) { e.v[0] = v }},
		{"operation", OperatorEvent(at, i.ID, OperationKill), int64(OperationKill), int64(OperationLimit),
			func(e *Event, v int64) { e.v[0] = v }},
	} {
		t.Run(fmt.Sprintf("%s of a %s", tt.field, tt.event.Kind), func(t *testing.T) {
			check := func(v int64, good bool) {
				e := tt.event
				tt.set(&e, v)
				if err := b.Check(&e); good {
					require.NoError(t, err, "%d", v)
				} else {
					requireField(t, tt.field, err)
				}
			}
			check(tt.least, true)
			check(tt.most, true)
			if tt.least != math.MinInt64 {
				check(tt.least-1, false)
			}
			if tt.most != math.MaxInt64 {
				check(tt.most+1, false)
			}
		})
	}
	// The volume of an inverse bar counts at its lowest price.
	bar.v[2], bar.v[4] = int64(price)/2, most/2
	require.NoError(t, b.Check(&bar))
	bar.v[4]++
	requireField(t, "volume", b.Check(&bar))
}

// A venue says now what is now: within a day of the clock, and funding within two.
func TestTimesOfLiveEvents(t *testing.T) {
	i, err := builtin(t).Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	b := i.Bounds()
	const at, day = Time(1_600_000_000e9), 24 * time.Hour
	for lag, good := range map[time.Duration]bool{-day - 1: false, -day: true, day: true, day + 1: false} {
		e := MarkEvent(at.Add(lag), at, i.ID, Mark{Mark: 9000 * PriceUnit})
		if err := b.CheckLive(&e, at); good {
			require.NoError(t, err, "%s", lag)
		} else {
			requireField(t, "timestamp", err)
			require.ErrorContains(t, err, "want a time within a day of")
		}
	}
	for lead, good := range map[time.Duration]bool{-2*day - 1: false, -2 * day: true, 2 * day: true, 2*day + 1: false} {
		e := FundingEvent(at, at, i.ID, Funding{Due: at.Add(lead)})
		if err := b.CheckLive(&e, at); good {
			require.NoError(t, err, "%s", lead)
		} else {
			requireField(t, "fundingTimestamp", err)
			require.ErrorContains(t, err, "want a time within 2 days of")
		}
	}
}

// A live price is on one of the ticks that the instrument has had; a side of a quote may
// be empty. Of an instrument whose ticks are not known every price is.
func TestTicksOfLiveEvents(t *testing.T) {
	i, err := builtin(t).Lookup("bitmex", "XBTUSD") // 0.01, 0.1 and 0.5
	require.NoError(t, err)
	b, unknown := i.Bounds(), AnyBounds()
	const at = Time(1_600_000_000e9)
	on, off := MustPrice("9000.01"), MustPrice("9000.005")
	const far = 9001 * PriceUnit
	for _, tt := range []struct {
		field   string
		on, off Event
	}{
		{"price", TradeEvent(at, at, i.ID, Trade{Buy, on, 1}), TradeEvent(at, at, i.ID, Trade{Buy, off, 1})},
		{"price", LiquidationEvent(at, at, i.ID, Trade{Sell, on, 1}), LiquidationEvent(at, at, i.ID, Trade{Sell, off, 1})},
		{"price", LevelEvent(at, at, i.ID, Buy, Level{on, 1}, 0), LevelEvent(at, at, i.ID, Buy, Level{off, 1}, 0)},
		{"price", BookOrderEvent(at, at, i.ID, Buy, BookOrder{1, on, 1}, 0),
			BookOrderEvent(at, at, i.ID, Buy, BookOrder{1, off, 1}, 0)},
		{"bidPrice", QuoteEvent(at, at, i.ID, Quote{on, 1, far, 1}), QuoteEvent(at, at, i.ID, Quote{off, 1, far, 1})},
		{"askPrice", QuoteEvent(at, at, i.ID, Quote{0, 0, on, 1}), QuoteEvent(at, at, i.ID, Quote{0, 0, off, 1})},
		{"bidPrice", QuoteEvent(at, at, i.ID, Quote{on, 1, 0, 0}), QuoteEvent(at, at, i.ID, Quote{off, 1, 0, 0})},
	} {
		require.NoError(t, b.CheckLive(&tt.on, at), tt.on.String())
		require.NoError(t, unknown.CheckLive(&tt.off, at), tt.off.String())
		err := b.CheckLive(&tt.off, at)
		requireField(t, tt.field, err)
		require.ErrorContains(t, err, "want a multiple of the tick ")
	}
}

// Errors of quantities say whether there are too few or too many.
func TestReasonsOfQuantities(t *testing.T) {
	i, err := builtin(t).Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	b := i.Bounds()
	for qty, want := range map[Qty]string{
		math.MinInt64: "above 0", -1: "above 0", 0: "above 0",
		math.MaxInt64: "too many contracts: their value at 9000 is beyond",
	} {
		e := TradeEvent(5, 5, 0, Trade{Side: Buy, Price: 9000 * PriceUnit, Qty: qty})
		require.ErrorContains(t, b.Check(&e), want, "%d", qty)
	}
	held := Basis{Qty: 2*b.Plenty + 1}
	require.ErrorContains(t, b.CheckBasis(held), fmt.Sprintf("want up to %d contracts", b.Plenty))
}

// A position may be twice what an order may be, and cost what an amount may be.
func TestNumbersOfPositions(t *testing.T) {
	i, err := builtin(t).Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	b := i.Bounds()
	for sign := int64(-1); sign <= 1; sign += 2 {
		qty, cost := Qty(sign)*2*b.Plenty, Money(sign)*MaxAmount
		require.NoError(t, b.CheckBasis(Basis{Qty: qty, Cost: cost}))
		requireField(t, "currentQty", b.CheckBasis(Basis{Qty: qty + Qty(sign), Cost: cost}))
		requireField(t, "currentCost", b.CheckBasis(Basis{Qty: qty, Cost: cost + Money(sign)}))
	}
}

// drawBounded draws an instrument whose lot, divisor and unit of rounding are not 1.
func drawBounded(t *rapid.T) *Instrument {
	i := &Instrument{
		Venue: "test", Symbol: "X", Kind: rapid.SampledFrom([]Kind{Inverse, Linear, Quanto}).Draw(t, "kind"),
		Settle:           Currency{Code: "XBt", Scale: 8},
		Multiplier:       rapid.SampledFrom([]int64{1, 7, 1_000_000}).Draw(t, "multiplier"),
		Divisor:          rapid.SampledFrom([]int64{1, 3, 10}).Draw(t, "divisor"),
		ContractsPerUnit: 1,
		Rounding:         MoneyRounding{Unit: rapid.SampledFrom([]Money{0, 1, 7, 1000}).Draw(t, "unit")},
	}
	for from, tick := range rapid.Permutation([]string{"0.5", "0.1", "2"}).Draw(t, "ticks")[:2] {
		i.Terms = append(i.Terms, Terms{From: Time(from), TickSize: MustPrice(tick), LotSize: 10, MaxQty: 1000,
			MaxPrice: Price(rapid.SampledFrom([]int64{100, 5000}).Draw(t, "maxPrice")) * PriceUnit})
	}
	return i
}

// What counts as the value of a contract is rounded up, to a whole contract and to a whole
// unit, and contracts have a value up to a quarter of an int64.
func TestWhatHasAValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := drawBounded(t)
		require.NoError(t, new(Instruments).Add(i))
		b := i.Bounds()
		most := func(p Price) Qty {
			num, den := new(big.Int).SetInt64(i.Multiplier), new(big.Int).SetInt64(i.Divisor)
			if i.Kind == Inverse {
				num.Mul(num, big.NewInt(fixedUnit))
				den.Mul(den, big.NewInt(int64(p)))
			} else {
				num.Mul(num, big.NewInt(int64(p)))
				den.Mul(den, big.NewInt(fixedUnit))
			}
			each := int64(roundRat(new(big.Rat).SetFrac(num, den), Ceil, 1))
			unit := max(int64(i.Rounding.Unit), 1)
			each = (each + unit - 1) / unit * unit
			return min(MaxEventQty, Qty(math.MaxInt64/4/each))
		}
		worst := b.High
		if i.Kind == Inverse {
			worst = b.Low
		}
		require.Equal(t, min(i.Terms[0].TickSize, i.Terms[1].TickSize), b.Low)
		require.Equal(t, max(i.Terms[0].MaxPrice, i.Terms[1].MaxPrice), b.High)
		require.Equal(t, most(worst), b.Plenty)
		p := Price(rapid.Int64Range(int64(b.Low), int64(b.High)).Draw(t, "price"))
		q := most(p)
		require.True(t, b.Valued(0, p))
		require.True(t, b.Valued(q, p), "%d at %s", q, p)
		require.False(t, b.Valued(q+1, p), "%d at %s", q+1, p)
		require.False(t, b.Valued(-1, p))
	})
}

// ValueAtMost returns the value of the next whole number of lots, or the greatest int64 where that value may
// not fit.
func TestValueAtMost(t *testing.T) {
	terms := func(kind Kind, multiplier, divisor int64, lot Qty) *Terms {
		return &Terms{Kind: kind, Multiplier: multiplier, Divisor: divisor, LotSize: lot, TickSize: 1}
	}
	const all = math.MaxInt64
	for _, c := range []struct {
		name  string
		terms *Terms
		qty   Qty
		price Price
		want  Money
	}{
		{"small", terms(Linear, 2, 1, 10), 25, 3 * PriceUnit, 150},
		{"small, sold", terms(Linear, 2, 1, 10), -25, 3 * PriceUnit, 150},
		{"small, divided", terms(Linear, 2, 4, 10), 30, 3 * PriceUnit, 45},
		{"small, inverse", terms(Inverse, 600, 4, 10), 20, 3 * PriceUnit, 1000},
		{"last lot that fits", terms(Linear, 2, 1, 10), 4611686018427387890, PriceUnit, all - 27},
		{"part of a lot too many", terms(Linear, 2, 1, 10), 4611686018427387909, PriceUnit, all},
		{"exactly what fits", terms(Linear, 7, 1, 1), all/7 - 1, PriceUnit, all - 7},
		{"one more", terms(Linear, 7, 1, 1), all / 7, PriceUnit, all},
		{"beyond 64 bits", terms(Linear, 1<<40, 1, 1), 1 << 40, PriceUnit, all},
		{"a lot beyond 64 bits", terms(Linear, 1<<40, 1, 1<<20), 1, MaxPrice, all},
		{"inverse, a lot beyond 64 bits", terms(Inverse, 1<<40, 1, 1<<20), 1, 1, all},
		{"inverse beyond", terms(Inverse, 1<<40, 2, 1), -1 << 40, PriceUnit, all},
		{"the least number", terms(Linear, 2, 1, 1), math.MinInt64, PriceUnit, all},
	} {
		require.Equal(t, c.want, c.terms.ValueAtMost(c.qty, c.price), c.name)
	}
}

// Every number of an instrument may be what it says at least and at most, and nothing
// beyond.
func TestNumbersOfInstruments(t *testing.T) {
	const none = math.MinInt64
	unit := int64(RatioUnit)
	type set = func(i *Instrument, v int64)
	term := func(f func(t *Terms, v int64)) set { return func(i *Instrument, v int64) { f(&i.Terms[1], v) } }
	for _, tt := range []struct {
		name, field string
		least, most int64 // none: without a limit
		set         set
	}{
		{"kind", "kind", int64(Inverse), int64(Spot), func(i *Instrument, v int64) { i.Kind = Kind(v) }},
		{"scale", "settle.scale", 0, 12, func(i *Instrument, v int64) { i.Settle.Scale = int(v) }},
		{"multiplier", "multiplier", 1, none, func(i *Instrument, v int64) { i.Multiplier = v }},
		{"divisor", "divisor", 1, math.MaxInt64 / fixedUnit, func(i *Instrument, v int64) { i.Divisor = v }},
		{"divisor of inverse", "divisor", 1, math.MaxInt64 / 1000 / fixedUnit, func(i *Instrument, v int64) {
			i.Kind, i.Divisor = Inverse, v
		}},
		{"contracts", "contractsPerUnit", 1, none, func(i *Instrument, v int64) { i.ContractsPerUnit = v }},
		{"expiry", "expiry", 6, none, func(i *Instrument, v int64) { i.Listing, i.Expiry = 5, Time(v) }},
		{"funding", "fundingInterval", int64(time.Minute), int64(24 * time.Hour), func(i *Instrument, v int64) {
			i.FundingInterval = time.Duration(v)
		}},
		{"value rounding", "rounding.value", none, int64(Ceil), func(i *Instrument, v int64) {
			i.Rounding.Value = Rounding(v)
		}},
		{"fee rounding", "rounding.fee", none, int64(Ceil), func(i *Instrument, v int64) { i.Rounding.Fee = Rounding(v) }},
		{"unit", "rounding.unit", 0, 100, func(i *Instrument, v int64) { i.Settle.Scale, i.Rounding.Unit = 2, Money(v) }},
		{"unit of many places", "rounding.unit", 0, 100_000_000, func(i *Instrument, v int64) {
			i.Settle.Scale, i.Rounding.Unit = 12, Money(v)
		}},
		{"unit with a divisor", "rounding.unit", 0, math.MaxInt64 / fixedUnit / 1000, func(i *Instrument, v int64) {
			i.Divisor, i.Rounding.Unit = 1000, Money(v)
		}},
		{"unit of inverse", "rounding.unit", 0, math.MaxInt64 / 1000 / fixedUnit / 8, func(i *Instrument, v int64) {
			i.Kind, i.Divisor, i.Rounding.Unit = Inverse, 8, Money(v)
		}},
		{"from", "terms[1].from", 1, none, term(func(t *Terms, v int64) { t.From = Time(v) })},
		{"tick", "terms[1].tickSize", 1, none, term(func(t *Terms, v int64) { t.TickSize = Price(v) })},
		{"lot", "terms[1].lotSize", 1, none, term(func(t *Terms, v int64) { t.LotSize = Qty(v) })},
		{"largest order", "terms[1].maxQty", 10, none, term(func(t *Terms, v int64) { t.MaxQty = Qty(v) })},
		{"highest price", "terms[1].maxPrice", fixedUnit / 2, int64(MaxPrice), term(func(t *Terms, v int64) {
			t.MaxPrice = Price(v)
		})},
		{"lowest price", "terms[1].minPrice", 0, 1000 * fixedUnit, term(func(t *Terms, v int64) { t.MinPrice = Price(v) })},
		{"initial margin", "terms[1].initMargin", 0, unit, term(func(t *Terms, v int64) {
			t.InitMargin, t.MaintMargin = Ratio(v), 0
		})},
		{"maintenance margin", "terms[1].maintMargin", 0, unit / 100, term(func(t *Terms, v int64) {
			t.MaintMargin = Ratio(v)
		})},
		{"maker fee", "terms[1].makerFee", -unit / 10, unit / 10, term(func(t *Terms, v int64) { t.MakerFee = Ratio(v) })},
		{"taker fee", "terms[1].takerFee", -unit / 10, unit / 10, term(func(t *Terms, v int64) { t.TakerFee = Ratio(v) })},
		{"settlement fee", "terms[1].settleFee", -unit / 10, unit / 10, term(func(t *Terms, v int64) {
			t.SettleFee = Ratio(v)
		})},
		{"risk limit", "terms[1].riskLimit", 0, none, term(func(t *Terms, v int64) { t.RiskLimit = Money(v) })},
		{"risk step", "terms[1].riskStep", 0, none, term(func(t *Terms, v int64) { t.RiskStep = Money(v) })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check := func(v int64, good bool) {
				terms := Terms{TickSize: PriceUnit / 2, LotSize: 10, MaxQty: 1000, MaxPrice: 1000 * PriceUnit,
					InitMargin: RatioUnit / 100, MaintMargin: RatioUnit / 200}
				i := &Instrument{Venue: "test", Symbol: "X", Kind: Linear, Settle: Currency{Code: "X", Scale: 8},
					Multiplier: 1, Divisor: 1, ContractsPerUnit: 1, Terms: []Terms{terms, terms}}
				i.Terms[1].From = 1
				tt.set(i, v)
				if err := i.Validate(); good {
					require.NoError(t, err, "%d", v)
				} else {
					requireField(t, tt.field, err)
				}
			}
			if tt.least != none {
				check(tt.least, true)
				check(tt.least-1, false)
			}
			if tt.most != none {
				check(tt.most, true)
				check(tt.most+1, false)
			}
		})
	}
}

// The largest order at the worst price is worth less than a quarter of an int64, and a lot
// at price 1 less than all of it. The test computes both in floats of 53 bits.
func TestLargestOrders(t *testing.T) {
	for _, tt := range []struct {
		name       string
		kind       Kind
		multiplier int64
		lot, qty   Qty
		price      string
		unit       Money
		field      string
	}{
		{"largest order", Linear, 1, 1, 1<<61 - 256, "1", 0, ""},
		{"larger", Linear, 1, 1, 1 << 61, "1", 0, "terms[0].maxQty"},
		{"larger at half the price", Linear, 1, 1, 1 << 61, "0.5", 1, ""},
		{"largest order in units", Linear, 1, 1, 1<<60 - 128, "0.5", 2, ""},
		{"larger in units", Linear, 1, 1, 1 << 60, "0.5", 2, "terms[0].maxQty"},
		{"largest lot", Linear, 1<<62 - 512, 2, 2, "0.1", 0, ""},
		{"larger lot", Linear, 1 << 62, 2, 2, "0.1", 0, "multiplier"},
		// At the lowest price, a tenth, an inverse contract is worth most.
		{"largest inverse order", Inverse, 1, 1, 230_584_300_921_369_000, "100", 0, ""},
		{"larger inverse order", Inverse, 1, 1, 230_584_300_921_370_000, "100", 0, "terms[0].maxQty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := &Instrument{Venue: "test", Symbol: "X", Kind: tt.kind, Settle: Currency{Code: "X", Scale: 8},
				Multiplier: tt.multiplier, Divisor: 1, ContractsPerUnit: 1, Rounding: MoneyRounding{Unit: tt.unit},
				Terms: []Terms{{TickSize: PriceUnit / 10, LotSize: tt.lot, MaxQty: tt.qty, MaxPrice: MustPrice(tt.price)}}}
			requireField(t, tt.field, i.Validate())
		})
	}
}

// Where the numbers do not suffice for a fair price it is the index.
func TestFairPricesWithoutNumbers(t *testing.T) {
	const index, rate = 100 * PriceUnit, RatioUnit / 100
	for _, tt := range []struct {
		interval time.Duration
		place    Price
		want     string
	}{
		{time.Minute, 1, "101"}, {time.Minute - 1, 1, "100"}, {0, 1, "100"}, {-time.Hour, 1, "100"},
		{time.Minute, 0, "100"}, {time.Minute, -1, "100"},
	} {
		require.Equal(t, tt.want, FairPrice(index, rate, 0, Time(time.Hour), tt.interval, tt.place).String())
	}
	// Half of the interval is left at its middle, in whole minutes.
	require.Equal(t, "100.5", FairPrice(index, rate, Time(90*time.Second), Time(2*time.Minute), 2*time.Minute, 1).String())
	require.Equal(t, "99.5", FairPrice(index, -rate, Time(60*time.Second), Time(2*time.Minute), 2*time.Minute, 1).String())

	const year = 365 * 24 * time.Hour
	for _, tt := range []struct {
		name       string
		index, mid Price
		left       time.Duration
		place      Price
		want       Price
	}{
		{"a year at 3 %", index, 103 * PriceUnit, year, PriceUnit / 100, 103 * PriceUnit},
		{"half a year at 3 %", index, MustPrice("101.5"), year / 2, PriceUnit / 100, MustPrice("101.5")},
		{"the finest place", index, 103 * PriceUnit, year, 1, 103 * PriceUnit},
		{"below the index", index, 97 * PriceUnit, year, PriceUnit / 100, 97 * PriceUnit},
		{"less than half a percent", index, MustPrice("100.49"), year, PriceUnit / 100, index},
		{"no place", index, 103 * PriceUnit, year, 0, index},
		{"no index", 0, 103 * PriceUnit, year, 1, 0},
		{"an index below 0", -5, 103 * PriceUnit, year, 1, -5},
		{"expired", index, 103 * PriceUnit, 0, 1, index},
		{"a premium beyond the numbers", 1, MaxPrice, year, 1, 1},
		{"a yearly rate beyond them", PriceUnit, MaxPrice, time.Second, 1, PriceUnit},
		{"a yearly premium beyond them", MaxPrice, PriceUnit, time.Second, 1, MaxPrice},
		{"a premium of centuries beyond them", math.MaxInt64 / 5 * 2, math.MaxInt64, 280 * year, 1, math.MaxInt64 / 5 * 2},
	} {
		require.Equal(t, tt.want, FairFuture(tt.index, tt.mid, 0, Time(tt.left), tt.place), tt.name)
	}
}

// Parts that are closed cost their share of the position when it last grew.
func TestBasisSteps(t *testing.T) {
	type step struct {
		qty            Qty
		cost, realised Money
		left           Qty
		leftCost       Money
	}
	for name, steps := range map[string][]step{
		"in steps": {
			{7, 100, 0, 7, 100},
			{-1, -20, 5, 6, 85},   // 600/7 is 85.7
			{-1, -20, 6, 5, 71},   // 500/7 is 71.4, and not 5/6 of 85
			{-5, -100, 29, 0, 0},  // all that is left
			{-3, -70, 0, -3, -70}, // flat, it begins again
		},
		"grown between": {
			{-7, -100, 0, -7, -100},
			{1, 10, 5, -6, -85}, // -600/7, cut
			{-1, -12, 0, -7, -97},
			{3, 60, -18, -4, -55}, // -388/7 is -55.4: of -97 and not of -100
		},
		"turned": {
			{5, 100, 0, 5, 100},
			{-8, -200, 25, -3, -75}, // five eighths close, three eighths open
			{1, 10, 15, -2, -50},
			{4, 41, 29, 2, 20}, // half of 41, cut
		},
		"turned by one": {
			{-2, 50, 0, -2, 50},
			{3, -100, 17, 1, -33},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b Basis
			for n, s := range steps {
				require.Equal(t, s.realised, b.Apply(s.qty, s.cost), "step %d", n)
				require.Equal(t, []int64{int64(s.left), int64(s.leftCost)}, []int64{int64(b.Qty), int64(b.Cost)}, "step %d", n)
			}
		})
	}
}

// The orders up to a place are ahead of it; the list goes behind what a slice holds; and an
// order that a snapshot leaves out has lost its place.
func TestPlacesInAnOrderBook(t *testing.T) {
	b := NewOrderBook(PriceUnit)
	apply := func(side Side, id uint64, price Price, qty Qty, flags Flags) {
		e := BookOrderEvent(1, 1, 0, side, BookOrder{ID: id, Price: price * PriceUnit, Qty: qty}, flags)
		b.Apply(&e)
	}
	apply(Buy, 9, 100, 5, FlagLast)
	apply(Buy, 8, 100, 3, FlagLast)
	apply(Buy, 7, 99, 2, FlagLast)
	apply(Sell, 6, 101, 4, FlagLast)
	for seq, want := range []Qty{0, 5, 8, 8, 8} {
		require.Equal(t, want, b.Ahead(Buy, 100*PriceUnit, uint64(seq)), "%d", seq)
	}
	require.Zero(t, b.Ahead(Sell, 100*PriceUnit, 9))

	ids := func(list []Queued) (ids []uint64) {
		for _, q := range list {
			ids = append(ids, q.ID)
		}
		return ids
	}
	kept := []Queued{{Seq: 50, BookOrder: BookOrder{ID: 1}}}
	require.Equal(t, []uint64{1, 9, 8, 7, 6}, ids(b.AppendOrders(kept)))

	// 9 is not in the snapshot, which ends with 6. What it says of 8 is less than before.
	apply(Buy, 8, 100, 2, FlagSnapshot|FlagClear)
	apply(Sell, 6, 101, 4, FlagSnapshot|FlagLast)
	require.Equal(t, []uint64{8, 6}, ids(b.AppendOrders(nil)))
	require.Equal(t, Qty(2), b.Book().Qty(Buy, 100*PriceUnit))
	apply(Buy, 9, 100, 5, FlagLast)
	require.Equal(t, []uint64{8, 6, 9}, ids(b.AppendOrders(nil)))
	apply(Buy, 8, 100, -3, FlagLast)
	require.Equal(t, []uint64{6, 9}, ids(b.AppendOrders(nil)), "less than nothing is nothing")
	require.Equal(t, Qty(5), b.Book().Qty(Buy, 100*PriceUnit))
}

// Bytes that end early, and numbers that an event does not hold, are refused.
func TestEncodingsThatAreWrong(t *testing.T) {
	e := BarEvent(Bar{Symbol: 65535, Start: -5, End: 1 << 50, Open: 1 << 40, High: 2, Low: 3, Close: 4,
		Volume: 5, Turnover: 6,
		Trades: 7})
	e.Stream = 65535
	whole := AppendEvent(nil, &e, &Event{})
	got, rest, err := DecodeEvent(append(whole, 1, 2), &Event{})
	require.NoError(t, err)
	require.Equal(t, e, got)
	require.Equal(t, []byte{1, 2}, rest)
	for n := range whole {
		_, _, err := DecodeEvent(whole[:n:n], &Event{})
		require.ErrorIs(t, err, ErrEncoding, "%d bytes", n)
	}
	last := byte(len(kindEventNames) - 1)
	for name, c := range map[string]struct {
		b    []byte
		good bool
	}{
		"kind 0":               {[]byte{0, 0, 0, 0, 0, 0, 0}, false},
		"first kind":           {[]byte{1, 0, 0, 0, 0, 0, 0}, true},
		"last kind":            {[]byte{last, 0, 0, 0, 0, 0, 0}, true},
		"beyond the last kind": {[]byte{last + 1, 0, 0, 0, 0, 0, 0}, false},
		"Sell":                 {[]byte{1, 0x20, 0, 0, 0, 0, 0}, true},
		"beyond Sell":          {[]byte{1, 0x30, 0, 0, 0, 0, 0}, false},
		"8 places":             {[]byte{1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, true},
		"9 places":             {[]byte{1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, false},
		"stream 65535":         {[]byte{1, 0, 0, 0xff, 0xff, 3, 0, 0, 0}, true},
		"stream 65536":         {[]byte{1, 0, 0, 0x80, 0x80, 4, 0, 0, 0}, false},
		"symbol 65535":         {[]byte{1, 0, 0, 0, 0xff, 0xff, 3, 0, 0}, true},
		"symbol 65536":         {[]byte{1, 0, 0, 0, 0x80, 0x80, 4, 0, 0}, false},
		"an endless number":    {append([]byte{1, 0, 0, 0, 0}, append(bytes.Repeat([]byte{0xff}, 11), 0)...), false},
	} {
		_, rest, err := DecodeEvent(c.b, &Event{})
		if c.good {
			require.NoError(t, err, name)
			require.Empty(t, rest, name)
			continue
		}
		require.ErrorIs(t, err, ErrEncoding, name)
	}
}

// Before the first event within bounds, an event out of bounds has its own time, or 1970
// if it has none. An older event does not take the time back.
func TestTimesOfScreenedGaps(t *testing.T) {
	set := builtin(t)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	trade := func(at Time, price Price) Event {
		return TradeEvent(at, at, i.ID, Trade{Side: Buy, Price: price, Qty: 1})
	}
	for at, want := range map[Time]Time{-5: 0, 0: 0, 7: 7} {
		e := trade(at, 0)
		require.Error(t, NewScreen(set, []SymbolID{i.ID}, 0).Check(&e))
		require.Equal(t, GapEvent(want, want, i.ID, want, want), e)
	}
	s := NewScreen(set, []SymbolID{i.ID}, 0)
	for _, at := range []Time{9, 4} {
		e := trade(at, 9000*PriceUnit)
		require.NoError(t, s.Check(&e))
	}
	e := trade(20, 0)
	e.Flags = 0
	require.Error(t, s.Check(&e))
	from, _ := e.Gap()
	require.Equal(t, []Time{9, 9}, []Time{e.Time, from})
	require.Zero(t, e.Flags, "the message goes on")
}

// At its break-even price a position has earned what it lost before, and one tick before
// it has not. The values of these contracts are whole at every tick.
func TestBreakEvenIsTheFirstProfit(t *testing.T) {
	for _, perFill := range []bool{false, true} {
		terms := &Terms{Kind: Linear, Multiplier: 100, Divisor: 4, LotSize: 10, TickSize: PriceUnit / 5,
			MaxPrice: 10_000 * PriceUnit, Rounding: MoneyRounding{PerFill: perFill}}
		rapid.Check(t, func(t *rapid.T) {
			q := Qty(rapid.Int64Range(1, 50).Draw(t, "lots")) * 10
			if rapid.Bool().Draw(t, "short") {
				q = -q
			}
			cost := terms.Cost(q, Price(rapid.Int64Range(1000, 5000).Draw(t, "price"))*terms.TickSize)
			gained := Money(rapid.Int64Range(-20_000, 20_000).Draw(t, "gained"))
			profit := func(p Price) Money { return terms.Cost(q, p) - cost + gained }
			p := terms.BreakEven(q, cost, gained)
			require.True(t, p.OnTick(terms.TickSize))
			require.GreaterOrEqual(t, profit(p), Money(0), "%s", p)
			require.Negative(t, profit(p-Price(q.Sign())*terms.TickSize), "%s", p)
		})
	}
}

// exactly rounds a fraction that is not negative.
func exactly(num, den *big.Int, r Rounding) *big.Int {
	q, rem := new(big.Int).QuoRem(num, den, new(big.Int))
	if r == Ceil && rem.Sign() > 0 || r == Nearest && rem.Lsh(rem, 1).Cmp(den) >= 0 {
		q.Add(q, big.NewInt(1))
	}
	return q
}

// The price at which contracts have a value is rounded as was asked, also where products are
// beyond 64 bits, and is the greatest price where it would be greater.
func TestPriceWorthIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := func(name string, least, most int64) int64 {
			return rapid.OneOf(rapid.Int64Range(least, most), rapid.Int64Range(least, min(most, 1000)),
				rapid.Int64Range(max(most-1000, least), most)).Draw(t, name)
		}
		terms := &Terms{Kind: rapid.SampledFrom([]Kind{Inverse, Linear}).Draw(t, "kind"),
			Multiplier: number("multiplier", 1, 1e12), Divisor: number("divisor", 1, 1000)}
		q, value := Qty(number("qty", 1, 1e17)), Money(number("value", 1, math.MaxInt64))
		num, den := big.NewInt(int64(value)), big.NewInt(int64(q))
		num.Mul(num, big.NewInt(terms.Divisor))
		den.Mul(den, big.NewInt(terms.Multiplier))
		if terms.Kind == Inverse {
			num, den = den, num
		}
		num.Mul(num, big.NewInt(fixedUnit))
		for _, r := range []Rounding{Floor, Nearest, Ceil} {
			want := exactly(num, den, r)
			if !want.IsInt64() || want.Int64() > int64(MaxPrice) {
				want.SetInt64(int64(MaxPrice))
			}
			require.Equal(t, want.Int64(), int64(terms.PriceWorth(q, value, r)), r.String())
		}
	})
	// Halves go up, and what is just below a half goes down.
	terms := &Terms{Kind: Linear, Multiplier: 1e10, Divisor: 1}
	for value, want := range map[Money]Price{1e18 + 4_999_999_999: 1e8, 1e18 + 5_000_000_000: 1e8 + 1, 1e18 + 1: 1e8} {
		require.Equal(t, want, terms.PriceWorth(1e10, value, Nearest))
	}
	for value, want := range map[Money]Price{1e18: 1e8, 1e18 + 1: 1e8 + 1} {
		require.Equal(t, want, terms.PriceWorth(1e10, value, Ceil))
	}
}

// Products of 128 bits and more are seen to be too great, whatever is left of them in 64.
func TestProductsThatWrap(t *testing.T) {
	terms := &Terms{Kind: Inverse, Multiplier: 1e12, Divisor: 1, LotSize: 1, Rounding: MoneyRounding{PerFill: true}}
	require.Panics(t, func() { terms.Value(68_056_473_384_187_693, MaxPrice) })
	unit := &Terms{
		Kind: Linear, Multiplier: 1e10, Divisor: 1, LotSize: 1, Rounding: MoneyRounding{PerFill: true, Unit: 1000},
	}
	require.Panics(t, func() { unit.Value(1e13, 1000*PriceUnit) })
	require.Panics(t, func() { unit.Value(1e9, 1000*PriceUnit) }, "the units fit, and the value does not")
	require.Equal(t, Money(9e18), unit.Value(9e5, 1000*PriceUnit))
	require.Equal(t, Money(math.MaxInt64), Money(math.MaxInt64).times(1))

	i := &Instrument{Kind: Linear, Multiplier: 1 << 20, Divisor: 1,
		Terms: []Terms{{TickSize: 1, LotSize: 1, MaxQty: 1, MaxPrice: 2 * PriceUnit}}}
	b := i.Bounds()
	require.True(t, b.Valued(1<<40, PriceUnit))
	require.False(t, b.Valued(1<<44, PriceUnit), "times 2^20 it is 0 in 64 bits")

	// A cost that no price of a contract with a divisor explains has none.
	halves := &Terms{Kind: Inverse, Multiplier: 100_000_000, Divisor: 2, TickSize: 1, LotSize: 1}
	require.Zero(t, halves.PriceOfCost(1, math.MaxInt64))
	require.Zero(t, halves.BreakEven(1, -math.MaxInt64, 0))
}

// What does not fit into 64 bits is rounded by its first digit that is dropped.
func TestDigitsThatDoNotFit(t *testing.T) {
	for text, want := range map[string]Ratio{
		"184467440.73709551614": 1844674407370955161, "184467440.73709551615": 1844674407370955162,
		"184467440.73709551616": 1844674407370955162, "184467440.73709551619": 1844674407370955162,
		"184467440.73709551609": 1844674407370955161, "184467440.73709551604": 1844674407370955160,
		"184467440.73709551620": 1844674407370955162, "184467440.73709551700": 1844674407370955170,
	} {
		got, err := RoundRatio(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	require.Equal(t, "-0.0000000001", Price(-1).String())
	require.Equal(t, "-0.0000000002", Ratio(-2).String())
}

// What cannot be read is 0.
func TestUnreadableTimesAreZero(t *testing.T) {
	for _, text := range []string{"1500-01-01", "3000-01-01T00:00:00Z", "soon", ""} {
		got, err := ParseTime(text)
		require.Error(t, err)
		require.Zero(t, got, text)
	}
}

// An event that becomes another one keeps nothing of what it was.
func TestEventsThatAreUsedAgain(t *testing.T) {
	const at = Time(5)
	full := func() Event {
		e := Event{Stream: 9}
		for i := range e.v {
			e.v[i] = int64(100 + i)
		}
		return e
	}
	for name, c := range map[string]struct {
		set  func(e *Event)
		want [8]int64
	}{
		"trade":      {func(e *Event) { e.SetTrade(at, at, 1, Trade{Sell, 2, 3}) }, [8]int64{2, 3}},
		"level":      {func(e *Event) { e.SetLevel(at, at, 1, Buy, Level{2, 3}, 0) }, [8]int64{2, 3}},
		"quote":      {func(e *Event) { e.SetQuote(at, at, 1, Quote{2, 3, 4, 5}) }, [8]int64{2, 3, 4, 5}},
		"book order": {func(e *Event) { e.SetBookOrder(at, at, 1, Buy, BookOrder{2, 3, 4}, 0) }, [8]int64{3, 4, 2}},
	} {
		e := full()
		c.set(&e)
		require.Equal(t, c.want, e.v, name)
	}
}

// A level at either end of the window is a level like any other.
func TestBookEndsOfTheWindow(t *testing.T) {
	for _, side := range []Side{Buy, Sell} {
		sign := Price(side.Sign())
		for _, place := range []Price{0, 1, 63, 64, windowBest - 1, windowTicks - 1} {
			b := NewBook(1)
			const start = 100_000
			b.Set(side, sign*start, 5)
			p := sign * (start - windowBest + place)
			b.Set(side, p, 7)
			require.Empty(t, b.half(side).spill)
			require.Equal(t, Qty(7), b.Qty(side, p))
			if place < windowBest {
				next, ok := b.Next(side, sign*start)
				require.True(t, ok)
				require.Equal(t, Level{p, 7}, next)
			}
			require.Equal(t, Qty(5), b.Set(side, sign*start, 0))
			best, ok := b.Best(side)
			require.True(t, ok)
			require.Equal(t, Level{p, 7}, best, "%s, place %d", side, place)
			require.Equal(t, []Level{{p, 7}}, b.AppendLevels(nil, side, 0))
			_, ok = b.Next(side, p)
			require.False(t, ok)
			require.Equal(t, Qty(7), b.Set(side, p, 0))
			_, ok = b.Best(side)
			require.False(t, ok)
		}
	}
}

// The offset of a peg may be as great as a price, either way.
func TestOffsetsOfPegs(t *testing.T) {
	terms := orderTerms(t)
	for _, sign := range []Price{1, -1} {
		o := complete(NewOrder{Type: Pegged})
		o.PegOffset = sign * terms.MaxPrice
		require.NoError(t, o.Validate(terms))
		o.PegOffset += sign * terms.TickSize
		requireField(t, "pegOffsetValue", o.Validate(terms))
	}
}

// A currency that no instrument settles in has no value, also where an instrument does not
// say in what it is quoted.
func TestUnknownCurrenciesAreNotValued(t *testing.T) {
	i, err := builtin(t).Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	for _, change := range []func(i *Instrument){
		func(i *Instrument) { i.Quote = "" }, func(i *Instrument) { i.Underlying, i.Quote = "", "XBT" },
	} {
		c := *i
		change(&c)
		got := PortfolioOf(c.Settle, []Margin{{Currency: "BMEx", Wallet: 7}}, []*Instrument{&c},
			func(SymbolID) Price { return PriceUnit })
		require.Equal(t, Portfolio{Currency: "XBt", Unvalued: []string{"BMEx"}}, got)
	}
}

// Money is counted in the smallest unit of a currency of any scale.
func TestMoneyOfEveryScale(t *testing.T) {
	unit := Money(1)
	for scale := range 19 {
		for text, want := range map[string]Money{"1": unit, "-1": -unit, "1e0": unit, "0": 0} {
			got, err := ParseMoney(text, scale)
			require.NoError(t, err)
			require.Equal(t, want, got, "%s of scale %d", text, scale)
		}
		least := "1"
		if scale > 0 {
			least = "0." + strings.Repeat("0", scale-1) + "1"
		}
		got, err := ParseMoney(least, scale)
		require.NoError(t, err)
		require.Equal(t, Money(1), got)
		require.Equal(t, least, got.Decimal(scale).String())
		_, err = ParseMoney("10", 18)
		require.ErrorIs(t, err, ErrRange)
		unit *= 10
	}
}

// Operations and orders of books are shown in logs by their words.
func TestOtherEventsAsText(t *testing.T) {
	at := Time(time.Second)
	for want, e := range map[string]Event{
		"1970-01-01T00:00:01Z operator #3  kill": OperatorEvent(at, 3, OperationKill),
		"1970-01-01T00:00:01Z order #3 Sell {ID:5 Price:1 Qty:2}": BookOrderEvent(at, at, 3, Sell,
			BookOrder{ID: 5, Price: PriceUnit, Qty: 2}, 0),
	} {
		require.Equal(t, want, e.String())
	}
}

// A position that costs nothing is a profit from a price on only if it has gained less than
// nothing.
func TestBreakEvenWithoutACost(t *testing.T) {
	terms := &Terms{Kind: Linear, Multiplier: 1, Divisor: 1, LotSize: 1, TickSize: 1, MaxPrice: MaxPrice,
		Rounding: MoneyRounding{PerFill: true}}
	require.Zero(t, terms.BreakEven(100, 0, 700))
	require.Zero(t, terms.BreakEven(100, 0, 0))
	require.Equal(t, 7*PriceUnit, terms.BreakEven(100, 0, -700))
	// A short inverse position costs more than nothing, as a long linear one.
	terms.Kind = Inverse
	require.Zero(t, terms.BreakEven(-100, 0, 700))
	require.NotZero(t, terms.BreakEven(-100, 0, -700))
}

// Three letters are enough to find symbols that begin with them.
func TestSymbolsNearThreeLetters(t *testing.T) {
	set, err := BuiltinInstruments()
	require.NoError(t, err)
	require.NotEmpty(t, set.near("bitmex", "xbt"))
	require.Empty(t, set.near("bitmex", "xb"))
	require.Empty(t, set.near("nowhere", "xbt"))
}

// An empty side of a book is not crossed, whatever the other one is.
func TestOneSideIsNotCrossed(t *testing.T) {
	for _, side := range []Side{Buy, Sell} {
		b := NewBook(1)
		require.False(t, b.Crossed())
		b.Set(side, 5, 1)
		require.False(t, b.Crossed())
		b.Set(side.Opposite(), 5, 1)
		require.True(t, b.Crossed())
		b.Set(side, 5, 0)
		require.False(t, b.Crossed())
	}
}

// Scales that are further apart than a number has digits do not turn money into a debt.
func TestScalesFarApart(t *testing.T) {
	for scale := 17; scale <= 40; scale++ {
		far, near := Currency{Code: "FAR", Scale: scale}, Currency{Code: "NEAR"}
		require.GreaterOrEqual(t, convert(9e18, far, near, 1, 1), Money(0), "from scale %d", scale)
		require.LessOrEqual(t, convert(-9e18, far, near, 1, 1), Money(0), "from scale %d", scale)
		require.Positive(t, convert(9e18, near, far, 1, 1), "to scale %d", scale)
		require.Negative(t, convert(-9e18, near, far, 1, 1), "to scale %d", scale)
	}
}

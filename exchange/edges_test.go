package exchange

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A number has one point at most, wherever it is.
func TestPoints(t *testing.T) {
	for _, text := range []string{
		"1..5", "1..", "..5", "..", ".", "1.5.2", ".5.2", "1.5.", ".1.", "-1..5", "-..5", "-.", "+1..5", "1..5e1",
		"1.5e1.0", "0..0",
		"12345678901234567890..5",
	} {
		_, err := ParsePrice(text)
		require.ErrorIs(t, err, ErrSyntax, text)
		_, err = RoundPrice(text)
		require.ErrorIs(t, err, ErrSyntax, text)
		_, err = ParseRatio(text)
		require.ErrorIs(t, err, ErrSyntax, text)
		_, err = ParseQty(text)
		require.ErrorIs(t, err, ErrSyntax, text)
		_, err = ParseMoney(text, 6)
		require.ErrorIs(t, err, ErrSyntax, text)
	}
}

// Prices and ratios are read as text and as JSON, and each refuses what is no number and
// says what it was.
func TestNumbersAsText(t *testing.T) {
	var p Price
	require.NoError(t, p.UnmarshalText([]byte("1.5")))
	require.Equal(t, MustPrice("1.5"), p)
	require.ErrorContains(t, p.UnmarshalText([]byte("1.5x")), `price "1.5x"`)
	var r Ratio
	require.NoError(t, r.UnmarshalText([]byte("-0.00025")))
	require.Equal(t, MustRatio("-0.00025"), r)
	require.ErrorContains(t, r.UnmarshalText([]byte("1 %")), `"1 %"`)

	var both struct {
		Prices map[Price]Ratio
	}
	require.NoError(t, json.Unmarshal([]byte(`{"Prices": {"0.5": 0.25, "1e2": "0.125"}}`), &both))
	require.Equal(t, map[Price]Ratio{MustPrice("0.5"): MustRatio("0.25"), MustPrice("100"): MustRatio("0.125")},
		both.Prices)
	b, err := json.Marshal(both.Prices)
	require.NoError(t, err)
	require.JSONEq(t, `{"0.5": 0.25, "100": 0.125}`, string(b))
}

// An average off the tick is shown with four decimals, or with three more than the
// tick's where these are more, and no finer than a price can be.
func TestPlaceOfAverages(t *testing.T) {
	for tick, want := range map[string]string{
		"100": "0.0001", "0.5": "0.0001", "0.05": "0.0001", "0.01": "0.0001", "0.0025": "0.0001", "0.001": "0.0001",
		"0.0009": "0.0000001", "0.0005": "0.0000001", "0.0001": "0.0000001", "0.000025": "0.00000001",
		"0.00001":  "0.00000001",
		"0.000001": "0.000000001", "0.0000005": "0.0000000001", "0.0000001": "0.0000000001", "0.00000001": "0.0000000001",
		"0.0000000001": "0.0000000001",
	} {
		require.Equal(t, want, averagePlace(MustPrice(tick)).String(), tick)
	}
	// The same from outside: three lots at 2, 2 and 2.001.
	for tick, want := range map[string]string{"0.05": "2.0003", "0.001": "2.0003", "0.0005": "2.0003333"} {
		terms := &Terms{Kind: Linear, Multiplier: 100_000_000, Divisor: 1, LotSize: 1, TickSize: MustPrice(tick)}
		require.Equal(t, want, terms.PriceOfCost(3, 600_100_000).String(), tick)
		require.Equal(t, want, terms.PriceOfCost(-3, -600_100_000).String(), tick)
	}
}

// An average on the tick is first rounded to a tenth of the tick's place, then to the
// tick with halves down.
func TestRoundAverage(t *testing.T) {
	for _, tt := range []struct{ price, tick, want string }{
		{"75554.951", "0.1", "75554.9"}, {"75554.9549", "0.1", "75554.9"}, {"75554.955", "0.1", "75555"},
		{"75554.95", "0.1", "75554.9"},
		{"8820.25", "0.5", "8820"}, {"8820.254", "0.5", "8820"}, {"8820.256", "0.5", "8820.5"}, {"8820.75", "0.5", "8820.5"},
		{"150", "100", "100"}, {"154", "100", "100"}, {"155", "100", "200"},
	} {
		require.Equal(t, tt.want, roundAverage(MustPrice(tt.price), MustPrice(tt.tick)).String(), "%s on %s", tt.price,
			tt.tick)
	}
	require.Equal(t, Price(7), roundAverage(7, 1), "the finest tick")
	require.Equal(t, Price(20), roundAverage(25, 10))
}

// A value in an error is quoted up to 60 bytes.
func TestClip(t *testing.T) {
	for n, want := range map[int]string{59: strings.Repeat("x", 59), 60: strings.Repeat("x", 60),
		61: strings.Repeat("x", 60) + "…"} {
		require.Equal(t, want, clip(json.RawMessage(`"`+strings.Repeat("x", n)+`"`)))
		require.Equal(t, strings.Repeat("1", 60)[:min(n, 60)]+want[min(n, 60):],
			clip(json.RawMessage(strings.Repeat("1", n))))
	}
	require.Equal(t, strings.Repeat("x", 59)+"…", clip(json.RawMessage(`"`+strings.Repeat("x", 59)+`ä"`)),
		"no half of a letter")
}

// A distance in time is the same in both directions, and may be as long as said.
func TestApart(t *testing.T) {
	for _, base := range []Time{0, 1000} {
		for d := range time.Duration(3) {
			require.Equal(t, d > 1, apart(base, base.Add(d), 1), "%d later", d)
			require.Equal(t, d > 1, apart(base.Add(d), base, 1), "%d earlier", d)
		}
	}
}

// The lowest price that market data may have is the tick, except where an inverse
// contract would be worth more than money can count.
func TestLowestPriceOfBounds(t *testing.T) {
	terms := Terms{TickSize: MustPrice("0.0001"), MinPrice: PriceUnit, LotSize: 1, MaxQty: 1e12,
		MaxPrice: 1000 * PriceUnit}
	for kind, want := range map[Kind]string{Linear: "0.0001", Inverse: "1"} {
		i := Instrument{Kind: kind, Multiplier: 1_000_000, Divisor: 1, Terms: []Terms{terms}}
		i.Terms[0].Kind, i.Terms[0].Multiplier, i.Terms[0].Divisor = kind, 1_000_000, 1
		require.Equal(t, want, i.Bounds().Low.String(), kind.String())
		i.Terms[0].MaxQty = 1
		require.Equal(t, "0.0001", i.Bounds().Low.String(), kind.String())
	}
}

// The divisor of an inverse contract is multiplied by its highest price, that of another
// one is not.
func TestDivisorsAreBoundedByTheirUse(t *testing.T) {
	for kind, want := range map[Kind]string{Linear: "", Inverse: "overflows times maxPrice"} {
		terms := Terms{TickSize: MustPrice("0.5"), LotSize: 1, MaxQty: 1000, MaxPrice: 1_000_000 * PriceUnit,
			InitMargin: MustRatio("0.01"), MaintMargin: MustRatio("0.005")}
		i := Instrument{Venue: "test", Symbol: "X", Kind: kind, Underlying: "X", Quote: "USD",
			Settle:     Currency{Code: "XBt", Major: "XBT", Scale: 8},
			Multiplier: 100_000_000, Divisor: 1000, ContractsPerUnit: 1, Terms: []Terms{terms}}
		err := new(Instruments).Add(&i)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want)
	}
}

// Every number of a report may be what it says at least and at most, and nothing beyond.
func TestNumbersOfReports(t *testing.T) {
	i, err := builtin(t).Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	b := i.Bounds()
	most, price, amount, unit := int64(b.Plenty), int64(MaxPrice), int64(MaxAmount), int64(RatioUnit)
	for _, tt := range []struct {
		field       string
		kind        ReportKind
		least, most int64
		set         func(r *Report, v int64)
	}{
		{"timestamp", ReportOrder, 0, int64(Never) - int64(MaxTravel), func(r *Report, v int64) { r.Time = Time(v) }},
		{"orderQty", ReportOrder, 0, most, func(r *Report, v int64) { r.Order.Qty = Qty(v) }},
		{"leavesQty", ReportOrder, 0, most, func(r *Report, v int64) { r.Order.Leaves = Qty(v) }},
		{"cumQty", ReportOrder, 0, most, func(r *Report, v int64) { r.Order.Filled = Qty(v) }},
		{"price", ReportOrder, 0, price, func(r *Report, v int64) { r.Order.Price = Price(v) }},
		{"stopPx", ReportOrder, 0, price, func(r *Report, v int64) { r.Order.StopPrice = Price(v) }},
		{"avgPx", ReportOrder, 0, price, func(r *Report, v int64) { r.Order.AvgPrice = Price(v) }},
		{"pegOffsetValue", ReportOrder, -price, price, func(r *Report, v int64) { r.Order.PegOffset = Price(v) }},
		{"side", ReportFill, int64(Buy), int64(Sell), func(r *Report, v int64) { r.Fill.Side = Side(v) }},
		{"lastQty", ReportFill, 1, most, func(r *Report, v int64) { r.Fill.Qty = Qty(v) }},
		{"lastPx", ReportFill, int64(b.Low), int64(b.High), func(r *Report, v int64) { r.Fill.Price = Price(v) }},
		{"currentQty", ReportFill, -2 * most, 2 * most, func(r *Report, v int64) { r.Fill.Position = Qty(v) }},
		{"leavesQty", ReportFill, 0, most, func(r *Report, v int64) { r.Fill.Leaves = Qty(v) }},
		{"execCost", ReportFill, -amount, amount, func(r *Report, v int64) { r.Fill.Value = Money(v) }},
		{"execComm", ReportFill, -amount, amount, func(r *Report, v int64) { r.Fill.Fee = Money(v) }},
		{"commission", ReportFill, -unit, unit, func(r *Report, v int64) { r.Fill.FeeRate = Ratio(v) }},
		{"orderQty", ReportFill, 0, most, func(r *Report, v int64) { r.Order.OrderID, r.Order.Qty = "x", Qty(v) }},
		{"orderQty", ReportFill, 0, most, func(r *Report, v int64) { r.Order.ClientID, r.Order.Qty = "x", Qty(v) }},
		{"currentQty", ReportPosition, -most, most, func(r *Report, v int64) { r.Position.Qty = Qty(v) }},
		{"avgEntryPrice", ReportPosition, 0, price, func(r *Report, v int64) { r.Position.EntryPrice = Price(v) }},
		{"markPrice", ReportPosition, 0, price, func(r *Report, v int64) { r.Position.MarkPrice = Price(v) }},
		{"liquidationPrice", ReportPosition, 0, price, func(r *Report, v int64) { r.Position.LiquidationPrice = Price(v) }},
		{"bankruptPrice", ReportPosition, 0, price, func(r *Report, v int64) { r.Position.BankruptPrice = Price(v) }},
		{"currentCost", ReportPosition, -amount, amount, func(r *Report, v int64) { r.Position.Cost = Money(v) }},
		{"unrealisedPnl", ReportPosition, -amount, amount, func(r *Report, v int64) { r.Position.Unrealised = Money(v) }},
		{"leverage", ReportPosition, 0, 100_000 * unit, func(r *Report, v int64) { r.Position.Leverage = Ratio(v) }},
		{"walletBalance", ReportMargin, -amount, amount, func(r *Report, v int64) { r.Margin.Wallet = Money(v) }},
		{"availableMargin", ReportMargin, -amount, amount, func(r *Report, v int64) { r.Margin.Available = Money(v) }},
		{"qty", ReportFunding, -most, most, func(r *Report, v int64) { r.Funding.Qty = Qty(v) }},
		{"price", ReportFunding, 0, price, func(r *Report, v int64) { r.Funding.Price = Price(v) }},
		{"commission", ReportFunding, -unit, unit, func(r *Report, v int64) { r.Funding.Rate = Ratio(v) }},
		{"execComm", ReportFunding, -amount, amount, func(r *Report, v int64) { r.Funding.Amount = Money(v) }},
	} {
		t.Run(fmt.Sprintf("%s of %d", tt.field, tt.kind), func(t *testing.T) {
			for v, good := range map[int64]bool{tt.least: true, tt.most: true, tt.least - 1: false, tt.most + 1: false} {
				r := Report{Kind: tt.kind, Fill: Fill{Side: Buy, Qty: 1, Price: 50_000 * PriceUnit}}
				tt.set(&r, v)
				err := b.CheckReport(&r)
				if good {
					require.NoError(t, err, "%d", v)
					continue
				}
				var bad *ValidationError
				require.ErrorAs(t, err, &bad, "%d", v)
				require.Equal(t, tt.field, bad.Field)
				require.Contains(t, []string{"bitmex:XBTUSD", ""}, bad.Symbol)
			}
		})
	}
}

// Of an instrument of which nothing is known any price is possible.
func TestAnyBounds(t *testing.T) {
	b := AnyBounds()
	for p, good := range map[Price]bool{-1: false, 0: false, 1: true, MaxPrice: true, MaxPrice + 1: false} {
		e := TradeEvent(5, 5, 0, Trade{Side: Sell, Price: p, Qty: 1})
		require.Equal(t, good, b.Check(&e) == nil, "%d", p)
	}
}

// Funding is paid at some time of the day, its end included.
func TestFundingOffsets(t *testing.T) {
	for offset, good := range map[time.Duration]bool{-1: false, 0: true, 24 * time.Hour: true, 24*time.Hour + 1: false} {
		i, err := builtin(t).Lookup("bitmex", "XBTUSD")
		require.NoError(t, err)
		c := *i
		c.FundingOffset = offset
		require.Equal(t, good, c.Validate() == nil, "%s", offset)
	}
}

// A dollar is a dollar of any kind, and nothing else.
func TestDollars(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"USD", "USD", true}, {"USDT", "USDT", true}, {"XBT", "XBT", true}, {"USD", "USDT", true}, {"USDT", "USD", true},
		{"USD", "XBT", false}, {"XBT", "USD", false}, {"USDT", "XBT", false}, {"XBT", "USDT", false}, {"EUR", "USDC", false},
	} {
		require.Equal(t, tt.same, sameDollar(tt.a, tt.b), "%s %s", tt.a, tt.b)
	}
}

// An event takes no room for what it does not say.
func TestEncodingOfNothing(t *testing.T) {
	e := MarkEvent(0, 0, 0, Mark{})
	b := AppendEvent(nil, &e, &Event{})
	require.Zero(t, b[1]&15, "no places")
	e = MarkEvent(0, 0, 0, Mark{Mark: 1})
	require.Equal(t, byte(1), AppendEvent(nil, &e, &Event{})[1]&15)
	require.Len(t, AppendEvent(nil, &e, &Event{}), len(b)+1)
}

package exchange

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestEventPayloads(t *testing.T) {
	const at, arrival, symbol = Time(100), Time(200), SymbolID(7)
	header := func(kind EventKind, side Side, flags Flags) Event {
		return Event{Time: at, Arrival: arrival, Kind: kind, Side: side, Flags: flags, Symbol: symbol}
	}
	requireHeader := func(want, got Event) {
		got.v = want.v
		require.Equal(t, want, got)
	}

	trade := Trade{Side: Sell, Price: 5, Qty: 6}
	e := TradeEvent(at, arrival, symbol, trade)
	requireHeader(header(KindTrade, Sell, FlagLast), e)
	require.Equal(t, trade, e.Trade())

	e = LiquidationEvent(at, arrival, symbol, trade)
	requireHeader(header(KindLiquidation, Sell, FlagLast), e)
	require.Equal(t, trade, e.Liquidation())

	quote := Quote{BidPrice: 1, BidQty: 2, AskPrice: 3, AskQty: 4}
	e = QuoteEvent(at, arrival, symbol, quote)
	requireHeader(header(KindQuote, NoSide, FlagLast), e)
	require.Equal(t, quote, e.Quote())

	level := Level{Price: 8, Qty: 9}
	e = LevelEvent(at, arrival, symbol, Buy, level, FlagSnapshot|FlagClear)
	requireHeader(header(KindBook, Buy, FlagSnapshot|FlagClear), e)
	require.Equal(t, level, e.Level())

	mark := Mark{Mark: 10, Index: 11}
	e = MarkEvent(at, arrival, symbol, mark)
	requireHeader(header(KindMark, NoSide, FlagLast), e)
	require.Equal(t, mark, e.Mark())

	funding := Funding{Rate: -12, Due: 13}
	e = FundingEvent(at, arrival, symbol, funding)
	requireHeader(header(KindFunding, NoSide, FlagLast), e)
	require.Equal(t, funding, e.Funding())

	e = GapEvent(at, arrival, symbol, 14, 15)
	requireHeader(header(KindGap, NoSide, FlagLast), e)
	from, to := e.Gap()
	require.Equal(t, []Time{14, 15}, []Time{from, to})

	for _, quiet := range []bool{false, true} {
		bar := Bar{Symbol: symbol, Start: at, End: at + Time(time.Minute), Open: 1, High: 2, Low: 3, Close: 4, Volume: 5,
			Turnover: 6, Trades: 7, Quiet: quiet}
		e = BarEvent(bar)
		require.Equal(t, bar, e.Bar())
		require.Equal(t, bar.Start, e.Time)
		require.Equal(t, bar.End, e.Arrival, "a bar is known at its end")
		require.Equal(t, time.Minute, e.BarInterval())
		require.Equal(t, quiet, e.Flags&FlagQuiet != 0)
		require.NotZero(t, e.Flags&FlagLast)
	}
}

func TestQuoteMid(t *testing.T) {
	require.Equal(t, Price(15), Quote{BidPrice: 10, AskPrice: 20}.Mid())
	require.Equal(t, Price(10), Quote{BidPrice: 10, AskPrice: 11}.Mid())
	require.Zero(t, Quote{BidPrice: 10}.Mid(), "one side has no middle")
	require.Zero(t, Quote{AskPrice: 10}.Mid())
}

func TestEventString(t *testing.T) {
	at := Time(time.Second)
	for want, e := range map[string]Event{
		"1970-01-01T00:00:01Z trade #3 Buy {Side:Buy Price:0.5 Qty:6}":                  TradeEvent(at, at, 3, Trade{Buy, PriceUnit / 2, 6}),
		"1970-01-01T00:00:01Z liquidation #3 Sell {Side:Sell Price:0.5 Qty:6}":          LiquidationEvent(at, at, 3, Trade{Sell, PriceUnit / 2, 6}),
		"1970-01-01T00:00:01Z book #3 Sell {Price:1 Qty:0}":                             LevelEvent(at, at, 3, Sell, Level{Price: PriceUnit}, 0),
		"1970-01-01T00:00:01Z quote #3  {BidPrice:1 BidQty:2 AskPrice:0 AskQty:0}":      QuoteEvent(at, at, 3, Quote{BidPrice: PriceUnit, BidQty: 2}),
		"1970-01-01T00:00:01Z mark #3  {Mark:1 Index:0}":                                MarkEvent(at, at, 3, Mark{Mark: PriceUnit}),
		"1970-01-01T00:00:01Z funding #3  {Rate:1 Due:1970-01-01T00:00:02Z}":            FundingEvent(at, at, 3, Funding{RatioUnit, 2 * at}),
		"1970-01-01T00:00:01Z gap #3 from 1970-01-01T00:00:02Z to 1970-01-01T00:00:03Z": GapEvent(at, at, 3, 2*at, 3*at),
		"1970-01-01T00:00:01Z instrument #3":                                            {Time: at, Kind: KindInstrument, Symbol: 3},
	} {
		require.Equal(t, want, e.String())
	}
	bar := BarEvent(Bar{Symbol: 3, Start: at, End: 2 * at, Close: PriceUnit})
	require.Contains(t, bar.String(), "bar #3")
	require.Contains(t, bar.String(), "Close:1")
}

// An event must stay small: a batch of thousands is copied through caches.
func TestEventSize(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Event{}), uintptr(88))
}

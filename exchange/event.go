package exchange

import (
	"fmt"
	"time"
)

// EventKind is the kind of a market event.
type EventKind uint8

// Kinds of market events, in the order in which events of equal time are
// merged: first what defines the market, then what moves it.
const (
	KindInstrument  EventKind = iota + 1 // the terms of the instrument changed
	KindFunding                          // a funding rate
	KindMark                             // mark and index price
	KindBook                             // one level of an order book
	KindQuote                            // best bid and ask
	KindTrade                            // a public trade
	KindLiquidation                      // a public liquidation order
	KindBar                              // open, high, low, close over an interval
	KindGap                              // data is missing or the feed reconnected
	KindOperator                         // what the operator of a session asks for; recorded with the market, so that a replay obeys too
	KindOrder                            // one order of a market-by-order book; after the trades of its instant, which say why it changed
)

var kindEventNames = []string{"", "instrument", "funding", "mark", "book", "quote", "trade", "liquidation", "bar", "gap", "operator", "order"}

// String returns the word that names the kind in the catalog.
func (k EventKind) String() string { return name(kindEventNames, k) }

// Flags qualify an event.
type Flags uint8

// Flags of events.
const (
	// FlagLast marks the last event of one venue message. A strategy hears of a
	// book only then, never of half a message.
	FlagLast Flags = 1 << iota
	// FlagSnapshot marks a level of a full book.
	FlagSnapshot
	// FlagClear, on the first event of a snapshot, empties the book first.
	FlagClear
	// FlagQuiet marks a bar in which nothing traded.
	FlagQuiet
)

// Event is a market event: a tagged union in a flat value, so that a batch is
// one allocation and the loop makes none. The payload is read by the method
// named after the kind.
//
// Time is when the exchange knew it and Arrival when the strategy does. A bar
// is stamped with its start, and arrives at its end: the simulated exchange
// walks its path while it lasts, and a strategy cannot see it before it is
// complete.
type Event struct {
	Time    Time
	Arrival Time
	Kind    EventKind
	Side    Side
	Flags   Flags
	Stream  uint16 // index of the stream in its feed; part of the total order
	Symbol  SymbolID
	v       [8]int64
}

// Trade is a public trade. Side is the taker's.
type Trade struct {
	Side  Side
	Price Price
	Qty   Qty
}

// Quote is the best bid and ask. A price of 0 is an empty side.
type Quote struct {
	BidPrice Price
	BidQty   Qty
	AskPrice Price
	AskQty   Qty
}

// Mid returns the middle of the two prices, rounded down to 1e-10; 0 unless
// both sides have one.
func (q Quote) Mid() Price {
	if q.BidPrice == 0 || q.AskPrice == 0 {
		return 0
	}
	return (q.BidPrice + q.AskPrice) / 2
}

// Level is a price level of a book; as a change, Qty is the new absolute
// quantity and 0 removes the level.
type Level struct {
	Price Price
	Qty   Qty
}

// Bar is what a market did over an interval.
type Bar struct {
	Symbol   SymbolID
	Start    Time
	End      Time
	Open     Price
	High     Price
	Low      Price
	Close    Price
	Volume   Qty
	Turnover Money // settlement value traded, 0 if unknown
	Trades   int64
	Quiet    bool // nothing traded: all prices repeat the last one
}

// Mark carries the venue's mark and index price; 0 is unchanged.
type Mark struct {
	Mark  Price
	Index Price
}

// Funding announces the rate that will be, or was, settled at Due.
type Funding struct {
	Rate Ratio
	Due  Time
}

// TradeEvent returns a trade as an event.
func TradeEvent(at, arrival Time, s SymbolID, t Trade) (e Event) {
	e.SetTrade(at, arrival, s, t)
	return e
}

// SetTrade makes e a trade, in place: readers that fill millions of events write
// each field once instead of copying a whole Event. The same holds for SetQuote and
// SetLevel.
func (e *Event) SetTrade(at, arrival Time, s SymbolID, t Trade) {
	e.set(at, arrival, KindTrade, t.Side, FlagLast, s)
	e.v[0], e.v[1], e.v[2], e.v[3] = int64(t.Price), int64(t.Qty), 0, 0
}

// set writes everything but the first four places of the payload.
func (e *Event) set(at, arrival Time, k EventKind, side Side, f Flags, s SymbolID) {
	e.Time, e.Arrival = at, arrival
	e.Kind, e.Side, e.Flags, e.Stream, e.Symbol = k, side, f, 0, s
	e.v[4], e.v[5], e.v[6], e.v[7] = 0, 0, 0, 0
}

// Trade returns the payload of a KindTrade event.
func (e *Event) Trade() Trade {
	return Trade{Side: e.Side, Price: Price(e.v[0]), Qty: Qty(e.v[1])}
}

// QuoteEvent returns a quote as an event.
func QuoteEvent(at, arrival Time, s SymbolID, q Quote) (e Event) {
	e.SetQuote(at, arrival, s, q)
	return e
}

// SetQuote makes e a quote.
func (e *Event) SetQuote(at, arrival Time, s SymbolID, q Quote) {
	e.set(at, arrival, KindQuote, NoSide, FlagLast, s)
	e.v[0], e.v[1], e.v[2], e.v[3] = int64(q.BidPrice), int64(q.BidQty), int64(q.AskPrice), int64(q.AskQty)
}

// Quote returns the payload of a KindQuote event.
func (e *Event) Quote() Quote {
	return Quote{BidPrice: Price(e.v[0]), BidQty: Qty(e.v[1]), AskPrice: Price(e.v[2]), AskQty: Qty(e.v[3])}
}

// LevelEvent returns a change of one book level as an event. Buy is the bid
// side.
func LevelEvent(at, arrival Time, s SymbolID, side Side, l Level, f Flags) (e Event) {
	e.SetLevel(at, arrival, s, side, l, f)
	return e
}

// SetLevel makes e a change of one book level.
func (e *Event) SetLevel(at, arrival Time, s SymbolID, side Side, l Level, f Flags) {
	e.set(at, arrival, KindBook, side, f, s)
	e.v[0], e.v[1], e.v[2], e.v[3] = int64(l.Price), int64(l.Qty), 0, 0
}

// Level returns the payload of a KindBook event; its side is Event.Side.
func (e *Event) Level() Level { return Level{Price: Price(e.v[0]), Qty: Qty(e.v[1])} }

// BarEvent returns a bar as an event that arrives at the bar's end. An interval
// outside (0, 2^62) nanoseconds is a programming error.
func BarEvent(b Bar) Event {
	f := FlagLast
	if b.Quiet {
		f |= FlagQuiet
	}
	return Event{Time: b.Start, Arrival: b.End, Kind: KindBar, Flags: f, Symbol: b.Symbol,
		v: [8]int64{int64(b.Open), int64(b.High), int64(b.Low), int64(b.Close), int64(b.Volume),
			int64(b.Turnover), b.Trades, int64(b.End - b.Start)}}
}

// Bar returns the payload of a KindBar event.
func (e *Event) Bar() Bar {
	return Bar{Symbol: e.Symbol, Start: e.Time, End: e.Time + Time(e.v[7]), Open: Price(e.v[0]), High: Price(e.v[1]),
		Low: Price(e.v[2]), Close: Price(e.v[3]), Volume: Qty(e.v[4]), Turnover: Money(e.v[5]), Trades: e.v[6],
		Quiet: e.Flags&FlagQuiet != 0}
}

// BarInterval returns the length of a KindBar event's bar.
func (e *Event) BarInterval() time.Duration { return time.Duration(e.v[7]) }

// MarkEvent returns mark and index prices as an event.
func MarkEvent(at, arrival Time, s SymbolID, m Mark) Event {
	return Event{Time: at, Arrival: arrival, Kind: KindMark, Flags: FlagLast, Symbol: s,
		v: [8]int64{int64(m.Mark), int64(m.Index)}}
}

// Mark returns the payload of a KindMark event.
func (e *Event) Mark() Mark { return Mark{Mark: Price(e.v[0]), Index: Price(e.v[1])} }

// FundingEvent returns a funding rate as an event.
func FundingEvent(at, arrival Time, s SymbolID, f Funding) Event {
	return Event{Time: at, Arrival: arrival, Kind: KindFunding, Flags: FlagLast, Symbol: s,
		v: [8]int64{int64(f.Rate), int64(f.Due)}}
}

// Funding returns the payload of a KindFunding event.
func (e *Event) Funding() Funding { return Funding{Rate: Ratio(e.v[0]), Due: Time(e.v[1])} }

// GapEvent says that data between from and to is missing.
func GapEvent(at, arrival Time, s SymbolID, from, to Time) Event {
	return Event{Time: at, Arrival: arrival, Kind: KindGap, Flags: FlagLast, Symbol: s, v: [8]int64{int64(from), int64(to)}}
}

// Gap returns the payload of a KindGap event.
func (e *Event) Gap() (from, to Time) { return Time(e.v[0]), Time(e.v[1]) }

// Operation is what the operator of a session can ask for, past its strategy.
type Operation uint8

// Operations.
const (
	OperationKill    Operation = iota + 1 // cancel all orders and refuse new ones until OperationClear
	OperationFlatten                      // cancel all orders and close all positions
	OperationClear                        // end what a kill, a tripped limit or a doubt began

	// What a session on a live venue asks for by itself.
	OperationHold    // refuse new orders until OperationResume or OperationRelease: the account is not heard
	OperationLeave   // cancel all orders, and refuse new ones until OperationRelease: the session ends for now
	OperationRelease // end what OperationHold or OperationLeave began: the session goes on
	OperationDoubt   // refuse new orders until OperationClear: the account is not what its reports came to
	OperationResume  // end what OperationHold began, unless the session leaves: the account is heard again
	// OperationDistrust cancels all orders and refuses new ones until OperationClear: the venue
	// has reported of the account what cannot be right.
	OperationDistrust
	OperationClock // the venue's clock is ahead of the session's by the value, in nanoseconds
	OperationLimit // a limit of the risk guard, by its number, is the value from now on
)

var operationNames = []string{
	"", "kill", "flatten", "clear", "hold", "leave", "release", "doubt", "resume", "distrust", "clock", "limit",
}

// String returns the word that names the operation.
func (o Operation) String() string { return name(operationNames, o) }

// OperatorEvent says what an operator asks for at a time. It arrives then. s is the session's primary symbol;
// the operation is for all of them.
func OperatorEvent(at Time, s SymbolID, o Operation) Event {
	return Event{Time: at, Arrival: at, Kind: KindOperator, Flags: FlagLast, Symbol: s, v: [8]int64{int64(o)}}
}

// SettingEvent is an OperatorEvent whose operation sets something to a value. number says
// what, where there are several.
func SettingEvent(at Time, s SymbolID, o Operation, number int, value int64) Event {
	e := OperatorEvent(at, s, o)
	e.v[1], e.v[2] = int64(number), value
	return e
}

// Operation returns the payload of a KindOperator event.
func (e *Event) Operation() Operation { return Operation(e.v[0]) }

// Setting returns what an operation of [SettingEvent] sets, and to which value.
func (e *Event) Setting() (number int, value int64) { return int(e.v[1]), e.v[2] }

// LiquidationEvent returns a public liquidation as an event. Side is the side
// of the liquidation order: Sell when a long is liquidated.
func LiquidationEvent(at, arrival Time, s SymbolID, t Trade) Event {
	e := TradeEvent(at, arrival, s, t)
	e.Kind = KindLiquidation
	return e
}

// Liquidation returns the payload of a KindLiquidation event.
func (e *Event) Liquidation() Trade { return e.Trade() }

// String prints the event for logs and test failures.
func (e *Event) String() string {
	var payload any
	switch e.Kind {
	case KindTrade, KindLiquidation:
		payload = e.Trade()
	case KindQuote:
		payload = e.Quote()
	case KindBook:
		payload = e.Level()
	case KindBar:
		payload = e.Bar()
	case KindMark:
		payload = e.Mark()
	case KindFunding:
		payload = e.Funding()
	case KindGap:
		from, to := e.Gap()
		return fmt.Sprintf("%s %s #%d from %s to %s", e.Time, e.Kind, e.Symbol, from, to)
	case KindOperator:
		payload = e.Operation()
	case KindOrder:
		payload = e.BookOrder()
	default:
		return fmt.Sprintf("%s %s #%d", e.Time, e.Kind, e.Symbol)
	}
	return fmt.Sprintf("%s %s #%d %s %+v", e.Time, e.Kind, e.Symbol, e.Side, payload)
}

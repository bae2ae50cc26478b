package exchangetest

import (
	"encoding/binary"
	"math"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Absurd makes events, reports and numbers of any size from bytes, for fuzz tests: many of
// them are extremes, which random bytes would hardly ever hit.
type Absurd struct {
	data []byte
	now  exchange.Time
}

// NewAbsurd reads data; its events begin at a time.
func NewAbsurd(data []byte, from exchange.Time) *Absurd { return &Absurd{data: data, now: from} }

// extremes are what numbers often are.
var extremes = []int64{
	0, 1, -1, 2, 100, 1000, 1 << 31, 1 << 40, 1 << 52, 1 << 53, 1<<53 + 1, 1 << 60, 1 << 62, math.MaxInt64, math.MinInt64,
	math.MaxInt64 - 1,
	int64(exchange.PriceUnit), 30_000 * int64(exchange.PriceUnit), 29_999 * int64(exchange.PriceUnit),
	int64(exchange.PriceUnit) / 2,
	int64(exchange.MaxPrice), int64(exchange.MaxPrice) - 1, 1_000_000 * int64(exchange.PriceUnit),
	int64(exchange.MaxAmount), -int64(exchange.MaxAmount),
	int64(exchange.MaxFundingRate), -int64(exchange.MaxFundingRate), int64(exchange.RatioUnit), 11_500_000_000, 5_000_000,
}

// Done reports whether all bytes are used.
func (a *Absurd) Done() bool { return len(a.data) == 0 }

// Byte is the next byte; 0 once all are used.
func (a *Absurd) Byte() byte {
	if len(a.data) == 0 {
		return 0
	}
	b := a.data[0]
	a.data = a.data[1:]
	return b
}

// Number is any number.
func (a *Absurd) Number() int64 {
	b := a.Byte()
	if int(b) < len(extremes) {
		return extremes[b]
	}
	if b < 128 { // near one of them
		return extremes[int(b)%len(extremes)] + int64(int8(a.Byte()))
	}
	var raw [8]byte
	n := copy(raw[:], a.data)
	a.data = a.data[n:]
	return int64(binary.LittleEndian.Uint64(raw[:]))
}

func (a *Absurd) price() exchange.Price { return exchange.Price(a.Number()) }
func (a *Absurd) qty() exchange.Qty     { return exchange.Qty(a.Number()) }

// Time is mostly the next second, and sometimes any time.
func (a *Absurd) Time() exchange.Time {
	if b := a.Byte(); b < 16 {
		return exchange.Time(a.Number())
	}
	a.now += exchange.Time(1_000_000_000)
	return a.now
}

// Event is any event of a symbol.
func (a *Absurd) Event(s exchange.SymbolID) exchange.Event {
	kind, at := a.Byte()%8, a.Time()
	side := exchange.Side(a.Byte() % 4)
	if side > exchange.Sell {
		side = exchange.Buy
	}
	flags := exchange.FlagLast
	if a.Byte() < 16 {
		flags |= exchange.FlagClear | exchange.FlagSnapshot
	}
	var e exchange.Event
	switch kind {
	case 0:
		e = exchange.TradeEvent(at, at, s, exchange.Trade{Side: side, Price: a.price(), Qty: a.qty()})
	case 1:
		e = exchange.QuoteEvent(at, at, s, exchange.Quote{BidPrice: a.price(), BidQty: a.qty(), AskPrice: a.price(),
			AskQty: a.qty()})
	case 2, 3:
		e = exchange.LevelEvent(at, at, s, side, exchange.Level{Price: a.price(), Qty: a.qty()}, flags)
	case 4:
		e = exchange.MarkEvent(at, at, s, exchange.Mark{Mark: a.price(), Index: a.price()})
	case 5:
		e = exchange.FundingEvent(at, at, s, exchange.Funding{Rate: exchange.Ratio(a.Number()), Due: a.Time()})
	case 6:
		e = exchange.LiquidationEvent(at, at, s, exchange.Trade{Side: side, Price: a.price(), Qty: a.qty()})
	default:
		e = exchange.TradeEvent(at, at, s, exchange.Trade{Side: side, Price: 30_000 * exchange.PriceUnit, Qty: a.qty()})
	}
	e.Flags |= flags
	return e
}

// Order is any order of a symbol.
func (a *Absurd) Order(s exchange.SymbolID) exchange.NewOrder {
	o := exchange.NewOrder{Symbol: s, Side: exchange.Side(a.Byte() % 3), Qty: a.qty(),
		Type: exchange.OrderType(a.Byte() % 12)}
	switch a.Byte() % 4 {
	case 0:
		o.Price = a.price()
	case 1:
		o.StopPrice = a.price()
	case 2:
		o.Price, o.StopPrice, o.ExecInst = a.price(), a.price(), exchange.ExecInst(a.Byte())
	}
	if a.Byte() < 16 {
		o.DisplayQty, o.PegOffset, o.PegType = a.qty(), a.price(), exchange.PegPriceType(a.Byte()%6)
	}
	return o
}

// Report is any report of a symbol, of an order by one of a few names.
func (a *Absurd) Report(s exchange.SymbolID, names []exchange.ClientID) exchange.Report {
	r := exchange.Report{Kind: exchange.ReportKind(1 + a.Byte()%6), ExecType: exchange.ExecType(a.Byte() % 16), Symbol: s,
		Time: a.Time()}
	id := names[int(a.Byte())%len(names)]
	order := exchange.Order{
		ClientID: id, OrderID: exchange.OrderID("id-" + id), Symbol: s, Side: exchange.Side(a.Byte() % 3),
		Status: exchange.OrderStatus(a.Byte() % 8),
	}
	switch r.Kind {
	case exchange.ReportOrder:
		order.Qty, order.Leaves, order.Filled = a.qty(), a.qty(), a.qty()
		order.Price, order.StopPrice, order.AvgPrice = a.price(), a.price(), a.price()
		r.Order = order
	case exchange.ReportFill:
		r.Fill = exchange.Fill{
			ExecID: string(rune('a' + a.Byte()%26)), ClientID: id, OrderID: order.OrderID, Symbol: s, Side: order.Side,
			Qty: a.qty(), Price: a.price(),
			Value: exchange.Money(a.Number()), Fee: exchange.Money(a.Number()), Realised: exchange.Money(a.Number()),
			Position: a.qty(), Time: r.Time,
		}
		order.Qty, order.Leaves, order.Filled = a.qty(), a.qty(), a.qty()
		r.Order = order
	case exchange.ReportPosition:
		r.Position = exchange.Position{
			Symbol: s, Qty: a.qty(), EntryPrice: a.price(), Cost: exchange.Money(a.Number()), MarkPrice: a.price(),
			MarkValue: exchange.Money(a.Number()), Unrealised: exchange.Money(a.Number()), Time: r.Time,
		}
	case exchange.ReportFunding:
		r.Funding = exchange.FundingPayment{
			Symbol: s, Rate: exchange.Ratio(a.Number()), Qty: a.qty(), Price: a.price(), Amount: exchange.Money(a.Number()),
			Time: r.Time,
		}
	case exchange.ReportMargin:
		r.Margin = exchange.Margin{
			Currency: "XBt", Wallet: exchange.Money(a.Number()), Unrealised: exchange.Money(a.Number()),
			Balance: exchange.Money(a.Number()), Available: exchange.Money(a.Number()), Time: r.Time,
		}
	default:
		r.Reject = exchange.Reject{Command: "amend", ClientID: id, OrderID: order.OrderID, Reason: "no", Time: r.Time}
	}
	return r
}

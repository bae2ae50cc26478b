package importer

import (
	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// The first columns of every data set of Tardis.dev.
const (
	tardisExchange = iota
	tardisSymbol
	tardisTime
	tardisLocal
	tardisFirst // the data set's own columns from here
)

const (
	tardisSide = tardisFirst + iota
	tardisPrice
	tardisAmount
	tardisID
)

const liquidations = "tardis-liquidations"

// tardisFormat returns the format of a data set with its own columns.
func tardisFormat(name string, open func(p *pass) (decoder, error), own ...column) *format {
	columns := []column{{name: "exchange"}, {name: "symbol"}, {name: "timestamp"}, {name: "local_timestamp"}}
	f := &format{name: name, columns: append(columns, own...), time: tardisTime, arrival: tardisLocal, open: open,
		fields: map[string]int{"arrival": tardisLocal}}
	for n, c := range f.columns {
		if field, other := tardisFields[c.name]; other {
			f.fields[field] = n
		}
	}
	return f
}

// tardisFields are what the bounds of events call the columns.
var tardisFields = map[string]string{
	"amount": "size", "bid_price": "bidPrice", "bid_amount": "bidSize", "ask_price": "askPrice", "ask_amount": "askSize",
	"mark_price": "markPrice", "index_price": "indexPrice", "funding_rate": "fundingRate",
	"funding_timestamp": "fundingTimestamp",
}

func tradesFormat() *format {
	return tardisFormat("tardis-trades", openTrades(data.KindTrade, exchange.TradeEvent),
		column{name: "side"}, column{name: "price"}, column{name: "amount"}, column{name: "id", optional: true})
}

func liquidationsFormat() *format {
	return tardisFormat(liquidations, openTrades(data.KindLiquidation, exchange.LiquidationEvent),
		column{name: "side"}, column{name: "price"}, column{name: "amount"}, column{name: "id", optional: true})
}

// trades decodes the data sets trades and liquidations.
type trades struct {
	pass    *pass
	event   tradeEvent
	streams *markets[tradesStream]
}

type tradeEvent func(at, arrival exchange.Time, s exchange.SymbolID, t exchange.Trade) exchange.Event

type tradesStream struct {
	market
	trades *stream
	seen   *ids
}

func openTrades(kind string, event tradeEvent) func(p *pass) (decoder, error) {
	return func(p *pass) (decoder, error) {
		return &trades{pass: p, event: event, streams: newMarkets(p, func(m market) *tradesStream {
			return &tradesStream{market: m, trades: p.stream(m, kind, sorted), seen: newIDs()}
		})}, nil
	}
}

func (d *trades) decode(r *row) error {
	s, err := d.streams.get(r, tardisExchange, tardisSymbol)
	if err != nil {
		return err
	}
	at, arrival, err := d.pass.arrive(r)
	if err != nil {
		return err
	}
	var t exchange.Trade
	if t.Side, err = r.side(tardisSide); err != nil {
		return err
	}
	if t.Price, err = r.price(tardisPrice); err != nil {
		return err
	}
	if t.Qty, err = r.qty(tardisAmount, &s.market); err != nil {
		return err
	}
	if t.Qty == 0 {
		return r.bad(tardisAmount, errPositive)
	}
	e := d.event(at, arrival, 0, t)
	if err := s.trades.check(&e); err != nil { // before it can count as the first of its id
		return err
	}
	if s.seen.repeated(r.cell(tardisID), at, t) {
		return errSkipDuplicate
	}
	return s.trades.add(d.event(at, d.pass.measure(at, arrival), 0, t), r.num)
}

func (d *trades) end() error { return nil }

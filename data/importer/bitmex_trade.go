package importer

import (
	"bytes"
	"fmt"
	"math"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// Columns of BitMEX's daily trade dumps and of /trade.
const (
	tradeTime = iota
	tradeSymbol
	tradeSide
	tradeSize
	tradePrice
	tradeID
	tradeGross
	tradeType
)

func tradeFormat() *format {
	return &format{
		name: "bitmex-trade",
		columns: []column{
			{name: "timestamp"}, {name: "symbol"}, {name: "side"}, {name: "size"}, {name: "price"},
			{name: "trdMatchID", optional: true}, {name: "grossValue", optional: true}, {name: "trdType", optional: true},
		},
		open: openTrade,
	}
}

// trade decodes BitMEX's trades.
type trade struct {
	pass    *pass
	streams *markets[tradeStream]
}

type tradeStream struct {
	market
	trades *stream
	seen   *ids
}

func openTrade(p *pass) (decoder, error) {
	p.report.Gross = new(GrossFacts)
	return &trade{pass: p, streams: newMarkets(p, func(m market) *tradeStream {
		return &tradeStream{market: m, trades: p.stream(m, data.KindTrade, sorted), seen: newIDs()}
	})}, nil
}

func (d *trade) decode(r *row) error {
	if indexPrint(r) {
		return errSkipIndex
	}
	if settlementPrint(r) {
		return errSkipSettlement
	}
	s, err := d.streams.get(r, -1, tradeSymbol)
	if err != nil {
		return err
	}
	at, err := r.stamp(tradeTime)
	if err != nil {
		return err
	}
	var t exchange.Trade
	if t.Qty, err = r.qty(tradeSize, &s.market); err != nil {
		return err
	}
	if t.Qty == 0 {
		return errSkipIndex
	}
	if t.Side, err = r.side(tradeSide); err != nil {
		return err
	}
	if t.Price, err = r.price(tradePrice); err != nil {
		return err
	}
	if id := r.cell(tradeID); string(id) != noMatch && s.seen.repeated(id, at, exchange.Trade{}) {
		return errSkipDuplicate
	}
	d.checkGross(r, s.instrument, at, t)
	return s.trades.add(exchange.TradeEvent(at, at, 0, t), r.num)
}

func (d *trade) end() error { return nil }

// noMatch is the id of rows that are not trades.
const noMatch = "00000000-0000-0000-0000-000000000000"

// indexPrint reports whether a row is the price of an index and no trade.
func indexPrint(r *row) bool {
	symbol := r.cell(tradeSymbol)
	return len(symbol) > 0 && symbol[0] == '.' || string(r.cell(tradeType)) == "Referential"
}

// settlementPrint reports whether a row is the settlement of a contract and no trade of the book: it has a size,
// and neither a side nor a price (knowm/XChange issue 2969).
func settlementPrint(r *row) bool {
	if len(r.cell(tradeSide)) != 0 {
		return false
	}
	price := r.cell(tradePrice)
	return len(bytes.Trim(price, "0.")) == 0
}

// checkGross compares the venue's value of a trade with the contract maths.
func (d *trade) checkGross(r *row, i *exchange.Instrument, at exchange.Time, t exchange.Trade) {
	cell := r.cell(tradeGross)
	if i == nil || len(cell) == 0 {
		return
	}
	terms := i.At(at)
	if !inRange(terms, t) {
		return
	}
	facts := d.pass.report.Gross
	facts.Checked++
	want := terms.Value(t.Qty, t.Price)
	gross, err := exchange.ParseQty(cell)
	if err == nil && exchange.Money(gross) == want {
		return
	}
	facts.Mismatched++
	if len(facts.Examples) < maxExamples {
		facts.Examples = example(facts.Examples, r.num,
			fmt.Sprintf("%s: %d at %s: grossValue %s, want %d", i.Name(), t.Qty, t.Price, cell, want))
	}
}

// inRange reports whether the contract maths cannot overflow.
func inRange(terms *exchange.Terms, t exchange.Trade) bool {
	if t.Price < terms.TickSize || t.Price > terms.MaxPrice {
		return false
	}
	lot := terms.LotValue(t.Price)
	return lot == 0 || int64(t.Qty/terms.LotSize) < math.MaxInt64/4/int64(lot)
}

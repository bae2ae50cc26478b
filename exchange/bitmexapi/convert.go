package bitmexapi

import (
	"fmt"

	"github.com/dunamis-engine/dunamis/exchange"
)

// RowOfOrder returns an order as the venue shows it. The ids are the caller's: what
// an exchange calls its orders may not be a guid.
func RowOfOrder(o *exchange.Order, i *exchange.Instrument, account int64) Order {
	r := Order{
		OrderID: string(o.OrderID), ClOrdID: string(o.ClientID), ClOrdLinkID: string(o.LinkID), Account: &account,
		Symbol: i.Symbol, Side: o.Side.String(), OrderQty: new(int64(o.Qty)), Price: PriceNumber(o.Price),
		DisplayQty: displayQty(o.DisplayQty), StopPx: PriceNumber(o.StopPrice), PegOffsetValue: PriceNumber(o.PegOffset),
		PegPriceType: o.PegType.String(), Currency: i.Quote, SettlCurrency: i.Settle.Code, OrdType: o.Type.String(),
		TimeInForce: o.TimeInForce.String(), ExecInst: o.ExecInst.String(), ContingencyType: o.Contingency.String(),
		OrdStatus: o.Status.String(), Triggered: o.Triggered.String(), WorkingIndicator: o.Working,
		OrdRejReason: o.RejectReason, LeavesQty: new(int64(o.Leaves)), CumQty: new(int64(o.Filled)),
		AvgPx: PriceNumber(o.AvgPrice), Text: o.Text, TransactTime: Time(o.TransactTime), Timestamp: Time(o.Time),
	}
	if i.Kind == exchange.Spot {
		r.SettlCurrency = ""
	}
	return r
}

// displayQty: null shows all, 0 nothing.
func displayQty(q exchange.Qty) *int64 {
	switch q {
	case 0:
		return nil
	case exchange.Hidden:
		return new(int64(0))
	}
	return new(int64(q))
}

func displayed(q *int64) exchange.Qty {
	switch {
	case q == nil:
		return 0
	case *q == 0:
		return exchange.Hidden
	}
	return exchange.Qty(*q)
}

// Order returns the row as an order of the instrument. An error names the field.
func (r *Order) Order(i *exchange.Instrument) (exchange.Order, error) {
	o := exchange.Order{
		OrderID: exchange.OrderID(r.OrderID), ClientID: exchange.ClientID(r.ClOrdID), LinkID: exchange.ClientID(r.ClOrdLinkID),
		Symbol: i.ID, Qty: exchange.Qty(value(r.OrderQty)), DisplayQty: displayed(r.DisplayQty), Working: r.WorkingIndicator,
		RejectReason: r.OrdRejReason, Leaves: exchange.Qty(value(r.LeavesQty)), Filled: exchange.Qty(value(r.CumQty)), Text: r.Text,
		TransactTime: exchange.Time(r.TransactTime), Time: exchange.Time(r.Timestamp),
	}
	p := parser{}
	p.price("price", r.Price, &o.Price)
	p.price("stopPx", r.StopPx, &o.StopPrice)
	p.price("pegOffsetValue", r.PegOffsetValue, &o.PegOffset)
	p.price("avgPx", r.AvgPx, &o.AvgPrice)
	p.word("side", r.Side, &o.Side)
	p.word("pegPriceType", r.PegPriceType, &o.PegType)
	p.word("ordType", r.OrdType, &o.Type)
	p.word("timeInForce", r.TimeInForce, &o.TimeInForce)
	p.word("execInst", r.ExecInst, &o.ExecInst)
	p.word("contingencyType", r.ContingencyType, &o.Contingency)
	p.word("ordStatus", r.OrdStatus, &o.Status)
	p.word("triggered", r.Triggered, &o.Triggered)
	return o, p.err
}

func value(v *int64) int64 {
	if v == nil {
		return 0
	}
	return *v
}

// parser keeps the first error of a row's fields.
type parser struct{ err error }

func (p *parser) fail(field string, err error) {
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("%s: %w", field, err)
	}
}

func (p *parser) price(field string, n Number, into *exchange.Price) {
	v, err := n.Price()
	p.fail(field, err)
	*into = v
}

func (p *parser) word(field, s string, into interface{ UnmarshalText([]byte) error }) {
	if s != "" {
		p.fail(field, into.UnmarshalText([]byte(s)))
	}
}

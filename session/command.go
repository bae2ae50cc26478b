package session

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Kinds of commands, as the database and refusals name them.
const (
	commandSubmit    = "submit"
	commandAmend     = "amend"
	commandCancel    = "cancel"
	commandCancelAll = "cancelAll"
	commandLeverage  = "leverage"
	commandDeadMan   = "cancelAllAfter"
	commandTransfer  = "transferMargin"
	commandRiskLimit = "riskLimit"
)

// Command is what a strategy, the risk guard or the operator has sent to a live venue.
type Command struct {
	At       exchange.Time          `json:"-"`
	Kind     string                 `json:"-"`
	New      *exchange.NewOrder     `json:",omitempty"`
	Amend    *exchange.AmendOrder   `json:",omitempty"`
	Cancel   *exchange.CancelOrder  `json:",omitempty"`
	Filter   *exchange.CancelFilter `json:",omitempty"`
	Symbol   exchange.SymbolID      `json:",omitempty"`
	Leverage exchange.Ratio         `json:",omitzero"`
	Amount   exchange.Money         `json:",omitempty"`
	Timeout  time.Duration          `json:",omitempty"`
}

// symbol is the one that the command is about; ok is false if it is all of them.
func (c *Command) symbol() (id exchange.SymbolID, ok bool) {
	switch c.Kind {
	case commandSubmit:
		return c.New.Symbol, true
	case commandAmend:
		return c.Amend.Symbol, true
	case commandCancel:
		return c.Cancel.Symbol, true
	case commandCancelAll:
		return c.Filter.Symbol, !c.Filter.AllSymbol
	case commandLeverage, commandTransfer, commandRiskLimit:
		return c.Symbol, true
	}
	return 0, false
}

func (c *Command) encode() (string, error) {
	text, err := json.Marshal(c)
	return string(text), err
}

// carryOut gives the command to an exchange.
func (c *Command) carryOut(ctx context.Context, x exchange.Exchange) error {
	switch c.Kind {
	case commandSubmit:
		_, err := x.Submit(ctx, *c.New)
		return err
	case commandAmend:
		return x.Amend(ctx, *c.Amend)
	case commandCancel:
		return x.Cancel(ctx, *c.Cancel)
	case commandCancelAll:
		return x.CancelAll(ctx, *c.Filter)
	case commandLeverage:
		return x.SetLeverage(ctx, c.Symbol, c.Leverage)
	case commandDeadMan:
		return x.CancelAllAfter(ctx, c.Timeout)
	case commandTransfer, commandRiskLimit:
		return c.control(ctx, x)
	}
	return fmt.Errorf("session: command %q is not known", c.Kind)
}

// control carries out what not every exchange can do.
func (c *Command) control(ctx context.Context, x exchange.Exchange) error {
	m, ok := x.(exchange.MarginControl)
	switch {
	case !ok:
		return fmt.Errorf("%s: the venue has no such thing", c.Kind)
	case c.Kind == commandTransfer:
		return m.TransferMargin(ctx, c.Symbol, c.Amount)
	}
	return m.SetRiskLimit(ctx, c.Symbol, c.Amount)
}

// refused is the report of a command that the client did not take.
func (c *Command) refused(err error, now exchange.Time) exchange.Report {
	id, _ := c.symbol()
	if c.Kind == commandSubmit {
		o := c.New
		return exchange.Report{Kind: exchange.ReportOrder, ExecType: exchange.ExecRejected, Symbol: id, Time: now, Order: exchange.Order{
			ClientID: o.ClientID, LinkID: o.LinkID, Symbol: id, Side: o.Side, Qty: o.Qty, Price: o.Price, DisplayQty: o.DisplayQty, StopPrice: o.StopPrice,
			PegOffset: o.PegOffset, PegType: o.PegType, Type: o.Type, TimeInForce: o.TimeInForce, ExecInst: o.ExecInst, Contingency: o.Contingency,
			Status: exchange.Rejected, RejectReason: err.Error(), Text: o.Text, TransactTime: now, Time: now}}
	}
	r := exchange.Report{Kind: exchange.ReportReject, Symbol: id, Time: now, Reject: exchange.Reject{Command: c.Kind, Reason: err.Error(), Time: now}}
	switch c.Kind {
	case commandAmend:
		r.Reject.OrderID, r.Reject.ClientID = c.Amend.OrderID, c.Amend.OrigClientID
	case commandCancel:
		r.Reject.OrderID, r.Reject.ClientID = c.Cancel.OrderID, c.Cancel.ClientID
	}
	return r
}

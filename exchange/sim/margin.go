package sim

import (
	"context"

	"github.com/dunamis-engine/dunamis/exchange"
)

// SetLeverage implements [exchange.Exchange].
func (x *Exchange) SetLeverage(_ context.Context, id exchange.SymbolID, leverage exchange.Ratio) error {
	s, err := x.lookup(id)
	if err != nil {
		return err
	}
	if leverage < 0 {
		return inSymbol(bad("leverage", leverage, "must not be negative; 0 is cross margin"), s)
	}
	c := x.command(cmdLeverage, s)
	c.ratio = leverage
	x.send(c)
	return nil
}

// TransferMargin implements [exchange.MarginControl].
func (x *Exchange) TransferMargin(_ context.Context, id exchange.SymbolID, amount exchange.Money) error {
	s, err := x.lookup(id)
	if err != nil {
		return err
	}
	if amount == 0 {
		return inSymbol(bad("amount", amount, "must not be 0"), s)
	}
	c := x.command(cmdTransfer, s)
	c.amount = amount
	x.send(c)
	return nil
}

// SetRiskLimit implements [exchange.MarginControl].
func (x *Exchange) SetRiskLimit(_ context.Context, id exchange.SymbolID, limit exchange.Money) error {
	s, err := x.lookup(id)
	if err != nil {
		return err
	}
	if limit <= 0 {
		return inSymbol(bad("riskLimit", limit, "must be positive"), s)
	}
	c := x.command(cmdRiskLimit, s)
	c.amount = limit
	x.send(c)
	return nil
}

// changeMargin does what a command about the margin of a position asks for.
func (x *Exchange) changeMargin(c *command) {
	s := c.symbol
	if x.liquidating(s) {
		x.reportReject(s, c.name(), "", "", inLiquidation)
		return
	}
	x.revalue(x.at)
	var err error
	switch c.kind {
	case cmdLeverage:
		err = x.account.SetLeverage(s.id, c.ratio, x.at)
	case cmdTransfer:
		err = x.account.TransferMargin(s.id, c.amount, x.at)
	case cmdRiskLimit:
		err = x.account.SetRiskLimit(s.id, c.amount, x.at)
	}
	if err != nil {
		x.reportReject(s, c.name(), "", "", err.Error())
		return
	}
	x.reportAccount(s)
	x.remark(s)
	s.touch(x.at)
}

// name is what a rejection calls a command that changes no order.
func (c *command) name() string {
	switch c.kind {
	case cmdLeverage:
		return "leverage"
	case cmdTransfer:
		return "transferMargin"
	case cmdRiskLimit:
		return "riskLimit"
	case cmdDeadman:
		return "cancelAllAfter"
	default:
		return "cancelAll"
	}
}

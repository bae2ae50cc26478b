package bitmex

import (
	"cmp"
	"fmt"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// orderOf is the order part of an execution.
func orderOf(e *api.Execution) api.Order {
	return api.Order{OrderID: e.OrderID, ClOrdID: e.ClOrdID, ClOrdLinkID: e.ClOrdLinkID, Account: e.Account, Symbol: e.Symbol, Side: e.Side,
		OrderQty: e.OrderQty, Price: e.Price, DisplayQty: e.DisplayQty, StopPx: e.StopPx, PegOffsetValue: e.PegOffsetValue,
		PegPriceType: e.PegPriceType, Currency: e.Currency, SettlCurrency: e.SettlCurrency, OrdType: e.OrdType, TimeInForce: e.TimeInForce,
		ExecInst: e.ExecInst, ContingencyType: e.ContingencyType, OrdStatus: e.OrdStatus, Triggered: e.Triggered,
		WorkingIndicator: e.WorkingIndicator, OrdRejReason: e.OrdRejReason, LeavesQty: e.LeavesQty, CumQty: e.CumQty, AvgPx: e.AvgPx,
		Text: e.Text, TransactTime: e.TransactTime, Timestamp: e.Timestamp}
}

// noOrder is the id of executions that no order caused.
const noOrder = "00000000-0000-0000-0000-000000000000"

// reportOf makes a report of an execution, and adds a fill to the position of the symbol. A
// [*exchange.ValidationError] is of a row that is out of bounds: it changes nothing.
func reportOf(e *api.Execution, s *state) (exchange.Report, error) {
	i, basis := s.inst, &s.basis
	r := exchange.Report{Symbol: i.ID, Time: exchange.Time(e.Timestamp)}
	if err := r.ExecType.UnmarshalText([]byte(e.ExecType)); err != nil {
		return r, fmt.Errorf("execution %s: %w", e.ExecID, err)
	}
	if r.ExecType == exchange.ExecFunding {
		r, err := fundingOf(r, e, basis)
		if err == nil {
			err = s.limits().CheckReport(&r)
		}
		return r, err
	}
	row := orderOf(e)
	order, err := row.Order(i)
	if err != nil {
		return r, fmt.Errorf("execution %s: %w", e.ExecID, err)
	}
	r.Order = order
	if e.LastQty == nil || *e.LastQty == 0 {
		r.Kind = exchange.ReportOrder
		err = s.limits().CheckReport(&r)
		return r, err
	}
	r.Kind = exchange.ReportFill
	if r.Fill, err = fillOf(e, &r); err != nil {
		return r, err
	}
	if err := s.limits().CheckReport(&r); err != nil {
		return r, err
	}
	after, cost := *basis, exchange.Money(integer(e.ExecCost))
	r.Fill.Realised = after.Apply(r.Fill.Side.Signed(r.Fill.Qty), cost)
	r.Fill.Position = after.Qty
	if err := cmp.Or(s.limits().CheckFill(&r.Fill), s.limits().CheckBasis(after)); err != nil {
		return r, err
	}
	*basis = after
	if e.OrderID == noOrder {
		r.Order = exchange.Order{}
	}
	return r, nil
}

func fillOf(e *api.Execution, r *exchange.Report) (f exchange.Fill, err error) {
	price, err := e.LastPx.Price()
	if err != nil {
		return f, fmt.Errorf("execution %s: lastPx: %w", e.ExecID, err)
	}
	rate, err := e.Commission.Ratio()
	if err != nil {
		return f, fmt.Errorf("execution %s: commission: %w", e.ExecID, err)
	}
	cost := exchange.Money(integer(e.ExecCost))
	f = exchange.Fill{ExecID: e.ExecID, OrderID: r.Order.OrderID, ClientID: r.Order.ClientID, Symbol: r.Symbol, Side: r.Order.Side,
		Qty: exchange.Qty(integer(e.LastQty)), Price: price, Type: r.ExecType, Value: cost.Abs(), Fee: exchange.Money(integer(e.ExecComm)),
		FeeRate: rate, Leaves: r.Order.Leaves, Time: r.Time}
	if e.LastLiquidityInd != "" {
		if err := f.Liquidity.UnmarshalText([]byte(e.LastLiquidityInd)); err != nil {
			return f, fmt.Errorf("execution %s: %w", e.ExecID, err)
		}
	}
	return f, nil
}

func fundingOf(r exchange.Report, e *api.Execution, basis *exchange.Basis) (exchange.Report, error) {
	price, err := e.LastPx.Price()
	if err != nil {
		return r, fmt.Errorf("execution %s: lastPx: %w", e.ExecID, err)
	}
	rate, err := e.Commission.Ratio()
	if err != nil {
		return r, fmt.Errorf("execution %s: commission: %w", e.ExecID, err)
	}
	if basis.Qty < 0 {
		rate = -rate // the row has the account's view
	}
	r.Kind = exchange.ReportFunding
	r.Funding = exchange.FundingPayment{Symbol: r.Symbol, Rate: rate, Qty: basis.Qty, Price: price, Amount: exchange.Money(-integer(e.ExecComm)), Time: r.Time}
	return r, nil
}

func integer(v *int64) int64 {
	if v == nil {
		return 0
	}
	return *v
}

func positionOf(p *api.Position, i *exchange.Instrument) (exchange.Position, error) {
	out := exchange.Position{Symbol: i.ID, Qty: exchange.Qty(integer(p.CurrentQty)), Cost: exchange.Money(integer(p.UnrealisedCost)),
		MarkValue: exchange.Money(integer(p.MarkValue)), Unrealised: exchange.Money(integer(p.UnrealisedPnl)), Realised: exchange.Money(-integer(p.RealisedCost)),
		Fees: exchange.Money(integer(p.CurrentComm)), InitMargin: exchange.Money(integer(p.InitMargin)), MaintMargin: exchange.Money(integer(p.MaintMargin)),
		Time: exchange.Time(p.Timestamp)}
	for _, x := range []struct {
		name string
		from api.Number
		into *exchange.Price
	}{{"avgEntryPrice", p.AvgEntryPrice, &out.EntryPrice}, {"markPrice", p.MarkPrice, &out.MarkPrice},
		{"liquidationPrice", p.LiquidationPrice, &out.LiquidationPrice}, {"bankruptPrice", p.BankruptPrice, &out.BankruptPrice}} {
		v, err := x.from.Price()
		if err != nil {
			return out, fmt.Errorf("position %s: %s: %w", p.Symbol, x.name, err)
		}
		*x.into = v
	}
	if base := i.At(out.Time).RiskLimit; base > 0 && exchange.Money(integer(p.RiskLimit)) > base {
		out.RiskLimit = exchange.Money(integer(p.RiskLimit))
	}
	if !p.CrossMargin {
		v, err := p.Leverage.Ratio()
		if err != nil {
			return out, fmt.Errorf("position %s: leverage: %w", p.Symbol, err)
		}
		out.Leverage = v
	}
	return out, nil
}

func marginOf(m *api.Margin) exchange.Margin {
	return exchange.Margin{Currency: m.Currency, Wallet: exchange.Money(integer(m.WalletBalance)), Unrealised: exchange.Money(integer(m.UnrealisedPnl)),
		Balance: exchange.Money(integer(m.MarginBalance)), InitMargin: exchange.Money(integer(m.InitMargin)),
		MaintMargin: exchange.Money(integer(m.MaintMargin)), Available: exchange.Money(integer(m.AvailableMargin)), Time: exchange.Time(m.Timestamp)}
}

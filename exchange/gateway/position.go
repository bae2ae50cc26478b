package gateway

import (
	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// openSum is what the open orders of a symbol come to.
type openSum struct {
	openBuy, openSell exchange.Qty
	buyCost, sellCost exchange.Money
}

// openSums adds up the open orders of a symbol.
func (a *account) openSums(m *market) (c openSum) {
	for _, o := range a.open {
		if o.Symbol != m.inst.Symbol {
			continue
		}
		qty := exchange.Qty(*o.LeavesQty)
		price, _ := o.Price.Price() // our own number
		if price == 0 {
			price = m.last
		}
		var cost exchange.Money
		if price > 0 && qty%m.terms.LotSize == 0 {
			cost = m.terms.Value(qty, price)
		}
		if o.Side == "Buy" {
			c.openBuy, c.buyCost = c.openBuy+qty, c.buyCost+cost
		} else {
			c.openSell, c.sellCost = c.openSell+qty, c.sellCost+cost
		}
	}
	return c
}

// positionRow is a position as the venue shows it.
func (a *account) positionRow(p *exchange.Position) api.Position {
	m := a.g.market(p.Symbol)
	i, t := m.inst, m.terms
	open := a.openSums(m)
	sign := int64(1)
	if i.Kind == exchange.Inverse {
		sign = -1
	}
	zero := func() *int64 { return new(int64(0)) }
	realised := p.Realised - p.Fees + p.Funding
	r := api.Position{
		Account: &a.id, Symbol: i.Symbol, Currency: i.Settle.Code, Underlying: i.Underlying, QuoteCurrency: i.Quote,
		Commission: api.RatioNumber(t.TakerFee), InitMarginReq: api.RatioNumber(t.InitMargin), MaintMarginReq: api.RatioNumber(t.MaintMargin),
		CrossMargin: p.Leverage == 0, DeleveragePercentile: "", RebalancedPnl: zero(), PrevRealisedPnl: zero(), PrevUnrealisedPnl: zero(),
		OpeningQty: zero(), OpenOrderBuyQty: new(int64(open.openBuy)), OpenOrderBuyCost: new(sign * int64(open.buyCost)), OpenOrderBuyPremium: zero(),
		OpenOrderSellQty: new(int64(open.openSell)), OpenOrderSellCost: new(-sign * int64(open.sellCost)), OpenOrderSellPremium: zero(),
		CurrentQty: new(int64(p.Qty)), CurrentCost: new(int64(p.Cost - p.Realised)), CurrentComm: new(int64(p.Fees - p.Funding)),
		RealisedCost: new(int64(-p.Realised)), UnrealisedCost: new(int64(p.Cost)), GrossOpenPremium: zero(), IsOpen: p.Qty != 0,
		MarkValue: new(int64(p.MarkValue)), RiskValue: new(int64(p.MarkValue.Abs() + open.buyCost + open.sellCost)),
		PosCost: new(int64(p.Cost)), PosCross: zero(), PosComm: zero(), PosLoss: zero(), PosMargin: new(int64(p.MaintMargin)),
		PosMaint: new(int64(p.MaintMargin)), InitMargin: new(int64(p.InitMargin)), MaintMargin: new(int64(p.MaintMargin)),
		RealisedPnl: new(int64(realised)), UnrealisedPnl: new(int64(p.Unrealised)), UnrealisedPnlPcnt: "0", UnrealisedRoePcnt: "0",
		Timestamp: api.Time(a.g.now), HomeNotional: "0", ForeignNotional: "0", Leverage: maxLeverage(t),
	}
	if t.RiskLimit > 0 {
		r.RiskLimit = new(int64(t.RiskLimit))
	}
	if p.Leverage > 0 {
		r.Leverage = api.RatioNumber(p.Leverage)
	}
	if p.RiskLimit > 0 {
		r.RiskLimit = new(int64(p.RiskLimit))
	}
	if p.Qty != 0 {
		a.openPosition(&r, p, m)
	}
	if d, ok := a.now.(detailed); ok {
		showRequirements(&r, d.Requirements(p.Symbol))
	}
	return r
}

// showRequirements fills in what the margin of a position is made of.
func showRequirements(r *api.Position, q exchange.Requirements) {
	r.Commission, r.InitMarginReq, r.MaintMarginReq = api.RatioNumber(q.FeeRate), api.RatioNumber(q.InitRate), api.RatioNumber(q.MaintRate)
	r.RiskValue = new(int64(q.RiskValue))
	r.PosComm, r.PosCross, r.PosLoss = new(int64(q.Comm)), new(int64(q.Added)), new(int64(q.Lost))
	r.PosMargin, r.PosMaint = new(int64(q.Margin)), new(int64(q.Maint))
}

// maxLeverage is what the venue shows for cross margin.
func maxLeverage(t *exchange.Terms) api.Number {
	if t.InitMargin <= 0 {
		return "100"
	}
	return api.RatioNumber(exchange.Ratio(exchange.MulDiv(int64(exchange.RatioUnit), int64(exchange.RatioUnit), int64(t.InitMargin), exchange.Nearest)))
}

// openPosition fills in what only an open position has.
func (a *account) openPosition(r *api.Position, p *exchange.Position, m *market) {
	r.MarkPrice, r.AvgEntryPrice, r.AvgCostPrice = api.PriceNumber(p.MarkPrice), api.PriceNumber(p.EntryPrice), api.PriceNumber(p.EntryPrice)
	r.LiquidationPrice, r.BankruptPrice, r.MarginCallPrice = api.PriceNumber(p.LiquidationPrice), api.PriceNumber(p.BankruptPrice), api.PriceNumber(p.LiquidationPrice)
	home, foreign := notionals(m.inst, m.terms, p.Qty.Abs(), p.MarkPrice, p.MarkValue.Abs())
	r.HomeNotional, r.ForeignNotional = home, "-"+foreign
	if p.Qty < 0 {
		r.HomeNotional, r.ForeignNotional = "-"+home, foreign
	}
	cost := int64(p.Cost.Abs())
	if cost == 0 {
		return
	}
	share := exchange.Ratio(exchange.MulDiv(int64(p.Unrealised), int64(exchange.RatioUnit), cost, exchange.Nearest))
	r.UnrealisedPnlPcnt = number(share.Decimal().Round(4))
	if m.terms.InitMargin > 0 {
		roe := exchange.Ratio(exchange.MulDiv(int64(share), int64(exchange.RatioUnit), int64(m.terms.InitMargin), exchange.Nearest))
		r.UnrealisedRoePcnt = number(roe.Decimal().Round(4))
	}
	r.BreakEvenPrice = api.PriceNumber(m.terms.BreakEven(p.Qty, p.Cost, p.Realised-p.Fees+p.Funding))
}

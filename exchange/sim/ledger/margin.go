package ledger

import "github.com/dunamis-engine/dunamis/exchange"

// minLeverage is the least leverage that isolates margin.
const minLeverage = exchange.RatioUnit / 100

// margin is what a position holds and needs. For a cross position only maint is
// set. For spot only total is.
type margin struct {
	init  exchange.Money // posInit
	comm  exchange.Money // posComm: the fee to close at the bankruptcy price
	total exchange.Money // posMargin
	maint exchange.Money // posMaint
}

// margins computes the margin of the position from its cost.
func (p *position) margins() (m margin) {
	cost := p.held.Cost.Abs()
	switch {
	case p.held.Qty == 0:
		return m
	case p.spot():
		return margin{total: cost}
	case !p.isolated():
		m.maint = share(cost, p.maintRate()+p.toPay(), exchange.Ceil)
		return m
	}
	m.init = p.initMargin(cost)
	if !p.covered() {
		m.comm = share(cost+m.init+p.added, p.fee(), exchange.Ceil)
		m.maint = share(cost, p.maintRate()+p.toPay(), exchange.Ceil) + m.comm
	}
	// Funding beyond the margin is the wallet's loss: a position cannot hold
	// less than nothing.
	m.total = max(0, m.init+m.comm+p.added-p.lost)
	return m
}

// Requirements returns what the margin of a position is made of.
func (a *Account) Requirements(s exchange.SymbolID) exchange.Requirements {
	p := &a.positions[s]
	a.refresh(p.wallet)
	m := &p.margin
	r := exchange.Requirements{
		InitRate: p.initRate(), MaintRate: p.maintRate(), FeeRate: p.fee(),
		RiskLimit: p.riskLimit(), RiskValue: p.riskValue(p.gross), GrossOpenCost: p.gross,
		Init: m.init, Comm: m.comm, Added: p.added, Lost: p.lost, Margin: m.total, Maint: m.maint,
	}
	if p.leverage != 0 {
		const unit = int64(exchange.RatioUnit)
		r.InitRate = max(r.InitRate, exchange.Ratio(exchange.MulDiv(unit, unit, int64(p.leverage), exchange.Ceil)))
	}
	if p.held.Qty != 0 && !p.isolated() {
		r.Margin = m.maint
	}
	return r
}

// inUse is what the position takes of the account's equity. The value of an
// isolated position is part of its own margin.
func (p *position) inUse() exchange.Money {
	if p.held.Qty != 0 && p.isolated() {
		return p.margin.total + p.unrealised
	}
	return p.margin.maint
}

// share returns m × r.
func share(m exchange.Money, r exchange.Ratio, how exchange.Rounding) exchange.Money {
	return exchange.Money(exchange.MulDiv(int64(m), int64(r), int64(exchange.RatioUnit), how))
}

// covered reports whether the position cannot lose more than it holds: a short
// inverse position at leverage 1 or less owes coins that it has.
func (p *position) covered() bool {
	return p.terms.Kind == exchange.Inverse && p.held.Qty < 0 && p.leverage != 0 && p.leverage <= exchange.RatioUnit
}

// fee is the fee rate that the margin includes: the highest.
func (p *position) fee() exchange.Ratio {
	return max(p.terms.MakerFee, p.terms.TakerFee, p.terms.SettleFee, 0)
}

// toPay is the announced funding rate if this side is to pay it, 0 otherwise.
func (p *position) toPay() exchange.Ratio {
	if p.held.Qty < 0 {
		return max(0, -p.fundingRate)
	}
	return max(0, p.fundingRate)
}

// maintRate and initRate follow the risk limit: each step that it was raised
// adds the base maintenance margin to both.
func (p *position) maintRate() exchange.Ratio {
	return min(p.terms.MaintMargin*exchange.Ratio(1+p.steps), exchange.RatioUnit)
}

func (p *position) initRate() exchange.Ratio {
	return min(p.terms.InitMargin+p.terms.MaintMargin*exchange.Ratio(p.steps), exchange.RatioUnit)
}

// initMargin divides by the leverage instead of multiplying with its inverse: a
// third of a cost that is a multiple of three is exact.
func (p *position) initMargin(cost exchange.Money) exchange.Money {
	m := share(cost, p.initRate(), exchange.Ceil)
	if p.leverage != 0 {
		m = max(m, exchange.Money(exchange.MulDiv(int64(cost), int64(exchange.RatioUnit), int64(p.leverage), exchange.Ceil)))
	}
	return m
}

// orderRate is the margin that open orders need as a fraction of their cost,
// rounded up to 1e-10.
func (p *position) orderRate() exchange.Ratio {
	const unit = int64(exchange.RatioUnit)
	fee := p.fee()
	if p.spot() {
		return exchange.RatioUnit + fee
	}
	init := p.initRate()
	if p.leverage != 0 {
		init = max(init, exchange.Ratio(exchange.MulDiv(unit, unit, int64(p.leverage), exchange.Ceil)))
	}
	return init + 2*fee + exchange.Ratio(exchange.MulDiv(int64(fee), int64(init), unit, exchange.Ceil))
}

func (p *position) orderMarginOf(gross exchange.Money) exchange.Money {
	if gross == 0 {
		return 0
	}
	return share(gross, p.rate, exchange.Ceil)
}

// riskLimit is the greatest value of position and orders; 0: none.
func (p *position) riskLimit() exchange.Money {
	if p.terms.RiskLimit == 0 {
		return 0
	}
	return p.terms.RiskLimit + p.terms.RiskStep*exchange.Money(p.steps)
}

// SetLeverage isolates the margin of a symbol at a leverage; 0 is cross margin.
// It fails with a [*LeverageError] for a leverage that is out of range or would
// lead to liquidation, with an [*InsufficientError] when the margin that it
// takes is not available, and then nothing has changed.
func (a *Account) SetLeverage(s exchange.SymbolID, l exchange.Ratio, at exchange.Time) error {
	p, err := a.of(s)
	if err != nil {
		return err
	}
	a.advance(at)
	switch {
	case p.spot() || l != 0 && l < minLeverage:
		return &LeverageError{Reason: "Invalid leverage"}
	case share(exchange.Money(l), p.initRate(), exchange.Floor) > exchange.Money(exchange.RatioUnit):
		return &LeverageError{Reason: "Cannot exceed the maximum entry leverage"}
	}
	return a.try(p, func() {
		p.leverage = l
		if l == 0 {
			p.added, p.lost = 0, 0
		}
	})
}

// maxRiskSteps is how often a risk limit can be raised by a step: a liquidation takes the
// steps back one by one.
const maxRiskSteps = 10_000

// SetRiskLimit raises the risk limit of a symbol, and with it its margin
// requirements, to the first step that is at least limit, or lowers it again.
func (a *Account) SetRiskLimit(s exchange.SymbolID, limit exchange.Money, at exchange.Time) error {
	p, err := a.of(s)
	if err != nil {
		return err
	}
	a.advance(at)
	a.refresh(p.wallet)
	t := p.terms
	var steps int64
	switch over := limit - t.RiskLimit; {
	case limit <= 0 || t.RiskLimit == 0 || over > 0 && t.RiskStep <= 0:
		return &LeverageError{Reason: "Invalid riskLimit"}
	case over > 0:
		steps = exchange.MulDiv(int64(over), 1, int64(t.RiskStep), exchange.Ceil)
	}
	if steps > maxRiskSteps || t.MaintMargin > 0 && steps > int64((exchange.RatioUnit-t.InitMargin)/t.MaintMargin) {
		return &LeverageError{Reason: "Invalid riskLimit"}
	}
	granted := t.RiskLimit + t.RiskStep*exchange.Money(steps)
	if value := p.riskValue(p.gross); value > granted {
		return &RiskLimitError{Value: value, Limit: granted}
	}
	return a.try(p, func() { p.steps = steps })
}

// riskValue is what is compared with the risk limit.
func (p *position) riskValue(gross exchange.Money) exchange.Money { return p.markValue.Abs() + gross }

// LimitRisk limits the value of all positions and orders that settle in a currency
// together; 0: no limit. Without a wallet in it there is nothing to limit.
func (a *Account) LimitRisk(code string, limit exchange.Money) {
	if w := a.walletOf(code); w != nil {
		w.riskLimit = limit
	}
}

// checkAccountRisk refuses a change of orders that could enlarge a position and would
// leave more in its wallet than the account's limit.
func (a *Account) checkAccountRisk(c *newChange) error {
	gross := c.grossWith(c.side, &c.mine)
	if gross <= c.grossWith(c.side, &c.others) || c.spot() {
		return nil
	}
	value := c.riskValue(gross)
	for _, s := range c.wallet.touched {
		if p := &a.positions[s]; p != c.position && !p.spot() {
			value += p.riskValue(p.gross)
		}
	}
	if limit := c.wallet.riskLimit; value > limit {
		return &RiskLimitError{Value: value, Limit: limit, Account: true}
	}
	return nil
}

// TransferMargin moves an amount from the wallet to the margin of an isolated
// position, or back if it is negative, and no deeper than the initial margin. As with
// funding, a part of what is added becomes comm.
//
// It fails with a [*TransferError], with an [*InsufficientError] when the wallet has
// less, or with a [*LeverageError] when the position would have to be liquidated.
func (a *Account) TransferMargin(s exchange.SymbolID, amount exchange.Money, at exchange.Time) error {
	p, err := a.of(s)
	if err != nil {
		return err
	}
	a.advance(at)
	added := p.added
	if amount > 0 {
		added += p.withoutFee(min(amount, maxBalance), exchange.Floor)
	} else {
		added += p.withoutFee(max(amount, -maxBalance), exchange.Ceil)
	}
	switch {
	case p.spot() || p.held.Qty == 0 || amount == 0:
		return &TransferError{Reason: "Invalid amount for isolated margin transfer"}
	case !p.isolated():
		return &TransferError{Reason: "Position has cross margin enabled"}
	case amount < 0 && added < p.lost:
		return &TransferError{Reason: "Position has insufficient isolated margin"}
	}
	return a.try(p, func() { p.added = added })
}

// try makes a change of the margin requirements of a position, and takes it back
// if the wallet cannot bear it.
func (a *Account) try(p *position, change func()) error {
	w := p.wallet
	a.refresh(w)
	before, was := w.available(), *p
	change()
	p.rate = p.orderRate()
	a.altered(p)
	a.refresh(w)
	var err error
	switch after := w.available(); {
	case after < 0 && after < before:
		err = &InsufficientError{Required: before - after, Available: before, Currency: w.currency.Code}
	case a.mustLiquidate(p):
		err = &LeverageError{Reason: "Cannot exceed the maximum effective leverage"}
	default:
		return nil
	}
	*p = was
	a.altered(p)
	return err
}

package ledger

import "github.com/dunamis-engine/dunamis/exchange"

// SetFundingRate announces the rate of the next settlement. The side that is to
// pay it must hold it on top of the maintenance margin.
func (a *Account) SetFundingRate(s exchange.SymbolID, rate exchange.Ratio) {
	p := &a.positions[s]
	if p.fundingRate == rate {
		return
	}
	p.fundingRate = rate
	if p.held.Qty != 0 {
		a.altered(p)
	}
}

// Fund settles funding at a rate on the position at its mark: longs pay a
// positive one, shorts receive it. ok is false without a position. The position
// may have to be liquidated afterwards.
func (a *Account) Fund(s exchange.SymbolID, rate exchange.Ratio, at exchange.Time) (f exchange.FundingPayment, ok bool) {
	a.advance(at)
	p := &a.positions[s]
	if p.held.Qty == 0 || p.spot() {
		return f, false
	}
	amount := p.terms.Fee(p.terms.Value(p.held.Qty, p.mark), rate)
	if p.held.Qty > 0 {
		amount = -amount
	}
	if p.isolated() {
		p.fundMargin(amount)
	}
	p.funding += amount
	p.time = at
	p.wallet.amount += amount
	p.wallet.totals.Funding += amount
	a.altered(p)
	return exchange.FundingPayment{Symbol: s, Rate: rate, Qty: p.held.Qty, Price: p.mark, Amount: amount, Time: at}, true
}

// fundMargin keeps funding within an isolated position. Of what is received, a
// part becomes comm: a position with more margin goes bankrupt later, at a value
// that costs a higher fee.
func (p *position) fundMargin(amount exchange.Money) {
	if amount <= 0 {
		p.lost -= amount
		return
	}
	p.added += p.withoutFee(amount, exchange.Floor)
}

// withoutFee is the part of an amount that moves into or out of the margin of an
// isolated position that is not comm.
func (p *position) withoutFee(amount exchange.Money, r exchange.Rounding) exchange.Money {
	fee := p.fee()
	if p.covered() {
		fee = 0
	}
	return exchange.Money(exchange.MulDiv(int64(amount), int64(exchange.RatioUnit), int64(exchange.RatioUnit+fee), r))
}

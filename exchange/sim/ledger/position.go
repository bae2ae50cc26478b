package ledger

import (
	"fmt"
	"math"

	"github.com/dunamis-engine/dunamis/exchange"
)

// position is one symbol of an account.
type position struct {
	// What every mark touches, together.
	mark   exchange.Price
	lo, hi exchange.Price // marks between which liquidation is impossible: see arm
	qty    exchange.Qty   // signed
	time   exchange.Time
	stale  bool // markValue and unrealised are not of mark
	dirty  bool // margin, gross and orderMargin are not of this state

	touched bool // is in Account.touched
	foreign bool // settles in a currency that is not the account's

	terms      *exchange.Terms
	instrument *exchange.Instrument

	cost exchange.Money // signed as exchange.Terms.Cost
	// The position after the last fill that made it larger. Reductions are
	// computed from it, so that rounding does not add up over their steps.
	baseQty  exchange.Qty
	baseCost exchange.Money

	added exchange.Money // to isolated margin: posCross
	lost  exchange.Money // from isolated margin: posLoss

	realised exchange.Money
	fees     exchange.Money
	funding  exchange.Money

	leverage    exchange.Ratio // 0: cross
	steps       int64          // that the risk limit was raised above the base
	fundingRate exchange.Ratio // announced for the next settlement

	buys, sells open

	// Derived.
	markValue   exchange.Money // signed
	unrealised  exchange.Money
	margin      margin
	gross       exchange.Money
	orderMargin exchange.Money
}

// open is the total of the open orders of one side.
type open struct {
	qty  exchange.Qty
	cost exchange.Money
}

func (p *position) spot() bool { return p.terms.Kind == exchange.Spot }

// isolated reports whether the position has margin of its own. Coins bought are
// like a position at leverage 1.
func (p *position) isolated() bool { return p.leverage != 0 || p.spot() }

// Fill applies an execution. It takes Symbol, Side, Qty, Price, Type, Liquidity
// and Time from f and sets Value, Fee, FeeRate, Realised and Position in it. A
// settlement pays the settlement fee, a liquidation and a fill without a
// liquidity indicator the taker's.
//
// It does not ask for margin: CheckOrder did. A fill that no order could lead to
// is a mistake of the caller and panics with an error: a [*CurrencyError] for a
// symbol that settles in another currency, a [*ShortError] for coins that are
// not held, an [*exchange.ValidationError] for a side, quantity or price.
func (a *Account) Fill(f *exchange.Fill) {
	p, err := a.of(f.Symbol)
	if err == nil {
		err = p.checkFill(f)
	}
	if err != nil {
		panic(err)
	}
	a.advance(f.Time)
	a.book(p, f)
}

func (p *position) checkFill(f *exchange.Fill) error {
	switch {
	case f.Side != exchange.Buy && f.Side != exchange.Sell:
		return &exchange.ValidationError{Field: "side", Value: f.Side.String(), Reason: "want Buy or Sell"}
	case f.Qty <= 0:
		return &exchange.ValidationError{Field: "lastQty", Value: fmt.Sprint(int64(f.Qty)), Reason: "must be positive"}
	case f.Price <= 0:
		return &exchange.ValidationError{Field: "lastPx", Value: f.Price.String(), Reason: "must be positive"}
	case p.spot() && f.Side == exchange.Sell && f.Qty > p.qty:
		return &ShortError{Symbol: p.instrument.Symbol, Qty: f.Qty, Held: p.qty}
	}
	return nil
}

// book enters an execution.
func (a *Account) book(p *position, f *exchange.Fill) {
	t := p.terms
	f.FeeRate = feeRate(t, f)
	f.Value = t.Value(f.Qty, f.Price)
	f.Fee = exchange.Fee(f.Value, f.FeeRate)
	cost := f.Value
	if (f.Side == exchange.Buy) == (t.Kind == exchange.Inverse) {
		cost = -cost
	}
	f.Realised = p.apply(f.Side.Signed(f.Qty), cost)
	f.Position = p.qty

	p.realised += f.Realised
	p.fees += f.Fee
	p.time = f.Time
	p.stale = true
	if p.mark == 0 {
		p.mark = f.Price
	}
	a.wallet += f.Realised - f.Fee
	a.totals.Realised += f.Realised
	a.totals.Fees += f.Fee
	a.totals.Turnover += f.Value
	a.touch(p)
	a.changed(p)
}

func feeRate(t *exchange.Terms, f *exchange.Fill) exchange.Ratio {
	switch {
	case f.Type == exchange.ExecSettlement:
		return t.SettleFee
	case f.Liquidity == exchange.AddedLiquidity && f.Type != exchange.ExecLiquidation:
		return t.MakerFee
	}
	return t.TakerFee
}

// apply moves the position by qty contracts that cost cost, both signed, and
// returns what that realised. Whatever the rounding, cost = Σ costs + Σ
// realised, so none of it is ever lost.
func (p *position) apply(qty exchange.Qty, cost exchange.Money) (realised exchange.Money) {
	switch {
	case p.qty == 0 || (p.qty < 0) == (qty < 0):
		p.grow(qty, cost)
		return 0
	case qty.Abs() <= p.qty.Abs():
		return p.shrink(qty, cost)
	}
	opens, opened := splitFlip(p.qty, qty, cost)
	realised = p.shrink(-p.qty, cost-opened)
	p.grow(opens, opened)
	return realised
}

// splitFlip returns the part of a fill that is left when it has closed a
// position held before: its contracts and, rounded down, their cost.
func splitFlip(held, qty exchange.Qty, cost exchange.Money) (opens exchange.Qty, opened exchange.Money) {
	opens = held + qty
	return opens, part(cost, opens, qty, exchange.Floor)
}

// part returns m × of/whole.
func part(m exchange.Money, of, whole exchange.Qty, r exchange.Rounding) exchange.Money {
	return exchange.Money(exchange.MulDiv(int64(m), int64(of), int64(whole), r))
}

func (p *position) grow(qty exchange.Qty, cost exchange.Money) {
	p.qty += qty
	p.cost += cost
	p.baseQty, p.baseCost = p.qty, p.cost
}

func (p *position) shrink(qty exchange.Qty, cost exchange.Money) (realised exchange.Money) {
	left := p.qty + qty
	was := p.cost
	if left == 0 {
		p.cost, p.added, p.lost = 0, 0, 0
		p.baseQty, p.baseCost = 0, 0
	} else {
		p.cost = part(p.baseCost, left, p.baseQty, exchange.Floor)
		p.added = part(p.added, left, p.qty, exchange.Floor)
		p.lost = part(p.lost, left, p.qty, exchange.Ceil)
	}
	p.qty = left
	return p.cost - was - cost
}

// value brings the value at mark up to date.
func (p *position) value() {
	if p.qty == 0 {
		p.markValue, p.unrealised = 0, 0
		return
	}
	p.markValue = p.terms.Cost(p.qty, p.mark)
	p.unrealised = p.markValue - p.cost
}

// free lets every mark pass.
func (p *position) free() { p.lo, p.hi = math.MinInt64, math.MaxInt64 }

// disarm lets no mark pass without an exact test, unless there is nothing to
// liquidate.
func (p *position) disarm() {
	if p.qty == 0 {
		p.free()
		return
	}
	p.lo, p.hi = math.MaxInt64, math.MinInt64
}

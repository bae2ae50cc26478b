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
	held   exchange.Basis
	time   exchange.Time
	stale  bool // markValue and unrealised are not of mark
	dirty  bool // margin, gross and orderMargin are not of this state

	touched bool // is in wallet.touched

	wallet *wallet        // in which it settles; nil: the account has none
	coin   *wallet        // of a spot pair that is exchanged between two wallets
	unit   exchange.Money // of the coin in one contract

	terms      *exchange.Terms
	instrument *exchange.Instrument

	added exchange.Money // to isolated margin: posCross
	lost  exchange.Money // from isolated margin: posLoss

	realised exchange.Money
	fees     exchange.Money
	funding  exchange.Money

	leverage    exchange.Ratio // 0: cross
	steps       int64          // that the risk limit was raised above the base
	fundingRate exchange.Ratio // announced for the next settlement

	buys, sells Open // orders

	// Derived.
	markValue   exchange.Money // signed
	unrealised  exchange.Money
	margin      margin
	gross       exchange.Money
	orderMargin exchange.Money
	rate        exchange.Ratio // of orderMargin to gross: see orderRate
	liquidation exchange.Price // of the wallet's refresh round priced
	bankrupt    exchange.Price
	priced      uint64
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
		err = a.checkFill(p, f)
	}
	if err != nil {
		panic(err)
	}
	a.advance(f.Time)
	a.book(p, f)
}

func (a *Account) checkFill(p *position, f *exchange.Fill) error {
	switch {
	case f.Side != exchange.Buy && f.Side != exchange.Sell:
		return &exchange.ValidationError{Field: "side", Value: f.Side.String(), Reason: "want Buy or Sell"}
	case f.Qty <= 0:
		return &exchange.ValidationError{Field: "lastQty", Value: fmt.Sprint(int64(f.Qty)), Reason: "must be positive"}
	case f.Price <= 0:
		return &exchange.ValidationError{Field: "lastPx", Value: f.Price.String(), Reason: "must be positive"}
	case p.coin != nil:
		return a.canPay(p, f.Side, f.Qty, f.Price)
	case p.spot() && f.Side == exchange.Sell && f.Qty > p.held.Qty:
		return &ShortError{Symbol: p.instrument.Symbol, Qty: f.Qty, Held: p.held.Qty}
	}
	return nil
}

// book enters an execution.
func (a *Account) book(p *position, f *exchange.Fill) { a.bookAt(p, f, feeRate(p.terms, f)) }

func (a *Account) bookAt(p *position, f *exchange.Fill, fee exchange.Ratio) {
	t := p.terms
	f.FeeRate = fee
	f.Value = t.Value(f.Qty, f.Price)
	f.Fee = t.Fee(f.Value, f.FeeRate)
	if p.coin != nil {
		f.Realised, f.Position = 0, 0
		a.swap(p, f)
		return
	}
	cost := f.Value
	if (f.Side == exchange.Buy) == (t.Kind == exchange.Inverse) {
		cost = -cost
	}
	f.Realised = p.apply(f.Side.Signed(f.Qty), cost)
	f.Position = p.held.Qty

	p.realised += f.Realised
	p.fees += f.Fee
	p.time = f.Time
	p.stale = true
	if p.mark == 0 {
		p.mark = f.Price
	}
	w := p.wallet
	w.amount += f.Realised - f.Fee
	w.totals.Realised += f.Realised
	w.totals.Fees += f.Fee
	w.totals.Turnover += f.Value
	p.touch()
	a.altered(p)
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
// returns what that realised. Margin that was moved by hand leaves with the part
// that closes.
func (p *position) apply(qty exchange.Qty, cost exchange.Money) (realised exchange.Money) {
	was := p.held.Qty
	realised = p.held.Apply(qty, cost)
	switch left := p.held.Qty; {
	case (left < 0) != (was < 0):
		p.added, p.lost = 0, 0
	case left.Abs() < was.Abs():
		p.added = part(p.added, left, was, exchange.Floor)
		p.lost = part(p.lost, left, was, exchange.Ceil)
	}
	return realised
}

// part returns m × of/whole.
func part(m exchange.Money, of, whole exchange.Qty, r exchange.Rounding) exchange.Money {
	return exchange.Money(exchange.MulDiv(int64(m), int64(of), int64(whole), r))
}

// value brings the value at mark up to date.
func (p *position) value() {
	if p.held.Qty == 0 {
		p.markValue, p.unrealised = 0, 0
		return
	}
	p.markValue = p.terms.Cost(p.held.Qty, p.mark)
	p.unrealised = p.markValue - p.held.Cost
}

// free lets every mark pass.
func (p *position) free() { p.lo, p.hi = math.MinInt64, math.MaxInt64 }

// disarm lets no mark pass without an exact test, unless there is nothing to
// liquidate.
func (p *position) disarm() {
	if p.held.Qty == 0 {
		p.free()
		return
	}
	p.lo, p.hi = math.MaxInt64, math.MinInt64
}

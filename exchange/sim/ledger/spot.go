package ledger

import (
	"math"

	"github.com/dunamis-engine/dunamis/exchange"
)

// A spot pair whose coin the account has a wallet for is exchanged between two
// wallets, as on the venue: what is bought is there to be traded with, and there is
// no position. A coin without a wallet is held at its cost instead.

// pair finds the wallet of a pair's coin, if one contract is a whole number of its
// smallest units.
func (a *Account) pair(p *position) {
	if p.wallet == nil {
		return
	}
	for n := range a.wallets {
		w := &a.wallets[n]
		if w.currency.Major != p.instrument.Underlying || w == p.wallet {
			continue
		}
		// Multiplier/Divisor is a contract's value at price 1 in the smallest unit of
		// the quote currency, so it is that many of the coin's in its own.
		i := p.instrument
		unit := exchange.MulDiv(i.Multiplier, pow10(w.currency.Scale), i.Divisor*pow10(i.Settle.Scale), exchange.Floor)
		back := exchange.MulDiv(unit, i.Divisor*pow10(i.Settle.Scale), pow10(w.currency.Scale), exchange.Floor)
		if back == i.Multiplier {
			p.coin, p.unit = w, exchange.Money(unit)
			w.coins = append(w.coins, i.ID)
		}
	}
}

func pow10(n int) int64 {
	v := int64(1)
	for range n {
		v *= 10
	}
	return v
}

// coinsOf returns how much of its coin a number of contracts of a pair is.
func (p *position) coinsOf(q exchange.Qty) exchange.Money {
	if int64(q) > math.MaxInt64/int64(p.unit) {
		return math.MaxInt64
	}
	return exchange.Money(q) * p.unit
}

// checkPair is CheckChange for a pair of two wallets.
func (a *Account) checkPair(p *position, side exchange.Side, was, now Open) error {
	all := *p.side(side)
	a.SetOpen(p.instrument.ID, side, all.Qty-was.Qty, all.Cost-was.Cost)
	a.refresh(p.wallet)
	err := a.checkSpot(p, side, now)
	a.SetOpen(p.instrument.ID, side, all.Qty, all.Cost)
	return err
}

// checkSpot tells whether a new order of a pair of two wallets may be placed, next to
// those that are open: from what is bought with or sold, as far as it is there.
func (a *Account) checkSpot(p *position, side exchange.Side, order Open) error {
	w, need := p.wallet, p.orderMarginOf(p.buys.Cost+order.Cost)-p.orderMargin
	if side == exchange.Sell {
		w, need = p.coin, p.coinsOf(order.Qty)
	}
	a.refresh(w)
	if free := w.cash(); need > free {
		return &InsufficientError{Required: need, Available: free, Currency: w.currency.Code}
	}
	return nil
}

// CanPay tells whether a fill of a pair of two wallets can be paid. It may not be
// when the wallet has lost since the order was placed. Any other fill can.
func (a *Account) CanPay(s exchange.SymbolID, side exchange.Side, qty exchange.Qty, price exchange.Price) error {
	p := &a.positions[s]
	if p.coin == nil {
		return nil
	}
	return a.canPay(p, side, qty, price)
}

func (a *Account) canPay(p *position, side exchange.Side, qty exchange.Qty, price exchange.Price) error {
	w, need := p.wallet, p.terms.Value(qty, price)
	if side == exchange.Sell {
		w, need = p.coin, p.coinsOf(qty)
	} else {
		need += max(0, p.terms.Fee(need, p.fee()))
	}
	a.refresh(w)
	if free := w.cash() + w.sums.orders; need > free {
		return &InsufficientError{Required: need, Available: free, Currency: w.currency.Code}
	}
	return nil
}

// swap enters an execution of a pair of two wallets. The fee is paid in the quote
// currency.
func (a *Account) swap(p *position, f *exchange.Fill) {
	paid, got := f.Value, p.coinsOf(f.Qty)
	if f.Side == exchange.Sell {
		paid, got = -paid, -got
	}
	p.wallet.amount -= paid + f.Fee
	p.wallet.totals.Exchanged -= paid
	p.wallet.totals.Fees += f.Fee
	p.wallet.totals.Turnover += f.Value
	p.coin.amount += got
	p.coin.totals.Exchanged += got
	p.fees += f.Fee
	p.time = f.Time
	if p.mark == 0 {
		p.mark = f.Price
	}
	a.altered(p)
	a.changed(p.coin)
}

// Coin returns the currency that the contracts of a spot pair are exchanged into; ok
// is false for every other symbol.
func (a *Account) Coin(s exchange.SymbolID) (c exchange.Currency, ok bool) {
	if w := a.positions[s].coin; w != nil {
		return w.currency, true
	}
	return c, false
}

package ledger

import "github.com/dunamis-engine/dunamis/exchange"

// Fund is the insurance fund of a venue. It takes over the positions of liquidated
// accounts at their bankruptcy price, closes them in the market, and keeps or bears the
// difference. What it cannot close, or cannot bear to close, the other side of the
// market is made to close at the bankruptcy price, which the venue calls
// auto-deleveraging; the accounts that it has helped do not notice.
//
// The zero Fund is empty. Accounts may share one if they belong to one goroutine.
type Fund struct {
	states []FundState
}

// FundState is the fund in one currency. At all times
//
//	balance = deposit + received - paid
type FundState struct {
	Currency string
	Deposit  exchange.Money
	Balance  exchange.Money // never below zero
	Received exchange.Money // for positions that closed better than at bankruptcy
	Paid     exchange.Money // for those that closed worse, and for what accounts lacked
	// Deleveraged is what others lost: by what the fund did not have, and at the mark by
	// closing at a bankruptcy price. Where that was better for them than the mark it is
	// gained, and subtracted.
	Deleveraged   exchange.Money
	Takeovers     int
	Deleveragings int // takeovers of which others had to close a part
}

// NewFund returns a fund that holds deposits.
func NewFund(deposits ...Deposit) *Fund {
	f := new(Fund)
	for _, d := range deposits {
		s := f.in(d.Currency.Code)
		s.Deposit += d.Balance
		s.Balance += d.Balance
	}
	return f
}

// States returns the fund in every currency that it has had to do with, in the order
// in which it first had. The slice is a copy.
func (f *Fund) States() []FundState { return append([]FundState(nil), f.states...) }

// In returns the fund in a currency.
func (f *Fund) In(code string) FundState { return *f.in(code) }

func (f *Fund) in(code string) *FundState {
	for n := range f.states {
		if f.states[n].Currency == code {
			return &f.states[n]
		}
	}
	f.states = append(f.states, FundState{Currency: code})
	return &f.states[len(f.states)-1]
}

// Takeover is a position of the fund until it has closed it: with Close as long as the
// market pays, then with Settle.
type Takeover struct {
	fund   *Fund
	code   string // of the currency
	terms  *exchange.Terms
	held   exchange.Basis
	lacked exchange.Money // by the account besides
}

// takeOver buys a position at a price.
func (f *Fund) takeOver(p *position, held exchange.Qty, at exchange.Price) *Takeover {
	code := p.wallet.currency.Code
	f.in(code).Takeovers++
	return &Takeover{fund: f, code: code, terms: p.terms, held: exchange.BasisOf(held, p.terms.Cost(held, at))}
}

// Qty returns the signed number of contracts that are still to be closed.
func (t *Takeover) Qty() exchange.Qty { return t.held.Qty }

// Close closes up to so many contracts at a price that the market pays, as many whole
// lots of them as the fund can bear, and returns how many.
func (t *Takeover) Close(qty exchange.Qty, at exchange.Price) exchange.Qty {
	state := t.fund.in(t.code)
	qty = min(qty, t.held.Qty.Abs())
	for qty > 0 {
		left := t.held
		closes := -exchange.Qty(left.Qty.Sign()) * qty
		gain := left.Apply(closes, t.terms.Cost(closes, at))
		if gain >= -state.Balance {
			t.held = left
			state.move(gain)
			return qty
		}
		// Fewer than before: the balance is less than what would be lost.
		qty = exchange.Qty(exchange.MulDiv(int64(qty), int64(state.Balance), int64(-gain), exchange.Floor))
		qty -= qty % t.terms.LotSize
	}
	return 0
}

// Settle ends a takeover: the other side of the market closes what is left of it, and
// what the account lacked is paid. The mark says what closing costs the other side.
func (t *Takeover) Settle(mark exchange.Price) {
	state := t.fund.in(t.code)
	if left := t.held.Qty; left != 0 {
		state.Deleveragings++
		state.Deleveraged -= t.held.Apply(-left, t.terms.Cost(-left, mark))
	}
	state.move(-t.lacked)
	t.lacked = 0
}

func (s *FundState) move(amount exchange.Money) {
	if amount >= 0 {
		s.Balance += amount
		s.Received += amount
		return
	}
	paid := min(-amount, s.Balance)
	s.Balance -= paid
	s.Paid += paid
	s.Deleveraged += -amount - paid
}

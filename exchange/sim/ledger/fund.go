package ledger

import "github.com/dunamis-engine/dunamis/exchange"

// Fund is the insurance fund of a venue. It takes over the positions of liquidated
// accounts at their bankruptcy price, closes them at the mark, and keeps or bears the
// difference. What it does not have it takes from the other side of the market, which
// the venue calls auto-deleveraging; the accounts that it has helped do not notice.
//
// The zero Fund is empty. Accounts may share one if they belong to one goroutine.
type Fund struct {
	states []FundState
}

// FundState is the fund in one currency. At all times
//
//	balance = deposit + received - paid
type FundState struct {
	Currency    string
	Deposit     exchange.Money
	Balance     exchange.Money // never below zero
	Received    exchange.Money // for positions that closed better than at bankruptcy
	Paid        exchange.Money // for those that closed worse, and for what accounts lacked
	Deleveraged exchange.Money // what it did not have
	Takeovers   int
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

// takeOver buys a position at a price and closes it at another.
func (f *Fund) takeOver(p *position, qty exchange.Qty, at, closed exchange.Price) {
	s := f.in(p.wallet.currency.Code)
	s.Takeovers++
	s.move(p.terms.Cost(qty, closed) - p.terms.Cost(qty, at))
}

// pay gives an account what it lacks.
func (f *Fund) pay(code string, amount exchange.Money) { f.in(code).move(-amount) }

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

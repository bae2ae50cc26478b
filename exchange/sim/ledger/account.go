package ledger

import "github.com/dunamis-engine/dunamis/exchange"

// Config describes an account.
type Config struct {
	Instruments *exchange.Instruments
	Currency    exchange.Currency // settlement currency of the account
	Balance     exchange.Money
	Leverage    exchange.Ratio // default for every symbol; 0: cross
}

// Account is the books of one account in one settlement currency.
type Account struct{}

// Totals are sums over the life of an account.
type Totals struct {
	Realised  exchange.Money
	Fees      exchange.Money
	Funding   exchange.Money
	Insurance exchange.Money
	Turnover  exchange.Money
}

// New returns an account with a balance and no positions.
func New(c Config) (*Account, error) { return &Account{}, nil }

// Fill applies an execution. In: Symbol, Side, Qty, Price, Type, Liquidity,
// Time. Out, set in f: Value, Fee, FeeRate, Realised, Position.
func (a *Account) Fill(f *exchange.Fill) {}

// SetOpen replaces the totals of the open orders of one symbol and side.
func (a *Account) SetOpen(s exchange.SymbolID, side exchange.Side, qty exchange.Qty, cost exchange.Money) {
}

// CheckOrder tells whether an order may be placed.
func (a *Account) CheckOrder(s exchange.SymbolID, side exchange.Side, qty exchange.Qty, price exchange.Price, at exchange.Time) error {
	return nil
}

// SetLeverage isolates the margin of a symbol at a leverage; 0 is cross margin.
func (a *Account) SetLeverage(s exchange.SymbolID, l exchange.Ratio, at exchange.Time) error {
	return nil
}

// SetMark moves the mark price and reports whether the position must be
// liquidated now.
func (a *Account) SetMark(s exchange.SymbolID, p exchange.Price, at exchange.Time) (liquidate bool) {
	return false
}

// Fund settles funding at a rate on the position at its mark; ok is false
// without a position.
func (a *Account) Fund(s exchange.SymbolID, rate exchange.Ratio, at exchange.Time) (p exchange.FundingPayment, ok bool) {
	return p, false
}

// Liquidate closes the position at its bankruptcy price with the taker fee.
func (a *Account) Liquidate(s exchange.SymbolID, at exchange.Time) (exchange.Fill, bool) {
	return exchange.Fill{}, false
}

// MustLiquidate returns the symbols to liquidate now, in a reused slice.
func (a *Account) MustLiquidate(at exchange.Time) []exchange.SymbolID { return nil }

// Position returns the position of a symbol.
func (a *Account) Position(s exchange.SymbolID) exchange.Position { return exchange.Position{} }

// PositionQty returns the signed position of a symbol.
func (a *Account) PositionQty(s exchange.SymbolID) exchange.Qty { return 0 }

// Margin returns the state of the account.
func (a *Account) Margin(at exchange.Time) exchange.Margin { return exchange.Margin{} }

// Equity returns the wallet and the unrealised PnL together.
func (a *Account) Equity() exchange.Money { return 0 }

// Totals returns the sums over the life of the account.
func (a *Account) Totals() Totals { return Totals{} }

// SetTerms reads the terms of every instrument again.
func (a *Account) SetTerms(at exchange.Time) {}

// InsufficientError refuses an order that the available margin does not cover.
type InsufficientError struct {
	Required, Available exchange.Money
	Currency            string
}

// Error implements error with the venue's text.
func (e *InsufficientError) Error() string { return "" }

package ledger

import (
	"fmt"

	"github.com/dunamis-engine/dunamis/exchange"
)

// InsufficientError refuses an order, or a change of leverage or risk limit,
// that the available margin does not cover.
type InsufficientError struct {
	Required  exchange.Money // on top of what is held already
	Available exchange.Money
	Currency  string
}

// Error returns the venue's text.
func (e *InsufficientError) Error() string {
	return fmt.Sprintf("Account has insufficient Available Balance, %d %s required", e.Required, e.Currency)
}

// RiskLimitError refuses an order, or a lower risk limit, that would leave the
// position and its open orders above the limit of its symbol, or all of them above that
// of the account.
type RiskLimitError struct {
	Value   exchange.Money // of the position at mark and of the orders
	Limit   exchange.Money
	Account bool // the account's limit
}

// Error returns the venue's text.
func (e *RiskLimitError) Error() string {
	if e.Account {
		return "Value of positions and orders exceeds account Risk Limit"
	}
	return "Value of position and orders exceeds position Risk Limit"
}

// CurrencyError refuses a symbol that settles in a currency for which the account
// has no wallet.
type CurrencyError struct {
	Symbol  string
	Settle  string // what the symbol settles in
	Account string // of the first wallet
}

// Error returns the venue's text.
func (e *CurrencyError) Error() string { return "Account has no " + e.Settle }

// TransferError refuses to move margin to or from an isolated position.
type TransferError struct {
	Reason string // the venue's text
}

// Error returns the venue's text.
func (e *TransferError) Error() string { return e.Reason }

// LeverageError refuses a leverage or a risk limit, or what would lead to liquidation.
type LeverageError struct {
	Reason string // the venue's text
}

// Error returns the venue's text.
func (e *LeverageError) Error() string { return e.Reason }

// ShortError refuses to sell more of a spot pair than is held.
type ShortError struct {
	Symbol string
	Qty    exchange.Qty // to be sold, with what is offered already
	Held   exchange.Qty
}

// Error implements error.
func (e *ShortError) Error() string {
	return fmt.Sprintf("Account has insufficient Available Balance, %d contracts of %s required", e.Qty, e.Symbol)
}

// ImmediateLiquidationError refuses an order that opens an isolated position so
// far through the mark that it would be liquidated at once.
type ImmediateLiquidationError struct {
	Price exchange.Price
	Mark  exchange.Price
}

// Error returns the venue's text.
func (e *ImmediateLiquidationError) Error() string {
	return "Executing at order price would lead to immediate liquidation"
}

// LiquidationPriceError refuses an order that reduces a position beyond the
// price at which it is liquidated.
type LiquidationPriceError struct {
	Price       exchange.Price
	Liquidation exchange.Price
	Long        bool
}

// Error returns the venue's text.
func (e *LiquidationPriceError) Error() string {
	if e.Long {
		return "Order price is below the liquidation price of current long position"
	}
	return "Order price is above the liquidation price of current short position"
}

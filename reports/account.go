package reports

import "github.com/dunamis-engine/dunamis/exchange"

// Account is the account of the run as it is at the exchange, without the delay
// of reports. The simulator's ledger is one.
type Account interface {
	// Margin values the account at an instant.
	Margin(at exchange.Time) exchange.Margin
	// Position returns the state of a symbol, valued at the newest price. The mark
	// price is set for symbols without a position too.
	Position(s exchange.SymbolID) exchange.Position
	// Totals returns the sums since the start of the run.
	Totals() Totals
}

// Totals are sums over all symbols of an account.
type Totals struct {
	Realised  exchange.Money // price PnL, before fees and funding
	Fees      exchange.Money // positive when paid
	Funding   exchange.Money // positive when received
	Insurance exchange.Money // losses beyond the account that the venue bore
	Turnover  exchange.Money // settlement value traded
}

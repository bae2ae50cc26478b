// Package ledger keeps the books of one simulated account: wallet, positions,
// totals of open orders, margin, funding and liquidation, in the venue's
// integers.
package ledger

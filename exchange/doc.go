// Package exchange is the vocabulary of Dunamis: instruments, orders, fills,
// positions, margin, market events and books, and the two interfaces that
// everything else is wired from.
//
// A [Feed] brings market events; an [Exchange] takes commands and gives
// reports. A simulator, a live venue and a recording all look the same from
// here, so a strategy cannot tell them apart.
//
//	cmd ─▶ cli ─▶ engine, reports, data, exchange/sim, exchange/live ─▶ exchange
//
// The package imports nothing of Dunamis and, besides the standard library,
// only shopspring/decimal, which appears at the edges: in configuration, wire
// formats and reports. Inside the loop all prices, quantities and money are
// int64 fixed point with types of their own, so that mixing them does not
// compile:
//
//	Price  1e-10 of a unit of the quote currency
//	Qty    whole contracts
//	Money  the smallest unit of a settlement currency (satoshi, micro-USDT)
//	Ratio  1e-10: fee and funding rates, margin fractions, leverage
//	Time   nanoseconds since 1970-01-01 UTC
package exchange

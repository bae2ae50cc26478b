// Package synth makes up market data: bars, trades, quotes and a book of price
// levels from a seed.
//
// It is not a market. Nothing in it can be predicted, no participant reacts to
// any other, and a strategy that earns money on it has found a property of the
// generator. It exists so that demos, tests and benchmarks need no download, and
// so that they give the same result everywhere: the same configuration makes the
// same events on every machine.
//
// What it does have are the shapes that programs trip over: a mid price that
// walks by ticks, volatility that clusters and follows the time of day, trades
// that come in bursts with heavy-tailed sizes, prices that stay within their
// spread, and a book that agrees with the trades. Every trade takes quantity that
// was displayed, precedes the change that it causes, and every venue message ends
// with FlagLast.
//
// [New] returns an exchange.Feed, and [Write] puts one into a catalog.
package synth

// Package strategies holds the built-in strategies: a page each, to run, to read
// and to copy. They are examples of how a strategy is written, not advice on what
// to trade.
//
//	buy_and_hold         one market order, then nothing
//	sma_cross            long above, short below, always in the market
//	donchian             breakouts of a channel, with a stop at the exchange
//	bollinger_reversion  against excursions from a moving mean
//	grid_maker           a ladder of post-only orders around the middle
//	avellaneda_stoikov   two quotes from a model of inventory risk
//
// A strategy of one's own lives in one's own module: examples/own-strategy shows
// how. The package knows the engine and the vocabulary of package exchange, and
// nothing of where events come from or orders go.
package strategies

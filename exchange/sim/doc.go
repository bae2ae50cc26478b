// Package sim is the simulated exchange: an [exchange.Exchange] that is told of
// the market and decides what would have become of our orders. Backtests, paper
// sessions and replays use the same one with the same settings.
//
//	market.go       what a symbol's market is, and how good its data
//	book_match.go   resting orders and the levels of a book, and public trades
//	quote_match.go  the same with the best bid and ask alone
//	trade_match.go  the same with nothing but trades or bars
//	bar_path.go     the way of the price through a bar
//	take.go         orders that take, and what every fill does
//	trigger.go      stops and if-touched orders
//	peg.go          pegged orders and trailing stops
//	contingency.go  orders that cancel or trigger each other
//	display.go      hidden orders and icebergs
//	day.go          orders for the day
//	funding.go      funding and liquidation
//	commands.go     what the owner asks for, and when it arrives
//	rules.go        limits of the venue, and what can go wrong on the way to it
//	queue.go, latency.go   the models that can be chosen
//
// Money is the business of package ledger below: it has the account, positions
// and margin, and knows nothing of matching.
//
// # Protocol
//
// The owner steps from instant to instant. For every market event of instant t
// it calls [Exchange.Market], then [Exchange.Advance] as long as
// [Exchange.Next] is not after t. Commands are stamped with the last instant
// that either was told; they arrive at the exchange after the entry latency,
// and reports at the owner after the response latency. Neither overtakes its
// like.
//
// # Order of things at one instant
//
// This order is part of the specification: a change of it changes results.
//
//	1  points of a bar's path up to t happen, first those of the symbol of an event
//	2  market events at t: the market moves, and resting orders that it reaches fill
//	3  commands that arrive at t, in the order in which they were sent
//	4  the dead man's switch, then at 00:00 UTC the end of orders for the day
//	5  orders that the market has triggered, in the order in which it did
//	6  funding, by symbol in the order of the configuration
//	7  the end of dated contracts, in the same order
//	8  liquidation, by symbol id
//	9  reports that arrive at t, in the order in which they were made
//
// Within a bar's path 2, 5 and 7 happen where the price is: the path meets
// stops, limit orders and the liquidation price in the order of their prices.
//
// # Data
//
// The best data that a symbol brings decides how its orders are matched.
//
//	data             a taker gets                       a resting order fills
//	book (+ trades)  the levels, once until updated     when trades have gone through the queue ahead,
//	                                                    a trade goes beyond, or the other side arrives
//	quotes (+ trades) the best level and a modelled      the same, with the queue at the best level
//	                 ladder behind it
//	trades           the last price less slippage       when a trade goes beyond
//	bars             the path's price less slippage     when the path goes beyond, or touches
//
// A symbol that has bars of several intervals is driven by the shortest; once
// it has better data than bars, bars are ignored.
//
// # Life of an order
//
//	what happens                 reports (execution type: status after it)
//	rests                        New: New
//	takes, then rests            New: New; Trade: PartiallyFilled ...
//	takes all                    New: New; Trade ...; Trade: Filled
//	Market, IOC: something left  New; Trade ...; Canceled: Canceled
//	FOK: not all there           New; Canceled: Canceled
//	post-only would take         New; Canceled: Canceled
//	nothing to reduce            New; Canceled: Canceled
//	more than there is to reduce Restated: as it was, with a smaller quantity
//	waits for its trigger        New: New, not working
//	trails, and the market moves Restated: New, with another trigger price
//	sleeps for a linked order    New: New, not working, NotTriggered
//	that one has filled          TriggeredOrActivatedBySystem; then as an order that arrives
//	that one has ended otherwise Canceled: Canceled
//	a linked one fills, triggers Canceled: Canceled, of those that cancel each other
//	the day ends                 Canceled: Canceled, of orders for the day
//	is triggered                 TriggeredOrActivatedBySystem; then as an order that arrives
//	margin is missing            Rejected: Rejected, with the reason
//	is amended                   Replaced: as it was; then as an order that arrives, if its price moved
//	                             or it grew
//	is cancelled                 Canceled: Canceled
//	position in liquidation      Canceled: Canceled; then Liquidation
//	contract expires             Canceled: Canceled; then Settlement
//
// Every order ends in exactly one of Filled, Canceled and Rejected. A command
// that changes no order is answered by a [exchange.ReportReject]. A fill,
// funding, a liquidation and a change of leverage are followed by the position
// and the margin.
//
// An order that may only reduce keeps within the position: resting ones are cut
// or cancelled as the position shrinks, the least aggressive first. An amendment
// that only lowers the quantity keeps the place in the queue.
//
// # What is not simulated
//
// Our orders do not move the market, and do not match each other.
package sim

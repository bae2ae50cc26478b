// Package sim is the simulated exchange: an [exchange.Exchange] that is told of
// the market and decides what would have become of our orders. Backtests, paper
// sessions and replays use the same one with the same settings.
//
//	market.go       what a symbol's market is, and how good its data
//	book_match.go   resting orders and the levels of a book, and public trades
//	order_book.go   the same where every order of the book is known
//	quote_match.go  the same with the best bid and ask alone
//	trade_match.go  the same with nothing but trades or bars
//	bar_path.go     the replay of a bar along its path
//	bar_inside.go   orders, cancels and amendments that arrive inside a bar
//	bar_pessimistic.go  which of two paths leaves less
//	ladder.go       our resting orders, and ladder_index.go to find places among many
//	stale.go        orders that wait for data that is new enough
//	crossed.go      markets whose best bid is at or above the best ask
//	take.go         orders that take, and what every fill does
//	trigger.go      stops and if-touched orders
//	peg.go          pegged orders and trailing stops
//	contingency.go  orders that cancel or trigger each other
//	display.go      hidden orders and icebergs
//	day.go          orders for the day
//	clocks.go       what happens without a request, and when
//	funding.go      funding
//	liquidation.go  liquidation, in the venue's steps
//	margin.go       leverage, isolated margin, risk limits
//	terms.go        what a new lot does to orders and positions
//	command.go      requests on their way, and commands.go what they do
//	report.go       what is reported, and report_queue.go how it gets to the owner
//	text.go         what the venue writes on an order
//	ids.go, names.go, number_table.go, finished.go   which order an id means
//	rules.go        limits of the venue, and what can go wrong on the way to it
//	lost.go         requests that never arrive
//	revive.go       filled orders that live again
//	selftrade.go    orders of the account that meet
//	queue*.go, latency*.go, impact.go  the models that can be chosen
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
//	1  the bars that end by t are replayed, those of one symbol after those of another
//	2  market events at t: the market moves, and resting orders that it reaches fill
//	3  commands that arrive at t, in the order in which they were sent
//	4  the dead man's switch, then at 00:00 UTC the end of orders for the day
//	5  orders that the market has triggered, in the order in which it did
//	6  funding, by symbol in the order of the configuration
//	7  the end of dated contracts, in the same order
//	8  liquidation, by symbol id
//	9  reports that arrive at t, in the order in which they were made
//
// A bar is replayed at its last nanosecond. In the replay 2, 5 and 8 happen where the
// price is: the path meets stops, limit orders and the liquidation price in the order of
// their prices. The replay stops after each, so that 3 and 5 happen before it goes on; if
// reports have reached the owner, [Exchange.Advance] returns for his answers.
//
// # Data
//
// The best data that a symbol brings decides how its orders are matched.
//
//	data             a taker gets                       a resting order fills
//	orders (+ trades) the levels they add up to         when those ahead have traded or gone
//	book (+ trades)  the levels, once until updated     when trades have gone through the queue ahead,
//	                                                    a trade goes beyond, or the other side arrives
//	quotes (+ trades) the best level and a modelled      the same, with the queue at the best level
//	                 ladder behind it
//	trades           the last price less slippage       when a trade goes beyond
//	bars             the path's price less slippage     when the path goes beyond, or touches
//
// An order that takes does not fill from data older than [MaxAge]; it waits for the next
// data of its symbol. No order fills in the crossed part of a crossed market.
//
// A symbol that has bars of several intervals is driven by the shortest; once
// it has better data than bars, bars are ignored.
//
// # Life of an order
//
// What is reported of an order, in the venue's words: the execution type, and of the
// order's row the status, whether it works, its trigger and what its text begins with,
// or why it was rejected. A test plays each of these lives.
//
//	execution type | status | working | triggered | text
//	rests
//		New                          | New             | yes     | -
//	rests, and fills in parts
//		New                          | New             | yes     | -
//		Trade                        | PartiallyFilled | yes     | -
//		Trade                        | Filled          | -       | -
//	takes, then rests
//		New                          | New             | yes     | -
//		Trade                        | PartiallyFilled | yes     | -
//	takes all
//		New                          | New             | yes     | -
//		Trade                        | Filled          | -       | -
//	a market order takes all
//		New                          | New             | -       | -
//		Trade                        | Filled          | -       | -
//	a market order finds too little
//		New                          | New             | -       | -
//		Trade                        | PartiallyFilled | -       | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Order had timeInForce of ImmediateOrCancel
//	a market order finds nothing
//		New                          | New             | -       | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Order had timeInForce of ImmediateOrCancel
//	immediate or cancel, something left
//		New                          | New             | -       | -
//		Trade                        | PartiallyFilled | -       | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Order had timeInForce of ImmediateOrCancel
//	fill or kill, not all there
//		New                          | New             | -       | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Order had timeInForce of FillOrKill
//	post-only would take
//		New                          | New             | yes     | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Order had execInst of ParticipateDoNotInitiate
//	pegged to the best bid
//		New                          | New             | yes     | -
//	pegged without a market
//		Rejected                     | Rejected        | -       | -                  | Invalid price
//	there is nothing to reduce
//		New                          | New             | yes     | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Order had execInst of Close or ReduceOnly but current position is 0
//	there is less to reduce
//		New                          | New             | yes     | -
//		Restated                     | New             | yes     | -
//	the position shrinks, and ends
//		New                          | New             | yes     | -
//		Restated                     | New             | yes     | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Order had execInst of Close or ReduceOnly but current position is 0
//	closes the position, without a quantity
//		New                          | New             | -       | -
//		Trade                        | Filled          | -       | -
//	a Close comes to its side
//		New                          | New             | yes     | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Order had execInst of Close
//	waits for its trigger, and is triggered
//		New                          | New             | -       | -
//		TriggeredOrActivatedBySystem | New             | -       | StopOrderTriggered
//		Trade                        | Filled          | -       | StopOrderTriggered
//	a stop-limit is triggered, and rests
//		New                          | New             | -       | -
//		TriggeredOrActivatedBySystem | New             | yes     | StopOrderTriggered
//	if touched
//		New                          | New             | -       | -
//		TriggeredOrActivatedBySystem | New             | -       | StopOrderTriggered
//		Trade                        | Filled          | -       | StopOrderTriggered
//	trails, and is triggered
//		New                          | New             | -       | -
//		Restated                     | New             | -       | -
//		TriggeredOrActivatedBySystem | New             | -       | StopOrderTriggered
//		Trade                        | Filled          | -       | StopOrderTriggered
//	is triggered, and the margin is missing
//		New                          | New             | -       | -
//		TriggeredOrActivatedBySystem | New             | -       | StopOrderTriggered
//		Rejected                     | Rejected        | -       | StopOrderTriggered | Account has insufficient Available Balance, 575375 USDt required
//	sleeps, and the parent fills
//		New                          | New             | -       | NotTriggered
//		TriggeredOrActivatedBySystem | New             | yes     | Triggered
//	sleeps, and the parent is cancelled
//		New                          | New             | -       | NotTriggered
//		Canceled                     | Canceled        | -       | NotTriggered       | Canceled: Order had contingencyType of OneTriggersTheOther
//	the other of a pair fills
//		New                          | New             | yes     | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Order had contingencyType of OneCancelsTheOther
//	its price is amended
//		New                          | New             | yes     | -
//		Replaced                     | New             | yes     | -                  | Amended price: Amended via API.
//	amended, it takes
//		New                          | New             | yes     | -
//		Replaced                     | New             | yes     | -                  | Amended price: Amended via API.
//		Trade                        | Filled          | -       | -                  | Amended price: Amended via API.
//	amended, and post-only
//		New                          | New             | yes     | -
//		Replaced                     | New             | yes     | -                  | Amended price: Amended via API.
//		Canceled                     | Canceled        | -       | -                  | Canceled: Order had execInst of ParticipateDoNotInitiate
//	its quantity is amended
//		New                          | New             | yes     | -
//		Replaced                     | New             | yes     | -                  | Amended orderQty: Amended via API.
//	nothing is left by an amendment
//		New                          | New             | yes     | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Canceled via API.
//	filled, it lives again
//		New                          | New             | yes     | -
//		Trade                        | Filled          | -       | -
//		Replaced                     | PartiallyFilled | yes     | -                  | Amended leavesQty price: Amended via API.
//	its trigger is amended
//		New                          | New             | -       | -
//		Replaced                     | New             | -       | -                  | Amended stopPx: Amended via API.
//	is cancelled
//		New                          | New             | yes     | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Canceled via API.
//	is cancelled with others
//		New                          | New             | yes     | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Canceled via API.
//	is cancelled with a part filled
//		New                          | New             | yes     | -
//		Trade                        | PartiallyFilled | yes     | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Canceled via API.
//	the dead man's switch
//		New                          | New             | yes     | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: CancelAllAfter timeout
//	the day ends
//		New                          | New             | yes     | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Order had timeInForce of Day
//	margin is missing
//		Rejected                     | Rejected        | -       | -                  | Account has insufficient Available Balance, 569622 USDt required
//	its limit is beyond the price band
//		Rejected                     | Rejected        | -       | -                  | Price greater than limitUpPrice
//	there are too many orders
//		Rejected                     | Rejected        | -       | -                  | Too many open orders
//	its price would liquidate
//		Rejected                     | Rejected        | -       | -                  | Order price is above the liquidation price of current short position
//	the risk limit is passed
//		Rejected                     | Rejected        | -       | -                  | Value of position and orders exceeds position Risk Limit
//	the position is about to be liquidated
//		Rejected                     | Rejected        | -       | -                  | Position is in liquidation
//	the position is liquidated
//		New                          | New             | yes     | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Position in liquidation
//	the contract expires
//		New                          | New             | yes     | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Instrument expired
//	the lot grows
//		New                          | New             | yes     | -
//		Restated                     | New             | yes     | -
//	an order of the account is in the way
//		New                          | New             | -       | -
//		Canceled                     | Canceled        | -       | -                  | Canceled: Order would have traded with an order of the same account
//	the venue is overloaded
//		Rejected                     | Rejected        | -       | -                  | The system is currently overloaded. Please try again later.
//	there were too many requests
//		Rejected                     | Rejected        | -       | -                  | Rate limit exceeded, retry in 1 seconds.
//	the request is lost
//		Rejected                     | Rejected        | -       | -                  | Request timed out; the venue does not know it
//
// Every order ends in exactly one of Filled, Canceled and Rejected, and only a filled one
// can live again. A liquidation, the end of a contract and a lot that grows bring
// executions of no order of ours besides: Liquidation, once or in parts, and Settlement.
// An order at spot whose wallet has been lost is cancelled when its turn to fill comes.
// A command that changes no order is answered by a [exchange.ReportReject]. A fill,
// funding, a liquidation and a change of leverage, isolated margin or risk limit
// are followed by the position and the margin of its wallet.
//
// An order that may only reduce keeps within the position: resting ones are cut
// or cancelled as the position shrinks, the least aggressive first. An amendment
// that only lowers the quantity keeps the place in the queue.
//
// # What is not simulated
//
// Our orders move the market only as far as [Impact] says, and match each other only
// if [SelfTrade] says so. What the insurance fund closes for us it takes from the same
// market; nobody else's liquidation does more than the data shows.
package sim

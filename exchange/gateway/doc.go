// Package gateway serves the BitMEX REST and WebSocket API from any market data and
// any [exchange.Exchange], so that a program written for the venue trades here
// without a change.
//
// One goroutine owns everything that a [Gateway] knows. It is told of the market by
// [Gateway.Step] and of time by [Gateway.AdvanceTo], or does both itself in
// [Gateway.Run], which paces a feed by a clock. Requests are functions that it calls
// between two steps, and what changes goes out to the sockets as tables do on the
// venue: a partial, then inserts, updates and deletes.
//
// The package knows no simulator and no live venue: where an account's orders go is
// the choice of Config.Open.
package gateway

// Package bitmex is a client of BitMEX, and of whatever else serves its API, such as
// exchange/gateway.
//
// [Client] sends requests and waits for their answers. [Exchange] is an
// exchange.Exchange on top of it and of the private stream: commands return at once,
// what they came to is read from the stream's executions, and a request whose outcome
// is not known is looked up by its client order id instead of being sent again.
// [Feed] is an exchange.Feed of the public stream. [Subscriber] keeps any table of the
// stream, public or private, as the venue sends it.
package bitmex

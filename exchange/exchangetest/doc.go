// Package exchangetest is the conformance suite: what every [exchange.Exchange]
// must do, whatever is behind it. The simulator passes it with every kind of
// market data it can match against; a client that talks to a venue or a gateway
// runs the same suite with a [Harness] that can move that venue's market.
//
// The suite knows nothing of how an exchange works. It gives commands, moves
// the market, lets time pass and reads reports, so each rule holds for latencies
// of any length.
package exchangetest

// Package session keeps what a paper-trading session saw and did, so that nothing is
// lost when the machine dies.
//
// A session is a function of what it hears. The engine, the simulated exchange and a
// strategy give the same orders and fills whenever they are given the same market
// events at the same times; so what is kept is, above all, what the session heard. A
// [Session] stands between the source of prices and the engine: it stamps what comes,
// writes it to a journal, and hands it on. After a kill -9 the journal is played from
// its beginning, which rebuilds the account, the orders, the indicators and the
// strategy's own variables without the strategy having to save anything, and the
// session goes on where it was. What came out the first time is kept too, and must come
// out again: a strategy or a setting that has changed meanwhile is found out and named.
//
// Input and output of each batch are one transaction of an SQLite database ([Store]),
// and nobody outside hears of an order before that transaction is done.
//
// It lies between package engine, which it feeds and observes, and package cli, which
// wires the two. docs/design/0008-sessions.md says why it is this way.
package session

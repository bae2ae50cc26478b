// Package bitmexapi is the BitMEX API as bytes: rows of its tables, signatures,
// commands and answers of its WebSocket, errors. Both sides of the wire use it, the
// client in exchange/live/bitmex and the server in exchange/gateway, so that neither
// knows the other.
//
// Numbers keep the digits they came with: prices cross the wire as JSON numbers and
// are never floats on the way to or from the types of package exchange.
package bitmexapi

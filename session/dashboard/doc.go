// Package dashboard shows a running session to its operator: a web page over HTTP and
// WebSocket, the same as JSON, Prometheus metrics, and the kill switch, which needs a
// token.
//
// It hears of each transaction of the session (package session) and reads the rest from
// the session's database. Package cli wires it.
package dashboard

package live

import "github.com/dunamis-engine/dunamis/exchange"

// Known is what a program knows of its account when it connects again after it was
// away. A client that is given it reports what has happened since, and nothing twice.
type Known struct {
	// Before is the newest execution that was there when the account was first
	// connected: what is not later is not the program's.
	Before exchange.Time
	// Since is the newest execution that was heard; 0: none was.
	Since exchange.Time
	// Executions are ids of the newest executions that were heard, at least of those of
	// the last moments before Since.
	Executions []string
	// Open are the orders that were open as far as it was reported.
	Open []exchange.Order
	// Unanswered are orders that may have been sent, and of which nothing was heard.
	Unanswered []exchange.NewOrder
	// Positions are those that the fills came to.
	Positions map[exchange.SymbolID]exchange.Basis
}

// NoticeKind is the kind of a notice.
type NoticeKind uint8

// Kinds of notices.
const (
	Lost       NoticeKind = iota + 1 // the account is not heard any more
	Found                            // it is again, and what was missed was reported
	Missed                           // something that no report has told is made up for
	Difference                       // the account is not what its reports came to, and nothing explains it
	Refused                          // a row of the account is out of bounds, and was not used
)

// Notice is something that a client has to say of its account that no report can.
type Notice struct {
	Kind NoticeKind
	Text string
}

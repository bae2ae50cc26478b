package exchange

import (
	"errors"
	"fmt"
	"strconv"
)

// ValidationError says which field of a request or an instrument is wrong,
// what it holds and what was expected.
type ValidationError struct {
	Field  string // as BitMEX or the instrument file spells it: "orderQty", "terms[2].tickSize"
	Value  string
	Reason string
	Symbol string // may be empty
	Err    error  // the cause, if it is an error; may be nil
}

// Error implements error.
func (e *ValidationError) Error() string {
	s := fmt.Sprintf("%q: %s", e.Value, e.Reason)
	if e.Field != "" {
		s = plain(e.Field) + " " + s
	}
	if e.Symbol != "" {
		s = plain(e.Symbol) + ": " + s
	}
	return s
}

// plain quotes a text that is no name: it may hold what a terminal would obey.
func plain(text string) string {
	if ValidName(text) {
		return text
	}
	return strconv.Quote(text)
}

// Unwrap returns the cause.
func (e *ValidationError) Unwrap() error { return e.Err }

// Errors of commands, returned synchronously when the cause is known locally
// and carried by a ReportReject otherwise.
var (
	ErrUnknownSymbol = errors.New("unknown symbol")
	ErrUnknownOrder  = errors.New("unknown order")
	ErrClosed        = errors.New("exchange is closed")
	ErrDuplicateID   = errors.New("duplicate clOrdID")
)

package exchange

import (
	"errors"
	"fmt"
)

// ValidationError says which field of a request or an instrument is wrong,
// what it holds and what was expected.
type ValidationError struct {
	Field  string // the field's name as BitMEX spells it, such as "orderQty"
	Value  string
	Reason string
	Symbol string // may be empty
}

// Error implements error.
func (e *ValidationError) Error() string {
	s := fmt.Sprintf("%s %q: %s", e.Field, e.Value, e.Reason)
	if e.Symbol != "" {
		s = e.Symbol + ": " + s
	}
	return s
}

// Errors of commands, returned synchronously when the cause is known locally
// and carried by a ReportReject otherwise.
var (
	ErrUnknownSymbol = errors.New("unknown symbol")
	ErrUnknownOrder  = errors.New("unknown order")
	ErrClosed        = errors.New("exchange is closed")
	ErrDuplicateID   = errors.New("duplicate clOrdID")
)

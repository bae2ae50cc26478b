package data

import (
	"errors"
	"fmt"

	"github.com/dunamis-engine/dunamis/exchange"
)

// ErrClosed is returned by a Tx after Commit or Abort and by a Feed after Close.
var ErrClosed = errors.New("closed")

// NotFoundError says that a directory is no catalog.
type NotFoundError struct {
	Root string
	Err  error
}

// Error implements error.
func (e *NotFoundError) Error() string {
	return fmt.Sprintf("catalog %q: %v; create one with `backtest data import`", e.Root, e.Err)
}

// Unwrap returns the cause.
func (e *NotFoundError) Unwrap() error { return e.Err }

// OrderError says that an event written to a stream is older than the one
// before it.
type OrderError struct {
	Key    Key
	Row    int64 // of the stream in this import, from 0
	Time   exchange.Time
	Before exchange.Time // of the row before it
}

// Error implements error.
func (e *OrderError) Error() string {
	return fmt.Sprintf("%s: row %d goes back in time: %s after %s; sort the input by time", e.Key, e.Row, e.Time, e.Before)
}

// RowError says that an event cannot be stored in the stream it was written to.
type RowError struct {
	Key    Key
	Row    int64 // of the stream in this import, from 0
	Time   exchange.Time
	Reason string
}

// Error implements error.
func (e *RowError) Error() string {
	return fmt.Sprintf("%s: row %d at %s: %s", e.Key, e.Row, e.Time, e.Reason)
}

// OverlapError says that an import holds rows for a time that another import
// has already filled.
type OverlapError struct {
	Key      Key
	Time     exchange.Time // the first instant that both hold
	Source   string        // the input being imported
	Existing string        // the input that was imported before
	Part     string        // the file that it is in, relative to the root
	Reason   string
}

// Error implements error.
func (e *OverlapError) Error() string {
	return fmt.Sprintf("%s at %s: %q %s %q (%s); remove the older part or import into another catalog",
		e.Key, e.Time, e.Source, e.Reason, e.Existing, e.Part)
}

// NoDataError says that a stream of a query holds no row in the range asked.
type NoDataError struct {
	Key         Key
	From, To    exchange.Time // asked; a To of 0 is open
	First, Last exchange.Time // held; both 0 if the catalog has nothing of the stream
	Root        string
}

// Error implements error.
func (e *NoDataError) Error() string {
	to := "the end"
	if e.To != 0 {
		to = e.To.String()
	}
	from := "the beginning"
	if e.From != 0 {
		from = e.From.String()
	}
	held := "the catalog " + e.Root + " has nothing of this stream"
	if e.First != 0 || e.Last != 0 {
		held = fmt.Sprintf("the catalog %s has %s to %s", e.Root, e.First, e.Last)
	}
	return fmt.Sprintf("no data: %s from %s to %s: %s; import it with `backtest data import`, "+
		"and see what there is with `backtest data info`", e.Key, from, to, held)
}

// PartsError says that two parts of a stream hold the same rows, or rows of the same times:
// no import writes such parts, and what they hold would be read twice.
type PartsError struct {
	First, Second string // the files, relative to the root
	Time          exchange.Time
	Reason        string
}

// Error implements error.
func (e *PartsError) Error() string {
	return fmt.Sprintf("parts %s and %s: %s at %s; remove the one that is no import's, and see `backtest data verify`",
		e.First, e.Second, e.Reason, e.Time)
}

// CorruptError says that a file of the catalog cannot be read.
type CorruptError struct {
	Path     string
	RowGroup int // -1: the file as a whole
	Err      error
}

// Error implements error.
func (e *CorruptError) Error() string {
	if e.RowGroup < 0 {
		return fmt.Sprintf("corrupt part %s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("corrupt part %s: row group %d: %v", e.Path, e.RowGroup, e.Err)
}

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

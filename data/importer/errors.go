package importer

import (
	"errors"
	"fmt"
	"strings"
)

// Errors that are wrapped with the place they occurred at.
var (
	// ErrNoRows is returned for a file without a row to import.
	ErrNoRows = errors.New("no rows")
	// ErrLongLine is returned for a line, or a JSON object, longer than 1 MiB.
	ErrLongLine = errors.New("longer than 1 MiB")
	// ErrChanged is returned when the file changes while it is read.
	ErrChanged = errors.New("the file changed while it was read")
)

// errUnordered ends a pass when the rows of a stream are too far out of order
// for the window in which they are sorted.
var errUnordered = errors.New("rows are out of order")

// RowError says which row of a file cannot be imported and why.
type RowError struct {
	File   string
	Row    int64  // the header is row 1; for JSON, objects count from 1
	Column string // empty when the row as a whole is wrong
	Value  string
	Err    error
}

// Error implements error.
func (e *RowError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("%s: row %d: %v", e.File, e.Row, e.Err)
	}
	return fmt.Sprintf("%s: row %d: column %s %q: %v", e.File, e.Row, e.Column, e.Value, e.Err)
}

// Unwrap returns the cause.
func (e *RowError) Unwrap() error { return e.Err }

// FormatError says that a file is not in the format asked for, or in none that
// is known.
type FormatError struct {
	File    string
	Format  string   // as asked for
	Missing []string // columns that the format needs and the file lacks
	Header  string   // the first line, or the keys of the first JSON object
}

// Error implements error.
func (e *FormatError) Error() string {
	if len(e.Missing) > 0 {
		return fmt.Sprintf("%s: not %s: no column %s in the header %q",
			e.File, e.Format, strings.Join(e.Missing, ", "), e.Header)
	}
	return fmt.Sprintf("%s: unknown format; known are %s; the header is %q",
		e.File, strings.Join(Formats(), ", "), e.Header)
}

// TruncatedError says that a file ends in the middle or is damaged.
type TruncatedError struct {
	File string
	Row  int64 // the last row that could be read
	Err  error
}

// Error implements error.
func (e *TruncatedError) Error() string {
	return fmt.Sprintf("%s: truncated or damaged after row %d: %v; download it again, "+
		"or import the rows before with --skip-bad", e.File, e.Row, e.Err)
}

// Unwrap returns the cause.
func (e *TruncatedError) Unwrap() error { return e.Err }

// InstrumentError says that a quantity cannot be counted in contracts, because
// nothing is known of the instrument.
type InstrumentError struct {
	Venue, Symbol string
	Err           error // the *RowError of the quantity
}

// Error implements error.
func (e *InstrumentError) Error() string {
	return fmt.Sprintf("%v; %s:%s is not a known instrument: describe it, with its contractsPerUnit, in a JSON file "+
		"(`backtest instruments --json` prints examples) and pass --instruments FILE", e.Err, e.Venue, e.Symbol)
}

// Unwrap returns the cause.
func (e *InstrumentError) Unwrap() error { return e.Err }

// skip is the reason for which a row is left out although nothing is wrong with
// it. Decoders return it in the place of an error.
type skip string

// Error implements error.
func (s skip) Error() string { return string(s) }

// Reasons for leaving a row out.
const (
	errSkipIndex      = skip("index print")
	errSkipSettlement = skip("settlement print")
	errSkipNoPrice    = skip("no price")
	errSkipSnapshot   = skip("before the first snapshot")
	errSkipSymbol     = skip("symbol not selected")
	errSkipDuplicate  = skip("duplicate")
	errSkipUndated    = skip("funding rate without funding_timestamp")

	reasonBad = "bad row"
)

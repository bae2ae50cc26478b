package reports

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
)

// ErrClosed is returned by a recorder that has been finished or aborted.
var ErrClosed = errors.New("the recorder is closed")

// DirectoryError means that a directory cannot take a run: it holds files that
// are not those of an unfinished run. Nothing in it was touched.
type DirectoryError struct {
	Dir   string
	Files []string // a few of those in the way
	Why   string
}

// Error implements error.
func (e *DirectoryError) Error() string {
	s := fmt.Sprintf("directory %s: %s", e.Dir, e.Why)
	if len(e.Files) > 0 {
		s += " (" + strings.Join(e.Files, ", ") + ")"
	}
	return s + "; choose an empty or a new directory"
}

// UnfinishedError means that the run in a directory did not finish.
type UnfinishedError struct {
	Dir    string
	Status Status
	Reason string
}

// Error implements error.
func (e *UnfinishedError) Error() string {
	s := fmt.Sprintf("the run in %s is not finished: %s", e.Dir, e.Status)
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

// SchemaError means that a file is of another kind or version than this build
// reads.
type SchemaError struct {
	File string
	Have string
	Want string
}

// Error implements error.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("%s: schema %q, want %q", e.File, e.Have, e.Want)
}

// IdentityError means that an account does not add up. It is never expected: it
// shows a fault in the exchange, or reports that were not delivered to the
// recorder.
type IdentityError struct {
	Identity string // what must be equal
	Left     exchange.Money
	Right    exchange.Money
}

// Error implements error.
func (e *IdentityError) Error() string {
	return fmt.Sprintf("the account does not add up: %s: %d is not %d (off by %d)", e.Identity, e.Left, e.Right, e.Left-e.Right)
}

// ConfigError says which of the options is wrong.
type ConfigError struct {
	Field  string
	Reason string
}

// Error implements error.
func (e *ConfigError) Error() string { return "reports: " + e.Field + ": " + e.Reason }

package cli

import (
	"context"
	"errors"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/gateway"
	"github.com/dunamis-engine/dunamis/internal/config"
)

// Exit codes; they are part of the interface.
const (
	ExitOK     = 0
	ExitUsage  = 2
	ExitData   = 3
	ExitFailed = 4
	// ExitSomeFailed: a sweep has finished, and some of its runs failed.
	ExitSomeFailed = 5
	// ExitFault: a fault in the program ended the command; the message names the event. A
	// panic of a strategy is no such fault: it is [ExitFailed].
	ExitFault = 6
	// ExitUnconfirmed: a session was asked to cancel or close, and its venue has not confirmed
	// that it is done. The session goes on trying. Also: a session has not taken new limits yet.
	ExitUnconfirmed = 7
	ExitInterrupted = 130
)

// exitError gives an error its exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error     { return withCode(ExitUsage, err) }
func dataError(err error) error { return withCode(ExitData, err) }

func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: code, err: err}
}

// exitCode finds the code of an error: what it was given, or what its type says.
func exitCode(err error) int {
	var (
		coded  *exitError
		param  *engine.ParamError
		conf   *config.Error
		skew   *engine.SkewError
		noData *data.NoDataError
		beyond *data.ValueError
		panics *engine.PanicError
		fault  *gateway.FaultError
		parts  *data.PartsError
	)
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	case errors.As(err, &panics) && panics.Strategy == "", errors.As(err, &fault):
		return ExitFault
	case errors.As(err, &panics):
		return ExitFailed
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &param), errors.As(err, &conf), errors.Is(err, exchange.ErrUnknownSymbol):
		return ExitUsage
	case errors.As(err, &skew), errors.As(err, &noData), errors.As(err, &beyond), errors.As(err, &parts),
		errors.Is(err, engine.ErrNoEvents):
		return ExitData
	}
	return ExitFailed
}

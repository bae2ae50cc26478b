package gateway

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
)

// FaultError is a panic of the owner: a fault in the program. The accounts cannot be trusted
// after it, so it ends the gateway.
type FaultError struct {
	Text  string // of the panic, quoted, of bounded length
	Where string // function, file and line
	Doing string // the event that was dealt with, or the request
	Stack string // for a log; several lines
}

// Error implements error. The trace is not part of it.
func (e *FaultError) Error() string {
	return fmt.Sprintf("fault in the program %s: %s (in %s)", e.Doing, e.Text, e.Where)
}

// fault describes a panic that the calling deferred function has recovered.
func (g *Gateway) fault(p any) error {
	e := &FaultError{Text: fmt.Sprintf("%.300q", fmt.Sprint(p)), Stack: string(debug.Stack()),
		Doing: fmt.Sprintf("at what was due at %s", g.now)}
	switch {
	case g.event != nil:
		e.Doing = "at the event " + g.cfg.Instruments.Get(g.event.Symbol).Name() + " " + g.event.String()
	case g.asked != nil:
		e.Doing = fmt.Sprintf("at %s, %s", g.now, g.asked)
	}
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	for raised, more := false, true; more && e.Where == ""; {
		var f runtime.Frame
		f, more = frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			raised = true
		case raised && !strings.HasPrefix(f.Function, "runtime."):
			e.Where = fmt.Sprintf("%s, %s:%d", f.Function[strings.LastIndexByte(f.Function, '/')+1:], filepath.Base(f.File),
				f.Line)
		}
	}
	return e
}

// question is a request, for the error if it panics.
type question struct {
	verb, path string
	account    int64
	params     params
}

// String names the request, without what could be secret.
func (q *question) String() string {
	return fmt.Sprintf("%s %s of account %d: %.300q", q.verb, q.path, q.account, fmt.Sprint(q.params))
}

type questionKey struct{}

// asking notes in a context what is asked.
func asking(ctx context.Context, q *question) context.Context {
	return context.WithValue(ctx, questionKey{}, q)
}

// checker returns the check of the feed's events: an event that is out of bounds becomes a
// gap. It belongs to the goroutine that reads the feed.
func (g *Gateway) checker() func(*exchange.Event) {
	screen := exchange.NewScreen(g.cfg.Instruments, g.cfg.Symbols, g.cfg.Start)
	return func(e *exchange.Event) {
		was := *e
		err := screen.Check(e)
		if err == nil || errors.Is(err, exchange.ErrUnknownSymbol) {
			return // the gateway drops events of other symbols
		}
		g.metrics.events.Inc()
		g.log.Error("event of the market refused: it becomes a gap", "event", was.String(), "error", err)
	}
}

package engine

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"unicode"

	"github.com/dunamis-engine/dunamis/exchange"
)

// PanicError is a panic in a run: of the strategy, or of the engine and the exchange, which
// is a fault of this program. What the run did until then is void: a session goes on from
// its newest transaction.
type PanicError struct {
	// Strategy is the strategy that panicked; empty: the engine or the exchange did.
	Strategy string
	Text     string // of the panic, as one line of bounded length
	Where    string // function, file and line
	Stack    string // for a log; several lines

	At     exchange.Time
	Event  *exchange.Event // that was dealt with; nil: none was
	Index  int             // of the event among those that the feed gave with it; -1: it was given before
	Symbol string          // of the event
	Doing  string          // what was done if there is no event, and the command that was given, if any
}

// Error implements error. The trace is not part of it.
func (e *PanicError) Error() string {
	who := "fault in the program"
	if e.Strategy != "" {
		who = "strategy " + e.Strategy + " panicked"
	}
	if e.At != 0 {
		who += " at " + e.At.String() + ","
	}
	if occasion := e.Occasion(); occasion != "" {
		who += " " + occasion
	}
	return fmt.Sprintf("%s: %s (in %s)", who, e.Text, e.Where)
}

// Brief is what was said and where.
func (e *PanicError) Brief() string { return fmt.Sprintf("panic: %s (in %s)", e.Text, e.Where) }

// Occasion names the event, and the command that was given, if any.
func (e *PanicError) Occasion() string {
	switch {
	case e.Event == nil:
		return e.Doing
	case e.Doing == "":
		return fmt.Sprintf("at the event %s %s", e.Symbol, e.Event)
	}
	return fmt.Sprintf("at the event %s %s, %s", e.Symbol, e.Event, e.Doing)
}

// NewPanicError describes the panic that a deferred function has recovered: that function
// must call it. s is the strategy that may have panicked, or nil.
func NewPanicError(p any, s Strategy) *PanicError {
	pkg := "?"
	if t := reflect.TypeOf(s); t != nil {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		pkg = t.PkgPath()
	}
	e := &PanicError{Text: oneLine(fmt.Sprint(p)), Stack: string(debug.Stack()), Index: -1}
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	raised, passed := false, false
	for {
		frame, more := frames.Next()
		switch name := frame.Function; {
		case name == "runtime.gopanic":
			raised = true
		case !raised, strings.HasPrefix(name, "runtime."):
		default:
			if e.Where == "" {
				e.Where = fmt.Sprintf("%s, %s:%d", name[strings.LastIndexByte(name, '/')+1:], filepath.Base(frame.File), frame.Line)
			}
			strategys := strings.HasPrefix(name, pkg+".")
			if !passed && (strategys || !helper(name)) {
				passed = true
				if s != nil && (strategys || !own(name)) {
					e.Strategy = fmt.Sprintf("%T", s)
				}
			}
		}
		if !more {
			return e
		}
	}
}

const module = "github.com/dunamis-engine/dunamis/"

// own reports whether a function belongs to the program and not to a strategy.
func own(function string) bool {
	for _, p := range []string{"engine.", "exchange.", "exchange/", "session.", "reports.", "reports/", "data.", "data/",
		"cli."} {
		if strings.HasPrefix(function, module+p) {
			return true
		}
	}
	return false
}

// helper reports whether a function acts for its caller: one of the standard library, and
// what the engine lends to strategies. A panic there is the caller's mistake.
func helper(function string) bool {
	first, _, _ := strings.Cut(function, "/")
	if !strings.Contains(function, "/") || !strings.Contains(first, ".") {
		return true // no package of a module has such a path, but those whose module has no dot
	}
	return strings.HasPrefix(function, module+"engine/indicator.") || strings.HasPrefix(function,
		module+"engine.(*Context).") ||
		strings.HasPrefix(function, module+"engine.get[") || strings.HasPrefix(function, module+"engine.Values.")
}

// longestPanic is the greatest length of a panic's text that is shown, in bytes.
const longestPanic = 300

// oneLine makes a bounded line of a text, without control characters.
func oneLine(text string) string {
	text = strings.ToValidUTF8(text, "�")
	if len(text) > longestPanic {
		text = strings.ToValidUTF8(text[:longestPanic], "") + " ..."
	}
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, text)
}

// RunRecovered is Run, and returns a panic of the strategy, the exchange or the engine as a
// [*PanicError].
func (e *Engine) RunRecovered(ctx context.Context) (s Summary, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = e.panicked(NewPanicError(p, e.cfg.Strategy))
			s = e.summary
			s.End = e.now
		}
	}()
	return e.Run(ctx)
}

// panicked adds what the engine was doing.
func (e *Engine) panicked(err *PanicError) *PanicError {
	err.At = e.now
	if ev := e.current; ev != nil {
		kept := *ev
		err.Event, err.Symbol = &kept, e.cfg.Instruments.Get(ev.Symbol).Name()
		for i := range e.buf[:e.n] {
			if &e.buf[i] == ev && !e.warming { // those of the history have no number
				err.Index = i
			}
		}
	}
	switch {
	case e.ctx.giving:
		o := &e.ctx.given
		err.Doing = fmt.Sprintf("giving the order %q: %s %s %d of %s, price %s, stop price %s", oneLine(string(o.ClientID)),
			o.Type, o.Side,
			o.Qty, e.symbolName(o.Symbol), o.Price, o.StopPrice)
	case e.told != nil:
		err.Doing = "at " + oneLine(e.reportText(e.told))
	case err.Event == nil && !e.ctx.started:
		err.Doing = "at the start"
	case err.Event == nil:
		err.Doing = "at what was due then"
	}
	return err
}

// reportText names a report.
func (e *Engine) reportText(r *exchange.Report) string {
	symbol := e.symbolName(r.Symbol)
	switch o, f := &r.Order, &r.Fill; r.Kind {
	case exchange.ReportOrder:
		return fmt.Sprintf("the report %s of the order %q: %s %s %d of %s, price %s, left %d", r.ExecType, o.ClientID,
			o.Type, o.Side, o.Qty,
			symbol, o.Price, o.Leaves)
	case exchange.ReportFill:
		return fmt.Sprintf("the fill %q of the order %q: %s %d of %s at %s, position %d", f.ExecID, f.ClientID, f.Side,
			f.Qty, symbol, f.Price,
			f.Position)
	case exchange.ReportPosition:
		return fmt.Sprintf("the position of %s: %d", symbol, r.Position.Qty)
	case exchange.ReportMargin:
		return fmt.Sprintf("the margin: wallet %d, balance %d of %s", r.Margin.Wallet, r.Margin.Balance, r.Margin.Currency)
	case exchange.ReportFunding:
		return fmt.Sprintf("the funding of %d of %s: %d", r.Funding.Qty, symbol, r.Funding.Amount)
	case exchange.ReportReject:
		return fmt.Sprintf("the refusal of the %s of order %q: %s", r.Reject.Command, r.Reject.ClientID, r.Reject.Reason)
	}
	return fmt.Sprintf("a report of kind %d", r.Kind)
}

// symbolName names a symbol, which may be one that does not exist.
func (e *Engine) symbolName(s exchange.SymbolID) string {
	if int(s) >= e.cfg.Instruments.Len() {
		return fmt.Sprintf("symbol #%d", s)
	}
	return e.cfg.Instruments.Get(s).Name()
}

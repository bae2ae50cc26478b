package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/terminal"
	"github.com/dunamis-engine/dunamis/session"
	"github.com/dunamis-engine/dunamis/session/dashboard"
)

// statusLine is a line on a terminal that shows how a session is doing. It is drawn again once
// a second; what is written through it appears above. A nil line draws nothing.
type statusLine struct {
	mu       sync.Mutex
	out      io.Writer  // the terminal
	width    func() int // of the terminal in columns
	currency exchange.Currency
	symbols  []string

	now      exchange.Time // 0: nothing was heard yet
	equity   exchange.Money
	position string
	tripped  string
	open     map[exchange.ClientID]bool // orders
	fills    int64
	shown    bool

	stop, done chan struct{} // nil: it has not begun
}

// lineEvery is how often the line is drawn.
const lineEvery = time.Second

// leastWidth is the width of a terminal that does not say how wide it is.
const leastWidth = 80

// statusLine makes the line of a session, with what the session has done so far. begin shows
// it, close ends it. It is nil where the session writes its log instead.
func (a *App) statusLine(ctx context.Context, f *sessionFlags, p *plan, store *session.Store) (*statusLine, error) {
	if !a.Interactive || f.quiet || f.jsonLog {
		return nil, nil
	}
	state, err := store.State(ctx)
	var counts session.Counts
	if err == nil {
		counts, err = store.Count(ctx)
	}
	var open []session.Order
	if err == nil {
		open, err = store.OpenOrders(ctx)
	}
	if err != nil {
		return nil, dataError(err)
	}
	l := &statusLine{out: a.rawStderr, width: widthOf(a.rawStderr), currency: p.sim.Currency, fills: counts.Fills,
		open: map[exchange.ClientID]bool{}}
	for _, i := range p.instruments {
		l.symbols = append(l.symbols, i.Symbol)
	}
	for i := range open {
		l.open[exchange.ClientID(open[i].ClientID)] = true
	}
	l.set(&state)
	return l, nil
}

// widthOf asks a terminal how wide it is, now and after each change.
func widthOf(w io.Writer) func() int {
	return func() int {
		f, is := w.(*os.File)
		if !is {
			return leastWidth
		}
		columns, _, err := term.GetSize(int(f.Fd()))
		if err != nil || columns <= 0 {
			return leastWidth
		}
		return columns
	}
}

// begin draws the line, again and again until close is called.
func (l *statusLine) begin() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shown, l.stop, l.done = true, make(chan struct{}), make(chan struct{})
	l.draw()
	go l.run(l.stop, l.done)
}

func (l *statusLine) run(stop, done chan struct{}) {
	defer close(done)
	tick := time.NewTicker(lineEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.mu.Lock()
			l.draw()
			l.mu.Unlock()
		case <-stop:
			return
		}
	}
}

// close erases the line for good and waits until nothing draws it any more. It may be called
// again, and by any goroutine.
func (l *statusLine) close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	done := l.done
	if l.shown {
		l.erase()
		l.shown = false
		close(l.stop)
	}
	l.mu.Unlock()
	if done != nil {
		<-done
	}
}

// committed hears of each transaction of the session.
func (l *statusLine) committed(c *session.Commit) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range c.Reports {
		r := &c.Reports[i]
		switch r.Kind {
		case exchange.ReportFill:
			l.fills++
		case exchange.ReportOrder:
		default:
			continue
		}
		if id := r.Order.ClientID; r.Order.Status.Final() {
			delete(l.open, id)
		} else if id != "" {
			l.open[id] = true
		}
	}
	l.set(&c.State)
}

// set keeps what the line shows of a state.
func (l *statusLine) set(s *session.State) {
	l.now, l.equity, l.tripped = s.Now, s.Margin.Balance, s.Tripped
	var held []string
	for i := range s.Positions {
		if i < len(l.symbols) {
			held = append(held, fmt.Sprintf("%d %s", s.Positions[i].Qty, l.symbols[i]))
		}
	}
	l.position = strings.Join(held, ", ")
}

// text is the line, which fits into a number of columns.
func (l *statusLine) text(columns int) string {
	if l.now == 0 {
		return cut("waiting for prices", columns)
	}
	parts := []string{"equity " + l.currency.Text(l.equity)}
	if l.position != "" {
		parts = append(parts, "position "+l.position)
	}
	parts = append(parts, fmt.Sprintf("orders %d", len(l.open)), fmt.Sprintf("fills %d", l.fills))
	if l.tripped != "" {
		parts = slices.Insert(parts, 0, "STOPPED: "+l.tripped)
	}
	rest := terminal.Line(strings.Join(parts, "  "))
	text := l.now.Std().Format("2006-01-02 15:04:05  ") + rest
	if utf8.RuneCountInString(text) > columns {
		text = l.now.Std().Format("15:04:05  ") + rest
	}
	return cut(text, columns)
}

// cut shortens a text to a number of columns.
func cut(text string, columns int) string {
	if utf8.RuneCountInString(text) <= columns {
		return text
	}
	return string([]rune(text)[:max(columns, 0)])
}

func (l *statusLine) draw() {
	if l.shown {
		fmt.Fprintf(l.out, "\r\x1b[K%s", l.text(l.width()-1)) // in the last column a terminal may begin another line
	}
}

func (l *statusLine) erase() {
	if l.shown {
		fmt.Fprint(l.out, "\r\x1b[K")
	}
}

// above is a writer whose lines appear above the status line.
type above struct {
	line *statusLine
	to   io.Writer
}

// Write implements io.Writer.
func (w above) Write(b []byte) (int, error) {
	w.line.mu.Lock()
	defer w.line.mu.Unlock()
	w.line.erase()
	n, err := w.to.Write(b)
	w.line.draw()
	return n, err
}

// sessionLogs are where a session and its strategy log, and where each order and fill is noted.
type sessionLogs struct {
	general, orders *slog.Logger
}

// logs writes JSON, one object a line, to standard error and for the dashboard. With a status
// line, standard error gets text instead: what the session and the strategy say, and of orders
// the refused commands alone.
func (a *App) logs(f *sessionFlags, lines *dashboard.Log, status *statusLine) sessionLogs {
	if status == nil {
		log := f.logger(io.MultiWriter(a.Stderr, lines))
		return sessionLogs{log, log}
	}
	all := slog.NewJSONHandler(lines, nil)
	text := func(level slog.Level) slog.Handler {
		return slog.NewTextHandler(above{status, a.Stderr}, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTime})
	}
	with := func(level slog.Level) *slog.Logger {
		return slog.New(slog.NewMultiHandler(all, text(level)))
	}
	return sessionLogs{with(slog.LevelInfo), with(slog.LevelWarn)}
}

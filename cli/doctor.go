package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/internal/terminal"
	"github.com/dunamis-engine/dunamis/secret"
	"github.com/dunamis-engine/dunamis/session"
)

// check is one thing that paper doctor looked at.
type check struct {
	Name   string `json:"check"`
	Result string `json:"result"` // ok, warning or failed
	Detail string `json:"detail"`
}

const (
	checkOK      = "ok"
	checkWarning = "warning"
	checkFailed  = "failed"
)

// doctor is a checklist.
type doctor struct {
	app    *App
	flags  *sessionFlags
	checks []check
}

func (d *doctor) note(name, result, format string, args ...any) {
	d.checks = append(d.checks, check{Name: name, Result: result, Detail: fmt.Sprintf(format, args...)})
}

// verdict notes an error, or that all is well.
func (d *doctor) verdict(name string, err error, format string, args ...any) bool {
	if err != nil {
		d.note(name, checkFailed, "%s", err)
		return false
	}
	d.note(name, checkOK, format, args...)
	return true
}

func (a *App) doctorCommand() *cobra.Command {
	f := new(sessionFlags)
	asJSON := false
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check all that a session needs, before it begins",
		Long: `Check settings, state directory, disk, clock, connection, instruments, limits and
notifications for a session with the same flags as paper run, and with --mode live or
shadow the key and what it may do. Nothing is begun.`,
		Example: `  paper doctor --feed bitmex --live-url http://127.0.0.1:8090 --symbol XBTUSD --strategy sma_cross
  paper doctor -c paper.yaml --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.load(c.Flags()); err != nil {
				return err
			}
			return a.doctor(c.Context(), f, c.Flags(), asJSON)
		},
	}
	f.register(c.Flags(), a.venueNames())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (a *App) doctor(ctx context.Context, f *sessionFlags, flags *pflag.FlagSet, asJSON bool) error {
	a.symbolsOf(f.feed, &f.venue, flags)
	d := &doctor{app: a, flags: f}
	d.sessionAndDisk(ctx, flags)
	p, err := a.plan(&f.runFlags)
	if d.verdict("settings", err, "%s on %s", f.strategy, strings.Join(f.symbols, ", ")) {
		d.market(ctx, p)
		d.limits(p)
	}
	d.webhook()
	return d.print(asJSON)
}

// print shows the checklist, and fails if a check did.
func (d *doctor) print(asJSON bool) error {
	failed := 0
	for _, c := range d.checks {
		if c.Result == checkFailed {
			failed++
		}
	}
	if asJSON {
		if err := d.app.printJSON(d.checks); err != nil {
			return err
		}
	} else {
		w := tabwriter.NewWriter(d.app.Stdout, 0, 0, 2, ' ', 0)
		for _, c := range d.checks {
			fmt.Fprintf(w, "%s\t%s\t%s\n", map[string]string{checkOK: "ok", checkWarning: "WARNING",
				checkFailed: "FAILED"}[c.Result], c.Name, terminal.Line(c.Detail))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if failed > 0 {
		return withCode(ExitFailed, fmt.Errorf("%d of %d checks failed", failed, len(d.checks)))
	}
	return nil
}

// sessionAndDisk looks at where the session is or would be, and recalls its settings.
func (d *doctor) sessionAndDisk(ctx context.Context, flags *pflag.FlagSet) {
	f := d.flags
	if f.name == "" && len(f.symbols) > 0 {
		f.name = strings.ToLower(f.symbols[0]) + "-" + f.strategy
	}
	dir, err := sessionDir(f.state, f.name)
	if err != nil {
		d.note("session", checkFailed, "%s", err)
		return
	}
	store, err := session.Open(ctx, dir)
	switch {
	case errors.Is(err, session.ErrNoSession):
		d.note("session", checkOK, "%s would be new", f.name)
	case err != nil:
		d.note("session", checkFailed, "%s", err)
	default:
		state, err := store.State(ctx)
		if err == nil {
			err = recall(ctx, store, f, flags)
		}
		if err == nil && state.Ended {
			err = fmt.Errorf("%s has ended", f.name)
		}
		d.verdict("session", errors.Join(err, store.Close()), "%s goes on from %s", f.name, state.Now)
	}
	d.disk(filepath.Dir(filepath.Dir(dir)))
}

// leastFree is how much room there must be: weeks of a busy market.
const leastFree = 1 << 30

func (d *doctor) disk(dir string) {
	took, err := syncTime(dir)
	if !d.verdict("disk", err, "%s can be written; a synced write takes %s", dir, took.Round(10*time.Microsecond)) {
		return
	}
	switch free, known, err := freeSpace(dir); {
	case err != nil:
		d.note("space", checkFailed, "%s", err)
	case !known:
		d.note("space", checkWarning, "it is not known how much is free on this system")
	case free < leastFree:
		d.note("space", checkFailed, "%d MB are free, want at least %d", free>>20, leastFree>>20)
	default:
		d.note("space", checkOK, "%d MB are free", free>>20)
	}
}

// syncTime writes a page to a directory and waits until it is on the disk.
func syncTime(dir string) (took time.Duration, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	file, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	begun := time.Now()
	if _, err := file.Write(make([]byte, 4096)); err != nil {
		return 0, err
	}
	err = file.Sync()
	return time.Since(begun), err
}

// market opens the feed, and asks a live venue what time it is and what it trades.
func (d *doctor) market(ctx context.Context, p *plan) {
	m, err := d.app.market(ctx, d.flags, p, nil, slog.New(slog.DiscardHandler))
	if err == nil {
		err = m.feed.Close()
	}
	if !d.verdict("prices", err, "from %s", d.flags.feed) || !m.live {
		return
	}
	d.venue(ctx, p)
}

// skew is how far the clock may be from the venue's: what is signed expires.
const skew = 2 * time.Second

// examineFor is how long a venue may take to be examined.
const examineFor = 30 * time.Second

// venue asks a live venue what time it is, what it trades, and, if orders are to go
// there, what the key may do.
func (d *doctor) venue(ctx context.Context, p *plan) {
	f, v := d.flags, d.app.venue(d.flags.feed)
	x, err := v.access(f.liveURL, p, slog.New(slog.DiscardHandler), nil)
	if err == nil && f.sendsOrders() {
		if !d.verdict("key", v.unlock(ctx, x), "%s set", v.variables()) {
			return
		}
	}
	var found *Examination
	if err == nil {
		examining, cancel := context.WithTimeout(ctx, examineFor)
		found, err = v.Examine(examining, x)
		cancel()
	}
	switch {
	case err != nil:
		d.note("connection", checkFailed, "%s", err)
		return
	case len(found.Missing) > 0:
		d.note("connection", checkFailed, "the venue does not know %s", strings.Join(found.Missing, ", "))
	default:
		d.note("connection", checkOK, "the venue knows %s, and answers in %s", strings.Join(f.symbols, ", "), found.Answer.Round(100*time.Microsecond))
	}
	if most := p.limits.OrdersPerMinute; f.sendsOrders() && v.OrdersPerMinute > 0 && most > v.OrdersPerMinute {
		d.note("rate", checkWarning, "--max-orders-per-minute %d is more than the %d that leave room for cancellations: orders would wait before they are sent", most, v.OrdersPerMinute)
	}
	d.clock(found)
	if f.sendsOrders() {
		d.permissions(found)
	}
}

func (d *doctor) clock(found *Examination) {
	switch off := found.Skew; {
	case !found.Told:
		d.note("clock", checkWarning, "the venue does not say what time it is")
	case off.Abs() <= skew:
		d.note("clock", checkOK, "it is %s from the venue's", off)
	case d.flags.sendsOrders():
		d.note("clock", checkFailed, "it is %s from the venue's, want at most %s: what is signed expires", off, skew)
	default:
		d.note("clock", checkWarning, "it is %s from the venue's, which may be replaying the past", off)
	}
}

func (d *doctor) permissions(found *Examination) {
	if !slices.Contains(found.Permissions, "order") {
		d.note("permissions", checkFailed, "the key may not place orders; it may %s", cmp.Or(strings.Join(found.Permissions, ", "), "only read"))
		return
	}
	if slices.Contains(found.Permissions, "withdraw") {
		d.note("permissions", checkWarning, "the key may withdraw money, which no session needs")
		return
	}
	d.note("permissions", checkOK, "the key may place orders")
}

// limits warns of a strategy that nothing would stop, and refuses one with real orders.
func (d *doctor) limits(p *plan) {
	without := missingLimits(p)
	switch {
	case len(without) > 0 && d.flags.sendsOrders():
		d.note("limits", checkFailed, "real orders need %s", strings.Join(without, ", "))
	case len(without) > 0 || p.limits.Stale == 0:
		if p.limits.Stale == 0 {
			without = append(without, "--max-staleness")
		}
		d.note("limits", checkWarning, "nothing is set for %s", strings.Join(without, ", "))
	default:
		d.note("limits", checkOK, "order, position, daily loss, rate and stale data have limits")
	}
}

func (d *doctor) webhook() {
	if !d.flags.webhook {
		d.note("notifications", checkWarning, "none: --webhook is not given")
		return
	}
	_, err := secret.FromEnv(webhookEnv)
	d.verdict("notifications", err, "go to $%s", webhookEnv)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/config"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
	"github.com/dunamis-engine/dunamis/session"
)

func (a *App) replayCommand() *cobra.Command {
	var state, out string
	var noReport, asJSON bool
	c := &cobra.Command{
		Use:   "replay SESSION",
		Short: "Run a paper-trading session again, compare, and report",
		Long: `Run a recorded session again, from its first event to its last, and compare every
report of the exchange with the one of the first time. A difference is an error that
names it. Then the same report is written as for a backtest.

SESSION is the name of a session, or its directory.`,
		Example: `  backtest replay xbtusd-sma_cross
  backtest replay ~/.local/state/dunamis/sessions/xbtusd-sma_cross --out report`,
		Args: oneSession(),
		RunE: func(c *cobra.Command, args []string) error {
			return a.replay(c.Context(), state, args[0], out, noReport, asJSON)
		},
	}
	fs := c.Flags()
	stateFlag(fs, &state)
	fs.StringVar(&out, "out", "", "`directory` of the results (default: runs/TIME-STRATEGY)")
	fs.BoolVar(&asJSON, "json", false, "print result.json to stdout and nothing else there")
	fs.BoolVar(&noReport, "no-report", false, "compare only")
	return c
}

// both lets a session compare what a recorder records.
type both struct {
	session  *session.Session
	recorder *reports.Recorder
}

// Submitted implements engine.Observer.
func (b both) Submitted(s exchange.SymbolID, id exchange.ClientID, mid exchange.Price) {
	b.recorder.Submitted(s, id, mid)
}

// Report implements engine.Observer.
func (b both) Report(r *exchange.Report) error {
	return errors.Join(b.session.Report(r), b.recorder.Report(r))
}

// Sample implements engine.Observer.
func (b both) Sample(at exchange.Time) error {
	return errors.Join(b.session.Sample(at), b.recorder.Sample(at))
}

// Priced implements engine.PriceObserver.
func (b both) Priced(at exchange.Time) bool { return b.recorder.Priced(at) }

func (a *App) replay(ctx context.Context, state, name, out string, noReport, asJSON bool) error {
	store, err := readSession(ctx, state, name)
	if err != nil {
		return err
	}
	defer store.Close()
	f := &sessionFlags{name: filepath.Base(store.Dir)}
	p, m, k, err := a.recalled(ctx, f, store)
	if err != nil {
		return err
	}
	f.noReport = noReport
	if f.out = out; out == "" && !noReport {
		f.out = filepath.Join("runs", a.Now().UTC().Format("20060102-150405")+"-"+p.definition.Name)
	}
	w, err := a.wire(ctx, p, m, k, session.Config{Store: store})
	if err != nil {
		return err
	}
	if w.live != nil {
		if p.balance, err = store.OpeningWallet(ctx); err != nil {
			return dataError(err)
		}
	}
	result, err := a.replayed(ctx, f, p, w)
	if err != nil {
		return sessionError(err)
	}
	var stats *analysis.Statistics
	if !noReport {
		if stats, err = writePage(f.out); err != nil {
			return fmt.Errorf("the replay has finished; its page was not written: %w", err)
		}
	}
	if asJSON {
		return a.printJSON(result)
	}
	a.printResult(result, stats)
	fmt.Fprintf(a.Stdout, "\nthe session says what it said the first time: %d events, no difference\n", w.session.State().Events)
	if !noReport {
		fmt.Fprintf(a.Stdout, "results in %s, to look at: %s\n", f.out, filepath.Join(f.out, reports.PageFile))
	}
	return nil
}

// recalled is the plan of a session that is only looked at.
func (a *App) recalled(ctx context.Context, f *sessionFlags, store *session.Store) (*plan, *market, keptSettings, error) {
	k, err := kept(ctx, store)
	if err != nil {
		return nil, nil, k, err
	}
	flags := pflag.NewFlagSet("session", pflag.ContinueOnError)
	f.register(flags, a.venueNames())
	if err := config.Load("settings of the session", k.Flags, flags); err != nil {
		return nil, nil, k, dataError(err)
	}
	p, err := a.plan(&f.runFlags)
	if err == nil {
		err = k.check(p)
	}
	m := &market{live: k.Live, travelled: k.Travelled, shadow: f.mode == modeShadow}
	if err == nil {
		m.sources, m.bars, err = k.sources()
	}
	if err == nil && m.travelled {
		err = p.withoutDelay()
	}
	return p, m, k, err
}

// replayed runs a recorded session, with a recorder beside it.
func (a *App) replayed(ctx context.Context, f *sessionFlags, p *plan, w *wired) (*reports.Result, error) {
	state := w.session.State()
	recorder, err := a.record(p, 0, "session "+p.flags.data, []reports.DataPart{{Path: "session", Rows: state.Events}}, w.account(p.balance), w.models(f))
	if err != nil {
		return nil, err
	}
	if err := w.build(both{w.session, recorder}); err != nil {
		return nil, errors.Join(err, recorder.Abort(err, a.Now()))
	}
	summary, err := w.run(ctx)
	err = p.named(err)
	if err == nil {
		err = w.session.Same()
	}
	if err != nil {
		return nil, errors.Join(err, recorder.Abort(err, a.Now()))
	}
	o := a.outcome(p, summary, w.stats())
	o.Warnings = append(o.Warnings, w.unexplained(p.balance)...)
	return recorder.Finish(o)
}

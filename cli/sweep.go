package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/engine/sweep"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
	"github.com/dunamis-engine/dunamis/reports/page"
	"github.com/dunamis-engine/dunamis/reports/sweeps"
)

// sweepFlags are a run's settings, with more than one value of parameters.
type sweepFlags struct {
	run       runFlags
	params    []string
	method    string
	points    int
	workers   int
	objective string
	out       string
	asJSON    bool
	command   string // one run, but for its parameters
}

const (
	defaultWorkers = 8
	bestShown      = 10
)

func (a *App) sweepCommand() *cobra.Command {
	f := new(sweepFlags)
	c := &cobra.Command{
		Use:   "sweep",
		Short: "Replay a strategy with many parameters, and see what the best is worth",
		Long: `Replay a strategy over the same data with many values of its parameters. A parameter
takes a range, fast=5..30:5, a list, bars=5m,1h, or one value. The grid has all of
them; --method random draws some, also from a range of decimals without a step.

Runs go several at a time and share one reading of the data; each does exactly what
backtest run does with the same parameters. The directory has report.html with
surfaces, parallel coordinates and what lies around the best run, sweep.json, and the
tables runs and daily as Parquet. An interrupted sweep goes on when it is started
again with the same --out.`,
		Example: `  backtest sweep --catalog catalog --symbol XBTUSD --strategy sma_cross \
      --param fast=10..60:10 --param slow=80..240:40 --param bars=15m --param qty=5000
  backtest sweep -c run.yaml --param entry=10..100 --param exit=5..50 --method random --points 200 --seed 7
  backtest sweep --catalog catalog --symbol XBTUSD --strategy donchian --param entry=20,40,80 --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.run.load(c.Flags()); err != nil {
				return err
			}
			f.command = commandOf(c.Flags())
			return a.sweep(c.Context(), f)
		},
	}
	fs := c.Flags()
	f.run.registerSetting(fs)
	fs.StringArrayVar(&f.params, "param", nil, "values of a parameter: `name=low..high:step`, name=a,b,c or name=value;\nmay be repeated, the first varies slowest")
	fs.StringVar(&f.method, "method", "grid", "grid, or random for a sample of it")
	fs.IntVar(&f.points, "points", 100, "points of a random sample, drawn with --seed")
	fs.IntVar(&f.workers, "workers", defaultWorkers, "runs that go at the same time and share one reading of the data")
	fs.StringVar(&f.objective, "objective", sweeps.ObjectiveNames()[0], "what the best is judged by: "+strings.Join(sweeps.ObjectiveNames(), ", "))
	fs.StringVar(&f.out, "out", "", "`directory` of the results (default: runs/TIME-STRATEGY-sweep)")
	fs.BoolVar(&f.asJSON, "json", false, "print sweep.json to stdout and nothing else there")
	a.completeRun(c)
	return c
}

// commandOf is the command line of one run of a sweep, but for the parameters.
func commandOf(fs *pflag.FlagSet) string {
	words := []string{"backtest run"}
	fs.Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "config", "param", "method", "points", "workers", "objective", "out", "json":
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		} else if f.Value.Type() == "stringToString" {
			values = strings.Split(strings.Trim(values[0], "[]"), ",")
			slices.Sort(values) // they come from a map
		}
		for _, v := range values {
			words = append(words, "--"+f.Name+"="+quoted(v))
		}
	})
	return strings.Join(words, " ")
}

// quoted makes one word of a text for a shell.
func quoted(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune(plainRunes, r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

const plainRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,=+@%"

func (a *App) sweep(ctx context.Context, f *sweepFlags) error {
	s, err := a.newSweeper(ctx, f)
	if err != nil {
		return err
	}
	if f.out == "" {
		f.out = filepath.Join("runs", a.Now().UTC().Format("20060102-150405")+"-"+f.run.strategy+"-sweep")
	}
	result, err := s.run(ctx, f.out)
	if err != nil {
		return err
	}
	return a.printSweep(f.out, result, f.asJSON)
}

func (a *App) printSweep(dir string, s *sweeps.Sweep, asJSON bool) error {
	if asJSON {
		return a.printJSON(s)
	}
	fmt.Fprint(a.Stdout, s.Text(bestShown))
	fmt.Fprintln(a.Stdout, "\nwhat choosing the best is worth")
	for _, x := range page.SweepFigures(s) {
		fmt.Fprintf(a.Stdout, "  %-42s %s\n", x.Name, x.Value)
	}
	fmt.Fprintf(a.Stdout, "\nto look at: %s\n", filepath.Join(dir, reports.PageFile))
	return nil
}

// reportSweep makes the page of a finished sweep again.
func (a *App) reportSweep(dir string, asJSON bool) error {
	s, entries, err := sweeps.Read(dir)
	if err == nil {
		err = page.WriteSweep(filepath.Join(dir, reports.PageFile), s, entries)
	}
	if err != nil {
		return dataError(fmt.Errorf("%s: %w", dir, err))
	}
	return a.printSweep(dir, s, asJSON)
}

// sweeper runs the points of a sweep.
type sweeper struct {
	app       *App
	flags     *sweepFlags
	plan      *plan // what the runs share
	space     *sweep.Space
	selection *sweep.Selection
	catalog   *data.Catalog
	choice    *choice
	parts     []reports.DataPart
	bar       *progress
	done      int
}

func (a *App) newSweeper(ctx context.Context, f *sweepFlags) (*sweeper, error) {
	if _, ok := sweeps.ObjectiveOf(f.objective); !ok {
		return nil, usage(fmt.Errorf("--objective %q: want one of %s", f.objective, strings.Join(sweeps.ObjectiveNames(), ", ")))
	}
	if f.workers < 1 || f.workers > 1000 {
		return nil, usage(fmt.Errorf("--workers %d: want 1 to 1000", f.workers))
	}
	definition, err := a.strategy(f.run.strategy)
	if err != nil {
		return nil, err
	}
	s := &sweeper{app: a, flags: f, bar: a.newProgress(definition.Name)}
	if s.space, err = sweep.NewSpace(definition, f.params); err != nil {
		return nil, usage(err)
	}
	switch f.method {
	case "grid":
		s.selection, err = s.space.Grid()
	case "random":
		s.selection, err = s.space.Sample(f.points, f.run.seed)
	default:
		err = fmt.Errorf("--method %q: want grid or random", f.method)
	}
	if err != nil {
		return nil, usage(err)
	}
	f.run.params, f.run.noReport = s.selection.Points[0].Params, true
	if s.plan, err = a.plan(&f.run); err != nil {
		return nil, err
	}
	err = s.open(ctx)
	return s, err
}

// open finds the data that all runs read.
func (s *sweeper) open(ctx context.Context) (err error) {
	if s.catalog, err = data.Open(s.flags.run.catalog); err != nil {
		return dataError(err)
	}
	if s.choice, err = s.plan.choose(s.catalog); err != nil {
		return err
	}
	feed, err := s.app.feed(ctx, s.catalog, s.plan, s.choice)
	if err != nil {
		return dataError(err)
	}
	s.parts, err = partsOf(feed)
	return errors.Join(err, feed.Close())
}

// run runs the points that are not known yet and puts everything together.
func (s *sweeper) run(ctx context.Context, dir string) (result *sweeps.Sweep, err error) {
	fingerprint, err := s.fingerprint()
	if err != nil {
		return nil, err
	}
	journal, err := sweeps.Open(dir, fingerprint)
	var refused *reports.DirectoryError
	if errors.As(err, &refused) {
		return nil, usage(err)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	entries, err := s.runAll(ctx, journal)
	s.bar.clear()
	if err != nil {
		if n := len(s.selection.Points); s.done > 0 {
			fmt.Fprintf(s.app.Stderr, "%d of %d runs are done: the same command with --out %s goes on from there\n", s.done, n, dir)
		}
		return nil, err
	}
	result, err = s.describe()
	if err != nil {
		return nil, err
	}
	result.Judge(entries)
	if err := journal.Finish(result, entries); err != nil {
		return nil, err
	}
	return result, page.WriteSweep(filepath.Join(dir, reports.PageFile), result, entries)
}

func (s *sweeper) runAll(ctx context.Context, journal *sweeps.Journal) ([]sweeps.Entry, error) {
	entries := slices.Clone(journal.Known())
	known := make(map[int]bool)
	for i := range entries {
		known[entries[i].Run.N] = true
	}
	var todo []int
	for i := range s.selection.Points {
		if !known[i+1] {
			todo = append(todo, i)
		}
	}
	s.done = len(entries)
	groups := (len(todo) + s.flags.workers - 1) / s.flags.workers
	for g := range groups {
		group := todo[g*len(todo)/groups : (g+1)*len(todo)/groups]
		list, err := s.runGroup(ctx, group)
		if err == nil {
			err = journal.Add(list...)
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, list...)
		s.done += len(group)
	}
	return entries, nil
}

// runGroup runs points at the same time, over one reading of the data.
func (s *sweeper) runGroup(ctx context.Context, points []int) ([]sweeps.Entry, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	list, err := s.prepare(points)
	if err != nil {
		return nil, err
	}
	feed, err := s.app.feed(ctx, s.catalog, s.plan, s.choice)
	if err != nil {
		return nil, dataError(err)
	}
	tee := sweep.NewTee(ctx, feed, len(points))
	entries := make([]sweeps.Entry, len(points))
	var all sync.WaitGroup
	for i, x := range list {
		var watch func(exchange.Time, int64)
		if i == 0 {
			watch = s.watch(len(points))
		}
		all.Go(func() {
			own := tee.Feed(i)
			defer own.Close() //nolint:errcheck // it has nothing that could fail
			var err error
			if entries[i], err = s.runOne(ctx, x, own, watch); err != nil {
				cancel(fmt.Errorf("run %d (%s): %w", x.n+1, paramText(s.selection.Points[x.n].Params), err))
			}
		})
	}
	all.Wait()
	err = tee.Close()
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	return entries, err
}

// sweptRun is a run that is ready to go.
type sweptRun struct {
	n         int // its point
	plan      plan
	simulated *sim.Exchange
	strategy  engine.Strategy
	recorder  *daily
}

// prepare makes runs, one after the other: a definition need not be made for several
// goroutines.
func (s *sweeper) prepare(points []int) ([]*sweptRun, error) {
	list := make([]*sweptRun, len(points))
	for i, n := range points {
		x := &sweptRun{n: n, plan: *s.plan}
		var err error
		if x.plan.values, err = s.space.Values(s.selection.Points[n]); err != nil {
			return nil, err
		}
		if x.simulated, x.strategy, err = x.plan.make(); err != nil {
			return nil, err
		}
		mine := account{x.simulated.Account(), x.plan.sim.Currency.Code}
		o := s.app.options(&x.plan, 0, s.choice.name, s.parts, mine, x.simulated.Models())
		last := &lastMargin{account: mine}
		o.Account = last
		recorder, err := reports.Create("", o)
		if err != nil {
			return nil, err
		}
		x.recorder = &daily{recorder, last, analysis.NewDaily(x.plan.balance)}
		list[i] = x
	}
	return list, nil
}

// runOne does what backtest run does, but for the files.
func (s *sweeper) runOne(ctx context.Context, x *sweptRun, feed exchange.Feed, watch func(exchange.Time, int64)) (sweeps.Entry, error) {
	eng, err := engine.New(x.plan.wire(s.choice, feed, x.simulated, x.strategy, x.recorder, watch))
	if err != nil {
		return sweeps.Entry{}, err
	}
	summary, err := eng.Run(ctx)
	if err != nil {
		return sweeps.Entry{}, err
	}
	result, err := x.recorder.Finish(s.app.outcome(&x.plan, summary, x.simulated.Stats()))
	if err != nil {
		return sweeps.Entry{}, err
	}
	x.recorder.days.Finish()
	return sweeps.Entry{Run: sweeps.RunOf(x.n+1, s.varied(x.n), result), Start: result.Run.Start, End: result.Run.End,
		Days: x.recorder.days.Days()}, nil
}

// watch draws how far the sweep is, by one run of a group.
func (s *sweeper) watch(group int) func(exchange.Time, int64) {
	if s.bar == nil || s.plan.to == 0 {
		return nil
	}
	const whole = 1000
	from, total := s.plan.from, int64(len(s.selection.Points))*whole
	return func(now exchange.Time, _ int64) {
		if from == 0 {
			from = now
		}
		share := int64(float64(now-from) / float64(s.plan.to-from) * whole)
		s.bar.set(int64(s.done)*whole+share*int64(group), total, fmt.Sprintf("%d of %d runs", s.done, len(s.selection.Points)))
	}
}

func paramText(params map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		list = append(list, name+"="+params[name])
	}
	return strings.Join(list, " ")
}

// daily is a recorder that keeps the ends of days.
type daily struct {
	*reports.Recorder

	account *lastMargin
	days    *analysis.Daily
}

// lastMargin remembers what the recorder was told.
type lastMargin struct {
	account

	last exchange.Margin
}

// Margin implements reports.Account.
func (m *lastMargin) Margin(at exchange.Time) exchange.Margin {
	m.last = m.account.Margin(at)
	return m.last
}

// Sample implements engine.Observer.
func (d *daily) Sample(at exchange.Time) error {
	err := d.Recorder.Sample(at)
	d.days.Add(at, d.account.last.Balance)
	return err
}

// varied are the parameters of a point that are not the same everywhere.
func (s *sweeper) varied(n int) map[string]string {
	params := make(map[string]string)
	for i := range s.space.Axes {
		name := s.space.Axes[i].Name
		params[name] = s.selection.Points[n].Params[name]
	}
	return params
}

// settings are what decides a sweep.
func (s *sweeper) settings() map[string]any {
	all := s.flags.run.settings()
	all["param"], all["method"], all["objective"] = s.flags.params, s.flags.method, s.flags.objective
	if s.flags.method == "random" {
		all["points"] = s.flags.points
	}
	return all
}

// fingerprint is equal for sweeps whose runs do the same.
func (s *sweeper) fingerprint() (string, error) {
	b, err := json.Marshal(struct {
		Version  string
		Settings map[string]any
		Points   []sweep.Point
		Data     []reports.DataPart
	}{Version(), s.settings(), s.selection.Points, s.parts})
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:]), err
}

// describe says what is swept; what came of it is filled in later.
func (s *sweeper) describe() (*sweeps.Sweep, error) {
	simulated, _, err := s.plan.make()
	if err != nil {
		return nil, err
	}
	o := s.app.options(s.plan, 0, s.choice.name, s.parts, account{simulated.Account(), s.plan.sim.Currency.Code}, simulated.Models())
	settings, err := json.Marshal(s.settings())
	if err != nil {
		return nil, err
	}
	c := s.plan.sim.Currency
	out := &sweeps.Sweep{Schema: sweeps.Schema, Versions: reports.Versions{Dunamis: o.Version, Go: o.GoVersion, Result: reports.ResultSchema},
		Command: s.flags.command, Config: settings, Run: o.Run, Models: o.Models, Data: o.Data, Axes: sweeps.AxesOf(s.space),
		Account: sweeps.Account{Currency: c.Code, CurrencyMajor: c.Major, CurrencyScale: c.Scale, StartBalance: s.plan.balance},
		Search: sweeps.Search{Method: s.flags.method, Seed: s.flags.run.seed, Grid: s.gridSize(), Refused: s.selection.Refused,
			Example: s.selection.Example, Objective: s.flags.objective}}
	out.Run.Params = s.space.Fixed
	return out, nil
}

// gridSize is 0 when the grid has no end.
func (s *sweeper) gridSize() int {
	for i := range s.space.Axes {
		if s.space.Axes[i].Drawn() {
			return 0
		}
	}
	return s.space.Size()
}

package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/engine/sweep"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/internal/config"
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
	where     []string
	out       string
	asJSON    bool
	command   string // one run, but for its parameters

	runTimeout  time.Duration
	maxFailed   string
	retryFailed bool
	progress    bool
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
tables runs and daily as Parquet.

A run that fails, because its strategy panics, cannot start or takes too long, is a
row that says so, and the others go on. Each run is kept when it ends: a sweep that was
interrupted or killed goes on when it is started again with the same --out, and one that
has finished prints its result again.

--objective and --where take any figure of metrics, counts and account of a run's
result, with min: or max: before it to say what is better:
` + wrapped(sweeps.ObjectiveNames(), 85) + `

It exits with 0 when every run finished, 5 when some failed and the rest finished, 4
when more failed than --max-failed, and 130 when it was interrupted.`,
		Example: `  backtest sweep --catalog catalog --symbol XBTUSD --strategy sma_cross \
      --param fast=5..20:5 --param slow=40..120:20 --param bars=4h
  backtest sweep -c run.yaml --param entry=10..100 --param exit=5..50 \
      --method random --points 200 --seed 7
  backtest sweep --catalog catalog --symbol XBTUSD --strategy donchian --param entry=20,40,80 --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.run.load(c.Flags()); err != nil {
				return err
			}
			f.command = commandOf("backtest run", c.Flags(), sweepOnly...)
			return a.sweep(c.Context(), f)
		},
	}
	fs := c.Flags()
	f.run.registerSetting(fs)
	fs.StringArrayVar(&f.params, "param", nil, "values of a parameter: `name=low..high:step`, name=a,b,c or name=value;\nmay be repeated, the first varies slowest")
	fs.StringVar(&f.method, "method", "grid", "grid, or random for a sample of it")
	fs.IntVar(&f.points, "points", 100, "points of a random sample, drawn with --seed")
	fs.IntVar(&f.workers, "workers", defaultWorkers, "runs that go at the same time and share one reading of the data")
	fs.StringVar(
		&f.objective,
		"objective",
		sweeps.DefaultObjective,
		"`figure` that the best is judged by, such as sharpe, cagr or min:volatility",
	)
	fs.StringArrayVar(
		&f.where,
		"where",
		nil,
		"what a run must meet to be the best, such as \"max_drawdown<0.3\"; may be repeated",
	)
	fs.DurationVar(
		&f.runTimeout,
		"run-timeout",
		0,
		"time that a run may take, without that in which it waits for data (default: any)",
	)
	fs.StringVar(
		&f.maxFailed,
		"max-failed",
		"10%",
		"failed runs beyond which the sweep stops: a `number`, or a share of the runs, rounded up",
	)
	fs.BoolVar(&f.retryFailed, "retry-failed", false, "do runs again that failed before")
	fs.BoolVar(&f.progress, "progress", false, "tell on stderr how far it is, also when that is no terminal")
	fs.StringVar(&f.out, "out", "", "`directory` of the results (default: runs/TIME-STRATEGY-sweep)")
	fs.BoolVar(&f.asJSON, "json", false, "print sweep.json to stdout and nothing else there")
	a.completeRun(c)
	return c
}

// sweepOnly are flags that a run of the sweep does not have, and those that the page gives it.
var sweepOnly = []string{"config", "param", "method", "points", "workers", "objective", "where", "out", "json",
	"run-timeout", "max-failed", "retry-failed", "progress"}

// commandOf is the command line of a command with the flags that were given, but for some.
func commandOf(command string, fs *pflag.FlagSet, without ...string) string {
	words := []string{command}
	fs.Visit(func(f *pflag.Flag) {
		if slices.Contains(without, f.Name) {
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
	if err := a.printSweep(f.out, result, f.asJSON); err != nil {
		return err
	}
	return someFailed(result)
}

// someFailed is the error of a sweep that has finished, and some of whose runs have not.
func someFailed(s *sweeps.Sweep) error {
	failed, first := 0, ""
	for i := range s.Runs {
		if r := &s.Runs[i]; !r.Finished() {
			if failed++; failed == 1 {
				first = r.Error
			}
		}
	}
	if failed == 0 {
		return nil
	}
	return withCode(ExitSomeFailed, fmt.Errorf("%d of %d runs failed; the first: %s", failed, len(s.Runs), first))
}

// wrapped puts words into lines.
func wrapped(words []string, width int) string {
	var b strings.Builder
	at := 0
	for i, w := range words {
		if i < len(words)-1 {
			w += ","
		}
		switch {
		case at == 0:
		case at+1+len(w) > width:
			b.WriteByte('\n')
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(w)
		at += len(w)
	}
	return b.String()
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
func (a *App) reportSweep(dir string, asJSON, asCSV bool) error {
	s, entries, err := sweeps.Read(dir)
	if err == nil {
		err = page.WriteSweep(filepath.Join(dir, reports.PageFile), s, entries)
	}
	if err == nil && asCSV {
		_, err = sweeps.WriteCSV(dir, s, entries)
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
	objective sweeps.Objective
	where     []string // in one spelling
	stall     time.Duration
	bar       sweepBar
	done      int
}

// figureError says what is wrong with a figure that a flag names.
func figureError(flag, text string, err error) error {
	var unknown *sweeps.FigureError
	if !errors.As(err, &unknown) {
		return usage(fmt.Errorf("--%s %q: %w", flag, text, err))
	}
	hint := "want one of " + strings.Join(unknown.Near, ", ")
	if near := nearestFigure(unknown.Name, unknown.Near); near != "" {
		hint = fmt.Sprintf("did you mean %s? All: backtest sweep --help", near)
	}
	if unknown.Name == text {
		return usage(fmt.Errorf("--%s %q: %s", flag, text, hint))
	}
	return usage(fmt.Errorf("--%s %q: %w; %s", flag, text, err, hint))
}

func nearestFigure(name string, names []string) string {
	name = name[strings.LastIndexByte(name, '.')+1:]
	var spelled []string
	for _, n := range names {
		spelled = append(spelled, strings.ReplaceAll(n, "_", "-"))
	}
	return strings.ReplaceAll(config.Nearest(strings.ToLower(name), spelled), "-", "_")
}

// judging reads by what runs are judged.
func (s *sweeper) judging() (err error) {
	f := s.flags
	if s.objective, err = sweeps.ParseObjective(f.objective); err != nil {
		return figureError("objective", f.objective, err)
	}
	for _, text := range f.where {
		c, err := sweeps.ParseConstraint(text)
		if err != nil {
			return figureError("where", text, err)
		}
		s.where = append(s.where, c.String())
	}
	return nil
}

// allowed is how many of the runs may fail.
func allowed(text string, runs int) (int, error) {
	bad := usage(fmt.Errorf("--max-failed %q: want a number such as 5, or a share such as 10%%", text))
	if share, ok := strings.CutSuffix(text, "%"); ok {
		v, err := strconv.ParseFloat(share, 64)
		if err != nil || !(v >= 0 && v <= 100) {
			return 0, bad
		}
		return int(math.Ceil(v * float64(runs) / 100)), nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, bad
	}
	return n, nil
}

func (a *App) newSweeper(ctx context.Context, f *sweepFlags) (*sweeper, error) {
	s := &sweeper{app: a, flags: f, stall: stallAfter}
	if err := s.judging(); err != nil {
		return nil, err
	}
	if f.runTimeout < 0 {
		return nil, usage(fmt.Errorf("--run-timeout %s: want a duration above 0", f.runTimeout))
	}
	if _, err := allowed(f.maxFailed, 1); err != nil {
		return nil, err
	}
	if f.workers < 1 || f.workers > 1000 {
		return nil, usage(fmt.Errorf("--workers %d: want 1 to 1000", f.workers))
	}
	definition, err := a.strategy(f.run.strategy)
	if err != nil {
		return nil, err
	}
	s.bar = a.sweepBar(definition.Name, f.progress)
	if s.space, err = sweep.NewSpace(definition, f.params); err != nil {
		return nil, usage(nearParam(err, definition))
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
	if s.catalog, s.choice, err = s.plan.open(); err != nil {
		return err
	}
	feed, err := s.app.feed(ctx, s.catalog, s.plan, s.choice)
	if err != nil {
		return dataError(err)
	}
	s.parts, err = partsOf(feed)
	return errors.Join(err, feed.Close())
}

// run runs the points that are not known yet and puts everything together. A sweep that
// has finished is read again.
func (s *sweeper) run(ctx context.Context, dir string) (result *sweeps.Sweep, err error) {
	fingerprint, err := s.fingerprint()
	if err != nil {
		return nil, err
	}
	result, entries, err := sweeps.Finished(dir, fingerprint)
	var refused *reports.DirectoryError
	switch {
	case errors.As(err, &refused):
		return nil, usage(err)
	case err != nil:
		return nil, dataError(err)
	case result != nil && (!s.flags.retryFailed || someFailed(result) == nil):
		return result, pageOf(dir, result, entries)
	}
	journal, err := s.journal(dir, fingerprint, result, entries)
	if errors.As(err, &refused) {
		return nil, usage(err)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	may, err := allowed(s.flags.maxFailed, len(s.selection.Points))
	if err != nil {
		return nil, err
	}
	r := &runner{sweeper: s, journal: journal, entries: s.known(journal), allowed: may}
	entries, err = r.all(ctx)
	if s.bar != nil {
		s.bar.clear()
	}
	if err != nil {
		if n := len(s.selection.Points); s.done > 0 || ctx.Err() != nil {
			fmt.Fprintf(s.app.Stderr, "%d of %d runs are done: the same command with --out %s goes on from there\n", s.done, n, dir)
		}
		return nil, err
	}
	result, err = s.describe()
	if err != nil {
		return nil, err
	}
	result.Fingerprint = fingerprint
	if len(entries) == countFailed(entries) {
		if result.Run.Start, result.Run.End, err = s.span(ctx); err != nil {
			return nil, err
		}
	}
	result.Judge(entries)
	if err := journal.Finish(result, entries); err != nil {
		return nil, err
	}
	return result, page.WriteSweep(filepath.Join(dir, reports.PageFile), result, entries)
}

func countFailed(entries []sweeps.Entry) (n int) {
	for i := range entries {
		if !entries[i].Run.Finished() {
			n++
		}
	}
	return n
}

// span is from the first to the last event of the data that is read, for a sweep none of
// whose runs came to tell.
func (s *sweeper) span(ctx context.Context) (start, end exchange.Time, err error) {
	streams, err := s.catalog.Info(ctx)
	start = exchange.Never
	for i := range streams {
		if slices.Contains(s.choice.streams, streams[i].Key) {
			start, end = min(start, streams[i].First), max(end, streams[i].Last)
		}
	}
	start = max(start, s.plan.from)
	if s.plan.to != 0 {
		end = min(end, s.plan.to)
	}
	return start, end, dataError(err)
}

// journal opens the directory of a sweep that goes on, or, to do failed runs again, of
// one that has finished.
func (s *sweeper) journal(
	dir, fingerprint string,
	finished *sweeps.Sweep,
	entries []sweeps.Entry,
) (*sweeps.Journal, error) {
	if finished == nil {
		return sweeps.Open(dir, fingerprint)
	}
	return sweeps.Reopen(
		dir,
		fingerprint,
		slices.DeleteFunc(entries, func(e sweeps.Entry) bool { return !e.Run.Finished() }),
	)
}

// known are the runs that need not be done.
func (s *sweeper) known(journal *sweeps.Journal) []sweeps.Entry {
	list := slices.Clone(journal.Known())
	if s.flags.retryFailed {
		list = slices.DeleteFunc(list, func(e sweeps.Entry) bool { return !e.Run.Finished() })
	}
	return list
}

// pageOf makes the page of a finished sweep if it is missing: the process may have been
// killed before it was made.
func pageOf(dir string, s *sweeps.Sweep, entries []sweeps.Entry) error {
	path := filepath.Join(dir, reports.PageFile)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return page.WriteSweep(path, s, entries)
}

// sweptRun is a run that is ready to go.
type sweptRun struct {
	n         int // its point
	plan      plan
	simulated *sim.Exchange
	strategy  engine.Strategy
	recorder  *daily
}

// prepare makes a run. Runs are made one after the other: a definition need not be made
// for several goroutines. A panic of the strategy is an error.
func (s *sweeper) prepare(n int) (x *sweptRun, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
		}
	}()
	x = &sweptRun{n: n, plan: *s.plan}
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
	return x, nil
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
	if len(s.where) > 0 {
		all["where"] = s.where
	}
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
	simulated, err := s.exchange()
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
			Example: s.selection.Example, Objective: s.objective.Name, Direction: s.objective.Direction(), Where: s.where}}
	out.Run.Params = s.space.Fixed
	return out, nil
}

// exchange makes the simulated exchange of the runs, whatever their strategy does.
func (s *sweeper) exchange() (x *sim.Exchange, err error) {
	defer func() {
		if p := recover(); p != nil {
			x, err = sim.New(s.plan.sim)
		}
	}()
	x, _, err = s.plan.make()
	return x, err
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

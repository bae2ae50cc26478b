package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/data/synth"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/internal/config"
	"github.com/dunamis-engine/dunamis/session"
	"github.com/dunamis-engine/dunamis/session/dashboard"
)

// sessionFlags are the settings of a session.
type sessionFlags struct {
	runFlags
	name    string
	feed    string
	liveURL string
	speed   string
	state   string
	quiet   bool
	jsonLog bool
	listen  string
	webhook bool

	mode       string
	unattended bool
	keepOrders bool
	deadMan    time.Duration
	skipEvents []int64
	adopt      bool
	ignore     bool
	behind     time.Duration

	// Of a session that is there, whose limits are those with which it was begun.
	given  []engine.Limit // limits that were given
	wanted limitFlags     // with their values
	raise  bool
}

// Feeds that are no venues.
const (
	feedReplay    = "replay"
	feedSynthetic = "synthetic"
)

// Modes of a session.
const (
	modePaper  = "paper"  // orders are simulated
	modeLive   = "live"   // orders go to the venue
	modeShadow = "shadow" // orders go to the venue, and to the simulator beside it
)

// register adds the flags; venues names those that there are.
func (f *sessionFlags) register(fs *pflag.FlagSet, venues string) {
	fs.StringVarP(&f.configFile, "config", "c", "", "YAML `file` with these settings; flags win over it")
	fs.StringVar(&f.name, "session", "", "`name` of the session (default: SYMBOL-STRATEGY); one that is there goes on")
	fs.StringVar(&f.mode, "mode", modePaper, "paper: orders are simulated; live: they go to the venue of the --feed; shadow: to both")
	fs.BoolVar(&f.unattended, "unattended", false, "live: begin without asking; for programs that start programs")
	fs.BoolVar(&f.keepOrders, "keep-orders", false, "live: leave orders open when the session is suspended or stopped")
	fs.DurationVar(&f.deadMan, "dead-man", time.Minute, "live: the venue cancels all orders when it has not heard of the session for so long; 0 is never")
	fs.BoolVar(&f.adopt, "adopt", false,
		"live: take over orders and positions that the session did not make; without it they stop new orders "+
			"until paper clear")
	fs.BoolVar(&f.ignore, "ignore-others", false,
		"live: trade beside orders of others, which are neither shown nor cancelled; the position is the account's")
	fs.Int64SliceVar(&f.skipEvents, "skip-event", nil,
		"`number` of an event in the journal of a session that goes on, which is left out from now on;\n"+
			"the error of a fault says which")
	fs.StringVar(&f.feed, "feed", "", "where prices come from: a venue ("+venues+"), at --live-url; replay of the --catalog;\n"+
		"synthetic, a generated market; or session:`NAME`, what another session heard")
	fs.StringVar(&f.liveURL, "live-url", "", "`address` of the venue, or of what speaks its API, such as http://127.0.0.1:8090")
	fs.StringVar(&f.speed, "speed", "1", "seconds of a recorded or generated market in a second of the clock, or max")
	fs.DurationVar(&f.behind, "resync-after", live.DefaultPolicy().Behind,
		"live prices: begin the stream anew, with a gap, when the process was paused for so long or prices are\n"+
			"so old by the venue's clock when they come; 0 is never")
	stateFlag(fs, &f.state)
	fs.StringVar(&f.listen, "listen", "", "`address` to show the session at, such as 127.0.0.1:8091: a page, JSON, metrics")
	fs.BoolVar(&f.webhook, "webhook", false, "tell of fills, refusals, gaps and limits to the address in $DUNAMIS_WEBHOOK")
	raiseFlag(fs, &f.raise)
	fs.BoolVar(&f.quiet, "quiet", false, "log warnings and errors only")
	fs.BoolVar(&f.jsonLog, "json-log", false,
		"log JSON lines also to a terminal; otherwise it shows one line that is drawn again each second")
	fs.StringVar(&f.catalog, "catalog", "", "`directory` of the Parquet catalog")
	fs.StringVar(&f.venue, "venue", "bitmex", "venue of the symbols")
	fs.StringArrayVar(&f.symbols, "symbol", nil, "symbol to trade; may be repeated, the first is the primary one")
	fs.StringVar(&f.strategy, "strategy", "", "`name` of the strategy; see backtest strategies")
	fs.StringToStringVar(&f.params, "param", nil, "strategy parameter `name=value`; may be repeated")
	fs.StringVar(&f.data, "data", "auto", "what to replay: bar-1m, bar-5m ..., trade, quote or book;\nauto is the finest bars, else book, quote, trade")
	fs.StringVar(&f.from, "from", "", "first instant of a recorded or generated market")
	fs.StringVar(&f.to, "to", "", "end of it, not included")
	warmupFlag(fs, &f.warmup)
	f.registerModels(fs)
}

// settings are those that decide what the session does.
func (f *sessionFlags) settings() map[string]any {
	all := f.runFlags.settings()
	all["feed"], all["live-url"], all["speed"] = f.feed, f.liveURL, f.speed
	all["resync-after"] = f.behind.String()
	if f.sendsOrders() {
		all["mode"], all["keep-orders"], all["dead-man"] = f.mode, f.keepOrders, f.deadMan.String()
		all["adopt"], all["ignore-others"] = f.adopt, f.ignore
	}
	maps.DeleteFunc(all, func(_ string, v any) bool { m, ok := v.(map[string]string); return ok && len(m) == 0 })
	return all
}

// mayChange are settings that a session can go on without.
var mayChange = []string{"live-url", "speed", "catalog", "keep-orders", "dead-man", "adopt", "ignore-others",
	"resync-after"}

// sendsOrders reports whether orders leave this machine.
func (f *sessionFlags) sendsOrders() bool { return f.mode == modeLive || f.mode == modeShadow }

func (a *App) sessionCommand() *cobra.Command {
	f := new(sessionFlags)
	c := &cobra.Command{
		Use:   "run",
		Short: "Run a strategy on live prices, with simulated money or for real",
		Long: `Run a strategy on prices as they come, with orders that a simulated exchange fills.
With --mode live the orders go to the venue, with --mode shadow to both; that needs
limits, the account's key in the environment, and a typed yes. Everything that the session
hears and does is committed to its database before it is told. After Ctrl-C or a crash the
same command goes on where it was.

On a terminal it shows one line that is drawn again each second; elsewhere, or with
--json-log, each order and fill is a line of JSON.

Every flag is also a key of the YAML file given with --config.`,
		Example: `  paper run --feed synthetic --from 2021-07-01 --symbol XBTUSD --strategy grid_maker
  paper run --feed bitmex --live-url http://127.0.0.1:8090 --symbol XBTUSD \
      --strategy grid_maker --max-position 50000
  paper run --feed replay --catalog catalog --symbol XBTUSD --strategy sma_cross --speed 60
  paper run --mode live --feed bitmex --live-url http://127.0.0.1:8090 --symbol XBTUSD \
      --strategy grid_maker --param qty=100 --param limit=500 --max-order 100 --max-position 600 \
      --max-daily-loss "0.01 XBT" --max-orders-per-minute 60
  paper run -c paper.yaml`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.load(c.Flags()); err != nil {
				return err
			}
			return a.paper(c.Context(), f, c.Flags())
		},
	}
	f.register(c.Flags(), a.venueNames())
	return c
}

var sessionName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// sessionDir is where a session is.
func sessionDir(state, name string) (string, error) {
	if !sessionName.MatchString(name) {
		return "", usage(fmt.Errorf("session %q: want up to 64 letters, digits, dots, dashes and underscores", name))
	}
	root, err := stateDir(state)
	return filepath.Join(root, "sessions", name), err
}

// readSession opens a session to be looked at, by its name or its directory.
func readSession(ctx context.Context, state, name string) (*session.Store, error) {
	dir := name
	if filepath.Base(name) == name {
		var err error
		if dir, err = sessionDir(state, name); err != nil {
			return nil, err
		}
	}
	store, err := session.Read(ctx, dir)
	return store, sessionError(err)
}

// paper runs a session until it ends or somebody ends it.
func (a *App) paper(ctx context.Context, f *sessionFlags, flags *pflag.FlagSet) error {
	a.symbolsOf(f.feed, &f.venue, flags)
	store, err := a.openSession(ctx, f, flags)
	if err != nil {
		return err
	}
	err = a.paperIn(ctx, f, store)
	state, unknown := store.State(ctx)
	if err = errors.Join(err, store.Close()); err != nil && unknown == nil && state.Events == 0 {
		err = errors.Join(err, os.RemoveAll(store.Dir)) // it never began: the next try is not bound by its settings
	}
	return err
}

func (a *App) paperIn(ctx context.Context, f *sessionFlags, store *session.Store) (failed error) {
	p, err := a.plan(&f.runFlags)
	if err != nil {
		return err
	}
	k, err := kept(ctx, store)
	if err == nil {
		err = k.check(p)
	}
	if err != nil {
		return err
	}
	state, err := store.State(ctx)
	if err != nil {
		return dataError(err)
	}
	limits, changedFlags, changed, err := a.changeLimits(f, p, &state)
	if err != nil {
		return err
	}
	if err := a.mayTrade(ctx, changedFlags, changed); err != nil {
		return err
	}
	if state.Ended {
		return usage(fmt.Errorf("session %s has ended; begin another with --session NAME, or look at it with backtest replay %s", f.name, store.Dir))
	}
	lines := new(dashboard.Log)
	status, err := a.statusLine(ctx, f, p, store)
	if err != nil {
		return err
	}
	defer status.close()
	logs := a.logs(f, lines, status)
	log := logs.general
	// The session hears of an interrupt by itself, and ends the source when it is done.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	registry := prometheus.NewRegistry()
	m, err := a.market(running, f, p, registry, log)
	if err != nil {
		return err
	}
	heard := &audience{tell(logs.orders, p), status.committed}
	if f.sendsOrders() {
		var lock *keyLock
		m.connect, lock, err = a.connect(ctx, f, p, k.Orders, log, m.metrics)
		defer func() { failed = errors.Join(failed, lock.release()) }()
		if err == nil {
			p.balance, err = store.OpeningWallet(ctx) // whatever --balance says
		}
	}
	if err != nil {
		return errors.Join(err, m.feed.Close())
	}
	w, err := a.wire(running, p, m, k, session.Config{Store: store, Speed: m.speed, Log: log, Committed: heard.committed,
		KeepOrders: f.keepOrders, Skip: f.skipEvents})
	if err != nil {
		return errors.Join(err, m.feed.Close())
	}
	if err := w.build(w.session); err != nil {
		return errors.Join(err, w.session.Close())
	}
	for _, l := range limits {
		w.session.SetLimit(l)
	}
	shown, err := a.show(running, f, p, w, heard, lines, registry)
	if err != nil {
		return errors.Join(err, w.session.Close())
	}
	told, err := notifications(running, f, p, heard, log)
	if err != nil {
		return errors.Join(err, shown.close(), w.session.Close())
	}
	fmt.Fprintf(a.Stdout, "session %s: %s on %s, prices from %s%s; Ctrl-C suspends it\n", f.name, p.definition.Name, p.instruments[0].Name(), f.feed,
		map[string]string{modeLive: ", REAL ORDERS", modeShadow: ", REAL ORDERS with a simulation beside"}[f.mode])
	status.begin()
	err = a.runSession(ctx, running, w, f.name, status)
	told.stop()
	return errors.Join(err, shown.close())
}

// logger writes one JSON object a line.
func (f *sessionFlags) logger(out io.Writer) *slog.Logger {
	level := slog.LevelInfo
	if f.quiet {
		level = slog.LevelWarn
	}
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level})).With("session", f.name)
}

// runSession runs the engine, and turns an interrupt into a request to suspend.
func (a *App) runSession(interrupted, ctx context.Context, w *wired, name string, status *statusLine) error {
	over := make(chan struct{})
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		kill := killSignals()
		defer kill.stop()
		for {
			select {
			case <-interrupted.Done():
				status.close()
				a.announceLeaving(w, name)
				w.session.Ask(session.Suspend)
				<-over
				return
			case <-kill.received:
				w.session.Ask(session.Kill)
			case <-over:
				return
			}
		}
	}()
	summary, err := w.run(ctx)
	status.close()
	err = w.fault(ctx, err, name)
	close(over)
	<-heard
	suspended := errors.Is(err, session.ErrSuspended)
	err = errors.Join(w.session.Finish(ctx, err, summary.Halted), w.session.Close(), ignore(err, session.ErrSuspended))
	if err != nil {
		return sessionError(err)
	}
	state := w.session.State()
	margin := state.Margin
	how := "has ended"
	if suspended {
		how = "is suspended, and goes on with the same command"
	}
	fmt.Fprintf(a.Stdout, "session %s %s: %d events until %s, equity %s\n", name, how, state.Events, state.Now,
		w.currency.Text(margin.Balance))
	return nil
}

// announceLeaving prints at once what an interrupted live session waits for, since a venue
// that does not answer delays its end.
func (a *App) announceLeaving(w *wired, name string) {
	if w.live == nil {
		return
	}
	what := fmt.Sprintf("for the venue to cancel %d open orders, at most %s, and", w.session.OpenOrders(),
		session.LeavePatience)
	if w.keepOrders { // they are not cancelled
		what = fmt.Sprintf("(%d open orders stay)", w.session.OpenOrders())
	}
	fmt.Fprintf(
		a.Stderr,
		"session %s: interrupted; waiting %s for answers to what was sent, at most %s; a second Ctrl-C ends at once, "+
			"and leaves what is open to the dead man's switch\n",
		name, what, session.LeavePatience,
	)
}

func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// sessionError gives errors of a session their exit codes.
func sessionError(err error) error {
	var diverged *session.DivergedError
	var table *session.TableError
	switch {
	case errors.As(err, &diverged), errors.As(err, &table), errors.Is(err, session.ErrLost):
		return dataError(err)
	case errors.Is(err, session.ErrRunning), errors.Is(err, session.ErrNoSession), errors.Is(err, session.ErrNoEvent):
		return usage(err)
	}
	return err
}

// openSession makes a session, or opens the one of that name: then it has its settings
// already, and others are refused.
func (a *App) openSession(ctx context.Context, f *sessionFlags, flags *pflag.FlagSet) (*session.Store, error) {
	if f.name == "" {
		if len(f.symbols) == 0 || f.strategy == "" {
			return nil, usage(errors.New("--session of one that is there is needed, or --symbol, --strategy and --feed to begin one"))
		}
		f.name = strings.ToLower(f.symbols[0]) + "-" + f.strategy
	}
	dir, err := sessionDir(f.state, f.name)
	if err != nil {
		return nil, err
	}
	store, err := session.Open(ctx, dir)
	if errors.Is(err, session.ErrNoSession) {
		return a.newSession(ctx, f, dir)
	}
	if err != nil {
		return nil, sessionError(err)
	}
	if err := recall(ctx, store, f, flags); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

func (a *App) newSession(ctx context.Context, f *sessionFlags, dir string) (*session.Store, error) {
	if len(f.symbols) == 0 || f.strategy == "" || f.feed == "" {
		return nil, usage(fmt.Errorf("there is no session %s yet; to begin it --symbol, --strategy and --feed are needed", f.name))
	}
	// A session that cannot run is not begun.
	p, err := a.plan(&f.runFlags)
	if err != nil {
		return nil, err
	}
	if err := a.checkMode(ctx, f, p); err != nil {
		return nil, err
	}
	m, err := a.market(ctx, f, p, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	if err := m.feed.Close(); err != nil {
		return nil, dataError(err)
	}
	kept, err := keep(f, p, m)
	if err != nil {
		return nil, err
	}
	store, err := session.Create(ctx, dir, kept, exchange.TimeOf(a.Now()))
	if err != nil {
		return nil, sessionError(err)
	}
	if err := a.keepHistory(ctx, p, m, dir); err != nil {
		return nil, errors.Join(err, store.Close(), os.RemoveAll(dir))
	}
	return store, nil
}

// keptSettings are what a session's database says about how it is run.
type keptSettings struct {
	Flags   json.RawMessage              `json:"flags"`
	Symbols map[string]exchange.SymbolID `json:"symbols"` // the numbers that stand for them in the journal
	Sources []keptSource                 `json:"sources"`
	Bars    string                       `json:"bars"`
	Live    bool                         `json:"live"`
	// Travelled says that the times of prices are those at which they were heard.
	Travelled bool `json:"travelled"`
	// Aged says that the risk guard goes by the age of prices.
	Aged bool `json:"aged,omitempty"`
	// Orders begins the client ids of a live session, which are like no other session's.
	Orders string `json:"orders,omitempty"`
}

type keptSource struct {
	Symbol   string             `json:"symbol"`
	Kind     exchange.EventKind `json:"kind"`
	Interval time.Duration      `json:"interval,omitempty"`
}

func keep(f *sessionFlags, p *plan, m *market) (string, error) {
	k := keptSettings{Symbols: map[string]exchange.SymbolID{}, Bars: m.bars.String(), Live: m.live,
		Travelled: m.travelled, Aged: m.live}
	if f.sendsOrders() {
		k.Orders = orderPrefix()
	}
	var err error
	if k.Flags, err = json.Marshal(f.settings()); err != nil {
		return "", err
	}
	for _, i := range p.instruments {
		k.Symbols[i.Symbol] = i.ID
	}
	k.Sources = keptSources(p, m.sources)
	text, err := json.Marshal(k)
	return string(text), err
}

func keptSources(p *plan, sources []engine.Source) (list []keptSource) {
	for _, s := range sources {
		list = append(list, keptSource{Symbol: p.set.Get(s.Symbol).Symbol, Kind: s.Kind, Interval: s.Interval})
	}
	return list
}

func kept(ctx context.Context, store *session.Store) (k keptSettings, err error) {
	text, _, err := store.Settings(ctx)
	if err == nil {
		err = json.Unmarshal([]byte(text), &k)
	}
	if err != nil {
		err = dataError(fmt.Errorf("session %s: settings: %w", store.Dir, err))
	}
	return k, err
}

// check refuses a journal in which numbers stand for other symbols than now.
func (k *keptSettings) check(p *plan) error {
	for _, i := range p.instruments {
		if k.Symbols[i.Symbol] != i.ID {
			return dataError(fmt.Errorf("the list of instruments has changed since the session began: %s was number %d and is %d; run it with the program that began it",
				i.Symbol, k.Symbols[i.Symbol], i.ID))
		}
	}
	return nil
}

// sources are those that the session began with.
func (k *keptSettings) sources() (list []engine.Source, bars engine.BarSpec, err error) {
	for _, s := range k.Sources {
		list = append(list, engine.Source{Symbol: k.Symbols[s.Symbol], Kind: s.Kind, Interval: s.Interval})
	}
	bars, err = engine.ParseBarSpec(k.Bars)
	return list, bars, dataError(err)
}

// recall sets the flags to what the session was created with.
func recall(ctx context.Context, store *session.Store, f *sessionFlags, flags *pflag.FlagSet) error {
	k, err := kept(ctx, store)
	if err != nil {
		return err
	}
	given := givenLimits(flags)
	if err := config.Load("settings of the session", k.Flags, flags); err != nil {
		return dataError(err)
	}
	then, err := numbered(k.Flags)
	if err == nil {
		err = f.onlyLimits(given, then)
	}
	var again []byte
	if err == nil {
		again, err = json.Marshal(f.settings())
	}
	var now map[string]any
	if err == nil {
		now, err = numbered(again)
	}
	if err != nil {
		return dataError(err)
	}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if !slices.Contains(mayChange, key) && !reflect.DeepEqual(then[key], now[key]) {
			return usage(
				fmt.Errorf(
					"session %s was begun with --%s %s and cannot go on with %s; leave it out, or begin another with --session NAME",
					f.name,
					key,
					settingText(then[key]),
					settingText(now[key]),
				),
			)
		}
	}
	return nil
}

// settingText prints a setting as a command line has it.
func settingText(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case []any:
		list := make([]string, len(v))
		for i := range v {
			list[i] = settingText(v[i])
		}
		return strings.Join(list, ",")
	case map[string]any:
		list := make([]string, 0, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			list = append(list, name+"="+settingText(v[name]))
		}
		return cmp.Or(strings.Join(list, ","), "nothing")
	case string:
		return cmp.Or(v, `""`)
	}
	return fmt.Sprint(v)
}

// numbered reads settings with their numbers as they are written.
func numbered(text []byte) (m map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&m)
	return m, err
}

// market is where the prices of a session come from.
type market struct {
	feed    exchange.Feed
	sources []engine.Source
	bars    engine.BarSpec
	live    bool
	// travelled says that the times of prices are those at which they were heard.
	travelled bool
	speed     float64
	metrics   *live.Metrics   // of a live venue
	connect   session.Connect // nil: orders are simulated, or not sent
	shadow    bool            // orders are simulated beside
	behind    time.Duration   // how old a command may be when it is sent; 0: any age
}

// market opens the feed. A live venue's metrics go to the registry, if there is one.
func (a *App) market(ctx context.Context, f *sessionFlags, p *plan, registry prometheus.Registerer, log *slog.Logger) (*market, error) {
	m := &market{shadow: f.mode == modeShadow}
	var err error
	if m.speed, err = parseSpeed(f.speed); err != nil {
		return nil, usage(err)
	}
	name, isSession := strings.CutPrefix(f.feed, "session:")
	switch {
	case a.venue(f.feed) != nil:
		err = m.listen(ctx, a.venue(f.feed), f, p, registry, log)
	case f.feed == feedReplay:
		err = a.replayCatalog(ctx, p, m)
	case f.feed == feedSynthetic:
		err = m.generate(p)
	case isSession:
		err = m.overhear(ctx, f, p, name)
	default:
		err = usage(fmt.Errorf("--feed %q: want %s, replay, synthetic or session:NAME", f.feed, a.venueNames()))
	}
	return m, err
}

func (m *market) listen(ctx context.Context, v *Venue, f *sessionFlags, p *plan, registry prometheus.Registerer, log *slog.Logger) error {
	m.metrics = live.NewMetrics(registry, v.Name)
	if f.behind < 0 {
		return usage(fmt.Errorf("--resync-after %s: must not be negative; 0 is never", f.behind))
	}
	x, err := v.access(f.liveURL, p, log, m.metrics)
	if err != nil {
		return err
	}
	x.Behind, m.behind = f.behind, f.behind
	if p.from != 0 || p.to != 0 {
		return usage(errors.New("--from and --to are for recorded and generated markets"))
	}
	if err := p.withoutDelay(); err != nil {
		return err
	}
	m.live, m.travelled = true, true
	m.sources = tickSources(p, v.kinds()...)
	m.feed, err = v.Feed(ctx, x)
	return usage(err)
}

// withoutDelay leaves out the delay of prices that have travelled already. Orders and
// reports still take the time that --latency says, which must be one.
func (p *plan) withoutDelay() error {
	if p.delay.FromData {
		return usage(fmt.Errorf("--latency %s is for prices that say when they happened and when they arrived; give a time, such as 5ms, for those that are heard live", p.flags.latency.all))
	}
	p.delay = engine.Delay{}
	return nil
}

func tickSources(p *plan, kinds ...exchange.EventKind) (list []engine.Source) {
	for _, id := range p.sim.Symbols {
		for _, kind := range kinds {
			list = append(list, engine.Source{Symbol: id, Kind: kind})
		}
	}
	return list
}

func (a *App) replayCatalog(ctx context.Context, p *plan, m *market) error {
	if p.flags.catalog == "" {
		return usage(errors.New("--feed replay needs --catalog; make one with backtest data import"))
	}
	cat, c, err := p.open()
	if err != nil {
		return err
	}
	m.feed, err = a.feed(ctx, cat, p, c)
	m.sources, m.bars = c.sources, c.bars
	return dataError(err)
}

// generate is a market from --seed, which begins at --from: a session that goes on must
// find the same one again.
func (m *market) generate(p *plan) (err error) {
	if len(p.instruments) > 1 {
		return usage(errors.New("--feed synthetic has one --symbol"))
	}
	from, to := p.from, p.to
	if from == 0 {
		from = exchange.TimeOf(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	if to == 0 {
		to = from.Add(365 * 24 * time.Hour)
	}
	m.sources = tickSources(p, exchange.KindBook, exchange.KindTrade)
	m.feed, err = synth.New(synth.Config{Instrument: p.instruments[0], From: from, To: to, Seed: p.flags.seed, Kinds: []string{"book", "trade"}})
	return usage(err)
}

func (m *market) overhear(ctx context.Context, f *sessionFlags, p *plan, name string) error {
	store, err := readSession(ctx, f.state, name)
	if err != nil {
		return err
	}
	k, err := kept(ctx, store)
	if err := errors.Join(err, store.Close()); err != nil {
		return err
	}
	for _, i := range p.instruments {
		if _, heard := k.Symbols[i.Symbol]; !heard {
			return usage(fmt.Errorf("session %s has not heard %s; it has %s", name, i.Symbol, strings.Join(slices.Sorted(maps.Keys(k.Symbols)), ", ")))
		}
	}
	if err := k.check(p); err != nil {
		return err
	}
	if m.travelled = k.Travelled; m.travelled {
		if err := p.withoutDelay(); err != nil {
			return err
		}
	}
	m.sources, m.bars, err = k.sources()
	if err == nil {
		m.feed, err = session.OpenRecording(ctx, store.Dir, k.Live)
	}
	return sessionError(err)
}

// wired is a session with its engine and its exchange.
type wired struct {
	session *session.Session
	engine  *engine.Engine
	config  engine.Config
	sim     *sim.Exchange // nil: of a session whose orders are only sent
	live    *session.Live // nil: of one whose orders are only simulated
	// keepOrders leaves the orders of a live session open when it ends.
	keepOrders bool
	currency   exchange.Currency
	dir        string
	plan       *plan
	before     *history // what the strategy hears first
}

// run runs the engine once.
func (w *wired) run(ctx context.Context) (engine.Summary, error) {
	defer w.before.close()
	return w.engine.RunRecovered(ctx)
}

// wire puts a session together, but for its engine, which build makes.
func (a *App) wire(ctx context.Context, p *plan, m *market, k keptSettings, c session.Config) (*wired, error) {
	simulated, strategy, err := p.makeRecovered()
	if err != nil {
		return nil, err
	}
	w := &wired{sim: simulated, currency: p.sim.Currency, dir: c.Store.Dir, keepOrders: c.KeepOrders}
	w.config = engine.Config{
		Instruments: p.set, Symbols: p.sim.Symbols, Sources: m.sources, DefaultBars: m.bars, Exchange: simulated,
		Strategy: strategy, Delay: p.delay, BarGrace: p.grace, SampleEvery: p.flags.sampleEvery,
		Seed: p.flags.seed, Margin: simulated.Account().Margin(), Limits: p.limits, Log: c.Log, OrderPrefix: k.Orders,
	}
	if w.before, err = readHistory(c.Store.Dir, p.set, k.Symbols); err != nil {
		return nil, err
	}
	w.config.History, w.config.HistorySources = w.before.feed, w.before.sources
	c.Account = simulated.Account()
	if k.Orders != "" {
		c.Live = w.trade(p, m, &k)
		c.Account = c.Live
	}
	w.plan, c.Instruments = p, p.set
	c.Symbols, c.Source, c.Stamped, c.Aged = p.sim.Symbols, m.feed, m.live, k.Aged
	c.Names = func(id exchange.SymbolID) string { return p.set.Get(id).Symbol }
	if w.session, err = session.New(ctx, c); err != nil {
		return nil, sessionError(err)
	}
	w.config.Feed = w.session
	return w, nil
}

// build makes the engine.
func (w *wired) build(o engine.Observer) (err error) {
	w.config.Observer = o
	if w.engine, err = engine.New(w.config); err == nil {
		w.session.Tripped, w.session.Pursued, w.session.Limits = w.engine.Tripped, w.pursued, w.limits()
	}
	return err
}

// limits says which limits are in force, as the session keeps them.
func (w *wired) limits() func() map[string]string {
	var known engine.Limits
	texts := map[string]string{}
	return func() map[string]string {
		if l := w.engine.Limits(); l != known {
			known, texts = l, limitTexts(&l, w.currency)
		}
		return texts
	}
}

// pursued is what the engine brings about, as the session keeps it.
func (w *wired) pursued() *session.Pursuit {
	p, ok := w.engine.Pursuit()
	if !ok {
		return nil
	}
	name := func(id exchange.SymbolID) string { return w.config.Instruments.Get(id).Symbol }
	v := &session.Pursuit{
		Goal:     p.Goal,
		Rule:     p.Rule,
		Since:    p.Since,
		Attempts: p.Attempts,
		Last:     p.Last,
		Open:     len(p.Orders),
	}
	if p.Next != 0 {
		v.Next = &p.Next
	}
	if p.Confirmed != 0 {
		v.Confirmed = &p.Confirmed
	}
	for _, o := range p.Orders[:min(len(p.Orders), session.MaxPursuedOrders)] {
		v.Orders = append(
			v.Orders,
			session.PursuedOrder{ClientID: o.ClientID, Symbol: name(o.Symbol), Side: o.Side.String(), Leaves: o.Leaves},
		)
	}
	for i := range p.Positions {
		v.Positions = append(v.Positions, session.PursuedAmount{Symbol: name(p.Positions[i].Symbol), Qty: p.Positions[i].Qty})
	}
	return v
}

// tell logs every order and fill once it is committed.
func tell(log *slog.Logger, p *plan) func(*session.Commit) {
	return func(c *session.Commit) {
		for i := range c.Reports {
			r := &c.Reports[i]
			switch r.Kind {
			case exchange.ReportFill:
				log.Info("fill", "symbol", p.set.Get(r.Symbol).Symbol, "client_id", r.Fill.ClientID, "order_id", r.Fill.OrderID, "exec_id", r.Fill.ExecID,
					"side", r.Fill.Side.String(), "qty", int64(r.Fill.Qty), "price", r.Fill.Price.String(), "fee", int64(r.Fill.Fee),
					"position", int64(r.Fill.Position), "at", r.Fill.Time.String())
			case exchange.ReportOrder:
				o := &r.Order
				log.Info("order", "symbol", p.set.Get(r.Symbol).Symbol, "what", r.ExecType.String(), "client_id", o.ClientID, "order_id", o.OrderID,
					"side", o.Side.String(), "type", o.Type.String(), "qty", int64(o.Qty), "price", o.Price.String(), "status", o.Status.String(),
					"reason", o.RejectReason, "at", r.Time.String())
			case exchange.ReportReject:
				log.Warn("a command was refused", "symbol", p.set.Get(r.Symbol).Symbol, "command", r.Reject.Command, "client_id", r.Reject.ClientID,
					"reason", r.Reject.Reason)
			}
		}
	}
}

// sessionNames lists the sessions that there are.
func sessionNames(state string) ([]string, error) {
	root, err := stateDir(state)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(root, "sessions"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, dataError(err)
}

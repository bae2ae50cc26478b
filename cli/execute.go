package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/reports"
)

// choice is what --data came to: the streams to replay and, for bars that the
// catalog has only in a finer interval, the bars that strategies hear.
type choice struct {
	name    string
	streams []data.Key
	sources []engine.Source
	bars    engine.BarSpec
}

// choose picks the streams of every symbol from what the catalog holds.
func (p *plan) choose(cat *data.Catalog) (*choice, error) {
	held, err := cat.Keys()
	if err != nil {
		return nil, dataError(err)
	}
	c := &choice{name: p.flags.data}
	if c.name == "" || c.name == "auto" {
		if c.name, err = p.autoData(held); err != nil {
			return nil, err
		}
	}
	for _, i := range p.instruments {
		kinds, err := c.kinds(i, held)
		if err != nil {
			return nil, err
		}
		for _, kind := range kinds {
			c.add(i, kind)
		}
	}
	return c, nil
}

// autoData prefers the finest bars, then the richest ticks, of the primary
// symbol.
func (p *plan) autoData(held []data.Key) (string, error) {
	i := p.instruments[0]
	kinds := kindsOf(i, held)
	bars := barKinds(kinds)
	if len(bars) > 0 {
		return bars[0], nil
	}
	for _, kind := range []string{"order", "book", "quote", "trade"} {
		if slices.Contains(kinds, kind) {
			return kind, nil
		}
	}
	return "", dataError(fmt.Errorf("the catalog %s has nothing to replay for %s%s", p.flags.catalog, i.Name(), heldText(kinds, held)))
}

func (c *choice) kinds(i *exchange.Instrument, held []data.Key) ([]string, error) {
	has := func(kind string) bool {
		return slices.Contains(held, data.Key{Venue: i.Venue, Kind: kind, Symbol: i.Symbol})
	}
	missing := func() error {
		return dataError(fmt.Errorf("the catalog has no %s data for %s%s", c.name, i.Name(), heldText(kindsOf(i, held), held)))
	}
	var kinds []string
	interval, isBar := data.ParseBarKind(c.name)
	switch {
	case isBar && has(c.name):
		kinds = append(kinds, c.name)
	case isBar:
		for _, finer := range barKinds(kindsOf(i, held)) {
			if d, _ := data.ParseBarKind(finer); d < interval && interval%d == 0 {
				kinds = append(kinds, finer)
				c.bars = engine.BarSpec{Interval: interval}
				break
			}
		}
		if len(kinds) == 0 {
			return nil, missing()
		}
	case c.name == "trade" || c.name == "quote" || c.name == "book" || c.name == "order":
		if !has(c.name) {
			return nil, missing()
		}
		kinds = append(kinds, c.name)
		if c.name != "trade" && has("trade") {
			kinds = append(kinds, "trade")
		}
	default:
		return nil, usage(fmt.Errorf("--data %q: want auto, bar-1m, bar-5m, bar-1h, bar-1d, trade, quote, book or order", c.name))
	}
	for _, extra := range []string{"mark", "funding"} {
		if has(extra) {
			kinds = append(kinds, extra)
		}
	}
	return kinds, nil
}

var eventKinds = map[string]exchange.EventKind{
	"trade": exchange.KindTrade, "quote": exchange.KindQuote, "book": exchange.KindBook, "order": exchange.KindOrder,
	"mark": exchange.KindMark, "funding": exchange.KindFunding,
}

func (c *choice) add(i *exchange.Instrument, kind string) {
	c.streams = append(c.streams, data.Key{Venue: i.Venue, Kind: kind, Symbol: i.Symbol})
	source := engine.Source{Symbol: i.ID, Kind: eventKinds[kind]}
	if interval, ok := data.ParseBarKind(kind); ok {
		source.Kind, source.Interval = exchange.KindBar, interval
	}
	c.sources = append(c.sources, source)
}

// optional reports whether a run can do without the stream in its range.
func optional(kind string) bool { return kind == "mark" || kind == "funding" }

// kindsOf lists the kinds of data that the catalog holds for an instrument.
func kindsOf(i *exchange.Instrument, held []data.Key) []string {
	var kinds []string
	for _, s := range held {
		if s.Venue == i.Venue && s.Symbol == i.Symbol {
			kinds = append(kinds, s.Kind)
		}
	}
	return kinds
}

// barKinds keeps the bars, finest first.
func barKinds(kinds []string) []string {
	var bars []string
	for _, k := range kinds {
		if _, ok := data.ParseBarKind(k); ok {
			bars = append(bars, k)
		}
	}
	slices.SortFunc(bars, func(x, y string) int {
		dx, _ := data.ParseBarKind(x)
		dy, _ := data.ParseBarKind(y)
		return int(dx/1e6) - int(dy/1e6)
	})
	return bars
}

func heldText(kinds []string, held []data.Key) string {
	if len(kinds) > 0 {
		return "; it has " + strings.Join(kinds, ", ")
	}
	var names []string
	for _, s := range held {
		if n := s.Venue + ":" + s.Symbol; !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return "; it is empty: fill it with backtest data import"
	}
	return "; it has " + strings.Join(names[:min(len(names), 8)], ", ")
}

// open finds the data of a run in its catalog.
func (p *plan) open() (*data.Catalog, *choice, error) {
	cat, err := data.Open(p.flags.catalog)
	if err != nil {
		return nil, nil, dataError(err)
	}
	c, err := p.choose(cat)
	return cat, c, err
}

// execute wires the parts and runs the plan. Whatever happens, the run
// directory ends in a state that says so.
func (a *App) execute(ctx context.Context, p *plan) (*outcome, error) {
	cat, c, err := p.open()
	if err != nil {
		return nil, err
	}
	simulated, strategy, err := p.makeRecovered()
	if err != nil {
		return nil, err
	}
	before, err := p.before(ctx, cat, c, strategy)
	if err != nil {
		return nil, err
	}
	defer before.close()
	feed, err := a.feed(ctx, cat, p, c)
	if err != nil {
		return nil, dataError(err)
	}
	defer feed.Close() //nolint:errcheck // only read
	parts, err := partsOf(feed)
	if err != nil {
		return nil, err
	}
	for _, part := range before.parts {
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	recorder, err := a.recorders(p, c.name, parts, simulated)
	if err != nil {
		return nil, err
	}
	bar := a.newProgress(p.definition.Name)
	log, err := p.flags.log.open(a.Stderr, bar)
	if err != nil {
		return nil, errors.Join(err, recorder.abort(err, reports.Outcome{Ended: a.Now()}))
	}
	wiring := p.wire(c, feed, simulated, strategy, recorder, drawProgress(bar, p))
	wiring.Log = log.Logger
	wiring.History, wiring.HistorySources = before.feed, before.sources
	eng, err := engine.New(wiring)
	if err != nil {
		return nil, errors.Join(err, log.close(), recorder.abort(err, reports.Outcome{Ended: a.Now()}))
	}
	summary, err := eng.RunRecovered(ctx)
	err = p.named(err)
	bar.clear()
	err = errors.Join(err, log.close())
	if err != nil {
		return nil, errors.Join(err, recorder.abort(err, reports.Outcome{Ended: a.Now()}))
	}
	o := a.outcome(p, summary, simulated.Stats())
	o.Warnings = append(o.Warnings, gapWarnings(feed.Gaps(), summary.End)...)
	if before.warning != "" {
		o.Warnings = append(o.Warnings, before.warning)
	}
	results, err := recorder.finish(o)
	return &outcome{results, simulated.Account().Portfolio(p.sim.Currency)}, err
}

// outcome is what came of a run: a result for each wallet, and what they come to together.
type outcome struct {
	results  []*reports.Result
	together exchange.Portfolio
}

// wire puts the parts of a run together.
func (p *plan) wire(c *choice, feed exchange.Feed, x *sim.Exchange, s engine.Strategy, o engine.Observer,
	progress func(exchange.Time, int64)) engine.Config {
	return engine.Config{
		Instruments: p.set, Symbols: p.sim.Symbols, Sources: c.sources, DefaultBars: c.bars, Feed: feed, Exchange: x,
		Strategy: s, Delay: p.delay, BarGrace: p.grace, Observer: o, SampleEvery: p.flags.sampleEvery,
		Seed: p.flags.seed, Margin: x.Account().Margin(), Progress: progress, Limits: p.limits,
	}
}

// make makes what a plan says: a simulated exchange and a strategy, neither of them used.
func (p *plan) make() (*sim.Exchange, engine.Strategy, error) {
	x, err := sim.New(p.sim)
	if err != nil {
		return nil, nil, err
	}
	strategy, err := p.definition.New(p.values)
	return x, strategy, usage(err)
}

// makeRecovered is make, and returns a panic of the strategy's maker as an error.
func (p *plan) makeRecovered() (x *sim.Exchange, s engine.Strategy, err error) {
	defer func() {
		if v := recover(); v != nil {
			panics := engine.NewPanicError(v, nil)
			panics.Strategy, panics.Doing = p.definition.Name, "when it was made"
			err = panics
		}
	}()
	return p.make()
}

// named gives the error of a strategy's panic the name that the user knows.
func (p *plan) named(err error) error {
	var panics *engine.PanicError
	if errors.As(err, &panics) && panics.Strategy != "" {
		panics.Strategy = p.definition.Name
	}
	return err
}

// account shows a wallet of the simulated account to the recorder.
type account struct {
	sim.Account
	currency string
}

// Margin implements reports.Account. The recorder asks at the instant that the
// exchange is at.
func (a account) Margin(exchange.Time) exchange.Margin {
	m, _ := a.MarginIn(a.currency)
	return m
}

// Totals implements reports.Account.
func (a account) Totals() reports.Totals {
	t, _ := a.TotalsIn(a.currency)
	return reports.Totals{Realised: t.Realised, Fees: t.Fees, Funding: t.Funding, Insurance: t.Insurance, Turnover: t.Turnover}
}

// partsOf lists the data that a feed reads.
func partsOf(feed *data.Feed) ([]reports.DataPart, error) {
	parts, err := feed.Digest()
	if err != nil {
		return nil, dataError(err)
	}
	list := make([]reports.DataPart, len(parts))
	for i, part := range parts {
		list[i] = reports.DataPart{Path: part.Path, Rows: part.Rows, Digest: part.Input}
	}
	return list, nil
}

// record opens a run directory for a wallet, the first of which is 0.
func (a *App) record(p *plan, wallet int, dataName string, parts []reports.DataPart, of reports.Account, models []sim.Model) (*reports.Recorder, error) {
	dir := p.walletDir(wallet)
	if p.flags.noReport {
		dir = ""
	}
	r, err := reports.Create(dir, a.options(p, wallet, dataName, parts, of, models))
	var refused *reports.DirectoryError
	if errors.As(err, &refused) {
		return nil, usage(err)
	}
	return r, err
}

// options say what is run in a wallet.
func (a *App) options(p *plan, wallet int, dataName string, parts []reports.DataPart, of reports.Account, models []sim.Model) reports.Options {
	f := p.flags
	c := p.currencies()[wallet]
	o := reports.Options{
		Account: of, Instruments: p.set, Currency: c, StartBalance: p.balance,
		Run: reports.Run{Strategy: p.definition.Name, Params: p.values.Text(), Venue: p.instruments[0].Venue, Data: dataName,
			From: p.from, To: p.to, SampleSeconds: f.sampleEvery.Seconds()},
		Version: Version(), GoVersion: goVersion(), Seed: f.seed, Config: f.settings(), Command: f.command, Started: a.Now(),
	}
	if wallet > 0 {
		o.StartBalance = p.sim.Wallets[wallet-1].Balance
	}
	for _, i := range p.instruments {
		if i.Settle == c {
			o.Symbols, o.Run.Symbols = append(o.Symbols, i.ID), append(o.Run.Symbols, i.Symbol)
		}
	}
	for _, m := range models {
		o.Models = append(o.Models, reports.Model{Name: m.Name, Value: m.Choice})
	}
	o.Data = parts
	return o
}

// outcome tells the recorder what it cannot see for itself.
func (a *App) outcome(p *plan, s engine.Summary, stats sim.Stats) reports.Outcome {
	o := reports.Outcome{Engine: s, AmbiguousBars: int64(stats.AmbiguousBars), Ended: a.Now(),
		Counts: map[string]int64{"clamped_opens": int64(stats.ClampedOpens), "waited_for_a_price": int64(stats.Held)}}
	for cause, n := range stats.Fills {
		if n > 0 {
			o.Counts["fills_"+exchange.Cause(cause).String()] = int64(n)
		}
	}
	warn := func(n int, format string, args ...any) {
		if n > 0 {
			o.Warnings = append(o.Warnings, fmt.Sprintf(format, args...))
		}
	}
	warn(stats.ClampedOpens, "%d bars open outside their range; the open was clamped into it", stats.ClampedOpens)
	warn(stats.Lost, "%d requests were lost on the way to the venue", stats.Lost)
	warn(stats.Overloads, "%d requests were turned away by an overloaded venue", stats.Overloads)
	warn(int(s.Refused), "%d commands of the strategy were refused before they were sent, the first: %v", s.Refused,
		s.FirstRefusal)
	warn(stats.Outdated, "%d orders waited for data: what they would have traded at was older than --max-age %s",
		stats.Outdated, p.flags.maxAge)
	warn(stats.Waiting, "%d orders were still waiting for a price of their symbol at the end, and did not fill",
		stats.Waiting)
	warn(stats.Travelling, "%d orders were still on their way when the data ended; the orders table has them as %s",
		stats.Travelling, exchange.PendingNew)
	warn(stats.Crossed,
		"%d times the best bid reached the best ask, for %s in all; no order was filled from what lies between them",
		stats.Crossed, stats.CrossedFor)
	warn(stats.OldSettlements, "%d positions were settled at an old price, the oldest given %s before",
		stats.OldSettlements,
		stats.OldestSettlement)
	for w, n := range stats.Warnings {
		warn(n, "%s (%d times)", sim.Warning(w), n)
	}
	if s.WarmupEvents > 0 {
		o.Counts["warmup_events"], o.Counts["warmup_commands"] = s.WarmupEvents, s.WarmupCommands
	}
	riskOutcome(&s, &o)
	return o
}

// gapWarnings say what was missing from the data of a run that ended at a time.
func gapWarnings(list []data.Gaps, end exchange.Time) []string {
	var out []string
	for _, g := range list {
		name := g.Venue + ":" + g.Symbol + " " + g.Kind
		interval, bars := data.ParseBarKind(g.Kind)
		switch {
		case g.Holes == 0:
		case bars:
			out = append(out, fmt.Sprintf("%s: %d bars are missing in %d holes; the longest is %s after the bar of %s",
				name, g.Missing, g.Holes, g.Longest-interval, g.After))
		default:
			out = append(out,
				fmt.Sprintf("%s: %d holes of more than %s; the longest is %s after %s", name, g.Holes, g.Most, g.Longest, g.After))
		}
		if last := g.Last.Add(interval); g.Most > 0 && !optional(g.Kind) && end.Sub(last) > g.Most {
			out = append(out, fmt.Sprintf("%s ends at %s, %s before the run does", name, last, end.Sub(last)))
		}
	}
	return out
}

// feed opens the streams; those that a run can do without are left out when
// they have nothing in range.
func (a *App) feed(ctx context.Context, cat *data.Catalog, p *plan, c *choice) (*data.Feed, error) {
	for {
		feed, err := cat.Feed(ctx, data.Query{Instruments: p.set, Streams: c.streams, From: p.from, To: p.to})
		var none *data.NoDataError
		if !errors.As(err, &none) || !optional(none.Key.Kind) {
			return feed, err
		}
		n := slices.Index(c.streams, none.Key)
		c.streams = slices.Delete(c.streams, n, n+1)
		c.sources = slices.Delete(c.sources, n, n+1)
	}
}

func drawProgress(bar *progress, p *plan) func(exchange.Time, int64) {
	if bar == nil {
		return nil
	}
	from, to := p.from, p.to
	return func(now exchange.Time, events int64) {
		if now == 0 || to == 0 {
			return // before the first event, or the end is not known
		}
		if from == 0 {
			from = now
		}
		bar.set(int64(now-from), int64(to-from), fmt.Sprintf("%s  %d events", now.Std().Format("2006-01-02"), events))
	}
}

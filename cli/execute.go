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
	for _, kind := range []string{"book", "quote", "trade"} {
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
	case c.name == "trade" || c.name == "quote" || c.name == "book":
		if !has(c.name) {
			return nil, missing()
		}
		kinds = append(kinds, c.name)
		if c.name != "trade" && has("trade") {
			kinds = append(kinds, "trade")
		}
	default:
		return nil, usage(fmt.Errorf("--data %q: want auto, bar-1m, bar-5m, bar-1h, bar-1d, trade, quote or book", c.name))
	}
	for _, extra := range []string{"mark", "funding"} {
		if has(extra) {
			kinds = append(kinds, extra)
		}
	}
	return kinds, nil
}

var eventKinds = map[string]exchange.EventKind{
	"trade": exchange.KindTrade, "quote": exchange.KindQuote, "book": exchange.KindBook,
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

// execute wires the parts and runs the plan. Whatever happens, the run
// directory ends in a state that says so.
func (a *App) execute(ctx context.Context, p *plan) (*reports.Result, error) {
	cat, err := data.Open(p.flags.catalog)
	if err != nil {
		return nil, dataError(err)
	}
	c, err := p.choose(cat)
	if err != nil {
		return nil, err
	}
	feed, err := a.feed(ctx, cat, p, c)
	if err != nil {
		return nil, dataError(err)
	}
	defer feed.Close() //nolint:errcheck // only read
	simulated, err := sim.New(p.sim)
	if err != nil {
		return nil, err
	}
	strategy, err := p.definition.New(p.values)
	if err != nil {
		return nil, usage(err)
	}
	recorder, err := a.recorder(p, c, feed, simulated)
	if err != nil {
		return nil, err
	}
	bar := a.newProgress(p.definition.Name)
	eng, err := engine.New(engine.Config{
		Instruments: p.set, Symbols: p.sim.Symbols, Sources: c.sources, DefaultBars: c.bars, Feed: feed, Exchange: simulated,
		Strategy: strategy, Delay: p.delay, BarGrace: p.grace, Observer: recorder, SampleEvery: p.flags.sampleEvery,
		Seed: p.flags.seed, Margin: simulated.Account().Margin(), Progress: drawProgress(bar, p),
		Limits: p.limits,
	})
	if err != nil {
		return nil, errors.Join(err, recorder.Abort(err, a.Now()))
	}
	summary, err := eng.Run(ctx)
	bar.clear()
	if err != nil {
		return nil, errors.Join(err, recorder.Abort(err, a.Now()))
	}
	return recorder.Finish(a.outcome(p, summary, simulated))
}

// account shows the simulated account to the recorder.
type account struct{ sim.Account }

// Margin implements reports.Account. The recorder asks at the instant that the
// exchange is at.
func (a account) Margin(exchange.Time) exchange.Margin { return a.Account.Margin() }

// Totals implements reports.Account.
func (a account) Totals() reports.Totals { return reports.Totals(a.Account.Totals()) }

// recorder opens the run directory.
func (a *App) recorder(p *plan, c *choice, feed *data.Feed, x *sim.Exchange) (*reports.Recorder, error) {
	f := p.flags
	dir := f.out
	if f.noReport {
		dir = ""
	}
	parts, err := feed.Digest()
	if err != nil {
		return nil, dataError(err)
	}
	o := reports.Options{
		Account: account{x.Account()}, Instruments: p.set, Symbols: p.sim.Symbols, Currency: p.sim.Currency,
		StartBalance: p.balance,
		Run: reports.Run{Strategy: p.definition.Name, Params: p.values.Text(), Venue: p.instruments[0].Venue, Data: c.name,
			From: p.from, To: p.to},
		Version: Version(), GoVersion: goVersion(), Seed: f.seed, Config: f.settings(), Started: a.Now(),
	}
	for _, i := range p.instruments {
		o.Run.Symbols = append(o.Run.Symbols, i.Symbol)
	}
	for _, m := range x.Models() {
		o.Models = append(o.Models, reports.Model{Name: m.Name, Value: m.Choice})
	}
	for _, part := range parts {
		o.Data = append(o.Data, reports.DataPart{Path: part.Path, Rows: part.Rows, Digest: part.Input})
	}
	r, err := reports.Create(dir, o)
	var refused *reports.DirectoryError
	if errors.As(err, &refused) {
		return nil, usage(err)
	}
	return r, err
}

// outcome tells the recorder what it can not see for itself.
func (a *App) outcome(p *plan, s engine.Summary, x *sim.Exchange) reports.Outcome {
	stats := x.Stats()
	o := reports.Outcome{Engine: s, AmbiguousBars: int64(stats.AmbiguousBars), Ended: a.Now(),
		Counts: map[string]int64{"clamped_opens": int64(stats.ClampedOpens)}}
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
	warn(stats.AmbiguousBars, "%d bars could have filled a stop and a limit order in either order; the path %s decided",
		stats.AmbiguousBars, p.flags.barPath)
	warn(stats.Lost, "%d requests were lost on the way to the venue", stats.Lost)
	warn(stats.Overloads, "%d requests were turned away by an overloaded venue", stats.Overloads)
	for w, n := range stats.Warnings {
		warn(n, "%s (%d times)", sim.Warning(w), n)
	}
	riskOutcome(&s, &o)
	return o
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
		if from == 0 {
			from = now
		}
		if to == 0 {
			return
		}
		bar.set(int64(now-from), int64(to-from), fmt.Sprintf("%s  %d events", now.Std().Format("2006-01-02"), events))
	}
}

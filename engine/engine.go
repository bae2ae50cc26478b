package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Delay says when the strategy hears of market data.
type Delay struct {
	// FromData uses the arrival times of the data. An arrival before the event
	// is clock skew and ends the run with a [*SkewError].
	FromData bool
	// Fixed is added to the exchange time otherwise, and to the end of bars
	// always.
	Fixed time.Duration
}

// Source is one stream that the feed carries.
type Source struct {
	Symbol   exchange.SymbolID
	Kind     exchange.EventKind
	Interval time.Duration // of bars
}

// Observer sees what happens to the account, for reports and recordings. It is
// called by the loop's goroutine; what it is given is valid during the call.
type Observer interface {
	// Submitted is called for each order that the strategy sent, before any report of it,
	// with the middle of the best bid and ask that the strategy knew: what the order is
	// measured against. In data without quotes it is the last price, before any 0.
	Submitted(s exchange.SymbolID, id exchange.ClientID, mid exchange.Price)
	// Report is called for every report in the order of arrival.
	Report(r *exchange.Report) error
	// Sample is called after the first instant, at each multiple of Config.SampleEvery
	// and at each 00:00 UTC after everything that happened up to then, and at the end.
	// So the days of a run are the same for every interval.
	Sample(at exchange.Time) error
}

// PriceObserver is an observer that needs the first price of a symbol, whatever the
// interval of the samples is.
type PriceObserver interface {
	Observer
	// Priced is called after each instant, from the first one on, until it returns true.
	Priced(at exchange.Time) bool
}

// Config wires a run.
type Config struct {
	Instruments *exchange.Instruments
	Symbols     []exchange.SymbolID // the first is the primary one
	Sources     []Source            // what the feed carries
	Feed        exchange.Feed
	// History, if set, is what happened before the first event of Feed. The strategy hears it
	// first, in the same way, and no command is carried out: see [ErrWarmup]. Events must be
	// older than those of Feed. HistorySources say what it carries. It may have bars where Feed
	// has trades: then the series of bars that the strategy asked for are built from those
	// first. The owner closes it.
	History        exchange.Feed
	HistorySources []Source
	Exchange       exchange.Exchange
	Strategy       Strategy
	// DefaultBars is the series of a bar strategy that names none; zero is the
	// data's own bars.
	DefaultBars BarSpec
	Delay       Delay
	// BarGrace is how long after its end a bar built from trades waits for a
	// late trade, unless a later event shows that none will come.
	BarGrace    time.Duration
	Margin      exchange.Margin // of the account's first wallet at the start, as far as it is known
	Limits      Limits          // of the risk guard
	Observer    Observer        // may be nil
	SampleEvery time.Duration   // 0: only at the start and the end, and not at 00:00 UTC
	Seed        uint64
	// OrderPrefix begins the client ids that the engine assigns. Empty: "dun-".
	OrderPrefix string
	Log         *slog.Logger                          // nil: none
	Progress    func(now exchange.Time, events int64) // may be nil; called once per batch
	BatchRows   int                                   // 0: 4096
	Check       func(now exchange.Time) error         // may be nil; called after every instant, for tests of invariants
}

// Summary counts what a run did.
type Summary struct {
	Start  exchange.Time // of the first event
	End    exchange.Time // of the last instant
	Events int64         // market events read from the feed
	// WarmupEvents were read from the history before it, and WarmupCommands given meanwhile and
	// not carried out.
	WarmupEvents, WarmupCommands int64
	Refused                      int64  // commands refused before they were sent, but for those of RiskRefused
	Late                         int64  // trades too late for the bar they belong to
	Halted                       string // why the strategy ended the run, if it did

	FirstRefusal error // of Refused; nil: none

	RiskRefused map[string]int64 // orders that the risk guard refused, by rule
	Tripped     *Trip            // nil: the risk guard did not trip
}

// Errors of a run.
var (
	// ErrNoEvents means that the feed had nothing to say.
	ErrNoEvents = errors.New("the feed has no events")
)

// SkewError means that data arrives before it happened: the recorder's clock
// was behind the exchange's.
type SkewError struct {
	Symbol string
	Kind   exchange.EventKind
	At     exchange.Time
	Skew   time.Duration // negative
}

// Error implements error.
func (e *SkewError) Error() string {
	return fmt.Sprintf("%s: a %s at %s arrives %s before it happened: the recorder's clock was behind; "+
		"import the data again with --clock-offset auto, or choose a latency that does not use its arrival times",
		e.Symbol, e.Kind, e.At, -e.Skew)
}

// marketTaker is an exchange that must be told of the market: the simulator.
type marketTaker interface {
	Market(ev *exchange.Event)
}

// drainer is an exchange that can give away the reports still on their way.
type drainer interface {
	Drain(reports []exchange.Report) []exchange.Report
}

// Pacer is a feed whose events come while time passes, as those of a session do. A run
// asks it with Wait alone: instead of looking ahead at its next event, the engine says
// what it would do next.
type Pacer interface {
	exchange.Feed
	// Wait returns events, which may be later than until, or none once no event at or
	// before until can come any more. Events of one time come together. They belong to
	// the engine until the next call. io.EOF says that the session ended before until.
	Wait(ctx context.Context, until exchange.Time) ([]exchange.Event, error)
}

// Ager is a pacer that knows how old market data was when it was heard, as a session of
// live prices does: they may have waited on the way. Without it data is new when it comes.
type Ager interface {
	// Age is how old, by the venue's clock, the newest data of a symbol was at the instant
	// of the batch that [Pacer.Wait] returned last.
	Age(s exchange.SymbolID, at exchange.Time) time.Duration
}

// asked is what the operator asks for.
type asked struct {
	operation exchange.Operation
	number    int // of [exchange.SettingEvent]
	value     int64
}

// Engine runs one strategy once.
type Engine struct {
	cfg     Config
	h       handlers
	ctx     *Context
	taker   marketTaker
	pacer   Pacer
	ager    Ager
	asked   []asked // by the operator, at this instant
	now     exchange.Time
	end     exchange.Time // set when the feed has ended
	buf     []exchange.Event
	pos, n  int // unread events are buf[pos:n]
	eof     bool
	deliver deliveries
	timers  timers
	guard   guard
	pursuit pursuit
	barsDue exchange.Time
	reports []exchange.Report
	sample  exchange.Time
	opening bool          // the first sample, or what a PriceObserver waits for, is to come
	latest  exchange.Time // latest arrival of any event so far
	warming bool          // the history is being heard
	// barHistory: the series of bars are built from the bars of the history, whatever the feed
	// carries.
	barHistory bool
	halted     string
	emit       func(*series)
	bar        Bar
	summary    Summary

	// What is dealt with, for the error of a panic. nil: nothing.
	current *exchange.Event
	told    *exchange.Report
}

// New checks the configuration and makes an engine. It does not call the
// strategy yet.
func New(cfg Config) (*Engine, error) {
	switch {
	case cfg.Instruments == nil || cfg.Feed == nil || cfg.Exchange == nil || cfg.Strategy == nil:
		return nil, errors.New("engine: instruments, feed, exchange and strategy are needed")
	case len(cfg.Symbols) == 0:
		return nil, errors.New("engine: no symbols")
	case cfg.SampleEvery < 0 || cfg.Delay.Fixed < 0 || cfg.BarGrace < 0:
		return nil, errors.New("engine: durations must not be negative")
	}
	if cfg.BatchRows <= 0 {
		cfg.BatchRows = 4096
	}
	if cfg.OrderPrefix == "" {
		cfg.OrderPrefix = "dun-"
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.HistorySources == nil {
		cfg.HistorySources = cfg.Sources
	}
	e := &Engine{
		cfg: cfg, h: handlersOf(cfg.Strategy), end: exchange.Never, barsDue: exchange.Never,
		buf: make([]exchange.Event, cfg.BatchRows), deliver: newDeliveries(), pursuit: newPursuit(),
	}
	if err := checkHandlers(cfg.Strategy); err != nil {
		return nil, err
	}
	e.taker, _ = cfg.Exchange.(marketTaker)
	e.pacer, _ = cfg.Feed.(Pacer)
	e.ager, _ = cfg.Feed.(Ager)
	e.ctx = &Context{e: e, view: newView(&cfg), rand: rand.New(rand.NewPCG(cfg.Seed, 0x7374726174656779)),
		log: slog.New(timedLog{cfg.Log.Handler(), &e.now})}
	e.guard = newGuard(cfg.Limits, cfg.Instruments.Len())
	e.emit = e.emitBar
	return e, nil
}

// Run replays the feed to its end through the strategy. It returns what was
// done so far together with an error when the context is cancelled, the feed
// fails or the strategy cannot start. Panics are the caller's to recover: see
// [Engine.RunRecovered].
func (e *Engine) Run(ctx context.Context) (Summary, error) {
	e.ctx.ctx = ctx
	err := e.run(ctx)
	e.summary.End = e.now
	e.summary.Halted = e.halted
	e.summary.RiskRefused = e.guard.refused
	return e.summary, err
}

func (e *Engine) run(ctx context.Context) error {
	if err := e.start(ctx); err != nil {
		return err
	}
	for instant := uint(1); ; instant++ {
		if err := e.wait(ctx); err != nil {
			return err
		}
		t := e.next()
		if t == exchange.Never || t > e.end || e.halted != "" {
			break
		}
		if instant%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := e.samplesBefore(t); err != nil {
			return err
		}
		if err := e.step(ctx, t); err != nil {
			return err
		}
		if e.opening {
			if err := e.open(t, instant == 1); err != nil {
				return err
			}
		}
	}
	if e.h.stop != nil {
		e.h.stop.OnStop(e.ctx)
	}
	if err := e.drain(); err != nil {
		return err
	}
	return e.takeSample(e.now)
}

// open takes the first sample, after everything of the first instant: before it no
// price is known.
func (e *Engine) open(t exchange.Time, first bool) error {
	x, ok := e.cfg.Observer.(PriceObserver)
	e.opening = ok && !x.Priced(t)
	if !first {
		return nil
	}
	return e.takeSample(t)
}

// wait lets the feed of a session say what is first: its next events, or what would
// be done next anyway.
func (e *Engine) wait(ctx context.Context) error {
	if e.pacer == nil || e.pos < e.n || e.eof || e.halted != "" {
		return nil
	}
	return e.waitFor(ctx, e.next())
}

func (e *Engine) waitFor(ctx context.Context, until exchange.Time) error {
	e.pos, e.n = 0, 0
	events, err := e.pacer.Wait(ctx, until)
	e.buf, e.n = events, len(events)
	e.summary.Events += int64(e.n)
	switch {
	case errors.Is(err, io.EOF):
		e.eof, e.end = true, max(e.latest, e.now)
	case err != nil:
		return fmt.Errorf("market data: %w", err)
	}
	return nil
}

// Tripped returns the rule of the risk guard that has tripped, or nothing.
func (e *Engine) Tripped() string { return e.guard.tripped }

// toldAt is when the newest data of a symbol, which is heard now, was true.
func (e *Engine) toldAt(s exchange.SymbolID) exchange.Time {
	if e.ager == nil {
		return e.now
	}
	return e.now.Add(-e.ager.Age(s, e.now))
}

// drain shows the observer the reports of what has happened and has not arrived:
// the account that it adds up is the one at the exchange.
func (e *Engine) drain() error {
	x, ok := e.cfg.Exchange.(drainer)
	if !ok || e.cfg.Observer == nil {
		return nil
	}
	e.reports = x.Drain(e.reports[:0])
	for i := range e.reports {
		if err := e.cfg.Observer.Report(&e.reports[i]); err != nil {
			return err
		}
	}
	return nil
}

// start reads the first events, so that Init knows when it is.
func (e *Engine) start(ctx context.Context) error {
	first := e.first
	if e.cfg.History != nil {
		first = e.warmUp
	}
	if err := first(ctx); err != nil {
		return err
	}
	if e.n == 0 {
		return ErrNoEvents
	}
	e.summary.Start = e.buf[0].Time
	if e.ctx.started {
		e.now = e.summary.Start
	} else if err := e.begin(e.summary.Start); err != nil {
		return err
	}
	if err := e.advance(ctx, e.now); err != nil {
		return err
	}
	e.sample, e.opening = e.nextSample(e.now), e.cfg.Observer != nil
	return nil
}

// first reads the first events of the feed.
func (e *Engine) first(ctx context.Context) error {
	if e.pacer != nil {
		return e.wait(ctx)
	}
	return e.read(ctx)
}

// begin starts the strategy at the time of the first event.
func (e *Engine) begin(at exchange.Time) error {
	e.now = at
	for _, id := range e.cfg.Symbols {
		e.ctx.view.symbols[id].refresh(e.now)
	}
	if err := e.cfg.Strategy.Init(e.ctx); err != nil {
		return fmt.Errorf("strategy cannot start: %w", err)
	}
	if err := e.defaultBars(); err != nil {
		return fmt.Errorf("strategy cannot start: %w", err)
	}
	e.ctx.started = true
	return nil
}

// nextSample is the next multiple of the interval, or the next 00:00 UTC if that is
// earlier.
func (e *Engine) nextSample(at exchange.Time) exchange.Time {
	every := e.cfg.SampleEvery
	if every == 0 {
		return exchange.Never
	}
	return min(at.Truncate(every).Add(every), at.Date().Add(24*time.Hour))
}

// defaultBars subscribes a bar strategy that named no series to the data's own
// bars, or to bars built from its trades. A strategy that also hears of ticks gets
// bars only where the data has them.
func (e *Engine) defaultBars() error {
	if e.h.bar == nil {
		return nil
	}
	for _, id := range e.cfg.Symbols {
		if s := &e.ctx.view.symbols[id]; len(s.series) > 0 || len(s.native) > 0 {
			return nil
		}
	}
	hearsTicks := e.h.trade != nil || e.h.quote != nil || e.h.book != nil
	for _, id := range e.cfg.Symbols {
		if finest, _ := e.sourcesOf(id); hearsTicks && finest == 0 {
			continue
		}
		if err := e.subscribe(id, BarSpec{}); err != nil {
			return err
		}
	}
	return nil
}

// next returns the earliest instant at which anything happens.
func (e *Engine) next() exchange.Time {
	t := e.cfg.Exchange.Next()
	if e.pos < e.n && e.buf[e.pos].Time < t {
		t = e.buf[e.pos].Time
	}
	t = min(t, e.deliver.at, e.barsDue, e.timers.next(), e.pursuit.due)
	// Nothing happens in the past: a feed that steps back in time, or a timer set
	// for now, is dealt with now.
	return max(t, e.now)
}

// step does everything that happens at instant t, in the order that the
// package documentation gives.
func (e *Engine) step(ctx context.Context, t exchange.Time) error {
	e.now = t
	group, err := e.group(ctx, t)
	if err != nil {
		return err
	}
	if err := e.tellExchange(group, t); err != nil {
		return err
	}
	if len(group) == 0 || e.cfg.Exchange.Next() <= t {
		if err := e.advance(ctx, t); err != nil {
			return err
		}
	}
	if e.barsDue <= t {
		e.closeBars(t)
	}
	for ev := e.deliver.pop(t); ev != nil; ev = e.deliver.pop(t) {
		e.hand(ev)
	}
	for i := range group {
		if group[i].Arrival <= t {
			e.hand(&group[i])
		}
	}
	e.current = nil
	e.fireTimers(t)
	if err := e.obey(ctx, t); err != nil {
		return err
	}
	if err := e.settle(ctx, t); err != nil {
		return err
	}
	if e.cfg.Check != nil {
		return e.cfg.Check(t)
	}
	return nil
}

// settle lets the exchange do what was asked for at this instant until nothing is
// left, and the guard look at what came of it.
func (e *Engine) settle(ctx context.Context, t exchange.Time) error {
	for !e.warming {
		if err := e.guard.watch(ctx, e); err != nil {
			return err
		}
		if err := e.pursue(ctx, t); err != nil {
			return err
		}
		if e.cfg.Exchange.Next() > t {
			return nil
		}
		if err := e.advance(ctx, t); err != nil {
			return err
		}
		e.fireTimers(t)
	}
	return nil
}

// group returns the unread events whose time is t or earlier, all in one slice
// even when they cross the end of a batch.
func (e *Engine) group(ctx context.Context, t exchange.Time) ([]exchange.Event, error) {
	first := e.pos
	for {
		for e.pos < e.n && e.buf[e.pos].Time <= t {
			e.pos++
		}
		if e.pos < e.n || e.eof || e.pos == first || e.pacer != nil {
			return e.buf[first:e.pos], nil
		}
		if first > 0 {
			copy(e.buf, e.buf[first:e.n])
			e.n -= first
			e.pos -= first
			first = 0
		}
		if e.n == len(e.buf) {
			e.buf = append(e.buf, make([]exchange.Event, len(e.buf))...)
		}
		if err := e.read(ctx); err != nil {
			return nil, err
		}
	}
}

// read appends a batch to the buffer.
func (e *Engine) read(ctx context.Context) error {
	n, err := e.cfg.Feed.Next(ctx, e.buf[e.n:])
	e.n += n
	e.summary.Events += int64(n)
	switch {
	case errors.Is(err, io.EOF):
		e.eof = true
	case err != nil:
		return fmt.Errorf("market data: %w", err)
	}
	if e.cfg.Progress != nil {
		e.cfg.Progress(e.now, e.summary.Events)
	}
	return nil
}

// tellExchange gives the events of one instant to the simulated exchange and
// puts those that the strategy hears of later on their way.
func (e *Engine) tellExchange(group []exchange.Event, t exchange.Time) error {
	for i := range group {
		ev := &group[i]
		e.current = ev
		if ev.Kind == exchange.KindOperator {
			continue // the engine's own: no venue hears it, and no latency delays it
		}
		if err := e.setArrival(ev); err != nil {
			return err
		}
		if e.taker != nil {
			e.taker.Market(ev)
		}
		if ev.Arrival > e.latest {
			e.latest = ev.Arrival
		}
		if ev.Arrival > t {
			e.deliver.push(ev)
		}
	}
	e.current = nil
	if e.eof && e.pos == e.n && e.end == exchange.Never {
		e.end = max(e.latest, t)
	}
	return nil
}

func (e *Engine) setArrival(ev *exchange.Event) error {
	switch {
	case ev.Kind == exchange.KindBar:
		ev.Arrival = ev.Arrival.Add(e.cfg.Delay.Fixed)
	case !e.cfg.Delay.FromData:
		ev.Arrival = ev.Time.Add(e.cfg.Delay.Fixed)
	case ev.Arrival < ev.Time:
		return &SkewError{Symbol: e.cfg.Instruments.Get(ev.Symbol).Name(), Kind: ev.Kind, At: ev.Time,
			Skew: ev.Arrival.Sub(ev.Time)}
	}
	return nil
}

// advance lets the exchange do what is due and hands its reports over.
func (e *Engine) advance(ctx context.Context, t exchange.Time) error {
	reports, err := e.cfg.Exchange.Advance(ctx, t, e.reports[:0])
	e.reports = reports
	if err != nil {
		return fmt.Errorf("exchange: %w", err)
	}
	for i := range reports {
		e.told = &reports[i]
		if err := e.report(&reports[i]); err != nil {
			return err
		}
	}
	e.told = nil
	return nil
}

// report updates the account view, then tells the observer and the strategy.
func (e *Engine) report(r *exchange.Report) error {
	v := &e.ctx.view
	switch r.Kind {
	case exchange.ReportOrder:
		v.symbols[r.Order.Symbol].put(&r.Order)
	case exchange.ReportFill:
		s := &v.symbols[r.Fill.Symbol]
		s.position.Qty = r.Fill.Position
		if r.Order.ClientID != "" {
			s.put(&r.Order)
		}
	case exchange.ReportPosition:
		v.symbols[r.Position.Symbol].position = r.Position
	case exchange.ReportMargin:
		v.putMargin(&r.Margin)
	}
	if e.cfg.Observer != nil {
		if err := e.cfg.Observer.Report(r); err != nil {
			return err
		}
	}
	if e.pursuit.on() {
		e.pursuit.report(r, e.now)
	}
	if !e.pursuit.unconfirmed() { // refusals of repeated requests are not the strategy's
		e.guard.report(r)
	}
	e.tellStrategy(r)
	return nil
}

func (e *Engine) tellStrategy(r *exchange.Report) {
	switch r.Kind {
	case exchange.ReportOrder:
		if e.h.order != nil {
			e.h.order.OnOrder(e.ctx, &r.Order, r.ExecType)
		}
	case exchange.ReportFill:
		if e.h.fill != nil {
			e.h.fill.OnFill(e.ctx, &r.Fill)
		}
		if e.h.order != nil && r.Order.ClientID != "" {
			e.h.order.OnOrder(e.ctx, &r.Order, r.ExecType)
		}
	case exchange.ReportPosition:
		if e.h.position != nil {
			e.h.position.OnPosition(e.ctx, &r.Position)
		}
	case exchange.ReportFunding:
		if e.h.funding != nil {
			e.h.funding.OnFunding(e.ctx, &r.Funding)
		}
	case exchange.ReportReject:
		if e.h.reject != nil {
			e.h.reject.OnReject(e.ctx, &r.Reject)
		}
	}
}

func (e *Engine) fireTimers(t exchange.Time) {
	for e.timers.next() <= t {
		fired := e.timers.pop()
		if e.h.timer != nil {
			e.h.timer.OnTimer(e.ctx, fired.id)
		}
	}
}

func (e *Engine) samplesBefore(t exchange.Time) error {
	for e.sample < t {
		if err := e.takeSample(e.sample); err != nil {
			return err
		}
		e.sample = e.nextSample(e.sample)
	}
	return nil
}

func (e *Engine) takeSample(at exchange.Time) error {
	if e.cfg.Observer == nil {
		return nil
	}
	return e.cfg.Observer.Sample(at)
}

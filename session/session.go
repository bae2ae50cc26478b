package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// ErrNoEvent means that a journal has no event of a number.
var ErrNoEvent = errors.New("there is no event")

// ErrSuspended ends a run that is to go on later.
var ErrSuspended = errors.New("the session is suspended")

// Account shows the account of the session's exchange.
type Account interface {
	Margin() exchange.Margin
	Position(s exchange.SymbolID) exchange.Position
}

// Config describes how a session is run.
type Config struct {
	Store   *Store
	Symbols []exchange.SymbolID // the first is the primary one
	Names   func(exchange.SymbolID) string
	// Instruments say what the source's events can hold: one that is out of bounds is logged
	// and becomes a gap. nil: nothing is checked.
	Instruments *exchange.Instruments
	// Skip are numbers of events of the journal, from 1 on, that are left out from now on,
	// because the program cannot deal with them. They must not have led to any report.
	Skip    []int64
	Account Account
	// Source gives the market. nil: there is only what was recorded, and the session
	// ends where the recording does.
	Source exchange.Feed
	// Stamped says that the source's events come when they happen: they are stamped when
	// they are heard, by Now. Otherwise they have times of their own, and are heard at
	// Speed seconds of the market in a second of the clock, or at once if it is 0.
	Stamped bool
	Speed   float64
	// Aged lets the risk guard know how old live prices are by the venue's clock. Sessions that
	// were begun without it go on without it: they would not repeat themselves.
	Aged bool
	// Live is the exchange of a session whose orders go to a living venue. Its source is
	// stamped. nil: orders are simulated.
	Live *Live
	// Fate, if set, is called when both venue and simulator are done with an order of a live
	// session, and at the end for every other one: see [Session.Fates].
	Fate func(*Fate)
	// Reshadow lets the simulator beside a live session that is played again say something
	// else than the first time, or for the first time.
	Reshadow bool
	// KeepOrders leaves the orders of a live session open when it is suspended or stopped.
	KeepOrders bool
	// Now is the clock. nil: the wall's.
	Now func() time.Time
	Log *slog.Logger
	// Committed, if set, is called after each transaction: whoever tells the world does
	// it here. What it is given is valid during the call.
	Committed func(*Commit)
}

// Commit is what a transaction kept.
type Commit struct {
	State   State
	Events  []exchange.Event // as they were heard
	Reports []exchange.Report
	// Commands are those of a live session; they are sent now that they are kept.
	Commands []Command
	// Shadow is what the simulator beside a live venue reported.
	Shadow []exchange.Report
	Step   time.Duration // from handing the events to the engine until it had dealt with them
	Write  time.Duration // of the transaction
}

// Session stands between a source of prices, the engine and the database. It is the
// engine's feed and its observer.
type Session struct {
	cfg   Config
	ctx   context.Context // of Report, which has none of its own
	state State           // with what is not committed yet

	// What was recorded is heard first.
	journal *journal
	again   *outputs      // what came out the first time
	asked   *outputs      // and was sent
	aside   *outputs      // and was said by the shadow
	resumed bool          // the recording is over, and the session goes on
	over    bool          // the recording is over, and so is the session
	known   exchange.Time // the recording's end

	source  *source
	handed  []exchange.Event  // operations given to the engine
	raw     []exchange.Event  // what was given to the engine and is not committed, as the source gave it
	heard   []exchange.Report // the same, of the venue
	reports []exchange.Report
	samples []sample
	taken   []string // control files whose request is in handed
	// Of a live session.
	commands []Command
	shadow   []exchange.Report
	leaving  bool
	leaveBy  time.Time
	synced   bool // transactions are flushed to the disk
	doubts   []string
	fates    *fates

	mu      sync.Mutex
	orders  []request
	wake    chan struct{}
	stopped *request

	open  atomic.Int64 // orders of a live session that may be open; any goroutine may read it
	aging aging        // of a session that is stamped

	checkpoints *checkpoints
	statements  map[string]*sql.Stmt
	bound       map[string]*sql.Stmt      // to the transaction that is written
	newest      map[exchange.ClientID]int // the last of the reports of an order in it

	given     time.Time // by the wall's clock, when raw was handed out
	sealed    int64     // batches that are in segments
	unsealed  int       // bytes of those that are not
	sealEvery int64     // batches of a segment
	sealBytes int       // or bytes
	last      bool      // the next transaction is the run's last
	finished  bool      // and it is kept
	polled    time.Time

	skip       map[int64]bool // events of the journal that are left out
	forgiving  bool           // some of them are left out for the first time
	remembered int64          // events of the journal that were heard again, or left out
	numbers    []int64        // of the events that the engine was given last; none: they are new
	committed  time.Time
	seen       exchange.Time // committed State.Now
	blob       []byte

	// Tripped, if set before the run, says which rule of the risk guard has tripped.
	Tripped func() string
	// Pursued, if set before the run, says what the engine brings about; nil: nothing.
	Pursued func() *Pursuit
	// Limits, if set before the run, says what [State.Limits] are.
	Limits func() map[string]string
}

type sample struct {
	at     exchange.Time
	margin exchange.Margin
}

// request is what somebody asks of a running session.
type request struct {
	operation exchange.Operation // 0: stop or suspend
	number    int                // of [exchange.SettingEvent]
	value     int64
	suspend   bool
	flat      bool   // only once no order is open and no position left
	file      string // that asked for it
}

// check compares what is asked for with the state of a session.
func (c *Config) check(state *State) error {
	for _, n := range c.Skip {
		if n < 1 || n > state.Events {
			return fmt.Errorf("session %s: %w %d: its journal has events 1 to %d", c.Store.Dir, ErrNoEvent, n, state.Events)
		}
	}
	if c.Live != nil && c.Source != nil && (!c.Stamped || c.Live.cfg.Connect == nil) {
		return errors.New("session: a live session needs a source that is stamped, and a venue to connect to")
	}
	return nil
}

// New prepares a run of a session: of a new one, or of one that goes on.
func New(ctx context.Context, c Config) (*Session, error) {
	if c.Store == nil || c.Account == nil || len(c.Symbols) == 0 || c.Names == nil {
		return nil, errors.New("session: store, symbols, names and account are needed")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	state, err := c.Store.State(ctx)
	if err != nil {
		return nil, err
	}
	sealed, unsealed, err := c.Store.sealed(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.check(&state); err != nil {
		return nil, err
	}
	s := &Session{
		cfg: c, ctx: ctx, state: state, known: state.Now, resumed: state.batches == 0, wake: make(chan struct{}, 1), sealed: sealed, unsealed: unsealed, sealEvery: sealEvery, sealBytes: sealBytes,
		journal: newJournal(c.Store, state.batches), again: &outputs{store: c.Store, table: outputsTable, count: state.outputs},
		aging: newAging(),
		asked: &outputs{store: c.Store, table: commandsTable, count: state.Commands}, aside: &outputs{store: c.Store, table: shadowTable, count: state.Shadowed},
	}
	s.leaveOut(c.Skip)
	if c.Live != nil {
		c.Live.keep, c.Live.shadowed, c.Live.refused = s.command, s.shadowReport, s.noticed
		s.fates = &fates{names: c.Names, ahead: c.Live.queueAhead(), open: map[exchange.ClientID]*Fate{}, ended: c.Fate}
	}
	if c.Source != nil {
		if err := errors.Join(s.prepare(ctx), s.forget(string(Suspend))); err != nil { // one that came too late for the last run
			return nil, err
		}
		skip := state.Consumed
		if c.Stamped {
			skip = 0
		}
		if s.checkpoints, err = newCheckpoints(ctx, c.Store, c.Log); err != nil {
			return nil, fmt.Errorf("session %s: %w", c.Store.Dir, errors.Join(err, s.closeStatements()))
		}
		s.source = newSource(ctx, c.Source, skip, s.checker())
	}
	return s, nil
}

// OpenOrders is how many orders of a live session may be open on the venue, as of its newest
// transaction. Any goroutine may ask.
func (s *Session) OpenOrders() int64 { return s.open.Load() }

// LeavePatience is how long a live session that is asked to end waits for the venue to
// cancel its orders, and how long for the answers to its last commands.
const LeavePatience = leavePatience

// Close lets go of the source and waits for what reads it.
func (s *Session) Close() error {
	if s.source == nil {
		return nil
	}
	return errors.Join(s.source.close(), s.closeVenue(), s.closeStatements(), s.checkpoints.close())
}

// State is where the session is. Only the goroutine that runs the engine may ask.
func (s *Session) State() State { return s.state }

// Next implements exchange.Feed. A session is driven by Wait.
func (s *Session) Next(ctx context.Context, events []exchange.Event) (int, error) {
	return 0, errors.New("session: the engine must use Wait")
}

// Wait implements engine.Pacer.
func (s *Session) Wait(ctx context.Context, until exchange.Time) ([]exchange.Event, error) {
	if s.cfg.Live.waiting() {
		return nil, nil // reports that the engine has not taken come first
	}
	for !s.journal.done() {
		if events, err := s.remember(ctx); err != nil || len(events) > 0 || s.cfg.Live.waiting() {
			return events, err
		}
	}
	s.numbers = s.numbers[:0]
	if until <= s.state.Now {
		return nil, nil // it was done before, or is due in the past
	}
	if s.state.Ended || s.cfg.Source == nil {
		return nil, s.end()
	}
	if err := s.resume(ctx); err != nil {
		return nil, err
	}
	return s.await(ctx, until)
}

// end ends what only replays a journal; io.EOF is its normal end.
func (s *Session) end() error {
	s.over = true
	if !s.state.Ended {
		if err := s.compareEnd(); err != nil {
			return err
		}
	}
	return io.EOF
}

// await is Wait of a session that has heard its journal.
func (s *Session) await(ctx context.Context, until exchange.Time) ([]exchange.Event, error) {
	for {
		if err := s.commit(ctx); err != nil {
			return nil, err
		}
		if err := s.poll(); err != nil {
			return nil, err
		}
		if done, err := s.ending(); done && s.left() {
			return nil, err
		}
		s.noteClock()
		if events, err := s.operations(ctx); err != nil || len(events) > 0 {
			return events, err
		}
		events, now, err := s.hear(ctx, until)
		if err != nil || len(events) > 0 || s.cfg.Live.waiting() {
			return events, err
		}
		if now >= until {
			s.state.Now = until
			return nil, nil
		}
	}
}

// remember hears again what was recorded.
func (s *Session) remember(ctx context.Context) ([]exchange.Event, error) {
	if s.fates != nil {
		if err := s.fates.flush(nil); err != nil {
			return nil, err
		}
	}
	h, err := s.journal.batch(ctx)
	if err != nil {
		return nil, err
	}
	h.events = s.without(h.events)
	s.restamp(h.events)
	if len(h.reports) > 0 {
		if s.cfg.Live == nil {
			return nil, fmt.Errorf("session %s: its journal has reports of a venue, and it is not live", s.cfg.Store.Dir)
		}
		s.cfg.Live.deliver(h.reports)
		s.state.Now = max(s.state.Now, h.reports[len(h.reports)-1].Arrival)
	}
	return h.events, nil
}

// resume is called when all that was recorded has been heard again.
func (s *Session) resume(ctx context.Context) error {
	gone := !s.resumed
	if gone {
		if err := s.compareEnd(); err != nil {
			return err
		}
		s.resumed, s.aging.asked = true, s.aging.ahead
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	if !gone || !s.cfg.Stamped {
		return nil
	}
	gap := Gap{From: s.state.Now, To: exchange.TimeOf(s.cfg.Now())}
	for _, id := range s.cfg.Symbols {
		s.source.push(exchange.GapEvent(gap.To, gap.To, id, gap.From, gap.To))
	}
	return nil
}

// Same checks, after a replay of what was recorded, that everything came out that came
// out the first time.
func (s *Session) Same() error {
	if s.state.Ended { // else it was compared when the recording ended: what came later is the replay's farewell
		if err := s.compareEnd(); err != nil {
			return err
		}
	}
	return s.cfg.Store.CheckTables(s.ctx)
}

// compareEnd checks that nothing is left to come out, and that the account is the same.
func (s *Session) compareEnd() error {
	if l := s.cfg.Live; l != nil && l.failed != nil {
		return l.failed
	}
	if err := errors.Join(s.again.finish(), s.asked.finish()); err != nil {
		return err
	}
	if err := s.aside.finish(); err != nil && !s.cfg.Reshadow {
		return err
	}
	then := [2]any{s.state.Margin, slices.Clone(s.state.Positions)}
	s.observe()
	if now := [2]any{s.state.Margin, s.state.Positions}; !reflect.DeepEqual(then, now) {
		if s.forgiving {
			s.cfg.Log.Warn("the account differs without the events that are left out", "was", fmt.Sprintf("%+v", then), "is",
				fmt.Sprintf("%+v", now))
			return nil
		}
		return &DivergedError{Number: s.again.count, First: fmt.Sprintf("followed by the account %+v", then), Then: fmt.Sprintf("followed by %+v", now)}
	}
	return nil
}

// hear returns the events that have come, and what time it is.
func (s *Session) hear(ctx context.Context, until exchange.Time) ([]exchange.Event, exchange.Time, error) {
	if s.cfg.Stamped {
		return s.hearLive(ctx, until)
	}
	return s.hearRecorded(ctx, until)
}

// hearLive takes what has come and stamps each message with the time at which it is
// heard. No two have the same, so that their order is in the stamps; what the venue has
// to say of the account is heard with the first of them, and before it.
func (s *Session) hearLive(ctx context.Context, until exchange.Time) ([]exchange.Event, exchange.Time, error) {
	events, err := s.source.messages()
	if err != nil {
		return nil, 0, err
	}
	reports, err := s.listen(ctx, len(events) > 0)
	if err != nil {
		return nil, 0, err
	}
	now := exchange.TimeOf(s.cfg.Now())
	if len(events)+len(reports) == 0 {
		if now >= until {
			return nil, now, nil
		}
		return nil, now, s.sleep(ctx, until.Sub(now))
	}
	at := max(now, s.state.Now+1)
	for i := range reports {
		reports[i].Arrival = at
	}
	s.handReports(reports, at)
	// What the account brought up when it was connected is in force before the strategy is
	// told of the first price.
	var first []exchange.Event
	if s.state.Events == 0 && s.cfg.Live != nil {
		if first = s.takeRequests(at); len(first) > 0 {
			at++
		}
	}
	for i := range events {
		e := &events[i]
		e.Arrival, e.Time = at, min(e.Time, at)
		if e.Flags&exchange.FlagLast != 0 {
			at++
		}
	}
	consumed := int64(len(events))
	if len(first) > 0 {
		events = slices.Concat(first, events)
	}
	return s.hand(events, consumed), now, nil
}

// hearRecorded takes the events that are due. Their times are the data's, and they are
// given to the engine whenever they are at hand: what is due at until and comes before
// them is done before them.
func (s *Session) hearRecorded(ctx context.Context, until exchange.Time) ([]exchange.Event, exchange.Time, error) {
	first, err := s.source.first()
	if err != nil {
		return nil, 0, err
	}
	now := s.source.clock(first, s.cfg.Now(), s.cfg.Speed)
	if now < first && now < until {
		wait := min(until, first).Sub(now)
		return nil, now, s.sleep(ctx, time.Duration(min(float64(wait)/s.cfg.Speed, float64(pollEvery))))
	}
	if now < first {
		return nil, now, nil
	}
	if s.state.Events == 0 {
		now = first // and no further: somebody may have asked for something before
	}
	events := s.source.due(now)
	return s.hand(events, int64(len(events))), now, nil
}

// sleep waits for a time, for something from the source, or for a request.
func (s *Session) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(min(max(d, 0), pollEvery))
	defer timer.Stop()
	var account <-chan struct{}
	if s.cfg.Live != nil {
		account = s.cfg.Live.venue.Ready()
	}
	select {
	case <-timer.C:
	case <-account:
	case <-s.wake:
	case <-s.source.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// hand notes what the engine is given, so that it is committed with what comes of it.
func (s *Session) hand(events []exchange.Event, consumed int64) []exchange.Event {
	if len(events) == 0 {
		return nil
	}
	s.raw, s.given = append(s.raw[:0], events...), time.Now()
	s.state.Consumed += consumed
	s.state.Events += int64(len(events))
	for i := range events {
		if e := &events[i]; e.Kind == exchange.KindGap && e.Symbol == s.cfg.Symbols[0] {
			s.state.missed(e.Gap())
			s.cfg.Log.Warn("prices are missing", "gap", e.String())
		}
	}
	s.restamp(events)
	return events
}

// restamp gives live events the one time of a session that hears them live: the
// simulated exchange cannot act before it hears.
func (s *Session) restamp(events []exchange.Event) {
	if s.cfg.Stamped && s.cfg.Aged {
		s.aging.take(events)
	}
	for i := range events {
		if s.cfg.Stamped {
			events[i].Time = events[i].Arrival
		}
		s.state.Now = max(s.state.Now, events[i].Time)
	}
}

// operations turns what operators asked for into events of the session. Before the
// first event there is no time that they could have. Reports that came before the request
// are heard before it: an account that is heard again is known when orders pass again.
func (s *Session) operations(ctx context.Context) ([]exchange.Event, error) {
	if s.state.Events == 0 {
		return nil, nil
	}
	at := s.state.Now + 1
	if s.cfg.Stamped {
		at = max(at, exchange.TimeOf(s.cfg.Now()))
	}
	if !s.requested() {
		return nil, nil
	}
	reports, err := s.listen(ctx, true)
	if err != nil {
		return nil, err
	}
	for i := range reports {
		reports[i].Arrival = at
	}
	s.handReports(reports, at)
	return s.hand(s.takeRequests(at), 0), nil
}

// requested reports whether an operation waits, or a difference is to be noted.
func (s *Session) requested() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.orders)+len(s.doubts) > 0
}

// takeRequests makes events of the operations that wait, and notes differences. The events
// are valid until the next call.
func (s *Session) takeRequests(at exchange.Time) []exchange.Event {
	s.mu.Lock()
	requests, doubts := s.orders, s.doubts
	s.orders, s.doubts = nil, nil
	s.mu.Unlock()
	for _, text := range doubts {
		s.state.differs(Difference{At: at, Text: text})
	}
	s.handed = s.handed[:0]
	for _, r := range requests {
		s.handed = append(s.handed, exchange.SettingEvent(at, s.cfg.Symbols[0], r.operation, r.number, r.value))
		if r.file != "" {
			s.taken = append(s.taken, r.file)
		}
	}
	return s.handed
}

// ending reports whether the session was asked to stop.
func (s *Session) ending() (bool, error) {
	s.mu.Lock()
	stopped := s.stopped
	s.mu.Unlock()
	switch {
	case stopped != nil && stopped.flat && !s.flat():
	case stopped != nil && stopped.suspend:
		return true, ErrSuspended
	case stopped != nil:
		return true, io.EOF
	}
	return false, nil
}

// Submitted implements engine.Observer: what was sent is in the store already.
func (s *Session) Submitted(exchange.SymbolID, exchange.ClientID, exchange.Price) {}

// Report implements engine.Observer.
func (s *Session) Report(r *exchange.Report) error {
	if s.fates != nil {
		s.fates.report(r)
	}
	if s.resumed {
		s.reports = append(s.reports, *r)
		return nil
	}
	if s.over && !s.state.Ended {
		return nil // a replay of a session that has not ended says its farewell here
	}
	return s.again.report(s.ctx, r)
}

// Sample implements engine.Observer.
func (s *Session) Sample(at exchange.Time) error {
	if s.cfg.Source != nil && at >= s.known {
		s.samples = append(s.samples, sample{at: at, margin: s.cfg.Account.Margin()})
	}
	if s.cfg.Source == nil {
		return s.sampled(at)
	}
	return nil
}

// Finish commits what the end of a run brought. A run that was suspended goes on later,
// and so does one that failed, from its newest transaction; any other has ended for
// good.
func (s *Session) Finish(ctx context.Context, outcome error, halted string) error {
	if s.cfg.Source == nil || outcome != nil && !errors.Is(outcome, ErrSuspended) {
		return nil
	}
	if outcome == nil {
		s.state.Ended, s.state.Halted = true, halted
	}
	s.last = true
	if err := s.write(ctx); err != nil {
		return err
	}
	s.finished = true
	if err := s.farewell(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.stopped != nil && s.stopped.file != "" {
		err = s.forget(s.stopped.file)
	}
	if s.state.Ended { // nothing is left that could wait
		err = errors.Join(err, s.forget(string(FlattenStop)), s.forget(string(FlattenSuspend)))
	}
	return err
}

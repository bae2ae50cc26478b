package session_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data/synth"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/session"
	"github.com/dunamis-engine/dunamis/strategies"
)

var start = exchange.TimeOf(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))

// setup is how a session of the tests is run.
type setup struct {
	recovered bool    // a panic of the engine's loop is an error
	skip      []int64 // events that are left out
	unchecked bool    // the source's events are not checked
	dir       string
	source    exchange.Feed // nil: ten minutes of a generated market
	none      bool          // no source
	live      bool
	strategy  string // grid_maker if empty
	made      engine.Strategy
	balance   exchange.Money // 1 XBT if 0
	params    map[string]string
	latency   string
	inst      *exchange.Instrument // XBTUSD if nil
	now       func() time.Time
	change    func(*session.Session, *session.Store)
	after     func(*session.Commit)
	limits    engine.Limits
	// Of a live session.
	desk       *desk
	keepOrders bool
	venue      session.Connect     // the desk's if nil
	opened     func(*session.Live) // is told of the exchange before the run
	shadow     exchange.Exchange
	reshadow   bool
	fate       func(*session.Fate)
	behind     time.Duration
	log        *slog.Logger
}

// runLimit is how long a run of a session may take in a test.
const runLimit = 30 * time.Second

func instruments(t testing.TB) (*exchange.Instruments, exchange.SymbolID) {
	t.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	return set, i.ID
}

func generated(t testing.TB, length time.Duration) exchange.Feed {
	t.Helper()
	set, id := instruments(t)
	feed, err := synth.New(synth.Config{Instrument: set.Get(id), From: start, To: start.Add(length), Seed: 7, Kinds: []string{"book", "trade"}})
	require.NoError(t, err)
	return feed
}

// run opens or makes the session, runs it until something ends it, and returns how.
func (u setup) run(t testing.TB) (engine.Summary, error) {
	t.Helper()
	ctx := t.Context()
	if _, measured := t.(*testing.B); !measured {
		limited, cancel := context.WithTimeout(ctx, runLimit)
		defer cancel()
		ctx = limited
	}
	store, err := session.Open(ctx, u.dir)
	if errors.Is(err, session.ErrNoSession) {
		store, err = session.Create(ctx, u.dir, "{}", start)
	}
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	set, id := instruments(t)
	if u.inst != nil {
		id = u.inst.ID
	}
	latency, err := sim.ParseLatency(u.latency)
	if u.latency == "" {
		latency, err = sim.ParseLatency("5ms")
	}
	require.NoError(t, err)
	x, err := sim.New(sim.Config{Instruments: set, Symbols: []exchange.SymbolID{id}, Currency: set.Get(id).Settle, Balance: cmp.Or(u.balance, 100_000_000),
		Latency: latency, Queue: sim.RiskAverse{}})
	require.NoError(t, err)
	c := session.Config{Store: store, Symbols: []exchange.SymbolID{id}, Names: func(id exchange.SymbolID) string { return set.Get(id).Symbol }, Account: x.Account(),
		Source: u.source, Stamped: u.live, Aged: true, Log: u.log, Now: u.now, Committed: u.after, Skip: u.skip}
	if !u.unchecked {
		c.Instruments = set
	}
	if u.source == nil && !u.none {
		c.Source = generated(t, 10*time.Minute)
	}
	var trades exchange.Exchange = x
	if u.desk != nil {
		config := session.LiveConfig{Instruments: set, Symbols: c.Symbols, Connect: u.desk.connect, Prefix: "dun-c",
			Shadow: u.shadow,
			Behind: u.behind}
		if u.venue != nil {
			config.Connect = u.venue
		}
		c.Live = session.NewLive(config)
		c.Account, c.KeepOrders, trades = c.Live, u.keepOrders, c.Live
		c.Reshadow, c.Fate = u.reshadow, u.fate
		if u.opened != nil {
			u.opened(c.Live)
		}
	}
	s, err := session.New(ctx, c)
	require.NoError(t, err)
	defer func() {
		if r := recover(); r != nil { // a crash closes nothing but the database
			require.NoError(t, s.Forsake())
			panic(r)
		}
	}()
	e, err := engine.New(engine.Config{Instruments: set, Symbols: c.Symbols, Feed: s, Exchange: trades, Strategy: u.make(t), Observer: s, SampleEvery: time.Minute,
		Seed: 1, Margin: x.Account().Margin(), Limits: u.limits,
		Sources: []engine.Source{{Symbol: id, Kind: exchange.KindBook}, {Symbol: id, Kind: exchange.KindTrade}}})
	require.NoError(t, err)
	s.Tripped = e.Tripped
	s.Pursued = func() *session.Pursuit { return pursuitOf(e) }
	if u.change != nil {
		u.change(s, store)
	}
	run := e.Run
	if u.recovered {
		run = e.RunRecovered
	}
	summary, err := run(ctx)
	if err == nil && u.none {
		err = s.Same()
	}
	finish := s.Finish(ctx, err, summary.Halted)
	closed := s.Close()
	if u.desk == nil || u.desk.mute == nil && !u.desk.deaf && u.desk.holds == nil {
		require.NoError(t, closed)
	}
	return summary, errors.Join(err, finish, closed)
}

func (u setup) make(t testing.TB) engine.Strategy {
	t.Helper()
	if u.made != nil {
		return u.made
	}
	name := u.strategy
	if name == "" {
		name = "grid_maker"
	}
	params := u.params
	if params == nil {
		params = map[string]map[string]string{
			"grid_maker":   {"spacing": "10", "qty": "1000", "limit": "10000"},
			"buy_and_hold": {"qty": "10000"},
		}[name]
	}
	list := strategies.All()
	n := slices.IndexFunc(list, func(d engine.Definition) bool { return d.Name == name })
	values, err := list[n].Values(params)
	require.NoError(t, err)
	s, err := list[n].New(values)
	require.NoError(t, err)
	return s
}

// books are the tables that must be the same however often a session was interrupted.
func books(t testing.TB, dir string) map[string][]string {
	t.Helper()
	s, err := session.Read(t.Context(), dir)
	require.NoError(t, err)
	defer s.Close()
	all := map[string][]string{}
	for _, table := range []string{"outputs", "orders", "fills", "samples"} {
		all[table], err = s.Rows(t.Context(), "SELECT * FROM "+table)
		require.NoError(t, err)
	}
	return all
}

func stateOf(t testing.TB, dir string) session.State {
	t.Helper()
	s, err := session.Read(t.Context(), dir)
	require.NoError(t, err)
	defer s.Close()
	state, err := s.State(t.Context())
	require.NoError(t, err)
	return state
}

// after asks something once so many events are committed.
func askAfter(s **session.Session, events int64, r session.Request) func(*session.Commit) {
	asked := false
	return func(c *session.Commit) {
		if !asked && c.State.Events >= events {
			asked = true
			(*s).Ask(r)
		}
	}
}

// However often a session is suspended, its books are those of one that was not.
func TestSuspendedSessionsGoOn(t *testing.T) {
	whole := setup{dir: t.TempDir()}
	_, err := whole.run(t)
	require.NoError(t, err)
	want := books(t, whole.dir)
	require.Greater(t, len(want["fills"]), 50)
	require.True(t, stateOf(t, whole.dir).Ended)

	random := rand.New(rand.NewPCG(1, 2))
	parts := setup{dir: t.TempDir()}
	for runs := 1; ; runs++ {
		var s *session.Session
		parts.change = func(it *session.Session, _ *session.Store) { s = it }
		before := int64(0)
		if runs > 1 {
			before = stateOf(t, parts.dir).Events
		}
		parts.after = askAfter(&s, before+1+random.Int64N(4000), session.Suspend)
		_, err := parts.run(t)
		if err == nil {
			require.Greater(t, runs, 5)
			break
		}
		require.ErrorIs(t, err, session.ErrSuspended)
	}
	require.Equal(t, want, books(t, parts.dir))
	a, b := stateOf(t, whole.dir), stateOf(t, parts.dir)
	require.Equal(t, a.Margin, b.Margin)
	require.Equal(t, a.Positions, b.Positions)

	// And played again, whole or in parts, they say the same.
	for _, dir := range []string{whole.dir, parts.dir} {
		_, err := setup{dir: dir, none: true}.run(t)
		require.NoError(t, err)
	}
}

// A strategy that does something else than the first time is found out.
func TestDivergence(t *testing.T) {
	var s *session.Session
	u := setup{dir: t.TempDir(), change: func(it *session.Session, _ *session.Store) { s = it }, after: askAfter(&s, 5000, session.Suspend)}
	_, err := u.run(t)
	require.ErrorIs(t, err, session.ErrSuspended)
	before := books(t, u.dir)

	var diverged *session.DivergedError
	u.params = map[string]string{"qty": "1100", "limit": "11000"}
	_, err = u.run(t)
	require.ErrorAs(t, err, &diverged)
	require.Equal(t, int64(1), diverged.Number)
	require.Contains(t, diverged.First, `"Qty":1000`)
	require.Contains(t, diverged.Then, `"Qty":1100`)

	u.strategy, u.params = "buy_and_hold", nil // says less
	_, err = u.run(t)
	require.ErrorAs(t, err, &diverged)
	require.Equal(t, before, books(t, u.dir), "nothing is written over")
}

// regret places an order far away, and takes it back.
type regret struct{ orders int }

func (r *regret) Init(ctx *engine.Context) error { ctx.After(time.Second); return nil }

func (r *regret) OnTimer(ctx *engine.Context, _ engine.TimerID) {
	for range r.orders {
		id, err := ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0)
		if err == nil {
			err = ctx.Cancel(ctx.Symbol(), id)
		}
		if err != nil {
			panic(err)
		}
	}
}

// One that says less is found out too, though the account comes to the same.
func TestLessIsDifferent(t *testing.T) {
	var s *session.Session
	u := setup{dir: t.TempDir(), change: func(it *session.Session, _ *session.Store) { s = it }, after: askAfter(&s, 5000, session.Suspend), made: &regret{2}}
	_, err := u.run(t)
	require.ErrorIs(t, err, session.ErrSuspended)
	said := len(books(t, u.dir)["outputs"])
	u.made, u.after = &regret{2}, askAfter(&s, 8000, session.Suspend)
	_, err = u.run(t)
	require.ErrorIs(t, err, session.ErrSuspended)
	var diverged *session.DivergedError
	u.made = &regret{0}
	_, err = u.run(t)
	require.ErrorAs(t, err, &diverged)
	require.Equal(t, "not there", diverged.Then)
	require.Contains(t, diverged.First, fmt.Sprintf("%d in all", said))
}

// So is an account that is another, though nothing was said.
func TestAnotherAccount(t *testing.T) {
	var s *session.Session
	u := setup{dir: t.TempDir(), change: func(it *session.Session, _ *session.Store) { s = it }, after: askAfter(&s, 5000, session.Suspend), made: &regret{0}}
	_, err := u.run(t)
	require.ErrorIs(t, err, session.ErrSuspended)
	require.Empty(t, books(t, u.dir)["outputs"])
	u.balance = 100_000_001
	var diverged *session.DivergedError
	_, err = u.run(t)
	require.ErrorAs(t, err, &diverged)
	require.Contains(t, diverged.Then, "Wallet:100000001")
}

// A recorded market passes at its speed from the first event on, by the wall's clock.
func TestSpeedOfARecordedMarket(t *testing.T) {
	begun := time.Date(2025, 5, 5, 0, 0, 0, 0, time.UTC)
	for speed, want := range map[float64][]time.Duration{
		1:    {0, time.Second, time.Minute},
		60:   {0, time.Minute, time.Hour},
		0.25: {0, time.Second / 4, 15 * time.Second},
	} {
		var times []exchange.Time
		for _, d := range want {
			times = append(times, start.Add(d))
		}
		require.Equal(t, times, session.Paced(start, begun, speed, 0, time.Second, time.Minute), speed)
	}
	require.Equal(t, []exchange.Time{exchange.Never, exchange.Never}, session.Paced(start, begun, 0, 0, time.Hour), "max")
}

// A store that is opened to be read changes nothing, and does not keep others from running the
// session; one that is opened to be run does.
func TestReadersDoNotWrite(t *testing.T) {
	dir := t.TempDir()
	runs, err := session.Create(t.Context(), dir, "{}", start)
	require.NoError(t, err)
	read, err := session.Read(t.Context(), dir)
	require.NoError(t, err)
	for _, query := range []string{"DELETE FROM session", "UPDATE state SET batches = 7", "CREATE TABLE x (a)",
		"PRAGMA user_version = 9"} {
		require.ErrorContains(t, read.Exec(t.Context(), query), "readonly", query)
	}
	_, err = session.Open(t.Context(), dir)
	require.ErrorIs(t, err, session.ErrRunning)
	busy, err := session.Running(dir)
	require.NoError(t, err)
	require.True(t, busy)
	require.NoError(t, runs.Close())
	busy, err = session.Running(dir)
	require.NoError(t, err)
	require.False(t, busy)
	runs, err = session.Open(t.Context(), dir)
	require.NoError(t, err, "a reader does not hold it")
	require.NoError(t, runs.Close())
	require.NoError(t, read.Close())
}

// A recording that is read while its session goes on, and seals what was not, is whole.
func TestReadWhileSealed(t *testing.T) {
	dir := t.TempDir()
	_, err := setup{dir: dir, source: &broken{Feed: generated(t, 10*time.Minute), left: 9000}}.run(t)
	require.ErrorIs(t, err, errLine)
	want := stateOf(t, dir).Events
	r, err := session.OpenRecording(t.Context(), dir, false)
	require.NoError(t, err)
	defer r.Close() //nolint:errcheck // only read
	generated := generated(t, 10*time.Minute)
	one, same := make([]exchange.Event, 1), make([]exchange.Event, 1)
	for n := int64(0); ; n++ {
		if n == 1 {
			_, err := setup{dir: dir}.run(t)
			require.NoError(t, err)
		}
		if _, err = r.Next(t.Context(), one); errors.Is(err, io.EOF) {
			require.Equal(t, want, n)
			return
		}
		require.NoError(t, err)
		_, err = generated.Next(t.Context(), same)
		require.NoError(t, err)
		require.Equal(t, same, one)
	}
}

// Segments of any size are the same journal, wherever a session was interrupted.
func TestSegments(t *testing.T) {
	whole := setup{dir: t.TempDir()}
	_, err := whole.run(t)
	require.NoError(t, err)
	for name, size := range map[string]struct {
		batches int64
		bytes   int
	}{"two batches": {2, 1 << 30}, "some bytes": {1 << 30, 20_000}} {
		t.Run(name, func(t *testing.T) {
			var s *session.Session
			u := setup{dir: t.TempDir()}
			u.change = func(it *session.Session, _ *session.Store) { s = it; it.SealAt(size.batches, size.bytes) }
			for n := int64(1); n <= 3; n++ {
				u.after = askAfter(&s, 4000*n, session.Suspend)
				_, err := u.run(t)
				require.ErrorIs(t, err, session.ErrSuspended)
			}
			u.after = nil
			_, err := u.run(t)
			require.NoError(t, err)
			require.Equal(t, books(t, whole.dir), books(t, u.dir))
			store, err := session.Read(t.Context(), u.dir)
			require.NoError(t, err)
			defer store.Close()
			segments, err := store.Segments(t.Context())
			require.NoError(t, err)
			require.Greater(t, len(segments), 6)
			next, events := int64(0), 0
			for _, g := range segments {
				require.Equal(t, next, g.First, "none is missing")
				next = g.Last + 1
				batches, err := store.ReadSegment(t.Context(), g)
				require.NoError(t, err)
				require.NoError(t, batches.Each(func(list []exchange.Event) error { events += len(list); return nil }))
			}
			require.Equal(t, stateOf(t, u.dir).Events, int64(events))
		})
	}
}

// listed is a feed of events that are there already.
type listed struct{ events []exchange.Event }

func (l *listed) Next(_ context.Context, events []exchange.Event) (int, error) {
	n := copy(events, l.events)
	if l.events = l.events[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (l *listed) Close() error { return nil }

// What happens at one time is handed over together, however the feed cuts it.
func TestOneTimeTogether(t *testing.T) {
	var events []exchange.Event
	for time, n := range []int{3, 3000, 1, 1024, 1023, 2} {
		for range n {
			events = append(events, exchange.TradeEvent(start+exchange.Time(time), start+exchange.Time(time), 0, exchange.Trade{Side: exchange.Buy, Price: 1, Qty: 1}))
		}
	}
	groups, err := session.Due(t.Context(), &listed{events})
	require.ErrorIs(t, err, io.EOF)
	var sizes []int
	for _, g := range groups {
		sizes = append(sizes, len(g))
	}
	require.Equal(t, []int{3, 3000, 1, 1024, 1023, 2}, sizes)
}

func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	store, err := session.Create(t.Context(), dir, "", start)
	require.NoError(t, err)
	_, err = session.Open(t.Context(), dir)
	require.ErrorIs(t, err, session.ErrRunning)
	running, err := session.Running(dir)
	require.NoError(t, err)
	require.True(t, running)
	reader, err := session.Read(t.Context(), dir)
	require.NoError(t, err, "anybody may look")
	require.NoError(t, reader.Close())
	require.NoError(t, store.Close())
	running, err = session.Running(dir)
	require.NoError(t, err)
	require.False(t, running)
	_, err = session.Create(t.Context(), dir, "", start)
	require.ErrorContains(t, err, "there is one already")
	_, err = session.Open(t.Context(), t.TempDir())
	require.ErrorIs(t, err, session.ErrNoSession)
}

// A full disk ends the run at the last transaction; with room again it goes on.
func TestFullDisk(t *testing.T) {
	whole := setup{dir: t.TempDir()}
	_, err := whole.run(t)
	require.NoError(t, err)

	u := setup{dir: t.TempDir()}
	for full := range 6 {
		u.change = func(_ *session.Session, s *session.Store) { require.NoError(t, s.LimitPages(t.Context(), 3+5*full)) }
		_, err := u.run(t)
		require.ErrorContains(t, err, "full")
		require.ErrorContains(t, err, "it could not be written, and stays as it was")
		require.False(t, stateOf(t, u.dir).Ended)
	}
	u.change = nil
	_, err = u.run(t)
	require.NoError(t, err)
	require.Equal(t, books(t, whole.dir), books(t, u.dir))
}

// The kill switch cancels, refuses, and stays thrown over a restart until it is
// cleared. It and a flattening are part of what a replay repeats.
func TestOperations(t *testing.T) {
	var s *session.Session
	u := setup{dir: t.TempDir()}
	u.change = func(it *session.Session, _ *session.Store) { s = it }
	phase := 0
	var position exchange.Qty
	u.after = func(c *session.Commit) {
		state := &c.State
		position = state.Positions[0].Qty
		switch {
		case phase == 0 && state.Events > 3000 && position != 0:
			phase = 1
			require.NoError(t, session.Ask(u.dir, session.Kill))
			require.NoError(t, session.Ask(u.dir, session.Flatten))
			time.Sleep(110 * time.Millisecond) // it looks for files ten times a second
		case phase == 1 && state.Tripped != "" && position == 0:
			phase = 2
			require.Equal(t, engine.RuleKillSwitch, state.Tripped)
		case phase == 2 && state.Events > 8000:
			phase = 3
			s.Ask(session.Suspend)
		}
	}
	_, err := u.run(t)
	require.ErrorIs(t, err, session.ErrSuspended)
	require.Equal(t, 3, phase)
	require.Zero(t, position)
	left, err := os.ReadDir(filepath.Join(u.dir, "control"))
	require.NoError(t, err)
	require.Empty(t, left, "a request is carried out once")
	fills := len(books(t, u.dir)["fills"])

	// Thrown it stays.
	u.after = askAfter(&s, 12000, session.Suspend)
	summary, err := u.run(t)
	require.ErrorIs(t, err, session.ErrSuspended)
	require.Equal(t, engine.RuleKillSwitch, summary.Tripped.Rule)
	require.Len(t, books(t, u.dir)["fills"], fills)
	require.Positive(t, summary.RiskRefused[engine.RuleKillSwitch])

	// Until it is cleared.
	u.after = nil
	u.change = func(it *session.Session, _ *session.Store) { it.Ask(session.Clear) }
	_, err = u.run(t)
	require.NoError(t, err)
	require.Greater(t, len(books(t, u.dir)["fills"]), fills)
	require.Empty(t, stateOf(t, u.dir).Tripped)

	_, err = setup{dir: u.dir, none: true}.run(t)
	require.NoError(t, err)
}

// What is asked before there is a market waits for its first event, and the session does
// not begin in 1970.
func TestRequestBeforeTheMarket(t *testing.T) {
	u := setup{dir: t.TempDir(), change: func(s *session.Session, _ *session.Store) { s.Ask(session.Kill) }}
	u.after = func(c *session.Commit) {
		if c.State.Events > 0 {
			require.GreaterOrEqual(t, c.State.Now, start)
		}
	}
	summary, err := u.run(t)
	require.NoError(t, err)
	require.GreaterOrEqual(t, summary.Start, start)
	require.Equal(t, engine.RuleKillSwitch, summary.Tripped.Rule)
	require.Empty(t, books(t, u.dir)["fills"])
	require.Len(t, books(t, u.dir)["samples"], 11)
	_, err = setup{dir: u.dir, none: true}.run(t)
	require.NoError(t, err)
}

// Those who look whether a session runs do not keep it from running.
func TestLookersDoNotLock(t *testing.T) {
	dir := t.TempDir()
	store, err := session.Create(t.Context(), dir, "", start)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				_, _ = session.Running(dir)
			}
		}
	})
	defer group.Wait()
	defer close(done)
	for range 50 {
		store, err := session.Open(t.Context(), dir)
		require.NoError(t, err)
		require.NoError(t, store.Close())
	}
}

// A stopped session has ended.
func TestStop(t *testing.T) {
	var s *session.Session
	u := setup{dir: t.TempDir(), change: func(it *session.Session, _ *session.Store) { s = it }, after: askAfter(&s, 4000, session.Stop)}
	_, err := u.run(t)
	require.NoError(t, err)
	state := stateOf(t, u.dir)
	require.True(t, state.Ended)
	require.Less(t, state.Events, int64(20_000))
	_, err = setup{dir: u.dir, none: true}.run(t)
	require.NoError(t, err)
}

// broken is a feed that fails after some events.
type broken struct {
	exchange.Feed
	left int
}

var errLine = errors.New("the line is down")

func (b *broken) Next(ctx context.Context, events []exchange.Event) (int, error) {
	if b.left <= 0 {
		return 0, errLine
	}
	n, err := b.Feed.Next(ctx, events[:min(len(events), b.left)])
	b.left -= n
	return n, err
}

// A feed that fails ends the run, not the session.
func TestFeedFails(t *testing.T) {
	whole := setup{dir: t.TempDir()}
	_, err := whole.run(t)
	require.NoError(t, err)
	dir := t.TempDir()
	for n := 1; n <= 4; n++ {
		_, err := setup{dir: dir, source: &broken{Feed: generated(t, 10*time.Minute), left: 3000 * n}}.run(t)
		require.ErrorIs(t, err, errLine)
		require.False(t, stateOf(t, dir).Ended)
	}
	_, err = setup{dir: dir}.run(t)
	require.NoError(t, err)
	require.Equal(t, books(t, whole.dir), books(t, dir))
}

// clock is a wall clock under the test's hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// hand is a live feed that says what the test gives it, and moves the clock.
type hand struct {
	clock  *clock
	events []exchange.Event
	pace   func(n int) time.Duration
	n      int
}

func (h *hand) Next(ctx context.Context, events []exchange.Event) (int, error) {
	if len(h.events) == 0 {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	n := 1
	for h.events[n-1].Flags&exchange.FlagLast == 0 {
		n++
	}
	n = copy(events, h.events[:n])
	h.events = h.events[n:]
	h.clock.add(h.pace(h.n))
	h.n++
	return n, nil
}

func (h *hand) Close() error { return nil }

// A live session stamps what it hears, whatever the clock does: jumps ahead, back, or
// stands. It tells of the gap while it was away, and a replay repeats it.
func TestLive(t *testing.T) {
	feed := generated(t, 2*time.Minute)
	var events []exchange.Event
	buf := make([]exchange.Event, 1000)
	for {
		n, err := feed.Next(t.Context(), buf)
		events = append(events, buf[:n]...)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	require.Greater(t, len(events), 4000)
	c := &clock{now: time.Date(2025, 5, 5, 0, 0, 0, 0, time.UTC)}
	pace := func(n int) time.Duration {
		switch {
		case n%97 == 0:
			return -3 * time.Second
		case n%89 == 0:
			return 10 * time.Second
		case n%5 == 0:
			return 0
		}
		return 20 * time.Millisecond
	}
	dir := t.TempDir()
	half := len(events) / 2
	for half > 0 && events[half-1].Flags&exchange.FlagLast == 0 {
		half++
	}
	// The connection breaks once, in the second half.
	broke := exchange.GapEvent(start.Add(time.Second), start.Add(time.Second), events[0].Symbol, start, start.Add(time.Second))
	second := append([]exchange.Event{broke}, events[half:]...)
	for i, part := range [][]exchange.Event{events[:half], second} {
		var s *session.Session
		u := setup{dir: dir, live: true, now: c.Now, source: &hand{clock: c, events: part, pace: pace}}
		u.change = func(it *session.Session, _ *session.Store) { s = it }
		total := int64(half)
		if i == 1 {
			total = int64(len(events)) + 2 // the gaps
		}
		u.after = askAfter(&s, total, session.Suspend)
		_, err := u.run(t)
		require.ErrorIs(t, err, session.ErrSuspended)
		c.add(time.Hour)
	}
	state := stateOf(t, dir)
	require.Len(t, state.Gaps, 2)
	require.Equal(t, int64(2), state.GapCount)
	require.Equal(t, session.Gap{From: start, To: start.Add(time.Second)}, state.Gaps[1])
	require.GreaterOrEqual(t, state.Gaps[0].To.Sub(state.Gaps[0].From), 50*time.Minute)
	require.NotEmpty(t, books(t, dir)["fills"])

	_, err := setup{dir: dir, live: true, none: true}.run(t)
	require.NoError(t, err)

	// What it heard is a feed for others, in strict order.
	r, err := session.OpenRecording(t.Context(), dir, true)
	require.NoError(t, err)
	last, n := exchange.Time(0), 0
	for whole := true; ; n++ {
		var one [1]exchange.Event
		k, err := r.Next(t.Context(), one[:])
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.Equal(t, 1, k)
		require.Truef(t, one[0].Time > last || one[0].Time == last && !whole, "event %d", n)
		last, whole = one[0].Time, one[0].Flags&exchange.FlagLast != 0
	}
	require.Equal(t, len(events)+2, n)
	require.NoError(t, r.Close())
}

// What is committed reaches the database while the session runs: the file alone, without
// its log, is what a machine that dies leaves at least.
func TestCommittedReachesTheDisk(t *testing.T) {
	_, id := instruments(t)
	dir, alone := t.TempDir(), t.TempDir()
	var s *session.Session
	u := setup{dir: dir, source: &told{id: id}, live: true, made: &regret{0}, change: func(it *session.Session, _ *session.Store) { s = it }}
	begun, looked, kept := time.Now(), time.Time{}, int64(0)
	u.after = func(c *session.Commit) {
		if time.Since(looked) < 100*time.Millisecond {
			return
		}
		looked = time.Now()
		text, err := os.ReadFile(filepath.Join(dir, "session.db"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(alone, "session.db"), text, 0o600))
		if store, err := session.Read(t.Context(), alone); err == nil { // else a checkpoint was under way, or there was none yet
			if state, err := store.State(t.Context()); err == nil {
				kept = state.Events
			}
			require.NoError(t, store.Close())
		}
		if kept > 0 || time.Since(begun) > time.Minute {
			s.Ask(session.Suspend)
		}
	}
	_, err := u.run(t)
	require.ErrorIs(t, err, session.ErrSuspended)
	require.Positive(t, kept)
}

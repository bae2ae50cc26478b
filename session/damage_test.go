package session_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/session"
)

// A session that lacks what it needs is not begun.
func TestWhatASessionNeeds(t *testing.T) {
	set, id := instruments(t)
	for name, c := range map[string]struct {
		spoil func(*session.Config)
		want  string
	}{
		"a store":     {func(c *session.Config) { c.Store = nil }, "store, symbols, names and account are needed"},
		"symbols":     {func(c *session.Config) { c.Symbols = nil }, "store, symbols, names and account are needed"},
		"names":       {func(c *session.Config) { c.Names = nil }, "store, symbols, names and account are needed"},
		"an account":  {func(c *session.Config) { c.Account = nil }, "store, symbols, names and account are needed"},
		"live stamps": {func(c *session.Config) { c.Stamped = false }, "a live session needs a source that is stamped"},
		"a venue": {func(c *session.Config) {
			c.Live = session.NewLive(session.LiveConfig{Instruments: set, Symbols: c.Symbols})
		},
			"a live session needs a source that is stamped, and a venue to connect to"},
		"nothing":           {func(*session.Config) {}, ""},
		"nothing to replay": {func(c *session.Config) { c.Source, c.Stamped = nil, false }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := session.Create(t.Context(), t.TempDir(), "{}", start)
			require.NoError(t, err)
			defer func() { require.NoError(t, store.Close()) }()
			l := session.NewLive(
				session.LiveConfig{Instruments: set, Symbols: []exchange.SymbolID{id}, Connect: new(desk).connect},
			)
			config := session.Config{
				Store:   store,
				Symbols: []exchange.SymbolID{id},
				Names:   func(exchange.SymbolID) string { return "" },
				Account: l,
				Live:    l,
				Source:  &told{id: id},
				Stamped: true,
			}
			c.spoil(&config)
			s, err := session.New(t.Context(), config)
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
				return
			}
			require.NoError(t, err)
			require.NoError(t, s.Close())
			_, err = s.Next(t.Context(), nil)
			require.ErrorContains(t, err, "must use Wait")
		})
	}
}

// A strategy that says more than the first time is found out: a command more, a report more.
func TestMoreIsDifferent(t *testing.T) {
	d, dir := new(desk), t.TempDir()
	_, err := onDesk(t, d, dir, orders(2), func(s *session.Session, c *session.Commit) {
		if c.State.Events > 20 {
			s.Ask(session.Suspend)
		}
	}, true)
	require.ErrorIs(t, err, session.ErrSuspended)
	d.sent = nil
	_, err = onDesk(t, d, dir, orders(3), func(*session.Session, *session.Commit) {}, true)
	var diverged *session.DivergedError
	require.ErrorAs(t, err, &diverged)
	require.Equal(t, "command", diverged.What)
	require.Equal(t, int64(3), diverged.Number)
	require.Equal(t, "not there", diverged.First)
	require.Contains(t, diverged.Then, "submit at ")
	require.Empty(t, d.sent)
	require.EqualError(t, diverged, "the session does not repeat itself: command 3 was not there and is "+diverged.Then+
		" now; has the strategy or the program changed?")

	var s *session.Session
	u := setup{
		dir:    t.TempDir(),
		change: func(it *session.Session, _ *session.Store) { s = it },
		after:  askAfter(&s, 5000, session.Suspend),
		made:   &regret{1},
	}
	_, err = u.run(t)
	require.ErrorIs(t, err, session.ErrSuspended)
	u.made, u.after = &regret{2}, nil
	_, err = u.run(t)
	require.ErrorAs(t, err, &diverged)
	require.Equal(t, "not there", diverged.First)
}

// What is damaged in a database is said, with the place, and a run begins with nothing of it.
func TestDamagedDatabases(t *testing.T) {
	whole := t.TempDir()
	fresh := func() engine.Strategy {
		s := orderer(4)
		s.order = func(*engine.Context, *exchange.Order) {}
		return s
	}
	d := new(desk)
	_, err := setup{
		dir:        whole,
		source:     &told{id: 0},
		live:       true,
		desk:       d,
		keepOrders: true,
		made:       fresh(),
		shadow:     new(twin),
		after:      func(*session.Commit) {},
		change:     func(s *session.Session, _ *session.Store) { s.SealAt(4, 1<<30); whileEvents(t, s, whole, 400) },
	}.run(
		t,
	)
	require.ErrorIs(t, err, session.ErrSuspended)
	for name, c := range map[string]struct {
		damage []string
		want   string
	}{
		"no segment": {[]string{"DELETE FROM segments WHERE first_batch = 4"},
			"journal: batch 4: it is missing"},
		"a segment of nothing": {[]string{"UPDATE segments SET data = 'x' WHERE first_batch = 4"},
			"journal: batch 4: "},
		"no report": {[]string{"DELETE FROM outputs WHERE seq = 1"},
			"does not repeat itself: report 1 was order"},
		"no reports": {[]string{"DELETE FROM outputs"}, "report 1 of "},
		"another report": {[]string{"UPDATE outputs SET data = '{}' WHERE seq = 2"},
			"does not repeat itself: report 2 was"},
		"another time": {[]string{"UPDATE outputs SET at = at + 1 WHERE seq = 2"},
			"does not repeat itself: report 2 was"},
		"another kind": {[]string{"UPDATE outputs SET kind = 'x' WHERE seq = 2"},
			"does not repeat itself: report 2 was x at"},
		"no commands": {[]string{"DELETE FROM commands"}, "command 1 of 4: it is missing"},
		"another command": {[]string{"UPDATE commands SET data = '{}' WHERE seq = 1"},
			"does not repeat itself: command 1 was"},
		"no shadow":          {[]string{"DELETE FROM shadow"}, "shadow report 1 of "},
		"no state":           {[]string{"DELETE FROM state"}, "state: "},
		"a state of nothing": {[]string{"UPDATE state SET data = 'x'"}, "state: "},
		"no such table":      {[]string{"DROP TABLE segments"}, "segments"},
		"of the future": {[]string{"PRAGMA user_version = 9"},
			"the database is of version 9, and this program writes version 2"},
		"not finished": {[]string{"PRAGMA user_version = 0"},
			"there is no session: its making was not finished"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "copy")
			require.NoError(t, os.CopyFS(dir, os.DirFS(whole)))
			store, err := session.Open(t.Context(), dir)
			require.NoError(t, err)
			for _, query := range c.damage {
				require.NoError(t, store.Exec(t.Context(), query))
			}
			require.NoError(t, store.Close())
			err = replay(t, dir, fresh())
			require.ErrorContains(t, err, c.want)
			if name == "no such table" {
				return
			}
			require.NotContains(t, err.Error(), "\n")
		})
	}
	require.NoError(t, replay(t, whole, fresh()))
}

// whileEvents suspends a session once it has heard so many events.
func whileEvents(t *testing.T, s *session.Session, dir string, events int64) {
	t.Helper()
	ctx := t.Context()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
			store, err := session.Read(ctx, dir)
			if err != nil {
				continue
			}
			state, err := store.State(ctx)
			_ = store.Close()
			if err == nil && state.Events > events && state.Commands == 4 && state.Shadowed > 4 {
				s.Ask(session.Suspend)
				return
			}
		}
	}()
	t.Cleanup(func() { <-done })
}

// replay plays a live session again, with a shadow.
func replay(t *testing.T, dir string, made engine.Strategy) error {
	t.Helper()
	set, id := instruments(t)
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	defer cancel()
	store, err := session.Open(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { require.NoError(t, store.Close()) }()
	l := session.NewLive(
		session.LiveConfig{Instruments: set, Symbols: []exchange.SymbolID{id}, Prefix: "dun-c", Shadow: new(twin)},
	)
	s, err := session.New(
		ctx,
		session.Config{
			Store:   store,
			Symbols: []exchange.SymbolID{id},
			Names:   func(id exchange.SymbolID) string { return set.Get(id).Symbol },
			Account: l,
			Live:    l,
			Stamped: true,
		},
	)
	if err != nil {
		return err
	}
	e, err := engine.New(
		engine.Config{
			Instruments: set,
			Symbols:     []exchange.SymbolID{id},
			Feed:        s,
			Exchange:    l,
			Strategy:    made,
			Observer:    s,
			SampleEvery: time.Minute,
			Seed:        1,
			Sources:     []engine.Source{{Symbol: id, Kind: exchange.KindTrade}},
		},
	)
	require.NoError(t, err)
	if _, err = e.Run(ctx); err == nil {
		err = s.Same()
	}
	require.NoError(t, s.Close())
	return err
}

// An error of reading a database that is closed or incomplete names the session.
func TestLookingFails(t *testing.T) {
	dir := t.TempDir()
	store, err := session.Create(t.Context(), dir, "{}", start)
	require.NoError(t, err)
	wallet, err := store.OpeningWallet(t.Context())
	require.NoError(t, err)
	require.Zero(t, wallet, "nothing was heard yet")
	_, err = store.ReadSegment(t.Context(), session.Segment{First: 7})
	require.ErrorContains(t, err, "session "+dir+": segment 7: ")
	require.NoError(t, store.Exec(t.Context(), "INSERT INTO outputs VALUES (1, 1, 'margin', '', 'x')"))
	_, err = store.OpeningWallet(t.Context())
	require.ErrorContains(t, err, "session "+dir+": ")
	require.NoError(
		t,
		store.Exec(
			t.Context(),
			"INSERT INTO fates VALUES ('a', 's', 'Up', 't', 1, 'x', 1, 1, 1, "+
				"'', 1, 1, 1, 'x', 1, 1, 1, '', 1, 1, 1, 'x', 1, 1, 1)",
		),
	)
	_, err = store.Fates(t.Context(), 1)
	require.ErrorContains(t, err, "session "+dir+": ")
	require.ErrorContains(t, err, "Up")
	for n := range 3 {
		require.NoError(
			t,
			store.Exec(
				t.Context(),
				"UPDATE fates SET side = 'Buy', "+[]string{"price", "venue_price", "sim_price"}[n]+" = 'x'",
			),
		)
		_, err = store.Fates(t.Context(), 1)
		require.ErrorContains(t, err, "x", n)
		require.NoError(
			t,
			store.Exec(t.Context(), "UPDATE fates SET "+[]string{"price", "venue_price", "sim_price"}[n]+" = '1.5'"),
		)
	}
	f, err := store.Fates(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, exchange.MustPrice("1.5"), f[0].Sim.Price)
	for query, look := range map[string]func() error{
		"INSERT INTO fills VALUES ('e', 1, 'c', 's', 'Buy', 'many', '1', 1, 'l', 1, 1)": func() error {
			_, err := store.Fills(t.Context(), 1)
			return err
		},
		"INSERT INTO orders VALUES ('c', '', '', '', '', 'many', '', '', '', 1, 1, '', '', '', 1, 1)": func() error {
			_, err := store.OpenOrders(t.Context())
			return err
		},
		"INSERT INTO segments VALUES (1, 'last', 'x')": func() error {
			_, err := store.Segments(t.Context())
			return err
		},
		"INSERT INTO samples VALUES (1, 'much', 1)": func() error {
			_, err := store.Samples(t.Context(), 0)
			return err
		},
	} {
		require.NoError(t, look())
		require.NoError(t, store.Exec(t.Context(), query))
		require.ErrorContains(t, look(), "session "+dir+": ", query)
	}
	require.NoError(t, store.Close())
	ctx := t.Context()
	for name, look := range map[string]func() error{
		"orders":   func() error { _, err := store.OpenOrders(ctx); return err },
		"fills":    func() error { _, err := store.Fills(ctx, 1); return err },
		"samples":  func() error { _, err := store.Samples(ctx, 0); return err },
		"count":    func() error { _, err := store.Count(ctx); return err },
		"wallet":   func() error { _, err := store.OpeningWallet(ctx); return err },
		"fates":    func() error { _, err := store.Fates(ctx, 1); return err },
		"rejected": func() error { _, err := store.Rejected(ctx); return err },
		"segments": func() error { _, err := store.Segments(ctx); return err },
		"segment":  func() error { _, err := store.ReadSegment(ctx, session.Segment{}); return err },
		"settings": func() error { _, _, err := store.Settings(ctx); return err },
		"state":    func() error { _, err := store.State(ctx); return err },
	} {
		require.ErrorContains(t, look(), "session "+dir+": ", name)
	}
	_, err = session.OpenRecording(ctx, t.TempDir(), true)
	require.ErrorIs(t, err, session.ErrNoSession)
}

// A request that cannot be removed once it is carried out ends the run, or it would be
// carried out again.
func TestRequestThatStays(t *testing.T) {
	_, id := instruments(t)
	u := setup{dir: t.TempDir(), source: &told{id: id}, live: true, made: &regret{0}}
	store, err := session.Create(t.Context(), u.dir, "{}", start)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	require.NoError(t, os.MkdirAll(filepath.Join(u.dir, "control", "kill", "child"), 0o700))
	_, err = u.run(t)
	require.ErrorContains(t, err, filepath.Join("control", "kill"))
}

// The words of requests.
func TestParseRequest(t *testing.T) {
	for _, r := range []session.Request{session.Kill, session.Flatten, session.Clear, session.Stop, session.Suspend,
		session.FlattenStop, session.FlattenSuspend} {
		got, err := session.ParseRequest(string(r))
		require.NoError(t, err)
		require.Equal(t, r, got)
	}
	_, err := session.ParseRequest("explode")
	require.ErrorContains(
		t,
		err,
		`request "explode": want one of [kill flatten clear flatten-suspend flatten-stop suspend stop]`,
	)
	require.Error(t, session.Ask(filepath.Join(t.TempDir(), "none"), session.Kill))
}

// What a pursuit says is left.
func TestWhatIsLeft(t *testing.T) {
	for want, p := range map[string]*session.Pursuit{
		"what is open is not known: the account is not heard": {},
		"1 open orders (a)": {Open: 1, Orders: []session.PursuedOrder{{ClientID: "a"}}},
		"3 open orders (a, b, ...)": {Open: 3, Orders: []session.PursuedOrder{{ClientID: "a"},
			{ClientID: "b"}}},
		"a position of -7 X, a position of 3 Y": {Positions: []session.PursuedAmount{{Symbol: "X", Qty: -7},
			{Symbol: "Y", Qty: 3}}},
		"2 open orders (a, b), a position of 3 Y": {Open: 2, Orders: []session.PursuedOrder{{ClientID: "a"},
			{ClientID: "b"}}, Positions: []session.PursuedAmount{{Symbol: "Y", Qty: 3}}},
	} {
		require.Equal(t, want, p.Left())
		require.False(t, p.Done())
	}
	var none *session.Pursuit
	require.True(t, none.Done())
	require.True(t, (&session.Pursuit{Confirmed: new(exchange.Time)}).Done())
}

// What the client has missed and made good is noted, and no doubt; the newest differences
// and gaps are named, and all of them counted.
func TestMissedIsNoted(t *testing.T) {
	d, dir := new(desk), t.TempDir()
	told := 0
	_, err := onDesk(t, d, dir, orders(1), func(s *session.Session, c *session.Commit) {
		require.Empty(t, c.State.Tripped)
		switch {
		case told == 0:
			for n := range 25 {
				told++
				d.notice(live.Notice{Kind: live.Missed, Text: string(rune('a' + n))})
			}
		case c.State.DifferenceCount == 25:
			s.Ask(session.Suspend)
		}
	}, true)
	require.ErrorIs(t, err, session.ErrSuspended)
	state := stateOf(t, dir)
	require.Equal(t, int64(25), state.DifferenceCount)
	require.Len(t, state.Differences, 20)
	require.Equal(t, "f", state.Differences[0].Text)
	require.Equal(t, "y", state.Differences[19].Text)
	require.Positive(t, state.Differences[0].At)
}

// A venue that never answers the cancellations of a session that ends is waited for as long
// as patience goes, and what is left is said.
func TestLeavingEnds(t *testing.T) {
	_, id := instruments(t)
	d, dir, now := &desk{deaf: true}, t.TempDir(), fast(200)
	var s *session.Session
	asked := time.Time{}
	_, err := setup{dir: dir, source: &told{id: id}, live: true, desk: d, made: orderer(2), now: now,
		change: func(it *session.Session, _ *session.Store) { s = it },
		after: func(c *session.Commit) {
			if c.State.Commands == 2 && asked.IsZero() {
				asked = now()
				s.Ask(session.Stop)
			}
		}}.run(t)
	require.GreaterOrEqual(t, now().Sub(asked), 20*time.Second)
	require.ErrorContains(
		t,
		err,
		"until the dead man's switch cancels them: their end was not heard: [dun-1 dun-2]",
	)
	require.Equal(t, []int{0, 1}, []int{d.closed, d.left})
	require.True(t, stateOf(t, dir).Ended)
}

// A market that is told live and fails ends the run, and one that ends, the session.
func TestLiveMarketEnds(t *testing.T) {
	_, id := instruments(t)
	u := setup{dir: t.TempDir(), source: &broken{Feed: &told{id: id}, left: 5}, live: true, made: &regret{0}}
	_, err := u.run(t)
	require.ErrorIs(t, err, errLine)
	require.ErrorContains(t, err, "prices: ")
	require.False(t, stateOf(t, u.dir).Ended)

	trade := exchange.TradeEvent(
		start,
		start,
		id,
		exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("40000"), Qty: 1},
	)
	last := trade
	last.Flags |= exchange.FlagLast
	u = setup{dir: t.TempDir(), source: &listed{[]exchange.Event{trade, last, last}}, live: true, made: &regret{0}}
	_, err = u.run(t)
	require.NoError(t, err)
	require.True(t, stateOf(t, u.dir).Ended)
	require.Equal(t, int64(3), stateOf(t, u.dir).Events)
}

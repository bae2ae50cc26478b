package session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/session"
)

// counted is a feed that is heard live: a trade a millisecond, the nth of n contracts.
type counted struct {
	id   exchange.SymbolID
	n    int
	odd  func(n int, e *exchange.Event) // may change an event
	stop int                            // how many there are; 0: no end
}

func (f *counted) Next(ctx context.Context, events []exchange.Event) (int, error) {
	if f.stop > 0 && f.n == f.stop {
		<-ctx.Done()
	}
	select {
	case <-time.After(time.Millisecond):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	f.n++
	events[0] = exchange.TradeEvent(start, start, f.id, exchange.Trade{Side: exchange.Buy,
		Price: exchange.MustPrice("40000"), Qty: exchange.Qty(f.n)})
	if f.odd != nil {
		f.odd(f.n, &events[0])
	}
	return 1, nil
}

func (f *counted) Close() error { return nil }

// picky orders at some of the trades, and panics at others.
type picky struct {
	orders, panics exchange.Qty
	heard          []exchange.Qty
	gaps           int
}

func (p *picky) Init(*engine.Context) error { return nil }

func (p *picky) OnTrade(ctx *engine.Context, s exchange.SymbolID, t exchange.Trade) {
	p.heard = append(p.heard, t.Qty)
	if t.Qty == p.panics {
		panic("no such trade")
	}
	if t.Qty == p.orders {
		_, _ = ctx.Limit(s, 100, exchange.MustPrice("10000"), 0)
	}
}

func (p *picky) OnGap(*engine.Context, exchange.SymbolID, exchange.Time, exchange.Time) { p.gaps++ }

// suspendAfter suspends a session once its strategy has heard so many trades.
func suspendAfter(s **session.Session, p *picky, trades int) func(*session.Commit) {
	asked := false
	return func(*session.Commit) {
		if !asked && len(p.heard) >= trades {
			asked = true
			(*s).Ask(session.Suspend)
		}
	}
}

// A session whose journal holds an event that the program cannot deal with goes on without
// it, and a replay agrees.
func TestSkippedEvents(t *testing.T) {
	set, id := instruments(t)
	dir := t.TempDir() + "/s"
	var s *session.Session
	run := func(p *picky, from, trades int, skip ...int64) error {
		u := setup{dir: dir, source: &counted{id: id, n: from}, live: true, made: p, recovered: true, skip: skip,
			change: func(it *session.Session, _ *session.Store) { s = it }}
		u.after = suspendAfter(&s, p, trades)
		_, err := u.run(t)
		return err
	}
	require.ErrorIs(t, run(&picky{orders: 3}, 0, 20), session.ErrSuspended)
	before := stateOf(t, dir)

	// Another version of the strategy panics at the seventh.
	var p *engine.PanicError
	require.ErrorAs(t, run(&picky{orders: 3, panics: 7}, 1000, 30), &p)
	require.Equal(t, "*session_test.picky", p.Strategy)
	require.Equal(t, exchange.KindTrade, p.Event.Kind)
	number, kept := s.Number(p.Index)
	require.True(t, kept)
	require.EqualValues(t, 7, number)
	require.Equal(t, before, stateOf(t, dir), "nothing has changed")

	for _, n := range []int64{0, -1, before.Events + 1} {
		store, err := session.Open(t.Context(), dir)
		require.NoError(t, err)
		_, err = session.New(t.Context(), session.Config{Store: store, Symbols: []exchange.SymbolID{id},
			Names:   func(exchange.SymbolID) string { return "" },
			Account: session.NewLive(session.LiveConfig{Instruments: set, Symbols: []exchange.SymbolID{id}}), Skip: []int64{n}})
		require.ErrorIs(t, err, session.ErrNoEvent)
		require.NoError(t, store.Close())
	}

	again := &picky{orders: 3, panics: 7}
	require.ErrorIs(t, run(again, 2000, 60, number), session.ErrSuspended)
	require.NotContains(t, again.heard, exchange.Qty(7))
	require.Equal(t, []int64{7}, stateOf(t, dir).Skipped)
	again = &picky{orders: 3, panics: 7}
	require.ErrorIs(t, run(again, 3000, 100), session.ErrSuspended, "it stays left out")
	require.NotContains(t, again.heard, exchange.Qty(7))

	_, err := setup{dir: dir, none: true, live: true, made: &picky{orders: 3, panics: 7}, recovered: true}.run(t)
	require.NoError(t, err, "a replay agrees")
	recording, err := session.OpenRecording(t.Context(), dir, true)
	require.NoError(t, err)
	defer func() { require.NoError(t, recording.Close()) }()
	events := make([]exchange.Event, 10)
	n, err := recording.Next(t.Context(), events)
	require.NoError(t, err)
	require.Equal(t, 10, n)
	require.Equal(t, exchange.Qty(8), events[6].Trade().Qty)
}

// An event that led to something cannot be left out: the journal would not be true.
func TestSkippedEventThatMattered(t *testing.T) {
	_, id := instruments(t)
	dir := t.TempDir() + "/s"
	var s *session.Session
	p := &picky{orders: 3}
	u := setup{dir: dir, source: &counted{id: id}, live: true, made: p, change: func(it *session.Session,
		_ *session.Store) {
		s = it
	}}
	u.after = suspendAfter(&s, p, 20)
	_, err := u.run(t)
	require.ErrorIs(t, err, session.ErrSuspended)
	u.source, u.made, u.skip = &counted{id: id}, &picky{orders: 3}, []int64{3}
	_, err = u.run(t)
	var diverged *session.DivergedError
	require.ErrorAs(t, err, &diverged)
	require.Empty(t, stateOf(t, dir).Skipped)
}

// An event out of bounds becomes a gap, whatever the type of the source. The session goes on,
// and its replay agrees. An event out of bounds in the journal of an earlier version is
// reported.
func TestAbsurdEvents(t *testing.T) {
	_, id := instruments(t)
	odd := func(n int, e *exchange.Event) {
		trade := func(price exchange.Price, q exchange.Qty) {
			*e = exchange.TradeEvent(start, start, id, exchange.Trade{Side: exchange.Buy, Price: price, Qty: q})
		}
		switch n {
		case 5:
			trade(1, 1)
		case 6:
			trade(exchange.MustPrice("-5"), 1)
		case 7:
			trade(exchange.MustPrice("40000"), 1<<62)
		case 8:
			*e = exchange.MarkEvent(start, start, id, exchange.Mark{Mark: 1})
		case 9:
			e.Symbol = 9999
		}
		e.Flags |= exchange.FlagLast
	}
	for _, unchecked := range []bool{false, true} {
		dir := t.TempDir() + "/s"
		var s *session.Session
		p := &picky{}
		u := setup{dir: dir, source: &counted{id: id, odd: odd}, live: true, made: p, recovered: true, unchecked: unchecked,
			change: func(it *session.Session, _ *session.Store) { s = it }}
		if unchecked {
			u.source = &counted{id: id, odd: func(n int, e *exchange.Event) {
				if n == 8 {
					odd(n, e)
				}
			}}
		}
		u.after = suspendAfter(&s, p, 20)
		_, err := u.run(t)
		require.ErrorIs(t, err, session.ErrSuspended)
		if !unchecked {
			require.Equal(t, 5, p.gaps)
			for _, q := range []exchange.Qty{5, 6, 7, 8, 9} {
				require.NotContains(t, p.heard, q)
			}
			_, err = setup{dir: dir, none: true, live: true, made: &picky{}}.run(t)
			require.NoError(t, err, "a replay agrees")
			continue
		}
		var found []session.Suspect
		_, err = setup{dir: dir, none: true, live: true, made: &picky{}, change: func(it *session.Session, _ *session.Store) {
			found, err = it.Suspects(t.Context(), 3)
			require.NoError(t, err)
		}}.run(t)
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.EqualValues(t, 8, found[0].Number)
		require.ErrorContains(t, found[0].Err, "markPrice")
	}
}

// A report that cannot be right, from whatever client, does not reach the account: the
// session cancels its orders, gives no new ones, and says why. So does a client's word that
// it has refused a row.
func TestAbsurdReports(t *testing.T) {
	huge := exchange.Qty(1) << 62
	fill := func(q exchange.Qty, price string) exchange.Report {
		return exchange.Report{Kind: exchange.ReportFill, ExecType: exchange.ExecTrade, ExecID: "e",
			Fill: exchange.Fill{ExecID: "e", Side: exchange.Buy,
				Qty: q, Price: exchange.MustPrice(price), Type: exchange.ExecTrade, Position: q, Time: start}}
	}
	for name, say := range map[string]func(*desk){
		"fill":           func(d *desk) { d.say(fill(huge, "40000")) },
		"fill at a tiny": func(d *desk) { d.say(fill(1, "0.00000001")) },
		"no side": func(d *desk) {
			r := fill(1, "40000")
			r.Fill.Side = exchange.NoSide
			d.say(r)
		},
		"position": func(d *desk) {
			d.say(exchange.Report{Kind: exchange.ReportPosition, Position: exchange.Position{Qty: -huge}})
		},
		"unknown symbol": func(d *desk) {
			d.say(exchange.Report{Kind: exchange.ReportPosition, Position: exchange.Position{Symbol: 9999}})
		},
		"order": func(d *desk) {
			d.say(exchange.Report{Kind: exchange.ReportOrder, ExecType: exchange.ExecNew, Order: exchange.Order{OrderID: "x",
				ClientID: "dun-x", Qty: huge}})
		},
		"margin": func(d *desk) {
			d.say(exchange.Report{Kind: exchange.ReportMargin, Margin: exchange.Margin{Wallet: exchange.MaxAmount + 1}})
		},
		"funding": func(d *desk) {
			d.say(exchange.Report{Kind: exchange.ReportFunding,
				Funding: exchange.FundingPayment{Amount: exchange.MaxAmount + 1}})
		},
		"the client's word": func(d *desk) { d.notice(live.Notice{Kind: live.Refused, Text: "a row refused"}) },
	} {
		t.Run(name, func(t *testing.T) {
			d, dir := new(desk), t.TempDir()+"/s"
			said, trades, sentBy := false, int64(0), 0
			crashed, err := onDesk(t, d, dir, orders(1_000_000), func(s *session.Session, c *session.Commit) {
				switch {
				case !said && c.State.Events > 20:
					said = true
					require.NotEmpty(t, d.placed)
					say(d)
				case said && c.State.Tripped == engine.RuleDifference && trades == 0:
					trades, sentBy = c.State.Events, len(d.sent)
				case trades > 0 && c.State.Events > trades+30:
					s.Ask(session.Suspend)
				}
			}, false)
			require.Nil(t, crashed)
			require.ErrorIs(t, err, session.ErrSuspended)
			require.Empty(t, d.placed, "its orders are cancelled")
			for _, sent := range d.sent[sentBy:] {
				require.NotContains(t, sent, "submit")
			}
			state := stateOf(t, dir)
			require.Len(t, state.Differences, 1)
			require.Contains(t, state.Differences[0].Text, "refused")
			require.Zero(t, state.Positions[0].Qty)
			_, err = setup{dir: dir, none: true, live: true, desk: new(desk), made: orderer(1_000_000)}.run(t)
			require.NoError(t, err, "a replay agrees")
		})
	}
}

// A panic in a live session cancels what is open.
func TestPanicCancelsOrders(t *testing.T) {
	_, id := instruments(t)
	d, dir := new(desk), t.TempDir()+"/s"
	made := func() *trader {
		return &trader{trade: func(ctx *engine.Context, n int) {
			if n == 30 {
				require.NotEmpty(t, d.placed)
				panic("boom")
			}
			_, _ = ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0)
		}}
	}
	u := setup{dir: dir, source: &told{id: id}, live: true, desk: d, recovered: true, made: made()}
	_, err := u.run(t)
	var p *engine.PanicError
	require.ErrorAs(t, err, &p)
	require.Empty(t, d.placed)
	require.NotContains(t, err.Error(), "orders may be open")
	require.Equal(t, 1, d.closed)

	// One that panics when it is closed keeps the switch armed, and says so.
	d = &desk{mute: errors.New("no answer")}
	u.desk, u.dir, u.made = d, t.TempDir()+"/s", made()
	_, err = u.run(t)
	require.ErrorContains(t, err, "orders may be open")
	require.Equal(t, 1, d.left)
}

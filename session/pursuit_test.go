package session_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/session"
)

// pursuitOf is what an engine pursues, as its session keeps it.
func pursuitOf(e *engine.Engine) *session.Pursuit {
	p, ok := e.Pursuit()
	if !ok {
		return nil
	}
	v := &session.Pursuit{Goal: p.Goal, Rule: p.Rule, Since: p.Since, Attempts: p.Attempts, Open: len(p.Orders)}
	if p.Confirmed != 0 {
		v.Confirmed = &p.Confirmed
	}
	for _, o := range p.Orders {
		v.Orders = append(v.Orders, session.PursuedOrder{ClientID: o.ClientID})
	}
	for _, q := range p.Positions {
		v.Positions = append(v.Positions, session.PursuedAmount{Symbol: "XBTUSD", Qty: q.Qty})
	}
	return v
}

// hasty is a clock that runs a hundred times as fast as the wall's, from its now on.
func hasty() func() time.Time {
	begun := time.Now()
	return func() time.Time { return begun.Add(100 * time.Since(begun)) }
}

// holder buys at the first trade and places an order that rests.
func holder() engine.Strategy {
	return &trader{trade: func(ctx *engine.Context, n int) {
		if n == 1 {
			_, _ = ctx.Market(ctx.Symbol(), 100)
			_, _ = ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0)
		}
	}}
}

// pursue runs a session on a desk until something ends it, at most for a minute. A panic of
// after is a crash.
func pursue(
	t *testing.T,
	d *desk,
	dir string,
	now func() time.Time,
	after func(*session.Session, *session.Commit),
) (crashed any, err error) {
	t.Helper()
	_, id := instruments(t)
	u := setup{dir: dir, source: &told{id: id}, live: true, desk: d, made: holder(), now: now}
	var s *session.Session
	u.change = func(it *session.Session, _ *session.Store) { s = it }
	end := time.Now().Add(time.Minute)
	u.after = func(c *session.Commit) {
		require.True(t, time.Now().Before(end), "after a minute: %+v, %v", c.State.Pursuit, d.sent)
		after(s, c)
	}
	func() {
		defer func() { crashed = recover() }()
		_, err = u.run(t)
	}()
	return crashed, err
}

// A kill and a request to flatten whose requests are lost, refused, or meet a thin market,
// are carried out in the end, also by a process that is begun after the one that was asked
// died, and are not confirmed before they are.
func TestPursuitOutlivesTheProcess(t *testing.T) {
	for name, c := range map[string]struct {
		request session.Request
		desk    desk
		crashes int  // processes that die before the state is confirmed
		outage  bool // the account is not heard from the request on, until two attempts were made
		flat    bool
	}{
		"kill":              {request: session.Kill, desk: desk{lose: 3}},
		"kill and kill -9":  {request: session.Kill, desk: desk{lose: 5}, crashes: 2},
		"kill in an outage": {request: session.Kill, desk: desk{lose: 3}, outage: true},
		"flatten":           {request: session.Flatten, desk: desk{lose: 2, busy: 2, thin: 40}, flat: true},
		"flatten and kill -9": {request: session.Flatten, desk: desk{lose: 4, busy: 4, thin: 40}, crashes: 2,
			flat: true},
		"flatten in an outage": {request: session.Flatten, desk: desk{lose: 2, busy: 2}, outage: true, flat: true},
		"stop and flatten":     {request: session.FlattenStop, desk: desk{lose: 2, busy: 2, thin: 40}, flat: true},
		"stop, flatten and kill -9": {request: session.FlattenStop, desk: desk{lose: 4, busy: 4, thin: 40}, crashes: 2,
			flat: true},
		"suspend and flatten": {request: session.FlattenSuspend, desk: desk{lose: 2, busy: 1, thin: 40}, flat: true},
	} {
		t.Run(name, func(t *testing.T) {
			d, dir, now := &c.desk, t.TempDir(), hasty()
			asked, cut := false, false
			deaths, attempts := c.crashes, 0
			run := func() (any, error) {
				return pursue(t, d, dir, now, func(s *session.Session, commit *session.Commit) {
					p := commit.State.Pursuit
					if deaths > 0 {
						d.lose = c.desk.lose // nothing is confirmed before the processes have died, however slow the machine is
					}
					switch {
					case !asked && len(d.placed) == 1 && d.held == 100 && commit.State.Positions[0].Qty == 100:
						asked = true
						require.NoError(t, session.Ask(dir, c.request))
					case !asked || p == nil:
					case c.outage && !cut:
						cut = true
						d.notice(live.Notice{Kind: live.Lost})
					case deaths > 0 && p.Attempts > attempts:
						deaths--
						attempts = p.Attempts + 1
						require.False(t, p.Done())
						panic("crash")
					case c.outage && p.Attempts >= 3 && cut && !p.Done() && c.desk.lose > -1000:
						d.lose = -1000
						d.notice(live.Notice{Kind: live.Found})
					case p.Done() && (c.request == session.Kill || c.request == session.Flatten) && commit.State.Tripped != engine.RuleLeaving:
						s.Ask(session.Suspend)
					}
					if p.Done() && p != nil {
						require.Empty(t, d.placed, "it is confirmed too early")
						if c.flat {
							require.Zero(t, d.held, "it is confirmed too early")
						}
					}
				})
			}
			for range c.crashes {
				crashed, _ := run()
				require.Equal(t, "crash", crashed)
			}
			crashed, err := run()
			require.Nil(t, crashed)
			ended := c.request == session.FlattenStop
			if ended {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, session.ErrSuspended)
			}
			require.Empty(t, d.placed)
			if c.flat {
				require.Zero(t, d.held)
			} else {
				require.Equal(t, exchange.Qty(100), d.held)
			}
			state := stateOf(t, dir)
			require.Equal(t, ended, state.Ended)
			require.True(t, state.Pursuit.Done())
			require.NoFileExists(t, filepath.Join(dir, "control", string(c.request)))
			require.True(
				t,
				slices.Equal(d.expires, []bool{true, false}) || len(d.expires) >= 2 && d.expires[0] && !d.expires[len(d.expires)-1],
				"the dead man's switch is left to expire until the orders are gone: %v",
				d.expires,
			)
			_, err = setup{dir: dir, none: true, live: true, desk: new(desk), made: holder()}.run(t)
			require.NoError(t, err, "played again it is the same")
		})
	}
}

// A plain request to end does not wait for the flat account that an earlier one waits for.
func TestStopWithoutWaiting(t *testing.T) {
	d, dir := &desk{busy: 1 << 30}, t.TempDir()
	stage := ""
	_, err := pursue(t, d, dir, hasty(), func(s *session.Session, c *session.Commit) {
		switch p := c.State.Pursuit; {
		case stage == "" && d.held == 100 && c.State.Positions[0].Qty == 100:
			stage = "asked"
			require.NoError(t, session.Ask(dir, session.FlattenStop))
		case stage == "asked" && p != nil && p.Attempts > 3:
			stage = "ended"
			require.Equal(t, "a position of 100 XBTUSD", p.Left())
			require.FileExists(t, filepath.Join(dir, "control", string(session.FlattenStop)))
			s.Ask(session.Stop)
		}
	})
	require.NoError(t, err)
	require.Equal(t, "ended", stage)
	require.True(t, stateOf(t, dir).Ended)
	require.False(t, stateOf(t, dir).Pursuit.Done())
	_, err = os.Stat(filepath.Join(dir, "control", string(session.FlattenStop)))
	require.ErrorIs(t, err, os.ErrNotExist, "there is nothing left to do")
}

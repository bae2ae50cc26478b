package session_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/session"
)

// fast is a clock that runs so many times as fast as the wall's, from its now on.
func fast(times int) func() time.Time {
	begun := time.Now()
	return func() time.Time { return begun.Add(time.Duration(times) * time.Since(begun)) }
}

// Whichever table cannot be written once, nothing of the transaction is kept and none of its
// commands is sent, the run ends and says so, orders are cancelled, and the next run goes on
// with all that was kept before.
func TestEveryTableIsRefusedOnce(t *testing.T) {
	_, id := instruments(t)
	fresh := func() engine.Strategy {
		return &trader{trade: func(ctx *engine.Context, n int) {
			if n%2 == 0 {
				_, _ = ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0)
			} else {
				_, _ = ctx.Market(ctx.Symbol(), 100)
			}
		}}
	}
	for _, table := range []string{"INSERT commands", "INSERT fates", "INSERT shadow", "INSERT inputs",
		"INSERT segments", "DELETE inputs",
		"INSERT outputs", "INSERT orders", "INSERT fills", "INSERT samples", "UPDATE state"} {
		t.Run(table, func(t *testing.T) {
			d, dir, now := new(desk), t.TempDir(), fast(5000)
			event, table := table[:6], table[7:]
			refused := false
			var s *session.Session
			var store *session.Store
			run := func(after func(*session.Commit)) error {
				_, err := setup{
					dir:    dir,
					source: &told{id: id},
					live:   true,
					desk:   d,
					made:   fresh(),
					shadow: new(twin),
					now:    now,
					after:  after,
					change: func(it *session.Session, at *session.Store) {
						s, store = it, at
						s.SealAt(8, 1<<30)
					},
				}.run(
					t,
				)
				return err
			}
			err := run(func(c *session.Commit) {
				switch {
				case !refused && c.State.Commands > 2 && c.State.Shadowed > 2 && c.State.Events > 10:
					refused = true
					require.NoError(t, store.Refuse(t.Context(), event, table))
				case c.State.Events > 3000:
					s.Ask(session.Suspend)
				}
			})
			require.ErrorContains(t, err, event+" on "+table+": no")
			require.ErrorContains(t, err, "it could not be written, and stays as it was")
			require.Equal(t, "cancel all", d.sent[len(d.sent)-1])
			require.Equal(t, []int{1, 0}, []int{d.closed, d.left})
			require.Empty(t, d.placed)
			kept := stateOf(t, dir)
			require.False(t, kept.Ended)
			require.Equal(t, kept.Commands, int64(len(d.sent)-1), "what is kept was sent, and nothing else")
			look, err := session.Open(t.Context(), dir)
			require.NoError(t, err)
			for query, want := range map[string]int64{"count(*) FROM commands": kept.Commands,
				"count(*) FROM shadow":                                kept.Shadowed,
				"(SELECT count(*) FROM outputs) - outputs FROM state": 0,
				"(SELECT count(*) FROM inputs) + (SELECT coalesce(sum(last_batch - first_batch + 1), 0) FROM segments)" +
					" - batches FROM state": 0,
				"(SELECT count(*) FROM fills) - (SELECT count(*) FROM outputs WHERE kind = 'fill')": 0,
			} {
				rows, err := look.Rows(t.Context(), "SELECT "+query)
				require.NoError(t, err)
				require.Equal(t, []string{strconv.FormatInt(want, 10)}, rows, query)
			}
			require.NoError(t, look.Allow(t.Context()))
			require.NoError(t, look.Close())

			err = run(func(c *session.Commit) {
				if c.State.Commands > kept.Commands+3 {
					s.Ask(session.Suspend)
				}
			})
			require.ErrorIs(t, err, session.ErrSuspended)
			_, err = setup{dir: dir, none: true, live: true, desk: new(desk), made: fresh(), shadow: new(twin)}.run(t)
			require.NoError(t, err)
		})
	}
}

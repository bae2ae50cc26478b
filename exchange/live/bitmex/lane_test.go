package bitmex

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
)

// What overtakes goes before all that waits, and takes the orders with it that it makes
// void. Nobody waits for those.
func TestOvertaking(t *testing.T) {
	l := newLane()
	var done []string
	errandOf := func(name string, side exchange.Side) errand {
		e := errand{do: func(context.Context) { done = append(done, name) }, drop: func() { done = append(done, name+" dropped") }}
		if side != exchange.NoSide {
			e.order = &exchange.NewOrder{Side: side}
		}
		return e
	}
	l.add(errandOf("buy", exchange.Buy))
	l.add(errandOf("amend", exchange.NoSide))
	l.add(errandOf("sell", exchange.Sell))
	for _, e := range l.overtake("", func(context.Context) { done = append(done, "cancel") }, func(o *exchange.NewOrder) bool { return o.Side == exchange.Sell }) {
		e.drop()
	}
	ctx, stop := context.WithCancel(t.Context())
	l.give(func(context.Context) { stop() })
	l.run(ctx)
	require.NoError(t, l.idle(t.Context()))
	require.Equal(t, []string{"sell dropped", "cancel", "buy", "amend"}, done)
}

// A cancellation of everything that is repeated while the lane waits for an answer goes once,
// and before all that waits.
func TestOvertakingTwiceIsOnce(t *testing.T) {
	l := newLane()
	var done []string
	say := func(text string) func(context.Context) {
		return func(context.Context) { done = append(done, text) }
	}
	none := func(*exchange.NewOrder) bool { return false }
	l.give(say("amend"))
	l.overtake("all of A", say("first"), none)
	l.overtake("all of B", say("other"), none)
	l.overtake("all of A", say("second"), none)
	ctx, stop := context.WithCancel(t.Context())
	l.give(func(context.Context) { stop() })
	l.run(ctx)
	require.NoError(t, l.idle(t.Context()))
	require.Equal(t, []string{"second", "other", "amend"}, done)
}

// A lane is stuck while the command that is under way is not answered.
func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLane()
		ctx, stop := context.WithCancel(t.Context())
		answer := make(chan struct{})
		go l.run(ctx)
		require.False(t, l.stuck(0))
		l.give(func(context.Context) { <-answer })
		time.Sleep(2 * time.Second)
		require.True(t, l.stuck(time.Second))
		require.False(t, l.stuck(3*time.Second))
		close(answer)
		require.NoError(t, l.idle(t.Context()))
		require.False(t, l.stuck(0))
		stop()
	})
}

// A command whose turn comes too late is not sent.
func TestLateCommands(t *testing.T) {
	x := &Exchange{cfg: ExchangeConfig{Config: Config{Policy: live.Policy{Behind: 5 * time.Second}}}}
	require.NoError(t, x.late(time.Now()))
	require.NoError(t, x.late(time.Now().Add(-4*time.Second)))
	require.ErrorIs(t, x.late(time.Now().Add(-6*time.Second)), errLate)
	require.ErrorIs(t, x.late(time.Now().Round(0).Add(-time.Hour)), errLate,
		"the machine slept: the monotonic clock stood")
	x.cfg.Policy.Behind = 0
	require.NoError(t, x.late(time.Now().Add(-time.Hour)))
}

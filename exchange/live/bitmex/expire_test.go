package bitmex_test

import (
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
)

// An execution that fills nothing is news of the order, whether its quantity is 0 or absent.
func TestExecutionsOfNothing(t *testing.T) {
	v := newVenue(t)
	a := v.connect(nil)
	a.place("one")
	replaced := v.executed("r1", "Replaced", v.row("one", "New", 0), 0)
	replaced.LastQty = new(int64)
	v.execute(replaced)
	a.flush()
	require.Equal(t, []string{"one Replaced, New"}, a.said())
	cancelled := v.executed("c1", "Canceled", v.row("one", "Canceled", 0), 0)
	require.Nil(t, cancelled.LastQty)
	v.execute(cancelled)
	a.flush()
	require.Equal(t, []string{"one Canceled, Canceled"}, a.said())
}

// While the dead man's switch is to expire it is not refreshed. Each change is logged once, and
// nothing is without a switch.
func TestSwitchIsLeftToExpire(t *testing.T) {
	v := newVenue(t)
	var refreshed atomic.Int64
	v.hook = func(_, path, _ string) (int, string) {
		if path == "/order/cancelAllAfter" {
			refreshed.Add(1)
		}
		return 0, ""
	}
	log := new(lockedBuffer)
	with := func(deadMan time.Duration) *account {
		return v.connect(func(c *bitmex.ExchangeConfig) {
			c.DeadMan, c.Log = deadMan, slog.New(slog.NewTextHandler(log, nil))
		})
	}
	a := with(time.Second) // refreshed every 250 ms
	a.eventually("it is refreshed", func() bool { return refreshed.Load() >= 2 })
	for range 3 {
		a.LetExpire(true)
	}
	before := refreshed.Load() // one may be on its way
	time.Sleep(700 * time.Millisecond)
	require.LessOrEqual(t, refreshed.Load(), before+1)
	for range 2 {
		a.LetExpire(false)
	}
	before = refreshed.Load()
	a.eventually("it is refreshed again", func() bool { return refreshed.Load() >= before+2 })
	lines := slices.DeleteFunc(strings.Split(log.String(), "\n"), func(l string) bool {
		return !strings.Contains(l, "msg=dead_man_switch")
	})
	require.Len(t, lines, 2)
	require.Contains(t, lines[0], "refreshed=false")
	require.Contains(t, lines[1], "refreshed=true")
	require.NoError(t, a.Close())
	with(0).LetExpire(true)
	require.Equal(t, 2, strings.Count(log.String(), "msg=dead_man_switch"))
}

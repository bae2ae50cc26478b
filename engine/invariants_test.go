package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// How many events the feed gives at a time, and how many the engine takes, changes
// nothing.
func TestInvariantI12BlocksOfAnySize(t *testing.T) {
	journal := func(give, take int) []string {
		r := newRun(t, walk(1)...)
		r.feed.rows, r.config.BatchRows = give, take
		r.config.Delay = engine.Delay{Fixed: 700 * time.Millisecond}
		r.venue.entry, r.venue.response = 40*time.Millisecond, 60*time.Millisecond
		r.listener.init = func(ctx *engine.Context) error {
			ctx.Every(10 * time.Second)
			return ctx.Bars(xbt, engine.BarSpec{Interval: 5 * time.Second})
		}
		r.listener.bar = func(ctx *engine.Context, b *engine.Bar) {
			_, err := ctx.Market(xbt, exchange.Qty(b.Close-b.Open)/1_000_000+1)
			require.NoError(t, err)
		}
		return r.lines(t)
	}
	want := journal(0, 4096)
	require.Greater(t, len(want), 500)
	for _, sizes := range [][2]int{{1, 1}, {1, 64}, {7, 64}, {64, 7}, {1000, 1000}} {
		require.Equal(t, want, journal(sizes[0], sizes[1]), "%v", sizes)
	}
}

package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// busy is an instant, 1s, at which everything happens at once: two market events
// without delay and one that was delayed, an order that arrives, a report that
// arrives, a bar that ends and two timers.
func busy(t *testing.T, rows int) *run {
	r := newRun(t,
		onStream(arrives(mark(0, 50), time.Second), 2),
		onStream(trade(0, 100, 1), 1),
		onStream(arrives(bar(0, time.Second, 104), time.Second), 3),
		onStream(mark(time.Second, 51), 0),
		onStream(trade(time.Second, 101, 1), 1),
		onStream(trade(2*time.Second, 102, 1), 1),
	)
	r.feed.rows = rows
	r.config.BatchRows = max(rows, 1)
	r.config.Delay = engine.Delay{FromData: true}
	r.venue.entry = time.Second
	sent := false
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		if !sent {
			sent = true
			_, err := ctx.Market(xbt, 10)
			require.NoError(t, err)
			ctx.After(time.Second)
			ctx.After(time.Second)
		}
	}
	answered := false
	r.listener.timer = func(ctx *engine.Context, _ engine.TimerID) {
		if !answered {
			answered = true
			ctx.After(0)
			r.venue.entry = 0
			require.NoError(t, ctx.CancelAll(xbt))
		}
	}
	return r
}

func TestOrderOfThingsAtOneInstant(t *testing.T) {
	want := []string{
		"0s market mark on 2",
		"0s market trade on 1",
		"0s market bar on 3",
		"0s trade of 0 at 100",
		// 1 the exchange learns of the market
		"1s market mark on 0",
		"1s market trade on 1",
		// 2 orders arrive, reports are handed over
		"1s venue takes dun-1 Buy 10",
		"1s order dun-1 New",
		"1s fill dun-1 10, holds 10",
		"1s order dun-1 Trade",
		// 4 delayed market events by stream, then those of now
		"1s mark of 0 50, index 0",
		"1s bar 1s from 0s: 104 104 104 104, 100 in 3",
		"1s mark of 0 51, index 0",
		"1s trade of 0 at 101",
		// 5 timers, one set meanwhile for now included
		"1s timer 1",
		"1s timer 2",
		"1s timer 3",
		// 6 what was asked for meanwhile
		"1s venue cancels all of 0",
		"2s market trade on 1",
		"2s trade of 0 at 102",
		"2s stop",
	}
	require.Equal(t, want, busy(t, 0).lines(t))
	for rows := 1; rows <= 7; rows++ {
		t.Run(fmt.Sprintf("%d rows a batch", rows), func(t *testing.T) {
			require.Equal(t, want, busy(t, rows).lines(t), "the size of a batch changes nothing")
		})
	}
}

// Bars that the engine builds are handed over before the events of their end.
func TestBuiltBarsPrecedeTheEventsOfTheirEnd(t *testing.T) {
	r := newRun(t, trade(0, 100, 1), trade(time.Minute, 101, 1), trade(2*time.Minute, 102, 1))
	r.listener.init = func(ctx *engine.Context) error { return ctx.Bars(xbt, engine.BarSpec{Interval: time.Minute}) }
	require.Equal(t, []string{
		"0s trade of 0 at 100",
		"1m0s bar 1m from 0s: 100 100 100 100, 1 in 1",
		"1m0s trade of 0 at 101",
		"2m0s bar 1m from 1m0s: 101 101 101 101, 1 in 1",
		"2m0s trade of 0 at 102",
	}, r.heard(t, "bar", "trade"))
}

// A fill may lead to an order that is filled at the same instant, and so on.
func TestCommandsWithoutDelayAreDoneAtTheSameInstant(t *testing.T) {
	r := newRun(t, trade(0, 100, 1), trade(time.Hour, 101, 1))
	r.listener.trade = func(ctx *engine.Context, tr exchange.Trade) {
		if tr.Price == price(100) {
			_, err := ctx.Market(xbt, 1)
			require.NoError(t, err)
		}
	}
	r.listener.fill = func(ctx *engine.Context, f *exchange.Fill) {
		if f.Qty < 4 {
			_, err := ctx.Market(xbt, f.Qty+1)
			require.NoError(t, err)
		}
	}
	require.Equal(t, []string{
		"0s fill dun-1 1, holds 1", "0s fill dun-2 2, holds 2", "0s fill dun-3 3, holds 3", "0s fill dun-4 4, holds 4",
	}, r.heard(t, "fill"))
}

// A live venue tells its own feed: the engine does not tell it of the market.
func TestAnExchangeThatIsNotToldOfTheMarket(t *testing.T) {
	r := newRun(t, trade(0, 100, 1), trade(time.Second, 101, 1))
	r.config.Exchange = &r.venue
	require.Equal(t, []string{"0s trade of 0 at 100", "1s trade of 0 at 101", "1s stop"}, r.lines(t))
}

// A strategy without handlers runs; nothing is sent to it.
func TestStrategyWithoutHandlers(t *testing.T) {
	r := newRun(t, trade(0, 100, 1), quote(1, 1, 2), mark(2, 3), bar(3, time.Minute, 4))
	r.config.Strategy = silent{}
	require.NoError(t, r.run(t))
	require.EqualValues(t, 4, r.summary.Events)
	require.Equal(t, t0, r.summary.Start)
	require.Equal(t, at(time.Minute+3), r.summary.End)
}

type silent struct{}

func (silent) Init(*engine.Context) error { return nil }

// A feed that steps back in time is not followed there: its clock stands still.
func TestTimeDoesNotGoBack(t *testing.T) {
	r := newRun(t, trade(time.Second, 100, 1), trade(0, 101, 1), trade(2*time.Second, 102, 1))
	require.Equal(t, []string{"1s trade of 0 at 100", "1s trade of 0 at 101", "2s trade of 0 at 102"}, r.heard(t, "trade"))
}

func TestGapsAreTold(t *testing.T) {
	r := newRun(t, trade(0, 100, 1), exchange.GapEvent(at(time.Minute), at(time.Minute), xbt, at(time.Second), at(time.Minute)))
	require.Equal(t, []string{"1m0s gap of 0 from 1s to 1m0s"}, r.heard(t, "gap"))
}

package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

func TestConfigIsChecked(t *testing.T) {
	needed := "engine: instruments, feed, exchange and strategy are needed"
	negative := "engine: durations must not be negative"
	for name, c := range map[string]struct {
		change func(c *engine.Config)
		want   string
	}{
		"as it is":        {func(*engine.Config) {}, ""},
		"no instruments":  {func(c *engine.Config) { c.Instruments = nil }, needed},
		"no feed":         {func(c *engine.Config) { c.Feed = nil }, needed},
		"no exchange":     {func(c *engine.Config) { c.Exchange = nil }, needed},
		"no strategy":     {func(c *engine.Config) { c.Strategy = nil }, needed},
		"no symbols":      {func(c *engine.Config) { c.Symbols = nil }, "engine: no symbols"},
		"delay":           {func(c *engine.Config) { c.Delay.Fixed = -1 }, negative},
		"samples":         {func(c *engine.Config) { c.SampleEvery = -1 }, negative},
		"grace":           {func(c *engine.Config) { c.BarGrace = -1 }, negative},
		"durations of 0":  {func(c *engine.Config) { c.Delay.Fixed, c.SampleEvery, c.BarGrace = 0, 0, 0 }, ""},
		"durations above": {func(c *engine.Config) { c.Delay.Fixed, c.SampleEvery, c.BarGrace = 1, 1, 1 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, trade(0, 1, 1))
			c.change(&r.config)
			_, err := engine.New(r.config)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.want)
		})
	}
}

func TestNoEventsIsAnError(t *testing.T) {
	require.ErrorIs(t, newRun(t).run(t), engine.ErrNoEvents)
}

func TestFeedThatFails(t *testing.T) {
	r := newRun(t, trade(0, 1, 1), trade(time.Second, 1, 1))
	r.feed.rows, r.config.BatchRows = 1, 1
	r.feed.fail = errors.New("the disk is gone")
	err := r.run(t)
	require.ErrorIs(t, err, r.feed.fail)
	require.EqualError(t, err, "market data: the disk is gone")
	require.EqualValues(t, 2, r.summary.Events)
	require.Equal(t, []string{"0s trade of 0 at 1"}, r.journal.lines[1:2], "what came before it was handed over")
	require.NotContains(t, r.journal.lines, "1s stop", "a run that failed has no end")
}

func TestExchangeThatFails(t *testing.T) {
	r := newRun(t, trade(0, 1, 1))
	r.venue.broken = errors.New("the venue is gone")
	require.EqualError(t, r.run(t), "exchange: the venue is gone")
}

func TestStrategyThatCanNotStart(t *testing.T) {
	r := newRun(t, trade(0, 1, 1))
	cause := errors.New("no such indicator")
	r.listener.init = func(*engine.Context) error { return cause }
	err := r.run(t)
	require.ErrorIs(t, err, cause)
	require.EqualError(t, err, "strategy cannot start: no such indicator")
}

func TestCheckEndsTheRun(t *testing.T) {
	r := newRun(t, trade(0, 1, 1), trade(time.Second, 1, 1), trade(2*time.Second, 1, 1))
	bad := errors.New("it does not add up")
	r.config.Check = func(now exchange.Time) error {
		if now == at(time.Second) {
			return bad
		}
		return nil
	}
	require.ErrorIs(t, r.run(t), bad)
	require.Equal(t, at(time.Second), r.summary.End)
}

// A cancelled run stops soon, with what has been done so far.
func TestCancelledRun(t *testing.T) {
	r := newRun(t, walk(1)...)
	events := r.feed.events
	for len(r.feed.events) < 50_000 {
		events = append(events, events[len(events)-1])
		events[len(events)-1].Time++
		events[len(events)-1].Arrival++
		r.feed.events = events
	}
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	r.listener.trade = func(*engine.Context, exchange.Trade) {
		if seen++; seen == 100 {
			cancel()
		}
	}
	e, err := engine.New(r.config)
	require.NoError(t, err)
	summary, err := e.Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.NotZero(t, summary.Events)
	require.Less(t, seen, 1200)
	require.GreaterOrEqual(t, seen, 100)
}

// ledger is an observer that writes down what it is shown.
type ledger struct {
	*journal
	fail error
	from int // fail at this call
}

func (l *ledger) Submitted(s exchange.SymbolID, id exchange.ClientID, mid exchange.Price) {
	l.add(at(0), "submitted %s at %s", id, mid)
}

func (l *ledger) Report(r *exchange.Report) error {
	l.add(r.Time, "report %s", r.ExecType)
	return l.failed()
}

func (l *ledger) Sample(t exchange.Time) error {
	l.add(t, "sample")
	return l.failed()
}

func (l *ledger) failed() error {
	if l.from--; l.from == 0 {
		return l.fail
	}
	return nil
}

// Samples are taken after everything of their instant, at whole multiples of the
// interval, and the observer gets what has not arrived when the run ends.
func TestObserver(t *testing.T) {
	r := newRun(t, trade(30*time.Second, 1, 1), trade(time.Minute, 2, 1), trade(3*time.Minute+time.Second, 3, 1))
	r.config.Observer = &ledger{journal: &r.journal}
	r.config.SampleEvery = time.Minute
	r.listener.trade = func(ctx *engine.Context, tr exchange.Trade) {
		if tr.Price == price(2) {
			return
		}
		_, err := ctx.Market(xbt, 1)
		require.NoError(t, err)
		r.venue.response = time.Hour // of the next order
	}
	require.Equal(t, []string{
		"30s trade of 0 at 1",
		"30s sample",
		"1m0s trade of 0 at 2",
		"1m0s sample", "2m0s sample", "3m0s sample",
		"3m1s trade of 0 at 3",
		"3m1s stop",
		"30s report New", "30s report Trade",
		"3m1s report New", "3m1s report Trade",
		"3m1s sample",
	}, r.heard(t, "sample", "trade", "report", "stop"))
}

// What an order is measured against is the market that the strategy knew: the middle of
// the quote, the last price where there is none, and nothing before any.
func TestObserverHearsOfOrdersSent(t *testing.T) {
	r := newRun(t, mark(0, 90), trade(time.Second, 95, 1), quote(2*time.Second, 99, 102), trade(3*time.Second, 97, 1))
	r.config.Observer = &ledger{journal: &r.journal}
	send := func(ctx *engine.Context) {
		_, err := ctx.Limit(xbt, 1, price(1), 0)
		require.NoError(t, err)
	}
	r.listener.init = func(ctx *engine.Context) error { ctx.After(0); return nil }
	r.listener.timer = func(ctx *engine.Context, _ engine.TimerID) { send(ctx) }
	r.listener.trade = func(ctx *engine.Context, tr exchange.Trade) {
		if tr.Price == price(95) {
			send(ctx)
			return
		}
		_, err := ctx.ClosePosition(xbt)
		require.NoError(t, err)
	}
	require.Equal(
		t,
		[]string{"0s submitted dun-1 at 0", "0s submitted dun-2 at 95", "0s submitted close-1 at 100.5"},
		r.heard(t, "submitted"),
	)
}

func TestReportsAreObservedBeforeTheStrategyHears(t *testing.T) {
	r := newRun(t, trade(0, 1, 1))
	r.config.Observer = &ledger{journal: &r.journal}
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		_, err := ctx.Market(xbt, 1)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"0s report New", "0s order dun-1 New", "0s report Trade", "0s fill dun-1 1, holds 1", "0s order dun-1 Trade"},
		r.heard(t, "report", "order", "fill"))
}

func TestObserverThatFails(t *testing.T) {
	for call := 1; call <= 4; call++ {
		t.Run(fmt.Sprint("call ", call), func(t *testing.T) {
			r := newRun(t, trade(0, 1, 1), trade(time.Second, 1, 1))
			r.config.SampleEvery = 500 * time.Millisecond
			full := &ledger{journal: &r.journal, fail: errors.New("no space left"), from: call}
			r.config.Observer = full
			r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
				_, err := ctx.Market(xbt, 1)
				require.NoError(t, err)
			}
			require.ErrorIs(t, r.run(t), full.fail)
		})
	}
}

func TestProgress(t *testing.T) {
	r := newRun(t, walk(1)...)
	n := int64(len(r.feed.events))
	r.config.BatchRows = 100
	var told []int64
	r.config.Progress = func(_ exchange.Time, events int64) { told = append(told, events) }
	require.NoError(t, r.run(t))
	require.IsIncreasing(t, told[:len(told)-1])
	require.Equal(t, n, told[len(told)-1])
	require.Equal(t, n, r.summary.Events)
}

// Work and memory grow with the number of events and not faster.
func TestCostIsLinear(t *testing.T) {
	instants := func(n int) (allocs float64) {
		events := make([]exchange.Event, n)
		for i := range events {
			events[i] = trade(time.Duration(i)*time.Millisecond, 100, 1)
		}
		r := newRun(t, events...)
		r.config.Strategy = silent{}
		r.config.Exchange = &r.venue
		r.config.Delay.Fixed = 20 * time.Millisecond
		e, err := engine.New(r.config)
		require.NoError(t, err)
		return testing.AllocsPerRun(1, func() {
			r.feed.events = events
			_, err = e.Run(t.Context())
			require.NoError(t, err)
		})
	}
	small, large := instants(10_000), instants(40_000)
	require.LessOrEqual(t, large, small+8, "an event costs no allocation")
}

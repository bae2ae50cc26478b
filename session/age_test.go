package session_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/session"
)

// aged is a feed of trades that are so old when they are heard, by a clock that is ahead of
// ours. It gives one at a time, and waits until it is committed.
type aged struct {
	id    exchange.SymbolID
	ages  []time.Duration
	ahead time.Duration
	clock *clock
	pace  chan struct{}
}

func (f *aged) Next(ctx context.Context, events []exchange.Event) (int, error) {
	select {
	case <-f.pace:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if len(f.ages) == 0 {
		return 0, io.EOF
	}
	at := exchange.TimeOf(f.clock.Now()).Add(f.ahead - f.ages[0])
	f.ages = f.ages[1:]
	events[0] = exchange.TradeEvent(at, at, f.id,
		exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("40000"), Qty: 1})
	return 1, nil
}

func (f *aged) Ahead() time.Duration { return f.ahead }
func (f *aged) Close() error         { return nil }

// The risk guard refuses an order on data that is too old by the venue's clock, however new
// its arrival is, and it finds the same when the session is played again.
func TestStalenessByTheVenuesClock(t *testing.T) {
	_, id := instruments(t)
	const s = time.Second
	for name, c := range map[string]struct {
		ages  []time.Duration
		ahead time.Duration
		want  []bool // passes
	}{
		"new":                {[]time.Duration{0, s, 2 * s}, 0, []bool{true, true, true}},
		"old":                {[]time.Duration{0, 4 * s, 40 * s, s}, 0, []bool{true, false, false, true}},
		"old from the first": {[]time.Duration{40 * s, 40 * s}, 0, []bool{false, false}},
		"their clock behind": {[]time.Duration{0, 0, 40 * s, 0}, -20 * s, []bool{true, true, false, true}},
		"a recorded market":  {[]time.Duration{9000 * time.Hour, 9000 * time.Hour}, 0, []bool{true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			now := &clock{now: time.Date(2025, 5, 5, 0, 0, 0, 0, time.UTC)}
			d, dir := new(desk), t.TempDir()
			passed := func(into *[]bool) *trader {
				return &trader{trade: func(ctx *engine.Context, _ int) {
					_, err := ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0)
					*into = append(*into, err == nil)
				}}
			}
			feed := &aged{id: id, ages: append([]time.Duration{0}, c.ages...), ahead: c.ahead, clock: now,
				pace: make(chan struct{}, 1)}
			feed.ages[0] = c.ages[0] // by which the session learns of the clock
			feed.pace <- struct{}{}
			limits := engine.Limits{Stale: 3 * s}
			var got, then []bool
			trades := 0
			u := setup{dir: dir, source: feed, live: true, desk: d, made: passed(&got), limits: limits, now: now.Now,
				keepOrders: true,
				after: func(c *session.Commit) {
					for i := range c.Events {
						if c.Events[i].Kind == exchange.KindTrade {
							trades++
							now.add(10 * s)
							feed.pace <- struct{}{}
						}
					}
				}}
			_, err := u.run(t)
			require.NoError(t, err)
			require.Equal(t, len(c.ages)+1, trades)
			require.Equal(t, c.want, got[1:])
			_, err = setup{dir: dir, none: true, live: true, desk: new(desk), made: passed(&then), limits: limits}.run(t)
			require.NoError(t, err)
			require.Equal(t, got, then)
		})
	}
}

// An order is refused if the disk or the process was paused for too long between the decision
// and the sending. An order that only reduces a position is sent.
func TestOrdersOfThenAreNotSent(t *testing.T) {
	_, id := instruments(t)
	now := &clock{now: time.Date(2025, 5, 5, 0, 0, 0, 0, time.UTC)}
	d, dir := new(desk), t.TempDir()
	var heard []string
	made := func() *trader {
		return &trader{
			trade: func(ctx *engine.Context, n int) {
				inst := exchange.ExecInst(0)
				if n == 2 {
					inst = exchange.ReduceOnly
				}
				_, err := ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), inst)
				require.NoError(t, err)
			},
			order: func(_ *engine.Context, o *exchange.Order) {
				heard = append(heard, string(o.ClientID)+" "+o.Status.String()+" "+o.RejectReason)
			},
		}
	}
	feed := &aged{id: id, ages: make([]time.Duration, 4), clock: now, pace: make(chan struct{}, 1)}
	feed.pace <- struct{}{}
	commands := 0
	u := setup{dir: dir, source: feed, live: true, desk: d, made: made(), now: now.Now, keepOrders: true,
		behind: 5 * time.Second,
		after: func(c *session.Commit) {
			now.add(time.Second)
			if len(c.Commands) > 0 {
				if commands++; commands < 3 {
					now.add(9 * time.Second)
				}
			}
			for i := range c.Events {
				if c.Events[i].Kind == exchange.KindTrade {
					feed.pace <- struct{}{}
				}
			}
		}}
	_, err := u.run(t)
	require.NoError(t, err)
	require.Equal(t, []string{"submit dun-2", "submit dun-3", "submit dun-4"}, d.sent)
	require.Contains(t, heard, "dun-1 Rejected not sent: the command is too old: given 10s ago; the limit is 5s")
	heard = nil
	replayed(t, dir, func() engine.Strategy { return made() })
	require.Contains(t, heard, "dun-1 Rejected not sent: the command is too old: given 10s ago; the limit is 5s")
}

package session_test

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/exchangetest"
	"github.com/dunamis-engine/dunamis/session"
)

// played is a feed of events.
type played struct{ events []exchange.Event }

func (f *played) Next(_ context.Context, events []exchange.Event) (int, error) {
	n := copy(events, f.events)
	if f.events = f.events[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (f *played) Close() error { return nil }

// FuzzAbsurdFeed: whatever the events of a source hold, a paper session that has orders and
// positions, and limits of every kind, lives through them, and its replay agrees.
func FuzzAbsurdFeed(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{4, 20, 1, 20, 1, 0, 7, 20, 1, 20, 13})
	f.Add([]byte{0, 20, 1, 20, 17, 9, 2, 20, 1, 20, 17, 9, 1, 20, 1, 20, 18, 4, 17, 4, 4, 20, 1, 20, 16, 16, 0, 20, 1, 20,
		1, 13})
	f.Add([]byte{5, 20, 1, 20, 25, 20, 0, 20, 1, 20, 17, 13, 6, 20, 2, 20, 2, 2, 0, 1, 14, 1, 20, 17, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		_, id := instruments(t)
		a := exchangetest.NewAbsurd(data, start)
		events := []exchange.Event{exchange.TradeEvent(start, start, id, exchange.Trade{Side: exchange.Buy,
			Price: exchange.MustPrice("30000"), Qty: 1})}
		for len(events) < 100 && !a.Done() {
			events = append(events, a.Event(id))
			// A feed is in the order of time.
			if last := &events[len(events)-1]; last.Time < events[len(events)-2].Time || last.Time > start.Add(24*60*60*1e9) {
				last.Time, last.Arrival = events[len(events)-2].Time, events[len(events)-2].Time
			}
		}
		dir := t.TempDir() + "/s"
		limits := engine.Limits{OrderQty: 1e6, OrderValue: 1e12, PositionQty: 1e7, PositionValue: 1e13,
			PriceCollar: exchange.MustRatio("0.5"),
			Spread:      exchange.MustRatio("0.5"), DailyLoss: 1e10, Drawdown: exchange.MustRatio("0.99"), Rejections: 50,
			OrdersPerMinute: 100}
		both := func() engine.Strategy {
			return &trader{trade: func(ctx *engine.Context, n int) {
				_, _ = ctx.Market(ctx.Symbol(), exchange.Qty(1000*(1-2*(n%2))))
				_, _ = ctx.Limit(ctx.Symbol(), 1000, exchange.MustPrice("20000"), 0)
				_ = ctx.Position(ctx.Symbol())
			}}
		}
		u := setup{dir: dir, source: &played{events}, made: both(), limits: limits, balance: 1_000_000_000_000}
		_, err := u.run(t)
		require.NoError(t, err)
		u.source, u.none, u.made = nil, true, both()
		_, err = u.run(t)
		require.NoError(t, err, "a replay agrees")
	})
}

// FuzzAbsurdAccount: whatever a venue reports of an account, a live session lives through it:
// what is out of bounds is refused, and its replay agrees.
func FuzzAbsurdAccount(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 0, 20, 1, 13, 17, 1, 1, 1, 13})
	f.Add([]byte{2, 0, 20, 13, 13, 13, 13, 13, 13, 3, 0, 20, 1, 13, 13})
	f.Add([]byte{4, 1, 20, 0, 1, 1, 14, 14, 14, 14, 4, 1, 20, 0, 1, 1, 1, 1, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		_, id := instruments(t)
		a := exchangetest.NewAbsurd(data, start)
		names := []exchange.ClientID{"dun-1", "dun-2", "dun-3", "dun-9", ""}
		d, dir := new(desk), t.TempDir()+"/s"
		limits := engine.Limits{PositionQty: 1e7, PositionValue: 1e13, DailyLoss: 1e10, Drawdown: exchange.MustRatio("0.99"),
			Rejections: 50}
		both := func() engine.Strategy {
			return &trader{trade: func(ctx *engine.Context, n int) {
				if n <= 5 {
					_, _ = ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0)
				}
				_ = ctx.Position(ctx.Symbol())
				_ = ctx.Margin()
			}}
		}
		var s *session.Session
		u := setup{dir: dir, source: &told{id: id}, live: true, desk: d, keepOrders: true, made: both(), limits: limits,
			change: func(it *session.Session, _ *session.Store) { s = it }}
		left := 10
		u.after = func(c *session.Commit) {
			if c.State.Events < 3 {
				return
			}
			for range 4 {
				if !a.Done() {
					d.say(a.Report(id, names))
				}
			}
			if left--; left == 0 {
				s.Ask(session.Suspend)
			}
		}
		_, err := u.run(t)
		require.ErrorIs(t, err, session.ErrSuspended)
		_, err = setup{dir: dir, none: true, live: true, desk: new(desk), made: both(), limits: limits}.run(t)
		require.NoError(t, err, "a replay agrees")
	})
}

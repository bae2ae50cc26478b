package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// Each limit has a number of its own, which journals hold.
func TestLimitsByNumber(t *testing.T) {
	all := engine.Limits{OrderQty: 1, OrderValue: 2, PositionQty: 3, PositionValue: 4, PriceCollar: 5,
		OrdersPerMinute: 6, OpenOrders: 7,
		Spread: 8, Stale: 9, DailyLoss: 10, Drawdown: 11, Rejections: 12}
	var l engine.Limits
	for i, n := range engine.AllLimits {
		require.EqualValues(t, i+1, n)
		require.EqualValues(t, i+1, all.Get(n))
		l.Set(n, int64(i+1))
	}
	require.Equal(t, all, l)
	l.Set(99, 1)
	require.Equal(t, all, l)
	require.Zero(t, l.Get(99))
	require.True(t, engine.Looser(0, 1))
	require.True(t, engine.Looser(2, 1))
	require.False(t, engine.Looser(1, 1))
	require.False(t, engine.Looser(5, 0))
	require.False(t, engine.Looser(0, 0))
}

// A limit that is set while a run goes on holds from then on, and counts what was before.
func TestLimitsAreSetDuringARun(t *testing.T) {
	set := func(d time.Duration, n engine.Limit, v int64) exchange.Event {
		return exchange.SettingEvent(at(d), xbt, exchange.OperationLimit, int(n), v)
	}
	var events []exchange.Event
	for i := range 10 {
		d := time.Duration(i) * time.Second
		events = append(events, quote(d, 99.5, 100.5), trade(d, 100, 1))
		switch i {
		case 1:
			events = append(events, set(d, engine.LimitOrderQty, 5))
		case 3:
			events = append(events, set(d, engine.LimitOrderQty, 0), set(d, engine.LimitOrdersPerMinute, 4))
		case 5:
			events = append(events, set(d, engine.LimitOrdersPerMinute, 1))
		case 7:
			events = append(events, set(d, engine.LimitOrdersPerMinute, 3))
		}
	}
	r := newRun(t, events...)
	var said []string
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		_, err := ctx.Limit(xbt, 10, price(99), 0)
		text := "sent"
		if err != nil {
			text = err.Error()
		}
		said = append(said, since(ctx.Now())+" "+text)
	}
	require.NoError(t, r.run(t))
	const guard = "risk guard: bitmex:XBTUSD: "
	require.Equal(t, []string{
		"0s sent", "1s sent", "2s " + guard + "order-qty: 10 contracts, limit 5",
		"3s " + guard + "order-qty: 10 contracts, limit 5",
		"4s sent", "5s sent", "6s " + guard + "orders-per-minute: limit 1", "7s " + guard + "orders-per-minute: limit 1",
		"8s sent", "9s sent",
	}, said)
}

// A limit on losses that is lowered below what is lost already trips at once.
func TestLimitBelowTheLoss(t *testing.T) {
	r, s := losing(t, engine.Limits{DailyLoss: 10_000})
	r.venue.reports = r.venue.reports[:4] // 300 lost
	r.feed.events = append(r.feed.events,
		exchange.SettingEvent(at(7*time.Second), xbt, exchange.OperationLimit, int(engine.LimitDailyLoss), 250))
	require.NoError(t, r.run(t))
	require.Equal(t, []string{engine.RuleDailyLoss}, s.rules)
	require.Equal(t, at(7*time.Second), r.summary.Tripped.At)
}

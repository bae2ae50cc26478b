package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
)

// A client whose orders have a prefix leaves orders of others alone: what is there when it
// connects, what comes while it is connected, and what is there when it connects again. It
// tells of them if it is to doubt, and takes them over if it is to adopt.
func TestOrdersOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		others live.Others
		said   []string // reports of orders and fills
		told   []string
		open   []string // on the venue after all is cancelled
	}{
		"doubt": {live.Doubt, []string{"ours-1 New", "hand-2 filled", "ours-1 Canceled"},
			[]string{"hand-1 (Buy 100 XBTUSD) is not the session's", "position of XBTUSD was 100 before the session began",
				"hand-2 (Buy 100 XBTUSD) is not the session's", "hand-3 (Buy 100 XBTUSD) is not the session's"},
			[]string{"hand-1", "hand-3"}},
		"ignore": {live.Ignore, []string{"ours-1 New", "hand-2 filled", "ours-1 Canceled"}, nil, []string{"hand-1",
			"hand-3"}},
		"adopt": {live.Adopt, []string{"hand-1 New", "ours-1 New", "hand-2 New", "hand-2 filled", "hand-3 New",
			"hand-3 Canceled", "hand-1 Canceled", "ours-1 Canceled"}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.quote(
				exchange.Level{Price: exchange.MustPrice("30000"), Qty: 10_000},
				exchange.Level{Price: exchange.MustPrice("30001"), Qty: 10_000},
			)
			hand := w.connect("trader")
			place := func(x *bitmex.Exchange, id, price string) {
				_, err := x.Submit(
					t.Context(),
					exchange.NewOrder{
						Symbol:   w.inst.ID,
						Side:     exchange.Buy,
						Qty:      100,
						ClientID: exchange.ClientID(id),
						Price:    exchange.MustPrice(price),
					},
				)
				require.NoError(t, err)
				flushed(t, x)
				w.pass(time.Second)
			}
			place(hand, "hand-0", "30001") // a position
			place(hand, "hand-1", "29000")

			r := new(returning)
			config := bitmex.ExchangeConfig{
				Config:      w.config("trader"),
				Instruments: w.set,
				Symbols:     []exchange.SymbolID{w.inst.ID},
				Reconcile:   100 * time.Millisecond,
				Prefix:      "ours-",
				Others:      c.others,
				Notice: func(n live.Notice) {
					r.mu.Lock()
					defer r.mu.Unlock()
					r.notices = append(r.notices, n)
				}}
			var err error
			r.x, err = bitmex.Connect(t.Context(), config)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, r.x.Close()) })
			place(r.x, "ours-1", "29100")
			place(hand, "hand-2", "30001")
			place(hand, "hand-3", "28000")
			r.take(t)
			time.Sleep(500 * time.Millisecond) // of comparisons with the venue, which find nothing new
			require.NoError(t, r.x.CancelAll(t.Context(), exchange.CancelFilter{Symbol: w.inst.ID}))
			flushed(t, r.x)
			w.pass(time.Second)
			r.take(t)
			require.ElementsMatch(t, c.said, r.said())
			last := exchange.Qty(0)
			for n := range r.reports {
				if p := &r.reports[n]; p.Kind == exchange.ReportPosition {
					last = p.Position.Qty
				}
			}
			require.Equal(t, exchange.Qty(200), last, "the position is the account's")
			r.mu.Lock()
			require.Len(t, r.notices, len(c.told), "%v", r.notices)
			for n, text := range c.told {
				require.Equal(t, live.Difference, r.notices[n].Kind)
				require.Contains(t, r.notices[n].Text, text)
			}
			r.mu.Unlock()
			require.ElementsMatch(t, c.open, w.openOrders())

			// Connected again, it knows them at once.
			if c.others == live.Adopt {
				return
			}
			before, executions := r.x.First()
			require.NoError(t, r.x.Close())
			again := new(returning)
			config.Notice = func(n live.Notice) { again.notices = append(again.notices, n) }
			config.Reconcile = -1
			config.Known = &live.Known{Before: before, Since: r.reports[len(r.reports)-1].Time, Executions: executions,
				Positions: map[exchange.SymbolID]exchange.Basis{w.inst.ID: exchange.BasisOf(200, 0)}}
			for n := range r.reports {
				if id := r.reports[n].ExecID; id != "" {
					config.Known.Executions = append(config.Known.Executions, id)
				}
			}
			again.x, err = bitmex.Connect(t.Context(), config)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, again.x.Close()) })
			require.Empty(t, again.said())
			if c.others == live.Doubt {
				require.Len(t, again.notices, 2, "%v", again.notices)
			} else {
				require.Empty(t, again.notices)
			}
		})
	}
}

// openOrders are the client ids of the orders that are open on the venue.
func (w *world) openOrders() (ids []string) {
	var rows []api.Order
	w.ask("reader", "GET", "/order"+query("filter", `{"open":true}`), "").into(w.t, &rows)
	for n := range rows {
		ids = append(ids, rows[n].ClOrdID)
	}
	return ids
}

// While it is to expire, the dead man's switch is not refreshed, and the venue cancels; then
// it is armed again.
func TestDeadMansSwitchExpires(t *testing.T) {
	w := busy(t)
	var mu sync.Mutex
	armed := 0
	c := w.config("trader")
	c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		if r.URL.Path == "/api/v1/order/cancelAllAfter" {
			armed++
		}
		mu.Unlock()
		return http.DefaultTransport.RoundTrip(r)
	})
	x, err := bitmex.Connect(
		t.Context(),
		bitmex.ExchangeConfig{Config: c, Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID}, DeadMan: time.Second},
	)
	require.NoError(t, err)
	defer func() { require.NoError(t, x.Close()) }()
	count := func() int { mu.Lock(); defer mu.Unlock(); return armed }
	require.Eventually(t, func() bool { return count() > 1 }, 10*time.Second, 5*time.Millisecond)
	x.LetExpire(true)
	require.Eventually(
		t,
		func() bool { n := count(); time.Sleep(600 * time.Millisecond); return count() == n },
		10*time.Second,
		time.Millisecond,
	)
	require.NotEmpty(t, w.openOrders())
	w.pass(2 * time.Second)
	require.Empty(t, w.openOrders(), "the venue has cancelled them")
	before := count()
	x.LetExpire(false)
	require.Eventually(t, func() bool { return count() > before }, 10*time.Second, 5*time.Millisecond)
}

// While an order's outcome is asked for without end, a kill reaches the venue all the same.
func TestCancelAllPassesAStuckLane(t *testing.T) {
	w := busy(t)
	c := w.config("trader")
	var mu sync.Mutex
	broken := map[string]bool{"POST /api/v1/order": true, "GET /api/v1/order": true}
	c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		fails := broken[r.Method+" "+r.URL.Path]
		mu.Unlock()
		if fails {
			return nil, errors.New("connection reset by peer")
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	mu.Lock()
	broken["GET /api/v1/order"] = false // until it is connected
	mu.Unlock()
	x, err := bitmex.Connect(
		t.Context(),
		bitmex.ExchangeConfig{
			Config:            c,
			Instruments:       w.set,
			Symbols:           []exchange.SymbolID{w.inst.ID},
			Reconcile:         -1,
			CancelConnections: 1,
		},
	)
	require.NoError(t, err)
	defer func() { require.NoError(t, x.Close()) }()
	mu.Lock()
	broken["GET /api/v1/order"] = true
	mu.Unlock()
	_, err = x.Submit(
		t.Context(),
		exchange.NewOrder{
			Symbol:   w.inst.ID,
			Side:     exchange.Buy,
			Qty:      100,
			ClientID: "stuck",
			Price:    exchange.MustPrice("20000"),
		},
	)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for len(w.openOrders()) > 0 {
		require.NoError(t, ctx.Err(), "they are still open")
		require.NoError(t, x.CancelAll(t.Context(), exchange.CancelFilter{Symbol: w.inst.ID}))
		time.Sleep(100 * time.Millisecond)
		w.pass(100 * time.Millisecond)
	}
}

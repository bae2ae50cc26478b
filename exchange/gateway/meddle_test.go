package gateway_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
)

// meddler is a stream between a client and the gateway that changes what it carries, one
// frame at a time: a client's old connection may still carry some while the new one does.
func meddler(t testing.TB, w *world, change func(frame []byte) [][]byte) (url string) {
	t.Helper()
	var group sync.WaitGroup
	var changes sync.Mutex
	changed := func(frame []byte) [][]byte {
		changes.Lock()
		defer changes.Unlock()
		return change(frame)
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		group.Add(1)
		defer group.Done()
		near, err := websocket.Accept(rw, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = near.CloseNow() }()
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		far, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(cmp.Or(w.via, w.server.URL), "http")+"/realtime", nil) //nolint:bodyclose // of a stream
		if err != nil {
			return
		}
		defer func() { _ = far.CloseNow() }()
		far.SetReadLimit(1 << 24)
		group.Go(func() {
			defer cancel()
			for {
				kind, frame, err := near.Read(ctx)
				if err != nil || far.Write(ctx, kind, frame) != nil {
					return
				}
			}
		})
		for {
			kind, frame, err := far.Read(ctx)
			if err != nil {
				return
			}
			for _, f := range changed(frame) {
				if near.Write(ctx, kind, f) != nil {
					return
				}
			}
		}
	}))
	t.Cleanup(func() { server.Close(); group.Wait() })
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

// Frames that are cut short, replaced or sent twice make the feed begin anew, and the
// book is right again.
func TestFeedSurvivesMeddling(t *testing.T) {
	w := newWorld(t, nil)
	random := rand.New(rand.NewPCG(9, 10))
	var faults atomic.Int64
	url := meddler(t, w, func(frame []byte) [][]byte {
		if random.IntN(6) != 0 || strings.Contains(string(frame), "Welcome") {
			return [][]byte{frame}
		}
		faults.Add(1)
		switch random.IntN(3) {
		case 0:
			return [][]byte{frame[:len(frame)/2]}
		case 1:
			return [][]byte{[]byte("<html>"), frame}
		}
		return [][]byte{frame, frame}
	})
	c := w.config("trader")
	c.StreamURL = url
	feed, err := bitmex.NewFeed(t.Context(), bitmex.FeedConfig{Config: c, Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID}, Tables: []string{"orderBookL2"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, feed.Close()) }()
	book := exchange.NewBook(exchange.MustPrice("0.01"))
	events := make([]exchange.Event, 64)
	equal := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		for {
			n, err := feed.Next(ctx, events)
			if err != nil {
				break
			}
			for k := range events[:n] {
				if events[k].Kind == exchange.KindBook {
					book.Apply(&events[k])
				}
			}
		}
		var rows []api.OrderBookL2
		w.ask("", "GET", "/orderBook/L2?symbol=XBTUSD&depth=0", "").into(t, &rows)
		same := len(rows) == book.Len(exchange.Buy)+book.Len(exchange.Sell)
		for _, l := range rows {
			side, price := exchange.Buy, exchange.MustPrice(string(l.Price))
			if l.Side == "Sell" {
				side = exchange.Sell
			}
			same = same && book.Qty(side, price) == exchange.Qty(*l.Size)
		}
		return same
	}
	for n := 0; n < 400 || faults.Load() <= 30; n++ {
		require.Less(t, n, 10_000)
		side, price := exchange.Buy, 30000-random2(n)
		if n%2 == 0 {
			side, price = exchange.Sell, 30001+random2(n)
		}
		w.step(exchange.LevelEvent(w.now, w.now, w.inst.ID, side, exchange.Level{Price: exchange.Price(price) * exchange.PriceUnit,
			Qty: exchange.Qty(100 * (n % 3))}, exchange.FlagLast))
		if n%40 == 39 {
			require.Eventually(t, equal, 20*time.Second, time.Millisecond)
		}
	}
	t.Logf("%d faults", faults.Load())
}

// random2 spreads numbers over ten prices.
func random2(n int) int { return n * 7919 % 10 }

// A cancellation that the stream does not tell of is found by comparing.
func TestReconciliation(t *testing.T) {
	w := newWorld(t, nil)
	w.quote(exchange.Level{Price: exchange.MustPrice("30000"), Qty: 1000}, exchange.Level{Price: exchange.MustPrice("30001"), Qty: 1000})
	var deaf atomic.Bool
	url := meddler(t, w, func(frame []byte) [][]byte {
		if deaf.Load() && strings.Contains(string(frame), `"table":"execution","action":"insert"`) {
			return nil
		}
		return [][]byte{frame}
	})
	c := w.config("trader")
	c.StreamURL = url
	x, err := bitmex.Connect(t.Context(), bitmex.ExchangeConfig{Config: c, Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID}, Reconcile: 20 * time.Millisecond})
	require.NoError(t, err)
	defer func() { require.NoError(t, x.Close()) }()
	d := &drained{orders: map[exchange.ClientID]exchange.Order{}, fills: map[string]bool{}}
	id, err := x.Submit(t.Context(), exchange.NewOrder{Symbol: w.inst.ID, Side: exchange.Buy, Qty: 100, Price: exchange.MustPrice("29000")})
	require.NoError(t, err)
	flushed(t, x)
	d.take(t, x)
	require.Equal(t, exchange.New, d.orders[id].Status)
	deaf.Store(true)
	w.ask("guard", "DELETE", "/order/all", "").into(t, &[]any{})
	require.Eventually(t, func() bool {
		d.take(t, x)
		return d.orders[id].Status == exchange.Canceled
	}, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, "Canceled: Canceled via API.\nSubmitted via API.", d.orders[id].Text)
}

package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
)

// caughtUp waits until a subscriber has taken in everything until now.
func caughtUp(t *testing.T, s *bitmex.Subscriber) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		return s.Flush(ctx) == nil
	}, 20*time.Second, time.Millisecond)
}

// heldAsAsked compares what a subscriber holds of a table with what a request answers.
func heldAsAsked[T any](t *testing.T, w *world, s *bitmex.Subscriber, table, path string, plain func(*T)) {
	t.Helper()
	rows, err := bitmex.Rows[T](s, table)
	require.NoError(t, err)
	var want []T
	w.ask("trader", "GET", path, "").into(t, &want)
	for n := range rows {
		plain(&rows[n])
	}
	for n := range want {
		plain(&want[n])
	}
	require.ElementsMatch(t, want, rows, table)
}

// Tables kept from the stream are what requests answer, through changes of the market
// and of orders, and through cuts.
func TestSubscriber(t *testing.T) {
	w := busy(t)
	p := newProxy(t, w.server.URL)
	c := w.config("trader")
	c.StreamURL = "ws://" + p.listener.Addr().String() + "/realtime"
	public := []string{"instrument", "orderBookL2:XBTUSD", "quote", "trade", "funding", "settlement", "liquidation", "tradeBin1m", "tradeBin5m", "tradeBin1h", "tradeBin1d",
		"quoteBin1m", "quoteBin5m", "quoteBin1h", "orderBook10", "orderBookL2_25:ETHUSD", "insurance", "announcement", "connected", "chat", "publicNotifications"}
	private := []string{"order", "execution", "position", "margin", "wallet", "transact", "account", "affiliate", "privateNotifications"}
	s, err := bitmex.NewSubscriber(t.Context(), bitmex.SubscriberConfig{Config: c, Topics: append(public, private...)})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	price := exchange.MustPrice
	for n := range 6 {
		w.now = w.now.Add(time.Second)
		w.step(exchange.LevelEvent(w.now, w.now, w.inst.ID, exchange.Buy, exchange.Level{Price: price(fmt.Sprint(29000 + n)), Qty: 300}, exchange.FlagLast),
			exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Buy, Price: price("30000"), Qty: 100}),
			exchange.MarkEvent(w.now, w.now, w.inst.ID, exchange.Mark{Mark: price(fmt.Sprint(30000 + n))}))
		w.ask("trader", "POST", "/order", fmt.Sprintf(`{"symbol":"XBTUSD","orderQty":100,"price":%d,"clOrdID":"s%d"}`, 28000+n, n)).into(t, &struct{}{})
		w.ask("trader", "POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"ordType":"Market"}`).into(t, &struct{}{})
		if n%2 == 1 {
			w.ask("trader", "DELETE", "/order", fmt.Sprintf(`{"clOrdID":"s%d"}`, n-1)).into(t, &[]any{})
			w.ask("trader", "PUT", "/order", fmt.Sprintf(`{"origClOrdID":"s%d","orderQty":200}`, n)).into(t, &struct{}{})
		}
		if n == 2 || n == 4 {
			p.cut()
			time.Sleep(10 * time.Millisecond)
		}
		caughtUp(t, s)
		heldAsAsked(t, w, s, "order", "/order"+query("filter", `{"open":true}`), func(*api.Order) {})
		heldAsAsked(t, w, s, "position", "/position", func(r *api.Position) { r.Timestamp = 0 })
		heldAsAsked(t, w, s, "wallet", "/user/wallet?currency=all", func(r *api.Wallet) { r.Timestamp = 0 })
		heldAsAsked(t, w, s, "margin", "/user/margin?currency=all", func(r *api.Margin) { r.Timestamp = 0 })
		w.pass(time.Second)
		caughtUp(t, s)
		heldAsAsked(t, w, s, "instrument", "/instrument/active", func(r *api.Instrument) { r.Timestamp = 0 })
		var book []api.OrderBookL2
		for row, err := range bitmex.Offsets(t.Context(), func(ctx context.Context, _ bitmex.Query) ([]api.OrderBookL2, error) {
			return w.client("trader", nil).Book(ctx, "XBTUSD", 0)
		}, bitmex.Query{}) {
			require.NoError(t, err)
			row.Timestamp = 0
			book = append(book, row)
		}
		rows, err := bitmex.Rows[api.OrderBookL2](s, "orderBookL2")
		require.NoError(t, err)
		for k := range rows {
			rows[k].Timestamp = 0
		}
		require.ElementsMatch(t, book, rows)
	}
	w.pass(5 * time.Hour) // funding is due, and bins end
	caughtUp(t, s)
	heldAsAsked(t, w, s, "instrument", "/instrument/active", func(r *api.Instrument) { r.Timestamp = 0 })
	info, known := s.Info("order")
	require.True(t, known)
	require.Equal(t, []string{"orderID"}, info.Keys)
	gaps, partials := 0, map[string]int{}
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		change, err := s.Next(ctx)
		cancel()
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			break
		}
		switch change.Action {
		case bitmex.Gap:
			gaps++
		case "partial":
			partials[change.Table]++
		}
	}
	require.Equal(t, 2, gaps)
	for _, topic := range append(public, private...) {
		name, _, _ := strings.Cut(topic, ":")
		require.GreaterOrEqual(t, partials[name], 3, "%s: again after each gap", topic)
	}
}

// Topics come and go, what the venue refuses is told to who asked, and what is refused
// from the start ends the subscriber.
func TestSubscriberTopics(t *testing.T) {
	w := busy(t)
	s, err := bitmex.NewSubscriber(t.Context(), bitmex.SubscriberConfig{Config: w.config("trader"), Topics: []string{"quote:XBTUSD"}})
	require.NoError(t, err)
	c, err := s.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, "quote partial XBTUSD 1", fmt.Sprint(c.Table, " ", c.Action, " ", c.Symbol, " ", len(c.Rows)))
	require.NoError(t, s.Subscribe(t.Context(), "trade:XBTUSD", "order"))
	require.ErrorContains(t, s.Subscribe(t.Context(), "weather"), "Unknown table: weather")
	require.NoError(t, s.Subscribe(t.Context(), "trade:XBTUSD"), "it is subscribed")
	require.NoError(t, s.Unsubscribe(t.Context(), "trade:XBTUSD"))
	require.NoError(t, s.CancelAllAfter(t.Context(), 60_000))
	caughtUp(t, s)
	w.pass(61 * time.Second)
	require.NoError(t, s.CancelAllAfter(t.Context(), 0))
	caughtUp(t, s)
	rows, err := bitmex.Rows[json.RawMessage](s, "order")
	require.NoError(t, err)
	require.Empty(t, rows, "the switch has cancelled them")
	require.NoError(t, s.Close())
	for err == nil {
		_, err = s.Next(t.Context())
	}
	require.ErrorContains(t, err, "EOF")

	nobody := w.config("trader")
	nobody.Key, nobody.Secret = "", testKeys[0].Secret
	_, err = bitmex.NewSubscriber(t.Context(), bitmex.SubscriberConfig{Config: nobody})
	require.ErrorContains(t, err, "a key needs its secret")
	wrong := w.config("off")
	s, err = bitmex.NewSubscriber(t.Context(), bitmex.SubscriberConfig{Config: wrong, Topics: []string{"order"}})
	require.NoError(t, err)
	_, err = s.Next(t.Context())
	for err == nil {
		_, err = s.Next(t.Context())
	}
	require.ErrorIs(t, err, api.ErrUnauthorized)
	require.NoError(t, s.Close())
}

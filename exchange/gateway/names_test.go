package gateway_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
)

// named connects an account that compares itself often, and counts what differs twice in
// a row. News may take a while on a busy machine.
func named(t *testing.T, w *world) (*bitmex.Exchange, *drained, *live.Metrics) {
	t.Helper()
	c := w.config("trader")
	c.Metrics = live.NewMetrics(nil, "bitmex")
	x, err := bitmex.Connect(t.Context(), bitmex.ExchangeConfig{Config: c, Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID}, Reconcile: 100 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	return x, &drained{orders: map[exchange.ClientID]exchange.Order{}, fills: map[string]bool{}}, c.Metrics
}

// status waits for an order to get to a status.
func (d *drained) status(t *testing.T, x *bitmex.Exchange, id exchange.ClientID, want exchange.OrderStatus) {
	t.Helper()
	require.Eventually(t, func() bool {
		d.take(t, x)
		return d.orders[id].Status == want
	}, 10*time.Second, time.Millisecond, "%s is %s", id, d.orders[id].Status)
}

// Orders of another program, without a clOrdID, go by their order id: they can be
// amended and cancelled, and comparing finds nothing.
func TestOrdersWithoutAName(t *testing.T) {
	w := busy(t)
	place := func() exchange.ClientID {
		var o api.Order
		w.ask("trader", "POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":28000}`).into(t, &o)
		return exchange.ClientID(o.OrderID)
	}
	before := place()
	x, d, m := named(t, w)
	after := place()
	for _, id := range []exchange.ClientID{before, after} {
		d.status(t, x, id, exchange.New)
		require.NoError(t, x.Amend(t.Context(), exchange.AmendOrder{Symbol: w.inst.ID, OrigClientID: id, Price: new(exchange.MustPrice("28001"))}))
		require.Eventually(t, func() bool { d.take(t, x); return d.orders[id].Price == exchange.MustPrice("28001") }, 10*time.Second, time.Millisecond)
	}
	time.Sleep(500 * time.Millisecond)
	for _, id := range []exchange.ClientID{before, after} {
		require.NoError(t, x.Cancel(t.Context(), exchange.CancelOrder{Symbol: w.inst.ID, ClientID: id}))
		d.status(t, x, id, exchange.Canceled)
	}
	time.Sleep(500 * time.Millisecond)
	require.Zero(t, testutil.ToFloat64(m.Differences))
}

// An order that was given another id has only that one: the old one is free, and
// comparing finds nothing.
func TestRenamedOrder(t *testing.T) {
	w := busy(t)
	x, d, m := named(t, w)
	submit := func(id exchange.ClientID) error {
		_, err := x.Submit(t.Context(), exchange.NewOrder{Symbol: w.inst.ID, Side: exchange.Buy, Qty: 100, Price: exchange.MustPrice("28000"), ClientID: id})
		return err
	}
	require.NoError(t, submit("old"))
	d.status(t, x, "old", exchange.New)
	require.NoError(t, x.Amend(t.Context(), exchange.AmendOrder{Symbol: w.inst.ID, OrigClientID: "old", ClientID: "new", Price: new(exchange.MustPrice("28001"))}))
	d.status(t, x, "new", exchange.New)
	flushed(t, x)
	require.ErrorIs(t, submit("new"), exchange.ErrDuplicateID)
	time.Sleep(500 * time.Millisecond)
	require.Zero(t, testutil.ToFloat64(m.Differences))
	require.NoError(t, submit("old"))
	flushed(t, x)
	d.take(t, x)
	require.Equal(t, exchange.MustPrice("28000"), d.orders["old"].Price)
	require.Equal(t, exchange.New, d.orders["old"].Status)
}

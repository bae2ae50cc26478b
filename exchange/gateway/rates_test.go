package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
)

// An order is for the market in which it was given: one that the rate limit would hold
// back for long is refused, and never sent. What reduces a position waits.
func TestOrdersDoNotGrowOld(t *testing.T) {
	w := newWorld(t, nil)
	w.quote(exchange.Level{Price: exchange.MustPrice("30000"), Qty: 10_000}, exchange.Level{Price: exchange.MustPrice("30001"), Qty: 10_000})
	c := w.config("trader")
	c.Policy.OrdersPerSecond, c.Policy.OrderPatience = 1, 50*time.Millisecond
	x, err := bitmex.Connect(t.Context(), bitmex.ExchangeConfig{Config: c, Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID}, Reconcile: -1})
	require.NoError(t, err)
	r := &returning{x: x}
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	submit := func(id exchange.ClientID, inst exchange.ExecInst, side exchange.Side, price string) {
		_, err := x.Submit(t.Context(), exchange.NewOrder{Symbol: w.inst.ID, Side: side, Qty: 100, ClientID: id, ExecInst: inst, Price: exchange.MustPrice(price)})
		require.NoError(t, err)
	}
	submit("bought", 0, exchange.Buy, "30001")
	submit("late", 0, exchange.Buy, "29000")
	price := exchange.MustPrice("29001")
	require.NoError(t, x.Amend(t.Context(), exchange.AmendOrder{Symbol: w.inst.ID, OrigClientID: "bought", Price: &price}))
	submit("closes", exchange.ReduceOnly, exchange.Sell, "30002")
	r.take(t)
	require.Equal(t, []string{"late Rejected", "bought New", "bought filled", "closes New"}, ordered(r.said()))
	for n := range r.reports {
		switch p := &r.reports[n]; {
		case p.Kind == exchange.ReportReject:
			require.Contains(t, p.Reject.Reason, live.ErrRateLimited.Error())
		case p.Order.ClientID == "late":
			require.Contains(t, p.Order.RejectReason, live.ErrRateLimited.Error())
		}
	}
	rows, err := w.client("trader", nil).Orders(t.Context(), bitmex.Query{})
	require.NoError(t, err)
	require.Len(t, rows, 2, "what was refused never left")
}

// ordered puts what the client says of itself before what the venue says.
func ordered(said []string) []string {
	for n, what := range said {
		if what == "late Rejected" {
			return append([]string{what}, append(append([]string{}, said[:n]...), said[n+1:]...)...)
		}
	}
	return said
}

// Orders of which it is not known whether they were sent are asked for together: the
// venue's limits would not allow to ask for each.
func TestManyUnansweredOrders(t *testing.T) {
	w := newWorld(t, nil)
	w.quote(exchange.Level{Price: exchange.MustPrice("30000"), Qty: 10_000}, exchange.Level{Price: exchange.MustPrice("30001"), Qty: 10_000})
	other := w.connect("trader")
	k := &live.Known{Before: w.now}
	for n := range 300 {
		o := exchange.NewOrder{Symbol: w.inst.ID, Side: exchange.Buy, Qty: 100, ClientID: exchange.ClientID(fmt.Sprintf("dun-KNOWN-%d", n)), Price: exchange.MustPrice("29000")}
		o.Normalize()
		k.Unanswered = append(k.Unanswered, o)
		if n%100 == 7 {
			_, err := other.Submit(t.Context(), o)
			require.NoError(t, err)
		}
	}
	flushed(t, other)
	c := w.config("trader")
	c.Policy.RequestsPerMinute = 60
	began := time.Now()
	x, err := bitmex.Connect(t.Context(), bitmex.ExchangeConfig{Config: c, Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID}, Reconcile: -1, Known: k})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	require.Less(t, time.Since(began), 20*time.Second)
	r := &returning{x: x}
	r.take(t)
	count := map[string]int{}
	for n := range r.reports {
		if p := &r.reports[n]; p.Kind == exchange.ReportOrder {
			count[p.ExecType.String()]++
		}
	}
	require.Equal(t, map[string]int{"New": 3, "Rejected": 297}, count)
}

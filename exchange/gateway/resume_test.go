package gateway_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
)

// returning is a client that was away, and what it has to say.
type returning struct {
	x       *bitmex.Exchange
	reports []exchange.Report
	mu      sync.Mutex
	notices []live.Notice
}

func comeBack(t *testing.T, w *world, k *live.Known) *returning {
	t.Helper()
	r := new(returning)
	var err error
	r.x, err = bitmex.Connect(t.Context(), bitmex.ExchangeConfig{Config: w.config("trader"), Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID},
		Reconcile: -1, Known: k, Notice: func(n live.Notice) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.notices = append(r.notices, n)
		}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.x.Close()) })
	r.take(t)
	return r
}

func (r *returning) take(t *testing.T) {
	t.Helper()
	flushed(t, r.x)
	for at := r.x.Next(); at != exchange.Never; at = r.x.Next() {
		var err error
		r.reports, err = r.x.Advance(t.Context(), at, r.reports)
		require.NoError(t, err)
	}
}

// said are what the reports of orders and fills were about, in order.
func (r *returning) said() (list []string) {
	for n := range r.reports {
		switch p := &r.reports[n]; p.Kind {
		case exchange.ReportFill:
			list = append(list, string(p.Fill.ClientID)+" filled")
		case exchange.ReportOrder:
			list = append(list, string(p.Order.ClientID)+" "+p.ExecType.String())
		}
	}
	return list
}

// A program that died is told what happened meanwhile, once, and what became of orders
// of which it does not know whether it sent them. Nothing is sent again.
func TestComingBack(t *testing.T) {
	w := newWorld(t, nil)
	low, high := exchange.Level{Price: exchange.MustPrice("30000"), Qty: 10_000}, exchange.Level{Price: exchange.MustPrice("30001"), Qty: 10_000}
	w.quote(low, high)
	place := func(x *bitmex.Exchange, id, price string) exchange.NewOrder {
		o := exchange.NewOrder{Symbol: w.inst.ID, Side: exchange.Buy, Qty: 100, ClientID: exchange.ClientID(id), Price: exchange.MustPrice(price)}
		o.Normalize()
		_, err := x.Submit(t.Context(), o)
		require.NoError(t, err)
		flushed(t, x)
		w.pass(time.Second)
		return o
	}
	other := w.connect("trader")
	place(other, "old", "30001") // before the program's time
	flushed(t, other)
	first := comeBack(t, w, nil)
	require.Empty(t, first.said())
	before, executions := first.x.First()
	require.NotEmpty(t, executions)
	place(first.x, "market", "30001")
	place(first.x, "open", "29000")
	place(first.x, "taken", "29500")
	place(first.x, "ended", "28000")
	first.take(t)
	require.Equal(t, []string{"market New", "market filled", "open New", "taken New", "ended New"}, first.said())
	k := &live.Known{Before: before, Executions: executions, Positions: map[exchange.SymbolID]exchange.Basis{w.inst.ID: exchange.BasisOf(200, 0)}}
	for n := range first.reports {
		r := &first.reports[n]
		if r.ExecID != "" {
			k.Since, k.Executions = max(k.Since, r.Time), append(k.Executions, r.ExecID)
		}
		if r.Kind == exchange.ReportOrder && r.Order.ClientID != "market" {
			k.Open = append(k.Open, r.Order)
		}
	}
	require.NoError(t, first.x.Close())

	k.Unanswered = append(k.Unanswered, place(other, "arrived", "29200"), place(other, "arrived-filled", "30001"))
	lost := exchange.NewOrder{Symbol: w.inst.ID, Side: exchange.Sell, Qty: 100, ClientID: "lost", Price: exchange.MustPrice("31000")}
	lost.Normalize()
	k.Unanswered = append(k.Unanswered, lost)
	require.NoError(t, other.Cancel(t.Context(), exchange.CancelOrder{Symbol: w.inst.ID, ClientID: "ended"}))
	flushed(t, other)
	w.pass(time.Second)
	w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Sell, Price: exchange.MustPrice("29400"), Qty: 5000}))
	w.pass(time.Second)

	again := comeBack(t, w, k)
	require.Equal(t, []string{"arrived New", "arrived-filled New", "arrived-filled filled", "ended Canceled", "taken filled", "lost Rejected"}, again.said())
	require.Empty(t, again.notices)
	last := again.reports[len(again.reports)-2]
	require.Equal(t, exchange.ReportPosition, last.Kind)
	require.Equal(t, exchange.Qty(400), last.Position.Qty)

	// What nothing explains is told of, and taken over.
	for n := range again.reports {
		if r := &again.reports[n]; r.ExecID != "" {
			k.Since, k.Executions = max(k.Since, r.Time), append(k.Executions, r.ExecID)
		}
	}
	require.NoError(t, again.x.Close())
	k.Open, k.Unanswered, k.Positions[w.inst.ID] = k.Open[:1], nil, exchange.BasisOf(150, 0)
	wrong := comeBack(t, w, k)
	require.Equal(t, []string{"arrived New"}, wrong.said(), "an order that was not known")
	require.Len(t, wrong.notices, 2)
	require.Equal(t, live.Difference, wrong.notices[0].Kind)
	require.Regexp(t, "^order .* arrived is open and was not heard of$", wrong.notices[0].Text)
	require.Equal(t, live.Notice{Kind: live.Difference, Text: "position of XBTUSD is 400, and the fills came to 150"}, wrong.notices[1])
	place(wrong.x, "next", "30001")
	wrong.take(t)
	require.Equal(t, exchange.Qty(500), wrong.lastFill().Position)
}

func (r *returning) lastFill() (f exchange.Fill) {
	for n := range r.reports {
		if r.reports[n].Kind == exchange.ReportFill {
			f = r.reports[n].Fill
		}
	}
	return f
}

package session_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/session"
)

// twin is a simulated exchange beside a live venue: it acknowledges every order, and fills
// the first one in two parts, as a taker, when the second one comes.
type twin struct {
	now      exchange.Time
	trades   int // of the market, that it was told of
	due      []exchange.Report
	orders   []exchange.NewOrder
	price    exchange.Price                     // of the fill; 0: 10000.5
	ahead    map[exchange.ClientID]exchange.Qty // what it sees ahead of orders
	commands []string
	broken   error          // of Advance
	odd      []exchange.Qty // of fills of the first order before those two
}

func (w *twin) Market(e *exchange.Event) {
	if e.Kind == exchange.KindTrade {
		w.trades++
	}
}

func (w *twin) order(
	o *exchange.NewOrder,
	s exchange.OrderStatus,
	what exchange.ExecType,
	filled exchange.Qty,
) exchange.Report {
	return exchange.Report{
		Kind:     exchange.ReportOrder,
		ExecType: what,
		Symbol:   o.Symbol,
		Time:     w.now,
		Order: exchange.Order{
			OrderID: exchange.OrderID(
				"sim-" + o.ClientID,
			),
			ClientID: o.ClientID,
			Symbol:   o.Symbol,
			Side:     o.Side,
			Qty:      o.Qty,
			Filled:   filled,
			Leaves:   o.Qty - filled,
			Status:   s,
		},
	}
}

func (w *twin) fill(o *exchange.NewOrder, filled, qty exchange.Qty, s exchange.OrderStatus) {
	r := w.order(o, s, exchange.ExecTrade, filled+qty)
	r.Kind = exchange.ReportFill
	price := w.price
	if price == 0 {
		price = exchange.MustPrice("10000.5")
	}
	r.Fill = exchange.Fill{
		ClientID:  o.ClientID,
		Symbol:    o.Symbol,
		Side:      o.Side,
		Qty:       qty,
		Price:     price,
		Fee:       7,
		Liquidity: exchange.RemovedLiquidity,
	}
	w.due = append(w.due, r)
}

// QueueAhead is what a simulator with a queue model says.
func (w *twin) QueueAhead(id exchange.ClientID) (exchange.Qty, bool) {
	qty, known := w.ahead[id]
	return qty, known
}

func (w *twin) Submit(_ context.Context, o exchange.NewOrder) (exchange.ClientID, error) {
	w.commands = append(w.commands, "submit "+string(o.ClientID))
	w.orders = append(w.orders, o)
	w.due = append(w.due, w.order(&o, exchange.New, exchange.ExecNew, 0))
	if len(w.orders) == 2 {
		first := &w.orders[0]
		for _, qty := range w.odd {
			w.fill(first, 0, qty, exchange.PartiallyFilled)
		}
		w.fill(first, 0, 30, exchange.PartiallyFilled)
		w.fill(first, 30, first.Qty-30, exchange.Filled)
	}
	return o.ClientID, nil
}

func (w *twin) Amend(context.Context, exchange.AmendOrder) error { return io.ErrNoProgress }

func (w *twin) Cancel(_ context.Context, c exchange.CancelOrder) error {
	w.commands = append(w.commands, "cancel "+string(c.ClientID))
	return io.ErrNoProgress // what it refuses the venue is asked all the same
}

func (w *twin) CancelAll(context.Context, exchange.CancelFilter) error { return nil }

func (w *twin) ClosePosition(context.Context, exchange.SymbolID) (exchange.ClientID, error) {
	return "", io.ErrNoProgress
}
func (w *twin) SetLeverage(context.Context, exchange.SymbolID, exchange.Ratio) error { return nil }
func (w *twin) CancelAllAfter(context.Context, time.Duration) error                  { return nil }
func (w *twin) Close() error                                                         { return nil }

func (w *twin) Next() exchange.Time {
	if len(w.due) == 0 {
		return exchange.Never
	}
	return w.due[0].Time
}

func (w *twin) Advance(_ context.Context, now exchange.Time, reports []exchange.Report) ([]exchange.Report, error) {
	w.now = now
	for n := range w.due {
		w.due[n].Arrival = now
	}
	reports = append(reports, w.due...)
	w.due = w.due[:0]
	return reports, w.broken
}

// Drain says that the orders that it has left are open.
func (w *twin) Drain(reports []exchange.Report) []exchange.Report {
	for n := range w.orders[min(1, len(w.orders)):] {
		reports = append(reports, w.order(&w.orders[n+1], exchange.New, exchange.ExecRestated, 0))
	}
	return reports
}

// made reports a fill of an order that rested.
func (d *desk) made(o *exchange.Order, filled, qty exchange.Qty, price string) {
	d.held += o.Side.Signed(qty)
	x := *o
	x.Filled, x.Leaves, x.Status = filled+qty, o.Qty-filled-qty, exchange.PartiallyFilled
	if x.Leaves == 0 {
		x.Status = exchange.Filled
		d.placed = slices.DeleteFunc(d.placed, func(id exchange.ClientID) bool { return id == o.ClientID })
	}
	exec := fmt.Sprintf("made-%s-%d", o.ClientID, x.Filled)
	d.say(
		exchange.Report{
			Kind:     exchange.ReportFill,
			ExecType: exchange.ExecTrade,
			ExecID:   exec,
			Symbol:   o.Symbol,
			Order:    x,
			Fill: exchange.Fill{
				ExecID:   exec,
				OrderID:  o.OrderID,
				ClientID: o.ClientID,
				Symbol:   o.Symbol,
				Side:     o.Side,
				Qty:      qty,
				Price: exchange.MustPrice(
					price,
				),
				Value:     exchange.Money(qty) * 10000,
				Fee:       -3,
				Position:  d.held,
				Type:      exchange.ExecTrade,
				Liquidity: exchange.AddedLiquidity,
				Time:      start,
			},
		},
	)
}

// The fates of an order on the venue and in the shadow simulator are stored together,
// whichever ends first, and reported when both have ended. A replay gives the same fates, except
// with Reshadow. Readers of the session see its orders, fills and equity.
func TestShadow(t *testing.T) {
	for name, c := range map[string]struct {
		simulator bool // is the first to fill
		ahead     map[exchange.ClientID]exchange.Qty
		joined    [2]exchange.Qty // of the first and the second order
		still     exchange.Qty    // ahead of the first
		stop      bool            // the session ends for good, and the simulator says what is on its way
	}{
		"the venue fills first": {ahead: map[exchange.ClientID]exchange.Qty{"dun-1": 500, "dun-2": 0},
			joined: [2]exchange.Qty{500, 0},
			still:  500},
		"the simulator fills first": {simulator: true, ahead: map[exchange.ClientID]exchange.Qty{"dun-1": 500},
			joined: [2]exchange.Qty{500, -1},
			still:  -1},
		"it does not know its queue": {joined: [2]exchange.Qty{-1, -1}, still: -1, stop: true},
	} {
		t.Run(name, func(t *testing.T) {
			d, dir := &desk{lose: 1, rejects: []exchange.ClientID{"dun-3"}}, t.TempDir()
			var first *exchange.Order // as the venue has acknowledged it
			rejected, hurt := false, false
			fresh := func() engine.Strategy {
				second := func(ctx *engine.Context) {
					_, _ = ctx.Limit(ctx.Symbol(), -200, exchange.MustPrice("70000"), 0)
					_, _ = ctx.Limit(ctx.Symbol(), 300, exchange.MustPrice("9000"), 0)
					_ = ctx.Cancel(ctx.Symbol(), "dun-9")
				}
				s := orderer(1)
				s.order = func(ctx *engine.Context, o *exchange.Order) {
					switch {
					case o.ClientID == "dun-1" && o.Status == exchange.New:
						first = o
						if c.simulator {
							second(ctx)
						}
					case o.ClientID == "dun-1" && o.Status == exchange.PartiallyFilled && !c.simulator:
						second(ctx)
					case o.Status == exchange.Rejected:
						rejected = true
					}
				}
				return s
			}
			fates := map[string]session.Fate{}
			shadow := func() *twin { return &twin{ahead: c.ahead} }
			beside := shadow()
			var s *session.Session
			_, id := instruments(t)
			filled := exchange.Qty(0)
			_, err := setup{
				dir:        dir,
				source:     &told{id: id},
				live:       true,
				desk:       d,
				keepOrders: true,
				made:       fresh(),
				shadow:     beside,
				fate:       func(f *session.Fate) { fates[f.ClientID] = *f },
				change:     func(it *session.Session, _ *session.Store) { s = it },
				after: func(commit *session.Commit) {
					switch {
					case first != nil && filled == 0 && (!c.simulator || rejected):
						filled = 40
						d.made(first, 0, 40, "9999")
					case filled == 40 && rejected && !hurt:
						hurt = true
						d.made(first, 40, 60, "10001.5")
					case hurt && len(fates) > 0 && c.stop:
						s.Ask(session.Stop)
					case hurt && len(fates) > 0:
						s.Ask(session.Suspend)
					}
				},
			}.run(
				t,
			)
			if c.stop {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, session.ErrSuspended)
			}
			require.Equal(t, []string{"submit dun-1", "submit dun-2", "submit dun-3", "cancel dun-9"}, beside.commands)
			require.Positive(t, beside.trades)

			// What is kept, newest first.
			store, err := session.Read(t.Context(), dir)
			require.NoError(t, err)
			kept, err := store.Fates(t.Context(), 10)
			require.NoError(t, err)
			require.Len(t, kept, 3)
			byID := map[string]session.Fate{}
			for _, f := range kept {
				byID[f.ClientID] = f
			}
			f := byID["dun-1"]
			require.Equal(t, f, kept[2], "the oldest")
			require.Positive(t, f.Sent)
			require.Equal(t, start, f.Venue.Told)
			require.Greater(t, f.Venue.Heard, f.Sent)
			require.Greater(t, f.Venue.First, f.Venue.Heard)
			require.GreaterOrEqual(t, f.Sim.Told, f.Sent)
			require.Positive(t, f.Sim.First)
			if c.simulator {
				require.Less(t, f.Sim.First, f.Venue.First)
			} else {
				require.GreaterOrEqual(t, f.Sim.First, f.Venue.First)
			}
			venue, sim := f.Venue, f.Sim
			venue.Told, venue.Heard, venue.First, sim.Told, sim.Heard, sim.First = 0, 0, 0, 0, 0, 0
			require.Equal(
				t,
				session.Outcome{
					Status: "Filled",
					Filled: 100,
					Price:  exchange.MustPrice("10000.5"),
					Maker:  true,
					Fees:   -6,
				},
				venue,
			)
			require.Equal(
				t,
				session.Outcome{Status: "Filled", Filled: 100, Price: exchange.MustPrice("10000.5"), Fees: 14},
				sim,
			)
			require.Equal(t, []any{"XBTUSD", exchange.Buy, "Limit", exchange.Qty(100), exchange.MustPrice("10000")},
				[]any{f.Symbol, f.Side, f.Type, f.Qty, f.Price})
			require.Equal(t, []exchange.Qty{c.joined[0], c.still}, []exchange.Qty{f.Joined, f.Ahead})
			f = byID["dun-2"]
			require.Equal(t, []any{exchange.Sell, exchange.Qty(200), "New", "New", c.joined[1], exchange.Qty(-1)},
				[]any{f.Side, f.Qty, f.Venue.Status, f.Sim.Status, f.Joined, f.Ahead})
			require.Zero(t, f.Venue.Filled+f.Sim.Filled)
			require.Equal(t, "Rejected", byID["dun-3"].Venue.Status)
			newest, err := store.Fates(t.Context(), 1)
			require.NoError(t, err)
			require.Equal(t, "dun-3", newest[0].ClientID, "of the same time, the last name")

			looked(t, store)
			rows, err := store.Rows(t.Context(), "SELECT kind || ' ' || data FROM shadow ORDER BY seq")
			require.NoError(t, err)
			said := 5 // three are acknowledged, one is filled twice
			if c.stop {
				said += 2
			}
			require.Len(t, rows, said)
			require.Equal(t, int64(said), stateOf(t, dir).Shadowed)
			require.NoError(t, store.Close())
			told := fates["dun-1"]
			for _, o := range []*session.Outcome{&told.Venue, &told.Sim} {
				require.Equal(t, "Filled", o.Status)
			}

			// Played again, all of them are told of, and the simulator says the same.
			again := func(beside *twin, reshadow bool) (map[string]session.Fate, error) {
				fates, order := map[string]session.Fate{}, []string{}
				var s *session.Session
				_, err := setup{
					dir:      dir,
					none:     true,
					live:     true,
					desk:     new(desk),
					made:     fresh(),
					shadow:   beside,
					reshadow: reshadow,
					fate: func(f *session.Fate) {
						fates[f.ClientID] = *f
						order = append(order, f.ClientID)
					},
					change: func(it *session.Session, _ *session.Store) { s = it },
				}.run(
					t,
				)
				if err == nil {
					require.NoError(t, s.Fates())
					require.Equal(t, []string{"dun-1", "dun-2", "dun-3"}, order)
				}
				return fates, err
			}
			replayed, err := again(shadow(), false)
			require.NoError(t, err)
			require.Equal(t, told.Sim, replayed["dun-1"].Sim)
			require.Equal(t, told.Venue, replayed["dun-1"].Venue)
			dear := shadow()
			dear.price = exchange.MustPrice("10002")
			_, err = again(dear, false)
			var diverged *session.DivergedError
			require.ErrorAs(t, err, &diverged)
			require.Equal(t, "shadow report", diverged.What)
			dear = shadow()
			dear.price = exchange.MustPrice("10002")
			replayed, err = again(dear, true)
			require.NoError(t, err)
			require.Equal(t, exchange.MustPrice("10002"), replayed["dun-1"].Sim.Price)
		})
	}
}

// A fill of the simulator that fills nothing has no price: the outcome of the order is that
// of its other fills, and its first fill is the first of those.
func TestShadowFillsNothing(t *testing.T) {
	for name, odd := range map[string][]exchange.Qty{
		"nothing":           {0},
		"nothing twice":     {0, 0},
		"less than nothing": {-5, 5},
	} {
		t.Run(name, func(t *testing.T) {
			_, id := instruments(t)
			dir := t.TempDir()
			var s *session.Session
			asked := false
			_, err := setup{dir: dir, source: &told{id: id}, live: true, desk: new(desk), keepOrders: true, made: orderer(2),
				shadow: &twin{odd: odd}, change: func(it *session.Session, _ *session.Store) { s = it },
				after: func(c *session.Commit) {
					if !asked && c.State.Shadowed >= int64(4+len(odd)) {
						asked = true
						s.Ask(session.Suspend)
					}
				}}.run(t)
			require.ErrorIs(t, err, session.ErrSuspended)
			store, err := session.Read(t.Context(), dir)
			require.NoError(t, err)
			defer func() { require.NoError(t, store.Close()) }()
			list, err := store.Fates(t.Context(), 10)
			require.NoError(t, err)
			require.Len(t, list, 2)
			sim := list[1].Sim
			filled, price := exchange.Qty(100), exchange.MustPrice("10000.5")
			for _, qty := range odd {
				filled += max(qty, 0)
			}
			require.Equal(t, []any{"Filled", filled, price}, []any{sim.Status, sim.Filled, sim.Price})
			require.Equal(t, exchange.Money(7*(2+len(odd))), sim.Fees)
			require.GreaterOrEqual(t, sim.First, sim.Heard)
		})
	}
}

// departing is a desk whose client knows when it sent some of the orders.
type departing struct {
	*desk
	left map[exchange.ClientID]exchange.Time
}

func (d departing) Left(id exchange.ClientID) (exchange.Time, bool) {
	at, known := d.left[id]
	return at, known
}

// When the client sent an order is kept beside what became of the order. Of a database of a
// program that did not keep it, it is not known.
func TestDepartures(t *testing.T) {
	_, id := instruments(t)
	d, dir := new(desk), t.TempDir()
	left := map[exchange.ClientID]exchange.Time{"dun-1": start.Add(time.Millisecond),
		"dun-3": start.Add(3 * time.Millisecond)}
	var s *session.Session
	asked := false
	_, err := setup{dir: dir, source: &told{id: id}, live: true, desk: d, keepOrders: true, made: orderer(3),
		venue: func(ctx context.Context, known *live.Known, notice func(live.Notice)) (session.Venue, error) {
			_, err := d.connect(ctx, known, notice)
			return departing{d, left}, err
		},
		change: func(it *session.Session, _ *session.Store) { s = it },
		after: func(c *session.Commit) {
			if len(d.placed) == 3 && !asked && c.State.Events > 20 {
				asked = true
				s.Ask(session.Suspend)
			}
		}}.run(t)
	require.ErrorIs(t, err, session.ErrSuspended)
	departures := func() map[exchange.ClientID]exchange.Time {
		store, err := session.Read(t.Context(), dir)
		require.NoError(t, err)
		defer func() { require.NoError(t, store.Close()) }()
		list, err := store.Fates(t.Context(), 10)
		require.NoError(t, err)
		found := map[exchange.ClientID]exchange.Time{}
		for i := range list {
			found[exchange.ClientID(list[i].ClientID)] = list[i].Left
			require.Equal(t, "New", list[i].Venue.Status)
		}
		return found
	}
	require.Equal(t, map[exchange.ClientID]exchange.Time{"dun-1": left["dun-1"], "dun-2": 0, "dun-3": left["dun-3"]},
		departures())
	store, err := session.Open(t.Context(), dir)
	require.NoError(t, err)
	require.NoError(t, store.Exec(t.Context(), "DROP TABLE departures"))
	require.NoError(t, store.Close())
	require.Equal(t, map[exchange.ClientID]exchange.Time{"dun-1": 0, "dun-2": 0, "dun-3": 0}, departures())
}

// looked checks what readers of the session see.
func looked(t *testing.T, store *session.Store) {
	t.Helper()
	ctx := t.Context()
	open, err := store.OpenOrders(ctx)
	require.NoError(t, err)
	require.Len(t, open, 1)
	require.Equal(
		t,
		session.Order{
			ClientID:  "dun-2",
			OrderID:   "id-dun-2",
			Symbol:    "XBTUSD",
			Side:      "Sell",
			Qty:       200,
			Price:     "70000",
			StopPrice: "0",
			Status:    "New",
			Leaves:    200,
			AvgPrice:  "0",
			Type:      open[0].Type,
			At:        open[0].At,
		},
		open[0],
	)
	fills, err := store.Fills(ctx, 10)
	require.NoError(t, err)
	require.Len(t, fills, 2)
	require.Greater(t, fills[0].Number, fills[1].Number, "the newest first")
	require.Equal(
		t,
		session.Fill{
			Number:    fills[0].Number,
			ExecID:    "made-dun-1-100",
			ClientID:  "dun-1",
			Symbol:    "XBTUSD",
			Side:      "Buy",
			Qty:       60,
			Price:     "10001.5",
			Fee:       -3,
			Liquidity: "AddedLiquidity",
			Position:  100,
			At:        start,
		},
		fills[0],
	)
	newest, err := store.Fills(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, fills[:1], newest)
	count, err := store.Count(ctx)
	require.NoError(t, err)
	require.Equal(t, session.Counts{Orders: 3, Fills: 2, Open: 1}, count)
	wallet, err := store.OpeningWallet(ctx)
	require.NoError(t, err)
	require.Equal(t, exchange.Money(5_000_000), wallet)
	n, err := store.Rejected(ctx)
	require.NoError(t, err)
	require.Equal(t, int64(1), n)
	samples, err := store.Samples(ctx, 0)
	require.NoError(t, err)
	require.NotEmpty(t, samples)
	require.Equal(t, exchange.Money(5_000_000), samples[len(samples)-1].Equity)
	later, err := store.Samples(ctx, samples[0].At)
	require.NoError(t, err)
	require.Equal(t, samples[1:], later)
}

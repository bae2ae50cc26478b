package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

const worldSteps = 60

// check runs a property in random worlds.
func check(t *testing.T, property func(t *rapid.T, w *world)) {
	t.Helper()
	c := testConfig(t)
	rapid.Check(t, func(t *rapid.T) { property(t, anyWorld(t, c)) })
}

func (w *world) fills(f func(*exchange.Fill, *exchange.Order)) {
	for i := range w.reports {
		if r := &w.reports[i]; r.Kind == exchange.ReportFill {
			f(&r.Fill, &r.Order)
		}
	}
}

// What a trade gives our resting orders, with what was ahead of them, is not more than
// was traded; what takers get from a level is not more than it shows until it is updated.
func TestInvariantI01VolumeConservation(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.c.NoConsumption, w.c.Latency, w.c.Impact = false, ZeroLatency{}, Impact{} // what is paid names the level
		w = w.anew()
		taken := map[string]exchange.Qty{}
		ahead := map[exchange.ClientID]exchange.Qty{}
		w.before = func(s *step) {
			for i := range s.events {
				switch ev := &s.events[i]; ev.Kind {
				case exchange.KindBook:
					delete(taken, fmt.Sprint(ev.Side, ev.Level().Price))
				case exchange.KindOrder:
					delete(taken, fmt.Sprint(ev.Side, ev.BookOrder().Price))
				}
			}
			clear(ahead)
			for _, id := range w.ids {
				if q, known := w.x.QueueAhead(id); known {
					ahead[id] = q
				}
			}
		}
		w.after = func(s *step, reports []exchange.Report) {
			var traded, got exchange.Qty
			for i := range s.events {
				if s.events[i].Kind == exchange.KindTrade {
					traded += s.events[i].Trade().Qty
				}
			}
			for i := range reports {
				r := &reports[i]
				if r.Kind != exchange.ReportFill {
					continue
				}
				f := &r.Fill
				switch f.Cause {
				case exchange.TradedAt:
					got += f.Qty
					require.LessOrEqual(t, got+ahead[f.ClientID], traded, "%s was not reached", f.ClientID)
				case exchange.TradedPast:
					got += f.Qty
				case exchange.TookBook:
					key := fmt.Sprint(f.Side.Opposite(), f.Price)
					taken[key] += f.Qty
					require.LessOrEqual(t, taken[key], w.levels[f.Side.Opposite()-1][f.Price], "taken at %s", f.Price)
				}
			}
			require.LessOrEqual(t, got, traded)
			for side, of := range w.x.symbols[0].taken {
				for _, l := range of.levels { // by us, and by the insurance fund
					require.LessOrEqual(t, l.Qty, w.x.symbols[0].book.Qty(exchange.Side(side+1), l.Price), "taken at %s", l.Price)
				}
			}
		}
		w.run(worldSteps)
	})
}

// A fill is never worse than the limit, and a maker's is at its price, or better
// only where a bar opened beyond it.
func TestInvariantI02LimitPrices(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.run(worldSteps)
		w.fills(func(f *exchange.Fill, o *exchange.Order) {
			if f.Type != exchange.ExecTrade || o.Price == 0 {
				return
			}
			require.False(t, better(f.Side, f.Price, o.Price), "%s at %s, limit %s", f.Side, f.Price, o.Price)
			if f.Liquidity == exchange.AddedLiquidity && (f.Cause != exchange.BarOpened || !w.c.Bars.Touch) {
				require.Equal(t, o.Price, f.Price)
			}
		})
	})
}

// Nothing happens to an order before it has arrived, and nothing is heard before
// it has travelled back.
func TestInvariantI03NothingBeforeItArrives(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		entry, response := time.Duration(0), time.Duration(0)
		if l, ok := w.c.Latency.(ConstantLatency); ok {
			entry, response = l.ToExchange, l.ToStrategy
		}
		w.run(worldSteps)
		for i := range w.reports {
			r := &w.reports[i]
			require.LessOrEqual(t, r.Time.Add(response), r.Arrival)
			require.LessOrEqual(t, r.Arrival, w.heard[i])
			if at, ok := w.sentAt[r.Order.ClientID]; ok {
				require.LessOrEqual(t, at.Add(entry), r.Time)
			}
		}
	})
}

// The position is the sum of the fills; what is left and what is filled make the
// order; a finished order never changes.
func TestInvariantI04OrdersAndPositionsAddUp(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.margins = true
		w.run(worldSteps)
		var pos exchange.Qty
		filled := map[exchange.ClientID]exchange.Qty{}
		final := map[exchange.ClientID]bool{}
		for i := range w.reports {
			r := &w.reports[i]
			o := &r.Order
			if r.Kind == exchange.ReportFill {
				pos += r.Fill.Side.Signed(r.Fill.Qty)
				require.Equal(t, pos, r.Fill.Position)
				require.Positive(t, r.Fill.Qty)
			}
			if o.ClientID == "" || r.Kind != exchange.ReportFill && r.Kind != exchange.ReportOrder {
				continue
			}
			require.False(t, final[o.ClientID], "%s after its end", o.ClientID)
			final[o.ClientID] = o.Status.Final()
			if r.Kind == exchange.ReportFill {
				filled[o.ClientID] += r.Fill.Qty
				require.Equal(t, o.Leaves, r.Fill.Leaves)
			}
			require.Equal(t, filled[o.ClientID], o.Filled)
			if o.Status.Final() {
				require.Zero(t, o.Leaves)
				require.False(t, o.Working)
				require.Equal(t, o.Status == exchange.Filled, o.Filled == o.Qty && o.Qty > 0)
			} else {
				require.Equal(t, o.Qty, o.Filled+o.Leaves)
			}
		}
		require.Equal(t, pos, w.x.Account().Position(0).Qty)
		require.Equal(t, w.x.Account().Open(0), w.unfinished(final))
	})
}

// unfinished returns how many orders have not ended, and fails for those of
// which nothing was heard.
func (w *world) unfinished(final map[exchange.ClientID]bool) (n int) {
	for _, id := range w.ids {
		ended, heard := final[id]
		require.True(w.t, heard, "%s was never heard of", id)
		if !ended {
			n++
		}
	}
	return n
}

// The wallet is what was deposited, realised, paid and received, at every fill.
func TestInvariantI05WalletAddsUp(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.margins = true
		w.after = func(*step, []exchange.Report) {
			sum := w.x.account.Totals()
			want := w.c.Balance + sum.Realised - sum.Fees + sum.Funding + sum.Insurance
			require.Equal(t, want, w.x.account.Wallet())
			for _, f := range w.x.Account().Insurance() {
				require.Equal(t, f.Deposit+f.Received-f.Paid, f.Balance)
				require.GreaterOrEqual(t, f.Balance, exchange.Money(0))
				require.Equal(t, w.x.Stats().Liquidations, f.Takeovers)
			}
		}
		w.run(worldSteps)
		wallet := w.c.Balance
		for i := range w.reports {
			switch r := &w.reports[i]; r.Kind {
			case exchange.ReportFill:
				wallet += r.Fill.Realised - r.Fill.Fee
			case exchange.ReportFunding:
				wallet += r.Funding.Amount
			}
		}
		require.Equal(t, wallet+w.x.account.Totals().Insurance, w.x.account.Wallet())
	})
}

// A flat position costs nothing.
func TestInvariantI06FlatCostsNothing(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.margins = true
		w.run(worldSteps)
		for i := range w.reports {
			if r := &w.reports[i]; r.Kind == exchange.ReportPosition && r.Position.Qty == 0 {
				require.Zero(t, r.Position.Cost)
				require.Zero(t, r.Position.Unrealised)
			}
		}
	})
}

// The quantity ahead of an order never grows while it keeps its place, and is
// never more than the level shows.
func TestInvariantI07QueuesOnlyMoveForward(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		if w.kind != fromBook {
			w = newWorld(w.t, fromBook, w.c)
		}
		s := w.x.symbols[0]
		front := map[uint64]int64{}
		w.after = func(*step, []exchange.Report) {
			for _, list := range [][]*order{slices.Collect(s.bids.all()), slices.Collect(s.asks.all())} {
				for _, o := range list {
					require.GreaterOrEqual(t, o.queue.front, int64(0))
					require.LessOrEqual(t, o.queue.front, int64(s.book.Qty(o.Side, o.Price))*QueueUnit)
					if o.hidden() {
						continue // whoever shows himself stands before it
					}
					require.False(t, o.keepPlace(), "an order overtakes one before it")
					if last, ok := front[o.seq]; ok {
						require.LessOrEqual(t, o.queue.front, last)
					}
					front[o.seq] = o.queue.front
				}
			}
		}
		w.run(worldSteps)
	})
}

// Orders of ours at one price fill in the order in which they took their places.
func TestInvariantI08PriceTimePriority(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.c.Latency = ZeroLatency{}
		w = w.anew()
		s := w.x.symbols[0]
		var ahead map[exchange.ClientID][]exchange.ClientID // of every resting order, those that must fill first
		left := map[exchange.ClientID]exchange.Qty{}
		w.before = func(*step) {
			ahead = map[exchange.ClientID][]exchange.ClientID{}
			for _, list := range [][]*order{slices.Collect(s.bids.all()), slices.Collect(s.asks.all())} {
				for i, o := range list {
					left[o.ClientID] = o.Leaves
					for _, first := range list[:i] {
						require.False(t, better(o.Side, o.Price, first.Price))
						require.True(t, first.before(o))
						if first.Price == o.Price && !first.iceberg() {
							ahead[o.ClientID] = append(ahead[o.ClientID], first.ClientID)
						}
					}
				}
			}
		}
		w.after = func(st *step, reports []exchange.Report) {
			if st.events == nil {
				return
			}
			for i := range reports {
				r := &reports[i]
				switch r.Kind {
				case exchange.ReportFill:
					if r.Fill.Liquidity == exchange.AddedLiquidity {
						for _, first := range ahead[r.Fill.ClientID] {
							require.Zero(t, left[first], "%s fills before %s", r.Fill.ClientID, first)
						}
					}
					left[r.Fill.ClientID] = r.Fill.Leaves
				case exchange.ReportOrder:
					left[r.Order.ClientID] = r.Order.Leaves
				}
			}
		}
		w.run(worldSteps)
	})
}

// FOK is all or nothing, IOC never rests, post-only never takes, reduce-only
// never opens.
func TestInvariantI09Instructions(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.run(worldSteps)
		var pos exchange.Qty
		for i := range w.reports {
			r := &w.reports[i]
			if r.Kind == exchange.ReportOrder {
				if r.Order.TimeInForce == exchange.FillOrKill && r.Order.Status.Final() {
					require.Zero(t, r.Order.Filled, "a FOK order ended with a part filled")
				}
				continue
			}
			if r.Kind != exchange.ReportFill {
				continue
			}
			f, o := &r.Fill, &r.Order
			if f.Liquidity == exchange.AddedLiquidity {
				require.Contains(t, []exchange.TimeInForce{exchange.GoodTillCancel, exchange.Day}, o.TimeInForce, "it rested")
			} else if f.Type == exchange.ExecTrade && o.DisplayQty == 0 {
				require.False(t, o.ExecInst.Has(exchange.PostOnly), "a post-only order took")
			}
			if o.ExecInst&(exchange.ReduceOnly|exchange.Close) != 0 {
				require.Less(t, f.Position.Abs(), pos.Abs())
				require.True(t, f.Position == 0 || (f.Position > 0) == (pos > 0))
			}
			pos = f.Position
		}
	})
}

// Every order that was sent ends in exactly one final state once it is
// cancelled, and what is said of an order never goes back in time.
func TestEveryOrderEndsOnce(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.c.Rules, w.c.Faults = Rules{}, Faults{} // the cancellation must arrive
		w = w.anew()
		w.run(worldSteps)
		require.NoError(t, w.x.CancelAll(t.Context(), exchange.CancelFilter{AllSymbol: true}))
		w.now = w.now.Add(time.Hour)
		w.until(w.now)
		ends := map[exchange.ClientID]int{}
		var last, lastArrival exchange.Time
		for i := range w.reports {
			r := &w.reports[i]
			require.LessOrEqual(t, last, r.Time)
			require.LessOrEqual(t, lastArrival, r.Arrival)
			last, lastArrival = r.Time, r.Arrival
			if (r.Kind == exchange.ReportOrder || r.Kind == exchange.ReportFill) && r.Order.Status.Final() && r.Order.ClientID != "" {
				ends[r.Order.ClientID]++
			}
		}
		for _, id := range w.ids {
			require.Equal(t, 1, ends[id], "%s", id)
		}
		require.Zero(t, w.x.names.inUse())
		require.Zero(t, w.x.byNumber.n)
		free := map[*order]bool{}
		for _, o := range w.x.orders.free {
			require.False(t, free[o], "an order was returned twice")
			free[o] = true
		}
		s := w.x.symbols[0]
		require.Zero(t, s.busy)
		require.Zero(t, s.reducing)
		require.Zero(t, s.open)
	})
}

// A cancel that is refused is refused because the order has ended; one that is
// not is the order's end.
func TestLateCancelsLose(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.c.Rules, w.c.Faults = Rules{}, Faults{} // which have reasons of their own
		w = w.anew()
		w.run(worldSteps)
		ended := map[exchange.ClientID]bool{}
		for i := range w.reports {
			r := &w.reports[i]
			if r.Kind == exchange.ReportReject && r.Reject.Command == "cancel" && r.Reject.ClientID != "none" {
				require.True(t, ended[r.Reject.ClientID])
				require.Contains(t, r.Reject.Reason, "Unable to cancel order due to existing state: ")
			}
			if r.Order.ClientID != "" {
				ended[r.Order.ClientID] = r.Order.Status.Final()
			}
		}
	})
}

// The totals of open orders that the account knows are those of the orders that
// rest.
func TestOpenTotalsAreThoseOfTheOrders(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		s := w.x.symbols[0]
		w.after = func(*step, []exchange.Report) {
			for i, list := range [][]*order{slices.Collect(s.bids.all()), slices.Collect(s.asks.all())} {
				var qty exchange.Qty
				var cost exchange.Money
				for _, o := range list {
					require.Equal(t, resting, o.state)
					require.Positive(t, o.Leaves)
					if !o.reduces() {
						qty += o.Leaves
						cost += s.terms.Value(o.Leaves, o.Price)
					}
				}
				require.Equal(t, qty, s.open[i].Qty)
				require.Equal(t, cost, s.open[i].Cost)
			}
		}
		w.run(worldSteps)
	})
}

// The same stream and the same orders give the same reports, and another symbol
// beside them changes nothing.
func TestInvariantI15AnotherSymbolChangesNothing(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.margins = true
		w.run(worldSteps)
		same(t, w, replay(t, w, w.c))
		c := w.c
		c.Symbols = []exchange.SymbolID{2, 0}
		same(t, w, replay(t, w, c))
	})
}

// replay repeats what was done in another world.
func replay(t *rapid.T, w *world, c Config) *world {
	again := newWorld(t, w.kind, c)
	for _, s := range w.script {
		again.now = s.at
		again.do(s)
	}
	return again
}

// A later look at the account or a call of Advance without need changes nothing.
func TestLookingChangesNothing(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.margins = true
		w.run(worldSteps)
		again := newWorld(t, w.kind, w.c)
		for _, s := range w.script {
			for again.now < s.at {
				again.now = min(again.now.Add(700*time.Millisecond), s.at)
				again.x.Account().Equity()
				if again.now < s.at {
					again.until(again.now)
				}
			}
			again.do(s)
		}
		same(t, w, again)
	})
}

func same(t *rapid.T, a, b *world) {
	for i := range min(len(a.reports), len(b.reports)) {
		require.Equal(t, a.reports[i], b.reports[i], "report %d", i)
	}
	require.Len(t, b.reports, len(a.reports))
}

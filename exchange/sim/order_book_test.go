package sim

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// N8: deleting any order of a book in which every order is known emptied the queue.
func TestFaultN08ADeletedOrderLeavesTheOthersAhead(t *testing.T) {
	s := newScript(t)
	s.said("orders 1 bid 100 10 2 bid 100 20 3 bid 100 30 4 ask 101 10", "submit a buy 5 limit 100", "orders 2 bid 100 0")
	require.Equal(t, []string{"a: 5 @ 100 behind 40.00"}, s.said("show queue"))
}

// queueOracle is a queue as it really is: orders in a list, ours among them. It trades
// and cancels by walking the list.
type queueOracle struct {
	orders []oracleOrder
	nextID uint64
	filled exchange.Qty
	id     uint64 // of ours
}

type oracleOrder struct {
	id  uint64
	qty exchange.Qty
}

// What a queue of known orders gives our order is what it gets when it stands in that
// queue, whichever of a trade and its orders is told first.
func TestQueueOfKnownOrdersIsExact(t *testing.T) {
	c := testConfig(t)
	c.Balance = 1_000_000_000_000_000
	rapid.Check(t, func(t *rapid.T) {
		x, err := New(c)
		require.NoError(t, err)
		now, price := epoch, 100*exchange.PriceUnit
		q := &queueOracle{}
		var reports []exchange.Report
		tell := func(id uint64, qty exchange.Qty) {
			ev := exchange.BookOrderEvent(now, now, 0, exchange.Buy, exchange.BookOrder{ID: id, Price: price, Qty: qty}, exchange.FlagLast)
			x.Market(&ev)
		}
		add := func() {
			q.nextID++
			qty := exchange.Qty(rapid.IntRange(1, 20).Draw(t, "qty"))
			q.orders = append(q.orders, oracleOrder{q.nextID, qty})
			tell(q.nextID, qty)
		}
		advance := func() {
			reports, err = x.Advance(t.Context(), now, reports)
			require.NoError(t, err)
		}
		for range rapid.IntRange(0, 4).Draw(t, "there before") {
			add()
		}
		ev := exchange.BookOrderEvent(now, now, 0, exchange.Sell, exchange.BookOrder{ID: 1 << 40, Price: 2 * price, Qty: 1}, exchange.FlagLast)
		x.Market(&ev)
		_, err = x.Submit(t.Context(), exchange.NewOrder{Side: exchange.Buy, Qty: 50, Price: price})
		require.NoError(t, err)
		advance()
		q.id = 1 << 50
		q.orders = append(q.orders, oracleOrder{q.id, 50})
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Second)
			i := rapid.IntRange(0, len(q.orders)-1).Draw(t, "which")
			switch o := &q.orders[i]; rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				add()
			case 1: // cancelled, in part or whole
				if o.id == q.id {
					continue
				}
				o.qty -= exchange.Qty(rapid.IntRange(1, int(o.qty)).Draw(t, "cancelled"))
				tell(o.id, o.qty)
				if o.qty == 0 {
					q.orders = slices.Delete(q.orders, i, i+1)
				}
			case 2: // grows, and goes to the back
				if o.id == q.id {
					continue
				}
				moved := oracleOrder{o.id, o.qty + 5}
				q.orders = append(slices.Delete(q.orders, i, i+1), moved)
				tell(moved.id, moved.qty)
			default:
				q.trade(t, x, now, price, tell)
			}
			advance()
			require.Equal(t, q.filled, x.Account().Position(0).Qty)
			if q.filled == 50 {
				return
			}
		}
	})
}

// trade executes a seller's order against the list and tells of it.
func (q *queueOracle) trade(t *rapid.T, x *Exchange, now exchange.Time, price exchange.Price, tell func(uint64, exchange.Qty)) {
	qty := exchange.Qty(rapid.IntRange(1, 30).Draw(t, "traded"))
	first := rapid.Bool().Draw(t, "trade first")
	say := func() {
		ev := exchange.TradeEvent(now, now, 0, exchange.Trade{Side: exchange.Sell, Price: price, Qty: qty})
		x.Market(&ev)
	}
	if first {
		say()
	}
	left := qty
	for len(q.orders) > 0 && left > 0 {
		o := &q.orders[0]
		got := min(o.qty, left)
		o.qty -= got
		left -= got
		if o.id == q.id {
			q.filled += got
		} else {
			tell(o.id, o.qty)
		}
		if o.qty == 0 {
			q.orders = q.orders[1:]
		}
	}
	if !first {
		say()
	}
}

// With no latency and takers that the best level can fill, the fills are the same
// whether the market is known by its quotes, its levels or its orders.
func TestInvariantI17FidelityDoesNotMatterAtTheTouch(tb *testing.T) {
	rapid.Check(tb, func(t *rapid.T) {
		var fills [3][]string
		seed := rapid.SliceOfN(rapid.IntRange(0, 1000), 10, 60).Draw(t, "market")
		for k, kind := range []exchange.EventKind{exchange.KindQuote, exchange.KindBook, exchange.KindOrder} {
			set := instruments(tb)
			x, err := New(Config{Instruments: set, Symbols: []exchange.SymbolID{0}, Currency: set.Get(0).Settle, Balance: 1_000_000_000_000_000})
			require.NoError(t, err)
			now := epoch
			var reports []exchange.Report
			for i, n := range seed {
				now = now.Add(time.Second)
				shown := exchange.Qty(100 + i) // shown anew, so that all of it is there
				bid := exchange.Level{Price: exchange.Price(200+n%7) * half, Qty: shown}
				ask := exchange.Level{Price: bid.Price + exchange.Price(1+n%3)*half, Qty: shown}
				for _, ev := range touch(kind, now, bid, ask) {
					x.Market(&ev)
				}
				o := exchange.NewOrder{Side: exchange.Side(1 + n%2), Qty: exchange.Qty(1 + n%100)}
				if n%5 == 0 {
					o.TimeInForce = exchange.ImmediateOrCancel
					o.Price = bid.Price + 3*half
				}
				_, err := x.Submit(t.Context(), o)
				require.NoError(t, err)
				reports, err = x.Advance(t.Context(), now, reports[:0])
				require.NoError(t, err)
				for i := range reports {
					if f := &reports[i].Fill; reports[i].Kind == exchange.ReportFill {
						fills[k] = append(fills[k], fmt.Sprintf("%s %s %d @ %s", f.Time, f.Side, f.Qty, f.Price))
					}
				}
			}
		}
		require.Equal(t, fills[0], fills[1])
		require.Equal(t, fills[1], fills[2])
		require.GreaterOrEqual(t, len(fills[0]), cmp.Or(len(seed)/2, 1))
	})
}

// touch is a market of one level a side, told as a kind of event.
func touch(kind exchange.EventKind, now exchange.Time, bid, ask exchange.Level) []exchange.Event {
	const whole = exchange.FlagClear | exchange.FlagSnapshot
	switch kind {
	case exchange.KindQuote:
		return []exchange.Event{exchange.QuoteEvent(now, now, 0, exchange.Quote{BidPrice: bid.Price, BidQty: bid.Qty, AskPrice: ask.Price, AskQty: ask.Qty})}
	case exchange.KindBook:
		return []exchange.Event{exchange.LevelEvent(now, now, 0, exchange.Buy, bid, whole),
			exchange.LevelEvent(now, now, 0, exchange.Sell, ask, exchange.FlagSnapshot|exchange.FlagLast)}
	}
	var events []exchange.Event
	for i, part := range []exchange.Qty{30, bid.Qty - 30} {
		var f exchange.Flags
		if i == 0 {
			f = whole
		}
		events = append(events,
			exchange.BookOrderEvent(now, now, 0, exchange.Buy, exchange.BookOrder{ID: uint64(2*i + 1), Price: bid.Price, Qty: part}, f),
			exchange.BookOrderEvent(now, now, 0, exchange.Sell, exchange.BookOrder{ID: uint64(2*i + 2), Price: ask.Price, Qty: part}, 0))
	}
	events[3].Flags = exchange.FlagLast
	return events
}

package sim

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// ladderTwin is a ladder and what it should hold: a slice that is sorted by the rule.
type ladderTwin struct {
	l    ladder
	want []*order
	seq  uint64
}

func newLadderTwin(side exchange.Side) *ladderTwin {
	return &ladderTwin{l: newLadder(side, half)}
}

func (w *ladderTwin) insert(p exchange.Price, display exchange.Qty) {
	w.seq++
	o := &order{seq: w.seq, Order: exchange.Order{Side: w.l.side, Price: p, DisplayQty: display}}
	w.l.insert(o)
	w.want = append(w.want, o)
	slices.SortFunc(w.want, func(a, b *order) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
}

func (w *ladderTwin) remove(i int) {
	w.l.remove(w.want[i])
	w.want = slices.Delete(w.want, i, i+1)
}

// check compares everything that can be asked, forwards and backwards.
func (w *ladderTwin) check(t require.TestingT) {
	require.Equal(t, len(w.want), w.l.n)
	require.True(t, slices.Equal(w.want, slices.Collect(w.l.all())))
	n := len(w.want)
	for o := w.l.last; o != nil; o = o.prev {
		n--
		require.Same(t, w.want[n], o)
	}
	require.Zero(t, n)
	if w.l.indexed() {
		w.checkIndex(t)
	}
}

func (w *ladderTwin) at(p exchange.Price) *order {
	for _, o := range w.want {
		if o.Price == p {
			return o
		}
	}
	return nil
}

// checkIndex looks whether the last order of every rung of the window is in its
// slot, all of them are counted, and every other order among the far ones.
func (w *ladderTwin) checkIndex(t require.TestingT) {
	x := w.l.index
	last, count, far := map[uint64]*order{}, map[uint64]uint32{}, []*order{}
	for _, o := range w.want {
		require.Equal(t, w.l.rung(o.Price), o.rung)
		if o.rung < x.low {
			far = append(far, o)
			continue
		}
		require.Less(t, o.rung-x.low, uint64(windowRungs))
		last[o.rung-x.low] = o
		count[o.rung-x.low]++
	}
	require.True(t, slices.Equal(far, x.far))
	for i, o := range &x.slots {
		taken, some := x.words[i>>6]>>(i&63)&1 == 1, x.sum>>(i>>6)&1 == 1
		if last[uint64(i)] != o || count[uint64(i)] != x.count[i] || taken != (o != nil) || some != (x.words[i>>6] != 0) {
			require.Fail(t, "slot", "%d holds %v", i, o)
		}
	}
}

// A ladder is the sorted slice that it saves sorting, wherever the market goes and
// however far away the orders are.
func TestLadderIsASortedSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newLadderTwin(exchange.Side(rapid.IntRange(1, 2).Draw(t, "side")))
		pick := func(lo, hi int, what string) int { return rapid.IntRange(lo, hi).Draw(t, what) }
		mid := 40_000
		for i := range pick(0, 2, "crowd") * 3 * many / 2 {
			w.insert(exchange.Price(mid+i%7)*half, 0)
		}
		for range pick(1, 120, "steps") {
			switch n := pick(0, 19, "step"); {
			case n == 0: // the market leaves
				mid += pick(-9000, 9000, "by")
				mid = min(max(mid, 10_000), 90_000)
			case n == 1 && len(w.want) > 0: // and its orders with it
				for len(w.want) > pick(0, 3, "stay") && len(w.want) > 0 {
					w.remove(0)
				}
			case n == 2:
				w.l.retick(exchange.Price(pick(1, 3, "tick")) * half / 2)
			case n < 7 && len(w.want) > 0:
				w.remove(pick(0, len(w.want)-1, "which"))
			default:
				span := rapid.SampledFrom([]int{3, 200, 9000}).Draw(t, "span")
				p := exchange.Price(mid+pick(-span, span, "at"))*half + exchange.Price(pick(0, 9, "off tick")/9)*half/4
				w.insert(p, exchange.Qty(-pick(0, 1, "hidden")))
			}
			if pick(0, 7, "look") == 0 {
				w.check(t)
			}
			p := exchange.Price(mid+pick(-3, 3, "ask for")) * half
			if len(w.want) > 0 && pick(0, 1, "one that is there") == 0 {
				p = w.want[pick(0, len(w.want)-1, "of")].Price
			}
			require.Same(t, w.at(p), w.l.at(p), "at %s", p)
		}
		w.check(t)
	})
}

// The window moves with the best order, and only when it must.
func TestLadderWindowFollows(t *testing.T) {
	for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
		t.Run(side.String(), func(t *testing.T) {
			w := newLadderTwin(side)
			at := func(rungs int) exchange.Price { return 100_000*half + exchange.Price(side.Sign()*int64(rungs))*half }
			for i := range many {
				require.False(t, w.l.indexed())
				w.insert(at(-i), 0)
			}
			require.True(t, w.l.indexed())
			low := w.l.index.low
			w.insert(at(windowRungs/4-1), 0) // as far as there is room above
			w.insert(at(-windowRungs/2), 0)  // and well below
			require.Equal(t, low, w.l.index.low)
			w.insert(at(-windowRungs), 0) // far
			require.Equal(t, low, w.l.index.low)
			require.Len(t, w.l.index.far, 1)
			w.check(t)

			w.insert(at(windowRungs/4), 0)
			require.Equal(t, low+windowRungs/4, w.l.index.low)
			require.Len(t, w.l.index.far, 1)
			w.check(t)

			w.insert(at(windowRungs*5/4), 0) // everything else is far now
			require.Equal(t, low+windowRungs*5/4, w.l.index.low)
			require.Len(t, w.l.index.far, w.l.n-1)
			w.check(t)

			w.remove(0)
			w.insert(at(-3), 0) // the market came back
			require.Equal(t, low+windowRungs/4, w.l.index.low)
			require.Len(t, w.l.index.far, 1)
			w.check(t)

			for len(w.want) > 0 {
				w.remove(len(w.want) - 1)
				w.check(t)
			}
			require.False(t, w.l.indexed())
			w.insert(at(5), 0)
			w.check(t)
		})
	}
}

func BenchmarkLadder(b *testing.B) {
	for _, n := range []int{4, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := newLadder(exchange.Buy, half)
			orders := make([]order, n)
			move := func(i int) {
				o := &orders[i%n]
				o.seq = uint64(i)
				o.Price = exchange.Price(10_000+i*7919%375) * half
			}
			for i := range orders {
				orders[i].Side = exchange.Buy
				move(i)
				l.insert(&orders[i])
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := n; i < b.N+n; i++ {
				o := &orders[i%n]
				l.remove(o)
				move(i)
				l.insert(o)
			}
		})
	}
}

// Rungs count ticks exactly up to the greatest price, and never turn the order of
// prices round.
func TestRungsCountTicks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tick := exchange.Price(rapid.Int64Range(1, 1<<50).Draw(t, "tick"))
		bid, ask := newLadder(exchange.Buy, tick), newLadder(exchange.Sell, 1)
		n := rapid.Int64Range(0, int64(exchange.MaxPrice/tick)).Draw(t, "ticks")
		p := exchange.Price(n) * tick
		require.Equal(t, uint64(n), bid.rung(p))
		require.Equal(t, uint64(exchange.MaxPrice-p), ask.rung(p))
		for _, near := range []exchange.Price{p + 1, p + tick - 1} {
			require.GreaterOrEqual(t, bid.rung(near), uint64(n))
			require.LessOrEqual(t, bid.rung(near), uint64(n+1))
		}
	})
}

package exchange

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// plainBook is the slow and obvious book that Book must agree with.
type plainBook [2]map[Price]Qty

func newPlainBook() plainBook { return plainBook{{}, {}} }

func (b plainBook) side(s Side) map[Price]Qty {
	if s == Sell {
		return b[1]
	}
	return b[0]
}

func (b plainBook) set(s Side, p Price, q Qty) (old Qty) {
	old = b.side(s)[p]
	if q <= 0 {
		delete(b.side(s), p)
	} else {
		b.side(s)[p] = q
	}
	return old
}

func (b plainBook) clear() {
	clear(b[0])
	clear(b[1])
}

// levels returns a side, best first.
func (b plainBook) levels(s Side) []Level {
	var out []Level
	for _, p := range slices.Sorted(maps.Keys(b.side(s))) {
		out = append(out, Level{Price: p, Qty: b.side(s)[p]})
	}
	if s == Buy {
		slices.Reverse(out)
	}
	return out
}

func (b plainBook) next(s Side, p Price) (Level, bool) {
	for _, l := range b.levels(s) {
		if s == Buy && l.Price < p || s == Sell && l.Price > p {
			return l, true
		}
	}
	return Level{}, false
}

// sameBook compares everything that can be read of two books.
func sameBook(t require.TestingT, want plainBook, got *Book, probe Price) {
	for _, s := range []Side{Buy, Sell} {
		levels := want.levels(s)
		require.Equal(t, levels, got.AppendLevels(nil, s, 0), "levels of %s", s)
		require.Equal(t, levels[:min(3, len(levels))], got.AppendLevels(nil, s, 3), "three best of %s", s)
		require.Equal(t, len(levels), got.Len(s), "number of levels of %s", s)
		best, ok := got.Best(s)
		require.Equal(t, len(levels) > 0, ok)
		if ok {
			require.Equal(t, levels[0], best)
		}
		require.Equal(t, want.side(s)[probe], got.Qty(s, probe))
		wantNext, wantOK := want.next(s, probe)
		gotNext, gotOK := got.Next(s, probe)
		require.Equal(t, wantOK, gotOK, "next of %s after %s", s, probe)
		require.Equal(t, wantNext, gotNext, "next of %s after %s", s, probe)
	}
	bid, okBid := got.Best(Buy)
	ask, okAsk := got.Best(Sell)
	require.Equal(t, bid, got.Bid())
	require.Equal(t, ask, got.Ask())
	require.Equal(t, okBid && okAsk && bid.Price >= ask.Price, got.Crossed())
}

func TestBookAgreesWithPlainBook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tick := rapid.SampledFrom([]Price{1, 3, 100, PriceUnit / 2, PriceUnit, 7 * PriceUnit}).Draw(t, "tick")
		got, want := NewBook(tick), newPlainBook()
		centre := rapid.Int64Range(-100, 1_000_000).Draw(t, "centre")
		price := func(t *rapid.T) Price {
			switch rapid.IntRange(0, 19).Draw(t, "where") {
			case 0: // absurdly far
				return rapid.SampledFrom([]Price{tick, 1_000_000 * tick, -5 * tick, MaxPrice - MaxPrice%tick, MaxPrice}).Draw(t, "far")
			case 1: // off the tick
				return Price(centre+rapid.Int64Range(-50, 50).Draw(t, "offset"))*tick + Price(rapid.Int64Range(0, int64(tick)-1).Draw(t, "part"))
			case 2, 3, 4: // about the edges of the window
				return Price(centre+rapid.Int64Range(-2*windowTicks, 2*windowTicks).Draw(t, "offset")) * tick
			case 5: // where whole words of the bitmap begin and end
				return Price(centre+64*rapid.Int64Range(-70, 70).Draw(t, "word")+rapid.Int64Range(-1, 1).Draw(t, "bit")) * tick
			}
			return Price(centre+rapid.Int64Range(-30, 30).Draw(t, "offset")) * tick
		}
		side := rapid.SampledFrom([]Side{Buy, Sell})
		qty := rapid.SampledFrom([]Qty{0, 0, -1, 1, 2, 1000, math.MaxInt64})
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				s, p, q := side.Draw(t, "side"), price(t), qty.Draw(t, "qty")
				require.Equal(t, want.set(s, p, q), got.Set(s, p, q))
			},
			"several": func(t *rapid.T) {
				for range rapid.IntRange(1, 40).Draw(t, "n") {
					s, p, q := side.Draw(t, "side"), price(t), qty.Draw(t, "qty")
					require.Equal(t, want.set(s, p, q), got.Set(s, p, q))
				}
			},
			"take the best": func(t *rapid.T) {
				s := side.Draw(t, "side")
				if l, ok := got.Best(s); ok {
					require.Equal(t, l.Qty, got.Set(s, l.Price, 0))
					want.set(s, l.Price, 0)
				}
			},
			"drift": func(*rapid.T) {
				centre += rapid.Int64Range(-windowTicks, windowTicks).Draw(t, "by")
			},
			"clear": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					got.Clear()
					want.clear()
				}
			},
			"": func(t *rapid.T) { sameBook(t, want, got, price(t)) },
		})
	})
}

func TestBookFollowsTheMarket(t *testing.T) {
	// A touch that wanders 100 000 ticks each way must stay in the window, with
	// levels behind it that leave the window and come back.
	got, want := NewBook(1), newPlainBook()
	set := func(s Side, p Price, q Qty) {
		require.Equal(t, want.set(s, p, q), got.Set(s, p, q))
	}
	at := Price(1_000_000)
	for leg, to := range []Price{1_100_000, 900_000, 1_000_000} {
		for at != to {
			old := at
			step := Price(37)
			if to < at {
				step = -37
			}
			if at+step-to > -37 && at+step-to < 37 {
				at = to
			} else {
				at += step
			}
			// The side that the market moves into loses its levels.
			for p := min(old, at); p <= max(old, at); p++ {
				set(Buy, p, 0)
				set(Sell, p, 0)
			}
			for i := Price(0); i < 3; i++ {
				set(Buy, at-1-i*1700, Qty(1+leg))
				set(Sell, at+1+i*1700, Qty(1+leg))
			}
			require.Equal(t, at-1, got.Bid().Price)
			require.Equal(t, at+1, got.Ask().Price)
		}
		sameBook(t, want, got, at)
	}
	require.NotEmpty(t, got.bids.spill)
}

// inWindow is how many levels of a side are where they are fast.
func inWindow(h *half) int { return h.n }

func TestBookWindowIsWhereTheMarketIs(t *testing.T) {
	b := NewBook(1)
	// The best level falls out of the upper part: what is new behind it takes the
	// window along.
	b.Set(Buy, 100_000, 1)
	b.Set(Buy, 98_000, 1)
	b.Set(Buy, 97_500, 1)
	b.Set(Buy, 100_000, 0)
	b.Set(Buy, 98_000, 0)
	b.Set(Buy, 96_000, 1)
	require.Equal(t, 2, inWindow(&b.bids), "97500 and 96000")
	// A wall far behind leaves it where it is.
	b.Set(Buy, 5, 1)
	b.Set(Buy, 50_000, 1)
	require.Equal(t, 2, inWindow(&b.bids))
	require.Len(t, b.bids.spill, 2)
	// When the window is empty, the best level of the spill is the market, not
	// the level that happens to be new.
	b.Set(Buy, 97_500, 0)
	b.Set(Buy, 96_000, 0)
	b.Set(Buy, 40_000, 1)
	require.Equal(t, Price(50_000), b.bids.key(b.bids.best))
	b.Set(Buy, 50_000, 0)
	b.Set(Buy, 40_000, 0)
	b.Set(Buy, 4, 1)
	b.Set(Buy, 3, 1)
	require.Equal(t, 3, inWindow(&b.bids), "5, 4 and 3")
}

func TestBookFarLevels(t *testing.T) {
	const tick = PriceUnit / 2
	b := NewBook(tick)
	// As the venue's snapshot lists them: from the highest ask down.
	b.Set(Sell, 1_000_000*PriceUnit, 5)
	b.Set(Sell, 32_181*PriceUnit, 7)
	b.Set(Sell, 32_180*PriceUnit+tick, 3)
	b.Set(Buy, 32_180*PriceUnit, 2)
	b.Set(Buy, tick, 11)
	require.Equal(t, Level{Price: 32_180*PriceUnit + tick, Qty: 3}, b.Ask())
	require.Equal(t, Level{Price: 32_180 * PriceUnit, Qty: 2}, b.Bid())
	require.Equal(t, []Level{{32_180*PriceUnit + tick, 3}, {32_181 * PriceUnit, 7}, {1_000_000 * PriceUnit, 5}},
		b.AppendLevels(nil, Sell, 0))
	require.Equal(t, []Level{{32_180 * PriceUnit, 2}, {tick, 11}}, b.AppendLevels(nil, Buy, 0))
	require.Len(t, b.asks.spill, 1)
	require.Len(t, b.bids.spill, 1)
	mid, ok := b.Mid()
	require.True(t, ok)
	require.Equal(t, MustPrice("32180.25"), mid)
}

func TestBookEmpty(t *testing.T) {
	b := NewBook(1)
	require.Zero(t, b.Bid())
	require.Zero(t, b.Ask())
	require.False(t, b.Crossed())
	_, ok := b.Mid()
	require.False(t, ok)
	_, ok = b.Next(Buy, MaxPrice)
	require.False(t, ok)
	require.Zero(t, b.Set(Sell, 5, 0))
	require.Nil(t, b.AppendLevels(nil, Sell, 0))
	b.Set(Sell, 5, 1)
	_, ok = b.Mid()
	require.False(t, ok, "one side has no middle")
	require.Panics(t, func() { NewBook(0) })
}

// Ticks and prices at the ends of their ranges must not overflow the window.
func TestBookExtremes(t *testing.T) {
	for _, tick := range []Price{1, maxGrid, maxGrid + 1, MaxPrice} {
		got, want := NewBook(tick), newPlainBook()
		for n, p := range []Price{MaxPrice, -MaxPrice, 0, maxGrid, MaxPrice - 1, 1 - MaxPrice, maxGrid + 1, MaxPrice / 2} {
			for _, s := range []Side{Buy, Sell} {
				require.Equal(t, want.set(s, p, Qty(n+1)), got.Set(s, p, Qty(n+1)))
			}
			sameBook(t, want, got, p)
		}
	}
}

func TestBookCrossed(t *testing.T) {
	b := NewBook(10)
	b.Set(Buy, 100, 1)
	b.Set(Sell, 110, 1)
	require.False(t, b.Crossed())
	b.Set(Sell, 105, 1) // off the tick
	require.False(t, b.Crossed())
	b.Set(Sell, 100, 1)
	require.True(t, b.Crossed(), "locked")
	b.Set(Sell, 90, 1)
	require.True(t, b.Crossed())
	mid, ok := b.Mid()
	require.True(t, ok)
	require.Equal(t, Price(95), mid)
}

func TestBookApply(t *testing.T) {
	b := NewBook(1)
	apply := func(s Side, p Price, q Qty, f Flags) {
		e := LevelEvent(0, 0, 0, s, Level{Price: p, Qty: q}, f)
		b.Apply(&e)
	}
	apply(Buy, 10, 1, FlagLast)
	apply(Sell, 12, 2, FlagLast)
	apply(Buy, 10, 5, FlagLast)
	require.Equal(t, Level{Price: 10, Qty: 5}, b.Bid())
	require.Equal(t, Level{Price: 12, Qty: 2}, b.Ask())
	apply(Sell, 20, 3, FlagSnapshot|FlagClear)
	require.Zero(t, b.Bid(), "a snapshot clears both sides")
	require.Equal(t, Level{Price: 20, Qty: 3}, b.Ask())
	apply(NoSide, 0, 0, FlagSnapshot|FlagClear|FlagLast)
	require.Zero(t, b.Len(Buy)+b.Len(Sell), "an empty snapshot empties the book")
}

func TestBookView(t *testing.T) {
	b := NewBook(1)
	v := b.View()
	b.Set(Buy, 10, 1)
	b.Set(Buy, 9, 4)
	b.Set(Sell, 13, 2)
	require.Equal(t, b.Bid(), v.Bid())
	require.Equal(t, b.Ask(), v.Ask())
	require.Equal(t, Qty(4), v.Qty(Buy, 9))
	require.Equal(t, 2, v.Len(Buy))
	best, ok := v.Best(Buy)
	require.True(t, ok)
	next, ok := v.Next(Buy, best.Price)
	require.True(t, ok)
	require.Equal(t, Level{Price: 9, Qty: 4}, next)
	require.Len(t, v.AppendLevels(nil, Buy, 1), 1)
	mid, ok := v.Mid()
	require.True(t, ok)
	require.Equal(t, Price(11), mid)
}

func TestBookAllocatesNothing(t *testing.T) {
	ops := churn(25, 50_000)
	b := NewBook(PriceUnit / 2)
	depth := make([]Level, 0, 16)
	run := func() {
		for i := range ops {
			b.Set(ops[i].side, ops[i].price, ops[i].qty)
			depth = b.AppendLevels(depth[:0], ops[i].side, 10)
		}
	}
	run() // let the spill grow
	require.Zero(t, testing.AllocsPerRun(3, run))
}

type bookOp struct {
	side  Side
	price Price
	qty   Qty
}

// churn makes changes of a book whose touch wanders: 92 % within 10 ticks of
// the touch, 8 % anywhere in the given number of ticks, a third of them
// deletions. The touch moves with every tenth change, and what it runs over is
// deleted.
func churn(levels int64, n int) []bookOp {
	const tick = PriceUnit / 2
	rng := newRand(1)
	ops := make([]bookOp, 0, n+16)
	mid := int64(64_000)
	for len(ops) < n {
		if rng.next()%10 == 0 {
			if rng.next()%2 == 0 {
				mid++
				ops = append(ops, bookOp{Sell, Price(mid) * tick, 0})
			} else {
				ops = append(ops, bookOp{Buy, Price(mid) * tick, 0})
				mid--
			}
		}
		off := rng.below(10)
		if rng.next()%100 < 8 {
			off = rng.below(levels)
		}
		op := bookOp{Buy, Price(mid-off) * tick, Qty(1 + rng.below(1000))}
		if rng.next()%2 == 0 {
			op.side, op.price = Sell, Price(mid+1+off)*tick
		}
		if rng.next()%3 == 0 {
			op.qty = 0
		}
		ops = append(ops, op)
	}
	return ops[:n]
}

// newRand returns a small generator for tests and benchmarks: a constant seed
// gives the same numbers with every version of Go.
func newRand(seed uint64) *splitMix { return &splitMix{seed} }

type splitMix struct{ s uint64 }

func (r *splitMix) next() uint64 {
	r.s += 0x9e3779b97f4a7c15
	z := r.s
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (r *splitMix) below(n int64) int64 { return int64(r.next() >> 1 % uint64(n)) }

var benchSink Price

func BenchmarkBook(b *testing.B) {
	for _, c := range []struct {
		name   string
		levels int64
	}{{"25", 25}, {"1000", 1000}, {"50000", 50_000}} {
		ops := churn(c.levels, 1<<20)
		b.Run("best/levels="+c.name, func(b *testing.B) {
			book := NewBook(PriceUnit / 2)
			b.ReportAllocs()
			for i := range b.N {
				op := &ops[i&(1<<20-1)]
				book.Set(op.side, op.price, op.qty)
				benchSink += book.Bid().Price + book.Ask().Price
			}
		})
		b.Run("depth10/levels="+c.name, func(b *testing.B) {
			book := NewBook(PriceUnit / 2)
			depth := make([]Level, 0, 16)
			b.ReportAllocs()
			for i := range b.N {
				op := &ops[i&(1<<20-1)]
				book.Set(op.side, op.price, op.qty)
				depth = book.AppendLevels(depth[:0], op.side, 10)
				if len(depth) > 0 {
					benchSink += depth[0].Price
				}
			}
		})
	}
}

// snapshot is a book of 10 000 levels: half of them dense at the touch, half
// thin and far away.
func snapshot() []bookOp {
	const tick = PriceUnit / 2
	var ops []bookOp
	for i := range Price(2500) {
		ops = append(ops,
			bookOp{Buy, (64_000 - i) * tick, 1}, bookOp{Sell, (64_001 + i) * tick, 1},
			bookOp{Buy, (61_000 - i*20) * tick, 1}, bookOp{Sell, (67_000 + i*200) * tick, 1})
	}
	return ops
}

func BenchmarkBookSnapshot(b *testing.B) {
	orders := map[string]func(x, y bookOp) int{
		"best-first": func(x, y bookOp) int { return cmp.Compare(away(x), away(y)) },
		"from-top":   func(x, y bookOp) int { return cmp.Compare(y.price, x.price) },
	}
	for _, name := range slices.Sorted(maps.Keys(orders)) {
		ops := snapshot()
		slices.SortStableFunc(ops, orders[name])
		b.Run("load/"+name, func(b *testing.B) {
			book := NewBook(PriceUnit / 2)
			b.ReportAllocs()
			for range b.N {
				book.Clear()
				for i := range ops {
					book.Set(ops[i].side, ops[i].price, ops[i].qty)
				}
			}
			require.Equal(b, 10_000, book.Len(Buy)+book.Len(Sell))
		})
	}
	b.Run("read", func(b *testing.B) {
		book := NewBook(PriceUnit / 2)
		for _, op := range snapshot() {
			book.Set(op.side, op.price, op.qty)
		}
		var levels []Level
		b.ReportAllocs()
		for range b.N {
			levels = book.AppendLevels(levels[:0], Buy, 0)
			levels = book.AppendLevels(levels, Sell, 0)
		}
		require.Len(b, levels, 10_000)
	})
}

// away is how far a level is from the touch of [snapshot].
func away(op bookOp) Price {
	d := op.price - 64_000*PriceUnit/2
	return max(d, -d)
}

func TestRetickKeepsTheLevels(t *testing.T) {
	b := NewBook(MustPrice("0.5"))
	b.Set(Buy, MustPrice("99.5"), 5)
	b.Set(Sell, MustPrice("100"), 7)
	finer := b.Retick(MustPrice("0.1"))
	finer.Set(Buy, MustPrice("99.6"), 3)
	require.Equal(t, []Level{{Price: MustPrice("99.6"), Qty: 3}, {Price: MustPrice("99.5"), Qty: 5}},
		finer.AppendLevels(nil, Buy, 0))
	require.Equal(t, b.Ask(), finer.Ask())
	require.Equal(t, MustPrice("99.5"), b.Bid().Price, "the old book is as it was")
}

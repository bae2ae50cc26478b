package data

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// streamOf is a stream of trades at given times.
func streamOf(kind exchange.EventKind, index uint16, times ...int64) *head {
	b := &block{n: len(times), ints: [][]int64{times}}
	return &head{kind: kind, index: index, b: b}
}

// A stream leads only until another one's turn comes: of equal times the kinds and the
// indexes decide, whatever stream led before.
func TestTurnsOfStreams(t *testing.T) {
	for _, tt := range []struct {
		name    string
		streams []*head
		index   uint16
		limit   int64
	}{
		{"alone", []*head{streamOf(exchange.KindTrade, 0, 10)}, 0, forever},
		{"before a later one", []*head{streamOf(exchange.KindTrade, 0, 5), streamOf(exchange.KindTrade, 1, 10)}, 0, 11},
		{"after an earlier one", []*head{streamOf(exchange.KindTrade, 0, 10), streamOf(exchange.KindTrade, 1, 5)}, 1, 10},
		{"first of equal times", []*head{streamOf(exchange.KindTrade, 0, 5), streamOf(exchange.KindTrade, 1, 5)}, 0, 6},
		{"the second, before two that tie",
			[]*head{streamOf(exchange.KindTrade, 0, 10), streamOf(exchange.KindTrade, 1, 5, 10),
				streamOf(exchange.KindTrade, 2, 10)}, 1, 10},
		{"the third", []*head{streamOf(exchange.KindTrade, 0, 10), streamOf(exchange.KindTrade, 1, 9),
			streamOf(exchange.KindTrade, 2, 5)}, 2, 9},
		{"the third, before two that tie",
			[]*head{streamOf(exchange.KindTrade, 0, 9), streamOf(exchange.KindTrade, 1, 9),
				streamOf(exchange.KindTrade, 2, 5)}, 2, 9},
		{"the first, before later ones",
			[]*head{streamOf(exchange.KindTrade, 0, 5), streamOf(exchange.KindTrade, 1, 9),
				streamOf(exchange.KindTrade, 2, 8)}, 0, 9},
		{"the kind goes before the index", []*head{streamOf(exchange.KindTrade, 0, 5), streamOf(exchange.KindQuote, 1, 5)},
			1, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMerge(tt.streams)
			best, limit := m.pick()
			require.Equal(t, tt.index, best.index)
			require.Equal(t, tt.limit, limit)
		})
	}
	m := newMerge(nil)
	best, _ := m.pick()
	require.Nil(t, best)
}

// The linear merge and the heap give rows in the order of time, kind and stream, and of
// a stream in its own order. Times are few, so that most rows tie with some of others.
func TestMergeOfTies(t *testing.T) {
	type row struct {
		time   int64
		kind   exchange.EventKind
		stream uint16
		number int
	}
	kinds := []exchange.EventKind{exchange.KindTrade, exchange.KindQuote, exchange.KindBar}
	rapid.Check(t, func(t *rapid.T) {
		var heads []*head
		var want []row
		for i := range rapid.IntRange(1, 2*linearHeads).Draw(t, "streams") {
			times := rapid.SliceOfN(rapid.Int64Range(0, 3), 1, 6).Draw(t, "times")
			slices.Sort(times)
			h := streamOf(rapid.SampledFrom(kinds).Draw(t, "kind"), uint16(i), times...)
			heads = append(heads, h)
			for n, at := range times {
				want = append(want, row{at, h.kind, h.index, n})
			}
		}
		slices.SortFunc(want, func(a, b row) int {
			return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.kind, b.kind), cmp.Compare(a.stream, b.stream),
				cmp.Compare(a.number, b.number))
		})
		most := rapid.IntRange(1, 5).Draw(t, "most")
		var got []row
		m := newMerge(heads)
		for best, limit := m.pick(); best != nil; best, limit = m.pick() {
			for range best.run(limit, most) {
				got = append(got, row{best.time(), best.kind, best.index, best.pos})
				best.pos++
			}
			if best.pos == best.b.n {
				m.remove(best)
			} else {
				m.moved(best)
			}
		}
		require.Equal(t, want, got)
	})
}

// A run is every row before the limit, as far as there is room, and one row at least.
func TestRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(0, 40), 1, 40).Draw(t, "times")
		slices.Sort(times)
		h := streamOf(exchange.KindTrade, 0, times...)
		h.pos = rapid.IntRange(0, len(times)-1).Draw(t, "position")
		limit := rapid.Int64Range(h.time()+1, 45).Draw(t, "limit")
		most := rapid.IntRange(1, 45).Draw(t, "most")
		want := 0
		for _, at := range times[h.pos:] {
			if at < limit && want < most {
				want++
			}
		}
		require.Equal(t, want, h.run(limit, most))
		require.Equal(t, min(most, len(times)-h.pos), h.run(math.MaxInt64, most))
	})
}

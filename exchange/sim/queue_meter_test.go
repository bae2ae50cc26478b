package sim

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// metered is a meter and the market that it is shown.
type metered struct {
	*CancelMeter
	now exchange.Time
}

func newMetered(t require.TestingT, parts int) *metered {
	set := new(exchange.Instruments)
	require.NoError(t, set.Load(strings.NewReader(testInstruments)))
	i, err := set.Lookup("test", "ABC")
	require.NoError(t, err)
	return &metered{NewCancelMeter(i, parts), epoch}
}

func (m *metered) order(id uint64, price int, qty exchange.Qty, flags exchange.Flags) {
	ev := exchange.BookOrderEvent(m.now, m.now, 0, exchange.Buy, exchange.BookOrder{ID: id, Price: exchange.Price(price) * exchange.PriceUnit, Qty: qty}, flags)
	m.See(&ev)
}

func (m *metered) trade(price int, qty exchange.Qty) {
	ev := exchange.TradeEvent(m.now, m.now, 0, exchange.Trade{Side: exchange.Sell, Price: exchange.Price(price) * exchange.PriceUnit, Qty: qty})
	m.See(&ev)
}

func (m *metered) later() { m.now = m.now.Add(time.Second) }

// Worked out by hand, with quarters: what each step adds to them.
func TestCancelMeter(t *testing.T) {
	m := newMetered(t, 4)
	_, ok := m.Model()
	require.False(t, ok, "nothing was cancelled")
	m.From = epoch
	m.now = epoch - 1
	m.order(7, 100, 10, exchange.FlagClear|exchange.FlagSnapshot)
	m.order(8, 100, 10, exchange.FlagSnapshot|exchange.FlagLast)
	m.order(7, 100, 0, exchange.FlagLast)
	require.Equal(t, []float64{0, 0, 0, 0}, m.Cancelled(), "that was before")
	m.now = epoch
	m.order(1, 100, 10, exchange.FlagClear|exchange.FlagSnapshot)
	m.order(2, 100, 10, exchange.FlagSnapshot)
	m.order(3, 100, 20, exchange.FlagSnapshot)
	m.order(4, 90, 5, exchange.FlagSnapshot|exchange.FlagLast)
	steps := []struct {
		what string
		do   func()
		adds []float64
	}{
		{"the second quarter, all of it", func() { m.order(2, 100, 0, exchange.FlagLast) }, []float64{0, 10, 0, 0}},
		{"a half of the last two thirds of thirty", func() { m.order(3, 100, 10, exchange.FlagLast) }, []float64{0, 2.5, 3.75, 3.75}},
		{"alone at its price", func() { m.order(4, 90, 0, exchange.FlagLast) }, []float64{0, 0, 0, 0}},
		{"traded", func() { m.trade(100, 4); m.order(1, 100, 6, exchange.FlagLast) }, []float64{0, 0, 0, 0}},
		{"at the front, without a trade: six of sixteen", func() { m.order(1, 100, 3, exchange.FlagLast) }, []float64{2, 1, 0, 0}},
		{"moves away: three of thirteen", func() { m.order(1, 99, 3, exchange.FlagLast) }, []float64{3, 0, 0, 0}},
		{"comes again", func() { m.order(5, 100, 10, exchange.FlagLast) }, []float64{0, 0, 0, 0}},
		{"grows, and goes to the back: ten of twenty", func() { m.order(3, 100, 12, exchange.FlagLast) }, []float64{5, 5, 0, 0}},
		{"a trade explains the first alone: the last twelve of twenty-two", func() { m.trade(100, 20); m.order(3, 100, 0, exchange.FlagLast) }, []float64{0, 1, 5.5, 5.5}},
	}
	before := m.Cancelled()
	for _, s := range steps {
		m.later()
		s.do()
		for i, q := range m.Cancelled() {
			require.InDelta(t, s.adds[i], q-before[i], 1e-9, "%s, part %d", s.what, i+1)
		}
		before = m.Cancelled()
	}
	// A snapshot is no cancellation.
	m.later()
	m.order(9, 100, 1, exchange.FlagClear|exchange.FlagSnapshot|exchange.FlagLast)
	require.Equal(t, before, m.Cancelled())
	q, ok := m.Model()
	require.True(t, ok)
	all := before[0] + before[1] + before[2] + before[3]
	require.InDelta(t, before[0]/all, q.Ahead[0], 0.001)
	require.InDelta(t, 1-before[3]/all, q.Ahead[2], 0.001)
	same, err := ParseQueue(q.String())
	require.NoError(t, err)
	require.Equal(t, q, same)
}

// The meter finds the curve by which orders were cancelled.
func TestCancelMeterFindsTheCurve(t *testing.T) {
	for _, want := range []MeasuredCancels{{[]float64{0.25, 0.5, 0.75}}, {[]float64{0.1, 0.3, 0.6}}, {[]float64{0.5, 0.7, 0.9}}} {
		m := newMetered(t, 4)
		random := rand.New(rand.NewPCG(1, 1))
		var queue []uint64
		next := uint64(0)
		for range 40_000 {
			m.later()
			for len(queue) < 40 {
				next++
				queue = append(queue, next)
				m.order(next, 100, 5, exchange.FlagLast)
			}
			part := inverse(want, random.Float64())
			i := min(int(part*float64(len(queue))), len(queue)-1)
			m.order(queue[i], 100, 0, exchange.FlagLast)
			queue = slices.Delete(queue, i, i+1)
		}
		got, ok := m.Model()
		require.True(t, ok)
		for i := range want.Ahead {
			require.InDelta(t, want.Ahead[i], got.Ahead[i], 0.015, "%s is found as %s", want, got)
		}
	}
}

// inverse returns the part of a queue within which a share of the cancels stands.
func inverse(m MeasuredCancels, share float64) float64 {
	lo, hi := 0.0, 1.0
	for range 40 {
		if mid := (lo + hi) / 2; m.within(mid) < share {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// Whatever the changes, what is measured is what was lost without a trade, and no more.
func TestCancelMeterAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMetered(t, rapid.IntRange(2, 9).Draw(t, "parts"))
		m.order(1, 100, 5, exchange.FlagClear|exchange.FlagSnapshot|exchange.FlagLast)
		open := map[uint64]exchange.Qty{1: 5}
		var lost exchange.Qty
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			m.later()
			if rapid.IntRange(0, 3).Draw(t, "trade") == 0 {
				m.trade(100, exchange.Qty(rapid.IntRange(1, 9).Draw(t, "traded")))
			}
			id, qty := uint64(rapid.IntRange(1, 8).Draw(t, "id")), exchange.Qty(rapid.IntRange(0, 9).Draw(t, "qty"))
			if was := open[id]; qty < was {
				lost += was - qty
			} else if was > 0 && qty > was {
				lost += was // to the back
			}
			open[id] = qty
			flags := exchange.FlagLast
			if rapid.IntRange(0, 9).Draw(t, "sent anew") == 0 {
				flags |= exchange.FlagClear | exchange.FlagSnapshot
				clear(open)
				open[id] = qty
			}
			m.order(id, 100, qty, flags)
			level := exchange.Qty(0)
			for _, q := range m.queues[queuePlace{exchange.Buy, 100 * exchange.PriceUnit}] {
				level += q.Qty
			}
			require.Equal(t, m.book.Book().Qty(exchange.Buy, 100*exchange.PriceUnit), level)
		}
		sum := 0.0
		for _, q := range m.Cancelled() {
			require.GreaterOrEqual(t, q, 0.0)
			sum += q
		}
		require.LessOrEqual(t, sum, float64(lost)+1e-6)
		if q, ok := m.Model(); ok {
			require.True(t, slices.IsSorted(q.Ahead))
		}
	})
}

package sim

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// mixer sends the mix of operations that exchange-core publishes its speed for: 9 %
// new limit orders, 3 % that take at once, 6 % cancellations and 82 % moves, with
// about 1000 orders open in 750 price slots. The market stands still meanwhile.
type mixer struct {
	x       *Exchange
	r       *rand.Rand
	now     exchange.Time
	open    []placed
	at      exchange.Price
	reports []exchange.Report
	script  []draw // made beforehand, so that only the exchange is measured
	next    int
}

// draw is what chance has for one operation, in few bytes to leave the cache to the
// exchange.
type draw struct {
	order uint32 // which of the open ones, of 2^32
	slot  uint16 // from the middle
	kind  uint8
	side  exchange.Side
}

func (m *mixer) draw() draw {
	return draw{m.r.Uint32(), uint16(1 + m.r.IntN(mixSlots/2)), uint8(m.r.IntN(100)), exchange.Side(1 + m.r.IntN(2))}
}

type placed struct {
	id   exchange.OrderID
	side exchange.Side
}

const mixOrders, mixSlots = 1000, 750

func newMixer(tb testing.TB) *mixer {
	tb.Helper()
	c := testConfig(tb)
	c.Symbols, c.Balance = c.Symbols[:1], 1_000_000_000_000_000
	x, err := New(c)
	require.NoError(tb, err)
	m := &mixer{x: x, r: rand.New(rand.NewPCG(1, 2)), now: epoch}
	for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
		for i := range mixSlots/2 + 1 {
			f := exchange.FlagLast
			if side == exchange.Buy && i == 0 {
				f |= exchange.FlagClear
			}
			p := 20_000*half - exchange.Price(side.Sign())*exchange.Price(i+1)*half
			ev := exchange.LevelEvent(epoch, epoch, 0, side, exchange.Level{Price: p, Qty: 1 << 40}, f)
			x.Market(&ev)
		}
	}
	m.advance()
	for len(m.open) < mixOrders {
		d := m.draw()
		m.place(&d)
	}
	for range 1 << 14 {
		m.script = append(m.script, m.draw())
	}
	return m
}

func (m *mixer) advance() {
	m.reports, _ = m.x.Advance(context.Background(), m.now, m.reports[:0])
}

// price is one of the slots on a side of the middle, which an order of that side does
// not take from.
func (d *draw) price(side exchange.Side) exchange.Price {
	return 20_000*half - exchange.Price(side.Sign())*exchange.Price(d.slot)*half
}

func (m *mixer) place(d *draw) {
	_, _ = m.x.Submit(context.Background(), exchange.NewOrder{Side: d.side, Qty: 10, Price: d.price(d.side), Type: exchange.Limit})
	m.advance()
	m.open = append(m.open, placed{m.reports[0].Order.OrderID, d.side})
}

func (m *mixer) take(d *draw) {
	_, _ = m.x.Submit(context.Background(), exchange.NewOrder{Side: d.side, Qty: 1, Price: d.price(d.side.Opposite()), Type: exchange.Limit,
		TimeInForce: exchange.ImmediateOrCancel})
	m.advance()
}

func (m *mixer) cancel(d *draw) {
	i := m.pick(d)
	_ = m.x.Cancel(context.Background(), exchange.CancelOrder{OrderID: m.open[i].id})
	m.advance()
	last := len(m.open) - 1
	m.open[i] = m.open[last]
	m.open = m.open[:last]
}

func (m *mixer) move(d *draw) {
	o := &m.open[m.pick(d)]
	m.at = d.price(o.side)
	_ = m.x.Amend(context.Background(), exchange.AmendOrder{OrderID: o.id, Price: &m.at})
	m.advance()
}

// pick is one of the open orders.
func (m *mixer) pick(d *draw) int { return int(uint64(d.order) * uint64(len(m.open)) >> 32) }

func (m *mixer) step() {
	m.now += 1000
	d := &m.script[m.next&(len(m.script)-1)]
	m.next++
	switch {
	case d.kind < 9 && len(m.open) < mixOrders+100, len(m.open) < mixOrders-100:
		m.place(d)
	case d.kind < 12:
		m.take(d)
	case d.kind < 18 || len(m.open) >= mixOrders+100:
		m.cancel(d)
	default:
		m.move(d)
	}
}

// BenchmarkOrders measures one operation, accounting and reports included.
func BenchmarkOrders(b *testing.B) {
	b.Run("mix", func(b *testing.B) {
		m := newMixer(b)
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			m.step()
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mops/s")
	})
	b.Run("latency", func(b *testing.B) {
		m := newMixer(b)
		took := make([]time.Duration, 0, b.N)
		b.ResetTimer()
		for range b.N {
			start := time.Now()
			m.step()
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		for _, q := range []struct {
			name string
			at   float64
		}{{"p50-ns", 0.5}, {"p99-ns", 0.99}, {"p99.9-ns", 0.999}} {
			b.ReportMetric(float64(took[int(q.at*float64(len(took)-1))]), q.name)
		}
	})
}

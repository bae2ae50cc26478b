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
		m.place()
	}
	return m
}

func (m *mixer) advance() {
	m.reports, _ = m.x.Advance(context.Background(), m.now, m.reports[:0])
}

// price is one of the slots that do not take.
func (m *mixer) price(side exchange.Side) exchange.Price {
	return 20_000*half - exchange.Price(side.Sign())*exchange.Price(1+m.r.IntN(mixSlots/2))*half
}

func (m *mixer) place() {
	side := exchange.Side(1 + m.r.IntN(2))
	_, _ = m.x.Submit(context.Background(), exchange.NewOrder{Side: side, Qty: 10, Price: m.price(side), Type: exchange.Limit})
	m.advance()
	m.open = append(m.open, placed{m.reports[0].Order.OrderID, side})
}

func (m *mixer) take() {
	side := exchange.Side(1 + m.r.IntN(2))
	_, _ = m.x.Submit(context.Background(), exchange.NewOrder{Side: side, Qty: 1, Price: m.price(side.Opposite()), Type: exchange.Limit,
		TimeInForce: exchange.ImmediateOrCancel})
	m.advance()
}

func (m *mixer) cancel() {
	i := m.r.IntN(len(m.open))
	_ = m.x.Cancel(context.Background(), exchange.CancelOrder{OrderID: m.open[i].id})
	m.advance()
	last := len(m.open) - 1
	m.open[i] = m.open[last]
	m.open = m.open[:last]
}

func (m *mixer) move() {
	o := &m.open[m.r.IntN(len(m.open))]
	m.at = m.price(o.side)
	_ = m.x.Amend(context.Background(), exchange.AmendOrder{OrderID: o.id, Price: &m.at})
	m.advance()
}

func (m *mixer) step() {
	m.now += 1000
	switch n := m.r.IntN(100); {
	case n < 9 && len(m.open) < mixOrders+100, len(m.open) < mixOrders-100:
		m.place()
	case n < 12:
		m.take()
	case n < 18 || len(m.open) >= mixOrders+100:
		m.cancel()
	default:
		m.move()
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

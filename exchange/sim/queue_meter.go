package sim

import (
	"cmp"
	"math"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// CancelMeter measures where in their queues orders are cancelled, from data with every
// order (L3): what an order loses without a trade counts at the part of the queue of its
// price in which it stood. Orders that are alone at their price say nothing, nor does
// what a trade of the same instant explains of the first in a queue.
//
// An order that moves to another price, or grows and so goes to the back, has left its
// place as one that is cancelled has.
type CancelMeter struct {
	From exchange.Time // what happens before builds the book and does not count

	instrument *exchange.Instrument
	until      exchange.Time                    // when its tick may change
	queues     map[queuePlace][]exchange.Queued // by place
	book       *exchange.OrderBook
	parts      []float64        // contracts
	at         exchange.Time    // of the trades
	traded     []exchange.Trade // of this instant, and not found in the book yet
	open       bool             // a snapshot is being received
}

type queuePlace struct {
	side  exchange.Side
	price exchange.Price
}

// NewCancelMeter returns a meter for an instrument that divides queues into a number of
// equal parts, at least 2.
func NewCancelMeter(i *exchange.Instrument, parts int) *CancelMeter {
	return &CancelMeter{instrument: i, queues: map[queuePlace][]exchange.Queued{}, book: exchange.NewOrderBook(i.At(0).TickSize), parts: make([]float64, max(parts, 2))}
}

// See takes in an event of the symbol, in order of time: a change of an order, or a trade.
func (m *CancelMeter) See(ev *exchange.Event) {
	if ev.Time >= m.until {
		m.book.Retick(m.instrument.At(ev.Time).TickSize)
		m.until = m.instrument.NextChange(ev.Time)
	}
	switch ev.Kind {
	case exchange.KindTrade:
		if ev.Time != m.at {
			m.at, m.traded = ev.Time, m.traded[:0]
		}
		m.traded = append(m.traded, ev.Trade())
	case exchange.KindOrder:
		m.change(ev)
	}
}

func (m *CancelMeter) change(ev *exchange.Event) {
	if ev.Flags&exchange.FlagClear != 0 {
		m.open = true
		clear(m.queues)
	}
	was, now := m.book.Apply(ev)
	ahead, level := m.stood(&was)
	m.follow(&was, &now)
	gone := was.Qty
	if now.Qty > 0 && now.Seq == was.Seq {
		gone -= now.Qty
	}
	if m.open || ev.Time < m.From {
		gone = 0
		m.open = m.open && ev.Flags&exchange.FlagLast == 0
	}
	if ahead == 0 && ev.Time == m.at {
		gone -= m.explained(&was, gone)
	}
	if level > was.Qty && gone > 0 {
		m.add(float64(ahead)/float64(level), float64(ahead+was.Qty)/float64(level), float64(gone))
	}
}

// stood returns what was ahead of an order, and all that stood at its price.
func (m *CancelMeter) stood(o *exchange.Queued) (ahead, level exchange.Qty) {
	if o.Qty == 0 {
		return 0, 0
	}
	for _, q := range m.queues[queueOf(o)] {
		if q.Seq < o.Seq {
			ahead += q.Qty
		}
		level += q.Qty
	}
	return ahead, level
}

// follow keeps the queues as the book is.
func (m *CancelMeter) follow(was, now *exchange.Queued) {
	if was.Qty > 0 {
		list := m.queues[queueOf(was)]
		if i, ok := slices.BinarySearchFunc(list, was.Seq, bySeq); ok {
			m.queues[queueOf(was)] = slices.Delete(list, i, i+1)
		}
	}
	if now.Qty > 0 {
		list := m.queues[queueOf(now)]
		i, _ := slices.BinarySearchFunc(list, now.Seq, bySeq)
		m.queues[queueOf(now)] = slices.Insert(list, i, *now)
	}
}

func queueOf(o *exchange.Queued) queuePlace { return queuePlace{o.Side, o.Price} }

func bySeq(q exchange.Queued, seq uint64) int { return cmp.Compare(q.Seq, seq) }

// explained returns how much of what the first order of a queue has lost has traded, and
// takes it off the trades.
func (m *CancelMeter) explained(o *exchange.Queued, gone exchange.Qty) (sum exchange.Qty) {
	for i := range m.traded {
		t := &m.traded[i]
		if t.Price == o.Price && t.Side != o.Side {
			q := min(t.Qty, gone-sum)
			t.Qty -= q
			sum += q
		}
	}
	return sum
}

// add spreads a quantity over a part of a queue.
func (m *CancelMeter) add(from, to, qty float64) {
	n := float64(len(m.parts))
	for i := range m.parts {
		if in := min(to, float64(i+1)/n) - max(from, float64(i)/n); in > 0 {
			m.parts[i] += qty * in / (to - from)
		}
	}
}

// Cancelled returns how many contracts were cancelled in each part of the queues, the
// front first.
func (m *CancelMeter) Cancelled() []float64 { return append([]float64(nil), m.parts...) }

// Model returns the queue model that was measured, its shares to a thousandth; ok is
// false if nothing was.
func (m *CancelMeter) Model() (q MeasuredCancels, ok bool) {
	var all, sum float64
	for _, p := range m.parts {
		all += p
	}
	if all == 0 {
		return q, false
	}
	for _, p := range m.parts[:len(m.parts)-1] {
		sum += p
		q.Ahead = append(q.Ahead, min(math.Round(sum/all*1000)/1000, 1))
	}
	return q, true
}

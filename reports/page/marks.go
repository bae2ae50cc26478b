package page

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// markKind is what a fill did, as the price chart shows it.
type markKind int

const (
	opened markKind = iota
	closed
	stopped // closed by an order that waited for a trigger
	forced  // liquidation or settlement
)

// mark is one or several fills on the price chart.
type mark struct {
	at    exchange.Time
	kind  markKind
	qty   int64   // signed: negative when sold
	price float64 // average
	fills int
}

// marks are the fills of a run: each for itself as long as there are few, and those
// of the same kind and side in a candle together from then on.
type marks struct {
	each   []mark
	merged []mark
	last   map[markKey]int // in merged, of the current candle
	candle exchange.Time
	many   bool
}

type markKey struct {
	kind markKind
	buy  bool
}

func (m *marks) add(x mark, width int64) {
	if len(m.each) < mostMarks {
		m.each = append(m.each, x)
	} else {
		m.many = true
	}
	start := x.at - x.at%exchange.Time(width)
	if m.last == nil || start != m.candle {
		m.last, m.candle = make(map[markKey]int), start
	}
	key := markKey{x.kind, x.qty > 0}
	i, ok := m.last[key]
	if !ok {
		m.last[key] = len(m.merged)
		m.merged = append(m.merged, x)
		return
	}
	k := &m.merged[i]
	total := k.qty + x.qty
	k.price += (x.price - k.price) * float64(x.qty) / float64(total)
	k.qty, k.fills = total, k.fills+1
}

func (m *marks) list() []mark {
	if m.many {
		return m.merged
	}
	return m.each
}

func (r *run) markOf(f *fillRow) mark {
	change := f.Qty
	if f.Side == exchange.Sell.String() {
		change = -change
	}
	x := mark{at: exchange.Time(f.Time), qty: change, price: exchange.Price(f.Price).Float64(), fills: 1, kind: closed}
	switch {
	case f.ExecType != exchange.ExecTrade.String():
		x.kind = forced
	case f.Position != 0 && (abs(f.Position) > abs(f.Position-change) || (f.Position > 0) != (f.Position-change > 0)):
		x.kind = opened // or turned
	case r.stops[f.OrderID]:
		x.kind = stopped
	}
	return x
}

func abs(n int64) int64 { return max(n, -n) }

package data

import (
	"cmp"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// linearHeads is up to how many streams looking at all of them is faster than a
// heap.
const linearHeads = 8

// head is where the merge stands in one stream.
type head struct {
	stream *stream
	kind   exchange.EventKind
	symbol exchange.SymbolID
	index  uint16 // of the stream in the query
	rank   int    // order among events of equal time: (kind, index)
	at     int    // in the heap
	b      *block
	pos    int
	bounds exchange.Bounds // of the rows
	gaps   gapCounter
}

func (h *head) set(b *block) { h.b, h.pos = b, 0 }

// next goes on with the next rows of a feed.
func (h *head) next(b *block) {
	h.set(b)
	if b != nil {
		h.gaps.see(b.ints[0][:b.n])
	}
}

func (h *head) time() int64 { return h.b.ints[0][h.pos] }

// run returns how many rows from the position on, at most most, are before the
// limit. There is at least one. Streams move in long runs (bars of one symbol)
// or in short ones (quotes among trades), so the search gallops.
func (h *head) run(limit int64, most int) int {
	times := h.b.ints[0][h.pos:h.b.n]
	if len(times) > most {
		times = times[:most]
	}
	if times[len(times)-1] < limit {
		return len(times)
	}
	step := 1
	for step < len(times) && times[step] < limit {
		step *= 2
	}
	lo, hi := step/2+1, min(step, len(times)) // times[lo-1] < limit, hi is the end or not below it
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if times[mid] < limit {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// merge finds the stream whose row comes next. The streams are sorted by rank,
// so that of two rows of equal time the one of the lower index wins.
type merge struct {
	heads []*head // by rank, or as a heap
	heap  bool
}

func newMerge(heads []*head) merge {
	m := merge{heads: slices.Clone(heads), heap: len(heads) > linearHeads}
	slices.SortFunc(m.heads, func(a, b *head) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.index, b.index))
	})
	for i, h := range m.heads {
		h.rank, h.at = i, i
	}
	if m.heap {
		for i := len(m.heads)/2 - 1; i >= 0; i-- {
			m.down(i)
		}
	}
	return m
}

const forever = int64(exchange.Never)

// pick returns the stream that comes next, and the time at which it is another
// stream's turn. It returns nil when all have ended.
func (m *merge) pick() (*head, int64) {
	if len(m.heads) == 0 {
		return nil, 0
	}
	if m.heap {
		return m.pickHeap()
	}
	best, limit := m.heads[0], forever
	at := best.time()
	for _, h := range m.heads[1:] {
		t := h.time()
		if t < at {
			// What led so far comes before an equal time of h.
			best, at, limit = h, t, at
			continue
		}
		if t < limit {
			limit = t + 1 // best comes first at an equal time
		}
	}
	return best, limit
}

func (m *merge) pickHeap() (*head, int64) {
	best := m.heads[0]
	second := m.first(1, 2)
	if second == 0 {
		return best, forever
	}
	other := m.heads[second]
	limit := other.time()
	if best.rank < other.rank {
		limit++
	}
	return best, limit
}

// first returns which of two places of the heap comes first, 0 if neither
// exists. i is less than j.
func (m *merge) first(i, j int) int {
	switch {
	case i >= len(m.heads):
		return 0
	case j < len(m.heads) && m.less(j, i):
		return j
	}
	return i
}

func (m *merge) less(i, j int) bool {
	a, b := m.heads[i], m.heads[j]
	s, t := a.time(), b.time()
	return s < t || s == t && a.rank < b.rank
}

// moved restores the order after the stream that was picked has moved on.
func (m *merge) moved(*head) {
	if m.heap {
		m.down(0)
	}
}

// remove takes out the stream that was picked.
func (m *merge) remove(h *head) {
	if !m.heap {
		m.heads = slices.DeleteFunc(m.heads, func(o *head) bool { return o == h })
		return
	}
	last := len(m.heads) - 1
	m.heads[0] = m.heads[last]
	m.heads = m.heads[:last]
	m.down(0)
}

func (m *merge) down(i int) {
	for {
		c := m.first(2*i+1, 2*i+2)
		if c == 0 || !m.less(c, i) {
			return
		}
		m.heads[i], m.heads[c] = m.heads[c], m.heads[i]
		i = c
	}
}

// fill turns the next len(dst) rows into events.
func (h *head) fill(dst []exchange.Event) {
	b, from, to := h.b, h.pos, h.pos+len(dst)
	time, arrival := b.ints[0][from:to], b.ints[1][from:to]
	switch h.kind {
	case exchange.KindTrade, exchange.KindLiquidation:
		h.fillTrades(dst, time, arrival, b.ints[2][from:to], b.ints[3][from:to], b.small[0][from:to])
	case exchange.KindBook:
		h.fillBook(dst, time, arrival, b.ints[2][from:to], b.ints[3][from:to], b.small[0][from:to], b.small[1][from:to])
	case exchange.KindOrder:
		for i := range dst {
			dst[i].SetBookOrder(exchange.Time(time[i]), exchange.Time(arrival[i]), h.symbol, side(b.small[0][from+i]),
				exchange.BookOrder{ID: uint64(b.ints[4][from+i]), Price: exchange.Price(b.ints[2][from+i]), Qty: exchange.Qty(b.ints[3][from+i])},
				exchange.Flags(b.small[1][from+i]))
			dst[i].Stream = h.index
		}
	case exchange.KindQuote:
		h.fillQuotes(dst, time, arrival, b.ints[2][from:to], b.ints[3][from:to], b.ints[4][from:to], b.ints[5][from:to])
	case exchange.KindBar:
		h.fillBars(dst, from)
	case exchange.KindMark:
		for i := range dst {
			dst[i] = exchange.MarkEvent(exchange.Time(time[i]), exchange.Time(arrival[i]), h.symbol,
				exchange.Mark{Mark: exchange.Price(b.ints[2][from+i]), Index: exchange.Price(b.ints[3][from+i])})
			dst[i].Stream = h.index
		}
	case exchange.KindFunding:
		for i := range dst {
			dst[i] = exchange.FundingEvent(exchange.Time(time[i]), exchange.Time(arrival[i]), h.symbol,
				exchange.Funding{Rate: exchange.Ratio(b.ints[2][from+i]), Due: exchange.Time(b.ints[3][from+i])})
			dst[i].Stream = h.index
		}
	}
}

// side turns the bit "buy" into a side.
func side(buy uint8) exchange.Side { return exchange.Sell - exchange.Side(buy) }

// The columns of the following are as long as dst; saying so spares a check for
// every value.

func (h *head) fillTrades(dst []exchange.Event, time, arrival, price, qty []int64, buy []uint8) {
	time, arrival, price, qty, buy = time[:len(dst)], arrival[:len(dst)], price[:len(dst)], qty[:len(dst)], buy[:len(dst)]
	for i := range dst {
		e := &dst[i]
		e.SetTrade(exchange.Time(time[i]), exchange.Time(arrival[i]), h.symbol,
			exchange.Trade{Side: side(buy[i]), Price: exchange.Price(price[i]), Qty: exchange.Qty(qty[i])})
		e.Kind, e.Stream = h.kind, h.index
	}
}

func (h *head) fillBook(dst []exchange.Event, time, arrival, price, qty []int64, buy, flags []uint8) {
	time, arrival, price, qty = time[:len(dst)], arrival[:len(dst)], price[:len(dst)], qty[:len(dst)]
	buy, flags = buy[:len(dst)], flags[:len(dst)]
	for i := range dst {
		e := &dst[i]
		e.SetLevel(exchange.Time(time[i]), exchange.Time(arrival[i]), h.symbol, side(buy[i]),
			exchange.Level{Price: exchange.Price(price[i]), Qty: exchange.Qty(qty[i])}, exchange.Flags(flags[i]))
		e.Stream = h.index
	}
}

func (h *head) fillQuotes(dst []exchange.Event, time, arrival, bid, bidQty, ask, askQty []int64) {
	time, arrival, bid, bidQty = time[:len(dst)], arrival[:len(dst)], bid[:len(dst)], bidQty[:len(dst)]
	ask, askQty = ask[:len(dst)], askQty[:len(dst)]
	for i := range dst {
		e := &dst[i]
		e.SetQuote(exchange.Time(time[i]), exchange.Time(arrival[i]), h.symbol, exchange.Quote{
			BidPrice: exchange.Price(bid[i]), BidQty: exchange.Qty(bidQty[i]),
			AskPrice: exchange.Price(ask[i]), AskQty: exchange.Qty(askQty[i]),
		})
		e.Stream = h.index
	}
}

func (h *head) fillBars(dst []exchange.Event, from int) {
	c := h.b.ints
	for i := range dst {
		row := from + i
		e := &dst[i]
		*e = exchange.BarEvent(exchange.Bar{
			Symbol: h.symbol, Start: exchange.Time(c[0][row]), End: exchange.Time(c[1][row]),
			Open: exchange.Price(c[2][row]), High: exchange.Price(c[3][row]),
			Low: exchange.Price(c[4][row]), Close: exchange.Price(c[5][row]),
			Volume: exchange.Qty(c[6][row]), Turnover: exchange.Money(c[7][row]), Trades: c[8][row],
			Quiet: h.b.small[0][row] != 0,
		})
		e.Stream = h.index
	}
}

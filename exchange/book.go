package exchange

import (
	"math/bits"
	"slices"
)

// windowTicks is the width of the flat part of each side of a book. It spans
// far more than a market moves between two recentrings.
const windowTicks = 4096

const windowWords = windowTicks / 64

// Book is an order book of price levels. Levels near the market live in a flat
// array indexed by tick, with a bitmap to find the next one; levels far away,
// and prices that are off the tick, live in a sorted spill. The window follows
// the market.
//
// A Book belongs to one goroutine. Its owner makes a new one when the tick size
// of the instrument changes.
type Book struct {
	tick Price
	bids half
	asks half
}

// half is one side. Prices in the window are base + i·tick for i in
// [0, windowTicks).
type half struct {
	side  Side
	tick  Price
	base  Price // lowest price of the window
	best  int   // index of the best level in the window, -1 if it is empty
	n     int   // levels in the window
	words [windowWords]uint64
	sum   uint64 // bit w is set when words[w] is not zero
	qty   [windowTicks]Qty
	spill []Level // sorted ascending by price
}

// NewBook returns an empty book. It panics unless tick is positive.
func NewBook(tick Price) *Book {
	if tick <= 0 {
		panic("exchange: a book needs a positive tick")
	}
	b := &Book{tick: tick}
	b.bids = half{side: Buy, tick: tick, best: -1}
	b.asks = half{side: Sell, tick: tick, best: -1}
	return b
}

// Set gives a price level an absolute quantity, 0 removing it, and returns what
// it held before. Buy is the bid side.
func (b *Book) Set(side Side, p Price, q Qty) (old Qty) { return b.half(side).set(p, q) }

// Clear removes every level.
func (b *Book) Clear() {
	b.bids.clear()
	b.asks.clear()
}

// Apply carries out a KindBook event.
func (b *Book) Apply(e *Event) {
	if e.Flags&FlagClear != 0 {
		b.Clear()
	}
	b.half(e.Side).set(Price(e.v[0]), Qty(e.v[1]))
}

// Qty returns the quantity at a price, 0 when there is no such level.
func (b *Book) Qty(side Side, p Price) Qty { return b.half(side).at(p) }

// Best returns the highest bid or the lowest ask.
func (b *Book) Best(side Side) (Level, bool) { return b.half(side).top() }

// Bid returns the highest bid, the zero Level when there is none.
func (b *Book) Bid() Level {
	l, _ := b.bids.top()
	return l
}

// Ask returns the lowest ask, the zero Level when there is none.
func (b *Book) Ask() Level {
	l, _ := b.asks.top()
	return l
}

// Mid returns the middle between bid and ask; ok is false unless both exist.
func (b *Book) Mid() (mid Price, ok bool) {
	bid, okBid := b.bids.top()
	ask, okAsk := b.asks.top()
	return (bid.Price + ask.Price) / 2, okBid && okAsk
}

// Crossed reports whether the best bid reaches the best ask, which no correct
// book does.
func (b *Book) Crossed() bool {
	bid, okBid := b.bids.top()
	ask, okAsk := b.asks.top()
	return okBid && okAsk && bid.Price >= ask.Price
}

// Len returns the number of levels of a side.
func (b *Book) Len(side Side) int {
	h := b.half(side)
	return h.n + len(h.spill)
}

// Next returns the best level strictly worse than p: lower for bids, higher for
// asks. With Best it walks a side without a closure.
func (b *Book) Next(side Side, p Price) (Level, bool) { return b.half(side).next(p) }

// AppendLevels appends up to n levels of a side, best first; all if n <= 0.
func (b *Book) AppendLevels(dst []Level, side Side, n int) []Level {
	l, ok := b.Best(side)
	for i := 0; ok && (n <= 0 || i < n); i++ {
		dst = append(dst, l)
		l, ok = b.Next(side, l.Price)
	}
	return dst
}

// View returns the book for reading.
func (b *Book) View() BookView { return BookView{b} }

func (b *Book) half(side Side) *half {
	if side == Sell {
		return &b.asks
	}
	return &b.bids
}

// BookView is a book that can only be read. It shows the book as it is at each
// call, not as it was when the view was made.
type BookView struct{ b *Book }

// Qty returns the quantity at a price.
func (v BookView) Qty(side Side, p Price) Qty { return v.b.Qty(side, p) }

// Best returns the highest bid or the lowest ask.
func (v BookView) Best(side Side) (Level, bool) { return v.b.Best(side) }

// Bid returns the highest bid, the zero Level when there is none.
func (v BookView) Bid() Level { return v.b.Bid() }

// Ask returns the lowest ask, the zero Level when there is none.
func (v BookView) Ask() Level { return v.b.Ask() }

// Mid returns the middle between bid and ask.
func (v BookView) Mid() (Price, bool) { return v.b.Mid() }

// Len returns the number of levels of a side.
func (v BookView) Len(side Side) int { return v.b.Len(side) }

// Next returns the best level strictly worse than p.
func (v BookView) Next(side Side, p Price) (Level, bool) { return v.b.Next(side, p) }

// AppendLevels appends up to n levels of a side, best first; all if n <= 0.
func (v BookView) AppendLevels(dst []Level, side Side, n int) []Level {
	return v.b.AppendLevels(dst, side, n)
}

// index returns the place of a price in the window.
func (h *half) index(p Price) (int, bool) {
	d := p - h.base
	if d < 0 || d >= windowTicks*h.tick {
		return 0, false
	}
	i := d / h.tick
	return int(i), i*h.tick == d
}

func (h *half) price(i int) Price { return h.base + Price(i)*h.tick }

// better reports whether price a comes before b on this side.
func (h *half) better(a, b Price) bool {
	if h.side == Buy {
		return a > b
	}
	return a < b
}

func (h *half) set(p Price, q Qty) (old Qty) {
	i, ok := h.index(p)
	if !ok {
		return h.setFar(p, q)
	}
	old = h.qty[i]
	h.qty[i] = q
	switch {
	case q != 0 && old == 0:
		h.mark(i)
		if h.best < 0 || h.side == Buy && i > h.best || h.side == Sell && i < h.best {
			h.best = i
		}
	case q == 0 && old != 0:
		h.unmark(i)
		if i == h.best {
			h.best = h.from(i)
		}
		if h.n == 0 && len(h.spill) > 0 {
			h.recentre(h.spillBest().Price)
		}
	}
	return old
}

func (h *half) mark(i int) {
	h.words[i>>6] |= 1 << (i & 63)
	h.sum |= 1 << (i >> 6)
	h.n++
}

func (h *half) unmark(i int) {
	h.words[i>>6] &^= 1 << (i & 63)
	if h.words[i>>6] == 0 {
		h.sum &^= 1 << (i >> 6)
	}
	h.n--
}

// setFar sets a level that is not in the window.
func (h *half) setFar(p Price, q Qty) (old Qty) {
	if h.n == 0 && len(h.spill) == 0 {
		if q == 0 {
			return 0
		}
		h.centre(p)
		if _, ok := h.index(p); ok {
			return h.set(p, q)
		}
	}
	n, found := h.search(p)
	switch {
	case found && q == 0:
		old = h.spill[n].Qty
		h.spill = slices.Delete(h.spill, n, n+1)
	case found:
		old = h.spill[n].Qty
		h.spill[n].Qty = q
	case q != 0:
		h.spill = slices.Insert(h.spill, n, Level{Price: p, Qty: q})
		if p%h.tick == 0 && (h.best < 0 || h.better(p, h.price(h.best))) {
			h.recentre(p)
		}
	}
	return old
}

func (h *half) search(p Price) (int, bool) {
	return slices.BinarySearchFunc(h.spill, p, func(l Level, p Price) int {
		switch {
		case l.Price < p:
			return -1
		case l.Price > p:
			return 1
		}
		return 0
	})
}

// centre puts p in the middle of an empty window.
func (h *half) centre(p Price) { h.base = p.FloorTick(h.tick) - windowTicks/2*h.tick }

// recentre moves the window so that p is in its middle and sorts every level to
// its new place.
func (h *half) recentre(p Price) {
	for i := h.first(); i >= 0; i = h.above(i) {
		at, _ := h.search(h.price(i))
		h.spill = slices.Insert(h.spill, at, Level{Price: h.price(i), Qty: h.qty[i]})
	}
	h.empty()
	h.centre(p)
	kept := h.spill[:0]
	for _, l := range h.spill {
		i, ok := h.index(l.Price)
		if !ok {
			kept = append(kept, l)
			continue
		}
		h.qty[i] = l.Qty
		h.mark(i)
	}
	h.spill = kept
	if h.n > 0 {
		h.best = h.from(windowTicks)
		if h.side == Sell {
			h.best = h.from(-1)
		}
	}
}

func (h *half) empty() {
	for sum := h.sum; sum != 0; sum &= sum - 1 {
		w := bits.TrailingZeros64(sum)
		clear(h.qty[w<<6 : (w+1)<<6])
		h.words[w] = 0
	}
	h.sum, h.n, h.best = 0, 0, -1
}

func (h *half) clear() {
	h.empty()
	h.spill = h.spill[:0]
}

// from returns the place of the next level worse than place i, or -1.
func (h *half) from(i int) int {
	if h.side == Buy {
		return h.below(i)
	}
	return h.above(i)
}

// first returns the lowest place that holds a level, or -1.
func (h *half) first() int { return h.above(-1) }

// below returns the highest place under i that holds a level, or -1.
func (h *half) below(i int) int {
	i--
	if i < 0 {
		return -1
	}
	w := i >> 6
	if word := h.words[w] << (63 - i&63); word != 0 {
		return i - bits.LeadingZeros64(word)
	}
	rest := h.sum & (1<<w - 1)
	if rest == 0 {
		return -1
	}
	w = 63 - bits.LeadingZeros64(rest)
	return w<<6 + 63 - bits.LeadingZeros64(h.words[w])
}

// above returns the lowest place over i that holds a level, or -1.
func (h *half) above(i int) int {
	i++
	if i >= windowTicks {
		return -1
	}
	w := i >> 6
	if word := h.words[w] >> (i & 63); word != 0 {
		return i + bits.TrailingZeros64(word)
	}
	rest := h.sum &^ (1<<w - 1) &^ (1 << w)
	if rest == 0 {
		return -1
	}
	w = bits.TrailingZeros64(rest)
	return w<<6 + bits.TrailingZeros64(h.words[w])
}

func (h *half) at(p Price) Qty {
	if i, ok := h.index(p); ok {
		return h.qty[i]
	}
	if n, found := h.search(p); found {
		return h.spill[n].Qty
	}
	return 0
}

func (h *half) spillBest() Level {
	if h.side == Buy {
		return h.spill[len(h.spill)-1]
	}
	return h.spill[0]
}

func (h *half) top() (Level, bool) {
	if len(h.spill) == 0 {
		if h.best < 0 {
			return Level{}, false
		}
		return Level{Price: h.price(h.best), Qty: h.qty[h.best]}, true
	}
	far := h.spillBest()
	if h.best < 0 || h.better(far.Price, h.price(h.best)) {
		return far, true
	}
	return Level{Price: h.price(h.best), Qty: h.qty[h.best]}, true
}

func (h *half) next(p Price) (Level, bool) {
	near := h.nextInWindow(p)
	far, ok := h.nextInSpill(p)
	switch {
	case near < 0:
		return far, ok
	case ok && h.better(far.Price, h.price(near)):
		return far, true
	}
	return Level{Price: h.price(near), Qty: h.qty[near]}, true
}

func (h *half) nextInWindow(p Price) int {
	d := p - h.base
	if h.side == Buy {
		// The first place whose price is not below p bounds the search.
		return h.below(int(min(max((d+h.tick-1)/h.tick, 0), windowTicks)))
	}
	if d < 0 {
		return h.above(-1)
	}
	return h.above(int(min(d/h.tick, windowTicks)))
}

func (h *half) nextInSpill(p Price) (Level, bool) {
	if len(h.spill) == 0 {
		return Level{}, false
	}
	n, found := h.search(p)
	if h.side == Buy {
		n--
	} else if found {
		n++
	}
	if n < 0 || n >= len(h.spill) {
		return Level{}, false
	}
	return h.spill[n], true
}

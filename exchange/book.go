package exchange

import (
	"math/bits"
	"slices"
)

const (
	// windowTicks is the width of the flat part of each side of a book.
	windowTicks = 4096
	windowWords = windowTicks / 64
	// When the window moves, it leaves the best level a quarter of its width to
	// improve and covers what is behind it with the rest. It moves again when the
	// best level has left the upper three quarters, so a market that swings over
	// a thousand ticks never moves it.
	windowBest = windowTicks * 3 / 4
	windowLow  = windowTicks / 4
	// maxGrid keeps the width of the window below 2^62. Levels of a coarser tick
	// than this, a hundred thousand units of quote currency, live in the spill.
	maxGrid Price = 1 << 50
)

// Book is an order book of price levels. Levels near the market live in a flat
// array indexed by tick, with a bitmap to find the next one; levels far away,
// and prices that are off the tick, live in a sorted spill. The window follows
// the market. A change near the market takes constant time, a change in the
// spill logarithmic time and a move of what lies between it and the market, and
// neither allocates once the spill has grown.
//
// Prices must be within ±MaxPrice. A Book takes what it is told: it may be
// crossed, and it is for its owner to check ([Book.Crossed]).
//
// A Book belongs to one goroutine. Its owner makes a new one when the tick size
// of the instrument changes.
type Book struct {
	bids half
	asks half
}

// NewBook returns an empty book. It panics unless tick is positive.
func NewBook(tick Price) *Book {
	if tick <= 0 {
		panic("exchange: a book needs a positive tick")
	}
	b := new(Book)
	b.bids.init(1, tick)
	b.asks.init(-1, tick)
	return b
}

// Set gives a price level an absolute quantity, 0 or less removing it, and
// returns what it held before. Buy is the bid side.
func (b *Book) Set(side Side, p Price, q Qty) (old Qty) {
	h := b.half(side)
	return h.set(h.sign*p, max(q, 0))
}

// Clear removes every level.
func (b *Book) Clear() {
	b.bids.clear()
	b.asks.clear()
}

// Apply carries out a KindBook event: FlagClear empties both sides first, then
// the event's level is set. A level without quantity removes or, on an empty
// book, does nothing, so a snapshot of an empty book is FlagClear with no level.
func (b *Book) Apply(e *Event) {
	if e.Flags&FlagClear != 0 {
		b.Clear()
	}
	b.Set(e.Side, Price(e.v[0]), Qty(e.v[1]))
}

// Qty returns the quantity at a price, 0 when there is no such level.
func (b *Book) Qty(side Side, p Price) Qty {
	h := b.half(side)
	return h.at(h.sign * p)
}

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

// Mid returns the middle between bid and ask, rounded towards zero to 1e-10;
// ok is false unless both exist.
func (b *Book) Mid() (mid Price, ok bool) {
	bid, okBid := b.bids.top()
	ask, okAsk := b.asks.top()
	if !okBid || !okAsk {
		return 0, false
	}
	return (bid.Price + ask.Price) / 2, true
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
func (b *Book) Next(side Side, p Price) (Level, bool) {
	h := b.half(side)
	return h.next(h.sign * p)
}

// AppendLevels appends up to n levels of a side, best first; all if n <= 0.
func (b *Book) AppendLevels(dst []Level, side Side, n int) []Level {
	return b.half(side).appendLevels(dst, n)
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

// half is one side of a book. It counts in keys: the price for bids, the price
// negated for asks. So on either side the best level is the one with the
// highest key, and there is one direction to search in.
type half struct {
	sign  Price  // 1 for bids, -1 for asks
	tick  Price  // at most maxGrid
	recip uint64 // 2^63/tick rounded up: dividing by the tick is a multiplication
	base  Price  // key of place 0 of the window; place i is base + i·tick
	best  int    // place of the best level in the window, -1 if it is empty
	n     int    // levels in the window

	sum   uint64              // bit w is set when words[w] is not zero
	words [windowWords]uint64 // bit i is set when place i holds a level
	spill []Level             // keys instead of prices, ascending: the best is last
	rest  []Level             // scratch of move
	qty   [windowTicks]Qty
}

func (h *half) init(sign, tick Price) {
	h.sign, h.tick, h.best = sign, min(tick, maxGrid), -1
	h.recip = (1<<63-1)/uint64(h.tick) + 1
}

// place returns where a key is in the window; ok is false when it is outside
// or between two places.
func (h *half) place(key Price) (i int, ok bool) {
	d := uint64(key - h.base)
	if d >= windowTicks*uint64(h.tick) {
		return 0, false
	}
	// Exact for multiples of the tick. For what lies between it may be one too
	// high, which no longer multiplies back to d either way.
	q, _ := bits.Mul64(d<<1, h.recip)
	return int(q), q*uint64(h.tick) == d
}

func (h *half) key(i int) Price { return h.base + Price(i)*h.tick }

func (h *half) level(i int) Level { return Level{Price: h.sign * h.key(i), Qty: h.qty[i]} }

func (h *half) spilled(n int) Level {
	return Level{Price: h.sign * h.spill[n].Price, Qty: h.spill[n].Qty}
}

func (h *half) set(key Price, q Qty) (old Qty) {
	i, ok := h.place(key)
	if !ok {
		return h.setFar(key, q)
	}
	old = h.qty[i]
	h.qty[i] = q
	switch {
	case q != 0:
		if old == 0 {
			h.mark(i)
		}
	case old != 0:
		h.unmark(i)
	}
	return old
}

func (h *half) mark(i int) {
	h.words[i>>6] |= 1 << (i & 63)
	h.sum |= 1 << (i >> 6)
	h.n++
	h.best = max(h.best, i)
}

func (h *half) unmark(i int) {
	h.words[i>>6] &^= 1 << (i & 63)
	if h.words[i>>6] == 0 {
		h.sum &^= 1 << (i >> 6)
	}
	h.n--
	if i == h.best {
		h.best = h.below(i)
	}
}

// below returns the highest place under i that holds a level, or -1.
func (h *half) below(i int) int {
	w := i >> 6
	if w < windowWords {
		if word := h.words[w] & (1<<(i&63) - 1); word != 0 {
			return w<<6 + bits.Len64(word) - 1
		}
	}
	w = bits.Len64(h.sum&(1<<w-1)) - 1
	if w < 0 {
		return -1
	}
	return w<<6 + bits.Len64(h.words[w]) - 1
}

// setFar sets a level that has no place in the window. When it finds that the
// market has left the window, it moves the window first: not earlier, since a
// window that nobody misses need not move.
func (h *half) setFar(key Price, q Qty) (old Qty) {
	n, found := h.search(key)
	switch {
	case found && q == 0:
		old = h.spill[n].Qty
		h.spill = slices.Delete(h.spill, n, n+1)
	case found:
		old = h.spill[n].Qty
		h.spill[n].Qty = q
	case q != 0:
		if h.follow(key) {
			return h.set(key, q)
		}
		h.spill = slices.Insert(h.spill, n, Level{Price: key, Qty: q})
	}
	return old
}

// search returns where a key is, or would be, in the spill.
func (h *half) search(key Price) (int, bool) {
	lo, hi := 0, len(h.spill)
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if h.spill[m].Price < key {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo, lo < len(h.spill) && h.spill[lo].Price == key
}

// follow moves the window if the best level, which may be the new one, is no
// longer where it should be, and reports whether it moved.
func (h *half) follow(key Price) bool {
	if h.best >= 0 {
		key = max(key, h.key(h.best))
	}
	if n := len(h.spill); n > 0 {
		key = max(key, h.spill[n-1].Price)
	}
	d := key - h.base
	if windowLow*h.tick <= d && d < windowTicks*h.tick {
		return false
	}
	h.move(key.FloorTick(h.tick) - windowBest*h.tick)
	return true
}

// move gives the window a new base and sorts every level to its new place.
// What the spill holds below both windows is not touched.
func (h *half) move(base Price) {
	n, _ := h.search(h.base)
	h.rest = append(h.rest[:0], h.spill[n:]...)
	rest := h.rest
	h.spill = h.spill[:n]
	for sum := h.sum; sum != 0; sum &= sum - 1 {
		w := bits.TrailingZeros64(sum)
		for word := h.words[w]; word != 0; word &= word - 1 {
			i := w<<6 + bits.TrailingZeros64(word)
			for ; len(rest) > 0 && rest[0].Price < h.key(i); rest = rest[1:] {
				h.spill = append(h.spill, rest[0])
			}
			h.spill = append(h.spill, Level{Price: h.key(i), Qty: h.qty[i]})
		}
	}
	h.spill = append(h.spill, rest...)
	h.empty()
	h.base = base
	h.fill()
}

// fill takes the levels that have a place in the empty window from the spill.
func (h *half) fill() {
	n, _ := h.search(h.base)
	kept := h.spill[:n]
	for _, l := range h.spill[n:] {
		if i, ok := h.place(l.Price); ok {
			h.qty[i] = l.Qty
			h.mark(i)
		} else {
			kept = append(kept, l)
		}
	}
	h.spill = kept
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

func (h *half) at(key Price) Qty {
	if i, ok := h.place(key); ok {
		return h.qty[i]
	}
	if n, found := h.search(key); found {
		return h.spill[n].Qty
	}
	return 0
}

func (h *half) top() (Level, bool) {
	if n := len(h.spill) - 1; n >= 0 && (h.best < 0 || h.spill[n].Price > h.key(h.best)) {
		return h.spilled(n), true
	}
	if h.best < 0 {
		return Level{}, false
	}
	return h.level(h.best), true
}

func (h *half) next(key Price) (Level, bool) {
	i := -1
	if d := key - h.base; d > 0 {
		// The first place that is not below the key bounds the search.
		i = h.below(int(min((d-1)/h.tick+1, windowTicks)))
	}
	n, _ := h.search(key)
	n--
	if n >= 0 && (i < 0 || h.spill[n].Price > h.key(i)) {
		return h.spilled(n), true
	}
	if i < 0 {
		return Level{}, false
	}
	return h.level(i), true
}

func (h *half) appendLevels(dst []Level, n int) []Level {
	i, far := h.best, len(h.spill)-1
	for taken := 0; n <= 0 || taken < n; taken++ {
		switch {
		case far >= 0 && (i < 0 || h.spill[far].Price > h.key(i)):
			dst = append(dst, h.spilled(far))
			far--
		case i >= 0:
			dst = append(dst, h.level(i))
			i = h.below(i)
		default:
			return dst
		}
	}
	return dst
}

// Retick returns a book with the same levels for another tick size: a book outlives
// the day on which a venue changes its tick.
func (b *Book) Retick(tick Price) *Book {
	n := NewBook(tick)
	for _, side := range [2]Side{Buy, Sell} {
		for _, l := range b.AppendLevels(nil, side, 0) {
			n.Set(side, l.Price, l.Qty)
		}
	}
	return n
}

package sim

import (
	"math/bits"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// ladderIndex finds places on a ladder. The rungs near the best order are a flat window
// that holds the last order of each and how many there are, with a bitmap to find the
// next better one that is taken: only an order that joins others on a rung is compared
// with them. Orders behind the window are a sorted slice beside it. As in
// [exchange.Book] the window follows the best order only when it must.
type ladderIndex struct {
	live  bool   // off while the ladder is empty, to begin again where the market then is
	low   uint64 // the window is from this rung
	slots [windowRungs]*order
	count [windowRungs]uint32
	words [windowRungs / 64]uint64
	sum   uint64 // which words are not zero
	far   []*order
}

const (
	windowRungs = 4096
	// A window that moves leaves the best order a quarter of its width to improve,
	// and moves again when the best order has left the upper three quarters.
	windowBest = windowRungs * 3 / 4
	windowLow  = windowRungs / 4
)

// build indexes the orders of a ladder that has some.
func (x *ladderIndex) build(l *ladder) {
	x.empty()
	x.live = true
	x.move(l.first)
}

// move puts the empty window where a best order wants it, and takes the orders into
// it from that one on, and what is behind it into the slice.
func (x *ladderIndex) move(best *order) {
	x.low = max(best.rung, windowBest) - windowBest
	o := best
	for ; o != nil && o.rung >= x.low; o = o.next {
		x.set(o.rung-x.low, o)
	}
	x.far = x.far[:0]
	for ; o != nil; o = o.next {
		x.far = append(x.far, o)
	}
}

func (x *ladderIndex) empty() {
	for ; x.sum != 0; x.sum &= x.sum - 1 {
		w := bits.TrailingZeros64(x.sum)
		clear(x.slots[w<<6 : (w+1)<<6])
		clear(x.count[w<<6 : (w+1)<<6])
		x.words[w] = 0
	}
}

// set adds an order to a rung of the window, as its last one.
func (x *ladderIndex) set(i uint64, o *order) {
	x.slots[i] = o
	x.count[i]++
	x.words[i>>6] |= 1 << (i & 63)
	x.sum |= 1 << (i >> 6)
}

func (x *ladderIndex) unset(i uint64) {
	x.slots[i] = nil
	if x.words[i>>6] &^= 1 << (i & 63); x.words[i>>6] == 0 {
		x.sum &^= 1 << (i >> 6)
	}
}

// insert puts an order on the ladder and notes it.
func (x *ladderIndex) insert(l *ladder, o *order) {
	i := o.rung - x.low
	switch {
	case i >= windowRungs: // or below, since it wraps
		x.insertFar(l, o)
	case x.count[i] == 0:
		l.link(o, x.from(i))
		x.set(i, o)
	default:
		last := x.slots[i]
		p := o.ahead(last)
		l.link(o, p)
		x.count[i]++
		if p == last {
			x.slots[i] = o
		}
	}
}

// insertFar is insert for an order outside the window, which moves if it must.
func (x *ladderIndex) insertFar(l *ladder, o *order) {
	if o.rung < x.low {
		i, _ := x.search(o)
		if i > 0 {
			l.link(o, x.far[i-1])
		} else {
			l.link(o, x.from(0))
		}
		if l.first.rung >= x.low+windowLow {
			x.far = slices.Insert(x.far, i, o)
			return
		}
	} else {
		l.link(o, nil)
	}
	x.empty()
	x.move(l.first)
}

// drop forgets an order that is about to be unlinked.
func (x *ladderIndex) drop(o *order) {
	if o.rung < x.low {
		if i, ok := x.search(o); ok {
			x.far = slices.Delete(x.far, i, i+1)
		}
		return
	}
	i := o.rung - x.low
	x.count[i]--
	switch {
	case x.count[i] == 0:
		x.unset(i)
	case x.slots[i] == o:
		x.slots[i] = o.prev
	}
}

// search finds where an order is, or belongs, among the far ones.
func (x *ladderIndex) search(o *order) (int, bool) {
	i, j := 0, len(x.far)
	for i < j {
		if m := int(uint(i+j) >> 1); x.far[m].before(o) {
			i = m + 1
		} else {
			j = m
		}
	}
	return i, i < len(x.far) && x.far[i] == o
}

// enter returns an order from which the first one at a price is near: it or one
// that is before it. It returns nil if there can be none at the price.
func (x *ladderIndex) enter(l *ladder, p exchange.Price) *order {
	r := l.rung(p)
	if r < x.low {
		i, _ := slices.BinarySearchFunc(x.far, p, func(o *order, p exchange.Price) int {
			if better(l.side, o.Price, p) {
				return -1
			}
			return 1
		})
		if i == len(x.far) {
			return nil
		}
		return x.far[i]
	}
	i := r - x.low
	if i >= windowRungs || x.slots[i] == nil {
		return nil
	}
	if o := x.from(i + 1); o != nil {
		return o
	}
	return l.first
}

// from returns the last order of the first rung that is taken, from a place of
// the window on; nil if there is none.
func (x *ladderIndex) from(i uint64) *order {
	w := i >> 6
	if w >= uint64(len(x.words)) {
		return nil
	}
	if word := x.words[w] >> (i & 63); word != 0 {
		return x.slots[i+uint64(bits.TrailingZeros64(word))]
	}
	sum := x.sum >> w >> 1
	if sum == 0 {
		return nil
	}
	w += 1 + uint64(bits.TrailingZeros64(sum))
	return x.slots[w<<6+uint64(bits.TrailingZeros64(x.words[w]))]
}

package sim

import (
	"iter"
	"math/bits"

	"github.com/dunamis-engine/dunamis/exchange"
)

// ladder holds the resting orders of one side as a list that runs through the
// orders themselves: best price first, at a price those that are shown before
// those that are hidden, then oldest first ([order.before]). The best order and
// the next one are a pointer away, and an order leaves without a search.
//
// An order that comes is placed from behind. A few orders, which is what most
// strategies have, are walked. Once there are many, an index finds the place.
type ladder struct {
	side        exchange.Side
	tick        exchange.Price
	recip       uint64 // 2^63 / tick, to divide by multiplication
	first, last *order
	n           int
	index       *ladderIndex // nil as long as there were never many
}

// links are an order's neighbours on its ladder, and what places it between them. Its
// rung is its price in ticks, the better the higher. Prices between two ticks, which a
// change of the tick size leaves behind, share a rung with one of them.
type links struct {
	prev, next *order
	rung       uint64
	limit      exchange.Price // the order's price
	dark       bool           // it is hidden
}

// many orders are worth an index, which is 48 KiB.
const many = 16

func newLadder(side exchange.Side, tick exchange.Price) ladder {
	l := ladder{side: side}
	l.setTick(tick)
	return l
}

func (l *ladder) setTick(tick exchange.Price) { l.tick, l.recip = tick, (1<<63-1)/uint64(tick)+1 }

// rung counts a price. Multiples of the tick are counted exactly: the reciprocal is
// too great by less than 2^-63, and a price is less than 2^60.
func (l *ladder) rung(p exchange.Price) uint64 {
	if l.side == exchange.Sell {
		p = exchange.MaxPrice - p
	}
	n, _ := bits.Mul64(uint64(p)<<1, l.recip)
	return n
}

// insert puts an order in its place.
func (l *ladder) insert(o *order) {
	o.links = links{rung: l.rung(o.Price), limit: o.Price, dark: o.hidden()}
	l.n++
	if l.indexed() {
		l.index.insert(l, o)
		return
	}
	l.link(o, o.ahead(l.last))
	if l.n >= many {
		l.build()
	}
}

// remove takes an order out.
func (l *ladder) remove(o *order) {
	if l.indexed() {
		l.index.drop(o)
	}
	l.n--
	if o.prev == nil {
		l.first = o.next
	} else {
		o.prev.next = o.next
	}
	if o.next == nil {
		l.last = o.prev
	} else {
		o.next.prev = o.prev
	}
	o.links = links{}
	if l.n == 0 && l.index != nil {
		l.index.live = false
	}
}

// ahead returns the order behind which another one belongs, nil for the front. Behind p
// it does in any case.
func (o *order) ahead(p *order) *order {
	for p != nil && p.rung <= o.rung && !p.before(o) {
		p = p.prev
	}
	return p
}

// link makes an order the next one behind p.
func (l *ladder) link(o, p *order) {
	o.prev = p
	if p == nil {
		o.next, l.first = l.first, o
	} else {
		o.next, p.next = p.next, o
	}
	if o.next == nil {
		l.last = o
	} else {
		o.next.prev = o
	}
}

// at returns the first order at a price, nil if there is none.
func (l *ladder) at(p exchange.Price) *order {
	o := l.first
	if o == nil || better(l.side, p, o.Price) {
		return nil
	}
	if l.indexed() {
		o = l.index.enter(l, p)
	}
	for o != nil && better(l.side, o.Price, p) {
		o = o.next
	}
	if o == nil || o.Price != p {
		return nil
	}
	return o
}

// behind returns the first order behind where another one was, which may have left
// since, and others with it.
func (l *ladder) behind(was *order) *order {
	o := l.at(was.Price)
	for o != nil && (o.before(was) || o.limit == was.limit && o.seq == was.seq) {
		o = o.next
	}
	return o
}

// all walks the orders, of which the one at hand may be removed.
func (l *ladder) all() iter.Seq[*order] {
	return func(yield func(*order) bool) {
		for o := l.first; o != nil; {
			next := o.next
			if !yield(o) {
				return
			}
			o = next
		}
	}
}

// retick follows a change of the instrument's tick size.
func (l *ladder) retick(tick exchange.Price) {
	l.setTick(tick)
	for o := range l.all() {
		o.rung = l.rung(o.Price)
	}
	if l.indexed() {
		l.build()
	}
}

func (l *ladder) indexed() bool { return l.index != nil && l.index.live }

// build makes the index anew.
func (l *ladder) build() {
	if l.index == nil {
		l.index = new(ladderIndex)
	}
	l.index.build(l)
}

package exchange

import (
	"cmp"
	"slices"
)

// BookOrder is somebody's order in a market-by-order book (L3). As a change, Qty is
// what is open of it now and 0 removes it.
type BookOrder struct {
	ID    uint64 // the venue's number of it, unique among the open ones of a symbol
	Price Price
	Qty   Qty
}

// BookOrderEvent returns a change of one order of a book as an event. The flags are
// those of a book of levels.
func BookOrderEvent(at, arrival Time, s SymbolID, side Side, o BookOrder, f Flags) (e Event) {
	e.SetBookOrder(at, arrival, s, side, o, f)
	return e
}

// SetBookOrder makes e a change of one order of a book.
func (e *Event) SetBookOrder(at, arrival Time, s SymbolID, side Side, o BookOrder, f Flags) {
	e.set(at, arrival, KindOrder, side, f, s)
	e.v[0], e.v[1], e.v[2], e.v[3] = int64(o.Price), int64(o.Qty), int64(o.ID), 0
}

// BookOrder returns the payload of a KindOrder event; its side is Event.Side.
func (e *Event) BookOrder() BookOrder {
	return BookOrder{ID: uint64(e.v[2]), Price: Price(e.v[0]), Qty: Qty(e.v[1])}
}

// Queued is an order and its place in the queue of its price.
type Queued struct {
	BookOrder
	Side Side
	Seq  uint64 // of two orders at a price the one with the lower number is first
}

// OrderBook is a book of which every order is known, and with the orders the queues at
// its prices. An order that only becomes smaller keeps its place; one that grows, or
// moves to another price, goes to the back.
//
// An OrderBook belongs to one goroutine. It does not allocate once it has held as many
// orders as it will.
type OrderBook struct {
	book   *Book
	orders map[uint64]Queued
	before map[uint64]Queued // during a snapshot: those that were known
	seq    uint64
}

// NewOrderBook returns an empty book. It panics unless tick is positive.
func NewOrderBook(tick Price) *OrderBook {
	return &OrderBook{book: NewBook(tick), orders: map[uint64]Queued{}, before: map[uint64]Queued{}}
}

// Book returns the levels: the sums of the orders at each price. It is not to be
// changed, and another one after [OrderBook.Retick].
func (b *OrderBook) Book() *Book { return b.book }

// Len returns the number of orders.
func (b *OrderBook) Len() int { return len(b.orders) }

// Seq returns the place of the last order that came: whoever joins a price now is
// behind the orders there with this number or a lower one.
func (b *OrderBook) Seq() uint64 { return b.seq }

// Order returns an order by its id.
func (b *OrderBook) Order(id uint64) (Queued, bool) {
	q, ok := b.orders[id]
	return q, ok
}

// AppendOrders appends every order, those that are first in their queues first: as a
// snapshot lists them.
func (b *OrderBook) AppendOrders(dst []Queued) []Queued {
	n := len(dst)
	for _, q := range b.orders {
		dst = append(dst, q)
	}
	slices.SortFunc(dst[n:], func(a, b Queued) int { return cmp.Compare(a.Seq, b.Seq) })
	return dst
}

// Ahead returns what is open at a price of the orders up to a place. It looks at every
// order, and is for when a book has been sent anew.
func (b *OrderBook) Ahead(side Side, p Price, seq uint64) (sum Qty) {
	for _, q := range b.orders {
		if q.Side == side && q.Price == p && q.Seq <= seq {
			sum += q.Qty
		}
	}
	return sum
}

// Apply carries out a KindOrder event and returns what the order was and what it is
// now, with a Qty of 0 where there is none.
//
// FlagClear begins a snapshot, which ends with FlagLast. Its orders are listed in the
// order of their places. One that was known at its price, and is not larger now, keeps
// its place: a book that is sent again moves nobody.
func (b *OrderBook) Apply(e *Event) (was, now Queued) {
	if e.Flags&FlagClear != 0 {
		b.orders, b.before = b.before, b.orders
		clear(b.orders)
		b.book.Clear()
	}
	now = Queued{BookOrder: e.BookOrder(), Side: e.Side}
	now.Qty = max(now.Qty, 0)
	was, open := b.orders[now.ID]
	place := was
	if !open {
		place = b.before[now.ID]
	}
	if open {
		b.book.Set(was.Side, was.Price, b.book.Qty(was.Side, was.Price)-was.Qty)
	}
	if now.Qty == 0 {
		delete(b.orders, now.ID)
	} else {
		if place.Side == now.Side && place.Price == now.Price && now.Qty <= place.Qty {
			now.Seq = place.Seq
		} else {
			b.seq++
			now.Seq = b.seq
		}
		b.orders[now.ID] = now
		b.book.Set(now.Side, now.Price, b.book.Qty(now.Side, now.Price)+now.Qty)
	}
	if e.Flags&FlagLast != 0 && len(b.before) > 0 {
		clear(b.before)
	}
	return was, now
}

// Retick follows a change of the instrument's tick size.
func (b *OrderBook) Retick(tick Price) { b.book = b.book.Retick(tick) }

package reports

import (
	"cmp"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// rememberedOrders is how many finished orders are known: a venue may tell of an
// order's end twice, once with the fill and once with the order.
const rememberedOrders = 1024

// orders follows the orders that are open, and no others: memory is bounded by
// how many there are at a time.
type orders struct {
	open  map[string]*openOrder
	seen  int64 // orders so far
	done  map[string]struct{}
	ring  [rememberedOrders]string // the keys of done, oldest at next
	next  int
	spare *openOrder // to use again
	sent  map[exchange.ClientID]exchange.Price
}

type openOrder struct {
	number int64
	since  exchange.Time
	mid    exchange.Price // of the market when it was sent; 0 if it is not known
	state  exchange.Order
}

func newOrders() orders {
	return orders{open: make(map[string]*openOrder), done: make(map[string]struct{}),
		sent: make(map[exchange.ClientID]exchange.Price)}
}

// submit notes what the market was when an order was sent, until the exchange tells of
// the order.
func (s *orders) submit(id exchange.ClientID, mid exchange.Price) { s.sent[id] = mid }

// keyOf is the venue's id, since the client's may be amended; an order that was
// refused may have no id of the venue.
func keyOf(o *exchange.Order) string {
	if o.OrderID != "" {
		return string(o.OrderID)
	}
	return "client " + string(o.ClientID)
}

// put takes an order's newest state. It returns the order if this ended it. The
// result is valid until the next call.
func (s *orders) put(at exchange.Time, o *exchange.Order) *openOrder {
	key := keyOf(o)
	x, ok := s.open[key]
	if !ok {
		if _, again := s.done[key]; again {
			return nil
		}
		x = s.begin(at, o.ClientID)
		s.open[key] = x
	}
	x.state = *o
	if !o.Status.Final() {
		return nil
	}
	delete(s.open, key)
	s.remember(key)
	s.spare = x
	return x
}

func (s *orders) begin(at exchange.Time, id exchange.ClientID) *openOrder {
	x := s.spare
	if s.spare = nil; x == nil {
		x = new(openOrder)
	}
	s.seen++
	x.number, x.since, x.mid = s.seen, at, s.sent[id]
	delete(s.sent, id)
	return x
}

func (s *orders) remember(key string) {
	delete(s.done, s.ring[s.next])
	s.ring[s.next] = key
	s.next = (s.next + 1) % rememberedOrders
	s.done[key] = struct{}{}
}

// rest returns the orders that are still open, oldest first.
func (s *orders) rest() []*openOrder {
	var rest []*openOrder
	for _, x := range s.open {
		rest = append(rest, x)
	}
	slices.SortFunc(rest, func(a, b *openOrder) int { return cmp.Compare(a.number, b.number) })
	return rest
}

// unanswered counts the orders that the exchange had neither accepted nor refused.
func (s *orders) unanswered() (n int64) {
	for _, x := range s.open {
		if x.state.Status == exchange.PendingNew {
			n++
		}
	}
	return n
}

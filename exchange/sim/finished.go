package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// finishedOrders remembers how the newest orders ended, to answer commands that
// come too late. Few do, and by little: so nothing but a ring is kept, and searched
// from its newest end.
type finishedOrders struct {
	ring [rememberFinished]finishedOrder
	n    int // orders that ever ended
}

type finishedOrder struct {
	number uint64
	client exchange.ClientID
	status exchange.OrderStatus
}

const rememberFinished = 1024

func (f *finishedOrders) add(o *order) {
	f.ring[f.n%rememberFinished] = finishedOrder{o.number, o.ClientID, o.Status}
	f.n++
}

// find returns how the newest order with an order id or, without one, a client id
// ended.
func (f *finishedOrders) find(id exchange.OrderID, client exchange.ClientID) (exchange.OrderStatus, bool) {
	number := numberOf(id)
	for i := f.n - 1; i >= max(0, f.n-rememberFinished); i-- {
		e := &f.ring[i%rememberFinished]
		if id != "" && e.number == number || id == "" && e.client == client {
			return e.status, true
		}
	}
	return exchange.NoStatus, false
}

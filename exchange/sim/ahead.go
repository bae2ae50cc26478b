package sim

import "github.com/dunamis-engine/dunamis/exchange"

// QueueAhead returns how much the exchange takes to be ahead of an order that rests at
// its price. ok is false if the order does not rest, or if its level has not been seen.
func (x *Exchange) QueueAhead(id exchange.ClientID) (ahead exchange.Qty, ok bool) {
	o := x.names.order(id)
	if o == nil || o.state != resting || o.queue.unknown {
		return 0, false
	}
	return exchange.Qty((o.queue.front + QueueUnit - 1) / QueueUnit), true
}

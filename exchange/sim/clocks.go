package sim

import "github.com/dunamis-engine/dunamis/exchange"

// clocks are when the exchange does something by itself, Never if it does not, and the
// first of them, which is all that most requests need to look at.
type clocks struct {
	first    exchange.Time
	deadman  exchange.Time // when every order is cancelled
	dated    exchange.Time // when funding or the end of a contract is due
	midnight exchange.Time // when orders for the day end; Never: there are none
	lost     exchange.Time // when a client next hears of a request that was lost
}

func newClocks() clocks {
	return clocks{exchange.Never, exchange.Never, exchange.Never, exchange.Never, exchange.Never}
}

// set sets one of the clocks.
func (c *clocks) set(clock *exchange.Time, t exchange.Time) {
	*clock = t
	c.first = min(c.deadman, c.dated, c.midnight, c.lost)
}

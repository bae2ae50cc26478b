package sim

import (
	"strconv"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Ids count up from one in the order in which things happen, so two runs give
// the same.

func (x *Exchange) orderID() exchange.OrderID {
	x.orders++
	return exchange.OrderID(numbered("sim-", x.orders))
}

func (x *Exchange) execID() string {
	x.execs++
	return numbered("exec-", x.execs)
}

// clientID returns an id that is not in use: the owner may have chosen one that
// looks like ours.
func (x *Exchange) clientID() exchange.ClientID {
	for {
		x.clients++
		id := exchange.ClientID(numbered("dun-", x.clients))
		if _, used := x.known[id]; !used {
			return id
		}
	}
}

// numbered appends a number of at least six digits.
func numbered(prefix string, n uint64) string {
	var buf [32]byte
	b := append(buf[:0], prefix...)
	for limit := uint64(100_000); n < limit && limit > 1; limit /= 10 {
		b = append(b, '0')
	}
	return string(strconv.AppendUint(b, n, 10))
}

package bitmex

import (
	"sync"

	"github.com/dunamis-engine/dunamis/exchange"
)

// keptDepartures is how many orders are remembered until [departures.Left] is called.
const keptDepartures = 4096

// departures remembers when orders were sent, after the waits of the client: for its turn,
// and for a rate limit.
type departures struct {
	mu   sync.Mutex
	at   map[exchange.ClientID]exchange.Time
	ring []exchange.ClientID
	next int
}

// put notes an attempt; the last one counts.
func (d *departures) put(id exchange.ClientID, at exchange.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at == nil {
		d.at = map[exchange.ClientID]exchange.Time{}
	}
	if _, again := d.at[id]; !again {
		if len(d.ring) < keptDepartures {
			d.ring = append(d.ring, id)
		} else {
			delete(d.at, d.ring[d.next])
			d.ring[d.next] = id
			d.next = (d.next + 1) % keptDepartures
		}
	}
	d.at[id] = at
}

// Left returns when an order was sent, by our clock; ok is false if that is not known.
func (x *Exchange) Left(id exchange.ClientID) (at exchange.Time, ok bool) {
	x.left.mu.Lock()
	defer x.left.mu.Unlock()
	at, ok = x.left.at[id]
	return at, ok
}

package engine

import "github.com/dunamis-engine/dunamis/exchange"

// deliveries holds events that the exchange has seen and the strategy has not:
// bars that have begun, and ticks still on their way. Within a stream messages
// do not overtake each other, so each stream is a ring in order of arrival.
type deliveries struct {
	rings []ring
	at    exchange.Time // the earliest arrival, cached; Never when empty
}

func newDeliveries() deliveries { return deliveries{at: exchange.Never} }

// push takes a copy of ev, whose Arrival has been set, into its stream's ring.
func (d *deliveries) push(ev *exchange.Event) {
	for int(ev.Stream) >= len(d.rings) {
		d.rings = append(d.rings, ring{})
	}
	r := &d.rings[ev.Stream]
	if ev.Arrival < r.last {
		ev.Arrival = r.last
	}
	r.last = ev.Arrival
	r.push(ev)
	if ev.Arrival < d.at {
		d.at = ev.Arrival
	}
}

// pop returns the earliest event due by now, lower streams first, or nil. The
// event is valid until the next push.
func (d *deliveries) pop(now exchange.Time) *exchange.Event {
	if d.at > now {
		return nil
	}
	best := -1
	for i := range d.rings {
		if head := d.rings[i].head(); head != nil && (best < 0 || head.Arrival < d.rings[best].head().Arrival) {
			best = i
		}
	}
	ev := d.rings[best].pop()
	d.at = exchange.Never
	for i := range d.rings {
		if head := d.rings[i].head(); head != nil && head.Arrival < d.at {
			d.at = head.Arrival
		}
	}
	return ev
}

// ring is a growing circular queue of events.
type ring struct {
	buf   []exchange.Event // length a power of two
	first int
	n     int
	last  exchange.Time // arrival of the newest event ever pushed
}

func (r *ring) head() *exchange.Event {
	if r.n == 0 {
		return nil
	}
	return &r.buf[r.first]
}

func (r *ring) push(ev *exchange.Event) {
	if r.n == len(r.buf) {
		grown := make([]exchange.Event, max(16, 2*len(r.buf)))
		for i := range r.n {
			grown[i] = r.buf[(r.first+i)&(len(r.buf)-1)]
		}
		r.buf, r.first = grown, 0
	}
	r.buf[(r.first+r.n)&(len(r.buf)-1)] = *ev
	r.n++
}

func (r *ring) pop() *exchange.Event {
	ev := &r.buf[r.first]
	r.first = (r.first + 1) & (len(r.buf) - 1)
	r.n--
	return ev
}

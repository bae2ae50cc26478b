package sim

import (
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Orders with the same clOrdLinkID are a group. OneCancelsTheOther: the first order
// of the group that fills, even in part, or whose stop is triggered, cancels the
// others. OneTriggersTheOther: the others of the group sleep until the order that
// says so has filled completely, and end with it if it ends otherwise. It must be
// sent before them.

// link puts an order into its group and returns the order that it sleeps for, if any.
func (x *Exchange) link(o *order) (parent *order) {
	if o.LinkID == "" {
		return nil
	}
	parent = x.parentOf(o)
	x.groups[o.LinkID] = append(x.groups[o.LinkID], o)
	return parent
}

// parentOf returns the order whose fill an order has to wait for.
func (x *Exchange) parentOf(o *order) *order {
	if o.LinkID == "" || o.Contingency == exchange.OneTriggersTheOther {
		return nil
	}
	for _, p := range x.groups[o.LinkID] {
		if p != o && p.Contingency == exchange.OneTriggersTheOther {
			return p
		}
	}
	return nil
}

// unlink takes an order that has ended out of its group.
func (x *Exchange) unlink(o *order) {
	if o.LinkID == "" {
		return
	}
	group := x.groups[o.LinkID]
	if i := slices.Index(group, o); i >= 0 {
		group = slices.Delete(group, i, i+1)
	}
	if len(group) == 0 {
		delete(x.groups, o.LinkID)
		return
	}
	x.groups[o.LinkID] = group
}

// sleep keeps an order until the order that it is linked to has filled.
func (x *Exchange) sleep(o *order) {
	o.state = dormant
	o.Working = false
	o.s.stops = append(o.s.stops, o)
	o.s.busy++
}

// cancelOthers ends the rest of a group of which an order has filled or triggered.
func (x *Exchange) cancelOthers(o *order) {
	if o.Contingency != exchange.OneCancelsTheOther || o.LinkID == "" {
		return
	}
	for _, other := range slices.Clone(x.groups[o.LinkID]) {
		if other != o && other.Contingency == exchange.OneCancelsTheOther && other.state != gone && other.state != dormant {
			x.cancel(other, "Canceled: Order had contingencyType of OneCancelsTheOther")
		}
	}
}

// wakeChildren lets the orders that slept for an order take their turn, after what
// else happens at this instant.
func (x *Exchange) wakeChildren(parent *order) {
	if parent.Contingency != exchange.OneTriggersTheOther {
		return
	}
	for _, o := range x.groups[parent.LinkID] {
		if o.state == dormant {
			x.fire(o)
		}
	}
}

// wake makes an order that slept do what it would have done on arrival.
func (x *Exchange) wake(o *order) {
	x.detach(o)
	o.Triggered = exchange.ContingentTriggered
	x.seq++
	o.seq = x.seq
	x.price(o)
	o.Working = !o.Type.Triggered() && !o.takes()
	x.reportOrder(o, exchange.ExecTriggered)
	switch {
	case o.Type.Triggered():
		o.Triggered = exchange.NoTrigger // it waits for the market now
		x.rearm(o)
	case o.Type == exchange.Pegged && o.Price <= 0:
		x.reject(o, "Invalid price")
	default:
		x.start(o)
	}
}

// orphan ends the orders that slept for an order that cannot fill any more.
func (x *Exchange) orphan(parent *order) {
	if parent.Contingency != exchange.OneTriggersTheOther || parent.LinkID == "" {
		return
	}
	for _, o := range slices.Clone(x.groups[parent.LinkID]) {
		if o.state == dormant {
			x.cancel(o, "Canceled: Order had contingencyType of OneTriggersTheOther")
		}
	}
}

package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// names are the client ids in use.
type names struct {
	byID map[exchange.ClientID]*clientName
	free []*clientName
}

// clientName is a client id in use: by its owner, who may give it again only once he
// has heard the end of its order, or by an order that is open.
type clientName struct {
	id    exchange.ClientID
	order *order // open under this id
	known int    // ends that the owner is still to hear of
}

func newNames() names { return names{byID: make(map[exchange.ClientID]*clientName)} }

// claim lets the owner use an id. It returns nil if he does already.
func (n *names) claim(id exchange.ClientID) *clientName {
	c := n.entry(id)
	if c.known > 0 {
		return nil
	}
	c.known++
	return c
}

// again lets an order use an id of which the owner may not have heard the end.
func (n *names) again(id exchange.ClientID) *clientName {
	c := n.entry(id)
	c.known++
	return c
}

func (n *names) entry(id exchange.ClientID) *clientName {
	c := n.byID[id]
	if c == nil {
		c = n.get()
		c.id = id
		n.byID[id] = c
	}
	return c
}

func (n *names) get() *clientName {
	if last := len(n.free) - 1; last >= 0 {
		c := n.free[last]
		n.free = n.free[:last]
		return c
	}
	return new(clientName)
}

// release takes an id back from the owner.
func (n *names) release(c *clientName) {
	c.known--
	n.drop(c)
}

// ends takes an id back from an order that was open under it.
func (n *names) ends(c *clientName) {
	c.order = nil
	n.drop(c)
}

func (n *names) drop(c *clientName) {
	if c.known == 0 && c.order == nil {
		delete(n.byID, c.id)
		*c = clientName{}
		n.free = append(n.free, c)
	}
}

// order returns the order that is open under an id, nil if there is none.
func (n *names) order(id exchange.ClientID) *order {
	if c := n.byID[id]; c != nil {
		return c.order
	}
	return nil
}

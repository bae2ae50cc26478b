package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// names are the client ids in use: those that we made by their number, of others by their
// text.
type names struct {
	byNumber numberTable[clientName]
	byID     map[exchange.ClientID]*clientName
	free     []*clientName
}

// clientName is a client id in use: by its owner, who may give it again only once he
// has heard the end of its order, or by an order that is open.
type clientName struct {
	id     exchange.ClientID
	number uint64 // if we made it, or might have
	order  *order // open under this id
	known  int    // ends that the owner is still to hear of
}

func newNames() names { return names{byID: make(map[exchange.ClientID]*clientName)} }

// claim lets the owner use an id. It returns nil if he does already.
func (n *names) claim(id exchange.ClientID) *clientName { return n.claimNumber(numberOfClient(id), id) }

// claimNumber is claim for an id whose number is known.
func (n *names) claimNumber(number uint64, id exchange.ClientID) *clientName {
	c := n.entry(number, id)
	if c.known > 0 {
		return nil
	}
	c.known++
	return c
}

// again lets an order use an id of which the owner may not have heard the end.
func (n *names) again(id exchange.ClientID) *clientName {
	c := n.entry(numberOfClient(id), id)
	c.known++
	return c
}

// entry returns an id, which is in use from now on.
func (n *names) entry(number uint64, id exchange.ClientID) *clientName {
	c := n.find(number, id)
	if c != nil {
		return c
	}
	c = n.get()
	c.id, c.number = id, number
	if number != 0 {
		n.byNumber.put(number, c)
	} else {
		n.byID[id] = c
	}
	return c
}

func (n *names) find(number uint64, id exchange.ClientID) *clientName {
	if number != 0 {
		return n.byNumber.get(number)
	}
	return n.byID[id]
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
		if c.number != 0 {
			n.byNumber.remove(c.number)
		} else {
			delete(n.byID, c.id)
		}
		*c = clientName{}
		n.free = append(n.free, c)
	}
}

// order returns the order that is open under an id, nil if there is none.
func (n *names) order(id exchange.ClientID) *order {
	if c := n.find(numberOfClient(id), id); c != nil {
		return c.order
	}
	return nil
}

// inUse counts the ids.
func (n *names) inUse() int { return n.byNumber.n + len(n.byID) }

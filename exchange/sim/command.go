package sim

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// command is a request on its way to the exchange. The kind says which fields
// are set: the rest may be of a command before it.
type command struct {
	kind    commandKind
	arrival exchange.Time
	symbol  *symbol
	terms   *exchange.Terms // against which a new order was checked
	order   exchange.NewOrder
	client  *clientName // of the new order
	amend   amendment
	cancel  exchange.CancelOrder
	filter  exchange.CancelFilter
	ratio   exchange.Ratio
	amount  exchange.Money
	timeout time.Duration
}

type commandKind uint8

const (
	cmdSubmit commandKind = iota
	cmdAmend
	cmdCancel
	cmdCancelAll
	cmdLeverage
	cmdTransfer
	cmdRiskLimit
	cmdDeadman
)

// commandQueue is a queue of commands in order of arrival. They are written where
// they wait and read where they are.
type commandQueue struct {
	buf  []command
	head int
	due  exchange.Time // arrival of the oldest; Never: there is none
	last exchange.Time
}

// pop returns the oldest command, valid until the next push.
func (q *commandQueue) pop() *command {
	c := &q.buf[q.head]
	q.head++
	if q.head == len(q.buf) {
		q.buf, q.head, q.due = q.buf[:0], 0, exchange.Never
	} else {
		q.due = q.buf[q.head].arrival
	}
	return c
}

// push returns the newest command, to be filled in.
func (q *commandQueue) push() *command {
	n := len(q.buf)
	if n == cap(q.buf) {
		return q.grow()
	}
	buf := q.buf[:n+1]
	q.buf = buf
	return &buf[n]
}

// grow is push where there is no room, and makes some in front if it can.
func (q *commandQueue) grow() *command {
	if q.head > 64 && q.head > len(q.buf)/2 {
		n := copy(q.buf, q.buf[q.head:])
		q.buf, q.head = q.buf[:n], 0
	}
	q.buf = append(q.buf, command{})
	return &q.buf[len(q.buf)-1]
}

// sent takes the newest command as complete, to arrive at a time.
func (q *commandQueue) sent(c *command, at exchange.Time) {
	c.arrival = max(at, q.last)
	q.last = c.arrival
	q.due = min(q.due, c.arrival)
}

// drop takes the newest command back.
func (q *commandQueue) drop() { q.buf = q.buf[:len(q.buf)-1] }

// command begins a command for the caller to complete and to send.
func (x *Exchange) command(kind commandKind, s *symbol) *command {
	c := x.commands.push()
	c.kind, c.symbol = kind, s
	return c
}

// send puts the newest command on its way, unless it is lost.
func (x *Exchange) send(c *command) {
	now := max(x.now, 0)
	if !x.sound && x.lose(c) || c.symbol.bounces != nil && x.bounce(c, now) {
		x.commands.drop()
		return
	}
	x.commands.sent(c, now.Add(c.symbol.latency.Entry(now)))
	if x.begun {
		x.next = min(x.next, x.commands.due)
	}
}

// amendment is an exchange.AmendOrder whose values are its own, since the
// caller may use the variables again.
type amendment struct {
	order            exchange.OrderID
	orig, client     exchange.ClientID
	name             *clientName // claimed for the new client id, if there is one
	text             string
	set              amended
	qty, leaves      exchange.Qty
	price, stopPrice exchange.Price
	pegOffset        exchange.Price
}

// amended is a set of fields that an amendment changes.
type amended uint8

const (
	newQty amended = 1 << iota
	newLeaves
	newPrice
	newStopPrice
	newPegOffset
	newClient
)

var amendedNames = [...]string{"orderQty", "leavesQty", "price", "stopPx", "pegOffsetValue", "clOrdID"}

func (a *amendment) has(f amended) bool { return a.set&f != 0 }

// copyOf makes an amendment a copy of a request.
func (a *amendment) copyOf(r *exchange.AmendOrder) {
	a.order, a.orig, a.client, a.name, a.text, a.set = r.OrderID, r.OrigClientID, r.ClientID, nil, r.Text, 0
	if r.Qty != nil {
		a.set, a.qty = a.set|newQty, *r.Qty
	}
	if r.Leaves != nil {
		a.set, a.leaves = a.set|newLeaves, *r.Leaves
	}
	if r.Price != nil {
		a.set, a.price = a.set|newPrice, *r.Price
	}
	if r.StopPrice != nil {
		a.set, a.stopPrice = a.set|newStopPrice, *r.StopPrice
	}
	if r.PegOffset != nil {
		a.set, a.pegOffset = a.set|newPegOffset, *r.PegOffset
	}
	if r.ClientID != "" {
		a.set |= newClient
	}
}

// request is the amendment as it was asked for.
func (a *amendment) request(s exchange.SymbolID) exchange.AmendOrder {
	r := exchange.AmendOrder{Symbol: s, OrderID: a.order, OrigClientID: a.orig, ClientID: a.client, Text: a.text}
	if a.has(newQty) {
		r.Qty = &a.qty
	}
	if a.has(newLeaves) {
		r.Leaves = &a.leaves
	}
	if a.has(newPrice) {
		r.Price = &a.price
	}
	if a.has(newStopPrice) {
		r.StopPrice = &a.stopPrice
	}
	if a.has(newPegOffset) {
		r.PegOffset = &a.pegOffset
	}
	return r
}

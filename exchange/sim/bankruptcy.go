package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

// worst returns the price beyond which an order without a limit does not trade: the
// price band, and for one that closes the position the price at which all that stands
// behind it would be lost (reference of order types: a market order fills until it is
// done, or to the bankruptcy price). What is left is cancelled, and the position is
// for liquidation to close. 0: none.
func (x *Exchange) worst(s *symbol, side exchange.Side) exchange.Price {
	limit := x.bound(s, side)
	if s.pos == 0 || exchange.SideOf(-s.pos) != side || s.terms.Kind == exchange.Spot {
		return limit
	}
	x.revalue(x.at)
	p := x.account.Position(s.id)
	bankrupt := p.BankruptPrice
	if bankrupt <= 0 {
		return limit
	}
	if p.Leverage == 0 {
		// With cross margin the fee comes out of the same account; isolated margin has
		// put it aside.
		fee := exchange.Price(exchange.MulDiv(int64(bankrupt), int64(max(s.terms.TakerFee, 0)), int64(exchange.RatioUnit), exchange.Ceil))
		bankrupt += fee * exchange.Price(s.pos.Sign())
	}
	if side == exchange.Buy {
		bankrupt = max(bankrupt.FloorTick(s.terms.TickSize), s.terms.TickSize)
	} else {
		bankrupt = bankrupt.CeilTick(s.terms.TickSize)
	}
	if limit == 0 || better(side, limit, bankrupt) {
		return bankrupt
	}
	return limit
}

// expected returns the price that an order without a limit would pay on the average
// for what it can have, 0 if that is nothing. The account must be able to bear it: the
// best price alone says little of an order that takes many levels.
func (x *Exchange) expected(o *order) exchange.Price {
	s := o.s
	c, push := x.offers(s, o.Side, x.worst(s, o.Side)), x.push(s)
	var got exchange.Qty
	var cost exchange.Money
	for got < o.Leaves {
		p, q, ok := c.next()
		if !ok {
			break
		}
		q = min(q, o.Leaves-got)
		p = push.price(o.Side, p, q, 0, s.terms.TickSize)
		if q == o.Leaves {
			return p
		}
		got += q
		cost += s.terms.Cost(q, p)
	}
	if got == 0 {
		return 0
	}
	return s.terms.PriceOfCost(got, cost)
}

package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
)

func (x *Exchange) amendOrder(c *command) {
	s, a := c.symbol, &c.amend
	if x.at >= s.until {
		x.refresh(s) // which may end the order
	}
	if c.terms != s.terms {
		// The terms changed while the amendment was on its way.
		r := a.request(s.id)
		if err := r.Validate(s.terms); err != nil {
			x.refuseAmend(s, a, err.Error())
			return
		}
	}
	o, ended := x.find(s, a.order, a.orig)
	if o == nil {
		if !x.revive(s, a) {
			x.refuseAmend(s, a, a.missed(ended))
		}
		return
	}
	leaves := o.Leaves
	switch {
	case a.has(newQty):
		leaves = a.qty - o.Filled
	case a.has(newLeaves):
		leaves = a.leaves
	}
	price := x.amendedPrice(o, a)
	if reason := x.refusesAmend(o, a, leaves, price); reason != "" {
		x.refuseAmend(s, a, reason)
		return
	}
	x.applyAmend(o, a, leaves, price)
}

// missed is what the venue answers to an amendment of an order that is not open.
func (a *amendment) missed(ended exchange.OrderStatus) string {
	switch {
	case ended != exchange.NoStatus:
		return "Invalid ordStatus: " + ended.String()
	case a.order == "":
		return "Invalid origClOrdID"
	}
	return "Invalid orderID"
}

// refusesAmend returns why an amendment is refused, if it is.
func (x *Exchange) refusesAmend(o *order, a *amendment, leaves exchange.Qty, price exchange.Price) string {
	switch {
	case !o.mayLeave(leaves, a):
		return "Invalid orderQty"
	case x.liquidating(o.s):
		return inLiquidation
	}
	if reason := x.refusesPrices(o, a); reason != "" {
		return reason
	}
	if a.client != "" && a.client != o.ClientID && x.names.order(a.client) != nil {
		return "Duplicate clOrdID"
	}
	x.revalue(x.at)
	if price != o.Price {
		if reason := x.beyond(o, price); reason != "" {
			return reason
		}
		if o.state == resting {
			if err := x.account.CheckPrice(o.s.id, o.Side, price); err != nil {
				return err.Error()
			}
		}
	}
	if o.state != resting && (o.state != held || !o.limited()) || o.reduces() || leaves <= o.Leaves && price == o.Price {
		return ""
	}
	if err := x.account.CheckChange(o.s.id, o.Side, o.open, o.worth(leaves, price), price, x.at); err != nil {
		return err.Error()
	}
	return ""
}

// mayLeave reports whether an amendment may leave so much of an order open.
func (o *order) mayLeave(leaves exchange.Qty, a *amendment) bool {
	closesAll := o.Qty == 0 && o.ExecInst.Has(exchange.Close)
	return leaves >= 0 && (leaves > 0 || closesAll || !a.has(newQty)) && o.Filled+leaves <= o.s.terms.MaxQty
}

// refusesPrices returns why an order cannot have the prices of an amendment, if it
// cannot.
func (x *Exchange) refusesPrices(o *order, a *amendment) string {
	pegged := o.Type == exchange.Pegged
	waits := o.Type.Triggered() && o.Triggered != exchange.StopOrderTriggered
	switch {
	case a.has(newPrice) && (!o.limited() || pegged):
		return "Invalid price"
	case a.has(newStopPrice) && (!waits || o.trails()):
		return "Invalid stopPx for ordType"
	case !a.has(newPegOffset):
		return ""
	case !pegged && (!o.trails() || !waits || !o.mayTrail(a.pegOffset)):
		return "Invalid pegOffsetValue for pegPriceType"
	case pegged && x.amendedPrice(o, a) <= 0:
		return "Invalid price"
	}
	return ""
}

func (x *Exchange) refuseAmend(s *symbol, a *amendment, reason string) {
	x.reportReject(s, "amend", a.order, a.orig, reason)
	if a.name != nil {
		x.reports.release(a.name) // it was never used
	}
}

// applyAmend changes an order. It keeps its place in the queue if nothing but
// its quantity changes, and that downwards.
func (x *Exchange) applyAmend(o *order, a *amendment, leaves exchange.Qty, price exchange.Price) {
	if leaves == 0 && a.has(newLeaves) {
		x.cancel(o, "Canceled: Canceled via API.")
		if a.name != nil {
			x.names.release(a.name) // it was never used
		}
		return
	}
	moved := price != o.Price || leaves > o.Leaves
	was := o.state
	if moved || was != resting {
		x.detach(o)
	}
	x.texts.amended(o, a)
	var release *clientName
	if a.client != "" && a.client != o.ClientID {
		release = x.rename(o, a)
	}
	o.Leaves, o.Qty = leaves, o.Filled+leaves
	if o.iceberg() {
		o.shown = min(o.shown, leaves)
	}
	o.Price = price
	if a.has(newPegOffset) {
		o.PegOffset = a.pegOffset
		if o.trails() {
			x.startTrail(o)
		}
	}
	if a.has(newStopPrice) {
		o.StopPrice = a.stopPrice
	}
	o.TransactTime = x.at
	if !moved {
		x.reopen(o) // one that has moved is counted anew when it takes or rests
	}
	x.reportOrder(o, exchange.ExecReplaced)
	if release != nil {
		x.reports.release(release)
	}
	switch {
	case o.Triggered == exchange.NotTriggered:
		x.sleep(o)
	case was == waiting, was == firing:
		x.rearm(o)
	case was == held:
		x.startAgain(o)
	case moved:
		x.seq++
		o.seq = x.seq
		x.work(o)
	}
}

// amendedPrice returns the limit price that an order would have: as it is asked for,
// or from the market if the order is pegged to it.
func (x *Exchange) amendedPrice(o *order, a *amendment) exchange.Price {
	switch {
	case a.has(newPrice):
		return a.price
	case a.has(newPegOffset) && o.Type == exchange.Pegged:
		return x.pegged(o, a.pegOffset)
	}
	return o.Price
}

// rearm puts a stop among those that wait, or triggers it.
func (x *Exchange) rearm(o *order) {
	s := o.s
	if (s.priced(x.at) || !s.followsPath(o)) && s.triggers(o, x.source(o)) {
		x.trigger(o)
		return
	}
	x.await(o)
}

// rename gives an order a new client id and returns the one that is free once
// the owner hears of it.
func (x *Exchange) rename(o *order, a *amendment) (release *clientName) {
	release = o.name
	x.names.ends(o.name)
	o.ClientID, o.name = a.client, a.name
	o.name.order = o
	return release
}

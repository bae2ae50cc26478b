package sim

import (
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
)

func (x *Exchange) amendOrder(s *symbol, a *amendment) {
	o, reason := x.find(s, a.OrderID, a.OrigClientID, "Invalid ordStatus: ")
	if o == nil {
		x.refuseAmend(s, a, reason)
		return
	}
	if x.at >= s.until {
		x.refresh(s)
	}
	leaves := o.Leaves
	switch {
	case a.Qty != nil:
		leaves = a.qty - o.Filled
	case a.Leaves != nil:
		leaves = a.leaves
	}
	if reason := x.refusesAmend(o, a, leaves); reason != "" {
		x.refuseAmend(s, a, reason)
		return
	}
	x.applyAmend(o, a, leaves)
}

// refusesAmend returns why an amendment is refused, if it is.
func (x *Exchange) refusesAmend(o *order, a *amendment, leaves exchange.Qty) string {
	closesAll := o.Qty == 0 && o.ExecInst.Has(exchange.Close)
	if leaves < 0 || leaves == 0 && !closesAll && a.Qty != nil {
		return "Invalid orderQty"
	}
	if reason := x.refusesPrices(o, a); reason != "" {
		return reason
	}
	if a.ClientID != "" && a.ClientID != o.ClientID && x.byClient[a.ClientID] != nil {
		return "Duplicate clOrdID"
	}
	price := x.amendedPrice(o, a)
	if reason := x.beyond(o, price); reason != "" && price != o.Price {
		return reason
	}
	if o.state != resting || o.reduces() || leaves <= o.Leaves && price == o.Price {
		return ""
	}
	// The order itself must not count against its own change.
	t := &o.s.open[o.Side-exchange.Buy]
	x.account.SetOpen(o.s.id, o.Side, t.qty-o.openQty, t.cost-o.openCost)
	x.revalue(x.at)
	err := x.account.CheckOrder(o.s.id, o.Side, leaves, price, x.at)
	x.account.SetOpen(o.s.id, o.Side, t.qty, t.cost)
	if err != nil {
		return err.Error()
	}
	return ""
}

// refusesPrices returns why an order can not have the prices of an amendment, if it
// can not.
func (x *Exchange) refusesPrices(o *order, a *amendment) string {
	pegged := o.Type == exchange.Pegged
	waits := o.Type.Triggered() && o.Triggered != exchange.StopOrderTriggered
	switch {
	case a.Price != nil && (!o.limited() || pegged):
		return "Invalid price"
	case a.StopPrice != nil && (!waits || o.trails()):
		return "Invalid stopPx for ordType"
	case a.PegOffset == nil:
		return ""
	case !pegged && (!o.trails() || !waits || !o.mayTrail(a.pegOffset)):
		return "Invalid pegOffsetValue for pegPriceType"
	case pegged && x.amendedPrice(o, a) <= 0:
		return "Invalid price"
	}
	return ""
}

func (x *Exchange) refuseAmend(s *symbol, a *amendment, reason string) {
	r := x.reportReject(s, "amend", a.OrderID, a.OrigClientID, reason)
	if a.ClientID != "" && a.ClientID != a.OrigClientID {
		r.release = a.ClientID // it was never used
	}
}

// applyAmend changes an order. It keeps its place in the queue if nothing but
// its quantity changes, and that downwards.
func (x *Exchange) applyAmend(o *order, a *amendment, leaves exchange.Qty) {
	if leaves == 0 && a.Leaves != nil {
		x.cancel(o, "Canceled: Canceled via API.")
		return
	}
	price := x.amendedPrice(o, a)
	moved := price != o.Price || leaves > o.Leaves
	was := o.state
	if moved || was != resting {
		x.detach(o)
	}
	o.Text = amendedText(o.Text, a)
	release := x.rename(o, a)
	o.Leaves, o.Qty = leaves, o.Filled+leaves
	o.shown = min(o.shown, leaves)
	o.Price = price
	if a.PegOffset != nil {
		o.PegOffset = a.pegOffset
		if o.trails() {
			x.startTrail(o)
		}
	}
	if a.StopPrice != nil {
		o.StopPrice = a.stopPrice
	}
	o.TransactTime = x.at
	x.reopen(o)
	x.reportOrder(o, exchange.ExecReplaced)
	if release != "" {
		x.reports.buf[len(x.reports.buf)-1].release = release
	}
	switch {
	case o.Triggered == exchange.NotTriggered:
		x.sleep(o)
	case was == waiting, was == firing:
		x.rearm(o)
	case moved:
		x.seq++
		o.seq = x.seq
		x.work(o)
	}
}

// amendedText puts what was amended before the text of an order, in place of what
// was amended before: an order that is moved a million times keeps a short text.
func amendedText(text string, a *amendment) string {
	first, rest, _ := strings.Cut(text, "\n")
	amended := a.summary()
	if first == amended && a.Text == "" {
		return text
	}
	if strings.HasPrefix(first, "Amended ") {
		text = rest
	}
	return withText(amended, withText(a.Text, text))
}

// summary is the venue's line on what was amended.
func (a *amendment) summary() string {
	if a.Price != nil && a.Qty == nil && a.Leaves == nil && a.StopPrice == nil && a.PegOffset == nil && a.ClientID == "" {
		return "Amended price: Amended via API." // what market makers do all day
	}
	return "Amended " + strings.Join(a.fields(), " ") + ": Amended via API."
}

// amendedPrice returns the limit price that an order would have: as it is asked for,
// or from the market if the order is pegged to it.
func (x *Exchange) amendedPrice(o *order, a *amendment) exchange.Price {
	switch {
	case a.Price != nil:
		return a.price
	case a.PegOffset != nil && o.Type == exchange.Pegged:
		return x.pegged(o, a.pegOffset)
	}
	return o.Price
}

// rearm puts a stop among those that wait, or triggers it.
func (x *Exchange) rearm(o *order) {
	if o.s.triggers(o, x.source(o)) {
		x.trigger(o)
		return
	}
	x.await(o)
}

// rename gives an order a new client id and returns the one that is free once
// the owner hears of it.
func (x *Exchange) rename(o *order, a *amendment) (release exchange.ClientID) {
	if a.ClientID == "" || a.ClientID == o.ClientID {
		return ""
	}
	release = o.ClientID
	delete(x.byClient, o.ClientID)
	o.ClientID = a.ClientID
	x.byClient[o.ClientID] = o
	return release
}

func (a *amendment) fields() (names []string) {
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"orderQty", a.Qty != nil}, {"leavesQty", a.Leaves != nil}, {"price", a.Price != nil},
		{"stopPx", a.StopPrice != nil}, {"pegOffsetValue", a.PegOffset != nil}, {"clOrdID", a.ClientID != ""},
	} {
		if f.set {
			names = append(names, f.name)
		}
	}
	return names
}

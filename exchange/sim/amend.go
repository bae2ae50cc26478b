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
	switch {
	case leaves < 0, leaves == 0 && !closesAll && a.Qty != nil:
		return "Invalid orderQty"
	case a.Price != nil && !o.limited():
		return "Invalid price"
	case a.StopPrice != nil && (!o.Type.Triggered() || o.Triggered == exchange.StopOrderTriggered):
		return "Invalid stopPx for ordType"
	case a.ClientID != "" && a.ClientID != o.ClientID && x.byClient[a.ClientID] != nil:
		return "Duplicate clOrdID"
	case o.state != resting || o.reduces():
		return ""
	}
	price := o.Price
	if a.Price != nil {
		price = a.price
	}
	if leaves <= o.Leaves && price == o.Price {
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
	moved := a.Price != nil && a.price != o.Price || leaves > o.Leaves
	was := o.state
	if moved || was != resting {
		x.detach(o)
	}
	o.Text = withText("Amended "+strings.Join(a.fields(), " ")+": Amended via API.", withText(a.Text, o.Text))
	release := x.rename(o, a)
	o.Leaves, o.Qty = leaves, o.Filled+leaves
	if a.Price != nil {
		o.Price = a.price
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
	case was == waiting, was == firing:
		x.rearm(o)
	case moved:
		x.seq++
		o.seq = x.seq
		x.work(o)
	}
}

// rearm puts an amended stop back among those that wait, or triggers it.
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
		{"stopPx", a.StopPrice != nil}, {"clOrdID", a.ClientID != ""},
	} {
		if f.set {
			names = append(names, f.name)
		}
	}
	return names
}

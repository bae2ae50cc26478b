package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
)

func (x *Exchange) lookup(id exchange.SymbolID) (*symbol, error) {
	if int(id) < len(x.byID) && x.byID[id] != nil && !x.closed {
		return x.byID[id], nil
	}
	return nil, x.without(id)
}

// without says why a symbol is not found.
func (x *Exchange) without(id exchange.SymbolID) error {
	if x.closed {
		return exchange.ErrClosed
	}
	return fmt.Errorf("symbol #%d: %w", id, exchange.ErrUnknownSymbol)
}

// Submit implements [exchange.Exchange].
func (x *Exchange) Submit(_ context.Context, o exchange.NewOrder) (exchange.ClientID, error) {
	s, err := x.lookup(o.Symbol)
	if err != nil {
		return "", err
	}
	o.Normalize()
	terms := s.inst.At(x.now)
	if err := o.Validate(terms); err != nil {
		return "", inSymbol(err, s)
	}
	var name *clientName
	if o.ClientID == "" {
		name = x.clientID()
		o.ClientID = name.id
	} else if name = x.names.claim(o.ClientID); name == nil {
		return "", fmt.Errorf("%s: %w %q", s.inst.Name(), exchange.ErrDuplicateID, o.ClientID)
	}
	c := x.command(cmdSubmit, s)
	c.order, c.client, c.terms = o, name, terms
	x.send(c)
	return o.ClientID, nil
}

// inSymbol names the symbol in a validation error.
func inSymbol(err error, s *symbol) error {
	var v *exchange.ValidationError
	if errors.As(err, &v) && v.Symbol == "" {
		v.Symbol = s.inst.Name()
	}
	return err
}

// Amend implements [exchange.Exchange].
func (x *Exchange) Amend(_ context.Context, a exchange.AmendOrder) error {
	s, err := x.lookup(a.Symbol)
	if err != nil {
		return err
	}
	terms := s.inst.At(x.now)
	if err := a.Validate(terms); err != nil {
		return inSymbol(err, s)
	}
	var name *clientName
	if a.ClientID != "" && a.ClientID != a.OrigClientID {
		if name = x.names.claim(a.ClientID); name == nil {
			return fmt.Errorf("%s: %w %q", s.inst.Name(), exchange.ErrDuplicateID, a.ClientID)
		}
	}
	c := x.command(cmdAmend, s)
	c.amend.copyOf(&a)
	c.amend.name = name
	c.terms = terms
	x.send(c)
	return nil
}

// Cancel implements [exchange.Exchange].
func (x *Exchange) Cancel(_ context.Context, r exchange.CancelOrder) error {
	s, err := x.lookup(r.Symbol)
	if err != nil {
		return err
	}
	if err := r.Validate(); err != nil {
		return inSymbol(err, s)
	}
	c := x.command(cmdCancel, s)
	c.cancel = r
	x.send(c)
	return nil
}

// CancelAll implements [exchange.Exchange].
func (x *Exchange) CancelAll(_ context.Context, f exchange.CancelFilter) error {
	s := x.symbols[0]
	if !f.AllSymbol {
		var err error
		if s, err = x.lookup(f.Symbol); err != nil {
			return err
		}
	}
	if x.closed {
		return exchange.ErrClosed
	}
	if err := f.Validate(); err != nil {
		return inSymbol(err, s)
	}
	c := x.command(cmdCancelAll, s)
	c.filter = f
	x.send(c)
	return nil
}

// ClosePosition implements [exchange.Exchange].
func (x *Exchange) ClosePosition(ctx context.Context, id exchange.SymbolID) (exchange.ClientID, error) {
	return x.Submit(ctx, exchange.NewOrder{Symbol: id, Type: exchange.Market, ExecInst: exchange.Close})
}

// CancelAllAfter implements [exchange.Exchange].
func (x *Exchange) CancelAllAfter(_ context.Context, timeout time.Duration) error {
	switch {
	case x.closed:
		return exchange.ErrClosed
	case timeout < 0:
		return bad("timeout", timeout, "must not be negative; 0 disarms")
	}
	c := x.command(cmdDeadman, x.symbols[0])
	c.timeout = timeout
	x.send(c)
	return nil
}

// execute does what a command asks for, at the exchange.
func (x *Exchange) execute(c *command) {
	if x.onBars {
		x.catchUp(c.symbol, x.at)
	}
	if !x.sound {
		if reason := x.hinders(c); reason != "" {
			x.turnAway(c, reason)
			return
		}
	}
	switch c.kind {
	case cmdSubmit:
		x.accept(c)
	case cmdAmend:
		if !x.onBars || !x.deferChange(c) {
			x.amendOrder(c)
		}
	case cmdCancel:
		if !x.onBars || !x.deferChange(c) {
			x.cancelOrder(c.symbol, &c.cancel)
		}
	case cmdCancelAll:
		x.cancelSelected(c.filter, "Canceled: Canceled via API.")
	case cmdLeverage, cmdTransfer, cmdRiskLimit:
		x.changeMargin(c)
	case cmdDeadman:
		t := exchange.Never
		if c.timeout > 0 {
			t = x.at.Add(c.timeout)
		}
		x.clocks.set(&x.clocks.deadman, t)
	}
}

// accept takes an order that arrives.
func (x *Exchange) accept(c *command) {
	s := c.symbol
	if x.at >= s.until {
		x.refresh(s)
	}
	o := x.orderOf(c)
	x.stats.Orders++
	x.price(o)
	if o.Side == exchange.NoSide {
		// A Close without side takes it from the position.
		o.Side = exchange.SideOf(-s.pos)
	}
	if reason := x.refusesNew(o, c); reason != "" {
		x.reject(o, reason)
		return
	}
	x.byNumber.put(o.number, o)
	o.name.order = o
	x.seq++
	o.seq = x.seq
	x.startDay(o)
	parent := x.link(o)
	waits := o.Type.Triggered()
	if !waits && parent == nil && o.ExecInst.Has(exchange.Close) && o.Qty == 0 {
		o.Qty = s.pos.Abs()
		o.Leaves = o.Qty
	}
	o.Working = !waits && parent == nil && !o.takes()
	if parent != nil {
		o.Triggered = exchange.NotTriggered
	}
	x.reportOrder(o, exchange.ExecNew)
	switch {
	case parent != nil:
		x.sleep(o)
	case !waits:
		x.work(o)
	default:
		x.rearm(o)
	}
}

// orderOf makes the order that a request asks for.
func (x *Exchange) orderOf(c *command) *order {
	n, s := &c.order, c.symbol
	o := x.orders.get()
	*o = order{} // and the fields one by one, or it is made elsewhere and copied
	o.s, o.name = s, c.client
	o.OrderID, o.ClientID, o.LinkID = x.orderID(), n.ClientID, n.LinkID
	o.Symbol, o.Side, o.Qty, o.Leaves, o.DisplayQty = s.id, n.Side, n.Qty, n.Qty, n.DisplayQty
	o.Price, o.StopPrice, o.PegType, o.PegOffset = n.Price, n.StopPrice, n.PegType, n.PegOffset
	o.Type, o.TimeInForce, o.ExecInst, o.Contingency = n.Type, n.TimeInForce, n.ExecInst, n.Contingency
	o.Status, o.Text = exchange.New, withText("Submitted via API.", n.Text)
	o.TransactTime, o.Time = x.at, x.at
	o.number = x.orderIDs.made
	return o
}

// refusesNew returns why a new order is rejected, if it is.
func (x *Exchange) refusesNew(o *order, c *command) string {
	if o.s.terms != c.terms {
		// The terms changed while the order was on its way.
		if err := c.order.Validate(o.s.terms); err != nil {
			return err.Error()
		}
	}
	if o.name.order != nil {
		return "Duplicate clOrdID"
	}
	if o.Type == exchange.Pegged && o.Price <= 0 {
		return "Invalid price"
	}
	if o.s.expired {
		return "Instrument expired"
	}
	if x.liquidating(o.s) {
		return inLiquidation
	}
	if reason := x.crowded(o); reason != "" {
		return reason
	}
	if o.Type.Triggered() || x.parentOf(o) != nil {
		return "" // margin is needed when it is triggered
	}
	if x.outdated(o) {
		return "" // and when there is data to trade at
	}
	return x.refuses(o)
}

// refuses returns why the account may not place an order, if it may not.
func (x *Exchange) refuses(o *order) string {
	s := o.s
	x.revalue(x.at)
	if reason := x.beyond(o, o.Price); reason != "" {
		return reason
	}
	if o.limited() {
		if err := x.account.CheckPrice(s.id, o.Side, o.Price); err != nil {
			return err.Error()
		}
	}
	if o.reduces() {
		return ""
	}
	price := o.Price
	if !o.limited() {
		if price = x.expected(o); price == 0 {
			return "" // nothing will trade
		}
	}
	if s.pos == 0 {
		if m := s.markPrice(); m > 0 {
			x.account.SetMark(s.id, m, x.at)
		}
	}
	if err := x.account.CheckChange(s.id, o.Side, ledger.Open{}, o.worth(o.Leaves, price), price, x.at); err != nil {
		return err.Error()
	}
	return ""
}

// work lets an order that was accepted take what it can, and puts the rest on
// the book or cancels it. Where the price of the market is not known, it waits.
func (x *Exchange) work(o *order) {
	if x.awaits(o) {
		x.hold(o)
		return
	}
	if o.reduces() && !x.mayReduce(o) {
		return
	}
	if o.ExecInst.Has(exchange.PostOnly) && x.wouldTake(o) {
		x.cancel(o, "Canceled: Order had execInst of ParticipateDoNotInitiate")
		return
	}
	if o.ExecInst.Has(exchange.Close) {
		x.makeRoom(o)
	}
	x.takeAll(o)
	switch {
	case o.state == gone:
	case !o.takes():
		if o.Working = true; o.reduces() && !x.mayReduce(o) {
			return
		}
		x.rest(o)
	case o.TimeInForce == exchange.FillOrKill:
		x.cancel(o, "Canceled: Order had timeInForce of FillOrKill")
	default:
		x.cancel(o, "Canceled: Order had timeInForce of ImmediateOrCancel")
	}
}

// mayReduce cuts an order that may only reduce to what there is to reduce; it
// cancels the order and returns false when there is nothing.
func (x *Exchange) mayReduce(o *order) bool {
	s := o.s
	room := -exchange.Qty(o.Side.Sign()) * s.pos
	if room <= 0 {
		x.cancel(o, fmt.Sprintf("Canceled: Order had execInst of Close or ReduceOnly but current position is %d", s.pos))
		return false
	}
	if o.Leaves > room {
		x.cut(o, room)
	}
	return true
}

// cut lowers what is left of an order that may only reduce.
func (x *Exchange) cut(o *order, leaves exchange.Qty) {
	o.Leaves = leaves
	o.Qty = o.Filled + leaves
	x.reopen(o)
	x.reportOrder(o, exchange.ExecRestated)
}

// trimReducing keeps the resting orders that may only reduce within the
// position: the least aggressive ones give way.
func (x *Exchange) trimReducing(s *symbol) {
	for _, side := range [2]exchange.Side{exchange.Buy, exchange.Sell} {
		room := max(-exchange.Qty(side.Sign())*s.pos, 0)
		for o := range s.side(side).all() {
			switch {
			case !o.reduces():
			case room == 0:
				x.cancel(o, fmt.Sprintf("Canceled: Order had execInst of Close or ReduceOnly but current position is %d", s.pos))
			case o.Leaves > room:
				x.cut(o, room)
				room = 0
			default:
				room -= o.Leaves
			}
		}
	}
}

// makeRoom cancels the other limit orders on the side of a Close order when
// together with it they would exceed the position.
func (x *Exchange) makeRoom(o *order) {
	open := o.Leaves
	list := o.s.side(o.Side)
	for other := range list.all() {
		open += other.Leaves
	}
	if open <= o.s.pos.Abs() {
		return
	}
	for other := range list.all() {
		if other != o {
			x.cancel(other, "Canceled: Order had execInst of Close")
		}
	}
}

// find returns an open order, or how it has ended if that is remembered.
func (x *Exchange) find(s *symbol, id exchange.OrderID, client exchange.ClientID) (o *order, ended exchange.OrderStatus) {
	o = x.byNumber.get(numberOf(id))
	if id == "" {
		o = x.names.order(client)
	}
	if o != nil && o.s == s {
		return o, exchange.NoStatus
	}
	if o == nil {
		ended, _ = x.finished.find(id, client)
	}
	return nil, ended
}

func (x *Exchange) cancelOrder(s *symbol, c *exchange.CancelOrder) {
	o, ended := x.find(s, c.OrderID, c.ClientID)
	if o == nil {
		reason := "Not Found"
		if ended != exchange.NoStatus {
			reason = "Unable to cancel order due to existing state: " + ended.String()
		}
		x.reportReject(s, "cancel", c.OrderID, c.ClientID, reason)
		return
	}
	o.TransactTime = x.at
	x.cancel(o, withText("Canceled: Canceled via API.", c.Text))
}

// cancelSelected cancels every open order that a filter selects, oldest first.
func (x *Exchange) cancelSelected(f exchange.CancelFilter, text string) {
	for _, o := range x.selected(f) {
		if o.state != gone {
			x.cancelFor(o, withText(text, f.Text))
		}
	}
}

// selected returns the open orders that a filter selects, oldest first, in a
// slice that the next call uses again.
func (x *Exchange) selected(f exchange.CancelFilter) []*order {
	x.scratch = x.scratch[:0]
	for _, s := range x.symbols {
		if !f.AllSymbol && s.id != f.Symbol {
			continue
		}
		for _, list := range [3]iter.Seq[*order]{s.bids.all(), s.asks.all(), slices.Values(s.stops)} {
			for o := range list {
				if f.Side == exchange.NoSide || f.Side == o.Side {
					x.scratch = append(x.scratch, o)
				}
			}
		}
	}
	slices.SortFunc(x.scratch, func(a, b *order) int { return cmp.Compare(a.seq, b.seq) })
	return x.scratch
}

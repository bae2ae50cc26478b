package exchange

import "fmt"

// OrderID is the venue's identifier of an order.
type OrderID string

// ClientID is the identifier that the sender gave an order (clOrdID). It is
// unique among the open orders of an account and at most 36 bytes long.
type ClientID string

// MaxClientID is the greatest length of a ClientID.
const MaxClientID = 36

// Hidden as a DisplayQty shows nothing of the order.
const Hidden Qty = -1

// NewOrder is a request to place an order. Fields left zero are absent.
type NewOrder struct {
	Symbol      SymbolID
	Side        Side
	Qty         Qty             // contracts; 0 only with Close: the whole position
	Type        OrderType       // inferred from the prices when zero
	Price       Price           // limit price
	StopPrice   Price           // trigger price
	TimeInForce TimeInForce     // default of the type when zero
	ExecInst    ExecInst        //
	DisplayQty  Qty             // 0 shows all, Hidden nothing, otherwise an iceberg
	PegType     PegPriceType    //
	PegOffset   Price           // signed
	ClientID    ClientID        // assigned when empty
	LinkID      ClientID        // clOrdLinkID: the contingency group
	Contingency ContingencyType //
	Text        string          // free annotation
}

// Order is the state of an order, with every field that BitMEX knows.
type Order struct {
	OrderID      OrderID
	ClientID     ClientID
	LinkID       ClientID
	Symbol       SymbolID
	Side         Side
	Qty          Qty
	Price        Price // 0: none
	DisplayQty   Qty   // 0 shows all, Hidden nothing
	StopPrice    Price
	PegOffset    Price
	PegType      PegPriceType
	Type         OrderType
	TimeInForce  TimeInForce
	ExecInst     ExecInst
	Contingency  ContingencyType
	Status       OrderStatus
	Triggered    Triggered
	Working      bool // on the book
	RejectReason string
	Leaves       Qty
	Filled       Qty // cumQty
	AvgPrice     Price
	Text         string
	TransactTime Time // last event by the owner
	Time         Time // last change of the row
}

// AmendOrder is a request to change an open order. It names the order by
// OrderID or OrigClientID; fields left nil stay as they are.
type AmendOrder struct {
	Symbol       SymbolID
	OrderID      OrderID
	OrigClientID ClientID
	ClientID     ClientID // a new client id; needs OrigClientID
	Qty          *Qty     // new total, including what is filled
	Leaves       *Qty     // new open part; excludes Qty
	Price        *Price
	StopPrice    *Price
	PegOffset    *Price
	Text         string
}

// CancelOrder names an order to cancel by OrderID or ClientID.
type CancelOrder struct {
	Symbol   SymbolID
	OrderID  OrderID
	ClientID ClientID
	Text     string
}

// CancelFilter selects the orders that CancelAll cancels.
type CancelFilter struct {
	Symbol    SymbolID
	AllSymbol bool // ignore Symbol
	Side      Side // NoSide: both
	Text      string
}

// Normalize fills in what the venue infers: the side from a negative quantity,
// the type from the prices, and the time in force from the type.
func (o *NewOrder) Normalize() {
	if o.Side == NoSide && o.Qty != 0 {
		o.Side = SideOf(o.Qty)
	}
	o.Qty = o.Qty.Abs()
	if o.Type == NoOrderType {
		switch {
		case o.PegType != NoPeg && o.PegType != TrailingStopPeg:
			o.Type = Pegged
		case o.PegType == TrailingStopPeg, o.StopPrice != 0 && o.Price == 0:
			o.Type = Stop
		case o.StopPrice != 0:
			o.Type = StopLimit
		case o.Price != 0:
			o.Type = Limit
		default:
			o.Type = Market
		}
	}
	if o.TimeInForce == NoTimeInForce {
		switch o.Type {
		case Market, Stop, MarketIfTouched:
			o.TimeInForce = ImmediateOrCancel
		default:
			o.TimeInForce = GoodTillCancel
		}
	}
}

// Validate checks a normalized request against the terms in force: everything
// that can be known without the state of the market or the account. Errors are
// [*ValidationError] and name the field as BitMEX spells it.
func (o *NewOrder) Validate(t *Terms) error {
	for _, check := range []func(*Terms) error{o.validateQty, o.validatePrices, o.validateInstructions} {
		if err := check(t); err != nil {
			return err
		}
	}
	return nil
}

func (o *NewOrder) validateQty(t *Terms) error {
	switch {
	case o.Side != Buy && o.Side != Sell && !o.closesAll():
		return bad("side", o.Side, "want Buy or Sell")
	case o.Qty == 0 && !o.ExecInst.Has(Close):
		return bad("orderQty", o.Qty, "must be positive")
	case o.Qty%t.LotSize != 0:
		return bad("orderQty", o.Qty, fmt.Sprintf("must be a multiple of lot size: %d", t.LotSize))
	case o.Qty > t.MaxQty:
		return bad("orderQty", o.Qty, fmt.Sprintf("must not exceed %d", t.MaxQty))
	case o.DisplayQty < Hidden || o.DisplayQty > o.Qty && o.Qty != 0:
		return bad("displayQty", o.DisplayQty, "want between 0 and orderQty")
	case o.DisplayQty > 0 && o.DisplayQty%t.LotSize != 0:
		return bad("displayQty", o.DisplayQty, fmt.Sprintf("must be a multiple of lot size: %d", t.LotSize))
	case len(o.ClientID) > MaxClientID:
		return bad("clOrdID", o.ClientID, fmt.Sprintf("must be at most %d characters", MaxClientID))
	case len(o.LinkID) > MaxClientID:
		return bad("clOrdLinkID", o.LinkID, fmt.Sprintf("must be at most %d characters", MaxClientID))
	}
	return nil
}

// closesAll reports whether the order is a Close without side or quantity,
// which takes both from the position.
func (o *NewOrder) closesAll() bool {
	return o.ExecInst.Has(Close) && o.Qty == 0 && !o.Type.Triggered()
}

func (o *NewOrder) validatePrices(t *Terms) error {
	wantPrice := o.Type == Limit || o.Type == StopLimit || o.Type == LimitIfTouched
	wantStop := o.Type.Triggered() && o.PegType != TrailingStopPeg
	switch {
	case wantPrice && o.Price <= 0:
		return bad("price", o.Price, fmt.Sprintf("a %s order needs a positive price", o.Type))
	case !wantPrice && o.Price != 0 && o.Type != Pegged:
		return bad("price", o.Price, fmt.Sprintf("a %s order has no price", o.Type))
	case o.Price != 0 && !o.Price.OnTick(t.TickSize):
		return bad("price", o.Price, fmt.Sprintf("must be a multiple of tick size: %s", t.TickSize))
	case o.Price > t.MaxPrice:
		return bad("price", o.Price, fmt.Sprintf("must not exceed %s", t.MaxPrice))
	case wantStop && o.StopPrice <= 0:
		return bad("stopPx", o.StopPrice, fmt.Sprintf("a %s order needs a positive stopPx", o.Type))
	case !o.Type.Triggered() && o.StopPrice != 0:
		return bad("stopPx", o.StopPrice, fmt.Sprintf("a %s order has no stopPx", o.Type))
	case o.StopPrice != 0 && !o.StopPrice.OnTick(t.TickSize):
		return bad("stopPx", o.StopPrice, fmt.Sprintf("must be a multiple of tick size: %s", t.TickSize))
	case o.StopPrice > t.MaxPrice:
		return bad("stopPx", o.StopPrice, fmt.Sprintf("must not exceed %s", t.MaxPrice))
	case o.PegOffset != 0 && !o.PegOffset.OnTick(t.TickSize):
		return bad("pegOffsetValue", o.PegOffset, fmt.Sprintf("must be a multiple of tick size: %s", t.TickSize))
	}
	return nil
}

func (o *NewOrder) validateInstructions(t *Terms) error {
	triggers := 0
	for _, x := range []ExecInst{MarkPrice, IndexPrice, LastPrice} {
		if o.ExecInst.Has(x) {
			triggers++
		}
	}
	immediate := o.TimeInForce == ImmediateOrCancel || o.TimeInForce == FillOrKill
	takes := o.Type == Market || o.Type == Stop || o.Type == MarketIfTouched
	switch {
	case o.ExecInst.Has(PostOnly) && (takes || immediate):
		return bad("execInst", o.ExecInst, "ParticipateDoNotInitiate needs a resting limit order")
	case triggers > 1:
		return bad("execInst", o.ExecInst, "at most one of MarkPrice, IndexPrice, LastPrice")
	case triggers > 0 && !o.Type.Triggered():
		return bad("execInst", o.ExecInst, "a trigger price needs a stop or if-touched order")
	case o.ExecInst.Has(LastWithinMark) && !o.ExecInst.Has(LastPrice):
		return bad("execInst", o.ExecInst, "LastWithinMark needs LastPrice")
	case o.ExecInst.Has(AllOrNone):
		return bad("execInst", o.ExecInst, "AllOrNone was removed by the venue in 2018")
	case t.Kind == Spot && (o.ExecInst.Has(ReduceOnly) || o.ExecInst.Has(Close) || o.ExecInst.Has(IndexPrice)):
		return bad("execInst", o.ExecInst, "spot has no positions and no index trigger")
	case o.Type == Market && o.TimeInForce == Day:
		return bad("timeInForce", o.TimeInForce, "a Market order can not rest")
	case o.Type == Pegged && (!o.ExecInst.Has(Fixed) || o.PegType == NoPeg):
		return bad("execInst", o.ExecInst, "a Pegged order needs Fixed and a pegPriceType")
	case o.PegType == TrailingStopPeg && o.PegOffset == 0:
		return bad("pegOffsetValue", o.PegOffset, "a trailing stop needs an offset")
	case o.Contingency != NoContingency && o.LinkID == "":
		return bad("clOrdLinkID", o.LinkID, "a contingent order needs a clOrdLinkID")
	}
	return nil
}

func bad(field string, value any, reason string) error {
	return &ValidationError{Field: field, Value: fmt.Sprint(value), Reason: reason}
}

// Validate checks an amendment against the terms in force. Errors are
// [*ValidationError].
func (a *AmendOrder) Validate(t *Terms) error {
	switch {
	case a.OrderID == "" && a.OrigClientID == "":
		return bad("orderID", "", "orderID or origClOrdID must be sent")
	case a.ClientID != "" && a.OrigClientID == "":
		return bad("clOrdID", a.ClientID, "a new clOrdID needs origClOrdID")
	case len(a.ClientID) > MaxClientID:
		return bad("clOrdID", a.ClientID, fmt.Sprintf("must be at most %d characters", MaxClientID))
	case a.Qty != nil && a.Leaves != nil:
		return bad("leavesQty", *a.Leaves, "send at most one of orderQty and leavesQty")
	case a.Qty == nil && a.Leaves == nil && a.Price == nil && a.StopPrice == nil && a.PegOffset == nil && a.ClientID == "":
		return bad("orderQty", "", "nothing to amend")
	}
	for _, q := range []struct {
		field string
		value *Qty
	}{{"orderQty", a.Qty}, {"leavesQty", a.Leaves}} {
		if q.value != nil && (*q.value < 0 || *q.value > t.MaxQty || *q.value%t.LotSize != 0) {
			return bad(q.field, *q.value, fmt.Sprintf("want 0 to %d in lots of %d", t.MaxQty, t.LotSize))
		}
	}
	for _, p := range []struct {
		field string
		value *Price
	}{{"price", a.Price}, {"stopPx", a.StopPrice}} {
		if p.value != nil && (*p.value <= 0 || *p.value > t.MaxPrice || !p.value.OnTick(t.TickSize)) {
			return bad(p.field, *p.value, fmt.Sprintf("want a multiple of %s up to %s", t.TickSize, t.MaxPrice))
		}
	}
	if a.PegOffset != nil && !a.PegOffset.OnTick(t.TickSize) {
		return bad("pegOffsetValue", *a.PegOffset, fmt.Sprintf("must be a multiple of tick size: %s", t.TickSize))
	}
	return nil
}

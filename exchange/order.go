package exchange

import (
	"fmt"
	"math/bits"
	"strings"
)

// OrderID is the venue's identifier of an order.
type OrderID string

// ClientID is the identifier that the sender gave an order (clOrdID). It is
// unique among the open orders of an account and at most 36 bytes long.
type ClientID string

// MaxClientID is the greatest length of a ClientID.
const MaxClientID = 36

// MaxText is the greatest length, in bytes, of the annotation of a command: an order, and
// every report about it, carries it.
const MaxText = 512

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
	Text        string          // free annotation of at most MaxText bytes
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

// Validate checks that the request names an order. Errors are
// [*ValidationError].
func (c *CancelOrder) Validate() error {
	if c.OrderID == "" && c.ClientID == "" {
		return bad("orderID", "", "orderID or clOrdID must be sent")
	}
	return validateText(c.Text)
}

// Validate checks what can be known of the filter without its orders. Errors are
// [*ValidationError].
func (f *CancelFilter) Validate() error {
	if f.Side > Sell {
		return bad("side", f.Side.String(), "want Buy, Sell or neither for both")
	}
	return validateText(f.Text)
}

// validateText checks the annotation of a command.
func validateText(text string) error {
	if len(text) <= MaxText {
		return nil
	}
	return bad(
		"text",
		strings.ToValidUTF8(text[:32], "")+"...",
		fmt.Sprintf("has %d bytes, and must have at most %d", len(text), MaxText),
	)
}

// Normalize fills in what the venue infers: the side from the sign of the
// quantity, the type from the prices, and the time in force from the type. A
// negative quantity with the side Buy is a contradiction and stays for Validate
// to refuse. Normalizing twice changes nothing.
func (o *NewOrder) Normalize() {
	if o.Side == NoSide {
		o.Side = SideOf(o.Qty)
	}
	if o.Side == Sell {
		o.Qty = o.Qty.Abs()
	}
	if o.Type == NoOrderType {
		o.Type = o.inferType()
	}
	if o.TimeInForce == NoTimeInForce {
		o.TimeInForce = GoodTillCancel
		if o.Type.takes() {
			o.TimeInForce = ImmediateOrCancel
		}
	}
}

func (o *NewOrder) inferType() OrderType {
	waits := o.StopPrice != 0 || o.PegType == TrailingStopPeg
	switch {
	case o.PegType != NoPeg && o.PegType != TrailingStopPeg:
		return Pegged
	case waits && o.Price == 0:
		return Stop
	case waits:
		return StopLimit
	case o.Price != 0:
		return Limit
	}
	return Market
}

// takes reports whether the type becomes a market order.
func (t OrderType) takes() bool { return t == Market || t == Stop || t == MarketIfTouched }

// Validate checks a normalized request against the terms in force: everything
// that can be known without the state of the market or the account. Errors are
// [*ValidationError] and name the field as BitMEX spells it.
func (o *NewOrder) Validate(t *Terms) error {
	if err := o.validateWords(); err != nil {
		return err
	}
	if err := o.validateQty(t); err != nil {
		return err
	}
	if err := o.validatePrices(t); err != nil {
		return err
	}
	if err := o.validatePeg(t); err != nil {
		return err
	}
	return o.validateInstructions(t)
}

func (o *NewOrder) validateWords() error {
	switch {
	case o.Side > Sell, o.Side == NoSide && !o.closesAll():
		return bad("side", o.Side, "want Buy or Sell")
	case o.Type == NoOrderType || o.Type > Pegged:
		return bad("ordType", o.Type, "want a type of order")
	case o.TimeInForce == NoTimeInForce || o.TimeInForce > Day:
		return bad("timeInForce", o.TimeInForce, "want a time in force")
	case o.PegType > TrailingStopPeg:
		return bad("pegPriceType", o.PegType, "want a type of peg")
	case o.Contingency > OneTriggersTheOther:
		return bad("contingencyType", o.Contingency, "want OneCancelsTheOther or OneTriggersTheOther")
	case o.Contingency != NoContingency && o.LinkID == "":
		return bad("clOrdLinkID", o.LinkID, "a contingent order needs a clOrdLinkID")
	case len(o.ClientID) > MaxClientID:
		return bad("clOrdID", o.ClientID, fmt.Sprintf("must be at most %d characters", MaxClientID))
	case len(o.LinkID) > MaxClientID:
		return bad("clOrdLinkID", o.LinkID, fmt.Sprintf("must be at most %d characters", MaxClientID))
	}
	return validateText(o.Text)
}

// closesAll reports whether the order is a Close without a quantity, which can
// take its side from the position unless it has to know in which direction to
// trigger.
func (o *NewOrder) closesAll() bool {
	return o.ExecInst.Has(Close) && o.Qty == 0 && !o.Type.Triggered()
}

func (o *NewOrder) validateQty(t *Terms) error {
	switch {
	case o.Qty < 0 || o.Qty == 0 && !o.ExecInst.Has(Close):
		return bad("orderQty", o.Qty, "must be positive")
	case o.Qty%t.LotSize != 0:
		return bad("orderQty", o.Qty, fmt.Sprintf("must be a multiple of lot size: %d", t.LotSize))
	case o.Qty > t.MaxQty:
		return bad("orderQty", o.Qty, fmt.Sprintf("must not exceed %d", t.MaxQty))
	case o.DisplayQty < Hidden || o.DisplayQty > o.Qty && o.Qty != 0:
		return bad("displayQty", o.DisplayQty, "want between 0 and orderQty")
	case o.DisplayQty > 0 && o.DisplayQty%t.LotSize != 0:
		return bad("displayQty", o.DisplayQty, fmt.Sprintf("must be a multiple of lot size: %d", t.LotSize))
	}
	return nil
}

func (o *NewOrder) validatePrices(t *Terms) error {
	wantPrice := o.Type == Limit || o.Type == StopLimit || o.Type == LimitIfTouched
	wantStop := o.Type.Triggered() && o.PegType != TrailingStopPeg
	switch {
	case wantPrice && o.Price == 0:
		return bad("price", o.Price, fmt.Sprintf("a %s order needs a price", o.Type))
	case !wantPrice && o.Price != 0 && o.Type != Pegged:
		return bad("price", o.Price, fmt.Sprintf("a %s order has no price", o.Type))
	case wantStop && o.StopPrice == 0:
		return bad("stopPx", o.StopPrice, fmt.Sprintf("a %s order needs a stopPx", o.Type))
	case !o.Type.Triggered() && o.StopPrice != 0:
		return bad("stopPx", o.StopPrice, fmt.Sprintf("a %s order has no stopPx", o.Type))
	}
	if err := t.validatePrice("price", o.Price); err != nil {
		return err
	}
	return t.validatePrice("stopPx", o.StopPrice)
}

// validatePrice checks a price that an order has; 0 is none.
func (t *Terms) validatePrice(field string, p Price) error {
	switch {
	case p == 0:
		return nil
	case p < 0:
		return bad(field, p, "must be positive")
	case !p.OnTick(t.TickSize):
		return bad(field, p, fmt.Sprintf("must be a multiple of tick size: %s", t.TickSize))
	case p < t.MinPrice:
		return bad(field, p, fmt.Sprintf("must be at least %s", t.MinPrice))
	case p > t.MaxPrice:
		return bad(field, p, fmt.Sprintf("must not exceed %s", t.MaxPrice))
	}
	return nil
}

func (o *NewOrder) validatePeg(t *Terms) error {
	trails := o.PegType == TrailingStopPeg
	// A stop follows the market up when it sells and down when it buys; an
	// if-touched order the other way round.
	below := (o.Side == Sell) == (o.Type == Stop || o.Type == StopLimit)
	switch {
	case o.Type == Pegged && (o.PegType == NoPeg || trails):
		return bad("pegPriceType", o.PegType, "a Pegged order needs PrimaryPeg or MarketPeg")
	case o.Type != Pegged && o.PegType != NoPeg && !trails:
		return bad("pegPriceType", o.PegType, fmt.Sprintf("a %s order is not pegged", o.Type))
	case trails && !o.Type.Triggered():
		return bad("pegPriceType", o.PegType, "only a stop or if-touched order trails")
	case o.PegType == NoPeg && o.PegOffset != 0:
		return bad("pegOffsetValue", o.PegOffset, "needs a pegPriceType")
	case trails && o.PegOffset == 0:
		return bad("pegOffsetValue", o.PegOffset, "a trailing stop needs an offset")
	case trails && below != (o.PegOffset < 0):
		return bad("pegOffsetValue", o.PegOffset, "must be negative for stop-sell and buy-if-touched orders and positive for the others")
	case !o.PegOffset.OnTick(t.TickSize):
		return bad("pegOffsetValue", o.PegOffset, fmt.Sprintf("must be a multiple of tick size: %s", t.TickSize))
	case o.PegOffset > t.MaxPrice || o.PegOffset < -t.MaxPrice:
		return bad("pegOffsetValue", o.PegOffset, fmt.Sprintf("must not exceed %s", t.MaxPrice))
	}
	return nil
}

// Reasons of a [ValidationError] of execInst that say that the instruction does not go
// with the order's type or time in force, and not that it is wrong by itself.
const (
	ReasonPostOnly     = "ParticipateDoNotInitiate needs a resting limit order"
	ReasonTriggerPrice = "a trigger price needs a stop or if-touched order"
	ReasonWithinMark   = "LastWithinMark needs LastPrice and a Stop or StopLimit order"
	ReasonNotFixed     = "a Pegged order needs Fixed"
	ReasonFixed        = "Fixed needs a pegPriceType"
)

func (o *NewOrder) validateInstructions(t *Terms) error {
	triggers := bits.OnesCount16(uint16(o.ExecInst & (MarkPrice | IndexPrice | LastPrice)))
	immediate := o.TimeInForce == ImmediateOrCancel || o.TimeInForce == FillOrKill
	switch {
	case o.ExecInst>>len(execInstNames) != 0:
		return bad("execInst", fmt.Sprintf("%#x", uint16(o.ExecInst)), "unknown instructions")
	case o.ExecInst.Has(PostOnly) && (o.Type.takes() || immediate):
		return bad("execInst", o.ExecInst, ReasonPostOnly)
	case triggers > 1:
		return bad("execInst", o.ExecInst, "at most one of MarkPrice, IndexPrice, LastPrice")
	case triggers > 0 && !o.Type.Triggered():
		return bad("execInst", o.ExecInst, ReasonTriggerPrice)
	case o.ExecInst.Has(LastWithinMark) && (!o.ExecInst.Has(LastPrice) || o.Type != Stop && o.Type != StopLimit):
		return bad("execInst", o.ExecInst, ReasonWithinMark)
	case o.ExecInst.Has(AllOrNone):
		return bad("execInst", o.ExecInst, "AllOrNone was removed by the venue in 2018")
	case t.Kind == Spot && o.ExecInst&(ReduceOnly|Close|IndexPrice|LastWithinMark) != 0:
		return bad("execInst", o.ExecInst, "ReduceOnly, Close, IndexPrice and LastWithinMark are not for spot")
	case o.Type == Pegged && !o.ExecInst.Has(Fixed):
		return bad("execInst", o.ExecInst, ReasonNotFixed)
	case o.ExecInst.Has(Fixed) && o.PegType == NoPeg:
		return bad("execInst", o.ExecInst, ReasonFixed)
	case o.Type == Market && o.TimeInForce == Day:
		return bad("timeInForce", o.TimeInForce, "a Market order cannot rest")
	}
	return nil
}

func bad(field string, value any, reason string) error {
	return &ValidationError{Field: field, Value: fmt.Sprint(value), Reason: reason}
}

// Validate checks an amendment against the terms in force: everything that can
// be known without the order. Errors are [*ValidationError].
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
	if err := validateText(a.Text); err != nil {
		return err
	}
	if err := t.validateAmendedQty("orderQty", a.Qty); err != nil {
		return err
	}
	if err := t.validateAmendedQty("leavesQty", a.Leaves); err != nil {
		return err
	}
	if err := t.validateAmendedPrice("price", a.Price); err != nil {
		return err
	}
	if err := t.validateAmendedPrice("stopPx", a.StopPrice); err != nil {
		return err
	}
	if a.PegOffset != nil && !a.PegOffset.OnTick(t.TickSize) {
		return bad("pegOffsetValue", *a.PegOffset, fmt.Sprintf("must be a multiple of tick size: %s", t.TickSize))
	}
	return nil
}

func (t *Terms) validateAmendedQty(field string, q *Qty) error {
	if q != nil && (*q < 0 || *q > t.MaxQty || *q%t.LotSize != 0) {
		return bad(field, *q, fmt.Sprintf("want 0 to %d in lots of %d", t.MaxQty, t.LotSize))
	}
	return nil
}

func (t *Terms) validateAmendedPrice(field string, p *Price) error {
	if p == nil {
		return nil
	}
	if *p == 0 {
		return bad(field, *p, "must be positive")
	}
	return t.validatePrice(field, *p)
}

package exchange

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNormalize(t *testing.T) {
	for _, c := range []struct {
		name     string
		in, want NewOrder
	}{
		{"market", NewOrder{Side: Buy, Qty: 1}, NewOrder{Side: Buy, Qty: 1, Type: Market, TimeInForce: ImmediateOrCancel}},
		{"side defaults to buy", NewOrder{Qty: 1, Price: 5}, NewOrder{Side: Buy, Qty: 1, Price: 5, Type: Limit, TimeInForce: GoodTillCancel}},
		{"negative quantity sells", NewOrder{Qty: -1, Price: 5}, NewOrder{Side: Sell, Qty: 1, Price: 5, Type: Limit, TimeInForce: GoodTillCancel}},
		{"negative quantity and sell", NewOrder{Side: Sell, Qty: -1}, NewOrder{Side: Sell, Qty: 1, Type: Market, TimeInForce: ImmediateOrCancel}},
		{"negative quantity and buy", NewOrder{Side: Buy, Qty: -1}, NewOrder{Side: Buy, Qty: -1, Type: Market, TimeInForce: ImmediateOrCancel}},
		{"stop", NewOrder{Side: Sell, Qty: 1, StopPrice: 4}, NewOrder{Side: Sell, Qty: 1, StopPrice: 4, Type: Stop, TimeInForce: ImmediateOrCancel}},
		{"stop limit", NewOrder{Side: Sell, Qty: 1, StopPrice: 4, Price: 3}, NewOrder{Side: Sell, Qty: 1, StopPrice: 4, Price: 3, Type: StopLimit, TimeInForce: GoodTillCancel}},
		{"pegged", NewOrder{Side: Buy, Qty: 1, PegType: PrimaryPeg}, NewOrder{Side: Buy, Qty: 1, PegType: PrimaryPeg, Type: Pegged, TimeInForce: GoodTillCancel}},
		{"trailing stop", NewOrder{Side: Sell, Qty: 1, PegType: TrailingStopPeg, PegOffset: -2}, NewOrder{Side: Sell, Qty: 1, PegType: TrailingStopPeg, PegOffset: -2, Type: Stop, TimeInForce: ImmediateOrCancel}},
		{"trailing stop limit", NewOrder{Side: Sell, Qty: 1, Price: 9, PegType: TrailingStopPeg, PegOffset: -2}, NewOrder{Side: Sell, Qty: 1, Price: 9, PegType: TrailingStopPeg, PegOffset: -2, Type: StopLimit, TimeInForce: GoodTillCancel}},
		{"market if touched", NewOrder{Side: Buy, Qty: 1, StopPrice: 4, Type: MarketIfTouched}, NewOrder{Side: Buy, Qty: 1, StopPrice: 4, Type: MarketIfTouched, TimeInForce: ImmediateOrCancel}},
		{"limit if touched", NewOrder{Side: Buy, Qty: 1, StopPrice: 4, Price: 4, Type: LimitIfTouched}, NewOrder{Side: Buy, Qty: 1, StopPrice: 4, Price: 4, Type: LimitIfTouched, TimeInForce: GoodTillCancel}},
		{"what is said stays", NewOrder{Side: Buy, Qty: 1, Price: 4, Type: Limit, TimeInForce: FillOrKill}, NewOrder{Side: Buy, Qty: 1, Price: 4, Type: Limit, TimeInForce: FillOrKill}},
		{"close takes its side from the position", NewOrder{ExecInst: Close}, NewOrder{ExecInst: Close, Type: Market, TimeInForce: ImmediateOrCancel}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.in
			got.Normalize()
			require.Equal(t, c.want, got)
			got.Normalize()
			require.Equal(t, c.want, got, "twice")
		})
	}
}

// orderTerms are XBTUSD's of 2025, with a lowest price.
func orderTerms(tb testing.TB) *Terms {
	tb.Helper()
	terms := *termsAt(tb, "XBTUSD", "2025-01-01")
	terms.MinPrice = 10 * PriceUnit
	return &terms
}

func TestNewOrderValidate(t *testing.T) {
	terms := orderTerms(t)
	spot := *termsAt(t, "XBT_USDT", "2025-01-01")
	long := ClientID(strings.Repeat("x", MaxClientID))
	px := MustPrice
	for _, c := range []struct {
		name  string
		base  NewOrder // a limit order when it has no type
		set   func(o *NewOrder)
		field string // "" when the order is good
	}{
		{"limit", NewOrder{}, func(*NewOrder) {}, ""},

		{"sell", NewOrder{}, func(o *NewOrder) { o.Side = Sell }, ""},
		{"no side", NewOrder{}, func(o *NewOrder) { o.Side = NoSide }, "side"},
		{"unknown side", NewOrder{}, func(o *NewOrder) { o.Side = Sell + 1 }, "side"},
		{"close without side or quantity", NewOrder{Type: Market}, func(o *NewOrder) { o.Side, o.Qty, o.ExecInst = NoSide, 0, Close }, ""},
		{"close with an unknown side", NewOrder{Type: Market}, func(o *NewOrder) { o.Side, o.Qty, o.ExecInst = Sell+1, 0, Close }, "side"},
		{"close of a quantity without side", NewOrder{Type: Market}, func(o *NewOrder) { o.Side, o.ExecInst = NoSide, Close }, "side"},
		{"close stop without quantity", NewOrder{Type: Stop}, func(o *NewOrder) { o.Qty, o.ExecInst = 0, Close }, ""},
		{"close stop without side", NewOrder{Type: Stop}, func(o *NewOrder) { o.Side, o.Qty, o.ExecInst = NoSide, 0, Close }, "side"},
		{"no type", NewOrder{}, func(o *NewOrder) { o.Type = NoOrderType }, "ordType"},
		{"unknown type", NewOrder{}, func(o *NewOrder) { o.Type = Pegged + 1 }, "ordType"},
		{"no time in force", NewOrder{}, func(o *NewOrder) { o.TimeInForce = NoTimeInForce }, "timeInForce"},
		{"unknown time in force", NewOrder{}, func(o *NewOrder) { o.TimeInForce = Day + 1 }, "timeInForce"},
		{"unknown peg", NewOrder{}, func(o *NewOrder) { o.PegType = TrailingStopPeg + 1 }, "pegPriceType"},
		{"unknown contingency", NewOrder{}, func(o *NewOrder) { o.Contingency, o.LinkID = OneTriggersTheOther+1, "a" }, "contingencyType"},
		{"unknown instruction", NewOrder{}, func(o *NewOrder) { o.ExecInst = 1 << 15 }, "execInst"},

		{"contingent", NewOrder{}, func(o *NewOrder) { o.Contingency, o.LinkID = OneCancelsTheOther, "group" }, ""},
		{"contingent without a group", NewOrder{}, func(o *NewOrder) { o.Contingency = OneCancelsTheOther }, "clOrdLinkID"},
		{"longest ids", NewOrder{}, func(o *NewOrder) { o.ClientID, o.LinkID = long, long }, ""},
		{"client id too long", NewOrder{}, func(o *NewOrder) { o.ClientID = long + "x" }, "clOrdID"},
		{"link id too long", NewOrder{}, func(o *NewOrder) { o.LinkID = long + "x" }, "clOrdLinkID"},

		{"largest", NewOrder{}, func(o *NewOrder) { o.Qty = terms.MaxQty }, ""},
		{"too large", NewOrder{}, func(o *NewOrder) { o.Qty = terms.MaxQty + terms.LotSize }, "orderQty"},
		{"no quantity", NewOrder{}, func(o *NewOrder) { o.Qty = 0 }, "orderQty"},
		{"negative quantity", NewOrder{}, func(o *NewOrder) { o.Qty = -100 }, "orderQty"},
		{"negative quantity to close", NewOrder{}, func(o *NewOrder) { o.Qty, o.ExecInst = -100, Close }, "orderQty"},
		{"part of a lot", NewOrder{}, func(o *NewOrder) { o.Qty = 150 }, "orderQty"},
		{"hidden", NewOrder{}, func(o *NewOrder) { o.DisplayQty = Hidden }, ""},
		{"iceberg", NewOrder{}, func(o *NewOrder) { o.DisplayQty = 100 }, ""},
		{"iceberg that shows all", NewOrder{}, func(o *NewOrder) { o.DisplayQty = o.Qty }, ""},
		{"iceberg above the quantity", NewOrder{}, func(o *NewOrder) { o.DisplayQty = o.Qty + 100 }, "displayQty"},
		{"iceberg of part of a lot", NewOrder{}, func(o *NewOrder) { o.DisplayQty = 50 }, "displayQty"},
		{"negative display", NewOrder{}, func(o *NewOrder) { o.DisplayQty = -2 }, "displayQty"},
		{"iceberg that closes", NewOrder{}, func(o *NewOrder) { o.Qty, o.DisplayQty, o.ExecInst = 0, 100, Close }, ""},

		{"limit without price", NewOrder{}, func(o *NewOrder) { o.Price = 0 }, "price"},
		{"negative price", NewOrder{}, func(o *NewOrder) { o.Price = px("-50000") }, "price"},
		{"price off the tick", NewOrder{}, func(o *NewOrder) { o.Price = px("50000.05") }, "price"},
		{"highest price", NewOrder{}, func(o *NewOrder) { o.Price = terms.MaxPrice }, ""},
		{"price too high", NewOrder{}, func(o *NewOrder) { o.Price = terms.MaxPrice + terms.TickSize }, "price"},
		{"lowest price", NewOrder{}, func(o *NewOrder) { o.Price = terms.MinPrice }, ""},
		{"price too low", NewOrder{}, func(o *NewOrder) { o.Price = terms.MinPrice - terms.TickSize }, "price"},
		{"market", NewOrder{Type: Market}, func(*NewOrder) {}, ""},
		{"market with a price", NewOrder{Type: Market}, func(o *NewOrder) { o.Price = px("5") }, "price"},
		{"stop", NewOrder{Type: Stop}, func(*NewOrder) {}, ""},
		{"stop with a price", NewOrder{Type: Stop}, func(o *NewOrder) { o.Price = px("50000") }, "price"},
		{"stop without stopPx", NewOrder{Type: Stop}, func(o *NewOrder) { o.StopPrice = 0 }, "stopPx"},
		{"stopPx off the tick", NewOrder{Type: Stop}, func(o *NewOrder) { o.StopPrice = px("49000.01") }, "stopPx"},
		{"negative stopPx", NewOrder{Type: Stop}, func(o *NewOrder) { o.StopPrice = px("-1") }, "stopPx"},
		{"stopPx too high", NewOrder{Type: Stop}, func(o *NewOrder) { o.StopPrice = px("1000000.1") }, "stopPx"},
		{"stopPx too low", NewOrder{Type: Stop}, func(o *NewOrder) { o.StopPrice = px("9.9") }, "stopPx"},
		{"limit with stopPx", NewOrder{}, func(o *NewOrder) { o.StopPrice = px("49000") }, "stopPx"},
		{"stop limit", NewOrder{Type: StopLimit}, func(*NewOrder) {}, ""},
		{"stop limit without price", NewOrder{Type: StopLimit}, func(o *NewOrder) { o.Price = 0 }, "price"},
		{"market if touched", NewOrder{Type: MarketIfTouched}, func(*NewOrder) {}, ""},
		{"market if touched without stopPx", NewOrder{Type: MarketIfTouched}, func(o *NewOrder) { o.StopPrice = 0 }, "stopPx"},
		{"limit if touched", NewOrder{Type: LimitIfTouched}, func(*NewOrder) {}, ""},
		{"limit if touched without price", NewOrder{Type: LimitIfTouched}, func(o *NewOrder) { o.Price = 0 }, "price"},

		{"pegged", NewOrder{Type: Pegged}, func(*NewOrder) {}, ""},
		{"pegged with an offset", NewOrder{Type: Pegged}, func(o *NewOrder) { o.PegOffset = px("-0.5") }, ""},
		{"pegged with an offset off the tick", NewOrder{Type: Pegged}, func(o *NewOrder) { o.PegOffset = px("0.05") }, "pegOffsetValue"},
		{"pegged with a price off the tick", NewOrder{Type: Pegged}, func(o *NewOrder) { o.Price = px("5.05") }, "price"},
		{"pegged to nothing", NewOrder{Type: Pegged}, func(o *NewOrder) { o.PegType = NoPeg }, "pegPriceType"},
		{"pegged that trails", NewOrder{Type: Pegged}, func(o *NewOrder) { o.PegType = TrailingStopPeg }, "pegPriceType"},
		{"pegged without Fixed", NewOrder{Type: Pegged}, func(o *NewOrder) { o.ExecInst = 0 }, "execInst"},
		{"limit with a peg", NewOrder{}, func(o *NewOrder) { o.PegType = PrimaryPeg }, "pegPriceType"},
		{"limit that trails", NewOrder{}, func(o *NewOrder) { o.PegType, o.PegOffset = TrailingStopPeg, px("-1") }, "pegPriceType"},
		{"offset without a peg", NewOrder{}, func(o *NewOrder) { o.PegOffset = px("1") }, "pegOffsetValue"},
		{"trailing stop-sell", NewOrder{Type: Stop}, func(o *NewOrder) { o.Side, o.StopPrice = Sell, 0; trail(o, "-10") }, ""},
		{"trailing stop-buy", NewOrder{Type: Stop}, func(o *NewOrder) { o.Side, o.StopPrice = Buy, 0; trail(o, "10") }, ""},
		{"trailing if-touched sell", NewOrder{Type: MarketIfTouched}, func(o *NewOrder) { o.Side = Sell; trail(o, "10") }, ""},
		{"trailing if-touched buy", NewOrder{Type: LimitIfTouched}, func(o *NewOrder) { o.Side = Buy; trail(o, "-10") }, ""},
		{"trailing stop-limit sell above", NewOrder{Type: StopLimit}, func(o *NewOrder) { o.Side = Sell; trail(o, "10") }, "pegOffsetValue"},
		{"trailing stop-buy below", NewOrder{Type: Stop}, func(o *NewOrder) { o.Side = Buy; trail(o, "-10") }, "pegOffsetValue"},
		{"trailing if-touched buy above", NewOrder{Type: MarketIfTouched}, func(o *NewOrder) { o.Side = Buy; trail(o, "10") }, "pegOffsetValue"},
		{"trailing without offset", NewOrder{Type: Stop}, func(o *NewOrder) { trail(o, "0") }, "pegOffsetValue"},
		{"trailing offset off the tick", NewOrder{Type: Stop}, func(o *NewOrder) { trail(o, "10.01") }, "pegOffsetValue"},
		{"trailing offset too great", NewOrder{Type: Stop}, func(o *NewOrder) { trail(o, "1000000.1") }, "pegOffsetValue"},

		{"post-only", NewOrder{}, func(o *NewOrder) { o.ExecInst = PostOnly }, ""},
		{"post-only stop limit", NewOrder{Type: StopLimit}, func(o *NewOrder) { o.ExecInst = PostOnly }, ""},
		{"post-only market", NewOrder{Type: Market}, func(o *NewOrder) { o.ExecInst = PostOnly }, "execInst"},
		{"post-only stop", NewOrder{Type: Stop}, func(o *NewOrder) { o.ExecInst, o.TimeInForce = PostOnly, GoodTillCancel }, "execInst"},
		{"post-only at once", NewOrder{}, func(o *NewOrder) { o.ExecInst, o.TimeInForce = PostOnly, ImmediateOrCancel }, "execInst"},
		{"post-only or kill", NewOrder{}, func(o *NewOrder) { o.ExecInst, o.TimeInForce = PostOnly, FillOrKill }, "execInst"},
		{"stop on mark", NewOrder{Type: Stop}, func(o *NewOrder) { o.ExecInst = MarkPrice }, ""},
		{"stop on index", NewOrder{Type: Stop}, func(o *NewOrder) { o.ExecInst = IndexPrice | ReduceOnly }, ""},
		{"stop on mark and last", NewOrder{Type: Stop}, func(o *NewOrder) { o.ExecInst = MarkPrice | LastPrice }, "execInst"},
		{"limit on mark", NewOrder{}, func(o *NewOrder) { o.ExecInst = MarkPrice }, "execInst"},
		{"stop on last within mark", NewOrder{Type: Stop}, func(o *NewOrder) { o.ExecInst = LastPrice | LastWithinMark }, ""},
		{"within mark without last", NewOrder{Type: Stop}, func(o *NewOrder) { o.ExecInst = LastWithinMark }, "execInst"},
		{"if touched within mark", NewOrder{Type: MarketIfTouched}, func(o *NewOrder) { o.ExecInst = LastPrice | LastWithinMark }, "execInst"},
		{"all or none", NewOrder{}, func(o *NewOrder) { o.ExecInst = AllOrNone }, "execInst"},
		{"reduce-only", NewOrder{}, func(o *NewOrder) { o.ExecInst = ReduceOnly }, ""},
		{"fill or kill", NewOrder{}, func(o *NewOrder) { o.TimeInForce = FillOrKill }, ""},
		{"day limit", NewOrder{}, func(o *NewOrder) { o.TimeInForce = Day }, ""},
		{"day market", NewOrder{Type: Market}, func(o *NewOrder) { o.TimeInForce = Day }, "timeInForce"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := complete(c.base)
			c.set(&o)
			requireField(t, c.field, o.Validate(terms))
		})
	}

	o := NewOrder{Side: Buy, Qty: 1000, Price: px("50000")}
	o.Normalize()
	require.NoError(t, o.Validate(&spot))
	for _, x := range []ExecInst{ReduceOnly, Close} {
		o.ExecInst = x
		requireField(t, "execInst", o.Validate(&spot))
	}
	stop := NewOrder{Side: Sell, Qty: 1000, StopPrice: px("40000"), ExecInst: MarkPrice}
	stop.Normalize()
	require.NoError(t, stop.Validate(&spot))
	for _, x := range []ExecInst{IndexPrice, LastPrice | LastWithinMark} {
		stop.ExecInst = x
		requireField(t, "execInst", stop.Validate(&spot))
	}
}

// complete returns a good order of a type, a limit order if it has none.
func complete(o NewOrder) NewOrder {
	o.Side, o.Qty = Buy, 1000
	switch o.Type {
	case NoOrderType, Limit:
		o.Price = MustPrice("50000")
	case Stop, MarketIfTouched:
		o.StopPrice = MustPrice("49000")
	case StopLimit, LimitIfTouched:
		o.Price, o.StopPrice = MustPrice("50000"), MustPrice("49000")
	case Pegged:
		o.PegType, o.ExecInst = PrimaryPeg, Fixed
	}
	o.Normalize()
	return o
}

func trail(o *NewOrder, offset string) {
	o.PegType, o.PegOffset = TrailingStopPeg, MustPrice(offset)
}

func requireField(t *testing.T, field string, err error) {
	t.Helper()
	if field == "" {
		require.NoError(t, err)
		return
	}
	var bad *ValidationError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, field, bad.Field, err.Error())
	require.ErrorContains(t, err, field)
	require.NotEmpty(t, bad.Reason)
}

func TestAmendOrderValidate(t *testing.T) {
	terms := orderTerms(t)
	long := ClientID(strings.Repeat("x", MaxClientID))
	price := func(s string) *Price { p := MustPrice(s); return &p }
	qty := func(q Qty) *Qty { return &q }
	for _, c := range []struct {
		name  string
		in    AmendOrder
		field string
	}{
		{"price by order id", AmendOrder{OrderID: "a", Price: price("50000")}, ""},
		{"price by client id", AmendOrder{OrigClientID: "a", Price: price("50000")}, ""},
		{"of no order", AmendOrder{Price: price("50000")}, "orderID"},
		{"new client id", AmendOrder{OrigClientID: "a", ClientID: long}, ""},
		{"new client id too long", AmendOrder{OrigClientID: "a", ClientID: long + "x"}, "clOrdID"},
		{"new client id for an order id", AmendOrder{OrderID: "a", ClientID: "b"}, "clOrdID"},
		{"nothing", AmendOrder{OrderID: "a", Text: "why"}, "orderQty"},
		{"quantity", AmendOrder{OrderID: "a", Qty: qty(300)}, ""},
		{"quantity to nothing", AmendOrder{OrderID: "a", Qty: qty(0)}, ""},
		{"largest quantity", AmendOrder{OrderID: "a", Qty: &terms.MaxQty}, ""},
		{"quantity too large", AmendOrder{OrderID: "a", Qty: qty(terms.MaxQty + terms.LotSize)}, "orderQty"},
		{"negative quantity", AmendOrder{OrderID: "a", Qty: qty(-100)}, "orderQty"},
		{"part of a lot", AmendOrder{OrderID: "a", Qty: qty(150)}, "orderQty"},
		{"leaves", AmendOrder{OrderID: "a", Leaves: qty(300)}, ""},
		{"leaves of part of a lot", AmendOrder{OrderID: "a", Leaves: qty(50)}, "leavesQty"},
		{"negative leaves", AmendOrder{OrderID: "a", Leaves: qty(-100)}, "leavesQty"},
		{"both quantities", AmendOrder{OrderID: "a", Qty: qty(300), Leaves: qty(100)}, "leavesQty"},
		{"price off the tick", AmendOrder{OrderID: "a", Price: price("50000.05")}, "price"},
		{"no price", AmendOrder{OrderID: "a", Price: price("0")}, "price"},
		{"negative price", AmendOrder{OrderID: "a", Price: price("-5")}, "price"},
		{"price too high", AmendOrder{OrderID: "a", Price: price("1000000.1")}, "price"},
		{"price too low", AmendOrder{OrderID: "a", Price: price("9.9")}, "price"},
		{"stopPx", AmendOrder{OrderID: "a", StopPrice: price("49000")}, ""},
		{"stopPx off the tick", AmendOrder{OrderID: "a", StopPrice: price("49000.05")}, "stopPx"},
		{"no stopPx", AmendOrder{OrderID: "a", StopPrice: price("0")}, "stopPx"},
		{"offset", AmendOrder{OrderID: "a", PegOffset: price("-10")}, ""},
		{"offset off the tick", AmendOrder{OrderID: "a", PegOffset: price("-10.01")}, "pegOffsetValue"},
	} {
		t.Run(c.name, func(t *testing.T) { requireField(t, c.field, c.in.Validate(terms)) })
	}
}

func TestCancelOrderValidate(t *testing.T) {
	requireField(t, "", (&CancelOrder{OrderID: "a"}).Validate())
	requireField(t, "", (&CancelOrder{ClientID: "a"}).Validate())
	requireField(t, "orderID", (&CancelOrder{Text: "why"}).Validate())
}

func TestValidateAllocatesNothing(t *testing.T) {
	terms := orderTerms(t)
	o := complete(NewOrder{})
	require.Zero(t, testing.AllocsPerRun(100, func() {
		o.Normalize()
		if err := o.Validate(terms); err != nil {
			t.Fatal(err)
		}
	}))
}

func TestValidationErrorText(t *testing.T) {
	err := error(&ValidationError{Field: "price", Value: "5", Reason: "is wrong"})
	require.EqualError(t, err, `price "5": is wrong`)
	err = &ValidationError{Field: "price", Value: "x", Reason: "is wrong", Symbol: "bitmex:XBTUSD", Err: ErrSyntax}
	require.EqualError(t, err, `bitmex:XBTUSD: price "x": is wrong`)
	require.ErrorIs(t, err, ErrSyntax)
	require.EqualError(t, &ValidationError{Value: "5", Reason: "want an object"}, `"5": want an object`)
}

// A filter selects the orders of a side that exists, or of both.
func TestCancelFilterHasASide(t *testing.T) {
	for side := range 256 {
		err := (&CancelFilter{Side: Side(side)}).Validate()
		if side <= int(Sell) {
			require.NoError(t, err, side)
			continue
		}
		var v *ValidationError
		require.ErrorAs(t, err, &v, side)
		require.Equal(t, "side", v.Field)
		require.EqualError(t, err, fmt.Sprintf(`side "invalid(%d)": want Buy, Sell or neither for both`, side))
	}
}

// An annotation is short: every report about an order carries it.
func TestTextIsShort(t *testing.T) {
	terms := orderTerms(t)
	long, fits := strings.Repeat("x", MaxText+1), strings.Repeat("x", MaxText)
	price := MustPrice("30000")
	for name, validate := range map[string]func(text string) error{
		"order": func(text string) error {
			o := NewOrder{Qty: 100, Price: price, Text: text}
			o.Normalize()
			return o.Validate(terms)
		},
		"amendment": func(text string) error {
			a := AmendOrder{OrderID: "a", Price: &price, Text: text}
			return a.Validate(terms)
		},
		"cancellation":    func(text string) error { return (&CancelOrder{OrderID: "a", Text: text}).Validate() },
		"of all of a set": func(text string) error { return (&CancelFilter{Text: text}).Validate() },
	} {
		require.NoError(t, validate(fits), name)
		err := validate(long)
		var v *ValidationError
		require.ErrorAs(t, err, &v, name)
		require.Equal(t, "text", v.Field, name)
		require.Contains(t, err.Error(), "has 513 bytes, and must have at most 512", name)
		require.Less(t, len(err.Error()), 150, name)
	}
}

package exchange

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"
)

// Limits of what a market event or an account row can hold, whatever its instrument.
const (
	// MaxEventQty is the greatest number of contracts: the last whole number up to which
	// every program that reads JSON counts exactly.
	MaxEventQty Qty = 1 << 53
	// MaxFundingRate is the greatest funding rate of one interval, either way.
	MaxFundingRate = RatioUnit / 10
	// MaxAmount is the greatest amount of money, either way. Sums of a few amounts stay
	// within an int64.
	MaxAmount Money = math.MaxInt64 / 8

	// MaxBarInterval is the longest bar.
	MaxBarInterval = 366 * 24 * time.Hour
	// MaxTravel is the longest time from an event to its arrival.
	MaxTravel = 366 * 24 * time.Hour

	maxValue       = math.MaxInt64 / 4   // of the contracts of one event, as instruments are validated
	maxFundingLead = 32 * 24 * time.Hour // between a funding event and its settlement, either way

	// LiveSkew is how far the time of a live row may be from the clock that it is judged by.
	LiveSkew = 24 * time.Hour
	// liveFundingLead is maxFundingLead for live events: intervals last a day at most.
	liveFundingLead = 48 * time.Hour
)

// Bounds are the numbers that the market events and the account rows of an instrument can
// hold: those that its contract maths can value, and no others. Whatever enters the program,
// from a file, a catalog or a venue, is checked against them first; behind that check the
// contract maths does not overflow. A Bounds is made once and read by any goroutine. Checks do
// not allocate unless they fail.
type Bounds struct {
	Low, High Price // of every price
	// Plenty is how many contracts have a value at every price from Low to High. More than
	// that have one at some prices only ([Bounds.Valued]).
	Plenty Qty

	symbol     string
	inverse    bool
	multiplier uint64
	divisor    uint64  // times fixedUnit unless inverse
	unit       uint64  // that values are rounded to
	ticks      []Price // that the instrument has had
}

// Bounds returns the bounds of the instrument over all its terms, which must be valid.
func (i *Instrument) Bounds() Bounds {
	b := Bounds{
		Low:        MaxPrice,
		symbol:     i.Name(),
		inverse:    i.Kind == Inverse,
		multiplier: uint64(i.Multiplier),
		divisor:    uint64(i.Divisor),
		unit:       i.Rounding.unit(),
	}
	if !b.inverse {
		b.divisor *= fixedUnit
	}
	for n := range i.Terms {
		t := &i.Terms[n]
		low := t.TickSize
		// The loader has checked the value of the largest order from minPrice on.
		if worth := float64(i.Multiplier) * float64(t.MaxQty) / low.Float64(); b.inverse && worth >= maxValue {
			low = t.lowestPrice()
		}
		b.Low, b.High = min(b.Low, low), max(b.High, t.MaxPrice)
		if !slices.Contains(b.ticks, t.TickSize) {
			b.ticks = append(b.ticks, t.TickSize)
		}
	}
	worst := b.High
	if b.inverse {
		worst = b.Low
	}
	b.Plenty = MaxEventQty
	if each, ok := b.each(worst); !ok {
		b.Plenty = 0
	} else if each > 0 {
		b.Plenty = min(b.Plenty, Qty(maxValue/each))
	}
	return b
}

// AnyBounds returns the bounds of an instrument of which nothing is known.
func AnyBounds() Bounds { return Bounds{Low: 1, High: MaxPrice, Plenty: MaxEventQty} }

// each is the value of one contract, rounded up.
func (b *Bounds) each(p Price) (uint64, bool) {
	by, over := uint64(p), b.divisor
	if b.inverse {
		by, over = fixedUnit, uint64(p)*b.divisor
	}
	v, ok := mulDivAbs(b.multiplier, by, over, Ceil)
	if b.unit > 1 && ok {
		v = (v + b.unit - 1) / b.unit * b.unit
	}
	return v, ok
}

// Valued reports whether q contracts, 0 or more, have a value at a price within the bounds.
func (b *Bounds) Valued(q Qty, p Price) bool {
	if uint64(q) <= uint64(b.Plenty) {
		return true
	}
	if uint64(q) > uint64(MaxEventQty) || b.divisor == 0 {
		return false
	}
	each, ok := b.each(p)
	hi, lo := bits.Mul64(each, uint64(q))
	return ok && hi == 0 && lo <= maxValue
}

// ValueAtMost is [Terms.Value] for any q and any p > 0: a value that an int64 cannot hold is
// the greatest Money.
func (t *Terms) ValueAtMost(q Qty, p Price) Money {
	lots := abs64(int64(q)) / uint64(t.LotSize)
	by, over := uint64(p), uint64(fixedUnit*t.Divisor)
	if t.Kind == Inverse {
		by, over = fixedUnit, uint64(p)*uint64(t.Divisor)
	}
	lot, ok := mulDivAbs(uint64(t.lotMultiplier()), by, over, Ceil)
	hi, lo := bits.Mul64(lot, lots+1) // with the part of a lot that may be over
	if !ok || hi != 0 || lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return t.Value(q, p)
}

// Priced reports whether a price is within the bounds.
func (b *Bounds) Priced(p Price) bool { return p >= b.Low && p <= b.High }

// Check returns nil, or a [*ValidationError] that names the field of the event that is out of
// bounds. Fields are called as BitMEX calls them.
func (b *Bounds) Check(e *Event) error {
	if e.Time < 0 || e.Arrival < 0 {
		return b.bad("timestamp", min(e.Time, e.Arrival), "want a time since 1970")
	}
	// The kinds that come most often come first.
	switch e.Kind {
	case KindBook, KindOrder:
		return b.checkLevel(e)
	case KindTrade, KindLiquidation:
		return b.checkTrade(e)
	case KindQuote:
		q := e.Quote()
		if err := b.checkTop("bidPrice", q.BidPrice, "bidSize", q.BidQty); err != nil {
			return err
		}
		return b.checkTop("askPrice", q.AskPrice, "askSize", q.AskQty)
	case KindMark:
		return b.checkMark(e.Mark())
	case KindBar:
		return b.checkBar(e)
	case KindFunding:
		return b.checkFunding(e, maxFundingLead)
	case KindGap:
		if from, to := e.Gap(); from > to {
			return b.bad("gap", from, fmt.Sprintf("must not begin after its end %s", to))
		}
		return nil
	case KindOperator:
		if o := e.Operation(); o < OperationKill || int(o) >= len(operationNames) {
			return b.bad("operation", uint8(o), "unknown operation")
		}
		return nil
	case KindInstrument:
		return nil
	}
	return b.bad("kind", uint8(e.Kind), "unknown kind of event")
}

func (b *Bounds) checkLevel(e *Event) error {
	l := e.Level() // the first fields of an order of a book are the same
	switch {
	case e.Side != Buy && e.Side != Sell:
		return b.badSide(e.Side)
	case !b.Priced(l.Price):
		return b.badPrice("price", l.Price)
	case !b.Valued(l.Qty, l.Price):
		return b.badQty("size", l.Qty, l.Price)
	}
	return nil
}

func (b *Bounds) checkTrade(e *Event) error {
	t := e.Trade()
	switch {
	case e.Side != Buy && e.Side != Sell:
		return b.badSide(e.Side)
	case !b.Priced(t.Price):
		return b.badPrice("price", t.Price)
	case t.Qty == 0 || !b.Valued(t.Qty, t.Price):
		return b.badQty("size", t.Qty, t.Price)
	}
	return nil
}

// checkTop checks one side of a quote, which is empty if its price is 0.
func (b *Bounds) checkTop(priceField string, p Price, qtyField string, q Qty) error {
	switch {
	case p == 0 && q == 0:
		return nil
	case p == 0:
		if q < 0 || q > MaxEventQty {
			return b.badQty(qtyField, q, b.Low)
		}
		return nil
	case !b.Priced(p):
		return b.badPrice(priceField, p)
	case !b.Valued(q, p):
		return b.badQty(qtyField, q, p)
	}
	return nil
}

// checkMark checks mark and index, each of which is unchanged if it is 0.
func (b *Bounds) checkMark(m Mark) error {
	switch {
	case m.Mark != 0 && !b.Priced(m.Mark):
		return b.badPrice("markPrice", m.Mark)
	case m.Index != 0 && !b.Priced(m.Index):
		return b.badPrice("indexPrice", m.Index)
	}
	return nil
}

func (b *Bounds) checkBar(e *Event) error {
	bar := e.Bar()
	interval := e.BarInterval()
	switch {
	case !b.Priced(bar.Open):
		return b.badPrice("open", bar.Open)
	case !b.Priced(bar.High):
		return b.badPrice("high", bar.High)
	case !b.Priced(bar.Low):
		return b.badPrice("low", bar.Low)
	case !b.Priced(bar.Close):
		return b.badPrice("close", bar.Close)
	case interval <= 0 || interval > MaxBarInterval || e.Time > Never-Time(MaxBarInterval):
		return b.bad(
			"timestamp",
			bar.End,
			fmt.Sprintf("want the end of a bar that begins at %s and lasts up to %s", bar.Start, days(MaxBarInterval)),
		)
	// The dearest price of a bar is its high, or for inverse contracts its low. A bar whose
	// low is above its high, and an open beyond both, are for data verify to tell.
	case !b.Valued(bar.Volume, min(bar.Open, bar.High, bar.Low, bar.Close)) ||
		!b.Valued(bar.Volume, max(bar.Open, bar.High, bar.Low, bar.Close)):
		return b.badQty("volume", bar.Volume, bar.Close)
	case bar.Turnover < 0 || bar.Turnover > MaxAmount:
		return b.bad("turnover", int64(bar.Turnover), fmt.Sprintf("want 0 to %d", MaxAmount))
	case bar.Trades < 0 || bar.Trades > int64(MaxEventQty):
		return b.bad("trades", bar.Trades, fmt.Sprintf("want 0 to %d", MaxEventQty))
	}
	return nil
}

func (b *Bounds) checkFunding(e *Event, lead time.Duration) error {
	f := e.Funding()
	switch {
	case f.Rate > MaxFundingRate || f.Rate < -MaxFundingRate:
		return b.bad("fundingRate", f.Rate, fmt.Sprintf("want %s to %s", -MaxFundingRate, MaxFundingRate))
	case f.Due < 0 || apart(f.Due, e.Time, lead):
		return b.bad("fundingTimestamp", f.Due, fmt.Sprintf("want a time within %s of %s", days(lead), e.Time))
	}
	return nil
}

// apart reports whether two times that are not negative differ by more than d.
func apart(t, u Time, d time.Duration) bool { return t.Sub(u) > d || u.Sub(t) > d }

// CheckArrival returns nil, or an error if an event that has passed [Bounds.Check] arrives
// absurdly late. An arrival before the event is clock skew, and the engine's to tell.
func (b *Bounds) CheckArrival(e *Event) error {
	if e.Kind != KindBar && e.Arrival.Sub(e.Time) > MaxTravel {
		return b.bad("arrival", e.Arrival, fmt.Sprintf("want a time within %s of %s", days(MaxTravel), e.Time))
	}
	return nil
}

// CheckLive is Check for what a venue says now. Beside it, the time of the event must be
// within a day of a clock (the time of arrival, or that of a venue that replays a market of
// the past), prices must be on a tick that the instrument has had, and a quote must not be
// crossed.
func (b *Bounds) CheckLive(e *Event, clock Time) error {
	if err := b.Check(e); err != nil {
		return err
	}
	if apart(e.Time, clock, LiveSkew) {
		return b.bad("timestamp", e.Time, fmt.Sprintf("want a time within %s of %s", days(LiveSkew), clock))
	}
	switch e.Kind {
	case KindBook, KindOrder, KindTrade, KindLiquidation:
		if p := e.Level().Price; !b.ticked(p) {
			return b.badTick("price", p)
		}
	case KindQuote:
		q := e.Quote()
		switch {
		case !b.ticked(q.BidPrice):
			return b.badTick("bidPrice", q.BidPrice)
		case !b.ticked(q.AskPrice):
			return b.badTick("askPrice", q.AskPrice)
		case q.BidPrice != 0 && q.AskPrice != 0 && q.BidPrice >= q.AskPrice:
			return b.bad("bidPrice", q.BidPrice, fmt.Sprintf("must be below the ask %s", q.AskPrice))
		}
	case KindFunding:
		return b.checkFunding(e, liveFundingLead)
	}
	return nil
}

// ticked reports whether a price is on a tick that the instrument has had.
func (b *Bounds) ticked(p Price) bool {
	for _, tick := range b.ticks {
		if p%tick == 0 {
			return true
		}
	}
	return len(b.ticks) == 0
}

// CheckReport returns nil, or a [*ValidationError] if a report of a venue holds what the
// contract maths cannot value: a report that fails must not reach an account.
func (b *Bounds) CheckReport(r *Report) error {
	if r.Time < 0 || r.Time > Never-Time(MaxTravel) {
		return b.bad("timestamp", r.Time, "want a time since 1970")
	}
	switch r.Kind {
	case ReportOrder:
		return b.checkOrder(&r.Order)
	case ReportFill:
		if err := b.CheckFill(&r.Fill); err != nil || r.Order.OrderID == "" && r.Order.ClientID == "" {
			return err
		}
		return b.checkOrder(&r.Order)
	case ReportPosition:
		return b.checkPosition(&r.Position)
	case ReportMargin:
		return CheckMargin(&r.Margin)
	case ReportFunding:
		f := &r.Funding
		switch {
		case f.Qty.Abs() > b.Plenty || f.Qty == math.MinInt64:
			return b.badHeld("qty", f.Qty)
		case f.Price < 0 || f.Price > MaxPrice:
			return b.badAny("price", f.Price)
		case f.Rate > RatioUnit || f.Rate < -RatioUnit:
			return b.bad("commission", f.Rate, "want -1 to 1")
		case tooMuch(f.Amount):
			return b.badAmount("execComm", f.Amount)
		}
	}
	return nil
}

func (b *Bounds) checkOrder(o *Order) error {
	for _, x := range [...]struct {
		field string
		q     Qty
	}{{"orderQty", o.Qty}, {"leavesQty", o.Leaves}, {"cumQty", o.Filled}, {"displayQty", max(o.DisplayQty, 0)}} {
		if x.q < 0 || x.q > b.Plenty {
			return b.badHeld(x.field, x.q)
		}
	}
	for _, x := range [...]struct {
		field string
		p     Price
	}{{"price", o.Price}, {"stopPx", o.StopPrice}, {"avgPx", o.AvgPrice}} {
		if x.p < 0 || x.p > MaxPrice {
			return b.badAny(x.field, x.p)
		}
	}
	if o.PegOffset > MaxPrice || o.PegOffset < -MaxPrice {
		return b.badAny("pegOffsetValue", o.PegOffset)
	}
	return nil
}

// CheckBasis checks what a position has come to: sums of it and one more fill do not
// overflow.
func (b *Bounds) CheckBasis(x Basis) error {
	switch {
	case x.Qty > 2*b.Plenty || x.Qty < -2*b.Plenty:
		return b.badHeld("currentQty", x.Qty)
	case tooMuch(x.Cost):
		return b.badAmount("currentCost", x.Cost)
	}
	return nil
}

// CheckFill checks a fill before it is added to a position.
func (b *Bounds) CheckFill(f *Fill) error {
	switch {
	case f.Side != Buy && f.Side != Sell:
		return b.badSide(f.Side)
	case f.Qty <= 0 || f.Qty > b.Plenty:
		return b.badHeld("lastQty", f.Qty)
	case !b.Priced(f.Price):
		return b.badPrice("lastPx", f.Price)
	case f.Position > 2*b.Plenty || f.Position < -2*b.Plenty:
		return b.badHeld("currentQty", f.Position)
	case f.Leaves < 0 || f.Leaves > b.Plenty:
		return b.badHeld("leavesQty", f.Leaves)
	case tooMuch(f.Value):
		return b.badAmount("execCost", f.Value)
	case tooMuch(f.Fee):
		return b.badAmount("execComm", f.Fee)
	case f.FeeRate > RatioUnit || f.FeeRate < -RatioUnit:
		return b.bad("commission", f.FeeRate, "want -1 to 1")
	}
	return nil
}

func (b *Bounds) checkPosition(p *Position) error {
	if p.Qty > b.Plenty || p.Qty < -b.Plenty {
		return b.badHeld("currentQty", p.Qty)
	}
	for _, x := range [...]struct {
		field string
		p     Price
	}{{"avgEntryPrice", p.EntryPrice}, {"markPrice", p.MarkPrice}, {"liquidationPrice", p.LiquidationPrice},
		{"bankruptPrice", p.BankruptPrice}} {
		if x.p < 0 || x.p > MaxPrice {
			return b.badAny(x.field, x.p)
		}
	}
	for _, x := range [...]struct {
		field string
		m     Money
	}{{"currentCost", p.Cost}, {"markValue", p.MarkValue}, {"unrealisedPnl", p.Unrealised}, {"realisedCost", p.Realised},
		{"currentComm", p.Fees}, {"funding", p.Funding}, {"initMargin", p.InitMargin}, {"maintMargin", p.MaintMargin},
		{"riskLimit", p.RiskLimit}} {
		if tooMuch(x.m) {
			return b.badAmount(x.field, x.m)
		}
	}
	if p.Leverage < 0 || p.Leverage > 100_000*RatioUnit {
		return b.bad("leverage", p.Leverage, "want 0 to 100000")
	}
	return nil
}

// CheckMargin checks the state of an account in one currency.
func CheckMargin(m *Margin) error {
	for _, x := range [...]struct {
		field string
		m     Money
	}{{"walletBalance", m.Wallet}, {"unrealisedPnl", m.Unrealised}, {"marginBalance", m.Balance}, {"initMargin",
		m.InitMargin},
		{"maintMargin", m.MaintMargin}, {"availableMargin", m.Available}} {
		if tooMuch(x.m) {
			return &ValidationError{Field: x.field, Value: fmt.Sprint(int64(x.m)), Reason: amountReason()}
		}
	}
	return nil
}

func days(d time.Duration) string {
	if n := d / (24 * time.Hour); n > 1 {
		return fmt.Sprintf("%d days", n)
	}
	return "a day"
}

func tooMuch(m Money) bool { return m > MaxAmount || m < -MaxAmount }

func amountReason() string { return fmt.Sprintf("want at most %d, either way", MaxAmount) }

func (b *Bounds) bad(field string, value any, reason string) error {
	return &ValidationError{Field: field, Value: fmt.Sprint(value), Reason: reason, Symbol: b.symbol}
}

func (b *Bounds) badSide(s Side) error { return b.bad("side", s, "want Buy or Sell") }

func (b *Bounds) badPrice(field string, p Price) error { return b.bad(field, p, b.priceReason()) }

func (b *Bounds) priceReason() string {
	return fmt.Sprintf("want a price from %s to %s", b.Low, b.High)
}

func (b *Bounds) badAny(field string, p Price) error {
	return b.bad(field, p, fmt.Sprintf("want a price up to %s", MaxPrice))
}

func (b *Bounds) badTick(field string, p Price) error {
	return b.bad(field, p, fmt.Sprintf("want a multiple of the tick %s", b.ticks[len(b.ticks)-1]))
}

func (b *Bounds) badQty(field string, q Qty, p Price) error {
	if q <= 0 {
		return b.bad(field, int64(q), "want a number of contracts above 0")
	}
	return b.bad(field, int64(q), fmt.Sprintf("too many contracts: their value at %s is beyond what can be counted", p))
}

func (b *Bounds) badHeld(field string, q Qty) error {
	return b.bad(field, int64(q), fmt.Sprintf("want up to %d contracts", b.Plenty))
}

func (b *Bounds) badAmount(field string, m Money) error {
	return b.bad(field, int64(m), amountReason())
}

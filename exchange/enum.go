package exchange

import (
	"fmt"
	"strings"
)

// Side is the side of an order, of a trade's taker, or of a book.
type Side uint8

// Sides. The zero value is "not said".
const (
	NoSide Side = iota
	Buy
	Sell
)

var sideNames = []string{"", "Buy", "Sell"}

// String returns the venue's word.
func (s Side) String() string { return name(sideNames, s) }

// Opposite returns the other side.
func (s Side) Opposite() Side {
	switch s {
	case Buy:
		return Sell
	case Sell:
		return Buy
	}
	return NoSide
}

// Sign is 1 for Buy and -1 for Sell. It is computed without a branch: a
// processor predicts the side of the next order wrong half of the time.
func (s Side) Sign() int64 { return int64(s&1) - int64(s>>1) }

// Signed gives q the sign of the side.
func (s Side) Signed(q Qty) Qty { return Qty(s.Sign()) * q }

// SideOf returns the side whose fill moves a position by q.
func SideOf(q Qty) Side {
	switch {
	case q > 0:
		return Buy
	case q < 0:
		return Sell
	}
	return NoSide
}

// MarshalText implements encoding.TextMarshaler.
func (s Side) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Side) UnmarshalText(b []byte) error { return parse("side", sideNames, b, s) }

// OrderType is what BitMEX calls ordType. The zero value is inferred from the
// fields that are set, as the venue does ([NewOrder.Normalize]).
type OrderType uint8

// Order types.
const (
	NoOrderType OrderType = iota
	Market
	Limit
	Stop
	StopLimit
	MarketIfTouched
	LimitIfTouched
	Pegged
)

var orderTypeNames = []string{"", "Market", "Limit", "Stop", "StopLimit", "MarketIfTouched", "LimitIfTouched", "Pegged"}

// String returns the venue's word.
func (t OrderType) String() string { return name(orderTypeNames, t) }

// Triggered reports whether the type waits for a trigger price.
func (t OrderType) Triggered() bool { return t >= Stop && t <= LimitIfTouched }

// MarshalText implements encoding.TextMarshaler.
func (t OrderType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *OrderType) UnmarshalText(b []byte) error { return parse("ordType", orderTypeNames, b, t) }

// TimeInForce says how long an order lives.
type TimeInForce uint8

// Times in force. The zero value is the default of the order's type.
const (
	NoTimeInForce TimeInForce = iota
	GoodTillCancel
	ImmediateOrCancel
	FillOrKill
	Day
)

var tifNames = []string{"", "GoodTillCancel", "ImmediateOrCancel", "FillOrKill", "Day"}

// String returns the venue's word.
func (t TimeInForce) String() string { return name(tifNames, t) }

// MarshalText implements encoding.TextMarshaler.
func (t TimeInForce) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *TimeInForce) UnmarshalText(b []byte) error { return parse("timeInForce", tifNames, b, t) }

// ExecInst is a set of execution instructions.
type ExecInst uint16

// Execution instructions.
const (
	ParticipateDoNotInitiate ExecInst = 1 << iota // post-only
	ReduceOnly
	Close
	MarkPrice  // trigger on the mark price
	IndexPrice // trigger on the index price
	LastPrice  // trigger on the last price
	LastWithinMark
	Fixed
	AllOrNone

	PostOnly = ParticipateDoNotInitiate
)

var execInstNames = []string{
	"ParticipateDoNotInitiate", "ReduceOnly", "Close", "MarkPrice", "IndexPrice",
	"LastPrice", "LastWithinMark", "Fixed", "AllOrNone",
}

// Has reports whether all of x are set.
func (e ExecInst) Has(x ExecInst) bool { return e&x == x }

// String joins the venue's words with commas.
func (e ExecInst) String() string {
	var words []string
	for i, n := range execInstNames {
		if e&(1<<i) != 0 {
			words = append(words, n)
		}
	}
	return strings.Join(words, ",")
}

// MarshalText implements encoding.TextMarshaler.
func (e ExecInst) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads comma-separated words.
func (e *ExecInst) UnmarshalText(b []byte) error {
	*e = 0
	for word := range strings.SplitSeq(string(b), ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		i := indexOf(execInstNames, word)
		if i < 0 {
			return fmt.Errorf("execInst %q: want one of %s", word, strings.Join(execInstNames, ", "))
		}
		*e |= 1 << i
	}
	return nil
}

// PegPriceType says what a pegged or trailing price follows.
type PegPriceType uint8

// Peg price types.
const (
	NoPeg PegPriceType = iota
	LastPeg
	MidPricePeg
	MarketPeg
	PrimaryPeg
	TrailingStopPeg
)

var pegNames = []string{"", "LastPeg", "MidPricePeg", "MarketPeg", "PrimaryPeg", "TrailingStopPeg"}

// String returns the venue's word.
func (p PegPriceType) String() string { return name(pegNames, p) }

// MarshalText implements encoding.TextMarshaler.
func (p PegPriceType) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *PegPriceType) UnmarshalText(b []byte) error { return parse("pegPriceType", pegNames, b, p) }

// ContingencyType links orders that share a ClientLinkID.
type ContingencyType uint8

// Contingency types.
const (
	NoContingency ContingencyType = iota
	OneCancelsTheOther
	OneTriggersTheOther
)

var contingencyNames = []string{"", "OneCancelsTheOther", "OneTriggersTheOther"}

// String returns the venue's word.
func (c ContingencyType) String() string { return name(contingencyNames, c) }

// MarshalText implements encoding.TextMarshaler.
func (c ContingencyType) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *ContingencyType) UnmarshalText(b []byte) error {
	return parse("contingencyType", contingencyNames, b, c)
}

// OrderStatus is what BitMEX calls ordStatus.
type OrderStatus uint8

// Order statuses. PendingNew is an order that has been sent and not yet
// answered.
const (
	NoStatus OrderStatus = iota
	PendingNew
	New
	PartiallyFilled
	Filled
	Canceled
	Rejected
	Expired
)

var orderStatusNames = []string{"", "PendingNew", "New", "PartiallyFilled", "Filled", "Canceled", "Rejected", "Expired"}

// String returns the venue's word.
func (s OrderStatus) String() string { return name(orderStatusNames, s) }

// Final reports whether the order can change no more.
func (s OrderStatus) Final() bool { return s >= Filled }

// MarshalText implements encoding.TextMarshaler.
func (s OrderStatus) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *OrderStatus) UnmarshalText(b []byte) error {
	return parse("ordStatus", orderStatusNames, b, s)
}

// Triggered is the trigger state of an order.
type Triggered uint8

// Trigger states.
const (
	NoTrigger Triggered = iota
	NotTriggered
	StopOrderTriggered
	ContingentTriggered // "Triggered" on the wire: the parent order filled
)

var triggeredNames = []string{"", "NotTriggered", "StopOrderTriggered", "Triggered"}

// String returns the venue's word.
func (t Triggered) String() string { return name(triggeredNames, t) }

// MarshalText implements encoding.TextMarshaler.
func (t Triggered) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Triggered) UnmarshalText(b []byte) error { return parse("triggered", triggeredNames, b, t) }

// ExecType says what happened to an order or a position.
type ExecType uint8

// Execution types.
const (
	NoExecType ExecType = iota
	ExecNew
	ExecTrade
	ExecCanceled
	ExecReplaced
	ExecRejected
	ExecRestated
	ExecTriggered
	ExecCancelReject
	ExecAmendReject
	ExecFunding
	ExecSettlement
	ExecLiquidation
	ExecBankruptcy
)

var execTypeNames = []string{
	"", "New", "Trade", "Canceled", "Replaced", "Rejected", "Restated", "TriggeredOrActivatedBySystem",
	"CancelReject", "AmendReject", "Funding", "Settlement", "Liquidation", "Bankruptcy",
}

// String returns the venue's word.
func (e ExecType) String() string { return name(execTypeNames, e) }

// MarshalText implements encoding.TextMarshaler.
func (e ExecType) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *ExecType) UnmarshalText(b []byte) error { return parse("execType", execTypeNames, b, e) }

// Liquidity says whether a fill added or removed liquidity.
type Liquidity uint8

// Liquidity indicators.
const (
	NoLiquidity Liquidity = iota
	AddedLiquidity
	RemovedLiquidity
)

var liquidityNames = []string{"", "AddedLiquidity", "RemovedLiquidity"}

// String returns the venue's word.
func (l Liquidity) String() string { return name(liquidityNames, l) }

// MarshalText implements encoding.TextMarshaler.
func (l Liquidity) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Liquidity) UnmarshalText(b []byte) error {
	return parse("lastLiquidityInd", liquidityNames, b, l)
}

func name[E ~uint8](names []string, e E) string {
	if int(e) < len(names) {
		return names[e]
	}
	return fmt.Sprintf("invalid(%d)", e)
}

func parse[E ~uint8](what string, names []string, b []byte, e *E) error {
	i := indexOf(names, string(b))
	if i < 0 {
		want := names
		if want[0] == "" {
			want = want[1:]
		}
		return fmt.Errorf("%s %q: want one of %s", what, b, strings.Join(want, ", "))
	}
	*e = E(i)
	return nil
}

func indexOf(names []string, s string) int {
	for i, n := range names {
		if n == s {
			return i
		}
	}
	return -1
}

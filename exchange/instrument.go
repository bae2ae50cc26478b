package exchange

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Kind is the way a contract's value depends on its price.
type Kind uint8

// Contract kinds.
const (
	Inverse Kind = iota + 1 // quoted in USD, settled in the coin: value = multiplier·qty/price
	Quanto                  // quoted in one currency, settled in another at a fixed multiplier
	Linear                  // quoted and settled in one currency: value = multiplier·qty·price
	Spot                    // the coin itself
)

var kindNames = []string{"", "inverse", "quanto", "linear", "spot"}

// String returns the word used in instrument files.
func (k Kind) String() string { return name(kindNames, k) }

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Kind) UnmarshalText(b []byte) error { return parse("kind", kindNames, b, k) }

// Currency is a settlement currency and its smallest unit.
type Currency struct {
	Code  string `json:"code"`  // the smallest unit, in which Money counts: "XBt", "USDt"
	Major string `json:"major"` // the unit that people say: "XBT", "USDT"
	Scale int    `json:"scale"` // decimal places between them: 8, 6
}

// SymbolID is the index of an instrument in the Instruments of a run.
type SymbolID uint16

// Instrument is a contract or a spot pair of one venue, with every attribute
// that changes over its life kept as dated terms: a replay of 2017 must use the
// tick, lot and fees of 2017.
type Instrument struct {
	ID         SymbolID // assigned by Instruments
	Venue      string
	Symbol     string
	Kind       Kind
	Typ        string // the venue's own class, such as BitMEX's FFWCSX; may be empty
	Underlying string // "XBT"
	Quote      string // "USD"
	Settle     Currency
	// Multiplier/Divisor is the settlement value, in smallest units, of one
	// contract at price 1. It is positive for every kind.
	//   XBTUSD (inverse) 100000000/1, ETHUSD (quanto) 100/1,
	//   XBTUSDT (linear) 1/1, XBT_USDT (spot) 1/100
	Multiplier int64
	Divisor    int64
	// ContractsPerUnit is how many contracts one unit of the venue's own
	// quantity is; 1 where the venue counts in contracts, as BitMEX and Binance
	// COIN-M do, 1000 for a venue that trades 0.001 BTC steps.
	ContractsPerUnit int64
	Listing          Time // zero if unknown
	Expiry           Time // zero for perpetuals and spot
	FundingInterval  time.Duration
	FundingOffset    time.Duration // first funding after midnight UTC; BitMEX: 4h

	Terms []Terms // ascending by From; the first also holds before its From
}

// Terms are the attributes of an instrument from a date on.
type Terms struct {
	From        Time
	TickSize    Price
	LotSize     Qty
	MakerFee    Ratio // negative is a rebate
	TakerFee    Ratio
	SettleFee   Ratio
	InitMargin  Ratio // base initial margin fraction
	MaintMargin Ratio // base maintenance margin fraction
	RiskLimit   Money // zero: no risk limit steps
	RiskStep    Money
	MaxQty      Qty   // largest order
	MaxPrice    Price // largest price

	// Contract terms copied from the instrument, so that the maths needs no
	// second pointer.
	Kind       Kind
	Multiplier int64
	Divisor    int64
}

// At returns the terms in force at t.
func (i *Instrument) At(t Time) *Terms {
	n := len(i.Terms) - 1
	for n > 0 && i.Terms[n].From > t {
		n--
	}
	return &i.Terms[n]
}

// NextChange returns when the terms in force at t end, or Never.
func (i *Instrument) NextChange(t Time) Time {
	for n := range i.Terms[1:] {
		if from := i.Terms[n+1].From; from > t {
			return from
		}
	}
	return Never
}

// Name returns "venue:SYMBOL".
func (i *Instrument) Name() string { return i.Venue + ":" + i.Symbol }

// NextFunding returns the first funding instant after t, or Never for an
// instrument without funding.
func (i *Instrument) NextFunding(t Time) Time {
	if i.FundingInterval <= 0 {
		return Never
	}
	off := Time(i.FundingOffset)
	return (t - off).Truncate(i.FundingInterval) + off + Time(i.FundingInterval)
}

// Validate checks that the instrument is complete and that no order or trade
// within its limits can overflow the contract maths. Errors are
// [*ValidationError].
func (i *Instrument) Validate() error {
	switch {
	case i.Venue == "":
		return i.invalid("venue", i.Venue, "must not be empty")
	case i.Symbol == "":
		return i.invalid("symbol", i.Symbol, "must not be empty")
	case i.Kind < Inverse || i.Kind > Spot:
		return i.invalid("kind", i.Kind, "want inverse, quanto, linear or spot")
	case i.Settle.Code == "" || i.Settle.Scale < 0 || i.Settle.Scale > 12:
		return i.invalid("settle", i.Settle.Code, "want a currency with a scale of 0 to 12 places")
	case i.Multiplier <= 0 || i.Divisor <= 0:
		return i.invalid("multiplier", fmt.Sprintf("%d/%d", i.Multiplier, i.Divisor), "must be positive")
	case i.ContractsPerUnit <= 0:
		return i.invalid("contractsPerUnit", i.ContractsPerUnit, "must be positive")
	case len(i.Terms) == 0:
		return i.invalid("terms", 0, "want at least one entry")
	}
	if !slices.IsSortedFunc(i.Terms, func(a, b Terms) int { return cmpTime(a.From, b.From) }) {
		return i.invalid("terms", len(i.Terms), "must ascend by from")
	}
	for n := range i.Terms {
		if err := i.validateTerms(&i.Terms[n]); err != nil {
			return err
		}
	}
	return nil
}

func (i *Instrument) validateTerms(t *Terms) error {
	switch {
	case t.TickSize <= 0:
		return i.invalid("tickSize", t.TickSize, "must be positive")
	case t.LotSize <= 0:
		return i.invalid("lotSize", t.LotSize, "must be positive")
	case t.MaxQty < t.LotSize:
		return i.invalid("maxQty", t.MaxQty, "must be at least a lot")
	case t.MaxPrice < t.TickSize || t.MaxPrice > MaxPrice:
		return i.invalid("maxPrice", t.MaxPrice, fmt.Sprintf("want between a tick and %s", MaxPrice))
	case t.InitMargin < 0 || t.InitMargin > RatioUnit || t.MaintMargin < 0 || t.MaintMargin > t.InitMargin:
		return i.invalid("maintMargin", t.MaintMargin, "want 0 ≤ maintMargin ≤ initMargin ≤ 1")
	case absRatio(t.MakerFee) > RatioUnit/10 || absRatio(t.TakerFee) > RatioUnit/10:
		return i.invalid("takerFee", t.TakerFee, "fees must be below 10 %")
	}
	// The dearest lot (at one tick for inverse, at MaxPrice otherwise) times the
	// largest order must stay below the int64 range with room for sums.
	worst := t.MaxPrice.Float64()
	if i.Kind == Inverse {
		worst = 1 / t.TickSize.Float64()
	}
	lotValue := float64(i.Multiplier) / float64(i.Divisor) * float64(t.LotSize) * worst
	if lotValue >= math.MaxInt64/4 {
		return i.invalid("multiplier", i.Multiplier, "the value of one lot overflows")
	}
	return nil
}

func (i *Instrument) invalid(field string, value any, reason string) error {
	return &ValidationError{Field: field, Value: fmt.Sprint(value), Reason: reason, Symbol: i.Name()}
}

func cmpTime(a, b Time) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func absRatio(r Ratio) Ratio {
	if r < 0 {
		return -r
	}
	return r
}

package exchange

import (
	"fmt"
	"math"
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

// Text prints an amount in the unit that people say, such as "0.015 XBT".
func (c Currency) Text(m Money) string { return m.Decimal(c.Scale).String() + " " + c.Major }

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
	Rounding         MoneyRounding
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
	MinPrice    Price // smallest price of an order; 0: one tick
	MaxPrice    Price // largest price of an order

	// Contract terms copied from the instrument, so that the maths needs no
	// second pointer.
	Kind       Kind
	Multiplier int64
	Divisor    int64
	Rounding   MoneyRounding
}

// MoneyRounding is how a venue rounds the value of contracts and what follows from it. The
// zero value is BitMEX's: the value of a lot is rounded to the nearest smallest unit and
// multiplied, and fees are rounded to the nearest smallest unit.
type MoneyRounding struct {
	// PerFill rounds the value of all contracts of a fill, an order or a position at once,
	// not of each lot.
	PerFill bool
	Value   Rounding // of values, on the magnitude
	Fee     Rounding // of fees and funding, on the magnitude
	// Unit is what values and fees are multiples of, in the smallest unit of the settlement
	// currency; 0 is 1.
	Unit Money
}

// unit is Unit with its default.
func (r MoneyRounding) unit() uint64 { return uint64(max(r.Unit, 1)) }

// At returns the terms in force at t: the last that start at or before it, or
// the first.
func (i *Instrument) At(t Time) *Terms {
	n := len(i.Terms) - 1
	for n > 0 && i.Terms[n].From > t {
		n--
	}
	return &i.Terms[n]
}

// NextChange returns when the terms in force at t end, or Never.
func (i *Instrument) NextChange(t Time) Time {
	for n := 1; n < len(i.Terms); n++ {
		if from := i.Terms[n].From; from > t {
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
	if i.FundingInterval <= 0 || t > Never-Time(i.FundingInterval) {
		return Never
	}
	off := Time(i.FundingOffset)
	return (t - off).Truncate(i.FundingInterval) + off + Time(i.FundingInterval)
}

// Validate checks that the instrument is complete and that no order or trade
// within its limits can overflow the contract maths. Errors are
// [*ValidationError] and name the field as instrument files spell it; a field of
// the terms is called terms[n].field, n counting from 0.
func (i *Instrument) Validate() error {
	switch {
	case i.Venue == "":
		return i.invalid("venue", i.Venue, "must not be empty")
	case i.Symbol == "":
		return i.invalid("symbol", i.Symbol, "must not be empty")
	case i.Kind < Inverse || i.Kind > Spot:
		return i.invalid("kind", i.Kind, "want inverse, quanto, linear or spot")
	case i.Settle.Code == "":
		return i.invalid("settle.code", i.Settle.Code, "must not be empty")
	case i.Settle.Scale < 0 || i.Settle.Scale > 12:
		return i.invalid("settle.scale", i.Settle.Scale, "want 0 to 12 decimal places")
	case i.Multiplier <= 0:
		return i.invalid("multiplier", i.Multiplier, "must be positive")
	case i.Divisor <= 0 || i.Divisor > maxDivisor:
		return i.invalid("divisor", i.Divisor, fmt.Sprintf("want 1 to %d", maxDivisor))
	case i.ContractsPerUnit <= 0:
		return i.invalid("contractsPerUnit", i.ContractsPerUnit, "must be positive")
	case i.Expiry != 0 && i.Expiry <= i.Listing:
		return i.invalid("expiry", i.Expiry, "must be after listing")
	case i.FundingInterval != 0 && (i.FundingInterval < time.Minute || i.FundingInterval > 24*time.Hour):
		// Every interval is an event of the simulated exchange.
		return i.invalid("fundingInterval", i.FundingInterval, "want 1m to 24h, or 0 for none")
	case i.FundingOffset < 0 || i.FundingOffset > 24*time.Hour:
		return i.invalid("fundingOffset", i.FundingOffset, "want 0 to 24h")
	case len(i.Terms) == 0:
		return i.invalid("terms", "", "want at least one entry")
	}
	if err := i.validateNames(); err != nil {
		return err
	}
	if err := i.validateRounding(); err != nil {
		return err
	}
	for n := range i.Terms {
		if err := i.validateTerms(n); err != nil {
			return err
		}
	}
	return nil
}

// validateNames checks the texts that an instrument has; those that need not be there may
// be empty.
func (i *Instrument) validateNames() error {
	for _, name := range []struct{ field, text string }{
		{"venue", i.Venue}, {"symbol", i.Symbol}, {"typ", i.Typ}, {"underlying", i.Underlying}, {"quote", i.Quote},
		{"settle.code", i.Settle.Code}, {"settle.major", i.Settle.Major},
	} {
		if name.text != "" && !ValidName(name.text) {
			return i.invalid(name.field, name.text, NameRule)
		}
	}
	return nil
}

// maxMoneyUnit keeps fixedUnit times the unit of a rounding within an int64.
const maxMoneyUnit = 100_000_000

// validateRounding checks the rounding of money. Its unit is at most a whole coin, and small
// enough for the maths to divide by it ([Terms.valueFraction]).
func (i *Instrument) validateRounding() error {
	r := &i.Rounding
	most := min(int64(powersOfTen[i.Settle.Scale]), maxMoneyUnit)
	switch {
	case r.Value > Ceil:
		return i.invalid("rounding.value", r.Value, "want nearest, down or up")
	case r.Fee > Ceil:
		return i.invalid("rounding.fee", r.Fee, "want nearest, down or up")
	case r.Unit < 0 || int64(r.Unit) > most:
		return i.invalid("rounding.unit", int64(r.Unit), fmt.Sprintf("want 1 to %d", most))
	case i.Kind != Inverse && i.Divisor > maxDivisor/int64(r.unit()):
		return i.invalid("rounding.unit", int64(r.Unit), "overflows times divisor")
	}
	return nil
}

// maxDivisor keeps fixedUnit·Divisor within an int64.
const maxDivisor = math.MaxInt64 / fixedUnit

func (i *Instrument) validateTerms(n int) error {
	t := &i.Terms[n]
	invalid := func(field string, value any, reason string) error {
		return i.invalid(fmt.Sprintf("terms[%d].%s", n, field), value, reason)
	}
	maxFee := RatioUnit / 10
	switch {
	case n > 0 && t.From <= i.Terms[n-1].From:
		return invalid("from", t.From, fmt.Sprintf("must be after that of the entry before, %q", i.Terms[n-1].From))
	case t.TickSize <= 0:
		return invalid("tickSize", t.TickSize, "must be positive")
	case t.LotSize <= 0:
		return invalid("lotSize", t.LotSize, "must be positive")
	case t.MaxQty < t.LotSize:
		return invalid("maxQty", t.MaxQty, "must be at least a lot")
	case t.MaxPrice < t.TickSize || t.MaxPrice > MaxPrice:
		return invalid("maxPrice", t.MaxPrice, fmt.Sprintf("want between a tick and %s", MaxPrice))
	case t.MinPrice < 0 || t.MinPrice > t.MaxPrice:
		return invalid("minPrice", t.MinPrice, "want between 0 and maxPrice")
	case t.InitMargin < 0 || t.InitMargin > RatioUnit:
		return invalid("initMargin", t.InitMargin, "want 0 to 1")
	case t.MaintMargin < 0 || t.MaintMargin > t.InitMargin:
		return invalid("maintMargin", t.MaintMargin, "want 0 to initMargin")
	case absRatio(t.MakerFee) > maxFee:
		return invalid("makerFee", t.MakerFee, "must be within 10 % of the value")
	case absRatio(t.TakerFee) > maxFee:
		return invalid("takerFee", t.TakerFee, "must be within 10 % of the value")
	case absRatio(t.SettleFee) > maxFee:
		return invalid("settleFee", t.SettleFee, "must be within 10 % of the value")
	case t.RiskLimit < 0:
		return invalid("riskLimit", int64(t.RiskLimit), "must not be negative")
	case t.RiskStep < 0:
		return invalid("riskStep", int64(t.RiskStep), "must not be negative")
	}
	return i.validateRange(t, invalid)
}

// validateRange checks that the largest order at the worst price stays well
// below the int64 range, before division by the divisor as the maths has it.
func (i *Instrument) validateRange(t *Terms, invalid func(field string, value any, reason string) error) error {
	price, worst := t.MaxPrice, t.MaxPrice.Float64()
	if i.Kind == Inverse {
		price = t.lowestPrice()
		worst = 1 / price.Float64()
	}
	switch {
	case i.Kind == Inverse && i.Divisor > math.MaxInt64/int64(t.MaxPrice):
		return i.invalid("divisor", i.Divisor, "overflows times maxPrice")
	case i.Kind == Inverse && i.Divisor*int64(t.MaxPrice) > math.MaxInt64/int64(i.Rounding.unit()):
		return i.invalid("rounding.unit", int64(i.Rounding.Unit), "overflows times divisor and maxPrice")
	case i.Rounding.Unit > 1 && float64(i.Rounding.Unit)*float64(t.MaxQty) >= math.MaxInt64/4:
		return invalid("maxQty", t.MaxQty,
			fmt.Sprintf("the value of such an order, rounded to %d, may overflow", i.Rounding.Unit))
	case float64(i.Multiplier)*float64(t.LotSize) >= math.MaxInt64:
		return i.invalid("multiplier", i.Multiplier, "the value of one lot overflows")
	case float64(i.Multiplier)*float64(t.MaxQty)*worst >= math.MaxInt64/4:
		return invalid("maxQty", t.MaxQty, fmt.Sprintf("the value of such an order at price %s overflows", price))
	}
	return nil
}

// lowestPrice is the smallest price that an order can have.
func (t *Terms) lowestPrice() Price { return max(t.MinPrice, t.TickSize) }

func (i *Instrument) invalid(field string, value any, reason string) error {
	return &ValidationError{Field: field, Value: fmt.Sprint(value), Reason: reason, Symbol: i.Name()}
}

func absRatio(r Ratio) Ratio {
	if r < 0 {
		return -r
	}
	return r
}

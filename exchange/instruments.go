package exchange

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

//go:embed instruments.json
var builtinInstruments []byte

// Instruments is the table of instruments of a run: feeds, exchanges and
// engines refer to its entries by SymbolID. It is not safe for changes while in
// use.
type Instruments struct {
	list   []*Instrument
	byName map[string]SymbolID
}

// BuiltinInstruments returns the instruments that ship with Dunamis: BitMEX's
// main contracts with dated terms and Binance's COIN-M perpetuals.
func BuiltinInstruments() (*Instruments, error) {
	set := new(Instruments)
	if err := set.Load(bytes.NewReader(builtinInstruments)); err != nil {
		return nil, fmt.Errorf("built-in instruments: %w", err)
	}
	return set, nil
}

// Add validates an instrument and adds it, or replaces the one of the same
// venue and symbol, keeping its id. The instrument belongs to the set from
// then on.
func (s *Instruments) Add(i *Instrument) error {
	for n := range i.Terms {
		t := &i.Terms[n]
		t.Kind, t.Multiplier, t.Divisor = i.Kind, i.Multiplier, i.Divisor
	}
	if err := i.Validate(); err != nil {
		return err
	}
	if s.byName == nil {
		s.byName = make(map[string]SymbolID)
	}
	if id, ok := s.byName[i.Name()]; ok {
		i.ID = id
		s.list[id] = i
		return nil
	}
	if len(s.list) > math.MaxUint16 {
		return errors.New("more than 65536 instruments")
	}
	i.ID = SymbolID(len(s.list))
	s.list = append(s.list, i)
	s.byName[i.Name()] = i.ID
	return nil
}

// Len returns the number of instruments; ids are 0 to Len()-1.
func (s *Instruments) Len() int { return len(s.list) }

// Get returns the instrument with an id that this set gave out.
func (s *Instruments) Get(id SymbolID) *Instrument { return s.list[id] }

// All returns the instruments in order of their ids. The slice is a copy.
func (s *Instruments) All() []*Instrument { return slices.Clone(s.list) }

// Lookup finds an instrument by venue and symbol. The error of an unknown one
// wraps ErrUnknownSymbol, names near misses and shows how to add it.
func (s *Instruments) Lookup(venue, symbol string) (*Instrument, error) {
	if id, ok := s.byName[venue+":"+symbol]; ok {
		return s.list[id], nil
	}
	return nil, &UnknownSymbolError{Venue: venue, Symbol: symbol, Near: s.near(venue, symbol)}
}

// UnknownSymbolError is returned by Lookup; it wraps ErrUnknownSymbol.
type UnknownSymbolError struct {
	Venue, Symbol string
	Near          []string // symbols of the venue that look alike
}

// Error implements error.
func (e *UnknownSymbolError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "unknown symbol %s:%s", e.Venue, e.Symbol)
	if len(e.Near) > 0 {
		fmt.Fprintf(&b, "; did you mean %s?", strings.Join(e.Near, ", "))
	}
	b.WriteString(" List the known ones with `backtest instruments`, or describe it in a JSON file " +
		"(`backtest instruments --json` prints examples) and pass --instruments FILE.")
	return b.String()
}

// Unwrap returns ErrUnknownSymbol.
func (e *UnknownSymbolError) Unwrap() error { return ErrUnknownSymbol }

func (s *Instruments) near(venue, symbol string) []string {
	alias := strings.NewReplacer("BTC", "XBT", "XBT", "BTC").Replace(strings.ToUpper(symbol))
	upper := strings.ToUpper(symbol)
	var out []string
	for _, i := range s.list {
		sameVenue := i.Venue == venue
		match := strings.EqualFold(i.Symbol, symbol) || i.Symbol == alias
		if sameVenue && len(upper) >= 3 {
			match = match || strings.HasPrefix(i.Symbol, upper[:3])
		}
		if match {
			out = append(out, i.Name())
		}
	}
	slices.Sort(out)
	return out[:min(len(out), 5)]
}

type instrumentJSON struct {
	Venue            string      `json:"venue"`
	Symbol           string      `json:"symbol"`
	Kind             Kind        `json:"kind"`
	Typ              string      `json:"typ,omitempty"`
	Underlying       string      `json:"underlying"`
	Quote            string      `json:"quote"`
	Settle           Currency    `json:"settle"`
	Multiplier       int64       `json:"multiplier"`
	Divisor          int64       `json:"divisor,omitempty"`
	ContractsPerUnit int64       `json:"contractsPerUnit,omitempty"`
	Listing          Time        `json:"listing,omitzero"`
	Expiry           Time        `json:"expiry,omitzero"`
	FundingInterval  string      `json:"fundingInterval,omitempty"`
	FundingOffset    string      `json:"fundingOffset,omitempty"`
	Terms            []termsJSON `json:"terms"`
}

// termsJSON states what changes; what is absent stays as in the entry before.
type termsJSON struct {
	From        Time   `json:"from,omitzero"`
	TickSize    *Price `json:"tickSize,omitempty"`
	LotSize     *Qty   `json:"lotSize,omitempty"`
	MakerFee    *Ratio `json:"makerFee,omitempty"`
	TakerFee    *Ratio `json:"takerFee,omitempty"`
	SettleFee   *Ratio `json:"settleFee,omitempty"`
	InitMargin  *Ratio `json:"initMargin,omitempty"`
	MaintMargin *Ratio `json:"maintMargin,omitempty"`
	RiskLimit   *Money `json:"riskLimit,omitempty"`
	RiskStep    *Money `json:"riskStep,omitempty"`
	MaxQty      *Qty   `json:"maxQty,omitempty"`
	MaxPrice    *Price `json:"maxPrice,omitempty"`
}

// Load adds the instruments of a JSON document: a list of objects as
// MarshalJSON prints them. Unknown fields are errors.
func (s *Instruments) Load(r io.Reader) error {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var list []instrumentJSON
	if err := dec.Decode(&list); err != nil {
		return fmt.Errorf("instruments: %w", err)
	}
	for n := range list {
		i, err := list[n].instrument()
		if err == nil {
			err = s.Add(i)
		}
		if err != nil {
			return fmt.Errorf("instrument %d (%s:%s): %w", n, list[n].Venue, list[n].Symbol, err)
		}
	}
	return nil
}

func (j *instrumentJSON) instrument() (*Instrument, error) {
	i := &Instrument{
		Venue: j.Venue, Symbol: j.Symbol, Kind: j.Kind, Typ: j.Typ, Underlying: j.Underlying, Quote: j.Quote,
		Settle: j.Settle, Multiplier: j.Multiplier, Divisor: max(j.Divisor, 1),
		ContractsPerUnit: max(j.ContractsPerUnit, 1), Listing: j.Listing, Expiry: j.Expiry,
	}
	for _, d := range []struct {
		field, text string
		into        *time.Duration
	}{
		{"fundingInterval", j.FundingInterval, &i.FundingInterval},
		{"fundingOffset", j.FundingOffset, &i.FundingOffset},
	} {
		if d.text == "" {
			continue
		}
		v, err := time.ParseDuration(d.text)
		if err != nil || v < 0 || v > 24*time.Hour {
			return nil, &ValidationError{Field: d.field, Value: d.text, Reason: "want a duration up to 24h, such as 8h"}
		}
		*d.into = v
	}
	var t Terms
	for _, c := range j.Terms {
		t.From = c.From
		set(&t.TickSize, c.TickSize)
		set(&t.LotSize, c.LotSize)
		set(&t.MakerFee, c.MakerFee)
		set(&t.TakerFee, c.TakerFee)
		set(&t.SettleFee, c.SettleFee)
		set(&t.InitMargin, c.InitMargin)
		set(&t.MaintMargin, c.MaintMargin)
		set(&t.RiskLimit, c.RiskLimit)
		set(&t.RiskStep, c.RiskStep)
		set(&t.MaxQty, c.MaxQty)
		set(&t.MaxPrice, c.MaxPrice)
		i.Terms = append(i.Terms, t)
	}
	return i, nil
}

func set[T any](dst, src *T) {
	if src != nil {
		*dst = *src
	}
}

// MarshalJSON prints the instrument in the form that Load reads, with the full
// terms at every date.
func (i *Instrument) MarshalJSON() ([]byte, error) {
	j := instrumentJSON{
		Venue: i.Venue, Symbol: i.Symbol, Kind: i.Kind, Typ: i.Typ, Underlying: i.Underlying, Quote: i.Quote,
		Settle: i.Settle, Multiplier: i.Multiplier, Divisor: i.Divisor, ContractsPerUnit: i.ContractsPerUnit,
		Listing: i.Listing, Expiry: i.Expiry,
	}
	if i.FundingInterval > 0 {
		j.FundingInterval, j.FundingOffset = i.FundingInterval.String(), i.FundingOffset.String()
	}
	for n := range i.Terms {
		t := &i.Terms[n]
		j.Terms = append(j.Terms, termsJSON{
			From: t.From, TickSize: &t.TickSize, LotSize: &t.LotSize, MakerFee: &t.MakerFee, TakerFee: &t.TakerFee,
			SettleFee: &t.SettleFee, InitMargin: &t.InitMargin, MaintMargin: &t.MaintMargin, RiskLimit: &t.RiskLimit,
			RiskStep: &t.RiskStep, MaxQty: &t.MaxQty, MaxPrice: &t.MaxPrice,
		})
	}
	return json.Marshal(j)
}

// CanonicalVenue maps the names that people and data vendors use for a venue to
// the one that instruments and catalogs use. Names it does not know are
// returned as they are.
func CanonicalVenue(name string) string {
	switch lower := strings.ToLower(name); lower {
	case "binance", "binance-coinm", "binance-coin-m", "binance-dapi", "binance-delivery":
		return "binance-delivery"
	default:
		return lower
	}
}

package exchange

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
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
		t.Kind, t.Multiplier, t.Divisor, t.Rounding = i.Kind, i.Multiplier, i.Divisor, i.Rounding
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

// Lookup finds an instrument by venue, under any name that CanonicalVenue knows,
// and symbol. The error of an unknown one is an [*UnknownSymbolError] and wraps
// ErrUnknownSymbol; it names near misses and shows how to add it.
func (s *Instruments) Lookup(venue, symbol string) (*Instrument, error) {
	venue = CanonicalVenue(venue)
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
	Rounding         *moneyJSON  `json:"rounding,omitempty"`
	Listing          Time        `json:"listing,omitzero"`
	Expiry           Time        `json:"expiry,omitzero"`
	FundingInterval  string      `json:"fundingInterval,omitempty"`
	FundingOffset    string      `json:"fundingOffset,omitempty"`
	Terms            []termsJSON `json:"terms"`
}

// moneyJSON is a MoneyRounding. What is absent is as in the zero value.
type moneyJSON struct {
	Per   string   `json:"per,omitempty"`
	Value Rounding `json:"value,omitempty"`
	Fee   Rounding `json:"fee,omitempty"`
	Unit  *int64   `json:"unit,omitempty"`
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
	MinPrice    *Price `json:"minPrice,omitempty"`
	MaxPrice    *Price `json:"maxPrice,omitempty"`
}

// Load adds the instruments of a JSON document: a list of objects as
// MarshalJSON prints them. It adds all of them or none. An error names the
// instrument and wraps a [*ValidationError] that names the field; unknown fields
// and instruments that appear twice are errors.
func (s *Instruments) Load(r io.Reader) error {
	list, err := decodeList(r)
	if err != nil {
		return fmt.Errorf("instruments: %w", err)
	}
	loaded := new(Instruments)
	for n, raw := range list {
		i, err := decodeInstrument(raw)
		if err == nil {
			err = loaded.Add(i)
		}
		if err == nil && loaded.Len() != n+1 {
			err = i.invalid("symbol", i.Symbol, "appears twice")
		}
		if err != nil {
			return fmt.Errorf("instruments: entry %d: %w", n, err)
		}
	}
	for _, i := range loaded.list {
		if err := s.Add(i); err != nil {
			return fmt.Errorf("instruments: %w", err)
		}
	}
	return nil
}

func decodeList(r io.Reader) ([]json.RawMessage, error) {
	dec := json.NewDecoder(r)
	var list []json.RawMessage
	if err := dec.Decode(&list); err != nil {
		return nil, fmt.Errorf("byte %d: want a list of objects: %w", dec.InputOffset(), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("byte %d: data after the list", dec.InputOffset())
	}
	return list, nil
}

func decodeInstrument(raw json.RawMessage) (*Instrument, error) {
	var j instrumentJSON
	if err := decodeStrict(raw, &j); err != nil {
		bad := badField[instrumentJSON](raw, err)
		bad.Symbol = nameOf(raw)
		return nil, bad
	}
	return j.instrument()
}

// nameOf returns the name of an instrument of which something else is wrong,
// as far as it can be read.
func nameOf(raw json.RawMessage) string {
	var name struct {
		Venue  json.RawMessage `json:"venue"`
		Symbol json.RawMessage `json:"symbol"`
	}
	if json.Unmarshal(raw, &name) != nil || len(name.Symbol) == 0 {
		return ""
	}
	return string(unquote(name.Venue)) + ":" + string(unquote(name.Symbol))
}

func decodeStrict(raw json.RawMessage, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}

// badField finds out which field of an object an error of decodeStrict is
// about, which encoding/json does not always say, by decoding each alone.
func badField[T any](raw json.RawMessage, err error) *ValidationError {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return &ValidationError{Value: clip(raw), Reason: "want an object", Err: err}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		key, _ := json.Marshal(name) //nolint:errchkjson // a string
		err := decodeStrict(slices.Concat([]byte("{"), key, []byte(":"), fields[name], []byte("}")), new(T))
		if err == nil {
			continue
		}
		switch name {
		case "settle":
			return within(name, badField[Currency](fields[name], err))
		case "rounding":
			return within(name, badField[moneyJSON](fields[name], err))
		case "terms":
			return badTerms(fields[name], err)
		}
		return &ValidationError{Field: name, Value: clip(fields[name]), Reason: reasonOf(err), Err: err}
	}
	return &ValidationError{Value: clip(raw), Reason: reasonOf(err), Err: err}
}

func badTerms(raw json.RawMessage, err error) *ValidationError {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return &ValidationError{Field: "terms", Value: clip(raw), Reason: "want a list of objects", Err: err}
	}
	for n, one := range list {
		if err := decodeStrict(one, new(termsJSON)); err != nil {
			return within(fmt.Sprintf("terms[%d]", n), badField[termsJSON](one, err))
		}
	}
	return &ValidationError{Field: "terms", Value: clip(raw), Reason: reasonOf(err), Err: err}
}

// within puts the name of the object that holds a field before the field's.
func within(outer string, e *ValidationError) *ValidationError {
	e.Field = strings.TrimSuffix(outer+"."+e.Field, ".")
	return e
}

// clip returns a JSON value as a person would quote it, cut to a line.
func clip(raw json.RawMessage) string {
	const line = 60
	b := unquote(raw)
	if len(b) <= line {
		return string(b)
	}
	return strings.ToValidUTF8(string(b[:line]), "") + "…"
}

// reasonOf says in plain words what a decoder's error says in Go's.
func reasonOf(err error) string {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Type.Kind() == reflect.Int64:
		return "want a whole number"
	case errors.As(err, &wrong):
		return fmt.Sprintf("want a %s, not a %s", wrong.Type.Kind(), wrong.Value)
	case strings.HasPrefix(err.Error(), "json: unknown field"):
		return "unknown field"
	}
	return err.Error()
}

func (j *instrumentJSON) instrument() (*Instrument, error) {
	i := &Instrument{
		Venue: CanonicalVenue(j.Venue), Symbol: j.Symbol, Kind: j.Kind, Typ: j.Typ, Underlying: j.Underlying,
		Quote: j.Quote, Settle: j.Settle, Multiplier: j.Multiplier, Divisor: cmp.Or(j.Divisor, 1),
		ContractsPerUnit: cmp.Or(j.ContractsPerUnit, 1), Listing: j.Listing, Expiry: j.Expiry,
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
		if err != nil {
			return nil, i.invalid(d.field, d.text, "want a duration, such as 8h")
		}
		*d.into = v
	}
	if j.Rounding != nil {
		var err error
		if i.Rounding, err = j.Rounding.rounding(i); err != nil {
			return nil, err
		}
	}
	var t Terms
	for _, c := range j.Terms {
		c.change(&t)
		i.Terms = append(i.Terms, t)
	}
	return i, nil
}

func (j *moneyJSON) rounding(i *Instrument) (r MoneyRounding, err error) {
	r = MoneyRounding{PerFill: j.Per == "fill", Value: j.Value, Fee: j.Fee}
	if j.Per != "" && j.Per != "fill" && j.Per != "lot" {
		return r, i.invalid("rounding.per", j.Per, "want lot or fill")
	}
	if j.Unit != nil {
		if *j.Unit < 1 {
			return r, i.invalid("rounding.unit", *j.Unit, "must be positive")
		}
		r.Unit = Money(*j.Unit)
	}
	return r, nil
}

// json returns what rounding reads, nil for the zero value.
func (r MoneyRounding) json() *moneyJSON {
	if r == (MoneyRounding{}) {
		return nil
	}
	j := &moneyJSON{Per: "lot", Value: r.Value, Fee: r.Fee}
	if r.PerFill {
		j.Per = "fill"
	}
	if r.Unit != 0 {
		j.Unit = new(int64(r.Unit))
	}
	return j
}

func (c *termsJSON) change(t *Terms) {
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
	set(&t.MinPrice, c.MinPrice)
	set(&t.MaxPrice, c.MaxPrice)
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
		Rounding: i.Rounding.json(), Listing: i.Listing, Expiry: i.Expiry,
	}
	if i.FundingInterval > 0 {
		j.FundingInterval, j.FundingOffset = i.FundingInterval.String(), i.FundingOffset.String()
	}
	for n := range i.Terms {
		t := &i.Terms[n]
		j.Terms = append(j.Terms, termsJSON{
			From: t.From, TickSize: &t.TickSize, LotSize: &t.LotSize, MakerFee: &t.MakerFee, TakerFee: &t.TakerFee,
			SettleFee: &t.SettleFee, InitMargin: &t.InitMargin, MaintMargin: &t.MaintMargin, RiskLimit: &t.RiskLimit,
			RiskStep: &t.RiskStep, MaxQty: &t.MaxQty, MinPrice: &t.MinPrice, MaxPrice: &t.MaxPrice,
		})
	}
	return json.Marshal(j)
}

// CanonicalVenue maps the names that people and data vendors use for a venue to
// the one that instruments and catalogs use. Names it does not know are
// returned as they are.
func CanonicalVenue(venue string) string {
	switch lower := strings.ToLower(venue); lower {
	case "binance", "binance-coinm", "binance-coin-m", "binance-dapi", "binance-delivery":
		return "binance-delivery"
	default:
		return lower
	}
}

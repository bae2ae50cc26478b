package engine

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// ParamType is the type of a strategy parameter.
type ParamType string

// Types of parameters.
const (
	ParamInt      ParamType = "int"
	ParamQty      ParamType = "contracts"
	ParamShare    ParamType = "share" // of the equity
	ParamFloat    ParamType = "float"
	ParamPrice    ParamType = "price"
	ParamDuration ParamType = "duration"
	ParamBool     ParamType = "bool"
	ParamChoice   ParamType = "choice"
	ParamBars     ParamType = "bars"
)

// Param describes one parameter of a strategy: its type, default and range, in
// the text form that the command line and configuration files use.
type Param struct {
	Name    string    `json:"name"`
	Type    ParamType `json:"type"`
	Default string    `json:"default"`
	Min     string    `json:"min,omitempty"`
	Max     string    `json:"max,omitempty"`
	Choices []string  `json:"choices,omitempty"`
	Help    string    `json:"help"`
}

// IntParam describes a whole number between low and high.
func IntParam(name string, def, low, high int64, help string) Param {
	return Param{Name: name, Type: ParamInt, Default: strconv.FormatInt(def, 10),
		Min: strconv.FormatInt(low, 10), Max: strconv.FormatInt(high, 10), Help: help}
}

// QtyParam describes a positive number of contracts.
func QtyParam(name string, def exchange.Qty, help string) Param {
	return Param{Name: name, Type: ParamQty, Default: strconv.FormatInt(int64(def), 10), Min: "1",
		Max: strconv.FormatInt(math.MaxInt64, 10), Help: help}
}

// FloatParam describes a finite number between low and high.
func FloatParam(name string, def, low, high float64, help string) Param {
	return Param{Name: name, Type: ParamFloat, Default: formatFloat(def), Min: formatFloat(low),
		Max: formatFloat(high), Help: help}
}

// PriceParam describes an exact price between low and high.
func PriceParam(name string, def, low, high exchange.Price, help string) Param {
	return Param{Name: name, Type: ParamPrice, Default: def.String(), Min: low.String(), Max: high.String(), Help: help}
}

// DurationParam describes a duration such as 90s between low and high.
func DurationParam(name string, def, low, high time.Duration, help string) Param {
	return Param{Name: name, Type: ParamDuration, Default: def.String(), Min: low.String(), Max: high.String(), Help: help}
}

// BoolParam describes a switch.
func BoolParam(name string, def bool, help string) Param {
	return Param{Name: name, Type: ParamBool, Default: strconv.FormatBool(def), Help: help}
}

// ChoiceParam describes one of a few words; the first is the default.
func ChoiceParam(name string, choices []string, help string) Param {
	return Param{Name: name, Type: ParamChoice, Default: choices[0], Choices: choices, Help: help}
}

// BarsParam describes a series of bars, such as 5m; the default is the data's own.
func BarsParam(name, help string) Param { return DefaultBarsParam(name, BarSpec{}, help) }

// DefaultBarsParam is [BarsParam] with a default of its own; the data's own bars have the empty
// text.
func DefaultBarsParam(name string, def BarSpec, help string) Param {
	return Param{Name: name, Type: ParamBars, Default: def.String(), Help: help}
}

// ParamError says which parameter is wrong and what it may be.
type ParamError struct {
	Strategy string
	Name     string
	Value    string
	Reason   string
	Unknown  bool // there is no parameter of that name
}

// Error implements error.
func (e *ParamError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("strategy %s: parameter %s: %s", e.Strategy, e.Name, e.Reason)
	}
	return fmt.Sprintf("strategy %s: parameter %s=%s: %s", e.Strategy, e.Name, e.Value, e.Reason)
}

// Values are checked parameter values. Reading a parameter that the definition
// does not have, or as another type, is a programming error and panics.
type Values struct {
	text map[string]string
	val  map[string]any
}

// Values checks the given texts against the definition's parameters and fills
// in defaults. Errors are [*ParamError].
func (d *Definition) Values(given map[string]string) (Values, error) {
	for _, name := range sortedKeys(given) {
		if !slices.ContainsFunc(d.Params, func(p Param) bool { return p.Name == name }) {
			return Values{}, &ParamError{Strategy: d.Name, Name: name, Unknown: true,
				Reason: "unknown; want one of " + d.paramNames()}
		}
	}
	v := Values{text: make(map[string]string), val: make(map[string]any)}
	for i := range d.Params {
		p := &d.Params[i]
		text, ok := given[p.Name]
		if !ok {
			text = p.Default
		}
		parsed, err := p.parse(text)
		if err != nil {
			return Values{}, &ParamError{Strategy: d.Name, Name: p.Name, Value: text, Reason: err.Error()}
		}
		v.text[p.Name], v.val[p.Name] = text, parsed
	}
	return v, nil
}

// Text returns the values as text, for manifests.
func (v Values) Text() map[string]string { return v.text }

// Int returns a ParamInt.
func (v Values) Int(name string) int { return int(get[int64](v, name)) }

// Qty returns a ParamQty.
func (v Values) Qty(name string) exchange.Qty { return get[exchange.Qty](v, name) }

// Share returns a ParamShare.
func (v Values) Share(name string) exchange.Ratio { return get[exchange.Ratio](v, name) }

// Float returns a ParamFloat.
func (v Values) Float(name string) float64 { return get[float64](v, name) }

// Price returns a ParamPrice.
func (v Values) Price(name string) exchange.Price { return get[exchange.Price](v, name) }

// Duration returns a ParamDuration.
func (v Values) Duration(name string) time.Duration { return get[time.Duration](v, name) }

// Bool returns a ParamBool.
func (v Values) Bool(name string) bool { return get[bool](v, name) }

// Choice returns a ParamChoice.
func (v Values) Choice(name string) string { return get[string](v, name) }

// Bars returns a ParamBars.
func (v Values) Bars(name string) BarSpec { return get[BarSpec](v, name) }

func get[T any](v Values, name string) T {
	x, ok := v.val[name].(T)
	if !ok {
		panic(fmt.Sprintf("engine: parameter %q is not declared as a %T", name, x))
	}
	return x
}

func (p *Param) parse(s string) (any, error) {
	switch p.Type {
	case ParamInt:
		v, err := strconv.ParseInt(s, 10, 64)
		return v, p.inRange(err, "a whole number", func(b string) int { return compareInt(v, b) })
	case ParamQty:
		v, err := exchange.ParseQty(s)
		return v, p.inRange(err, "a whole number of contracts", func(b string) int { return compareInt(int64(v), b) })
	case ParamShare:
		v, err := parseShare(s)
		if err != nil || v <= 0 || v > MaxShare {
			return nil, errNoShare
		}
		return v, nil
	case ParamFloat:
		v, err := strconv.ParseFloat(s, 64)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			err = strconv.ErrRange
		}
		return v, p.inRange(err, "a number", func(b string) int { return compareFloat(v, b) })
	case ParamPrice:
		v, err := exchange.ParsePrice(s)
		return v, p.inRange(err, "a price", func(b string) int { return compareInt(int64(v), int64Text(exchange.MustPrice(b))) })
	case ParamDuration:
		v, err := time.ParseDuration(s)
		return v, p.inRange(err, "a duration such as 90s", func(b string) int {
			d, _ := time.ParseDuration(b)
			return compareInt(int64(v), strconv.FormatInt(int64(d), 10))
		})
	case ParamBool:
		v, err := strconv.ParseBool(s)
		return v, p.inRange(err, "true or false", nil)
	case ParamBars:
		return ParseBarSpec(s)
	default:
		if !slices.Contains(p.Choices, s) {
			return nil, errors.New("want one of " + strings.Join(p.Choices, ", "))
		}
		return s, nil
	}
}

func (p *Param) inRange(err error, what string, compare func(bound string) int) error {
	switch {
	case err != nil && p.Min == "":
		return errors.New("want " + what)
	case err != nil || p.Min != "" && (compare(p.Min) < 0 || compare(p.Max) > 0):
		return fmt.Errorf("want %s from %s to %s", what, p.Min, p.Max)
	}
	return nil
}

func (d *Definition) paramNames() string {
	names := make([]string, len(d.Params))
	for i := range d.Params {
		names[i] = d.Params[i].Name
	}
	if len(names) == 0 {
		return "(it has none)"
	}
	return strings.Join(names, ", ")
}

func compareInt(v int64, bound string) int {
	b, _ := strconv.ParseInt(bound, 10, 64)
	return cmp.Compare(v, b)
}

func compareFloat(v float64, bound string) int {
	b, _ := strconv.ParseFloat(bound, 64)
	return cmp.Compare(v, b)
}

func int64Text(p exchange.Price) string { return strconv.FormatInt(int64(p), 10) }

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

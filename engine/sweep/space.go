package sweep

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/dunamis-engine/dunamis/engine"
)

// MaxValues is how many values an axis may have, and MaxPoints how many points a
// sweep.
const (
	MaxValues = 10_000
	MaxPoints = 100_000
)

// Axis is a parameter that is varied.
type Axis struct {
	Name string
	Type engine.ParamType
	// Values are those of a list or of a range with a step, in order. A range
	// without a step has none: it is drawn from.
	Values []string

	low, high float64 // of a range without a step
}

// Drawn reports whether the axis can only be sampled.
func (a *Axis) Drawn() bool { return len(a.Values) == 0 }

// Point is a choice of all parameters that were named.
type Point struct {
	Params map[string]string
}

// AxisError says what is wrong with the values of a parameter.
type AxisError struct {
	Name   string
	Text   string
	Reason string
}

// Error implements error.
func (e *AxisError) Error() string {
	return fmt.Sprintf("parameter %s=%s: %s", e.Name, e.Text, e.Reason)
}

// Space is what the parameters of a strategy may be.
type Space struct {
	Definition *engine.Definition
	// Axes have more than one value, in the order in which they were given; Fixed
	// has what was given one.
	Axes  []Axis
	Fixed map[string]string
}

// NewSpace reads texts such as fast=5..30:5, bars=5m,1h and qty=1000. Errors are
// [*AxisError] and [*engine.ParamError].
func NewSpace(d *engine.Definition, given []string) (*Space, error) {
	s := &Space{Definition: d, Fixed: make(map[string]string)}
	seen := make(map[string]bool)
	for _, text := range given {
		name, values, ok := strings.Cut(text, "=")
		if !ok {
			return nil, &AxisError{Name: name, Text: values, Reason: "want name=value, name=a,b,c or name=low..high:step"}
		}
		if seen[name] {
			return nil, &AxisError{Name: name, Text: values, Reason: "is given twice"}
		}
		seen[name] = true
		axis, err := s.axis(name, values)
		if err != nil {
			return nil, err
		}
		if len(axis.Values) == 1 {
			s.Fixed[name] = axis.Values[0]
			continue
		}
		s.Axes = append(s.Axes, axis)
	}
	if len(s.Axes) == 0 {
		return nil, &AxisError{Name: "NAME", Text: "low..high:step", Reason: "a sweep needs a parameter with more than one value"}
	}
	return s, nil
}

// axis reads the values of a parameter and checks each.
func (s *Space) axis(name, text string) (Axis, error) {
	a := Axis{Name: name}
	if i := slices.IndexFunc(s.Definition.Params, func(p engine.Param) bool { return p.Name == name }); i >= 0 {
		a.Type = s.Definition.Params[i].Type
	}
	var err error
	if a.Type == engine.ParamShare && strings.Contains(text, "%") {
		if text, err = s.plainShares(name, text); err != nil {
			return a, err
		}
	}
	check := strings.Split(text, ",")
	if low, rest, isRange := strings.Cut(text, ".."); isRange {
		high, step, _ := strings.Cut(rest, ":")
		check = []string{low, high}
		if err := s.checkValues(&a, check); err != nil {
			return a, err
		}
		err = a.setRange(low, high, step)
	} else {
		a.Values = check
		err = a.checkDistinct()
	}
	if err != nil {
		return a, &AxisError{Name: name, Text: text, Reason: err.Error()}
	}
	err = s.checkValues(&a, append(check, a.Values...))
	return a, err
}

// plainShares writes the percentages of a list as decimal numbers, as tables and pages have
// them.
func (s *Space) plainShares(name, text string) (string, error) {
	list := strings.Split(text, ",")
	for i := range list {
		v, err := s.Definition.Values(map[string]string{name: list[i]})
		if err != nil {
			return "", err
		}
		list[i] = v.Share(name).String()
	}
	return strings.Join(list, ","), nil
}

// checkValues asks the definition whether each value is allowed by itself.
func (s *Space) checkValues(a *Axis, values []string) error {
	for _, v := range values {
		if _, err := s.Definition.Values(map[string]string{a.Name: v}); err != nil {
			return err
		}
	}
	return nil
}

func (a *Axis) checkDistinct() error {
	seen := make(map[string]bool)
	for _, v := range a.Values {
		if seen[v] {
			return fmt.Errorf("%s is given twice", v)
		}
		seen[v] = true
	}
	return nil
}

// setRange lists the values from low to high, both included where the steps meet it.
func (a *Axis) setRange(low, high, step string) error {
	switch a.Type {
	case engine.ParamInt, engine.ParamQty:
		if step == "" {
			step = "1"
		}
	case engine.ParamFloat:
		if step == "" {
			return a.setDrawn(low, high)
		}
	case engine.ParamPrice, engine.ParamShare:
	case engine.ParamDuration:
		return a.setDurations(low, high, step)
	default:
		return fmt.Errorf("a range needs a number, and this is a %s: list the values, such as a,b,c", a.Type)
	}
	from, to, by, err := decimals(low, high, step)
	if err != nil {
		return err
	}
	if n := to.Sub(from).Div(by); n.GreaterThanOrEqual(decimal.NewFromInt(MaxValues)) {
		return fmt.Errorf("%s values, want at most %d", n.Floor().Add(decimal.NewFromInt(1)), MaxValues)
	}
	for v := from; v.LessThanOrEqual(to); v = v.Add(by) {
		a.Values = append(a.Values, v.String())
	}
	return nil
}

func decimals(low, high, step string) (from, to, by decimal.Decimal, err error) {
	for _, x := range []struct {
		text string
		into *decimal.Decimal
	}{{low, &from}, {high, &to}, {step, &by}} {
		if *x.into, err = decimal.NewFromString(x.text); err != nil {
			return from, to, by, fmt.Errorf("%q is no number: want low..high:step, such as 5..30:5", x.text)
		}
	}
	return from, to, by, checkRange(from.Cmp(to), by.Sign())
}

func checkRange(order, sign int) error {
	switch {
	case sign <= 0:
		return errors.New("the step must be above 0")
	case order >= 0:
		return errors.New("the range is empty: want low..high:step with low below high")
	}
	return nil
}

func (a *Axis) setDurations(low, high, step string) error {
	var d [3]time.Duration
	for i, text := range []string{low, high, step} {
		var err error
		if d[i], err = time.ParseDuration(text); err != nil {
			return fmt.Errorf("%q is no duration: want low..high:step, such as 1m..10m:1m", text)
		}
	}
	if err := checkRange(int(max(min(d[0]-d[1], 1), -1)), int(max(min(d[2], 1), -1))); err != nil {
		return err
	}
	if n := (d[1] - d[0]) / d[2]; n >= MaxValues {
		return fmt.Errorf("%d values, want at most %d", n+1, MaxValues)
	}
	for v := d[0]; v <= d[1]; v += d[2] {
		a.Values = append(a.Values, v.String())
	}
	return nil
}

// setDrawn makes a range of numbers that are drawn, not listed.
func (a *Axis) setDrawn(low, high string) (err error) {
	if a.low, err = strconv.ParseFloat(low, 64); err == nil {
		a.high, err = strconv.ParseFloat(high, 64)
	}
	if err == nil && a.low >= a.high {
		err = checkRange(1, 1)
	}
	return err
}

// Size is the number of points of the grid, capped at MaxInt; 0 when an axis has
// to be drawn from and the grid has no end.
func (s *Space) Size() int {
	n := 1
	for i := range s.Axes {
		k := len(s.Axes[i].Values)
		if k > 0 && n > math.MaxInt/k {
			return math.MaxInt
		}
		n *= k
	}
	return n
}

package sweeps

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Objective is a figure by which runs are compared, and in which direction.
type Objective struct {
	Name  string // in the runs of sweep.json
	Label string // for people
	Group string // where result.json has it: metrics, counts or account
	field int    // of Run
	least bool   // the least is the best
}

// DefaultObjective is what a sweep is judged by unless it says otherwise.
const DefaultObjective = "sharpe"

// FigureError means that a run has no figure of a name.
type FigureError struct {
	Name string
	Near []string // names that there are
}

// Error implements error.
func (e *FigureError) Error() string { return fmt.Sprintf("no figure is called %q", e.Name) }

// figures lists the figures of a run, in the order of sweep.json.
func figures() []Objective {
	var list []Objective
	kind := reflect.TypeFor[Run]()
	for i := range kind.NumField() {
		tag := kind.Field(i).Tag
		if group := tag.Get("figure"); group != "" {
			list = append(
				list,
				Objective{Name: tag.Get("json"), Label: tag.Get("label"), Group: group, field: i, least: tag.Get("best") == "min"},
			)
		}
	}
	return list
}

// ObjectiveNames lists the figures that runs can be judged by, the default first.
func ObjectiveNames() []string {
	names := []string{DefaultObjective}
	for _, f := range figures() {
		if f.Name != DefaultObjective {
			names = append(names, f.Name)
		}
	}
	return names
}

// ObjectiveOf finds an objective: the name of a figure, such as sharpe, alone or with
// the part of result.json that it is in, such as metrics.sharpe, and before it min: or
// max: where that is not what the figure is usually wanted to be.
func ObjectiveOf(text string) (Objective, bool) {
	o, err := ParseObjective(text)
	return o, err == nil
}

// ParseObjective is [ObjectiveOf] with a [*FigureError].
func ParseObjective(text string) (Objective, error) {
	direction, name, ok := strings.Cut(text, ":")
	if !ok {
		direction, name = "", text
	}
	o, err := figureOf(name)
	switch {
	case err != nil:
		return o, err
	case !ok:
		return o, nil
	case direction != "min" && direction != "max":
		return o, fmt.Errorf("direction %q: want min or max", direction)
	}
	o.least = direction == "min"
	return o, nil
}

func figureOf(name string) (Objective, error) {
	group, short, qualified := strings.Cut(name, ".")
	if !qualified {
		group, short = "", name
	}
	if group == "account" && short == "turnover" {
		short = "account_turnover" // metrics has a turnover too
	}
	for _, f := range figures() {
		if f.Name == short && (group == "" || f.Group == group) {
			return f, nil
		}
	}
	return Objective{}, &FigureError{Name: name, Near: ObjectiveNames()}
}

// Objective is what the sweep is judged by.
func (s *Sweep) Objective() Objective {
	o, _ := ObjectiveOf(s.Search.Objective)
	switch s.Search.Direction {
	case "min":
		o.least = true
	case "max":
		o.least = false
	}
	return o
}

// Direction is max or min.
func (o Objective) Direction() string {
	if o.least {
		return "min"
	}
	return "max"
}

// Value is the figure of a run, nil if it has none.
func (o Objective) Value(r *Run) *float64 {
	if !r.Finished() || o.Name == "" {
		return nil
	}
	switch v := reflect.ValueOf(r).Elem().Field(o.field).Interface().(type) {
	case *float64:
		return v
	case exchange.Money:
		return whole(v)
	case int64:
		return whole(v)
	}
	return nil
}

// whole is a count or an amount for a comparison or a statistic.
func whole[N ~int64](n N) *float64 { v := float64(n); return &v }

// Least reports whether the least is the best.
func (o Objective) Least() bool { return o.least }

// Better reports whether a run is better than another. Runs that may not be the best
// are worse than those that may, bankrupt ones worse than those, and those that did not
// finish worse than all. One without a value is the worst of its kind; runs that are
// equal are not better.
func (o Objective) Better(a, b *Run) bool {
	if i, j := a.rank(), b.rank(); i != j {
		return i < j
	}
	x, y := o.Value(a), o.Value(b)
	switch {
	case x == nil || y == nil:
		return x != nil && y == nil
	case o.least:
		return *x < *y
	}
	return *x > *y
}

// Constraint is what a run must meet to be the best, such as max_drawdown<0.3.
type Constraint struct {
	Figure Objective
	Op     string // <, <=, >, >=, = or !=
	Value  float64
}

// operators in the order in which they are looked for.
var operators = [...]string{"<=", ">=", "!=", "==", "<", ">", "="}

// ParseConstraint reads a figure, a comparison and a number. An unknown figure is a
// [*FigureError].
func ParseConstraint(text string) (Constraint, error) {
	at := strings.IndexAny(text, "<>=!")
	if at < 0 {
		return Constraint{}, fmt.Errorf("%q: want a figure, a comparison and a number, such as max_drawdown<0.3", text)
	}
	var c Constraint
	name, rest := strings.TrimSpace(text[:at]), text[at:]
	for _, op := range operators {
		if value, ok := strings.CutPrefix(rest, op); ok {
			c.Op, rest = op, strings.TrimSpace(value)
			break
		}
	}
	if c.Op == "==" {
		c.Op = "="
	}
	var err error
	if c.Value, err = strconv.ParseFloat(rest, 64); c.Op == "" || err != nil || math.IsNaN(c.Value) ||
		math.IsInf(c.Value, 0) {
		return Constraint{}, fmt.Errorf(
			"%q: want a figure, one of < <= > >= = !=, and a number, such as max_drawdown<0.3",
			text,
		)
	}
	c.Figure, err = figureOf(name)
	return c, err
}

// String is the constraint as [ParseConstraint] reads it.
func (c Constraint) String() string {
	return c.Figure.Name + c.Op + strconv.FormatFloat(c.Value, 'f', -1, 64)
}

// Met reports whether a run meets the constraint. A figure that is not defined meets
// none.
func (c Constraint) Met(r *Run) bool {
	v := c.Figure.Value(r)
	if v == nil {
		return false
	}
	switch c.Op {
	case "<":
		return *v < c.Value
	case "<=":
		return *v <= c.Value
	case ">":
		return *v > c.Value
	case ">=":
		return *v >= c.Value
	case "=":
		return *v == c.Value
	}
	return *v != c.Value
}

// constraints are those of the search. One that cannot be read, which a file that was
// read does not have, is met by no run.
func (s *Sweep) constraints() []Constraint {
	list := make([]Constraint, len(s.Search.Where))
	for i, text := range s.Search.Where {
		list[i], _ = ParseConstraint(text)
	}
	return list
}

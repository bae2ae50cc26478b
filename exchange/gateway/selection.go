package gateway

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// selected answers a request for rows: of a symbol, in a range of time, with the
// values that a filter asks for, a page of them, with some of their columns.
func selected[T any](g *Gateway, rows []T, q query, keys ...string) ([]json.RawMessage, error) {
	at := columnsOfRows[T]()
	for _, c := range q.columns {
		if _, known := at[c]; !known {
			return nil, invalid("columns are not valid")
		}
	}
	picked := []json.RawMessage{}
	skip := q.start
	n := len(rows)
	for k := range n {
		row := &rows[k]
		if q.reverse {
			row = &rows[n-1-k]
		}
		if len(picked) == q.count {
			break
		}
		fits, err := q.fits(g, reflect.ValueOf(row).Elem(), at)
		if err != nil {
			return nil, err
		}
		if !fits {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		b, err := cut(rowJSON(row), q.columns, keys)
		if err != nil {
			return nil, err
		}
		picked = append(picked, b)
	}
	return picked, nil
}

// columnsOfRows is the fields of a type of row by the names of their columns.
func columnsOfRows[T any]() map[string]int {
	t := reflect.TypeFor[T]()
	at := make(map[string]int, t.NumField())
	for n := range t.NumField() {
		tag, _, _ := strings.Cut(t.Field(n).Tag.Get("json"), ",")
		at[tag] = n
	}
	return at
}

func (q *query) fits(g *Gateway, row reflect.Value, at map[string]int) (bool, error) {
	if n, has := at["symbol"]; has && q.symbol != "" && !g.names(q.symbol, row.Field(n).String()) {
		return false, nil
	}
	if n, has := at["timestamp"]; has {
		when, _ := row.Field(n).Interface().(api.Time)
		if q.from != 0 && when < q.from || q.to != 0 && when > q.to {
			return false, nil
		}
	}
	for name, want := range q.filter {
		ok, err := want.fits(row, at, name)
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// names reports whether a symbol of a request stands for a symbol of a row.
func (g *Gateway) names(asked, symbol string) bool {
	m := g.bySymbol[symbol]
	return m != nil && m.matches(asked) || strings.EqualFold(asked, symbol)
}

// filter is what the columns of a row must be.
type filter map[string]wanted

// wanted is the values that a column may have: JSON texts, see [canonical].
type wanted struct {
	values map[string]bool
	flag   *bool // it is one value, and a boolean
	// instant tests the column of instants that is named by column; nil: the filter is of values.
	instant func(api.Time) bool
	column  string
}

// parseFilter reads a filter: an object of values or of lists of them.
func parseFilter(text string) (filter, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &fields) != nil {
		return nil, invalid("filter values are not valid")
	}
	f := make(filter, len(fields))
	for name, raw := range fields {
		list := []json.RawMessage{raw}
		if raw[0] == '[' {
			list = nil
			if json.Unmarshal(raw, &list) != nil {
				return nil, invalid("filter values are not valid")
			}
		}
		if len(list) > maxValues {
			return nil, invalid(
				fmt.Sprintf(
					"Too many values of the filter %s: %d. The maximum count allowed is %d.",
					short(name),
					len(list),
					maxValues,
				),
			)
		}
		w, is, err := instantFilter(name, raw, list)
		if err != nil {
			return nil, err
		}
		if is {
			f[name] = w
			continue
		}
		w = wanted{values: make(map[string]bool, len(list))}
		for _, one := range list {
			v, err := canonical(one)
			if err != nil {
				return nil, invalid("filter values are not valid")
			}
			w.values[v] = true
		}
		if text := string(raw); text == "true" || text == "false" {
			w.flag = new(text == "true")
		}
		f[name] = w
	}
	return f, nil
}

// instantFilter reads what a filter wants of an instant: "startTime", "endTime", or a part of a column of
// instants such as "timestamp.date". It is false for other names.
func instantFilter(name string, raw json.RawMessage, list []json.RawMessage) (w wanted, is bool, err error) {
	column, part, dotted := strings.Cut(name, ".")
	switch {
	case name == "startTime" || name == "endTime":
		var text string
		if json.Unmarshal(raw, &text) != nil || text == "" {
			return w, true, invalid("filter values are not valid")
		}
		limit, err := params{name: text}.time(name)
		fits := func(t api.Time) bool { return t >= limit }
		if name == "endTime" {
			fits = func(t api.Time) bool { return t <= limit }
		}
		return wanted{instant: fits, column: "timestamp"}, true, err
	case !dotted || name == "ordStatus.isTerminated":
		return w, false, nil
	}
	fits, known := partMatcher(part, list)
	if !known {
		return w, true, invalid("filter values are not valid")
	}
	return wanted{instant: fits, column: column}, true, nil
}

// canonical is the one JSON text of a value: numbers as JSON writes the float64, texts
// with one way of escapes.
func canonical(raw []byte) (string, error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", err
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// fits reports whether a row has one of the values in a column.
func (w *wanted) fits(row reflect.Value, at map[string]int, name string) (bool, error) {
	if w.instant != nil {
		n, has := at[w.column]
		if !has {
			return false, invalid("filter columns are not valid")
		}
		when, is := row.Field(n).Interface().(api.Time)
		if !is {
			return false, invalid("filter columns are not valid")
		}
		return w.instant(when), nil
	}
	switch name {
	case "open", "ordStatus.isTerminated":
		n, has := at["ordStatus"]
		if !has {
			return false, invalid("filter columns are not valid")
		}
		if w.flag == nil {
			return false, invalid("filter values are not valid")
		}
		status := row.Field(n).String()
		open := status == "New" || status == "PartiallyFilled"
		return *w.flag == (open == (name == "open")), nil
	}
	n, has := at[name]
	if !has {
		return false, invalid("filter columns are not valid")
	}
	have := rowJSON(row.Field(n).Interface())
	if c := have[0]; c != '-' && (c < '0' || c > '9') {
		return w.values[string(have)], nil // only numbers have several texts
	}
	number, err := canonical(have)
	if err != nil {
		return false, fmt.Errorf("filter %s: %w", name, err)
	}
	return w.values[number], nil
}

// checkOrders refuses a filter of orders with a column, or an enumeration's value, that does
// not exist, also when there are no orders: a cancellation with a misspelt side would
// succeed and cancel nothing.
func (f filter) checkOrders(at map[string]int) error {
	none := reflect.ValueOf(new(api.Order)).Elem()
	for name, w := range f {
		if _, err := w.fits(none, at, name); err != nil {
			return err
		}
		for value := range w.values {
			if !orderHas(name, value) {
				return invalid("filter values are not valid")
			}
		}
	}
	return nil
}

// orderHas reports whether a column of an order can have a JSON value. Columns other than
// enumerations can have any.
func orderHas(column, value string) bool {
	var into encoding.TextUnmarshaler
	required := true
	switch column {
	case "side":
		into = new(exchange.Side)
	case "ordType":
		into = new(exchange.OrderType)
	case "timeInForce":
		into = new(exchange.TimeInForce)
	case "ordStatus":
		into = new(exchange.OrderStatus)
	case "pegPriceType":
		into, required = new(exchange.PegPriceType), false
	case "contingencyType":
		into, required = new(exchange.ContingencyType), false
	default:
		return true
	}
	var text *string // null stays nil
	if json.Unmarshal([]byte(value), &text) != nil || text == nil {
		return false
	}
	return into.UnmarshalText([]byte(*text)) == nil && (*text != "" || !required)
}

// cut leaves the columns that were asked for, and the keys.
func cut(row []byte, columns, keys []string) (json.RawMessage, error) {
	if len(columns) == 0 {
		return row, nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(row, &all); err != nil {
		return nil, err
	}
	for name := range all {
		if !slices.Contains(columns, name) && !slices.Contains(keys, name) {
			delete(all, name)
		}
	}
	return json.Marshal(all)
}

package gateway

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// selected answers a request for rows: of a symbol, in a range of time, with the
// values that a filter asks for, a page of them, with some of their columns.
func selected[T any](g *Gateway, rows []T, q query, keys ...string) ([]json.RawMessage, error) {
	t := reflect.TypeFor[T]()
	at := map[string]int{}
	for n := range t.NumField() {
		tag, _, _ := strings.Cut(t.Field(n).Tag.Get("json"), ",")
		at[tag] = n
	}
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
		ok, err := q.fitsFilter(row, at, name, want)
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

func (q *query) fitsFilter(row reflect.Value, at map[string]int, name string, want any) (bool, error) {
	switch name {
	case "open", "ordStatus.isTerminated":
		n, has := at["ordStatus"]
		if !has {
			return false, invalid("filter columns are not valid")
		}
		status := row.Field(n).String()
		open := status == "New" || status == "PartiallyFilled"
		yes, ok := want.(bool)
		if !ok {
			return false, invalid("filter values are not valid")
		}
		return yes == (open == (name == "open")), nil
	case "startTime", "endTime":
		return true, nil
	}
	n, has := at[name]
	if !has {
		return false, invalid("filter columns are not valid")
	}
	var have any
	if err := json.Unmarshal(rowJSON(row.Field(n).Interface()), &have); err != nil {
		return false, fmt.Errorf("filter %s: %w", name, err)
	}
	if list, isList := want.([]any); isList {
		return slices.ContainsFunc(list, func(x any) bool { return reflect.DeepEqual(x, have) }), nil
	}
	return reflect.DeepEqual(want, have), nil
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

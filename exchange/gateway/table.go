package gateway

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// table is a table of the WebSocket API: a name, the type of its rows and what a
// partial says of both.
type table struct {
	name    string
	keys    []string
	private bool
	alone   bool // takes no symbol
	levels  bool // its rows are levels of a book
	columns []column
	head    []byte // of a partial, up to its filter
	subs    map[address][]*client
}

// address is who hears of a change: an account, 0 for all, and a symbol, empty for all.
type address struct {
	account int64
	symbol  string
}

type column struct {
	name  string
	index int
	key   bool
}

// newTable describes a table. The attributes are the venue's.
func newTable(row reflect.Type, name string, attributes map[string]string, keys ...string) *table {
	t := &table{name: name, keys: append([]string{}, keys...), subs: map[address][]*client{}}
	types := make([]string, 0, row.NumField())
	for n := range row.NumField() {
		f := row.Field(n)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		t.columns = append(t.columns, column{name: tag, index: n, key: slices.Contains(keys, tag)})
		types = append(types, fmt.Sprintf("%q:%q", tag, wireType(tag, f.Type)))
	}
	t.head = fmt.Appendf(nil, `{"table":%q,"action":"partial","keys":%s,"types":{%s},"foreignKeys":%s,"attributes":%s,"filter":`,
		name, rowJSON(t.keys), strings.Join(types, ","), t.foreign(), rowJSON(attributes))
	return t
}

// foreign names the tables that columns are keys of.
func (t *table) foreign() string {
	var pairs []string
	for _, c := range t.columns {
		switch {
		case c.name == "symbol" && t.name != "instrument":
			pairs = append(pairs, `"symbol":"instrument"`)
		case c.name == "side", c.name == "ordStatus":
			pairs = append(pairs, fmt.Sprintf("%q:%q", c.name, c.name))
		}
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// wireType is what the venue calls the type of a column.
func wireType(name string, t reflect.Type) string {
	switch t {
	case reflect.TypeFor[*int64]():
		return "long"
	case reflect.TypeFor[api.Number]():
		return "float"
	case reflect.TypeFor[api.Time]():
		return "timestamp"
	case reflect.TypeFor[bool]():
		return "boolean"
	}
	switch name {
	case "orderID", "execID", "trdMatchID", "transactID":
		return "guid"
	}
	return "symbol"
}

// heard reports whether anyone listens to a symbol of an account.
func (t *table) heard(account int64, symbol string) bool {
	return len(t.subs[address{account, symbol}]) > 0 || len(t.subs[address{account, ""}]) > 0
}

// send gives a frame to all who listen to a symbol of an account.
func (t *table) send(account int64, symbol string, frame []byte) {
	var lean []byte // made once for all clients whose rows are sparse
	give := func(c *client) {
		if !c.sparse {
			c.send(frame)
			return
		}
		if lean == nil {
			lean = sparse(frame, t.levels)
		}
		c.send(lean)
	}
	for _, c := range t.subs[address{account, symbol}] {
		give(c)
	}
	if symbol == "" {
		return
	}
	for _, c := range t.subs[address{account, ""}] {
		if !slices.Contains(t.subs[address{account, symbol}], c) {
			give(c)
		}
	}
}

// publish tells of rows that are JSON already.
func (t *table) publish(account int64, symbol, action string, rows ...[]byte) {
	if len(rows) == 0 || !t.heard(account, symbol) {
		return
	}
	size := 48
	for _, r := range rows {
		size += len(r) + 1
	}
	frame := make([]byte, 0, size)
	frame = append(frame, `{"table":"`...)
	frame = append(frame, t.name...)
	frame = append(frame, `","action":"`...)
	frame = append(frame, action...)
	frame = append(frame, `","data":`...)
	frame = appendRows(frame, rows)
	t.send(account, symbol, append(frame, '}'))
}

func appendRows(dst []byte, rows [][]byte) []byte {
	dst = append(dst, '[')
	for n, r := range rows {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, r...)
	}
	return append(dst, ']')
}

// partial is the first frame of a client's subscription.
func (t *table) partial(c *client, account int64, symbol string, rows [][]byte) []byte {
	filter := map[string]any{}
	if t.private {
		filter["account"] = account
	}
	if symbol != "" {
		filter["symbol"] = symbol
	}
	frame := append(slices.Clone(t.head), rowJSON(filter)...)
	frame = append(frame, `,"data":`...)
	frame = append(appendRows(frame, rows), '}')
	if c.sparse {
		return sparse(frame, t.levels)
	}
	return frame
}

// rowJSON returns a value as JSON. What this package sends cannot fail to become it.
func rowJSON(row any) []byte {
	b, err := json.Marshal(row)
	if err != nil {
		panic(fmt.Sprintf("row %T: %v", row, err))
	}
	return b
}

func rowsJSON[T any](rows []T) [][]byte {
	list := make([][]byte, len(rows))
	for n := range rows {
		list[n] = rowJSON(&rows[n])
	}
	return list
}

// diff returns the keys of a row and what has changed in it, or nil if nothing
// has. Both are pointers to the table's type of row.
func (t *table) diff(before, after any, always ...string) []byte {
	a, b := reflect.ValueOf(before).Elem(), reflect.ValueOf(after).Elem()
	out := []byte{'{'}
	changed := false
	for _, c := range t.columns {
		was, is := a.Field(c.index), b.Field(c.index)
		same := equalColumns(was, is)
		if same && !c.key && !slices.Contains(always, c.name) {
			continue
		}
		changed = changed || !same && c.name != "timestamp"
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = append(out, c.name...)
		out = append(out, `":`...)
		out = append(out, rowJSON(is.Interface())...)
	}
	if !changed {
		return nil
	}
	return append(out, '}')
}

func equalColumns(a, b reflect.Value) bool {
	if a.Kind() == reflect.Pointer && !a.IsNil() && !b.IsNil() {
		return a.Elem().Equal(b.Elem())
	}
	if !a.Comparable() {
		return reflect.DeepEqual(a.Interface(), b.Interface())
	}
	return a.Equal(b)
}

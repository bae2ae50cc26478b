package bitmex

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// TableInfo is what a partial says of its table, in the venue's words.
type TableInfo struct {
	Keys        []string          `json:"keys"`
	Types       map[string]string `json:"types"`
	ForeignKeys map[string]string `json:"foreignKeys"`
	Attributes  map[string]string `json:"attributes"`
}

// Change is a change of a table, or that nothing is known of any table until its next
// partial: Action is then [Gap].
type Change struct {
	Table  string
	Action string            // partial, insert, update, delete
	Symbol string            // of the filter of a partial; empty: all
	Rows   []json.RawMessage // as they came: an update has the keys and what has changed
}

// Gap is the action of a change that says that changes were missed.
const Gap = "gap"

// tableFrame is a frame of any table.
type tableFrame struct {
	TableInfo
	Table  string            `json:"table"`
	Action string            `json:"action"`
	Data   []json.RawMessage `json:"data"`
	Filter struct {
		Symbol string `json:"symbol"`
	} `json:"filter"`
}

// store keeps the rows of tables by the protocol of the stream: nothing counts before
// its partial, an insert is new, an update and a delete are of rows that are there.
type store struct {
	tables map[string]*storedTable
	keep   int
}

type storedTable struct {
	info   TableInfo
	synced map[string]bool // symbols whose partial has come; empty: all symbols
	rows   map[string]*storedRow
	order  []string // keys of rows, if only the newest are kept
	next   int
}

type storedRow struct {
	number int // of its arrival
	symbol string
	fields map[string]json.RawMessage
}

func newStore(keep int) *store { return &store{tables: map[string]*storedTable{}, keep: keep} }

// growing are tables with keys whose rows are never deleted: the newest are kept.
var growing = []string{"execution", "transact"}

// take takes in a frame of a table and returns what of it counts; nil: nothing. A
// [*SyncError] means that a message was lost.
func (s *store) take(m *tableFrame) (*Change, error) {
	t := s.tables[m.Table]
	if m.Action == "partial" {
		if t == nil {
			t = &storedTable{synced: map[string]bool{}, rows: map[string]*storedRow{}}
			s.tables[m.Table] = t
		}
		t.info = m.TableInfo
		t.forget(m.Filter.Symbol)
		t.synced[m.Filter.Symbol] = true
	}
	if t == nil {
		return nil, nil
	}
	c := &Change{Table: m.Table, Action: m.Action, Symbol: m.Filter.Symbol}
	for _, raw := range m.Data {
		counts, err := s.row(t, m, raw)
		if err != nil {
			return nil, err
		}
		if counts {
			c.Rows = append(c.Rows, raw)
		}
	}
	if len(c.Rows) == 0 && m.Action != "partial" {
		return nil, nil
	}
	return c, nil
}

// row takes in a row and reports whether it counts.
func (s *store) row(t *storedTable, m *tableFrame, raw json.RawMessage) (bool, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return false, fmt.Errorf("%s %s: %w", m.Table, m.Action, err)
	}
	symbol := text(fields["symbol"])
	if !t.synced[""] && !t.synced[symbol] {
		return false, nil
	}
	key, err := t.key(m.Table, fields)
	if err != nil {
		return false, err
	}
	known := t.rows[key]
	lost := func(reason string) error {
		return &SyncError{Table: m.Table, Symbol: symbol, Reason: reason + " " + key}
	}
	switch m.Action {
	case "partial", "insert":
		if known != nil && m.Action == "insert" {
			return false, lost("second insert of")
		}
		t.put(key, &storedRow{symbol: symbol, fields: fields})
		if len(t.info.Keys) == 0 || slices.Contains(growing, m.Table) {
			t.trim(key, s.keep)
		}
	case "update":
		if known == nil {
			if m.Table == "order" {
				return true, nil // of an order that has ended: the table has the open ones
			}
			return false, lost("update of an unknown row")
		}
		for name, v := range fields {
			known.fields[name] = v
		}
	case "delete":
		if known == nil {
			return false, lost("delete of an unknown row")
		}
		delete(t.rows, key)
	default:
		return false, fmt.Errorf("%s: unknown action %q", m.Table, m.Action)
	}
	if m.Table == "order" && ended(t.rows[key]) {
		delete(t.rows, key)
	}
	return true, nil
}

// ended reports whether a row is of an order that has ended.
func ended(row *storedRow) bool {
	if row == nil {
		return false
	}
	switch text(row.fields["ordStatus"]) {
	case "Filled", "Canceled", "Rejected", "Expired":
		return true
	}
	return false
}

func text(raw json.RawMessage) (s string) {
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// key is what a row is found by; rows of a table without keys are all new.
func (t *storedTable) key(table string, fields map[string]json.RawMessage) (string, error) {
	if len(t.info.Keys) == 0 {
		return fmt.Sprint(t.next), nil
	}
	var b strings.Builder
	for _, name := range t.info.Keys {
		v, has := fields[name]
		if !has {
			return "", &SyncError{Table: table, Symbol: text(fields["symbol"]), Reason: "no " + name + " in a row"}
		}
		b.Write(v)
		b.WriteByte(' ')
	}
	return b.String(), nil
}

func (t *storedTable) put(key string, row *storedRow) {
	row.number = t.next
	t.next++
	t.rows[key] = row
}

// trim forgets the oldest rows.
func (t *storedTable) trim(key string, keep int) {
	t.order = append(t.order, key)
	if len(t.order) <= keep {
		return
	}
	delete(t.rows, t.order[0])
	t.order = t.order[1:]
}

// forget forgets the rows of a symbol, or of all.
func (t *storedTable) forget(symbol string) {
	for key, row := range t.rows {
		if symbol == "" || row.symbol == symbol {
			delete(t.rows, key)
		}
	}
	t.order = slices.DeleteFunc(t.order, func(key string) bool { return t.rows[key] == nil })
}

// drop forgets a topic that is not listened to any more.
func (s *store) drop(topic string) {
	name, symbol, _ := strings.Cut(topic, ":")
	if t := s.tables[name]; t != nil {
		delete(t.synced, symbol)
		t.forget(symbol)
	}
}

// rows returns what a table holds, in the order in which it came.
func (s *store) rows(table string) (list []map[string]json.RawMessage) {
	t := s.tables[table]
	if t == nil {
		return nil
	}
	all := make([]*storedRow, 0, len(t.rows))
	for _, row := range t.rows {
		all = append(all, row)
	}
	slices.SortFunc(all, func(a, b *storedRow) int { return cmp.Compare(a.number, b.number) })
	for _, row := range all {
		list = append(list, row.fields)
	}
	return list
}

// refusalIn is what a frame says against a request of ours, with the topics of it.
func refusalIn(frame []byte) (refusal *api.Error, topics []string) {
	var m struct {
		Status  int    `json:"status"`
		Error   string `json:"error"`
		Request struct {
			Args json.RawMessage `json:"args"`
		} `json:"request"`
	}
	if json.Unmarshal(frame, &m) != nil || m.Error == "" {
		return nil, nil //nolint:nilerr // what cannot be read is no refusal
	}
	_ = json.Unmarshal(m.Request.Args, &topics) // of another kind of request: none
	return &api.Error{Status: m.Status, Name: "WebsocketError", Message: m.Error}, topics
}

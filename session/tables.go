package session

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dunamis-engine/dunamis/exchange"
)

// TableError means that a table which shows what a session did differs from the reports
// that it was made from: the database was changed or damaged.
type TableError struct {
	Table string // "orders", "fills" or "samples"
	Row   string // its key
	Have  string // the columns; empty: the row is missing
	Want  string // empty: there should be none
}

// Error implements error.
func (e *TableError) Error() string {
	switch {
	case e.Have == "":
		return fmt.Sprintf("table %s of session.db: row %s is missing; the reports say %s", e.Table, e.Row, e.Want)
	case e.Want == "":
		return fmt.Sprintf("table %s of session.db: row %s is %s; the reports have no such row", e.Table, e.Row, e.Have)
	}
	return fmt.Sprintf("table %s of session.db: row %s is %s; the reports say %s", e.Table, e.Row, e.Have, e.Want)
}

// fillColumns are the columns of a row of fills.
func fillColumns(seq int64, symbol string, f *exchange.Fill) []any {
	return []any{f.ExecID, seq, string(f.ClientID), symbol, f.Side.String(), int64(f.Qty), f.Price.String(), int64(f.Fee),
		f.Liquidity.String(), int64(f.Position), int64(f.Time)}
}

// orderColumns are the columns of a row of orders. Those from orderState on change while
// the order is open.
func orderColumns(symbol string, o *exchange.Order) []any {
	open := int64(1)
	if o.Status.Final() {
		open = 0
	}
	return []any{string(o.ClientID), string(o.OrderID), symbol, o.Side.String(), o.Type.String(), int64(o.Qty),
		o.Price.String(), o.StopPrice.String(), o.Status.String(), int64(o.Filled), int64(o.Leaves), o.AvgPrice.String(),
		o.RejectReason, o.Text, open, int64(o.Time)}
}

// orderState is the first column of an order that changes, its status.
const orderState = 8

const (
	fillRows = "SELECT exec_id, seq, client_id, symbol, side, qty, price, fee, liquidity, position, at FROM fills " +
		"ORDER BY seq"
	orderRows = "SELECT client_id, order_id, symbol, side, type, qty, price, stop_price, status, filled, leaves, " +
		"avg_price, " +
		"reason, text, open, at FROM orders ORDER BY client_id"
)

// CheckTables compares the tables of fills and of orders with the reports of a session. The
// reports themselves are compared by a replay. It fails with a [*TableError]. An order that
// the reports leave open may have ended in the table: a live session corrects it by what
// the venue said after its last transaction.
func (s *Store) CheckTables(ctx context.Context) error {
	fills, orders := map[string][]any{}, map[string][]any{}
	const reports = "SELECT seq, symbol, data FROM outputs WHERE kind IN ('order', 'fill') ORDER BY seq"
	err := s.each(ctx, reports, 3, func(row []any) error {
		seq, _ := row[0].(int64)
		symbol, _ := row[1].(string)
		data, _ := row[2].(string)
		var r orderText
		if err := json.Unmarshal([]byte(data), &r); err != nil {
			return fmt.Errorf("report %d: %w", seq, err)
		}
		if r.Fill != nil {
			fills[r.Fill.ExecID] = fillColumns(seq, symbol, r.Fill)
		}
		if r.Order != nil && r.Order.ClientID != "" {
			orders[string(r.Order.ClientID)] = orderColumns(symbol, r.Order)
		}
		return nil
	})
	if err == nil {
		err = s.checkTable(ctx, "fills", fillRows, fills, false)
	}
	if err == nil {
		err = s.checkTable(ctx, "orders", orderRows, orders, true)
	}
	var wrong *TableError
	if err != nil && !errors.As(err, &wrong) {
		return fmt.Errorf("session %s: %w", s.Dir, err)
	}
	return err
}

// checkTable compares the rows of a table with those that are wanted, by their first column.
func (s *Store) checkTable(ctx context.Context, table, query string, want map[string][]any, mayEnd bool) error {
	columns := len(orderColumns("", &exchange.Order{}))
	if !mayEnd {
		columns = len(fillColumns(0, "", &exchange.Fill{}))
	}
	err := s.each(ctx, query, columns, func(row []any) error {
		key := fmt.Sprint(row[0])
		expected, known := want[key]
		delete(want, key)
		if !known {
			return &TableError{Table: table, Row: key, Have: fmt.Sprint(row[1:]...)}
		}
		if mayEnd && expected[len(expected)-2] == int64(1) && row[len(row)-2] == int64(0) {
			expected, row = expected[:orderState], row[:orderState]
		}
		if have, is := fmt.Sprintf("%v", row[1:]), fmt.Sprintf("%v", expected[1:]); have != is {
			return &TableError{Table: table, Row: key, Have: have, Want: is}
		}
		return nil
	})
	if err != nil {
		return err
	}
	missing := ""
	for key := range want {
		if missing == "" || key < missing {
			missing = key
		}
	}
	if missing != "" {
		return &TableError{Table: table, Row: missing, Want: fmt.Sprintf("%v", want[missing][1:])}
	}
	return nil
}

// each calls a function with every row of a query.
func (s *Store) each(ctx context.Context, query string, columns int, take func(row []any) error) (err error) {
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	row, into := make([]any, columns), make([]any, columns)
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := take(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// sampled compares a sample of a replay with the one of its time that was kept, if one was.
func (s *Session) sampled(at exchange.Time) error {
	if s.over || s.forgiving {
		return nil
	}
	var wallet, equity any
	const query = "SELECT wallet, equity FROM samples WHERE at = ?"
	err := s.cfg.Store.db.QueryRowContext(s.ctx, query, int64(at)).Scan(&wallet, &equity)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("session %s: sample of %s: %w", s.cfg.Store.Dir, at, err)
	}
	m := s.cfg.Account.Margin()
	have, want := fmt.Sprintf("[%v %v]", wallet, equity), fmt.Sprintf("[%v %v]", int64(m.Wallet), int64(m.Balance))
	if have != want {
		return &TableError{Table: "samples", Row: at.String(), Have: have, Want: want}
	}
	return nil
}

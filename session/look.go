package session

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Order is an order of a session as people look at it.
type Order struct {
	ClientID  string        `json:"client_id"`
	OrderID   string        `json:"order_id"`
	Symbol    string        `json:"symbol"`
	Side      string        `json:"side"`
	Type      string        `json:"type"`
	Qty       int64         `json:"qty"`
	Price     string        `json:"price"`
	StopPrice string        `json:"stop_price"`
	Status    string        `json:"status"`
	Filled    int64         `json:"filled"`
	Leaves    int64         `json:"leaves"`
	AvgPrice  string        `json:"avg_price"`
	Reason    string        `json:"reason,omitempty"`
	Text      string        `json:"text"`
	At        exchange.Time `json:"at"`
}

// Fill is a fill of a session as people look at it. Money is in the smallest unit of
// the settlement currency.
type Fill struct {
	Number    int64          `json:"number"` // of the report; they count up
	ExecID    string         `json:"exec_id"`
	ClientID  string         `json:"client_id"`
	Symbol    string         `json:"symbol"`
	Side      string         `json:"side"`
	Qty       int64          `json:"qty"`
	Price     string         `json:"price"`
	Fee       exchange.Money `json:"fee"`
	Liquidity string         `json:"liquidity"`
	Position  int64          `json:"position"`
	At        exchange.Time  `json:"at"`
}

// Sample is a point of the equity curve.
type Sample struct {
	At     exchange.Time  `json:"at"`
	Wallet exchange.Money `json:"wallet"`
	Equity exchange.Money `json:"equity"`
}

// scanner is a row.
type scanner interface{ Scan(into ...any) error }

// list reads the rows of a query.
func list[T any](ctx context.Context, s *Store, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("session %s: %w", s.Dir, err)
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("session %s: %w", s.Dir, err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("session %s: %w", s.Dir, err)
	}
	return all, nil
}

// OpenOrders are the orders that are open, oldest first.
func (s *Store) OpenOrders(ctx context.Context) ([]Order, error) {
	return list(ctx, s, func(r scanner) (o Order, err error) {
		err = r.Scan(&o.ClientID, &o.OrderID, &o.Symbol, &o.Side, &o.Type, &o.Qty, &o.Price, &o.StopPrice, &o.Status, &o.Filled, &o.Leaves, &o.AvgPrice,
			&o.Reason, &o.Text, (*int64)(&o.At))
		return o, err
	}, `SELECT client_id, order_id, symbol, side, type, qty, price, stop_price, status, filled, leaves, avg_price, reason, text, at
		FROM orders WHERE open = 1 ORDER BY at, length(client_id), client_id`)
}

// Fills are the newest fills, newest first.
func (s *Store) Fills(ctx context.Context, limit int) ([]Fill, error) {
	return list(ctx, s, func(r scanner) (f Fill, err error) {
		err = r.Scan(&f.Number, &f.ExecID, &f.ClientID, &f.Symbol, &f.Side, &f.Qty, &f.Price, (*int64)(&f.Fee), &f.Liquidity, &f.Position, (*int64)(&f.At))
		return f, err
	}, "SELECT seq, exec_id, client_id, symbol, side, qty, price, fee, liquidity, position, at FROM fills ORDER BY seq DESC LIMIT ?", limit)
}

// Samples are points of the equity curve after a time, in order.
func (s *Store) Samples(ctx context.Context, after exchange.Time) ([]Sample, error) {
	return list(ctx, s, func(r scanner) (p Sample, err error) {
		err = r.Scan((*int64)(&p.At), (*int64)(&p.Wallet), (*int64)(&p.Equity))
		return p, err
	}, "SELECT at, wallet, equity FROM samples WHERE at > ? ORDER BY at", int64(after))
}

// Counts are how many there are of what a session keeps.
type Counts struct {
	Orders int64 `json:"orders"`
	Fills  int64 `json:"fills"`
	Open   int64 `json:"open_orders"`
}

// Count counts.
func (s *Store) Count(ctx context.Context) (c Counts, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM fills), (SELECT count(*) FROM orders WHERE open = 1)").
		Scan(&c.Orders, &c.Fills, &c.Open)
	if err != nil {
		return c, fmt.Errorf("session %s: %w", s.Dir, err)
	}
	return c, nil
}

// OpeningWallet is the wallet of a live session's account when it was first heard of; 0:
// it was not yet.
func (s *Store) OpeningWallet(ctx context.Context) (exchange.Money, error) {
	var text string
	err := s.db.QueryRowContext(ctx, "SELECT data FROM outputs WHERE kind = 'margin' ORDER BY seq LIMIT 1").Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	var m exchange.Margin
	if err == nil {
		err = json.Unmarshal([]byte(text), &m)
	}
	if err != nil {
		return 0, fmt.Errorf("session %s: %w", s.Dir, err)
	}
	return m.Wallet, nil
}

// Fates are what became of the newest orders of a live session, newest first.
func (s *Store) Fates(ctx context.Context, limit int) ([]Fate, error) {
	var known int // whether the database is of a program that noted when orders left
	err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE name = 'departures'").Scan(&known)
	if err != nil {
		return nil, fmt.Errorf("session %s: %w", s.Dir, err)
	}
	left := "0"
	if known > 0 {
		left = "coalesce((SELECT at FROM departures d WHERE d.client_id = fates.client_id), 0)"
	}
	return list(ctx, s, func(r scanner) (f Fate, err error) {
		var side string
		var prices [3]string
		v, m := &f.Venue, &f.Sim
		err = r.Scan(&f.ClientID, &f.Symbol, &side, &f.Type, (*int64)(&f.Qty), &prices[0], (*int64)(&f.Sent), (*int64)(&f.Joined), (*int64)(&f.Ahead),
			&v.Status, (*int64)(&v.Told), (*int64)(&v.Heard), (*int64)(&v.Filled), &prices[1], (*int64)(&v.First), &v.Maker, (*int64)(&v.Fees),
			&m.Status, (*int64)(&m.Told), (*int64)(&m.Heard), (*int64)(&m.Filled), &prices[2], (*int64)(&m.First), &m.Maker,
			(*int64)(&m.Fees), (*int64)(&f.Left))
		if err == nil {
			err = f.Side.UnmarshalText([]byte(side))
		}
		for i, into := range []*exchange.Price{&f.Price, &v.Price, &m.Price} {
			if err == nil {
				*into, err = exchange.ParsePrice(prices[i])
			}
		}
		return f, err
	}, "SELECT *, "+left+" FROM fates ORDER BY sent DESC, client_id DESC LIMIT ?", limit)
}

// Rejected counts the orders that were rejected.
func (s *Store) Rejected(ctx context.Context) (n int64, err error) {
	if err = s.db.QueryRowContext(ctx, "SELECT count(*) FROM orders WHERE status = 'Rejected'").Scan(&n); err != nil {
		err = fmt.Errorf("session %s: %w", s.Dir, err)
	}
	return n, err
}

// Sent is the most that a session has sent and held, of all its symbols.
type Sent struct {
	Order     exchange.Qty   // contracts of an order
	Value     exchange.Money // of an order at its price, else at that of its fills
	Position  exchange.Qty   // contracts
	Held      exchange.Money // value of a position at the price of the fill that made it
	PerMinute int            // orders and amendments in any 60 seconds
}

// Sent reads it from the books of the session. terms are those of a symbol at a time.
func (s *Store) Sent(ctx context.Context, terms func(symbol string, at exchange.Time) *exchange.Terms) (most Sent,
	err error) {
	rows, err := s.db.QueryContext(ctx,
		"SELECT kind, symbol, data FROM outputs WHERE kind IN ('order', 'fill') ORDER BY seq")
	if err != nil {
		return most, fmt.Errorf("session %s: %w", s.Dir, err)
	}
	defer rows.Close()
	var minute []exchange.Time // of what was sent in the 60 seconds before
	for rows.Next() {
		var kind, symbol, data string
		var r orderText
		err := rows.Scan(&kind, &symbol, &data)
		if err == nil {
			err = json.Unmarshal([]byte(data), &r)
		}
		if err != nil {
			return most, fmt.Errorf("session %s: %w", s.Dir, err)
		}
		if o := r.Order; o != nil {
			most.Order = max(most.Order, o.Qty)
			if p := cmp.Or(o.Price, o.StopPrice, o.AvgPrice); p > 0 && o.Qty > 0 {
				most.Value = max(most.Value, terms(symbol, o.Time).Value(o.Qty, p))
			}
		}
		if f := r.Fill; f != nil {
			most.Position = max(most.Position, f.Position.Abs())
			if f.Position != 0 {
				most.Held = max(most.Held, terms(symbol, f.Time).Value(f.Position.Abs(), f.Price))
			}
		}
		if kind == "order" &&
			(r.What == exchange.ExecNew || r.What == exchange.ExecRejected || r.What == exchange.ExecReplaced) {
			minute = append(minute, r.Order.Time)
			for r.Order.Time.Sub(minute[0]) >= time.Minute {
				minute = minute[1:]
			}
			most.PerMinute = max(most.PerMinute, len(minute))
		}
	}
	if err := rows.Err(); err != nil {
		return most, fmt.Errorf("session %s: %w", s.Dir, err)
	}
	return most, nil
}

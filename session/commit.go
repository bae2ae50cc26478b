package session

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/dunamis-engine/dunamis/exchange"
)

// idleCommit is how often the time of a session in which nothing happens is written.
const idleCommit = time.Second

// commit writes what was heard and what came of it, if there is anything.
func (s *Session) commit(ctx context.Context) error {
	if len(s.raw)+len(s.heard)+len(s.reports)+len(s.samples)+len(s.commands)+len(s.shadow) == 0 {
		if now := s.cfg.Now(); s.state.Now == s.seen || now.Sub(s.committed) < idleCommit && now.After(s.committed) {
			return nil
		}
	}
	return s.write(ctx)
}

// write is one transaction. Either all of it is kept or nothing.
func (s *Session) write(ctx context.Context) error {
	s.observe()
	begun := time.Now()
	err := s.durable(ctx)
	var tx *sql.Tx
	if err == nil {
		tx, err = s.cfg.Store.db.BeginTx(ctx, nil)
	}
	if err == nil {
		if err = s.fill(ctx, tx); err == nil {
			err = tx.Commit()
		} else {
			_ = tx.Rollback() // the first error is the one to tell
		}
	}
	if err != nil {
		return fmt.Errorf("session %s: it could not be written, and stays as it was at %s: %w", s.cfg.Store.Dir, s.seen, err)
	}
	s.seen, s.committed = s.state.Now, s.cfg.Now()
	if s.cfg.Live != nil {
		s.open.Store(int64(len(s.cfg.Live.books.orders)))
	}
	if s.cfg.Committed != nil {
		c := Commit{State: s.state, Events: s.raw, Reports: s.reports, Commands: s.commands, Shadow: s.shadow, Write: time.Since(begun)}
		if len(s.raw) > 0 {
			c.Step = begun.Sub(s.given)
		}
		s.cfg.Committed(&c)
	}
	if s.cfg.Live != nil && s.cfg.Live.venue != nil {
		s.letExpire()
		s.cfg.Live.send(ctx, exchange.TimeOf(s.cfg.Now()))
	}
	s.raw, s.heard, s.reports, s.samples, s.commands, s.shadow = s.raw[:0], s.heard[:0], s.reports[:0], s.samples[:0], s.commands[:0], s.shadow[:0]
	for _, file := range s.taken {
		if err := s.forget(file); err != nil {
			return err
		}
	}
	s.taken = s.taken[:0]
	return nil
}

// durable lets a transaction with commands survive the death of the machine too, from
// before the first of them is sent.
func (s *Session) durable(ctx context.Context) error {
	full := len(s.commands) > 0
	if full == s.synced {
		return nil
	}
	level := "NORMAL"
	if full {
		level = "FULL"
	}
	_, err := s.cfg.Store.db.ExecContext(ctx, "PRAGMA synchronous = "+level)
	s.synced = full
	return err
}

// observe reads the account.
func (s *Session) observe() {
	s.state.Margin = s.cfg.Account.Margin()
	s.state.Positions = s.state.Positions[:0]
	for _, id := range s.cfg.Symbols {
		s.state.Positions = append(s.state.Positions, s.cfg.Account.Position(id))
	}
	if s.Tripped != nil {
		s.state.Tripped = s.Tripped()
	}
	if s.Pursued != nil {
		s.state.Pursuit = s.Pursued()
	}
	if s.Limits != nil {
		s.state.Limits = s.Limits()
	}
}

func (s *Session) fill(ctx context.Context, tx *sql.Tx) error {
	batches, outputs := s.state.batches, s.state.outputs
	s.blob = s.blob[:0]
	clear(s.bound)
	if len(s.raw)+len(s.heard) > 0 {
		var err error
		if s.blob, err = encodeBatch(s.blob, s.heard, s.raw); err != nil {
			return err
		}
		if err := s.exec(ctx, tx, insertInput, batches, s.blob); err != nil {
			return err
		}
		batches++
	}
	sealed := s.sealed
	if open := batches - sealed; open >= s.sealEvery || s.unsealed+len(s.blob) >= s.sealBytes || open > 0 && s.last {
		if err := seal(ctx, tx, sealed, batches-1); err != nil {
			return fmt.Errorf("seal: %w", err)
		}
		sealed = batches
	}
	unsealed := s.unsealed + len(s.blob)
	if sealed == batches {
		unsealed = 0
	}
	clear(s.newest)
	for i := range s.reports {
		if id, ok := ordered(&s.reports[i]); ok {
			s.newest[id] = i
		}
	}
	for i := range s.reports {
		outputs++
		if err := s.report(ctx, tx, outputs, i); err != nil {
			return err
		}
	}
	if err := s.fillLive(ctx, tx); err != nil {
		return err
	}
	for _, p := range s.samples {
		if err := s.exec(ctx, tx, insertSample, int64(p.at), int64(p.margin.Wallet), int64(p.margin.Balance)); err != nil {
			return err
		}
	}
	text, err := json.Marshal(s.state)
	if err != nil {
		return err
	}
	if err := s.exec(ctx, tx, updateState, batches, outputs, string(text)); err != nil {
		return err
	}
	s.state.batches, s.state.outputs, s.sealed, s.unsealed = batches, outputs, sealed, unsealed // an error behind here ends the run
	return nil
}

// fillLive writes what a live session sent, and what its shadow said.
func (s *Session) fillLive(ctx context.Context, tx *sql.Tx) error {
	for i := range s.commands {
		c := &s.commands[i]
		text, err := c.encode()
		if err != nil {
			return err
		}
		symbol := ""
		if id, ok := c.symbol(); ok {
			symbol = s.cfg.Names(id)
		}
		s.state.Commands++
		if err := s.exec(ctx, tx, insertCommand, s.state.Commands, int64(c.At), c.Kind, symbol, text); err != nil {
			return err
		}
	}
	if s.fates != nil {
		keep := func(f *Fate) error {
			err := s.exec(ctx, tx, insertFate, f.row()...)
			if err == nil && f.Left != 0 {
				err = s.exec(ctx, tx, insertDeparture, f.ClientID, int64(f.Left))
			}
			return err
		}
		if err := s.fates.flush(keep); err != nil {
			return err
		}
	}
	for i := range s.shadow {
		r := &s.shadow[i]
		text, err := encodeReport(r)
		if err != nil {
			return err
		}
		s.state.Shadowed++
		if err := s.exec(ctx, tx, insertShadow, s.state.Shadowed, int64(r.Time), int64(r.Arrival), reportNames[r.Kind], s.symbolOf(r), text); err != nil {
			return err
		}
	}
	return nil
}

// symbolOf is the symbol that a report is about, if it is about one.
func (s *Session) symbolOf(r *exchange.Report) string {
	if r.Kind == exchange.ReportMargin {
		return ""
	}
	return s.cfg.Names(r.Symbol)
}

// The statements of a transaction; they are parsed once.
const (
	insertCommand = "INSERT INTO commands VALUES (?, ?, ?, ?, ?)"
	insertShadow  = "INSERT INTO shadow VALUES (?, ?, ?, ?, ?, ?)"
	insertInput   = "INSERT INTO inputs VALUES (?, ?)"
	insertSample  = "INSERT OR REPLACE INTO samples VALUES (?, ?, ?)"
	updateState   = "UPDATE state SET batches = ?, outputs = ?, data = ?"
	insertOutput  = "INSERT INTO outputs VALUES (?, ?, ?, ?, ?)"
	insertFill    = "INSERT INTO fills VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	replaceOrder  = "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

func (s *Session) prepare(ctx context.Context) error {
	s.statements, s.bound, s.newest = map[string]*sql.Stmt{}, map[string]*sql.Stmt{}, map[exchange.ClientID]int{}
	for _, query := range []string{insertCommand, insertShadow, insertFate, insertDeparture, insertInput, insertSample,
		updateState, insertOutput, insertFill, replaceOrder} {
		statement, err := s.cfg.Store.db.PrepareContext(ctx, query) //nolint:sqlclosecheck // closeStatements does
		if err != nil {
			return fmt.Errorf("session %s: %w", s.cfg.Store.Dir, errors.Join(err, s.closeStatements()))
		}
		s.statements[query] = statement
	}
	return nil
}

func (s *Session) closeStatements() (err error) {
	for _, statement := range s.statements {
		err = errors.Join(err, statement.Close())
	}
	return err
}

// exec runs one of the statements in a transaction.
func (s *Session) exec(ctx context.Context, tx *sql.Tx, query string, args ...any) error {
	bound := s.bound[query]
	if bound == nil {
		bound = tx.StmtContext(ctx, s.statements[query]) //nolint:sqlclosecheck // the transaction closes it
		s.bound[query] = bound
	}
	_, err := bound.ExecContext(ctx, args...)
	return err
}

// seal puts batches together, which makes them a fifth of the size.
func seal(ctx context.Context, tx *sql.Tx, first, last int64) error {
	rows, err := tx.QueryContext(ctx, "SELECT data FROM inputs WHERE batch BETWEEN ? AND ? ORDER BY batch", first, last)
	if err != nil {
		return err
	}
	defer rows.Close()
	var all, one []byte
	for rows.Next() {
		if err := rows.Scan(&one); err != nil {
			return err
		}
		all = append(all, one...)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO segments VALUES (?, ?, ?)", first, last, enc.EncodeAll(all, nil)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM inputs WHERE batch BETWEEN ? AND ?", first, last)
	return err
}

// ordered is the order whose state a report tells, if it tells one.
func ordered(r *exchange.Report) (id exchange.ClientID, ok bool) {
	return r.Order.ClientID, r.Order.ClientID != "" && (r.Kind == exchange.ReportOrder || r.Kind == exchange.ReportFill)
}

// report writes a report, and what it changes in the tables that people look at.
func (s *Session) report(ctx context.Context, tx *sql.Tx, seq int64, n int) error {
	r := &s.reports[n]
	text, err := encodeReport(r)
	if err != nil {
		return err
	}
	symbol := s.symbolOf(r)
	if err := s.exec(ctx, tx, insertOutput, seq, int64(r.Time), reportNames[r.Kind], symbol, text); err != nil {
		return err
	}
	if r.Kind == exchange.ReportFill {
		f := &r.Fill
		if err := s.exec(ctx, tx, insertFill, fillColumns(seq, symbol, f)...); err != nil {
			return err
		}
	}
	// Of an order that is reported several times, the last one counts.
	if id, ok := ordered(r); ok && s.newest[id] == n {
		err = s.exec(ctx, tx, replaceOrder, orderColumns(symbol, &r.Order)...)
	}
	return err
}

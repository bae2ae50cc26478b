package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
)

// LimitPages makes the database full when it has so many pages; 0 is no limit.
func (s *Store) LimitPages(ctx context.Context, more int) error {
	var pages int
	if err := s.db.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages+more))
	return err
}

// Hear takes in what a venue says.
func (l *Live) Hear(r exchange.Report) { l.books.report(&r) }

// Note takes in a command that was given.
func (l *Live) Note(c Command) { l.books.command(&c) }

// Known is what a new connection would be told.
func (l *Live) Known(v VenueState) *live.Known { return l.books.known(&v) }

// Doubtful are the open orders of which something was asked that was not answered.
func (l *Live) Doubtful() []exchange.ClientID { return l.books.inDoubt() }

// RefuseSegments lets a disk have no room for another segment.
func (s *Store) RefuseSegments(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "CREATE TRIGGER full BEFORE INSERT ON segments BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END")
	return err
}

// Refuse lets writing to a table fail, as a disk does that is broken.
func (s *Store) Refuse(ctx context.Context, event, table string) error {
	_, err := s.db.ExecContext(ctx, fmt.Sprintf(
		"CREATE TRIGGER refusal BEFORE %[1]s ON %[2]s BEGIN SELECT RAISE(FAIL, '%[1]s on %[2]s: no'); END", event, table))
	return err
}

// Exec changes the database, to simulate damage.
func (s *Store) Exec(ctx context.Context, query string, args ...any) error {
	_, err := s.db.ExecContext(ctx, query, args...)
	return err
}

// Allow lets writing succeed again after Refuse.
func (s *Store) Allow(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "DROP TRIGGER IF EXISTS refusal")
	return err
}

// SealAt sets how large segments become.
func (s *Session) SealAt(batches int64, bytes int) { s.sealEvery, s.sealBytes = batches, bytes }

// Paced is how far a recorded feed has come at times of the wall's clock.
func Paced(first exchange.Time, begun time.Time, speed float64, after ...time.Duration) (list []exchange.Time) {
	s := new(source)
	for i, d := range after {
		list = append(list, s.clock(first+exchange.Time(i), begun.Add(d), speed)) // the first one counts
	}
	return list
}

// Due reads a recorded feed as a session does that is in no hurry: all at once.
func Due(ctx context.Context, feed exchange.Feed) (groups [][]exchange.Event, err error) {
	s := newSource(ctx, feed, 0, nil)
	for {
		if _, err := s.first(); err != nil {
			return groups, errors.Join(err, s.close())
		}
		groups = append(groups, s.due(s.head[0].Time))
	}
}

// Rows returns a table as text, for comparison.
func (s *Store) Rows(ctx context.Context, query string) (list []string, err error) {
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		list = append(list, fmt.Sprint(values...))
	}
	return list, rows.Err()
}

// Forsake lets go of the source and nothing else, as a crash does.
func (s *Session) Forsake() error {
	return errors.Join(s.source.close(), s.closeStatements(), s.checkpoints.close())
}

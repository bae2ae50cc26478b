package session

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/dunamis-engine/dunamis/exchange"
)

// So many batches, or so many bytes of them, are put together into a compressed segment.
const (
	sealEvery = 4096
	sealBytes = 4 << 20
)

// encodeBatch appends what was heard at once: events, or, after the mark of no events,
// the reports of a live venue and the events after them.
func encodeBatch(b []byte, reports []exchange.Report, events []exchange.Event) ([]byte, error) {
	if len(reports) > 0 {
		text, err := json.Marshal(reports)
		if err != nil {
			return b, err
		}
		b = append(b, 0)
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	b = binary.AppendUvarint(b, uint64(len(events)))
	var prev exchange.Event
	for i := range events {
		b = exchange.AppendEvent(b, &events[i], &prev)
		prev = events[i]
	}
	return b, nil
}

// heard is what a batch holds.
type heard struct {
	reports []exchange.Report
	events  []exchange.Event
}

// decodeBatch reads a batch, whose events replace those of h, and returns the bytes
// behind it.
func decodeBatch(b []byte, h *heard) (rest []byte, err error) {
	h.reports, h.events = nil, h.events[:0]
	n, b, err := number(b)
	if err == nil && n == 0 {
		if b, err = decodeReports(b, h); err == nil {
			n, b, err = number(b)
		}
	}
	if err != nil {
		return nil, err
	}
	var prev exchange.Event
	for range n {
		var e exchange.Event
		if e, b, err = exchange.DecodeEvent(b, &prev); err != nil {
			return nil, err
		}
		prev = e
		h.events = append(h.events, e)
	}
	return b, nil
}

func decodeReports(b []byte, h *heard) (rest []byte, err error) {
	n, b, err := number(b)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b[:n], &h.reports); err != nil {
		return nil, fmt.Errorf("%w: reports: %w", exchange.ErrEncoding, err)
	}
	return b[n:], nil
}

// number reads how many bytes or events follow.
func number(b []byte) (n uint64, rest []byte, err error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return 0, nil, fmt.Errorf("%w: number of what follows", exchange.ErrEncoding)
	}
	return n, b[used:], nil
}

// journal reads the batches that a session has heard, in their order.
type journal struct {
	store   *Store
	next    int64 // number of the next batch
	end     int64 // number of batches that there are
	segment []byte
	buf     heard
}

func newJournal(s *Store, batches int64) *journal {
	return &journal{store: s, end: batches}
}

func (j *journal) done() bool { return j.next >= j.end }

// batch returns the next batch. It is valid until the next call.
func (j *journal) batch(ctx context.Context) (*heard, error) {
	if len(j.segment) == 0 {
		if err := j.load(ctx); err != nil {
			return nil, fmt.Errorf("session %s: journal: batch %d: %w", j.store.Dir, j.next, err)
		}
	}
	rest, err := decodeBatch(j.segment, &j.buf)
	if err != nil {
		return nil, fmt.Errorf("session %s: journal: batch %d: %w", j.store.Dir, j.next, err)
	}
	j.segment = rest
	j.next++
	return &j.buf, nil
}

// load reads the segment that the next batch is in, or else that batch alone: which it
// is may change while another process runs the session.
func (j *journal) load(ctx context.Context) error {
	for range 2 {
		err := j.store.db.QueryRowContext(ctx, "SELECT data FROM inputs WHERE batch = ?", j.next).Scan(&j.segment)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if found, err := j.loadSegment(ctx); found || err != nil {
			return err
		}
	}
	return errors.New("it is missing")
}

func (j *journal) loadSegment(ctx context.Context) (bool, error) {
	var first int64
	var data []byte
	err := j.store.db.QueryRowContext(ctx, "SELECT first_batch, data FROM segments WHERE first_batch <= ? AND last_batch >= ?", j.next, j.next).Scan(&first, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if j.segment, err = unseal(data); err != nil {
		return false, err
	}
	for ; first < j.next; first++ {
		if j.segment, err = decodeBatch(j.segment, &j.buf); err != nil {
			return false, err
		}
	}
	return true, nil
}

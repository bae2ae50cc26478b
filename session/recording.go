package session

import (
	"context"
	"io"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Recording is the market that a session heard, as a feed for others, in the order in
// which it was heard. The time of an event is, of a session that heard it live, the time
// of hearing, as it was for that session. What the operator asked for is left out.
type Recording struct {
	store   *Store
	live    bool
	journal *journal
	batch   []exchange.Event
	skipped []int64
	number  int64 // of the newest event that was read
}

// OpenRecording reads the session in a directory, which may be running; live says
// whether it heard its prices live.
func OpenRecording(ctx context.Context, dir string, live bool) (*Recording, error) {
	s, err := Read(ctx, dir)
	if err != nil {
		return nil, err
	}
	state, err := s.State(ctx)
	if err != nil {
		_ = s.Close() // the first error is the one to tell
		return nil, err
	}
	return &Recording{store: s, live: live, journal: newJournal(s, state.batches), skipped: state.Skipped}, nil
}

// Next implements exchange.Feed.
func (r *Recording) Next(ctx context.Context, events []exchange.Event) (n int, err error) {
	for n < len(events) {
		if len(r.batch) == 0 {
			if r.journal.done() {
				break
			}
			h, err := r.journal.batch(ctx)
			if err != nil {
				return n, err
			}
			r.batch = h.events
			continue
		}
		e := r.batch[0]
		r.batch = r.batch[1:]
		r.number++
		if e.Kind == exchange.KindOperator || slices.Contains(r.skipped, r.number) {
			continue
		}
		if r.live {
			e.Time = e.Arrival
		}
		events[n] = e
		n++
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Close implements exchange.Feed.
func (r *Recording) Close() error { return r.store.Close() }

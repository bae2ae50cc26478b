package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// source reads a feed ahead of the session, in a goroutine of its own.
type source struct {
	feed    exchange.Feed
	batches chan []exchange.Event
	ready   chan struct{} // receives when a batch has come
	stop    context.CancelFunc
	group   sync.WaitGroup
	check   func(*exchange.Event) // replaces an event that is out of bounds; nil: nothing is checked
	head    []exchange.Event      // taken from batches and not handed out
	err     error                 // of the feed; set before batches is closed

	paced   bool
	started time.Time // by the clock
	from    exchange.Time
}

const (
	sourceBatches = 64
	sourceRows    = 1024
)

// newSource skips what the session has heard already.
func newSource(ctx context.Context, feed exchange.Feed, skip int64, check func(*exchange.Event)) *source {
	ctx, stop := context.WithCancel(ctx)
	s := &source{feed: feed, batches: make(chan []exchange.Event, sourceBatches), ready: make(chan struct{}, 1),
		stop: stop, check: check}
	s.group.Go(func() { s.read(ctx, skip) })
	return s
}

func (s *source) read(ctx context.Context, skip int64) {
	defer close(s.batches)
	buf := make([]exchange.Event, sourceRows)
	for {
		n, err := s.feed.Next(ctx, buf)
		if s.check != nil {
			for i := range buf[:n] {
				s.check(&buf[i])
			}
		}
		batch := buf[min(skip, int64(n)):n]
		skip -= int64(n - len(batch))
		if len(batch) > 0 {
			select {
			case s.batches <- append([]exchange.Event(nil), batch...):
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		if err != nil {
			s.err = err
		}
		select {
		case s.ready <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (s *source) close() error {
	s.stop()
	s.group.Wait()
	return s.feed.Close()
}

// push puts an event before those that come.
func (s *source) push(e exchange.Event) { s.head = append(s.head, e) }

// ended is why there is nothing more. batches is closed.
func (s *source) ended() error {
	if errors.Is(s.err, io.EOF) {
		return io.EOF
	}
	return fmt.Errorf("prices: %w", s.err)
}

// messages returns the whole messages that have come, without waiting for one.
func (s *source) messages() ([]exchange.Event, error) {
	open := s.take()
	whole := len(s.head)
	for whole > 0 && s.head[whole-1].Flags&exchange.FlagLast == 0 {
		whole--
	}
	if whole == 0 && !open {
		return nil, s.ended()
	}
	events := s.head[:whole:whole]
	s.head = s.head[whole:]
	return events, nil
}

// take puts what has come at the end of head. It returns false when no more will.
func (s *source) take() bool {
	for {
		select {
		case batch, open := <-s.batches:
			if !open {
				return false
			}
			s.head = append(s.head, batch...)
		default:
			return true
		}
	}
}

// pull waits for a batch of a recorded feed. It returns false at the end.
func (s *source) pull() bool {
	batch, open := <-s.batches
	s.head = append(s.head, batch...)
	return open
}

// first returns when the next event of a recorded feed is due.
func (s *source) first() (exchange.Time, error) {
	if len(s.head) == 0 && !s.pull() {
		return 0, s.ended()
	}
	return s.head[0].Time, nil
}

// clock says how far a recorded feed has come.
func (s *source) clock(first exchange.Time, wall time.Time, speed float64) exchange.Time {
	if speed == 0 {
		return exchange.Never
	}
	if !s.paced {
		s.paced, s.started, s.from = true, wall, first
	}
	return s.from.Add(time.Duration(float64(wall.Sub(s.started)) * speed))
}

// due returns events of a recorded feed up to a time: at least one, and all of the time
// of the last one.
func (s *source) due(now exchange.Time) []exchange.Event {
	n := 0
	for n < len(s.head) && s.head[n].Time <= now {
		n++
	}
	for n == len(s.head) && s.pull() {
		for n < len(s.head) && s.head[n].Time == s.head[n-1].Time {
			n++
		}
	}
	events := s.head[:n:n]
	s.head = s.head[n:]
	return events
}

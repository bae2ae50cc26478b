package data

import (
	"context"
	"sync"
)

// streamBlocks is how many blocks circulate between the decoder of a stream and
// the merge: one being read, one waiting, one being decoded.
const streamBlocks = 3

// stream decodes one stream ahead of the merge. Its goroutine ends when the
// rows do, on an error, or when its context is cancelled; stop waits for it.
type stream struct {
	rows  rows
	ready chan *block
	free  chan *block
	done  sync.WaitGroup
}

func newStream(ctx context.Context, r rows, l *layout, size int) *stream {
	s := &stream{rows: r, ready: make(chan *block, streamBlocks), free: make(chan *block, streamBlocks)}
	for range streamBlocks {
		s.free <- newBlock(l, size)
	}
	s.done.Go(func() { s.decode(ctx) })
	return s
}

func (s *stream) decode(ctx context.Context) {
	for {
		var b *block
		select {
		case b = <-s.free:
		case <-ctx.Done():
			return
		}
		b.n = 0
		b.err = s.rows.next(b)
		if b.err != nil {
			b.n = 0
		}
		failed := b.err != nil // b belongs to the reader once it is sent
		s.ready <- b           // never waits: there is room for every block
		if failed {
			return
		}
	}
}

// take gives a used block back, which may be nil, and waits for the next.
func (s *stream) take(ctx, life context.Context, used *block) (*block, error) {
	if used != nil {
		s.free <- used
	}
	select {
	case b := <-s.ready: // usually there
		return b, b.err
	default:
	}
	select {
	case b := <-s.ready:
		return b, b.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-life.Done():
		return nil, life.Err()
	}
}

// wait returns when the goroutine, whose context has been cancelled, is gone,
// and closes what it read.
func (s *stream) wait() error {
	s.done.Wait()
	return s.rows.close()
}

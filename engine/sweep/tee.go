package sweep

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/dunamis-engine/dunamis/exchange"
)

const (
	batchEvents = 1024 // few enough to stay in the cache until the last reader has copied them
	batchesHeld = 4    // how far the fastest reader may be ahead of the slowest
)

// batch is events that every reader copies. The last one to be done with it gives
// it back.
type batch struct {
	events []exchange.Event
	n      int
	err    error // after the events; io.EOF at the end
	left   atomic.Int32
}

// ErrClosed is what a reader of a [Tee] says once it was closed.
var ErrClosed = errors.New("the feed is closed")

// Tee reads a feed once and gives its events to several readers, each of which is a
// feed of its own for a goroutine of its own. The fastest reader waits for the
// slowest when it is a few batches ahead, so all of them must be read, or closed,
// at the same time. A reader that is no longer read may be closed by any goroutine, so
// that the others go on.
type Tee struct {
	source  exchange.Feed
	readers []*reader
	free    chan *batch
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

// NewTee starts to read a feed for n readers. The feed belongs to the tee, which
// closes it. Cancelling the context ends all readers.
func NewTee(ctx context.Context, source exchange.Feed, n int) *Tee {
	ctx, cancel := context.WithCancel(ctx)
	t := &Tee{source: source, free: make(chan *batch, batchesHeld), cancel: cancel}
	for range batchesHeld {
		t.free <- &batch{events: make([]exchange.Event, batchEvents)}
	}
	for range n {
		t.readers = append(t.readers, &reader{tee: t, in: make(chan *batch, batchesHeld), closed: make(chan struct{})})
	}
	t.done.Add(1)
	go func() {
		defer t.done.Done()
		t.pump(ctx)
	}()
	return t
}

// Feed returns the i-th reader.
func (t *Tee) Feed(i int) exchange.Feed { return t.readers[i] }

// Close ends all readers, waits for the goroutine that reads and closes the feed.
func (t *Tee) Close() error {
	t.cancel()
	t.done.Wait()
	return t.source.Close()
}

// pump fills batches and hands them out until the feed ends.
func (t *Tee) pump(ctx context.Context) {
	for {
		var b *batch
		select {
		case b = <-t.free:
		case <-ctx.Done():
			t.end(ctx.Err())
			return
		}
		b.n, b.err = t.source.Next(ctx, b.events)
		if b.n == 0 && b.err == nil {
			t.free <- b // there is room: b came from there
			continue
		}
		ended := b.err != nil
		t.hand(ctx, b)
		if ended || ctx.Err() != nil { // a reader may have gone without this batch: it must not get the next
			t.end(ctx.Err())
			return
		}
	}
}

// hand gives a batch to every reader that is open.
func (t *Tee) hand(ctx context.Context, b *batch) {
	b.left.Store(int32(len(t.readers)))
	for _, r := range t.readers {
		select {
		case r.in <- b:
			if r.isClosed() { // perhaps after it looked for what it had been given
				r.drain()
			}
		case <-r.closed:
			t.give(b)
		case <-ctx.Done():
			t.give(b)
		}
	}
}

// give says that one reader is done with a batch.
func (t *Tee) give(b *batch) {
	if b.left.Add(-1) == 0 {
		t.free <- b
	}
}

// end tells the readers that nothing more comes.
func (t *Tee) end(err error) {
	for _, r := range t.readers {
		r.cause = err
		close(r.in)
	}
}

// reader is one of the feeds.
type reader struct {
	tee    *Tee
	in     chan *batch
	closed chan struct{}
	cause  error // why in was closed early

	mu  sync.Mutex // of what follows: Close may come from another goroutine
	now *batch
	pos int
	err error
}

// Next implements exchange.Feed.
func (r *reader) Next(ctx context.Context, events []exchange.Event) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil || len(events) == 0 {
		return 0, r.err
	}
	if r.now == nil {
		if err := r.wait(ctx); err != nil {
			return 0, err
		}
	}
	b := r.now
	n := copy(events, b.events[r.pos:b.n])
	r.pos += n
	if r.pos < b.n {
		return n, nil
	}
	r.err, r.now = b.err, nil
	r.tee.give(b)
	if n > 0 && errors.Is(r.err, io.EOF) {
		return n, nil // the next call says it
	}
	return n, r.err
}

// wait takes the next batch. It is called with the lock and lets go of it meanwhile.
func (r *reader) wait(ctx context.Context) error {
	r.mu.Unlock()
	var b *batch
	ok := true
	var err error
	select {
	case b, ok = <-r.in:
	case <-r.closed:
	case <-ctx.Done():
		err = ctx.Err()
	}
	r.mu.Lock()
	switch {
	case r.isClosed(): // perhaps while it waited
		if b != nil {
			r.tee.give(b)
		}
		return r.err
	case err != nil:
		return err
	case !ok:
		r.err = r.cause
		if r.err == nil {
			r.err = io.ErrUnexpectedEOF
		}
		return r.err
	}
	r.now, r.pos = b, 0
	return nil
}

// Close implements exchange.Feed: the other readers no longer wait for this one. It
// may be called by any goroutine, also while another is in Next.
func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isClosed() {
		return nil
	}
	close(r.closed)
	r.err = ErrClosed
	if r.now != nil {
		r.tee.give(r.now)
		r.now = nil
	}
	r.drain()
	return nil
}

func (r *reader) isClosed() bool {
	select {
	case <-r.closed:
		return true
	default:
		return false
	}
}

// drain gives back what a closed reader will not read.
func (r *reader) drain() {
	for {
		select {
		case b, ok := <-r.in:
			if !ok {
				return
			}
			r.tee.give(b)
		default:
			return
		}
	}
}

package bitmex

import (
	"context"
	"sync"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// errand is a command that waits for its turn.
type errand struct {
	do func(context.Context)
	// order is what the errand would place, and drop what there is to do if it is not to
	// be placed any more. nil: it is something else.
	order *exchange.NewOrder
	drop  func()
	// name is what the errand is, if an earlier one of the same name that still waits is
	// void once this one is given.
	name string
}

// lane carries commands out one after another, in the order in which they were
// given; with several goroutines in run, as many at once. Giving one never waits.
type lane struct {
	mu      sync.Mutex
	waiting []errand
	pending int
	begun   time.Time // of the errand taken last that is not done; zero: none is
	more    chan struct{}
	empty   chan struct{} // closed while nothing is pending
}

func newLane() *lane {
	l := &lane{more: make(chan struct{}, 1), empty: make(chan struct{})}
	close(l.empty)
	return l
}

func (l *lane) give(f func(context.Context)) { l.add(errand{do: f}) }

func (l *lane) add(e errand) {
	l.mu.Lock()
	l.begin()
	l.waiting = append(l.waiting, e)
	l.mu.Unlock()
	l.wake()
}

// begin counts an errand. The caller holds the lock.
func (l *lane) begin() {
	if l.pending == 0 {
		l.empty = make(chan struct{})
	}
	l.pending++
}

// overtake gives an errand that goes before all that wait, and returns the orders among
// them that it makes void: they wait no more.
func (l *lane) overtake(name string, f func(context.Context), void func(*exchange.NewOrder) bool) (dropped []errand) {
	l.mu.Lock()
	defer l.wake()
	defer l.mu.Unlock()
	l.begin()
	kept := []errand{{do: f, name: name}}
	for _, e := range l.waiting {
		switch {
		case e.order != nil && void(e.order):
			dropped = append(dropped, e)
			l.pending--
		case name != "" && e.name == name:
			l.pending--
		default:
			kept = append(kept, e)
		}
	}
	l.waiting = kept
	return dropped
}

func (l *lane) wake() {
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// run carries commands out until the context ends.
func (l *lane) run(ctx context.Context) {
	for {
		f := l.take()
		if f.do == nil {
			select {
			case <-l.more:
				continue
			case <-ctx.Done():
				return
			}
		}
		f.do(ctx)
		l.done()
		if ctx.Err() != nil {
			return
		}
	}
}

func (l *lane) take() (f errand) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return f
	}
	f = l.waiting[0]
	l.begun = time.Now()
	l.waiting[0] = errand{}
	l.waiting = l.waiting[1:]
	if len(l.waiting) > 0 {
		l.wake() // for another goroutine
	}
	return f
}

func (l *lane) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun = time.Time{}
	if l.pending--; l.pending == 0 {
		close(l.empty)
	}
}

// stuck reports whether the errand that is under way has been for longer than a time.
func (l *lane) stuck(than time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.begun.IsZero() && time.Since(l.begun) > than
}

// idle waits until nothing is pending.
func (l *lane) idle(ctx context.Context) error {
	l.mu.Lock()
	empty := l.empty
	l.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

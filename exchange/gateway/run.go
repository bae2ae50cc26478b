package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Replay says how a feed is paced.
type Replay struct {
	// Speed is how many seconds of the feed pass in one of the wall's. 0: the feed
	// goes as fast as it can be read, and requests are served between its events.
	Speed float64
	// From is where the pace begins: what is earlier is taken in at once.
	From exchange.Time
	// Ready is called when the pace begins. May be nil.
	Ready func()
}

// Run makes the calling goroutine the owner until the context ends: it paces the feed,
// and answers requests. Events out of bounds become gaps. After the end of the feed the market stands still while its
// clock goes on at the wall's speed. An error of the feed ends it. The feed stays the
// caller's to close.
func (g *Gateway) Run(ctx context.Context, feed exchange.Feed, r Replay) (err error) {
	defer g.stop()
	defer g.recovered(&err)
	ctx, cancel := context.WithCancel(ctx)
	batches, check := make(chan batch, 2), g.checker()
	done := make(chan struct{})
	go func() { defer close(done); readFeed(ctx, feed, batches, check) }()
	defer func() { cancel(); <-done }()
	p := pacer{g: g, replay: r, batches: batches}
	if err := p.warmUp(ctx); err != nil {
		return ended(err)
	}
	if r.Ready != nil {
		r.Ready()
	}
	return ended(p.run(ctx))
}

// ended makes the end of a context the end of a run.
func ended(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// batch is a piece of the feed, or why there are no more.
type batch struct {
	events []exchange.Event
	err    error
}

func readFeed(ctx context.Context, feed exchange.Feed, out chan<- batch, check func(*exchange.Event)) {
	buf := make([]exchange.Event, 4096)
	for {
		n, err := feed.Next(ctx, buf)
		for i := range buf[:n] {
			check(&buf[i])
		}
		select {
		case out <- batch{slices.Clone(buf[:n]), err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// pacer holds a feed to its clock.
type pacer struct {
	g       *Gateway
	replay  Replay
	batches <-chan batch
	events  []exchange.Event
	end     bool
	origin  exchange.Time // of the feed
	began   time.Time     // of the wall
	speed   float64
}

// fill makes sure that there is an event, unless the feed has ended.
func (p *pacer) fill(ctx context.Context) error {
	for len(p.events) == 0 && !p.end {
		select {
		case b := <-p.batches:
			if err := p.receive(b); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (p *pacer) receive(b batch) error {
	p.events = b.events
	switch {
	case errors.Is(b.err, io.EOF):
		p.end = true
	case b.err != nil:
		return fmt.Errorf("feed: %w", b.err)
	}
	return nil
}

// warmUp takes in what is earlier than the pace.
func (p *pacer) warmUp(ctx context.Context) error {
	for {
		if err := p.fill(ctx); err != nil {
			return err
		}
		if len(p.events) == 0 || p.events[0].Time >= p.replay.From {
			break
		}
		if err := p.take(ctx); err != nil {
			return err
		}
	}
	if len(p.events) > 0 {
		p.g.now = max(p.g.now, p.events[0].Time)
	}
	p.clock(p.replay.Speed)
	return p.g.advance(ctx, p.g.now)
}

// clock begins a new pace at the gateway's now.
func (p *pacer) clock(speed float64) { p.origin, p.began, p.speed = p.g.now, time.Now(), speed }

// now is what the feed's clock shows.
func (p *pacer) now() exchange.Time {
	return p.origin.Add(time.Duration(float64(time.Since(p.began)) * p.speed))
}

// until is how long the wall takes to get to an instant of the feed.
func (p *pacer) until(t exchange.Time) time.Duration {
	if t == exchange.Never {
		return time.Hour
	}
	return min(time.Hour, time.Duration(float64(t.Sub(p.now()))/p.speed))
}

func (p *pacer) take(ctx context.Context) error {
	ev := p.events[0]
	p.events = p.events[1:]
	return p.g.step(ctx, &ev)
}

func (p *pacer) run(ctx context.Context) error {
	for {
		if p.end && len(p.events) == 0 && p.speed != 1 {
			p.clock(1)
		}
		step := p.wait
		if p.speed == 0 {
			step = p.hurry
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
}

// hurry takes one event and then what is asked.
func (p *pacer) hurry(ctx context.Context) error {
	if err := p.fill(ctx); err != nil || len(p.events) == 0 {
		return err
	}
	if err := p.take(ctx); err != nil {
		return err
	}
	for {
		select {
		case f := <-p.g.work:
			f()
		case <-ctx.Done():
			return ctx.Err()
		default:
			return nil
		}
	}
}

// wait does what is next due when its time has come, and what is asked before. A feed
// may be silent for long: a live one has no events that are not due.
func (p *pacer) wait(ctx context.Context) error {
	event := exchange.Never
	var more <-chan batch
	switch {
	case len(p.events) > 0:
		event = p.events[0].Time
	case !p.end:
		more = p.batches
	}
	due := min(event, p.g.next())
	if d := p.until(due); d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case f := <-p.g.work:
			// A request sees the market at the clock's now: nothing is due before it.
			if err := p.g.advance(ctx, min(p.now(), due-1)); err != nil {
				return err
			}
			f()
			return nil
		case b := <-more:
			return p.receive(b)
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if due == event && event != exchange.Never {
		return p.take(ctx)
	}
	if due == exchange.Never {
		return nil
	}
	return p.g.advance(ctx, due)
}

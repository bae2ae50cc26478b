package synth

import (
	"context"
	"io"
	"time"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// Feed is a market as an exchange.Feed, in the total order of events. It needs
// little memory: every stream is drawn by a generator of its own, and all of
// them draw the same market.
type Feed struct {
	streams []*stream
	closed  bool
}

var _ exchange.Feed = (*Feed)(nil)

// New returns the market that a configuration describes.
func New(c Config) (*Feed, error) {
	c.setDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	f := new(Feed)
	for i, kind := range c.Kinds {
		f.streams = append(f.streams, newStream(&c, kind, uint16(i)))
	}
	return f, nil
}

// Next implements exchange.Feed.
func (f *Feed) Next(ctx context.Context, events []exchange.Event) (int, error) {
	if f.closed {
		return 0, data.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	for n := range events {
		s := f.first()
		if s == nil {
			if n == 0 {
				return 0, io.EOF
			}
			return n, nil
		}
		events[n] = s.queue[s.pos]
		s.pos++
	}
	return len(events), nil
}

// first returns the stream whose event comes next, or nil at the end.
func (f *Feed) first() *stream {
	var first *stream
	for _, s := range f.streams {
		if !s.load() {
			continue
		}
		if first == nil || s.before(first) {
			first = s
		}
	}
	return first
}

// Close implements exchange.Feed.
func (f *Feed) Close() error {
	f.closed = true
	return nil
}

// Write puts the streams of a configuration into a catalog, as one import.
func Write(ctx context.Context, catalog *data.Catalog, c Config) (data.CommitReport, error) {
	c.setDefaults()
	if err := c.validate(); err != nil {
		return data.CommitReport{}, err
	}
	src, err := c.source()
	if err != nil {
		return data.CommitReport{}, err
	}
	tx, err := catalog.NewTx(src)
	if err != nil {
		return data.CommitReport{}, err
	}
	defer tx.Abort() //nolint:errcheck // after a commit there is nothing left to abort
	for i, kind := range c.Kinds {
		s := newStream(&c, kind, uint16(i))
		for s.load() {
			if err := ctx.Err(); err != nil {
				return data.CommitReport{}, err
			}
			if err := tx.Write(c.key(kind), s.queue[s.pos:]); err != nil {
				return data.CommitReport{}, err
			}
			s.pos = len(s.queue)
		}
	}
	return tx.Commit(ctx)
}

// stream draws one stream of a market.
type stream struct {
	index uint16
	more  func([]exchange.Event) ([]exchange.Event, bool) // appends events; false at the end
	queue []exchange.Event
	pos   int
	ended bool
}

// batch is about how many events a generator draws at a time.
const batch = 1024

// load makes sure that there is an event, and reports whether there is.
func (s *stream) load() bool {
	if s.pos < len(s.queue) {
		return true
	}
	s.queue, s.pos = s.queue[:0], 0
	for len(s.queue) < batch && !s.ended {
		var ok bool
		s.queue, ok = s.more(s.queue)
		s.ended = !ok
	}
	for i := range s.queue {
		s.queue[i].Stream = s.index
	}
	return len(s.queue) > 0
}

func (s *stream) before(o *stream) bool {
	a, b := &s.queue[s.pos], &o.queue[o.pos]
	switch {
	case a.Time != b.Time:
		return a.Time < b.Time
	case a.Kind != b.Kind:
		return a.Kind < b.Kind
	}
	return a.Stream < b.Stream
}

func newStream(c *Config, kind string, index uint16) *stream {
	s := &stream{index: index}
	interval, bar := data.ParseBarKind(kind)
	switch {
	case !bar:
		s.more = ticks(c, kind)
	case c.barsOnly():
		s.more = drawnBars(c, interval)
	default:
		s.more = tradeBars(c, interval)
	}
	return s
}

func ticks(c *Config, kind string) func([]exchange.Event) ([]exchange.Event, bool) {
	m := newMarket(c)
	return func(out []exchange.Event) ([]exchange.Event, bool) {
		msg := m.next()
		if msg == nil {
			return out, false
		}
		switch kind {
		case data.KindTrade:
			return append(out, msg.trades...), true
		case data.KindQuote:
			return append(out, msg.quotes...), true
		}
		return append(out, msg.book...), true
	}
}

// tradeBars makes bars of the trades of a market of ticks.
func tradeBars(c *Config, interval time.Duration) func([]exchange.Event) ([]exchange.Event, bool) {
	m, b := newMarket(c), newBarrer(c, interval)
	b.roll(c.From, exchange.Price(m.bid)*m.tick)
	return func(out []exchange.Event) ([]exchange.Event, bool) {
		b.out = b.out[:0]
		msg := m.next()
		if msg == nil {
			b.roll(c.To, b.bar.Close)
			return append(out, b.out...), false
		}
		b.roll(m.now, b.bar.Close)
		for i := range msg.trades {
			t := msg.trades[i].Trade()
			b.trade(m.now, t.Price, t.Qty, 1)
		}
		return append(out, b.out...), true
	}
}

// drawnBars makes bars without ticks. All intervals see the same prices.
func drawnBars(c *Config, interval time.Duration) func([]exchange.Event) ([]exchange.Event, bool) {
	shortest := interval
	for _, kind := range c.Kinds {
		if other, ok := data.ParseBarKind(kind); ok {
			shortest = gcd(shortest, other)
		}
	}
	d, b := newDrawn(c, shortest), newBarrer(c, interval)
	return func(out []exchange.Event) ([]exchange.Event, bool) {
		b.out = b.out[:0]
		at, p, q, trades, ok := d.next()
		if !ok {
			b.roll(c.To, b.bar.Close)
			return append(out, b.out...), false
		}
		b.roll(at, p)
		if trades > 0 {
			b.trade(at, p, q, trades)
		}
		return append(out, b.out...), true
	}
}

func gcd(a, b time.Duration) time.Duration {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

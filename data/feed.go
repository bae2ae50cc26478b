package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Query selects what a feed reads.
type Query struct {
	// Instruments gives every event its SymbolID; it must know the symbols of
	// all streams.
	Instruments *exchange.Instruments
	// Streams are merged; an event's Stream is the index in this list.
	Streams []Key
	// From is inclusive and To exclusive; a zero To is open. A book whose range
	// begins within a day begins at the last snapshot of that day at or before
	// From, so that it is whole; those events keep their times, which are before
	// From.
	From, To exchange.Time
	// Unbounded gives rows as they are, also those that the terms of their instrument can
	// not value: for what copies data and works nothing out of it. Otherwise they end the
	// feed with a [*ValueError].
	Unbounded bool
	// BatchRows is how many rows of a stream are decoded at a time, 4096 if 0.
	// It changes the speed and the memory, never the events.
	BatchRows int
}

// Feed is history: the exchange.Feed of a catalog. It gives the events of its
// streams in the total order (Time, Kind, Stream, position). It is owned by one
// goroutine and keeps one of its own for each stream, which Close waits for.
type Feed struct {
	life    context.Context //nolint:containedctx // the life of the decoders, which outlast the call that starts them
	cancel  context.CancelFunc
	c       *Catalog
	query   Query
	streams []*stream
	heads   []*head // of all streams
	merge   merge
	used    usedParts
	err     error // that ended the feed
	closed  bool
}

var _ exchange.Feed = (*Feed)(nil)

// Feed starts to read. It returns a [*NoDataError] if a stream has no row in
// the range. Cancelling the context ends the feed.
func (c *Catalog) Feed(ctx context.Context, q Query) (*Feed, error) {
	q.Streams = slices.Clone(q.Streams)
	if q.BatchRows <= 0 {
		q.BatchRows = blockRows
	}
	heads, err := newHeads(q)
	if err != nil {
		return nil, err
	}
	f := &Feed{c: c, query: q}
	f.life, f.cancel = context.WithCancel(ctx)
	for i, key := range q.Streams {
		if err := f.start(key, heads[i]); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	for i, key := range q.Streams {
		if err := f.prime(ctx, key, heads[i]); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	f.heads, f.merge = heads, newMerge(heads)
	return f, nil
}

// newHeads checks a query and returns the head of each stream.
func newHeads(q Query) ([]*head, error) {
	switch {
	case q.Instruments == nil:
		return nil, errors.New("query: no instruments")
	case len(q.Streams) == 0:
		return nil, errors.New("query: no streams")
	case len(q.Streams) > math.MaxUint16+1:
		return nil, fmt.Errorf("query: %d streams; at most %d can be merged", len(q.Streams), math.MaxUint16+1)
	case q.To != 0 && q.To <= q.From:
		return nil, fmt.Errorf("query: the range %s to %s is empty", q.From, q.To)
	}
	heads := make([]*head, len(q.Streams))
	for i, key := range q.Streams {
		if err := key.validate(); err != nil {
			return nil, err
		}
		instrument, err := q.Instruments.Lookup(key.Venue, key.Symbol)
		if err != nil {
			return nil, err
		}
		rule := newGapRule(key.Kind, instrument, 0)
		heads[i] = &head{kind: layoutOf(key.Kind).event, symbol: instrument.ID, index: uint16(i), bounds: instrument.Bounds(),
			gaps: gapCounter{rule: rule, Gaps: Gaps{Key: key, Most: time.Duration(rule.most)}}}
	}
	return heads, nil
}

// end returns the exclusive end of the range.
func (q *Query) end() exchange.Time {
	if q.To == 0 {
		return exchange.Never
	}
	return q.To
}

func (f *Feed) start(key Key, h *head) error {
	l := layoutOf(key.Kind)
	src, err := f.c.source(key, f.query.From, f.query.end())
	if err != nil {
		return err
	}
	src.seen = f.used.add
	if !f.query.Unbounded {
		src.bounds = &h.bounds
	}
	var r rows = src
	if l.event == exchange.KindBook || l.event == exchange.KindOrder {
		if r, err = src.wholeBook(key); err != nil {
			return err
		}
	}
	h.stream = newStream(f.life, r, l, f.query.BatchRows)
	f.streams = append(f.streams, h.stream)
	return nil
}

// prime waits for the first rows of a stream.
func (f *Feed) prime(ctx context.Context, key Key, h *head) error {
	b, err := h.stream.take(ctx, f.life, nil)
	if err == io.EOF { //nolint:errorlint // rows promise the plain value
		return f.noData(ctx, key)
	}
	h.next(b)
	return err
}

func (f *Feed) noData(ctx context.Context, key Key) error {
	e := &NoDataError{Key: key, From: f.query.From, To: f.query.To, Root: f.c.root}
	held, err := f.c.streamInfo(ctx, key)
	if err != nil {
		return errors.Join(e, err)
	}
	e.First, e.Last = held.First, held.Last
	return e
}

// Next implements exchange.Feed.
func (f *Feed) Next(ctx context.Context, events []exchange.Event) (int, error) {
	switch {
	case f.closed:
		return 0, ErrClosed
	case f.err != nil:
		return 0, f.err
	}
	n := 0
	for n < len(events) {
		h, limit := f.merge.pick()
		if h == nil {
			break
		}
		run := h.run(limit, len(events)-n)
		h.fill(events[n : n+run])
		n += run
		h.pos += run
		if h.pos < h.b.n {
			f.merge.moved(h)
			continue
		}
		if err := f.refill(ctx, h); err != nil {
			return n, err
		}
	}
	if n == 0 && len(events) > 0 {
		f.err = io.EOF
	}
	return n, f.err
}

// refill gets the next rows of a stream, or takes it out of the merge.
func (f *Feed) refill(ctx context.Context, h *head) error {
	b, err := h.stream.take(ctx, f.life, h.b)
	h.b = nil
	switch {
	case err == nil:
		h.next(b)
		f.merge.moved(h)
		return nil
	case errors.Is(err, io.EOF):
		f.merge.remove(h)
		return nil
	}
	f.err = err
	return err
}

// Gaps returns the holes of each stream as far as the feed has read it, in the order of
// the query. They are complete when Next has returned io.EOF.
func (f *Feed) Gaps() []Gaps {
	gaps := make([]Gaps, len(f.heads))
	for i, h := range f.heads {
		gaps[i] = h.gaps.Gaps
	}
	return gaps
}

// Close implements exchange.Feed.
func (f *Feed) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	f.cancel()
	var errs []error
	for _, s := range f.streams {
		errs = append(errs, s.wait())
	}
	return errors.Join(errs...)
}

// Digest returns the parts that the feed reads, sorted by path, for the manifest
// of a run. It may be called at any time, also after Close, and reads the
// footers of the parts that the feed has not come to.
func (f *Feed) Digest() ([]PartInfo, error) {
	for _, key := range f.query.Streams {
		if err := f.rest(key); err != nil {
			return nil, err
		}
	}
	return f.used.sorted(), nil
}

// rest adds the parts of a stream that have not been opened yet.
func (f *Feed) rest(key Key) error {
	src, err := f.c.source(key, f.query.From, f.query.end())
	if err != nil {
		return err
	}
	for _, p := range src.todo {
		if err := f.restOf(src, p); err != nil {
			return err
		}
	}
	return nil
}

func (f *Feed) restOf(src *source, p partition) error {
	for _, name := range p.parts {
		if f.used.has(p.dir + "/" + name) {
			continue
		}
		part, err := f.c.openPart(p.dir, name, src.layout)
		if err != nil {
			return err
		}
		if part.last() >= src.from && part.first() < src.to {
			f.used.add(part)
		}
		if err := part.close(); err != nil {
			return err
		}
	}
	return nil
}

// usedParts collects the parts that the decoders open.
type usedParts struct {
	mu   sync.Mutex
	list map[string]PartInfo
}

func (u *usedParts) add(p *part) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.list == nil {
		u.list = make(map[string]PartInfo)
	}
	u.list[p.path] = PartInfo{Path: p.path, Input: p.source.Digest, Rows: p.rows}
}

func (u *usedParts) has(path string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, ok := u.list[path]
	return ok
}

func (u *usedParts) sorted() []PartInfo {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := make([]PartInfo, 0, len(u.list))
	for _, p := range u.list {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b PartInfo) int { return strings.Compare(a.Path, b.Path) })
	return out
}

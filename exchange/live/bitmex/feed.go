package bitmex

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
)

// FeedConfig describes what a feed listens to.
type FeedConfig struct {
	Config
	Instruments *exchange.Instruments
	Symbols     []exchange.SymbolID
	// Tables are the public tables to hear. nil: orderBookL2, trade, instrument and
	// liquidation. Others that make events: orderBookL2_25 and quote.
	Tables []string
	Now    func() exchange.Time // clock of arrivals; nil: the wall's
	// Stale, if set, is how long the book of a symbol may not change until it is asked for
	// again: a table that the venue has stopped to publish looks like a quiet market.
	Stale time.Duration
	// Buffer is how many events may wait until they are dropped, with a gap. 0: a million.
	Buffer int
}

// Feed is an exchange.Feed of the public stream. When the connection breaks, or a
// table does not fit its changes, it connects again: a gap event says what is missing,
// and the books begin anew.
type Feed struct {
	cfg    FeedConfig
	socket *live.Socket
	tables *tables
	stop   context.CancelFunc
	group  sync.WaitGroup
	args   []byte // of the subscription
	clock  *live.Clock
	fresh  bool // the connection has shown market data that was not behind

	mu     sync.Mutex
	events []exchange.Event
	head   int // events before it are taken
	more   chan struct{}
	last   exchange.Time // of the newest event
	gap    exchange.Time // since when events are missing; 0: none are
	err    error         // ends the feed
	closed bool
}

var _ exchange.Feed = (*Feed)(nil)

// NewFeed starts to listen.
func NewFeed(ctx context.Context, c FeedConfig) (*Feed, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	if c.Instruments == nil || len(c.Symbols) == 0 {
		return nil, errors.New("bitmex: instruments and symbols are needed")
	}
	if c.Tables == nil {
		c.Tables = []string{"orderBookL2", "trade", "instrument", "liquidation"}
	}
	if c.Now == nil {
		c.Now = func() exchange.Time { return exchange.TimeOf(time.Now()) }
	}
	if c.Buffer <= 0 {
		c.Buffer = 1_000_000
	}
	f := &Feed{cfg: c, more: make(chan struct{}, 1), clock: live.NewClock(c.Log, c.Metrics)}
	var list []*exchange.Instrument
	var topics []string
	for _, id := range c.Symbols {
		i := c.Instruments.Get(id)
		list = append(list, i)
		for _, t := range c.Tables {
			topics = append(topics, t+":"+i.Symbol)
		}
	}
	var err error
	if f.args, err = json.Marshal(topics); err != nil {
		return nil, err
	}
	f.tables = newTables(list)
	f.tables.skipped = func(row string) {
		f.cfg.Metrics.Refused.WithLabelValues("market").Inc()
		f.cfg.Log.Warn("settlement row skipped: it is no trade", "venue", "bitmex", "row", row)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	f.socket = &live.Socket{Name: "market", URL: c.StreamURL, Policy: c.Policy, Log: c.Log, Metrics: c.Metrics,
		Answered: f.clock.Observe, Opened: f.opened, Frame: f.frame, Closed: f.lost}
	f.group.Go(func() { _ = f.socket.Run(run) })
	return f, nil
}

func (f *Feed) opened(ctx context.Context) error {
	f.tables.reset()
	f.fresh = false
	return f.socket.Send(ctx, fmt.Appendf(nil, `{"op":"subscribe","args":%s}`, f.args))
}

// Ahead is by how much the clock of the events' times is ahead of ours, as far as it is known.
// It is never positive: of a venue whose clock is ahead, times are given by ours.
func (f *Feed) Ahead() time.Duration { return min(0, f.clock.Ahead()) }

// errBehind ends a connection on which market data comes late.
var errBehind = errors.New("the stream is behind")

// behind refuses market data that is too old by the venue's clock when it arrives: it has
// waited on the way. A connection on which all of it is old is left alone, since a new one
// would be no better: a recorded market is served, or the venue itself is late.
func (f *Feed) behind(arrival exchange.Time) error {
	most, told := f.cfg.Policy.Behind, f.tables.told
	if most == 0 || told == 0 {
		return nil
	}
	late := arrival.Sub(told) + f.clock.Ahead()
	switch {
	case late <= most:
		f.fresh = true
	case f.fresh:
		return fmt.Errorf("%w: the newest data was %s old when it came, the limit is %s", errBehind,
			late.Round(time.Millisecond), most)
	}
	return nil
}

// frame turns a frame into events. What cannot be read, or does not fit, ends the
// connection.
func (f *Feed) frame(frame []byte) error {
	if err := f.tables.fresh(f.cfg.Stale, f.cfg.Now()); err != nil {
		return err
	}
	if string(frame) == "pong" {
		return nil
	}
	arrival := f.cfg.Now()
	f.tables.ahead = max(0, f.clock.Ahead())
	events, err := f.tables.take(frame, arrival)
	if err == nil {
		err = f.behind(arrival)
	}
	if len(events) == 0 && bytes.Contains(frame, []byte(`"error"`)) {
		if refusal := refusalOf(frame); refusal != nil {
			return f.refuse(refusal)
		}
	}
	if err != nil {
		return f.refused(err)
	}
	if len(events) == 0 {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.events)-f.head+len(events) > f.cfg.Buffer {
		f.events, f.head = f.events[:0], 0
		return errors.New("events were dropped: nobody takes them")
	}
	if f.gap != 0 {
		now := f.cfg.Now()
		for _, id := range f.cfg.Symbols {
			f.events = append(f.events, exchange.GapEvent(now, now, id, f.gap, now))
		}
		f.gap = 0
	}
	f.last = f.cfg.Now()
	newest := &events[len(events)-1]
	f.cfg.Metrics.Lag.Set(newest.Arrival.Sub(newest.Time).Seconds())
	f.events = append(f.events, events...)
	f.wake()
	return nil
}

// refused counts a row that is out of bounds or cannot be read, and logs the former. The error ends the connection: the
// next one begins with the tables as a whole.
func (f *Feed) refused(err error) error {
	var lost *SyncError
	if !errors.As(err, &lost) {
		f.cfg.Metrics.Refused.WithLabelValues("market").Inc()
	}
	var bad *exchange.ValidationError
	if errors.As(err, &bad) {
		f.cfg.Log.Error("market row refused: the stream is connected anew", "venue", "bitmex", "symbol", bad.Symbol, "field",
			bad.Field,
			"value", bad.Value, "reason", bad.Reason)
	}
	return err
}

func (f *Feed) wake() {
	select {
	case f.more <- struct{}{}:
	default:
	}
}

// refusalOf is what the venue says against a subscription.
func refusalOf(frame []byte) error {
	var m message
	if err := json.Unmarshal(frame, &m); err != nil {
		return nil //nolint:nilerr // it is no refusal; what it is, its reader says
	}
	if m.Error == "" {
		return nil
	}
	return &api.Error{Status: m.Status, Name: "WebsocketError", Message: m.Error}
}

// refuse ends the feed when no new connection would help.
func (f *Feed) refuse(err error) error {
	var e *api.Error
	if errors.As(err, &e) && e.Status != http.StatusTooManyRequests && e.Status < 500 {
		f.mu.Lock()
		f.err = fmt.Errorf("bitmex: %w", err)
		f.wake()
		f.mu.Unlock()
	}
	return err
}

// lost notes since when events are missing.
func (f *Feed) lost(error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.cfg.Metrics.Gaps.Inc()
	if f.gap == 0 {
		f.gap = f.last
	}
}

// Next implements exchange.Feed. Events are ordered by arrival.
func (f *Feed) Next(ctx context.Context, events []exchange.Event) (int, error) {
	for {
		f.mu.Lock()
		n := copy(events, f.events[f.head:])
		if f.head += n; f.head == len(f.events) {
			f.events, f.head = f.events[:0], 0
		} else {
			f.wake()
		}
		err, closed := f.err, f.closed
		f.mu.Unlock()
		switch {
		case n > 0:
			return n, nil
		case err != nil:
			return 0, err
		case closed:
			return 0, io.EOF
		}
		select {
		case <-f.more:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// Close implements exchange.Feed.
func (f *Feed) Close() error {
	f.mu.Lock()
	f.closed = true
	f.wake()
	f.mu.Unlock()
	f.stop()
	f.group.Wait()
	return nil
}

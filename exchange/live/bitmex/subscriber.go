package bitmex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"

	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
)

// SubscriberConfig describes what a subscriber listens to.
type SubscriberConfig struct {
	Config
	// Topics are tables, with the symbol that they are filtered by: "trade:XBTUSD",
	// "instrument", "order". Private ones need a key.
	Topics []string
	// Keep is how many rows are kept of a table that only grows, such as trade. 0: 1000.
	Keep int
	// Buffer is how many changes may wait until they are dropped, with a gap. 0: 100 000.
	Buffer int
}

// Subscriber listens to any tables of the stream, public and private, and keeps what
// they hold. After a broken connection it subscribes to all of its topics again, in one
// command. [Feed] and [Exchange] are for trading; this is for whoever wants the
// venue's own rows.
type Subscriber struct {
	cfg    SubscriberConfig
	client *Client
	socket *live.Socket
	stop   context.CancelFunc
	group  sync.WaitGroup

	asking sync.Mutex // one change of the topics at a time

	mu      sync.Mutex
	store   *store
	topics  []string
	changes []Change
	more    chan struct{}
	entered bool // the connection has subscribed
	pongs   []chan error
	asked   *question
	err     error // ends it
	closed  bool
}

// question is a change of the topics that the venue has not answered.
type question struct {
	op   string
	left []string
	done chan error
}

// NewSubscriber starts to listen.
func NewSubscriber(ctx context.Context, c SubscriberConfig) (*Subscriber, error) {
	client, err := NewClient(c.Config)
	if err != nil {
		return nil, err
	}
	c.Config = client.cfg
	if c.Keep <= 0 {
		c.Keep = 1000
	}
	if c.Buffer <= 0 {
		c.Buffer = 100_000
	}
	s := &Subscriber{cfg: c, client: client, store: newStore(c.Keep), topics: slices.Clone(c.Topics), more: make(chan struct{}, 1)}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.socket = &live.Socket{Name: "subscriber", URL: c.StreamURL, Policy: c.Policy, Log: c.Log, Metrics: c.Metrics,
		Answered: client.http.Observe, Opened: s.opened, Frame: s.frame, Closed: s.lost}
	s.group.Go(func() { _ = s.socket.Run(run) })
	return s, nil
}

// opened says who we are, if we have a key, and then what we want.
func (s *Subscriber) opened(ctx context.Context) error {
	if s.cfg.Key == "" {
		return s.subscribeAll(ctx)
	}
	return s.socket.Send(ctx, s.client.authentication())
}

// authentication is the frame that says who we are.
func (c *Client) authentication() []byte {
	expires := c.http.Now().Add(c.cfg.Expires).Unix()
	signature := c.signer.Sign(http.MethodGet, api.StreamPath, expires, nil)
	return fmt.Appendf(nil, `{"op":"authKeyExpires","args":[%s,%d,%s]}`, strconv.Quote(c.cfg.Key), expires, strconv.Quote(signature))
}

func (s *Subscriber) subscribeAll(ctx context.Context) error {
	s.mu.Lock()
	topics := slices.Clone(s.topics)
	s.entered = true
	s.mu.Unlock()
	if len(topics) == 0 {
		return nil
	}
	return s.send(ctx, "subscribe", topics)
}

func (s *Subscriber) send(ctx context.Context, op string, topics []string) error {
	args, err := json.Marshal(topics)
	if err != nil {
		return err
	}
	return s.socket.Send(ctx, fmt.Appendf(nil, `{"op":%q,"args":%s}`, op, args))
}

// frame takes in a frame of the stream.
func (s *Subscriber) frame(frame []byte) error {
	if string(frame) == "pong" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pong(nil)
		return nil
	}
	var m struct {
		tableFrame
		Success     bool   `json:"success"`
		Subscribe   string `json:"subscribe"`
		Unsubscribe string `json:"unsubscribe"`
		Error       string `json:"error"`
		Request     struct {
			Op string `json:"op"`
		} `json:"request"`
	}
	if err := json.Unmarshal(frame, &m); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	switch {
	case m.Error != "":
		refusal, topics := refusalIn(frame)
		return s.refused(refusal, topics)
	case m.Success && m.Request.Op == "authKeyExpires":
		return s.subscribeAll(context.Background())
	case m.Success:
		s.answered(m.Subscribe, m.Unsubscribe)
	case m.Table != "":
		return s.table(&m.tableFrame)
	}
	return nil
}

func (s *Subscriber) table(m *tableFrame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.store.take(m)
	if err != nil || c == nil {
		return err
	}
	if len(s.changes) >= s.cfg.Buffer {
		s.changes = s.changes[:0]
		return errors.New("changes were dropped: nobody takes them")
	}
	s.push(*c)
	return nil
}

// push queues a change. The caller holds the lock.
func (s *Subscriber) push(c Change) {
	s.changes = append(s.changes, c)
	s.wake()
}

func (s *Subscriber) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// refused hears that the venue does not want what we asked for. What a caller waits for
// is told to it; what we ask for at every connection would be refused again.
func (s *Subscriber) refused(refusal *api.Error, topics []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.asked; q != nil && slices.ContainsFunc(q.left, func(t string) bool { return slices.Contains(topics, t) }) {
		s.asked = nil
		q.done <- refusal
		return nil
	}
	if refusal.Status != http.StatusTooManyRequests && refusal.Status < http.StatusInternalServerError && !errors.Is(refusal, api.ErrExpired) {
		s.err = fmt.Errorf("bitmex: %w", refusal)
		s.wake()
	}
	return refusal
}

// answered hears that a topic is listened to, or not any more.
func (s *Subscriber) answered(subscribed, unsubscribed string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if unsubscribed != "" {
		s.store.drop(unsubscribed)
	}
	q := s.asked
	if q == nil {
		return
	}
	topic := subscribed
	if q.op == "unsubscribe" {
		topic = unsubscribed
	}
	if q.left = slices.DeleteFunc(q.left, func(t string) bool { return t == topic }); len(q.left) == 0 {
		s.asked = nil
		q.done <- nil
	}
}

// lost notes that changes are missed from now on, and that nothing is known.
func (s *Subscriber) lost(error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.cfg.Metrics.Gaps.Inc()
	s.store = newStore(s.cfg.Keep)
	s.entered = false
	s.push(Change{Action: Gap})
	s.pong(live.ErrNotConnected)
	if q := s.asked; q != nil {
		s.asked = nil
		q.done <- live.ErrNotConnected
	}
}

// pong answers those who wait for one. The caller holds the lock.
func (s *Subscriber) pong(err error) {
	for _, done := range s.pongs {
		done <- err
	}
	s.pongs = nil
}

// Flush waits until everything that the venue has said until now is taken in. It fails
// with live.ErrNotConnected while there is no connection, or if it is lost meanwhile.
func (s *Subscriber) Flush(ctx context.Context) error {
	done := make(chan error, 1)
	s.mu.Lock()
	if !s.entered {
		s.mu.Unlock()
		return live.ErrNotConnected
	}
	s.pongs = append(s.pongs, done)
	s.mu.Unlock()
	if err := s.socket.Send(ctx, []byte("ping")); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Subscribe adds topics, and returns when the venue has agreed, or at once while there
// is no connection: the next one asks for them. A topic that is refused is not asked
// for again; one that is there already is left alone.
func (s *Subscriber) Subscribe(ctx context.Context, topics ...string) error {
	s.mu.Lock()
	added := slices.DeleteFunc(slices.Clone(topics), func(t string) bool { return slices.Contains(s.topics, t) })
	s.topics = append(s.topics, added...)
	connected := s.entered
	s.mu.Unlock()
	if !connected || len(added) == 0 {
		return nil
	}
	err := s.ask(ctx, "subscribe", added)
	var refusal *api.Error
	if errors.As(err, &refusal) {
		s.remove(added)
	}
	return unlessLost(err)
}

// unlessLost is the error of a question whose answer the next connection makes good.
func unlessLost(err error) error {
	if errors.Is(err, live.ErrNotConnected) {
		return nil
	}
	return err
}

// Unsubscribe ends topics, and forgets what they held.
func (s *Subscriber) Unsubscribe(ctx context.Context, topics ...string) error {
	s.mu.Lock()
	connected := s.entered
	s.mu.Unlock()
	s.remove(topics)
	if !connected {
		return nil
	}
	return unlessLost(s.ask(ctx, "unsubscribe", topics))
}

func (s *Subscriber) remove(topics []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.topics = slices.DeleteFunc(s.topics, func(t string) bool { return slices.Contains(topics, t) })
}

func (s *Subscriber) ask(ctx context.Context, op string, topics []string) error {
	s.asking.Lock()
	defer s.asking.Unlock()
	q := &question{op: op, left: slices.Clone(topics), done: make(chan error, 1)}
	s.mu.Lock()
	s.asked = q
	s.mu.Unlock()
	if err := s.send(ctx, op, topics); err != nil {
		return err
	}
	select {
	case err := <-q.done:
		return err
	case <-ctx.Done():
		s.mu.Lock()
		s.asked = nil
		s.mu.Unlock()
		return ctx.Err()
	}
}

// Next returns the next change, in the order of the stream, and waits for it. It ends
// with io.EOF once the subscriber is closed.
func (s *Subscriber) Next(ctx context.Context) (Change, error) {
	for {
		s.mu.Lock()
		if len(s.changes) > 0 {
			c := s.changes[0]
			s.changes[0] = Change{}
			s.changes = s.changes[1:]
			s.mu.Unlock()
			return c, nil
		}
		err, closed := s.err, s.closed
		s.mu.Unlock()
		switch {
		case err != nil:
			return Change{}, err
		case closed:
			return Change{}, io.EOF
		}
		select {
		case <-s.more:
		case <-ctx.Done():
			return Change{}, ctx.Err()
		}
	}
}

// Info returns what the venue says of a table; false before its partial.
func (s *Subscriber) Info(table string) (TableInfo, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.store.tables[table]
	if t == nil {
		return TableInfo{}, false
	}
	return t.info, true
}

// Rows returns what a table holds, in the order in which it came, as rows of package
// bitmexapi: Rows[bitmexapi.Order](s, "order"). Orders are those that are open.
func Rows[T any](s *Subscriber, table string) (list []T, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fields := range s.store.rows(table) {
		b, err := json.Marshal(fields)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", table, err)
		}
		var row T
		if err := json.Unmarshal(b, &row); err != nil {
			return nil, fmt.Errorf("%s: %w", table, err)
		}
		list = append(list, row)
	}
	return list, nil
}

// CancelAllAfter arms the dead man's switch through the stream; 0 ms disarms it. What
// the venue answers is not waited for.
func (s *Subscriber) CancelAllAfter(ctx context.Context, milliseconds int64) error {
	return s.socket.Send(ctx, fmt.Appendf(nil, `{"op":"cancelAllAfter","args":[%d]}`, milliseconds))
}

// Close ends the connection.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	s.closed = true
	s.wake()
	s.mu.Unlock()
	s.stop()
	s.group.Wait()
	s.client.Close()
	return nil
}

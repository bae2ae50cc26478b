package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// Socket is a connection to a venue's stream that is made again whenever it breaks.
// Its owner calls [Socket.Run]; Send may be called from any goroutine.
type Socket struct {
	Name    string // in metrics: "market", "account"
	URL     string
	Header  func() http.Header // of each upgrade; may be nil
	Client  *http.Client       // nil: the default one
	Policy  Policy
	Log     *slog.Logger
	Metrics *Metrics
	// Answered is called with the headers of each upgrade that the venue answered, and
	// the time between which it was sent and answered. May be nil.
	Answered func(h http.Header, sent, received time.Time)
	// Opened is called when a connection stands, before any frame is read. An error
	// closes it.
	Opened func(ctx context.Context) error
	// Frame is called for every frame, in order; pong is one. An error closes the
	// connection.
	Frame func(frame []byte) error
	// Closed is called when a connection has ended.
	Closed func(err error)

	mu    sync.Mutex
	conn  *websocket.Conn
	hurry chan struct{} // of the wait that is under way; nil: none is
}

// leastWait is how long a socket waits at least after a connection that failed, however much
// it is hurried.
const leastWait = 500 * time.Millisecond

// maxFrame holds a full book of the venue many times over.
const maxFrame = 64 << 20

// ErrNotConnected means that there is no connection to send on.
var ErrNotConnected = errors.New("stream is not connected")

// ErrRedirect means that a venue's stream is said to be elsewhere.
var ErrRedirect = errors.New("set the address of the venue to where it is")

// errSilent ends a connection that says nothing any more.
var errSilent = errors.New("no frame and no pong")

// Run connects, and connects again, until the context ends. It returns the context's
// error.
func (s *Socket) Run(ctx context.Context) error {
	wait := s.Policy.Reconnect
	for first := true; ; first = false {
		if !first {
			s.Metrics.reconnects.Inc()
		}
		began := time.Now()
		err := s.once(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.Log.Warn("stream ended", "url", s.URL, "error", err)
		if time.Since(began) > s.Policy.MaxReconnect {
			wait = s.Policy.Reconnect
		}
		if s.wait(ctx, began, time.Duration(rand.Int64N(int64(wait)))+1) {
			wait = s.Policy.Reconnect
		} else {
			wait = min(2*wait, s.Policy.MaxReconnect)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// wait waits before a new connection, until the context ends at most. It reports whether it
// was hurried.
func (s *Socket) wait(ctx context.Context, began time.Time, d time.Duration) bool {
	hurry := make(chan struct{})
	s.mu.Lock()
	s.hurry = hurry
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.hurry = nil
		s.mu.Unlock()
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false
	case <-ctx.Done():
		return false
	case <-hurry:
	}
	timer.Reset(min(d, max(0, leastWait-time.Since(began))))
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return true
}

// Hurry ends the wait for a new connection, if one is under way: something says that the
// venue can be reached again. It may be called from any goroutine.
func (s *Socket) Hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hurry != nil {
		close(s.hurry)
		s.hurry = nil
	}
}

// once makes one connection and reads it to its end.
func (s *Socket) once(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opts := &websocket.DialOptions{HTTPClient: unredirected(s.Client)}
	if s.Header != nil {
		opts.HTTPHeader = s.Header()
	}
	dial, done := context.WithTimeout(ctx, s.Policy.Timeout)
	sent := time.Now()
	conn, resp, err := websocket.Dial(dial, s.URL, opts)
	done()
	if resp != nil && s.Answered != nil {
		s.Answered(resp.Header, sent, time.Now())
	}
	if err != nil {
		if resp != nil && resp.Body != nil {
			_ = resp.Body.Close()
		}
		if to := redirect(resp); to != "" {
			return fmt.Errorf(
				"connect: the venue answers %d, to %s, and redirects are not followed: %w",
				resp.StatusCode,
				to,
				ErrRedirect,
			)
		}
		return fmt.Errorf("connect: %w", err)
	}
	conn.SetReadLimit(maxFrame)
	s.set(conn)
	defer func() {
		s.set(nil)
		_ = conn.CloseNow()
		s.Closed(err)
	}()
	r := &reader{frames: make(chan []byte, 1024), done: make(chan struct{}), pulse: newPulse(s.Policy.Behind, time.Now())}
	go func() { defer close(r.done); r.err = s.read(ctx, conn, r.frames) }()
	var beating sync.WaitGroup
	beating.Go(func() { r.pulse.run(ctx, func() { _ = conn.CloseNow() }) })
	defer func() { cancel(); <-r.done; beating.Wait() }()
	if err := s.Opened(ctx); err != nil {
		return err
	}
	return s.serve(ctx, r)
}

// unredirected is a client that follows no redirect: what is sent after the upgrade, such
// as a signature, is for the host that was configured and for no other.
func unredirected(c *http.Client) *http.Client {
	if c == nil {
		c = http.DefaultClient
	}
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// redirect is where an answer sends the client, without what a URL could hide in its path
// or query; empty if it does not.
func redirect(resp *http.Response) string {
	if resp == nil || resp.StatusCode/100 != 3 {
		return ""
	}
	to, err := resp.Location()
	if err != nil {
		return "nowhere"
	}
	return to.Scheme + "://" + to.Host
}

// reader is the goroutine that reads a connection.
type reader struct {
	frames chan []byte
	done   chan struct{}
	err    error // once done is closed
	pulse  *pulse
}

// read passes frames on until the connection ends.
func (s *Socket) read(ctx context.Context, conn *websocket.Conn, frames chan<- []byte) error {
	for {
		_, frame, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		select {
		case frames <- frame:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// serve handles frames, and pings when there are none.
func (s *Socket) serve(ctx context.Context, r *reader) error {
	timer := time.NewTimer(s.Policy.Ping)
	defer timer.Stop()
	pinged := false
	heard := s.Metrics.heard.WithLabelValues(s.Name)
	for {
		select {
		case frame := <-r.frames:
			s.Metrics.frames.Inc()
			heard.SetToCurrentTime()
			pinged = false
			timer.Reset(s.Policy.Ping)
			if err := r.pulse.beat(time.Now()); err != nil {
				return err
			}
			if err := s.Frame(frame); err != nil {
				return err
			}
		case <-timer.C:
			if pinged {
				return errSilent
			}
			pinged = true
			timer.Reset(s.Policy.Pong)
			if err := s.Send(ctx, []byte("ping")); err != nil {
				return err
			}
		case <-r.done:
			if err := r.pulse.beat(time.Now()); err != nil {
				return err // which is why it was closed
			}
			return r.err
		}
	}
}

func (s *Socket) set(conn *websocket.Conn) {
	s.mu.Lock()
	s.conn = conn
	s.mu.Unlock()
}

// Send sends a text frame on the connection that stands.
func (s *Socket) Send(ctx context.Context, frame []byte) error {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn == nil {
		return ErrNotConnected
	}
	ctx, cancel := context.WithTimeout(ctx, s.Policy.Timeout)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, frame)
}

// Break closes the connection that stands, so that a new one is made.
func (s *Socket) Break() {
	s.mu.Lock()
	conn := s.conn
	s.mu.Unlock()
	if conn != nil {
		_ = conn.CloseNow()
	}
}

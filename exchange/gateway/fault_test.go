package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
)

// proxy forwards connections, and can break them.
type proxy struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	closed   bool
	stalled  atomic.Bool // nothing passes: half-open
	group    sync.WaitGroup
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: l, to: strings.TrimPrefix(to, "http://"), conns: map[net.Conn]struct{}{}}
	p.group.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.cut()
		p.group.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		if p.closed {
			_, _ = in.Close(), out.Close()
		} else {
			p.conns[in], p.conns[out] = struct{}{}, struct{}{}
		}
		p.mu.Unlock()
		p.group.Go(func() { p.pipe(in, out) })
		p.group.Go(func() { p.pipe(out, in) })
	}
}

func (p *proxy) pipe(from, to net.Conn) {
	buf := make([]byte, 1<<15)
	for {
		n, err := from.Read(buf)
		for p.stalled.Load() {
			time.Sleep(time.Millisecond)
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	_, _ = from.Close(), to.Close()
}

// cut breaks every connection.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
		delete(p.conns, c)
	}
}

// saboteur breaks requests on their way there and answers on their way back.
type saboteur struct {
	next   http.RoundTripper
	mu     sync.Mutex
	random *rand.Rand
	rate   int // one of how many
	faults map[string]int
}

var httpFaults = []string{"lost request", "lost answer", "late answer", "503", "502 after", "429", "truncated", "garbage", "expired", "skewed"}

func (s *saboteur) pick() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.random.IntN(s.rate) != 0 {
		return ""
	}
	fault := httpFaults[s.random.IntN(len(httpFaults))]
	s.faults[fault]++
	return fault
}

var errReset = errors.New("connection reset by peer")

func (s *saboteur) RoundTrip(r *http.Request) (*http.Response, error) {
	fault := s.pick()
	if fault == "expired" {
		// A clock that is wrong by a minute, and a request that takes as long: the venue
		// itself refuses what was signed.
		r = r.Clone(r.Context())
		r.Header.Set("api-expires", fmt.Sprint(time.Now().Unix()-60))
		if k, known := testKeys.Lookup(r.Header.Get("api-key")); known {
			body := []byte{}
			if r.Body != nil {
				body, _ = io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
			}
			r.Header.Set("api-signature", api.Sign(k.Secret.Reveal(), r.Method, r.URL.RequestURI(), time.Now().Unix()-60, body))
		}
	}
	status := func(code int, retry string) *http.Response {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		h := http.Header{"Content-Type": {"application/json"}}
		if retry != "" {
			h.Set("Retry-After", retry)
		}
		return &http.Response{StatusCode: code, Header: h, Request: r, Body: io.NopCloser(strings.NewReader(`{"error":{"message":"The system is currently overloaded. Please try again later.","name":"HTTPError"}}`))}
	}
	switch fault {
	case "lost request":
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errReset
	case "503":
		return status(503, ""), nil
	case "429":
		return status(429, "0.002"), nil
	case "skewed":
		resp := status(401, "")
		resp.Header.Set("Date", time.Now().Add(-5*time.Minute).UTC().Format(http.TimeFormat))
		resp.Body = io.NopCloser(strings.NewReader(`{"error":{"message":"This request has expired","name":"HTTPError"}}`))
		return resp, nil
	}
	resp, err := s.next.RoundTrip(r)
	if err != nil || fault == "" {
		return resp, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	switch fault {
	case "lost answer":
		return nil, errReset
	case "late answer":
		<-r.Context().Done()
		return nil, r.Context().Err()
	case "502 after":
		return status(502, ""), nil
	case "truncated":
		resp.Body = io.NopCloser(strings.NewReader(string(body[:len(body)/2])))
	case "garbage":
		resp.Body = io.NopCloser(strings.NewReader("<html>" + string(body)))
	}
	return resp, nil
}

// drained is what a client has heard.
type drained struct {
	orders map[exchange.ClientID]exchange.Order
	fills  map[string]bool
	pos    exchange.Qty
}

func (d *drained) take(t *testing.T, x *bitmex.Exchange) {
	reports, err := x.Advance(context.Background(), exchange.TimeOf(time.Now()), nil)
	require.NoError(t, err)
	for n := range reports {
		r := &reports[n]
		switch r.Kind {
		case exchange.ReportFill:
			require.False(t, d.fills[r.Fill.ExecID], "a fill came twice")
			d.fills[r.Fill.ExecID] = true
			d.pos += r.Fill.Side.Signed(r.Fill.Qty)
			d.orders[r.Order.ClientID] = r.Order
		case exchange.ReportOrder:
			d.orders[r.Order.ClientID] = r.Order
		}
	}
}

// flushed waits until the stream stands and all is said.
func flushed(t *testing.T, x *bitmex.Exchange) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		once, done := context.WithTimeout(ctx, 2*time.Second)
		err := x.Flush(once)
		done()
		if err == nil {
			return
		}
		require.NoError(t, ctx.Err(), "it never stood: %v", err)
		time.Sleep(2 * time.Millisecond)
	}
}

// The venue's switch cancels what a dead client leaves, and a live client's stays.
func TestDeadMansSwitch(t *testing.T) {
	w := busy(t)
	c := bitmex.ExchangeConfig{Config: w.config("trader"), Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID}, DeadMan: time.Second}
	x, err := bitmex.Connect(t.Context(), c)
	require.NoError(t, err)
	open := func() int {
		var rows []api.Order
		w.ask("reader", "GET", "/order"+query("filter", `{"open":true}`), "").into(t, &rows)
		return len(rows)
	}
	for range 8 {
		time.Sleep(260 * time.Millisecond) // a quarter of a second later it is refreshed
		w.pass(260 * time.Millisecond)
		require.Equal(t, 2, open())
	}
	require.NoError(t, x.Close())
	w.pass(5 * time.Second)
	require.Equal(t, 2, open(), "it is disarmed last")
	w.ask("trader", "POST", "/order/cancelAllAfter", `{"timeout":1000}`).into(t, &struct{}{})
	w.pass(2 * time.Second)
	require.Zero(t, open())
}

// A stream that says nothing, not even pong, is given up.
func TestHalfOpenStream(t *testing.T) {
	w := busy(t)
	p := newProxy(t, w.server.URL)
	c := w.config("trader")
	c.StreamURL = "ws://" + p.listener.Addr().String() + "/realtime"
	c.Policy.Ping, c.Policy.Pong, c.Policy.Timeout = 50*time.Millisecond, 50*time.Millisecond, 500*time.Millisecond
	feed, err := bitmex.NewFeed(t.Context(), bitmex.FeedConfig{Config: c, Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID}})
	require.NoError(t, err)
	defer func() { require.NoError(t, feed.Close()) }()
	until(t, feed, exchange.KindBook)
	p.stalled.Store(true)
	time.Sleep(300 * time.Millisecond)
	p.stalled.Store(false)
	until(t, feed, exchange.KindGap)
	until(t, feed, exchange.KindBook)
}

// until reads a feed to an event of a kind.
func until(t *testing.T, feed exchange.Feed, kind exchange.EventKind) exchange.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	one := make([]exchange.Event, 1)
	for {
		n, err := feed.Next(ctx, one)
		require.NoError(t, err)
		if n == 1 && one[0].Kind == kind {
			return one[0]
		}
	}
}

// The feed's book is the book, through cuts.
func TestFeedSurvivesCuts(t *testing.T) {
	w := newWorld(t, nil)
	p := newProxy(t, w.server.URL)
	c := w.config("trader")
	c.StreamURL = "ws://" + p.listener.Addr().String() + "/realtime"
	feed, err := bitmex.NewFeed(t.Context(), bitmex.FeedConfig{Config: c, Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID}, Tables: []string{"orderBookL2", "trade"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, feed.Close()) }()
	book := exchange.NewBook(exchange.MustPrice("0.01"))
	events := make([]exchange.Event, 64)
	mark := exchange.Qty(0)
	// settle waits until the feed has seen everything: a last trade says so.
	settle := func() {
		mark += 100
		done := false
		for tries := 0; !done; tries++ {
			require.Less(t, tries, 2000)
			if tries%20 == 0 {
				w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("30000.5"), Qty: mark}))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
			n, err := feed.Next(ctx, events)
			cancel()
			if err != nil {
				require.ErrorIs(t, err, context.DeadlineExceeded)
				continue
			}
			for k := range events[:n] {
				switch ev := &events[k]; ev.Kind {
				case exchange.KindBook:
					book.Apply(ev)
				case exchange.KindTrade:
					done = done || ev.Trade().Qty == mark
				}
			}
		}
	}
	random := rand.New(rand.NewPCG(7, 8))
	for n := range 200 {
		w.now = w.now.Add(time.Millisecond)
		side, price := exchange.Buy, 30000-random.IntN(10)
		if random.IntN(2) == 0 {
			side, price = exchange.Sell, 30001+random.IntN(10)
		}
		w.step(exchange.LevelEvent(w.now, w.now, w.inst.ID, side, exchange.Level{Price: exchange.Price(price) * exchange.PriceUnit,
			Qty: exchange.Qty(random.IntN(3) * 100)}, exchange.FlagLast))
		if n%10 == 9 {
			p.cut()
		}
		if n%25 != 24 {
			continue
		}
		settle()
		var rows []api.OrderBookL2
		w.ask("", "GET", "/orderBook/L2?symbol=XBTUSD&depth=0", "").into(t, &rows)
		require.Equal(t, len(rows), book.Len(exchange.Buy)+book.Len(exchange.Sell))
		for _, l := range rows {
			var side exchange.Side
			require.NoError(t, side.UnmarshalText([]byte(l.Side)))
			price, err := l.Price.Price()
			require.NoError(t, err)
			require.Equal(t, exchange.Qty(*l.Size), book.Qty(side, price))
		}
	}
}

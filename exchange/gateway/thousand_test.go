package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/secret"
)

// toxics are what a network does to connections: each is put on for a while.
var toxics = map[string]string{
	"latency":           `{"name":"t","type":"latency","stream":"downstream","attributes":{"latency":8,"jitter":8}}`,
	"latency up":        `{"name":"t","type":"latency","stream":"upstream","attributes":{"latency":8,"jitter":8}}`,
	"bandwidth":         `{"name":"t","type":"bandwidth","stream":"downstream","attributes":{"rate":400}}`,
	"slices":            `{"name":"t","type":"slicer","stream":"downstream","attributes":{"average_size":64,"size_variation":32,"delay":50}}`,
	"reset":             `{"name":"t","type":"reset_peer","stream":"downstream","attributes":{"timeout":3}}`,
	"reset up":          `{"name":"t","type":"reset_peer","stream":"upstream","attributes":{"timeout":3}}`,
	"half-open":         `{"name":"t","type":"timeout","stream":"downstream","attributes":{"timeout":0}}`,
	"half-open up":      `{"name":"t","type":"timeout","stream":"upstream","attributes":{"timeout":0}}`,
	"cut short":         `{"name":"t","type":"limit_data","stream":"downstream","attributes":{"bytes":3000}}`,
	"closed slowly":     `{"name":"t","type":"slow_close","stream":"downstream","attributes":{"delay":20}}`,
	"connection is cut": "",
}

// toxic is a proxy with a network in it.
type toxic struct {
	t     testing.TB
	proxy *toxiproxy.Proxy
	names []string
}

func newToxic(t testing.TB, url string) *toxic {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	p := toxiproxy.NewProxy(server, "venue", "127.0.0.1:0", strings.TrimPrefix(url, "http://"))
	require.NoError(t, p.Start())
	t.Cleanup(p.Stop)
	return &toxic{t, p, slices.Sorted(maps.Keys(toxics))}
}

// put puts a toxic on, and returns how to take it off.
func (x *toxic) put(name string) (off func()) {
	if toxics[name] == "" {
		x.proxy.Stop()
		require.NoError(x.t, x.proxy.Start())
		return func() {}
	}
	zerolog.SetGlobalLevel(zerolog.Disabled) // some of it has a logger of its own
	_, err := x.proxy.Toxics.AddToxicJson(strings.NewReader(toxics[name]))
	require.NoError(x.t, err)
	return func() { require.NoError(x.t, x.proxy.Toxics.RemoveToxic(context.Background(), "t")) }
}

// mischief changes frames of a stream: cut short, replaced, sent twice, swapped.
type mischief struct {
	mu     sync.Mutex
	random *rand.Rand
	rate   int
	faults map[string]int
	held   []byte
}

func (m *mischief) change(frame []byte) [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held != nil {
		swapped := [][]byte{frame, m.held}
		m.held = nil
		return swapped
	}
	if m.rate == 0 || m.random.IntN(m.rate) != 0 || !bytes.HasPrefix(frame, []byte(`{"table"`)) {
		return [][]byte{frame}
	}
	fault := []string{"frame cut short", "garbage frame", "frame twice", "frames swapped"}[m.random.IntN(4)]
	m.faults[fault]++
	switch fault {
	case "frame cut short":
		return [][]byte{frame[:len(frame)/2]}
	case "garbage frame":
		return [][]byte{[]byte("\x00<html>"), frame}
	case "frame twice":
		return [][]byte{frame, frame}
	}
	m.held = frame
	return nil
}

// peace ends the mischief.
func (m *mischief) peace() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rate = 0
}

func (m *mischief) total() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.faults {
		n += k
	}
	return n
}

// siege is a client that trades and listens through everything that can go wrong.
type siege struct {
	*world
	test    *testing.T
	network *toxic
	http    *saboteur
	private *mischief
	public  *mischief
	put     map[string]int // toxics
	x       *bitmex.Exchange
	feed    *bitmex.Feed
	metrics *live.Metrics
	heard   *drained
	book    *exchange.Book
	events  []exchange.Event
	sent    []exchange.ClientID
	random  *rand.Rand
}

func newSiege(t *testing.T) *siege {
	w := newWorld(t, nil)
	w.quote(exchange.Level{Price: exchange.MustPrice("30000"), Qty: 1_000_000}, exchange.Level{Price: exchange.MustPrice("30001"), Qty: 1_000_000})
	s := &siege{world: w, test: t, network: newToxic(t, w.server.URL), put: map[string]int{}, random: rand.New(rand.NewPCG(5, 6)),
		heard: &drained{orders: map[exchange.ClientID]exchange.Order{}, fills: map[string]bool{}}, book: exchange.NewBook(exchange.MustPrice("0.01")),
		events: make([]exchange.Event, 256), metrics: live.NewMetrics(nil, "bitmex")}
	url := "http://" + s.network.proxy.Listen
	s.http = &saboteur{next: &http.Transport{MaxIdleConnsPerHost: 8}, random: rand.New(rand.NewPCG(3, 4)), rate: 1 << 30, faults: map[string]int{}}
	s.private = &mischief{random: rand.New(rand.NewPCG(7, 8)), faults: map[string]int{}}
	s.public = &mischief{random: rand.New(rand.NewPCG(9, 10)), faults: map[string]int{}}
	c := w.config("trader")
	c.URL, c.Transport, c.Metrics = url, s.http, s.metrics
	c.Policy.BreakerFailures = 1_000_000 // has a test of its own
	c.Policy.Timeout, c.Policy.Ping, c.Policy.Pong, c.Policy.MaxBackoff = 250*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond, 50*time.Millisecond
	c.StreamURL = meddler(t, &world{t: t, server: w.server, via: url}, s.private.change)
	var err error
	s.x, err = bitmex.Connect(t.Context(), bitmex.ExchangeConfig{Config: c, Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID},
		CancelConnections: 3, Reconcile: 200 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.x.Close()) })
	c.Key, c.Secret, c.Metrics, c.Transport = "", secret.String{}, nil, nil
	c.StreamURL = meddler(t, &world{t: t, server: w.server, via: url}, s.public.change)
	s.feed, err = bitmex.NewFeed(t.Context(), bitmex.FeedConfig{Config: c, Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID}, Tables: []string{"orderBookL2"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.feed.Close()) })
	s.http.rate, s.private.rate, s.public.rate = 3, 8, 8
	return s
}

func (s *siege) faults() (n int) {
	s.http.mu.Lock()
	for _, k := range s.http.faults {
		n += k
	}
	s.http.mu.Unlock()
	for _, k := range s.put {
		n += k
	}
	return n + s.private.total() + s.public.total()
}

// trade gives an order, and now and then a cancellation or an amendment.
func (s *siege) trade() {
	side := exchange.Buy
	if s.random.IntN(2) == 0 {
		side = exchange.Sell
	}
	o := exchange.NewOrder{Symbol: s.inst.ID, Side: side, Qty: 100, Type: exchange.Market}
	if s.random.IntN(2) == 0 {
		o.Type, o.Price = exchange.Limit, exchange.MustPrice("25000")
		if side == exchange.Sell {
			o.Price = exchange.MustPrice("35000")
		}
	}
	id, err := s.x.Submit(s.t.Context(), o)
	require.NoError(s.t, err)
	s.sent = append(s.sent, id)
	other := s.sent[s.random.IntN(len(s.sent))]
	switch s.random.IntN(4) {
	case 0:
		require.NoError(s.t, s.x.Cancel(s.t.Context(), exchange.CancelOrder{Symbol: s.inst.ID, ClientID: other}))
	case 1:
		require.NoError(s.t, s.x.Amend(s.t.Context(), exchange.AmendOrder{Symbol: s.inst.ID, OrigClientID: other, Qty: new(exchange.Qty(200))}))
	}
}

// move changes the book.
func (s *siege) move() {
	for range 3 {
		s.now = s.now.Add(time.Millisecond)
		side, price := exchange.Buy, 29999-s.random.IntN(8)
		if s.random.IntN(2) == 0 {
			side, price = exchange.Sell, 30002+s.random.IntN(8)
		}
		s.step(exchange.LevelEvent(s.now, s.now, s.inst.ID, side, exchange.Level{Price: exchange.Price(price) * exchange.PriceUnit,
			Qty: exchange.Qty(100 * s.random.IntN(4))}, exchange.FlagLast))
	}
}

// listen takes in what the feed has, and reports whether its book is the venue's.
func (s *siege) listen() bool {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Millisecond)
	defer cancel()
	for {
		n, err := s.feed.Next(ctx, s.events)
		if err != nil {
			require.ErrorIs(s.t, err, context.DeadlineExceeded)
			break
		}
		for k := range s.events[:n] {
			if s.events[k].Kind == exchange.KindBook {
				s.book.Apply(&s.events[k])
			}
		}
	}
	var rows []api.OrderBookL2
	s.ask("", "GET", "/orderBook/L2?symbol=XBTUSD&depth=0", "").into(s.t, &rows)
	same := len(rows) == s.book.Len(exchange.Buy)+s.book.Len(exchange.Sell)
	for _, l := range rows {
		side := exchange.Buy
		if l.Side == "Sell" {
			side = exchange.Sell
		}
		same = same && s.book.Qty(side, exchange.MustPrice(string(l.Price))) == exchange.Qty(*l.Size)
	}
	return same
}

// A thousand faults, on the way of requests, of answers, of frames and of connections:
// no order is placed twice, none is lost track of, what is believed of each is what the
// venue has, the position is what was filled, and the book is the venue's after each
// recovery.
func TestThousandFaults(t *testing.T) {
	s := newSiege(t)
	faults := 1000
	if racetest.Enabled || testing.Short() {
		faults = 400 // as many as it takes for ten recoveries of the book
	}
	recoveries := 0
	for n := 0; s.faults() < faults; n++ {
		off := func() {}
		if n%6 == 5 {
			name := s.network.names[n/6%len(s.network.names)]
			s.put[name]++
			off = s.network.put(name)
		}
		for range 4 {
			s.trade()
		}
		s.move()
		s.pass(time.Millisecond)
		time.Sleep(5 * time.Millisecond)
		off()
		if n%6 == 5 {
			flushed(t, s.x)
			s.heard.take(t, s.x)
			require.Eventually(t, s.listen, 20*time.Second, time.Millisecond, "the book is not the venue's")
			recoveries++
		}
	}
	s.http.mu.Lock()
	s.http.rate = 1 << 30
	s.http.mu.Unlock()
	s.private.peace()
	s.public.peace()
	time.Sleep(300 * time.Millisecond) // what was swapped comes with the next pong
	flushed(t, s.x)
	s.check(recoveries)
}

// check compares what the client believes with what the venue has.
func (s *siege) check(recoveries int) {
	t := s.t
	var rows []api.Order
	for start := 0; ; start += 500 {
		var page []api.Order
		s.ask("reader", "GET", "/order"+query("count", "500", "start", fmt.Sprint(start)), "").into(t, &page)
		if rows = append(rows, page...); len(page) < 500 {
			break
		}
	}
	placed := map[string]*api.Order{}
	for n := range rows {
		require.NotContains(t, placed, rows[n].ClOrdID, "placed twice")
		placed[rows[n].ClOrdID] = &rows[n]
	}
	agree := func() error {
		s.heard.take(s.test, s.x)
		for _, id := range s.sent {
			mine, known := s.heard.orders[id]
			theirs, there := placed[string(id)]
			switch {
			case !known:
				return fmt.Errorf("%s was lost track of", id)
			case !there && mine.Status != exchange.Rejected:
				return fmt.Errorf("%s is %s, and not on the venue", id, mine.Status)
			case there && (theirs.OrdStatus != mine.Status.String() || *theirs.CumQty != int64(mine.Filled) || *theirs.LeavesQty != int64(mine.Leaves)):
				return fmt.Errorf("%s is %s %d+%d, and on the venue %s %d+%d", id, mine.Status, mine.Filled, mine.Leaves, theirs.OrdStatus, *theirs.CumQty, *theirs.LeavesQty)
			}
		}
		return nil
	}
	err := errors.New("not looked yet")
	require.Eventually(t, func() bool { err = agree(); return err == nil }, 10*time.Second, 20*time.Millisecond, "%v", &err)
	var pos, unplaced int64
	for _, o := range placed {
		if o.Side == "Buy" {
			pos += *o.CumQty
		} else {
			pos -= *o.CumQty
		}
	}
	for _, id := range s.sent {
		if _, there := placed[string(id)]; !there {
			unplaced++
		}
	}
	require.Equal(t, pos, int64(s.heard.pos))
	require.Len(t, placed, len(s.sent)-int(unplaced))
	t.Logf("%d orders, %d never placed, and said so; %d recoveries of the book; %.0f differences found by comparing", len(s.sent), unplaced, recoveries,
		testutil.ToFloat64(s.metrics.Differences))
	t.Logf("requests %v; private frames %v; public frames %v; connections %v", s.http.faults, s.private.faults, s.public.faults, s.put)
}

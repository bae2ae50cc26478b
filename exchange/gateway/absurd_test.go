package gateway_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/gateway"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// notices are what a client says of its account.
type notices struct {
	mu   sync.Mutex
	list []live.Notice
}

func (n *notices) add(x live.Notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, x)
}

// of returns the texts of a kind.
func (n *notices) of(kind live.NoticeKind) (texts []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, x := range n.list {
		if x.Kind == kind {
			texts = append(texts, x.Text)
		}
	}
	return texts
}

// absurdWorld is a client whose stream says once, after its next order, what a test wants.
func absurdWorld(t *testing.T, frames ...string) (x *bitmex.Exchange, said *notices, metrics *live.Metrics) {
	t.Helper()
	w := newWorld(t, nil)
	w.quote(exchange.Level{Price: exchange.MustPrice("30000"), Qty: 100_000},
		exchange.Level{Price: exchange.MustPrice("30001"), Qty: 100_000})
	var done atomic.Bool
	c := w.config("trader")
	c.StreamURL = meddler(t, w, func(frame []byte) [][]byte {
		if !strings.Contains(string(frame), `"table":"execution","action":"insert"`) || done.Swap(true) {
			return [][]byte{frame}
		}
		list := [][]byte{frame}
		for _, f := range frames {
			list = append(list, []byte(f))
		}
		return list
	})
	c.Metrics = live.NewMetrics(nil, "test")
	said = new(notices)
	x, err := bitmex.Connect(t.Context(), bitmex.ExchangeConfig{Config: c, Instruments: w.set, Symbols: w.traded,
		Prefix: "own-", Reconcile: time.Hour,
		Now: func() exchange.Time { return exchange.Time(w.clock.Load()) }, Notice: said.add})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	_, err = x.Submit(t.Context(), exchange.NewOrder{Symbol: w.inst.ID, Side: exchange.Buy, Qty: 100,
		Price: exchange.MustPrice("29000"), ClientID: "own-1"})
	require.NoError(t, err)
	return x, said, c.Metrics
}

const (
	aFill = `{"table":"execution","action":"insert","data":[{"execID":"e-absurd","orderID":"o-absurd","clOrdID":"own-9",` +
		`"account":1,"symbol":"XBTUSD",` +
		`"side":"Buy","lastQty":100,"lastPx":30000,"execType":"Trade","ordType":"Limit","timeInForce":"GoodTillCancel",` +
		`"ordStatus":"Filled",` +
		`"orderQty":100,"price":30000,"leavesQty":0,"cumQty":100,"avgPx":30000,"execCost":-333300,"execComm":10,` +
		`"commission":0.0005,` +
		`"timestamp":"2023-05-01T00:00:00.000Z"}]}`
	aPosition = `{"table":"position","action":"update","data":[{"account":1,"symbol":"XBTUSD","currency":"XBt",` +
		`"currentQty":0,` +
		`"timestamp":"2023-05-01T00:00:00.000Z"}]}`
	aMargin = `{"table":"margin","action":"update","data":[{"account":1,"currency":"XBt","walletBalance":1000,` +
		`"timestamp":"2023-05-01T00:00:00.000Z"}]}`
)

// Account rows out of bounds are refused: they make no report, and each makes a notice to the
// session. The connection stays open.
func TestAbsurdAccountRows(t *testing.T) {
	with := func(row string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(row) }
	for name, c := range map[string]struct{ row, field string }{
		"fill of 9e18 contracts":   {with(aFill, `"lastQty":100`, `"lastQty":9000000000000000000`), "lastQty"},
		"fill of the least number": {with(aFill, `"lastQty":100`, `"lastQty":-9223372036854775808`), "lastQty"},
		"fill at a tiny price":     {with(aFill, `"lastPx":30000`, `"lastPx":1e-8`), "lastPx"},
		"fill at a negative price": {with(aFill, `"lastPx":30000`, `"lastPx":-5`), "lastPx"},
		"fill with a cost of 9e18": {with(aFill, `"execCost":-333300`, `"execCost":-9000000000000000000`), "execCost"},
		"fill with a fee of 9e18":  {with(aFill, `"execComm":10`, `"execComm":9000000000000000000`), "execComm"},
		"fill at a rate of 500 %":  {with(aFill, `"commission":0.0005`, `"commission":5`), "commission"},
		"order of 9e18 contracts": {with(aFill, `"lastQty":100`, `"lastQty":0`, `"orderQty":100`,
			`"orderQty":9000000000000000000`), "orderQty"},
		"order at a negative price": {with(aFill, `"lastQty":100`, `"lastQty":0`, `"price":30000`, `"price":-30000`),
			"price"},
		"position of 9e18":      {with(aPosition, `"currentQty":0`, `"currentQty":9000000000000000000`), "currentQty"},
		"position of the least": {with(aPosition, `"currentQty":0`, `"currentQty":-9223372036854775808`), "currentQty"},
		"position worth 9e18": {with(aPosition, `"currentQty":0`,
			`"currentQty":0,"unrealisedPnl":9000000000000000000`), "unrealisedPnl"},
		"entry below 0": {with(aPosition, `"currentQty":0`, `"currentQty":1,"avgEntryPrice":-1`),
			"avgEntryPrice"},
		"wallet of 9e18": {with(aMargin, `"walletBalance":1000`, `"walletBalance":9000000000000000000`),
			"walletBalance"},
		"margin of -9e18": {with(aMargin, `"walletBalance":1000`, `"marginBalance":-9000000000000000000`),
			"marginBalance"},
	} {
		t.Run(name, func(t *testing.T) {
			x, said, metrics := absurdWorld(t, c.row)
			require.Eventually(t, func() bool { return len(said.of(live.Refused)) == 1 }, 10*time.Second, 2*time.Millisecond)
			require.Contains(t, said.of(live.Refused)[0], c.field)
			require.InDelta(t, 1, testutil.ToFloat64(metrics.Refused.WithLabelValues("account")), 0)
			flushed(t, x)
			d := &drained{orders: map[exchange.ClientID]exchange.Order{}, fills: map[string]bool{}}
			d.take(t, x)
			require.Empty(t, d.fills)
			require.Equal(t, exchange.New, d.orders["own-1"].Status)
			require.Empty(t, said.of(live.Lost), "the connection stands")
		})
	}
}

// A fill of an unknown order makes a notice at once. It changes the position, since it is a
// fill of the account.
func TestFillOfNobodysOrder(t *testing.T) {
	x, said, _ := absurdWorld(t, aFill)
	require.Eventually(t, func() bool { return len(said.of(live.Difference)) == 1 }, 10*time.Second, 2*time.Millisecond)
	require.Equal(t, `fill "e-absurd" of 100 contracts of XBTUSD is of order "o-absurd", "own-9", which is unknown`,
		said.of(live.Difference)[0])
	flushed(t, x)
}

// A row of another account ends the connection, and the error names both accounts.
func TestRowsOfAnotherAccount(t *testing.T) {
	for _, row := range []string{aFill, aPosition, aMargin} {
		x, said, _ := absurdWorld(t, strings.Replace(row, `"account":1`, `"account":5`, 1))
		require.Eventually(t, func() bool { return len(said.of(live.Lost)) == 1 }, 10*time.Second, 2*time.Millisecond)
		require.Contains(t, said.of(live.Lost)[0], "is of account 5, and the key's account is 1")
		require.Eventually(t, func() bool { return len(said.of(live.Found)) == 1 }, 10*time.Second, 2*time.Millisecond)
		d := &drained{orders: map[exchange.ClientID]exchange.Order{}, fills: map[string]bool{}}
		d.take(t, x)
		require.Empty(t, d.fills)
	}
}

// An account that cannot be right from the beginning is not connected, and the error says
// what is wrong with it.
func TestAbsurdAccountAtConnect(t *testing.T) {
	w := newWorld(t, nil)
	for path, c := range map[string]struct{ rows, want string }{
		"/position": {`[{"account":1,"symbol":"XBTUSD","currency":"XBt","currentQty":9000000000000000000}]`, "currentQty"},
		"/order": {`[{"orderID":"o","clOrdID":"own-7","account":1,"symbol":"XBTUSD","side":"Buy",` +
			`"orderQty":9000000000000000000,` +
			`"price":30000,"ordType":"Limit","timeInForce":"GoodTillCancel","ordStatus":"New","leavesQty":1}]`, "orderQty"},
		"/execution": {`[{"account":5,"execID":"e"},{"account":1,"execID":"f"}]`,
			"is of account 1, and the key's account is 5"},
	} {
		config := w.config("trader")
		config.Transport = answers{path: path, rows: c.rows}
		began := time.Now()
		_, err := bitmex.Connect(t.Context(), bitmex.ExchangeConfig{Config: config, Instruments: w.set, Symbols: w.traded,
			Prefix: "own-"})
		require.ErrorContains(t, err, c.want, path)
		require.Less(t, time.Since(began), config.Policy.Timeout, "it does not wait for what does not come")
	}
}

// answers replaces the answer to a path.
type answers struct{ path, rows string }

// RoundTrip implements http.RoundTripper.
func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, a.path) {
		_ = resp.Body.Close()
		resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(a.rows)), int64(len(a.rows))
		resp.Header.Del("Content-Length")
	}
	return resp, err
}

// Events of the upstream that are out of bounds become gaps: neither the gateway nor an
// account ends.
func TestAbsurdUpstream(t *testing.T) {
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	at, err := exchange.ParseTime("2023-05-01")
	require.NoError(t, err)
	trade := func(price string, q exchange.Qty) exchange.Event {
		return exchange.TradeEvent(at, at, i.ID, exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice(price), Qty: q})
	}
	events := []exchange.Event{trade("30000", 1), trade("0", 1), trade("0.00000001", 1), trade("-5", 1), trade("30000",
		1<<62),
		exchange.MarkEvent(at, at, i.ID, exchange.Mark{Mark: 1}), exchange.MarkEvent(at, at, i.ID, exchange.Mark{Index: -1}),
		exchange.TradeEvent(-1, at, i.ID, exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("30000"),
			Qty: 1}), trade("30001", 2)}
	config := sim.Config{Instruments: set, Symbols: []exchange.SymbolID{i.ID}, Currency: i.Settle, Balance: 1_000_000_000}
	registry := prometheus.NewRegistry()
	g, err := gateway.New(gateway.Config{Instruments: set, Symbols: config.Symbols, Currency: i.Settle, Keys: testKeys,
		Start: at, Metrics: registry,
		Open: func(gateway.Key) (exchange.Exchange, gateway.Statement, error) {
			x, err := sim.New(config)
			require.NoError(t, err)
			account := x.Account()
			return x, account, nil
		}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	feed := &gated{list: list{events[:1], nil}, open: make(chan struct{}), rest: list{events[1:], io.EOF}}
	go func() { ended <- g.Run(ctx, feed, gateway.Replay{Speed: 1}) }()
	server := httptest.NewServer(g.Handler())
	defer server.Close()
	w := &world{t: t, server: server}
	ask := func(path string, into any) { w.ask("trader", "GET", path, "").into(t, into) }
	ask("/position", &[]any{}) // opens the account
	close(feed.open)
	require.Eventually(t, func() bool { return traded(ask) == 2 }, 10*time.Second, time.Millisecond)
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
		# HELP dunamis_gateway_refused_events_total Events of the market that were out of bounds and became gaps.
		# TYPE dunamis_gateway_refused_events_total counter
		dunamis_gateway_refused_events_total 7
	`), "dunamis_gateway_refused_events_total"))
	cancel()
	require.NoError(t, <-ended)
}

// gated is a feed that waits between two parts.
type gated struct {
	list
	open chan struct{}
	rest list
}

func (f *gated) Next(ctx context.Context, events []exchange.Event) (int, error) {
	if len(f.list.events) > 0 {
		return f.list.Next(ctx, events)
	}
	select {
	case <-f.open:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return f.rest.Next(ctx, events)
}

// breakable is an exchange that panics when it is told to.
type breakable struct {
	*sim.Exchange
	market, order bool
}

func (b *breakable) Market(ev *exchange.Event) {
	if b.market {
		panic("no such price\n" + strings.Repeat("x", 1000))
	}
	b.Exchange.Market(ev)
}

func (b *breakable) Submit(ctx context.Context, o exchange.NewOrder) (exchange.ClientID, error) {
	if b.order {
		panic("no such order")
	}
	return b.Exchange.Submit(ctx, o)
}

// A panic of the owner ends it with an error that names the event or the request, and who
// asked is answered.
func TestOwnerPanics(t *testing.T) {
	for name, want := range map[string]string{
		"market": `at the event bitmex:XBTUSD 2023-05-01T00:00:00Z trade #`,
		"order":  `at 2023-05-01T00:00:00Z, POST /api/v1/order of account 1: "map[`,
	} {
		t.Run(name, func(t *testing.T) {
			x := new(breakable)
			w := newWorld(t, nil)
			g, err := gateway.New(gateway.Config{Instruments: w.set, Symbols: w.traded, Currency: w.inst.Settle, Keys: testKeys,
				Start: w.now,
				Open: func(gateway.Key) (exchange.Exchange, gateway.Statement, error) {
					s, err := sim.New(sim.Config{Instruments: w.set, Symbols: w.traded, Currency: w.inst.Settle,
						Balance: 1_000_000_000})
					x.Exchange = s
					return x, s.Account(), err
				}})
			require.NoError(t, err)
			ended := make(chan error, 1)
			go func() { ended <- g.Own(t.Context()) }()
			server := httptest.NewServer(g.Handler())
			defer server.Close()
			its := &world{t: t, server: server}
			its.ask("trader", "GET", "/position", "").into(t, &[]any{})
			if name == "market" {
				x.market = true
				ev := exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Buy,
					Price: exchange.MustPrice("30000"), Qty: 1})
				require.Error(t, g.Step(t.Context(), &ev))
			} else {
				x.order = true
				a := its.ask("trader", "POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":1000}`)
				require.Equal(t, http.StatusServiceUnavailable, a.status)
			}
			err = <-ended
			var fault *gateway.FaultError
			require.ErrorAs(t, err, &fault)
			require.Contains(t, err.Error(), "fault in the program "+want)
			require.Contains(t, err.Error(), "(in gateway_test.(*breakable).")
			require.NotContains(t, err.Error(), "\n")
			require.Less(t, len(err.Error()), 1000)
			require.Contains(t, fault.Stack, "goroutine")
		})
	}
}

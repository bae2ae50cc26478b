package gateway_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/gateway"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/secret"
)

func (w *world) client(key string, change func(*bitmex.Config)) *bitmex.Client {
	w.t.Helper()
	config := w.config(key)
	if change != nil {
		change(&config)
	}
	c, err := bitmex.NewClient(config)
	require.NoError(w.t, err)
	w.t.Cleanup(c.Close)
	return c
}

// Every request that reads gets an answer that it can read, or is one that the gateway
// does not serve.
func TestClientReads(t *testing.T) {
	w := busy(t)
	c := w.client("trader", nil)
	q := bitmex.Query{Symbol: "XBTUSD", Count: 3, Reverse: true}
	bins := bitmex.Query{Symbol: "XBTUSD", BinSize: "1m", Partial: true}
	ctx := t.Context()
	for name, read := range map[string]func() (any, error){
		"Time":             func() (any, error) { return c.Time(ctx) },
		"AllInstruments":   func() (any, error) { return c.AllInstruments(ctx, q) },
		"Instruments":      func() (any, error) { return c.Instruments(ctx, bitmex.Query{}) },
		"Indices":          func() (any, error) { return c.Indices(ctx) },
		"ActiveAndIndices": func() (any, error) { return c.ActiveAndIndices(ctx) },
		"Intervals":        func() (any, error) { return c.Intervals(ctx) },
		"CompositeIndex":   func() (any, error) { return c.CompositeIndex(ctx, bitmex.Query{Symbol: ".BXBT"}) },
		"USDVolume":        func() (any, error) { return c.USDVolume(ctx, "") },
		"Book":             func() (any, error) { return c.Book(ctx, "XBTUSD", 0) },
		"Trades":           func() (any, error) { return c.Trades(ctx, q) },
		"TradeBins":        func() (any, error) { return c.TradeBins(ctx, bins) },
		"Quotes":           func() (any, error) { return c.Quotes(ctx, q) },
		"QuoteBins":        func() (any, error) { return c.QuoteBins(ctx, bitmex.Query{BinSize: "1h"}) },
		"Funding":          func() (any, error) { return c.Funding(ctx, q) },
		"Liquidations":     func() (any, error) { return c.Liquidations(ctx, q) },
		"Settlements":      func() (any, error) { return c.Settlements(ctx, q) },
		"Insurance":        func() (any, error) { return c.Insurance(ctx, bitmex.Query{}) },
		"Stats":            func() (any, error) { return c.Stats(ctx) },
		"StatsHistory":     func() (any, error) { return c.StatsHistory(ctx) },
		"StatsUSD":         func() (any, error) { return c.StatsUSD(ctx) },
		"ExecutionHistory": func() (any, error) { return c.ExecutionHistory(ctx, "XBTUSD", w.now) },
		"Announcements":    func() (any, error) { return c.Announcements(ctx, true) },
		"Schema":           func() (any, error) { return c.Schema(ctx, "order") },
		"StreamHelp":       func() (any, error) { return c.StreamHelp(ctx) },
		"Assets":           func() (any, error) { return c.Assets(ctx) },
		"Networks":         func() (any, error) { return c.Networks(ctx) },
		"Orders":           func() (any, error) { return c.Orders(ctx, q) },
		"Executions":       func() (any, error) { return c.Executions(ctx, q) },
		"TradeHistory":     func() (any, error) { return c.TradeHistory(ctx, q) },
		"Positions":        func() (any, error) { return c.Positions(ctx, bitmex.Query{Filter: map[string]any{"symbol": "XBTUSD"}}) },
		"Margin":           func() (any, error) { return c.Margin(ctx, "XBt") },
		"Margins":          func() (any, error) { return c.Margins(ctx) },
		"Wallet":           func() (any, error) { return c.Wallet(ctx, "XBt") },
		"Wallets":          func() (any, error) { return c.Wallets(ctx) },
		"WalletHistory":    func() (any, error) { return c.WalletHistory(ctx, "XBt") },
		"WalletSummary":    func() (any, error) { return c.WalletSummary(ctx, "XBt") },
		"Commission":       func() (any, error) { return c.Commission(ctx) },
		"TradingVolume":    func() (any, error) { return c.TradingVolume(ctx) },
		"User":             func() (any, error) { return c.User(ctx) },
		"Keys":             func() (any, error) { return c.Keys(ctx) },
	} {
		v, err := read()
		require.NoError(t, err, name)
		require.NotNil(t, v, name)
	}
	for name, ask := range map[string]func() error{
		"QuoteFillRatio":  func() error { _, err := c.QuoteFillRatio(ctx); return err },
		"QuoteValueRatio": func() error { _, err := c.QuoteValueRatio(ctx); return err },
		"AffiliateStatus": func() error { _, err := c.AffiliateStatus(ctx, "XBt"); return err },
		"DepositAddress":  func() error { _, err := c.DepositAddress(ctx, "XBt", "btc"); return err },
		"Transfer":        func() error { _, err := c.Transfer(ctx, "XBt", 1, 5); return err },
		"Withdraw":        func() error { _, err := c.Withdraw(ctx, bitmex.Withdrawal{Currency: "XBt", Amount: 1}); return err },
		"Logout":          func() error { return c.Logout(ctx) },
	} {
		require.ErrorIs(t, ask(), api.ErrNotFound, name)
	}
	p, err := c.Isolate(ctx, "XBTUSD", true)
	require.NoError(t, err)
	require.False(t, p.CrossMargin)
	o, err := c.ClosePosition(ctx, "XBTUSD", exchange.MustPrice("30500"))
	require.NoError(t, err)
	require.Equal(t, "Sell 500 30500 Close", fmt.Sprint(o.Side, " ", *o.OrderQty, " ", o.Price, " ", o.ExecInst))
}

// Errors have a meaning whatever way they come.
func TestClientErrors(t *testing.T) {
	w := busy(t)
	c := w.client("trader", nil)
	ctx := t.Context()
	order := func(qty exchange.Qty, price, id string) bitmex.NewOrder {
		return bitmex.NewOrder{Symbol: "XBTUSD", Side: "Buy", OrderQty: qty, Price: exchange.MustPrice(price), ClOrdID: id}
	}
	_, err := c.Place(ctx, order(100, "29000", "rests"))
	require.ErrorIs(t, err, api.ErrDuplicateID)
	_, err = c.Place(ctx, order(100, "29000.3", ""))
	require.ErrorIs(t, err, api.ErrInvalid)
	o, err := c.Place(ctx, bitmex.NewOrder{Symbol: "XBTUSD", Side: "Sell", OrderQty: 10_000_000, Price: exchange.MustPrice("30000"), TimeInForce: "ImmediateOrCancel", ExecInst: "ReduceOnly"})
	require.NoError(t, err)
	require.NoError(t, o.Refusal(), "%+v", o)
	_, err = c.Amend(ctx, bitmex.AmendOrder{OrigClOrdID: "gone", Price: new(exchange.MustPrice("29001"))})
	require.ErrorIs(t, err, api.ErrOrderState)
	_, err = c.Amend(ctx, bitmex.AmendOrder{OrigClOrdID: "never", Price: new(exchange.MustPrice("29001"))})
	require.ErrorIs(t, err, api.ErrUnknownOrder)
	_, err = w.client("reader", nil).Place(ctx, order(100, "29000", ""))
	require.ErrorIs(t, err, api.ErrForbidden)
	_, err = w.client("off", nil).User(ctx)
	require.ErrorIs(t, err, api.ErrUnauthorized)
	require.NotErrorIs(t, err, api.ErrExpired)
	rows, err := c.Cancel(ctx, nil, []string{"gone", "rests"}, "")
	require.NoError(t, err)
	require.NotEmpty(t, rows[0].Error)
	require.Equal(t, "Canceled", rows[1].OrdStatus)
}

// Pages show every row once and in order, also where more rows than a page holds share
// an instant, forwards and backwards; as CSV they are the same.
func TestPages(t *testing.T) {
	w := newWorld(t, nil)
	for n := range 40 {
		if n%7 == 0 {
			w.now = w.now.Add(time.Second)
		}
		w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("30000"), Qty: exchange.Qty(100 * (n + 1))}))
	}
	c := w.client("trader", nil)
	sizes := func(q bitmex.Query) (list []int64) {
		for row, err := range bitmex.Pages(t.Context(), c.Trades, q) {
			require.NoError(t, err)
			list = append(list, *row.Size/100)
		}
		return list
	}
	var up, down []int64
	for n := range int64(40) {
		up, down = append(up, n+1), append(down, 40-n)
	}
	for _, size := range []int{1, 2, 3, 5, 7, 8, 40, 0} {
		require.Equal(t, up, sizes(bitmex.Query{Count: size}), "pages of %d", size)
		require.Equal(t, down, sizes(bitmex.Query{Count: size, Reverse: true}), "pages of %d", size)
		var text bytes.Buffer
		rows, err := c.Download(t.Context(), "trade", bitmex.Query{Count: size}, &text)
		require.NoError(t, err)
		require.Equal(t, 40, rows)
		records, err := csv.NewReader(&text).ReadAll()
		require.NoError(t, err)
		require.Len(t, records, 41, "one header")
		require.Equal(t, []string{"timestamp", "symbol", "side", "size"}, records[0][:4])
		require.Equal(t, "4000", records[40][3])
	}
	from := w.now.Add(-time.Second)
	require.Equal(t, up[28:], sizes(bitmex.Query{Count: 3, From: from}))
	for _, err := range bitmex.Pages(t.Context(), c.Trades, bitmex.Query{Count: 3}) {
		require.NoError(t, err)
		break // who has enough stops
	}
	var first error
	for _, err := range bitmex.Pages(t.Context(), c.Trades, bitmex.Query{Symbol: "XBTUSD", Columns: []string{"colour"}}) {
		first = err
	}
	require.ErrorIs(t, first, api.ErrInvalid)
	_, err := c.Download(t.Context(), "wallet/assets", bitmex.Query{}, &bytes.Buffer{})
	require.ErrorContains(t, err, "no timestamp")
	var orders int
	for n := range 5 {
		_, err := c.Place(t.Context(), bitmex.NewOrder{Symbol: "XBTUSD", OrderQty: 100, Price: exchange.MustPrice("20000"), ClOrdID: fmt.Sprint(n)})
		require.NoError(t, err)
	}
	for o, err := range bitmex.Offsets(t.Context(), c.Orders, bitmex.Query{Count: 2}) {
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(orders), o.ClOrdID)
		orders++
	}
	require.Equal(t, 5, orders)
}

// A client whose clock is wrong learns the venue's, and its requests and streams do
// not expire.
func TestClockSkew(t *testing.T) {
	for _, skew := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
		t.Run(skew.String(), func(t *testing.T) {
			w := newWorld(t, func(c *gateway.Config) { c.Clock = func() time.Time { return time.Now().Add(skew) } })
			w.quote(exchange.Level{Price: exchange.MustPrice("30000"), Qty: 1000}, exchange.Level{Price: exchange.MustPrice("30001"), Qty: 1000})
			dated := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
				w.g.Handler().ServeHTTP(rw, r)
			})
			w.server.Close()
			w.server = httptest.NewServer(dated)
			c := w.client("trader", nil)
			_, err := c.Place(t.Context(), bitmex.NewOrder{Symbol: "XBTUSD", OrderQty: 100, Price: exchange.MustPrice("29000"), ClOrdID: "a"})
			require.NoError(t, err)
			rows, err := c.Orders(t.Context(), bitmex.Query{})
			require.NoError(t, err)
			require.Len(t, rows, 1, "what had expired was not carried out")
			x := w.connect("trader")
			require.NoError(t, x.Flush(t.Context()))
		})
	}
}

// recorder keeps all that is logged.
type recorder struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(b)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

// Nothing that is logged, counted, returned or printed has a secret in it, nor a
// signature that could be used again; every order and request is in the log.
func TestSecretsAreNotTold(t *testing.T) {
	var log recorder
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	registry := prometheus.NewRegistry()
	w := newWorld(t, func(c *gateway.Config) { c.Log, c.Metrics = logger, registry })
	w.quote(exchange.Level{Price: exchange.MustPrice("30000"), Qty: 1000}, exchange.Level{Price: exchange.MustPrice("30001"), Qty: 1000})
	p := newProxy(t, w.server.URL)
	var signed []string
	var mu sync.Mutex
	c := w.config("trader")
	const text = "s3cr3t-7h47-n0b0dy-5h0uld-533"
	for n := range testKeys {
		if testKeys[n].ID == "trader" {
			was := testKeys[n].Secret
			testKeys[n].Secret, c.Secret = secret.New(text), secret.New(text)
			t.Cleanup(func() { testKeys[n].Secret = was })
		}
	}
	c.StreamURL = "ws://" + p.listener.Addr().String() + "/realtime"
	c.Log, c.Metrics = logger, live.NewMetrics(registry, "bitmex")
	c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		signed = append(signed, r.Header.Get("api-signature"))
		lost := len(signed)%5 == 0
		mu.Unlock()
		if lost {
			return nil, errors.New("connection reset by peer")
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	config := bitmex.ExchangeConfig{Config: c, Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID}, DeadMan: time.Second, Reconcile: 20 * time.Millisecond}
	x, err := bitmex.Connect(t.Context(), config)
	require.NoError(t, err)
	id, err := x.Submit(t.Context(), exchange.NewOrder{Symbol: w.inst.ID, Side: exchange.Buy, Qty: 100, Price: exchange.MustPrice("29000")})
	require.NoError(t, err)
	flushed(t, x)
	require.NoError(t, x.Amend(t.Context(), exchange.AmendOrder{Symbol: w.inst.ID, OrigClientID: id, Price: new(exchange.MustPrice("29001"))}))
	require.NoError(t, x.Cancel(t.Context(), exchange.CancelOrder{Symbol: w.inst.ID, ClientID: "never"}))
	p.cut()
	flushed(t, x)
	require.NoError(t, x.Close())
	wrong := c
	wrong.Secret = secret.New("an0th3r-0n3")
	_, err = bitmex.Connect(t.Context(), bitmex.ExchangeConfig{Config: wrong, Instruments: w.set, Symbols: config.Symbols})
	require.ErrorIs(t, err, api.ErrUnauthorized)

	all := log.String() + fmt.Sprintf("%v %+v %#v %v", c, config, config, err)
	families, gatherErr := registry.Gather()
	require.NoError(t, gatherErr)
	for _, f := range families {
		all += f.String()
	}
	require.NotContains(t, all, text)
	require.NotContains(t, all, "an0th3r-0n3")
	for _, s := range signed {
		if s != "" {
			require.NotContains(t, all, s)
		}
	}
	for _, want := range []string{`"order placed"`, `"client_id":"` + string(id) + `"`, `"latency":`, `"command":"amend"`, `"command":"cancel"`, `"path":"/api/v1/order"`, `"stream ended"`} {
		require.Contains(t, log.String(), want)
	}
	for _, name := range []string{"dunamis_requests_total", "dunamis_request_seconds", "dunamis_request_repeats_total", "dunamis_breaker_open",
		"dunamis_stream_reconnects_total", "dunamis_stream_frames_total", "dunamis_stream_last_frame_timestamp_seconds", "dunamis_clock_skew_seconds",
		"dunamis_orders_total", "dunamis_command_seconds", "dunamis_account_differences_total", "dunamis_stream_gaps_total", "dunamis_stream_lag_seconds"} {
		n, err := testutil.GatherAndCount(registry, name)
		require.NoError(t, err)
		require.Positive(t, n, name)
	}
}

// roundTrip is a function as a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// What happened before the first connection is not reported by a later one.
func TestHistoryIsNotNews(t *testing.T) {
	w := busy(t) // has fills, an amendment and a cancellation
	p := newProxy(t, w.server.URL)
	c := w.config("trader")
	c.StreamURL = "ws://" + p.listener.Addr().String() + "/realtime"
	c.Metrics = live.NewMetrics(nil, "bitmex")
	x, err := bitmex.Connect(t.Context(), bitmex.ExchangeConfig{Config: c, Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID}})
	require.NoError(t, err)
	defer func() { require.NoError(t, x.Close()) }()
	d := &drained{orders: map[exchange.ClientID]exchange.Order{}, fills: map[string]bool{}}
	d.take(t, x)
	require.Len(t, d.orders, 2, "those that are open")
	for range 3 {
		p.cut()
		time.Sleep(20 * time.Millisecond)
		flushed(t, x)
	}
	d.take(t, x)
	require.Len(t, d.orders, 2)
	require.Empty(t, d.fills)
	_, err = x.ClosePosition(t.Context(), w.inst.ID)
	require.NoError(t, err)
	flushed(t, x)
	d.take(t, x)
	require.Equal(t, exchange.Qty(-500), d.pos)
	require.Zero(t, testutil.ToFloat64(c.Metrics.Differences))
}

// lossy loses answers to, or requests of, a verb on an order.
type lossy struct {
	verb    string
	request bool // the request, else the answer
	n       int
	mu      sync.Mutex
}

func (l *lossy) lose(verb string, request bool, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.verb, l.request, l.n = verb, request, n
}

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	loses := l.n > 0 && r.Method == l.verb && strings.HasSuffix(r.URL.Path, "/order")
	request := l.request
	if loses {
		l.n--
	}
	l.mu.Unlock()
	if loses && request {
		return nil, errReset
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if loses && err == nil {
		_ = resp.Body.Close()
		return nil, errReset
	}
	return resp, err
}

// A client id that is used again, an amendment, and an answer that is lost: what became
// of the command is found out, not guessed.
func TestUnknownOutcomes(t *testing.T) {
	w := busy(t)
	l := &lossy{}
	c := w.config("trader")
	c.Transport = l
	x, err := bitmex.Connect(t.Context(), bitmex.ExchangeConfig{Config: c, Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID}})
	require.NoError(t, err)
	defer func() { require.NoError(t, x.Close()) }()
	d := &drained{orders: map[exchange.ClientID]exchange.Order{}, fills: map[string]bool{}}
	submit := func(want exchange.OrderStatus) {
		_, err := x.Submit(t.Context(), exchange.NewOrder{Symbol: w.inst.ID, Side: exchange.Buy, Qty: 100, Price: exchange.MustPrice("28000"), ClientID: "again"})
		require.NoError(t, err)
		d.status(t, x, "again", want)
	}
	submit(exchange.New)
	require.NoError(t, x.Cancel(t.Context(), exchange.CancelOrder{Symbol: w.inst.ID, ClientID: "again"}))
	d.status(t, x, "again", exchange.Canceled)
	l.lose("POST", true, 1) // the request does not arrive, and the order of before is not it
	submit(exchange.Rejected)
	l.lose("POST", false, 1) // it arrives
	submit(exchange.New)
	flushed(t, x)

	amend := func(price string) (rejects int) {
		require.NoError(t, x.Amend(t.Context(), exchange.AmendOrder{Symbol: w.inst.ID, OrigClientID: "again", Price: new(exchange.MustPrice(price))}))
		flushed(t, x)
		reports, err := x.Advance(t.Context(), exchange.TimeOf(time.Now()), nil)
		require.NoError(t, err)
		for _, r := range reports {
			if r.Kind == exchange.ReportReject {
				rejects++
				require.Equal(t, exchange.ClientID("again"), r.Reject.ClientID)
			}
			if r.Kind == exchange.ReportOrder {
				d.orders[r.Order.ClientID] = r.Order
			}
		}
		return rejects
	}
	l.lose("PUT", false, 1)
	require.Zero(t, amend("28001"), "it was made")
	require.Equal(t, exchange.MustPrice("28001"), d.orders["again"].Price)
	l.lose("PUT", true, 1)
	require.Equal(t, 1, amend("28002"), "it was not")
	require.Equal(t, exchange.MustPrice("28001"), d.orders["again"].Price)
}

// A request that comes so late that its order counted as never placed: the order is
// cancelled, and nobody loses track of it.
func TestOrderThatComesLate(t *testing.T) {
	w := busy(t)
	var late func()
	var mu sync.Mutex
	c := w.config("trader")
	c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodPost {
			return http.DefaultTransport.RoundTrip(r)
		}
		held := r.Clone(context.Background())
		body := new(bytes.Buffer)
		_, _ = body.ReadFrom(r.Body)
		mu.Lock()
		late = func() {
			again, err := http.NewRequestWithContext(context.Background(), held.Method, held.URL.String(), body)
			require.NoError(t, err)
			again.Header = held.Header
			resp, err := http.DefaultTransport.RoundTrip(again)
			require.NoError(t, err)
			require.Equal(t, 200, resp.StatusCode)
			require.NoError(t, resp.Body.Close())
		}
		mu.Unlock()
		return nil, errReset
	})
	x, err := bitmex.Connect(t.Context(), bitmex.ExchangeConfig{Config: c, Instruments: w.set, Symbols: []exchange.SymbolID{w.inst.ID}})
	require.NoError(t, err)
	defer func() { require.NoError(t, x.Close()) }()
	d := &drained{orders: map[exchange.ClientID]exchange.Order{}, fills: map[string]bool{}}
	id, err := x.Submit(t.Context(), exchange.NewOrder{Symbol: w.inst.ID, Side: exchange.Buy, Qty: 100, Price: exchange.MustPrice("28000")})
	require.NoError(t, err)
	d.status(t, x, id, exchange.Rejected)
	mu.Lock()
	late()
	mu.Unlock()
	d.status(t, x, id, exchange.Canceled)
}

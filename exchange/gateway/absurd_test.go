package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
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
	w.quote(exchange.Level{Price: exchange.MustPrice("30000"), Qty: 100_000}, exchange.Level{Price: exchange.MustPrice("30001"), Qty: 100_000})
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
	x, err := bitmex.Connect(t.Context(), bitmex.ExchangeConfig{Config: c, Instruments: w.set, Symbols: w.traded, Prefix: "own-", Reconcile: time.Hour,
		Now: func() exchange.Time { return exchange.Time(w.clock.Load()) }, Notice: said.add})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, x.Close()) })
	_, err = x.Submit(t.Context(), exchange.NewOrder{Symbol: w.inst.ID, Side: exchange.Buy, Qty: 100, Price: exchange.MustPrice("29000"), ClientID: "own-1"})
	require.NoError(t, err)
	return x, said, c.Metrics
}

const (
	aFill = `{"table":"execution","action":"insert","data":[{"execID":"e-absurd","orderID":"o-absurd","clOrdID":"own-9","account":1,"symbol":"XBTUSD",` +
		`"side":"Buy","lastQty":100,"lastPx":30000,"execType":"Trade","ordType":"Limit","timeInForce":"GoodTillCancel","ordStatus":"Filled",` +
		`"orderQty":100,"price":30000,"leavesQty":0,"cumQty":100,"avgPx":30000,"execCost":-333300,"execComm":10,"commission":0.0005,` +
		`"timestamp":"2023-05-01T00:00:00.000Z"}]}`
	aPosition = `{"table":"position","action":"update","data":[{"account":1,"symbol":"XBTUSD","currency":"XBt","currentQty":0,` +
		`"timestamp":"2023-05-01T00:00:00.000Z"}]}`
	aMargin = `{"table":"margin","action":"update","data":[{"account":1,"currency":"XBt","walletBalance":1000,"timestamp":"2023-05-01T00:00:00.000Z"}]}`
)

// Rows of the account that cannot be right are refused: nothing of them is reported, and
// whoever trades hears of each. The client and its connection live on.
func TestAbsurdAccountRows(t *testing.T) {
	with := func(row string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(row) }
	for name, c := range map[string]struct{ row, field string }{
		"fill of 9e18 contracts":    {with(aFill, `"lastQty":100`, `"lastQty":9000000000000000000`), "lastQty"},
		"fill of the least number":  {with(aFill, `"lastQty":100`, `"lastQty":-9223372036854775808`), "lastQty"},
		"fill at a tiny price":      {with(aFill, `"lastPx":30000`, `"lastPx":1e-8`), "lastPx"},
		"fill at a negative price":  {with(aFill, `"lastPx":30000`, `"lastPx":-5`), "lastPx"},
		"fill with a cost of 9e18":  {with(aFill, `"execCost":-333300`, `"execCost":-9000000000000000000`), "execCost"},
		"fill with a fee of 9e18":   {with(aFill, `"execComm":10`, `"execComm":9000000000000000000`), "execComm"},
		"fill at a rate of 500 %":   {with(aFill, `"commission":0.0005`, `"commission":5`), "commission"},
		"order of 9e18 contracts":   {with(aFill, `"lastQty":100`, `"lastQty":0`, `"orderQty":100`, `"orderQty":9000000000000000000`), "orderQty"},
		"order at a negative price": {with(aFill, `"lastQty":100`, `"lastQty":0`, `"price":30000`, `"price":-30000`), "price"},
		"position of 9e18":          {with(aPosition, `"currentQty":0`, `"currentQty":9000000000000000000`), "currentQty"},
		"position of the least":     {with(aPosition, `"currentQty":0`, `"currentQty":-9223372036854775808`), "currentQty"},
		"position worth 9e18":       {with(aPosition, `"currentQty":0`, `"currentQty":0,"unrealisedPnl":9000000000000000000`), "unrealisedPnl"},
		"entry below 0":             {with(aPosition, `"currentQty":0`, `"currentQty":1,"avgEntryPrice":-1`), "avgEntryPrice"},
		"wallet of 9e18":            {with(aMargin, `"walletBalance":1000`, `"walletBalance":9000000000000000000`), "walletBalance"},
		"margin of -9e18":           {with(aMargin, `"walletBalance":1000`, `"marginBalance":-9000000000000000000`), "marginBalance"},
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

// A fill of an order that nobody gave is told of at once, and moves the position: it is the
// account's.
func TestFillOfNobodysOrder(t *testing.T) {
	x, said, _ := absurdWorld(t, aFill)
	require.Eventually(t, func() bool { return len(said.of(live.Difference)) == 1 }, 10*time.Second, 2*time.Millisecond)
	require.Equal(t, `fill "e-absurd" of 100 contracts of XBTUSD is of order "o-absurd", "own-9", which nobody gave`, said.of(live.Difference)[0])
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
		"/order": {`[{"orderID":"o","clOrdID":"own-7","account":1,"symbol":"XBTUSD","side":"Buy","orderQty":9000000000000000000,` +
			`"price":30000,"ordType":"Limit","timeInForce":"GoodTillCancel","ordStatus":"New","leavesQty":1}]`, "orderQty"},
		"/execution": {`[{"account":5,"execID":"e"},{"account":1,"execID":"f"}]`, "is of account 1, and the key's account is 5"},
	} {
		config := w.config("trader")
		config.Transport = answers{path: path, rows: c.rows}
		began := time.Now()
		_, err := bitmex.Connect(t.Context(), bitmex.ExchangeConfig{Config: config, Instruments: w.set, Symbols: w.traded, Prefix: "own-"})
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

package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// answer is what came back for a request that the test made by hand.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) error(t testing.TB) string {
	t.Helper()
	var e api.ErrorBody
	require.NoError(t, json.Unmarshal(a.body, &e), string(a.body))
	require.NotEmpty(t, e.Error.Name)
	return e.Error.Message
}

func (a *answer) into(t testing.TB, v any) {
	t.Helper()
	require.Equal(t, 200, a.status, string(a.body))
	require.NoError(t, json.Unmarshal(a.body, v), string(a.body))
}

// ask signs and sends a request, without the client under test. The body is JSON text
// or, with a prefix "form:", a form.
func (w *world) ask(key, verb, path, body string) *answer {
	w.t.Helper()
	k, _ := testKeys.Lookup(key)
	return w.askAs(key, k.Secret.Reveal(), time.Now().Add(time.Minute).Unix(), verb, path, body)
}

func (w *world) askAs(key, secret string, expires int64, verb, path, body string) *answer {
	w.t.Helper()
	form, isForm := strings.CutPrefix(body, "form:")
	r, err := http.NewRequestWithContext(w.t.Context(), verb, w.server.URL+api.BasePath+path, bytes.NewReader([]byte(form)))
	require.NoError(w.t, err)
	if isForm {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("api-key", key)
		r.Header.Set("api-expires", fmt.Sprint(expires))
		r.Header.Set("api-signature", api.Sign(secret, verb, api.BasePath+path, expires, []byte(form)))
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(w.t, err)
	defer func() { require.NoError(w.t, resp.Body.Close()) }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return &answer{resp.StatusCode, resp.Header, b}
}

// busy is a world with a book, trades, an order that rests, one that waits, one that
// was cancelled, a position and funding.
func busy(t testing.TB) *world {
	w := newWorld(t, nil, "XBTUSD", "ETHUSD")
	p := exchange.MustPrice
	eth := w.set.All()[1].ID
	w.step(
		exchange.FundingEvent(w.now, w.now, w.inst.ID, exchange.Funding{Rate: exchange.MustRatio("0.0001"), Due: w.now.Add(4 * time.Hour)}),
		exchange.MarkEvent(w.now, w.now, w.inst.ID, exchange.Mark{Mark: p("30000.5"), Index: p("29999.12")}),
		exchange.LevelEvent(w.now, w.now, w.inst.ID, exchange.Buy, exchange.Level{Price: p("29999.5"), Qty: 1000}, exchange.FlagClear|exchange.FlagSnapshot),
		exchange.LevelEvent(w.now, w.now, w.inst.ID, exchange.Buy, exchange.Level{Price: p("29999"), Qty: 2000}, exchange.FlagSnapshot),
		exchange.LevelEvent(w.now, w.now, w.inst.ID, exchange.Sell, exchange.Level{Price: p("30000"), Qty: 5000}, exchange.FlagSnapshot|exchange.FlagLast),
		exchange.QuoteEvent(w.now, w.now, eth, exchange.Quote{BidPrice: p("1800"), BidQty: 50, AskPrice: p("1800.05"), AskQty: 60}),
		exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Buy, Price: p("30000"), Qty: 300}),
		exchange.TradeEvent(w.now, w.now, eth, exchange.Trade{Side: exchange.Sell, Price: p("1800"), Qty: 7}),
	)
	post := func(body string) { w.ask("trader", "POST", "/order", body).into(t, &struct{}{}) }
	post(`{"symbol":"XBTUSD","orderQty":500,"ordType":"Market","text":"in"}`)
	post(`{"symbol":"XBTUSD","side":"Buy","orderQty":200,"price":29000,"clOrdID":"rests","execInst":"ParticipateDoNotInitiate"}`)
	post(`{"symbol":"XBTUSD","side":"Sell","orderQty":100,"stopPx":28000,"execInst":"LastPrice,ReduceOnly","clOrdID":"waits"}`)
	post(`{"symbol":"XBTUSD","side":"Sell","orderQty":100,"price":31000,"clOrdID":"gone","displayQty":0}`)
	w.ask("trader", "DELETE", "/order", `{"clOrdID":"gone"}`).into(t, &[]any{})
	w.pass(4 * time.Hour)
	w.now = w.now.Add(time.Second)
	w.step(exchange.FundingEvent(w.now, w.now, w.inst.ID, exchange.Funding{Rate: exchange.MustRatio("-0.0002"), Due: w.now.Add(8*time.Hour - time.Second)}),
		exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Sell, Price: p("29999.5"), Qty: 100}),
		exchange.LevelEvent(w.now, w.now, w.inst.ID, exchange.Buy,
			exchange.Level{Price: p("29999"), Qty: 2000}, exchange.FlagLast),
		exchange.QuoteEvent(w.now, w.now, eth,
			exchange.Quote{BidPrice: p("1800"), BidQty: 50, AskPrice: p("1800.05"), AskQty: 60}))
	return w
}

// stream is a socket without the client under test.
type stream struct {
	t    testing.TB
	conn *websocket.Conn
}

func (w *world) dial(path string, header http.Header) *stream {
	w.t.Helper()
	conn, resp, err := websocket.Dial(w.t.Context(), "ws"+strings.TrimPrefix(w.server.URL, "http")+path, &websocket.DialOptions{HTTPHeader: header})
	require.NoError(w.t, err)
	if resp.Body != nil {
		require.NoError(w.t, resp.Body.Close())
	}
	conn.SetReadLimit(1 << 24)
	w.t.Cleanup(func() { _ = conn.CloseNow() })
	s := &stream{w.t, conn}
	require.Equal(w.t, "Welcome to the BitMEX Realtime API.", s.next()["info"])
	return s
}

func (s *stream) send(frame string) {
	s.t.Helper()
	require.NoError(s.t, s.conn.Write(s.t.Context(), websocket.MessageText, []byte(frame)))
}

func (s *stream) raw() string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	_, b, err := s.conn.Read(ctx)
	require.NoError(s.t, err)
	return string(b)
}

func (s *stream) next() (m map[string]any) {
	s.t.Helper()
	require.NoError(s.t, json.Unmarshal([]byte(s.raw()), &m))
	return m
}

func (s *stream) auth(key string) {
	s.t.Helper()
	k, _ := testKeys.Lookup(key)
	expires := time.Now().Add(time.Minute).Unix()
	s.send(fmt.Sprintf(`{"op":"authKeyExpires","args":[%q,%d,%q]}`, key, expires, api.Sign(k.Secret.Reveal(), "GET", "/realtime", expires, nil)))
	require.Equal(s.t, true, s.next()["success"])
}

// subscribe returns the partial.
func (s *stream) subscribe(topic string) map[string]any {
	s.t.Helper()
	s.send(fmt.Sprintf(`{"op":"subscribe","args":[%q]}`, topic))
	ack := s.next()
	require.Equal(s.t, topic, ack["subscribe"], "%v", ack)
	m := s.next()
	require.Equal(s.t, "partial", m["action"], "%v", m)
	return m
}

func query(pairs ...string) string {
	v := url.Values{}
	for n := 0; n < len(pairs); n += 2 {
		v.Set(pairs[n], pairs[n+1])
	}
	return "?" + v.Encode()
}

func decodeInto(t testing.TB, b []byte, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(b, v), string(b))
}

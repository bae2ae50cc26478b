package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/gateway"
)

// args is a list of a topic many times.
func args(topic string, n int) string {
	return `["` + strings.Repeat(topic+`","`, n-1) + topic + `"]`
}

// rest reads until the socket is closed.
func (s *stream) rest() (frames []string) {
	s.t.Helper()
	for {
		_, b, err := s.conn.Read(s.t.Context())
		if err != nil {
			return frames
		}
		frames = append(frames, string(b))
	}
}

// The mistakes of one frame end a socket as those of many frames do, and what is answered
// is no longer for a longer frame.
func TestMistakesWithinAFrame(t *testing.T) {
	long := strings.Repeat("x", 60_000)
	for name, c := range map[string]struct {
		frame   string
		answers int // at most
	}{
		"subscribed already":       {`{"op":"subscribe","args":` + args("trade:XBTUSD", 4000) + `}`, 22},
		"unknown tables":           {`{"op":"subscribe","args":` + args("nothing", 5000) + `}`, 20},
		"no texts":                 {`{"op":"subscribe","args":[` + strings.Repeat("5,", 20_000) + `5]}`, 20},
		"not subscribed":           {`{"op":"unsubscribe","args":` + args("quote", 5000) + `}`, 20},
		"private tables":           {`{"op":"subscribe","args":` + args("execution", 4000) + `}`, 20},
		"one long topic":           {`{"op":"subscribe","args":["` + long + `"]}`, 1},
		"one long name of a table": {`{"op":"subscribe","args":["trade:` + long + `"]}`, 1},
		"a long op":                {`{"op":"` + long + `"}`, 1},
		"no JSON":                  {long, 1},
		"a long signature":         {`{"op":"authKeyExpires","args":["k",1,"` + long + `"]}`, 1},
		"a long timeout":           {`{"op":"cancelAllAfter","args":["` + long + `"]}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := busy(t)
			s := w.dial("/realtime", nil)
			s.send(c.frame)
			if c.answers == 1 {
				require.Less(t, len(s.raw()), 1024)
				return
			}
			answers := s.rest()
			require.LessOrEqual(t, len(answers), c.answers)
			for _, a := range answers {
				require.Less(t, len(a), 4096, a)
			}
		})
	}
}

// The streams of a socket share its mistakes.
func TestMistakesOfStreams(t *testing.T) {
	w := busy(t)
	conn, resp, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(w.server.URL, "http")+"/realtimemd", nil)
	require.NoError(t, err)
	if resp.Body != nil {
		require.NoError(t, resp.Body.Close())
	}
	defer func() { _ = conn.CloseNow() }()
	s := &stream{t, conn}
	s.send(`[1,"` + strings.Repeat("n", 60_000) + `","b"]`)
	require.Contains(t, s.raw(), "The name of a stream is too long.")
	for n := range 10 {
		s.send(fmt.Sprintf(`[1,"a%d","b"]`, n))
		s.raw()
	}
	for n := range 5 {
		s.send(fmt.Sprintf(`[0,"a%d","b",{"op":"subscribe","args":%s}]`, n, args("nothing", 4)))
	}
	require.Len(t, s.rest(), 19, "one was made before")
}

// A frame that is answered is repeated as it was sent if it is short. What an answer
// repeats is JSON, whatever was sent.
func TestAnswersRepeatWhatWasSent(t *testing.T) {
	w := busy(t)
	s := w.dial("/realtime", nil)
	s.send(`{"op":"subscribe","args":["insurance","announcement"]}`)
	for _, topic := range []string{"insurance", "announcement"} {
		m := s.next()
		require.Equal(t, topic, m["subscribe"])
		require.Equal(t, map[string]any{"op": "subscribe", "args": []any{"insurance", "announcement"}}, m["request"])
		require.Equal(t, "partial", s.next()["action"])
	}
	s.send(`{"op":"unsubscribe","args":["insurance"` + strings.Repeat(" ", 600) + `]}`)
	require.Equal(t, map[string]any{"op": "unsubscribe", "args": []any{"insurance"}}, s.next()["request"])
	for _, topic := range []string{`\u0001`, `\u0007`, `\u2028`, `\\`, `\"`, `\u0000<>`} {
		s.send(`{"op":"subscribe","args":["insurance:` + topic + `"]}`)
		m := s.next() // fails if it is no JSON
		require.True(t, m["subscribe"] != nil || m["error"] != nil, "%v", m)
		if m["subscribe"] != nil {
			require.Equal(t, "partial", s.next()["action"])
			s.send(`{"op":"unsubscribe","args":["insurance:` + topic + `"]}`)
			require.Equal(t, m["subscribe"], s.next()["unsubscribe"])
		}
	}
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// A client that asks and does not read is not answered any further: what waits for it is
// bounded, however much it asks for.
func TestAsksAndDoesNotRead(t *testing.T) {
	w := newWorld(t, nil)
	events := make([]exchange.Event, 2000)
	for n := range events {
		flags := exchange.Flags(0)
		if n == len(events)-1 {
			flags = exchange.FlagLast
		}
		events[n] = exchange.LevelEvent(
			w.now,
			w.now,
			w.inst.ID,
			exchange.Buy,
			exchange.Level{Price: exchange.Price(10_000+n) * exchange.PriceUnit, Qty: 100},
			flags,
		)
	}
	w.step(events...)
	before := heap()
	for range 6 {
		s := w.dial("/realtime", nil)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		for range 1000 { // 250 MB of answers
			if s.conn.Write(ctx, websocket.MessageText, []byte(`{"op":"subscribe","args":["orderBookL2:XBTUSD"]}`)) != nil ||
				s.conn.Write(ctx, websocket.MessageText, []byte(`{"op":"unsubscribe","args":["orderBookL2:XBTUSD"]}`)) != nil {
				break
			}
		}
		cancel()
	}
	require.Less(t, heap(), before+64<<20)
	w.ask("trader", "GET", "/order", "").into(t, &[]any{})
}

// Whoever is 4 MB of changes behind is cut off, however few frames they are.
func TestFewLargeFrames(t *testing.T) {
	registry := prometheus.NewRegistry()
	w := newWorld(t, func(c *gateway.Config) { c.Metrics = registry })
	s := w.dial("/realtime", nil)
	s.subscribe("orderBookL2:XBTUSD")
	before := heap()
	for n := range 400 {
		events := make([]exchange.Event, 1000)
		for k := range events {
			events[k] = exchange.LevelEvent(
				w.now,
				w.now,
				w.inst.ID,
				exchange.Buy,
				exchange.Level{Price: exchange.Price(10_000+k) * exchange.PriceUnit, Qty: exchange.Qty(100 * (n + 1))},
				0,
			)
		}
		events[len(events)-1].Flags = exchange.FlagLast
		w.step(events...)
	}
	require.Less(t, heap(), before+16<<20)
	for err := error(nil); err == nil; {
		_, _, err = s.conn.Read(t.Context())
	}
	require.Eventually(t, func() bool { return slowSockets(t, registry) == 1 }, 15*time.Second, 10*time.Millisecond)
}

// upgrade tries to open a socket and returns the status of the answer.
func (w *world) upgrade() (*websocket.Conn, int) {
	w.t.Helper()
	conn, resp, err := websocket.Dial(w.t.Context(), "ws"+strings.TrimPrefix(w.server.URL, "http")+"/realtime", nil)
	if err == nil {
		w.t.Cleanup(func() { _ = conn.CloseNow() })
	}
	if resp.Body != nil {
		require.NoError(w.t, resp.Body.Close())
	}
	return conn, resp.StatusCode
}

func TestNumberOfSockets(t *testing.T) {
	for name, c := range map[string]struct {
		all, each, open, status int
	}{
		"of an address": {0, 3, 3, http.StatusTooManyRequests},
		"in all":        {4, 0, 4, http.StatusServiceUnavailable},
		"both":          {2, 3, 2, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(g *gateway.Config) { g.Sockets, g.SocketsPerAddress = c.all, c.each })
			var first *websocket.Conn
			for n := range c.open {
				conn, status := w.upgrade()
				require.Equal(t, http.StatusSwitchingProtocols, status, n)
				first = conn
			}
			_, status := w.upgrade()
			require.Equal(t, c.status, status)
			require.NoError(t, first.CloseNow())
			require.Eventually(
				t,
				func() bool { _, status := w.upgrade(); return status == http.StatusSwitchingProtocols },
				5*time.Second,
				5*time.Millisecond,
			)
		})
	}
	_, err := gateway.New(gateway.Config{Sockets: -1})
	require.Error(t, err)
}

// Subscriptions cost tokens of a rate limit, and the welcome says how many there are.
func TestRateOfSubscriptions(t *testing.T) {
	w := newWorld(t, func(c *gateway.Config) {
		c.RequestsPerMinute = 8
		start := time.Now()
		c.Clock = func() time.Time { return start }
	})
	conn, _ := w.upgrade()
	s := &stream{t, conn}
	require.Equal(t, map[string]any{"remaining": 20.0}, s.next()["limit"])
	for n := range 10 {
		s.subscribe("trade")
		s.send(`{"op":"unsubscribe","args":["trade"]}`)
		require.Equal(t, true, s.next()["success"], n)
	}
	s.send(`{"op":"subscribe","args":["trade"]}`)
	m := s.next()
	require.Equal(t, "429 Rate limit exceeded, retry in 3 seconds.", fmt.Sprint(m["status"], " ", m["error"]))
	conn, _ = w.upgrade()
	other := &stream{t, conn}
	require.Equal(t, map[string]any{"remaining": 0.0}, other.next()["limit"], "it is the address that pays")
	other.auth("trader")
	require.NotEmpty(t, other.subscribe("margin")["data"], "an account has its own")
}

// A socket that does not answer a ping is closed, and one without a use; who listens stays.
func TestSilentSockets(t *testing.T) {
	registry := prometheus.NewRegistry()
	const beat = 100 * time.Millisecond
	w := newWorld(t, func(c *gateway.Config) { c.Metrics, c.Heartbeat = registry, beat })
	listens := w.dial("/realtime", nil)
	listens.subscribe("trade")
	reading, cancel := context.WithCancel(t.Context())
	defer cancel()
	read := make(chan error, 1)
	go func() { _, _, err := listens.conn.Read(reading); read <- err }()
	useless := w.dial("/realtime", nil)
	w.dial("/realtime", nil).subscribe("trade") // never reads again, and answers no ping
	_, _, err := useless.conn.Read(t.Context()) // answers pings
	require.Equal(t, websocket.StatusPolicyViolation, websocket.CloseStatus(err))
	require.ErrorContains(t, err, "idle")
	require.Eventually(
		t,
		func() bool { return gauge(t, registry, "dunamis_gateway_sockets") == 1 },
		10*time.Second,
		5*time.Millisecond,
	)
	select {
	case err := <-read:
		require.NoError(t, err, "who listens was closed")
	case <-time.After(2 * beat):
	}
	cancel()
	require.Error(t, <-read, "the connection was cancelled")
}

func gauge(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return -1
}

// numbered is a list of different texts as JSON.
func numbered(n int) string {
	list := make([]string, n)
	for k := range list {
		list[k] = fmt.Sprintf("%q", fmt.Sprintf("x%07d", k))
	}
	return "[" + strings.Join(list, ",") + "]"
}

// Lists that are compared with each row are short, wherever they are.
func TestLongLists(t *testing.T) {
	w := busy(t)
	for name, c := range map[string]struct {
		key, verb, path, body string
		status                int
		text                  string
	}{
		"a filter": {"", "GET", "/trade?count=500", `{"filter":{"trdMatchID":` + numbered(501) + `}}`, 400,
			"Too many values of the filter trdMatchID: 501. The maximum count allowed is 500."},
		"a filter as text": {"", "GET", "/trade?count=500", `{"filter":"{\"price\":[1` + strings.Repeat(",1",
			500) + `]}"}`, 400, "Too many values of the filter price: 501. The maximum count allowed is 500."},
		"a filter of nobody": {"", "GET", "/trade?count=500", `{"filter":{"trdMatchID":` + numbered(55_000) + `}}`, 413,
			"Request body is too large"},
		"a filter of a key": {"reader", "GET", "/order", `{"filter":{"orderID":` + numbered(55_000) + `}}`, 400,
			"Too many values of the filter orderID: 55000. The maximum count allowed is 500."},
		"columns": {"", "GET", "/trade", `{"columns":` + args("price", 501) + `}`, 400,
			"Too many columns: 501. The maximum count allowed is 500."},
		"columns with commas": {"", "GET", "/trade", `{"columns":"price` + strings.Repeat(",price", 500) + `"}`, 400,
			"Too many columns: 501. The maximum count allowed is 500."},
		"ids to cancel": {"trader", "DELETE", "/order", `{"orderID":` + args("rests", 20_000) + `}`, 400,
			"Too many values of orderID: 20000. The maximum count allowed is 100."},
		"client ids to cancel": {"trader", "DELETE", "/order", `{"clOrdID":"rests` + strings.Repeat(",rests", 100) + `"}`,
			400, "Too many values of clOrdID: 101. The maximum count allowed is 100."},
		"both": {"trader", "DELETE", "/order",
			`{"clOrdID":` + numbered(60) + `,"orderID":` + numbered(60) + `}`, 400,
			"Too many orders: 120. The maximum count allowed is 100."},
		"filter of a cancel": {"trader", "DELETE", "/order/all", `{"filter":{"side":` + numbered(501) + `}}`, 400,
			"Too many values of the filter side: 501. The maximum count allowed is 500."},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.ask(c.key, c.verb, c.path, c.body)
			require.Equal(t, c.status, a.status, string(a.body))
			require.Equal(t, c.text, a.error(t))
		})
	}
	var rows []map[string]any
	w.ask("", "GET", "/trade?count=500", `{"filter":{"trdMatchID":`+numbered(500)+`}}`).into(t, &rows)
	require.Empty(t, rows)
	w.ask("", "GET", "/trade?symbol=XBTUSD",
		`{"filter":{"price":[1,29999.50,30000.0],"side":["Buy","Sell"]},"columns":["price","price"]}`).
		into(t, &rows)
	require.NotEmpty(t, rows, "numbers are compared as numbers")
	// An order that is named twice, by either id, is cancelled once and in the answer once.
	var open []api.Order
	w.ask("trader", "GET", "/order"+query("filter", `{"clOrdID":"rests"}`), "").into(t, &open)
	require.Len(t, open, 1)
	var done []api.Order
	w.ask("trader", "DELETE", "/order", fmt.Sprintf(`{"clOrdID":["rests","rests"],"orderID":[%q,%q]}`, open[0].OrderID,
		open[0].OrderID)).
		into(t, &done)
	require.Len(t, done, 1)
	require.Equal(t, "Canceled", done[0].OrdStatus)
}

// The cost of a filter does not grow with its values.
func BenchmarkFilter(b *testing.B) {
	w := newWorld(b, nil)
	for n := range 10_000 {
		w.step(
			exchange.TradeEvent(
				w.now,
				w.now,
				w.inst.ID,
				exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("30000"), Qty: exchange.Qty(100 * (n + 1))},
			),
		)
	}
	for _, values := range []int{1, 500} {
		b.Run(fmt.Sprint(values), func(b *testing.B) {
			for b.Loop() {
				w.ask("", "GET", "/trade?count=500", `{"filter":{"trdMatchID":`+numbered(values)+`}}`).into(b, &[]any{})
			}
		})
	}
}

// The annotation of a command is short, and so is what becomes of it in the order.
func TestLongTexts(t *testing.T) {
	w := busy(t)
	long, fits := strings.Repeat("x", exchange.MaxText+1), strings.Repeat("é", exchange.MaxText/2)
	for _, c := range []struct{ verb, path, body string }{
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":29000,"text":"` + long + `"}`},
		{"POST", "/order/bulk", `{"orders":[{"symbol":"XBTUSD","orderQty":100,"price":29000,"text":"` + long + `"}]}`},
		{"PUT", "/order", `{"origClOrdID":"rests","price":29100,"text":"` + long + `"}`},
		{"DELETE", "/order", `{"clOrdID":"rests","text":"` + long + `"}`},
		{"DELETE", "/order/all", `{"text":"` + long + `"}`},
	} {
		a := w.ask("trader", c.verb, c.path, c.body)
		require.Equal(t, 400, a.status, "%s %s: %s", c.verb, c.path, a.body)
		require.Contains(t, a.error(t), "text is invalid")
	}
	var row api.Order
	for n := range 30 {
		w.ask("trader", "PUT", "/order", fmt.Sprintf(`{"origClOrdID":"rests","price":%d,"text":%q}`, 29100+n, fits)).
			into(t, &row)
		require.LessOrEqual(t, len(row.Text), 4*exchange.MaxText)
		require.Contains(t, row.Text, "Amended price: Amended via API.\n"+fits)
	}
	w.ask("trader", "DELETE", "/order", `{"clOrdID":"rests","text":"`+fits+`"}`).into(t, &[]any{})
}

// An order that changes its client id is not known by those it had.
func TestFormerNames(t *testing.T) {
	w := busy(t)
	w.ask("trader", "PUT", "/order", `{"origClOrdID":"rests","clOrdID":"second","price":29100}`).into(t, &struct{}{})
	require.Equal(
		t,
		"Invalid origClOrdID",
		w.ask("trader", "PUT", "/order", `{"origClOrdID":"rests","price":29200}`).error(t),
	)
	w.ask("trader", "PUT", "/order", `{"origClOrdID":"second","price":29200}`).into(t, &struct{}{})
}

// A signature is good for a day at most.
func TestExpiryFarAhead(t *testing.T) {
	w := busy(t)
	now := time.Now()
	for _, c := range []struct {
		at int64
		ok bool
	}{
		{now.Add(23 * time.Hour).Unix(), true}, {now.Add(25 * time.Hour).Unix(), false}, {9e18, false}, {1<<63 - 1, false},
		{now.UnixMilli(), true}, {now.Add(-25 * time.Hour).UnixMilli(), false}, {now.Add(25 * time.Hour).UnixMilli(), false},
	} {
		a := w.askAs("trader", "s1", c.at, "GET", "/order", "")
		require.Equal(t, c.ok, a.status == 200, "%d: %s", c.at, a.body)
		if !c.ok {
			require.Contains(t, a.error(t), "expires too late")
		}
	}
}

// Several orders in a request count as several.
func TestBulkOrdersCount(t *testing.T) {
	at := time.Now()
	w := newWorld(t, func(c *gateway.Config) {
		c.RequestsPerMinute, c.OrdersPerSecond = 60, 5
		c.Clock = func() time.Time { return at }
	})
	w.quote(
		exchange.Level{Price: exchange.MustPrice("30000"), Qty: 10_000},
		exchange.Level{Price: exchange.MustPrice("30001"), Qty: 10_000},
	)
	one := `{"symbol":"XBTUSD","orderQty":100,"price":29000}`
	a := w.ask("trader", "POST", "/order/bulk", `{"orders":[`+strings.Repeat(one+",", 19)+one+`]}`)
	require.Equal(t, 200, a.status, string(a.body))
	require.Equal(t, "40 0", a.header.Get("x-ratelimit-remaining")+" "+a.header.Get("x-ratelimit-remaining-1s"))
	for _, wait := range []time.Duration{0, time.Second, 2 * time.Second} { // 15 tokens are owed
		at = at.Add(wait)
		require.Equal(t, 429, w.ask("trader", "POST", "/order", one).status, wait)
	}
	at = at.Add(time.Second)
	require.Equal(t, 200, w.ask("trader", "POST", "/order", one).status)
	require.Equal(t, 200, w.ask("trader", "DELETE", "/order/all", "").status, "cancels are never refused")
}

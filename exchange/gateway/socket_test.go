package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/gateway"
)

func TestSubscriptions(t *testing.T) {
	w := busy(t)
	s := w.dial("/realtime", nil)
	m := s.subscribe("trade:XBTUSD")
	require.Equal(t, map[string]any{"symbol": "XBTUSD"}, m["filter"])
	require.Equal(t, []any{}, m["keys"])
	require.Len(t, m["data"], 1, "the last one")
	types, _ := m["types"].(map[string]any)
	require.Equal(t, "float long timestamp guid", fmt.Sprint(types["price"], " ", types["size"], " ", types["timestamp"], " ", types["trdMatchID"]))

	w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("30000"), Qty: 100}))
	m = s.next()
	require.Equal(t, "trade insert", fmt.Sprint(m["table"], " ", m["action"]))

	for frame, text := range map[string]string{
		`{"op":"subscribe","args":["trade:XBTUSD"]}`:  "You are already subscribed to this topic: trade:XBTUSD",
		`{"op":"subscribe","args":"nothing"}`:         "Unknown table: nothing",
		`{"op":"subscribe","args":"trade:NONE"}`:      "Unknown or expired symbol.",
		`{"op":"subscribe","args":["order"]}`:         "User requires authentication.",
		`{"op":"subscribe","args":[5]}`:               "Malformed arguments.",
		`{"op":"subscribe","args":[`:                  "Unrecognized request. Refer to the documentation or send 'help' for more information.",
		`{"op":"dance"}`:                              "Unknown op: dance",
		`{"op":"unsubscribe","args":["quote"]}`:       "You are not subscribed to this topic: quote",
		`{"op":"cancelAllAfter","args":60000}`:        "User requires authentication.",
		`{"op":"authKeyExpires","args":["trader",1]}`: "Malformed arguments.",
	} {
		s.send(frame)
		require.Equal(t, text, s.next()["error"], frame)
	}
	s.send(`ping`)
	require.Equal(t, "pong", s.raw())
	s.send(`{"op":"unsubscribe","args":["trade:XBTUSD"]}`)
	require.Equal(t, "trade:XBTUSD", s.next()["unsubscribe"])
	w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("30000"), Qty: 100}))
	s.send("help")
	require.Contains(t, s.raw(), "subscriptionSubjects", "and no trade before it")
}

// Bins are told of when they end, whether something trades then or not.
func TestBinsFromTheStream(t *testing.T) {
	w := newWorld(t, nil)
	s := w.dial("/realtime", nil)
	for _, topic := range []string{"tradeBin1m:XBTUSD", "tradeBin5m:XBTUSD", "quoteBin1m:XBTUSD"} {
		require.Empty(t, s.subscribe(topic)["data"])
	}
	w.quote(exchange.Level{Price: exchange.MustPrice("29999"), Qty: 100}, exchange.Level{Price: exchange.MustPrice("30001"), Qty: 100})
	trade := func(price string) {
		w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice(price), Qty: 100}))
	}
	trade("30000")
	said := func() (lines []string) {
		for _, m := range s.frames() {
			rows, _ := m["data"].([]any)
			for _, r := range rows {
				row, _ := r.(map[string]any)
				lines = append(lines, fmt.Sprint(m["table"], " ", row["timestamp"], " ", row["close"], " ", row["volume"], " ", row["bidPrice"]))
			}
		}
		return lines
	}
	require.Empty(t, said())
	w.now = w.now.Add(time.Minute)
	trade("30001") // at the very end of a bin: it is in the next one
	require.Equal(t, []string{"tradeBin1m 2023-05-01T00:01:00.000Z 30000 100 <nil>", "quoteBin1m 2023-05-01T00:01:00.000Z <nil> <nil> 29999"}, said())
	w.pass(time.Minute)
	require.Equal(t, []string{"tradeBin1m 2023-05-01T00:02:00.000Z 30001 100 <nil>", "quoteBin1m 2023-05-01T00:02:00.000Z <nil> <nil> 29999"}, said())
	w.pass(time.Minute)
	require.Equal(t, "tradeBin1m 2023-05-01T00:03:00.000Z 30001 0 <nil>", said()[0])
	w.pass(2 * time.Minute)
	require.Contains(t, said(), "tradeBin5m 2023-05-01T00:05:00.000Z 30001 200 <nil>")
}

// A symbol's topic and the topic of all symbols each tell once of a row.
func TestTopicsOfAllSymbols(t *testing.T) {
	w := busy(t)
	s := w.dial("/realtime?subscribe=quote:XBTUSD,quote", nil)
	for range 2 {
		require.Equal(t, true, s.next()["success"])
		require.Equal(t, "partial", s.next()["action"])
	}
	w.quote(exchange.Level{Price: exchange.MustPrice("29000"), Qty: 100}, exchange.Level{Price: exchange.MustPrice("29001"), Qty: 100})
	require.Equal(t, "insert", s.next()["action"])
	s.send("ping")
	require.Equal(t, "pong", s.raw())
}

func TestSocketAuthentication(t *testing.T) {
	w := busy(t)
	expires := time.Now().Add(time.Minute).Unix()
	header := http.Header{"Api-Key": {"reader"}, "Api-Expires": {fmt.Sprint(expires)}, "Api-Signature": {api.Sign("s3", "GET", "/realtime", expires, nil)}}
	s := w.dial("/realtime", header)
	require.Len(t, s.subscribe("order")["data"], 2, "by the headers of the upgrade")
	s.send(`{"op":"cancelAllAfter","args":[60000]}`)
	require.Equal(t, "User requires authentication.", s.next()["error"], "the key reads")

	header.Set("Api-Signature", "00")
	_, resp, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(w.server.URL, "http")+"/realtime", &websocket.DialOptions{HTTPHeader: header})
	require.Error(t, err)
	require.Equal(t, 401, resp.StatusCode)
	require.NoError(t, resp.Body.Close())

	s = w.dial("/realtime", nil)
	s.send(fmt.Sprintf(`{"op":"authKeyExpires","args":["trader",%d,"00"]}`, expires))
	require.Equal(t, "Signature not valid.", s.next()["error"])
	s.auth("trader")
	s.send(fmt.Sprintf(`{"op":"authKeyExpires","args":["trader",%d,"00"]}`, expires))
	require.Equal(t, "You are already authenticated.", s.next()["error"])
	s.send(`{"op":"cancelAllAfter","args":60000}`)
	m := s.next()
	require.Equal(t, "2023-05-01T04:01:01.000Z", m["cancelTime"])
	s.send(`{"op":"cancelAllAfter","args":0}`)
	require.Equal(t, "0", fmt.Sprint(s.next()["cancelTime"]))
}

// frames reads until a silence is marked by a pong.
func (s *stream) frames() (list []map[string]any) {
	s.send("ping")
	for {
		_, b, err := s.conn.Read(s.t.Context())
		require.NoError(s.t, err)
		if string(b) == "pong" {
			return list
		}
		var m map[string]any
		decodeInto(s.t, b, &m)
		list = append(list, m)
	}
}

// What the tables say when an order is placed, amended, filled in part and cancelled.
func TestLifeOfAnOrder(t *testing.T) {
	w := busy(t)
	s := w.dial("/realtime", nil)
	s.auth("trader")
	for _, topic := range []string{"order", "execution", "position:XBTUSD", "margin"} {
		s.subscribe(topic)
	}
	say := func() (lines []string) {
		for _, m := range s.frames() {
			rows, _ := m["data"].([]any)
			for _, r := range rows {
				row, _ := r.(map[string]any)
				line := fmt.Sprint(m["table"], " ", m["action"])
				for _, name := range []string{"execType", "ordStatus", "workingIndicator", "leavesQty", "lastQty", "cumQty", "price", "currentQty", "openOrderBuyQty", "text"} {
					if v, has := row[name]; has && v != nil && v != "" && (m["table"] == "order" || m["table"] == "execution" || name == "currentQty") {
						line += fmt.Sprintf(" %s=%v", name, v)
					}
				}
				lines = append(lines, strings.ReplaceAll(line, "\n", "|"))
			}
		}
		return lines
	}
	w.ask("trader", "POST", "/order", `{"symbol":"XBTUSD","orderQty":400,"price":29500,"clOrdID":"life"}`).into(t, &struct{}{})
	require.Equal(t, []string{
		"execution insert execType=New ordStatus=New workingIndicator=true leavesQty=400 cumQty=0 price=29500 text=Submitted via API.",
		"order insert ordStatus=New workingIndicator=true leavesQty=400 cumQty=0 price=29500 text=Submitted via API.",
		"position update currentQty=500", "margin update",
	}, say())
	w.ask("trader", "PUT", "/order", `{"origClOrdID":"life","price":29600}`).into(t, &struct{}{})
	require.Equal(t, []string{
		"execution insert execType=Replaced ordStatus=New workingIndicator=true leavesQty=400 cumQty=0 price=29600 text=Amended price: Amended via API.|Submitted via API.",
		"order update price=29600 text=Amended price: Amended via API.|Submitted via API.",
		"position update currentQty=500", "margin update",
	}, say())
	w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Sell, Price: exchange.MustPrice("29500"), Qty: 100}))
	require.Equal(t, []string{
		"execution insert execType=Trade ordStatus=PartiallyFilled workingIndicator=true leavesQty=300 lastQty=100 cumQty=100 price=29600 text=Amended price: Amended via API.|Submitted via API.",
		"order update ordStatus=PartiallyFilled leavesQty=300 cumQty=100",
		"position update currentQty=600", "margin update",
	}, say()[:4])
	w.ask("trader", "DELETE", "/order", `{"clOrdID":"life","text":"enough"}`).into(t, &[]any{})
	lines := say()
	require.Equal(t, "order update ordStatus=Canceled workingIndicator=false leavesQty=0 text=Canceled: Canceled via API.|enough", lines[1][:strings.Index(lines[1], "enough")+6])
}

// level is a row of a book table as a client keeps it.
type level struct {
	side  string
	price float64
	size  float64
}

// books keeps a table by its protocol: rows by id, an unknown id is a lost message.
type books map[float64]level

func (b books) take(t *testing.T, m map[string]any) {
	rows, _ := m["data"].([]any)
	for _, r := range rows {
		row, _ := r.(map[string]any)
		id, _ := row["id"].(float64)
		_, known := b[id]
		switch m["action"] {
		case "partial", "insert":
			require.False(t, known, "inserted twice")
		default:
			require.True(t, known, "%v of an unknown row", m["action"])
		}
		if m["action"] == "delete" {
			delete(b, id)
			continue
		}
		side, _ := row["side"].(string)
		price, _ := row["price"].(float64)
		size, _ := row["size"].(float64)
		b[id] = level{side, price, size}
	}
}

// A book kept from the stream is the book, whatever happens to it; the windows of 25
// and 10 levels are its top.
func TestBooksFromTheStream(t *testing.T) {
	w := newWorld(t, nil)
	full, top := w.dial("/realtime", nil), w.dial("/realtime", nil)
	ten := w.dial("/realtime", nil)
	random := rand.New(rand.NewPCG(1, 2))
	change := func() (events []exchange.Event) {
		n := 1 + random.IntN(8)
		for k := range n {
			flags := exchange.Flags(0)
			if k == 0 && random.IntN(40) == 0 {
				flags |= exchange.FlagClear | exchange.FlagSnapshot
			}
			if k == n-1 {
				flags |= exchange.FlagLast
			}
			side, price := exchange.Buy, 30000-random.IntN(40)
			if random.IntN(2) == 0 {
				side, price = exchange.Sell, 30001+random.IntN(40)
			}
			qty := exchange.Qty(random.IntN(4) * 100)
			events = append(events, exchange.LevelEvent(w.now, w.now, w.inst.ID, side,
				exchange.Level{Price: exchange.Price(price) * exchange.PriceUnit, Qty: qty}, flags))
		}
		return events
	}
	w.step(change()...)
	kept, window := books{}, books{}
	kept.take(t, full.subscribe("orderBookL2:XBTUSD"))
	window.take(t, top.subscribe("orderBookL2_25:XBTUSD"))
	last := ten.subscribe("orderBook10:XBTUSD")
	for range 300 {
		w.now = w.now.Add(time.Millisecond)
		w.step(change()...)
		for _, m := range full.frames() {
			kept.take(t, m)
		}
		for _, m := range top.frames() {
			window.take(t, m)
		}
		for _, m := range ten.frames() {
			last = m
		}
		var all, best []api.OrderBookL2
		w.ask("", "GET", "/orderBook/L2?symbol=XBTUSD&depth=0", "").into(t, &all)
		w.ask("", "GET", "/orderBook/L2?symbol=XBTUSD&depth=25", "").into(t, &best)
		require.Equal(t, levelsOf(t, all), sorted(kept))
		require.Equal(t, levelsOf(t, best), sorted(window))
		rows, _ := last["data"].([]any)
		row, _ := rows[0].(map[string]any)
		var bids []any
		for _, l := range best {
			if l.Side == "Buy" && len(bids) < 10 {
				p, err := l.Price.Price()
				require.NoError(t, err)
				bids = append(bids, []any{p.Float64(), float64(*l.Size)})
			}
		}
		if got, _ := row["bids"].([]any); len(bids) > 0 {
			require.Equal(t, bids, got)
		}
	}
}

func levelsOf(t *testing.T, rows []api.OrderBookL2) (list []level) {
	for _, r := range rows {
		p, err := r.Price.Price()
		require.NoError(t, err)
		list = append(list, level{r.Side, p.Float64(), float64(*r.Size)})
	}
	return list
}

func sorted(b books) (list []level) {
	for _, l := range b {
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b level) int { return int(b.price - a.price) })
	return list
}

// A client that does not read is cut off, and nobody else notices.
func TestSlowClient(t *testing.T) {
	registry := prometheus.NewRegistry()
	w := newWorld(t, func(c *gateway.Config) { c.Metrics = registry })
	slow, quick := w.dial("/realtime", nil), w.dial("/realtime", nil)
	slow.subscribe("trade")
	quick.subscribe("trade")
	const n = 60_000
	read := make(chan struct{})
	var count atomic.Int64
	go func() {
		defer close(read)
		for count.Load() < n {
			if _, _, err := quick.conn.Read(t.Context()); err != nil {
				break
			}
			count.Add(1)
		}
	}()
	for k := range n {
		w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("30000"), Qty: exchange.Qty(100 * (k + 1))}))
		for until := time.Now().Add(20 * time.Second); int64(k)-count.Load() > 1000 && time.Now().Before(until); {
			time.Sleep(time.Millisecond)
		}
	}
	<-read
	require.EqualValues(t, n, count.Load())
	var err error
	for err == nil {
		_, _, err = slow.conn.Read(t.Context())
	}
	// Told why or, if a frame was stuck in its socket for so long, without a word.
	require.Contains(t, []websocket.StatusCode{websocket.StatusPolicyViolation, -1}, websocket.CloseStatus(err), "%v", err)
	require.Eventually(t, func() bool { return slowSockets(t, registry) == 1 }, 10*time.Second, 10*time.Millisecond)
}

func slowSockets(t *testing.T, registry *prometheus.Registry) (n float64) {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "dunamis_gateway_slow_sockets_total" {
			n = f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return n
}

// Too many mistakes close a socket.
func TestMistakes(t *testing.T) {
	w := newWorld(t, nil)
	s := w.dial("/realtime", nil)
	for range 20 {
		s.send("nonsense")
		require.Equal(t, "400", fmt.Sprint(s.next()["status"]))
	}
	_, _, err := s.conn.Read(t.Context())
	require.Error(t, err)
}

// A thousand sockets that only listen cost nothing that others would notice.
func TestIdleSockets(t *testing.T) {
	if testing.Short() {
		t.Skip("opens a thousand sockets")
	}
	w := newWorld(t, nil)
	idle := make([]*stream, 1000)
	for n := range idle {
		idle[n] = w.dial("/realtime", nil)
		idle[n].subscribe("trade:XBTUSD")
	}
	began := time.Now()
	w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("30000"), Qty: 100}))
	w.ask("trader", "POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":29000}`).into(t, &struct{}{})
	require.Less(t, time.Since(began), 2*time.Second)
	for _, s := range idle {
		require.Equal(t, "insert", s.next()["action"])
	}
}

// Several accounts on one socket, each a stream of its own.
func TestMultiplexedStreams(t *testing.T) {
	w := busy(t)
	conn, resp, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(w.server.URL, "http")+"/realtimemd?transport=websocket&b64=1", nil)
	require.NoError(t, err)
	if resp.Body != nil {
		require.NoError(t, resp.Body.Close())
	}
	conn.SetReadLimit(1 << 24)
	defer func() { _ = conn.CloseNow() }()
	s := &stream{t, conn}
	// next returns the stream and the payload of a frame.
	next := func() (string, map[string]any) {
		var parts []any
		decodeInto(t, []byte(s.raw()), &parts)
		require.Len(t, parts, 4)
		require.InDelta(t, 0, parts[0], 0)
		payload, _ := parts[3].(map[string]any)
		return fmt.Sprint(parts[1], "/", parts[2]), payload
	}
	auth := func(key string) string {
		k, _ := testKeys.Lookup(key)
		expires := time.Now().Add(time.Minute).Unix()
		return fmt.Sprintf(`{"op":"authKeyExpires","args":[%q,%d,%q]}`, key, expires, api.Sign(k.Secret.Reveal(), "GET", "/realtime", expires, nil))
	}
	for _, name := range []string{"trader", "other"} {
		s.send(fmt.Sprintf(`[1,%q,"me"]`, name))
		from, m := next()
		require.Equal(t, name+"/me", from)
		require.Equal(t, "Welcome to the BitMEX Realtime API.", m["info"])
		s.send(fmt.Sprintf(`[0,%q,"me",%s]`, name, auth(name)))
		_, m = next()
		require.Equal(t, true, m["success"], "%v", m)
		s.send(fmt.Sprintf(`[0,%q,"me",{"op":"subscribe","args":["order"]}]`, name))
		_, m = next()
		require.Equal(t, "order", m["subscribe"])
		_, m = next()
		require.Equal(t, "partial", m["action"])
		require.Len(t, m["data"], map[string]int{"trader": 2, "other": 0}[name], "each has its own orders")
	}
	w.ask("other", "POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":29000}`).into(t, &struct{}{})
	from, m := next()
	require.Equal(t, "other/me order insert", fmt.Sprint(from, " ", m["table"], " ", m["action"]))
	s.send("ping")
	require.Equal(t, "pong", s.raw())
	s.send(`[0,"trader","me","ping"]`)
	require.Equal(t, `[0,"trader","me","pong"]`, s.raw())
	for frame, text := range map[string]string{
		`[0,"nobody","me",{}]`: "There is no such stream, or it is open already.",
		`[1,"trader","me"]`:    "There is no such stream, or it is open already.",
		`[1,2,3]`:              "Malformed frame: want [type, id, topic, payload].",
		`{"op":"subscribe"}`:   "Malformed frame: want [type, id, topic, payload].",
	} {
		s.send(frame)
		require.Equal(t, text, s.next()["error"], frame)
	}
	s.send(`[2,"other","me"]`)
	s.send("ping")
	require.Equal(t, "pong", s.raw(), "it is closed by now")
	w.ask("other", "POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":29000}`).into(t, &struct{}{})
	s.send(`[0,"trader","me","help"]`)
	from, m = next()
	require.Equal(t, "trader/me", from, "and nothing from the stream that is closed")
	require.Contains(t, m, "subscriptionSubjects")
}

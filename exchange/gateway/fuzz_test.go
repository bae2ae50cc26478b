package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

type noKeys struct{}

func (noKeys) Lookup(string) (Key, bool) { return Key{}, false }
func (noKeys) Account(int64) []Key       { return nil }

// Whatever a request says, it is read or refused with one of the venue's errors, and
// what is read is a valid order or one that the exchange refuses.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][2]string{
		{"symbol=XBTUSD&orderQty=100&price=30000", ""},
		{"", `{"symbol":"XBTUSD","orderQty":-1e2,"price":"30000.5","execInst":"ParticipateDoNotInitiate,ReduceOnly","displayQty":0}`},
		{"filter=%7B%22open%22%3Atrue%7D&columns=price,side&reverse=true&count=5&start=1&startTime=2021-07-22", ""},
		{"filter={\"orderID\":[1,null,{}]}", `{"orderID":["a"],"text":5}`},
		{"orderQty=9223372036854775808&price=1e400&stopPx=-0", `{"leavesQty":null}`},
	} {
		f.Add(seed[0], seed[1], false)
		f.Add(seed[0], seed[1], true)
	}
	set, err := exchange.BuiltinInstruments()
	require.NoError(f, err)
	xbt, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(f, err)
	g, err := New(Config{Instruments: set, Symbols: []exchange.SymbolID{xbt.ID}, Keys: noKeys{}, Open: func(Key) (exchange.Exchange, Statement, error) { return nil, nil, errStopped }})
	require.NoError(f, err)
	rows := []api.Order{{OrderID: "a", Symbol: "XBTUSD", OrdStatus: "New", Price: "30000"}, {OrderID: "b", Symbol: "XBTUSD", OrdStatus: "Filled"}}
	venue := func(t *testing.T, err error) bool {
		var e *api.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%v is no error of the venue", err)
		}
		return err == nil
	}
	f.Fuzz(func(t *testing.T, query, body string, form bool) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/order", strings.NewReader(body))
		r.URL.RawQuery = query
		if form {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		p, err := parseParams(r, []byte(body))
		if !venue(t, err) {
			return
		}
		if o, err := g.newOrder(p); venue(t, err) {
			o.Normalize()
			_ = o.Validate(xbt.At(0))
		}
		if q, err := p.query(100, 500); venue(t, err) {
			picked, err := selected(g, rows, q, "orderID")
			if venue(t, err) && len(picked) > q.count {
				t.Fatalf("%d rows, asked for %d", len(picked), q.count)
			}
		}
		for _, name := range []string{"orderID", "clOrdID"} {
			_, err := p.list(name)
			venue(t, err)
		}
	})
}

// fuzzed is a gateway with an owner, for symbols of a market that is still.
func fuzzed(f *testing.F) *Gateway {
	f.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(f, err)
	xbt, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(f, err)
	g, err := New(Config{Instruments: set, Symbols: []exchange.SymbolID{xbt.ID}, Keys: noKeys{}, Open: func(Key) (exchange.Exchange, Statement, error) { return nil, nil, errStopped }})
	require.NoError(f, err)
	ctx, cancel := context.WithCancel(context.Background())
	owned := make(chan struct{})
	go func() { defer close(owned); _ = g.Own(ctx) }()
	f.Cleanup(func() { cancel(); <-owned })
	return g
}

// answered does what a frame asks for while a writer takes the answers, each of which must
// be JSON or a pong, and counts them.
func answered(t *testing.T, c *client, handle func()) (n int) {
	done, written := make(chan struct{}), make(chan struct{})
	take := func() {
		for {
			frame, ok, _, slow := c.out.take()
			if slow {
				t.Error("the client that reads is too slow")
			}
			if !ok {
				return
			}
			c.out.written(frame)
			if string(frame.data) != "pong" && (!json.Valid(frame.data) || !utf8.Valid(frame.data)) {
				t.Errorf("the answer %q is not JSON", frame.data)
			}
			n++
		}
	}
	go func() {
		defer close(written)
		for {
			select {
			case <-c.out.filled:
				take()
			case <-done:
				take()
				return
			}
		}
	}()
	handle()
	close(done)
	<-written
	return n
}

// Whatever a socket says is answered with JSON, or counted as a mistake.
func FuzzSocketFrames(f *testing.F) {
	for _, seed := range []string{"ping", "help", `{"op":"subscribe","args":["trade:XBTUSD","quote","orderBookL2_25:XBTUSD","order"]}`, `{"op":"subscribe","args":"instrument:CONTRACTS"}`,
		`{"op":"unsubscribe","args":["trade"]}`, `{"op":"authKeyExpires","args":["k",1e99,"00"]}`, `{"op":"cancelAllAfter","args":[60000]}`, `{"op":"subscribe","args":[null,5,"\ud800"]}`,
		`{"op":"subscribe","args":{"a":1}}`, `[1,"a","b"]`, `{"op":"\u0000"}`, "\xff", "{\"op\":\"\xff\"}",
		`{"op":"subscribe","args":["insurance:\u0001"]}`, `{"op":"subscribe","args":["insurance:\u0007\u2028"]}`} {
		f.Add([]byte(seed), []byte(`{"op":"subscribe","args":["trade:XBTUSD"]}`))
	}
	g := fuzzed(f)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := newSession(g, "")
		_ = g.do(t.Context(), func() { g.hub.clients[s.c] = struct{}{} })
		defer func() { _ = g.do(context.Background(), func() { g.hub.drop(s.c) }) }()
		for _, frame := range [][]byte{first, second, first} {
			mistakes := *s.mistake
			n := answered(t, s.c, func() { s.handle(t.Context(), frame) })
			if n == 0 && *s.mistake == mistakes && !s.over() && !strings.Contains(string(frame), "args") {
				t.Fatalf("%q was not answered", frame)
			}
		}
	})
}

// The same for a socket of several streams.
func FuzzMultiplexedFrames(f *testing.F) {
	for _, seed := range []string{`[1,"a","b"]`, `[0,"a","b",{"op":"subscribe","args":["trade"]}]`, `[0,"a","b","ping"]`, `[2,"a","b"]`, `[1,"a","b",null]`, `[3,"","",{}]`, `[0]`, `{}`, `[1,"\"","\\"]`,
		`[1e0,"a","b"]`, `[-1,"a","b"]`} {
		f.Add([]byte(`[1,"a","b"]`), []byte(seed))
	}
	g := fuzzed(f)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := newSession(g, "")
		m := &multiplexer{session: s, streams: map[streamName]*session{}}
		for _, frame := range [][]byte{first, second, first} {
			answered(t, s.c, func() { m.frame(t.Context(), frame) })
		}
		for name := range m.streams {
			m.end(context.Background(), name)
		}
		_ = g.do(context.Background(), func() {
			if len(g.hub.clients) != 0 {
				t.Error("a stream was left behind")
			}
		})
	})
}

// An account's commands, whatever their parameters, are read or refused in the venue's
// words before they reach an exchange.
func FuzzCommands(f *testing.F) {
	f.Add("orderID=a&orderQty=100&price=1", "timeout=60000")
	f.Add("origClOrdID=b&clOrdID=c&leavesQty=-1&stopPx=1e9", "timeout=1e18")
	f.Add("orderID=zz", "timeout=-0.0")
	f.Add("clOrdID=c", "leverage=nan&symbol=XBTUSD&enabled=perhaps&amount=9223372036854775808&riskLimit=0.5")
	g := fuzzed(f)
	row := &api.Order{OrderID: "a", ClOrdID: "b", Symbol: "XBTUSD", OrdStatus: "New"}
	a := &account{id: 1, g: g, byID: map[string]*api.Order{"a": row}, byClient: map[string]*api.Order{"b": row}}
	venue := func(t *testing.T, err error) {
		var e *api.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%v is no error of the venue", err)
		}
	}
	f.Fuzz(func(t *testing.T, amend, other string) {
		read := func(query string) *request {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/order", nil)
			r.URL.RawQuery = query
			p, err := parseParams(r, nil)
			venue(t, err)
			return &request{params: p, known: true, key: Key{Account: 1}}
		}
		c, _, err := g.amendment(a, read(amend).params)
		if venue(t, err); err == nil && c.OrderID != "" && c.Qty != nil && *c.Qty < 0 {
			t.Fatalf("a negative quantity: %d", *c.Qty)
		}
		r := read(other)
		if _, sent := r.params["symbol"]; sent && r.params["symbol"] == "XBTUSD" {
			return // would open an account
		}
		for _, do := range []func(context.Context, *request) (any, error){g.postLeverage, g.postIsolate, g.postRiskLimit, g.postTransferMargin, g.deleteOrder, g.getBook, g.getBins,
			g.getQuoteBins, g.getInstrument, g.getUSDVolume, g.getExecutionHistory} {
			if _, err := do(t.Context(), r); !errors.Is(err, errStopped) {
				venue(t, err)
			}
		}
	})
}

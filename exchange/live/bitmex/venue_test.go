package bitmex_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/secret"
)

// began is when everything happens on the venue of the tests.
const began = "2023-05-01T00:00:00.000Z"

// testLimit is how long a test waits for anything.
const testLimit = 20 * time.Second

// venue is a server that has the rows that a test gives it and nothing of its own: no
// command changes them.
type venue struct {
	t      *testing.T
	server *httptest.Server
	set    *exchange.Instruments
	inst   *exchange.Instrument

	mu         sync.Mutex
	orders     []api.Order // newest last
	executions []api.Execution
	positions  []api.Position
	asked      []string // verbs, paths and bodies of commands
	looks      []string // queries of orders
	conn       *websocket.Conn
	streams    int // that were opened
	hook       func(verb, path, body string) (status int, answer string)
	frames     []string // that are sent behind the partials
	refuse     string   // of authentication: an error frame
	dumb       bool     // it answers no subscription
}

func newVenue(t *testing.T) *venue {
	t.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	v := &venue{t: t, set: set, inst: i}
	v.server = httptest.NewServer(http.HandlerFunc(v.serve))
	t.Cleanup(func() {
		v.cut()
		v.server.CloseClientConnections()
		v.server.Close()
	})
	return v
}

func (v *venue) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/realtime" {
		v.stream(w, r)
		return
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/api/v1")
	v.mu.Lock()
	if r.Method != http.MethodGet {
		v.asked = append(v.asked, r.Method+" "+path+" "+string(b))
	}
	hook := v.hook
	v.mu.Unlock()
	if hook != nil {
		if status, answer := hook(r.Method, path, string(b)); status != 0 {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, answer)
			return
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	var rows any
	switch {
	case r.Method == http.MethodPost && path == "/order":
		var o api.Order
		_ = json.Unmarshal(b, &o)
		o.OrderID, o.OrdStatus = "id-"+o.ClOrdID, "New"
		rows = o
	case r.Method == http.MethodPut:
		rows = api.Order{OrderID: "x"}
	case r.Method == http.MethodDelete:
		rows = []bitmex.Canceled{}
	case r.Method == http.MethodPost:
		rows = struct{}{}
	case path == "/order":
		rows = v.selected(
			r.URL.Query().Get("filter"),
			r.URL.Query().Get("start"),
			r.URL.Query().Get("reverse") == "true",
		)
	case path == "/position":
		rows = v.positions
	case path == "/execution":
		list := []api.Execution{}
		from, _ := exchange.ParseTime(r.URL.Query().Get("startTime"))
		for n := range v.executions {
			if exchange.Time(v.executions[n].Timestamp) >= from {
				list = append(list, v.executions[n])
			}
		}
		rows = list
	default:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode(rows) //nolint:errchkjson // rows of the venue
}

// selected are the orders that a filter selects.
func (v *venue) selected(filter, start string, reverse bool) []api.Order {
	var f struct {
		Open             bool
		ClOrdID, OrderID any
	}
	_ = json.Unmarshal([]byte(filter), &f)
	v.looks = append(v.looks, filter)
	list := []api.Order{}
	if start != "" {
		return list
	}
	one := func(have string, want any) bool {
		switch w := want.(type) {
		case string:
			return w == have
		case []any:
			return slices.Contains(w, any(have))
		}
		return true
	}
	for n := range v.orders {
		o := &v.orders[n]
		open := o.OrdStatus == "New" || o.OrdStatus == "PartiallyFilled"
		if (!f.Open || open) && one(o.ClOrdID, f.ClOrdID) && one(o.OrderID, f.OrderID) {
			list = append(list, *o)
		}
	}
	if reverse {
		slices.Reverse(list)
	}
	return list
}

// stream serves a private stream.
func (v *venue) stream(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	v.mu.Lock()
	v.conn = conn
	v.streams++
	v.mu.Unlock()
	for {
		_, frame, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		v.mu.Lock()
		refuse, dumb, frames := v.refuse, v.dumb, v.frames
		v.mu.Unlock()
		var answers []string
		switch text := string(frame); {
		case text == "ping":
			answers = []string{"pong"}
		case strings.Contains(text, "authKeyExpires") && refuse != "":
			answers = []string{refuse}
		case strings.Contains(text, "authKeyExpires"):
			answers = []string{`{"success":true,"request":{"op":"authKeyExpires"}}`}
		case strings.Contains(text, "subscribe") && !dumb:
			answers = append(
				[]string{
					`{"table":"execution","action":"partial","data":[]}`,
					`{"table":"position","action":"partial","data":[]}`,
					`{"table":"margin","action":"partial","data":[` +
						`{"account":1,"currency":"XBt","walletBalance":5000,"marginBalance":5000}]}`,
				},
				frames...)
		}
		for _, a := range answers {
			if conn.Write(r.Context(), websocket.MessageText, []byte(a)) != nil {
				return
			}
		}
	}
}

// cut breaks the stream.
func (v *venue) cut() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.conn != nil {
		_ = v.conn.CloseNow()
		v.conn = nil
	}
}

// say sends a frame on the stream.
func (v *venue) say(frame string) {
	v.t.Helper()
	v.mu.Lock()
	conn := v.conn
	v.mu.Unlock()
	ctx, cancel := context.WithTimeout(v.t.Context(), testLimit)
	defer cancel()
	require.NoError(v.t, conn.Write(ctx, websocket.MessageText, []byte(frame)))
}

// execute tells of an execution on the stream.
func (v *venue) execute(e api.Execution) {
	v.t.Helper()
	text, err := json.Marshal(e)
	require.NoError(v.t, err)
	v.say(`{"table":"execution","action":"insert","data":[` + string(text) + `]}`)
}

func (v *venue) change(change func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change()
}

// commands are those that were asked for.
func (v *venue) commands() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.asked)
}

func at(t testing.TB, text string) api.Time {
	t.Helper()
	x, err := exchange.ParseTime(text)
	require.NoError(t, err)
	return api.Time(x)
}

// row is an order of 100 contracts as the venue has it.
func (v *venue) row(id, status string, filled int64) api.Order {
	left := int64(0)
	if status == "New" || status == "PartiallyFilled" {
		left = 100 - filled
	}
	return api.Order{
		OrderID:      "id-" + id,
		ClOrdID:      id,
		Symbol:       "XBTUSD",
		Side:         "Buy",
		OrderQty:     new(int64(100)),
		Price:        "20000",
		OrdType:      "Limit",
		TimeInForce:  "GoodTillCancel",
		OrdStatus:    status,
		LeavesQty:    &left,
		CumQty:       &filled,
		Text:         "as the venue says",
		TransactTime: at(v.t, began),
		Timestamp:    at(v.t, began),
	}
}

// executed is an execution of such an order; last is what was filled just now.
func (v *venue) executed(exec, what string, o api.Order, last int64) api.Execution {
	e := api.Execution{
		ExecID:       exec,
		OrderID:      o.OrderID,
		ClOrdID:      o.ClOrdID,
		Symbol:       o.Symbol,
		Side:         o.Side,
		OrderQty:     o.OrderQty,
		Price:        o.Price,
		OrdType:      o.OrdType,
		TimeInForce:  o.TimeInForce,
		OrdStatus:    o.OrdStatus,
		LeavesQty:    o.LeavesQty,
		CumQty:       o.CumQty,
		ExecType:     what,
		Text:         o.Text,
		TransactTime: o.TransactTime,
		Timestamp:    o.Timestamp,
	}
	if last > 0 {
		e.LastQty, e.LastPx, e.LastLiquidityInd = &last, "20000", "AddedLiquidity"
		e.Commission, e.ExecCost, e.ExecComm = "-0.00025", new(-5000*last), new(-last)
	}
	return e
}

// account is a client's connection and what it has said.
type account struct {
	*bitmex.Exchange
	v       *venue
	metrics *live.Metrics
	reports []exchange.Report

	mu      sync.Mutex
	notices []live.Notice
}

func quick() live.Policy {
	p := live.DefaultPolicy()
	p.RequestsPerMinute, p.OrdersPerSecond = 0, 0
	p.Timeout, p.Backoff, p.MaxBackoff = 5*time.Second, time.Millisecond, 2*time.Millisecond
	p.Reconnect, p.MaxReconnect, p.BreakerFailures = time.Millisecond, 2*time.Millisecond, 1000
	return p
}

func (v *venue) config() bitmex.ExchangeConfig {
	return bitmex.ExchangeConfig{
		Config:      bitmex.Config{URL: v.server.URL, Key: "k", Secret: secret.New("s"), Policy: quick()},
		Instruments: v.set, Symbols: []exchange.SymbolID{v.inst.ID}, Reconcile: -1,
	}
}

// connect connects an account; change may be nil.
func (v *venue) connect(change func(*bitmex.ExchangeConfig)) *account {
	v.t.Helper()
	a := &account{v: v, metrics: live.NewMetrics(nil, "bitmex")}
	c := v.config()
	c.Metrics = a.metrics
	c.Notice = func(n live.Notice) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.notices = append(a.notices, n)
	}
	if change != nil {
		change(&c)
	}
	ctx, cancel := context.WithTimeout(v.t.Context(), testLimit)
	defer cancel()
	x, err := bitmex.Connect(ctx, c)
	require.NoError(v.t, err)
	a.Exchange = x
	v.t.Cleanup(func() { _ = x.Close() })
	return a
}

// flush waits until all is said, and takes it.
func (a *account) flush() {
	a.v.t.Helper()
	ctx, cancel := context.WithTimeout(a.v.t.Context(), testLimit)
	defer cancel()
	for a.Flush(ctx) != nil { // it fails while the stream is connected again
		require.NoError(a.v.t, ctx.Err(), "it never said all")
		time.Sleep(time.Millisecond)
	}
	a.take()
}

func (a *account) take() {
	a.v.t.Helper()
	for t := a.Next(); t != exchange.Never; t = a.Next() {
		var err error
		a.reports, err = a.Advance(a.v.t.Context(), t, a.reports)
		require.NoError(a.v.t, err)
	}
}

// eventually waits for something that reports or the venue show.
func (a *account) eventually(what string, is func() bool) {
	a.v.t.Helper()
	require.Eventually(a.v.t, func() bool { a.take(); return is() }, testLimit, time.Millisecond, what)
}

// said are the orders, fills and refusals that were reported, and forgets them.
func (a *account) said() (list []string) {
	for n := range a.reports {
		switch r := &a.reports[n]; r.Kind {
		case exchange.ReportOrder:
			list = append(list, fmt.Sprintf("%s %s, %s", r.Order.ClientID, r.ExecType, r.Order.Status))
		case exchange.ReportFill:
			list = append(list, fmt.Sprintf("%s filled %d, position %d", r.Fill.ClientID, r.Fill.Qty, r.Fill.Position))
		case exchange.ReportReject:
			list = append(
				list,
				fmt.Sprintf(
					"%s of %s%s refused: %s",
					r.Reject.Command,
					r.Reject.OrderID,
					r.Reject.ClientID,
					r.Reject.Reason,
				),
			)
		}
	}
	a.reports = a.reports[:0]
	return list
}

func (a *account) told() (list []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range a.notices {
		list = append(list, n.Text)
	}
	return list
}

// limit is an order of 100 contracts.
func (v *venue) limit(id string) exchange.NewOrder {
	o := exchange.NewOrder{
		Symbol:   v.inst.ID,
		Side:     exchange.Buy,
		Qty:      100,
		Price:    exchange.MustPrice("20000"),
		ClientID: exchange.ClientID(id),
	}
	o.Normalize()
	return o
}

// place gives an order that the venue acknowledges.
func (a *account) place(id string) {
	a.v.t.Helper()
	_, err := a.Submit(a.v.t.Context(), a.v.limit(id))
	require.NoError(a.v.t, err)
	a.flush()
	o := a.v.row(id, "New", 0)
	a.v.change(func() { a.v.orders = append(a.v.orders, o) })
	a.v.execute(a.v.executed("new-"+id, "New", o, 0))
	a.flush()
	require.Equal(a.v.t, []string{id + " New, New"}, a.said())
}

func refusal(text string) string {
	return fmt.Sprintf(`{"error":{"message":%q,"name":"HTTPError"}}`, text)
}

package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"

	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// Limits of a socket.
const (
	socketQueue  = 4096 // frames that a client may be behind
	socketFrame  = 64 << 10
	socketErrors = 20 // mistakes until it is closed
	writeTimeout = 10 * time.Second
)

// command is a frame of a client.
type command struct {
	Op   string          `json:"op"`
	Args json.RawMessage `json:"args"`
}

// args reads the arguments: a list, or one alone.
func (c *command) args() ([]json.RawMessage, error) {
	var list []json.RawMessage
	if len(c.Args) == 0 {
		return nil, nil
	}
	if c.Args[0] != '[' {
		return []json.RawMessage{c.Args}, nil
	}
	err := json.Unmarshal(c.Args, &list)
	return list, err
}

// socketError is the venue's refusal of a frame.
type socketError struct {
	Status  int             `json:"status"`
	Error   string          `json:"error"`
	Meta    map[string]any  `json:"meta"`
	Request json.RawMessage `json:"request"`
}

// session is a socket as its own goroutine sees it.
type session struct {
	g      *Gateway
	c      *client
	key    Key
	known  bool
	errors int
}

// socket serves a WebSocket until either side ends it.
func (g *Gateway) socket(w http.ResponseWriter, r *http.Request) {
	g.accept(w, r, func(ctx context.Context, s *session, conn *websocket.Conn) {
		_ = g.do(ctx, func() { s.c.send(rowJSON(g.welcome())) }) // if it has stopped, reading ends
		s.subscribeFromURL(ctx, r)
		s.receive(ctx, conn, func(frame []byte) { s.handle(ctx, frame) })
	})
}

// accept makes a WebSocket of a request, and serves it.
func (g *Gateway) accept(w http.ResponseWriter, r *http.Request, serve func(context.Context, *session, *websocket.Conn)) {
	s := &session{g: g, c: &client{out: make(chan []byte, socketQueue), slow: make(chan struct{})}}
	if err := s.authenticateUpgrade(r); err != nil {
		g.fail(w, r, err)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // any origin, as on the venue: keys decide
	if err != nil {
		return // Accept has answered
	}
	conn.SetReadLimit(socketFrame)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if g.do(ctx, func() { g.hub.clients[s.c] = struct{}{}; g.metrics.sockets.Inc() }) != nil {
		_ = conn.Close(websocket.StatusGoingAway, "")
		return
	}
	written := make(chan struct{})
	go func() { defer close(written); defer cancel(); s.write(ctx, conn) }()
	serve(ctx, s, conn)
	_ = g.do(context.WithoutCancel(ctx), func() { g.hub.drop(s.c) })
	<-written // what was said before the end is sent
	g.metrics.sockets.Dec()
	_ = conn.CloseNow()
}

// welcome is the first frame.
func (g *Gateway) welcome() any {
	return map[string]any{"info": "Welcome to the BitMEX Realtime API.", "version": "2.0.0", "timestamp": api.Time(g.now),
		"docs": "https://www.bitmex.com/app/wsAPI", "heartbeatEnabled": false, "limit": map[string]int{"remaining": 40}}
}

// authenticateUpgrade accepts a signature in the headers or the query of the upgrade.
func (s *session) authenticateUpgrade(r *http.Request) error {
	get := func(name string) string {
		if v := r.Header.Get(name); v != "" {
			return v
		}
		return r.URL.Query().Get(name)
	}
	if get(api.HeaderKey) == "" {
		return nil
	}
	var err error
	s.key, s.known, err = s.g.checkSignature(get(api.HeaderKey), get(api.HeaderExpires), get(api.HeaderSignature), http.MethodGet, api.StreamPath, nil)
	return err
}

func (s *session) subscribeFromURL(ctx context.Context, r *http.Request) {
	if topics := r.URL.Query().Get("subscribe"); topics != "" {
		s.handle(ctx, rowJSON(command{Op: "subscribe", Args: rowJSON(strings.Split(topics, ","))}))
	}
}

func (s *session) write(ctx context.Context, conn *websocket.Conn) {
	for {
		select {
		case frame, more := <-s.c.out:
			if !more {
				_ = conn.Close(websocket.StatusGoingAway, "")
				return
			}
			late, cancel := context.WithTimeout(ctx, writeTimeout)
			err := conn.Write(late, websocket.MessageText, frame)
			cancel()
			if err != nil {
				if errors.Is(err, context.DeadlineExceeded) {
					s.g.metrics.slow.Inc()
				}
				return
			}
		case <-s.c.slow:
			s.g.metrics.slow.Inc()
			_ = conn.Close(websocket.StatusPolicyViolation, "too slow")
			return
		case <-ctx.Done():
			return
		}
	}
}

// receive handles frames until there are no more, or too many mistakes in them.
func (s *session) receive(ctx context.Context, conn *websocket.Conn, handle func(frame []byte)) {
	for s.errors < socketErrors {
		kind, frame, err := conn.Read(ctx)
		if err != nil {
			return
		}
		if kind != websocket.MessageText {
			s.fail(ctx, &api.Error{Status: 400, Message: "Unrecognized request. Binary frames are not served."}, nil)
			continue
		}
		handle(frame)
	}
}

func (s *session) reply(ctx context.Context, frame []byte) {
	_ = s.g.do(ctx, func() { s.c.send(frame) }) // it is gone
}

func (s *session) fail(ctx context.Context, e *api.Error, request json.RawMessage) {
	s.errors++
	if !json.Valid(request) {
		request = json.RawMessage("{}")
	}
	s.reply(ctx, rowJSON(socketError{Status: e.Status, Error: e.Message, Meta: map[string]any{}, Request: request}))
}

// handle does what a frame asks for.
func (s *session) handle(ctx context.Context, frame []byte) {
	switch strings.TrimSpace(string(frame)) {
	case "ping":
		s.reply(ctx, []byte("pong"))
		return
	case "help":
		s.reply(ctx, rowJSON(s.g.help()))
		return
	}
	var c command
	if err := json.Unmarshal(frame, &c); err != nil {
		s.fail(ctx, &api.Error{Status: 400, Message: "Unrecognized request. Refer to the documentation or send 'help' for more information."}, frame)
		return
	}
	args, err := c.args()
	if topics := c.Op == "subscribe" || c.Op == "unsubscribe"; err != nil || topics && len(args) == 0 {
		s.fail(ctx, &api.Error{Status: 400, Message: "Malformed arguments."}, frame)
		return
	}
	switch c.Op {
	case "subscribe", "unsubscribe":
		for _, raw := range args {
			s.topic(ctx, c.Op, raw, frame)
		}
	case "authKeyExpires":
		s.authKey(ctx, args, frame)
	case "cancelAllAfter":
		s.cancelAllAfter(ctx, args, frame)
	case "ping":
		s.reply(ctx, []byte("pong"))
	case "help":
		s.reply(ctx, rowJSON(s.g.help()))
	default:
		s.fail(ctx, &api.Error{Status: 400, Message: "Unknown op: " + c.Op}, frame)
	}
}

func (s *session) authKey(ctx context.Context, args []json.RawMessage, frame []byte) {
	if s.known {
		s.fail(ctx, &api.Error{Status: 400, Message: "You are already authenticated."}, frame)
		return
	}
	var id, signature string
	if len(args) != 3 || json.Unmarshal(args[0], &id) != nil || json.Unmarshal(args[2], &signature) != nil {
		s.fail(ctx, &api.Error{Status: 400, Message: "Malformed arguments."}, frame)
		return
	}
	expires := strings.Trim(string(args[1]), `"`)
	k, _, err := s.g.checkSignature(id, expires, signature, http.MethodGet, api.StreamPath, nil)
	if err != nil {
		s.fail(ctx, venueError(err), frame)
		return
	}
	s.key, s.known = k, true
	s.reply(ctx, rowJSON(map[string]any{"success": true, "request": json.RawMessage(frame)}))
}

func (s *session) cancelAllAfter(ctx context.Context, args []json.RawMessage, frame []byte) {
	switch {
	case !s.known || !s.key.may(PermitOrderCancel):
		s.fail(ctx, &api.Error{Status: 401, Message: "User requires authentication."}, frame)
		return
	case len(args) != 1:
		s.fail(ctx, &api.Error{Status: 400, Message: "Malformed arguments."}, frame)
		return
	}
	answer, err := s.g.cancelAllAfter(ctx, s.key, params{"timeout": strings.Trim(string(args[0]), `"`)})
	if err != nil {
		s.fail(ctx, venueError(err), frame)
		return
	}
	d, _ := answer.(deadMan)
	s.reply(ctx, rowJSON(map[string]any{"now": d.Now, "cancelTime": d.CancelTime, "request": json.RawMessage(frame)}))
}

// topic subscribes to one topic, or ends that.
func (s *session) topic(ctx context.Context, op string, raw json.RawMessage, frame []byte) {
	var topic string
	if json.Unmarshal(raw, &topic) != nil {
		s.fail(ctx, &api.Error{Status: 400, Message: "Malformed arguments."}, frame)
		return
	}
	err := s.g.do(ctx, func() {
		if e := s.g.topic(ctx, s, op, topic, frame); e != nil {
			s.errors++
			s.c.send(rowJSON(socketError{Status: e.Status, Error: e.Message, Meta: map[string]any{}, Request: frame}))
		}
	})
	if err != nil {
		s.errors = socketErrors // the gateway has stopped
	}
}

func (g *Gateway) topic(ctx context.Context, s *session, op, topic string, frame []byte) *api.Error {
	name, filter, _ := strings.Cut(topic, ":")
	t := g.hub.tables[name]
	switch {
	case t == nil:
		return &api.Error{Status: 400, Message: "Unknown table: " + name}
	case t.private && !s.known:
		return &api.Error{Status: 401, Message: "User requires authentication."}
	case filter == "*" || t.alone:
		filter = ""
	}
	if group := strings.ToUpper(filter); name == "instrument" && slices.Contains([]string{"CONTRACTS", "DERIVATIVES", "INDICES", "SPOT"}, group) {
		filter = ""
	}
	if filter != "" && g.bySymbol[filter] == nil {
		return &api.Error{Status: 400, Message: "Unknown or expired symbol."}
	}
	at := address{symbol: filter}
	var a *account
	if t.private {
		var err error
		if a, err = g.account(ctx, s.key); err != nil {
			g.log.Error("an account did not open", "error", err)
			return &api.Error{Status: 500, Message: "Server Error"}
		}
		at.account, s.c.account = a.id, a
	}
	listening := slices.Contains(t.subs[at], s.c)
	if op == "unsubscribe" {
		if !listening {
			return &api.Error{Status: 400, Message: "You are not subscribed to this topic: " + topic}
		}
		t.unlisten(s.c, at)
		s.c.send(fmt.Appendf(nil, `{"success":true,"unsubscribe":%s,"request":%s}`, strconv.Quote(topic), frame))
		return nil
	}
	if listening {
		return &api.Error{Status: 400, Message: "You are already subscribed to this topic: " + topic}
	}
	s.c.send(fmt.Appendf(nil, `{"success":true,"subscribe":%s,"request":%s}`, strconv.Quote(topic), frame))
	s.c.send(t.partial(at.account, filter, g.partialRows(t, a, filter)))
	t.listen(s.c, at)
	return nil
}

// partialRows is what a table holds now.
func (g *Gateway) partialRows(t *table, a *account, symbol string) (rows [][]byte) {
	h := &g.hub
	switch t {
	case h.order:
		for _, o := range a.open {
			if symbol == "" || o.Symbol == symbol {
				rows = append(rows, rowJSON(o))
			}
		}
		return rows
	case h.position:
		positions := a.positionRows()
		for n := range positions {
			if symbol == "" || positions[n].Symbol == symbol {
				rows = append(rows, rowJSON(&positions[n]))
			}
		}
		return rows
	case h.margin, h.wallet:
		margins := a.margins()
		for n, w := range a.purses {
			if t == h.margin {
				row := a.marginRow(w, &margins[n])
				rows = append(rows, rowJSON(&row))
			} else {
				row := a.walletRow(w, &margins[n])
				rows = append(rows, rowJSON(&row))
			}
		}
		return rows
	case h.transact:
		return rowsJSON(a.ledger)
	}
	for _, m := range g.markets {
		if symbol == "" || m.inst.Symbol == symbol {
			rows = append(rows, g.marketRows(t, m)...)
		}
	}
	return rows
}

func (g *Gateway) marketRows(t *table, m *market) [][]byte {
	h := &g.hub
	switch t {
	case h.instrument:
		g.publishInstrument(m) // for those who listen already
		m.row = instrumentRow(m, g.now)
		m.live(g.now)
		m.shown = m.row
		return [][]byte{rowJSON(&m.row)}
	case h.quote:
		return rowsJSON(m.newestQuote())
	case h.trade:
		return rowsJSON(newest(m.trades))
	case h.funding:
		return rowsJSON(newest(m.rates))
	case h.liquidation:
		return rowsJSON(m.liquidationRows())
	case h.settlement:
		return rowsJSON(newest(m.settlements))
	case h.book:
		return rowsJSON(m.bookRows(0, g.now))
	case h.book25:
		m.window()
		return rowsJSON(m.bookRows(25, g.now))
	case h.book10:
		row := m.book10(g.now)
		return [][]byte{rowJSON(&row)}
	}
	for n := range binSizes {
		switch t {
		case h.bins[n]:
			return rowsJSON(newest(m.bins[n].rows))
		case h.quoteBins[n]:
			return rowsJSON(newest(m.quotes[n].rows))
		}
	}
	return nil
}

// newest is the last row, which is all that the partials of such tables hold.
func newest[T any](rows []T) []T { return rows[max(0, len(rows)-1):] }

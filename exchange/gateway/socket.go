package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// Limits of a socket.
const (
	socketFrame  = 64 << 10 // bytes of a frame that it sends
	socketErrors = 20       // mistakes until it is closed
	socketEcho   = 512      // bytes of a frame that is repeated whole in the answer to it
	socketTopic  = 64       // bytes of a topic or a word that are repeated of a longer one
	socketIdle   = 10       // heartbeats that it may be silent without a subscription
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

// session is a socket, or a stream of one, as its own goroutine sees it.
type session struct {
	g       *Gateway
	c       *client
	origin  string
	key     Key
	known   bool
	mistake *int          // of the socket
	heard   *atomic.Int64 // when the socket last sent a frame, by the wall's clock
}

func newSession(g *Gateway, origin string) *session {
	return &session{g: g, c: &client{out: newOutbox()}, origin: origin, mistake: new(int), heard: new(atomic.Int64)}
}

// over reports whether the socket has made too many mistakes.
func (s *session) over() bool { return *s.mistake >= socketErrors }

// room waits until most of the answers to the socket have been written: who does not read
// is not answered any further. It returns false when the socket ends.
func (s *session) room(ctx context.Context) bool {
	out := s.c.root().out
	for out.full() {
		select {
		case <-out.drained:
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

// payer is who a socket's subscriptions are charged to.
func (s *session) payer() string {
	if s.known {
		return accountPayer(s.key.Account)
	}
	return addressPayer(s.origin)
}

// socket serves a WebSocket until either side ends it.
func (g *Gateway) socket(w http.ResponseWriter, r *http.Request) {
	g.accept(w, r, func(ctx context.Context, s *session, conn *websocket.Conn) {
		_ = g.do(ctx, func() { s.c.answer(rowJSON(g.welcome(s))) }) // if it has stopped, reading ends
		s.subscribeFromURL(ctx, r)
		s.receive(ctx, conn, func(frame []byte) { s.handle(ctx, frame) })
	})
}

// accept makes a WebSocket of a request, and serves it.
func (g *Gateway) accept(w http.ResponseWriter, r *http.Request, serve func(context.Context, *session, *websocket.Conn)) {
	s := newSession(g, originOf(r))
	if err := g.entries.enter(s.origin); err != nil {
		g.metrics.refused.Inc()
		g.fail(w, r, err)
		return
	}
	defer g.entries.leave(s.origin)
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
	s.heard.Store(time.Now().UnixNano())
	if g.do(ctx, func() { g.hub.clients[s.c] = struct{}{}; g.metrics.sockets.Inc() }) != nil {
		_ = conn.Close(websocket.StatusGoingAway, "")
		return
	}
	var group sync.WaitGroup
	group.Go(func() { defer cancel(); s.write(ctx, conn) })
	alive, dead := context.WithCancel(ctx)
	group.Go(func() { s.watch(alive, conn) })
	serve(ctx, s, conn)
	dead()
	_ = g.do(context.WithoutCancel(ctx), func() { g.hub.drop(s.c) })
	group.Wait() // what was said before the end is sent
	g.metrics.sockets.Dec()
	_ = conn.CloseNow()
}

// watch pings a socket, and closes one that does not answer or has no use.
func (s *session) watch(ctx context.Context, conn *websocket.Conn) {
	tick := time.NewTicker(s.g.cfg.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		silent := time.Since(time.Unix(0, s.heard.Load()))
		if s.c.topics.Load() == 0 && silent >= socketIdle*s.g.cfg.Heartbeat {
			_ = conn.Close(websocket.StatusPolicyViolation, "idle")
			return
		}
		late, cancel := context.WithTimeout(ctx, s.g.cfg.Heartbeat)
		err := conn.Ping(late)
		cancel()
		if err != nil {
			_ = conn.CloseNow() // reading ends with it
			return
		}
	}
}

// welcome is the first frame. Its limit is how many more subscriptions the client may make
// at once.
func (g *Gateway) welcome(s *session) any {
	return map[string]any{"info": "Welcome to the BitMEX Realtime API.", "version": "2.0.0", "timestamp": api.Time(g.now),
		"docs": "https://www.bitmex.com/app/wsAPI", "heartbeatEnabled": false,
		"limit": map[string]int{"remaining": g.limits.subscriptions(s.payer(), s.known, g.cfg.Clock())}}
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
	out := s.c.out
	for {
		frame, ok, ended, slow := out.take()
		switch {
		case ok:
			late, cancel := context.WithTimeout(ctx, writeTimeout)
			err := conn.Write(late, websocket.MessageText, frame.data)
			cancel()
			out.written(frame)
			if err != nil {
				if errors.Is(err, context.DeadlineExceeded) {
					s.g.metrics.slow.Inc()
				}
				return
			}
		case slow:
			s.g.metrics.slow.Inc()
			_ = conn.Close(websocket.StatusPolicyViolation, "too slow")
			return
		case ended:
			_ = conn.Close(websocket.StatusGoingAway, "")
			return
		default:
			select {
			case <-out.filled:
			case <-ctx.Done():
				return
			}
		}
	}
}

// receive handles frames until there are no more, or too many mistakes in them.
func (s *session) receive(ctx context.Context, conn *websocket.Conn, handle func(frame []byte)) {
	for !s.over() && s.room(ctx) {
		kind, frame, err := conn.Read(ctx)
		if err != nil {
			return
		}
		s.heard.Store(time.Now().UnixNano())
		if kind != websocket.MessageText {
			s.fail(ctx, &api.Error{Status: 400, Message: "Unrecognized request. Binary frames are not served."}, nil)
			continue
		}
		handle(frame)
	}
}

func (s *session) reply(ctx context.Context, frame []byte) {
	_ = s.g.do(ctx, func() { s.c.answer(frame) }) // it is gone
}

// fail answers with a mistake, and counts it.
func (s *session) fail(ctx context.Context, e *api.Error, request json.RawMessage) {
	*s.mistake++
	s.reply(ctx, refusal(e, request))
}

// refusal is the answer to a mistake; a request is what [echo] or [echoTopic] made of it.
func refusal(e *api.Error, request json.RawMessage) []byte {
	if request == nil {
		request = json.RawMessage("{}")
	}
	return rowJSON(socketError{Status: e.Status, Error: e.Message, Meta: map[string]any{}, Request: request})
}

// echo is what an answer repeats of a frame: all of a short one, of a longer one its op.
func echo(op string, frame []byte) json.RawMessage {
	switch {
	case len(frame) <= socketEcho && utf8.Valid(frame) && json.Valid(frame):
		return frame
	case op == "":
		return nil
	}
	return rowJSON(map[string]string{"op": short(op)})
}

// echoTopic is what the answer about one topic repeats of a frame.
func echoTopic(op, topic string, frame []byte) json.RawMessage {
	if len(frame) <= socketEcho {
		return echo(op, frame)
	}
	return rowJSON(map[string]any{"op": op, "args": []string{short(topic)}})
}

// short cuts a text of a client to what an answer repeats of it.
func short(text string) string {
	if len(text) > socketTopic {
		text = text[:socketTopic] + "..."
	}
	return strings.ToValidUTF8(text, "")
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
		s.fail(
			ctx,
			&api.Error{
				Status:  400,
				Message: "Unrecognized request. Refer to the documentation or send 'help' for more information.",
			},
			echo("", frame),
		)
		return
	}
	args, err := c.args()
	if topics := c.Op == "subscribe" || c.Op == "unsubscribe"; err != nil || topics && len(args) == 0 {
		s.fail(ctx, &api.Error{Status: 400, Message: "Malformed arguments."}, echo(c.Op, frame))
		return
	}
	switch c.Op {
	case "subscribe", "unsubscribe":
		for n := 0; n < len(args) && !s.over() && s.room(ctx); n++ {
			s.topic(ctx, c.Op, args[n], frame)
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
		s.fail(ctx, &api.Error{Status: 400, Message: "Unknown op: " + short(c.Op)}, echo(c.Op, frame))
	}
}

func (s *session) authKey(ctx context.Context, args []json.RawMessage, frame []byte) {
	if s.known {
		s.fail(ctx, &api.Error{Status: 400, Message: "You are already authenticated."}, echo("authKeyExpires", frame))
		return
	}
	var id, signature string
	if len(args) != 3 || json.Unmarshal(args[0], &id) != nil || json.Unmarshal(args[2], &signature) != nil {
		s.fail(ctx, &api.Error{Status: 400, Message: "Malformed arguments."}, echo("authKeyExpires", frame))
		return
	}
	expires := strings.Trim(string(args[1]), `"`)
	k, _, err := s.g.checkSignature(id, expires, signature, http.MethodGet, api.StreamPath, nil)
	if err != nil {
		s.fail(ctx, venueError(err), echo("authKeyExpires", frame))
		return
	}
	s.key, s.known = k, true
	s.reply(ctx, rowJSON(map[string]any{"success": true, "request": echo("authKeyExpires", frame)}))
}

func (s *session) cancelAllAfter(ctx context.Context, args []json.RawMessage, frame []byte) {
	switch {
	case !s.known || !s.key.may(PermitOrderCancel):
		s.fail(ctx, &api.Error{Status: 401, Message: "User requires authentication."}, echo("cancelAllAfter", frame))
		return
	case len(args) != 1:
		s.fail(ctx, &api.Error{Status: 400, Message: "Malformed arguments."}, echo("cancelAllAfter", frame))
		return
	}
	answer, err := s.g.cancelAllAfter(ctx, s.key, params{"timeout": strings.Trim(string(args[0]), `"`)})
	if err != nil {
		s.fail(ctx, venueError(err), echo("cancelAllAfter", frame))
		return
	}
	d, _ := answer.(deadMan)
	s.reply(
		ctx,
		rowJSON(map[string]any{"now": d.Now, "cancelTime": d.CancelTime, "request": echo("cancelAllAfter", frame)}),
	)
}

// topic subscribes to one topic, or ends that.
func (s *session) topic(ctx context.Context, op string, raw json.RawMessage, frame []byte) {
	var topic string
	if json.Unmarshal(raw, &topic) != nil {
		s.fail(ctx, &api.Error{Status: 400, Message: "Malformed arguments."}, echo(op, frame))
		return
	}
	request := echoTopic(op, topic, frame)
	if wait := s.g.limits.subscribe(s.payer(), s.known, s.g.cfg.Clock()); wait > 0 && op == "subscribe" {
		s.fail(ctx, tooMany(wait), request)
		return
	}
	err := s.g.do(ctx, func() {
		if e := s.g.topic(ctx, s, op, topic, request); e != nil {
			*s.mistake++
			s.c.answer(refusal(e, request))
		}
	})
	if err != nil {
		*s.mistake = socketErrors // the gateway has stopped
	}
}

func (g *Gateway) topic(ctx context.Context, s *session, op, topic string, request json.RawMessage) *api.Error {
	name, filter, _ := strings.Cut(topic, ":")
	t := g.hub.tables[name]
	switch {
	case t == nil:
		return &api.Error{Status: 400, Message: "Unknown table: " + short(name)}
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
	done := rowJSON(map[string]any{"success": true, op: topic, "request": request})
	if op == "unsubscribe" {
		if !listening {
			return &api.Error{Status: 400, Message: "You are not subscribed to this topic: " + short(topic)}
		}
		t.unlisten(s.c, at)
		s.c.answer(done)
		return nil
	}
	if listening {
		return &api.Error{Status: 400, Message: "You are already subscribed to this topic: " + short(topic)}
	}
	s.c.answer(done)
	s.c.sparse = g.sparseKey(&s.key)
	s.c.answer(t.partial(s.c, at.account, filter, g.partialRows(t, a, filter)))
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

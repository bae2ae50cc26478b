package gateway

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/coder/websocket"

	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// Several streams on one socket, at /realtimemd: each frame is [type, id, topic,
// payload], where id and topic are the client's names for a stream that authenticates
// and subscribes on its own.
const (
	muxMessage = 0
	muxOpen    = 1
	muxClose   = 2
	// muxStreams is how many streams a socket may have open.
	muxStreams = 100
	// muxName is how many bytes the id and the topic of a stream may have: every frame of
	// the stream repeats them.
	muxName = 256
)

// streamName is how a client calls a stream.
type streamName struct{ id, topic string }

// multiplexer is a socket that carries streams.
type multiplexer struct {
	*session
	streams map[streamName]*session
}

// muxSocket serves a multiplexed WebSocket.
func (g *Gateway) muxSocket(w http.ResponseWriter, r *http.Request) {
	g.accept(w, r, func(ctx context.Context, s *session, conn *websocket.Conn) {
		m := &multiplexer{session: s, streams: map[streamName]*session{}}
		s.receive(ctx, conn, func(frame []byte) { m.frame(ctx, frame) })
		for name := range m.streams {
			m.end(ctx, name)
		}
	})
}

// frame does what a frame of the client says.
func (m *multiplexer) frame(ctx context.Context, frame []byte) {
	if string(frame) == "ping" {
		m.reply(ctx, []byte("pong"))
		return
	}
	var parts []json.RawMessage
	var kind int
	var name streamName
	if json.Unmarshal(frame, &parts) != nil || len(parts) < 3 || len(parts) > 4 || json.Unmarshal(parts[0], &kind) != nil ||
		json.Unmarshal(parts[1], &name.id) != nil || json.Unmarshal(parts[2], &name.topic) != nil {
		m.fail(ctx, badFrame("Malformed frame: want [type, id, topic, payload]."), echo("", frame))
		return
	}
	s := m.streams[name]
	switch {
	case len(name.id) > muxName || len(name.topic) > muxName:
		m.fail(ctx, badFrame("The name of a stream is too long."), echo("", frame))
	case kind == muxOpen && s == nil:
		m.begin(ctx, name, frame)
	case kind == muxClose && s != nil:
		m.end(ctx, name)
	case kind == muxMessage && s != nil && len(parts) == 4:
		payload := []byte(parts[3])
		var word string
		if json.Unmarshal(payload, &word) == nil {
			payload = []byte(word)
		}
		s.handle(ctx, payload)
	default:
		m.fail(ctx, badFrame("There is no such stream, or it is open already."), echo("", frame))
	}
}

func badFrame(text string) *api.Error {
	return &api.Error{Status: http.StatusBadRequest, Message: text}
}

// begin opens a stream, which says welcome.
func (m *multiplexer) begin(ctx context.Context, name streamName, frame []byte) {
	if len(m.streams) == muxStreams {
		m.fail(ctx, badFrame("Too many streams."), echo("", frame))
		return
	}
	head := append([]byte("[0,"), rowJSON(name.id)...)
	head = append(append(append(head, ','), rowJSON(name.topic)...), ',')
	s := &session{g: m.g, c: &client{carrier: m.c, head: head}, origin: m.origin, mistake: m.mistake, heard: m.heard}
	m.streams[name] = s
	_ = m.g.do(
		ctx,
		func() { m.g.hub.clients[s.c] = struct{}{}; s.c.answer(rowJSON(m.g.welcome(s))) },
	) // if it has stopped, the socket ends
}

// end closes a stream.
func (m *multiplexer) end(ctx context.Context, name streamName) {
	s := m.streams[name]
	delete(m.streams, name)
	_ = m.g.do(context.WithoutCancel(ctx), func() { m.g.hub.drop(s.c) })
}

// wrapped is a frame of a stream as its socket carries it.
func (c *client) wrapped(frame []byte) []byte {
	out := make([]byte, 0, len(c.head)+len(frame)+3)
	out = append(out, c.head...)
	if json.Valid(frame) {
		out = append(out, frame...)
	} else {
		out = append(out, rowJSON(string(frame))...) // pong
	}
	return append(out, ']')
}

package dashboard

import (
	"context"
	"crypto/subtle"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dunamis-engine/dunamis/secret"
	"github.com/dunamis-engine/dunamis/session"
)

//go:embed assets
var assets embed.FS

// pushEvery is how often a page hears what is new.
const pushEvery = 250 * time.Millisecond

// Handler serves the page, its data, and the requests of its buttons, which need the
// token. Where others than this machine can connect, open must be false: then reading
// needs the token too.
func (w *Watch) Handler(token secret.String, open bool) http.Handler {
	g := &guard{token: token, open: open}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", asset("assets/index.html", "text/html; charset=utf-8"))
	mux.HandleFunc("GET /app.js", asset("assets/app.js", "text/javascript; charset=utf-8"))
	mux.HandleFunc("GET /style.css", asset("assets/style.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /favicon.ico", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNoContent) })
	mux.Handle("GET /api/state", g.reads(http.HandlerFunc(w.serveState)))
	mux.Handle("GET /api/stream", g.reads(http.HandlerFunc(w.serveStream)))
	mux.Handle("POST /api/{request}", g.writes(http.HandlerFunc(w.serveRequest)))
	mux.Handle("GET /metrics", g.reads(promhttp.HandlerFor(w.metrics.registry, promhttp.HandlerOpts{})))
	mux.HandleFunc("GET /healthz", probe(w.Healthy))
	mux.HandleFunc("GET /readyz", probe(w.Ready))
	return secured(mux)
}

// probe answers 200 or 503.
func probe(look func() error) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		if err := look(); err != nil {
			http.Error(rw, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(rw, "ok")
	}
}

func asset(name, kind string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		text, err := assets.ReadFile(name)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
			return
		}
		rw.Header().Set("Content-Type", kind)
		_, _ = rw.Write(text) // the browser has gone
	}
}

// secured lets the page load nothing from elsewhere and be framed by nobody.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(rw, r)
	})
}

// guard knows who may do what.
type guard struct {
	token secret.String
	open  bool
}

func (g *guard) known(r *http.Request) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		given = r.URL.Query().Get("token") // a browser can give a WebSocket no header
	}
	return !g.token.Empty() && subtle.ConstantTimeCompare([]byte(given), []byte(g.token.Reveal())) == 1
}

// local refuses names that a foreign page made point here.
func local(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (g *guard) reads(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !g.known(r) && (!g.open || !local(r)) {
			refuse(rw, http.StatusUnauthorized, "the token is needed: open the address that paper run printed")
			return
		}
		next.ServeHTTP(rw, r)
	})
}

func (g *guard) writes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !g.known(r) || r.URL.Query().Has("token") {
			refuse(rw, http.StatusUnauthorized, "the token is needed, as Authorization: Bearer TOKEN")
			return
		}
		next.ServeHTTP(rw, r)
	})
}

func refuse(rw http.ResponseWriter, code int, reason string) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(code)
	_ = json.NewEncoder(rw).Encode(map[string]string{"error": reason}) //nolint:errchkjson // strings
}

func (w *Watch) serveState(rw http.ResponseWriter, r *http.Request) {
	s, err := w.Snapshot(r.Context())
	if err != nil {
		refuse(rw, http.StatusInternalServerError, err.Error())
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(s) //nolint:errchkjson // the browser has gone
}

func (w *Watch) serveRequest(rw http.ResponseWriter, r *http.Request) {
	request, err := session.ParseRequest(r.PathValue("request"))
	if err != nil {
		refuse(rw, http.StatusNotFound, err.Error())
		return
	}
	w.cfg.Ask(request)
	rw.WriteHeader(http.StatusAccepted)
}

// serveStream sends snapshots while something is new.
func (w *Watch) serveStream(rw http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(rw, r, nil) // pages of other origins are refused
	if err != nil {
		return
	}
	defer conn.CloseNow() //nolint:errcheck // closed already, or broken
	ctx := conn.CloseRead(r.Context())
	tick := time.NewTicker(pushEvery)
	defer tick.Stop()
	for last := int64(-1); ; {
		s, err := w.Snapshot(ctx)
		if err == nil && s.Version != last {
			last = s.Version
			err = send(ctx, conn, s)
		}
		if err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func send(ctx context.Context, conn *websocket.Conn, s *Snapshot) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	late, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return conn.Write(late, websocket.MessageText, text)
}

// Serve serves until the context ends.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	err := server.Close()
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

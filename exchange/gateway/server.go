package gateway

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// maxBody is the largest body of a request, in bytes, and maxStranger that of one without
// a key that is known.
const (
	maxBody     = 1 << 20
	maxStranger = 64 << 10
)

// maxExpiry is how far ahead of the clock a signature may expire: until then, whoever sees
// a request can send it again.
const maxExpiry = 24 * time.Hour

// request is a request whose sender is known.
type request struct {
	params
	key    Key // zero: it was not signed
	known  bool
	charge func(orders int) // takes rate limit tokens of so many more orders
}

// endpoint is what a path does.
type endpoint struct {
	permission string // "": none; "read": a key
	order      bool   // counts for the second rate limit
	cancels    bool   // is never refused for its rate
	levels     bool   // answers with levels of a book
	do         func(ctx context.Context, r *request) (any, error)
}

const permitRead = "read"

// Handler returns the API: REST below /api/v1, WebSocket at /realtime.
func (g *Gateway) Handler() http.Handler {
	mux := http.NewServeMux()
	for path, e := range g.endpoints() {
		verb, rest, _ := strings.Cut(path, " ")
		mux.Handle(verb+" "+api.BasePath+rest, g.serve(path, e))
	}
	mux.HandleFunc("GET "+api.BasePath, g.root)
	mux.HandleFunc("GET "+api.BasePath+"/{$}", g.root)
	mux.HandleFunc("GET "+documentPath, g.document)
	mux.HandleFunc("GET /realtime", g.socket)
	mux.HandleFunc("GET /realtimePlatform", g.socket)
	mux.HandleFunc("GET /realtimemd", g.muxSocket)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, &api.Error{Status: http.StatusNotFound, Name: "HTTPError", Message: "Not Found"})
	})
	return cors(mux)
}

// cors lets pages of other origins use the API, as the venue does.
func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-ratelimit-remaining-1s, retry-after")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "api-key, api-expires, api-signature, content-type")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (g *Gateway) root(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{"name": "BitMEX API", "version": "2.0.0", "timestamp": g.cfg.Clock().UnixMilli()})
}

func (g *Gateway) serve(path string, e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		var key Key
		answer, err := g.handle(w, r, &e, &key)
		g.metrics.answered(path, statusOf(err), began)
		if err != nil {
			g.fail(w, r, err)
			return
		}
		if r.URL.Query().Get("_format") == "csv" {
			writeCSV(w, answer)
			return
		}
		body := rowJSON(answer)
		if g.sparseKey(&key) {
			body = sparse(body, e.levels)
		}
		writeText(w, body)
	})
}

// handle answers a request, and says whose it is.
func (g *Gateway) handle(w http.ResponseWriter, r *http.Request, e *endpoint, key *Key) (any, error) {
	most := int64(maxBody)
	if _, known := g.cfg.Keys.Lookup(r.Header.Get(api.HeaderKey)); !known {
		most = maxStranger
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		return nil, bodyError(err)
	}
	if f := r.URL.Query().Get("_format"); f != "" && f != "csv" && f != "json" {
		return nil, invalid("_format is invalid")
	}
	req := request{}
	var stranger error // whose signature is wrong counts as nobody, and is counted
	req.key, req.known, stranger = g.authenticate(r, body)
	*key = req.key
	who := accountPayer(req.key.Account)
	if !req.known {
		who = addressPayer(originOf(r))
	}
	if wait := g.limits.take(w.Header(), who, req.known, e.order, e.cancels, g.cfg.Clock()); wait > 0 {
		w.Header().Set("Retry-After", wholeSeconds(wait))
		return nil, tooMany(wait)
	}
	if stranger != nil {
		return nil, stranger
	}
	if err := req.permits(e.permission); err != nil {
		return nil, err
	}
	if req.params, err = parseParams(r, body); err != nil {
		return nil, err
	}
	req.charge = func(orders int) { g.limits.charge(w.Header(), who, orders, g.cfg.Clock()) }
	return e.do(asking(r.Context(), &question{verb: r.Method, path: r.URL.Path, account: req.key.Account,
		params: req.params}), &req)
}

func wholeSeconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// tooMany is the venue's refusal of what comes too often.
func tooMany(wait time.Duration) *api.Error {
	return &api.Error{Status: http.StatusTooManyRequests, Name: "RateLimitError",
		Message: "Rate limit exceeded, retry in " + wholeSeconds(wait) + " seconds."}
}

// bodyError says why a body was not read: it is too large, or did not come.
func bodyError(err error) *api.Error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &api.Error{Status: http.StatusRequestEntityTooLarge, Name: "HTTPError", Message: "Request body is too large"}
	}
	return &api.Error{Status: http.StatusRequestTimeout, Name: "HTTPError", Message: "Request body did not arrive"}
}

func (r *request) permits(permission string) error {
	switch {
	case permission == "":
		return nil
	case !r.known:
		return &api.Error{Status: http.StatusUnauthorized, Name: "HTTPError", Message: "Missing API key."}
	case permission == permitRead || r.key.may(permission):
		return nil
	}
	return &api.Error{Status: http.StatusForbidden, Name: "HTTPError", Message: "Access Denied"}
}

// authenticate checks the signature of a request, if it has a key.
func (g *Gateway) authenticate(r *http.Request, body []byte) (k Key, known bool, err error) {
	id := r.Header.Get(api.HeaderKey)
	if id == "" {
		return Key{}, false, nil
	}
	return g.checkSignature(id, r.Header.Get(api.HeaderExpires), r.Header.Get(api.HeaderSignature), r.Method, r.URL.RequestURI(), body)
}

func unauthorized(text string) *api.Error {
	return &api.Error{Status: http.StatusUnauthorized, Name: "HTTPError", Message: text}
}

func (g *Gateway) checkSignature(id, expires, signature, verb, path string, body []byte) (Key, bool, error) {
	k, ok := g.cfg.Keys.Lookup(id)
	if !ok {
		return Key{}, false, unauthorized("Invalid API Key.")
	}
	at, err := strconv.ParseInt(expires, 10, 64)
	if err != nil {
		return Key{}, false, unauthorized("Signature not valid.")
	}
	if !api.Verify(signature, k.Secret.Reveal(), verb, path, at, body) {
		return Key{}, false, unauthorized("Signature not valid.")
	}
	if now := g.cfg.Clock().Unix(); at < now {
		return Key{}, false, unauthorized("This request has expired - `expires` is in the past. Current time: " + strconv.FormatInt(now, 10))
	}
	if at > g.cfg.Clock().Add(maxExpiry).Unix() && !g.inMilliseconds(at) {
		return Key{}, false, unauthorized(
			"This request expires too late - `expires` must be at most a day ahead. Current time: " +
				strconv.FormatInt(g.cfg.Clock().Unix(), 10),
		)
	}
	if k.Disabled {
		return Key{}, false, unauthorized("This key is disabled.")
	}
	return k, true, nil
}

// inMilliseconds reports whether an expiry is a time of today in milliseconds. Clients that
// were written for the venue send those: it takes them for seconds of a far future. To the
// gateway they are valid for a day.
func (g *Gateway) inMilliseconds(at int64) bool {
	now := g.cfg.Clock()
	return at >= now.Add(-maxExpiry).UnixMilli() && at <= now.Add(maxExpiry).UnixMilli()
}

func (g *Gateway) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := venueError(err)
	if e.Status == http.StatusInternalServerError {
		g.log.Error("a request failed", "verb", r.Method, "path", r.URL.Path, "error", err)
	}
	writeError(w, e)
}

// venueError is what the venue would say of an error.
func venueError(err error) *api.Error {
	var e *api.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, errStopped), errors.Is(err, context.Canceled):
		return &api.Error{Status: http.StatusServiceUnavailable, Name: "HTTPError", Message: "Service unavailable"}
	}
	return &api.Error{Status: http.StatusInternalServerError, Name: "HTTPError", Message: "Server Error"}
}

func statusOf(err error) int {
	if err == nil {
		return http.StatusOK
	}
	return venueError(err).Status
}

func writeError(w http.ResponseWriter, e *api.Error) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(e.Status)
	writeBody(w, rowJSON(api.ErrorBody{Error: api.ErrorText{Message: e.Message, Name: e.Name}}))
}

func writeJSON(w http.ResponseWriter, v any) { writeText(w, rowJSON(v)) }

func writeText(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	writeBody(w, body)
}

// writeBody writes an answer; who does not read it has gone.
func writeBody(w http.ResponseWriter, body []byte) {
	_, _ = w.Write(append(body, '\n')) //nolint:gosec // JSON, and said to be
}

// writeCSV writes rows as the venue does for _format=csv: a header, then a line each.
func writeCSV(w http.ResponseWriter, answer any) {
	rows, ok := answer.([]json.RawMessage)
	if !ok && json.Unmarshal(rowJSON(answer), &rows) != nil {
		rows = []json.RawMessage{rowJSON(answer)}
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	out := csv.NewWriter(w)
	defer out.Flush()
	for n, raw := range rows {
		names, values := columnsOf(raw)
		if n == 0 {
			_ = out.Write(names)
		}
		_ = out.Write(values)
	}
}

// columnsOf splits a flat JSON object, in its order.
func columnsOf(raw json.RawMessage) (names, values []string) {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	_, _ = d.Token() // our own JSON
	for d.More() {
		token, _ := d.Token()
		name, _ := token.(string)
		var v any
		_ = d.Decode(&v)
		text := ""
		switch v := v.(type) {
		case nil:
		case string:
			text = v
		case json.Number:
			text = v.String()
		default:
			text = string(rowJSON(v))
		}
		names, values = append(names, name), append(values, text)
	}
	return names, values
}

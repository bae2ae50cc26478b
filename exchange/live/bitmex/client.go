package bitmex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/secret"
)

// Endpoints of the venue, as it was.
const (
	MainURL       = "https://www.bitmex.com"
	MainStreamURL = "wss://ws.bitmex.com/realtime"
)

// Config says where the venue is and who asks.
type Config struct {
	URL       string        // of the REST API, without /api/v1: "http://127.0.0.1:8090"
	StreamURL string        // "ws://127.0.0.1:8090/realtime"; empty: made of URL
	Key       string        // empty: public data only
	Secret    secret.String //
	Expires   time.Duration // until a signature expires; 0: 10 s
	Policy    live.Policy
	Transport http.RoundTripper // nil: the default one
	Log       *slog.Logger      // nil: none
	Metrics   *live.Metrics     // nil: none
}

func (c *Config) complete() error {
	if c.URL == "" {
		return errors.New("bitmex: URL is needed: the venue has closed, and has no default")
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("bitmex: URL %q: want http:// or https:// and a host", c.URL)
	}
	c.URL = strings.TrimSuffix(c.URL, "/")
	if c.StreamURL == "" {
		c.StreamURL = "ws" + strings.TrimPrefix(c.URL, "http") + api.StreamPath
	}
	if c.Expires == 0 {
		c.Expires = 10 * time.Second
	}
	if c.Policy == (live.Policy{}) {
		c.Policy = live.DefaultPolicy()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = live.NewMetrics(nil, "bitmex")
	}
	if (c.Key == "") != c.Secret.Empty() {
		return errors.New("bitmex: a key needs its secret, and a secret its key")
	}
	return c.Policy.Validate()
}

// Client sends requests and waits for their answers. Its methods may be called from any
// goroutine; their errors are [*bitmexapi.Error] for what the venue refuses, of which
// errors.Is knows the meaning, and wrap live.ErrUnknownOutcome, live.ErrBreakerOpen or
// the context's error for what it never answered.
type Client struct {
	cfg    Config
	http   *live.HTTP
	signer *api.Signer
}

// NewClient returns a client.
func NewClient(c Config) (*Client, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	base, err := url.Parse(c.URL)
	if err != nil {
		return nil, fmt.Errorf("bitmex: %w", err)
	}
	return &Client{cfg: c, http: live.NewHTTP(base, c.Transport, c.Policy, c.Log, c.Metrics), signer: api.NewSigner(c.Secret.Reveal())}, nil
}

// sign sets the headers of a request that expires Config.Expires from now, by the
// venue's clock.
func (c *Client) sign(h http.Header, verb, path string, body []byte) {
	expires := c.http.Now().Add(c.cfg.Expires).Unix()
	h[headerKey] = []string{c.cfg.Key}
	h[headerExpires] = []string{strconv.FormatInt(expires, 10)}
	h[headerSignature] = []string{c.signer.Sign(verb, path, expires, body)}
}

// The headers as package http spells them.
var (
	headerKey       = http.CanonicalHeaderKey(api.HeaderKey)
	headerExpires   = http.CanonicalHeaderKey(api.HeaderExpires)
	headerSignature = http.CanonicalHeaderKey(api.HeaderSignature)
)

// Close lets go of idle connections.
func (c *Client) Close() { c.http.Close() }

// Query selects rows.
type Query struct {
	Symbol  string
	Filter  map[string]any
	Columns []string
	Count   int // 0: the venue's default, 100
	Start   int
	Reverse bool // newest first
	From    exchange.Time
	To      exchange.Time
	BinSize string // of bucketed tables: 1m, 5m, 1h, 1d
	Partial bool   // with the bin that has not ended
}

func (q *Query) values() (url.Values, error) {
	v := url.Values{}
	set := func(name, text string) {
		if text != "" && text != "0" && text != "false" {
			v.Set(name, text)
		}
	}
	set("symbol", q.Symbol)
	set("count", strconv.Itoa(q.Count))
	set("start", strconv.Itoa(q.Start))
	set("reverse", strconv.FormatBool(q.Reverse))
	set("binSize", q.BinSize)
	set("partial", strconv.FormatBool(q.Partial))
	set("startTime", api.Time(q.From).String())
	set("endTime", api.Time(q.To).String())
	for name, what := range map[string]any{"filter": q.Filter, "columns": q.Columns} {
		b, err := json.Marshal(what)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if s := string(b); s != "null" && s != "{}" && s != "[]" {
			v.Set(name, s)
		}
	}
	return v, nil
}

// get reads rows of a path.
func get[T any](ctx context.Context, c *Client, path string, q Query) (out T, err error) {
	v, err := q.values()
	if err != nil {
		return out, err
	}
	return send[T](ctx, c, request{verb: http.MethodGet, path: path, query: v, repeat: true})
}

// send sends a request and returns its answer.
func send[T any](ctx context.Context, c *Client, r request) (out T, err error) {
	err = c.do(ctx, r, &out)
	return out, err
}

// request is one request before it is signed.
type request struct {
	verb    string
	path    string
	query   url.Values
	body    any
	repeat  bool
	order   bool
	cancels bool
	by      time.Time // see [live.Call]
	leaves  func(time.Time)
}

// do sends a request and reads the answer into a value.
func (c *Client) do(ctx context.Context, r request, into any) error {
	a, err := c.ask(ctx, r)
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(a.Body, into); err != nil {
		return fmt.Errorf("%s %s: %w: read the answer: %w", r.verb, r.path, live.ErrUnknownOutcome, err)
	}
	return nil
}

// signatures is how often a request is signed while the venue's clock is being learnt.
const signatures = 3

// ask sends a request and returns the answer if it is a success. A signature that has
// expired by the venue's clock, which its answer tells, is made again: nothing was done.
func (c *Client) ask(ctx context.Context, r request) (*live.Answer, error) {
	path := api.BasePath + r.path
	call := live.Call{Verb: r.verb, Name: path, Path: path, Repeat: r.repeat, Order: r.order, Cancels: r.cancels,
		By: r.by, Leaves: r.leaves}
	if len(r.query) > 0 {
		call.Path += "?" + r.query.Encode()
	}
	if r.body != nil {
		var err error
		if call.Body, err = json.Marshal(r.body); err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.verb, path, err)
		}
		call.Type = "application/json"
	}
	if c.cfg.Key != "" {
		call.Sign = func(h http.Header) { c.sign(h, r.verb, call.Path, call.Body) }
	}
	for signed := 1; ; signed++ {
		a, err := c.http.Do(ctx, &call)
		if err != nil {
			return nil, err
		}
		if a.Status < 300 {
			return a, nil
		}
		if err = errorOf(a); signed == signatures || !errors.Is(err, api.ErrExpired) {
			return nil, err
		}
		c.cfg.Log.Warn("a signature had expired and is made again", "venue", "bitmex", "path", path, "venue_clock", c.http.Now())
	}
}

// errorOf reads an answer other than success. A page of a proxy has no message.
func errorOf(a *live.Answer) error {
	e := &api.Error{Status: a.Status, Name: "HTTPError", Message: http.StatusText(a.Status), RetryAfter: a.RetryAfter()}
	var body api.ErrorBody
	if json.Unmarshal(a.Body, &body) == nil && body.Error.Message != "" {
		e.Name, e.Message = body.Error.Name, body.Error.Message
	}
	return e
}

// unknown reports whether a command may have been carried out although it failed.
func unknown(err error) bool {
	return errors.Is(err, api.ErrUnavailable) || errors.Is(err, live.ErrUnknownOutcome)
}

// NewOrder is the body of a request that places an order.
type NewOrder struct {
	Symbol          string         `json:"symbol"`
	Side            string         `json:"side,omitempty"`
	OrderQty        exchange.Qty   `json:"orderQty,omitempty"`
	Price           exchange.Price `json:"price,omitzero"`
	DisplayQty      *exchange.Qty  `json:"displayQty,omitempty"`
	StopPx          exchange.Price `json:"stopPx,omitzero"`
	ClOrdID         string         `json:"clOrdID,omitempty"`
	ClOrdLinkID     string         `json:"clOrdLinkID,omitempty"`
	PegOffsetValue  exchange.Price `json:"pegOffsetValue,omitzero"`
	PegPriceType    string         `json:"pegPriceType,omitempty"`
	OrdType         string         `json:"ordType,omitempty"`
	TimeInForce     string         `json:"timeInForce,omitempty"`
	ExecInst        string         `json:"execInst,omitempty"`
	ContingencyType string         `json:"contingencyType,omitempty"`
	Text            string         `json:"text,omitempty"`
}

// Place places an order. It is never sent twice. An order that the engine rejects is
// no error of the request: [bitmexapi.Order.Refusal] tells.
func (c *Client) Place(ctx context.Context, o NewOrder) (api.Order, error) {
	return c.place(ctx, o, time.Time{}, nil)
}

// place places an order that may wait for a rate limit until an instant; leaves is called when
// it is sent, and may be nil.
func (c *Client) place(ctx context.Context, o NewOrder, by time.Time, leaves func(time.Time)) (api.Order, error) {
	return send[api.Order](ctx, c,
		request{verb: http.MethodPost, path: "/order", body: o, order: true, by: by, leaves: leaves})
}

// AmendOrder is the body of a request that changes an order.
type AmendOrder struct {
	OrderID        string          `json:"orderID,omitempty"`
	OrigClOrdID    string          `json:"origClOrdID,omitempty"`
	ClOrdID        string          `json:"clOrdID,omitempty"`
	OrderQty       *exchange.Qty   `json:"orderQty,omitempty"`
	LeavesQty      *exchange.Qty   `json:"leavesQty,omitempty"`
	Price          *exchange.Price `json:"price,omitempty"`
	StopPx         *exchange.Price `json:"stopPx,omitempty"`
	PegOffsetValue *exchange.Price `json:"pegOffsetValue,omitempty"`
	Text           string          `json:"text,omitempty"`
}

// Amend changes an open order. It is never sent twice.
func (c *Client) Amend(ctx context.Context, o AmendOrder) (api.Order, error) {
	return c.amend(ctx, o, time.Time{})
}

func (c *Client) amend(ctx context.Context, o AmendOrder, by time.Time) (api.Order, error) {
	return send[api.Order](ctx, c, request{verb: http.MethodPut, path: "/order", body: o, order: true, by: by})
}

// Canceled is an order with, if it could not be cancelled, the reason.
type Canceled struct {
	api.Order
	Error string `json:"error"`
}

// Cancel cancels orders by either id. It may be sent again: what is cancelled stays so.
func (c *Client) Cancel(ctx context.Context, orderIDs, clOrdIDs []string, text string) ([]Canceled, error) {
	body := map[string]any{}
	if len(orderIDs) > 0 {
		body["orderID"] = orderIDs
	}
	if len(clOrdIDs) > 0 {
		body["clOrdID"] = clOrdIDs
	}
	if text != "" {
		body["text"] = text
	}
	return send[[]Canceled](ctx, c, request{verb: http.MethodDelete, path: "/order", body: body, repeat: true, order: true, cancels: true})
}

// CancelAll cancels the open orders of a symbol, or of all, that a filter selects.
func (c *Client) CancelAll(ctx context.Context, symbol string, filter map[string]any, text string) ([]Canceled, error) {
	body := map[string]any{}
	if symbol != "" {
		body["symbol"] = symbol
	}
	if len(filter) > 0 {
		body["filter"] = filter
	}
	if text != "" {
		body["text"] = text
	}
	return send[[]Canceled](ctx, c, request{verb: http.MethodDelete, path: "/order/all", body: body, repeat: true, order: true, cancels: true})
}

// CancelAllAfter arms the dead man's switch; 0 disarms it.
func (c *Client) CancelAllAfter(ctx context.Context, timeout time.Duration) error {
	body := map[string]int64{"timeout": timeout.Milliseconds()}
	return c.do(ctx, request{verb: http.MethodPost, path: "/order/cancelAllAfter", body: body, repeat: true, order: true, cancels: true}, nil)
}

// ClosePosition closes a position at the market or, with a price, with a limit order.
// It is never sent twice.
func (c *Client) ClosePosition(ctx context.Context, symbol string, price exchange.Price) (api.Order, error) {
	body := map[string]any{"symbol": symbol}
	if price != 0 {
		body["price"] = price
	}
	return send[api.Order](ctx, c, request{verb: http.MethodPost, path: "/order/closePosition", body: body, order: true})
}

// Isolate gives a position a margin of its own, or returns it to the account's.
func (c *Client) Isolate(ctx context.Context, symbol string, enabled bool) (api.Position, error) {
	body := map[string]any{"symbol": symbol, "enabled": enabled}
	return send[api.Position](ctx, c, request{verb: http.MethodPost, path: "/position/isolate", body: body, repeat: true, order: true})
}

// TransferMargin moves an amount, in the smallest unit, to the margin of an isolated
// position, or back if it is negative. A request without an answer is not repeated: it
// may have been carried out.
func (c *Client) TransferMargin(ctx context.Context, symbol string, amount exchange.Money) (api.Position, error) {
	body := map[string]any{"symbol": symbol, "amount": amount}
	return send[api.Position](ctx, c, request{verb: http.MethodPost, path: "/position/transferMargin", body: body, order: true})
}

// RiskLimit raises or lowers the risk limit of a symbol, in the smallest unit.
func (c *Client) RiskLimit(ctx context.Context, symbol string, limit exchange.Money) (api.Position, error) {
	body := map[string]any{"symbol": symbol, "riskLimit": limit}
	return send[api.Position](ctx, c, request{verb: http.MethodPost, path: "/position/riskLimit", body: body, repeat: true, order: true})
}

// Leverage isolates a position at a leverage; 0 is cross margin.
func (c *Client) Leverage(ctx context.Context, symbol string, leverage exchange.Ratio) (api.Position, error) {
	body := map[string]any{"symbol": symbol, "leverage": leverage}
	return send[api.Position](ctx, c, request{verb: http.MethodPost, path: "/position/leverage", body: body, repeat: true, order: true})
}

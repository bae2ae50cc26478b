// Package notify tells people what a session does, by webhook: the JSON that it posts
// is understood by Slack ("text"), Discord ("content") and Telegram's sendMessage
// ("text", and "chat_id" from the address).
//
// It lies beside package session, which knows nothing of it; package cli wires the two.
// The address is a secret, because whoever has it can post.
package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/secret"
	"github.com/dunamis-engine/dunamis/session"
)

// Config describes where to and of what.
type Config struct {
	Session string
	URL     secret.String
	Symbol  func(exchange.SymbolID) string
	Log     *slog.Logger
	// Gather is how long messages are put together into one. 0: a second.
	Gather time.Duration
	// Backoff is the wait before the second of three tries, doubled before the third.
	// 0: a second.
	Backoff time.Duration
	// Patience is how long Stop waits for all that is left. 0: 8 s.
	Patience time.Duration
	Client   *http.Client // nil: one that waits 10 s. It never follows a redirect.
}

// Webhook posts messages in a goroutine of its own: a session never waits for it. What
// cannot be posted is dropped, counted and logged.
type Webhook struct {
	cfg     Config
	chat    string
	queue   chan string
	done    chan struct{}
	cancel  context.CancelFunc // of what is being posted
	tripped string
}

const (
	queued   = 1000
	tries    = 3
	together = 20 // lines in a message
)

// Start begins to post. Stop must be called: it, and not the end of ctx, ends the
// posting, so that the last messages are told too.
func Start(ctx context.Context, c Config) (*Webhook, error) {
	u, err := url.Parse(c.URL.Reveal())
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, errors.New("webhook: want an address that begins with https:// or http://") // which it is stays secret
	}
	if c.Gather == 0 {
		c.Gather = time.Second
	}
	if c.Backoff == 0 {
		c.Backoff = time.Second
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: 10 * time.Second}
	}
	if c.Patience == 0 {
		c.Patience = 8 * time.Second
	}
	own := *c.Client
	// The address is a secret, and what is posted is for its host alone: another one would
	// be sent both.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Client = &own
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := &Webhook{
		cfg:    c,
		chat:   u.Query().Get("chat_id"),
		queue:  make(chan string, queued),
		done:   make(chan struct{}),
		cancel: cancel,
	}
	go w.run(ctx)
	return w, nil
}

// Stop posts what is left, as far as that goes within the patience of the configuration,
// and waits for the end of the posting.
func (w *Webhook) Stop() {
	defer w.cancel()
	close(w.queue)
	timer := time.NewTimer(w.cfg.Patience)
	defer timer.Stop()
	select {
	case <-w.done:
	case <-timer.C:
		w.cancel()
		<-w.done
	}
}

// Say queues a message.
func (w *Webhook) Say(text string) {
	select {
	case w.queue <- text:
	default:
		w.cfg.Log.Error("a notification is dropped: too many wait")
	}
}

// Committed tells of what a transaction brought: fills, refusals, gaps, and a risk guard
// that trips or is cleared.
func (w *Webhook) Committed(c *session.Commit) {
	for i := range c.Reports {
		r := &c.Reports[i]
		switch {
		case r.Kind == exchange.ReportFill:
			w.Say(fmt.Sprintf("%s %d %s at %s, position %d", verb(r.Fill.Side), r.Fill.Qty, w.cfg.Symbol(r.Symbol), r.Fill.Price, r.Fill.Position))
		case r.Kind == exchange.ReportOrder && r.ExecType == exchange.ExecRejected:
			w.Say(fmt.Sprintf("order %s of %s was rejected: %s", r.Order.ClientID, w.cfg.Symbol(r.Symbol), r.Order.RejectReason))
		case r.Kind == exchange.ReportReject:
			w.Say(fmt.Sprintf("%s of %s was refused: %s", r.Reject.Command, r.Reject.ClientID, r.Reject.Reason))
		}
	}
	for i := range c.Events {
		if e := &c.Events[i]; e.Kind == exchange.KindGap {
			from, to := e.Gap()
			w.Say(fmt.Sprintf("prices of %s are missing from %s to %s", w.cfg.Symbol(e.Symbol), from, to))
		}
	}
	if now := c.State.Tripped; now != w.tripped {
		w.tripped = now
		if now == "" {
			w.Say("orders are let through again")
		} else {
			w.Say("NEW ORDERS ARE REFUSED: " + now)
		}
	}
}

func verb(s exchange.Side) string {
	if s == exchange.Buy {
		return "bought"
	}
	return "sold"
}

func (w *Webhook) run(ctx context.Context) {
	defer close(w.done)
	dropped := 0
	for text := range w.queue {
		if ctx.Err() != nil {
			dropped++
			continue
		}
		lines := []string{text}
		timer := time.NewTimer(w.cfg.Gather)
	gather:
		for len(lines) < together {
			select {
			case more, open := <-w.queue:
				if !open {
					break gather
				}
				lines = append(lines, more)
			case <-timer.C:
				break gather
			}
		}
		timer.Stop()
		w.deliver(ctx, lines)
	}
	if dropped > 0 {
		w.cfg.Log.Error("notifications are dropped: the session ends, and the webhook does not answer", "lines", dropped)
	}
}

func (w *Webhook) deliver(ctx context.Context, lines []string) {
	text := "[" + w.cfg.Session + "] " + strings.Join(lines, "\n["+w.cfg.Session+"] ")
	body := map[string]string{"text": text, "content": text}
	if w.chat != "" {
		body["chat_id"] = w.chat
	}
	b, err := json.Marshal(body)
	if err != nil {
		w.cfg.Log.Error("a notification is dropped", "error", err)
		return
	}
	wait := w.cfg.Backoff
	for try := 1; ; try++ {
		again, err := w.post(ctx, b)
		if err == nil {
			return
		}
		if try < tries && again {
			select {
			case <-time.After(wait):
				wait *= 2
				continue
			case <-ctx.Done():
			}
		}
		w.cfg.Log.Error("a notification is dropped", "lines", len(lines), "error", err)
		return
	}
}

// post reports whether another try may help. Its errors do not show the address.
func (w *Webhook) post(ctx context.Context, body []byte) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.cfg.URL.Reveal(), bytes.NewReader(body))
	if err != nil {
		return false, errors.New("webhook: the address cannot be used")
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := w.cfg.Client.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address
		}
		return true, fmt.Errorf("webhook: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 == 2 {
		return false, nil
	}
	if resp.StatusCode/100 == 3 {
		to := "nowhere"
		if u, err := resp.Location(); err == nil {
			to = u.Scheme + "://" + u.Host
		}
		return false, fmt.Errorf("webhook: answered %s, to %s, and redirects are not followed", resp.Status, to)
	}
	return resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests, fmt.Errorf("webhook: answered %s", resp.Status)
}

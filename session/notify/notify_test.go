package notify_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/secret"
	"github.com/dunamis-engine/dunamis/session"
	"github.com/dunamis-engine/dunamis/session/notify"
)

// receiver is a chat that answers with the codes it is given, then with 200.
type receiver struct {
	mu     sync.Mutex
	codes  []int
	bodies []map[string]string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, _ := io.ReadAll(req.Body)
	var body map[string]string
	if json.Unmarshal(text, &body) != nil || req.Header.Get("Content-Type") != "application/json" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.bodies = append(r.bodies, body)
	if len(r.codes) > 0 {
		w.WriteHeader(r.codes[0])
		r.codes = r.codes[1:]
	}
}

func start(t *testing.T, address string) (*notify.Webhook, *bytes.Buffer) {
	t.Helper()
	log := new(bytes.Buffer)
	w, err := notify.Start(t.Context(), notify.Config{Session: "s", URL: secret.New(address), Symbol: func(exchange.SymbolID) string { return "XBTUSD" },
		Log: slog.New(slog.NewTextHandler(log, nil)), Gather: 50 * time.Millisecond, Backoff: time.Millisecond})
	require.NoError(t, err)
	return w, log
}

func TestWhatIsTold(t *testing.T) {
	r := new(receiver)
	server := httptest.NewServer(r)
	defer server.Close()
	w, log := start(t, server.URL+"/hook?chat_id=42")
	fill := exchange.Report{Kind: exchange.ReportFill, Fill: exchange.Fill{Side: exchange.Sell, Qty: 300, Price: exchange.MustPrice("40000.5"), Position: -300}}
	w.Committed(&session.Commit{Reports: []exchange.Report{fill,
		{Kind: exchange.ReportOrder, ExecType: exchange.ExecNew},
		{Kind: exchange.ReportOrder, ExecType: exchange.ExecRejected, Order: exchange.Order{ClientID: "a", RejectReason: "no money"}},
		{Kind: exchange.ReportReject, Reject: exchange.Reject{Command: "cancel", ClientID: "b", Reason: "not found"}}},
		Events: []exchange.Event{exchange.GapEvent(5, 5, 0, 0, 5)}, State: session.State{Tripped: "drawdown"}})
	w.Committed(&session.Commit{State: session.State{Tripped: "drawdown"}})
	w.Committed(&session.Commit{})
	w.Stop()
	require.Empty(t, log.String())
	require.Len(t, r.bodies, 1, "put together")
	require.Equal(t, "42", r.bodies[0]["chat_id"])
	require.Equal(t, r.bodies[0]["text"], r.bodies[0]["content"])
	require.Equal(t, []string{"[s] sold 300 XBTUSD at 40000.5, position -300", "[s] order a of XBTUSD was rejected: no money",
		"[s] cancel of b was refused: not found", "[s] prices of XBTUSD are missing from 1970-01-01T00:00:00Z to 1970-01-01T00:00:00.000000005Z",
		"[s] NEW ORDERS ARE REFUSED: drawdown", "[s] orders are let through again"}, strings.Split(r.bodies[0]["text"], "\n"))
}

func TestTries(t *testing.T) {
	for _, c := range []struct {
		name    string
		codes   []int
		posts   int
		dropped bool
	}{
		{"at once", nil, 1, false},
		{"the third time", []int{503, 429}, 3, false},
		{"never", []int{500, 500, 500}, 3, true},
		{"what is wrong stays wrong", []int{404}, 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &receiver{codes: c.codes}
			server := httptest.NewServer(r)
			defer server.Close()
			w, log := start(t, server.URL+"/secret-path")
			w.Say("hello")
			w.Stop()
			require.Len(t, r.bodies, c.posts)
			require.Equal(t, c.dropped, strings.Contains(log.String(), "a notification is dropped"))
			require.NotContains(t, log.String(), "secret-path")
		})
	}
}

// Nobody there: the address stays secret all the same.
func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(nil)
	address := server.URL + "/secret-path"
	server.Close()
	w, log := start(t, address)
	w.Say("hello")
	w.Stop()
	require.Contains(t, log.String(), "a notification is dropped")
	require.NotContains(t, log.String(), "secret-path")

	_, err := notify.Start(t.Context(), notify.Config{URL: secret.New("ftp://secret-path")})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret-path")
}

// Another host is told nothing: neither what happened nor the address.
func TestRedirect(t *testing.T) {
	var reached atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer other.Close()
	for _, code := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/hidden-path?hidden=query", code)
		}))
		w, log := start(t, server.URL+"/secret-path")
		w.Say("hello")
		w.Stop()
		server.Close()
		require.Zero(t, reached.Load(), code)
		require.Contains(t, log.String(), other.URL+", and redirects are not followed", code)
		require.NotContains(t, log.String(), "secret-path")
		require.NotContains(t, log.String(), "hidden")
	}
}

// A webhook that hangs does not keep a session from ending, however much is left to say.
func TestHangs(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		<-release
	}))
	defer server.Close()
	defer close(release)
	log := new(bytes.Buffer)
	w, err := notify.Start(
		t.Context(),
		notify.Config{Session: "s", URL: secret.New(server.URL), Symbol: func(exchange.SymbolID) string { return "XBTUSD" },
			Log: slog.New(slog.NewTextHandler(log, nil)), Gather: time.Millisecond, Patience: 300 * time.Millisecond},
	)
	require.NoError(t, err)
	for range 500 {
		w.Say("hello")
	}
	began := time.Now()
	w.Stop()
	require.Less(t, time.Since(began), 5*time.Second)
	require.Contains(t, log.String(), "the session ends, and the webhook does not answer")
}

// The same for one that refuses and asks for patience.
func TestRefusesForEver(t *testing.T) {
	server := httptest.NewServer(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }),
	)
	defer server.Close()
	w, err := notify.Start(
		t.Context(),
		notify.Config{URL: secret.New(server.URL), Symbol: func(exchange.SymbolID) string { return "" },
			Log: slog.New(slog.DiscardHandler), Gather: time.Millisecond, Backoff: time.Hour, Patience: 100 * time.Millisecond},
	)
	require.NoError(t, err)
	w.Say("hello")
	began := time.Now()
	w.Stop()
	require.Less(t, time.Since(began), 5*time.Second)
}

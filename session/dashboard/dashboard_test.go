package dashboard_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/browsertest"
	"github.com/dunamis-engine/dunamis/secret"
	"github.com/dunamis-engine/dunamis/session"
	"github.com/dunamis-engine/dunamis/session/dashboard"
	"github.com/dunamis-engine/dunamis/session/gap"
)

var (
	t0    = exchange.TimeOf(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))
	token = secret.New("sesame")
)

// watched is a dashboard over an empty session, with what was asked of it.
type watched struct {
	*dashboard.Watch
	mu     sync.Mutex
	asked  []session.Request
	late   atomic.Int64 // how far the clock is ahead
	server *httptest.Server
	inst   *exchange.Instrument
	dir    string // of the session
}

func watch(t *testing.T, open bool) *watched {
	t.Helper()
	return watchMode(t, open, "")
}

func watchMode(t *testing.T, open bool, mode string) *watched {
	t.Helper()
	w := &watched{dir: t.TempDir()}
	store, err := session.Create(t.Context(), w.dir, "{}", t0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	w.inst, err = set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	lines := new(dashboard.Log)
	fmt.Fprintln(lines, `{"time":"2024-01-01T00:00:00Z","level":"INFO","msg":"hello <b>","session":"s"}`)
	w.Watch = dashboard.NewWatch(dashboard.Config{Name: "s", Strategy: "grid_maker", Feed: "synthetic", Mode: mode, Currency: w.inst.Settle, Start: 100_000_000,
		Symbols: []*exchange.Instrument{w.inst}, Store: store, Ask: w.ask, Log: lines,
		Now:     func() time.Time { return time.Now().Add(time.Duration(w.late.Load())) },
		Samples: []session.Sample{{At: t0, Wallet: 1, Equity: 100_000_000}}})
	w.server = httptest.NewServer(w.Handler(token, open))
	t.Cleanup(w.server.Close)
	return w
}

func (w *watched) ask(r session.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, r)
}

func (w *watched) requests() []session.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked)
}

// commit tells of a book, and of an account.
func (w *watched) commit(at exchange.Time, equity exchange.Money, tripped string, more ...session.State) {
	state := session.State{}
	if len(more) > 0 {
		state = more[0]
	}
	state.Now, state.Events, state.Tripped = at, 3, tripped
	state.Margin = exchange.Margin{Wallet: 99_000_000, Balance: equity, InitMargin: 1_000_000, Available: 97_000_000}
	state.Positions = []exchange.Position{{Symbol: w.inst.ID, Qty: 1200, EntryPrice: exchange.MustPrice("39990"), MarkPrice: exchange.MustPrice("40000.25"), Unrealised: 769}}
	level := func(side exchange.Side, price string, q exchange.Qty, f exchange.Flags) exchange.Event {
		return exchange.LevelEvent(at, at, w.inst.ID, side, exchange.Level{Price: exchange.MustPrice(price), Qty: q}, f)
	}
	w.Committed(&session.Commit{Step: time.Millisecond, Write: 2 * time.Millisecond, Events: []exchange.Event{
		level(exchange.Buy, "40000", 700, exchange.FlagClear|exchange.FlagSnapshot), level(exchange.Buy, "39999.5", 900, exchange.FlagSnapshot),
		level(exchange.Sell, "40000.5", 300, exchange.FlagSnapshot|exchange.FlagLast),
	}, Reports: []exchange.Report{
		{Kind: exchange.ReportOrder, ExecType: exchange.ExecNew, Symbol: w.inst.ID},
		{Kind: exchange.ReportFill, Symbol: w.inst.ID, Fill: exchange.Fill{Side: exchange.Buy, Liquidity: exchange.AddedLiquidity}},
		{Kind: exchange.ReportReject, Symbol: w.inst.ID},
	}, State: state})
}

func (w *watched) request(t *testing.T, method, path, bearer, host string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.server.URL+path, nil)
	require.NoError(t, err)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	if host != "" {
		r.Host = host
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
	return resp.StatusCode, string(body)
}

func TestWhoMayDoWhat(t *testing.T) {
	for _, c := range []struct {
		open               bool
		method, path       string
		bearer, host, name string
		want               int
	}{
		{true, "GET", "/api/state", "", "", "reading on this machine is free", 200},
		{true, "GET", "/metrics", "", "", "metrics too", 200},
		{true, "GET", "/api/state", "", "evil.example", "but not by a name that points here", 401},
		{true, "GET", "/api/state", "sesame", "evil.example", "unless the token is known", 200},
		{false, "GET", "/api/state", "", "", "elsewhere reading needs the token", 401},
		{false, "GET", "/metrics", "", "", "and metrics", 401},
		{false, "GET", "/api/state", "sesame", "", "and has it", 200},
		{false, "GET", "/api/state?token=sesame", "", "", "even in the address", 200},
		{false, "GET", "/api/state", "sesam", "", "a wrong one is none", 401},
		{true, "POST", "/api/kill", "", "", "the kill switch needs it always", 401},
		{true, "POST", "/api/kill", "wrong", "", "the right one", 401},
		{true, "POST", "/api/kill?token=sesame", "", "", "in a header, which other pages cannot send", 401},
		{true, "POST", "/api/kill", "sesame", "", "kill", 202},
		{true, "POST", "/api/flatten", "sesame", "", "flatten", 202},
		{true, "POST", "/api/launch", "sesame", "", "there is no such thing", 404},
		{true, "GET", "/api/kill", "sesame", "", "nor by GET", 405},
		{true, "GET", "/", "", "", "the page itself is no secret", 200},
		{true, "GET", "/healthz", "", "", "health", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := watch(t, c.open)
			code, body := w.request(t, c.method, c.path, c.bearer, c.host)
			require.Equal(t, c.want, code, body)
			if c.want == http.StatusAccepted {
				require.Equal(t, []session.Request{session.Request(strings.TrimPrefix(c.path, "/api/"))}, w.requests())
			} else {
				require.Empty(t, w.requests())
			}
		})
	}
	w := watch(t, true)
	// No token at all lets nobody in.
	empty := httptest.NewServer(w.Handler(secret.String{}, false))
	defer empty.Close()
	resp, err := http.Get(empty.URL + "/api/state?token=")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 401, resp.StatusCode)
}

func TestSnapshot(t *testing.T) {
	w := watch(t, true)
	w.commit(t0.Add(time.Minute), 101_500_000, "")
	_, body := w.request(t, "GET", "/api/state", "", "")
	var s dashboard.Snapshot
	require.NoError(t, json.Unmarshal([]byte(body), &s))
	require.Equal(t, exchange.Money(101_500_000), s.State.Margin.Balance)
	require.Len(t, s.Symbols, 1)
	require.Equal(t, exchange.MustPrice("40000.25"), s.Symbols[0].Mid)
	require.Equal(t, []dashboard.Level{{Price: exchange.MustPrice("40000"), Qty: 700}, {Price: exchange.MustPrice("39999.5"), Qty: 900}}, s.Symbols[0].Bids)
	require.Equal(t, exchange.Qty(1200), s.Symbols[0].Position.Qty)
	require.Len(t, s.Curve, 2, "what was before, and now")
	require.Len(t, s.Log, 1)

	_, body = w.request(t, "GET", "/metrics", "", "")
	for _, line := range []string{`dunamis_session_equity{session="s"} 1.015`, `dunamis_session_events_total{kind="book",session="s"} 3`,
		`dunamis_session_position_contracts{session="s",symbol="XBTUSD"} 1200`, `dunamis_session_refused_commands_total{session="s"} 1`,
		`dunamis_session_order_reports_total{session="s",symbol="XBTUSD",what="New"} 1`,
		`dunamis_session_fills_total{liquidity="AddedLiquidity",session="s",side="Buy",symbol="XBTUSD"} 1`, `dunamis_session_tripped{session="s"} 0`} {
		require.Contains(t, body, line)
	}
}

// The stream says something when there is something new.
func TestStream(t *testing.T) {
	w := watch(t, true)
	w.commit(t0.Add(time.Second), 100_000_001, "")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, strings.Replace(w.server.URL, "http", "ws", 1)+"/api/stream", nil)
	require.NoError(t, err)
	if resp.Body != nil {
		defer resp.Body.Close()
	}
	conn.SetReadLimit(1 << 20)
	for _, equity := range []exchange.Money{100_000_001, 100_000_002} {
		_, text, err := conn.Read(ctx)
		require.NoError(t, err)
		var s dashboard.Snapshot
		require.NoError(t, json.Unmarshal(text, &s))
		require.Equal(t, equity, s.State.Margin.Balance)
		w.commit(t0.Add(2*time.Second), 100_000_002, "")
	}
	require.NoError(t, conn.Close(websocket.StatusNormalClosure, ""))
}

// It is healthy while the market speaks, and ready once it has.
func TestHealth(t *testing.T) {
	w := watch(t, true)
	code := func(path string) int {
		c, _ := w.request(t, "GET", path, "", "")
		return c
	}
	require.Equal(t, []int{200, 503}, []int{code("/healthz"), code("/readyz")}, "nothing was heard yet")
	w.late.Store(int64(2 * time.Minute))
	require.Equal(t, []int{503, 503}, []int{code("/healthz"), code("/readyz")}, "and nothing for long")
	w.commit(t0, 1, "")
	require.Equal(t, []int{200, 200}, []int{code("/healthz"), code("/readyz")})
	w.late.Store(int64(4 * time.Minute))
	require.Equal(t, []int{503, 503}, []int{code("/healthz"), code("/readyz")})
}

// A curve keeps its whole course in bounded memory.
func TestCurve(t *testing.T) {
	w := watch(t, true)
	for n := range 20_000 {
		w.commit(t0.Add(time.Duration(n+1)*time.Second), exchange.Money(100_000_000+n), "")
	}
	_, body := w.request(t, "GET", "/api/state", "", "")
	var s dashboard.Snapshot
	require.NoError(t, json.Unmarshal([]byte(body), &s))
	require.Less(t, len(s.Curve), 1300)
	require.Greater(t, len(s.Curve), 500)
	require.Equal(t, t0, s.Curve[0].At)
	require.Equal(t, exchange.Money(100_019_999), s.Curve[len(s.Curve)-1].Equity)
	for n := 1; n < len(s.Curve); n++ {
		require.Less(t, s.Curve[n].At.Sub(s.Curve[n-1].At), 2*time.Minute, "no holes")
	}
}

// browser is a Chromium of a width that does not wait for ever.
func browser(t *testing.T, width, height int) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	ctx, stop := context.WithTimeout(browsertest.Open(t, width, height), 90*time.Second)
	t.Cleanup(stop)
	return ctx
}

// A browser shows what the API says, in the unit that people say; the kill switch asks
// twice, needs the token, and is thrown.
func TestPageInABrowser(t *testing.T) {
	w := watch(t, true)
	w.commit(t0.Add(time.Minute), 99_123_456, "")
	ctx := browser(t, 1400, 1400)
	var page, alert string
	text := func(id string) (s string) {
		require.NoError(t, chromedp.Run(ctx, chromedp.Text("#"+id, &s, chromedp.ByQuery)))
		return s
	}
	require.NoError(t, chromedp.Run(ctx, chromedp.Navigate(w.server.URL+"/"), chromedp.WaitVisible(`body[data-ready=yes]`, chromedp.ByQuery),
		chromedp.OuterHTML("html", &page, chromedp.ByQuery)))
	for id, want := range map[string]string{"f-equity": "0.99123456", "f-profit": "−0.00876544", "f-position": "1,200", "f-margin": "1.01 %", "status": "running"} {
		require.Equal(t, want, text(id), id)
	}
	require.Regexp(t, `<tr class="mid"><td colspan="3">40000.25<`, page)
	require.Equal(t, 1, strings.Count(page, `<tr class="ask">`))
	require.Equal(t, 2, strings.Count(page, `<tr class="bid">`))
	require.Contains(t, page, "hello &lt;b&gt;", "what is logged is text")

	// A wrong token throws nothing.
	require.NoError(t, chromedp.Run(ctx, chromedp.KeyEvent("k"), chromedp.WaitVisible("#token"), chromedp.SendKeys("#token", "wrong"), chromedp.Click("#sure"),
		chromedp.WaitVisible("#alert"), chromedp.Text("#alert", &alert)))
	require.Contains(t, alert, "the token is needed")
	require.Empty(t, w.requests())
	require.NoError(t, chromedp.Run(ctx, chromedp.Click("#kill"), chromedp.WaitVisible("#token"), chromedp.SendKeys("#token", "sesame"), chromedp.Click("#sure")))
	require.Eventually(t, func() bool { return len(w.requests()) == 1 }, 5*time.Second, 10*time.Millisecond)
	require.Equal(t, []session.Request{session.Kill}, w.requests())

	var hidden bool
	require.NoError(t, chromedp.Run(ctx, chromedp.Evaluate(`[$("venue"), $("mode"), $("clear")].every(e => e.offsetParent === null)`, &hidden)))
	require.True(t, hidden, "its orders are simulated")
	w.commit(t0.Add(2*time.Minute), 99_000_000, "kill-switch")
	require.NoError(t, chromedp.Run(ctx, chromedp.WaitVisible("#clear")))
	require.Equal(t, "stopped: kill-switch", text("status"))
	require.Contains(t, text("alert"), "New orders are refused")
	require.Equal(t, "0.99000000", text("f-equity"))
	// The token is known now, and not asked for again.
	require.NoError(t, chromedp.Run(ctx, chromedp.Click("#clear"), chromedp.WaitVisible("#sure"), chromedp.WaitNotVisible("#token"), chromedp.Click("#sure")))
	require.Eventually(t, func() bool { return len(w.requests()) == 2 }, 5*time.Second, 10*time.Millisecond)
	require.Equal(t, session.Clear, w.requests()[1])
}

// fate writes what became of an order on the venue and beside it. Times are in
// milliseconds after it was sent.
func (w *watched) fate(t *testing.T, n int, venueHeard, venueFilled, simHeard, simFilled int, venuePrice, simPrice string, joined, ahead int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "session.db"))
	require.NoError(t, err)
	defer db.Close()
	sent := t0.Add(time.Duration(n) * time.Second)
	at := func(ms int) int64 {
		if ms == 0 {
			return 0
		}
		return int64(sent.Add(time.Duration(ms) * time.Millisecond))
	}
	status := func(filled int) (string, int) {
		if filled == 0 {
			return "Canceled", 0
		}
		return "Filled", 1000
	}
	row := []any{fmt.Sprintf("dun-%d", n), "XBTUSD", "Buy", "Limit", 1000, "40000", int64(sent), joined, ahead}
	for _, side := range []struct {
		heard, filled int
		price         string
	}{{venueHeard, venueFilled, venuePrice}, {simHeard, simFilled, simPrice}} {
		word, qty := status(side.filled)
		row = append(row, word, at(side.heard), at(side.heard), qty, side.price, at(side.filled), 1, 0)
	}
	_, err = db.ExecContext(t.Context(), "INSERT INTO fates VALUES (?"+strings.Repeat(", ?", len(row)-1)+")", row...)
	require.NoError(t, err)
}

// span is how the page says a time.
func span(seconds float64) string {
	switch size := math.Abs(seconds); {
	case size < 0.01:
		return fmt.Sprintf("%.2f ms", 1e3*seconds)
	case size < 10:
		return fmt.Sprintf("%.0f ms", 1e3*seconds)
	}
	return fmt.Sprintf("%.1f s", seconds)
}

// The table of venue and simulator has the values that the API has.
func TestGapTableInABrowser(t *testing.T) {
	w := watchMode(t, true, "shadow")
	w.fate(t, 1, 23, 1400, 10, 900, "40000.5", "40000", 5000, 1000)
	w.fate(t, 2, 31, 21_000, 10, 0, "40000", "0", 3000, 1500)
	w.fate(t, 3, 27, 0, 10, 4200, "0", "40000", 2000, -1)
	w.fate(t, 4, 42, 0, 10, 0, "0", "0", 100, -1)
	w.fate(t, 5, 19, 15_300, 11, 8, "40002", "40000", 700, -1)
	w.commit(t0.Add(time.Minute), 99_123_456, "")
	_, body := w.request(t, "GET", "/api/state", "", "")
	var s dashboard.Snapshot
	require.NoError(t, json.Unmarshal([]byte(body), &s))
	g := s.Gap
	require.NotNil(t, g)
	require.Equal(t, []int{5, 2, 1, 1, 1, 1}, []int{g.Orders, g.Both, g.Venue, g.Sim, g.Neither, g.Early})

	ctx := browser(t, 1400, 1400)
	var rows [][]string
	var counted, mode string
	require.NoError(t, chromedp.Run(ctx, chromedp.Navigate(w.server.URL+"/"), chromedp.WaitVisible("#venue", chromedp.ByQuery),
		chromedp.Evaluate(`[...$("gap").tBodies[0].rows].map(r => [...r.cells].map(c => c.textContent))`, &rows),
		chromedp.Text("#gapcount", &counted, chromedp.ByQuery), chromedp.Text("#mode", &mode, chromedp.ByQuery)))
	require.Equal(t, "the newest 5 orders", counted)
	require.Equal(t, "real orders, simulated beside", mode)
	pair := func(name string, venue, sim gap.Quantiles) []string {
		require.Positive(t, min(venue.Count, sim.Count), name)
		return []string{name, span(venue.P50), span(sim.P50), span(venue.P50 - sim.P50)}
	}
	require.Equal(t, [][]string{
		pair("Answer, median", g.Seen, g.Modelled),
		pair("First fill, median", g.VenueWait, g.SimWait),
		{"Orders filled", fmt.Sprint(g.Both + g.Venue), fmt.Sprint(g.Both + g.Sim), fmt.Sprintf("%.1f %% agree", 100*g.Agreement)},
		{"Price, both filled", "", "", fmt.Sprintf("%.2f bp worse", g.Price.Mean)},
		{"Queue left at its fill", "0 %", fmt.Sprintf("%.0f %%", 100*g.Queue.Mean), fmt.Sprintf("%d filled early", g.Early)},
	}, rows)

	// Without a simulator there is nothing to compare but the time to an answer.
	alone := watchMode(t, true, "live")
	alone.fate(t, 1, 23, 1400, 0, 0, "40000.5", "0", -1, -1)
	alone.commit(t0.Add(time.Minute), 99_123_456, "")
	require.NoError(t, chromedp.Run(ctx, chromedp.Navigate(alone.server.URL+"/"), chromedp.WaitVisible("#venue", chromedp.ByQuery),
		chromedp.Evaluate(`[...$("gap").tBodies[0].rows].map(r => [...r.cells].map(c => c.textContent))`, &rows)))
	require.Equal(t, [][]string{{"Answer, median", "23 ms", "–", "–"}}, rows)
}

// On a phone nothing sticks out, in either theme, whatever there is to tell.
func TestPageOnAPhone(t *testing.T) {
	w := watchMode(t, true, "shadow")
	w.fate(t, 1, 23, 1400, 10, 900, "40000.5", "40000", 5000, 1000)
	w.commit(t0.Add(time.Minute), 9_999_123_456, "orders-per-minute", session.State{
		Gaps: []session.Gap{{From: t0, To: t0.Add(59*time.Second + 123456789)}}, GapCount: 12, DifferenceCount: 1,
		Differences: []session.Difference{{At: t0, Text: "order 964692e3-be25-5b91-a18f-48194393c5dc dun-IPT5HMTC-1214 is open and was not heard of"}}})
	ctx := browser(t, 390, 844)
	for _, theme := range []string{"light", "dark"} {
		var wide, high int64
		var background string
		require.NoError(t, chromedp.Run(ctx, emulation.SetDeviceMetricsOverride(390, 844, 2, true), chromedp.Navigate(w.server.URL+"/?theme="+theme),
			chromedp.WaitVisible(`body[data-ready=yes]`, chromedp.ByQuery),
			chromedp.Evaluate(`document.documentElement.scrollWidth`, &wide), chromedp.Evaluate(`document.getElementById("kill").getBoundingClientRect().height | 0`, &high),
			chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor`, &background)))
		require.LessOrEqual(t, wide, int64(390), theme)
		require.GreaterOrEqual(t, high, int64(28), "a finger hits the kill switch")
		require.Equal(t, map[string]string{"light": "rgb(251, 251, 250)", "dark": "rgb(18, 20, 23)"}[theme], background)
	}
}

// The Grafana dashboard asks for metrics that there are.
func TestGrafana(t *testing.T) {
	text, err := os.ReadFile("../../docs/grafana.json")
	require.NoError(t, err)
	require.True(t, json.Valid(text))
	w := watch(t, true)
	w.commit(t0.Add(time.Minute), 101_500_000, "")
	_, served := w.request(t, "GET", "/metrics", "", "")
	names := regexp.MustCompile(`dunamis_session_[a-z_]+`).FindAllString(string(text), -1)
	require.Greater(t, len(names), 10)
	for _, name := range names {
		require.Contains(t, served, "\n"+name, name)
	}
	for _, line := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(served, -1) {
		require.Contains(t, string(text), line[1], "every metric is shown")
	}
}

package dashboard_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/session"
	"github.com/dunamis-engine/dunamis/session/dashboard"
)

// attack ends a text, an attribute, a script, a style and a comment; links to a script;
// changes the direction of text; breaks a line; and holds invisible and control characters.
const attack = "--></title></script></style>\"'><img src=x onerror=pwned()><script>pwned()</script>" +
	"<a href=\"javascript:pwned()\" onclick='pwned()'>x</a>\u202egnp.exe\u2066\u200f\u200b\ufeff\u2028\x1b[2J\x00\u009b" +
	"\n00:00:00 all orders are cancelled\t${pwned()}"

// hostile is a long text with an attack.
var hostile = attack + strings.Repeat("A", 100_000)

// watchHostile is the dashboard of a session in which every text from outside is hostile: from
// a venue, a strategy, a file of instruments, the command line.
func watchHostile(t *testing.T) *watched {
	t.Helper()
	w := &watched{dir: t.TempDir()}
	store, err := session.Create(t.Context(), w.dir, "{}", t0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	known, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	inst := *known
	inst.Symbol = hostile
	w.inst = &inst
	lines := new(dashboard.Log)
	for _, line := range []any{
		map[string]any{"time": "2024-01-01T00:00:00Z", "level": hostile, "msg": hostile, hostile: hostile, "session": "s"},
		map[string]any{"time": hostile, "level": "INFO", "msg": map[string]any{"toString": hostile}},
		hostile, []string{hostile}, nil,
	} {
		text, err := json.Marshal(line)
		require.NoError(t, err)
		fmt.Fprintln(lines, string(text))
	}
	fmt.Fprintln(lines, hostile)
	currency := inst.Settle
	currency.Major = attack
	w.Watch = dashboard.NewWatch(dashboard.Config{Name: hostile, Strategy: hostile, Feed: hostile, Mode: "shadow",
		Currency: currency, Start: 100_000_000, Symbols: []*exchange.Instrument{&inst}, Store: store, Ask: w.ask, Log: lines,
		Now: time.Now})
	w.server = httptest.NewServer(w.Handler(token, true))
	t.Cleanup(w.server.Close)

	db, err := sql.Open("sqlite", filepath.Join(w.dir, "session.db"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	insert := func(table string, values ...any) {
		_, err := db.ExecContext(t.Context(), "INSERT INTO "+table+" VALUES (?"+strings.Repeat(", ?", len(values)-1)+")",
			values...)
		require.NoError(t, err)
	}
	x := hostile
	insert("orders", x, x, x, x, x, 100, x, x, x, 0, 100, x, x, x, 1, int64(t0))
	insert("fills", x, 1, x, x, x, 100, x, 1, x, 100, int64(t0))
	w.commit(t0.Add(time.Minute), 99_123_456, hostile, session.State{
		Halted: hostile, DifferenceCount: 1, Differences: []session.Difference{{At: t0, Text: hostile}},
		Limits: map[string]string{hostile: hostile}})
	return w
}

// requireEscaped checks a JSON text that says hostile things: it cannot end a script or an
// element, and is as true as before.
func requireEscaped(t *testing.T, text string) {
	t.Helper()
	require.NotRegexp(t, `[<>&\x00-\x08\x0b-\x1f\x{2028}]`, text)
	var s dashboard.Snapshot
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	for name, have := range map[string]string{"session": s.Session, "strategy": s.Strategy, "feed": s.Feed,
		"tripped": s.State.Tripped, "symbol": s.Symbols[0].Symbol, "order": s.Open[0].Text, "reason": s.Open[0].Reason,
		"fill": s.Fills[0].ClientID, "difference": s.State.Differences[0].Text} {
		require.Zero(t, strings.Compare(hostile, have), "%s: %.200q", name, have) // which are long
	}
	require.Len(t, s.Log, 6)
	for _, line := range s.Log {
		require.Less(t, len(line), 20_000, "a line is not kept whole")
	}
}

// Texts that strangers control are escaped in all that the server sends, whatever they hold,
// and no answer can load or run anything that is not its own.
func TestHostileTexts(t *testing.T) {
	w := watchHostile(t)
	code, body := w.request(t, "GET", "/api/state", "", "")
	require.Equal(t, 200, code)
	requireEscaped(t, body)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, strings.Replace(w.server.URL, "http", "ws", 1)+"/api/stream", nil)
	require.NoError(t, err)
	if resp.Body != nil {
		defer resp.Body.Close()
	}
	conn.SetReadLimit(64 << 20)
	_, frame, err := conn.Read(ctx)
	require.NoError(t, err)
	requireEscaped(t, string(frame))
	require.NoError(t, conn.Close(websocket.StatusNormalClosure, ""))

	for _, path := range []string{"/", "/app.js", "/style.css", "/healthz", "/readyz"} {
		code, body := w.request(t, "GET", path, "", "")
		require.Equal(t, 200, code, path)
		require.NotContains(t, body, "pwned", path)
	}
	// A name that was asked for comes back in the error.
	code, body = w.request(t, "POST", "/api/"+url.PathEscape("<script>pwned()</script>\u202e"), "sesame", "")
	require.Equal(t, 404, code)
	require.NotRegexp(t, `[<>]`, body)
	var refusal map[string]string
	require.NoError(t, json.Unmarshal([]byte(body), &refusal))
	require.Contains(t, refusal["error"], "<script>")
	// A label cannot end its line.
	_, body = w.request(t, "GET", "/metrics", "", "")
	for _, line := range strings.Split(strings.TrimSpace(body), "\n") {
		require.Regexp(t, `^(# (HELP|TYPE) )?(dunamis_session_|go_|process_)`, line[:min(len(line), 60)])
	}
}

// The page shows such texts as they are written, and cut: they become no elements, change no
// direction, begin no line, and do not make the page wider than its window.
func TestHostileTextsInABrowser(t *testing.T) {
	w := watchHostile(t)
	ctx := browser(t, 1400, 1000)
	for _, width := range []int{1400, 390} {
		var elements, wide int
		var shown, title, widest string
		parts := map[string]string{}
		require.NoError(t, chromedp.Run(ctx, emulation.SetDeviceMetricsOverride(int64(width), 1000, 1, false),
			chromedp.Navigate(w.server.URL+"/"), chromedp.WaitVisible(`body[data-ready=yes]`, chromedp.ByQuery),
			chromedp.Evaluate(`document.querySelectorAll("script, img, a, style, iframe, [onclick], [onerror]").length`,
				&elements),
			chromedp.Evaluate(`document.documentElement.textContent`, &shown), chromedp.Title(&title),
			chromedp.Evaluate(`Object.fromEntries(["name", "about", "alert", "pricenow", "positions", "orders", "fills",
				"health", "log", "figures", "equitynow"].map(id => [id, $(id).textContent]))`, &parts),
			chromedp.Evaluate(`document.documentElement.scrollWidth`, &wide),
			chromedp.Evaluate(`[...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll") &&
				e.getBoundingClientRect().right > innerWidth).map(e => e.tagName + "#" + e.id + "." + e.className).join(" ")`,
				&widest)))
		require.Equal(t, 2, elements, "its own script, and the link that skips the header")
		require.LessOrEqual(t, wide, width, widest)
		for _, text := range []string{shown, title} {
			require.NotRegexp(t, `[\x00-\x08\x0b-\x1f\x7f-\x{9f}\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}-\x{206f}\x{feff}]`,
				text)
		}
		require.Contains(t, title, "<script>pwned()</script>")
		for id, text := range parts {
			require.Contains(t, text, "<script>pwned()</script>", id)
			require.NotContains(t, text, strings.Repeat("A", 5000), id)
		}
		require.Contains(t, parts["name"],
			`x</a>\u202egnp.exe\u2066\u200f\u200b\ufeff\u2028\u001b[2J\u0000\u009b\u000a00:00:00 all`)
		require.Len(t, strings.Split(parts["log"], "\n"), 6, "a line of the log is one line")
	}
}

//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/internal/racetest"
)

// Sockets of a client, by what they are for.
const (
	marketSocket  = "market"
	accountSocket = "account"
)

// line is the way to a venue, which can be cut.
type line struct {
	*httptest.Server
	venue string

	mu   sync.Mutex
	cuts map[string]map[int]context.CancelFunc // of the sockets that stand
	next int
	ends map[string]map[int]*websocket.Conn // of the clients, by the same numbers
	held map[string]chan struct{}           // kinds of which no message is let through, until it is closed
	// failing, if set, may answer a request instead of the venue.
	failing func(http.ResponseWriter, *http.Request) bool
}

// fail lets requests fail by a function; nil: by none.
func (l *line) fail(failing func(http.ResponseWriter, *http.Request) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing = failing
}

func newLine(t *testing.T, venue string) *line {
	t.Helper()
	at, err := url.Parse(venue)
	require.NoError(t, err)
	l := &line{venue: strings.Replace(venue, "http", "ws", 1),
		cuts: map[string]map[int]context.CancelFunc{marketSocket: {}, accountSocket: {}}, held: map[string]chan struct{}{},
		ends: map[string]map[int]*websocket.Conn{marketSocket: {}, accountSocket: {}}}
	requests := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(at) }}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/realtime" {
			l.socket(w, r)
			return
		}
		l.mu.Lock()
		failing := l.failing
		l.mu.Unlock()
		if failing == nil || !failing(w, r) {
			requests.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() { l.cut(marketSocket, accountSocket); l.Close() })
	return l
}

// socket connects a client with the venue until it is cut.
func (l *line) socket(w http.ResponseWriter, r *http.Request) {
	client, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer client.CloseNow() //nolint:errcheck // it may have closed
	venue, resp, err := websocket.Dial(r.Context(), l.venue+"/realtime", nil)
	if err != nil {
		return
	}
	if resp.Body != nil {
		defer resp.Body.Close()
	}
	defer venue.CloseNow() //nolint:errcheck // the same
	client.SetReadLimit(-1)
	venue.SetReadLimit(-1)
	_, first, err := client.Read(r.Context()) // says what it is for
	if err != nil {
		return
	}
	kind := marketSocket
	if bytes.Contains(first, []byte("authKeyExpires")) {
		kind = accountSocket
	}
	ctx, cut := context.WithCancel(r.Context())
	defer cut()
	defer l.joins(kind, client)()
	if !l.through(ctx, kind, cut) || venue.Write(ctx, websocket.MessageText, first) != nil {
		return
	}
	var copies sync.WaitGroup
	for _, way := range [][2]*websocket.Conn{{client, venue}, {venue, client}} {
		copies.Go(func() {
			defer cut()
			for {
				kind, frame, err := way[0].Read(ctx)
				if err != nil || way[1].Write(ctx, kind, frame) != nil {
					return
				}
			}
		})
	}
	copies.Wait()
}

// joins notes the client's end of a socket until it leaves.
func (l *line) joins(kind string, client *websocket.Conn) (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	n := l.next
	l.ends[kind][n] = client
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.ends[kind], n)
	}
}

// say sends a frame to the clients of a kind, as if the venue had sent it.
func (l *line) say(ctx context.Context, kind, frame string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, client := range l.ends[kind] {
		_ = client.Write(ctx, websocket.MessageText, []byte(frame)) // the client may have disconnected
	}
}

// through waits until messages of a kind are let through.
func (l *line) through(ctx context.Context, kind string, cut context.CancelFunc) bool {
	l.mu.Lock()
	l.next++
	l.cuts[kind][l.next] = cut
	held := l.held[kind]
	l.mu.Unlock()
	if held == nil {
		return true
	}
	select {
	case <-held:
		return true
	case <-ctx.Done():
		return false
	}
}

// cut breaks the sockets that stand.
func (l *line) cut(kinds ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, kind := range kinds {
		for n, cut := range l.cuts[kind] {
			cut()
			delete(l.cuts[kind], n)
		}
	}
}

// hold breaks the sockets of a kind, and lets no message of new ones through until it is
// released.
func (l *line) hold(kind string) (release func()) {
	held := make(chan struct{})
	l.mu.Lock()
	l.held[kind] = held
	l.mu.Unlock()
	l.cut(kind)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.held, kind)
		close(held)
	}
}

// says waits until a process has written a text to its log so many times.
func (p *process) says(text string, times int) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Count(read(p.t, p.stderr), text) >= times }, time.Minute, 20*time.Millisecond, text)
}

// suspend ends a session for now.
func (p *process) suspend() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(os.Interrupt))
	require.Contains(p.t, p.end(), "is suspended")
}

// again plays a session of a binary again.
func again(t *testing.T, program, state, name string) {
	t.Helper()
	out, err := exec.Command(program, "replay", filepath.Join(state, "sessions", name), "--no-report").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "no difference")
}

// A live session whose prices break off goes on when they come back, and lists the gap.
// While they are away for longer than is allowed, no order is sent, whoever asks; what
// is open is still heard of.
func TestLiveFeedCut(t *testing.T) {
	racetest.Once(t)
	v := newLiveVenue(t, "--speed", "20")
	way := newLine(t, v.address)
	args := []string{"run", "--state", v.state, "--session", "s", "--mode", "live", "--feed", "bitmex", "--live-url", way.URL, "--symbol", "XBTUSD", "--strategy", "nag",
		"--max-order", "1000", "--max-position", "20000", "--max-daily-loss", "1 XBT", "--max-orders-per-minute", "6000", "--max-staleness", "1s", "--unattended", "--quiet"}
	p := beginAs(t, "paper-desk", args...)
	p.line()
	trades := func(what string, gaps int64) {
		t.Helper()
		before := look(t, v.state, "s")
		soon(t, v.state, "s", what, func(l looked) bool {
			return l.Orders > before.Orders+1 && l.Events > before.Events+50 && l.GapCount == gaps && l.Tripped == ""
		})
	}
	trades("it trades", 0)

	way.cut(marketSocket)
	trades("it goes on after a short break", 1)

	refused := strings.Count(read(t, p.stderr), `"rule":"stale"`)
	release := way.hold(marketSocket)
	p.says(`"rule":"stale"`, refused+1)
	soon(t, v.state, "s", "it takes back what is open", func(l looked) bool { return l.Open == 0 })
	placed := v.placed()
	time.Sleep(700 * time.Millisecond) // of a clock by which it would place some
	require.Equal(t, placed, v.placed(), "no order is sent on old prices")
	require.Equal(t, int64(1), look(t, v.state, "s").GapCount, "its length is not known yet")
	release()
	trades("it goes on after a long one", 2)

	way.cut(marketSocket, accountSocket)
	p.says(`"rule":"disconnected"`, 1)
	trades("it goes on when all was lost", 3)

	p.suspend()
	require.Positive(t, v.compare("s"))
	again(t, "backtest-desk", v.state, "s")
}

// placed counts the orders that the venue has taken.
func (v *liveVenue) placed() int {
	v.t.Helper()
	rows := v.executions()
	n := 0
	for i := range rows {
		if rows[i].ExecType == "New" {
			n++
		}
	}
	return n
}

// open counts the orders that are open on the venue.
func (v *liveVenue) open() int {
	v.t.Helper()
	rows, err := v.client.Orders(v.t.Context(), bitmex.Query{Filter: map[string]any{"open": true}, Count: 500})
	require.NoError(v.t, err)
	return len(rows)
}

// fails waits for the end of a process that cannot go on, and returns what it says.
func (p *process) fails(code int) string {
	p.t.Helper()
	var failed *exec.ExitError
	require.ErrorAs(p.t, p.cmd.Wait(), &failed, read(p.t, p.stderr))
	require.Equal(p.t, code, failed.ExitCode(), read(p.t, p.stderr))
	return read(p.t, p.stderr)
}

// A live session that cannot write, be it prices or what the venue said, cancels its
// orders and ends with an error. With room again it knows every order and every fill, and
// those of which nothing could be kept.
func TestLiveDiskFull(t *testing.T) {
	racetest.Once(t)
	v := newLiveVenue(t, "--speed", "20")
	for _, table := range []string{"inputs", "outputs"} {
		p := begin(t, v.state, v.args("s")...)
		p.line()
		before := look(t, v.state, "s")
		soon(t, v.state, "s", "it trades", func(l looked) bool { return l.Orders > before.Orders+3 && l.Open > 0 && l.Tripped == "" })
		db := openBooks(t, v.state, "s")
		_, err := db.ExecContext(t.Context(), "CREATE TRIGGER full BEFORE INSERT ON "+table+" BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END")
		require.NoError(t, err)
		said := p.fails(cli.ExitFailed)
		require.Contains(t, said, "it could not be written, and stays as it was at 20", table)
		require.Contains(t, said, "database or disk is full", table)
		require.NotContains(t, said, "orders may be open", table)
		require.Zero(t, v.open(), table)
		require.Equal(t, "suspended", look(t, v.state, "s").Status)
		_, err = db.ExecContext(t.Context(), "DROP TRIGGER full")
		require.NoError(t, err)
	}
	p := begin(t, v.state, v.args("s")...)
	p.line()
	before := look(t, v.state, "s")
	soon(
		t,
		v.state,
		"s",
		"it goes on",
		func(l looked) bool { return l.Orders > before.Orders+3 && l.Fills > 0 && l.Tripped == "" },
	)
	p.suspend()
	require.Positive(t, v.compare("s"))
	again(t, "backtest", v.state, "s")
}

var errNotMounted = errors.New("a file system of a few megabytes cannot be mounted here")

// The same on a disk that is full.
func TestLiveOnAFullDisk(t *testing.T) {
	racetest.Once(t)
	v := newLiveVenue(t, "--speed", "20")
	disk := t.TempDir()
	if err := mountSmall(t, disk, "16m"); err != nil {
		t.Skip(err)
	}
	args := append(v.args("s"), "--state", disk)
	p := beginAs(t, "paper", args...)
	p.line()
	soon(t, disk, "s", "it trades", func(l looked) bool { return l.Orders > 3 && l.Open > 0 })
	ballast := filepath.Join(disk, "ballast")
	fillUp(t, ballast)
	require.Contains(t, p.fails(cli.ExitFailed), "it could not be written, and stays as it was at 20")
	require.Zero(t, v.open())
	// The session removed its write-ahead log when it ended, which left room for a few more rows.
	fillUp(t, ballast)
	placed := v.placed()
	p = beginAs(t, "paper", args...)
	require.Contains(t, p.fails(cli.ExitFailed), "full", "a session does not begin without room")
	require.Equal(t, placed, v.placed())
	require.NoError(t, os.Remove(ballast))

	p = beginAs(t, "paper", args...)
	p.line()
	before := look(t, disk, "s")
	soon(t, disk, "s", "it goes on", func(l looked) bool { return l.Orders > before.Orders+3 && l.Tripped == "" })
	p.suspend()
	v.state = disk
	v.compare("s")
	again(t, "backtest", disk, "s")
}

// fillUp appends to a file until the disk is full.
func fillUp(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(t, err)
	defer f.Close()
	for chunk := make([]byte, 4096); err == nil; {
		_, err = f.Write(chunk)
	}
}

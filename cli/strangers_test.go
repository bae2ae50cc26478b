//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/strategies"
)

// sharedBuffer is both standard output and error, which goroutines of a command write to at
// the same time.
type sharedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (s *sharedBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// String implements fmt.Stringer.
func (s *sharedBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// printed runs a command within this process and returns what it printed.
func printed(t *testing.T, program string, args ...string) (out string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var b sharedBuffer
	app := &cli.App{Command: program, Args: args, Stdin: strings.NewReader(""), Stdout: &b, Stderr: &b,
		Strategies: strategies.All(), Now: time.Now}
	code = app.Run(ctx)
	require.NoError(t, ctx.Err())
	return b.String(), code
}

// hostile is what a terminal would obey: a title, a cleared screen, a line of its own.
const hostile = "\x1b]0;pwned\a\x1b[2J\u009b2J\npaper: all orders are cancelled"

// refusing is a venue that refuses everything with a hostile text.
func refusing(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		text, err := json.Marshal(hostile)
		if err == nil {
			_, err = fmt.Fprintf(w, `{"error":{"message":%s,"name":"HTTPError"}}`, text)
		}
		if err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// No text from outside reaches the terminal as something that it obeys, and none begins a
// line as the program's own lines do.
func TestTextFromOutsideIsEscaped(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "instruments.json")
	require.NoError(t, os.WriteFile(bad, []byte(`[{"venue":"x","symbol":"`+strings.ReplaceAll(hostile, "\n",
		`\n`)+`"}]`), 0o600))
	file := dir + "/XBTUSD-1m-\x1b[2J.csv"
	require.NoError(t, os.WriteFile(file, []byte("timestamp,\x1b[2J\n1,2\n"), 0o600))
	for _, tt := range []struct {
		name, program string
		args          []string
		want          string
	}{
		{"venue", "paper", []string{"doctor", "--state", dir, "--feed", "bitmex", "--live-url", refusing(t),
			"--symbol", "XBTUSD",
			"--strategy", "buy_and_hold", "--param", "qty=10"}, "FAILED"},
		{"argument", "backtest", []string{hostile}, "unknown command"},
		{"flag", "backtest", []string{"run", "--" + hostile}, "unknown flag"},
		{"strategy", "backtest", []string{"run", "--catalog", dir, "--symbol", "XBTUSD", "--strategy", hostile},
			"unknown strategy"},
		{"path", "backtest", []string{"report", dir + "/" + hostile}, "no run"},
		{"instruments", "backtest", []string{"instruments", "--instruments", bad}, "--instruments"},
		{"import", "backtest", []string{"data", "import", "--catalog", filepath.Join(dir, "c"), file}, "XBTUSD-1m-"},
		{"settings", "backtest", []string{"run", "-c", dir + "/" + hostile}, "no such file"},
		{"live url", "paper", []string{"doctor", "--state", dir, "--feed", "bitmex", "--live-url",
			"http://a/" + hostile, "--symbol", "XBTUSD",
			"--strategy", "buy_and_hold", "--param", "qty=10"}, "FAILED"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, code := printed(t, tt.program, tt.args...)
			require.NotZero(t, code)
			require.Contains(t, out, tt.want)
			require.False(t, strings.ContainsAny(out, "\x1b\a\r\u009b"), "%q", out)
			for i, line := range strings.Split(out, "\n") {
				require.False(t, i > 0 && strings.HasPrefix(line, "paper: all orders"), "%q", out)
			}
		})
	}
}

// An address is a scheme, a host and a port: what else it has would be kept with the
// session's settings, be logged, or be glued to the paths of the API.
func TestLiveURL(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		http.Error(w, "{}", http.StatusTeapot)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for _, tt := range []struct{ url, want string }{
		{"http://user:canary@" + host, "it has a user or a password"},
		{"http://canary@" + host, "it has a user or a password"},
		{server.URL + "?k=canary", "it has a query"},
		{server.URL + "?", "it has a query"},
		{server.URL + "/#canary", "it has a fragment"},
		{server.URL + "#", "it has a fragment"},
		{"http://user:canary pass@" + host, "it is no address"},
		{"canary", "it is no address"},
		{"ftp://" + host, `scheme "ftp"`},
		{server.URL + "/api/v2", `path "/api/v2"; want the address without a path, such as ` + server.URL},
		{server.URL + "/api", `path "/api"`},
		{server.URL, ""}, {server.URL + "/", ""}, {server.URL + "/api/v1", ""}, {server.URL + "/api/v1/", ""},
		{server.URL + "/realtime", ""},
	} {
		t.Run(strings.ReplaceAll(strings.TrimPrefix(tt.url, server.URL), "canary", "secret"), func(t *testing.T) {
			state := t.TempDir()
			asked = nil
			out, code := printed(t, "paper", "doctor", "--state", state, "--feed", "bitmex", "--live-url", tt.url,
				"--symbol", "XBTUSD",
				"--strategy", "buy_and_hold", "--param", "qty=10")
			require.NotZero(t, code)
			if tt.want == "" {
				require.NotContains(t, out, "--live-url")
				require.NotEmpty(t, asked)
				for _, path := range asked {
					require.Regexp(t, `^/(api/v1(/[a-zA-Z/]+)?|realtime)$`, path)
					require.NotContains(t, path, "/api/v1/api/")
				}
				return
			}
			require.Contains(t, out, tt.want)
			require.NotContains(t, out, "canary")
			require.Empty(t, asked)
			out, code = printed(t, "paper", "run", "--state", state, "--feed", "bitmex", "--live-url", tt.url,
				"--symbol", "XBTUSD",
				"--strategy", "buy_and_hold", "--param", "qty=10")
			require.Equal(t, cli.ExitUsage, code, out)
			require.Contains(t, out, tt.want)
			require.NoDirExists(t, filepath.Join(state, "sessions", "xbtusd-buy_and_hold"))
		})
	}
}

// A key's account starts with what an account can hold.
func TestKeysAddChecksTheBalance(t *testing.T) {
	for _, tt := range []struct{ balance, want string }{
		{"90000000000 XBT", "balance"},
		{"9000000000000000000 XBT", "balance"},
		{"-1 XBT", "balance"},
		{"0 XBT", "balance"},
		{"x XBT", "balance"},
		{"1 XBT, 90000000000000 USDT", "balance"},
		{"1152921504606846976 XBt", "balance"},
		{"10 XBT, 50000 USDT", ""},
		{"1000000000 XBt", ""},
	} {
		t.Run(tt.balance, func(t *testing.T) {
			out, code := printed(t, "paper", "keys", "add", "--state", t.TempDir(), "--balance", tt.balance)
			if tt.want == "" {
				require.Zero(t, code, out)
				return
			}
			require.Equal(t, cli.ExitUsage, code, out)
			require.Contains(t, out, "--balance ")
		})
	}
}

// Orders and keys go over https, unless the venue is on this machine.
func TestOrdersGoOverHTTPSOnly(t *testing.T) {
	racetest.Once(t)
	t.Setenv("DUNAMIS_BITMEX_KEY", "k")
	t.Setenv("DUNAMIS_BITMEX_SECRET", "s")
	for _, tt := range []struct {
		url     string
		refused bool
	}{
		{"http://venue.test", true},
		{"http://10.0.0.1:8090", true},
		{"http://localhost.venue.test", true},
		{refusing(t), false},
	} {
		out, code := printed(t, "paper", "run", "--state", t.TempDir(), "--feed", "bitmex", "--live-url", tt.url,
			"--symbol", "XBTUSD",
			"--strategy", "buy_and_hold", "--param", "qty=10", "--mode", "live", "--unattended", "--max-order", "10",
			"--max-position", "10",
			"--max-daily-loss", "1 XBT", "--max-orders-per-minute", "10")
		require.NotZero(t, code, out)
		require.Equal(t, tt.refused, strings.Contains(out, "orders go over https:// only"), "%s: %s", tt.url, out)
	}
}

// The doctor says which variables the secrets come from.
func TestDoctorNamesTheVariables(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("s"), 0o600))
	t.Setenv("DUNAMIS_BITMEX_KEY", "k")
	t.Setenv("DUNAMIS_BITMEX_SECRET", "")
	t.Setenv("DUNAMIS_BITMEX_SECRET_FILE", file)
	out, _ := printed(t, "paper", "doctor", "--state", t.TempDir(), "--feed", "bitmex", "--live-url", refusing(t),
		"--symbol", "XBTUSD",
		"--strategy", "buy_and_hold", "--param", "qty=10", "--mode", "live")
	require.Contains(t, out, "$DUNAMIS_BITMEX_KEY and $DUNAMIS_BITMEX_SECRET_FILE are set")
}

// A session on media that cannot be written can be looked at and played again; one that
// cannot be looked at is listed, and is an error.
func TestSessionsOnReadOnlyMedia(t *testing.T) {
	state := t.TempDir()
	args := []string{"run", "--state", state, "--session", "s", "--feed", "synthetic", "--symbol", "XBTUSD",
		"--strategy", "grid_maker",
		"--param", "qty=1000", "--param", "limit=10000", "--to", "2024-01-01T00:01:00Z", "--speed", "max", "--quiet"}
	out, err := exec.Command("paper", args...).CombinedOutput()
	require.NoError(t, err, string(out))
	if err := mountReadOnly(t, state); errors.Is(err, errNotMounted) {
		t.Skip(err)
	}
	listed, code := printed(t, "paper", "list", "--state", state)
	require.Zero(t, code, listed)
	require.Regexp(t, `(?m)^s +ended +grid_maker`, listed)
	status, code := printed(t, "paper", "status", "s", "--state", state)
	require.Zero(t, code, status)
	require.Contains(t, status, "ended")
	replayed, code := printed(t, "backtest", "replay", filepath.Join(state, "sessions", "s"), "--no-report")
	require.Zero(t, code, replayed)
	require.Contains(t, replayed, "no difference")
}

func TestListShowsWhatCannotBeRead(t *testing.T) {
	state := t.TempDir()
	dir := filepath.Join(state, "sessions", "broken")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "session.db"), []byte(strings.Repeat("no database ", 100)),
		0o600))
	out, code := printed(t, "paper", "list", "--state", state)
	require.Zero(t, code, out)
	require.Regexp(t, `(?m)^broken +unreadable`, out)
	require.Regexp(t, `(?m)^broken: session .* file is not a database`, out)
	out, code = printed(t, "paper", "list", "--state", state, "--json")
	require.Zero(t, code, out)
	require.Contains(t, out, `"status": "unreadable"`)
	require.Contains(t, out, "file is not a database")
}

// An interrupt of a live session says at once what it waits for, whether the venue answers
// or not.
func TestInterruptSaysWhatItWaitsFor(t *testing.T) {
	v := newLiveVenue(t)
	p := begin(t, v.state, v.args("s")...)
	p.line()
	soon(t, v.state, "s", "it has orders", func(l looked) bool { return l.Open > 0 })
	require.NoError(t, v.serving.cmd.Process.Signal(syscall.SIGSTOP))
	t.Cleanup(func() { _ = v.serving.cmd.Process.Signal(syscall.SIGCONT) })
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	line := regexp.MustCompile(`(?m)^session s: interrupted; waiting for the venue to cancel [1-9][0-9]* open orders, ` +
		`at most 20s, and for answers .*a second Ctrl-C`)
	require.Eventually(t, func() bool { return line.MatchString(read(t, p.stderr)) }, 10*time.Second,
		20*time.Millisecond,
		"the venue may be waited for 20 s, and this is said before")
	require.NoError(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()
}

// A server that other machines can reach says so, and prints an address that can be opened.
func TestServeWarnsOfOthers(t *testing.T) {
	for listen, warned := range map[string]bool{"127.0.0.1:0": false, "0.0.0.0:0": true} {
		p := begin(t, t.TempDir(), "serve", "--synthetic", "--listen", listen)
		require.Contains(t, p.line(), "http://127.0.0.1:")
		require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
		p.end()
		require.Equal(t, warned, strings.Contains(read(t, p.stderr),
			"can be reached by other machines, and speaks plain HTTP"), listen)
	}
}

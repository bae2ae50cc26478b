package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/secret"
	"github.com/dunamis-engine/dunamis/strategies"
)

// output is what a command prints while it runs.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// paper runs the paper command.
func paper(ctx context.Context, out, err *output, args ...string) int {
	app := &cli.App{Command: "paper", Args: args, Stdout: out, Stderr: err, Strategies: strategies.All(), Now: time.Now}
	return app.Run(ctx)
}

// served starts paper serve with a key, and ends it with the test.
func served(t *testing.T, args ...string) (url, key, secret string) {
	t.Helper()
	state := t.TempDir()
	var out, errs output
	require.Zero(t, paper(t.Context(), &out, &errs, "keys", "add", "--state", state, "--json"), errs.String())
	var k struct{ Key, Secret string }
	require.NoError(t, json.Unmarshal([]byte(out.String()), &k))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	out, errs = output{}, output{}
	go func() {
		ended <- paper(ctx, &out, &errs, append([]string{"serve", "--state", state, "--listen", "127.0.0.1:0", "--rate-limit", "0", "--order-rate-limit", "0"}, args...)...)
	}()
	t.Cleanup(func() {
		cancel()
		require.Zero(t, <-ended, errs.String())
		require.NotContains(t, out.String()+errs.String(), k.Secret)
	})
	address := regexp.MustCompile(`serving (https?://[0-9.:]+)/api/v1`)
	require.Eventually(t, func() bool { return address.MatchString(out.String()) }, 20*time.Second, 10*time.Millisecond, "%s", &errs)
	return address.FindStringSubmatch(out.String())[1], k.Key, k.Secret
}

// Whoever runs a server can see that it is well.
func TestHealth(t *testing.T) {
	url, _, _ := served(t, "--synthetic")
	get := func(path string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer func() { require.NoError(t, resp.Body.Close()) }()
		require.Equal(t, http.StatusOK, resp.StatusCode)
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(b)
	}
	require.Equal(t, "ok\n", get("/healthz"))
	require.Contains(t, get("/api/v1/instrument/active"), "XBTUSD")
	text := get("/metrics")
	require.Contains(t, text, `dunamis_gateway_requests_total{endpoint="GET /instrument/active",status="200"} 1`)
	require.Contains(t, text, "dunamis_gateway_accounts 0")
}

// A gateway that listens to another one shows its prices, and fills orders of its own.
func TestLivePrices(t *testing.T) {
	first, _, _ := served(t, "--synthetic")
	second, key, text := served(t, "--live", "bitmex", "--live-url", first)
	config := func(url string) bitmex.Config { return bitmex.Config{URL: url} }
	a, err := bitmex.NewClient(config(first))
	require.NoError(t, err)
	defer a.Close()
	withKey := config(second)
	withKey.Key, withKey.Secret = key, secret.New(text)
	b, err := bitmex.NewClient(withKey)
	require.NoError(t, err)
	defer b.Close()
	best := func(c *bitmex.Client) string {
		rows, err := c.Book(t.Context(), "XBTUSD", 1)
		require.NoError(t, err)
		if len(rows) != 2 {
			return ""
		}
		return string(rows[0].Price + " " + rows[1].Price)
	}
	require.Eventually(t, func() bool { return best(b) != "" && best(a) == best(b) }, 20*time.Second, 10*time.Millisecond)
	o, err := b.Place(t.Context(), bitmex.NewOrder{Symbol: "XBTUSD", Side: "Buy", OrderQty: 100, OrdType: "Market"})
	require.NoError(t, err)
	require.Equal(t, "Filled", o.OrdStatus)
}

// ccxt runs a program of examples/ccxt on a gateway and returns what it prints.
func ccxt(t *testing.T, program string, serve ...string) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	dir := filepath.Join("..", "examples", "ccxt")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "ccxt")); err != nil {
		t.Skip("ccxt is not installed: npm install --no-package-lock --prefix examples/ccxt")
	}
	url, key, secret := served(t, serve...)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, node, program)
	c.Dir = dir
	c.Env = append(os.Environ(), "BITMEX_URL="+url, "BITMEX_KEY="+key, "BITMEX_SECRET="+secret)
	text, err := c.CombinedOutput()
	require.NoError(t, err, "%s", text)
	return string(text)
}

// A stock client of the venue takes its tour of a gateway.
func TestStockClient(t *testing.T) {
	text := ccxt(t, "bot.mjs", "--synthetic", "--speed", "5")
	for _, line := range []string{"ok markets", "ok orders 47 kinds placed, edited, cancelled and watched", "ok immediate or cancel, fill or kill", "ok reduce only", "ok watch", "ok closed", "ok switch"} {
		require.Contains(t, text, line)
	}
}

// The same client trades on bars, whose statistics, quote and book the gateway makes.
func TestStockClientOnBars(t *testing.T) {
	racetest.Skip(t)
	for _, kind := range []string{"bar-1m", "bar-1h"} {
		t.Run(kind, func(t *testing.T) {
			catalog, _ := history(t, "2019-01-01", 96*time.Hour, kind)
			text := ccxt(t, "bars.mjs", "--catalog", catalog, "--symbol", "XBTUSD", "--from", "2019-01-02T12:00:00Z",
				"--speed", "3600")
			require.Contains(t, text, "ok 21 calls")
		})
	}
}

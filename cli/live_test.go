//go:build unix

package cli_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/secret"
)

// liveVenue is a gateway with an account, that live sessions trade on.
type liveVenue struct {
	t       *testing.T
	state   string
	address string
	key     string
	secret  string
	client  *bitmex.Client
	serving *process
	absurd  string // what differences with the venue may quote; empty: there are none
}

func newLiveVenue(t *testing.T, more ...string) *liveVenue {
	t.Helper()
	v := &liveVenue{t: t, state: t.TempDir()}
	var key struct{ Key, Secret string }
	require.NoError(t, json.Unmarshal([]byte(mustPaper(t, "keys", "add", "--balance", "10 XBT", "--json", "--state", v.state)), &key))
	v.key, v.secret = key.Key, key.Secret
	t.Setenv("DUNAMIS_BITMEX_KEY", key.Key)
	t.Setenv("DUNAMIS_BITMEX_SECRET", key.Secret)
	v.serving = begin(t, v.state, append([]string{"serve", "--synthetic", "--listen", "127.0.0.1:0", "--rate-limit", "0", "--order-rate-limit", "0"}, more...)...)
	v.address = strings.TrimSuffix(strings.Fields(v.serving.line())[1], "/api/v1")
	policy := live.DefaultPolicy()
	policy.RequestsPerMinute, policy.OrdersPerSecond = 0, 0
	var err error
	v.client, err = bitmex.NewClient(bitmex.Config{URL: v.address, Key: key.Key, Secret: secret.New(key.Secret), Policy: policy})
	require.NoError(t, err)
	t.Cleanup(v.client.Close)
	return v
}

// args are those of a session that trades there.
func (v *liveVenue) args(name string, more ...string) []string {
	return append([]string{"run", "--session", name, "--mode", "live", "--feed", "bitmex", "--live-url", v.address, "--max-order", "1000", "--max-position", "20000",
		"--max-daily-loss", "1 XBT", "--max-orders-per-minute", "6000", "--unattended"}, append(busyMaker, more...)...)
}

// executions are all that the venue has, oldest first.
func (v *liveVenue) executions() (all []bitmexapi.Execution) {
	v.t.Helper()
	for {
		rows, err := v.client.Executions(v.t.Context(), bitmex.Query{Count: 500, Start: len(all)})
		require.NoError(v.t, err)
		if all = append(all, rows...); len(rows) < 500 {
			return all
		}
	}
}

// compare checks that the books of a session that does not run are the venue's: no order
// twice, no fill twice, none lost.
func (v *liveVenue) compare(name string) (fills int) {
	v.t.Helper()
	var placed, filled []string
	seen := map[string]bool{}
	rows := v.executions()
	for n := range rows {
		switch e := &rows[n]; e.ExecType {
		case "New":
			require.False(v.t, seen[e.ClOrdID], "order %s was placed twice", e.ClOrdID)
			seen[e.ClOrdID] = true
			placed = append(placed, e.ClOrdID)
		case "Trade":
			filled = append(filled, fmt.Sprint(e.ExecID, e.ClOrdID, *e.LastQty))
		}
	}
	db := openBooks(v.t, v.state, name)
	require.Equal(v.t, filled, rowsOf(v.t, db, "SELECT exec_id || client_id || qty FROM fills ORDER BY seq", -1), "fills")
	known := map[string]bool{}
	for _, id := range rowsOf(v.t, db, "SELECT client_id FROM orders WHERE status <> 'Rejected'", -1) {
		known[id] = true
	}
	for _, id := range placed {
		require.True(v.t, known[id], "order %s is on the venue and not in the books", id)
	}
	open, err := v.client.Orders(v.t.Context(), bitmex.Query{Filter: map[string]any{"open": true}, Count: 500})
	require.NoError(v.t, err)
	l := look(v.t, v.state, name)
	require.Equal(v.t, int64(len(open)), l.Open, "open orders")
	positions, err := v.client.Positions(v.t.Context(), bitmex.Query{})
	require.NoError(v.t, err)
	held := int64(0)
	for n := range positions {
		held += *positions[n].CurrentQty
	}
	require.Equal(v.t, held, l.Positions[0].Qty, "position")
	for n := range l.Differences {
		require.NotEmpty(v.t, v.absurd, l.Differences[n].Text)
		require.Contains(v.t, l.Differences[n].Text, v.absurd)
	}
	return len(filled)
}

// A live session that is killed at any moment goes on with the books of the venue.
func TestKillLive(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a process many times")
	}
	v := newLiveVenue(t, "--speed", "20")
	deaths, longest := 25, 700*time.Millisecond
	if racetest.Enabled {
		deaths, longest = 5, 3*time.Second
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range deaths {
		c := exec.Command("paper", append(v.args("s"), "--state", v.state)...)
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		var stderr strings.Builder
		c.Stderr = &stderr
		require.NoError(t, c.Start())
		_, _ = bufio.NewReader(out).ReadString('\n')
		time.Sleep(time.Duration(random.Int64N(int64(longest))))
		require.NoError(t, c.Process.Kill())
		require.Error(t, c.Wait(), stderr.String())
		require.NotContains(t, stderr.String(), `"ERROR"`)
	}
	p := begin(t, v.state, append(v.args("s"), "--keep-orders")...)
	p.line()
	before := look(t, v.state, "s")
	soon(t, v.state, "s", "it trades", func(l looked) bool { return l.Events > before.Events+50 && l.Tripped == "" })
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	require.Contains(t, p.end(), "is suspended")
	p = begin(t, v.state, v.args("s")...)
	p.line()
	before = look(t, v.state, "s")
	soon(t, v.state, "s", "it goes on", func(l looked) bool { return l.Events > before.Events+50 && l.Tripped == "" && l.Open > 0 })
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	require.Contains(t, p.end(), "is suspended")
	require.Zero(t, look(t, v.state, "s").Open, "it takes its orders with it")
	fills := v.compare("s")
	t.Logf("%d deaths, %d fills, %d orders", deaths, fills, len(rowsOf(t, openBooks(t, v.state, "s"), "SELECT client_id FROM orders", -1)))
	out, err := exec.Command("backtest", "replay", filepath.Join(v.state, "sessions", "s"), "--no-report").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "no difference")
}

// A session in shadow mode compares the venue with the simulator, through a crash, and
// models are fitted to what it met.
func TestShadow(t *testing.T) {
	racetest.Once(t)
	v := newLiveVenue(t, "--latency", "12ms/7ms")
	args := append(v.args("s", "--latency", "5ms"), "--mode", "shadow")
	p := begin(t, v.state, args...)
	require.Contains(t, p.line(), "REAL ORDERS with a simulation beside")
	soon(t, v.state, "s", "it trades", func(l looked) bool { return l.Orders > 10 })
	require.NoError(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()
	p = begin(t, v.state, args...)
	p.line()
	soon(t, v.state, "s", "it trades", func(l looked) bool { return l.Orders > 30 })
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	require.Contains(t, p.end(), "is suspended")
	v.compare("s")
	out, err := exec.Command("backtest", "replay", filepath.Join(v.state, "sessions", "s"), "--no-report").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "no difference", "of reports, commands, and what the simulator said")

	var measured struct {
		Gap struct {
			Orders           int
			Shadowed         bool
			Seen             struct{ P50 float64 } `json:"latency_seen"`
			Modelled         struct{ P50 float64 } `json:"latency_modelled"`
			Agreement        float64
			Both, Venue, Sim int
		}
		Orders []struct {
			Venue, Sim struct{ Status string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(mustPaper(t, "gap", "s", "--json", "--orders", "1000", "--state", v.state)), &measured))
	g := measured.Gap
	require.Greater(t, g.Orders, 30)
	require.Len(t, measured.Orders, g.Orders)
	require.True(t, g.Shadowed)
	require.InDelta(t, 0.010, g.Modelled.P50, 0.001, "5 ms there and back")
	require.Greater(t, g.Seen.P50, 0.019, "12 ms there, 7 ms back, and the machine's part")
	for n := range measured.Orders {
		require.NotEmpty(t, measured.Orders[n].Venue.Status)
		require.NotEmpty(t, measured.Orders[n].Sim.Status)
	}
	require.Contains(t, mustPaper(t, "gap", "s", "--state", v.state), "latency modelled  median 10ms")

	models := filepath.Join(t.TempDir(), "models.yaml")
	calibrate := []string{"calibrate", filepath.Join(v.state, "sessions", "s"), "--out", models}
	require.Contains(t, mustBacktest(t, append(calibrate, "--queue", "risk-averse", "--queue", "front")...), "QUEUE MODEL")
	text := read(t, models)
	require.Regexp(t, `latency: "lognormal:[0-9.]+ms:[0-9.e-]+(:[0-9a-z.]+)?"\nresponse-latency: "lognormal:.*"\nqueue: "`, text)
	out, err = exec.Command("backtest", calibrate...).CombinedOutput()
	require.Error(t, err, "it is there already")
	require.Contains(t, string(out), "--force writes over it")
	out, err = exec.Command("backtest", append(calibrate, "--force", "--queue", "cancels")...).CombinedOutput()
	require.Error(t, err, "it is a short session")
	require.Regexp(t, `--queue cancels: \d+ orders rested, want at least 100`, string(out))
	require.Contains(t, mustBacktest(t, append(calibrate, "--force", "--recorded", "--queue", "prob-power:2", "--json")...), `"queue": "prob-power:2"`)

	catalog, _ := history(t, "2019-01-01", 24*time.Hour, "bar-1m")
	run := []string{"run", "--catalog", catalog, "--symbol", "XBTUSD", "--strategy", "sma_cross", "--param", "bars=1m",
		"--param", "qty=1000", "--param", "fast=10", "--param", "slow=30"}
	dir := filepath.Join(t.TempDir(), "run")
	mustBacktest(t, append(run, "--models", models, "--out", dir)...)
	require.Contains(t, read(t, filepath.Join(dir, "manifest.json")), "recorded:"+strings.TrimSuffix(models, ".yaml")+"-trips.csv")
	require.NoError(t, os.WriteFile(models, []byte("latency: 1ms\nqty: 5\n"), 0o600))
	out, err = exec.Command("backtest", append(run, "--models", models, "--no-report")...).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "models.yaml:2:1: key qty: unknown")
}

// A paper session becomes a configuration for real orders when all is as it must be, and
// somebody says so.
func TestPromote(t *testing.T) {
	racetest.Once(t)
	v := newLiveVenue(t)
	mustPaper(t, append([]string{"run", "--state", v.state, "--session", "p", "--feed", "synthetic", "--to", "2024-01-01T00:20:00Z", "--speed", "max", "--latency", "5ms"}, busyMaker...)...)
	out := filepath.Join(t.TempDir(), "live.yaml")
	promote := func(typed string, more ...string) (string, error) {
		c := exec.Command("paper", append([]string{"promote", "p", "--state", v.state, "--out", out}, more...)...)
		c.Stdin = strings.NewReader(typed)
		text, err := c.CombinedOutput()
		return string(text), err
	}
	text, err := promote("p\n", "--live-url", v.address)
	require.Error(t, err)
	for _, line := range []string{`FAILED +length +it ran for 20m0s, want at least 24h0m0s`, `ok +replay +\d+ events, no difference`, `FAILED +limits +real orders need --max-order or`,
		`WARNING +prices +came from synthetic`, `ok +permissions +the key may place orders`, `ok +backtest +profit (\S+) XBT with (\d+) fills, on the same prices a backtest (\S+) XBT with (\d+);`} {
		require.Regexp(t, line, text)
	}
	text, err = promote("p\n", "--live-url", v.address, "--min-length", "10m", "--max-order", "500", "--max-position",
		"900", "--max-daily-loss", "0.05 XBT", "--max-orders-per-minute", "2", "--max-order-value", "0.001 XBT")
	require.Error(t, err)
	require.NoFileExists(t, out)
	for _, line := range []string{`FAILED +largest order +1000 in the session, --max-order 500`,
		`FAILED +largest position +\d+ in the session, --max-position 900`,
		`WARNING +orders in a minute +\d+ in the session, --max-orders-per-minute 2: the rest`,
		`FAILED +largest order's value +0\.\d+ XBT in the session, --max-order-value 0.001 XBT`} {
		require.Regexp(t, line, text)
	}
	good := []string{"--live-url", v.address, "--min-length", "10m", "--max-order", "1000", "--max-position", "11000", "--max-daily-loss", "0.05 XBT", "--max-orders-per-minute", "60"}
	text, err = promote("yes\n", good...)
	require.Error(t, err)
	require.Contains(t, text, `"p" was not typed`)
	require.NoFileExists(t, out)
	text, err = promote("p\n", good...)
	require.NoError(t, err, text)
	require.Contains(t, read(t, out), "session: \"p-live\"\nmode: \"live\"\nfeed: \"bitmex\"\n")
	require.NotContains(t, mustPaper(t, "list", "--state", v.state), "p-live", "nothing is started")
	require.Contains(t, mustPaper(t, "doctor", "-c", out, "--state", v.state), "the key may place orders")
	text, err = promote("p\n", good...)
	require.Error(t, err)
	require.Contains(t, text, "--force writes over it")

	// Of a session that runs it says so.
	p := begin(t, v.state,
		append([]string{"run", "--session", "r", "--feed", "synthetic", "--speed", "60"}, busyMaker...)...)
	p.line()
	soon(t, v.state, "r", "it trades", func(l looked) bool { return l.Fills > 0 })
	b, err := exec.Command("paper",
		append([]string{"promote", "r", "--state", v.state, "--out", out + "2"}, good...)...).CombinedOutput()
	require.Error(t, err)
	require.Regexp(t, `FAILED +session +it runs; suspend it first: paper stop r --suspend`, string(b))
	require.NotContains(t, string(b), "catalog")
	require.NoError(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()
	b, err = exec.Command("paper",
		append([]string{"promote", "r", "--state", v.state, "--out", out + "2"}, good...)...).CombinedOutput()
	require.Error(t, err)
	require.NotContains(t, string(b), "catalog")

	// The live session asks, and says no to a key that may not place orders.
	c := exec.Command("paper", "run", "-c", out, "--state", v.state)
	c.Stdin = strings.NewReader("no\n")
	b, err = c.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(b), `"p-live" was not typed: nothing is begun`)
	var key struct{ Key, Secret string }
	require.NoError(t, json.Unmarshal([]byte(mustPaper(t, "keys", "add", "--permission", "read", "--json", "--state", v.state)), &key))
	t.Setenv("DUNAMIS_BITMEX_KEY", key.Key)
	t.Setenv("DUNAMIS_BITMEX_SECRET", key.Secret)
	b, err = exec.Command("paper", "doctor", "-c", out, "--state", v.state).CombinedOutput()
	require.Error(t, err)
	require.Regexp(t, `FAILED +permissions +the key may not place orders; it may only read`, string(b))
	t.Setenv("DUNAMIS_BITMEX_SECRET", "")
	b, err = exec.Command("paper", "run", "-c", out, "--state", v.state, "--unattended").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(b), "DUNAMIS_BITMEX_SECRET is not set")
}

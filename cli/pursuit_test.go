//go:build unix

package cli_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/internal/racetest"
)

// down takes the whole line down: sockets break, and requests get no answer.
func (l *line) down() (up func()) {
	releases := []func(){l.hold(marketSocket), l.hold(accountSocket)}
	l.fail(func(w http.ResponseWriter, _ *http.Request) bool {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
		return true
	})
	return func() {
		l.fail(nil)
		for _, release := range releases {
			release()
		}
	}
}

// overload answers requests to place orders with 503.
func (l *line) overload() (over func()) {
	l.fail(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || r.URL.Path != "/api/v1/order" {
			return false
		}
		http.Error(
			w,
			`{"error":{"message":"The system is currently overloaded. Please try again later.","name":"HTTPError"}}`,
			http.StatusServiceUnavailable,
		)
		return true
	})
	return func() { l.fail(nil) }
}

// paperFails runs a command that fails, and returns its exit code and what it says.
func paperFails(t *testing.T, args ...string) (int, string) {
	t.Helper()
	out, err := exec.Command("paper", args...).CombinedOutput()
	var failed *exec.ExitError
	require.ErrorAs(t, err, &failed, string(out))
	return failed.ExitCode(), string(out)
}

// held is the position on the venue.
func (v *liveVenue) held() (qty int64) {
	v.t.Helper()
	rows, err := v.client.Positions(v.t.Context(), bitmex.Query{})
	require.NoError(v.t, err)
	for n := range rows {
		qty += *rows[n].CurrentQty
	}
	return qty
}

// openIDs are the client ids of the orders that are open on the venue.
func (v *liveVenue) openIDs() (ids []string) {
	v.t.Helper()
	rows, err := v.client.Orders(v.t.Context(), bitmex.Query{Filter: map[string]any{"open": true}, Count: 500})
	require.NoError(v.t, err)
	for n := range rows {
		ids = append(ids, rows[n].ClOrdID)
	}
	return ids
}

// holding are the arguments of a session that buys once, over a line.
func (v *liveVenue) holding(name string, way *line) []string {
	return []string{
		"run",
		"--session",
		name,
		"--mode",
		"live",
		"--feed",
		"bitmex",
		"--live-url",
		way.URL,
		"--max-order",
		"1000",
		"--max-position",
		"20000",
		"--max-daily-loss",
		"1 XBT",
		"--max-orders-per-minute",
		"6000",
		"--unattended",
		"--dead-man",
		"0",
		"--symbol",
		"XBTUSD",
		"--strategy",
		"buy_and_hold",
		"--param",
		"qty=1000",
		"--quiet",
	}
}

// holds waits until such a session has bought.
func (v *liveVenue) holds(name string) {
	v.t.Helper()
	soon(
		v.t,
		v.state,
		name,
		"it has bought",
		func(l looked) bool { return len(l.Positions) > 0 && l.Positions[0].Qty == 1000 && l.Open == 0 },
	)
}

// A kill in an outage is not confirmed, says so by its exit code, and is carried out when
// the venue is there again.
func TestKillInAnOutage(t *testing.T) {
	racetest.Once(t)
	v := newLiveVenue(t)
	way := newLine(t, v.address)
	p := begin(t, v.state, append(v.args("s"), "--live-url", way.URL, "--dead-man", "0")...)
	p.line()
	soon(t, v.state, "s", "it has orders open", func(l looked) bool { return l.Open > 3 && l.Tripped == "" })
	up := way.down()
	before := v.openIDs()
	p.says(`"rule":"disconnected"`, 1)
	code, text := paperFails(t, "kill", "s", "--wait", "3s", "--state", v.state)
	require.Equal(t, cli.ExitUnconfirmed, code, text)
	require.Regexp(
		t,
		`kill: not confirmed after 3s: \d+ open orders \(dun-.*\); session s goes on with it, see paper status s`,
		text,
	)
	require.Regexp(
		t,
		`PURSUING +no open orders +required by kill-switch at 20\S+, [1-9]\d* attempts, last at 20`,
		mustPaper(t, "status", "s", "--state", v.state),
	)
	require.Contains(t, mustPaper(t, "status", "s", "--json", "--state", v.state), `"goal": "no-orders"`)
	require.NotEmpty(t, v.openIDs(), "no request came through")
	up()
	soon(t, v.state, "s", "it is confirmed", func(l looked) bool { return l.Pursuit != nil && l.Pursuit.Confirmed != nil })
	for _, id := range v.openIDs() { // one that only reduces the position may be open
		require.NotContains(t, before, id)
	}
	require.Regexp(
		t,
		`confirmed +20\S+ +no open orders, required by kill-switch`,
		mustPaper(t, "status", "s", "--state", v.state),
	)
	p.suspend()
	v.compare("s")
	again(t, "backtest", v.state, "s")
}

// A position is closed although the venue takes no order for a while; meanwhile the command
// says what is open.
func TestFlattenAnOverloadedVenue(t *testing.T) {
	racetest.Once(t)
	v := newLiveVenue(t, "--speed", "20")
	way := newLine(t, v.address)
	p := begin(t, v.state, v.holding("s", way)...)
	p.line()
	v.holds("s")
	mustPaper(t, "kill", "s", "--wait", "60s", "--state", v.state)
	require.NotZero(t, v.held())
	over := way.overload()
	code, text := paperFails(t, "flatten", "s", "--wait", "4s", "--state", v.state)
	require.Equal(t, cli.ExitUnconfirmed, code, text)
	require.Regexp(
		t,
		`flatten: not confirmed after 4s: (1 open orders \(dun-\S+\), )?a position of 1000 XBTUSD; session s goes on with it`,
		text,
	)
	require.NotZero(t, v.held())
	over()
	soon(t, v.state, "s", "it is flat", func(l looked) bool { return l.Positions[0].Qty == 0 })
	require.Zero(t, v.held())
	p.suspend()
	v.compare("s")
	again(t, "backtest", v.state, "s")
}

// A session that is to end flat goes on with it after its process was killed, and ends.
func TestStopFlattenOutlivesKill9(t *testing.T) {
	racetest.Once(t)
	v := newLiveVenue(t, "--speed", "20")
	way := newLine(t, v.address)
	args := v.holding("s", way)
	p := begin(t, v.state, args...)
	p.line()
	v.holds("s")
	over := way.overload()
	code, text := paperFails(t, "stop", "s", "--flatten", "--wait", "3s", "--state", v.state)
	require.Equal(t, cli.ExitUnconfirmed, code, text)
	require.Regexp(
		t,
		`flatten-stop: not confirmed after 3s: (1 open orders \(dun-\S+\), )?a position of 1000 XBTUSD`,
		text,
	)
	require.NoError(t, p.cmd.Process.Kill())
	_ = p.cmd.Wait()
	require.NotZero(t, v.held())
	require.Regexp(
		t,
		`suspended[^\n]*\n(.*\n)*PURSUING +no open orders, no position`,
		mustPaper(t, "status", "s", "--state", v.state),
	)
	over()
	p = begin(t, v.state, args...)
	p.line()
	require.Contains(t, p.end(), "session s has ended")
	require.Zero(t, v.held())
	require.Zero(t, v.open())
	v.compare("s")
	again(t, "backtest", v.state, "s")
}

// In paper mode too nine of ten requests may be lost: the kill is confirmed in the end, and
// so is the flat account.
func TestKillWithLostRequests(t *testing.T) {
	state := t.TempDir()
	p := begin(
		t,
		state,
		append(
			[]string{"run", "--session", "s", "--feed", "synthetic", "--speed", "60", "--faults", "lost=0.6", "--seed", "3"},
			busyMaker...)...)
	p.line()
	soon(t, state, "s", "it trades", func(l looked) bool { return l.Fills > 0 && l.Open > 3 })
	mustPaper(t, "kill", "s", "--wait", "60s", "--state", state)
	require.Empty(t, look(t, state, "s").Pursuit.Orders)
	mustPaper(t, "stop", "s", "--flatten", "--wait", "60s", "--state", state)
	require.Contains(t, p.end(), "session s has ended")
	l := look(t, state, "s")
	require.Zero(t, l.Open)
	require.Zero(t, l.Positions[0].Qty)
	again(t, "backtest", state, "s")
}

// A session does not touch what it did not make: it says so and sends no order until it is
// cleared; with --ignore-others it trades beside it, with --adopt it takes it over.
func TestOtherHands(t *testing.T) {
	racetest.Once(t)
	v := newLiveVenue(t, "--speed", "4")
	_, err := v.client.Place(t.Context(), bitmex.NewOrder{Symbol: "XBTUSD", Side: "Buy", OrderQty: 100, OrdType: "Market"})
	require.NoError(t, err)
	hand := func(id string) {
		_, err := v.client.Place(
			t.Context(),
			bitmex.NewOrder{
				Symbol:   "XBTUSD",
				Side:     "Buy",
				OrderQty: 100,
				Price:    exchange.MustPrice("1000"),
				ClOrdID:  id,
				OrdType:  "Limit",
			},
		)
		require.NoError(t, err)
	}
	others := func() (ids []string) {
		for _, id := range v.openIDs() {
			if strings.HasPrefix(id, "hand") {
				ids = append(ids, id)
			}
		}
		return ids
	}
	// The venue's clock is fast: its dead man's switch, which cancels the orders of others too,
	// would expire between two refreshes.
	args := func(name string, more ...string) []string { return v.args(name, append(more, "--dead-man", "0")...) }
	hand("hand-stop")
	p := begin(t, v.state, args("doubt")...)
	p.line()
	soon(
		t,
		v.state,
		"doubt",
		"it doubts",
		func(l looked) bool { return l.Tripped == "difference" && len(l.Differences) == 2 },
	)
	text := mustPaper(t, "status", "doubt", "--state", v.state)
	require.Regexp(t, `order \S+ hand-stop \(Buy 100 XBTUSD\) is not the session's, and is left alone`, text)
	require.Contains(t, text, "position of XBTUSD was 100 before the session began, and it did not make it")
	require.Contains(t, text, "no new orders until paper clear doubt")
	require.Equal(t, []string{"hand-stop"}, v.openIDs(), "it has placed none")

	// One key, one session.
	code, text := paperFails(t, append(args("second"), "--state", t.TempDir())...)
	require.Equal(t, cli.ExitUsage, code, text)
	require.Contains(t, text, "the key in $DUNAMIS_BITMEX_KEY is in use by session doubt: a key has one session at a time")

	mustPaper(t, "clear", "doubt", "--state", v.state)
	soon(t, v.state, "doubt", "it trades", func(l looked) bool { return l.Open > 0 && l.Tripped == "" })
	mustPaper(t, "kill", "doubt", "--wait", "60s", "--state", v.state)
	require.Equal(t, []string{"hand-stop"}, others(), "the order of others is still there")
	hand("hand-late")
	soon(t, v.state, "doubt", "it says so", func(l looked) bool { return len(l.Differences) == 3 })
	p.suspend()
	require.Len(t, others(), 2)
	again(t, "backtest", v.state, "doubt")

	p = begin(t, v.state, args("beside", "--ignore-others")...)
	p.line()
	soon(
		t,
		v.state,
		"beside",
		"it trades",
		func(l looked) bool { return l.Open > 0 && l.Tripped == "" && len(l.Differences) == 0 },
	)
	p.suspend()
	require.Len(t, others(), 2)

	p = begin(t, v.state, args("over", "--adopt")...)
	p.line()
	soon(
		t,
		v.state,
		"over",
		"it trades",
		func(l looked) bool { return l.Open > 2 && l.Tripped == "" && len(l.Differences) == 0 },
	)
	p.suspend()
	require.Empty(t, others(), "they were cancelled with its own")

	_, text = paperFails(t, append(v.args("both", "--adopt", "--ignore-others"), "--state", v.state)...)
	require.Contains(t, text, "--adopt and --ignore-others exclude each other")
	names, err := filepath.Glob(filepath.Join(stateHome(t), "dunamis", "keys-in-use", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		require.NotContains(t, name+read(t, name), v.key, "the key is nowhere")
	}
}

// stateHome is where the state of the user who runs the tests is.
func stateHome(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	return filepath.Join(home, ".local", "state")
}

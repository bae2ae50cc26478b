//go:build unix

package cli_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/secret"
)

// absurdRows are rows of the market that no venue can mean.
var absurdRows = []string{
	`{"table":"instrument","action":"update","data":[{"symbol":"XBTUSD","markPrice":1e-8}]}`,
	`{"table":"trade","action":"insert","data":[{"symbol":"XBTUSD","side":"Buy","size":100,"price":0}]}`,
	`{"table":"trade","action":"insert","data":[{"symbol":"XBTUSD","side":"Buy","size":9223372036854775807,` +
		`"price":30000}]}`,
}

// A paper session on the prices of a venue, and a server of them with its accounts, live
// through rows that cannot be right. Each row is in the log, and the gap is told.
func TestAbsurdPrices(t *testing.T) {
	racetest.Once(t)
	v := newLiveVenue(t, "--speed", "20")
	way := newLine(t, v.address)
	p := begin(t, v.state, append([]string{"run", "--session", "s", "--feed", "bitmex", "--live-url", way.URL,
		"--latency", "5ms"}, busyMaker...)...)
	p.line()
	server := begin(t, v.state, "serve", "--live", "bitmex", "--live-url", way.URL, "--listen", "127.0.0.1:0")
	address := strings.TrimSuffix(strings.Fields(server.line())[1], "/api/v1")
	policy := live.DefaultPolicy()
	client, err := bitmex.NewClient(bitmex.Config{URL: address, Key: v.key, Secret: secret.New(v.secret), Policy: policy})
	require.NoError(t, err)
	defer client.Close()
	_, err = client.Place(t.Context(), bitmex.NewOrder{Symbol: "XBTUSD", Side: "Buy", OrderQty: 100, OrdType: "Market"})
	require.NoError(t, err)
	trades := func(what string) {
		t.Helper()
		before := look(t, v.state, "s")
		soon(t, v.state, "s", what, func(l looked) bool { return l.Events > before.Events+50 && l.Orders > before.Orders })
	}
	trades("it trades")
	for _, row := range absurdRows {
		refused := func(p *process) int { return strings.Count(read(t, p.stderr), "market row refused") }
		session, served := refused(p), refused(server)
		require.Eventually(t, func() bool { // either may still be on its way back
			if refused(p) == session || refused(server) == served {
				way.say(t.Context(), marketSocket, row)
			}
			return refused(p) > session && refused(server) > served
		}, time.Minute, time.Second, row)
		trades("it goes on")
	}
	require.GreaterOrEqual(t, look(t, v.state, "s").GapCount, int64(len(absurdRows)))
	rows, err := client.Positions(t.Context(), bitmex.Query{})
	require.NoError(t, err)
	require.EqualValues(t, 100, *rows[0].CurrentQty, "the accounts of the server are as they were")
	p.suspend()
	again(t, "backtest", v.state, "s")
}

// absurdPosition is a row of an account that cannot be right.
const absurdPosition = `{"table":"position","action":"update","data":[{"symbol":"XBTUSD","currency":"XBt",` +
	`"currentQty":9000000000000000000}]}`

// Rows of a live account that cannot be right: the session cancels its orders, gives no new
// ones until it is cleared, and lives.
func TestAbsurdAccount(t *testing.T) {
	racetest.Once(t)
	v := newLiveVenue(t, "--speed", "20")
	way := newLine(t, v.address)
	// A strategy whose position is one order: the one that closes it passes.
	p := beginAs(t, "paper-desk", "run", "--state", v.state, "--session", "s", "--mode", "live", "--feed", "bitmex",
		"--live-url", way.URL, "--symbol", "XBTUSD",
		"--strategy", "nag", "--max-order", "1000", "--max-position", "20000", "--max-daily-loss", "1 XBT",
		"--max-orders-per-minute", "6000",
		"--unattended", "--quiet")
	p.line()
	for n, row := range []string{
		absurdPosition,
		`{"table":"execution","action":"insert","data":[{"execID":"x","orderID":"y","clOrdID":"z","symbol":"XBTUSD",` +
			`"side":"Buy","execType":"Trade",` +
			`"ordStatus":"Filled","ordType":"Limit","orderQty":1,"lastQty":9000000000000000000,"lastPx":30000,"timestamp":"` +
			"%s" + `"}]}`,
	} {
		before := look(t, v.state, "s")
		soon(t, v.state, "s", "it trades",
			func(l looked) bool { return l.Orders > before.Orders+3 && l.Open > 0 && l.Tripped == "" })
		way.say(t.Context(), accountSocket, strings.Replace(row, "%s", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
			1))
		p.says("account row refused", n+1)
		soon(t, v.state, "s", "it is in doubt",
			func(l looked) bool { return l.Tripped == engine.RuleDifference && l.Open == 0 })
		require.Eventually(t, func() bool { return v.open() == 0 }, time.Minute, 50*time.Millisecond,
			"nothing is open on the venue")
		seen, position := v.steady()
		before = look(t, v.state, "s")
		soon(t, v.state, "s", "it lives", func(l looked) bool { return l.Events > before.Events+50 })
		v.requireClosing(seen, position)
		mustPaper(t, "clear", "s", "--state", v.state)
	}
	p.suspend()
	again(t, "backtest-desk", v.state, "s")
}

// steady returns the number of executions on the venue, and the position that they came to.
func (v *liveVenue) steady() (executions int, position int64) {
	v.t.Helper()
	require.Eventually(v.t, func() bool {
		executions = len(v.executions())
		position = v.held()
		return len(v.executions()) == executions
	}, time.Minute, 10*time.Millisecond)
	return executions, position
}

// requireClosing requires that each order since reduced the position of its time, and none turned it.
func (v *liveVenue) requireClosing(since int, position int64) {
	v.t.Helper()
	rows := v.executions()
	for n := range rows[since:] {
		e := &rows[since+n]
		signed := map[string]int64{"Buy": 1, "Sell": -1}[e.Side]
		switch e.ExecType {
		case "New":
			require.Negative(v.t, signed*position, "%s %d at a position of %d", e.Side, *e.OrderQty, position)
			require.LessOrEqual(v.t, *e.OrderQty, max(position, -position))
		case "Trade":
			position += signed * *e.LastQty
		}
	}
}

// The panic of a strategy is an error that names it, the symbol and the time, and no wrong
// usage; its trace is in a file.
func TestStrategyPanics(t *testing.T) {
	for how, want := range map[string]string{
		"panic": "strategy fault panicked at 2019-01-01T01:40:00Z, at the event bitmex:XBTUSD 2019-01-01T01:39:00Z bar",
		"index": "strategy fault panicked at 2019-01-01T01:40:00Z, at the event bitmex:XBTUSD 2019-01-01T01:39:00Z bar",
		"init-panic": "strategy fault panicked at 2019-01-01T00:00:00Z, at the start: no weights at all (in " +
			"cli_test.(*faulty).Init, sweep_fault_test.go:",
		"new-panic": "strategy fault panicked when it was made: no such model (in cli_test.faultDefinition.func",
	} {
		t.Run(how, func(t *testing.T) {
			var out, errs bytes.Buffer
			t.Setenv("TMPDIR", t.TempDir())
			app := newApp(append([]string{"run"}, faultArgs(t, filepath.Join(t.TempDir(), "run"), "how="+how)...), &out, &errs)
			app.Strategies = []engine.Definition{faultDefinition(nil)}
			require.Equal(t, cli.ExitFailed, app.Run(t.Context()), errs.String())
			require.Contains(t, errs.String(), "backtest: "+want)
			require.NotContains(t, errs.String(), "goroutine")
			last := strings.TrimSpace(errs.String())
			_, file, found := strings.Cut(last, "; the trace is in ")
			require.True(t, found, last)
			require.Contains(t, read(t, file), "goroutine")
			require.Contains(t, read(t, file), "sweep_fault_test.go")
		})
	}
}

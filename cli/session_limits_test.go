//go:build unix

package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/internal/racetest"
)

// limitsOf are the limits of a session, as paper limits tells them.
func limitsOf(t *testing.T, state, name string) (l map[string]string) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(mustPaper(t, "limits", name, "--json", "--state", state)), &l))
	return l
}

// The limits of a session can be made stricter while it runs and when it goes on, and looser
// only on purpose; its replay agrees.
func TestLimitsOfASession(t *testing.T) {
	racetest.Once(t)
	v := newLiveVenue(t, "--speed", "20")
	p := begin(t, v.state, v.args("s")...)
	p.line()
	soon(t, v.state, "s", "it trades", func(l looked) bool { return l.Fills > 0 })
	begun := map[string]string{"max-order": "1000", "max-position": "20000", "max-daily-loss": "1 XBT",
		"max-orders-per-minute": "6000"}
	require.Equal(t, begun, limitsOf(t, v.state, "s"))
	for _, c := range []struct {
		want string
		args []string
	}{
		{`--max-order 1500 is looser than the 1000 in force: --raise-limits lets it through`,
			[]string{"--max-order", "1500"}},
		{`--max-daily-loss 2 XBT is looser than the 1 XBT in force`,
			[]string{"--max-order", "500", "--max-daily-loss", "2 XBT"}},
		{`--max-position 0 is looser than the 20000 in force`, []string{"--max-position", "0"}},
		{`--mode live needs limits: leave --max-order or --max-order-value`, []string{"--max-order", "0", "--raise-limits"}},
		{`--max-order must not be negative`, []string{"--max-order", "-1"}},
	} {
		code, text := paperFails(t, append([]string{"limits", "s", "--state", v.state}, c.args...)...)
		require.Equal(t, cli.ExitUsage, code, text)
		require.Contains(t, text, c.want)
	}
	require.Equal(t, begun, limitsOf(t, v.state, "s"), "nothing of what was refused is in force")

	mustPaper(t, "limits", "s", "--max-order", "999", "--max-staleness", "1h", "--state", v.state)
	p.says(`"rule":"order-qty"`, 1)
	sent := rowsOf(t, openBooks(t, v.state, "s"),
		"SELECT count(*) FROM commands WHERE kind = 'submit' AND data NOT LIKE '%ReduceOnly%'", -1)
	p.says(`"reason":"1000 contracts, limit 999","times":64`, 1)
	require.Equal(t, sent,
		rowsOf(t, openBooks(t, v.state, "s"),
			"SELECT count(*) FROM commands WHERE kind = 'submit' AND data NOT LIKE '%ReduceOnly%'", -1), "no order passes")
	stricter := map[string]string{"max-order": "999", "max-staleness": "1h0m0s", "max-position": "20000",
		"max-daily-loss": "1 XBT", "max-orders-per-minute": "6000"}
	require.Equal(t, stricter, limitsOf(t, v.state, "s"))
	require.Contains(t, mustPaper(t, "status", "s", "--state", v.state),
		"max-order 999, max-position 20000, max-orders-per-minute 6000")
	require.NoError(t, os.WriteFile(filepath.Join(v.state, "sessions", "s", "control", "limits.1"), []byte("{"), 0o600))
	p.says("a request for limits cannot be read", 1)
	p.suspend()
	code, text := paperFails(t, "limits", "s", "--max-order", "10", "--state", v.state)
	require.Equal(t, cli.ExitUsage, code, text)
	require.Contains(t, text, "session s does not run; paper run --session s changes limits by the same flags")

	// The command with which it was begun does not take it back.
	p = begin(t, v.state, v.args("s", "--max-position", "5000")...)
	require.Contains(t, p.line(), "limit max-order 999 stays in force")
	p.line()
	stricter["max-position"] = "5000"
	soon(t, v.state, "s", "it goes on", func(l looked) bool { return l.Status == "running" && l.Tripped == "" })
	require.Eventually(t, func() bool { return limitsOf(t, v.state, "s")["max-position"] == "5000" }, time.Minute,
		50*time.Millisecond)
	require.Equal(t, stricter, limitsOf(t, v.state, "s"))
	p.suspend()
	code, text = paperFails(t, append(v.args("s", "--max-order", "1001"), "--state", v.state)...)
	require.Equal(t, cli.ExitUsage, code, text)
	require.Contains(t, text, "--max-order 1001 is looser than the 999 in force")

	before := look(t, v.state, "s").Orders
	p = begin(t, v.state, "run", "--session", "s", "--unattended", "--quiet", "--max-order", "1000", "--raise-limits")
	p.line()
	soon(t, v.state, "s", "orders pass again", func(l looked) bool { return l.Orders > before })
	require.Equal(t, "1000", limitsOf(t, v.state, "s")["max-order"])
	p.suspend()
	v.compare("s")
	again(t, "backtest", v.state, "s")
}

//go:build unix

package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/strategies"
)

// A binary adds a venue, and every command knows it.
func TestVenueOfABinary(t *testing.T) {
	racetest.Once(t)
	state := t.TempDir()
	maker := []string{"--feed", "desk", "--symbol", "COIN", "--strategy", "grid_maker", "--param", "qty=1000,spacing=10",
		"--param", "limit=10000", "--quiet"}
	limits := []string{"--max-order", "1000", "--max-position", "20000", "--max-daily-loss", "1 XBT", "--max-orders-per-minute", "6000"}
	args := func(command string, more ...[]string) []string {
		return append([]string{command, "--state", state}, slices.Concat(more...)...)
	}
	interrupt := func(p *process) {
		require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
		require.Contains(t, p.end(), "is suspended")
	}

	_, err := exec.Command("paper", args("run", maker)...).Output()
	require.ErrorContains(t, err, "exit status 2", "without it, it is not known")
	out, err := exec.Command("paper-desk", args("doctor", maker, limits, []string{"--mode", "live"})...).CombinedOutput()
	require.Error(t, err)
	require.Regexp(t, `FAILED +key +.*DESK_TOKEN is not set`, string(out))
	t.Setenv("DESK_TOKEN", "sesame")
	out, err = exec.Command("paper-desk", args("doctor", maker, limits, []string{"--mode", "live"})...).CombinedOutput()
	require.NoError(t, err, string(out))
	for _, line := range []string{`ok +prices +from desk`, `ok +key +\$DESK_TOKEN is set`, `ok +connection +the venue knows COIN, and answers in 1ms`, `ok +clock`, `ok +permissions +the key may place orders`} {
		require.Regexp(t, line, string(out))
	}

	p := beginAs(t, "paper-desk", args("record", []string{"--session", "heard", "--feed", "desk", "--symbol", "COIN", "--quiet"})...)
	p.line()
	soonAs(t, "paper-desk", state, "heard", "it hears", func(l looked) bool { return l.Events > 100 })
	interrupt(p)

	for _, mode := range []string{"paper", "live"} {
		run := args("run", maker, limits, []string{"--session", mode, "--mode", mode, "--unattended"})
		p = beginAs(t, "paper-desk", run...)
		require.Contains(t, p.line(), "grid_maker on desk:COIN, prices from desk")
		soonAs(t, "paper-desk", state, mode, "it trades", func(l looked) bool { return l.Fills > 2 && l.Tripped == "" })
		interrupt(p)
		require.Empty(t, lookAs(t, "paper-desk", state, mode).Differences)
		out, err := exec.Command("backtest-desk", "replay", filepath.Join(state, "sessions", mode), "--no-report").CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "no difference")
	}
	require.Zero(t, lookAs(t, "paper-desk", state, "live").Open, "it took its orders with it")

	served := beginAs(t, "paper-desk", args("serve", []string{"--live", "desk", "--symbol", "COIN", "--listen", "127.0.0.1:0"})...)
	require.Contains(t, served.line(), "serving http://")
}

// A venue that commands could not use is refused at once.
func TestVenuesAreChecked(t *testing.T) {
	whole := deskVenue()
	for want, change := range map[string]func(*cli.Venue){
		"want a name of letters":             func(v *cli.Venue) { v.Name = "two words" },
		"that nothing else has":              func(v *cli.Venue) { v.Name = "synthetic" },
		"it needs a feed and an examination": func(v *cli.Venue) { v.Feed = nil },
		"needs the name of the variables":    func(v *cli.Venue) { v.Env = "" },
		"instruments of desk: no such contract": func(v *cli.Venue) {
			v.Instruments = func(*exchange.Instruments) error { return fmt.Errorf("no such contract") }
		},
		"desk takes no orders": func(v *cli.Venue) { v.Account = nil },
	} {
		var errs bytes.Buffer
		app := &cli.App{Command: "paper", Stdout: new(bytes.Buffer), Stderr: &errs, Strategies: strategies.All(), Now: time.Now,
			Args: []string{"run", "--state", t.TempDir(), "--mode", "live", "--feed", "desk", "--symbol", "COIN", "--strategy", "buy_and_hold"}}
		v := whole
		change(&v)
		cli.WithVenue(v)(app)
		require.NotZero(t, app.Run(t.Context()))
		require.Contains(t, errs.String(), want)
	}
}

//go:build unix

package cli_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/session"
)

// process is a command that runs beside the test.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *bufio.Reader
	stderr string // a file
}

func begin(t *testing.T, state string, args ...string) *process {
	t.Helper()
	return beginAs(t, "paper", append(args, "--state", state)...)
}

func beginAs(t *testing.T, program string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(program, args...), stderr: filepath.Join(t.TempDir(), "stderr")}
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	stderr, err := os.Create(p.stderr)
	require.NoError(t, err)
	p.out, p.cmd.Stderr = bufio.NewReader(out), stderr
	require.NoError(t, p.cmd.Start())
	require.NoError(t, stderr.Close())
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

// line returns the next line that it prints.
func (p *process) line() string {
	p.t.Helper()
	text, err := p.out.ReadString('\n')
	require.NoError(p.t, err, read(p.t, p.stderr))
	return strings.TrimSpace(text)
}

// end waits for its end and returns the last line.
func (p *process) end() (last string) {
	p.t.Helper()
	for {
		text, err := p.out.ReadString('\n')
		if err != nil {
			break
		}
		last = strings.TrimSpace(text)
	}
	require.NoError(p.t, p.cmd.Wait(), read(p.t, p.stderr))
	return last
}

func mustPaper(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("paper", args...).CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

// looked is what paper status --json shows.
type looked struct {
	Status    string
	Tripped   string
	Events    int64
	Fills     int64
	Orders    int64
	Open      int64 `json:"open_orders"`
	GapCount  int64 `json:"gap_count"`
	Gaps      []session.Gap
	Positions []struct{ Qty int64 }

	Differences []struct{ Text string }
	Pursuit     *struct {
		Confirmed *string
		Orders    []struct{}
	}
}

func look(t *testing.T, state, name string) looked {
	t.Helper()
	return lookAs(t, "paper", state, name)
}

func lookAs(t *testing.T, program, state, name string) (l looked) {
	t.Helper()
	out, err := exec.Command(program, "status", name, "--json", "--state", state).CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, json.Unmarshal(out, &l))
	return l
}

// soon waits until a session looks as it should.
func soon(t *testing.T, state, name, what string, is func(looked) bool) {
	t.Helper()
	soonAs(t, "paper", state, name, what, is)
}

func soonAs(t *testing.T, program, state, name, what string, is func(looked) bool) {
	t.Helper()
	ok := false
	for end := time.Now().Add(time.Minute); !ok && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		ok = is(lookAs(t, program, state, name))
	}
	require.True(t, ok, "%s: %+v", what, lookAs(t, program, state, name))
}

var busyMaker = []string{"--symbol", "XBTUSD", "--strategy", "grid_maker", "--param", "qty=1000,spacing=10",
	"--param", "limit=10000", "--quiet"}

// The kill switch by signal, by command and by file; flattening at the end.
func TestOperateASession(t *testing.T) {
	racetest.Once(t)
	state := t.TempDir()
	p := begin(t, state, append([]string{"run", "--session", "s", "--feed", "synthetic", "--speed", "60"}, busyMaker...)...)
	p.line()
	soon(t, state, "s", "it trades", func(l looked) bool { return l.Fills > 0 && l.Status == "running" })
	_, err := exec.Command("paper", "run", "--session", "s", "--state", state).Output()
	var failed *exec.ExitError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, 2, failed.ExitCode())
	require.Contains(t, string(failed.Stderr), "another process runs the session")

	stopped := func(l looked) bool { return l.Tripped == "kill-switch" && l.Open == 0 }
	trades := func(l looked) bool { return l.Tripped == "" && l.Open > 0 }
	for name, kill := range map[string]func(){
		"signal":  func() { require.NoError(t, p.cmd.Process.Signal(syscall.SIGUSR1)) },
		"command": func() { mustPaper(t, "kill", "s", "--state", state) },
		"file": func() {
			require.NoError(t, os.WriteFile(filepath.Join(state, "sessions", "s", "control", "kill"), nil, 0o600))
		},
	} {
		kill()
		soon(t, state, "s", name, stopped)
		mustPaper(t, "clear", "s", "--state", state)
		soon(t, state, "s", "clear after "+name, trades)
	}
	mustPaper(t, "stop", "s", "--flatten", "--state", state)
	require.Contains(t, p.end(), "session s has ended")
	l := look(t, state, "s")
	require.Equal(t, "ended", l.Status)
	require.Zero(t, l.Positions[0].Qty)
	out, err := exec.Command("backtest", "replay", filepath.Join(state, "sessions", "s"), "--no-report").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "no difference")
}

// A session on live prices, from a gateway: interrupted, killed, and gone on with.
func TestLiveSession(t *testing.T) {
	racetest.Once(t)
	state := t.TempDir()
	venue := begin(t, state, "serve", "--synthetic", "--listen", "127.0.0.1:0")
	address := strings.Fields(venue.line())[1]
	address = strings.TrimSuffix(address, "/api/v1")
	require.Contains(t, mustPaper(t, append([]string{"doctor", "--state", state, "--session", "s", "--feed", "bitmex", "--live-url", address}, busyMaker...)...), "the venue knows XBTUSD")

	p := begin(t, state, append([]string{"run", "--session", "s", "--feed", "bitmex", "--live-url", address}, busyMaker...)...)
	p.line()
	soon(t, state, "s", "it places orders", func(l looked) bool { return l.Open > 0 })
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	require.Contains(t, p.end(), "is suspended, and goes on with the same command")

	for n := int64(1); n <= 2; n++ {
		before := look(t, state, "s")
		require.Equal(t, "suspended", before.Status)
		p = begin(t, state, "run", "--session", "s")
		p.line()
		soon(t, state, "s", "it goes on", func(l looked) bool { return l.Events > before.Events+50 && l.GapCount == n })
		if n == 1 {
			require.NoError(t, p.cmd.Process.Kill())
			_ = p.cmd.Wait()
		}
	}
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	require.Contains(t, p.end(), "is suspended")
	out, err := exec.Command("backtest", "replay", filepath.Join(state, "sessions", "s"), "--no-report").CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "no difference")

	catalog := filepath.Join(t.TempDir(), "catalog")
	require.Contains(t, mustPaper(t, "export", "s", "--catalog", catalog, "--state", state), "bitmex/book/XBTUSD")
	out, err = exec.Command("backtest", "data", "verify", "--catalog", catalog).CombinedOutput()
	require.NoError(t, err, string(out))

	// What it heard is a market for a session that is not live.
	require.Contains(t, mustPaper(t, append([]string{"run", "--state", state, "--session", "again", "--feed", "session:s", "--speed", "max", "--latency", "5ms"}, busyMaker...)...), "has ended")
	out, err = exec.Command("backtest", "replay", filepath.Join(state, "sessions", "again"), "--no-report").CombinedOutput()
	require.NoError(t, err, string(out))
	bad, err := exec.Command("paper", append([]string{"run", "--state", state, "--session", "bad", "--feed", "session:s", "--latency", "feed"}, busyMaker...)...).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(bad), "give a time, such as 5ms")
	require.NoError(t, venue.cmd.Process.Signal(os.Interrupt))
	venue.end()
}

// Bars of a catalog are replayed at a pace, exported, and the same again.
func TestReplayedBars(t *testing.T) {
	racetest.Once(t)
	catalog, _ := history(t, "2019-01-01", 48*time.Hour, "bar-1m")
	state := t.TempDir()
	args := []string{"run", "--state", state, "--feed", "replay", "--catalog", catalog, "--symbol", "XBTUSD",
		"--strategy", "sma_cross", "--param", "bars=1m", "--param", "qty=1000",
		"--param", "fast=10", "--param", "slow=30", "--quiet", "--session"}
	require.Contains(t, mustPaper(t, append(args, "max", "--speed", "max")...), "has ended")
	require.Contains(t, mustPaper(t, append(args, "paced", "--speed", "200000")...), "has ended")
	digest := func(name string) string {
		out, err := exec.Command("backtest", "replay", filepath.Join(state, "sessions", name), "--no-report").CombinedOutput()
		require.NoError(t, err, string(out))
		_, rest, ok := strings.Cut(string(out), "digest sha256:")
		require.True(t, ok)
		return rest[:64]
	}
	require.Equal(t, digest("max"), digest("paced"))
	require.Contains(t,
		mustBacktest(t, "run", "--catalog", catalog, "--symbol", "XBTUSD", "--strategy", "sma_cross", "--param", "bars=1m",
			"--param", "qty=1000", "--param", "fast=10",
			"--param", "slow=30", "--no-report"), digest("max"))
	other := filepath.Join(t.TempDir(), "other")
	require.Contains(t, mustPaper(t, "export", "paced", "--catalog", other, "--state", state), "bitmex/bar-1m/XBTUSD  2880 rows")
	require.Contains(t,
		mustBacktest(t, "run", "--catalog", other, "--symbol", "XBTUSD", "--strategy", "sma_cross", "--param", "bars=1m",
			"--param", "qty=1000", "--param", "fast=10",
			"--param", "slow=30", "--no-report"), digest("max"))
}

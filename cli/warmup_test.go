package cli_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
)

func warmRun(t *testing.T, args ...string) (r reports.Result) {
	t.Helper()
	out := mustBacktest(
		t,
		append([]string{"run", "--symbol", "XBTUSD", "--strategy", "sma_cross", "--json", "--no-report"}, args...)...)
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	return r
}

// With the history that it needs a strategy trades at once: the average of 100 bars of an hour
// is there when the run begins. Results begin with the run.
func TestWarmupOfARun(t *testing.T) {
	catalog, _ := history(t, "2019-01-01", 10*24*time.Hour, "bar-1m")
	args := []string{
		"--catalog", catalog, "--param", "bars=1h,fast=20,slow=100", "--from", "2019-01-06", "--to", "2019-01-08",
	}
	cold := warmRun(t, args...)
	warmed := warmRun(t, append(args, "--warmup", "5d")...)
	require.Zero(t, cold.Counts.Fills, "a hundred hours are more than two days")
	require.Positive(t, warmed.Counts.Fills)
	require.Equal(t, cold.Run.Start, warmed.Run.Start)
	require.Equal(t, cold.Run.End, warmed.Run.End)
	require.Equal(t, cold.Counts.Samples, warmed.Counts.Samples)
	require.Equal(t, cold.Counts.Events, warmed.Counts.Events)
	require.EqualValues(t, 5*24*60, warmed.Counts.Other["warmup_events"])
	require.Empty(t, warmed.Warnings[1:], "funding alone: %v", warmed.Warnings)

	// auto is what the strategy asks for: 100 hours.
	auto := warmRun(t, append(args, "--warmup", "auto")...)
	require.EqualValues(t, 100*60, auto.Counts.Other["warmup_events"])
	require.Positive(t, auto.Counts.Fills)

	// Without --from the beginning of the data is the history.
	first := warmRun(
		t, "--catalog", catalog, "--param", "bars=1h,fast=20,slow=100", "--to", "2019-01-08", "--warmup", "120h",
	)
	require.Equal(t, warmed.Digest, first.Digest)
	require.Equal(t, warmed.Run.From, first.Run.From)

	// Less than was asked for is said.
	short := warmRun(t, append(args, "--warmup", "30d")...)
	require.Contains(
		t,
		strings.Join(short.Warnings, "\n"),
		"the warm-up is shorter than the 720h0m0s asked for: the data begin at 2019-01-01T00:00:00Z",
	)

	for _, bad := range []string{"soon", "-1d", "4000d", "99999999d", "d"} {
		code, _, stderr := backtest(
			t,
			append([]string{"run", "--symbol", "XBTUSD", "--strategy", "sma_cross", "--warmup", bad}, args...)...)
		require.Equal(t, cli.ExitUsage, code, bad)
		require.Contains(t, stderr, "want a time such as 30d or 36h, up to 3660d, or auto")
	}
	code, _, stderr := backtest(
		t, "run", "--symbol", "XBTUSD", "--strategy", "sma_cross", "--catalog", catalog, "--from", "2019-01-01",
		"--warmup", "1h",
	)
	require.Equal(t, cli.ExitData, code)
	require.Contains(t, stderr, "--warmup: no data")
}

// The page's configuration gives the result again, warm-up included.
func TestWarmupIsInTheManifest(t *testing.T) {
	catalog, _ := history(t, "2019-01-01", 3*24*time.Hour, "bar-1m")
	dir := filepath.Join(t.TempDir(), "run")
	mustBacktest(
		t, "run", "--catalog", catalog, "--symbol", "XBTUSD", "--strategy", "sma_cross", "--param", "bars=5m", "--from",
		"2019-01-02", "--warmup", "1d", "--out", dir,
	)
	require.Contains(t, read(t, filepath.Join(dir, "manifest.json")), `"warmup": "1d"`)
}

// A session is warmed up by the catalog, keeps what it heard, goes on with it and repeats itself
// when the catalog is gone.
func TestWarmupOfASession(t *testing.T) {
	catalog, _ := history(t, "2019-01-01", 8*24*time.Hour, "bar-1m")
	state := t.TempDir()
	run := []string{
		"run", "--state", state, "--feed", "replay", "--catalog", catalog, "--symbol", "XBTUSD", "--strategy",
		"sma_cross", "--param", "bars=1h,fast=20,slow=100", "--from", "2019-01-06", "--to", "2019-01-07", "--warmup",
		"auto", "--speed", "max", "--quiet",
	}
	require.Contains(t, mustPaper(t, run...), "session xbtusd-sma_cross has ended")
	l := look(t, state, "xbtusd-sma_cross")
	require.Positive(t, l.Fills)
	require.EqualValues(t, 24*60, l.Events, "the history is not in the journal")
	digest := regexp.MustCompile(`digest sha256:[0-9a-f]{64}`)
	backtested := mustBacktest(t, "run", "--catalog", catalog, "--symbol", "XBTUSD", "--strategy", "sma_cross", "--param",
		"bars=1h,fast=20,slow=100", "--from", "2019-01-06", "--to", "2019-01-07", "--warmup", "auto", "--no-report")
	require.NoError(t, os.RemoveAll(catalog))
	out, err := exec.Command("backtest", "replay", filepath.Join(state, "sessions", "xbtusd-sma_cross"), "--no-report").
		CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, digest.FindString(backtested), digest.FindString(string(out)))

	// A damaged history is said, and not traded on.
	file := filepath.Join(state, "sessions", "xbtusd-sma_cross", "warmup.events")
	text := read(t, file)
	head, _, _ := strings.Cut(text, "\n")
	absurd := exchange.BarEvent(exchange.Bar{End: exchange.Time(time.Minute), Open: 1, High: 1, Low: 1, Close: 1,
		Volume: 100})
	stranger := absurd
	stranger.Symbol = 200
	for _, damaged := range []string{
		text[:len(text)-3],
		head + "\n" + string(exchange.AppendEvent(nil, &absurd, &exchange.Event{})),
		head + "\n" + string(exchange.AppendEvent(nil, &stranger, &exchange.Event{})),
		"{}" + text[len(head):],
		strings.Repeat("x", 100_000),
		"",
	} {
		require.NoError(t, os.WriteFile(file, []byte(damaged), 0o600))
		out, err = exec.Command("backtest", "replay", filepath.Join(state, "sessions", "xbtusd-sma_cross"), "--no-report").
			CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "warmup.events: damaged")
	}
}

// A session that hears a generated or a live market needs a catalog for its history, and one
// that cannot be warmed up is not begun.
func TestWarmupNeedsACatalog(t *testing.T) {
	state := t.TempDir()
	out, err := exec.Command("paper", "run", "--state", state, "--feed", "synthetic", "--symbol", "XBTUSD", "--strategy",
		"sma_cross",
		"--warmup", "auto").
		CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "--warmup needs --catalog, which has the history")
	require.NotContains(t, mustPaper(t, "list", "--state", state), "xbtusd")

	catalog, _ := history(t, "2023-12-20", 12*24*time.Hour, "bar-1m")
	warmed := mustPaper(
		t, "run", "--state", state, "--feed", "synthetic", "--from", "2024-01-01", "--to", "2024-01-01T00:01:00Z",
		"--symbol", "XBTUSD", "--strategy", "sma_cross", "--param", "bars=1h,slow=50", "--warmup", "auto", "--catalog",
		catalog, "--speed", "max", "--quiet",
	)
	require.Contains(t, warmed, "has ended")
}

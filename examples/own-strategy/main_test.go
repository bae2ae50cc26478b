package main_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCommandKnowsTheStrategy(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "own")
	out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput()
	require.NoError(t, err, string(out))

	out, err = exec.Command(bin, "strategies", "momentum").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "momentum  Follows the direction of the last bars")

	out, err = exec.Command(bin, "demo", "--strategy", "momentum", "--param", "size=25%", "--json", "--no-report").Output()
	require.NoError(t, err)
	var result struct {
		Run     struct{ Strategy string }
		Counts  struct{ Fills, Rejected, Refused, Liquidations int }
		Metrics struct {
			TotalReturn float64 `json:"total_return"`
		}
	}
	require.NoError(t, json.Unmarshal(out, &result))
	require.Equal(t, "momentum", result.Run.Strategy)
	require.Greater(t, result.Counts.Fills, 10)
	require.Zero(t, result.Counts.Rejected+result.Counts.Refused)
	require.Greater(t, result.Metrics.TotalReturn, -0.5, "a quarter of the equity is at risk")

	// The commands of paper are those of the same binary, under its own name.
	out, err = exec.Command(bin, "paper", "run", "--help").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "own paper run")
	require.NotContains(t, string(out), "backtest run")

	state := t.TempDir()
	out, err = exec.Command(bin, "paper", "run", "--state", state, "--feed", "synthetic", "--symbol", "XBTUSD",
		"--strategy",
		"momentum", "--to", "2024-01-01T00:01:00Z", "--speed", "max", "--quiet").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "session xbtusd-momentum has ended")

	out, err = exec.Command(bin, "--help").Output()
	require.NoError(t, err)
	require.NotContains(t, strings.Split(string(out), "Exit codes")[0], "backtest")
}

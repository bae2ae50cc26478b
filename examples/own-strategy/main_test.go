package main_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCommandKnowsTheStrategy(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "own")
	out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput()
	require.NoError(t, err, string(out))

	out, err = exec.Command(bin, "strategies", "momentum").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "momentum  Follows the direction of the last bar")

	out, err = exec.Command(bin, "demo", "--strategy", "momentum", "--param", "qty=500", "--json", "--no-report").Output()
	require.NoError(t, err)
	var result struct {
		Run    struct{ Strategy string }
		Counts struct{ Fills int }
	}
	require.NoError(t, json.Unmarshal(out, &result))
	require.Equal(t, "momentum", result.Run.Strategy)
	require.Greater(t, result.Counts.Fills, 100)
}

//go:build unix

package reports

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

const killedDir = "DUNAMIS_TEST_RUN_TO_KILL"

// TestRunToKill is the process that TestKill kills; by itself it does nothing.
func TestRunToKill(t *testing.T) {
	dir := os.Getenv(killedDir)
	if dir == "" {
		t.Skip("only for TestKill")
	}
	m := scripted(t, dir)
	for range 300_000 {
		m.wait(1000) // enough for whole row groups
	}
	fmt.Println("ready")
	select {}
}

func TestKill(t *testing.T) {
	dir := t.TempDir()
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRunToKill$", "-test.v")
	c.Env = append(os.Environ(), killedDir+"="+dir)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "ready"; {
		require.NotContains(t, lines.Text(), "FAIL")
	}
	_, err = Create(dir, testOptions(t, &model{}, 1000))
	require.ErrorContains(t, err, "another run is writing")
	require.NoError(t, c.Process.Kill())
	require.Error(t, c.Wait())

	m, err := ReadManifest(dir)
	require.NoError(t, err)
	require.Equal(t, Running, m.Status)
	_, err = ReadResult(dir)
	var unfinished *UnfinishedError
	require.ErrorAs(t, err, &unfinished)

	// The next run takes the directory over.
	scripted(t, dir).finish()
	_, err = ReadResult(dir)
	require.NoError(t, err)
}

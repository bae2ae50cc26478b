//go:build unix

package cli_test

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ends runs a command that must end by itself, and returns what it printed. A command that
// blocks would do so for ever; the limit leaves time for a machine with much else to do.
func ends(t *testing.T, env []string, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, program, args...)
	c.Env = append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	require.NoError(t, ctx.Err(), "%s %v does not end\n%s", program, args, out)
	return string(out), err
}

const fewBars = `timestamp,symbol,open,high,low,close,trades,volume,vwap,lastSize,turnover,homeNotional,foreignNotional
2020-01-01T00:01:00.000Z,XBTUSD,7163,7163.5,7162.5,7163,24,96868,7162.8107,1500,1352444161,13.52444161,96868
2020-01-01T00:02:00.000Z,XBTUSD,7163,7163,7156,7156,2418,2237930,7159.7337,5,31258718411,312.58718411,2237930
2020-01-01T00:03:00.000Z,XBTUSD,7156,7160,7155,7159,100,1000,7158,5,13970383,0.13970383,1000
`

// fewRuns makes a catalog with a few bars and two finished runs.
func fewRuns(t *testing.T, dir string) (catalog string, runs []string) {
	t.Helper()
	bars := filepath.Join(dir, "XBTUSD-1m-bars.csv")
	require.NoError(t, os.WriteFile(bars, []byte(fewBars), 0o600))
	catalog = filepath.Join(dir, "catalog")
	out, err := ends(t, nil, "backtest", "data", "import", "--catalog", catalog, bars)
	require.NoError(t, err, out)
	for _, name := range []string{"one", "two"} {
		run := filepath.Join(dir, name)
		out, err := ends(t, nil, "backtest", "run", "--catalog", catalog, "--symbol", "XBTUSD", "--strategy",
			"buy_and_hold",
			"--param", "qty=10", "--out", run)
		require.NoError(t, err, out)
		runs = append(runs, run)
	}
	return catalog, runs
}

// onlyPart is the first part of a catalog.
func onlyPart(t *testing.T, catalog string) (found string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(catalog, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".parquet" {
			found = path
		}
		return err
	}))
	require.NotEmpty(t, found)
	return found
}

// Reading a pipe without a writer blocks for ever. Every command that reads a path which the
// user gives fails if a pipe is there.
func TestPipesAreNotRead(t *testing.T) {
	dir := t.TempDir()
	catalog, runs := fewRuns(t, dir)
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	replaced := func(path string) string { // by the pipe
		require.NoError(t, os.Rename(path, path+".was"))
		require.NoError(t, os.Link(pipe, path))
		t.Cleanup(func() { require.NoError(t, os.Rename(path+".was", path)) })
		return path
	}
	bars := []string{"run", "--catalog", catalog, "--symbol", "XBTUSD", "--strategy", "buy_and_hold", "--no-report"}
	with := func(more ...string) []string { return append(append([]string(nil), bars...), more...) }
	live := []string{"doctor", "--state", filepath.Join(dir, "state"), "--feed", "bitmex", "--live-url",
		"http://127.0.0.1:1",
		"--symbol", "XBTUSD", "--strategy", "buy_and_hold", "--param", "qty=10", "--mode", "live", "--webhook"}
	session := filepath.Join(dir, "state", "sessions", "s")
	require.NoError(t, os.MkdirAll(session, 0o700))
	require.NoError(t, os.Link(pipe, filepath.Join(session, "session.db")))
	for _, tt := range []struct {
		name, program string
		args, env     []string
		replace       func() string
	}{
		{name: "settings", args: with("-c", pipe)},
		{name: "models", args: with("--models", pipe)},
		{name: "instruments", args: with("--instruments", pipe)},
		{name: "recorded latency", args: with("--latency", "recorded:"+pipe)},
		{name: "import", args: []string{"data", "import", "--catalog", catalog, pipe}},
		{name: "a part", args: bars, replace: func() string {
			return replaced(onlyPart(t, catalog))
		}},
		{name: "manifest", args: []string{"report", runs[0]},
			replace: func() string { return replaced(filepath.Join(runs[0], "manifest.json")) }},
		{name: "result", args: []string{"report", runs[0]},
			replace: func() string { return replaced(filepath.Join(runs[0], "result.json")) }},
		{name: "a table", args: []string{"report", runs[0]},
			replace: func() string { return replaced(filepath.Join(runs[0], "equity.parquet")) }},
		{name: "compare", args: []string{"compare", runs[0], runs[1]},
			replace: func() string { return replaced(filepath.Join(runs[1], "manifest.json")) }},
		{name: "secret", program: "paper", args: live, env: []string{"DUNAMIS_BITMEX_KEY=k",
			"DUNAMIS_BITMEX_SECRET_FILE=" + pipe}},
		{name: "webhook", program: "paper", args: live, env: []string{"DUNAMIS_WEBHOOK_FILE=" + pipe}},
		{name: "session", program: "paper", args: []string{"status", "s", "--state", filepath.Join(dir, "state")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.replace != nil {
				tt.replace()
			}
			program := tt.program
			if program == "" {
				program = "backtest"
			}
			out, err := ends(t, tt.env, program, tt.args...)
			require.Error(t, err)
			require.Contains(t, out, "regular file")
		})
	}
}

// An output goes where a link leads, and into a pipe: neither is replaced by a file.
func TestOutputsKeepLinksAndPipes(t *testing.T) {
	dir := t.TempDir()
	_, runs := fewRuns(t, dir)
	target, link, pipe := filepath.Join(dir, "target.html"), filepath.Join(dir, "link.html"), filepath.Join(dir,
		"pipe.html")
	require.NoError(t, os.Symlink("target.html", link))
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))

	out, err := ends(t, nil, "backtest", "compare", "--html", link, runs[0], runs[1])
	require.NoError(t, err, out)
	_, err = os.Readlink(link)
	require.NoError(t, err, "it is no link any more")
	page, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Contains(t, string(page), "<html")

	read := make(chan []byte, 1)
	go func() {
		b, _ := os.ReadFile(pipe)
		read <- b
	}()
	out, err = ends(t, nil, "backtest", "compare", "--html", pipe, runs[0], runs[1])
	require.NoError(t, err, out)
	require.Equal(t, string(page), string(<-read))
	info, err := os.Lstat(pipe)
	require.NoError(t, err)
	require.Equal(t, os.ModeNamedPipe, info.Mode().Type())

	out, err = ends(t, nil, "backtest", "compare", "--html", "/dev/stdout", runs[0], runs[1])
	require.NoError(t, err, out)
	require.Contains(t, out, "<html")
	require.Contains(t, out, "what choosing the best is worth", "and the summary after it")
}

// What a killed process left of report.html is no stranger's file: the run can be written
// again, and the page too.
func TestWhatAKilledReportLeft(t *testing.T) {
	dir := t.TempDir()
	_, runs := fewRuns(t, dir)
	left := filepath.Join(runs[0], ".report.html.4711")
	require.NoError(t, os.WriteFile(left, []byte("<html"), 0o600))
	out, err := ends(t, nil, "backtest", "report", runs[0])
	require.NoError(t, err, out)
	require.NoFileExists(t, left)
}

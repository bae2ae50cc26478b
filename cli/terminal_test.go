package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/strategies"
)

// The question before real orders ends at the first interrupt, with the documented code.
func TestAnInterruptEndsTheQuestion(t *testing.T) {
	t.Setenv("DUNAMIS_BITMEX_KEY", "k")
	t.Setenv("DUNAMIS_BITMEX_SECRET", "s")
	state := t.TempDir()
	typed, keyboard := io.Pipe() // nothing is typed
	defer keyboard.Close()
	var errs output
	asked := make(chan struct{})
	out := &watched{until: "Type xbtusd-grid_maker to go on: ", seen: asked}
	app := &cli.App{
		Command: "paper",
		Args: []string{
			"run", "--state", state, "--mode", "live", "--feed", "bitmex", "--live-url", "http://127.0.0.1:1", "--symbol",
			"XBTUSD", "--strategy", "grid_maker", "--max-order", "100", "--max-position", "100", "--max-daily-loss",
			"0.1 XBT", "--max-orders-per-minute", "10",
		},
		Stdin:      typed,
		Stdout:     out,
		Stderr:     &errs,
		Strategies: strategies.All(),
		Now:        time.Now,
	}
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- app.Run(ctx) }()
	select {
	case <-asked:
	case code := <-ended:
		t.Fatalf("it ended with %d before the question: %s", code, errs.String())
	case <-time.After(20 * time.Second):
		t.Fatal("no question")
	}
	interrupt()
	select {
	case code := <-ended:
		require.Equal(t, cli.ExitInterrupted, code)
	case <-time.After(10 * time.Second):
		t.Fatal("the question goes on after an interrupt")
	}
	require.Equal(t, "interrupted\n", errs.String())
}

// watched closes a channel when a text has been written.
type watched struct {
	output
	until string
	seen  chan struct{}
	done  bool
}

func (w *watched) Write(b []byte) (int, error) {
	n, err := w.output.Write(b)
	if !w.done && strings.Contains(w.output.String(), w.until) {
		w.done = true
		close(w.seen)
	}
	return n, err
}

// On a terminal a session is one line that is drawn again, and the address of its page stays
// above it; elsewhere each order is a line of JSON.
func TestASessionOnATerminal(t *testing.T) {
	run := func(interactive bool, more ...string) (stdout, stderr string) {
		var out, errs output
		args := append([]string{"run", "--state", t.TempDir(), "--feed", "synthetic", "--symbol", "XBTUSD", "--strategy",
			"grid_maker", "--to", "2024-01-01T00:05:00Z", "--speed", "max", "--listen", "127.0.0.1:0"}, more...)
		app := &cli.App{Command: "paper", Args: args, Stdout: &out, Stderr: &errs, Interactive: interactive,
			Strategies: strategies.All(), Now: time.Now}
		require.Equal(t, cli.ExitOK, app.Run(t.Context()), errs.String())
		return out.String(), errs.String()
	}
	stdout, stderr := run(true)
	require.Regexp(t, `to look at and to stop: http://127\.0\.0\.1:\d+/#token=`, stdout)
	require.NotContains(t, stderr, "{", "no JSON on a terminal")
	require.NotContains(t, stderr, "\n", "nothing scrolls")
	require.Contains(t, stderr, "\r\x1b[K")
	require.True(t, strings.HasSuffix(stderr, "\r\x1b[K"), "the line is erased at the end: %q", stderr)

	_, piped := run(false)
	require.Regexp(t, `(?m)^\{.*"msg":"order".*\}$`, piped)
	require.NotContains(t, piped, "\x1b")
	_, asked := run(true, "--json-log")
	require.Regexp(t, `(?m)^\{.*"msg":"order".*\}$`, asked)
	_, quiet := run(true, "--quiet")
	require.Empty(t, quiet)
}

// sleeper is a strategy that logs, and lets a second of the clock pass.
type sleeper struct{ n int }

func (s *sleeper) Init(*engine.Context) error { return nil }

func (s *sleeper) OnTrade(ctx *engine.Context, symbol exchange.SymbolID, _ exchange.Trade) {
	switch s.n++; s.n {
	case 1:
		_, _ = ctx.Market(symbol, 1000)
	case 50:
		ctx.Log().Info("fifty trades")
	case 60:
		time.Sleep(1200 * time.Millisecond)
	}
}

// The line says what the session is doing, and what a strategy logs appears above it.
func TestTheLineOfASession(t *testing.T) {
	var out, errs output
	app := &cli.App{
		Command: "paper",
		Args: []string{
			"run", "--state", t.TempDir(), "--feed", "synthetic", "--symbol", "XBTUSD", "--strategy", "sleeper", "--to",
			"2024-01-01T00:05:00Z", "--speed", "max",
		},
		Stdout:      &out,
		Stderr:      &errs,
		Interactive: true,
		Strategies: []engine.Definition{
			{Name: "sleeper", Summary: "sleeps", New: func(engine.Values) (engine.Strategy, error) {
				return &sleeper{}, nil
			}},
		},
		Now: time.Now,
	}
	require.Equal(t, cli.ExitOK, app.Run(t.Context()), errs.String())
	require.Regexp(
		t,
		`\r\x1b\[K(2024-01-01 )?00:0\d:\d\d  equity (0\.\d+|1\.\d+|1) XBT  position 1000 XBTUSD  orders 0  fills 1`,
		errs.String(),
	)
	require.Regexp(t, `\r\x1b\[Klevel=INFO msg="fifty trades"[^\n]*\n\r\x1b\[K`, errs.String())
	for _, line := range strings.Split(errs.String(), "\r\x1b[K") {
		if strings.Contains(line, "equity") {
			require.Less(t, len(line), 80, "a terminal that does not say how wide it is has 80 columns")
		}
	}
}

// What cannot be printed is an error.
func TestAFullDevice(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full")
	}
	defer full.Close()
	for _, c := range [][]string{
		{"backtest", "strategies"}, {"backtest", "strategies", "--json"}, {"backtest", "version"}, {"backtest", "--version"},
		{"backtest", "--help"}, {"backtest", "instruments"}, {"backtest", "demo", "--no-report"}, {"paper", "list"},
		{"paper", "run", "--help"},
	} {
		var errs bytes.Buffer
		cmd := exec.Command(c[0], c[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), full, &errs
		cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir())
		err := cmd.Run()
		var failed *exec.ExitError
		require.ErrorAs(t, err, &failed, c)
		require.Equal(t, cli.ExitFailed, failed.ExitCode(), c)
		require.Contains(t, errs.String(), "no space left on device", c)
	}
}

func TestMessages(t *testing.T) {
	catalog, _ := history(t, "2019-01-01", 2*time.Hour, "bar-1m")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a parameter that is nearly right": {[]string{"run", "--catalog", catalog, "--symbol", "XBTUSD", "--strategy",
			"sma_cross",
			"--param", "fsat=3"}, "parameter fsat: unknown; want one of fast, slow, qty, size, bars; did you mean fast?"},
		"one that is like none": {[]string{"run", "--catalog", catalog, "--symbol", "XBTUSD", "--strategy", "sma_cross",
			"--param", "colour=3"}, "parameter colour: unknown; want one of fast, slow, qty, size, bars\n"},
		"of a sweep": {[]string{"sweep", "--catalog", catalog, "--symbol", "XBTUSD", "--strategy", "sma_cross",
			"--param", "fsat=3,4"}, "did you mean fast?"},
		"a currency that was not given": {[]string{"run", "--catalog", catalog, "--symbol", "XBTUSDT", "--strategy",
			"sma_cross"},
			"--balance is needed, in USDT: without it the account has 1 XBT"},
		"one that was": {[]string{"run", "--catalog", catalog, "--symbol", "XBTUSDT", "--strategy", "sma_cross",
			"--balance", "2 XBT"},
			`--balance "2 XBT": want an amount of the settlement currency, such as "1 USDT"`},
	} {
		code, _, stderr := backtest(t, c.args...)
		require.Equal(t, cli.ExitUsage, code, name)
		require.Contains(t, stderr, c.want, name)
	}
}

// A session that goes on with other parameters says so in the words of a command line.
func TestSettingsAreNotWrittenAsGoWritesThem(t *testing.T) {
	run := []string{
		"run", "--state", t.TempDir(), "--feed", "synthetic", "--symbol", "XBTUSD", "--strategy", "grid_maker", "--to",
		"2024-01-01T00:01:00Z", "--speed", "max", "--quiet", "--param",
	}
	mustPaper(t, append(run, "qty=1000,limit=10000")...)
	out, err := exec.Command("paper", append(run, "qty=2000,limit=10000")...).CombinedOutput()
	require.Error(t, err)
	require.Contains(
		t,
		string(out),
		"was begun with --param limit=10000,qty=1000 and cannot go on with limit=10000,qty=2000",
	)
	require.NotContains(t, string(out), "map[")
}

// The demo says first that its data are generated, and names a command that gives its digest
// again: by itself, and in the files it leaves.
func TestTheDemoIsReproduced(t *testing.T) {
	racetest.Skip(t)
	dir := filepath.Join(t.TempDir(), "demo")
	out := mustBacktest(t, "demo", "--out", dir, "--param", "size=25%")
	first, rest, _ := strings.Cut(out, "\n")
	require.Equal(t, "generated data: what follows shows the tool and says nothing about a market or a strategy", first)
	require.NotContains(t, rest, "warning:")
	digest := regexp.MustCompile(`digest sha256:[0-9a-f]{64}`).FindString(out)
	require.NotEmpty(t, digest)
	for _, file := range []string{"manifest.json", "summary.md", "report.html"} {
		require.Contains(t, read(t, filepath.Join(dir, file)), "backtest demo --param=size=25%", file)
	}
	require.NotContains(t, read(t, filepath.Join(dir, "manifest.json")), "dunamis-demo", "the catalog is gone")
	require.Contains(t, mustBacktest(t, "demo", "--no-report", "--param=size=25%"), digest)

	code, stdout, stderr := backtest(t, "demo", "--json", "--no-report")
	require.Zero(t, code)
	require.True(t, strings.HasPrefix(stdout, "{"), "only JSON")
	require.True(t, strings.HasPrefix(stderr, "generated data:"))
	require.Equal(
		t,
		stdout,
		mustBacktest(t, "demo", "--strategy", "sma_cross", "--json", "--no-report"),
		"the default, said",
	)
}

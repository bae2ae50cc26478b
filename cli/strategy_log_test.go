package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
)

// talker logs at every bar, once at each level, and amends an order that it does not name.
type talker struct {
	n      int
	differ bool
}

func (*talker) Init(*engine.Context) error { return nil }

func (s *talker) OnBar(ctx *engine.Context, bar *engine.Bar) {
	s.n++
	if s.differ {
		message := fmt.Sprint("bar ", s.n)
		ctx.Log().Info(message) //nolint:sloglint // a message that is different each time is the point
		return
	}
	ctx.Log().Info("heard\x1b[2J a bar", "close", bar.Close.String())
	if s.n > 1 {
		return
	}
	ctx.Log().Debug("details")
	ctx.Log().Warn("careful")
	ctx.Log().Error("broken")
	_ = ctx.Amend(exchange.AmendOrder{Symbol: bar.Symbol, ClientID: "new"})
}

// What a strategy logs in a backtest reaches the user, with the time of the run; a message
// that repeats does not flood the terminal, and a file has every line.
func TestStrategyLog(t *testing.T) {
	catalog, _ := smallSweep(t)
	run := func(args ...string) (code int, result reports.Result, stderr string) {
		var out, errs bytes.Buffer
		a := newApp(append([]string{"run", "--catalog", catalog, "--symbol", "XBTUSD", "--strategy", "talker",
			"--no-report", "--json", "--to", "2019-01-02"}, args...), &out, &errs)
		a.Strategies = []engine.Definition{{Name: "talker",
			Params: []engine.Param{engine.BoolParam("differ", false, "each message differs")},
			New: func(v engine.Values) (engine.Strategy, error) {
				return &talker{differ: v.Bool("differ")}, nil
			}}}
		if code = a.Run(t.Context()); code == cli.ExitOK {
			require.NoError(t, json.Unmarshal(out.Bytes(), &result))
		}
		return code, result, errs.String()
	}

	file := filepath.Join(t.TempDir(), "log.json")
	code, result, stderr := run("--log-file", file)
	require.Equal(t, cli.ExitOK, code, stderr)
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	require.Len(t, lines, 20+2+1, stderr)
	require.Regexp(t, `^level=INFO msg="heard\\x1b\[2J a bar" close=\d+(\.5)? at=2019-01-01T\d\d:\d\d:00\.000Z$`, lines[0])
	require.NotContains(t, stderr, "\x1b")
	require.Contains(t, stderr, "level=WARN msg=careful")
	require.Contains(t, stderr, "level=ERROR msg=broken")
	require.NotContains(t, stderr, "details")
	require.Regexp(t, `^\d+ more lines of "heard.* were left out; --log-file FILE keeps all$`, lines[22])
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.EqualValues(t, result.Counts.Events+3, strings.Count(string(text), "\n"), "a line for each bar, and three")
	require.Contains(t, string(text), `"msg":"details"`)

	require.EqualValues(t, 1, result.Counts.Refused)
	require.Contains(t, strings.Join(result.Warnings, "\n"),
		"1 commands of the strategy were refused before they were sent, the first: ")

	for level, want := range map[string]int{"off": 0, "error": 1, "warn": 2, "debug": 20 + 3 + 1} {
		code, _, stderr = run("--log", level)
		require.Equal(t, cli.ExitOK, code, stderr)
		require.Equal(t, want, strings.Count(stderr, "\n"), "%s: %s", level, stderr)
	}
	// Messages that all differ are bounded too.
	code, _, stderr = run("--param", "differ=true")
	require.Equal(t, cli.ExitOK, code, stderr)
	require.Equal(t, 100+1, strings.Count(stderr, "\n"), stderr)
	require.Regexp(t, `\d+ lines of other messages were left out; --log-file FILE keeps all\n$`, stderr)

	code, _, stderr = run("--log", "loud")
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, stderr, `--log "loud": want debug, info, warn, error or off`)
	code, _, stderr = run("--log-file", t.TempDir())
	require.NotEqual(t, cli.ExitOK, code)
	require.Contains(t, stderr, "--log-file: ")
}

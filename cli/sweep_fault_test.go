package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/reports/sweeps"
)

// faultDefinition is a strategy that fails in the way that its parameter says, at its
// hundredth bar, and is idle otherwise.
func faultDefinition(release <-chan struct{}) engine.Definition {
	return engine.Definition{Name: "fault", Summary: "fails when it is told to", Params: []engine.Param{
		engine.ChoiceParam(
			"how",
			[]string{"never", "panic", "index", "init", "init-panic", "new-panic", "goexit", "slow", "stuck"},
			"what goes wrong",
		),
		engine.IntParam("n", 1, 1, 1000, "tells runs apart"),
	}, New: func(v engine.Values) (engine.Strategy, error) {
		if v.Choice("how") == "new-panic" {
			panic("no such model")
		}
		return &faulty{how: v.Choice("how"), n: v.Int("n"), release: release}, nil
	}}
}

type faulty struct {
	how     string
	n       int
	bars    int
	release <-chan struct{}
}

func (f *faulty) Init(*engine.Context) error {
	switch f.how {
	case "init":
		return errors.New("no weights")
	case "init-panic":
		panic("no weights at all")
	}
	return nil
}

func (f *faulty) OnBar(ctx *engine.Context, bar *engine.Bar) {
	f.bars++
	if f.how == "slow" {
		time.Sleep(time.Millisecond)
	}
	if f.bars != 100 {
		if f.bars == 50*f.n {
			_, _ = ctx.Submit(exchange.NewOrder{Symbol: bar.Symbol, Side: exchange.Buy, Qty: 100, Type: exchange.Market})
		}
		return
	}
	switch f.how {
	case "panic":
		panic(fmt.Sprintf("boom\nof %d\x1b[2J", f.n))
	case "index":
		_ = []int{}[f.bars]
	case "stuck":
		<-f.release
	}
}

// faultSweep runs a sweep of the strategy that fails.
func faultSweep(
	ctx context.Context,
	t *testing.T,
	release <-chan struct{},
	args ...string,
) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	app := newApp(append([]string{"sweep"}, args...), &out, &errs)
	app.Strategies = []engine.Definition{faultDefinition(release)}
	code = app.Run(ctx)
	return code, out.String(), errs.String()
}

func faultArgs(t *testing.T, dir string, params ...string) []string {
	t.Helper()
	catalog, _ := history(t, "2019-01-01", 3*24*time.Hour, "bar-1m")
	args := []string{
		"--catalog",
		catalog,
		"--symbol",
		"XBTUSD",
		"--strategy",
		"fault",
		"--balance",
		"100 XBT",
		"--out",
		dir,
	}
	for _, p := range params {
		args = append(args, "--param", p)
	}
	return args
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(sweeps.JSONSchema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("sweep.json", schema))
	compiled, err := c.Compile("sweep.json")
	require.NoError(t, err)
	return compiled
}

// requireSchema checks what a command printed or wrote against the schema of sweep.json.
func requireSchema(t *testing.T, text string) (s sweeps.Sweep) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err)
	require.NoError(t, compileSchema(t).Validate(v))
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	return s
}

// A run that fails is a row, however it fails, and the others are what they are without it.
func TestRunsThatFail(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sweep")
	args := faultArgs(t, dir, "how=never,panic,index,init,init-panic,new-panic", "n=1,2")
	code, out, errs := faultSweep(t.Context(), t, nil, append(args, "--max-failed", "10", "--json", "--workers", "5")...)
	require.Equal(t, cli.ExitSomeFailed, code, errs)
	require.Contains(
		t,
		errs,
		"10 of 12 runs failed; the first: run 3 (how=panic n=1): panic: boom of 1 [2J (in cli_test.(*faulty).OnBar, sweep_fault_test.go:",
	)
	s := requireSchema(t, out)
	require.Equal(t, out, read(t, filepath.Join(dir, sweeps.SweepFile)))
	require.Len(t, s.Runs, 12)
	for i, want := range []string{"", "", "panic: boom of 1", "panic: boom of 2", "index out of range [100] with length 0", "index out of range",
		"strategy cannot start: no weights", "strategy cannot start: no weights", "panic: no weights at all",
		"panic: no weights at all",
		"panic: no such model", "panic: no such model"} {
		r := &s.Runs[i]
		if want == "" {
			require.Equal(t, sweeps.OK, r.Status)
			require.Empty(t, r.Error)
			require.True(t, r.Eligible)
			continue
		}
		require.Equal(t, sweeps.Failed, r.Status)
		require.True(
			t,
			strings.HasPrefix(r.Error, fmt.Sprintf("run %d (how=%s n=%s): ", i+1, r.Params["how"], r.Params["n"])),
			r.Error,
		)
		require.Contains(t, r.Error, want)
		require.False(t, r.Eligible)
	}
	require.Contains(
		t,
		strings.Join(s.Warnings, "\n"),
		"10 of 12 runs failed, and nothing is known of them; the first: run 3 (how=panic n=1)",
	)
	require.Equal(t, 2, s.Trials.Runs)

	one := filepath.Join(t.TempDir(), "alone")
	alone := append(faultArgs(t, one, "how=never", "n=1,2"), "--json")
	alone[1] = args[1] // the same data
	code, out, errs = faultSweep(t.Context(), t, nil, alone...)
	require.Equal(t, cli.ExitOK, code, errs)
	for i, r := range requireSchema(t, out).Runs {
		require.Equal(t, r.Digest, s.Runs[i].Digest)
	}
	rows, err := parquet.ReadFile[struct {
		Run      int32  `parquet:"run"`
		How      string `parquet:"param_how"`
		Status   string `parquet:"status"`
		Error    string `parquet:"error"`
		Equity   *int64 `parquet:"end_equity,optional"`
		Warnings *int64 `parquet:"warnings,optional"`
	}](filepath.Join(dir, sweeps.RunsFile))
	require.NoError(t, err)
	require.Len(t, rows, 12)
	require.Equal(t, "ok", rows[0].Status)
	require.Equal(t, int64(s.Runs[0].EndEquity), *rows[0].Equity)
	require.Equal(t, s.Runs[0].Warnings, *rows[0].Warnings)
	require.Equal(t, []string{"failed", s.Runs[2].Error}, []string{rows[2].Status, rows[2].Error})
	require.Nil(t, rows[2].Equity, "nothing is known of it")

	// The same command says the same again, and report writes the rows as CSV.
	code, again, errs := faultSweep(t.Context(), t, nil, append(args, "--json")...)
	require.Equal(t, cli.ExitSomeFailed, code, errs)
	require.Equal(t, read(t, filepath.Join(dir, sweeps.SweepFile)), again)
	requireSchema(t, mustBacktest(t, "report", "--csv", "--json", dir))
	lines := strings.Split(read(t, filepath.Join(dir, "runs.csv")), "\n")
	require.True(
		t,
		strings.HasPrefix(lines[0], "run,param_how,param_n,status,error,bankrupt,eligible,digest,end_equity,"),
		lines[0],
	)
	require.True(t, strings.HasPrefix(lines[1], "1,never,1,ok,,false,true,sha256:"), lines[1])
	require.Regexp(
		t,
		`^7,init,1,failed,run 7 \(how=init n=1\): strategy cannot start: no weights,false,false,,,,`,
		lines[7],
	)
	require.True(
		t,
		strings.HasPrefix(read(t, filepath.Join(dir, "daily.csv")), "run,time,equity\n1,2019-01-02T00:00:00Z,"),
	)
}

// A sweep stops when too many runs fail, keeps what it has, and does failed runs again
// when it is asked to.
func TestTooManyRunsFail(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sweep")
	args := faultArgs(t, dir, "how=never,panic", "n=1..10")
	code, _, errs := faultSweep(t.Context(), t, nil, append(args, "--workers", "1")...)
	require.Equal(t, cli.ExitFailed, code)
	require.Contains(
		t,
		errs,
		"3 of 20 runs failed, and --max-failed 10% allows 2; the first: run 11 (how=panic n=1): panic: boom",
	)
	require.Contains(t, errs, "13 of 20 runs are done: the same command with --out "+dir+" goes on from there")
	code, _, errs = faultSweep(t.Context(), t, nil, append(args, "--workers", "1")...)
	require.Equal(t, cli.ExitFailed, code)
	require.Contains(t, errs, "13 of 20 runs are done", "it fails at once")

	code, out, errs := faultSweep(t.Context(), t, nil, append(args, "--max-failed", "50%", "--json")...)
	require.Equal(t, cli.ExitSomeFailed, code, errs)
	whole := files(t, dir)
	require.Len(t, requireSchema(t, out).Runs, 20)

	// What failed is done again, with the same result, and with another when it is mended.
	code, _, errs = faultSweep(t.Context(), t, nil, append(args, "--max-failed", "10", "--retry-failed")...)
	require.Equal(t, cli.ExitSomeFailed, code, errs)
	require.Equal(t, whole, files(t, dir))
	var stdout, stderr bytes.Buffer
	mended := newApp(append([]string{"sweep", "--retry-failed", "--json"}, args...), &stdout, &stderr)
	definition, made := faultDefinition(nil), 0
	mended.Strategies = []engine.Definition{definition}
	mended.Strategies[0].New = func(v engine.Values) (engine.Strategy, error) {
		made++
		return &faulty{how: "never", n: v.Int("n")}, nil
	}
	require.Equal(t, cli.ExitOK, mended.Run(t.Context()), stderr.String())
	require.Equal(t, 20+10+1, made, "each point is tried, ten are done again, and the sweep is described")
	for _, r := range requireSchema(t, stdout.String()).Runs {
		require.Equal(t, sweeps.OK, r.Status)
	}

	for _, text := range []string{"some", "-1", "101%", "x%", ""} {
		code, _, errs := faultSweep(t.Context(), t, nil, append(args, "--max-failed", text)...)
		require.Equal(t, cli.ExitUsage, code)
		require.Contains(t, errs, "want a number such as 5, or a share such as 10%")
	}
	none := append(faultArgs(t, filepath.Join(t.TempDir(), "none"), "how=init,panic"), "--max-failed", "100%", "--json")
	code, out, errs = faultSweep(t.Context(), t, nil, none...)
	require.Equal(t, cli.ExitSomeFailed, code, errs)
	require.Nil(t, requireSchema(t, out).Best, "nothing finished")
}

// A run that never returns is given up after its time, and its group goes on without it.
func TestRunsOutOfTime(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	dir := filepath.Join(t.TempDir(), "sweep")
	args := faultArgs(t, dir, "how=never,stuck,slow", "n=1,2")
	code, out, errs := faultSweep(
		t.Context(),
		t,
		release,
		append(args, "--run-timeout", "1s", "--max-failed", "4", "--json")...)
	require.Equal(t, cli.ExitSomeFailed, code, errs)
	s := requireSchema(t, out)
	for i, status := range []sweeps.Status{sweeps.OK, sweeps.OK, sweeps.Timeout, sweeps.Timeout, sweeps.Timeout, sweeps.Timeout} {
		require.Equal(t, status, s.Runs[i].Status)
	}
	require.Equal(t, "run 3 (how=stuck n=1): it took more than the 1s of --run-timeout", s.Runs[2].Error)
	require.Contains(t, strings.Join(s.Warnings, "\n"), "4 of 6 runs ran out of time")
	code, _, errs = faultSweep(t.Context(), t, release, append(args, "--run-timeout", "-1s")...)
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, errs, "--run-timeout -1s")
}

// Without a limit of time the others of a group go on beside a run that never returns,
// and an interrupt ends the sweep and keeps them.
func TestAStuckRunDoesNotStallItsGroup(t *testing.T) {
	racetest.Once(t)
	if testing.Short() {
		t.Skip("waits until a run is found to be stuck")
	}
	release := make(chan struct{})
	defer close(release)
	dir := filepath.Join(t.TempDir(), "sweep")
	args := append(faultArgs(t, dir, "how=stuck,never", "n=1..3"), "--workers", "4")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // the three others are in the journal
		deadline := time.Now().Add(time.Minute)
		for time.Now().Before(deadline) {
			text, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
			if err == nil && strings.Count(string(text), "\n") == 4 {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		cancel()
	}()
	code, _, errs := faultSweep(ctx, t, release, args...)
	require.Equal(t, cli.ExitInterrupted, code, errs)
	require.Contains(
		t,
		errs,
		"3 of 6 runs are done: the same command with --out "+dir+" goes on from there\ninterrupted\n",
	)
}

// A run that kept its group waiting goes on with a reading of its own, to the same result.
func TestASlowRunIsTheSameRun(t *testing.T) {
	racetest.Once(t)
	if testing.Short() {
		t.Skip("waits until a run is found to be stuck")
	}
	release := make(chan struct{})
	timer := time.AfterFunc(7*time.Second, func() { close(release) })
	defer timer.Stop()
	dir := filepath.Join(t.TempDir(), "sweep")
	args := append(faultArgs(t, dir, "how=stuck,never", "n=30,40"), "--json")
	code, out, errs := faultSweep(t.Context(), t, release, args...)
	require.Equal(t, cli.ExitOK, code, errs)
	s := requireSchema(t, out)
	require.Positive(t, s.Runs[0].Fills, "it trades after it was stuck")
	for i := range 2 {
		require.Equal(t, s.Runs[i+2].Digest, s.Runs[i].Digest, "stuck for a while or never")
	}
}

// Figures that a sweep is judged by, and what its best run must meet.
func TestObjectivesAndConstraints(t *testing.T) {
	racetest.Once(t)
	_, args := smallSweep(t)
	root := t.TempDir()
	s := sweepInto(
		t,
		filepath.Join(root, "fills"),
		append(args, "--objective", "min:counts.fills", "--where", "fills > 0", "--where", "max_drawdown<0.5")...)
	require.Equal(
		t,
		sweeps.Search{
			Method:    "grid",
			Seed:      1,
			Grid:      12,
			Refused:   1,
			Example:   s.Search.Example,
			Objective: "fills",
			Direction: "min",
			Where:     []string{"fills>0", "max_drawdown<0.5"},
		},
		s.Search,
	)
	for i := range s.Runs {
		require.GreaterOrEqual(t, s.Runs[i].Fills, s.ByNumber(*s.Best).Fills)
	}
	limit := strconv.FormatInt(s.ByNumber(*s.Best).Fills, 10)
	most := sweepInto(
		t,
		filepath.Join(root, "most"),
		append(args, "--objective", "account.turnover", "--where", "fills<="+limit)...)
	require.Equal(t, limit, strconv.FormatInt(most.ByNumber(*most.Best).Fills, 10), "no other meets it")
	out := mustBacktest(
		t,
		append(
			[]string{"sweep", "--out", filepath.Join(root, "text"), "--objective", "cagr", "--where", "fills<0"},
			args...)...)
	require.Contains(t, out, "the whole grid, where fills<0, the best by CAGR first")
	require.Contains(t, out, "warning: no run may be the best")
	require.Contains(t, out, "warning: 11 of 11 runs do not meet fills<0; they rank behind those that do")

	for want, more := range map[string][]string{
		`--objective "sharp": did you mean sharpe?`: {"--objective", "sharp"},
		`--objective "metrics.maxdrawdown": did you mean max_drawdown?`: {"--objective",
			"metrics.maxdrawdown"},
		`--objective "least:fills": direction "least": want min or max`:                     {"--objective", "least:fills"},
		`--where "max_drawdwn<1": no figure is called "max_drawdwn"; did you mean max_d`:    {"--where", "max_drawdwn<1"},
		`--where "fills": "fills": want a figure, a comparison and a number`:                {"--where", "fills"},
		`--where "fills<many": "fills<many": want a figure, one of < <= > >= = !=, and a n`: {"--where", "fills<many"},
	} {
		code, _, stderr := backtest(
			t,
			append(append([]string{"sweep", "--out", filepath.Join(root, "x")}, args...), more...)...)
		require.Equal(t, cli.ExitUsage, code, want)
		require.Contains(t, stderr, want)
	}
}

// Progress is told where it is wanted, with the time that is left, and never on stdout.
func TestSweepProgress(t *testing.T) {
	racetest.Once(t)
	_, args := smallSweep(t)
	run := func(interactive bool, more ...string) (stdout, stderr string) {
		var out, errs bytes.Buffer
		app := newApp(
			append(append([]string{"sweep", "--json", "--out", filepath.Join(t.TempDir(), "s")}, args...), more...),
			&out,
			&errs,
		)
		app.Interactive = interactive
		var calls atomic.Int64 // workers ask too
		app.Now = func() time.Time { return time.Unix(1_600_000_000+3*calls.Add(1), 0) }
		require.Equal(t, cli.ExitOK, app.Run(t.Context()), errs.String())
		return out.String(), errs.String()
	}
	want, silent := run(false)
	require.Empty(t, silent, "stderr is no terminal")
	slow := []string{"--workers", "1", "--latency", "2s"}
	out, errs := run(true, slow...)
	require.Equal(t, want, out)
	require.True(t, strings.HasSuffix(errs, "\r\x1b[K") || errs == "", "%q", errs)
	out, _ = run(false, append(slow, "--progress")...)
	require.Equal(t, want, out)
}

// A file that is no sweep of ours is said to be none.
func TestForeignSweepFiles(t *testing.T) {
	racetest.Once(t)
	_, args := smallSweep(t)
	dir := filepath.Join(t.TempDir(), "sweep")
	sweepInto(t, dir, args...)
	path := filepath.Join(dir, sweeps.SweepFile)
	text := read(t, path)
	for name, c := range map[string]struct{ old, new, want string }{
		"another objective": {`"objective": "sharpe",` + "\n    \"direction",
			`"objective": "luck",` + "\n    \"direction", `search.objective: no figure is called "luck"`},
		"no objective": {`"objective": "sharpe",` + "\n    \"direction",
			`"objectives": "sharpe",` + "\n    \"direction", `search.objective: no figure is called ""`},
		"a direction": {`"direction": "max"`, `"direction": "up"`, `search.direction "up": want min or max`},
		"no best":     {`"best": `, `"best": 99`, "there is no run 99"},
		"a status": {`"status": "ok"`, `"status": "fine"`,
			`run 1: status "fine": want ok, failed, timeout or pruned`},
		"a number": {`"n": 2,`, `"n": 1,`, "runs[1].n 1: want numbers from 1 up, each once"},
		"no value": {`"slow": "90"`, `"slows": "90"`, "run 1: no value of slow"},
		"a scale":  {`"currency_scale": 8`, `"currency_scale": 800`, "account.currency_scale 800: want 0 to 12"},
		"a balance": {`"start_balance": `, `"start_balance": -`,
			"account.start_balance -10000000000: want more than 0"},
		"no JSON":      {`"schema"`, `schema`, "sweep.json: not a sweep: invalid character"},
		"another kind": {`"dunamis.sweep/1"`, `"weather/1"`, `sweep.json: schema "weather/1", want "dunamis.sweep/1"`},
	} {
		changed := strings.Replace(text, c.old, c.new, 1)
		require.NotEqual(t, text, changed, name)
		require.NoError(t, os.WriteFile(path, []byte(changed), 0o600))
		for _, command := range [][]string{{"report", dir}, {"report", "--json", dir}} {
			code, _, stderr := backtest(t, command...)
			require.Equal(t, cli.ExitData, code, "%s: %s", name, stderr)
			require.Contains(t, stderr, c.want, name)
		}
	}
}

// A sweep whose process is killed at any moment goes on, loses at most the runs that
// were going on, and ends in the same files.
func TestKilledSweepsGoOn(t *testing.T) {
	racetest.Once(t)
	if testing.Short() {
		t.Skip("kills a process many times")
	}
	_, args := smallSweep(t)
	root := t.TempDir()
	whole, dir := filepath.Join(root, "whole"), filepath.Join(root, "killed")
	sweepInto(t, whole, args...)
	command := append([]string{"sweep", "--workers", "2", "--out", dir}, args...)
	random := rand.New(rand.NewPCG(3, 4))
	known, deaths := 0, 0
	for range 60 {
		c := exec.Command("backtest", command...)
		require.NoError(t, c.Start())
		time.Sleep(time.Duration(random.Int64N(int64(150 * time.Millisecond))))
		_ = c.Process.Kill()
		if c.Wait() == nil {
			break
		}
		deaths++
		text, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
		if err != nil {
			continue // not begun, or finished
		}
		now := max(strings.Count(string(text), "\n")-1, 0)
		require.GreaterOrEqual(t, now, known, "a run that was done is forgotten")
		known = now
	}
	require.Positive(t, deaths)
	out, err := exec.Command("backtest", command...).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, files(t, whole), files(t, dir))
	t.Logf("%d deaths", deaths)
}

package sweeps_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
	"github.com/dunamis-engine/dunamis/reports/sweeps"
)

const balance = 1_000_000

func begin(tb testing.TB) exchange.Time {
	tb.Helper()
	at, err := exchange.ParseTime("2020-01-01T06:00:00Z")
	require.NoError(tb, err)
	return at
}

// hill is a sweep whose Sharpe ratio is highest on a plateau in the middle, but for
// a spike of one run in a corner.
func hill(tb testing.TB) (*sweeps.Sweep, []sweeps.Entry) {
	tb.Helper()
	s := &sweeps.Sweep{Schema: sweeps.Schema, Command: "backtest run", Config: json.RawMessage(`{"seed":1}`),
		Run:     reports.Run{Strategy: "hill", Params: map[string]string{"qty": "5"}, Symbols: []string{"XBTUSD"}, Data: "bar-1m"},
		Account: sweeps.Account{Currency: "XBt", CurrencyMajor: "XBT", CurrencyScale: 8, StartBalance: balance},
		Models:  []reports.Model{}, Data: []reports.DataPart{},
		Search: sweeps.Search{Method: "grid", Grid: 25, Objective: "sharpe"},
		Axes: []sweeps.Axis{{Name: "fast", Type: "int", Values: []string{"1", "2", "3", "4", "5"}},
			{Name: "slow", Type: "int", Values: []string{"10", "20", "30", "40", "50"}}}}
	rng := rand.New(rand.NewPCG(1, 2))
	var entries []sweeps.Entry
	for x := range 5 {
		for y := range 5 {
			sharpe := 2 - 0.5*float64((x-2)*(x-2)+(y-2)*(y-2))
			if x == 0 && y == 0 {
				sharpe = 3
			}
			n := len(entries) + 1
			e := sweeps.Entry{Start: begin(tb), Run: sweeps.Run{N: n, Digest: "sha256:" + strings.Repeat(strconv.Itoa(n%10), 64), Sharpe: &sharpe, Trades: 40, Fills: 80,
				Params: map[string]string{"fast": s.Axes[0].Values[x], "slow": s.Axes[1].Values[y]}}}
			equity := balance
			for day := range 60 {
				equity += int(1000 * (sharpe/10 + rng.NormFloat64()))
				at := e.Start.Date().Add(time.Duration(day+1) * 24 * time.Hour)
				e.Days = append(e.Days, analysis.Day{At: at, Equity: exchange.Money(equity)})
				e.End = at
			}
			e.Run.EndEquity = exchange.Money(equity)
			entries = append(entries, e)
		}
	}
	return s, entries
}

func TestJudge(t *testing.T) {
	s, entries := hill(t)
	slices.Reverse(entries)
	s.Judge(entries)
	require.Equal(t, 1, s.Runs[0].N, "in order, whatever the order in which they were done")
	require.Equal(t, 1, *s.Best)
	x := s.Stability
	require.Equal(t, 3, x.Neighbours, "a corner has three")
	require.InDelta(t, -0.5, *x.Median, 1e-12)
	require.InDelta(t, -0.5, *x.Worst, 1e-12)
	require.Nil(t, x.Ratio)
	require.Equal(t, []string{"fast", "slow"}, x.Edges)
	require.Equal(t, 13, *x.Plateau, "the middle of the hill")
	require.InDelta(t, 1.5, *x.PlateauMedian, 1e-12)
	require.Equal(t, 25, s.Trials.Runs)
	require.Equal(t, 59, s.Trials.Days, "the first day began at 06:00")
	require.NotNil(t, s.Trials.Overfitting)
	require.Len(t, s.Marginals, 10)
	require.Equal(t, sweeps.Marginal{Axis: "slow", Value: "30", Runs: 5, Median: new(1.5), Best: new(2.0)}, s.Marginals[7])
	text := strings.Join(s.Warnings, "\n")
	require.Contains(t, text, "the best run stands alone: the median of its 3 neighbours is -0.50")
	require.Contains(t, text, "the best run is at the end of fast and slow")
	require.Equal(t, begin(t), s.Run.Start)
	require.Equal(t, entries[0].End, s.Run.To)

	out := s.Text(3)
	require.Regexp(t, `run  fast  slow  return  Sharpe .*\n +1 +1 +10 +- +3\.00 .*\n +13 +3 +30 +- +2\.00 .*\n +8 +2 +30 `, out)
	require.Contains(t, out, "and 22 more")
	require.Equal(t, []int{1, 13, 8, 12}, []int{s.Ranked()[0].N, s.Ranked()[1].N, s.Ranked()[2].N, s.Ranked()[3].N}, "of equal ones the first")
	require.Nil(t, s.ByNumber(26))
}

// The least drawdown is the best, and runs without a value are the worst.
func TestJudgeByTheLeast(t *testing.T) {
	s, entries := hill(t)
	s.Search.Objective = "max_drawdown"
	for i := range entries {
		if i > 3 {
			v := float64(i) / 100
			entries[i].Run.MaxDrawdown = &v
		}
		entries[i].Run.Trades, entries[i].Run.Fills, entries[i].Run.Liquidations = 3, int64(i%2), int64(i/24)
	}
	s.Search.Refused, s.Search.Example = 2, "fast must be below slow"
	s.Judge(entries)
	require.Equal(t, 5, *s.Best)
	require.InDelta(t, 0.09, *s.Stability.Worst, 1e-12)
	require.InDelta(t, 0.04/0.085, *s.Stability.Ratio, 1e-12)
	require.Equal(t, 5, *s.Stability.Plateau)
	require.Nil(t, s.Ranked()[24].MaxDrawdown)
	text := strings.Join(s.Warnings, "\n")
	for _, want := range []string{"only 3 round trips", "13 runs were without a fill", "1 run was liquidated", "2 points were left out", "fast must be below slow"} {
		require.Contains(t, text, want)
	}
	for i := range entries {
		entries[i].Run.MaxDrawdown = nil
	}
	s.Judge(entries)
	require.Nil(t, s.Best)
	require.Nil(t, s.Stability)
	require.Contains(t, s.Warnings[len(s.Warnings)-4], "no run has a max drawdown")
	require.NotEmpty(t, s.Text(10))
}

// In a random sample the neighbours are the nearest, and drawn axes have bins.
func TestJudgeASample(t *testing.T) {
	s, entries := hill(t)
	s.Search.Method = "random"
	s.Axes[0] = sweeps.Axis{Name: "fast", Type: "float", Values: []string{}}
	for i := range entries {
		entries[i].Run.Params["fast"] = fmt.Sprint(float64(i) / 10)
		v := float64(i)
		entries[i].Run.Sharpe = &v
	}
	s.Judge(entries)
	require.Equal(t, 25, *s.Best)
	require.Equal(t, 8, s.Stability.Neighbours)
	require.Empty(t, s.Stability.Edges[1:], "only of axes with values")
	require.Len(t, s.Marginals, 8+5)
	require.Equal(t, "0 to 0.3", s.Marginals[0].Value)
	total := 0
	for _, m := range s.Marginals[:8] {
		total += m.Runs
	}
	require.Equal(t, 25, total)
}

// A run that ended early is a trial like the others.
func TestRunsThatEndedEarly(t *testing.T) {
	s, entries := hill(t)
	entries[3].Days = entries[3].Days[:10]
	entries[3].End = entries[3].Days[9].At
	s.Judge(entries)
	require.Empty(t, s.Trials.Reason)
	require.Equal(t, 59, s.Trials.Days, "the first day began at 06:00")
	require.NotNil(t, s.Trials.Overfitting)
}

func TestFilesOfASweep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sweep")
	s, entries := hill(t)
	j, err := sweeps.Open(dir, "sha256:1")
	require.NoError(t, err)
	require.NoError(t, j.Add(entries...))
	s.Judge(entries)
	require.NoError(t, j.Finish(s, entries))
	require.NoError(t, j.Close())
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, names, 3, "%v", names)

	text, err := os.ReadFile(filepath.Join(dir, sweeps.SweepFile))
	require.NoError(t, err)
	require.NoError(t, validate(t, text))
	for _, change := range [][2]string{{`"n": 1,`, `"n": "1",`}, {`"schema": "dunamis.sweep/1"`, `"schema": "dunamis.sweep/2"`}, {`"start_balance"`, `"balance"`}} {
		changed := bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1)
		require.NotEqual(t, text, changed, change)
		require.Error(t, validate(t, changed), change)
	}

	read, list, err := sweeps.Read(dir)
	require.NoError(t, err)
	require.JSONEq(t, string(s.Config), string(read.Config))
	read.Config = s.Config
	require.Equal(t, s, read)
	require.Len(t, list, 25)
	require.Equal(t, entries[7].Days, list[7].Days)
	read.Judge(list)
	require.Equal(t, s.Trials, read.Trials, "what was read says the same")

	rows, err := parquet.ReadFile[struct {
		Run    int32    `parquet:"run"`
		Fast   int64    `parquet:"param_fast"`
		Sharpe *float64 `parquet:"sharpe,optional"`
	}](filepath.Join(dir, sweeps.RunsFile))
	require.NoError(t, err)
	require.Len(t, rows, 25)
	require.Equal(t, int32(13), rows[12].Run)
	require.Equal(t, int64(3), rows[12].Fast)
	require.InDelta(t, 2, *rows[12].Sharpe, 0)

	_, err = sweeps.Open(dir, "sha256:1")
	var refused *reports.DirectoryError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, err.Error(), "holds a finished sweep")

	require.NoError(t, os.WriteFile(filepath.Join(dir, sweeps.SweepFile), []byte(`{"schema":"other"}`), 0o600))
	_, _, err = sweeps.Read(dir)
	var schema *reports.SchemaError
	require.ErrorAs(t, err, &schema)
	_, _, err = sweeps.Read(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
}

func validate(t *testing.T, text []byte) error {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(sweeps.JSONSchema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("sweep.json", schema))
	compiled, err := c.Compile("sweep.json")
	require.NoError(t, err)
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	return compiled.Validate(v)
}

// Every field that the file has is explained, here or where results are.
func TestEveryFieldIsDocumented(t *testing.T) {
	var doc []byte
	for _, name := range []string{"sweeps", "results"} {
		b, err := os.ReadFile("../../docs/" + name + ".md")
		require.NoError(t, err)
		doc = append(doc, b...)
	}
	s, entries := hill(t)
	s.Judge(entries)
	s.Trials.Reason, s.Search.Example = "why", "such"
	text, err := json.Marshal(s)
	require.NoError(t, err)
	seen := make(map[string]bool)
	for _, m := range regexp.MustCompile(`"([a-z_]+)":`).FindAllStringSubmatch(string(text), -1) {
		if name := m[1]; !seen[name] && !slices.Contains([]string{"fast", "slow", "dunamis"}, name) && !bytes.Contains(doc, []byte("`"+name+"`")) &&
			!bytes.Contains(doc, []byte(name+",")) {
			seen[name] = true
			t.Errorf("docs/sweeps.md does not explain %s", name)
		}
	}
}

// What was added is known again, but for a line that was cut off.
func TestJournal(t *testing.T) {
	dir := t.TempDir()
	_, entries := hill(t)
	j, err := sweeps.Open(dir, "sha256:1")
	require.NoError(t, err)
	require.Empty(t, j.Known())
	require.NoError(t, j.Add(entries[:2]...))
	require.NoError(t, j.Add(entries[2]))
	_, err = sweeps.Open(dir, "sha256:1")
	require.ErrorContains(t, err, "another run is writing")
	require.NoError(t, j.Close())

	path := filepath.Join(dir, "journal.jsonl")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text[:len(text)-20], 0o600))
	j, err = sweeps.Open(dir, "sha256:1")
	require.NoError(t, err)
	require.Equal(t, entries[:2], j.Known(), "the last line was not whole")
	require.NoError(t, j.Add(entries[2]))
	require.NoError(t, j.Close())
	again, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))

	_, err = sweeps.Open(dir, "sha256:2")
	require.ErrorContains(t, err, "with other settings")
	require.NoError(t, os.WriteFile(path, []byte("{}\n"), 0o600))
	_, err = sweeps.Open(dir, "sha256:1")
	require.ErrorContains(t, err, `schema "", want`)
	require.NoError(t, os.WriteFile(path, append(bytes.SplitAfter(text, []byte("\n"))[0], "{\n"...), 0o600))
	_, err = sweeps.Open(dir, "sha256:1")
	require.ErrorContains(t, err, "run 1")

	other := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "thesis.doc"), nil, 0o600))
	_, err = sweeps.Open(other, "sha256:1")
	require.ErrorContains(t, err, "thesis.doc")
	run := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(run, reports.PageFile), nil, 0o600))
	_, err = sweeps.Open(run, "sha256:1")
	require.ErrorContains(t, err, "files that are not a sweep's")
}

// A run that lost everything is never the best, whatever its figures are, and is counted.
func TestBankruptRunsRankLast(t *testing.T) {
	s, entries := hill(t)
	e := &entries[0] // it has the best Sharpe ratio
	for i := 5; i < len(e.Days); i++ {
		e.Days[i].Equity = balance / 200
	}
	s.Judge(entries)
	require.True(t, s.Runs[0].Bankrupt)
	require.Equal(t, 13, *s.Best)
	require.Equal(t, 1, s.Ranked()[24].N)
	require.Equal(t, 1, s.Trials.Bankrupt)
	require.NotEqual(t, 1, s.Trials.Best)
	require.Contains(t, strings.Join(s.Warnings, "\n"), "1 run was bankrupt")
	require.Contains(t, s.Text(25), "bankrupt\n")
}

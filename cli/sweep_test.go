package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/sweeps"
	"github.com/dunamis-engine/dunamis/strategies"
)

// smallSweep is 10 runs over three weeks of generated minutes, two of whose points
// the strategy refuses.
func smallSweep(t *testing.T) (catalog string, args []string) {
	t.Helper()
	catalog, _ = history(t, "2019-01-01", 21*24*time.Hour, "bar-1m")
	return catalog, []string{"--catalog", catalog, "--symbol", "XBTUSD", "--strategy", "sma_cross", "--balance", "100 XBT",
		"--param", "fast=20,60,120", "--param", "slow=90..210:40", "--param", "qty=5000", "--param", "bars=1m", "--latency",
		"2s"}
}

func sweepInto(t *testing.T, dir string, args ...string) sweeps.Sweep {
	t.Helper()
	var s sweeps.Sweep
	out := mustBacktest(t, append([]string{"sweep", "--json", "--out", dir}, args...)...)
	require.NoError(t, json.Unmarshal([]byte(out), &s))
	return s
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out[e.Name()] = read(t, path)
		}
		return err
	}))
	return out
}

// Each run of a sweep does what backtest run does, and the files do not depend on how
// many went at the same time.
func TestSweepRunsAreRuns(t *testing.T) {
	racetest.Once(t)
	_, args := smallSweep(t)
	root := t.TempDir()
	s := sweepInto(t, filepath.Join(root, "one"), append(args, "--workers", "1")...)
	require.Len(t, s.Runs, 11)
	require.Equal(t, 1, s.Search.Refused, "fast=120 is not below slow=90")
	traded := 0
	for i, r := range s.Runs {
		require.Equal(t, i+1, r.N)
		require.True(t, strings.HasPrefix(s.Command, "backtest run --balance='100 XBT' --catalog="), s.Command)
		one := runJSON(t, "--catalog", args[1], "--symbol", "XBTUSD", "--strategy", "sma_cross", "--balance", "100 XBT", "--latency", "2s",
			"--param", "fast="+r.Params["fast"], "--param", "slow="+r.Params["slow"], "--param", "qty=5000", "--param",
			"bars=1m")
		require.Equal(t, one.Digest, r.Digest)
		require.Equal(t, one.Metrics.Sharpe, r.Sharpe)
		require.Equal(t, one.Metrics.TotalReturn, r.TotalReturn)
		require.Equal(t, one.Account.EndEquity, r.EndEquity)
		traded += int(r.Fills)
	}
	require.Positive(t, traded)
	require.Equal(t, 21, s.Trials.Days, "the last two seconds are no day")

	first := files(t, filepath.Join(root, "one"))
	require.Len(t, first, 4, "sweep.json, runs, daily, the page")
	for _, workers := range []string{"4", "100"} {
		dir := filepath.Join(root, workers)
		sweepInto(t, dir, append(args, "--workers", workers)...)
		require.Equal(t, first, files(t, dir), "%s workers", workers)
	}
}

// interrupting is the built-in strategies, one of whose runs interrupts the process.
func interrupting(cancel context.CancelFunc) []engine.Definition {
	list := strategies.All()
	for i := range list {
		if list[i].Name != "sma_cross" {
			continue
		}
		made := list[i].New
		list[i].New = func(v engine.Values) (engine.Strategy, error) {
			if v.Int("fast") == 60 && v.Int("slow") == 130 {
				s, err := made(v)
				return &breaker{s, cancel}, err
			}
			return made(v)
		}
	}
	return list
}

type breaker struct {
	engine.Strategy

	cancel context.CancelFunc
}

func (b *breaker) OnBar(ctx *engine.Context, bar *engine.Bar) { b.cancel() }

// An interrupted sweep goes on where it was, to the same files.
func TestSweepGoesOn(t *testing.T) {
	racetest.Once(t)
	_, args := smallSweep(t)
	whole, dir := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "broken")
	sweepInto(t, whole, args...)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr bytes.Buffer
	command := append([]string{"sweep", "--out", dir, "--workers", "2"}, args...)
	app := newApp(command, &stdout, &stderr)
	app.Strategies = interrupting(cancel)
	require.Equal(t, cli.ExitInterrupted, app.Run(ctx), stderr.String())
	require.Contains(t, stderr.String(), "5 of 11 runs are done: the same command with --out "+dir+" goes on from there")
	require.NoFileExists(t, filepath.Join(dir, sweeps.SweepFile))

	code, _, text := backtest(t, append(command, "--slippage-ticks", "2")...)
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, text, "with other settings")
	stdout.Reset()
	resumed := newApp(command, &stdout, &stderr)
	made := 0
	resumed.Strategies = strategies.All()
	for i := range resumed.Strategies {
		inner := resumed.Strategies[i].New
		resumed.Strategies[i].New = func(v engine.Values) (engine.Strategy, error) { made++; return inner(v) }
	}
	require.Equal(t, cli.ExitOK, resumed.Run(t.Context()), stderr.String())
	require.Contains(t, stdout.String(), "11 runs, the whole grid, the best by Sharpe ratio first")
	require.Equal(t, 12+1+6, made, "each point is tried, the sweep described, and six runs are left")
	require.Equal(t, files(t, whole), files(t, dir))

	again := mustBacktest(t, command...)
	require.Equal(t, stdout.String(), again, "a finished sweep prints its result again")
	require.Equal(t, files(t, whole), files(t, dir))
	require.Equal(t, read(t, filepath.Join(dir, sweeps.SweepFile)), mustBacktest(t, append(command, "--json")...))
	for _, left := range []string{"journal.jsonl", ".dunamis-lock", ".report.html.17", ".sweep.json.17"} {
		require.NoError(t, os.Remove(filepath.Join(dir, reports.PageFile)))
		require.NoError(t, os.WriteFile(filepath.Join(dir, left), nil, 0o600))
		mustBacktest(t, command...)
		require.Equal(t, files(t, whole), files(t, dir), "killed with %s after sweep.json was written", left)
	}
	code, _, text = backtest(t, append(command, "--slippage-ticks", "2")...)
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, text, "it holds a finished sweep with other settings")
}

func TestSweepCommand(t *testing.T) {
	catalog, args := smallSweep(t)
	dir := filepath.Join(t.TempDir(), "random")
	out := mustBacktest(t, append([]string{"sweep", "--out", dir, "--method", "random", "--points", "5", "--seed", "3"}, args...)...)
	require.Contains(t, out, "5 runs, a random sample with seed 3")
	require.Regexp(t, `run +fast +slow +return`, out)
	require.Contains(t, out, "what choosing the best is worth\n  runs ")
	page := read(t, filepath.Join(dir, reports.PageFile))
	require.NoError(t, os.Remove(filepath.Join(dir, reports.PageFile)))
	require.Equal(t, out, mustBacktest(t, "report", dir))
	require.Equal(t, page, read(t, filepath.Join(dir, reports.PageFile)))
	require.Equal(t, read(t, filepath.Join(dir, sweeps.SweepFile)), mustBacktest(t, "report", "--json", dir))

	base := []string{"sweep", "--catalog", catalog, "--symbol", "XBTUSD", "--strategy", "sma_cross", "--out", filepath.Join(t.TempDir(), "x")}
	for want, more := range map[string][]string{
		"a sweep needs a parameter with more than one value": {},
		"parameter fast=x: want a whole number":              {"--param", "fast=1..x:2"},
		"--method \"best\": want grid or random":             {"--param", "fast=1,2", "--method", "best"},
		"--objective \"luck\": want one of sharpe":           {"--param", "fast=1,2", "--objective", "luck"},
		"--workers 0: want 1 to 1000":                        {"--param", "fast=1,2", "--workers", "0"},
		"the strategy takes none of these parameters":        {"--param", "fast=200,300"},
		"a sample of 0 points":                               {"--param", "fast=1,2", "--method", "random", "--points", "0"},
	} {
		code, _, stderr := backtest(t, append(base, more...)...)
		require.Equal(t, cli.ExitUsage, code, want)
		require.Contains(t, stderr, want)
	}
	code, _, stderr := backtest(t, append(base, "--param", "fast=1,2", "--data", "trade")...)
	require.Equal(t, cli.ExitData, code)
	require.Contains(t, stderr, "the catalog has no trade data")
}

// The settings of a sweep may be in a file, and its command is that of a run.
func TestSweepFromAFile(t *testing.T) {
	catalog, _ := smallSweep(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "sweep.yaml")
	require.NoError(t, os.WriteFile(file, []byte("catalog: "+catalog+"\nsymbol: XBTUSD\nstrategy: sma_cross\nworkers: 3\nmethod: grid\n"+
		"faults:\n  lost: 0.001\n  overload: 0.01\nparam:\n  fast: 20..60:20\n  qty: 5000\n"), 0o600))
	s := sweepInto(t, filepath.Join(dir, "out"), "-c", file, "--seed", "9")
	require.Len(t, s.Runs, 3)
	require.Equal(t, "backtest run --catalog="+catalog+" --faults=lost=0.001 --faults=overload=0.01 --seed=9 --strategy=sma_cross --symbol=XBTUSD", s.Command)
	words := slices.Concat(strings.Fields(s.Command)[1:], []string{"--param", "fast=40", "--param", "qty=5000", "--json", "--no-report"})
	var r reports.Result
	require.NoError(t, json.Unmarshal([]byte(mustBacktest(t, words...)), &r))
	require.Equal(t, r.Digest, s.Runs[1].Digest)
}

func TestSweepPageInABrowser(t *testing.T) {
	racetest.Skip(t)
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	if testing.Short() {
		t.Skip("starts a browser")
	}
	_, args := smallSweep(t)
	dir := filepath.Join(t.TempDir(), "sweep")
	s := sweepInto(t, dir, args...)
	page := browse(t, browser, filepath.Join(dir, reports.PageFile))
	require.Contains(t, page, "1–11 of 11", "every run is listed")
	require.Equal(t, 1, strings.Count(page, `<table class="surface`), "one pair of parameters")
	require.Contains(t, page, "11 of 11 runs are kept; the strong line is run "+strconv.Itoa(*s.Best))
	require.Equal(t, 1, strings.Count(page, `class="uplot`), "the curves")
}

// BenchmarkSweep is what sharing one reading of the data saves: sixteen runs one at a
// time, and several together.
func BenchmarkSweep(b *testing.B) {
	const runs = 16
	for _, data := range []struct {
		name, kind string
		length     time.Duration
		args       []string
	}{
		{"bars", "bar-1m", 365 * 24 * time.Hour, []string{"--strategy", "sma_cross", "--param", "slow=100..250:10", "--param", "qty=5000", "--param", "bars=1h"}},
		{"book", "book", 12 * time.Hour, []string{"--strategy", "buy_and_hold", "--param", "qty=1..16", "--sample-every", "1m"}},
	} {
		catalog, _ := history(b, "2019-01-01", data.length, data.kind)
		for _, workers := range []int{1, 2, 4, 8, 16} {
			b.Run(data.name+"/workers="+strconv.Itoa(workers), func(b *testing.B) {
				for b.Loop() {
					args := append([]string{"sweep", "--catalog", catalog, "--symbol", "XBTUSD", "--balance", "100 XBT", "--workers", strconv.Itoa(workers),
						"--out", filepath.Join(b.TempDir(), "sweep")}, data.args...)
					code, _, stderr := backtestTB(args...)
					require.Zero(b, code, stderr)
				}
				b.ReportMetric(float64(b.N)*runs/b.Elapsed().Seconds(), "runs/s")
			})
		}
	}
}

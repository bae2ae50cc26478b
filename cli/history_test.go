package cli_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/strategies"
)

// shared returns a file of the optional directory of real recordings.
func shared(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("DUNAMIS_SHARED")
	if root == "" {
		t.Skip("DUNAMIS_SHARED names no directory of real recordings")
	}
	path := filepath.Join(root, "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no real recording: %v", err)
	}
	return path
}

// backtest runs the command and returns its exit code and what it printed.
func backtest(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = newApp(args, &out, &errs).Run(context.Background())
	return code, out.String(), errs.String()
}

func newApp(args []string, stdout, stderr io.Writer) *cli.App {
	return &cli.App{Args: args, Stdout: stdout, Stderr: stderr, Strategies: strategies.All(), Now: time.Now}
}

func mustBacktest(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := backtest(t, args...)
	require.Equal(t, cli.ExitOK, code, "backtest %s\n%s", strings.Join(args, " "), stderr)
	return stdout
}

func runJSON(t *testing.T, args ...string) reports.Result {
	t.Helper()
	stdout := mustBacktest(t, append([]string{"run", "--json", "--no-report"}, args...)...)
	var r reports.Result
	require.NoError(t, json.Unmarshal([]byte(stdout), &r))
	return r
}

// book is an independent account of the simplest kind: one inverse contract of
// 1 USD, a lot of 1, prices in half dollars, taker fills only. It shares no code
// with the engine.
type book struct {
	realised, fees       int64
	position, entryValue int64 // signed contracts; value of one contract at entry
}

// contractValue is 1 USD in satoshis at a price in half dollars, halves up.
func contractValue(half int64) int64 { return (2*2*100_000_000 + half) / (2 * half) }

// trade fills a signed quantity at a price; the position is all of one entry
// price, since strategies here only open from flat or flip.
func (b *book) trade(qty, half int64) {
	value := contractValue(half)
	size := max(qty, -qty)
	b.fees += (size*value*75 + 50_000) / 100_000
	if b.position != 0 {
		closed := max(b.position, -b.position)
		gain := closed * (b.entryValue - value) // a long gains as the value falls
		if b.position < 0 {
			gain = -gain
		}
		b.realised += gain
		b.position, qty = 0, qty+map[bool]int64{true: closed, false: -closed}[qty < 0]
	}
	b.position, b.entryValue = qty, value
}

func (b *book) unrealised(half int64) int64 {
	return b.position * (b.entryValue - contractValue(half))
}

// minute is a bar in half dollars.
type minute struct{ open, high, low, close int64 }

func readMinutes(t *testing.T, path string) []minute {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	r := csv.NewReader(z)
	_, err = r.Read()
	require.NoError(t, err)
	var out []minute
	for {
		row, err := r.Read()
		if err == io.EOF {
			return out
		}
		require.NoError(t, err)
		var m minute
		for i, p := range []*int64{&m.open, &m.high, &m.low, &m.close} {
			v, err := strconv.ParseFloat(row[2+i], 64)
			require.NoError(t, err)
			*p = int64(v * 2)
		}
		out = append(out, m)
	}
}

// replay executes the target that decide returns at each close at the next open,
// clamped into the bar, one tick against us.
func replay(bars []minute, decide func(closed int64) int64) book {
	var b book
	target := int64(0)
	for _, m := range bars {
		if d := target - b.position; d != 0 {
			price := min(max(m.open, m.low), m.high) + 1
			if d < 0 {
				price -= 2
			}
			b.trade(d, price)
		}
		target = decide(m.close)
	}
	return b
}

// smaTarget is long above, short below, with integer sums.
func smaTarget(fast, slow int, qty int64) func(int64) int64 {
	var closes []int64
	var fastSum, slowSum, target int64
	return func(c int64) int64 {
		closes = append(closes, c)
		n := len(closes)
		fastSum += c
		slowSum += c
		if n > fast {
			fastSum -= closes[n-1-fast]
		}
		if n > slow {
			slowSum -= closes[n-1-slow]
		}
		if n < slow {
			return 0
		}
		switch f, s := fastSum*int64(slow), slowSum*int64(fast); {
		case f > s:
			target = qty
		case f < s:
			target = -qty
		}
		return target
	}
}

func TestYearsOfRealBarsMatchAnIndependentCalculation(t *testing.T) {
	racetest.Skip(t)
	const start = 100_000_000 * 10
	catalog := t.TempDir()
	var bars []minute
	for _, name := range []string{"bitmex/XBTUSD-1m-2019.csv.gz", "bitmex/XBTUSD-1m-2020.csv.gz"} {
		path := shared(t, name)
		mustBacktest(t, "data", "import", "--catalog", catalog, path)
		bars = append(bars, readMinutes(t, path)...)
	}
	require.Len(t, bars, 525_600+527_040)
	base := []string{"--catalog", catalog, "--symbol", "XBTUSD", "--balance", "10 XBT"}
	type trial struct {
		name   string
		args   []string
		decide func(int64) int64
	}
	for _, tt := range []trial{
		{"sma_cross 20/100", []string{"--strategy", "sma_cross", "--param", "bars=1m,fast=20,slow=100,qty=100"},
			smaTarget(20, 100, 100)},
		{"buy_and_hold", []string{"--strategy", "buy_and_hold", "--param", "qty=10000"}, func(int64) int64 { return 10_000 }},
		{"sma_cross 60/480", []string{"--strategy", "sma_cross", "--param", "bars=1m,fast=60,slow=480,qty=1000"},
			smaTarget(60, 480, 1000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := replay(bars, tt.decide)
			got := runJSON(t, append(tt.args, base...)...).Account
			require.EqualValues(t, want.realised, got.RealisedPnL)
			require.EqualValues(t, want.fees, got.Fees)
			require.EqualValues(t, 0, got.Funding)
			require.EqualValues(t, start+want.realised-want.fees, got.EndBalance)
			require.EqualValues(t, want.unrealised(bars[len(bars)-1].close), got.UnrealisedPnL)
		})
	}
}

func TestSameBytesWhateverTheProcessors(t *testing.T) {
	racetest.Skip(t)
	digest := func(procs int) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		return mustBacktest(t, "demo", "--json", "--no-report")
	}
	one := digest(1)
	require.Equal(t, one, digest(2))
	require.Equal(t, one, digest(4))
}

func TestRealYearsVerifyWithFactsAndNoProblems(t *testing.T) {
	racetest.Skip(t)
	catalog := t.TempDir()
	out := mustBacktest(t, "data", "import", "--catalog", catalog, shared(t, "bitmex/XBTUSD-1m-2019.csv.gz"))
	require.Contains(t, out, "525600 rows, 525600 imported")
	out = mustBacktest(t, "data", "verify", "--catalog", catalog)
	require.Contains(t, out, "fact: open outside: 9814")
	require.Contains(t, out, "fact: quiet: 3")
	require.Contains(t, out, "no problems")
	for _, strategy := range []string{"grid_maker", "buy_and_hold", "sma_cross", "donchian", "bollinger_reversion"} {
		got := runJSON(t, "--catalog", catalog, "--symbol", "XBTUSD", "--balance", "100 XBT", "--strategy", strategy,
			"--from", "2019-03-01", "--to", "2019-06-01", "--param", "qty=100")
		require.Positive(t, got.Counts.Fills, strategy)
	}
}

// The recording of a real L2 book, whose recorder's clock was 1.27 s behind.
func TestRealBookIsReplayedAlikeOnEveryMachine(t *testing.T) {
	racetest.Skip(t)
	var files []string
	for _, kind := range []string{"book_ticker", "incremental_book_L2", "trades"} {
		files = append(files, shared(t, "tardis/binance-delivery_"+kind+"_2024-08-08_BTCUSD_PERP.csv.gz"))
	}
	skewed, catalog := t.TempDir(), t.TempDir()
	code, _, stderr := backtest(t, append([]string{"data", "import", "--catalog", skewed}, files...)...)
	require.Zero(t, code)
	require.Contains(t, stderr, "661397 of 661397 rows arrive before they happen")
	code, stdout, _ := backtest(t, "data", "verify", "--catalog", skewed)
	require.Equal(t, cli.ExitData, code)
	require.Contains(t, stdout, "PROBLEM: clock skew: 661397")
	run := []string{"run", "--venue", "binance", "--symbol", "BTCUSD_PERP", "--balance", "1 BTC", "--strategy", "grid_maker",
		"--param", "spacing=10,qty=10,limit=100",
		"--data", "book", "--json", "--no-report"}
	code, _, stderr = backtest(t, append(run, "--catalog", skewed, "--latency", "feed")...)
	require.Equal(t, cli.ExitData, code)
	require.Contains(t, stderr, "--clock-offset auto")

	out := mustBacktest(t, append([]string{"data", "import", "--catalog", catalog, "--clock-offset", "auto"}, files...)...)
	require.Contains(t, out, "1.270492s added, 0 remain")
	mustBacktest(t, "data", "verify", "--catalog", catalog)
	digests := make(map[string]bool)
	queues, latencies := []string{"prob-power:3", "risk-averse"}, []string{"feed", "5ms"}
	for _, queue := range queues {
		for _, latency := range latencies {
			args := slices.Concat(run, []string{"--catalog", catalog, "--queue", queue, "--latency", latency})
			before := runtime.GOMAXPROCS(1)
			one := mustBacktest(t, args...)
			runtime.GOMAXPROCS(2)
			two := mustBacktest(t, args...)
			runtime.GOMAXPROCS(before)
			require.Equal(t, one, two)
			var r reports.Result
			require.NoError(t, json.Unmarshal([]byte(one), &r))
			require.Positive(t, r.Counts.Fills)
			digests[r.Digest] = true
		}
	}
	require.Len(t, digests, len(queues)*len(latencies), "models that change nothing are not models")
}

// A script that shares no code with the engine rebuilds the account from the
// tables that a run leaves.
func TestTablesRebuildTheAccount(t *testing.T) {
	python := os.Getenv("DUNAMIS_PYTHON")
	if python == "" {
		t.Skip("DUNAMIS_PYTHON names no python that can import duckdb")
	}
	dir := filepath.Join(t.TempDir(), "run")
	mustBacktest(t, "demo", "--out", dir, "--funding-rate", "0.0001")
	out, err := exec.Command(python, "../testdata/recompute/recompute.py", dir).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "end_equity")
}

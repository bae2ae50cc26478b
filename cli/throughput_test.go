package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/data/synth"
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/internal/racetest"
)

// history writes a generated market to a new catalog and returns its directory.
func history(tb testing.TB, from string, length time.Duration, kinds ...string) (string, *exchange.Instruments) {
	tb.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(tb, err)
	xbt, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(tb, err)
	start, err := exchange.ParseTime(from)
	require.NoError(tb, err)
	dir := tb.TempDir()
	cat, err := data.Create(dir)
	require.NoError(tb, err)
	_, err = synth.Write(context.Background(), cat, synth.Config{Instrument: xbt, From: start, To: start.Add(length), Seed: 1,
		Kinds: kinds, Price: 9000 * exchange.PriceUnit})
	require.NoError(tb, err)
	return dir, set
}

// listener hears of everything and does nothing, so that what is measured is the
// way from the file to the callback.
type listener struct{ heard int64 }

func (l *listener) Init(*engine.Context) error                                         { return nil }
func (l *listener) OnBar(*engine.Context, *engine.Bar)                                 { l.heard++ }
func (l *listener) OnTrade(*engine.Context, exchange.SymbolID, exchange.Trade)         { l.heard++ }
func (l *listener) OnQuote(*engine.Context, exchange.SymbolID, exchange.Quote)         { l.heard++ }
func (l *listener) OnBook(_ *engine.Context, _ exchange.SymbolID, _ exchange.BookView) { l.heard++ }

// tickListener is a listener without bars, which tick data would have to build.
type tickListener struct{ l listener }

func (t *tickListener) Init(*engine.Context) error { return nil }
func (t *tickListener) OnTrade(c *engine.Context, s exchange.SymbolID, x exchange.Trade) {
	t.l.OnTrade(c, s, x)
}
func (t *tickListener) OnQuote(c *engine.Context, s exchange.SymbolID, x exchange.Quote) {
	t.l.OnQuote(c, s, x)
}
func (t *tickListener) OnBook(c *engine.Context, s exchange.SymbolID, x exchange.BookView) {
	t.l.OnBook(c, s, x)
}

// pass replays a catalog once, from Parquet through the simulated exchange to the
// strategy's callbacks.
func pass(b *testing.B, dir string, set *exchange.Instruments, kinds []string, latency time.Duration, s engine.Strategy) int64 {
	b.Helper()
	xbt, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(b, err)
	feed, sources := open(b, dir, set, kinds)
	defer feed.Close()
	x, err := sim.New(sim.Config{Instruments: set, Symbols: []exchange.SymbolID{xbt.ID}, Currency: xbt.Settle,
		Balance: 100_000_000})
	require.NoError(b, err)
	e, err := engine.New(engine.Config{Instruments: set, Symbols: []exchange.SymbolID{xbt.ID}, Sources: sources, Feed: feed,
		Exchange: x, Strategy: s, Delay: engine.Delay{Fixed: latency}})
	require.NoError(b, err)
	sum, err := e.Run(context.Background())
	require.NoError(b, err)
	return sum.Events
}

// BenchmarkReplay measures what docs/benchmarks.md states. Run it with -cpu 1.
func BenchmarkReplay(b *testing.B) {
	for _, tt := range []struct {
		name    string
		length  time.Duration
		kinds   []string
		latency time.Duration
		tick    bool
	}{
		{"bars", 2 * 365 * 24 * time.Hour, []string{"bar-1m"}, 0, false},
		{"quotes+trades", 48 * time.Hour, []string{"quote", "trade"}, 0, true},
		{"book+trades", 12 * time.Hour, []string{"book", "trade"}, 0, true},
		{"book+trades/latency", 12 * time.Hour, []string{"book", "trade"}, 5 * time.Millisecond, true},
	} {
		b.Run(tt.name, func(b *testing.B) {
			dir, set := history(b, "2019-01-01", tt.length, tt.kinds...)
			var strategy engine.Strategy = &listener{}
			if tt.tick {
				strategy = &tickListener{}
			}
			var events int64
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			b.ResetTimer()
			for range b.N {
				events += pass(b, dir, set, tt.kinds, tt.latency, strategy)
			}
			b.StopTimer()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(events)/b.Elapsed().Seconds()/1e6, "Mevents/s")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(events), "allocs/event")
			b.ReportMetric(float64(events)/float64(b.N), "events/op")
		})
	}
}

// BenchmarkYear is the yearly run as a user starts it, in this process.
func BenchmarkYear(b *testing.B) {
	dir, _ := history(b, "2019-01-01", 365*24*time.Hour, "bar-1m")
	b.ResetTimer()
	for range b.N {
		code, _, stderr := backtestTB("run", "--catalog", dir, "--symbol", "XBTUSD", "--strategy", "sma_cross", "--balance",
			"100 XBT", "--param", "bars=1m,qty=10000", "--no-report")
		require.Zero(b, code, stderr)
	}
}

// The work for four times the history is four times the work: nothing looks back
// over what has been.
func TestCostIsLinear(t *testing.T) {
	racetest.Skip(t)
	bytes := func(days int) float64 {
		dir, _ := history(t, "2019-01-01", time.Duration(days)*24*time.Hour, "bar-1m")
		args := []string{"run", "--catalog", dir, "--symbol", "XBTUSD", "--strategy", "sma_cross", "--balance", "100 XBT",
			"--no-report", "--param", "bars=1m,fast=10,slow=40,qty=100"}
		mustBacktest(t, args...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		mustBacktest(t, args...)
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc - before.TotalAlloc)
	}
	n, fourN := bytes(30), bytes(120)
	require.Less(t, fourN/n, 4.5, "bytes allocated: %.0f for n, %.0f for 4n", n, fourN)
}

// A run over six years takes no more memory than one over one year.
func TestMemoryDoesNotGrowWithHistory(t *testing.T) {
	if testing.Short() || racetest.Enabled || runtime.GOOS != "linux" {
		t.Skip("generates six years of minutes and reads /proc")
	}
	bin := filepath.Join(t.TempDir(), "backtest")
	out, err := exec.Command("go", "build", "-o", bin, "../cmd/backtest").CombinedOutput()
	require.NoError(t, err, string(out))
	dir, _ := history(t, "2015-01-01", 6*365*24*time.Hour, "bar-1m")
	peak := func(to string) int64 {
		cmd := exec.Command(bin, "run", "--catalog", dir, "--symbol", "XBTUSD", "--strategy", "sma_cross", "--balance", "1000 XBT",
			"--param", "bars=1m,fast=500,slow=2000,qty=1000", "--to", to, "--out", filepath.Join(t.TempDir(), "run"))
		cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		require.NoError(t, cmd.Start())
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		status := fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)
		for high := int64(0); ; time.Sleep(2 * time.Millisecond) {
			select {
			case err := <-done:
				require.NoError(t, err, out.String())
				return high
			default:
				high = max(high, highWater(status))
			}
		}
	}
	one, six := peak("2016-01-01"), peak("2021-01-01")
	t.Logf("peak memory: %d KiB for one year, %d KiB for six", one, six)
	require.Less(t, six, int64(256<<10), "KiB")
	// What the collector lets lie varies by some 16 MiB; keeping as little as a
	// float64 and a time of every bar would take 40 MiB more.
	require.Less(t, six-one, int64(32<<10), "KiB for 2.6 million bars more")
}

// highWater reads the peak resident memory of a process in KiB, 0 if it is gone.
// The resource usage that the parent gets would not do: it includes the parent's
// own memory before the child's program was loaded.
func highWater(status string) int64 {
	text, err := os.ReadFile(status)
	if err != nil {
		return 0
	}
	_, rest, found := strings.Cut(string(text), "VmHWM:")
	if fields := strings.Fields(rest); found && len(fields) > 0 {
		kib, _ := strconv.ParseInt(fields[0], 10, 64)
		return kib
	}
	return 0
}

func backtestTB(args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	app := newApp(args, &out, &errs)
	return app.Run(context.Background()), out.String(), errs.String()
}

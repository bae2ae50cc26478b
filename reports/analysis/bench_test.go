package analysis_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
	"github.com/dunamis-engine/dunamis/reports/page"
)

// BenchmarkReport makes the statistics and the page of a run of ten million samples
// and a million fills.
func BenchmarkReport(b *testing.B) {
	samples, fills := 10_000_000, 1_000_000
	if testing.Short() {
		samples, fills = 100_000, 10_000
	}
	dir := b.TempDir()
	long(b, dir, samples, fills)
	b.ReportAllocs()
	var peak uint64
	for b.Loop() {
		s, err := analysis.Write(dir)
		require.NoError(b, err)
		require.NoError(b, page.Write(dir, s))
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.Sys)
	}
	b.ReportMetric(float64(peak)/(1<<20), "MiB")
	info, err := os.Stat(filepath.Join(dir, reports.PageFile))
	require.NoError(b, err)
	require.Less(b, info.Size(), int64(8<<20))
	b.ReportMetric(float64(info.Size())/1e6, "MB-page")
}

// long records samples a second apart, and fills that are spread over them.
func long(tb testing.TB, dir string, samples, fills int) {
	tb.Helper()
	r := record(tb, dir)
	p := r.book.positions[r.symbols[0]]
	every := samples / fills
	side := exchange.Buy
	for i := range samples {
		p.MarkPrice = exchange.Price(7000+(i/7)%50) * exchange.PriceUnit
		r.sample()
		if i%every == 0 {
			r.fill(r.symbols[0], side, 100, p.MarkPrice, exchange.Money(i%11-5)*10, 3)
			if side = exchange.Buy; i/every%2 == 0 {
				side = exchange.Sell
			}
		}
		r.at = r.at.Add(time.Second)
	}
	p.Unrealised = 0
	r.finish()
}

// What a report takes does not grow with the samples: they are read, not kept.
func TestReportsDoNotKeepSamples(t *testing.T) {
	if racetest.Enabled {
		t.Skip("the race detector makes pools forget what they hold")
	}
	allocated := func(samples int) float64 {
		dir := t.TempDir()
		long(t, dir, samples, 500)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := analysis.Write(dir)
		require.NoError(t, err)
		require.NoError(t, page.Write(dir, s))
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc - before.TotalAlloc)
	}
	few, many := allocated(50_000), allocated(400_000)
	require.Less(t, many-few, 350_000*8.0, "%.0f bytes for few, %.0f for many: less than a number of each sample", few, many)
}

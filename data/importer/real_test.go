package importer

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/racetest"
)

// Real files that are too large for the repository.
const (
	bars2019   = "bitmex/XBTUSD-1m-2019.csv.gz"
	bars2020   = "bitmex/XBTUSD-1m-2020.csv.gz"
	bookFile   = "tardis/binance-delivery_incremental_book_L2_2024-08-08_BTCUSD_PERP.csv.gz"
	tradesFile = "tardis/binance-delivery_trades_2024-08-08_BTCUSD_PERP.csv.gz"
	tickerFile = "tardis/binance-delivery_book_ticker_2024-08-08_BTCUSD_PERP.csv.gz"
)

// shared returns the path of a real file, or skips the test.
func shared(tb testing.TB, file string) string {
	tb.Helper()
	root := os.Getenv("DUNAMIS_SHARED")
	if root == "" {
		tb.Skip("set DUNAMIS_SHARED to a folder whose data/ has bitmex/ and tardis/")
	}
	path := filepath.Join(root, "data", file)
	_, err := os.Stat(path)
	require.NoError(tb, err)
	return path
}

// count reads a CSV file in the most obvious way.
func count(tb testing.TB, path string, each func(cells map[string]string)) int64 {
	tb.Helper()
	file, err := os.Open(path)
	require.NoError(tb, err)
	defer file.Close()
	plain, err := gzip.NewReader(file)
	require.NoError(tb, err)
	rows := csv.NewReader(plain)
	header, err := rows.Read()
	require.NoError(tb, err)
	cells := make(map[string]string, len(header))
	var n int64
	for {
		record, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			require.NoError(tb, err)
		}
		for i, name := range header {
			cells[name] = record[i]
		}
		n++
		each(cells)
	}
}

func number(tb testing.TB, text string) float64 {
	tb.Helper()
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		require.NoError(tb, err)
	}
	return f
}

// TestRealBars imports two whole years and compares every total with an
// independent count.
func TestRealBars(t *testing.T) {
	racetest.Skip(t)
	files := map[string]int64{bars2019: 525_600, bars2020: 527_040}
	for file, rows := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			path := shared(t, file)
			var quiet, outside, volume, turnover int64
			var closes exchange.Price
			require.Equal(t, rows, count(t, path, func(c map[string]string) {
				open := number(t, c["open"])
				if open > number(t, c["high"]) || open < number(t, c["low"]) {
					outside++
				}
				if c["volume"] == "0" {
					quiet++
				}
				volume += int64(number(t, c["volume"]))
				turnover += int64(number(t, c["turnover"]))
				closes += exchange.MustPrice(c["close"])
			}))

			m, report, err := readFile(t, path, Options{Instruments: instruments(t)})
			require.NoError(t, err)
			require.Equal(t, "bitmex-bucketed", report.Format)
			require.Equal(t, rows, report.Rows)
			require.Equal(t, rows, report.Imported)
			require.Empty(t, report.Skipped)
			require.Empty(t, report.Warnings)
			require.False(t, report.Sorted)
			require.Equal(t, &BarFacts{Interval: "1m", Quiet: quiet, OpenOutside: outside}, report.Bars)
			t.Logf("%d quiet, %d open outside", quiet, outside)

			bars := m.streams[data.Key{Venue: "bitmex", Kind: "bar-1m", Symbol: "XBTUSD"}]
			require.Len(t, bars, int(rows))
			for i := range bars {
				b := bars[i].Bar()
				volume -= int64(b.Volume)
				turnover -= int64(b.Turnover)
				closes -= b.Close
				if i > 0 && bars[i-1].Bar().End != b.Start {
					require.Equal(t, bars[i-1].Bar().End, b.Start, "bar %d", i)
				}
			}
			require.Zero(t, volume)
			require.Zero(t, turnover)
			require.Zero(t, closes)
			require.Equal(t, report.Streams[0].First, bars[0].Time)
		})
	}
}

// TestRealRecording imports one recording's book, trades and quotes with one
// clock offset.
func TestRealRecording(t *testing.T) {
	files := []struct {
		file string
		rows int64
		kind string
	}{{tradesFile, 5_235, "trade"}, {tickerFile, 48_355, "quote"}, {bookFile, 661_397, "book"}}
	var paths []string
	for _, f := range files {
		paths = append(paths, shared(t, f.file))
	}
	offset, err := MeasureClockOffset(t.Context(), paths, Options{})
	require.NoError(t, err)
	require.Equal(t, "1.270492s", offset.String())
	if racetest.Enabled {
		files = files[:2]
	}
	for i, f := range files {
		t.Run(f.kind, func(t *testing.T) {
			var early, snapshot int64
			lowest := 0.0
			require.Equal(t, f.rows, count(t, paths[i], func(c map[string]string) {
				delay := number(t, c["local_timestamp"]) - number(t, c["timestamp"])
				lowest = min(lowest, delay)
				if delay < 0 {
					early++
				}
				if c["is_snapshot"] == "true" {
					snapshot++
				}
			}))

			_, plain, err := readFile(t, paths[i], Options{Instruments: instruments(t)})
			require.NoError(t, err)
			require.Equal(t, f.rows, plain.Rows)
			require.Equal(t, f.rows, plain.Imported)
			require.Equal(t, early, plain.Clock.Early)
			require.Equal(t, int64(lowest), plain.Clock.Min.Microseconds())
			require.InDelta(t, -1.26, plain.Clock.Median.Seconds(), 0.02)
			require.Len(t, plain.Warnings, 1)
			require.Contains(t, plain.Warnings[0], "--clock-offset auto")
			t.Logf("%+v", *plain.Clock)

			m, report, err := readFile(t, paths[i], Options{Instruments: instruments(t), ClockOffset: offset.String()})
			require.NoError(t, err)
			require.Zero(t, report.Clock.StillEarly)
			require.Empty(t, report.Warnings)
			require.Zero(t, report.Clamped)
			require.Empty(t, report.Skipped)
			events := m.streams[data.Key{Venue: "binance-delivery", Kind: f.kind, Symbol: "BTCUSD_PERP"}]
			require.Len(t, events, int(f.rows))
			for n := range events {
				e := &events[n]
				if e.Arrival < e.Time.Add(time.Millisecond) {
					require.GreaterOrEqual(t, e.Arrival, e.Time.Add(time.Millisecond), "event %d", n)
				}
				if e.Flags&exchange.FlagSnapshot != 0 {
					snapshot--
				}
			}
			require.Zero(t, snapshot)
		})
	}
}

// TestRealCatalog imports everything into a catalog, twice.
func TestRealCatalog(t *testing.T) {
	cat := newCatalog(t)
	files := []string{tradesFile, tickerFile, bars2019, bars2020, bookFile}
	if racetest.Enabled {
		files = files[:2]
	}
	for _, f := range files {
		path := shared(t, f)
		o := Options{Instruments: instruments(t), ClockOffset: "1.270492s"}
		start := time.Now()
		report, err := Import(t.Context(), cat, path, o)
		require.NoError(t, err)
		t.Logf("%s: %d rows, %d parts in %s", report.File, report.Rows, report.Written, time.Since(start))
		before := tree(t, cat.Root())
		again, err := Import(t.Context(), cat, path, o)
		require.NoError(t, err)
		require.Zero(t, again.Written)
		require.Equal(t, report.Written, again.Present)
		require.Equal(t, before, tree(t, cat.Root()))
	}
}

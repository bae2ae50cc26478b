package exchange

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// openShared opens a real recording that is not part of the repository, and
// skips the test when there is none.
func openShared(tb testing.TB, name string) io.Reader {
	tb.Helper()
	dir := os.Getenv("DUNAMIS_SHARED")
	if dir == "" {
		tb.Skip("set DUNAMIS_SHARED to a folder with data/ to test against real recordings")
	}
	f, err := os.Open(filepath.Join(dir, "data", name))
	if errors.Is(err, os.ErrNotExist) {
		tb.Skipf("DUNAMIS_SHARED has no data/%s", name)
	}
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, f.Close()) })
	if filepath.Ext(name) != ".gz" {
		return f
	}
	z, err := gzip.NewReader(f)
	require.NoError(tb, err)
	return z
}

// recordedBook reads eleven minutes of the book of Binance's BTCUSD_PERP, tick
// 0.1: a snapshot of 2000 levels and 659 397 changes.
func recordedBook(tb testing.TB) []Event {
	tb.Helper()
	in := csv.NewReader(openShared(tb, "tardis/binance-delivery_incremental_book_L2_2024-08-08_BTCUSD_PERP.csv.gz"))
	in.ReuseRecord = true
	_, err := in.Read()
	require.NoError(tb, err)
	var events []Event
	snapshot := false
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return events
		}
		require.NoError(tb, err)
		side, flags := Buy, Flags(0)
		if row[5] == "ask" {
			side = Sell
		}
		if row[4] == "true" && !snapshot {
			flags = FlagClear
		}
		snapshot = row[4] == "true"
		price, err := ParsePrice(row[6])
		require.NoError(tb, err)
		qty, err := ParseQty(row[7])
		require.NoError(tb, err)
		events = append(events, LevelEvent(0, 0, 0, side, Level{Price: price, Qty: qty}, flags))
	}
}

func TestBookAgreesOnARecording(t *testing.T) {
	got, want := NewBook(PriceUnit/10), newPlainBook()
	events := recordedBook(t)
	for i := range events {
		e := &events[i]
		got.Apply(e)
		if e.Flags&FlagClear != 0 {
			want.clear()
		}
		want.set(e.Side, e.Level().Price, e.Level().Qty)
		if i%5000 == 0 {
			sameBook(t, want, got, e.Level().Price)
		}
	}
	sameBook(t, want, got, got.Bid().Price)
	t.Logf("%d bids, %d asks, spill %d and %d", got.Len(Buy), got.Len(Sell), len(got.bids.spill), len(got.asks.spill))
}

func BenchmarkBookRecording(b *testing.B) {
	events := recordedBook(b)
	book := NewBook(PriceUnit / 10)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		for i := range events {
			book.Apply(&events[i])
			benchSink += book.Bid().Price + book.Ask().Price
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(events)), "ns/change")
}

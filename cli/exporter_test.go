package cli

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// A venue's times may go back; those of a catalog do not, from one segment to the next
// either.
func TestExportedTimes(t *testing.T) {
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	cat, err := data.Create(filepath.Join(t.TempDir(), "catalog"))
	require.NoError(t, err)
	x := &exporter{plan: &plan{set: set}, last: map[data.Key]exchange.Time{}, state: map[data.Key]exchange.Event{}}
	key := data.Key{Venue: "bitmex", Kind: "trade", Symbol: "XBTUSD"}
	day, err := exchange.ParseTime("2024-01-01")
	require.NoError(t, err)
	for n, times := range [][]exchange.Time{{5, 3, 9}, {7, 12}} {
		tx, err := cat.NewTx(data.Source{Name: "test", Digest: strings.Repeat(string(rune('a'+n)), 64), Importer: "test"})
		require.NoError(t, err)
		var events []exchange.Event
		for k, at := range times {
			events = append(events, exchange.TradeEvent(day+at, day+100, i.ID, exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("100"), Qty: exchange.Qty(10*n + k + 1)}))
		}
		require.NoError(t, x.write(tx, append(events, exchange.OperatorEvent(day, i.ID, exchange.OperationKill)), map[string]int64{}))
		_, err = tx.Commit(t.Context())
		require.NoError(t, err)
	}
	feed, err := cat.Feed(t.Context(), data.Query{Instruments: set, Streams: []data.Key{key}})
	require.NoError(t, err)
	defer feed.Close() //nolint:errcheck // only read
	var times []exchange.Time
	events := make([]exchange.Event, 10)
	for {
		n, err := feed.Next(t.Context(), events)
		for _, e := range events[:n] {
			times = append(times, e.Time-day)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	require.Equal(t, []exchange.Time{5, 5, 9, 9, 12}, times)
}

// A connection that begins anew says again how the market is: that is no second row. What
// comes back to where it was is one.
func TestExportedStateIsNotRepeated(t *testing.T) {
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	cat, err := data.Create(filepath.Join(t.TempDir(), "catalog"))
	require.NoError(t, err)
	x := &exporter{plan: &plan{set: set}, last: map[data.Key]exchange.Time{}, state: map[data.Key]exchange.Event{}}
	day, err := exchange.ParseTime("2024-01-01")
	require.NoError(t, err)
	mark := func(at exchange.Time, heard exchange.Time, price string) exchange.Event {
		return exchange.MarkEvent(day+at, day+heard, i.ID, exchange.Mark{Mark: exchange.MustPrice(price)})
	}
	tx, err := cat.NewTx(data.Source{Name: "test", Digest: strings.Repeat("a", 64), Importer: "test"})
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Abort()) }()
	rows := map[string]int64{}
	for _, batch := range [][]exchange.Event{{mark(5, 10, "100")}, {mark(5, 20, "100"), mark(6, 21, "101"), mark(6, 22, "100"), mark(7, 23, "100")}} {
		require.NoError(t, x.write(tx, batch, rows))
	}
	require.Equal(t, map[string]int64{"bitmex/mark/XBTUSD": 4}, rows)
}

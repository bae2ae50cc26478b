package session

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// fill gives every field a value of its own, or, where few are possible, not the zero.
func fill(v reflect.Value, n *int64) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.String:
		*n++
		v.SetString(fmt.Sprint("s", *n))
	case reflect.Int64:
		*n++
		v.SetInt(*n * 1_000_003)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		v.SetUint(1)
	default:
		panic(v.Kind())
	}
}

// A batch keeps every field of the reports of a venue, beside events or alone.
func TestBatchesKeepReports(t *testing.T) {
	var full exchange.Report
	n := int64(0)
	fill(reflect.ValueOf(&full).Elem(), &n)
	require.Greater(t, n, int64(60))
	event := exchange.TradeEvent(5, 6, 1, exchange.Trade{Side: exchange.Buy, Price: 7, Qty: 8})
	var blob []byte
	var err error
	batches := []heard{{reports: []exchange.Report{full, {Kind: exchange.ReportOrder}}}, {events: []exchange.Event{event}},
		{reports: []exchange.Report{full}, events: []exchange.Event{event, event}}}
	for _, b := range batches {
		blob, err = encodeBatch(blob, b.reports, b.events)
		require.NoError(t, err)
	}
	var got heard
	for _, want := range batches {
		blob, err = decodeBatch(blob, &got)
		require.NoError(t, err)
		require.Equal(t, want.reports, got.reports)
		require.Len(t, got.events, len(want.events))
		for i := range want.events {
			require.Equal(t, want.events[i], got.events[i])
		}
	}
	require.Empty(t, blob)
}

// What is not a batch is an error and no panic.
func FuzzBatch(f *testing.F) {
	blob, err := encodeBatch(nil, []exchange.Report{{Kind: exchange.ReportMargin}}, []exchange.Event{exchange.TradeEvent(1, 2, 3, exchange.Trade{Price: 4})})
	require.NoError(f, err)
	f.Add(blob)
	f.Add([]byte{0, 200, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var h heard
		if rest, err := decodeBatch(b, &h); err == nil {
			require.Less(t, len(rest), len(b))
		}
	})
}

// A database of the version before is brought up to date when it is next run, and can be
// looked at until then.
func TestOlderDatabase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s, err := Create(t.Context(), dir, "{}", exchange.TimeOf(time.Unix(0, 0)))
	require.NoError(t, err)
	_, err = s.db.ExecContext(t.Context(), "DROP TABLE commands; DROP TABLE shadow; DROP TABLE fates; PRAGMA user_version = 1")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	s, err = Read(t.Context(), dir)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	for range 2 {
		s, err = Open(t.Context(), dir)
		require.NoError(t, err)
		var version, rows int
		require.NoError(t, s.db.QueryRowContext(t.Context(), "SELECT count(*) FROM commands").Scan(&rows))
		require.NoError(t, s.db.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version))
		require.Equal(t, schemaVersion, version)
		require.NoError(t, s.Close())
	}
}

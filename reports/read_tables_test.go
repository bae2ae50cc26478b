package reports

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// What the tables give back adds up to the result.
func TestReadTables(t *testing.T) {
	dir := t.TempDir()
	m := newModel(t, dir, 1_000_000_000)
	m.sample()
	m.fill(0, 100, "7000")
	m.wait(time.Hour)
	m.sample()
	m.fill(0, -100, "7100")
	m.wait(time.Hour)
	result := m.finish()

	var fees, realised int64
	require.NoError(t, ReadFills(dir, func(rows []FillRow) error {
		for i := range rows {
			fees, realised = fees+rows[i].Fee, realised+rows[i].Realised
		}
		return nil
	}))
	require.Equal(t, int64(result.Account.Fees), fees)
	require.Equal(t, int64(result.Account.RealisedPnL), realised)
	var last EquityRow
	samples := int64(0)
	require.NoError(t, ReadEquity(dir, func(rows []EquityRow) error {
		samples += int64(len(rows))
		last = rows[len(rows)-1]
		return nil
	}))
	require.Equal(t, result.Counts.Samples, samples)
	require.Equal(t, int64(result.Account.EndEquity), last.Equity)
	orders := int64(0)
	require.NoError(t, ReadOrders(dir, func(rows []OrderRow) error { orders += int64(len(rows)); return nil }))
	require.Equal(t, result.Counts.Orders, orders)
	require.NoError(t, ReadFunding(dir, func([]FundingRow) error { return errors.New("there is none") }))

	stop := errors.New("enough")
	require.ErrorIs(t, ReadFills(dir, func([]FillRow) error { return stop }), stop)
}

func TestReadTablesRefuses(t *testing.T) {
	dir := t.TempDir()
	m := newModel(t, dir, 1_000_000_000)
	m.sample()
	m.finish()
	none := func([]FillRow) error { return nil }
	require.NoError(t, os.Remove(filepath.Join(dir, FillsFile)))
	require.ErrorIs(t, ReadFills(dir, none), os.ErrNotExist)
	require.NoError(t, os.Rename(filepath.Join(dir, OrdersFile), filepath.Join(dir, FillsFile)))
	var schema *SchemaError
	require.ErrorAs(t, ReadFills(dir, none), &schema)
	require.Equal(t, SchemaError{File: FillsFile, Have: "dunamis.orders/2", Want: "dunamis.fills/1"}, *schema)
	require.NoError(t, os.WriteFile(filepath.Join(dir, FillsFile), []byte("PAR1 or not"), 0o644))
	require.ErrorContains(t, ReadFills(dir, none), "fills.parquet: not a table of a run")
}

// Columns that are read into rows give what the library reads row by row.
func TestColumnsAreRows(t *testing.T) {
	dir := t.TempDir()
	m := newModel(t, dir, 1_000_000_000)
	m.sample()
	for i := range 3000 {
		m.fill(0, exchange.Qty(100*(1-2*(i%2))), "7000")
		if i%3 == 0 {
			m.wait(time.Minute)
		}
		m.sample()
	}
	m.finish()
	requireSameRows(t, dir, FillsFile, ReadFills[FillRow])
	requireSameRows(t, dir, OrdersFile, ReadOrders[OrderRow])
	requireSameRows(t, dir, EquityFile, ReadEquity)

	for want, err := range map[string]error{
		"orders.parquet: no column wanted": ReadOrders(dir, func([]struct {
			Wanted int64 `parquet:"wanted"`
		}) error {
			return nil
		}),
		"fills.parquet: column symbol is a": ReadFills(dir, func([]struct {
			Symbol int64 `parquet:"symbol,dict"`
		}) error {
			return nil
		}),
	} {
		require.ErrorContains(t, err, want)
	}

	type older struct { // than a column that came later
		Qty   int64 `parquet:"qty,delta"`
		Later int64 `parquet:"later" since:"later"`
	}
	require.NoError(t, ReadOrders(dir, func(rows []older) error {
		require.NotEmpty(t, rows)
		for _, row := range rows {
			require.Equal(t, older{Qty: 100}, row)
		}
		return nil
	}))
}

func requireSameRows[R any](t *testing.T, dir, name string, read func(string, func([]R) error) error) {
	t.Helper()
	want, err := parquet.ReadFile[R](filepath.Join(dir, name))
	require.NoError(t, err)
	require.NotEmpty(t, want)
	var have []R
	require.NoError(t, read(dir, func(rows []R) error { have = append(have, rows...); return nil }))
	require.Equal(t, want, have, name)
}

// A damaged table is an error, wherever it is damaged.
func TestDamagedTables(t *testing.T) {
	dir := t.TempDir()
	m := newModel(t, dir, 1_000_000_000)
	m.sample()
	for i := range 50 {
		m.fill(0, exchange.Qty(100*(1-2*(i%2))), "7000")
		m.wait(time.Minute)
		m.sample()
	}
	m.finish()
	path := filepath.Join(dir, FillsFile)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for at := 4; at < len(whole); at += 97 {
		damaged := bytes.Clone(whole)
		for i := at; i < min(at+9, len(damaged)); i++ {
			damaged[i] ^= 0x5a
		}
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		require.NotPanics(t, func() { _ = ReadFills(dir, func([]FillRow) error { return nil }) })
	}
}

package reports

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
	require.Equal(t, SchemaError{File: FillsFile, Have: "dunamis.orders/1", Want: "dunamis.fills/1"}, *schema)
	require.NoError(t, os.WriteFile(filepath.Join(dir, FillsFile), []byte("PAR1 or not"), 0o644))
	require.ErrorContains(t, ReadFills(dir, none), "fills.parquet: not a table of a run")
}

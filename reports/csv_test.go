package reports

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// The columns of CSV files are those of the tables, in their order, and each row has
// a cell for every one.
func TestCSVHasTheColumnsOfTheTables(t *testing.T) {
	for name, c := range map[string]struct {
		row   any
		head  string
		cells []string
	}{
		"orders":  {OrderRow{}, orderHead, orderRecord(nil, &OrderRow{})},
		"fills":   {FillRow{}, fillHead, fillRecord(nil, &FillRow{})},
		"funding": {FundingRow{}, fundingHead, fundingRecord(nil, &FundingRow{})},
		"equity":  {EquityRow{}, equityHead, equityRecord(nil, &EquityRow{})},
	} {
		var columns []string
		for _, path := range parquet.SchemaOf(c.row).Columns() {
			columns = append(columns, path[0])
		}
		require.Equal(t, columns, strings.Fields(c.head), name)
		require.Len(t, c.cells, len(columns), name)
	}
}

func TestCSVOfARun(t *testing.T) {
	dir := t.TempDir()
	m := newModel(t, dir, 1_000_000_000)
	m.sample()
	m.fill(0, 100, "7000.5")
	m.finish()
	names, err := WriteCSV(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"orders.csv", "fills.csv", "funding.csv", "equity.csv"}, names)
	text, err := os.ReadFile(filepath.Join(dir, "fills.csv"))
	require.NoError(t, err)
	require.Contains(t, string(text), ",Buy,100,7000.5,")
	lines := strings.Split(string(text), "\n")
	rate := slices.Index(strings.Split(lines[0], ","), "fee_rate")
	value, err := exchange.ParseRatio(strings.Split(lines[1], ",")[rate])
	require.NoError(t, err)
	require.Less(t, max(value, -value), exchange.RatioUnit/100, "a rate, not its integer")

	_, err = WriteCSV(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.Remove(filepath.Join(dir, "funding.csv")))
	require.NoError(t, os.Remove(filepath.Join(dir, FundingFile)))
	_, err = WriteCSV(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
	left, err := filepath.Glob(filepath.Join(dir, "*funding*"))
	require.NoError(t, err)
	require.Empty(t, left, "nothing half-written")
}

package importer

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
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

package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
)

// buyBoth buys a lot of every symbol at its first bar.
type buyBoth struct {
	bought map[exchange.SymbolID]bool
}

func (b *buyBoth) Init(*engine.Context) error { return nil }

func (b *buyBoth) OnBar(ctx *engine.Context, bar *engine.Bar) {
	if !b.bought[bar.Symbol] {
		b.bought[bar.Symbol] = true
		if _, err := ctx.Market(bar.Symbol, ctx.Terms(bar.Symbol).LotSize); err != nil {
			panic(err)
		}
	}
}

// twoCurrencies runs a strategy on a contract that settles in XBT and one that settles in
// USDT, and returns what it prints.
func twoCurrencies(t *testing.T, cat string, args ...string) (out, errs string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	app := newApp(append([]string{"run", "--catalog", cat, "--symbol", "XBTUSD", "--symbol", "XBTUSDT", "--strategy", "both"}, args...), &stdout, &stderr)
	app.Strategies = []engine.Definition{{Name: "both", New: func(engine.Values) (engine.Strategy, error) {
		return &buyBoth{bought: map[exchange.SymbolID]bool{}}, nil
	}}}
	code = app.Run(t.Context())
	return stdout.String(), stderr.String(), code
}

// A run in two currencies has an account with two wallets, and a report for each.
func TestTwoWallets(t *testing.T) {
	dir := t.TempDir()
	bars := "timestamp,symbol,open,high,low,close,trades,volume,vwap,lastSize,turnover,homeNotional,foreignNotional\n"
	for _, symbol := range []string{"XBTUSD", "XBTUSDT"} {
		for _, minute := range []string{"01", "02", "03"} {
			bars += "2025-01-01T00:" + minute + ":00.000Z," + symbol + ",70000,70100,69900,70000,10,100000,70000,100,142857000,1.42857,100000\n"
		}
	}
	file, cat := filepath.Join(dir, "bars.csv"), filepath.Join(dir, "cat")
	require.NoError(t, os.WriteFile(file, []byte(bars), 0o600))
	var stderr bytes.Buffer
	require.Zero(t, newApp([]string{"data", "import", "--catalog", cat, file}, &bytes.Buffer{}, &stderr).Run(t.Context()), stderr.String())

	runs := filepath.Join(dir, "run")
	out, errs, code := twoCurrencies(t, cat, "--balance", "1 XBT, 50000 USDT", "--out", runs, "--json")
	require.Zero(t, code, errs)
	var results []reports.Result
	require.NoError(t, json.Unmarshal([]byte(out), &results))
	require.Len(t, results, 2)
	for n, want := range []struct {
		dir, symbol, currency string
		start                 int64
	}{{runs, "XBTUSD", "XBt", 100_000_000}, {runs + "-USDt", "XBTUSDT", "USDt", 50_000_000_000}} {
		r := &results[n]
		require.Equal(t, []string{want.symbol}, r.Run.Symbols)
		require.Equal(t, want.currency, r.Account.Currency)
		require.EqualValues(t, want.start, r.Account.StartBalance)
		require.EqualValues(t, 1, r.Counts.Fills)
		require.Positive(t, r.Account.Fees)
		require.Len(t, r.Positions, 1)
		kept, err := reports.ReadResult(want.dir)
		require.NoError(t, err)
		require.Equal(t, r.Digest, kept.Digest)
		require.FileExists(t, filepath.Join(want.dir, reports.PageFile))
	}

	out, errs, code = twoCurrencies(t, cat, "--balance", "50000 USDT,1 XBT", "--no-report")
	require.Zero(t, code, errs)
	require.Equal(t, 2, strings.Count(out, "both on "), out)
	require.Contains(t, out, "equity of all wallets at the last prices: 1.71428", "50000 USDT at 70000")

	for balance, reason := range map[string]string{
		"1 XBT":                    "there is no USDT, in which symbols of the run settle",
		"1 XBT, 2 XBT":             "a second amount of XBT",
		"1 XBT, 5 EUR":             "no symbol settles in such an amount",
		"1 XBT, 5":                 "want an amount and a currency",
		"1 XBT, 50000 USDT, 1 XBt": "a second amount of XBT",
	} {
		_, errs, code = twoCurrencies(t, cat, "--balance", balance, "--no-report")
		require.Equal(t, 2, code, balance)
		require.Contains(t, errs, reason, balance)
	}

	// A pair that is exchanged between the wallets is not for these reports.
	_, errs, code = twoCurrencies(t, cat, "--symbol", "XBT_USDT", "--balance", "1 XBT, 50000 USDT", "--no-report")
	require.Equal(t, 2, code)
	require.Contains(t, errs, "bitmex:XBT_USDT is exchanged into the XBT wallet of the run")

	// Sweeps and sessions have one wallet.
	var stdout bytes.Buffer
	stderr.Reset()
	code = newApp([]string{"sweep", "--catalog", cat, "--symbol", "XBTUSD", "--symbol", "XBTUSDT", "--strategy", "sma_cross", "--param", "fast=10..20:10"}, &stdout, &stderr).Run(t.Context())
	require.Equal(t, 2, code)
	require.Contains(t, stderr.String(), "only backtest run and paper serve have accounts with several wallets")
}

package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

func TestReadOrders(t *testing.T) {
	const head = "id,send,cancel,side,price,qty\n"
	for _, c := range []struct{ name, text, wrong string }{
		{"two orders", head + "a,20,40,buy,100.5,3\nb,10,30,sell,101,4\n", ""},
		{"no orders", head, ""},
		{"empty", "", "EOF"},
		{"other columns", "id,price\n", `columns ["id" "price"], want ["id" "send" "cancel" "side" "price" "qty"]`},
		{"a time", head + "a,soon,40,buy,100,3\n", "line 2: send"},
		{"no later cancel", head + "a,20,20,buy,100,3\n", `line 2: cancel "20": want a time after send`},
		{"a side", head + "a,20,40,long,100,3\n", `line 2: side "long": want buy or sell`},
		{"a price", head + "a,20,40,buy,high,3\n", "line 2: price"},
		{"a quantity", head + "a,20,40,buy,100,0.5\n", "line 2: "},
		{"a field too few", head + "a,20,40,buy,100\n", "wrong number of fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "orders.csv")
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
			list, err := readOrders(path)
			if c.wrong != "" {
				require.ErrorContains(t, err, c.wrong)
				require.ErrorContains(t, err, path)
				return
			}
			require.NoError(t, err)
			if c.name != "two orders" {
				require.Empty(t, list)
				return
			}
			b := exchange.NewOrder{
				ClientID: "b",
				Type:     exchange.Limit,
				ExecInst: exchange.PostOnly,
				Side:     exchange.Sell,
				Price:    exchange.MustPrice("101"),
				Qty:      4,
			}
			require.Equal(t, action{10, "b", b}, list[0])
			require.Equal(
				t,
				[]exchange.Time{10, 20, 30, 40},
				[]exchange.Time{list[0].at, list[1].at, list[2].at, list[3].at},
			)
			require.Equal(t, action{40, "a", exchange.NewOrder{}}, list[3])
		})
	}
	_, err := readOrders(filepath.Join(t.TempDir(), "none.csv"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// The comparison with backtesting.py over two weeks of minutes: every fill is the same, and the
// equity at the end.
func TestBarsAsInBacktestingPy(t *testing.T) {
	python, shared := os.Getenv("DUNAMIS_PYTHON"), os.Getenv("DUNAMIS_SHARED")
	if python == "" || shared == "" {
		t.Skip("DUNAMIS_PYTHON or DUNAMIS_SHARED is not set")
	}
	if err := exec.Command(python, "-c", "import backtesting, pandas, polars").Run(); err != nil {
		t.Skip("the Python of DUNAMIS_PYTHON lacks backtesting, pandas or polars")
	}
	ctx, dir := t.Context(), t.TempDir()
	run := func(name string, args ...string) string {
		t.Helper()
		var errs bytes.Buffer
		c := exec.CommandContext(ctx, name, args...)
		c.Stderr, c.WaitDelay = &errs, 10*time.Second
		out, err := c.Output()
		require.NoError(t, err, errs.String())
		return string(out)
	}
	play, catalog := filepath.Join(dir, "play"), filepath.Join(dir, "catalog")
	rows := filepath.Join(dir, "XBTUSD-1m.csv")
	first := firstRows(t, filepath.Join(shared, "data", "bitmex", "XBTUSD-1m-2020.csv.gz"), 20_000)
	require.NoError(t, os.WriteFile(rows, first, 0o600))
	run("go", "build", "-o", play, ".")
	run(play, "-", "data", "import", "--catalog", catalog, rows)
	out := run(python, "../bars_cross.py", catalog, play, filepath.Join(dir, "out"))

	fills := regexp.MustCompile(`(\d+) fills in Dunamis, (\d+) in backtesting.py, the same: (\d+)\n`).
		FindStringSubmatch(out)
	require.Len(t, fills, 4, out)
	require.Greater(t, len(fills[1]), 2, "hundreds of fills: %s", out)
	require.Equal(t, []string{fills[1], fills[1]}, fills[2:], out)
	equity := regexp.MustCompile(`Dunamis ([\d.]+), backtesting.py ([\d.]+)\n`).FindStringSubmatch(out)
	require.Len(t, equity, 3, out)
	require.Equal(t, equity[1], equity[2])
}

// firstRows returns the first lines of a compressed file.
func firstRows(t *testing.T, name string, lines int) []byte {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	text, err := io.ReadAll(z)
	require.NoError(t, err)
	end := 0
	for range lines {
		n := bytes.IndexByte(text[end:], '\n')
		require.GreaterOrEqual(t, n, 0, "%s has fewer lines", name)
		end += n + 1
	}
	return text[:end]
}

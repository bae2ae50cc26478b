package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// python returns a Python that has duckdb, or skips.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("DUNAMIS_PYTHON")
	if path == "" {
		t.Skip("DUNAMIS_PYTHON names no Python with the package duckdb")
	}
	return path
}

// recomputed is what testdata/recompute/recompute.py prints.
type recomputed struct {
	Fills      int64          `json:"fills"`
	Realised   exchange.Money `json:"realised_pnl"`
	Unrealised exchange.Money `json:"unrealised_pnl"`
	Fees       exchange.Money `json:"fees"`
	Funding    exchange.Money `json:"funding"`
	EndBalance exchange.Money `json:"end_balance"`
	EndEquity  exchange.Money `json:"end_equity"`
	OK         bool           `json:"ok"`
	Faults     []string       `json:"faults"`
}

func recompute(t *testing.T, dir string) (out recomputed, code int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), python(t), filepath.Join("..", "testdata", "recompute", "recompute.py"), dir)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	b, err := c.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		require.NoError(t, err)
	}
	require.NoError(t, json.Unmarshal(b, &out), stderr.String())
	return out, code
}

func requireSame(t *testing.T, dir string, r *Result) {
	t.Helper()
	got, code := recompute(t, dir)
	a := &r.Account
	require.Zero(t, code)
	require.Equal(t, recomputed{Fills: r.Counts.Fills, Realised: a.RealisedPnL, Unrealised: a.UnrealisedPnL, Fees: a.Fees,
		Funding: a.Funding, EndBalance: a.EndBalance, EndEquity: a.EndEquity, OK: true, Faults: []string{}}, got)
}

func TestTheTablesRebuildTheAccount(t *testing.T) {
	python(t)
	t.Run("scripted", func(t *testing.T) {
		dir := t.TempDir()
		requireSame(t, dir, scripted(t, dir).finish())
	})
	for name, symbols := range map[string]map[string][2]float64{
		"inverse, lot 1, and quanto": {"XBTUSD": {7000, 0.5}, "ETHUSD": {130, 0.05}},
		"linear in the coin":         {"XRPU21": {0.00002, 0.00000001}},
		"linear in dollars":          {"XBTUSDT": {40000, 0.5}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			requireSame(t, dir, randomRun(t, dir, symbols))
		})
	}
}

// randomRun trades at random for days: opens, adds, reduces, flips and funding.
func randomRun(t *testing.T, dir string, symbols map[string][2]float64) *Result {
	t.Helper()
	names := sortedKeys(symbols)
	m := newModel(t, dir, 1_000_000_000_000, names...)
	if names[0] == "XBTUSDT" {
		m.at = exchange.TimeOf(time.Date(2023, 1, 10, 0, 0, 0, 0, time.UTC)) // its lot and fees change on the way
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	price := func(n int) string {
		p := symbols[names[n]]
		tick, err := exchange.RoundPrice(decimalText(p[1]))
		require.NoError(t, err)
		mid, err := exchange.RoundPrice(decimalText(p[0] * (0.9 + 0.2*rnd.Float64())))
		require.NoError(t, err)
		return mid.FloorTick(tick).String()
	}
	for n := range names {
		m.mark(n, price(n))
	}
	m.sample()
	for range 2000 {
		n := rnd.IntN(len(names))
		switch rnd.IntN(5) {
		case 0:
			m.mark(n, price(n))
		case 1:
			m.funding(n, []string{"0.0001", "-0.000375"}[rnd.IntN(2)])
		case 2:
			m.wait(time.Duration(rnd.Int64N(int64(time.Hour))))
		default:
			lot := int64(m.terms(m.symbols[n]).LotSize)
			qty := lot * (rnd.Int64N(400) - 200)
			if qty == 0 {
				qty = lot
			}
			m.fill(n, exchange.Qty(qty), price(n))
		}
	}
	m.wait(time.Minute)
	return m.finish()
}

func decimalText(v float64) string {
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func TestRecomputationFindsAChangedNumber(t *testing.T) {
	python(t)
	dir := t.TempDir()
	r := scripted(t, dir).finish()
	before := files(t, dir)[ResultFile]
	for name, spoil := range map[string]func(r *Result){
		"account: fees":       func(r *Result) { r.Account.Fees++ },
		"account: end_equity": func(r *Result) { r.Account.EndEquity++ },
		"position XBTUSD":     func(r *Result) { r.Positions[0].Cost-- },
		"fill 0: value":       func(r *Result) { r.Instruments[0].Multiplier *= 2 },
		"counts: fills":       func(r *Result) { r.Counts.Fills-- },
	} {
		changed, err := parseResult([]byte(before))
		require.NoError(t, err)
		spoil(changed)
		b, err := encodeJSON(changed)
		require.NoError(t, err)
		put(t, dir, ResultFile, string(b))
		got, code := recompute(t, dir)
		require.Equal(t, 1, code, name)
		require.False(t, got.OK)
		require.Contains(t, strings.Join(got.Faults, "\n"), name)
	}
	require.NotNil(t, r)
}

// TestDuckDBReadsTheTables asks another reader for the types and a few sums.
func TestDuckDBReadsTheTables(t *testing.T) {
	dir := t.TempDir()
	r := scripted(t, dir).finish()
	script := `
import duckdb, json, sys
c = duckdb.connect()
q = lambda s, f: c.execute(s, [sys.argv[1] + "/" + f]).fetchall()
print(json.dumps({
  "types": {f: {x[0]: x[1] for x in q("DESCRIBE SELECT * FROM read_parquet(?)", f + ".parquet")} for f in ["orders", "fills", "funding", "equity"]},
  "fees": int(q("SELECT sum(fee) FROM read_parquet(?)", "fills.parquet")[0][0]),
  "orders": q("SELECT count(*) FROM read_parquet(?)", "orders.parquet")[0][0],
  "equity": q("SELECT last(equity ORDER BY time) FROM read_parquet(?)", "equity.parquet")[0][0],
  "top": str(q("SELECT max(price) FROM read_parquet(?)", "fills.parquet")[0][0]),
  "scale": [bytes(x[0]).decode() for x in q("SELECT value FROM parquet_kv_metadata(?) WHERE key = 'dunamis.currency_scale'", "fills.parquet")],
}))`
	c := exec.CommandContext(t.Context(), python(t), "-c", script, dir)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	b, err := c.Output()
	require.NoError(t, err, stderr.String())
	var got struct {
		Types                map[string]map[string]string
		Fees, Orders, Equity int64
		Top                  string
		Scale                []string
	}
	require.NoError(t, json.Unmarshal(b, &got))
	require.EqualValues(t, r.Account.Fees, got.Fees)
	require.Equal(t, r.Counts.Orders, got.Orders)
	require.EqualValues(t, r.Account.EndEquity, got.Equity)
	require.Equal(t, "7200.0000000000", got.Top)
	require.Equal(t, []string{"8"}, got.Scale)
	require.Equal(t, "DECIMAL(18,10)", got.Types["fills"]["price"])
	require.Equal(t, "BIGINT", got.Types["fills"]["fee"])
	require.Equal(t, "VARCHAR", got.Types["fills"]["symbol"])
	require.Equal(t, "BOOLEAN", got.Types["fills"]["ambiguous"])
	for table, types := range got.Types {
		require.Contains(t, types["time"], "TIMESTAMP", table)
	}
}

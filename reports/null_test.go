package reports

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"
)

// nullable are the prices of the tables as a reader of Parquet sees them.
type nullable struct {
	Price      *int64 `parquet:"price,optional"`
	StopPrice  *int64 `parquet:"stop_price,optional"`
	AvgPrice   *int64 `parquet:"avg_price,optional"`
	ArrivalMid *int64 `parquet:"arrival_mid,optional"`
	Mark       *int64 `parquet:"mark,optional"`
}

func nullables(t *testing.T, path string) []nullable {
	t.Helper()
	rows, err := parquet.ReadFile[nullable](path)
	require.NoError(t, err)
	return rows
}

// oneFill is a run with a sample before the first price, a fill, and a sample an hour later.
func oneFill(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	m := newModel(t, dir, 1_000_000_000)
	m.sample()
	m.fill(0, 100, "7000")
	m.wait(time.Hour)
	m.sample()
	m.finish()
	return dir
}

// A missing price is NULL, and is read as 0 again: a market order has no limit, an
// order that did not fill no average, a sample before the first price no mark.
func TestNoPriceIsNull(t *testing.T) {
	dir := oneFill(t)

	marks := nullables(t, filepath.Join(dir, EquityFile))
	require.Nil(t, marks[0].Mark, "before the first price")
	require.NotNil(t, marks[1].Mark)
	require.EqualValues(t, 7000*10_000_000_000, *marks[1].Mark)
	var read []int64
	require.NoError(t, ReadEquity(dir, func(rows []EquityRow) error {
		for i := range rows {
			read = append(read, rows[i].Mark)
		}
		return nil
	}))
	require.EqualValues(t, 0, read[0])
	require.EqualValues(t, 7000*10_000_000_000, read[1])

	var orders []OrderRow
	require.NoError(t, ReadOrders(dir, func(rows []OrderRow) error { orders = append(orders, rows...); return nil }))
	for i, have := range nullables(t, filepath.Join(dir, OrdersFile)) {
		for name, x := range map[string]struct {
			read int64
			file *int64
		}{"price": {orders[i].Price, have.Price}, "stop": {orders[i].StopPrice, have.StopPrice},
			"average": {orders[i].AvgPrice, have.AvgPrice}, "mid": {orders[i].ArrivalMid, have.ArrivalMid}} {
			if x.read == 0 {
				require.Nil(t, x.file, name)
			} else {
				require.Equal(t, x.read, *x.file, name)
			}
		}
	}

	_, err := WriteCSV(dir)
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(dir, "equity.csv"))
	require.NoError(t, err)
	require.Regexp(t, `(?m)^[^\n]*mark\n[^\n]*,\n[^\n]*,7000\n`, string(text), "a cell without a price is empty")
}

// Tables of the first version have 0 where there is no price, and are still read.
func TestTablesOfTheFirstVersion(t *testing.T) {
	type order struct {
		Price int64 `parquet:"price,delta,decimal(10:18)"`
	}
	type equity struct {
		Time       int64 `parquet:"time,delta,timestamp(nanosecond)"`
		Wallet     int64 `parquet:"wallet,delta"`
		Unrealised int64 `parquet:"unrealised,delta"`
		Equity     int64 `parquet:"equity,delta"`
		Realised   int64 `parquet:"realised,delta"`
		Fees       int64 `parquet:"fees,delta"`
		Funding    int64 `parquet:"funding,delta"`
		Position   int64 `parquet:"position,delta"`
		Mark       int64 `parquet:"mark,delta,decimal(10:18)"`
	}
	dir := t.TempDir()
	writeOld(t, filepath.Join(dir, OrdersFile), ordersFirst, []order{{5}, {0}})
	writeOld(t, filepath.Join(dir, EquityFile), equityFirst, []equity{{Time: 1, Mark: 0}, {Time: 2, Mark: 7}})
	var prices, marks []int64
	require.NoError(t, ReadOrders(dir, func(rows []order) error {
		for _, r := range rows {
			prices = append(prices, r.Price)
		}
		return nil
	}))
	require.NoError(t, ReadEquity(dir, func(rows []EquityRow) error {
		for i := range rows {
			marks = append(marks, rows[i].Mark)
		}
		return nil
	}))
	require.Equal(t, []int64{5, 0}, prices)
	require.Equal(t, []int64{0, 7}, marks)
}

func writeOld[R any](t *testing.T, path, schema string, rows []R) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	w := parquet.NewGenericWriter[R](f)
	w.SetKeyValueMetadata("dunamis.schema", schema)
	_, err = w.Write(rows)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, f.Close())
}

// The recipe of docs/results.md: prices are numbers for arithmetic, and averages leave out NULL.
func TestPandasReadsTheTables(t *testing.T) {
	python := os.Getenv("DUNAMIS_PYTHON")
	if python == "" {
		t.Skip("DUNAMIS_PYTHON names no python that can import pandas and pyarrow")
	}
	if err := exec.Command(python, "-c", "import pandas, pyarrow").Run(); err != nil {
		t.Skip("the Python of DUNAMIS_PYTHON lacks pandas or pyarrow")
	}
	dir := oneFill(t)
	out, err := exec.Command(python, "-c", `
import sys, pandas
equity = pandas.read_parquet(sys.argv[1] + "/equity.parquet", dtype_backend="pyarrow").set_index("time")
fills = pandas.read_parquet(sys.argv[1] + "/fills.parquet", dtype_backend="pyarrow")
mark = equity["mark"].astype("double[pyarrow]")
assert mark.isna().sum() == 1, mark
assert mark.mean() == 7000, mark.mean()
assert (mark * 1.5).iloc[1] == 10500
assert (equity["equity"] / 1e8).iloc[0] == 10
assert (fills["price"].astype("double[pyarrow]") * 2).iloc[0] == 14000
`, dir).CombinedOutput()
	require.NoError(t, err, string(out))
}

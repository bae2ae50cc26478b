package sweeps

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
)

//go:embed sweep.schema.json
var schema []byte

// JSONSchema returns the JSON Schema of sweep.json.
func JSONSchema() []byte { return bytes.Clone(schema) }

// write makes the files of a sweep, each whole or not at all.
func (s *Sweep) write(dir string, entries []Entry) error {
	kind := s.rowType()
	err := s.replaceTable(filepath.Join(dir, RunsFile), "dunamis.sweep-runs/1", kind, func(add func(any) error) error {
		for i := range s.Runs {
			if err := add(s.row(kind, &s.Runs[i])); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = s.replaceTable(filepath.Join(dir, DailyFile), "dunamis.sweep-daily/1", reflect.TypeFor[dayRow](), func(add func(any) error) error {
		for i := range entries {
			for _, d := range entries[i].Days {
				if err := add(dayRow{int32(entries[i].Run.N), int64(d.At), int64(d.Equity)}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return disk.Replace(filepath.Join(dir, SweepFile), 0o644, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(s)
	})
}

// replaceTable writes a table of one type of rows.
func (s *Sweep) replaceTable(path, schema string, row reflect.Type, rows func(add func(any) error) error) error {
	return disk.Replace(path, 0o644, func(w io.Writer) error {
		t := parquet.NewWriter(w, parquet.SchemaOf(reflect.New(row).Interface()), parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}),
			parquet.CreatedBy("dunamis", "1", "sweeps")) // not the library's version: equal sweeps give equal bytes
		t.SetKeyValueMetadata("dunamis.schema", schema)
		t.SetKeyValueMetadata("dunamis.currency", s.Account.Currency)
		t.SetKeyValueMetadata("dunamis.currency_scale", strconv.Itoa(s.Account.CurrencyScale))
		if err := rows(t.Write); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		return t.Close()
	})
}

// dayRow is a row of daily.parquet: the equity at the end of a day of a run.
type dayRow struct {
	Run    int32 `parquet:"run,delta"`
	Time   int64 `parquet:"time,delta,timestamp(nanosecond)"`
	Equity int64 `parquet:"equity,delta"`
}

// figuresRow is what follows the parameters in a row of runs.parquet.
type figuresRow struct {
	Digest       string   `parquet:"digest"`
	EndEquity    int64    `parquet:"end_equity"`
	RealisedPnL  int64    `parquet:"realised_pnl"`
	Fees         int64    `parquet:"fees"`
	Funding      int64    `parquet:"funding"`
	TotalReturn  *float64 `parquet:"total_return,optional"`
	CAGR         *float64 `parquet:"cagr,optional"`
	Sharpe       *float64 `parquet:"sharpe,optional"`
	Sortino      *float64 `parquet:"sortino,optional"`
	Volatility   *float64 `parquet:"volatility,optional"`
	MaxDrawdown  *float64 `parquet:"max_drawdown,optional"`
	WinRate      *float64 `parquet:"win_rate,optional"`
	ProfitFactor *float64 `parquet:"profit_factor,optional"`
	Exposure     *float64 `parquet:"exposure,optional"`
	Turnover     *float64 `parquet:"turnover,optional"`
	Orders       int64    `parquet:"orders"`
	Fills        int64    `parquet:"fills"`
	Trades       int64    `parquet:"trades"`
	Rejected     int64    `parquet:"rejected"`
	Liquidations int64    `parquet:"liquidations"`
}

// rowType is a row of runs.parquet, with a column for each axis: its name is that of
// the parameter, with param_ before it.
func (s *Sweep) rowType() reflect.Type {
	fields := []reflect.StructField{{Name: "N", Type: reflect.TypeFor[int32](), Tag: `parquet:"run"`}}
	for i := range s.Axes {
		fields = append(fields, reflect.StructField{Name: "P" + strconv.Itoa(i), Type: reflect.TypeOf(s.Axes[i].cell("")),
			Tag: reflect.StructTag(fmt.Sprintf(`parquet:"param_%s"`, s.Axes[i].Name))})
	}
	figures := reflect.TypeFor[figuresRow]()
	for i := range figures.NumField() {
		fields = append(fields, figures.Field(i))
	}
	return reflect.StructOf(fields)
}

// cell is a value of an axis as a column has it: a number where it is one.
func (a *Axis) cell(text string) any {
	switch a.Type {
	case engine.ParamInt, engine.ParamQty:
		v, _ := strconv.ParseInt(text, 10, 64)
		return v
	case engine.ParamFloat, engine.ParamPrice:
		return number(text)
	}
	return text
}

func (s *Sweep) row(kind reflect.Type, r *Run) any {
	row := reflect.New(kind).Elem()
	row.Field(0).Set(reflect.ValueOf(int32(r.N)))
	for i := range s.Axes {
		row.Field(1 + i).Set(reflect.ValueOf(s.Axes[i].cell(r.Params[s.Axes[i].Name])))
	}
	f := reflect.ValueOf(figuresRow{r.Digest, int64(r.EndEquity), int64(r.RealisedPnL), int64(r.Fees), int64(r.Funding), r.TotalReturn, r.CAGR, r.Sharpe,
		r.Sortino, r.Volatility, r.MaxDrawdown, r.WinRate, r.ProfitFactor, r.Exposure, r.Turnover, r.Orders, r.Fills, r.Trades, r.Rejected,
		r.Liquidations})
	for i := range f.NumField() {
		row.Field(1 + len(s.Axes) + i).Set(f.Field(i))
	}
	return row.Interface()
}

// Read reads a finished sweep and the equity at the ends of the days of its runs. A
// file of another kind is a [*reports.SchemaError], a missing one wraps
// [os.ErrNotExist].
func Read(dir string) (*Sweep, []Entry, error) {
	b, err := os.ReadFile(filepath.Join(dir, SweepFile))
	if err != nil {
		return nil, nil, err
	}
	var s Sweep
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", SweepFile, err)
	}
	if s.Schema != Schema {
		return nil, nil, &reports.SchemaError{File: SweepFile, Have: s.Schema, Want: Schema}
	}
	rows, err := parquet.ReadFile[dayRow](filepath.Join(dir, DailyFile))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", DailyFile, err)
	}
	entries := make([]Entry, len(s.Runs))
	for i := range s.Runs {
		entries[i].Run = s.Runs[i]
		for ; len(rows) > 0 && int(rows[0].Run) == s.Runs[i].N; rows = rows[1:] {
			entries[i].Days = append(entries[i].Days, analysis.Day{At: exchange.Time(rows[0].Time), Equity: exchange.Money(rows[0].Equity)})
		}
	}
	if len(rows) > 0 {
		return nil, nil, fmt.Errorf("%s: run %d is not in %s", DailyFile, rows[0].Run, SweepFile)
	}
	return &s, entries, nil
}

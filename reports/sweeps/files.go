package sweeps

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
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

// rowType is a row of runs.parquet: the number, a column for each axis, whose name is
// that of the parameter with param_ before it, how the run ended, and its figures,
// which are null of a run that did not finish.
func (s *Sweep) rowType() reflect.Type {
	fields := []reflect.StructField{{Name: "N", Type: reflect.TypeFor[int32](), Tag: `parquet:"run"`}}
	for i := range s.Axes {
		fields = append(fields, reflect.StructField{Name: "P" + strconv.Itoa(i), Type: reflect.TypeOf(s.Axes[i].cell("")),
			Tag: reflect.StructTag(fmt.Sprintf(`parquet:"param_%s"`, s.Axes[i].Name))})
	}
	for _, f := range stateFields() {
		fields = append(
			fields,
			reflect.StructField{
				Name: f.Name,
				Type: f.Type,
				Tag:  reflect.StructTag(fmt.Sprintf("parquet:%q", f.Tag.Get("json"))),
			},
		)
	}
	for _, f := range figures() {
		kind := reflect.TypeFor[*int64]()
		if f.Group == "metrics" {
			kind = reflect.TypeFor[*float64]()
		}
		fields = append(fields, reflect.StructField{Name: "F" + strconv.Itoa(f.field), Type: kind,
			Tag: reflect.StructTag(fmt.Sprintf(`parquet:"%s,optional"`, f.Name))})
	}
	return reflect.StructOf(fields)
}

// stateFields are the columns of a run between its parameters and its figures.
func stateFields() []reflect.StructField {
	var list []reflect.StructField
	kind := reflect.TypeFor[Run]()
	for i := range kind.NumField() {
		if f := kind.Field(i); f.Tag.Get("figure") == "" && f.Name != "N" && f.Name != "Params" {
			list = append(list, f)
		}
	}
	return list
}

// cell is a value of an axis as a column has it: a number where it is one.
func (a *Axis) cell(text string) any {
	switch a.Type {
	case engine.ParamInt, engine.ParamQty:
		v, _ := strconv.ParseInt(text, 10, 64)
		return v
	case engine.ParamFloat, engine.ParamPrice, engine.ParamShare:
		return number(text)
	}
	return text
}

func (s *Sweep) row(kind reflect.Type, r *Run) any {
	row, run := reflect.New(kind).Elem(), reflect.ValueOf(r).Elem()
	row.Field(0).Set(reflect.ValueOf(int32(r.N)))
	for i := range s.Axes {
		row.Field(1 + i).Set(reflect.ValueOf(s.Axes[i].cell(r.Params[s.Axes[i].Name])))
	}
	for _, f := range stateFields() {
		row.FieldByName(f.Name).Set(run.FieldByIndex(f.Index))
	}
	for _, f := range figures() {
		if !r.Finished() {
			break
		}
		into, value := row.FieldByName("F"+strconv.Itoa(f.field)), run.Field(f.field)
		if f.Group != "metrics" {
			n := value.Int()
			value = reflect.ValueOf(&n)
		}
		into.Set(value)
	}
	return row.Interface()
}

// WriteCSV writes the tables of a sweep as CSV files beside them, and returns their
// names. Times are RFC 3339 UTC, money is in the smallest unit of the settlement
// currency, and what a run does not have is an empty cell.
func WriteCSV(dir string, s *Sweep, entries []Entry) ([]string, error) {
	runs, daily := csvName(RunsFile), csvName(DailyFile)
	err := replaceCSV(filepath.Join(dir, runs), func(w *csv.Writer) error {
		if err := w.Write(s.csvHead()); err != nil {
			return err
		}
		for i := range s.Runs {
			if err := w.Write(s.csvRun(&s.Runs[i])); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = replaceCSV(filepath.Join(dir, daily), func(w *csv.Writer) error {
		if err := w.Write([]string{"run", "time", "equity"}); err != nil {
			return err
		}
		for i := range entries {
			for _, d := range entries[i].Days {
				row := []string{strconv.Itoa(entries[i].Run.N), d.At.String(), strconv.FormatInt(int64(d.Equity), 10)}
				if err := w.Write(row); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return []string{runs, daily}, err
}

func csvName(table string) string { return strings.TrimSuffix(table, ".parquet") + ".csv" }

func replaceCSV(path string, fill func(*csv.Writer) error) error {
	return disk.Replace(path, 0o644, func(out io.Writer) error {
		w := csv.NewWriter(out)
		if err := fill(w); err != nil {
			return err
		}
		w.Flush()
		return w.Error()
	})
}

// csvHead has the names of the columns of runs.parquet.
func (s *Sweep) csvHead() []string {
	head := []string{"run"}
	for i := range s.Axes {
		head = append(head, "param_"+s.Axes[i].Name)
	}
	for _, f := range stateFields() {
		head = append(head, f.Tag.Get("json"))
	}
	for _, f := range figures() {
		head = append(head, f.Name)
	}
	return head
}

func (s *Sweep) csvRun(r *Run) []string {
	cells := []string{strconv.Itoa(r.N)}
	for i := range s.Axes {
		cells = append(cells, r.Params[s.Axes[i].Name])
	}
	run := reflect.ValueOf(r).Elem()
	for _, f := range stateFields() {
		cells = append(cells, fmt.Sprint(run.FieldByIndex(f.Index).Interface()))
	}
	for _, f := range figures() {
		cell := ""
		switch v := f.Value(r); {
		case v == nil:
		case f.Group == "metrics":
			cell = strconv.FormatFloat(*v, 'g', -1, 64)
		default:
			cell = strconv.FormatInt(run.Field(f.field).Int(), 10)
		}
		cells = append(cells, cell)
	}
	return cells
}

// maxJSON is more than any sweep writes: a file beyond it is not one of ours.
const maxJSON = 1 << 30

// Read reads a finished sweep and the equity at the ends of the days of its runs. A
// file of another kind is a [*reports.SchemaError], a missing one wraps
// [os.ErrNotExist].
func Read(dir string) (*Sweep, []Entry, error) {
	b, err := disk.ReadFile(filepath.Join(dir, SweepFile), maxJSON)
	if err != nil {
		return nil, nil, err
	}
	s, err := Parse(b)
	if err != nil {
		return nil, nil, err
	}
	rows, err := readDays(filepath.Join(dir, DailyFile))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", DailyFile, err)
	}
	entries := make([]Entry, len(s.Runs))
	for i := range s.Runs {
		entries[i].Run = s.Runs[i]
		if s.Runs[i].Finished() {
			entries[i].Start, entries[i].End = s.Run.Start, s.Run.End
		}
		for ; len(rows) > 0 && int(rows[0].Run) == s.Runs[i].N; rows = rows[1:] {
			entries[i].Days = append(entries[i].Days, analysis.Day{At: exchange.Time(rows[0].Time), Equity: exchange.Money(rows[0].Equity)})
		}
	}
	if len(rows) > 0 {
		return nil, nil, fmt.Errorf("%s: run %d is not in %s", DailyFile, rows[0].Run, SweepFile)
	}
	for i := range s.Runs {
		// What a file of an earlier build does not say follows from the days.
		if r := &s.Runs[i]; r.Finished() && s.daily(&entries[i]).Ruin() >= 0 {
			r.Bankrupt, r.Eligible = true, false
			entries[i].Run = *r
		}
	}
	return s, entries, nil
}

func readDays(path string) ([]dayRow, error) {
	f, err := disk.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return parquet.Read[dayRow](f, info.Size())
}

package reports

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/dunamis-engine/dunamis/internal/disk"
)

// ReadEquity hands over the samples of a run, in order and in slices that are
// used again. An error of each ends it.
func ReadEquity(dir string, each func([]EquityRow) error) error {
	return withTable(dir, EquityFile, func(f *parquet.File) error { return readEquity(f, each) },
		equitySchema, equityFirst)
}

// ReadFills hands over the fills of a run; see [ReadEquity]. R is [FillRow], or a
// struct with some of its columns, tagged the same: others are then not read.
func ReadFills[R any](dir string, each func([]R) error) error {
	return readTable(dir, FillsFile, each, "dunamis.fills/1")
}

// ReadOrders hands over the orders of a run; see [ReadEquity]. R is [OrderRow], or a
// struct with some of its columns, tagged the same: others are then not read.
func ReadOrders[R any](dir string, each func([]R) error) error {
	return readTable(dir, OrdersFile, each, ordersSchema, ordersFirst)
}

// ReadFunding hands over the funding payments of a run; see [ReadEquity].
func ReadFunding(dir string, each func([]FundingRow) error) error {
	return readTable(dir, FundingFile, each, "dunamis.funding/1")
}

// withTable opens a table whose schema is one of those wanted, the newest first.
func withTable(dir, name string, read func(*parquet.File) error, schemas ...string) error {
	f, err := disk.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	file, err := openParquet(f, info.Size(), name)
	if err != nil {
		return err
	}
	if have, _ := file.Lookup("dunamis.schema"); !slices.Contains(schemas, have) {
		return &SchemaError{File: name, Have: have, Want: schemas[0]}
	}
	return read(file)
}

func readTable[R any](dir, name string, each func([]R) error, schemas ...string) error {
	return withTable(dir, name, func(f *parquet.File) error {
		fields, err := fieldsOf[R](f)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		var rows []R
		for _, group := range f.RowGroups() {
			n := int(group.NumRows())
			if n > cap(rows) {
				rows = make([]R, n)
			}
			into := reflect.ValueOf(rows[:n])
			for i := range fields {
				x := &fields[i]
				if err := x.read(group.ColumnChunks()[x.column], into); err != nil {
					return fmt.Errorf("%s: %s: %w", name, x.name, err)
				}
			}
			if n == 0 {
				continue
			}
			if err := each(rows[:n]); err != nil {
				return err
			}
		}
		return nil
	}, schemas...)
}

// readEquity reads columns instead of rows, which is several times as fast: this
// table has a row a minute.
func readEquity(f *parquet.File, each func([]EquityRow) error) error {
	places := func(r *EquityRow) [9]*int64 {
		return [9]*int64{&r.Time, &r.Wallet, &r.Unrealised, &r.Equity, &r.Realised, &r.Fees, &r.Funding, &r.Position, &r.Mark}
	}
	var rows []EquityRow
	var values []int64
	for _, group := range f.RowGroups() {
		chunks := group.ColumnChunks()
		if len(chunks) != len(places(&EquityRow{})) {
			return fmt.Errorf("%s: %d columns, want %d", EquityFile, len(chunks), len(places(&EquityRow{})))
		}
		n := int(group.NumRows())
		if n > cap(rows) {
			rows, values = make([]EquityRow, n), make([]int64, n)
		}
		for c, chunk := range chunks {
			if err := readInts(chunk, values[:n]); err != nil {
				return fmt.Errorf("%s: %w", EquityFile, err)
			}
			for i := range rows[:n] {
				*places(&rows[i])[c] = values[i]
			}
		}
		if err := each(rows[:n]); err != nil {
			return err
		}
	}
	return nil
}

// readInts reads a column of numbers; those that are NULL are 0.
func readInts(chunk parquet.ColumnChunk, values []int64) error {
	pages := chunk.Pages()
	defer pages.Close() //nolint:errcheck // only read
	for len(values) > 0 {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if page.Type().Kind() != parquet.Int64 || page.NumValues() > int64(len(values)) {
			return errors.New("not a column of numbers")
		}
		list, err := numbers(page, values)
		if err != nil {
			return err
		}
		values = values[copy(values, list):]
		parquet.Release(page)
	}
	return nil
}

// openParquet reads the footer. A file that is not one of ours can make the
// library panic.
func openParquet(r io.ReaderAt, size int64, name string) (f *parquet.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: not a table of a run: %v", name, p)
		}
	}()
	if f, err = parquet.OpenFile(r, size); err != nil {
		return nil, fmt.Errorf("%s: not a table of a run: %w", name, err)
	}
	return f, nil
}

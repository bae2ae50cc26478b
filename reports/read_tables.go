package reports

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"
)

// readRows is how many rows are handed over at a time.
const readRows = 4096

// ReadEquity hands over the samples of a run, in order and in slices that are
// used again. An error of each ends it.
func ReadEquity(dir string, each func([]EquityRow) error) error {
	return readTable(dir, EquityFile, "dunamis.equity/1", each)
}

// ReadFills hands over the fills of a run; see [ReadEquity].
func ReadFills(dir string, each func([]FillRow) error) error {
	return readTable(dir, FillsFile, "dunamis.fills/1", each)
}

// ReadOrders hands over the orders of a run; see [ReadEquity].
func ReadOrders(dir string, each func([]OrderRow) error) error {
	return readTable(dir, OrdersFile, "dunamis.orders/1", each)
}

// ReadFunding hands over the funding payments of a run; see [ReadEquity].
func ReadFunding(dir string, each func([]FundingRow) error) error {
	return readTable(dir, FundingFile, "dunamis.funding/1", each)
}

func readTable[R any](dir, name, schema string, each func([]R) error) (err error) {
	f, err := os.Open(filepath.Join(dir, name))
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
	if have, _ := file.Lookup("dunamis.schema"); have != schema {
		return &SchemaError{File: name, Have: have, Want: schema}
	}
	rows := parquet.NewGenericReader[R](file)
	defer rows.Close() //nolint:errcheck // only read
	batch := make([]R, readRows)
	for {
		n, err := rows.Read(batch)
		if n > 0 {
			if err := each(batch[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
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

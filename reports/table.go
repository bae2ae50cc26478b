package reports

import (
	"fmt"
	"unsafe"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/dunamis-engine/dunamis/internal/disk"
)

const (
	rowGroupRows = 16_384
	batchBytes   = 32 << 10 // stays in the first-level cache while it is turned into columns
	pageBytes    = 256 << 10
)

// table streams rows of one kind into a Parquet file. Rows are collected and
// turned into columns a batch at a time.
type table[R any] struct {
	name  string
	file  disk.File
	bytes int64
	w     *parquet.GenericWriter[R]
	batch []R
	rows  int64
	err   error // the first; what comes after it could only be misread
}

func openTable[R any](d *directory, name, schema string, meta []keyValue) (*table[R], error) {
	f, err := d.create(name)
	if err != nil {
		return nil, err
	}
	t := &table[R]{name: name, file: f}
	t.w = parquet.NewGenericWriter[R](t, writerOptions()...)
	t.batch = make([]R, 0, batchBytes/int(unsafe.Sizeof(*new(R))))
	t.w.SetKeyValueMetadata("dunamis.schema", schema)
	for _, m := range meta {
		t.w.SetKeyValueMetadata(m.key, m.value)
	}
	return t, nil
}

type keyValue struct{ key, value string }

// add returns the next row, to be filled in.
func (t *table[R]) add() (*R, error) {
	if len(t.batch) == cap(t.batch) {
		if err := t.flush(); err != nil {
			return nil, err
		}
	}
	t.batch = t.batch[:len(t.batch)+1]
	t.rows++
	return &t.batch[len(t.batch)-1], nil
}

func (t *table[R]) flush() error {
	if t.err == nil {
		_, t.err = t.w.Write(t.batch)
	}
	t.batch = t.batch[:0]
	if t.err != nil {
		return fmt.Errorf("write %s: %w", t.name, t.err)
	}
	return nil
}

// Write implements io.Writer for the Parquet writer, and counts.
func (t *table[R]) Write(b []byte) (int, error) {
	n, err := t.file.Write(b)
	t.bytes += int64(n)
	return n, err
}

func (t *table[R]) described() File { return File{Name: t.name, Bytes: t.bytes, Rows: &t.rows} }

// close writes the rest and the footer and closes the file, whatever happens.
func (t *table[R]) close() error {
	err := t.flush()
	if err == nil {
		if err = t.w.Close(); err == nil {
			err = t.file.Sync()
		}
		if err != nil {
			err = fmt.Errorf("write %s: %w", t.name, err)
		}
	}
	if closed := t.file.Close(); err == nil && closed != nil {
		err = fmt.Errorf("write %s: %w", t.name, closed)
	}
	return err
}

func writerOptions() []parquet.WriterOption {
	return []parquet.WriterOption{
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}),
		parquet.DataPageVersion(2),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.PageBufferSize(pageBytes),
		parquet.CreatedBy("dunamis", "1", "reports"), // not the library's version: equal runs give equal bytes
	}
}

package reports

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// field is a field of a row and the column that it is read from. Whole columns are
// read into rows, which is several times as fast as reading row by row.
type field struct {
	name   string
	index  int // in the row
	column int // in the file
	kind   parquet.Kind
	room   []int64 // for the numbers of a page, if some may be NULL
}

// fieldsOf finds the columns of a row's fields. They must all be there, but for those
// that tables of earlier versions have not: these are tagged since:"later" and stay 0.
func fieldsOf[R any](f *parquet.File) ([]field, error) {
	row := reflect.TypeFor[R]()
	list := make([]field, 0, row.NumField())
	for i := range row.NumField() {
		name, _, _ := strings.Cut(row.Field(i).Tag.Get("parquet"), ",")
		leaf, ok := f.Schema().Lookup(name)
		if !ok && row.Field(i).Tag.Get("since") == "later" {
			continue
		}
		if !ok {
			return nil, fmt.Errorf("no column %s", name)
		}
		x := field{name: name, index: i, column: leaf.ColumnIndex, kind: leaf.Node.Type().Kind()}
		if x.kind != kindOf(row.Field(i).Type) || leaf.Node.Repeated() || leaf.Node.Optional() && x.kind != parquet.Int64 {
			return nil, fmt.Errorf("column %s is a %s", name, leaf.Node)
		}
		list = append(list, x)
	}
	return list, nil
}

// kindOf is how a Go type is stored.
func kindOf(t reflect.Type) parquet.Kind {
	switch t.Kind() {
	case reflect.String:
		return parquet.ByteArray
	case reflect.Bool:
		return parquet.Boolean
	}
	return parquet.Int64
}

// read fills in one field of all rows. A damaged file can make the library panic.
func (x *field) read(chunk parquet.ColumnChunk, rows reflect.Value) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("damaged: %v", p)
		}
	}()
	pages := chunk.Pages()
	defer pages.Close() //nolint:errcheck // only read
	for at := 0; at < rows.Len(); {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		n := int(page.NumValues())
		if n > rows.Len()-at {
			return errors.New("more values than rows")
		}
		err = x.readPage(page, rows.Slice(at, at+n))
		parquet.Release(page)
		if err != nil {
			return err
		}
		at += n
	}
	return nil
}

func (x *field) readPage(page parquet.Page, rows reflect.Value) error {
	switch x.kind {
	case parquet.Int64:
		if n := rows.Len(); n > cap(x.room) {
			x.room = make([]int64, n)
		}
		values, err := numbers(page, x.room)
		if err != nil {
			return err
		}
		for i := range rows.Len() {
			rows.Index(i).Field(x.index).SetInt(values[i])
		}
		return nil
	case parquet.ByteArray:
		x.readTexts(page, rows)
		return nil
	}
	values := make([]parquet.Value, rows.Len())
	if n, err := page.Values().ReadValues(values); n < len(values) {
		return errors.Join(err, io.ErrUnexpectedEOF)
	}
	for i := range values {
		rows.Index(i).Field(x.index).SetBool(values[i].Boolean())
	}
	return nil
}

// numbers are the values of a page, one for each row: 0 where there is NULL. Those of a column
// with NULL are put into room; others are valid until the page is released.
func numbers(page parquet.Page, room []int64) ([]int64, error) {
	data := page.Data()
	values, levels, n := data.Int64(), page.DefinitionLevels(), int(page.NumValues())
	if len(levels) == 0 {
		if len(values) != n {
			return nil, io.ErrUnexpectedEOF
		}
		return values, nil
	}
	if n > cap(room) || n > len(levels) {
		return nil, io.ErrUnexpectedEOF
	}
	all, next := room[:n], 0
	for i := range all {
		if all[i] = 0; levels[i] == 0 {
			continue
		}
		if next == len(values) {
			return nil, io.ErrUnexpectedEOF
		}
		all[i] = values[next]
		next++
	}
	return all, nil
}

// readTexts makes one string of all texts of a page and cuts it; of a dictionary, one
// string of each word.
func (x *field) readTexts(page parquet.Page, rows reflect.Value) {
	data := page.Data()
	if d := page.Dictionary(); d != nil {
		words := make([]string, d.Len())
		for i := range words {
			words[i] = string(d.Index(int32(i)).ByteArray())
		}
		for i, word := range data.Int32() {
			rows.Index(i).Field(x.index).SetString(words[word])
		}
		return
	}
	bytes, ends := data.ByteArray()
	text := string(bytes)
	for i := range rows.Len() {
		rows.Index(i).Field(x.index).SetString(text[ends[i]:ends[i+1]])
	}
}

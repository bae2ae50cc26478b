package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
)

// column is a column that a format reads.
type column struct {
	name     string
	optional bool
}

// decoder turns the rows of a format into events. An error of decode is a skip,
// a *RowError or *InstrumentError, or else ends the import.
type decoder interface {
	decode(r *row) error
	// end is called after the last row.
	end() error
}

// format is a kind of file.
type format struct {
	name    string
	columns []column
	// times of the exchange and of arrival: indexes of columns, equal in formats
	// that do not know arrivals.
	time, arrival int
	// fields are the columns of what the bounds of events name otherwise.
	fields map[string]int
	open   func(p *pass) (decoder, error)
}

// refused turns the error of an event that is out of bounds into one of the row's.
func (f *format) refused(r *row, e *exchange.ValidationError) error {
	c, named := f.fields[e.Field]
	if !named {
		for n := range f.columns {
			if f.columns[n].name == e.Field {
				c, named = n, true
			}
		}
	}
	if !named {
		return r.wrong(e)
	}
	if len(r.cell(c)) == 0 { // it is the value of a row before, or worked out
		return r.wrong(e)
	}
	return r.bad(c, errors.New(e.Reason))
}

func (f *format) arrives() bool { return f.time != f.arrival }

// formats lists the known formats in the order in which they are tried.
func formats() []*format {
	return []*format{
		ordersFormat(), bookFormat(), tickerFormat(), quotesFormat(), liquidationsFormat(), tradesFormat(),
		bucketedFormat(), tradeFormat(), quoteFormat(),
	}
}

const (
	auto   = "auto"
	tardis = "tardis"
)

// Formats returns the names that Options.Format takes.
func Formats() []string {
	names := []string{auto, "bitmex-bucketed", "bitmex-trade", "bitmex-quote", orderBook, tardis}
	for _, f := range formats() {
		if strings.HasPrefix(f.name, tardis) {
			names = append(names, f.name)
		}
	}
	return names
}

// asked reports whether the format is one of those that a name stands for.
func (f *format) asked(name string) bool {
	switch name {
	case "", auto:
		return true
	case tardis:
		return strings.HasPrefix(f.name, tardis)
	}
	return f.name == name
}

// missing lists the columns that the format needs and that are not in a header.
func (f *format) missing(header []string) []string {
	var out []string
	for i, place := range f.places(header) {
		if place < 0 && !f.columns[i].optional {
			out = append(out, f.columns[i].name)
		}
	}
	return out
}

// places returns where each column is in a header, or -1.
func (f *format) places(header []string) []int {
	out := make([]int, len(f.columns))
	for i, c := range f.columns {
		out[i] = -1
		for n, name := range header {
			if name == c.name {
				out[i] = n
				break
			}
		}
	}
	return out
}

// keys returns the names of the columns.
func (f *format) keys() []string {
	out := make([]string, len(f.columns))
	for i, c := range f.columns {
		out[i] = c.name
	}
	return out
}

// detect finds the format of a file among those that a name stands for.
func detect(path, name string) (*format, error) {
	file := filepath.Base(path)
	header, err := readHeader(path)
	if err != nil {
		return nil, err
	}
	miss := &FormatError{File: file, Header: headline(header)}
	candidates := 0
	for _, f := range formats() {
		if !f.asked(name) || !f.named(file, name) {
			continue
		}
		candidates++
		missing := f.missing(header)
		if len(missing) == 0 {
			return f, nil
		}
		miss.Format, miss.Missing = f.name, missing
	}
	if candidates > 1 {
		miss.Missing = nil
	}
	return nil, miss
}

// named tells apart the two formats with the same columns: a file of Tardis.dev
// says in its name that it has liquidations.
func (f *format) named(file, name string) bool {
	return f.name != liquidations || name == liquidations || strings.Contains(strings.ToLower(file), "liquidations")
}

func validFormat(name string) error {
	if name == "" {
		return nil
	}
	for _, known := range Formats() {
		if known == name {
			return nil
		}
	}
	return fmt.Errorf("unknown format %q: want one of %s", name, strings.Join(Formats(), ", "))
}

// headline prints a header for an error.
func headline(header []string) string {
	line := strings.Join(header, ",")
	if len(line) > 300 {
		line = line[:300] + "..."
	}
	return line
}

// readHeader returns the names of a file's columns.
func readHeader(path string) ([]string, error) {
	in, err := openInput(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var header []string
	if isJSON(in) {
		header, err = newJSONRows(in.Reader, nil).keys()
	} else {
		var rows *csvRows
		if rows, err = newCSVRows(in.Reader); err == nil {
			header = rows.header
		}
	}
	if err != nil {
		return nil, atHeader(filepath.Base(path), err)
	}
	return header, nil
}

// atHeader says which file an error of its first row is about.
func atHeader(file string, err error) error {
	var bad *RowError
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%s: %w: the file is empty", file, ErrNoRows)
	case errors.As(err, &bad):
		bad.File = file
		return bad
	case errors.Is(err, ErrLongLine):
		return &RowError{File: file, Row: 1, Err: err}
	case damaged(err):
		return &TruncatedError{File: file, Err: err}
	}
	return err
}

// isJSON reports whether the content begins like a JSON array or object.
func isJSON(in *input) bool {
	start, _ := in.Peek(4096)
	start = bytes.TrimSpace(start)
	return len(start) > 0 && (start[0] == '[' || start[0] == '{')
}

// scanner walks over the rows of a file.
type scanner struct {
	in   *input
	rows interface {
		next() ([][]byte, int64, error)
	}
	width int // cells of a CSV row
	row   row
}

func openScanner(path string, f *format) (*scanner, error) {
	in, err := openInput(path)
	if err != nil {
		return nil, err
	}
	s := &scanner{in: in, row: row{file: filepath.Base(path), columns: f.columns}}
	if isJSON(in) {
		s.rows = newJSONRows(in.Reader, f.keys())
		s.width = len(f.columns)
		s.row.places = f.places(f.keys())
		return s, nil
	}
	rows, err := newCSVRows(in.Reader)
	if err != nil {
		in.Close()
		return nil, atHeader(s.row.file, err)
	}
	s.rows, s.width, s.row.places = rows, len(rows.header), f.places(rows.header)
	return s, nil
}

// next returns the next row, which is valid until the one after. The error is a
// *RowError if the row is wrong, io.EOF at the end, a *TruncatedError if the file
// breaks off, and something else if it cannot be read.
func (s *scanner) next() (*row, error) {
	cells, num, err := s.rows.next()
	if err != nil {
		return nil, s.broken(num, err)
	}
	s.row.cells, s.row.num = cells, num
	if len(cells) != s.width {
		return nil, s.row.wrong(fmt.Errorf("%d columns, want %d", len(cells), s.width))
	}
	return &s.row, nil
}

// broken says which row of which file an error is about.
func (s *scanner) broken(num int64, err error) error {
	var bad *RowError
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.As(err, &bad):
		bad.File, s.row.num = s.row.file, bad.Row
		return bad
	case errors.Is(err, ErrLongLine):
		return &RowError{File: s.row.file, Row: num, Err: err}
	case damaged(err):
		return &TruncatedError{File: s.row.file, Row: s.row.num, Err: err}
	}
	return fmt.Errorf("%s: %w", s.row.file, err)
}

// Close releases the file.
func (s *scanner) Close() { s.in.Close() }

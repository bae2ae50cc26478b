package importer

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

// csvRows reads lines of comma-separated cells. The files that it is for hold
// no quotes, so a line is split at its commas where it lies. From the first line
// with a quote on, encoding/csv takes over.
type csvRows struct {
	in     *bufio.Reader
	line   int64
	header []string
	cells  [][]byte

	quoted *csv.Reader
	limit  *limiter
	base   int64 // lines before those that quoted reads
}

// newCSVRows reads the header.
func newCSVRows(in *bufio.Reader) (*csvRows, error) {
	c := &csvRows{in: in}
	cells, _, err := c.next()
	if err != nil {
		return nil, err
	}
	for _, cell := range cells {
		c.header = append(c.header, string(bytes.TrimSpace(cell)))
	}
	return c, nil
}

// next returns the cells of the next line that is not blank, and its number.
// They are valid until the next call. The error at the end is io.EOF.
func (c *csvRows) next() ([][]byte, int64, error) {
	if c.quoted != nil {
		return c.nextQuoted()
	}
	for {
		line, err := c.readLine()
		if err != nil {
			return nil, c.line, err
		}
		if len(line) == 0 {
			continue
		}
		if bytes.IndexByte(line, '"') >= 0 {
			c.unquote(line)
			return c.nextQuoted()
		}
		c.cells = split(c.cells[:0], line)
		return c.cells, c.line, nil
	}
}

// readLine returns a line without its end. A last line without one counts,
// unless the input broke off there.
func (c *csvRows) readLine() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		c.line++
		return nil, ErrLongLine
	case err != nil && (!errors.Is(err, io.EOF) || len(line) == 0):
		return nil, err
	}
	c.line++
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// split appends the cells of a line.
func split(cells [][]byte, line []byte) [][]byte {
	for {
		i := bytes.IndexByte(line, ',')
		if i < 0 {
			return append(cells, line)
		}
		cells = append(cells, line[:i])
		line = line[i+1:]
	}
}

// unquote hands the line and all that follow to encoding/csv.
func (c *csvRows) unquote(line []byte) {
	first := append(bytes.Clone(line), '\n')
	c.limit = &limiter{r: io.MultiReader(bytes.NewReader(first), c.in)}
	c.quoted = csv.NewReader(c.limit)
	c.quoted.ReuseRecord = true
	c.quoted.FieldsPerRecord = -1
	c.base = c.line - 1
}

func (c *csvRows) nextQuoted() ([][]byte, int64, error) {
	c.limit.left = maxLine
	record, err := c.quoted.Read()
	if err != nil {
		return c.quotedError(err)
	}
	line, _ := c.quoted.FieldPos(0)
	c.line = c.base + int64(line)
	c.cells = c.cells[:0]
	for _, cell := range record {
		c.cells = append(c.cells, []byte(cell))
	}
	return c.cells, c.line, nil
}

// quotedError turns misplaced quotes into an error of the row.
func (c *csvRows) quotedError(err error) ([][]byte, int64, error) {
	var syntax *csv.ParseError
	if !errors.As(err, &syntax) {
		return nil, c.line, err
	}
	c.line = c.base + int64(syntax.StartLine)
	return nil, c.line, &RowError{Row: c.line, Err: fmt.Errorf("column %d: %w", syntax.Column, syntax.Err)}
}

// limiter bounds what is read for one record.
type limiter struct {
	r    io.Reader
	left int
}

func (l *limiter) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, ErrLongLine
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

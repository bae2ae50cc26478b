package importer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// jsonRows reads flat JSON objects: in an array, in several arrays one after
// the other as when pages of an API are appended to a file, or one a line.
type jsonRows struct {
	in     *bufio.Reader
	count  int64
	inside bool // of an array
	object []byte

	columns map[string]int // place of a key among the cells
	cells   [][]byte
}

func newJSONRows(in *bufio.Reader, keys []string) *jsonRows {
	j := &jsonRows{in: in, columns: make(map[string]int, len(keys)), cells: make([][]byte, len(keys))}
	for i, key := range keys {
		j.columns[key] = i
	}
	return j
}

// next returns the cells of the next object, in the order of the keys, and its
// number. A key that is absent or null has an empty cell.
func (j *jsonRows) next() ([][]byte, int64, error) {
	if err := j.readObject(); err != nil {
		return nil, j.count, err
	}
	clear(j.cells)
	if j.flat(func(key, value []byte) {
		if i, ok := j.columns[string(key)]; ok {
			j.cells[i] = value
		}
	}) {
		return j.cells, j.count, nil
	}
	return j.decode()
}

// keys reads an object and returns its keys.
func (j *jsonRows) keys() ([]string, error) {
	if err := j.readObject(); err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(j.object, &fields); err != nil {
		return nil, &RowError{Row: j.count, Err: err}
	}
	keys := make([]string, 0, len(fields))
	for key := range fields {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys, nil
}

// readObject collects the bytes of the next object.
func (j *jsonRows) readObject() error {
	if err := j.findObject(); err != nil {
		return err
	}
	j.count++
	j.object = append(j.object[:0], '{')
	var state braces
	for state.depth = 1; state.depth > 0; {
		chunk, err := j.in.ReadSlice('}')
		if len(j.object)+len(chunk) > maxLine || errors.Is(err, bufio.ErrBufferFull) {
			return ErrLongLine
		}
		if err != nil {
			j.count--
			return unexpected(err)
		}
		j.object = append(j.object, chunk...)
		state.scan(chunk)
	}
	return nil
}

// braces counts how many braces are open, outside of strings.
type braces struct {
	depth         int
	text, escaped bool
}

func (b *braces) scan(chunk []byte) {
	for _, c := range chunk {
		switch {
		case b.escaped:
			b.escaped = false
		case c == '"':
			b.text = !b.text
		case !b.text && c == '{':
			b.depth++
		case !b.text && c == '}':
			b.depth--
		case b.text && c == '\\':
			b.escaped = true
		}
	}
}

// findObject skips to behind the next opening brace. The error at the end is
// io.EOF.
func (j *jsonRows) findObject() error {
	for {
		c, err := j.in.ReadByte()
		if err != nil {
			if j.inside {
				return unexpected(err)
			}
			return err
		}
		switch c {
		case '{':
			return nil
		case '[':
			j.inside = true
		case ']':
			j.inside = false
		case ' ', '\t', '\r', '\n', ',':
		default:
			return fmt.Errorf("unexpected %q between JSON objects", c)
		}
	}
}

// unexpected is for an end of the input where none should be.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// flat walks over an object of plain strings, numbers and words, and reports
// false when it meets anything else. Values are without their quotes, null is
// empty.
func (j *jsonRows) flat(field func(key, value []byte)) bool {
	rest := space(j.object[1:])
	if len(rest) == 1 {
		return true
	}
	for {
		key, after, ok := plainString(rest)
		if after = space(after); !ok || len(after) == 0 || after[0] != ':' {
			return false
		}
		value, after, ok := plainValue(space(after[1:]))
		if after = space(after); !ok || len(after) == 0 {
			return false
		}
		field(key, value)
		if after[0] != ',' {
			return after[0] == '}' && len(after) == 1
		}
		rest = space(after[1:])
	}
}

func space(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\n' || b[0] == '\t' || b[0] == '\r') {
		b = b[1:]
	}
	return b
}

// plainString reads a string without escapes.
func plainString(b []byte) (text, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, b, false
	}
	end := bytes.IndexByte(b[1:], '"')
	if end < 0 || bytes.IndexByte(b[1:1+end], '\\') >= 0 {
		return nil, b, false
	}
	return b[1 : 1+end], b[end+2:], true
}

// plainValue reads a string without escapes, a number or a word.
func plainValue(b []byte) (value, rest []byte, ok bool) {
	if len(b) > 0 && b[0] == '"' {
		return plainString(b)
	}
	n := 0
	for n < len(b) && (b[n] >= '0' && b[n] <= '9' || b[n] >= 'a' && b[n] <= 'z' ||
		b[n] == '.' || b[n] == '-' || b[n] == '+' || b[n] == 'E') {
		n++
	}
	value = b[:n]
	if string(value) == "null" {
		return nil, b[n:], true
	}
	return value, b[n:], n > 0
}

// decode reads the object with encoding/json.
func (j *jsonRows) decode() ([][]byte, int64, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(j.object, &fields); err != nil {
		return nil, j.count, &RowError{Row: j.count, Err: err}
	}
	for key, raw := range fields {
		i, ok := j.columns[key]
		if !ok || string(raw) == "null" {
			continue
		}
		j.cells[i] = raw
		if raw[0] == '"' {
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				return nil, j.count, &RowError{Row: j.count, Column: key, Value: string(raw), Err: err}
			}
			j.cells[i] = []byte(text)
		}
	}
	return j.cells, j.count, nil
}

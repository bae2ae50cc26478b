package bitmex

import (
	"bytes"
	"encoding/json"
	"errors"
)

// The stream's market data is a flood of small flat objects. They are read here by
// hand, ten times as fast as by reflection; whatever has another shape than the one
// that the venue sends goes the general way.

// errShape means that a frame is not of the flat shape.
var errShape = errors.New("not a flat frame")

// frameHead is what a table message says before its rows.
type frameHead struct {
	table  []byte
	action []byte
	symbol []byte // of the filter of a partial
	rows   []byte // the array of rows, brackets included
}

// scanFrame splits a table message of the venue: an object whose members are in any
// order.
func scanFrame(frame []byte) (h frameHead, err error) {
	s := scanner{b: frame}
	if !s.eat('{') {
		return h, errShape
	}
	for {
		key, err := s.text()
		if err != nil || !s.eat(':') {
			return h, errShape
		}
		value, err := s.value()
		if err != nil {
			return h, err
		}
		switch string(key) {
		case "table":
			h.table = unquoted(value)
		case "action":
			h.action = unquoted(value)
		case "data":
			h.rows = value
		case "filter":
			h.symbol = filterSymbol(value)
		}
		if s.eat(',') {
			continue
		}
		if !s.eat('}') {
			return h, errShape
		}
		if s.space(); s.i != len(frame) {
			return h, errShape
		}
		return h, nil
	}
}

func filterSymbol(value []byte) []byte {
	var f struct {
		Symbol string `json:"symbol"`
	}
	if json.Unmarshal(value, &f) != nil {
		return nil
	}
	return []byte(f.Symbol)
}

// scanRows calls member for every member of every row, and end after each row.
func scanRows(rows []byte, member func(key, value []byte), end func() error) error {
	s := scanner{b: rows}
	if !s.eat('[') {
		return errShape
	}
	if s.eat(']') {
		return nil
	}
	for {
		if err := s.row(member); err != nil {
			return err
		}
		if err := end(); err != nil {
			return err
		}
		if s.eat(',') {
			continue
		}
		if !s.eat(']') {
			return errShape
		}
		return nil
	}
}

// scanner walks over JSON.
type scanner struct {
	b []byte
	i int
}

func (s *scanner) row(member func(key, value []byte)) error {
	if !s.eat('{') {
		return errShape
	}
	if s.eat('}') {
		return nil
	}
	for {
		key, err := s.text()
		if err != nil || !s.eat(':') {
			return errShape
		}
		value, err := s.value()
		if err != nil {
			return err
		}
		member(key, value)
		if s.eat(',') {
			continue
		}
		if !s.eat('}') {
			return errShape
		}
		return nil
	}
}

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\n' || s.b[s.i] == '\t' || s.b[s.i] == '\r') {
		s.i++
	}
}

func (s *scanner) eat(c byte) bool {
	s.space()
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// text reads a string without escapes, and returns it without its quotes.
func (s *scanner) text() ([]byte, error) {
	if !s.eat('"') {
		return nil, errShape
	}
	n := bytes.IndexByte(s.b[s.i:], '"')
	if n < 0 || bytes.IndexByte(s.b[s.i:s.i+n], '\\') >= 0 {
		return nil, errShape
	}
	t := s.b[s.i : s.i+n]
	s.i += n + 1
	return t, nil
}

// value reads any value, and returns its bytes.
func (s *scanner) value() ([]byte, error) {
	s.space()
	if s.i >= len(s.b) {
		return nil, errShape
	}
	from := s.i
	switch s.b[s.i] {
	case '"':
		_, err := s.text()
		return s.b[from:s.i], err
	case '{', '[':
		return s.nested()
	}
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			if s.i == from {
				return nil, errShape
			}
			return s.b[from:s.i], nil
		}
		s.i++
	}
	return nil, errShape
}

// nested skips an object or an array.
func (s *scanner) nested() ([]byte, error) {
	from, depth := s.i, 0
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case '"':
			if _, err := s.text(); err != nil {
				return nil, err
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.i++
		if depth == 0 {
			return s.b[from:s.i], nil
		}
	}
	return nil, errShape
}

// unquoted is a string's text; anything else is nothing.
func unquoted(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return nil
	}
	return value[1 : len(value)-1]
}

package data

import (
	"io"

	"github.com/dunamis-engine/dunamis/exchange"
)

// snapshotLayout reads what is needed to find the snapshots of a book, be it of levels
// or of orders.
var snapshotLayout = layout{event: exchange.KindBook, ints: []string{"time"}, small: []string{"flags"}}

// wholeBook makes a source of a book begin with a whole book, because changes
// mean nothing without the book that they change: if the range begins within a
// partition, the rows begin at the last snapshot at or before the range that the
// partition has. Without one the rows come as they are.
func (s *source) wholeBook(key Key) (rows, error) {
	if len(s.todo) == 0 || s.todo[0].start >= s.from {
		return s, nil
	}
	whole, err := s.c.beginsWhole(key, s.from, s.to)
	if err != nil || whole {
		return s, err
	}
	at, skip, found, err := s.c.lastSnapshot(key, s.todo[0].start, s.from)
	if err != nil || !found {
		return s, err
	}
	s.from = at
	return &skipRows{source: s, left: skip}, nil
}

// beginsWhole reports whether a range of a book needs no earlier snapshot: it
// begins with one, or holds nothing, and a snapshot alone is no data.
func (c *Catalog) beginsWhole(key Key, from, to exchange.Time) (bool, error) {
	s, err := c.source(key, from, to)
	if err != nil {
		return false, err
	}
	defer s.close() //nolint:errcheck // of files that are only read
	s.layout = &snapshotLayout
	b := newBlock(s.layout, blockRows)
	err = s.next(b)
	if err == io.EOF { //nolint:errorlint // rows promise the plain value
		return true, nil
	}
	return err == nil && isClear(b, 0), err
}

// lastSnapshot returns the time of the last snapshot in [from, to), and how many
// rows of the same time precede it.
func (c *Catalog) lastSnapshot(key Key, from, to exchange.Time) (at exchange.Time, skip int64, found bool, err error) {
	s, err := c.source(key, from, to)
	if err != nil {
		return 0, 0, false, err
	}
	defer s.close() //nolint:errcheck // of files that are only read
	s.layout = &snapshotLayout
	b := newBlock(s.layout, blockRows)
	var last exchange.Time
	var same int64 // rows of the time last so far
	for {
		err := s.next(b)
		if err == io.EOF { //nolint:errorlint // rows promise the plain value
			return at, skip, found, nil
		}
		if err != nil {
			return 0, 0, false, err
		}
		for i := range b.n {
			if t := b.time(i); t != last {
				last, same = t, 0
			}
			if isClear(b, i) {
				at, skip, found = last, same, true
			}
			same++
		}
	}
}

func isClear(b *block, i int) bool {
	flags := b.small[len(b.small)-1][i]
	return exchange.Flags(flags)&exchange.FlagClear != 0
}

// skipRows leaves out the first rows of a source.
type skipRows struct {
	*source
	left int64
}

func (s *skipRows) next(b *block) error {
	for {
		if err := s.source.next(b); err != nil || s.left == 0 {
			return err
		}
		n := min(s.left, int64(b.n))
		s.left -= n
		b.drop(int(n))
		if b.n > 0 {
			return nil
		}
	}
}

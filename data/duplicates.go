package data

import (
	"context"
	"errors"
	"io"

	"github.com/dunamis-engine/dunamis/exchange"
)

// dropDuplicates writes a staged part again without the rows that another
// input has brought. A row for an instant that the other has filled
// differently is an error.
func (t *Tx) dropDuplicates(ctx context.Context, s *stagedPart, staged, other *part) error {
	drop, err := t.findDuplicates(ctx, s, staged, other)
	if err != nil || drop.n == 0 {
		return err
	}
	path := t.stagedPath()
	var rows int64
	if drop.n < staged.rows {
		if rows, err = t.rewrite(ctx, path, staged, drop); err != nil {
			return err
		}
	}
	s.path, s.rows, s.drops = path, rows, s.drops+drop.n
	return nil
}

// rowSet is a set of row numbers, as ranges: duplicates come in runs.
type rowSet struct {
	n      int64
	ranges [][2]int64 // from, to (exclusive), ascending
}

func (r *rowSet) add(row int64) {
	r.n++
	if last := len(r.ranges) - 1; last >= 0 && r.ranges[last][1] == row {
		r.ranges[last][1]++
		return
	}
	r.ranges = append(r.ranges, [2]int64{row, row + 1})
}

// findDuplicates returns the rows of a staged part that another part has too.
func (t *Tx) findDuplicates(ctx context.Context, s *stagedPart, staged, other *part) (*rowSet, error) {
	drop := new(rowSet)
	a, b := newScanner(staged.all()), newScanner(other.all())
	defer a.r.close()
	defer b.r.close()
	at := newBlock(other.layout, 0) // the other's rows at one instant
	for row := int64(0); ; row++ {
		if err := errors.Join(a.load(), ctx.Err()); err != nil {
			return nil, err
		}
		if a.eof {
			return drop, nil
		}
		now := a.time()
		if at.n == 0 || at.time(0) != now {
			if err := b.collect(at, now); err != nil {
				return nil, err
			}
		}
		switch {
		case at.n == 0: // the other has nothing there
		case at.has(a.b, a.pos):
			drop.add(row)
		default:
			return nil, t.overlap(s, other, now, "has another row than")
		}
		a.pos++
	}
}

// collect moves on to an instant and gathers its rows.
func (s *scanner) collect(into *block, at exchange.Time) error {
	into.reset()
	for {
		if err := s.load(); err != nil || s.eof || s.time() > at {
			return err
		}
		if s.time() == at {
			into.appendRow(s.b, s.pos)
		}
		s.pos++
	}
}

func (b *block) reset() {
	b.n = 0
	for c := range b.ints {
		b.ints[c] = b.ints[c][:0]
	}
	for c := range b.small {
		b.small[c] = b.small[c][:0]
	}
}

// has reports whether the block has row i of another.
func (b *block) has(o *block, i int) bool {
	for j := range b.n {
		if b.sameRow(j, o, i) {
			return true
		}
	}
	return false
}

// rewrite copies a part without some of its rows and returns how many are left.
func (t *Tx) rewrite(ctx context.Context, path string, from *part, drop *rowSet) (int64, error) {
	w, err := newPartWriter(t.c.disk, path, from.layout, t.src)
	if err != nil {
		return 0, err
	}
	if err := copyRows(ctx, w, from, drop); err != nil {
		return 0, errors.Join(err, w.file.Close())
	}
	return w.rows, w.close()
}

func copyRows(ctx context.Context, w *partWriter, from *part, drop *rowSet) error {
	h := &head{kind: from.layout.event}
	r := from.all()
	defer r.close()
	b := newBlock(from.layout, blockRows)
	events := make([]exchange.Event, blockRows)
	ranges := drop.ranges
	for {
		err := errors.Join(ctx.Err(), r.next(b))
		if errors.Is(err, io.EOF) && ctx.Err() == nil {
			return nil
		}
		if err != nil {
			return err
		}
		keep := newKeep(b, &ranges)
		h.set(b)
		for lo, hi := range keep {
			h.pos = lo
			h.fill(events[:hi-lo])
			if err := w.table.write(events[:hi-lo]); err != nil {
				return err
			}
			w.rows += int64(hi - lo)
		}
	}
}

// newKeep yields the ranges of a block's rows that are not dropped. Ranges that
// end in the block are used up.
func newKeep(b *block, drop *[][2]int64) func(yield func(lo, hi int) bool) {
	return func(yield func(lo, hi int) bool) {
		at, end := b.row, b.row+int64(b.n)
		for at < end {
			for len(*drop) > 0 && (*drop)[0][1] <= at {
				*drop = (*drop)[1:]
			}
			next := end
			if len(*drop) > 0 {
				next = min(end, max(at, (*drop)[0][0]))
			}
			if next > at && !yield(int(at-b.row), int(next-b.row)) {
				return
			}
			at = next
			if len(*drop) > 0 && at < end {
				at = min(end, (*drop)[0][1])
			}
		}
	}
}

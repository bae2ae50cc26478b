package data

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// catalogLock is held while a commit compares its parts with what is there and
// publishes them.
const catalogLock = ".lock"

func (t *Tx) commit(ctx context.Context) (CommitReport, error) {
	var report CommitReport
	for _, s := range t.streams {
		if err := s.finish(); err != nil {
			return report, err
		}
	}
	slices.SortFunc(t.staged, func(a, b *stagedPart) int { return strings.Compare(a.dir(), b.dir()) })
	lock, err := t.c.waitForLock(ctx)
	if err != nil {
		return report, err
	}
	defer lock.Close()
	var publish []*stagedPart
	for _, s := range t.staged {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		present, err := t.reconcile(ctx, s)
		if err != nil {
			return report, err
		}
		report.Duplicates += s.drops
		if present {
			report.Skipped++
			continue
		}
		report.Written++
		report.Rows += s.rows
		publish = append(publish, s)
	}
	return report, t.publish(publish)
}

func (s *stagedPart) dir() string { return s.key.dir() + "/" + s.date }

// waitForLock takes the lock of the catalog.
func (c *Catalog) waitForLock(ctx context.Context) (*os.File, error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		lock, err := takeLock(filepath.Join(c.root, catalogLock), os.O_CREATE)
		if lock != nil || err != nil {
			return lock, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// reconcile compares a staged part with the parts of its partition. It reports
// whether the catalog has its rows already; it may have made a smaller part of
// it meanwhile.
func (t *Tx) reconcile(ctx context.Context, s *stagedPart) (present bool, err error) {
	names, err := t.c.partNames(s.dir())
	if err != nil || len(names) == 0 {
		return false, err
	}
	l := layoutOf(s.key.Kind)
	var others []*part
	var same *part
	defer func() {
		for _, p := range append(others, same) {
			if p != nil {
				err = errors.Join(err, p.close())
			}
		}
	}()
	for _, name := range names {
		p, err := t.c.openPart(s.dir(), name, l)
		if err != nil {
			return false, err
		}
		if name == t.src.partName() {
			same = p
		} else {
			others = append(others, p)
		}
	}
	for _, other := range others {
		if err := t.against(ctx, s, other); err != nil {
			return false, err
		}
	}
	if s.rows == 0 || same == nil {
		return s.rows == 0, nil
	}
	return true, t.mustEqual(ctx, s, same)
}

// against checks a staged part against a part of another input.
func (t *Tx) against(ctx context.Context, s *stagedPart, other *part) error {
	if s.rows == 0 {
		return nil
	}
	l := layoutOf(s.key.Kind)
	staged, err := openPart(s.path, s.path, l)
	if err != nil {
		return err
	}
	defer staged.close() //nolint:errcheck // only read
	from, to := max(staged.first(), other.first()), min(staged.last(), other.last())
	switch {
	case from > to:
		return nil
	case l.keyed:
		return t.dropDuplicates(ctx, s, staged, other)
	case from < to:
		return t.overlap(s, other, from, "overlaps what was imported from")
	}
	// They touch in one instant, as the halves of a file do that was cut there.
	// Only rows that both have give an overlap away.
	shared, err := shareRow(staged, other, from)
	if err == nil && shared {
		err = t.overlap(s, other, from, "has a row that was imported from")
	}
	return err
}

func (t *Tx) overlap(s *stagedPart, other *part, at exchange.Time, reason string) error {
	return &OverlapError{
		Key: s.key, Time: at, Source: t.src.Name, Existing: other.source.Name, Part: other.path, Reason: reason,
	}
}

// shareRow reports whether two parts have an equal row at an instant.
func shareRow(a, b *part, at exchange.Time) (bool, error) {
	rowsA, err := instant(a, at)
	if err != nil {
		return false, err
	}
	rowsB, err := instant(b, at)
	if err != nil {
		return false, err
	}
	for i := range rowsA.n {
		for j := range rowsB.n {
			if rowsA.sameRow(i, rowsB, j) {
				return true, nil
			}
		}
	}
	return false, nil
}

// instant returns the rows of a part at an instant.
func instant(p *part, at exchange.Time) (*block, error) {
	r := p.read(at, at+1)
	defer r.close()
	in, out := newBlock(p.layout, blockRows), newBlock(p.layout, 0)
	for {
		err := r.next(in)
		if err == io.EOF { //nolint:errorlint // rows promise the plain value
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		for i := in.search(at); i < in.n && in.time(i) == at; i++ {
			out.appendRow(in, i)
		}
	}
}

// appendRow is copyRow for a block that grows.
func (b *block) appendRow(from *block, i int) {
	for c := range b.ints {
		b.ints[c] = append(b.ints[c], from.ints[c][i])
	}
	for c := range b.small {
		b.small[c] = append(b.small[c], from.small[c][i])
	}
	b.n++
}

// mustEqual checks that a part that is already there under the name of this
// import has the same rows.
func (t *Tx) mustEqual(ctx context.Context, s *stagedPart, existing *part) error {
	staged, err := openPart(s.path, s.path, existing.layout)
	if err != nil {
		return err
	}
	defer staged.close() //nolint:errcheck // only read
	a, b := newScanner(staged.all()), newScanner(existing.all())
	defer a.r.close()
	defer b.r.close()
	for {
		if err := errors.Join(a.load(), b.load(), ctx.Err()); err != nil {
			return err
		}
		if a.eof && b.eof {
			return nil
		}
		if a.eof || b.eof {
			return t.changed(s, existing, staged.last())
		}
		n := min(a.b.n-a.pos, b.b.n-b.pos)
		for i := range n {
			if !a.b.sameRow(a.pos+i, b.b, b.pos+i) {
				return t.changed(s, existing, a.b.time(a.pos+i))
			}
		}
		a.pos += n
		b.pos += n
	}
}

func (t *Tx) changed(s *stagedPart, existing *part, at exchange.Time) error {
	return t.overlap(s, existing, at, "(importer "+t.src.Importer+") gives other rows than importer "+
		existing.source.Importer+" made of the same input,")
}

// publish makes the parts visible. When it fails it takes back what it did.
func (t *Tx) publish(parts []*stagedPart) (err error) {
	var done []string
	defer func() {
		if err != nil {
			for _, path := range done {
				err = errors.Join(err, t.c.disk.Remove(path))
			}
		}
	}()
	dirs := make(map[string]bool)
	for _, s := range parts {
		dir := filepath.Join(t.c.root, s.dir())
		if err := t.c.disk.MkdirAll(dir); err != nil {
			return err
		}
		for d := dir; len(d) >= len(t.c.root) && !dirs[d]; d = filepath.Dir(d) {
			dirs[d] = true
		}
	}
	for _, s := range parts {
		to := filepath.Join(t.c.root, s.dir(), t.src.partName())
		if err := t.c.disk.Rename(s.path, to); err != nil {
			return err
		}
		done = append(done, to)
	}
	for dir := range dirs {
		if err := t.c.disk.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

package data

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// partition is the directory of one period of a stream.
type partition struct {
	dir        string // relative to the root
	start, end exchange.Time
	parts      []string // file names, sorted
}

// partitions lists what the catalog has of a stream, in order of time. A stream
// that does not exist has none.
func (c *Catalog) partitions(key Key) ([]partition, error) {
	dir := key.dir()
	entries, err := os.ReadDir(filepath.Join(c.root, dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []partition
	for _, e := range entries {
		date, ok := strings.CutPrefix(e.Name(), "date=")
		day, err := time.Parse(time.DateOnly, date)
		if !ok || err != nil || !e.IsDir() {
			continue
		}
		p := partition{dir: dir + "/" + e.Name()}
		p.start, p.end = periodOf(key.Kind).bounds(exchange.TimeOf(day))
		if p.parts, err = c.partNames(p.dir); err != nil {
			return nil, err
		}
		if len(p.parts) > 0 {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b partition) int { return compareTimes(a.start, b.start) })
	return out, nil
}

func (c *Catalog) partNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(c.root, dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if n := e.Name(); strings.HasPrefix(n, partPrefix) && strings.HasSuffix(n, partSuffix) {
			names = append(names, n)
		}
	}
	return names, nil
}

func (c *Catalog) openPart(dir, name string, l *layout) (*part, error) {
	rel := dir + "/" + name
	return openPart(filepath.Join(c.root, rel), rel, l)
}

func compareTimes(a, b exchange.Time) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// rows is a sequence of blocks.
type rows interface {
	// next fills a block with at least one row, or returns io.EOF.
	next(b *block) error
	close() error
}

// source reads one stream from one end of a range to the other: partition after
// partition, part after part. It opens a partition when it gets there.
type source struct {
	c        *Catalog
	layout   *layout
	from, to exchange.Time // to is exclusive
	todo     []partition
	queue    []*part // open parts of the current partition that are still to come
	current  rows
	last     exchange.Time
	seen     func(*part)      // told of every part that is opened; may be nil
	bounds   *exchange.Bounds // of the values; nil: they are not checked
	damaged  func(error)      // told of files that cannot be read, which are left out; nil: they end the source
}

// source returns a source of the rows of a stream in [from, to).
func (c *Catalog) source(key Key, from, to exchange.Time) (*source, error) {
	all, err := c.partitions(key)
	if err != nil {
		return nil, err
	}
	s := &source{c: c, layout: layoutOf(key.Kind), from: from, to: to, last: math.MinInt64}
	for _, p := range all {
		if p.end > from && p.start < to {
			s.todo = append(s.todo, p)
		}
	}
	return s, nil
}

func (s *source) next(b *block) error {
	for {
		if s.current == nil {
			if err := s.advance(); err != nil {
				return err
			}
		}
		err := s.current.next(b)
		if err == io.EOF { //nolint:errorlint // rows promise the plain value
			if err := s.finish(); err != nil {
				return err
			}
			continue
		}
		if err != nil && s.damaged != nil {
			s.damaged(err)
			if err := s.finish(); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if done, err := s.cut(b); err != nil || done {
			if done {
				err = io.EOF
			}
			return err
		}
		if b.n > 0 {
			return nil
		}
	}
}

// cut removes the rows outside the range and says whether the range is over.
func (s *source) cut(b *block) (done bool, err error) {
	if b.time(0) < s.last && s.damaged == nil {
		return false, &CorruptError{Path: b.part.path, RowGroup: -1, Err: errors.New("rows outside their partition")}
	}
	s.last = b.time(b.n - 1)
	if b.time(0) < s.from {
		b.drop(b.search(s.from))
	}
	if b.n > 0 && b.time(b.n-1) >= s.to {
		b.n = b.search(s.to)
		return b.n == 0, nil
	}
	return false, nil
}

// search returns the first row at t or later.
func (b *block) search(t exchange.Time) int {
	i, _ := slices.BinarySearch(b.ints[0][:b.n], int64(t))
	return i
}

// advance makes the next part, or group of parts that lie in one another, the
// current one.
func (s *source) advance() error {
	for len(s.queue) == 0 {
		if len(s.todo) == 0 {
			return io.EOF
		}
		p := s.todo[0]
		s.todo = s.todo[1:]
		if err := s.openPartition(p); err != nil {
			return err
		}
	}
	n := overlapping(s.queue)
	group := s.queue[:n]
	s.queue = s.queue[n:]
	if n == 1 {
		s.current = &single{reader: s.read(group[0])}
		return nil
	}
	s.current = newInterleaved(s, group)
	return nil
}

func (s *source) read(p *part) *reader {
	r := p.read(s.from, s.to)
	r.lenient = s.damaged != nil
	r.bounds = s.bounds
	return r
}

// openPartition opens the parts of a partition that touch the range and sorts
// them by time.
func (s *source) openPartition(p partition) error {
	for _, name := range p.parts {
		part, err := s.c.openPart(p.dir, name, s.layout)
		if err != nil && s.damaged != nil {
			s.damaged(err)
			continue
		}
		if err != nil {
			return errors.Join(err, s.closeQueue())
		}
		if part.last() < s.from || part.first() >= s.to {
			if err := part.close(); err != nil {
				return errors.Join(err, s.closeQueue())
			}
			continue
		}
		if s.seen != nil {
			s.seen(part)
		}
		s.queue = append(s.queue, part)
	}
	slices.SortStableFunc(s.queue, func(a, b *part) int {
		if c := compareTimes(a.first(), b.first()); c != 0 {
			return c
		}
		if c := compareTimes(a.last(), b.last()); c != 0 {
			return c
		}
		return strings.Compare(a.path, b.path)
	})
	if s.damaged == nil {
		if err := separate(s.queue); err != nil {
			return errors.Join(err, s.closeQueue())
		}
	}
	return nil
}

// separate refuses parts, sorted by time, that no import has written beside each other: a
// copy of one under another name, and rows that lie between those of another. Parts of
// streams whose rows are known by their times may lie in one another, without a common time:
// [interleaved.next] looks at that.
func separate(parts []*part) error {
	inputs := make(map[string]*part, len(parts))
	var latest *part // of those so far, the one that ends last
	for _, p := range parts {
		if d := p.source.Digest; d != "" {
			if other := inputs[d]; other != nil {
				return twice(other, p, p.first(), "both hold the rows of the same input")
			}
			inputs[d] = p
		}
		switch {
		case latest == nil:
		case p.first() < latest.last() && !p.layout.keyed:
			return twice(latest, p, p.first(), "their times overlap")
		case p.first() == latest.last() && p.layout.keyed:
			return twice(latest, p, p.first(), "both have a row")
		}
		if latest == nil || p.last() > latest.last() {
			latest = p
		}
	}
	return nil
}

func twice(a, b *part, at exchange.Time, reason string) error {
	return &PartsError{First: a.path, Second: b.path, Time: at, Reason: reason}
}

// overlapping returns how many parts from the front have to be read together
// because their times overlap. Parts that touch in one instant are read one
// after the other.
func overlapping(parts []*part) int {
	last := parts[0].last()
	n := 1
	for n < len(parts) && parts[n].first() < last {
		last = max(last, parts[n].last())
		n++
	}
	return n
}

func (s *source) finish() error {
	current := s.current
	s.current = nil
	return current.close()
}

func (s *source) closeQueue() error {
	var errs []error
	for _, p := range s.queue {
		errs = append(errs, p.close())
	}
	s.queue = nil
	return errors.Join(errs...)
}

func (s *source) close() error {
	var err error
	if s.current != nil {
		err = s.finish()
	}
	return errors.Join(err, s.closeQueue())
}

// single is the rows of one part, which it owns.
type single struct{ *reader }

func (s *single) close() error {
	s.reader.close()
	return s.part.close()
}

// interleaved merges parts whose times overlap, such as one that fills the gaps
// of another. It copies row by row, which is slow and rare.
type interleaved struct {
	strands []*scanner
	lenient bool     // rows of the same time in two parts are left to the reader to find
	from    *scanner // of the row before
	before  exchange.Time
}

func newInterleaved(s *source, parts []*part) *interleaved {
	m := &interleaved{lenient: s.damaged != nil}
	for _, p := range parts {
		m.strands = append(m.strands, newScanner(s.read(p)))
	}
	return m
}

func (m *interleaved) next(b *block) error {
	b.n = 0
	for b.n < b.size() {
		first, err := m.first()
		if err != nil {
			return err
		}
		if first == nil {
			break
		}
		if m.from != nil && m.from != first && first.time() == m.before && !m.lenient {
			return twice(m.from.r.part, first.r.part, m.before, "both have a row")
		}
		m.from, m.before = first, first.time()
		if b.n == 0 {
			b.part, b.row = first.r.part, first.b.row+int64(first.pos)
		}
		b.copyRow(first.b, first.pos)
		first.pos++
	}
	if b.n == 0 {
		return io.EOF
	}
	return nil
}

// first returns the strand whose row comes next, or nil at the end.
func (m *interleaved) first() (*scanner, error) {
	var first *scanner
	for _, s := range m.strands {
		if err := s.load(); err != nil {
			return nil, err
		}
		if !s.eof && (first == nil || s.time() < first.time()) {
			first = s
		}
	}
	return first, nil
}

func (m *interleaved) close() error {
	var errs []error
	for _, s := range m.strands {
		s.r.close()
		errs = append(errs, s.r.part.close())
	}
	return errors.Join(errs...)
}

// scanner goes through the rows of a part one by one.
type scanner struct {
	r   *reader
	b   *block
	pos int
	eof bool
}

func newScanner(r *reader) *scanner { return &scanner{r: r, b: newBlock(r.part.layout, blockRows)} }

// load makes sure that the scanner stands on a row or at the end.
func (s *scanner) load() error {
	for !s.eof && s.pos == s.b.n {
		s.pos = 0
		err := s.r.next(s.b)
		if err == io.EOF { //nolint:errorlint // rows promise the plain value
			s.eof, s.b.n = true, 0
			return nil
		}
		if err != nil {
			s.b.n = 0
			return err
		}
	}
	return nil
}

func (s *scanner) time() exchange.Time { return s.b.time(s.pos) }

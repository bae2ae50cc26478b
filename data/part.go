package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"github.com/parquet-go/parquet-go"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
)

const (
	// blockRows is how many rows are decoded and handed over at a time.
	blockRows = 4096
	// readBytes is how much of a column is read from disk at a time.
	readBytes = 32 << 10
)

// part is one open file of a stream.
type part struct {
	path   string // relative to the root
	layout *layout
	file   *os.File
	pq     *parquet.File
	source Source
	bytes  int64
	rows   int64
	groups []rowGroup
	ints   []int // column of each of layout.ints
	small  []int // column of each of layout.small
}

// rowGroup is what the footer says of a row group.
type rowGroup struct {
	rows     int64
	min, max exchange.Time
}

func (p *part) first() exchange.Time { return p.groups[0].min }
func (p *part) last() exchange.Time  { return p.groups[len(p.groups)-1].max }

// openPart reads the footer of a part. name is the path for people. Errors are
// of the file system or [*CorruptError].
func openPart(path, name string, l *layout) (*part, error) {
	f, err := disk.Open(path)
	if err != nil {
		return nil, err
	}
	p := &part{path: name, layout: l, file: f}
	if err := p.readFooter(); err != nil {
		f.Close() //nolint:errcheck // a file that was only read has nothing to lose
		return nil, &CorruptError{Path: name, RowGroup: -1, Err: err}
	}
	return p, nil
}

func (p *part) close() error { return p.file.Close() }

// guard turns a panic of the Parquet library into an error: it trusts some
// numbers of a file that a damaged file gets wrong.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("decode: %v", r)
	}
}

var errNoRows = errors.New("no rows")

func (p *part) readFooter() (err error) {
	defer guard(&err)
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	p.bytes = info.Size()
	if p.pq, err = openParquet(p.file, p.bytes); err != nil {
		return err
	}
	if err := p.readMeta(); err != nil {
		return err
	}
	if err := p.readSchema(); err != nil {
		return err
	}
	return p.readGroups()
}

func openParquet(r io.ReaderAt, size int64) (*parquet.File, error) {
	var tail [8]byte
	if size < int64(len(tail)+4) {
		return nil, io.ErrUnexpectedEOF
	}
	if _, err := r.ReadAt(tail[:], size-int64(len(tail))); err != nil {
		return nil, err
	}
	// The library would allocate as much as the file says.
	if footer := int64(binary.LittleEndian.Uint32(tail[:])); footer > size {
		return nil, fmt.Errorf("footer of %d bytes in a file of %d", footer, size)
	}
	return parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true),
		parquet.ReadBufferSize(readBytes))
}

func (p *part) readMeta() error {
	version, ok := p.pq.Lookup(metaSchema)
	if !ok {
		return fmt.Errorf("no %s in the footer: not a part of a catalog", metaSchema)
	}
	if version != schemaVersion {
		return fmt.Errorf("schema version %q; this program reads %q", version, schemaVersion)
	}
	p.source.Name, _ = p.pq.Lookup(metaSource)
	p.source.Digest, _ = p.pq.Lookup(metaInput)
	p.source.Importer, _ = p.pq.Lookup(metaImporter)
	text, _ := p.pq.Lookup(metaRows)
	rows, err := strconv.ParseInt(text, 10, 64)
	if err != nil || rows != p.pq.NumRows() {
		return fmt.Errorf("%s is %q, and the file has %d rows", metaRows, text, p.pq.NumRows())
	}
	p.rows = rows
	return nil
}

func (p *part) readSchema() error {
	for _, name := range p.layout.ints {
		c, err := p.column(name, parquet.Int64)
		if err != nil {
			return err
		}
		p.ints = append(p.ints, c)
	}
	for _, name := range p.layout.small {
		kind := parquet.Boolean
		if name == "flags" {
			kind = parquet.Int32
		}
		c, err := p.column(name, kind)
		if err != nil {
			return err
		}
		p.small = append(p.small, c)
	}
	return nil
}

func (p *part) column(name string, kind parquet.Kind) (int, error) {
	c := p.pq.Root().Column(name)
	switch {
	case c == nil || !c.Leaf():
		return 0, fmt.Errorf("no column %q", name)
	case c.Type().Kind() != kind:
		return 0, fmt.Errorf("column %q is %s, want %s", name, c.Type().Kind(), kind)
	case c.MaxDefinitionLevel() != 0 || c.MaxRepetitionLevel() != 0:
		return 0, fmt.Errorf("column %q is optional or repeated", name)
	}
	return c.Index(), nil
}

func (p *part) readGroups() error {
	var total int64
	last := exchange.Time(math.MinInt64)
	for i, g := range p.pq.RowGroups() {
		times, ok := g.ColumnChunks()[p.ints[0]].(*parquet.FileColumnChunk)
		if !ok {
			return fmt.Errorf("row group %d: the time is no column of a file", i)
		}
		lo, hi, ok := times.Bounds()
		if !ok {
			return fmt.Errorf("row group %d: no statistics of the time", i)
		}
		group := rowGroup{rows: g.NumRows(), min: exchange.Time(lo.Int64()), max: exchange.Time(hi.Int64())}
		switch {
		case group.rows <= 0:
			return fmt.Errorf("row group %d: %w", i, errNoRows)
		case group.min > group.max || group.min < last:
			return fmt.Errorf("row group %d: %s to %s after %s", i, group.min, group.max, last)
		}
		last = group.max
		total += group.rows
		p.groups = append(p.groups, group)
	}
	if total == 0 {
		return errNoRows
	}
	if total != p.rows {
		return fmt.Errorf("%d rows in row groups of %d in all", total, p.rows)
	}
	return nil
}

// block is some consecutive rows of a stream as columns.
type block struct {
	n     int
	ints  [][]int64 // columns of layout.ints
	small [][]uint8 // columns of layout.small
	part  *part     // that the rows come from
	row   int64     // of the part, of the first row
	err   error     // after the rows; io.EOF at the end
}

func newBlock(l *layout, rows int) *block {
	b := &block{ints: make([][]int64, len(l.ints)), small: make([][]uint8, len(l.small))}
	for i := range b.ints {
		b.ints[i] = make([]int64, rows)
	}
	for i := range b.small {
		b.small[i] = make([]uint8, rows)
	}
	return b
}

func (b *block) size() int { return len(b.ints[0]) }

func (b *block) time(i int) exchange.Time { return exchange.Time(b.ints[0][i]) }

// drop removes the first n rows.
func (b *block) drop(n int) {
	for _, c := range b.ints {
		copy(c, c[n:b.n])
	}
	for _, c := range b.small {
		copy(c, c[n:b.n])
	}
	b.n -= n
	b.row += int64(n)
}

// copyRow appends row i of another block of the same layout.
func (b *block) copyRow(from *block, i int) {
	for c := range b.ints {
		b.ints[c][b.n] = from.ints[c][i]
	}
	for c := range b.small {
		b.small[c][b.n] = from.small[c][i]
	}
	b.n++
}

// sameRow reports whether row i is row j of another block of the same layout.
func (b *block) sameRow(i int, o *block, j int) bool {
	for c := range b.ints {
		if b.ints[c][i] != o.ints[c][j] {
			return false
		}
	}
	for c := range b.small {
		if b.small[c][i] != o.small[c][j] {
			return false
		}
	}
	return true
}

// reader decodes the row groups of a part that touch a range of time, in order.
type reader struct {
	part     *part
	from, to exchange.Time // to is exclusive
	group    int           // being read
	left     int64         // rows of it that have not been read
	row      int64         // of the part, next to be read
	open     bool
	last     exchange.Time    // of the row before
	lenient  bool             // about the order of the rows
	bounds   *exchange.Bounds // of the values; nil: they are not checked
	ints     []column
	small    []column
}

// read returns a reader of the rows in [from, to). It may give rows before from:
// whole row groups are skipped, not rows.
func (p *part) read(from, to exchange.Time) *reader {
	return &reader{
		part: p, from: from, to: to, last: math.MinInt64,
		ints: make([]column, len(p.ints)), small: make([]column, len(p.small)),
	}
}

// all returns a reader of all rows.
func (p *part) all() *reader { return p.read(math.MinInt64, exchange.Never) }

// next fills a block with rows of one row group. It returns io.EOF at the end.
func (r *reader) next(b *block) (err error) {
	defer func() {
		var beyond *ValueError
		if err != nil && err != io.EOF && !errors.As(err, &beyond) { //nolint:errorlint // the plain io.EOF below
			err = &CorruptError{Path: r.part.path, RowGroup: r.group, Err: err}
		}
	}()
	defer guard(&err)
	b.n, b.part, b.row = 0, r.part, r.row
	if !r.open {
		if !r.seek() {
			return io.EOF
		}
		b.row = r.row
		r.openGroup()
	}
	n := int(min(r.left, int64(b.size())))
	for i := range r.ints {
		if err := r.ints[i].readInts(b.ints[i][:n]); err != nil {
			return fmt.Errorf("column %q: %w", r.part.layout.ints[i], err)
		}
	}
	for i := range r.small {
		if err := r.small[i].readSmall(b.small[i][:n]); err != nil {
			return fmt.Errorf("column %q: %w", r.part.layout.small[i], err)
		}
	}
	if !r.lenient {
		if err := r.checkOrder(b.ints[0][:n]); err != nil {
			return err
		}
	}
	b.n = n
	if r.bounds != nil {
		if err := r.checkBounds(b); err != nil {
			return err
		}
	}
	r.row += int64(n)
	if r.left -= int64(n); r.left == 0 {
		r.close()
		r.group++
	}
	return nil
}

// seek moves to the next row group in the range.
func (r *reader) seek() bool {
	for ; r.group < len(r.part.groups); r.group++ {
		g := &r.part.groups[r.group]
		if g.min >= r.to {
			return false
		}
		if g.max >= r.from {
			return true
		}
		r.row += g.rows
	}
	return false
}

func (r *reader) openGroup() {
	chunks := r.part.pq.RowGroups()[r.group].ColumnChunks()
	for i, c := range r.part.ints {
		r.ints[i].pages = chunks[c].Pages()
	}
	for i, c := range r.part.small {
		r.small[i].pages = chunks[c].Pages()
	}
	r.left = r.part.groups[r.group].rows
	r.open = true
}

// close gives the buffers of the row group back. It is safe to call twice.
func (r *reader) close() {
	r.open = false
	for i := range r.ints {
		r.ints[i].close()
	}
	for i := range r.small {
		r.small[i].close()
	}
}

// checkOrder makes sure that what the merge relies on is so.
func (r *reader) checkOrder(times []int64) error {
	g := &r.part.groups[r.group]
	last := r.last
	for _, t := range times {
		if exchange.Time(t) < last {
			return fmt.Errorf("time goes back from %s to %s", last, exchange.Time(t))
		}
		last = exchange.Time(t)
	}
	if exchange.Time(times[0]) < g.min || last > g.max {
		return fmt.Errorf("times outside the %s to %s of the footer", g.min, g.max)
	}
	r.last = last
	return nil
}

// column reads the pages of one column of a row group. It borrows the buffer of
// a decoded page and copies out of it.
type column struct {
	pages  parquet.Pages
	page   parquet.Page
	int64s []int64
	int32s []int32
	bits   []byte
	bit    int // next of bits
	nbits  int
}

func (c *column) close() {
	c.release()
	if c.pages != nil {
		c.pages.Close() //nolint:errcheck // of a file that is only read
		c.pages = nil
	}
}

func (c *column) release() {
	if c.page != nil {
		parquet.Release(c.page)
		c.page = nil
	}
	c.int64s, c.int32s, c.bits, c.bit, c.nbits = nil, nil, nil, 0, 0
}

// turn goes to the next page.
func (c *column) turn() error {
	c.release()
	page, err := c.pages.ReadPage()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	c.page = page
	if page.Dictionary() != nil {
		return errors.New("dictionary pages are not part of the format")
	}
	values := page.Data()
	switch page.Type().Kind() {
	case parquet.Int64:
		c.int64s = values.Int64()
	case parquet.Int32:
		c.int32s = values.Int32()
	case parquet.Boolean:
		c.bits, c.nbits = values.Boolean(), int(page.NumValues())
		if len(c.bits)*8 < c.nbits {
			return io.ErrUnexpectedEOF
		}
	}
	return nil
}

func (c *column) readInts(dst []int64) error {
	for {
		n := copy(dst, c.int64s)
		c.int64s, dst = c.int64s[n:], dst[n:]
		if len(dst) == 0 {
			return nil
		}
		if err := c.turn(); err != nil {
			return err
		}
	}
}

func (c *column) readSmall(dst []uint8) error {
	for {
		n, err := c.copySmall(dst)
		if err != nil {
			return err
		}
		if dst = dst[n:]; len(dst) == 0 {
			return nil
		}
		if err := c.turn(); err != nil {
			return err
		}
	}
}

func (c *column) copySmall(dst []uint8) (int, error) {
	if len(c.int32s) > 0 {
		n := min(len(dst), len(c.int32s))
		for i, v := range c.int32s[:n] {
			if v < 0 || v > math.MaxUint8 {
				return 0, fmt.Errorf("value %d outside 0 to 255", v)
			}
			dst[i] = uint8(v)
		}
		c.int32s = c.int32s[n:]
		return n, nil
	}
	n := min(len(dst), c.nbits-c.bit)
	for i := range dst[:n] {
		at := c.bit + i
		dst[i] = c.bits[at>>3] >> (at & 7) & 1
	}
	c.bit += n
	return n, nil
}

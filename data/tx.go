package data

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
)

// Source names the input of an import.
type Source struct {
	Name     string `json:"name"`     // the file's name, for people
	Digest   string `json:"digest"`   // hex sha256 of the input's bytes
	Importer string `json:"importer"` // name and version of the importer
}

// partName names the parts that come from the input.
func (s Source) partName() string { return partPrefix + strings.ToLower(s.Digest[:12]) + partSuffix }

func (s Source) validate() error {
	if len(s.Digest) != 64 || strings.Trim(strings.ToLower(s.Digest), "0123456789abcdef") != "" {
		return fmt.Errorf("source %q: digest %q: want the 64 hexadecimal digits of a sha256", s.Name, s.Digest)
	}
	return nil
}

const (
	partPrefix    = "part-"
	partSuffix    = ".parquet"
	stagedSuffix  = ".staged" // not .parquet, so that no glob of a reader finds it
	stagingPrefix = ".staging-"
	lockName      = "lock"
)

// Tx is one import of one input. Nothing of it is visible before Commit, and
// nothing remains of it after Abort. It is owned by one goroutine.
//
// Its memory is bounded: each stream has one file open, which holds the columns
// of one row group.
type Tx struct {
	c       *Catalog
	src     Source
	dir     string
	lock    *os.File
	streams map[Key]*streamWriter
	staged  []*stagedPart
	files   int   // made so far
	err     error // of a write that failed half-way: the import cannot be used
	done    bool
}

// stagedPart is a file of the import that is complete and not yet visible.
type stagedPart struct {
	key   Key
	date  string // "date=2021-07-22"
	path  string
	rows  int64
	drops int64 // rows that another input had brought
}

// NewTx starts an import. It removes what killed imports have left behind.
func (c *Catalog) NewTx(src Source) (*Tx, error) {
	if err := src.validate(); err != nil {
		return nil, err
	}
	if err := c.sweep(); err != nil {
		return nil, fmt.Errorf("remove abandoned imports: %w", err)
	}
	dir, lock, err := c.newStaging()
	if err != nil {
		return nil, fmt.Errorf("start import: %w", err)
	}
	return &Tx{c: c, src: src, dir: dir, lock: lock, streams: make(map[Key]*streamWriter)}, nil
}

// newStaging makes a staging directory and locks it. A sweep of another process
// may take the directory away before it is locked; then another one is made.
func (c *Catalog) newStaging() (string, *os.File, error) {
	for {
		dir, err := os.MkdirTemp(c.root, stagingPrefix)
		if err != nil {
			return "", nil, err
		}
		lock, err := takeLock(filepath.Join(dir, lockName), os.O_CREATE)
		if errors.Is(err, fs.ErrNotExist) || err == nil && lock == nil {
			continue
		}
		if err != nil {
			return "", nil, errors.Join(err, removeStaging(dir))
		}
		return dir, lock, nil
	}
}

// takeLock opens a lock file and locks it. It returns nil if another process
// has the lock or removed the file meanwhile.
func takeLock(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, flags|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	ok, err := disk.TryLock(f)
	if errors.Is(err, errors.ErrUnsupported) {
		// Without locks two importers could harm each other. Catalogs can be read on
		// every system.
		err = fmt.Errorf("writing a catalog: %w", err)
	}
	if err != nil || !ok {
		return nil, errors.Join(err, f.Close())
	}
	ours, err := f.Stat()
	if err == nil {
		var named os.FileInfo
		if named, err = os.Stat(path); err == nil && os.SameFile(ours, named) {
			return f, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return nil, errors.Join(err, f.Close())
}

// sweep removes the staging directories whose owners are dead: their locks are
// free.
func (c *Catalog) sweep() error {
	dirs, err := filepath.Glob(filepath.Join(escapeGlob(c.root), stagingPrefix+"*"))
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := sweepDir(dir); err != nil {
			return err
		}
	}
	return nil
}

func sweepDir(dir string) error {
	lock, err := takeLock(filepath.Join(dir, lockName), 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// Its owner died before it locked the directory or after it emptied it,
		// or is about to. An owner that finds it gone makes another.
		os.Remove(dir) //nolint:errcheck // an owner at work is faster
		return nil
	case err != nil || lock == nil:
		return err
	}
	return errors.Join(removeStaging(dir), lock.Close())
}

// removeStaging removes a staging directory, its lock last, so that a directory
// without one is always empty.
func removeStaging(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.Name() != lockName {
			errs = append(errs, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, path := range []string{filepath.Join(dir, lockName), dir} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// Write adds events to a stream, in ascending order of time; an event that goes
// back is an [*OrderError], and one that the stream cannot hold a [*RowError].
// After these nothing of the batch has been written and the import can go on.
func (t *Tx) Write(key Key, events []exchange.Event) error {
	switch {
	case t.done:
		return ErrClosed
	case t.err != nil:
		return t.err
	}
	s := t.streams[key]
	if s == nil {
		if err := key.validate(); err != nil {
			return err
		}
		s = newStreamWriter(t, key)
		t.streams[key] = s
	}
	if err := s.check(events); err != nil {
		return err
	}
	if err := s.write(events); err != nil {
		t.err = fmt.Errorf("write %s: %w", key, err)
		return t.err
	}
	return nil
}

// Abort removes what was written. It is safe after Commit.
func (t *Tx) Abort() error {
	if t.done {
		return nil
	}
	t.done = true
	var errs []error
	for _, s := range t.streams {
		if s.out != nil {
			errs = append(errs, s.out.file.Close())
		}
	}
	// The lock goes last: until then no sweep touches the directory.
	errs = append(errs, removeStaging(t.dir), t.lock.Close())
	return errors.Join(errs...)
}

// streamWriter writes the parts of one stream, one partition after the other.
type streamWriter struct {
	tx       *Tx
	key      Key
	layout   *layout
	period   period
	interval exchange.Time // of bars
	out      *partWriter
	end      exchange.Time // of the partition of out
	last     exchange.Time
	rows     int64
}

func newStreamWriter(t *Tx, key Key) *streamWriter {
	interval, _ := ParseBarKind(key.Kind)
	return &streamWriter{
		tx: t, key: key, layout: layoutOf(key.Kind), period: periodOf(key.Kind), interval: exchange.Time(interval),
	}
}

// check finds the first event that cannot be written.
func (s *streamWriter) check(events []exchange.Event) error {
	last := s.last
	for i := range events {
		e := &events[i]
		row := s.rows + int64(i)
		if row > 0 && e.Time < last {
			return &OrderError{Key: s.key, Row: row, Time: e.Time, Before: last}
		}
		if reason := s.reject(e); reason != "" {
			return &RowError{Key: s.key, Row: row, Time: e.Time, Reason: reason}
		}
		last = e.Time
	}
	return nil
}

// reject says why an event cannot be stored exactly, or nothing.
func (s *streamWriter) reject(e *exchange.Event) string {
	if e.Kind != s.layout.event {
		return "is a " + e.Kind.String() + " event"
	}
	if e.Time < minTime || e.Time >= maxTime {
		return "the time is outside 1678 to 2262"
	}
	switch e.Kind {
	case exchange.KindTrade, exchange.KindLiquidation, exchange.KindBook, exchange.KindOrder:
		if e.Side != exchange.Buy && e.Side != exchange.Sell {
			return "has no side"
		}
		return rejectPrices(e.Level().Price)
	case exchange.KindQuote:
		q := e.Quote()
		return rejectPrices(q.BidPrice, q.AskPrice)
	case exchange.KindMark:
		m := e.Mark()
		return rejectPrices(m.Mark, m.Index)
	case exchange.KindFunding:
		return rejectPrices(exchange.Price(e.Funding().Rate))
	case exchange.KindBar:
		b := e.Bar()
		if b.End-b.Start != s.interval {
			return "lasts " + b.End.Sub(b.Start).String()
		}
		return rejectPrices(b.Open, b.High, b.Low, b.Close)
	}
	return ""
}

// rejectPrices keeps numbers within the 18 digits of the DECIMAL columns.
func rejectPrices(prices ...exchange.Price) string {
	for _, p := range prices {
		if p > exchange.MaxPrice || p < -exchange.MaxPrice {
			return "the number " + strconv.FormatInt(int64(p), 10) + "e-10 does not fit DECIMAL(18,10)"
		}
	}
	return ""
}

func (s *streamWriter) write(events []exchange.Event) error {
	for len(events) > 0 {
		if s.out == nil || events[0].Time >= s.end {
			if err := s.turn(events[0].Time); err != nil {
				return err
			}
		}
		n := 1
		for n < len(events) && events[n].Time < s.end {
			n++
		}
		if err := s.out.table.write(events[:n]); err != nil {
			return err
		}
		s.out.rows += int64(n)
		s.rows += int64(n)
		s.last = events[n-1].Time
		events = events[n:]
	}
	return nil
}

// turn completes the open partition and starts the one that holds t.
func (s *streamWriter) turn(t exchange.Time) error {
	if err := s.finish(); err != nil {
		return err
	}
	start, end := s.period.bounds(t)
	path := s.tx.stagedPath()
	out, err := newPartWriter(s.tx.c.disk, path, s.layout, s.tx.src)
	if err != nil {
		return err
	}
	out.date = dateDir(start)
	s.out, s.end = out, end
	return nil
}

// stagedPath returns a new path in the staging directory.
func (t *Tx) stagedPath() string {
	t.files++
	return filepath.Join(t.dir, strconv.Itoa(t.files)+stagedSuffix)
}

// finish completes the open partition.
func (s *streamWriter) finish() error {
	if s.out == nil {
		return nil
	}
	out := s.out
	s.out = nil
	if err := out.close(); err != nil {
		return err
	}
	s.tx.staged = append(s.tx.staged, &stagedPart{key: s.key, date: out.date, path: out.path, rows: out.rows})
	return nil
}

// partWriter writes one part.
type partWriter struct {
	path  string
	date  string
	file  disk.File
	table tableWriter
	rows  int64
}

func newPartWriter(d disk.FS, path string, l *layout, src Source) (*partWriter, error) {
	f, err := d.Create(path)
	if err != nil {
		return nil, err
	}
	w := &partWriter{path: path, file: f, table: l.open(f, writerOptions()...)}
	w.table.setMeta(metaSchema, schemaVersion)
	w.table.setMeta(metaSource, src.Name)
	w.table.setMeta(metaImporter, src.Importer)
	w.table.setMeta(metaInput, strings.ToLower(src.Digest))
	return w, nil
}

// close completes the file and makes it durable.
func (w *partWriter) close() error {
	w.table.setMeta(metaRows, strconv.FormatInt(w.rows, 10))
	err := w.table.close()
	if err == nil {
		err = w.file.Sync()
	}
	return errors.Join(err, w.file.Close())
}

// CommitReport says what a commit did.
type CommitReport struct {
	Written    int   `json:"written"`    // parts
	Skipped    int   `json:"skipped"`    // parts that were already there
	Rows       int64 `json:"rows"`       // rows of the parts written
	Duplicates int64 `json:"duplicates"` // rows dropped because another input had brought the same
}

// Commit publishes the import: every part or, when it returns an error, none.
// When the process is killed meanwhile, whole parts may be visible; importing
// the same input again completes them.
func (t *Tx) Commit(ctx context.Context) (CommitReport, error) {
	switch {
	case t.done:
		return CommitReport{}, ErrClosed
	case t.err != nil:
		return CommitReport{}, errors.Join(t.err, t.Abort())
	}
	report, err := t.commit(ctx)
	if err := errors.Join(err, t.Abort()); err != nil {
		return CommitReport{}, fmt.Errorf("commit %s: %w", t.src.Name, err)
	}
	return report, nil
}

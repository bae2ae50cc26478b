package sweeps

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
)

// Files of a directory of a sweep.
const (
	SweepFile   = "sweep.json"
	RunsFile    = "runs.parquet"
	DailyFile   = "daily.parquet"
	journalFile = "journal.jsonl"
)

const journalSchema = "dunamis.sweep-journal/1"

// Journal is the directory of a sweep that goes on. It keeps each run that is
// done, so that an interrupted sweep goes on from there. It belongs to one
// goroutine.
type Journal struct {
	dir   string
	lock  *reports.Lock
	file  *os.File
	known []Entry
}

// journalHead is the first line.
type journalHead struct {
	Schema      string `json:"schema"`
	Fingerprint string `json:"fingerprint"` // of everything that decides what the runs do
}

// journalRun is every other line. Days end at each midnight and at the end.
type journalRun struct {
	Run    Run              `json:"run"`
	Start  exchange.Time    `json:"start"`
	End    exchange.Time    `json:"end"`
	Ends   []exchange.Time  `json:"ends"` // the first and the last
	Equity []exchange.Money `json:"equity"`
}

// Open takes a directory for a sweep: a new or empty one, or one in which the same
// sweep was interrupted, whose runs are then known. It refuses every other with a
// [*reports.DirectoryError].
func Open(dir, fingerprint string) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("sweep directory: %w", err)
	}
	if err := refuse(dir); err != nil {
		return nil, err // before the lock, which is a file too
	}
	lock, err := reports.LockDirectory(dir)
	if err != nil {
		return nil, err
	}
	j := &Journal{dir: dir, lock: lock}
	if err := errors.Join(refuse(dir), clearLeft(dir), j.open(fingerprint)); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// refuse returns a DirectoryError when a directory cannot take a sweep.
func refuse(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("sweep directory: %w", err)
	}
	var foreign []string
	begun := false
	for _, e := range entries {
		switch name := e.Name(); {
		case name == SweepFile:
			return &reports.DirectoryError{Dir: dir, Files: []string{SweepFile}, Why: "it holds a finished sweep"}
		case name == journalFile:
			begun = true
		case !slices.Contains([]string{RunsFile, DailyFile, reports.PageFile}, name) && !strings.HasPrefix(name, "."):
			foreign = append(foreign, name)
		}
	}
	if len(foreign) > 0 || !begun && len(entries) > 0 && !onlyHidden(entries) {
		return &reports.DirectoryError{Dir: dir, Files: foreign[:min(len(foreign), 5)], Why: "it holds files that are not a sweep's"}
	}
	return nil
}

// clearLeft removes what a process that was killed left of files that it was writing.
func clearLeft(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("sweep directory: %w", err)
	}
	for _, e := range entries {
		for _, name := range []string{SweepFile, RunsFile, DailyFile, reports.PageFile, journalFile} {
			if !strings.HasPrefix(e.Name(), "."+name+".") {
				continue
			}
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("sweep directory: %w", err)
			}
		}
	}
	return nil
}

func onlyHidden(entries []fs.DirEntry) bool {
	return !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), ".") })
}

// open reads what is there and goes on behind it.
func (j *Journal) open(fingerprint string) (err error) {
	path := filepath.Join(j.dir, journalFile)
	if info, missing := os.Stat(path); missing == nil {
		if err := disk.Regular(path, info); err != nil {
			return err // reading a pipe would block for ever
		}
	}
	if j.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return fmt.Errorf("sweep directory: %w", err)
	}
	whole, err := j.read(fingerprint)
	if err != nil {
		return err
	}
	if err := j.file.Truncate(whole); err != nil {
		return fmt.Errorf("%s: %w", journalFile, err)
	}
	if _, err := j.file.Seek(whole, io.SeekStart); err != nil {
		return fmt.Errorf("%s: %w", journalFile, err)
	}
	if whole > 0 {
		return nil
	}
	return j.write(journalHead{journalSchema, fingerprint})
}

// read returns how many bytes of the journal are whole lines; the last one may
// have been cut off.
func (j *Journal) read(fingerprint string) (whole int64, err error) {
	lines := bufio.NewReaderSize(j.file, 1<<16)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return whole, nil
		}
		if err != nil {
			return whole, fmt.Errorf("%s: %w", journalFile, err)
		}
		if whole == 0 {
			var head journalHead
			if err := json.Unmarshal(line, &head); err != nil || head.Schema != journalSchema {
				return 0, &reports.SchemaError{File: journalFile, Have: head.Schema, Want: journalSchema}
			}
			if head.Fingerprint != fingerprint {
				return 0, &reports.DirectoryError{Dir: j.dir, Files: []string{journalFile},
					Why: "it holds a sweep that was interrupted, with other settings, other data or another version"}
			}
		} else if err := j.know(line); err != nil {
			return whole, err
		}
		whole += int64(len(line))
	}
}

func (j *Journal) know(line []byte) error {
	var r journalRun
	d := json.NewDecoder(bytes.NewReader(line))
	if err := d.Decode(&r); err != nil {
		return fmt.Errorf("%s: run %d: %w", journalFile, len(j.known)+1, err)
	}
	e := Entry{Run: r.Run, Start: r.Start, End: r.End}
	if len(r.Equity) > 0 && len(r.Ends) != 2 {
		return fmt.Errorf("%s: run %d: %d ends of days, want the first and the last", journalFile, len(j.known)+1, len(r.Ends))
	}
	for i, v := range r.Equity {
		at := r.Ends[0].Add(time.Duration(i) * 24 * time.Hour)
		if i == len(r.Equity)-1 {
			at = r.Ends[1]
		}
		e.Days = append(e.Days, analysis.Day{At: at, Equity: v})
	}
	// A run that failed and was tried again has a line for each time.
	if i := slices.IndexFunc(j.known, func(k Entry) bool { return k.Run.N == e.Run.N }); i >= 0 {
		j.known[i] = e
		return nil
	}
	j.known = append(j.known, e)
	return nil
}

// Known are the runs that were done before.
func (j *Journal) Known() []Entry { return j.known }

// Finished reads the sweep in a directory if it is one that has finished and has a
// fingerprint. It returns nil for a directory without a finished sweep, and for one of
// an earlier build, which gave it none; a finished sweep with another fingerprint is a
// [*reports.DirectoryError].
func Finished(dir, fingerprint string) (*Sweep, []Entry, error) {
	if _, err := os.Stat(filepath.Join(dir, SweepFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	s, entries, err := Read(dir)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%s: %w", dir, err)
	case s.Fingerprint == "":
		return nil, nil, nil
	case s.Fingerprint != fingerprint:
		return nil, nil, &reports.DirectoryError{Dir: dir, Files: []string{SweepFile},
			Why: "it holds a finished sweep with other settings, other data or of another version"}
	}
	return s, entries, settle(dir)
}

// settle removes what a process that was killed after it had written sweep.json left
// beside it: the journal, its lock, and files that it was writing.
func settle(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("sweep directory: %w", err)
	}
	left := func(e fs.DirEntry) bool { return e.Name() == journalFile || strings.HasPrefix(e.Name(), ".") }
	if !slices.ContainsFunc(entries, left) {
		return nil
	}
	lock, err := reports.LockDirectory(dir)
	if err != nil {
		return err
	}
	err = os.Remove(filepath.Join(dir, journalFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, clearLeft(dir), lock.Unlock())
}

// Reopen makes a finished sweep one that goes on: the runs that are given are known,
// and the others are to be done again.
func Reopen(dir, fingerprint string, known []Entry) (*Journal, error) {
	lock, err := reports.LockDirectory(dir)
	if err != nil {
		return nil, err
	}
	j := &Journal{dir: dir, lock: lock}
	err = disk.Replace(filepath.Join(dir, journalFile), 0o644, func(w io.Writer) error {
		return encodeLines(w, append([]any{journalHead{journalSchema, fingerprint}}, journalLines(known)...))
	})
	if err == nil {
		// From here on it is a sweep that was interrupted.
		err = os.Remove(filepath.Join(dir, SweepFile))
	}
	if err == nil {
		err = j.open(fingerprint)
	}
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// Add keeps runs that are done. They are durable when Add returns.
func (j *Journal) Add(entries ...Entry) error { return j.write(journalLines(entries)...) }

func journalLines(entries []Entry) []any {
	list := make([]any, len(entries))
	for i := range entries {
		e := &entries[i]
		r := journalRun{Run: e.Run, Start: e.Start, End: e.End, Ends: []exchange.Time{}, Equity: []exchange.Money{}}
		for _, d := range e.Days {
			r.Equity = append(r.Equity, d.Equity)
		}
		if n := len(e.Days); n > 0 {
			r.Ends = append(r.Ends, e.Days[0].At, e.Days[n-1].At)
		}
		list[i] = r
	}
	return list
}

func encodeLines(w io.Writer, lines []any) error {
	e := json.NewEncoder(w)
	for _, line := range lines {
		if err := e.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) write(lines ...any) error {
	var b bytes.Buffer
	if err := encodeLines(&b, lines); err != nil {
		return fmt.Errorf("%s: %w", journalFile, err)
	}
	if _, err := j.file.Write(b.Bytes()); err != nil {
		return fmt.Errorf("%s: %w", journalFile, err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("%s: %w", journalFile, err)
	}
	return nil
}

// Finish writes the files of the sweep, sweep.json last, and removes the journal.
func (j *Journal) Finish(s *Sweep, entries []Entry) error {
	if err := s.write(j.dir, entries); err != nil {
		return err
	}
	return os.Remove(filepath.Join(j.dir, journalFile))
}

// Close gives the directory up. What is in the journal stays.
func (j *Journal) Close() error {
	var err error
	if j.file != nil {
		err = j.file.Close()
	}
	return errors.Join(err, j.lock.Unlock())
}

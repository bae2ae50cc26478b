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
	if err := errors.Join(refuse(dir), j.open(fingerprint)); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

// refuse returns a DirectoryError when a directory can not take a sweep.
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

func onlyHidden(entries []fs.DirEntry) bool {
	return !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), ".") })
}

// open reads what is there and goes on behind it.
func (j *Journal) open(fingerprint string) (err error) {
	path := filepath.Join(j.dir, journalFile)
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
	j.known = append(j.known, e)
	return nil
}

// Known are the runs that were done before.
func (j *Journal) Known() []Entry { return j.known }

// Add keeps a run that is done. It is durable when Add returns.
func (j *Journal) Add(entries ...Entry) error {
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
	return j.write(list...)
}

func (j *Journal) write(lines ...any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for _, line := range lines {
		if err := e.Encode(line); err != nil {
			return fmt.Errorf("%s: %w", journalFile, err)
		}
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

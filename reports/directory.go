package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dunamis-engine/dunamis/internal/disk"
)

// Files of a run directory.
const (
	ManifestFile   = "manifest.json"
	ResultFile     = "result.json"
	SummaryFile    = "summary.md"
	OrdersFile     = "orders.parquet"
	FillsFile      = "fills.parquet"
	FundingFile    = "funding.parquet"
	EquityFile     = "equity.parquet"
	StatisticsFile = "statistics.json" // made from the others by package analysis
	PageFile       = "report.html"     // made from all of them by package page
)

// A file is written under a name of its own and renamed when it is whole.
const (
	tempPrefix = "."
	tempSuffix = ".dunamis-tmp"
	lockName   = ".dunamis-lock"
)

func ourFiles() []string {
	return []string{ManifestFile, ResultFile, SummaryFile, OrdersFile, FillsFile, FundingFile, EquityFile, StatisticsFile, PageFile}
}

func tempName(name string) string { return tempPrefix + name + tempSuffix }

// directory is a run directory that this process owns.
type directory struct {
	path string
	disk disk.FS
	lock *os.File
}

// claim makes a directory ours: a new or empty one, or that of a run that did
// not finish, whose files are removed. It refuses every other with a
// [*DirectoryError] and leaves it as it is.
func claim(d disk.FS, path string) (*directory, error) {
	if err := d.MkdirAll(path); err != nil {
		return nil, fmt.Errorf("run directory: %w", err)
	}
	if err := refuse(path); err != nil {
		return nil, err // before the lock, which is a file too
	}
	lock, err := lockDirectory(path)
	if err != nil {
		return nil, err
	}
	dir := &directory{path: path, disk: d, lock: lock}
	// Another run may have finished here between the look and the lock.
	if err := errors.Join(refuse(path), dir.clear()); err != nil {
		return nil, errors.Join(err, dir.release())
	}
	return dir, nil
}

// refuse returns a DirectoryError when a directory cannot take a run.
func refuse(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	var foreign []string
	ours := false
	for _, e := range entries {
		switch {
		case !e.Type().IsRegular() || !isOurs(e.Name()):
			foreign = append(foreign, e.Name())
		case slices.Contains(ourFiles(), e.Name()):
			ours = true
		}
	}
	if len(foreign) > 0 {
		return &DirectoryError{Dir: path, Files: foreign[:min(len(foreign), 5)], Why: "it holds files that are not a run's"}
	}
	if !ours {
		return nil // empty, or what was left before the first manifest was whole
	}
	m, err := readManifest(path)
	switch {
	case err != nil:
		return &DirectoryError{Dir: path, Files: []string{ManifestFile}, Why: "its manifest cannot be read: " + err.Error()}
	case m.Status == Finished:
		return &DirectoryError{Dir: path, Files: []string{ManifestFile}, Why: "it holds a finished run"}
	}
	return nil
}

func isOurs(name string) bool {
	if of, ok := disk.Temporary(name); ok {
		name = of // left by a process that was killed while it wrote it
	}
	return name == lockName || slices.Contains(ourFiles(), name) ||
		strings.HasPrefix(name, tempPrefix) && strings.HasSuffix(name, tempSuffix)
}

// clear removes what an unfinished run left. The manifest goes last, so that a
// crash in between leaves a directory that can still be recognised.
func (d *directory) clear() error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	for _, e := range entries {
		if e.Name() == ManifestFile || e.Name() == lockName {
			continue
		}
		if err := d.disk.Remove(filepath.Join(d.path, e.Name())); err != nil {
			return fmt.Errorf("run directory: %w", err)
		}
	}
	err = d.disk.Remove(filepath.Join(d.path, ManifestFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("run directory: %w", err)
	}
	return nil
}

// create opens the temporary file of a name.
func (d *directory) create(name string) (disk.File, error) {
	f, err := d.disk.Create(filepath.Join(d.path, tempName(name)))
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return f, nil
}

// publish gives a whole temporary file its name.
func (d *directory) publish(name string) error {
	err := d.disk.Rename(filepath.Join(d.path, tempName(name)), filepath.Join(d.path, name))
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// discard removes a temporary file.
func (d *directory) discard(name string) error {
	return d.disk.Remove(filepath.Join(d.path, tempName(name)))
}

// write writes a whole file.
func (d *directory) write(name string, content []byte) error {
	f, err := d.create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return d.publish(name)
}

func (d *directory) writeJSON(name string, v any) (int64, error) {
	b, err := encodeJSON(v)
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", name, err)
	}
	return int64(len(b)), d.write(name, b)
}

// writeManifest makes everything else durable first: the manifest vouches for
// it.
func (d *directory) writeManifest(m *Manifest) error {
	if err := d.disk.SyncDir(d.path); err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	if _, err := d.writeJSON(ManifestFile, m); err != nil {
		return err
	}
	if err := d.disk.SyncDir(d.path); err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	return nil
}

// release gives the directory up.
func (d *directory) release() error {
	if d.lock == nil {
		return nil
	}
	err := errors.Join(os.Remove(filepath.Join(d.path, lockName)), d.lock.Close())
	d.lock = nil
	return err
}

func encodeJSON(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}

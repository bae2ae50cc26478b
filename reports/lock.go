package reports

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dunamis-engine/dunamis/internal/disk"
)

// Lock keeps another process from writing results to a directory, until Unlock. A
// directory in use is a [*DirectoryError].
type Lock struct{ file *os.File }

// LockDirectory takes the lock of a directory of results that exists.
func LockDirectory(path string) (*Lock, error) {
	f, err := lockDirectory(path)
	if err != nil {
		return nil, err
	}
	return &Lock{f}, nil
}

// Unlock gives the directory up.
func (l *Lock) Unlock() error { return errors.Join(os.Remove(l.file.Name()), l.file.Close()) }

// lockDirectory takes the lock of a run directory. A run that was killed left
// its lock's file, and no lock.
func lockDirectory(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("run directory: %w", err)
	}
	ok, err := disk.TryLock(f)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return f, nil // two runs into one directory at the same time are not noticed
	case err == nil && !ok:
		err = &DirectoryError{Dir: path, Why: "another run is writing to it"}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

package reports

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// lockDirectory takes the lock of a run directory. A run that was killed left
// its lock's file, and no lock.
func lockDirectory(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("run directory: %w", err)
	}
	ok, err := tryLock(f)
	if err == nil && !ok {
		err = &DirectoryError{Dir: path, Why: "another run is writing to it"}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

package reports

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dunamis-engine/dunamis/internal/disk"
)

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

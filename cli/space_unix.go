//go:build darwin || linux

package cli

import (
	"os"
	"syscall"
)

// freeSpace is how many bytes a user can still write under a directory.
func freeSpace(dir string) (free int64, known bool, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, false, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(s.Bavail) * int64(s.Bsize), true, nil //nolint:unconvert // the types differ between systems
}

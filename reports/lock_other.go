//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package reports

import "os"

// tryLock has no lock to take here: two runs into one directory at the same time
// are not noticed.
func tryLock(*os.File) (bool, error) { return true, nil }

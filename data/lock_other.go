//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package data

import (
	"errors"
	"fmt"
	"os"
)

// tryLock refuses: without file locks two importers could harm each other.
// Catalogs can be read on every system.
func tryLock(*os.File) (bool, error) {
	return false, fmt.Errorf("writing a catalog needs flock: %w", errors.ErrUnsupported)
}

//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package disk

import (
	"errors"
	"fmt"
	"os"
)

// TryLock has no lock to take here and returns an error that wraps
// [errors.ErrUnsupported].
func TryLock(*os.File) (bool, error) { return false, fmt.Errorf("flock: %w", errors.ErrUnsupported) }

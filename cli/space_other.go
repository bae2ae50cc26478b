//go:build !darwin && !linux

package cli

// freeSpace is not known on this system.
func freeSpace(string) (free int64, known bool, err error) { return 0, false, nil }

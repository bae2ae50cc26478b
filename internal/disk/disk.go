// Package disk is what writing durably asks of the file system, as an interface, so
// that tests can fill a disk up and break it, and the lock that tells whether the
// owner of a directory is alive.
//
// It is used by whatever must be whole or not there at all: package data for the
// catalog and package reports for run directories. How names, renames and locks make
// a protocol is theirs to say.
package disk

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// FS creates, renames and removes.
type FS interface {
	// Create makes a new file or empties an old one.
	Create(path string) (File, error)
	MkdirAll(path string) error
	Rename(from, to string) error
	Remove(path string) error
	// SyncDir makes the renames in a directory durable.
	SyncDir(path string) error
}

// File is an open file that is being written.
type File interface {
	io.Writer
	Sync() error
	Close() error
}

// OS is the file system of the machine.
type OS struct{}

// Create implements [FS].
func (OS) Create(path string) (File, error) { return os.Create(path) }

// MkdirAll implements [FS].
func (OS) MkdirAll(path string) error { return os.MkdirAll(path, 0o755) }

// Rename implements [FS].
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements [FS].
func (OS) Remove(path string) error { return os.Remove(path) }

// SyncDir implements [FS]. File systems that cannot sync a directory say EINVAL,
// and have nothing better to offer.
func (OS) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

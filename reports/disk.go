package reports

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// disk is what writing a run asks of the file system, so that tests can fill it
// up and break it.
type disk interface {
	create(path string) (file, error)
	mkdirAll(path string) error
	rename(from, to string) error
	remove(path string) error
	syncDir(path string) error
}

type file interface {
	io.Writer
	Sync() error
	Close() error
}

type osDisk struct{}

func (osDisk) create(path string) (file, error) { return os.Create(path) }
func (osDisk) mkdirAll(path string) error       { return os.MkdirAll(path, 0o755) }
func (osDisk) rename(from, to string) error     { return os.Rename(from, to) }
func (osDisk) remove(path string) error         { return os.Remove(path) }

// syncDir makes renames in a directory durable. File systems that can not sync
// a directory say EINVAL, and have nothing better to offer.
func (osDisk) syncDir(path string) error {
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

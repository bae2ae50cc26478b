package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// tempSuffix ends the names of the temporary files of Replace.
const tempSuffix = ".dunamis-tmp"

// attempts bounds how often Replace makes a temporary file anew because another process
// removed it as one without an owner.
const attempts = 10

// Replace writes a file of a mode under a temporary name beside it and renames it when it is
// whole and durable: whoever opens the path finds the old file or the new one. When
// writing fails, nothing is left behind and the old file is as it was. Temporary files
// that a killed process left of the same path are removed.
//
// A symbolic link at the path is replaced, not followed: Replace is for files whose names
// are the program's own. For a path that a user names as an output use [Output].
func Replace(path string, mode fs.FileMode, write func(io.Writer) error) error {
	f, err := temporary(path)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = errors.Join(f.Chmod(mode), f.Sync())
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	removeLeft(path)
	return f.Close()
}

// temporary makes a temporary file for a path and locks it: a file without a lock has lost
// its owner.
func temporary(path string) (*os.File, error) {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	for range attempts {
		f, err := os.CreateTemp(dir, "."+base+".*"+tempSuffix)
		if err != nil {
			return nil, err
		}
		free, err := TryLock(f)
		if errors.Is(err, errors.ErrUnsupported) {
			return f, nil // nothing can tell whether a file has an owner: none is removed
		}
		if err != nil {
			return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
		if free && stillAt(f) {
			return f, nil
		}
		// Another process took the file for one without an owner before it was locked.
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: temporary files are removed by another process", path)
}

// stillAt reports whether an open file is still under its name.
func stillAt(f *os.File) bool {
	here, err := f.Stat()
	there, missing := os.Lstat(f.Name())
	return err == nil && missing == nil && os.SameFile(here, there)
}

// removeLeft removes the temporary files of a path that have no owner. The path is written
// already: what cannot be removed is left for the next time.
func removeLeft(path string) {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if of, ok := Temporary(e.Name()); ok && of == base && e.Type().IsRegular() {
			removeUnowned(filepath.Join(dir, e.Name()))
		}
	}
}

// removeUnowned removes a temporary file if no process has it locked.
func removeUnowned(path string) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return // renamed or removed by its owner, or another user's
	}
	defer f.Close()
	// Its owner may have renamed it between the look at the directory and the lock.
	if free, err := TryLock(f); err == nil && free && stillAt(f) {
		_ = os.Remove(path)
	}
}

// Temporary returns the name of the file that a temporary file of [Replace] was to become.
// ok is false for any other name. Names that earlier versions gave end in the random digits.
func Temporary(name string) (of string, ok bool) {
	rest, hidden := strings.CutPrefix(strings.TrimSuffix(name, tempSuffix), ".")
	dot := strings.LastIndexByte(rest, '.')
	if !hidden || dot <= 0 {
		return "", false
	}
	digits := rest[dot+1:]
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	return rest[:dot], true
}

// readerWait bounds how long Output waits for a reader of a pipe.
const readerWait = 10 * time.Second

// Output writes to a path that a user has named. A regular file is replaced as by [Replace],
// and so is the file that a symbolic link leads to: the link stays. A pipe or a device is
// opened and written into. A pipe that nobody reads is an error after ten seconds.
func Output(path string, mode fs.FileMode, write func(io.Writer) error) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// A new file, or a link to a file that is not there yet.
	case err != nil:
		return err
	case info.IsDir():
		return &fs.PathError{Op: "write", Path: path, Err: errors.New("it is a directory, want a file")}
	case standard(info) != nil:
		return write(standard(info)) // such as /dev/stdout
	case !info.Mode().IsRegular():
		return writeInto(path, write)
	}
	target, err := follow(path)
	if err != nil {
		return err
	}
	return Replace(target, mode, write)
}

// standard returns the process's standard output or error if info is of the same file: it
// was opened once, and its position counts.
func standard(info fs.FileInfo) *os.File {
	//nolint:forbidigo // a path such as /dev/stdout names them; they are not chosen here
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		if s, err := f.Stat(); err == nil && os.SameFile(s, info) {
			return f
		}
	}
	return nil
}

// writeInto writes to a pipe, a device or a socket.
func writeInto(path string, write func(io.Writer) error) error {
	f, err := openWriter(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// openWriter opens what is not a regular file, and waits for the reader of a pipe.
func openWriter(path string) (*os.File, error) {
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if !errors.Is(err, syscall.ENXIO) {
			return f, err
		}
		if time.Since(begun) > readerWait {
			return nil, &fs.PathError{Op: "write", Path: path, Err: fmt.Errorf("no process has read from it for %s",
				readerWait)}
		}
	}
}

// maxLinks bounds a chain of symbolic links, as the kernel does.
const maxLinks = 40

// follow returns the path at the end of a chain of symbolic links, which need not exist.
func follow(path string) (string, error) {
	for range maxLinks {
		to, err := os.Readlink(path)
		if err != nil {
			return path, nil //nolint:nilerr // it is no link
		}
		if !filepath.IsAbs(to) {
			// Its directory may be a link too, and then .. is not what the text says.
			dir, err := filepath.EvalSymlinks(filepath.Dir(path))
			if err != nil {
				return "", err
			}
			to = filepath.Join(dir, to)
		}
		path = to
	}
	return "", &fs.PathError{Op: "write", Path: path, Err: syscall.ELOOP}
}

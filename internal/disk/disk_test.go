package disk_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/internal/disk"
)

func TestOS(t *testing.T) {
	var d disk.FS = disk.OS{}
	dir := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, d.MkdirAll(dir))
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	f, err := d.Create(from)
	require.NoError(t, err)
	_, err = f.Write([]byte("whole"))
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
	require.NoError(t, d.Rename(from, to))
	require.NoError(t, d.SyncDir(dir))
	got, err := os.ReadFile(to)
	require.NoError(t, err)
	require.Equal(t, "whole", string(got))
	require.NoError(t, d.Remove(to))
	require.ErrorIs(t, d.Remove(to), os.ErrNotExist)
	require.ErrorIs(t, d.SyncDir(to), os.ErrNotExist)
}

// A lock is held by one open file until that is closed.
func TestTryLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		require.NoError(t, err)
		return f
	}
	first, second := open(), open()
	defer second.Close()
	ok, err := disk.TryLock(first)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system has no flock")
	}
	require.NoError(t, err)
	require.True(t, ok)
	ok, err = disk.TryLock(second)
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, first.Close())
	ok, err = disk.TryLock(second)
	require.NoError(t, err)
	require.True(t, ok)
	_, err = disk.TryLock(first)
	require.Error(t, err, "it is closed")
}

// A file is replaced as a whole, or it is as it was and nothing lies beside it.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "page")
	write := func(text string, err error) error {
		return disk.Replace(path, 0o644, func(w io.Writer) error {
			_, failed := io.WriteString(w, text)
			return errors.Join(err, failed)
		})
	}
	require.NoError(t, write("first", nil))
	full := errors.New("no space left")
	require.ErrorIs(t, write("second", full), full)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "first", string(got))
	require.NoError(t, write("third", nil))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.ErrorIs(t, disk.Replace(filepath.Join(dir, "none", "page"), 0o644, nil), os.ErrNotExist)
}

// What a killed process left of a path is removed when the path is written again; what
// another process is writing, and files of other names, are not.
func TestReplaceRemovesWhatAKilledProcessLeft(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "page.html")
	left := []string{".page.html.123.dunamis-tmp", ".page.html.456"} // the second is an earlier version's
	others := []string{".page.html.dunamis-tmp", ".page.html.x.dunamis-tmp", ".page.html.bak", ".other.html.123",
		"page.html.123", "notes"}
	for _, name := range append(left, others...) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("<html"), 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, ".page.html.789"), 0o700))
	write := func(inner func()) {
		require.NoError(t, disk.Replace(path, 0o644, func(w io.Writer) error {
			inner()
			_, err := io.WriteString(w, "whole")
			return err
		}))
	}
	write(func() { write(func() {}) }) // the inner one must leave the outer one's file
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var have []string
	for _, e := range entries {
		have = append(have, e.Name())
	}
	require.ElementsMatch(t, append(others, ".page.html.789", "page.html"), have)
}

func TestTemporary(t *testing.T) {
	for name, of := range map[string]string{
		".report.html.123.dunamis-tmp": "report.html",
		".report.html.123":             "report.html",
		".a.1":                         "a",
		".result.json.dunamis-tmp":     "",
		".report.html.12x":             "",
		".report.html.":                "",
		".123":                         "",
		"..123":                        "",
		"report.html.123":              "",
		"":                             "",
	} {
		got, ok := disk.Temporary(name)
		require.Equal(t, of, got, name)
		require.Equal(t, of != "", ok, name)
	}
}

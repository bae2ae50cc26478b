//go:build unix

package disk_test

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/internal/disk"
)

// Only regular files are opened, directly or through links, and nothing else blocks.
func TestOpenWantsARegularFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(at("file"), []byte("whole"), 0o600))
	require.NoError(t, syscall.Mkfifo(at("pipe"), 0o600))
	require.NoError(t, os.Symlink("file", at("to-file")))
	require.NoError(t, os.Symlink("pipe", at("to-pipe")))
	for path, want := range map[string]string{
		at("file"): "", at("to-file"): "",
		at("pipe"): "a pipe", at("to-pipe"): "a pipe", dir: "a directory", "/dev/zero": "a device",
	} {
		f, err := disk.Open(path)
		if want == "" {
			require.NoError(t, err, path)
			text, err := io.ReadAll(f)
			require.NoError(t, err)
			require.Equal(t, "whole", string(text))
			require.NoError(t, f.Close())
			continue
		}
		require.ErrorIs(t, err, disk.ErrNotRegular, path)
		require.EqualError(t, err, "open "+path+": it is "+want+": want a regular file")
	}
	_, err := disk.Open(at("none"))
	require.ErrorIs(t, err, os.ErrNotExist)

	text, err := disk.ReadFile(at("file"), 5)
	require.NoError(t, err)
	require.Equal(t, "whole", string(text))
	_, err = disk.ReadFile(at("file"), 4)
	require.ErrorContains(t, err, "larger than 4 bytes")
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

// An output goes through links, of which the last may lead to nothing yet; they stay links.
func TestOutputFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.MkdirAll(at("deep/er"), 0o700))
	require.NoError(t, os.WriteFile(at("deep/file"), []byte("old"), 0o600))
	links := map[string]string{
		"absolute": at("deep/file"), "relative": "deep/file", "chain": "relative", "new": "deep/new",
		"to-dir": "deep/er", "deep/er/up": "../new",
	}
	for name, to := range links {
		require.NoError(t, os.Symlink(to, at(name)))
	}
	for path, target := range map[string]string{
		"absolute": "deep/file", "relative": "deep/file", "chain": "deep/file", "new": "deep/new",
		"to-dir/up": "deep/new", "deep/file": "deep/file",
	} {
		require.NoError(t, disk.Output(at(path), 0o644, text(path)), path)
		got, err := os.ReadFile(at(target))
		require.NoError(t, err)
		require.Equal(t, path, string(got))
	}
	for name, to := range links {
		got, err := os.Readlink(at(name))
		require.NoError(t, err, "%s is no link any more", name)
		require.Equal(t, to, got)
	}
	require.NoError(t, os.Symlink("loop", at("loop")))
	require.Error(t, disk.Output(at("loop"), 0o644, text("x")))
	require.ErrorContains(t, disk.Output(dir, 0o644, text("x")), "it is a directory, want a file")
	require.ErrorIs(t, disk.Output(at("none/file"), 0o644, text("x")), os.ErrNotExist)
}

// A file whose name is the program's own is replaced where it stands: a link in a directory
// that somebody sent leads to nothing that is written.
func TestReplaceDoesNotFollowLinks(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "report.html")
	require.NoError(t, os.WriteFile(target, []byte("theirs"), 0o600))
	require.NoError(t, os.Symlink("target", link))
	require.NoError(t, disk.Replace(link, 0o644, text("page")))
	got, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "theirs", string(got))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.True(t, info.Mode().IsRegular())
}

// An output goes into a pipe or a device, and does not replace it.
func TestOutputWritesIntoPipesAndDevices(t *testing.T) {
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	require.NoError(t, os.Symlink("pipe", link))
	for _, path := range []string{pipe, link} {
		read := make(chan string)
		go func() {
			b, err := os.ReadFile(pipe)
			read <- string(b) + errorText(err)
		}()
		require.NoError(t, disk.Output(path, 0o644, text("page")))
		require.Equal(t, "page", <-read)
	}
	info, err := os.Lstat(pipe)
	require.NoError(t, err)
	require.Equal(t, os.ModeNamedPipe, info.Mode().Type())
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, disk.Output("/dev/null", 0o644, text("page")))
	info, err = os.Lstat("/dev/null")
	require.NoError(t, err)
	require.Equal(t, os.ModeDevice|os.ModeCharDevice, info.Mode().Type())
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

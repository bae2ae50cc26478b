package reports

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
)

func TestCreateMakesDirectories(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs", "a", "b")
	scripted(t, dir).finish()
	_, err := ReadResult(dir)
	require.NoError(t, err)
}

func TestCreateRefusesWhatIsNotOurs(t *testing.T) {
	for name, fill := range map[string]func(dir string){
		"a stranger's file":            func(dir string) { put(t, dir, "thesis.tex", "years of work") },
		"a stranger's table":           func(dir string) { put(t, dir, FillsFile, "rows") },
		"a stranger's manifest":        func(dir string) { put(t, dir, ManifestFile, `{"name":"an app"}`) },
		"a manifest that is no JSON":   func(dir string) { put(t, dir, ManifestFile, "{") },
		"a later version's":            func(dir string) { put(t, dir, ManifestFile, `{"schema":"dunamis.manifest/2"}`) },
		"a finished run":               func(dir string) { scripted(t, dir).finish() },
		"an unfinished run and a note": func(dir string) { abandon(t, dir); put(t, dir, "notes.txt", "try again") },
		"a directory by a table's name": func(dir string) {
			abandon(t, dir)
			require.NoError(t, os.Mkdir(filepath.Join(dir, ResultFile), 0o755))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fill(dir)
			before := listing(t, dir)
			_, err := Create(dir, testOptions(t, &model{}, 1000))
			var refused *DirectoryError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, dir, refused.Dir)
			require.NotEmpty(t, refused.Files)
			require.ErrorContains(t, err, "choose an empty or a new directory")
			require.Equal(t, before, listing(t, dir), "nothing was touched")
		})
	}
	_, err := Create(put(t, t.TempDir(), "file", ""), testOptions(t, &model{}, 1000))
	require.Error(t, err)
}

func TestAnUnfinishedRunIsReplaced(t *testing.T) {
	for name, leave := range map[string]func(dir string){
		"killed":         func(dir string) { abandon(t, dir) },
		"failed":         func(dir string) { require.NoError(t, scripted(t, dir).r.Abort(errTest, time.Time{})) },
		"killed at once": func(dir string) { put(t, dir, tempName(ManifestFile), "{") },
		"killed in writing the page": func(dir string) {
			abandon(t, dir)
			put(t, dir, ".report.html.4711", "<html")
			put(t, dir, ".statistics.json.4712.dunamis-tmp", "{")
		},
		"killed in clearing": func(dir string) {
			abandon(t, dir)
			require.NoError(t, os.Remove(filepath.Join(dir, tempName(FillsFile))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, fresh := t.TempDir(), t.TempDir()
			leave(dir)
			scripted(t, dir).finish()
			scripted(t, fresh).finish()
			require.Equal(t, files(t, fresh), files(t, dir))
		})
	}
}

// abandon leaves a run as a process that is killed leaves it.
func abandon(t *testing.T, dir string) {
	t.Helper()
	m := scripted(t, dir)
	require.NoError(t, m.r.dir.lock.Close()) // the kernel does this
}

func TestAKilledRunIsNotFinished(t *testing.T) {
	dir := t.TempDir()
	abandon(t, dir)
	m, err := ReadManifest(dir)
	require.NoError(t, err)
	require.Equal(t, Running, m.Status)
	require.Nil(t, m.Ended)
	_, err = ReadResult(dir)
	var unfinished *UnfinishedError
	require.ErrorAs(t, err, &unfinished)
	for name := range files(t, dir) {
		require.True(t, name == ManifestFile || strings.HasPrefix(name, "."), "%s looks whole", name)
	}
}

func TestTwoRunsDoNotShareADirectory(t *testing.T) {
	dir := t.TempDir()
	m := scripted(t, dir)
	_, err := Create(dir, testOptions(t, &model{}, 1000))
	var refused *DirectoryError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "another run")
	m.finish()
	require.NoFileExists(t, filepath.Join(dir, lockName))
}

// TestEveryFailureOfTheDiskLeavesAnUnfinishedRun breaks each operation in turn.
func TestEveryFailureOfTheDiskLeavesAnUnfinishedRun(t *testing.T) {
	counting := &brokenDisk{at: -1}
	run := func(d disk.FS, dir string) error {
		m := scriptedOn(t, d, dir)
		if m.r == nil {
			return errTest
		}
		_, err := m.r.Finish(testOutcome())
		return err
	}
	require.NoError(t, run(counting, t.TempDir()))
	require.Greater(t, counting.n, 20)
	for at := range counting.n {
		dir := t.TempDir()
		err := run(&brokenDisk{at: at}, dir)
		require.ErrorIs(t, err, errTest, "operation %d", at)
		m, err := ReadManifest(dir)
		if err == nil && m.Status == Finished {
			// Only the last sync of the directory comes after that.
			require.Equal(t, counting.n-1, at)
			continue
		}
		require.NoFileExists(t, filepath.Join(dir, lockName))
	}
}

// scriptedOn opens a recorder on a disk and plays a little; without a recorder
// when the disk did not let it open.
func scriptedOn(t *testing.T, d disk.FS, dir string) *model {
	t.Helper()
	m := &model{tb: t}
	o := testOptions(t, m, 1_000_000)
	m.set, m.symbols, m.balance, m.at = o.Instruments, o.Symbols, o.StartBalance, testStart
	m.positions = map[exchange.SymbolID]*position{o.Symbols[0]: {}}
	r, err := create(d, dir, o)
	if err != nil {
		require.ErrorIs(t, err, errTest)
		return m
	}
	m.r = r
	m.sample()
	m.fill(0, 10, "7000")
	m.wait(time.Hour)
	return m
}

// brokenDisk fails its nth operation.
type brokenDisk struct {
	disk.OS
	n, at int
}

func (d *brokenDisk) fail() error {
	d.n++
	if d.n-1 == d.at {
		return errTest
	}
	return nil
}

func (d *brokenDisk) Create(path string) (disk.File, error) {
	if err := d.fail(); err != nil {
		return nil, err
	}
	f, err := d.OS.Create(path)
	return &brokenFile{f, d}, err
}

func (d *brokenDisk) Rename(from, to string) error {
	if err := d.fail(); err != nil {
		return err
	}
	return d.OS.Rename(from, to)
}

func (d *brokenDisk) SyncDir(path string) error {
	if err := d.fail(); err != nil {
		return err
	}
	return d.OS.SyncDir(path)
}

type brokenFile struct {
	disk.File
	d *brokenDisk
}

func (f *brokenFile) Write(b []byte) (int, error) {
	if err := f.d.fail(); err != nil {
		return 0, err
	}
	return f.File.Write(b)
}

func (f *brokenFile) Sync() error {
	if err := f.d.fail(); err != nil {
		return err
	}
	return f.File.Sync()
}

func put(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	return path
}

// listing returns names and contents, directories as nothing.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	out := map[string]string{}
	for _, e := range entries {
		b, _ := os.ReadFile(filepath.Join(dir, e.Name()))
		out[e.Name()] = string(b)
	}
	return out
}

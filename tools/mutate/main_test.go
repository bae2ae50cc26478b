package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func runCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = command(t.Context(), args, &out, &err)
	return code, out.String(), err.String()
}

// A package whose tests miss something, with a mutant that hangs and one that does not compile.
func TestLoosePackage(t *testing.T) {
	name := filepath.Join(t.TempDir(), "out.json")
	code, text, stderr := runCommand(
		t,
		"-root",
		"testdata/sample",
		"-seed",
		"5",
		"-limit",
		"8",
		"-jobs",
		"2",
		"-timeout",
		"3s",
		"-json",
		name,
		"./loose",
	)
	require.Equal(t, exitLow, code, stderr)
	require.Equal(t, `loose/loose.go:8: constant: survived
loose/loose.go:14: remove assignment: killed
loose/loose.go:11: constant: killed
loose/loose.go:12: equality: killed
loose/loose.go:11: constant: killed
loose/loose.go:8: boundary: survived
loose/loose.go:14: arithmetic: killed
loose/loose.go:9: return nil: not compiled
loose/loose.go:13: remove assignment: timeout
mutate: example.com/sample/loose: 75.0% of the mutants killed, want 95%
`, stderr)
	require.Equal(t, `survived loose/loose.go:8
loose/loose.go: Days: constant
- if n < 0 {
+ if n < (-1) {

survived loose/loose.go:8
loose/loose.go: Days: boundary
- if n < 0 {
+ if n <= 0 {

package                   candidates  mutants  killed  of them timeouts  survived  accepted  not compiled  rate
example.com/sample/loose  18          8        6       1                 2         0         1             75.0%
`, text)
	got, err := os.ReadFile(name)
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/loose.json")
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

// A mutant that an entry accepts is run on demand, and the entry is reported when a test kills the mutant.
func TestRecheck(t *testing.T) {
	name := filepath.Join(t.TempDir(), "accepted.txt")
	entry := "strict/strict.go: Larger: negate\n- if a > b {\n+ if !(a > b) {\n= somebody thought so\n"
	require.NoError(t, os.WriteFile(name, []byte(entry), 0o600))
	args := []string{"-root", "testdata/sample", "-accepted", name, "-recheck", "-threshold", "50", "-quiet", "./strict"}
	code, text, stderr := runCommand(t, args...)
	require.Zero(t, code, stderr)
	require.Contains(t, text, "accepted, but killed strict/strict.go:6\nstrict/strict.go: Larger: negate\n")
	require.Contains(t, text, "survived strict/strict.go:6\nstrict/strict.go: Larger: boundary\n")
}

// The tests of other packages run when those of the package pass.
func TestWith(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.26.0\n",
		"a/a.go": "package a\n\nvar A = 1\n\nvar s = \"s\"\n\nvar t = s + s\n",
		"b/b_test.go": "package b\n\nimport (\n\t\"testing\"\n\n\t\"example.com/m/a\"\n)\n\n" +
			"func TestA(t *testing.T) {\n\tif a.A != 1 {\n\t\tt.Fatal(a.A)\n\t}\n}\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
	}
	code, text, stderr := runCommand(t, "-root", root, "-quiet", "./a")
	require.Equal(t, exitLow, code, stderr)
	require.Regexp(
		t,
		`example.com/m/a +3 +2 +0 +0 +2 +0 +1 +0.0%`,
		text,
		"what does not compile does not count, with tests or without",
	)
	code, text, stderr = runCommand(t, "-root", root, "-quiet", "-with", "./b", "./a")
	require.Zero(t, code, stderr)
	require.Regexp(t, `example.com/m/a +3 +2 +2 +0 +0 +0 +1 +100.0%`, text)
}

// A package that is tested in full, but for one mutant that is accepted.
func TestStrictPackage(t *testing.T) {
	code, text, stderr := runCommand(
		t,
		"-root",
		"testdata/sample",
		"-accepted",
		"testdata/accepted.txt",
		"-quiet",
		"./strict",
	)
	require.Zero(t, code, stderr)
	require.Empty(t, stderr)
	require.Equal(t, `accepted, but no such mutant: testdata/accepted.txt:8: strict/strict.go: Smaller: boundary
- if a < b {
+ if a <= b {

package                    candidates  mutants  killed  of them timeouts  survived  accepted  not compiled  rate
example.com/sample/strict  4           3        3       0                 0         1         0             100.0%
`, text)
}

// The draw depends on the seed, and not on what else is mutated.
func TestDraw(t *testing.T) {
	draw := func(args ...string) []string {
		code, text, stderr := runCommand(t, append([]string{"-root", "testdata/sample", "-list"}, args...)...)
		require.Zero(t, code, stderr)
		return strings.Split(strings.TrimSpace(text), "\n\n")
	}
	one := draw("-limit", "3", "./loose")
	require.Len(t, one, 3)
	require.Equal(t, one, draw("-limit", "3", "./loose"))
	require.Equal(t, one, draw("-limit", "3", "./...")[:3])
	require.NotEqual(t, one, draw("-limit", "3", "-seed", "2", "./loose"))
	require.ElementsMatch(t, draw("./loose"), draw("-seed", "2", "./loose"))
}

// Only files that differ from a reference, or that git does not know, are mutated.
func TestChangedFiles(t *testing.T) {
	root := t.TempDir()
	git := func(args ...string) {
		cmd := exec.CommandContext(
			t.Context(),
			"git",
			append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	save := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
	}
	git("init", "-q", "-b", "main")
	save("go.mod", "module example.com/m\n\ngo 1.26.0\n")
	save("same.go", "package m\n\nvar a = 1\n")
	save("other.go", "package m\n\nvar b = 1\n")
	save(".gitignore", "ignored.go\n")
	git("add", ".")
	git("commit", "-q", "-m", "first")
	list := func() string {
		code, text, stderr := runCommand(t, "-root", root, "-changed", "main", "-list", "./...")
		require.Zero(t, code, stderr)
		return text
	}
	require.Empty(t, list())
	save("other.go", "package m\n\nvar b = 2\n")
	save("new.go", "package m\n\nvar c = 3\n")
	save("ignored.go", "package m\n\nvar d = 4\n")
	require.Contains(t, list(), "- var b = 2")
	require.Contains(t, list(), "- var c = 3")
	require.NotContains(t, list(), "var a")
	require.NotContains(t, list(), "var d")
	git("checkout", "-q", "-b", "branch")
	git("add", ".")
	git("commit", "-q", "-m", "second")
	require.Contains(t, list(), "- var b = 2", "a commit of the branch")

	code, _, stderr := runCommand(t, "-root", root, "-changed", "nowhere", "./...")
	require.Equal(t, exitError, code)
	require.Contains(t, stderr, "nowhere")
	code, _, stderr = runCommand(t, "-root", root, "-changed", "--output=x", "./...")
	require.Equal(t, exitError, code)
	require.Contains(t, stderr, "is not a git reference")
}

func TestErrors(t *testing.T) {
	broken := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.com/m\n\ngo 1.26.0\n", "a.go": "package m\n\nvar a = 1\n",
		"a_test.go": "package m\n\nimport \"testing\"\n\nfunc TestA(t *testing.T) { t.Fatal(\"broken\") }\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(broken, name), []byte(text), 0o600))
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"no packages", nil},
		{"limit -1: want 0 or more", []string{"-limit", "-1", "."}},
		{"jobs 0: want 1 or more", []string{"-jobs", "0", "."}},
		{"memory 0: want 1 or more", []string{"-memory", "0", "."}},
		{"timeout -1s: want 0 or more", []string{"-timeout", "-1s", "."}},
		{"threshold 101: want 0 to 100", []string{"-threshold", "101", "."}},
		{"threshold NaN: want 0 to 100", []string{"-threshold", "NaN", "."}},
		{"flag provided but not defined: -nothing", []string{"-nothing"}},
		{"no such file or directory", []string{"-root", "no/such", "."}},
		{"accepted mutants: open no/such", []string{"-root", "testdata/sample", "-accepted", "no/such", "./strict"}},
		{"directory not found", []string{"-root", "testdata/sample", "./no/such"}},
		{"the tests of example.com/m fail without a mutant:", []string{"-root", broken, "."}},
		{"broken", []string{"-root", broken, "."}},
	} {
		code, _, stderr := runCommand(t, c.args...)
		require.Equal(t, exitError, code, c.args)
		require.Contains(t, stderr, c.want)
	}
}

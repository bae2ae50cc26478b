package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The container image is built from what .dockerignore leaves: Go files, and everything
// of the directories that it names. Those with embedded files must be among them.
func TestImageHasWhatIsEmbedded(t *testing.T) {
	ignore := read(t, filepath.Join("..", ".dockerignore"))
	checked := 0
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(source), "\n//go:embed ") {
			return err
		}
		checked++
		top, _, _ := strings.Cut(strings.TrimPrefix(filepath.ToSlash(path), "../"), "/")
		require.Contains(t, ignore, "\n!"+top+"/**\n", path)
		return nil
	}))
	require.Positive(t, checked)
}

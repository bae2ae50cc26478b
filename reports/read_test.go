package reports

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadResultRefuses(t *testing.T) {
	finished := func(t *testing.T) string {
		dir := t.TempDir()
		scripted(t, dir).finish()
		return dir
	}
	_, err := ReadResult(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)

	var schema *SchemaError
	dir := finished(t)
	put(t, dir, ResultFile, `{"schema":"dunamis.result/2"}`)
	_, err = ReadResult(dir)
	require.ErrorAs(t, err, &schema)
	require.Equal(t, SchemaError{File: ResultFile, Have: "dunamis.result/2", Want: ResultSchema}, *schema)

	put(t, dir, ManifestFile, `{"schema":"dunamis.manifest/1","status":"maybe"}`)
	_, err = ReadResult(dir)
	require.ErrorContains(t, err, "maybe")

	require.NoError(t, os.Truncate(put(t, dir, ManifestFile, ""), maxJSON+1))
	_, err = ReadResult(dir)
	require.ErrorContains(t, err, "larger")
}

func TestLaterBuildsMayAddFields(t *testing.T) {
	r, err := parseResult([]byte(`{"schema":"dunamis.result/1","novelty":{"a":1}}`))
	require.NoError(t, err)
	require.Equal(t, ResultSchema, r.Schema)
}

// FuzzRead reads results and manifests that anything may have written: no panic,
// and what was read can be shown and written again.
func FuzzRead(f *testing.F) {
	for _, name := range []string{ResultFile, ManifestFile} {
		b, err := os.ReadFile(filepath.Join("testdata", "golden", name))
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add([]byte(`{"schema":"dunamis.result/1"}`))
	f.Add([]byte(`{"schema":"dunamis.manifest/1","status":"failed","config":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := parseResult(b); err == nil {
			_ = Text(*r)
			_ = Markdown(r)
			_ = r.Check()
			again, err := encodeJSON(r)
			require.NoError(t, err)
			_, err = parseResult(again)
			require.NoError(t, err)
		}
		if m, err := parseManifest(b); err == nil {
			_, err := encodeJSON(m)
			require.NoError(t, err)
		}
	})
}

package reports

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadResultRefuses(t *testing.T) {
	_, err := ReadResult(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)

	var schema *SchemaError
	dir := t.TempDir()
	scripted(t, dir).finish()
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
	// Short seeds: the fuzzer shortens what it finds, which takes long for long ones.
	for _, seed := range []string{
		`{"schema":"dunamis.result/1","run":{"strategy":"x","symbols":["A"],"start":"2020-01-01T00:00:00Z"}}`,
		`{"schema":"dunamis.result/1","account":{"currency_major":"XBT","currency_scale":8,"fees":-1}}`,
		`{"schema":"dunamis.result/1","metrics":{"sharpe":1e308,"max_drawdown_end":null}}`,
		`{"schema":"dunamis.result/1","positions":[{"symbol":"A","entry_price":7000.5}],"warnings":["w"]}`,
		`{"schema":"dunamis.manifest/1","status":"failed","config":null}`,
	} {
		f.Add([]byte(seed))
	}
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

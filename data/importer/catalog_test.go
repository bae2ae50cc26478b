package importer

import (
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// tree returns the digest of every file under a folder.
func tree(t *testing.T, root string) map[string][sha256.Size]byte {
	t.Helper()
	out := make(map[string][sha256.Size]byte)
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		out[path] = sha256.Sum256(content)
		return err
	}))
	return out
}

func newCatalog(tb testing.TB) *data.Catalog {
	tb.Helper()
	cat, err := data.Create(filepath.Join(tb.TempDir(), "catalog"))
	require.NoError(tb, err)
	return cat
}

// events reads a stream back from a catalog.
func events(t *testing.T, cat *data.Catalog, key data.Key) []exchange.Event {
	t.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	feed, err := cat.Feed(t.Context(), data.Query{Instruments: set, Streams: []data.Key{key}})
	require.NoError(t, err)
	defer feed.Close()
	var out []exchange.Event
	batch := make([]exchange.Event, 1000)
	for {
		n, err := feed.Next(t.Context(), batch)
		out = append(out, batch[:n]...)
		if err == io.EOF { //nolint:errorlint // feeds promise the plain value
			return out
		}
		require.NoError(t, err)
	}
}

// TestCatalog imports a file of each format into a catalog, reads it back, and
// imports it again.
func TestCatalog(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			path := write(t, s.file, string(s.generate(9000)))
			want, _, err := readFile(t, path, Options{})
			require.NoError(t, err)

			cat := newCatalog(t)
			first, err := Import(t.Context(), cat, path, Options{})
			require.NoError(t, err)
			require.Positive(t, first.Written)
			require.Zero(t, first.Present)
			for _, stream := range first.Streams {
				got := events(t, cat, stream.Key)
				require.Len(t, got, int(stream.Rows))
				for i := range got {
					got[i].Symbol, got[i].Stream = 0, 0 // the reader's, not the file's
				}
				require.Equal(t, want.streams[stream.Key], got)
				require.Equal(t, got[0].Time, stream.First)
				require.Equal(t, got[len(got)-1].Time, stream.Last)
			}
			before := tree(t, cat.Root())

			second, err := Import(t.Context(), cat, path, Options{})
			require.NoError(t, err)
			require.Zero(t, second.Written)
			require.Equal(t, first.Written, second.Present)
			require.Equal(t, before, tree(t, cat.Root()))

			other := newCatalog(t)
			_, err = Import(t.Context(), other, path, Options{})
			require.NoError(t, err)
			require.Len(t, tree(t, other.Root()), len(before))
		})
	}
}

// TestCatalogKeepsPlainAndCorrectedApart imports the same file with another
// clock offset, which must not pass for the same.
func TestCatalogKeepsPlainAndCorrectedApart(t *testing.T) {
	path := write(t, "trades.csv", tradesWith(-time.Second, -2*time.Second))
	cat := newCatalog(t)
	_, err := Import(t.Context(), cat, path, Options{})
	require.NoError(t, err)
	before := tree(t, cat.Root())
	_, err = Import(t.Context(), cat, path, Options{ClockOffset: "auto"})
	var overlap *data.OverlapError
	require.ErrorAs(t, err, &overlap)
	require.Equal(t, before, tree(t, cat.Root()))
}

func TestCatalogInterrupted(t *testing.T) {
	s := samples()[0]
	path := write(t, s.file, string(s.generate(20_000)))
	cat := newCatalog(t)
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	_, err := Import(ctx, cat, path, Options{Progress: func(_, _ int64) {
		if calls++; calls == 15 {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, tree(t, cat.Root()))
	entries, err := os.ReadDir(cat.Root())
	require.NoError(t, err)
	require.Empty(t, entries)
}

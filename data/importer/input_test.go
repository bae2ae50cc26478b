package importer

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data"
)

const quoteHeader = "timestamp,symbol,bidSize,bidPrice,askPrice,askSize\n"

// quoteRows returns n rows from second `from` on.
func quoteRows(from, n int) string {
	var b strings.Builder
	for i := from; i < from+n; i++ {
		fmt.Fprintf(&b, "2019-04-19D%02d:%02d:%02d.000000000,XBTUSD,10,5250,5250.5,%d\n", i/3600, i/60%60, i%60, i)
	}
	return b.String()
}

func gzipped(tb testing.TB, content string) string {
	tb.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(content))
	require.NoError(tb, err)
	require.NoError(tb, z.Close())
	return b.String()
}

func zstded(tb testing.TB, content string) string {
	tb.Helper()
	z, err := zstd.NewWriter(nil)
	require.NoError(tb, err)
	return string(z.EncodeAll([]byte(content), nil))
}

func TestCompressionIsFoundByItsFirstBytes(t *testing.T) {
	plain := quoteHeader + quoteRows(0, 100)
	want, _, err := read(t, "quotes.csv", plain, Options{})
	require.NoError(t, err)
	require.Len(t, want.streams, 1)
	for _, f := range []struct{ name, content string }{
		{"named.gz", plain},
		{"quotes.csv.gz", gzipped(t, plain)},
		{"quotes.csv", gzipped(t, plain)},
		{"two-members.gz", gzipped(t, plain[:500]) + gzipped(t, plain[500:])},
		{"quotes.csv.zst", zstded(t, plain)},
		{"two-frames.zst", zstded(t, plain[:500]) + zstded(t, plain[500:])},
		{"bom.csv", "\xef\xbb\xbf" + plain},
		{"crlf.csv", strings.ReplaceAll(plain, "\n", "\r\n")},
		{"blank-lines.csv", strings.ReplaceAll(plain, "\n", "\n\n")},
		{"no-end.csv", strings.TrimSuffix(plain, "\n")},
		{"spaced-header.csv", strings.ReplaceAll(quoteHeader, ",", " , ") + quoteRows(0, 100)},
	} {
		t.Run(f.name, func(t *testing.T) {
			got, report, err := read(t, f.name, f.content, Options{})
			require.NoError(t, err)
			require.Equal(t, want.text(), got.text())
			require.EqualValues(t, 100, report.Rows)
		})
	}
}

func TestTruncated(t *testing.T) {
	whole := quoteHeader + quoteRows(0, 20_000)
	for name, content := range map[string]string{
		"cut.csv.gz":      gzipped(t, whole)[:20_000],
		"cut.csv.zst":     zstded(t, whole)[:20_000],
		"checksum.csv.gz": gzipped(t, whole)[:len(gzipped(t, whole))-8] + "12345678",
		"trailer.csv.gz":  gzipped(t, whole) + "rubbish",
	} {
		t.Run(name, func(t *testing.T) {
			m, _, err := read(t, name, content, Options{})
			var cut *TruncatedError
			require.ErrorAs(t, err, &cut)
			require.Equal(t, name, cut.File)
			require.Greater(t, cut.Row, int64(1))
			require.Contains(t, err.Error(), fmt.Sprintf("%s: truncated or damaged after row %d: ", name, cut.Row))
			require.Zero(t, m.committed)
			require.Equal(t, 1, m.aborted)

			m, report, err := read(t, name, content, Options{SkipBad: true})
			require.NoError(t, err)
			require.Equal(t, cut.Row-1, report.Rows, "every row before the damage is kept")
			require.Equal(t, report.Rows, report.Imported)
			require.Equal(t, cut.Error(), report.Truncated)
			require.Equal(t, []string{cut.Error()}, report.Warnings)
			require.Equal(t, 1, m.committed)
		})
	}
}

func TestTruncatedJSON(t *testing.T) {
	object := `{"timestamp":"2019-04-19T00:00:00.000Z","symbol":"XBTUSD","bidSize":1,"bidPrice":1,"askPrice":2,"askSize":2}`
	for name, content := range map[string]string{
		"in an object": "[" + object + "," + object[:50],
		"in an array":  "[" + object + "," + object,
		"rubbish":      "[" + object + "," + object + "] x",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(t, "quotes.json", content, Options{})
			var cut *TruncatedError
			require.ErrorAs(t, err, &cut)
			_, report, err := read(t, "quotes.json", content, Options{SkipBad: true})
			require.NoError(t, err)
			require.Equal(t, cut.Row, report.Imported)
			require.NotEmpty(t, report.Truncated)
		})
	}
}

func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for name, content := range map[string]string{
		"quotes.csv":     quoteHeader + quoteRows(0, 3) + long + "\n" + quoteRows(3, 1),
		"header.csv":     long,
		"never.csv":      quoteHeader + quoteRows(0, 3) + `"` + strings.Repeat("x,y\n", 2*maxLine/4),
		"quotes.json":    `{"timestamp":"` + long + `"}`,
		"compressed.csv": gzipped(t, quoteHeader+strings.Repeat("0", 100*maxLine)),
	} {
		t.Run(name, func(t *testing.T) {
			m, _, err := read(t, name, content, Options{SkipBad: true})
			require.ErrorIs(t, err, ErrLongLine)
			require.ErrorContains(t, err, name)
			require.Zero(t, m.committed)
		})
	}
	_, _, err := read(t, "quotes.csv", quoteHeader+quoteRows(0, 3)+long, Options{})
	require.EqualError(t, err, "quotes.csv: row 5: longer than 1 MiB")
}

func TestNoSuchFile(t *testing.T) {
	_, _, err := readFile(t, filepath.Join(t.TempDir(), "absent.csv"), Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, _, err = readFile(t, t.TempDir(), Options{})
	require.ErrorContains(t, err, "not a regular file")
}

func TestErrorOfTheCatalog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "quotes.csv")
	require.NoError(t, os.WriteFile(path, []byte(quoteHeader+quoteRows(0, 3)), 0o600))
	full := errors.New("disk full")
	m := &memory{fail: full}
	_, err := importFile(t.Context(), path, Options{SkipBad: true}, m.begin)
	require.ErrorIs(t, err, full)
	require.Equal(t, 1, m.aborted)
	_, err = importFile(t.Context(), path, Options{}, func(data.Source) (transaction, error) { return nil, full })
	require.ErrorIs(t, err, full)
}

func TestInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "quotes.csv")
	require.NoError(t, os.WriteFile(path, []byte(quoteHeader+quoteRows(0, 10_000)), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	m := new(memory)
	calls := 0
	_, err := importFile(ctx, path, Options{Progress: func(_, _ int64) {
		if calls++; calls == 3 {
			cancel()
		}
	}}, m.begin)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, m.aborted)
	require.Zero(t, m.committed)
}

func TestChangedWhileRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "quotes.csv")
	require.NoError(t, os.WriteFile(path, []byte(quoteHeader+quoteRows(0, 3)), 0o600))
	grown := false
	m := new(memory)
	_, err := importFile(t.Context(), path, Options{Progress: func(_, _ int64) {
		if !grown {
			grown = true
			require.NoError(t, os.WriteFile(path, []byte(quoteHeader+quoteRows(0, 4)), 0o600))
		}
	}}, m.begin)
	require.ErrorIs(t, err, ErrChanged)
	require.Zero(t, m.committed)
}

func TestProgress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "quotes.csv.gz")
	content := gzipped(t, quoteHeader+quoteRows(0, 50_000))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	var last int64
	_, _, err := readFile(t, path, Options{Progress: func(done, total int64) {
		require.EqualValues(t, len(content), total)
		require.GreaterOrEqual(t, done, last)
		last = done
	}})
	require.NoError(t, err)
	require.EqualValues(t, len(content), last)
}

func TestDamagedFromTheStart(t *testing.T) {
	whole := gzipped(t, quoteHeader+quoteRows(0, 3))
	for name, content := range map[string]string{
		"magic.gz": whole[:2], "header.gz": whole[:10], "words.gz": whole[:14], "magic.zst": "\x28\xb5\x2f\xfd",
		"zeros.gz": whole[:10] + strings.Repeat("\x00", 20),
	} {
		m, _, err := read(t, name, content, Options{SkipBad: true})
		require.ErrorContains(t, err, name)
		require.Zero(t, m.begun, name)
	}
}

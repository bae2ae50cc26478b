package importer

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// nowhere takes events and forgets them, so that the importer alone is measured.
type nowhere struct{ events int64 }

func (n *nowhere) Write(_ data.Key, events []exchange.Event) error {
	n.events += int64(len(events))
	return nil
}

func (n *nowhere) Commit(context.Context) (data.CommitReport, error) { return data.CommitReport{}, nil }
func (n *nowhere) Abort() error                                      { return nil }

func benchmarkFile(b *testing.B, path string, o Options) {
	b.Helper()
	info, err := os.Stat(path)
	require.NoError(b, err)
	b.SetBytes(info.Size())
	b.ReportAllocs()
	var rows int64
	for b.Loop() {
		report, err := importFile(b.Context(), path, o, func(data.Source) (transaction, error) { return new(nowhere), nil })
		require.NoError(b, err)
		rows += report.Rows
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds()/1e6, "Mrows/s")
}

// BenchmarkReal needs DUNAMIS_SHARED.
func BenchmarkReal(b *testing.B) {
	for _, f := range []string{bars2019, bookFile, tradesFile, tickerFile} {
		b.Run(filepath.Base(f), func(b *testing.B) { benchmarkFile(b, shared(b, f), Options{}) })
	}
}

// BenchmarkRealCatalog is the whole of an import, with the writing of Parquet.
func BenchmarkRealCatalog(b *testing.B) {
	for _, f := range []string{bars2019, bookFile, tradesFile, tickerFile} {
		b.Run(filepath.Base(f), func(b *testing.B) {
			path := shared(b, f)
			var rows int64
			for b.Loop() {
				report, err := Import(b.Context(), newCatalog(b), path, Options{})
				require.NoError(b, err)
				rows += report.Rows
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

// BenchmarkFormats reads a file of 100 000 generated rows of each format.
func BenchmarkFormats(b *testing.B) {
	for _, s := range samples() {
		b.Run(s.name, func(b *testing.B) {
			var plain bytes.Buffer
			z := gzip.NewWriter(&plain)
			_, err := z.Write(s.generate(100_000))
			require.NoError(b, err)
			require.NoError(b, z.Close())
			path := filepath.Join(b.TempDir(), s.file)
			require.NoError(b, os.WriteFile(path, plain.Bytes(), 0o600))
			benchmarkFile(b, path, Options{})
		})
	}
}

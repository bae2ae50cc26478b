package sample_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli/sample"
)

// UPDATE_SAMPLE=1 writes the file anew.
func TestTheSampleIsWhatItsSeedGives(t *testing.T) {
	made, err := sample.Generate(context.Background())
	require.NoError(t, err)
	if os.Getenv("UPDATE_SAMPLE") != "" {
		require.NoError(t, os.WriteFile(sample.Name, made, 0o600))
		return
	}
	require.True(t, bytes.Equal(plain(t, sample.Bars), plain(t, made)), "the generator no longer gives the embedded sample")
}

func plain(t *testing.T, packed []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	b, err := io.ReadAll(z)
	require.NoError(t, err)
	return b
}

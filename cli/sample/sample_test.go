package sample_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/cli/sample"
)

// The demo gives the same result everywhere only if its data are the same everywhere.
func TestTheSampleIsTheSameEverywhere(t *testing.T) {
	var made bytes.Buffer
	require.NoError(t, sample.Generate(context.Background(), &made))
	require.Equal(t, 121*24*60+1, bytes.Count(made.Bytes(), []byte{'\n'}), "a header and the minutes of four months")
	sum := sha256.Sum256(made.Bytes())
	require.Equal(t, "ac70c79c8cebe93be66b4e4c2255ca5109e1fee94d7d90488849b44bad2637da", hex.EncodeToString(sum[:]))
}

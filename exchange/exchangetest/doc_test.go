package exchangetest

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite docs/conformance.md")

// The document lists the rules as they are.
func TestDocumentListsTheRules(t *testing.T) {
	const name = "../../docs/conformance.md"
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	head, _, ok := strings.Cut(string(text), "\n## The rules\n")
	require.True(t, ok)
	want := head + "\n## The rules\n\n- " + strings.Join(Rules(), "\n- ") + "\n"
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(want), 0o644))
	}
	require.Equal(t, want, string(text), "write it again with: go test ./exchange/exchangetest -update")
}

func TestWords(t *testing.T) {
	require.Equal(t, "A limit order never fills beyond its limit", words("ALimitOrderNeverFillsBeyondItsLimit"))
}

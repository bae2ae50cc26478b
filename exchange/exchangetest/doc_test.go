package exchangetest

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite docs/conformance.md")

// The document has the tables as they are.
func TestDocumentHasTheTables(t *testing.T) {
	const name = "../../docs/conformance.md"
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	want := between(t, string(text), "capabilities", table())
	want = between(t, want, "skipped", skipped())
	want = between(t, want, "combinations", combinationTables())
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(want), 0o644))
	}
	require.Equal(t, want, string(text), "write it again with: go test ./exchange/exchangetest -update")
}

// between replaces what stands between the marks of a table.
func between(t *testing.T, text, mark, table string) string {
	head, rest, ok := strings.Cut(text, "<!-- "+mark+" -->\n")
	require.True(t, ok, mark)
	_, tail, ok := strings.Cut(rest, "<!-- end -->\n")
	require.True(t, ok, mark)
	return head + "<!-- " + mark + " -->\n" + table + "<!-- end -->\n" + tail
}

// Every row has both sides, and no two the same name.
func TestTheTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range capabilities() {
		require.NotEmpty(t, c.does.says)
		require.NotEmpty(t, c.refuses.says)
		require.NotNil(t, c.does.test, c.name)
		require.NotNil(t, c.refuses.test, c.name)
		key := c.name + c.does.says
		require.False(t, seen[key], key)
		seen[key] = true
	}
	for n := quantities; n <= jumps; n++ {
		require.NotEmpty(t, needs[n].lacking)
		require.NotEmpty(t, needs[n].because)
	}
	require.Len(t, Combinations(), len(kindsOfOrders())*len(timesInForce)*len(instructions))
}

// Every test that the document names is one of the package that it names.
func TestTheTestsInTheDocumentExist(t *testing.T) {
	text, err := os.ReadFile("../../docs/conformance.md")
	require.NoError(t, err)
	named := regexp.MustCompile("`([a-z/]+)` ((?:Test|Example)[A-Za-z0-9]+)").FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(named), 50)
	for _, n := range named {
		files, err := filepath.Glob("../../" + n[1] + "/*_test.go")
		require.NoError(t, err)
		found := false
		for _, f := range files {
			code, err := os.ReadFile(f)
			require.NoError(t, err)
			found = found || strings.Contains(string(code), "func "+n[2]+"(")
		}
		require.True(t, found, "%s has no %s", n[1], n[2])
	}
}

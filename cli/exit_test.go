package cli_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// exitCodes are the values of the constants of exit.go by their names.
func exitCodes(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "exit.go", nil, 0)
	require.NoError(t, err)
	codes := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Exit") {
			return true
		}
		value, ok := spec.Values[0].(*ast.BasicLit)
		require.True(t, ok, spec.Names[0].Name)
		codes[spec.Names[0].Name] = value.Value
		return true
	})
	require.Greater(t, len(codes), 7)
	return codes
}

// Each exit code means one thing, and is in the package's documentation, in the help of each
// program that ends with it, and in its manual.
func TestExitCodesAreDistinctAndListed(t *testing.T) {
	codes := exitCodes(t)
	names := map[string]string{}
	for name, code := range codes {
		require.Empty(t, names[code], "%s and %s are both %s", name, names[code], code)
		names[code] = name
	}
	backtest, _ := printed(t, "backtest", "--help")
	paper, _ := printed(t, "paper", "--help")
	lists := map[string]struct {
		text, before, after string
		without             []string // codes that it need not list
	}{
		"doc.go":          {text: read(t, "doc.go"), before: "\n//\t", after: " "},
		"backtest --help": {text: backtest, before: " ", after: " ", without: []string{"ExitUnconfirmed"}},
		"paper --help":    {text: paper, before: " ", after: " ", without: []string{"ExitSomeFailed"}},
		"paper-trading.md": {text: read(t, "../docs/paper-trading.md"), before: "\n| ", after: " | ",
			without: []string{"ExitSomeFailed"}},
		"sweeps.md": {text: read(t, "../docs/sweeps.md"), before: "\n| ", after: " | ",
			without: []string{"ExitUnconfirmed", "ExitFault"}},
	}
	for where, list := range lists {
		text := list.text
		if _, help, ok := strings.Cut(text, "Exit codes:"); ok {
			text = strings.ReplaceAll(help, "\n", " ")
		}
		for name, code := range codes {
			listed := !slices.Contains(list.without, name)
			require.Equal(t, listed, strings.Contains(text, list.before+code+list.after), "%s: %s %s", where, name, code)
		}
	}
}

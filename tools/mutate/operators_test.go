package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each case lists all mutants of a body, as operator and changed line.
func TestOperators(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       []string
	}{
		{"nothing", `f(a)[b]`, nil},
		{"condition", `if a { x = y }`, []string{
			"negate: if !(a) { x = y }",
			"remove assignment: if a {  }",
		}},
		{"loop", `for i < n { }`, []string{
			"negate: for !(i < n) { }",
			"boundary: for i <= n { }",
		}},
		{"what a loop does after each turn stays", `for ; ; i++ { }`, []string{
			"arithmetic: for ; ; i-- { }",
		}},
		{"comparisons", `x := a <= b == (c >= d) != (e > f)`, []string{
			"boundary: x := a < b == (c >= d) != (e > f)",
			"equality: x := a <= b != (c >= d) != (e > f)",
			"boundary: x := a <= b == (c > d) != (e > f)",
			"equality: x := a <= b == (c >= d) == (e > f)",
			"boundary: x := a <= b == (c >= d) != (e >= f)",
		}},
		{"logic", `x := a && b || c`, []string{
			"side: x := c",
			"side: x := b || c",
			"side: x := a || c",
			"logic: x := a || b || c",
			"side: x := a && b",
			"logic: x := a && b && c",
		}},
		{"arithmetic", `x := a + b*c%d - e/f`, []string{
			"arithmetic: x := a - b*c%d - e/f",
			"arithmetic: x := a + b/c%d - e/f",
			"arithmetic: x := a + b*c*d - e/f",
			"arithmetic: x := a + b*c%d + e/f",
			"arithmetic: x := a + b*c%d - e*f",
		}},
		{"bits", `x := a<<b&c | d>>e&^f`, []string{
			"arithmetic: x := a>>b&c | d>>e&^f",
			"arithmetic: x := a<<b|c | d>>e&^f",
			"arithmetic: x := a<<b&c & d>>e&^f",
			"arithmetic: x := a<<b&c | d<<e&^f",
			"arithmetic: x := a<<b&c | d>>e&f",
		}},
		{"strings", `x := a + "b" + c`, nil},
		{"unary", `x := !a == (-b == c)`, []string{
			"unary: x := a == (-b == c)",
			"equality: x := !a != (-b == c)",
			"unary: x := !a == (b == c)",
			"equality: x := !a == (-b != c)",
		}},
		{"assignments", "x = a\nx += b\nx--", []string{
			"remove assignment: ",
			"remove assignment: ",
			"arithmetic: x -= b",
			"remove assignment: ",
			"arithmetic: x++",
		}},
		{"constants", `x := f(0, 3, 1.5, 1e9, 0x10, "7", '7')`, []string{
			`constant: x := f(1, 3, 1.5, 1e9, 0x10, "7", '7')`,
			`constant: x := f((-1), 3, 1.5, 1e9, 0x10, "7", '7')`,
			`constant: x := f(0, 2, 1.5, 1e9, 0x10, "7", '7')`,
			`constant: x := f(0, 4, 1.5, 1e9, 0x10, "7", '7')`,
			`constant: x := f(0, 3, (1.5 - 1), 1e9, 0x10, "7", '7')`,
			`constant: x := f(0, 3, (1.5 + 1), 1e9, 0x10, "7", '7')`,
			`constant: x := f(0, 3, 1.5, (1e9 - 1), 0x10, "7", '7')`,
			`constant: x := f(0, 3, 1.5, (1e9 + 1), 0x10, "7", '7')`,
			`constant: x := f(0, 3, 1.5, 1e9, 15, "7", '7')`,
			`constant: x := f(0, 3, 1.5, 1e9, 17, "7", '7')`,
		}},
		{"lengths of arrays stay", `x := [2]int{a, b}`, nil},
		{"calls", "f(a)\ndefer g()\n<-c", []string{
			"remove call: ",
			"remove defer: ",
		}},
		{"min and max", `x := min(a, b) == max(a, b)`, []string{
			"min/max: x := max(a, b) == max(a, b)",
			"equality: x := min(a, b) != max(a, b)",
			"min/max: x := min(a, b) == min(a, b)",
		}},
		{"branches", "for {\nbreak\ncontinue\nbreak outer\n}", []string{
			"remove break: ",
			"remove continue: ",
		}},
		{"else", "if a {\nf()\n} else {\ng()\n}", []string{
			"negate: if !(a) {",
			"remove call: ",
			"else: }",
			"remove call: ",
		}},
		{"cases", "switch {\ncase a:\nx()\ny()\ndefault:\n}\nselect {\ncase <-c:\nz()\n}", []string{
			"remove call: ",
			"empty case: ",
			"remove call: ",
			"remove call: ",
			"empty case: ",
		}},
		{"bare return", "return", []string{"remove return: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.ElementsMatch(t, c.want, texts(t, "func run() {\n"+c.body+"\n}"))
		})
	}
}

func TestReturns(t *testing.T) {
	for _, c := range []struct {
		name, function string
		want           []string
	}{
		{"by type", `func f() (a, b int, c *T, d error) { return x, y, p, err }`, []string{
			`return zero: func f() (a, b int, c *T, d error) { return *new(int), y, p, err }`,
			`return zero: func f() (a, b int, c *T, d error) { return x, *new(int), p, err }`,
			`return zero: func f() (a, b int, c *T, d error) { return x, y, *new(*T), err }`,
			`return nil: func f() (a, b int, c *T, d error) { return x, y, p, nil }`,
		}},
		{"truth", `func f() (bool, bool) { return true, a }`, []string{
			`return opposite: func f() (bool, bool) { return false, a }`,
			`return opposite: func f() (bool, bool) { return true, !(a) }`,
		}},
		{"what is zero already", `func f() (int, string, error, bool) { return 0, "", nil, false }`, []string{
			`constant: func f() (int, string, error, bool) { return 1, "", nil, false }`,
			`constant: func f() (int, string, error, bool) { return (-1), "", nil, false }`,
			`return opposite: func f() (int, string, error, bool) { return 0, "", nil, true }`,
		}},
		{"the results of a call", `func f() (int, error) { return g() }`, nil},
		{"of the function that returns", `func f() int { h := func() bool { return a }; return n }`, []string{
			`return opposite: func f() int { h := func() bool { return !(a) }; return n }`,
			`return zero: func f() int { h := func() bool { return a }; return *new(int) }`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) { require.ElementsMatch(t, c.want, texts(t, c.function)) })
	}
}

func texts(t *testing.T, function string) (texts []string) {
	t.Helper()
	found, err := mutants("a.go", []byte("package a\n\n"+function+"\n"))
	require.NoError(t, err)
	for i := range found {
		texts = append(texts, found[i].Operator+": "+found[i].After)
	}
	return texts
}

func TestFunctionNames(t *testing.T) {
	src := "package a\nvar v = 1\nfunc F() { g() }\nfunc (t *T) P() { g() }\nfunc (T) V() { g() }\nfunc (t *G[A, B]) M() { g() }\n"
	found, err := mutants("a.go", []byte(src))
	require.NoError(t, err)
	var names []string
	for i := range found {
		names = append(names, found[i].Function)
	}
	require.Equal(t, []string{"", "", "F", "(*T).P", "T.V", "(*G).M"}, names)
}

func TestGeneratedFilesHaveNoMutants(t *testing.T) {
	found, err := mutants("a.go", []byte("// Code generated by x. DO NOT EDIT.\n\npackage a\n\nvar v = 1\n"))
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestSourceThatDoesNotParse(t *testing.T) {
	_, err := mutants("a.go", []byte("package"))
	require.ErrorContains(t, err, "a.go:1:8")
}

// Every mutant of this command is a Go file of as many declarations, and differs from the original.
func TestMutantsParse(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	n := 0
	for _, name := range files {
		src, err := os.ReadFile(name)
		require.NoError(t, err)
		found, err := mutants(name, src)
		require.NoError(t, err)
		original, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
		require.NoError(t, err)
		for i := range found {
			m := &found[i]
			changed := m.source(src)
			require.NotEqual(t, string(src), string(changed), m.identity())
			tree, err := parser.ParseFile(token.NewFileSet(), name, changed, 0)
			require.NoError(t, err, m.identity())
			require.Len(t, tree.Decls, len(original.Decls), m.identity())
			require.Equal(t, m.Before, strings.TrimSpace(strings.Split(string(src), "\n")[m.Line-1]))
			n++
		}
	}
	require.Greater(t, n, 500)
}

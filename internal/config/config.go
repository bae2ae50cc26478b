// Package config fills a command's flags from a YAML file, so that each setting
// is defined once: a flag's name is its key, what the command line says wins,
// and a key that is no flag is an error with a suggestion.
package config

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"github.com/spf13/pflag"

	"github.com/dunamis-engine/dunamis/internal/disk"
)

// Bounds of a configuration file; what is beyond them is a mistake. The parser of YAML
// takes time and memory that grow with the square of the depth.
const (
	maxSize   = 1 << 20 // bytes
	maxTokens = 50_000  // keys, values and punctuation
	maxDepth  = 20      // mappings and lists within each other
)

// Error is a mistake in a configuration file, with its place.
type Error struct {
	File   string
	Line   int
	Column int
	Key    string
	Reason string
}

// Error implements error.
func (e *Error) Error() string {
	place := e.File
	if e.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
	}
	if e.Key != "" {
		return fmt.Sprintf("%s: key %s: %s", place, e.Key[:min(len(e.Key), longestWord)], e.Reason)
	}
	return fmt.Sprintf("%s: %s", place, e.Reason)
}

// LoadFile reads a YAML file into the flags that the command line has not set.
func LoadFile(path string, flags *pflag.FlagSet) error {
	f, err := disk.Open(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return Load(path, text, flags)
}

// Load is LoadFile for text already read; name is used in errors. Values are
// taken as they are written, so that no number passes through a float.
func Load(name string, text []byte, flags *pflag.FlagSet) error {
	if len(text) > maxSize {
		return &Error{File: name, Reason: fmt.Sprintf("more than %d bytes, want at most %d", maxSize, maxSize)}
	}
	tokens := lexer.Tokenize(string(text))
	if err := shallow(name, tokens); err != nil {
		return err
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return syntax(name, err)
	}
	if len(file.Docs) > 1 {
		return &Error{File: name, Reason: "want one YAML document"}
	}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		pairs, err := mapping(name, doc.Body)
		if err != nil {
			return err
		}
		if err := set(name, pairs, flags); err != nil {
			return err
		}
	}
	return nil
}

// shallow refuses what has too many tokens or is nested too deeply. It looks at the tokens
// alone: brackets, and the columns at which the entries of blocks begin.
func shallow(name string, tokens token.Tokens) error {
	flow := 0
	var columns []int // of the blocks that are open
	fail := func(t *token.Token, reason string) error {
		return &Error{File: name, Line: t.Position.Line, Column: t.Position.Column, Reason: reason}
	}
	for n, t := range tokens {
		switch {
		case n == maxTokens:
			return fail(t, fmt.Sprintf("more than %d keys, values and punctuation marks", maxTokens))
		case t.Type == token.SequenceStartType || t.Type == token.MappingStartType:
			flow++
		case t.Type == token.SequenceEndType || t.Type == token.MappingEndType:
			flow = max(0, flow-1)
		case flow == 0:
			columns = blocks(columns, tokens, n)
		}
		if flow+len(columns) > maxDepth {
			return fail(t, fmt.Sprintf("nested more than %d levels deep", maxDepth))
		}
	}
	return nil
}

// blocks follows the blocks that are open at a token. An entry of a list and a key begin
// one if they stand further to the right than those before, also on the same line.
func blocks(columns []int, tokens token.Tokens, n int) []int {
	t := tokens[n]
	column := t.Position.Column
	first := n == 0 || tokens[n-1].Position.Line != t.Position.Line
	for first && len(columns) > 0 && columns[len(columns)-1] >= column {
		columns = columns[:len(columns)-1]
	}
	begins := t.Type == token.SequenceEntryType || t.Type == token.MappingKeyType ||
		n+1 < len(tokens) && tokens[n+1].Type == token.MappingValueType
	if begins && (len(columns) == 0 || column > columns[len(columns)-1]) {
		columns = append(columns, column)
	}
	return columns
}

// syntax is an error of the parser with its place. The parser's own text quotes the source,
// which costs memory that grows with the square of a line's length.
func syntax(name string, err error) *Error {
	var at yaml.Error
	if !errors.As(err, &at) {
		return &Error{File: name, Reason: strings.TrimSpace(err.Error())}
	}
	e := &Error{File: name, Reason: at.GetMessage()}
	if t := at.GetToken(); t != nil && t.Position != nil {
		e.Line, e.Column = t.Position.Line, t.Position.Column
	}
	return e
}

func set(name string, pairs []*ast.MappingValueNode, flags *pflag.FlagSet) error {
	seen := make(map[string]bool)
	for _, pair := range pairs {
		key := pair.Key.GetToken().Value
		at := pair.Key.GetToken().Position
		fail := func(reason string) error {
			return &Error{File: name, Line: at.Line, Column: at.Column, Key: key, Reason: reason}
		}
		flag := flags.Lookup(key)
		if flag == nil || flag.Hidden || key == "help" || key == "config" {
			return fail("unknown" + didYouMean(key, flags))
		}
		if seen[key] {
			return fail("given twice")
		}
		seen[key] = true
		values, err := texts(pair.Value)
		if err != nil {
			return fail(err.Error())
		}
		if flag.Changed {
			continue
		}
		for _, v := range values {
			if err := flags.Set(key, v); err != nil {
				return fail(reason(err))
			}
		}
	}
	return nil
}

// reason drops the flag's name, which the caller names as a key.
func reason(err error) string {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return fmt.Sprintf("value %q: %v", invalid.GetValue(), invalid.Unwrap())
	}
	return err.Error()
}

func mapping(name string, n ast.Node) ([]*ast.MappingValueNode, error) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, nil
	case *ast.NullNode:
		return nil, nil
	}
	at := n.GetToken().Position
	return nil, &Error{File: name, Line: at.Line, Column: at.Column, Reason: "want keys and values, such as \"strategy: sma_cross\""}
}

// texts returns what a flag is to be set to: a scalar once, each element of a
// list, and each pair of a mapping as key=value.
func texts(n ast.Node) ([]string, error) {
	switch n := n.(type) {
	case *ast.SequenceNode:
		var out []string
		for _, e := range n.Values {
			v, err := scalar(e)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case *ast.MappingNode:
		return pairTexts(n.Values)
	case *ast.MappingValueNode:
		return pairTexts([]*ast.MappingValueNode{n})
	}
	v, err := scalar(n)
	return []string{v}, err
}

func pairTexts(pairs []*ast.MappingValueNode) ([]string, error) {
	var out []string
	for _, p := range pairs {
		v, err := scalar(p.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, p.Key.GetToken().Value+"="+v)
	}
	return out, nil
}

func scalar(n ast.Node) (string, error) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	}
	return "", errors.New("want a plain value, a list or a mapping of plain values")
}

func didYouMean(key string, flags *pflag.FlagSet) string {
	var names []string
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" && f.Name != "config" {
			names = append(names, f.Name)
		}
	})
	if near := Nearest(key, names); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return "; want one of " + strings.Join(names, ", ")
}

// longestWord is more than any name of a flag, a command or a strategy, in bytes.
const longestWord = 100

// Nearest returns the name that is the fewest edits from word, or "" when none
// is near.
func Nearest(word string, names []string) string {
	if len(word) > longestWord {
		return "" // the search takes time that grows with its length
	}
	best, bestDistance := "", max(2, len(word)/3)+1
	for _, n := range names {
		if d := distance(strings.ReplaceAll(word, "_", "-"), n); d < bestDistance {
			best, bestDistance = n, d
		}
	}
	return best
}

// distance is the Levenshtein distance.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

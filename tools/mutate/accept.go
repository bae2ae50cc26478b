package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
)

// An accepted mutant need not be killed, for a reason. It is known by its text and not by
// its line, so that it survives changes elsewhere in the file.
type accepted struct {
	identity

	Reason string
	line   int // of the file of accepted mutants
}

// identity is what tells the mutants of a package apart, except for the same change of
// the same line twice within a function.
type identity struct{ File, Function, Operator, Before, After string }

func (m *mutant) identity() identity {
	return identity{m.File, m.Function, m.Operator, m.Before, m.After}
}

// String is an entry of the file of accepted mutants without its reason.
func (i identity) String() string {
	return fmt.Sprintf("%s: %s: %s\n- %s\n+ %s", i.File, i.Function, i.Operator, i.Before, i.After)
}

// readAccepted reads a file of accepted mutants. An entry is four lines: the place, the
// line of the code, the line of the mutant and the reason. Lines that start with # are
// comments.
//
//	exchange/book.go: (*Book).Set: boundary
//	- if n < 1 {
//	+ if n <= 1 {
//	= with one level the result is the same, only slower
func readAccepted(name string) ([]*accepted, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("accepted mutants: %w", err)
	}
	defer f.Close()
	list, err := parseAccepted(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return list, nil
}

func parseAccepted(r io.Reader) (list []*accepted, err error) {
	var a *accepted
	seen := map[identity]int{}
	expected := ""
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	line := 0
	for sc.Scan() {
		line++
		text := strings.TrimSpace(sc.Text())
		mark, rest, _ := strings.Cut(text, " ")
		rest = strings.TrimSpace(rest)
		switch {
		case text == "" || mark == "#":
		case expected == "":
			a = &accepted{line: line}
			part := strings.SplitN(text, ": ", 3)
			if len(part) != 3 {
				return nil, fmt.Errorf("line %d: %q: want FILE: FUNCTION: OPERATOR", line, text)
			}
			a.File, a.Function, a.Operator = part[0], part[1], part[2]
			expected = "-"
		case mark != expected:
			return nil, fmt.Errorf("line %d: %q: want a line that starts with %q", line, text, expected+" ")
		case mark == "-":
			a.Before, expected = rest, "+"
		case mark == "+":
			a.After, expected = rest, "="
		default:
			if rest == "" {
				return nil, fmt.Errorf("line %d: want the reason after =", line)
			}
			if first := seen[a.identity]; first != 0 {
				return nil, fmt.Errorf("line %d: the same mutant as in line %d", a.line, first)
			}
			a.Reason, expected = rest, ""
			seen[a.identity] = a.line
			list = append(list, a)
		}
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", line+1, err)
	}
	if expected != "" {
		return nil, fmt.Errorf("line %d: the entry ends before its line that starts with %q", a.line, expected+" ")
	}
	return list, nil
}

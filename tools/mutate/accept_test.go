package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseAccepted(t *testing.T) {
	list, err := parseAccepted(strings.NewReader(`# comment

a/b.go: (*T).F: remove call
- x := "a: b"
+
= nobody reads it
a/b.go: : constant
- const n = 1
+ const n = 2
= another reason
`))
	require.NoError(t, err)
	require.Equal(t, []*accepted{
		{identity: identity{"a/b.go", "(*T).F", "remove call", `x := "a: b"`, ""}, Reason: "nobody reads it", line: 3},
		{identity: identity{"a/b.go", "", "constant", "const n = 1", "const n = 2"}, Reason: "another reason", line: 7},
	}, list)
	for i, a := range list {
		again, err := parseAccepted(strings.NewReader(a.String() + "\n= " + a.Reason))
		require.NoError(t, err)
		require.Equal(t, list[i].identity, again[0].identity, "what the report prints can be pasted")
	}
}

func TestParseAcceptedErrors(t *testing.T) {
	const entry = "a.go: F: side\n- a && b\n+ a\n= equal\n"
	for text, want := range map[string]string{
		"a.go":                              `line 1: "a.go": want FILE: FUNCTION: OPERATOR`,
		"a.go: F: side\n+ a\n":              `line 2: "+ a": want a line that starts with "- "`,
		"a.go: F: side\n- a\n= b\n":         `line 3: "= b": want a line that starts with "+ "`,
		"a.go: F: side\n- a\n+ b\n=\n":      `line 4: want the reason after =`,
		"a.go: F: side\n- a\n+ b\n":         `line 1: the entry ends before its line that starts with "= "`,
		"a.go: F: side\n- a\n+ b\nreason\n": `line 4: "reason": want a line that starts with "= "`,
		entry + "\n" + entry:                `line 6: the same mutant as in line 1`,
	} {
		_, err := parseAccepted(strings.NewReader(text))
		require.EqualError(t, err, want, text)
	}
}

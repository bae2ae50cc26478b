package terminal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/internal/terminal"
)

var shown = []struct{ name, text, want string }{
	{"plain", "grid_maker on XBTUSD: 1 %, ≈ 3 µs, ✓", "grid_maker on XBTUSD: 1 %, ≈ 3 µs, ✓"},
	{"title", "\x1b]0;pwned\a", `\u001b]0;pwned\u0007`},
	{"clear", "a\x1b[2Jb\rc\x08", `a\u001b[2Jb\u000dc\u0008`},
	{"8-bit sequence", "\u009b2J\u0085", `\u009b2J\u0085`},
	{"raw byte", "a\x9b2J", "a\ufffd2J"},
	{"direction", "\u202egnp.exe\u2066", `\u202egnp.exe\u2066`},
	{"separators", "a\u2028b\u2029c", `a\u2028b\u2029c`},
	{"NUL and DEL", "\x00\x7f", `\u0000\u007f`},
	{"empty", "", ""},
}

func TestEscaping(t *testing.T) {
	for _, tt := range shown {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, terminal.Line(tt.text))
			for size := 1; size <= 3; size++ { // of the pieces that are written
				var out bytes.Buffer
				w := terminal.NewWriter(&out)
				for b := []byte(tt.text); len(b) > 0; {
					n, err := w.Write(b[:min(size, len(b))])
					require.NoError(t, err)
					b = b[n:]
				}
				require.Equal(t, tt.want, out.String(), "in pieces of %d", size)
			}
		})
	}
	require.Equal(t, `a\nb\tc`, terminal.Line("a\nb\tc"), "a cell stays a cell")
	var out bytes.Buffer
	_, err := terminal.NewWriter(&out).Write([]byte("a\nb\tc"))
	require.NoError(t, err)
	require.Equal(t, "a\nb\tc", out.String(), "lines and columns stay")
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriterReportsErrors(t *testing.T) {
	_, err := terminal.NewWriter(full{}).Write([]byte("a"))
	require.EqualError(t, err, "no space left")
}

// Whatever is written, nothing comes out that a terminal obeys, and JSON stays JSON.
func FuzzWriter(f *testing.F) {
	for _, tt := range shown {
		f.Add(tt.text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var out bytes.Buffer
		w := terminal.NewWriter(&out)
		require.NoError(t, json.NewEncoder(w).Encode(s))
		require.True(t, utf8.Valid(out.Bytes()))
		require.False(t, strings.ContainsAny(out.String(), "\x1b\u009b\r\a\u202e"))
		var back string
		require.NoError(t, json.Unmarshal(out.Bytes(), &back))
		require.Equal(t, strings.ToValidUTF8(s, "\ufffd") == s, back == s, "%q became %q", s, back)
	})
}

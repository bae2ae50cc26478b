// Package terminal makes text from outside safe to print. A venue, a data file or a report
// from another user can hold control sequences, which move the cursor, change the title or
// hide text.
package terminal

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Line returns a text as one line: each control character, also a line break and a tab, is
// replaced by its escape sequence, as in a Go or JSON string.
func Line(s string) string {
	if strings.IndexFunc(s,
		func(r rune) bool { return active(r) || r == '\n' || r == '\t' }) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch r {
		case '\n':
			b.WriteString(`\n`)
		case '\t':
			b.WriteString(`\t`)
		default:
			b.Write(appendEscaped(nil, []byte(s[:size]), r))
		}
		s = s[size:]
	}
	return b.String()
}

// active reports whether a terminal does something else with a character than to show it:
// control characters but line breaks and tabs, and those that change the direction of text.
func active(r rune) bool {
	if r == '\n' || r == '\t' {
		return false
	}
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

// appendEscaped appends a character, or what stands for it. The form is also right within
// a JSON string.
func appendEscaped(to, raw []byte, r rune) []byte {
	switch {
	case r == utf8.RuneError && len(raw) == 1: // not UTF-8; 0x9b begins a sequence on some terminals
		return append(to, string(utf8.RuneError)...)
	case active(r):
		return fmt.Appendf(to, `\u%04x`, r)
	}
	return append(to, raw...)
}

// Writer escapes what it passes on as [Line] does, except line breaks and tabs. Any number of
// goroutines may use it. A character that is split over two writes is passed on with
// the second one.
type Writer struct {
	mu   sync.Mutex
	to   io.Writer
	rest []byte // the beginning of a character
	buf  []byte
}

// NewWriter returns a writer that passes on to another one.
func NewWriter(to io.Writer) *Writer { return &Writer{to: to} }

// Write implements io.Writer.
func (w *Writer) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := b
	if len(w.rest) > 0 {
		text = slices.Concat(w.rest, b)
	}
	w.buf = w.buf[:0]
	for len(text) > 0 && utf8.FullRune(text) {
		r, size := utf8.DecodeRune(text)
		w.buf = appendEscaped(w.buf, text[:size], r)
		text = text[size:]
	}
	w.rest = append([]byte(nil), text...)
	if len(w.buf) == 0 {
		return len(b), nil
	}
	if _, err := w.to.Write(w.buf); err != nil {
		return 0, err
	}
	return len(b), nil
}

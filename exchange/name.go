package exchange

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the greatest length of a name, in bytes.
const MaxName = 64

// NameRule says in an error what [ValidName] wants.
const NameRule = `want a name of at most 64 bytes without spaces, control characters and <>"'&`

// ValidName reports whether a text may be the name of a venue, a symbol, a kind of contract
// or a currency. Names become folders, commands and parts of pages: they are graphic
// characters of UTF-8, at most [MaxName] bytes, without spaces and without those that end a
// text in HTML.
func ValidName[T string | []byte](name T) bool {
	if len(name) == 0 || len(name) > MaxName {
		return false
	}
	for n := range len(name) {
		switch c := name[n]; {
		case c >= utf8.RuneSelf:
			return validRunes(string(name))
		case c <= ' ', c == 0x7f, c == '<', c == '>', c == '"', c == '\'', c == '&':
			return false
		}
	}
	return true
}

// validRunes does the same for a name that is not ASCII.
func validRunes(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(c rune) bool {
		return !unicode.IsGraphic(c) || unicode.IsSpace(c) || strings.ContainsRune(`<>"'&`, c)
	})
}

// Package secret holds keys and passwords so that they cannot be printed by
// mistake, and reads them from where they may be: the environment, or a file that
// only its owner can read.
package secret

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/dunamis-engine/dunamis/internal/disk"
)

const redacted = "[redacted]"

// String is a secret. Every way of printing it prints [redacted].
type String struct{ text string }

// New makes a secret of a text.
func New(text string) String { return String{text} }

// Reveal returns the text. It is for the code that signs with it.
func (s String) Reveal() string { return s.text }

// Empty reports whether there is no secret.
func (s String) Empty() bool { return s.text == "" }

// Format implements fmt.Formatter for every verb.
func (String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String implements fmt.Stringer.
func (String) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (String) GoString() string { return redacted }

// MarshalText implements encoding.TextMarshaler, and with it JSON and YAML.
func (String) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (String) LogValue() slog.Value { return slog.StringValue(redacted) }

// Errors of reading secrets.
var (
	ErrMissing = errors.New("is not set")
	ErrMode    = errors.New("must be readable by its owner only (mode 0600)")
)

// maxFile is the greatest size of a file with a secret, in bytes.
const maxFile = 64 << 10

// FromEnv reads a secret from the environment variable of a name, or from the file
// that the variable with _FILE after its name gives.
func FromEnv(name string) (String, error) {
	if text, ok := os.LookupEnv(name); ok && text != "" {
		return New(strings.TrimSpace(text)), nil
	}
	if path := os.Getenv(name + "_FILE"); path != "" {
		return FromFile(path)
	}
	return String{}, fmt.Errorf("%s %w: set it, or %s_FILE to the path of a file with mode 0600", name, ErrMissing, name)
}

// FromFile reads a secret from a file that only its owner can read. White space
// around it does not count. It must be a regular file of at most 64 KiB: a pipe could block
// for ever.
func FromFile(path string) (String, error) {
	info, err := os.Stat(path)
	if err != nil {
		return String{}, fmt.Errorf("secret: %w", err)
	}
	if err := disk.Regular(path, info); err != nil {
		return String{}, fmt.Errorf("secret: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return String{}, fmt.Errorf("%s has mode %04o: %w", path, info.Mode().Perm(), ErrMode)
	}
	b, err := disk.ReadFile(path, maxFile)
	if err != nil {
		return String{}, fmt.Errorf("secret: %w", err)
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return String{}, fmt.Errorf("%s is empty: %w", path, ErrMissing)
	}
	return New(text), nil
}

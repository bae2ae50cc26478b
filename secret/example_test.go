package secret_test

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/dunamis-engine/dunamis/secret"
)

// However a secret is printed, it is not.
func ExampleString() {
	key := secret.New("Xc7tP0qLw")
	fmt.Printf("%s %q %x %+v\n", key, key, key, struct{ Key secret.String }{key})
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	log.Info("connecting", "secret", key)
	fmt.Println(len(key.Reveal()))
	// Output:
	// [redacted] [redacted] [redacted] {Key:[redacted]}
	// level=INFO msg=connecting secret=[redacted]
	// 9
}

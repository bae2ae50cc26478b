package plots

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
)

// A picture says the texts of a run and has no element, attribute or file name of theirs.
func TestHostileTexts(t *testing.T) {
	const hostile = `"></text></svg><script>pwned()</script><img src=x onerror="pwned()">/../../x`
	dir, _ := record(t, "XBTUSD", 24*30, func(hour int) exchange.Money { return exchange.Money(hour%7) * 1000 })
	path := filepath.Join(dir, reports.ResultFile)
	stats, err := analysis.Write(dir)
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	quoted := strings.ReplaceAll(hostile, `"`, `\"`)
	changed := string(text)
	for _, was := range []string{`"test"`, `"XBT"`, `"USD"`} {
		require.Contains(t, changed, was)
		changed = strings.ReplaceAll(changed, was, `"`+quoted+`"`)
	}
	require.NoError(t, os.WriteFile(path, []byte(changed), 0o600))
	for _, format := range Formats {
		names, err := Write(dir, format, stats)
		require.NoError(t, err)
		require.NotEmpty(t, names)
		for _, name := range names {
			require.Equal(t, filepath.Base(name), name)
			require.Regexp(t, `^[a-z0-9_-]+\.(svg|png)$`, name)
			b, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			if format == "png" {
				_, err := png.Decode(bytes.NewReader(b))
				require.NoError(t, err)
				continue
			}
			for d := xml.NewDecoder(bytes.NewReader(b)); ; {
				token, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err, name)
				if e, ok := token.(xml.StartElement); ok {
					require.NotContains(t, []string{"script", "img", "foreignObject", "a"}, e.Name.Local)
					for _, a := range e.Attr {
						require.False(t, strings.HasPrefix(a.Name.Local, "on"), a.Name.Local)
					}
				}
			}
		}
	}
}

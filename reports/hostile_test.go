package reports

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/dunamis-engine/dunamis/exchange"
)

// hostile ends a cell, a line, a code span and an HTML attribute, and would be a picture, a
// link and a title for a terminal.
const hostile = "=1+1|`\n# x\r<img src=x onerror=pwned()>![x](https://x.test/a)[x](javascript:pwned()) " +
	"\x1b]0;pwned\a\u202e"

// fillHostile gives every string that a value leads to a hostile text.
func fillHostile(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(hostile)
	case reflect.Pointer:
		if v.Type().Elem().Kind() == reflect.Struct {
			v.Set(reflect.New(v.Type().Elem()))
			fillHostile(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillHostile(v.Index(0))
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String && v.Type().Elem().Kind() == reflect.String {
			v.Set(reflect.ValueOf(map[string]string{hostile: hostile}).Convert(v.Type()))
		}
	case reflect.Struct:
		for n := range v.NumField() {
			if v.Field(n).CanSet() {
				fillHostile(v.Field(n))
			}
		}
	default:
	}
}

func hostileResult() *Result {
	r := new(Result)
	fillHostile(reflect.ValueOf(r).Elem())
	r.Run.Start, r.Run.End = 0, exchange.Time(86400*1e9)
	return r
}

// summary.md says the texts of a run and has no markup of theirs.
func TestHostileTextsInTheSummary(t *testing.T) {
	text := Markdown(hostileResult())
	require.Contains(t, text, "onerror", "it says them")
	require.False(t, strings.ContainsAny(text, "\x1b\a\r\u202e"))
	document, err := html.Parse(strings.NewReader(text))
	require.NoError(t, err)
	for n := range document.Descendants() {
		require.False(t, n.Type == html.ElementNode && (n.Data == "img" || n.Data == "a" || len(n.Attr) > 0), "%+v", n)
	}
	for line := range strings.Lines(text) {
		require.False(t, strings.HasPrefix(line, "# x"), "a title of its own")
		code := strings.ReplaceAll(line, "\\`", "")
		require.Zero(t, strings.Count(code, "`")%2, "a code span ends: %q", line)
		plain := strings.NewReplacer(`\[`, "", `\]`, "", `\!`, "").Replace(line)
		require.NotContains(t, plain, "](", "%q", line)
		if !strings.HasPrefix(line, "`") { // links by themselves
			require.NotContains(t, line, "https://")
		}
	}
}

// The text for a terminal says the same, a line for each thing that it says.
func TestHostileTextsOnATerminal(t *testing.T) {
	for name, text := range map[string]string{
		"result": Text(*hostileResult()),
		"comparison": (&Comparison{Runs: []ComparedRun{{Dir: hostile, Result: hostileResult()}},
			Warnings: []string{hostile}}).Text(),
	} {
		require.Contains(t, text, "onerror", name)
		require.False(t, strings.ContainsAny(text, "\x1b\a\r\u202e"), name)
		require.NotContains(t, text, "\n# x", name)
	}
}

// A CSV file has the texts as they are, each in its cell: what reads it gets them back.
func TestHostileTextsInCSV(t *testing.T) {
	var order OrderRow
	fillHostile(reflect.ValueOf(&order).Elem())
	path := filepath.Join(t.TempDir(), "orders.csv")
	require.NoError(t, writeCSV(path, func(w *csv.Writer) error { return w.Write(orderRecord(nil, &order)) }))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Len(t, rows[0], len(strings.Fields(orderHead)))
	require.Contains(t, rows[0], strings.ReplaceAll(hostile, "\r\n", "\n"))
}

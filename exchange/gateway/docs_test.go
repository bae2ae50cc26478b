package gateway

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what docs/gateway.md lists")

// The document lists what is served.
func TestDocumentListsEndpoints(t *testing.T) {
	paths := map[string][]string{}
	for name, e := range new(Gateway).endpoints() {
		verb, path, _ := strings.Cut(name, " ")
		who := "a key that reads"
		switch e.permission {
		case "":
			who = "anyone"
		case PermitOrder, PermitOrderCancel:
			who = "a key with `" + e.permission + "`"
		}
		paths[who] = append(paths[who], path+" "+verb)
	}
	var b strings.Builder
	for _, who := range []string{"anyone", "a key that reads", "a key with `order`", "a key with `orderCancel`"} {
		slices.Sort(paths[who])
		b.WriteString("- for " + who + ":")
		for n, p := range paths[who] {
			path, verb, _ := strings.Cut(p, " ")
			if n > 0 {
				b.WriteString(",")
			}
			b.WriteString(" `" + verb + " " + path + "`")
		}
		b.WriteString("\n")
	}
	section(t, "endpoints", b.String())
}

// section compares what the document says between two marks.
func section(t *testing.T, mark, want string) {
	t.Helper()
	file := filepath.Join("..", "..", "docs", "gateway.md")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	begin, end := "<!-- "+mark+" -->\n", "<!-- /"+mark+" -->"
	head, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok)
	have, tail, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(head+begin+want+end+tail), 0o600))
		return
	}
	require.Equal(t, want, have, "go test ./exchange/gateway -run Document -update")
}

// The document lists what is not served of the venue's published one.
func TestDocumentListsWhatIsMissing(t *testing.T) {
	dir := os.Getenv("DUNAMIS_SHARED")
	if dir == "" {
		t.Skip("set DUNAMIS_SHARED to a folder with data/bitmex/swagger.json to check the list against it")
	}
	b, err := os.ReadFile(filepath.Join(dir, "data", "bitmex", "swagger.json"))
	require.NoError(t, err)
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(b, &doc))
	served := new(Gateway).endpoints()
	var missing []string
	for path, verbs := range doc.Paths {
		for verb := range verbs {
			verb = strings.ToUpper(verb)
			if _, is := served[verb+" "+path]; !is && verb != "PARAMETERS" {
				missing = append(missing, path+" "+verb)
			}
		}
	}
	slices.Sort(missing)
	for n, m := range missing {
		path, verb, _ := strings.Cut(m, " ")
		missing[n] = "`" + verb + " " + path + "`"
	}
	section(t, "missing", strings.Join(missing, ", ")+"\n")
}

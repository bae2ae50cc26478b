package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// node is the part of JSON Schema that our schema uses. It is stricter in one
// thing: a field must be in the schema, which allows those of later builds.
type node struct {
	Schema      string           `json:"$schema"`
	ID          string           `json:"$id"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	Type        types            `json:"type"`
	Const       *string          `json:"const"`
	Enum        []string         `json:"enum"`
	Pattern     string           `json:"pattern"`
	Format      string           `json:"format"`
	Minimum     *float64         `json:"minimum"`
	MinItems    int              `json:"minItems"`
	Items       *node            `json:"items"`
	Properties  map[string]*node `json:"properties"`
	Required    []string         `json:"required"`
	Additional  *node            `json:"additionalProperties"`
}

// check returns what is wrong with a value.
func (n *node) check(path string, v any) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, path+": "+fmt.Sprintf(format, args...)) }
	if !n.hasType(v) {
		fault("%v is not %v", v, n.Type)
		return faults
	}
	switch x := v.(type) {
	case string:
		if n.Const != nil && x != *n.Const || n.Enum != nil && !slices.Contains(n.Enum, x) {
			fault("%q is not allowed", x)
		}
		if n.Pattern != "" && !regexp.MustCompile(n.Pattern).MatchString(x) {
			fault("%q does not match %s", x, n.Pattern)
		}
		if n.Format == "date-time" {
			if at, err := time.Parse(time.RFC3339Nano, x); err != nil || at.Location() != time.UTC {
				fault("%q is no UTC time", x)
			}
		}
	case float64:
		if n.Minimum != nil && x < *n.Minimum {
			fault("%g is below %g", x, *n.Minimum)
		}
	case []any:
		if len(x) < n.MinItems {
			fault("%d items", len(x))
		}
		for i, item := range x {
			if n.Items == nil {
				break // it says nothing about them
			}
			faults = append(faults, n.Items.check(fmt.Sprintf("%s[%d]", path, i), item)...)
		}
	case map[string]any:
		faults = append(faults, n.checkObject(path, x)...)
	}
	return faults
}

func (n *node) checkObject(path string, x map[string]any) (faults []string) {
	for _, name := range n.Required {
		if _, ok := x[name]; !ok {
			faults = append(faults, path+"."+name+": missing")
		}
	}
	for name, value := range x {
		known := n.Properties[name]
		switch {
		case known != nil:
			faults = append(faults, known.check(path+"."+name, value)...)
		case n.Additional != nil:
			faults = append(faults, n.Additional.check(path+"."+name, value)...)
		default:
			faults = append(faults, path+"."+name+": not in the schema")
		}
	}
	return faults
}

// types are one name or several.
type types []string

func (l *types) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]string)(l))
	}
	*l = make(types, 1)
	return json.Unmarshal(b, &(*l)[0])
}

func (n *node) hasType(v any) bool {
	return n.Type == nil || slices.ContainsFunc(n.Type, func(t string) bool { return isType(v, t) })
}

func isType(v any, want string) bool {
	switch x := v.(type) {
	case nil:
		return want == "null"
	case string:
		return want == "string"
	case float64:
		return want == "number" || want == "integer" && x == math.Trunc(x)
	case []any:
		return want == "array"
	case map[string]any:
		return want == "object"
	}
	return false
}

func readSchema(t *testing.T) *node { return readSchemaOf(t, Schema()) }

func readSchemaOf(t *testing.T, schema []byte) *node {
	t.Helper()
	var n node
	d := json.NewDecoder(bytes.NewReader(schema))
	d.DisallowUnknownFields() // a keyword that the checker does not know would not be checked
	require.NoError(t, d.Decode(&n))
	return &n
}

func validate(t *testing.T, r *Result) []string {
	t.Helper()
	b, err := encodeJSON(r)
	require.NoError(t, err)
	var v any
	require.NoError(t, json.Unmarshal(b, &v))
	return readSchema(t).check("result", v)
}

func TestResultsMatchTheSchema(t *testing.T) {
	full := scripted(t, "").finish()
	require.Empty(t, validate(t, full))

	m := newModel(t, "", 1000)
	m.sample()
	require.Empty(t, validate(t, m.finish()), "a run in which nothing happened")

	o := testOptions(t, &walk{}, 1000)
	o.Models, o.Data, o.Run.Params = nil, nil, nil
	r, err := Create("", o)
	require.NoError(t, err)
	w := &walk{}
	w.margin.Wallet, w.margin.Balance = 1000, 1000
	r.o.Account = w
	require.NoError(t, r.Sample(testStart))
	bare, err := r.Finish(Outcome{})
	require.NoError(t, err)
	require.Empty(t, validate(t, bare), "a caller that said nothing")
}

func TestTheSchemaIsStrict(t *testing.T) {
	b, err := encodeJSON(scripted(t, "").finish())
	require.NoError(t, err)
	schema := readSchema(t)
	set := func(v map[string]any, section, name string, value any) {
		object, ok := v[section].(map[string]any)
		require.True(t, ok)
		object[name] = value
	}
	// Files of earlier versions, which have no benchmark, are of this schema too.
	require.ElementsMatch(t, append(slices.Clone(schema.Required), "benchmark"), keys(schema.Properties))
	for name, spoil := range map[string]func(v map[string]any){
		"schema":  func(v map[string]any) { v["schema"] = "other" },
		"digest":  func(v map[string]any) { v["digest"] = "md5:00" },
		"missing": func(v map[string]any) { delete(v, "warnings") },
		"null":    func(v map[string]any) { v["positions"] = nil },
		"float":   func(v map[string]any) { set(v, "account", "fees", 1.5) },
		"unknown": func(v map[string]any) { set(v, "account", "pnl", 1.0) },
		"zone":    func(v map[string]any) { set(v, "run", "start", "2020-01-01T00:00:00+02:00") },
	} {
		var v map[string]any
		require.NoError(t, json.Unmarshal(b, &v))
		spoil(v)
		require.NotEmpty(t, schema.check("result", v), name)
	}
}

// The manifest of a run matches its schema while the run goes on, when it is finished, and
// when it has failed, and the schema refuses what is not a manifest.
func TestManifestsMatchTheSchema(t *testing.T) {
	schema := readSchemaOf(t, ManifestJSONSchema())
	manifest := func(dir string) (v map[string]any) {
		b, err := os.ReadFile(filepath.Join(dir, ManifestFile))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &v))
		return v
	}
	dir := filepath.Join(t.TempDir(), "finished")
	m := scripted(t, dir)
	require.Empty(t, schema.check("manifest", manifest(dir)), "while it runs")
	require.Equal(t, "running", manifest(dir)["status"])
	m.finish()
	whole := manifest(dir)
	require.Equal(t, "finished", whole["status"])
	require.Empty(t, schema.check("manifest", whole))
	require.ElementsMatch(t, keys(schema.Properties), append(keys(whole), "reason"), "it is described as a whole")

	failed := filepath.Join(t.TempDir(), "failed")
	o := testOptions(t, &walk{}, 1000)
	o.Seed, o.Config = math.MaxUint64, map[string]any{"flag": "value", "list": []string{"a"}}
	r, err := Create(failed, o)
	require.NoError(t, err)
	require.NoError(t, r.Abort(errors.New("no"), testStart.Std()))
	require.Equal(t, "failed", manifest(failed)["status"])
	require.Empty(t, schema.check("manifest", manifest(failed)))

	for name, spoil := range map[string]func(v map[string]any){
		"schema":   func(v map[string]any) { v["schema"] = ResultSchema },
		"status":   func(v map[string]any) { v["status"] = "done" },
		"missing":  func(v map[string]any) { delete(v, "config") },
		"null":     func(v map[string]any) { v["models"] = nil },
		"negative": func(v map[string]any) { v["seed"] = -1.0 },
		"zone":     func(v map[string]any) { v["started"] = "2020-01-01T00:00:00+02:00" },
		"digest":   func(v map[string]any) { v["digest"] = "md5:00" },
		"unknown":  func(v map[string]any) { v["colour"] = "blue" },
		"file":     func(v map[string]any) { v["files"] = []any{map[string]any{"name": "x"}} },
		"time of data": func(v map[string]any) {
			run, ok := v["run"].(map[string]any)
			require.True(t, ok)
			run["from"] = "yesterday"
		},
	} {
		v := manifest(dir)
		spoil(v)
		require.NotEmpty(t, schema.check("manifest", v), name)
	}
}

func keys[V any](m map[string]V) []string { return sortedKeys(m) }

// Every property of every schema has a description.
func TestEveryPropertyIsDescribed(t *testing.T) {
	var files []string
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".schema.json") {
			files = append(files, path)
		}
		return err
	}))
	require.GreaterOrEqual(t, len(files), 4)
	for _, path := range files {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		var schema map[string]any
		require.NoError(t, json.Unmarshal(b, &schema), path)
		n := requireDescribed(t, path, schema)
		require.Greater(t, n, 20, "%s: the walk found its properties", path)
	}
}

// requireDescribed walks the properties of a schema, but not the conditions under "if",
// "then" and "else", which are about properties that are described elsewhere. It returns
// how many it saw.
func requireDescribed(t *testing.T, path string, node map[string]any) (n int) {
	t.Helper()
	properties, _ := node["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		property, ok := properties[name].(map[string]any)
		require.True(t, ok, "%s.%s", path, name)
		text, _ := property["description"].(string)
		if len(strings.Fields(text)) < 2 {
			t.Errorf("%s.%s: description %q", path, name, text)
		}
		n += 1 + requireDescribed(t, path+"."+name, property)
	}
	for _, name := range []string{"items", "additionalProperties"} {
		if inner, ok := node[name].(map[string]any); ok {
			n += requireDescribed(t, path+"."+name, inner)
		}
	}
	for _, name := range []string{"$defs", "definitions"} {
		definitions, _ := node[name].(map[string]any)
		for key, inner := range definitions {
			if inner, ok := inner.(map[string]any); ok {
				n += requireDescribed(t, path+"."+name+"."+key, inner)
			}
		}
	}
	return n
}

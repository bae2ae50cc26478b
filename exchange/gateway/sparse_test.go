package gateway

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSparse(t *testing.T) {
	for _, tt := range []struct{ name, in, out string }{
		{"first", `{"a":null,"b":1}`, `{"b":1}`},
		{"middle", `{"a":1,"b":"","c":2}`, `{"a":1,"c":2}`},
		{"last", `{"a":1,"b":null}`, `{"a":1}`},
		{"last two", `{"a":1,"b":null,"c":""}`, `{"a":1}`},
		{"all", `{"a":null,"b":""}`, `{}`},
		{"values that are none of it", `{"a":"null","b":" ","c":0,"d":false,"e":[],"f":{}}`,
			`{"a":"null","b":" ","c":0,"d":false,"e":[],"f":{}}`},
		{"text that looks like a member", `{"a":"\"b\":null,","c":"\\"}`, `{"a":"\"b\":null,","c":"\\"}`},
		{"elements of a list stay", `[null,"",{"a":null}]`, `[null,"",{}]`},
		{"nested", `{"table":"order","data":[{"id":1,"x":""},{"x":null}],"z":null}`,
			`{"table":"order","data":[{"id":1},{}]}`},
		{"no transactTime of other tables", `{"timestamp":"now"}`, `{"timestamp":"now"}`},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.out, string(sparse([]byte(tt.in), false))) })
	}
	require.JSONEq(t, `{"types":{"timestamp":"timestamp","transactTime":"timestamp"},
		"data":[{"id":1,"timestamp":"2024-11-24T01:35:59.061Z","transactTime":"2024-11-24T01:35:59.061Z"},{"id":2}]}`,
		string(sparse([]byte(`{"types":{"timestamp":"timestamp"},"data":[`+
			`{"id":1,"price":null,"timestamp":"2024-11-24T01:35:59.061Z"},{"id":2,"timestamp":null}]}`), true)))
}

// Of any JSON, sparse text is what a decoder makes of it that deletes the members without a value.
func FuzzSparse(f *testing.F) {
	f.Add(`{"a":null,"b":[{"c":"","d":{"e":null}}],"f":"\"g\":null"}`)
	f.Add(`[1,"",{"":""}]`)
	f.Fuzz(func(t *testing.T, text string) {
		var v any
		if json.Unmarshal([]byte(text), &v) != nil {
			t.Skip()
		}
		compact := rowJSON(v) // as this package writes rows
		want := rowJSON(withValues(v))
		var got any
		require.NoError(t, json.Unmarshal(sparse(compact, false), &got), "%s", compact)
		require.Equal(t, string(want), string(rowJSON(got)))
	})
}

func withValues(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if x == nil || x == "" {
				delete(v, k)
				continue
			}
			v[k] = withValues(x)
		}
	case []any:
		for n := range v {
			v[n] = withValues(v[n])
		}
	}
	return v
}

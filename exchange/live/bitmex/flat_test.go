package bitmex

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A frame is read to its end, or it is an error, wherever it breaks off and whatever follows.
func TestFramesAreReadWhole(t *testing.T) {
	const whole = ` { "table" : "trade", "filter":{"symbol":"XBTUSD"}, "count":1,"none":[],"keys":{"a":[1,{"b":"}]"}]},` +
		`"data":[{"symbol":"XBTUSD","size":7,"none":{}},{},{"side":"Buy"}],"action":"insert" } `
	h, err := scanFrame([]byte(whole))
	require.NoError(t, err)
	require.Equal(t, []string{"trade", "insert", "XBTUSD"}, []string{string(h.table), string(h.action), string(h.symbol)})
	var members []string
	rows := 0
	require.NoError(t, scanRows(h.rows, func(key, value []byte) {
		members = append(members, string(key)+" "+string(value))
	}, func() error { rows++; return nil }))
	require.Equal(t, []string{`symbol "XBTUSD"`, "size 7", "none {}", `side "Buy"`}, members)
	require.Equal(t, 3, rows)

	end := strings.LastIndexByte(whole, '}')
	for n := range end {
		_, err := scanFrame([]byte(whole[:n]))
		require.ErrorIs(t, err, errShape, "%q", whole[:n])
	}
	for _, frame := range []string{`{"a"}`, `{"a":}`, `{"a":,"b":1}`, `{"a":1,}`, `{"a":1 "b":2}`, `{"a":[}`,
		`{"a":"\n"}`, `{a:1}`,
		`{"a":1]`, `{"a":{"b":1}`, `[1]`, `{"a":1}{`, whole + "x", `{"":`} {
		_, err := scanFrame([]byte(frame))
		require.ErrorIs(t, err, errShape, frame)
		require.False(t, json.Valid([]byte(frame)) && !strings.Contains(frame, `\`) && frame[0] == '{', frame)
	}
	nothing := func([]byte, []byte) {}
	for _, text := range []string{``, `[`, `[{`, `[{"a"`, `[{"a":1`, `[{"a":1}`, `[{"a":1},`, `[{"a":}]`, `[{"a":1,}]`, `[1]`,
		`{}`, `[{"a":1}{]`,
		`[{"a":1]`, `[{} {}]`} {
		require.ErrorIs(t, scanRows([]byte(text), nothing, func() error { return nil }), errShape, text)
	}
	for _, text := range []string{`[]`, ` [ ] `, `[{}]`, `[{},{}]`} {
		require.NoError(t, scanRows([]byte(text), nothing, func() error { return nil }), text)
	}
}

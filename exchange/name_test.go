package exchange

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidName(t *testing.T) {
	for name, ok := range map[string]bool{
		"XBTUSD": true, ".BXBT": true, "binance-delivery": true, "XBT_USDT": true, "ÄÖ": true, "BTC/USD": true, "比特币": true,
		strings.Repeat("x", 64): true, strings.Repeat("x", 65): false, strings.Repeat("é", 32): true, strings.Repeat("é",
			33): false,
		"": false, "a b": false, "a\nb": false, "a\x00": false, "\x1b[2J": false, "a\x7f": false, "<b>": false,
		"a>": false, `a"`: false, "a'": false, "a&b": false,
		"a\u00a0b": false, "a\u202eb": false, "a\u200bb": false, "a\u0085": false, "\xff": false, "é\xff": false,
		"é<": false, "a\u2028": false, "\ufeffa": false,
	} {
		require.Equal(t, ok, ValidName(name), "%q", name)
		require.Equal(t, ok, ValidName([]byte(name)), "%q", name)
	}
}

// Names of an instruments file are names, and an error about one that is not shows no
// control character.
func TestNamesOfInstruments(t *testing.T) {
	const good = `{"venue":"v","symbol":"S","kind":"inverse","typ":"T","underlying":"XBT","quote":"USD","settle":{"code":"XBt","major":"XBT","scale":8},
		"multiplier":100000000,"terms":[{"tickSize":0.5,"lotSize":100,"initMargin":0.01,"maintMargin":0.005,"maxQty":10000000,"maxPrice":1000000}]}`
	require.NoError(t, new(Instruments).Load(strings.NewReader("["+good+"]")))
	for _, c := range []struct{ field, from, to string }{
		{"venue", `"v"`, `"v%s"`}, {"symbol", `"S"`, `"S%s"`}, {"typ", `"T"`, `"T%s"`}, {"underlying",
			`"underlying":"XBT"`, `"underlying":"XBT%s"`},
		{"quote", `"USD"`, `"USD%s"`}, {"settle.code", `"XBt"`, `"XBt%s"`}, {"settle.major", `"major":"XBT"`,
			`"major":"XBT%s"`},
	} {
		for _, bad := range []string{`\u0000`, `\u001b]0;x\u0007`, `\n`, " ", "<", ">", `\"`, "'", "&", `\u202e`, `><img/src='x'onerror='document.title=1337'>`} {
			err := new(
				Instruments,
			).Load(strings.NewReader("[" + strings.Replace(good, c.from, strings.Replace(c.to, "%s", bad, 1), 1) + "]"))
			var v *ValidationError
			require.ErrorAs(t, err, &v, c.field, bad)
			require.Equal(t, c.field, v.Field)
			require.Contains(t, err.Error(), NameRule)
			require.NotRegexp(t, `[\x00-\x1f\x7f\x{202e}]`, err.Error())
		}
	}
	err := new(Instruments).Load(strings.NewReader(`[{"symbol":"\u001b[2J","a\u001b[2J\n":1}]`))
	require.ErrorContains(t, err, "unknown field")
	require.NotRegexp(t, `[\x00-\x1f\x7f]`, err.Error())
}

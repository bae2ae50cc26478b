package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

func testFlags() *pflag.FlagSet {
	f := pflag.NewFlagSet("run", pflag.ContinueOnError)
	f.String("strategy", "", "")
	f.String("leverage", "0", "")
	f.Int("slippage-ticks", 1, "")
	f.StringArray("symbol", nil, "")
	f.StringToString("param", nil, "")
	f.Bool("json", false, "")
	f.String("config", "", "")
	return f
}

func TestLoadFillsFlags(t *testing.T) {
	f := testFlags()
	require.NoError(t, f.Parse([]string{"--slippage-ticks", "3"}))
	err := Load("run.yaml", []byte(`
# a comment
strategy: sma_cross
slippage-ticks: 0     # the command line wins
symbol: [XBTUSD, ETHUSD]
leverage: 0.10
json: true
param:
  fast: 20
  slow: "100"
`), f)
	require.NoError(t, err)
	strategy, _ := f.GetString("strategy")
	ticks, _ := f.GetInt("slippage-ticks")
	symbols, _ := f.GetStringArray("symbol")
	params, _ := f.GetStringToString("param")
	leverage, _ := f.GetString("leverage")
	asJSON, _ := f.GetBool("json")
	require.Equal(t, "sma_cross", strategy)
	require.Equal(t, 3, ticks)
	require.Equal(t, []string{"XBTUSD", "ETHUSD"}, symbols)
	require.Equal(t, map[string]string{"fast": "20", "slow": "100"}, params)
	require.Equal(t, "0.10", leverage, "numbers keep their text")
	require.True(t, asJSON)
}

func TestLoadNamesThePlace(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"typo", "strategy: x\nstratgy: y\n", `run.yaml:2:1: key stratgy: unknown; did you mean strategy?`},
		{"underscore", "slippage_ticks: 1\n", "did you mean slippage-ticks?"},
		{"far", "zzzzzzzz: 1\n", "want one of"},
		{"bad value", "slippage-ticks: lots\n", `run.yaml:1:1: key slippage-ticks: value "lots"`},
		{"twice", "strategy: a\nstrategy: b\n", "strategy"},
		{"nested", "strategy: {a: {b: c}}\n", "want a plain value"},
		{"config in config", "config: x\n", "unknown"},
		{"not a mapping", "- a\n- b\n", "run.yaml:1:1: want keys and values"},
		{"two documents", "json: true\n---\njson: true\n", "want one YAML document"},
		{"broken", "strategy: [a\n", "run.yaml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Load("run.yaml", []byte(tt.text), testFlags())
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestLoadFile(t *testing.T) {
	dir := t.TempDir()
	require.ErrorIs(t, LoadFile(filepath.Join(dir, "missing.yaml"), testFlags()), os.ErrNotExist)
	big := filepath.Join(dir, "big.yaml")
	require.NoError(t, os.WriteFile(big, []byte(strings.Repeat("#", maxSize+1)), 0o600))
	require.ErrorContains(t, LoadFile(big, testFlags()), "want at most")
	empty := filepath.Join(dir, "empty.yaml")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	require.NoError(t, LoadFile(empty, testFlags()))
}

func TestNearest(t *testing.T) {
	names := []string{"strategy", "symbol", "leverage"}
	require.Equal(t, "strategy", Nearest("stategy", names))
	require.Equal(t, "symbol", Nearest("symbols", names))
	require.Empty(t, Nearest("colour", names))
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte("strategy: sma_cross\nparam: {fast: 1}\n"))
	f.Add([]byte("symbol: [a, b]\n---\n"))
	f.Add([]byte("&a a: *a"))
	f.Fuzz(func(_ *testing.T, text []byte) {
		_ = Load("fuzz.yaml", text, testFlags()) // must not panic
	})
}

package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/internal/disk"
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

// A file costs time and memory in proportion to its size, whatever its shape: without the
// bounds 80 KB of the first shape took 9 GB.
func TestLoadBoundsWhatAFileCosts(t *testing.T) {
	const depth, tokens = "nested more than 20 levels deep", "more than 50000 keys, values and punctuation marks"
	block := new(strings.Builder)
	for n := range 300 {
		block.WriteString(strings.Repeat(" ", n) + "a:\n")
	}
	for _, tt := range []struct{ name, text, want string }{
		{"lists", "a: " + strings.Repeat("[", 80_000), depth},
		{"mappings", "a: " + strings.Repeat("{", 80_000), depth},
		{"both", "a: " + strings.Repeat("[{a: ", 20_000), depth},
		{"entries", strings.Repeat("- ", 40_000) + "a", depth},
		{"keys", strings.Repeat("? ", 40_000) + "a", depth},
		{"indentation", block.String(), depth},
		{"a level too many", "a: " + strings.Repeat("[", 20) + strings.Repeat("]", 20), depth},
		{"many keys", strings.Repeat("a:\n", 40_000), tokens},
		{"a long line", strings.Repeat("]", 49_000), "run.yaml:1:1: could not find"},
		{"reserved", strings.Repeat("@", 49_000), "run.yaml:1:1: '@' is a reserved character"},
		{"anchors", strings.Repeat("&a ", 24_000), "run.yaml:1:4: unexpected scalar value type"},
		{"a long key", strings.Repeat("k", 1<<20-10) + ": 1", "unknown; want one of"},
		{"size", strings.Repeat("#", maxSize+1), "want at most 1048576"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := Load("run.yaml", []byte(tt.text), testFlags())
			runtime.ReadMemStats(&after)
			require.ErrorContains(t, err, tt.want)
			require.Less(t, len(err.Error()), 1000)
			require.Less(t, (after.TotalAlloc-before.TotalAlloc)>>20, uint64(100), "MB")
		})
	}
	require.ErrorContains(t, Load("run.yaml", []byte("a: "+strings.Repeat("[", 19)+strings.Repeat("]", 19)),
		testFlags()),
		"key a: unknown", "as deep as it may be")
	wide := "symbol: [" + strings.Repeat("a, ", 20_000) + "a]\nparam:\n  fast: 1\n  slow: 2\nstrategy: x\n"
	require.NoError(t, Load("run.yaml", []byte(wide), testFlags()), "as wide as it may be")
}

// What has no end, or blocks until somebody writes, is no configuration.
func TestLoadFileWantsARegularFile(t *testing.T) {
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip("this system has no /dev/zero")
	}
	require.ErrorIs(t, LoadFile("/dev/zero", testFlags()), disk.ErrNotRegular)
	require.ErrorIs(t, LoadFile(t.TempDir(), testFlags()), disk.ErrNotRegular)
}

func TestNearest(t *testing.T) {
	names := []string{"strategy", "symbol", "leverage"}
	require.Equal(t, "strategy", Nearest("stategy", names))
	require.Empty(t, Nearest(strings.Repeat("symbol", 20), names))
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

package importer

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

var update = flag.Bool("update", false, "write what the importer does into testdata")

// TestCases runs the conversations in testdata: a comment with options, a file,
// and what becomes of it.
func TestCases(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { testCase(t, path) })
	}
}

func testCase(t *testing.T, path string) {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	require.NoError(t, err)
	require.Len(t, archive.Files, 2, "want a file and a section named want")
	require.Equal(t, "want", archive.Files[1].Name)
	input := archive.Files[0]
	m, report, err := read(t, input.Name, string(input.Data), options(t, string(archive.Comment)))
	got := m.text() + outcome(t, report, err)
	if *update {
		archive.Files[1].Data = []byte(got)
		require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o600))
		return
	}
	require.Equal(t, string(archive.Files[1].Data), got)
}

// options reads the lines of a comment that begin with "> ".
func options(t *testing.T, comment string) Options {
	t.Helper()
	o := Options{Instruments: instruments(t)}
	for l := range strings.SplitSeq(comment, "\n") {
		option, ok := strings.CutPrefix(l, "> ")
		if !ok {
			continue
		}
		name, value, _ := strings.Cut(option, " ")
		switch name {
		case "format":
			o.Format = value
		case "venue":
			o.Venue = value
		case "skip-bad":
			o.SkipBad = true
		case "clock-offset":
			o.ClockOffset = value
		case "symbols":
			o.Symbols = strings.Split(value, ",")
		default:
			require.Failf(t, "unknown option", "%q", option)
		}
	}
	return o
}

// instruments are the built-in ones and one that counts in thousandths.
func instruments(tb testing.TB) *exchange.Instruments {
	tb.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(tb, err)
	require.NoError(tb, set.Add(&exchange.Instrument{
		Venue: "bybit", Symbol: "BTCUSDT", Kind: exchange.Linear, Underlying: "BTC", Quote: "USDT",
		Settle: exchange.Currency{Code: "USDt", Major: "USDT", Scale: 6}, Multiplier: 1000, Divisor: 1, ContractsPerUnit: 1000,
		Terms: []exchange.Terms{{
			TickSize: exchange.PriceUnit / 10, LotSize: 1, InitMargin: exchange.RatioUnit / 100,
			MaintMargin: exchange.RatioUnit / 200, MaxQty: 100_000, MaxPrice: 1_000_000 * exchange.PriceUnit,
		}},
	}))
	return set
}

// outcome prints the error and what the report says besides the streams.
func outcome(t *testing.T, r Report, err error) string {
	t.Helper()
	var b strings.Builder
	if err != nil {
		b.WriteString("error: " + err.Error() + "\n")
	}
	r.Digest, r.Streams, r.File, r.Written = "", nil, "", 0
	text, err := json.MarshalIndent(r, "", "  ")
	require.NoError(t, err)
	var kept []string
	for l := range strings.SplitSeq(string(text), "\n") {
		// Zeros say little, and the cases are for reading.
		if !strings.HasSuffix(strings.TrimRight(l, ","), ": 0") && !strings.Contains(l, `: ""`) &&
			!strings.HasSuffix(l, ": null,") && !strings.HasSuffix(l, ": false,") {
			kept = append(kept, l)
		}
	}
	return b.String() + strings.Join(kept, "\n") + "\n"
}

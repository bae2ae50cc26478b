package importer

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

func FuzzBucketedCSV(f *testing.F)  { fuzz(f, "bitmex-bucketed", "XBTUSD-1m.csv") }
func FuzzBucketedJSON(f *testing.F) { fuzz(f, "bitmex-bucketed", "XBTUSD-1m.json") }
func FuzzTrade(f *testing.F)        { fuzz(f, "bitmex-trade", "trade.csv") }
func FuzzQuote(f *testing.F)        { fuzz(f, "bitmex-quote", "quote.csv") }
func FuzzTardis(f *testing.F)       { fuzz(f, "tardis", "liquidations.csv") }

// fuzz, best run with -fuzzminimizetime 50x since inputs are long, reads whatever
// it is given in a format, after a good header if headed. It
// must end in an error or in valid events.
func fuzz(f *testing.F, format, name string) {
	f.Helper()
	headers := seed(f, format, strings.HasSuffix(name, ".json"))
	path := filepath.Join(f.TempDir(), name)
	set := instruments(f)
	f.Fuzz(func(t *testing.T, content []byte, header uint8, skipBad bool) {
		content = append([]byte(headers[int(header)%len(headers)]), content...)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		m, report, err := readFile(t, path, Options{Format: format, Instruments: set, SkipBad: skipBad})
		if err != nil {
			require.Zero(t, m.committed)
			return
		}
		require.Equal(t, 1, m.committed)
		checkReport(t, report, m)
		for key, events := range m.streams {
			checkEvents(t, key, events)
		}
	})
}

// seed adds generated files and the cases of testdata, and returns the headers
// that content can have: none and those of the format.
func seed(f *testing.F, format string, json bool) []string {
	f.Helper()
	headers := []string{""}
	for _, s := range samples() {
		if strings.HasPrefix(s.name, format) && strings.HasSuffix(s.name, "-json") == json {
			content := strings.TrimPrefix(string(s.generate(5)), s.header)
			f.Add([]byte(content), uint8(len(headers)), false)
			headers = append(headers, s.header)
		}
	}
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(f, err)
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		require.NoError(f, err)
		content := archive.Files[0].Data
		isJSON := bytes.HasPrefix(content, []byte("[")) || bytes.HasPrefix(content, []byte("{"))
		if isJSON == json && strings.HasPrefix(filepath.Base(path), strings.TrimPrefix(format, "bitmex-")) {
			f.Add(content, uint8(0), true)
			f.Add([]byte(gzipped(f, string(content))), uint8(0), false)
		}
	}
	return headers
}

func checkReport(t *testing.T, r Report, m *memory) {
	t.Helper()
	skipped := int64(0)
	for _, s := range r.Skipped {
		skipped += s.Rows
		require.NotEmpty(t, s.Examples)
		require.LessOrEqual(t, len(s.Examples), maxExamples)
	}
	require.Equal(t, r.Rows, r.Imported+skipped)
	require.Positive(t, r.Imported)
	require.Len(t, m.streams, len(r.Streams))
	for _, s := range r.Streams {
		events := m.streams[s.Key]
		require.EqualValues(t, len(events), s.Rows)
		require.Equal(t, events[0].Time, s.First)
		require.Equal(t, events[len(events)-1].Time, s.Last)
	}
}

func checkEvents(t *testing.T, key data.Key, events []exchange.Event) {
	t.Helper()
	for i := range events {
		e := &events[i]
		require.GreaterOrEqual(t, e.Time, exchange.Time(0))
		if i > 0 {
			require.LessOrEqual(t, events[i-1].Time, e.Time)
		}
		switch e.Kind {
		case exchange.KindBar:
			b := e.Bar()
			require.Equal(t, data.BarKind(b.End.Sub(b.Start)), key.Kind)
			require.True(t, b.Low > 0 && b.Low <= b.Close && b.Close <= b.High && b.Open > 0 && b.Volume >= 0 && b.Trades >= 0 && b.Turnover >= 0)
			require.Equal(t, b.Quiet, b.Volume == 0)
			require.True(t, i == 0 || events[i-1].Time+exchange.Time(time.Minute) <= e.Time)
		case exchange.KindTrade, exchange.KindLiquidation:
			tr := e.Trade()
			require.True(t, tr.Price > 0 && tr.Qty > 0 && tr.Side != exchange.NoSide)
		case exchange.KindQuote:
			q := e.Quote()
			require.True(t, q.BidPrice >= 0 && q.BidQty >= 0 && q.AskPrice >= 0 && q.AskQty >= 0)
			require.True(t, q.BidPrice > 0 || q.BidQty == 0)
			require.True(t, q.AskPrice > 0 || q.AskQty == 0)
		case exchange.KindBook, exchange.KindOrder:
			require.True(t, e.Level().Price > 0 && e.Level().Qty >= 0 && e.Side != exchange.NoSide)
			require.Equal(t, i == 0, i == 0 && e.Flags&exchange.FlagClear != 0)
		case exchange.KindMark:
			require.True(t, e.Mark().Mark >= 0 && e.Mark().Index >= 0 && e.Mark() != (exchange.Mark{}))
		case exchange.KindFunding:
			require.Positive(t, e.Funding().Due)
		default:
			require.Failf(t, "unexpected event", "%s", e)
		}
	}
	if last := events[len(events)-1]; last.Kind == exchange.KindBook {
		require.NotZero(t, last.Flags&exchange.FlagLast)
	}
}

package importer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tradesWith returns a file of Tardis.dev's trades with these delays.
func tradesWith(delays ...time.Duration) string {
	var b strings.Builder
	b.WriteString("exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n")
	for i, d := range delays {
		at := int64(1_700_000_000_000_000) + int64(i)*1000
		fmt.Fprintf(&b, "bitmex,XBTUSD,%d,%d,%d,buy,100,1\n", at, at+d.Microseconds(), i)
	}
	return b.String()
}

func write(tb testing.TB, name, content string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	require.NoError(tb, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestMeasureClockOffset(t *testing.T) {
	const ms = time.Millisecond
	behind := write(t, "behind.csv", tradesWith(-1200*ms, -1250*ms, -1100*ms))
	further := write(t, "further.csv", tradesWith(-1269500*time.Microsecond, -1100*ms))
	fine := write(t, "fine.csv", tradesWith(5*ms, 9*ms))
	quotes := write(t, "quotes.csv", quoteHeader+quoteRows(0, 3))
	for _, c := range []struct {
		name  string
		paths []string
		want  time.Duration
	}{
		{"one file", []string{behind}, 1251 * ms},
		{"the earliest of all files counts", []string{behind, further, fine}, 1270500 * time.Microsecond},
		{"a clock that is not behind stays", []string{fine}, 0},
		{"files without arrivals do not count", []string{quotes, behind}, 1251 * ms},
		{"no file with arrivals", []string{quotes}, 0},
		{"none", nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := MeasureClockOffset(t.Context(), c.paths, Options{})
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestMeasureClockOffsetErrors(t *testing.T) {
	_, err := MeasureClockOffset(t.Context(), []string{write(t, "zone.csv", tradesWith(-25*time.Hour))}, Options{})
	require.ErrorContains(t, err, "zone.csv: a row arrives 25h0m0s before it happens")

	bad := write(t, "bad.csv", tradesWith(-time.Second)+"bitmex,XBTUSD,x,1,1,buy,1,1\n")
	_, err = MeasureClockOffset(t.Context(), []string{bad}, Options{})
	require.EqualError(t, err, `bad.csv: row 3: column timestamp "x": not a time in microseconds since 1970`)
	got, err := MeasureClockOffset(t.Context(), []string{bad}, Options{SkipBad: true})
	require.NoError(t, err)
	require.Equal(t, 1001*time.Millisecond, got)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = MeasureClockOffset(ctx, []string{bad}, Options{})
	require.ErrorIs(t, err, context.Canceled)

	for _, offset := range []string{"1", "soon", "24h", "-24h"} {
		_, _, err := readFile(t, bad, Options{ClockOffset: offset})
		require.ErrorContains(t, err, "want auto, or a duration below a day")
	}
}

// TestOffsetIsAnotherInput makes sure that a catalog does not take a corrected
// import for the plain one.
func TestOffsetIsAnotherInput(t *testing.T) {
	path := write(t, "trades.csv", tradesWith(-time.Second, -2*time.Second))
	digest := func(offset string) string {
		m, report, err := readFile(t, path, Options{ClockOffset: offset})
		require.NoError(t, err)
		require.Len(t, m.source.Digest, 64)
		if offset == "" || offset == "0s" {
			require.Equal(t, report.Digest, m.source.Digest)
		}
		return m.source.Digest
	}
	require.Equal(t, digest(""), digest("0s"))
	require.Equal(t, digest("auto"), digest("2.001s"))
	require.Equal(t, digest("2001ms"), digest("2.001s"))
	all := []string{digest(""), digest("auto"), digest("1s"), digest("-1s")}
	slices.Sort(all)
	require.Len(t, slices.Compact(all), 4)
}

func TestOffsetWithoutArrivals(t *testing.T) {
	plain, _, err := read(t, "quotes.csv", quoteHeader+quoteRows(0, 3), Options{})
	require.NoError(t, err)
	_, report, err := read(t, "quotes.csv", quoteHeader+quoteRows(0, 3), Options{ClockOffset: "0s"})
	require.NoError(t, err)
	require.Empty(t, report.Warnings)
	m, report, err := read(t, "quotes.csv", quoteHeader+quoteRows(0, 3), Options{ClockOffset: "1s"})
	require.NoError(t, err)
	require.Equal(t, plain.source, m.source)
	require.Equal(t, plain.streams, m.streams)
	require.Len(t, report.Warnings, 1)
	require.Nil(t, report.Clock)
}

// TestMedianOfManyRows goes beyond the number of delays that are kept.
func TestMedianOfManyRows(t *testing.T) {
	var s skew
	const rows = 300_000
	for i := range rows {
		s.observe(time.Duration(i*7919%rows) - rows/4)
	}
	c := s.report()
	require.EqualValues(t, rows, c.Rows)
	require.EqualValues(t, rows/4, c.Early)
	require.EqualValues(t, -rows/4, c.Min)
	require.InDelta(t, rows/4, float64(c.Median), rows/100)
	require.LessOrEqual(t, len(s.samples), maxSamples)
}

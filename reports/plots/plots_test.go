package plots

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/racetest"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
)

// account is worth what the test says.
type account struct {
	wallet, unrealised exchange.Money
	mark               exchange.Price
	symbol             exchange.SymbolID
}

func (a *account) Totals() reports.Totals { return reports.Totals{} }
func (a *account) Position(exchange.SymbolID) exchange.Position {
	return exchange.Position{Symbol: a.symbol, Qty: 1, MarkPrice: a.mark, Unrealised: a.unrealised}
}
func (a *account) Margin(exchange.Time) exchange.Margin {
	return exchange.Margin{Wallet: a.wallet, Unrealised: a.unrealised, Balance: a.wallet + a.unrealised}
}

// record makes a run of samples an hour apart, with an equity of 1 XBT and what the
// function adds, in satoshis.
func record(tb testing.TB, symbol string, hours int, gain func(hour int) exchange.Money) (string, *reports.Result) {
	tb.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(tb, err)
	i, err := set.Lookup("bitmex", symbol)
	require.NoError(tb, err)
	at, err := exchange.ParseTime("2020-03-01T12:00:00Z")
	require.NoError(tb, err)
	a := &account{wallet: 100_000_000, symbol: i.ID}
	dir := filepath.Join(tb.TempDir(), "run")
	r, err := reports.Create(dir, reports.Options{Account: a, Instruments: set, Symbols: []exchange.SymbolID{i.ID}, Currency: i.Settle,
		StartBalance: a.wallet, Run: reports.Run{Strategy: "test", Data: "bar-1h"}})
	require.NoError(tb, err)
	for h := range hours {
		a.unrealised, a.mark = gain(h), exchange.Price(8000+h)*exchange.PriceUnit
		require.NoError(tb, r.Sample(at))
		at = at.Add(time.Hour)
	}
	result, err := r.Finish(reports.Outcome{})
	require.NoError(tb, err)
	return dir, result
}

func wave(h int) exchange.Money { return exchange.Money(20_000_000 * math.Sin(float64(h)/40)) }

func drawn(t *testing.T, dir, format string) map[string][]byte {
	t.Helper()
	s, err := analysis.Write(dir)
	require.NoError(t, err)
	names, err := Write(dir, format, s)
	require.NoError(t, err)
	files := make(map[string][]byte)
	for _, name := range names {
		files[name], err = os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
	}
	return files
}

func TestPictures(t *testing.T) {
	racetest.Skip(t)
	dir, _ := record(t, "XBTUSD", 24*30, wave)
	svg, pictures := drawn(t, dir, "svg"), drawn(t, dir, "png")
	for _, name := range []string{"equity", "equity-usd", "drawdown", "returns"} {
		require.NoError(t, wellFormed(svg[name+".svg"]), name)
		p, err := png.Decode(bytes.NewReader(pictures[name+".png"]))
		require.NoError(t, err, name)
		require.Equal(t, 1417, p.Bounds().Dx(), "18 cm at 200 dots per inch")
		colours := make(map[uint32]bool)
		for x := 0; x < p.Bounds().Dx(); x += 9 {
			for y := 0; y < p.Bounds().Dy(); y += 9 {
				r, g, b, a := p.At(x, y).RGBA()
				require.EqualValues(t, 0xffff, a, "nothing is left transparent")
				colours[r>>8<<16|g>>8<<8|b>>8] = true
			}
		}
		require.Greater(t, len(colours), 3, name)
	}
	require.Len(t, svg, 4)
	for _, text := range []string{"test on XBTUSD", "equity, XBT", "holding USD", "2020-03-01", "0.8", "1.0", "1.2"} {
		require.Contains(t, string(svg["equity.svg"]), text)
	}
	require.Contains(t, string(svg["equity-usd.svg"]), "holding XBT")
	require.Equal(t, svg, drawn(t, dir, "svg"), "the same run, the same bytes")
	require.Equal(t, pictures, drawn(t, dir, "png"))
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func wellFormed(text []byte) error {
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// A run within a day has no distribution, a flat one no range, a quanto contract no
// second currency.
func TestPicturesOfLittle(t *testing.T) {
	dir, _ := record(t, "XBTUSD", 5, func(int) exchange.Money { return 0 })
	files := drawn(t, dir, "svg")
	require.Len(t, files, 3)
	require.Contains(t, string(files["equity.svg"]), "03-01")
	dir, _ = record(t, "ETHUSD", 24*4, wave)
	files = drawn(t, dir, "svg")
	require.Contains(t, files, "returns.svg")
	require.NotContains(t, files, "equity-usd.svg")
	require.NotContains(t, string(files["equity.svg"]), "holding")
}

// However long the run, the lines reach its extremes.
func TestLinesKeepExtremes(t *testing.T) {
	spike := func(h int) exchange.Money {
		switch h {
		case 7777:
			return 55_555_555
		case 4444:
			return -44_444_444
		}
		return wave(h)
	}
	dir, result := record(t, "XBTUSD", 10_000, spike)
	l, err := read(dir, result)
	require.NoError(t, err)
	low, high, fall := math.Inf(1), math.Inf(-1), 0.0
	for _, p := range l.own.equity.Points() {
		low, high = min(low, p.V), max(high, p.V)
	}
	for _, p := range l.drawdown.Points() {
		fall = min(fall, p.V)
	}
	require.InDelta(t, 0.55555556, low, 1e-9)
	require.InDelta(t, 1.55555555, high, 1e-9)
	require.InDelta(t, -100**result.Metrics.MaxDrawdown, fall, 1e-9)
	require.LessOrEqual(t, len(l.own.equity.Points()), 4*most)
	last := l.other.equity.Points()
	require.InDelta(t, float64(result.Account.EndEquity)/1e8*17_999, last[len(last)-1].V, 1e-6)
}

func TestWrongFormat(t *testing.T) {
	dir, _ := record(t, "XBTUSD", 5, wave)
	s, err := analysis.Write(dir)
	require.NoError(t, err)
	_, err = Write(dir, "bmp", s)
	require.ErrorContains(t, err, `no format "bmp"`)
	_, err = Write(t.TempDir(), "svg", s)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Ticks are within the axis, evenly apart, told apart by their texts, and neither too
// few nor too many.
func TestRoundTicks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(-1e6, 1e6).Draw(t, "low")
		length := math.Pow(10, rapid.Float64Range(-4, 6).Draw(t, "length"))
		ticks := round{}.Ticks(low, low+length)
		require.GreaterOrEqual(t, len(ticks), 4)
		require.LessOrEqual(t, len(ticks), 11)
		seen := make(map[string]bool)
		for _, x := range ticks {
			require.False(t, seen[x.Label], "%v", ticks)
			seen[x.Label] = true
			v, err := strconv.ParseFloat(x.Label, 64)
			require.NoError(t, err)
			require.InDelta(t, x.Value, v, length*1e-6+1e-9)
			require.GreaterOrEqual(t, x.Value, low-length*1e-6-1e-9)
			require.LessOrEqual(t, x.Value, low+length*(1+1e-6)+1e-9)
		}
	})
}

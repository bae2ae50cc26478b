package synth

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

func config(t testing.TB, length time.Duration, kinds ...string) Config {
	t.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	from, err := exchange.ParseTime("2021-07-22T09:30:00Z")
	require.NoError(t, err)
	return Config{Instrument: i, From: from, To: from.Add(length), Seed: 7, Kinds: kinds}
}

func collect(t testing.TB, f exchange.Feed, length int) []exchange.Event {
	t.Helper()
	var out []exchange.Event
	buf := make([]exchange.Event, length)
	for {
		n, err := f.Next(context.Background(), buf)
		out = append(out, buf[:n]...)
		if errors.Is(err, io.EOF) {
			require.NoError(t, f.Close())
			return out
		}
		require.NoError(t, err)
	}
}

func draw(t testing.TB, c Config) []exchange.Event {
	t.Helper()
	f, err := New(c)
	require.NoError(t, err)
	return collect(t, f, 100)
}

// The digests hold on every processor. When one changes, so does the version.
func TestTheSameEverywhere(t *testing.T) {
	for _, c := range []struct {
		cfg    Config
		events int
		digest string
	}{
		{config(t, time.Hour), 177450, "11e2173d0693d081"},
		{config(t, 30*24*time.Hour, "bar-1m", "bar-1h"), 43919, "e44603be8cf4ab9a"},
	} {
		h := sha256.New()
		events := draw(t, c.cfg)
		for i := range events {
			e := &events[i]
			q, b := e.Quote(), e.Bar() // between them they show the whole payload
			require.NoError(t, binary.Write(h, binary.LittleEndian, []int64{
				int64(e.Time), int64(e.Arrival), int64(e.Kind), int64(e.Side), int64(e.Flags), int64(e.Stream),
				int64(q.BidPrice), int64(q.BidQty), int64(q.AskPrice), int64(q.AskQty),
				int64(b.Volume), int64(b.Turnover), b.Trades, int64(b.End),
			}))
		}
		require.Len(t, events, c.events)
		require.Equal(t, c.digest, hex.EncodeToString(h.Sum(nil))[:16])
	}
}

func TestSeedsAndSlices(t *testing.T) {
	c := config(t, 10*time.Minute)
	f, err := New(c)
	require.NoError(t, err)
	all := draw(t, c)
	require.Equal(t, all, collect(t, f, 7))
	c.To = c.To.Add(-5 * time.Minute)
	short := draw(t, c)
	require.Equal(t, all[:len(short)], short, "a shorter range is the beginning of a longer one")
	c.Seed++
	require.NotEqual(t, short[:500], draw(t, c)[:500])
}

// The book, the trades and the quotes must tell one story.
func TestTheStreamsAgree(t *testing.T) {
	c := config(t, time.Hour)
	tick := c.Instrument.At(c.From).TickSize
	book := exchange.NewBook(tick)
	traded := make(map[exchange.Price]exchange.Qty) // since the book last changed
	var trades, quotes, rows int
	last := c.From
	whole := false
	events := draw(t, c)
	for i := range events {
		e := &events[i]
		require.GreaterOrEqual(t, e.Time, last)
		require.Less(t, e.Time, c.To)
		require.GreaterOrEqual(t, e.Arrival, e.Time.Add(time.Millisecond))
		last = e.Time
		switch e.Kind {
		case exchange.KindTrade:
			trades++
			tr := e.Trade()
			require.True(t, whole, "a trade follows the first snapshot")
			traded[tr.Price] += tr.Qty
			require.LessOrEqual(t, traded[tr.Price], book.Qty(tr.Side.Opposite(), tr.Price), "displayed at %s", e)
		case exchange.KindBook:
			rows++
			before := book.Qty(e.Side, e.Level().Price)
			book.Apply(e)
			if q, ok := traded[e.Level().Price]; ok {
				require.Equal(t, before-q, e.Level().Qty, "what the trades left at %s", e)
				delete(traded, e.Level().Price)
			}
			whole = e.Flags&exchange.FlagLast != 0
			if whole {
				require.Empty(t, traded)
				require.False(t, book.Crossed())
				require.Equal(t, 50, book.Len(exchange.Buy))
				require.Equal(t, 50, book.Len(exchange.Sell))
			}
		case exchange.KindQuote:
			quotes++
			q := e.Quote()
			require.Equal(t, exchange.Level{Price: q.BidPrice, Qty: q.BidQty}, book.Bid())
			require.Equal(t, exchange.Level{Price: q.AskPrice, Qty: q.AskQty}, book.Ask())
		}
	}
	t.Logf("%d trades, %d quotes, %d book rows; the price ends at %s", trades, quotes, rows, book.Bid().Price)
	require.Greater(t, trades, 5000)
	require.NotEqual(t, exchange.NoSide, events[0].Side)
	require.Equal(t, exchange.FlagClear|exchange.FlagSnapshot, events[0].Flags)
}

func TestBarsAreMadeOfTrades(t *testing.T) {
	c := config(t, 2*time.Hour, data.KindTrade, "bar-5m")
	var bars []exchange.Bar
	sums := make(map[exchange.Time]exchange.Bar)
	for _, e := range draw(t, c) {
		if e.Kind == exchange.KindBar {
			bars = append(bars, e.Bar())
			continue
		}
		tr, start := e.Trade(), e.Time.Truncate(5*time.Minute)
		b, ok := sums[start]
		if !ok {
			b.Open, b.High, b.Low = tr.Price, tr.Price, tr.Price
		}
		b.High, b.Low, b.Close = max(b.High, tr.Price), min(b.Low, tr.Price), tr.Price
		b.Volume += tr.Qty
		b.Trades++
		sums[start] = b
	}
	require.Len(t, bars, 24)
	for _, b := range bars {
		want := sums[b.Start]
		require.Equal(t, want, exchange.Bar{Open: b.Open, High: b.High, Low: b.Low, Close: b.Close, Volume: b.Volume, Trades: b.Trades})
		require.Positive(t, b.Turnover)
	}
}

func TestLongBarsAreMadeOfShortOnes(t *testing.T) {
	c := config(t, 50*time.Hour, "bar-1m", "bar-1h")
	hours := make(map[exchange.Time]exchange.Bar)
	var volume = make(map[exchange.Time]exchange.Qty)
	for _, e := range draw(t, c) {
		b := e.Bar()
		if e.Stream == 1 {
			hours[b.Start] = b
			continue
		}
		require.LessOrEqual(t, b.Low, min(b.Open, b.Close))
		require.GreaterOrEqual(t, b.High, max(b.Open, b.Close))
		volume[b.Start.Truncate(time.Hour)] += b.Volume
	}
	require.Len(t, hours, 49)
	for start, b := range hours {
		require.Equal(t, volume[start], b.Volume)
	}
}

func TestTheWalkIsOfTheVolatilityAsked(t *testing.T) {
	c := config(t, 365*24*time.Hour, "bar-1h")
	var sum float64
	var n int
	var last exchange.Price
	for _, e := range draw(t, c) {
		b := e.Bar()
		if last != 0 {
			r := (b.Close - last).Float64() / last.Float64()
			sum += r * r
			n++
		}
		last = b.Close
	}
	yearly := sum / float64(n) * 24 * 365.25
	t.Logf("variance of a year %.2f, price at the end %s", yearly, last)
	require.InDelta(t, 0.49, yearly, 0.35)
}

func TestWrittenAndReadItIsTheSame(t *testing.T) {
	catalog, err := data.Create(t.TempDir())
	require.NoError(t, err)
	c := config(t, 16*time.Hour, data.KindBook, data.KindTrade, data.KindQuote, "bar-1m")
	c.Interval = time.Second
	report, err := Write(t.Context(), catalog, c)
	require.NoError(t, err)
	require.Equal(t, 7, report.Written)
	again, err := Write(t.Context(), catalog, c)
	require.NoError(t, err)
	require.Equal(t, data.CommitReport{Skipped: 7}, again)

	set := new(exchange.Instruments)
	require.NoError(t, set.Add(c.Instrument))
	var keys []data.Key
	for _, kind := range c.Kinds {
		keys = append(keys, c.key(kind))
	}
	f, err := catalog.Feed(t.Context(), data.Query{Instruments: set, Streams: keys})
	require.NoError(t, err)
	require.Equal(t, draw(t, c), collect(t, f, 999))

	verified, err := catalog.Verify(t.Context(), data.VerifyOptions{Instruments: set})
	require.NoError(t, err)
	require.Zero(t, verified.Problems, "%+v", verified)
}

func TestConfigsAreChecked(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"instrument": func(c *Config) { c.Instrument = nil },
		"range":      func(c *Config) { c.To = c.From },
		"kind":       func(c *Config) { c.Kinds = []string{"candles"} },
		"interval":   func(c *Config) { c.Kinds = []string{"bar-7m"} },
		"price":      func(c *Config) { c.Price = 1 },
		"depth":      func(c *Config) { c.Depth = 1 },
		"pause":      func(c *Config) { c.Interval = 1 },
	} {
		c := config(t, time.Hour)
		spoil(&c)
		_, err := New(c)
		require.Error(t, err, name)
	}
}

func BenchmarkFeed(b *testing.B) {
	for _, kinds := range [][]string{{data.KindTrade, data.KindQuote, data.KindBook}, {"bar-1m"}} {
		b.Run(kinds[0], func(b *testing.B) {
			c := config(b, 100*365*24*time.Hour, kinds...)
			f, err := New(c)
			require.NoError(b, err)
			events := make([]exchange.Event, 1024)
			b.ReportAllocs()
			for n := 0; n < b.N; n += len(events) {
				_, err := f.Next(context.Background(), events)
				require.NoError(b, err)
			}
		})
	}
}

package data

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/racetest"
)

func TestRangesAreHalfOpen(t *testing.T) {
	c := newCatalog(t)
	k := key(KindTrade)
	all := trades(at("2021-07-20T12:00:00Z"), 3*24*60)
	load(t, c, "in", k, all)
	want := expect(t, k, 0, all)
	rapid.Check(t, func(r *rapid.T) {
		// Instants on and between the rows, also outside of the data.
		instant := rapid.Int64Range(-1000, int64(2*len(all)+1000))
		from := all[0].Time.Add(time.Duration(instant.Draw(r, "from")) * 30 * time.Second)
		to := from.Add(time.Duration(rapid.IntRange(1, 4000).Draw(r, "length")) * 30 * time.Second)
		var expected []exchange.Event
		for _, e := range want {
			if e.Time >= from && e.Time < to {
				expected = append(expected, e)
			}
		}
		q := Query{Instruments: instruments(t), Streams: []Key{k}, From: from, To: to}
		if len(expected) == 0 {
			_, err := c.Feed(t.Context(), q)
			var none *NoDataError
			require.ErrorAs(r, err, &none)
			require.Equal(r, all[0].Time, none.First)
			return
		}
		require.Equal(r, expected, readAll(t, c, q, 1000))
	})
}

func TestRowGroupsOutsideTheRangeAreNotRead(t *testing.T) {
	c := newCatalog(t)
	k := key(KindQuote)
	events := newHistory().quotes(rowGroupRows*2+10, 10*time.Millisecond)
	load(t, c, "in", k, events)
	parts, err := c.partitions(k)
	require.NoError(t, err)
	require.Len(t, parts, 1)
	p, err := c.openPart(parts[0].dir, parts[0].parts[0], layoutOf(k.Kind))
	require.NoError(t, err)
	defer p.close()
	require.Len(t, p.groups, 3)
	r := p.read(p.groups[1].min+1, p.groups[2].min)
	defer r.close()
	require.NoError(t, r.next(newBlock(p.layout, blockRows)))
	require.Equal(t, 1, r.group)

	from, to := events[rowGroupRows+5].Time, events[2*rowGroupRows+5].Time
	got := readAll(t, c, Query{Streams: []Key{k}, From: from, To: to}, 5000)
	require.Equal(t, from, got[0].Time)
	require.Less(t, got[len(got)-1].Time, to)
	var n int
	for _, e := range events {
		if e.Time >= from && e.Time < to {
			n++
		}
	}
	require.Len(t, got, n)
}

func TestNoDataSaysWhatThereIs(t *testing.T) {
	c := newCatalog(t)
	load(t, c, "in", key(KindTrade), trades(testDay, 10))
	_, err := c.Feed(t.Context(), Query{Instruments: instruments(t), Streams: []Key{key(KindTrade), key(KindQuote)}})
	var none *NoDataError
	require.ErrorAs(t, err, &none)
	require.Equal(t, key(KindQuote), none.Key)
	require.ErrorContains(t, err, "has nothing of this stream")
	require.ErrorContains(t, err, "backtest data import")

	_, err = c.Feed(t.Context(), Query{Instruments: instruments(t), Streams: []Key{key(KindTrade)}, From: at("2022-01-01")})
	require.ErrorContains(t, err, "bitmex/trade/XBTUSD from 2022-01-01T00:00:00Z to the end")
	require.ErrorContains(t, err, "has 2021-07-22T00:00:00Z to 2021-07-22T00:09:00Z")
}

func TestQueriesAreChecked(t *testing.T) {
	c := newCatalog(t)
	load(t, c, "in", key(KindTrade), trades(testDay, 10))
	set := instruments(t)
	for _, q := range []Query{
		{Streams: []Key{key(KindTrade)}},
		{Instruments: set},
		{Instruments: set, Streams: []Key{key(KindTrade)}, From: testDay, To: testDay},
		{Instruments: set, Streams: []Key{key("candles")}},
	} {
		_, err := c.Feed(t.Context(), q)
		require.Error(t, err)
	}
	_, err := c.Feed(t.Context(), Query{Instruments: set, Streams: []Key{{Venue: "bitmex", Kind: KindTrade, Symbol: "NONE"}}})
	require.ErrorIs(t, err, exchange.ErrUnknownSymbol)
}

// bookDay is a book with a snapshot of two rows every hour, and a change every
// minute between.
func bookDay(from exchange.Time) []exchange.Event {
	var out []exchange.Event
	level := func(at exchange.Time, qty int, f exchange.Flags) {
		out = append(out, exchange.LevelEvent(at, at, 0, exchange.Buy,
			exchange.Level{Price: price("40000"), Qty: exchange.Qty(qty)}, f))
	}
	for m := range 24 * 60 {
		now := from.Add(time.Duration(m) * time.Minute)
		if m%60 == 30 {
			level(now, m, exchange.FlagLast) // a change of the same time before the snapshot
			level(now, m, exchange.FlagSnapshot|exchange.FlagClear)
			level(now, m, exchange.FlagSnapshot|exchange.FlagLast)
			continue
		}
		level(now, m, exchange.FlagLast)
	}
	return out
}

func TestBooksBeginWhole(t *testing.T) {
	c := newCatalog(t)
	k := key(KindBook)
	all := expect(t, k, 0, bookDay(testDay))
	load(t, c, "in", k, all)
	first := func(from string) exchange.Event {
		return readAll(t, c, Query{Streams: []Key{k}, From: at(from), BatchRows: 7}, 10)[0]
	}
	isClear := func(e exchange.Event) bool { return e.Flags&exchange.FlagClear != 0 }

	e := first("2021-07-22T05:10:00Z")
	require.Equal(t, at("2021-07-22T04:30:00Z"), e.Time, "at the snapshot before")
	require.True(t, isClear(e))
	e = first("2021-07-22T05:30:00Z")
	require.Equal(t, at("2021-07-22T04:30:00Z"), e.Time, "rows of 05:30 precede the snapshot of 05:30")
	require.True(t, isClear(e))
	e = first("2021-07-22T00:10:00Z")
	require.Equal(t, at("2021-07-22T00:10:00Z"), e.Time, "there is no snapshot before: as it comes")
	e = first("2021-07-22T00:00:00Z")
	require.Equal(t, testDay, e.Time)

	t.Run("a range that begins with a snapshot needs no other", func(t *testing.T) {
		c := newCatalog(t)
		var clean []exchange.Event
		for i, e := range all {
			if i+1 < len(all) && isClear(all[i+1]) {
				continue
			}
			clean = append(clean, e)
		}
		load(t, c, "in", k, clean)
		got := readAll(t, c, Query{Streams: []Key{k}, From: at("2021-07-22T05:30:00Z")}, 10)
		require.Equal(t, at("2021-07-22T05:30:00Z"), got[0].Time)
		require.True(t, isClear(got[0]))
	})
	t.Run("a snapshot alone is no data", func(t *testing.T) {
		_, err := c.Feed(t.Context(), Query{Instruments: instruments(t), Streams: []Key{k}, From: at("2021-07-22T23:59:30Z")})
		var none *NoDataError
		require.ErrorAs(t, err, &none)
	})
}

func TestDigestNamesThePartsOfTheRange(t *testing.T) {
	c := newCatalog(t)
	k := key(KindTrade)
	load(t, c, "in", k, trades(testDay, 3*24*60))
	f, err := c.Feed(t.Context(), Query{
		Instruments: instruments(t), Streams: []Key{k}, From: testDay + 1, To: testDay.Add(25 * time.Hour),
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	digest, err := f.Digest()
	require.NoError(t, err)
	require.Equal(t, []PartInfo{
		{Path: k.dir() + "/date=2021-07-22/" + input("in").partName(), Input: input("in").Digest, Rows: 1440},
		{Path: k.dir() + "/date=2021-07-23/" + input("in").partName(), Input: input("in").Digest, Rows: 1440},
	}, digest)
}

func TestFeedEndsWithItsContextAndOnce(t *testing.T) {
	c := newCatalog(t)
	load(t, c, "in", key(KindTrade), trades(testDay, 100_000))
	q := Query{Instruments: instruments(t), Streams: []Key{key(KindTrade)}}
	events := make([]exchange.Event, 4096)

	ctx, cancel := context.WithCancel(t.Context())
	f, err := c.Feed(ctx, q)
	require.NoError(t, err)
	cancel()
	for err == nil {
		_, err = f.Next(t.Context(), events)
	}
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, f.Close())
	require.NoError(t, f.Close())
	_, err = f.Next(t.Context(), events)
	require.ErrorIs(t, err, ErrClosed)

	f, err = c.Feed(t.Context(), q)
	require.NoError(t, err)
	n, err := f.Next(t.Context(), nil)
	require.Zero(t, n)
	require.NoError(t, err)
	require.NoError(t, f.Close()) // in the middle

	f, err = c.Feed(t.Context(), Query{Instruments: q.Instruments, Streams: q.Streams, To: testDay.Add(time.Hour)})
	require.NoError(t, err)
	n, err = f.Next(t.Context(), events)
	require.NoError(t, err)
	require.Equal(t, 60, n)
	for range 2 {
		n, err = f.Next(t.Context(), events)
		require.Zero(t, n)
		require.Equal(t, io.EOF, err)
	}
	require.NoError(t, f.Close())
}

func TestNextDoesNotAllocate(t *testing.T) {
	c := newCatalog(t)
	load(t, c, "in", key(KindTrade), newHistory().trades(200_000, time.Millisecond))
	load(t, c, "in", key(KindQuote), newHistory().quotes(200_000, time.Millisecond))
	f, err := c.Feed(t.Context(), Query{Instruments: instruments(t), Streams: []Key{key(KindQuote), key(KindTrade)}})
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	events := make([]exchange.Event, 256)
	ctx := t.Context()
	allocs := testing.AllocsPerRun(1000, func() {
		n, err := f.Next(ctx, events)
		if err != nil || n != len(events) {
			panic(err)
		}
	})
	// What is left are the headers of pages, of 16384 rows each.
	require.Less(t, allocs, 10.0, "for 256 events")
}

func TestDamagedFilesAreNamed(t *testing.T) {
	c := newCatalog(t)
	k := key(KindTrade)
	events := trades(testDay, 1440)
	load(t, c, "in", k, events)
	name := names(files(t, c.root))[0]
	path := filepath.Join(c.root, name)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	q := Query{Instruments: instruments(t), Streams: []Key{k}}
	readBroken := func() error {
		f, err := c.Feed(t.Context(), q)
		if err != nil {
			return err
		}
		defer f.Close()
		buf := make([]exchange.Event, 100)
		for {
			if _, err := f.Next(t.Context(), buf); err != nil {
				return err
			}
		}
	}
	check := func(t *testing.T, content []byte, group int) {
		t.Helper()
		require.NoError(t, os.WriteFile(path, content, 0o644))
		var corrupt *CorruptError
		err := readBroken()
		require.ErrorAs(t, err, &corrupt)
		require.Equal(t, name, corrupt.Path)
		require.Equal(t, group, corrupt.RowGroup)
		report, err := c.Verify(t.Context(), VerifyOptions{Instruments: q.Instruments})
		require.NoError(t, err)
		found := report.Streams[0].Check(CheckUnreadable)
		require.Equal(t, int64(1), found.Count)
		require.Equal(t, Example{Part: name, Row: -1, Value: found.Examples[0].Value}, found.Examples[0])
		require.Contains(t, found.Examples[0].Value, name)
	}
	for _, n := range []int{0, 3, 8, 11, 100, len(whole) / 2, len(whole) - 1} {
		check(t, whole[:n], -1)
	}
	flipped := append([]byte(nil), whole...)
	flipped[150] ^= 0xff // in the first page
	check(t, flipped, 0)
}

func FuzzOpenPart(f *testing.F) {
	dir := f.TempDir()
	c, err := Create(dir)
	require.NoError(f, err)
	for _, kind := range []string{KindTrade, KindBook} {
		events := newHistory().trades(300, time.Second)
		if kind == KindBook {
			events = newHistory().book(300, time.Second)
		}
		load(f, c, "in", key(kind), events)
	}
	for name := range files(f, dir) {
		content, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(f, err)
		f.Add(content)
		f.Add(content[:len(content)/2])
	}
	f.Add([]byte("PAR1"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "part")
		require.NoError(t, os.WriteFile(path, content, 0o644))
		for _, l := range []*layout{&tradeLayout, &bookLayout} {
			p, err := openPart(path, "part", l)
			if err != nil {
				var corrupt *CorruptError
				require.ErrorAs(t, err, &corrupt)
				continue
			}
			r, b := p.all(), newBlock(l, 100)
			for err == nil {
				err = r.next(b)
			}
			if !errors.Is(err, io.EOF) {
				var corrupt *CorruptError
				require.ErrorAs(t, err, &corrupt)
			}
			r.close()
			require.NoError(t, p.close())
		}
	})
}

// peakHeap reads a stream and returns the most heap that was in use.
func peakHeap(t *testing.T, c *Catalog, q Query) uint64 {
	t.Helper()
	runtime.GC()
	f, err := c.Feed(t.Context(), q)
	require.NoError(t, err)
	events := make([]exchange.Event, 1024)
	var peak uint64
	var stats runtime.MemStats
	for i := 0; ; i++ {
		_, err := f.Next(t.Context(), events)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if i%64 == 0 {
			runtime.GC() // what is live, not what waits to be collected
			runtime.ReadMemStats(&stats)
			peak = max(peak, stats.HeapAlloc)
		}
	}
	require.NoError(t, f.Close())
	return peak
}

func TestMemoryDoesNotGrowWithHistory(t *testing.T) {
	if racetest.Enabled {
		t.Skip("the race detector's memory is its own")
	}
	c := newCatalog(t)
	h := newHistory()
	h.now = at("2015-01-01")
	k := key("bar-1m")
	tx, err := c.NewTx(input("in"))
	require.NoError(t, err)
	for range 6 * 12 {
		require.NoError(t, tx.Write(k, h.bars(365*24*60/12, time.Minute)))
	}
	_, err = tx.Commit(t.Context())
	require.NoError(t, err)
	q := Query{Instruments: instruments(t), Streams: []Key{k}, To: at("2016-01-01")}
	year := peakHeap(t, c, q)
	q.To = 0
	years := peakHeap(t, c, q)
	t.Logf("one year %d KiB, six years %d KiB", year>>10, years>>10)
	require.InEpsilon(t, float64(year), float64(years), 0.2)
}

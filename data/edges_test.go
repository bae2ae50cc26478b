package data

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
)

// A file has a footer of at most its own length.
func TestFootersFitTheirFiles(t *testing.T) {
	file := func(size int, footer uint32) []byte {
		b := make([]byte, size)
		copy(b, "PAR1")
		copy(b[size-4:], "PAR1")
		binary.LittleEndian.PutUint32(b[size-8:], footer)
		return b
	}
	for name, c := range map[string]struct {
		content []byte
		want    string // of the error; empty: that of the library
	}{
		"nothing":                 {nil, "unexpected EOF"},
		"a byte too short":        {make([]byte, 11), "unexpected EOF"},
		"shortest":                {file(12, 13), "footer of 13 bytes in a file of 12"},
		"shortest, of its length": {file(12, 12), ""},
		"beyond 31 bits":          {file(100, math.MaxUint32), "footer of 4294967295 bytes in a file of 100"},
		"one too long":            {file(100, 101), "footer of 101 bytes in a file of 100"},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			func() {
				defer guard(&err)
				_, err = openParquet(bytes.NewReader(c.content), int64(len(c.content)))
			}()
			require.Error(t, err)
			if c.want != "" {
				require.EqualError(t, err, c.want)
			} else {
				require.NotContains(t, err.Error(), "in a file of")
				require.NotErrorIs(t, err, io.ErrUnexpectedEOF)
			}
		})
	}
}

// What is left of blocks without some rows is every other row, in ranges.
func TestRowsThatAreKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "rows")
		var drop rowSet
		var want []int
		for row := range n {
			if rapid.IntRange(0, 2).Draw(t, "drop") == 0 {
				drop.add(int64(row))
			} else {
				want = append(want, row)
			}
		}
		require.Equal(t, int64(n-len(want)), drop.n)
		for i, r := range drop.ranges {
			require.Less(t, r[0], r[1])
			require.True(t, i == 0 || drop.ranges[i-1][1] < r[0], "ranges are as long as they can be")
		}
		var got []int
		ranges := drop.ranges
		for row := 0; row < n; {
			b := &block{row: int64(row), n: min(rapid.IntRange(1, 9).Draw(t, "block"), n-row)}
			for lo, hi := range newKeep(b, &ranges) {
				require.Less(t, lo, hi)
				require.LessOrEqual(t, hi, b.n)
				for i := lo; i < hi; i++ {
					got = append(got, row+i)
				}
			}
			row += b.n
		}
		require.Equal(t, want, got)
	})
	// A loop may end before the block does.
	b, none := &block{n: 5}, [][2]int64{{1, 2}, {3, 4}}
	for lo := range newKeep(b, &none) {
		require.Zero(t, lo)
		break
	}
}

// What is said of a column is true of each of its values, and of no other column.
func TestChecksOfColumns(t *testing.T) {
	const low, high = 3, 1000
	edges := []int64{
		math.MinInt64, math.MinInt64 + low, -1, 0, 1, low - 1, low, low + 1, 511, 512, high - 1, high, high + 1,
		1023, 1024, math.MaxInt64,
	}
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(low, high), rapid.Int64Range(low, high),
			rapid.SampledFrom(edges)), 1, 11).Draw(t, "values")
		all := func(least, most int64) bool {
			return !slices.ContainsFunc(values, func(v int64) bool { return v < least || v > most })
		}
		require.Equal(t, all(low, high), within(values, low, high))
		require.Equal(t, all(0, high), counted(values, high))
		require.Equal(t, all(0, high), below(values, high))
	})
}

// The rows of a market as it is are seen to be within bounds by whole columns: reading them
// one by one takes many times as long. Up to the last row each number may be the least and
// the greatest.
func TestSoundRowsAreUsual(t *testing.T) {
	i, err := instruments(t).Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	bounds := i.Bounds()
	low, high, plenty := int64(bounds.Low), int64(bounds.High), int64(bounds.Plenty)
	year := int64(exchange.MaxTravel)
	type span struct{ least, most int64 }
	price, qty := span{low, high}, span{0, plenty}
	const start, latest = int64(1_600_000_000e9), int64(exchange.Never) / 2
	for kind, columns := range map[string][]span{
		KindTrade:       {{0, latest}, {0, start + year}, price, {1, plenty}},
		KindLiquidation: {{0, latest}, {0, start + year}, price, {1, plenty}},
		KindBook:        {{0, latest}, {0, start + year}, price, qty},
		KindOrder:       {{0, latest}, {0, start + year}, price, qty},
		KindQuote:       {{0, latest}, {0, start + year}, price, qty, price, qty},
		"bar-1m": {{0, latest}, {start + 1, start + int64(exchange.MaxBarInterval)}, price, price, price, price, qty,
			{0, int64(exchange.MaxAmount)}, {0, int64(exchange.MaxEventQty)}},
	} {
		t.Run(kind, func(t *testing.T) {
			l := layoutOf(kind)
			sound := func(rows int) *block {
				b := newBlock(l, rows)
				b.n = rows
				for row := range rows {
					b.ints[0][row], b.ints[1][row] = start, start+60
					for c := 2; c < len(columns); c++ {
						b.ints[c][row] = columns[c].least + 1
					}
				}
				return b
			}
			for _, rows := range []int{1, 4, 7} {
				require.True(t, usual(l.event, sound(rows), &bounds))
				for c, span := range columns {
					for v, good := range map[int64]bool{
						span.least: true, span.most: true, span.least - 1: false, span.most + 1: false,
					} {
						b := sound(rows)
						b.ints[c][rows-1] = v
						if c == 0 {
							// Rows are in the order of their times.
							for row := range rows {
								b.ints[0][row], b.ints[1][row] = v, v+1
							}
						}
						require.Equal(t, good, usual(l.event, b, &bounds), "%s of %d, row %d of %d", l.ints[c], v, rows-1, rows)
					}
				}
			}
		})
	}
}

// Data is missing after an interval of bars, after the interval at which an instrument pays
// funding, and after the longest silence of other events, except that liquidations may not
// occur at all.
func TestRulesOfGaps(t *testing.T) {
	funded := &exchange.Instrument{FundingInterval: 4 * time.Hour}
	without := &exchange.Instrument{}
	for _, c := range []struct {
		kind           string
		instrument     *exchange.Instrument
		most           time.Duration
		interval, want time.Duration
	}{
		{KindTrade, nil, 0, 0, time.Hour},
		{KindTrade, funded, -1, 0, time.Hour},
		{KindTrade, funded, 1, 0, 1},
		{KindBook, funded, 2 * time.Hour, 0, 2 * time.Hour},
		{KindLiquidation, funded, 2 * time.Hour, 0, 0},
		{KindFunding, funded, 0, 0, 4 * time.Hour},
		{KindFunding, funded, 30 * time.Hour, 0, 4 * time.Hour},
		{KindFunding, without, 0, 0, day},
		{KindFunding, nil, time.Hour, 0, day},
		{KindFunding, nil, 30 * time.Hour, 0, 30 * time.Hour},
		{KindMark, without, 0, 0, time.Hour},
		{"bar-5m", funded, 2 * time.Hour, 5 * time.Minute, 5 * time.Minute},
	} {
		rule := newGapRule(c.kind, c.instrument, c.most)
		require.Equal(t, gapRule{exchange.Time(c.interval), exchange.Time(c.want)}, rule, "%s, at most %s", c.kind, c.most)
	}
	bars, ticks, silent := gapRule{interval: 10, most: 10}, gapRule{most: 10}, gapRule{}
	for step, missing := range map[exchange.Time]int64{1: 0, 9: 0, 10: 0, 11: 1, 19: 1, 20: 1, 21: 2, 30: 2, 31: 3} {
		require.Equal(t, missing, bars.missing(step), "bars after %d", step)
		require.Equal(t, min(missing, 1), ticks.missing(step), "ticks after %d", step)
		require.Zero(t, silent.missing(step))
	}
}

// The greatest number of a price that a row can hold is that of its column, either way; the
// years are those of a partition.
func TestRowsThatCannotBeHeld(t *testing.T) {
	const most = exchange.MaxPrice
	trade := func(at exchange.Time, p exchange.Price) exchange.Event {
		return exchange.TradeEvent(at, at, 0, exchange.Trade{Side: exchange.Buy, Price: p, Qty: 1})
	}
	bar := func(change func(*exchange.Bar)) exchange.Event {
		b := exchange.Bar{Start: testDay, End: testDay.Add(time.Minute), Open: 1, High: 1, Low: 1, Close: 1}
		change(&b)
		return exchange.BarEvent(b)
	}
	kinds := map[string]map[string]func(exchange.Price) exchange.Event{
		KindTrade: {"price": func(p exchange.Price) exchange.Event { return trade(testDay, p) }},
		KindLiquidation: {"price": func(p exchange.Price) exchange.Event {
			return exchange.LiquidationEvent(testDay, testDay, 0, exchange.Trade{Side: exchange.Sell, Price: p, Qty: 1})
		}},
		KindBook: {"price": func(p exchange.Price) exchange.Event {
			return exchange.LevelEvent(testDay, testDay, 0, exchange.Buy, exchange.Level{Price: p, Qty: 1}, 0)
		}},
		KindOrder: {"price": func(p exchange.Price) exchange.Event {
			return exchange.BookOrderEvent(testDay, testDay, 0, exchange.Sell, exchange.BookOrder{ID: 1, Price: p, Qty: 1}, 0)
		}},
		KindQuote: {
			"bid": func(p exchange.Price) exchange.Event {
				return exchange.QuoteEvent(testDay, testDay, 0, exchange.Quote{BidPrice: p, AskPrice: 1})
			},
			"ask": func(p exchange.Price) exchange.Event {
				return exchange.QuoteEvent(testDay, testDay, 0, exchange.Quote{BidPrice: 1, AskPrice: p})
			},
		},
		KindMark: {
			"mark": func(p exchange.Price) exchange.Event {
				return exchange.MarkEvent(testDay, testDay, 0, exchange.Mark{Mark: p})
			},
			"index": func(p exchange.Price) exchange.Event {
				return exchange.MarkEvent(testDay, testDay, 0, exchange.Mark{Index: p})
			},
		},
		KindFunding: {"rate": func(p exchange.Price) exchange.Event {
			return exchange.FundingEvent(testDay, testDay, 0, exchange.Funding{Rate: exchange.Ratio(p)})
		}},
		"bar-1m": {
			"open":  func(p exchange.Price) exchange.Event { return bar(func(b *exchange.Bar) { b.Open = p }) },
			"high":  func(p exchange.Price) exchange.Event { return bar(func(b *exchange.Bar) { b.High = p }) },
			"low":   func(p exchange.Price) exchange.Event { return bar(func(b *exchange.Bar) { b.Low = p }) },
			"close": func(p exchange.Price) exchange.Event { return bar(func(b *exchange.Bar) { b.Close = p }) },
		},
	}
	c := newCatalog(t)
	tx, err := c.NewTx(input("in"))
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Abort()) }()
	refused := func(k Key, e exchange.Event, reason string) {
		t.Helper()
		var bad *RowError
		require.ErrorAs(t, tx.Write(k, []exchange.Event{e}), &bad)
		require.Equal(t, reason, bad.Reason)
		require.Equal(t, e.Time, bad.Time)
		require.Equal(t, k, bad.Key)
	}
	for kind, numbers := range kinds {
		for name, of := range numbers {
			for _, p := range []exchange.Price{most, -most} {
				require.NoError(t, tx.Write(key(kind), []exchange.Event{of(p)}), "%s of a %s", name, kind)
			}
			refused(key(kind), of(most+1), "the number 999999990000000001e-10 does not fit DECIMAL(18,10)")
			refused(key(kind), of(-most-1), "the number -999999990000000001e-10 does not fit DECIMAL(18,10)")
		}
	}
	none := trade(testDay, 1)
	none.Side = exchange.NoSide
	refused(key(KindTrade), none, "has no side")
	refused(key(KindQuote), trade(testDay, 1), "is a trade event")
	refused(key("bar-5m"), bar(func(*exchange.Bar) {}), "lasts 1m0s")

	early, late := key(KindTrade), key(KindTrade)
	early.Symbol, late.Symbol = "EARLY", "LATE"
	refused(early, trade(minTime-1, 1), "the time is outside 1678 to 2262")
	require.NoError(t, tx.Write(early, []exchange.Event{trade(minTime, 1)}))
	require.NoError(t, tx.Write(late, []exchange.Event{trade(maxTime-1, 1)}))
	refused(late, trade(maxTime, 1), "the time is outside 1678 to 2262")
}

// A partition is a day, a month or a year, with its first instant and without its end.
func TestPartitions(t *testing.T) {
	for _, c := range []struct{ kind, at, start, end string }{
		{KindTrade, "2020-02-28T23:59:59.999999999Z", "2020-02-28", "2020-02-29"},
		{KindTrade, "2020-02-29", "2020-02-29", "2020-03-01"},
		{KindBook, "1969-12-31T23:00:00Z", "1969-12-31", "1970-01-01"},
		{"bar-1m", "2020-02-29T23:59:59Z", "2020-02-01", "2020-03-01"},
		{"bar-1m", "2020-12-01", "2020-12-01", "2021-01-01"},
		{"bar-12h", "2021-01-31", "2021-01-01", "2021-02-01"},
		{KindFunding, "2020-12-31T20:00:00Z", "2020-12-01", "2021-01-01"},
		{"bar-1d", "2020-12-31", "2020-01-01", "2021-01-01"},
		{"bar-7d", "2021-01-01", "2021-01-01", "2022-01-01"},
	} {
		start, end := periodOf(c.kind).bounds(at(c.at))
		require.Equal(t, []exchange.Time{at(c.start), at(c.end)}, []exchange.Time{start, end}, "%s at %s", c.kind, c.at)
	}
}

// A name of any bytes is the name of a directory, and read back from it.
func TestNamesOfDirectories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := string(rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "name"))
		text := escape(name)
		require.NotContains(t, text, "/")
		require.NotContains(t, text, "=")
		back, ok := unescape(text)
		require.True(t, ok)
		require.Equal(t, name, back)
	})
	require.Equal(t, "aZ09-_.%2F%25%C3%A9", escape("aZ09-_./%é"))
	for _, text := range []string{"", "%", "%4", "a%4", "%4G", "%G4", "a%"} {
		_, ok := unescape(text)
		require.False(t, ok, text)
	}
	back, ok := unescape("%41b%43")
	require.True(t, ok)
	require.Equal(t, "AbC", back)
	whole := key(KindTrade)
	k, ok := parseDir(whole.dir())
	require.True(t, ok)
	require.Equal(t, whole, k)
	for _, dir := range []string{
		"venue=bitmex/kind=candles/symbol=XBTUSD", "venue=bitmex/kind=trade/symbol=",
		"venue=%62itmex/kind=trade/symbol=XBTUSD",
		"venue=bitmex/kind=trade/symbol=%", "place=bitmex/kind=trade/symbol=XBTUSD",
	} {
		_, ok := parseDir(dir)
		require.False(t, ok, dir)
	}
}

// A row that lies beyond the newest rows of two parts that lie in one another is compared
// with the part that ends last, whichever begins last.
func TestPartsThatTouchTheLongestOne(t *testing.T) {
	all := minuteBars(testDay, 12)
	for name, c := range map[string]struct {
		inputs map[string][]int
		want   string
	}{
		"the longest is the first": {map[string][]int{"a": {1, 10}, "b": {2, 3}, "c": {10, 11}}, "both have a row"},
		"beside it":                {map[string][]int{"a": {1, 10}, "b": {2, 3}, "c": {11}}, ""},
		"the longest is the last":  {map[string][]int{"a": {1, 3}, "b": {2, 10}, "c": {10, 11}}, "both have a row"},
		"of the shorter one":       {map[string][]int{"a": {1, 10}, "b": {2, 4}, "c": {4, 5}}, "both have a row"},
	} {
		t.Run(name, func(t *testing.T) {
			c2 := newCatalog(t)
			dir := filepath.Join(c2.root, key("bar-1m").dir(), "date=2021-07-01")
			require.NoError(t, os.MkdirAll(dir, 0o750))
			rows := 0
			for in, minutes := range c.inputs {
				alone := newCatalog(t)
				var events []exchange.Event
				for _, m := range minutes {
					events = append(events, all[m])
				}
				load(t, alone, in, key("bar-1m"), events)
				putPart(t, filepath.Join(alone.root, names(files(t, alone.root))[0]), filepath.Join(dir, input(in).partName()))
				rows += len(events)
			}
			n, err := drainStream(t, c2, key("bar-1m"))
			if c.want == "" {
				require.ErrorIs(t, err, io.EOF)
				require.Equal(t, rows, n)
				return
			}
			var wrong *PartsError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, c.want, wrong.Reason)
		})
	}
}

// Of a stream of several parts the list says where it begins and ends, whichever part is
// read first, and how much there is.
func TestInfoOfSeveralParts(t *testing.T) {
	c := newCatalog(t)
	bars := minuteBars(testDay, 30)
	load(t, c, "a", key("bar-1m"), slices.Concat(bars[5:10], bars[25:]))
	load(t, c, "b", key("bar-1m"), slices.Concat(bars[:5], bars[10:20]))
	load(t, c, "c", key("bar-1m"), bars[20:25])
	infos, err := c.Info(t.Context())
	require.NoError(t, err)
	require.Len(t, infos, 1)
	var size int64
	for name := range files(t, c.root) {
		info, err := os.Stat(filepath.Join(c.root, name))
		require.NoError(t, err)
		size += info.Size()
	}
	require.Equal(t, StreamInfo{
		Key: key("bar-1m"), First: bars[0].Time, Last: bars[29].Time, Rows: 30, Parts: 3, Bytes: size,
	}, infos[0])
	// A directory without a part is no stream, and other files are no parts.
	for _, name := range []string{"part-0123456789ab.txt", "part-0123456789ab.parquet.staged", "note.parquet", "part-"} {
		path := filepath.Join(c.root, key("bar-1m").dir(), "date=2021-07-01", name)
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(c.root, key(KindMark).dir(), "date=2021-07-22"), 0o750))
	require.NoError(t, os.MkdirAll(filepath.Join(c.root, key(KindQuote).dir(), "date=someday"), 0o750))
	infos, err = c.Info(t.Context())
	require.NoError(t, err)
	require.Len(t, infos, 1)
	keys, err := c.Keys()
	require.NoError(t, err)
	require.Equal(t, []Key{key("bar-1m")}, keys)
}

// What a killed import left is removed by the next one; what another import is writing is
// not.
func TestAbandonedImports(t *testing.T) {
	c := newCatalog(t)
	abandoned := func(name string, content ...string) string {
		dir := filepath.Join(c.root, stagingPrefix+name)
		require.NoError(t, os.Mkdir(dir, 0o750))
		for _, file := range content {
			require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte("x"), 0o600))
		}
		return dir
	}
	dirs := []string{
		abandoned("empty"), abandoned("locked", lockName), abandoned("full", lockName, "1"+stagedSuffix, "2"+stagedSuffix),
	}
	foreign := abandoned("foreign", "1"+stagedSuffix) // never without a lock: it is no import's
	other, err := c.NewTx(input("other"))
	require.NoError(t, err)
	for _, dir := range dirs {
		require.NoDirExists(t, dir)
	}
	require.DirExists(t, foreign)
	require.NoError(t, other.Write(key(KindTrade), trades(testDay, 10)))
	mine, err := c.NewTx(input("mine"))
	require.NoError(t, err)
	require.DirExists(t, other.dir)
	require.NotEqual(t, other.dir, mine.dir)
	require.NoError(t, mine.Abort())
	report, err := other.Commit(t.Context())
	require.NoError(t, err)
	require.Equal(t, CommitReport{Written: 1, Rows: 10}, report)
}

// An input that has changed since it was imported is refused at its first row that differs,
// or at its end if it has become longer.
func TestInputsThatHaveChanged(t *testing.T) {
	all := lots(trades(testDay, 20))
	other := slices.Clone(all[:10])
	other[7] = trade(other[7].Time, 200)
	for name, c := range map[string]struct {
		events []exchange.Event
		at     exchange.Time
	}{
		"a row":       {other, all[7].Time},
		"longer":      {all[:11], all[10].Time},
		"shorter":     {all[:9], all[8].Time},
		"the first":   {slices.Concat([]exchange.Event{trade(all[0].Time, 300)}, all[1:10]), all[0].Time},
		"the last":    {slices.Concat(all[:9], []exchange.Event{trade(all[9].Time, 300)}), all[9].Time},
		"much longer": {all, all[19].Time},
	} {
		t.Run(name, func(t *testing.T) {
			cat := newCatalog(t)
			load(t, cat, "in", key(KindTrade), all[:10])
			_, err := tryLoad(cat, "in", key(KindTrade), c.events)
			var overlap *OverlapError
			require.ErrorAs(t, err, &overlap)
			require.Equal(t, c.at, overlap.Time)
			require.ErrorContains(t, err, "gives other rows than importer test/1 made of the same input")
			require.Equal(t, CommitReport{Skipped: 1}, load(t, cat, "in", key(KindTrade), all[:10]))
		})
	}
}

// Ranges and numbers of rows are checked before anything is opened.
func TestBoundsOfQueries(t *testing.T) {
	c := newCatalog(t)
	load(t, c, "in", key(KindTrade), lots(trades(testDay, 10)))
	q := func(from, to exchange.Time, rows int) Query {
		return Query{Streams: []Key{key(KindTrade)}, From: from, To: to, BatchRows: rows}
	}
	for _, rows := range []int{-1, 0, 1} {
		require.NoError(t, drain(t, c, q(testDay, testDay+1, rows)), "%d rows a batch", rows)
	}
	require.ErrorContains(t, drain(t, c, q(testDay, testDay, 0)), "is empty")
	require.ErrorContains(t, drain(t, c, q(testDay, testDay-1, 0)), "is empty")
	many := Query{Instruments: instruments(t), Streams: slices.Repeat([]Key{key(KindTrade)}, math.MaxUint16+2)}
	_, err := newHeads(many)
	require.EqualError(t, err, "query: 65537 streams; at most 65536 can be merged")
	many.Streams = many.Streams[1:]
	heads, err := newHeads(many)
	require.NoError(t, err)
	require.Equal(t, uint16(math.MaxUint16), heads[math.MaxUint16].index)
}

// partIn writes a part of rows into a partition of a catalog.
func partIn[R any](t *testing.T, c *Catalog, k Key, date string, rows []R, o ...parquet.WriterOption) (path string) {
	t.Helper()
	dir := filepath.Join(c.root, k.dir(), "date="+date)
	require.NoError(t, os.MkdirAll(dir, 0o750))
	path = filepath.Join(dir, "part-0123456789ab.parquet")
	putPart(t, partOf(t, rows, map[string]string{metaRows: strconv.Itoa(len(rows))}, o...), path)
	return path
}

// Rows of a part that go back in time end a feed, and are a finding of a verification, which
// goes on behind them.
func TestRowsThatGoBack(t *testing.T) {
	rows := someTrades(6)
	for i := range rows {
		rows[i].Price, rows[i].Qty = int64(price("40000")), 100
	}
	rows[2], rows[3] = rows[3], rows[2]
	c := newCatalog(t)
	partIn(t, c, key(KindTrade), "2021-07-22", rows)
	var corrupt *CorruptError
	require.ErrorAs(t, drain(t, c, Query{Streams: []Key{key(KindTrade)}}), &corrupt)
	report, err := c.Verify(t.Context(), VerifyOptions{Instruments: instruments(t)})
	require.NoError(t, err)
	s := report.Streams[0]
	require.Equal(t, int64(6), s.Rows)
	require.Len(t, s.Checks, 1)
	found := s.Check(CheckOrder)
	require.Equal(t, int64(1), found.Count)
	require.Equal(t, int64(3), found.Examples[0].Row)
	require.Equal(t, testDay.Add(2*time.Second), found.Examples[0].Time)
}

// A row that two parts have is a finding of a verification, which names the part whose name
// comes later.
func TestVerifyNamesTheSecondPart(t *testing.T) {
	k := key("bar-1m")
	bars := minuteBars(testDay, 9)
	c, other := newCatalog(t), newCatalog(t)
	load(t, c, "first", k, slices.Concat(bars[:3], bars[6:]))
	load(t, other, "second", k, bars[2:6])
	name := names(files(t, c.root))[0]
	later := filepath.Dir(name) + "/part-ffffffffffff.parquet"
	putPart(t, filepath.Join(other.root, names(files(t, other.root))[0]), filepath.Join(c.root, later))
	report, err := c.Verify(t.Context(), VerifyOptions{Instruments: instruments(t)})
	require.NoError(t, err)
	found := report.Streams[0].Check(CheckDuplicate)
	require.Equal(t, int64(1), found.Count)
	require.Equal(t, bars[2].Time, found.Examples[0].Time)
	require.Equal(t, int64(10), report.Streams[0].Rows)
	require.Equal(t, int64(1), report.Problems)
}

// A row out of bounds is a row: the next one follows it, and nothing is missing between them.
func TestNothingIsMissingAtRowsOutOfBounds(t *testing.T) {
	bars := sound("bar-1m", 9)
	b := bars[4].Bar()
	b.Turnover = -1
	bars[4] = exchange.BarEvent(b)
	s := verify(t, key("bar-1m"), bars)
	require.Len(t, s.Checks, 1)
	require.Equal(t, int64(1), s.Check(CheckNotPositive).Count)
	require.Equal(t, bars[8].Time, s.Last)
}

// The snapshot that a range of a book needs may be in a part of a file that is damaged: the
// range has no whole book then, and that is an error.
func TestSnapshotsThatCannotBeRead(t *testing.T) {
	rows := make([]bookRow, 40)
	for i := range rows {
		at := int64(testDay.Add(time.Duration(i) * time.Second))
		rows[i] = bookRow{Time: at, Arrival: at, Price: int64(price("40000")), Qty: 100, Buy: true,
			Flags: int32(exchange.FlagLast)}
	}
	rows[3].Flags |= int32(exchange.FlagSnapshot | exchange.FlagClear)
	c, k := newCatalog(t), key(KindBook)
	path := partIn(t, c, k, "2021-07-22", rows, append(writerOptions(), parquet.MaxRowsPerRowGroup(20))...)
	q := Query{Streams: []Key{k}, From: testDay.Add(30 * time.Second)}
	require.Equal(t, testDay.Add(3*time.Second), readAll(t, c, q, 10)[0].Time)

	content, err := os.ReadFile(path)
	require.NoError(t, err)
	content[150] ^= 0xff // of the first row group
	require.NoError(t, os.WriteFile(path, content, 0o600))
	var corrupt *CorruptError
	require.ErrorAs(t, drain(t, c, q), &corrupt)
	require.Zero(t, corrupt.RowGroup)
}

// watchedDisk writes down what becomes of files and directories.
type watchedDisk struct {
	disk.OS
	log []string
}

func (d *watchedDisk) add(what, path string) { d.log = append(d.log, what+" "+path) }

func (d *watchedDisk) Create(path string) (disk.File, error) {
	f, err := d.OS.Create(path)
	d.add("create", path)
	return &watchedFile{f, d, path}, err
}

func (d *watchedDisk) Rename(from, to string) error {
	d.add("rename", from)
	return d.OS.Rename(from, to)
}

func (d *watchedDisk) SyncDir(path string) error {
	d.add("sync", path)
	return d.OS.SyncDir(path)
}

type watchedFile struct {
	disk.File
	disk *watchedDisk
	path string
}

func (f *watchedFile) Write(p []byte) (int, error) {
	f.disk.add("write", f.path)
	return f.File.Write(p)
}

func (f *watchedFile) Sync() error {
	f.disk.add("sync", f.path)
	return f.File.Sync()
}

func (f *watchedFile) Close() error {
	f.disk.add("close", f.path)
	return f.File.Close()
}

// A part is on the disk before it gets its name, and so is its name in every directory up to
// the catalog before the commit is done.
func TestPartsAreDurable(t *testing.T) {
	c := newCatalog(t)
	d := new(watchedDisk)
	c.disk = d
	load(t, c, "bars", key("bar-1m"), minuteBars(testDay, 100))
	load(t, c, "more", key("bar-1m"), minuteBars(testDay.Add(50*time.Minute), 40*24*60)) // written again, in two months
	var renamed int
	lastRename := slices.IndexFunc(d.log, func(l string) bool { return strings.HasPrefix(l, "rename ") })
	require.Positive(t, lastRename)
	for i, l := range d.log {
		path, ok := strings.CutPrefix(l, "rename ")
		if !ok {
			continue
		}
		renamed++
		lastRename = i
		var of []string
		for _, before := range d.log[:i] {
			if what, p, _ := strings.Cut(before, " "); p == path && what != "write" {
				of = append(of, what)
			} else if p == path {
				require.NotContains(t, of, "sync", "nothing is written after it")
			}
		}
		require.Equal(t, []string{"create", "sync", "close"}, of, path)
	}
	require.Equal(t, 3, renamed)
	var synced []string
	for _, l := range d.log[lastRename:] {
		if path, ok := strings.CutPrefix(l, "sync "); ok {
			rel, err := filepath.Rel(c.root, path)
			require.NoError(t, err)
			synced = append(synced, filepath.ToSlash(rel))
		}
	}
	dir := key("bar-1m").dir()
	require.ElementsMatch(t, []string{".", "venue=bitmex", "venue=bitmex/kind=bar-1m", dir, dir + "/date=2021-07-01",
		dir + "/date=2021-08-01"}, synced)
}

// Of several streams that overlap what is there, an import names the first one, by the order
// of their names.
func TestOverlapsAreFoundInOrder(t *testing.T) {
	kinds := []string{KindBook, KindLiquidation, KindOrder, KindQuote, KindTrade}
	c := newCatalog(t)
	for _, kind := range kinds {
		load(t, c, "a", key(kind), sound(kind, 10))
	}
	for range 10 {
		tx, err := c.NewTx(input("b"))
		require.NoError(t, err)
		for _, kind := range kinds {
			require.NoError(t, tx.Write(key(kind), sound(kind, 5)))
		}
		_, err = tx.Commit(t.Context())
		var overlap *OverlapError
		require.ErrorAs(t, err, &overlap)
		require.Equal(t, key(KindBook), overlap.Key)
	}
}

// The digest of an input has 64 hexadecimal digits, in upper or lower case.
func TestDigestsOfInputs(t *testing.T) {
	digits := strings.Repeat("0123456789abcdef", 4)
	for digest, good := range map[string]bool{
		digits: true, strings.ToUpper(digits): true, "": false, digits[1:]: false, digits + "0": false,
		"g" + digits[1:]: false, digits[1:] + "g": false, digits[1:] + "/": false,
	} {
		tx, err := newCatalog(t).NewTx(Source{Name: "in", Digest: digest})
		if good {
			require.NoError(t, err)
			require.NoError(t, tx.Abort())
			continue
		}
		require.ErrorContains(t, err, "want the 64 hexadecimal digits of a sha256", digest)
	}
}

// A stream that is no directory cannot be read, and whatever asks for it says so.
func TestStreamsThatAreNoDirectories(t *testing.T) {
	c := newCatalog(t)
	load(t, c, "in", key(KindTrade), lots(trades(testDay, 10)))
	f, err := c.Feed(t.Context(), Query{Instruments: instruments(t), Streams: []Key{key(KindTrade)}})
	require.NoError(t, err)
	require.NoError(t, f.Close())
	dir := filepath.Join(c.root, key(KindTrade).dir())
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, os.WriteFile(dir, nil, 0o600))
	for name, ask := range map[string]func() error{
		"info": func() error { _, err := c.Info(t.Context()); return err },
		"keys": func() error { _, err := c.Keys(); return err },
		"feed": func() error { return drain(t, c, Query{Streams: []Key{key(KindTrade)}}) },
		"verify": func() error {
			_, err := c.Verify(t.Context(), VerifyOptions{Instruments: instruments(t)})
			return err
		},
		"digest": func() error { _, err := f.Digest(); return err },
		"import": func() error { _, err := tryLoad(c, "other", key(KindTrade), trades(testDay, 10)); return err },
	} {
		require.ErrorIs(t, ask(), syscall.ENOTDIR, name)
	}
}

// A range without data says what was asked, and what the catalog holds: from 1970 on too.
func TestRangesWithoutData(t *testing.T) {
	end := at("1970-01-02")
	for _, c := range []struct {
		from, to, first, last exchange.Time
		want                  string
	}{
		{0, 0, 0, 0, "from the beginning to the end: the catalog root has nothing of this stream; import it"},
		{1, end, 0, 0, "from 1970-01-01T00:00:00.000000001Z to 1970-01-02T00:00:00Z: the catalog root has nothing"},
		{0, -1, 0, end, "from the beginning to 1969-12-31T23:59:59.999999999Z: the catalog root has 1970-01-01T00"},
		{0, 0, -1, 0, "the catalog root has 1969-12-31T23:59:59.999999999Z to 1970-01-01T00:00:00Z; import it"},
	} {
		err := &NoDataError{Key: key(KindTrade), From: c.from, To: c.to, First: c.first, Last: c.last, Root: "root"}
		require.ErrorContains(t, err, c.want)
	}
}

// Each thing that can be wrong with a number is told apart, in each field.
func TestVerifyTellsNumbersApart(t *testing.T) {
	p := func(n exchange.Price) exchange.Price { return n * exchange.PriceUnit }
	tradeOf := func(price exchange.Price, qty exchange.Qty) exchange.Event {
		return exchange.TradeEvent(testDay, testDay, 0, exchange.Trade{Side: exchange.Buy, Price: price, Qty: qty})
	}
	quoteOf := func(bid exchange.Price, bids exchange.Qty, ask exchange.Price, asks exchange.Qty) exchange.Event {
		q := exchange.Quote{BidPrice: bid, BidQty: bids, AskPrice: ask, AskQty: asks}
		return exchange.QuoteEvent(testDay, testDay, 0, q)
	}
	barOf := func(open, high, low, closing exchange.Price, volume exchange.Qty) exchange.Event {
		return exchange.BarEvent(exchange.Bar{
			Start: testDay, End: testDay.Add(time.Minute), Open: open, High: high, Low: low, Close: closing, Volume: volume,
		})
	}
	levelOf := func(price exchange.Price, qty exchange.Qty) exchange.Event {
		return exchange.LevelEvent(testDay, testDay, 0, exchange.Buy, exchange.Level{Price: price, Qty: qty}, 0)
	}
	half := p(1) / 2
	for name, c := range map[string]struct {
		kind  string
		event exchange.Event
		check string // the only one that finds something; empty: none does
	}{
		"a trade":                    {KindTrade, tradeOf(p(9), 100), ""},
		"above every price":          {KindTrade, tradeOf(exchange.MaxPrice, 100), CheckOutOfBounds},
		"below the tick":             {KindTrade, tradeOf(1, 100), CheckOutOfBounds},
		"more than any order":        {KindTrade, tradeOf(p(9), exchange.MaxEventQty+100), CheckOutOfBounds},
		"no price":                   {KindTrade, tradeOf(0, 100), CheckNotPositive},
		"no quantity":                {KindTrade, tradeOf(p(9), 0), CheckNotPositive},
		"a negative quantity":        {KindTrade, tradeOf(p(9), -100), CheckNotPositive},
		"off the tick":               {KindTrade, tradeOf(p(9)+half/2, 100), CheckOffTick},
		"off the lot":                {KindTrade, tradeOf(p(9), 150), CheckOffLot},
		"a quote":                    {KindQuote, quoteOf(p(8), 100, p(9), 100), ""},
		"no bid":                     {KindQuote, quoteOf(0, 0, p(9), 100), ""},
		"no ask":                     {KindQuote, quoteOf(p(8), 100, 0, 0), ""},
		"locked":                     {KindQuote, quoteOf(p(9), 100, p(9), 100), CheckCrossed},
		"crossed":                    {KindQuote, quoteOf(p(9), 100, p(8), 100), CheckCrossed},
		"a bid off the tick":         {KindQuote, quoteOf(p(8)+1, 100, p(9), 100), CheckOffTick},
		"an ask off the tick":        {KindQuote, quoteOf(p(8), 100, p(9)+1, 100), CheckOffTick},
		"a bid off the lot":          {KindQuote, quoteOf(p(8), 1, p(9), 100), CheckOffLot},
		"an ask off the lot":         {KindQuote, quoteOf(p(8), 100, p(9), 1), CheckOffLot},
		"a bar":                      {"bar-1m", barOf(p(8), p(9), p(7), p(9), 0), ""},
		"closing low":                {"bar-1m", barOf(p(9), p(9), p(7), p(7), 0), ""},
		"closing above":              {"bar-1m", barOf(p(8), p(9), p(7), p(10), 0), CheckBarRange},
		"closing below":              {"bar-1m", barOf(p(8), p(9), p(7), p(6), 0), CheckBarRange},
		"opening low":                {"bar-1m", barOf(p(7), p(9), p(7), p(8), 0), ""},
		"opening above":              {"bar-1m", barOf(p(10), p(9), p(7), p(8), 0), CheckOpenOutside},
		"opening below":              {"bar-1m", barOf(p(6), p(9), p(7), p(8), 0), CheckOpenOutside},
		"a volume off the lot":       {"bar-1m", barOf(p(8), p(8), p(8), p(8), 1), CheckOffLot},
		"an open off the tick":       {"bar-1m", barOf(p(8)+1, p(9), p(7), p(8), 0), CheckOffTick},
		"a close off the tick":       {"bar-1m", barOf(p(8), p(9), p(7), p(8)+1, 0), CheckOffTick},
		"a high off the tick":        {"bar-1m", barOf(p(8), p(9)+1, p(7), p(8), 0), CheckOffTick},
		"a low off the tick":         {"bar-1m", barOf(p(8), p(9), p(7)+1, p(8), 0), CheckOffTick},
		"a level off the tick":       {KindBook, levelOf(p(8)+1, 100), CheckOffTick},
		"a level off the lot":        {KindBook, levelOf(p(8), 1), CheckOffLot},
		"a level without price":      {KindBook, levelOf(0, 100), CheckNotPositive},
		"a level without a quantity": {KindBook, levelOf(p(8), 0), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := verify(t, key(c.kind), []exchange.Event{c.event})
			if c.check == "" {
				require.Empty(t, s.Checks)
				return
			}
			require.Len(t, s.Checks, 1)
			require.Equal(t, c.check, s.Checks[0].Name)
			require.Equal(t, int64(1), s.Checks[0].Count)
			require.Zero(t, s.Checks[0].Examples[0].Row)
		})
	}
}

// A row is compared with the tick and the lot of its time, and the examples that are kept are
// the first ones.
func TestVerifyAsTermsChange(t *testing.T) {
	change := at("2021-06-08T04:30:00Z") // lots of 100 instead of 1
	var events []exchange.Event
	for i := range 20 {
		events = append(events, trade(change.Add(time.Duration(i-10)*time.Second), 50))
	}
	s := verify(t, key(KindTrade), events)
	require.Len(t, s.Checks, 1)
	c := s.Check(CheckOffLot)
	require.Equal(t, int64(10), c.Count)
	require.Len(t, c.Examples, 5)
	for i, e := range c.Examples {
		require.Equal(t, int64(10+i), e.Row)
		require.Equal(t, events[10+i].Time, e.Time)
	}
}

// Where rows follow each other, a second row at the time of the one before is told apart from
// the same row once more.
func TestVerifyRowsOfTheSameTime(t *testing.T) {
	for _, kind := range []string{KindTrade, KindMark, KindFunding, "bar-1m"} {
		e := sound(kind, 2)
		same := []exchange.Event{e[0], e[0], e[1]}
		s := verify(t, key(kind), same)
		check := CheckDuplicate
		if kind == KindTrade {
			check = CheckRepeated
		}
		require.Len(t, s.Checks, 1, kind)
		require.Equal(t, int64(1), s.Check(check).Count, kind)
		require.Equal(t, int64(1), s.Check(check).Examples[0].Row, kind)
	}
	// Two marks of one time are no duplicates, nor are equal ones of two times.
	mark := func(at exchange.Time, p string) exchange.Event {
		return exchange.MarkEvent(at, at, 0, exchange.Mark{Mark: price(p)})
	}
	require.Empty(t, verify(t, key(KindMark), []exchange.Event{
		mark(testDay, "9"), mark(testDay, "10"), mark(testDay+1, "10"), mark(testDay+2, "10"),
	}).Checks)
	// Bars of one time are, whatever they say.
	bars := sound("bar-1m", 2)
	b := bars[0].Bar()
	b.Volume += 100
	s := verify(t, key("bar-1m"), []exchange.Event{bars[0], exchange.BarEvent(b), bars[1]})
	require.Equal(t, int64(1), s.Check(CheckDuplicate).Count)
}

// A part without statistics of its times is not one that an import wrote.
func TestPartsWithoutStatistics(t *testing.T) {
	path := partOf(t, someTrades(3), map[string]string{metaRows: "3"}, parquet.SkipPageBounds("time"))
	_, err := openPart(path, "part", &tradeLayout)
	require.EqualError(t, err, "corrupt part part: row group 0: no statistics of the time")
}

// Rows outside of their partition make a part that is damaged as a whole, and files that are
// not directories are no partitions.
func TestRowsOutsideTheirPartition(t *testing.T) {
	c := newCatalog(t)
	k := key(KindTrade)
	rows := someTrades(3)
	for i := range rows {
		rows[i].Price, rows[i].Qty = int64(price("40000")), 100
	}
	partIn(t, c, k, "2021-07-22", rows)
	require.NoError(t, os.WriteFile(filepath.Join(c.root, k.dir(), "date=2021-07-23"), []byte("a note"), 0o600))
	require.NoError(t, drain(t, c, Query{Streams: []Key{k}}))
	for i := range rows {
		rows[i].Time -= int64(time.Hour)
	}
	partIn(t, c, k, "2021-07-24", rows)
	var corrupt *CorruptError
	require.ErrorAs(t, drain(t, c, Query{Streams: []Key{k}}), &corrupt)
	require.Equal(t, -1, corrupt.RowGroup)
	require.EqualError(t, corrupt.Err, "rows outside their partition")
	require.Contains(t, corrupt.Path, "date=2021-07-24")
	f, err := c.Feed(t.Context(), Query{Instruments: instruments(t), Streams: []Key{k}})
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	n, err := f.Next(t.Context(), make([]exchange.Event, 100))
	require.ErrorAs(t, err, &corrupt)
	require.Equal(t, 3, n, "the rows before it are read")
	n, err = f.Next(t.Context(), make([]exchange.Event, 100))
	require.ErrorAs(t, err, &corrupt)
	require.Zero(t, n)
	report, err := c.Verify(t.Context(), VerifyOptions{Instruments: instruments(t)})
	require.NoError(t, err)
	require.Equal(t, int64(6), report.Streams[0].Rows)
	require.Equal(t, int64(1), report.Streams[0].Check(CheckOrder).Count)
}

// A part that begins at the end of a range, or ends before its beginning, is not in it.
func TestPartsAtTheEndsOfARange(t *testing.T) {
	c := newCatalog(t)
	k := key("bar-1m")
	bars := sound("bar-1m", 12)
	load(t, c, "a", k, bars[:4])
	load(t, c, "b", k, bars[4:8])
	load(t, c, "c", k, bars[8:])
	for _, r := range []struct {
		from, to exchange.Time
		want     []string
	}{
		{bars[0].Time, bars[8].Time, []string{"a", "b"}},
		{bars[0].Time, bars[8].Time + 1, []string{"a", "b", "c"}},
		{bars[3].Time, bars[5].Time, []string{"a", "b"}},
		{bars[3].Time + 1, bars[5].Time, []string{"b"}},
		{bars[4].Time, bars[4].Time + 1, []string{"b"}},
	} {
		f, err := c.Feed(t.Context(), Query{Instruments: instruments(t), Streams: []Key{k}, From: r.from, To: r.to})
		require.NoError(t, err)
		buf := make([]exchange.Event, 100)
		n, err := f.Next(t.Context(), buf)
		require.True(t, err == nil || errors.Is(err, io.EOF), err)
		require.GreaterOrEqual(t, buf[0].Time, r.from)
		require.Less(t, buf[n-1].Time, r.to)
		var want []string
		for _, name := range r.want {
			want = append(want, input(name).Digest)
		}
		parts, err := f.Digest()
		require.NoError(t, err)
		var got []string
		for _, p := range parts {
			got = append(got, p.Input)
		}
		require.ElementsMatch(t, want, got)
		require.NoError(t, f.Close())
	}
}

// The second row of a stream may already go back, in the same batch or in the next one; a
// first row before 1970 does not.
func TestSecondRowsThatGoBack(t *testing.T) {
	tx, err := newCatalog(t).NewTx(input("in"))
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Abort()) }()
	early := exchange.Time(-time.Hour)
	k := key(KindTrade)
	var back *OrderError
	require.ErrorAs(t, tx.Write(k, []exchange.Event{trade(early, 1), trade(early-1, 1)}), &back)
	require.Equal(t, OrderError{Key: k, Row: 1, Time: early - 1, Before: early}, *back)
	require.NoError(t, tx.Write(k, []exchange.Event{trade(early, 1)}))
	require.ErrorAs(t, tx.Write(k, []exchange.Event{trade(early-1, 1)}), &back)
	require.Equal(t, OrderError{Key: k, Row: 1, Time: early - 1, Before: early}, *back)
	require.NoError(t, tx.Write(k, []exchange.Event{trade(early, 1)}))
}

// A catalog whose directory is gone takes no import.
func TestImportsIntoNothing(t *testing.T) {
	c := newCatalog(t)
	require.NoError(t, os.Remove(c.root))
	_, err := c.NewTx(input("in"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "start import")
}

// What a list says of one part, and of a part behind the first one, is so before 1970 too.
func TestInfoBefore1970(t *testing.T) {
	c := newCatalog(t)
	k := key("bar-1m")
	bars := minuteBars(at("1969-07-20"), 30)
	check := func(first, last, parts int) {
		infos, err := c.Info(t.Context())
		require.NoError(t, err)
		require.Len(t, infos, 1)
		require.Equal(t, bars[first].Time, infos[0].First)
		require.Equal(t, bars[last].Time, infos[0].Last)
		require.Equal(t, parts, infos[0].Parts)
	}
	load(t, c, "c", k, bars[10:20]) // the names of the parts are in the order c, b, a
	check(10, 19, 1)
	load(t, c, "b", k, bars[20:])
	check(10, 29, 2)
	load(t, c, "a", k, bars[:10])
	check(0, 29, 3)
}

// Two inputs may have rows of one instant, and of 1970's first one too, if no row is in both.
func TestInputsThatTouchIn1970(t *testing.T) {
	c := newCatalog(t)
	k := key(KindTrade)
	load(t, c, "a", k, []exchange.Event{trade(0, 100)})
	report := load(t, c, "b", k, []exchange.Event{trade(0, 200), trade(1, 300)})
	require.Equal(t, CommitReport{Written: 1, Rows: 2}, report)
	_, err := tryLoad(c, "c", k, []exchange.Event{trade(0, 100)})
	var overlap *OverlapError
	require.ErrorAs(t, err, &overlap)
	require.Equal(t, "has a row that was imported from", overlap.Reason)
}

// A price may be marked twice within an instant, also where one input lies in another.
func TestMarksOfOneInstantInTwoInputs(t *testing.T) {
	c := newCatalog(t)
	k := key(KindMark)
	mark := func(minute int, p string) exchange.Event {
		at := testDay.Add(time.Duration(minute) * time.Minute)
		return exchange.MarkEvent(at, at, 0, exchange.Mark{Mark: price(p)})
	}
	load(t, c, "a", k, []exchange.Event{mark(0, "9"), mark(0, "10"), mark(5, "11")})
	load(t, c, "b", k, []exchange.Event{mark(2, "12"), mark(2, "13"), mark(3, "14")})
	var got []exchange.Price
	for _, e := range read(t, c, k) {
		got = append(got, e.Mark().Mark)
	}
	require.Equal(t, []exchange.Price{price("9"), price("10"), price("12"), price("13"), price("14"), price("11")}, got)
}

// What comes before a snapshot in its instant is left out, also if it is all that an input has
// of the range.
func TestSnapshotsBehindRowsOfAnotherInput(t *testing.T) {
	c := newCatalog(t)
	k := key(KindBook)
	level := func(seconds int, qty exchange.Qty, flags exchange.Flags) exchange.Event {
		at := testDay.Add(time.Duration(seconds) * time.Second)
		return exchange.LevelEvent(at, at, 0, exchange.Buy, exchange.Level{Price: price("40000"), Qty: qty}, flags)
	}
	load(t, c, "a", k, []exchange.Event{level(0, 100, 0), level(5, 200, 0), level(5, 300, exchange.FlagLast)})
	load(t, c, "b", k, []exchange.Event{
		level(5, 400, exchange.FlagClear|exchange.FlagSnapshot|exchange.FlagLast), level(6, 500, exchange.FlagLast),
		level(9, 600, exchange.FlagLast),
	})
	for _, length := range []int{1, 2, 100} {
		var got []exchange.Qty
		for _, e := range readAll(t, c, Query{Streams: []Key{k}, From: testDay.Add(8 * time.Second)}, length) {
			got = append(got, e.Level().Qty)
		}
		require.Equal(t, []exchange.Qty{400, 500, 600}, got)
	}
}

// Of holes of the same length the first one is named, and rows are counted across batches.
func TestLongestHole(t *testing.T) {
	c := gapCounter{rule: gapRule{most: 10}}
	c.see(nil)
	c.see([]int64{100, 110, 121})
	c.see(nil)
	require.Equal(t, Gaps{Holes: 1, Missing: 1, Longest: 11, After: 110, Last: 121}, c.Gaps)
	c.see([]int64{132, 142, 142})
	require.Equal(t, Gaps{Holes: 2, Missing: 2, Longest: 11, After: 110, Last: 142}, c.Gaps)
	c.see([]int64{154})
	require.Equal(t, Gaps{Holes: 3, Missing: 3, Longest: 12, After: 142, Last: 154}, c.Gaps)
}

// The footer of a damaged file may count the rows of its groups wrongly.
func TestRowGroupsAreCounted(t *testing.T) {
	path := partOf(t, someTrades(4), map[string]string{metaRows: "4"}, parquet.MaxRowsPerRowGroup(2))
	for rows, want := range map[int64]string{
		0: "row group 1: no rows", -1: "row group 1: no rows", 1: "3 rows in row groups of 4 in all", 2: "",
		3: "5 rows in row groups of 4 in all",
	} {
		p, err := openPart(path, "part", &tradeLayout)
		require.NoError(t, err)
		p.groups = nil
		p.pq.Metadata().RowGroups[1].NumRows = rows
		err = p.readGroups()
		if want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, want)
		}
		require.NoError(t, p.close())
	}
}

// Times are compared one way, the other way and with themselves.
func TestCompareTimes(t *testing.T) {
	for _, c := range [][3]exchange.Time{
		{1, 2, -1}, {2, 1, 1}, {2, 2, 0}, {-1, 1, -1}, {1, -1, 1}, {minTime, maxTime, -1},
	} {
		require.Equal(t, int(c[2]), compareTimes(c[0], c[1]))
	}
}

// The lock of a catalog can be read by all, and written and run by no other.
func TestModesOfLocks(t *testing.T) {
	c := newCatalog(t)
	load(t, c, "in", key(KindTrade), trades(testDay, 10))
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	want, err := os.Stat(path)
	require.NoError(t, err)
	got, err := os.Stat(filepath.Join(c.root, catalogLock))
	require.NoError(t, err)
	require.Equal(t, want.Mode(), got.Mode())
}

// pausedRows are rows that come when they are let go.
type pausedRows struct{ gone chan struct{} }

func (r *pausedRows) next(*block) error { <-r.gone; return io.EOF }

func (r *pausedRows) close() error { return nil }

// Waiting for rows ends with the context of the call and with that of the feed, and rows that
// are there come first.
func TestWaitingForRows(t *testing.T) {
	r := &pausedRows{gone: make(chan struct{})}
	s := newStream(t.Context(), r, &tradeLayout, 1)
	ended, end := context.WithCancelCause(t.Context())
	end(errors.New("enough"))
	b, err := s.take(ended, t.Context(), nil)
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, b)
	b, err = s.take(t.Context(), ended, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, b)
	close(r.gone)
	require.NoError(t, s.wait())
	b, err = s.take(ended, ended, nil)
	require.Equal(t, io.EOF, err)
	require.Zero(t, b.n)
}

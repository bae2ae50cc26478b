package data

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// partOf writes a file of rows with the metadata of a part, changed by the values given:
// an empty one takes a key out.
func partOf[R any](t *testing.T, rows []R, changed map[string]string, o ...parquet.WriterOption) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "part.parquet")
	f, err := os.Create(path)
	require.NoError(t, err)
	w := parquet.NewGenericWriter[R](f, o...)
	meta := map[string]string{metaSchema: schemaVersion, metaSource: "in", metaInput: input("in").Digest,
		metaImporter: "test/1"}
	for key, value := range changed {
		meta[key] = value
	}
	for key, value := range meta {
		if value != "" {
			w.SetKeyValueMetadata(key, value)
		}
	}
	_, err = w.Write(rows)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, f.Close())
	return path
}

func someTrades(n int) []tradeRow {
	rows := make([]tradeRow, n)
	for i := range rows {
		at := int64(testDay) + int64(i)*int64(time.Second)
		rows[i] = tradeRow{Time: at, Arrival: at, Price: int64(exchange.PriceUnit), Qty: 1, Buy: i%2 == 0}
	}
	return rows
}

// What is not a part, not one of this version, or not whole, is refused when it is
// opened, with the reason.
func TestOpenRefusesForeignFiles(t *testing.T) {
	type nullable struct {
		Time    int64 `parquet:"time"`
		Arrival int64 `parquet:"arrival"`
		Price   int64 `parquet:"price"`
		Qty     int64 `parquet:"qty,optional"`
		Buy     bool  `parquet:"buy"`
	}
	type narrow struct {
		Time    int64 `parquet:"time"`
		Arrival int64 `parquet:"arrival"`
		Price   int64 `parquet:"price"`
		Qty     int32 `parquet:"qty"`
		Buy     bool  `parquet:"buy"`
	}
	type wide struct {
		Time    int64 `parquet:"time"`
		Arrival int64 `parquet:"arrival"`
		Price   int64 `parquet:"price"`
		Qty     int64 `parquet:"qty"`
		Buy     int64 `parquet:"buy"`
	}
	type without struct {
		Time    int64 `parquet:"time"`
		Arrival int64 `parquet:"arrival"`
		Price   int64 `parquet:"price"`
		Buy     bool  `parquet:"buy"`
	}
	type sideless struct {
		Time    int64 `parquet:"time"`
		Arrival int64 `parquet:"arrival"`
		Price   int64 `parquet:"price"`
		Qty     int64 `parquet:"qty"`
	}
	type list struct {
		Time    int64   `parquet:"time"`
		Arrival int64   `parquet:"arrival"`
		Price   int64   `parquet:"price"`
		Qty     []int64 `parquet:"qty"`
		Buy     bool    `parquet:"buy"`
	}
	type group struct {
		Time    int64 `parquet:"time"`
		Arrival int64 `parquet:"arrival"`
		Price   int64 `parquet:"price"`
		Qty     struct {
			Number int64 `parquet:"number"`
		} `parquet:"qty"`
		Buy bool `parquet:"buy"`
	}
	count := func(n string) map[string]string { return map[string]string{metaRows: n} }
	back := someTrades(4)
	back[0].Time, back[1].Time, back[2].Time, back[3].Time = back[2].Time, back[3].Time, back[0].Time, back[1].Time
	for name, c := range map[string]struct {
		path string
		want string // of the error; empty: it opens
	}{
		"a part": {partOf(t, someTrades(3), count("3")), ""},
		"groups that touch": {partOf(t, []tradeRow{{Time: 5}, {Time: 5}, {Time: 5}, {Time: 6}}, count("4"),
			parquet.MaxRowsPerRowGroup(2)), ""},
		"another program's": {partOf(t, someTrades(3), map[string]string{metaRows: "3", metaSchema: ""}),
			"no dunamis.schema in the footer: not a part of a catalog"},
		"another version's": {partOf(t, someTrades(3), map[string]string{metaRows: "3", metaSchema: "99"}),
			`schema version "99"; this program reads "` + schemaVersion + `"`},
		"more rows than said":  {partOf(t, someTrades(3), count("2")), `dunamis.rows is "2", and the file has 3 rows`},
		"fewer rows than said": {partOf(t, someTrades(3), count("4")), `dunamis.rows is "4", and the file has 3 rows`},
		"no number of rows": {partOf(t, someTrades(3), count("three")),
			`dunamis.rows is "three", and the file has 3 rows`},
		"rows not said":        {partOf(t, someTrades(3), nil), `dunamis.rows is "", and the file has 3 rows`},
		"empty":                {partOf(t, someTrades(0), count("0")), "no rows"},
		"empty, rows not said": {partOf(t, someTrades(0), nil), `dunamis.rows is "", and the file has 0 rows`},
		"quotes":               {partOf(t, []quoteRow{{Time: 1}}, count("1")), `no column "price"`},
		"no quantity":          {partOf(t, []without{{Time: 1}}, count("1")), `no column "qty"`},
		"no side":              {partOf(t, []sideless{{Time: 1}}, count("1")), `no column "buy"`},
		"optional quantity":    {partOf(t, []nullable{{Time: 1}}, count("1")), `column "qty" is optional or repeated`},
		"short quantity":       {partOf(t, []narrow{{Time: 1}}, count("1")), `column "qty" is INT32, want INT64`},
		"side as a number":     {partOf(t, []wide{{Time: 1}}, count("1")), `column "buy" is INT64, want BOOLEAN`},
		"list of quantities": {partOf(t, []list{{Time: 1, Qty: []int64{1}}}, count("1")),
			`column "qty" is optional or repeated`},
		"group of quantities": {partOf(t, []group{{Time: 1}}, count("1")), `no column "qty"`},
		"groups that go back": {partOf(t, back, count("4"), parquet.MaxRowsPerRowGroup(2)),
			"row group 1: 2021-07-22T00:00:00Z to 2021-07-22T00:00:01Z after 2021-07-22T00:00:03Z"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := openPart(c.path, "part", &tradeLayout)
			if c.want == "" {
				require.NoError(t, err)
				require.NoError(t, p.close())
				return
			}
			var corrupt *CorruptError
			require.ErrorAs(t, err, &corrupt)
			require.Equal(t, -1, corrupt.RowGroup)
			require.Equal(t, c.want, corrupt.Err.Error())
		})
	}
}

// The rows of a group lie between the times that its footer says, on both sides, and go
// forward, from block to block and from group to group.
func TestRowsAreWithinTheirFooter(t *testing.T) {
	read := func(t *testing.T, rows []tradeRow, change func(*part)) (n int, err error) {
		t.Helper()
		path := partOf(t, rows, map[string]string{metaRows: "6"}, parquet.MaxRowsPerRowGroup(3))
		p, err := openPart(path, "part", &tradeLayout)
		require.NoError(t, err)
		defer func() { require.NoError(t, p.close()) }()
		change(p)
		r, b := p.all(), newBlock(p.layout, 2)
		defer r.close()
		for {
			if err := r.next(b); err != nil {
				return n, err
			}
			require.Equal(t, int64(n), b.row)
			n += b.n
		}
	}
	rows := someTrades(6)
	n, err := read(t, rows, func(*part) {})
	require.Equal(t, io.EOF, err)
	require.Equal(t, 6, n)
	for name, c := range map[string]struct {
		change func(*part)
		rows   int // before the error
		group  int
		want   string
	}{
		"before the first": {func(p *part) { p.groups[0].min++ }, 0, 0,
			"times outside the 2021-07-22T00:00:00.000000001Z to 2021-07-22T00:00:02Z of the footer"},
		"after the last": {func(p *part) { p.groups[0].max-- }, 2, 0,
			"times outside the 2021-07-22T00:00:00Z to 2021-07-22T00:00:01.999999999Z of the footer"},
		"before, of the 2nd": {func(p *part) { p.groups[1].min++ }, 3, 1,
			"times outside the 2021-07-22T00:00:03.000000001Z to 2021-07-22T00:00:05Z of the footer"},
		"after, of the 2nd": {func(p *part) { p.groups[1].max-- }, 5, 1,
			"times outside the 2021-07-22T00:00:03Z to 2021-07-22T00:00:04.999999999Z of the footer"},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := read(t, rows, c.change)
			var corrupt *CorruptError
			require.ErrorAs(t, err, &corrupt)
			require.Equal(t, c.rows, n)
			require.Equal(t, c.group, corrupt.RowGroup)
			require.Equal(t, c.want, corrupt.Err.Error())
		})
	}
	for name, swap := range map[string][2]int{"within a block": {0, 1}, "between blocks": {1, 2}} {
		t.Run("back "+name, func(t *testing.T) {
			bad := someTrades(6)
			bad[swap[0]].Time, bad[swap[1]].Time = bad[swap[1]].Time, bad[swap[0]].Time
			_, err := read(t, bad, func(*part) {})
			require.ErrorContains(t, err, "time goes back from")
		})
	}
}

// Rows of two inputs that fill each other's gaps are read as one stream, with every
// column of each row: bars differ in all of them, and some are quiet.
func TestInterleavedInputsKeepEveryColumn(t *testing.T) {
	const kind = "bar-1m"
	k := key(kind)
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(r, "bars")
		all := make([]exchange.Event, n)
		var parts [2][]exchange.Event
		for i := range all {
			all[i] = drawEvent(r, kind, testDay.Add(time.Duration(i)*time.Minute))
			input := rapid.IntRange(0, 1).Draw(r, "input")
			parts[input] = append(parts[input], all[i])
		}
		c := tempRoot(r)
		for i, events := range parts {
			if len(events) > 0 {
				load(t, c, []string{"a", "b"}[i], k, events)
			}
		}
		got := readAll(t, c, Query{Streams: []Key{k}, BatchRows: rapid.IntRange(1, 9).Draw(r, "rows")},
			rapid.IntRange(1, 40).Draw(r, "length"))
		require.Equal(r, expect(t, k, 0, all), got)
	})
}

// A block loses rows at its front and takes rows of another one, in every column.
func TestBlocks(t *testing.T) {
	path := partOf(t, someTrades(5), map[string]string{metaRows: "5"})
	p, err := openPart(path, "part", &tradeLayout)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.close()) }()
	r, b := p.all(), newBlock(p.layout, 5)
	defer r.close()
	require.NoError(t, r.next(b))
	require.Equal(t, 5, b.n)
	b.drop(0)
	require.Equal(t, int64(0), b.row)
	to := newBlock(p.layout, 5)
	for _, i := range []int{3, 4, 0} {
		to.copyRow(b, i)
	}
	require.Equal(t, 3, to.n)
	b.drop(3)
	require.Equal(t, 2, b.n)
	require.Equal(t, int64(3), b.row)
	for i := range 2 {
		require.True(t, to.sameRow(i, b, i))
		require.False(t, to.sameRow(i, b, 1-i))
	}
	for c := range b.ints {
		b.ints[c][0]++
		require.False(t, to.sameRow(0, b, 0), "column %d", c)
		b.ints[c][0]--
	}
	b.small[0][0] ^= 1
	require.False(t, to.sameRow(0, b, 0))
	require.Equal(t, io.EOF, r.next(b))
}

// A stream has a venue, a symbol and a kind that a catalog can hold.
func TestKeysAreChecked(t *testing.T) {
	whole := key(KindTrade)
	require.NoError(t, whole.validate())
	for want, change := range map[string]func(*Key){
		"the venue is empty": func(k *Key) { k.Venue = "" }, "the symbol is empty": func(k *Key) { k.Symbol = "" },
		"unknown kind": func(k *Key) { k.Kind = "candles" }, "unknown kind; want": func(k *Key) { k.Kind = "" },
	} {
		k := whole
		change(&k)
		c := newCatalog(t)
		_, err := tryLoad(c, "in", k, trades(testDay, 1))
		var bad *KeyError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, k, bad.Key)
		require.ErrorContains(t, err, want)
	}
}

// A bar ends after it begins, within a year.
func TestBarsLast(t *testing.T) {
	const most = int64(exchange.MaxBarInterval)
	for d, good := range map[int64]bool{-1: false, 0: false, 1: true, most - 1: true, most: true, most + 1: false} {
		require.Equal(t, good, lasting([]int64{10}, []int64{10 + d}), "%d", d)
		require.Equal(t, good, lasting([]int64{10, 20, 30}, []int64{11, 20 + d, 31}), "%d among others", d)
	}
	require.False(t, lasting([]int64{-10}, []int64{-5}), "before 1970")
}

// Prices of trades, levels and bars are positive, and those that are not are counted.
func TestVerifyCountsPricesThatAreNotPositive(t *testing.T) {
	p := func(n int64) exchange.Price { return exchange.Price(n) * exchange.PriceUnit }
	at := testDay
	for kind, of := range map[string]func(exchange.Price) exchange.Event{
		KindTrade: func(p exchange.Price) exchange.Event {
			return exchange.TradeEvent(at, at, 0, exchange.Trade{Side: exchange.Buy, Price: p, Qty: 100})
		},
		KindBook: func(p exchange.Price) exchange.Event {
			return exchange.LevelEvent(at, at, 0, exchange.Buy, exchange.Level{Price: p, Qty: 100}, exchange.FlagLast)
		},
		"bar-1m": func(p exchange.Price) exchange.Event {
			return exchange.BarEvent(exchange.Bar{Start: at, End: at.Add(time.Minute), Open: p, High: p, Low: p, Close: p,
				Volume: 100})
		},
	} {
		for price, count := range map[exchange.Price]int64{p(1): 0, 0: 1, p(-1): 1} {
			s := verify(t, key(kind), []exchange.Event{of(price)})
			require.Equal(t, count, s.Check(CheckNotPositive).Count, "%s at %s", kind, price)
		}
	}
}

// The digest of a range names each part of it, also those that were not read: of two
// inputs, and without those whose rows are all outside of the range.
func TestDigestNamesPartsThatWereNotRead(t *testing.T) {
	c := newCatalog(t)
	k := key("bar-1m")
	all := slices.Concat(minuteBars(testDay, 120), minuteBars(testDay.Add(40*day), 80)) // of two partitions
	load(t, c, "d", k, all[120:160])
	load(t, c, "e", k, all[160:])
	load(t, c, "a", k, all[:40])
	load(t, c, "b", k, all[40:80])
	load(t, c, "c", k, all[80:120])
	names := func(from, to int) (inputs []string) {
		q := Query{Instruments: instruments(t), Streams: []Key{k}, From: all[from].Time, To: all[to-1].Time + 1}
		f, err := c.Feed(t.Context(), q)
		require.NoError(t, err)
		defer func() { require.NoError(t, f.Close()) }()
		parts, err := f.Digest()
		require.NoError(t, err)
		for _, p := range parts {
			for _, name := range []string{"a", "b", "c", "d", "e"} {
				if p.Input == input(name).Digest {
					inputs = append(inputs, name)
				}
			}
			require.Equal(t, int64(40), p.Rows)
		}
		return inputs
	}
	require.ElementsMatch(t, []string{"a", "b", "c"}, names(0, 120))
	require.ElementsMatch(t, []string{"a", "b", "c", "d", "e"}, names(0, 200))
	require.ElementsMatch(t, []string{"b", "c", "d"}, names(40, 160))
	require.ElementsMatch(t, []string{"a", "b"}, names(39, 41))
	require.ElementsMatch(t, []string{"a"}, names(0, 40))
	require.ElementsMatch(t, []string{"b"}, names(40, 80))
	require.ElementsMatch(t, []string{"c"}, names(80, 120))
}

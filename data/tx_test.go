package data

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
)

func trade(at exchange.Time, qty exchange.Qty) exchange.Event {
	return exchange.TradeEvent(at, at+1000, 0, exchange.Trade{Side: exchange.Buy, Price: price("40000.5"), Qty: qty})
}

func minuteBar(start exchange.Time, open string) exchange.Event {
	p := price(open)
	return exchange.BarEvent(exchange.Bar{Start: start, End: start.Add(time.Minute), Open: p, High: p, Low: p, Close: p, Volume: 100})
}

// trades makes one trade each minute; quantities count from 1.
func trades(from exchange.Time, n int) []exchange.Event {
	var out []exchange.Event
	for i := range n {
		out = append(out, trade(from.Add(time.Duration(i)*time.Minute), exchange.Qty(i+1)))
	}
	return out
}

func minuteBars(from exchange.Time, n int) []exchange.Event {
	var out []exchange.Event
	for i := range n {
		out = append(out, minuteBar(from.Add(time.Duration(i)*time.Minute), "40000"))
	}
	return out
}

// files lists what is in a catalog, with content, time of change and size.
func files(t testing.TB, root string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == catalogLock {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		rel, _ := filepath.Rel(root, path)
		out[filepath.ToSlash(rel)] = info.ModTime().String() + string(content)
		return err
	}))
	return out
}

func names(files map[string]string) []string {
	var out []string
	for name := range files {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func TestPartitionsAreDaysMonthsAndYears(t *testing.T) {
	c := newCatalog(t)
	part := input("in").partName()
	from := at("2020-12-31T23:58:00Z")
	load(t, c, "in", key(KindTrade), trades(from, 4))
	load(t, c, "in", key("bar-1m"), minuteBars(from, 4))
	load(t, c, "in", key(KindFunding), []exchange.Event{
		exchange.FundingEvent(from, from, 0, exchange.Funding{Rate: 1}),
		exchange.FundingEvent(from.Add(8*time.Hour), from, 0, exchange.Funding{Rate: 2}),
	})
	daily := exchange.Bar{Start: at("2020-12-31"), End: at("2021-01-01")}
	next := exchange.Bar{Start: at("2021-01-01"), End: at("2021-01-02")}
	load(t, c, "in", key("bar-1d"), []exchange.Event{exchange.BarEvent(daily), exchange.BarEvent(next)})
	odd := Key{Venue: "bitmex", Kind: KindTrade, Symbol: "A/B=C"}
	load(t, c, "in", odd, trades(from, 1))

	require.Equal(t, []string{
		"venue=bitmex/kind=bar-1d/symbol=XBTUSD/date=2020-01-01/" + part,
		"venue=bitmex/kind=bar-1d/symbol=XBTUSD/date=2021-01-01/" + part,
		"venue=bitmex/kind=bar-1m/symbol=XBTUSD/date=2020-12-01/" + part,
		"venue=bitmex/kind=bar-1m/symbol=XBTUSD/date=2021-01-01/" + part,
		"venue=bitmex/kind=funding/symbol=XBTUSD/date=2020-12-01/" + part,
		"venue=bitmex/kind=funding/symbol=XBTUSD/date=2021-01-01/" + part,
		"venue=bitmex/kind=trade/symbol=A%2FB%3DC/date=2020-12-31/" + part,
		"venue=bitmex/kind=trade/symbol=XBTUSD/date=2020-12-31/" + part,
		"venue=bitmex/kind=trade/symbol=XBTUSD/date=2021-01-01/" + part,
	}, names(files(t, c.root)))

	infos, err := c.Info(t.Context())
	require.NoError(t, err)
	require.Len(t, infos, 5)
	require.Equal(t, odd, infos[3].Key)
	require.Equal(t, StreamInfo{
		Key: key(KindTrade), First: from, Last: from.Add(3 * time.Minute), Rows: 4, Parts: 2, Bytes: infos[4].Bytes,
	}, infos[4])
}

func TestImportingTwiceChangesNothing(t *testing.T) {
	c := newCatalog(t)
	events := minuteBars(testDay, 100_000)
	first := load(t, c, "in", key("bar-1m"), events)
	require.Equal(t, CommitReport{Written: 3, Rows: 100_000}, first)
	before := files(t, c.root)

	second := load(t, c, "in", key("bar-1m"), events)
	require.Equal(t, CommitReport{Skipped: 3}, second)
	require.Equal(t, before, files(t, c.root))
}

func TestEqualInputsGiveEqualBytes(t *testing.T) {
	var contents []string
	for range 2 {
		c := newCatalog(t)
		load(t, c, "in", key(KindTrade), trades(testDay, 5000))
		for _, name := range names(files(t, c.root)) {
			content, err := os.ReadFile(filepath.Join(c.root, name))
			require.NoError(t, err)
			contents = append(contents, string(content))
		}
	}
	half := len(contents) / 2
	require.Equal(t, contents[:half], contents[half:])
}

func TestAnotherImporterOfTheSameInput(t *testing.T) {
	c := newCatalog(t)
	load(t, c, "in", key(KindTrade), trades(testDay, 10))
	_, err := tryLoad(c, "in", key(KindTrade), trades(testDay, 9))
	var overlap *OverlapError
	require.ErrorAs(t, err, &overlap)
	require.ErrorContains(t, err, "gives other rows")
}

func TestTicksOfTwoInputs(t *testing.T) {
	all := trades(testDay, 100)
	t.Run("a file cut in two", func(t *testing.T) {
		c := newCatalog(t)
		load(t, c, "b", key(KindTrade), all[50:])
		load(t, c, "a", key(KindTrade), all[:50])
		require.Equal(t, expect(t, key(KindTrade), 0, all), read(t, c, key(KindTrade)))
	})
	t.Run("cut within an instant", func(t *testing.T) {
		c := newCatalog(t)
		cut := slices.Clone(all)
		cut[49].Time, cut[50].Time = cut[48].Time, cut[48].Time
		load(t, c, "b", key(KindTrade), cut[50:])
		load(t, c, "a", key(KindTrade), cut[:50])
		require.Equal(t, expect(t, key(KindTrade), 0, cut), read(t, c, key(KindTrade)))
	})
	t.Run("a shared row", func(t *testing.T) {
		c := newCatalog(t)
		load(t, c, "a", key(KindTrade), all[:51])
		_, err := tryLoad(c, "b", key(KindTrade), all[50:])
		var overlap *OverlapError
		require.ErrorAs(t, err, &overlap)
		require.Equal(t, all[50].Time, overlap.Time)
	})
	t.Run("an overlap", func(t *testing.T) {
		c := newCatalog(t)
		load(t, c, "a", key(KindTrade), all[:60])
		before := files(t, c.root)
		_, err := tryLoad(c, "b", key(KindTrade), all[50:])
		var overlap *OverlapError
		require.ErrorAs(t, err, &overlap)
		require.Equal(t, key(KindTrade), overlap.Key)
		require.Equal(t, all[50].Time, overlap.Time)
		require.Equal(t, "b", overlap.Source)
		require.Equal(t, "a", overlap.Existing)
		require.ErrorContains(t, err, "remove the older part or import into another catalog")
		require.Equal(t, before, files(t, c.root))
	})
}

func TestBarsOfTwoInputs(t *testing.T) {
	k := key("bar-1m")
	all := minuteBars(testDay, 100)
	t.Run("equal rows are dropped", func(t *testing.T) {
		c := newCatalog(t)
		load(t, c, "a", k, all[:60])
		report := load(t, c, "b", k, all[50:])
		require.Equal(t, CommitReport{Written: 1, Rows: 40, Duplicates: 10}, report)
		require.Equal(t, expect(t, k, 0, all), read(t, c, k))
		before := files(t, c.root)
		require.Equal(t, CommitReport{Skipped: 1, Duplicates: 10}, load(t, c, "b", k, all[50:]))
		require.Equal(t, CommitReport{Skipped: 1}, load(t, c, "a", k, all[:60]))
		require.Equal(t, CommitReport{Skipped: 1, Duplicates: 20}, load(t, c, "c", k, all[30:50]))
		require.Equal(t, before, files(t, c.root))
	})
	t.Run("a gap is filled", func(t *testing.T) {
		c := newCatalog(t)
		gaps := slices.Concat(all[:20], all[30:40], all[45:])
		load(t, c, "a", k, gaps)
		report := load(t, c, "b", k, all[10:60])
		require.Equal(t, CommitReport{Written: 1, Rows: 15, Duplicates: 35}, report)
		require.Equal(t, expect(t, k, 0, all), read(t, c, k))
		some := readAll(t, c, Query{Streams: []Key{k}, From: all[25].Time, To: all[47].Time, BatchRows: 3}, 7)
		require.Equal(t, expect(t, k, 0, all[25:47]), some)
	})
	t.Run("a different row is a conflict", func(t *testing.T) {
		c := newCatalog(t)
		load(t, c, "a", k, all[:60])
		other := slices.Clone(all)
		other[55] = minuteBar(other[55].Time, "41000")
		_, err := tryLoad(c, "b", k, other[50:])
		var overlap *OverlapError
		require.ErrorAs(t, err, &overlap)
		require.Equal(t, all[55].Time, overlap.Time)
	})
}

func TestOrderAndRowErrorsNameTheRow(t *testing.T) {
	c := newCatalog(t)
	tx, err := c.NewTx(input("in"))
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Abort()) }()
	good := trades(testDay, 10)
	require.NoError(t, tx.Write(key(KindTrade), good[:5]))

	var order *OrderError
	require.ErrorAs(t, tx.Write(key(KindTrade), []exchange.Event{good[5], good[4]}), &order)
	require.Equal(t, int64(6), order.Row)

	var row *RowError
	noSide := good[5]
	noSide.Side = exchange.NoSide
	require.ErrorAs(t, tx.Write(key(KindTrade), []exchange.Event{noSide}), &row)
	require.Equal(t, int64(5), row.Row)
	require.ErrorAs(t, tx.Write(key(KindQuote), good), &row)
	require.ErrorAs(t, tx.Write(key("bar-5m"), minuteBars(testDay, 1)), &row)
	huge := exchange.MarkEvent(testDay, testDay, 0, exchange.Mark{Mark: exchange.MaxPrice + 1})
	require.ErrorAs(t, tx.Write(key(KindMark), []exchange.Event{huge}), &row)
	var unknown *KeyError
	require.ErrorAs(t, tx.Write(key("candles"), nil), &unknown)

	// What was refused has left no trace.
	require.NoError(t, tx.Write(key(KindTrade), good[5:]))
	report, err := tx.Commit(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(10), report.Rows)
	require.ErrorIs(t, tx.Write(key(KindTrade), good), ErrClosed)
	_, err = tx.Commit(t.Context())
	require.ErrorIs(t, err, ErrClosed)
}

func TestAbortLeavesNothing(t *testing.T) {
	c := newCatalog(t)
	tx, err := c.NewTx(input("in"))
	require.NoError(t, err)
	require.NoError(t, tx.Write(key(KindTrade), trades(testDay, 5000)))
	require.NoError(t, tx.Abort())
	require.NoError(t, tx.Abort())
	require.Empty(t, files(t, c.root))
}

func TestNothingIsVisibleBeforeCommit(t *testing.T) {
	c := newCatalog(t)
	tx, err := c.NewTx(input("in"))
	require.NoError(t, err)
	require.NoError(t, tx.Write(key(KindTrade), trades(testDay, 5000)))
	infos, err := c.Info(t.Context())
	require.NoError(t, err)
	require.Empty(t, infos)
	for name := range files(t, c.root) {
		require.False(t, strings.HasSuffix(name, partSuffix), "a glob over the catalog finds %s", name)
	}
	_, err = tx.Commit(t.Context())
	require.NoError(t, err)
	infos, err = c.Info(t.Context())
	require.NoError(t, err)
	require.Len(t, infos, 1)
}

// brokenDisk fails the nth operation from now on.
type brokenDisk struct {
	disk.OS
	left int
}

func (d *brokenDisk) fail() error {
	if d.left--; d.left < 0 {
		return &fs.PathError{Op: "write", Path: "disk", Err: syscall.ENOSPC}
	}
	return nil
}

func (d *brokenDisk) Create(path string) (disk.File, error) {
	if err := d.fail(); err != nil {
		return nil, err
	}
	f, err := d.OS.Create(path)
	return &brokenFile{File: f, disk: d}, err
}

func (d *brokenDisk) MkdirAll(path string) error {
	return errors.Join(d.fail(), d.OS.MkdirAll(path))
}
func (d *brokenDisk) SyncDir(path string) error { return errors.Join(d.fail(), d.OS.SyncDir(path)) }

func (d *brokenDisk) Rename(from, to string) error {
	if err := d.fail(); err != nil {
		return err
	}
	return d.OS.Rename(from, to)
}

type brokenFile struct {
	disk.File
	disk *brokenDisk
}

func (f *brokenFile) Write(p []byte) (int, error) {
	if err := f.disk.fail(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f *brokenFile) Sync() error { return errors.Join(f.disk.fail(), f.File.Sync()) }

func TestEveryFailingWriteLeavesNothing(t *testing.T) {
	events := trades(at("2021-07-22T20:00:00Z"), 3000) // four days
	for n := 0; ; n++ {
		c := newCatalog(t)
		c.disk = &brokenDisk{left: n}
		_, err := tryLoad(c, "in", key(KindTrade), events)
		c.disk = disk.OS{}
		if err == nil {
			require.Greater(t, n, 20)
			return
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.Empty(t, files(t, c.root), "after %d operations", n)
		load(t, c, "in", key(KindTrade), events)
		require.Len(t, read(t, c, key(KindTrade)), len(events))
	}
}

func TestImportersAtOnce(t *testing.T) {
	c := newCatalog(t)
	var group sync.WaitGroup
	errs := make(chan error, 100)
	all := minuteBars(testDay, 3000)
	for i := range 8 {
		group.Go(func() {
			for range 5 {
				// Each imports its own day and fights over a common file.
				name := string(rune('a' + i))
				_, err := tryLoad(c, name, key(KindTrade), trades(testDay.Add(time.Duration(i)*day), 200))
				errs <- err
				_, err = tryLoad(c, "common", key("bar-1m"), all)
				errs <- err
			}
		})
	}
	group.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, expect(t, key("bar-1m"), 0, all), read(t, c, key("bar-1m")))
	require.Len(t, read(t, c, key(KindTrade)), 8*200)
	left, err := filepath.Glob(filepath.Join(c.root, stagingPrefix+"*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestOpenNeedsADirectory(t *testing.T) {
	var missing *NotFoundError
	_, err := Open(filepath.Join(t.TempDir(), "none"))
	require.ErrorAs(t, err, &missing)
	require.ErrorIs(t, err, fs.ErrNotExist)
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, nil, 0o644))
	_, err = Open(name)
	require.ErrorAs(t, err, &missing)
	c, err := Create(filepath.Join(t.TempDir(), "a", "b"))
	require.NoError(t, err)
	_, err = c.NewTx(Source{Name: "x", Digest: "xyz"})
	require.ErrorContains(t, err, "sha256")
}

func TestBarKinds(t *testing.T) {
	for kind, interval := range map[string]time.Duration{
		"bar-1m": time.Minute, "bar-5m": 5 * time.Minute, "bar-1h": time.Hour, "bar-1d": day, "bar-90s": 90 * time.Second,
		"bar-250ms": 250 * time.Millisecond, "bar-7d": 7 * day,
	} {
		require.Equal(t, kind, BarKind(interval))
		got, ok := ParseBarKind(kind)
		require.True(t, ok)
		require.Equal(t, interval, got)
	}
	for _, kind := range []string{"", "trade", "bar-", "bar-1", "bar-60m", "bar-0m", "bar-m", "bar--1m", "bar-01m",
		"bar-1x", "bar-999999999d", "bar-0s",
		"bar-9223372036854775807s", "bar-9223372036854775808ns", "bar-18446744073709551617m"} {
		interval, ok := ParseBarKind(kind)
		require.False(t, ok, kind)
		require.Zero(t, interval, kind)
	}
	require.Equal(t, "bar-0s", BarKind(0))
	require.Equal(t, "bar--1m0s", BarKind(-time.Minute))
}

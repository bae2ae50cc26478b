package data

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
)

// openFiles lists the files below a directory that this process has open.
func openFiles(t *testing.T, root string) (list []string) {
	t.Helper()
	const table = "/proc/self/fd"
	entries, err := os.ReadDir(table)
	if err != nil {
		t.Skip("this system has no " + table)
	}
	for _, e := range entries {
		path, err := os.Readlink(filepath.Join(table, e.Name()))
		if err != nil {
			continue // the one that lists them
		}
		if rel, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(rel) {
			list = append(list, rel)
		}
	}
	return list
}

// putPart puts a copy of a part into a partition of a catalog, under another name.
func putPart(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, content, 0o600))
}

// Whatever a catalog is asked for, and whatever fails meanwhile, no file stays open.
func TestFilesAreClosed(t *testing.T) {
	// The garbage collector would close what was forgotten.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	ticks, bars := lots(trades(testDay, 3*24*60)), minuteBars(testDay, 200)
	tickKey, barKey, bookKey := key(KindTrade), key("bar-1m"), key(KindBook)
	set := instruments(t)
	filled := func(t *testing.T) *Catalog {
		t.Helper()
		c := newCatalog(t)
		load(t, c, "ticks", tickKey, ticks)
		load(t, c, "bars", barKey, slices.Concat(bars[:50], bars[100:]))
		load(t, c, "more bars", barKey, bars[50:100])
		load(t, c, "book", bookKey, bookDay(testDay))
		return c
	}
	parts := func(t *testing.T, c *Catalog, k Key) (paths []string) {
		t.Helper()
		for _, name := range names(files(t, c.root)) {
			if filepath.Dir(filepath.Dir(name)) == k.dir() {
				paths = append(paths, filepath.Join(c.root, name))
			}
		}
		return paths
	}
	// spoil makes a file unreadable: its footer, or else its first page.
	spoil := func(t *testing.T, path string, footer bool) {
		t.Helper()
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		content[150] ^= 0xff
		if footer {
			content = content[:len(content)-1]
		}
		require.NoError(t, os.WriteFile(path, content, 0o600))
	}
	feed := func(t *testing.T, c *Catalog, q Query, most int) error {
		t.Helper()
		q.Instruments = set
		f, err := c.Feed(t.Context(), q)
		if err != nil {
			return err
		}
		buf := make([]exchange.Event, 50)
		for range most {
			if _, err = f.Next(t.Context(), buf); err != nil {
				break
			}
		}
		return errors.Join(err, f.Close())
	}
	const all = 1 << 30
	var corrupt *CorruptError
	var overlap *OverlapError
	var wrong *PartsError
	var none *NoDataError
	for name, operate := range map[string]func(t *testing.T, c *Catalog){
		"a feed to its end": func(t *testing.T, c *Catalog) {
			require.ErrorIs(t, feed(t, c, Query{Streams: []Key{tickKey, barKey, bookKey}}, all), io.EOF)
		},
		"a feed that is closed before its end": func(t *testing.T, c *Catalog) {
			require.NoError(t, feed(t, c, Query{Streams: []Key{tickKey, barKey, bookKey}}, 1))
		},
		"a part of the range": func(t *testing.T, c *Catalog) {
			q := Query{
				Streams: []Key{tickKey, barKey, bookKey}, From: testDay.Add(150 * time.Minute), To: testDay.Add(3 * time.Hour),
			}
			require.ErrorIs(t, feed(t, c, q, all), io.EOF)
		},
		"a range without a row": func(t *testing.T, c *Catalog) {
			q := Query{Streams: []Key{barKey, tickKey}, From: testDay.Add(time.Second), To: testDay.Add(2 * time.Second)}
			require.ErrorAs(t, feed(t, c, q, all), &none)
		},
		"a stream that does not exist beside others": func(t *testing.T, c *Catalog) {
			require.ErrorAs(t, feed(t, c, Query{Streams: []Key{tickKey, bookKey, key(KindMark)}}, all), &none)
		},
		"a footer that is damaged": func(t *testing.T, c *Catalog) {
			spoil(t, parts(t, c, tickKey)[0], true)
			require.ErrorAs(t, feed(t, c, Query{Streams: []Key{bookKey, tickKey}}, all), &corrupt)
		},
		"the footer of a later part that is damaged": func(t *testing.T, c *Catalog) {
			spoil(t, parts(t, c, barKey)[1], true)
			require.ErrorAs(t, feed(t, c, Query{Streams: []Key{tickKey, barKey}}, all), &corrupt)
		},
		"a page that is damaged": func(t *testing.T, c *Catalog) {
			spoil(t, parts(t, c, tickKey)[1], false)
			require.ErrorAs(t, feed(t, c, Query{Streams: []Key{tickKey, bookKey}}, all), &corrupt)
		},
		"a page of one of two parts that is damaged": func(t *testing.T, c *Catalog) {
			spoil(t, parts(t, c, barKey)[1], false)
			require.ErrorAs(t, feed(t, c, Query{Streams: []Key{barKey}}, all), &corrupt)
		},
		"the book before the range that is damaged": func(t *testing.T, c *Catalog) {
			spoil(t, parts(t, c, bookKey)[0], false)
			q := Query{Streams: []Key{tickKey, bookKey}, From: testDay.Add(time.Hour)}
			require.ErrorAs(t, feed(t, c, q, all), &corrupt)
		},
		"parts that no import wrote": func(t *testing.T, c *Catalog) {
			first := parts(t, c, barKey)[0]
			putPart(t, first, filepath.Join(filepath.Dir(first), "part-ffffffffffff.parquet"))
			require.ErrorAs(t, feed(t, c, Query{Streams: []Key{tickKey, barKey}}, all), &wrong)
		},
		"a list of the streams": func(t *testing.T, c *Catalog) {
			infos, err := c.Info(t.Context())
			require.NoError(t, err)
			require.Len(t, infos, 3)
		},
		"a list of streams with a damaged one": func(t *testing.T, c *Catalog) {
			spoil(t, parts(t, c, tickKey)[1], true)
			_, err := c.Info(t.Context())
			require.ErrorAs(t, err, &corrupt)
		},
		"a verification": func(t *testing.T, c *Catalog) {
			spoil(t, parts(t, c, tickKey)[0], true)
			spoil(t, parts(t, c, tickKey)[1], false)
			spoil(t, parts(t, c, barKey)[0], false)
			report, err := c.Verify(t.Context(), VerifyOptions{Instruments: set})
			require.NoError(t, err)
			require.Positive(t, report.Problems)
		},
		"a verification that is cancelled": func(t *testing.T, c *Catalog) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := c.Verify(ctx, VerifyOptions{Instruments: set})
			require.ErrorIs(t, err, context.Canceled)
		},
		"a digest of what was not read": func(t *testing.T, c *Catalog) {
			f, err := c.Feed(t.Context(), Query{Instruments: set, Streams: []Key{tickKey}})
			require.NoError(t, err)
			require.NoError(t, f.Close())
			digest, err := f.Digest()
			require.NoError(t, err)
			require.Len(t, digest, 3)
		},
		"a digest of a damaged part": func(t *testing.T, c *Catalog) {
			// So few rows are read ahead that the second day is not opened.
			q := Query{Instruments: set, Streams: []Key{barKey, tickKey}, To: testDay.Add(30 * time.Hour), BatchRows: 10}
			f, err := c.Feed(t.Context(), q)
			require.NoError(t, err)
			spoil(t, parts(t, c, tickKey)[1], true)
			_, err = f.Digest()
			require.ErrorAs(t, err, &corrupt)
			require.NoError(t, f.Close())
		},
		"the same input again": func(t *testing.T, c *Catalog) {
			require.Equal(t, CommitReport{Skipped: 3}, load(t, c, "ticks", tickKey, ticks))
		},
		"the same input with other rows": func(t *testing.T, c *Catalog) {
			_, err := tryLoad(c, "ticks", tickKey, ticks[:2000])
			require.ErrorAs(t, err, &overlap)
		},
		"an input that overlaps": func(t *testing.T, c *Catalog) {
			_, err := tryLoad(c, "other", tickKey, ticks[100:200])
			require.ErrorAs(t, err, &overlap)
		},
		"an input that touches": func(t *testing.T, c *Catalog) {
			load(t, c, "other", tickKey, []exchange.Event{trade(ticks[len(ticks)-1].Time, 5000)})
			_, err := tryLoad(c, "third", tickKey, ticks[len(ticks)-1:])
			require.ErrorAs(t, err, &overlap)
		},
		"bars that others have": func(t *testing.T, c *Catalog) {
			require.Equal(t, int64(60), load(t, c, "other", barKey, bars[45:105]).Duplicates)
			_, err := tryLoad(c, "third", barKey, []exchange.Event{minuteBar(bars[60].Time, "41000")})
			require.ErrorAs(t, err, &overlap)
		},
		"an import beside a damaged part": func(t *testing.T, c *Catalog) {
			spoil(t, parts(t, c, barKey)[1], true)
			_, err := tryLoad(c, "other", barKey, bars[:50])
			require.ErrorAs(t, err, &corrupt)
		},
		"an import of bars that a damaged page may have": func(t *testing.T, c *Catalog) {
			spoil(t, parts(t, c, barKey)[0], false)
			spoil(t, parts(t, c, barKey)[1], false)
			_, err := tryLoad(c, "other", barKey, bars[:200])
			require.ErrorAs(t, err, &corrupt)
		},
		"an import that is given up": func(t *testing.T, c *Catalog) {
			tx, err := c.NewTx(input("other"))
			require.NoError(t, err)
			require.NoError(t, tx.Write(key(KindQuote), sound(KindQuote, 5)))
			require.NoError(t, tx.Write(key(KindMark), sound(KindMark, 5)))
			require.NoError(t, tx.Abort())
		},
		"an import that is cancelled": func(t *testing.T, c *Catalog) {
			tx, err := c.NewTx(input("other"))
			require.NoError(t, err)
			require.NoError(t, tx.Write(key(KindQuote), sound(KindQuote, 5)))
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = tx.Commit(ctx)
			require.ErrorIs(t, err, context.Canceled)
		},
		"imports onto a disk that fails": func(t *testing.T, c *Catalog) {
			for n := range 40 {
				c.disk = &brokenDisk{left: n}
				if _, err := tryLoad(c, "other", barKey, bars[:150]); err == nil { // some of it is written again
					require.Positive(t, n)
					break
				}
				require.Empty(t, openFiles(t, c.root), "after %d operations", n)
			}
			c.disk = disk.OS{}
			require.Equal(t, expect(t, barKey, 0, bars), read(t, c, barKey))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := filled(t)
			operate(t, c)
			require.Empty(t, openFiles(t, c.root))
			entries, err := filepath.Glob(filepath.Join(c.root, stagingPrefix+"*"))
			require.NoError(t, err)
			require.Empty(t, entries)
		})
	}
}

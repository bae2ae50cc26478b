package data

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

func tempRoot(t *rapid.T) *Catalog {
	dir, err := os.MkdirTemp("", "catalog")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c, err := Open(dir)
	require.NoError(t, err)
	return c
}

func TestRoundTripOfEveryKind(t *testing.T) {
	for _, kind := range allKinds {
		t.Run(kind, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				c := tempRoot(r)
				events := drawEvents(r, kind, 60)
				k := key(kind)
				tx, err := c.NewTx(input("a"))
				require.NoError(r, err)
				for rest := events; len(rest) > 0; {
					n := rapid.IntRange(1, len(rest)).Draw(r, "batch")
					require.NoError(r, tx.Write(k, rest[:n]))
					rest = rest[n:]
				}
				report, err := tx.Commit(t.Context())
				require.NoError(r, err)
				require.Equal(r, int64(len(events)), report.Rows)

				length := rapid.IntRange(1, 70).Draw(r, "length")
				rows := rapid.IntRange(1, 70).Draw(r, "rows")
				got := readAll(t, c, Query{Streams: []Key{k}, From: minTime, BatchRows: rows}, length)
				require.Equal(r, expect(t, k, 0, events), got)
			})
		})
	}
}

func TestMergeIsTheTotalOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := tempRoot(r)
		var keys []Key
		var want []exchange.Event
		// More streams than the linear merge takes, when the draw says so.
		for i := range rapid.IntRange(1, 14).Draw(r, "streams") {
			k := key(rapid.SampledFrom(allKinds).Draw(r, "kind"))
			k.Symbol = []string{"XBTUSD", "ETHUSD", "XBTUSDT"}[i%3]
			if slices.Contains(keys, k) {
				continue
			}
			events := drawEvents(r, k.Kind, 30)
			load(t, c, "input", k, events)
			want = append(want, expect(t, k, len(keys), events)...)
			keys = append(keys, k)
		}
		slices.SortStableFunc(want, func(a, b exchange.Event) int {
			if a.Time != b.Time {
				return compareTimes(a.Time, b.Time)
			}
			if a.Kind != b.Kind {
				return int(a.Kind) - int(b.Kind)
			}
			return int(a.Stream) - int(b.Stream)
		})
		got := readAll(t, c, Query{Streams: keys, From: minTime, BatchRows: rapid.IntRange(1, 9).Draw(r, "rows")},
			rapid.IntRange(1, 40).Draw(r, "length"))
		require.Equal(r, want, got)
	})
}

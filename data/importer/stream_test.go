package importer

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// shuffled returns rows of which each is at most reach places from where its
// time belongs, with many equal times.
func shuffled(rows, reach int) string {
	rng := rand.New(rand.NewPCG(1, uint64(reach)))
	type row struct{ key, at, id int }
	list := make([]row, rows)
	for i := range list {
		list[i] = row{key: i + rng.IntN(reach+1), at: i / 3, id: i}
	}
	slices.SortStableFunc(list, func(a, b row) int { return cmp.Compare(a.key, b.key) })
	var b strings.Builder
	b.WriteString("timestamp,symbol,side,size,price\n")
	for _, r := range list {
		fmt.Fprintf(&b, "2019-04-19D%02d:%02d:%02d.0,XBTUSD,Buy,%d,1\n", r.at/3600, r.at/60%60, r.at%60, r.id+1)
	}
	return b.String()
}

// TestSorting compares with a stable sort of all rows: neither the window nor
// the second attempt shows in the result.
func TestSorting(t *testing.T) {
	for _, reach := range []int{0, 1, 100, 1500, 20_000, 100_000} {
		t.Run(fmt.Sprint(reach), func(t *testing.T) {
			content := shuffled(60_000, reach)
			m, report, err := read(t, "trades.csv", content, Options{})
			require.NoError(t, err)
			require.Equal(t, reach > 4096, report.Sorted)
			require.EqualValues(t, 60_000, report.Rows)
			require.EqualValues(t, 60_000, report.Imported)
			require.Equal(t, reference(content), m.streams[data.Key{Venue: "bitmex", Kind: "trade", Symbol: "XBTUSD"}])
		})
	}
}

// reference reads the rows of shuffled in the obvious way.
func reference(content string) []exchange.Event {
	var out []exchange.Event
	for _, l := range strings.Split(strings.TrimSpace(content), "\n")[1:] {
		cells := strings.Split(l, ",")
		at, err := exchange.ParseTime(strings.Replace(cells[0], "D", "T", 1) + "Z")
		if err != nil {
			panic(err)
		}
		qty, err := exchange.ParseQty(cells[3])
		if err != nil {
			panic(err)
		}
		out = append(out, exchange.TradeEvent(at, at, 0, exchange.Trade{Side: exchange.Buy, Price: exchange.PriceUnit, Qty: qty}))
	}
	slices.SortStableFunc(out, func(a, b exchange.Event) int { return cmp.Compare(a.Time, b.Time) })
	return out
}

// TestReversedBars is a file as the API gives it with reverse=true.
func TestReversedBars(t *testing.T) {
	s := samples()[0]
	lines := strings.SplitAfter(strings.TrimSpace(string(s.generate(30_000)))+"\n", "\n")
	forward, _, err := read(t, "bars.csv", strings.Join(lines, ""), Options{})
	require.NoError(t, err)
	slices.Reverse(lines[1:30_001])
	backward, report, err := read(t, "bars.csv", strings.Join(lines, ""), Options{})
	require.NoError(t, err)
	require.True(t, report.Sorted)
	require.Equal(t, forward.streams, backward.streams)
	require.EqualValues(t, 30_000, report.Imported)
	require.Equal(t, 2, backward.begun)
	require.Equal(t, 1, backward.aborted)
}

// TestOverlappingPages repeats stretches of bars across windows.
func TestOverlappingPages(t *testing.T) {
	s := samples()[0]
	content := string(s.generate(9000))
	once, _, err := read(t, "bars.csv", content, Options{})
	require.NoError(t, err)
	twice, report, err := read(t, "bars.csv", content+strings.TrimPrefix(content, s.header), Options{})
	require.NoError(t, err)
	require.Equal(t, once.streams, twice.streams)
	require.EqualValues(t, 9000, report.skipped(string(errSkipDuplicate)))
	require.EqualValues(t, 18_000, report.Rows)
	require.EqualValues(t, 9000, report.Imported)
}

// TestBookAcrossWindows checks that the flag of a message's last row survives
// the boundaries between batches.
func TestBookAcrossWindows(t *testing.T) {
	var b strings.Builder
	b.WriteString("exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n")
	const messages, levels = 5000, 7
	for i := range messages {
		for l := range levels {
			fmt.Fprintf(&b, "bitmex,XBTUSD,%d,%d,%t,bid,%d,1\n", 1584000000000000+i, 1584000000000000+i, i == 0, l+1)
		}
	}
	m, report, err := read(t, "book.csv", b.String(), Options{})
	require.NoError(t, err)
	require.EqualValues(t, messages*levels, report.Imported)
	events := m.streams[data.Key{Venue: "bitmex", Kind: "book", Symbol: "XBTUSD"}]
	require.Len(t, events, messages*levels)
	for i, e := range events {
		require.Equal(t, i%levels == levels-1, e.Flags&exchange.FlagLast != 0, "row %d", i)
		require.Equal(t, i == 0, e.Flags&exchange.FlagClear != 0, "row %d", i)
		require.Equal(t, i < levels, e.Flags&exchange.FlagSnapshot != 0, "row %d", i)
	}
}

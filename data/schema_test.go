package data

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The golden file is what docs/formats/catalog.md describes. A change to it
// means that catalogs on people's disks may not be readable any more.
func TestSchemaIsGolden(t *testing.T) {
	var out bytes.Buffer
	for _, kind := range []string{KindTrade, KindQuote, KindBook, KindOrder, KindMark, KindFunding, KindLiquidation, "bar-1m"} {
		c := newCatalog(t)
		load(t, c, "in", key(kind), oneOf(kind))
		name := names(files(t, c.root))[0]
		p, err := openPart(filepath.Join(c.root, name), name, layoutOf(kind))
		require.NoError(t, err)
		fmt.Fprintf(&out, "%s\n", name[:strings.LastIndex(name, "/")])
		require.NoError(t, parquet.PrintSchemaIndent(&out, kind, p.pq.Root(), "\t", "\n"))
		fmt.Fprintln(&out)
		for _, col := range p.pq.Metadata().RowGroups[0].Columns {
			m := col.MetaData
			fmt.Fprintf(&out, "\t%s: %s %v %s\n", m.PathInSchema[0], m.Type, m.Encoding, m.Codec)
		}
		for _, kv := range p.pq.Metadata().KeyValueMetadata {
			fmt.Fprintf(&out, "\t%s = %s\n", kv.Key, kv.Value)
		}
		fmt.Fprintln(&out)
		require.NoError(t, p.close())
	}
	golden := filepath.Join("testdata", "schema.golden")
	if *update {
		require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String())
}

func oneOf(kind string) []exchange.Event {
	t := testDay
	switch kind {
	case KindTrade:
		return trades(t, 1)
	case KindLiquidation:
		return []exchange.Event{exchange.LiquidationEvent(t, t, 0, exchange.Trade{Side: exchange.Sell, Price: 1, Qty: 1})}
	case KindQuote:
		return []exchange.Event{exchange.QuoteEvent(t, t, 0, exchange.Quote{})}
	case KindBook:
		return []exchange.Event{exchange.LevelEvent(t, t, 0, exchange.Buy, exchange.Level{Price: 1}, exchange.FlagLast)}
	case KindOrder:
		return []exchange.Event{exchange.BookOrderEvent(t, t, 0, exchange.Buy, exchange.BookOrder{ID: 7, Price: 1}, exchange.FlagLast)}
	case KindMark:
		return []exchange.Event{exchange.MarkEvent(t, t, 0, exchange.Mark{})}
	case KindFunding:
		return []exchange.Event{exchange.FundingEvent(t, t, 0, exchange.Funding{})}
	}
	return minuteBars(t, 1)
}

const duckQuery = `
import duckdb, sys
root = sys.argv[1]
con = duckdb.connect()
con.sql("set timezone='UTC'")
con.sql(f"create view c as select * from read_parquet('{root}/**/*.parquet', hive_partitioning=true, union_by_name=true)")
for row in con.sql("""
  select venue, kind, symbol, count(*), count(distinct date), typeof(any_value(date)), sum(qty), sum(price)::varchar,
         min(price)::varchar, max(price)::varchar, count(*) filter (where buy), epoch_ns(min(time)), epoch_ns(max(time)),
         sum(volume), sum(close)::varchar, sum(bid_price)::varchar, sum(ask_qty)
  from c group by all order by kind""").fetchall():
    print("|".join(str(v) for v in row))
print(con.sql(f"select typeof(price), typeof(qty), typeof(buy) from read_parquet('{root}/venue=*/kind=trade/**/*.parquet', hive_partitioning=true) limit 1").fetchall()[0])
`

func TestDuckDBReadsTheCatalog(t *testing.T) {
	python := os.Getenv("DUNAMIS_PYTHON")
	if python == "" {
		t.Skip("set DUNAMIS_PYTHON to a python that can import duckdb")
	}
	c := newCatalog(t)
	h := newHistory()
	ticks, quotes := h.trades(20_000, 20*time.Second), newHistory().quotes(1000, time.Second)
	bars := newHistory().bars(20_000, time.Minute) // their sum fits an int64
	load(t, c, "t", key(KindTrade), ticks)
	load(t, c, "q", key(KindQuote), quotes)
	load(t, c, "b", key("bar-1m"), bars)

	var want bytes.Buffer
	line := func(kind string, rows int, dates int, rest string) {
		fmt.Fprintf(&want, "bitmex|%s|XBTUSD|%d|%d|DATE|%s\n", kind, rows, dates, rest)
	}
	span := func(e []exchange.Event) string { return fmt.Sprintf("%d|%d", e[0].Time, e[len(e)-1].Time) }
	months, days := make(map[string]bool), make(map[string]bool)
	var volume exchange.Qty
	var closes, bids exchange.Price
	for i := range bars {
		b := bars[i].Bar()
		volume += b.Volume
		closes += b.Close
		months[b.Start.String()[:7]] = true
	}
	line("bar-1m", len(bars), len(months), fmt.Sprintf("None|None|None|None|0|%s|%d|%s|None|None",
		span(bars), volume, fixed(closes)))
	var askQty exchange.Qty
	for i := range quotes {
		bids += quotes[i].Quote().BidPrice
		askQty += quotes[i].Quote().AskQty
	}
	line("quote", len(quotes), 1, fmt.Sprintf("None|None|None|None|0|%s|None|None|%s|%d", span(quotes), fixed(bids), askQty))
	var qty exchange.Qty
	var sum exchange.Price
	lo, hi, buys := ticks[0].Trade().Price, ticks[0].Trade().Price, 0
	for i := range ticks {
		tr := ticks[i].Trade()
		qty += tr.Qty
		sum += tr.Price
		lo, hi = min(lo, tr.Price), max(hi, tr.Price)
		days[ticks[i].Time.String()[:10]] = true
		if tr.Side == exchange.Buy {
			buys++
		}
	}
	line("trade", len(ticks), len(days), fmt.Sprintf("%d|%s|%s|%s|%d|%s|None|None|None|None",
		qty, fixed(sum), fixed(lo), fixed(hi), buys, span(ticks)))
	fmt.Fprintln(&want, "('DECIMAL(18,10)', 'BIGINT', 'BOOLEAN')")

	out, err := exec.CommandContext(t.Context(), python, "-c", duckQuery, c.root).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, want.String(), string(out))
}

// fixed prints a price with all of its ten digits, as SQL does.
func fixed(p exchange.Price) string { return p.Decimal().StringFixed(10) }

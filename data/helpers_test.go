package data

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// A day in the middle of an hour, month and year, so that nothing is aligned by
// accident.
var testDay = at("2021-07-22")

func at(s string) exchange.Time {
	t, err := exchange.ParseTime(s)
	if err != nil {
		panic(err)
	}
	return t
}

func price(s string) exchange.Price { return exchange.MustPrice(s) }

func key(kind string) Key { return Key{Venue: "bitmex", Kind: kind, Symbol: "XBTUSD"} }

func input(name string) Source {
	sum := sha256.Sum256([]byte(name))
	return Source{Name: name, Digest: hex.EncodeToString(sum[:]), Importer: "test/1"}
}

func instruments(t testing.TB) *exchange.Instruments {
	t.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	return set
}

func newCatalog(t testing.TB) *Catalog {
	t.Helper()
	c, err := Create(t.TempDir())
	require.NoError(t, err)
	return c
}

// load imports events of one stream as one input.
func load(t testing.TB, c *Catalog, name string, k Key, events []exchange.Event) CommitReport {
	t.Helper()
	report, err := tryLoad(c, name, k, events)
	require.NoError(t, err)
	return report
}

func tryLoad(c *Catalog, name string, k Key, events []exchange.Event) (CommitReport, error) {
	tx, err := c.NewTx(input(name))
	if err != nil {
		return CommitReport{}, err
	}
	if err := tx.Write(k, events); err != nil {
		return CommitReport{}, errors.Join(err, tx.Abort())
	}
	return tx.Commit(context.Background())
}

// readAll reads a query with slices of one length, whatever its values are.
func readAll(t testing.TB, c *Catalog, q Query, length int) []exchange.Event {
	t.Helper()
	if q.Instruments == nil {
		q.Instruments = instruments(t)
	}
	q.Unbounded = true
	f, err := c.Feed(context.Background(), q)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	var out []exchange.Event
	buf := make([]exchange.Event, length)
	for {
		n, err := f.Next(context.Background(), buf)
		out = append(out, buf[:n]...)
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
	}
}

func read(t testing.TB, c *Catalog, keys ...Key) []exchange.Event {
	t.Helper()
	return readAll(t, c, Query{Streams: keys}, 1000)
}

// expect returns events as a feed gives them: with symbol and stream.
func expect(t testing.TB, k Key, stream int, events []exchange.Event) []exchange.Event {
	t.Helper()
	instrument, err := instruments(t).Lookup(k.Venue, k.Symbol)
	require.NoError(t, err)
	out := make([]exchange.Event, len(events))
	for i, e := range events {
		e.Symbol, e.Stream = instrument.ID, uint16(stream)
		out[i] = e
	}
	return out
}

var allKinds = []string{
	KindTrade, KindQuote, KindBook, KindOrder, KindMark, KindFunding, KindLiquidation, "bar-1m", "bar-1d",
}

// drawEvent makes an event of a kind that a catalog can hold.
func drawEvent(t *rapid.T, kind string, at exchange.Time) exchange.Event {
	num := rapid.Int64Range(-int64(exchange.MaxPrice), int64(exchange.MaxPrice))
	p := func(name string) exchange.Price { return exchange.Price(num.Draw(t, name)) }
	q := func(name string) exchange.Qty { return exchange.Qty(rapid.Int64().Draw(t, name)) }
	arrival := exchange.Time(rapid.Int64().Draw(t, "arrival"))
	side := rapid.SampledFrom([]exchange.Side{exchange.Buy, exchange.Sell}).Draw(t, "side")
	switch kind {
	case KindTrade:
		return exchange.TradeEvent(at, arrival, 0, exchange.Trade{Side: side, Price: p("price"), Qty: q("qty")})
	case KindLiquidation:
		return exchange.LiquidationEvent(at, arrival, 0, exchange.Trade{Side: side, Price: p("price"), Qty: q("qty")})
	case KindQuote:
		return exchange.QuoteEvent(at, arrival, 0,
			exchange.Quote{BidPrice: p("bid"), BidQty: q("bidQty"), AskPrice: p("ask"), AskQty: q("askQty")})
	case KindBook:
		return exchange.LevelEvent(at, arrival, 0, side, exchange.Level{Price: p("price"), Qty: q("qty")},
			exchange.Flags(rapid.Uint8().Draw(t, "flags")))
	case KindOrder:
		return exchange.BookOrderEvent(at, arrival, 0, side, exchange.BookOrder{ID: rapid.Uint64().Draw(t, "id"), Price: p("price"), Qty: q("qty")},
			exchange.Flags(rapid.Uint8().Draw(t, "flags")))
	case KindMark:
		return exchange.MarkEvent(at, arrival, 0, exchange.Mark{Mark: p("mark"), Index: p("index")})
	case KindFunding:
		return exchange.FundingEvent(at, arrival, 0, exchange.Funding{Rate: exchange.Ratio(p("rate")), Due: arrival + 1})
	}
	interval, ok := ParseBarKind(kind)
	if !ok {
		panic(kind)
	}
	return exchange.BarEvent(exchange.Bar{
		Start: at, End: at.Add(interval), Open: p("open"), High: p("high"), Low: p("low"), Close: p("close"),
		Volume: q("volume"), Turnover: exchange.Money(q("turnover")), Trades: int64(q("trades")),
		Quiet: rapid.Bool().Draw(t, "quiet"),
	})
}

// drawEvents makes a stream of ascending time.
func drawEvents(t *rapid.T, kind string, most int) []exchange.Event {
	now := testDay + exchange.Time(rapid.Int64Range(0, int64(day)).Draw(t, "start"))
	step := rapid.SampledFrom([]time.Duration{0, 1, time.Millisecond, time.Minute, time.Hour, 20 * day})
	n := rapid.IntRange(1, most).Draw(t, "n")
	events := make([]exchange.Event, 0, n)
	for range n {
		events = append(events, drawEvent(t, kind, now))
		now = now.Add(step.Draw(t, "step"))
	}
	return events
}

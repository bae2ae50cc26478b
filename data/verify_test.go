package data

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

func verify(t *testing.T, k Key, events []exchange.Event) StreamReport {
	t.Helper()
	c := newCatalog(t)
	load(t, c, "in", k, events)
	report, err := c.Verify(t.Context(), VerifyOptions{Instruments: instruments(t)})
	require.NoError(t, err)
	require.Len(t, report.Streams, 1)
	s := report.Streams[0]
	require.Equal(t, report.Problems, s.Problems)
	require.Equal(t, int64(len(events)), s.Rows)
	_, err = json.Marshal(report)
	require.NoError(t, err)
	return s
}

func lots(events []exchange.Event) []exchange.Event {
	for i, e := range events {
		events[i] = trade(e.Time, 100)
	}
	return events
}

func TestVerifyPassesGoodData(t *testing.T) {
	require.Empty(t, verify(t, key(KindTrade), lots(trades(testDay, 100))).Checks)
	require.Empty(t, verify(t, key("bar-1m"), minuteBars(testDay, 100)).Checks)
}

func TestVerifyFindsGaps(t *testing.T) {
	bars := minuteBars(testDay, 100)
	s := verify(t, key("bar-1m"), append(bars[:40:40], bars[43:]...))
	gap := s.Check(CheckGap)
	require.Equal(t, int64(3), gap.Count)
	require.Equal(t, int64(3), s.Problems)
	require.Equal(t, int64(40), gap.Examples[0].Row)
	require.Equal(t, bars[43].Time, gap.Examples[0].Time)

	ticks := lots(trades(testDay, 200))
	s = verify(t, key(KindTrade), append(ticks[:40:40], ticks[101:]...))
	require.Equal(t, int64(1), s.Check(CheckGap).Count)
	require.Contains(t, s.Check(CheckGap).Examples[0].Value, "1h2m0s")
}

func TestVerifyFindsDuplicates(t *testing.T) {
	bars := minuteBars(testDay, 10)
	s := verify(t, key("bar-1m"), append(bars, bars[9]))
	require.Equal(t, int64(1), s.Check(CheckDuplicate).Count)
	require.Equal(t, int64(1), s.Problems)

	ticks := lots(trades(testDay, 10))
	s = verify(t, key(KindTrade), append(ticks, ticks[9]))
	require.Equal(t, int64(1), s.Check(CheckRepeated).Count)
	require.Zero(t, s.Problems, "two equal fills of one order happen")

	mark := func(p string) exchange.Event {
		return exchange.MarkEvent(testDay, testDay, 0, exchange.Mark{Mark: price(p)})
	}
	s = verify(t, key(KindMark), []exchange.Event{mark("40000"), mark("40001"), mark("40000")})
	require.Zero(t, s.Problems, "it may move twice in a millisecond")
	s = verify(t, key(KindMark), []exchange.Event{mark("40000"), mark("40000")})
	require.Equal(t, int64(1), s.Check(CheckDuplicate).Count)
}

func TestVerifyFindsCrossedBooks(t *testing.T) {
	quote := func(at exchange.Time, bid, ask string) exchange.Event {
		return exchange.QuoteEvent(at, at, 0, exchange.Quote{BidPrice: price(bid), BidQty: 100, AskPrice: price(ask), AskQty: 100})
	}
	s := verify(t, key(KindQuote), []exchange.Event{
		quote(testDay, "40000", "40000.5"), quote(testDay+1, "40000", "40000"), quote(testDay+2, "0", "40000"),
		quote(testDay+3, "40001", "40000"), quote(testDay+4, "40000", "0"), quote(testDay+5, "0", "0"),
	})
	require.Equal(t, int64(2), s.Check(CheckCrossed).Count)

	level := func(at exchange.Time, side exchange.Side, p string, qty exchange.Qty, f exchange.Flags) exchange.Event {
		return exchange.LevelEvent(at, at, 0, side, exchange.Level{Price: price(p), Qty: qty}, f)
	}
	s = verify(t, key(KindBook), []exchange.Event{
		level(testDay, exchange.Buy, "40000", 100, exchange.FlagClear|exchange.FlagSnapshot),
		level(testDay, exchange.Sell, "40001", 100, exchange.FlagLast|exchange.FlagSnapshot),
		level(testDay+1, exchange.Buy, "40001", 100, 0), // crossed in the middle of a message
		level(testDay+1, exchange.Sell, "40001", 0, exchange.FlagLast),
		level(testDay+2, exchange.Sell, "39999", 100, exchange.FlagLast),
	})
	require.Equal(t, int64(1), s.Check(CheckCrossed).Count)
	require.Equal(t, Example{
		Time: testDay + 2, Part: key(KindBook).dir() + "/date=2021-07-22/" + input("in").partName(), Row: 4,
		Value: "bid 40001, ask 39999",
	}, s.Check(CheckCrossed).Examples[0])
}

func TestVerifyFindsClockSkew(t *testing.T) {
	ticks := lots(trades(testDay, 11))
	for i := range ticks {
		ticks[i].Arrival = ticks[i].Time - exchange.Time(i)*exchange.Time(time.Millisecond)
	}
	s := verify(t, key(KindTrade), ticks)
	c := s.Check(CheckClockSkew)
	require.Equal(t, int64(10), c.Count)
	require.Len(t, c.Examples, 5)
	require.Contains(t, c.Detail, "at worst -10ms, in the median -5.")
}

func TestVerifyChecksTermsOfTheDay(t *testing.T) {
	tick := trade(testDay, 100)
	off := exchange.TradeEvent(testDay+1, testDay+1, 0, exchange.Trade{Side: exchange.Buy, Price: price("40000.1"), Qty: 100})
	lot := trade(testDay+2, 150)
	s := verify(t, key(KindTrade), []exchange.Event{tick, off, lot})
	require.Equal(t, int64(1), s.Check(CheckOffTick).Count)
	require.Equal(t, int64(1), s.Check(CheckOffLot).Count)
	require.Equal(t, "150 in lots of 100", s.Check(CheckOffLot).Examples[0].Value)

	unknown := verify(t, Key{Venue: "bitmex", Kind: KindTrade, Symbol: "NONE"}, []exchange.Event{tick, off})
	require.Equal(t, int64(1), unknown.Check(CheckUnknownSymbol).Count)
	require.Equal(t, int64(1), unknown.Problems)
	text, err := json.Marshal(unknown)
	require.NoError(t, err)
	require.NotContains(t, string(text), "1970", "what is wrong with a stream has no time")
	text, err = json.Marshal(s)
	require.NoError(t, err)
	require.Contains(t, string(text), `"time":"2021-07-22`, "what is wrong with an event has")
}

func TestVerifyTellsProblemsOfBarsFromFacts(t *testing.T) {
	bar := func(n int, o, h, l, c string, quiet bool) exchange.Event {
		start := testDay.Add(time.Duration(n) * time.Minute)
		return exchange.BarEvent(exchange.Bar{Start: start, End: start.Add(time.Minute), Open: price(o), High: price(h),
			Low: price(l), Close: price(c), Quiet: quiet})
	}
	s := verify(t, key("bar-1m"), []exchange.Event{
		bar(0, "100", "110", "90", "105", false),
		bar(1, "120", "110", "90", "105", false), // the open is the close before
		bar(2, "105", "105", "105", "105", true),
		bar(3, "105", "110", "90", "111", false),
		bar(4, "105", "90", "110", "100", false),
	})
	require.Equal(t, int64(2), s.Check(CheckBarRange).Count)
	require.Equal(t, int64(2), s.Check(CheckOpenOutside).Count)
	require.Equal(t, int64(1), s.Check(CheckQuiet).Count)
	require.Equal(t, int64(2), s.Problems)
}

func TestSkewBuckets(t *testing.T) {
	for v := uint64(0); v < 1<<62; v += v/8 + 1 {
		low := bucketValue(bucketOf(v))
		require.LessOrEqual(t, low, v)
		require.LessOrEqual(t, v-low, v/16)
	}
}

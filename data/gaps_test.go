package data

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// gapsOf reads streams to their end in batches of some rows and returns their holes.
func gapsOf(t testing.TB, c *Catalog, rows int, keys ...Key) []Gaps {
	t.Helper()
	f, err := c.Feed(context.Background(), Query{Instruments: instruments(t), Streams: keys, BatchRows: rows})
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	buf := make([]exchange.Event, 7)
	for {
		if _, err := f.Next(context.Background(), buf); errors.Is(err, io.EOF) {
			return f.Gaps()
		}
		require.NoError(t, err)
	}
}

func TestFeedCountsHoles(t *testing.T) {
	bars, ticks := minuteBars(testDay, 100), lots(trades(testDay, 400))
	c := newCatalog(t)
	load(t, c, "bars", key("bar-1m"), append(append(bars[:40:40], bars[43:50]...), bars[60:]...))
	load(t, c, "ticks", key(KindTrade), append(ticks[:40:40], ticks[150:]...))
	var liquidations []exchange.Event
	for _, i := range []int{0, 399} {
		e := ticks[i]
		e.Kind = exchange.KindLiquidation
		liquidations = append(liquidations, e)
	}
	load(t, c, "liquidations", key(KindLiquidation), liquidations)
	gaps := gapsOf(t, c, 0, key("bar-1m"), key(KindTrade), key(KindLiquidation))
	require.Equal(t, []Gaps{
		{Key: key("bar-1m"), Holes: 2, Missing: 13, Longest: 11 * time.Minute, After: bars[49].Time, Most: time.Minute,
			Last: bars[99].Time},
		{Key: key(KindTrade), Holes: 1, Missing: 1, Longest: ticks[150].Time.Sub(ticks[39].Time), After: ticks[39].Time,
			Most: DefaultMaxGap, Last: ticks[399].Time},
		{Key: key(KindLiquidation), Last: ticks[399].Time},
	}, gaps)
}

// What a feed counts is what Verify counts, whatever the size of the batches.
func TestFeedAndVerifyCountTheSameHoles(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		kind := rapid.SampledFrom([]string{"bar-1m", KindTrade, KindFunding, KindMark}).Draw(r, "kind")
		unit := time.Minute
		switch kind {
		case KindFunding:
			unit = 4 * time.Hour
		case KindMark:
			unit = 20 * time.Minute
		}
		var events []exchange.Event
		now := testDay
		for range rapid.IntRange(1, 30).Draw(r, "events") {
			now = now.Add(time.Duration(rapid.IntRange(1, 5).Draw(r, "step")) * unit)
			switch kind {
			case "bar-1m":
				events = append(events, minuteBars(now, 1)...)
			case KindTrade:
				now = now.Add(40 * time.Minute)
				events = append(events,
					exchange.TradeEvent(now, now, 0, exchange.Trade{Side: exchange.Buy, Price: price("100"), Qty: 100}))
			case KindFunding:
				events = append(events, exchange.FundingEvent(now, now, 0, exchange.Funding{Rate: 1, Due: now}))
			case KindMark:
				events = append(events, exchange.MarkEvent(now, now, 0, exchange.Mark{Mark: price("100")}))
			}
		}
		c := newCatalog(t)
		load(t, c, "events", key(kind), events)
		v, err := c.Verify(context.Background(), VerifyOptions{Instruments: instruments(t)})
		require.NoError(r, err)
		gap := v.Streams[0].Check(CheckGap)
		got := gapsOf(t, c, rapid.IntRange(1, 8).Draw(r, "batch"), key(kind))[0]
		require.Equal(r, gap.Count, got.Missing)
		require.Equal(r, events[len(events)-1].Time, got.Last)
		require.Equal(r, got.Holes > 0, got.Longest > 0)
	})
}

package synth

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/racetest"
)

// changing is a market whose terms change at times after its beginning.
func changing(t testing.TB, length time.Duration, kinds []string, changes map[time.Duration]exchange.Terms) Config {
	t.Helper()
	c := config(t, length, kinds...)
	i := *c.Instrument
	first := *i.At(c.From)
	first.From = 0
	i.Terms = []exchange.Terms{first}
	for _, at := range slices.Sorted(maps.Keys(changes)) {
		x, terms := changes[at], first
		terms.From = c.From.Add(at)
		terms.TickSize, terms.LotSize = x.TickSize, x.LotSize
		i.Terms = append(i.Terms, terms)
	}
	c.Instrument = &i
	return c
}

func terms(tick string, lot exchange.Qty) exchange.Terms {
	return exchange.Terms{TickSize: exchange.MustPrice(tick), LotSize: lot}
}

// requireOnGrid checks a row against the terms at a time.
func requireOnGrid(t require.TestingT, i *exchange.Instrument, at exchange.Time, e *exchange.Event) {
	x := i.At(at)
	var prices []exchange.Price
	var lots []exchange.Qty
	switch e.Kind {
	case exchange.KindTrade:
		prices, lots = []exchange.Price{e.Trade().Price}, []exchange.Qty{e.Trade().Qty}
	case exchange.KindBook:
		prices, lots = []exchange.Price{e.Level().Price}, []exchange.Qty{e.Level().Qty}
	case exchange.KindQuote:
		q := e.Quote()
		prices, lots = []exchange.Price{q.BidPrice, q.AskPrice}, []exchange.Qty{q.BidQty, q.AskQty}
	case exchange.KindBar:
		b := e.Bar()
		prices, lots = []exchange.Price{b.Open, b.High, b.Low, b.Close}, []exchange.Qty{b.Volume}
	}
	for _, p := range prices {
		require.True(t, p > 0 && p.OnTick(x.TickSize), "%s: %s on a tick of %s", e, p, x.TickSize)
	}
	for _, q := range lots {
		require.Zero(t, q%x.LotSize, "%s: %d in lots of %d", e, q, x.LotSize)
	}
}

// Every row is on the tick and in the lots of its time, whatever changes, and a bar
// on those of its beginning and of its end.
func TestTermsChange(t *testing.T) {
	racetest.Skip(t)
	ticks := []string{data.KindTrade, data.KindQuote, data.KindBook}
	for name, c := range map[string]Config{
		"a finer tick": changing(t, time.Hour, ticks,
			map[time.Duration]exchange.Terms{20 * time.Minute: terms("0.1", 100)}),
		"a coarser tick": changing(t, time.Hour, ticks,
			map[time.Duration]exchange.Terms{20 * time.Minute: terms("5", 100)}),
		"neither divides": changing(t, time.Hour, ticks,
			map[time.Duration]exchange.Terms{20 * time.Minute: terms("0.3", 7)}),
		"a larger lot": changing(t, time.Hour, ticks,
			map[time.Duration]exchange.Terms{20 * time.Minute: terms("0.5", 1000)}),
		"several": changing(t, time.Hour, ticks, map[time.Duration]exchange.Terms{time.Second: terms("1",
			1), 2 * time.Second: terms("0.1", 10), 30 * time.Minute: terms("2", 3)}),
		"bars": changing(t, 6*time.Hour, []string{"bar-1m", "bar-1h"},
			map[time.Duration]exchange.Terms{90 * time.Minute: terms("0.3", 7), 200 * time.Minute: terms("10", 1)}),
		"bars, within a minute": changing(t, 6*time.Hour, []string{"bar-1m"},
			map[time.Duration]exchange.Terms{90*time.Minute + 20*time.Second: terms("3", 7)}),
		"bars of trades": changing(t, 3*time.Hour, []string{data.KindTrade, "bar-5m", data.KindBook},
			map[time.Duration]exchange.Terms{70 * time.Minute: terms("0.3", 7)}),
		"in force before": changing(t, time.Hour, ticks, map[time.Duration]exchange.Terms{0: terms("0.1", 10)}),
	} {
		t.Run(name, func(t *testing.T) {
			events := draw(t, c)
			after := 0
			for i := range events {
				e := &events[i]
				requireOnGrid(t, c.Instrument, e.Time, e)
				if e.Kind == exchange.KindBar {
					requireOnGrid(t, c.Instrument, e.Bar().Start, e)
				}
				if e.Time >= c.Instrument.Terms[len(c.Instrument.Terms)-1].From {
					after++
				}
			}
			require.Positive(t, after)
		})
	}
}

// The tick in force is used as it is, not one that fits all of time.
func TestTheTickOfTheTimeIsUsed(t *testing.T) {
	c := changing(t, 6*time.Hour, []string{"bar-1m"}, map[time.Duration]exchange.Terms{3 * time.Hour: terms("0.1", 1)})
	change := c.From.Add(3 * time.Hour)
	finer, smaller := false, false
	for _, e := range draw(t, c) {
		if b := e.Bar(); b.Start > change {
			finer = finer || !b.High.OnTick(exchange.MustPrice("0.5"))
			smaller = smaller || b.Volume%100 != 0
		}
	}
	require.True(t, finer && smaller)
}

// The book tells one story over a change: it is quoted anew, on the new tick.
func TestTheBookFollowsTheTick(t *testing.T) {
	c := changing(
		t,
		time.Hour,
		nil,
		map[time.Duration]exchange.Terms{20 * time.Minute: terms("0.1", 100), 40 * time.Minute: terms("2", 100)},
	)
	var book *exchange.Book
	var tick exchange.Price
	snapshots := 0
	events := draw(t, c)
	for i := range events {
		e := &events[i]
		if now := c.Instrument.At(e.Time).TickSize; now != tick {
			require.True(
				t,
				e.Kind == exchange.KindBook && e.Flags&exchange.FlagClear != 0,
				"the first word on a new tick is a snapshot: %s",
				e,
			)
			book, tick = exchange.NewBook(now), now
			snapshots++
		}
		switch e.Kind {
		case exchange.KindBook:
			book.Apply(e)
			if e.Flags&exchange.FlagLast != 0 {
				require.False(t, book.Crossed())
				require.Equal(t, 50, book.Len(exchange.Buy))
			}
		case exchange.KindTrade:
			require.Positive(t, book.Qty(e.Side.Opposite(), e.Trade().Price), "it was displayed")
		case exchange.KindQuote:
			require.Equal(t, e.Quote().BidPrice, book.Bid().Price)
		}
	}
	require.Equal(t, 3, snapshots)
}

// What is written over changes of real terms has no fault that verify knows of.
func TestChangesVerify(t *testing.T) {
	for name, from := range map[string]string{"lot": "2021-06-08T02:17:00Z", "tick": "2024-07-31T01:17:00Z"} {
		t.Run(name, func(t *testing.T) {
			c := config(t, 4*time.Hour, data.KindTrade, data.KindBook, "bar-1m", "bar-1h")
			at, err := exchange.ParseTime(from)
			require.NoError(t, err)
			c.From, c.To, c.Interval = at, at.Add(4*time.Hour), time.Second
			catalog, err := data.Create(t.TempDir())
			require.NoError(t, err)
			_, err = Write(t.Context(), catalog, c)
			require.NoError(t, err)
			set := new(exchange.Instruments)
			require.NoError(t, set.Add(c.Instrument))
			report, err := catalog.Verify(t.Context(), data.VerifyOptions{Instruments: set})
			require.NoError(t, err)
			require.Zero(t, report.Problems, "%+v", report)
		})
	}
}

// A price that a later tick leaves no room for is refused.
func TestATickThatIsTooCoarse(t *testing.T) {
	c := changing(t, time.Hour, nil, map[time.Duration]exchange.Terms{20 * time.Minute: terms("1000", 100)})
	_, err := New(c)
	require.ErrorContains(t, err, "synth: price 40000: want 200000")
}

// Whatever the terms and whenever they change.
func TestTermsChangeAnywhere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		kinds := rapid.SampledFrom([][]string{{"bar-1m"}, {"bar-1m", "bar-5m"}, {data.KindTrade, data.KindBook,
			data.KindQuote}, {data.KindTrade, "bar-2m", "bar-3m"}}).
			Draw(rt, "kinds")
		changes := make(map[time.Duration]exchange.Terms)
		for range rapid.IntRange(1, 4).Draw(rt, "changes") {
			at := time.Duration(rapid.IntRange(0, 20*60).Draw(rt, "at")) * time.Second
			changes[at] = terms(
				rapid.SampledFrom([]string{"0.01", "0.05", "0.3", "0.5", "1", "2.5"}).Draw(rt, "tick"),
				exchange.Qty(rapid.IntRange(1, 100).Draw(rt, "lot")),
			)
		}
		c := changing(t, 20*time.Minute, kinds, changes)
		c.Interval, c.Seed = time.Second, rapid.Uint64().Draw(rt, "seed")
		f, err := New(c)
		require.NoError(rt, err)
		events := collect(t, f, 500)
		for i := range events {
			requireOnGrid(rt, c.Instrument, events[i].Time, &events[i])
		}
	})
}

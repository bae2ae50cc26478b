package engine_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

func TestFixedDelay(t *testing.T) {
	r := newRun(t, arrives(trade(0, 100, 1), time.Hour), quote(time.Second, 1, 2), bar(time.Second, time.Second, 5))
	r.config.Delay.Fixed = 300 * time.Millisecond
	require.Equal(t, []string{
		"0s market trade on 0",
		"300ms trade of 0 at 100",
		"1s market quote on 0",
		"1s market bar on 0",
		"1.3s quote of 0 1/2",
		"2.3s bar 1s from 1s: 5 5 5 5, 100 in 3",
		"2.3s stop",
	}, r.lines(t), "what is still on its way when the data ends arrives")
}

func TestDelayFromData(t *testing.T) {
	r := newRun(t, arrives(trade(0, 100, 1), 700*time.Millisecond), trade(time.Second, 101, 1))
	r.config.Delay = engine.Delay{FromData: true, Fixed: time.Minute}
	require.Equal(t, []string{"700ms trade of 0 at 100", "1s trade of 0 at 101"}, r.heard(t, "trade"),
		"the fixed delay is for bars alone then")
}

// Messages of one stream do not overtake each other; those of another may.
func TestMessagesOfAStreamDoNotOvertake(t *testing.T) {
	r := newRun(t,
		onStream(arrives(trade(0, 100, 1), 900*time.Millisecond), 0),
		onStream(arrives(trade(100*time.Millisecond, 101, 1), 200*time.Millisecond), 0),
		onStream(arrives(quote(100*time.Millisecond, 1, 2), 200*time.Millisecond), 1),
	)
	r.config.Delay.FromData = true
	require.Equal(t, []string{"200ms quote of 0 1/2", "900ms trade of 0 at 100", "900ms trade of 0 at 101"}, r.heard(t, "trade", "quote"))
}

func TestSkewIsAnError(t *testing.T) {
	r := newRun(t, trade(0, 100, 1), arrives(trade(2*time.Second, 101, 1), time.Second))
	r.config.Delay.FromData = true
	var skew *engine.SkewError
	require.ErrorAs(t, r.run(t), &skew)
	require.Equal(t, engine.SkewError{Symbol: "bitmex:XBTUSD", Kind: exchange.KindTrade, At: at(2 * time.Second), Skew: -time.Second}, *skew)
	require.EqualError(t, skew, "bitmex:XBTUSD: a trade at 2022-03-01T00:00:02Z arrives 1s before it happened: the recorder's clock was behind; "+
		"import the data again with --clock-offset auto, or choose a latency that does not use its arrival times")

	r = newRun(t, trade(0, 100, 1), arrives(trade(2*time.Second, 101, 1), time.Second))
	require.NoError(t, r.run(t), "arrival times that are not used may be anything")
}

// Two markets that agree until the middle and differ after it: what the strategy
// has heard and done by then is the same, whatever the latency.
func TestNobodySeesTheFuture(t *testing.T) {
	for _, delay := range []engine.Delay{{}, {Fixed: 1700 * time.Millisecond}, {FromData: true}} {
		clean, poisoned := newRun(t, walk(1)...), newRun(t, walk(1_000)...)
		for _, r := range []*run{clean, poisoned} {
			r.config.Delay = delay
			r.config.BatchRows = 64
			r.venue.entry, r.venue.response = 40*time.Millisecond, 60*time.Millisecond
			r.listener.init = func(ctx *engine.Context) error {
				ctx.Every(10 * time.Second)
				return ctx.Bars(xbt, engine.BarSpec{Interval: 5 * time.Second})
			}
			r.listener.bar = func(ctx *engine.Context, b *engine.Bar) {
				_, err := ctx.Market(xbt, exchange.Qty(b.Close-b.Open)/1_000_000+1)
				require.NoError(t, err)
			}
		}
		a, b := before(clean.lines(t), walkTurn), before(poisoned.lines(t), walkTurn)
		require.Greater(t, len(a), 500)
		require.Equal(t, a, b)
		require.NotEqual(t, clean.journal.lines, poisoned.journal.lines, "the poison is there")
	}
}

const walkTurn = 300 * time.Second

// walk is ten minutes of trades and quotes whose prices are multiplied after the
// middle.
func walk(poison float64) []exchange.Event {
	r := rand.New(rand.NewPCG(1, 2))
	var out []exchange.Event
	p := 1000.0
	for d := time.Duration(0); d < 2*walkTurn; d += time.Duration(r.IntN(1000)+1) * time.Millisecond {
		p += float64(r.IntN(3)-1) / 2
		shown := p
		if d >= walkTurn {
			shown *= poison
		}
		late := d + time.Duration(r.IntN(400))*time.Millisecond
		out = append(out, onStream(arrives(trade(d, shown, exchange.Qty(r.IntN(9)+1)), late), 0),
			onStream(arrives(quote(d, shown-0.5, shown+0.5), late), 1))
	}
	return out
}

func before(lines []string, turn time.Duration) []string {
	for i, line := range lines {
		var word string
		for j := range line {
			if line[j] == ' ' {
				word = line[:j]
				break
			}
		}
		if d, err := time.ParseDuration(word); err == nil && d >= turn {
			return lines[:i]
		}
	}
	return lines
}

// The book of the strategy is moved when messages arrive, and is told of whole
// messages only.
func TestBookAsItArrives(t *testing.T) {
	first := exchange.FlagSnapshot | exchange.FlagClear
	r := newRun(t,
		level(0, exchange.Buy, 99, 5, first),
		level(0, exchange.Sell, 101, 5, exchange.FlagSnapshot|exchange.FlagLast),
		level(time.Second, exchange.Buy, 99.5, 5, 0),
		level(time.Second, exchange.Buy, 99, 0, exchange.FlagLast),
		level(2*time.Second, exchange.Buy, 98, 7, exchange.FlagLast),
	)
	r.config.Delay.Fixed = time.Millisecond
	require.Equal(t, []string{
		"1ms quote of 0 99/101", "1ms book of 0 99/101",
		"1.001s quote of 0 99.5/101", "1.001s book of 0 99.5/101",
		"2.001s book of 0 99.5/101",
	}, r.heard(t, "quote", "book"), "the quote is told when it has changed")
}

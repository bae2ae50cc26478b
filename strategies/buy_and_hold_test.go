package strategies_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

func TestBuyAndHold(t *testing.T) {
	level := func(at time.Duration, side exchange.Side, p float64) exchange.Event {
		return exchange.LevelEvent(epoch.Add(at), epoch.Add(at), 0, side, exchange.Level{Price: price(p), Qty: 100}, exchange.FlagLast)
	}
	other := quote(0, 10, 11)
	other.Symbol = 1
	otherTrade := trade(0, exchange.Buy, 10, 1)
	otherTrade.Symbol = 1
	otherBar := bar(0, 10, 10, 10, 10)
	otherBar.Symbol = 1
	for name, c := range map[string]struct {
		events  []exchange.Event
		symbols int
		want    []string
		fills   []string
	}{
		"bars": {events: closes(100, 101, 102), want: []string{"1m0s Buy 7"}, fills: []string{"1m0s Buy 7 at 101 → 7"}},
		"quotes": {events: []exchange.Event{quote(0, 100, 101), quote(time.Second, 101, 102), quote(2*time.Second, 102, 103)},
			want: []string{"0s Buy 7"}, fills: []string{"0s Buy 7 at 101 → 7"}},
		"trades": {events: []exchange.Event{trade(0, exchange.Buy, 100, 1), trade(time.Second, exchange.Sell, 99, 1)},
			want: []string{"0s Buy 7"}, fills: []string{"0s Buy 7 at 100 → 7"}},
		"quotes and trades": {events: []exchange.Event{quote(0, 100, 101), trade(0, exchange.Buy, 101, 1)},
			want: []string{"0s Buy 7"}, fills: []string{"0s Buy 7 at 101 → 7"}},
		// Nobody sells yet: an order would end unfilled, and there is only one.
		"a book that begins with bids": {events: []exchange.Event{level(0, exchange.Buy, 100), level(time.Second, exchange.Sell, 101),
			level(2*time.Second, exchange.Sell, 102)}, want: []string{"1s Buy 7"}, fills: []string{"1s Buy 7 at 101 → 7"}},
		// The first price of another symbol says nothing of the primary one.
		"another symbol's quotes": {symbols: 2, events: []exchange.Event{other, quote(time.Second, 100, 101)},
			want: []string{"1s Buy 7"}, fills: []string{"1s Buy 7 at 101 → 7"}},
		"another symbol's trades": {symbols: 2, events: []exchange.Event{otherTrade, trade(time.Second, exchange.Buy, 100, 1)},
			want: []string{"1s Buy 7"}, fills: []string{"1s Buy 7 at 100 → 7"}},
		"another symbol's bars": {symbols: 2, events: []exchange.Event{otherBar, bar(1, 100, 100, 100, 100)},
			want: []string{"2m0s Buy 7"}, fills: []string{"2m0s Buy 7 at 100 → 7"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := play(t, &script{strategy: "buy_and_hold", params: with("qty", "7"), events: c.events, symbols: c.symbols})
			require.Equal(t, c.want, d.asked())
			require.Equal(t, c.fills, d.fills())
		})
	}
}

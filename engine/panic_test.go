package engine_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/engine/indicator"
	"github.com/dunamis-engine/dunamis/exchange"
)

// angry is an exchange that panics when it hears of a price.
type angry struct {
	*venue
	price bool
}

func (a angry) Market(*exchange.Event) {
	if a.price {
		_ = exchange.MulDiv(math.MaxInt64, 2, 1, exchange.Nearest)
	}
}

// A panic is an error that says who panicked, where, at which event and when; its trace is
// kept beside, and a strategy is not blamed for a panic of the exchange.
func TestPanics(t *testing.T) {
	var none []int
	for name, c := range map[string]struct {
		do       func(ctx *engine.Context)
		strategy bool
		text     string
	}{
		"strategy": {func(*engine.Context) { panic("boom\x1b[2J" + strings.Repeat("x", 1000)) }, true,
			"boom [2Jxxx"},
		"index":              {func(ctx *engine.Context) { _ = none[int(ctx.Now())] }, true, "index out of range"},
		"standard library":   {func(*engine.Context) { _ = slices.Repeat([]int{1}, -1) }, true, "cannot be negative"},
		"indicator":          {func(*engine.Context) { indicator.NewSMA(0) }, true, "an average needs a window"},
		"command of context": {func(ctx *engine.Context) { ctx.Every(0) }, true, "Every needs a positive duration"},
		"contract maths": {func(*engine.Context) { _ = exchange.MulDiv(math.MaxInt64, 2, 1, exchange.Nearest) }, false,
			"overflows"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, trade(0, 100, 1), trade(time.Second, 101, 2))
			r.listener.trade = func(ctx *engine.Context, x exchange.Trade) {
				if x.Qty == 2 {
					c.do(ctx)
				}
			}
			err := r.run(t)
			var p *engine.PanicError
			require.ErrorAs(t, err, &p)
			require.Contains(t, p.Text, c.text)
			require.Less(t, len(err.Error()), 1000)
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "\x1b")
			require.Contains(t, p.Stack, "goroutine")
			require.Equal(t, at(time.Second), p.At)
			require.Equal(t, 0, p.Index)
			require.Equal(t, exchange.Trade{Side: exchange.Buy, Price: price(101), Qty: 2}, p.Event.Trade())
			require.Contains(t, err.Error(), "bitmex:XBTUSD")
			require.Contains(t, err.Error(), "Price:101 Qty:2")
			if c.strategy {
				require.Equal(t, "*engine_test.listener", p.Strategy)
				require.Contains(t, err.Error(), "strategy *engine_test.listener panicked at 2")
			} else {
				require.Empty(t, p.Strategy)
				require.Contains(t, err.Error(), "fault in the program at 2")
			}
		})
	}
}

// A panic of the exchange names the event that it heard.
func TestPanicOfTheExchange(t *testing.T) {
	r := newRun(t, trade(0, 100, 1), quote(time.Second, 99, 101))
	r.config.Exchange = angry{&r.venue, true}
	err := r.run(t)
	var p *engine.PanicError
	require.ErrorAs(t, err, &p)
	require.Empty(t, p.Strategy)
	require.Equal(t, exchange.KindTrade, p.Event.Kind)
	require.Contains(t, p.Where, "exchange.MulDiv, number.go:")
}

// A panic of Init is at the start; there is no event.
func TestPanicOfInit(t *testing.T) {
	r := newRun(t, trade(0, 100, 1))
	r.config.Strategy = panicking{}
	err := r.run(t)
	require.ErrorContains(t, err, "strategy engine_test.panicking panicked at 2")
	require.ErrorContains(t, err, ", at the start: no weights (in engine_test.panicking.Init, panic_test.go:")
}

type panicking struct{}

func (panicking) Init(*engine.Context) error { panic("no weights") }

// A report that cannot be dealt with is named, with the order that it is about.
func TestPanicAtAReport(t *testing.T) {
	r := newRun(t, trade(0, 100, 1), trade(time.Second, 100, 1))
	r.listener.order = func(*engine.Context, *exchange.Order) { panic("no") }
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		_, err := ctx.Market(xbt, 7)
		require.NoError(t, err)
	}
	err := r.run(t)
	require.ErrorContains(t, err,
		`at the report New of the order "dun-1": Market Buy 7 of bitmex:XBTUSD, price 0, left 7: no (in `)
}

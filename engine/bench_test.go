package engine_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// idle is an exchange that nobody trades at: what is measured is the loop.
type idle struct{ venue }

func (*idle) Next() exchange.Time       { return exchange.Never }
func (*idle) Market(ev *exchange.Event) {}

// counter hears of trades and quotes.
type counter struct{ trades, quotes int }

func (*counter) Init(*engine.Context) error                                   { return nil }
func (c *counter) OnTrade(*engine.Context, exchange.SymbolID, exchange.Trade) { c.trades++ }
func (c *counter) OnQuote(*engine.Context, exchange.SymbolID, exchange.Quote) { c.quotes++ }

// barCounter hears of bars alone.
type barCounter struct{ bars int }

func (*barCounter) Init(*engine.Context) error           { return nil }
func (c *barCounter) OnBar(*engine.Context, *engine.Bar) { c.bars++ }

// BenchmarkLoop measures the loop without the catalog and the simulator: what
// handing one event to a strategy costs.
func BenchmarkLoop(b *testing.B) {
	for _, c := range []struct {
		name     string
		delay    time.Duration
		strategy engine.Strategy
		event    func(i int) exchange.Event
		spec     engine.BarSpec
	}{
		{"trades", 0, new(counter), func(i int) exchange.Event { return trade(time.Duration(i)*time.Millisecond, 100, 1) }, engine.BarSpec{}},
		{"trades, delayed", 5 * time.Millisecond, new(counter), func(i int) exchange.Event { return trade(time.Duration(i)*time.Millisecond, 100, 1) }, engine.BarSpec{}},
		{"bars", 0, new(barCounter), func(i int) exchange.Event { return bar(time.Duration(i)*time.Minute, time.Minute, 100) }, engine.BarSpec{}},
		{"bars of trades", 0, new(barCounter), func(i int) exchange.Event { return trade(time.Duration(i)*time.Millisecond, 100, 1) }, engine.BarSpec{Interval: time.Second}},
		{"hours of minutes", 0, new(barCounter), func(i int) exchange.Event { return bar(time.Duration(i)*time.Minute, time.Minute, 100) }, engine.BarSpec{Interval: time.Hour}},
	} {
		b.Run(c.name, func(b *testing.B) {
			events := make([]exchange.Event, b.N)
			for i := range events {
				events[i] = c.event(i)
			}
			r := newRun(b, events...)
			r.config.Sources = sourcesOf(events[:1])
			r.config.Strategy, r.config.Exchange, r.config.Delay.Fixed, r.config.DefaultBars = c.strategy, new(idle), c.delay, c.spec
			e, err := engine.New(r.config)
			require.NoError(b, err)
			b.ReportAllocs()
			b.ResetTimer()
			_, err = e.Run(b.Context())
			require.NoError(b, err)
		})
	}
}

package engine_test

import (
	"context"
	"fmt"
	"time"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// dipBuyer buys once, below a price, and says what it hears.
type dipBuyer struct {
	below exchange.Price
	sent  bool
}

func (d *dipBuyer) Init(*engine.Context) error { return nil }

func (d *dipBuyer) OnBar(ctx *engine.Context, b *engine.Bar) {
	fmt.Println("close", b.Close)
	if b.Close < d.below && !d.sent {
		d.sent = true
		if _, err := ctx.Market(b.Symbol, 100); err != nil {
			ctx.Halt(err.Error())
		}
	}
}

func (d *dipBuyer) OnFill(_ *engine.Context, f *exchange.Fill) {
	fmt.Println("bought", f.Qty, "at", f.Price)
}

// A strategy is a value with Init and the handlers that it wants. The decision at
// a bar's close is executed at the next bar's open, one tick against us.
func ExampleEngine() {
	set, err := exchange.BuiltinInstruments()
	if err != nil {
		fmt.Println(err)
		return
	}
	xbt, err := set.Lookup("bitmex", "XBTUSD")
	if err != nil {
		fmt.Println(err)
		return
	}
	venue, err := sim.New(sim.Config{Instruments: set, Symbols: []exchange.SymbolID{xbt.ID}, Currency: xbt.Settle,
		Balance: 100_000_000, SlippageTicks: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	start := exchange.TimeOf(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	var minutes []exchange.Event
	for i, p := range []string{"7200", "7100", "7150", "7300"} {
		from := start.Add(time.Duration(i) * time.Minute)
		minutes = append(minutes, exchange.BarEvent(exchange.Bar{Symbol: xbt.ID, Start: from, End: from.Add(time.Minute),
			Open: exchange.MustPrice(p), High: exchange.MustPrice(p), Low: exchange.MustPrice(p), Close: exchange.MustPrice(p), Volume: 1000}))
	}
	e, err := engine.New(engine.Config{Instruments: set, Symbols: []exchange.SymbolID{xbt.ID}, Feed: &list{events: minutes},
		Sources:  []engine.Source{{Symbol: xbt.ID, Kind: exchange.KindBar, Interval: time.Minute}},
		Exchange: venue, Strategy: &dipBuyer{below: exchange.MustPrice("7120")}})
	if err != nil {
		fmt.Println(err)
		return
	}
	summary, err := e.Run(context.Background())
	fmt.Println(summary.Events, "bars, error:", err)
	// Output:
	// close 7200
	// close 7100
	// bought 100 at 7150.5
	// close 7150
	// close 7300
	// 4 bars, error: <nil>
}

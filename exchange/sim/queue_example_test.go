package sim_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// halfway takes half of every cancel to be ahead of our order, wherever that stands,
// and orders that join a level to get behind half of it. A queue model of your own is
// these three methods; cli.WithQueue gives it a name for --queue.
type halfway struct{}

func (halfway) Join(shown exchange.Qty) int64 { return int64(shown) * sim.QueueUnit / 2 }

func (halfway) Change(c sim.LevelChange) int64 {
	return c.Front - int64(c.Cancelled())*sim.QueueUnit/2
}

func (halfway) String() string { return "halfway" }

// A queue model that is not one of the package's.
func ExampleQueueModel() {
	set := new(exchange.Instruments)
	err := set.Load(strings.NewReader(`[{"venue": "test", "symbol": "ABC", "kind": "linear", "underlying": "ABC", "quote": "USDT",
		"settle": {"code": "USDt", "major": "USDT", "scale": 6}, "multiplier": 1000, "terms": [{"tickSize": 0.5, "lotSize": 1,
		"makerFee": 0, "takerFee": 0, "initMargin": 0.01, "maintMargin": 0.005, "maxQty": 1000000, "maxPrice": 1000000}]}]`))
	if err != nil {
		panic(err)
	}
	x, err := sim.New(sim.Config{Instruments: set, Symbols: []exchange.SymbolID{0}, Currency: set.Get(0).Settle, Balance: 1_000_000_000,
		Queue: halfway{}})
	if err != nil {
		panic(err)
	}
	price, now := 100*exchange.PriceUnit, exchange.Time(1_600_000_000_000_000_000)
	show := func(qty exchange.Qty) {
		ev := exchange.LevelEvent(now, now, 0, exchange.Buy, exchange.Level{Price: price, Qty: qty}, exchange.FlagLast)
		x.Market(&ev)
	}
	show(100)
	if _, err := x.Submit(context.Background(), exchange.NewOrder{Side: exchange.Buy, Qty: 10, Price: price}); err != nil {
		panic(err)
	}
	reports, err := x.Advance(context.Background(), now, nil)
	if err != nil {
		panic(err)
	}
	show(80) // 20 cancelled: 40 of the 50 ahead are left
	now = now.Add(time.Second)
	trade := exchange.TradeEvent(now, now, 0, exchange.Trade{Side: exchange.Sell, Price: price, Qty: 43})
	x.Market(&trade)
	if reports, err = x.Advance(context.Background(), now, reports); err != nil {
		panic(err)
	}
	for i := range reports {
		if f := &reports[i].Fill; reports[i].Kind == exchange.ReportFill {
			fmt.Println(f.Side, f.Qty, "at", f.Price, "by", f.Cause)
		}
	}
	// Output: Buy 3 at 100 by trade-at
}

package exchange_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Terms are dated: the fee of a trade is the fee of its day.
func ExampleInstruments_Lookup() {
	set, err := exchange.BuiltinInstruments()
	if err != nil {
		panic(err)
	}
	xbtusd, err := set.Lookup("bitmex", "XBTUSD")
	if err != nil {
		panic(err)
	}
	for _, date := range []string{"2017-01-01", "2020-01-01", "2025-01-01"} {
		at, err := exchange.ParseTime(date)
		if err != nil {
			panic(err)
		}
		terms := xbtusd.At(at)
		value := terms.Value(30_000, exchange.MustPrice("70000"))
		fmt.Printf("%s: tick %s, lot %d, 30000 contracts are %s XBT, taker fee %d satoshi\n", date, terms.TickSize, terms.LotSize,
			value.Decimal(xbtusd.Settle.Scale), exchange.Fee(value, terms.TakerFee))
	}
	// Output:
	// 2017-01-01: tick 0.01, lot 1, 30000 contracts are 0.4287 XBT, taker fee 32153 satoshi
	// 2020-01-01: tick 0.5, lot 1, 30000 contracts are 0.4287 XBT, taker fee 32153 satoshi
	// 2025-01-01: tick 0.1, lot 100, 30000 contracts are 0.428571 XBT, taker fee 21429 satoshi
}

// The cost of a position is signed so that profit is a difference for every kind
// of contract.
func ExampleTerms_Cost() {
	set, err := exchange.BuiltinInstruments()
	if err != nil {
		panic(err)
	}
	xbtusd, err := set.Lookup("bitmex", "XBTUSD")
	if err != nil {
		panic(err)
	}
	terms := xbtusd.At(exchange.Never)
	entry, mark := exchange.MustPrice("70000"), exchange.MustPrice("71000")
	fmt.Println("long: ", terms.Cost(30_000, mark)-terms.Cost(30_000, entry))
	fmt.Println("short:", terms.Cost(-30_000, mark)-terms.Cost(-30_000, entry))
	// Output:
	// long:  603600
	// short: -603600
}

func ExampleNewOrder_Validate() {
	set, err := exchange.BuiltinInstruments()
	if err != nil {
		panic(err)
	}
	xbtusd, err := set.Lookup("bitmex", "XBTUSD")
	if err != nil {
		panic(err)
	}
	o := exchange.NewOrder{Symbol: xbtusd.ID, Qty: -200, Price: exchange.MustPrice("70000.25")}
	o.Normalize()
	fmt.Println(o.Side, o.Qty, o.Type, o.TimeInForce)

	err = o.Validate(xbtusd.At(exchange.Never))
	var bad *exchange.ValidationError
	fmt.Println(errors.As(err, &bad), bad.Field)
	fmt.Println(err)

	o.Price = o.Price.RoundTick(xbtusd.At(exchange.Never).TickSize)
	fmt.Println(o.Price, o.Validate(xbtusd.At(exchange.Never)))
	// Output:
	// Sell 200 Limit GoodTillCancel
	// true price
	// price "70000.25": must be a multiple of tick size: 0.1
	// 70000.3 <nil>
}

func ExampleBook() {
	book := exchange.NewBook(exchange.MustPrice("0.5"))
	book.Set(exchange.Buy, exchange.MustPrice("32180"), 500)
	book.Set(exchange.Buy, exchange.MustPrice("32179.5"), 1200)
	book.Set(exchange.Buy, exchange.MustPrice("0.5"), 10)
	book.Set(exchange.Sell, exchange.MustPrice("32180.5"), 300)

	mid, _ := book.Mid()
	fmt.Println("mid", mid)
	for l, ok := book.Best(exchange.Buy); ok; l, ok = book.Next(exchange.Buy, l.Price) {
		fmt.Println("bid", l.Price, l.Qty)
	}
	book.Set(exchange.Sell, exchange.MustPrice("32180.5"), 0)
	_, ok := book.Best(exchange.Sell)
	fmt.Println("any ask left:", ok)
	// Output:
	// mid 32180.25
	// bid 32180 500
	// bid 32179.5 1200
	// bid 0.5 10
	// any ask left: false
}

// A file replaces what it names and adds the rest; an error says where it is.
func ExampleInstruments_Load() {
	set, err := exchange.BuiltinInstruments()
	if err != nil {
		panic(err)
	}
	err = set.Load(strings.NewReader(`[{
		"venue": "bitmex", "symbol": "XBTUSD", "kind": "inverse", "underlying": "XBT", "quote": "USD",
		"settle": {"code": "XBt", "major": "XBT", "scale": 8}, "multiplier": 100000000,
		"terms": [{"tickSize": 0.5, "lotSizes": 100}]
	}]`))
	fmt.Println(err)
	// Output:
	// instruments: entry 0: bitmex:XBTUSD: terms[0].lotSizes "100": unknown field
}

package gateway_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/gateway"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/secret"
)

// A gateway over the simulated exchange, and an order by the client.
func ExampleGateway() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	set, err := exchange.BuiltinInstruments()
	if err != nil {
		panic(err)
	}
	xbt, err := set.Lookup("bitmex", "XBTUSD")
	if err != nil {
		panic(err)
	}
	config := sim.Config{Instruments: set, Symbols: []exchange.SymbolID{xbt.ID}, Currency: xbt.Settle, Balance: 100_000_000}
	start, _ := exchange.ParseTime("2020-06-01")
	g, err := gateway.New(gateway.Config{
		Instruments: set, Symbols: config.Symbols, Currency: config.Currency, Start: start,
		Keys: keys{{ID: "key", Secret: secret.New("secret"), Account: 1, Permissions: []string{gateway.PermitOrder}}},
		Open: func(gateway.Key) (exchange.Exchange, gateway.Statement, error) {
			x, err := sim.New(config)
			if err != nil {
				return nil, nil, err
			}
			statement := x.Account()
			return x, statement, nil
		},
	})
	if err != nil {
		panic(err)
	}
	go func() { _ = g.Own(ctx) }()
	server := httptest.NewServer(g.Handler())
	defer server.Close()

	quote := exchange.QuoteEvent(start, start, xbt.ID, exchange.Quote{
		BidPrice: exchange.MustPrice("9500"), BidQty: 1000, AskPrice: exchange.MustPrice("9500.5"), AskQty: 1000})
	if err := g.Step(ctx, &quote); err != nil {
		panic(err)
	}
	c, err := bitmex.NewClient(bitmex.Config{URL: server.URL, Key: "key", Secret: secret.New("secret")})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	o, err := c.Place(ctx, bitmex.NewOrder{Symbol: "XBTUSD", Side: "Buy", OrderQty: 100, OrdType: "Market"})
	if err != nil {
		panic(err)
	}
	fmt.Println(o.OrdStatus, *o.CumQty, "at", o.AvgPx)
	_, err = c.Place(ctx, bitmex.NewOrder{Symbol: "XBTUSD", Side: "Buy", OrderQty: 100, Price: exchange.MustPrice("9500.3")})
	fmt.Println(err)
	// Output:
	// Filled 100 at 9500.5
	// 400 ValidationError: Invalid price tickSize
}

package strategies

import (
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// buyAndHold buys once, at the first price it hears, and holds: the benchmark that
// a strategy has to beat. It trades the primary symbol.
//
// Source: the oldest strategy there is.
type buyAndHold struct {
	qty    exchange.Qty
	bought bool
}

func buyAndHoldDefinition() engine.Definition {
	return engine.Definition{
		Name:    "buy_and_hold",
		Summary: "Buys at the first price and holds",
		Source:  "the benchmark of every other strategy",
		Params:  []engine.Param{engine.QtyParam("qty", 10000, "contracts to buy")},
		New: func(v engine.Values) (engine.Strategy, error) {
			return &buyAndHold{qty: v.Qty("qty")}, nil
		},
	}
}

// Init implements engine.Strategy.
func (b *buyAndHold) Init(*engine.Context) error { return nil }

// OnBar implements engine.BarHandler.
func (b *buyAndHold) OnBar(ctx *engine.Context, _ *engine.Bar) { b.buy(ctx) }

// OnTrade implements engine.TradeHandler.
func (b *buyAndHold) OnTrade(ctx *engine.Context, _ exchange.SymbolID, _ exchange.Trade) { b.buy(ctx) }

// OnQuote implements engine.QuoteHandler.
func (b *buyAndHold) OnQuote(ctx *engine.Context, _ exchange.SymbolID, _ exchange.Quote) { b.buy(ctx) }

func (b *buyAndHold) buy(ctx *engine.Context) {
	if !b.bought {
		b.bought = true
		reach(ctx, ctx.Symbol(), b.qty)
	}
}

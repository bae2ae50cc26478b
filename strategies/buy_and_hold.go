package strategies

import (
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// buyAndHold buys once, at the first price it hears of the primary symbol, and
// holds: the benchmark that a strategy has to beat.
//
// Source: the oldest strategy there is.
type buyAndHold struct {
	size   positionSize
	bought bool
}

func buyAndHoldDefinition() engine.Definition {
	return engine.Definition{
		Name:    "buy_and_hold",
		Summary: "Buys at the first price and holds",
		Source:  "the benchmark of every other strategy",
		Params:  engine.SizeParams(defaultShare, "position"),
		New: func(v engine.Values) (engine.Strategy, error) {
			return &buyAndHold{size: positionSize{Size: v.Size()}}, nil
		},
	}
}

// Init implements engine.Strategy.
func (b *buyAndHold) Init(*engine.Context) error { return nil }

// OnBar implements engine.BarHandler.
func (b *buyAndHold) OnBar(ctx *engine.Context, bar *engine.Bar) { b.buy(ctx, bar.Symbol) }

// OnTrade implements engine.TradeHandler.
func (b *buyAndHold) OnTrade(ctx *engine.Context, s exchange.SymbolID, _ exchange.Trade) {
	b.buy(ctx, s)
}

// OnQuote implements engine.QuoteHandler. Where nobody offers there is nothing to
// buy yet.
func (b *buyAndHold) OnQuote(ctx *engine.Context, s exchange.SymbolID, q exchange.Quote) {
	if q.AskPrice != 0 {
		b.buy(ctx, s)
	}
}

func (b *buyAndHold) buy(ctx *engine.Context, heard exchange.SymbolID) {
	if b.bought || heard != ctx.Symbol() || ctx.WarmingUp() {
		return
	}
	if q := b.size.qty(ctx, heard); q > 0 {
		b.bought = true
		reach(ctx, heard, q)
	}
}

package strategies

import (
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// All returns the built-in strategies by name. The slice is new at each call, so
// that a caller may append to it.
func All() []engine.Definition {
	return []engine.Definition{
		avellanedaStoikovDefinition(),
		bollingerDefinition(),
		buyAndHoldDefinition(),
		donchianDefinition(),
		gridMakerDefinition(),
		smaCrossDefinition(),
	}
}

// exposure is the position once every market order on its way has filled. An
// order that was refused or cut short drops out of it by itself, so what is
// missing is asked for again at the next decision.
func exposure(ctx *engine.Context, s exchange.SymbolID) exchange.Qty {
	q := ctx.PositionQty(s)
	for _, o := range ctx.Orders(s) {
		if o.Type == exchange.Market {
			q += o.Side.Signed(o.Leaves)
		}
	}
	return q
}

// reach asks for what is missing to a target position, in one market order. A
// quantity that is no multiple of the lot in force is rounded towards zero.
func reach(ctx *engine.Context, s exchange.SymbolID, target exchange.Qty) {
	lot := ctx.Terms(s).LotSize
	d := target - exposure(ctx, s)
	d -= d % lot
	if d == 0 {
		return
	}
	if _, err := ctx.Market(s, d); err != nil {
		ctx.Log().Warn("order refused", "symbol", ctx.Instrument(s).Symbol, "error", err)
	}
}

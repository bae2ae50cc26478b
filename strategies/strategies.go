package strategies

import (
	"errors"

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

// reach asks for what is missing to a target position, in one market order.
func reach(ctx *engine.Context, s exchange.SymbolID, target exchange.Qty) {
	trade(ctx, s, target-exposure(ctx, s), 0)
}

// trade sends a market order for a signed quantity. One that is no multiple of the
// lot in force is rounded towards zero.
func trade(ctx *engine.Context, s exchange.SymbolID, signed exchange.Qty, inst exchange.ExecInst) {
	signed -= signed % ctx.Terms(s).LotSize
	if signed == 0 || ctx.WarmingUp() {
		return
	}
	o := exchange.NewOrder{Symbol: s, Side: exchange.SideOf(signed), Qty: signed.Abs(), Type: exchange.Market, ExecInst: inst}
	if _, err := ctx.Submit(o); err != nil {
		warn(ctx, s, err)
	}
}

// warn logs an order that was not sent. What the risk guard refuses it logs itself.
func warn(ctx *engine.Context, s exchange.SymbolID, err error) {
	var risk *engine.RiskError
	if !errors.As(err, &risk) {
		ctx.Log().Warn("order refused", "symbol", ctx.Instrument(s).Symbol, "error", err)
	}
}

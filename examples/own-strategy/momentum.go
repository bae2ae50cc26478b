package main

import (
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// momentum buys when a bar closes higher than it opened and sells when it closes
// lower: the shortest strategy that does something.
type momentum struct{ qty exchange.Qty }

// Definition makes the strategy known to the commands.
func Definition() engine.Definition {
	return engine.Definition{
		Name:    "momentum",
		Summary: "Follows the direction of the last bar",
		Params:  []engine.Param{engine.QtyParam("qty", 100, "contracts of the position")},
		New:     func(v engine.Values) (engine.Strategy, error) { return &momentum{v.Qty("qty")}, nil },
	}
}

func (m *momentum) Init(ctx *engine.Context) error {
	return ctx.Bars(ctx.Symbol(), engine.BarSpec{Interval: 3600e9}) // hours
}

func (m *momentum) OnBar(ctx *engine.Context, bar *engine.Bar) {
	target := m.qty
	if bar.Close < bar.Open {
		target = -m.qty
	}
	if d := target - ctx.PositionQty(bar.Symbol); d != 0 {
		ctx.Market(bar.Symbol, d)
	}
}

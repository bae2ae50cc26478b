package main

import (
	"time"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// momentum is long while the close is above the one `lookback` bars before, and short while it
// is below. The size is decided when it turns.
type momentum struct {
	bars   engine.BarSpec
	size   engine.Size
	closes []exchange.Price // the last ones, the oldest first; one more than the lookback
	side   exchange.Qty     // 1 long, -1 short, 0 not decided yet
	target exchange.Qty
}

// Definition makes the strategy known to the commands.
func Definition() engine.Definition {
	return engine.Definition{
		Name:    "momentum",
		Summary: "Follows the direction of the last bars",
		Params: append(engine.SizeParams(exchange.RatioUnit/2, "position, either way"),
			engine.IntParam("lookback", 30, 1, 10_000, "bars whose direction counts"),
			engine.DefaultBarsParam("bars", engine.BarSpec{Interval: 4 * time.Hour}, "bars to watch, such as 1h")),
		New: func(v engine.Values) (engine.Strategy, error) {
			return &momentum{bars: v.Bars("bars"), size: v.Size(), closes: make([]exchange.Price, 1+v.Int("lookback"))}, nil
		},
	}
}

// Warmup implements engine.Warmer: --warmup auto feeds as much history.
func (m *momentum) Warmup() time.Duration { return m.bars.Length(len(m.closes)) }

// Init implements engine.Strategy.
func (m *momentum) Init(ctx *engine.Context) error { return ctx.Bars(ctx.Symbol(), m.bars) }

// OnBar implements engine.BarHandler.
func (m *momentum) OnBar(ctx *engine.Context, bar *engine.Bar) {
	m.closes = append(m.closes[1:], bar.Close)
	before := m.closes[0]
	if before == 0 {
		return // not enough bars yet
	}
	side := m.side
	if bar.Close > before {
		side = 1
	} else if bar.Close < before {
		side = -1
	}
	if side != m.side || m.target == 0 {
		m.side, m.target = side, side*ctx.Sized(bar.Symbol, m.size)
	}
	missing := m.target - ctx.PositionQty(bar.Symbol)
	missing -= missing % ctx.Terms(bar.Symbol).LotSize
	if missing == 0 || ctx.WarmingUp() {
		return
	}
	if _, err := ctx.Market(bar.Symbol, missing); err != nil {
		ctx.Log().Warn("order refused", "error", err)
	}
}

package strategies

import (
	"time"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/engine/indicator"
	"github.com/dunamis-engine/dunamis/exchange"
)

// bollingerReversion buys when a bar closes more than k standard deviations below
// the mean of the last `window` closes and sells short when it closes as far above,
// and leaves when the close is back at the mean or after `hold` bars.
//
// Source: J. Bollinger, Bollinger on Bollinger Bands (2001); traded against the
// excursion, as in the reversal systems described there.
type bollingerReversion struct {
	bars   engine.BarSpec
	size   positionSize
	k      float64
	hold   int
	window *indicator.Window
	needs  int // closes
	target exchange.Qty
	held   int // bars since the position was asked for
}

func bollingerDefinition() engine.Definition {
	return engine.Definition{
		Name:    "bollinger_reversion",
		Summary: "Trades against excursions from a moving mean",
		Source:  "Bollinger (2001)",
		Params: append([]engine.Param{
			engine.IntParam("window", 120, 2, 100_000, "bars of the mean and the deviation"),
			engine.FloatParam("k", 2.5, 0.1, 20, "deviations from the mean that open a position"),
			engine.IntParam("hold", 60, 1, 1_000_000, "bars after which it leaves in any case"),
		}, positionParams("bars to watch, such as 1h; empty: those of the data")...),
		New: func(v engine.Values) (engine.Strategy, error) {
			return &bollingerReversion{bars: v.Bars("bars"), size: positionSize{Size: v.Size()}, k: v.Float("k"),
				hold:   v.Int("hold"),
				window: indicator.NewWindow(v.Int("window")), needs: v.Int("window")}, nil
		},
	}
}

// Warmup implements engine.Warmer: the mean needs its bars.
func (b *bollingerReversion) Warmup() time.Duration { return b.bars.Length(b.needs) }

// Init implements engine.Strategy.
func (b *bollingerReversion) Init(ctx *engine.Context) error { return ctx.Bars(ctx.Symbol(), b.bars) }

// OnBar implements engine.BarHandler.
func (b *bollingerReversion) OnBar(ctx *engine.Context, bar *engine.Bar) {
	closed := bar.Close.Float64()
	b.window.Add(closed)
	if !b.window.Ready() {
		return
	}
	mean, width := b.window.Mean(), b.k*b.window.StdDev()
	b.held++
	switch {
	case b.target > 0 && closed >= mean, b.target < 0 && closed <= mean, b.target != 0 && b.held >= b.hold:
		b.target = 0
	case b.target != 0 || width == 0:
	case closed < mean-width:
		b.target, b.held = b.size.qty(ctx, bar.Symbol), 0
	case closed > mean+width:
		b.target, b.held = -b.size.qty(ctx, bar.Symbol), 0
	}
	reach(ctx, bar.Symbol, b.target)
}

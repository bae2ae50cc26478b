package strategies

import (
	"fmt"
	"time"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/engine/indicator"
	"github.com/dunamis-engine/dunamis/exchange"
)

// smaCross is long while the fast average of closes is above the slow one and short
// while it is below. It decides at a bar's close and flips with one market order. The
// size is decided when the averages cross and kept until they cross again. It does
// nothing before `slow` closes have been heard, and equal averages change nothing. The
// averages are compared exactly.
//
// Source: the double crossover of the trend-following literature, for instance
// W. Brock, J. Lakonishok and B. LeBaron, "Simple Technical Trading Rules and the
// Stochastic Properties of Stock Returns", Journal of Finance 47 (1992).
type smaCross struct {
	bars   engine.BarSpec
	size   positionSize
	fast   *indicator.SMA
	slow   *indicator.SMA
	needs  int // closes
	side   int // 1 long, -1 short, 0 before the averages have differed
	target exchange.Qty
}

func smaCrossDefinition() engine.Definition {
	return engine.Definition{
		Name:    "sma_cross",
		Summary: "Long while the fast moving average is above the slow one, short while below",
		Source:  "Brock, Lakonishok and LeBaron (1992)",
		Params: append([]engine.Param{
			engine.IntParam("fast", 20, 1, indicator.MaxSMA, "bars of the fast average"),
			engine.IntParam("slow", 100, 2, indicator.MaxSMA, "bars of the slow average"),
		}, positionParams("bars to average, such as 1h; empty: those of the data")...),
		New: newSMACross,
	}
}

func newSMACross(v engine.Values) (engine.Strategy, error) {
	fast, slow := v.Int("fast"), v.Int("slow")
	if fast >= slow {
		return nil, &engine.ParamError{Strategy: "sma_cross", Name: "fast", Value: fmt.Sprint(fast),
			Reason: fmt.Sprintf("must be below slow=%d", slow)}
	}
	return &smaCross{
		bars:  v.Bars("bars"),
		size:  positionSize{Size: v.Size()},
		fast:  indicator.NewSMA(fast),
		slow:  indicator.NewSMA(slow),
		needs: slow,
	}, nil
}

// Warmup implements engine.Warmer: the slow average needs its bars.
func (c *smaCross) Warmup() time.Duration { return c.bars.Length(c.needs) }

// Init implements engine.Strategy.
func (c *smaCross) Init(ctx *engine.Context) error { return ctx.Bars(ctx.Symbol(), c.bars) }

// OnBar implements engine.BarHandler.
func (c *smaCross) OnBar(ctx *engine.Context, bar *engine.Bar) {
	c.fast.Add(bar.Close)
	c.slow.Add(bar.Close)
	if !c.slow.Ready() {
		return
	}
	if above := c.fast.Compare(c.slow); above != 0 && (above != c.side || c.target == 0) {
		c.side = above
		c.target = exchange.Qty(above) * c.size.qty(ctx, bar.Symbol)
	}
	reach(ctx, bar.Symbol, c.target)
}

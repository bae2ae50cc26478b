package strategies

import (
	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/engine/indicator"
	"github.com/dunamis-engine/dunamis/exchange"
)

// donchian buys when a bar closes above the highest high of the `entry` bars
// before it, sells short below the lowest low, and leaves when the close breaks the
// `exit` channel the other way. While it holds a position a reduce-only stop rests
// at the exchange, `stop` average true ranges from the fill; stop 0 does without.
//
// Source: R. Donchian's channel rule as traded by the Turtles: C. Faith, Way of the
// Turtle (2007), system 2 with its stop of two N.
type donchian struct {
	bars  engine.BarSpec
	qty   exchange.Qty
	entry *indicator.Channel
	exit  *indicator.Channel
	atr   *indicator.ATR
	stop  float64 // average true ranges
	// protect is the stop that was sent last, "" when there is none.
	protect exchange.ClientID
}

func donchianDefinition() engine.Definition {
	return engine.Definition{
		Name:    "donchian",
		Summary: "Follows breakouts of a price channel, with a stop at the exchange",
		Source:  "Donchian's channel as traded by the Turtles; Faith (2007)",
		Params: []engine.Param{
			engine.IntParam("entry", 55, 1, 100_000, "bars of the channel whose break opens a position"),
			engine.IntParam("exit", 20, 1, 100_000, "bars of the channel whose break closes it"),
			engine.IntParam("atr", 20, 1, 100_000, "bars of the average true range"),
			engine.FloatParam("stop", 2, 0, 100, "distance of the stop in average true ranges; 0: none"),
			engine.QtyParam("qty", 10000, "contracts of the position, either way"),
			engine.BarsParam("bars", "bars to watch, such as 1h; empty: those of the data"),
		},
		New: func(v engine.Values) (engine.Strategy, error) {
			return &donchian{bars: v.Bars("bars"), qty: v.Qty("qty"), stop: v.Float("stop"),
				entry: indicator.NewChannel(v.Int("entry")), exit: indicator.NewChannel(v.Int("exit")),
				atr: indicator.NewATR(v.Int("atr"))}, nil
		},
	}
}

// Init implements engine.Strategy.
func (d *donchian) Init(ctx *engine.Context) error { return ctx.Bars(ctx.Symbol(), d.bars) }

// OnBar implements engine.BarHandler. The channels hold the bars before this one.
func (d *donchian) OnBar(ctx *engine.Context, bar *engine.Bar) {
	if d.entry.Ready() && d.exit.Ready() && d.atr.Ready() {
		held := exposure(ctx, bar.Symbol)
		target := held
		switch {
		case bar.Close > d.entry.High():
			target = d.qty
		case bar.Close < d.entry.Low():
			target = -d.qty
		case held > 0 && bar.Close < d.exit.Low(), held < 0 && bar.Close > d.exit.High():
			target = 0
		}
		reach(ctx, bar.Symbol, target)
	}
	d.entry.Add(bar.High, bar.Low)
	d.exit.Add(bar.High, bar.Low)
	d.atr.Add(bar.High.Float64(), bar.Low.Float64(), bar.Close.Float64())
}

// OnFill implements engine.FillHandler: the stop follows the position.
func (d *donchian) OnFill(ctx *engine.Context, f *exchange.Fill) {
	if f.ClientID == d.protect && f.Leaves > 0 {
		return // the stop itself fills piece by piece
	}
	if d.protect != "" && f.ClientID != d.protect {
		if err := ctx.Cancel(f.Symbol, d.protect); err != nil {
			ctx.Log().Warn("stop not cancelled", "error", err)
		}
	}
	d.protect = ""
	if f.Position == 0 || d.stop == 0 {
		return
	}
	d.protect = d.sendStop(ctx, f)
}

func (d *donchian) sendStop(ctx *engine.Context, f *exchange.Fill) exchange.ClientID {
	tick := ctx.Terms(f.Symbol).TickSize
	distance := exchange.Price(d.stop * d.atr.Value() * float64(exchange.PriceUnit))
	o := exchange.NewOrder{Symbol: f.Symbol, Side: exchange.SideOf(-f.Position), Qty: f.Position.Abs(), Type: exchange.Stop,
		ExecInst: exchange.ReduceOnly | exchange.LastPrice}
	if f.Position > 0 {
		o.StopPrice = max((f.Price - distance).FloorTick(tick), tick)
	} else {
		o.StopPrice = (f.Price + distance).CeilTick(tick)
	}
	id, err := ctx.Submit(o)
	if err != nil {
		ctx.Log().Warn("stop refused", "error", err)
	}
	return id
}

// OnOrder implements engine.OrderHandler.
func (d *donchian) OnOrder(_ *engine.Context, o *exchange.Order, _ exchange.ExecType) {
	if o.ClientID == d.protect && o.Status.Final() {
		d.protect = ""
	}
}

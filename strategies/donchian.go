package strategies

import (
	"time"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/engine/indicator"
	"github.com/dunamis-engine/dunamis/exchange"
)

// donchian buys when a bar closes above the highest high of the `entry` bars
// before it, sells short below the lowest low, and leaves when the close breaks the
// `exit` channel the other way. While it holds a position a reduce-only stop rests
// at the exchange, `stop` average true ranges from the fill; stop 0 does without. The
// size is decided when a position is opened or turned round.
//
// Source: R. Donchian's channel rule as traded by the Turtles: C. Faith, Way of the
// Turtle (2007), system 2 with its stop of two N.
type donchian struct {
	bars  engine.BarSpec
	size  positionSize
	qty   exchange.Qty // of the newest position, either way; 0 before the first
	entry *indicator.Channel
	exit  *indicator.Channel
	atr   *indicator.ATR
	stop  float64 // average true ranges
	needs int     // bars
	// protect is the stop that was sent last, "" when there is none, and from is the
	// price of the fill that it is measured from.
	protect exchange.ClientID
	from    exchange.Price
}

func donchianDefinition() engine.Definition {
	return engine.Definition{
		Name:    "donchian",
		Summary: "Follows breakouts of a price channel, with a stop at the exchange",
		Source:  "Donchian's channel as traded by the Turtles; Faith (2007)",
		Params: append([]engine.Param{
			engine.IntParam("entry", 55, 1, 100_000, "bars of the channel whose break opens a position"),
			engine.IntParam("exit", 20, 1, 100_000, "bars of the channel whose break closes it"),
			engine.IntParam("atr", 20, 1, 100_000, "bars of the average true range"),
			engine.FloatParam("stop", 2, 0, 100, "distance of the stop in average true ranges; 0: none"),
		}, positionParams("bars to watch, such as 1h; empty: those of the data")...),
		New: func(v engine.Values) (engine.Strategy, error) {
			return &donchian{bars: v.Bars("bars"), size: positionSize{Size: v.Size()}, stop: v.Float("stop"),
				entry: indicator.NewChannel(v.Int("entry")), exit: indicator.NewChannel(v.Int("exit")),
				atr: indicator.NewATR(v.Int("atr")), needs: max(v.Int("entry"), v.Int("exit"), v.Int("atr")+1)}, nil
		},
	}
}

// Warmup implements engine.Warmer: the channels and the true range need their bars.
func (d *donchian) Warmup() time.Duration { return d.bars.Length(d.needs) }

// Init implements engine.Strategy.
func (d *donchian) Init(ctx *engine.Context) error { return ctx.Bars(ctx.Symbol(), d.bars) }

// OnBar implements engine.BarHandler. The channels hold the bars before this one.
func (d *donchian) OnBar(ctx *engine.Context, bar *engine.Bar) {
	if d.entry.Ready() && d.exit.Ready() && d.atr.Ready() {
		d.decide(ctx, bar)
	}
	d.entry.Add(bar.High, bar.Low)
	d.exit.Add(bar.High, bar.Low)
	d.atr.Add(bar.High.Float64(), bar.Low.Float64(), bar.Close.Float64())
}

func (d *donchian) decide(ctx *engine.Context, bar *engine.Bar) {
	held := exposure(ctx, bar.Symbol)
	long, short := bar.Close > d.entry.High(), bar.Close < d.entry.Low()
	if d.qty == 0 || long && held <= 0 || short && held >= 0 {
		d.qty = d.size.qty(ctx, bar.Symbol)
	}
	switch {
	case long:
		reach(ctx, bar.Symbol, d.qty)
	case short:
		reach(ctx, bar.Symbol, -d.qty)
	case held > 0 && bar.Close < d.exit.Low(), held < 0 && bar.Close > d.exit.High():
		d.leave(ctx, bar.Symbol, held)
	default:
		// A stop that filled while a flip was on its way leaves too much.
		reach(ctx, bar.Symbol, min(max(held, -d.qty), d.qty))
		if q := ctx.PositionQty(bar.Symbol); q != 0 && d.protect == "" && d.stop != 0 {
			d.protect = d.sendStop(ctx, bar.Symbol, q) // the one before was cut short
		}
	}
}

// leave closes the position. Beside a stop the order may only reduce: the stop may
// fill while it is on its way, and the two must not open the opposite position.
func (d *donchian) leave(ctx *engine.Context, s exchange.SymbolID, held exchange.Qty) {
	var inst exchange.ExecInst
	if d.stop != 0 {
		inst = exchange.ReduceOnly
	}
	trade(ctx, s, -held, inst)
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
	d.from = f.Price
	d.protect = d.sendStop(ctx, f.Symbol, f.Position)
}

func (d *donchian) sendStop(ctx *engine.Context, s exchange.SymbolID, position exchange.Qty) exchange.ClientID {
	tick := ctx.Terms(s).TickSize
	distance := exchange.Price(d.stop * d.atr.Value() * float64(exchange.PriceUnit))
	o := exchange.NewOrder{Symbol: s, Side: exchange.SideOf(-position), Qty: position.Abs(), Type: exchange.Stop,
		ExecInst: exchange.ReduceOnly | exchange.LastPrice}
	if position > 0 {
		o.StopPrice = max((d.from - distance).FloorTick(tick), tick)
	} else {
		o.StopPrice = (d.from + distance).CeilTick(tick)
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

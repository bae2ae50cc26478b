package strategies

import (
	"fmt"
	"time"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// defaultShare is the default size of a position: half of the equity, at a leverage below 1.
const defaultShare = exchange.RatioUnit / 2

// positionParams describes the size of a position and the bars that decide on it. The bars are
// four hours long unless the parameter says otherwise: on bars of a minute, the fees of these
// strategies exceed what they earn.
func positionParams(bars string) []engine.Param {
	return append(engine.SizeParams(defaultShare, "position, either way"),
		engine.DefaultBarsParam("bars", engine.BarSpec{Interval: 4 * time.Hour}, bars))
}

// positionSize is the size of a position that a strategy opens.
type positionSize struct {
	engine.Size
	warned bool
}

// qty returns the contracts of a position that is opened now. It is 0, and the log says why
// once, where the share of the equity is worth less than one lot.
func (z *positionSize) qty(ctx *engine.Context, s exchange.SymbolID) exchange.Qty {
	q := ctx.Sized(s, z.Size)
	if q == 0 && !z.warned && ctx.Equity(s) != 0 {
		z.warned = true
		ctx.Log().Warn("the size is worth less than one lot", "symbol", ctx.Instrument(s).Symbol, "share", z.Share.String())
	}
	return q
}

// makerSize is what a market maker quotes: the contracts of an order, and those of the
// inventory at which it quotes on one side only. Shares of the equity are turned into contracts
// at the first price of each UTC day, so that orders of one day are alike and keep their place
// in the queue.
type makerSize struct {
	order, inventory engine.Size
	qty, limit       exchange.Qty // now; 0 where nothing can be quoted
	until            exchange.Time
	warned           bool
}

func makerParams(order exchange.Ratio) []engine.Param {
	return append(engine.SizeParams(order, "order"),
		engine.OptionalQtyParam("limit", "inventory, either way, in contracts, instead of inventory; 0: inventory"),
		engine.ShareParam("inventory", defaultShare, "inventory, either way, as a share of the equity, such as 0.5 or 50%"))
}

// readMakerSize reads the parameters of makerParams. Two numbers of contracts must fit.
func readMakerSize(strategy string, v engine.Values) (makerSize, error) {
	z := makerSize{order: v.Size(), inventory: engine.Size{Qty: v.Qty("limit"), Share: v.Share("inventory")}}
	if q, most := z.order.Qty, z.inventory.Qty; most != 0 && q > most {
		return z, &engine.ParamError{Strategy: strategy, Name: "qty", Value: fmt.Sprint(q),
			Reason: fmt.Sprintf("must not exceed limit=%d", most)}
	}
	return z, nil
}

// check refuses a number of contracts that the venue would refuse.
func (z *makerSize) check(ctx *engine.Context, s exchange.SymbolID, strategy string) error {
	if lot := ctx.Terms(s).LotSize; z.order.Qty%lot != 0 {
		return fmt.Errorf("%s: qty %d is no multiple of the lot of %d", strategy, z.order.Qty, lot)
	}
	return nil
}

// refresh decides the sizes when a day begins, and again while there are none. It reports
// whether there is something to quote and whether the sizes have changed.
func (z *makerSize) refresh(ctx *engine.Context, s exchange.SymbolID) (quotes, changed bool) {
	if ctx.Now() < z.until && z.qty != 0 {
		return true, false
	}
	before := [2]exchange.Qty{z.qty, z.limit}
	z.until = ctx.Now().Date().Add(24 * time.Hour)
	z.limit = ctx.Sized(s, z.inventory)
	z.qty = ctx.Sized(s, z.order)
	if z.order.Qty == 0 {
		z.qty = min(z.qty, z.limit-z.limit%ctx.Terms(s).LotSize)
	}
	if z.qty == 0 || z.qty > z.limit {
		z.qty = 0
		if !z.warned && ctx.Equity(s) != 0 {
			z.warned = true
			ctx.Log().Warn("nothing is quoted: an order is worth less than one lot or exceeds the inventory limit",
				"symbol", ctx.Instrument(s).Symbol, "limit", int64(z.limit))
		}
	}
	return z.qty != 0, before != [2]exchange.Qty{z.qty, z.limit}
}

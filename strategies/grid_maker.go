package strategies

import (
	"fmt"
	"slices"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// gridMaker keeps a ladder of post-only orders on each side of the market, on a
// fixed lattice of prices: as the market moves, most orders are still where they
// should be and keep their place in the queue. Inventory shifts the middle of the
// ladder by up to `skew` ticks, towards selling when long, and at `limit` contracts
// the side that would add to it is withdrawn.
//
// On data without quotes the last price stands for the middle.
//
// Source: the grid of the market-making tutorials of nkaz001/hftbacktest, with the
// inventory skew of M. Avellaneda and S. Stoikov (2008) in its linear form.
type gridMaker struct {
	levels  int
	spacing exchange.Price // in ticks
	skew    exchange.Price // in ticks at the limit
	qty     exchange.Qty
	limit   exchange.Qty
	symbol  exchange.SymbolID
	middle  exchange.Price
	stale   bool // something changed since the ladder was last laid
	shape   ladder
	wanted  [2][]exchange.Price
	leaving []exchange.ClientID // cancels on their way
}

// ladder is what the wanted prices follow from.
type ladder struct {
	bid, ask       exchange.Price // the best rung of each side
	bids, asks     int            // rungs
	tick, distance exchange.Price
}

func gridMakerDefinition() engine.Definition {
	return engine.Definition{
		Name:    "grid_maker",
		Summary: "Keeps a ladder of post-only orders around the middle, skewed by inventory",
		Source:  "hftbacktest's grid tutorial; skew after Avellaneda and Stoikov (2008)",
		Params: []engine.Param{
			engine.IntParam("levels", 3, 1, 100, "orders on each side"),
			engine.IntParam("spacing", 10, 1, 1_000_000, "ticks between orders"),
			engine.IntParam("skew", 20, 0, 1_000_000, "ticks by which a full inventory shifts the ladder"),
			engine.QtyParam("qty", 10, "contracts of an order"),
			engine.QtyParam("limit", 100, "contracts of inventory, either way"),
		},
		New: newGridMaker,
	}
}

func newGridMaker(v engine.Values) (engine.Strategy, error) {
	g := &gridMaker{levels: v.Int("levels"), spacing: exchange.Price(v.Int("spacing")), skew: exchange.Price(v.Int("skew")),
		qty: v.Qty("qty"), limit: v.Qty("limit")}
	if g.qty > g.limit {
		return nil, &engine.ParamError{Strategy: "grid_maker", Name: "qty", Value: fmt.Sprint(g.qty),
			Reason: fmt.Sprintf("must not exceed limit=%d", g.limit)}
	}
	return g, nil
}

// Init implements engine.Strategy.
func (g *gridMaker) Init(ctx *engine.Context) error {
	g.symbol = ctx.Symbol()
	if lot := ctx.Terms(g.symbol).LotSize; g.qty%lot != 0 {
		return fmt.Errorf("grid_maker: qty %d is no multiple of the lot of %d", g.qty, lot)
	}
	return nil
}

// OnQuote implements engine.QuoteHandler.
func (g *gridMaker) OnQuote(ctx *engine.Context, s exchange.SymbolID, q exchange.Quote) {
	if s == g.symbol && q.BidPrice != 0 && q.AskPrice != 0 {
		g.lay(ctx, q.Mid())
	}
}

// OnTrade implements engine.TradeHandler.
func (g *gridMaker) OnTrade(ctx *engine.Context, s exchange.SymbolID, t exchange.Trade) {
	if s == g.symbol && ctx.Quote(s) == (exchange.Quote{}) {
		g.lay(ctx, t.Price)
	}
}

// OnBar implements engine.BarHandler.
func (g *gridMaker) OnBar(ctx *engine.Context, bar *engine.Bar) {
	if bar.Symbol == g.symbol && ctx.Quote(g.symbol) == (exchange.Quote{}) {
		g.lay(ctx, bar.Close)
	}
}

// OnOrder implements engine.OrderHandler: whatever ends an order or fills a part of
// it, the ladder is laid anew at the next price.
func (g *gridMaker) OnOrder(_ *engine.Context, o *exchange.Order, what exchange.ExecType) {
	if what == exchange.ExecTrade {
		g.stale = true // the inventory changed
	}
	if o.Status.Final() {
		g.stale = true
		g.leaving = slices.DeleteFunc(g.leaving, func(id exchange.ClientID) bool { return id == o.ClientID })
	}
}

// OnReject implements engine.RejectHandler: the order was gone before its cancel
// arrived, or the cancel was lost and is due again.
func (g *gridMaker) OnReject(_ *engine.Context, r *exchange.Reject) {
	g.stale = true
	g.leaving = slices.DeleteFunc(g.leaving, func(id exchange.ClientID) bool { return id == r.ClientID })
}

// lay brings the orders to where they should be around a middle price.
func (g *gridMaker) lay(ctx *engine.Context, middle exchange.Price) {
	if middle == g.middle && !g.stale {
		return
	}
	g.middle = middle
	shape := g.around(ctx, middle)
	if shape == g.shape && !g.stale {
		return
	}
	g.shape, g.stale = shape, false
	g.wanted[0] = rungs(g.wanted[0][:0], shape.bid, -shape.distance, shape.bids, shape.tick)
	g.wanted[1] = rungs(g.wanted[1][:0], shape.ask, shape.distance, shape.asks, shape.tick)
	g.withdraw(ctx)
	g.place(ctx, exchange.Buy, g.wanted[0])
	g.place(ctx, exchange.Sell, g.wanted[1])
}

// around finds the ladder of a middle price at the present inventory.
func (g *gridMaker) around(ctx *engine.Context, middle exchange.Price) ladder {
	tick := ctx.Terms(g.symbol).TickSize
	held := ctx.PositionQty(g.symbol)
	shift := exchange.Price(exchange.MulDiv(int64(g.skew*tick), int64(held), int64(g.limit), exchange.Floor))
	distance := g.spacing * tick
	l := ladder{tick: tick, distance: distance,
		bid: (middle - shift - distance/2).FloorTick(distance), ask: (middle - shift + distance/2).CeilTick(distance),
		bids: min(g.levels, int(max(g.limit-held, 0)/g.qty)), asks: min(g.levels, int(max(g.limit+held, 0)/g.qty))}
	if q := ctx.Quote(g.symbol); q.BidPrice != 0 && q.AskPrice != 0 {
		// A skewed ladder may reach the other side, where post-only is refused.
		l.bid = min(l.bid, (q.AskPrice - tick).FloorTick(distance))
		l.ask = max(l.ask, (q.BidPrice + tick).CeilTick(distance))
	}
	return l
}

func rungs(dst []exchange.Price, from, step exchange.Price, n int, tick exchange.Price) []exchange.Price {
	for range n {
		if from >= tick {
			dst = append(dst, from)
		}
		from += step
	}
	return dst
}

// withdraw cancels the orders that stand where none should.
func (g *gridMaker) withdraw(ctx *engine.Context) {
	for _, o := range ctx.Orders(g.symbol) {
		if slices.Contains(g.wanted[o.Side-exchange.Buy], o.Price) || slices.Contains(g.leaving, o.ClientID) {
			continue
		}
		if err := ctx.Cancel(g.symbol, o.ClientID); err != nil {
			ctx.Log().Warn("cancel refused", "error", err)
			continue
		}
		g.leaving = append(g.leaving, o.ClientID)
	}
}

// place sends the orders that are missing on a side.
func (g *gridMaker) place(ctx *engine.Context, side exchange.Side, prices []exchange.Price) {
	for _, p := range prices {
		if g.stands(ctx, side, p) {
			continue
		}
		if _, err := ctx.Limit(g.symbol, side.Signed(g.qty), p, exchange.PostOnly); err != nil {
			warn(ctx, g.symbol, err)
		}
	}
}

func (g *gridMaker) stands(ctx *engine.Context, side exchange.Side, p exchange.Price) bool {
	for _, o := range ctx.Orders(g.symbol) {
		if o.Side == side && o.Price == p && !slices.Contains(g.leaving, o.ClientID) {
			return true
		}
	}
	return false
}

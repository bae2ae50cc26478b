package strategies

import (
	"slices"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// gridMaker keeps a ladder of post-only orders on each side of the market, on a
// fixed lattice of prices: as the market moves, most orders are still where they
// should be and keep their place in the queue. Inventory shifts the middle of the
// ladder by up to `skew` ticks, towards selling when long, and at the inventory limit
// the side that would add to it is withdrawn. Unless `spacing` says otherwise, orders are so
// far apart that a round trip pays its maker fees and edgeShare of the price besides.
//
// On data without quotes the last price stands for the middle.
//
// Source: the grid of the market-making tutorials of nkaz001/hftbacktest, with the
// inventory skew of M. Avellaneda and S. Stoikov (2008) in its linear form.
type gridMaker struct {
	levels  int
	spacing exchange.Price // in ticks; 0: by fees
	skew    exchange.Price // in ticks at the limit
	size    makerSize
	apart   exchange.Price // between orders, once there is a price
	line    exchange.Price // in the middle of the ladder, where no order is; without a spacing
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
		Params: append([]engine.Param{
			engine.IntParam("levels", 3, 1, 100, "orders on each side"),
			engine.IntParam("spacing", 0, 0, 1_000_000,
				"ticks between orders; 0: at least 10, and so many that a round trip pays its fees"),
			engine.IntParam("skew", 20, 0, 1_000_000, "ticks by which a full inventory shifts the ladder"),
		}, makerParams(exchange.RatioUnit/20)...),
		New: newGridMaker,
	}
}

func newGridMaker(v engine.Values) (engine.Strategy, error) {
	g := &gridMaker{
		levels:  v.Int("levels"),
		spacing: exchange.Price(v.Int("spacing")),
		skew:    exchange.Price(v.Int("skew")),
	}
	var err error
	if g.size, err = readMakerSize("grid_maker", v); err != nil {
		return nil, err
	}
	return g, nil
}

// Init implements engine.Strategy.
func (g *gridMaker) Init(ctx *engine.Context) error {
	g.symbol = ctx.Symbol()
	return g.size.check(ctx, g.symbol, "grid_maker")
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
	if middle == g.middle && !g.stale || ctx.WarmingUp() {
		return
	}
	g.middle = middle
	quotes, changed := g.size.refresh(ctx, g.symbol)
	if !quotes {
		g.shape, g.wanted = ladder{}, [2][]exchange.Price{}
		g.withdraw(ctx)
		return
	}
	if changed || g.apart == 0 {
		g.apart = g.distance(ctx.Terms(g.symbol), middle)
	}
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

// Default distance between the orders of a grid.
const (
	leastSpacing = 10                           // ticks
	edgeShare    = exchange.RatioUnit * 2 / 1e4 // of the price, beyond the maker fees of a round trip
)

// distance is how far apart orders are.
func (g *gridMaker) distance(t *exchange.Terms, middle exchange.Price) exchange.Price {
	if g.spacing != 0 {
		return g.spacing * t.TickSize
	}
	share := edgeShare + 2*max(t.MakerFee, 0)
	d := exchange.Price(exchange.MulDiv(int64(middle), int64(share), int64(exchange.RatioUnit), exchange.Ceil))
	return max(d.CeilTick(t.TickSize), leastSpacing*t.TickSize)
}

// around finds the ladder of a middle price at the present inventory.
func (g *gridMaker) around(ctx *engine.Context, middle exchange.Price) ladder {
	tick := ctx.Terms(g.symbol).TickSize
	held := ctx.PositionQty(g.symbol)
	shift := exchange.Price(exchange.MulDiv(int64(g.skew*tick), int64(held), int64(g.size.limit), exchange.Floor))
	distance := g.apart
	bid, ask := g.best(middle - shift)
	l := ladder{tick: tick, distance: distance, bid: bid, ask: ask,
		bids: min(g.levels, int(max(g.size.limit-held, 0)/g.size.qty)),
		asks: min(g.levels, int(max(g.size.limit+held, 0)/g.size.qty))}
	if q := ctx.Quote(g.symbol); q.BidPrice != 0 && q.AskPrice != 0 {
		// A skewed ladder may reach the other side, where post-only is refused.
		l.bid = min(l.bid, (q.AskPrice - tick).FloorTick(distance))
		l.ask = max(l.ask, (q.BidPrice + tick).CeilTick(distance))
	}
	return l
}

// best returns the best rung of each side around a centre: half a distance away at least if the
// spacing was given. Otherwise the line in the middle stays until the centre is beyond the next
// one. Orders that far from each other would be withdrawn before the market reaches them.
func (g *gridMaker) best(centre exchange.Price) (bid, ask exchange.Price) {
	d := g.apart
	if g.spacing != 0 {
		return (centre - d/2).FloorTick(d), (centre + d/2).CeilTick(d)
	}
	switch {
	case g.line == 0 || g.line%d != 0:
		g.line = centre.RoundTick(d)
	case centre < g.line-d:
		g.line = centre.CeilTick(d)
	case centre > g.line+d:
		g.line = centre.FloorTick(d)
	}
	return g.line - d, g.line + d
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
		if _, err := ctx.Limit(g.symbol, side.Signed(g.size.qty), p, exchange.PostOnly); err != nil {
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

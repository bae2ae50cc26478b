package sim

import (
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
)

// liquidateDoomed deals with the positions that the account cannot hold any more, in
// the venue's steps, until one of them is enough: the orders of their symbols are
// cancelled; risk limits that were raised are lowered to what the positions are worth;
// what is above the next lower risk limit is closed in the market; what is left is
// taken over. Nothing of it waits for data: where the market is too old to trade at
// ([MaxAge]), it closes nothing, and the position is taken over whole.
func (x *Exchange) liquidateDoomed(t exchange.Time) {
	if !x.doomed {
		return
	}
	x.doomed = false
	for {
		due := x.doomedSymbols(t)
		for _, s := range due {
			x.cancelDoomed(s)
		}
		if len(due) == 0 || !x.lowerRisk(due, t) && !x.reduceRisk(due, t) {
			x.takeOver(due, t)
			return
		}
	}
}

// liquidating reports whether the position of a symbol is about to be liquidated: the
// mark has called for it, and its turn in this instant has not come.
func (x *Exchange) liquidating(s *symbol) bool {
	return x.doomed && x.calledFor(s)
}

// calledFor is liquidating where some position is.
func (x *Exchange) calledFor(s *symbol) bool {
	return slices.Contains(x.account.MustLiquidate(x.at), s.id)
}

// doomedSymbols returns the symbols to be liquidated, by id. The account uses its
// slice again.
func (x *Exchange) doomedSymbols(t exchange.Time) (due []*symbol) {
	for _, id := range x.account.MustLiquidate(t) {
		if s := x.byID[id]; s != nil {
			due = append(due, s)
		}
	}
	return due
}

func (x *Exchange) cancelDoomed(s *symbol) {
	for _, o := range x.selected(exchange.CancelFilter{Symbol: s.id}) {
		if o.state != gone {
			x.cancel(o, "Canceled: Position in liquidation")
		}
	}
}

// lowerRisk lowers the risk limits that are higher than the positions need.
func (x *Exchange) lowerRisk(due []*symbol, t exchange.Time) (lowered bool) {
	for _, s := range due {
		if x.account.LowerRiskLimit(s.id, t) {
			x.reportAccount(s)
			lowered = true
		}
	}
	return lowered
}

// reduceRisk closes what positions have above their next lower risk limit, each whole
// at what the market pays within the bankruptcy price, or not at all.
func (x *Exchange) reduceRisk(due []*symbol, t exchange.Time) (reduced bool) {
	for _, s := range due {
		qty, limit := x.account.Excess(s.id, t)
		if qty == 0 || x.stale(s) {
			continue
		}
		o := &order{s: s, Order: exchange.Order{Symbol: s.id, Side: exchange.SideOf(-s.pos), Qty: qty, Leaves: qty, Price: limit,
			Type: exchange.Limit, TimeInForce: exchange.FillOrKill}}
		if x.fillable(o, limit) {
			x.stats.Reductions++
			x.reduce(o)
			reduced = true
		}
	}
	return reduced
}

// reduce closes a part of a position with an order of the venue's.
func (x *Exchange) reduce(o *order) {
	s := o.s
	c, push := x.offers(s, o.Side, o.Price), x.push(s)
	c.forced = true
	for o.Leaves > 0 {
		p, q, ok := c.next()
		if !ok {
			break
		}
		if q = s.lots(min(q, o.Leaves), o.Leaves); q <= 0 {
			continue
		}
		s.take(o.Side.Opposite(), p, q)
		o.Leaves -= q
		f := exchange.Fill{Symbol: s.id, Side: o.Side, Qty: q, Price: push.price(o.Side, p, q, o.Price, s.terms.TickSize),
			Type: exchange.ExecLiquidation, Liquidity: exchange.RemovedLiquidity, Time: x.at}
		x.account.Fill(&f)
		x.forced(s, &f, "Liquidation")
	}
	if x.cfg.NoConsumption {
		s.give()
	}
}

// takeOver hands positions to the insurance fund.
func (x *Exchange) takeOver(due []*symbol, t exchange.Time) {
	for _, s := range due {
		f, held := x.account.Liquidate(s.id, t)
		if held == nil {
			continue
		}
		x.stats.Liquidations++
		x.forced(s, &f, "Liquidation")
		x.unwind(s, held)
	}
}

// unwind closes what the insurance fund has taken over with an order of the venue's: at
// what the market pays, beyond the bankruptcy price as far as the fund can bear it. The
// rest is closed at the bankruptcy price by deleveraging, and so is everything when the
// data of the market is too old to trade at.
func (x *Exchange) unwind(s *symbol, held *ledger.Takeover) {
	side := exchange.SideOf(-held.Qty())
	c, push := x.offers(s, side, 0), x.push(s)
	c.forced = true
	for held.Qty() != 0 {
		p, q, ok := c.next()
		if !ok || x.stale(s) {
			break
		}
		left := held.Qty().Abs()
		if q = s.lots(min(q, left), left); q <= 0 {
			continue
		}
		closed := held.Close(q, push.price(side, p, q, 0, s.terms.TickSize))
		s.take(side.Opposite(), p, closed)
		if closed < q {
			break
		}
	}
	held.Settle(x.account.Position(s.id).MarkPrice)
	if x.cfg.NoConsumption {
		s.give()
	}
}

// forced reports an execution that the venue made without an order of ours. Each has
// an order id of its own, so that each has its own row in the table of orders. The
// venue shows one id of zeros for all of them; the gateway does too.
func (x *Exchange) forced(s *symbol, f *exchange.Fill, text string) {
	f.ExecID, f.OrderID, f.Cause = x.execID(), exchange.OrderID(x.forcedIDs.next()), exchange.ForcedClose
	x.stats.Fills[exchange.ForcedClose]++
	r := x.report(s, exchange.ReportFill, f.Type)
	r.Fill = *f
	r.Order = exchange.Order{
		OrderID: f.OrderID, Symbol: s.id, Side: f.Side, Qty: f.Qty, Price: f.Price, Type: exchange.Limit,
		TimeInForce: exchange.ImmediateOrCancel, Status: exchange.Filled, Filled: f.Qty, AvgPrice: f.Price,
		Text: text, TransactTime: f.Time, Time: f.Time,
	}
	x.setPosition(s, f.Position)
}

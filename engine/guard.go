package engine

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Limits are what the risk guard holds a strategy to, in every mode. A zero is no
// limit. Orders that only reduce a position are refused for their form (size, price,
// rate) and never for the position or the losses, so that there is always a way out.
type Limits struct {
	OrderQty        exchange.Qty   // contracts of an order
	OrderValue      exchange.Money // of an order at its price, else at the newest one
	PositionQty     exchange.Qty   // contracts of a symbol with the open orders of the side filled
	PositionValue   exchange.Money // of the same at the newest price
	PriceCollar     exchange.Ratio // how far a limit or stop price may be from the middle, as a share of it
	OrdersPerMinute int            // new orders and amendments of all symbols in any 60 seconds
	OpenOrders      int            // of a symbol
	Spread          exchange.Ratio // between bid and ask, as a share of the middle
	// age of the newest market data of the symbol; by the venue's clock where it is heard live
	Stale time.Duration

	// These trip the guard: open orders are cancelled, repeatedly until the exchange confirms
	// that none is left, and from then on only orders that reduce a position pass.
	DailyLoss  exchange.Money // equity lost since the first instant of the UTC day
	Drawdown   exchange.Ratio // share of the highest equity that was lost
	Rejections int            // of the exchange in a row
}

// Rules of the guard, as refusals name them.
const (
	RuleOrderQty        = "order-qty"
	RuleOrderValue      = "order-value"
	RulePositionQty     = "position-qty"
	RulePositionValue   = "position-value"
	RulePriceCollar     = "price-collar"
	RuleOrdersPerMinute = "orders-per-minute"
	RuleOpenOrders      = "open-orders"
	RuleSpread          = "spread"
	RuleStale           = "stale"
	RuleDailyLoss       = "daily-loss"
	RuleDrawdown        = "drawdown"
	RuleRejections      = "rejections"
	RuleKillSwitch      = "kill-switch"
	RuleDisconnected    = "disconnected" // the account of a live venue is not heard
	RuleLeaving         = "leaving"      // a live session ends for now
	RuleDifference      = "difference"   // the account of a live venue is not what its reports came to
	RuleFlatten         = "flatten"      // the positions are being closed
)

// RiskError is the guard's refusal of an order.
type RiskError struct {
	Rule   string
	Symbol string
	Reason string // what was asked for, and the limit
}

// Error implements error.
func (e *RiskError) Error() string {
	return fmt.Sprintf("risk guard: %s: %s: %s", e.Symbol, e.Rule, e.Reason)
}

// RiskHandler hears that the guard has tripped.
type RiskHandler interface {
	OnRisk(ctx *Context, rule, reason string)
}

// guard enforces limits. It knows what the strategy knows: the account as reported
// and the market as it has arrived.
type guard struct {
	limits  Limits
	active  bool // any limit is set
	watches bool // a limit that can trip is set
	tripped string
	reason  string
	leaving bool // the session ends, and lets no order pass
	// flattening: the positions are being closed, and no order of the strategy passes, since
	// one that reduces a position would compete with the order that closes it.
	flattening bool

	sent    []exchange.Time // of the newest orders, a ring of OrdersPerMinute
	at      int
	seen    []exchange.Time // newest market event by symbol
	day     exchange.Time
	opening exchange.Money // equity at the first instant of the day
	peak    exchange.Money
	inRow   int
	refused map[string]int64
}

func newGuard(l Limits, symbols int) guard {
	return guard{limits: l, active: l != Limits{}, watches: l.trips(),
		sent: make([]exchange.Time, 0, l.OrdersPerMinute), seen: make([]exchange.Time, symbols), day: -1,
		refused: make(map[string]int64)}
}

// intent is a new order or an amendment as the guard sees it.
type intent struct {
	symbol  exchange.SymbolID
	side    exchange.Side
	qty     exchange.Qty // of the order
	more    exchange.Qty // than is open already: all of a new order
	prices  [2]exchange.Price
	reduces bool // it says so itself
	fresh   bool // not an amendment
}

// shrinks reports whether it does nothing but make an open order smaller: one that
// moves its price too could bring about the fill that the guard wants to prevent.
func (w *intent) shrinks() bool { return w.more < 0 && w.prices == [2]exchange.Price{} }

// check returns why an order may not be sent.
func (g *guard) check(c *Context, w *intent) error {
	v := &c.view.symbols[w.symbol]
	refuse := func(rule, format string, args ...any) error {
		g.refused[rule]++
		err := &RiskError{Rule: rule, Symbol: v.inst.Name(), Reason: fmt.Sprintf(format, args...)}
		// A strategy may ask again at every event: the log tells of the 1st, 2nd, 4th, 8th ...
		if n := g.refused[rule]; n&(n-1) == 0 {
			c.log.Warn("risk guard refuses an order", "rule", rule, "symbol", err.Symbol, "reason", err.Reason, "times", n)
		}
		return err
	}
	if g.leaving && !w.shrinks() {
		return refuse(RuleLeaving, "the session ends for now")
	}
	if g.flattening && !w.shrinks() {
		return refuse(RuleFlatten, "the positions are being closed")
	}
	closes := w.reduces || g.onlyReduces(v, w)
	reduces := closes || w.more <= 0
	if g.tripped != "" && !closes && !w.shrinks() {
		return refuse(g.tripped, "tripped: %s", g.reason)
	}
	if err := g.checkForm(c, v, w, refuse); err != nil {
		return err
	}
	if !reduces {
		if err := g.checkPosition(v, w, refuse); err != nil {
			return err
		}
	}
	return g.checkRate(c.e.now, refuse)
}

type refusal func(rule, format string, args ...any) error

// checkForm looks at the order itself and at the market that it would meet.
func (g *guard) checkForm(c *Context, v *symbolView, w *intent, refuse refusal) error {
	l := &g.limits
	if l.OrderQty > 0 && w.qty > l.OrderQty {
		return refuse(RuleOrderQty, "%d contracts, limit %d", w.qty, l.OrderQty)
	}
	if at := cmp.Or(w.prices[0], w.prices[1], v.priceNow()); l.OrderValue > 0 && at > 0 {
		if value := v.terms.ValueAtMost(w.qty, at); value > l.OrderValue {
			return refuse(RuleOrderValue, "value %s, limit %s", v.inst.Settle.Text(value), v.inst.Settle.Text(l.OrderValue))
		}
	}
	if middle := v.middle(); l.PriceCollar > 0 && middle > 0 {
		for _, p := range w.prices {
			if off := shareOf(p-middle, middle); p > 0 && off > l.PriceCollar {
				return refuse(RulePriceCollar, "%s is %s away from %s, limit %s", p, off, middle, l.PriceCollar)
			}
		}
	}
	if q := v.quote; l.Spread > 0 && q.Mid() > 0 {
		if wide := shareOf(q.AskPrice-q.BidPrice, q.Mid()); wide > l.Spread {
			return refuse(RuleSpread, "%s, limit %s", wide, l.Spread)
		}
	}
	if age := c.e.now.Sub(g.seen[w.symbol]); l.Stale > 0 && age > l.Stale {
		return refuse(RuleStale, "the newest market data is %s old, limit %s", age, l.Stale)
	}
	return nil
}

// checkPosition looks at what the position could become.
func (g *guard) checkPosition(v *symbolView, w *intent, refuse refusal) error {
	l := &g.limits
	if l.OpenOrders > 0 && w.fresh && len(v.orders) >= l.OpenOrders {
		return refuse(RuleOpenOrders, "%d are open, limit %d", len(v.orders), l.OpenOrders)
	}
	could := (v.position.Qty + w.side.Signed(v.openQty(w.side)+min(w.more, exchange.MaxEventQty))).Abs()
	if l.PositionQty > 0 && could > l.PositionQty {
		return refuse(RulePositionQty, "could become %d contracts, limit %d", could, l.PositionQty)
	}
	if price := v.priceNow(); l.PositionValue > 0 && price > 0 {
		if value := v.terms.ValueAtMost(could, price); value > l.PositionValue {
			return refuse(RulePositionValue, "could become a value of %s, limit %s", v.inst.Settle.Text(value),
				v.inst.Settle.Text(l.PositionValue))
		}
	}
	return nil
}

// checkRate comes last: what is refused for another reason does not count.
func (g *guard) checkRate(now exchange.Time, refuse refusal) error {
	most := g.limits.OrdersPerMinute
	if most == 0 {
		return nil
	}
	if len(g.sent) < most {
		g.sent = append(g.sent, now)
		return nil
	}
	if now.Sub(g.sent[g.at]) < time.Minute {
		return refuse(RuleOrdersPerMinute, "limit %d", most)
	}
	g.sent[g.at] = now
	g.at = (g.at + 1) % most
	return nil
}

// onlyReduces reports whether an order with those that are open on its side can do
// no more than close the position.
func (g *guard) onlyReduces(v *symbolView, w *intent) bool {
	held := v.position.Qty
	return held != 0 && w.side == exchange.SideOf(-held) && v.openQty(w.side)+w.more <= held.Abs()
}

// market notes that an event of a symbol has arrived that was true at an instant.
func (g *guard) market(s exchange.SymbolID, at exchange.Time) { g.seen[s] = max(g.seen[s], at) }

// report follows rejections.
func (g *guard) report(r *exchange.Report) {
	switch {
	case r.Kind == exchange.ReportReject, r.Kind == exchange.ReportOrder && r.ExecType == exchange.ExecRejected:
		g.inRow++
	case r.Kind == exchange.ReportOrder && r.ExecType == exchange.ExecNew, r.Kind == exchange.ReportFill:
		g.inRow = 0
	}
}

// watch trips the guard when a limit on losses or rejections is passed.
func (g *guard) watch(ctx context.Context, e *Engine) error {
	if !g.watches || g.tripped != "" {
		return nil
	}
	l := &g.limits
	equity := e.ctx.Margin().Balance
	if day := e.now.Date(); day != g.day {
		g.day, g.opening = day, equity
	}
	g.peak = max(g.peak, equity)
	switch lost := g.peak - equity; {
	case l.DailyLoss > 0 && g.opening-equity >= l.DailyLoss:
		return g.trip(ctx, e, RuleDailyLoss,
			fmt.Sprintf("%s lost since midnight UTC, limit %s", e.money(g.opening-equity), e.money(l.DailyLoss)))
	case l.Drawdown > 0 && g.peak > 0 && part(int64(lost), int64(g.peak)) >= l.Drawdown:
		return g.trip(
			ctx,
			e,
			RuleDrawdown,
			fmt.Sprintf("equity %s after %s, limit %s", e.money(equity), e.money(g.peak), l.Drawdown),
		)
	case l.Rejections > 0 && g.inRow >= l.Rejections:
		return g.trip(ctx, e, RuleRejections, fmt.Sprintf("%d in a row", g.inRow))
	}
	return nil
}

// money prints an amount of the account's first wallet.
func (e *Engine) money(m exchange.Money) string {
	return e.cfg.Instruments.Get(e.cfg.Symbols[0]).Settle.Text(m)
}

// refresh decides whether orders are checked at all.
func (g *guard) refresh() { g.active = g.limits != Limits{} || g.tripped != "" || g.flattening }

// trip latches: nothing but an operator's word or the end of the run undoes it.
func (g *guard) trip(ctx context.Context, e *Engine, rule, reason string) error {
	g.latch(e, rule, reason)
	e.pursuit.killed = true
	if !e.guard.flattening { // which cancels the orders too
		e.pursuit.begin(GoalNoOrders, rule, "Risk guard: "+rule, e.now)
		if err := e.attempt(ctx, e.now); err != nil {
			return err
		}
	}
	g.tell(e)
	return nil
}

// hold refuses new orders and leaves those that are open. What has tripped already
// stays what it is.
func (g *guard) hold(e *Engine, rule, reason string) {
	if g.tripped != "" && !passing(g.tripped) {
		return
	}
	g.latch(e, rule, reason)
	g.tell(e)
}

func (g *guard) latch(e *Engine, rule, reason string) {
	g.tripped, g.reason, g.active = rule, reason, true
	e.summary.Tripped = &Trip{At: e.now, Rule: rule, Reason: reason}
	say := e.ctx.log.Error
	if passing(rule) {
		say = e.ctx.log.Warn
	}
	say("risk guard trips", "rule", rule, "reason", reason)
}

func (g *guard) tell(e *Engine) {
	if e.h.risk != nil {
		e.h.risk.OnRisk(e.ctx, g.tripped, g.reason)
	}
}

// passing reports whether a rule ends by itself.
func passing(rule string) bool { return rule == RuleDisconnected || rule == RuleLeaving }

// Trip is when and why the guard tripped.
type Trip struct {
	At     exchange.Time
	Rule   string
	Reason string
}

// shareOf returns |a| as a share of b > 0.
func shareOf(a, b exchange.Price) exchange.Ratio {
	return part(max(int64(a), -int64(a)), int64(b))
}

// part returns a >= 0 as a share of b > 0, or the greatest Ratio if the share is greater:
// an equity of a few satoshis can lose billions of times as much.
func part(a, b int64) exchange.Ratio {
	if a/b >= math.MaxInt64/int64(exchange.RatioUnit) {
		return math.MaxInt64
	}
	return exchange.Ratio(exchange.MulDiv(a, int64(exchange.RatioUnit), b, exchange.Nearest))
}

// openQty is what is open on a side and does not only reduce.
func (s *symbolView) openQty(side exchange.Side) (total exchange.Qty) {
	for i := range s.orders {
		if o := &s.orders[i]; o.Side == side && o.ExecInst&(exchange.ReduceOnly|exchange.Close) == 0 {
			total += o.Leaves
		}
	}
	return total
}

// middle is the middle of the quote, else the newest price.
func (s *symbolView) middle() exchange.Price {
	if m := s.quote.Mid(); m > 0 {
		return m
	}
	return s.priceNow()
}

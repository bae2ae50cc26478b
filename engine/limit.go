package engine

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Limit is the number of one of [Limits], by which a running session is told to change it.
// Journals hold these numbers: they do not change.
type Limit int

// Numbers of limits.
const (
	LimitOrderQty Limit = iota + 1
	LimitOrderValue
	LimitPositionQty
	LimitPositionValue
	LimitPriceCollar
	LimitOrdersPerMinute
	LimitOpenOrders
	LimitSpread
	LimitStale
	LimitDailyLoss
	LimitDrawdown
	LimitRejections
)

// AllLimits are the numbers of all limits.
var AllLimits = []Limit{
	LimitOrderQty, LimitOrderValue, LimitPositionQty, LimitPositionValue, LimitPriceCollar, LimitOrdersPerMinute,
	LimitOpenOrders, LimitSpread, LimitStale, LimitDailyLoss, LimitDrawdown, LimitRejections,
}

// Get returns a limit as a number: contracts, the smallest unit of money, units of a ratio,
// nanoseconds or a count. 0 is no limit, and that of a number that no limit has.
func (l *Limits) Get(n Limit) int64 {
	switch n {
	case LimitOrderQty:
		return int64(l.OrderQty)
	case LimitOrderValue:
		return int64(l.OrderValue)
	case LimitPositionQty:
		return int64(l.PositionQty)
	case LimitPositionValue:
		return int64(l.PositionValue)
	case LimitPriceCollar:
		return int64(l.PriceCollar)
	case LimitOrdersPerMinute:
		return int64(l.OrdersPerMinute)
	case LimitOpenOrders:
		return int64(l.OpenOrders)
	case LimitSpread:
		return int64(l.Spread)
	case LimitStale:
		return int64(l.Stale)
	case LimitDailyLoss:
		return int64(l.DailyLoss)
	case LimitDrawdown:
		return int64(l.Drawdown)
	case LimitRejections:
		return int64(l.Rejections)
	}
	return 0
}

// Set changes a limit to a number as [Limits.Get] returns it. A number that no limit has
// changes nothing.
func (l *Limits) Set(n Limit, v int64) {
	switch n {
	case LimitOrderQty:
		l.OrderQty = exchange.Qty(v)
	case LimitOrderValue:
		l.OrderValue = exchange.Money(v)
	case LimitPositionQty:
		l.PositionQty = exchange.Qty(v)
	case LimitPositionValue:
		l.PositionValue = exchange.Money(v)
	case LimitPriceCollar:
		l.PriceCollar = exchange.Ratio(v)
	case LimitOrdersPerMinute:
		l.OrdersPerMinute = int(v)
	case LimitOpenOrders:
		l.OpenOrders = int(v)
	case LimitSpread:
		l.Spread = exchange.Ratio(v)
	case LimitStale:
		l.Stale = time.Duration(v)
	case LimitDailyLoss:
		l.DailyLoss = exchange.Money(v)
	case LimitDrawdown:
		l.Drawdown = exchange.Ratio(v)
	case LimitRejections:
		l.Rejections = int(v)
	}
}

// Looser reports whether a value of a limit lets more pass than another; 0 is no limit.
func Looser(v, than int64) bool { return than != 0 && (v == 0 || v > than) }

// Limits are those in force.
func (e *Engine) Limits() Limits { return e.guard.limits }

// set changes a limit. What was sent and lost before counts, as far as it was counted: the
// losses if one of them had a limit, the orders of the last minute if their rate had one.
func (g *guard) set(e *Engine, n Limit, v int64) {
	before := g.limits.Get(n)
	g.limits.Set(n, max(0, v))
	if n == LimitOrdersPerMinute {
		g.resize(g.limits.OrdersPerMinute)
	}
	g.watches = g.limits.trips()
	g.refresh()
	e.ctx.log.Warn("limit", "number", int(n), "before", before, "now", v)
}

// resize keeps the newest orders of the ring, oldest first.
func (g *guard) resize(most int) {
	inOrder := make([]exchange.Time, 0, len(g.sent))
	inOrder = append(append(inOrder, g.sent[g.at:]...), g.sent[:g.at]...)
	g.sent, g.at = inOrder[max(0, len(inOrder)-most):], 0
}

// trips reports whether a limit is set that can trip the guard.
func (l *Limits) trips() bool { return l.DailyLoss != 0 || l.Drawdown != 0 || l.Rejections != 0 }

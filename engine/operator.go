package engine

import (
	"context"

	"github.com/dunamis-engine/dunamis/exchange"
)

// obey does what the operator of a session asked for at this instant. None of it goes
// by way of the strategy, and the risk guard has no say.
func (e *Engine) obey(ctx context.Context, t exchange.Time) error {
	if len(e.asked) == 0 {
		return nil
	}
	asked := e.asked
	e.asked = nil
	if err := e.advance(ctx, t); err != nil { // so that commands begin their way now
		return err
	}
	for i := range asked {
		a := &asked[i]
		if a.operation == exchange.OperationLimit {
			e.guard.set(e, Limit(a.number), a.value)
			continue
		}
		if err := e.operate(ctx, a.operation); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) operate(ctx context.Context, o exchange.Operation) error {
	switch o {
	case exchange.OperationKill:
		return e.guard.trip(ctx, e, RuleKillSwitch, "the operator asked for it")
	case exchange.OperationFlatten:
		return e.flatten(ctx)
	case exchange.OperationClear:
		e.pursuit.end()
		e.guard.clear(e)
	case exchange.OperationHold:
		e.pursuit.heard(false, e.now)
		e.guard.hold(e, RuleDisconnected, "the account is not heard")
	case exchange.OperationLeave:
		// An order that closes would have to be cancelled as well, and so there would
		// be no end.
		e.guard.leaving = true
		e.guard.hold(e, RuleLeaving, "the session ends for now")
		e.pursuit.leaving = true
		goal := GoalNoOrders
		if e.pursuit.flat { // it is taken up again by the next run
			goal = GoalFlat
		}
		e.pursuit.begin(goal, RuleLeaving, "Session ends for now", e.now)
		return e.attempt(ctx, e.now)
	case exchange.OperationRelease:
		e.guard.leaving = false
		e.pursuit.released()
		e.pursuit.heard(true, e.now)
		if passing(e.guard.tripped) {
			e.guard.release(e)
		}
	case exchange.OperationResume:
		e.pursuit.heard(true, e.now)
		if !e.guard.leaving && passing(e.guard.tripped) {
			e.guard.release(e)
		}
	case exchange.OperationDistrust:
		return e.guard.trip(ctx, e, RuleDifference, "the venue has reported of the account what cannot be right")
	case exchange.OperationDoubt:
		e.guard.hold(e, RuleDifference, "the account is not what its reports came to")
	}
	return nil
}

// flatten cancels all orders and closes all positions at the market, until the exchange's
// reports confirm that nothing is left. Meanwhile no order of the strategy passes.
func (e *Engine) flatten(ctx context.Context) error {
	e.guard.flattening, e.guard.active = true, true
	e.pursuit.flat = true
	e.pursuit.begin(GoalFlat, RuleFlatten, "Flatten", e.now)
	return e.attempt(ctx, e.now)
}

// clear lets orders through again, and begins the losses anew: what tripped the guard
// would trip it again at once.
func (g *guard) clear(e *Engine) {
	g.flattening = false
	if g.tripped == "" {
		g.refresh()
		return
	}
	g.release(e)
	g.inRow = 0
	g.opening = e.ctx.Margin().Balance
	g.peak = g.opening
}

// release lets orders through again; the losses so far count on.
func (g *guard) release(e *Engine) {
	e.ctx.log.Warn("risk guard is cleared", "rule", g.tripped)
	g.tripped, g.reason = "", ""
	g.refresh()
	e.summary.Tripped = nil
}

package engine

import (
	"context"
	"fmt"

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
	for _, operation := range asked {
		if err := e.operate(ctx, operation); err != nil {
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
		e.guard.clear(e)
	case exchange.OperationHold:
		e.guard.hold(e, RuleDisconnected, "the account is not heard")
	case exchange.OperationLeave:
		// An order that closes would have to be cancelled as well, and so there would
		// be no end.
		e.guard.leaving = true
		e.guard.hold(e, RuleLeaving, "the session ends for now")
		return e.cancelOrders(ctx, "Session ends for now")
	case exchange.OperationRelease:
		e.guard.leaving = false
		if passing(e.guard.tripped) {
			e.guard.release(e)
		}
	case exchange.OperationResume:
		if !e.guard.leaving && passing(e.guard.tripped) {
			e.guard.release(e)
		}
	case exchange.OperationDoubt:
		e.guard.hold(e, RuleDifference, "the account is not what its reports came to")
	}
	return nil
}

// cancelOrders cancels the orders of every symbol. There may be some that are not known
// to be open yet.
func (e *Engine) cancelOrders(ctx context.Context, text string) error {
	for _, id := range e.cfg.Symbols {
		if err := e.cfg.Exchange.CancelAll(ctx, exchange.CancelFilter{Symbol: id, Text: text}); err != nil {
			return fmt.Errorf("cancel orders of %s: %w", e.ctx.view.symbols[id].inst.Name(), err)
		}
	}
	return nil
}

// flatten cancels all orders and closes all positions at the market.
func (e *Engine) flatten(ctx context.Context) error {
	if err := e.cancelOrders(ctx, "Flatten"); err != nil {
		return fmt.Errorf("flatten: %w", err)
	}
	for _, id := range e.cfg.Symbols {
		s := &e.ctx.view.symbols[id]
		if s.position.Qty == 0 {
			continue
		}
		if _, err := e.cfg.Exchange.ClosePosition(ctx, id); err != nil {
			return fmt.Errorf("flatten: close the position of %s: %w", s.inst.Name(), err)
		}
	}
	return nil
}

// clear lets orders through again, and begins the losses anew: what tripped the guard
// would trip it again at once.
func (g *guard) clear(e *Engine) {
	if g.tripped == "" {
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
	g.tripped, g.reason, g.active = "", "", g.limits != Limits{}
	e.summary.Tripped = nil
}

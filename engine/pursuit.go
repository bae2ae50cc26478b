package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Goals of a pursuit.
const (
	GoalNoOrders = "no-orders" // no order is open
	GoalFlat     = "flat"      // no order is open and every position is 0
)

// Times between the attempts of a pursuit. They are engine time, so that a session that is
// played again makes the same attempts.
const (
	// pursuitWait is longer than an order and its report travel in any latency model that
	// is in use: where nothing is lost there is one attempt.
	pursuitWait    = 2 * time.Second
	pursuitMaxWait = 10 * time.Second
	// closePatience is how long a close order of which nothing was reported counts as on
	// its way. A second one does no harm: it closes what is left.
	closePatience = 30 * time.Second
)

// Pursuit is a state of the account that the engine brings about: no open orders, or flat.
// A request may be lost, refused or answered late, and a market may be too thin to close a
// position at once, so the engine repeats its requests until the reports of the exchange
// confirm the state. "Killed" stays in force after that: an order that shows up late is
// cancelled too.
type Pursuit struct {
	Goal      string              // GoalNoOrders or GoalFlat
	Rule      string              // what requires it: a rule of the guard, or RuleFlatten
	Since     exchange.Time       // when it was required
	Attempts  int                 // rounds of requests so far
	Last      exchange.Time       // of the newest round
	Next      exchange.Time       // of the next one, unless reports confirm the state first; 0: none is due
	Confirmed exchange.Time       // 0: not confirmed
	Orders    []exchange.Order    // that are open and should not be
	Positions []exchange.Position // that are not 0 and should be
}

// pursuit is the engine's side of a Pursuit. Three requirements may be in force at once.
type pursuit struct {
	killed  bool // the guard has tripped, until OperationClear
	leaving bool // the session ends for now, until OperationRelease
	flat    bool // until it is confirmed, or OperationClear

	goal, rule, text string
	since, last      exchange.Time
	attempts         int
	wait             time.Duration
	due              exchange.Time // of the next attempt; Never: none
	confirmed        exchange.Time
	changed          bool // a report came since the last look
	deaf             bool // the account is not heard: what is open is not known

	allowed map[exchange.ClientID]bool          // orders that the guard has let pass since
	closing map[exchange.SymbolID]*closingOrder // by the symbol whose position it closes
}

type closingOrder struct {
	id   exchange.ClientID
	sent exchange.Time
	seen bool
}

func newPursuit() pursuit { return pursuit{due: exchange.Never} }

// on reports whether some state is required.
func (p *pursuit) on() bool { return p.killed || p.leaving || p.flat }

// unconfirmed reports whether attempts are under way.
func (p *pursuit) unconfirmed() bool { return p.on() && p.confirmed == 0 }

// begin requires a state from now on. The caller has set which. Orders that were let pass
// before are no exception any more.
func (p *pursuit) begin(goal, rule, text string, now exchange.Time) {
	p.goal, p.rule, p.text, p.since = goal, rule, text, now
	p.attempts, p.confirmed, p.wait, p.due, p.changed = 0, 0, pursuitWait, now, true
	clear(p.allowed)
}

// end requires nothing any more.
func (p *pursuit) end() {
	deaf := p.deaf
	*p = newPursuit()
	p.deaf = deaf
}

// released ends what OperationLeave began.
func (p *pursuit) released() {
	if p.leaving = false; !p.on() {
		p.end()
	}
}

// heard says whether the account is heard. Once it is again, the next attempt is due.
func (p *pursuit) heard(is bool, now exchange.Time) {
	p.deaf = !is
	if is && p.unconfirmed() {
		p.wait, p.due, p.changed = pursuitWait, now, true
	}
}

// allow notes an order that is sent while orders are to be cancelled: one that the guard
// lets pass.
func (p *pursuit) allow(id exchange.ClientID) {
	if p.on() && id != "" {
		if p.allowed == nil {
			p.allowed = map[exchange.ClientID]bool{}
		}
		p.allowed[id] = true
	}
}

// renamed follows an amendment that gives an order another name.
func (p *pursuit) renamed(a *exchange.AmendOrder) {
	if a.ClientID != "" && p.allowed[a.OrigClientID] {
		p.allowed[a.ClientID] = true
	}
}

// report notes what became of orders.
func (p *pursuit) report(r *exchange.Report, now exchange.Time) {
	p.changed = true
	if r.Kind != exchange.ReportOrder && r.Kind != exchange.ReportFill || r.Order.ClientID == "" {
		return
	}
	c := p.closing[r.Order.Symbol]
	if c == nil || c.id != r.Order.ClientID {
		return
	}
	c.seen = true
	if !r.Order.Status.Final() {
		return
	}
	delete(p.closing, r.Order.Symbol)
	if r.Order.Filled > 0 && p.unconfirmed() { // the market is thin: the rest is closed as it refills
		p.wait, p.due = pursuitWait, min(p.due, now.Add(pursuitWait))
	}
}

// pursue looks whether the state that is required is there, and makes an attempt if one is
// due.
func (e *Engine) pursue(ctx context.Context, t exchange.Time) error {
	p := &e.pursuit
	if !p.on() || !p.changed && p.due > t {
		return nil
	}
	p.changed = false
	if !e.unfinished() {
		p.due = exchange.Never
		if !p.deaf && p.confirmed == 0 {
			e.confirm(t)
		}
		return nil
	}
	if p.confirmed != 0 || p.due == exchange.Never { // an order or a position that was not known
		p.confirmed, p.wait, p.due = 0, pursuitWait, t
	}
	if p.due > t {
		return nil
	}
	return e.attempt(ctx, t)
}

// unfinished reports whether anything is open that should not be.
func (e *Engine) unfinished() bool {
	for _, id := range e.cfg.Symbols {
		s := &e.ctx.view.symbols[id]
		if e.pursuit.flat && s.position.Qty != 0 || e.pursuit.cancels(s) {
			return true
		}
	}
	return false
}

// cancels reports whether a symbol has an order that is to be cancelled.
func (p *pursuit) cancels(s *symbolView) bool {
	return slices.ContainsFunc(s.orders, func(o exchange.Order) bool { return !p.allowed[o.ClientID] })
}

// spares reports whether a symbol has an order that may stay open, or one that closes.
func (p *pursuit) spares(id exchange.SymbolID, s *symbolView) bool {
	return p.closing[id] != nil ||
		slices.ContainsFunc(s.orders, func(o exchange.Order) bool { return p.allowed[o.ClientID] })
}

// confirm notes that the state is there, as far as the exchange has reported.
func (e *Engine) confirm(t exchange.Time) {
	p := &e.pursuit
	p.confirmed = t
	e.ctx.log.Warn("pursuit_confirmed", "goal", p.goal, "rule", p.rule, "attempts", p.attempts, "took", t.Sub(p.since))
	if !p.flat {
		return
	}
	p.flat = false
	clear(p.closing)
	e.guard.flattening = false
	e.guard.refresh()
}

// attempt sends the requests that bring the state about.
func (e *Engine) attempt(ctx context.Context, t exchange.Time) error {
	p := &e.pursuit
	first := p.attempts == 0
	p.attempts++
	p.last, p.due = t, t.Add(p.wait)
	p.wait = min(2*p.wait, pursuitMaxWait)
	if !first {
		e.ctx.log.Warn("pursuit_repeated", "goal", p.goal, "rule", p.rule, "attempt", p.attempts)
	}
	for _, id := range e.cfg.Symbols {
		if err := e.cancelSymbol(ctx, id, first); err != nil {
			return err
		}
	}
	if !p.flat || p.leaving {
		return nil
	}
	for _, id := range e.cfg.Symbols {
		if err := e.closeSymbol(ctx, id, t); err != nil {
			return err
		}
	}
	return nil
}

// cancelSymbol cancels the orders of a symbol. The first attempt cancels all, since there
// may be orders that are not known to be open yet; later ones spare the orders that may be
// open.
func (e *Engine) cancelSymbol(ctx context.Context, id exchange.SymbolID, first bool) error {
	p, s := &e.pursuit, &e.ctx.view.symbols[id]
	if !first && !p.cancels(s) {
		return nil
	}
	if first || !p.spares(id, s) {
		err := e.cfg.Exchange.CancelAll(ctx, exchange.CancelFilter{Symbol: id, Text: p.text})
		return e.tolerate(s, "cancel orders", err)
	}
	for i := range s.orders {
		o := &s.orders[i]
		if p.allowed[o.ClientID] {
			continue
		}
		err := e.cfg.Exchange.Cancel(ctx, exchange.CancelOrder{Symbol: id, ClientID: o.ClientID, Text: p.text})
		if err := e.tolerate(s, "cancel order", err); err != nil {
			return err
		}
	}
	return nil
}

// closeSymbol closes a position at the market, unless an order that does so is on its way.
func (e *Engine) closeSymbol(ctx context.Context, id exchange.SymbolID, t exchange.Time) error {
	p, s := &e.pursuit, &e.ctx.view.symbols[id]
	if s.position.Qty == 0 {
		return nil
	}
	if c := p.closing[id]; c != nil && (c.seen || p.deaf || t.Sub(c.sent) < closePatience) {
		return nil
	}
	order, err := e.cfg.Exchange.ClosePosition(ctx, id)
	if err = e.tolerate(s, "close position", err); err != nil || order == "" {
		return err
	}
	p.allow(order)
	if p.closing == nil {
		p.closing = map[exchange.SymbolID]*closingOrder{}
	}
	p.closing[id] = &closingOrder{id: order, sent: t}
	return nil
}

// tolerate logs what the exchange refuses at once: the next attempt may succeed. Any other
// error ends the run.
func (e *Engine) tolerate(s *symbolView, what string, err error) error {
	var invalid *exchange.ValidationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		e.ctx.log.Error("pursuit_refused", "command", what, "symbol", s.inst.Name(), "error", err)
		return nil
	}
	return fmt.Errorf("%s of %s: %w", what, s.inst.Name(), err)
}

// Pursuit returns the state that the engine brings about or has brought about; ok is false
// if none was required since the start or the last OperationClear.
func (e *Engine) Pursuit() (v Pursuit, ok bool) {
	p := &e.pursuit
	if p.goal == "" {
		return v, false
	}
	v = Pursuit{Goal: p.goal, Rule: p.rule, Since: p.since, Attempts: p.attempts, Last: p.last, Confirmed: p.confirmed}
	if p.due != exchange.Never {
		v.Next = p.due
	}
	if !p.on() {
		return v, true
	}
	for _, id := range e.cfg.Symbols {
		s := &e.ctx.view.symbols[id]
		for i := range s.orders {
			if !p.allowed[s.orders[i].ClientID] {
				v.Orders = append(v.Orders, s.orders[i])
			}
		}
		if p.flat && s.position.Qty != 0 {
			v.Positions = append(v.Positions, s.position)
		}
	}
	return v, true
}

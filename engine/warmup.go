package engine

import (
	"context"
	"errors"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// ErrWarmup is returned by every command that is given during the warm-up. It is not counted
// among the refused commands.
var ErrWarmup = errors.New("commands are not carried out during the warm-up")

// Warmer is a strategy that knows how much history it needs before its first decision, as a
// length of time; 0 is none. It is asked before Init.
type Warmer interface {
	Warmup() time.Duration
}

// WarmupOf is what a strategy needs.
func WarmupOf(s Strategy) time.Duration {
	if w, ok := s.(Warmer); ok {
		return max(w.Warmup(), 0)
	}
	return 0
}

// Length is how long n bars of the series take: 0 unless they are bars of time.
func (b BarSpec) Length(n int) time.Duration { return time.Duration(n) * b.Interval }

// WarmingUp reports whether what is heard now is history from before the run, in which no
// command is carried out ([ErrWarmup]). A strategy that does not expect its orders to be
// refused asks before it decides.
func (c *Context) WarmingUp() bool { return c.e.warming }

// idle is the exchange during the warm-up: nothing is sent to it, and it reports nothing.
type idle struct{ exchange.Exchange }

func (idle) Next() exchange.Time { return exchange.Never }

func (idle) Advance(_ context.Context, _ exchange.Time, reports []exchange.Report) ([]exchange.Report, error) {
	return reports, nil
}

// mains are the parts of the run that the warm-up does without.
type mains struct {
	feed     exchange.Feed
	exchange exchange.Exchange
	observer Observer
	check    func(now exchange.Time) error
	progress func(now exchange.Time, events int64)
	taker    marketTaker
	pacer    Pacer
	ager     Ager
}

// warmUp hears the history. The strategy is started by its first event.
func (e *Engine) warmUp(ctx context.Context) error {
	m := mains{e.cfg.Feed, e.cfg.Exchange, e.cfg.Observer, e.cfg.Check, e.cfg.Progress, e.taker, e.pacer, e.ager}
	e.cfg.Feed, e.cfg.Exchange, e.cfg.Observer, e.cfg.Check, e.cfg.Progress = e.cfg.History, idle{}, nil, nil, nil
	e.taker, e.pacer, e.ager = nil, nil, nil
	e.warming = true
	for i := range e.cfg.HistorySources {
		e.barHistory = e.barHistory || e.cfg.HistorySources[i].Kind == exchange.KindBar
	}
	err := e.hearHistory(ctx)
	e.summary.WarmupEvents, e.summary.Events = e.summary.Events, 0
	e.cfg.Feed, e.cfg.Check, e.cfg.Progress = m.feed, m.check, m.progress
	e.pacer, e.ager = m.pacer, m.ager
	e.pos, e.n, e.eof, e.end, e.latest = 0, 0, false, exchange.Never, 0
	switch {
	case err != nil:
	case e.pacer != nil:
		err = e.waitFor(ctx, exchange.Never) // what is due before its first event is due below
	default:
		err = e.read(ctx)
	}
	if err == nil && e.ctx.started && e.n > 0 {
		err = e.hearRest(ctx, e.buf[0].Time)
	}
	e.cfg.Exchange, e.cfg.Observer, e.taker = m.exchange, m.observer, m.taker
	e.warming, e.barHistory = false, false
	return err
}

// hearHistory steps through the events of the history.
func (e *Engine) hearHistory(ctx context.Context) error {
	if err := e.read(ctx); err != nil || e.n == 0 {
		return err
	}
	if err := e.begin(e.buf[0].Time); err != nil {
		return err
	}
	for instant := uint(1); e.halted == "" && (e.pos < e.n || !e.eof); instant++ {
		if instant%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if e.pos == e.n {
			e.pos, e.n = 0, 0
			if err := e.read(ctx); err != nil {
				return err
			}
			continue
		}
		if err := e.step(ctx, e.next()); err != nil {
			return err
		}
	}
	return nil
}

// hearRest does what is due between the end of the history and the first event of the run:
// deliveries on their way, bars that end, timers.
func (e *Engine) hearRest(ctx context.Context, until exchange.Time) error {
	for t := e.next(); t < until && e.halted == ""; t = e.next() {
		if err := e.step(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

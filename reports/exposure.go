package reports

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// exposure measures how long any position was held, from the times of fills.
type exposure struct {
	qty  []exchange.Qty // by SymbolID
	open int            // symbols with a position
	at   exchange.Time  // held is complete up to here
	held time.Duration
}

func newExposure(symbols int) exposure { return exposure{qty: make([]exchange.Qty, symbols)} }

// set takes a symbol's position from an instant on. Reports of two symbols may
// arrive out of order; time does not go back here.
func (e *exposure) set(at exchange.Time, s exchange.SymbolID, qty exchange.Qty) {
	e.advance(at)
	switch was := e.qty[s]; {
	case was == 0 && qty != 0:
		e.open++
	case was != 0 && qty == 0:
		e.open--
	}
	e.qty[s] = qty
}

func (e *exposure) advance(at exchange.Time) {
	if at <= e.at {
		return
	}
	if e.open > 0 {
		e.held += at.Sub(e.at)
	}
	e.at = at
}

// fraction of the time from start to end, nil for a run without length.
func (e *exposure) fraction(start, end exchange.Time) *float64 {
	if end <= start {
		return nil
	}
	e.advance(end)
	return number(min(1, e.held.Seconds()/end.Sub(start).Seconds()))
}

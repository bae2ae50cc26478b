package exchange

import "fmt"

// Screen replaces market events that are out of bounds by gaps, so that nothing which reads
// a feed has to rely on its client. It is for one goroutine.
type Screen struct {
	bounds map[SymbolID]Bounds
	last   Time // of the events within bounds
}

// NewScreen returns a screen for the events of symbols. Gaps before the first event within
// bounds have the time start, or that of the event they replace if start is 0.
func NewScreen(set *Instruments, symbols []SymbolID, start Time) *Screen {
	s := &Screen{bounds: make(map[SymbolID]Bounds, len(symbols)), last: start}
	for _, id := range symbols {
		s.bounds[id] = set.Get(id).Bounds()
	}
	return s
}

// Check looks at an event. An event that is out of bounds becomes a gap of its symbol at the
// time of the newest event within bounds, and the error says why. An event of a symbol that
// the screen does not have stays as it is; the error wraps [ErrUnknownSymbol].
func (s *Screen) Check(e *Event) error {
	b, known := s.bounds[e.Symbol]
	if !known {
		return fmt.Errorf("symbol #%d: %w", e.Symbol, ErrUnknownSymbol)
	}
	if err := b.Check(e); err != nil {
		s.Refuse(e, e.Symbol)
		return err
	}
	s.last = max(s.last, e.Time)
	return nil
}

// Refuse replaces an event by a gap of a symbol. The gap ends the message that the event ends.
func (s *Screen) Refuse(e *Event, id SymbolID) {
	at := s.last
	if at == 0 {
		at = max(e.Time, 0)
	}
	gap := GapEvent(at, at, id, at, at)
	gap.Flags = e.Flags & FlagLast
	*e = gap
}

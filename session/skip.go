package session

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// leaveOut adds numbers of journal events to those that a run skips.
func (s *Session) leaveOut(more []int64) {
	s.skip = map[int64]bool{}
	for _, n := range s.state.Skipped {
		s.skip[n] = true
	}
	for _, n := range more {
		s.forgiving = s.forgiving || !s.skip[n]
		s.skip[n] = true
	}
	s.state.Skipped = slices.Sorted(maps.Keys(s.skip))
}

// without removes the skipped events from a batch of the journal. If the last event of a
// message is skipped, the event before it becomes the last.
func (s *Session) without(events []exchange.Event) []exchange.Event {
	s.numbers = s.numbers[:0]
	n := 0
	for i := range events {
		s.remembered++
		if s.skip[s.remembered] {
			if n > 0 && events[i].Flags&exchange.FlagLast != 0 {
				events[n-1].Flags |= exchange.FlagLast
			}
			continue
		}
		s.numbers = append(s.numbers, s.remembered)
		events[n] = events[i]
		n++
	}
	return events[:n]
}

// Number is the number in the journal of one of the events that the engine was given last,
// by its index among them. ok is false if it is not in the journal: a session that goes on
// after a crash does not hear it again.
func (s *Session) Number(index int) (number int64, ok bool) {
	if index < 0 || index >= len(s.numbers) {
		return 0, false
	}
	return s.numbers[index], true
}

// Suspect is an event of a journal that a session would refuse today.
type Suspect struct {
	Number int64
	Event  exchange.Event
	Err    error // why
}

// Suspects finds the first events of the journal that are out of bounds and not left out.
func (s *Session) Suspects(ctx context.Context, most int) (list []Suspect, err error) {
	if s.cfg.Instruments == nil {
		return nil, nil
	}
	bounds := s.bounds()
	j := newJournal(s.cfg.Store, s.journal.end)
	for number := int64(0); !j.done(); {
		h, err := j.batch(ctx)
		if err != nil {
			return list, err
		}
		for i := range h.events {
			e := &h.events[i]
			number++
			b, known := bounds[e.Symbol]
			if !known || s.skip[number] {
				continue
			}
			if err := b.Check(e); err != nil {
				if list = append(list, Suspect{Number: number, Event: *e, Err: err}); len(list) == most {
					return list, nil
				}
			}
		}
	}
	return list, nil
}

// bounds are those of the session's symbols.
func (s *Session) bounds() map[exchange.SymbolID]exchange.Bounds {
	all := map[exchange.SymbolID]exchange.Bounds{}
	for _, id := range s.cfg.Symbols {
		all[id] = s.cfg.Instruments.Get(id).Bounds()
	}
	return all
}

// checker returns the check of the source's events: an event that is out of bounds or of an
// unknown symbol becomes a gap. It belongs to the goroutine that reads the source.
func (s *Session) checker() func(*exchange.Event) {
	if s.cfg.Instruments == nil {
		return nil
	}
	screen := exchange.NewScreen(s.cfg.Instruments, s.cfg.Symbols, s.state.Now)
	return func(e *exchange.Event) {
		was := *e
		err := screen.Check(e)
		if err == nil {
			return
		}
		if errors.Is(err, exchange.ErrUnknownSymbol) {
			screen.Refuse(e, s.cfg.Symbols[0])
		}
		s.cfg.Log.Error("event of the market refused: it becomes a gap", "event", was.String(), "error", err)
	}
}

package session

import (
	"math"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

const (
	// notOfNow is the age above which all market data is that of a replayed recording, whose
	// age has no meaning.
	notOfNow = time.Hour
	// leastAge is the least age that counts; less is network latency.
	leastAge = 10 * time.Millisecond
	// clockStep is the change of the venue's clock offset that is journalled. The offset comes
	// from Date headers, which have whole seconds.
	clockStep = time.Second
)

// aging computes the age of market data at its arrival, by the venue's clock. It reads the
// journal alone, so that a replay computes the same ages.
type aging struct {
	ahead  time.Duration // offset of the venue's clock in the journal
	asked  time.Duration // offset that the journal is to have
	least  time.Duration // least age of any data so far
	newest map[exchange.SymbolID]exchange.Time
	batch  []aged // of the batch heard last, in the order of times
}

// aged is the age of a symbol's newest data at an instant.
type aged struct {
	at     exchange.Time
	symbol exchange.SymbolID
	age    time.Duration
}

func newAging() aging {
	return aging{least: math.MaxInt64, newest: map[exchange.SymbolID]exchange.Time{}}
}

// take computes the ages of a batch. Times of events are the venue's, arrivals are ours.
func (a *aging) take(events []exchange.Event) {
	a.batch = a.batch[:0]
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case exchange.KindOperator:
			if e.Operation() == exchange.OperationClock {
				_, v := e.Setting()
				a.ahead = time.Duration(v)
			}
			continue
		case exchange.KindGap:
			continue
		case exchange.KindLiquidation: // of which a venue does not tell the time
		default:
			a.newest[e.Symbol] = max(a.newest[e.Symbol], e.Time)
			a.least = min(a.least, e.Arrival.Sub(e.Time)+a.ahead)
		}
		age := e.Arrival.Sub(a.newest[e.Symbol]) + a.ahead
		if a.least > notOfNow {
			age = 0
		}
		a.note(aged{e.Arrival, e.Symbol, age})
	}
}

// note keeps the newest age of an instant.
func (a *aging) note(n aged) {
	last := len(a.batch) - 1
	switch same := last >= 0 && a.batch[last].at == n.at && a.batch[last].symbol == n.symbol; {
	case same:
		a.batch[last].age = n.age
	case n.age >= leastAge:
		a.batch = append(a.batch, n)
	}
}

// Age implements engine.Ager.
func (s *Session) Age(id exchange.SymbolID, at exchange.Time) time.Duration {
	a := &s.aging
	n, _ := slices.BinarySearchFunc(a.batch, at,
		func(x aged, at exchange.Time) int { return int(min(max(x.at-at, -1), 1)) })
	for ; n < len(a.batch) && a.batch[n].at == at; n++ {
		if a.batch[n].symbol == id {
			return max(0, a.batch[n].age)
		}
	}
	return 0
}

// noteClock journals the offset of the venue's clock if the feed knows it and it has changed.
func (s *Session) noteClock() {
	f, ok := s.cfg.Source.(interface{ Ahead() time.Duration })
	if !ok || !s.cfg.Stamped || !s.cfg.Aged {
		return
	}
	if ahead := f.Ahead(); (ahead - s.aging.asked).Abs() > clockStep {
		s.aging.asked = ahead
		s.set(exchange.OperationClock, 0, int64(ahead))
	}
}

// set asks for an operation on the session's own account that sets something.
func (s *Session) set(o exchange.Operation, number int, value int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders = append(s.orders, request{operation: o, number: number, value: value})
	s.stir()
}

// stir wakes the session, if it sleeps.
func (s *Session) stir() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

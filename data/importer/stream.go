package importer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/exchange"
)

// sink takes the events of streams: a transaction of the catalog.
type sink interface {
	Write(key data.Key, events []exchange.Event) error
}

// window is how many events of a stream are held back so that rows a little out
// of order can be sorted.
const window = 4096

var errConflict = errors.New("two different bars have this time; is one of them unfinished?")

// order says how a stream comes to be in ascending time.
type order uint8

const (
	// sorted streams are sorted, stably, by time: their rows stand alone.
	sorted order = iota
	// unique streams are sorted and have one event at a time.
	unique
	// sequence streams keep the order of the file, as the changes of a book
	// must. A time that goes back becomes the one before.
	sequence
)

// stream collects the events of one key and hands them to the sink in order.
type stream struct {
	order  order
	pass   *pass
	bounds exchange.Bounds
	events []exchange.Event
	rows   []int64 // of events, for unique streams
	mixed  bool    // events are not in order
	time   exchange.Time
	begun  bool // last is set
	last   exchange.Event
	report StreamReport
}

// check returns a [*exchange.ValidationError] if an event is out of bounds.
func (s *stream) check(e *exchange.Event) error {
	if err := s.bounds.Check(e); err != nil {
		return err
	}
	return s.bounds.CheckArrival(e)
}

// add takes an event that comes from a row, unless it is out of bounds.
func (s *stream) add(e exchange.Event, row int64) error {
	if err := s.check(&e); err != nil {
		return err
	}
	if n := len(s.events); n > 0 || s.begun {
		if e.Time < s.time {
			if s.order == sequence {
				e.Time = s.time
				s.report.Clamped++
			} else {
				s.mixed = true
			}
		}
	}
	s.time = e.Time
	s.events = append(s.events, e)
	if s.order == unique {
		s.rows = append(s.rows, row)
	}
	if len(s.events) < window || s.pass.holdAll && s.order != sequence {
		return nil
	}
	return s.flush(s.half())
}

// newest returns the event added last, which is never written before the next
// is there, or nil.
func (s *stream) newest() *exchange.Event {
	if len(s.events) == 0 {
		return nil
	}
	return &s.events[len(s.events)-1]
}

// half returns how many events to write when the window is full. Events of equal
// time stay together when possible, so that duplicates are found.
func (s *stream) half() int {
	s.sort()
	n := len(s.events) / 2
	for n > 0 && s.events[n].Time == s.events[n-1].Time {
		n--
	}
	if n == 0 {
		return len(s.events) / 2
	}
	return n
}

func (s *stream) sort() {
	if !s.mixed {
		return
	}
	s.mixed = false
	if s.order == unique {
		s.sortRows()
	}
	slices.SortStableFunc(s.events, func(a, b exchange.Event) int { return cmp.Compare(a.Time, b.Time) })
	s.time = s.events[len(s.events)-1].Time
}

// sortRows sorts the numbers of the rows as the events will be.
func (s *stream) sortRows() {
	places := make([]int, len(s.events))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(a, b int) int { return cmp.Compare(s.events[a].Time, s.events[b].Time) })
	rows := make([]int64, len(places))
	for i, p := range places {
		rows[i] = s.rows[p]
	}
	s.rows = rows
}

// flush writes the first n events, which are in order.
func (s *stream) flush(n int) error {
	if n == 0 {
		return nil
	}
	if s.begun && s.events[0].Time < s.last.Time {
		return errUnordered
	}
	events := s.events[:n]
	if s.order == unique {
		var err error
		if events, err = s.dedupe(events); err != nil {
			return err
		}
	}
	if err := s.write(events); err != nil {
		return err
	}
	s.events = s.events[:copy(s.events, s.events[n:])]
	if s.order == unique {
		s.rows = s.rows[:copy(s.rows, s.rows[n:])]
	}
	return nil
}

// dedupe leaves one event at a time: repeated ones, as pages that overlap have
// them, are dropped, and of different ones, which is an error unless bad rows are
// skipped, the later row stays, since the earlier is likely an unfinished bar.
func (s *stream) dedupe(events []exchange.Event) ([]exchange.Event, error) {
	kept := events[:0]
	for i, e := range events {
		before, known := &s.last, s.begun
		if len(kept) > 0 {
			before, known = &kept[len(kept)-1], true
		}
		if !known || before.Time != e.Time {
			kept = append(kept, e)
			continue
		}
		s.pass.report.Imported--
		if *before == e {
			s.pass.skip(errSkipDuplicate, s.rows[i])
			continue
		}
		err := s.pass.bad(&RowError{
			File: s.pass.info.name, Row: s.rows[i], Err: fmt.Errorf("%s at %s: %w", s.report.Key, e.Time, errConflict),
		})
		if err != nil {
			return nil, err
		}
		if len(kept) > 0 {
			*before = e
		}
	}
	return kept, nil
}

func (s *stream) write(events []exchange.Event) error {
	if len(events) == 0 {
		return nil
	}
	if err := s.pass.sink.Write(s.report.Key, events); err != nil {
		return err
	}
	if s.report.Rows == 0 {
		s.report.First = events[0].Time
	}
	s.last, s.begun = events[len(events)-1], true
	s.report.Last = s.last.Time
	s.report.Rows += int64(len(events))
	s.pass.count(events)
	return nil
}

// end writes what is left.
func (s *stream) end() error {
	s.sort()
	for len(s.events) > 0 {
		if err := s.flush(len(s.events)); err != nil {
			return err
		}
	}
	return nil
}

package sim

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// A market whose best bid reaches its best ask is one that the recorder has not got
// right: nobody can tell which side is wrong. What lies between the two is offered to
// nobody, neither to orders that take nor to those that rest.

// crossing is a market whose best bid reaches its best ask.
type crossing struct {
	now   bool
	may   bool // be so after this message, which has a new level
	since exchange.Time
}

// bookShown follows whether a book is crossed after a message.
func (x *Exchange) bookShown(s *symbol) {
	s.crossing.may = false
	if is := s.book.Crossed(); is || s.crossing.now {
		x.crossed(s, is)
	}
}

// quoteCrossed follows whether a quote is crossed. Nothing of one that is says a price: who
// would trade waits for the next.
func (x *Exchange) quoteCrossed(s *symbol, is bool) {
	x.crossed(s, is)
	if is {
		s.outdate()
	}
}

// crossed follows whether the market of a symbol is crossed after an event of it.
func (x *Exchange) crossed(s *symbol, is bool) {
	c := &s.crossing
	if is {
		x.stats.Crossed++
	}
	switch {
	case is && !c.now:
		c.since = x.at
	case !is && c.now:
		x.stats.CrossedFor += x.at.Sub(c.since)
	}
	c.now = is
}

// crossedFor is how long the market has been crossed by a time since it last was not.
func (s *symbol) crossedFor(at exchange.Time) time.Duration {
	if !s.crossing.now {
		return 0
	}
	return at.Sub(s.crossing.since)
}

// inCross reports whether a level of a side of a crossed book is in the crossed part: the
// best of the other side reaches it.
func (s *symbol) inCross(side exchange.Side, p exchange.Price) bool {
	best, ok := s.book.Best(side.Opposite())
	return ok && !better(side, best.Price, p)
}

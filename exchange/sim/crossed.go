package sim

import (
	"math"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// A recorded market whose best bid is at or above its best ask is wrong on one side, and
// the data does not tell on which. No order of ours, taking or resting, fills at the
// levels of the crossed part: bids at or above the best ask, asks at or below the best bid.

// crossing follows a crossed market: its best bid is at or above its best ask.
type crossing struct {
	now   bool
	since exchange.Time
	// bid is at least the best bid of the book, and ask at most the best ask, so that the
	// book can be crossed only if bid reaches ask. They are exact after each check and
	// follow the levels that are set until the next: most messages need no check.
	bid, ask exchange.Price
}

// noAsk is above every ask.
const noAsk exchange.Price = math.MaxInt64

// level follows a level that is set.
func (c *crossing) level(side exchange.Side, p exchange.Price) {
	if side == exchange.Buy {
		c.bid = max(c.bid, p)
	} else {
		c.ask = min(c.ask, p)
	}
}

// mayBe reports whether a message can have crossed the book, or ended that.
func (c *crossing) mayBe() bool { return c.bid >= c.ask || c.now }

// bookShown follows whether a book is crossed after a message.
func (x *Exchange) bookShown(s *symbol) {
	s.crossing.bid, s.crossing.ask = 0, noAsk
	if l, ok := s.book.Best(exchange.Buy); ok {
		s.crossing.bid = l.Price
	}
	if l, ok := s.book.Best(exchange.Sell); ok {
		s.crossing.ask = l.Price
	}
	if is := s.crossing.bid >= s.crossing.ask; is || s.crossing.now {
		x.crossed(s, is)
	}
}

// quoteCrossed follows whether a quote is crossed. A crossed quote gives no price: orders
// that would trade wait for the next quote.
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

// crossedFor is how long the market has been crossed without a break until a time.
func (s *symbol) crossedFor(at exchange.Time) time.Duration {
	if !s.crossing.now {
		return 0
	}
	return at.Sub(s.crossing.since)
}

// inCross reports whether a level of a side of a crossed book is in the crossed part.
func (s *symbol) inCross(side exchange.Side, p exchange.Price) bool {
	best, ok := s.book.Best(side.Opposite())
	return ok && !better(side, best.Price, p)
}

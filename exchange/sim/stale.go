package sim

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// MaxAge is how old the newest data of a symbol may be for an order to trade at it. An
// order that would trade at older data waits for the next data of its symbol, and does
// then what an order does that arrives. Only the data that orders take from counts: a
// trade does not make an old book newer, since every trade changes the book. On bars the
// price is known at the open and for a moment after the close, whatever the limits.
//
// 0 is [DefaultMaxAge], and less than 0 no limit.
type MaxAge struct {
	Book  time.Duration // levels, or every order of the book
	Quote time.Duration
	Trade time.Duration // where trades are all that the data has
}

// DefaultMaxAge is longer than the pauses of a liquid market and shorter than those of a
// recorder that has failed.
const DefaultMaxAge = time.Minute

// ageless is no limit: it is longer than any recording.
const ageless = 100 * 365 * 24 * time.Hour

func (m MaxAge) orDefault() MaxAge {
	for _, age := range []*time.Duration{&m.Book, &m.Quote, &m.Trade} {
		switch {
		case *age == 0:
			*age = DefaultMaxAge
		case *age < 0 || *age > ageless:
			*age = ageless
		}
	}
	return m
}

// String returns the limits by kind, such as "book=1m0s, quote=1m0s, trade=off", or the one
// of all kinds.
func (m MaxAge) String() string {
	text := func(age time.Duration) string {
		if age < 0 || age >= ageless {
			return "off"
		}
		return age.String()
	}
	if m.Book == m.Quote && m.Quote == m.Trade {
		return text(m.Book)
	}
	return fmt.Sprintf("book=%s, quote=%s, trade=%s", text(m.Book), text(m.Quote), text(m.Trade))
}

// ParseMaxAge reads a time that holds for every kind of data, such as 1m, times by kind,
// such as book=1m,trade=off with [DefaultMaxAge] for the others, or off.
func ParseMaxAge(text string) (MaxAge, error) {
	var m MaxAge
	kinds := map[string]*time.Duration{"book": &m.Book, "quote": &m.Quote, "trade": &m.Trade}
	if !strings.Contains(text, "=") {
		age, err := parseAge(text)
		if err != nil {
			return MaxAge{}, err
		}
		return MaxAge{age, age, age}, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		kind, value, _ := strings.Cut(part, "=")
		into := kinds[strings.TrimSpace(kind)]
		if into == nil {
			return MaxAge{}, bad("maxAge", part, "want book, quote or trade before the =")
		}
		if *into != 0 {
			return MaxAge{}, bad("maxAge", part, "the kind is given twice")
		}
		age, err := parseAge(value)
		if err != nil {
			return MaxAge{}, err
		}
		*into = age
	}
	return m, nil
}

func parseAge(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if text == "off" {
		return -1, nil
	}
	age, err := time.ParseDuration(text)
	if err != nil || age <= 0 {
		return 0, bad("maxAge", text, "want a time above 0, such as 1m, or off")
	}
	return age, nil
}

// outdate makes the data of a symbol too old to trade at, until there is new data.
func (s *symbol) outdate() {
	if s.fidelity > fromBars {
		s.shown = longAgo
	}
}

// gap makes the data of a symbol whose feed was interrupted too old, if age counts.
func (s *symbol) gap() {
	if s.maxAge() != ageless {
		s.outdate()
	}
}

// longAgo is older than [ageless] allows at any time of a recording.
const longAgo exchange.Time = math.MinInt64 / 2

// maxAge is how old the data may be that orders take from.
func (s *symbol) maxAge() time.Duration {
	switch s.fidelity {
	case fromBook:
		return s.cfg.MaxAge.Book
	case fromQuotes:
		return s.cfg.MaxAge.Quote
	case fromTrades:
		return s.cfg.MaxAge.Trade
	case fromBars, fromNothing:
	}
	return ageless
}

// stale reports whether the newest data of a symbol is too old to trade at.
func (x *Exchange) stale(s *symbol) bool { return x.at.Sub(s.shown) > s.maxAge() }

// outdated reports whether an order has to wait because what it takes from is old, and it
// would take. An order that never rests waits even if the old data shows no quantity on its
// side: whether there is any now is unknown. A Close without a position has no side and
// takes nothing.
func (x *Exchange) outdated(o *order) bool {
	return x.stale(o.s) && o.Side != exchange.NoSide && (o.takes() || x.wouldTake(o))
}

// awaits reports whether an order has to wait until the price of the market is known.
func (x *Exchange) awaits(o *order) bool {
	return x.onBars && o.takes() && !o.s.priced(x.at) || x.outdated(o)
}

// settlementPrice returns the price at which a dated contract is settled, and when the
// data gave it.
func (s *symbol) settlementPrice() (exchange.Price, exchange.Time) {
	switch {
	case s.index != 0:
		return s.index, s.indexAt
	case s.marked:
		return s.mark, s.markAt
	case s.fidelity == fromBars:
		return s.last, s.bar.start.Add(s.bar.interval)
	case s.last != 0 && s.fidelity > fromTrades:
		return s.last, s.lastAt
	}
	return s.lastPrice(), s.shown
}

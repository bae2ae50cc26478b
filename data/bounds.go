package data

import (
	"fmt"

	"github.com/dunamis-engine/dunamis/exchange"
)

// ValueError says that a row of the catalog holds a number that its instrument cannot
// have, so that nothing could be worked out of it.
type ValueError struct {
	Path     string // of the part
	RowGroup int
	Row      int64 // of the part, from 0
	Column   string
	Value    string
	Reason   string
}

// Error implements error.
func (e *ValueError) Error() string {
	return fmt.Sprintf("part %s: row %d (row group %d): column %s %q: %s; see `backtest data verify`, "+
		"and import the file again or pass --instruments FILE with terms that include it",
		e.Path, e.Row, e.RowGroup, e.Column, e.Value, e.Reason)
}

// columnOf is the column that has a field of the bounds of events.
func columnOf(kind exchange.EventKind, field string) string {
	switch field {
	case "size":
		return "qty"
	case "bidPrice":
		return "bid_price"
	case "bidSize":
		return "bid_qty"
	case "askPrice":
		return "ask_price"
	case "askSize":
		return "ask_qty"
	case "markPrice":
		return "mark"
	case "indexPrice":
		return "index"
	case "fundingRate":
		return "rate"
	case "fundingTimestamp":
		return "due"
	case "timestamp":
		if kind == exchange.KindBar {
			return "end"
		}
		return "time"
	}
	return field
}

// checkBounds returns a [*ValueError] for the first row of a block, within the range that is
// read, that is out of bounds. It looks at whole columns, and at single rows only if
// something there is unusual.
func (r *reader) checkBounds(b *block) error {
	if usual(r.part.layout.event, b, r.bounds) {
		return nil
	}
	h := &head{kind: r.part.layout.event}
	h.set(b)
	events := make([]exchange.Event, b.n)
	h.fill(events)
	for i := range events {
		e := &events[i]
		if e.Time < r.from || e.Time >= r.to {
			continue // it is read with its row group, and left out
		}
		err := r.bounds.Check(e)
		if err == nil {
			err = r.bounds.CheckArrival(e)
		}
		if bad, ok := err.(*exchange.ValidationError); ok { //nolint:errorlint // as the bounds return it
			return &ValueError{Path: b.part.path, RowGroup: r.group, Row: b.row + int64(i), Column: columnOf(e.Kind, bad.Field),
				Value: bad.Value, Reason: bad.Reason}
		}
	}
	return nil
}

// usual reports whether every row of a block is certainly within bounds: it may say no of
// rows that are, such as a quantity that has a value at its price and not at every other.
func usual(kind exchange.EventKind, b *block, to *exchange.Bounds) bool {
	const latest = int64(exchange.Never) / 2 // so that differences of times do not overflow
	times, arrivals := b.ints[0][:b.n], b.ints[1][:b.n]
	if times[0] < 0 || times[b.n-1] > latest {
		return false
	}
	// What arrives before it happened is for the engine to tell.
	if kind != exchange.KindBar && !below(arrivals, times[0]+int64(exchange.MaxTravel)) {
		return false
	}
	low, high, plenty := int64(to.Low), int64(to.High), int64(to.Plenty)
	switch kind {
	case exchange.KindTrade, exchange.KindLiquidation:
		return within(b.ints[2][:b.n], low, high) && within(b.ints[3][:b.n], 1, plenty)
	case exchange.KindBook, exchange.KindOrder:
		return within(b.ints[2][:b.n], low, high) && counted(b.ints[3][:b.n], plenty)
	case exchange.KindQuote:
		return within(b.ints[2][:b.n], low, high) && counted(b.ints[3][:b.n], plenty) &&
			within(b.ints[4][:b.n], low, high) && counted(b.ints[5][:b.n], plenty)
	case exchange.KindBar:
		for c := 2; c <= 5; c++ {
			if !within(b.ints[c][:b.n], low, high) {
				return false
			}
		}
		return lasting(times, arrivals) && counted(b.ints[6][:b.n], plenty) &&
			counted(b.ints[7][:b.n], int64(exchange.MaxAmount)) &&
			counted(b.ints[8][:b.n], int64(exchange.MaxEventQty))
	}
	return false // marks and rates are few
}

// The following run over every value that is read. They have no branch for a value: what
// all of them have in common, by the bits that any of them has, is compared once. The bits
// of all together are at least the greatest, and less than twice it.

// within reports whether every value is from low to high, both above 0.
func within(values []int64, low, high int64) bool {
	var all, over int64
	left := values
	for ; len(left) >= 4; left = left[4:] {
		v := (*[4]int64)(left)
		all |= v[0] | v[1] | v[2] | v[3]
		over |= (v[0] - low) | (v[1] - low) | (v[2] - low) | (v[3] - low)
	}
	for _, v := range left {
		all |= v
		over |= v - low
	}
	return all >= 0 && over >= 0 && (all <= high || below(values, high))
}

// counted reports whether every value is from 0 to high.
func counted(values []int64, high int64) bool {
	var all int64
	left := values
	for ; len(left) >= 4; left = left[4:] {
		v := (*[4]int64)(left)
		all |= v[0] | v[1] | v[2] | v[3]
	}
	for _, v := range left {
		all |= v
	}
	return all >= 0 && (all <= high || below(values, high))
}

// below reports whether every value is from 0 to high.
func below(values []int64, high int64) bool {
	var all int64
	for ; len(values) >= 4; values = values[4:] {
		v := (*[4]int64)(values)
		all |= v[0] | v[1] | v[2] | v[3] | (high - v[0]) | (high - v[1]) | (high - v[2]) | (high - v[3])
	}
	for _, v := range values {
		all |= v | (high - v)
	}
	return all >= 0
}

// lasting reports whether every bar ends after it begins, within a year.
func lasting(times, ends []int64) bool {
	var all int64
	ends = ends[:len(times)]
	for i, t := range times {
		d := ends[i] - t - 1
		all |= ends[i] | d | (int64(exchange.MaxBarInterval) - 1 - d)
	}
	return all >= 0
}

package exchange

import "time"

// FairPrice returns the fair price of a perpetual contract as BitMEX marks positions
// with it: the index, and what is still to come of the funding rate until it is paid.
// The time left counts from the start of the current minute, so that the price follows
// the index and steps once a minute besides. The part that is added to the index is
// rounded to a place, the venue's minTick: 0.01 for XBTUSD. Where the numbers do not
// suffice it is the index.
func FairPrice(index Price, rate Ratio, now, due Time, interval time.Duration, place Price) Price {
	left := min(max(due.Sub(now.Truncate(time.Minute)), 0), interval)
	if interval < time.Minute || place <= 0 {
		return index
	}
	// Whole minutes keep the product within 64 bits.
	minutes := int64(rate) * int64(left/time.Minute)
	basis, ok := mulDivOK(int64(index), minutes, fixedUnit*int64(interval/time.Minute), Nearest)
	if !ok {
		return index
	}
	return index + Price(basis).RoundTick(place)
}

// FairFuture returns the fair price of a dated contract: the index grown by the yearly
// rate at which the contract trades above it, rounded to a percent, for the time until
// it expires. mid is the middle between the average prices at which a certain size can be
// bought and sold.
func FairFuture(index, mid Price, now, expiry Time, place Price) Price {
	const year = 365 * 24 * time.Hour
	left := expiry.Sub(now)
	if index <= 0 || left <= 0 || place <= 0 {
		return index
	}
	// Seconds keep the products within 64 bits.
	premium, ok := mulDivOK(int64(mid-index), fixedUnit, int64(index), Nearest)
	if !ok {
		return index
	}
	rate, ok := mulDivOK(premium, int64(year/time.Second), int64(left/time.Second), Nearest)
	if !ok {
		return index
	}
	rate = int64(Price(rate).RoundTick(fixedUnit / 100))
	yearly, ok := mulDivOK(int64(index), rate, fixedUnit, Nearest)
	if !ok {
		return index
	}
	basis, ok := mulDivOK(yearly, int64(left/time.Second), int64(year/time.Second), Nearest)
	if !ok {
		return index
	}
	return index + Price(basis).RoundTick(place)
}

// FairPlace returns a place for fair prices where the venue's own is not known: the one
// below the tick's, which it is for XBTUSD.
func (t *Terms) FairPlace() Price { return max(leadingPlace(t.TickSize)/10, 1) }

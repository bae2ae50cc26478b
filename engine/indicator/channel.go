package indicator

import "github.com/dunamis-engine/dunamis/exchange"

// Channel is Donchian's channel: the highest high and the lowest low of the last n
// bars. Each side is a queue of candidates in falling order, so that an update
// costs the same on average whatever n is.
type Channel struct {
	n     int
	count int
	high  extremes
	low   extremes
}

// NewChannel returns a channel over n ≥ 1 bars; it panics on another n.
func NewChannel(n int) *Channel {
	if n < 1 {
		panic("indicator: a channel needs at least 1 bar")
	}
	return &Channel{n: n, high: newExtremes(n), low: newExtremes(n)}
}

// Add takes the next bar's high and low.
func (c *Channel) Add(high, low exchange.Price) {
	c.high.add(high, c.count, c.n)
	c.low.add(-low, c.count, c.n)
	c.count++
}

// Ready reports whether n bars have been added.
func (c *Channel) Ready() bool { return c.count >= c.n }

// High returns the highest high; it must not be called before the first bar.
func (c *Channel) High() exchange.Price { return c.high.max() }

// Low returns the lowest low; it must not be called before the first bar.
func (c *Channel) Low() exchange.Price { return -c.low.max() }

// extremes is a ring of values that may still become the maximum.
type extremes struct {
	value []exchange.Price
	at    []int
	first int
	n     int
}

func newExtremes(n int) extremes {
	return extremes{value: make([]exchange.Price, n), at: make([]int, n)}
}

func (e *extremes) add(v exchange.Price, now, window int) {
	if e.n > 0 && e.at[e.first] <= now-window {
		e.first = (e.first + 1) % len(e.at)
		e.n--
	}
	for e.n > 0 && e.value[(e.first+e.n-1)%len(e.at)] <= v {
		e.n--
	}
	i := (e.first + e.n) % len(e.at)
	e.value[i], e.at[i] = v, now
	e.n++
}

func (e *extremes) max() exchange.Price { return e.value[e.first] }

// ATR is Wilder's average true range: the mean of the first n true ranges, then
// (n-1)/n of itself plus 1/n of the next. A true range is the bar's range extended
// to the close before it (J. W. Wilder, 1978).
type ATR struct {
	n     int
	count int
	close float64
	value float64
}

// NewATR returns an average over n ≥ 1 bars; it panics on another n.
func NewATR(n int) *ATR {
	if n < 1 {
		panic("indicator: a range needs at least 1 bar")
	}
	return &ATR{n: n}
}

// Add takes the next bar.
func (a *ATR) Add(high, low, closed float64) {
	tr := high - low
	if a.count > 0 {
		tr = max(high, a.close) - min(low, a.close)
	}
	a.count++
	a.value += (tr - a.value) / float64(min(a.count, a.n))
	a.close = closed
}

// Ready reports whether n bars have been added.
func (a *ATR) Ready() bool { return a.count >= a.n }

// Value returns the average true range.
func (a *ATR) Value() float64 { return a.value }

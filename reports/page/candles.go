package page

import "github.com/dunamis-engine/dunamis/exchange"

// candle is the way of a price over a span of time.
type candle struct {
	at                     exchange.Time // its start
	open, high, low, close float64
}

// candles builds candles of a fixed width from prices in order of time.
type candles struct {
	width int64
	list  []candle
}

// widths that people read on a clock or a calendar.
var candleWidths = []int64{1, 5, 15, 30, 60, 300, 900, 1800, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 7 * 24 * 3600}

// newCandles chooses the least width that makes at most a number of candles.
func newCandles(start, end exchange.Time, most int64) *candles {
	c := &candles{}
	for _, w := range candleWidths {
		if c.width = w * 1e9; int64(end-start)/c.width < most {
			break
		}
	}
	return c
}

func (c *candles) add(at exchange.Time, p float64) {
	start := at - at%exchange.Time(c.width)
	n := len(c.list)
	if n == 0 || c.list[n-1].at != start {
		c.list = append(c.list, candle{at: start, open: p, high: p, low: p, close: p})
		return
	}
	k := &c.list[n-1]
	k.high, k.low, k.close = max(k.high, p), min(k.low, p), p
}

package indicator

import "github.com/dunamis-engine/dunamis/exchange"

// SMA is the simple moving average of the last n prices, kept as an exact sum of
// whole units and of fractions.
type SMA struct {
	ring  []exchange.Price
	next  int
	count int
	whole int64 // sum of p / PriceUnit
	frac  int64 // sum of p % PriceUnit
}

// MaxSMA is the longest window of an SMA: sums and their cross products fit an
// int64 whatever the prices.
const MaxSMA = 30_000

// NewSMA returns an average over 1 ≤ n ≤ MaxSMA prices; it panics on another n.
func NewSMA(n int) *SMA {
	if n < 1 || n > MaxSMA {
		panic("indicator: an average needs a window of 1 to 30000")
	}
	return &SMA{ring: make([]exchange.Price, n)}
}

// Add takes the next price.
func (s *SMA) Add(p exchange.Price) {
	old := s.ring[s.next]
	s.whole += int64(p/exchange.PriceUnit) - int64(old/exchange.PriceUnit)
	s.frac += int64(p%exchange.PriceUnit) - int64(old%exchange.PriceUnit)
	s.ring[s.next] = p
	if s.next++; s.next == len(s.ring) {
		s.next = 0
	}
	if s.count < len(s.ring) {
		s.count++
	}
}

// Ready reports whether n prices have been added.
func (s *SMA) Ready() bool { return s.count == len(s.ring) }

// Value returns the average as a float, for display and for models; 0 before the
// first price.
func (s *SMA) Value() float64 {
	if s.count == 0 {
		return 0
	}
	return (float64(s.whole) + float64(s.frac)/float64(exchange.PriceUnit)) / float64(s.count)
}

// Compare returns the sign of s - t exactly: the sums are multiplied crosswise as
// integers, so no rounding decides. Both must be Ready.
func (s *SMA) Compare(t *SMA) int {
	n, m := int64(len(s.ring)), int64(len(t.ring))
	frac := s.frac*m - t.frac*n
	carry, rest := frac/int64(exchange.PriceUnit), frac%int64(exchange.PriceUnit)
	if whole := s.whole*m - t.whole*n + carry; whole != 0 {
		return sign(whole)
	}
	return sign(rest)
}

func sign(v int64) int {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

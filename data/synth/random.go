package synth

import (
	"math/bits"
	"math/rand/v2"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Everything random is drawn in integers: floating point is allowed to differ
// in the last bit between processors, and a market that differs in one bit soon
// differs in every price.

// one is 1 in the fixed point of this file.
const one = 1 << 16

// random draws from a seed.
type random struct{ src *rand.PCG }

func newRandom(seed, stream uint64) random { return random{rand.NewPCG(seed, stream)} }

// below returns a number in [0, n), for n up to 2^32. The bias of 2^-32 is of no
// consequence here.
func (r random) below(n int64) int64 {
	hi, _ := bits.Mul64(r.src.Uint64(), uint64(n))
	return int64(hi)
}

// normal returns about a standard normal number in units of 1/one: the sum of
// the four 16-bit parts of a draw. Its tails end at 3.5; those of the market
// come from the changes of the volatility.
func (r random) normal() int64 {
	u := r.src.Uint64()
	sum := int64(u&0xffff) + int64(u>>16&0xffff) + int64(u>>32&0xffff) + int64(u>>48)
	return (sum - 2*one) * 1774 / 1024 // the standard deviation of the sum is one/√3
}

// exponential returns about an exponential number with mean one: the number of
// leading zeros of a draw is geometric, and the rest of it fills the steps.
func (r random) exponential() int64 {
	u := r.src.Uint64() | 1
	zeros := int64(bits.LeadingZeros64(u))
	rest := int64(u<<(zeros+1)>>48) ^ 0xffff
	return (zeros*one + rest) * 2 / 3 // the mean of both is 3/2
}

// heavy returns a number from 1 to 258 with a tail that falls with its square.
func (r random) heavy() int64 {
	u := r.below(one-1) + 1
	return int64(isqrt(one*one/uint64(u)))>>8 + r.below(3)
}

// isqrt returns the integer square root.
func isqrt(v uint64) uint64 {
	if v == 0 {
		return 0
	}
	x := uint64(1) << ((bits.Len64(v) + 1) / 2)
	for {
		y := (x + v/x) / 2
		if y >= x {
			return x
		}
		x = y
	}
}

// rootYear is the square root of the nanoseconds of a year.
const rootYear = 177_644_590

// walk is the price that nobody sees: a geometric random walk whose variance
// clusters and follows the time of day.
type walk struct {
	random
	price      exchange.Price
	low, high  exchange.Price
	volatility exchange.Ratio
	variance   int64 // relative to the normal one, in units of 1/one
}

func newWalk(c *Config, r random) walk {
	w := walk{random: r, price: c.Price, volatility: c.Volatility, variance: one}
	w.bound(c, c.From, c.gridAt(c.From).tick)
	return w
}

// bound sets how low and how high the price may go from a time on.
func (w *walk) bound(c *Config, at exchange.Time, tick exchange.Price) {
	w.low, w.high = tick*exchange.Price(3*c.Depth), c.Instrument.At(at).MaxPrice/2
}

// hours is the activity by hour of the day, in percent of the mean: quiet in the
// Asian night, busy when America opens.
var hours = [24]int64{
	100, 95, 90, 80, 75, 70, 70, 80, 90, 95, 95, 95, 110, 140, 160, 155, 145, 130, 115, 105, 100, 95, 90, 95,
}

// activity returns the activity at t in percent, without steps at the hours.
func activity(t exchange.Time) int64 {
	ms := int64(t-t.Date()) / int64(time.Millisecond)
	h, in := ms/3_600_000, ms%3_600_000
	a, b := hours[h], hours[(h+1)%24]
	return a + (b-a)*in/3_600_000
}

// move lets time pass.
func (w *walk) move(now exchange.Time, d time.Duration) {
	z := w.normal()
	// The volatility of the step, in Ratio: of a year, times the root of its
	// share of the year, the clustering, and the hour.
	sd := exchange.MulDiv(int64(w.volatility), int64(isqrt(uint64(d))), rootYear, exchange.Floor)
	sd = sd * int64(isqrt(uint64(w.variance)*one)) / one * activity(now) / 100
	step := exchange.MulDiv(int64(w.price), sd, int64(exchange.RatioUnit), exchange.Nearest)
	w.price += exchange.Price(exchange.MulDiv(step, z, one, exchange.Nearest))
	w.price = max(w.low, min(w.high, w.price))
	// Variance follows the squares of the steps and returns to normal.
	square := z * z / one
	w.variance += (one-w.variance)/64 + w.variance*(square-one)/one/16
	w.variance = max(one/8, min(16*one, w.variance))
}

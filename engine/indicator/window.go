package indicator

import "math"

// Window keeps the last n values with their mean and standard deviation. Both are
// updated by Welford's method for a sliding window, which does not subtract large
// sums from each other, and recomputed once per round so that errors do not build
// up (B. P. Welford, 1962; T. F. Chan et al., 1983).
type Window struct {
	ring  []float64
	next  int
	count int
	mean  float64
	m2    float64
}

// NewWindow returns a window of n ≥ 1 values; it panics on another n.
func NewWindow(n int) *Window {
	if n < 1 {
		panic("indicator: a window needs at least 1 value")
	}
	return &Window{ring: make([]float64, n)}
}

// Add takes the next value.
func (w *Window) Add(v float64) {
	old := w.ring[w.next]
	w.ring[w.next] = v
	if w.count < len(w.ring) {
		w.count++
		d := v - w.mean
		w.mean += d / float64(w.count)
		w.m2 += float64(d * (v - w.mean))
	} else {
		mean := w.mean
		w.mean += (v - old) / float64(w.count)
		w.m2 += float64((v - old) * (v - w.mean + old - mean))
	}
	if w.next++; w.next == len(w.ring) {
		w.next = 0
		w.recompute()
	}
}

func (w *Window) recompute() {
	sum := 0.0
	for _, v := range w.ring {
		sum += v
	}
	w.mean = sum / float64(len(w.ring))
	w.m2 = 0
	for _, v := range w.ring {
		d := v - w.mean
		w.m2 += float64(d * d)
	}
}

// Ready reports whether n values have been added.
func (w *Window) Ready() bool { return w.count == len(w.ring) }

// Mean returns the mean of the values held.
func (w *Window) Mean() float64 { return w.mean }

// StdDev returns the population standard deviation √(Σ(v-mean)²/n).
func (w *Window) StdDev() float64 {
	if w.count == 0 {
		return 0
	}
	return math.Sqrt(max(w.m2, 0) / float64(w.count))
}

// EMA is the exponential moving average with weight α = 2/(n+1) for the newest
// value; the first value starts it.
type EMA struct {
	alpha float64
	need  int
	count int
	value float64
}

// NewEMA returns an average over about n ≥ 1 values; it panics on another n.
func NewEMA(n int) *EMA {
	if n < 1 {
		panic("indicator: an average needs a window of at least 1")
	}
	return &EMA{alpha: 2 / float64(n+1), need: n}
}

// Add takes the next value.
func (e *EMA) Add(v float64) {
	if e.count == 0 {
		e.value = v
	} else {
		e.value += float64(e.alpha * (v - e.value))
	}
	e.count++
}

// Ready reports whether n values have been added.
func (e *EMA) Ready() bool { return e.count >= e.need }

// Value returns the average.
func (e *EMA) Value() float64 { return e.value }

// RSI is Wilder's relative strength index over n changes: 100·up/(up+down) with
// up and down the smoothed rises and falls (J. W. Wilder, New Concepts in Technical
// Trading Systems, 1978). It is 50 when nothing has moved.
type RSI struct {
	n        int
	count    int
	last     float64
	up, down float64
}

// NewRSI returns an index over n ≥ 1 changes; it panics on another n.
func NewRSI(n int) *RSI {
	if n < 1 {
		panic("indicator: an index needs a window of at least 1")
	}
	return &RSI{n: n}
}

// Add takes the next value.
func (r *RSI) Add(v float64) {
	if r.count > 0 {
		change := v - r.last
		weight := float64(min(r.count, r.n))
		r.up += (max(change, 0) - r.up) / weight
		r.down += (max(-change, 0) - r.down) / weight
	}
	r.last = v
	r.count++
}

// Ready reports whether n changes have been seen.
func (r *RSI) Ready() bool { return r.count > r.n }

// Value returns the index, 0 to 100.
func (r *RSI) Value() float64 {
	if r.up+r.down == 0 {
		return 50
	}
	return 100 * r.up / (r.up + r.down)
}

// Volatility estimates the standard deviation of price changes per square root of
// a second from values at irregular times, with exponential forgetting: the
// variance of the changes over the time they took.
type Volatility struct {
	halfLife float64 // seconds
	last     float64
	started  bool
	variance float64 // decayed sum of squared changes
	seconds  float64 // decayed sum of time
}

// NewVolatility returns an estimate that forgets half in halfLife seconds, which
// must be positive.
func NewVolatility(halfLife float64) *Volatility {
	if halfLife <= 0 {
		panic("indicator: a half-life must be positive")
	}
	return &Volatility{halfLife: halfLife}
}

// Add takes a value and the seconds since the one before.
func (v *Volatility) Add(value, seconds float64) {
	if v.started && seconds > 0 {
		keep := math.Exp2(-seconds / v.halfLife)
		d := value - v.last
		v.variance = float64(keep*v.variance) + float64(d*d)
		v.seconds = float64(keep*v.seconds) + seconds
	}
	if !v.started || seconds > 0 {
		v.last, v.started = value, true
	}
}

// Ready reports whether a quarter of the half-life has been seen.
func (v *Volatility) Ready() bool { return v.seconds >= v.halfLife/4 }

// Value returns the standard deviation of the change in one second.
func (v *Volatility) Value() float64 {
	if v.seconds == 0 {
		return 0
	}
	return math.Sqrt(v.variance / v.seconds)
}

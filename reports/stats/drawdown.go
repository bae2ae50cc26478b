package stats

import "math"

// Drawdowns are the falls of a compounded series from its highest level so far,
// as negative fractions of it, one for each return. The first level is 1.
func Drawdowns(r []float64) []float64 {
	out := make([]float64, len(r))
	level, peak := 1.0, 1.0
	for i, x := range r {
		level *= 1 + x
		peak = max(peak, level)
		out[i] = level/peak - 1
	}
	return out
}

// MaxDrawdown is the deepest fall, a positive fraction; 0 if there was none.
func MaxDrawdown(r []float64) float64 {
	worst := 0.0
	for _, d := range Drawdowns(r) {
		worst = max(worst, -d)
	}
	return worst
}

// Ulcer is the ulcer index: √(Σ drawdown² / n), a fraction (Martin 1987).
func Ulcer(r []float64) float64 {
	if len(r) == 0 {
		return undefined()
	}
	sum := 0.0
	for _, d := range Drawdowns(r) {
		sum += d * d
	}
	return math.Sqrt(sum / float64(len(r)))
}

// UnderWater is the share of periods that end below the highest level.
func UnderWater(r []float64) float64 {
	n := 0
	for _, d := range Drawdowns(r) {
		if d < 0 {
			n++
		}
	}
	return ratio(float64(n), float64(len(r)))
}

// Calmar is the yearly rate / the deepest fall (Young 1991), over the whole series.
func Calmar(r []float64, periods float64) float64 { return ratio(CAGR(r, periods), MaxDrawdown(r)) }

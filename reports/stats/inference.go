package stats

import (
	"math"
	mathbits "math/bits"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// SharpeError is the standard error of the yearly Sharpe ratio for independent,
// identically distributed returns: √((1 + SR²/2) / n) · √periods, with SR a
// period (Lo 2002, equation 9).
func SharpeError(r []float64, periods float64) float64 {
	sr := Sharpe(r, 1)
	return math.Sqrt((1+sr*sr/2)/float64(len(r))) * math.Sqrt(periods)
}

// Interval is a range that holds a value with a stated confidence.
type Interval struct{ Low, High float64 }

// SharpeInterval is the interval of the yearly Sharpe ratio by the stationary
// bootstrap (Politis and Romano 1994): draws of the whole series in blocks of
// random length, n^(1/3) on average, which keep what follows what. The bounds are
// the quantiles at (1-confidence)/2 and 1 minus that. Equal seeds give equal
// intervals. Draws without a Sharpe ratio are left out.
func SharpeInterval(r []float64, periods, confidence float64, draws int, seed uint64) Interval {
	if len(r) < 2 || math.IsNaN(Sharpe(r, periods)) {
		return Interval{undefined(), undefined()}
	}
	rng := rand.New(rand.NewPCG(seed, 0x5ba7))
	jump := 1 / math.Cbrt(float64(len(r)))
	sample, values := make([]float64, len(r)), make([]float64, 0, draws)
	for range draws {
		at := rng.IntN(len(r))
		for i := range sample {
			if i > 0 {
				at = (at + 1) % len(r)
				if rng.Float64() < jump {
					at = rng.IntN(len(r))
				}
			}
			sample[i] = r[at]
		}
		if v := Sharpe(sample, periods); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	tail := (1 - confidence) / 2
	return Interval{Quantile(values, tail), Quantile(values, 1-tail)}
}

// Shape is what the error of a Sharpe ratio depends on.
type Shape struct {
	Sharpe   float64 // a period, not a year
	Skew     float64
	Kurtosis float64 // excess: 0 for a normal distribution
	N        int     // returns
}

// ShapeOf describes a series of returns.
func ShapeOf(r []float64) Shape { return Shape{Sharpe(r, 1), Skew(r), Kurtosis(r), len(r)} }

// spread is 1 - skew·SR + (kurtosis+2)/4·SR², the variance of the estimated
// Sharpe ratio times n-1.
func (s Shape) spread() float64 {
	return 1 - s.Skew*s.Sharpe + (s.Kurtosis+2)/4*s.Sharpe*s.Sharpe
}

// Probabilistic is the probability that the true Sharpe ratio is above target, a
// period: Φ((SR - target)·√(n-1) / √spread) (Bailey and López de Prado 2012).
func (s Shape) Probabilistic(target float64) float64 {
	v := s.spread()
	if s.N < 2 || v <= 0 {
		return undefined()
	}
	return distuv.UnitNormal.CDF((s.Sharpe - target) * math.Sqrt(float64(s.N-1)) / math.Sqrt(v))
}

// MinTrackRecord is how many returns it takes to be sure, with a confidence such
// as 0.95, that the true Sharpe ratio is above target: 1 + spread·(z / (SR -
// target))² (Bailey and López de Prado 2012). A Sharpe ratio that is not above
// the target has none.
func (s Shape) MinTrackRecord(target, confidence float64) float64 {
	v := s.spread()
	if !(s.Sharpe > target) || !(v > 0) { // true of NaN too
		return undefined()
	}
	z := distuv.UnitNormal.Quantile(confidence) / (s.Sharpe - target)
	return finite(1 + v*z*z)
}

// ExpectedMaxSharpe is the highest Sharpe ratio to expect of trials that are all
// worth nothing: √variance · ((1-γ)·Φ⁻¹(1 - 1/n) + γ·Φ⁻¹(1 - 1/(n·e))), where
// variance is that of the trials' Sharpe ratios (Bailey and López de Prado 2014).
// One trial has nothing to choose from: 0.
func ExpectedMaxSharpe(variance float64, trials int) float64 {
	if trials < 2 {
		return 0
	}
	const gamma = 0.57721566490153286 // Euler-Mascheroni
	n := float64(trials)
	q := distuv.UnitNormal.Quantile
	return math.Sqrt(variance) * ((1-gamma)*q(1-1/n) + gamma*q(1-1/(n*math.E)))
}

// Deflated is the probability that the true Sharpe ratio is above 0 when it is the
// best of several trials, whose Sharpe ratios a period are given, itself among
// them (Bailey and López de Prado 2014).
func (s Shape) Deflated(trials []float64) float64 {
	if len(trials) < 2 {
		return s.Probabilistic(0)
	}
	return s.Probabilistic(ExpectedMaxSharpe(stat.Variance(trials, nil), len(trials)))
}

// Overfitting is the probability that the best of several strategies in one half
// of the time is not above the median in the other half: PBO by combinatorially
// symmetric cross-validation (Bailey, Borwein, López de Prado and Zhu 2017), whose
// performance is the Sharpe ratio.
//
// trials are series of equal length, cut into the given even number of blocks;
// every choice of half of the blocks is tried, so 16 blocks are 12 870. Returns
// that do not fill the last block are left out. Where the paper is silent:
//
//   - equal series are one trial: a copy says nothing about choosing;
//   - a half in which every return is 0 has a Sharpe ratio of 0;
//   - trials that are equally good in the half that chooses are each chosen in an
//     equal part, and those that are equally good in the other share their ranks.
//
// It is not defined for fewer than two different trials, two returns a block, or
// more than 20 blocks, which would take hours.
func Overfitting(trials [][]float64, blocks int) float64 {
	list := make([]Trial, len(trials))
	for i, r := range trials {
		list[i] = Trial{Returns: r, Ruin: -1}
	}
	return OverfittingOf(list, blocks)
}

// Trial is a strategy that was tried, and perhaps lost everything.
type Trial struct {
	Returns []float64
	// Ruin is the place of the return in which everything was lost, or negative. What
	// follows it is no return on anything.
	Ruin int
}

// OverfittingOf is [Overfitting] of trials some of which lost everything. Such a trial
// is worse than any other in each half that has the block of its ruin or a later one:
// a run that shone before its ruin is what overfitting looks like, so it is not left
// out, and the zeros after the ruin do not count as a calm time.
func OverfittingOf(trials []Trial, blocks int) float64 {
	trials = distinctTrials(trials)
	if len(trials) < 2 || blocks < 2 || blocks > 20 || blocks%2 != 0 || len(trials[0].Returns) < 2*blocks {
		return undefined()
	}
	sums := blockSums(trials, blocks)
	below, n := 0.0, 0
	for _, in := range halves(blocks) {
		a, b := sums.sharpes(in, true), sums.sharpes(in, false)
		sorted := slices.Sorted(slices.Values(b))
		top, chosen, failed := slices.Max(a), 0, 0
		for i := range a {
			if a[i] != top {
				continue
			}
			chosen++
			if relativeRank(sorted, b[i]) <= 0.5 {
				failed++
			}
		}
		below += float64(failed) / float64(chosen)
		n++
	}
	return below / float64(n)
}

// Distinct returns the places of the series that are no copies of earlier ones.
func Distinct(series [][]float64) []int {
	var places []int
	seen := make(map[uint64][]int) // by a digest, which different series may share
	for i, r := range series {
		d := digestOf(r)
		if slices.ContainsFunc(seen[d], func(j int) bool { return slices.Equal(series[j], r) }) {
			continue
		}
		seen[d] = append(seen[d], i)
		places = append(places, i)
	}
	return places
}

// digestOf is equal for equal series (FNV-1a over their bits).
func digestOf(r []float64) uint64 {
	d := uint64(14695981039346656037)
	for _, x := range r {
		d = (d ^ math.Float64bits(x+0)) * 1099511628211 // x+0: there are two zeros, and they are equal
	}
	return d
}

func distinctTrials(trials []Trial) []Trial {
	series := make([][]float64, len(trials))
	for i := range trials {
		series[i] = trials[i].Returns
	}
	var out []Trial
	for _, i := range Distinct(series) {
		out = append(out, trials[i])
	}
	return out
}

// moments are n, Σr and Σr² of a block, and its extremes.
type moments struct {
	n, sum, squares float64
	low, high       float64
	ruined          bool // everything was lost in the block or before it
}

type blockMoments [][]moments // by trial and block

func blockSums(trials []Trial, blocks int) blockMoments {
	size := len(trials[0].Returns) / blocks
	out := make(blockMoments, len(trials))
	for i, t := range trials {
		for b := range blocks {
			m := moments{n: float64(size), low: math.Inf(1), high: math.Inf(-1), ruined: t.Ruin >= 0 && t.Ruin < (b+1)*size}
			for _, x := range t.Returns[b*size : (b+1)*size] {
				m.sum += x
				m.squares += x * x
				m.low, m.high = min(m.low, x), max(m.high, x)
			}
			out[i] = append(out[i], m)
		}
	}
	return out
}

// sharpes of every trial over the blocks that are in, or those that are not.
func (s blockMoments) sharpes(in uint64, want bool) []float64 {
	out := make([]float64, len(s))
	for i, list := range s {
		t := moments{low: math.Inf(1), high: math.Inf(-1)}
		for b, m := range list {
			if in>>b&1 == 1 == want {
				t.n, t.sum, t.squares = t.n+m.n, t.sum+m.sum, t.squares+m.squares
				t.low, t.high = min(t.low, m.low), max(t.high, m.high)
				t.ruined = t.ruined || m.ruined
			}
		}
		out[i] = t.sharpe()
	}
	return out
}

// sharpe is the ratio of a half, without end where its returns do not vary.
func (m *moments) sharpe() float64 {
	switch {
	case m.ruined:
		return math.Inf(-1)
	case m.low == 0 && m.high == 0: // no position
		return 0
	case m.low == m.high:
		return math.Copysign(math.MaxFloat64, m.low)
	}
	mean := m.sum / m.n
	return mean / math.Sqrt((m.squares-m.n*mean*mean)/(m.n-1))
}

// relativeRank is the rank of a value among all, which are sorted, from 1 for the
// lowest, divided by their number + 1. Equal values share the mean of their ranks.
func relativeRank(sorted []float64, v float64) float64 {
	below, _ := slices.BinarySearch(sorted, v)
	upTo, _ := slices.BinarySearchFunc(sorted, v, func(x, v float64) int {
		if x <= v {
			return -1
		}
		return 1
	})
	return float64(below+upTo+1) / 2 / float64(len(sorted)+1)
}

// halves lists every choice of half of the blocks, as bits.
func halves(blocks int) []uint64 {
	var list []uint64
	for bits := range uint64(1) << blocks {
		if 2*mathbits.OnesCount64(bits) == blocks {
			list = append(list, bits)
		}
	}
	return list
}

package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// undefined is what a statistic is when it has no value.
func undefined() float64 { return math.NaN() }

// finite turns infinities into "not defined".
func finite(v float64) float64 {
	if math.IsInf(v, 0) {
		return undefined()
	}
	return v
}

// ratio is a/b, not defined when b is 0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return undefined()
	}
	return finite(a / b)
}

// Total compounds returns: Π(1+r) - 1. It is 0 for an empty series.
func Total(r []float64) float64 {
	v := 1.0
	for _, x := range r {
		v *= 1 + x
	}
	return v - 1
}

// CAGR is the yearly rate that compounds to the total return:
// (Π(1+r))^(periods/n) - 1. A series that loses everything has none.
func CAGR(r []float64, periods float64) float64 {
	end := 1 + Total(r)
	if len(r) == 0 || end <= 0 {
		return undefined()
	}
	return finite(math.Pow(end, periods/float64(len(r))) - 1)
}

// Mean is the arithmetic mean.
func Mean(r []float64) float64 {
	if len(r) == 0 {
		return undefined()
	}
	return stat.Mean(r, nil)
}

// Deviation is the sample standard deviation.
func Deviation(r []float64) float64 {
	if len(r) < 2 {
		return undefined()
	}
	if flat(r) {
		return 0 // the mean of equal numbers may be off by a bit
	}
	return stat.StdDev(r, nil)
}

func flat(r []float64) bool {
	for _, x := range r {
		if x != r[0] {
			return false
		}
	}
	return true
}

// Volatility is the standard deviation a year: sd · √periods.
func Volatility(r []float64, periods float64) float64 { return Deviation(r) * math.Sqrt(periods) }

// Sharpe is mean / sd · √periods (Sharpe 1994, risk-free rate 0).
func Sharpe(r []float64, periods float64) float64 {
	return ratio(Mean(r), Deviation(r)) * math.Sqrt(periods)
}

// DownsideDeviation is √(Σ min(r, 0)² / n): over all returns, with a target of 0.
func DownsideDeviation(r []float64) float64 {
	if len(r) == 0 {
		return undefined()
	}
	sum := 0.0
	for _, x := range r {
		if x < 0 {
			sum += x * x
		}
	}
	return math.Sqrt(sum / float64(len(r)))
}

// Sortino is mean / downside deviation · √periods (Sortino and Price 1994).
// Fewer than two returns have none.
func Sortino(r []float64, periods float64) float64 {
	if len(r) < 2 {
		return undefined()
	}
	return ratio(Mean(r), DownsideDeviation(r)) * math.Sqrt(periods)
}

// Omega is the sum of gains / the sum of losses, with a threshold of 0 (Keating
// and Shadwick 2002).
func Omega(r []float64) float64 {
	up, down := 0.0, 0.0
	for _, x := range r {
		up += max(x, 0)
		down -= min(x, 0)
	}
	return ratio(up, down)
}

// Skew is the adjusted Fisher-Pearson coefficient G1, as pandas and Excel have it.
func Skew(r []float64) float64 {
	if len(r) < 3 || flat(r) {
		return undefined()
	}
	return finite(stat.Skew(r, nil))
}

// Kurtosis is the excess kurtosis G2, 0 for a normal distribution, corrected for
// the size of the sample as pandas and Excel have it.
func Kurtosis(r []float64) float64 {
	if len(r) < 4 || flat(r) {
		return undefined()
	}
	return finite(stat.ExKurtosis(r, nil))
}

// Quantile interpolates linearly between the closest ranks, as numpy does by
// default (type 7 of Hyndman and Fan 1996). p is from 0 to 1.
func Quantile(r []float64, p float64) float64 {
	if len(r) == 0 {
		return undefined()
	}
	sorted := slices.Sorted(slices.Values(r))
	at := p * float64(len(sorted)-1)
	i := int(math.Floor(at))
	if i >= len(sorted)-1 {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// TailRatio is |95 % quantile| / |5 % quantile|.
func TailRatio(r []float64) float64 {
	return ratio(math.Abs(Quantile(r, 0.95)), math.Abs(Quantile(r, 0.05)))
}

// VaR is the historical value at risk: the quantile at cutoff, such as 0.05, as a
// return. A loss is negative.
func VaR(r []float64, cutoff float64) float64 { return Quantile(r, cutoff) }

// CVaR is the mean of the returns that are not above the value at risk (expected
// shortfall).
func CVaR(r []float64, cutoff float64) float64 {
	limit := VaR(r, cutoff)
	sum, n := 0.0, 0
	for _, x := range r {
		if x <= limit {
			sum += x
			n++
		}
	}
	return ratio(sum, float64(n))
}

// Share is the fraction of returns above 0.
func Share(r []float64) float64 {
	n := 0
	for _, x := range r {
		if x > 0 {
			n++
		}
	}
	return ratio(float64(n), float64(len(r)))
}

// Beta is the slope of the regression of returns on those of a benchmark:
// cov / var. The series are of equal length; it panics otherwise.
func Beta(r, benchmark []float64) float64 {
	if len(r) < 2 || flat(benchmark) {
		return undefined()
	}
	return ratio(stat.Covariance(r, benchmark, nil), stat.Variance(benchmark, nil))
}

// Alpha is the part of the mean return that beta does not explain, a year:
// (mean - beta · mean of the benchmark) · periods. It is not compounded.
func Alpha(r, benchmark []float64, periods float64) float64 {
	return (Mean(r) - Beta(r, benchmark)*Mean(benchmark)) * periods
}

// Correlation is Pearson's.
func Correlation(r, benchmark []float64) float64 {
	if len(r) < 2 || flat(r) || flat(benchmark) {
		return undefined()
	}
	return finite(stat.Correlation(r, benchmark, nil))
}

// Information is the information ratio: the Sharpe ratio of the returns above the
// benchmark's, mean / sd · √periods (Goodwin 1998).
func Information(r, benchmark []float64, periods float64) float64 {
	above := make([]float64, len(r))
	for i := range r {
		above[i] = r[i] - benchmark[i]
	}
	return Sharpe(above, periods)
}

// Rolling computes a statistic over each window of n returns. The first value is
// that of the first n returns, so there are len(r)-n+1; none when the series is
// shorter.
func Rolling(r []float64, n int, of func([]float64) float64) []float64 {
	if n < 1 || len(r) < n {
		return nil
	}
	out := make([]float64, 0, len(r)-n+1)
	for i := n; i <= len(r); i++ {
		out = append(out, of(r[i-n:i]))
	}
	return out
}

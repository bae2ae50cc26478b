package stats

import "math"

// Bin is a bar of a histogram: values from From up to To.
type Bin struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Count int     `json:"count"`
}

// Histogram counts values in bins of equal width, 1, 2 or 5 times a power of ten,
// about as many as said, with zero between two of them. Equal values have none.
func Histogram(values []float64, most int) []Bin {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	if len(values) == 0 || high <= low {
		return nil
	}
	width := nice((high - low) / float64(most))
	first := math.Floor(low / width)
	bins := make([]Bin, int(math.Floor(high/width)-first)+1)
	for i := range bins {
		bins[i].From = (first + float64(i)) * width
		bins[i].To = bins[i].From + width
	}
	for _, v := range values {
		bins[min(int(math.Floor(v/width)-first), len(bins)-1)].Count++
	}
	return bins
}

// nice rounds up to 1, 2 or 5 times a power of ten.
func nice(w float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(w)))
	for _, f := range []float64{1, 2, 5} {
		if w <= f*unit {
			return f * unit
		}
	}
	return 10 * unit
}

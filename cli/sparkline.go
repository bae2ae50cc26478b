package cli

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/dunamis-engine/dunamis/reports/analysis"
)

// sparkline draws values from the lowest to the highest in a line of text.
func sparkline(values []float64) string {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	const bars = "▁▂▃▄▅▆▇█"
	levels := []rune(bars)
	var s strings.Builder
	for _, v := range values {
		level := 0
		if high > low {
			level = min(int((v-low)/(high-low)*float64(len(levels))), len(levels)-1)
		}
		s.WriteRune(levels[level])
	}
	return s.String()
}

// printCurves draws the equity in each currency.
func printCurves(w io.Writer, s *analysis.Statistics) {
	for i := range s.Returns {
		r := &s.Returns[i]
		if len(r.Curve) > 0 {
			fmt.Fprintf(w, "  equity in %-5s %s\n", r.Currency, sparkline(r.Curve))
		}
	}
}

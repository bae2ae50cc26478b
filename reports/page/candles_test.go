package page

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

func TestCandles(t *testing.T) {
	minute := exchange.Time(60e9)
	c := newCandles(0, 100*minute, 25)
	require.Equal(t, int64(300e9), c.width, "5 minutes are the least of which 25 suffice")
	for i, p := range []float64{5, 7, 3, 6, 4, 9, 8} {
		c.add(exchange.Time(i)*minute, p)
	}
	require.Equal(t, []candle{{0, 5, 7, 3, 4}, {5 * minute, 9, 9, 8, 8}}, c.list)
	require.Equal(t, int64(7*24*3600e9), newCandles(0, 1<<62, 10).width, "weeks are the most")
}

func TestHistogramOfNothing(t *testing.T) {
	require.Empty(t, histogramSVG(nil, "x", "days", percent))
}

func TestNumbersThatAreNone(t *testing.T) {
	for v, want := range map[float64]string{0.1 + 0.2: "0.3", math.Inf(1): "null", 1234567890: "1.2345679e+09"} {
		b, err := number(v).MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, want, string(b))
	}
}

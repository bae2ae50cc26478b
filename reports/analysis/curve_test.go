package analysis

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

func TestCurve(t *testing.T) {
	c := newCurve(0, 600)
	for _, x := range []struct {
		at     exchange.Time
		equity float64
	}{{0, 10}, {15, 20}, {19, 30}, {45, 40}, {600, 50}} {
		c.add(x.at, x.equity, 5)
	}
	got := c.values(2)
	require.Len(t, got, steps)
	require.Equal(t, []float64{20, 60, 60, 60, 80, 80}, got[:6])
	require.InDelta(t, 80, got[58], 0)
	require.InDelta(t, 100, got[59], 0)
	none := newCurve(5, 5)
	none.add(5, 1, 1)
	require.Empty(t, none.values(1))
}

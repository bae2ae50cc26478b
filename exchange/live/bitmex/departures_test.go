package bitmex

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// The newest departures are remembered, the last attempt of each, and no more of them.
func TestDepartures(t *testing.T) {
	x := new(Exchange)
	for n := range 3 * keptDepartures {
		id := exchange.ClientID(fmt.Sprint(n))
		x.left.put(id, 1)
		x.left.put(id, exchange.Time(n))
	}
	require.Len(t, x.left.at, keptDepartures)
	_, known := x.Left("0")
	require.False(t, known)
	at, known := x.Left(exchange.ClientID(fmt.Sprint(3*keptDepartures - 1)))
	require.True(t, known)
	require.EqualValues(t, 3*keptDepartures-1, at)
}

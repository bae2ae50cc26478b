package sim

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Ids count up without a gap, also where they grow by a digit, and order ids can be
// read back.
func TestIDsCount(t *testing.T) {
	for _, first := range []uint64{0, 999_990, 9_999_999 - mintAhead} {
		m := minter{prefix: orderPrefix, made: first}
		for n := first + 1; n < first+3*mintAhead; n++ {
			id := m.next()
			require.Equal(t, fmt.Sprintf("sim-%06d", n), id)
			require.Equal(t, n, numberOf(exchange.OrderID(id)))
		}
	}
}

// Nothing that is not exactly the text of an order id has a number.
func TestForeignIDsHaveNoNumber(t *testing.T) {
	for _, id := range []exchange.OrderID{"", "sim-", "sim-1", "sim-00001", "sim-0000001", "sim-00000a", "sim-00000/", "dun-000001", "sim-000000",
		"sim-000001 ", "sim-99999999999999999999", forcedPrefix + "000001"} {
		require.Zero(t, numberOf(id), "%s", id)
	}
}

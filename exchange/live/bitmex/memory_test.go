package bitmex

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Executions and ended orders are remembered up to a number, the newest of them, also when
// that has been reached a few times.
func TestWhatIsRemembered(t *testing.T) {
	var s seen
	for n := range 2*keptExecutions + 3 {
		require.True(t, s.add(fmt.Sprint(n)))
		require.False(t, s.add(fmt.Sprint(n)))
	}
	require.Len(t, s.ids, keptExecutions)
	require.Len(t, s.ring, keptExecutions)
	for _, n := range []int{keptExecutions + 3, keptExecutions + 4, 2 * keptExecutions, 2*keptExecutions + 2} {
		require.False(t, s.add(fmt.Sprint(n)), n)
	}
	require.True(t, s.add(fmt.Sprint(keptExecutions+2)), "the oldest is forgotten")

	var p past
	put := func(n int, status exchange.OrderStatus) {
		p.put(&exchange.Order{ClientID: exchange.ClientID(fmt.Sprint(n)), Status: status})
	}
	for n := range 2*keptOrders + 3 {
		put(n, exchange.Filled)
		put(n, exchange.Canceled) // again, under the same name
	}
	require.Len(t, p.orders, keptOrders)
	require.Len(t, p.ring, keptOrders)
	for _, n := range []int{keptOrders + 3, 2 * keptOrders, 2*keptOrders + 2} {
		require.Equal(t, exchange.Canceled, p.orders[exchange.ClientID(fmt.Sprint(n))].Status, n)
	}
	require.NotContains(t, p.orders, exchange.ClientID(fmt.Sprint(keptOrders+2)))
}

// The newest 256 trades are known by their ids; one of before them is new again, and what is
// remembered does not grow. What is no id is never known.
func TestTradesThatAreRemembered(t *testing.T) {
	m := matches{ids: map[[36]byte]struct{}{}}
	id := func(n int) []byte { return fmt.Appendf(nil, "%036d", n) }
	for n := range 256 {
		require.True(t, m.add(id(n)), n)
		require.False(t, m.add(id(n)), n)
	}
	for n := range 256 {
		require.False(t, m.add(id(n)), n)
	}
	for n := range 1000 {
		require.True(t, m.add(id(256+n)), n)
		require.Len(t, m.ids, 256)
		require.False(t, m.add(id(n+1)), "it is the oldest that is known")
	}
	require.True(t, m.add(id(0)), "it is forgotten")
	for range 2 {
		for _, none := range []string{"", "short", string(id(1)) + "0"} {
			require.True(t, m.add([]byte(none)), none)
		}
	}
}

// A partial of the book is refused if a change that came before it is newer, however many
// came and in whichever order; what has no time is believed.
func TestPartialsThatAreTooOld(t *testing.T) {
	stamp := func(seconds int) string {
		if seconds < 0 {
			return ""
		}
		return fmt.Sprintf(`,"timestamp":"2023-05-01T00:00:%02d.000Z"`, seconds)
	}
	for name, c := range map[string]struct {
		before  []int // times of changes before the partial
		partial int
		after   []int // of changes behind it
		want    string
	}{
		"none before":          {nil, 5, []int{5, 6}, ""},
		"older before":         {[]int{3, 4}, 5, nil, ""},
		"of the same time":     {[]int{5}, 5, nil, ""},
		"newer before":         {[]int{6}, 5, nil, "a partial that is older than a change before it"},
		"newer, and older":     {[]int{6, 3}, 5, nil, "a partial that is older than a change before it"},
		"older, and newer":     {[]int{3, 6}, 5, nil, "a partial that is older than a change before it"},
		"without times":        {[]int{-1}, -1, []int{-1}, ""},
		"newer, without time":  {[]int{6}, -1, nil, ""},
		"changes that go back": {nil, 5, []int{7, 6}, "a change before a newer one"},
		"changes at one time":  {nil, 5, []int{7, 7}, ""},
	} {
		for _, table := range []string{"orderBookL2", "orderBookL2_25"} {
			t.Run(name+" "+table, func(t *testing.T) {
				_, list := instruments(t, "XBTUSD")
				tabs := newTables(list)
				arrival := exchange.Time(1_700_000_000_000_000_000)
				frame := func(action, row string, at int) error {
					_, err := tabs.take([]byte(`{"table":"`+table+`","action":"`+action+`",`+
						`"filter":{"symbol":"XBTUSD"},`+
						`"data":[{"symbol":"XBTUSD","id":1,"side":"Sell",`+row+stamp(at)+`}]}`), arrival)
					return err
				}
				update := func(at int) error { return frame("update", `"size":50`, at) }
				for _, at := range c.before {
					require.NoError(t, update(at))
				}
				err := frame("partial", `"size":100,"price":101`, c.partial)
				for _, at := range c.after {
					if err == nil {
						err = update(at)
					}
				}
				if c.want == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, c.want)
				}
			})
		}
	}
}

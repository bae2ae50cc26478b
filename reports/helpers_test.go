package reports

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

var testStart = exchange.TimeOf(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))

// testOptions are those of a run on bitmex:XBTUSD.
func testOptions(tb testing.TB, a Account, balance exchange.Money, symbols ...string) Options {
	tb.Helper()
	set, err := exchange.BuiltinInstruments()
	require.NoError(tb, err)
	if len(symbols) == 0 {
		symbols = []string{"XBTUSD"}
	}
	o := Options{Account: a, Instruments: set, StartBalance: balance, Run: Run{Strategy: "test", Data: "bar-1m"}}
	for _, name := range symbols {
		i, err := set.Lookup("bitmex", name)
		require.NoError(tb, err)
		o.Symbols = append(o.Symbols, i.ID)
		o.Currency = i.Settle
	}
	return o
}

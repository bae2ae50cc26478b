package bitmex

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/secret"
)

// An execution counts once, however often the venue tells of it: in a table that is
// sent anew after a reconnect, as an insert again, with another row beside it.
func TestInvariantI18AnExecutionCountsOnce(t *testing.T) {
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	c := Config{URL: "http://venue", Key: "k", Secret: secret.New("s")}
	require.NoError(t, c.complete())
	s := &state{inst: i}
	x := &Exchange{cfg: ExchangeConfig{Config: c, Instruments: set, Symbols: []exchange.SymbolID{i.ID}, Now: func() exchange.Time { return 1 }},
		symbols: map[string]*state{i.Symbol: s}, byID: map[exchange.SymbolID]*state{i.ID: s}, open: map[exchange.ClientID]*openOrder{},
		denied: map[exchange.ClientID]bool{}, lane: newLane(), ready: make(chan struct{}, 1), pongs: make(chan struct{}), breaks: make(chan struct{}), sync: newSyncing()}
	row := orderRow + fillFields
	fills := func() (n int) {
		for k := range x.reports {
			if x.reports[k].Kind == exchange.ReportFill {
				n++
			}
		}
		return n
	}
	insert := `{"table":"execution","action":"insert","data":[` + row + `]}`
	require.NoError(t, x.frame([]byte(insert)))
	require.Equal(t, 1, fills())
	for _, again := range []string{insert, `{"table":"execution","action":"insert","data":[` + row + `,` + row + `]}`} {
		require.NoError(t, x.frame([]byte(again)))
		require.Equal(t, 1, fills())
	}
}

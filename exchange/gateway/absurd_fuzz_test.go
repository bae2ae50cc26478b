package gateway

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/exchangetest"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/secret"
)

// anyKey is a key of one account.
type anyKey struct{}

func (anyKey) Lookup(string) (Key, bool) { return anyKey{}.key(), true }
func (anyKey) Account(int64) []Key       { return []Key{anyKey{}.key()} }
func (anyKey) key() Key {
	return Key{ID: "k", Secret: secret.New("s"), Account: 1, Permissions: []string{PermitOrder}}
}

// FuzzAbsurdUpstream: whatever the events of a feed hold, what its check lets through, or
// makes of them, a gateway with an account that has orders can deal with.
func FuzzAbsurdUpstream(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 4, 20, 1, 20, 1, 0, 1, 7, 20, 1, 20, 13})
	f.Add([]byte{1, 0, 20, 1, 20, 1, 9, 1, 2, 20, 1, 20, 17, 9, 0, 1, 5, 1, 3, 1, 4, 20, 1, 20, 16, 16})
	f.Add([]byte{1, 5, 20, 1, 20, 25, 20, 1, 0, 20, 1, 20, 17, 13, 1, 6, 20, 2, 20, 2, 2})
	set, err := exchange.BuiltinInstruments()
	require.NoError(f, err)
	xbt, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(f, err)
	from, err := exchange.ParseTime("2023-05-01")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		var x *sim.Exchange
		g, err := New(Config{Instruments: set, Symbols: []exchange.SymbolID{xbt.ID}, Currency: xbt.Settle, Start: from,
			Keys: anyKey{},
			Open: func(Key) (exchange.Exchange, Statement, error) {
				var err error
				x, err = sim.New(sim.Config{Instruments: set, Symbols: []exchange.SymbolID{xbt.ID}, Currency: xbt.Settle,
					Balance: 1_000_000_000_000,
					Queue:   sim.RiskAverse{}})
				require.NoError(t, err)
				account := x.Account()
				return x, account, nil
			}})
		require.NoError(t, err)
		ctx, check := context.Background(), g.checker()
		_, err = g.account(ctx, anyKey{}.key())
		require.NoError(t, err)
		a := exchangetest.NewAbsurd(data, from)
		for range 100 {
			if a.Done() {
				break
			}
			if a.Byte()%4 == 0 {
				_, _ = x.Submit(ctx, a.Order(xbt.ID)) // what it refuses is not the point
				continue
			}
			e := a.Event(xbt.ID)
			if check(&e); e.Time > from.Add(24*60*60*1e9) {
				continue // bins of years that pass take their time
			}
			if g.step(ctx, &e) != nil {
				return
			}
		}
		for _, m := range g.markets {
			_ = rowJSON(&m.row)
			_ = m.bookRows(0, g.now)
		}
	})
}

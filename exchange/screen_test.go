package exchange_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// An event out of bounds becomes a gap at the time of the newest event within bounds, and keeps
// the end of its message. An event of another symbol stays as it is.
func TestScreen(t *testing.T) {
	set, err := exchange.BuiltinInstruments()
	require.NoError(t, err)
	i, err := set.Lookup("bitmex", "XBTUSD")
	require.NoError(t, err)
	trade := func(at exchange.Time, price string) exchange.Event {
		e := exchange.TradeEvent(at, at, i.ID, exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice(price), Qty: 100})
		e.Flags = exchange.FlagLast | exchange.FlagSnapshot
		return e
	}
	gap := func(at exchange.Time) exchange.Event {
		e := exchange.GapEvent(at, at, i.ID, at, at)
		e.Flags = exchange.FlagLast
		return e
	}
	const second = exchange.Time(1e9)
	at := 1_600_000_000 * second
	for start, first := range map[exchange.Time]exchange.Time{0: at, at - second: at - second} {
		s := exchange.NewScreen(set, []exchange.SymbolID{i.ID}, start)
		e := trade(at, "0.0000001")
		var bad *exchange.ValidationError
		require.ErrorAs(t, s.Check(&e), &bad)
		require.Equal(t, gap(first), e)

		good := trade(at+second, "30000")
		e = good
		require.NoError(t, s.Check(&e))
		require.Equal(t, good, e)
		e = trade(at+5*second, "0.0000001")
		require.Error(t, s.Check(&e))
		require.Equal(t, gap(at+second), e)

		other := trade(at, "30000")
		other.Symbol = i.ID + 1
		e = other
		require.ErrorIs(t, s.Check(&e), exchange.ErrUnknownSymbol)
		require.Equal(t, other, e)
	}
}

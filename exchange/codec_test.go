package exchange

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func drawEvent(t *rapid.T) Event {
	e := Event{
		Time: Time(rapid.Int64().Draw(t, "time")), Arrival: Time(rapid.Int64().Draw(t, "arrival")),
		Kind: EventKind(rapid.IntRange(1, len(kindEventNames)-1).Draw(t, "kind")), Side: Side(rapid.IntRange(0, int(Sell)).Draw(t, "side")),
		Flags: Flags(rapid.Byte().Draw(t, "flags")), Stream: rapid.Uint16().Draw(t, "stream"), Symbol: SymbolID(rapid.Uint16().Draw(t, "symbol")),
	}
	for i := range rapid.IntRange(0, len(e.v)).Draw(t, "places") {
		e.v[i] = rapid.Int64().Draw(t, "value")
	}
	return e
}

// What is encoded is decoded, whatever came before.
func TestEventCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(rapid.Custom(drawEvent), 1, 8).Draw(t, "events")
		var b []byte
		var prev Event
		for i := range events {
			b = AppendEvent(b, &events[i], &prev)
			prev = events[i]
		}
		prev = Event{}
		for i := range events {
			var e Event
			var err error
			e, b, err = DecodeEvent(b, &prev)
			require.NoError(t, err)
			require.Equal(t, events[i], e)
			prev = e
		}
		require.Empty(t, b)
	})
}

// No bytes make the decoder panic, and what it takes it would write the same way.
func FuzzDecodeEvent(f *testing.F) {
	e := TradeEvent(5, 6, 1, Trade{Side: Buy, Price: 7, Qty: 8})
	f.Add(AppendEvent(nil, &e, &Event{}))
	f.Add([]byte{})
	f.Add([]byte{9, 0x18, 0, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, _, err := DecodeEvent(b, &Event{})
		if err != nil {
			require.ErrorIs(t, err, ErrEncoding)
			return
		}
		again, rest, err := DecodeEvent(AppendEvent(nil, &e, &Event{}), &Event{})
		require.NoError(t, err)
		require.Empty(t, rest)
		require.Equal(t, e, again)
	})
}

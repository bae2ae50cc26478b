package sim

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

func TestParseMaxAge(t *testing.T) {
	for text, want := range map[string]MaxAge{
		"1m":                        {time.Minute, time.Minute, time.Minute},
		"off":                       {-1, -1, -1},
		"book=1s":                   {Book: time.Second},
		"quote=2s, trade=off":       {Quote: 2 * time.Second, Trade: -1},
		"book=1s,quote=1s,trade=1s": {time.Second, time.Second, time.Second},
	} {
		got, err := ParseMaxAge(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "0", "-1m", "soon", "bar=1m", "book=", "book=0", "book=1m,book=2m", "1m,2m",
		"book=1m,"} {
		_, err := ParseMaxAge(text)
		var bad *exchange.ValidationError
		require.ErrorAs(t, err, &bad, text)
		require.Equal(t, "maxAge", bad.Field)
	}
	require.Equal(t, "book=1s, quote=1m0s, trade=off", MaxAge{Book: time.Second, Trade: -1}.orDefault().String())
	require.Equal(t, "off", MaxAge{-1, -1, ageless + 1}.orDefault().String())
	require.Equal(t, "1m0s", MaxAge{}.orDefault().String())
}

// Orders that are on their way at the end are drained as such, once they have arrived
// they are not.
func TestDrainTellsOfOrdersThatTravel(t *testing.T) {
	s := newScript(t)
	s.said("config latency=1s/0s", "quote 100 10 101 10")
	s.said("submit a buy 3 limit 99 hidden", "amend a price=98", "cancel a")
	require.Equal(t, 1, s.x.Stats().Travelling)
	reports := s.x.Drain(nil)
	require.Len(t, reports, 1)
	o := reports[0].Order
	require.Equal(t, exchange.ReportOrder, reports[0].Kind)
	require.Equal(t, exchange.PendingNew, o.Status)
	require.Equal(t, exchange.ClientID("a"), o.ClientID)
	require.Equal(t, exchange.Qty(3), o.Leaves)
	require.Equal(t, 99*exchange.PriceUnit, o.Price)
	_, err := s.x.Advance(context.Background(), epoch.Add(time.Second), nil)
	require.NoError(t, err)
	require.Zero(t, s.x.Stats().Travelling)
	require.Empty(t, s.x.Drain(nil))
}

// So is one that was lost, until its client asks.
func TestDrainTellsOfOrdersThatWereLost(t *testing.T) {
	s := newScript(t)
	s.said("config lost=1", "quote 100 10 101 10")
	s.said("submit a buy 3 limit 99")
	require.Equal(t, 1, s.x.Stats().Travelling)
	require.Equal(t, exchange.PendingNew, s.x.Drain(nil)[0].Order.Status)
}

package sim_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/exchangetest"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// FuzzAbsurdMarket: whatever the numbers of events are, those that pass the check of bounds
// can be dealt with, by an account with orders and positions of any size that it takes.
func FuzzAbsurdMarket(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add([]byte{4, 20, 1, 20, 1, 0, 7, 20, 1, 20, 13}, uint8(0))
	f.Add([]byte{0, 20, 1, 20, 1, 9, 2, 20, 1, 20, 17, 9, 2, 20, 2, 20, 18, 9, 8, 1, 20, 5, 1, 3, 20, 4, 20, 1, 20, 16,
		16}, uint8(1))
	f.Add([]byte{2, 20, 1, 20, 22, 9, 2, 20, 2, 20, 20, 13, 8, 1, 12, 2, 0, 17, 20, 5, 20, 1, 20, 25, 20, 30, 4, 20, 1,
		20, 2, 2}, uint8(2))
	set, err := exchange.BuiltinInstruments()
	require.NoError(f, err)
	var traded []*exchange.Instrument
	for _, s := range []string{"XBTUSD", "ETHUSD", "XBTUSDT", "XBTM21"} {
		if i, err := set.Lookup("bitmex", s); err == nil {
			traded = append(traded, i)
		}
	}
	from, err := exchange.ParseTime("2021-05-01")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		i := traded[int(which)%len(traded)]
		x, err := sim.New(sim.Config{Instruments: set, Symbols: []exchange.SymbolID{i.ID}, Currency: i.Settle,
			Balance: 1_000_000_000_000, Queue: sim.RiskAverse{}})
		require.NoError(t, err)
		ctx, bounds := context.Background(), i.Bounds()
		a := exchangetest.NewAbsurd(data, from)
		var reports []exchange.Report
		now := from
		for range 200 {
			if a.Done() {
				break
			}
			if a.Byte()%4 == 0 { // what it refuses is not the point
				_, _ = x.Submit(ctx, a.Order(i.ID))
			} else if e := a.Event(i.ID); bounds.Check(&e) == nil && e.Time >= now && e.Time < from.Add(400*24*60*60*1e9) {
				now = e.Time
				x.Market(&e)
			}
			if reports, err = x.Advance(ctx, now, reports[:0]); err != nil {
				return // an account that is bankrupt, for one
			}
			for n := range reports {
				if err := bounds.CheckReport(&reports[n]); err != nil && reports[n].Kind == exchange.ReportMargin {
					t.Fatalf("%+v: %v", reports[n].Margin, err)
				}
			}
		}
	})
}

package gateway_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
)

// Orders placed over loopback, several at once, each a signed request of its own; a
// cancellation of all keeps the account small.
func BenchmarkOrdersOverLoopback(b *testing.B) {
	w := newWorld(b, nil)
	w.quote(exchange.Level{Price: exchange.MustPrice("30000"), Qty: 1000}, exchange.Level{Price: exchange.MustPrice("30001"), Qty: 1000})
	c, err := bitmex.NewClient(w.config("trader"))
	require.NoError(b, err)
	defer c.Close()
	var n atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			k := n.Add(1)
			_, err := c.Place(b.Context(), bitmex.NewOrder{Symbol: "XBTUSD", Side: "Buy", OrderQty: 100, OrdType: "Limit",
				Price: exchange.Price(20000+k%500) * exchange.PriceUnit, ClOrdID: fmt.Sprint(k)})
			if err == nil && k%500 == 0 {
				_, err = c.CancelAll(b.Context(), "XBTUSD", nil, "")
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
}

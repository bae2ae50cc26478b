package gateway_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/exchangetest"
	"github.com/dunamis-engine/dunamis/exchange/live"
)

// The client on the gateway on the simulator passes the suite that the simulator
// passes, over real sockets.
func TestConformance(t *testing.T) {
	for _, symbol := range []string{"XBTUSD", "XBTUSDT"} {
		t.Run(symbol, func(t *testing.T) {
			exchangetest.Run(t, func(t *testing.T) exchangetest.Harness {
				w := newWorld(t, nil, symbol)
				x := w.connect("trader")
				flush := func() {
					err := x.Flush(t.Context())
					if !errors.Is(err, live.ErrNotConnected) { // the suite closes the exchange
						require.NoError(t, err)
					}
				}
				return exchangetest.Harness{
					Exchange: x, Instrument: w.inst, Price: 30_000 * exchange.PriceUnit, Qty: 10 * w.inst.At(w.now).LotSize,
					Now:   func() exchange.Time { return w.now },
					Quote: w.quote,
					Trade: func(tr exchange.Trade) { w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID, tr)) },
					Mark:  func(k exchange.Mark) { w.step(exchange.MarkEvent(w.now, w.now, w.inst.ID, k)) },
					Wait:  func(d time.Duration) { flush(); w.pass(d); flush() },
				}
			})
		})
	}
}

package bitmex_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/secret"
)

const placed = `{"orderID":"9c69e54a-2337-5619-8704-fa8c9b5a96bd","clOrdID":"dun-1","clOrdLinkID":"","account":100001,"symbol":"XBTUSD","side":"Buy","orderQty":100,"price":39356,"displayQty":null,"stopPx":null,"pegOffsetValue":null,"pegPriceType":"","currency":"USD","settlCurrency":"XBt","ordType":"Limit","timeInForce":"GoodTillCancel","execInst":"","contingencyType":"","ordStatus":"New","triggered":"","workingIndicator":true,"ordRejReason":"","leavesQty":100,"cumQty":0,"avgPx":null,"text":"Submitted via API.","transactTime":"2026-11-24T09:15:25.775Z","timestamp":"2026-11-24T09:15:25.775Z"}`

// canned answers at once.
type canned struct{}

func (canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: int64(len(placed)), Body: io.NopCloser(strings.NewReader(placed)), Request: r}, nil
}

// What the client itself costs for an order: sign, encode, limits, decode.
func BenchmarkOrderOverhead(b *testing.B) {
	p := live.DefaultPolicy()
	p.RequestsPerMinute, p.OrdersPerSecond = 0, 0
	c, err := bitmex.NewClient(bitmex.Config{URL: "http://venue", Key: "k", Secret: secret.New("s"), Policy: p, Transport: canned{}})
	require.NoError(b, err)
	o := bitmex.NewOrder{Symbol: "XBTUSD", Side: "Buy", OrderQty: 100, Price: exchange.MustPrice("39356"), ClOrdID: "dun-1", OrdType: "Limit", TimeInForce: "GoodTillCancel"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Place(b.Context(), o); err != nil {
			b.Fatal(err)
		}
	}
}

package bitmex_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
	"github.com/dunamis-engine/dunamis/secret"
)

// An order that the venue refuses: errors.Is knows what the refusal means, and the error
// says it in the venue's words. A client of the gateway in exchange/gateway looks the same.
func ExampleClient_Place() {
	venue := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":{"message":"Account has insufficient Available Balance, 2201 XBt required","name":"ValidationError"}}`)
	}))
	defer venue.Close()
	c, err := bitmex.NewClient(bitmex.Config{URL: venue.URL, Key: "key", Secret: secret.New("secret")})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	_, err = c.Place(context.Background(), bitmex.NewOrder{Symbol: "XBTUSD", Side: "Buy", OrderQty: 100, Price: exchange.MustPrice("50000")})
	fmt.Println(err)
	fmt.Println(errors.Is(err, api.ErrInsufficient))
	// Output:
	// 400 ValidationError: Account has insufficient Available Balance, 2201 XBt required
	// true
}

package bitmexapi_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// What each refusal means, and that it means nothing else.
func TestErrorMeanings(t *testing.T) {
	all := []error{api.ErrUnauthorized, api.ErrExpired, api.ErrForbidden, api.ErrNotFound, api.ErrRateLimited, api.ErrUnavailable, api.ErrOverloaded,
		api.ErrInvalid, api.ErrDuplicateID, api.ErrOrderState, api.ErrUnknownOrder, api.ErrInsufficient, api.ErrRisk, api.ErrReduceOnly, api.ErrMarket}
	for _, c := range []struct {
		status int
		text   string
		want   []error
	}{
		{401, "Signature not valid.", []error{api.ErrUnauthorized}},
		{401, "This request has expired - `expires` is in the past. Current time: 1518064236", []error{api.ErrUnauthorized, api.ErrExpired}},
		{403, "Access Denied", []error{api.ErrForbidden}},
		{404, "Not Found", []error{api.ErrNotFound, api.ErrUnknownOrder}},
		{429, "Rate limit exceeded, retry in 1 seconds.", []error{api.ErrRateLimited}},
		{502, "Bad Gateway", []error{api.ErrUnavailable}},
		{503, "The system is currently overloaded. Please try again later.", []error{api.ErrUnavailable, api.ErrOverloaded}},
		{503, "Service unavailable", []error{api.ErrUnavailable}},
		{400, "Duplicate clOrdID", []error{api.ErrDuplicateID}},
		{400, "Invalid ordStatus: Filled", []error{api.ErrOrderState}},
		{200, "Unable to cancel order due to existing state: Canceled", []error{api.ErrOrderState}},
		{400, "Invalid origClOrdID", []error{api.ErrUnknownOrder}},
		{400, "Account has insufficient Available Balance, 907541344 USDt required", []error{api.ErrInsufficient}},
		{200, "Value of position and orders exceeds position Risk Limit", []error{api.ErrRisk}},
		{400, "Order had execInst of Close and side of Sell but current position is 0", []error{api.ErrReduceOnly}},
		{400, "Instrument expired", []error{api.ErrMarket}},
		{400, "Invalid price tickSize", []error{api.ErrInvalid}},
	} {
		err := fmt.Errorf("place: %w", &api.Error{Status: c.status, Message: c.text})
		var means []error
		for _, e := range all {
			if errors.Is(err, e) {
				means = append(means, e)
			}
		}
		require.Equal(t, c.want, means, "%d %s", c.status, c.text)
	}
	require.NoError(t, (&api.Order{OrdStatus: "New"}).Refusal())
	rejected := &api.Order{OrdStatus: "Rejected", OrdRejReason: "Account has insufficient Available Balance, 5 XBt required"}
	require.ErrorIs(t, rejected.Refusal(), api.ErrInsufficient)
}

package gateway

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// What went wrong has the status and the words of the venue, and no others.
func TestWordsOfErrors(t *testing.T) {
	field := &exchange.ValidationError{Field: "orderQty", Value: "150", Reason: "must be a multiple of lot size: 100"}
	for name, c := range map[string]struct {
		err    error
		status int
		text   string
	}{
		"the venue's":         {fmt.Errorf("x: %w", &api.Error{Status: 418, Message: "teapot"}), 418, "teapot"},
		"stopped":             {fmt.Errorf("x: %w", errStopped), 503, "Service unavailable"},
		"gone":                {fmt.Errorf("x: %w", context.Canceled), 503, "Service unavailable"},
		"late":                {context.DeadlineExceeded, 500, "Server Error"},
		"another":             {errors.New("secret"), 500, "Server Error"},
		"an id twice":         {translate(fmt.Errorf("x: %w", exchange.ErrDuplicateID)), 400, "Duplicate clOrdID"},
		"no symbol":           {translate(fmt.Errorf("x: %w", exchange.ErrUnknownSymbol)), 400, "Invalid symbol"},
		"a field":             {translate(fmt.Errorf("x: %w", field)), 400, venueText(field)},
		"untranslated":        {translate(errors.New("secret")), 500, "Server Error"},
		"overloaded":          {overloaded(), 503, overloaded().Error()},
		"overloaded and gone": {errors.Join(overloaded(), context.Canceled), 503, overloaded().Error()},
	} {
		t.Run(name, func(t *testing.T) {
			e := venueError(c.err)
			require.Equal(t, c.status, e.Status)
			require.Equal(t, c.status, statusOf(c.err))
			require.Contains(t, c.text, e.Message)
			require.NotContains(t, e.Message, "secret")
		})
	}
	require.Equal(t, 200, statusOf(nil))
}

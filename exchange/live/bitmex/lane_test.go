package bitmex

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// What overtakes goes before all that waits, and takes the orders with it that it makes
// void. Nobody waits for those.
func TestOvertaking(t *testing.T) {
	l := newLane()
	var done []string
	errandOf := func(name string, side exchange.Side) errand {
		e := errand{do: func(context.Context) { done = append(done, name) }, drop: func() { done = append(done, name+" dropped") }}
		if side != exchange.NoSide {
			e.order = &exchange.NewOrder{Side: side}
		}
		return e
	}
	l.add(errandOf("buy", exchange.Buy))
	l.add(errandOf("amend", exchange.NoSide))
	l.add(errandOf("sell", exchange.Sell))
	for _, e := range l.overtake(func(context.Context) { done = append(done, "cancel") }, func(o *exchange.NewOrder) bool { return o.Side == exchange.Sell }) {
		e.drop()
	}
	ctx, stop := context.WithCancel(t.Context())
	l.give(func(context.Context) { stop() })
	l.run(ctx)
	require.NoError(t, l.idle(t.Context()))
	require.Equal(t, []string{"sell dropped", "cancel", "buy", "amend"}, done)
}

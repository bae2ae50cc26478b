package exchangetest

import (
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// ruin opens a position with isolated margin and moves the mark to where it is lost. It
// returns the position as it was before.
func (c *client) ruin(open func()) exchange.Position {
	c.t.Helper()
	c.mark(0, 0)
	c.market(exchange.Buy, 3)
	c.isolate()
	open()
	c.settle()
	before := c.position()
	require.Positive(c.t, before.BankruptPrice)
	tick := c.ticks(1) - c.ticks(0)
	c.mark(-int((c.h.Price-before.LiquidationPrice)/tick)-1, 0)
	return before
}

// taken returns the executions of no order of ours.
func (c *client) taken() (fills []exchange.Fill) {
	for i := range c.reports {
		if r := &c.reports[i]; r.Kind == exchange.ReportFill && r.Fill.ClientID == "" {
			fills = append(fills, r.Fill)
		}
	}
	return fills
}

func liquidates(c *client) {
	before := c.ruin(func() {})
	c.until("the position is taken over", func() bool { return c.pos == 0 })
	c.settle()
	fills := c.taken()
	require.Len(c.t, fills, 1)
	f := &fills[0]
	require.Equal(c.t, exchange.Sell, f.Side)
	require.Equal(c.t, before.Qty, f.Qty)
	require.Equal(c.t, before.BankruptPrice, f.Price)
	require.Zero(c.t, c.position().Qty)
	require.Zero(c.t, c.position().Cost)
}

func liquidationEnds(c *client) {
	var rests exchange.ClientID
	c.ruin(func() {
		rests = c.limit(exchange.Sell, 1, 400, 0)
		c.is(rests, exchange.New)
	})
	o := c.ends(rests, exchange.Canceled)
	require.Contains(c.t, o.Text, "Position in liquidation")
	c.until("the position is taken over", func() bool { return c.pos == 0 })
	c.mark(0, 0)
	c.quoteAgain()
	c.market(exchange.Buy, 1)
	require.Equal(c.t, c.lots(1), c.pos, "the account may trade again")
}

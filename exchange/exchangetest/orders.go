package exchangetest

import (
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

func ifTouched(c *client) {
	id := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.MarketIfTouched, StopPrice: c.ticks(-3),
		ExecInst: exchange.LastPrice})
	require.False(c.t, c.is(id, exchange.New).Working)
	c.trade(exchange.Sell, -1, 1)
	c.settle()
	require.Equal(c.t, exchange.New, c.orders[id].Status, "the market has not come down to it")
	c.quoteAt(-4, 10, -2, 10)
	c.trade(exchange.Sell, -4, 1)
	c.ends(id, exchange.Filled)
	require.Contains(c.t, c.execs(id), exchange.ExecTriggered)
}

func limitIfTouched(c *client) {
	id := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.LimitIfTouched, StopPrice: c.ticks(-3),
		Price: c.ticks(-6), ExecInst: exchange.LastPrice})
	c.is(id, exchange.New)
	c.quoteAt(-4, 10, -2, 10)
	c.trade(exchange.Sell, -4, 1)
	c.until("the trigger", func() bool { return c.orders[id].Triggered == exchange.StopOrderTriggered })
	require.True(c.t, c.orders[id].Working, "it rests at its price")
	require.Zero(c.t, c.filled[id])
}

func peggedNear(c *client) {
	id := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(1), Type: exchange.Pegged, PegType: exchange.PrimaryPeg,
		PegOffset: c.ticks(0) - c.ticks(1), ExecInst: exchange.Fixed})
	o := c.is(id, exchange.New)
	require.Equal(c.t, c.ticks(-2), o.Price, "one tick behind the best bid")
	c.quoteAt(0, 10, 2, 10)
	c.settle()
	require.Equal(c.t, c.ticks(-2), c.orders[id].Price, "it is fixed")
}

func peggedFar(c *client) {
	id := c.submit(exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(1), Type: exchange.Pegged, PegType: exchange.MarketPeg,
		PegOffset: c.ticks(3) - c.ticks(0), ExecInst: exchange.Fixed})
	require.Equal(c.t, c.ticks(2), c.is(id, exchange.New).Price, "three ticks above the best bid")
}

func trailing(c *client) {
	id := c.submit(exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(1), Type: exchange.Stop, PegType: exchange.TrailingStopPeg,
		PegOffset: c.ticks(0) - c.ticks(200), ExecInst: exchange.LastPrice})
	o := c.is(id, exchange.New)
	require.False(c.t, o.Working)
	require.Equal(c.t, exchange.TrailingStopPeg, o.PegType)
	first := o.StopPrice
	require.Positive(c.t, first)
	c.market(exchange.Sell, 1) // time passes
	c.settle()
	require.Equal(c.t, first, c.orders[id].StopPrice, "the market has not moved")
}

func oneCancelsTheOther(c *client) {
	place := func(side exchange.Side, ticks int) exchange.ClientID {
		return c.submit(exchange.NewOrder{Side: side, Qty: c.lots(2), Type: exchange.Limit, Price: c.ticks(ticks), LinkID: "pair",
			Contingency: exchange.OneCancelsTheOther})
	}
	buy, sell := place(exchange.Buy, -3), place(exchange.Sell, 3)
	c.is(buy, exchange.New)
	c.is(sell, exchange.New)
	c.quoteAt(-5, 10, 1, 10)
	c.trade(exchange.Sell, -4, 1)
	c.ends(sell, exchange.Canceled)
	require.Equal(c.t, exchange.PartiallyFilled, c.orders[buy].Status, "a part is enough")
}

func oneTriggersTheOther(c *client) {
	parent := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(2), Type: exchange.Limit, Price: c.ticks(-3), LinkID: "bracket",
		Contingency: exchange.OneTriggersTheOther})
	c.is(parent, exchange.New)
	child := c.submit(exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(2), Type: exchange.Limit, Price: c.ticks(3), LinkID: "bracket"})
	o := c.is(child, exchange.New)
	require.False(c.t, o.Working)
	require.Equal(c.t, exchange.NotTriggered, o.Triggered)
	c.quoteAt(-5, 10, 1, 10)
	c.trade(exchange.Sell, -4, 1)
	c.settle()
	require.False(c.t, c.orders[child].Working, "the parent has to fill completely")
	c.trade(exchange.Sell, -4, 5)
	c.ends(parent, exchange.Filled)
	c.until("the child works", func() bool { return c.orders[child].Working })
}

func orphans(c *client) {
	parent := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(2), Type: exchange.Limit, Price: c.ticks(-3), LinkID: "bracket",
		Contingency: exchange.OneTriggersTheOther})
	c.is(parent, exchange.New)
	child := c.submit(exchange.NewOrder{Side: exchange.Sell, Qty: c.lots(2), Type: exchange.Limit, Price: c.ticks(3), LinkID: "bracket"})
	c.is(child, exchange.New)
	c.cancel(parent)
	c.ends(parent, exchange.Canceled)
	c.ends(child, exchange.Canceled)
}

func hiddenPays(c *client) {
	id := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(2), Type: exchange.Limit, Price: c.ticks(-3), DisplayQty: exchange.Hidden})
	require.Equal(c.t, exchange.Hidden, c.is(id, exchange.New).DisplayQty)
	c.quoteAt(-5, 10, 1, 10)
	c.trade(exchange.Sell, -4, 5)
	c.ends(id, exchange.Filled)
	for _, f := range c.fills(id) {
		require.Equal(c.t, exchange.RemovedLiquidity, f.Liquidity)
	}
}

func icebergShows(c *client) {
	id := c.submit(exchange.NewOrder{Side: exchange.Buy, Qty: c.lots(5), Type: exchange.Limit, Price: c.ticks(-3), DisplayQty: c.lots(2)})
	c.is(id, exchange.New)
	c.quoteAt(-5, 10, 1, 10)
	c.trade(exchange.Sell, -4, 1)
	c.is(id, exchange.PartiallyFilled)
	require.Equal(c.t, exchange.AddedLiquidity, c.fills(id)[0].Liquidity, "the part that it shows is a maker")
	c.trade(exchange.Sell, -4, 10)
	c.ends(id, exchange.Filled)
	fills := c.fills(id)
	require.Equal(c.t, exchange.RemovedLiquidity, fills[len(fills)-1].Liquidity, "with what it hides it is a taker")
}

func closeOrder(c *client) {
	c.is(c.market(exchange.Buy, 3), exchange.Filled)
	id := c.submit(exchange.NewOrder{Side: exchange.Sell, Type: exchange.Limit, Price: c.ticks(4), ExecInst: exchange.Close})
	o := c.is(id, exchange.New)
	require.Equal(c.t, c.lots(3), o.Qty, "without a quantity it is the whole position")
	c.quoteAt(5, 10, 6, 10)
	c.trade(exchange.Buy, 6, 5)
	c.ends(id, exchange.Filled)
}

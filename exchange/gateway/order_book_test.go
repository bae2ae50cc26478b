package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// A book of which every order is known is shown by its levels, and an account that
// comes later stands in the same queue.
func TestABookOfOrders(t *testing.T) {
	w := newWorld(t, nil, "XBTUSD")
	price := exchange.MustPrice
	order := func(id uint64, side exchange.Side, at string, qty exchange.Qty, f exchange.Flags) exchange.Event {
		return exchange.BookOrderEvent(w.now, w.now, w.inst.ID, side, exchange.BookOrder{ID: id, Price: price(at), Qty: qty}, f)
	}
	const last = exchange.FlagLast
	w.step(order(1, exchange.Buy, "30000", 1000, exchange.FlagClear|exchange.FlagSnapshot), order(2, exchange.Buy, "30000", 2000, exchange.FlagSnapshot),
		order(3, exchange.Sell, "30000.5", 500, exchange.FlagSnapshot|last))
	w.step(order(4, exchange.Buy, "29999.5", 700, last), order(1, exchange.Buy, "30000", 0, last), order(4, exchange.Buy, "30000", 700, last))
	// What is told of levels beside it is not more than what the orders say.
	w.step(exchange.LevelEvent(w.now, w.now, w.inst.ID, exchange.Buy, exchange.Level{Price: price("30000"), Qty: 5}, last))
	var book []api.OrderBookL2
	w.ask("", "GET", "/orderBook/L2?symbol=XBTUSD&depth=0", "").into(t, &book)
	require.Len(t, book, 2)
	require.Equal(t, []int64{500, 2700}, []int64{*book[0].Size, *book[1].Size})

	var mine api.Order
	w.ask("trader", "POST", "/order", `{"symbol":"XBTUSD","side":"Buy","orderQty":500,"price":30000,"clOrdID":"mine"}`).into(t, &mine)
	w.step(order(5, exchange.Buy, "30000", 9000, last), order(4, exchange.Buy, "30000", 0, last))
	trade := func(qty exchange.Qty) {
		w.now = w.now.Add(1_000_000_000)
		w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: exchange.Sell, Price: price("30000"), Qty: qty}))
	}
	open := func() int64 {
		var rows []api.Order
		w.ask("trader", "GET", "/order?symbol=XBTUSD&reverse=true", "").into(t, &rows)
		require.NotEmpty(t, rows)
		return *rows[0].LeavesQty
	}
	trade(2000) // the order that was there before
	require.Equal(t, int64(500), open())
	trade(300)
	require.Equal(t, int64(200), open())
	w.step(order(0, exchange.Buy, "30000", 0, exchange.FlagClear|last))
	w.ask("", "GET", "/orderBook/L2?symbol=XBTUSD&depth=0", "").into(t, &book)
	require.Empty(t, book)
}

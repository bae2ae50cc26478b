package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/exchangetest"
	"github.com/dunamis-engine/dunamis/exchange/gateway"
)

func TestAuthentication(t *testing.T) {
	w := busy(t)
	soon := time.Now().Add(time.Minute).Unix()
	for name, c := range map[string]struct {
		key, secret string
		expires     int64
		verb, path  string
		status      int
		text        string
	}{
		"no key":                     {"", "", 0, "GET", "/order", 401, "Missing API key."},
		"no key, public":             {"", "", 0, "GET", "/trade", 200, ""},
		"unknown key":                {"nobody", "x", soon, "GET", "/order", 401, "Invalid API Key."},
		"unknown key, public":        {"nobody", "x", soon, "GET", "/trade", 401, "Invalid API Key."},
		"wrong secret":               {"trader", "x", soon, "GET", "/order", 401, "Signature not valid."},
		"expired":                    {"trader", "s1", time.Now().Unix() - 2, "GET", "/order", 401, "This request has expired"},
		"disabled":                   {"off", "s4", soon, "GET", "/order", 401, "This key is disabled."},
		"reads":                      {"reader", "s3", soon, "GET", "/order", 200, ""},
		"reader orders":              {"reader", "s3", soon, "POST", "/order", 403, "Access Denied"},
		"reader cancels":             {"reader", "s3", soon, "DELETE", "/order/all", 403, "Access Denied"},
		"guard orders":               {"guard", "s2", soon, "POST", "/order", 403, "Access Denied"},
		"guard cancels":              {"guard", "s2", soon, "DELETE", "/order/all", 200, ""},
		"query is part of signature": {"trader", "s1", soon, "GET", "/order?filter=%7B%22open%22%3A+true%7D", 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.askAs(c.key, c.secret, c.expires, c.verb, c.path, "")
			require.Equal(t, c.status, a.status, string(a.body))
			if c.status != 200 {
				require.True(t, strings.HasPrefix(a.error(t), c.text), a.error(t))
			}
		})
	}
}

func TestAccountsAreApart(t *testing.T) {
	w := busy(t)
	var mine, theirs []api.Order
	w.ask("reader", "GET", "/order", "").into(t, &mine)
	w.ask("other", "GET", "/order", "").into(t, &theirs)
	require.Len(t, mine, 4)
	require.Empty(t, theirs)
	require.Equal(t, "Invalid orderID", w.ask("other", "PUT", "/order", fmt.Sprintf(`{"orderID":%q,"orderQty":100}`, mine[1].OrderID)).error(t))
	require.Equal(t, "Not Found", w.ask("other", "DELETE", "/order", fmt.Sprintf(`{"orderID":%q}`, mine[1].OrderID)).error(t))
}

// What the venue refuses, in its words.
func TestRefusals(t *testing.T) {
	w := busy(t)
	for _, c := range []struct{ verb, path, body, text string }{
		{"POST", "/order", `{"symbol":"NONE","orderQty":100,"price":1}`, "Invalid symbol"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":150,"price":29000}`, "Order quantity must be a multiple of lot size: 100"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":100.5,"price":29000}`, "Invalid orderQty"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":0,"price":29000}`, "Invalid orderQty"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":-100,"side":"Buy","price":29000}`, "Invalid orderQty"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":29000.3}`, "Invalid price tickSize"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":-5}`, "Invalid price"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":"x"}`, "Invalid price"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"ordType":"Limit"}`, "Invalid price"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"ordType":"Guess"}`, "Unsupported ordType"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":29000,"execInst":"AllOrNone"}`, "Invalid execInst"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":29000,"timeInForce":"Soon"}`, "Unsupported timeInForce"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":29000,"ordType":"Lim it"}`, "Unsupported ordType"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":29000,"side":" Buy"}`, "Unsupported side"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"ordType":"Stop","stopPx":1.3}`, "Invalid stopPx tickSize"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":29000,"clOrdID":"rests"}`, "Duplicate clOrdID"},
		{"POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":29000,"contingencyType":"OneCancelsTheOther"}`, "Invalid clOrdLinkID for contingencyType"},
		{"POST", "/order", `{"symbol":`, "Malformed JSON: unexpected end of JSON input"},
		{"POST", "/order", `[1,2]`, "Malformed JSON: want an object"},
		{"GET", "/trade?_format=xml", "", "_format is invalid"},
		{"PUT", "/order", `{"orderQty":100}`, "orderID or origClOrdID must be sent."},
		{"PUT", "/order", `{"origClOrdID":"never","orderQty":100}`, "Invalid origClOrdID"},
		{"PUT", "/order", `{"origClOrdID":"gone","orderQty":100}`, "Invalid ordStatus: Canceled"},
		{"PUT", "/order", `{"origClOrdID":"rests","orderQty":100,"leavesQty":100}`, "Invalid leavesQty"},
		{"PUT", "/order", `{"origClOrdID":"rests","orderQty":"x"}`, "Invalid orderQty"},
		{"PUT", "/order", `{"origClOrdID":"rests","leavesQty":1.5}`, "Invalid leavesQty"},
		{"PUT", "/order", `{"origClOrdID":"rests","price":"x"}`, "Invalid price"},
		{"PUT", "/order", `{"origClOrdID":"rests","stopPx":[]}`, "Invalid stopPx"},
		{"PUT", "/order", `{"origClOrdID":"rests","pegOffsetValue":"-"}`, "Invalid pegOffsetValue"},
		{"PUT", "/order", `{"origClOrdID":"rests","orderQty":"x","price":"y"}`, "Invalid orderQty"},
		{"DELETE", "/order", `{}`, "orderID or clOrdID must be sent."},
		{"DELETE", "/order", `{"clOrdID":"never"}`, "Not Found"},
		{"DELETE", "/order/all", `{"filter":{"colour":"blue"}}`, "filter columns are not valid"},
		{"DELETE", "/order/all", `{"filter":{"side":"Short"}}`, "filter values are not valid"},
		{"DELETE", "/order/all", `{"filter":{"side":["Buy","sell"]}}`, "filter values are not valid"},
		{"DELETE", "/order/all", `{"filter":{"side":""}}`, "filter values are not valid"},
		{"DELETE", "/order/all", `{"filter":{"side":null}}`, "filter values are not valid"},
		{"DELETE", "/order/all", `{"filter":{"side":3}}`, "filter values are not valid"},
		{"DELETE", "/order/all", `{"filter":{"ordType":"limit"}}`, "filter values are not valid"},
		{"DELETE", "/order/all", `{"filter":{"timeInForce":"Soon"}}`, "filter values are not valid"},
		{"DELETE", "/order/all", `{"filter":{"ordStatus":"Open"}}`, "filter values are not valid"},
		{"DELETE", "/order/all", `{"filter":{"pegPriceType":"Peg"}}`, "filter values are not valid"},
		{"DELETE", "/order/all", `{"filter":{"contingencyType":"One"}}`, "filter values are not valid"},
		{"DELETE", "/order/all", `{"filter":{"contingencyType":null}}`, "filter values are not valid"},
		{"DELETE", "/order/all", `{"filter":{"open":"yes"}}`, "filter values are not valid"},
		{"POST", "/order/cancelAllAfter", `{}`, "Invalid timeout"},
		{"POST", "/order/cancelAllAfter", `{"timeout":-1}`, "Invalid timeout"},
		{"POST", "/order/closePosition", `{"symbol":"NONE"}`, "Invalid symbol"},
		{"POST", "/position/leverage", `{"symbol":"XBTUSD","leverage":-1}`, "Invalid leverage"},
		{"POST", "/position/leverage", `{"symbol":"XBTUSD","leverage":1000}`, "Cannot exceed the maximum entry leverage"},
		{"POST", "/position/transferMargin", `{"symbol":"XBTUSD","amount":0}`, "Invalid amount for isolated margin transfer"},
		{"POST", "/position/transferMargin", `{"symbol":"XBTUSD","amount":"x"}`, "Invalid amount for isolated margin transfer"},
		{"POST", "/position/transferMargin", `{"symbol":"XBTUSD","amount":1000}`, "Position has cross margin enabled"},
		{"POST", "/position/riskLimit", `{"symbol":"XBTUSD"}`, "Invalid riskLimit"},
		{"POST", "/position/riskLimit", `{"symbol":"NONE","riskLimit":1}`, "Invalid symbol"},
		{"GET", "/order?count=x", "", "count is invalid"},
		{"GET", "/order?columns=colour", "", "columns are not valid"},
		{"GET", "/order?filter=%7B", "", "filter values are not valid"},
		{"GET", "/trade?startTime=yesterday", "", "startTime is invalid"},
		{"GET", "/trade/bucketed?binSize=2m", "", "binSize is invalid"},
		{"GET", "/orderBook/L2?symbol=NONE", "", "Invalid symbol"},
		{"GET", "/user/margin?currency=USDt", "", "Account has no [USDt]"},
		{"GET", "/guild", "", "Not Found"},
		{"POST", "/user/requestWithdrawal", `{}`, "Not Found"},
	} {
		a := w.ask("trader", c.verb, c.path, c.body)
		require.Contains(t, []int{400, 404}, a.status, "%s %s", c.path, c.body)
		require.Equal(t, c.text, a.error(t), "%s %s %s", c.verb, c.path, c.body)
	}
}

// The same order by JSON, by form, and with numbers as text.
func TestBodies(t *testing.T) {
	w := busy(t)
	for n, body := range []string{
		`{"symbol":"XBTUSD","orderQty":-100,"price":31000,"clOrdID":"b%d","side":null}`,
		`{"symbol":"XBTUSD","orderQty":"100","price":"31000.0","side":"Sell","clOrdID":"b%d"}`,
		`{"symbol":"XBTUSD","orderQty":1e2,"price":3.1e4,"side":"Sell","clOrdID":"b%d"}`,
		`form:symbol=XBTUSD&orderQty=100&price=31000&side=Sell&clOrdID=b%d`,
	} {
		var o api.Order
		w.ask("trader", "POST", "/order", fmt.Sprintf(body, n)).into(t, &o)
		require.Equal(t, "Sell Limit 100 31000 New", fmt.Sprint(o.Side, " ", o.OrdType, " ", *o.OrderQty, " ", o.Price, " ", o.OrdStatus))
		require.Equal(t, "Submitted via API.", o.Text)
	}
	var o api.Order
	w.ask("trader", "POST", "/order"+query("symbol", "XBTUSD", "orderQty", "100", "price", "29000"), "").into(t, &o)
	require.Empty(t, o.ClOrdID, "none was sent")
	var rows []api.Order
	w.ask("trader", "DELETE", "/order"+query("orderID", o.OrderID), "").into(t, &rows)
	require.Equal(t, "Canceled", rows[0].OrdStatus)
	require.Equal(t, "Canceled: Canceled via API.\nSubmitted via API.", rows[0].Text)
}

// Instructions may have spaces between them.
func TestInstructionsWithSpaces(t *testing.T) {
	w := busy(t)
	var o api.Order
	w.ask("trader", "POST", "/order", `{"symbol":"XBTUSD","side":"Sell","orderQty":100,"price":31000,`+
		`"execInst":"ParticipateDoNotInitiate, ReduceOnly"}`).into(t, &o)
	require.Equal(t, "ParticipateDoNotInitiate,ReduceOnly", o.ExecInst)
}

// A cancellation of all cancels what its filter selects and nothing else. A filter that can
// select no order is refused, also of an account without orders.
func TestCancelAllBySide(t *testing.T) {
	w := busy(t)
	for _, order := range []string{`"side":"Buy","price":28000,"clOrdID":"b1"`,
		`"side":"Buy","price":28001,"clOrdID":"b2"`,
		`"side":"Sell","price":32000,"clOrdID":"s1"`, `"side":"Sell","price":32001,"clOrdID":"s2"`} {
		w.ask("trader", "POST", "/order", `{"symbol":"XBTUSD","orderQty":100,`+order+`}`).into(t, new(api.Order))
	}
	open := func() (ids []string) {
		var rows []api.Order
		w.ask("reader", "GET", "/order"+query("filter", `{"open":true}`), "").into(t, &rows)
		for _, o := range rows {
			if len(o.ClOrdID) == 2 {
				ids = append(ids, o.ClOrdID)
			}
		}
		return ids
	}
	require.Equal(t, []string{"b1", "b2", "s1", "s2"}, open())
	for _, key := range []string{"trader", "other"} {
		a := w.ask(key, "DELETE", "/order/all", `{"filter":{"side":"Buys"}}`)
		require.Equal(t, 400, a.status, key)
		require.Equal(t, "filter values are not valid", a.error(t), key)
		a = w.ask(key, "DELETE", "/order/all", `{"filter":{"sides":"Buy"}}`)
		require.Equal(t, 400, a.status, key)
		require.Equal(t, "filter columns are not valid", a.error(t), key)
	}
	require.Len(t, open(), 4, "nothing was cancelled")
	cancelled := func(filter string) (ids []string) {
		var rows []api.Order
		w.ask("trader", "DELETE", "/order/all", `{"filter":`+filter+`}`).into(t, &rows)
		for _, o := range rows {
			require.Equal(t, "Canceled", o.OrdStatus)
			ids = append(ids, o.ClOrdID)
		}
		return ids
	}
	require.Equal(t, []string{"b1"}, cancelled(`{"side":"Buy","clOrdID":["b1","s1"]}`))
	require.Empty(t, cancelled(`{"side":["Buy","Sell"],"contingencyType":"OneCancelsTheOther"}`))
	require.Equal(t, []string{"s1", "s2"},
		cancelled(`{"side":"Sell","ordType":["Limit","Market"],"timeInForce":"GoodTillCancel",`+
			`"ordStatus":["New","PartiallyFilled"],"contingencyType":"","pegPriceType":""}`))
	require.Equal(t, []string{"b2"}, open())
}

func TestOrders(t *testing.T) {
	w := busy(t)
	ids := func(q string) (list []string) {
		var rows []api.Order
		w.ask("reader", "GET", "/order"+q, "").into(t, &rows)
		for _, o := range rows {
			list = append(list, o.ClOrdID+" "+o.OrdStatus)
		}
		return list
	}
	require.Equal(t, []string{" Filled", "rests New", "waits New", "gone Canceled"}, ids(""))
	require.Equal(t, []string{"rests New", "waits New"}, ids(query("filter", `{"open":true}`)))
	require.Equal(t, []string{" Filled", "gone Canceled"}, ids(query("filter", `{"ordStatus.isTerminated":true}`)))
	require.Equal(t, []string{"gone Canceled", "rests New"}, ids(query("filter", `{"clOrdID":["rests","gone"]}`, "reverse", "true")))
	require.Equal(t, []string{"rests New"}, ids(query("count", "1", "start", "1")))
	require.Nil(t, ids(query("symbol", "ETHUSD")))
	require.Len(t, ids(query("symbol", "xbtusd")), 4)
	require.Len(t, ids(query("symbol", "XBT:perpetual")), 4)

	var some []map[string]any
	w.ask("reader", "GET", "/order"+query("columns", `["price"]`, "filter", `{"clOrdID":"rests"}`), "").into(t, &some)
	require.Equal(t, "29000", fmt.Sprint(some[0]["price"]))
	require.Len(t, some[0], 2, "what was asked for, and the key")

	a := w.ask("reader", "GET", "/order"+query("_format", "csv", "columns", "price,ordStatus"), "")
	require.Equal(t, "text/csv; charset=utf-8", a.header.Get("Content-Type"))
	lines := strings.Split(strings.TrimSpace(string(a.body)), "\n")
	require.Equal(t, "ordStatus,orderID,price", lines[0])
	require.Len(t, lines, 5)
	require.True(t, strings.HasPrefix(lines[2], "New,"))
}

// Money adds up over every way of asking.
func TestMoney(t *testing.T) {
	w := busy(t)
	var margin api.Margin
	var wallet api.Wallet
	var all []api.Margin
	var rows []api.Execution
	var positions []api.Position
	w.ask("trader", "GET", "/user/margin", "").into(t, &margin)
	w.ask("trader", "GET", "/user/wallet?currency=XBt", "").into(t, &wallet)
	w.ask("trader", "GET", "/user/margin?currency=all", "").into(t, &all)
	w.ask("trader", "GET", "/execution/tradeHistory", "").into(t, &rows)
	w.ask("trader", "GET", "/position", "").into(t, &positions)
	require.Equal(t, *margin.WalletBalance, *wallet.Amount)
	require.Len(t, all, 1)
	require.Len(t, rows, 2)
	require.Equal(t, []string{"Trade", "Funding"}, []string{rows[0].ExecType, rows[1].ExecType})
	// 500 contracts at 30000: 5 lots of 333333; taker 0.075 %; funding 0.01 % at the mark price.
	require.Equal(t, int64(-5*333333), *rows[0].ExecCost)
	require.Equal(t, int64(1250), *rows[0].ExecComm)
	require.Equal(t, "RemovedLiquidity", rows[0].LastLiquidityInd)
	require.Equal(t, int64(167), *rows[1].ExecComm)
	require.Equal(t, "30000.5", string(rows[1].LastPx))
	require.Equal(t, int64(1_000_000_000_000-1250-167), *margin.WalletBalance)
	require.Equal(t, *margin.WalletBalance+*margin.UnrealisedPnl, *margin.MarginBalance)
	require.Len(t, positions, 1)
	require.Equal(t, int64(500), *positions[0].CurrentQty)
	require.Equal(t, "30000", string(positions[0].AvgEntryPrice))
	require.True(t, positions[0].CrossMargin)
	var history []api.Transaction
	w.ask("trader", "GET", "/user/walletHistory", "").into(t, &history)
	var booked []string
	for _, h := range history {
		booked = append(booked, fmt.Sprint(h.TransactType, " ", h.Address, " ", *h.Amount, " ", *h.Fee, " ", h.TransactStatus))
	}
	require.Equal(t, []string{fmt.Sprintf("UnrealisedPNL  %d 0 Pending", *margin.UnrealisedPnl), "Funding XBTUSD -167 167 Completed", "RealisedPNL XBTUSD -1250 1250 Completed",
		"Deposit  1000000000000 0 Completed"}, booked)
	require.Equal(t, *margin.WalletBalance, *history[1].WalletBalance)
	require.Equal(t, *margin.MarginBalance, *history[0].WalletBalance)
	var summary []api.WalletSummary
	w.ask("trader", "GET", "/user/walletSummary", "").into(t, &summary)
	require.Len(t, summary, 4)
	require.Equal(t, "Total -1417", summary[3].TransactType+" "+string(summary[3].RealisedPnl))
	var volume []api.TradingVolume
	w.ask("trader", "GET", "/user/tradingVolume", "").into(t, &volume)
	require.Equal(t, "16", string(volume[0].AdvUSD), "500 dollars in 30 days")
	var day []api.Execution
	w.ask("trader", "GET", "/user/executionHistory?symbol=XBTUSD&timestamp=2023-05-01T12:00:00.000Z", "").into(t, &day)
	require.Len(t, day, 2)
	w.ask("trader", "GET", "/user/executionHistory?symbol=XBTUSD&timestamp=2023-05-02T00:00:00.000Z", "").into(t, &day)
	require.Empty(t, day)
}

func TestMarketData(t *testing.T) {
	w := busy(t)
	var book []api.OrderBookL2
	w.ask("", "GET", "/orderBook/L2?symbol=XBTUSD&depth=2", "").into(t, &book)
	var levels []string
	for _, l := range book {
		levels = append(levels, fmt.Sprint(l.Side, " ", *l.Size, " @ ", l.Price))
	}
	require.Equal(t, []string{"Sell 5000 @ 30000", "Buy 1000 @ 29999.5", "Buy 2000 @ 29999"}, levels)
	require.Less(t, *book[0].ID, *book[1].ID, "ids ascend as prices descend")

	var bins []api.TradeBin
	w.ask("", "GET", "/trade/bucketed?binSize=1m&symbol=XBTUSD&partial=true&count=500", "").into(t, &bins)
	require.Len(t, bins, 4*60+1, "one for every minute")
	require.Equal(t, "2023-05-01T00:01:00.000Z", bins[0].Timestamp.String())
	require.Equal(t, "300 300", fmt.Sprint(*bins[0].Volume, " ", *bins[0].LastSize))
	quiet := bins[1]
	require.Equal(t, "30000 30000 30000 30000 0 0 ", fmt.Sprint(quiet.Open, " ", quiet.High, " ", quiet.Low, " ", quiet.Close, " ", *quiet.Trades, " ", *quiet.Volume, " ", quiet.Vwap))
	require.Nil(t, quiet.LastSize)
	open := bins[len(bins)-1]
	require.Equal(t, "30000", string(open.Open), "it opens where the one before closed")
	require.Equal(t, "29999.5", string(open.Close))

	var instruments []api.Instrument
	w.ask("", "GET", "/instrument/active", "").into(t, &instruments)
	require.Len(t, instruments, 2)
	i := instruments[0]
	require.Equal(t, "XBTUSD Open 29999.5 29999.5 30000 30000.5 29999.12 -0.0002", fmt.Sprint(i.Symbol, " ", i.State, " ", i.LastPrice, " ", i.BidPrice, " ",
		i.AskPrice, " ", i.MarkPrice, " ", i.IndicativeSettlePrice, " ", i.FundingRate))
	require.Equal(t, int64(-100000000), *i.Multiplier)

	var funding []api.Funding
	w.ask("", "GET", "/funding?symbol=XBTUSD", "").into(t, &funding)
	require.Len(t, funding, 1)
	require.Equal(t, "0.0001 0.0003 2023-05-01T04:00:00.000Z", fmt.Sprint(funding[0].FundingRate, " ", funding[0].FundingRateDaily, " ", funding[0].Timestamp))

	var trades []api.Trade
	w.ask("", "GET", "/trade?count=1&reverse=true", "").into(t, &trades)
	require.Equal(t, "29999.5 MinusTick", fmt.Sprint(trades[0].Price, " ", trades[0].TickDirection))
	w.ask("", "GET", "/trade"+query("endTime", "2023-05-01T00:00:00.000Z", "symbol", "XBTUSD"), "").into(t, &trades)
	require.Len(t, trades, 1)
}

// Bars are served when they end, with a quote of a tick around their close.
func TestBars(t *testing.T) {
	w := newWorld(t, nil)
	p := exchange.MustPrice
	bar := func(at time.Duration, c string) exchange.Event {
		start := w.now.Add(at)
		return exchange.BarEvent(exchange.Bar{Symbol: w.inst.ID, Start: start, End: start.Add(time.Minute), Open: p("30000"), High: p("30100"), Low: p("29900"),
			Close: p(c), Volume: 1000, Trades: 3})
	}
	start := w.now
	w.step(bar(0, "30050"))
	var bins []api.TradeBin
	w.ask("", "GET", "/trade/bucketed?binSize=1m", "").into(t, &bins)
	require.Empty(t, bins, "it has not ended")
	w.step(bar(time.Minute, "30010"))
	w.now = start
	w.pass(2 * time.Minute)
	w.ask("", "GET", "/trade/bucketed?binSize=1m", "").into(t, &bins)
	require.Len(t, bins, 2)
	require.Equal(t, "30050", string(bins[0].Close))
	var quotes []api.Quote
	w.ask("", "GET", "/quote", "").into(t, &quotes)
	require.Equal(t, "30009.5 30010.5", string(quotes[0].BidPrice+" "+quotes[0].AskPrice))
}

// A hole of years costs no more than one of a week, and the newest bins are there as ever.
func TestBinsAfterAHoleOfYears(t *testing.T) {
	w := newWorld(t, nil)
	p := exchange.MustPrice
	trade := func(price string) {
		w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID,
			exchange.Trade{Side: exchange.Buy, Price: p(price), Qty: 100}))
	}
	quote := func() {
		w.quote(exchange.Level{Price: p("29999.5"), Qty: 100}, exchange.Level{Price: p("30000"), Qty: 100})
	}
	trade("30000")
	quote()
	began := time.Now()
	w.pass(30 * 365 * 24 * time.Hour)
	require.Less(t, time.Since(began), 5*time.Second)
	trade("31000")
	quote()
	w.pass(time.Minute)
	for size, span := range map[string]time.Duration{"1m": time.Minute, "5m": 5 * time.Minute, "1h": time.Hour} {
		var bins []api.TradeBin
		w.ask("", "GET", "/trade/bucketed?symbol=XBTUSD&reverse=true&count=1000&partial=true&binSize="+size, "").
			into(t, &bins)
		require.Len(t, bins, 1000, size)
		for n := range bins[1:] {
			require.Equal(t, span, exchange.Time(bins[n].Timestamp).Sub(exchange.Time(bins[n+1].Timestamp)), "%s %d", size, n)
			require.Contains(t, []string{"30000", "31000"}, string(bins[n].Close))
		}
		var quotes []api.Quote
		w.ask("", "GET", "/quote/bucketed?symbol=XBTUSD&reverse=true&count=1000&binSize="+size, "").into(t, &quotes)
		require.Len(t, quotes, 1000, size)
	}
	var first []api.TradeBin
	w.ask("", "GET", "/trade/bucketed?symbol=XBTUSD&count=1&binSize=1m", "").into(t, &first)
	require.Equal(t, int64(100), *first[0].Volume, "the bin before the hole")
}

func TestRateLimits(t *testing.T) {
	at := time.Now()
	w := newWorld(t, func(c *gateway.Config) {
		c.RequestsPerMinute, c.OrdersPerSecond = 8, 3
		c.Clock = func() time.Time { return at }
	})
	for range 3 {
		a := w.askAs("trader", "guess", time.Now().Add(time.Minute).Unix(), "GET", "/order", "")
		require.Contains(t, []int{401, 429}, a.status)
	}
	require.Equal(t, 429, w.askAs("trader", "guess", time.Now().Add(time.Minute).Unix(), "GET", "/order", "").status, "who guesses at a secret is slowed down")
	statuses := func(key, verb, path string, n int) (list []int) {
		for range n {
			a := w.ask(key, verb, path, "")
			list = append(list, a.status)
			require.NotEmpty(t, a.header.Get("x-ratelimit-limit"))
		}
		return list
	}
	at = at.Add(time.Minute)
	require.Equal(t, []int{200, 200, 429}, statuses("", "GET", "/trade", 3), "a quarter without a key")
	require.Equal(t, []int{400, 400, 400, 429}, statuses("trader", "POST", "/order", 4), "three orders a second")
	a := w.ask("trader", "POST", "/order", "")
	require.Equal(t, "Rate limit exceeded, retry in 1 seconds.", a.error(t))
	require.Equal(t, "1", a.header.Get("Retry-After"))
	require.Equal(t, "0", a.header.Get("x-ratelimit-remaining-1s"))
	require.Equal(t, []int{200, 200, 200, 429}, statuses("trader", "GET", "/order", 4))
	require.Equal(t, []int{200, 200, 200, 200}, statuses("trader", "DELETE", "/order/all", 4), "cancels are never refused")
	require.Equal(t, []int{200}, statuses("other", "GET", "/order", 1), "accounts do not share")
}

func TestWhatIsNotARequest(t *testing.T) {
	w := busy(t)
	a := w.ask("trader", "POST", "/order", `{"text":"`+strings.Repeat("x", 2<<20)+`"}`)
	require.Equal(t, http.StatusRequestEntityTooLarge, a.status)
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.server.URL, "http://"))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = conn.Write([]byte("POST /api/v1/order HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"))
	require.NoError(t, err)
	half, is := conn.(*net.TCPConn)
	require.True(t, is)
	require.NoError(t, half.CloseWrite())
	said, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(said), "Request body did not arrive")
	a = w.ask("", "OPTIONS", "/order", "")
	require.Equal(t, 204, a.status)
	require.Equal(t, "*", a.header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, a.header.Get("Access-Control-Allow-Headers"), "api-signature")
	require.Equal(t, "Not Found", w.ask("", "GET", "/nothing", "").error(t))
	var root map[string]any
	w.ask("", "GET", "", "").into(t, &root)
	require.Equal(t, "BitMEX API", root["name"])
	var help map[string]any
	w.ask("", "GET", "/schema/websocketHelp", "").into(t, &help)
	b, err := json.Marshal(help)
	require.NoError(t, err)
	require.Contains(t, string(b), "orderBookL2_25")
}

// What the market data knows of indices and volumes is served.
func TestIndicesAndVolumes(t *testing.T) {
	w := busy(t)
	w.pass(48 * time.Hour)
	var rows []api.Instrument
	w.ask("", "GET", "/instrument/indices", "").into(t, &rows)
	require.Len(t, rows, 1)
	require.Equal(t, ".BXBT 29999.12 Unlisted", fmt.Sprint(rows[0].Symbol, " ", rows[0].LastPrice, " ", rows[0].State))
	w.ask("", "GET", "/instrument/activeAndIndices", "").into(t, &rows)
	require.Len(t, rows, 3)
	require.Equal(t, ".BXBT", rows[0].ReferenceSymbol)
	w.ask("", "GET", "/instrument?symbol=.BXBT", "").into(t, &rows)
	require.Len(t, rows, 1)
	var volumes []api.StatsUSDBySymbol
	w.ask("", "GET", "/instrument/usdVolume", "").into(t, &volumes)
	require.Len(t, volumes, 1, "a quanto contract has no price in dollars")
	require.Equal(t, "XBTUSD 0 400 400", fmt.Sprint(volumes[0].Symbol, " ", *volumes[0].Turnover24h, " ", *volumes[0].Turnover30d, " ", *volumes[0].Turnover))
	var history []api.StatsHistory
	w.ask("", "GET", "/stats/history", "").into(t, &history)
	require.Len(t, history, 4, "two days of two series")
	oldest := history[len(history)-1]
	require.Equal(t, "2023-05-01T00:00:00.000Z XBT 400", fmt.Sprint(oldest.Date, " ", oldest.RootSymbol, " ", *oldest.Volume))
}

// An index is one row, however many contracts are settled to it, and perpetual contracts have
// intervals: neither contracts that end nor pairs of the spot market do.
func TestContractsOfOneIndex(t *testing.T) {
	start, err := exchange.ParseTime("2021-09-01T00:00:00.000Z")
	require.NoError(t, err)
	w := newWorld(t, func(c *gateway.Config) { c.Start = start }, "XBTZ21", "XBTUSD", "ETHUSD", "XBTUSDT", "XBT_USDT")
	w.now = start
	p := exchange.MustPrice
	for _, symbol := range []string{"XBTZ21", "XBTUSD", "XBTUSDT"} {
		i, err := w.set.Lookup("bitmex", symbol)
		require.NoError(t, err)
		w.step(exchange.MarkEvent(w.now, w.now, i.ID, exchange.Mark{Mark: p("47000"), Index: p("47010.5")}))
	}
	var indices []api.Instrument
	w.ask("", "GET", "/instrument/indices", "").into(t, &indices)
	var names []string
	for _, row := range indices {
		names = append(names, row.Symbol+" "+string(row.LastPrice))
	}
	require.Equal(t, []string{".BXBT 47010.5", ".BXBTT 47010.5"}, names)
	var intervals api.InstrumentInterval
	w.ask("", "GET", "/instrument/activeIntervals", "").into(t, &intervals)
	require.Equal(t, []string{"XBT:perpetual", "ETH:perpetual", "XBT:perpetual"}, intervals.Intervals)
	require.Equal(t, []string{"XBTUSD", "ETHUSD", "XBTUSDT"}, intervals.Symbols)
}

// A liquidation order of the market is open until trades have filled it, or a minute.
func TestLiquidations(t *testing.T) {
	w := busy(t)
	p := exchange.MustPrice
	s := w.dial("/realtime", nil)
	require.Empty(t, s.subscribe("liquidation:XBTUSD")["data"])
	open := func() (list []string) {
		var rows []api.Liquidation
		w.ask("", "GET", "/liquidation", "").into(t, &rows)
		for _, r := range rows {
			list = append(list, fmt.Sprint(r.Side, " ", *r.LeavesQty, " @ ", r.Price))
		}
		return list
	}
	told := func() (list []string) {
		for _, m := range s.frames() {
			rows, _ := m["data"].([]any)
			row, _ := rows[0].(map[string]any)
			list = append(list, fmt.Sprint(m["action"], " ", row["leavesQty"]))
		}
		return list
	}
	liquidate := func(side exchange.Side, price string, qty exchange.Qty) {
		w.step(exchange.LiquidationEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: side, Price: p(price), Qty: qty}))
	}
	trade := func(side exchange.Side, price string, qty exchange.Qty) {
		w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: side, Price: p(price), Qty: qty}))
	}
	liquidate(exchange.Sell, "29000", 500)
	require.Equal(t, []string{"Sell 500 @ 29000"}, open())
	trade(exchange.Sell, "28999", 400) // below its limit
	trade(exchange.Buy, "29500", 400)  // somebody else's
	require.Equal(t, []string{"insert 500"}, told())
	trade(exchange.Sell, "29500", 200)
	trade(exchange.Buy, "29000", 100)
	require.Equal(t, []string{"Sell 200 @ 29000"}, open())
	trade(exchange.Sell, "29000", 900)
	require.Equal(t, []string{"update 300", "update 200", "delete 200"}, told())
	liquidate(exchange.Buy, "31000", 100)
	w.pass(59 * time.Second)
	require.Len(t, open(), 1)
	w.pass(time.Second)
	require.Empty(t, open())
	require.Equal(t, []string{"insert 100", "delete 100"}, told())
}

// An account's own liquidation is public, and private with its price and fee.
func TestTakeover(t *testing.T) {
	w := newWorld(t, nil)
	p := exchange.MustPrice
	quote := func(price string) {
		v := p(price)
		w.quote(exchange.Level{Price: v, Qty: 50_000_000}, exchange.Level{Price: v + w.inst.At(w.now).TickSize, Qty: 50_000_000})
		w.step(exchange.MarkEvent(w.now, w.now, w.inst.ID, exchange.Mark{Mark: v, Index: v}))
	}
	quote("30000")
	w.ask("trader", "POST", "/position/leverage", `{"symbol":"XBTUSD","leverage":50}`).into(t, &struct{}{})
	w.ask("trader", "POST", "/order", `{"symbol":"XBTUSD","orderQty":1000000,"ordType":"Market"}`).into(t, &struct{}{})
	s := w.dial("/realtime", nil)
	s.subscribe("liquidation")
	w.now = w.now.Add(time.Second)
	quote("29000")
	var rows []api.Execution
	w.ask("trader", "GET", "/execution/tradeHistory?reverse=true", "").into(t, &rows)
	require.Equal(t, "Liquidation Sell 1000000 Liquidation", fmt.Sprint(rows[0].ExecType, " ", rows[0].Side, " ", *rows[0].LastQty, " ", rows[0].Text))
	require.Equal(t, "00000000-0000-0000-0000-000000000000", rows[0].OrderID,
		"the venue shows no order of an execution that it forced")
	var actions []string
	for _, m := range s.frames() {
		actions = append(actions, fmt.Sprint(m["table"], " ", m["action"]))
	}
	require.Equal(t, []string{"liquidation insert", "liquidation delete"}, actions)
}

// A contract ends: its settlement is a row, its instrument is settled, its position gone.
func TestSettlement(t *testing.T) {
	start, err := exchange.ParseTime("2021-09-24T11:00:00.000Z")
	require.NoError(t, err)
	w := newWorld(t, func(c *gateway.Config) { c.Start = start }, "XBTU21")
	w.now = start
	p := exchange.MustPrice
	w.quote(exchange.Level{Price: p("42000"), Qty: 10_000}, exchange.Level{Price: p("42000.5"), Qty: 10_000})
	w.step(exchange.MarkEvent(w.now, w.now, w.inst.ID, exchange.Mark{Mark: p("42000"), Index: p("42010.25")}))
	w.ask("trader", "POST", "/order", `{"symbol":"XBTU21","orderQty":1000,"ordType":"Market"}`).into(t, &struct{}{})
	s := w.dial("/realtime", nil)
	require.Empty(t, s.subscribe("settlement")["data"])
	w.pass(time.Hour)
	var ended []string
	for _, m := range s.frames() {
		ended = append(ended, fmt.Sprint(m["table"], " ", m["action"]))
	}
	require.Equal(t, []string{"settlement insert"}, ended)
	var rows []api.Settlement
	w.ask("", "GET", "/settlement", "").into(t, &rows)
	require.Len(t, rows, 1)
	require.Equal(t, "XBTU21 42010.25 2021-09-24T12:00:00.000Z Settlement", fmt.Sprint(rows[0].Symbol, " ", rows[0].SettledPrice, " ", rows[0].Timestamp, " ", rows[0].SettlementType))
	var instruments []api.Instrument
	w.ask("", "GET", "/instrument/active", "").into(t, &instruments)
	require.Equal(t, "Settled 42010.25 .BXBT30M", fmt.Sprint(instruments[0].State, " ", instruments[0].SettledPrice, " ", instruments[0].ReferenceSymbol))
	var executions []api.Execution
	w.ask("trader", "GET", "/execution/tradeHistory", "").into(t, &executions)
	last := executions[len(executions)-1]
	require.Equal(t, "Settlement 42010.25", fmt.Sprint(last.ExecType, " ", last.LastPx))
	w.pass(25 * time.Hour)
	w.ask("", "GET", "/instrument/active", "").into(t, &instruments)
	require.Empty(t, instruments)
}

// Combinations of type, time in force and instruction that the venue does not take are
// refused in its words.
func TestRefusedCombinations(t *testing.T) {
	w := busy(t)
	for _, c := range exchangetest.Combinations() {
		if c.Refusal == "" {
			continue
		}
		order := map[string]any{"symbol": "XBTUSD", "side": "Sell", "orderQty": 100, "ordType": c.Type.String(), "timeInForce": c.TimeInForce.String(),
			"execInst": c.ExecInst.String()}
		switch c.Type {
		case exchange.Limit, exchange.StopLimit, exchange.LimitIfTouched:
			order["price"] = 31000
		}
		switch {
		case c.Peg != exchange.NoPeg:
			order["pegPriceType"], order["pegOffsetValue"] = c.Peg.String(), -100
		case c.Type == exchange.Stop, c.Type == exchange.StopLimit:
			order["stopPx"] = 20000
		case c.Type.Triggered():
			order["stopPx"] = 40000
		}
		body, err := json.Marshal(order)
		require.NoError(t, err)
		require.Equal(t, c.Refusal, w.ask("trader", "POST", "/order", string(body)).error(t), string(body))
	}
}

// Several orders in a request: all are valid, or none is placed.
func TestBulkOrders(t *testing.T) {
	w := busy(t)
	open := func() (list []string) {
		var rows []api.Order
		w.ask("reader", "GET", "/order"+query("filter", `{"open":true}`), "").into(t, &rows)
		for _, o := range rows {
			list = append(list, fmt.Sprint(o.ClOrdID, " ", *o.OrderQty, " @ ", o.Price))
		}
		return list
	}
	before := open()
	many := strings.TrimSuffix(strings.Repeat(`{"symbol":"XBTUSD","orderQty":100,"price":29000},`, 101), ",")
	for body, text := range map[string]string{
		`{}`:                        "orders is invalid",
		`{"orders":[]}`:             "orders is invalid",
		`{"orders":[5]}`:            "Bulk orders: Malformed JSON: want an object",
		`{"orders":[` + many + `]}`: "Too many orders provided. The maximum count allowed is 100.",
		`{"orders":[{"symbol":"XBTUSD","orderQty":100,"price":29000},{"symbol":"XBTUSD","orderQty":100,"price":29000.3}]}`: "Bulk orders: Invalid price tickSize",
		`{"orders":[{"symbol":"XBTUSD","orderQty":100,"price":29000},{"symbol":"NONE","orderQty":100,"price":29000}]}`:     "Bulk orders: Invalid symbol",
	} {
		require.Equal(t, text, w.ask("trader", "POST", "/order/bulk", body).error(t))
	}
	require.Equal(t, before, open())
	var rows []struct {
		api.Order
		Error string
	}
	w.ask("trader", "POST", "/order/bulk", `{"orders":[{"symbol":"XBTUSD","orderQty":100,"price":29000,"clOrdID":"m1"},{"symbol":"XBTUSD","side":"Sell","orderQty":100,"price":31000,"clOrdID":"m2"},`+
		`{"symbol":"XBTUSD","orderQty":100,"price":29000,"clOrdID":"m1"}]}`).into(t, &rows)
	require.Equal(t, []string{"New", "New", "Duplicate clOrdID"}, []string{rows[0].OrdStatus, rows[1].OrdStatus, rows[2].Error})
	require.Equal(t, append(before, "m1 100 @ 29000", "m2 100 @ 31000"), open())
	require.Equal(t, "Bulk orders: Invalid ordStatus: Canceled",
		w.ask("trader", "PUT", "/order/bulk", `{"orders":[{"origClOrdID":"m1","price":29001},{"origClOrdID":"gone","price":1}]}`).error(t))
	w.ask("trader", "PUT", "/order/bulk", `form:`+"orders="+url.QueryEscape(`[{"origClOrdID":"m1","price":29001},{"origClOrdID":"m2","orderQty":200}]`)).into(t, &rows)
	require.Equal(t, append(before, "m1 100 @ 29001", "m2 200 @ 31000"), open())
	require.Equal(t, 403, w.ask("reader", "POST", "/order/bulk", `{}`).status)
}

// An account that is opened later trades at the newest quote, on data that has no book.
func TestLateAccountsFollowQuotes(t *testing.T) {
	w := newWorld(t, nil)
	p := exchange.MustPrice
	w.quote(exchange.Level{Price: p("29999.5"), Qty: 1000}, exchange.Level{Price: p("30000"), Qty: 1000})
	buy := func() (order struct {
		Status string      `json:"ordStatus"`
		Price  json.Number `json:"avgPx"`
	}) {
		w.ask("trader", "POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"ordType":"Market"}`).into(t, &order)
		return order
	}
	first := buy()
	require.Equal(t, "Filled", first.Status)
	require.Equal(t, json.Number("30000"), first.Price)
	w.pass(time.Hour)
	w.quote(exchange.Level{Price: p("31000"), Qty: 1000}, exchange.Level{Price: p("31000.5"), Qty: 1000})
	second := buy()
	require.Equal(t, "Filled", second.Status)
	require.Equal(t, json.Number("31000.5"), second.Price)
}

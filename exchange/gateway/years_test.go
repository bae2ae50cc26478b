package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/gateway"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// yearOf gives the keys of account 1 a year of the API.
func yearOf(server, key int) func(*gateway.Config) {
	return func(c *gateway.Config) {
		c.APIYear = server
		mine := append(keys{}, testKeys...)
		for n := range mine {
			if mine[n].Account == 1 {
				mine[n].APIYear = key
			}
		}
		c.Keys = mine
	}
}

// requireSparse requires that no row has a column without a value.
func requireSparse(t *testing.T, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			require.NotNil(t, x, k)
			if text, is := x.(string); is {
				require.NotEmpty(t, text, k)
			}
			requireSparse(t, x)
		}
	case []any:
		for _, x := range v {
			requireSparse(t, x)
		}
	}
}

func TestYearsOfTheAPI(t *testing.T) {
	for _, tt := range []struct {
		name         string
		server, key  int
		sparse, open bool // rows of the key, and without one
	}{
		{"neither says", 0, 0, false, false},
		{"server", 2024, 0, true, true},
		{"key", 0, 2026, true, false},
		{"key of before", 2025, 2019, false, true},
		{"the last year of before", 2023, 2023, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, yearOf(tt.server, tt.key))
			p := exchange.MustPrice
			w.step(
				exchange.LevelEvent(w.now, w.now, w.inst.ID, exchange.Buy, exchange.Level{Price: p("29999"), Qty: 1000},
					exchange.FlagClear|exchange.FlagSnapshot),
				exchange.LevelEvent(w.now, w.now, w.inst.ID, exchange.Sell, exchange.Level{Price: p("30000"), Qty: 1000},
					exchange.FlagSnapshot|exchange.FlagLast))
			s := w.dial("/realtime", nil)
			s.auth("trader")
			order, book := s.subscribe("order"), s.subscribe("orderBookL2:XBTUSD")
			a := w.ask("trader", "POST", "/order", `{"symbol":"XBTUSD","orderQty":100,"price":29000}`)
			require.Equal(t, 200, a.status, string(a.body))
			w.step(exchange.LevelEvent(w.now, w.now, w.inst.ID, exchange.Buy, exchange.Level{Price: p("29999"), Qty: 900},
				exchange.FlagLast))
			frames := s.frames()
			require.Len(t, frames, 2)
			public := w.ask("", "GET", "/orderBook/L2?symbol=XBTUSD", "").body
			private := w.ask("trader", "GET", "/orderBook/L2?symbol=XBTUSD", "").body
			require.Equal(t, tt.sparse, strings.Contains(string(private), `"transactTime":"2023-05-01`))
			require.Equal(t, tt.open, strings.Contains(string(public), `"transactTime":"2023-05-01`))
			text := string(rowJSON(t, frames))
			if !tt.sparse {
				require.Contains(t, string(a.body), `"clOrdLinkID":""`)
				require.Contains(t, string(a.body), `"stopPx":null`)
				require.Contains(t, text, `"triggered":""`)
				require.NotContains(t, string(rowJSON(t, book)), "transactTime")
				return
			}
			var row map[string]any
			a.into(t, &row)
			requireSparse(t, row)
			for _, m := range append(frames, order, book) {
				requireSparse(t, m)
			}
			require.Contains(t, string(rowJSON(t, book)), `"transactTime":"2023-05-01T00:00:00.000Z"`)
			require.Contains(t, fmt.Sprint(book["types"]), "transactTime:timestamp")
			require.Contains(t, text, `"transactTime":"2023-05-01T00:00:00.000Z"`)
		})
	}
}

func rowJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

// Unknown open interest is left out: a program that finds the column wants a number in it.
func TestOpenInterestIsLeftOut(t *testing.T) {
	w := busy(t)
	a := w.ask("", "GET", "/instrument?symbol=XBTUSD", "")
	require.Equal(t, 200, a.status)
	s := w.dial("/realtime", nil)
	partial := s.subscribe("instrument:XBTUSD")
	stats := w.ask("", "GET", "/stats", "")
	for _, text := range []string{string(a.body), string(rowJSON(t, partial["data"])), string(stats.body)} {
		require.NotContains(t, text, "openInterest")
		require.NotContains(t, text, "openValue")
	}
}

func TestWholeNumbersHoweverWritten(t *testing.T) {
	w := busy(t)
	for _, q := range []string{"/user/walletHistory?currency=XBt&count=2.0", "/order?count=5.000000",
		"/order?start=0.0&count=5",
		"/trade/bucketed?binSize=1m&symbol=XBTUSD&count=2.0", "/orderBook/L2?symbol=XBTUSD&depth=1.0", "/order?count=2e0"} {
		require.Equal(t, 200, w.ask("trader", "GET", q, "").status, q)
	}
	require.Equal(t, 200, w.ask("trader", "GET", "/order", `{"count":5.0}`).status)
	for _, q := range []string{"count=2.5", "count=-1", "count=501", "count=99999999999999999999", "start=-0.5",
		"count=x"} {
		require.Equal(t, 400, w.ask("trader", "GET", "/order?"+q, "").status, q)
	}
	var rows []any
	w.ask("trader", "GET", "/order?count=2.0", "").into(t, &rows)
	require.Len(t, rows, 2)
}

// The trades of the world below are at 23:30:00.000 of a Friday, 23:30:05.250 of it, and 00:00 of the Saturday.
func TestFiltersOfInstants(t *testing.T) {
	at := func(text string) exchange.Time {
		v, err := exchange.ParseTime(text)
		require.NoError(t, err)
		return v
	}
	w := newWorld(t, func(c *gateway.Config) { c.Start = at("2023-03-31T23:00:00Z") })
	for n, text := range []string{"2023-03-31T23:30:00.000Z", "2023-03-31T23:30:05.250Z", "2023-04-01T00:00:00.000Z"} {
		w.now = at(text)
		w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID,
			exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("30000"), Qty: exchange.Qty(n + 1)}))
	}
	for _, tt := range []struct{ filter, sizes string }{
		{`{}`, "123"},
		{`{"startTime":"2023-03-31T23:30:01Z"}`, "23"},
		{`{"endTime":"2023-03-31T23:30:05.250Z"}`, "12"},
		{`{"startTime":"2023-03-31T23:30:01Z","endTime":"2023-03-31T23:59"}`, "2"},
		{`{"startTime":"2024-01-01"}`, ""},
		{`{"timestamp.date":"2023-03-31"}`, "12"},
		{`{"timestamp.date":["2023-04-01","2020-01-01"]}`, "3"},
		{`{"timestamp.month":"2023-04"}`, "3"},
		{`{"timestamp.year":2023}`, "123"},
		{`{"timestamp.mm":3}`, "12"},
		{`{"timestamp.dd":"1"}`, "3"},
		{`{"timestamp.hh":23}`, "12"},
		{`{"timestamp.uu":[0,1]}`, "3"},
		{`{"timestamp.ss":5}`, "2"},
		{`{"timestamp.minute":"23:30"}`, "12"},
		{`{"timestamp.second":"23:30:05"}`, "2"},
		{`{"timestamp.time":"23:30"}`, "12"},
		{`{"timestamp.time":"23:30:00"}`, "1"},
		{`{"timestamp.time":"23:30:05.250"}`, "2"},
		{`{"timestamp.ww":6}`, "12"}, // Friday
		{`{"timestamp.ww":0}`, "3"},  // Saturday
		{`{"timestamp.ww":6,"timestamp.ss":5}`, "2"},
		{`{"timestamp.ww":[]}`, ""},
	} {
		var rows []api.Trade
		w.ask("", "GET", "/trade"+query("filter", tt.filter), "").into(t, &rows)
		sizes := ""
		for _, r := range rows {
			sizes += fmt.Sprint(*r.Size)
		}
		require.Equal(t, tt.sizes, sizes, tt.filter)
	}
	for filter, text := range map[string]string{
		`{"startTime":"soon"}`:            "startTime is invalid",
		`{"endTime":5}`:                   "filter values are not valid",
		`{"startTime":""}`:                "filter values are not valid",
		`{"timestamp.date":"31.3.2023"}`:  "filter values are not valid",
		`{"timestamp.ww":"Friday"}`:       "filter values are not valid",
		`{"timestamp.century":20}`:        "filter values are not valid",
		`{"symbol.date":"2023-03-31"}`:    "filter columns are not valid",
		`{"settledAt.date":"2023-03-31"}`: "filter columns are not valid",
	} {
		require.Equal(t, text, w.ask("", "GET", "/trade"+query("filter", filter), "").error(t), filter)
	}
}

// A program that was made from the venue's own document finds its methods, and their parameters.
func TestDocument(t *testing.T) {
	w := busy(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/api/explorer/swagger.json", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	require.Equal(t, 200, resp.StatusCode)
	var doc, venue openapi2.T
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&doc))
	require.Equal(t, strings.TrimPrefix(w.server.URL, "http://"), doc.Host)
	require.Equal(t, []string{"http"}, doc.Schemes)
	require.Equal(t, "/api/v1", doc.BasePath)
	served := 0
	for path, item := range doc.Paths {
		for verb, op := range item.Operations() {
			served++
			status := w.ask("trader", verb, path, "").status
			require.NotEqual(t, 404, status, "%s %s is described and not served", verb, path)
			require.NotEmpty(t, op.OperationID)
		}
	}
	require.Equal(t, 50, served, "every endpoint")
	require.Contains(t, doc.Definitions, "Order")

	b := sharedDocument(t)
	require.NoError(t, json.Unmarshal(b, &venue))
	for path, item := range doc.Paths {
		for verb, op := range item.Operations() {
			known := venue.Paths[path]
			if known == nil || known.GetOperation(verb) == nil {
				require.True(t, strings.HasSuffix(path, "/bulk") || strings.HasPrefix(path, "/position") || path == "/order/bulk",
					path)
				continue
			}
			theirs := known.GetOperation(verb)
			require.Equal(t, theirs.OperationID, op.OperationID)
			require.Equal(t, theirs.Tags, op.Tags)
			for _, mine := range op.Parameters {
				found := false
				for _, p := range theirs.Parameters {
					if p.Name != mine.Name {
						continue
					}
					found = true
					require.Equal(t, p.In, mine.In, "%s %s %s", verb, path, p.Name)
					require.Equal(t, p.Required, mine.Required, "%s %s %s", verb, path, p.Name)
					require.Equal(t, p.Type, mine.Type, "%s %s %s", verb, path, p.Name)
				}
				require.True(t, found, "%s %s: %s is not a parameter", verb, path, mine.Name)
			}
		}
	}
}

// poor gives every account 0.01 XBT.
func poor(c *gateway.Config) {
	config := sim.Config{Instruments: c.Instruments, Symbols: c.Symbols, Currency: c.Currency, Balance: 1_000_000,
		Depth: sim.DepthModel{Levels: 1}, Queue: sim.RiskAverse{}}
	c.Open = func(gateway.Key) (exchange.Exchange, gateway.Statement, error) {
		x, err := sim.New(config)
		if err != nil {
			return nil, nil, err
		}
		statement := x.Account()
		return x, statement, nil
	}
}

// What the engine rejects is answered 400, and is a row of the tables besides.
func TestRejectionsAnswer400(t *testing.T) {
	p := exchange.MustPrice
	for _, tt := range []struct {
		name, body, text string
		change           func(*gateway.Config)
	}{
		{"margin of a limit order", `{"symbol":"XBTUSD","orderQty":100000,"price":29000,"clOrdID":"much"}`,
			`^Account has insufficient Available Balance, \d{4,} XBt required$`, poor},
		{"margin of a market order", `{"symbol":"XBTUSD","orderQty":-100000,"ordType":"Market","clOrdID":"much"}`,
			`^Account has insufficient Available Balance, \d{4,} XBt required$`, poor},
		{"risk limit", `{"symbol":"XBTUSD","orderQty":10000000,"price":29000,"clOrdID":"much"}`,
			`^Value of position and orders exceeds position Risk Limit$`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.change)
			w.quote(exchange.Level{Price: p("29999.5"), Qty: 1_000_000}, exchange.Level{Price: p("30000"), Qty: 1_000_000})
			s := w.dial("/realtime", nil)
			s.auth("trader")
			s.subscribe("order")
			a := w.ask("trader", "POST", "/order", tt.body)
			require.Equal(t, 400, a.status, string(a.body))
			require.Contains(t, string(a.body), `"name":"ValidationError"`)
			require.Regexp(t, tt.text, a.error(t))
			var rows []api.Order
			w.ask("trader", "GET", "/order"+query("filter", `{"clOrdID":"much"}`), "").into(t, &rows)
			require.Len(t, rows, 1)
			require.Equal(t, "Rejected", rows[0].OrdStatus)
			require.Regexp(t, tt.text, rows[0].OrdRejReason)
			require.Contains(t, string(rowJSON(t, s.frames())), `"ordStatus":"Rejected"`)
		})
	}
}

// Of several orders in a request all are placed, or none.
func TestRejectionInABulk(t *testing.T) {
	p := exchange.MustPrice
	w := newWorld(t, poor)
	w.quote(exchange.Level{Price: p("29999.5"), Qty: 1_000_000}, exchange.Level{Price: p("30000"), Qty: 1_000_000})
	one := func(name string, qty int) string {
		return fmt.Sprintf(`{"symbol":"XBTUSD","orderQty":%d,"price":29000,"clOrdID":%q}`, qty, name)
	}
	a := w.ask("trader", "POST", "/order/bulk", `{"orders":[`+one("a", 100)+","+one("b", 100_000)+","+one("c", 100)+`]}`)
	require.Equal(t, 400, a.status, string(a.body))
	require.Regexp(t, `^Bulk orders: Account has insufficient Available Balance, \d+ XBt required$`, a.error(t))
	var rows []api.Order
	w.ask("trader", "GET", "/order", "").into(t, &rows)
	var said []string
	for _, r := range rows {
		said = append(said, r.ClOrdID+" "+r.OrdStatus)
	}
	require.Equal(t, []string{"a Canceled", "b Rejected"}, said)
}

// A client hears of a rejected order once, whichever of the answer and the stream comes first.
func TestARejectionIsHeardOnce(t *testing.T) {
	p := exchange.MustPrice
	w := newWorld(t, poor)
	w.quote(exchange.Level{Price: p("29999.5"), Qty: 1_000_000}, exchange.Level{Price: p("30000"), Qty: 1_000_000})
	x := w.connect("trader")
	for range 20 {
		_, err := x.Submit(t.Context(),
			exchange.NewOrder{Symbol: w.inst.ID, Side: exchange.Buy, Qty: 100_000, Price: p("29000")})
		require.NoError(t, err)
		flushed(t, x)
	}
	reports, err := x.Advance(t.Context(), w.now, nil)
	require.NoError(t, err)
	heard := map[exchange.ClientID]int{}
	for n := range reports {
		if o := &reports[n].Order; reports[n].Kind == exchange.ReportOrder {
			heard[o.ClientID]++
			require.Equal(t, exchange.Rejected, o.Status)
			require.Regexp(t, `insufficient Available Balance, \d+ XBt required`, o.RejectReason)
		}
	}
	require.Len(t, heard, 20)
	for id, times := range heard {
		require.Equal(t, 1, times, id)
	}
}

// The statistics of a day, the quote and the book come from bars too, of whatever length.
func TestStatisticsOfBars(t *testing.T) {
	for _, length := range []time.Duration{time.Minute, 5 * time.Minute, time.Hour, 24 * time.Hour} {
		t.Run(length.String(), func(t *testing.T) {
			w := newWorld(t, nil)
			p := exchange.MustPrice
			start := w.now
			day := int(24 * time.Hour / length)
			for n := range day + 1 {
				from := start.Add(time.Duration(n) * length)
				high, low := p("30100"), p("29900")
				if n == 0 { // of a day before
					high, low = p("50000"), p("10000")
				}
				w.now = from
				w.step(exchange.BarEvent(exchange.Bar{Symbol: w.inst.ID, Start: from, End: from.Add(length), Open: p("30000"),
					High: high,
					Low:  low, Close: p("30050"), Volume: 700, Trades: 3}))
				w.pass(length)
			}
			var rows []api.Instrument
			w.ask("", "GET", "/instrument?symbol=XBTUSD", "").into(t, &rows)
			i := rows[0]
			require.Equal(t, int64(700*day), *i.Volume24h)
			// A bin opens where the one before it closed.
			require.Equal(t, "30100 29900 30050 30050",
				fmt.Sprint(i.HighPrice, " ", i.LowPrice, " ", i.PrevPrice24h, " ", i.LastPrice))
			require.NotEmpty(t, i.Vwap)
			var stats []api.Stats
			w.ask("", "GET", "/stats", "").into(t, &stats)
			require.Equal(t, int64(700*day), *stats[0].Volume24h)
			require.Positive(t, *stats[0].Turnover24h)
			var book []api.OrderBookL2
			w.ask("", "GET", "/orderBook/L2?symbol=XBTUSD", "").into(t, &book)
			require.Len(t, book, 2)
			require.Equal(t, "Sell 700 @ 30050.5, Buy 700 @ 30049.5",
				fmt.Sprint(book[0].Side, " ", *book[0].Size, " @ ", book[0].Price, ", ",
					book[1].Side, " ", *book[1].Size, " @ ", book[1].Price))
			require.Equal(t, "30049.5 30050.5 30050", fmt.Sprint(i.BidPrice, " ", i.AskPrice, " ", i.MidPrice))
		})
	}
}

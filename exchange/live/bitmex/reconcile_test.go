package bitmex_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/exchange/live/bitmex"
)

// What lasts from one comparison with the venue to the next is told and makes the stream
// begin anew; what is as the client believes, or is put right meanwhile, is not.
func TestDifferencesThatLast(t *testing.T) {
	for name, c := range map[string]struct {
		change func(v *venue)
		once   bool // it is put right before the next comparison
		told   string
	}{
		"nothing":        {},
		"closed unheard": {change: func(v *venue) { v.orders = nil }, told: "order one is not open"},
		"filled unheard": {change: func(v *venue) { v.orders = []api.Order{v.row("one", "PartiallyFilled", 40)} },
			told: "order one has 60 left, not 100"},
		"opened unheard": {change: func(v *venue) { v.orders = append(v.orders, v.row("two", "New", 0)) },
			told: "order two is open and was not heard of"},
		"opened without a name": {change: func(v *venue) {
			o := v.row("two", "New", 0)
			o.ClOrdID = ""
			v.orders = append(v.orders, o)
		}, told: "order id-two is open and was not heard of"},
		"opened elsewhere": {change: func(v *venue) {
			o := v.row("two", "New", 0)
			o.Symbol = "ETHUSD"
			v.orders = append(v.orders, o)
		}},
		"a position": {change: func(v *venue) {
			v.positions = []api.Position{{Symbol: "ETHUSD", CurrentQty: new(int64(3))}, {Symbol: "XBTUSD",
				CurrentQty: new(int64(300))}}
		}, told: "position of XBTUSD is 300, not 0"},
		"a position elsewhere": {change: func(v *venue) {
			v.positions = []api.Position{{Symbol: "ETHUSD",
				CurrentQty: new(int64(3))}}
		}},
		"for a moment": {change: func(v *venue) { v.orders = nil }, once: true},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVenue(t)
			var looks atomic.Int64
			a := v.connect(func(c *bitmex.ExchangeConfig) { c.Reconcile = 10 * time.Millisecond })
			a.place("one")
			v.change(func() {
				before := slices.Clone(v.orders)
				if c.change != nil {
					c.change(v)
				}
				v.hook = func(verb, path, _ string) (int, string) {
					if verb == http.MethodGet && path == "/position" { // the second request of a comparison
						if looks.Add(1) == 1 && c.once {
							v.change(func() { v.orders = before })
						}
					}
					return 0, ""
				}
			})
			streams := func() (n int) { v.change(func() { n = v.streams }); return n }
			if c.told == "" {
				a.eventually("four comparisons", func() bool { return looks.Load() > 4 })
				require.Equal(t, 1, streams())
				require.Empty(t, a.told())
				require.Zero(t, testutil.ToFloat64(a.metrics.Differences))
				return
			}
			a.eventually("the stream begins anew", func() bool { return streams() > 1 })
			require.Equal(t, c.told, a.told()[0])
			a.mu.Lock()
			require.Equal(t, live.Missed, a.notices[0].Kind)
			a.mu.Unlock()
		})
	}
}

// A comparison that the venue does not answer is made again.
func TestComparisonIsMadeAgain(t *testing.T) {
	v := newVenue(t)
	var looks atomic.Int64
	a := v.connect(func(c *bitmex.ExchangeConfig) { c.Reconcile, c.Policy.Attempts = 10*time.Millisecond, 1 })
	a.place("one")
	v.change(func() {
		v.orders = nil
		v.hook = func(verb, path, _ string) (int, string) {
			switch n := looks.Load(); {
			case verb == http.MethodGet && path == "/order" && n < 3,
				verb == http.MethodGet && path == "/position" && n < 6:
				looks.Add(1)
				return 400, refusal("no")
			}
			return 0, ""
		}
	})
	a.eventually("the difference is told", func() bool { return slices.Contains(a.told(), "order one is not open") })
	require.EqualValues(t, 6, looks.Load())
}

// changed is a frame of the stream that changes rows of a table.
func changed(table string, rows ...string) string {
	return `{"table":"` + table + `","action":"update","data":[` + strings.Join(rows, ",") + `]}`
}

// executionRow is a frame with an execution; fields begin with the value of its type.
func executionRow(fields string) string {
	return strings.Replace(
		changed("execution", `{"execID":"x","symbol":"XBTUSD","execType":`+fields+`}`), "update", "insert", 1)
}

// A row of each kind is reported with all that it says.
func TestReportsOfRows(t *testing.T) {
	v := newVenue(t)
	v.positions = []api.Position{
		{
			Symbol:         "XBTUSD",
			CurrentQty:     new(int64(-500)),
			UnrealisedCost: new(int64(1_000_000)),
			Timestamp:      at(t, began),
		},
	}
	a := v.connect(nil)
	a.flush()
	a.reports = a.reports[:0]
	when := exchange.Time(at(t, began))
	price := exchange.MustPrice

	o := v.row("one", "PartiallyFilled", 40)
	o.Side, o.AvgPx, o.ClOrdLinkID, o.ExecInst = "Sell", "20000.5", "link", "ReduceOnly"
	e := v.executed("f1", "Trade", o, 40)
	e.ClOrdLinkID, e.ExecInst, e.AvgPx, e.LastPx, e.ExecCost, e.ExecComm = o.ClOrdLinkID, o.ExecInst, o.AvgPx,
		"20000.5", new(
			int64(199_995),
		), new(
			int64(-50),
		)
	v.execute(e)
	a.flush()
	require.Len(t, a.reports, 1)
	r := a.reports[0]
	require.Equal(
		t,
		[]any{exchange.ReportFill, exchange.ExecTrade, "f1", v.inst.ID, when},
		[]any{r.Kind, r.ExecType, r.ExecID, r.Symbol, r.Time},
	)
	require.Equal(
		t,
		exchange.Order{
			OrderID:      "id-one",
			ClientID:     "one",
			LinkID:       "link",
			Symbol:       v.inst.ID,
			Side:         exchange.Sell,
			Qty:          100,
			Price:        price("20000"),
			Type:         exchange.Limit,
			TimeInForce:  exchange.GoodTillCancel,
			ExecInst:     exchange.ReduceOnly,
			Status:       exchange.PartiallyFilled,
			Leaves:       60,
			Filled:       40,
			AvgPrice:     price("20000.5"),
			Text:         "as the venue says",
			TransactTime: when,
			Time:         when,
		},
		r.Order,
	)
	require.Equal(
		t,
		exchange.Fill{
			ExecID:    "f1",
			OrderID:   "id-one",
			ClientID:  "one",
			Symbol:    v.inst.ID,
			Side:      exchange.Sell,
			Qty:       40,
			Price:     price("20000.5"),
			Type:      exchange.ExecTrade,
			Value:     199_995,
			Fee:       -50,
			FeeRate:   exchange.MustRatio("-0.00025"),
			Leaves:    60,
			Time:      when,
			Liquidity: exchange.AddedLiquidity,
			Position:  -540,
			Realised:  r.Fill.Realised,
		},
		r.Fill,
	)

	// Funding is seen from the account: a short position receives the rate.
	a.reports = a.reports[:0]
	funding := api.Execution{
		ExecID:     "p1",
		OrderID:    "00000000-0000-0000-0000-000000000000",
		Symbol:     "XBTUSD",
		ExecType:   "Funding",
		LastQty:    new(int64(540)),
		LastPx:     "21000.25",
		Commission: "-0.0001",
		ExecComm:   new(int64(-257)),
		Timestamp:  at(t, began),
	}
	v.execute(funding)
	a.flush()
	require.Len(t, a.reports, 1)
	require.Equal(
		t,
		exchange.FundingPayment{
			Symbol: v.inst.ID,
			Rate:   exchange.MustRatio("0.0001"),
			Qty:    -540,
			Price:  price("21000.25"),
			Amount: 257,
			Time:   when,
		},
		a.reports[0].Funding,
	)
	require.Equal(t, exchange.ReportFunding, a.reports[0].Kind)

	// A forced fill that no order caused.
	a.reports = a.reports[:0]
	forced := v.executed("l1", "Trade", v.row("", "Filled", 640), 640)
	forced.OrderID, forced.Side = "00000000-0000-0000-0000-000000000000", "Buy"
	v.execute(forced)
	funding.ExecID = "p2"
	v.execute(funding)
	a.flush()
	require.Len(t, a.reports, 2)
	require.Zero(t, a.reports[0].Order)
	require.Equal(t, exchange.Qty(100), a.reports[0].Fill.Position)
	require.Equal(t, exchange.MustRatio("-0.0001"), a.reports[1].Funding.Rate, "a long position pays it")

	// An order without a name goes by its id.
	a.reports = a.reports[:0]
	unnamed := v.row("", "PartiallyFilled", 10)
	unnamed.OrderID = "venue's"
	v.execute(v.executed("u1", "Trade", unnamed, 10))
	a.flush()
	require.Equal(t, exchange.ClientID("venue's"), a.reports[0].Fill.ClientID)
	require.Equal(t, exchange.ClientID("venue's"), a.reports[0].Order.ClientID)
	require.NoError(t, a.Cancel(t.Context(), exchange.CancelOrder{Symbol: v.inst.ID, ClientID: "venue's"}))
	require.NoError(
		t,
		a.Amend(
			t.Context(),
			exchange.AmendOrder{Symbol: v.inst.ID, OrigClientID: "venue's", Qty: new(exchange.Qty(200))},
		),
	)
	a.flush()
	require.Equal(
		t,
		[]string{`DELETE /order {"orderID":["venue's"]}`, `PUT /order {"orderID":"venue's","orderQty":200}`},
		v.commands(),
	)

	// The account's rows; what a change leaves out stays as it was.
	a.reports = a.reports[:0]
	v.say(changed("position", `{"account":1,"symbol":"ETHUSD","currentQty":1}`, `{"account":1,"symbol":"XBTUSD",`+
		`"currentQty":-5,"unrealisedCost":6,"markValue":7,"unrealisedPnl":8,"realisedCost":9,"currentComm":10,`+
		`"initMargin":11,"maintMargin":12,"avgEntryPrice":13.5,`+
		`"markPrice":14,"liquidationPrice":15,"bankruptPrice":16,`+
		`"crossMargin":false,"leverage":17.5,"riskLimit":30000000000,"timestamp":"`+began+`"}`))
	v.say(changed("position", `{"account":1,"symbol":"XBTUSD","crossMargin":true,"riskLimit":20000000000}`))
	v.say(strings.Replace(changed("position", `{"account":1,"symbol":"XBTUSD"}`), "update", "delete", 1))
	v.say(changed("margin", `{"account":1,"currency":"USDt","walletBalance":1}`, `{"account":1,"currency":"XBt",`+
		`"walletBalance":1,"unrealisedPnl":2,"marginBalance":3,"initMargin":4,"maintMargin":5,"availableMargin":6,`+
		`"timestamp":"`+began+`"}`))
	a.flush()
	require.Len(t, a.reports, 3)
	p := exchange.Position{
		Symbol:      v.inst.ID,
		Qty:         -5,
		Cost:        6,
		MarkValue:   7,
		Unrealised:  8,
		Realised:    -9,
		Fees:        10,
		InitMargin:  11,
		MaintMargin: 12,
		EntryPrice: price(
			"13.5",
		),
		MarkPrice:        price("14"),
		LiquidationPrice: price("15"),
		BankruptPrice:    price("16"),
		Leverage:         exchange.MustRatio("17.5"),
		RiskLimit:        30_000_000_000,
		Time:             when,
	}
	require.Equal(t, p, a.reports[0].Position)
	p.Leverage, p.RiskLimit = 0, 0 // cross margin, at the lowest limit
	require.Equal(t, p, a.reports[1].Position)
	require.Equal(
		t,
		exchange.Margin{
			Currency:    "XBt",
			Wallet:      1,
			Unrealised:  2,
			Balance:     3,
			InitMargin:  4,
			MaintMargin: 5,
			Available:   6,
			Time:        when,
		},
		a.reports[2].Margin,
	)
}

// Rows that cannot be read end the stream, which begins anew and asks for what was missed.
func TestRowsThatCannotBeRead(t *testing.T) {
	for name, frame := range map[string]string{
		"no JSON":                `{"table":`,
		"execution":              changed("execution", `{"execID":7}`),
		"kind of execution":      executionRow(`"Dance"`),
		"price of an order":      executionRow(`"New","price":1e30`),
		"price of a fill":        executionRow(`"Trade","side":"Buy","lastQty":1,"lastPx":1e30`),
		"rate of a fill":         executionRow(`"Trade","side":"Buy","lastQty":1,"lastPx":1,"commission":1e30`),
		"liquidity of a fill":    executionRow(`"Trade","side":"Buy","lastQty":1,"lastPx":1,"lastLiquidityInd":"Some"`),
		"price of funding":       executionRow(`"Funding","lastQty":1,"lastPx":1e30`),
		"rate of funding":        executionRow(`"Funding","lastQty":1,"lastPx":1,"commission":1e30`),
		"position":               changed("position", `{"symbol":7}`),
		"quantity of a position": changed("position", `{"symbol":"XBTUSD","currentQty":"many"}`),
		"price of a position":    changed("position", `{"symbol":"XBTUSD","markPrice":1e30}`),
		"leverage":               changed("position", `{"symbol":"XBTUSD","leverage":1e30}`),
		"margin":                 changed("margin", `{"currency":7}`),
		"wallet":                 changed("margin", `{"currency":"XBt","walletBalance":"much"}`),
		"an error":               `{"status":429,"error":"Rate limit exceeded","meta":{},"request":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			v := newVenue(t)
			a := v.connect(nil)
			v.say(frame)
			a.eventually("it is lost and found", func() bool { return len(a.told()) == 2 })
			a.mu.Lock()
			require.Equal(t, live.Lost, a.notices[0].Kind)
			require.Equal(t, live.Found, a.notices[1].Kind)
			a.mu.Unlock()
			require.InDelta(t, 1, testutil.ToFloat64(a.metrics.Gaps), 0)
			a.flush()
			require.Empty(t, a.said())
			require.NoError(t, a.Close())
			require.InDelta(t, 1, testutil.ToFloat64(a.metrics.Gaps), 0, "an end that is wanted is no gap")
			require.Len(t, a.told(), 2)
		})
	}
}

// A question about orders that the venue does not answer makes the connection begin anew,
// and nothing counts as never placed meanwhile.
func TestQuestionsThatAreNotAnswered(t *testing.T) {
	v := newVenue(t)
	v.orders = []api.Order{v.row("there", "New", 0), v.row("closed", "Canceled", 0)}
	gone := v.row("closed", "New", 0)
	order, err := gone.Order(v.inst)
	require.NoError(t, err)
	known := &live.Known{
		Before:     exchange.Time(at(t, began)) - 1,
		Unanswered: []exchange.NewOrder{v.limit("there"), v.limit("lost")},
		Open:       []exchange.Order{order},
	}
	var asked atomic.Int64
	v.hook = func(verb, path, _ string) (int, string) {
		if verb == http.MethodGet && asked.Add(1) <= 8 {
			return 400, refusal("no")
		}
		return 0, ""
	}
	a := v.connect(func(c *bitmex.ExchangeConfig) { c.Known = known })
	a.flush()
	require.ElementsMatch(t, []string{"there New, New", "lost Rejected, Rejected", "closed Canceled, Canceled"}, a.said())
	streams := 0
	v.change(func() { streams = v.streams })
	require.Equal(t, 9, streams)
}

// All orders are cancelled by their ids where those of others are spared: those of the side
// and the symbol, acknowledged or not, and one that the venue does not know is no error.
func TestCancelAllOfOurOwn(t *testing.T) {
	for name, c := range map[string]struct {
		filter  exchange.CancelFilter
		status  int
		want    []string
		refused string
	}{
		"all": {filter: exchange.CancelFilter{AllSymbol: true, Text: "why"},
			want: []string{`DELETE /order {"clOrdID":["our-1","our-2","our-3"],"text":"why"}`}},
		"buys": {filter: exchange.CancelFilter{AllSymbol: true, Side: exchange.Buy},
			want: []string{`DELETE /order {"clOrdID":["our-1","our-2"]}`}},
		"sells": {filter: exchange.CancelFilter{AllSymbol: true, Side: exchange.Sell},
			want: []string{`DELETE /order {"clOrdID":["our-3"]}`}},
		"of the symbol": {filter: exchange.CancelFilter{},
			want: []string{`DELETE /order {"clOrdID":["our-1","our-2","our-3"]}`}},
		"not known": {filter: exchange.CancelFilter{}, status: 404,
			want: []string{`DELETE /order {"clOrdID":["our-1","our-2","our-3"]}`}},
		"refused": {filter: exchange.CancelFilter{}, status: 400,
			want:    []string{`DELETE /order {"clOrdID":["our-1","our-2","our-3"]}`},
			refused: "cancelAll of  refused: no"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVenue(t)
			a := v.connect(func(c *bitmex.ExchangeConfig) { c.Prefix = "our-" })
			a.place("our-1")
			for id, side := range map[string]exchange.Side{"our-2": exchange.Buy, "our-3": exchange.Sell,
				"their": exchange.Buy} {
				o := v.limit(id)
				o.Side = side
				_, err := a.Submit(t.Context(), o)
				require.NoError(t, err)
			}
			a.flush()
			v.change(func() {
				v.asked = nil
				v.hook = func(verb, _, _ string) (int, string) {
					if verb == http.MethodDelete {
						return c.status, refusal("no")
					}
					return 0, ""
				}
			})
			if !c.filter.AllSymbol {
				c.filter.Symbol = v.inst.ID
			}
			require.NoError(t, a.CancelAll(t.Context(), c.filter))
			a.flush()
			require.Equal(t, c.want, v.commands())
			if c.refused == "" {
				require.Empty(t, a.said())
			} else {
				require.Equal(t, []string{c.refused}, a.said())
			}
		})
	}
}

// While one order is under way, a cancellation of an order that is acknowledged passes it,
// one of an order that is not waits for it, and orders that are void are never sent.
func TestLanesOfAnAccount(t *testing.T) {
	v := newVenue(t)
	a := v.connect(func(c *bitmex.ExchangeConfig) { c.CancelConnections = 2 })
	a.place("known")
	free := make(chan struct{})
	v.change(func() {
		v.asked = nil
		v.hook = func(verb, path, body string) (int, string) {
			if verb == http.MethodPost && strings.Contains(body, "slow") {
				<-free
			}
			return 0, ""
		}
	})
	sell := v.limit("sell")
	sell.Side = exchange.Sell
	for _, o := range []exchange.NewOrder{v.limit("slow"), v.limit("void"), sell} {
		_, err := a.Submit(t.Context(), o)
		require.NoError(t, err)
	}
	a.eventually("the first is under way", func() bool { return len(v.commands()) == 1 })
	require.NoError(t, a.Cancel(t.Context(), exchange.CancelOrder{Symbol: v.inst.ID, ClientID: "slow"}))
	require.NoError(t, a.Cancel(t.Context(), exchange.CancelOrder{Symbol: v.inst.ID, ClientID: "known"}))
	require.NoError(t, a.Cancel(t.Context(), exchange.CancelOrder{Symbol: v.inst.ID, OrderID: "id"}))
	a.eventually("cancellations pass", func() bool { return len(v.commands()) == 3 })
	require.ElementsMatch(
		t,
		[]string{`DELETE /order {"clOrdID":["known"]}`, `DELETE /order {"orderID":["id"]}`},
		v.commands()[1:],
	)
	require.NoError(t, a.CancelAll(t.Context(), exchange.CancelFilter{Symbol: v.inst.ID, Side: exchange.Buy}))
	a.eventually("the void order is told of", func() bool {
		return slices.ContainsFunc(a.reports, func(r exchange.Report) bool { return r.Order.ClientID == "void" })
	})
	require.Equal(t, []string{"void Canceled, Canceled"}, a.said())
	_, err := a.Submit(t.Context(), v.limit("void"))
	require.NoError(t, err, "its name is free")
	close(free)
	a.flush()
	texts := v.commands()[3:]
	for n := range texts {
		texts[n], _, _ = strings.Cut(texts[n], `,"side"`)
	}
	require.Equal(
		t,
		[]string{
			`DELETE /order/all {"filter":{"side":"Buy"},"symbol":"XBTUSD"}`,
			`POST /order {"symbol":"XBTUSD"`,
			`DELETE /order {"clOrdID":["slow"]}`,
			`POST /order {"symbol":"XBTUSD"`,
		},
		texts,
	)
}

// What a client is told to wait for ends when the stream does, or the patience.
func TestFlushEnds(t *testing.T) {
	v := newVenue(t)
	a := v.connect(nil)
	wait := make(chan struct{})
	v.change(func() {
		v.hook = func(verb, _, _ string) (int, string) {
			if verb != http.MethodGet {
				<-wait
			}
			return 0, ""
		}
	})
	require.NoError(t, a.CancelAllAfter(t.Context(), 0))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, a.Flush(ctx), context.DeadlineExceeded)
	close(wait)
	a.flush()
	select {
	case <-a.Ready():
	default:
		require.Fail(t, "reports wait, and the session was not notified")
	}
	gone := v.config()
	x, err := bitmex.Connect(t.Context(), gone)
	require.NoError(t, err)
	require.NoError(t, x.Close())
	require.ErrorIs(t, x.Flush(t.Context()), live.ErrNotConnected)
}

// What a later connection is to be given are the newest executions of the time before the
// first one, and those alone.
func TestFirstExecutions(t *testing.T) {
	v := newVenue(t)
	older := v.executed("older", "New", v.row("a", "New", 0), 0)
	older.Timestamp -= api.Time(time.Second)
	v.executions = []api.Execution{
		v.executed("newest-1", "New", v.row("b", "Filled", 0), 0),
		v.executed("newest-2", "New", v.row("c", "Filled", 0), 0),
		older,
	}
	a := v.connect(nil)
	before, ids := a.First()
	require.Equal(t, exchange.Time(at(t, began)), before)
	require.ElementsMatch(t, []string{"newest-1", "newest-2"}, ids)
	a.flush()
	require.Empty(t, a.said())
	a.place("mine")
	again, same := a.First()
	require.Equal(t, before, again, "what comes later does not count")
	require.Equal(t, ids, same)
}

// A query that cannot be put into an address is an error of the caller.
func TestQueriesThatCannotBeAsked(t *testing.T) {
	v := newVenue(t)
	c, err := bitmex.NewClient(v.config().Config)
	require.NoError(t, err)
	defer c.Close()
	bad := bitmex.Query{Filter: map[string]any{"x": make(chan int)}}
	_, err = c.Trades(t.Context(), bad)
	require.ErrorContains(t, err, "filter: ")
	_, err = c.Download(t.Context(), "trade", bad, &bytes.Buffer{})
	require.ErrorContains(t, err, "filter: ")
}

// Pages that are turned by offset show every row until one is not full, and stop at an error.
func TestOffsetsTurnPages(t *testing.T) {
	no := errors.New("no")
	for _, c := range []struct{ rows, size, asked, fails int }{{0, 2, 1, 9}, {1, 2, 1, 9}, {2, 2, 2, 9}, {5, 2, 3,
		9}, {5, 2, 2, 1}, {501, 0, 2, 9}} {
		asked := 0
		ask := func(_ context.Context, q bitmex.Query) (rows []int, err error) {
			if asked++; asked > c.fails {
				return nil, no
			}
			for n := q.Start; n < min(c.rows, q.Start+q.Count); n++ {
				rows = append(rows, n)
			}
			return rows, nil
		}
		var got []int
		var err error
		for n, e := range bitmex.Offsets(t.Context(), ask, bitmex.Query{Count: c.size}) {
			if err = e; e == nil {
				got = append(got, n)
			}
		}
		name := fmt.Sprintf("%+v", c)
		require.Equal(t, c.asked, asked, name)
		if c.fails < 9 {
			require.ErrorIs(t, err, no, name)
			require.Equal(t, []int{0, 1}, got)
			continue
		}
		require.NoError(t, err, name)
		require.Len(t, got, c.rows, name)
		for n := range got {
			require.Equal(t, n, got[n])
		}
	}
}

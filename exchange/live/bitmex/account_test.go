package bitmex_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
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

// Orders that ended while nothing was heard, and of which no execution tells, are found out
// when the account is heard again, each for itself: those that the venue knows as they are,
// one that it does not know as gone, and those that are open are left alone.
func TestOrdersThatEndedUnheard(t *testing.T) {
	for _, again := range []string{"the stream is cut", "the program is begun again"} {
		t.Run(again, func(t *testing.T) {
			v := newVenue(t)
			a := v.connect(nil)
			ids := []string{"open", "cancelled", "filled", "gone", "travels", "gone-too"}
			known := &live.Known{Before: exchange.Time(at(t, began)) - 1}
			for _, id := range ids {
				a.place(id)
				o := v.row(id, "New", 0)
				order, err := o.Order(v.inst)
				require.NoError(t, err)
				known.Open = append(known.Open, order)
			}
			v.change(func() {
				v.orders = []api.Order{
					v.row("open", "New", 0),
					v.row("cancelled", "Canceled", 40),
					v.row("filled", "Filled", 100),
				}
			})
			looked := false
			v.hook = func(verb, path, _ string) (int, string) {
				if verb == http.MethodGet && path == "/order" { // it is open when it is looked up by its id
					v.change(func() {
						for _, filter := range v.looks {
							if looked = looked || strings.Contains(filter, "id-travels"); looked {
								return
							}
						}
						v.orders = slices.DeleteFunc(v.orders, func(o api.Order) bool { return o.ClOrdID == "travels" })
						if n := len(v.looks); n > 0 && strings.Contains(v.looks[n-1], "open") {
							v.orders = append(v.orders, v.row("travels", "New", 0))
						}
					})
				}
				return 0, ""
			}
			v.change(func() { v.looks = nil })
			if again == "the stream is cut" {
				v.cut()
				a.eventually(
					"it is heard again",
					func() bool { return len(a.told()) > 0 && a.told()[len(a.told())-1] == "" },
				)
			} else {
				require.NoError(t, a.Close())
				a = v.connect(func(c *bitmex.ExchangeConfig) { c.Known = known })
			}
			a.flush()
			said := a.said()
			require.ElementsMatch(
				t,
				[]string{
					"cancelled Canceled, Canceled",
					"filled Restated, Filled",
					"gone Canceled, Canceled",
					"gone-too Canceled, Canceled",
				},
				said,
			)
			require.InDelta(t, 4, testutil.ToFloat64(a.metrics.Differences), 0)
			var told []string
			for _, text := range a.told() {
				if strings.Contains(text, "unheard") {
					told = append(told, text)
				}
			}
			require.ElementsMatch(
				t,
				[]string{
					"order id-cancelled cancelled has ended unheard: Canceled",
					"order id-filled filled has ended unheard: Filled",
					"order id-gone gone has ended unheard: Canceled, and is not known any more",
					"order id-gone-too gone-too has ended unheard: Canceled, and is not known any more",
				},
				told,
			)
			v.change(func() { v.hook = nil })

			// The names of those that ended are free, those of the others are not.
			for _, id := range ids {
				_, err := a.Submit(t.Context(), v.limit(id))
				if id == "open" || id == "travels" {
					require.ErrorIs(t, err, exchange.ErrDuplicateID, id)
				} else {
					require.NoError(t, err, id)
				}
			}
		})
	}
}

// What is reported of an order that is gone.
func TestOrderThatIsGone(t *testing.T) {
	v := newVenue(t)
	a := v.connect(nil)
	a.place("gone")
	v.change(func() { v.orders = nil })
	v.cut()
	a.eventually("its end", func() bool {
		return slices.ContainsFunc(a.reports, func(r exchange.Report) bool { return r.Kind == exchange.ReportOrder })
	})
	n := slices.IndexFunc(a.reports, func(r exchange.Report) bool { return r.Kind == exchange.ReportOrder })
	o := a.reports[n].Order
	require.Equal(t, exchange.Canceled, o.Status)
	require.Zero(t, o.Leaves)
	require.False(t, o.Working)
	require.Equal(t, "Canceled: the venue does not know the order any more", o.Text)
	require.Equal(t, exchange.MustPrice("20000"), o.Price)
	require.GreaterOrEqual(t, o.Time, exchange.Time(at(t, began)))
	require.Equal(t, v.inst.ID, a.reports[n].Symbol)
}

// Orders that were given before the program died, and not answered, are found as the venue
// has them; one that it says several times not to have counts as never placed.
func TestOrdersThatWereNotAnswered(t *testing.T) {
	v := newVenue(t)
	rejected := v.row("rejected", "Rejected", 0)
	rejected.OrdRejReason = "no"
	v.orders = []api.Order{
		v.row("open", "New", 0),
		v.row("filled", "Filled", 100),
		v.row("cancelled", "Canceled", 0),
		rejected,
		v.row("partly", "PartiallyFilled", 30),
	}
	known := &live.Known{Before: exchange.Time(at(t, began)) - 1}
	for _, id := range []string{"rejected", "lost", "filled", "open", "cancelled", "partly", "lost-too"} {
		known.Unanswered = append(known.Unanswered, v.limit(id))
	}
	log := new(lockedBuffer)
	a := v.connect(func(c *bitmex.ExchangeConfig) {
		c.Known, c.Policy.Lookups, c.Log = known, 4, slog.New(slog.NewTextHandler(log, nil))
	})
	a.flush()
	var reasons []string
	for n := range a.reports {
		if r := &a.reports[n]; r.Kind == exchange.ReportOrder && r.Order.Status == exchange.Rejected {
			reasons = append(reasons, r.Order.RejectReason)
		}
	}
	require.ElementsMatch(
		t,
		[]string{
			"no",
			"not placed: the program died before it was sent",
			"not placed: the program died before it was sent",
		},
		reasons,
	)
	said := a.said()
	require.ElementsMatch(
		t,
		[]string{"rejected Rejected, Rejected", "filled Restated, Filled", "open New, New", "cancelled Canceled, Canceled",
			"partly New, PartiallyFilled", "lost Rejected, Rejected", "lost-too Rejected, Rejected"},
		said,
	)
	looks := 0
	for _, filter := range v.looks {
		if strings.Contains(filter, "clOrdID") && strings.Contains(filter, "lost") {
			looks++
		}
	}
	require.Equal(t, 4, looks)
	require.Empty(t, v.commands(), "none is sent again")
	for id, open := range map[string]bool{"open": true, "partly": true, "filled": false, "cancelled": false,
		"rejected": false, "lost": false} {
		_, err := a.Submit(t.Context(), v.limit(id))
		require.Equal(t, open, errors.Is(err, exchange.ErrDuplicateID), id)
	}

	// One that arrives all the same later is cancelled, once, unless it has ended already.
	a.flush()
	before := testutil.ToFloat64(a.metrics.Differences)
	v.execute(v.executed("late", "New", v.row("lost-too", "New", 0), 0))
	cancel := `DELETE /order {"orderID":["id-lost-too"]}`
	a.eventually("it is cancelled", func() bool { return slices.Contains(v.commands(), cancel) })
	require.InDelta(t, before+1, testutil.ToFloat64(a.metrics.Differences), 0)
	require.Regexp(t,
		`level=ERROR msg="an order came late .*" venue=bitmex client_id=lost-too order_id=id-lost-too`,
		log.String())
	v.execute(v.executed("late-again", "Replaced", v.row("lost-too", "New", 0), 0))
	a.flush()
	commands := slices.DeleteFunc(v.commands(), func(text string) bool { return text != cancel })
	require.Len(t, commands, 1)
}

// An amendment leaves an order under its name, and one that gives it another name frees
// the old one when it is made, and the new one when it is not.
func TestNamesOfAmendedOrders(t *testing.T) {
	const renaming = `PUT /order {"origClOrdID":"one","clOrdID":"two","price":20001}`
	for name, c := range map[string]struct {
		to     exchange.ClientID
		status int // of the answer
		answer string
		found  bool // by looking, as it should be
		taken  map[string]bool
		sent   string
	}{
		"a price": {to: "", taken: map[string]bool{"one": true},
			sent: `PUT /order {"origClOrdID":"one","price":20001}`},
		"a price, the same": {to: "one", taken: map[string]bool{"one": true},
			sent: `PUT /order {"origClOrdID":"one","clOrdID":"one","price":20001}`},
		"a price, refused": {to: "", status: 400, answer: refusal("no"), taken: map[string]bool{"one": true},
			sent: `PUT /order {"origClOrdID":"one","price":20001}`},
		"a name": {to: "two", taken: map[string]bool{"one": false, "two": true}, sent: renaming},
		"a name, refused": {to: "two", status: 400, answer: refusal("no"), taken: map[string]bool{"one": true,
			"two": false}, sent: renaming},
		"a name, not answered": {to: "two", status: 503, answer: refusal("no"), taken: map[string]bool{"one": true,
			"two": false}, sent: renaming},
		"a name, made all the same": {to: "two", status: 502, answer: "<html>", found: true,
			taken: map[string]bool{"one": false, "two": true},
			sent:  renaming},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVenue(t)
			a := v.connect(func(c *bitmex.ExchangeConfig) { c.CancelConnections = 1 })
			a.place("one")
			made := c.status == 0 || c.found
			v.change(func() {
				v.hook = func(verb, path, _ string) (int, string) {
					if verb != http.MethodPut {
						return 0, ""
					}
					if made {
						o := v.row("one", "New", 0)
						o.Price = "20001"
						if c.to != "" {
							o.ClOrdID = string(c.to)
						}
						v.change(func() { v.orders = []api.Order{o} })
					}
					return c.status, c.answer
				}
			})
			require.NoError(
				t,
				a.Amend(t.Context(), exchange.AmendOrder{Symbol: v.inst.ID, OrigClientID: "one", ClientID: c.to,
					Price: new(exchange.MustPrice("20001"))}),
			)
			a.flush()
			require.Equal(t, c.sent, v.commands()[1])
			if c.status == 0 || c.found {
				require.Empty(t, a.said())
			} else {
				said := a.said()
				require.Len(t, said, 1)
				require.Contains(t, said[0], "amend of one refused: ")
			}
			for id, taken := range c.taken {
				_, err := a.Submit(t.Context(), v.limit(id))
				require.Equal(t, taken, errors.Is(err, exchange.ErrDuplicateID), id)
			}
			a.flush()
			// Once the stream tells of it, it is one order under one name.
			if made && c.to == "two" {
				o := v.row("one", "New", 0)
				o.ClOrdID = "two"
				v.execute(v.executed("renamed", "Replaced", o, 0))
				a.flush()
				require.Equal(t, []string{"two Replaced, New"}, a.said())
			}
		})
	}
}

// A command of each kind says all that it should to the venue, and what the venue refuses
// is reported with its words.
func TestEveryCommandOfAnAccount(t *testing.T) {
	for name, c := range map[string]struct {
		give  func(a *account) error
		sent  string
		said  string // if it is refused
		never bool   // an order that was not placed
	}{
		"order": {func(a *account) error {
			o := a.v.limit("full")
			o.Side, o.Qty, o.DisplayQty, o.Type, o.StopPrice = exchange.Sell, 300, 100, exchange.StopLimit,
				exchange.MustPrice("19999.5")
			o.LinkID, o.Contingency, o.Text, o.ExecInst = "link", exchange.OneCancelsTheOther, "why", exchange.LastPrice
			_, err := a.Submit(a.v.t.Context(), o)
			return err
		},
			`POST /order {"symbol":"XBTUSD","side":"Sell","orderQty":300,"price":20000,"displayQty":100,` +
				`"stopPx":19999.5,"clOrdID":"full","clOrdLinkID":"link","ordType":"StopLimit",` +
				`"timeInForce":"GoodTillCancel",` +
				`"execInst":"LastPrice",` +
				`"contingencyType":"OneCancelsTheOther","text":"why"}`, "full Rejected, Rejected", true},
		"hidden order": {func(a *account) error {
			o := a.v.limit("hidden")
			o.DisplayQty = exchange.Hidden
			_, err := a.Submit(a.v.t.Context(), o)
			return err
		},
			`POST /order {"symbol":"XBTUSD","side":"Buy","orderQty":100,"price":20000,"displayQty":0,` +
				`"clOrdID":"hidden","ordType":"Limit","timeInForce":"GoodTillCancel"}`, "hidden Rejected, Rejected",
			true},
		"amendment": {func(a *account) error {
			return a.Amend(a.v.t.Context(), exchange.AmendOrder{Symbol: a.v.inst.ID, OrderID: "id-one",
				Qty: new(exchange.Qty(200)), StopPrice: new(exchange.MustPrice("1")),
				PegOffset: new(exchange.MustPrice("-1.5")), Text: "why"})
		}, `PUT /order {"orderID":"id-one","orderQty":200,"stopPx":1,"pegOffsetValue":-1.5,"text":"why"}`,
			"amend of id-one refused: no", false},
		"amendment of what is left": {func(a *account) error {
			return a.Amend(a.v.t.Context(), exchange.AmendOrder{Symbol: a.v.inst.ID, OrigClientID: "one",
				Leaves: new(exchange.Qty(200))})
		}, `PUT /order {"origClOrdID":"one","leavesQty":200}`, "amend of one refused: no", false},
		"cancellation": {func(a *account) error {
			return a.Cancel(a.v.t.Context(), exchange.CancelOrder{Symbol: a.v.inst.ID, ClientID: "one", Text: "why"})
		}, `DELETE /order {"clOrdID":["one"],"text":"why"}`, "cancel of one refused: no", false},
		"cancellation by the venue's id": {func(a *account) error {
			return a.Cancel(a.v.t.Context(), exchange.CancelOrder{Symbol: a.v.inst.ID, OrderID: "id-one"})
		}, `DELETE /order {"orderID":["id-one"]}`, "cancel of id-one refused: no", false},
		"cancellation of all": {func(a *account) error {
			return a.CancelAll(a.v.t.Context(), exchange.CancelFilter{Symbol: a.v.inst.ID, Side: exchange.Buy,
				Text: "why"})
		}, `DELETE /order/all {"filter":{"side":"Buy"},"symbol":"XBTUSD","text":"why"}`,
			"cancelAll of  refused: no", false},
		"cancellation of all symbols": {func(a *account) error {
			return a.CancelAll(a.v.t.Context(), exchange.CancelFilter{AllSymbol: true})
		}, `DELETE /order/all {}`, "cancelAll of  refused: no", false},
		"closing": {func(a *account) error {
			_, err := a.ClosePosition(a.v.t.Context(), a.v.inst.ID)
			return err
		}, `POST /order {"symbol":"XBTUSD","clOrdID":"`, "", true},
		"leverage": {func(a *account) error {
			return a.SetLeverage(a.v.t.Context(), a.v.inst.ID, exchange.MustRatio("12.5"))
		}, `POST /position/leverage {"leverage":12.5,"symbol":"XBTUSD"}`, "leverage of  refused: no", false},
		"margin": {func(a *account) error {
			return a.TransferMargin(a.v.t.Context(), a.v.inst.ID, -70)
		}, `POST /position/transferMargin {"amount":-70,"symbol":"XBTUSD"}`, "transferMargin of  refused: no", false},
		"risk limit": {func(a *account) error {
			return a.SetRiskLimit(a.v.t.Context(), a.v.inst.ID, 1)
		}, `POST /position/riskLimit {"riskLimit":1,"symbol":"XBTUSD"}`, "riskLimit of  refused: no", false},
		"dead man's switch": {func(a *account) error {
			return a.CancelAllAfter(a.v.t.Context(),
				1500*time.Millisecond)
		},
			`POST /order/cancelAllAfter {"timeout":1500}`, "cancelAllAfter of  refused: no", false},
		"dead man's switch, disarmed": {func(a *account) error { return a.CancelAllAfter(a.v.t.Context(), 0) },
			`POST /order/cancelAllAfter {"timeout":0}`, "cancelAllAfter of  refused: no", false},
	} {
		for _, refused := range []bool{false, true} {
			t.Run(name+map[bool]string{true: " refused"}[refused], func(t *testing.T) {
				v := newVenue(t)
				a := v.connect(nil)
				a.place("one")
				v.change(func() {
					v.asked = nil
					v.hook = func(verb, _, _ string) (int, string) {
						if verb != http.MethodGet && refused {
							return 400, refusal("no")
						}
						return 0, ""
					}
				})
				require.NoError(t, c.give(a))
				a.flush()
				require.Len(t, v.commands(), 1)
				if strings.HasSuffix(c.sent, "}") {
					require.Equal(t, c.sent, v.commands()[0])
				} else {
					require.Contains(t, v.commands()[0], c.sent)
				}
				var reason string
				if n := slices.IndexFunc(
					a.reports,
					func(r exchange.Report) bool { return r.Kind == exchange.ReportOrder },
				); n >= 0 {
					reason = a.reports[n].Order.RejectReason
				}
				said := a.said()
				switch {
				case !refused:
					require.Empty(t, said)
				case c.never:
					require.Len(t, said, 1)
					require.Contains(t, said[0], cmp.Or(c.said, " Rejected, Rejected"))
					require.Equal(t, "no", reason)
				default:
					require.Equal(t, []string{c.said}, said)
				}
				outcome := func(label string) float64 {
					return testutil.ToFloat64(a.metrics.Orders.WithLabelValues(label))
				}
				if refused && !c.never {
					require.InDelta(t, 1, outcome("refused"), 0)
				}
				if c.never {
					require.InDelta(t, map[bool]float64{true: 1, false: 0}[refused], outcome("rejected"), 0)
				}
			})
		}
	}
}

// What is wrong with a command is said at once, names the symbol and the field, and is not
// sent; and after the end nothing is.
func TestInvalidCommandsOfAnAccount(t *testing.T) {
	v := newVenue(t)
	a := v.connect(nil)
	eth, err := v.set.Lookup("bitmex", "ETHUSD")
	require.NoError(t, err)
	ctx := t.Context()
	bad := v.limit("bad")
	bad.Qty = -1
	far := v.limit("far")
	far.Symbol = eth.ID
	const named = "bitmex:XBTUSD: "
	for name, c := range map[string]struct {
		give func() error
		want string
	}{
		"order":           {func() error { _, err := a.Submit(ctx, bad); return err }, named + "orderQty"},
		"order elsewhere": {func() error { _, err := a.Submit(ctx, far); return err }, "symbol #"},
		"amendment": {func() error {
			return a.Amend(ctx, exchange.AmendOrder{Symbol: v.inst.ID, OrigClientID: "one", Qty: new(exchange.Qty(-1))})
		}, named},
		"amendment there": {func() error {
			return a.Amend(ctx, exchange.AmendOrder{Symbol: eth.ID,
				OrigClientID: "one"})
		}, "symbol #"},
		"cancellation": {func() error { return a.Cancel(ctx, exchange.CancelOrder{Symbol: v.inst.ID}) },
			named + "orderID"},
		"cancel elsewhere": {func() error {
			return a.Cancel(ctx, exchange.CancelOrder{Symbol: eth.ID,
				ClientID: "x"})
		}, "symbol #"},
		"all of a side that does not exist": {func() error {
			return a.CancelAll(ctx, exchange.CancelFilter{Symbol: v.inst.ID, Side: 3})
		}, named + `side "invalid(3)"`},
		"all with a long text": {func() error {
			return a.CancelAll(ctx, exchange.CancelFilter{AllSymbol: true, Text: strings.Repeat("x", exchange.MaxText+1)})
		}, named + "text"},
		"all elsewhere": {func() error { return a.CancelAll(ctx, exchange.CancelFilter{Symbol: eth.ID}) },
			"symbol #"},
		"close elsewhere":  {func() error { _, err := a.ClosePosition(ctx, eth.ID); return err }, "symbol #"},
		"leverage":         {func() error { return a.SetLeverage(ctx, v.inst.ID, -1) }, named + "leverage"},
		"leverage there":   {func() error { return a.SetLeverage(ctx, eth.ID, 1) }, "symbol #"},
		"margin":           {func() error { return a.TransferMargin(ctx, v.inst.ID, 0) }, named + "amount"},
		"margin elsewhere": {func() error { return a.TransferMargin(ctx, eth.ID, 1) }, "symbol #"},
		"risk limit":       {func() error { return a.SetRiskLimit(ctx, v.inst.ID, 0) }, named + "riskLimit"},
		"risk limit below": {func() error { return a.SetRiskLimit(ctx, v.inst.ID, -15) }, named + `riskLimit "-15"`},
		"risk elsewhere":   {func() error { return a.SetRiskLimit(ctx, eth.ID, 1) }, "symbol #"},
		"switch":           {func() error { return a.CancelAllAfter(ctx, -1) }, "timeout"},
	} {
		require.ErrorContains(t, c.give(), c.want, name)
	}
	a.flush()
	require.Empty(t, v.commands())
	require.NoError(t, a.Close())
	require.NoError(t, a.Close(), "twice is no error")
	for name, give := range map[string]func() error{
		"order":      func() error { _, err := a.Submit(ctx, v.limit("x")); return err },
		"cancel":     func() error { return a.Cancel(ctx, exchange.CancelOrder{Symbol: v.inst.ID, ClientID: "x"}) },
		"cancel all": func() error { return a.CancelAll(ctx, exchange.CancelFilter{AllSymbol: true}) },
		"switch":     func() error { return a.CancelAllAfter(ctx, 0) },
		"advance":    func() error { _, err := a.Advance(ctx, exchange.Never, nil); return err },
	} {
		require.ErrorIs(t, give(), exchange.ErrClosed, name)
	}
	require.Equal(t, exchange.Never, a.Next())
	require.Empty(t, v.commands())
}

// What is wrong with the settings of an account, and a venue that refuses or does not show
// the account in time, is an error.
func TestConnectFails(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*bitmex.ExchangeConfig, *venue)
		want   string
	}{
		"no key": {func(c *bitmex.ExchangeConfig,
			v *venue) {
			c.Config = bitmex.Config{URL: v.server.URL}
		}, "an account needs a key"},
		"no URL": {func(c *bitmex.ExchangeConfig, _ *venue) { c.URL = "" }, "URL is needed"},
		"no symbols": {func(c *bitmex.ExchangeConfig, _ *venue) { c.Symbols = nil },
			"instruments and symbols are needed"},
		"no instruments": {func(c *bitmex.ExchangeConfig, _ *venue) { c.Instruments = nil },
			"instruments and symbols are needed"},
		"negative lanes": {func(c *bitmex.ExchangeConfig, _ *venue) { c.CancelConnections = -1 },
			"-1 connections for cancellations: want 0 to 64"},
		"too many lanes": {func(c *bitmex.ExchangeConfig, _ *venue) { c.CancelConnections = 65 },
			"65 connections for cancellations: want 0 to 64"},
		"hasty switch": {func(c *bitmex.ExchangeConfig, _ *venue) { c.DeadMan = time.Second - 1 },
			"want 0 or at least 1s"},
		"switch in the past": {func(c *bitmex.ExchangeConfig, _ *venue) { c.DeadMan = -time.Second },
			"want 0 or at least 1s"},
		"a key that is not valid": {func(_ *bitmex.ExchangeConfig, v *venue) {
			v.refuse = `{"status":401,"error":"Invalid API Key.","meta":{},"request":{"op":"authKeyExpires"}}`
		}, "connect: 401 WebsocketError: Invalid API Key."},
		"a key that may not": {func(_ *bitmex.ExchangeConfig, v *venue) {
			v.refuse = `{"status":403,"error":"Forbidden.","meta":{},"request":{"op":"authKeyExpires"}}`
		}, "connect: 403 WebsocketError: Forbidden."},
		"silence": {func(c *bitmex.ExchangeConfig, v *venue) { v.dumb, c.Policy.Timeout = true, 100*time.Millisecond },
			"the stream did not show the account in time"},
		"no answer after a reconnection": {func(c *bitmex.ExchangeConfig, v *venue) {
			v.dumb, c.Policy.Timeout, c.Known = true, 20*time.Millisecond, &live.Known{}
		}, "the stream did not show the account in time"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVenue(t)
			config := v.config()
			c.change(&config, v)
			_, err := bitmex.Connect(t.Context(), config)
			require.ErrorContains(t, err, c.want)
		})
	}
	v := newVenue(t)
	v.dumb = true
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := bitmex.Connect(ctx, v.config())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	v = newVenue(t)
	config := v.config()
	config.CancelConnections, config.DeadMan = 64, time.Second
	x, err := bitmex.Connect(t.Context(), config)
	require.NoError(t, err)
	require.NoError(t, x.Close())
}

// The dead man's switch is refreshed also by a venue that takes longer than the time between
// refreshes, and after one that failed; it is disarmed last, and left armed by a client that
// is abandoned.
func TestSwitchIsRefreshed(t *testing.T) {
	for name, c := range map[string]struct {
		hook    func(n int64) (int, string)
		abandon bool
	}{
		"at once": {},
		"slowly": {hook: func(int64) (int, string) {
			time.Sleep(400 * time.Millisecond)
			return 0, ""
		}},
		"after failures": {hook: func(n int64) (int, string) {
			if n < 3 {
				return 400, refusal("no")
			}
			return 0, ""
		}},
		"after outages": {hook: func(n int64) (int, string) {
			if n < 7 {
				return 503, refusal("overloaded")
			}
			return 0, ""
		}, abandon: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVenue(t)
			var asked, taken atomic.Int64
			v.hook = func(_, path, _ string) (int, string) {
				if path != "/order/cancelAllAfter" {
					return 0, ""
				}
				status, answer := 0, ""
				if c.hook != nil {
					status, answer = c.hook(asked.Add(1))
				}
				if status == 0 {
					taken.Add(1)
				}
				return status, answer
			}
			a := v.connect(func(c *bitmex.ExchangeConfig) { c.DeadMan = time.Second })
			a.eventually("it is refreshed", func() bool { return taken.Load() >= 3 })
			if c.abandon {
				require.NoError(t, a.Abandon())
			} else {
				require.NoError(t, a.Close())
			}
			commands := v.commands()
			for _, text := range commands[:len(commands)-1] {
				require.Equal(t, `POST /order/cancelAllAfter {"timeout":1000}`, text)
			}
			want := `POST /order/cancelAllAfter {"timeout":0}`
			if c.abandon {
				want = `POST /order/cancelAllAfter {"timeout":1000}`
			}
			require.Equal(t, want, commands[len(commands)-1])
		})
	}
	v := newVenue(t)
	a := v.connect(nil)
	require.NoError(t, a.Close())
	require.Empty(t, v.commands(), "without a switch there is nothing to disarm")
}

// A venue that refuses to disarm the switch makes an error that says what was refused.
func TestSwitchIsNotDisarmed(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		answer string
		want   string
	}{
		"rate limit": {429, `{"error":{"message":"Rate limit exceeded, retry in 1 seconds.","name":"RateLimitError"}}`,
			"disarm the dead man's switch: 429 RateLimitError: Rate limit exceeded"},
		"refusal":  {403, refusal("Access Denied"), "disarm the dead man's switch: 403 HTTPError: Access Denied"},
		"overload": {503, refusal("overloaded"), "disarm the dead man's switch: 503 HTTPError: overloaded"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVenue(t)
			v.hook = func(_, path, body string) (int, string) {
				if path == "/order/cancelAllAfter" && strings.Contains(body, `"timeout":0`) {
					return c.status, c.answer
				}
				return 0, ""
			}
			a := v.connect(func(c *bitmex.ExchangeConfig) { c.DeadMan = time.Minute })
			a.flush()
			require.ErrorContains(t, a.Close(), c.want)
			require.NoError(t, a.Close(), "it is closed")
		})
	}
}

// What becomes of commands is in the log, with the names of the order; so is that the outcome
// of a request is not known.
func TestCommandsAreLogged(t *testing.T) {
	v := newVenue(t)
	log := new(lockedBuffer)
	a := v.connect(func(c *bitmex.ExchangeConfig) { c.Log = slog.New(slog.NewTextHandler(log, nil)) })
	a.place("one")
	require.Regexp(t,
		`level=INFO msg="order placed" outcome=placed .*order_id=id-one client_id=one status=New`,
		log.String())
	answer := func(status int, text string) {
		v.change(func() {
			v.hook = func(verb, _, _ string) (int, string) {
				if verb == http.MethodGet {
					return 0, ""
				}
				return status, text
			}
		})
	}
	amend := func() {
		require.NoError(t, a.Amend(t.Context(), exchange.AmendOrder{Symbol: v.inst.ID, OrigClientID: "one",
			Price: new(exchange.MustPrice("20001"))}))
		a.flush()
	}
	amend()
	require.Regexp(t, `level=INFO msg="command done" .*command=amend symbol=XBTUSD .*client_id=one`, log.String())
	answer(502, "<html>")
	amend()
	require.Regexp(t,
		`level=WARN msg="the outcome of an amendment is not known" .*client_id=one error=.*502`,
		log.String())
	require.Regexp(t,
		`level=WARN msg="a command was refused" .*command=amend .*client_id=one .*error="not amended`,
		log.String())
	_, err := a.Submit(t.Context(), v.limit("two"))
	require.NoError(t, err)
	a.flush()
	require.Regexp(t, `level=WARN msg="the outcome of an order is not known" client_id=two error=.*502`, log.String())
	require.Regexp(t, `level=WARN msg="order rejected" .*client_id=two .*error="not placed`, log.String())
	require.InDelta(t, 2, testutil.ToFloat64(a.metrics.Orders.WithLabelValues("unknown")), 0)
}

// lockedBuffer is a log that goroutines write and a test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A program that goes on, and whose orders were all answered, waits for nothing.
func TestNothingUnansweredIsNotWaitedFor(t *testing.T) {
	v := newVenue(t)
	began := time.Now()
	a := v.connect(func(c *bitmex.ExchangeConfig) {
		c.Known = &live.Known{Before: exchange.Time(at(t, "2023-05-01T00:00:00.000Z")) - 1}
		c.Policy.Backoff, c.Policy.MaxBackoff, c.Policy.Lookups = 4*time.Second, 4*time.Second, 3
	})
	a.flush()
	require.Less(t, time.Since(began), 3*time.Second)
}

// An order whose request is not answered, and which the venue says not to have, is not
// rejected if the stream has told of it meanwhile.
func TestStreamKnowsBetter(t *testing.T) {
	v := newVenue(t)
	a := v.connect(nil)
	v.change(func() {
		v.hook = func(verb, path, _ string) (int, string) {
			if verb == http.MethodPost && path == "/order" {
				v.execute(v.executed("new", "New", v.row("one", "New", 0), 0))
				return 502, "<html>"
			}
			return 0, ""
		}
	})
	_, err := a.Submit(t.Context(), v.limit("one"))
	require.NoError(t, err)
	a.flush()
	require.Equal(t, []string{"one New, New"}, a.said())
	require.InDelta(t, 1, testutil.ToFloat64(a.metrics.Orders.WithLabelValues("unknown")), 0)
	require.Zero(t, testutil.ToFloat64(a.metrics.Orders.WithLabelValues("rejected")))
}

// An overloaded venue is asked whether it has the order, and given it again while it has
// not; what it comes to is counted and reported once.
func TestOverloadedVenue(t *testing.T) {
	for name, c := range map[string]struct {
		busy     int    // so many times it is overloaded
		answer   string // then
		status   int
		posts    int
		said     []string
		counted  string
		lookedUp bool // it is there when it is asked for
	}{
		"it takes it then": {busy: 2, answer: `{"orderID":"id-one","clOrdID":"one","ordStatus":"New"}`,
			status: 200, posts: 3, counted: "placed"},
		"it rejects it then": {busy: 1,
			answer: `{"orderID":"id-one","clOrdID":"one","ordStatus":"Rejected"}`, status: 200, posts: 2,
			counted: "rejected"},
		"it refuses it then": {busy: 1, answer: refusal("no"), status: 400, posts: 2,
			said: []string{"one Rejected, Rejected"}, counted: "rejected"},
		"it has had it": {busy: 9, posts: 1, counted: "placed", lookedUp: true},
		"it says that it has had it": {busy: 1, answer: refusal("Duplicate clOrdID"), status: 400, posts: 4,
			said: []string{"one Rejected, Rejected"}, counted: "rejected"},
		"it is overloaded all along": {busy: 99, posts: 4, said: []string{"one Rejected, Rejected"},
			counted: "rejected"},
		"it does not answer the next": {busy: 1, answer: "<html>", status: 502, posts: 2,
			said: []string{"one Rejected, Rejected"}, counted: "rejected"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVenue(t)
			a := v.connect(nil)
			var posts atomic.Int64
			v.change(func() {
				v.hook = func(verb, path, _ string) (int, string) {
					if verb != http.MethodPost || path != "/order" {
						return 0, ""
					}
					if c.lookedUp {
						v.change(func() { v.orders = []api.Order{v.row("one", "New", 0)} })
					}
					if int(posts.Add(1)) <= c.busy {
						return 503, refusal("overloaded")
					}
					return c.status, c.answer
				}
			})
			_, err := a.Submit(t.Context(), v.limit("one"))
			require.NoError(t, err)
			a.flush()
			require.Equal(t, c.said, a.said())
			require.EqualValues(t, c.posts, posts.Load())
			require.InDelta(t, 1, testutil.ToFloat64(a.metrics.Orders.WithLabelValues(c.counted)), 0)
		})
	}
}

// Executions that come before the missed ones were asked for, twice, late, or of a symbol
// that is not traded, are reported once, in their order, and as what they are.
func TestExecutionsOnce(t *testing.T) {
	v := newVenue(t)
	filled := v.executed("f1", "Trade", v.row("one", "PartiallyFilled", 40), 40)
	v.frames = []string{}
	a := v.connect(nil)
	a.place("one")
	v.execute(filled)
	v.execute(filled)
	a.flush()
	require.Equal(t, []string{"one filled 40, position 40"}, a.said())
	elsewhere := filled
	elsewhere.ExecID, elsewhere.Symbol = "f2", "ETHUSD"
	v.execute(elsewhere)
	late := v.executed("n2", "New", v.row("one", "New", 0), 0)
	v.execute(late)
	a.flush()
	require.Empty(t, a.said(), "what is not ours, and what is no longer true")
	missed := v.executed("f3", "Trade", v.row("one", "Filled", 100), 60)
	v.change(func() {
		v.orders = []api.Order{v.row("one", "Filled", 100)}
		v.executions = []api.Execution{v.executed("new-one", "New", v.row("one", "New", 0), 0), filled, missed}
		v.positions = []api.Position{{Symbol: "XBTUSD", CurrentQty: new(int64(100)), Timestamp: at(t, began)}}
	})
	v.cut()
	a.eventually("what was missed", func() bool {
		return slices.ContainsFunc(a.reports, func(r exchange.Report) bool { return r.Kind == exchange.ReportFill })
	})
	a.flush()
	require.Equal(t, []string{"one filled 60, position 100"}, a.said())
	require.Zero(t, testutil.ToFloat64(a.metrics.Differences))
	require.InDelta(t, 1, testutil.ToFloat64(a.metrics.Gaps), 0)
}

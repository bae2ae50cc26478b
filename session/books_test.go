package session_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/session"
)

// account is a live session's account that is told what a test wants it to know.
type account struct {
	*session.Live
	xbt, eth exchange.SymbolID
}

func newAccount(t *testing.T) *account {
	t.Helper()
	set, xbt := instruments(t)
	eth, err := set.Lookup("bitmex", "ETHUSD")
	require.NoError(t, err)
	symbols := []exchange.SymbolID{xbt, eth.ID}
	return &account{session.NewLive(session.LiveConfig{Instruments: set, Symbols: symbols}), xbt, eth.ID}
}

// placed is an order that was sent and is acknowledged.
func (a *account) placed(id string, s exchange.SymbolID, side exchange.Side) exchange.Order {
	a.Note(
		session.Command{
			Kind: "submit",
			New:  &exchange.NewOrder{ClientID: exchange.ClientID(id), Symbol: s, Side: side, Qty: 100},
		},
	)
	o := exchange.Order{
		OrderID:   exchange.OrderID("id-" + id),
		ClientID:  exchange.ClientID(id),
		Symbol:    s,
		Side:      side,
		Qty:       100,
		Leaves:    100,
		Price:     10,
		StopPrice: 20,
		PegOffset: 30,
		Status:    exchange.New,
	}
	a.hear(o)
	return o
}

func (a *account) hear(o exchange.Order) {
	a.Hear(exchange.Report{Kind: exchange.ReportOrder, Symbol: o.Symbol, Order: o})
}

// open are the names of the orders that a new connection is told of, those that were not
// answered in brackets.
func (a *account) open() string {
	var names []string
	k := a.Known(session.VenueState{})
	for n := range k.Open {
		names = append(names, string(k.Open[n].ClientID))
	}
	for n := range k.Unanswered {
		names = append(names, "("+string(k.Unanswered[n].ClientID)+")")
	}
	return strings.Join(names, " ")
}

// An amendment is in doubt until the order is reported as it wants it, under whatever name,
// or it is refused.
func TestAmendmentsInDoubt(t *testing.T) {
	for name, c := range map[string]struct {
		amend  exchange.AmendOrder
		change func(*exchange.Order)
	}{
		"quantity": {exchange.AmendOrder{Qty: new(exchange.Qty(200))}, func(o *exchange.Order) { o.Qty = 200 }},
		"leaves":   {exchange.AmendOrder{Leaves: new(exchange.Qty(50))}, func(o *exchange.Order) { o.Leaves = 50 }},
		"price":    {exchange.AmendOrder{Price: new(exchange.Price(11))}, func(o *exchange.Order) { o.Price = 11 }},
		"stop price": {exchange.AmendOrder{StopPrice: new(exchange.Price(21))},
			func(o *exchange.Order) { o.StopPrice = 21 }},
		"peg's offset": {exchange.AmendOrder{PegOffset: new(exchange.Price(31))},
			func(o *exchange.Order) { o.PegOffset = 31 }},
	} {
		for _, by := range []string{"client", "venue"} {
			for _, end := range []string{"made", "renamed", "refused", "refused by the venue's id", "cancelled"} {
				t.Run(name+" "+by+" "+end, func(t *testing.T) {
					a := newAccount(t)
					other := a.placed("other", a.xbt, exchange.Buy)
					o := a.placed("one", a.xbt, exchange.Buy)
					amend := c.amend
					amend.Symbol = a.xbt
					if by == "client" {
						amend.OrigClientID = o.ClientID
					} else {
						amend.OrderID = o.OrderID
					}
					a.Note(session.Command{Kind: "amend", Amend: &amend})
					require.Equal(t, []exchange.ClientID{"one"}, a.Doubtful())
					a.hear(o)
					a.hear(other)
					require.Equal(t, []exchange.ClientID{"one"}, a.Doubtful(), "it is as it was")
					want := "other one"
					switch end {
					case "made":
						c.change(&o)
						a.hear(o)
					case "renamed":
						o.ClientID = "two"
						c.change(&o)
						a.hear(o)
						want = "other two"
					case "refused":
						a.Hear(
							exchange.Report{
								Kind:   exchange.ReportReject,
								Reject: exchange.Reject{Command: "amend", ClientID: "one"},
							},
						)
					case "refused by the venue's id":
						a.Hear(
							exchange.Report{
								Kind:   exchange.ReportReject,
								Reject: exchange.Reject{Command: "amend", OrderID: "id-one"},
							},
						)
					case "cancelled":
						o.Status = exchange.Canceled
						a.hear(o)
						want = "other"
					}
					require.Empty(t, a.Doubtful())
					require.Equal(t, want, a.open())
				})
			}
		}
	}
}

// A cancellation is in doubt until it is answered; one of all orders is, of those that it
// selects. An order that the venue has not acknowledged is asked for anyway.
func TestCancellationsInDoubt(t *testing.T) {
	for name, c := range map[string]struct {
		command session.Command
		want    string
	}{
		"one": {session.Command{Kind: "cancel", Cancel: &exchange.CancelOrder{ClientID: "xbt-sell"}},
			"xbt-sell"},
		"one by its id": {session.Command{Kind: "cancel",
			Cancel: &exchange.CancelOrder{OrderID: "id-eth-buy"}}, "eth-buy"},
		"none of that name": {session.Command{Kind: "cancel", Cancel: &exchange.CancelOrder{ClientID: "else"}}, ""},
		"none of that id":   {session.Command{Kind: "cancel", Cancel: &exchange.CancelOrder{OrderID: "else"}}, ""},
		"all": {session.Command{Kind: "cancelAll", Filter: &exchange.CancelFilter{AllSymbol: true}},
			"xbt-buy xbt-sell eth-buy eth-sell"},
		"all of a symbol": {session.Command{Kind: "cancelAll", Filter: &exchange.CancelFilter{Symbol: 1}},
			"eth-buy eth-sell"},
		"all of a side": {session.Command{Kind: "cancelAll", Filter: &exchange.CancelFilter{AllSymbol: true,
			Side: exchange.Sell}}, "xbt-sell eth-sell"},
		"of symbol and side": {session.Command{Kind: "cancelAll", Filter: &exchange.CancelFilter{Symbol: 1,
			Side: exchange.Buy}}, "eth-buy"},
		"something else": {session.Command{Kind: "leverage"}, ""},
	} {
		for _, others := range []bool{false, true} { // orders that the session has not sent
			t.Run(fmt.Sprintf("%s, others %t", name, others), func(t *testing.T) {
				a := newAccount(t)
				if c.command.Filter != nil && !c.command.Filter.AllSymbol {
					c.command.Filter.Symbol = a.eth
				}
				orders := map[exchange.ClientID]exchange.Order{}
				for _, s := range []struct {
					name   string
					symbol exchange.SymbolID
				}{{"xbt", a.xbt}, {"eth", a.eth}} {
					for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
						o := exchange.Order{Symbol: s.symbol, Side: side, Status: exchange.New,
							ClientID: exchange.ClientID(s.name + "-" + strings.ToLower(side.String()))}
						o.OrderID = exchange.OrderID("id-" + o.ClientID)
						if others {
							a.hear(o)
						} else {
							o = a.placed(string(o.ClientID), s.symbol, side)
						}
						orders[o.ClientID] = o
					}
				}
				a.Note(
					session.Command{
						Kind: "submit",
						New:  &exchange.NewOrder{ClientID: "travels", Symbol: a.eth, Side: exchange.Buy},
					},
				)
				a.Note(c.command)
				var names []string
				for _, id := range a.Doubtful() {
					names = append(names, string(id))
				}
				require.Equal(t, c.want, strings.Join(names, " "))
				require.Equal(t, "xbt-buy xbt-sell eth-buy eth-sell (travels)", a.open())
				for _, id := range a.Doubtful() {
					o := orders[id]
					o.Status = exchange.Canceled
					a.hear(o)
				}
				require.Empty(t, a.Doubtful())
				for id := range orders {
					require.Equal(t, !strings.Contains(c.want, string(id)), strings.Contains(a.open(), string(id)))
				}
			})
		}
	}
}

// A new connection is told of the newest executions, of what was there before the session,
// and of positions as fills and the venue's rows make them.
func TestWhatAConnectionIsTold(t *testing.T) {
	a := newAccount(t)
	const many = 5003
	for n := range many {
		a.Hear(exchange.Report{Kind: exchange.ReportFunding, ExecID: fmt.Sprint("e", n), Time: exchange.Time(n + 1),
			Funding: exchange.FundingPayment{Symbol: a.xbt, Amount: -1}})
	}
	a.Hear(exchange.Report{Kind: exchange.ReportMargin, Time: many + 9}) // is no execution
	k := a.Known(session.VenueState{Before: 7, Executions: []string{"before"}})
	require.Equal(t, exchange.Time(7), k.Before)
	require.Equal(t, exchange.Time(many), k.Since)
	require.Len(t, k.Executions, 5001)
	require.Equal(t, "before", k.Executions[0])
	require.NotContains(t, k.Executions, "e2")
	for _, id := range []string{"e3", "e4", "e5000", "e5002"} {
		require.Contains(t, k.Executions, id)
	}
	require.Equal(t, exchange.Money(-many), a.Totals().Funding)

	fill := func(side exchange.Side, qty, position exchange.Qty, value exchange.Money, at exchange.Time) {
		a.Hear(
			exchange.Report{
				Kind:   exchange.ReportFill,
				ExecID: fmt.Sprint("f", at),
				Time:   at,
				Fill: exchange.Fill{Symbol: a.eth, Side: side, Qty: qty,
					Price: exchange.MustPrice("2000"), Value: value, Position: position, Realised: 2, Fee: 1, Time: at},
			},
		)
	}
	at := start
	basis := func() exchange.Basis { return a.Known(session.VenueState{}).Positions[a.eth] }
	fill(exchange.Buy, 10, 10, 5000, at)
	require.Equal(t, exchange.BasisOf(10, 5000), basis())
	fill(exchange.Sell, 4, 6, 2400, at+1)
	require.Equal(t, exchange.Qty(6), basis().Qty)
	require.Equal(t, exchange.Qty(6), a.Position(a.eth).Qty)
	require.Equal(t, session.Totals{Funding: -many, Realised: 4, Fees: 2, Turnover: 7400}, a.Totals())

	// The venue's row counts if it is newer than the newest fill.
	row := exchange.Position{Symbol: a.eth, Qty: 9, Cost: 4321, Time: at}
	a.Hear(exchange.Report{Kind: exchange.ReportPosition, Position: row})
	require.Equal(t, exchange.Qty(6), basis().Qty, "it is older than the newest fill")
	row.Time = at + 1
	a.Hear(exchange.Report{Kind: exchange.ReportPosition, Position: row})
	require.Equal(t, exchange.Qty(6), basis().Qty, "it is of the same time")
	row.Time = at + 2
	a.Hear(exchange.Report{Kind: exchange.ReportPosition, Position: row})
	require.Equal(t, exchange.BasisOf(9, 4321), basis())
	require.Equal(t, row, a.Position(a.eth))

	// A fill that says of another position than the one that is known is believed.
	row.Cost = 7000
	a.Hear(exchange.Report{Kind: exchange.ReportPosition, Position: row})
	fill(exchange.Buy, 10, 30, 5000, at+3)
	require.Equal(t, exchange.BasisOf(30, 12000), basis())

	require.Equal(t, exchange.Margin{}, a.Opening())
	a.Hear(exchange.Report{Kind: exchange.ReportMargin, Margin: exchange.Margin{Wallet: 5}})
	a.Hear(exchange.Report{Kind: exchange.ReportMargin, Margin: exchange.Margin{Wallet: 6}})
	require.Equal(t, exchange.Money(5), a.Opening().Wallet)
	require.Equal(t, exchange.Money(6), a.Margin().Wallet)
}

// What may not have been sent is dealt with once the venue has told how the account is, and
// not before: an order that has ended meanwhile is left alone.
func TestRepeatsWaitForTheAccount(t *testing.T) {
	for name, ended := range map[string]bool{"open": false, "ended": true} {
		t.Run(name, func(t *testing.T) {
			d, dir := &desk{deaf: true}, t.TempDir()
			var refused []string
			fresh := func() engine.Strategy {
				return &regretful{trader: trader{trade: func(ctx *engine.Context, n int) {
					switch n {
					case 1, 2:
						_, _ = ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0)
					case 40:
						_ = ctx.Cancel(ctx.Symbol(), "dun-1")
						_ = ctx.Amend(
							exchange.AmendOrder{
								Symbol:       ctx.Symbol(),
								OrigClientID: "dun-2",
								Qty:          new(exchange.Qty(200)),
							},
						)
					}
				}}, refused: &refused}
			}
			crashed, _ := onDesk(t, d, dir, fresh, func(_ *session.Session, c *session.Commit) {
				if c.State.Commands == 4 {
					panic("crash")
				}
			}, true)
			require.Equal(t, "crash", crashed)
			d.sent, d.deaf, d.silent = nil, false, true
			silence, after := 0, 0
			_, err := onDesk(t, d, dir, fresh, func(s *session.Session, _ *session.Commit) {
				if silence++; silence < 10 {
					require.Empty(t, d.sent)
					require.Empty(t, refused)
					return
				}
				if silence == 10 {
					if ended {
						for _, id := range d.placed {
							d.acknowledge(&exchange.NewOrder{ClientID: id}, exchange.Canceled, exchange.ExecCanceled)
						}
						d.placed = nil
					}
					d.say(
						exchange.Report{
							Kind:   exchange.ReportMargin,
							Margin: exchange.Margin{Wallet: 5_000_000, Balance: 5_000_000},
						},
					)
				}
				if after++; after > 10 {
					s.Ask(session.Suspend)
				}
			}, true)
			require.ErrorIs(t, err, session.ErrSuspended)
			if ended {
				require.Empty(t, d.sent)
				require.Empty(t, refused)
			} else {
				require.Equal(t, []string{"cancel dun-1"}, d.sent)
				require.Equal(t, []string{"amend dun-2"}, refused)
			}
			replayed(t, dir, fresh)
		})
	}
}

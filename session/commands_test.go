package session_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/session"
)

// broker is a desk that writes down every command in full, and may refuse those that come
// after the first.
type broker struct {
	*desk
	got     []string
	refusal error
}

func (b *broker) connect(ctx context.Context, known *live.Known, notice func(live.Notice)) (session.Venue, error) {
	if _, err := b.desk.connect(ctx, known, notice); err != nil {
		return nil, err
	}
	return b, nil
}

// note writes a command down.
func (b *broker) note(format string, args ...any) error {
	b.got = append(b.got, fmt.Sprintf(format, args...))
	if len(b.got) > 1 {
		return b.refusal
	}
	return nil
}

func (b *broker) Submit(ctx context.Context, o exchange.NewOrder) (exchange.ClientID, error) {
	if err := b.note("submit %+v", o); err != nil {
		return "", err
	}
	return b.desk.Submit(ctx, o)
}

func (b *broker) Amend(_ context.Context, a exchange.AmendOrder) error {
	text := fmt.Sprintf("amend #%d %q %q as %q, %q", a.Symbol, a.OrderID, a.OrigClientID, a.ClientID, a.Text)
	for _, p := range []*exchange.Price{a.Price, a.StopPrice, a.PegOffset} {
		text += " " + optional(p)
	}
	return b.note("%s %s %s", text, optional(a.Qty), optional(a.Leaves))
}

func optional[T any](v *T) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(*v)
}

func (b *broker) Cancel(_ context.Context, c exchange.CancelOrder) error {
	return b.note("cancel #%d %q %q, %q", c.Symbol, c.OrderID, c.ClientID, c.Text)
}

func (b *broker) CancelAll(_ context.Context, f exchange.CancelFilter) error {
	return b.note("cancel all #%d %t %s, %q", f.Symbol, f.AllSymbol, f.Side, f.Text)
}

func (b *broker) SetLeverage(_ context.Context, s exchange.SymbolID, leverage exchange.Ratio) error {
	return b.note("leverage #%d %s", s, leverage)
}

func (b *broker) CancelAllAfter(_ context.Context, timeout time.Duration) error {
	return b.note("dead man's switch %s", timeout)
}

func (b *broker) TransferMargin(_ context.Context, s exchange.SymbolID, amount exchange.Money) error {
	return b.note("transfer #%d %d", s, amount)
}

func (b *broker) SetRiskLimit(_ context.Context, s exchange.SymbolID, limit exchange.Money) error {
	return b.note("risk limit #%d %d", s, limit)
}

// modest is a venue that has no margin to control.
type modest struct{ session.Venue }

// stopLimit is an order with something in every field.
func stopLimit(text string) exchange.NewOrder {
	return exchange.NewOrder{
		ClientID:    "full",
		LinkID:      "link",
		Side:        exchange.Sell,
		Qty:         300,
		DisplayQty:  100,
		Price:       exchange.MustPrice("41000.5"),
		StopPrice:   exchange.MustPrice("41001"),
		Type:        exchange.StopLimit,
		PegOffset:   exchange.MustPrice("-5"),
		PegType:     exchange.TrailingStopPeg,
		TimeInForce: exchange.GoodTillCancel,
		ExecInst:    exchange.LastPrice,
		Contingency: exchange.OneCancelsTheOther,
		Text:        text,
	}
}

// A command of each kind is kept before it is sent, reaches the venue with all that it says,
// is the same when the session is played again, and, if the client refuses it, comes back as
// a report that names it. A strategy that says something else in any field is found out.
func TestEveryCommand(t *testing.T) {
	tick := exchange.MustPrice("0.5")
	for name, c := range map[string]struct {
		give func(ctx *engine.Context, l *session.Live, other bool) error // other: another value in one field
		kind string                                                       // as the database and refusals name it
		all  bool                                                         // it is about no symbol
		want string                                                       // what the venue is told; empty: submits
		sent string                                                       // of an order, what it says
		ids  [2]string                                                    // order id and client id of a refusal
	}{
		"order": {
			give: func(ctx *engine.Context, _ *session.Live, other bool) error {
				o := stopLimit("why")
				if other {
					o.DisplayQty = 200
				}
				_, err := ctx.Submit(o)
				return err
			}, kind: "submit", sent: func() string { o := stopLimit("why"); return fmt.Sprintf("submit %+v", o) }(),
		},
		"close": {
			give: func(ctx *engine.Context, _ *session.Live, other bool) error {
				if other {
					_, err := ctx.Submit(exchange.NewOrder{ClientID: "dun-c1", Type: exchange.Market,
						Side:     exchange.Sell,
						ExecInst: exchange.Close})
					return err
				}
				id, err := ctx.ClosePosition(ctx.Symbol())
				if err == nil && id != "dun-c1" {
					return fmt.Errorf("the order's name is %q", id)
				}
				return err
			}, kind: "submit", sent: fmt.Sprintf("submit %+v", exchange.NewOrder{ClientID: "dun-c1",
				Type:        exchange.Market,
				TimeInForce: exchange.ImmediateOrCancel, ExecInst: exchange.Close}),
		},
		"amend by the client's id": {
			give: func(ctx *engine.Context, _ *session.Live, other bool) error {
				a := exchange.AmendOrder{OrigClientID: "dun-1", ClientID: "dun-1b",
					Price: new(exchange.MustPrice("10001")), Qty: new(exchange.Qty(200)), Text: "dearer"}
				if other {
					*a.Qty = 300
				}
				err := ctx.Amend(a)
				*a.Price, *a.Qty = 1, 1 // the caller may change them once the command is given
				return err
			}, kind: "amend", want: `amend #0 "" "dun-1" as "dun-1b", "dearer" 10001 - - 200 -`, ids: [2]string{"",
				"dun-1"},
		},
		"amend by the venue's id": {
			give: func(ctx *engine.Context, _ *session.Live, other bool) error {
				a := exchange.AmendOrder{OrderID: "id-dun-1", StopPrice: new(10002 * exchange.PriceUnit),
					PegOffset: new(3 * tick), Leaves: new(exchange.Qty(100))}
				if other {
					*a.PegOffset = tick
				}
				err := ctx.Amend(a)
				*a.StopPrice, *a.PegOffset, *a.Leaves = 1, 1, 1
				return err
			}, kind: "amend", want: `amend #0 "id-dun-1" "" as "", "" - 10002 1.5 - 100`, ids: [2]string{"id-dun-1",
				""},
		},
		"cancel": {
			give: func(ctx *engine.Context, _ *session.Live, other bool) error {
				id := exchange.ClientID("dun-1")
				if other {
					id = "dun-2"
				}
				return ctx.Cancel(ctx.Symbol(), id)
			}, kind: "cancel", want: `cancel #0 "" "dun-1", ""`, ids: [2]string{"", "dun-1"},
		},
		"cancel by the venue's id": {
			give: func(ctx *engine.Context, l *session.Live, other bool) error {
				c := exchange.CancelOrder{Symbol: ctx.Symbol(), OrderID: "id-dun-1", Text: "enough"}
				if other {
					c.Text = ""
				}
				return l.Cancel(context.Background(), c)
			}, kind: "cancel", want: `cancel #0 "id-dun-1" "", "enough"`, ids: [2]string{"id-dun-1", ""},
		},
		"cancel all of a symbol": {
			give: func(ctx *engine.Context, l *session.Live, other bool) error {
				if other {
					return l.CancelAll(context.Background(), exchange.CancelFilter{AllSymbol: true})
				}
				return ctx.CancelAll(ctx.Symbol())
			}, kind: "cancelAll", want: `cancel all #0 false , ""`,
		},
		"cancel all of a side": {
			give: func(_ *engine.Context, l *session.Live, other bool) error {
				f := exchange.CancelFilter{AllSymbol: true, Side: exchange.Buy, Text: "buys"}
				if other {
					f.Side = exchange.Sell
				}
				return l.CancelAll(context.Background(), f)
			}, kind: "cancelAll", all: true, want: `cancel all #0 true Buy, "buys"`,
		},
		"leverage": {
			give: func(ctx *engine.Context, _ *session.Live, other bool) error {
				if other {
					return ctx.SetLeverage(ctx.Symbol(), 0)
				}
				return ctx.SetLeverage(ctx.Symbol(), exchange.MustRatio("12.5"))
			}, kind: "leverage", want: "leverage #0 12.5",
		},
		"margin": {
			give: func(ctx *engine.Context, _ *session.Live, other bool) error {
				if other {
					return ctx.TransferMargin(ctx.Symbol(), 70)
				}
				return ctx.TransferMargin(ctx.Symbol(), -70)
			}, kind: "transferMargin", want: "transfer #0 -70",
		},
		"risk limit": {
			give: func(ctx *engine.Context, _ *session.Live, other bool) error {
				if other {
					return ctx.SetRiskLimit(ctx.Symbol(), 1)
				}
				return ctx.SetRiskLimit(ctx.Symbol(), 300_00000000)
			}, kind: "riskLimit", want: "risk limit #0 30000000000",
		},
		"dead man's switch": {
			give: func(_ *engine.Context, l *session.Live, other bool) error {
				if other {
					return l.CancelAllAfter(context.Background(), 0)
				}
				return l.CancelAllAfter(context.Background(), 5*time.Second)
			}, kind: "cancelAllAfter", all: true, want: "dead man's switch 5s",
		},
	} {
		for _, refused := range []string{"", "refused", "the venue has no such thing"} {
			margin := c.kind == "transferMargin" || c.kind == "riskLimit"
			if !margin && refused == "the venue has no such thing" {
				continue
			}
			t.Run(name+" "+refused, func(t *testing.T) {
				b, dir := &broker{desk: new(desk)}, t.TempDir()
				if refused == "refused" {
					b.refusal = errors.New("not now")
				}
				connect := b.connect
				if refused == "the venue has no such thing" {
					connect = func(ctx context.Context, k *live.Known, n func(live.Notice)) (session.Venue, error) {
						v, err := b.connect(ctx, k, n)
						return modest{v}, err
					}
				}
				var l *session.Live
				var given []error
				var rejects []exchange.Reject
				var rejected []exchange.Order
				fresh := func(other bool) engine.Strategy {
					r := &refusals{rejects: &rejects}
					placed := false
					r.trade = func(ctx *engine.Context, n int) {
						switch {
						case n == 1:
							_, _ = ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0)
						case placed:
							placed = false
							given = append(given, c.give(ctx, l, other))
						}
					}
					r.order = func(_ *engine.Context, o *exchange.Order) {
						placed = placed || o.Status == exchange.New && o.ClientID == "dun-1"
						if o.Status == exchange.Rejected {
							rejected = append(rejected, *o)
						}
					}
					return r
				}
				run := func(u setup, other bool) error {
					u.dir, u.live, u.keepOrders, u.made, u.venue = dir, true, true, fresh(other), connect
					if u.desk == nil {
						u.desk = b.desk
					}
					u.opened = func(it *session.Live) { l = it }
					_, err := u.run(t)
					return err
				}
				_, id := instruments(t)
				var s *session.Session
				err := run(setup{source: &told{id: id}, change: func(it *session.Session, _ *session.Store) { s = it },
					after: func(commit *session.Commit) {
						if len(commit.Commands) > 0 && commit.State.Commands == 2 {
							require.Len(t, b.got, 1, "it is kept before it is sent")
						}
						heard := refused == "" || len(rejects)+len(rejected) > 0
						if commit.State.Commands == 2 && len(commit.Commands) == 0 && heard {
							s.Ask(session.Suspend)
						}
					}}, false)
				require.ErrorIs(t, err, session.ErrSuspended)
				require.Equal(t, []error{nil}, given)
				want := c.want + c.sent
				if refused != "the venue has no such thing" {
					require.Equal(t, want, b.got[1])
				} else {
					require.Len(t, b.got, 1)
				}

				reason := map[string]string{"refused": "not now",
					"the venue has no such thing": c.kind + ": the venue has no such thing"}[refused]
				if refused != "" && c.sent != "" {
					require.Empty(t, rejects)
					require.Len(t, rejected, 1)
					o := rejected[0]
					require.Equal(t, reason, o.RejectReason)
					require.Positive(t, o.Time)
					require.Equal(t, o.Time, o.TransactTime)
					require.Equal(
						t,
						c.sent,
						"submit "+fmt.Sprintf("%+v", exchange.NewOrder{
							ClientID:    o.ClientID,
							LinkID:      o.LinkID,
							Symbol:      o.Symbol,
							Side:        o.Side,
							Qty:         o.Qty,
							Price:       o.Price,
							DisplayQty:  o.DisplayQty,
							StopPrice:   o.StopPrice,
							PegOffset:   o.PegOffset,
							PegType:     o.PegType,
							Type:        o.Type,
							TimeInForce: o.TimeInForce,
							ExecInst:    o.ExecInst,
							Contingency: o.Contingency,
							Text:        o.Text,
						}),
					)
				} else if refused != "" {
					require.Empty(t, rejected)
					require.Len(t, rejects, 1)
					require.Positive(t, rejects[0].Time)
					rejects[0].Time = 0
					require.Equal(
						t,
						exchange.Reject{
							Command:  c.kind,
							OrderID:  exchange.OrderID(c.ids[0]),
							ClientID: exchange.ClientID(c.ids[1]),
							Reason:   reason,
						},
						rejects[0],
					)
				}

				symbol := "XBTUSD"
				if c.all {
					symbol = ""
				}
				store, err := session.Read(t.Context(), dir)
				require.NoError(t, err)
				rows, err := store.Rows(t.Context(), "SELECT seq || ' ' || kind || ' ' || symbol FROM commands")
				require.NoError(t, err)
				require.Equal(t, []string{"1 submit XBTUSD", "2 " + c.kind + " " + symbol}, rows)
				require.NoError(t, store.Close())

				// Played again it is the same, and nothing is sent.
				sent := len(b.got)
				require.NoError(t, run(setup{none: true}, false))
				require.Len(t, b.got, sent)
				err = run(setup{none: true}, true)
				var diverged *session.DivergedError
				require.ErrorAs(t, err, &diverged)
				require.Equal(t, "command", diverged.What)
				require.Equal(t, int64(2), diverged.Number)
				require.Contains(t, diverged.First, c.kind+" at ")
				require.Len(t, b.got, sent)
			})
		}
	}
}

// refusals is a trader that notes what was refused.
type refusals struct {
	trader
	rejects *[]exchange.Reject
}

func (r *refusals) OnReject(_ *engine.Context, x *exchange.Reject) {
	*r.rejects = append(*r.rejects, *x)
}

// What is wrong with a command is said at once, names the symbol and the field, and is not
// kept.
func TestInvalidCommands(t *testing.T) {
	set, id := instruments(t)
	other, err := set.Lookup("bitmex", "ETHUSD")
	require.NoError(t, err)
	l := session.NewLive(session.LiveConfig{Instruments: set, Symbols: []exchange.SymbolID{id}})
	ctx := t.Context()
	now := exchange.TradeEvent(
		start,
		start,
		id,
		exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("40000"), Qty: 1},
	)
	l.Market(&now)
	l.Hear(
		exchange.Report{
			Kind:  exchange.ReportOrder,
			Order: exchange.Order{Symbol: id, OrderID: "x", ClientID: "taken", Status: exchange.New},
		},
	)
	limit := exchange.NewOrder{Symbol: id, Side: exchange.Buy, Qty: 100, Price: exchange.MustPrice("10000")}
	change := func(c func(*exchange.NewOrder)) exchange.NewOrder { o := limit; c(&o); return o }
	price := exchange.MustPrice("10000.3")
	for name, c := range map[string]struct {
		give func() error
		want string
		is   error
	}{
		"order of another symbol": {func() error {
			_, err := l.Submit(ctx, change(func(o *exchange.NewOrder) { o.Symbol = other.ID }))
			return err
		}, "symbol #", exchange.ErrUnknownSymbol},
		"order without a quantity": {func() error {
			_, err := l.Submit(ctx, change(func(o *exchange.NewOrder) { o.Qty = 0 }))
			return err
		}, "bitmex:XBTUSD: orderQty", nil},
		"order under a name that is taken": {func() error {
			_, err := l.Submit(ctx, change(func(o *exchange.NewOrder) { o.ClientID = "taken" }))
			return err
		}, `bitmex:XBTUSD: `, exchange.ErrDuplicateID},
		"amendment of another symbol": {func() error {
			return l.Amend(ctx, exchange.AmendOrder{Symbol: other.ID, OrigClientID: "taken",
				Qty: new(exchange.Qty(100))})
		}, "symbol #", exchange.ErrUnknownSymbol},
		"amendment off the tick": {func() error {
			return l.Amend(ctx, exchange.AmendOrder{Symbol: id, OrigClientID: "taken", Price: &price})
		}, "bitmex:XBTUSD: price", nil},
		"amendment to a name that is taken": {func() error {
			return l.Amend(ctx, exchange.AmendOrder{Symbol: id, OrigClientID: "mine", ClientID: "taken",
				Qty: new(exchange.Qty(100))})
		}, `bitmex:XBTUSD: `, exchange.ErrDuplicateID},
		"cancellation of another symbol": {func() error {
			return l.Cancel(ctx, exchange.CancelOrder{Symbol: other.ID, ClientID: "taken"})
		}, "symbol #", exchange.ErrUnknownSymbol},
		"cancellation of nothing": {func() error {
			return l.Cancel(ctx, exchange.CancelOrder{Symbol: id})
		}, "bitmex:XBTUSD: orderID", nil},
		"cancellation of all of another": {func() error {
			return l.CancelAll(ctx, exchange.CancelFilter{Symbol: other.ID})
		}, "symbol #", exchange.ErrUnknownSymbol},
		"cancellation of all of a side that does not exist": {func() error {
			return l.CancelAll(ctx, exchange.CancelFilter{AllSymbol: true, Side: 3})
		}, `side "invalid(3)"`, nil},
		"cancellation of all with too long a text": {func() error {
			return l.CancelAll(ctx, exchange.CancelFilter{AllSymbol: true, Text: strings.Repeat("x",
				exchange.MaxText+1)})
		}, "text", nil},
		"closing another": {func() error {
			_, err := l.ClosePosition(ctx, other.ID)
			return err
		}, "symbol #", exchange.ErrUnknownSymbol},
		"leverage of another": {func() error {
			return l.SetLeverage(ctx, other.ID, 0)
		}, "symbol #", exchange.ErrUnknownSymbol},
		"leverage below cross margin": {func() error {
			return l.SetLeverage(ctx, id, -1)
		}, "bitmex:XBTUSD: leverage", nil},
		"margin of another": {func() error {
			return l.TransferMargin(ctx, other.ID, 1)
		}, "symbol #", exchange.ErrUnknownSymbol},
		"risk limit of another": {func() error {
			return l.SetRiskLimit(ctx, other.ID, 1)
		}, "symbol #", exchange.ErrUnknownSymbol},
		"time of the switch in the past": {func() error {
			return l.CancelAllAfter(ctx, -time.Second)
		}, `timeout "-1s"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.give()
			require.ErrorContains(t, err, c.want)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
		})
	}
	require.NoError(t, l.Close())
}

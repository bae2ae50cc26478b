package session_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
	"github.com/dunamis-engine/dunamis/session"
)

// desk is a venue that acknowledges every order, and fills none. It outlives the
// programs that trade on it.
type desk struct {
	known   *live.Known // of the newest connection
	notice  func(live.Notice)
	sent    []string
	placed  []exchange.ClientID // and not cancelled
	refuse  error               // of every order
	reports []exchange.Report
	ready   chan struct{}
	deaf    bool // cancellations are lost
	closed  int
	left    int   // closed with the switch armed
	mute    error // of waiting for answers
	away    error // of connecting
	lose    int   // so many requests to cancel or close are lost
	busy    int   // so many orders are rejected
	thin    exchange.Qty
	held    exchange.Qty // position
	expires []bool       // what the dead man's switch was told
	rejects []exchange.ClientID
	silent  bool  // it tells nothing of the account when it is connected
	holds   error // of closing the connection
}

// LetExpire implements session.Expirer.
func (d *desk) LetExpire(expire bool) {
	if n := len(d.expires); n == 0 && expire || n > 0 && d.expires[n-1] != expire {
		d.expires = append(d.expires, expire)
	}
}

// lost reports whether a request is one of those that are lost.
func (d *desk) lost() bool {
	d.lose--
	return d.lose >= 0
}

// fill reports a fill that leaves the rest of the order, which has ended.
func (d *desk) fill(o *exchange.NewOrder, qty exchange.Qty) {
	d.held += o.Side.Signed(qty)
	x := exchange.Order{
		OrderID:  exchange.OrderID("id-" + o.ClientID),
		ClientID: o.ClientID,
		Symbol:   o.Symbol,
		Side:     o.Side,
		Qty:      o.Qty,
		Filled:   qty,
		Status:   exchange.Filled,
	}
	if qty < o.Qty {
		x.Status = exchange.Canceled
	}
	exec := "fill-" + string(o.ClientID)
	d.say(
		exchange.Report{
			Kind:     exchange.ReportFill,
			ExecType: exchange.ExecTrade,
			ExecID:   exec,
			Symbol:   o.Symbol,
			Order:    x,
			Fill: exchange.Fill{ExecID: exec, OrderID: x.OrderID,
				ClientID: o.ClientID, Symbol: o.Symbol, Side: o.Side, Qty: qty, Price: exchange.MustPrice("40000"),
				Value: exchange.Money(qty) * 2500, Position: d.held, Type: exchange.ExecTrade, Time: start},
		},
	)
}

// close carries out an order that closes the position.
func (d *desk) close(o *exchange.NewOrder) {
	c := *o
	if d.held == 0 {
		d.acknowledge(&c, exchange.Canceled, exchange.ExecCanceled)
		return
	}
	c.Qty, c.Side = d.held.Abs(), exchange.SideOf(-d.held)
	if d.busy--; d.busy >= 0 {
		d.acknowledge(&c, exchange.Rejected, exchange.ExecRejected)
		return
	}
	qty := c.Qty
	if d.thin > 0 {
		qty = min(qty, d.thin)
	}
	d.fill(&c, qty)
}

func (d *desk) connect(_ context.Context, known *live.Known, notice func(live.Notice)) (session.Venue, error) {
	if d.away != nil {
		var none *desk
		return none, d.away // as a client's constructor does: not equal to nil
	}
	d.known, d.notice, d.ready = known, notice, make(chan struct{}, 1)
	d.reports = d.reports[:0]
	if d.silent {
		return d, nil
	}
	if d.held != 0 {
		d.say(exchange.Report{Kind: exchange.ReportPosition, Position: exchange.Position{Qty: d.held}})
	}
	d.say(exchange.Report{Kind: exchange.ReportMargin, Margin: exchange.Margin{Currency: "XBt", Wallet: 5_000_000, Balance: 5_000_000}})
	if known != nil {
		for n := range known.Open {
			if id := known.Open[n].ClientID; !slices.Contains(d.placed, id) {
				d.acknowledge(&exchange.NewOrder{ClientID: id}, exchange.Canceled, exchange.ExecCanceled)
			}
		}
		for n := range known.Unanswered {
			d.acknowledge(&known.Unanswered[n], exchange.Rejected, exchange.ExecRejected)
		}
	}
	return d, nil
}

func (d *desk) say(r exchange.Report) {
	r.Time = start
	d.reports = append(d.reports, r)
	select {
	case d.ready <- struct{}{}:
	default:
	}
}

func (d *desk) acknowledge(o *exchange.NewOrder, s exchange.OrderStatus, what exchange.ExecType) {
	d.say(exchange.Report{Kind: exchange.ReportOrder, ExecType: what, ExecID: what.String() + string(o.ClientID), Order: exchange.Order{
		OrderID: exchange.OrderID("id-" + o.ClientID), ClientID: o.ClientID, Side: o.Side, Qty: o.Qty, Price: o.Price, Status: s, Leaves: o.Qty}})
}

func (d *desk) Submit(_ context.Context, o exchange.NewOrder) (exchange.ClientID, error) {
	d.sent = append(d.sent, "submit "+string(o.ClientID))
	if d.refuse != nil {
		return "", d.refuse
	}
	switch {
	case o.ExecInst&exchange.Close != 0:
		d.close(&o)
		return o.ClientID, nil
	case o.Type == exchange.Market:
		d.fill(&o, o.Qty)
		return o.ClientID, nil
	}
	if slices.Contains(d.rejects, o.ClientID) {
		d.acknowledge(&o, exchange.Rejected, exchange.ExecRejected)
		return o.ClientID, nil
	}
	d.placed = append(d.placed, o.ClientID)
	d.acknowledge(&o, exchange.New, exchange.ExecNew)
	return o.ClientID, nil
}

func (d *desk) Amend(_ context.Context, a exchange.AmendOrder) error {
	d.sent = append(d.sent, "amend "+string(a.OrigClientID))
	return nil
}

func (d *desk) Cancel(_ context.Context, c exchange.CancelOrder) error {
	d.sent = append(d.sent, "cancel "+string(c.ClientID))
	if !d.deaf && !d.lost() {
		d.placed = slices.DeleteFunc(d.placed, func(id exchange.ClientID) bool { return id == c.ClientID })
		d.acknowledge(&exchange.NewOrder{ClientID: c.ClientID}, exchange.Canceled, exchange.ExecCanceled)
	}
	return nil
}

func (d *desk) CancelAll(context.Context, exchange.CancelFilter) error {
	d.sent = append(d.sent, "cancel all")
	if !d.deaf && !d.lost() {
		for _, id := range d.placed {
			d.acknowledge(&exchange.NewOrder{ClientID: id}, exchange.Canceled, exchange.ExecCanceled)
		}
		d.placed = nil
	}
	return nil
}

func (d *desk) ClosePosition(context.Context, exchange.SymbolID) (exchange.ClientID, error) {
	return "", errors.New("the session closes by an order")
}
func (d *desk) SetLeverage(context.Context, exchange.SymbolID, exchange.Ratio) error { return nil }
func (d *desk) CancelAllAfter(context.Context, time.Duration) error                  { return nil }
func (d *desk) Ready() <-chan struct{}                                               { return d.ready }
func (d *desk) Flush(context.Context) error                                          { return d.mute }
func (d *desk) First() (exchange.Time, []string)                                     { return start, []string{"earlier"} }
func (d *desk) Close() error                                                         { d.closed++; return d.holds }
func (d *desk) Abandon() error                                                       { d.left++; return nil }

func (d *desk) Next() exchange.Time {
	if len(d.reports) == 0 {
		return exchange.Never
	}
	return start
}

func (d *desk) Advance(_ context.Context, _ exchange.Time, reports []exchange.Report) ([]exchange.Report, error) {
	reports = append(reports, d.reports...)
	d.reports = d.reports[:0]
	return reports, nil
}

// trader does something with every trade.
type trader struct {
	trade func(ctx *engine.Context, n int)
	order func(ctx *engine.Context, o *exchange.Order)
	n     int
}

func (d *trader) Init(*engine.Context) error { return nil }

func (d *trader) OnTrade(ctx *engine.Context, _ exchange.SymbolID, _ exchange.Trade) {
	d.n++
	d.trade(ctx, d.n)
}

func (d *trader) OnOrder(ctx *engine.Context, o *exchange.Order, _ exchange.ExecType) {
	if d.order != nil {
		d.order(ctx, o)
	}
}

// orders places an order at each of the first trades.
func orders(count int) func() engine.Strategy {
	return func() engine.Strategy { return orderer(count) }
}

func orderer(count int) *trader {
	return &trader{trade: func(ctx *engine.Context, n int) {
		if n <= count {
			_, _ = ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0)
		}
	}}
}

// told is a feed of a trade a millisecond, as long as it is asked.
type told struct{ id exchange.SymbolID }

func (f *told) Next(ctx context.Context, events []exchange.Event) (int, error) {
	select {
	case <-time.After(time.Millisecond):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	events[0] = exchange.TradeEvent(start, start, f.id, exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("40000"), Qty: 1})
	return 1, nil
}

func (f *told) Close() error { return nil }

// onDesk runs a live session until something ends it. A panic of after is a crash.
func onDesk(t *testing.T, d *desk, dir string, fresh func() engine.Strategy, after func(*session.Session, *session.Commit), keep bool) (crashed any, err error) {
	t.Helper()
	_, id := instruments(t)
	u := setup{dir: dir, source: &told{id: id}, live: true, desk: d, keepOrders: keep, made: fresh()}
	var s *session.Session
	u.change = func(it *session.Session, _ *session.Store) { s = it }
	u.after = func(c *session.Commit) { after(s, c) }
	func() {
		defer func() { crashed = recover() }()
		_, err = u.run(t)
	}()
	return crashed, err
}

// A program that dies between the keeping of an order and its sending does not send it
// later: the order counts as never placed.
func TestAnOrderIsKeptBeforeItIsSent(t *testing.T) {
	d, dir := new(desk), t.TempDir()
	var rejected []exchange.ClientID
	// It places an order when it hears that the one before it is taken.
	again := func() engine.Strategy {
		s, placed := orderer(1), false
		s.order = func(ctx *engine.Context, o *exchange.Order) {
			if o.Status == exchange.New && !placed {
				placed = true
				_, _ = ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0)
			}
			if o.Status == exchange.Rejected {
				rejected = append(rejected, o.ClientID)
			}
		}
		return s
	}
	crashed, _ := onDesk(t, d, dir, again, func(_ *session.Session, c *session.Commit) {
		if len(c.Commands) > 0 && c.State.Commands == 2 {
			panic("crash")
		}
	}, false)
	require.Equal(t, "crash", crashed)
	require.Equal(t, []string{"submit dun-1"}, d.sent)
	d.sent = nil
	crashed, err := onDesk(t, d, dir, again, func(s *session.Session, c *session.Commit) {
		if len(rejected) > 0 {
			s.Ask(session.Suspend)
		}
	}, false)
	require.Nil(t, crashed)
	require.ErrorIs(t, err, session.ErrSuspended)
	require.Len(t, d.known.Unanswered, 1)
	require.Equal(t, exchange.ClientID("dun-2"), d.known.Unanswered[0].ClientID)
	require.Len(t, d.known.Open, 1)
	require.Equal(t, exchange.ClientID("dun-1"), d.known.Open[0].ClientID)
	require.Equal(t, start, d.known.Before)
	require.Equal(t, []string{"earlier", "Newdun-1"}, d.known.Executions)
	require.Equal(t, []exchange.ClientID{"dun-2"}, rejected)
	require.Equal(t, []string{"cancel all"}, d.sent, "when it leaves, and no order again")
	require.Equal(t, 1, d.closed)
	replayed(t, dir, again)
}

func replayed(t *testing.T, dir string, fresh func() engine.Strategy) {
	t.Helper()
	_, err := setup{dir: dir, none: true, live: true, desk: new(desk), made: fresh()}.run(t)
	require.NoError(t, err)
}

// A strategy that sends something else the second time is found out before anything is
// sent.
func TestOtherCommandsAreFoundOut(t *testing.T) {
	d, dir := new(desk), t.TempDir()
	_, err := onDesk(t, d, dir, orders(3), func(s *session.Session, c *session.Commit) {
		if c.State.Commands == 3 {
			s.Ask(session.Suspend)
		}
	}, true)
	require.ErrorIs(t, err, session.ErrSuspended)
	require.Equal(t, []string{"submit dun-1", "submit dun-2", "submit dun-3"}, d.sent, "its orders stay")
	d.sent = nil
	_, err = onDesk(t, d, dir, orders(2), func(*session.Session, *session.Commit) {}, true)
	var diverged *session.DivergedError
	require.ErrorAs(t, err, &diverged)
	require.ErrorContains(t, err, "command 3 was there")
	require.Empty(t, d.sent)
}

// A cancellation that may not have been sent is sent again, an amendment is not.
func TestCancellationsAreRepeated(t *testing.T) {
	d, dir := &desk{deaf: true}, t.TempDir()
	var refused []string
	fresh := func() engine.Strategy {
		return &regretful{trader: trader{trade: func(ctx *engine.Context, n int) {
			switch n {
			case 1, 2:
				_, _ = ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0)
			case 40:
				require.NoError(t, ctx.Cancel(ctx.Symbol(), "dun-1"))
			case 41:
				price := exchange.MustPrice("10001")
				require.NoError(t, ctx.Amend(exchange.AmendOrder{Symbol: ctx.Symbol(), OrigClientID: "dun-2", Price: &price}))
			}
		}}, refused: &refused}
	}
	crashed, _ := onDesk(t, d, dir, fresh, func(_ *session.Session, c *session.Commit) {
		if c.State.Commands == 4 {
			panic("crash")
		}
	}, false)
	require.Equal(t, "crash", crashed)
	d.sent, d.deaf = nil, false
	_, err := onDesk(t, d, dir, fresh, func(s *session.Session, c *session.Commit) {
		if len(refused) > 0 {
			s.Ask(session.Suspend)
		}
	}, true)
	require.ErrorIs(t, err, session.ErrSuspended)
	require.Equal(t, []string{"cancel dun-1"}, d.sent)
	require.Equal(t, []string{"amend dun-2"}, refused)
	replayed(t, dir, fresh)
}

type regretful struct {
	trader
	refused *[]string
}

func (r *regretful) OnReject(_ *engine.Context, x *exchange.Reject) {
	*r.refused = append(*r.refused, x.Command+" "+string(x.ClientID))
}

// While the account is not heard, or is not what it should be, no order is sent.
func TestDoubt(t *testing.T) {
	d, dir := new(desk), t.TempDir()
	counts := map[string]int{}
	stage := ""
	next := func(to string, n live.Notice) { stage = to; d.notice(n) }
	fresh := func() engine.Strategy {
		return &trader{trade: func(ctx *engine.Context, n int) {
			if _, err := ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0); err != nil {
				var risk *engine.RiskError
				require.ErrorAs(t, err, &risk)
				counts[risk.Rule]++
			} else {
				counts["sent"]++
			}
		}}
	}
	_, err := onDesk(t, d, dir, fresh, func(s *session.Session, c *session.Commit) {
		switch {
		case stage == "" && c.State.Commands > 3:
			next("lost", live.Notice{Kind: live.Lost})
		case stage == "lost" && counts[engine.RuleDisconnected] > 3:
			require.Equal(t, engine.RuleDisconnected, c.State.Tripped)
			counts["sent"] = 0
			next("found", live.Notice{Kind: live.Found})
		case stage == "found" && counts["sent"] > 3:
			next("doubt", live.Notice{Kind: live.Difference, Text: "a position"})
		case stage == "doubt" && counts[engine.RuleDifference] > 3:
			require.Equal(t, "a position", c.State.Differences[0].Text)
			stage = "lost again"
			d.notice(live.Notice{Kind: live.Lost})
			d.notice(live.Notice{Kind: live.Found})
		case stage == "lost again" && counts[engine.RuleDifference] > 10:
			require.Equal(t, engine.RuleDifference, c.State.Tripped, "only an operator ends it")
			stage, counts["sent"] = "cleared", 0
			s.Ask(session.Clear)
		case stage == "cleared" && counts["sent"] > 3:
			s.Ask(session.Suspend)
		}
	}, true)
	require.ErrorIs(t, err, session.ErrSuspended)
	require.Equal(t, "cleared", stage)
}

// The text of a difference, which a venue can make as long as it likes, is cut before it is
// kept: the state has it and is written with every transaction.
func TestLongDifferenceIsCut(t *testing.T) {
	for name, c := range map[string]struct{ text, kept string }{
		"long": {strings.Repeat("é", 100_000), strings.Repeat("é", 500) + "…"},
		"fits": {strings.Repeat("é", 500), strings.Repeat("é", 500)},
	} {
		d, dir := new(desk), t.TempDir()
		told := false
		_, err := onDesk(t, d, dir, orders(0), func(s *session.Session, commit *session.Commit) {
			if commit.State.DifferenceCount > 0 {
				s.Ask(session.Suspend)
			} else if !told {
				told = true
				d.notice(live.Notice{Kind: live.Difference, Text: c.text})
			}
		}, true)
		require.ErrorIs(t, err, session.ErrSuspended)
		require.Len(t, stateOf(t, dir).Differences, 1)
		require.Equal(t, c.kept, stateOf(t, dir).Differences[0].Text, name)
	}
}

// A venue that cannot be reached ends the run, and nothing is asked of it.
func TestNoConnection(t *testing.T) {
	d := &desk{away: errors.New("401: Invalid API Key")}
	_, err := onDesk(t, d, t.TempDir(), func() engine.Strategy { return failing{} }, func(*session.Session, *session.Commit) {}, true)
	require.ErrorIs(t, err, d.away)
	require.Empty(t, d.sent)
	require.Zero(t, d.closed+d.left)
}

// What fails cancels its orders, and if that is not certain, leaves it to the venue's
// dead man's switch.
func TestFailureHushes(t *testing.T) {
	d, dir := new(desk), t.TempDir()
	_, err := onDesk(t, d, dir, func() engine.Strategy { return failing{} }, func(*session.Session, *session.Commit) {}, true)
	require.ErrorContains(t, err, "strategy cannot start")
	require.Equal(t, []string{"cancel all"}, d.sent)
	require.Equal(t, 1, d.closed)
}

type failing struct{}

func (failing) Init(*engine.Context) error { return errors.New("no") }

// What the client refuses at once is heard as a rejection.
func TestRefusedAtOnce(t *testing.T) {
	d, dir := &desk{refuse: errors.New("not today")}, t.TempDir()
	reason := ""
	fresh := func() engine.Strategy {
		s := orderer(1)
		s.order = func(_ *engine.Context, o *exchange.Order) { reason = o.RejectReason }
		return s
	}
	_, err := onDesk(t, d, dir, fresh, func(s *session.Session, c *session.Commit) {
		if reason != "" {
			s.Ask(session.Stop)
		}
	}, false)
	require.NoError(t, err)
	require.Equal(t, "not today", reason)
	replayed(t, dir, fresh)
}

// A venue that refuses what a session does last makes an error that says what was done, and
// which orders are open; the books of the session are whole.
func TestLastCommandIsRefused(t *testing.T) {
	refusal := errors.New("disarm the dead man's switch: 429 RateLimitError: Rate limit exceeded")
	for name, c := range map[string]struct {
		keep    bool
		request session.Request
		want    string
	}{
		"stopped":         {false, session.Stop, "disconnect from the venue (no order of the session is open): "},
		"suspended":       {false, session.Suspend, "disconnect from the venue (no order of the session is open): "},
		"its orders stay": {true, session.Suspend, "disconnect from the venue (2 orders of the session stay open): "},
	} {
		t.Run(name, func(t *testing.T) {
			d, dir := &desk{holds: refusal}, t.TempDir()
			crashed, err := onDesk(t, d, dir, orders(2), func(s *session.Session, commit *session.Commit) {
				if len(commit.Reports) > 0 && commit.State.Commands == 2 && len(d.placed) == 2 {
					s.Ask(c.request)
				}
			}, c.keep)
			require.Nil(t, crashed)
			require.ErrorIs(t, err, refusal)
			require.ErrorContains(t, err, c.want+refusal.Error())
			require.Equal(t, c.request == session.Stop, stateOf(t, dir).Ended)
			require.Equal(t, 1, d.closed)
			replayed(t, dir, orders(2))
		})
	}
}

// An account that is lost and found again while the session leaves, and its orders are
// still open, is sent no order any more.
func TestFoundWhileLeaving(t *testing.T) {
	d, dir := &desk{deaf: true}, t.TempDir()
	fresh := func() engine.Strategy {
		return &trader{trade: func(ctx *engine.Context, _ int) { _, _ = ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0) }}
	}
	stage, trades := "", 0
	_, err := onDesk(t, d, dir, fresh, func(s *session.Session, c *session.Commit) {
		switch {
		case stage == "" && c.State.Commands > 3:
			stage = "asked"
			s.Ask(session.Suspend)
		case stage == "asked" && c.State.Tripped == engine.RuleLeaving:
			stage, d.sent = "leaving", nil
			d.notice(live.Notice{Kind: live.Lost})
			d.notice(live.Notice{Kind: live.Found})
		case stage == "leaving":
			trades += len(c.Events)
			if trades < 20 {
				return
			}
			stage, d.deaf = "answered", false
			require.NoError(t, d.CancelAll(t.Context(), exchange.CancelFilter{}))
		}
	}, false)
	require.ErrorIs(t, err, session.ErrSuspended)
	require.Equal(t, "answered", stage)
	require.Equal(
		t,
		[]string{"cancel all", "cancel all", "cancel all"},
		d.sent,
		"the session's, the same when it is heard again, ours, and no order",
	)
	replayed(t, dir, fresh)
}

// The account of a report adds up though the venue tells of the wallet later than of the
// fill, or of a deposit.
func TestLiveAccountAddsUp(t *testing.T) {
	set, id := instruments(t)
	l := session.NewLive(session.LiveConfig{Instruments: set, Symbols: []exchange.SymbolID{id}})
	l.Hear(exchange.Report{Kind: exchange.ReportMargin, Margin: exchange.Margin{Currency: "XBt", Wallet: 1000, Balance: 1000}})
	require.Equal(t, exchange.Money(1000), l.Account(1000).Wallet)
	l.Hear(exchange.Report{Kind: exchange.ReportFill, Fill: exchange.Fill{Symbol: id, Side: exchange.Buy, Qty: 100, Price: exchange.MustPrice("40000"),
		Value: 250_000, Position: 100, Fee: 5, Realised: 70}})
	l.Hear(exchange.Report{Kind: exchange.ReportFunding, Funding: exchange.FundingPayment{Symbol: id, Amount: -3}})
	m := l.Account(1000)
	require.Equal(t, exchange.Money(1062), m.Wallet)
	require.Equal(t, m.Wallet, m.Balance)
	require.Equal(t, exchange.Money(1000), l.Margin().Wallet, "what the venue said")
	require.Equal(t, exchange.Money(-62), l.Unexplained(1000))
	l.Hear(exchange.Report{Kind: exchange.ReportPosition, Position: exchange.Position{Symbol: id, Qty: 100, Cost: -250_000, Unrealised: 9}})
	l.Hear(exchange.Report{Kind: exchange.ReportMargin, Margin: exchange.Margin{Currency: "XBt", Wallet: 1562, Unrealised: 8, Balance: 1570}})
	require.Equal(t, exchange.Money(500), l.Unexplained(1000), "a deposit")
	require.Equal(t, exchange.Margin{Currency: "XBt", Wallet: 1062, Unrealised: 9, Balance: 1071}, l.Account(1000))
	// A fill closes the position, and the session ends before the venue has sent its row.
	l.Hear(exchange.Report{Kind: exchange.ReportFill, Fill: exchange.Fill{Symbol: id, Side: exchange.Sell, Qty: 100,
		Price: exchange.MustPrice("40000"), Value: 250_000, Position: 0, Fee: 5}})
	require.Equal(t, exchange.Margin{Currency: "XBt", Wallet: 1057, Balance: 1057}, l.Account(1000))
	require.Zero(t, l.Position(id).Unrealised)
}

// A disk that is full ends a live session: what could not be kept is not sent, what is
// open is cancelled, or said to be left. With room again it goes on, and knows it all.
func TestFullDiskLive(t *testing.T) {
	_, id := instruments(t)
	fresh := func() engine.Strategy {
		return &trader{trade: func(ctx *engine.Context, _ int) { _, _ = ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0) }}
	}
	for name, c := range map[string]struct {
		room int // pages of the database
		mute error
		deaf bool
		left string // what is said of the orders
	}{
		"at once": {}, "soon": {room: 4}, "later": {room: 12},
		"and the venue does not answer": {room: 6, mute: errors.New("no answer"), left: "no answer"},
		"and the venue does not cancel": {room: 6, deaf: true, left: "their end was not heard: [dun-1 dun-2"},
	} {
		t.Run(name, func(t *testing.T) {
			d, dir := &desk{mute: c.mute, deaf: c.deaf}, t.TempDir()
			u := setup{dir: dir, source: &told{id: id}, live: true, desk: d, made: fresh()}
			u.change = func(_ *session.Session, s *session.Store) { require.NoError(t, s.LimitPages(t.Context(), c.room)) }
			_, err := u.run(t)
			require.ErrorContains(t, err, "full")
			require.ErrorContains(t, err, "it could not be written, and stays as it was")
			kept := stateOf(t, dir)
			require.False(t, kept.Ended)
			sent := len(d.sent) - 1
			require.Equal(t, kept.Commands, int64(sent), "what is kept was sent, and nothing else")
			require.Equal(t, "cancel all", d.sent[sent])
			if c.left == "" {
				require.NotContains(t, err.Error(), "orders may be open")
				require.Equal(t, []int{1, 0}, []int{d.closed, d.left})
			} else {
				require.ErrorContains(t, err, "orders may be open on the venue until the dead man's switch cancels them: "+c.left)
				require.Equal(t, []int{0, 1}, []int{d.closed, d.left})
			}

			d.mute, d.deaf = nil, false
			_, err = onDesk(t, d, dir, fresh, func(s *session.Session, c *session.Commit) {
				if c.State.Commands > kept.Commands+3 {
					s.Ask(session.Suspend)
				}
			}, false)
			require.ErrorIs(t, err, session.ErrSuspended)
			if sent > 0 {
				require.Equal(t, sent, len(d.known.Open)+len(d.known.Unanswered), "every order that was sent is known")
			}
			replayed(t, dir, fresh)
		})
	}
}

// A disk that has no room for the last transaction of a run is no different: orders that
// were to be kept open are cancelled too.
func TestFullDiskAtTheEnd(t *testing.T) {
	for _, keep := range []bool{false, true} {
		_, id := instruments(t)
		d, dir := new(desk), t.TempDir()
		u := setup{dir: dir, source: &told{id: id}, live: true, desk: d, keepOrders: keep, made: orderer(1)}
		var s *session.Session
		u.change = func(it *session.Session, store *session.Store) {
			s = it
			require.NoError(t, store.RefuseSegments(t.Context()))
		}
		u.after = func(c *session.Commit) {
			if c.State.Commands == 1 {
				s.Ask(session.Stop)
			}
		}
		_, err := u.run(t)
		require.ErrorContains(t, err, "it could not be written, and stays as it was")
		require.False(t, stateOf(t, dir).Ended)
		require.Equal(t, "cancel all", d.sent[len(d.sent)-1])
		require.Empty(t, d.placed)
		require.Equal(t, []int{1, 0}, []int{d.closed, d.left})
	}
}

// A strategy that halts leaves no order open either.
func TestHaltedSessionsCancel(t *testing.T) {
	d, dir := new(desk), t.TempDir()
	fresh := func() engine.Strategy {
		return &trader{trade: func(ctx *engine.Context, n int) {
			if n == 1 {
				_, _ = ctx.Limit(ctx.Symbol(), 100, exchange.MustPrice("10000"), 0)
			}
			if n == 20 {
				ctx.Halt("enough")
			}
		}}
	}
	_, err := onDesk(t, d, dir, fresh, func(*session.Session, *session.Commit) {}, false)
	require.NoError(t, err)
	require.Equal(t, "enough", stateOf(t, dir).Halted)
	require.Equal(t, []string{"submit dun-1", "cancel all"}, d.sent)
	require.Equal(t, []int{1, 0}, []int{d.closed, d.left})
	store, err := session.Read(t.Context(), dir)
	require.NoError(t, err)
	rows, err := store.Rows(t.Context(), "SELECT client_id || ' ' || status || ' ' || open FROM orders")
	require.NoError(t, err)
	require.Equal(t, []string{"dun-1 Canceled 0"}, rows, "as the venue said when all was over")
	require.NoError(t, store.Close())
	replayed(t, dir, fresh)
}

// atDeafVenue is a session with two orders at a venue that does not answer cancellations, its clock and its log.
func atDeafVenue(t *testing.T) (u setup, now *clock, said *strings.Builder) {
	t.Helper()
	_, id := instruments(t)
	now, said = &clock{now: time.Date(2025, 5, 5, 0, 0, 0, 0, time.UTC)}, new(strings.Builder)
	return setup{dir: t.TempDir(), source: &told{id: id}, live: true, desk: &desk{deaf: true}, made: orderer(2),
		now: now.Now, log: slog.New(slog.NewTextHandler(said, nil))}, now, said
}

// A request to end that was left as a file is taken once, however long the end takes, and so
// is one that waits until all is closed.
func TestRequestToEndIsTakenOnce(t *testing.T) {
	for _, request := range []session.Request{session.Suspend, session.Stop, session.FlattenSuspend, session.FlattenStop} {
		t.Run(string(request), func(t *testing.T) {
			u, now, said := atDeafVenue(t)
			d, dir := u.desk, u.dir
			asked, commits := false, 0
			u.after = func(c *session.Commit) {
				now.add(300 * time.Millisecond) // the files are looked for each time
				switch {
				case c.State.Commands == 2 && !asked:
					asked = true
					require.NoError(t, session.Ask(dir, request))
				case asked:
					if commits++; commits == 30 { // of which more than it takes to ask twice
						d.deaf = false
						require.NoError(t, d.CancelAll(t.Context(), exchange.CancelFilter{}))
					}
				}
			}
			_, err := u.run(t)
			if request == session.Stop || request == session.FlattenStop {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, session.ErrSuspended)
			}
			require.Equal(t, 1, strings.Count(said.String(), `msg="the operator asks" request=`+string(request)))
			require.Empty(t, d.placed)
			waits, err := session.Asked(dir, string(request))
			require.NoError(t, err)
			require.False(t, waits, "it was carried out")
		})
	}
}

// A session that is asked to end says at once what it waits for, and how long at most.
func TestLeavingIsSaid(t *testing.T) {
	u, now, said := atDeafVenue(t)
	var s *session.Session
	u.change = func(it *session.Session, _ *session.Store) { s = it }
	early := ""
	u.after = func(c *session.Commit) {
		now.add(time.Second)
		switch {
		case c.State.Commands == 2:
			s.Ask(session.Suspend)
		case c.State.Commands > 2 && early == "":
			early = said.String()
		}
	}
	_, err := u.run(t)
	require.ErrorIs(t, err, session.ErrSuspended)
	require.Contains(t, early,
		`the session ends once the venue has confirmed that its orders are cancelled" open_orders=2 at_most=20s`)
	require.Contains(t, said.String(),
		`orders are cancelled once more before the connection ends" open_orders=2 at_most=20s`)
}

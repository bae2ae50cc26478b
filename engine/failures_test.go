package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// broken is a venue to which the connection fails: a command fails at the call that its
// counter says, and 0 is none of them.
type broken struct {
	simulated
	cancelAll, cancel, closes int
}

var errBroken = errors.New("no route to host")

// fails counts a call down.
func fails(calls *int) error {
	if *calls--; *calls == 0 {
		return errBroken
	}
	return nil
}

func (b *broken) CancelAll(ctx context.Context, f exchange.CancelFilter) error {
	if err := fails(&b.cancelAll); err != nil {
		return err
	}
	return b.simulated.CancelAll(ctx, f)
}

func (b *broken) Cancel(ctx context.Context, c exchange.CancelOrder) error {
	if err := fails(&b.cancel); err != nil {
		return err
	}
	return b.simulated.Cancel(ctx, c)
}

func (b *broken) ClosePosition(ctx context.Context, s exchange.SymbolID) (exchange.ClientID, error) {
	if err := fails(&b.closes); err != nil {
		return "", err
	}
	return b.simulated.ClosePosition(ctx, s)
}

// An account whose orders cannot be cancelled, or whose position cannot be closed, because
// the exchange has failed, is not to be traded any more: the run ends with the error, and
// names the command and the symbol.
func TestRunsEndWhenAPursuitFails(t *testing.T) {
	kill, flatten, leave := exchange.OperationKill, exchange.OperationFlatten, exchange.OperationLeave
	for name, c := range map[string]struct {
		asked   map[int][]exchange.Operation
		venue   broken
		ignores int
		reduces bool // an order that may stay is sent at 3 s
		want    string
		when    int // in milliseconds
	}{
		"kill":             {map[int][]exchange.Operation{2: {kill}}, broken{cancelAll: 1}, 0, false, "cancel orders", 2500},
		"kill again":       {map[int][]exchange.Operation{2: {kill}}, broken{cancelAll: 2}, 9, false, "cancel orders", 4500},
		"kill, one by one": {map[int][]exchange.Operation{2: {kill}}, broken{cancel: 1}, 1, true, "cancel order", 4500},
		"leave":            {map[int][]exchange.Operation{2: {leave}}, broken{cancelAll: 1}, 0, false, "cancel orders", 2500},
		"distrust": {map[int][]exchange.Operation{2: {exchange.OperationDistrust}}, broken{cancelAll: 1}, 0, false,
			"cancel orders", 2500},
		"flatten": {
			map[int][]exchange.Operation{2: {flatten}}, broken{cancelAll: 1}, 0, false, "cancel orders", 2500,
		},
		"flatten, closes": {map[int][]exchange.Operation{2: {flatten}}, broken{closes: 1}, 0, false, "close position", 2500},
		"flatten again":   {map[int][]exchange.Operation{2: {flatten}}, broken{closes: 2}, 2, false, "close position", 4500},
		"a limit":         {nil, broken{cancelAll: 1}, 0, false, "cancel orders", 3000},
	} {
		t.Run(name, func(t *testing.T) {
			r := pursued(t, c.asked)
			r.venue.ignores = c.ignores
			c.venue.simulated = simulated{&r.venue}
			r.config.Exchange = &c.venue
			if c.asked == nil {
				r.config.Limits.Rejections = 1
				r.venue.reports = []exchange.Report{{Kind: exchange.ReportReject, Arrival: at(3 * time.Second)}}
			}
			begin := r.listener.trade
			r.listener.trade = func(ctx *engine.Context, tr exchange.Trade) {
				begin(ctx, tr)
				if c.reduces && ctx.Now() == at(3*time.Second) {
					_, err := ctx.Limit(xbt, -10, price(110), exchange.ReduceOnly)
					require.NoError(t, err)
				}
			}
			err := r.run(t)
			require.ErrorIs(t, err, errBroken)
			require.EqualError(t, err, c.want+" of bitmex:XBTUSD: no route to host")
			require.Equal(t, at(time.Duration(c.when)*time.Millisecond), r.summary.End)
		})
	}
}

// What refuses orders for now is a warning, what does so until an operator has looked is an
// error, and the end of either is a warning.
func TestLevelsOfTheGuardsLines(t *testing.T) {
	type line struct{ Level, Msg, Rule, Goal string }
	log := func(t *testing.T, asked map[int]exchange.Operation, limits engine.Limits) (lines []line) {
		t.Helper()
		r := operated(t, asked)
		var out bytes.Buffer
		r.config.Log, r.config.Limits = slog.New(slog.NewJSONHandler(&out, nil)), limits
		if limits.Rejections > 0 {
			r.venue.reports = []exchange.Report{{Kind: exchange.ReportReject, Arrival: at(3 * time.Second)}}
		}
		require.NoError(t, r.run(t))
		for d := json.NewDecoder(&out); d.More(); {
			var l line
			require.NoError(t, d.Decode(&l))
			lines = append(lines, l)
		}
		return lines
	}
	trips := func(level, rule string) line { return line{Level: level, Msg: "risk guard trips", Rule: rule} }
	cleared := func(rule string) line { return line{Level: "WARN", Msg: "risk guard is cleared", Rule: rule} }
	confirmed := func(rule string) line {
		return line{Level: "WARN", Msg: "pursuit_confirmed", Rule: rule, Goal: engine.GoalNoOrders}
	}
	for name, c := range map[string]struct {
		asked  map[int]exchange.Operation
		limits engine.Limits
		want   []line
	}{
		"held, and heard again": {map[int]exchange.Operation{2: exchange.OperationHold, 4: exchange.OperationResume},
			engine.Limits{}, []line{trips("WARN", engine.RuleDisconnected), cleared(engine.RuleDisconnected)}},
		"left, and taken up again": {map[int]exchange.Operation{2: exchange.OperationLeave, 4: exchange.OperationRelease},
			engine.Limits{},
			[]line{trips("WARN", engine.RuleLeaving), confirmed(engine.RuleLeaving), cleared(engine.RuleLeaving)}},
		"killed, and cleared": {map[int]exchange.Operation{2: exchange.OperationKill, 4: exchange.OperationClear},
			engine.Limits{}, []line{trips("ERROR", engine.RuleKillSwitch), confirmed(engine.RuleKillSwitch),
				cleared(engine.RuleKillSwitch)}},
		"in doubt": {map[int]exchange.Operation{2: exchange.OperationDoubt}, engine.Limits{},
			[]line{trips("ERROR", engine.RuleDifference)}},
		"a limit": {nil, engine.Limits{Rejections: 1}, []line{trips("ERROR", engine.RuleRejections),
			confirmed(engine.RuleRejections)}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, log(t, c.asked, c.limits)) })
	}
}

// A trade is late if the bar that it belongs to has ended. A bar of a number of trades takes
// those that come next, whatever their time.
func TestNoTradeIsLateForABarOfTrades(t *testing.T) {
	r := newRun(t, onStream(arrives(trade(time.Second, 7, 1), 3*time.Second), 0), onStream(trade(2*time.Second, 5, 1), 1),
		onStream(trade(4*time.Second, 6, 1), 1))
	r.config.Delay.FromData = true
	r.listener.init = func(ctx *engine.Context) error {
		return ctx.Bars(xbt, engine.BarSpec{Kind: engine.TickBars, Count: 1})
	}
	require.Equal(t, []string{
		"2s bar 1t from 2s: 5 5 5 5, 1 in 1", "3s bar 1t from 2s: 7 7 7 7, 1 in 1", "4s bar 1t from 4s: 6 6 6 6, 1 in 1",
	}, r.heard(t, "bar"))
	require.Zero(t, r.summary.Late)
}

// deafening is a venue that loses every request to close a position.
type deafening struct {
	simulated
	asked *[]string
}

func (d deafening) ClosePosition(context.Context, exchange.SymbolID) (exchange.ClientID, error) {
	*d.asked = append(*d.asked, since(d.now))
	return exchange.ClientID("close-" + since(d.now)), nil
}

// An order that closes and of which nothing is reported counts as on its way for 30 seconds:
// the attempts before then do not repeat it, and the first one after that does.
func TestPursuitWaitsForAClosingOrderThatIsLost(t *testing.T) {
	r := pursued(t, map[int][]exchange.Operation{2: {exchange.OperationFlatten}, 31: {exchange.OperationResume},
		32: {exchange.OperationResume}})
	var asked []string
	r.config.Exchange = deafening{simulated: simulated{&r.venue}, asked: &asked}
	r.config.Symbols = []exchange.SymbolID{xbt, eth} // of which the other one is flat
	require.NoError(t, r.run(t))
	require.Equal(t, []string{"2.5s", "32.5s"}, asked)
	got, ok := r.engine.Pursuit()
	require.True(t, ok)
	require.Zero(t, got.Confirmed)
	require.Len(t, got.Positions, 1)
	require.Equal(t, exchange.Qty(10), got.Positions[0].Qty)
}

// failing is an exchange that fails at one of its steps, counted from 1.
type failing struct {
	simulated
	left *int
}

func (f failing) Advance(ctx context.Context, now exchange.Time, r []exchange.Report) ([]exchange.Report, error) {
	if err := fails(f.left); err != nil {
		return r, err
	}
	return f.simulated.Advance(ctx, now, r)
}

// An exchange that fails ends the run, at whatever step it does.
func TestRunsEndWhenTheExchangeFails(t *testing.T) {
	run := func(at int) (left int, err error) {
		r := pursued(t, map[int][]exchange.Operation{2: {exchange.OperationFlatten}, 4: {exchange.OperationKill}})
		r.venue.entry, r.venue.response, left = 0, 300*time.Millisecond, at
		r.config.Exchange = failing{simulated{&r.venue}, &left}
		return left, r.run(t)
	}
	left, err := run(-1)
	require.NoError(t, err)
	steps := -1 - left
	require.Greater(t, steps, 5)
	for n := 1; n <= steps; n++ {
		_, err := run(n)
		require.ErrorIs(t, err, errBroken, "step %d of %d", n, steps)
		require.EqualError(t, err, "exchange: no route to host")
	}
}

// A limit of one unit is a limit: what is twice as much is refused, or trips the guard.
func TestLeastLimits(t *testing.T) {
	limit := func(p float64, q exchange.Qty) exchange.NewOrder {
		return exchange.NewOrder{Symbol: xbt, Side: exchange.Buy, Qty: q, Type: exchange.Limit, Price: price(p)}
	}
	for rule, c := range map[string]struct {
		limits engine.Limits
		orders []exchange.NewOrder // of which the last one is refused
	}{
		engine.RuleOrderQty:        {engine.Limits{OrderQty: 1}, []exchange.NewOrder{limit(100, 1), limit(100, 2)}},
		engine.RuleOrderValue:      {engine.Limits{OrderValue: 1}, []exchange.NewOrder{limit(100, 1)}},
		engine.RulePositionQty:     {engine.Limits{PositionQty: 1}, []exchange.NewOrder{limit(99, 1), limit(99, 1)}},
		engine.RulePositionValue:   {engine.Limits{PositionValue: 1}, []exchange.NewOrder{limit(99, 1)}},
		engine.RulePriceCollar:     {engine.Limits{PriceCollar: 1}, []exchange.NewOrder{limit(100, 1), limit(99.5, 1)}},
		engine.RuleOrdersPerMinute: {engine.Limits{OrdersPerMinute: 1}, []exchange.NewOrder{limit(99, 1), limit(99, 1)}},
		engine.RuleOpenOrders:      {engine.Limits{OpenOrders: 1}, []exchange.NewOrder{limit(99, 1), limit(99, 1)}},
		engine.RuleSpread:          {engine.Limits{Spread: 1}, []exchange.NewOrder{limit(99, 1)}},
	} {
		t.Run(rule, func(t *testing.T) {
			r := guarded(t, c.limits, 1)
			r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
				for n, o := range c.orders {
					_, err := ctx.Submit(o)
					if n < len(c.orders)-1 {
						require.NoError(t, err)
						continue
					}
					var risk *engine.RiskError
					require.ErrorAs(t, err, &risk)
					require.Equal(t, rule, risk.Rule)
				}
			}
			require.NoError(t, r.run(t))
			require.Empty(t, r.engine.Tripped())
		})
	}
	for rule, limits := range map[string]engine.Limits{
		engine.RuleDailyLoss: {DailyLoss: 1}, engine.RuleDrawdown: {Drawdown: 1}, engine.RuleRejections: {Rejections: 1},
	} {
		r, s := losing(t, limits)
		r.venue.reports = append(r.venue.reports, exchange.Report{Kind: exchange.ReportReject, Arrival: at(time.Second)})
		require.NoError(t, r.run(t))
		require.Equal(t, []string{rule}, s.rules)
		require.Equal(t, at(time.Second), r.summary.Tripped.At)
	}
}

// Orders that the exchange rejects count like any other refusal, until one is accepted or
// fills.
func TestRejectedOrdersAreCounted(t *testing.T) {
	order := func(d time.Duration, what exchange.ExecType, s exchange.OrderStatus) exchange.Report {
		return exchange.Report{Kind: exchange.ReportOrder, ExecType: what, Arrival: at(d),
			Order: exchange.Order{ClientID: "other", Symbol: xbt, Status: s}}
	}
	reject := func(d time.Duration) exchange.Report { return order(d, exchange.ExecRejected, exchange.Rejected) }
	fill := exchange.Report{Kind: exchange.ReportFill, ExecType: exchange.ExecTrade, Arrival: at(3 * time.Second),
		Fill: exchange.Fill{Symbol: xbt}}
	for name, c := range map[string]struct {
		third exchange.Report
		want  time.Duration
	}{
		"accepted":  {order(3*time.Second, exchange.ExecNew, exchange.New), 6 * time.Second},
		"filled":    {fill, 6 * time.Second},
		"cancelled": {order(3*time.Second, exchange.ExecCanceled, exchange.Canceled), 4 * time.Second},
		"rejected":  {reject(3 * time.Second), 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			r := guarded(t, engine.Limits{Rejections: 3}, 9)
			r.venue.reports = []exchange.Report{reject(time.Second), reject(2 * time.Second), c.third, reject(4 * time.Second),
				reject(5 * time.Second), reject(6 * time.Second)}
			require.NoError(t, r.run(t))
			require.Equal(t, at(c.want), r.summary.Tripped.At)
		})
	}
}

// An account that was not heard when a session left is heard once the session goes on: what
// is brought about then is confirmed.
func TestReleaseHears(t *testing.T) {
	r := pursued(t, map[int][]exchange.Operation{2: {exchange.OperationHold}, 3: {exchange.OperationLeave},
		5: {exchange.OperationRelease}, 7: {exchange.OperationKill}})
	require.NoError(t, r.run(t))
	got, ok := r.engine.Pursuit()
	require.True(t, ok)
	require.Equal(t, engine.RuleKillSwitch, got.Rule)
	require.Equal(t, at(7500*time.Millisecond), got.Confirmed)
}

// A bar that begins with an interval in which nothing traded has the prices of that one,
// until something trades.
func TestBarsThatBeginQuietly(t *testing.T) {
	minute := func(n int, low, high, last float64, quiet bool) exchange.Event {
		b := exchange.Bar{Symbol: xbt, Start: at(time.Duration(n) * time.Minute), End: at(time.Duration(n+1) * time.Minute),
			Open: price(low), High: price(high), Low: price(low), Close: price(last), Quiet: quiet}
		if !quiet {
			b.Volume, b.Trades = 10, 1
		}
		return exchange.BarEvent(b)
	}
	r := newRun(t, minute(0, 7, 7, 7, true), minute(1, 7, 7, 7, true), minute(2, 7, 7, 7, true),
		minute(3, 8, 9, 8.5, false),
		minute(4, 8.5, 8.5, 8.5, true), minute(5, 8.5, 8.5, 8.5, true))
	r.listener.init = func(ctx *engine.Context) error { return ctx.Bars(xbt, engine.BarSpec{Interval: 2 * time.Minute}) }
	require.Equal(t, []string{
		"2m0s bar 2m from 0s: 7 7 7 7, 0 in 0", "4m0s bar 2m from 2m0s: 8 9 8 8.5, 10 in 1",
		"6m0s bar 2m from 4m0s: 8.5 8.5 8.5 8.5, 0 in 0",
	}, r.heard(t, "bar"))
}

// Init sees the terms of the first event's time.
func TestTermsOfTheStart(t *testing.T) {
	set := new(exchange.Instruments)
	in := *instruments(t).Get(xbt)
	terms := in.Terms[len(in.Terms)-1]
	in.Terms = []exchange.Terms{terms, terms}
	in.Terms[0].From, in.Terms[0].LotSize = 0, 10
	in.Terms[1].From, in.Terms[1].LotSize = at(0), 20
	require.NoError(t, set.Add(&in))
	r := newRun(t, trade(0, 100, 20))
	r.config.Instruments = set
	var lot exchange.Qty
	r.listener.init = func(ctx *engine.Context) error { lot = ctx.Terms(xbt).LotSize; return nil }
	require.NoError(t, r.run(t))
	require.Equal(t, exchange.Qty(20), lot)
}

// early is a feed of a session that hands all events of the next second over at once.
type early struct{ clocked }

func (e *early) Wait(ctx context.Context, until exchange.Time) ([]exchange.Event, error) {
	out, err := e.clocked.Wait(ctx, until)
	n := 0
	for len(out) > 0 && n < len(e.events) && e.events[n].Time.Sub(out[0].Time) < time.Second {
		n++
	}
	out, e.events = append(out, e.events[:n]...), e.events[n:]
	return out, err
}

// Events that a session hands over before their time wait for it, and nothing else is asked
// for until then.
func TestPacedEventsWaitForTheirTime(t *testing.T) {
	events := []exchange.Event{trade(0, 1, 1), trade(300*time.Millisecond, 2, 1), trade(900*time.Millisecond, 3, 1),
		trade(2*time.Second, 4, 1)}
	r := newRun(t, events...)
	c := &early{clocked{list: list{events: events}, ends: at(3 * time.Second)}}
	r.config.Feed = c
	r.listener.init = func(ctx *engine.Context) error { ctx.Every(500 * time.Millisecond); return nil }
	require.Equal(t, []string{
		"0s trade of 0 at 1", "300ms trade of 0 at 2", "500ms timer 1", "900ms trade of 0 at 3", "1s timer 1", "1.5s timer 1",
		"2s trade of 0 at 4", "2s timer 1", "2.5s timer 1",
	}, r.heard(t, "trade", "timer"))
	require.Equal(t, []string{"never", "1s", "1.5s", "2s", "2.5s", "3s"}, c.asked)
	require.EqualValues(t, 4, r.summary.Events)
}

// The feed is asked for events when those before have been used, and not further ahead.
func TestFeedIsNotReadAhead(t *testing.T) {
	var events []exchange.Event
	for i := range 40 {
		events = append(events, trade(time.Duration(i)*time.Second, 100, 1))
	}
	for _, rows := range []int{1, 4} {
		r := newRun(t, events...)
		r.config.BatchRows = rows
		heard := 0
		r.listener.trade = func(*engine.Context, exchange.Trade) {
			heard++
			require.LessOrEqual(t, len(events)-len(r.feed.events), heard+2*rows)
		}
		require.NoError(t, r.run(t))
		require.Equal(t, 40, heard)
	}
}

// What a strategy is blamed for, the occasion, and the text of its panic are those of the
// panic, and nothing of what happened before.
func TestPanicsAfterReports(t *testing.T) {
	values, err := definition.Values(nil)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		do   func()
		text string
	}{
		"a parameter of another type": {func() { values.Int("qty") }, `engine: parameter "qty" is not declared as a int64`},
		"a parameter that is none":    {func() { values.Price("none") }, "is not declared as a"},
		"bytes that are no text":      {func() { panic("a\xff\xfeb") }, "a\ufffdb"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, trade(0, 100, 1), trade(time.Second, 101, 2))
			r.listener.trade = func(ctx *engine.Context, x exchange.Trade) {
				if x.Qty == 2 {
					c.do()
				}
				_, err := ctx.Market(xbt, 7)
				require.NoError(t, err)
			}
			err := r.run(t)
			var p *engine.PanicError
			require.ErrorAs(t, err, &p)
			require.Contains(t, p.Text, c.text)
			require.Equal(t, "*engine_test.listener", p.Strategy)
			require.Empty(t, p.Doing, "the report of the order has been dealt with")
			require.Equal(t, "at the event bitmex:XBTUSD "+p.Event.String(), p.Occasion())
			require.Equal(t, at(time.Second), r.summary.End)
		})
	}
}

// The last price of bars is their close, whether the strategy hears of bars or not.
func TestLastPriceOfBars(t *testing.T) {
	for _, hears := range []bool{true, false} {
		r := newRun(t, bar(0, time.Minute, 5), bar(time.Minute, time.Minute, 6))
		var last []exchange.Price
		look := func(ctx *engine.Context) { last = append(last, ctx.Last(xbt)) }
		r.listener.bar = func(ctx *engine.Context, _ *engine.Bar) { look(ctx) }
		want := []exchange.Price{price(5), price(6)}
		if !hears {
			r.config.Strategy = &timed{look: look}
			want = []exchange.Price{0, price(5)}
		}
		require.NoError(t, r.run(t))
		require.Equal(t, want, last)
	}
}

// timed hears of the time alone.
type timed struct{ look func(ctx *engine.Context) }

func (*timed) Init(ctx *engine.Context) error                  { ctx.Every(45 * time.Second); return nil }
func (s *timed) OnTimer(ctx *engine.Context, _ engine.TimerID) { s.look(ctx) }

// Where no price is known yet, and the account is empty, limits on prices and values refuse
// nothing.
func TestLimitsWithoutAPrice(t *testing.T) {
	r := newRun(t, exchange.FundingEvent(at(0), at(0), xbt, exchange.Funding{Due: at(time.Hour)}))
	r.config.Limits = engine.Limits{OrderValue: 1, PositionValue: 1, PriceCollar: 1, Spread: 1, Drawdown: 1}
	r.listener.init = func(ctx *engine.Context) error { ctx.After(0); return nil }
	sent := 0
	r.listener.timer = func(ctx *engine.Context, _ engine.TimerID) {
		sent++
		_, err := ctx.Market(xbt, 5)
		require.NoError(t, err)
	}
	require.NoError(t, r.run(t))
	require.Equal(t, 1, sent)
	require.Nil(t, r.summary.Tripped)
}

// While positions are closed, and while a session leaves, an open order may still be made
// smaller: nothing can fill by that.
func TestOrdersShrinkWhileNonePass(t *testing.T) {
	for name, o := range map[string]exchange.Operation{
		"flatten": exchange.OperationFlatten, "leave": exchange.OperationLeave,
	} {
		t.Run(name, func(t *testing.T) {
			r := pursued(t, map[int][]exchange.Operation{2: {o}})
			r.venue.ignores = 1000
			begin, checked := r.listener.trade, false
			r.listener.trade = func(ctx *engine.Context, tr exchange.Trade) {
				begin(ctx, tr)
				if ctx.Now() != at(3*time.Second) {
					return
				}
				checked = true
				amend := func(a exchange.AmendOrder) error {
					a.Symbol, a.OrigClientID = xbt, "dun-2"
					return ctx.Amend(a)
				}
				require.Len(t, ctx.Orders(xbt), 1)
				require.NoError(t, amend(exchange.AmendOrder{Qty: new(exchange.Qty(9))}))
				var risk *engine.RiskError
				require.ErrorAs(t, amend(exchange.AmendOrder{Qty: new(exchange.Qty(10))}), &risk, "it is as large as before")
				require.ErrorAs(t, amend(exchange.AmendOrder{Qty: new(exchange.Qty(9)), Price: new(price(91))}), &risk)
			}
			require.NoError(t, r.run(t))
			require.True(t, checked)
		})
	}
}

// A report of a symbol that does not exist is a fault of the exchange, which the error names.
func TestReportsOfUnknownSymbols(t *testing.T) {
	for _, s := range []exchange.SymbolID{2, 3, 60_000} {
		r := newRun(t, trade(0, 100, 1))
		r.venue.reports = []exchange.Report{{Kind: exchange.ReportPosition, Symbol: s,
			Position: exchange.Position{Symbol: s, Qty: 7}}}
		var p *engine.PanicError
		require.ErrorAs(t, r.run(t), &p)
		require.Empty(t, p.Strategy)
		require.Equal(t, fmt.Sprintf("at the position of symbol #%d: 7", s), p.Doing)
	}
}

// The bounds of whole numbers are written with ten digits.
func TestBoundsOfNumbersAsText(t *testing.T) {
	p := engine.IntParam("size", 70, 50, 90, "contracts")
	require.Equal(t, []string{"70", "50", "90"}, []string{p.Default, p.Min, p.Max})
	q := engine.QtyParam("qty", 12, "contracts")
	require.Equal(t, []string{"12", "1", "9223372036854775807"}, []string{q.Default, q.Min, q.Max})
}

// What an observer cannot take of the reports that are left at the end ends the run with its
// error too.
func TestObserverThatFailsAtTheEnd(t *testing.T) {
	r := newRun(t, trade(0, 100, 1))
	full := &ledger{journal: &r.journal, fail: errors.New("no space left"), from: 1}
	r.config.Observer = &atTheEnd{Observer: full, until: 2}
	r.venue.reports = []exchange.Report{
		{Kind: exchange.ReportPosition, Symbol: xbt, Position: exchange.Position{Symbol: xbt}},
		{Kind: exchange.ReportPosition, Symbol: xbt, Position: exchange.Position{Symbol: xbt}, Arrival: exchange.Never},
	}
	require.ErrorIs(t, r.run(t), full.fail)
}

// atTheEnd is an observer that hears of some reports only: of those from a number on.
type atTheEnd struct {
	engine.Observer
	until int
}

func (o *atTheEnd) Report(r *exchange.Report) error {
	if o.until--; o.until > 0 {
		return nil
	}
	return o.Observer.Report(r)
}

// A panic is told with the event that was handled, with what was being done, with both or
// with neither.
func TestOccasionsOfPanics(t *testing.T) {
	ev := trade(0, 100, 1)
	for _, c := range []struct {
		e    engine.PanicError
		want string
	}{
		{engine.PanicError{}, ""},
		{engine.PanicError{Doing: "at the start"}, "at the start"},
		{engine.PanicError{Event: &ev, Symbol: "bitmex:XBTUSD"}, "at the event bitmex:XBTUSD " + ev.String()},
		{engine.PanicError{Event: &ev, Symbol: "bitmex:XBTUSD", Doing: "cancelling"},
			"at the event bitmex:XBTUSD " + ev.String() + ", cancelling"},
	} {
		require.Equal(t, c.want, c.e.Occasion())
		c.e.Text, c.e.Where = "x", "y"
		if c.want == "" {
			require.Equal(t, "fault in the program: x (in y)", c.e.Error())
		} else {
			require.Equal(t, "fault in the program "+c.want+": x (in y)", c.e.Error())
		}
	}
}

// A number is finite, also where its bounds are not.
func TestNumbersAreFinite(t *testing.T) {
	d := engine.Definition{Name: "demo", Params: []engine.Param{
		engine.FloatParam("x", 0, math.Inf(-1), math.Inf(1), "number"),
	}}
	for text, good := range map[string]bool{
		"1e300": true, "-1e300": true, "Inf": false, "-Inf": false, "NaN": false, "1e400": false,
	} {
		_, err := d.Values(map[string]string{"x": text})
		require.Equal(t, good, err == nil, text)
	}
}

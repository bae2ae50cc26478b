package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// A position that has outgrown its limit since its orders were sent can still be left:
// what enlarges nothing is not refused, of a long and of a short position. An inverse
// contract is worth more when its price falls.
func TestGuardLetsOutOfAPositionThatIsTooLarge(t *testing.T) {
	for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
		t.Run(side.String(), func(t *testing.T) {
			r := newRun(t, trade(0, 100, 1), trade(time.Second, 100, 1), trade(2*time.Second, 50, 1))
			r.config.Limits.PositionValue = 10 * at100
			step := 0
			var resting exchange.ClientID
			r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
				step++
				send := func(q exchange.Qty, kind exchange.OrderType, p exchange.Price,
					inst exchange.ExecInst) (exchange.ClientID, error) {
					return ctx.Submit(exchange.NewOrder{Symbol: xbt, Side: side, Qty: q, Type: kind, Price: p, ExecInst: inst})
				}
				amend := func(a exchange.AmendOrder) error {
					a.Symbol, a.OrigClientID = xbt, resting
					return ctx.Amend(a)
				}
				var err error
				switch step {
				case 1:
					_, err = send(6, exchange.Market, 0, 0)
					require.NoError(t, err)
				case 2:
					resting, err = send(4, exchange.Limit, price(90), 0)
					require.NoError(t, err)
				case 3: // 10 at 50 are worth twice the limit
					require.NoError(t, amend(exchange.AmendOrder{Price: new(price(40))}), "as large as before")
					require.NoError(t, amend(exchange.AmendOrder{Qty: new(exchange.Qty(4)), Price: new(price(41))}), "the same")
					require.NoError(t, amend(exchange.AmendOrder{Qty: new(exchange.Qty(3)), Price: new(price(42))}), "smaller")
					require.ErrorContains(t, amend(exchange.AmendOrder{Qty: new(exchange.Qty(5))}), engine.RulePositionValue)
					_, err = send(1, exchange.Limit, price(40), 0)
					require.ErrorContains(t, err, engine.RulePositionValue)
					_, err = ctx.Submit(exchange.NewOrder{Symbol: xbt, Side: side.Opposite(), Qty: 6, Type: exchange.Limit,
						Price: price(60)})
					require.NoError(t, err, "it closes")
				}
			}
			require.NoError(t, r.run(t))
			require.Equal(t, 3, step)
		})
	}
}

// ticks hear of bars and of one kind of event beside.
type (
	tradeTicks struct{ barListener }
	quoteTicks struct{ barListener }
	bookTicks  struct{ barListener }
)

func (*tradeTicks) OnTrade(*engine.Context, exchange.SymbolID, exchange.Trade)  {}
func (*quoteTicks) OnQuote(*engine.Context, exchange.SymbolID, exchange.Quote)  {}
func (*bookTicks) OnBook(*engine.Context, exchange.SymbolID, exchange.BookView) {}

// A strategy that hears of trades, quotes or books beside bars gets the bars that the
// data has, and none that it did not ask for; one of bars alone gets them from trades.
func TestDefaultBarsBesideTicks(t *testing.T) {
	minutes := []exchange.Event{bar(0, time.Minute, 5), bar(time.Minute, time.Minute, 6),
		bar(2*time.Minute, time.Minute, 7)}
	trades := []exchange.Event{trade(0, 5, 1), trade(time.Minute, 6, 1), trade(2*time.Minute, 7, 1),
		trade(3*time.Minute, 7, 1)}
	for _, tt := range []struct {
		name             string
		strategy         func() (engine.Strategy, *barListener)
		ofBars, ofTrades int
	}{
		{"bars alone", func() (engine.Strategy, *barListener) { s := new(barListener); return s, s }, 3, 3},
		{"trades", func() (engine.Strategy, *barListener) { s := new(tradeTicks); return s, &s.barListener }, 3, 0},
		{"quotes", func() (engine.Strategy, *barListener) { s := new(quoteTicks); return s, &s.barListener }, 3, 0},
		{"books", func() (engine.Strategy, *barListener) { s := new(bookTicks); return s, &s.barListener }, 3, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			count := func(events []exchange.Event) int {
				r := newRun(t, events...)
				s, heard := tt.strategy()
				r.config.Strategy = s
				require.NoError(t, r.run(t))
				return heard.n
			}
			require.Equal(t, tt.ofBars, count(minutes))
			require.Equal(t, tt.ofTrades, count(trades))
		})
	}
}

// Of two symbols each gets the bars that its own data has.
func TestDefaultBarsOfEachSymbol(t *testing.T) {
	r := newRun(t, bar(0, time.Minute, 5), of(trade(0, 5, 1), eth), of(trade(time.Minute, 5, 1), eth))
	r.config.Symbols = []exchange.SymbolID{xbt, eth}
	s := new(tradeTicks)
	r.config.Strategy = s
	require.NoError(t, r.run(t))
	require.Equal(t, 1, s.n, "the bar of the data, and none of trades")
}

// A book of single orders is shown by its levels.
func TestBooksOfOrders(t *testing.T) {
	order := func(d time.Duration, id uint64, side exchange.Side, p float64, q exchange.Qty,
		f exchange.Flags) exchange.Event {
		return exchange.BookOrderEvent(at(d), at(d), xbt, side, exchange.BookOrder{ID: id, Price: price(p), Qty: q}, f)
	}
	r := newRun(t,
		order(0, 1, exchange.Buy, 99, 5, exchange.FlagClear|exchange.FlagSnapshot),
		order(0, 2, exchange.Buy, 99, 7, exchange.FlagSnapshot),
		order(0, 3, exchange.Sell, 101, 4, exchange.FlagSnapshot|exchange.FlagLast),
		order(time.Second, 4, exchange.Sell, 100.5, 2, exchange.FlagLast),
		order(2*time.Second, 1, exchange.Buy, 99, 0, 0), // not the last of its message
		order(2*time.Second, 2, exchange.Buy, 99, 0, 0),
		order(2*time.Second, 5, exchange.Buy, 98, 1, exchange.FlagLast),
	)
	r.config.Symbols = []exchange.SymbolID{xbt}
	require.Equal(t, []string{
		"0s quote of 0 99/101", "0s book of 0 99/101",
		"1s quote of 0 99/100.5", "1s book of 0 99/100.5",
		"2s quote of 0 98/100.5", "2s book of 0 98/100.5",
	}, r.heard(t, "quote", "book"))
}

// A session in doubt of its account keeps its orders, refuses new ones until it is
// cleared, and lets what closes through.
func TestDoubtRefusesOrdersUntilCleared(t *testing.T) {
	r := operated(t,
		map[int]exchange.Operation{2: exchange.OperationDoubt, 4: exchange.OperationResume, 6: exchange.OperationClear})
	var said []string
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		_, err := ctx.Submit(exchange.NewOrder{Symbol: xbt, Side: exchange.Buy, Qty: 1, Type: exchange.Limit,
			Price: price(90)})
		said = append(said, fmt.Sprintf("%s %d %t", since(ctx.Now()), len(ctx.Orders(xbt)), err == nil))
	}
	require.NoError(t, r.run(t))
	require.Equal(t,
		[]string{"0s 1 true", "1s 2 true", "2s 3 true", "3s 3 false", "4s 3 false", "5s 3 false", "6s 3 false",
			"7s 4 true"}, said)
}

// Many events that are on their way at once all arrive, in order.
func TestManyEventsOnTheirWay(t *testing.T) {
	for _, n := range []int{15, 16, 17, 33, 100, 1000} {
		var events []exchange.Event
		var want []string
		for i := range n {
			events = append(events, trade(time.Duration(i)*time.Millisecond, float64(i+1), 1))
			want = append(want, fmt.Sprintf("%s trade of 0 at %d", 10*time.Second+time.Duration(i)*time.Millisecond, i+1))
		}
		events = append(events, trade(20*time.Second, 5000, 1))
		r := newRun(t, events...)
		r.config.Delay = engine.Delay{Fixed: 10 * time.Second}
		got := r.heard(t, "trade")
		require.Equal(t, want, got[:n])
	}
}

// A limit is the most that is allowed: what equals it is not beyond it, except for
// losses, which must not reach it.
func TestGuardAtItsLimits(t *testing.T) {
	r := newRun(t, trade(0, 100, 1), of(trade(9*time.Second, 100, 1), eth))
	r.config.Symbols = []exchange.SymbolID{xbt, eth}
	r.config.Limits.Stale = 9 * time.Second
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		_, err := ctx.Limit(xbt, 1, price(99), 0)
		require.NoError(t, err)
	}
	require.NoError(t, r.run(t))

	r, s := losing(t, engine.Limits{Drawdown: exchange.MustRatio("0.4")})
	require.NoError(t, r.run(t))
	require.Equal(t, []string{engine.RuleDrawdown}, s.rules)
	require.Equal(t, at(4*time.Second), r.summary.Tripped.At, "600 of 1000 are left")
}

// After a clearing the limits hold as before, and rejections are counted from none.
func TestLimitsHoldAfterAClearing(t *testing.T) {
	r := operated(t, map[int]exchange.Operation{3: exchange.OperationClear})
	r.config.Limits = engine.Limits{Rejections: 2, OrderQty: 10}
	var said []string
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		// Refused by the exchange, then by the guard.
		_ = ctx.Amend(exchange.AmendOrder{Symbol: xbt, OrigClientID: "none", Price: new(price(98))})
		_, err := ctx.Limit(xbt, 11, price(99), 0)
		var risk *engine.RiskError
		require.ErrorAs(t, err, &risk)
		said = append(said, risk.Rule)
	}
	require.NoError(t, r.run(t))
	require.Equal(t, []string{
		// two were rejected at 0s and 1s
		engine.RuleOrderQty, engine.RuleOrderQty, engine.RuleRejections, engine.RuleRejections,
		engine.RuleOrderQty, engine.RuleOrderQty, engine.RuleRejections, engine.RuleRejections,
	}, said)
}

// The levels of a book of orders follow a change of the tick.
func TestBookOfOrdersOutlivesAChangeOfTick(t *testing.T) {
	set := new(exchange.Instruments)
	in := *instruments(t).Get(xbt)
	terms := in.Terms[len(in.Terms)-1]
	in.Terms = []exchange.Terms{terms, terms}
	in.Terms[0].From, in.Terms[0].TickSize = 0, price(0.5)
	in.Terms[1].From, in.Terms[1].TickSize = at(time.Hour), price(0.1)
	require.NoError(t, set.Add(&in))
	order := func(d time.Duration, id uint64, side exchange.Side, p float64, f exchange.Flags) exchange.Event {
		return exchange.BookOrderEvent(at(d), at(d), xbt, side, exchange.BookOrder{ID: id, Price: price(p), Qty: 5}, f)
	}
	r := newRun(t, order(0, 1, exchange.Buy, 99.5, exchange.FlagClear|exchange.FlagSnapshot|exchange.FlagLast),
		order(2*time.Hour, 2, exchange.Sell, 99.8, exchange.FlagLast),
		order(2*time.Hour, 3, exchange.Buy, 99.6, exchange.FlagLast))
	r.config.Instruments = set
	require.Equal(t, []string{"0s book of 0 99.5/0", "2h0m0s book of 0 99.5/99.8", "2h0m0s book of 0 99.6/99.8"},
		r.heard(t, "book"))
}

// Of several orders that are to go, each is cancelled, while the one that reduces stays.
func TestPursuitCancelsEachOrder(t *testing.T) {
	r := pursued(t, map[int][]exchange.Operation{2: {exchange.OperationKill}})
	r.venue.ignores = 1
	begin, step := r.listener.trade, 0
	r.listener.trade = func(ctx *engine.Context, tr exchange.Trade) {
		begin(ctx, tr)
		switch step++; {
		case step == 2:
			for i := range 2 {
				_, err := ctx.Limit(xbt, 1, price(float64(80+i)), 0)
				require.NoError(t, err)
			}
		case ctx.Now() == at(3*time.Second):
			_, err := ctx.Limit(xbt, -10, price(110), exchange.ReduceOnly)
			require.NoError(t, err)
		}
	}
	require.Equal(t, []string{
		"2.5s venue cancels all of 0",
		"4.5s venue cancels dun-2", "4.5s venue cancels dun-3", "4.5s venue cancels dun-4",
	}, requests(t, r))
	require.Len(t, r.venue.resting, 1)
	require.Equal(t, exchange.ClientID("dun-5"), r.venue.resting[0].ClientID)
}

// clocked is a feed of a session: it hands events over when their time has come, and
// writes down until when it was asked to wait.
type clocked struct {
	list
	asked []string
	ends  exchange.Time // the session ends then
}

func (c *clocked) Wait(_ context.Context, until exchange.Time) ([]exchange.Event, error) {
	said := "never"
	if until != exchange.Never {
		said = since(until)
	}
	c.asked = append(c.asked, said)
	switch {
	case len(c.events) > 0 && c.events[0].Time <= until:
		n := 1
		for n < len(c.events) && c.events[n].Time == c.events[0].Time {
			n++
		}
		out := c.events[:n]
		c.events = c.events[n:]
		return out, nil
	case until < c.ends:
		return nil, nil
	case c.fail != nil:
		return nil, c.fail
	}
	return nil, io.EOF
}

// A feed that paces the run is told each time what would be done next, and asked for no
// more when the session has ended, the strategy has stopped it or events are left over.
func TestPacedRun(t *testing.T) {
	paced := func(t *testing.T, ends time.Duration, events ...exchange.Event) (*run, *clocked) {
		t.Helper()
		r := newRun(t, events...)
		c := &clocked{list: list{events: events}, ends: at(ends)}
		r.config.Feed = c
		return r, c
	}
	timers := func(r *run, every time.Duration) {
		r.listener.init = func(ctx *engine.Context) error { ctx.Every(every); return nil }
	}
	t.Run("to its end", func(t *testing.T) {
		r, c := paced(t, 4*time.Second, trade(0, 1, 1), trade(1500*time.Millisecond, 2, 1),
			trade(1500*time.Millisecond, 3, 1))
		timers(r, time.Second)
		require.Equal(t, []string{
			"0s trade of 0 at 1", "1s timer 1", "1.5s trade of 0 at 2", "1.5s trade of 0 at 3", "2s timer 1", "3s timer 1",
		}, r.heard(t, "trade", "timer"))
		require.Equal(t, []string{"never", "1s", "2s", "2s", "3s", "4s"}, c.asked)
		require.EqualValues(t, 3, r.summary.Events)
		require.Equal(t, at(3*time.Second), r.summary.End)
	})
	t.Run("until it is halted", func(t *testing.T) {
		r, c := paced(t, time.Hour, trade(0, 1, 1), trade(1500*time.Millisecond, 2, 1), trade(2*time.Second, 3, 1))
		timers(r, time.Second)
		r.listener.trade = func(ctx *engine.Context, tr exchange.Trade) {
			if tr.Price == price(2) {
				ctx.Halt("enough")
			}
		}
		require.Equal(t, []string{"0s trade of 0 at 1", "1s timer 1", "1.5s trade of 0 at 2"}, r.heard(t, "trade", "timer"))
		require.Equal(t, "enough", r.summary.Halted)
		require.Equal(t, []string{"never", "1s", "2s"}, c.asked, "it is not waited for after a halt")
	})
	t.Run("until it fails", func(t *testing.T) {
		r, c := paced(t, 0, trade(0, 1, 1))
		c.fail = errors.New("the socket is closed")
		require.EqualError(t, r.run(t), "market data: the socket is closed")
	})
	t.Run("without an event", func(t *testing.T) {
		r, _ := paced(t, 0)
		require.ErrorIs(t, r.run(t), engine.ErrNoEvents)
	})
}

// An order or an amendment of a symbol that the run does not trade is refused with an
// error, whatever number it has.
func TestUnknownSymbolsAreRefused(t *testing.T) {
	for _, limits := range []engine.Limits{{}, {OrderQty: 5}} {
		r := newRun(t, trade(0, 100, 1))
		r.config.Limits = limits
		tried := 0
		r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
			for _, s := range []exchange.SymbolID{eth, 2, 3, 60_000} {
				r.venue.refuse = exchange.ErrUnknownSymbol
				_, err := ctx.Submit(exchange.NewOrder{Symbol: s, Side: exchange.Buy, Qty: 1, Type: exchange.Limit,
					Price: price(99)})
				require.Error(t, err, "%d", s)
				tried++
			}
		}
		require.NoError(t, r.run(t))
		require.Equal(t, 4, tried)
	}
}

// slowly is a venue whose closing orders are accepted at once and fill after a time.
type slowly struct {
	simulated
	after time.Duration
	asked *[]string
}

func (s slowly) ClosePosition(_ context.Context, id exchange.SymbolID) (exchange.ClientID, error) {
	name := exchange.ClientID(fmt.Sprintf("close-%d", len(*s.asked)+1))
	*s.asked = append(*s.asked, since(s.now))
	held := s.held[id]
	order := exchange.Order{ClientID: name, Symbol: id, Side: exchange.SideOf(-held), Qty: held.Abs(), Leaves: held.Abs(),
		Type: exchange.Market, Status: exchange.New}
	s.report(exchange.Report{Kind: exchange.ReportOrder, ExecType: exchange.ExecNew, Symbol: id, Order: order})
	s.travel = append(s.travel, command{at: s.now.Add(s.after), do: func(exchange.Time) {
		s.held[id] = 0
		order.Status, order.Leaves, order.Filled = exchange.Filled, 0, held.Abs()
		s.report(exchange.Report{Kind: exchange.ReportFill, ExecType: exchange.ExecTrade, Symbol: id, Order: order,
			Fill: exchange.Fill{ClientID: name, Symbol: id, Side: order.Side, Qty: held.Abs()}})
	}})
	return name, nil
}

// An order that closes and that the venue has reported is waited for, however long it
// takes: a second one would turn the position round.
func TestPursuitWaitsForAClosingOrderThatWasReported(t *testing.T) {
	r := pursued(t, map[int][]exchange.Operation{2: {exchange.OperationFlatten}})
	var asked []string
	r.config.Exchange = slowly{simulated: simulated{&r.venue}, after: 50 * time.Second, asked: &asked}
	require.NoError(t, r.run(t))
	require.Equal(t, []string{"2.5s"}, asked)
	require.Zero(t, r.venue.held[xbt])
}

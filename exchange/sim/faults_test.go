package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Faults that users and readers of other engines have found in them, each with a test
// that it is not ours. H are those of hftbacktest, N of Nautilus Trader, L of LEAN. A
// test is named after what should be, not after what went wrong.

// said runs lines of a script and returns all the answers.
func (s *script) said(lines ...string) (out []string) {
	s.tb.Helper()
	for _, l := range lines {
		got, err := s.run(l)
		require.NoError(s.tb, err, l)
		out = append(out, got...)
	}
	return out
}

func (s *script) pos() exchange.Qty { return s.x.Account().Position(s.sym).Qty }

// H1: a position that counted an order's fills only once the order was filled whole.
func TestFaultH01PartialFillsReachThePosition(t *testing.T) {
	s := newScript(t)
	require.Equal(t, []string{"+0s a: New Buy 5 @ 100 working", "+0s a: Buy 2 @ 100 trade-at maker, 3 left, position 2"},
		s.said("book bid 100 10 ask 101 10", "submit a buy 5 limit 100", "trade sell 100 12"))
	require.Equal(t, exchange.Qty(2), s.pos())
	s.said("cancel a")
	require.Equal(t, exchange.Qty(2), s.pos(), "the rest of the order never comes")
}

// H2: an error when a fill emptied an order exactly.
func TestFaultH02AFillMayEmptyAnOrderExactly(t *testing.T) {
	s := newScript(t)
	require.Equal(t, []string{"+0s a: New Buy 5 @ 100 working", "+0s a: Buy 2 @ 100 trade-at maker, 3 left, position 2",
		"+0s a: Buy 3 @ 100 trade-at maker, 0 left, position 5"},
		s.said("book bid 100 10 ask 101 10", "submit a buy 5 limit 100", "trade sell 100 12", "trade sell 100 3", "trade sell 100 3"))
	require.Zero(t, s.x.Account().Open(s.sym))
}

// H4: what was behind us overstated by what had traded.
func TestFaultH04TradesAreNotCountedAsBehindUs(t *testing.T) {
	c := LevelChange{Front: 30 * QueueUnit, Before: 100, After: 60, Traded: 30}
	for name, want := range map[string]float64{"prob-power3:3": 29.213, "prob-power3:1": 25.714, "prob-log": 25.196} {
		m, err := ParseQueue(name)
		require.NoError(t, err)
		require.InDelta(t, want, float64(change(m, c))/QueueUnit, 0.001, "40 are behind, not 70")
	}
}

// H5: a place slightly below zero, under a power that is no integer, sent an order to
// the back of the queue.
func TestFaultH05TheFrontOfTheQueueStaysTheFront(t *testing.T) {
	for _, name := range []string{"prob-power:1.5", "prob-power2:2.5", "prob-power3:0.5", "prob-log", "prob-log2", "prob-power3:0.5,compat"} {
		m, err := ParseQueue(name)
		require.NoError(t, err)
		for _, front := range []int64{0, 1} {
			got := change(m, LevelChange{Front: front, Before: 100, After: 60})
			require.LessOrEqual(t, got, max(front, 0), name)
			require.GreaterOrEqual(t, got, int64(0), name)
		}
	}
}

// H6: each of several orders at a price got the whole trade, and they did not queue
// behind each other.
func TestFaultH06OrdersAtOnePriceShareATrade(t *testing.T) {
	s := newScript(t)
	s.said("book bid 100 10 ask 101 10", "submit a buy 5 limit 100", "submit b buy 5 limit 100")
	require.Equal(t, []string{"+0s a: Buy 4 @ 100 trade-at maker, 1 left, position 4"}, s.said("trade sell 100 14"))
	require.Equal(t, []string{"+0s a: Buy 1 @ 100 trade-at maker, 0 left, position 5", "+0s b: Buy 1 @ 100 trade-at maker, 4 left, position 6"},
		s.said("trade sell 100 2"))
}

// H7: fills of several orders at one time came in the order of a hash map.
func TestFaultH07SimultaneousFillsHaveAnOrder(t *testing.T) {
	var first []string
	for range 20 {
		s := newScript(t)
		s.said("book bid 100 10 99 10 98 10 ask 101 10")
		for i, p := range []string{"98", "99.5", "97", "99", "98.5", "100", "97.5", "100.5"} {
			s.said(fmt.Sprintf("submit o%d buy 1 limit %s", i, p))
		}
		got := s.said("trade sell 96 100")
		require.Len(t, got, 8)
		if first == nil {
			first = got
		}
		require.Equal(t, first, got)
	}
	require.True(t, strings.Contains(first[0], "o7") && strings.Contains(first[7], "o2"), "the best price first")
}

// H8: a trade that was recorded after the fall of the level that it caused counted
// twice.
func TestFaultH08ATradeAfterItsLevelChangeCountsOnce(t *testing.T) {
	for _, order := range [][]string{{"trade sell 100 30", "book bid 100 70"}, {"book bid 100 70", "trade sell 100 30"}} {
		s := newScript(t)
		s.said("book bid 100 100 ask 101 10", "submit a buy 5 limit 100")
		s.said(order...)
		require.Equal(t, []string{"a: 5 @ 100 behind 70.00"}, s.said("show queue"), "%v", order)
	}
}

// H9: what we took stayed in the book, and what we got did not come off the trades.
func TestFaultH09WhatWasTakenIsGone(t *testing.T) {
	s := newScript(t)
	got := s.said("book bid 100 10 ask 101 10 102 10", "submit a buy 8 market", "submit b buy 8 market")
	require.Contains(t, got, "+0s b: Buy 2 @ 101 book, 6 left, position 10")
	require.Contains(t, got, "+0s b: Buy 6 @ 102 book, 0 left, position 16")
	s = newScript(t)
	got = s.said("book bid 100 10 99 10 ask 101 10", "submit a buy 5 limit 100.5", "submit b buy 5 limit 100.5", "trade sell 100 7")
	require.Equal(t, []string{"+0s a: Buy 5 @ 100.5 trade-past maker, 0 left, position 5", "+0s b: Buy 2 @ 100.5 trade-past maker, 3 left, position 7"}, got[2:])
}

// H10: fills for which no trade was printed surprised users: a fill says its cause.
func TestFaultH10AFillNamesItsCause(t *testing.T) {
	s := newScript(t)
	require.Equal(t, []string{"+0s a: New Buy 5 @ 100 working", "+0s a: Buy 5 @ 100 book-crossed maker, 0 left, position 5"},
		s.said("book bid 100 10 ask 101 10", "submit a buy 5 limit 100", "book bid 100 0 99 10 ask 100 7 101 0"))
}

// H11: an amendment that was refused left its price behind.
func TestFaultH11ARefusedAmendmentChangesNothing(t *testing.T) {
	s := newScript(t)
	s.said("config overload=1", "book bid 100 10 ask 101 10") // every amendment is turned away
	s.x.cfg.Faults.Overload = 0
	s.said("submit a buy 5 limit 99")
	s.x.cfg.Faults.Overload = exchange.RatioUnit
	before := s.x.names.order("a").Order
	require.Equal(t, []string{"+0s a: amend refused, The system is currently overloaded. Please try again later."}, s.said("amend a price=100 qty=9"))
	require.Equal(t, before, s.x.names.order("a").Order)
	s.x.cfg.Faults.Overload = 0
	require.Equal(t, []string{"+0s a: amend refused, Invalid stopPx for ordType"}, s.said("amend a price=100 stop=90"))
	require.Equal(t, before, s.x.names.order("a").Order)
}

// N1: one clock for exchange and strategy, so that the book against which an order
// matched was late by the latency of the feed.
func TestFaultN01TheExchangeSeesTheMarketWhenItHappens(t *testing.T) {
	s := newScript(t)
	s.said("config latency=40ms/60ms", "book bid 100 10 ask 101 10", "submit a buy 5 market")
	// The ask moves while the order travels; the strategy will only hear of it later.
	require.Empty(t, s.said("at 30ms", "book ask 101 0 103 10"))
	require.Equal(t, []string{"+40ms (100ms) a: New Buy 5", "+40ms (100ms) a: Buy 5 @ 103 book, 0 left, position 5"}, s.said("at 200ms"))
}

// N2: an order in flight was acted on only when the clock next moved, after that event
// had updated the book. On bars it arrives inside one, at a price that is not known, and
// trades at the next open.
func TestFaultN02AnOrderArrivesBetweenEvents(t *testing.T) {
	s := newScript(t)
	s.said("config latency=50ms/0s", "bar 1m 100 110 90 105")
	s.said("at 59s", "at 1m", "bar 1m 105 120 105 120")
	s.said("submit a buy 5 market")
	require.Equal(t, []string{"+1m0.05s a: New Buy 5"}, s.said("at 2m"))
	require.Equal(t, []string{"+2m0s a: Buy 5 @ 118 bar-open, 0 left, position 5"}, s.said("bar 1m 118 120 118 120"))
	s = newScript(t)
	s.said("config latency=50ms/0s", "book bid 100 10 ask 101 10", "submit a buy 5 market")
	require.Contains(t, append(s.said("at 1s"), s.said("book ask 101 0 105 10")...), "+50ms a: Buy 5 @ 101 book, 0 left, position 5")
}

// N3: the events of another instrument settled orders early. (See also I15.)
func TestFaultN03AnotherInstrumentSettlesNothing(t *testing.T) {
	for _, other := range []bool{false, true} {
		s := newScript(t)
		s.said("config latency=50ms/0s", "book bid 100 10 ask 101 10", "submit a buy 5 market")
		if other {
			s.now = s.now.Add(10 * time.Millisecond)
			ev := exchange.TradeEvent(s.now, s.now, 1, exchange.Trade{Side: exchange.Buy, Price: 7 * exchange.PriceUnit, Qty: 1})
			s.x.Market(&ev)
			require.Empty(t, s.until(s.now))
		}
		require.Equal(t, []string{"+50ms a: New Buy 5", "+50ms a: Buy 5 @ 101 book, 0 left, position 5"}, s.said("at 1s"))
	}
}

// N4: a timer filled an order at a price that was no longer there.
func TestFaultN04AnOrderMeetsTheBookOfItsArrival(t *testing.T) {
	s := newScript(t)
	s.said("config latency=50ms/0s", "book bid 100 10 ask 101 10", "submit a buy 5 market", "at 20ms", "book ask 101 0 102 10")
	require.Equal(t, []string{"+50ms a: New Buy 5", "+50ms a: Buy 5 @ 102 book, 0 left, position 5"}, s.said("at 50ms"))
	require.Empty(t, s.said("at 60ms", "book ask 102 0 101 10"))
}

// N5: a trade's price replaced the side that it hit, and resting orders filled without
// regard to the queue ahead of them.
func TestFaultN05ATradeGoesThroughTheQueueFirst(t *testing.T) {
	s := newScript(t)
	require.Equal(t, []string{"+0s a: New Buy 5 @ 100 working"}, s.said("book bid 100 50 ask 101 10", "submit a buy 5 limit 100", "trade sell 100 50"))
	require.Equal(t, []string{"+0s a: Buy 1 @ 100 trade-at maker, 4 left, position 1"}, s.said("trade sell 100 1"))
}

// N6: one displayed quantity filled any number of orders, unless a setting said
// otherwise.
func TestFaultN06LiquidityIsConsumedByDefault(t *testing.T) {
	s := newScript(t)
	s.said("book bid 100 10 ask 101 10", "submit a buy 10 market")
	require.Equal(t, []string{"+0s b: New Buy 10", "+0s b: Canceled, Canceled: Order had timeInForce of ImmediateOrCancel"}, s.said("submit b buy 10 market"))
	require.Contains(t, s.said("book ask 101 10", "submit c buy 10 market"), "+0s c: Buy 10 @ 101 book, 0 left, position 20",
		"the level was shown anew")
}

// N7: with consumption on, trades at our price found nothing left for us later.
func TestFaultN07EveryTradeBringsItsOwnQuantity(t *testing.T) {
	s := newScript(t)
	s.said("book bid 100 10 ask 101 10", "submit a buy 9 limit 100")
	require.Equal(t, []string{"+0s a: Buy 3 @ 100 trade-at maker, 6 left, position 3"}, s.said("trade sell 100 13"))
	for i, left := range []int{3, 0} {
		require.Equal(t, []string{fmt.Sprintf("+0s a: Buy 3 @ 100 trade-at maker, %d left, position %d", left, 6+3*i)}, s.said("trade sell 100 3"))
	}
}

// N9: a snapshot put every order at the front of its queue.
func TestFaultN09ASnapshotKeepsThePlaces(t *testing.T) {
	s := newScript(t)
	s.said("book bid 100 50 ask 101 10", "submit a buy 5 limit 100", "trade sell 100 20", "book bid 100 30")
	for range 3 {
		require.Equal(t, []string{"a: 5 @ 100 behind 30.00"}, s.said("book clear bid 100 30 99 10 ask 101 10", "show queue"))
	}
	require.Equal(t, []string{"a: 5 @ 100 behind 30.00"}, s.said("book clear bid 100 90 99 10 ask 101 10", "show queue"), "what is new is behind")
}

// N11: triggers looked at the bid and ask whatever price they were to follow.
func TestFaultN11TriggersFollowThePriceTheyName(t *testing.T) {
	place := func() *script {
		s := newScript(t)
		s.said("mark 100 index=100", "book bid 99.5 10 ask 100.5 10", "trade buy 100 1",
			"submit l sell 1 stop 90 last", "submit m sell 1 stop 90 mark", "submit i sell 1 stop 90 index")
		return s
	}
	for id, line := range map[string]string{"l": "trade sell 90 1", "m": "mark 90 index=100", "i": "mark 100 index=90"} {
		got := place().said("book bid 99.5 0 85 10 ask 86 10", line) // the book alone triggers nothing
		require.NotEmpty(t, got)
		for _, l := range got {
			require.Contains(t, l, " "+id+": ")
		}
	}
}

// N12, L5: maintenance margin that fell with leverage.
func TestFaultN12MaintenanceMarginDoesNotDependOnLeverage(t *testing.T) {
	maint := map[exchange.Money]bool{}
	for _, leverage := range []string{"1", "10", "100"} {
		s := newScript(t)
		s.said("config leverage="+leverage, "book bid 100 1000 ask 101 1000", "submit a buy 1000 market", "mark 101")
		p := s.x.Account().Position(0)
		require.NotZero(t, p.Qty)
		// Isolated margin holds what it was given; where it is liquidated is what
		// maintenance asks for.
		maint[exchange.Money(p.LiquidationPrice-p.BankruptPrice)] = true
	}
	require.Len(t, maint, 1, "liquidation comes the same distance before bankruptcy: %v", maint)
}

// N14: liquidation that looked at quotes alone, and closed every position of the
// currency.
func TestFaultN14LiquidationFollowsTheMarkOfItsPosition(t *testing.T) {
	s := newScript(t)
	s.said("config leverage=50", "mark 100", "book bid 99.5 1000 ask 100 1000", "submit a buy 100 market")
	s.sym = 1
	s.said("mark 100", "book bid 99.5 1000 ask 100 1000", "submit b buy 100 market")
	s.sym = 0
	require.Empty(t, s.said("book bid 99.5 0 50 10 ask 51 10"), "a quote liquidates nothing")
	got := s.said("mark 97")
	require.Len(t, got, 1)
	require.Contains(t, got[0], "Liquidation: Sell 100")
	require.Equal(t, exchange.Qty(100), s.x.Account().Position(1).Qty, "the other position has a margin of its own")
}

// N15: the same resting order filled more than once.
func TestFaultN15AnOrderFillsOnce(t *testing.T) {
	s := newScript(t)
	s.said("book bid 100 10 ask 101 10", "submit a buy 5 limit 100")
	got := s.said("trade sell 99 100", "trade sell 99 100", "book bid 100 0 ask 99 5 101 0", "trade sell 98 100")
	require.Equal(t, []string{"+0s a: Buy 5 @ 100 trade-past maker, 0 left, position 5"}, got)
}

// N17: a bar was four prints of a quarter of its volume, and between them there were
// no prices.
func TestFaultN17ABarPassesEveryPriceBetweenItsExtremes(t *testing.T) {
	s := newScript(t)
	s.said("config path=low-first", "bar 1m 100 100 100 100")
	s.said("submit a buy 5 limit 97", "submit b sell 5 limit 103.5")
	got := append(s.said("at 1m"), s.said("bar 1m 100 110 90 105", "at 2m")...)
	require.Len(t, got, 2)
	require.Contains(t, got[0], "a: Buy 5 @ 97 bar-path maker")
	require.Contains(t, got[1], "b: Sell 5 @ 103.5 bar-path maker")
}

// N18: a decision on a bar's close filled at that close.
func TestFaultN18ADecisionOnACloseActsOnTheNextBar(t *testing.T) {
	s := newScript(t)
	s.said("bar 1m 100 110 90 105", "at 59.999s")
	got := s.said("at 1m", "bar 1m 120 130 118 125", "submit a buy 5 market")
	require.Equal(t, []string{"+1m0s a: New Buy 5", "+1m0s a: Buy 5 @ 120 bar-open, 0 left, position 5"}, got)
}

// L1: an order filled whole or not at all.
func TestFaultL01FillsCanBePartial(t *testing.T) {
	s := newScript(t)
	s.said("config share=0.1", "bar 1m 100 100 100 100", "submit a buy 5 limit 97")
	got := append(s.said("at 1m"), s.said("bar 1m 100 110 90 105 vol=30", "at 2m")...)
	require.Len(t, got, 1)
	require.Contains(t, got[0], "a: Buy 3 @ 97 bar-path maker, 2 left")
}

// L2: a stop-limit order was tested against the close of the bar that triggered it.
func TestFaultL02AStopLimitIsTestedWhereItIsTriggered(t *testing.T) {
	s := newScript(t)
	s.said("config path=high-first", "bar 1m 100 100 100 100", "submit a buy 5 stoplimit 105 106 last")
	// Up through 105, where 106 takes, then down to a close of 90.
	got := append(s.said("at 1m"), s.said("bar 1m 100 110 90 90", "at 2m")...)
	require.Equal(
		t,
		[]string{
			"+1m59.999999999s a: TriggeredOrActivatedBySystem",
			"+1m59.999999999s a: Buy 5 @ 105 bar-path, 0 left, position 5",
		},
		got,
	)
	// Triggered at 105 with a limit of 104: it rests, and fills on the way down, not at
	// the trigger.
	s = newScript(t)
	s.said("config path=high-first", "bar 1m 100 100 100 100", "submit a buy 5 stoplimit 105 104 last")
	got = append(s.said("at 1m"), s.said("bar 1m 100 110 90 90", "at 2m")...)
	require.Equal(
		t,
		[]string{
			"+1m59.999999999s a: TriggeredOrActivatedBySystem",
			"+1m59.999999999s a: Buy 5 @ 104 bar-path maker, 0 left, position 5",
		},
		got,
	)
}

// L3: a trailing stop moved only after the fill test.
func TestFaultL03ATrailingStopMovesBeforeItIsTested(t *testing.T) {
	s := newScript(t)
	s.said("config path=high-first", "bar 1m 100 100 100 100", "submit a sell 5 stop 90 last trail=-10")
	got := append(s.said("at 1m"), s.said("bar 1m 100 120 105 105", "at 2m")...)
	require.True(t, slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, "a: Restated") && strings.Contains(l, "stop 110") }), "%v", got)
	require.True(t, slices.ContainsFunc(got, func(l string) bool { return strings.Contains(l, "a: Sell 5 @ 110 bar-path") }), "%v", got)
}

// L4: a margin call looked every five minutes, with ten percent to spare.
func TestFaultL04LiquidationComesAtTheMarkThatCallsForIt(t *testing.T) {
	s := newScript(t)
	s.said("config leverage=10", "mark 100", "book bid 99.5 1000 ask 100 1000", "submit a buy 100 market")
	p := s.x.Account().Position(0).LiquidationPrice
	tick := half
	require.Empty(t, s.said("mark "+(p+tick).String()), "a tick above the liquidation price")
	require.NotEmpty(t, s.said("mark "+p.String()), "at it")
	require.Zero(t, s.pos())
}

// L6: the margin of inverse contracts was computed as if they were linear.
func TestFaultL06InverseContractsLoseMoreOnTheWayDown(t *testing.T) {
	i := instruments(t)
	inv, err := i.Lookup("test", "INV")
	require.NoError(t, err)
	terms := inv.At(epoch)
	loss := terms.Value(100, 8_000*exchange.PriceUnit) - terms.Value(100, 10_000*exchange.PriceUnit)
	gain := terms.Value(100, 10_000*exchange.PriceUnit) - terms.Value(100, 12_000*exchange.PriceUnit)
	require.Equal(t, exchange.Money(250_000), loss)
	require.Equal(t, exchange.Money(166_700), gain)
}

package sim

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// joins is a model that gives the next order that joins a level a place of its choice, and
// lets nothing but trades move it.
type joins struct {
	RiskAverse
	front *int64
}

func (m joins) Join(exchange.Qty) int64 { return *m.front }

// withFront returns a conversation in which orders join behind a number of units that the
// test sets, at a level that shows enough.
func withFront(tb testing.TB, symbol, data string) (*script, *int64) {
	tb.Helper()
	s, front := newScript(tb), new(int64)
	s.said("config symbol=" + symbol)
	s.x.cfg.Queue = joins{front: front}
	switch data {
	case "book":
		s.said("book bid 100 1000000 ask 200 10")
	case "quotes":
		s.said("quote 100 1000000 200 10")
	}
	return s, front
}

// What of a trade came past those ahead of an order and does not make a lot counts for the
// order at the next trade.
func TestQueuesKeepWhatDoesNotMakeALot(t *testing.T) {
	for _, c := range []struct {
		name   string
		symbol string
		front  float64 // contracts
		trades []exchange.Qty
		fills  []exchange.Qty // after each trade, in all
	}{
		{"a half", "ABC", 0.5, []exchange.Qty{1, 1, 1, 1}, []exchange.Qty{0, 1, 2, 3}},
		{"nearly one", "ABC", 0.999, []exchange.Qty{1, 1, 1, 1}, []exchange.Qty{0, 1, 2, 3}},
		{"hardly anything", "ABC", 0.001, []exchange.Qty{1, 1, 1, 1}, []exchange.Qty{0, 1, 2, 3}},
		{"two and a half", "ABC", 2.5, []exchange.Qty{1, 1, 1, 3, 1}, []exchange.Qty{0, 0, 0, 3, 4}},
		{"nobody", "ABC", 0, []exchange.Qty{1, 2, 1}, []exchange.Qty{1, 3, 4}},
		{"whole contracts", "ABC", 3, []exchange.Qty{2, 2, 1}, []exchange.Qty{0, 1, 2}},
		{"all at once", "ABC", 0.5, []exchange.Qty{5, 5}, []exchange.Qty{4, 9}},
		{"half a lot", "LOT", 50, []exchange.Qty{100, 100, 100}, []exchange.Qty{0, 100, 200}},
		{"a lot and a bit", "LOT", 100.5, []exchange.Qty{200, 100, 100}, []exchange.Qty{0, 100, 200}},
		{"parts of a lot", "LOT", 0, []exchange.Qty{50, 50, 30, 30, 40}, []exchange.Qty{0, 100, 100, 100, 200}},
		{"the same behind a half", "LOT", 50, []exchange.Qty{60, 60, 60, 60}, []exchange.Qty{0, 0, 100, 100}},
	} {
		for _, data := range []string{"book", "quotes"} {
			t.Run(c.name+" "+data, func(t *testing.T) {
				s, front := withFront(t, c.symbol, data)
				*front = int64(c.front * QueueUnit)
				s.said("submit a buy 10000 limit 100")
				for i, q := range c.trades {
					s.said(fmt.Sprintf("trade sell 100 %d", q))
					require.Equal(t, c.fills[i], s.x.Account().Position(s.sym).Qty, "after trade %d", i)
				}
			})
		}
	}
}

// The credit belongs to the place: a level that changes does not touch it, and an order
// that loses its place loses it.
func TestCreditBelongsToThePlace(t *testing.T) {
	for _, c := range []struct {
		name   string
		say    string // between the first trade and the second
		filled exchange.Qty
	}{
		{"the level grows", "book bid 100 1000005", 1},
		{"the level falls", "book bid 100 10", 1},
		{"the level is gone", "book bid 100 0", 1},
		{"the book is sent anew", "book clear bid 100 7 ask 200 10", 1},
		{"less of the order is left", "amend a leaves=3", 1},
		{"the order grows", "amend a leaves=10", 0},
		{"the order goes away and returns", "amend a price=99\namend a price=100", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, front := withFront(t, "ABC", "book")
			*front = QueueUnit / 2
			s.said("submit a buy 5 limit 100", "trade sell 100 1")
			s.said(strings.Split(c.say, "\n")...)
			s.said("trade sell 100 1")
			require.Equal(t, c.filled, s.x.Account().Position(s.sym).Qty)
		})
	}
}

// Quotes that leave our price and return do not take the credit.
func TestCreditSurvivesQuotes(t *testing.T) {
	s, front := withFront(t, "ABC", "quotes")
	*front = QueueUnit / 2
	s.said(
		"submit a buy 5 limit 100",
		"trade sell 100 1",
		"quote 99 10 200 10",
		"quote 100 10 200 10",
		"trade sell 100 1",
	)
	require.Equal(t, exchange.Qty(1), s.x.Account().Position(s.sym).Qty)
}

// Where every order is known, and for orders that are hidden, trades of less than a lot add up too.
func TestTradesOfLessThanALotAddUp(t *testing.T) {
	for _, c := range []struct{ book, order string }{
		{"orders 1 bid 100 50 3 ask 200 100", "submit a buy 500 limit 100"},
		{"orders 1 bid 100 50 3 ask 200 100", "submit a buy 500 limit 100 hidden"},
		{"book bid 100 50 ask 200 100", "submit a buy 500 limit 100 hidden"},
	} {
		s := newScript(t)
		s.said("config symbol=LOT", c.book, c.order)
		for i, want := range []exchange.Qty{0, 0, 100, 100, 200} {
			s.said(fmt.Sprintf("at %dms", i+1), "trade sell 100 50")
			require.Equal(t, want, s.x.Account().Position(s.sym).Qty, "%s, after trade %d", c.order, i)
		}
	}
}

// A trade that an order of ours takes whole does not reach the next one, which keeps its
// place after a fall that no trade has explained yet.
func TestATradeThatEndsBeforeAnOrderDoesNotMoveIt(t *testing.T) {
	s := newScript(t)
	s.said(
		"config queue=prob-power:3",
		"book bid 99 10 ask 101 10",
		"submit a buy 5 limit 100",
		"book bid 100 100",
		"submit b buy 5 limit 100",
	)
	s.said("book bid 100 60")
	b := s.x.names.order("b")
	require.LessOrEqual(t, b.queue.front, int64(60*QueueUnit))
	require.Equal(t, []string{"+0s a: Buy 2 @ 100 trade-at maker, 3 left, position 2"}, s.said("trade sell 100 2"))
	require.LessOrEqual(t, b.queue.front, int64(60*QueueUnit))
}

// Over any trades, what orders of ours at one price got is never more than what was traded
// beyond the first one's front, and never less by a lot or more; one that came later gets
// nothing before those that came earlier have filled. The bound is worked out in fractions.
func TestFillsFollowTheTradesBeyondTheFront(t *testing.T) {
	tb := t
	rapid.Check(t, func(t *rapid.T) {
		lot := rapid.SampledFrom([]int64{1, 100}).Draw(t, "lot")
		s, front := withFront(
			tb,
			map[int64]string{1: "ABC", 100: "LOT"}[lot],
			rapid.SampledFrom([]string{"book", "quotes"}).Draw(t, "data"),
		)
		*front = rapid.Int64Range(0, 5*lot*QueueUnit).Draw(t, "front")
		ahead := big.NewRat(*front, QueueUnit)
		first := rapid.Int64Range(1, 20).Draw(t, "first order") * lot
		s.said(fmt.Sprintf("submit a buy %d limit 100", first), fmt.Sprintf("submit b buy %d limit 100", 1000*lot))
		unit := rapid.SampledFrom([]int64{1, lot}).Draw(t, "unit")
		traded := new(big.Rat)
		for range rapid.IntRange(1, 40).Draw(t, "trades") {
			q := rapid.Int64Range(1, 5*lot/unit).Draw(t, "trade") * unit
			s.said(fmt.Sprintf("trade sell 100 %d", q))
			traded.Add(traded, big.NewRat(q, 1))

			got := s.x.Account().Position(s.sym).Qty
			beyond := new(big.Rat).Sub(traded, ahead)
			require.LessOrEqual(
				t,
				big.NewRat(int64(got), 1).Cmp(bigMax(beyond, new(big.Rat))),
				0,
				"%d filled, %s traded beyond the front",
				got,
				beyond.FloatString(3),
			)
			lag := new(big.Rat).Sub(beyond, big.NewRat(int64(got), 1))
			require.Negative(
				t,
				lag.Cmp(big.NewRat(lot, 1)),
				"%d filled, %s traded beyond the front",
				got,
				beyond.FloatString(3),
			)
			if a := s.x.names.order("a"); a != nil && a.state == resting {
				require.Less(t, int64(got), first, "b filled before a")
			}
		}
	})
}

func bigMax(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) < 0 {
		return b
	}
	return a
}

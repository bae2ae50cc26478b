package engine_test

import (
	"fmt"
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
				send := func(q exchange.Qty, kind exchange.OrderType, p exchange.Price, inst exchange.ExecInst) (exchange.ClientID, error) {
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
					_, err = ctx.Submit(exchange.NewOrder{Symbol: xbt, Side: side.Opposite(), Qty: 6, Type: exchange.Limit, Price: price(60)})
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
	minutes := []exchange.Event{bar(0, time.Minute, 5), bar(time.Minute, time.Minute, 6), bar(2*time.Minute, time.Minute, 7)}
	trades := []exchange.Event{trade(0, 5, 1), trade(time.Minute, 6, 1), trade(2*time.Minute, 7, 1), trade(3*time.Minute, 7, 1)}
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
	order := func(d time.Duration, id uint64, side exchange.Side, p float64, q exchange.Qty, f exchange.Flags) exchange.Event {
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
	r := operated(t, map[int]exchange.Operation{2: exchange.OperationDoubt, 4: exchange.OperationResume, 6: exchange.OperationClear})
	var said []string
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		_, err := ctx.Submit(exchange.NewOrder{Symbol: xbt, Side: exchange.Buy, Qty: 1, Type: exchange.Limit, Price: price(90)})
		said = append(said, fmt.Sprintf("%s %d %t", since(ctx.Now()), len(ctx.Orders(xbt)), err == nil))
	}
	require.NoError(t, r.run(t))
	require.Equal(t, []string{"0s 1 true", "1s 2 true", "2s 3 true", "3s 3 false", "4s 3 false", "5s 3 false", "6s 3 false", "7s 4 true"}, said)
}

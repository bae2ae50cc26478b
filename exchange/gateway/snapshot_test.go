package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/gateway"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// listening is an account that records the market events that it receives.
type listening struct {
	*sim.Exchange
	events *[]exchange.Event
}

func (l listening) Market(e *exchange.Event) {
	*l.events = append(*l.events, *e)
	l.Exchange.Market(e)
}

// An account that opens receives the market as it is: marks, funding, the whole book as one
// message, and the last trade with its side.
func TestAccountsOpenWithTheMarket(t *testing.T) {
	for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
		var events []exchange.Event
		w := newWorld(t, func(c *gateway.Config) {
			open := c.Open
			c.Open = func(k gateway.Key) (exchange.Exchange, gateway.Statement, error) {
				x, statement, err := open(k)
				own, ok := x.(*sim.Exchange)
				require.True(t, ok)
				return listening{own, &events}, statement, err
			}
		})
		p := exchange.MustPrice
		level := func(side exchange.Side, price string, flags exchange.Flags) exchange.Event {
			return exchange.LevelEvent(w.now, w.now, w.inst.ID, side, exchange.Level{Price: p(price), Qty: 500}, flags)
		}
		other := exchange.Buy + exchange.Sell - side
		w.step(exchange.FundingEvent(w.now, w.now, w.inst.ID, exchange.Funding{Rate: exchange.MustRatio("0.0001"),
			Due: w.now.Add(4 * time.Hour)}),
			exchange.MarkEvent(w.now, w.now, w.inst.ID, exchange.Mark{Mark: p("30000.5"), Index: p("29999.12")}),
			level(exchange.Buy, "29999.5", exchange.FlagClear|exchange.FlagSnapshot),
			level(exchange.Buy, "29999", exchange.FlagSnapshot),
			level(exchange.Sell, "30000", exchange.FlagSnapshot|exchange.FlagLast),
			exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: other, Price: p("29999.5"), Qty: 200}),
			exchange.TradeEvent(w.now, w.now, w.inst.ID, exchange.Trade{Side: side, Price: p("30000"), Qty: 300}))
		require.Empty(t, events)
		w.ask("trader", "GET", "/order", "").into(t, &[]any{})
		var told []string
		for i := range events {
			e := &events[i]
			switch text := fmt.Sprintf("%s %d ", e.Kind, e.Flags); e.Kind {
			case exchange.KindTrade:
				told = append(told, fmt.Sprintf("trade %s %d at %s", e.Trade().Side, e.Trade().Qty, e.Trade().Price))
			case exchange.KindBook:
				told = append(told, fmt.Sprintf("%s%s %d at %s", text, e.Side, e.Level().Qty, e.Level().Price))
			default:
				told = append(told, e.Kind.String())
			}
		}
		first, next, last := exchange.FlagSnapshot|exchange.FlagClear, exchange.FlagSnapshot,
			exchange.FlagSnapshot|exchange.FlagLast
		require.Equal(t, []string{
			"funding", "mark",
			fmt.Sprintf("book %d Buy 500 at 29999.5", first), fmt.Sprintf("book %d Buy 500 at 29999", next),
			fmt.Sprintf("book %d Sell 500 at 30000", last),
			fmt.Sprintf("trade %s 300 at 30000", side),
		}, told)
	}
}

// A change of an instrument that was told is not told again with the next one.
func TestInstrumentChangesOnce(t *testing.T) {
	w := busy(t)
	s := w.dial("/realtime", nil)
	s.subscribe("instrument:XBTUSD")
	mark := func(text string) {
		v := exchange.MustPrice(text)
		w.step(exchange.MarkEvent(w.now, w.now, w.inst.ID, exchange.Mark{Mark: v, Index: v}))
	}
	update := func() map[string]any {
		var all map[string]any
		for _, m := range s.frames() {
			require.Equal(t, "instrument update", fmt.Sprint(m["table"], " ", m["action"]))
			rows, ok := m["data"].([]any)
			require.True(t, ok)
			require.Len(t, rows, 1)
			all, ok = rows[0].(map[string]any)
			require.True(t, ok)
		}
		return all
	}
	mark("30010")
	require.InDelta(t, 30010, update()["markPrice"], 0)
	w.step(exchange.TradeEvent(w.now, w.now, w.inst.ID,
		exchange.Trade{Side: exchange.Buy, Price: exchange.MustPrice("30005"), Qty: 100}))
	told := update()
	require.InDelta(t, 30005, told["lastPrice"], 0)
	require.NotContains(t, told, "markPrice")
	require.NotContains(t, told, "indicativeSettlePrice")
	mark("30010")
	require.Empty(t, s.frames(), "nothing has changed")
	mark("30011")
	told = update()
	require.InDelta(t, 30011, told["markPrice"], 0)
	require.NotContains(t, told, "lastPrice")
}

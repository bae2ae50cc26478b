package engine_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// guarded is a run over a quiet market at 100: a quote and a trade a second.
func guarded(t testing.TB, l engine.Limits, seconds int) *run {
	var events []exchange.Event
	for i := range seconds {
		d := time.Duration(i) * time.Second
		events = append(events, quote(d, 99.5, 100.5), trade(d, 100, 1))
	}
	r := newRun(t, events...)
	r.config.Limits = l
	return r
}

// at100 is the value of a contract at 100, in satoshi.
const at100 = 1_000_000

func TestGuardRefuses(t *testing.T) {
	buy := func(q exchange.Qty, p float64) exchange.NewOrder {
		return exchange.NewOrder{Symbol: xbt, Side: exchange.Buy, Qty: q, Type: exchange.Limit, Price: price(p)}
	}
	market := exchange.NewOrder{Symbol: xbt, Side: exchange.Buy, Qty: 11, Type: exchange.Market}
	stop := exchange.NewOrder{Symbol: xbt, Side: exchange.Buy, Qty: 1, Type: exchange.Stop, StopPrice: price(150)}
	for name, c := range map[string]struct {
		limits engine.Limits
		before []exchange.NewOrder
		order  exchange.NewOrder
		want   string // empty: passes
	}{
		"nothing":    {engine.Limits{}, nil, buy(1_000_000, 1), ""},
		"size":       {engine.Limits{OrderQty: 10}, nil, buy(11, 100), "order-qty: 11 contracts, limit 10"},
		"size, just": {engine.Limits{OrderQty: 10}, nil, buy(10, 100), ""},
		"value": {engine.Limits{OrderValue: 10 * at100}, nil, buy(11, 100),
			"order-value: value 0.11 XBT, limit 0.1 XBT"},
		"value, just": {engine.Limits{OrderValue: 10 * at100}, nil, buy(10, 100), ""},
		"value at the market": {engine.Limits{OrderValue: 10 * at100}, nil, market,
			"order-value: value 0.11 XBT, limit 0.1 XBT"},
		"collar": {engine.Limits{PriceCollar: exchange.MustRatio("0.05")}, nil, buy(1, 94.5),
			"price-collar: 94.5 is 0.055 away from 100, limit 0.05"},
		"collar, just": {engine.Limits{PriceCollar: exchange.MustRatio("0.05")}, nil, buy(1, 95), ""},
		"collar of a stop": {engine.Limits{PriceCollar: exchange.MustRatio("0.05")}, nil, stop,
			"price-collar: 150 is 0.5 away from 100, limit 0.05"},
		"position": {engine.Limits{PositionQty: 10}, []exchange.NewOrder{buy(6, 99)}, buy(5, 99),
			"position-qty: could become 11 contracts, limit 10"},
		"position, just": {engine.Limits{PositionQty: 10}, []exchange.NewOrder{buy(6, 99)}, buy(4, 99), ""},
		"position, other side": {engine.Limits{PositionQty: 10}, []exchange.NewOrder{buy(6, 99)},
			exchange.NewOrder{Symbol: xbt, Side: exchange.Sell, Qty: 10, Type: exchange.Limit, Price: price(101)}, ""},
		"position's value": {engine.Limits{PositionValue: 10 * at100}, []exchange.NewOrder{buy(6, 99)}, buy(5, 99),
			"position-value: could become a value of 0.11 XBT, limit 0.1 XBT"},
		"position's value, just": {engine.Limits{PositionValue: 10 * at100}, []exchange.NewOrder{buy(6, 99)}, buy(4, 99), ""},
		"open orders, just":      {engine.Limits{OpenOrders: 2}, []exchange.NewOrder{buy(1, 98)}, buy(1, 97), ""},
		"open orders": {engine.Limits{OpenOrders: 2}, []exchange.NewOrder{buy(1, 98), buy(1, 99)}, buy(1, 97),
			"open-orders: 2 are open, limit 2"},
		"rate": {engine.Limits{OrdersPerMinute: 2}, []exchange.NewOrder{buy(1, 98), buy(1, 99)},
			buy(1, 97), "orders-per-minute: limit 2"},
		"spread": {engine.Limits{Spread: exchange.MustRatio("0.009")}, nil, buy(1, 97),
			"spread: 0.01, limit 0.009"},
		"spread, just": {engine.Limits{Spread: exchange.MustRatio("0.01")}, nil, buy(1, 97), ""},
		"too close, yet closes": {engine.Limits{PositionQty: 1, OpenOrders: 1}, []exchange.NewOrder{buy(1, 99)},
			exchange.NewOrder{Symbol: xbt, Side: exchange.Sell, Qty: 5, Type: exchange.Market, ExecInst: exchange.ReduceOnly},
			""},
	} {
		t.Run(name, func(t *testing.T) {
			r := guarded(t, c.limits, 1)
			r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
				for _, o := range c.before {
					_, err := ctx.Submit(o)
					require.NoError(t, err)
				}
				_, err := ctx.Submit(c.order)
				if c.want == "" {
					require.NoError(t, err)
					return
				}
				var risk *engine.RiskError
				require.ErrorAs(t, err, &risk)
				require.EqualError(t, err, "risk guard: bitmex:XBTUSD: "+c.want)
				require.Len(t, ctx.Orders(xbt), len(c.before), "it was not sent")
			}
			require.NoError(t, r.run(t))
			if c.want != "" {
				require.Len(t, r.summary.RiskRefused, 1)
			} else {
				require.Empty(t, r.summary.RiskRefused)
			}
		})
	}
}

func TestGuardForgetsOldOrdersOfTheRate(t *testing.T) {
	r := guarded(t, engine.Limits{OrdersPerMinute: 2}, 130)
	var passed []string
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		if _, err := ctx.Limit(xbt, 1, price(99), 0); err == nil {
			passed = append(passed, since(ctx.Now()))
		}
	}
	require.NoError(t, r.run(t))
	require.Equal(t, []string{"0s", "1s", "1m0s", "1m1s", "2m0s", "2m1s"}, passed)
	require.EqualValues(t, 124, r.summary.RiskRefused[engine.RuleOrdersPerMinute])
}

func TestGuardWantsFreshData(t *testing.T) {
	r := newRun(t, trade(0, 100, 1), of(trade(10*time.Second, 100, 1), eth), trade(11*time.Second, 100, 1))
	r.config.Symbols = []exchange.SymbolID{xbt, eth}
	r.config.Limits.Stale = 9 * time.Second
	var said []string
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		_, err := ctx.Market(xbt, 1)
		said = append(said, "")
		if err != nil {
			said[len(said)-1] = err.Error()
		}
	}
	require.NoError(t, r.run(t))
	require.Equal(t, []string{"", "risk guard: bitmex:XBTUSD: stale: the newest market data is 10s old, limit 9s", ""}, said)
}

// That there was no data is no data.
func TestGapsAreNotFreshData(t *testing.T) {
	gap := exchange.GapEvent(at(20*time.Second), at(20*time.Second), xbt, at(0), at(20*time.Second))
	r := newRun(t, trade(0, 100, 1), gap, trade(21*time.Second, 100, 1))
	r.config.Limits.Stale = 9 * time.Second
	var said []error
	try := func(ctx *engine.Context) {
		_, err := ctx.Market(xbt, 1)
		said = append(said, err)
	}
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) { try(ctx) }
	r.listener.gap = try
	require.NoError(t, r.run(t))
	require.Len(t, said, 3)
	require.NoError(t, said[0])
	require.EqualError(t, said[1], "risk guard: bitmex:XBTUSD: stale: the newest market data is 20s old, limit 9s")
	require.NoError(t, said[2])
}

func TestGuardChecksAmendments(t *testing.T) {
	r := guarded(t, engine.Limits{OrderQty: 20, PositionQty: 10, OpenOrders: 1, PriceCollar: exchange.MustRatio("0.05")}, 1)
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		id, err := ctx.Limit(xbt, 6, price(99), 0)
		require.NoError(t, err)
		amend := func(a exchange.AmendOrder) error {
			a.Symbol, a.OrigClientID = xbt, id
			return ctx.Amend(a)
		}
		require.NoError(t, amend(exchange.AmendOrder{Qty: new(exchange.Qty(10))}), "the order itself does not count twice")
		require.NoError(t, amend(exchange.AmendOrder{Leaves: new(exchange.Qty(10))}))
		require.NoError(t, amend(exchange.AmendOrder{Price: new(price(97))}))
		require.ErrorContains(t, amend(exchange.AmendOrder{Qty: new(exchange.Qty(11))}), engine.RulePositionQty)
		require.ErrorContains(t, amend(exchange.AmendOrder{Qty: new(exchange.Qty(21))}), engine.RuleOrderQty)
		require.ErrorContains(t, amend(exchange.AmendOrder{Price: new(price(90))}), engine.RulePriceCollar)
		require.NoError(t, ctx.Amend(exchange.AmendOrder{Symbol: xbt, OrigClientID: "unknown", Qty: new(exchange.Qty(99))}), "the exchange knows")
	}
	require.NoError(t, r.run(t))
}

// riskListener hears that the guard trips.
type riskListener struct {
	listener
	rules []string
}

func (l *riskListener) OnRisk(ctx *engine.Context, rule, reason string) {
	l.rules = append(l.rules, rule)
	l.add(ctx.Now(), "risk %s: %s", rule, reason)
}

// losing is a run whose equity falls by 100 a second, from 1000.
func losing(t *testing.T, l engine.Limits) (*run, *riskListener) {
	r := guarded(t, l, 8)
	s := &riskListener{listener: r.listener}
	r.config.Strategy = s
	r.config.Margin = exchange.Margin{Wallet: 1000}
	for i := range 8 {
		r.venue.reports = append(r.venue.reports, exchange.Report{Kind: exchange.ReportMargin, Arrival: at(time.Duration(i) * time.Second),
			Margin: exchange.Margin{Wallet: exchange.Money(1000 - 100*i)}})
	}
	return r, s
}

func TestGuardTrips(t *testing.T) {
	for rule, c := range map[string]struct {
		limits engine.Limits
		want   string
	}{
		engine.RuleDailyLoss: {engine.Limits{DailyLoss: 300},
			"3s risk daily-loss: 0.000003 XBT lost since midnight UTC, limit 0.000003 XBT"},
		engine.RuleDrawdown: {engine.Limits{Drawdown: exchange.MustRatio("0.35")},
			"4s risk drawdown: equity 0.000006 XBT after 0.00001 XBT, limit 0.35"},
	} {
		t.Run(rule, func(t *testing.T) {
			r, s := losing(t, c.limits)
			s.trade = func(ctx *engine.Context, _ exchange.Trade) {
				_, err := ctx.Limit(xbt, 1, price(99), 0)
				_, reduce := ctx.Limit(xbt, -1, price(101), exchange.ReduceOnly)
				require.NoError(t, reduce, "there is always a way out")
				if r.summary.Tripped == nil && len(s.rules) == 0 {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, rule+": tripped")
				}
			}
			lines := r.lines(t)
			require.Contains(t, lines, c.want)
			require.Equal(t, []string{rule}, s.rules, "once")
			require.Equal(t, rule, r.summary.Tripped.Rule)
			require.Equal(t, rule, r.engine.Tripped())
			when := since(r.summary.Tripped.At)
			require.Contains(t, lines, when+" venue cancels all of 0")
		})
	}
}

// Once it has tripped, an open order can be made smaller but not moved: it could fill
// at its new price before its cancellation arrives.
func TestTrippedGuardHoldsOrdersWhereTheyAre(t *testing.T) {
	r, s := losing(t, engine.Limits{DailyLoss: 300})
	r.venue.ignores = 1000
	checked := false
	s.trade = func(ctx *engine.Context, _ exchange.Trade) {
		if len(s.rules) == 0 {
			if len(ctx.Orders(xbt)) == 0 {
				_, err := ctx.Limit(xbt, 2, price(99), 0)
				require.NoError(t, err)
			}
			return
		}
		id := ctx.Orders(xbt)[0].ClientID
		move := ctx.Amend(exchange.AmendOrder{Symbol: xbt, OrigClientID: id, Price: new(price(100))})
		require.ErrorContains(t, move, "daily-loss: tripped")
		both := ctx.Amend(exchange.AmendOrder{Symbol: xbt, OrigClientID: id, Price: new(price(100)), Qty: new(exchange.Qty(1))})
		require.ErrorContains(t, both, "daily-loss: tripped")
		require.NoError(t, ctx.Amend(exchange.AmendOrder{Symbol: xbt, OrigClientID: id, Qty: new(exchange.Qty(1))}))
		checked = true
	}
	require.NoError(t, r.run(t))
	require.True(t, checked)
}

func TestGuardTripsOnRejections(t *testing.T) {
	r := guarded(t, engine.Limits{Rejections: 3}, 10)
	n := 0
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		if n++; n == 3 {
			_, err := ctx.Limit(xbt, 1, price(99), 0) // is accepted: the count begins again
			require.NoError(t, err)
			return
		}
		_ = ctx.Amend(exchange.AmendOrder{Symbol: xbt, OrigClientID: "none", Price: new(price(98))})
	}
	require.NoError(t, r.run(t))
	require.Equal(t, &engine.Trip{At: at(5 * time.Second), Rule: engine.RuleRejections, Reason: "3 in a row"}, r.summary.Tripped)
}

// The daily loss begins anew at midnight UTC.
func TestDailyLossBeginsAnew(t *testing.T) {
	r := newRun(t, trade(23*time.Hour, 100, 1), trade(25*time.Hour, 100, 1), trade(26*time.Hour, 100, 1))
	r.config.Limits.DailyLoss = 150
	r.config.Margin.Wallet = 1000
	for i, d := range []time.Duration{23 * time.Hour, 25 * time.Hour, 26 * time.Hour} {
		r.venue.reports = append(r.venue.reports, exchange.Report{Kind: exchange.ReportMargin, Arrival: at(d),
			Margin: exchange.Margin{Wallet: exchange.Money(1000 - 100*i)}})
	}
	require.NoError(t, r.run(t))
	require.Nil(t, r.summary.Tripped)
}

// Whatever a strategy asks for, what is sent keeps the limits.
func TestGuardHoldsItsLimits(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limits := engine.Limits{OrderQty: exchange.Qty(rapid.IntRange(1, 20).Draw(rt, "order")),
			PositionQty: exchange.Qty(rapid.IntRange(1, 40).Draw(rt, "position")), OpenOrders: rapid.IntRange(1, 5).Draw(rt, "open")}
		r := guarded(t, limits, 30)
		r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
			qty := exchange.Qty(rapid.IntRange(-25, 25).Draw(rt, "qty"))
			if qty == 0 {
				return
			}
			held, open := ctx.PositionQty(xbt), ctx.Orders(xbt)
			var could exchange.Qty
			for i := range open {
				if open[i].Side == exchange.SideOf(qty) {
					could += open[i].Leaves
				}
			}
			after := (held + exchange.SideOf(qty).Signed(could+qty.Abs())).Abs()
			closes := held != 0 && exchange.SideOf(qty) == exchange.SideOf(-held) && could+qty.Abs() <= held.Abs()
			allowed := qty.Abs() <= limits.OrderQty && (closes || after <= limits.PositionQty && len(open) < limits.OpenOrders)
			_, err := ctx.Limit(xbt, qty, price(100), 0)
			require.Equal(rt, allowed, err == nil, "%v", err)
			if rapid.IntRange(0, 3).Draw(rt, "cancel") == 0 && len(ctx.Orders(xbt)) > 0 {
				require.NoError(rt, ctx.Cancel(xbt, ctx.Orders(xbt)[0].ClientID))
			}
		}
		require.NoError(rt, r.run(t))
	})
}

// Losses of any size trip the guard; none of them panics, be the equity before ever so small.
func TestGuardBearsAbsurdAmounts(t *testing.T) {
	for _, c := range []struct{ first, then exchange.Money }{
		{1, -exchange.MaxAmount}, {1, 0}, {3, -100}, {exchange.MaxAmount, -exchange.MaxAmount}, {1, -1 << 40},
	} {
		r := guarded(t, engine.Limits{Drawdown: exchange.MustRatio("0.5")}, 3)
		s := &riskListener{listener: r.listener}
		r.config.Strategy = s
		r.config.Margin = exchange.Margin{Wallet: c.first}
		r.venue.reports = []exchange.Report{{Kind: exchange.ReportMargin, Arrival: at(time.Second),
			Margin: exchange.Margin{Wallet: c.then}}}
		require.NoError(t, r.run(t))
		require.Equal(t, []string{engine.RuleDrawdown}, s.rules, "%v", c)
	}
}

// An order of any size at any price is refused by the limits; none of them panics, and no
// sum wraps past a limit.
func TestGuardRefusesAbsurdOrders(t *testing.T) {
	for name, l := range map[string]engine.Limits{
		"qty": {OrderQty: 10}, "value": {OrderValue: 10 * at100}, "position": {PositionQty: 10},
		"position's value": {PositionValue: 10 * at100},
		"collar":           {PriceCollar: exchange.MustRatio("0.1")},
	} {
		for _, q := range []exchange.Qty{1 << 40, math.MaxInt64} {
			for _, p := range []exchange.Price{0, 1, exchange.MaxPrice} {
				r := guarded(t, l, 1)
				asked := 0
				r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
					o := exchange.NewOrder{Symbol: xbt, Side: exchange.Buy, Qty: q, Type: exchange.Limit, Price: p}
					if p == 0 {
						o.Type = exchange.Market
						if name == "collar" {
							return
						}
					}
					if name == "value" && p == exchange.MaxPrice {
						o.Side = exchange.Sell
					}
					asked++
					_, err := ctx.Submit(o)
					var risk *engine.RiskError
					if name == "value" && p == exchange.MaxPrice && q < math.MaxInt64 {
						return // the value of an inverse contract falls as the price rises
					}
					require.ErrorAs(t, err, &risk, "%s %d %s", name, q, p)
				}
				require.NoError(t, r.run(t))
			}
		}
	}
}

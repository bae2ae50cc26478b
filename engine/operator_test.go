package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// operated is a market with a trade a second, in which an operator asks for things half
// a second after some of them.
func operated(t *testing.T, asked map[int]exchange.Operation) *run {
	t.Helper()
	var events []exchange.Event
	for i := range 8 {
		events = append(events, trade(time.Duration(i)*time.Second, 100, 1))
		if o := asked[i]; o != 0 {
			events = append(events, exchange.OperatorEvent(at(time.Duration(i)*time.Second+500*time.Millisecond), xbt, o))
		}
	}
	return newRun(t, events...)
}

// Between a kill and a clearing every order is refused, whether limits are set or not.
// Prices come late, the kill does not; what it cancels takes its time.
func TestKillSwitch(t *testing.T) {
	for name, limits := range map[string]engine.Limits{"without limits": {}, "with limits": {OpenOrders: 100}} {
		t.Run(name, func(t *testing.T) {
			r := operated(t, map[int]exchange.Operation{3: exchange.OperationKill, 5: exchange.OperationClear})
			r.config.Limits, r.config.Delay, r.venue.entry = limits, engine.Delay{Fixed: 2 * time.Second}, 100*time.Millisecond
			var refused []string
			r.listener.init = func(ctx *engine.Context) error { ctx.Every(time.Second); return nil }
			r.listener.timer = func(ctx *engine.Context, _ engine.TimerID) {
				if _, err := ctx.Limit(xbt, 10, price(90), exchange.PostOnly); err != nil {
					require.ErrorContains(t, err, "kill-switch: tripped: the operator asked for it")
					refused = append(refused, since(ctx.Now()))
				}
			}
			var canceled []string
			for _, line := range r.lines(t) {
				require.NotContains(t, line, "market operator", "no venue hears of it")
				if line == "3.6s venue cancels all of 0" {
					canceled = append(canceled, line)
				}
			}
			require.Len(t, canceled, 1)
			require.Equal(t, []string{"4s", "5s"}, refused)
			require.Nil(t, r.summary.Tripped, "it was cleared")
		})
	}
}

// Flattening cancels and closes, and does not stop the strategy.
func TestFlatten(t *testing.T) {
	r := operated(t, map[int]exchange.Operation{1: exchange.OperationFlatten, 4: exchange.OperationFlatten})
	bought := false
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		if !bought && ctx.Now() >= at(2*time.Second) {
			bought = true
			_, err := ctx.Market(xbt, 10)
			require.NoError(t, err)
			_, err = ctx.Limit(xbt, 10, price(90), 0)
			require.NoError(t, err)
		}
	}
	require.Equal(t, []string{"1.5s venue cancels all of 0", "2s venue takes dun-1 Buy 10", "2s venue takes dun-2 Buy 10", "4.5s venue cancels all of 0", "4.5s venue closes 0"},
		r.heard(t, "venue"), "the first time there was nothing to close")
	require.Nil(t, r.summary.Tripped)
}

// What a drawdown is counted from begins anew too.
func TestClearAfterADrawdown(t *testing.T) {
	r := operated(t, map[int]exchange.Operation{4: exchange.OperationClear})
	r.config.Limits.Drawdown, r.config.Margin.Wallet = exchange.MustRatio("0.15"), 1000
	for i, wallet := range []exchange.Money{1000, 800, 800, 800, 800, 700, 650} {
		d := time.Duration(i) * time.Second
		r.venue.reports = append(r.venue.reports, exchange.Report{Kind: exchange.ReportMargin, Arrival: at(d), Margin: exchange.Margin{Wallet: wallet}})
	}
	require.NoError(t, r.run(t))
	require.Equal(t,
		&engine.Trip{At: at(6 * time.Second), Rule: engine.RuleDrawdown,
			Reason: "equity 0.0000065 XBT after 0.000008 XBT, limit 0.15"}, r.summary.Tripped)
}

// A clearing begins the losses anew: the guard does not trip again at once.
func TestClearAfterALoss(t *testing.T) {
	r := operated(t, map[int]exchange.Operation{4: exchange.OperationClear})
	r.config.Limits.DailyLoss, r.config.Margin.Wallet = 150, 1000
	for i, wallet := range []exchange.Money{1000, 800, 800, 800, 800, 700, 600} {
		d := time.Duration(i) * time.Second
		r.venue.reports = append(r.venue.reports, exchange.Report{Kind: exchange.ReportMargin, Arrival: at(d), Margin: exchange.Margin{Wallet: wallet}})
	}
	require.NoError(t, r.run(t))
	require.Equal(t,
		&engine.Trip{At: at(6 * time.Second), Rule: engine.RuleDailyLoss,
			Reason: "0.000002 XBT lost since midnight UTC, limit 0.0000015 XBT"}, r.summary.Tripped)
}

// A session that ends for now lets no order pass, also none that would close the
// position: each would have to be cancelled as well.
func TestLeavingRefusesWhatCloses(t *testing.T) {
	r := operated(t, map[int]exchange.Operation{2: exchange.OperationLeave, 5: exchange.OperationRelease})
	var refused []string
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		_, err := ctx.Submit(exchange.NewOrder{Symbol: xbt, Side: exchange.Sell, Qty: 10, Price: price(110), ExecInst: exchange.ReduceOnly})
		var risk *engine.RiskError
		if errors.As(err, &risk) {
			require.Equal(t, engine.RuleLeaving, risk.Rule)
			refused = append(refused, time.Duration(ctx.Now()-at(0)).String())
			return
		}
		require.NoError(t, err)
	}
	require.Contains(t, r.heard(t, "venue"), "2.5s venue cancels all of 0")
	require.Equal(t, []string{"3s", "4s", "5s"}, refused)
}

// An account that is heard again while the session leaves lets no order pass: only the
// next run does.
func TestHeardAgainWhileLeaving(t *testing.T) {
	for name, c := range map[string]struct {
		asked   map[int]exchange.Operation
		refused map[string]string // by the second of the trade
	}{
		"while leaving": {map[int]exchange.Operation{0: exchange.OperationHold, 1: exchange.OperationLeave, 2: exchange.OperationResume, 4: exchange.OperationRelease},
			map[string]string{"1s": engine.RuleDisconnected, "2s": engine.RuleLeaving, "3s": engine.RuleLeaving, "4s": engine.RuleLeaving}},
		"before": {map[int]exchange.Operation{0: exchange.OperationHold, 1: exchange.OperationResume, 2: exchange.OperationLeave, 3: exchange.OperationRelease},
			map[string]string{"1s": engine.RuleDisconnected, "3s": engine.RuleLeaving}},
		"lost while leaving": {map[int]exchange.Operation{0: exchange.OperationLeave, 1: exchange.OperationHold, 2: exchange.OperationResume},
			map[string]string{"1s": engine.RuleLeaving, "2s": engine.RuleLeaving, "3s": engine.RuleLeaving, "4s": engine.RuleLeaving, "5s": engine.RuleLeaving, "6s": engine.RuleLeaving, "7s": engine.RuleLeaving}},
		"killed before": {map[int]exchange.Operation{0: exchange.OperationKill, 1: exchange.OperationHold, 2: exchange.OperationResume, 3: exchange.OperationClear},
			map[string]string{"1s": engine.RuleKillSwitch, "2s": engine.RuleKillSwitch, "3s": engine.RuleKillSwitch}},
	} {
		t.Run(name, func(t *testing.T) {
			r := operated(t, c.asked)
			refused := map[string]string{}
			r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
				if _, err := ctx.Limit(xbt, 10, price(90), exchange.PostOnly); err != nil {
					var risk *engine.RiskError
					require.ErrorAs(t, err, &risk)
					refused[since(ctx.Now())] = risk.Rule
				}
			}
			require.NoError(t, r.run(t))
			require.Equal(t, c.refused, refused)
		})
	}
}

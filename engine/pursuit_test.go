package engine_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
)

// pursued is a market with a trade a second for a minute. At 1 s the strategy buys 10 and
// places an order that rests; operations come half a second after the seconds that are given.
func pursued(t *testing.T, asked map[int][]exchange.Operation) *run {
	t.Helper()
	var events []exchange.Event
	for i := range 60 {
		d := time.Duration(i) * time.Second
		events = append(events, trade(d, 100, 1))
		for _, o := range asked[i] {
			events = append(events, exchange.OperatorEvent(at(d+500*time.Millisecond), xbt, o))
		}
	}
	r := newRun(t, events...)
	bought := false
	r.listener.trade = func(ctx *engine.Context, _ exchange.Trade) {
		if !bought && ctx.Now() >= at(time.Second) {
			bought = true
			_, err := ctx.Market(xbt, 10)
			require.NoError(t, err)
			_, err = ctx.Limit(xbt, 10, price(90), 0)
			require.NoError(t, err)
		}
	}
	return r
}

// requests are what the venue was asked after the strategy's own orders.
func requests(t *testing.T, r *run) (list []string) {
	t.Helper()
	for _, line := range r.heard(t, "venue") {
		if !strings.Contains(line, "takes") {
			list = append(list, line)
		}
	}
	return list
}

// What the venue does not carry out is asked for again, with waits that grow, until its
// reports say that it is done; and then no more.
func TestPursuitRepeatsUntilConfirmed(t *testing.T) {
	kill, flatten, leave := exchange.OperationKill, exchange.OperationFlatten, exchange.OperationLeave
	all, closes := " venue cancels all of 0", " venue closes 0"
	for name, c := range map[string]struct {
		asked    map[int][]exchange.Operation
		ignores  int
		thin     exchange.Qty
		invalid  int
		want     []string
		goal     string
		rule     string
		attempts int
		took     time.Duration
	}{
		"kill": {asked: map[int][]exchange.Operation{2: {kill}}, want: []string{"2.5s" + all},
			goal: engine.GoalNoOrders, rule: engine.RuleKillSwitch, attempts: 1},
		"kill, lost": {asked: map[int][]exchange.Operation{2: {kill}}, ignores: 3, want: []string{"2.5s" + all,
			"4.5s" + all, "8.5s" + all, "16.5s" + all}, goal: engine.GoalNoOrders, rule: engine.RuleKillSwitch, attempts: 4,
			took: 14 * time.Second},
		"kill, refused": {asked: map[int][]exchange.Operation{2: {kill}}, invalid: 1, want: []string{"4.5s" + all},
			goal: engine.GoalNoOrders, rule: engine.RuleKillSwitch, attempts: 2, took: 2 * time.Second},
		"leave, lost": {asked: map[int][]exchange.Operation{2: {leave}}, ignores: 1, want: []string{"2.5s" + all,
			"4.5s" + all}, goal: engine.GoalNoOrders, rule: engine.RuleLeaving, attempts: 2, took: 2 * time.Second},
		"flatten": {asked: map[int][]exchange.Operation{2: {flatten}}, want: []string{"2.5s" + all,
			"2.5s" + closes}, goal: engine.GoalFlat, rule: engine.RuleFlatten, attempts: 1},
		"flatten, lost": {asked: map[int][]exchange.Operation{2: {flatten}}, ignores: 3, want: []string{"2.5s" + all,
			"2.5s" + closes, "4.5s" + all, "4.5s" + closes, "6.5s" + all}, goal: engine.GoalFlat, rule: engine.RuleFlatten,
			attempts: 3, took: 4 * time.Second},
		"flatten, thin": {asked: map[int][]exchange.Operation{2: {flatten}}, thin: 4, want: []string{"2.5s" + all,
			"2.5s" + closes, "4.5s" + closes, "6.5s" + closes}, goal: engine.GoalFlat, rule: engine.RuleFlatten, attempts: 3,
			took: 4 * time.Second},
		"flatten, twice": {asked: map[int][]exchange.Operation{2: {flatten}, 3: {flatten}}, ignores: 2,
			want: []string{"2.5s" + all, "2.5s" + closes, "3.5s" + all, "3.5s" + closes}, goal: engine.GoalFlat,
			rule: engine.RuleFlatten, attempts: 1},
		"kill, flatten": {asked: map[int][]exchange.Operation{2: {kill, flatten}}, ignores: 1,
			want: []string{"2.5s" + all, "2.5s" + all, "2.5s" + closes}, goal: engine.GoalFlat, rule: engine.RuleFlatten,
			attempts: 1},
		"flatten, kill": {asked: map[int][]exchange.Operation{2: {flatten, kill}}, ignores: 2,
			want: []string{"2.5s" + all, "2.5s" + closes, "4.5s" + all, "4.5s" + closes}, goal: engine.GoalFlat,
			rule: engine.RuleFlatten, attempts: 2, took: 2 * time.Second},
		"cleared": {asked: map[int][]exchange.Operation{2: {kill}, 5: {exchange.OperationClear}}, ignores: 2,
			want: []string{"2.5s" + all, "4.5s" + all}},
		"not heard": {asked: map[int][]exchange.Operation{2: {exchange.OperationHold, kill},
			9: {exchange.OperationResume}}, ignores: 3, want: []string{"2.5s" + all, "4.5s" + all, "8.5s" + all,
			"9.5s" + all}, goal: engine.GoalNoOrders, rule: engine.RuleKillSwitch, attempts: 4, took: 7 * time.Second},
		"not heard again": {asked: map[int][]exchange.Operation{2: {exchange.OperationHold, kill},
			9: {exchange.OperationResume}}, want: []string{"2.5s" + all}, goal: engine.GoalNoOrders,
			rule: engine.RuleKillSwitch, attempts: 1, took: 7 * time.Second},
		"leave, flat": {asked: map[int][]exchange.Operation{2: {flatten}, 3: {leave}, 9: {exchange.OperationRelease}},
			ignores: 2, want: []string{"2.5s" + all, "2.5s" + closes, "3.5s" + all, "9.5s" + closes}, goal: engine.GoalFlat,
			rule: engine.RuleLeaving, attempts: 4, took: 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			r := pursued(t, c.asked)
			r.venue.ignores, r.venue.thin, r.venue.invalid = c.ignores, c.thin, c.invalid
			require.Equal(t, c.want, requests(t, r))
			got, ok := r.engine.Pursuit()
			require.Equal(t, c.goal != "", ok)
			if !ok {
				return
			}
			require.Empty(t, got.Orders)
			require.Empty(t, got.Positions)
			require.Zero(t, got.Next)
			require.Equal(t, []any{c.goal, c.rule, c.took}, []any{got.Goal, got.Rule, got.Confirmed.Sub(got.Since)})
			if name != "leave, flat" {
				require.Equal(t, c.attempts, got.Attempts)
			}
		})
	}
}

// A guard that trips by itself pursues what the operator's kill does.
func TestTrippedGuardPursues(t *testing.T) {
	r := pursued(t, nil)
	r.config.Limits.Rejections, r.venue.ignores = 1, 2
	r.venue.reports = []exchange.Report{{Kind: exchange.ReportReject, Arrival: at(3 * time.Second)}}
	require.Equal(
		t,
		[]string{"3s venue cancels all of 0", "5s venue cancels all of 0", "9s venue cancels all of 0"},
		requests(t, r),
	)
	got, _ := r.engine.Pursuit()
	require.Equal(t, engine.RuleRejections, got.Rule)
}

// Orders that the guard lets pass after a kill are spared: the orders that are to go are
// cancelled one by one.
func TestPursuitSparesWhatReduces(t *testing.T) {
	r := pursued(t, map[int][]exchange.Operation{2: {exchange.OperationKill}})
	r.venue.ignores = 1
	begin, reduced := r.listener.trade, false
	r.listener.trade = func(ctx *engine.Context, tr exchange.Trade) {
		begin(ctx, tr)
		if !reduced && ctx.Now() >= at(3*time.Second) {
			reduced = true
			id, err := ctx.Limit(xbt, -10, price(110), exchange.ReduceOnly)
			require.NoError(t, err)
			require.Equal(t, exchange.ClientID("dun-3"), id)
		}
	}
	require.Equal(t, []string{"2.5s venue cancels all of 0", "4.5s venue cancels dun-2"}, requests(t, r))
	require.Len(t, r.venue.resting, 1)
	require.Equal(t, exchange.ClientID("dun-3"), r.venue.resting[0].ClientID)
}

// Killed is a state: an order that shows up after it was confirmed is cancelled too.
func TestPursuitTakesBackWhatComesLate(t *testing.T) {
	r := pursued(t, map[int][]exchange.Operation{2: {exchange.OperationKill}})
	late := exchange.Order{
		ClientID: "late",
		Symbol:   xbt,
		Side:     exchange.Buy,
		Qty:      5,
		Leaves:   5,
		Price:    price(80),
		Status:   exchange.New,
	}
	r.venue.reports = []exchange.Report{
		{Kind: exchange.ReportOrder, ExecType: exchange.ExecNew, Symbol: xbt, Order: late, Arrival: at(20 * time.Second)},
	}
	require.Equal(
		t,
		[]string{
			"2.5s venue cancels all of 0",
			"20s venue cancels all of 0",
			"22s venue cancels all of 0",
			"26s venue cancels all of 0",
			"34s venue cancels all of 0",
			"44s venue cancels all of 0",
			"54s venue cancels all of 0",
		},
		requests(t, r),
		"no report says that it has ended",
	)
	got, _ := r.engine.Pursuit()
	require.Zero(t, got.Confirmed)
	require.Len(t, got.Orders, 1)
	require.Equal(t, exchange.ClientID("late"), got.Orders[0].ClientID)
	require.Equal(t, at(64*time.Second), got.Next)
}

// While positions are closed the strategy's orders are refused, also without limits; then
// they pass again.
func TestFlattenRefusesOrders(t *testing.T) {
	r := pursued(t, map[int][]exchange.Operation{2: {exchange.OperationFlatten}})
	r.venue.ignores = 4
	begin := r.listener.trade
	refused := []string{}
	r.listener.trade = func(ctx *engine.Context, tr exchange.Trade) {
		begin(ctx, tr)
		if ctx.Now() <= at(2*time.Second) {
			return
		}
		_, err := ctx.Limit(xbt, -1, price(200), exchange.ReduceOnly)
		var risk *engine.RiskError
		if errors.As(err, &risk) {
			require.Equal(t, engine.RuleFlatten, risk.Rule)
			refused = append(refused, since(ctx.Now()))
			return
		}
		require.NoError(t, err)
	}
	require.NoError(t, r.run(t))
	require.Equal(t, []string{"3s", "4s", "5s", "6s", "7s", "8s"}, refused)
}

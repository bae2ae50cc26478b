package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
)

// learner writes down what it hears, and buys ten contracts at each bar until it holds some.
type learner struct {
	bars   engine.BarSpec
	lines  []string
	began  exchange.Time
	seen   []exchange.Money // equity
	errors []error
}

func (l *learner) Init(ctx *engine.Context) error {
	l.began = ctx.Now()
	ctx.Every(time.Minute)
	return ctx.Bars(ctx.Symbol(), l.bars)
}

func (l *learner) note(ctx *engine.Context, format string, args ...any) {
	phase := "run"
	if ctx.WarmingUp() {
		phase = "warm"
	}
	l.lines = append(l.lines, fmt.Sprintf("%s %s %s", phase, since(ctx.Now()), fmt.Sprintf(format, args...)))
}

func (l *learner) OnBar(ctx *engine.Context, b *engine.Bar) {
	l.note(ctx, "bar %s", b.Close)
	l.seen = append(l.seen, ctx.Equity(b.Symbol))
	if ctx.PositionQty(b.Symbol) == 0 {
		_, err := ctx.Market(b.Symbol, 10)
		l.errors = append(l.errors, err)
	}
}

func (l *learner) OnTimer(ctx *engine.Context, _ engine.TimerID) { l.note(ctx, "timer") }

func (l *learner) OnFill(ctx *engine.Context, f *exchange.Fill) { l.note(ctx, "fill %d", f.Qty) }

// sampler counts what an observer hears of.
type sampler struct {
	samples []exchange.Time
	reports int
}

func (s *sampler) Submitted(exchange.SymbolID, exchange.ClientID, exchange.Price) {}
func (s *sampler) Report(*exchange.Report) error                                  { s.reports++; return nil }
func (s *sampler) Sample(at exchange.Time) error {
	s.samples = append(s.samples, at)
	return nil
}

func warm(
	t *testing.T,
	s engine.Strategy,
	past, now []exchange.Event,
	source, pastSource engine.Source,
) (engine.Summary, *sampler) {
	t.Helper()
	set := instruments(t)
	x, err := sim.New(
		sim.Config{Instruments: set, Symbols: []exchange.SymbolID{xbt}, Currency: set.Get(xbt).Settle, Balance: 100_000_000},
	)
	require.NoError(t, err)
	o := new(sampler)
	c := engine.Config{
		Instruments: set,
		Symbols:     []exchange.SymbolID{xbt},
		Sources:     []engine.Source{source},
		Feed:        &list{events: now},
		Exchange:    x,
		Strategy:    s,
		Observer:    o,
		SampleEvery: time.Minute,
		Margin:      x.Account().Margin(),
		BatchRows:   2,
	}
	if past != nil {
		c.History, c.HistorySources = &list{events: past}, []engine.Source{pastSource}
	}
	e, err := engine.New(c)
	require.NoError(t, err)
	summary, err := e.Run(context.Background())
	require.NoError(t, err)
	return summary, o
}

var (
	minutes = engine.Source{Symbol: xbt, Kind: exchange.KindBar, Interval: time.Minute}
	trades  = engine.Source{Symbol: xbt, Kind: exchange.KindTrade}
)

// The strategy hears the history first: bars and timers work, the account is known, no command
// is carried out, and nothing is sampled. The bar that ends where the run begins is heard in it.
func TestWarmup(t *testing.T) {
	s := &learner{}
	past := []exchange.Event{
		bar(0, time.Minute, 100), bar(time.Minute, time.Minute, 101), bar(2*time.Minute, time.Minute, 102),
	}
	now := []exchange.Event{bar(3*time.Minute, time.Minute, 103), bar(4*time.Minute, time.Minute, 104)}
	summary, o := warm(t, s, past, now, minutes, minutes)
	require.Equal(
		t,
		[]string{
			"warm 1m0s bar 100", "warm 1m0s timer", "warm 2m0s bar 101", "warm 2m0s timer", "run 3m0s bar 102",
			"run 3m0s timer", "run 3m0s fill 10", "run 4m0s bar 103", "run 4m0s timer", "run 5m0s bar 104", "run 5m0s timer",
		},
		s.lines,
	)
	require.Equal(t, at(0), s.began, "Init is told the time of the history")
	require.EqualValues(t, 100_000_000, s.seen[0])
	require.ErrorIs(t, s.errors[0], engine.ErrWarmup)
	require.ErrorIs(t, s.errors[1], engine.ErrWarmup)
	require.NoError(t, s.errors[2])
	require.Len(t, s.errors, 3)
	require.Equal(t, at(3*time.Minute), summary.Start)
	require.EqualValues(t, 2, summary.Events)
	require.EqualValues(t, 3, summary.WarmupEvents)
	require.EqualValues(t, 2, summary.WarmupCommands)
	require.Zero(t, summary.Refused)
	require.Equal(t, at(3*time.Minute), o.samples[0], "statistics begin with the run")
}

// Apart from what the strategy knows, a run with a history is the run without it.
func TestWarmupLeavesTheAccountAlone(t *testing.T) {
	now := func() []exchange.Event {
		return []exchange.Event{
			bar(3*time.Minute, time.Minute, 103), bar(4*time.Minute, time.Minute, 104), bar(5*time.Minute, time.Minute, 90),
		}
	}
	cold, warmed := &learner{}, &learner{}
	without, plain := warm(t, cold, nil, now(), minutes, minutes)
	with, after := warm(t, warmed, []exchange.Event{bar(0, time.Minute, 100)}, now(), minutes, minutes)
	require.Equal(t, plain.samples, after.samples)
	require.Equal(t, without.Start, with.Start)
	require.Equal(t, without.End, with.End)
	require.Equal(t, without.Events, with.Events)
	require.Contains(t, cold.lines, "run 4m0s fill 10")
	require.Contains(t, warmed.lines, "run 4m0s fill 10")
}

// A strategy that trades on ticks is warmed up by bars: the series is built from the bars of the
// history, then from the trades of the run, the open bar included.
func TestWarmupOfTicksByBars(t *testing.T) {
	s := &learner{bars: engine.BarSpec{Interval: 4 * time.Minute}}
	past := []exchange.Event{
		bar(0, time.Minute, 100), bar(time.Minute, time.Minute, 101), bar(2*time.Minute, time.Minute, 102),
		bar(3*time.Minute, time.Minute, 103), bar(4*time.Minute, time.Minute, 104),
	}
	now := []exchange.Event{
		trade(5*time.Minute+time.Second, 105, 1), trade(7*time.Minute, 107, 1), trade(9*time.Minute, 109, 1),
	}
	warm(t, s, past, now, trades, minutes)
	require.Contains(t, s.lines, "warm 4m0s bar 103")
	require.Contains(t, s.lines, "run 8m0s bar 107")
	require.NotContains(t, s.lines, "warm 8m0s bar 107")
}

// A history without events is none.
func TestWarmupWithoutHistory(t *testing.T) {
	s := &learner{}
	summary, _ := warm(t, s, []exchange.Event{}, []exchange.Event{bar(0, time.Minute, 100)}, minutes, minutes)
	require.Equal(t, at(0), s.began)
	require.Zero(t, summary.WarmupEvents)
	require.Equal(t, "run 1m0s bar 100", s.lines[0])
}

// An error of the history ends the run.
func TestWarmupFails(t *testing.T) {
	set := instruments(t)
	x, err := sim.New(
		sim.Config{Instruments: set, Symbols: []exchange.SymbolID{xbt}, Currency: set.Get(xbt).Settle, Balance: 1},
	)
	require.NoError(t, err)
	broken := errors.New("broken")
	e, err := engine.New(
		engine.Config{Instruments: set, Symbols: []exchange.SymbolID{xbt}, Sources: []engine.Source{minutes},
			Feed: &list{events: []exchange.Event{bar(time.Minute, time.Minute, 100)}}, Exchange: x, Strategy: &learner{},
			History: &list{events: []exchange.Event{bar(0, time.Minute, 100)}, fail: broken}},
	)
	require.NoError(t, err)
	_, err = e.Run(context.Background())
	require.ErrorIs(t, err, broken)
}

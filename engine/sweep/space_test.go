package sweep_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/engine"
	"github.com/dunamis-engine/dunamis/engine/sweep"
	"github.com/dunamis-engine/dunamis/exchange"
)

type idle struct{}

func (idle) Init(*engine.Context) error { return nil }

// cross takes a parameter of every type, and no fast that is not below slow.
func cross() *engine.Definition {
	return &engine.Definition{Name: "cross", Params: []engine.Param{
		engine.IntParam("fast", 5, 1, 100, ""),
		engine.IntParam("slow", 50, 1, 1000, ""),
		engine.QtyParam("qty", 10, ""),
		engine.FloatParam("width", 0.5, 0, 2, ""),
		engine.PriceParam("stop", exchange.MustPrice("10"), exchange.MustPrice("0.5"), exchange.MustPrice("100"), ""),
		engine.DurationParam("wait", 60e9, 0, 3600e9, ""),
		engine.BoolParam("both", true, ""),
		engine.ChoiceParam("side", []string{"long", "short"}, ""),
		engine.BarsParam("bars", ""),
	}, New: func(v engine.Values) (engine.Strategy, error) {
		if v.Int("fast") >= v.Int("slow") {
			return nil, errors.New("fast must be below slow")
		}
		return idle{}, nil
	}}
}

func TestAxes(t *testing.T) {
	for text, want := range map[string]string{
		"fast=5..30:5":          "5 10 15 20 25 30",
		"fast=5..14:5":          "5 10",
		"fast=1..3":             "1 2 3",
		"fast=5,20,10":          "5 20 10",
		"qty=100..300:100":      "100 200 300",
		"width=0..0.3:0.1":      "0 0.1 0.2 0.3",
		"width=0.05,1e-1":       "0.05 1e-1",
		"stop=0.5..1.5:0.5":     "0.5 1 1.5",
		"wait=30s..2m:30s":      "30s 1m0s 1m30s 2m0s",
		"both=true,false":       "true false",
		"side=long,short":       "long short",
		"bars=5m,1h":            "5m 1h",
		"width=0.00001..0.9":    "", // drawn
		"width=1.0..1.2:0.1":    "1 1.1 1.2",
		"wait=0s..1h0m0s:30m0s": "0s 30m0s 1h0m0s",
	} {
		s, err := sweep.NewSpace(cross(), []string{text})
		require.NoError(t, err, text)
		require.Len(t, s.Axes, 1, text)
		require.Equal(t, want, strings.Join(s.Axes[0].Values, " "), text)
		require.Equal(t, want == "", s.Axes[0].Drawn(), text)
	}
}

func TestWrongAxes(t *testing.T) {
	for text, want := range map[string]string{
		"fast":                "want name=value",
		"fats=1,2":            "unknown; want one of fast",
		"fast=1,x":            "fast=x: want a whole number",
		"fast=0..10:5":        "fast=0: want a whole number from 1 to 100",
		"fast=5..500:5":       "fast=500: want",
		"fast=5..10:0":        "the step must be above 0",
		"fast=5..10:-1":       "the step must be above 0",
		"fast=10..5:1":        "the range is empty",
		"fast=5..10:0.5":      "fast=5.5: want a whole number",
		"fast=5..10:x":        `"x" is no number`,
		"fast=5,6,5":          "5 is given twice",
		"fast=5":              "needs a parameter with more than one value",
		"width=0..2:0.000001": "2000001 values, want at most 10000",
		"width=1..1":          "the range is empty",
		"wait=1s..1h:1x":      `"1x" is no duration`,
		"wait=1h..1s:1s":      "the range is empty",
		"wait=0s..1h:1ms":     "want at most",
		"stop=1..5":           `"" is no number`,
		"side=long..short":    "a range needs a number",
		"both=true..false":    "a range needs a number",
		"bars=xx,5m":          "bars=xx",
	} {
		_, err := sweep.NewSpace(cross(), []string{text})
		require.ErrorContains(t, err, want, text)
	}
	_, err := sweep.NewSpace(cross(), []string{"fast=1,2", "fast=3"})
	require.ErrorContains(t, err, "is given twice")
	var axis *sweep.AxisError
	require.ErrorAs(t, err, &axis)
	require.Equal(t, "fast", axis.Name)
}

func texts(s *sweep.Selection, names ...string) []string {
	out := make([]string, len(s.Points))
	for i, p := range s.Points {
		var list []string
		for _, n := range names {
			list = append(list, p.Params[n])
		}
		out[i] = strings.Join(list, "/")
	}
	return out
}

func TestGrid(t *testing.T) {
	s, err := sweep.NewSpace(cross(), []string{"fast=5,20", "qty=7", "slow=10,20,30"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"qty": "7"}, s.Fixed)
	require.Equal(t, 6, s.Size())
	l, err := s.Grid()
	require.NoError(t, err)
	require.Equal(t, []string{"5/10/7", "5/20/7", "5/30/7", "20/30/7"}, texts(l, "fast", "slow", "qty"))
	require.Equal(t, 2, l.Refused, "a fast average that is not below the slow one")
	require.Equal(t, "fast must be below slow", l.Example)

	none, err := sweep.NewSpace(cross(), []string{"fast=50,60", "slow=10,20"})
	require.NoError(t, err)
	_, err = none.Grid()
	require.ErrorIs(t, err, sweep.ErrNoPoints)
	_, err = none.Sample(2, 1)
	require.ErrorIs(t, err, sweep.ErrNoPoints)

	drawn, err := sweep.NewSpace(cross(), []string{"width=0..1"})
	require.NoError(t, err)
	_, err = drawn.Grid()
	require.ErrorContains(t, err, "a grid needs a step")
	large, err := sweep.NewSpace(cross(), []string{"fast=1..100", "slow=1..1000", "qty=1..9000"})
	require.NoError(t, err)
	_, err = large.Grid()
	require.ErrorContains(t, err, "900000000 points")
}

func TestSample(t *testing.T) {
	s, err := sweep.NewSpace(cross(), []string{"fast=1..60", "slow=10..100:10", "width=0.25..0.75", "side=long,short"})
	require.NoError(t, err)
	a, err := s.Sample(200, 7)
	require.NoError(t, err)
	b, err := s.Sample(200, 7)
	require.NoError(t, err)
	require.Equal(t, a, b, "the same seed draws the same")
	c, err := s.Sample(200, 8)
	require.NoError(t, err)
	require.NotEqual(t, a, c)
	more, err := s.Sample(300, 7)
	require.NoError(t, err)
	require.Equal(t, a.Points, more.Points[:200], "a larger sample begins with the smaller one")
	require.Positive(t, a.Refused)
	seen := map[string]bool{}
	for _, text := range texts(a, "fast", "slow", "width", "side") {
		require.False(t, seen[text], text)
		seen[text] = true
	}
	for _, p := range a.Points {
		w, err := strconv.ParseFloat(p.Params["width"], 64)
		require.NoError(t, err)
		require.True(t, w >= 0.25 && w <= 0.75)
	}
	for _, n := range []int{0, sweep.MaxPoints + 1} {
		_, err = s.Sample(n, 1)
		require.Error(t, err)
	}
	small, err := sweep.NewSpace(cross(), []string{"fast=1..4", "slow=10,20"})
	require.NoError(t, err)
	all, err := small.Sample(50, 1)
	require.NoError(t, err)
	require.Len(t, all.Points, 8, "a sample of everything is the grid")
}

// A range has the values that counting gives, and a grid each point once.
func TestSpaceProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		low := rapid.IntRange(1, 50).Draw(rt, "low")
		high := rapid.IntRange(low+1, 100).Draw(rt, "high")
		step := rapid.IntRange(1, 40).Draw(rt, "step")
		s, err := sweep.NewSpace(cross(), []string{fmt.Sprintf("fast=%d..%d:%d", low, high, step), "slow=60..100:20"})
		if low+step > high { // one value is no axis
			require.NoError(rt, err)
			require.Len(rt, s.Axes, 1)
			return
		}
		require.NoError(rt, err)
		var want []string
		for v := low; v <= high; v += step {
			want = append(want, strconv.Itoa(v))
		}
		require.Equal(rt, want, s.Axes[0].Values)
		l, err := s.Grid()
		require.NoError(rt, err)
		require.Equal(rt, s.Size(), len(l.Points)+l.Refused)
		list := texts(l, "fast", "slow")
		slices.Sort(list)
		require.Len(rt, slices.Compact(list), len(l.Points))
	})
}

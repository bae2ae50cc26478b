package sim

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Worked out by hand: a level shows 100, 60 of them ahead of us; 30 trade and 10
// are cancelled, so it shows 60. 30 are ahead before the cancel. Behind us are
// 40; hftbacktest counts 70.
func TestQueueFunctions(t *testing.T) {
	after := LevelChange{Front: 30 * QueueUnit, Before: 100, After: 60, Traded: 30}
	for _, c := range []struct {
		name         string
		want, compat float64
	}{
		{"prob-power:1", 25.714, 27.000}, // 30 - 10·30/70, 30 - 10·30/100
		{"prob-power:2", 26.400, 28.448}, // 30 - 10·900/2500, 30 - 10·900/5800
		{"prob-power:3", 27.033, 29.270}, // 30 - 10·27000/91000, 30 - 10·27000/370000
		{"prob-log", 25.196, 25.538},     // 30 - 10·ln31/(ln41+ln31), 30 - 10·ln31/(ln71+ln31)
		{"prob-log2", 28.712, 29.236},    // 30 - 10·(1-ln41/ln71), 30 - 10·(1-ln71/ln101)
		{"prob-power2:1", 25.714, 27.000},
		{"prob-power2:2", 23.265, 24.900}, // 30 - 10·(1-1600/4900), 30 - 10·(1-4900/10000)
		{"prob-power2:3", 21.866, 23.430},
		{"prob-power3:1", 25.714, 27.000},
		{"prob-power3:2", 28.163, 29.100}, // 30 - 10·(30/70)², 30 - 10·(30/100)²
		{"prob-power3:3", 29.213, 29.730},
		{"cancels:0.5", 25.714, 0},         // 30 of 70 are ahead, 3/7 of the cancels
		{"cancels:0.2/0.4/0.9", 26.571, 0}, // between the knots 0.25 and 0.5: 0.2 + 0.2·(3/7-1/4)/(1/4)
		{"cancels:1", 21.429, 0},           // 30 - 10·6/7
		{"cancels:0", 30, 0},
		{"risk-averse", 30, 30},
		{"front", 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := ParseQueue(c.name)
			require.NoError(t, err)
			require.Equal(t, c.name, m.String())
			require.InDelta(t, c.want, float64(change(m, after))/QueueUnit, 0.0006)
			if p, ok := m.(Probabilistic); ok {
				m, err = ParseQueue(c.name + ",compat")
				require.NoError(t, err)
				require.Equal(t, c.name+",compat", m.String())
				require.InDelta(t, c.compat, float64(change(m, after))/QueueUnit, 0.0006)
				require.Equal(t, 30*int64(QueueUnit), p.Join(30))
			}
		})
	}
}

// backwards is a model that lets whoever is far behind go first.
type backwards struct{ RiskAverse }

func (backwards) Change(c LevelChange) int64 {
	if c.Front > 50*QueueUnit {
		return 0
	}
	return c.Front
}

// Whatever a model says, an order does not overtake one that came before it at its price.
func TestNoModelLetsAnOrderOvertake(t *testing.T) {
	for _, fall := range []string{"book bid 100 90", "book clear bid 100 90 ask 101 10"} {
		s := newScript(t)
		s.x.cfg.Queue = backwards{}
		s.said("book bid 100 50 ask 101 10", "submit a buy 5 limit 100", "book bid 100 100", "submit b buy 5 limit 100")
		require.Equal(t, []string{"a: 5 @ 100 behind 50.00", "b: 5 @ 100 behind 50.00"}, s.said(fall, "show queue"), fall)
	}
}

// A fall of a level that a trade explains afterwards is worked out again for the orders
// that saw it. One that came in between did not, and takes the trade for news: it does not
// get ahead of them by that.
func TestAnExplainedFallKeepsTheOrder(t *testing.T) {
	s := newScript(t)
	s.said("book bid 100 100 ask 101 10", "submit a buy 5 limit 100", "book bid 100 50", "submit b buy 5 limit 100")
	require.Equal(t, []string{"a: 5 @ 100 behind 50.00", "b: 5 @ 100 behind 50.00"}, s.said("trade sell 100 10", "show queue"))
	require.Empty(t, s.said("at 1s", "trade sell 100 45"))
	got := s.said("trade sell 100 8")
	require.Equal(t, []string{"+1s a: Buy 3 @ 100 trade-at maker, 2 left, position 3"}, got)
}

// What of a cancel there was not behind us comes off the front, whatever the
// probability: 5 behind, 20 cancelled.
func TestCancelsBeyondWhatIsBehind(t *testing.T) {
	c := LevelChange{Front: 95 * QueueUnit, Before: 100, After: 80}
	for _, name := range QueueNames() {
		m, err := ParseQueue(name)
		require.NoError(t, err)
		require.LessOrEqual(t, change(m, c), int64(80*QueueUnit), name)
	}
	require.Equal(t, int64(80*QueueUnit), change(RiskAverse{}, c))
}

// Every model stays within the bounds of the most cautious and the most
// optimistic one, and never moves an order back.
func TestQueueModelsAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := exchange.Qty(rapid.Int64Range(0, 1e10).Draw(t, "before"))
		c := LevelChange{
			Front:  rapid.Int64Range(0, int64(before)*QueueUnit).Draw(t, "front"),
			Before: before, After: exchange.Qty(rapid.Int64Range(0, 1e10).Draw(t, "after")),
			Traded: exchange.Qty(rapid.Int64Range(0, int64(before)).Draw(t, "traded")),
		}
		worst := change(RiskAverse{}, c)
		for _, name := range append(QueueNames(), "prob-power:0.5", "prob-power2:7.5", "prob-power3:100,compat", "prob-log,compat",
			"cancels:0", "cancels:1", "cancels:0/0/0.1/1", "cancels:0.999/0.999/1") {
			m, err := ParseQueue(name)
			require.NoError(t, err)
			got := change(m, c)
			require.GreaterOrEqual(t, got, int64(0), name)
			require.LessOrEqual(t, got, worst, name)
			require.LessOrEqual(t, got, c.Front, name)
			require.LessOrEqual(t, got, int64(c.After)*QueueUnit, name)
		}
	})
}

func TestParseQueueErrors(t *testing.T) {
	for _, s := range []string{"", "prob", "prob-power:", "prob-power:0", "prob-power:-1", "prob-power:NaN", "prob-power:1e9",
		"prob-log:3", "risk-averse,compat", "front:1", "prob-power:3,other", "prob-power:3,", "cancels", "cancels:", "cancels:0.5/", "cancels:0.5/0.4",
		"cancels:-0.1", "cancels:1.1", "cancels:NaN", "cancels:0.5,compat"} {
		_, err := ParseQueue(s)
		if s == "prob-power:3," {
			require.NoError(t, err)
			continue
		}
		var v *exchange.ValidationError
		require.ErrorAs(t, err, &v, s)
		require.Contains(t, err.Error(), "risk-averse, front, prob-power:3, prob-log", s)
	}
}

func TestElementaryFunctions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(1e-9, 1e15).Draw(t, "x")
		require.InEpsilon(t, math.Log(x)+100, ln(x)+100, 1e-15)
		y := rapid.Float64Range(-600, 600).Draw(t, "y")
		require.InEpsilon(t, math.Exp(y), exp(y), 1e-12)
		b, k := rapid.Float64Range(0.001, 1).Draw(t, "base"), rapid.Float64Range(0.1, 20).Draw(t, "power")
		require.InEpsilon(t, math.Pow(b, k), pow(b, k), 1e-12)
	})
	require.Zero(t, ln(1))
	require.InDelta(t, 1, exp(0), 0)
	require.InDelta(t, 0.125, pow(0.5, 3), 0)
	require.Zero(t, pow(0, 3))
	require.Zero(t, exp(-1000))
	require.True(t, math.IsInf(exp(1000), 1))
}

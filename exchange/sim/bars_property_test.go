package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// For the orders that are at the exchange when a bar begins, with their brackets, no path
// leaves less at the bar's close than the pessimistic one.
func TestPessimisticIsALowerBoundOverAllPaths(t *testing.T) {
	differ, tb := 0, t
	rapid.Check(t, func(t *rapid.T) {
		orders, bar := drawOrders(t), drawBar(t)
		position := rapid.IntRange(-3, 3).Draw(t, "position")
		touch := rapid.Bool().Draw(t, "touch")
		share := rapid.Bool().Draw(t, "share")
		worth := map[BarPath]exchange.Money{}
		for _, path := range []BarPath{Adaptive, HighFirst, LowFirst, Pessimistic} {
			s := newScript(tb)
			config := []string{"path=" + path.String(), "slip=1"}
			if touch {
				config = append(config, "touch")
			}
			if share {
				config = append(config, "share=0.1")
			}
			_, err := s.config(config)
			require.NoError(t, err)
			s.must(t, "bar 1m 100 100 100 100 vol=100000")
			if position != 0 {
				side := exchange.SideOf(exchange.Qty(position))
				s.must(t, fmt.Sprintf("submit start %s %d market", strings.ToLower(side.String()), max(position, -position)))
			}
			for _, o := range orders {
				s.must(t, o)
			}
			s.must(t, "at 1m")
			s.must(t, bar)
			s.must(t, "at 2m")
			worth[path] = s.x.Account().Equity()
		}
		for _, path := range []BarPath{Adaptive, HighFirst, LowFirst} {
			require.LessOrEqual(t, worth[Pessimistic], worth[path], "%v", path)
		}
		if worth[HighFirst] != worth[LowFirst] {
			differ++
		}
	})
	require.Positive(t, differ, "no bar on which the path mattered")
}

func (s *script) must(t require.TestingT, line string) {
	_, err := s.run(line)
	require.NoError(t, err, line)
}

// drawBar draws a bar around 100.
func drawBar(t *rapid.T) string {
	half := func(lo, hi int, what string) float64 { return float64(rapid.IntRange(lo, hi).Draw(t, what)) / 2 }
	open, closed := 100+half(-4, 4, "open"), 100+half(-16, 16, "close")
	high, low := max(open, closed)+half(0, 12, "above"), min(open, closed)-half(0, 12, "below")
	return fmt.Sprintf("bar 1m %v %v %v %v vol=%d", open, high, low, closed, rapid.IntRange(0, 100).Draw(t, "volume"))
}

// drawOrders draws orders that do not trade at 100, alone, in pairs of which one ends the
// other, and as brackets.
func drawOrders(t *rapid.T) (lines []string) {
	off := func(what string) float64 { return float64(rapid.IntRange(1, 16).Draw(t, what)) / 2 }
	order := func(n int) string {
		qty := rapid.IntRange(1, 4).Draw(t, "qty")
		side := rapid.SampledFrom([]string{"buy", "sell"}).Draw(t, "side")
		sign := 1.0
		if side == "sell" {
			sign = -1
		}
		d := sign * off("distance")
		body := rapid.SampledFrom([]string{
			fmt.Sprintf("limit %v", 100-d), fmt.Sprintf("stop %v last", 100+d), fmt.Sprintf("mit %v last", 100-d),
			fmt.Sprintf("stoplimit %v %v last", 100+d, 100+d+sign*float64(rapid.IntRange(-6, 6).Draw(t, "limit"))/2),
			fmt.Sprintf("stop %v last trail=%v", 100+d, d),
		}).Draw(t, "type")
		l := fmt.Sprintf("submit o%d %s %d %s", n, side, qty, body)
		if rapid.IntRange(0, 2).Draw(t, "reduce") == 0 && !strings.Contains(l, "trail") {
			l += " reduce"
		}
		return l
	}
	for n := range rapid.IntRange(1, 6).Draw(t, "orders") {
		lines = append(lines, order(n))
	}
	switch rapid.IntRange(0, 2).Draw(t, "group") {
	case 1:
		lines = append(lines, order(7)+" oco=g", order(8)+" oco=g")
	case 2:
		lines = append(lines, order(7)+" oto=g", order(8)+" link=g", order(9)+" link=g")
	}
	return lines
}

// Nothing that is reported up to an instant, and no value of the account then, depends on
// what a bar that is under way, or a later one, does after its open.
func TestPoisonedFutureInsideABar(t *testing.T) {
	base := testConfig(t)
	inside := 0
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, fromBars, anyConfig(t, base))
		var worth []exchange.Money
		w.after = func(*step, []exchange.Report) { worth = append(worth, w.x.Account().Equity()) }
		w.run(worldSteps)
		cut := rapid.IntRange(1, len(w.script)-1).Draw(t, "cut")
		at := w.script[cut].at
		again := w.anew()
		for n, s := range w.script {
			s.events = slices.Clone(s.events)
			for i := range s.events {
				if b := s.events[i].Bar(); b.Start > at {
					s.events[i] = exchange.BarEvent(poison(t, b, true))
				} else if b.End > at {
					s.events[i] = exchange.BarEvent(poison(t, b, false))
					if b.Start < at {
						inside++
					}
				}
			}
			again.now = s.at
			again.do(s)
			if n <= cut {
				require.Equal(t, worth[n], again.x.Account().Equity(), "worth at %s", s.at)
			}
		}
		was, is := until(w, at), until(again, at)
		require.Equal(t, was, is)
	})
	require.Positive(t, inside, "no bar was cut")
}

// poison returns a bar with other prices; the open stays unless it is not known either.
func poison(t *rapid.T, b exchange.Bar, open bool) exchange.Bar {
	by := func(what string) exchange.Price { return exchange.Price(rapid.IntRange(0, 30).Draw(t, what)) * half }
	first := min(max(b.Open, b.Low), b.High)
	if open {
		first = 200*half + by("open") - 15*half
	}
	b.Open = first
	b.High, b.Low = first+by("high"), max(first-by("low"), half)
	b.Close = b.Low + exchange.Price(rapid.IntRange(0, int((b.High-b.Low)/half)).Draw(t, "close"))*half
	return b
}

// until returns what an exchange reported up to an instant.
func until(w *world, at exchange.Time) (out []exchange.Report) {
	for i := range w.reports {
		if w.reports[i].Time <= at {
			out = append(out, w.reports[i])
		}
	}
	return out
}

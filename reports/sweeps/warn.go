package sweeps

import (
	"fmt"
	"math"
	"strings"
)

// Limits beyond which a sweep is warned of.
const (
	sure     = 0.95 // of the deflated Sharpe ratio
	overfit  = 0.2  // probability of overfitting
	alone    = 0.5  // median of the neighbours / the best
	fewTrips = 30   // round trips of the best run
)

// warn says why the best run may not be what it seems.
func (s *Sweep) warn() []string {
	list := []string{}
	say := func(when bool, format string, args ...any) {
		if when {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	t := &s.Trials
	if t.Deflated != nil && *t.Deflated < sure {
		say(true, "the best Sharpe ratio of %d runs, %.2f, may be luck: of runs that are worth nothing, the best would have %.2f; "+
			"the probability that the true ratio is above 0 is %.1f %%", t.Runs, *t.Sharpe, *t.Expected, 100**t.Deflated)
	}
	say(t.Overfitting != nil && *t.Overfitting > overfit, "probability of overfitting %.1f %%: so often the best run of one half of the time is "+
		"below the median in the other half", 100*value(t.Overfitting))
	say(t.MinTrackRecord != nil && *t.MinTrackRecord > float64(t.Days), "it takes %.0f days to be 95 %% sure that the best run's Sharpe ratio is "+
		"above 0, were it the only one tried; these are %d", math.Ceil(value(t.MinTrackRecord)), t.Days)
	say(t.Reason != "", "not judged: %s", t.Reason)
	s.warnOfBest(say)
	var liquidated, idle int
	for i := range s.Runs {
		if s.Runs[i].Liquidations > 0 {
			liquidated++
		}
		if s.Runs[i].Fills == 0 {
			idle++
		}
	}
	say(liquidated > 0, "%s liquidated", were(liquidated, "run"))
	say(idle > 0, "%s without a fill", were(idle, "run"))
	say(s.Search.Refused > 0, "%s left out, which the strategy does not take: %s", were(s.Search.Refused, "point"), s.Search.Example)
	return list
}

func (s *Sweep) warnOfBest(say func(bool, string, ...any)) {
	if s.Best == nil {
		say(true, "no run has a %s", s.Objective().Label)
		return
	}
	x := s.Stability
	say(x.Ratio != nil && *x.Ratio < alone || x.Ratio == nil && x.Median != nil && *x.Median <= 0,
		"the best run stands alone: the median of its %d neighbours is %.2f", x.Neighbours, value(x.Median))
	say(len(x.Edges) > 0, "the best run is at the end of %s: a better one may lie beyond", strings.Join(x.Edges, " and "))
	n := s.ByNumber(*s.Best).Trades
	say(n < fewTrips, "the best run has only %d round trips", n)
}

func were(n int, what string) string {
	if n == 1 {
		return "1 " + what + " was"
	}
	return fmt.Sprintf("%d %ss were", n, what)
}

func value(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}

package sweeps

import (
	"fmt"
	"math"
	"slices"
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
	s.warnOfFailed(say)
	t := &s.Trials
	if t.Deflated != nil && *t.Deflated < sure {
		say(true, "the best Sharpe ratio of %d runs, %.2f, may be luck: of runs that are worth nothing, the best would have %.2f; "+
			"the probability that the true ratio is above 0 is %.1f %%", t.Distinct, *t.Sharpe, *t.Expected, 100**t.Deflated)
	}
	say(t.Overfitting != nil && *t.Overfitting > overfit, "probability of overfitting %.1f %%: so often the best run of one half of the time is "+
		"at or below the median in the other half", 100*value(t.Overfitting))
	say(t.MinTrackRecord != nil && *t.MinTrackRecord > float64(t.Days), "it takes %.0f days to be 95 %% sure that the best run's Sharpe ratio is "+
		"above 0, were it the only one tried; these are %d", math.Ceil(value(t.MinTrackRecord)), t.Days)
	say(t.Reason != "", "not judged: %s", t.Reason)
	s.warnOfBest(say)
	var broke, outside, liquidated, idle int
	for i := range s.Runs {
		r := &s.Runs[i]
		switch {
		case !r.Finished():
			continue
		case r.Bankrupt:
			broke++
		case !r.Eligible:
			outside++
		}
		if r.Liquidations > 0 {
			liquidated++
		}
		if r.Fills == 0 {
			idle++
		}
	}
	say(
		broke > 0,
		"%s bankrupt, with at most 1 %% of the start balance left at the end of a day; bankrupt runs rank last",
		were(broke, "run"),
	)
	say(
		outside > 0,
		"%d of %d runs do not meet %s; they rank behind those that do",
		outside,
		len(s.Runs),
		strings.Join(s.Search.Where, " and "),
	)
	say(liquidated > 0, "%s liquidated", were(liquidated, "run"))
	say(idle > 0, "%s without a fill", were(idle, "run"))
	say(s.Search.Refused > 0, "%s left out, which the strategy does not take: %s", were(s.Search.Refused, "point"), s.Search.Example)
	return list
}

// warnOfFailed tells of runs of which nothing is known.
func (s *Sweep) warnOfFailed(say func(bool, string, ...any)) {
	for _, x := range []struct {
		status Status
		what   string
	}{{Failed, "failed"}, {Timeout, "ran out of time"}, {Pruned, "were given up"}} {
		n, first := 0, (*Run)(nil)
		for i := range s.Runs {
			if r := &s.Runs[i]; r.Status == x.status {
				if n++; first == nil {
					first = r
				}
			}
		}
		if n > 0 {
			say(true, "%d of %d runs %s, and nothing is known of them; the first: %s", n, len(s.Runs), x.what, first.Error)
		}
	}
}

func (s *Sweep) warnOfBest(say func(bool, string, ...any)) {
	if s.Best == nil {
		if slices.ContainsFunc(s.Runs, func(r Run) bool { return r.Eligible }) {
			say(true, "no run has a %s", s.Objective().Label)
		} else {
			say(true, "no run may be the best")
		}
		return
	}
	x := s.Stability
	say(
		x.Median == nil && x.Bankrupt > 0,
		"the best run stands alone: %d of its %d neighbours are bankrupt",
		x.Bankrupt,
		x.Neighbours,
	)
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

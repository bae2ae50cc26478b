package sweeps

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/dunamis-engine/dunamis/engine/sweep"
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports/analysis"
)

// AxesOf describes the axes of a space.
func AxesOf(s *sweep.Space) []Axis {
	axes := make([]Axis, len(s.Axes))
	for i := range s.Axes {
		axes[i] = Axis{s.Axes[i].Name, s.Axes[i].Type, append([]string{}, s.Axes[i].Values...)}
	}
	return axes
}

// Judge fills in what follows from the runs: the best one, how stable it is, and
// what choosing it is worth. Entries may come in any order.
func (s *Sweep) Judge(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Run.N, b.Run.N) })
	s.Runs = make([]Run, len(entries))
	var start, end exchange.Time
	for i := range entries {
		if e := &entries[i]; e.Run.Finished() {
			start, end = e.Start, max(end, e.End)
		}
	}
	if start != 0 {
		s.Run.Start, s.Run.End = start, end
	}
	s.Run.From = cmp.Or(s.Run.From, s.Run.Start)
	s.Run.To = cmp.Or(s.Run.To, s.Run.End)
	where := s.constraints()
	for i := range entries {
		r := &entries[i].Run
		r.Status = cmp.Or(r.Status, OK)
		r.Bankrupt = r.Finished() && s.daily(&entries[i]).Ruin() >= 0
		r.Eligible = r.Finished() && !r.Bankrupt && !slices.ContainsFunc(where, func(c Constraint) bool { return !c.Met(r) })
		s.Runs[i] = *r
	}
	objective := s.Objective()
	s.Best = best(objective, s.Runs)
	g := newGround(s, objective)
	s.Stability = g.stability(s.Best)
	s.Marginals = g.marginals()
	s.Trials = s.trials(entries)
	s.Warnings = s.warn()
}

// daily is the equity of a run day by day.
func (s *Sweep) daily(e *Entry) *analysis.Daily {
	return analysis.DailyOf(s.Account.StartBalance, s.Run.Start, e.Days)
}

// best is the number of the best run that may be it, the first of equal ones.
func best(o Objective, runs []Run) *int {
	var at *Run
	for i := range runs {
		if r := &runs[i]; r.Eligible && o.Value(r) != nil && (at == nil || o.Better(r, at)) {
			at = r
		}
	}
	if at == nil {
		return nil
	}
	return &at.N
}

// ByNumber finds a run.
func (s *Sweep) ByNumber(n int) *Run {
	i, ok := slices.BinarySearchFunc(s.Runs, n, func(r Run, n int) int { return cmp.Compare(r.N, n) })
	if !ok {
		return nil
	}
	return &s.Runs[i]
}

// Ranked are the runs from the best to the worst.
func (s *Sweep) Ranked() []*Run {
	o := s.Objective()
	list := make([]*Run, len(s.Runs))
	for i := range s.Runs {
		list[i] = &s.Runs[i]
	}
	slices.SortStableFunc(list, func(a, b *Run) int {
		switch {
		case o.Better(a, b):
			return -1
		case o.Better(b, a):
			return 1
		}
		return 0
	})
	return list
}

// trials judges the daily returns of the runs that finished. A run that its strategy
// ended early keeps what it had.
func (s *Sweep) trials(entries []Entry) Trials {
	var names []string
	var days []analysis.Daily
	for i := range entries {
		if !entries[i].Run.Finished() {
			continue
		}
		d := s.daily(&entries[i])
		d.Until(s.Run.End)
		names, days = append(names, strconv.Itoa(entries[i].Run.N)), append(days, *d)
	}
	t := analysis.Judge(names, days)
	out := Trials{Runs: t.Runs, Idle: t.Idle, Bankrupt: t.Bankrupt, Distinct: t.Distinct, Days: t.Days, Sharpe: t.Sharpe,
		Expected: t.Expected, Deflated: t.Deflated, MinTrackRecord: t.MinTrackRecord, Overfitting: t.Overfitting,
		Reason: t.Reason}
	out.Best, _ = strconv.Atoi(t.Best)
	if len(names) == 0 {
		out.Reason = "no run finished"
	}
	return out
}

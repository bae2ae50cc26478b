package analysis

import (
	"fmt"
	"math"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/stats"
)

// blocks of time for the probability of overfitting. Two days for each are there: no
// trial is judged by fewer than [reports.MinRatioDays].
const blocks = 10

// Trials is what choosing the run with the highest Sharpe ratio of several is worth.
//
// A run that was idle all the time chose nothing, and one that is a copy of another
// nothing else: neither is a trial. A bankrupt run was tried and might have been chosen,
// but the returns of what it had left are not returns on the account: it counts in the
// number of trials, is never the best, its Sharpe ratio is not in the variance of those
// of the others, and in the probability of overfitting it is the worst of each half that
// holds its ruin or what follows it.
type Trials struct {
	Runs     int      `json:"runs"`
	Idle     int      `json:"idle"`         // runs whose equity never changed from day to day
	Bankrupt int      `json:"bankrupt"`     // runs that lost everything; see [Daily.Ruin]
	Distinct int      `json:"distinct"`     // trials: runs that were not idle, each once
	Days     int      `json:"days"`         // whole days of each run
	Best     string   `json:"best"`         // directory of the run with the highest Sharpe ratio that is not bankrupt
	Sharpe   *float64 `json:"sharpe"`       // its ratio, a year
	Expected *float64 `json:"expected_max"` // to expect of the best when all are worth nothing, a year
	Deflated *float64 `json:"deflated_sharpe"`
	// MinTrackRecord is how many days it takes to be 95 % sure that the best one's
	// true ratio is above 0, if it were the only trial.
	MinTrackRecord *float64 `json:"min_track_record_days"`
	Overfitting    *float64 `json:"probability_of_overfitting"`
	// Reason says why something above is not defined; empty when all is.
	Reason string `json:"reason,omitempty"`
}

// OfTrials reads the daily returns of finished runs, two or more.
func OfTrials(dirs []string) (*Trials, error) {
	var all []Daily
	for _, dir := range dirs {
		d, err := dailyOf(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		all = append(all, *d)
	}
	return Judge(dirs, all), nil
}

// dailyOf reads the account's own currency only.
func dailyOf(dir string) (*Daily, error) {
	result, err := reports.ReadResult(dir)
	if err != nil {
		return nil, err
	}
	d := NewDaily(result.Account.StartBalance)
	err = reports.ReadEquity(dir, func(rows []reports.EquityRow) error {
		for i := range rows {
			d.Add(exchange.Time(rows[i].Time), exchange.Money(rows[i].Equity))
		}
		return nil
	})
	d.Finish()
	return d, err
}

// Judge says what choosing the best of several runs is worth, from the ends of
// their days. names are what the runs are called.
func Judge(names []string, all []Daily) *Trials {
	t := &Trials{Runs: len(names)}
	trials := make([]trial, len(all))
	for i := range all {
		if !all[0].s.sameDays(&all[i].s) {
			t.Reason = names[i] + " covers other days than " + names[0]
		}
		trials[i] = trial{name: names[i], Trial: all[i].trial()}
		if trials[i].Ruin >= 0 {
			t.Bankrupt++
		}
	}
	if t.Reason == "" && len(trials) > 0 {
		t.judge(trials)
	}
	return t
}

// trial is a run that was tried.
type trial struct {
	stats.Trial

	name string
}

func (t *trial) idle() bool {
	return !slices.ContainsFunc(t.Returns, func(r float64) bool { return r != 0 })
}

func (s *series) sameDays(o *series) bool {
	if len(s.days) != len(o.days) {
		return false
	}
	for i := range s.days {
		if s.days[i].at.Add(-1).Date() != o.days[i].at.Add(-1).Date() || s.whole(i) != o.whole(i) {
			return false
		}
	}
	return true
}

func (t *Trials) judge(all []trial) {
	t.Days = len(all[0].Returns)
	trials := t.distinct(all)
	t.Distinct = len(trials)
	if t.Days < reports.MinRatioDays {
		t.Reason = fmt.Sprintf("the runs have %d whole days, and it takes %d", t.Days, reports.MinRatioDays)
		return
	}
	best, top, sharpes := -1, 0.0, []float64{}
	for i := range trials {
		v := stats.Sharpe(trials[i].Returns, 1)
		if trials[i].Ruin >= 0 || math.IsNaN(v) {
			continue
		}
		if sharpes = append(sharpes, v); best < 0 || v > top {
			best, top = i, v
		}
	}
	if best < 0 {
		t.Reason = "no run has a Sharpe ratio"
		if t.Bankrupt > 0 {
			t.Reason = "each run that traded lost everything"
		}
		return
	}
	chosen := &trials[best]
	t.Best = chosen.name
	t.Sharpe = number(stats.Sharpe(chosen.Returns, perYear))
	expected := stats.ExpectedMaxSharpe(variance(sharpes), len(trials))
	t.Expected = number(expected * math.Sqrt(perYear))
	shape := stats.ShapeOf(chosen.Returns)
	t.Deflated = number(shape.Probabilistic(expected))
	t.MinTrackRecord = number(shape.MinTrackRecord(0, confidence))
	list := make([]stats.Trial, len(trials))
	for i := range trials {
		list[i] = trials[i].Trial
	}
	t.Overfitting = number(stats.OverfittingOf(list, blocks))
	switch {
	case t.Overfitting == nil:
		t.Reason = "the probability of overfitting takes two runs that trade and differ"
	case t.Deflated == nil:
		t.Reason = "the returns of the best run have no deflated Sharpe ratio"
	}
}

// distinct are the runs that chose something, each once.
func (t *Trials) distinct(all []trial) []trial {
	var active []trial
	var series [][]float64
	for i := range all {
		if all[i].idle() {
			t.Idle++
			continue
		}
		active, series = append(active, all[i]), append(series, all[i].Returns)
	}
	var out []trial
	for _, i := range stats.Distinct(series) {
		out = append(out, active[i])
	}
	return out
}

func variance(v []float64) float64 {
	d := stats.Deviation(v)
	if math.IsNaN(d) {
		return 0
	}
	return d * d
}

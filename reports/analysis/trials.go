package analysis

import (
	"fmt"
	"math"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/stats"
)

// blocks of time for the probability of overfitting.
const blocks = 10

// Trials is what choosing the run with the highest Sharpe ratio of several is worth.
type Trials struct {
	Runs     int      `json:"runs"`
	Days     int      `json:"days"`
	Best     string   `json:"best"`         // directory of the run with the highest Sharpe ratio
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
	returns := make([][]float64, len(all))
	for i := range all {
		if !all[0].s.sameDays(&all[i].s) {
			t.Reason = names[i] + " covers other days than " + names[0]
		}
		returns[i] = all[i].Returns()
	}
	if t.Reason == "" {
		t.judge(names, returns)
	}
	return t
}

func (s *series) sameDays(o *series) bool {
	if len(s.days) != len(o.days) {
		return false
	}
	for i := range s.days {
		if s.days[i].at.Add(-1).Date() != o.days[i].at.Add(-1).Date() {
			return false
		}
	}
	return true
}

func (t *Trials) judge(names []string, all [][]float64) {
	t.Days = len(all[0])
	best, sharpes := -1, []float64{}
	for i, r := range all {
		v := stats.Sharpe(r, 1)
		if math.IsNaN(v) {
			continue // a run that never traded chose nothing
		}
		if sharpes = append(sharpes, v); best < 0 || v > stats.Sharpe(all[best], 1) {
			best = i
		}
	}
	if best < 0 {
		t.Reason = "no run has a Sharpe ratio"
		return
	}
	t.Best = names[best]
	t.Sharpe = number(stats.Sharpe(all[best], perYear))
	t.Expected = number(stats.ExpectedMaxSharpe(variance(sharpes), len(sharpes)) * math.Sqrt(perYear))
	shape := stats.ShapeOf(all[best])
	t.Deflated = number(shape.Deflated(sharpes))
	t.MinTrackRecord = number(shape.MinTrackRecord(0, confidence))
	t.Overfitting = number(stats.Overfitting(all, blocks))
	switch {
	case t.Overfitting == nil && t.Days < 2*blocks:
		t.Reason = fmt.Sprintf("the probability of overfitting takes %d days, and there are %d", 2*blocks, t.Days)
	case t.Deflated == nil:
		t.Reason = "the deflated Sharpe ratio takes more than four days"
	}
}

func variance(v []float64) float64 {
	d := stats.Deviation(v)
	if math.IsNaN(d) {
		return 0
	}
	return d * d
}

package sweeps

import (
	"encoding/json"
	"fmt"

	"github.com/dunamis-engine/dunamis/reports"
)

// maxScale is the greatest number of decimal places of a currency.
const maxScale = 12

// Parse reads sweep.json and checks what the reports of a sweep rely on. A file of
// another kind is a [*reports.SchemaError]. Fields that are not known are those of a
// later build, and are ignored.
func Parse(b []byte) (*Sweep, error) {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, fmt.Errorf("%s: not a sweep: %w", SweepFile, err)
	}
	if head.Schema != Schema {
		return nil, &reports.SchemaError{File: SweepFile, Have: head.Schema, Want: Schema}
	}
	s := new(Sweep)
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("%s: not a sweep: %w", SweepFile, err)
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("%s: not a sweep: %w", SweepFile, err)
	}
	s.complete()
	return s, nil
}

// check returns what is wrong with a sweep that was read.
func (s *Sweep) check() error {
	if _, err := ParseObjective(s.Search.Objective); err != nil {
		return fmt.Errorf("search.objective: %w", err)
	}
	switch s.Search.Direction {
	case "", "min", "max":
	default:
		return fmt.Errorf("search.direction %q: want min or max", s.Search.Direction)
	}
	for i, text := range s.Search.Where {
		if _, err := ParseConstraint(text); err != nil {
			return fmt.Errorf("search.where[%d]: %w", i, err)
		}
	}
	if n := s.Account.CurrencyScale; n < 0 || n > maxScale {
		return fmt.Errorf("account.currency_scale %d: want 0 to %d", n, maxScale)
	}
	if s.Account.StartBalance <= 0 {
		return fmt.Errorf("account.start_balance %d: want more than 0", s.Account.StartBalance)
	}
	var config map[string]any
	if err := json.Unmarshal(s.Config, &config); err != nil {
		return fmt.Errorf("config: want an object")
	}
	if err := s.checkRuns(); err != nil {
		return err
	}
	for name, n := range map[string]*int{"best": s.Best, "stability.plateau": s.plateau()} {
		if n != nil && s.ByNumber(*n) == nil {
			return fmt.Errorf("%s: there is no run %d", name, *n)
		}
	}
	return nil
}

func (s *Sweep) plateau() *int {
	if s.Stability == nil {
		return nil
	}
	return s.Stability.Plateau
}

func (s *Sweep) checkRuns() error {
	for i := range s.Axes {
		if s.Axes[i].Name == "" {
			return fmt.Errorf("axes[%d]: want a name", i)
		}
	}
	last := 0
	for i := range s.Runs {
		r := &s.Runs[i]
		if r.N <= last || r.N > 1<<31-1 {
			return fmt.Errorf("runs[%d].n %d: want numbers from 1 up, each once", i, r.N)
		}
		last = r.N
		switch r.Status {
		case "", OK, Failed, Timeout, Pruned:
		default:
			return fmt.Errorf("run %d: status %q: want ok, failed, timeout or pruned", r.N, r.Status)
		}
		for k := range s.Axes {
			if _, ok := r.Params[s.Axes[k].Name]; !ok {
				return fmt.Errorf("run %d: no value of %s", r.N, s.Axes[k].Name)
			}
		}
	}
	return nil
}

// complete fills in what files of earlier builds do not say.
func (s *Sweep) complete() {
	for i := range s.Runs {
		r := &s.Runs[i]
		if r.Status == "" {
			r.Status, r.Eligible = OK, true
		}
	}
}

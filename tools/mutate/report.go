package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// report is what the command found; its JSON is what -json writes.
type report struct {
	Seed      uint64           `json:"seed"`
	Limit     int              `json:"limit"`     // of mutants of a package; 0: all
	Threshold float64          `json:"threshold"` // percent of mutants that must be killed
	Packages  []*packageResult `json:"packages"`
	Stale     []string         `json:"stale"` // entries of the accepted ones that are no mutant of these packages
}

// low returns the packages under the threshold.
func (r *report) low() (low []*packageResult) {
	for _, p := range r.Packages {
		if p.Rate < r.Threshold {
			low = append(low, p)
		}
	}
	return low
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r *report) writeText(w io.Writer) error {
	for _, p := range r.Packages {
		for i := range p.Results {
			m := &p.Results[i]
			switch {
			case m.Outcome == survived:
				fmt.Fprintf(w, "survived %s:%d\n%s\n\n", m.File, m.Line, m.identity())
			case m.Reason != "" && m.Outcome != isAccepted:
				fmt.Fprintf(w, "accepted, but %s %s:%d\n%s\n\n", m.Outcome, m.File, m.Line, m.identity())
			}
		}
	}
	for _, s := range r.Stale {
		fmt.Fprintf(w, "accepted, but no such mutant: %s\n\n", s)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "package\tcandidates\tmutants\tkilled\tof them timeouts\tsurvived\taccepted\tnot compiled\trate")
	for _, p := range r.Packages {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f%%\n", p.Package, p.Candidates, p.Mutants, p.Killed, p.Timeouts,
			p.Survived, p.Accepted, p.NotCompiled, p.Rate)
	}
	return t.Flush()
}

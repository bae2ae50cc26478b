package cli

import (
	"fmt"
	"time"

	"github.com/dunamis-engine/dunamis/data"
	"github.com/dunamis-engine/dunamis/data/importer"
	"github.com/dunamis-engine/dunamis/internal/terminal"
)

func (a *App) printImport(r importer.Report) {
	fmt.Fprintf(a.Stdout, "%s: %s, %d rows, %d imported", terminal.Line(r.File), r.Format, r.Rows, r.Imported)
	if r.Present > 0 && r.Written == 0 {
		fmt.Fprint(a.Stdout, ", all of it already in the catalog")
	}
	fmt.Fprintln(a.Stdout)
	for _, s := range r.Streams {
		fmt.Fprintf(a.Stdout, "  %s  %d rows  %s to %s\n", s.Key, s.Rows, s.First, s.Last)
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(a.Stdout, "  skipped %d rows: %s (row %d", s.Rows, terminal.Line(s.Reason), s.Examples[0].Row)
		for _, e := range s.Examples[1:] {
			fmt.Fprintf(a.Stdout, ", %d", e.Row)
		}
		fmt.Fprintln(a.Stdout, ")")
	}
	if b := r.Bars; b != nil {
		fmt.Fprintf(a.Stdout, "  bars of %s: %d without trades, %d open outside their range\n", b.Interval, b.Quiet, b.OpenOutside)
	}
	if c := r.Clock; c != nil && (c.Early > 0 || c.Offset != 0) {
		fmt.Fprintf(a.Stdout, "  clock: %d of %d rows arrive before they happen (least %s, median %s); %s added, %d remain\n",
			c.Early, c.Rows, c.Min, c.Median, c.Offset.Round(time.Microsecond), c.StillEarly)
	}
	if g := r.Gross; g != nil {
		fmt.Fprintf(a.Stdout, "  grossValue: %d checked, %d differ from the contract maths\n", g.Checked, g.Mismatched)
	}
	if r.Clamped > 0 {
		fmt.Fprintf(a.Stdout, "  %d times went back and were moved up to the one before\n", r.Clamped)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(a.Stderr, "warning: %s\n", terminal.Line(w))
	}
}

func detail(s string) string {
	if s == "" {
		return ""
	}
	return " (" + terminal.Line(s) + ")"
}

func (a *App) printVerify(r *data.VerifyReport) error {
	for _, s := range r.Streams {
		if s.Rows == 0 {
			fmt.Fprintf(a.Stdout, "%s  0 rows\n", s.Key)
		} else {
			fmt.Fprintf(a.Stdout, "%s  %d rows  %s to %s\n", s.Key, s.Rows, s.First, s.Last)
		}
		for _, c := range s.Checks {
			kind := "fact"
			if c.Problem {
				kind = "PROBLEM"
			}
			fmt.Fprintf(a.Stdout, "  %s: %s: %d%s\n", kind, c.Name, c.Count, detail(c.Detail))
			for _, e := range c.Examples {
				if e.Time == 0 { // it is not of an event
					fmt.Fprintf(a.Stdout, "    %s\n", terminal.Line(e.Value))
					continue
				}
				fmt.Fprintf(a.Stdout, "    %s  %s\n", e.Time, terminal.Line(e.Value))
			}
		}
	}
	if r.Problems == 0 {
		fmt.Fprintln(a.Stdout, "no problems")
	}
	return nil
}

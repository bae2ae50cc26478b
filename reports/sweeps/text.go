package sweeps

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Text lays a sweep out for a terminal: the best runs, and what to beware of.
func (s *Sweep) Text(most int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s, %s\n%s to %s\n", s.Run.Strategy, strings.Join(s.Run.Symbols, ", "), s.Run.Data, s.Run.Start, s.Run.End)
	fmt.Fprintf(&b, "%d runs, %s, the best by %s first\n\n", len(s.Runs), s.searchText(), s.ObjectiveText())
	s.writeRuns(&b, most)
	for i, w := range s.Warnings {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	return b.String()
}

// ObjectiveText is what people call the objective, with its direction where that is not
// the usual one.
func (s *Sweep) ObjectiveText() string {
	o := s.Objective()
	if usual, _ := ObjectiveOf(o.Name); usual.least == o.least {
		return o.Label
	}
	return map[bool]string{true: "the least ", false: "the most "}[o.least] + o.Label
}

func (s *Sweep) searchText() string {
	text := "a random sample with seed " + strconv.FormatUint(s.Search.Seed, 10)
	if s.Search.Method == "grid" {
		text = "the whole grid"
	}
	if len(s.Search.Where) > 0 {
		text += ", where " + strings.Join(s.Search.Where, " and ")
	}
	return text
}

func (s *Sweep) writeRuns(b *strings.Builder, most int) {
	head := []string{"run"}
	for i := range s.Axes {
		head = append(head, s.Axes[i].Name)
	}
	head = append(head, "return", "Sharpe", "Sortino", "drawdown", "profit f.", "trips", "fills")
	o := s.Objective()
	own := !slices.Contains(columns, o.Name) // the objective needs a column of its own
	if own {
		head = append(head, o.Label)
	}
	rows, notes := [][]string{head}, []string{""}
	for _, r := range s.Ranked()[:min(len(s.Runs), most)] {
		row := []string{strconv.Itoa(r.N)}
		for i := range s.Axes {
			row = append(row, r.Params[s.Axes[i].Name])
		}
		row = append(
			row,
			percent(r.TotalReturn),
			ratio(r.Sharpe),
			ratio(r.Sortino),
			percent(r.MaxDrawdown),
			ratio(r.ProfitFactor),
			count(r, r.Trades),
			count(r, r.Fills),
		)
		if own {
			row = append(row, s.figureText(o, r))
		}
		rows, notes = append(rows, row), append(notes, s.Note(r))
	}
	wide := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	for k, row := range rows {
		for i, cell := range row {
			fmt.Fprintf(b, "  %s%s", strings.Repeat(" ", wide[i]-utf8.RuneCountInString(cell)), cell)
		}
		if notes[k] != "" {
			b.WriteString("  " + notes[k])
		}
		b.WriteByte('\n')
	}
	if n := len(s.Runs) - most; n > 0 {
		fmt.Fprintf(b, "  and %d more\n", n)
	}
}

// columns are the figures that every table of runs has.
var columns = []string{"total_return", "sharpe", "sortino", "max_drawdown", "profit_factor", "trades", "fills"}

// Note says why a run cannot be the best; empty of those that can.
func (s *Sweep) Note(r *Run) string {
	switch {
	case !r.Finished():
		return string(r.Status)
	case r.Bankrupt:
		return "bankrupt"
	case !r.Eligible && len(s.Search.Where) > 0:
		return "not " + strings.Join(s.Search.Where, " and ")
	}
	return ""
}

// figureText writes a figure: money in the currency that people say.
func (s *Sweep) figureText(o Objective, r *Run) string {
	v := o.Value(r)
	switch {
	case v == nil:
		return "-"
	case o.Group == "account":
		return exchange.Money(*v).Decimal(s.Account.CurrencyScale).StringFixed(int32(s.Account.CurrencyScale))
	case o.Group == "counts":
		return strconv.FormatFloat(*v, 'f', -1, 64)
	}
	return strconv.FormatFloat(*v, 'f', 4, 64)
}

func count(r *Run, n int64) string {
	if !r.Finished() {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

func percent(v *float64) string {
	if v == nil {
		return "-"
	}
	return strconv.FormatFloat(100**v, 'f', 2, 64) + " %"
}

func ratio(v *float64) string {
	if v == nil {
		return "-"
	}
	return strconv.FormatFloat(*v, 'f', 2, 64)
}

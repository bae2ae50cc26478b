package sweeps

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text lays a sweep out for a terminal: the best runs, and what to beware of.
func (s *Sweep) Text(most int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s, %s\n%s to %s\n", s.Run.Strategy, strings.Join(s.Run.Symbols, ", "), s.Run.Data, s.Run.Start, s.Run.End)
	fmt.Fprintf(&b, "%d runs, %s, the best by %s first\n\n", len(s.Runs), s.searchText(), s.Objective().Label)
	s.writeRuns(&b, most)
	for i, w := range s.Warnings {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	return b.String()
}

func (s *Sweep) searchText() string {
	if s.Search.Method == "grid" {
		return "the whole grid"
	}
	return "a random sample with seed " + strconv.FormatUint(s.Search.Seed, 10)
}

func (s *Sweep) writeRuns(b *strings.Builder, most int) {
	head := []string{"run"}
	for i := range s.Axes {
		head = append(head, s.Axes[i].Name)
	}
	rows := [][]string{append(head, "return", "Sharpe", "Sortino", "drawdown", "profit f.", "trips", "fills")}
	for _, r := range s.Ranked()[:min(len(s.Runs), most)] {
		row := []string{strconv.Itoa(r.N)}
		for i := range s.Axes {
			row = append(row, r.Params[s.Axes[i].Name])
		}
		rows = append(rows, append(row, percent(r.TotalReturn), ratio(r.Sharpe), ratio(r.Sortino), percent(r.MaxDrawdown), ratio(r.ProfitFactor),
			strconv.FormatInt(r.Trades, 10), strconv.FormatInt(r.Fills, 10)))
	}
	wide := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		for i, cell := range row {
			fmt.Fprintf(b, "  %s%s", strings.Repeat(" ", wide[i]-utf8.RuneCountInString(cell)), cell)
		}
		b.WriteByte('\n')
	}
	if n := len(s.Runs) - most; n > 0 {
		fmt.Fprintf(b, "  and %d more\n", n)
	}
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

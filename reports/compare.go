package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/internal/terminal"
)

// Comparison sets finished runs side by side; the first is what the others are
// compared with.
type Comparison struct {
	Runs []ComparedRun `json:"runs"`
	// Settings are those in which the runs differ.
	Settings []ComparedSetting `json:"settings"`
	Figures  []ComparedFigure  `json:"figures"`
	// Warnings say why the runs may not be comparable.
	Warnings []string `json:"warnings"`
}

// ComparedRun is one of the runs.
type ComparedRun struct {
	Dir    string  `json:"dir"`
	Digest string  `json:"digest"`
	Result *Result `json:"-"`
}

// ComparedSetting is what each run had of a setting; empty where it has none.
type ComparedSetting struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// ComparedFigure is a number of each run, as result.json has it. A nil is not
// defined for the run.
type ComparedFigure struct {
	Name   string     `json:"name"` // its place in result.json
	Values []*float64 `json:"values"`
	// Differences are from the first run; nil where one of the two is not defined, and
	// for amounts in another currency or unit than the first run's.
	Differences []*float64 `json:"differences"`
}

// Compare reads finished runs and sets them side by side.
func Compare(dirs []string) (*Comparison, error) {
	c := &Comparison{Settings: []ComparedSetting{}, Warnings: []string{}}
	for _, dir := range dirs {
		r, err := ReadResult(dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		c.Runs = append(c.Runs, ComparedRun{Dir: dir, Digest: r.Digest, Result: r})
	}
	c.compareSettings()
	for _, f := range comparedFigures {
		c.addFigure(f.name, f.value)
	}
	c.warn()
	return c, nil
}

var comparedFigures = []struct {
	name  string
	value func(r *Result) *float64
}{
	{"metrics.total_return", func(r *Result) *float64 { return r.Metrics.TotalReturn }},
	{"metrics.total_return_quote", func(r *Result) *float64 { return r.Metrics.TotalReturnQuote }},
	{"metrics.cagr", func(r *Result) *float64 { return r.Metrics.CAGR }},
	{"metrics.sharpe", func(r *Result) *float64 { return r.Metrics.Sharpe }},
	{"metrics.sortino", func(r *Result) *float64 { return r.Metrics.Sortino }},
	{"metrics.volatility", func(r *Result) *float64 { return r.Metrics.Volatility }},
	{"metrics.max_drawdown", func(r *Result) *float64 { return r.Metrics.MaxDrawdown }},
	{"metrics.max_drawdown_daily", func(r *Result) *float64 { return r.Metrics.MaxDrawdownDaily }},
	{"metrics.win_rate", func(r *Result) *float64 { return r.Metrics.WinRate }},
	{"metrics.fill_win_rate", func(r *Result) *float64 { return r.Metrics.FillWinRate }},
	{"metrics.profit_factor", func(r *Result) *float64 { return r.Metrics.ProfitFactor }},
	{"metrics.exposure", func(r *Result) *float64 { return r.Metrics.Exposure }},
	{"metrics.turnover", func(r *Result) *float64 { return r.Metrics.Turnover }},
	{"account.end_equity", func(r *Result) *float64 { return whole(r.Account.EndEquity) }},
	{"account.realised_pnl", func(r *Result) *float64 { return whole(r.Account.RealisedPnL) }},
	{"account.fees", func(r *Result) *float64 { return whole(r.Account.Fees) }},
	{"account.funding", func(r *Result) *float64 { return whole(r.Account.Funding) }},
	{"counts.orders", func(r *Result) *float64 { return whole(r.Counts.Orders) }},
	{"counts.fills", func(r *Result) *float64 { return whole(r.Counts.Fills) }},
	{"counts.maker_fills", func(r *Result) *float64 { return whole(r.Counts.MakerFills) }},
	{"counts.trades", func(r *Result) *float64 { return whole(r.Counts.Trades) }},
	{"counts.rejected", func(r *Result) *float64 { return whole(r.Counts.Rejected) }},
	{"counts.liquidations", func(r *Result) *float64 { return whole(r.Counts.Liquidations) }},
}

func whole[N ~int64](n N) *float64 { v := float64(n); return &v }

func (c *Comparison) addFigure(name string, value func(*Result) *float64) {
	f := ComparedFigure{Name: name}
	for _, run := range c.Runs {
		v, first := value(run.Result), value(c.Runs[0].Result)
		f.Values = append(f.Values, v)
		var diff *float64
		if v != nil && first != nil && (!f.isAmount() || sameUnit(run.Result, c.Runs[0].Result)) {
			diff = number(*v - *first)
		}
		f.Differences = append(f.Differences, diff)
	}
	c.Figures = append(c.Figures, f)
}

// isAmount reports whether the figure is money.
func (f *ComparedFigure) isAmount() bool { return strings.HasPrefix(f.Name, "account.") }

// sameUnit reports whether amounts of two runs are in one unit of one currency.
func sameUnit(a, b *Result) bool {
	return a.Account.Currency == b.Account.Currency && a.Account.CurrencyScale == b.Account.CurrencyScale
}

// compareSettings finds what the runs were asked for differently.
func (c *Comparison) compareSettings() {
	all := make([]map[string]string, len(c.Runs))
	names := make(map[string]bool)
	for i, run := range c.Runs {
		all[i] = settingsOf(run.Result)
		for name := range all[i] {
			names[name] = true
		}
	}
	for _, name := range sortedKeys(names) {
		s := ComparedSetting{Name: name}
		for _, m := range all {
			s.Values = append(s.Values, m[name])
		}
		if len(slices.Compact(slices.Clone(s.Values))) > 1 {
			c.Settings = append(c.Settings, s)
		}
	}
}

func settingsOf(r *Result) map[string]string {
	m := map[string]string{"strategy": r.Run.Strategy, "venue": r.Run.Venue, "symbols": strings.Join(r.Run.Symbols, ", "),
		"data": r.Run.Data, "from": r.Run.Start.String(), "to": r.Run.End.String(),
		"start balance": moneyText(&r.Account, r.Account.StartBalance)}
	for name, value := range r.Run.Params {
		m["param "+name] = value
	}
	for _, model := range r.Models {
		m["model "+model.Name] = model.Value
	}
	return m
}

func (c *Comparison) warn() {
	first := c.Runs[0].Result
	for _, run := range c.Runs[1:] {
		r := run.Result
		if !sameUnit(r, first) {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s is in %s, not %s: amounts cannot be compared", run.Dir,
				unitText(r, first), unitText(first, r)))
		}
		if r.Run.SampleSeconds != first.Run.SampleSeconds {
			c.Warnings = append(c.Warnings,
				fmt.Sprintf("%s is sampled %s, not %s: drawdowns by samples cannot be compared",
					run.Dir, samplingText(r), samplingText(first)))
		}
		if r.Run.Start != first.Run.Start || r.Run.End != first.Run.End {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s covers another time", run.Dir))
		}
		if !slices.Equal(r.Data, first.Data) {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s rests on other data", run.Dir))
		}
	}
}

// unitText names the unit of a result's amounts, with its scale where the name alone
// does not tell two apart.
func unitText(r, other *Result) string {
	a := &r.Account
	if a.Currency != other.Account.Currency {
		return a.Currency
	}
	return fmt.Sprintf("%s of 1e-%d %s", a.Currency, a.CurrencyScale, a.CurrencyMajor)
}

func samplingText(r *Result) string {
	if r.Run.SampleSeconds <= 0 {
		return "in an unknown interval"
	}
	return "every " + shortDuration(time.Duration(r.Run.SampleSeconds*float64(time.Second)))
}

// Text lays a comparison out for a terminal: a column for each run, and beside
// those after the first the difference from it.
func (c *Comparison) Text() string {
	rows := [][]string{{""}}
	for _, run := range c.Runs {
		rows[0] = append(rows[0], run.Dir)
	}
	for _, s := range c.Settings {
		rows = append(rows, append([]string{s.Name}, s.Values...))
	}
	for _, f := range c.Figures {
		row := []string{f.Label()}
		for i := range f.Values {
			text := f.Text(&c.Runs[i].Result.Account, f.Values[i])
			if d := f.Differences[i]; i > 0 && d != nil && *d != 0 {
				text += " (" + sign(*d) + f.Text(&c.Runs[i].Result.Account, d) + ")"
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	for _, row := range rows {
		for i := range row {
			row[i] = terminal.Line(row[i])
		}
	}
	var b strings.Builder
	writeColumns(&b, rows)
	for _, w := range c.Warnings {
		fmt.Fprintf(&b, "\nwarning: %s", terminal.Line(w))
	}
	if len(c.Warnings) > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

func sign(v float64) string {
	if v > 0 {
		return "+"
	}
	return ""
}

// Label names the figure for people.
func (f *ComparedFigure) Label() string {
	_, name, _ := strings.Cut(f.Name, ".")
	return strings.ReplaceAll(name, "_", " ")
}

// Text writes a value of the figure in its unit.
func (f *ComparedFigure) Text(a *Balance, v *float64) string {
	switch {
	case v == nil:
		return "-"
	case f.isAmount():
		return fmt.Sprintf("%.*f %s", a.CurrencyScale, *v/pow10(a.CurrencyScale), a.CurrencyMajor)
	case strings.HasPrefix(f.Name, "counts."):
		return fmt.Sprintf("%.0f", *v)
	}
	switch f.Label() {
	case "sharpe", "sortino", "profit factor", "turnover":
		return ratioText(v)
	}
	return percentText(v)
}

func pow10(n int) float64 {
	p := 1.0
	for range n {
		p *= 10
	}
	return p
}

// writeColumns aligns the first column to the left and the others to the right.
func writeColumns(b *strings.Builder, rows [][]string) {
	wide := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			wide[i] = max(wide[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", wide[i]-len([]rune(cell)))
			if i == 0 {
				line.WriteString(cell + pad)
			} else {
				line.WriteString("  " + pad + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

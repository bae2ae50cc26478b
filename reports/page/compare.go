package page

import (
	"io"
	"math"
	"path/filepath"
	"strconv"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
)

// WriteCompare makes a page that sets finished runs side by side: their settings
// and figures, their curves over each other, and what choosing the best is worth.
func WriteCompare(path string, c *reports.Comparison, t *analysis.Trials) error {
	return disk.Output(path, 0o644, func(w io.Writer) error { return renderCompare(w, c, t) })
}

// compareData is what the script of the page draws. Equities are fractions of the
// start balance, so that runs of any size and currency fit on one chart.
type compareData struct {
	Start float64       `json:"start"`
	End   float64       `json:"end"`
	Runs  []compareLine `json:"runs"`
}

type compareLine struct {
	Name     string   `json:"name"`
	Equity   lineData `json:"equity"`
	Drawdown lineData `json:"drawdown"`
}

type compareView struct {
	Version  string
	Warnings []string
	Names    []string
	Settings []reports.ComparedSetting
	Figures  []compareRow
	Trials   []Figure
	scripts
}

type compareRow struct {
	Label string
	Cells []compareCell
}

type compareCell struct{ Value, Difference, Class string }

func renderCompare(w io.Writer, c *reports.Comparison, t *analysis.Trials) error {
	v := compareView{Trials: TrialFigures(t), Warnings: c.Warnings, Settings: c.Settings}
	data := compareData{Start: math.Inf(1), End: math.Inf(-1)}
	for _, run := range c.Runs {
		name := filepath.Base(run.Dir)
		v.Names = append(v.Names, name)
		line, err := compareLineOf(name, run)
		if err != nil {
			return err
		}
		data.Runs = append(data.Runs, line)
		data.Start, data.End = min(data.Start, seconds(run.Result.Run.Start)), max(data.End, seconds(run.Result.Run.End))
	}
	for i := range c.Figures {
		v.Figures = append(v.Figures, compareRowOf(c, &c.Figures[i]))
	}
	var err error
	if v.scripts, err = scriptsOf("compare.js", data); err != nil {
		return err
	}
	return execute(w, "compare.html.tmpl", &v)
}

// Figure is a number with its name.
type Figure struct{ Name, Value string }

// TrialFigures words what choosing the best of several runs is worth.
func TrialFigures(t *analysis.Trials) []Figure {
	list := []Figure{{"runs", strconv.Itoa(t.Runs)}}
	if t.Bankrupt > 0 {
		list = append(list, Figure{"that lost everything", strconv.Itoa(t.Bankrupt)})
	}
	if t.Idle > 0 {
		list = append(list, Figure{"that never traded", strconv.Itoa(t.Idle)})
	}
	if t.Best != "" {
		list = append(list, Figure{"whole days", strconv.Itoa(t.Days)}, Figure{"best", filepath.Base(t.Best)},
			Figure{"its Sharpe ratio", ratioOf(t.Sharpe)}, Figure{"best to expect of luck alone", ratioOf(t.Expected)},
			Figure{"probability that it is above 0 (deflated)", percentOf(t.Deflated)},
			Figure{"probability of overfitting", percentOf(t.Overfitting)},
			Figure{"days it takes to be 95 % sure of one run", daysOf(t.MinTrackRecord)})
	}
	if t.Reason != "" {
		list = append(list, Figure{"not defined", t.Reason})
	}
	return list
}

func daysOf(v *float64) string {
	if v == nil {
		return unknown
	}
	return strconv.FormatFloat(math.Ceil(*v), 'f', 0, 64)
}

func compareLineOf(name string, run reports.ComparedRun) (compareLine, error) {
	start := float64(run.Result.Account.StartBalance)
	c := newCurves(run.Result.Run.Start, run.Result.Run.End)
	err := reports.ReadEquity(run.Dir, func(rows []reports.EquityRow) error {
		for i := range rows {
			c.add(exchange.Time(rows[i].Time), float64(rows[i].Equity)/start, 1)
		}
		return nil
	})
	return compareLine{Name: name, Equity: line(c.equity), Drawdown: line(c.drawdown)}, err
}

func compareRowOf(c *reports.Comparison, f *reports.ComparedFigure) compareRow {
	row := compareRow{Label: f.Label()}
	for i, v := range f.Values {
		account := &c.Runs[i].Result.Account
		cell := compareCell{Value: f.Text(account, v)}
		if d := f.Differences[i]; i > 0 && d != nil && *d != 0 {
			cell.Difference, cell.Class = f.Text(account, d), "less"
			if *d > 0 {
				cell.Difference, cell.Class = "+"+cell.Difference, "more"
			}
		}
		row.Cells = append(row.Cells, cell)
	}
	return row
}

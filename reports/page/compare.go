package page

import (
	"io"
	"math"
	"path/filepath"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/reports"
)

// WriteCompare makes a page that sets finished runs side by side: their settings
// and figures, and their curves over each other.
func WriteCompare(path string, c *reports.Comparison) error {
	return disk.Replace(path, func(w io.Writer) error { return renderCompare(w, c) })
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
	scripts
}

type compareRow struct {
	Label string
	Cells []compareCell
}

type compareCell struct{ Value, Difference, Class string }

func renderCompare(w io.Writer, c *reports.Comparison) error {
	v := compareView{Warnings: c.Warnings, Settings: c.Settings}
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

package page

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"path/filepath"

	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
)

//go:embed assets
var assets embed.FS

// Write makes the page of a finished run and puts it into the run's directory,
// whole or not at all. A run that did not finish is a [*reports.UnfinishedError].
func Write(dir string, of *analysis.Statistics) error {
	return disk.Replace(filepath.Join(dir, reports.PageFile), 0o644, func(w io.Writer) error { return Render(w, dir, of) })
}

// Render writes the page of a finished run.
func Render(w io.Writer, dir string, of *analysis.Statistics) error {
	r, err := load(dir, of)
	if err != nil {
		return err
	}
	v, err := r.view()
	if err != nil {
		return err
	}
	return execute(w, "report.html.tmpl", v)
}

func execute(w io.Writer, name string, v any) error {
	t, err := template.ParseFS(assets, "assets/"+name)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := t.Execute(&page, v); err != nil {
		return err
	}
	_, err = page.WriteTo(w)
	return err
}

// view is what the template shows.
type view struct {
	Title, Strategy, Venue, Symbols, From, To, Length, Data, Params string

	Versions   reports.Versions
	Seed       uint64
	Digest     string
	ResultFile string
	Config     string
	Warnings   []string
	Cards      []card
	Metrics    []figure
	Account    []figure
	Counts     []figure
	Positions  []figure
	Models     []figure
	MonthNames []string
	Calendars  []calendar // by currency
	Waterfall  template.HTML
	Returns    grid // by currency
	Held       grid // against holding
	Trades     grid // by side
	Profits    template.HTML
	Rolling    []template.HTML
	Execution  []figure
	Markouts   []markout
	Sides      []share
	BySymbol   []share
	Hours      template.HTML
	Weekdays   template.HTML
	Window     int
	Own        string // the account's currency
	Interval   string
	Parts      []reports.DataPart
	MoreParts  int

	scripts
}

// scripts are the parts of a page that are not of one run.
type scripts struct {
	Style, ChartStyle           template.CSS
	Script, Charts, ChartScript template.JS
	Tables                      template.JS
	JSON                        template.JS // what the script draws
}

// mostParts is how many parts of the data the page names.
const mostParts = 30

func (r *run) view() (*view, error) {
	res := r.result
	v := &view{
		Title: res.Run.Strategy + " on " + join(res.Run.Symbols), Strategy: res.Run.Strategy, Venue: res.Run.Venue,
		Symbols: join(res.Run.Symbols), From: stamp(res.Run.Start), To: stamp(res.Run.End), Data: res.Run.Data,
		Length: length(res.Run.End.Sub(res.Run.Start)), Params: params(res.Run.Params),
		Versions: r.manifest.Versions, Seed: r.manifest.Seed, Digest: res.Digest, ResultFile: reports.ResultFile,
		Warnings: res.Warnings, Cards: r.cards(), Metrics: r.metrics(), Account: r.account(), Counts: r.counts(),
		Positions: r.positions(), MonthNames: monthNames, Own: r.other.Own, Calendars: r.calendars(),
		Waterfall: r.waterfall(),
		Parts:     res.Data[:min(len(res.Data), mostParts)], MoreParts: max(len(res.Data)-mostParts, 0),
	}
	r.addStatistics(v)
	for _, m := range res.Models {
		v.Models = append(v.Models, figure{Name: m.Name, Value: m.Value})
	}
	var config bytes.Buffer
	if err := json.Indent(&config, r.manifest.Config, "", "  "); err != nil {
		return nil, fmt.Errorf("%s: config: %w", reports.ManifestFile, err)
	}
	v.Config = config.String()
	var err error
	v.scripts, err = scriptsOf("report.js", r.chart())
	return v, err
}

// scriptsOf gathers what a page needs to draw data with a script.
func scriptsOf(script string, data any) (s scripts, err error) {
	var errs []error
	read := func(name string) string {
		b, err := assets.ReadFile("assets/" + name)
		errs = append(errs, err)
		return string(b)
	}
	s.Style, s.ChartStyle = template.CSS(read("report.css")), template.CSS(read("uplot/uPlot.min.css"))    //nolint:gosec // ours
	s.ChartScript, s.Charts = template.JS(read("uplot/uPlot.iife.min.js")), template.JS(read("charts.js")) //nolint:gosec // ours
	s.Script, s.Tables = template.JS(read(script)), template.JS(read("tables.js"))                         //nolint:gosec // ours
	b, err := json.Marshal(data)
	s.JSON = template.JS(b) //nolint:gosec // encoding/json escapes what could end a script
	return s, errors.Join(append(errs, err)...)
}

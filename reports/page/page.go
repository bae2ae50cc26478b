package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"strings"

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
	Command    string // that gives the result again; empty: the configuration does
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
	Policy string // what a browser lets the page do

	Style, ChartStyle                  template.CSS
	Theme, Script, Charts, ChartScript template.JS
	Tables                             template.JS
	JSON                               template.JS // what the script draws
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
	v.Config, v.Command = config.String(), r.manifest.Command
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
	style, chartStyle := read("report.css"), read("uplot/uPlot.min.css")
	theme, chart, charts, tables, own := read(
		"theme.js",
	), read(
		"uplot/uPlot.iife.min.js",
	), read(
		"charts.js",
	), read(
		"tables.js",
	), read(
		script,
	)
	s.Style, s.ChartStyle = template.CSS(style), template.CSS(chartStyle)                          //nolint:gosec // ours
	s.Theme, s.ChartScript, s.Charts = template.JS(theme), template.JS(chart), template.JS(charts) //nolint:gosec // ours
	s.Script, s.Tables = template.JS(own), template.JS(tables)                                     //nolint:gosec // ours
	s.Policy = policy([]string{theme, chart, charts, tables, own}, []string{style, chartStyle})
	b, err := json.Marshal(data)
	s.JSON = template.JS(b) //nolint:gosec // encoding/json escapes what could end a script
	return s, errors.Join(append(errs, err)...)
}

// policy is a Content-Security-Policy under which a page runs its own scripts and styles,
// known by their digests, and nothing else: it loads and sends nothing.
func policy(scripts, styles []string) string {
	digests := func(list []string) string {
		var b strings.Builder
		for _, text := range list {
			sum := sha256.Sum256([]byte(text))
			b.WriteString(" 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'")
		}
		return b.String()
	}
	return "default-src 'none'; script-src" + digests(
		scripts,
	) + "; style-src" + digests(
		styles,
	) + "; base-uri 'none'; form-action 'none'"
}

package page

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"

	"github.com/dunamis-engine/dunamis/reports"
)

//go:embed assets
var assets embed.FS

// Write makes the page of a finished run and puts it into the run's directory,
// whole or not at all. A run that did not finish is a [*reports.UnfinishedError].
func Write(dir string) (err error) {
	f, err := os.CreateTemp(dir, "."+reports.PageFile+".*")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if err := Render(f, dir); err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o644), f.Sync()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, reports.PageFile)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return f.Close()
}

// Render writes the page of a finished run.
func Render(w io.Writer, dir string) error {
	r, err := load(dir)
	if err != nil {
		return err
	}
	return r.render(w)
}

func (r *run) render(w io.Writer) error {
	t, err := template.ParseFS(assets, "assets/report.html.tmpl")
	if err != nil {
		return err
	}
	v, err := r.view()
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

func asset(name string) (string, error) {
	b, err := assets.ReadFile("assets/" + name)
	return string(b), err
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
	Years      []year
	Drawdowns  []drawdown
	Histogram  template.HTML
	Waterfall  template.HTML
	Parts      []reports.DataPart
	MoreParts  int

	Style, ChartStyle   template.CSS
	Script, ChartScript template.JS
	JSON                template.JS
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
		Positions: r.positions(), MonthNames: monthNames, Years: r.years(), Drawdowns: r.drawdowns(),
		Histogram: histogramSVG(histogram(r.returns(), 40), "Daily returns"), Waterfall: r.waterfall(),
		Parts: res.Data[:min(len(res.Data), mostParts)], MoreParts: max(len(res.Data)-mostParts, 0),
	}
	for _, m := range res.Models {
		v.Models = append(v.Models, figure{Name: m.Name, Value: m.Value})
	}
	var config bytes.Buffer
	if err := json.Indent(&config, r.manifest.Config, "", "  "); err != nil {
		return nil, fmt.Errorf("%s: config: %w", reports.ManifestFile, err)
	}
	v.Config = config.String()
	data, err := json.Marshal(r.chart())
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	v.JSON = template.JS(data) //nolint:gosec // encoding/json escapes what could end a script
	if err := v.addAssets(); err != nil {
		return nil, err
	}
	return v, nil
}

func (v *view) addAssets() error {
	var errs []error
	read := func(name string) string {
		s, err := asset(name)
		errs = append(errs, err)
		return s
	}
	v.Style, v.ChartStyle = template.CSS(read("report.css")), template.CSS(read("uplot/uPlot.min.css"))    //nolint:gosec // ours
	v.Script, v.ChartScript = template.JS(read("report.js")), template.JS(read("uplot/uPlot.iife.min.js")) //nolint:gosec // ours
	return errors.Join(errs...)
}

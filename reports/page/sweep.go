package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
	"github.com/dunamis-engine/dunamis/reports/stats"
	"github.com/dunamis-engine/dunamis/reports/sweeps"
)

const (
	mostSwept  = 5000 // runs that the page of a sweep draws and lists, the best ones
	mostCurves = 10   // whose equity it draws
)

// WriteSweep makes the page of a sweep.
func WriteSweep(path string, s *sweeps.Sweep, entries []sweeps.Entry) error {
	return disk.Replace(path, 0o644, func(w io.Writer) error { return renderSweep(w, s, entries) })
}

// SweepFigures words what choosing the best run of a sweep is worth.
func SweepFigures(s *sweeps.Sweep) []Figure {
	t := analysis.Trials{Runs: s.Trials.Runs, Days: s.Trials.Days, Sharpe: s.Trials.Sharpe, Expected: s.Trials.Expected,
		Deflated: s.Trials.Deflated, MinTrackRecord: s.Trials.MinTrackRecord, Overfitting: s.Trials.Overfitting,
		Reason: s.Trials.Reason,
		Idle:   s.Trials.Idle, Bankrupt: s.Trials.Bankrupt}
	if s.Trials.Best > 0 {
		t.Best = "run " + strconv.Itoa(s.Trials.Best)
	}
	list := TrialFigures(&t)
	if x := s.Stability; x != nil {
		name := s.Objective().Label
		list = append(list, Figure{"neighbours of the best", strconv.Itoa(x.Neighbours)}, Figure{"median of their " + name, ratioOf(x.Median)},
			Figure{"worst of them", ratioOf(x.Worst)})
		for _, y := range []struct {
			name string
			n    int
		}{{"of them bankrupt", x.Bankrupt}, {"of them failed", x.Failed}} {
			if y.n > 0 {
				list = append(list, Figure{y.name, strconv.Itoa(y.n)})
			}
		}
		if x.Plateau != nil {
			list = append(list, Figure{"middle of the best plateau", fmt.Sprintf("run %d, with a median of %s", *x.Plateau, ratioOf(x.PlateauMedian))})
		}
	}
	return list
}

// sweepMetric is a figure that the page colours, and a column of its table.
type sweepMetric struct {
	Key  string `json:"key"`
	Name string `json:"name"`
	Kind string `json:"kind"`
	Less bool   `json:"less,omitempty"` // is better
	Sign bool   `json:"sign,omitempty"` // below 0 is a loss
	// Lost says that the figure of a bankrupt run is worse than any other: what it had
	// left makes none.
	Lost bool `json:"lost,omitempty"`
	of   func(*sweeps.Run) float64
}

// sweepKinds says how a figure of a page is written and coloured.
var sweepKinds = []sweepMetric{
	{Key: "sharpe", Kind: "ratio", Sign: true, Lost: true},
	{Key: "total_return", Kind: "percent", Sign: true},
	{Key: "max_drawdown", Kind: "percent"},
	{Key: "sortino", Kind: "ratio", Sign: true, Lost: true},
	{Key: "volatility", Kind: "percent", Lost: true},
	{Key: "profit_factor", Kind: "ratio", Lost: true},
	{Key: "win_rate", Kind: "percent", Lost: true},
	{Key: "exposure", Kind: "percent", Lost: true},
	{Key: "trades", Kind: "int"},
	{Key: "fills", Kind: "int"},
	{Key: "fees", Kind: "money"},
}

// sweepMetrics are the figures of a page, among them the objective.
func sweepMetrics(s *sweeps.Sweep) []sweepMetric {
	own := s.Objective()
	list := slices.Clone(sweepKinds)
	if !slices.ContainsFunc(list, func(m sweepMetric) bool { return m.Key == own.Name }) {
		m := sweepMetric{Key: own.Name, Kind: "ratio", Lost: true}
		switch own.Group {
		case "account":
			m.Kind = "money"
		case "counts":
			m.Kind = "int"
		}
		list = append(list, m)
	}
	for i := range list {
		o, _ := sweeps.ObjectiveOf(list[i].Key)
		if o.Name == own.Name {
			o = own
		}
		list[i].Name, list[i].Less = o.Label, o.Least()
		list[i].of = func(r *sweeps.Run) float64 {
			if v := o.Value(r); v != nil {
				return *v
			}
			return math.NaN()
		}
	}
	return list
}

// sweepData is what the script of the page draws. A place on an axis is that of its
// value in the list, or the value itself where it was drawn.
type sweepData struct {
	Start     float64       `json:"start"`
	End       float64       `json:"end"`
	Scale     int           `json:"scale"`
	Objective string        `json:"objective"`
	Less      bool          `json:"less"`
	Axes      []sweeps.Axis `json:"axes"`
	Metrics   []sweepMetric `json:"metrics"`
	Runs      []int         `json:"runs"` // their numbers, the best first
	At        []cells       `json:"at"`   // by axis
	Values    []cells       `json:"values"`
	Broke     []int         `json:"broke"` // places in runs of those that are bankrupt
	Best      int           `json:"best"`  // 0: none
	Plateau   int           `json:"plateau"`
	Curves    []sweepCurve  `json:"curves"`
	Command   string        `json:"command"`
	Fixed     string        `json:"fixed"`
	Table     tableData     `json:"table"`
}

type sweepCurve struct {
	Name   string   `json:"name"`
	Equity lineData `json:"equity"`
}

type sweepView struct {
	Title, Strategy, Venue, Symbols, From, To, Length, Data, Fixed string

	Version      string
	Objective    string
	Searched     string
	Runs, Shown  int
	Warnings     []string
	Cards        []card
	Trials       []Figure
	Distribution template.HTML
	Models       []figure
	Parts        []reports.DataPart
	MoreParts    int
	Config       string
	Command      string
	scripts
}

func renderSweep(w io.Writer, s *sweeps.Sweep, entries []sweeps.Entry) error {
	ranked := s.Ranked()
	v := &sweepView{Title: fmt.Sprintf("%s on %s, %d runs", s.Run.Strategy, join(s.Run.Symbols), len(s.Runs)), Strategy: s.Run.Strategy,
		Venue: s.Run.Venue, Symbols: join(s.Run.Symbols), From: stamp(s.Run.Start), To: stamp(s.Run.End), Data: s.Run.Data,
		Length: length(s.Run.End.Sub(s.Run.Start)), Fixed: params(s.Run.Params), Version: s.Versions.Dunamis,
		Objective: s.ObjectiveText(), Searched: searched(s), Runs: len(s.Runs), Shown: min(len(s.Runs), mostSwept),
		Warnings: s.Warnings, Cards: sweepCards(s), Trials: SweepFigures(s), Distribution: objectiveSVG(s),
		Parts: s.Data[:min(len(s.Data), mostParts)], MoreParts: max(len(s.Data)-mostParts, 0), Command: s.Command}
	for _, m := range s.Models {
		v.Models = append(v.Models, figure{Name: m.Name, Value: m.Value})
	}
	var config bytes.Buffer
	if err := json.Indent(&config, s.Config, "", "  "); err != nil {
		return fmt.Errorf("%s: config: %w", sweeps.SweepFile, err)
	}
	v.Config = config.String()
	var err error
	if v.scripts, err = scriptsOf("sweep.js", sweepDataOf(s, ranked[:v.Shown], entries)); err != nil {
		return err
	}
	return execute(w, "sweep.html.tmpl", v)
}

func searched(s *sweeps.Sweep) string {
	text := sampled(s)
	if len(s.Search.Where) > 0 {
		text += ", where " + strings.Join(s.Search.Where, " and ")
	}
	return text
}

func sampled(s *sweeps.Sweep) string {
	switch {
	case s.Search.Method == "grid":
		return fmt.Sprintf("the whole grid of %d points", s.Search.Grid)
	case s.Search.Grid > 0:
		return fmt.Sprintf("a random sample of a grid of %d points, seed %d", s.Search.Grid, s.Search.Seed)
	}
	return fmt.Sprintf("a random sample, seed %d", s.Search.Seed)
}

// medianOf is the median of a figure over all runs that have it.
func medianOf(s *sweeps.Sweep, of func(*sweeps.Run) *float64) *float64 {
	var list []float64
	for i := range s.Runs {
		if v := of(&s.Runs[i]); v != nil {
			list = append(list, *v)
		}
	}
	if len(list) == 0 {
		return nil
	}
	m := stats.Quantile(list, 0.5)
	return &m
}

func sweepCards(s *sweeps.Sweep) []card {
	won, broke, failed := 0, 0, 0
	for i := range s.Runs {
		switch r := &s.Runs[i]; {
		case !r.Finished():
			failed++
		case r.Bankrupt:
			broke++
		case r.EndEquity > s.Account.StartBalance:
			won++
		}
	}
	count := fmt.Sprintf("%d with a gain", won)
	if broke > 0 {
		count += fmt.Sprintf(", %d bankrupt", broke)
	}
	if failed > 0 {
		count += fmt.Sprintf(", %d failed", failed)
	}
	t := &s.Trials
	cards := []card{{Name: "runs", Value: strconv.Itoa(len(s.Runs)), Notes: plainNote(count)}}
	if s.Best != nil {
		b := s.ByNumber(*s.Best)
		median := func(text func(*float64) string, of func(*sweeps.Run) *float64) [][]note {
			return plainNote("median of all " + text(medianOf(s, of)))
		}
		cards = append(cards,
			card{Name: "best by " + s.ObjectiveText(), Value: "run " + strconv.Itoa(b.N), Notes: plainNote(params(b.Params))},
			card{Name: "its Sharpe ratio", Value: ratioOf(b.Sharpe), Class: class(b.Sharpe),
				Notes: median(ratioOf, func(r *sweeps.Run) *float64 { return r.Sharpe })},
			card{Name: "its total return", Value: percentOf(b.TotalReturn), Class: class(b.TotalReturn),
				Notes: median(percentOf, func(r *sweeps.Run) *float64 { return r.TotalReturn })},
			card{Name: "its max drawdown", Value: percentOf(b.MaxDrawdown),
				Notes: median(percentOf, func(r *sweeps.Run) *float64 { return r.MaxDrawdown })})
	}
	if x := s.Stability; x != nil {
		cards = append(cards, card{Name: "around the best", Value: ratioOf(x.Median), Notes: plainNote(fmt.Sprintf("median of %d neighbours", x.Neighbours))})
	}
	return append(cards,
		card{Name: "deflated Sharpe ratio", Value: percentOf(t.Deflated), Notes: plainNote("probability that it is not luck")},
		card{Name: "probability of overfitting", Value: percentOf(t.Overfitting), Notes: plainNote("50 % is what chance gives")})
}

func objectiveSVG(s *sweeps.Sweep) template.HTML {
	o := s.Objective()
	var list []float64
	for i := range s.Runs {
		if v := o.Value(&s.Runs[i]); v != nil && !s.Runs[i].Bankrupt {
			list = append(list, *v)
		}
	}
	text := func(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }
	return histogramSVG(stats.Histogram(list, 40), "Runs by "+s.ObjectiveText(), "runs", text)
}

func sweepDataOf(s *sweeps.Sweep, ranked []*sweeps.Run, entries []sweeps.Entry) sweepData {
	o := s.Objective()
	d := sweepData{Start: seconds(s.Run.Start), End: seconds(s.Run.End), Scale: s.Account.CurrencyScale, Objective: o.Name,
		Less: o.Least(), Axes: s.Axes, Metrics: sweepMetrics(s), Broke: []int{}, Command: s.Command,
		Fixed: flagsOf(s.Run.Params)}
	for i, r := range ranked {
		d.Runs = append(d.Runs, r.N)
		if r.Bankrupt {
			d.Broke = append(d.Broke, i)
		}
	}
	for i := range s.Axes {
		d.At = append(d.At, placesOn(&s.Axes[i], ranked))
	}
	for i := range d.Metrics {
		list := make(cells, len(ranked))
		for j, r := range ranked {
			list[j] = d.Metrics[i].of(r)
		}
		d.Values = append(d.Values, list)
	}
	if s.Best != nil {
		d.Best = *s.Best
	}
	if s.Stability != nil && s.Stability.Plateau != nil {
		d.Plateau = *s.Stability.Plateau
	}
	d.Curves = sweepCurves(s, ranked, entries)
	d.Table = sweepTable(s, ranked, &d)
	return d
}

func flagsOf(params map[string]string) string {
	var list []string
	for k, v := range params {
		list = append(list, " --param "+k+"="+v)
	}
	slices.Sort(list)
	return strings.Join(list, "")
}

func placesOn(a *sweeps.Axis, ranked []*sweeps.Run) cells {
	places := make(map[string]float64, len(a.Values))
	for i, v := range a.Values {
		places[v] = float64(i)
	}
	list := make(cells, len(ranked))
	for i, r := range ranked {
		text := r.Params[a.Name]
		place, ok := places[text]
		if !ok {
			place, _ = strconv.ParseFloat(text, 64) // drawn, so a number
		}
		list[i] = place
	}
	return list
}

// sweepCurves are the daily equities of the best runs, and of the one in the middle
// of the best plateau, as returns on the start balance.
func sweepCurves(s *sweeps.Sweep, ranked []*sweeps.Run, entries []sweeps.Entry) []sweepCurve {
	wanted := make(map[int]bool)
	for _, r := range ranked[:min(len(ranked), mostCurves)] {
		wanted[r.N] = true
	}
	if s.Stability != nil && s.Stability.Plateau != nil {
		wanted[*s.Stability.Plateau] = true
	}
	byRun := make(map[int][]analysis.Day, len(wanted))
	for i := range entries {
		if n := entries[i].Run.N; wanted[n] {
			byRun[n] = entries[i].Days
		}
	}
	list := []sweepCurve{}
	for _, r := range ranked {
		if days, ok := byRun[r.N]; ok && wanted[r.N] {
			list = append(list, sweepCurve{fmt.Sprintf("%d: %s", r.N, params(r.Params)), returnsOf(s, days)})
		}
	}
	return list
}

func returnsOf(s *sweeps.Sweep, days []analysis.Day) lineData {
	start := float64(s.Account.StartBalance)
	l := lineData{T: []float64{seconds(s.Run.Start)}, V: []number{0}}
	for _, d := range days {
		l.T = append(l.T, seconds(d.At))
		l.V = append(l.V, number(float64(d.Equity)/start-1))
	}
	return l
}

func sweepTable(s *sweeps.Sweep, ranked []*sweeps.Run, d *sweepData) tableData {
	t := tableData{ID: "runs", Total: int64(len(s.Runs)), File: sweeps.RunsFile, Hint: "filter, such as 20 or 1.5"}
	rank := make(cells, len(ranked))
	n := make(cells, len(ranked))
	for i, r := range ranked {
		rank[i], n[i] = float64(i+1), float64(r.N)
	}
	t.Columns = append(t.Columns, columnData{Name: "rank", Kind: "int", Values: rank}, columnData{Name: "run", Kind: "int", Values: n})
	for i := range s.Axes {
		t.Columns = append(t.Columns, axisColumn(&s.Axes[i], d.At[i]))
	}
	for i, m := range d.Metrics {
		t.Columns = append(t.Columns, columnData{Name: m.Name, Kind: m.Kind, Values: d.Values[i]})
	}
	end := make(cells, len(ranked))
	for i, r := range ranked {
		end[i] = math.NaN()
		if r.Finished() {
			end[i] = float64(r.EndEquity)
		}
	}
	t.Columns = append(t.Columns, columnData{Name: "end equity, " + s.Account.CurrencyMajor, Kind: "money", Values: end})
	if c, ok := noteColumn(s, ranked); ok {
		t.Columns = append(t.Columns, c)
	}
	return t
}

// noteColumn says why runs cannot be the best, if there are such runs.
func noteColumn(s *sweeps.Sweep, ranked []*sweeps.Run) (c columnData, ok bool) {
	c = columnData{Name: "note", Kind: "text", Words: []string{""}, Values: make(cells, len(ranked))}
	for i, r := range ranked {
		note := s.Note(r)
		at := slices.Index(c.Words, note)
		if at < 0 {
			at, c.Words = len(c.Words), append(c.Words, note)
		}
		c.Values[i] = float64(at)
	}
	return c, len(c.Words) > 1
}

// axisColumn sorts by the place on the axis, whatever the text.
func axisColumn(a *sweeps.Axis, at cells) columnData {
	if len(a.Values) == 0 {
		return columnData{Name: a.Name, Kind: "number", Values: at}
	}
	return columnData{Name: a.Name, Kind: "text", Words: a.Values, Values: at}
}

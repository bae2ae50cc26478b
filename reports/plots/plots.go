// Package plots draws a finished run as still pictures for papers and slides, with
// gonum/plot: the equity in each currency, the drawdown and the distribution of daily
// returns, as SVG or PNG. The page of package reports/page is for looking closer.
package plots

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
	"github.com/dunamis-engine/dunamis/reports/thin"
)

// Formats are the kinds of pictures that Write knows.
var Formats = []string{"svg", "png"}

const (
	width, height = 18 * vg.Centimeter, 9 * vg.Centimeter
	dotsPerInch   = 200 // of a PNG
	// most is how many spans of time keep their extremes in a line: more than a
	// printer tells apart.
	most = 2000
)

// Print colours that are told apart without colour too, by how dark they are.
var (
	blue = color.NRGBA{R: 0x24, G: 0x57, B: 0xc5, A: 0xff}
	red  = color.NRGBA{R: 0xb3, G: 0x26, B: 0x1e, A: 0xff}
	rose = color.NRGBA{R: 0xb3, G: 0x26, B: 0x1e, A: 0x30}
	grey = color.NRGBA{R: 0x8a, G: 0x90, B: 0x9a, A: 0xff}
)

// picture is a plot and the name of its file.
type picture struct {
	name string
	plot *plot.Plot
}

// Write draws a finished run into its directory and returns the names of the
// files, each whole or not there at all.
func Write(dir, format string, s *analysis.Statistics) ([]string, error) {
	result, err := reports.ReadResult(dir)
	if err != nil {
		return nil, err
	}
	pictures, err := draws(dir, result, s)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range pictures {
		name := p.name + "." + format
		if err := save(filepath.Join(dir, name), format, p.plot); err != nil {
			return names, err
		}
		names = append(names, name)
	}
	return names, nil
}

// fileName returns a currency as part of a file name. The currency can come from an untrusted
// file, so that only letters and digits are kept.
func fileName(currency string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, currency[:min(len(currency), 20)])
}

func draws(dir string, result *reports.Result, s *analysis.Statistics) ([]picture, error) {
	l, err := read(dir, result)
	if err != nil {
		return nil, err
	}
	c := &l.conversion
	var list []picture
	add := func(name string, p *plot.Plot, failed error) {
		if failed != nil {
			err = fmt.Errorf("%s: %w", name, failed)
		}
		list = append(list, picture{name, p})
	}
	p, failed := equity(result, c.Own, "holding "+c.Other, &l.own)
	add("equity", p, failed)
	if len(l.other.equity.Points()) > 0 {
		p, failed = equity(result, c.Other, "holding "+c.Own, &l.other)
		add("equity-"+fileName(c.Other), p, failed)
	}
	p, failed = drawdown(result, c.Own, l.drawdown)
	add("drawdown", p, failed)
	if len(s.Returns[0].Distribution) > 0 { // a run within a day has none
		add("returns", returns(&s.Returns[0]), nil)
	}
	return list, err
}

// save draws with room at the right, into which the last tick's text reaches.
func save(path, format string, p *plot.Plot) error {
	var c interface {
		vg.CanvasSizer
		io.WriterTo
	}
	switch format {
	case "svg":
		c = vgsvg.New(width, height)
	case "png":
		c = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dotsPerInch))}
	default:
		return fmt.Errorf("%s: no format %q", path, format)
	}
	all := draw.New(c)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	p.Draw(draw.Crop(all, 2*vg.Millimeter, -11*vg.Millimeter, 2*vg.Millimeter, -3*vg.Millimeter))
	return disk.Replace(path, 0o644, func(w io.Writer) error {
		_, err := c.WriteTo(w)
		return err
	})
}

// curves are the account and what it is compared with, in one currency, thinned.
type curves struct{ equity, held *thin.Series }

// lines are what is drawn over time.
type lines struct {
	conversion analysis.Conversion
	own, other curves
	drawdown   *thin.Series
}

func read(dir string, r *reports.Result) (*lines, error) {
	series := func() *thin.Series { return thin.New(r.Run.Start, r.Run.End, most) }
	l := &lines{conversion: analysis.ConversionOf(r), own: curves{series(), series()}, other: curves{series(), series()}, drawdown: series()}
	scale := math.Pow10(-r.Account.CurrencyScale)
	start := float64(r.Account.StartBalance) * scale
	var first, price float64
	if r.Benchmark != nil {
		first = r.Benchmark.StartPrice.Float64()
	}
	peak := start
	err := reports.ReadEquity(dir, func(rows []reports.EquityRow) error {
		for i := range rows {
			row := &rows[i]
			at, v := exchange.Time(row.Time), float64(row.Equity)*scale
			peak = max(peak, v)
			l.own.equity.Add(at, v)
			l.drawdown.Add(at, 100*(v/peak-1))
			if row.Mark > 0 {
				price = float64(row.Mark) / float64(exchange.PriceUnit)
			}
			if first == 0 {
				first = price
			}
			if l.conversion.OK && price > 0 {
				l.convert(at, v, start, first, price)
			}
		}
		return nil
	})
	return l, err
}

// convert adds what needs a price: the account in the other currency, and in each
// currency what holding the other one would have been worth.
func (l *lines) convert(at exchange.Time, equity, start, first, price float64) {
	c := &l.conversion
	now := c.Convert(start, price)
	l.own.held.Add(at, start*c.Convert(start, first)/now)
	l.other.equity.Add(at, c.Convert(equity, price))
	l.other.held.Add(at, now)
}

// figure is an empty picture over time.
func figure(r *reports.Result, title, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.Padding = 2 * vg.Millimeter
	p.Y.Label.Text = y
	format := "2006-01-02"
	if r.Run.End.Sub(r.Run.Start).Hours() < 72 {
		format = "01-02\n15:04"
	}
	p.X.Tick.Marker = plot.TimeTicks{Ticker: evenly{}, Format: format}
	p.Add(plotter.NewGrid())
	return p
}

// evenly divides an axis into five.
type evenly struct{}

// Ticks implements [plot.Ticker].
func (evenly) Ticks(low, high float64) []plot.Tick {
	var list []plot.Tick
	for i := range 6 {
		list = append(list, plot.Tick{Value: low + float64(i)/5*(high-low), Label: "x"})
	}
	return list
}

// round divides an axis at multiples of 1, 2 or 5 times a power of ten, and writes as
// many digits as it takes to tell them apart.
type round struct{}

// Ticks implements [plot.Ticker].
func (round) Ticks(low, high float64) []plot.Tick {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/4)))
	for _, f := range []float64{5, 2} {
		if (high-low)/(f*step) >= 4 {
			step *= f
			break
		}
	}
	digits := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	var list []plot.Tick
	for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9; i++ {
		list = append(list, plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step+0, 'f', digits, 64)})
	}
	return list
}

func equity(r *reports.Result, currency, held string, c *curves) (*plot.Plot, error) {
	p := figure(r, fmt.Sprintf("%s on %s", r.Run.Strategy, r.Run.Symbols[0]), "equity, "+currency)
	if list := points(c.held); len(list) > 0 {
		line, err := plotter.NewLine(list)
		if err != nil {
			return nil, err
		}
		line.Color, line.Dashes = grey, []vg.Length{vg.Points(3), vg.Points(2)}
		p.Add(line)
		p.Legend.Add(held, line)
	}
	line, err := plotter.NewLine(points(c.equity))
	if err != nil {
		return nil, err
	}
	line.Color, line.Width = blue, vg.Points(1)
	p.Add(line)
	p.Legend.Add("equity", line)
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.Padding, p.Legend.XOffs = vg.Millimeter, 2*vg.Millimeter
	p.Y.Max += 0.2 * (p.Y.Max - p.Y.Min) // for the legend
	p.Y.Tick.Marker = round{}
	return p, nil
}

func drawdown(r *reports.Result, currency string, fall *thin.Series) (*plot.Plot, error) {
	p := figure(r, "Drawdown", "% below the peak, "+currency)
	line, err := plotter.NewLine(points(fall))
	if err != nil {
		return nil, err
	}
	line.Color, line.FillColor = red, rose
	p.Add(line)
	p.Y.Min, p.Y.Max = min(p.Y.Min, -1), 0
	p.Y.Tick.Marker = round{}
	return p, nil
}

// returns draws the distribution of daily returns.
func returns(s *analysis.Returns) *plot.Plot {
	p := plot.New()
	p.Title.Text = "Daily returns"
	p.Title.Padding = 2 * vg.Millimeter
	p.X.Label.Text, p.Y.Label.Text = "%, "+s.Currency, "days"
	h := &plotter.Histogram{FillColor: blue, LineStyle: draw.LineStyle{Color: color.White, Width: vg.Points(0.5)}}
	for _, b := range s.Distribution {
		h.Bins = append(h.Bins, plotter.HistogramBin{Min: 100 * b.From, Max: 100 * b.To, Weight: float64(b.Count)})
	}
	h.Width = h.Bins[0].Max - h.Bins[0].Min
	p.Add(plotter.NewGrid(), h)
	p.X.Tick.Marker = round{}
	return p
}

func points(s *thin.Series) plotter.XYs {
	var list plotter.XYs
	for _, p := range s.Points() {
		list = append(list, plotter.XY{X: float64(p.At) / 1e9, Y: p.V})
	}
	return list
}

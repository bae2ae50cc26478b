package sweeps

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/dunamis-engine/dunamis/reports/stats"
)

// Stability is what lies around the best run. An optimum that stands alone is more
// likely luck than one on a plateau.
type Stability struct {
	// Neighbours are the runs at most one step away on every axis; of a random
	// sample, the nearest ones.
	Neighbours int      `json:"neighbours"`
	Median     *float64 `json:"median"` // of their objective
	Worst      *float64 `json:"worst"`
	Ratio      *float64 `json:"ratio"` // of the median and that of the best, the less of both ways, where both are above 0
	Edges      []string `json:"edges"` // axes at whose end the best run is
	// Plateau is the run with the best median of itself and its neighbours.
	Plateau       *int     `json:"plateau"`
	PlateauMedian *float64 `json:"plateau_median"`
}

// Marginal is what runs with a value of an axis have in common.
type Marginal struct {
	Axis   string   `json:"axis"`
	Value  string   `json:"value"` // or a range of them
	Runs   int      `json:"runs"`
	Median *float64 `json:"median"` // of the objective
	Best   *float64 `json:"best"`
}

const (
	nearest = 8 // neighbours of a run in a random sample
	bins    = 8 // of an axis that is drawn from
)

// ground is where the runs of a sweep lie.
type ground struct {
	s         *Sweep
	objective Objective
	at        [][]float64 // places by run and axis: steps on a grid, from 0 to 1 in a sample
	grid      bool
}

func newGround(s *Sweep, o Objective) *ground {
	g := &ground{s: s, objective: o, grid: s.Search.Method == "grid", at: make([][]float64, len(s.Runs))}
	for i := range g.at {
		g.at[i] = make([]float64, len(s.Axes))
	}
	for a := range s.Axes {
		g.place(a)
	}
	return g
}

// place puts the runs on an axis.
func (g *ground) place(a int) {
	axis := &g.s.Axes[a]
	if len(axis.Values) > 0 {
		step := make(map[string]float64, len(axis.Values))
		for i, v := range axis.Values {
			step[v] = float64(i)
			if !g.grid {
				step[v] /= float64(len(axis.Values) - 1)
			}
		}
		for i := range g.s.Runs {
			g.at[i][a] = step[g.s.Runs[i].Params[axis.Name]]
		}
		return
	}
	low, high := g.span(axis)
	for i := range g.s.Runs {
		g.at[i][a] = (number(g.s.Runs[i].Params[axis.Name]) - low) / max(high-low, math.SmallestNonzeroFloat64)
	}
}

// span is from the least to the greatest value that was drawn.
func (g *ground) span(axis *Axis) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for i := range g.s.Runs {
		v := number(g.s.Runs[i].Params[axis.Name])
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

// number reads a value of an axis that is drawn from, which is one.
func number(text string) float64 {
	v, _ := strconv.ParseFloat(text, 64)
	return v
}

// distance is the most steps that two runs are apart on any axis of a grid, and
// the square of how far in a sample.
func (g *ground) distance(i, j int) float64 {
	d := 0.0
	for a, x := range g.at[i] {
		away := math.Abs(x - g.at[j][a])
		if g.grid {
			if d = max(d, away); d > 1 {
				return d
			}
			continue
		}
		d += away * away
	}
	return d
}

// neighbours are the places of the runs around one.
func (g *ground) neighbours(of int) []int {
	var list []int
	if g.grid {
		for i := range g.at {
			if i != of && g.distance(of, i) <= 1 {
				list = append(list, i)
			}
		}
		return list
	}
	away := make([]float64, 0, nearest)
	for i := range g.at {
		if i == of {
			continue
		}
		d := g.distance(of, i)
		k, _ := slices.BinarySearchFunc(away, d, func(x, y float64) int {
			if x <= y {
				return -1 // of runs as near, the first
			}
			return 1
		})
		if k == nearest {
			continue
		}
		away, list = slices.Insert(away, k, d), slices.Insert(list, k, i)
		away, list = away[:min(len(away), nearest)], list[:min(len(list), nearest)]
	}
	return list
}

// values are the objectives of runs that have one.
func (g *ground) values(places []int) []float64 {
	var list []float64
	for _, i := range places {
		if v := g.objective.Value(&g.s.Runs[i]); v != nil {
			list = append(list, *v)
		}
	}
	return list
}

func (g *ground) stability(best *int) *Stability {
	if best == nil {
		return nil
	}
	at := slices.IndexFunc(g.s.Runs, func(r Run) bool { return r.N == *best })
	around := g.neighbours(at)
	values := g.values(around)
	out := &Stability{Neighbours: len(around), Median: defined(stats.Quantile(values, 0.5)), Edges: g.edges(at)}
	out.Worst = defined(stats.Quantile(values, 0))
	if g.objective.least {
		out.Worst = defined(stats.Quantile(values, 1))
	}
	if top := *g.objective.Value(&g.s.Runs[at]); out.Median != nil && *out.Median > 0 && top > 0 {
		out.Ratio = defined(min(*out.Median/top, top / *out.Median))
	}
	for i := range g.s.Runs {
		if g.objective.Value(&g.s.Runs[i]) == nil {
			continue
		}
		m := stats.Quantile(g.values(append(g.neighbours(i), i)), 0.5)
		if out.PlateauMedian == nil || g.objective.least && m < *out.PlateauMedian || !g.objective.least && m > *out.PlateauMedian {
			out.Plateau, out.PlateauMedian = &g.s.Runs[i].N, &m
		}
	}
	return out
}

// edges names the axes of numbers at whose end a run is.
func (g *ground) edges(run int) []string {
	list := []string{}
	for a := range g.s.Axes {
		axis := &g.s.Axes[a]
		if len(axis.Values) < 3 || !axis.ordered() {
			continue
		}
		if v := g.s.Runs[run].Params[axis.Name]; v == axis.Values[0] || v == axis.Values[len(axis.Values)-1] {
			list = append(list, axis.Name)
		}
	}
	return list
}

// ordered reports whether more and less mean something on an axis.
func (a *Axis) ordered() bool {
	switch a.Type {
	case "bool", "choice":
		return false
	}
	return true
}

func (g *ground) marginals() []Marginal {
	list := []Marginal{}
	for a := range g.s.Axes {
		axis := &g.s.Axes[a]
		if len(axis.Values) == 0 {
			list = append(list, g.binned(a)...)
			continue
		}
		by := make(map[string][]int)
		for i := range g.s.Runs {
			v := g.s.Runs[i].Params[axis.Name]
			by[v] = append(by[v], i)
		}
		for _, v := range axis.Values {
			list = append(list, g.marginal(axis.Name, v, by[v]))
		}
	}
	return list
}

// binned cuts an axis that is drawn from into equal parts.
func (g *ground) binned(a int) []Marginal {
	low, high := g.span(&g.s.Axes[a])
	in := make([][]int, bins)
	for i := range g.at {
		k := min(int(g.at[i][a]*bins), bins-1)
		in[k] = append(in[k], i)
	}
	list := make([]Marginal, bins)
	for k := range in {
		width := (high - low) / bins
		name := fmt.Sprintf("%.4g to %.4g", low+float64(k)*width, low+float64(k+1)*width)
		list[k] = g.marginal(g.s.Axes[a].Name, name, in[k])
	}
	return list
}

func (g *ground) marginal(axis, value string, places []int) Marginal {
	values := g.values(places)
	m := Marginal{Axis: axis, Value: value, Runs: len(places), Median: defined(stats.Quantile(values, 0.5)), Best: defined(stats.Quantile(values, 1))}
	if g.objective.least {
		m.Best = defined(stats.Quantile(values, 0))
	}
	return m
}

func defined(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

package sweeps

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Stability is what lies around the best run. An optimum that stands alone is more
// likely luck than one on a plateau.
type Stability struct {
	// Neighbours are the runs at most one step away on every axis; of a random
	// sample, the nearest ones.
	Neighbours int `json:"neighbours"`
	// Bankrupt neighbours are worse than any other: where the median or the worst is
	// one of them, it is nil. Of those that Failed nothing is known.
	Bankrupt int      `json:"bankrupt"`
	Failed   int      `json:"failed"`
	Median   *float64 `json:"median"` // of their objective
	Worst    *float64 `json:"worst"`
	Ratio    *float64 `json:"ratio"` // of the median and that of the best, the less of both ways, where both are above 0
	Edges    []string `json:"edges"` // axes at whose end the best run is
	// Plateau is the run with the best median of itself and its neighbours.
	Plateau       *int     `json:"plateau"`
	PlateauMedian *float64 `json:"plateau_median"`
}

// Marginal is what runs with a value of an axis have in common.
type Marginal struct {
	Axis  string `json:"axis"`
	Value string `json:"value"` // or a range of them
	Runs  int    `json:"runs"`
	// Bankrupt runs are worse than any other: a median that is one of them is nil.
	Bankrupt int      `json:"bankrupt"`
	Median   *float64 `json:"median"` // of the objective
	Best     *float64 `json:"best"`
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

// values are the objectives of runs that have one, from the worst to the best. That of
// a bankrupt run is without end.
func (g *ground) values(places []int) []float64 {
	var list []float64
	for _, i := range places {
		r := &g.s.Runs[i]
		switch v := g.objective.Value(r); {
		case r.Bankrupt:
			list = append(list, g.lost())
		case v != nil:
			list = append(list, *v)
		}
	}
	slices.Sort(list)
	if g.objective.least {
		slices.Reverse(list)
	}
	return list
}

// lost is worse than any objective.
func (g *ground) lost() float64 {
	if g.objective.least {
		return math.Inf(1)
	}
	return math.Inf(-1)
}

// median is the middle of values in order; without end when that is a bankrupt run.
func median(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	low, high := sorted[(n-1)/2], sorted[n/2]
	if low == high {
		return low
	}
	return min(low, high) + 0.5*math.Abs(high-low)
}

// end is the first or the last of values in order.
func end(sorted []float64, last bool) *float64 {
	switch {
	case len(sorted) == 0:
		return nil
	case last:
		return defined(sorted[len(sorted)-1])
	}
	return defined(sorted[0])
}

// count is how many runs are as asked.
func (g *ground) count(places []int, is func(*Run) bool) (n int) {
	for _, i := range places {
		if is(&g.s.Runs[i]) {
			n++
		}
	}
	return n
}

func bankrupt(r *Run) bool   { return r.Bankrupt }
func unfinished(r *Run) bool { return !r.Finished() }

func (g *ground) stability(best *int) *Stability {
	if best == nil {
		return nil
	}
	at := slices.IndexFunc(g.s.Runs, func(r Run) bool { return r.N == *best })
	around := g.neighbours(at)
	values := g.values(around)
	out := &Stability{Neighbours: len(around), Bankrupt: g.count(around, bankrupt), Failed: g.count(around, unfinished),
		Median: defined(median(values)), Worst: end(values, false), Edges: g.edges(at)}
	if top := *g.objective.Value(&g.s.Runs[at]); out.Median != nil && *out.Median > 0 && top > 0 {
		out.Ratio = defined(min(*out.Median/top, top / *out.Median))
	}
	for i := range g.s.Runs {
		r := &g.s.Runs[i]
		if !r.Eligible || g.objective.Value(r) == nil {
			continue
		}
		m := defined(median(g.values(append(g.neighbours(i), i))))
		if m == nil {
			continue
		}
		if best := out.PlateauMedian; best == nil || g.objective.least && *m < *best || !g.objective.least && *m > *best {
			out.Plateau, out.PlateauMedian = &r.N, m
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
	return Marginal{
		Axis:     axis,
		Value:    value,
		Runs:     len(places),
		Bankrupt: g.count(places, bankrupt),
		Median:   defined(median(values)),
		Best:     end(values, true),
	}
}

func defined(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

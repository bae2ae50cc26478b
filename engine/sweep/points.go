package sweep

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/dunamis-engine/dunamis/engine"
)

// ErrNoPoints means that the strategy refuses every point of a space.
var ErrNoPoints = errors.New("the strategy takes none of these parameters")

// Selection is the points of a sweep, in the order in which they are numbered.
type Selection struct {
	Points []Point
	// Refused counts the points that the strategy does not take, such as a fast
	// average that is slower than the slow one; Example is what it says of the
	// first.
	Refused int
	Example string
}

// Grid returns every point that the strategy takes, the last axis going fastest.
func (s *Space) Grid() (*Selection, error) {
	for i := range s.Axes {
		if a := &s.Axes[i]; a.Drawn() {
			return nil, &AxisError{Name: a.Name, Text: fmt.Sprintf("%g..%g", a.low, a.high),
				Reason: "a grid needs a step, such as 0..1:0.1; without one the range can only be sampled"}
		}
	}
	if n := s.Size(); n > MaxPoints {
		return nil, fmt.Errorf("the grid has %d points, want at most %d: take larger steps, or a random sample", n, MaxPoints)
	}
	out := &Selection{}
	at := make([]int, len(s.Axes))
	for more := true; more; more = next(at, s.Axes) {
		out.take(s, s.point(func(i int) string { return s.Axes[i].Values[at[i]] }))
	}
	err := out.check()
	return out, err
}

// next counts up, the last digit fastest.
func next(at []int, axes []Axis) bool {
	for i := len(at) - 1; i >= 0; i-- {
		if at[i]++; at[i] < len(axes[i].Values) {
			return true
		}
		at[i] = 0
	}
	return false
}

// drawsPerPoint ends the search for points that the strategy takes and that were
// not drawn before.
const drawsPerPoint = 1000

// Sample draws different points, each as likely as any other. The same seed draws
// the same points. It returns fewer than n when the space has fewer, or when they
// are too rare to be found.
func (s *Space) Sample(n int, seed uint64) (*Selection, error) {
	if n < 1 || n > MaxPoints {
		return nil, fmt.Errorf("a sample of %d points: want 1 to %d", n, MaxPoints)
	}
	if size := s.Size(); size > 0 && size <= n {
		return s.Grid()
	}
	rng := rand.New(rand.NewPCG(seed, 0x73776565)) // a stream of its own, whatever else the seed is used for
	out, seen := &Selection{}, make(map[string]bool)
	for range n * drawsPerPoint {
		if len(out.Points) == n {
			break
		}
		p := s.point(func(i int) string { return s.Axes[i].draw(rng) })
		key := p.key(s.Axes)
		if seen[key] {
			continue
		}
		seen[key] = true
		out.take(s, p)
	}
	err := out.check()
	return out, err
}

func (a *Axis) draw(rng *rand.Rand) string {
	if !a.Drawn() {
		return a.Values[rng.IntN(len(a.Values))]
	}
	// Six digits can be read and typed; the bounds are never left.
	v := a.low + rng.Float64()*(a.high-a.low)
	text := strconv.FormatFloat(v, 'g', 6, 64)
	if short, _ := strconv.ParseFloat(text, 64); short < a.low || short > a.high {
		text = strconv.FormatFloat(v, 'g', -1, 64)
	}
	return text
}

func (s *Space) point(value func(i int) string) Point {
	p := Point{Params: make(map[string]string, len(s.Axes)+len(s.Fixed))}
	for name, v := range s.Fixed {
		p.Params[name] = v
	}
	for i := range s.Axes {
		p.Params[s.Axes[i].Name] = value(i)
	}
	return p
}

// key tells points apart.
func (p *Point) key(axes []Axis) string {
	var b strings.Builder
	for i := range axes {
		b.WriteString(p.Params[axes[i].Name])
		b.WriteByte(0)
	}
	return b.String()
}

// take keeps a point if the strategy can be made with it.
func (l *Selection) take(s *Space, p Point) {
	err := s.accepts(p)
	if err == nil {
		l.Points = append(l.Points, p)
		return
	}
	if l.Refused == 0 {
		l.Example = err.Error()
	}
	l.Refused++
}

// accepts makes the strategy of a point and asks nothing else of it. One that panics is a
// fault in the strategy and no refusal: the point is kept, and the run tells of it.
func (s *Space) accepts(p Point) (err error) {
	defer func() {
		if recover() != nil {
			err = nil
		}
	}()
	values, err := s.Definition.Values(p.Params)
	if err != nil {
		return err
	}
	_, err = s.Definition.New(values)
	return err
}

func (l *Selection) check() error {
	if len(l.Points) == 0 {
		return fmt.Errorf("%w: %s", ErrNoPoints, l.Example)
	}
	return nil
}

// Values checks the parameters of a point.
func (s *Space) Values(p Point) (engine.Values, error) { return s.Definition.Values(p.Params) }

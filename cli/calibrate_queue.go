package cli

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim"
	"github.com/dunamis-engine/dunamis/session"
)

// queueScore says how well a queue model explains what was filled.
type queueScore struct {
	Queue string `json:"queue"`
	// Miss is the mean difference of the filled share of an order.
	Miss float64 `json:"miss"`
	// Late is the mean distance of the first fills, in seconds, of orders that both filled.
	Late float64 `json:"late"`
}

// compare orders scores, the best first.
func (s queueScore) compare(o queueScore) int {
	return cmp.Or(cmp.Compare(s.Miss, o.Miss), cmp.Compare(s.Late, o.Late))
}

// fitCurve is the name of a model that is to be fitted, and leastResting how many orders
// that wants.
const (
	fitCurve     = "cancels"
	leastResting = 100
)

// fitQueue plays the session again with each queue model beside it.
func (a *App) fitQueue(ctx context.Context, c *calibration, f *calibrateFlags, p *plan, m *market, k keptSettings, store *session.Store, trips []sim.RoundTrip) error {
	recorded, err := sim.NewRecordedLatency("the session's own", trips)
	if err != nil {
		return dataError(err)
	}
	try := func(q sim.QueueModel) (queueScore, error) {
		again := *p
		again.sim.Latency, again.sim.Queue = recorded, q
		list, err := a.reshadow(ctx, &again, m, k, store)
		if err != nil {
			return queueScore{}, sessionError(err)
		}
		score, resting := scoreOf(q.String(), list)
		c.Resting = resting
		return score, nil
	}
	for _, name := range f.queues {
		score, err := a.scoreQueue(c, name, try)
		if err != nil {
			return err
		}
		c.Queues = append(c.Queues, score)
	}
	slices.SortStableFunc(c.Queues, queueScore.compare)
	return nil
}

// scoreQueue tries a model by its name, or finds one.
func (a *App) scoreQueue(c *calibration, name string, try func(sim.QueueModel) (queueScore, error)) (queueScore, error) {
	if name == fitCurve {
		flat, err := try(curveModel(flatCurve))
		if err == nil && c.Resting < leastResting {
			err = dataError(fmt.Errorf("--queue %s: %d orders rested, want at least %d", fitCurve, c.Resting, leastResting))
		}
		if err != nil {
			return flat, err
		}
		return curveOf(flat, try)
	}
	q, err := a.Models.queue(name)
	if err != nil {
		return queueScore{}, usage(fmt.Errorf("--queue: %w", err))
	}
	score, err := try(q)
	score.Queue = name
	return score, err
}

// flatCurve does not care where in a queue an order stands.
var flatCurve = [3]float64{0.25, 0.5, 0.75}

// curveOf looks for the curve of cancels with the best score: from the flat one, whose
// score is known, one share at a time, in steps that become smaller.
func curveOf(best queueScore, try func(sim.QueueModel) (queueScore, error)) (queueScore, error) {
	curve := flatCurve
	tried := map[[3]float64]bool{curve: true}
	for step := 0.25; step > 0.05; step /= 2 {
		for moved := true; moved; {
			moved = false
			for _, next := range neighbours(curve, step) {
				if tried[next] {
					continue
				}
				tried[next] = true
				score, err := try(curveModel(next))
				if err != nil {
					return best, err
				}
				if score.compare(best) < 0 {
					best, curve, moved = score, next, true
				}
			}
		}
	}
	return best, nil
}

func curveModel(shares [3]float64) sim.QueueModel { return sim.MeasuredCancels{Ahead: shares[:]} }

// neighbours are the curves with one share a step away.
func neighbours(curve [3]float64, step float64) (list [][3]float64) {
	for i := range curve {
		for _, by := range [2]float64{-step, step} {
			next := curve
			next[i] += by
			if slices.IsSorted(next[:]) && next[0] >= 0 && next[2] <= 1 {
				list = append(list, next)
			}
		}
	}
	return list
}

// scoreOf compares the fills of orders that rested on the venue.
func scoreOf(name string, list []session.Fate) (s queueScore, resting int) {
	s.Queue = name
	both := 0
	for i := range list {
		f := &list[i]
		if f.Qty == 0 || f.Price == 0 || f.Venue.Status == "" || f.Venue.Status == exchange.Rejected.String() || f.Venue.Filled > 0 && !f.Venue.Maker || f.Sim.Filled > 0 && !f.Sim.Maker {
			continue
		}
		resting++
		s.Miss += math.Abs(float64(f.Venue.Filled-f.Sim.Filled)) / float64(f.Qty)
		if f.Venue.Filled > 0 && f.Sim.Filled > 0 {
			both++
			s.Late += math.Abs(f.Venue.First.Sub(f.Sim.First).Seconds())
		}
	}
	if resting > 0 {
		s.Miss /= float64(resting)
	}
	if both > 0 {
		s.Late /= float64(both)
	}
	return s, resting
}

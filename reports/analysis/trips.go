package analysis

import (
	"math"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports/stats"
)

// trip is a way from flat to flat. Its profit is exact; what it was worth on the
// way is not.
type trip struct {
	long     bool
	opened   int64
	closed   int64
	profit   int64
	mae, mfe float64
	measured bool // saw the marks

	cost     float64 // signed, in the venue's convention, fees included
	position int64
	unit     float64 // value of a contract: unit/price or unit·price
}

// trips follows round trips along the samples.
type trips struct {
	primary string
	kinds   map[string]exchange.Kind
	fills   []fill
	next    int
	open    map[string]*trip
	done    []trip
}

func newTrips(primary string, kinds map[string]exchange.Kind) trips {
	return trips{primary: primary, kinds: kinds, open: make(map[string]*trip)}
}

// expect makes room.
func (t *trips) expect(fills, closed int) {
	t.fills, t.done = make([]fill, 0, fills), make([]trip, 0, closed)
}

func (t *trips) queue(f fill) { t.fills = append(t.fills, f) }

// sort keeps the fills of an instant in the order of the table.
func (t *trips) sort() {
	slices.SortStableFunc(t.fills, func(a, b fill) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
}

// sample takes the fills up to a sample, and then looks at the primary symbol.
func (t *trips) sample(at int64, mark float64) {
	for t.next < len(t.fills) && t.fills[t.next].at <= at {
		t.take(&t.fills[t.next])
		t.next++
	}
	if x := t.open[t.primary]; x != nil && mark > 0 {
		t.look(x, mark)
	}
}

// finish takes what came after the last sample.
func (t *trips) finish(mark float64) { t.sample(math.MaxInt64, mark) }

func (t *trips) take(f *fill) {
	closing, opening := f.split()
	if closing.qty > 0 {
		x := t.open[f.symbol]
		if x == nil { // open before the run: how it was opened is not known
			x = &trip{long: f.before() > 0, opened: f.at}
			t.open[f.symbol] = x
		}
		t.add(x, &closing)
		if closing.position == 0 {
			x.closed = f.at
			t.done = append(t.done, *x)
			delete(t.open, f.symbol)
		}
	}
	if opening.qty > 0 {
		x := t.open[f.symbol]
		if x == nil {
			x = &trip{long: f.side > 0, opened: f.at, measured: f.symbol == t.primary && opening.qty == max(opening.position, -opening.position)}
			t.open[f.symbol] = x
		}
		t.add(x, &opening)
	}
}

func (t *trips) add(x *trip, f *fill) {
	x.profit += f.realised - f.fee
	x.position = f.position
	direction := float64(f.side)
	if t.inverse(f.symbol) {
		direction = -direction
		x.unit = float64(f.value) / float64(f.qty) * f.price
	} else {
		x.unit = float64(f.value) / float64(f.qty) / f.price
	}
	x.cost += direction*float64(f.value) + float64(f.fee)
	if f.symbol == t.primary {
		t.look(x, f.price)
	}
}

// look notes what a trip would be worth if it ended at a price.
func (t *trips) look(x *trip, price float64) {
	value := float64(x.position) * x.unit * price
	if t.inverse(t.primary) {
		value = -float64(x.position) * x.unit / price
	}
	profit := value - x.cost
	x.mae, x.mfe = min(x.mae, profit), max(x.mfe, profit)
}

func (t *trips) inverse(symbol string) bool { return t.kinds[symbol] == exchange.Inverse }

// describe returns the statistics of all trips, the long and the short ones.
func (t *trips) describe() []Trades {
	return []Trades{
		describeTrips("all", t.done, func(*trip) bool { return true }),
		describeTrips(long, t.done, func(x *trip) bool { return x.long }),
		describeTrips(short, t.done, func(x *trip) bool { return !x.long }),
	}
}

func describeTrips(name string, list []trip, take func(*trip) bool) Trades {
	var profits, seconds, mae, mfe []float64
	var measured, reached float64
	for i := range list {
		x := &list[i]
		if !take(x) {
			continue
		}
		profits, seconds = append(profits, float64(x.profit)), append(seconds, time.Duration(x.closed-x.opened).Seconds())
		if x.measured {
			mae, mfe = append(mae, x.mae), append(mfe, x.mfe)
			measured, reached = measured+float64(x.profit), reached+x.mfe
		}
	}
	s := stats.OfTrades(profits)
	out := Trades{Side: name, Count: s.Count, Won: s.Won, Lost: s.Lost, WinRate: number(s.WinRate), ProfitFactor: number(s.ProfitFactor),
		Expectancy: number(s.Expectancy), AverageWin: number(s.AverageWin), AverageLoss: number(s.AverageLoss), Payoff: number(s.Payoff),
		SQN: number(s.SQN), Kelly: number(s.Kelly), Best: number(s.Best), Worst: number(s.Worst), WinStreak: s.WinStreak,
		LossStreak: s.LossStreak, MeanSeconds: number(stats.Mean(seconds)), MedianSeconds: number(stats.Quantile(seconds, 0.5)),
		LongestSeconds: number(stats.Quantile(seconds, 1)), MeanMAE: number(stats.Mean(mae)), MeanMFE: number(stats.Mean(mfe)),
		WorstMAE: number(stats.Quantile(mae, 0)), BestMFE: number(stats.Quantile(mfe, 1)), Excursion: len(mae), Distribution: stats.Histogram(profits, 40)}
	if out.Distribution == nil {
		out.Distribution = []stats.Bin{}
	}
	if reached > 0 {
		out.Captured = number(measured / reached)
	}
	return out
}

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

	cost     int64 // signed values of its fills in the venue's convention, and fees
	position int64
}

// trips follows round trips along the samples.
type trips struct {
	primary  string
	kinds    map[string]exchange.Kind
	valuer   valuer // of the primary symbol
	fills    []fill
	next     int
	open     map[string]*trip
	done     []trip
	closings map[bool]closings // by whether the position was long
}

// closings are fills that closed a position or a part of one, by their price PnL less
// their own fee.
type closings struct{ n, won int }

func newTrips(primary string, kinds map[string]exchange.Kind) trips {
	return trips{primary: primary, kinds: kinds, open: make(map[string]*trip), closings: make(map[bool]closings)}
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
func (t *trips) sample(at int64, mark exchange.Price) {
	for t.next < len(t.fills) && t.fills[t.next].at <= at {
		t.take(&t.fills[t.next])
		t.next++
	}
	if x := t.open[t.primary]; x != nil && mark > 0 {
		t.look(x, at, mark)
	}
}

// finish takes what came after the last sample.
func (t *trips) finish(mark exchange.Price) { t.sample(math.MaxInt64, mark) }

func (t *trips) take(f *fill) {
	closing, opening := f.split()
	if closing.qty > 0 {
		x := t.open[f.symbol]
		if x == nil { // open before the run: how it was opened is not known
			x = &trip{long: f.before() > 0, opened: f.at}
			t.open[f.symbol] = x
		}
		t.add(x, &closing)
		c := t.closings[x.long]
		c.n++
		if closing.realised > closing.fee {
			c.won++
		}
		t.closings[x.long] = c
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
	value := f.side * f.value
	if t.inverse(f.symbol) {
		value = -value
	}
	x.cost += value + f.fee
	if f.symbol == t.primary {
		t.look(x, f.at, f.tick)
	}
}

// look notes what a trip would be worth if it ended at a price: the value of the
// position less what its fills cost, which is realised + unrealised PnL - fees.
func (t *trips) look(x *trip, at int64, price exchange.Price) {
	value, ok := t.valuer.cost(at, x.position, price)
	if !ok {
		x.measured = false
		return
	}
	profit := float64(value - x.cost)
	x.mae, x.mfe = min(x.mae, profit), max(x.mfe, profit)
}

func (t *trips) inverse(symbol string) bool { return t.kinds[symbol] == exchange.Inverse }

// describe returns the statistics of all trips, the long and the short ones.
func (t *trips) describe() []Trades {
	return []Trades{
		describeTrips("all", t.done, func(*trip) bool { return true }, t.closings[true], t.closings[false]),
		describeTrips(long, t.done, func(x *trip) bool { return x.long }, t.closings[true]),
		describeTrips(short, t.done, func(x *trip) bool { return !x.long }, t.closings[false]),
	}
}

func describeTrips(name string, list []trip, take func(*trip) bool, closed ...closings) Trades {
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
	for _, c := range closed {
		out.ClosingFills, out.ClosingFillsWon = out.ClosingFills+c.n, out.ClosingFillsWon+c.won
	}
	if out.ClosingFills > 0 {
		out.FillWinRate = number(float64(out.ClosingFillsWon) / float64(out.ClosingFills))
	}
	if out.Distribution == nil {
		out.Distribution = []stats.Bin{}
	}
	if reached > 0 {
		out.Captured = number(measured / reached)
	}
	return out
}

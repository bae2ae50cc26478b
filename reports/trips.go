package reports

import "github.com/dunamis-engine/dunamis/exchange"

// trips turns fills into round trips: from flat to flat, per symbol. A fill that
// flips a position closes one and opens the next, and its fee is split by
// quantity. The profit of a trip is its price PnL less its fees; funding is not
// in it.
type trips struct {
	open []trip // by SymbolID

	closed, won, lost int64
	gain, loss        exchange.Money // sums of profits, and of losses as a positive number

	// Fills that closed something, by their price PnL less their own fee.
	closings, closingsWon, closingsLost int64
}

type trip struct{ profit exchange.Money }

func newTrips(symbols int) trips { return trips{open: make([]trip, symbols)} }

func (t *trips) add(f *exchange.Fill) {
	trip := &t.open[f.Symbol]
	before := f.Position - f.Side.Signed(f.Qty)
	if before == 0 || before.Sign() == f.Side.Signed(f.Qty).Sign() {
		trip.profit += f.Realised - f.Fee
		return
	}
	if before.Sign() == f.Position.Sign() { // a part is closed
		t.countClosing(f.Realised - f.Fee)
		trip.profit += f.Realised - f.Fee
		return
	}
	// The position ended here; what is left of the fill opened the next one.
	closing := f.Fee
	if f.Position != 0 {
		closing = exchange.Money(exchange.MulDiv(int64(f.Fee), int64(before.Abs()), int64(f.Qty), exchange.Nearest))
	}
	t.countClosing(f.Realised - closing)
	t.count(trip.profit + f.Realised - closing)
	trip.profit = closing - f.Fee
}

func (t *trips) count(profit exchange.Money) {
	t.closed++
	switch {
	case profit > 0:
		t.won++
		t.gain += profit
	case profit < 0:
		t.lost++
		t.loss -= profit
	}
}

func (t *trips) countClosing(profit exchange.Money) {
	t.closings++
	switch {
	case profit > 0:
		t.closingsWon++
	case profit < 0:
		t.closingsLost++
	}
}

// fillWinRate is the closing fills with a profit / all closing fills.
func (t *trips) fillWinRate() *float64 {
	if t.closings == 0 {
		return nil
	}
	return number(float64(t.closingsWon) / float64(t.closings))
}

// winRate is the trips with a profit / all trips.
func (t *trips) winRate() *float64 {
	if t.closed == 0 {
		return nil
	}
	return number(float64(t.won) / float64(t.closed))
}

// profitFactor is the sum of profits / the sum of losses.
func (t *trips) profitFactor() *float64 {
	if t.lost == 0 {
		return nil
	}
	return number(float64(t.gain) / float64(t.loss))
}

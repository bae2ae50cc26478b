package reports

import "github.com/dunamis-engine/dunamis/exchange"

// drawdown keeps the greatest fall of the equity from a peak, as a fraction of
// the peak. The first peak is the start balance. A fall below zero is more than
// 1.
type drawdown struct {
	begun  bool
	peak   exchange.Money
	peakAt exchange.Time
	trough exchange.Money // lowest since the peak

	worst      float64
	start, end exchange.Time // of the worst fall: its peak and its lowest point
}

func (d *drawdown) add(at exchange.Time, equity, start exchange.Money) {
	if !d.begun {
		d.begun, d.peak, d.peakAt, d.trough = true, start, at, start
	}
	switch {
	case equity >= d.peak:
		d.peak, d.peakAt, d.trough = equity, at, equity
	case equity < d.trough:
		d.trough = equity
		// The difference is taken in floats: it may not fit an integer.
		fall := (float64(d.peak) - float64(equity)) / float64(d.peak)
		if fall > d.worst {
			d.worst, d.start, d.end = fall, d.peakAt, at
		}
	}
}

// max returns the worst fall, 0 if the equity never fell, nil if it was never
// seen.
func (d *drawdown) max() *float64 {
	if !d.begun {
		return nil
	}
	return number(d.worst)
}

// span returns when the worst fall began and ended, nil if there was none.
func (d *drawdown) span() (start, end *exchange.Time) {
	if d.worst == 0 {
		return nil, nil
	}
	from, to := d.start, d.end
	return &from, &to
}

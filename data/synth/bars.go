package synth

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// barrer makes bars of one interval of prices and trades.
type barrer struct {
	cfg      *Config
	interval exchange.Time
	id       exchange.SymbolID
	grid     grid
	terms    *exchange.Terms
	change   exchange.Time // when the terms end
	bar      exchange.Bar  // being made; its End is 0 before the first
	out      []exchange.Event
}

func newBarrer(c *Config, interval time.Duration) *barrer {
	return &barrer{cfg: c, interval: exchange.Time(interval), id: c.Instrument.ID, grid: c.gridAt(c.From),
		terms: c.Instrument.At(c.From), change: c.Instrument.NextChange(c.From)}
}

// roll completes the bars that end at now or before. The first bar is the first
// one that lies within the range as a whole.
func (b *barrer) roll(now exchange.Time, last exchange.Price) {
	if b.bar.End == 0 {
		start := now.Truncate(time.Duration(b.interval))
		if start < now {
			start += b.interval
		}
		b.begin(start, last)
	}
	for now >= b.bar.End {
		b.bar.Quiet = b.bar.Trades == 0
		b.out = append(b.out, exchange.BarEvent(b.bar))
		b.begin(b.bar.End, b.bar.Close)
	}
}

// begin opens a bar at the last price, on the tick that is in force now.
func (b *barrer) begin(start exchange.Time, last exchange.Price) {
	if start >= b.grid.until {
		b.grid = b.cfg.gridAt(start)
	}
	last = last.RoundTick(b.grid.tick)
	b.bar = exchange.Bar{Symbol: b.id, Start: start, End: start + b.interval, Open: last, High: last, Low: last, Close: last}
}

// trade adds a trade, or several at one price.
func (b *barrer) trade(at exchange.Time, p exchange.Price, q exchange.Qty, trades int64) {
	if at < b.bar.Start {
		return
	}
	if at >= b.change {
		b.terms, b.change = b.cfg.Instrument.At(at), b.cfg.Instrument.NextChange(at)
	}
	if b.bar.Trades == 0 {
		b.bar.Open, b.bar.High, b.bar.Low = p, p, p
	}
	b.bar.High, b.bar.Low, b.bar.Close = max(b.bar.High, p), min(b.bar.Low, p), p
	b.bar.Volume += q
	b.bar.Turnover += b.terms.Value(q, p).Abs()
	b.bar.Trades += trades
}

// drawn is a market of bars alone: a walk in steps that are a fraction of the
// shortest bar, with a trade at each.
type drawn struct {
	cfg  *Config
	walk walk
	grid grid
	step time.Duration
	now  exchange.Time
}

// perBar is how many prices a bar of the shortest interval is made of.
const perBar = 8

func newDrawn(c *Config, shortest time.Duration) *drawn {
	return &drawn{
		cfg: c, walk: newWalk(c, newRandom(c.Seed, 2)), grid: c.gridAt(c.From), step: shortest / perBar, now: c.From,
	}
}

// next returns the next price and what traded at it.
func (d *drawn) next() (at exchange.Time, p exchange.Price, q exchange.Qty, trades int64, ok bool) {
	at = d.now
	if at >= d.cfg.To {
		return 0, 0, 0, 0, false
	}
	d.now += exchange.Time(d.step)
	if at >= d.grid.until {
		d.grid = d.cfg.gridAt(at)
		d.walk.bound(d.cfg, at, d.grid.tick)
	}
	d.walk.move(at, d.step)
	p = d.walk.price.RoundTick(d.grid.tick)
	// More trades when it moves, in proportion to what ticks would have made.
	root := int64(isqrt(uint64(d.walk.variance) * one))
	mean := int64(d.step)/int64(d.cfg.Interval)/8*activity(at)/100*root/one + 1
	trades = mean/2 + d.walk.below(mean+1)
	if trades > 0 {
		q = d.grid.lot * exchange.Qty(trades*(2+d.walk.heavy()))
	}
	return at, p, q, trades, true
}

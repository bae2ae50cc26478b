package page

import (
	"math"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
)

// Limits of what the page holds; the tables beside it hold everything.
const (
	spans      = 1500   // of time in which a curve keeps its extremes
	mostCandle = 1200   // candles of the price
	mostRows   = 10_000 // rows of each table
	mostMarks  = 4000   // fills drawn one by one; more are drawn a candle at a time
)

// run is everything the page shows, read once.
type run struct {
	result   *reports.Result
	manifest *reports.Manifest
	other    conversion // of the account's currency

	price    *candles
	position *thinner
	own      curves // in the account's currency
	second   curves // in the other one
	days     []day
	falls    episodes

	marks      marks
	fills      []reports.FillRow
	fillCount  int64
	orders     []reports.OrderRow
	orderCount int64
	outcomes   map[string]int64 // orders by their final status
	stops      map[string]bool  // ids of orders that waited for a trigger
	rebates    int64
	paid       int64
}

// curves are the lines of the equity chart in one currency.
type curves struct {
	equity   *thinner
	coin     *thinner // the start balance, held in the coin
	quote    *thinner // the start balance, held in the quote currency
	drawdown *thinner
	peak     float64
	worst    float64
}

// day is the account at the end of a day.
type day struct {
	at            exchange.Time // midnight after it
	equity, price float64
}

// conversion tells how the account's currency turns into the other one of the
// primary contract: an inverse contract settles in the coin, a linear one in the
// quote currency. A quanto contract settles in neither.
type conversion struct {
	own, other string
	inverse    bool
	ok         bool
}

func conversionOf(r *reports.Result) conversion {
	c := conversion{own: r.Account.CurrencyMajor}
	if len(r.Instruments) == 0 {
		return c
	}
	i := &r.Instruments[0]
	switch {
	case i.Kind == exchange.Inverse && sameCoin(i.Underlying, c.own):
		c.other, c.inverse, c.ok = i.Quote, true, true
	case (i.Kind == exchange.Linear || i.Kind == exchange.Spot) && i.Quote == c.own:
		c.other, c.ok = i.Underlying, true
	}
	return c
}

// sameCoin knows that bitcoin has two names.
func sameCoin(a, b string) bool {
	name := func(s string) string {
		if s == "XBT" {
			return "BTC"
		}
		return s
	}
	return name(a) == name(b)
}

// convert turns an amount of the account's currency into the other one.
func (c *conversion) convert(v, price float64) float64 {
	if c.inverse {
		return v * price
	}
	return v / price
}

// load reads a run directory.
func load(dir string) (*run, error) {
	result, err := reports.ReadResult(dir)
	if err != nil {
		return nil, err
	}
	manifest, err := reports.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	start, end := result.Run.Start, result.Run.End
	r := &run{result: result, manifest: manifest, other: conversionOf(result), price: newCandles(start, end, mostCandle),
		position: newThinner(start, end, spans), own: newCurves(start, end), second: newCurves(start, end),
		outcomes: make(map[string]int64), stops: make(map[string]bool)}
	if err := reports.ReadEquity(dir, r.addEquity()); err != nil {
		return nil, err
	}
	if err := reports.ReadOrders(dir, r.addOrders); err != nil {
		return nil, err
	}
	return r, reports.ReadFills(dir, r.addFills)
}

func newCurves(start, end exchange.Time) curves {
	return curves{equity: newThinner(start, end, spans), coin: newThinner(start, end, spans), quote: newThinner(start, end, spans),
		drawdown: newThinner(start, end, spans)}
}

// addEquity returns a reader of samples.
func (r *run) addEquity() func([]reports.EquityRow) error {
	scale := math.Pow10(-r.result.Account.CurrencyScale)
	start := float64(r.result.Account.StartBalance) * scale
	var first, price float64
	return func(rows []reports.EquityRow) error {
		for i := range rows {
			row := &rows[i]
			at, equity := exchange.Time(row.Time), float64(row.Equity)*scale
			r.own.add(at, equity, start)
			r.falls.add(at, equity, start)
			r.position.add(at, float64(row.Position))
			if row.Mark > 0 {
				price = float64(row.Mark) / float64(exchange.PriceUnit)
				r.price.add(at, price)
			}
			if first == 0 {
				first = price
			}
			r.addDay(at, equity, price)
			if r.other.ok && price > 0 {
				r.addOther(at, equity, start, first, price)
			}
		}
		return nil
	}
}

// addOther adds the curves that need a price: the account in the other currency,
// and what holding the coin, or the quote currency, would have been worth in both.
func (r *run) addOther(at exchange.Time, equity, start, first, price float64) {
	c := &r.other
	held := c.convert(start, first) // in the other currency since the start
	r.second.add(at, c.convert(equity, price), held)
	now := c.convert(start, price) // what the start balance is worth in it
	here := start * held / now     // what held is worth in the account's
	if c.inverse {
		r.own.coin.add(at, start)
		r.own.quote.add(at, here)
		r.second.coin.add(at, now)
		r.second.quote.add(at, held)
		return
	}
	r.own.coin.add(at, here)
	r.own.quote.add(at, start)
	r.second.coin.add(at, held)
	r.second.quote.add(at, now)
}

func (c *curves) add(at exchange.Time, equity, start float64) {
	c.peak = max(c.peak, equity, start)
	fall := 0.0
	if c.peak > 0 {
		fall = equity/c.peak - 1
	}
	c.worst = min(c.worst, fall)
	c.equity.add(at, equity)
	c.drawdown.add(at, fall)
}

// addDay keeps the last sample up to each midnight.
func (r *run) addDay(at exchange.Time, equity, price float64) {
	end := at.Date()
	if at != end {
		end = end.Add(24 * 3600 * 1e9)
	}
	if n := len(r.days); n > 0 && r.days[n-1].at == end {
		r.days[n-1].equity, r.days[n-1].price = equity, price
		return
	}
	r.days = append(r.days, day{end, equity, price})
}

func (r *run) addOrders(rows []reports.OrderRow) error {
	for i := range rows {
		o := &rows[i]
		r.orderCount++
		r.outcomes[o.Status]++
		if o.StopPrice != 0 {
			r.stops[o.OrderID] = true
		}
		if len(r.orders) < mostRows {
			r.orders = append(r.orders, *o)
		}
	}
	return nil
}

func (r *run) addFills(rows []reports.FillRow) error {
	for i := range rows {
		f := &rows[i]
		r.fillCount++
		if f.Fee < 0 {
			r.rebates -= f.Fee
		} else {
			r.paid += f.Fee
		}
		r.marks.add(r.markOf(f), r.price.width)
		if len(r.fills) < mostRows {
			r.fills = append(r.fills, *f)
		}
	}
	return nil
}

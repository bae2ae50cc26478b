package page

import (
	"errors"
	"math"
	"strings"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports"
	"github.com/dunamis-engine/dunamis/reports/analysis"
	"github.com/dunamis-engine/dunamis/reports/thin"
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
	stats    *analysis.Statistics
	other    analysis.Conversion // of the account's currency

	price    *candles
	position *thin.Series
	exposure *thin.Series // value of the position / equity, negative when short
	own      curves       // in the account's currency
	second   curves       // in the other one

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
	equity   *thin.Series
	coin     *thin.Series // the start balance, held in the coin
	quote    *thin.Series // the start balance, held in the quote currency
	drawdown *thin.Series
	peak     float64
	worst    float64
}

// load reads a run directory.
func load(dir string, stats *analysis.Statistics) (*run, error) {
	result, err := reports.ReadResult(dir)
	if err != nil {
		return nil, err
	}
	manifest, err := reports.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	start, end := result.Run.Start, result.Run.End
	r := &run{result: result, manifest: manifest, stats: stats, other: analysis.ConversionOf(result), price: newCandles(start, end, mostCandle),
		position: thin.New(start, end, spans), exposure: thin.New(start, end, spans), own: newCurves(start, end), second: newCurves(start, end),
		outcomes: make(map[string]int64), stops: make(map[string]bool)}
	if err := reports.ReadEquity(dir, r.addEquity()); err != nil {
		return nil, err
	}
	if err := errors.Join(reports.ReadOrders(dir, r.addOrders), reports.ReadFills(dir, r.addFills)); err != nil {
		return nil, err
	}
	if r.orders, err = firstRows[reports.OrderRow](dir, reports.ReadOrders); err != nil {
		return nil, err
	}
	r.fills, err = firstRows[reports.FillRow](dir, reports.ReadFills)
	return r, err
}

// errEnough ends the reading of a table.
var errEnough = errors.New("enough rows")

// firstRows reads as many rows of a table as the page lists.
func firstRows[R any](dir string, read func(string, func([]R) error) error) ([]R, error) {
	var list []R
	err := read(dir, func(rows []R) error {
		list = append(list, rows[:min(len(rows), mostRows-len(list))]...)
		if len(list) == mostRows {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, err
}

// orderRow and fillRow are the columns that are read of all rows.
type orderRow struct {
	OrderID   string `parquet:"order_id"`
	StopPrice int64  `parquet:"stop_price"`
	Status    string `parquet:"status"`
}

type fillRow struct {
	Time     int64  `parquet:"time"`
	Symbol   string `parquet:"symbol"`
	OrderID  string `parquet:"order_id"`
	Side     string `parquet:"side"`
	Qty      int64  `parquet:"qty"`
	Price    int64  `parquet:"price"`
	Fee      int64  `parquet:"fee"`
	Position int64  `parquet:"position"`
	ExecType string `parquet:"exec_type"`
}

func newCurves(start, end exchange.Time) curves {
	return curves{equity: thin.New(start, end, spans), coin: thin.New(start, end, spans), quote: thin.New(start, end, spans),
		drawdown: thin.New(start, end, spans)}
}

// addEquity returns a reader of samples.
func (r *run) addEquity() func([]reports.EquityRow) error {
	scale := math.Pow10(-r.result.Account.CurrencyScale)
	start := float64(r.result.Account.StartBalance) * scale
	var first, price float64
	if r.result.Benchmark != nil {
		first = r.result.Benchmark.StartPrice.Float64()
	}
	return func(rows []reports.EquityRow) error {
		for i := range rows {
			row := &rows[i]
			at, equity := exchange.Time(row.Time), float64(row.Equity)*scale
			r.own.add(at, equity, start)
			r.position.Add(at, float64(row.Position))
			if row.Mark > 0 {
				price = float64(row.Mark) / float64(exchange.PriceUnit)
				r.price.add(at, price)
			}
			if first == 0 {
				first = price
			}
			if price > 0 && row.Equity > 0 {
				r.exposure.Add(at, r.worth(row.Position, price)/float64(row.Equity))
			}
			if r.other.OK && price > 0 {
				r.addOther(at, equity, start, first, price)
			}
		}
		return nil
	}
}

// worth is the value of a position in the primary symbol, in the smallest unit.
func (r *run) worth(contracts int64, price float64) float64 {
	i := &r.result.Instruments[0]
	unit := float64(i.Multiplier) / float64(i.Divisor)
	if i.Kind == exchange.Inverse {
		return float64(contracts) * unit / price
	}
	return float64(contracts) * unit * price
}

// addOther adds the curves that need a price: the account in the other currency,
// and what holding the coin, or the quote currency, would have been worth in both.
func (r *run) addOther(at exchange.Time, equity, start, first, price float64) {
	c := &r.other
	held := c.Convert(start, first) // in the other currency since the start
	r.second.add(at, c.Convert(equity, price), held)
	now := c.Convert(start, price) // what the start balance is worth in it
	here := start * held / now     // what held is worth in the account's
	if c.Inverse {
		r.own.coin.Add(at, start)
		r.own.quote.Add(at, here)
		r.second.coin.Add(at, now)
		r.second.quote.Add(at, held)
		return
	}
	r.own.coin.Add(at, here)
	r.own.quote.Add(at, start)
	r.second.coin.Add(at, held)
	r.second.quote.Add(at, now)
}

func (c *curves) add(at exchange.Time, equity, start float64) {
	c.peak = max(c.peak, equity, start)
	fall := 0.0
	if c.peak > 0 {
		fall = equity/c.peak - 1
	}
	c.worst = min(c.worst, fall)
	c.equity.Add(at, equity)
	c.drawdown.Add(at, fall)
}

func (r *run) addOrders(rows []orderRow) error {
	for i := range rows {
		o := &rows[i]
		r.orderCount++
		r.outcomes[o.Status]++
		if o.StopPrice != 0 {
			r.stops[strings.Clone(o.OrderID)] = true // the row's text is part of a large one
		}
	}
	return nil
}

func (r *run) addFills(rows []fillRow) error {
	for i := range rows {
		f := &rows[i]
		r.fillCount++
		if f.Fee < 0 {
			r.rebates -= f.Fee
		} else {
			r.paid += f.Fee
		}
		if f.Symbol == r.result.Run.Symbols[0] { // whose price is drawn
			r.marks.add(r.markOf(f), r.price.width)
		}
	}
	return nil
}

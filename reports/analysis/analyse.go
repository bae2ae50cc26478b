package analysis

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/internal/disk"
	"github.com/dunamis-engine/dunamis/reports"
)

// Write analyses a finished run and puts its statistics into its directory, whole
// or not at all.
func Write(dir string) (*Statistics, error) {
	s, err := Analyse(dir)
	if err != nil {
		return nil, err
	}
	err = disk.Replace(filepath.Join(dir, reports.StatisticsFile), 0o644, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(s)
	})
	return s, err
}

// maxJSON is more than any run writes, in bytes.
const maxJSON = 64 << 20

// Read reads the statistics that Write left. A file of another kind is a
// [*reports.SchemaError], a missing one wraps [os.ErrNotExist].
func Read(dir string) (*Statistics, error) {
	b, err := disk.ReadFile(filepath.Join(dir, reports.StatisticsFile), maxJSON)
	if err != nil {
		return nil, err
	}
	var s Statistics
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("%s: %w", reports.StatisticsFile, err)
	}
	if s.Schema != Schema {
		return nil, &reports.SchemaError{File: reports.StatisticsFile, Have: s.Schema, Want: Schema}
	}
	return &s, nil
}

// Analyse computes the statistics of a finished run from its tables. A run that
// did not finish is a [*reports.UnfinishedError]; tables that do not add up to the
// result are a [*reports.IdentityError].
func Analyse(dir string) (*Statistics, error) {
	result, err := reports.ReadResult(dir)
	if err != nil {
		return nil, err
	}
	a := newAnalyst(result)
	err = errors.Join(reports.ReadOrders(dir, a.orders.add), reports.ReadFills(dir, a.addFills),
		reports.ReadFunding(dir, a.addFunding))
	if err != nil {
		return nil, err
	}
	a.begin()
	if err := reports.ReadEquity(dir, a.addEquity); err != nil {
		return nil, err
	}
	return a.finish()
}

// analyst reads the tables: the orders and fills first, since what is said of
// them needs the samples around them.
type analyst struct {
	result  *reports.Result
	primary string
	kinds   map[string]exchange.Kind

	orders  orders
	trips   trips
	quality quality
	parts   parts
	slots   slots
	samples samples

	execution          Execution
	own, other         series
	heldOwn, heldOther series // what the other currency would have been worth, in each
	conversion         Conversion
	scale              float64
	first, price       float64 // of the primary symbol
	mark               exchange.Price
	startOther         float64
}

func newAnalyst(r *reports.Result) *analyst {
	a := &analyst{result: r, kinds: make(map[string]exchange.Kind), orders: newOrders(), conversion: ConversionOf(r),
		scale: math.Pow10(-r.Account.CurrencyScale), slots: newSlots(r.Account.StartBalance)}
	if len(r.Run.Symbols) > 0 {
		a.primary = r.Run.Symbols[0]
	}
	for i := range r.Instruments {
		a.kinds[r.Instruments[i].Symbol] = r.Instruments[i].Kind
	}
	if r.Benchmark != nil {
		a.first = r.Benchmark.StartPrice.Float64()
	}
	a.trips, a.quality = newTrips(a.primary, a.kinds), newQuality(a.kinds[a.primary] == exchange.Inverse)
	for i := range r.Instruments {
		if r.Instruments[i].Symbol == a.primary {
			a.trips.valuer = newValuer(&r.Instruments[i])
		}
	}
	a.expect(&r.Counts)
	a.own.curve, a.other.curve = newCurve(r.Run.Start, r.Run.End), newCurve(r.Run.Start, r.Run.End)
	a.own.currency, a.heldOwn.currency = a.conversion.Own, a.conversion.Other
	a.other.currency, a.heldOther.currency = a.conversion.Other, a.conversion.Own
	return a
}

// expect makes room for what the result says is in the tables.
func (a *analyst) expect(c *reports.Counts) {
	room := func(n int64) int { return int(min(max(n, 0), 1<<22)) }
	a.trips.expect(room(c.Fills), room(c.Trades))
	a.quality.fills = make([]qualityFill, 0, room(c.Fills))
	a.quality.queued = make([]float64, 0, room(c.MakerFills))
	a.orders.expect(room(min(c.Orders, c.Fills)))
}

func (a *analyst) addFills(rows []fillRow) error {
	for i := range rows {
		f := fillOf(&rows[i])
		f.order = a.orders.find(&rows[i])
		a.parts.fill(&f)
		if f.forced {
			a.execution.ForcedFills++
			a.orders.force(f.order)
		} else {
			a.quality.count(&f, a.orders.at(f.order), f.symbol == a.primary)
		}
		a.trips.queue(f)
	}
	return nil
}

func (a *analyst) addFunding(rows []reports.FundingRow) error {
	for i := range rows {
		a.parts.funding(&rows[i])
	}
	return nil
}

// begin puts in the order of time what the samples are merged with.
func (a *analyst) begin() {
	a.orders.sort()
	a.trips.sort()
	a.quality.sort()
}

func (a *analyst) addEquity(rows []reports.EquityRow) error {
	for i := range rows {
		row := &rows[i]
		if row.Mark > 0 {
			a.mark = exchange.Price(row.Mark)
			a.price = float64(row.Mark) / float64(exchange.PriceUnit)
		}
		a.samples.add(row.Time)
		a.slots.add(row)
		a.orders.sample(row.Time, a.price)
		a.trips.sample(row.Time, a.mark)
		a.quality.sample(row.Time, a.price)
		a.addSeries(exchange.Time(row.Time), float64(row.Equity))
	}
	return nil
}

func (a *analyst) addSeries(at exchange.Time, equity float64) {
	start := float64(a.result.Account.StartBalance)
	a.own.add(at, equity, start)
	price := a.price
	if price == 0 {
		price = a.first // no price is known yet
	}
	if !a.conversion.OK || price <= 0 {
		return
	}
	c := &a.conversion
	if !a.other.begun {
		if a.first <= 0 {
			a.first = price // a result of an earlier version does not say
		}
		a.startOther = c.Convert(start, a.first)
	}
	a.other.add(at, c.Convert(equity, price), a.startOther)
	now := c.Convert(start, price) // the start balance, in the other currency
	a.heldOther.add(at, now, a.startOther)
	a.heldOwn.add(at, start*a.startOther/now, start)
}

func (a *analyst) finish() (*Statistics, error) {
	r := a.result
	a.trips.finish(a.mark)
	a.describeExecution()
	out := &Statistics{Schema: Schema, Digest: r.Digest, Trades: a.trips.describe(), Execution: a.execution,
		Conventions: Conventions{PeriodsPerYear: perYear, Period: "day, 00:00 UTC",
			SampleSeconds: a.sampling().Seconds(),
			MinDays:       reports.MinRatioDays, MinYearlyDays: int(reports.MinYearly / day), Cutoff: cutoff,
			Confidence: confidence, BootstrapDraws: draws, BootstrapSeed: seed, RollingDays: window,
			ArrivalPrice: "mid of the market when the order was sent, last price without quotes; else the mark at the last sample up to the order", MostDrawdownsShown: mostDrawdowns}}
	length := r.Run.End.Sub(r.Run.Start)
	for _, s := range []*series{&a.own, &a.other, &a.heldOwn, &a.heldOther} {
		s.finish()
	}
	out.Returns = append(out.Returns, a.own.describe(length, a.scale, &a.heldOwn))
	if a.other.begun {
		out.Returns = append(out.Returns, a.other.describe(length, a.scale, &a.heldOther))
	}
	var err error
	out.Attribution, err = a.attribution()
	return out, err
}

func (a *analyst) describeExecution() {
	e := &a.execution
	e.Rejected, e.Refused = a.result.Counts.Rejected, a.result.Counts.Refused
	a.orders.describe(e, a.result.Counts.Fills-e.ForcedFills)
	a.quality.describe(e, &a.orders, a.sampling())
}

// sampling is the distance of the samples; a result of an earlier version does not say
// it.
func (a *analyst) sampling() time.Duration {
	if s := a.result.Run.SampleSeconds; s > 0 {
		return time.Duration(s * float64(time.Second))
	}
	return a.samples.interval()
}

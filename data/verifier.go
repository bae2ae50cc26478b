package data

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// facts are the checks whose findings are worth knowing and not wrong.
var facts = []string{CheckRepeated, CheckOpenOutside, CheckQuiet}

// order is the order of the checks in a report.
var order = []string{
	CheckUnreadable, CheckUnknownSymbol, CheckOrder, CheckGap, CheckDuplicate, CheckRepeated, CheckCrossed,
	CheckClockSkew, CheckNotPositive, CheckOutOfBounds, CheckOffTick, CheckOffLot, CheckBarRange, CheckOpenOutside,
	CheckQuiet,
}

// verifier checks the events of one stream.
type verifier struct {
	key      Key
	examples int
	gaps     gapRule

	instrument *exchange.Instrument // nil if unknown
	terms      *exchange.Terms
	change     exchange.Time // when the terms end
	bounds     exchange.Bounds

	at struct { // where the event comes from
		part string
		row  int64
	}
	rows  int64
	first exchange.Time
	last  exchange.Event
	book  *exchange.Book
	queue *exchange.OrderBook
	skew  skew
	found map[string]*Check
}

func newVerifier(key Key, o VerifyOptions) *verifier {
	v := &verifier{key: key, examples: o.Examples, found: make(map[string]*Check), bounds: exchange.AnyBounds()}
	if o.Instruments != nil {
		if i, err := o.Instruments.Lookup(key.Venue, key.Symbol); err == nil {
			v.instrument, v.terms, v.change, v.bounds = i, &i.Terms[0], minTime, i.Bounds()
		}
	}
	if v.instrument == nil {
		v.add(CheckUnknownSymbol, exchange.Event{}, 1, key.Venue+":"+key.Symbol)
	}
	v.gaps = newGapRule(key.Kind, v.instrument, o.MaxGap)
	if key.Kind == KindBook || key.Kind == KindOrder {
		tick := exchange.PriceUnit
		if v.instrument != nil {
			tick = v.terms.TickSize
		}
		v.book = exchange.NewBook(tick)
		if key.Kind == KindOrder {
			v.queue = exchange.NewOrderBook(tick)
			v.book = v.queue.Book()
		}
	}
	return v
}

// damaged records a file that cannot be read.
func (v *verifier) damaged(err error) {
	v.at.part, v.at.row = "", -1
	var corrupt *CorruptError
	if errors.As(err, &corrupt) {
		v.at.part = corrupt.Path
	}
	v.add(CheckUnreadable, exchange.Event{}, 1, err.Error())
}

func (v *verifier) add(check string, e exchange.Event, count int64, value string) {
	c := v.found[check]
	if c == nil {
		c = &Check{Name: check, Problem: !slices.Contains(facts, check)}
		v.found[check] = c
	}
	c.Count += count
	if len(c.Examples) < v.examples {
		c.Examples = append(c.Examples, Example{Time: e.Time, Part: v.at.part, Row: v.at.row, Value: value})
	}
}

// count adds one finding. It prints the value only if the example is kept: a
// check may fail for every row.
func (v *verifier) count(check string, e *exchange.Event, value func() string) {
	if c := v.found[check]; c != nil && len(c.Examples) >= v.examples {
		c.Count++
		return
	}
	v.add(check, *e, 1, value())
}

func (v *verifier) event(e *exchange.Event) {
	if v.rows > 0 {
		v.sequence(e)
	} else {
		v.first = e.Time
	}
	if v.instrument != nil && e.Time >= v.change {
		v.terms, v.change = v.instrument.At(e.Time), v.instrument.NextChange(e.Time)
	}
	v.clock(e)
	if err := cmp.Or(v.bounds.Check(e), v.bounds.CheckArrival(e)); err != nil {
		v.outOfBounds(e, err)
		v.rows++
		v.last = *e
		return
	}
	switch e.Kind {
	case exchange.KindTrade, exchange.KindLiquidation:
		t := e.Trade()
		v.lot(e, t.Qty)
		v.tick(e, t.Price)
	case exchange.KindQuote:
		v.quote(e)
	case exchange.KindBook, exchange.KindOrder:
		v.level(e)
	case exchange.KindBar:
		v.bar(e)
	}
	v.rows++
	v.last = *e
}

// outOfBounds counts an event that the reader of a run refuses. Numbers that are not
// positive have a check of their own.
func (v *verifier) outOfBounds(e *exchange.Event, err error) {
	check := CheckOutOfBounds
	var bad *exchange.ValidationError
	if errors.As(err, &bad) && (bad.Value == "0" || strings.HasPrefix(bad.Value, "-")) {
		check = CheckNotPositive
	}
	v.count(check, e, err.Error)
}

// sequence compares an event with the one before it.
func (v *verifier) sequence(e *exchange.Event) {
	step := e.Time - v.last.Time
	switch {
	case step < 0:
		v.count(CheckOrder, e, func() string { return "after " + v.last.Time.String() })
	case step == 0 && layoutOf(v.key.Kind).keyed && (e.Kind == exchange.KindBar || *e == v.last):
		// A mark price or a rate may change twice within the resolution of a venue's clock.
		v.count(CheckDuplicate, e, e.String)
	case *e == v.last:
		v.count(CheckRepeated, e, e.String)
	default:
		v.gap(e, v.gaps.missing(step))
	}
}

// gap records what is missing before an event.
func (v *verifier) gap(e *exchange.Event, missing int64) {
	switch {
	case missing == 0:
	case v.gaps.interval > 0:
		v.add(CheckGap, *e, missing, fmt.Sprintf("%d missing after %s", missing, v.last.Time))
	default:
		v.count(CheckGap, e, func() string { return fmt.Sprintf("%s after %s", e.Time.Sub(v.last.Time), v.last.Time) })
	}
}

func (v *verifier) clock(e *exchange.Event) {
	if e.Arrival >= e.Time {
		return
	}
	d := e.Arrival.Sub(e.Time)
	v.skew.add(d)
	v.count(CheckClockSkew, e, d.String)
}

func (v *verifier) tick(e *exchange.Event, prices ...exchange.Price) {
	if v.instrument == nil {
		return
	}
	for _, p := range prices {
		if !p.OnTick(v.terms.TickSize) {
			v.count(CheckOffTick, e, func() string { return fmt.Sprintf("%s on a tick of %s", p, v.terms.TickSize) })
		}
	}
}

func (v *verifier) lot(e *exchange.Event, quantities ...exchange.Qty) {
	if v.instrument == nil {
		return
	}
	for _, q := range quantities {
		if q%v.terms.LotSize != 0 {
			v.count(CheckOffLot, e, func() string { return fmt.Sprintf("%d in lots of %d", q, v.terms.LotSize) })
		}
	}
}

func (v *verifier) quote(e *exchange.Event) {
	q := e.Quote()
	if q.BidPrice != 0 && q.AskPrice != 0 && q.BidPrice >= q.AskPrice {
		v.count(CheckCrossed, e, func() string { return fmt.Sprintf("bid %s, ask %s", q.BidPrice, q.AskPrice) })
	}
	v.tick(e, q.BidPrice, q.AskPrice)
	v.lot(e, q.BidQty, q.AskQty)
}

func (v *verifier) level(e *exchange.Event) {
	l := e.Level()
	v.tick(e, l.Price)
	v.lot(e, l.Qty)
	if v.queue != nil {
		v.queue.Apply(e)
	} else {
		v.book.Apply(e)
	}
	if e.Flags&exchange.FlagLast != 0 && v.book.Crossed() {
		v.count(CheckCrossed, e, func() string {
			return fmt.Sprintf("bid %s, ask %s", v.book.Bid().Price, v.book.Ask().Price)
		})
	}
}

func (v *verifier) bar(e *exchange.Event) {
	b := e.Bar()
	prices := func() string { return fmt.Sprintf("open %s high %s low %s close %s", b.Open, b.High, b.Low, b.Close) }
	if b.High < b.Low || b.Close > b.High || b.Close < b.Low {
		v.count(CheckBarRange, e, prices)
	}
	if b.Open > b.High || b.Open < b.Low {
		v.count(CheckOpenOutside, e, prices)
	}
	if b.Quiet {
		v.count(CheckQuiet, e, prices)
	}
	v.tick(e, b.Open, b.High, b.Low, b.Close)
	v.lot(e, b.Volume)
}

func (v *verifier) report() StreamReport {
	r := StreamReport{Key: v.key, First: v.first, Last: v.last.Time, Rows: v.rows, Checks: []Check{}}
	if c := v.found[CheckClockSkew]; c != nil {
		c.Detail = fmt.Sprintf("at worst %s, in the median %s", v.skew.min, v.skew.median())
	}
	for _, name := range order {
		c := v.found[name]
		if c == nil {
			continue
		}
		if c.Problem {
			r.Problems += c.Count
		}
		r.Checks = append(r.Checks, *c)
	}
	return r
}

// skew collects how long before it happened an event arrived, in buckets that
// are 1/16 of their value wide: enough for a median, in constant memory.
type skew struct {
	min     time.Duration
	n       int64
	buckets [64 * 16]int64
}

func (s *skew) add(d time.Duration) {
	s.min = min(s.min, d)
	s.n++
	s.buckets[bucketOf(uint64(-d))]++
}

func bucketOf(v uint64) int {
	if v < 16 {
		return int(v)
	}
	top := bits.Len64(v) - 5 // v>>top has 5 bits: 1xxxx
	return (top+1)*16 + int(v>>top&15)
}

func (s *skew) median() time.Duration {
	var seen int64
	for i, n := range &s.buckets {
		if seen += n; seen*2 > s.n {
			return -time.Duration(bucketValue(i))
		}
	}
	return 0
}

// bucketValue returns the least value of a bucket.
func bucketValue(i int) uint64 {
	if i < 16 {
		return uint64(i)
	}
	return uint64(i&15|16) << (i/16 - 1)
}

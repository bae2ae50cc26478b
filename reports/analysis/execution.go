package analysis

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/reports/stats"
)

// arrival is an order that was filled: when the exchange first told of it, and the
// price that it is measured against.
type arrival struct {
	at    int64
	price float64 // the middle of the market when it was sent; if nobody said, the mark when it arrived

	qty, filled int64
	forced      bool // the venue's own order
}

// orderRow is what the analysis reads of [reports.OrderRow].
type orderRow struct {
	Time     int64  `parquet:"time,delta,timestamp(nanosecond)"`
	OrderID  string `parquet:"order_id"`
	ClientID string `parquet:"client_id"`
	Qty      int64  `parquet:"qty,delta"`
	Status   string `parquet:"status,dict"`
	Filled   int64  `parquet:"filled,delta"`
	Mid      int64  `parquet:"arrival_mid,delta,optional,decimal(10:18)" since:"later"`
}

// orders counts orders and notes the price at which they arrived.
type orders struct {
	byID      map[string]int
	arrivals  []arrival
	inOrder   []int // of arrivals, by time
	next      int
	mark      float64
	accepted  int64
	cancelled int64
	asked     float64
	filled    float64
}

func newOrders() orders { return orders{byID: make(map[string]int)} }

// expect makes room for orders that are filled.
func (o *orders) expect(n int) {
	o.byID, o.arrivals = make(map[string]int, n), make([]arrival, 0, n)
}

func (o *orders) add(rows []orderRow) error {
	for i := range rows {
		row := &rows[i]
		if row.Status == exchange.Rejected.String() || row.Status == exchange.PendingNew.String() {
			continue // the exchange has not accepted it
		}
		o.accepted++
		o.asked += float64(row.Qty)
		o.filled += float64(row.Filled)
		if row.Status == exchange.Canceled.String() {
			o.cancelled++
		}
		if row.Filled > 0 {
			o.byID[orderKey(row.OrderID, row.ClientID)] = len(o.arrivals)
			o.arrivals = append(o.arrivals, arrival{at: row.Time, price: float64(row.Mid) / float64(exchange.PriceUnit),
				qty: row.Qty, filled: row.Filled})
		}
	}
	return nil
}

func orderKey(id, client string) string {
	if id != "" {
		return id
	}
	return client
}

// find returns the arrival of a fill's order, -1 if the venue forced the fill.
func (o *orders) find(row *fillRow) int {
	if i, ok := o.byID[orderKey(row.OrderID, row.ClientID)]; ok {
		return i
	}
	return -1
}

// force removes an order of the venue from the figures of our orders.
func (o *orders) force(i int) {
	if i < 0 || o.arrivals[i].forced {
		return
	}
	a := &o.arrivals[i]
	a.forced = true
	o.accepted--
	o.asked -= float64(a.qty)
	o.filled -= float64(a.filled)
}

// at is when an order arrived, 0 if there is none.
func (o *orders) at(i int) int64 {
	if i < 0 {
		return 0
	}
	return o.arrivals[i].at
}

func (o *orders) sort() {
	o.byID = nil
	o.inOrder = make([]int, len(o.arrivals))
	for i := range o.inOrder {
		o.inOrder[i] = i
	}
	slices.SortStableFunc(o.inOrder, func(a, b int) int { return cmp.Compare(o.arrivals[a].at, o.arrivals[b].at) })
}

// sample gives orders without a price that came before a sample the mark of the one
// before it, and those at its instant its own.
func (o *orders) sample(at int64, mark float64) {
	o.upTo(at - 1)
	o.mark = mark
	o.upTo(at)
}

func (o *orders) upTo(at int64) {
	for ; o.next < len(o.inOrder); o.next++ {
		a := &o.arrivals[o.inOrder[o.next]]
		if a.at > at {
			return
		}
		if a.price == 0 {
			a.price = o.mark
		}
	}
}

func (o *orders) describe(e *Execution, fills int64) {
	e.Orders = o.accepted
	if o.asked > 0 {
		e.FillRatio = number(o.filled / o.asked)
	}
	if fills > 0 {
		e.CancelsPerFill = number(float64(o.cancelled) / float64(fills))
	}
}

// horizons of markouts.
var horizons = [...]time.Duration{time.Second, 5 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute}

// quality measures fills against the prices before and after them.
type quality struct {
	inverse bool
	fills   []qualityFill // of the primary symbol
	next    [len(horizons)]int
	outs    [len(horizons)]markout
	value   float64 // of all fills
	maker   float64
	queued  []float64 // seconds until a maker's fill
	slipped slipped
}

type qualityFill struct {
	at     int64
	order  int
	side   int64
	price  float64
	value  float64
	closed float64 // share of it that closed a position
	maker  bool
}

type markout struct {
	n          int
	value, bps [2]float64 // taker, maker
}

func newQuality(inverse bool) quality { return quality{inverse: inverse} }

func (q *quality) count(f *fill, arrived int64, primary bool) {
	q.value += float64(f.value)
	if f.maker {
		q.maker += float64(f.value)
		if f.order >= 0 {
			q.queued = append(q.queued, time.Duration(f.at-arrived).Seconds())
		}
	}
	if primary && f.order >= 0 {
		closing, _ := f.split()
		q.fills = append(q.fills, qualityFill{f.at, f.order, f.side, f.price, float64(f.value), float64(closing.qty) / float64(f.qty), f.maker})
	}
}

func (q *quality) sort() {
	slices.SortStableFunc(q.fills, func(a, b qualityFill) int { return cmp.Compare(a.at, b.at) })
}

// sample compares the fills whose horizon has come with the mark.
func (q *quality) sample(at int64, mark float64) {
	if mark == 0 {
		return
	}
	for h, d := range horizons {
		for ; q.next[h] < len(q.fills); q.next[h]++ {
			f := &q.fills[q.next[h]]
			if f.at+int64(d) > at {
				break
			}
			m, who := &q.outs[h], 0
			if f.maker {
				who = 1
			}
			m.n++
			m.value[who] += f.value
			m.bps[who] += f.value * float64(f.side) * (mark/f.price - 1) * 1e4
		}
	}
}

func (q *quality) describe(e *Execution, o *orders, interval time.Duration) {
	if q.value > 0 {
		e.MakerShare = number(q.maker / q.value)
	}
	e.MeanQueueSeconds, e.MedianQueueSeconds = number(stats.Mean(q.queued)), number(stats.Quantile(q.queued, 0.5))
	q.slippage(e, o)
	for h, d := range horizons {
		m := Markout{Seconds: int(d.Seconds())}
		if interval > 0 && interval <= d {
			x := &q.outs[h]
			m.Fills = x.n
			m.Taker, m.Maker = weighted(x.bps[0], x.value[0]), weighted(x.bps[1], x.value[1])
		}
		e.Markouts = append(e.Markouts, m)
	}
}

func weighted(sum, weight float64) *float64 {
	if weight == 0 {
		return nil
	}
	return number(sum / weight)
}

// slippage is what fills cost against the price when their orders arrived: for a
// linear contract value·(1 - arrival/price), for an inverse one
// value·(price/arrival - 1), since its value is in the coin. It is rounded for each
// fill, so that its parts add up.
func (q *quality) slippage(e *Execution, o *orders) {
	var value, bps float64
	for i := range q.fills {
		f := &q.fills[i]
		arrived := o.arrivals[f.order].price
		if arrived == 0 {
			continue
		}
		side := -float64(f.side)
		value += f.value
		bps += f.value * side * (f.price/arrived - 1) * 1e4
		money := f.value * side * (1 - arrived/f.price)
		if q.inverse {
			money = f.value * side * (f.price/arrived - 1)
		}
		q.slipped.add(f, exchange.Money(math.Round(money)))
	}
	if value > 0 {
		e.SlippageBps, e.Slippage = number(bps/value), &q.slipped.total
	}
}

// slipped is the slippage by what it belongs to.
type slipped struct {
	total, long, short exchange.Money
	hours              [24]exchange.Money
	days               [7]exchange.Money
}

// add splits by quantity what closes a position and what opens one.
func (s *slipped) add(f *qualityFill, money exchange.Money) {
	closing := exchange.Money(math.Round(float64(money) * f.closed))
	opening := money - closing
	if f.side > 0 { // a purchase closes what is short
		s.short, s.long = s.short+closing, s.long+opening
	} else {
		s.long, s.short = s.long+closing, s.short+opening
	}
	s.total += money
	hour, day := slotOf(f.at)
	s.hours[hour] += money
	s.days[day] += money
}

// samples finds how far apart they are: the shortest distance but for the first
// and the last, which begin and end where the run does.
type samples struct {
	n        int
	last     int64
	distance int64 // the newest, which may be the last
	shortest int64
}

func (s *samples) add(at int64) {
	if s.n > 2 && (s.shortest == 0 || s.distance < s.shortest) {
		s.shortest = s.distance
	}
	if s.n > 0 {
		s.distance = at - s.last
	}
	s.n, s.last = s.n+1, at
}

func (s *samples) interval() time.Duration { return time.Duration(s.shortest) }

package sim

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
)

// world is a random market and random orders in it. It keeps all that is said,
// for the properties to look at.
type world struct {
	t      *rapid.T
	c      Config
	x      *Exchange
	kind   fidelity
	now    exchange.Time
	mid    exchange.Price
	levels [2]map[exchange.Price]exchange.Qty // of the book: bids, asks
	barEnd exchange.Time

	byOrder bool               // the book is told by its orders
	queues  map[level][]queued // that stand at its levels
	number  uint64             // of the newest of them

	margins bool // there are commands about margin too

	script  []step                                  // everything that was done
	reports []exchange.Report                       // everything that was reported
	heard   []exchange.Time                         // and when
	sent    map[exchange.ClientID]exchange.NewOrder // as normalized
	sentAt  map[exchange.ClientID]exchange.Time
	ids     []exchange.ClientID

	// Called around every step with the reports that it led to.
	before func(s *step)
	after  func(s *step, reports []exchange.Report)
}

// step is an event, a command, or the passing of time.
type step struct {
	at     exchange.Time
	events []exchange.Event
	submit *exchange.NewOrder
	amend  *exchange.AmendOrder
	cancel *exchange.CancelOrder
	margin func(x *Exchange) error
}

func newWorld(t *rapid.T, kind fidelity, c Config) *world {
	x, err := New(c)
	require.NoError(t, err)
	return &world{
		t: t, c: c, x: x, kind: kind, now: epoch, mid: 200 * half,
		levels: [2]map[exchange.Price]exchange.Qty{{}, {}},
		queues: map[level][]queued{},
		sent:   map[exchange.ClientID]exchange.NewOrder{}, sentAt: map[exchange.ClientID]exchange.Time{},
	}
}

// anew returns a world of the same kind in which nothing has happened.
func (w *world) anew() *world {
	again := newWorld(w.t, w.kind, w.c)
	again.byOrder = w.byOrder
	return again
}

func (w *world) int(lo, hi int, what string) int { return rapid.IntRange(lo, hi).Draw(w.t, what) }

func (w *world) price(span int, what string) exchange.Price {
	return w.mid + exchange.Price(w.int(-span, span, what))*half
}

// run does a number of random steps.
func (w *world) run(steps int) {
	w.do(step{events: w.byOrders(w.opening())})
	for range steps {
		w.now = w.now.Add(time.Duration(w.int(1, 2000, "ms")) * time.Millisecond)
		last := 19
		if w.margins {
			last = 20
		}
		switch n := w.int(0, last, "step"); {
		case n < 11:
			w.do(step{events: w.byOrders(w.market())})
		case n < 17:
			w.do(step{submit: w.order()})
		case n < 18:
			w.do(step{cancel: w.cancel()})
		case n == 20:
			w.do(step{margin: w.margin()})
		default:
			w.do(step{amend: w.amend()})
		}
	}
	w.now = w.now.Add(time.Hour)
	w.do(step{})
}

// do takes the exchange to the step's time, as the engine does, and through it.
func (w *world) do(s step) {
	s.at = w.now
	w.until(s.at - 1)
	if s.events == nil {
		w.until(s.at) // commands are given after what happens at the instant
	}
	if w.before != nil {
		w.before(&s)
	}
	n := len(w.reports)
	w.apply(&s)
	w.until(s.at)
	w.script = append(w.script, s)
	if w.after != nil {
		w.after(&s, w.reports[n:])
	}
}

func (w *world) apply(s *step) {
	ctx := context.Background()
	for i := range s.events {
		s.events[i].Time = s.at
		if s.events[i].Kind != exchange.KindBar {
			s.events[i].Arrival = s.at
		}
		w.x.Market(&s.events[i])
	}
	switch {
	case s.submit != nil:
		id, err := w.x.Submit(ctx, *s.submit)
		require.NoError(w.t, err)
		o := *s.submit
		o.Normalize()
		w.sent[id], w.sentAt[id] = o, s.at
		w.ids = append(w.ids, id)
	case s.amend != nil:
		require.NoError(w.t, w.x.Amend(ctx, *s.amend))
	case s.cancel != nil:
		require.NoError(w.t, w.x.Cancel(ctx, *s.cancel))
	case s.margin != nil:
		require.NoError(w.t, s.margin(w.x))
	}
}

// margin is a command about the margin of the position, which may be refused.
func (w *world) margin() func(x *Exchange) error {
	ctx := context.Background()
	n := w.int(1, 1_000_000, "amount")
	switch w.int(0, 3, "margin command") {
	case 0:
		return func(x *Exchange) error { return x.SetLeverage(ctx, 0, exchange.Ratio(n%60)*exchange.RatioUnit) }
	case 1:
		return func(x *Exchange) error { return x.TransferMargin(ctx, 0, -exchange.Money(n)) }
	case 2:
		return func(x *Exchange) error { return x.SetRiskLimit(ctx, 0, exchange.Money(n)) }
	}
	return func(x *Exchange) error { return x.TransferMargin(ctx, 0, exchange.Money(n)) }
}

func (w *world) until(t exchange.Time) {
	for {
		next := min(w.x.Next(), t)
		var err error
		n := len(w.reports)
		w.reports, err = w.x.Advance(context.Background(), next, w.reports)
		require.NoError(w.t, err)
		for range w.reports[n:] {
			w.heard = append(w.heard, next)
		}
		if next == t && w.x.Next() > t {
			return
		}
	}
}

func (w *world) opening() []exchange.Event {
	if w.kind != fromBook {
		return w.market()
	}
	var events []exchange.Event
	for i := 1; i <= 5; i++ {
		events = append(events, w.level(exchange.Buy, w.mid-exchange.Price(i)*half, 10)...)
		events = append(events, w.level(exchange.Sell, w.mid+exchange.Price(i)*half, 10)...)
	}
	events[len(events)-1].Flags |= exchange.FlagLast
	return events
}

func (w *world) qty(what string) exchange.Qty { return exchange.Qty(w.int(1, 30, what)) }

func (w *world) market() []exchange.Event {
	if w.int(0, 4, "mid moves") == 0 {
		w.mid += exchange.Price(w.int(-2, 2, "by")) * half
	}
	switch w.kind {
	case fromBars:
		return w.barEvents()
	case fromQuotes:
		if w.int(0, 1, "trade") == 0 {
			q := exchange.Quote{BidPrice: w.mid - half, BidQty: w.qty("bid"), AskPrice: w.mid + half, AskQty: w.qty("ask")}
			return []exchange.Event{exchange.QuoteEvent(0, 0, 0, q)}
		}
	case fromBook:
		if w.int(0, 2, "trade") > 0 {
			return w.bookEvents()
		}
	}
	side := exchange.Side(w.int(1, 2, "side"))
	return []exchange.Event{exchange.TradeEvent(0, 0, 0, exchange.Trade{Side: side, Price: w.price(3, "at"), Qty: w.qty("traded")})}
}

func (w *world) barEvents() []exchange.Event {
	if w.now < w.barEnd {
		return nil // time passes
	}
	o, c := w.price(4, "open"), w.price(4, "close")
	h, l := max(o, c)+exchange.Price(w.int(0, 4, "high"))*half, min(o, c)-exchange.Price(w.int(0, 4, "low"))*half
	w.barEnd = w.now.Add(4 * time.Second)
	b := exchange.Bar{Start: w.now, End: w.barEnd, Open: o, High: h, Low: l, Close: c, Volume: w.qty("volume") * 10,
		Quiet: w.int(0, 9, "quiet") == 0}
	return []exchange.Event{exchange.BarEvent(b)}
}

type level struct {
	side  exchange.Side
	price exchange.Price
}

type queued struct {
	id  uint64
	qty exchange.Qty
}

// byOrders returns the events of a book as changes of orders, if that is how it is told: what
// a level gains is a new order, what it loses any of them lose.
func (w *world) byOrders(events []exchange.Event) (out []exchange.Event) {
	if !w.byOrder {
		return events
	}
	for _, ev := range events {
		if ev.Kind != exchange.KindBook {
			out = append(out, ev)
			continue
		}
		at := level{ev.Side, ev.Level().Price}
		list := w.queues[at]
		change := ev.Level().Qty
		for _, o := range list {
			change -= o.qty
		}
		if change > 0 {
			w.number++
			list = append(list, queued{w.number, change})
			out = append(out, at.order(list[len(list)-1]))
		}
		for change < 0 {
			i := w.int(0, len(list)-1, "which loses")
			gone := min(list[i].qty, -change)
			list[i].qty -= gone
			change += gone
			out = append(out, at.order(list[i]))
			if list[i].qty == 0 {
				list = slices.Delete(list, i, i+1)
			}
		}
		w.queues[at] = list
	}
	if n := len(out); n > 0 && out[n-1].Kind == exchange.KindOrder {
		out[n-1].Flags |= exchange.FlagLast
	}
	return out
}

func (l level) order(q queued) exchange.Event {
	return exchange.BookOrderEvent(0, 0, 0, l.side, exchange.BookOrder{ID: q.id, Price: l.price, Qty: q.qty}, 0)
}

// bookEvents makes a message of some levels that leaves the book uncrossed.
func (w *world) bookEvents() (events []exchange.Event) {
	for range w.int(1, 3, "levels") {
		side := exchange.Side(w.int(1, 2, "side"))
		events = append(events, w.level(side, w.price(6, "level"), exchange.Qty(max(w.int(-10, 30, "shows"), 0)))...)
	}
	events[len(events)-1].Flags |= exchange.FlagLast
	return events
}

// level sets a level and removes what it crosses on the other side.
func (w *world) level(side exchange.Side, p exchange.Price, q exchange.Qty) (events []exchange.Event) {
	other := side.Opposite()
	if q > 0 {
		for _, o := range slices.Sorted(maps.Keys(w.levels[other-1])) {
			if side == exchange.Buy && o <= p || side == exchange.Sell && o >= p {
				delete(w.levels[other-1], o)
				events = append(events, exchange.LevelEvent(0, 0, 0, other, exchange.Level{Price: o}, 0))
			}
		}
		w.levels[side-1][p] = q
	} else {
		delete(w.levels[side-1], p)
	}
	return append(events, exchange.LevelEvent(0, 0, 0, side, exchange.Level{Price: p, Qty: q}, 0))
}

func (w *world) order() *exchange.NewOrder {
	o := &exchange.NewOrder{Side: exchange.Side(w.int(1, 2, "order side")), Qty: w.qty("order qty"), Price: w.price(5, "limit")}
	w.rare(o)
	switch w.int(0, 17, "order kind") {
	case 0:
		o.Price, o.TimeInForce = 0, exchange.NoTimeInForce // Market
	case 1:
		o.TimeInForce = exchange.ImmediateOrCancel
	case 2:
		o.TimeInForce = exchange.FillOrKill
	case 3, 4:
		o.ExecInst = exchange.PostOnly
	case 5, 6:
		o.ExecInst = exchange.ReduceOnly
	case 7:
		o.Price, o.StopPrice = 0, w.price(5, "stop")
	case 8:
		o.StopPrice = w.price(5, "stop")
	case 9:
		o.Price, o.Type, o.ExecInst = 0, exchange.Pegged, exchange.Fixed
		o.PegType = exchange.PegPriceType(w.int(int(exchange.LastPeg), int(exchange.TrailingStopPeg)-1, "peg"))
		o.PegOffset = exchange.Price(w.int(-4, 4, "offset")) * half
	case 10:
		w.trailing(o)
	case 11:
		o.Type, o.StopPrice = exchange.LimitIfTouched, w.price(5, "touch")
	case 12:
		o.Type, o.Price, o.StopPrice = exchange.MarketIfTouched, 0, w.price(5, "touch")
	case 13:
		o.ExecInst = exchange.Close
		if w.int(0, 1, "all") == 0 {
			o.Qty, o.DisplayQty = 0, 0
		}
	}
	return o
}

// rare makes an order hidden, an iceberg, one for the day, or one of a group.
func (w *world) rare(o *exchange.NewOrder) {
	switch w.int(0, 9, "rare") {
	case 0:
		o.DisplayQty = exchange.Hidden
	case 1:
		o.DisplayQty = exchange.Qty(w.int(1, int(o.Qty), "shows"))
	case 2:
		o.TimeInForce = exchange.Day
	case 3, 4:
		o.LinkID, o.Contingency = w.group(), exchange.OneCancelsTheOther
	case 5:
		o.LinkID, o.Contingency = w.group(), exchange.OneTriggersTheOther
	}
}

func (w *world) group() exchange.ClientID {
	return rapid.SampledFrom([]exchange.ClientID{"A", "B"}).Draw(w.t, "group")
}

// trailing makes a stop or an if-touched order that trails, on its side of the market.
func (w *world) trailing(o *exchange.NewOrder) {
	o.Type = rapid.SampledFrom([]exchange.OrderType{exchange.Stop, exchange.StopLimit, exchange.MarketIfTouched,
		exchange.LimitIfTouched}).Draw(w.t, "trails")
	if o.Type == exchange.Stop || o.Type == exchange.MarketIfTouched {
		o.Price = 0
	}
	o.PegType, o.PegOffset = exchange.TrailingStopPeg, exchange.Price(w.int(1, 6, "distance"))*half
	if (o.Side == exchange.Sell) == (o.Type == exchange.Stop || o.Type == exchange.StopLimit) {
		o.PegOffset = -o.PegOffset
	}
	o.TimeInForce = exchange.NoTimeInForce
}

func (w *world) someID() exchange.ClientID {
	if len(w.ids) == 0 {
		return "none"
	}
	return w.ids[max(0, len(w.ids)-1-w.int(0, 7, "back"))]
}

func (w *world) cancel() *exchange.CancelOrder { return &exchange.CancelOrder{ClientID: w.someID()} }

func (w *world) amend() *exchange.AmendOrder {
	a := &exchange.AmendOrder{OrigClientID: w.someID()}
	if w.int(0, 1, "price") == 0 {
		p := w.price(5, "new price")
		a.Price = &p
	}
	if a.Price == nil || w.int(0, 1, "qty") == 0 {
		q := w.qty("new qty")
		a.Qty = &q
	}
	return a
}

// anyConfig draws the models.
func anyConfig(t *rapid.T, c Config) Config {
	queues := []QueueModel{RiskAverse{}, FrontOfQueue{}, ProbPower(3), ProbLog(), ProbLog2(), ProbPower2(2), ProbPower3(1.5),
		Probabilistic{name: "prob-power", power: 3, behind: behindPower, Compatible: true}}
	c.Queue = rapid.SampledFrom(queues).Draw(t, "queue")
	c.Latency = rapid.SampledFrom([]Latency{ZeroLatency{}, ConstantLatency{time.Second, 300 * time.Millisecond},
		FeedLatency{Multiplier: 1, Offset: time.Millisecond}, LogNormalLatency{Median: 500 * time.Millisecond, Sigma: 1},
		LogNormalLatency{Median: 300 * time.Millisecond, Sigma: 1, Memory: 5 * time.Second}}).Draw(t, "latency")
	c.SlippageTicks = rapid.IntRange(0, 2).Draw(t, "slippage")
	c.NoConsumption = rapid.Bool().Draw(t, "no consumption")
	c.Bars.Path = BarPath(rapid.IntRange(0, 3).Draw(t, "path"))
	c.Bars.Touch = rapid.Bool().Draw(t, "touch")
	c.TouchProbability = exchange.Ratio(rapid.SampledFrom([]int64{0, 0, 5, 10}).Draw(t, "chance")) * exchange.RatioUnit / 10
	if rapid.Bool().Draw(t, "share") {
		c.Bars.VolumeShare = exchange.RatioUnit / 10
	}
	age := rapid.SampledFrom([]time.Duration{0, -1, time.Millisecond, time.Second}).Draw(t, "max age")
	c.MaxAge = MaxAge{Book: age, Quote: age, Trade: age}
	c.Leverage = exchange.Ratio(rapid.SampledFrom([]int64{0, 10, 50}).Draw(t, "leverage")) * exchange.RatioUnit
	c.Balance = exchange.Money(rapid.SampledFrom([]int64{100_000, 1_000_000, 100_000_000_000}).Draw(t, "balance"))
	c.SelfTrade = SelfTrade(rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3, 4}).Draw(t, "self-trade"))
	if rapid.IntRange(0, 3).Draw(t, "impact") == 0 {
		c.Impact = Impact{K: 1, Sigma: 0.05, Volume: 1000}
	}
	c.UseFundingRate, c.FundingRate = true, exchange.RatioUnit/10_000
	c.Insurance = []ledger.Deposit{{Currency: c.Currency, Balance: exchange.Money(rapid.SampledFrom([]int64{0, 1000, 1_000_000}).Draw(t, "fund"))}}
	if rapid.IntRange(0, 3).Draw(t, "bad day") == 0 {
		c.Rules = Rules{OpenOrders: 5, Stops: 2, PriceBand: exchange.RatioUnit / 50, PerMinute: 100, PerSecond: 3}
		c.Faults = Faults{Overload: exchange.RatioUnit / 10, Lost: exchange.RatioUnit / 10}
		c.Seed = rapid.Uint64().Draw(t, "seed")
	}
	return c
}

// anyWorld draws the data and the models.
func anyWorld(t *rapid.T, c Config) *world {
	kind := rapid.SampledFrom([]fidelity{fromBars, fromTrades, fromQuotes, fromBook}).Draw(t, "data")
	w := newWorld(t, kind, anyConfig(t, c))
	w.byOrder = kind == fromBook && rapid.Bool().Draw(t, "orders known")
	return w
}

package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// reference is a matching engine for book data with the risk-averse queue that
// is written to be read: maps, sorting, no state but what the rules name.
type reference struct {
	book  [2]map[exchange.Price]exchange.Qty // bids, asks
	taken [2]map[exchange.Price]exchange.Qty
	open  []*refOrder
	stops []*refOrder // waiting for their trigger, in the order in which they began to
	fired []*refOrder // of them, those whose turn comes at the end of the instant
	last  exchange.Price
	done  map[exchange.ClientID]bool
	seq   int
	fills []string
}

type refOrder struct {
	exchange.NewOrder
	id     exchange.ClientID
	leaves exchange.Qty
	filled exchange.Qty
	ahead  exchange.Qty
	seq    int
}

func newReference() *reference {
	return &reference{
		fills: []string{},
		book:  [2]map[exchange.Price]exchange.Qty{{}, {}},
		taken: [2]map[exchange.Price]exchange.Qty{{}, {}},
		done:  map[exchange.ClientID]bool{},
	}
}

// mine returns our resting orders of a side, best price first, then oldest.
func (r *reference) mine(side exchange.Side) []*refOrder {
	var list []*refOrder
	for _, o := range r.open {
		if o.Side == side {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b *refOrder) int {
		if a.Price != b.Price {
			if better(side, a.Price, b.Price) {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.seq, b.seq)
	})
	return list
}

// offers returns the prices of a side of the book, best first.
func (r *reference) offers(side exchange.Side) []exchange.Price {
	prices := slices.Sorted(maps.Keys(r.book[side-1]))
	if side == exchange.Buy {
		slices.Reverse(prices)
	}
	return prices
}

func (r *reference) fill(o *refOrder, p exchange.Price, q exchange.Qty, how string) {
	o.leaves -= q
	o.filled += q
	r.fills = append(r.fills, fmt.Sprintf("%s %s %d @ %s %s", o.id, o.Side, q, p, how))
	if o.leaves == 0 {
		r.end(o)
	}
}

func (r *reference) end(o *refOrder) {
	r.done[o.id] = true
	r.open = slices.DeleteFunc(r.open, func(x *refOrder) bool { return x == o })
}

func (r *reference) message(events []exchange.Event) {
	for i := range events {
		side, l := events[i].Side, events[i].Level()
		delete(r.taken[side-1], l.Price)
		if l.Qty == 0 {
			delete(r.book[side-1], l.Price)
		} else {
			r.book[side-1][l.Price] = l.Qty
		}
		for _, o := range r.mine(side) {
			if o.Price == l.Price {
				o.ahead = min(o.ahead, l.Qty)
			}
		}
	}
	for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
		for _, o := range r.mine(side) {
			r.takeUpTo(o, true)
		}
	}
	if r.last == 0 {
		r.checkStops()
	}
}

// price is what triggers look at: the last trade, before the first one the middle of
// the book.
func (r *reference) price() exchange.Price {
	bids, asks := r.offers(exchange.Buy), r.offers(exchange.Sell)
	if r.last != 0 || len(bids) == 0 || len(asks) == 0 {
		return r.last
	}
	return (bids[0] + asks[0]) / 2
}

func (o *refOrder) triggeredBy(p exchange.Price) bool {
	touched := o.Type == exchange.MarketIfTouched || o.Type == exchange.LimitIfTouched
	if (o.Side == exchange.Buy) != touched {
		return p > 0 && p >= o.StopPrice
	}
	return p > 0 && p <= o.StopPrice
}

func (r *reference) checkStops() {
	for _, o := range r.stops {
		if o.triggeredBy(r.price()) && !slices.Contains(r.fired, o) {
			r.fired = append(r.fired, o)
		}
	}
}

// endInstant lets the orders whose trigger was reached take their turn.
func (r *reference) endInstant() {
	for len(r.fired) > 0 {
		o := r.fired[0]
		r.unstop(o)
		r.enter(o)
	}
}

func (r *reference) unstop(o *refOrder) {
	same := func(x *refOrder) bool { return x == o }
	r.stops, r.fired = slices.DeleteFunc(r.stops, same), slices.DeleteFunc(r.fired, same)
}

// arm lets an order wait for its trigger, or enter if that has been reached.
func (r *reference) arm(o *refOrder) {
	if o.triggeredBy(r.price()) {
		r.enter(o)
		return
	}
	r.stops = append(r.stops, o)
}

// takeUpTo gives an order what the other side has within its limit: at its own
// price if it rested there.
func (r *reference) takeUpTo(o *refOrder, rested bool) {
	other := o.Side.Opposite()
	for _, p := range r.offers(other) {
		if o.Price != 0 && better(o.Side, p, o.Price) {
			return
		}
		q := min(o.leaves, r.book[other-1][p]-r.taken[other-1][p])
		if q <= 0 {
			continue
		}
		r.taken[other-1][p] += q
		if rested {
			r.fill(o, o.Price, q, "maker")
		} else {
			r.fill(o, p, q, "taker")
		}
	}
}

func (r *reference) available(o *refOrder) (sum exchange.Qty) {
	other := o.Side.Opposite()
	for p, q := range r.book[other-1] {
		if o.Price == 0 || !better(o.Side, p, o.Price) {
			sum += q - r.taken[other-1][p]
		}
	}
	return sum
}

func (r *reference) trade(t exchange.Trade) {
	ours := exchange.Qty(0)
	for _, o := range r.mine(t.Side.Opposite()) {
		left := t.Qty - ours
		switch {
		case better(o.Side, o.Price, t.Price):
			if q := min(o.leaves, left); q > 0 {
				ours += q
				r.fill(o, o.Price, q, "maker")
			}
		case o.Price == t.Price:
			q := min(o.leaves, left-o.ahead)
			o.ahead = max(o.ahead-left, 0)
			if q > 0 {
				ours += q
				r.fill(o, o.Price, q, "maker")
			}
		}
	}
	r.last = t.Price
	r.checkStops()
}

func (r *reference) submit(id exchange.ClientID, n exchange.NewOrder) {
	o := &refOrder{NewOrder: n, id: id, leaves: n.Qty}
	if n.Type.Triggered() {
		r.arm(o)
		return
	}
	r.enter(o)
}

func (r *reference) enter(o *refOrder) {
	switch {
	case o.ExecInst.Has(exchange.PostOnly) && r.available(o) > 0,
		o.TimeInForce == exchange.FillOrKill && r.available(o) < o.leaves:
		r.done[o.id] = true
		return
	}
	r.takeUpTo(o, false)
	switch {
	case o.leaves == 0:
	case o.TimeInForce != exchange.GoodTillCancel:
		r.done[o.id] = true
	default:
		r.seq++
		o.seq = r.seq
		o.ahead = r.book[o.Side-1][o.Price]
		r.open = append(r.open, o)
	}
}

func (r *reference) find(id exchange.ClientID) *refOrder {
	for _, list := range [][]*refOrder{r.open, r.stops} {
		for _, o := range list {
			if o.id == id {
				return o
			}
		}
	}
	return nil
}

func (r *reference) cancel(id exchange.ClientID) {
	if o := r.find(id); o != nil {
		r.unstop(o)
		r.end(o)
	}
}

func (r *reference) amend(a *exchange.AmendOrder) {
	o := r.find(a.OrigClientID)
	if o == nil {
		return
	}
	leaves, price := o.leaves, o.Price
	if a.Qty != nil {
		leaves = *a.Qty - o.filled
	}
	if a.Price != nil {
		price = *a.Price
	}
	market := o.Type == exchange.Stop || o.Type == exchange.MarketIfTouched
	if leaves <= 0 || market && a.Price != nil {
		return
	}
	if slices.Contains(r.stops, o) {
		o.leaves, o.Price = leaves, price
		r.unstop(o)
		r.arm(o)
		return
	}
	loses := leaves > o.leaves || price != o.Price
	o.leaves, o.Price = leaves, price
	if loses {
		r.end(o)
		delete(r.done, o.id)
		r.enter(o)
	}
}

// The exchange and the reference make the same fills of the same stream, also when what
// is sent takes its time and meets orders that have filled or been cancelled meanwhile.
func TestInvariantI19RacesEndAsInTheReference(t *testing.T) {
	c := testConfig(t)
	c.Queue, c.Balance = RiskAverse{}, 1_000_000_000_000_000
	rapid.Check(t, func(t *rapid.T) {
		c := c
		delay := rapid.SampledFrom([]time.Duration{0, 0, time.Second, 3 * time.Second}).Draw(t, "delay")
		if delay > 0 {
			c.Latency = ConstantLatency{delay, delay}
		}
		w := newWorld(t, fromBook, c)
		r := newReference()
		type message struct {
			arrival exchange.Time
			do      func()
		}
		var sent []message
		arrive := func(until exchange.Time) {
			for len(sent) > 0 && sent[0].arrival <= until {
				at := sent[0].arrival
				for len(sent) > 0 && sent[0].arrival == at {
					sent[0].do()
					sent = sent[1:]
				}
				r.endInstant()
			}
		}
		w.before = func(s *step) {
			if s.submit != nil {
				plain(s.submit)
			}
			if s.events == nil {
				arrive(s.at)
				return
			}
			arrive(s.at - 1)
			if s.events[0].Kind == exchange.KindTrade {
				r.trade(s.events[0].Trade())
			} else {
				r.message(s.events)
			}
		}
		w.after = func(s *step, _ []exchange.Report) {
			switch {
			case s.submit != nil:
				id := w.ids[len(w.ids)-1]
				sent = append(sent, message{s.at.Add(delay), func() { r.submit(id, w.sent[id]) }})
			case s.cancel != nil:
				sent = append(sent, message{s.at.Add(delay), func() { r.cancel(s.cancel.ClientID) }})
			case s.amend != nil:
				sent = append(sent, message{s.at.Add(delay), func() { r.amend(s.amend) }})
			}
			arrive(s.at)
			r.endInstant()
			require.Equal(t, len(r.open)+len(r.stops), w.x.Account().Open(0))
			got := w.told()
			require.LessOrEqual(t, len(got), len(r.fills))
			require.Equal(t, r.fills[:len(got)], got)
		}
		w.run(150)
		require.Equal(t, r.fills, w.told())
	})
}

// plain leaves of an order what the reference knows.
func plain(o *exchange.NewOrder) {
	o.ExecInst &= exchange.PostOnly
	if o.PegType != exchange.NoPeg {
		o.StopPrice, o.Type = 0, exchange.NoOrderType
	}
	o.PegType, o.PegOffset, o.DisplayQty = exchange.NoPeg, 0, 0
	o.LinkID, o.Contingency = "", exchange.NoContingency
	o.Qty = max(o.Qty, 1)
	if o.TimeInForce == exchange.Day {
		o.TimeInForce = exchange.NoTimeInForce
	}
}

// told lists the fills that have been reported, as the reference writes them.
func (w *world) told() []string {
	got := []string{}
	w.fills(func(f *exchange.Fill, _ *exchange.Order) {
		how := "taker"
		if f.Liquidity == exchange.AddedLiquidity {
			how = "maker"
		}
		got = append(got, fmt.Sprintf("%s %s %d @ %s %s", f.ClientID, f.Side, f.Qty, f.Price, how))
	})
	return got
}

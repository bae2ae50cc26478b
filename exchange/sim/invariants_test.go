package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Invariants whose check needs more than one run, beside those in property_test.go.
// docs/conformance.md has the list of all of them.

// Isolated margin can lose what it has and no more, and the wallet of a cross account
// never goes below zero: what is beyond it the insurance fund pays. Nothing that the
// margin test calls for is left open at the end of an instant.
func TestInvariantI10LiquidationAgreesWithMargin(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.c.Balance = exchange.Money(rapid.Int64Range(10_000, 1_000_000).Draw(t, "little")) // liquidations are the point
		w = w.anew()
		w.after = func(*step, []exchange.Report) {
			require.False(t, w.x.doomed, "a liquidation was put off")
			require.GreaterOrEqual(t, w.x.account.Wallet(), exchange.Money(0))
			m, p := w.x.account.Margin(w.now), w.x.account.Position(0)
			if p.Qty != 0 {
				require.False(t, w.x.account.SetMark(0, p.MarkPrice, w.x.at), "the margin test fails at the mark and the position is open")
			}
			require.GreaterOrEqual(t, m.Balance, exchange.Money(0))
		}
		w.run(worldSteps)
	})
}

// Prices mirrored around a pivot and sides swapped mirror what happens, on a linear
// contract and where nothing depends on how high a price is.
func TestInvariantI11MirrorSymmetry(t *testing.T) {
	const pivot = 400 * half
	c := testConfig(t)
	c.Balance = 1_000_000_000_000_000
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]fidelity{fromBars, fromQuotes, fromBook}).Draw(t, "data")
		c := c
		c.Queue = rapid.SampledFrom([]QueueModel{RiskAverse{}, FrontOfQueue{}, ProbPower(3)}).Draw(t, "queue")
		c.Latency = rapid.SampledFrom([]Latency{ZeroLatency{}, ConstantLatency{time.Second, 300 * time.Millisecond}}).Draw(t, "latency")
		c.SlippageTicks = rapid.IntRange(0, 2).Draw(t, "slippage")
		c.Bars.Path, c.Bars.Touch = HighFirst, rapid.Bool().Draw(t, "touch")
		w := newWorld(t, kind, c)
		w.byOrder = kind == fromBook && rapid.Bool().Draw(t, "orders known")
		w.before = func(s *step) {
			if o := s.submit; o != nil {
				// Instructions by which one of our orders acts on another at the same
				// instant depend on which side comes first.
				o.ExecInst &= exchange.PostOnly | exchange.LastPrice
				o.LinkID, o.Contingency, o.Qty = "", exchange.NoContingency, max(o.Qty, 1)
				if o.PegType != exchange.NoPeg {
					o.PegType, o.PegOffset, o.Type, o.Price = exchange.NoPeg, 0, exchange.NoOrderType, 190*half
				}
			}
		}
		w.run(worldSteps)
		c.Bars.Path = LowFirst
		m := newWorld(t, kind, c)
		for _, s := range w.script {
			m.now = s.at
			m.do(mirrored(s, pivot))
		}
		require.Equal(t, executions(w, func(p exchange.Price) exchange.Price { return p }, false),
			executions(m, func(p exchange.Price) exchange.Price { return pivot - p }, true))
	})
}

// mirrored returns a step of the mirrored market.
func mirrored(s step, pivot exchange.Price) step {
	flip := func(p exchange.Price) exchange.Price {
		if p == 0 {
			return 0
		}
		return pivot - p
	}
	for i, ev := range s.events {
		if i == 0 {
			s.events = slices.Clone(s.events)
		}
		e := &s.events[i]
		switch ev.Kind {
		case exchange.KindTrade:
			tr := ev.Trade()
			e.SetTrade(0, 0, 0, exchange.Trade{Side: tr.Side.Opposite(), Price: flip(tr.Price), Qty: tr.Qty})
		case exchange.KindQuote:
			q := ev.Quote()
			e.SetQuote(0, 0, 0, exchange.Quote{BidPrice: flip(q.AskPrice), BidQty: q.AskQty, AskPrice: flip(q.BidPrice), AskQty: q.BidQty})
		case exchange.KindBook:
			l := ev.Level()
			e.SetLevel(0, 0, 0, ev.Side.Opposite(), exchange.Level{Price: flip(l.Price), Qty: l.Qty}, ev.Flags)
		case exchange.KindOrder:
			o := ev.BookOrder()
			o.Price = flip(o.Price)
			e.SetBookOrder(0, 0, 0, ev.Side.Opposite(), o, ev.Flags)
		case exchange.KindBar:
			b := ev.Bar()
			b.Open, b.Close, b.High, b.Low = flip(b.Open), flip(b.Close), flip(b.Low), flip(b.High)
			*e = exchange.BarEvent(b)
		}
	}
	if s.submit != nil {
		o := *s.submit
		o.Side, o.Price, o.StopPrice = o.Side.Opposite(), flip(o.Price), flip(o.StopPrice)
		s.submit = &o
	}
	if s.amend != nil {
		a := *s.amend
		if a.Price != nil {
			p := flip(*a.Price)
			a.Price = &p
		}
		s.amend = &a
	}
	return s
}

// executions lists what became of the orders, by order, in words in which prices are
// mapped. Orders of both sides at one instant have no order in the mirror.
func executions(w *world, price func(exchange.Price) exchange.Price, mirror bool) map[exchange.ClientID][]string {
	out := map[exchange.ClientID][]string{}
	for i := range w.reports {
		r := &w.reports[i]
		o := &r.Order
		side := o.Side
		if mirror {
			side = side.Opposite()
		}
		switch r.Kind {
		case exchange.ReportFill:
			out[o.ClientID] = append(out[o.ClientID], fmt.Sprintf("%s %s %d @ %s %s %s", r.Time, side, r.Fill.Qty, price(r.Fill.Price),
				r.Fill.Liquidity, r.Fill.Cause))
		case exchange.ReportOrder:
			out[o.ClientID] = append(out[o.ClientID], fmt.Sprintf("%s %s %s %d of %d", r.Time, side, r.ExecType, o.Leaves, o.Qty))
		}
	}
	return out
}

// The same stream a number of days later gives the same, as much later.
func TestInvariantI12TimeShift(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.run(worldSteps)
		shift := time.Duration(rapid.IntRange(1, 400).Draw(t, "days")) * 24 * time.Hour
		again := newWorld(t, w.kind, w.c)
		for _, s := range w.script {
			s.events = slices.Clone(s.events)
			for i := range s.events {
				if s.events[i].Kind == exchange.KindBar {
					b := s.events[i].Bar()
					b.Start, b.End = b.Start.Add(shift), b.End.Add(shift)
					s.events[i] = exchange.BarEvent(b)
				}
			}
			again.now = s.at.Add(shift)
			again.do(s)
		}
		require.Len(t, again.reports, len(w.reports))
		for i := range w.reports {
			a, b := &w.reports[i], &again.reports[i]
			require.Equal(t, a.Time.Add(shift), b.Time, "report %d", i)
			require.Equal(t, a.Arrival.Add(shift), b.Arrival)
			require.Equal(t, []any{a.Kind, a.ExecType, a.Fill.Qty, a.Fill.Price, a.Fill.Fee, a.Order.Leaves, a.Order.Text, a.Position.Qty, a.Margin.Balance},
				[]any{b.Kind, b.ExecType, b.Fill.Qty, b.Fill.Price, b.Fill.Fee, b.Order.Leaves, b.Order.Text, b.Position.Qty, b.Margin.Balance})
		}
	})
}

// What has been reported by an instant does not depend on what comes after it.
func TestInvariantI13PrefixCausality(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.run(worldSteps)
		n := rapid.IntRange(1, len(w.script)-1).Draw(t, "cut")
		again := newWorld(t, w.kind, w.c)
		for _, s := range w.script[:n] {
			again.now = s.at
			again.do(s)
		}
		require.LessOrEqual(t, len(again.reports), len(w.reports))
		for i := range again.reports {
			require.Equal(t, w.reports[i], again.reports[i], "report %d", i)
		}
	})
}

// Orders that do not react fill at least as much at the front of every queue as
// under any model, and under any model at least as much as at the back of it.
func TestInvariantI16ModelsAreBounded(t *testing.T) {
	c := testConfig(t)
	c.Balance = 1_000_000_000_000_000
	rapid.Check(t, func(t *rapid.T) {
		c := c
		c.Queue = rapid.SampledFrom([]QueueModel{ProbPower(3), ProbLog(), ProbLog2(), ProbPower2(2), ProbPower3(1.5),
			MeasuredCancels{Ahead: []float64{0.1, 0.7}}}).Draw(t, "queue")
		w := newWorld(t, rapid.SampledFrom([]fidelity{fromQuotes, fromBook}).Draw(t, "data"), c)
		placed := 0
		w.before = func(s *step) {
			s.cancel, s.amend = nil, nil
			if o := s.submit; o != nil {
				if placed++; placed > 1 { // one order: others would share its trades
					s.submit = nil
					return
				}
				*o = exchange.NewOrder{Side: o.Side, Qty: max(o.Qty, 1), Price: w.mid - exchange.Price(2*o.Side.Sign())*half, ExecInst: exchange.PostOnly}
			}
		}
		w.run(2 * worldSteps)
		filled := func(m QueueModel) (out []exchange.Qty) {
			c := c
			c.Queue = m
			again := newWorld(t, w.kind, c)
			for _, s := range w.script {
				again.now = s.at
				again.do(s)
				out = append(out, again.x.Account().Position(0).Qty.Abs())
			}
			return out
		}
		worst, some, best := filled(RiskAverse{}), filled(c.Queue), filled(FrontOfQueue{})
		for i := range some {
			require.LessOrEqual(t, worst[i], some[i], "step %d", i)
			require.LessOrEqual(t, some[i], best[i], "step %d", i)
		}
	})
}

// An exchange that is told again what another one was told up to any moment, and then
// goes on, is the one that never stopped: what a session does after a crash.
func TestInvariantI14AReplayedJournalGoesOn(t *testing.T) {
	check(t, func(t *rapid.T, w *world) {
		w.run(worldSteps)
		n := rapid.IntRange(1, len(w.script)-1).Draw(t, "killed after")
		again := newWorld(t, w.kind, w.c)
		for _, s := range w.script[:n] { // from the journal
			again.now = s.at
			again.do(s)
		}
		for _, s := range w.script[n:] { // and on
			again.now = s.at
			again.do(s)
		}
		same(t, w, again)
		require.Equal(t, w.x.Stats(), again.x.Stats())
		require.Equal(t, w.x.Account().Margin(), again.x.Account().Margin())
	})
}

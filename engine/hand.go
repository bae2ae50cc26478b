package engine

import (
	"slices"

	"github.com/dunamis-engine/dunamis/exchange"
)

// hand updates the view with a market event that has arrived and gives it to
// the strategy.
func (e *Engine) hand(ev *exchange.Event) {
	e.current = ev
	if ev.Kind == exchange.KindOperator {
		e.asked = append(e.asked, asked{operation: ev.Operation()})
		a := &e.asked[len(e.asked)-1]
		a.number, a.value = ev.Setting()
		return
	}
	s := &e.ctx.view.symbols[ev.Symbol]
	s.refresh(e.now)
	if ev.Kind != exchange.KindGap { // which says that there is no data
		e.guard.market(ev.Symbol, e.toldAt(ev.Symbol))
	}
	if len(s.series) > 0 && ev.Kind != exchange.KindBar && !e.barHistory {
		e.closeSeries(s, ev.Time)
	}
	switch ev.Kind {
	case exchange.KindTrade:
		e.handTrade(s, ev)
	case exchange.KindQuote:
		s.quote = ev.Quote()
		if e.h.quote != nil {
			e.h.quote.OnQuote(e.ctx, ev.Symbol, s.quote)
		}
	case exchange.KindBook:
		e.handLevel(s, ev)
	case exchange.KindOrder:
		e.handBookOrder(s, ev)
	case exchange.KindBar:
		e.handBar(s, ev)
	case exchange.KindMark:
		e.handMark(s, ev)
	case exchange.KindFunding:
		s.funding = ev.Funding()
	case exchange.KindGap:
		if e.h.gap != nil {
			from, to := ev.Gap()
			e.h.gap.OnGap(e.ctx, ev.Symbol, from, to)
		}
	}
}

func (e *Engine) handTrade(s *symbolView, ev *exchange.Event) {
	t := ev.Trade()
	s.last = t.Price
	if e.h.trade != nil {
		e.h.trade.OnTrade(e.ctx, ev.Symbol, t)
	}
	if e.barHistory {
		return
	}
	for _, b := range s.series {
		if b.open && ev.Time < b.bar.Start {
			e.summary.Late++
		}
		b.addTrade(max(ev.Time, b.bar.Start), t, s.terms, e.emit)
	}
	if len(s.series) > 0 {
		e.findBarsDue()
	}
}

func (e *Engine) handLevel(s *symbolView, ev *exchange.Event) {
	if s.book == nil {
		s.book = exchange.NewBook(s.terms.TickSize)
	}
	s.book.Apply(ev)
	if ev.Flags&exchange.FlagLast != 0 {
		e.handBook(s, ev)
	}
}

// handBookOrder keeps a book of orders. The strategy sees its levels.
func (e *Engine) handBookOrder(s *symbolView, ev *exchange.Event) {
	if s.queue == nil {
		s.queue = exchange.NewOrderBook(s.terms.TickSize)
		s.book = s.queue.Book()
	}
	s.queue.Apply(ev)
	if ev.Flags&exchange.FlagLast != 0 {
		e.handBook(s, ev)
	}
}

// handBook gives the strategy a book that is whole.
func (e *Engine) handBook(s *symbolView, ev *exchange.Event) {
	bid, ask := s.book.Bid(), s.book.Ask()
	top := exchange.Quote{BidPrice: bid.Price, BidQty: bid.Qty, AskPrice: ask.Price, AskQty: ask.Qty}
	moved := top != s.quote
	s.quote = top
	if moved && e.h.quote != nil {
		e.h.quote.OnQuote(e.ctx, ev.Symbol, top)
	}
	if e.h.book != nil {
		e.h.book.OnBook(e.ctx, ev.Symbol, s.book.View())
	}
}

func (e *Engine) handBar(s *symbolView, ev *exchange.Event) {
	b := ev.Bar()
	s.last = b.Close
	if e.h.bar == nil {
		return
	}
	if slices.Contains(s.native, ev.BarInterval()) {
		e.bar = Bar{Bar: b, Spec: BarSpec{Interval: ev.BarInterval()}}
		e.h.bar.OnBar(e.ctx, &e.bar)
	}
	if len(s.series) == 0 {
		return
	}
	from := e.cfg.Sources
	if e.warming {
		from = e.cfg.HistorySources
	}
	if finest, _ := sourcesOf(from, ev.Symbol); ev.BarInterval() != finest {
		return
	}
	for _, series := range s.series {
		series.addBar(&b, e.emit)
	}
}

func (e *Engine) handMark(s *symbolView, ev *exchange.Event) {
	m := ev.Mark()
	if m.Mark != 0 {
		s.mark.Mark = m.Mark
	}
	if m.Index != 0 {
		s.mark.Index = m.Index
	}
	if e.h.mark != nil {
		e.h.mark.OnMark(e.ctx, ev.Symbol, s.mark)
	}
}

// closeSeries completes the bars from trades that ended by at: an event of a
// later interval shows that no trade of theirs is still on its way.
func (e *Engine) closeSeries(s *symbolView, at exchange.Time) {
	for _, b := range s.series {
		if b.due() <= at {
			b.closeBefore(at, e.emit)
		}
	}
	e.findBarsDue()
}

// closeBars completes the bars whose interval and grace have passed.
func (e *Engine) closeBars(now exchange.Time) {
	for _, id := range e.cfg.Symbols {
		for _, b := range e.ctx.view.symbols[id].series {
			if b.due().Add(e.cfg.BarGrace) <= now {
				b.closeBefore(now.Add(-e.cfg.BarGrace), e.emit)
			}
		}
	}
	e.findBarsDue()
}

func (e *Engine) findBarsDue() {
	e.barsDue = exchange.Never
	for _, id := range e.cfg.Symbols {
		for _, b := range e.ctx.view.symbols[id].series {
			e.barsDue = min(e.barsDue, b.due().Add(e.cfg.BarGrace))
		}
	}
}

func (e *Engine) emitBar(s *series) {
	if e.h.bar == nil {
		return
	}
	e.bar = Bar{Bar: s.bar, Spec: s.spec}
	e.h.bar.OnBar(e.ctx, &e.bar)
}

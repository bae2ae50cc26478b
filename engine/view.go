package engine

import (
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// view is what the strategy knows: the market as it has arrived and the account
// as reported. Reading it costs no I/O.
type view struct {
	symbols []symbolView      // by SymbolID
	margins []exchange.Margin // of the wallets, the main one first
}

type symbolView struct {
	inst     *exchange.Instrument
	terms    *exchange.Terms
	until    exchange.Time // when terms must be read again
	book     *exchange.Book
	queue    *exchange.OrderBook // if every order of the book is known
	quote    exchange.Quote
	last     exchange.Price
	mark     exchange.Mark
	funding  exchange.Funding
	position exchange.Position
	orders   []exchange.Order // open orders by time of submission
	active   bool             // traded in this run
	series   []*series
	native   []time.Duration // intervals of the data's own bars that the strategy hears
}

func newView(c *Config) view {
	v := view{symbols: make([]symbolView, c.Instruments.Len()), margins: []exchange.Margin{c.Margin}}
	if v.margins[0].Currency == "" {
		v.margins[0].Currency = c.Instruments.Get(c.Symbols[0]).Settle.Code
	}
	for _, id := range c.Symbols {
		s := &v.symbols[id]
		s.inst = c.Instruments.Get(id)
		s.terms = s.inst.At(0)
		s.active = true
		s.position.Symbol = id
	}
	return v
}

// wallet returns the margin of a currency, of the first account that has it; nil if none
// was reported.
func (v *view) wallet(code string) *exchange.Margin {
	for n := range v.margins {
		if v.margins[n].Currency == code {
			return &v.margins[n]
		}
	}
	return nil
}

// putMargin stores the newest state of a wallet. A venue that does not say which it is has
// one, and the one that was known before any report is the first of its currency.
func (v *view) putMargin(m *exchange.Margin) {
	for n := range v.margins {
		w := &v.margins[n]
		if m.Currency == "" || m.Currency == w.Currency && (m.Account == w.Account || w.Account == "") {
			code := w.Currency
			*w = *m
			w.Currency = code
			return
		}
	}
	v.margins = append(v.margins, *m)
}

// refresh re-reads the terms when a dated change has come into force.
func (s *symbolView) refresh(now exchange.Time) {
	if now < s.until {
		return
	}
	tick := s.terms.TickSize
	s.terms = s.inst.At(now)
	s.until = s.inst.NextChange(now)
	if s.book != nil && s.terms.TickSize != tick {
		s.retick()
	}
}

// priceNow is the price that values the position: mark, else last, else mid.
func (s *symbolView) priceNow() exchange.Price {
	switch {
	case s.mark.Mark != 0:
		return s.mark.Mark
	case s.last != 0:
		return s.last
	}
	return s.quote.Mid()
}

// valued returns the position as reported, valued at the price known now.
func (s *symbolView) valued() exchange.Position {
	p := s.position
	if price := s.priceNow(); price != 0 {
		p.MarkPrice = price
		p.MarkValue = s.terms.Cost(p.Qty, price)
		p.Unrealised = p.MarkValue - p.Cost
	}
	return p
}

// retick follows a change of the tick size.
func (s *symbolView) retick() {
	if s.queue == nil {
		s.book = s.book.Retick(s.terms.TickSize)
		return
	}
	s.queue.Retick(s.terms.TickSize)
	s.book = s.queue.Book()
}

// put stores the newest state of an order; final orders leave the view.
func (s *symbolView) put(o *exchange.Order) {
	i := s.find(o.ClientID)
	switch {
	case o.Status.Final() && i >= 0:
		s.orders = slices.Delete(s.orders, i, i+1)
	case o.Status.Final():
	case i >= 0:
		s.orders[i] = *o
	default:
		s.orders = append(s.orders, *o)
	}
}

// order finds an open order by either id; nil if there is none.
func (s *symbolView) order(client exchange.ClientID, id exchange.OrderID) *exchange.Order {
	for i := range s.orders {
		if o := &s.orders[i]; id != "" && o.OrderID == id || id == "" && o.ClientID == client {
			return o
		}
	}
	return nil
}

func (s *symbolView) find(id exchange.ClientID) int {
	for i := range s.orders {
		if s.orders[i].ClientID == id {
			return i
		}
	}
	return -1
}

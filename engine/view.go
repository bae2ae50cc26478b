package engine

import (
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// view is what the strategy knows: the market as it has arrived and the account
// as reported. Reading it costs no I/O.
type view struct {
	symbols []symbolView // by SymbolID
	margin  exchange.Margin
}

type symbolView struct {
	inst     *exchange.Instrument
	terms    *exchange.Terms
	until    exchange.Time // when terms must be read again
	book     *exchange.Book
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
	v := view{symbols: make([]symbolView, c.Instruments.Len())}
	for _, id := range c.Symbols {
		s := &v.symbols[id]
		s.inst = c.Instruments.Get(id)
		s.terms = s.inst.At(0)
		s.active = true
		s.position.Symbol = id
	}
	return v
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
		s.book = s.book.Retick(s.terms.TickSize)
	}
}

// priceNow is the price that values the position: mark, else last, else mid.
func (s *symbolView) priceNow() exchange.Price {
	switch {
	case s.mark.Mark != 0:
		return s.mark.Mark
	case s.last != 0:
		return s.last
	case s.quote.BidPrice != 0 && s.quote.AskPrice != 0:
		return s.quote.Mid()
	}
	return 0
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

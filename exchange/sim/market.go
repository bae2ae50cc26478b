package sim

import (
	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/sim/ledger"
)

// fidelity is what kind of data a symbol has. It follows from the events that
// arrive and only rises.
type fidelity uint8

const (
	fromNothing fidelity = iota
	fromBars
	fromTrades
	fromQuotes
	fromBook
)

var fidelityNames = []string{"none", "bars", "trades", "quotes", "book"}

func (f fidelity) String() string { return fidelityNames[f] }

// symbol is the market of one instrument and our orders in it.
type symbol struct {
	id      exchange.SymbolID
	inst    *exchange.Instrument
	terms   *exchange.Terms
	until   exchange.Time // when terms must be read again
	cfg     *Config
	latency Latency
	feed    observer // latency, if it follows the data
	bounces rejecter // latency, if it knows of requests that never arrive
	meter   *meter   // of the market, if impact follows it

	// The market.
	fidelity fidelity
	shown    exchange.Time // when there was data that orders take from; Never: none yet, or bars
	lastAt   exchange.Time // of the last price, where orders take from better data
	markAt   exchange.Time // of the mark price
	indexAt  exchange.Time // of the index price
	marked   bool          // there is a mark price, given or worked out
	given    bool          // by the data
	last     exchange.Price
	mark     exchange.Price
	index    exchange.Price
	quote    exchange.Quote
	book     *exchange.Book
	orders   *exchange.OrderBook // if every order of the book is known
	recount  bool                // it is being sent anew
	taken    [2]taken            // of bids and asks, by us
	snapshot snapshot
	crossing crossing
	wake     exchange.Time // when the path of a bar is replayed; Never: nothing of ours can notice

	// Our orders.
	bids, asks ladder         // resting
	stops      []*order       // waiting for a trigger, oldest first
	busy       int            // orders in these lists
	reducing   int            // of them, resting orders that may only reduce
	open       [2]ledger.Open // totals of the resting orders of a side that may open

	// Our position.
	pos         exchange.Qty
	liquidation exchange.Price // as last reported; 0: none
	shared      bool           // there are other positions
	swapped     bool           // a spot pair that is exchanged between two wallets
	fundAt      exchange.Time
	expireAt    exchange.Time // of a dated contract; Never: it does not, or has
	expired     bool
	rates       [2]exchange.Funding // the newest last
	unfunded    exchange.Time       // a funding time that had no rate; 0: none

	// On bars.
	bar       path
	held      int        // orders that wait for a price
	uncertain int        // orders that became active inside the bar that is under way
	changes   []deferred // that wait for the end of the bar
}

func newSymbol(i *exchange.Instrument, c *Config) *symbol {
	s := &symbol{
		id: i.ID, inst: i, cfg: c, terms: i.At(0), until: exchange.Never,
		latency: startLatency(c.Latency, c.Seed, i.Name()), wake: exchange.Never, fundAt: exchange.Never,
		expireAt: exchange.Never, shown: exchange.Never, crossing: crossing{ask: noAsk},
	}
	s.bids, s.asks = newLadder(exchange.Buy, s.terms.TickSize), newLadder(exchange.Sell, s.terms.TickSize)
	s.feed, _ = s.latency.(observer)
	s.bounces, _ = s.latency.(rejecter)
	s.meter = c.Impact.meter()
	s.bar.step = pathDone
	return s
}

// Market tells the exchange of a market event at its exchange time. What is due
// because of it happens in the next Advance; orders that were resting are
// matched at once.
func (x *Exchange) Market(ev *exchange.Event) {
	if ev.Time > x.now {
		x.now = ev.Time
	}
	if int(ev.Symbol) >= len(x.byID) {
		return
	}
	s := x.byID[ev.Symbol]
	if s == nil {
		return
	}
	if s.wake <= ev.Time {
		x.replayUntil(s, ev.Time)
	}
	if ev.Time > x.at {
		x.at = ev.Time
	}
	if !x.begun {
		x.begin(x.at)
	}
	if x.at >= s.until {
		x.refresh(s)
	}
	if s.meter != nil {
		s.meter.see(ev)
	}
	if ev.Kind == exchange.KindBar {
		x.barEvent(s, ev)
		return
	}
	if s.feed != nil && ev.Kind != exchange.KindGap { // what says that nothing came has not travelled
		s.feed.observe(ev.Time, ev.Arrival.Sub(ev.Time))
	}
	switch ev.Kind {
	case exchange.KindTrade:
		x.tradeEvent(s, ev)
	case exchange.KindQuote:
		x.quoteEvent(s, ev)
	case exchange.KindBook:
		if s.orders == nil { // else they say more
			x.bookEvent(s, ev)
		}
	case exchange.KindOrder:
		x.orderEvent(s, ev)
	case exchange.KindMark:
		x.markEvent(s, ev)
	case exchange.KindFunding:
		x.fundingEvent(s, ev)
	case exchange.KindGap:
		s.gap()
	}
}

// begin starts the clocks at the first event.
func (x *Exchange) begin(t exchange.Time) {
	x.begun = true
	for _, s := range x.symbols {
		s.fundAt = s.inst.NextFunding(t - 1)
		if s.inst.Expiry != 0 {
			s.expireAt, s.expired = s.inst.Expiry, s.inst.Expiry <= t
		}
		x.refresh(s)
	}
	x.nextDate()
	x.reschedule()
}

// refresh reads the terms in force. The tick and the lot may change together or
// one without the other.
func (x *Exchange) refresh(s *symbol) {
	tick, lot := s.terms.TickSize, s.terms.LotSize
	s.terms, s.until = s.inst.At(x.at), s.inst.NextChange(x.at)
	x.account.SetTerms(x.at)
	if s.terms.TickSize != tick {
		s.retick()
	}
	if s.terms.LotSize != lot {
		x.relot(s)
	}
}

// retick moves the resting orders and the book to the tick size in force.
func (s *symbol) retick() {
	tick := s.terms.TickSize
	s.bids.retick(tick)
	s.asks.retick(tick)
	switch {
	case s.orders != nil:
		s.orders.Retick(tick)
		s.book = s.orders.Book()
	case s.book != nil:
		s.book = s.book.Retick(tick)
	}
}

// raise switches a symbol to better data. Orders that rest keep their time
// priority and join the queues that can now be seen.
func (x *Exchange) raise(s *symbol, to fidelity) {
	s.fidelity = to
	s.bar.step, s.wake = pathDone, exchange.Never
	s.makeCertain()
	if s.busy == 0 {
		x.makeChanges(s) // of orders that have ended
	}
	if to == fromBook {
		s.book = exchange.NewBook(s.terms.TickSize)
	}
	for _, list := range [2]*ladder{&s.bids, &s.asks} {
		for o := range list.all() {
			o.queue = place{unknown: to > fromTrades}
			if to == fromTrades {
				s.join(o, x.cfg.Queue)
			}
		}
	}
	x.reschedule()
}

// lastPrice is the price of the market: of the last trade, or where none are
// seen the middle of the book.
func (s *symbol) lastPrice() exchange.Price {
	if s.last != 0 || s.fidelity < fromQuotes {
		return s.last
	}
	return s.mid()
}

func (s *symbol) mid() exchange.Price {
	if s.fidelity == fromBook {
		mid, _ := s.book.Mid()
		return mid
	}
	if s.quote.BidPrice == 0 || s.quote.AskPrice == 0 {
		return 0
	}
	return s.quote.Mid()
}

// markPrice is the price that values positions.
func (s *symbol) markPrice() exchange.Price {
	if s.marked {
		return s.mark
	}
	return s.lastPrice()
}

// moved is called after the last price or the middle of the book changed.
func (x *Exchange) moved(s *symbol) {
	if s.pos != 0 && !s.marked {
		x.remark(s)
	}
	if len(s.stops) > 0 {
		x.checkTriggers(s)
	}
}

// remark tells the account the mark price. Liquidation waits for its turn in
// the instant.
func (x *Exchange) remark(s *symbol) { x.markAt(s, s.markPrice()) }

// markAt tells the account a price as the mark price; 0 tells it nothing.
func (x *Exchange) markAt(s *symbol, p exchange.Price) {
	if p > 0 && x.account.SetMark(s.id, p, x.at) && !x.doomed {
		x.doomed = true
		x.next = min(x.next, x.at)
	}
}

func (x *Exchange) markEvent(s *symbol, ev *exchange.Event) {
	m := ev.Mark()
	if m.Index != 0 {
		s.index, s.indexAt = m.Index, x.at
	}
	mark := m.Mark
	switch {
	case mark != 0:
		s.given = true
	case !s.given && m.Index != 0:
		mark = x.fairPrice(s)
	}
	if mark != 0 {
		s.mark, s.marked, s.markAt = mark, true, x.at
		if s.pos != 0 {
			x.remark(s)
		}
	}
	if len(s.stops) > 0 {
		x.checkTriggers(s)
	}
}

// fairPrice works out the mark price that data with an index and no marks leaves out; 0
// where the market does not say enough.
func (x *Exchange) fairPrice(s *symbol) exchange.Price {
	place := s.terms.FairPlace()
	switch {
	case s.inst.Kind == exchange.Spot:
		return 0
	case s.inst.FundingInterval > 0:
		due := s.inst.NextFunding(x.at)
		rate, _ := x.rateAt(s, due) // without one the price is the index
		return exchange.FairPrice(s.index, rate, x.at, due, s.inst.FundingInterval, place)
	case s.inst.Expiry != 0 && s.fidelity >= fromQuotes && s.mid() != 0:
		return exchange.FairFuture(s.index, s.mid(), x.at, s.inst.Expiry, place)
	}
	return 0
}

func (x *Exchange) tradeEvent(s *symbol, ev *exchange.Event) {
	t := ev.Trade()
	if t.Price <= 0 {
		return
	}
	if s.fidelity < fromTrades {
		x.raise(s, fromTrades)
	}
	s.last = t.Price
	if s.fidelity == fromTrades {
		s.shown = x.at
	} else {
		s.lastAt = x.at
	}
	if s.busy == 0 && s.pos == 0 {
		return
	}
	if s.bids.n+s.asks.n > 0 {
		x.matchTrade(s, t)
	}
	if s.held > 0 || len(s.changes) > 0 {
		x.releaseDeferred(s)
	}
	x.moved(s)
	x.reschedule()
}

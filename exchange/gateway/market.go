package gateway

import (
	"crypto/sha1" //nolint:gosec // names, not secrets
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// Rows that are kept of each symbol.
const (
	keptTrades = 10_000
	keptBins   = 10_000
	keptRates  = 1_000
)

// binSizes are the intervals of tradeBin and quoteBin tables.
var binSizes = []struct {
	name string
	span time.Duration
}{{"1m", time.Minute}, {"5m", 5 * time.Minute}, {"1h", time.Hour}, {"1d", 24 * time.Hour}}

// market is what is publicly known of a symbol.
type market struct {
	inst   *exchange.Instrument
	terms  *exchange.Terms
	until  exchange.Time // the terms in force end
	index  int           // among the symbols; part of the ids of book levels
	idTick exchange.Price

	book   *exchange.Book
	booked bool                // the data has a book
	best   exchange.Quote      // the newest quote, if the data has no book
	orders *exchange.OrderBook // if the data has every order of the book
	row    api.Instrument
	shown  api.Instrument // what listeners have
	quote  api.Quote
	trades []api.Trade
	rates  []api.Funding
	bins   [4]bins
	quotes [4]quoteBins
	mark   exchange.Mark
	rate   exchange.Funding
	last   exchange.Price
	stated exchange.Time // when the statistics of the day were computed
	matchN uint64

	liquidations []liquidation
	settlements  []api.Settlement
	settled      bool

	pending []exchange.Event // bars that have not ended
	touched []touch
	touches map[touch]bool // by side and price
	top25   []exchange.Level
	bid25   int // how many of top25 are bids
}

func newMarket(i *exchange.Instrument, index int, now exchange.Time) *market {
	m := &market{inst: i, index: index, idTick: i.Terms[0].TickSize, touches: map[touch]bool{}, settled: i.Expiry != 0 && i.Expiry <= now}
	for n := range i.Terms {
		m.idTick = min(m.idTick, i.Terms[n].TickSize)
	}
	m.refresh(now)
	m.book = exchange.NewBook(m.terms.TickSize)
	for n := range binSizes {
		m.bins[n].span, m.quotes[n].span = binSizes[n].span, binSizes[n].span
	}
	return m
}

// refresh takes the terms in force at an instant.
func (m *market) refresh(now exchange.Time) {
	terms := m.inst.At(now)
	m.until = m.inst.NextChange(now)
	if m.book != nil && m.terms.TickSize != terms.TickSize {
		m.book = m.book.Retick(terms.TickSize)
		if m.orders != nil {
			m.orders.Retick(terms.TickSize)
		}
	}
	m.terms = terms
	m.row = instrumentRow(m, now)
}

// levelID returns the id of a book level in the venue's first scheme: ids ascend as
// prices descend.
func (m *market) levelID(p exchange.Price) int64 {
	return int64(m.index+1)*100_000_000 - int64(p/m.idTick)
}

func (m *market) levelRow(side exchange.Side, l exchange.Level, at exchange.Time) api.OrderBookL2 {
	return api.OrderBookL2{Symbol: m.inst.Symbol, ID: new(m.levelID(l.Price)), Side: side.String(), Size: new(int64(l.Qty)),
		Price: api.PriceNumber(l.Price), Timestamp: api.Time(at)}
}

// bookRows returns n levels of each side from the worst ask to the worst bid; n = 0 is all.
func (m *market) bookRows(n int, at exchange.Time) []api.OrderBookL2 {
	depth := func(side exchange.Side) int {
		if n == 0 {
			return m.book.Len(side)
		}
		return min(n, m.book.Len(side))
	}
	asks := m.book.AppendLevels(nil, exchange.Sell, depth(exchange.Sell))
	bids := m.book.AppendLevels(nil, exchange.Buy, depth(exchange.Buy))
	rows := make([]api.OrderBookL2, 0, len(asks)+len(bids))
	for _, l := range slices.Backward(asks) {
		rows = append(rows, m.levelRow(exchange.Sell, l, at))
	}
	for _, l := range bids {
		rows = append(rows, m.levelRow(exchange.Buy, l, at))
	}
	return rows
}

// touch is a level that a message changes, and what it held before.
type touch struct {
	side  exchange.Side
	price exchange.Price
	was   exchange.Qty
}

// setLevel changes the book and notes what it was before the message: a level that
// changes twice in one message is told of once.
func (m *market) setLevel(side exchange.Side, l exchange.Level) {
	was := m.book.Set(side, l.Price, l.Qty)
	at := touch{side: side, price: l.Price}
	if m.touches[at] {
		return
	}
	m.touches[at] = true
	m.touched = append(m.touched, touch{side, l.Price, was})
}

// changes returns what the message did to the levels, and begins another one.
func (m *market) changes(at exchange.Time) (deleted, updated, inserted [][]byte) {
	for _, t := range m.touched {
		row := m.levelRow(t.side, exchange.Level{Price: t.price, Qty: m.book.Qty(t.side, t.price)}, at)
		switch is := exchange.Qty(*row.Size); {
		case is == t.was:
		case is == 0:
			deleted = append(deleted, rowJSON(&row))
		case t.was == 0:
			inserted = append(inserted, rowJSON(&row))
		default:
			updated = append(updated, rowJSON(&row))
		}
	}
	m.forgetTouches()
	return deleted, updated, inserted
}

func (m *market) forgetTouches() {
	m.touched = m.touched[:0]
	clear(m.touches)
}

// clearBook empties the book level by level, so that its table says so.
func (m *market) clearBook() {
	for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
		for _, l := range m.book.AppendLevels(nil, side, m.book.Len(side)) {
			m.setLevel(side, exchange.Level{Price: l.Price})
		}
	}
}

// showQuote makes a one-level book of a quote.
func (m *market) showQuote(q exchange.Quote) {
	for _, s := range []struct {
		side exchange.Side
		want exchange.Level
	}{{exchange.Buy, exchange.Level{Price: q.BidPrice, Qty: q.BidQty}}, {exchange.Sell, exchange.Level{Price: q.AskPrice, Qty: q.AskQty}}} {
		for _, l := range m.book.AppendLevels(nil, s.side, m.book.Len(s.side)) {
			if l.Price != s.want.Price {
				m.setLevel(s.side, exchange.Level{Price: l.Price})
			}
		}
		if s.want.Price > 0 && s.want.Qty > 0 {
			m.setLevel(s.side, s.want)
		}
	}
}

// snapshot is the market as events, for an account that joins and has no orders yet.
func (m *market) snapshot(at exchange.Time) (events []exchange.Event) {
	id := m.inst.ID
	if m.rate.Due != 0 {
		events = append(events, exchange.FundingEvent(at, at, id, m.rate))
	}
	if m.mark != (exchange.Mark{}) {
		events = append(events, exchange.MarkEvent(at, at, id, m.mark))
	}
	flags := exchange.FlagSnapshot | exchange.FlagClear
	if m.orders != nil {
		for _, q := range m.orders.AppendOrders(nil) {
			events = append(events, exchange.BookOrderEvent(at, at, id, q.Side, q.BookOrder, flags))
			flags = exchange.FlagSnapshot
		}
		return m.lastOf(events, at)
	}
	if !m.booked {
		// Levels would make the account take the quote for a book, and ignore later quotes.
		if m.best != (exchange.Quote{}) {
			events = append(events, exchange.QuoteEvent(at, at, id, m.best))
		}
		return m.lastOf(events, at)
	}
	for _, side := range []exchange.Side{exchange.Buy, exchange.Sell} {
		for _, l := range m.book.AppendLevels(nil, side, m.book.Len(side)) {
			events = append(events, exchange.LevelEvent(at, at, id, side, l, flags))
			flags = exchange.FlagSnapshot
		}
	}
	return m.lastOf(events, at)
}

// lastOf ends a snapshot with the last trade, and the bars that have not ended.
func (m *market) lastOf(events []exchange.Event, at exchange.Time) []exchange.Event {
	id := m.inst.ID
	if n := len(events); n > 0 && (events[n-1].Kind == exchange.KindBook || events[n-1].Kind == exchange.KindOrder) {
		events[n-1].Flags |= exchange.FlagLast
	}
	if n := len(m.trades); n > 0 {
		side := exchange.Buy
		if m.trades[n-1].Side == "Sell" {
			side = exchange.Sell
		}
		events = append(events, exchange.TradeEvent(at, at, id, exchange.Trade{Side: side, Price: m.last, Qty: exchange.Qty(*m.trades[n-1].Size)}))
	}
	return append(events, m.pending...)
}

// addTrade returns the row of a trade.
func (m *market) addTrade(t exchange.Trade, at exchange.Time) api.Trade {
	m.matchN++
	value := m.terms.Value(t.Qty, t.Price)
	home, foreign := notionals(m.inst, m.terms, t.Qty, t.Price, value)
	row := api.Trade{Timestamp: api.Time(at), Symbol: m.inst.Symbol, Side: t.Side.String(), Size: new(int64(t.Qty)),
		Price: api.PriceNumber(t.Price), TickDirection: m.tickDirection(t.Price), TrdMatchID: guid(uint64(m.index), m.matchN),
		GrossValue: new(int64(value)), HomeNotional: home, ForeignNotional: foreign, TrdType: "Regular"}
	m.last = t.Price
	m.trades = keep(m.trades, row, keptTrades)
	for n := range m.bins {
		m.bins[n].trade(t, value, at)
	}
	return row
}

// tickDirection compares a price with the last one.
func (m *market) tickDirection(p exchange.Price) string {
	was := m.row.LastTickDirection
	switch {
	case p > m.last && m.last != 0:
		was = "PlusTick"
	case p < m.last:
		was = "MinusTick"
	case was == "PlusTick" || was == "ZeroPlusTick":
		was = "ZeroPlusTick"
	case was != "":
		was = "ZeroMinusTick"
	default:
		was = "ZeroPlusTick"
	}
	m.row.LastTickDirection = was
	return was
}

// due is when the first interval ends: of a bar that is under way, or of a bin.
func (m *market) due() exchange.Time {
	t := exchange.Never
	if m.inst.Expiry != 0 && !m.settled {
		t = m.inst.Expiry
	}
	if len(m.liquidations) > 0 {
		t = min(t, m.liquidations[0].until)
	}
	if len(m.pending) > 0 {
		t = m.pending[0].Arrival
	}
	for n := range binSizes {
		t = min(t, m.bins[n].due(), m.quotes[n].due())
	}
	return t
}

// endedBar takes a bar that has ended by now.
func (m *market) endedBar(now exchange.Time) *exchange.Event {
	if len(m.pending) == 0 || m.pending[0].Arrival > now {
		return nil
	}
	ev := m.pending[0]
	m.pending = m.pending[1:]
	return &ev
}

// keep appends a row to the newest ones.
func keep[T any](rows []T, row T, most int) []T {
	if len(rows) >= 2*most {
		rows = append(rows[:0], rows[len(rows)-most:]...)
	}
	return append(rows, row)
}

// guid makes an id of numbers, the same in every run.
func guid(parts ...uint64) string {
	h := sha1.New() //nolint:gosec // a name, not a secret
	var b [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(b[:], p)
		h.Write(b[:])
	}
	id, _ := uuid.FromBytes(h.Sum(nil)[:16]) // 16 bytes are always an id
	return id.String()
}

// guidOf makes an id of a name within an account.
func guidOf(account int64, kind, name string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt64(account, kind, name)).String()
}

func fmt64(account int64, kind, name string) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(account))
	return append(append(b, kind...), name...)
}

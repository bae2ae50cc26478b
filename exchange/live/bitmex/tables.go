package bitmex

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// tables turns the frames of the public stream into events. It keeps what the frames
// leave out: the price of a level that an update names by its id, and the fields of an
// instrument that have not changed.
type tables struct {
	symbols map[string]*publicState
	events  []exchange.Event
	clock   exchange.Time // of the newest row of the connection; 0: none had a time
	partial bool          // the row is of a partial
	replays bool          // the venue replays a market of the past: rows are checked against its clock
	skipped func(row string)
	// told is the newest time of a change in the frame, by the venue's clock; 0: none has one.
	// What a partial shows may have changed long ago.
	told exchange.Time
	// ahead is by how much the venue's clock is ahead of ours, 0 if it is behind: times are
	// taken back by it, since an event is not later than its arrival.
	ahead time.Duration
}

// publicState is what is known of a symbol.
type publicState struct {
	inst    *exchange.Instrument
	bounds  exchange.Bounds
	synced  map[string]bool // tables that have shown what they hold
	levels  map[levelKey]exchange.Price
	book    *exchange.Book
	bookAt  exchange.Time // of the newest change of the book
	heard   exchange.Time // when the book last changed, by our clock; 0: it is not known yet
	early   exchange.Time // of the newest change before its partial
	matches matches
	mark    exchange.Mark
	funding exchange.Funding
}

// matches remembers the newest trades by their ids: one that comes twice counts once.
type matches struct {
	ids  map[[36]byte]struct{}
	ring [256][36]byte
	at   int
}

// add reports whether a trade is new. One without an id always is.
func (m *matches) add(id []byte) bool {
	if len(id) != 36 {
		return true
	}
	key := [36]byte(id)
	if _, known := m.ids[key]; known {
		return false
	}
	delete(m.ids, m.ring[m.at])
	m.ids[key], m.ring[m.at] = struct{}{}, key
	m.at = (m.at + 1) % len(m.ring)
	return true
}

type levelKey struct {
	id   int64
	side exchange.Side
}

// SyncError means that a table and its changes do not fit: a message was lost.
type SyncError struct {
	Table  string
	Symbol string
	Reason string
}

// Error implements error.
func (e *SyncError) Error() string { return fmt.Sprintf("%s:%s: %s", e.Table, e.Symbol, e.Reason) }

func newTables(list []*exchange.Instrument) *tables {
	t := &tables{symbols: map[string]*publicState{}, skipped: func(string) {}}
	for _, i := range list {
		t.symbols[i.Symbol] = &publicState{inst: i, bounds: i.Bounds(), matches: matches{ids: map[[36]byte]struct{}{}}}
	}
	t.reset()
	return t
}

// reset forgets everything but the symbols: the next frames are partials.
func (t *tables) reset() {
	t.clock, t.replays = 0, false
	for _, s := range t.symbols {
		s.synced, s.levels = map[string]bool{}, map[levelKey]exchange.Price{}
		s.book, s.bookAt, s.early, s.heard = exchange.NewBook(finestTick(s.inst)), 0, 0, 0
	}
}

// finestTick is the smallest tick that the instrument has had: the feed does not know
// which era it hears.
func finestTick(i *exchange.Instrument) exchange.Price {
	tick := i.Terms[0].TickSize
	for n := range i.Terms {
		tick = min(tick, i.Terms[n].TickSize)
	}
	return tick
}

// row is a row of any public table: the fields of all of them.
type row struct {
	symbol, side     []byte
	match            []byte
	id, size         int64
	price            exchange.Price
	bidSize, askSize int64
	bid, ask         exchange.Price
	mark, index      exchange.Price
	rate             exchange.Ratio
	hasRate, hasID   bool
	due, at          exchange.Time
	leaves           int64
	err              error
}

func (r *row) member(key, value []byte) {
	if r.err != nil || string(value) == "null" {
		return
	}
	var err error
	switch string(key) {
	case "symbol":
		r.symbol = unquoted(value)
	case "side":
		r.side = unquoted(value)
	case "trdMatchID":
		r.match = unquoted(value)
	case "id":
		r.id, err = strconv.ParseInt(string(value), 10, 64)
		r.hasID = true
	case "size", "bidSize", "askSize", "leavesQty":
		err = r.quantity(key, value)
	case "price", "bidPrice", "askPrice", "markPrice", "indicativeSettlePrice":
		err = r.amount(key, value)
	case "fundingRate":
		r.rate, err = exchange.RoundRatio(value)
		r.hasRate = true
	case "timestamp":
		r.at, err = timeOf(value)
	case "fundingTimestamp":
		r.due, err = timeOf(value)
	default:
		return
	}
	switch {
	case err != nil && len(value) > maxNumber:
		r.err = fmt.Errorf("%s: %.40q and %d bytes more: want a number or a time", key, value, len(value)-maxNumber)
	case err != nil:
		r.err = fmt.Errorf("%s: %w", key, err)
	}
}

// maxNumber is how many bytes of a number or a time an error quotes.
const maxNumber = 40

// quantity reads a member that is a whole number.
func (r *row) quantity(key, value []byte) error {
	n, err := strconv.ParseInt(string(value), 10, 64)
	switch string(key) {
	case "size":
		r.size = n
	case "bidSize":
		r.bidSize = n
	case "askSize":
		r.askSize = n
	case "leavesQty":
		r.leaves = n
	}
	return err
}

// amount reads a member that is a price.
func (r *row) amount(key, value []byte) error {
	p, err := exchange.RoundPrice(value)
	switch string(key) {
	case "price":
		r.price = p
	case "bidPrice":
		r.bid = p
	case "askPrice":
		r.ask = p
	case "markPrice":
		r.mark = p
	case "indicativeSettlePrice":
		r.index = p
	}
	return err
}

// fresh reports which book has not changed for too long; 0 is never.
func (t *tables) fresh(most time.Duration, now exchange.Time) error {
	if most == 0 {
		return nil
	}
	for _, s := range t.symbols {
		if s.heard != 0 && now.Sub(s.heard) > most {
			return &SyncError{Table: "orderBookL2", Symbol: s.inst.Symbol, Reason: fmt.Sprintf("stale: no change for %s", now.Sub(s.heard))}
		}
	}
	return nil
}

func timeOf(value []byte) (exchange.Time, error) {
	var t api.Time
	err := t.UnmarshalJSON(value)
	return exchange.Time(t), err
}

// take reads a frame that arrived at an instant and returns its events, which are
// valid until the next call. A [*SyncError] or a frame that cannot be read means that
// the tables must be asked for again.
func (t *tables) take(frame []byte, arrival exchange.Time) ([]exchange.Event, error) {
	t.events, t.told = t.events[:0], 0
	h, err := scanFrame(frame)
	if err != nil {
		return nil, fmt.Errorf("frame %.80q: %w", frame, err)
	}
	if h.table == nil {
		return nil, nil
	}
	table, action := string(h.table), string(h.action)
	if action == "partial" {
		t.begin(table, string(h.symbol))
	}
	var r row
	first := true
	err = scanRows(h.rows, r.member, func() error {
		defer func() { r = row{} }()
		if r.err != nil {
			return r.err
		}
		err := t.takeRow(table, action, &r, arrival, first)
		first = false
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", table, action, err)
	}
	return t.events, t.finish(table)
}

// begin is a partial: what was known of the table is void.
func (t *tables) begin(table, symbol string) {
	for name, s := range t.symbols {
		if symbol != "" && symbol != name {
			continue
		}
		s.synced[table] = true
		if table == "orderBookL2" || table == "orderBookL2_25" {
			clear(s.levels)
			s.book.Clear()
			s.bookAt = 0
		}
	}
}

// finish marks the last event of the message, and checks the book that it left.
func (t *tables) finish(table string) error {
	if len(t.events) == 0 {
		return nil
	}
	last := &t.events[len(t.events)-1]
	last.Flags |= exchange.FlagLast
	if last.Kind != exchange.KindBook {
		return nil
	}
	for _, s := range t.symbols {
		if s.inst.ID == last.Symbol && s.book.Crossed() {
			return &SyncError{Table: table, Symbol: s.inst.Symbol, Reason: "the book is crossed"}
		}
	}
	return nil
}

// heard follows the venue's clock by the time of a row, and returns the time of its event.
func (t *tables) heard(table, action string, at, arrival exchange.Time) exchange.Time {
	t.partial = action == "partial"
	if !t.partial && table != "instrument" {
		t.told = max(t.told, at)
	}
	if at != 0 {
		at = at.Add(-t.ahead)
	}
	return t.timeOf(at, arrival)
}

func (t *tables) takeRow(table, action string, r *row, arrival exchange.Time, first bool) error {
	s := t.symbols[string(r.symbol)]
	if s == nil {
		return nil // not ours
	}
	if !s.synced[table] { // before its partial, which must not be older
		if table == "orderBookL2" || table == "orderBookL2_25" {
			s.early = max(s.early, r.at)
		}
		return nil
	}
	at := t.heard(table, action, r.at, arrival)
	var side exchange.Side
	if len(r.side) > 0 {
		if err := side.UnmarshalText(r.side); err != nil {
			return err
		}
	}
	id := s.inst.ID
	switch table {
	case "orderBookL2", "orderBookL2_25":
		return t.takeLevel(s, table, action, r, side, at, arrival, first)
	case "trade":
		switch {
		case action != "insert" || r.size == 0: // what a partial has was before, and an index has no size
		case side == exchange.NoSide && r.price == 0:
			t.skipped(fmt.Sprintf("%s: settlement of %d contracts", s.inst.Symbol, r.size))
		case s.matches.add(r.match):
			return t.emit(s, exchange.TradeEvent(at, arrival, id, exchange.Trade{Side: side, Price: r.price,
				Qty: exchange.Qty(r.size)}))
		}
	case "quote":
		return t.emit(s, exchange.QuoteEvent(at, arrival, id, exchange.Quote{BidPrice: r.bid, BidQty: exchange.Qty(r.bidSize),
			AskPrice: r.ask, AskQty: exchange.Qty(r.askSize)}))
	case "liquidation":
		if action == "insert" {
			return t.emit(s, exchange.LiquidationEvent(at, arrival, id, exchange.Trade{Side: side, Price: r.price,
				Qty: exchange.Qty(r.leaves)}))
		}
	case "instrument":
		return t.takeInstrument(s, r, at, arrival)
	}
	return nil
}

// firstBlock is the time of the first block of Bitcoin: no venue replays an earlier market.
const firstBlock exchange.Time = 1_231_006_505_000_000_000

// timeOf returns the time of a row, and advances the clock that rows are checked against.
// That is our clock, unless the first row of a connection is more than a day old: then the
// venue replays a market of the past, and rows are checked against the venue's clock. The
// times of a partial say nothing about the clock: a level may be days old.
func (t *tables) timeOf(at, arrival exchange.Time) exchange.Time {
	now := at >= arrival.Add(-exchange.LiveSkew)
	switch {
	case t.partial && at != 0:
		return min(at, arrival)
	case at == 0 && t.replays:
		return t.clock
	case at == 0:
		return arrival
	case t.clock == 0 && at >= firstBlock && !now:
		t.replays, t.clock = true, at
	case !t.replays && now && at <= arrival.Add(exchange.LiveSkew):
		t.clock = max(t.clock, at)
		return min(at, arrival) // our clock may be behind
	}
	return at
}

// emit takes an event that is within bounds. An event that is not ends the connection with
// a [*exchange.ValidationError].
func (t *tables) emit(s *publicState, e exchange.Event) error {
	clock := e.Arrival
	switch {
	case t.partial:
		clock = e.Time
	case t.replays:
		clock = t.clock
	}
	if err := s.bounds.CheckLive(&e, clock); err != nil {
		return err
	}
	if t.replays && !t.partial {
		t.clock = max(t.clock, e.Time)
	}
	t.events = append(t.events, e)
	return nil
}

func (t *tables) takeLevel(s *publicState, table, action string, r *row, side exchange.Side, at, arrival exchange.Time, first bool) error {
	lost := func(reason string) error {
		return &SyncError{Table: table, Symbol: s.inst.Symbol, Reason: fmt.Sprintf("%s of level %d", reason, r.id)}
	}
	if !r.hasID || side == exchange.NoSide {
		return lost("no id or side")
	}
	if reason := s.misplaced(action, r.at); reason != "" {
		return lost(reason)
	}
	s.heard = arrival
	key := levelKey{r.id, side}
	price, known := s.levels[key]
	flags := exchange.Flags(0)
	switch action {
	case "partial":
		flags = exchange.FlagSnapshot
		if first {
			flags |= exchange.FlagClear
		}
		price = r.price
		s.levels[key] = price
	case "insert":
		if known {
			return lost("second insert")
		}
		price = r.price
		s.levels[key] = price
	case "update":
		if !known {
			return lost("update before insert")
		}
	case "delete":
		if !known {
			return lost("delete before insert")
		}
		r.size = 0
		delete(s.levels, key)
	}
	if price <= 0 || r.size < 0 || action != "delete" && r.size == 0 {
		return lost("no price or size")
	}
	l := exchange.Level{Price: price, Qty: exchange.Qty(r.size)}
	if err := t.emit(s, exchange.LevelEvent(at, arrival, s.inst.ID, side, l, flags)); err != nil {
		return err
	}
	s.book.Set(side, l.Price, l.Qty)
	return nil
}

// misplaced says what is wrong with the time of a row of the book, if anything is:
// changes ascend, and a partial, which has the time of its making, has what came before.
func (s *publicState) misplaced(action string, at exchange.Time) string {
	switch {
	case at == 0:
		return "" // the venue did not always tell
	case action == "partial":
		if at < s.early {
			return "a partial that is older than a change before it"
		}
		return ""
	case at < s.bookAt:
		return "a change before a newer one"
	}
	s.bookAt = at
	return ""
}

// takeInstrument tells of the fields that have changed.
func (t *tables) takeInstrument(s *publicState, r *row, at, arrival exchange.Time) error {
	id := s.inst.ID
	var m exchange.Mark
	is := s.mark
	if r.mark != 0 && r.mark != s.mark.Mark {
		m.Mark, is.Mark = r.mark, r.mark
	}
	if r.index != 0 && r.index != s.mark.Index {
		m.Index, is.Index = r.index, r.index
	}
	if m != (exchange.Mark{}) {
		if err := t.emit(s, exchange.MarkEvent(at, arrival, id, m)); err != nil {
			return err
		}
		s.mark = is
	}
	f := s.funding
	if r.hasRate {
		f.Rate = r.rate
	}
	if r.due != 0 {
		f.Due = r.due
	}
	if f != s.funding && f.Due != 0 { // a rate waits for its time
		if err := t.emit(s, exchange.FundingEvent(at, arrival, id, f)); err != nil {
			return err
		}
	}
	s.funding = f
	return nil
}

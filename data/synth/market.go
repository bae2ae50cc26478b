package synth

import (
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// message is what the market says at one instant, in the order in which it
// happens: trades first, what they leave of the book behind them.
type message struct {
	trades []exchange.Event
	book   []exchange.Event // ends with FlagLast
	quotes []exchange.Event // at most one
}

// settle is how long after a trade the book shows it.
const settle = exchange.Time(time.Microsecond)

// snapshots are repeated at this interval, so that a reader can begin anywhere.
const snapshots = time.Hour

// market is a book that follows a walk. Its levels have no holes: bids lie at
// every tick from bid down, asks at every tick from ask up.
type market struct {
	cfg      *Config
	walk     walk
	tick     exchange.Price
	lot      exchange.Qty
	now      exchange.Time
	arrival  exchange.Time // of the message being made
	nextFull exchange.Time
	regrid   exchange.Time // when tick or lot change
	bid, ask int64         // best prices in ticks
	bids     []exchange.Qty
	asks     []exchange.Qty
	quote    exchange.Quote // said last
	msg      message
}

func newMarket(c *Config) *market {
	g := c.gridAt(c.From)
	m := &market{
		cfg: c, walk: newWalk(c, newRandom(c.Seed, 1)), tick: g.tick, lot: g.lot, regrid: g.until, now: c.From,
	}
	m.bid = int64(m.walk.price / m.tick)
	m.ask = m.bid + 1
	for i := range c.Depth {
		m.bids = append(m.bids, m.size(i))
		m.asks = append(m.asks, m.size(i))
	}
	return m
}

// size draws the quantity of a level. The touch is thin.
func (m *market) size(level int) exchange.Qty {
	return m.lot * exchange.Qty(m.walk.heavy()*int64(5+min(level, 20)))
}

// next makes the next message, which is valid until the next call. It returns
// nil at the end of the range.
func (m *market) next() *message {
	d := m.pause()
	m.now += exchange.Time(d)
	if m.now+settle >= m.regrid {
		m.now = max(m.now, m.regrid) // no message has rows on both sides
	}
	if m.now >= m.cfg.To-2*settle {
		return nil
	}
	if m.now >= m.regrid {
		m.follows(m.cfg.gridAt(m.now))
	}
	m.walk.move(m.now, d)
	m.arrival = m.now + exchange.Time(m.cfg.Latency) + exchange.Time(m.walk.below(int64(m.cfg.Latency)+1))
	m.msg.trades, m.msg.book, m.msg.quotes = m.msg.trades[:0], m.msg.book[:0], m.msg.quotes[:0]
	switch draw := m.walk.below(8); {
	case m.now >= m.nextFull:
		m.snapshot()
	case draw == 0:
		m.trade()
	case draw <= 2:
		m.follow()
	default:
		m.change()
	}
	if n := len(m.msg.book); n > 0 {
		m.msg.book[n-1].Flags |= exchange.FlagLast
	}
	m.sayQuote()
	return &m.msg
}

// follows moves the book to a new grid. What is quoted is withdrawn and quoted anew,
// which the next message says as a snapshot.
func (m *market) follows(g grid) {
	m.regrid = g.until
	if g.tick == m.tick && g.lot == m.lot {
		return
	}
	middle := exchange.Price(m.bid) * m.tick
	m.tick, m.lot = g.tick, g.lot
	m.walk.bound(m.cfg, m.now, g.tick)
	m.bid = max(int64(middle/m.tick), int64(m.walk.low/m.tick))
	m.ask = m.bid + 1
	for i := range m.bids {
		m.bids[i], m.asks[i] = m.size(i), m.size(i)
	}
	m.nextFull = m.now
}

// pause draws the time to the next message. It is short when the hour is busy
// and the market moves.
func (m *market) pause() time.Duration {
	mean := int64(m.cfg.Interval) * 100 / activity(m.now)
	d := exchange.MulDiv(mean, m.walk.exponential(), one, exchange.Floor)
	d = exchange.MulDiv(d, one, int64(isqrt(uint64(m.walk.variance)*one)), exchange.Floor)
	return time.Duration(max(d, int64(3*settle)) / 1000 * 1000) // venues count microseconds
}

func (m *market) level(side exchange.Side, tick int64, q exchange.Qty, f exchange.Flags) {
	at := m.now
	if len(m.msg.trades) > 0 {
		at += settle
	}
	m.msg.book = append(m.msg.book, exchange.LevelEvent(at, m.arrival, m.cfg.Instrument.ID, side,
		exchange.Level{Price: exchange.Price(tick) * m.tick, Qty: q}, f))
}

func (m *market) snapshot() {
	m.nextFull = m.now.Truncate(snapshots) + exchange.Time(snapshots)
	f := exchange.FlagSnapshot | exchange.FlagClear
	for i, q := range m.bids {
		m.level(exchange.Buy, m.bid-int64(i), q, f)
		f = exchange.FlagSnapshot
	}
	for i, q := range m.asks {
		m.level(exchange.Sell, m.ask+int64(i), q, f)
	}
}

// change adds to a level or cancels some of it, mostly near the touch.
func (m *market) change() {
	i := int(min(m.walk.exponential()*8/one, int64(m.cfg.Depth-1)))
	side, levels, tick := exchange.Buy, m.bids, m.bid-int64(i)
	if m.walk.below(2) == 0 {
		side, levels, tick = exchange.Sell, m.asks, m.ask+int64(i)
	}
	q := m.size(i)
	if q == levels[i] {
		q += m.lot
	}
	levels[i] = q
	m.level(side, tick, q, 0)
}

// most is how many levels a trade or a step of the makers goes through.
const most = 10

// trade takes liquidity, more often in the direction in which the price wants to
// go. A large order takes several levels, and several makers on each.
func (m *market) trade() {
	side := exchange.Sell
	middle := exchange.Price(m.bid+m.ask) * m.tick / 2
	bias := max(-30, min(30, int64((m.walk.price-middle)*10/m.tick)))
	if m.walk.below(100) < 50+bias || m.bid <= int64(m.cfg.Depth+most) {
		side = exchange.Buy // always, where prices end
	}
	levels, tick, step := m.bids, m.bid, int64(-1)
	if side == exchange.Buy {
		levels, tick, step = m.asks, m.ask, 1
	}
	left := m.lot * exchange.Qty(m.walk.heavy()*m.walk.heavy())
	gone, partly := 0, false
	for left > 0 && gone < min(most, len(levels)-1) {
		taken := min(left, levels[gone])
		m.fills(side, tick+int64(gone)*step, taken)
		left -= taken
		if levels[gone] -= taken; levels[gone] > 0 {
			partly = true
			break
		}
		gone++
	}
	for i := range gone {
		m.level(side.Opposite(), tick+int64(i)*step, 0, 0)
	}
	if partly {
		m.level(side.Opposite(), tick+int64(gone)*step, levels[gone], 0)
	}
	m.advance(side.Opposite(), gone)
}

// fills prints the trades of one order at one level: one for each maker.
func (m *market) fills(side exchange.Side, tick int64, q exchange.Qty) {
	for q > 0 {
		part := q
		if q > m.lot && m.walk.below(2) == 0 {
			part = m.lot * exchange.Qty(1+m.walk.below(int64(q/m.lot)))
		}
		m.msg.trades = append(m.msg.trades, exchange.TradeEvent(m.now, m.arrival, m.cfg.Instrument.ID,
			exchange.Trade{Side: side, Price: exchange.Price(tick) * m.tick, Qty: part}))
		q -= part
	}
}

// advance removes n levels from the front of a side, which have been said to be
// empty, and shows as many at its end.
func (m *market) advance(side exchange.Side, n int) {
	levels, tick, step := m.bids, &m.bid, int64(-1)
	if side == exchange.Sell {
		levels, tick, step = m.asks, &m.ask, 1
	}
	copy(levels, levels[n:])
	*tick += int64(n) * step
	for i := len(levels) - n; i < len(levels); i++ {
		levels[i] = m.size(i)
		m.level(side, *tick+int64(i)*step, levels[i], 0)
	}
}

// retreat shows n new levels in front of a side and removes as many at its end.
func (m *market) retreat(side exchange.Side, n int) {
	levels, tick, step := m.bids, &m.bid, int64(1)
	if side == exchange.Sell {
		levels, tick, step = m.asks, &m.ask, -1
	}
	for i := len(levels) - n; i < len(levels); i++ {
		m.level(side, *tick-int64(i)*step, 0, 0)
	}
	copy(levels[n:], levels)
	*tick += int64(n) * step
	for i := n - 1; i >= 0; i-- {
		levels[i] = m.size(i)
		m.level(side, *tick-int64(i)*step, levels[i], 0)
	}
}

// follow lets the makers move their quotes to where the price is: the side in
// the way steps back first, then the other closes the spread.
func (m *market) follow() {
	target := int64(m.walk.price / m.tick) // the bid that fits the price
	limit := int64(min(most, m.cfg.Depth))
	if n := min(limit, target+1-m.ask); n > 0 {
		m.withdraw(exchange.Sell, int(n))
	}
	if n := min(limit, m.bid-target); n > 0 {
		m.withdraw(exchange.Buy, int(n))
	}
	if n := min(limit, target-m.bid, m.ask-1-m.bid); n > 0 {
		m.retreat(exchange.Buy, int(n))
	}
	if n := min(limit, m.ask-target-1, m.ask-1-m.bid); n > 0 {
		m.retreat(exchange.Sell, int(n))
	}
	if len(m.msg.book) == 0 {
		m.change()
	}
}

// withdraw cancels the first n levels of a side.
func (m *market) withdraw(side exchange.Side, n int) {
	for i := range int64(n) {
		if side == exchange.Sell {
			m.level(side, m.ask+i, 0, 0)
		} else {
			m.level(side, m.bid-i, 0, 0)
		}
	}
	m.advance(side, n)
}

// sayQuote tells of the best prices if the message has changed them.
func (m *market) sayQuote() {
	q := exchange.Quote{
		BidPrice: exchange.Price(m.bid) * m.tick, BidQty: m.bids[0],
		AskPrice: exchange.Price(m.ask) * m.tick, AskQty: m.asks[0],
	}
	if q == m.quote {
		return
	}
	m.quote = q
	at := m.now
	if len(m.msg.trades) > 0 {
		at += settle
	}
	m.msg.quotes = append(m.msg.quotes, exchange.QuoteEvent(at, m.arrival, m.cfg.Instrument.ID, q))
}

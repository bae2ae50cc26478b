package dashboard

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/session"
	"github.com/dunamis-engine/dunamis/session/gap"
)

// Config describes the session that is shown.
type Config struct {
	Name     string
	Strategy string
	Feed     string
	Mode     string // paper, live or shadow; empty: paper
	Currency exchange.Currency
	Start    exchange.Money // balance of the account at the session's start; 0: the first one that is heard
	Symbols  []*exchange.Instrument
	Store    *session.Store // opened for reading
	Ask      func(session.Request)
	State    session.State    // where the session is to begin with
	Samples  []session.Sample // its equity until then
	Log      *Log             // the newest lines; may be nil
	Now      func() time.Time
	// Registry is where the session's metrics are put, beside those of its feed. nil: a
	// new one.
	Registry *prometheus.Registry
}

// Watch is what is known of a session that runs. The session tells it of every
// transaction; pages ask it for snapshots.
type Watch struct {
	cfg     Config
	metrics *metrics

	mu      sync.Mutex
	state   session.State
	markets map[exchange.SymbolID]*market
	curve   curve
	begun   time.Time
	heard   time.Time // when the newest event was; zero: none was yet
	step    time.Duration
	write   time.Duration
	counted time.Time
	counts  session.Counts
	gap     *gap.Report // of a session that sends orders; nil: it is not known yet
	gapped  time.Time
	version int64
}

// market is a symbol's book and prices.
type market struct {
	inst *exchange.Instrument
	book *exchange.Book
	last exchange.Price
}

// NewWatch prepares to show a session.
func NewWatch(c Config) *Watch {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	w := &Watch{cfg: c, begun: c.Now(), state: c.State, markets: map[exchange.SymbolID]*market{}, metrics: newMetrics(c)}
	for _, i := range c.Symbols {
		w.markets[i.ID] = &market{inst: i}
	}
	for _, p := range c.Samples {
		w.curve.add(Point{At: p.At, Equity: p.Equity})
	}
	w.cfg.Samples = nil
	return w
}

// Committed takes in a transaction of the session.
func (w *Watch) Committed(c *session.Commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.version++
	w.state = c.State
	w.state.Positions = append([]exchange.Position(nil), c.State.Positions...)
	w.state.Gaps = append([]session.Gap(nil), c.State.Gaps...)
	w.write = c.Write
	if w.cfg.Start == 0 {
		w.cfg.Start = c.State.Margin.Wallet
	}
	if len(c.Events) > 0 {
		w.heard, w.step = w.cfg.Now(), c.Step
	}
	for i := range c.Events {
		w.hear(&c.Events[i])
	}
	if m := w.markets[w.cfg.Symbols[0].ID]; m != nil {
		w.curve.add(Point{At: c.State.Now, Price: m.price(), Equity: c.State.Margin.Balance})
	}
	w.metrics.committed(c)
}

func (w *Watch) hear(e *exchange.Event) {
	m := w.markets[e.Symbol]
	if m == nil {
		return
	}
	switch e.Kind {
	case exchange.KindTrade:
		m.last = e.Trade().Price
	case exchange.KindBar:
		m.last = e.Bar().Close
	case exchange.KindBook:
		if m.book == nil {
			m.book = exchange.NewBook(m.inst.At(e.Time).TickSize)
		}
		m.book.Apply(e)
	case exchange.KindQuote:
		m.quote(e.Quote(), e.Time)
	}
}

// quote shows a quote as a book of one level a side.
func (m *market) quote(q exchange.Quote, at exchange.Time) {
	if m.book == nil {
		m.book = exchange.NewBook(m.inst.At(at).TickSize)
	}
	m.book.Clear()
	m.book.Set(exchange.Buy, q.BidPrice, q.BidQty)
	m.book.Set(exchange.Sell, q.AskPrice, q.AskQty)
}

// price is the middle of the book, or else the newest trade's.
func (m *market) price() exchange.Price {
	if m.book != nil {
		if mid, ok := m.book.Mid(); ok {
			return mid
		}
	}
	return m.last
}

// ladder is how many levels of each side of the book are shown.
const ladder = 10

// Symbol is a market as the page shows it.
type Symbol struct {
	Symbol   string            `json:"symbol"`
	Last     exchange.Price    `json:"last"`
	Mid      exchange.Price    `json:"mid"`
	Bids     []Level           `json:"bids"`
	Asks     []Level           `json:"asks"`
	Position exchange.Position `json:"position"`
}

// Level is a level of a book.
type Level struct {
	Price exchange.Price `json:"price"`
	Qty   exchange.Qty   `json:"qty"`
}

// Health is how a session fares.
type Health struct {
	Quiet float64 `json:"quiet_seconds"` // since the newest market event was heard
	Step  float64 `json:"step_seconds"`  // the engine's work on the newest batch
	Write float64 `json:"write_seconds"` // the newest transaction
}

// Snapshot is all that a page shows.
type Snapshot struct {
	Session  string            `json:"session"`
	Status   string            `json:"status"`
	Strategy string            `json:"strategy"`
	Feed     string            `json:"feed"`
	Mode     string            `json:"mode,omitempty"`
	Currency exchange.Currency `json:"currency"`
	Start    exchange.Money    `json:"start_balance"`
	State    session.State     `json:"state"`
	Counts   session.Counts    `json:"counts"`
	Symbols  []Symbol          `json:"symbols"`
	Open     []session.Order   `json:"open_orders"`
	Fills    []session.Fill    `json:"fills"`
	Curve    []Point           `json:"curve"`
	Health   Health            `json:"health"`
	Gap      *gap.Report       `json:"gap,omitempty"` // of the newest orders
	Log      []string          `json:"log"`
	Version  int64             `json:"version"`
	At       time.Time         `json:"at"`
}

// countEvery is how often all orders and fills are counted.
const countEvery = time.Second

// Snapshot returns what there is to show.
func (w *Watch) Snapshot(ctx context.Context) (*Snapshot, error) {
	s := w.shown()
	var err error
	if s.Open, err = w.cfg.Store.OpenOrders(ctx); err != nil {
		return nil, err
	}
	if s.Fills, err = w.cfg.Store.Fills(ctx, 300); err != nil {
		return nil, err
	}
	if s.Counts, err = w.count(ctx); err != nil {
		return nil, err
	}
	s.Gap, err = w.measure(ctx)
	return s, err
}

func (w *Watch) shown() *Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &Snapshot{Session: w.cfg.Name, Status: "running", Strategy: w.cfg.Strategy, Feed: w.cfg.Feed, Mode: w.cfg.Mode, Currency: w.cfg.Currency, Start: w.cfg.Start,
		State: w.state, Curve: w.curve.shown(), Version: w.version, At: w.cfg.Now().UTC(),
		Health: Health{Step: w.step.Seconds(), Write: w.write.Seconds()}}
	if !w.heard.IsZero() {
		s.Health.Quiet = w.cfg.Now().Sub(w.heard).Seconds()
	}
	if w.cfg.Log != nil {
		s.Log = w.cfg.Log.Lines()
	}
	for n, i := range w.cfg.Symbols {
		m := w.markets[i.ID]
		v := Symbol{Symbol: i.Symbol, Last: m.last, Mid: m.price()}
		if n < len(w.state.Positions) {
			v.Position = w.state.Positions[n]
		}
		if m.book != nil {
			v.Bids, v.Asks = levels(m.book, exchange.Buy), levels(m.book, exchange.Sell)
		}
		s.Symbols = append(s.Symbols, v)
	}
	return s
}

func levels(b *exchange.Book, side exchange.Side) (list []Level) {
	for _, l := range b.AppendLevels(nil, side, ladder) {
		list = append(list, Level(l))
	}
	return list
}

func (w *Watch) count(ctx context.Context) (session.Counts, error) {
	w.mu.Lock()
	fresh := w.cfg.Now().Sub(w.counted) < countEvery
	counts := w.counts
	w.mu.Unlock()
	if fresh {
		return counts, nil
	}
	counts, err := w.cfg.Store.Count(ctx)
	w.mu.Lock()
	w.counts, w.counted = counts, w.cfg.Now()
	w.mu.Unlock()
	return counts, err
}

// The gap between venue and simulator is measured over so many orders, and so often.
const (
	gapOrders = 1000
	gapEvery  = 2 * time.Second
)

// measure compares the venue of a session that sends orders with the simulator beside it.
func (w *Watch) measure(ctx context.Context) (*gap.Report, error) {
	if w.cfg.Mode == "" || w.cfg.Mode == "paper" {
		return nil, nil
	}
	w.mu.Lock()
	known, fresh := w.gap, w.gap != nil && w.cfg.Now().Sub(w.gapped) < gapEvery
	w.mu.Unlock()
	if fresh {
		return known, nil
	}
	list, err := w.cfg.Store.Fates(ctx, gapOrders)
	if err != nil {
		return nil, err
	}
	r := gap.Measure(list)
	w.mu.Lock()
	w.gap, w.gapped = r, w.cfg.Now()
	w.mu.Unlock()
	return r, nil
}

// longestQuiet is how long a market may say nothing.
const longestQuiet = time.Minute

// Healthy says whether the session hears of the market.
func (w *Watch) Healthy() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	since := w.heard
	if since.IsZero() {
		since = w.begun
	}
	if quiet := w.cfg.Now().Sub(since); quiet > longestQuiet {
		return fmt.Errorf("no market event for %s", quiet.Round(time.Second))
	}
	return nil
}

// Ready says whether the session is healthy and has heard of the market since it began
// to run: it has caught up with what was recorded.
func (w *Watch) Ready() error {
	w.mu.Lock()
	heard := !w.heard.IsZero()
	w.mu.Unlock()
	if !heard {
		return errors.New("nothing has been heard yet")
	}
	return w.Healthy()
}

// Point is a point of the curves of price and equity.
type Point struct {
	At     exchange.Time  `json:"at"`
	Price  exchange.Price `json:"price"`
	Equity exchange.Money `json:"equity"`
}

// curvePoints is how many points a curve has at most.
const curvePoints = 1200

// curve keeps a session's whole course in bounded memory: when it is full, points that
// are too close for their number are dropped, and taken less often from then on.
type curve struct {
	points []Point
	every  time.Duration
	newest Point
}

func (c *curve) add(p Point) {
	c.newest = p
	if n := len(c.points); n > 0 && p.At.Sub(c.points[n-1].At) < c.every {
		return
	}
	c.points = append(c.points, p)
	if len(c.points) < curvePoints {
		return
	}
	c.every = max(c.every, p.At.Sub(c.points[0].At)/(curvePoints/2))
	kept := c.points[:1]
	for _, q := range c.points[1:] {
		if q.At.Sub(kept[len(kept)-1].At) >= c.every {
			kept = append(kept, q)
		}
	}
	c.points = kept
}

func (c *curve) shown() []Point {
	list := append([]Point(nil), c.points...)
	if n := len(list); n > 0 && list[n-1].At < c.newest.At {
		list = append(list, c.newest)
	}
	return list
}

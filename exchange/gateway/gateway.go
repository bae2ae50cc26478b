package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Statement shows an account at the prices of now, also when nothing was reported.
type Statement interface {
	Margin() exchange.Margin
	Position(exchange.SymbolID) exchange.Position
}

// detailed is a Statement that also tells what the margin of a position is made of.
type detailed interface {
	Requirements(exchange.SymbolID) exchange.Requirements
}

// marketTaker is an account that must be told of the market: a simulated one.
type marketTaker interface {
	Market(ev *exchange.Event)
}

// Config describes a gateway.
type Config struct {
	Instruments *exchange.Instruments
	Symbols     []exchange.SymbolID // what is traded
	Currency    exchange.Currency   // settlement currency of the accounts
	Start       exchange.Time       // of the market's clock

	Keys Keys // who may do what
	// APIYear is the year of the API whose form rows have, unless a key has a year of its own. From 2024 on,
	// rows leave out columns without a value and book levels have a transactTime; before, and with 0, rows
	// have every column, with null or an empty string where there is no value.
	APIYear int
	// Open makes the account of a key: where its orders go, and what it comes to. It is
	// called once for each account, when a key of it is first used. An exchange that
	// must be told of the market hears of it from then on.
	Open func(k Key) (exchange.Exchange, Statement, error)

	// RequestsPerMinute is the rate of an account's requests; without a key it is a
	// quarter of it. 0: no limit.
	RequestsPerMinute int
	// OrdersPerSecond is the rate of its requests that place or change orders. 0: no limit.
	OrdersPerSecond int
	// Sockets is how many WebSockets may be open. 0: any number.
	Sockets int
	// SocketsPerAddress is how many of them one address may have; addresses of IPv6 count
	// by their first 64 bits. 0: any number.
	SocketsPerAddress int
	// Heartbeat is how often a WebSocket is pinged. One that does not answer within
	// another is closed, and so is one that has subscribed to nothing and said nothing for
	// ten of them. 0: 30 s.
	Heartbeat time.Duration
	// Clock is what the expiry of requests is checked against. nil: time.Now.
	Clock func() time.Time
	Log   *slog.Logger // nil: none
	// Metrics is where the gateway counts its requests. nil: nowhere.
	Metrics prometheus.Registerer
}

// Gateway serves the API. Every method may be called from any goroutine.
type Gateway struct {
	cfg      Config
	log      *slog.Logger
	work     chan func()
	stopped  chan struct{} // closed when the owner has gone
	markets  []*market     // in the order of Config.Symbols
	byID     []*market     // by SymbolID
	bySymbol map[string]*market
	accounts map[int64]*account
	opened   []*account // in the order of their first use
	hub      hub
	limits   limiters
	entries  *turnstile
	metrics  *metrics

	event *exchange.Event // that is dealt with; nil: none is
	asked *question       // the same of a request

	now     exchange.Time
	valued  exchange.Time // when the accounts were last shown at new prices
	reports []exchange.Report
}

// New returns a gateway whose market has no prices yet. Serve it with
// [Gateway.Handler], and let [Gateway.Run] or [Gateway.Own] be its owner.
func New(c Config) (*Gateway, error) {
	switch {
	case c.Instruments == nil || c.Keys == nil || c.Open == nil:
		return nil, errors.New("gateway: instruments, keys and accounts are needed")
	case len(c.Symbols) == 0:
		return nil, errors.New("gateway: no symbols")
	case c.RequestsPerMinute < 0 || c.OrdersPerSecond < 0:
		return nil, errors.New("gateway: rates must not be negative")
	case c.Sockets < 0 || c.SocketsPerAddress < 0 || c.Heartbeat < 0:
		return nil, errors.New("gateway: numbers of sockets and the heartbeat must not be negative")
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 30 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	g := &Gateway{
		cfg: c, log: c.Log, work: make(chan func()), stopped: make(chan struct{}), bySymbol: map[string]*market{},
		byID: make([]*market, c.Instruments.Len()), accounts: map[int64]*account{}, now: c.Start, hub: newHub(),
		limits: newLimiters(
			c.RequestsPerMinute,
			c.OrdersPerSecond,
		), entries: newTurnstile(c.Sockets, c.SocketsPerAddress), metrics: newMetrics(c.Metrics),
	}
	for n, id := range c.Symbols {
		i := c.Instruments.Get(id)
		if g.bySymbol[i.Symbol] != nil {
			return nil, fmt.Errorf("gateway: symbol %s twice", i.Symbol)
		}
		m := newMarket(i, n, c.Start)
		g.markets, g.byID[id], g.bySymbol[i.Symbol] = append(g.markets, m), m, m
	}
	return g, nil
}

// errStopped means that the gateway has no owner any more.
var errStopped = errors.New("gateway: stopped")

// do lets the owner call f and waits for it.
func (g *Gateway) do(ctx context.Context, f func()) error {
	done, finished := make(chan struct{}), false
	asked, _ := ctx.Value(questionKey{}).(*question)
	select {
	case g.work <- func() {
		defer close(done)
		g.asked = asked
		f()
		g.asked, finished = nil, true
	}:
	case <-g.stopped:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
	<-done
	if !finished { // it panicked, and the owner ends
		return errStopped
	}
	return nil
}

// Healthy reports whether the gateway has an owner that answers.
func (g *Gateway) Healthy(ctx context.Context) error { return g.do(ctx, func() {}) }

// Own makes the calling goroutine the owner until the context ends: requests are
// answered, and the market and its clock move only by [Gateway.Step] and
// [Gateway.AdvanceTo]. A gateway has one owner in its life.
func (g *Gateway) Own(ctx context.Context) (err error) {
	defer g.stop()
	defer g.recovered(&err)
	for {
		select {
		case f := <-g.work:
			f()
		case <-ctx.Done():
			return nil
		}
	}
}

// recovered makes a [*FaultError] of a panic of the owner. It must be deferred itself.
func (g *Gateway) recovered(err *error) {
	if p := recover(); p != nil {
		*err = g.fault(p)
		g.log.Debug("panic", "stack", string(debug.Stack()))
	}
}

// stop ends what the owner owns.
func (g *Gateway) stop() {
	close(g.stopped)
	g.hub.closeAll()
	for _, a := range g.opened {
		if err := a.x.Close(); err != nil {
			g.log.Error("an account did not close", "account", a.id, "error", err)
		}
	}
}

// Step tells the gateway of a market event, at the event's time.
func (g *Gateway) Step(ctx context.Context, ev *exchange.Event) error {
	var failed error
	return cmp.Or(g.do(ctx, func() { failed = g.step(ctx, ev) }), failed)
}

// AdvanceTo brings the gateway's clock, and every account, to an instant.
func (g *Gateway) AdvanceTo(ctx context.Context, now exchange.Time) error {
	var failed error
	return cmp.Or(g.do(ctx, func() { failed = g.advance(ctx, now) }), failed)
}

// Next returns when anything is next due at an account, or an interval of
// a market ends, or exchange.Never.
func (g *Gateway) Next(ctx context.Context) (t exchange.Time, err error) {
	err = g.do(ctx, func() { t = g.next() })
	return t, err
}

func (g *Gateway) step(ctx context.Context, ev *exchange.Event) error {
	g.event = ev
	err := g.take(ctx, ev)
	g.event = nil
	return err
}

func (g *Gateway) take(ctx context.Context, ev *exchange.Event) error {
	if err := g.advanceBefore(ctx, ev.Time); err != nil {
		return err
	}
	g.now = max(g.now, ev.Time)
	m := g.market(ev.Symbol)
	if m == nil {
		return nil
	}
	g.endIntervals(m)
	for _, a := range g.opened {
		if a.market != nil {
			a.market.Market(ev)
		}
	}
	g.publishMarket(m, ev)
	if ev.Flags&exchange.FlagLast == 0 {
		return nil
	}
	return g.advance(ctx, g.now)
}

// advanceBefore lets the accounts do what is due before an event.
func (g *Gateway) advanceBefore(ctx context.Context, t exchange.Time) error {
	for {
		due := g.next()
		if due >= t {
			return nil
		}
		if err := g.advance(ctx, due); err != nil {
			return err
		}
	}
}

// next is when anything is next due: in an account, or an interval that ends.
func (g *Gateway) next() exchange.Time {
	t := exchange.Never
	for _, a := range g.opened {
		t = min(t, a.x.Next())
	}
	for _, m := range g.markets {
		t = min(t, m.due())
	}
	return t
}

func (g *Gateway) advance(ctx context.Context, now exchange.Time) error {
	g.now = max(g.now, now)
	for _, m := range g.markets {
		g.endIntervals(m)
	}
	for _, a := range g.opened {
		if err := g.advanceAccount(ctx, a); err != nil {
			return err
		}
	}
	if g.now.Sub(g.valued) >= time.Second {
		g.valued = g.now
		for _, m := range g.markets {
			g.publishInstrument(m)
		}
		for _, a := range g.opened {
			g.publishValue(a)
		}
	}
	return nil
}

// advanceAccount lets an account do what is due.
func (g *Gateway) advanceAccount(ctx context.Context, a *account) error {
	if a.x.Next() > g.now {
		return nil
	}
	return g.bring(ctx, a)
}

// bring brings an account to now, also when nothing is due: a command is given at the
// account's own time.
func (g *Gateway) bring(ctx context.Context, a *account) (err error) {
	a.at = g.now
	g.reports, err = a.x.Advance(ctx, g.now, g.reports[:0])
	if err != nil {
		return fmt.Errorf("account %d: %w", a.id, err)
	}
	if len(g.reports) > 0 {
		g.publishReports(a, g.reports)
	}
	return nil
}

func (g *Gateway) market(id exchange.SymbolID) *market {
	if int(id) >= len(g.byID) {
		return nil
	}
	return g.byID[id]
}

// account returns the account of a key, and opens it at its first use.
func (g *Gateway) account(ctx context.Context, k Key) (*account, error) {
	if a := g.accounts[k.Account]; a != nil {
		return a, nil
	}
	x, statement, err := g.cfg.Open(k)
	if err != nil {
		return nil, fmt.Errorf("account %d: %w", k.Account, err)
	}
	a := newAccount(k, x, statement, g)
	g.accounts[k.Account] = a
	g.opened = append(g.opened, a)
	g.metrics.accounts.Set(float64(len(g.opened)))
	if a.market != nil {
		for _, m := range g.markets {
			for _, ev := range m.snapshot(g.now) {
				a.market.Market(&ev)
			}
		}
	}
	g.log.Info("account opened", "account", k.Account, "key", k.ID)
	return a, g.advanceAccount(ctx, a)
}

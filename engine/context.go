package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Context is a strategy's window on the world: the clock, the market as it has
// arrived, the account as reported, and the commands. It belongs to the
// goroutine that calls the strategy.
type Context struct {
	e       *Engine
	ctx     context.Context
	view    view
	rand    *rand.Rand
	log     *slog.Logger
	nextID  int64
	started bool

	// The order that is being given, for the error if that panics.
	giving bool
	given  exchange.NewOrder
}

// ErrNotStarted is returned by commands given in Init: no market exists yet.
var ErrNotStarted = errors.New("commands cannot be given before the first event")

// Now is the instant of the loop. It is the only clock a strategy may read.
func (c *Context) Now() exchange.Time { return c.e.now }

// Symbols returns the symbols of the run; the first is the primary one.
func (c *Context) Symbols() []exchange.SymbolID { return c.e.cfg.Symbols }

// Symbol returns the primary symbol.
func (c *Context) Symbol() exchange.SymbolID { return c.e.cfg.Symbols[0] }

// Instrument returns an instrument of the run.
func (c *Context) Instrument(s exchange.SymbolID) *exchange.Instrument {
	return c.e.cfg.Instruments.Get(s)
}

// Terms returns the tick, lot, fees and margins in force now.
func (c *Context) Terms(s exchange.SymbolID) *exchange.Terms { return c.view.symbols[s].terms }

// Rand is the strategy's own seeded source of randomness.
func (c *Context) Rand() *rand.Rand { return c.rand }

// Log writes structured lines that carry the loop's time.
func (c *Context) Log() *slog.Logger { return c.log }

// Bars subscribes to a series of bars of a symbol; it may be called in Init
// only. The zero spec is the data's own bars, or 1 minute when the data is
// ticks. A series is built from the data's bars where there are some, and from
// trades otherwise.
func (c *Context) Bars(s exchange.SymbolID, spec BarSpec) error {
	if c.started {
		return errors.New("bars can be subscribed to in Init only")
	}
	return c.e.subscribe(s, spec)
}

// Last is the last traded price, or close, that has arrived; 0 before the first.
func (c *Context) Last(s exchange.SymbolID) exchange.Price { return c.view.symbols[s].last }

// Quote is the best bid and ask, from quotes or the top of the book; zero
// before the first and for data that has neither.
func (c *Context) Quote(s exchange.SymbolID) exchange.Quote { return c.view.symbols[s].quote }

// Mark is the venue's mark and index price; zero for data without them.
func (c *Context) Mark(s exchange.SymbolID) exchange.Mark { return c.view.symbols[s].mark }

// Funding is the funding rate last announced.
func (c *Context) Funding(s exchange.SymbolID) exchange.Funding { return c.view.symbols[s].funding }

// Book is the order book as it has arrived; ok is false for data without books.
func (c *Context) Book(s exchange.SymbolID) (b exchange.BookView, ok bool) {
	book := c.view.symbols[s].book
	if book == nil {
		return exchange.BookView{}, false
	}
	return book.View(), true
}

// Position is the position as last reported, valued at the newest price.
func (c *Context) Position(s exchange.SymbolID) exchange.Position { return c.view.symbols[s].valued() }

// PositionQty is the signed position as last reported.
func (c *Context) PositionQty(s exchange.SymbolID) exchange.Qty {
	return c.view.symbols[s].position.Qty
}

// Margin is the account as last reported, with unrealised PnL at the newest prices. Of an
// account with several wallets it is the first one, which the risk guard watches.
func (c *Context) Margin() exchange.Margin { return c.valued(&c.view.margins[0]) }

// MarginIn is the wallet of a currency (Currency.Code); ok is false until one was reported.
func (c *Context) MarginIn(code string) (m exchange.Margin, ok bool) {
	if w := c.view.wallet(code); w != nil {
		return c.valued(w), true
	}
	return m, false
}

// valued returns a wallet as reported, with unrealised PnL at the newest prices.
func (c *Context) valued(w *exchange.Margin) exchange.Margin {
	m := *w
	m.Unrealised = 0
	for _, id := range c.e.cfg.Symbols {
		if s := &c.view.symbols[id]; len(c.view.margins) == 1 || s.inst.Settle.Code == m.Currency {
			m.Unrealised += s.valued().Unrealised
		}
	}
	m.Balance = m.Wallet + m.Unrealised
	return m
}

// Portfolio is what all wallets come to in a currency, at the newest prices of the
// symbols of the run.
func (c *Context) Portfolio(in exchange.Currency) exchange.Portfolio {
	margins := make([]exchange.Margin, len(c.view.margins))
	for n := range margins {
		margins[n] = c.valued(&c.view.margins[n])
	}
	list := make([]*exchange.Instrument, len(c.e.cfg.Symbols))
	for n, id := range c.e.cfg.Symbols {
		list[n] = c.Instrument(id)
	}
	return exchange.PortfolioOf(in, margins, list, func(s exchange.SymbolID) exchange.Price { return c.view.symbols[s].priceNow() })
}

// Orders returns the open orders of a symbol in the order of their submission,
// those still on their way (PendingNew) included. The slice is valid until the
// handler returns or gives a command.
func (c *Context) Orders(s exchange.SymbolID) []exchange.Order { return c.view.symbols[s].orders }

// Submit places an order. A request that is wrong in itself is refused at once
// with an error that names the field; everything else is told by OnOrder.
func (c *Context) Submit(o exchange.NewOrder) (exchange.ClientID, error) {
	if err := c.mayCommand(); err != nil {
		return "", err
	}
	if o.ClientID == "" {
		c.nextID++
		o.ClientID = exchange.ClientID(fmt.Sprintf("%s%d", c.e.cfg.OrderPrefix, c.nextID))
	}
	o.Normalize()
	if err := c.guardNew(&o); err != nil {
		return "", err
	}
	c.given, c.giving = o, true
	id, err := c.e.cfg.Exchange.Submit(c.ctx, o)
	c.giving = false
	if err != nil {
		return "", c.refused(err)
	}
	c.e.pursuit.allow(id)
	c.view.symbols[o.Symbol].put(&exchange.Order{
		ClientID: id, LinkID: o.LinkID, Symbol: o.Symbol, Side: o.Side, Qty: o.Qty, Price: o.Price, StopPrice: o.StopPrice,
		DisplayQty: o.DisplayQty, PegOffset: o.PegOffset, PegType: o.PegType, Type: o.Type, TimeInForce: o.TimeInForce,
		ExecInst: o.ExecInst, Contingency: o.Contingency, Status: exchange.PendingNew, Leaves: o.Qty, Text: o.Text,
		TransactTime: c.e.now, Time: c.e.now,
	})
	c.tellObserver(o.Symbol, id)
	return id, nil
}

// tellObserver says what the market was when an order was sent.
func (c *Context) tellObserver(symbol exchange.SymbolID, id exchange.ClientID) {
	if c.e.cfg.Observer == nil {
		return
	}
	s := &c.view.symbols[symbol]
	mid := s.quote.Mid()
	if mid == 0 {
		mid = s.last
	}
	c.e.cfg.Observer.Submitted(symbol, id, mid)
}

// guarded reports whether the risk guard has a say on a symbol. What else is wrong
// with it the exchange knows.
func (c *Context) guarded(s exchange.SymbolID) bool {
	return c.e.guard.active && int(s) < len(c.view.symbols) && c.view.symbols[s].active
}

// guardNew asks the risk guard about a new order.
func (c *Context) guardNew(o *exchange.NewOrder) error {
	if !c.guarded(o.Symbol) {
		return nil
	}
	return c.e.guard.check(c, &intent{symbol: o.Symbol, side: o.Side, qty: o.Qty, more: o.Qty, fresh: true,
		prices: [2]exchange.Price{o.Price, o.StopPrice}, reduces: o.ExecInst&(exchange.ReduceOnly|exchange.Close) != 0})
}

// guardAmend asks the risk guard about a change of an order that the view knows.
func (c *Context) guardAmend(a *exchange.AmendOrder) error {
	if !c.guarded(a.Symbol) {
		return nil
	}
	o := c.view.symbols[a.Symbol].order(a.OrigClientID, a.OrderID)
	if o == nil {
		return nil
	}
	w := intent{symbol: a.Symbol, side: o.Side, qty: o.Qty, reduces: o.ExecInst&(exchange.ReduceOnly|exchange.Close) != 0}
	switch {
	case a.Qty != nil:
		w.qty = *a.Qty
	case a.Leaves != nil:
		w.qty = o.Filled + *a.Leaves
	}
	w.more = w.qty - o.Qty
	for i, p := range [2]*exchange.Price{a.Price, a.StopPrice} {
		if p != nil {
			w.prices[i] = *p
		}
	}
	return c.e.guard.check(c, &w)
}

// Market sends a market order for a signed number of contracts.
func (c *Context) Market(s exchange.SymbolID, signed exchange.Qty) (exchange.ClientID, error) {
	return c.Submit(exchange.NewOrder{Symbol: s, Side: exchange.SideOf(signed), Qty: signed.Abs(), Type: exchange.Market})
}

// Limit sends a limit order for a signed number of contracts.
func (c *Context) Limit(s exchange.SymbolID, signed exchange.Qty, price exchange.Price, inst exchange.ExecInst) (exchange.ClientID, error) {
	return c.Submit(exchange.NewOrder{Symbol: s, Side: exchange.SideOf(signed), Qty: signed.Abs(), Type: exchange.Limit,
		Price: price, ExecInst: inst})
}

// Amend changes an open order.
func (c *Context) Amend(a exchange.AmendOrder) error {
	if err := c.mayCommand(); err != nil {
		return err
	}
	if err := c.guardAmend(&a); err != nil {
		return err
	}
	c.e.pursuit.renamed(&a)
	return c.refused(c.e.cfg.Exchange.Amend(c.ctx, a))
}

// Cancel cancels an open order by its client id.
func (c *Context) Cancel(s exchange.SymbolID, id exchange.ClientID) error {
	if err := c.mayCommand(); err != nil {
		return err
	}
	return c.refused(c.e.cfg.Exchange.Cancel(c.ctx, exchange.CancelOrder{Symbol: s, ClientID: id}))
}

// CancelAll cancels every open order of a symbol.
func (c *Context) CancelAll(s exchange.SymbolID) error {
	if err := c.mayCommand(); err != nil {
		return err
	}
	return c.refused(c.e.cfg.Exchange.CancelAll(c.ctx, exchange.CancelFilter{Symbol: s}))
}

// ClosePosition closes the whole position of a symbol at the market.
func (c *Context) ClosePosition(s exchange.SymbolID) (exchange.ClientID, error) {
	if err := c.mayCommand(); err != nil {
		return "", err
	}
	id, err := c.e.cfg.Exchange.ClosePosition(c.ctx, s)
	if err == nil && id != "" {
		c.e.pursuit.allow(id)
		c.tellObserver(s, id)
	}
	return id, c.refused(err)
}

// mayCommand is an error unless commands are carried out now.
func (c *Context) mayCommand() error {
	switch {
	case !c.started:
		return c.refused(ErrNotStarted)
	case c.e.warming:
		c.e.summary.WarmupCommands++
		return ErrWarmup
	}
	return nil
}

// refused counts a command that was refused before it was sent, and returns its error.
func (c *Context) refused(err error) error {
	if err != nil {
		if c.e.summary.Refused == 0 {
			c.e.summary.FirstRefusal = err
		}
		c.e.summary.Refused++
	}
	return err
}

// SetLeverage isolates the margin of a symbol; 0 is cross margin.
func (c *Context) SetLeverage(s exchange.SymbolID, leverage exchange.Ratio) error {
	if err := c.mayCommand(); err != nil {
		return err
	}
	return c.refused(c.e.cfg.Exchange.SetLeverage(c.ctx, s, leverage))
}

// TransferMargin moves an amount of the settlement currency, in its smallest unit, to
// the margin of an isolated position, or back if it is negative. It fails with
// [errors.ErrUnsupported] on an exchange that has no such thing.
func (c *Context) TransferMargin(s exchange.SymbolID, amount exchange.Money) error {
	m, err := c.marginControl()
	if err != nil {
		return err
	}
	return c.refused(m.TransferMargin(c.ctx, s, amount))
}

// SetRiskLimit raises the risk limit of a symbol, and with it the margin that its
// position needs, or lowers it again. It fails with [errors.ErrUnsupported] on an
// exchange that has no risk limits.
func (c *Context) SetRiskLimit(s exchange.SymbolID, limit exchange.Money) error {
	m, err := c.marginControl()
	if err != nil {
		return err
	}
	return c.refused(m.SetRiskLimit(c.ctx, s, limit))
}

func (c *Context) marginControl() (exchange.MarginControl, error) {
	if err := c.mayCommand(); err != nil {
		return nil, err
	}
	if m, ok := c.e.cfg.Exchange.(exchange.MarginControl); ok {
		return m, nil
	}
	return nil, c.refused(fmt.Errorf("margin control: %w on this exchange", errors.ErrUnsupported))
}

// After fires OnTimer once, d from now.
func (c *Context) After(d time.Duration) TimerID { return c.e.timers.add(c.e.now.Add(max(d, 0)), 0) }

// Every fires OnTimer each d, first at the next multiple of d since midnight
// UTC. It panics unless d is positive.
func (c *Context) Every(d time.Duration) TimerID {
	if d <= 0 {
		panic("engine: Every needs a positive duration")
	}
	return c.e.timers.add(c.e.now.Truncate(d).Add(d), d)
}

// StopTimer removes a timer and reports whether it was set.
func (c *Context) StopTimer(id TimerID) bool { return c.e.timers.cancel(id) }

// Halt ends the run after this instant, as if the data had ended.
func (c *Context) Halt(reason string) {
	c.log.Warn("strategy halts the run", "reason", reason)
	c.e.halted = reason
}

// subscribe adds a bar series; see Context.Bars.
func (e *Engine) subscribe(id exchange.SymbolID, spec BarSpec) error {
	s := &e.ctx.view.symbols[id]
	if !s.active {
		return fmt.Errorf("bars of symbol %d: %w in this run", id, exchange.ErrUnknownSymbol)
	}
	finest, trades := e.sourcesOf(id)
	if spec == (BarSpec{}) {
		spec = e.cfg.DefaultBars
	}
	if spec == (BarSpec{}) {
		spec.Interval = time.Minute
		if finest != 0 {
			spec.Interval = finest
		}
	}
	switch {
	case finest != 0 && spec.Kind == TimeBars && e.hasSource(id, exchange.KindBar, spec.Interval):
		if !slices.Contains(s.native, spec.Interval) {
			s.native = append(s.native, spec.Interval)
		}
		return nil
	case finest != 0 && spec.Kind == TimeBars && spec.Interval%finest != 0:
		return fmt.Errorf("%s: bars of %s cannot be built from bars of %s", s.inst.Name(), spec, BarSpec{Interval: finest})
	case finest == 0 && !trades:
		return fmt.Errorf("%s: bars of %s need bars or trades in the data", s.inst.Name(), spec)
	}
	s.series = append(s.series, &series{symbol: id, spec: spec, fromBar: finest != 0})
	return nil
}

// sourcesOf returns the interval of the finest bars of a symbol, 0 for none,
// and whether there are trades.
func (e *Engine) sourcesOf(id exchange.SymbolID) (finest time.Duration, trades bool) {
	return sourcesOf(e.cfg.Sources, id)
}

func sourcesOf(list []Source, id exchange.SymbolID) (finest time.Duration, trades bool) {
	for _, src := range list {
		switch {
		case src.Symbol != id:
		case src.Kind == exchange.KindTrade:
			trades = true
		case src.Kind == exchange.KindBar && (finest == 0 || src.Interval < finest):
			finest = src.Interval
		}
	}
	return finest, trades
}

func (e *Engine) hasSource(id exchange.SymbolID, kind exchange.EventKind, interval time.Duration) bool {
	return slices.Contains(e.cfg.Sources, Source{Symbol: id, Kind: kind, Interval: interval})
}

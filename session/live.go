package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
)

// Venue is the client of a live venue, as a session drives it.
type Venue interface {
	exchange.Exchange
	// Ready receives when a report may wait to be taken by Advance.
	Ready() <-chan struct{}
	// Flush waits until every command that was given is answered.
	Flush(ctx context.Context) error
	// First returns the time and the ids of the newest executions that were there when
	// the account was connected without being known.
	First() (exchange.Time, []string)
	// Abandon closes the connection as Close does, and leaves the dead man's switch
	// armed.
	Abandon() error
}

// Connect connects an account of which something is known, or, if known is nil, nothing.
// notice may be called from any goroutine until the venue is closed.
type Connect func(ctx context.Context, known *live.Known, notice func(live.Notice)) (Venue, error)

// LiveConfig describes the account of a live session.
type LiveConfig struct {
	Instruments *exchange.Instruments
	Symbols     []exchange.SymbolID
	// Connect connects the account. nil: there is only what was recorded.
	Connect Connect
	// Prefix begins the client ids that Live assigns; it is unlike the engine's.
	Prefix string
	// Behind is how old an order or an amendment may be when it is sent; one that is older is
	// refused, unless it only reduces a position. 0: any age.
	Behind time.Duration
	// Shadow, if set, is a simulated exchange that is given every command too. What it
	// reports is kept beside, and the strategy never hears of it.
	Shadow exchange.Exchange
}

// Live is the exchange that the engine of a live session trades on. Its reports are what
// the session heard of the venue, each with the time of hearing; its commands are kept
// before they are sent. When the session is played again, the reports come from the
// journal, the commands are compared with those of the first time, and nothing is sent.
// It belongs to the goroutine of the engine.
type Live struct {
	cfg    LiveConfig
	books  *books
	now    exchange.Time
	closes uint64            // orders that close a position, for their ids
	due    []exchange.Report // heard; the engine has not taken them yet
	given  []Command         // not committed yet
	venue  Venue             // nil: not connected
	said   []exchange.Report // what the client refused at once; to be heard next
	taken  []exchange.Report

	repeats []exchange.ClientID // orders of which something was asked that may not have been sent
	heard   bool                // the venue has told how the account is
	parting []exchange.Order    // as the venue told of them when the session was over

	bounds   map[exchange.SymbolID]exchange.Bounds
	refused  func(live.Notice)            // the session's
	keep     func(*Command) error         // the session's
	shadowed func(*exchange.Report) error // the session's
	shadow   []exchange.Report
	failed   error // of the session, to be told at the next call that can
}

var (
	_ exchange.Exchange      = (*Live)(nil)
	_ exchange.MarginControl = (*Live)(nil)
)

// NewLive returns the exchange of a live session, with an account of which nothing is
// known yet.
func NewLive(c LiveConfig) *Live {
	l := &Live{cfg: c, books: newBooks(&c), bounds: map[exchange.SymbolID]exchange.Bounds{}}
	for _, id := range c.Symbols {
		l.bounds[id] = c.Instruments.Get(id).Bounds()
	}
	return l
}

// Margin returns the account as the venue has last told it.
func (l *Live) Margin() exchange.Margin { return l.books.margin }

// Position returns a position as the venue has last told it.
func (l *Live) Position(s exchange.SymbolID) exchange.Position { return l.books.positions[s].Position }

// Totals returns sums over the session.
func (l *Live) Totals() Totals { return l.books.totals }

// Account returns the account as its fills, fees and funding make it of what it began
// with, in the smallest unit of the currency. It adds up at any time, which the venue's
// word need not: a venue tells of a fill and of the wallet in messages of their own, and
// of a deposit in the wallet alone.
func (l *Live) Account(start exchange.Money) exchange.Margin {
	m, t := l.books.margin, &l.books.totals
	m.Wallet = start + t.Realised - t.Fees + t.Funding + t.Insurance
	m.Unrealised = 0
	for _, id := range l.cfg.Symbols {
		m.Unrealised += l.books.positions[id].Unrealised
	}
	m.Balance = m.Wallet + m.Unrealised
	return m
}

// Unexplained is what the venue's wallet, as last told, has more than [Live.Account]: a
// deposit, somebody else's trade, or a fill of which it was not told yet.
func (l *Live) Unexplained(start exchange.Money) exchange.Money {
	return l.books.margin.Wallet - l.Account(start).Wallet
}

// Opening is the first margin that was heard.
func (l *Live) Opening() exchange.Margin { return l.books.opening }

// Market tells the time, and the shadow of the market.
func (l *Live) Market(e *exchange.Event) {
	l.now = max(l.now, e.Time)
	if taker, ok := l.cfg.Shadow.(interface{ Market(*exchange.Event) }); ok {
		taker.Market(e)
	}
}

// Next implements exchange.Exchange.
func (l *Live) Next() exchange.Time {
	t := exchange.Never
	if len(l.due) > 0 {
		t = l.due[0].Arrival
	}
	if l.cfg.Shadow != nil {
		t = min(t, l.cfg.Shadow.Next())
	}
	return t
}

// Advance implements exchange.Exchange.
func (l *Live) Advance(ctx context.Context, now exchange.Time, reports []exchange.Report) ([]exchange.Report, error) {
	if l.failed != nil {
		return reports, l.failed
	}
	l.now = max(l.now, now)
	if err := l.advanceShadow(ctx, now); err != nil {
		return reports, err
	}
	n := 0
	for n < len(l.due) && l.due[n].Arrival <= now {
		l.books.report(&l.due[n])
		n++
	}
	reports = append(reports, l.due[:n]...)
	l.due = l.due[:copy(l.due, l.due[n:])]
	return reports, nil
}

func (l *Live) advanceShadow(ctx context.Context, now exchange.Time) (err error) {
	if l.cfg.Shadow == nil {
		return nil
	}
	if l.shadow, err = l.cfg.Shadow.Advance(ctx, now, l.shadow[:0]); err != nil {
		return fmt.Errorf("shadow: %w", err)
	}
	return l.tellShadow()
}

func (l *Live) tellShadow() error {
	for i := range l.shadow {
		if err := l.shadowed(&l.shadow[i]); err != nil {
			return err
		}
	}
	return nil
}

// queueAhead asks the shadow what it sees ahead of an order. nil: it cannot say, or
// there is none.
func (l *Live) queueAhead() func(exchange.ClientID) (exchange.Qty, bool) {
	s, ok := l.cfg.Shadow.(interface {
		QueueAhead(id exchange.ClientID) (exchange.Qty, bool)
	})
	if !ok {
		return nil
	}
	return s.QueueAhead
}

// Drain lets the shadow say what is still on its way. The venue has nothing to add.
func (l *Live) Drain(reports []exchange.Report) []exchange.Report {
	if d, ok := l.cfg.Shadow.(interface {
		Drain([]exchange.Report) []exchange.Report
	}); ok {
		l.shadow = d.Drain(l.shadow[:0])
		l.failed = errors.Join(l.failed, l.tellShadow())
	}
	return reports
}

// Close implements exchange.Exchange. The session closes the venue.
func (l *Live) Close() error { return nil }

// lookup finds a symbol that is traded.
func (l *Live) lookup(id exchange.SymbolID) (*exchange.Instrument, error) {
	if !slices.Contains(l.cfg.Symbols, id) {
		return nil, fmt.Errorf("symbol #%d: %w", id, exchange.ErrUnknownSymbol)
	}
	return l.cfg.Instruments.Get(id), nil
}

// named puts the symbol into a validation error.
func named(err error, i *exchange.Instrument) error {
	var v *exchange.ValidationError
	if errors.As(err, &v) && v.Symbol == "" {
		v.Symbol = i.Name()
	}
	return err
}

// give keeps a command, and passes it to the shadow.
func (l *Live) give(ctx context.Context, c Command) error {
	c.At = l.now
	if err := l.keep(&c); err != nil {
		l.failed = err // a strategy that ignores the error must not go on
		return err
	}
	l.books.command(&c)
	if l.venue != nil {
		l.given = append(l.given, c)
	}
	if l.cfg.Shadow != nil {
		// What the simulator refuses at once the venue is asked all the same.
		_ = c.carryOut(ctx, l.cfg.Shadow)
	}
	return nil
}

// Submit implements exchange.Exchange.
func (l *Live) Submit(ctx context.Context, o exchange.NewOrder) (exchange.ClientID, error) {
	i, err := l.lookup(o.Symbol)
	if err != nil {
		return "", err
	}
	o.Normalize()
	if err := o.Validate(i.At(l.now)); err != nil {
		return "", named(err, i)
	}
	if o.ClientID == "" {
		l.closes++
		o.ClientID = exchange.ClientID(fmt.Sprintf("%s%d", l.cfg.Prefix, l.closes))
	}
	if l.books.orders[o.ClientID] != nil {
		return "", fmt.Errorf("%s: %w %q", i.Name(), exchange.ErrDuplicateID, o.ClientID)
	}
	return o.ClientID, l.give(ctx, Command{Kind: commandSubmit, New: &o})
}

// Amend implements exchange.Exchange.
func (l *Live) Amend(ctx context.Context, a exchange.AmendOrder) error {
	i, err := l.lookup(a.Symbol)
	if err != nil {
		return err
	}
	if err := a.Validate(i.At(l.now)); err != nil {
		return named(err, i)
	}
	if a.ClientID != "" && a.ClientID != a.OrigClientID && l.books.orders[a.ClientID] != nil {
		return fmt.Errorf("%s: %w %q", i.Name(), exchange.ErrDuplicateID, a.ClientID)
	}
	a.Qty, a.Leaves, a.Price, a.StopPrice, a.PegOffset = copied(a.Qty), copied(a.Leaves), copied(a.Price), copied(a.StopPrice), copied(a.PegOffset)
	return l.give(ctx, Command{Kind: commandAmend, Amend: &a})
}

// copied is a value that the caller may change once the command is given.
func copied[T any](v *T) *T {
	if v == nil {
		return nil
	}
	return new(*v)
}

// Cancel implements exchange.Exchange.
func (l *Live) Cancel(ctx context.Context, c exchange.CancelOrder) error {
	i, err := l.lookup(c.Symbol)
	if err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return named(err, i)
	}
	return l.give(ctx, Command{Kind: commandCancel, Cancel: &c})
}

// CancelAll implements exchange.Exchange.
func (l *Live) CancelAll(ctx context.Context, f exchange.CancelFilter) error {
	if !f.AllSymbol {
		if _, err := l.lookup(f.Symbol); err != nil {
			return err
		}
	}
	if err := f.Validate(); err != nil {
		return err
	}
	return l.give(ctx, Command{Kind: commandCancelAll, Filter: &f})
}

// ClosePosition implements exchange.Exchange.
func (l *Live) ClosePosition(ctx context.Context, id exchange.SymbolID) (exchange.ClientID, error) {
	return l.Submit(ctx, exchange.NewOrder{Symbol: id, Type: exchange.Market, ExecInst: exchange.Close})
}

// SetLeverage implements exchange.Exchange.
func (l *Live) SetLeverage(ctx context.Context, id exchange.SymbolID, leverage exchange.Ratio) error {
	i, err := l.lookup(id)
	if err != nil {
		return err
	}
	if leverage < 0 {
		return named(&exchange.ValidationError{Field: "leverage", Value: leverage.String(), Reason: "must not be negative; 0 is cross margin"}, i)
	}
	return l.give(ctx, Command{Kind: commandLeverage, Symbol: id, Leverage: leverage})
}

// TransferMargin implements exchange.MarginControl.
func (l *Live) TransferMargin(ctx context.Context, id exchange.SymbolID, amount exchange.Money) error {
	if _, err := l.lookup(id); err != nil {
		return err
	}
	return l.give(ctx, Command{Kind: commandTransfer, Symbol: id, Amount: amount})
}

// SetRiskLimit implements exchange.MarginControl.
func (l *Live) SetRiskLimit(ctx context.Context, id exchange.SymbolID, limit exchange.Money) error {
	if _, err := l.lookup(id); err != nil {
		return err
	}
	return l.give(ctx, Command{Kind: commandRiskLimit, Symbol: id, Amount: limit})
}

// CancelAllAfter implements exchange.Exchange.
func (l *Live) CancelAllAfter(ctx context.Context, timeout time.Duration) error {
	if timeout < 0 {
		return &exchange.ValidationError{Field: "timeout", Value: timeout.String(), Reason: "must not be negative; 0 disarms"}
	}
	return l.give(ctx, Command{Kind: commandDeadMan, Timeout: timeout})
}

// waiting reports whether the engine has not taken all that was heard.
func (l *Live) waiting() bool { return l != nil && len(l.due) > 0 }

// deliver hands reports over that were heard at a time of the session.
func (l *Live) deliver(reports []exchange.Report) { l.due = append(l.due, reports...) }

// take returns what the venue has said since the last call.
func (l *Live) take(ctx context.Context) ([]exchange.Report, error) {
	l.taken = append(l.taken[:0], l.said...)
	l.said = l.said[:0]
	for at := l.venue.Next(); at != exchange.Never; at = l.venue.Next() {
		var err error
		if l.taken, err = l.venue.Advance(ctx, at, l.taken); err != nil {
			return nil, fmt.Errorf("venue: %w", err)
		}
	}
	l.taken = slices.DeleteFunc(l.taken, func(r exchange.Report) bool { return l.absurd(&r) })
	l.heard = l.heard || len(l.taken) > 0
	return l.taken, nil
}

// absurd reports whether a report is out of bounds, and notifies the session. The check does
// not rely on the venue's client.
func (l *Live) absurd(r *exchange.Report) bool {
	about := r.Symbol
	switch r.Kind {
	case exchange.ReportOrder:
		about = r.Order.Symbol
	case exchange.ReportFill:
		about = r.Fill.Symbol
	case exchange.ReportPosition:
		about = r.Position.Symbol
	case exchange.ReportFunding:
		about = r.Funding.Symbol
	}
	b, traded := l.bounds[about]
	var err error
	switch {
	case traded:
		err = b.CheckReport(r)
	case r.Kind == exchange.ReportMargin:
		err = exchange.CheckMargin(&r.Margin)
	default:
		err = fmt.Errorf("symbol #%d: %w", about, exchange.ErrUnknownSymbol)
	}
	if err == nil {
		err = kept(r)
	}
	if err == nil {
		return false
	}
	l.refused(live.Notice{Kind: live.Refused, Text: fmt.Sprintf("report of %s refused: %v", reportNames[r.Kind], err)})
	return true
}

// kept reports whether the journal can hold a report: it must be read again as it was
// written, and a kind that no enumeration has would not be.
func kept(r *exchange.Report) error {
	text, err := json.Marshal(r)
	if err == nil {
		err = json.Unmarshal(text, new(exchange.Report))
	}
	return err
}

// send carries out the commands that are committed. What the client refuses at once is
// heard as if the venue had said it.
func (l *Live) send(ctx context.Context, now exchange.Time) {
	for i := range l.given {
		c := &l.given[i]
		err := l.late(c, now)
		if err == nil {
			err = c.carryOut(ctx, l.venue)
		}
		if err != nil {
			l.said = append(l.said, c.refused(err, now))
		}
	}
	l.given = l.given[:0]
}

// late refuses a command that is too old to be sent: the process or the disk was paused.
func (l *Live) late(c *Command, now exchange.Time) error {
	age, most := now.Sub(c.At), l.cfg.Behind
	trades := c.Kind == commandAmend ||
		c.Kind == commandSubmit && c.New.ExecInst&(exchange.ReduceOnly|exchange.Close) == 0
	if most == 0 || age <= most || !trades {
		return nil
	}
	return fmt.Errorf("not sent: the command is too old: given %s ago; the limit is %s", age.Round(time.Millisecond), most)
}

// settled reports whether no order is open, nor on its way.
func (l *Live) settled() bool { return len(l.given) == 0 && len(l.books.orders) == 0 }

// connect connects the account.
func (l *Live) connect(ctx context.Context, known *live.Known, notice func(live.Notice)) error {
	venue, err := l.cfg.Connect(ctx, known, notice)
	if err != nil {
		return fmt.Errorf("venue: %w", err)
	}
	l.venue = venue
	l.repeats = l.books.inDoubt()
	return nil
}

// repeat deals with what may have been given and not sent, once the venue has told how
// the account is: cancellations of orders that are still open are sent again, since that
// can do no harm, and amendments that were not made count as refused.
func (l *Live) repeat(ctx context.Context, now exchange.Time) {
	if len(l.repeats) == 0 || !l.heard || l.waiting() {
		return
	}
	for _, id := range l.repeats {
		t := l.books.orders[id]
		if t == nil {
			continue // it has ended
		}
		var c Command
		if t.amend != nil {
			c = Command{Kind: commandAmend, Amend: t.amend}
			l.said = append(l.said, c.refused(errNotSent, now))
		}
		if !t.cancel {
			continue
		}
		c = Command{Kind: commandCancel, Cancel: &exchange.CancelOrder{Symbol: t.order.Symbol, ClientID: id}}
		if err := c.carryOut(ctx, l.venue); err != nil {
			l.said = append(l.said, c.refused(err, now))
		}
	}
	l.repeats = nil
}

var errNotSent = errors.New("it was not made: the program died when it was sent, or before")

// hush lets go of the venue when nothing can be kept any more, and orders may be open:
// they are cancelled, and if it is not certain that they were, the dead man's switch
// stays armed.
func (l *Live) hush(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var err error
	for _, id := range l.cfg.Symbols {
		err = errors.Join(err, l.venue.CancelAll(ctx, exchange.CancelFilter{Symbol: id, Text: "Session is over"}))
	}
	if err = errors.Join(err, l.venue.Flush(ctx)); err == nil {
		err = l.hushed(ctx)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("orders may be open on the venue until the dead man's switch cancels them: %w", err), l.venue.Abandon())
	}
	return l.venue.Close()
}

// hushed checks that the venue has told the end of every order.
func (l *Live) hushed(ctx context.Context) error {
	for i := range l.given {
		if c := &l.given[i]; c.Kind == commandSubmit {
			l.books.forget(c.New.ClientID) // it was not sent
		}
	}
	reports, err := l.take(ctx)
	if err != nil {
		return err
	}
	for _, list := range [][]exchange.Report{l.due, reports} {
		for i := range list {
			l.books.report(&list[i])
			if _, ok := ordered(&list[i]); ok {
				l.parting = append(l.parting, list[i].Order)
			}
		}
	}
	if len(l.books.sequence) > 0 {
		return fmt.Errorf("their end was not heard: %v", l.books.sequence)
	}
	return nil
}

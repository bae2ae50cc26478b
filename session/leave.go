package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	"github.com/dunamis-engine/dunamis/exchange/live"
)

// leavePatience is how long the venue may take to cancel the orders of a session that
// ends.
const leavePatience = 20 * time.Second

// connect connects the account of a live session, unless it is.
func (s *Session) connect(ctx context.Context) error {
	l := s.cfg.Live
	if l == nil || l.venue != nil {
		return nil
	}
	var known *live.Known
	if s.state.Venue != nil {
		known = l.books.known(s.state.Venue)
	}
	if err := l.connect(ctx, known, s.noticed); err != nil {
		return err
	}
	if v, ok := l.venue.(interface {
		Left(id exchange.ClientID) (exchange.Time, bool)
	}); ok {
		s.fates.left = v.Left
	}
	if known != nil {
		s.operate(exchange.OperationRelease) // of what the last run began
		return nil
	}
	before, executions := l.venue.First()
	s.state.Venue = &VenueState{Before: before, Executions: executions}
	return nil
}

// noticed takes what the client says of the account. Any goroutine may call it.
func (s *Session) noticed(n live.Notice) {
	switch n.Kind {
	case live.Lost:
		s.operate(exchange.OperationHold)
	case live.Found:
		s.operate(exchange.OperationResume)
	case live.Refused:
		s.doubt(n.Text)
		s.operate(exchange.OperationDistrust)
	case live.Missed:
		s.doubt(n.Text)
	case live.Difference:
		s.doubt(n.Text)
		s.operate(exchange.OperationDoubt)
	}
}

// longestDoubt is how many characters of a difference are kept. The state, which has the
// newest ones, is written with every transaction.
const longestDoubt = 500

// doubt notes a difference, to be kept with the next operation or event.
func (s *Session) doubt(text string) {
	if cut := fmt.Sprintf("%.*s", longestDoubt, text); cut != text {
		text = cut + "…"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doubts = append(s.doubts, text)
}

// operate asks for an operation on the session's own account.
func (s *Session) operate(o exchange.Operation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders = append(s.orders, request{operation: o})
	s.stir()
}

// listen takes what the venue has said of the account. A session begins with an event of
// the market; until then the account can wait.
func (s *Session) listen(ctx context.Context, events bool) ([]exchange.Report, error) {
	if s.cfg.Live == nil || s.state.Events == 0 && !events {
		return nil, nil
	}
	s.cfg.Live.repeat(ctx, exchange.TimeOf(s.cfg.Now()))
	return s.cfg.Live.take(ctx)
}

// handReports notes what the engine is told of the account.
func (s *Session) handReports(reports []exchange.Report, at exchange.Time) {
	if len(reports) == 0 {
		return
	}
	s.heard, s.given = append(s.heard[:0], reports...), time.Now()
	s.state.Now = max(s.state.Now, at)
	s.cfg.Live.deliver(reports)
}

// left reports whether a session that is asked to end can do so. A live one cancels its
// orders first, and refuses new ones meanwhile.
func (s *Session) left() bool {
	l := s.cfg.Live
	if l == nil || s.cfg.KeepOrders || s.state.Events == 0 {
		return true
	}
	if !s.leaving {
		s.leaving, s.leaveBy = true, s.cfg.Now().Add(leavePatience)
		if n := len(l.books.orders); n > 0 {
			s.cfg.Log.Warn("the session ends once the venue has confirmed that its orders are cancelled", "open_orders", n,
				"at_most", leavePatience)
		}
		s.operate(exchange.OperationLeave)
		return false
	}
	s.mu.Lock()
	asked := len(s.orders) == 0
	s.mu.Unlock()
	if asked && l.settled() {
		return true
	}
	if s.cfg.Now().After(s.leaveBy) {
		s.cfg.Log.Error("orders are still open on the venue", "orders", len(l.books.orders))
		return true
	}
	return false
}

// command keeps a command, or compares it with the one of the first time.
func (s *Session) command(c *Command) error {
	s.fates.command(c)
	if s.resumed {
		s.commands = append(s.commands, *c)
		return nil
	}
	if s.over && !s.state.Ended {
		return nil // the farewell of a replay
	}
	return s.asked.command(s.ctx, c)
}

// shadowReport keeps a report of the shadow, or compares it with that of the first time.
func (s *Session) shadowReport(r *exchange.Report) error {
	s.fates.simulated(r)
	if s.resumed {
		s.shadow = append(s.shadow, *r)
		return nil
	}
	if s.cfg.Reshadow || s.over && !s.state.Ended {
		return nil
	}
	return s.aside.report(s.ctx, r)
}

// farewell waits until the venue has answered what was sent last.
func (s *Session) farewell(ctx context.Context) error {
	l := s.cfg.Live
	if l == nil || l.venue == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, leavePatience)
	defer cancel()
	slow := time.AfterFunc(time.Second, func() {
		s.cfg.Log.Warn("the session ends once the venue has answered what was sent last", "at_most", leavePatience)
	})
	defer slow.Stop()
	if err := l.venue.Flush(ctx); err != nil {
		s.cfg.Log.Error("not every command was answered", "error", err)
	}
	return nil
}

// closeVenue lets go of the venue. After a failure, and when orders are open that should
// not be, they are cancelled first.
func (s *Session) closeVenue() error {
	l := s.cfg.Live
	if l == nil || l.venue == nil {
		return nil
	}
	if s.finished && (s.cfg.KeepOrders || l.settled()) {
		return s.disconnect()
	}
	s.cfg.Log.Warn("orders are cancelled once more before the connection ends", "open_orders", len(l.books.orders),
		"at_most", leavePatience)
	err := s.hush()
	if s.finished {
		err = errors.Join(err, s.part(s.ctx, l.parting))
	}
	return err
}

// hush cancels what is open and lets go of the venue. Should that panic, as it may after a
// panic of the engine, the dead man's switch stays armed.
func (s *Session) hush() (err error) {
	l := s.cfg.Live
	defer func() {
		if p := recover(); p != nil {
			err = errors.Join(fmt.Errorf("orders may be open on the venue until the dead man's switch cancels them: panic: %v",
				p), l.venue.Abandon())
		}
	}()
	return l.hush(s.ctx, leavePatience)
}

// disconnect lets go of a venue on which nothing is open, or what is open is to stay.
func (s *Session) disconnect() error {
	err := s.cfg.Live.venue.Close()
	if err == nil {
		return nil
	}
	open := "no order of the session is open"
	if n := len(s.cfg.Live.books.orders); n > 0 {
		open = fmt.Sprintf("%d orders of the session stay open", n)
	}
	return fmt.Errorf("disconnect from the venue (%s): %w", open, err)
}

// part corrects the list of orders by what the venue said after the session's last
// transaction. It is for those who look at the session: the journal has ended before.
func (s *Session) part(ctx context.Context, orders []exchange.Order) error {
	ctx = context.WithoutCancel(ctx)
	for i := range orders {
		o := &orders[i]
		if _, err := s.cfg.Store.db.ExecContext(ctx, "UPDATE orders SET status = ?, filled = ?, leaves = ?, avg_price = ?, text = ?, open = ?, at = ? WHERE client_id = ?",
			o.Status.String(), int64(o.Filled), int64(o.Leaves), o.AvgPrice.String(), o.Text, !o.Status.Final(), int64(o.Time), string(o.ClientID)); err != nil {
			return fmt.Errorf("session %s: order %s: %w", s.cfg.Store.Dir, o.ClientID, err)
		}
	}
	return nil
}

// Fates tells of every order, when a session that was played again has ended.
func (s *Session) Fates() error {
	if err := s.fates.flush(nil); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(s.fates.open)) {
		s.cfg.Fate(s.fates.open[id])
	}
	return nil
}

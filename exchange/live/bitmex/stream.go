package bitmex

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
)

// message is a frame of the stream.
type message struct {
	Table     string            `json:"table"`
	Action    string            `json:"action"`
	Data      []json.RawMessage `json:"data"`
	Filter    map[string]any    `json:"filter"`
	Success   bool              `json:"success"`
	Subscribe string            `json:"subscribe"`
	Status    int               `json:"status"`
	Error     string            `json:"error"`
	Request   struct {
		Op string `json:"op"`
	} `json:"request"`
}

// syncing is where a connection is on its way to a known account.
type syncing struct {
	wants   map[string]bool   // tables whose partial has not come
	again   bool              // what was missed is to be asked for
	begun   bool              // the account is known
	first   chan struct{}     // closed when the account is first known
	refused chan error        // the venue does not let us in
	held    []json.RawMessage // executions that came before the missed ones were asked for
}

func newSyncing() syncing {
	return syncing{wants: map[string]bool{}, first: make(chan struct{}), refused: make(chan error, 1)}
}

// seen remembers the newest executions, each of which may come twice: from the stream
// and from a request after it broke.
type seen struct {
	ids  map[string]struct{}
	ring []string
	at   int
}

const keptExecutions = 50_000

// add reports whether an execution is new.
func (s *seen) add(id string) bool {
	if s.ids == nil {
		s.ids = map[string]struct{}{}
	}
	if _, known := s.ids[id]; known {
		return false
	}
	s.ids[id] = struct{}{}
	if len(s.ring) < keptExecutions {
		s.ring = append(s.ring, id)
		return true
	}
	delete(s.ids, s.ring[s.at])
	s.ring[s.at] = id
	s.at = (s.at + 1) % keptExecutions
	return true
}

// past remembers the newest orders that have ended by their client id, which may be
// used again.
type past struct {
	orders map[exchange.ClientID]exchange.Order
	ring   []exchange.ClientID
	at     int
}

const keptOrders = 10_000

func (p *past) put(o *exchange.Order) {
	if p.orders == nil {
		p.orders = map[exchange.ClientID]exchange.Order{}
	}
	id := o.ClientID
	_, known := p.orders[id]
	p.orders[id] = *o
	if known {
		return
	}
	if len(p.ring) < keptOrders {
		p.ring = append(p.ring, id)
		return
	}
	delete(p.orders, p.ring[p.at])
	p.ring[p.at] = id
	p.at = (p.at + 1) % keptOrders
}

// opened says who we are; what follows waits for the answer.
func (x *Exchange) opened(ctx context.Context) error {
	x.mu.Lock()
	for _, t := range topics {
		x.sync.wants[t] = true
	}
	x.sync.held = nil
	x.mu.Unlock()
	return x.socket.Send(ctx, x.client.authentication())
}

// lost notes that messages are missed from now on.
func (x *Exchange) lost(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	close(x.breaks)
	x.breaks = make(chan struct{})
	if x.closed {
		return
	}
	x.broke = err
	var bad *exchange.ValidationError
	var other *AccountError
	if !x.sync.begun && (errors.As(err, &bad) || errors.As(err, &other)) { // another connection would be shown the same
		select {
		case x.sync.refused <- err:
		default:
		}
	}
	x.cfg.Metrics.Gaps.Inc()
	x.cfg.Log.Warn("account stream lost", "venue", "bitmex", "error", err)
	if x.sync.begun {
		x.cfg.Notice(live.Notice{Kind: live.Lost, Text: fmt.Sprint(err)})
	}
}

// frame handles a frame of the private stream.
func (x *Exchange) frame(frame []byte) error {
	if string(frame) == "pong" {
		x.mu.Lock()
		close(x.pongs)
		x.pongs = make(chan struct{})
		x.mu.Unlock()
		return nil
	}
	var m message
	if err := json.Unmarshal(frame, &m); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	switch {
	case m.Error != "":
		err := &api.Error{Status: m.Status, Name: "WebsocketError", Message: m.Error}
		if m.Status == http.StatusUnauthorized || m.Status == http.StatusForbidden {
			select {
			case x.sync.refused <- err:
			default:
			}
		}
		return err
	case m.Success && m.Request.Op == "authKeyExpires":
		return x.entered()
	case m.Table != "":
		return x.table(&m)
	}
	return nil
}

// table takes in a change of a table. Nothing of a table counts before its partial.
func (x *Exchange) table(m *message) error {
	x.mu.Lock()
	waits := x.sync.wants[m.Table]
	synced := len(x.sync.wants) == 0
	x.mu.Unlock()
	if waits && m.Action != "partial" {
		return nil
	}
	if m.Action == "delete" {
		return nil // positions and orders end by an update
	}
	switch m.Table {
	case "execution":
		if m.Action == "partial" {
			break // what was missed is asked for
		}
		if !synced {
			x.mu.Lock()
			x.sync.held = append(x.sync.held, m.Data...)
			x.mu.Unlock()
			break
		}
		if err := x.executions(m.Data); err != nil {
			return err
		}
	case "position":
		if err := x.positions(m.Data, synced); err != nil {
			return err
		}
	case "margin":
		if err := x.margins(m.Data, synced); err != nil {
			return err
		}
	}
	if waits {
		x.mu.Lock()
		delete(x.sync.wants, m.Table)
		done := len(x.sync.wants) == 0
		x.mu.Unlock()
		if done {
			return x.synced()
		}
	}
	return nil
}

// entered is when the venue knows who we are. What has happened before the first
// connection is not for us to report: it is noted before anything newer can happen
// unheard.
func (x *Exchange) entered() error {
	ctx, cancel := x.becoming()
	defer cancel()
	x.mu.Lock()
	again := x.sync.again
	x.mu.Unlock()
	if !again {
		rows, err := x.client.Executions(ctx, Query{Reverse: true, Count: page})
		if err != nil {
			return fmt.Errorf("ask for the newest executions: %w", err)
		}
		x.mu.Lock()
		for n := range rows {
			if err = x.mine(rows[n].Account, "execution "+rows[n].ExecID); err != nil {
				break
			}
			x.note(&rows[n])
		}
		x.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return x.socket.Send(ctx, []byte(`{"op":"subscribe","args":["execution","position","margin"]}`))
}

// becoming is how long the account may take to become known.
func (x *Exchange) becoming() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 8*x.cfg.Policy.Timeout)
}

// page is the count of the pages that the account is read by.
const page = 500

// snapshot is the account at one instant.
type snapshot struct {
	orders    []api.Order // that are open
	positions map[string]api.Position
}

// look reads the account between two looks at its executions, until nothing has
// happened in between: only then do orders, positions and fills belong together.
func (x *Exchange) look(ctx context.Context, report bool) (s snapshot, err error) {
	const tries = 5
	for try := range tries {
		if s.orders, err = x.openOnVenue(ctx); err != nil {
			return s, err
		}
		rows, err := x.client.Positions(ctx, Query{Count: page})
		if err != nil {
			return s, fmt.Errorf("ask for positions: %w", err)
		}
		s.positions = map[string]api.Position{}
		for n := range rows {
			s.positions[rows[n].Symbol] = rows[n]
		}
		news, err := x.catchUp(ctx, report)
		if err != nil {
			return s, err
		}
		if news == 0 || try == tries-1 {
			return s, nil
		}
	}
	return s, nil
}

// synced runs when every table has shown what it holds.
func (x *Exchange) synced() error {
	ctx, cancel := x.becoming()
	defer cancel()
	x.mu.Lock()
	again := x.sync.again
	held := x.sync.held
	x.sync.held = nil
	x.mu.Unlock()
	var err error
	if again {
		err = x.resume(ctx, held)
		if err == nil {
			err = x.findUnanswered(ctx)
		}
	} else {
		err = x.begin(ctx)
	}
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range x.cfg.Symbols {
		if s := x.byID[id]; s.row.Symbol != "" {
			if err := x.pushPosition(s); err != nil {
				return err
			}
		}
	}
	for n, w := range x.wallets {
		if n == 0 || w.row.Currency != "" {
			x.pushMargin(w)
		}
	}
	x.sync.again = true
	if !x.sync.begun {
		x.sync.begun = true
		close(x.sync.first)
		return nil
	}
	x.cfg.Notice(live.Notice{Kind: live.Found})
	return nil
}

// begin reports the account as it is at the first connection. What has happened until
// then is part of it.
func (x *Exchange) begin(ctx context.Context) error {
	snap, err := x.look(ctx, false)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for n := range snap.orders {
		if x.stranger(&snap.orders[n]) {
			continue
		}
		if err := x.openAlready(&snap.orders[n]); err != nil {
			return err
		}
	}
	for _, id := range x.cfg.Symbols {
		s := x.byID[id]
		row, has := snap.positions[s.inst.Symbol]
		if !has {
			continue
		}
		if _, err := x.checkedPosition(&row, s); err != nil {
			return err
		}
		s.basis = exchange.BasisOf(exchange.Qty(integer(row.CurrentQty)), exchange.Money(integer(row.UnrealisedCost)))
		if s.basis.Qty != 0 && x.cfg.Prefix != "" && x.cfg.Others == live.Doubt {
			x.differs(
				live.Difference,
				fmt.Sprintf("position of %s was %d before the session began, and it did not make it", s.inst.Symbol, s.basis.Qty),
			)
		}
	}
	return nil
}

// stranger reports whether an order that is open is somebody else's and is left alone. It
// tells of each once. The caller holds the lock.
func (x *Exchange) stranger(row *api.Order) bool {
	s := x.symbols[row.Symbol]
	if s == nil || !x.others(row.ClOrdID) {
		return false
	}
	if id := exchange.OrderID(row.OrderID); !x.foreign[id] {
		x.foreign[id] = true
		if x.cfg.Others == live.Doubt {
			x.differs(
				live.Difference,
				fmt.Sprintf(
					"order %s %s (%s %d %s) is not the session's, and is left alone",
					row.OrderID,
					row.ClOrdID,
					row.Side,
					integer(row.OrderQty),
					row.Symbol,
				),
			)
		}
	}
	return true
}

// resume reports what happened while nothing was heard, and then checks that it
// explains the account as it is. The venue may show a position later than its fills: it
// is wrong only if it stays so.
func (x *Exchange) resume(ctx context.Context, held []json.RawMessage) error {
	if _, err := x.catchUp(ctx, true); err != nil {
		return err
	}
	if err := x.executions(held); err != nil {
		return err
	}
	const tries = 3
	for try := range tries {
		snap, err := x.look(ctx, true)
		if err != nil {
			return err
		}
		if err := x.findClosed(ctx, snap.orders); err != nil {
			return err
		}
		if err := x.findOpened(snap.orders); err != nil {
			return err
		}
		if done, err := x.explained(snap.positions, try == tries-1); done || err != nil {
			return err
		}
		select {
		case <-time.After(x.cfg.Policy.Backoff):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// explained reports whether positions are what the fills come to. At last the venue's
// word counts.
func (x *Exchange) explained(positions map[string]api.Position, last bool) (bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	all := true
	for _, id := range x.cfg.Symbols {
		s := x.byID[id]
		row := positions[s.inst.Symbol]
		got := exchange.Qty(integer(row.CurrentQty))
		if got == s.basis.Qty {
			continue
		}
		if _, err := x.checkedPosition(&row, s); err != nil {
			return false, err
		}
		all = false
		if last {
			x.differs(live.Difference, fmt.Sprintf("position of %s is %d, and the fills came to %d", s.inst.Symbol, got, s.basis.Qty))
			s.basis = exchange.BasisOf(got, exchange.Money(integer(row.UnrealisedCost)))
		}
	}
	return all || last, nil
}

// openAlready reports an order that was open before we heard of it. The caller holds
// the lock.
func (x *Exchange) openAlready(row *api.Order) error {
	s := x.symbols[row.Symbol]
	if s == nil {
		return nil
	}
	o, err := x.checkedOrder(row, s)
	if err != nil {
		return err
	}
	x.acknowledge(&o, s)
	x.push(exchange.Report{Kind: exchange.ReportOrder, ExecType: exchange.ExecNew, Symbol: s.inst.ID, Time: o.Time, Order: o})
	return nil
}

// catchUp asks for the executions since the newest one that is known, and returns how
// many were news. They are reported, or only noted.
func (x *Exchange) catchUp(ctx context.Context, report bool) (news int, err error) {
	x.mu.Lock()
	from := x.latest
	x.mu.Unlock()
	for row, err := range Pages(ctx, x.client.Executions, Query{From: from, Count: page}) {
		if err != nil {
			return news, fmt.Errorf("ask for missed executions: %w", err)
		}
		x.mu.Lock()
		var isNew bool
		if report {
			isNew, err = x.execution(&row)
		} else if err = x.mine(row.Account, "execution "+row.ExecID); err == nil {
			isNew = x.note(&row)
		}
		x.mu.Unlock()
		if err != nil {
			return news, err
		}
		if isNew {
			news++
		}
	}
	return news, nil
}

func (x *Exchange) executions(data []json.RawMessage) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, raw := range data {
		var row api.Execution
		if err := json.Unmarshal(raw, &row); err != nil {
			return fmt.Errorf("execution: %w", err)
		}
		if _, err := x.execution(&row); err != nil {
			return err
		}
	}
	return nil
}

// note remembers an execution and reports whether it is new. The caller holds the lock.
func (x *Exchange) note(row *api.Execution) bool {
	at := exchange.Time(row.Timestamp)
	if x.cfg.Known != nil && at < x.before || !x.execs.add(row.ExecID) {
		return false
	}
	x.latest = max(x.latest, at)
	if !x.sync.again {
		x.old(row.ExecID, at)
	}
	return true
}

// execution reports what happened, once. The caller holds the lock.
func (x *Exchange) execution(row *api.Execution) (isNew bool, err error) {
	if err := x.mine(row.Account, "execution "+row.ExecID); err != nil {
		return false, err
	}
	if !x.note(row) {
		return false, nil
	}
	s := x.symbols[row.Symbol]
	if s == nil {
		return true, nil
	}
	r, err := reportOf(row, s)
	if err != nil {
		return true, x.refuse("execution "+row.ExecID, err)
	}
	r.ExecID = row.ExecID
	if r.Order.OrderID != "" && x.others(row.ClOrdID) {
		order := orderOf(row)
		// What was missed while nothing was connected may have ended since: what is open is
		// looked at then.
		if x.sync.begun && (!r.Order.Status.Final() || r.Kind == exchange.ReportFill) {
			x.stranger(&order)
		}
		if r.Kind == exchange.ReportOrder {
			return true, nil
		}
		r.Order = exchange.Order{} // the fill changes the position, and no order of ours
	} else if r.Kind == exchange.ReportFill && r.Order.OrderID != "" && x.spares() && !x.gave(&r.Order) {
		x.differs(live.Difference, fmt.Sprintf("fill %.80q of %d contracts of %s is of order %.80q, %.80q, which is unknown",
			row.ExecID, r.Fill.Qty, s.inst.Symbol, row.OrderID, row.ClOrdID))
	}
	if r.Order.OrderID != "" {
		if newer, stale := x.newer(&r.Order); !stale {
			x.acknowledge(&r.Order, s)
		} else if r.Kind == exchange.ReportOrder {
			return true, nil // what it says is no longer true
		} else {
			r.Order = newer
		}
		if r.Kind == exchange.ReportFill {
			r.Fill.ClientID = r.Order.ClientID
		}
	}
	x.push(r)
	return true, nil
}

// newer returns what is known of an order if that is newer than a row of it: a message
// that comes late must not open an order again, nor take back what was filled, and a
// rejection is reported once. The caller holds the lock.
func (x *Exchange) newer(row *exchange.Order) (exchange.Order, bool) {
	id := row.ClientID
	if id == "" {
		id = exchange.ClientID(row.OrderID)
	}
	if o := x.open[id]; o != nil && o.acknowledged && o.state.OrderID == row.OrderID {
		return o.state, row.Filled < o.state.Filled || row.Time < o.state.Time
	}
	if x.refused(row) {
		x.past.put(row)
		return *row, true
	}
	if o, has := x.past.orders[id]; has && o.OrderID == row.OrderID {
		return o, row.Time <= o.Time // the venue may let a filled order live again
	}
	return exchange.Order{}, false
}

// acknowledge notes that the venue has an order, and names it if nobody has. The
// caller holds the lock.
func (x *Exchange) acknowledge(row *exchange.Order, s *state) {
	unnamed := row.ClientID == ""
	if unnamed {
		row.ClientID = exchange.ClientID(row.OrderID)
	}
	o := x.open[row.ClientID]
	if o == nil {
		o = &openOrder{symbol: s.inst.ID, unnamed: unnamed}
		x.open[row.ClientID] = o
		x.cancelDenied(row, s)
	}
	o.acknowledged, o.state = true, *row
	if row.Status.Final() {
		delete(x.open, row.ClientID)
		x.past.put(row)
	}
}

// cancelDenied takes back an order that was reported as never placed, and was after
// all. The caller holds the lock.
func (x *Exchange) cancelDenied(row *exchange.Order, s *state) {
	if !x.denied[row.ClientID] {
		return
	}
	delete(x.denied, row.ClientID)
	if row.Status.Final() {
		return
	}
	x.cfg.Metrics.Differences.Inc()
	x.cfg.Log.Error("an order came late that counted as never placed: it is cancelled", "venue", "bitmex", "client_id", row.ClientID, "order_id", row.OrderID)
	id := string(row.OrderID)
	given := command{name: "cancel", outcome: "canceled", symbol: s, order: row.OrderID, client: row.ClientID, began: time.Now()}
	x.lane.give(func(ctx context.Context) {
		_, err := x.client.Cancel(ctx, []string{id}, nil, "")
		x.done(ctx, given, err)
	})
}

func (x *Exchange) positions(data []json.RawMessage, synced bool) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, raw := range data {
		var key struct {
			Symbol string `json:"symbol"`
		}
		if err := json.Unmarshal(raw, &key); err != nil {
			return fmt.Errorf("position: %w", err)
		}
		s := x.symbols[key.Symbol]
		if s == nil {
			continue
		}
		var row api.Position // an update has the fields that have changed
		if err := json.Unmarshal(raw, &row); err != nil {
			return fmt.Errorf("position %s: %w", key.Symbol, err)
		}
		if err := x.mine(row.Account, "position of "+key.Symbol); err != nil {
			return err
		}
		if _, err := x.checkedPosition(&row, s); err != nil {
			if err := x.refuse("position", err); err != nil {
				return err
			}
			continue
		}
		if err := json.Unmarshal(raw, &s.row); err != nil {
			s.row = api.Position{}
			return fmt.Errorf("position %s: %w", key.Symbol, err)
		}
		if synced {
			if err := x.pushPosition(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// pushPosition reports the position of a symbol. A row that makes no sense is forgotten:
// the next connection must not fail because of it. The caller holds the lock.
func (x *Exchange) pushPosition(s *state) error {
	p, err := x.checkedPosition(&s.row, s)
	if err != nil {
		s.row = api.Position{}
		return err
	}
	x.push(exchange.Report{Kind: exchange.ReportPosition, Symbol: s.inst.ID, Time: p.Time, Position: p})
	return nil
}

func (x *Exchange) margins(data []json.RawMessage, synced bool) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, raw := range data {
		var key struct {
			Currency string `json:"currency"`
		}
		if err := json.Unmarshal(raw, &key); err != nil {
			return fmt.Errorf("margin: %w", err)
		}
		w := x.wallet(key.Currency)
		if w == nil {
			continue // no symbol of ours settles in it
		}
		var row api.Margin // an update has the fields that have changed
		if err := json.Unmarshal(raw, &row); err != nil {
			return fmt.Errorf("margin: %w", err)
		}
		if err := x.mine(row.Account, "margin in "+key.Currency); err != nil {
			return err
		}
		m := marginOf(&row)
		if err := exchange.CheckMargin(&m); err != nil {
			if err := x.refuse("margin in "+key.Currency, err); err != nil {
				return err
			}
			continue
		}
		if err := json.Unmarshal(raw, &w.row); err != nil {
			return fmt.Errorf("margin: %w", err)
		}
		if synced {
			x.pushMargin(w)
		}
	}
	return nil
}

// wallet is the account in one currency.
type wallet struct {
	code   string            // Currency.Code
	symbol exchange.SymbolID // the first that settles in it
	row    api.Margin
}

// wallet returns the wallet of a currency; nil if no symbol settles in it.
func (x *Exchange) wallet(code string) *wallet {
	for _, w := range x.wallets {
		if w.code == code {
			return w
		}
	}
	return nil
}

// pushMargin reports the margin of a wallet. The caller holds the lock.
func (x *Exchange) pushMargin(w *wallet) {
	m := marginOf(&w.row)
	x.push(exchange.Report{Kind: exchange.ReportMargin, Symbol: w.symbol, Time: m.Time, Margin: m})
}

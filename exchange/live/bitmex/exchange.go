package bitmex

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
)

// ExchangeConfig describes the account that trades.
type ExchangeConfig struct {
	Config
	Instruments *exchange.Instruments
	Symbols     []exchange.SymbolID
	// Now is the clock that reports arrive by. nil: the wall's.
	Now func() exchange.Time
	// DeadMan, if set, arms the venue's dead man's switch while connected, refreshes it
	// at a quarter of this time and disarms it last.
	DeadMan time.Duration
	// Reconcile is how often open orders and positions are compared with the venue's.
	// What differs twice in a row makes the stream begin anew, which asks for all that
	// was missed. 0: a minute; negative: never.
	Reconcile time.Duration
	// CancelConnections is how many cancellations of acknowledged orders are under way
	// at once, beside the other commands, which are sent one after another. 0:
	// cancellations keep their place among them.
	CancelConnections int
	// Prefix begins the client ids of the program's own orders. Orders with other ids are
	// somebody else's and are treated as Others says; unless that is [live.Adopt], CancelAll
	// spares them. Empty: every order counts as the program's own. The venue's dead man's
	// switch is the account's: when it fires it cancels all orders, whoever placed them.
	Prefix string
	Others live.Others
	// Known is what is known of the account from an earlier connection. nil: nothing.
	Known *live.Known
	// Notice, if set, is called when the account is heard no more, when it is again, and
	// when it is not what its reports came to. It must not call the exchange.
	Notice func(live.Notice)
}

// Exchange is an exchange.Exchange on the venue. Besides what the interface says,
// Ready tells that a report waits, and Flush that all is said.
type Exchange struct {
	cfg     ExchangeConfig
	client  *Client
	socket  *live.Socket
	symbols map[string]*state
	byID    map[exchange.SymbolID]*state
	prefix  string // of the client ids that it assigns
	lane    *lane  // commands in their order
	cancels *lane

	stop  context.CancelFunc
	group sync.WaitGroup
	ready chan struct{}

	mu       sync.Mutex
	closed   bool
	reports  []exchange.Report
	advanced exchange.Time
	numbers  uint64
	open     map[exchange.ClientID]*openOrder // as far as reported, or sent
	denied   map[exchange.ClientID]bool       // that were reported as never placed, without the venue's word
	sync     syncing
	execs    seen
	past     past
	latest   exchange.Time             // of the newest execution
	before   exchange.Time             // what is older is not ours
	first    []string                  // executions of that instant
	wallets  []*wallet                 // in the currencies of the symbols, that of the first one first
	pongs    chan struct{}             // closed and replaced at each pong
	breaks   chan struct{}             // closed and replaced when the stream is lost
	foreign  map[exchange.OrderID]bool // orders of others that were told of
	account  int64                     // the account's number; 0: it is not known yet
	broke    error                     // why the newest connection ended
	suspect  chan struct{}             // receives when the account is to be compared at once

	left departures

	expires atomic.Bool // the dead man's switch is not refreshed
}

// LetExpire stops the refreshing of the dead man's switch, so that the venue cancels all
// orders when its time is over, or takes it up again.
func (x *Exchange) LetExpire(expire bool) {
	if x.expires.Swap(expire) != expire && x.cfg.DeadMan > 0 {
		x.cfg.Log.Warn("dead_man_switch", "venue", "bitmex", "refreshed", !expire)
	}
}

var _ exchange.Exchange = (*Exchange)(nil)

// state is what is known of a symbol.
type state struct {
	inst   *exchange.Instrument
	bounds exchange.Bounds // see limits
	basis  exchange.Basis
	row    api.Position
}

// limits are the bounds of the symbol, made at the first use.
func (s *state) limits() *exchange.Bounds {
	if s.bounds.High == 0 {
		s.bounds = s.inst.Bounds()
	}
	return &s.bounds
}

// openOrder is an order that may be open on the venue.
type openOrder struct {
	acknowledged bool
	symbol       exchange.SymbolID
	side         exchange.Side    // as sent; NoSide: it is not known
	state        exchange.Order   // as last heard
	before       exchange.OrderID // of an order with the same client id, which has ended
	// unnamed: another program placed it without a clOrdID, and its order id stands in.
	unnamed bool
}

// topics are the private tables that make reports.
var topics = []string{"execution", "position", "margin"}

// Connect opens an account: it returns when the stream stands and the account is
// known. Orders, position and margin that are there already are reported first.
func Connect(ctx context.Context, c ExchangeConfig) (*Exchange, error) {
	client, err := NewClient(c.Config)
	if err != nil {
		return nil, err
	}
	c.Config = client.cfg
	switch {
	case c.Key == "":
		return nil, errors.New("bitmex: an account needs a key")
	case c.Instruments == nil || len(c.Symbols) == 0:
		return nil, errors.New("bitmex: instruments and symbols are needed")
	case c.CancelConnections < 0 || c.CancelConnections > 64:
		return nil, fmt.Errorf("bitmex: %d connections for cancellations: want 0 to 64", c.CancelConnections)
	case c.DeadMan < 0 || c.DeadMan > 0 && c.DeadMan < time.Second:
		return nil, fmt.Errorf("bitmex: dead man's switch of %s: want 0 or at least 1s", c.DeadMan)
	}
	if c.Reconcile == 0 {
		c.Reconcile = time.Minute
	}
	if c.Now == nil {
		c.Now = func() exchange.Time { return exchange.TimeOf(time.Now()) }
	}
	if c.Notice == nil {
		c.Notice = func(live.Notice) {}
	}
	x := &Exchange{cfg: c, client: client, symbols: map[string]*state{}, byID: map[exchange.SymbolID]*state{}, prefix: prefix(),
		ready: make(chan struct{}, 1), open: map[exchange.ClientID]*openOrder{}, denied: map[exchange.ClientID]bool{},
		foreign: map[exchange.OrderID]bool{}, suspect: make(chan struct{},
			1), pongs: make(chan struct{}), breaks: make(chan struct{}), sync: newSyncing()}
	for _, id := range c.Symbols {
		s := &state{inst: c.Instruments.Get(id)}
		x.symbols[s.inst.Symbol], x.byID[id] = s, s
		if x.wallet(s.inst.Settle.Code) == nil {
			x.wallets = append(x.wallets, &wallet{code: s.inst.Settle.Code, symbol: id})
		}
	}
	x.recall()
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	x.stop = stop
	x.lane, x.cancels = newLane(), newLane()
	x.socket = &live.Socket{Name: "account", URL: c.StreamURL, Policy: c.Policy, Log: c.Log, Metrics: c.Metrics,
		Answered: client.http.Observe, Opened: x.opened, Frame: x.frame, Closed: x.lost}
	client.http.Recovered = x.socket.Hurry
	x.start(run)
	select {
	case <-x.sync.first:
		return x, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(x.wait()):
		err = x.unready()
	case err = <-x.sync.refused:
	}
	x.stop()
	x.group.Wait()
	return nil, fmt.Errorf("bitmex: connect: %w", err)
}

// unready is why the account was not known in time.
func (x *Exchange) unready() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.broke != nil {
		return fmt.Errorf("the stream did not show the account in time; the newest connection: %w", x.broke)
	}
	return errors.New("the stream did not show the account in time")
}

// wait is how long the first sight of the account may take. Orders whose outcome is not
// known are looked up meanwhile.
func (x *Exchange) wait() time.Duration {
	if x.cfg.Known == nil {
		return 2 * x.cfg.Policy.Timeout
	}
	return 10 * x.cfg.Policy.Timeout
}

func (x *Exchange) start(ctx context.Context) {
	x.group.Go(func() { _ = x.socket.Run(ctx) })
	x.group.Go(func() { x.lane.run(ctx) })
	for range x.cfg.CancelConnections {
		x.group.Go(func() { x.cancels.run(ctx) })
	}
	if x.cfg.DeadMan > 0 {
		x.group.Go(func() { x.refreshDeadMan(ctx) })
	}
	if x.cfg.Reconcile > 0 {
		x.group.Go(func() { x.reconcile(ctx) })
	}
}

// prefix makes the client ids of this connection unlike those of any other.
func prefix() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return "dun-" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]) + "-"
}

// Ready receives when a report may wait to be taken by Advance.
func (x *Exchange) Ready() <-chan struct{} { return x.ready }

// push queues a report. The caller holds the lock.
func (x *Exchange) push(r exchange.Report) {
	// What arrives after Advance has looked is later than it, whatever the clock says.
	r.Arrival = max(x.cfg.Now(), x.advanced+1, r.Time)
	if n := len(x.reports); n > 0 {
		r.Arrival = max(r.Arrival, x.reports[n-1].Arrival)
	}
	x.reports = append(x.reports, r)
	select {
	case x.ready <- struct{}{}:
	default:
	}
}

// Next implements exchange.Exchange.
func (x *Exchange) Next() exchange.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.reports) == 0 || x.closed {
		return exchange.Never
	}
	return x.reports[0].Arrival
}

// Advance implements exchange.Exchange.
func (x *Exchange) Advance(_ context.Context, now exchange.Time, reports []exchange.Report) ([]exchange.Report, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return reports, exchange.ErrClosed
	}
	x.advanced = max(x.advanced, now)
	n := 0
	for n < len(x.reports) && x.reports[n].Arrival <= now {
		n++
	}
	reports = append(reports, x.reports[:n]...)
	x.reports = x.reports[:copy(x.reports, x.reports[n:])]
	return reports, nil
}

// Flush waits until every command that was given is answered and what the stream
// said until then is reported. It fails if the stream is lost meanwhile.
func (x *Exchange) Flush(ctx context.Context) error {
	if err := errors.Join(x.lane.idle(ctx), x.cancels.idle(ctx)); err != nil {
		return err
	}
	x.mu.Lock()
	pong, broken := x.pongs, x.breaks
	x.mu.Unlock()
	if err := x.socket.Send(ctx, []byte("ping")); err != nil {
		return err
	}
	select {
	case <-pong:
		return nil
	case <-broken:
		return live.ErrNotConnected
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends the connection. The dead man's switch is disarmed last, when no order
// can be sent any more.
func (x *Exchange) Close() error { return x.close(x.cfg.DeadMan > 0) }

// Abandon ends the connection and leaves the dead man's switch armed, so that the venue
// cancels the orders that are open.
func (x *Exchange) Abandon() error { return x.close(false) }

func (x *Exchange) close(disarm bool) error {
	x.mu.Lock()
	was := x.closed
	x.closed = true
	x.mu.Unlock()
	if was {
		return nil
	}
	x.stop()
	x.group.Wait()
	var err error
	if disarm {
		ctx, cancel := context.WithTimeout(context.Background(), x.cfg.Policy.Timeout)
		defer cancel()
		if err = x.client.CancelAllAfter(ctx, 0); err != nil {
			err = fmt.Errorf("disarm the dead man's switch: %w", err)
		}
	}
	x.client.Close()
	return err
}

// refreshDeadMan arms the switch, and again at a quarter of its time. A refresh that is
// under way is not broken off when the exchange closes: it could reach the venue after
// the switch is disarmed, and arm it again.
func (x *Exchange) refreshDeadMan(ctx context.Context) {
	tick := time.NewTicker(x.cfg.DeadMan / 4)
	defer tick.Stop()
	for ctx.Err() == nil {
		if !x.expires.Load() {
			once, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.cfg.DeadMan/4+x.cfg.Policy.Timeout)
			if err := x.client.CancelAllAfter(once, x.cfg.DeadMan); err != nil {
				x.cfg.Log.Error("dead man's switch was not refreshed", "venue", "bitmex", "error", err)
			}
			cancel()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// lookup finds a symbol that is traded.
func (x *Exchange) lookup(id exchange.SymbolID) (*state, error) {
	x.mu.Lock()
	closed := x.closed
	x.mu.Unlock()
	if closed {
		return nil, exchange.ErrClosed
	}
	s := x.byID[id]
	if s == nil {
		return nil, fmt.Errorf("symbol #%d: %w", id, exchange.ErrUnknownSymbol)
	}
	return s, nil
}

// within names the symbol in a validation error.
func within(err error, s *state) error {
	var v *exchange.ValidationError
	if errors.As(err, &v) && v.Symbol == "" {
		v.Symbol = s.inst.Name()
	}
	return err
}

// claim notes that a client id is in use, and assigns one if there is none.
func (x *Exchange) claim(id exchange.ClientID, s *state) (exchange.ClientID, *openOrder, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if id == "" {
		x.numbers++
		id = exchange.ClientID(fmt.Sprintf("%s%d", x.prefix, x.numbers))
	}
	if x.open[id] != nil {
		return "", nil, fmt.Errorf("%s: %w %q", s.inst.Name(), exchange.ErrDuplicateID, id)
	}
	o := &openOrder{symbol: s.inst.ID, before: x.past.orders[id].OrderID}
	x.open[id] = o
	delete(x.denied, id)
	return id, o, nil
}

// unnamed reports whether an id stands in for one that an order does not have.
func (x *Exchange) unnamed(id exchange.ClientID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	o := x.open[id]
	return o != nil && o.unnamed
}

// acknowledged reports whether the venue is known to have an open order.
func (x *Exchange) acknowledged(id exchange.ClientID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	o := x.open[id]
	return o != nil && o.acknowledged
}

func (x *Exchange) release(id exchange.ClientID) {
	x.mu.Lock()
	delete(x.open, id)
	x.mu.Unlock()
}

// Submit implements exchange.Exchange.
func (x *Exchange) Submit(_ context.Context, o exchange.NewOrder) (exchange.ClientID, error) {
	s, err := x.lookup(o.Symbol)
	if err != nil {
		return "", err
	}
	o.Normalize()
	if err := o.Validate(s.inst.At(x.cfg.Now())); err != nil {
		return "", within(err, s)
	}
	var claimed *openOrder
	if o.ClientID, claimed, err = x.claim(o.ClientID, s); err != nil {
		return "", err
	}
	x.mu.Lock()
	claimed.side = o.Side
	x.mu.Unlock()
	body, began := bodyOf(&o, s.inst), time.Now()
	x.lane.add(errand{order: &o, drop: func() { x.dropped(&o) }, do: func(ctx context.Context) { x.place(ctx, &o, claimed, body, began) }})
	return o.ClientID, nil
}

func bodyOf(o *exchange.NewOrder, i *exchange.Instrument) NewOrder {
	b := NewOrder{Symbol: i.Symbol, Side: o.Side.String(), OrderQty: o.Qty, Price: o.Price, StopPx: o.StopPrice, ClOrdID: string(o.ClientID),
		ClOrdLinkID: string(o.LinkID), PegOffsetValue: o.PegOffset, PegPriceType: o.PegType.String(), OrdType: o.Type.String(),
		TimeInForce: o.TimeInForce.String(), ExecInst: o.ExecInst.String(), ContingencyType: o.Contingency.String(), Text: o.Text}
	switch o.DisplayQty {
	case 0:
	case exchange.Hidden:
		b.DisplayQty = new(exchange.Qty)
	default:
		b.DisplayQty = &o.DisplayQty
	}
	return b
}

// place sends an order. What it comes to is read from the stream; what the venue
// refuses is reported from here.
func (x *Exchange) place(ctx context.Context, o *exchange.NewOrder, claimed *openOrder, body NewOrder, began time.Time) {
	by, err := x.patience(began), x.late(began)
	if o.ExecInst&(exchange.ReduceOnly|exchange.Close) != 0 {
		by, err = time.Time{}, nil
	}
	var row api.Order
	if err == nil {
		row, err = x.client.place(ctx, body, by, func(now time.Time) { x.left.put(o.ClientID, exchange.TimeOf(now)) })
	}
	if unknown(err) {
		row, err = x.resolve(ctx, body, claimed.before, err)
	}
	if err != nil && ctx.Err() != nil {
		return // closed: what became of the order is for the next connection to say
	}
	took := x.took("place", began)
	if err == nil {
		outcome := "placed"
		if row.OrdStatus == "Rejected" {
			outcome = "rejected"
		}
		x.cfg.Metrics.Orders.WithLabelValues(outcome).Inc()
		x.cfg.Log.Info("order placed", "outcome", outcome, "venue", "bitmex", "symbol", row.Symbol, "order_id", row.OrderID, "client_id", row.ClOrdID, "status", row.OrdStatus,
			"reason", row.OrdRejReason, "latency", took)
		return
	}
	if x.neverPlaced(o, claimed, err) {
		x.cfg.Log.Warn("order rejected", "venue", "bitmex", "symbol", body.Symbol, "client_id", body.ClOrdID,
			"latency", took, "error", err)
	}
}

// patience is until when a command that was given at an instant may wait for a rate
// limit.
func (x *Exchange) patience(began time.Time) time.Time {
	if x.cfg.Policy.OrderPatience == 0 {
		return time.Time{}
	}
	return began.Add(x.cfg.Policy.OrderPatience)
}

// errLate is why a command is not sent.
var errLate = errors.New("not sent: the command is too old")

// late refuses a command that was given too long ago: it waited behind other commands, or the
// process was paused. A sleep of the machine shows in the wall clock alone.
func (x *Exchange) late(began time.Time) error {
	now, most := time.Now(), x.cfg.Policy.Behind
	age := max(now.Sub(began), now.Round(0).Sub(began.Round(0)))
	if most == 0 || age <= most {
		return nil
	}
	return fmt.Errorf("%w: given %s ago; the limit is %s", errLate, age.Round(time.Millisecond), most)
}

// neverPlaced reports an order that the venue does not have, unless the stream has reported it before. claimed is
// nil for an order of an earlier process. It returns whether the order is rejected.
func (x *Exchange) neverPlaced(o *exchange.NewOrder, claimed *openOrder, err error) (rejected bool) {
	now := x.cfg.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	if claimed != nil && claimed.acknowledged {
		if rejected = claimed.state.Status == exchange.Rejected; rejected {
			x.cfg.Metrics.Orders.WithLabelValues("rejected").Inc()
		}
		return rejected
	}
	x.cfg.Metrics.Orders.WithLabelValues("rejected").Inc()
	delete(x.open, o.ClientID)
	order := neverThere(o, exchange.Rejected, now, o.Text, reasonOf(err))
	if errors.Is(err, errNotPlaced) {
		x.denied[o.ClientID] = true
	} else if _, known := x.past.orders[o.ClientID]; !known {
		x.past.put(&order)
	}
	x.push(exchange.Report{Kind: exchange.ReportOrder, ExecType: exchange.ExecRejected, Symbol: o.Symbol, Time: now,
		Order: order})
	return true
}

// refused reports whether a row repeats what a request was answered: the venue answers 400 to an order that
// fails its checks, and shows it as rejected in its tables besides. The caller holds the lock.
func (x *Exchange) refused(row *exchange.Order) bool {
	was, known := x.past.orders[row.ClientID]
	return known && was.OrderID == noOrder && was.Status == exchange.Rejected && row.Status == exchange.Rejected
}

// took notes how long a command took.
func (x *Exchange) took(command string, began time.Time) time.Duration {
	d := time.Since(began)
	x.cfg.Metrics.Commands.WithLabelValues(command).Observe(d.Seconds())
	return d
}

// reasonOf is the venue's text, if it gave one.
func reasonOf(err error) string {
	var e *api.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}

// resolve finds out what became of an order whose request was not answered: it is
// looked up by its client id, and only sent again when the venue has said that it was
// overloaded and does not have it.
func (x *Exchange) resolve(ctx context.Context, body NewOrder, before exchange.OrderID, failed error) (api.Order, error) {
	x.cfg.Metrics.Orders.WithLabelValues("unknown").Inc()
	x.cfg.Log.Warn("the outcome of an order is not known", "client_id", body.ClOrdID, "error", failed)
	for again := 0; ; again++ {
		row, found, err := x.find(ctx, body.Symbol, body.ClOrdID, func(row *api.Order) bool { return row.OrderID != string(before) })
		if found || err != nil {
			return row, err
		}
		var e *api.Error
		if !errors.As(failed, &e) || e.Status != http.StatusServiceUnavailable || again >= x.cfg.Policy.Lookups {
			return row, fmt.Errorf("%w: %w", errNotPlaced, failed)
		}
		row, err = x.client.Place(ctx, body)
		switch {
		case err == nil:
			return row, nil
		case errors.Is(err, api.ErrDuplicateID):
			// The first request has arrived after all.
		case !unknown(err):
			return row, err
		default:
			failed = err
		}
	}
}

// errNotPlaced means that the venue says that it does not have an order. A request that
// is still on its way may yet arrive.
var errNotPlaced = errors.New("not placed")

// find looks for an order by its client id that is as it should be. It asks until it is
// answered: as long as it is not known what became of an order, no other is sent.
func (x *Exchange) find(ctx context.Context, symbol, client string, right func(*api.Order) bool) (row api.Order, found bool, err error) {
	wait := x.cfg.Policy.Backoff
	for missing := 0; missing < x.cfg.Policy.Lookups; {
		rows, err := x.client.Orders(ctx, Query{Symbol: symbol, Filter: map[string]any{"clOrdID": client}, Reverse: true, Count: 1})
		var e *api.Error
		switch {
		case err == nil && len(rows) > 0 && right(&rows[0]):
			return rows[0], true, nil
		case err == nil:
			missing++
		case errors.As(err, &e) && e.Status < 500 && e.Status != http.StatusTooManyRequests:
			return row, false, err // asking again would not help
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return row, false, ctx.Err()
		}
		wait = min(2*wait, x.cfg.Policy.MaxBackoff)
	}
	return row, false, nil
}

// Amend implements exchange.Exchange.
func (x *Exchange) Amend(_ context.Context, a exchange.AmendOrder) error {
	s, err := x.lookup(a.Symbol)
	if err != nil {
		return err
	}
	if err := a.Validate(s.inst.At(x.cfg.Now())); err != nil {
		return within(err, s)
	}
	renamed := a.ClientID != "" && a.ClientID != a.OrigClientID
	if renamed {
		if _, _, err := x.claim(a.ClientID, s); err != nil {
			return err
		}
	}
	if x.unnamed(a.OrigClientID) {
		a.OrderID, a.OrigClientID = exchange.OrderID(a.OrigClientID), ""
	}
	body := AmendOrder{OrderID: string(a.OrderID), ClOrdID: string(a.ClientID), OrderQty: copied(a.Qty), LeavesQty: copied(a.Leaves),
		Price: copied(a.Price), StopPx: copied(a.StopPrice), PegOffsetValue: copied(a.PegOffset), Text: a.Text}
	if a.OrderID == "" || a.ClientID != "" {
		body.OrigClOrdID, body.OrderID = string(a.OrigClientID), ""
	}
	given := command{name: "amend", outcome: "amended", symbol: s, order: a.OrderID, client: a.OrigClientID, began: time.Now()}
	x.lane.give(func(ctx context.Context) {
		err := x.late(given.began)
		if err == nil {
			_, err = x.client.amend(ctx, body, x.patience(given.began))
		}
		if unknown(err) {
			err = x.resolveAmend(ctx, s, a, body, err)
		}
		switch {
		case renamed && err == nil:
			x.release(a.OrigClientID)
		case renamed && ctx.Err() == nil:
			x.release(a.ClientID)
		}
		x.done(ctx, given, err)
	})
	return nil
}

// resolveAmend finds out whether a change whose request was not answered was made.
func (x *Exchange) resolveAmend(ctx context.Context, s *state, a exchange.AmendOrder, body AmendOrder, failed error) error {
	x.cfg.Metrics.Orders.WithLabelValues("unknown").Inc()
	x.cfg.Log.Warn("the outcome of an amendment is not known", "venue", "bitmex", "order_id", a.OrderID, "client_id", a.OrigClientID, "error", failed)
	client := body.ClOrdID
	if client == "" {
		client = string(a.OrigClientID)
	}
	if client == "" {
		return failed // it has no name to ask by; the stream tells
	}
	_, found, err := x.find(ctx, s.inst.Symbol, client, func(row *api.Order) bool { return changed(row, &body) })
	if found || err != nil {
		return err
	}
	return fmt.Errorf("not amended: %w", failed)
}

// changed reports whether an order is as an amendment wants it.
func changed(row *api.Order, body *AmendOrder) bool {
	same := func(have api.Number, want *exchange.Price) bool {
		if want == nil {
			return true
		}
		p, err := have.Price()
		return err == nil && p == *want
	}
	filled := exchange.Qty(integer(row.CumQty))
	qty := exchange.Qty(integer(row.OrderQty))
	return same(row.Price, body.Price) && same(row.StopPx, body.StopPx) && same(row.PegOffsetValue, body.PegOffsetValue) &&
		(body.OrderQty == nil || qty == *body.OrderQty) && (body.LeavesQty == nil || qty-filled <= *body.LeavesQty)
}

// copied is a value that the caller may change once the command is given.
func copied[T any](v *T) *T {
	if v == nil {
		return nil
	}
	return new(*v)
}

// command is one that was given, in logs, metrics and refusals.
type command struct {
	name    string
	outcome string // in the count of orders, if it is about one
	symbol  *state
	order   exchange.OrderID
	client  exchange.ClientID
	began   time.Time
}

// done tells what a command came to: what failed is reported.
func (x *Exchange) done(ctx context.Context, c command, err error) {
	if err != nil && ctx.Err() != nil {
		return // closed: what became of it is for the next connection to say
	}
	attributes := []any{"venue", "bitmex", "command", c.name, "symbol", c.symbol.inst.Symbol, "order_id", c.order, "client_id", c.client,
		"latency", x.took(c.name, c.began)}
	if err == nil {
		if c.outcome != "" {
			x.cfg.Metrics.Orders.WithLabelValues(c.outcome).Inc()
		}
		x.cfg.Log.Info("command done", attributes...)
		return
	}
	x.cfg.Metrics.Orders.WithLabelValues("refused").Inc()
	x.cfg.Log.Warn("a command was refused", append(attributes, "error", err)...)
	now := x.cfg.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.push(exchange.Report{Kind: exchange.ReportReject, Symbol: c.symbol.inst.ID, Time: now,
		Reject: exchange.Reject{Command: c.name, OrderID: c.order, ClientID: c.client, Reason: reasonOf(err), Time: now}})
}

// Cancel implements exchange.Exchange.
func (x *Exchange) Cancel(_ context.Context, c exchange.CancelOrder) error {
	s, err := x.lookup(c.Symbol)
	if err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return within(err, s)
	}
	if c.OrderID == "" && x.unnamed(c.ClientID) {
		c.OrderID = exchange.OrderID(c.ClientID)
	}
	var orderIDs, clients []string
	if c.OrderID != "" {
		orderIDs = []string{string(c.OrderID)}
	} else {
		clients = []string{string(c.ClientID)}
	}
	lane := x.lane // behind the order, if that is still on its way
	if x.cfg.CancelConnections > 0 && (c.OrderID != "" || x.acknowledged(c.ClientID)) {
		lane = x.cancels
	}
	given := command{name: "cancel", outcome: "canceled", symbol: s, order: c.OrderID, client: c.ClientID, began: time.Now()}
	lane.give(func(ctx context.Context) {
		rows, err := x.client.Cancel(ctx, orderIDs, clients, c.Text)
		if err == nil && len(rows) > 0 && rows[0].Error != "" {
			err = &api.Error{Status: 200, Name: "HTTPError", Message: rows[0].Error}
		}
		x.done(ctx, given, err)
	})
	return nil
}

// CancelAll implements exchange.Exchange. It does not wait for the orders that wait for a
// rate limit: those that it would cancel are not sent at all.
func (x *Exchange) CancelAll(_ context.Context, f exchange.CancelFilter) error {
	symbol := ""
	s := x.byID[x.cfg.Symbols[0]]
	if !f.AllSymbol {
		var err error
		if s, err = x.lookup(f.Symbol); err != nil {
			return err
		}
		symbol = s.inst.Symbol
	}
	if _, err := x.lookup(s.inst.ID); err != nil {
		return err
	}
	if err := f.Validate(); err != nil {
		return within(err, s)
	}
	var filter map[string]any
	if f.Side != exchange.NoSide {
		filter = map[string]any{"side": f.Side.String()}
	}
	given := command{name: "cancelAll", symbol: s, began: time.Now()}
	send := func(ctx context.Context) {
		if x.spares() {
			x.done(ctx, given, x.cancelOwn(ctx, &f))
			return
		}
		_, err := x.client.CancelAll(ctx, symbol, filter, f.Text)
		x.done(ctx, given, err)
	}
	if x.cfg.CancelConnections > 0 && x.lane.stuck(time.Second) {
		x.cancels.give(send) // now, and again once the command that is not answered is
	}
	dropped := x.lane.overtake(fmt.Sprintf("cancelAll %s %s", symbol, f.Side), send, func(o *exchange.NewOrder) bool {
		return (f.AllSymbol || o.Symbol == f.Symbol) && (f.Side == exchange.NoSide || o.Side == f.Side)
	})
	for _, e := range dropped {
		e.drop()
	}
	return nil
}

// spares reports whether orders of others are left alone.
func (x *Exchange) spares() bool { return x.cfg.Prefix != "" && x.cfg.Others != live.Adopt }

// others reports whether an order is somebody else's, and is left alone.
func (x *Exchange) others(client string) bool {
	return x.spares() && !strings.HasPrefix(client, x.cfg.Prefix)
}

// cancelOwn cancels the program's own orders that a filter selects, by their ids. An order
// that has ended meanwhile is no error.
func (x *Exchange) cancelOwn(ctx context.Context, f *exchange.CancelFilter) error {
	x.mu.Lock()
	var ids []string
	for id, o := range x.open {
		side := o.side
		if o.acknowledged {
			side = o.state.Side
		}
		if (f.AllSymbol || o.symbol == f.Symbol) &&
			(f.Side == exchange.NoSide || side == exchange.NoSide || side == f.Side) &&
			strings.HasPrefix(string(id), x.cfg.Prefix) {
			ids = append(ids, string(id))
		}
	}
	x.mu.Unlock()
	slices.Sort(ids)
	for some := range slices.Chunk(ids, idsAtOnce) {
		_, err := x.client.Cancel(ctx, nil, some, f.Text)
		var refusal *api.Error
		if errors.As(err, &refusal) && refusal.Status == http.StatusNotFound {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dropped reports an order that was cancelled before it was sent.
func (x *Exchange) dropped(o *exchange.NewOrder) {
	now := x.cfg.Now()
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.open, o.ClientID)
	x.push(exchange.Report{Kind: exchange.ReportOrder, ExecType: exchange.ExecCanceled, Symbol: o.Symbol, Time: now, Order: neverThere(o, exchange.Canceled, now, "Canceled: before it was sent", "")})
}

// neverThere is an order that the venue never had.
func neverThere(o *exchange.NewOrder, s exchange.OrderStatus, at exchange.Time, text, reason string) exchange.Order {
	return exchange.Order{
		OrderID: noOrder, ClientID: o.ClientID, LinkID: o.LinkID, Symbol: o.Symbol, Side: o.Side, Qty: o.Qty, Price: o.Price, DisplayQty: o.DisplayQty,
		StopPrice: o.StopPrice, PegOffset: o.PegOffset, PegType: o.PegType, Type: o.Type, TimeInForce: o.TimeInForce, ExecInst: o.ExecInst,
		Contingency: o.Contingency, Status: s, RejectReason: reason, Text: text, TransactTime: at, Time: at,
	}
}

// ClosePosition implements exchange.Exchange.
func (x *Exchange) ClosePosition(ctx context.Context, id exchange.SymbolID) (exchange.ClientID, error) {
	return x.Submit(ctx, exchange.NewOrder{Symbol: id, Type: exchange.Market, ExecInst: exchange.Close})
}

// SetLeverage implements exchange.Exchange.
func (x *Exchange) SetLeverage(_ context.Context, id exchange.SymbolID, leverage exchange.Ratio) error {
	s, err := x.lookup(id)
	if err != nil {
		return err
	}
	if leverage < 0 {
		return within(&exchange.ValidationError{Field: "leverage", Value: leverage.String(), Reason: "must not be negative; 0 is cross margin"}, s)
	}
	x.settle("leverage", s, func(ctx context.Context) error {
		_, err := x.client.Leverage(ctx, s.inst.Symbol, leverage)
		return err
	})
	return nil
}

// settle carries out a command about the margin of a position.
func (x *Exchange) settle(name string, s *state, send func(context.Context) error) {
	given := command{name: name, symbol: s, began: time.Now()}
	x.lane.give(func(ctx context.Context) { x.done(ctx, given, send(ctx)) })
}

var _ exchange.MarginControl = (*Exchange)(nil)

// TransferMargin implements exchange.MarginControl.
func (x *Exchange) TransferMargin(_ context.Context, id exchange.SymbolID, amount exchange.Money) error {
	s, err := x.lookup(id)
	if err != nil {
		return err
	}
	if amount == 0 {
		return within(&exchange.ValidationError{Field: "amount", Value: "0", Reason: "must not be 0"}, s)
	}
	x.settle("transferMargin", s, func(ctx context.Context) error {
		_, err := x.client.TransferMargin(ctx, s.inst.Symbol, amount)
		return err
	})
	return nil
}

// SetRiskLimit implements exchange.MarginControl.
func (x *Exchange) SetRiskLimit(_ context.Context, id exchange.SymbolID, limit exchange.Money) error {
	s, err := x.lookup(id)
	if err != nil {
		return err
	}
	if limit <= 0 {
		return within(&exchange.ValidationError{Field: "riskLimit", Value: strconv.FormatInt(int64(limit), 10), Reason: "must be positive"}, s)
	}
	x.settle("riskLimit", s, func(ctx context.Context) error {
		_, err := x.client.RiskLimit(ctx, s.inst.Symbol, limit)
		return err
	})
	return nil
}

// CancelAllAfter implements exchange.Exchange.
func (x *Exchange) CancelAllAfter(_ context.Context, timeout time.Duration) error {
	s, err := x.lookup(x.cfg.Symbols[0])
	if err != nil {
		return err
	}
	if timeout < 0 {
		return &exchange.ValidationError{Field: "timeout", Value: timeout.String(), Reason: "must not be negative; 0 disarms"}
	}
	given := command{name: "cancelAllAfter", symbol: s, began: time.Now()}
	x.lane.give(func(ctx context.Context) { x.done(ctx, given, x.client.CancelAllAfter(ctx, timeout)) })
	return nil
}

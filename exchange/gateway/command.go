package gateway

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
)

// patience is how long a request waits for what its command came to.
const patience = 5 * time.Second

// overloaded is what the venue says when it does not know.
func overloaded() *api.Error {
	return &api.Error{Status: http.StatusServiceUnavailable, Name: "HTTPError",
		Message: "The system is currently overloaded. Please try again later."}
}

// perform lets the owner give a command and waits until it is done. The command
// returns nil for ready if there is nothing to wait for.
func (g *Gateway) perform(ctx context.Context, k Key, command func(a *account) (w *waiter, err error), answer func(a *account) (any, error)) (any, error) {
	var w *waiter
	var failed error
	var a *account
	give := func() {
		if a, failed = g.account(ctx, k); failed != nil {
			return
		}
		if a.at < g.now { // else it waits for this command, or has nothing to do before it
			if failed = g.bring(ctx, a); failed != nil {
				return
			}
		}
		if w, failed = command(a); failed != nil {
			return
		}
		if w != nil {
			w.done = make(chan struct{})
			a.waiters = append(a.waiters, w)
		}
		if failed = g.advanceAccount(ctx, a); failed == nil {
			a.answer()
		}
	}
	if err := g.do(ctx, give); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, translate(failed)
	}
	if w != nil {
		select {
		case <-w.done:
		case <-time.After(patience):
			return nil, errors.Join(overloaded(), g.forget(ctx, a, w))
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), g.forget(ctx, a, w))
		}
	}
	var out any
	if err := g.do(ctx, func() { out, failed = answer(a) }); err != nil {
		return nil, err
	}
	return out, failed
}

// forget ends the wait of a request that has given up.
func (g *Gateway) forget(ctx context.Context, a *account, w *waiter) error {
	return g.do(context.WithoutCancel(ctx), func() {
		a.waiters = slices.DeleteFunc(a.waiters, func(x *waiter) bool { return x == w })
	})
}

// translate says in the venue's words why an exchange refused a command.
func translate(err error) error {
	var v *exchange.ValidationError
	switch {
	case errors.As(err, &v):
		return invalid(venueText(v))
	case errors.Is(err, exchange.ErrDuplicateID):
		return refused("Duplicate clOrdID")
	case errors.Is(err, exchange.ErrUnknownSymbol):
		return refused("Invalid symbol")
	}
	return err
}

// venueText is the venue's text for a field that is wrong.
func venueText(v *exchange.ValidationError) string {
	lot := strings.HasPrefix(v.Reason, "must be a multiple of lot size: ")
	tick := strings.HasPrefix(v.Reason, "must be a multiple of tick size: ")
	switch {
	case v.Field == "execInst":
		return execInstText(v.Reason)
	case v.Field == "timeInForce":
		return "Unsupported timeInForce"
	case v.Field == "orderQty" && lot:
		return "Order quantity m" + strings.TrimPrefix(v.Reason, "m")
	case tick:
		return "Invalid " + v.Field + " tickSize"
	case v.Field == "orderQty", v.Field == "price", v.Field == "leavesQty", v.Field == "side", v.Field == "displayQty", v.Field == "leverage", v.Field == "clOrdID":
		return "Invalid " + v.Field
	case v.Field == "stopPx", v.Field == "pegPriceType":
		return "Invalid " + v.Field + " for ordType"
	case v.Field == "pegOffsetValue":
		return "Invalid pegOffsetValue for pegPriceType"
	case v.Field == "clOrdLinkID", v.Field == "contingencyType":
		return "Invalid clOrdLinkID for contingencyType"
	case v.Field == "orderID":
		return "orderID or origClOrdID must be sent."
	}
	return v.Field + " is invalid"
}

// execInstText is the venue's text for an instruction that does not go with an order.
func execInstText(reason string) string {
	switch reason {
	case exchange.ReasonPostOnly:
		return "Invalid ordType or timeInForce for execInst"
	case exchange.ReasonTriggerPrice, exchange.ReasonWithinMark, exchange.ReasonNotFixed, exchange.ReasonFixed:
		return "Invalid ordType for execInst"
	}
	return "Invalid execInst"
}

// newOrder reads an order. Its quantity may be negative to sell.
func (g *Gateway) newOrder(p params) (o exchange.NewOrder, err error) {
	m := g.bySymbol[p["symbol"]]
	if m == nil {
		return o, refused("Invalid symbol")
	}
	o = exchange.NewOrder{Symbol: m.inst.ID, ClientID: exchange.ClientID(p["clOrdID"]), LinkID: exchange.ClientID(p["clOrdLinkID"]), Text: p["text"]}
	var display exchange.Qty
	var shows bool
	fail := func(e error) {
		if err == nil {
			err = e
		}
	}
	var e error
	o.Qty, _, e = p.qty("orderQty")
	fail(e)
	display, shows, e = p.qty("displayQty")
	fail(e)
	o.Price, _, e = p.price("price")
	fail(e)
	o.StopPrice, _, e = p.price("stopPx")
	fail(e)
	o.PegOffset, _, e = p.price("pegOffsetValue")
	fail(e)
	fail(p.word("side", &o.Side))
	fail(p.word("ordType", &o.Type))
	fail(p.word("timeInForce", &o.TimeInForce))
	fail(p.word("execInst", &o.ExecInst))
	fail(p.word("pegPriceType", &o.PegType))
	fail(p.word("contingencyType", &o.Contingency))
	if shows {
		o.DisplayQty = display
		if display == 0 {
			o.DisplayQty = exchange.Hidden
		}
	}
	if o.Qty < 0 && o.Side == exchange.Buy {
		fail(invalid("Invalid orderQty"))
	}
	if o.Side == exchange.NoSide && (!o.ExecInst.Has(exchange.Close) || o.Qty != 0) {
		o.Side = exchange.Buy
		if o.Qty < 0 {
			o.Side = exchange.Sell
		}
	}
	return o, err
}

// submit places an order and answers with its row.
func (g *Gateway) submit(ctx context.Context, k Key, o exchange.NewOrder) (any, error) {
	var id exchange.ClientID
	var order exchange.OrderID
	command := func(a *account) (*waiter, error) {
		if o.ClientID == "" {
			a.numbers++
			o.ClientID = exchange.ClientID("~" + strconv.FormatUint(a.numbers, 36))
			a.own[o.ClientID] = true
		}
		var err error
		if id, err = a.x.Submit(ctx, o); err != nil {
			delete(a.own, o.ClientID)
			return nil, err
		}
		return &waiter{
			see: func(r *exchange.Report) {
				if order == "" && r.Order.ClientID == id && (r.Kind == exchange.ReportOrder || r.Kind == exchange.ReportFill) {
					order = r.Order.OrderID
				}
			},
			ready: func() bool { return order != "" },
		}, nil
	}
	return g.perform(ctx, k, command, func(a *account) (any, error) {
		row := a.byID[a.orderGUID(order)]
		if row == nil {
			return nil, overloaded()
		}
		if row.OrdStatus == exchange.Rejected.String() {
			return nil, errors.Join(errRejected, rejection(row.OrdRejReason))
		}
		return *row, nil
	})
}

// errRejected marks the answer to an order that the engine has rejected.
var errRejected = errors.New("gateway: the engine rejected the order")

// rejection is the answer to an order that fails the checks of the engine: margin, risk limit, price band. The
// venue answered 400 and showed the rejected order in its tables besides, as clients recorded from 2018 on
// (ccxt issue 4383, BitMEX/api-connectors issues 94 and 509, sample-market-maker issue 14).
func rejection(reason string) *api.Error {
	switch {
	case reason == overloaded().Message:
		return overloaded()
	case strings.HasPrefix(reason, "Rate limit exceeded"):
		return &api.Error{Status: http.StatusTooManyRequests, Name: "RateLimitError", Message: reason}
	}
	return invalid(reason)
}

// amendment reads a change of an order.
func (g *Gateway) amendment(a *account, p params) (c exchange.AmendOrder, row *api.Order, err error) {
	if p["orderID"] == "" && p["origClOrdID"] == "" {
		return c, nil, refused("orderID or origClOrdID must be sent.")
	}
	row = a.find(p["orderID"], p["origClOrdID"])
	if row == nil {
		if p["orderID"] != "" {
			return c, nil, refused("Invalid orderID")
		}
		return c, nil, refused("Invalid origClOrdID")
	}
	c = exchange.AmendOrder{Symbol: g.bySymbol[row.Symbol].inst.ID, OrderID: a.ids[row.OrderID], OrigClientID: a.clients[row.OrderID],
		ClientID: exchange.ClientID(p["clOrdID"]), Text: p["text"]}
	if p["clOrdID"] != "" && p["origClOrdID"] == "" {
		return c, nil, refused("Invalid origClOrdID")
	}
	fail := func(e error) {
		if err == nil {
			err = e
		}
	}
	qty := func(name string) *exchange.Qty {
		v, sent, e := p.qty(name)
		fail(e)
		if !sent {
			return nil
		}
		return &v
	}
	price := func(name string) *exchange.Price {
		v, sent, e := p.price(name)
		fail(e)
		if !sent {
			return nil
		}
		return &v
	}
	c.Qty, c.Leaves = qty("orderQty"), qty("leavesQty")
	c.Price, c.StopPrice, c.PegOffset = price("price"), price("stopPx"), price("pegOffsetValue")
	if c.Qty != nil {
		*c.Qty = c.Qty.Abs()
	}
	return c, row, err
}

// settled waits for the end of a command about one order: a report that it ended, or
// a refusal.
type settled struct {
	order   exchange.OrderID
	command string
	kinds   []exchange.ExecType
	done    bool
	refusal string
}

func (s *settled) see(r *exchange.Report) {
	switch {
	case r.Kind == exchange.ReportReject && r.Reject.Command == s.command && r.Reject.OrderID == s.order:
		s.done, s.refusal = true, r.Reject.Reason
	case r.Kind == exchange.ReportOrder && r.Order.OrderID == s.order:
		for _, kind := range s.kinds {
			s.done = s.done || r.ExecType == kind
		}
		s.done = s.done || r.Order.Status.Final()
	}
}

func (s *settled) waiter() *waiter {
	return &waiter{see: s.see, ready: func() bool { return s.done }}
}

func (g *Gateway) amend(ctx context.Context, k Key, p params) (any, error) {
	var s settled
	var guid string
	command := func(a *account) (*waiter, error) {
		c, row, err := g.amendment(a, p)
		if err != nil {
			return nil, err
		}
		revives := c.Leaves != nil && row.OrdStatus == exchange.Filled.String()
		if !isOpen(row) && !revives {
			return nil, refused("Invalid ordStatus: " + row.OrdStatus)
		}
		guid = row.OrderID
		s = settled{order: c.OrderID, command: "amend", kinds: []exchange.ExecType{exchange.ExecReplaced}}
		if err := a.x.Amend(ctx, c); err != nil {
			return nil, err
		}
		return s.waiter(), nil
	}
	return g.perform(ctx, k, command, func(a *account) (any, error) {
		if s.refusal != "" {
			return nil, refused(s.refusal)
		}
		if row := a.byID[guid]; row != nil {
			return *row, nil
		}
		return nil, overloaded()
	})
}

// canceled is an element of the answer to a cancel: the order, and why not.
type canceled struct {
	api.Order
	Error string `json:"error,omitempty"`
}

// cancel cancels by ids. An id that names nothing fails the request only if it is
// the only one.
func (g *Gateway) cancel(ctx context.Context, k Key, orderIDs, clOrdIDs []string, text string) (any, error) {
	type target struct {
		settled
		guid, clOrdID string
	}
	if len(text) > exchange.MaxText {
		return nil, invalid("text is invalid")
	}
	var targets []*target
	waits := map[exchange.OrderID]*target{} // those that are not done
	command := func(a *account) (*waiter, error) {
		for n, id := range append(append([]string{}, orderIDs...), clOrdIDs...) {
			t := &target{}
			row := a.byID[id]
			if n >= len(orderIDs) {
				row, t.clOrdID = a.byClient[id], id
			}
			targets = append(targets, t)
			if row == nil {
				t.refusal = "Not Found"
				continue
			}
			t.guid = row.OrderID
			if !isOpen(row) {
				t.refusal = "Unable to cancel order due to existing state: " + row.OrdStatus
				continue
			}
			t.settled = settled{order: a.ids[row.OrderID], command: "cancel", kinds: []exchange.ExecType{exchange.ExecCanceled}}
			if waits[t.order] != nil {
				targets = targets[:len(targets)-1] // named by both of its ids
				continue
			}
			waits[t.order] = t
			c := exchange.CancelOrder{Symbol: g.bySymbol[row.Symbol].inst.ID, OrderID: t.order, ClientID: a.clients[row.OrderID], Text: text}
			if err := a.x.Cancel(ctx, c); err != nil {
				return nil, err
			}
		}
		if len(targets) == 1 && targets[0].guid == "" {
			return nil, &api.Error{Status: http.StatusNotFound, Name: "HTTPError", Message: "Not Found"}
		}
		return &waiter{
			see: func(r *exchange.Report) {
				id := r.Order.OrderID
				if r.Kind == exchange.ReportReject {
					id = r.Reject.OrderID
				}
				if t := waits[id]; t != nil {
					if t.see(r); t.done {
						delete(waits, id)
					}
				}
			},
			ready: func() bool { return len(waits) == 0 },
		}, nil
	}
	return g.perform(ctx, k, command, func(a *account) (any, error) {
		list := make([]canceled, 0, len(targets))
		for _, t := range targets {
			c := canceled{Error: t.refusal}
			c.ClOrdID = t.clOrdID
			if row := a.byID[t.guid]; row != nil {
				c.Order = *row
			}
			list = append(list, c)
		}
		return list, nil
	})
}

// cancelAll cancels the open orders of a symbol, or all, that a filter selects.
func (g *Gateway) cancelAll(ctx context.Context, k Key, p params) (any, error) {
	q, err := p.query(10_000, 10_000)
	if err != nil {
		return nil, err
	}
	at := columnsOfRows[api.Order]()
	if err := q.filter.checkOrders(at); err != nil {
		return nil, err
	}
	var guids []string
	pick := func() error {
		a, err := g.account(ctx, k)
		if err != nil {
			return err
		}
		for _, o := range a.open {
			fits, err := q.fits(g, reflect.ValueOf(o).Elem(), at)
			if err != nil {
				return err
			}
			if fits {
				guids = append(guids, o.OrderID)
			}
		}
		return nil
	}
	var failed error
	if err := g.do(ctx, func() { failed = pick() }); err != nil || failed != nil {
		return nil, errors.Join(err, failed)
	}
	if len(guids) == 0 {
		return []canceled{}, nil
	}
	return g.cancel(ctx, k, guids, nil, p["text"])
}

// leverage sets a position's leverage; 0 is cross margin.
func (g *Gateway) leverage(ctx context.Context, k Key, symbol string, leverage exchange.Ratio) (any, error) {
	return g.adjust(ctx, k, symbol, adjustment{
		name: "leverage",
		send: func(x exchange.Exchange, s exchange.SymbolID) error { return x.SetLeverage(ctx, s, leverage) },
		made: func(p *exchange.Position) bool { return p.Leverage == leverage },
	})
}

// transferMargin moves margin to an isolated position or from it.
func (g *Gateway) transferMargin(ctx context.Context, k Key, symbol string, amount exchange.Money) (any, error) {
	return g.adjust(ctx, k, symbol, adjustment{
		name: "transferMargin",
		send: func(x exchange.Exchange, s exchange.SymbolID) error {
			return withMargin(x, func(m exchange.MarginControl) error { return m.TransferMargin(ctx, s, amount) })
		},
		made: func(*exchange.Position) bool { return true },
	})
}

// riskLimit sets the risk limit of a symbol to the first step that is at least a limit.
func (g *Gateway) riskLimit(ctx context.Context, k Key, symbol string, limit exchange.Money) (any, error) {
	var base exchange.Money
	return g.adjust(ctx, k, symbol, adjustment{
		name: "riskLimit",
		send: func(x exchange.Exchange, s exchange.SymbolID) error {
			base = g.market(s).terms.RiskLimit
			return withMargin(x, func(m exchange.MarginControl) error { return m.SetRiskLimit(ctx, s, limit) })
		},
		made: func(p *exchange.Position) bool {
			if limit <= base {
				return p.RiskLimit == 0
			}
			return p.RiskLimit >= limit
		},
	})
}

// withMargin finds the controls of an exchange that has them.
func withMargin(x exchange.Exchange, do func(exchange.MarginControl) error) error {
	m, ok := x.(exchange.MarginControl)
	if !ok {
		return refused("Not supported by this account")
	}
	return do(m)
}

// adjustment is a command about the margin of a position.
type adjustment struct {
	name string // in a rejection
	send func(exchange.Exchange, exchange.SymbolID) error
	made func(*exchange.Position) bool // whether a position shows it
}

// adjust gives a command about the margin of a position and answers with the position
// that it leaves.
func (g *Gateway) adjust(ctx context.Context, k Key, symbol string, c adjustment) (any, error) {
	m := g.bySymbol[symbol]
	if m == nil {
		return nil, refused("Invalid symbol")
	}
	var s settled
	command := func(a *account) (*waiter, error) {
		if err := c.send(a.x, m.inst.ID); err != nil {
			return nil, err
		}
		see := func(r *exchange.Report) {
			switch {
			case r.Kind == exchange.ReportReject && r.Reject.Command == c.name && r.Symbol == m.inst.ID:
				s.done, s.refusal = true, r.Reject.Reason
			case r.Kind == exchange.ReportPosition && r.Symbol == m.inst.ID && c.made(&r.Position):
				s.done = true
			}
		}
		return &waiter{see: see, ready: func() bool { return s.done }}, nil
	}
	return g.perform(ctx, k, command, func(a *account) (any, error) {
		if s.refusal != "" {
			return nil, refused(s.refusal)
		}
		p := a.now.Position(m.inst.ID)
		return a.positionRow(&p), nil
	})
}

// maxTimeout is the longest timeout of the dead man's switch, in milliseconds: a year.
const maxTimeout = 365 * 24 * 3600 * 1000

// deadMan is the answer to cancelAllAfter.
type deadMan struct {
	Now        api.Time `json:"now"`
	CancelTime any      `json:"cancelTime"`
}

func (g *Gateway) cancelAllAfter(ctx context.Context, k Key, p params) (any, error) {
	ms, sent, err := p.qty("timeout")
	if err != nil || !sent || ms < 0 || ms > maxTimeout {
		return nil, invalid("Invalid timeout")
	}
	timeout := time.Duration(ms) * time.Millisecond
	command := func(a *account) (*waiter, error) { return nil, a.x.CancelAllAfter(ctx, timeout) }
	return g.perform(ctx, k, command, func(*account) (any, error) {
		d := deadMan{Now: api.Time(g.now), CancelTime: 0}
		if timeout > 0 {
			d.CancelTime = api.Time(g.now.Add(timeout))
		}
		return d, nil
	})
}

// closePosition closes a position at the market or, with a price, with a limit order.
func (g *Gateway) closePosition(ctx context.Context, k Key, p params) (any, error) {
	m := g.bySymbol[p["symbol"]]
	if m == nil {
		return nil, refused("Invalid symbol")
	}
	price, limit, err := p.price("price")
	if err != nil {
		return nil, err
	}
	o := exchange.NewOrder{Symbol: m.inst.ID, Type: exchange.Market, ExecInst: exchange.Close}
	if limit {
		o.Type, o.Price = exchange.Limit, price
	}
	return g.submit(ctx, k, o)
}

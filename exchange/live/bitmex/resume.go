package bitmex

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
)

// overlap is how much of what was heard is asked for again: the venue's executions need
// not be in the order of their times to the last.
const overlap = 5 * time.Second

// recall takes in what is known of the account from an earlier connection: this one is
// then to it as one after a break is to the one before.
func (x *Exchange) recall() {
	k := x.cfg.Known
	if k == nil {
		return
	}
	x.sync.again, x.before = true, k.Before
	x.latest = max(k.Before, k.Since.Add(-overlap))
	for _, id := range k.Executions {
		x.execs.add(id)
	}
	for n := range k.Open {
		o := k.Open[n]
		if s := x.byID[o.Symbol]; s != nil {
			x.acknowledge(&o, s)
		}
	}
	for n := range k.Unanswered {
		o := &k.Unanswered[n]
		x.open[o.ClientID] = &openOrder{symbol: o.Symbol}
	}
	for id, basis := range k.Positions {
		if s := x.byID[id]; s != nil {
			s.basis = basis
		}
	}
}

// old notes an execution that is older than the first connection. The caller holds the
// lock.
func (x *Exchange) old(id string, at exchange.Time) {
	if at > x.before {
		x.before, x.first = at, nil
	}
	if at == x.before {
		x.first = append(x.first, id)
	}
}

// First returns the time and the ids of the newest executions that were there when the
// account was connected without being known: a later connection is to be given them.
func (x *Exchange) First() (exchange.Time, []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.before, slices.Clone(x.first)
}

// differs tells of a difference. The caller may hold the lock.
func (x *Exchange) differs(kind live.NoticeKind, text string) {
	x.cfg.Metrics.Differences.Inc()
	x.cfg.Log.Error("account differs from the venue's", "venue", "bitmex", "difference", text)
	x.cfg.Notice(live.Notice{Kind: kind, Text: text})
}

// findUnanswered finds out what became of orders that may have been sent before the
// program died. The venue must say a few times that it does not have one until it counts
// as never placed: none is sent again.
func (x *Exchange) findUnanswered(ctx context.Context) error {
	x.mu.Lock()
	begun := x.sync.begun
	x.mu.Unlock()
	if begun || x.cfg.Known == nil {
		return nil
	}
	wait := x.cfg.Policy.Backoff
	missing := x.cfg.Known.Unanswered
	for look := 1; ; look++ {
		var err error
		if missing, err = x.stillMissing(ctx, missing); err != nil {
			return err
		}
		if len(missing) == 0 || look == x.cfg.Policy.Lookups {
			break
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		wait *= 2
	}
	for n := range missing {
		x.cfg.Log.Warn("an order was not placed", "venue", "bitmex", "client_id", missing[n].ClientID)
		x.neverPlaced(&missing[n], nil, fmt.Errorf("%w: the program died before it was sent", errNotPlaced))
	}
	return nil
}

// stillMissing reports the orders that the venue has, and returns those that it has not.
func (x *Exchange) stillMissing(ctx context.Context, orders []exchange.NewOrder) (missing []exchange.NewOrder, err error) {
	var asked []string
	for n := range orders {
		if o := &orders[n]; x.unheard(o.ClientID) { // no execution has told of it
			missing, asked = append(missing, *o), append(asked, string(o.ClientID))
		}
	}
	rows, err := x.ordersBy(ctx, "clOrdID", asked, func(row *api.Order) string { return row.ClOrdID })
	if err != nil {
		return nil, err
	}
	n := 0
	for _, o := range missing {
		row, has := rows[string(o.ClientID)]
		if !has {
			missing[n] = o
			n++
		} else if err := x.answered(&row); err != nil {
			return nil, err
		}
	}
	return missing[:n], nil
}

// idsAtOnce is how many orders are asked for in one request: their ids are in its
// address, which must not become too long.
const idsAtOnce = 50

// ordersBy returns the newest order of each id that the venue has.
func (x *Exchange) ordersBy(ctx context.Context, column string, ids []string, id func(*api.Order) string) (map[string]api.Order, error) {
	found := map[string]api.Order{}
	for some := range slices.Chunk(ids, idsAtOnce) {
		for row, err := range Offsets(ctx, x.client.Orders, Query{Filter: map[string]any{column: some}, Reverse: true, Count: page}) {
			if err != nil {
				return nil, fmt.Errorf("ask for %d orders from %s on: %w", len(some), some[0], err)
			}
			if _, newer := found[id(&row)]; !newer {
				found[id(&row)] = row
			}
		}
	}
	return found, nil
}

// unheard reports whether an order was given and nothing was heard of it.
func (x *Exchange) unheard(id exchange.ClientID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	o := x.open[id]
	return o != nil && !o.acknowledged
}

// answered reports an order that the venue has after all, as it is.
func (x *Exchange) answered(row *api.Order) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.symbols[row.Symbol]
	if s == nil {
		return fmt.Errorf("order %s: %w %q", row.OrderID, exchange.ErrUnknownSymbol, row.Symbol)
	}
	o, err := x.checkedOrder(row, s)
	if err != nil {
		return err
	}
	kind := exchange.ExecNew
	switch o.Status {
	case exchange.Rejected:
		kind = exchange.ExecRejected
	case exchange.Canceled:
		kind = exchange.ExecCanceled
	case exchange.Filled:
		kind = exchange.ExecRestated
	}
	x.acknowledge(&o, s)
	x.push(exchange.Report{Kind: exchange.ReportOrder, ExecType: kind, Symbol: s.inst.ID, Time: o.Time, Order: o})
	return nil
}

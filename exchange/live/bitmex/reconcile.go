package bitmex

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
)

// reconcile compares the account with the venue's on a schedule. One difference may be
// news that is on its way; the same twice is a message that was lost.
func (x *Exchange) reconcile(ctx context.Context) {
	tick := time.NewTicker(x.cfg.Reconcile)
	defer tick.Stop()
	var before map[string]bool
	for {
		select {
		case <-tick.C:
		case <-x.suspect:
		case <-ctx.Done():
			return
		}
		differences, err := x.differences(ctx)
		if err != nil {
			if ctx.Err() == nil {
				x.cfg.Log.Warn("account was not compared", "venue", "bitmex", "error", err)
			}
			continue
		}
		lasting := 0
		for d := range differences {
			if before[d] {
				lasting++
				x.differs(live.Missed, d)
			}
		}
		before = differences
		if lasting > 0 {
			before = nil
			x.socket.Break()
		}
	}
}

// differences names what the client believes of the account and the venue does not.
func (x *Exchange) differences(ctx context.Context) (map[string]bool, error) {
	believed, positions := x.beliefs()
	orders, err := x.openOnVenue(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := x.client.Positions(ctx, Query{Count: page})
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	theirs := x.byName(orders)
	for _, o := range believed {
		row, open := theirs[o.ClientID]
		switch {
		case !open:
			found[fmt.Sprintf("order %s is not open", o.ClientID)] = true
		case exchange.Qty(integer(row.LeavesQty)) != o.Leaves:
			found[fmt.Sprintf("order %s has %d left, not %d", o.ClientID, integer(row.LeavesQty), o.Leaves)] = true
		}
	}
	for id, row := range theirs {
		if !x.knows(id) && !x.told(row) {
			found[fmt.Sprintf("order %s is open and was not heard of", id)] = true
		}
	}
	for n := range rows {
		if mine, known := positions[rows[n].Symbol]; known && mine != exchange.Qty(integer(rows[n].CurrentQty)) {
			found[fmt.Sprintf("position of %s is %d, not %d", rows[n].Symbol, integer(rows[n].CurrentQty), mine)] = true
		}
	}
	return found, nil
}

// beliefs returns the orders that count as open, in the order of their client ids, and
// the positions.
func (x *Exchange) beliefs() (orders []exchange.Order, positions map[string]exchange.Qty) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(x.open)) {
		if o := x.open[id]; o.acknowledged {
			orders = append(orders, o.state)
		}
	}
	positions = map[string]exchange.Qty{}
	for name, s := range x.symbols {
		positions[name] = s.basis.Qty
	}
	return orders, positions
}

// knows reports whether an order counts as open, or is on its way.
func (x *Exchange) knows(id exchange.ClientID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.open[id] != nil
}

// told reports whether an order is somebody else's, of which was told.
func (x *Exchange) told(row *api.Order) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.stranger(row)
}

// openOnVenue returns the venue's open orders.
func (x *Exchange) openOnVenue(ctx context.Context) (orders []api.Order, err error) {
	for row, err := range Offsets(ctx, x.client.Orders, Query{Filter: map[string]any{"open": true}, Count: page}) {
		if err != nil {
			return nil, fmt.Errorf("ask for open orders: %w", err)
		}
		orders = append(orders, row)
	}
	return orders, nil
}

// byName returns orders of the account's symbols by the id that they go by.
func (x *Exchange) byName(rows []api.Order) map[exchange.ClientID]*api.Order {
	named := map[exchange.ClientID]*api.Order{}
	for n := range rows {
		if x.symbols[rows[n].Symbol] == nil {
			continue
		}
		id := exchange.ClientID(rows[n].ClOrdID)
		if id == "" {
			id = exchange.ClientID(rows[n].OrderID)
		}
		named[id] = &rows[n]
	}
	return named
}

// findClosed reports the orders that count as open after all that was missed was asked
// for, and are not: how they ended is asked for.
func (x *Exchange) findClosed(ctx context.Context, open []api.Order) error {
	believed, _ := x.beliefs()
	theirs := x.byName(open)
	believed = slices.DeleteFunc(believed, func(o exchange.Order) bool { return theirs[o.ClientID] != nil })
	var asked []string
	for n := range believed {
		asked = append(asked, string(believed[n].OrderID))
	}
	rows, err := x.ordersBy(ctx, "orderID", asked, func(row *api.Order) string { return row.OrderID })
	if err != nil {
		return err
	}
	for n := range believed {
		row, known := rows[string(believed[n].OrderID)]
		if err := x.closedMeanwhile(&believed[n], &row, known); err != nil {
			return err
		}
	}
	return nil
}

// findOpened reports the orders that are open and were not heard of.
func (x *Exchange) findOpened(open []api.Order) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for n := range open {
		id := exchange.ClientID(open[n].ClOrdID)
		if id == "" {
			id = exchange.ClientID(open[n].OrderID)
		}
		if x.open[id] != nil || x.symbols[open[n].Symbol] == nil || x.stranger(&open[n]) {
			continue
		}
		x.differs(live.Difference, fmt.Sprintf("order %s %s is open and was not heard of", open[n].OrderID, open[n].ClOrdID))
		if err := x.openAlready(&open[n]); err != nil {
			return err
		}
	}
	return nil
}

// closedMeanwhile reports the end of an order of which no execution told. An order that
// the venue does not know any more has ended without a trace.
func (x *Exchange) closedMeanwhile(believed *exchange.Order, row *api.Order, known bool) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	o := x.open[believed.ClientID]
	if o == nil {
		return nil // it was told meanwhile
	}
	s := x.byID[o.symbol]
	state := o.state
	if known {
		var err error
		if state, err = x.checkedOrder(row, s); err != nil {
			return err
		}
		if !state.Status.Final() {
			return nil // it was on its way
		}
	} else {
		state.Status, state.Leaves, state.Working = exchange.Canceled, 0, false
		state.Text, state.Time = "Canceled: the venue does not know the order any more", max(x.cfg.Now(), state.Time)
	}
	unknown := ""
	if !known {
		unknown = ", and is not known any more"
	}
	x.differs(live.Missed, fmt.Sprintf("order %s %s has ended unheard: %s%s", believed.OrderID, believed.ClientID, state.Status, unknown))
	kind := exchange.ExecCanceled
	if state.Status == exchange.Filled {
		kind = exchange.ExecRestated // its fills are not known any more
	}
	x.acknowledge(&state, s)
	x.push(exchange.Report{Kind: exchange.ReportOrder, ExecType: kind, Symbol: s.inst.ID, Time: state.Time, Order: state})
	return nil
}

package bitmex

import (
	"errors"
	"fmt"

	"github.com/dunamis-engine/dunamis/exchange"
	api "github.com/dunamis-engine/dunamis/exchange/bitmexapi"
	"github.com/dunamis-engine/dunamis/exchange/live"
)

// AccountError means that a row is of another account than the key's. It ends the
// connection, since none of its other rows can be trusted either.
type AccountError struct {
	Row   string // what the row is of
	Got   int64
	Known int64
}

// Error implements error.
func (e *AccountError) Error() string {
	return fmt.Sprintf("%.120q is of account %d, and the key's account is %d", e.Row, e.Got, e.Known)
}

// mine returns an [*AccountError] for a row of another account. The account is that of the
// first row that names one, which is an answer to a signed request or a partial, before
// anything is reported. The caller holds the lock.
func (x *Exchange) mine(account *int64, row string) error {
	switch {
	case account == nil || *account == x.account:
	case x.account == 0:
		x.account = *account
	default:
		return &AccountError{Row: row, Got: *account, Known: x.account}
	}
	return nil
}

// refuse handles a row that was not used. A row out of bounds is logged and counted, makes a
// notice, and has the account compared with the venue's at once. Any other error is returned
// and ends the connection. The caller holds the lock.
func (x *Exchange) refuse(row string, err error) error {
	var bad *exchange.ValidationError
	if !errors.As(err, &bad) {
		return err
	}
	x.cfg.Metrics.Refused.WithLabelValues("account").Inc()
	x.cfg.Log.Error("account row refused", "venue", "bitmex", "row", fmt.Sprintf("%.120q", row), "symbol", bad.Symbol,
		"field", bad.Field,
		"value", bad.Value, "reason", bad.Reason)
	x.cfg.Notice(live.Notice{Kind: live.Refused, Text: fmt.Sprintf("%.120q: %v", row, err)})
	select {
	case x.suspect <- struct{}{}:
	default:
	}
	return nil
}

// checkedOrder reads an order of the account. The caller holds the lock.
func (x *Exchange) checkedOrder(row *api.Order, s *state) (exchange.Order, error) {
	if err := x.mine(row.Account, "order "+row.OrderID); err != nil {
		return exchange.Order{}, err
	}
	o, err := row.Order(s.inst)
	if err == nil {
		err = s.limits().CheckReport(&exchange.Report{Kind: exchange.ReportOrder, Time: o.Time, Order: o})
	}
	if err != nil {
		return o, fmt.Errorf("order %.120q: %w", row.OrderID, err)
	}
	return o, nil
}

// checkedPosition reads a position of the account. The caller holds the lock.
func (x *Exchange) checkedPosition(row *api.Position, s *state) (exchange.Position, error) {
	if err := x.mine(row.Account, "position of "+s.inst.Symbol); err != nil {
		return exchange.Position{}, err
	}
	p, err := positionOf(row, s.inst)
	if err == nil {
		err = s.limits().CheckReport(&exchange.Report{Kind: exchange.ReportPosition, Time: p.Time, Position: p})
	}
	return p, err
}

// gave reports whether an order was given here, or is known to be open or to have ended.
// The caller holds the lock.
func (x *Exchange) gave(o *exchange.Order) bool {
	if x.open[o.ClientID] != nil || x.denied[o.ClientID] {
		return true
	}
	if _, ended := x.past.orders[o.ClientID]; ended {
		return true
	}
	for _, known := range x.open { // under another client id, which an amendment gave it
		if known.acknowledged && known.state.OrderID == o.OrderID {
			return true
		}
	}
	return false
}

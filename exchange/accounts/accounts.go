// Package accounts makes one exchange of several: a strategy trades on two venues, or in
// two accounts of one, as it would in a single account.
//
// A command goes to the account that trades its symbol, or to all where it names none.
// Reports come together in the order of their arrival. Ids of orders and executions carry
// the name of their account before a slash, and every margin says whose it is. The
// accounts know nothing of each other: none stands behind the positions of another.
package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dunamis-engine/dunamis/exchange"
)

// Account is an exchange and the symbols whose orders go to it.
type Account struct {
	Name     string // "bitmex", "hedge"
	Exchange exchange.Exchange
	Symbols  []exchange.SymbolID
}

// Exchange is several accounts as one. Like any exchange it is owned by one goroutine. It
// closes the exchanges that it is made of.
type Exchange struct {
	accounts []Account
	of       map[exchange.SymbolID]*Account
	takers   []marketTaker
	clients  uint64
}

// marketTaker is an exchange that must be told of the market: a simulated one.
type marketTaker interface {
	Market(ev *exchange.Event)
}

// drainer is an exchange that can give away the reports still on their way.
type drainer interface {
	Drain(reports []exchange.Report) []exchange.Report
}

var (
	_ exchange.Exchange      = (*Exchange)(nil)
	_ exchange.MarginControl = (*Exchange)(nil)
)

// New puts accounts together. Each needs a name and symbols of its own.
func New(list ...Account) (*Exchange, error) {
	x := &Exchange{accounts: slices.Clone(list), of: map[exchange.SymbolID]*Account{}}
	names := map[string]bool{}
	for n := range x.accounts {
		a := &x.accounts[n]
		switch {
		case a.Name == "" || strings.Contains(a.Name, "/") || names[a.Name]:
			return nil, &exchange.ValidationError{Field: "name", Value: a.Name, Reason: "want a name of its own without a slash"}
		case a.Exchange == nil:
			return nil, &exchange.ValidationError{Field: "exchange", Value: a.Name, Reason: "must be given"}
		case len(a.Symbols) == 0:
			return nil, &exchange.ValidationError{Field: "symbols", Value: a.Name, Reason: "want at least one"}
		}
		names[a.Name] = true
		for _, s := range a.Symbols {
			if x.of[s] != nil {
				return nil, &exchange.ValidationError{Field: "symbols", Value: fmt.Sprint(s), Reason: fmt.Sprintf("%s trades it already", x.of[s].Name)}
			}
			x.of[s] = a
		}
		if m, ok := a.Exchange.(marketTaker); ok {
			x.takers = append(x.takers, m)
		}
	}
	if len(x.accounts) == 0 {
		return nil, &exchange.ValidationError{Field: "accounts", Reason: "want at least one"}
	}
	return x, nil
}

func (x *Exchange) account(s exchange.SymbolID) (*Account, error) {
	if a := x.of[s]; a != nil {
		return a, nil
	}
	return nil, fmt.Errorf("symbol #%d: %w", s, exchange.ErrUnknownSymbol)
}

// Submit implements [exchange.Exchange]. Client ids that it assigns are not in use in any
// account.
func (x *Exchange) Submit(ctx context.Context, o exchange.NewOrder) (exchange.ClientID, error) {
	a, err := x.account(o.Symbol)
	if err != nil {
		return "", err
	}
	if o.ClientID != "" {
		return a.Exchange.Submit(ctx, o)
	}
	for {
		x.clients++
		o.ClientID = exchange.ClientID(fmt.Sprintf("acc-%06d", x.clients))
		id, err := a.Exchange.Submit(ctx, o)
		if !errors.Is(err, exchange.ErrDuplicateID) {
			return id, err
		}
	}
}

// Amend implements [exchange.Exchange].
func (x *Exchange) Amend(ctx context.Context, c exchange.AmendOrder) error {
	a, err := x.account(c.Symbol)
	if err != nil {
		return err
	}
	c.OrderID = a.bare(c.OrderID)
	return a.Exchange.Amend(ctx, c)
}

// Cancel implements [exchange.Exchange].
func (x *Exchange) Cancel(ctx context.Context, c exchange.CancelOrder) error {
	a, err := x.account(c.Symbol)
	if err != nil {
		return err
	}
	c.OrderID = a.bare(c.OrderID)
	return a.Exchange.Cancel(ctx, c)
}

// CancelAll implements [exchange.Exchange]. A filter for all symbols goes to every account.
func (x *Exchange) CancelAll(ctx context.Context, f exchange.CancelFilter) error {
	if f.AllSymbol {
		return x.each(func(e exchange.Exchange) error { return e.CancelAll(ctx, f) })
	}
	a, err := x.account(f.Symbol)
	if err != nil {
		return err
	}
	return a.Exchange.CancelAll(ctx, f)
}

// ClosePosition implements [exchange.Exchange].
func (x *Exchange) ClosePosition(ctx context.Context, s exchange.SymbolID) (exchange.ClientID, error) {
	return x.Submit(ctx, exchange.NewOrder{Symbol: s, Type: exchange.Market, ExecInst: exchange.Close})
}

// SetLeverage implements [exchange.Exchange].
func (x *Exchange) SetLeverage(ctx context.Context, s exchange.SymbolID, leverage exchange.Ratio) error {
	a, err := x.account(s)
	if err != nil {
		return err
	}
	return a.Exchange.SetLeverage(ctx, s, leverage)
}

// TransferMargin implements [exchange.MarginControl]. It wraps [errors.ErrUnsupported] for
// an account that has no such thing.
func (x *Exchange) TransferMargin(ctx context.Context, s exchange.SymbolID, amount exchange.Money) error {
	m, err := x.control(s)
	if err != nil {
		return err
	}
	return m.TransferMargin(ctx, s, amount)
}

// SetRiskLimit implements [exchange.MarginControl] like TransferMargin.
func (x *Exchange) SetRiskLimit(ctx context.Context, s exchange.SymbolID, limit exchange.Money) error {
	m, err := x.control(s)
	if err != nil {
		return err
	}
	return m.SetRiskLimit(ctx, s, limit)
}

func (x *Exchange) control(s exchange.SymbolID) (exchange.MarginControl, error) {
	a, err := x.account(s)
	if err != nil {
		return nil, err
	}
	if m, ok := a.Exchange.(exchange.MarginControl); ok {
		return m, nil
	}
	return nil, fmt.Errorf("%s: margin control: %w", a.Name, errors.ErrUnsupported)
}

// CancelAllAfter implements [exchange.Exchange]: every account has a switch of its own.
func (x *Exchange) CancelAllAfter(ctx context.Context, timeout time.Duration) error {
	return x.each(func(e exchange.Exchange) error { return e.CancelAllAfter(ctx, timeout) })
}

// Next implements [exchange.Exchange].
func (x *Exchange) Next() exchange.Time {
	t := exchange.Never
	for n := range x.accounts {
		t = min(t, x.accounts[n].Exchange.Next())
	}
	return t
}

// Advance implements [exchange.Exchange]. Of reports that arrive at one instant those of
// the first account come first.
func (x *Exchange) Advance(ctx context.Context, now exchange.Time, reports []exchange.Report) ([]exchange.Report, error) {
	return x.collect(reports, func(e exchange.Exchange, reports []exchange.Report) ([]exchange.Report, error) {
		return e.Advance(ctx, now, reports)
	})
}

// Drain appends the reports that are still on their way, of the accounts that can say.
func (x *Exchange) Drain(reports []exchange.Report) []exchange.Report {
	reports, _ = x.collect(reports, func(e exchange.Exchange, reports []exchange.Report) ([]exchange.Report, error) {
		if d, ok := e.(drainer); ok {
			return d.Drain(reports), nil
		}
		return reports, nil
	})
	return reports
}

func (x *Exchange) collect(reports []exchange.Report, from func(exchange.Exchange, []exchange.Report) ([]exchange.Report, error)) ([]exchange.Report, error) {
	first := len(reports)
	for n := range x.accounts {
		a, mine := &x.accounts[n], len(reports)
		var err error
		if reports, err = from(a.Exchange, reports); err != nil {
			return reports, fmt.Errorf("%s: %w", a.Name, err)
		}
		for i := range reports[mine:] {
			a.sign(&reports[mine+i])
		}
	}
	if len(x.accounts) > 1 {
		slices.SortStableFunc(reports[first:], func(a, b exchange.Report) int { return compare(a.Arrival, b.Arrival) })
	}
	return reports, nil
}

func compare(a, b exchange.Time) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// sign puts the name of the account into a report.
func (a *Account) sign(r *exchange.Report) {
	r.Order.OrderID = a.signed(r.Order.OrderID)
	r.Fill.OrderID = a.signed(r.Fill.OrderID)
	r.Reject.OrderID = a.signed(r.Reject.OrderID)
	if r.Fill.ExecID != "" {
		r.Fill.ExecID = a.Name + "/" + r.Fill.ExecID
	}
	if r.Kind == exchange.ReportMargin {
		r.Margin.Account = a.Name
	}
}

func (a *Account) signed(id exchange.OrderID) exchange.OrderID {
	if id == "" {
		return id
	}
	return exchange.OrderID(a.Name) + "/" + id
}

// bare takes the name off an id again.
func (a *Account) bare(id exchange.OrderID) exchange.OrderID {
	return exchange.OrderID(strings.TrimPrefix(string(id), a.Name+"/"))
}

// Market tells the accounts that must be told of a market event. All hear of all symbols:
// it is their clock.
func (x *Exchange) Market(ev *exchange.Event) {
	for _, t := range x.takers {
		t.Market(ev)
	}
}

// Close implements [exchange.Exchange]: it closes every account.
func (x *Exchange) Close() error { return x.each(exchange.Exchange.Close) }

// each does something with every account, whatever becomes of the others.
func (x *Exchange) each(do func(exchange.Exchange) error) error {
	var all []error
	for n := range x.accounts {
		if err := do(x.accounts[n].Exchange); err != nil {
			all = append(all, fmt.Errorf("%s: %w", x.accounts[n].Name, err))
		}
	}
	return errors.Join(all...)
}
